"""What is left of unattended work after every fault of unattended §5: nothing is lost, nothing applied twice, all accounted for.

Every fault is real: processes that are killed at a named point, a full disk, two watchers. After each the files
are counted, against jobs, results, mails and the store.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BULKLOAD, CommandLine, process
from faults import die, fill, held, mounted, read_only, until
from loading import query
from unattended import MAIL, Inbox, Site, accounted, mail_server, site, users

from bulkload.store import sqlite

POINTS = {
    "before the rename out of the folder": ("bulkload.watching.service.take", "before"),
    "after the rename out of the folder": ("bulkload.watching.service.take", "after"),
    "after the marker is removed": ("bulkload.watching.work.remove_marker", "after"),
    "in the transaction that queues": ("bulkload.store.deliveries.of_jobs.add", "after"),
    "after it is queued": ("bulkload.store.deliveries.add", "after"),
    "before the load": ("bulkload.watching.work.apply_file", "before"),
    "when the job runs": ("bulkload.runs.identify", "before"),
    "in pass 1": ("bulkload.first_pass.look", "before"),
    "in pass 2": ("bulkload.second_pass.settle", "after"),
    "before the copies are kept": ("bulkload.runs.keep", "before"),
    "before the transaction": ("bulkload.runs.commit", "before"),
    "in the transaction": ("bulkload.runs.apply", "after"),
    "right after COMMIT": ("bulkload.runs.commit", "after"),
    "between two renames of results": ("os.replace", "after"),
    "after the renames of results": ("bulkload.delivery.finish_renames", "after"),
    "before the file is moved on": ("bulkload.watching.work.Work.settle", "before"),
    "after the file is moved on": ("bulkload.watching.work.mails_due", "before"),
    "in the transaction of the outbox": ("bulkload.store.outbox.add", "after"),
    "after the outbox is filled": ("bulkload.watching.work.Work.settle", "after"),
    "before a mail is sent": ("bulkload.mailing.sending.send", "before"),
    "after a mail is sent": ("bulkload.mailing.sending.send", "after"),
    "after a mail is noted as sent": ("bulkload.mailing.sending.Post.note", "after"),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with mail_server() as running:
        yield running


@pytest.fixture
def north(tmp_path: Path) -> Site:
    return site(tmp_path)


# ---- killed


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_watcher_killed_at_any_point_loses_nothing_and_applies_nothing_twice(
    point: tuple[str, str], tmp_path: Path, inbox: Inbox, bulkload: CommandLine
) -> None:
    north = site(tmp_path, folder='marker = ".done"', mail=MAIL.format(port=inbox.port))
    north.send(users("ann", "!bob", "cid"))
    (north.drop / "users.csv.done").touch()
    die(point, "watch", "--once", cwd=tmp_path)
    after = bulkload("watch", "--once")
    assert after.code in {0, 1}, after.err
    accounted(north)
    assert north.users() == ["ann", "cid"]
    assert north.jobs() == [("users.csv", "done")]
    assert list(north.drop.glob("*")) == [one for one in north.drop.iterdir() if one.is_dir()]
    sent = [one.content.decode() for one in inbox.letters]  # type: ignore[union-attr]
    ids = [line for one in sent for line in one.splitlines() if line.startswith("Message-ID: ")]
    assert len(set(ids)) == 2
    assert len(ids) == (3 if point == POINTS["after a mail is sent"] else 2), (
        "a mail may come twice only if nobody noted it"
    )
    assert bulkload("watch", "--once").code == 0
    assert north.jobs() == [("users.csv", "done")]


def test_a_file_over_which_the_process_dies_again_and_again_is_given_up(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"), "bad.csv")
    north.send(users("bob"), "good.csv")
    for _ in range(3):
        die(("bulkload.runs.commit", "before"), "watch", "--once", cwd=north.base)
    assert bulkload("watch", "--once").code == 70
    assert sorted(north.jobs()) == [("bad.csv", "failed"), ("good.csv", "done")]
    assert "died 3 times" in bulkload("status", "--check").out
    accounted(north)


def test_status_of_a_killed_watcher_says_that_the_file_waits(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    die(("bulkload.runs.commit", "before"), "watch", "--once", cwd=north.base)
    (listed,) = json.loads(bulkload("status", "--json").out)
    assert (listed["state"], "waits to be run again" in listed["message"]) == ("queued", True)
    accounted(north, waiting=True)


def test_another_command_leaves_the_queue_as_it_is(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    die(("bulkload.runs.commit", "before"), "watch", "--once", cwd=north.base)
    (north.base / "later.csv").write_text(users("zoe"))
    assert bulkload("apply", "later.csv").code == 0
    assert north.jobs() == [("users.csv", "queued"), ("later.csv", "done")]
    assert bulkload("watch", "--once").code == 0
    assert north.jobs() == [("users.csv", "done"), ("later.csv", "done")]


def test_a_last_rename_that_did_not_reach_the_disk_is_done_again(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    bulkload("watch", "--once")
    ((job, path),) = query(north.store, "SELECT id, path FROM job")
    back = north.drop / "queued" / "users" / job
    back.mkdir()
    Path(path).rename(back / "users.csv")
    assert bulkload("watch", "--once").code == 0
    accounted(north)


# ---- two watchers


def test_two_watchers_on_one_folder_take_and_apply_each_file_once(north: Site, bulkload: CommandLine) -> None:
    for nth in range(30):
        north.send(users(f"u{nth:03}"), f"{nth:03}.csv")
    running = [
        subprocess.Popen([BULKLOAD, "watch", "--once"], cwd=north.base, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=120)[1] for one in running]
    assert [one.returncode for one in running] == [0, 0], said
    assert sum(one.count(" taken ") for one in said) == 30
    assert len(north.users()) == 30
    accounted(north)


def test_a_watcher_takes_nothing_twice_that_another_has_in_hand(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    with held(("bulkload.runs.commit", "before"), north.base / "go", "watch", "--once"):
        other = subprocess.Popen([BULKLOAD, "watch", "--once"], cwd=north.base)
        time.sleep(1)
    assert other.wait(60) == 0
    assert north.jobs() == [("users.csv", "done")]
    accounted(north)


# ---- files that are not whole yet


WRITER = """
import sys, time
for n in range(20):
    with open(sys.argv[1], "a") as file:
        file.write(f"u{n:03},F,L,u{n:03}@x.org,Yes\\n")
    time.sleep(0.05)
"""


def test_a_file_that_grows_is_taken_when_it_has_stopped(tmp_path: Path) -> None:
    north = site(tmp_path)
    north.config.write_text(north.config.read_text().replace("poll_seconds = 0.1", "poll_seconds = 0.5"))
    growing = north.drop / "users.csv"
    growing.write_text(users())
    with watching(tmp_path) as running, subprocess.Popen([sys.executable, "-c", WRITER, str(growing)]) as writer:
        writer.wait(30)
        until(lambda: north.jobs() == [("users.csv", "done")])
        running.terminate()
        assert running.wait(30) == 0
    assert len(north.users()) == 20


def test_a_file_that_is_replaced_while_it_waits_is_taken_as_it_is_in_the_end(north: Site) -> None:
    north.config.write_text(north.config.read_text().replace("poll_seconds = 0.1", "poll_seconds = 0.6"))
    north.send(users("ann"))
    with subprocess.Popen([BULKLOAD, "watch", "--once"], cwd=north.base) as running:
        time.sleep(0.7)
        north.came.clear()
        north.send(users("bob"))
        running.wait(30)
    assert process("watch", "--once", cwd=north.base).code == 0
    assert north.users() == ["bob"]
    accounted(north)


def test_a_file_of_the_same_name_that_comes_while_one_is_processed_is_another_job(north: Site) -> None:
    north.send(users("ann"))
    with held(("bulkload.runs.commit", "before"), north.base / "go", "watch", "--once"):
        north.send(users("bob"))
    assert process("watch", "--once", cwd=north.base).code == 0
    assert north.jobs() == [("users.csv", "done")] * 2
    accounted(north)


# ---- disks


def test_a_full_disk_is_said_and_survived(tmp_path: Path, bulkload: CommandLine) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        os.chdir(disk)
        north = site(disk)
        north.send(users("ann"), "first.csv")
        assert bulkload("watch", "--once").code == 0
        north.send(users(*(f"u{n:04}" for n in range(2000))))
        filler = fill(disk, 8 << 10)
        said = bulkload("watch", "--once")
        assert said.code == 6, said
        assert "disk is full" in said.err or "No space left" in said.err
        accounted(north, waiting=True)
        filler.unlink()
        assert bulkload("watch", "--once", "--now").code == 0
        assert len(north.users()) == 2001
        accounted(north)
        os.chdir(tmp_path)


def test_a_daemon_survives_a_full_disk(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        north = site(disk)
        north.send(users("ann"), "first.csv")
        with watching(disk, log=tmp_path / "log") as running:
            until(lambda: north.jobs() == [("first.csv", "done")])
            filler = fill(disk, 0)
            (north.drop / "users.csv").touch()
            until(
                lambda: (
                    "No space left" in (tmp_path / "log").read_text()
                    or "disk is full" in (tmp_path / "log").read_text()
                )
            )
            assert running.poll() is None
            filler.unlink()
            (north.drop / "users.csv").unlink(missing_ok=True)
            north.send(users("bob"), "more.csv")
            until(lambda: ("more.csv", "done") in north.jobs(), 60)
            running.terminate()
            assert running.wait(30) == 0


def test_a_results_folder_that_is_read_only_holds_its_files_back_and_no_others(
    tmp_path: Path, bulkload: CommandLine
) -> None:
    north, south = site(tmp_path), site(tmp_path, "south")
    with mounted(north.drop / "output", "1m") as output:
        read_only(output)
        north.send(users("ann"))
        south.send(users("bob"))
        said = bulkload("watch", "--once")
        assert said.code == 2
        assert "Read-only" in said.err
        assert (north.jobs(), south.jobs()) == ([("users.csv", "queued")], [("users.csv", "done")])
        check = bulkload("status", "--check")
        assert (check.code, "Read-only" in check.out) == (1, True)
        accounted(north, waiting=True)
        subprocess.run(["mount", "-o", "remount,rw", str(output)], check=True)
        assert bulkload("watch", "--once", "--now").code == 0
        accounted(north)
    accounted(south)


# ---- the store


def test_a_store_that_another_program_holds_is_waited_for(
    north: Site, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    north.send(users("ann"), "first.csv")
    bulkload("watch", "--once")
    monkeypatch.setattr(sqlite, "WAIT_MS", 300)
    north.send(users("bob"))
    with contextlib.closing(sqlite3.connect(north.store, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = bulkload("watch", "--once")
        assert (said.code, "holds the store" in said.err) == (5, True)
        other.execute("ROLLBACK")
    accounted(north, waiting=True)
    assert bulkload("watch", "--once").code == 0
    accounted(north)


def test_a_daemon_survives_a_store_that_is_locked_for_more_than_a_minute(north: Site) -> None:
    north.send(users("ann"), "first.csv")
    assert process("watch", "--once", cwd=north.base).code == 0
    with (
        watching(north.base) as running,
        contextlib.closing(sqlite3.connect(north.store, isolation_level=None)) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        north.send(users("bob"))
        until(lambda: "holds the store" in (north.base / "log").read_text(), 90)
        assert time.monotonic() - begun > 59
        other.execute("ROLLBACK")
        until(lambda: ("users.csv", "done") in north.jobs(), 60)
        running.terminate()
        assert running.wait(30) == 0
    accounted(north)


def test_a_store_that_is_gone_is_not_made_anew(north: Site, tmp_path: Path) -> None:
    north.send(users("ann"), "first.csv")
    with watching(tmp_path) as running:
        until(lambda: north.jobs() == [("first.csv", "done")])
        until(lambda: list((north.drop / "queued" / "users").iterdir()) == [])
        north.store.rename(tmp_path / "elsewhere.db")
        north.send(users("bob"))
        until(lambda: "is not there, or its disk is not" in (tmp_path / "log").read_text())
        assert not north.store.exists()
        (tmp_path / "elsewhere.db").rename(north.store)
        until(lambda: ("users.csv", "done") in north.jobs())
        running.terminate()
        assert running.wait(60) == 0
    accounted(north)


# ---- many


def test_ten_thousand_files_at_once_are_all_taken_and_queued_in_order(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, settings='schedule = "02:00"')
    for nth in range(10_000):
        north.send(users(f"u{nth:05}"), f"{nth:05}.csv")
    assert bulkload("watch", "--once", "--now", "2026-11-21T10:00:00Z", "--log-file", tmp_path / "log").code == 0
    assert north.jobs() == [(f"{nth:05}.csv", "queued") for nth in range(10_000)]
    accounted(north, waiting=True)
    assert bulkload("status", "--json").out.count('"queued"') == 10_000


# ---- what runs in the background


@contextlib.contextmanager
def watching(folder: Path, log: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run `watch` in a folder."""
    written = log or folder / "log"
    with subprocess.Popen([BULKLOAD, "watch", "--log-file", str(written)], cwd=folder, text=True) as running:
        try:
            until(lambda: written.exists() and "started" in written.read_text())
            yield running
        finally:
            running.kill()
