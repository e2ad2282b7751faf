"""The jobs of a store: adding, changing, finding and listing them, and closing those whose process has died."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

from bulkload.errors import BulkloadError, UsageError
from bulkload.jobs import Job, drop_parts, finish_renames, is_alive, new_id
from bulkload.store import Store
from bulkload.store.sqlite import Value

COLUMNS = [one.name for one in fields(Job)]
LISTED = ", ".join(COLUMNS)

UNFINISHED = ("received", "queued", "running")

OPEN = "(state = 'running' OR state IN ('received', 'queued') AND via <> 'folder')"
"""Jobs that only a living process brings on; those that wait in the queue of a folder are many. There is an index of these."""

AGAIN = "The process that ran it ended before the file was applied. It waits to be run again."
CUT_OFF = "The process ended before the file was applied. Nothing of it is in the store; run the command again."


def folder(store: Store) -> Path:
    """Return the folder beside the store in which jobs keep copies of their results, and work."""
    return store.path.with_name(store.path.name + ".jobs")


def add(store: Store, job: Job) -> Job:
    """Add a job, with another id where its own is taken, and return it with its number."""
    while store.query("SELECT 1 FROM job WHERE id = ?", job.id):
        job = replace(job, id=new_id(datetime.fromtimestamp(job.submitted_at, UTC)))
    named = [name for name in COLUMNS if name != "number"]
    marks = ", ".join("?" for _ in named)
    store.execute(f"INSERT INTO job ({', '.join(named)}) VALUES ({marks})", *(getattr(job, one) for one in named))
    return replace(job, number=int(store.query("SELECT number FROM job WHERE id = ?", job.id)[0][0]))


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
    return [as_it_is(job) for job in select(store, "submitted_at >= ?", since)]


def as_it_is(job: Job) -> Job:
    """Return a job as interrupted where it says that it goes on, but its process has died; as waiting where it comes again."""
    if job.comes_again:
        cut_off = job.state == "running" and not is_alive(job.process)
        return replace(job, state="queued", message=AGAIN) if cut_off else job
    if job.state in UNFINISHED and not is_alive(job.process):
        return replace(job, state="interrupted", message=CUT_OFF)
    return job


def find(store: Store, beginning: str, since: int) -> Job:
    """Return the job submitted since an instant whose id begins so; raise UsageError where there is none, or several."""
    condition = "substr(id, 1, ?) = ? AND submitted_at >= ?"
    found = [as_it_is(one) for one in select(store, condition, len(beginning), beginning.lower(), since)]
    if not found:
        raise UsageError(f"The store {store.path} has no job {beginning}. `bulkload status` lists the jobs.")
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} jobs begin with {beginning}: {', '.join(one.id for one in found)}. Give more of the id."
        )
    return found[0]


def applied_before(store: Store, sha256: str) -> Job | None:
    """Return the latest job that has applied this content."""
    found = select(store, "sha256 = ? AND state = 'done'", sha256)
    return found[0] if found else None


def close(store: Store, job_id: str, **values: Value) -> None:
    """Set columns of a job, unless it has come to an end already."""
    sets = ", ".join(f"{name} = ?" for name in values)
    store.execute(f"UPDATE job SET {sets} WHERE id = ? AND state IN ({marks()})", *values.values(), job_id)


def has_ended(store: Store, job: Job) -> bool:
    """Say whether a job has come to its end; where the store cannot say, it may have."""
    try:
        return not select(store, f"id = ? AND state IN ({marks()})", job.id)
    except BulkloadError:
        return True


def marks() -> str:
    """Return the states of jobs that have not ended, as SQL lists them."""
    return ", ".join(f"'{one}'" for one in UNFINISHED)


def tidy(store: Store, now: int) -> Iterator[str]:
    """Close what a crash left: finish renames that were committed, close jobs whose process has died, or queue them again.

    Only who holds the store's lock may call it: whoever else says it is running is not. Yields what was
    done, in words.
    """
    for job in select(store, "renames <> '[]' AND state NOT IN ('running', 'queued', 'received')"):
        try:
            finish_renames(job.renames)
        except OSError as error:
            yield f"The results of job {job.id} ({job.file}) still cannot be moved to their place: {error.strerror}."
            continue
        change(store, job.id, renames="[]")
        remove_work(store, job.id)
    for job in select(store, OPEN):
        if job.state == "running" or not is_alive(job.process):
            with contextlib.suppress(OSError):
                drop_parts(job.renames)
            if job.comes_again:
                close(store, job.id, state="queued", message=AGAIN, renames="[]")
            else:
                close(store, job.id, state="interrupted", ended_at=now, message=CUT_OFF, renames="[]")
            remove_work(store, job.id)
            now_is = "queued again" if job.comes_again else "closed as interrupted"
            yield f"Job {job.id} ({job.file}) had been cut off before it was applied; it is {now_is}."


def remove_work(store: Store, job_id: str) -> None:
    """Remove what a job set aside while it ran, and its folder where nothing else is in it."""
    import shutil

    shutil.rmtree(folder(store) / job_id / "work", ignore_errors=True)
    with contextlib.suppress(OSError):
        (folder(store) / job_id).rmdir()


def running(store: Store) -> list[Job]:
    """Return the jobs that say that they run."""
    return select(store, f"{OPEN} AND state = 'running'")
