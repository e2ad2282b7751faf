"""What a killed load of users and enrollments leaves: all of the file or nothing, and every log that there was."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pytest
from conftest import CommandLine
from faults import die
from institutions import an_institution, log, prepare, stored
from loading import query, run
from reference.user_enrollment_store import FIELDS

from bulkload.jobs import finish_renames

NOW = "2026-11-21T08:07:30Z"
BEFORE_COMMIT = {
    "before the transaction": ("bulkload.runs.commit", "before"),
    "in the transaction": ("bulkload.store.sqlite.SQLiteStore.insert", "after"),
    "right before COMMIT": ("bulkload.store.sqlite.SQLiteStore.execute:COMMIT", "before"),
}
AFTER_COMMIT = {
    "right after COMMIT": ("bulkload.store.sqlite.SQLiteStore.execute:COMMIT", "after"),
    "before the older log gives way": ("pathlib.Path.rename", "before"),
    "when the older log has given way": ("pathlib.Path.rename", "after"),
    "when the log is in its place": ("pathlib.Path.replace", "after"),
}
POINTS = BEFORE_COMMIT | AFTER_COMMIT


def line(action: str, number: int, target: str = "", role: str = "", login: str = "") -> str:
    values = {
        "action": action, "source": "strata", "person_id": f"S{number}", "login_id": login or f"login{number}",
        "first_name": "Ann", "last_name": "Lee", "email": f"s{number}@example.org", "call_number": target, "role_id": role,
    }  # fmt: skip
    return "|".join(values.get(name, "") for name in FIELDS) + "\n"


FIRST = line("ADD", 1) + line("ENROLL", 2, "MATH101", "2") + line("UPDATE", 9)
GROWN = FIRST + line("ENROLL", 1, "MATH101", "1") + line("DROP", 2, "MATH101", "2") + line("ADD", 3)
KNOWN = ("--now", NOW, "--template", "user-enrollment")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an institution's store, the file as it was applied with its log, and grown since."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(an_institution(), folder, folder / "s.db")
    (folder / "users.txt").write_text(FIRST)
    run("apply", folder / "users.txt", store=folder / "s.db", template="user-enrollment")
    (folder / "users.txt").write_text(GROWN)
    return folder


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that folder in which the grown file was applied without a fault."""
    folder = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("undisturbed") / "desk"))
    run("apply", folder / "users.txt", store=folder / "s.db", template="user-enrollment")
    return folder


def results(path: Path) -> list[str]:
    return [one["result"] for one in log(path)]


APPLIED = ["SKIPPED", "SKIPPED", "FAILED", "SUCCESS", "SUCCESS", "SUCCESS"]
REPEATED = ["SKIPPED", "SKIPPED", "FAILED", "SKIPPED", "SKIPPED", "SKIPPED"]


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_killed_load_leaves_all_or_nothing_and_the_same_command_again_is_safe(
    point: tuple[str, str], prepared: Path, undisturbed: Path, tmp_path: Path, bulkload: CommandLine
) -> None:
    desk = Path(shutil.copytree(prepared, tmp_path / "desk"))
    store, file = desk / "s.db", desk / "users.txt"
    die(point, "apply", "--store", store, *KNOWN, file)
    committed = point in AFTER_COMMIT.values()
    assert stored(store) == stored((undisturbed if committed else prepared) / "s.db")
    assert (prepared / "users.txt.csv").read_bytes() in [one.read_bytes() for one in desk.glob("users.txt.csv*")]

    assert bulkload("apply", "--store", store, *KNOWN, file).code == 1
    assert stored(store) == stored(undisturbed / "s.db")
    assert results(desk / "users.txt.csv") == (REPEATED if committed else APPLIED)
    older = [desk / f"users.txt.csv.{number}" for number in (1, 2, 3) if (desk / f"users.txt.csv.{number}").exists()]
    first = ["SUCCESS", "SUCCESS", "FAILED"]
    assert [results(one) for one in older] == ([APPLIED, first] if committed else [first])
    assert [one for one in desk.rglob("*") if one.name.endswith(".part") or one.name == "work"] == []
    assert query(store, "SELECT state FROM job ORDER BY number")[-2:] == [
        ("done" if committed else "interrupted",),
        ("done",),
    ]


class CutOff(Exception):
    """Ends a run in the middle of its renames."""


@pytest.mark.parametrize("older", [0, 1, 2, 3], ids="{} logs before".format)
@pytest.mark.parametrize("cuts", [1, 2])
def test_no_log_is_lost_wherever_the_renames_are_cut_off(
    older: int, cuts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every rename is cut off, before and after it; with two cuts so is every one of the second try."""
    steps = range(2 * (older + 1))
    for number, points in enumerate(itertools.product(steps, repeat=cuts)):
        folder = tmp_path / str(number)
        folder.mkdir()
        place, part = folder / "users.txt.csv", folder / ".users.txt.csv.job.part"
        names = [place, *(place.with_name(f"{place.name}.{n}") for n in range(1, older + 1))]
        for nth, path in enumerate(names[:older]):
            path.write_text(f"log {nth}")
        part.write_text("new")
        renames = json.dumps([[str(part), str(place), True]])
        for point in points:
            cut_off_at(point, renames, monkeypatch)
            kept = {path.read_text() for path in folder.iterdir()}
            assert kept == {"new", *(f"log {nth}" for nth in range(older))}
        finish_renames(renames)
        assert [path.read_text() for path in names] == ["new", *(f"log {nth}" for nth in range(older))]
        assert sorted(folder.iterdir()) == sorted(names)


def cut_off_at(point: int, renames: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run renames that are cut off: before their first rename (0), after it (1), before the second (2), and so on."""
    done = itertools.count()

    def cut(name: str) -> None:
        whole = getattr(Path, name)

        def moved(source: Path, target: Path) -> None:
            nth = next(done)
            if point == 2 * nth:
                raise CutOff
            whole(source, target)
            if point == 2 * nth + 1:
                raise CutOff

        patch.setattr(Path, name, moved)

    with monkeypatch.context() as patch:
        cut("rename")
        cut("replace")
        try:
            finish_renames(renames)
        except CutOff:
            return
