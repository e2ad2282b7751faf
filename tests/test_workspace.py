"""The folder of a run that writes no job: only its owner sees it, and what a killed run has left of it is removed (loading §8)."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import files_under, process
from example_runs import EXAMPLES
from faults import die, held

from bulkload.workspace import LEFT, LOCK, workspace

FILES = [str(EXAMPLES / "enrollment" / name) for name in ("events.csv", "users.csv")]
HALFWAY = ("bulkload.runs.refuse_misfit", "before")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of temporary files for this process and those that it begins."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


def validate(tmp_path: Path) -> list[str]:
    """Check two files on top of one another, which takes a copy of the store."""
    store = tmp_path / "school.db"
    if not store.exists():
        assert process("apply", "--store", store, FILES[0]).code == 0
    return ["validate", "--store", str(store), *FILES]


def grow_old(temporary: Path) -> None:
    """Let what lies there be older than a run that has only just begun."""
    for place in temporary.glob(f"*/{LOCK}"):
        os.utime(place, (time.time() - LEFT - 1,) * 2)


def killed(tmp_path: Path, temporary: Path) -> list[str]:
    """Kill a check halfway, and return what it leaves."""
    die(HALFWAY, *validate(tmp_path))
    return files_under(temporary)


def test_a_killed_check_leaves_a_copy_of_the_store_that_only_its_owner_sees(tmp_path: Path, temporary: Path):
    left = killed(tmp_path, temporary)
    assert [Path(one).name for one in left if one.endswith(".db")] == ["school.db"]
    assert {one.stat().st_mode & 0o777 for one in temporary.iterdir()} == {0o700}


@pytest.mark.parametrize(
    "next_run",
    [
        ["validate", FILES[1]],
        ["apply", "--store", "school.db", FILES[1]],
        [
            "split",
            "--template",
            "user-enrollment",
            "--max-size",
            "2KB",
            "-o",
            ".",
            str(EXAMPLES / "user-enrollment" / "users.txt"),
        ],
    ],
    ids=["validate", "apply", "split"],
)
def test_the_next_run_removes_it(next_run: list[str], tmp_path: Path, temporary: Path):
    assert killed(tmp_path, temporary) != []
    grow_old(temporary)
    assert process(*next_run, cwd=tmp_path).code == 0
    assert list(temporary.iterdir()) == []


def test_what_a_living_run_sets_aside_stays_however_long_it_takes(tmp_path: Path, temporary: Path):
    with held(HALFWAY, tmp_path / "go-on", *validate(tmp_path)) as running:
        grow_old(temporary)
        before = files_under(temporary)
        assert process(*validate(tmp_path)).code == 0
        assert (before != [], files_under(temporary)) == (True, before)
    assert running.returncode == 0
    assert list(temporary.iterdir()) == []


def test_a_folder_of_this_process_stays_while_it_makes_others(temporary: Path):
    with workspace() as first:
        (first / "rows").touch()
        grow_old(temporary)
        with workspace() as second:
            assert sorted(temporary.iterdir()) == sorted([first, second])
        with workspace():
            assert (first / "rows").exists()
    assert list(temporary.iterdir()) == []


def young(place: Path) -> None:
    place.mkdir()
    (place / LOCK).touch()


def without_lock(place: Path) -> None:
    place.mkdir()
    (place / "precious").touch()


def elsewhere(place: Path) -> None:
    real = place.parent.parent / "elsewhere"
    young(real)
    grow_old(place.parent.parent)
    place.symlink_to(real)


def test_where_there_is_no_place_for_temporary_files_a_file_is_applied_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", refused)
    with workspace(tmp_path / "jobs" / "1" / "work") as place:
        assert place.is_dir()


@pytest.mark.parametrize("made", [young, without_lock, elsewhere])
def test_what_is_not_known_to_be_left_stays(made: Callable[[Path], None], temporary: Path):
    place = temporary / "bulkload-other"
    made(place)
    with workspace():
        pass
    assert (place.exists(), place.resolve().exists()) == (True, True)


def test_where_nothing_can_be_locked_a_run_goes_on_and_removes_nothing(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
):
    old = temporary / "bulkload-old"
    young(old)
    grow_old(temporary)

    def refused(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("no locks here")

    monkeypatch.setattr("sqlite3.connect", refused)
    with workspace() as place:
        assert place.is_dir()
    assert list(temporary.iterdir()) == [old]
