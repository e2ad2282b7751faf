"""Who gets a seat, who a place on the wait-list, and who neither: row by row, over plain integers (seed 001, column H)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bulkload.templates.enrollment.statuses import NO_SEAT, PRE_STATUSES

if TYPE_CHECKING:
    from bulkload.store import Store

WAIT_LISTED = PRE_STATUSES.index("Wait Listed")
DELETED = PRE_STATUSES.index("Deleted")
FORCED = PRE_STATUSES.index("Forced Enrollment")
STATUSES = pl.Series(PRE_STATUSES, dtype=pl.Enum(PRE_STATUSES))
TAKES_SEAT = [one not in NO_SEAT for one in PRE_STATUSES]

ENDLESS = 1 << 62

NEEDED = (
    "event.number",
    "event.max_seats",
    "event.waitlist",
    "event.max_waitlist",
    "stored.pre_status",
    "asked",
)
"""The columns that places are given by."""


@dataclass(slots=True)
class Places:
    """The seats and wait-list places of one enrollment: how many there are, and how many are taken."""

    seats: int
    waits: int
    seated: int = 0
    waiting: int = 0

    def ask(self, before: int | None, asked: int) -> int:
        """Return the pre-status that a user gets who has `before` (None: is new) and asks for another.

        A stored seat or place is kept, whatever there is now; what the row gives up is free for the rows
        after it; Forced Enrollment always gets in.
        """
        was_seated = before is not None and TAKES_SEAT[before]
        was_waiting = before == WAIT_LISTED
        if TAKES_SEAT[asked] and (was_seated or asked == FORCED or self.seated < self.seats):
            got = asked
        elif TAKES_SEAT[asked] or asked == WAIT_LISTED:
            got = WAIT_LISTED if was_waiting or self.waiting < self.waits else DELETED
        else:
            got = asked
        self.seated += TAKES_SEAT[got] - was_seated
        self.waiting += (got == WAIT_LISTED) - was_waiting
        return got


class Seats:
    """Carries the places of every enrollment that can run out of them through a file."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.places: dict[int, Places] = {}

    def given(self, frame: pl.DataFrame) -> pl.Series:
        """Return the pre-status each row gets (Enum, as asked for where nothing limits it).

        The frame has the columns NEEDED, for rows that are taken, in file order; `stored.pre_status` is null
        for a new row, `asked` an Enum.
        """
        numbered = frame.with_row_index("n")
        limited = numbered.filter(pl.col("event.max_seats").is_not_null() | (pl.col("event.waitlist") != "Unlimited"))
        self._read(limited)
        got = [
            self.places[event].ask(before, asked)
            for event, before, asked in limited.select(
                "event.number", pl.col("stored.pre_status").to_physical(), pl.col("asked").to_physical()
            ).iter_rows()
        ]
        given = limited.select("n", STATUSES.gather(got).alias("given"))
        joined = numbered.join(given, on="n", how="left", maintain_order="left")
        return joined.select(pl.coalesce("given", "asked")).to_series()

    def _read(self, limited: pl.DataFrame) -> None:
        """Count, for enrollments seen for the first time, who is stored with a seat or waiting."""
        events = limited.unique("event.number", maintain_order=True)
        events = events.filter(~pl.col("event.number").is_in(list(self.places)))
        for event, seats, setting, most in events.select(
            "event.number", "event.max_seats", "event.waitlist", "event.max_waitlist"
        ).iter_rows():
            waits = {"Unlimited": ENDLESS, "None": 0}.get(setting, most)
            self.places[event] = Places(ENDLESS if seats is None else seats, waits)
        stored = self.store.count_by(
            "enrollment", ["event", "pre_status"], events.select(pl.col("event.number").alias("event"))
        )
        for event, status, count in stored:
            self.places[event].seated += count if status not in NO_SEAT else 0
            self.places[event].waiting += count if status == "Wait Listed" else 0
