"""Works through a site's queue: a taken file is queued, checked, processed, moved on, and told of, each step safe to do again."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from bulkload.config import Settings
from bulkload.errors import BulkloadError, Busy, FileRefused, QueueBusy, StoreError
from bulkload.jobs import Job
from bulkload.logs import Log
from bulkload.mailing.letters import mails_due
from bulkload.places import default_results
from bulkload.runs import Request, apply_file, validate
from bulkload.sites import Folder, Site
from bulkload.source import Reading, shown_path
from bulkload.store import Store, deliveries, jobs, open_store, outbox, store_path
from bulkload.store.deliveries import Delivery
from bulkload.store.locking import locked
from bulkload.template import Options
from bulkload.templates import template_named, templates
from bulkload.watching.looking import is_being_written
from bulkload.watching.names import Taken, in_queue, marked, taken_files
from bulkload.watching.taking import delivery_of, flush, remove_marker, take
from bulkload.watching.troubles import Troubles

SLICE = 5.0
"""Seconds of work after which others have a turn at the store: mails that wait to be sent."""

FIRST_PAUSE, LONGEST_PAUSE = 10, 600
"""Seconds until a file is tried again that some trouble stopped: twice as long each time, up to ten minutes."""

LONGEST_NIGHT = 26 * 3600
"""Seconds that a file waits for its time of day at most: a day on which clocks are put back, and some."""

MOST_CRASHES = 3
"""Times that the process may die over one file until the file is given up."""

WAIT = 60.0
"""Seconds to wait for another run on the store, before other files have their turn."""


@dataclass
class Work:
    """The work of one site; `door` lets one thread of the process have the store open at a time.

    `worst` is the highest exit code of the troubles that files met. Two libraries have it open in turn, and one's closing it would drop the other's locks.
    """

    site: Site
    shown: Settings
    log: Log
    clock: Callable[[], datetime]
    door: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)
    at_once: bool = False

    def __post_init__(self) -> None:
        self.folders = {shown_path(one.path): one for one in self.site.folders()}
        self.order = {name: nth for nth, name in enumerate(templates())}
        self.troubles = Troubles(self.log)
        self.resting: set[str] = set()
        self.worst = 0

    @property
    def now(self) -> int:
        """Return the time now, in seconds since 1970."""
        return int(self.clock().timestamp())

    @contextlib.contextmanager
    def opened(self) -> Iterator[Store]:
        """Open the store for a moment, made where there is none."""
        with self.door, open_store(self.site.store, create=True) as store:
            yield store

    def slice(self) -> tuple[int, bool]:
        """Work for some seconds; return the highest exit code of what was done, and whether more is due.

        One process works on a site's queue at a time. Raises QueueBusy where another one does, StoreError and
        OSError where nothing can be done.
        """
        begun, code = time.monotonic(), 0
        queue = store_path(self.site.store).resolve()
        with self.opened() as store, alone(queue.with_name(f"{queue.name}.{self.site.name}"), self.site.name):
            self.tidy(store)
            places = self.adopt(store)
            blocked: set[str] = set()
            for one in self.ordered(deliveries.on_their_way(store, self.site.name)):
                if self.stop.is_set():
                    return code, False
                if one.folder in blocked:
                    continue
                if time.monotonic() - begun > SLICE:
                    return code, True
                done = self.further(store, one, places)
                if done is None:
                    blocked.add(one.folder)
                else:
                    code = max(code, done)
        return code, False

    def tidy(self, store: Store) -> None:
        """Put right what a crash left, unless another run has the store, and does so itself; count whose process died.

        A file runs only while its queue is held: whoever holds the queue, and finds one running, finds a crash.
        """
        with contextlib.suppress(Busy), store.lock(wait=0):
            for one in deliveries.on_their_way(store, self.site.name):
                if one.job.state == "running":
                    deliveries.change(store, one.job.id, crashes=one.crashes + 1)
            for sentence in jobs.tidy(store, self.now):
                self.troubles.begin(sentence, sentence)

    def ordered(self, found: list[Delivery]) -> list[Delivery]:
        """Return files with those first that others refer to, else in the order of their arrival."""
        return sorted(found, key=lambda one: self.order.get(one.job.template or "", -1))

    def adopt(self, store: Store) -> dict[str, Taken]:
        """Queue the files that were taken and are no jobs yet, and return where each file is, by its job's id."""
        found: dict[str, Taken] = {}
        new: list[Delivery] = []
        known = {one.job.id for one in deliveries.on_their_way(store, self.site.name)}
        for folder in self.folders.values():
            taken = {one.id: one for one in taken_files(folder) if one.id not in self.resting}
            found |= taken
            unknown = [one for one in taken if one not in known]
            settled = deliveries.settled(store, unknown)
            self.resting |= {
                one for one, rests in settled.items() if rests and folder.checked_in == taken[one].path.parent
            }
            for job_id in unknown:
                if job_id in self.resting:
                    continue
                if job_id in settled:
                    deliveries.change(store, job_id, settled_at=None)  # its last rename did not reach the disk
                    continue
                if jobs.select(store, "id = ?", job_id):  # another job drew this id in the same second
                    take(folder, taken[job_id].path, self.clock(), self.site.time_zone, taken[job_id].name)
                    continue
                remove_marker(taken[job_id], folder)
                made = delivery_of(taken[job_id], folder, self.site)
                new.append(made if folder.checked_in else replace(made, job=replace(made.job, state="queued")))
        if new:
            for place in {found[one.job.id].path.parent.parent for one in new}:
                flush(place)
            deliveries.add(store, sorted(new, key=lambda one: found[one.job.id].order))
        return found

    def further(self, store: Store, one: Delivery, places: dict[str, Taken]) -> int | None:
        """Bring a file as far as it can be brought now; return an exit code, or None where its folder has to wait."""
        folder = self.folders.get(one.folder)
        if folder is None:
            name = one.job.file
            self.troubles.begin(
                one.folder, f"{name} came by {one.folder}, which is no longer configured.", job=one.job.id
            )
            return None
        if one.job.state in {"received", "queued", "running"}:
            taken = places.get(one.job.id)
            if taken is None:
                jobs.close(store, one.job.id, state="failed", ended_at=self.now, message=GONE)
                return self.settle(store, one, folder, None)
            if one.job.state == "received":
                one, taken = self.check_in(store, one, folder, taken)
            if not self.is_due(one):
                return 0
            return self.run(store, one, folder, taken)
        return self.settle(store, one, folder, places.get(one.job.id))

    def is_due(self, one: Delivery) -> bool:
        """Say whether a file may be processed; a clock that was put back lets none wait longer than a day."""
        return self.at_once or one.due_at <= self.now or one.due_at > self.now + LONGEST_NIGHT

    def check_in(self, store: Store, one: Delivery, folder: Folder, taken: Taken) -> tuple[Delivery, Taken]:
        """Check a file's form, and queue it; one that is not in the proper format has its turn at once, to be refused.

        It is checked under its own name (seed 000, "What Happens After Submission").
        """
        with tempfile.TemporaryDirectory(prefix="bulkload-") as work:
            named = Path(work) / taken.name
            named.symlink_to(taken.path.absolute())
            report = validate(Request(named, self.reading(folder), self.options(folder)), None)
        if report.state == "refused":
            one = replace(one, due_at=self.now)
        place = in_queue(folder, one.job.id, taken.name)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken.path.rename(place)
        with store.transaction():
            deliveries.change(store, one.job.id, due_at=one.due_at)
            jobs.change(store, one.job.id, state="queued", path=shown_path(place))
        return replace(one, job=replace(one.job, state="queued")), replace(taken, path=place)

    def run(self, store: Store, one: Delivery, folder: Folder, taken: Taken) -> int | None:
        """Process a file, and settle it; where some trouble stops that, it waits, and its folder's others with it."""
        if is_being_written(taken.path):
            self.troubles.begin(one.job.id, f"{one.job.file} is still being written.", job=one.job.id)
            return None
        if one.crashes >= MOST_CRASHES:
            jobs.close(store, one.job.id, state="failed", ended_at=self.now, message=DIED)
            return self.settle(store, one, folder, taken)
        request = Request(
            taken.path,
            self.reading(folder),
            self.options(folder),
            folder.results / default_results(taken.path, log=template_named(folder.template).log is not None).name,
            WAIT,
            say=lambda sentence: self.log("note", job=one.job.id, text=sentence),
            job=one.job,
        )
        try:
            apply_file(request, store)
        except (BulkloadError, OSError) as error:
            self.worst = max(self.worst, getattr(error, "exit_code", StoreError.exit_code))
            pause = min(FIRST_PAUSE * 2 ** min(one.tries, 10), LONGEST_PAUSE)
            self.troubles.begin(one.job.id, str(error), job=one.job.id, file=one.job.file, again_in=pause)
            with contextlib.suppress(BulkloadError):
                jobs.close(store, one.job.id, state="queued", message=str(error))
                deliveries.change(store, one.job.id, tries=one.tries + 1, due_at=self.now + pause)
            return None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of polars too: the job is closed as failed, others go on
            self.log.trouble("fault", job=one.job.id, file=one.job.file, kind=type(error).__name__)
        self.troubles.end(one.job.id)
        return self.settle(store, one, folder, taken)

    def settle(self, store: Store, one: Delivery, folder: Folder, taken: Taken | None) -> int:
        """Move a file whose job has ended to where it rests, and put the mails that are due into the outbox."""
        job = jobs.select(store, "id = ?", one.job.id)[0]
        place = folder.refused if job.state == "refused" else folder.processed
        rests = place / marked(taken.name if taken else job.file, job.submitted_at, job.id, self.site.time_zone)
        if taken is not None:
            taken.path.rename(rests)
            with contextlib.suppress(OSError):
                in_queue(folder, job.id, taken.name).parent.rmdir()
        path = shown_path(rests) if rests.exists() else job.path
        with store.transaction():
            for mail in mails_due(job, self.site, self.now):
                outbox.add(store, mail)
            jobs.change(store, job.id, path=path)
            deliveries.change(store, job.id, settled_at=self.now)
        self.tell(job)
        return exit_code(job)

    def tell(self, job: Job) -> None:
        """Write into the log what became of a file."""
        outcomes = json.loads(job.outcomes)
        self.log(WORDS[job.state], job=job.id, file=job.file, template=job.template, rows=job.rows, **outcomes)

    def reading(self, folder: Folder) -> Reading:
        """Return how the files of a folder are to be read."""
        return Reading(folder.template, folder.encoding, folder.delimiter)

    def options(self, folder: Folder) -> Options:
        """Return how the files of a folder are to be loaded."""
        return Options(
            now=self.clock(),
            all_or_nothing=folder.all_or_nothing,
            display_time_zone=self.shown.display_time_zone,
            display_date=self.shown.display_date,
            legacy=folder.legacy,
            course=folder.course,
            clean=folder.clean,
            source=self.shown.source,
        )


GONE = "The file is no longer where it waited: somebody has removed it. Nothing of it was applied."
DIED = f"The process died {MOST_CRASHES} times over this file. Nothing of it was applied; send it again once the cause is known."

WORDS = {"done": "applied", "refused": "refused", "failed": "failed", "interrupted": "failed"}
"""What is written into the log of a job that has ended."""


def exit_code(job: Job) -> int:
    """Return the exit code that a file's job stands for."""
    if job.state == "done":
        return 1 if json.loads(job.outcomes).get("rejected") else 0
    return FileRefused.exit_code if job.state == "refused" else BulkloadError.exit_code


@contextlib.contextmanager
def alone(beside: Path, site: str) -> Iterator[None]:
    """Hold the queue of a site; raise QueueBusy where another process works on it."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(beside, 0))
        except Busy:
            raise QueueBusy(f"Another process works on the queue of the site {site}.") from None
        yield
