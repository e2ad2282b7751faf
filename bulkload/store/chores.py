"""Chores of a day: which were done on which day, and what purging removes from the store (loading §7.3)."""

from __future__ import annotations

import contextlib
import shutil

from bulkload.store import Store, jobs

WATCHED = "watched since"


def was_done(store: Store, site: str, what: str, day: str) -> bool:
    """Say whether a chore of a site was done on a day."""
    return bool(store.query("SELECT 1 FROM chore WHERE site = ? AND what = ? AND day = ?", site, what, day))


def done(store: Store, site: str, what: str, day: str) -> None:
    """Note that a chore of a site was done on a day."""
    store.execute("INSERT OR REPLACE INTO chore VALUES (?, ?, ?)", site, what, day)


def watched_since(store: Store, site: str) -> str | None:
    """Return the moment from which on a site was watched, as it was noted; None where it never was."""
    found = store.query("SELECT day FROM chore WHERE site = ? AND what = ?", site, WATCHED)
    return found[0][0] if found else None


def begin_watching(store: Store, site: str, moment: str) -> None:
    """Note the moment from which on a site is watched, unless one is noted."""
    if watched_since(store, site) is None:
        done(store, site, WATCHED, moment)


OLD = "submitted_at < ? AND state NOT IN ('received', 'queued', 'running') AND renames = '[]'"
"""Jobs submitted before an instant that have ended; one whose results are not moved yet is left for another day."""


def published_before(store: Store, before: int) -> list[tuple[str, str]]:
    """Return the ids of the jobs submitted before an instant that have files in the folders of sites, and which (jobs.Job)."""
    return store.query(f"SELECT id, published FROM job WHERE {OLD} AND published <> '[]'", before)


def purge_jobs(store: Store, before: int) -> int:
    """Remove results, rejects and findings of the jobs submitted before an instant; return of how many.

    Id, file name, digest, who and when stay, and so do the journal and the ledger. Copies go first: a crash in
    between leaves a job that is purged again.
    """
    purged = 0
    for job in jobs.select(store, f"{OLD} AND purged_at IS NULL", before):
        place = jobs.folder(store) / job.id
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(place)
        store.execute(
            "UPDATE job SET findings = '[]', results = NULL, rejects = NULL, errors = NULL, message = NULL, purged_at = ? WHERE id = ?",
            *(before, job.id),
        )
        purged += 1
    store.execute("DELETE FROM mail WHERE ended_at < ?", before)
    return purged
