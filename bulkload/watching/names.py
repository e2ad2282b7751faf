"""Where a taken file is on its way, and what it is called there: the day and the id of its job in its name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bulkload.clocks import local_day
from bulkload.jobs import ALPHABET, time_of
from bulkload.places import stem
from bulkload.sites import Folder

MARK = re.compile(rf"\.(\d{{8}})-([{ALPHABET}]{{10}})(?=\.|$)")
"""The day and the id of a job, before the ending of a name."""


LONGEST = 180
"""Bytes of a name at most: a disk takes 255, and results on their way have 60 more and a number."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken out of a folder: its job's id, its own name, and where it is now."""

    id: str
    name: str
    path: Path

    @property
    def arrived_at(self) -> int:
        """Return when it was taken, in seconds since 1970."""
        return time_of(self.id)

    @property
    def order(self) -> tuple[int, int, str]:
        """Return what files are in order by: when they were taken, when they were last changed, their names."""
        return self.arrived_at, self.path.stat().st_mtime_ns, self.name


def marked(name: str, arrived_at: int, job_id: str, zone: str) -> str:
    """Return a name with the day of its arrival and its job's id before its ending, so that it overwrites no other."""
    own, arrived = stem(Path(name)), datetime.fromtimestamp(arrived_at, UTC)
    return f"{own}.{local_day(arrived, zone):%Y%m%d}-{job_id}{name[len(own) :]}"


def fitting(name: str) -> str:
    """Return a name, cut before its ending where a disk could not hold the longer names that are made of it."""
    own = stem(Path(name))
    ending = name[len(own) :]
    while len(os.fsencode(own + ending)) > LONGEST:
        own, ending = (own[:-1], ending) if len(own) > 1 else (own, ending[:-1])
    return own + ending


def unmarked(path: Path) -> Taken | None:
    """Return what a name with a mark says; None where it has none."""
    found = list(MARK.finditer(path.name))
    if not found:
        return None
    one = found[-1]
    return Taken(one[2], path.name[: one.start()] + path.name[one.end() :], path)


def in_queue(folder: Folder, job_id: str, name: str) -> Path:
    """Return where a file of a folder waits for its turn."""
    return folder.room / job_id / name


def taken_ids(folder: Folder) -> Iterator[str]:
    """Yield the ids of the files of a folder that are on their way, wherever a crash may have left them."""
    room = folder.room
    yield from (one for one in sorted(os.listdir(room)) if is_id(one)) if room.is_dir() else ()  # noqa: PTH208 - names alone
    if folder.checked_in is not None and folder.checked_in.is_dir():
        yield from (one.id for one in map(unmarked, sorted(folder.checked_in.iterdir())) if one is not None)


def find_taken(folder: Folder, job_id: str) -> Taken | None:
    """Return the taken file of an id, wherever it is on its way; None where there is none."""
    room = folder.room / job_id
    for path in room.iterdir() if room.is_dir() else ():
        return Taken(job_id, path.name, path)
    for path in folder.checked_in.glob(f"*-{job_id}*") if folder.checked_in is not None else ():
        found = unmarked(path)
        if found is not None and found.id == job_id and path.is_file():
            return found
    return None


def is_id(text: str) -> bool:
    """Say whether a text can be the id of a job."""
    return len(text) == 10 and set(text) <= set(ALPHABET)
