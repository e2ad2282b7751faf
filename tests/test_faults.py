"""What is left after a crash, an interruption, a full disk, a second run: all of a file or nothing, and the job says which."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pkgutil
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import BULKLOAD, CommandLine, Said, files_under, process
from faults import die, fill, held, mounted, read_only, until
from loading import query, results

from bulkload import runs, spool
from bulkload import source as sources
from bulkload.jobs import Job

USERS = "Username,First Name,Last Name,Email,Active\n"
EVENTS = (
    "Enrollment ID,Enrollment,Type,Default Pre-Status,Use Event Time Zone,Time Zone,Max Seats,Waitlist,Max Waitlist\n"
)
ENROLLMENTS = (
    "Enrollment,Username,Roster,Users Date Enrolled,User Date Enrolled Time Zone,Users Enrollment Pre-Status,"
    "Users Enrollment Post-Status,Priority (Waitlist),Enrollment Completed Date / Last Status Change\n"
)
NOW = "2026-11-21T08:07:30Z"

RECORDS = {
    "user": 'SELECT folded, username, first_name, last_name, email, active FROM "user" ORDER BY folded',
    "enrollment": """SELECT event.id, "user".folded, pre_status, post_status, priority, enrolled_at, changed_at
        FROM enrollment_in_words r JOIN event ON event.number = r.event JOIN "user" ON "user".number = r."user"
        ORDER BY 1, 2""",
    "roster_value": 'SELECT event, "user", field, value FROM roster_value ORDER BY 1, 2, 3',
    "journal": 'SELECT "table", "key", "before" FROM journal ORDER BY 1, 2, 3',
}

BEFORE_COMMIT = {
    "after the job is noted": ("bulkload.store.jobs.add", "after"),
    "in pass 1": ("bulkload.first_pass.look", "before"),
    "in pass 2": ("bulkload.second_pass.settle", "after"),
    "before the copies are kept": ("bulkload.runs.keep", "before"),
    "before the transaction": ("bulkload.runs.commit", "before"),
    "in the transaction after the first insert": ("bulkload.store.sqlite.SQLiteStore.insert", "after"),
    "right before COMMIT": ("bulkload.store.sqlite.SQLiteStore.execute:COMMIT", "before"),
}
AFTER_COMMIT = {
    "right after COMMIT": ("bulkload.store.sqlite.SQLiteStore.execute:COMMIT", "after"),
    "before the renames": ("bulkload.delivery.finish_renames", "before"),
    "between two renames": ("os.replace", "after"),
    "after the renames": ("bulkload.delivery.finish_renames", "after"),
}
POINTS = BEFORE_COMMIT | AFTER_COMMIT


def enrollments(users: int = 40) -> str:
    """Return a file of two enrollments that adds most of its rows and changes ten; of one nobody knows the user."""
    rows = [
        f"{event},u{n:04},,01/02/2015 08:00 AM,,,,{n % 9}," for event in ("Safety", "Welding") for n in range(users)
    ]
    return ENROLLMENTS + "\n".join([*rows[:5], "Safety,nobody,,,,,,,", *rows[5:]]) + "\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store that knows enrollments and users, a file to load, and one for afterwards."""
    desk = tmp_path_factory.mktemp("prepared")
    (desk / "users.csv").write_text(USERS + "".join(f"u{n:04},U,{n},u{n}@x.org,Yes\n" for n in range(2000)))
    (desk / "events.csv").write_text(
        EVENTS
        + "".join(
            f"{name[0]}1,{name},ILT Session,Approved,Yes,Eastern Standard Time,,None,\n"
            for name in ("Safety", "Welding")
        )
    )
    assert process("apply", "--store", desk / "s.db", "--now", NOW, desk / "users.csv", desk / "events.csv").code == 0
    first = [f"Safety,u{n:04},,01/01/2015 08:00 AM,,,,8," for n in range(10)]
    (desk / "first.csv").write_text(ENROLLMENTS + "\n".join(first) + "\n")
    assert process("apply", "--store", desk / "s.db", "--now", NOW, desk / "first.csv").code == 0
    shutil.rmtree(desk / "s.db.jobs")
    for path in desk.glob("*.csv"):
        path.unlink()
    (desk / "e.csv").write_text(enrollments())
    (desk / "later.csv").write_text(USERS + "zoe,Zoe,Z,z@x.org,Yes\n")
    return desk


@pytest.fixture
def desk(prepared: Path, tmp_path: Path) -> Path:
    """Return a copy of the prepared folder."""
    return Path(shutil.copytree(prepared, tmp_path / "desk"))


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the prepared folder in which the file was applied without a fault."""
    desk = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("undisturbed") / "desk"))
    assert process("apply", "--store", desk / "s.db", "--now", NOW, desk / "e.csv").code == 1
    return desk


@pytest.fixture(params=POINTS.values(), ids=POINTS)
def point(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param  # type: ignore[no-any-return]


def records(store: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all that a store holds beside its jobs, after looking whether it is whole."""
    assert query(store, "PRAGMA integrity_check") == [("ok",)]
    assert query(store, "PRAGMA foreign_key_check") == []
    return {table: query(store, sql) for table, sql in RECORDS.items()}


def states(store: Path) -> list[tuple[str, str]]:
    """Return file and state of each job but the three that prepared the store."""
    return query(store, "SELECT file, state FROM job ORDER BY number")[3:]


def litter(desk: Path) -> list[str]:
    """Return what a job may leave behind only for as long as it runs."""
    return [one for one in files_under(desk) if one.endswith((".part", ".all", "/work"))]


# ---- killed


def test_a_killed_load_leaves_all_or_nothing_and_the_next_command_puts_things_right(
    point: tuple[str, str], desk: Path, undisturbed: Path, prepared: Path, bulkload: CommandLine
) -> None:
    store, file = desk / "s.db", desk / "e.csv"
    die(point, "apply", "--store", store, "--now", NOW, file)
    committed = point in AFTER_COMMIT.values()
    assert records(store) == records((undisturbed if committed else prepared) / "s.db")
    assert (states(store) == [("e.csv", "done")]) == committed

    after = bulkload("apply", "--store", store, "--now", NOW, desk / "later.csv")
    assert after.code == 0
    assert states(store) == [("e.csv", "done" if committed else "interrupted"), ("later.csv", "done")]
    assert ("interrupted" in after.err) != committed
    for name in ("e.results.csv", "e.rejects.csv"):
        place = desk / name
        assert (place.read_bytes() if place.exists() else None) == (
            (undisturbed / name).read_bytes() if committed else None
        )
    assert litter(desk) == []

    again = bulkload("apply", "--store", store, "--now", NOW, file)
    assert again.code == 1
    expected = records(undisturbed / "s.db")
    expected["user"] = records(store)["user"]
    assert records(store) == expected
    assert [(one["row"], one["outcome"]) for one in results(desk / "e.results.csv")] == [
        (one["row"], "unchanged" if committed and one["outcome"] != "rejected" else one["outcome"])
        for one in results(undisturbed / "e.results.csv")
    ]
    assert litter(desk) == []


def test_the_same_command_again_is_enough_after_two_kills_and_status_accounts_for_all_of_them(
    desk: Path, undisturbed: Path, bulkload: CommandLine
) -> None:
    store = desk / "s.db"
    for name in ("right before COMMIT", "in pass 2"):
        die(POINTS[name], "apply", "--store", store, "--now", NOW, desk / "e.csv")
    again = bulkload("apply", "--store", store, "--now", NOW, desk / "e.csv")
    assert (again.code, "FILE_APPLIED_BEFORE" in again.out) == (1, False)
    assert records(store) == records(undisturbed / "s.db")
    assert (desk / "e.results.csv").read_bytes() == (undisturbed / "e.results.csv").read_bytes()
    listed = json.loads(bulkload("status", "--store", store, "--json").out)
    assert [(one["file"], one["state"]) for one in listed[:3]] == [
        ("e.csv", "done"),
        ("e.csv", "interrupted"),
        ("e.csv", "interrupted"),
    ]
    told = json.loads(bulkload("status", "--store", store, "--json", listed[1]["job"]).out)
    assert "Nothing of it is in the store" in told["message"]
    assert (told["outcomes"], told["results"], told["rejects"]) == ({}, None, None)
    assert told["ended_at"] >= told["submitted_at"]
    assert litter(desk) == []


def test_results_can_be_had_from_the_job_before_the_renames_which_are_finished_from_another_directory(
    desk: Path, undisturbed: Path, bulkload: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(POINTS["right after COMMIT"], "apply", "--store", "s.db", "--now", NOW, "e.csv", cwd=desk)
    (job,) = query(desk / "s.db", "SELECT id FROM job WHERE file = 'e.csv'")[0]
    assert bulkload("status", "--store", desk / "s.db", job, "--save", desk / "again.csv").code == 0
    assert (desk / "again.csv").read_bytes() == (undisturbed / "e.results.csv").read_bytes()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert bulkload("apply", "--store", desk / "s.db", desk / "later.csv").code == 0
    assert (desk / "e.results.csv").read_bytes() == (undisturbed / "e.results.csv").read_bytes()
    assert (desk / "e.rejects.csv").read_bytes() == (undisturbed / "e.rejects.csv").read_bytes()
    assert files_under(elsewhere) == []


def test_finishing_from_another_directory_removes_no_file_of_that_directory(
    desk: Path, bulkload: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk / "more.csv").write_text(USERS + "yan,Y,Y,y@x.org,Yes\n")
    die(POINTS["right after COMMIT"], "apply", "--store", "s.db", "more.csv", cwd=desk)
    (tmp_path / "more.rejects.csv").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert bulkload("apply", "--store", desk / "s.db", desk / "later.csv").code == 0
    assert (tmp_path / "more.rejects.csv").read_text() == "mine"


def test_a_results_path_in_the_job_is_absolute(
    desk: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    bulkload("apply", "--store", "s.db", "e.csv")
    found = query(desk / "s.db", "SELECT results, rejects FROM job ORDER BY number DESC LIMIT 1")
    assert found == [(str(desk / "e.results.csv"), str(desk / "e.rejects.csv"))]


def test_a_rename_that_can_no_longer_be_done_does_not_stop_other_files(desk: Path, bulkload: CommandLine) -> None:
    die(POINTS["right after COMMIT"], "apply", "--store", desk / "s.db", desk / "e.csv")
    (desk / "e.results.csv").mkdir()
    after = bulkload("apply", "--store", desk / "s.db", desk / "later.csv")
    assert (after.code, states(desk / "s.db")) == (0, [("e.csv", "done"), ("later.csv", "done")])
    assert "e.csv" in after.err


def test_a_dead_job_is_closed_though_its_process_number_lives_again(desk: Path, bulkload: CommandLine) -> None:
    die(POINTS["in pass 2"], "apply", "--store", desk / "s.db", desk / "e.csv")
    with contextlib.closing(sqlite3.connect(desk / "s.db")) as connection, connection:
        connection.execute("UPDATE job SET process = ? WHERE file = 'e.csv'", (Job("", "", "", "").process,))
    bulkload("apply", "--store", desk / "s.db", desk / "later.csv")
    assert states(desk / "s.db") == [("e.csv", "interrupted"), ("later.csv", "done")]


def test_a_killed_first_load_leaves_a_store_that_the_next_one_finishes(tmp_path: Path, bulkload: CommandLine) -> None:
    (tmp_path / "users.csv").write_text(USERS + "ann,A,A,a@x.org,Yes\n")
    store = tmp_path / "new" / "s.db"
    die(
        ("bulkload.store.sqlite.SQLiteStore.execute:COMMIT", "before"),
        "apply",
        "--store",
        store,
        tmp_path / "users.csv",
    )
    assert bulkload("apply", "--store", store, tmp_path / "users.csv").code == 0
    assert [row[0] for row in records(store)["user"]] == ["ann"]


def test_a_killed_export_leaves_the_older_file_whole(desk: Path, bulkload: CommandLine) -> None:
    (desk / "out.csv").write_text("older")
    die(
        ("bulkload.exporting.write_delimited", "after"),
        "export",
        "user",
        "--store",
        desk / "s.db",
        "-o",
        desk / "out.csv",
    )
    assert (desk / "out.csv").read_text() == "older"
    assert bulkload("export", "user", "--store", desk / "s.db", "-o", desk / "out.csv").code == 0
    assert (desk / "out.csv").read_text().count("\n") == 2001


def test_a_job_id_that_is_taken_is_drawn_again(
    desk: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter("000000" + "0123456789abcdefghjkmnpqrstvwxyz" * 9)
    monkeypatch.setattr("secrets.choice", lambda _alphabet: next(drawn))
    said = [bulkload("apply", "--store", desk / "s.db", "--now", NOW, desk / "later.csv") for _ in range(2)]
    assert [one.code for one in said] == [0, 0]
    assert [state for _, state in states(desk / "s.db")] == ["done", "done"]


# ---- interrupted


@pytest.fixture
def interrupt(bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Return a function that runs the command line and sends it a Ctrl-C, once, before or after something it calls."""

    def run(point: tuple[str, str], *arguments: object) -> Said:
        name, when = point
        name, _, wanted = name.partition(":")
        path, _, last = name.rpartition(".")
        owner = pkgutil.resolve_name(path)
        original, done = getattr(owner, last), []

        def interrupted(*args: object, **kwargs: object) -> object:
            meant = not done and (not wanted or wanted in args)
            if meant:
                done.append(True)
            if meant and when == "before":
                os.kill(os.getpid(), signal.SIGINT)
            answer = original(*args, **kwargs)
            if meant and when == "after":
                os.kill(os.getpid(), signal.SIGINT)
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(owner, last, interrupted)
            return bulkload(*arguments)

    return run


@pytest.mark.parametrize(
    "point",
    [
        ("bulkload.runs.identify", "before"),
        POINTS["in pass 2"],
        POINTS["in the transaction after the first insert"],
        POINTS["right before COMMIT"],
    ],
    ids=["at its beginning", "in pass 2", "in the transaction", "right before COMMIT"],
)
def test_ctrl_c_before_the_commit_leaves_the_store_as_it_was(
    point: tuple[str, str], desk: Path, prepared: Path, bulkload: CommandLine, interrupt: Callable[..., Said]
) -> None:
    assert interrupt(point, "apply", "--store", desk / "s.db", desk / "e.csv").code == 130
    assert records(desk / "s.db") == records(prepared / "s.db")
    assert states(desk / "s.db") == [("e.csv", "interrupted")]
    assert {one.name for one in desk.iterdir() if not one.name.startswith("s.db")} == {"e.csv", "later.csv"}
    assert litter(desk) == []
    assert bulkload("apply", "--store", desk / "s.db", desk / "e.csv").code == 1


@pytest.mark.parametrize("name", AFTER_COMMIT)
def test_ctrl_c_after_the_commit_does_not_deny_what_is_in_the_store(
    name: str, desk: Path, undisturbed: Path, bulkload: CommandLine, interrupt: Callable[..., Said]
) -> None:
    interrupt(POINTS[name], "apply", "--store", desk / "s.db", "--now", NOW, desk / "e.csv")
    assert records(desk / "s.db") == records(undisturbed / "s.db")
    assert states(desk / "s.db") == [("e.csv", "done")]
    assert bulkload("apply", "--store", desk / "s.db", desk / "later.csv").code == 0
    for file in ("e.results.csv", "e.rejects.csv"):
        assert (desk / file).read_bytes() == (undisturbed / file).read_bytes()
    assert litter(desk) == []


def test_ctrl_c_ends_a_process_with_130_and_no_traceback(desk: Path, prepared: Path) -> None:
    with held(POINTS["in pass 2"], desk.parent / "go", "apply", "--store", desk / "s.db", desk / "e.csv") as running:
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 130
        assert running.stderr is not None
        assert "Traceback" not in running.stderr.read()
    assert records(desk / "s.db") == records(prepared / "s.db")
    assert litter(desk) == []


def test_ctrl_c_while_it_waits_ends_at_once_and_closes_the_job(desk: Path) -> None:
    store, go_on = desk / "s.db", desk.parent / "go"
    with held(POINTS["in pass 2"], go_on, "apply", "--store", store, desk / "e.csv"):
        waiting = subprocess.Popen(
            [BULKLOAD, "apply", "--store", store, desk / "later.csv"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with waiting:
            assert waiting.stderr is not None
            assert b"waiting" in waiting.stderr.readline().lower()
            until(lambda: ("later.csv", "queued") in states(store))
            waiting.send_signal(signal.SIGINT)
            try:
                assert waiting.wait(5) == 130
            finally:
                waiting.kill()
    assert states(store) == [("e.csv", "done"), ("later.csv", "interrupted")]


def test_results_that_cannot_be_moved_in_do_not_deny_what_is_in_the_store(
    desk: Path, undisturbed: Path, bulkload: CommandLine
) -> None:
    (desk / "e.results.csv").mkdir()
    said = bulkload("apply", "--store", desk / "s.db", "--now", NOW, desk / "e.csv")
    applied = records(desk / "s.db") == records(undisturbed / "s.db")
    assert applied == (states(desk / "s.db") == [("e.csv", "done")])
    assert applied == (said.code in {0, 1})
    assert "e.results.csv" in said.out + said.err
    assert "moved" in said.out + said.err or not applied
    assert not (applied and "Nothing" in said.err)


# ---- two at once


def test_a_second_load_waits_says_so_and_then_succeeds(desk: Path) -> None:
    store, go_on = desk / "s.db", desk.parent / "go"
    with held(POINTS["in pass 2"], go_on, "apply", "--store", store, desk / "e.csv") as first:
        command = [BULKLOAD, "apply", "--store", str(store), str(desk / "later.csv")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as second:
            assert second.stderr is not None
            said = second.stderr.readline()
            assert "Waiting" in said
            assert "e.csv" in said
            assert second.poll() is None
            go_on.touch()
            assert second.wait(30) == 0
        assert first.wait(30) == 1
    assert states(store) == [("e.csv", "done"), ("later.csv", "done")]
    assert len(records(store)["enrollment"]) == 80


@pytest.mark.parametrize("name", ["in pass 2", "in the transaction after the first insert"])
def test_a_second_load_past_its_wait_ends_with_5_and_nothing_done(name: str, desk: Path) -> None:
    store, go_on = desk / "s.db", desk.parent / "go"
    with held(POINTS[name], go_on, "apply", "--store", store, desk / "e.csv") as first:
        try:
            said = process("apply", "--store", store, "--wait", 0.2, desk / "later.csv", timeout=60)
        except subprocess.TimeoutExpired:
            pytest.fail("it waited for more than a minute instead of 0.2 seconds")
        assert said.code == 5
        assert "still holds the store" in said.err
        go_on.touch()
        assert first.wait(30) == 1
    assert ("zoe", "zoe", "Zoe", "Z", "z@x.org", 1) not in records(store)["user"]
    assert ("e.csv", "done") in states(store)
    assert ("later.csv", "done") not in states(store)
    assert not (desk / "later.results.csv").exists()
    assert litter(desk) == []


def test_a_second_load_says_that_it_waits_for_one_that_is_writing(desk: Path) -> None:
    store, go_on = desk / "s.db", desk.parent / "go"
    with held(POINTS["in the transaction after the first insert"], go_on, "apply", "--store", store, desk / "e.csv"):
        command = [BULKLOAD, "apply", "--store", str(store), str(desk / "later.csv")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as second:
            assert second.stderr is not None
            os.set_blocking(second.stderr.fileno(), False)
            said = b""
            end = time.monotonic() + 4
            while b"Waiting" not in said and time.monotonic() < end:
                said += second.stderr.read() or b""
                time.sleep(0.05)
            go_on.touch()
            assert second.wait(30) == 0
    assert b"Waiting" in said
    assert states(store) == [("e.csv", "done"), ("later.csv", "done")]


@pytest.mark.parametrize("name", ["in pass 2", "in the transaction after the first insert"])
def test_status_and_validate_answer_while_a_load_holds_the_store(
    name: str, desk: Path, bulkload: CommandLine, undisturbed: Path
) -> None:
    """The load goes on only afterwards. One into another store, which has a lock of its own, does not wait either."""
    store, go_on = desk / "s.db", desk.parent / "go"
    with held(POINTS[name], go_on, "apply", "--store", store, "--now", NOW, desk / "e.csv"):
        listed = json.loads(bulkload("status", "--store", store, "--json").out)
        assert (listed[0]["file"], listed[0]["state"]) == ("e.csv", "running")
        assert bulkload("validate", "--store", store, desk / "e.csv").code == 1
        assert bulkload("validate", "--store", store, desk / "e.csv", desk / "later.csv").code == 1
        assert bulkload("export", "user", "--store", store, "-o", desk.parent / "u.csv").code == 0
        other = desk.parent / "other.db"
        assert bulkload("apply", "--store", other, "--wait", 0, desk / "later.csv").code == 0
    assert records(store) == records(undisturbed / "s.db")


def test_a_store_reached_by_two_names_has_one_lock(desk: Path, bulkload: CommandLine) -> None:
    (desk / "other.db").symlink_to(desk / "s.db")
    with held(POINTS["in pass 2"], desk.parent / "go", "apply", "--store", desk / "s.db", desk / "e.csv"):
        assert bulkload("apply", "--store", desk / "other.db", "--wait", 0.2, desk / "later.csv").code == 5


def test_the_lock_does_not_outlive_a_killed_process(desk: Path, bulkload: CommandLine) -> None:
    with held(POINTS["in pass 2"], desk.parent / "go", "apply", "--store", desk / "s.db", desk / "e.csv") as first:
        first.kill()
        first.wait(10)
        said = bulkload("apply", "--store", desk / "s.db", "--wait", 0.5, desk / "later.csv")
        assert (said.code, "Waiting" in said.err) == (0, False)


def test_a_process_killed_while_it_waits_is_closed_by_the_next_load(desk: Path, bulkload: CommandLine) -> None:
    store = desk / "s.db"
    with held(POINTS["in pass 2"], desk.parent / "go", "apply", "--store", store, desk / "e.csv"):
        command = [BULKLOAD, "apply", "--store", str(store), str(desk / "later.csv")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as second:
            assert second.stderr is not None
            try:
                second.stderr.readline()
                until(lambda: ("later.csv", "queued") in states(store), 5)
            finally:
                second.kill()
    assert bulkload("apply", "--store", store, desk / "e.csv").code == 1
    assert states(store) == [("e.csv", "done"), ("later.csv", "interrupted"), ("e.csv", "done")]


# ---- disks


@pytest.mark.parametrize("free", [0, 4 << 10, 32 << 10, 128 << 10, 256 << 10])
def test_a_full_disk_under_the_store_leaves_it_as_it_was_and_usable(
    free: int, prepared: Path, tmp_path: Path, bulkload: CommandLine
) -> None:
    file = tmp_path / "e.csv"
    file.write_text(enrollments(2000))
    with mounted(tmp_path / "disk", "4m") as disk:
        store = disk / "s.db"
        shutil.copyfile(prepared / "s.db", store)
        before = records(store)
        filler = fill(disk, free)
        said = bulkload("apply", "--store", store, file)
        assert said.code == 6, said
        assert "disk is full" in said.err or "No space left" in said.err
        assert str(store) in said.err
        filler.unlink()
        assert records(store) == before
        assert all(state in {"failed", "running", "queued"} for _, state in states(store))
        assert [one.name for one in tmp_path.iterdir() if "part" in one.name or "results" in one.name] == []
        again = bulkload("apply", "--store", store, file)
        assert again.code == 1
        assert len(records(store)["enrollment"]) == 4000
        assert {state for _, state in states(store)} <= {"failed", "interrupted", "done"}
        assert litter(disk) == []


@pytest.mark.parametrize("free", [0, 8 << 10, 40 << 10])
def test_a_full_disk_under_the_results_applies_nothing(
    free: int, desk: Path, tmp_path: Path, bulkload: CommandLine
) -> None:
    (desk / "e.csv").write_text(enrollments(2000))
    before = records(desk / "s.db")
    with mounted(tmp_path / "disk", "1m") as disk:
        filler = fill(disk, free)
        said = bulkload("apply", "--store", desk / "s.db", "--results", disk, desk / "e.csv")
        assert said.code in {2, 6}, said
        assert records(desk / "s.db") == before
        assert states(desk / "s.db") == [("e.csv", "failed")]
        assert litter(disk) == litter(desk) == []
        assert str(disk) in said.err
        assert "No space left" in said.err or "disk is full" in said.err
        filler.unlink()
        assert bulkload("apply", "--store", desk / "s.db", "--results", disk, desk / "e.csv").code == 1
        assert len(results(disk / "e.results.csv")) == 4001


def test_a_full_disk_for_temporary_files_is_said_by_validate(
    desk: Path, tmp_path: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk / "e.csv").write_text(enrollments(2000))
    monkeypatch.setattr(spool, "BUFFER", 0)
    with mounted(tmp_path / "disk", "1m") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        fill(disk, 16 << 10)
        said = bulkload("validate", "--store", desk / "s.db", desk / "e.csv")
        assert said.code == 6, said
        assert "No space left" in said.err or "disk is full" in said.err


def test_a_read_only_results_folder_is_wrong_usage_and_applies_nothing(
    desk: Path, prepared: Path, tmp_path: Path, bulkload: CommandLine
) -> None:
    with mounted(tmp_path / "disk", "1m") as disk:
        read_only(disk)
        said = bulkload("apply", "--store", desk / "s.db", "--results", disk, desk / "e.csv")
    assert said.code == 2
    assert str(disk) in said.err
    assert "Read-only" in said.err
    assert records(desk / "s.db") == records(prepared / "s.db")
    assert states(desk / "s.db") == [("e.csv", "failed")]


def test_a_results_folder_that_is_missing_is_wrong_usage_and_applies_nothing(
    desk: Path, prepared: Path, bulkload: CommandLine
) -> None:
    said = bulkload("apply", "--store", desk / "s.db", "--results", desk / "no" / "r.csv", desk / "e.csv")
    assert said.code == 2
    assert "r.csv" in said.err
    assert records(desk / "s.db") == records(prepared / "s.db")


def test_results_never_take_the_place_of_the_input(desk: Path, prepared: Path, bulkload: CommandLine) -> None:
    for command in ("apply", "validate"):
        said = bulkload(command, "--store", desk / "s.db", "--results", desk / "e.csv", desk / "e.csv")
        assert said.code == 2
    assert (desk / "e.csv").read_bytes() == (prepared / "e.csv").read_bytes()
    assert records(desk / "s.db") == records(prepared / "s.db")


def test_results_never_take_the_place_of_the_store(desk: Path, prepared: Path, bulkload: CommandLine) -> None:
    said = bulkload("apply", "--store", desk / "s.db", "--results", desk / "s.db", desk / "e.csv")
    assert said.code == 2
    assert records(desk / "s.db") == records(prepared / "s.db")


def test_two_files_of_one_run_never_share_a_results_file(desk: Path, bulkload: CommandLine) -> None:
    (desk / "two").mkdir()
    (desk / "two" / "later.csv").write_text(USERS + "yan,Y,Y,y@x.org,Yes\n")
    (desk / "all").mkdir()
    said = bulkload(
        "apply", "--store", desk / "s.db", "--results", desk / "all", desk / "later.csv", desk / "two" / "later.csv"
    )
    written = [one for path in (desk / "all").iterdir() for one in results(path)]
    assert said.code == 2 or {one["Username"] for one in written} == {"zoe", "yan"}


@pytest.mark.parametrize("command", [("apply",), ("apply", "--wait", "0")])
def test_a_read_only_store_is_said_and_no_load_begins(
    command: tuple[str, ...], prepared: Path, tmp_path: Path, bulkload: CommandLine
) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        store = disk / "s.db"
        shutil.copyfile(prepared / "s.db", store)
        read_only(disk)
        said = bulkload(*command, "--store", store, prepared / "later.csv")
        assert said.code == 6
        assert str(store) in said.err
        assert "read-only" in said.err
        assert not (prepared / "later.results.csv").exists()


def test_a_read_only_store_can_be_looked_at(prepared: Path, tmp_path: Path, bulkload: CommandLine) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        store = disk / "s.db"
        shutil.copyfile(prepared / "s.db", store)
        read_only(disk)
        assert bulkload("status", "--store", store).code == 0
        assert bulkload("validate", "--store", store, prepared / "later.csv").code == 0
        assert bulkload("validate", "--store", store, prepared / "later.csv", prepared / "e.csv").code == 1
        assert bulkload("export", "user", "--store", store, "-o", tmp_path / "u.csv").code == 0


def test_a_store_that_cannot_be_made_is_said(tmp_path: Path, bulkload: CommandLine) -> None:
    (tmp_path / "users.csv").write_text(USERS + "ann,A,A,a@x.org,Yes\n")
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for store in (tmp_path / "file" / "s.db", tmp_path / "folder"):
        said = bulkload("apply", "--store", store, tmp_path / "users.csv")
        assert said.code == 6, said
        assert str(store) in said.err


# ---- what is no store


def other_database(path: Path, version: int = 0) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
        connection.execute("INSERT INTO bookmark VALUES ('x')")
        connection.execute(f"PRAGMA user_version = {version}")


def text_file(path: Path) -> None:
    path.write_text("Dear diary, today nothing happened.\n" * 100)


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def scrambled(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 4000)


NO_STORES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a text file": (text_file, "not a store"),
    "another database": (lambda path: (path.unlink(), other_database(path))[1], "not a store"),
    "another database with a layout number": (lambda path: (path.unlink(), other_database(path, 1))[1], "not a store"),
    "a newer layout": (newer, "newer"),
    "a truncated store": (truncated, "damaged"),
    "a scrambled store": (scrambled, "damaged"),
}


@pytest.mark.parametrize("name", NO_STORES)
def test_what_is_no_store_is_refused_and_left_byte_for_byte(name: str, desk: Path, bulkload: CommandLine) -> None:
    make, sentence = NO_STORES[name]
    store = desk / "s.db"
    make(store)
    before = store.read_bytes()
    for command in (
        ("apply", "--store", store, desk / "later.csv"),
        ("validate", "--store", store, desk / "later.csv"),
        ("status", "--store", store),
        ("export", "user", "--store", store),
    ):
        said = bulkload(*command)
        assert said.code == 6, (command, said)
        assert str(store) in said.err
        assert sentence in said.err
        assert store.read_bytes() == before
    assert not (desk / "later.results.csv").exists()


@pytest.mark.parametrize("url", ["postgres://db/x", "mysql://u:p@h/d", "postgresql://u:p@h/d"])
def test_a_store_of_another_kind_is_wrong_usage(
    url: str, desk: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    before = files_under(desk)
    for command in (("apply", "later.csv"), ("validate", "later.csv"), ("status",)):
        said = bulkload(*command, "--store", url)
        assert (said.code, "not supported" in said.err) == (2, True)
        assert ":p@" not in said.err
    assert files_under(desk) == before


# ---- pipes


@pytest.mark.parametrize(
    "command",
    [
        ("status", "--store", "s.db"),
        ("status", "--store", "s.db", "--json"),
        ("status", "--store", "s.db", "--format", "rich"),
        ("export", "user", "--store", "s.db"),
        ("template", "show", "enrollment"),
        ("--help",),
        ("apply", "--store", "s.db", "later.csv"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("way", ["closed pipe", "closed output"])
def test_a_closed_pipe_is_no_error(command: tuple[str, ...], way: str, desk: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        if way == "closed pipe":
            ended = subprocess.run([BULKLOAD, *command], cwd=desk, stdout=writer, stderr=subprocess.PIPE, check=False)
        else:
            ended = subprocess.run(
                ["sh", "-c", '"$@" >&-', "sh", BULKLOAD, *command], cwd=desk, stderr=subprocess.PIPE, check=False
            )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")
    if command[0] == "apply":
        assert ("later.csv", "done") in states(desk / "s.db")


def test_a_closed_pipe_does_not_hide_that_rows_were_rejected(desk: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [BULKLOAD, "apply", "--store", "s.db", "e.csv"], cwd=desk, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_an_output_that_is_full_does_not_deny_what_was_applied(desk: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [BULKLOAD, "apply", "--store", "s.db", "later.csv"],
            cwd=desk,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert states(desk / "s.db") == [("later.csv", "done")]
    assert b"Nothing was applied" not in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_closed_error_output_changes_nothing(desk: Path) -> None:
    ended = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", BULKLOAD, "apply", "--store", "s.db", "no.csv"],
        cwd=desk,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 2


# ---- a file that changes


def appending(path: Path, of: Callable[..., object]) -> Callable[..., object]:
    """Return a function that appends a row to a file once, before it does what another one does."""
    done: list[bool] = []

    def change(*args: object, **kwargs: object) -> object:
        if not done:
            done.append(True)
            with path.open("ab") as file:
                file.write(b"Safety,u0099,,,,,,,\n")
        return of(*args, **kwargs)

    return change


@pytest.mark.parametrize("step", ["bulkload.first_pass.look", "bulkload.second_pass.settle"])
def test_a_file_that_grows_while_it_is_read_is_refused(
    step: str, desk: Path, prepared: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = step.rsplit(".", 1)
    monkeypatch.setattr(step, appending(desk / "e.csv", getattr(sys.modules[module], name)))
    said = bulkload("apply", "--store", desk / "s.db", desk / "e.csv")
    assert said.code == 3
    assert "e.csv was changed while it was read" in said.err
    assert records(desk / "s.db") == records(prepared / "s.db")
    assert states(desk / "s.db") == [("e.csv", "refused")]
    assert not (desk / "e.results.csv").exists()
    assert litter(desk) == []
    monkeypatch.undo()


def test_a_file_that_shrinks_while_it_is_read_is_refused(
    desk: Path, prepared: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = sources.match

    def match(*args: object, **kwargs: object) -> object:
        os.truncate(desk / "e.csv", 900)
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(sources, "match", match)
    said = bulkload("apply", "--store", desk / "s.db", desk / "e.csv")
    assert said.code == 3, said
    assert "e.csv" in said.err
    assert records(desk / "s.db") == records(prepared / "s.db")


def test_a_spreadsheet_that_changes_while_it_is_read_is_refused(
    desk: Path, prepared: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bulkload("export", "user", "--store", desk / "s.db", "-o", desk / "u.xlsx").code == 0
    monkeypatch.setattr(
        "bulkload.second_pass.settle", appending(desk / "u.xlsx", sys.modules["bulkload.second_pass"].settle)
    )
    said = bulkload("apply", "--store", desk / "s.db", desk / "u.xlsx")
    assert (said.code, "changed while it was read" in said.err) == (3, True)
    assert records(desk / "s.db") == records(prepared / "s.db")


def test_a_file_that_is_removed_while_it_is_read_is_loaded_as_it_was(
    desk: Path, undisturbed: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = runs.prepare

    def prepare(*args: object, **kwargs: object) -> object:
        (desk / "e.csv").unlink()
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "prepare", prepare)
    said = bulkload("apply", "--store", desk / "s.db", "--now", NOW, desk / "e.csv")
    assert said.code in {1, 3}
    expected = undisturbed if said.code == 1 else desk
    assert records(desk / "s.db") == records(expected / "s.db")


def test_the_digest_of_a_job_is_that_of_the_content_that_was_loaded(
    desk: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hashlib.sha256((desk / "later.csv").read_bytes()).hexdigest()
    (desk / "new").write_text(USERS + "yan,Y,Y,y@x.org,Yes\n")
    second = hashlib.sha256((desk / "new").read_bytes()).hexdigest()
    original = runs.identify

    def identify(*args: object) -> object:
        time.sleep(0.1)
        if (desk / "new").exists():
            (desk / "new").replace(desk / "later.csv")
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "identify", identify)
    said = bulkload("apply", "--store", desk / "s.db", desk / "later.csv")
    [(digest, state)] = query(desk / "s.db", "SELECT sha256, state FROM job ORDER BY number DESC LIMIT 1")
    loaded = {name for name, *_ in records(desk / "s.db")["user"]} & {"zoe", "yan"}
    assert (said.code, state, loaded, digest) in [
        (0, "done", {"zoe"}, first),
        (0, "done", {"yan"}, second),
        (3, "refused", set(), digest),
    ]
