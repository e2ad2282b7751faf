"""Takes whole files out of a drop folder, by an atomic rename that carries the job's id: that is all that has to be safe."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from bulkload.clocks import next_time
from bulkload.jobs import FOLDER, Job, new_id
from bulkload.sites import Folder, Site
from bulkload.source import shown_path
from bulkload.store.deliveries import Delivery
from bulkload.watching.names import Taken, in_queue, marked


def take(folder: Folder, path: Path, now: datetime, zone: str) -> Taken | None:
    """Take a file; None where somebody else was faster, or it is gone. Raises OSError where it cannot be moved."""
    job_id = new_id(now)
    if folder.checked_in is not None:
        place = folder.checked_in / marked(path.name, int(now.timestamp()), job_id, zone)
    else:
        place = in_queue(folder, job_id, path.name)
        place.parent.mkdir(mode=0o700, parents=True)
    try:
        path.rename(place)
    except OSError as error:
        if folder.checked_in is None:
            with contextlib.suppress(OSError):
                place.parent.rmdir()
        if isinstance(error, FileNotFoundError) and not path.exists():
            return None
        raise
    return Taken(job_id, path.name, place)


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
