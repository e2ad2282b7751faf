"""Says what is late, failed or stuck at a site: for monitoring (unattended §2.7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bulkload.config import Settings
from bulkload.errors import BulkloadError
from bulkload.sites import Folder, Site
from bulkload.store import Store, deliveries, open_store, outbox, store_path
from bulkload.watching.daily import late_files

SHOWN = 24 * 3600
"""Seconds for which a failed job, or a mail that was given up, is reported."""

STUCK = 3600
"""Seconds after which a file that is due, or lies in its folder, is reported."""


def site_troubles(site: Site, shown: Settings, now: datetime) -> list[str]:
    """Return what is late, failed or stuck at a site, in sentences."""
    said = [sentence for folder in site.folders() for sentence in lying(folder, now)]
    if not store_path(site.store).exists():
        return [*said, f"There is no store at {site.store} yet."] if site.expect else said
    try:
        with open_store(site.store) as store:
            said += failures(store, now)
            said += [one.sentence(shown) for one in late_files(store, site, now)]
            said += stuck(store, site, now)
            since = int(now.timestamp()) - SHOWN
            said += [f"A mail is not sent: {one}" for one in outbox.troubles(store, site.name, since)]
    except BulkloadError as error:
        said.append(str(error))
    return said


def failures(store: Store, now: datetime) -> list[str]:
    """Return the jobs that failed in the last day."""
    found = deliveries.failed_since(store, int(now.timestamp()) - SHOWN)
    return [f"Job {one.id} ({one.file}) failed: {one.message}" for one in found]


def stuck(store: Store, site: Site, now: datetime) -> Iterator[str]:
    """Yield the files that some trouble keeps from being processed, or that have been due for long."""
    for one in deliveries.on_their_way(store, site.name):
        if one.tries or one.due_at + STUCK < now.timestamp():
            job = deliveries.find(store, one.job).job
            yield f"Job {job.id} ({job.file}) waits: {job.message or 'does the watcher run?'}"


def lying(folder: Folder, now: datetime) -> Iterator[str]:
    """Yield the files that have lain in a folder for long: nobody has taken them."""
    from bulkload.places import is_written_by_us
    from bulkload.watching.looking import files_in, is_wanted

    try:
        there = [name for name, _ in files_in(folder.path)]
    except OSError as error:
        yield f"The folder {folder.path} cannot be looked into: {error.strerror}."
        return
    for name in there:
        path = folder.path / name
        if not is_wanted(name, folder.marker) or (folder.marker and name + folder.marker not in there):
            continue
        try:
            if path.stat().st_ctime + STUCK < now.timestamp() and not is_written_by_us(path):
                yield f"{path} has not been taken: does the watcher run?"
        except FileNotFoundError:  # it is being taken
            continue
        except OSError as error:
            yield f"{path} cannot be read: {error.strerror}."
