"""The queue: files that were taken out of drop folders and are on their way to `processed`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bulkload.jobs import Job
from bulkload.store import Store
from bulkload.store import jobs as of_jobs
from bulkload.store.jobs import COLUMNS
from bulkload.store.sqlite import Value

OWN = ("site", "folder", "due_at", "tries", "crashes")
BOTH = ", ".join([*(f"j.{one}" for one in COLUMNS), *(f"d.{one}" for one in OWN)])


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that came by a folder, and its job; instants are seconds since 1970 in UTC.

    `due_at` is when it may be processed. `tries` counts the runs that some trouble stopped, `crashes` those
    whose process died, since one last came to an end.
    """

    job: Job
    site: str
    folder: str
    due_at: int
    tries: int = 0
    crashes: int = 0


AT_A_TIME = 500
"""Ids that are asked for in one statement."""


def add(store: Store, deliveries: Sequence[Delivery]) -> None:
    """Queue files, each with its job, all or none; those whose id the store has already are left alone."""
    with store.transaction():
        for one in deliveries:
            if store.query("SELECT 1 FROM job WHERE id = ?", one.job.id):
                continue
            of_jobs.add(store, one.job)
            store.execute(
                "INSERT INTO delivery (job, site, folder, due_at) VALUES (?, ?, ?, ?)",
                *(one.job.id, one.site, one.folder, one.due_at),
            )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has to be known of a file on its way to tell whether it has its turn: there may be many."""

    job: str
    folder: str
    template: str
    state: str
    due_at: int
    tries: int


def on_their_way(store: Store, site: str) -> list[Waiting]:
    """Return the files of a site that have not come to rest, in the order of their arrival."""
    rows = store.query(
        "SELECT d.job, d.folder, ifnull(j.template, ''), j.state, d.due_at, d.tries FROM delivery d "
        "JOIN job j ON j.id = d.job WHERE d.site = ? AND d.settled_at IS NULL ORDER BY j.number",
        site,
    )
    return [Waiting(*row) for row in rows]


def find(store: Store, job_id: str) -> Delivery:
    """Return the delivery of a job."""
    row = store.query(f"SELECT {BOTH} FROM delivery d JOIN job j ON j.id = d.job WHERE d.job = ?", job_id)[0]
    width = len(COLUMNS)
    return Delivery(Job(**dict(zip(COLUMNS, row[:width], strict=True))), *row[width:])


def change(store: Store, job_id: str, **values: Value) -> None:
    """Set columns of a delivery."""
    sets = ", ".join(f"{name} = ?" for name in values)
    store.execute(f"UPDATE delivery SET {sets} WHERE job = ?", *values.values(), job_id)


def known(store: Store, ids: Sequence[str]) -> dict[str, bool | None]:
    """Return, of ids, those that jobs have: whether the job's file has come to rest, or None where it came by no folder."""
    found: dict[str, bool | None] = {}
    for first in range(0, len(ids), AT_A_TIME):
        some = ids[first : first + AT_A_TIME]
        marks = ", ".join("?" for _ in some)
        rows = store.query(
            "SELECT j.id, d.job IS NOT NULL, d.settled_at IS NOT NULL FROM job j LEFT JOIN delivery d ON d.job = j.id "
            f"WHERE j.id IN ({marks})",
            *some,
        )
        found |= {job: bool(settled) if came else None for job, came, settled in rows}
    return found


def came_since(store: Store, site: str, template: str, since: int) -> bool:
    """Say whether a file of a template has come to a site since an instant."""
    found = store.query(
        "SELECT 1 FROM delivery d JOIN job j ON j.id = d.job "
        "WHERE d.site = ? AND j.template = ? AND j.submitted_at > ? LIMIT 1",
        *(site, template, since),
    )
    return bool(found)


def failed_since(store: Store, since: int) -> list[Job]:
    """Return the jobs that failed since an instant, newest first."""
    return of_jobs.select(store, "state = 'failed' AND ended_at >= ?", since)
