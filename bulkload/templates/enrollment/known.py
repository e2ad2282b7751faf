"""Knows the rows of an enrollment file that set their enrollment before exactly as they are typed now."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import polars as pl

from bulkload import __version__
from bulkload.digests import mixed
from bulkload.known import recognized
from bulkload.template import Template

if TYPE_CHECKING:
    from bulkload.store import Store

FEW = 1 << 20
"""Bytes of a file, some 10,000 rows, from which on the digests of all enrollments are fetched (0.4 s for a million)."""

MOST = 6_000_000
"""Enrollments of a store up to which their rows are known: 16 bytes of memory for each. Five million that are loaded again take
23 s so, and 47 s where each is looked at."""

PIECES = 16
"""Parts of the events whose enrollments are fetched at a time: with five million of them all at once, a load took 572 MB, not 487."""

JUDGED_BY = ("event", "roster_field", "completion")
"""The tables whose records decide what a row does, beside the user and the enrollment themselves."""


class Known:
    """Holds the digests that enrollments are stored with; made once for each load."""

    def __init__(self, store: Store, template: Template, ids: pl.Series, active: pl.Series) -> None:
        """Begin with the ids of events and whether users are active, each in the place of their number."""
        self.store, self.ids, self.active = store, ids, active
        cells = [pl.col(f"cell.{one.name}") for one in template.fields]
        judged = (__version__, pl.__version__, version("pytz"), str(store.last_change(JUDGED_BY)))
        self.content = mixed(cells, pl.Series(["|".join(judged)]).hash()[0] >> 1).reinterpret(signed=True)
        self.stored: pl.DataFrame | None = None

    def fetch(self, size: int) -> None:
        """Fetch the digests, ascending, each with the numbers of its event and its user, for a file of so many bytes."""
        if size >= FEW and self.store.has_at_most("enrollment", MOST):
            schema = {"content": pl.Int64(), "event": pl.Int32(), "user": pl.Int32()}
            events = self.ids.is_not_null().arg_true().alias("event").to_frame()
            some = events.iter_slices(events.height // PIECES + 1)
            pieces = [self.store.records("enrollment", schema, one).drop_nulls("content") for one in some]
            records = pl.concat(pieces or [pl.DataFrame(schema=schema)]).sort("content")
            self.stored = records.rename({one: f"stored.{one}" for one in ("event", "user")})

    def recognized(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `known`, and for known rows the columns `same.x` that tell rows of one file apart."""
        if self.stored is None:
            return frame.with_columns(pl.lit(value=False).alias("known"))
        frame = recognized(frame, self.stored)
        username = pl.col("cell.username")
        plain = username.str.len_bytes() == username.str.len_chars()
        active = self.active.gather(frame["stored.user"]).fill_null(value=False)
        return frame.with_columns(
            pl.col("known") & plain & active,
            self.ids.gather(frame["stored.event"]).alias("same.enrollment"),
            pl.lit(value=True).alias("same.by_id"),
            username.alias("same.username"),
        ).drop("stored.event", "stored.user")


def by_number(numbers: pl.Series, values: pl.Series) -> pl.Series:
    """Return values in the places of their numbers, null where a number is nobody's."""
    every = pl.DataFrame({"number": numbers, "value": values})
    places = every.select(pl.int_range(pl.col("number").max().fill_null(0) + 1).alias("number"))
    return places.join(every, on="number", how="left", maintain_order="left")["value"]
