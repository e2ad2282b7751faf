"""Takes whole files out of a drop folder, by an atomic rename that carries the job's id: that is all that has to be safe."""

from __future__ import annotations

import contextlib
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from bulkload.clocks import next_time
from bulkload.jobs import FOLDER, Job, following, new_id, time_of
from bulkload.sites import Folder, Site
from bulkload.source import shown_path
from bulkload.store.deliveries import Delivery
from bulkload.watching.names import Taken, fitting, in_queue, marked

AHEAD = 60
"""Seconds by which ids may run ahead of the clock, where more files come in a second than it has ids."""

DRAWN = threading.Lock()
LAST = [""]
"""The last id that this process drew for a file."""


def next_id(now: datetime) -> str:
    """Return an id that sorts after those that this process has just drawn for files: many may come in a second."""
    with DRAWN:
        second = int(now.timestamp())
        just = bool(LAST[0]) and second <= time_of(LAST[0]) < second + AHEAD
        LAST[0] = following(LAST[0]) if just else new_id(now)
        return LAST[0]


def take(folder: Folder, path: Path, now: datetime, zone: str, name: str = "") -> Taken | None:
    """Take a file, under its own name or another; None where somebody else was faster, or it is gone.

    Making its place in the queue reserves the id. Raises OSError where the file cannot be moved.
    """
    name = fitting(name or path.name)
    while True:
        job_id = next_id(now)
        waits = in_queue(folder, job_id, name)
        try:
            waits.parent.mkdir(mode=0o700)
            break
        except FileExistsError:
            continue
    checked_in = folder.checked_in
    place = waits if checked_in is None else checked_in / marked(name, int(now.timestamp()), job_id, zone)
    try:
        path.rename(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            waits.parent.rmdir()
        if isinstance(error, FileNotFoundError) and not path.exists():
            return None
        raise
    return Taken(job_id, name, place)


def flush(folder: Path) -> None:
    """Bring a folder's names to the disk, where the system has such a thing."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def delivery_of(taken: Taken, folder: Folder, site: Site) -> Delivery:
    """Return the delivery and the job that a taken file is; when it came, and is due, is told by its id."""
    arrived = datetime.fromtimestamp(taken.arrived_at, UTC)
    due = next_time(arrived, folder.schedule, site.time_zone) if folder.schedule else arrived
    job = Job(
        taken.id,
        "received",
        shown_path(Path(taken.name)),
        shown_path(taken.path),
        via=FOLDER,
        submitted_at=taken.arrived_at,
        template=folder.template,
        size=taken.path.stat().st_size,
    )
    return Delivery(job, site.name, shown_path(folder.path), int(due.timestamp()))


def remove_marker(taken: Taken, folder: Folder) -> None:
    """Remove the marker of a file that was taken, unless another file of its name has come by now."""
    if folder.marker and not (folder.path / taken.name).exists():
        (folder.path / (taken.name + folder.marker)).unlink(missing_ok=True)
