"""What the store holds of enrollments: the columns of events and of records, with their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bulkload import zones
from bulkload.templates.enrollment.statuses import POST_STATUSES, PRE_STATUSES, TYPES

if TYPE_CHECKING:
    from bulkload.store import Store

PRE = pl.Enum(PRE_STATUSES)
POST = pl.Enum(POST_STATUSES)
ZONE = pl.Enum(zones.NAMES)

EVENT = {
    "number": pl.Int64(),
    "id": pl.String(),
    "name": pl.String(),
    "type": pl.Enum(TYPES),
    "default_pre": PRE,
    "use_event_zone": pl.Boolean(),
    "zone": ZONE,
    "max_seats": pl.Int64(),
    "waitlist": pl.String(),
    "max_waitlist": pl.Int64(),
}
RECORD = {
    "pre_status": PRE,
    "post_status": POST,
    "priority": pl.Int16(),
    "zone": ZONE,
    "enrolled_at": pl.Int64(),
    "changed_at": pl.Int64(),
}
"""What is stored of an enrollment; instants are seconds since 1970 in UTC, a null priority is None."""


def events(store: Store) -> pl.DataFrame:
    """Return the events, their columns as `event.x`, with `event.count`: how many have the same name."""
    frame = store.records("event", EVENT).with_columns(count=pl.len().over("name"))
    return frame.rename(lambda name: f"event.{name}")
