"""Drop folders: what is taken and when, where it goes, what order things have, and how sites live side by side (unattended §2)."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import BULKLOAD, CommandLine, files_under
from example_runs import EXAMPLES
from faults import held, until
from loading import query, results
from students import district, file_of, row
from unattended import MAIL, MARK, Site, accounted, site, users

from bulkload import logs, runs
from bulkload.errors import OutputError
from bulkload.watching import work
from bulkload.watching.work import Work


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def north(tmp_path: Path) -> Site:
    return site(tmp_path)


def test_once_takes_a_file_applies_it_and_moves_it_to_processed(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann", "bob"))
    assert bulkload("watch", "--once").code == 0
    assert north.users() == ["ann", "bob"]
    assert north.processed() == ["users.csv"]
    assert [one["outcome"] for one in results(north.drop / "output" / "users.results.csv")] == ["created", "created"]
    accounted(north)


def test_the_name_in_processed_has_the_day_and_the_job(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-11-21T08:07:30Z")
    (job,) = query(north.store, "SELECT id, path, via FROM job")
    (path,) = (north.drop / "processed").iterdir()
    assert path.name == f"users.20261121-{job[0]}.csv"
    assert job[1:] == (str(path), "folder")


def test_once_ends_with_the_highest_code_of_its_files(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann", "!bob"), "a.csv")
    assert bulkload("watch", "--once").code == 1
    north.send("no,user,file\n1,2,3\n", "b.csv")
    north.send(users("cid"), "c.csv")
    assert bulkload("watch", "--once").code == 3
    assert bulkload("watch", "--once").code == 0
    assert north.jobs() == [("a.csv", "done"), ("b.csv", "refused"), ("c.csv", "done")]
    accounted(north)


@pytest.mark.parametrize("name", [".users.csv", "users.csv.tmp", "users.csv.part", "users.csv.filepart", "USERS.PART"])
def test_names_of_files_that_are_still_sent_are_never_taken(name: str, north: Site, bulkload: CommandLine) -> None:
    (north.drop / name).write_text(users("ann"))
    assert bulkload("watch", "--once").code == 0
    assert (north.drop / name).exists()
    assert north.jobs() == []


@pytest.mark.parametrize("name", ["users.rejects.csv", "users.rejects.csv.2", "users_errors_20261121.csv.1"])
def test_what_bulkload_wrote_is_left_where_it_lies(name: str, north: Site, bulkload: CommandLine) -> None:
    (north.drop / name).write_text(users("ann"))
    assert bulkload("watch", "--once").code == 0
    assert (north.drop / name).exists()
    assert north.jobs() == []


@pytest.mark.parametrize("name", ["n" * 251 + ".csv", "é" * 125 + ".csv", "n." + "x" * 250])
def test_a_name_that_is_as_long_as_a_disk_takes_is_cut_before_its_ending(
    name: str, north: Site, bulkload: CommandLine
) -> None:
    (north.drop / name).write_text(users("ann", "!bob"))
    assert bulkload("watch", "--once").code == 1
    assert [state for _, state in north.jobs()] == ["done"]
    (kept,) = north.processed()
    assert name.startswith(kept.partition(".")[0])
    assert kept.endswith(name[-4:])


def test_a_file_that_cannot_be_taken_keeps_no_other_back(north: Site, bulkload: CommandLine) -> None:
    (north.base / "elsewhere.csv").write_text(users("ann"))
    with bound(north.base / "elsewhere.csv", north.drop / "a.csv"):
        north.send(users("bob"), "b.csv")
        said = bulkload("watch", "--once")
        assert (said.code, "busy" in said.err) == (6, True)
        assert north.jobs() == [("b.csv", "done")]


@contextlib.contextmanager
def bound(file: Path, place: Path) -> Iterator[None]:
    """Let a file stand at another place as well, from where it cannot be moved; skip the test where that is not permitted."""
    place.touch()
    if subprocess.run(["mount", "--bind", str(file), str(place)], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_with_a_marker_a_file_is_taken_when_its_marker_has_come(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, folder='marker = ".done"')
    north.send(users("ann"))
    bulkload("watch", "--once")
    assert north.jobs() == []
    (north.drop / "users.csv.done").touch()
    bulkload("watch", "--once")
    assert north.jobs() == [("users.csv", "done")]
    assert not (north.drop / "users.csv.done").exists()
    accounted(north)


def test_a_file_that_a_process_still_writes_is_left(north: Site, bulkload: CommandLine) -> None:
    with (north.drop / "users.csv").open("w") as file:
        file.write(users("ann"))
        file.flush()
        bulkload("watch", "--once")
        assert north.jobs() == []
    north.came.append(("users.csv", users("ann").encode()))
    bulkload("watch", "--once")
    accounted(north)


def test_links_and_folders_are_left(north: Site, tmp_path: Path, bulkload: CommandLine) -> None:
    (tmp_path / "elsewhere.csv").write_text(users("ann"))
    (north.drop / "users.csv").symlink_to(tmp_path / "elsewhere.csv")
    (north.drop / "more").mkdir()
    os.mkfifo(north.drop / "pipe.csv")
    assert bulkload("watch", "--once").code == 0
    assert north.jobs() == []


def test_files_of_one_name_stay_in_order_and_overwrite_nothing(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, settings='schedule = "02:00"')
    for hour, active in ((10, "Yes"), (11, "No"), (12, "Yes")):
        north.send(users("ann", active=active))
        bulkload("watch", "--once", "--now", f"2026-11-21T{hour}:00:00Z")
    assert north.jobs() == [("users.csv", "queued")] * 3
    assert list(north.drop.glob("*.csv")) == []
    assert bulkload("watch", "--once", "--now", "2026-11-22T02:00:00Z").code == 0
    assert query(north.store, "SELECT outcomes FROM job ORDER BY number") == [
        ('{"created": 1}',),
        ('{"updated": 1}',),
        ('{"updated": 1}',),
    ]
    assert north.processed() == ["users.csv"] * 3
    accounted(north)


# ---- schedules


@pytest.fixture
def nightly(tmp_path: Path) -> Site:
    return site(tmp_path, settings='schedule = "02:00"\ntime_zone = "America/New_York"')


@pytest.mark.parametrize(
    ("arrives", "before", "due"),
    [
        ("2026-11-21T20:00:00Z", "2026-11-22T06:59:59Z", "2026-11-22T07:00:00Z"),
        ("2026-11-22T07:00:00Z", "2026-11-22T06:59:59Z", "2026-11-22T07:00:00Z"),
        ("2026-11-22T07:00:01Z", "2026-11-23T06:59:59Z", "2026-11-23T07:00:00Z"),
        ("2026-03-07T20:00:00Z", "2026-03-08T06:59:59Z", "2026-03-08T07:00:00Z"),
        ("2026-10-31T20:00:00Z", "2026-11-01T06:59:59Z", "2026-11-01T07:00:00Z"),
    ],
    ids=["by day", "to the second", "a second late", "when clocks go forward", "when clocks are put back"],
)
def test_a_file_waits_for_the_next_two_o_clock_of_the_site(
    arrives: str, before: str, due: str, nightly: Site, bulkload: CommandLine
) -> None:
    nightly.send(users("ann"))
    taken = bulkload("watch", "--once", "--now", arrives)
    if arrives != due:
        assert nightly.jobs() == [("users.csv", "queued")]
        bulkload("watch", "--once", "--now", before)
        assert nightly.jobs() == [("users.csv", "queued")]
        bulkload("watch", "--once", "--now", due)
    assert nightly.jobs() == [("users.csv", "done")], taken
    accounted(nightly)


def test_a_night_that_was_missed_is_made_up_for(nightly: Site, bulkload: CommandLine) -> None:
    nightly.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-11-21T20:00:00Z")
    bulkload("watch", "--once", "--now", "2026-11-22T19:30:00Z")
    assert nightly.jobs() == [("users.csv", "done")]


def test_now_processes_what_is_queued_for_the_night(nightly: Site, bulkload: CommandLine) -> None:
    nightly.send(users("ann"))
    bulkload("watch", "--once", "--now")
    assert nightly.jobs() == [("users.csv", "done")]


def test_a_clock_that_is_put_back_by_a_year_lets_no_file_wait_for_a_year(nightly: Site, bulkload: CommandLine) -> None:
    nightly.send(users("ann"))
    bulkload("watch", "--once", "--now", "2027-11-21T20:00:00Z")
    bulkload("watch", "--once", "--now", "2026-11-21T20:00:00Z")
    assert nightly.jobs() == [("users.csv", "done")]
    accounted(nightly)


# ---- late files

EXPECTS = 'time_zone = "America/New_York"\nexpect = { template = "user", by = "06:00" }'


def test_a_file_that_has_not_come_is_late_until_it_comes(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, settings=EXPECTS)
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-11-21T10:00:00Z")
    assert bulkload("status", "--check", "--now", "2026-11-22T10:59:00Z").code == 0
    late = bulkload("status", "--check", "--now", "2026-11-22T11:00:00Z")
    assert late.code == 1
    assert "north: No user file has come between 11/21/2026 11:00 AM UTC and 11/22/2026 11:00 AM UTC" in late.out
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-11-22T11:30:00Z")
    assert bulkload("status", "--check", "--now", "2026-11-22T12:00:00Z").code == 0


def test_an_alarm_is_mailed_once_for_each_day(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, settings=EXPECTS, mail=MAIL.format(port=1))
    for now in ("2026-11-21T12:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z", "2026-11-23T11:00:00Z"):
        bulkload("watch", "--once", "--now", now)
    assert [kind for kind, _ in north.mails()] == ["late", "late"]


def test_nothing_is_late_by_a_time_before_the_site_was_first_watched(tmp_path: Path, bulkload: CommandLine) -> None:
    site(tmp_path, settings=EXPECTS)
    bulkload("watch", "--once", "--now", "2026-11-21T11:30:00Z")
    assert bulkload("status", "--check", "--now", "2026-11-22T10:59:00Z").code == 0
    assert bulkload("status", "--check", "--now", "2026-11-22T11:00:00Z").code == 1


def test_check_reports_a_failed_job_for_a_day(north: Site, bulkload: CommandLine) -> None:
    assert bulkload("status", "--check").code == 0
    with failing():
        north.send(users("ann"))
        assert bulkload("watch", "--once").code == 70
    said = bulkload("status", "--check")
    assert (said.code, "failed: A fault of bulkload itself: ZeroDivisionError." in said.out) == (1, True)
    accounted(north)


@contextlib.contextmanager
def failing() -> Iterator[None]:
    """Let every load fail of a fault that nobody foresaw."""

    def fault(_one: object) -> None:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "first_pass", fault)
        yield


def test_check_names_a_file_that_nobody_takes(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    bulkload("status", "--check")
    said = bulkload("status", "--check", "--now", f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}")
    assert (said.code, "has not been taken: does the watcher run?" in said.out) == (1, True)


def test_check_says_it_as_json_too(north: Site, bulkload: CommandLine) -> None:
    assert json.loads(bulkload("status", "--check", "--json").out) == []
    with failing():
        north.send(users("ann"))
        bulkload("watch", "--once")
    (sentence,) = json.loads(bulkload("status", "--check", "--format", "json").out)
    assert sentence.startswith("north: Job ")
    assert bulkload("status", "--check", "1ng2").code == 2


# ---- several sites


class Panic(BaseException):
    """What comes of a panic of polars is no Exception either."""


@pytest.mark.parametrize("fault", [ValueError, Panic])
@pytest.mark.parametrize("step", ["slice", "adopt"])
def test_a_fault_at_one_site_is_said_with_its_exit_code_and_is_not_the_others(
    fault: type[BaseException], step: str, tmp_path: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = site(tmp_path), site(tmp_path, "south")
    whole = getattr(Work, step)

    def faulty(work: Work, *given: object) -> object:
        if work.site.name == "north":
            raise fault
        return whole(work, *given)

    monkeypatch.setattr(Work, step, faulty)
    north.send(users("ann"))
    south.send(users("bob"))
    said = bulkload("watch", "--once")
    assert (said.code, f"a fault of bulkload itself: {fault.__name__}" in said.err) == (70, True)
    assert south.jobs() == [("users.csv", "done")]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert bulkload("watch", "--once").code == 0
    accounted(north)


def test_what_waits_is_processed_though_the_site_is_renamed_and_its_folder_moved(
    tmp_path: Path, bulkload: CommandLine
) -> None:
    north = site(tmp_path, settings='schedule = "02:00"')
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-11-21T10:00:00Z")
    north.root.rename(tmp_path / "west")
    north.config.write_text(north.config.read_text().replace('"north"', '"west"'))
    assert bulkload("watch", "--once", "--now", "2026-11-22T02:00:00Z").code == 0
    assert north.jobs() == [("users.csv", "done")]
    assert [MARK.sub("", one.name) for one in (tmp_path / "west" / "users" / "processed").iterdir()] == ["users.csv"]


def test_a_file_whose_folder_is_no_longer_configured_waits_and_it_is_said(
    tmp_path: Path, bulkload: CommandLine
) -> None:
    north = site(tmp_path, settings='schedule = "02:00"')
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-11-21T10:00:00Z")
    before = north.config.read_text()
    north.config.write_text(before.replace('path = "users"', 'path = "other"'))
    (north.root / "other").mkdir()
    said = bulkload("watch", "--once", "--now", "2026-11-22T02:00:00Z")
    assert (said.code, "which is no longer configured" in said.err) == (2, True)
    assert "no longer configured" in bulkload("status", "--check", "--now", "2026-11-22T02:01:00Z").out
    north.config.write_text(before)
    assert bulkload("watch", "--once", "--now", "2026-11-22T02:10:00Z").code == 0
    assert north.jobs() == [("users.csv", "done")]


def test_a_file_for_a_locked_importer_ends_with_5_as_its_command_does(tmp_path: Path, bulkload: CommandLine) -> None:
    (tmp_path / "bulkload.toml").write_text(
        '[[site]]\nname = "north"\nstore = "n.db"\npoll_seconds = 0.1\n'
        '[[site.folder]]\npath = "records"\ntemplate = "course-record"\nlegacy = true\n'
    )
    (tmp_path / "records").mkdir()
    for code in (3, 5):
        shutil.copy(EXAMPLES / "course-record" / "legacy.csv", tmp_path / "records")
        assert bulkload("watch", "--once").code == code


def test_sites_live_side_by_side_and_one_sites_trouble_is_not_the_others(tmp_path: Path, bulkload: CommandLine) -> None:
    north, south = site(tmp_path), site(tmp_path, "south")
    north.send(users("ann"))
    south.send(users("bob"))
    north.store.write_text("this is no store")
    said = bulkload("watch", "--once")
    assert said.code == 6
    assert "north" in said.err
    assert (south.users(), south.jobs()) == (["bob"], [("users.csv", "done")])
    north.store.unlink()
    assert bulkload("watch", "--once").code == 0
    assert north.users() == ["ann"]
    accounted(north)
    accounted(south)


def test_sites_may_share_a_store(tmp_path: Path, bulkload: CommandLine) -> None:
    north, south = site(tmp_path), site(tmp_path, "south")
    config = north.config.read_text()
    north.config.write_text(config.replace('store = "south.db"', 'store = "north.db"'))
    north.send(users(*(f"n{n}" for n in range(50))))
    south.send(users(*(f"s{n}" for n in range(50))))
    assert bulkload("watch", "--once").code == 0
    assert len(north.users()) == 100
    assert query(north.store, "SELECT DISTINCT state FROM job") == [("done",)]


def test_one_site_alone_can_be_watched(tmp_path: Path, bulkload: CommandLine) -> None:
    north, south = site(tmp_path), site(tmp_path, "south")
    north.send(users("ann"))
    south.send(users("bob"))
    bulkload("watch", "--once", "--site", "south")
    assert (north.store.exists(), south.users()) == (False, ["bob"])


def test_what_others_refer_to_comes_first(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path)
    with north.config.open("a") as file:
        file.write(
            '[[site.folder]]\npath = "events"\ntemplate = "event"\n[[site.folder]]\npath = "e"\ntemplate = "enrollment"\n'
        )
    bulkload("check-config", "--make-folders")
    shutil.copy(EXAMPLES / "enrollment" / "enrollments.csv", north.root / "e")
    shutil.copy(EXAMPLES / "enrollment" / "events.csv", north.root / "events")
    shutil.copy(EXAMPLES / "enrollment" / "users.csv", north.drop)
    bulkload("watch", "--once")
    ended = query(north.store, "SELECT file FROM job WHERE state = 'done' ORDER BY template = 'enrollment'")
    assert [one for (one,) in ended][-1] == "enrollments.csv"
    assert query(north.store, "SELECT count(*) FROM enrollment") == [(17,)]


# ---- the layout of students


def test_the_student_layout_takes_students_csv_and_refuses_other_names(tmp_path: Path, bulkload: CommandLine) -> None:
    write_district(tmp_path)
    (tmp_path / "south" / "input" / "students.csv").write_text(file_of(row()))
    (tmp_path / "south" / "input" / "pupils.csv").write_text(file_of(row()))
    assert bulkload("watch", "--once").code == 3
    found = dict(query(tmp_path / "store.db", "SELECT file, state FROM job WHERE via = 'folder'"))
    assert found == {"students.csv": "done", "pupils.csv": "refused"}
    assert [MARK.sub("", one.name) for one in sorted((tmp_path / "south" / "processed").iterdir())] == [
        "pupils.csv",
        "students.csv",
    ]
    assert (tmp_path / "south" / "output" / "students.results.csv").exists()


def test_older_results_and_rejects_stay_beside_newer_ones(north: Site, bulkload: CommandLine) -> None:
    for names in (("ann", "!bob"), ("cid",), ("dan", "!eve")):
        north.send(users(*names))
        bulkload("watch", "--once")
    assert sorted(one.name for one in (north.drop / "output").iterdir()) == [
        "users.rejects.csv",
        "users.rejects.csv.1",
        "users.results.csv",
        "users.results.csv.1",
        "users.results.csv.2",
    ]
    assert "cid" in (north.drop / "output" / "users.results.csv.1").read_text()
    accounted(north)


# ---- the layout of users with enrollments


REFERENCE = {
    "role.csv": "Role ID,Name\n2,Student\n",
    "node.csv": "Node String,Title\nN1,Node\n",
    "section.csv": "Call Number,Course ID,Title,Sort String,Term ID,Expires,Content\nMATH101,M1,Maths,S1,,2030-01-01,1\n",
}


def person(action: str = "ADD", number: int = 1, **more: str) -> str:
    """A line of a user-enrollment file."""
    cells = [
        action,
        "strata",
        f"S{number}",
        f"login{number}",
        "secret1",
        "Jane",
        "",
        "Doe",
        "",
        "",
        "",
        f"j{number}@x.org",
    ]
    cells += [""] * 10
    if action == "ENROLL":
        cells[19], cells[21] = "MATH101", "2"
    return "\t".join(cells) + "\n"


@pytest.fixture
def institution(tmp_path: Path, bulkload: CommandLine) -> Path:
    """The root of an institution whose store knows a section and a role."""
    said = '[[site]]\nname = "college"\nstore = "c.db"\nroot = "sftp"\nlayouts = ["API"]\npoll_seconds = 0.1\n'
    (tmp_path / "bulkload.toml").write_text(said)
    (tmp_path / "sftp" / "API").mkdir(parents=True)
    (tmp_path / "reference").mkdir()
    for name, content in REFERENCE.items():
        (tmp_path / "reference" / name).write_text(content)
    assert bulkload("apply", "--quiet", "reference").code == 0
    return tmp_path / "sftp"


def places_of(root: Path) -> list[str]:
    """The files below a root, without their marks."""
    return sorted(str(MARK.sub("", str(one.relative_to(root)))) for one in root.rglob("*") if one.is_file())


def test_a_users_file_goes_through_the_root_and_the_queue_to_processed_and_its_log_to_datadump(
    institution: Path, bulkload: CommandLine
) -> None:
    (institution / "API" / "students.txt").write_text(person() + person("ENROLL", 2))
    said = bulkload("watch", "--once")
    assert said.code == 0, said.err
    assert places_of(institution) == ["API/datadump/students.txt.csv", "processed/students.txt"]
    with closing(sqlite3.connect(institution.parent / "c.db")) as store:
        assert store.execute("SELECT count(*) FROM person").fetchone() == (2,)


def test_a_users_file_is_checked_in_the_root_of_the_site(institution: Path) -> None:
    (institution / "API" / "students.txt").write_text(person())
    with held(("bulkload.watching.work.validate", "before"), institution / "go", "watch", "--once"):
        assert places_of(institution) == ["go.reached", "students.txt"]
    assert "processed/students.txt" in places_of(institution)


def test_a_users_file_in_no_proper_format_stays_in_the_root_with_a_refused_job_and_a_log(
    institution: Path, bulkload: CommandLine
) -> None:
    (institution / "API" / "students.txt").write_bytes(b"ADD\tJos\xe9\n")
    assert bulkload("watch", "--once").code == 3
    assert places_of(institution) == ["API/datadump/students.txt.csv", "students.txt"]
    found = query(institution.parent / "c.db", "SELECT file, state FROM job WHERE via = 'folder'")
    assert found == [("students.txt", "refused")]
    for _ in range(2):
        assert bulkload("watch", "--once").code == 0
    assert len(query(institution.parent / "c.db", "SELECT 1 FROM job WHERE via = 'folder'")) == 1


def test_a_refused_users_file_and_its_log_are_kept_as_long_as_the_site_says_and_60_days(
    institution: Path, bulkload: CommandLine
) -> None:
    config = institution.parent / "bulkload.toml"
    config.write_text(config.read_text() + "keep_processed = 90\n")
    (institution / "API" / "students.txt").write_bytes(b"ADD\tJos\xe9\n")
    (institution / "notes.txt").write_text("mine")
    bulkload("watch", "--once", "--now", "2026-09-01T08:00:00Z")
    assert places_of(institution) == ["API/datadump/students.txt.csv", "notes.txt", "students.txt"]
    bulkload("watch", "--once", "--now", "2026-11-01T08:00:00Z")
    assert places_of(institution) == ["notes.txt", "students.txt"]
    bulkload("watch", "--once", "--now", "2026-12-01T08:00:00Z")
    assert places_of(institution) == ["notes.txt"]


COPIES = EXAMPLES / "course-copy"


@pytest.fixture
def copying(tmp_path: Path, bulkload: CommandLine) -> Path:
    """The root of an institution that copies courses: its store knows four terms and seven sections."""
    said = '[[site]]\nname = "college"\nstore = "c.db"\nroot = "sftp"\nlayouts = ["BCCT"]\nsource = "strata"\npoll_seconds = 0.1\n'
    (tmp_path / "bulkload.toml").write_text(said)
    (tmp_path / "sftp" / "BCCT").mkdir(parents=True)
    shutil.copytree(COPIES / "reference", tmp_path / "reference")
    assert bulkload("apply", "--quiet", "reference").code == 0
    return tmp_path / "sftp"


def test_a_course_copy_file_goes_to_bcct_processed_its_log_to_bcct_datadump_and_its_sections_into_the_store(
    copying: Path, bulkload: CommandLine
) -> None:
    lines = (COPIES / "copies.txt").read_text().splitlines(keepends=True)
    (copying / "BCCT" / "spring.txt").write_text(lines[0] + lines[4])
    said = bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z")
    assert said.code == 0, said.err
    (job,) = query(
        copying.parent / "c.db", "SELECT id, template, state, outcomes, results FROM job WHERE via = 'folder'"
    )
    assert files_under(copying) == [
        "BCCT",
        "BCCT/datadump",
        "BCCT/datadump/spring.txt.csv",
        "BCCT/processed",
        f"BCCT/processed/spring.20261121-{job[0]}.txt",
        "queued",
        "queued/BCCT",
    ]
    assert (*job[1:3], json.loads(job[3])) == ("course-copy", "done", {"created": 1, "updated": 1})
    assert job[4] == str(copying / "BCCT" / "datadump" / "spring.txt.csv")
    with (copying / "BCCT" / "datadump" / "spring.txt.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [
            (one["copy_type"], one["destination"], one["code"], one["message"], one["result"])
            for one in csv.DictReader(file)
        ] == [
            ("SECTION", "MATH101_S27", "0", "created: MATH101_S27", "SUCCESS"),
            ("CONTENT", "HIST200_F26", "0", "content copied into HIST200_F26", "SUCCESS"),
        ]
    made = "SELECT call_number, content FROM section WHERE call_number IN ('MATH101_S27', 'HIST200_F26') ORDER BY 1"
    assert query(copying.parent / "c.db", made) == [("HIST200_F26", 1), ("MATH101_S27", 0)]


def test_a_refused_course_copy_file_goes_to_bcct_processed_too_and_its_log_says_why(
    copying: Path, bulkload: CommandLine
) -> None:
    (copying / "BCCT" / "spring.txt").write_text("these are\nno copies\n")
    assert bulkload("watch", "--once").code == 3
    logged = ["BCCT/datadump/spring.rejects.txt", "BCCT/datadump/spring.txt.csv"]
    assert places_of(copying) == [*logged, "BCCT/processed/spring.txt"]
    assert "CELL_COUNT" in (copying / "BCCT" / "datadump" / "spring.txt.csv").read_text()


def test_the_form_of_a_nightly_users_file_is_checked_at_once(institution: Path, bulkload: CommandLine) -> None:
    config = institution.parent / "bulkload.toml"
    config.write_text(config.read_text() + 'schedule = "02:00"\n')
    (institution / "API" / "good.txt").write_text(person())
    (institution / "API" / "bad.txt").write_bytes(b"ADD\tJos\xe9\n")
    bulkload("watch", "--once", "--now", "2026-11-21T10:00:00Z")
    assert places_of(institution)[:2] == ["API/datadump/bad.txt.csv", "bad.txt"]
    assert [one.name for one in (institution / "queued" / "API").glob("*/*")] == ["good.txt"]
    assert query(institution.parent / "c.db", "SELECT file, state FROM job WHERE via = 'folder' ORDER BY file") == [
        ("bad.txt", "refused"),
        ("good.txt", "queued"),
    ]


def test_trouble_with_the_form_of_a_nightly_users_file_does_not_make_it_run_by_day(
    institution: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = institution.parent / "bulkload.toml"
    config.write_text(config.read_text() + 'schedule = "02:00"\n')
    (institution / "API" / "students.txt").write_text(person())

    def full(*_: object, **__: object) -> None:
        raise OutputError.of("spool", OSError(28, "No space left on device"))

    with monkeypatch.context() as patch:
        patch.setattr(work, "validate", full)
        assert bulkload("watch", "--once", "--now", "2026-11-21T10:00:00Z").code == 6
    states = "SELECT state FROM job WHERE via = 'folder'"
    for now, state in (("2026-11-21T11:00:00Z", "queued"), ("2026-11-22T02:00:00Z", "done")):
        assert bulkload("watch", "--once", "--now", now).code == 0
        assert query(institution.parent / "c.db", states) == [(state,)]


def write_district(folder: Path) -> None:
    """A site of a district whose store knows its schools and orders."""
    district(folder)
    said = '[[site]]\nname = "south"\nstore = "store.db"\nroot = "south"\nlayouts = ["student"]\npoll_seconds = 0.1\n'
    (folder / "bulkload.toml").write_text(said)
    (folder / "south" / "input").mkdir(parents=True)


# ---- the daemon


def test_a_daemon_takes_what_comes_and_stops_at_sigterm(north: Site, tmp_path: Path) -> None:
    with daemon(tmp_path) as running:
        north.send(users("ann"))
        until(lambda: north.jobs() == [("users.csv", "done")])
        north.send(users("bob"), "more.csv")
        until(lambda: ("more.csv", "done") in north.jobs())
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
    accounted(north)


def test_sigterm_stops_after_the_file_in_hand(north: Site, tmp_path: Path) -> None:
    north.send(users("ann"), "a.csv")
    north.send(users("bob"), "b.csv")
    point = ("bulkload.runs.commit", "before")
    with held(point, tmp_path / "go", "watch") as running:
        running.send_signal(signal.SIGTERM)
    assert running.returncode == 0
    assert north.jobs() == [("a.csv", "done"), ("b.csv", "queued")]
    accounted(north, waiting=True)


def test_a_daemon_survives_a_share_that_vanishes(north: Site, tmp_path: Path) -> None:
    with daemon(tmp_path) as running:
        north.drop.rename(tmp_path / "gone")
        until(lambda: "there is no such folder" in (tmp_path / "log").read_text())
        (tmp_path / "gone").rename(north.drop)
        north.send(users("ann"))
        until(lambda: north.jobs() == [("users.csv", "done")])
        running.terminate()
        assert running.wait(20) == 0
    assert "trouble over" in (tmp_path / "log").read_text()
    accounted(north)


@contextlib.contextmanager
def daemon(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `watch` in a folder, its log in the file `log`."""
    command = [BULKLOAD, "watch", "--log-file", str(folder / "log")]
    with subprocess.Popen(command, cwd=folder, text=True) as running:
        try:
            until(lambda: (folder / "log").exists() and "started" in (folder / "log").read_text())
            yield running
        finally:
            running.kill()


# ---- what is printed to be installed


def test_a_unit_and_a_crontab_line_are_printed_and_nothing_is_done(north: Site, bulkload: CommandLine) -> None:
    unit = bulkload("watch", "--print-systemd", "--site", "north").out
    assert f'Environment="BULKLOAD_CONFIG={north.config}"\nExecStart=' in unit
    assert "watch --site north\n" in unit
    line = bulkload("watch", "--print-cron").out
    assert line == f"*/5 * * * * BULKLOAD_CONFIG={north.config} {BULKLOAD} watch --once\n"
    assert not north.store.exists()


def test_the_crontab_line_runs_as_a_shell_would_run_it(north: Site, bulkload: CommandLine, tmp_path: Path) -> None:
    north.send(users("ann"))
    line = bulkload("watch", "--print-cron").out.removeprefix("*/5 * * * * ")
    subprocess.run(["sh", "-c", line], cwd="/", check=True, capture_output=True)
    assert north.users() == ["ann"]


def test_what_is_printed_holds_for_names_with_blanks_and_signs(tmp_path: Path, bulkload: CommandLine) -> None:
    home = tmp_path / '100% of $HOME\'s "files"'
    home.mkdir()
    north = site(home)
    north.send(users("ann"))
    os.chdir(home)
    line = bulkload("watch", "--print-cron", "--log-file", home / "log").out.removeprefix("*/5 * * * * ")
    subprocess.run(["sh", "-c", line.replace("\\%", "%")], cwd="/", check=True, capture_output=True)
    assert north.users() == ["ann"]
    unit = bulkload("watch", "--print-systemd", "--log-file", home / "log").out
    escaped = str(home).replace('"', '\\"').replace("%", "%%")
    assert f'Environment="BULKLOAD_CONFIG={escaped}/bulkload.toml"\n' in unit
    assert f'--log-file "{escaped.replace("$", "$$")}/log"\n' in unit


# ---- the log


def test_the_log_has_a_line_for_each_thing_and_json_where_asked(
    north: Site, bulkload: CommandLine, tmp_path: Path
) -> None:
    north.send(users("ann", "!bob"), "José's users.csv")
    bulkload("watch", "--once", "--log-format", "json", "--log-file", tmp_path / "log")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text("utf-8").splitlines()]
    assert [(one["what"], one["site"], one["file"]) for one in lines] == [
        ("taken", "north", "José's users.csv"),
        ("applied", "north", "José's users.csv"),
    ]
    assert (lines[1]["created"], lines[1]["rejected"]) == (1, 1)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_the_log_says_why_a_file_was_refused(north: Site, bulkload: CommandLine) -> None:
    north.send("no,user,file\n1,2,3\n")
    said = bulkload("watch", "--once", "--log-format", "json").err
    refused = json.loads(said.splitlines()[-1])
    assert (refused["what"], refused["level"], "Username" in refused["reason"]) == ("refused", "warning", True)


def test_a_log_file_rotates(
    north: Site, bulkload: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "SIZE", 300)
    for nth in range(6):
        north.send(users("ann"), f"{nth}.csv")
        bulkload("watch", "--once", "--log-file", tmp_path / "log")
    kept = sorted(tmp_path.glob("log*"))
    assert len(kept) > 2
    assert all(one.stat().st_size <= 300 for one in kept)
    assert "".join(one.read_text() for one in kept).count("applied") == 6


def test_a_log_file_that_cannot_be_written_is_wrong_usage(north: Site, bulkload: CommandLine, tmp_path: Path) -> None:
    said = bulkload("watch", "--once", "--log-file", tmp_path / "no" / "log")
    assert (said.code, "cannot be written" in said.err) == (2, True)
