"""Runs the example of unattended work end to end: files uploaded by SFTP, a daemon, a mail server."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from example_runs import EXAMPLES
from loading import query
from sftp import uploading
from unattended_example import FOLDER, copied_to, run_night


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], str]:
    """The place of the example after a night, what it left, and how the files were uploaded."""
    place = tmp_path_factory.mktemp("unattended")
    root = copied_to(place / "site")
    with uploading(root, place / "keys") as upload:
        return place / "site", run_night(place / "site", upload.put), upload.how


def test_files_come_by_sftp_or_it_is_said_why_not(
    night: tuple[Path, dict[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nexamples/unattended: the files were {night[2]}")
    assert night[2].startswith(("uploaded by OpenSSH's sftp", "copied: "))


def test_the_night_leaves_what_it_must_leave(night: tuple[Path, dict[str, str], str]) -> None:
    kept = {path.name: path.read_bytes().decode() for path in sorted((FOLDER / "expected").iterdir())}
    assert night[1] == kept, "stale: run `python tests/documents.py --write` and look at what changed"


def test_every_file_that_came_is_a_job_and_none_waits(night: tuple[Path, dict[str, str], str]) -> None:
    found = [
        row
        for site in ("lakeside", "college")
        for row in query(night[0] / f"{site}.db", "SELECT file, state FROM job WHERE via = 'folder' ORDER BY file")
    ]
    assert found == [("students.csv", "done"), ("broken.txt", "refused"), ("spring.txt", "done")]


def test_no_secret_of_the_files_is_in_what_the_night_leaves(night: tuple[Path, dict[str, str], str]) -> None:
    lines = (EXAMPLES / "unattended" / "upload" / "lakeside" / "students.csv").read_text("utf-8").splitlines()[1:]
    secrets = {cells[at] for cells in (line.split(",") for line in lines) for at in (4, 10) if cells[at]}
    everything = "".join(night[1].values()) + (night[0] / "log").read_text()
    assert [one for one in secrets if one in everything] == []


def test_the_configuration_of_the_example_is_one_that_people_may_copy() -> None:
    said = tomllib.loads((FOLDER / "bulkload.toml").read_text())
    assert [one["name"] for one in said["site"]] == ["lakeside", "college"]
