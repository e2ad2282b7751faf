"""Works through a site's queue: a taken file is queued, checked, processed, moved on, and told of, each step safe to do again."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from bulkload.config import Settings
from bulkload.errors import BulkloadError, Busy, FileRefused, QueueBusy, StoreError, UsageError, sentence_of
from bulkload.jobs import Job, are_moved
from bulkload.logs import Log
from bulkload.mailing.letters import mails_due
from bulkload.places import default_results
from bulkload.runs import Request, apply_file, validate
from bulkload.sites import Folder, Site
from bulkload.source import Reading, shown_path
from bulkload.store import Store, deliveries, jobs, open_store, outbox, store_path
from bulkload.store.deliveries import Delivery, Waiting
from bulkload.store.locking import locked
from bulkload.template import Options
from bulkload.templates import template_named, templates
from bulkload.watching.looking import is_being_written
from bulkload.watching.names import Taken, find_taken, in_queue, marked, taken_ids
from bulkload.watching.taking import delivery_of, flush, remove_marker, take
from bulkload.watching.troubles import Troubles
from bulkload.workspace import workspace

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
        self.has_store = False

    @property
    def now(self) -> int:
        """Return the time now, in seconds since 1970."""
        return int(self.clock().timestamp())

    @contextlib.contextmanager
    def opened(self) -> Iterator[Store]:
        """Open the store for a moment, made where there never was one; raise StoreError where it is gone, or its disk.

        What comes to a site is never applied to an empty store because a share is not there.
        """
        path = store_path(self.site.store).resolve()
        if not path.exists() and (self.has_store or not path.parent.is_dir()):
            raise StoreError(f"The store {path} is not there, or its disk is not. What has come waits.")
        with self.door, open_store(self.site.store, create=True) as store:
            self.has_store = True
            yield store

    def slice(self) -> tuple[int, bool]:
        """Work for some seconds; return the highest exit code of what was done, and whether more is due.

        One process works on a site's queue at a time. Raises QueueBusy where another one does, StoreError and
        OSError where nothing can be done.
        """
        queue = store_path(self.site.store).resolve()
        with self.opened() as store, alone(queue.with_name(f"{queue.name}.{self.site.name}"), self.site.name):
            self.tidy(store)
            self.adopt(store)
            return self.work_through(store, self.ordered(deliveries.on_their_way(store, self.site.name)))

    def work_through(self, store: Store, waiting: list[Waiting]) -> tuple[int, bool]:
        """Bring the files that have their turn as far as they can be brought, for some seconds."""
        begun, code, blocked = time.monotonic(), 0, set()
        for one in waiting:
            if self.stop.is_set():
                return code, False
            if one.folder in blocked:
                continue
            if one.state == "queued" and not self.is_due(one.due_at):
                if one.tries:  # the others of its folder stay behind it
                    blocked.add(one.folder)
                continue
            if time.monotonic() - begun > SLICE:
                return code, True
            done = self.safely(store, deliveries.find(store, one.job))
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
                if one.state == "running":
                    deliveries.change(store, one.job, crashes=deliveries.find(store, one.job).crashes + 1)
                elif one.state == "received":
                    jobs.remove_work(store, one.job)
            for sentence in jobs.tidy(store, self.now):
                self.troubles.begin(sentence, sentence)

    def ordered(self, found: list[Waiting]) -> list[Waiting]:
        """Return files with those first that others refer to, else in the order of their arrival."""
        return sorted(found, key=lambda one: self.order.get(one.template, -1))

    def adopt(self, store: Store) -> None:
        """Queue the files that were taken and are no jobs yet."""
        on_their_way = {one.job: one.folder for one in deliveries.on_their_way(store, self.site.name)}
        new: list[tuple[Taken, Delivery]] = []
        for name, folder in self.folders.items():
            unknown = [one for one in taken_ids(folder) if on_their_way.get(one) != name and one not in self.resting]
            known = deliveries.known(store, unknown)
            for job_id in unknown:
                taken = find_taken(folder, job_id)
                if taken is None:
                    continue
                if job_id in known:
                    self.known_already(store, taken, folder, rests=known[job_id])
                    continue
                remove_marker(taken, folder)
                made = delivery_of(taken, folder, self.site)
                new.append((taken, made if folder.checked_in else replace(made, job=replace(made.job, state="queued"))))
        for place in {taken.path.parent.parent for taken, _ in new}:
            flush(place)
        if new:
            deliveries.add(store, [one for _, one in sorted(new, key=lambda pair: pair[0].order)])

    def known_already(self, store: Store, taken: Taken, folder: Folder, *, rests: bool | None) -> None:
        """Deal with a file whose id a job has already: it rests there, or is to be moved on, or is another file.

        Where it lies counts: its folder may have another path since, or its site another name.
        """
        is_its = rests is not None and jobs.select(store, "id = ?", taken.id)[0].file == shown_path(Path(taken.name))
        if not is_its:  # two watchers may draw one id in the same second
            take(folder, taken.path, self.clock(), self.site.time_zone, taken.name)
        elif rests and folder.checked_in == taken.path.parent:
            self.resting.add(taken.id)
        else:  # its last rename did not reach the disk, or it waits for a watcher that is configured otherwise now
            name = shown_path(folder.path)
            deliveries.change(store, taken.id, settled_at=None, site=self.site.name, folder=name)

    def further(self, store: Store, one: Delivery) -> int | None:
        """Bring a file as far as it can be brought now; return an exit code, or None where its folder has to wait."""
        folder = self.folders.get(one.folder)
        if folder is None:
            raise UsageError(f"{one.job.file} came by {one.folder}, which is no longer configured. It waits.")
        taken = find_taken(folder, one.job.id)
        if one.job.state not in {"received", "queued", "running"}:
            return self.settle(store, one, folder, taken)
        if taken is None or one.crashes >= MOST_CRASHES:
            message = GONE if taken is None else DIED
            jobs.close(store, one.job.id, state="failed", ended_at=self.now, message=message)
            return self.settle(store, one, folder, taken)
        if one.job.state == "received":
            one, taken = self.check_in(store, one, folder, taken)
        return self.run(store, one, folder, taken) if self.is_due(one.due_at) else 0

    def is_due(self, due_at: int) -> bool:
        """Say whether a file may be processed; a clock that was put back lets none wait longer than a day."""
        return self.at_once or due_at <= self.now or due_at > self.now + LONGEST_NIGHT

    def check_in(self, store: Store, one: Delivery, folder: Folder, taken: Taken) -> tuple[Delivery, Taken]:
        """Check a file's form, and queue it; one that is not in the proper format has its turn at once, to be refused.

        It is checked under its own name (seed 000, "What Happens After Submission"). It counts as a crash until it
        is done, and what it sets aside is the job's, as when it is loaded: a crash leaves nothing that nobody clears.
        """
        deliveries.change(store, one.job.id, crashes=one.crashes + 1)
        with workspace(jobs.folder(store) / one.job.id / "work") as work:
            named = work / "named" / taken.name
            named.parent.mkdir(mode=0o700)
            named.symlink_to(taken.path.absolute())
            request = Request(named, self.reading(folder), self.options(folder))
            report = validate(request, None, folder=work / "checked")
        if report.state == "refused":
            one = replace(one, due_at=self.now)
        place = in_queue(folder, one.job.id, taken.name)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken.path.rename(place)
        with store.transaction():
            deliveries.change(store, one.job.id, due_at=one.due_at, crashes=one.crashes)
            jobs.change(store, one.job.id, state="queued", path=shown_path(place))
        return replace(one, job=replace(one.job, state="queued")), replace(taken, path=place)

    def run(self, store: Store, one: Delivery, folder: Folder, taken: Taken) -> int | None:
        """Process a file, and settle it; None where somebody still writes it."""
        if is_being_written(taken.path):
            self.troubles.begin(one.job.id, f"{one.job.file} is still being written.", job=one.job.id)
            return None
        request = Request(
            taken.path,
            self.reading(folder),
            self.options(folder),
            folder.results / default_results(taken.path, log=template_named(folder.template).log is not None).name,
            WAIT,
            say=lambda sentence: self.log("note", job=one.job.id, text=sentence),
            job=one.job,
        )
        report = apply_file(request, store)
        return max(report.exit_code, self.settle(store, one, folder, taken))

    def safely(self, store: Store, one: Delivery) -> int | None:
        """Bring a file further; where some trouble stops that, it waits for a while, and its folder's others with it.

        A fault of bulkload itself ends the job as failed. Raises StoreError or Busy where no file can be brought further.
        """
        try:
            done = self.further(store, one)
        except (BulkloadError, OSError) as error:
            self.put_off(store, one, error)
            if isinstance(error, StoreError | Busy):
                raise
            return None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of polars too: others go on
            kind = type(error).__name__
            self.log.trouble("fault", job=one.job.id, file=one.job.file, kind=kind)
            message = f"A fault of bulkload itself: {kind}."
            jobs.close(store, one.job.id, state="failed", ended_at=self.now, message=message)
            return self.further(store, deliveries.find(store, one.job.id))
        if done is not None:
            self.troubles.end(one.job.id)
        return done

    def put_off(self, store: Store, one: Delivery, error: Exception) -> None:
        """Note why a file waits, and until when."""
        self.worst = max(self.worst, getattr(error, "exit_code", StoreError.exit_code))
        pause = min(FIRST_PAUSE * 2 ** min(one.tries, 10), LONGEST_PAUSE)
        self.troubles.begin(one.job.id, sentence_of(error), job=one.job.id, file=one.job.file, again_in=pause)
        with contextlib.suppress(BulkloadError):
            state = deliveries.find(store, one.job.id).job.state
            due_at = one.due_at if state == "received" else self.now + pause  # its form is not checked yet
            jobs.close(
                store, one.job.id, state="received" if state == "received" else "queued", message=sentence_of(error)
            )
            deliveries.change(store, one.job.id, tries=one.tries + 1, crashes=one.crashes, due_at=due_at)

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
        moved = {"renames": "[]"} if are_moved(job.renames) else {}
        with store.transaction():
            for mail in mails_due(job, self.site, self.now):
                outbox.add(store, mail)
            jobs.change(store, job.id, path=path, **moved)
            deliveries.change(store, job.id, settled_at=self.now)
        self.tell(job)
        return exit_code(job)

    def tell(self, job: Job) -> None:
        """Write into the log what became of a file, and why nothing did."""
        facts = {
            "job": job.id,
            "file": job.file,
            "template": job.template,
            "rows": job.rows,
            **json.loads(job.outcomes),
        }
        if job.state == "done":
            self.log("applied", **facts)
        else:
            self.log.trouble("refused" if job.state == "refused" else "failed", **facts, reason=job.message)

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
