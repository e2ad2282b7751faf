"""What is not kept any longer: jobs and what they published after 60 days, processed files as the site says (unattended §4)."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bulkload.clocks import local_day
from bulkload.errors import sentence_of
from bulkload.jobs import KEPT_SECONDS, sha256_of
from bulkload.logs import Log
from bulkload.sites import Site
from bulkload.source import shown_name
from bulkload.store import Store, chores, jobs
from bulkload.watching.names import unmarked

PURGE = "purge"

OLDER = re.compile(r"\.(\d+)$")
"""What the name of results has at its end once newer ones have come."""

Content = tuple[int, str]
"""The size and the SHA-256 of a file."""


@dataclass
class Purged:
    """How many jobs were purged and how many files removed, and, in sentences, which files could not be."""

    jobs: int = 0
    files: int = 0
    left: list[str] = field(default_factory=list)

    def removing(self, paths: Iterable[Path]) -> None:
        """Remove files, those too that follow one which cannot be removed."""
        for path in paths:
            try:
                path.unlink()
                self.files += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                self.left.append(sentence_of(error))


def purge_daily(store: Store, site: Site, now: datetime, log: Log) -> None:
    """Purge a site's store and its files, unless that was done today."""
    day = f"{local_day(now, site.time_zone)}"
    if chores.was_done(store, site.name, PURGE, day):
        return
    done = purge(store, site, now)
    chores.done(store, site.name, PURGE, day)
    for sentence in done.left:
        log.trouble("not purged", text=sentence)
    if done.jobs or done.files:
        log("purged", jobs=done.jobs, files=done.files)


def purge(store: Store, site: Site | None, now: datetime) -> Purged:
    """Purge jobs older than they are shown, with what they published, and a site's files that it does not keep longer."""
    done, before = Purged(), int(now.timestamp()) - KEPT_SECONDS
    remove_published(store, before, done)
    done.jobs = chores.purge_jobs(store, before)
    if site is not None:
        done.removing(rested(store, site, now))
    return done


def remove_published(store: Store, before: int, done: Purged) -> None:
    """Remove the results, rejects and logs that jobs wrote into the folders of sites before an instant.

    Each is known by its name and its content, and may have a number by now: whatever a person has put or changed
    there stays. What lies on a share that is not there is left for another day.
    """
    due: list[str] = []
    wrote: defaultdict[Path, defaultdict[str, Counter[Content]]] = defaultdict(lambda: defaultdict(Counter))
    for job, published in chores.published_before(store, before):
        files = [(Path(place), (size, digest)) for place, size, digest in json.loads(published)]
        if all(place.parent.is_dir() for place, _ in files):
            due.append(job)
            for place, content in files:
                wrote[place.parent][place.name][content] += 1
    for folder, names in wrote.items():
        done.removing(still_there(folder, names))
    with store.transaction():
        for job in due if not done.left else ():
            jobs.change(store, job, published="[]")


def still_there(folder: Path, wrote: Mapping[str, Counter[Content]]) -> Iterator[Path]:
    """Yield the files of a folder that have names and contents of those that were written, as many of each, the oldest first."""
    numbered = [(OLDER.sub("", one.name), one) for one in folder.iterdir()]
    for name, path in sorted(numbered, key=lambda pair: (pair[0], -number_of(pair[1]))):
        if name not in wrote or path.is_symlink() or not path.is_file():
            continue
        size = path.stat().st_size
        if any(size == one for one, _ in wrote[name]):
            content = size, sha256_of(path)
            if wrote[name][content] > 0:
                wrote[name][content] -= 1
                yield path


def number_of(path: Path) -> int:
    """Return the number that an older file of results has at the end of its name; 0 for the latest."""
    found = OLDER.search(path.name)
    return int(found[1]) if found else 0


def rested(store: Store, site: Site, now: datetime) -> Iterator[Path]:
    """Yield the processed and refused files of a site that are older than it keeps them, by the ids in their names.

    What only looks like one, and is no file of a job of the site's store, is a person's.
    """
    if site.keep_processed is None:
        return
    before = int(now.timestamp()) - site.keep_processed * 24 * 3600
    for place in sorted({place for folder in site.folders() for place in (folder.processed, folder.refused)}):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            taken = unmarked(path)
            if taken is not None and taken.arrived_at < before and path.is_file() and is_of_job(store, taken.id, path):
                yield path


def is_of_job(store: Store, job_id: str, path: Path) -> bool:
    """Say whether a file is the one that a job has moved to where it rests."""
    return any(Path(job.path).name == shown_name(path) for job in jobs.select(store, "id = ?", job_id))
