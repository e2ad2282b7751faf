"""Watches sites: for each a thread that takes files, one that works through the queue, and one that sends mail."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bulkload.config import Settings
from bulkload.errors import BulkloadError, QueueBusy, StoreError, sentence_of
from bulkload.logs import Log
from bulkload.mailing.sending import Post
from bulkload.sites import Folder, Site
from bulkload.store import store_path
from bulkload.watching.daily import raise_alarms
from bulkload.watching.keeping import purge_daily
from bulkload.watching.looking import Looks
from bulkload.watching.taking import flush, take
from bulkload.watching.troubles import Troubles
from bulkload.watching.work import Work

PATIENCE = 600.0
"""Seconds that one pass waits for another process to have done with the queue."""

BREATH = 0.05
"""Seconds in which another thread can have the store."""


@dataclass
class Watch:
    """Watches one site. Whatever happens to it is said, and tried again: nothing of it reaches another site."""

    site: Site
    work: Work
    log: Log
    clock: Callable[[], datetime]
    stop: threading.Event
    wake: threading.Event = field(default_factory=threading.Event)
    worst: int = 0
    told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.looks = [Looks(one, self.site.poll_seconds) for one in self.site.folders()]
        self.post = Post(self.site, self.work.shown, self.work.opened, self.log)
        self.troubles = Troubles(self.log)

    # one step of each kind

    def take_whole(self) -> int:
        """Look into every folder and take what is whole; return how many files were taken."""
        taken = 0
        for looks in self.looks:
            with self.surviving(f"folder {looks.folder.path}"):
                make_places(looks.folder)
                here = sum(self.take_one(looks.folder, path) for path in looks.whole(time.monotonic()))
                if here:
                    flush(looks.folder.path)
                taken += here
                for name in looks.left - self.told:
                    self.log("left", file=name, folder=str(looks.folder.path), text="bulkload wrote it")
                self.told |= looks.left
        return taken

    def take_one(self, folder: Folder, path: Path) -> bool:
        """Take a whole file; one that cannot be taken keeps no other back."""
        found = None
        with self.surviving(f"file {path}"):
            found = take(folder, path, self.clock(), self.site.time_zone)
        if found is not None:
            self.log("taken", job=found.id, file=path.name, folder=str(folder.path))
        return found is not None

    def work_on(self) -> tuple[int, bool]:
        """Work through the queue for some seconds; return the exit code of what was done, and whether more is due."""
        with self.surviving("queue"), contextlib.suppress(QueueBusy):
            return self.work.slice()
        return 0, False

    def do_chores(self) -> None:
        """Raise alarms and purge."""
        with self.surviving("store"), self.work.opened() as store:
            raise_alarms(store, self.site, self.work.shown, self.clock(), self.log)
            purge_daily(store, self.site, self.clock(), self.log)

    def send_mail(self) -> None:
        """Send the mails that are due."""
        with self.surviving("outbox"):
            self.post.send_due(self.clock())

    @contextlib.contextmanager
    def surviving(self, what: str) -> Iterator[None]:
        """Say what went wrong in a step, and go on after it."""
        try:
            yield
        except (BulkloadError, OSError) as error:
            self.worst = max(self.worst, getattr(error, "exit_code", StoreError.exit_code))
            self.troubles.begin(what, sentence_of(error))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a fault in one step of one site, a panic of polars too, stops nothing else
            self.worst = BulkloadError.exit_code
            self.troubles.begin(what, f"a fault of bulkload itself: {type(error).__name__}")
        else:
            self.troubles.end(what)

    # once

    def once(self) -> int:
        """Handle what is there and end; return the highest exit code of its files."""
        code = 0
        if self.take_whole() == 0 and any(one.waits for one in self.looks):
            self.stop.wait(self.site.poll_seconds)
            self.take_whole()
        deadline, more = time.monotonic() + PATIENCE, True
        while more and not self.stop.is_set():
            more = False
            with self.surviving("queue"):
                done, more = self.turn(deadline)
                code = max(code, done)
        self.do_chores()
        self.send_mail()
        return max(code, self.worst, self.work.worst)

    def turn(self, deadline: float) -> tuple[int, bool]:
        """Work for some seconds, or wait for another process that does; raise QueueBusy where that lasts too long."""
        try:
            return self.work.slice()
        except QueueBusy:
            if time.monotonic() >= deadline:
                raise
            self.stop.wait(BREATH)
            return 0, True

    # as a daemon

    def run(self) -> None:
        """Watch until `stop` is set; return when the file in hand is done."""
        threads = [
            threading.Thread(target=self.repeat, args=(one,), name=f"{one.__name__} {self.site.name}", daemon=daemon)
            for one, daemon in ((self.take_whole, False), (self.work_through, False), (self.send_mail, True))
        ]
        threading.Thread(target=self.listen, name=f"events {self.site.name}", daemon=True).start()
        for one in threads:
            one.start()
        for one in threads:
            one.join(None if not one.daemon else self.site.poll_seconds)

    def repeat(self, step: Callable[[], object]) -> None:
        """Do a step again and again, with pauses that an event in a folder cuts short."""
        while not self.stop.is_set():
            step()
            if self.stop.is_set():
                return
            if step == self.take_whole:
                self.wake.wait(self.site.poll_seconds)
                self.wake.clear()
            else:
                self.stop.wait(self.site.poll_seconds)

    def work_through(self) -> None:
        """Work through the queue until nothing more is due."""
        more = True
        while more and not self.stop.is_set():
            _, more = self.work_on()
            self.stop.wait(BREATH)
        self.do_chores()

    def listen(self) -> None:
        """Wake the thread that takes files when something happens in a folder, where the system tells; else it just polls."""
        from watchfiles import watch

        while not self.stop.is_set():
            there = [one.folder.path for one in self.looks if one.folder.path.is_dir()]
            try:
                for _ in watch(*there, stop_event=self.stop, recursive=False, watch_filter=None, raise_interrupt=False):
                    self.wake.set()
            except (OSError, RuntimeError):
                self.stop.wait(self.site.poll_seconds)
        self.wake.set()


def make_places(folder: Folder) -> None:
    """Make the folders that things go to, but none above them; raise OSError where new files cannot come: a share that is not there."""
    if not folder.path.is_dir():
        raise FileNotFoundError(2, "there is no such folder, or its share is not there", str(folder.path))
    for place in (*folder.places.values(), folder.room):
        place.mkdir(exist_ok=True)


def watches(
    sites: Sequence[Site], found: Settings, *, clock: Callable[[], datetime], log: Log, at_once: bool = False
) -> list[Watch]:
    """Return what watches each of some sites; those that share a store take turns at it."""
    stop = threading.Event()
    doors: dict[Path, threading.Lock] = {}
    made = []
    for site in sites:
        own = log.of(site.name)
        door = doors.setdefault(store_path(site.store).resolve(), threading.Lock())
        work = Work(site, found.shown_at(site), own, clock, door, stop, at_once)
        made.append(Watch(site, work, own, clock, stop))
    return made


def in_threads(every: Sequence[Watch], step: Callable[[Watch], object]) -> None:
    """Do something with every site at once, and return when all are done."""
    threads = [threading.Thread(target=step, args=(one,), name=one.site.name) for one in every]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
