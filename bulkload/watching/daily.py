"""What is done beside the files: alarms for those that are late (unattended §2.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bulkload.clocks import last_time, shown_moment
from bulkload.config import Settings
from bulkload.logs import Log
from bulkload.sites import Site
from bulkload.store import Store, chores, deliveries, outbox
from bulkload.store.outbox import Mail


@dataclass(frozen=True, slots=True)
class Late:
    """A file that has not come: its template, and by when it should have."""

    template: str
    by: datetime
    since: datetime

    def sentence(self, shown: Settings) -> str:
        """Say which file is late."""
        zone = shown.display_time_zone
        by, since = (shown_moment(int(one.timestamp()), zone, shown.display_date) for one in (self.by, self.since))
        return f"No {self.template} file has come between {since} and {by}, nor since then."


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
        sentence = late.sentence(shown)
        with store.transaction():
            if site.mail is not None and site.mail.errors:
                at = int(now.timestamp())
                outbox.add(store, Mail(site.name, "late", site.mail.errors, at, about=sentence, due_at=at))
            chores.done(store, site.name, chore, day)
        log.trouble("late", text=sentence)


def moment(at: datetime) -> str:
    """Return an instant as a text that sorts."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"
