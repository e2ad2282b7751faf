"""The locks of importers: setting, finding and lifting them; a lifted one stays, with who lifted it."""

from __future__ import annotations

from dataclasses import fields

from bulkload.locks import Lock
from bulkload.store import Store

COLUMNS = [one.name for one in fields(Lock)]


def standing(store: Store, template: str, course: str) -> Lock | None:
    """Return the lock of an importer, or None where it has none."""
    found = store.query(
        f"SELECT {', '.join(COLUMNS)} FROM import_lock WHERE template = ? AND course = ? AND unlocked_at IS NULL",
        template,
        course,
    )
    return Lock(**dict(zip(COLUMNS, found[0], strict=True))) if found else None


def add(store: Store, lock: Lock) -> None:
    """Lock an importer."""
    named = [one for one in COLUMNS if one != "number"]
    marks = ", ".join("?" for _ in named)
    store.execute(
        f"INSERT INTO import_lock ({', '.join(named)}) VALUES ({marks})", *(getattr(lock, one) for one in named)
    )


def lift(store: Store, lock: Lock, who: str, now: int) -> bool:
    """Lift a lock; return whether it still stood."""
    with store.transaction():
        still = standing(store, lock.template, lock.course)
        if still is None or still.number != lock.number:
            return False
        store.execute("UPDATE import_lock SET unlocked_by = ?, unlocked_at = ? WHERE number = ?", who, now, lock.number)
    return True
