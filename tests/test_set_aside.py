"""What a killed load of XML had set aside on the disk, passwords too, is cleared by whatever command comes next (loading §8)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import CommandLine
from example_runs import EXAMPLES
from faults import faulty
from loading import query

EXAMPLE = EXAMPLES / "user-enrollment"
PASSWORDS = (b"Marsh;Fern8", b"Chalk&Board")
SITE = """source = "strata"
[[site]]
name = "college"
store = "c.db"
root = "sftp"
layouts = ["API"]
schedule = "02:00"
poll_seconds = 0.1
"""
DAY, NIGHT = "2026-11-21T08:00:00Z", "2026-11-22T02:00:00Z"
LOADED = ("bulkload.runs.commit", "before")
CHECKED = ("bulkload.runs.refuse_misfit", "before")


@pytest.fixture
def college(tmp_path: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A college with an XML file in its drop folder, and a folder of its own for temporary files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bulkload.toml").write_text(SITE)
    (tmp_path / "sftp" / "API").mkdir(parents=True)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    shutil.copytree(EXAMPLE / "reference", tmp_path / "reference")
    assert bulkload("apply", "--quiet", "reference").code == 0
    shutil.copy(EXAMPLE / "users.xml", tmp_path / "sftp" / "API")
    return tmp_path


def die(point: tuple[str, str], *arguments: str) -> None:
    """Run a command that sets everything aside on the disk, and is killed at a point."""
    command = faulty(point, "kill", *arguments)
    command[2] = "from bulkload import spool\nspool.BUFFER = 0\n" + command[2]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def set_aside(base: Path) -> list[Path]:
    """The files with a password in them, beside the store and among temporary ones."""
    files = [path for place in ("c.db.jobs", "temporary") for path in (base / place).rglob("*") if path.is_file()]
    return [path for path in files if any(one in path.read_bytes() for one in PASSWORDS)]


def test_what_is_set_aside_is_seen_by_its_owner_only(college: Path) -> None:
    die(LOADED, "watch", "--once", "--now")
    (work,) = (college / "c.db.jobs").glob("*/work")
    assert set_aside(college) != []
    assert {work in path.parents for path in set_aside(college)} == {True}
    assert work.stat().st_mode & 0o777 == 0o700


def test_the_watcher_clears_it_at_its_next_start_before_the_file_has_its_turn(
    college: Path, bulkload: CommandLine
) -> None:
    die(LOADED, "watch", "--once", "--now", NIGHT)
    assert bulkload("watch", "--once", "--now", DAY).code == 0
    assert query(college / "c.db", "SELECT state FROM job WHERE via = 'folder'") == [("queued",)]
    assert (set_aside(college), list(college.glob("c.db.jobs/*/work"))) == ([], [])
    assert bulkload("watch", "--once", "--now", NIGHT).code == 1
    assert query(college / "c.db", "SELECT state FROM job WHERE via = 'folder'") == [("done",)]
    assert set_aside(college) == []


def test_any_other_load_clears_it_too(college: Path, bulkload: CommandLine) -> None:
    die(LOADED, "watch", "--once", "--now")
    assert bulkload("apply", "--quiet", "reference/roles.csv").code == 0
    assert (set_aside(college), list(college.glob("c.db.jobs/*/work"))) == ([], [])


def test_what_a_killed_check_of_the_form_had_set_aside_is_cleared_at_the_next_start(
    college: Path, bulkload: CommandLine
) -> None:
    die(CHECKED, "watch", "--once", "--now", DAY)
    assert set_aside(college) != []
    assert os.listdir(college / "temporary") == []  # noqa: PTH208 - names alone
    assert bulkload("watch", "--once", "--now", DAY).code == 0
    assert (set_aside(college), list(college.glob("c.db.jobs/*/work"))) == ([], [])
    assert query(college / "c.db", "SELECT state FROM job WHERE via = 'folder'") == [("queued",)]


def test_a_file_over_whose_form_the_process_dies_again_and_again_is_given_up(
    college: Path, bulkload: CommandLine
) -> None:
    for _ in range(3):
        die(("bulkload.watching.work.validate", "before"), "watch", "--once", "--now", DAY)
    assert bulkload("watch", "--once", "--now", DAY).code == 70
    ((state, message),) = query(college / "c.db", "SELECT state, message FROM job WHERE via = 'folder'")
    assert (state, "died 3 times" in message) == ("failed", True)
    assert [one.suffix for one in (college / "sftp" / "processed").iterdir()] == [".xml"]
    assert set_aside(college) == []
