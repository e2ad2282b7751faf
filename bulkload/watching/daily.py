"""What is done beside the files: alarms for files that are late, and once a day the purging (unattended §2.7, §4)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bulkload.clocks import last_time, local_day, shown_moment
from bulkload.config import Settings
from bulkload.jobs import KEPT_SECONDS
from bulkload.logs import Log
from bulkload.sites import Site
from bulkload.store import Store, chores, deliveries, outbox
from bulkload.store.outbox import Mail
from bulkload.watching.names import unmarked

PURGE = "purge"


@dataclass(frozen=True, slots=True)
class Late:
    """A file that has not come: its template, and by when it should have."""

    template: str
    by: datetime
    since: datetime

    def sentence(self, site: Site, shown: Settings) -> str:
        """Say which file is late."""
        zone = shown.display_time_zone
        by, since = (shown_moment(int(one.timestamp()), zone, shown.display_date) for one in (self.by, self.since))
        return f"{site.name}: no {self.template} file has come between {since} and {by}, nor since then."


def late_files(store: Store, site: Site, now: datetime) -> Iterator[Late]:
    """Yield the files that a site expects and that have not come: since the time of day before the last one, till now.

    None is late by a time of day before the site was first watched.
    """
    watched = chores.watched_since(store, site.name)
    for one in site.expect:
        by = last_time(now, one.by, site.time_zone)
        if watched is not None and moment(by) < watched:
            continue
        since = last_time(by - timedelta(seconds=1), one.by, site.time_zone)
        if not deliveries.came_since(store, site.name, one.template, int(since.timestamp())):
            yield Late(one.template, by, since)


def raise_alarms(store: Store, site: Site, shown: Settings, now: datetime, log: Log) -> None:
    """Put a mail for each late file into the outbox, once for each time of day by which it should have come."""
    chores.begin_watching(store, site.name, moment(now))
    for late in late_files(store, site, now):
        chore, day = f"late {late.template}", moment(late.by)
        if chores.was_done(store, site.name, chore, day):
            continue
        sentence = late.sentence(site, shown)
        with store.transaction():
            if site.mail is not None and site.mail.errors:
                at = int(now.timestamp())
                outbox.add(store, Mail(site.name, "late", site.mail.errors, at, about=sentence, due_at=at))
            chores.done(store, site.name, chore, day)
        log.trouble("late", text=sentence)


def moment(at: datetime) -> str:
    """Return an instant as a text that sorts."""
    return f"{at:%Y-%m-%dT%H:%M}"


def purge_daily(store: Store, site: Site, now: datetime, log: Log) -> None:
    """Purge a site's store and its processed files, unless that was done today."""
    day = f"{local_day(now, site.time_zone)}"
    if chores.was_done(store, site.name, PURGE, day):
        return
    purged, removed = purge(store, site, now)
    chores.done(store, site.name, PURGE, day)
    if purged or removed:
        log("purged", jobs=purged, files=removed)


def purge(store: Store, site: Site | None, now: datetime) -> tuple[int, int]:
    """Purge jobs older than they are shown, and a site's processed files older than it keeps them; return how many."""
    purged = chores.purge_jobs(store, int(now.timestamp()) - KEPT_SECONDS)
    return purged, sum(1 for _ in remove_processed(site, now)) if site is not None else 0


def remove_processed(site: Site, now: datetime) -> Iterator[str]:
    """Remove, and yield, the processed files of a site that are older than it keeps them, by the ids in their names."""
    if site.keep_processed is None:
        return
    before = int(now.timestamp()) - site.keep_processed * 24 * 3600
    for place in sorted({folder.processed for folder in site.folders()}):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            taken = unmarked(path)
            if taken is not None and taken.arrived_at < before:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                    yield path.name
