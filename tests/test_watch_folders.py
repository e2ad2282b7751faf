"""Settings of single folders, what wakes a watcher, and that it watches where nothing does (unattended §1, §2.2, §2.3)."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import watchfiles
from conftest import CommandLine
from example_runs import EXAMPLES
from faults import until
from loading import query
from unattended import Site, accounted, site, users

from bulkload.config import settings
from bulkload.logs import log_to
from bulkload.watching.service import Watch, watches


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BULKLOAD_CONFIG", raising=False)


# ---- what a folder's files are loaded with


def test_all_or_nothing_refuses_a_file_with_a_bad_row(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, folder="all_or_nothing = true")
    north.send(users("ann", "!bob"))
    assert bulkload("watch", "--once").code == 3
    assert (north.jobs(), north.users()) == ([("users.csv", "refused")], [])


@pytest.mark.parametrize("where", ["settings", "folder"])
def test_the_delimiter_is_that_of_the_site_or_of_the_folder(where: str, tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, **{where: 'delimiter = "|"'})
    north.send(users("ann").replace(",", ";"), "semicolon.csv")
    north.send(users("bob").replace(",", "|"), "pipe.csv")
    assert bulkload("watch", "--once").code == 3
    assert (sorted(north.jobs()), north.users()) == ([("pipe.csv", "done"), ("semicolon.csv", "refused")], ["bob"])


def test_the_encoding_is_that_of_the_folder(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, folder='encoding = "cp1252"')
    north.send(users("ann").replace(",F,", ",José,").encode("cp1252"))
    assert bulkload("watch", "--once").code == 0
    assert query(north.store, 'SELECT first_name FROM "user"') == [("José",)]


def test_the_schedule_and_the_marker_of_a_folder_go_before_those_of_the_site(
    tmp_path: Path, bulkload: CommandLine
) -> None:
    north = site(tmp_path, settings='schedule = "02:00"\nmarker = ".done"', folder='schedule = "03:00"\nmarker = ".ok"')
    north.send(users("ann"))
    (north.drop / "users.csv.done").touch()
    bulkload("watch", "--once", "--now", "2026-11-21T10:00:00Z")
    assert north.jobs() == []
    (north.drop / "users.csv.ok").touch()
    bulkload("watch", "--once", "--now", "2026-11-21T10:00:00Z")
    bulkload("watch", "--once", "--now", "2026-11-22T02:00:00Z")
    assert north.jobs() == [("users.csv", "queued")]
    bulkload("watch", "--once", "--now", "2026-11-22T03:00:00Z")
    assert north.jobs() == [("users.csv", "done")]


RECORDS = EXAMPLES / "course-record"
SITE = '[[site]]\nname = "cme"\nstore = "cme.db"\npoll_seconds = 0.1\n'


def test_course_and_clean_are_those_of_the_commands(tmp_path: Path, bulkload: CommandLine) -> None:
    (tmp_path / "bulkload.toml").write_text(
        f'{SITE}[[site.folder]]\npath = "stroke"\ntemplate = "course-record"\ncourse = "CME-2014-03"\nclean = true\n'
    )
    shutil.copytree(RECORDS / "reference", tmp_path / "reference", ignore=shutil.ignore_patterns("expected"))
    assert bulkload("apply", "--quiet", "reference").code == 0
    (tmp_path / "stroke").mkdir()
    lines = (RECORDS / "stroke-care.csv").read_text().replace("physician", "physician\u00a0", 1)
    (tmp_path / "stroke" / "stroke-care.csv").write_text(lines)
    said = bulkload("watch", "--once")
    assert said.code in {0, 1}, said.err
    found = "SELECT DISTINCT course.id FROM course_record JOIN course ON course.number = course_record.course"
    assert query(tmp_path / "cme.db", found) == [("CME-2014-03",)]


# ---- what wakes a watcher


@contextlib.contextmanager
def watched() -> Iterator[Watch]:
    """What watches the only site of this folder; stopped in the end."""
    found, before = settings(), threading.enumerate()
    with contextlib.closing(log_to("text", Path("log"))) as log:
        (one,) = watches(found.site, found, clock=lambda: datetime.now(UTC), log=log)
        yield one
        one.stop.set()
        one.wake.set()
        for thread in threading.enumerate():
            if thread not in before:
                thread.join(20)
                assert not thread.is_alive(), thread.name


def test_an_event_in_a_folder_wakes_the_watcher_before_its_time(tmp_path: Path) -> None:
    north = site(tmp_path)
    north.config.write_text(north.config.read_text().replace("poll_seconds = 0.1", "poll_seconds = 3600"))
    with watched() as one:
        threading.Thread(target=one.listen, name="listen").start()

        def woken() -> bool:
            (north.drop / "users.csv").write_text(users("ann"))
            return one.wake.wait(0.2)

        until(woken, 20)


def test_a_watcher_that_is_told_of_nothing_polls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watchfiles, "watch", refused)
    north = site(tmp_path)
    north.send(users("ann"))
    with watched() as one:
        threading.Thread(target=one.run, name="run").start()
        until(lambda: north.jobs() == [("users.csv", "done")], 30)
    accounted(north)


def test_where_nothing_comes_a_watcher_writes_nothing(tmp_path: Path, bulkload: CommandLine) -> None:
    north: Site = site(tmp_path)
    bulkload("watch", "--once")
    before = north.store.stat().st_mtime_ns
    time.sleep(0.05)
    assert bulkload("watch", "--once").err == ""
    assert north.store.stat().st_mtime_ns == before
