"""The jobs of a store: adding, changing, finding and listing them, and closing those whose process has died."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from bulkload.errors import UsageError
from bulkload.jobs import Job, finish_renames, is_alive
from bulkload.store import Store
from bulkload.store.sqlite import Value

COLUMNS = [one.name for one in fields(Job)]
LISTED = ", ".join(COLUMNS)

UNFINISHED = ("received", "queued", "running")


def folder(store: Store) -> Path:
    """Return the folder beside the store in which jobs keep copies of their results, and work."""
    return store.path.with_name(store.path.name + ".jobs")


def add(store: Store, job: Job) -> int:
    """Add a job and return its number."""
    named = [name for name in COLUMNS if name != "number"]
    marks = ", ".join("?" for _ in named)
    store.execute(f"INSERT INTO job ({', '.join(named)}) VALUES ({marks})", *(getattr(job, one) for one in named))
    return int(store.query("SELECT number FROM job WHERE id = ?", job.id)[0][0])


def change(store: Store, job_id: str, **values: Value) -> None:
    """Set columns of a job."""
    sets = ", ".join(f"{name} = ?" for name in values)
    store.execute(f"UPDATE job SET {sets} WHERE id = ?", *values.values(), job_id)


def select(store: Store, condition: str, *values: Value) -> list[Job]:
    """Return the jobs under a condition, newest first."""
    rows = store.query(f"SELECT {LISTED} FROM job WHERE {condition} ORDER BY number DESC", *values)
    return [Job(**dict(zip(COLUMNS, row, strict=True))) for row in rows]


def recent(store: Store, since: int) -> list[Job]:
    """Return the jobs submitted since an instant, newest first."""
    return select(store, "submitted_at >= ?", since)


def find(store: Store, beginning: str) -> Job:
    """Return the job whose id begins so; raise UsageError where there is none, or more than one."""
    found = select(store, "substr(id, 1, ?) = ?", len(beginning), beginning.lower())
    if not found:
        raise UsageError(f"The store {store.path} has no job {beginning}. `bulkload status` lists the jobs.")
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} jobs begin with {beginning}: {', '.join(one.id for one in found)}. Give more of the id."
        )
    return found[0]


def applied_before(store: Store, sha256: str, job_id: str) -> Job | None:
    """Return the latest job that has applied this content."""
    found = select(store, "sha256 = ? AND state = 'done' AND id <> ?", sha256, job_id)
    return found[0] if found else None


def tidy(store: Store, now: int) -> list[Job]:
    """Close what a crash left: finish renames that were committed, and close jobs whose process has died.

    Only who holds the store's lock may call it. Returns the jobs that were closed.
    """
    for job in select(store, "renames <> '[]'"):
        finish_renames(job.renames)
        change(store, job.id, renames="[]")
    closed = [job for job in unfinished(store) if not is_alive(job.pid)]
    for job in closed:
        message = "The process ended before the file was applied. Nothing of it is in the store; run the command again."
        change(store, job.id, state="interrupted", ended_at=now, message=message)
        shutil.rmtree(folder(store) / job.id, ignore_errors=True)
    return closed


def unfinished(store: Store) -> Iterable[Job]:
    """Return the jobs that have not come to an end."""
    return select(store, f"state IN ({', '.join('?' for _ in UNFINISHED)})", *UNFINISHED)
