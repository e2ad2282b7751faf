"""Writes students as the rows that leave them as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from bulkload.digests import UNCHANGED
from bulkload.family import LOST
from bulkload.joins import beside
from bulkload.templates.student.fields import FIELDS
from bulkload.templates.student.records import REGULAR_KIND, WHOLE

if TYPE_CHECKING:
    from bulkload.store import Store


def export(store: Store) -> Iterator[pl.DataFrame]:
    """Yield the students by the order of their numbers, as texts; their secrets stand as unchanged (loading §1).

    The flag I leaves everybody as they are but those on regular orders, whom every flag moves, deactivates or
    refuses (student §2): theirs is left blank, and counted as `lost`.
    """
    schools = store.records("school", {"number": pl.Int64(), "code": pl.String()})
    schools = schools.rename({"number": "school", "code": "school_code"})
    kinds = store.records("license_order", {"number": pl.Int64(), "kind": pl.String()})
    kinds = kinds.rename({"number": "license_order"})
    for frame in store.all_records("student", WHOLE):
        shown = beside(beside(frame, schools, ["school"]), kinds, ["license_order"]).with_columns(
            pl.when(pl.col("kind") != REGULAR_KIND).then(pl.lit("I")).alias("status"),
            pl.lit(UNCHANGED).alias("password"),
            pl.when(pl.col("ssn").is_not_null()).then(pl.lit(UNCHANGED)).alias("ssn"),
        )
        yield shown.select(
            *(one.kind.show(pl.col(one.name)).alias(one.name) for one in FIELDS),
            pl.col("status").is_null().alias(LOST),
        )
