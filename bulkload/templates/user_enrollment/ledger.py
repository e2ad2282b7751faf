"""Knows how far a file repeats what was applied before: the beginning of a person's records that ends their ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from bulkload.templates.user_enrollment.records import LEDGER

if TYPE_CHECKING:
    from bulkload.store import Store


def repeated(records: Sequence[int], ledger: Sequence[int]) -> int:
    """Return the length of the longest beginning of some records that is the end of a ledger.

    One step for each record (Knuth, Morris and Pratt), however often a person is enrolled and dropped.
    """
    borders = [0] * (len(records) + 1)
    length = 0
    for at in range(1, len(records)):
        while length and records[at] != records[length]:
            length = borders[length]
        length += records[at] == records[length]
        borders[at + 1] = length
    length = 0
    for digest in ledger:
        if length == len(records):
            length = borders[length]
        while length and digest != records[length]:
            length = borders[length]
        length += digest == records[length]
    return length


def skipped(frame: pl.DataFrame, store: Store, *, reapply: bool) -> pl.DataFrame:
    """Add `skipped`, whether a record was applied before, and `applied`, how many records the person's ledger has.

    The frame has all records of some persons, by person and row: `who`, `number` (null: not stored) and `content`
    (null: a record that is not right in form, and repeats nothing).
    """
    numbers = frame.select(pl.col("number").drop_nulls().unique().sort().alias("person"))
    ledger = store.records("ledger", LEDGER, numbers).sort("person", "position")
    nobody = {"skipped": pl.lit(value=False), "applied": pl.lit(0, pl.Int64)}
    if ledger.is_empty():
        return frame.with_columns(**nobody)
    stored = ledger.group_by("person", maintain_order=True).agg("digest", pl.col("position").max().alias("applied"))
    stored = stored.rename({"person": "number"})
    asked = frame.filter(pl.col("number").is_not_null()).group_by("number", maintain_order=True).agg("content")
    both = asked.join(stored, on="number", how="inner", maintain_order="left")
    lengths = [
        0 if reapply or records[0] is None else repeated(right_in_form(records), digests)
        for records, digests in both.select("content", "digest").iter_rows()
    ]
    known = both.select("number", "applied", pl.Series("length", lengths, dtype=pl.Int64))
    frame = frame.join(known, on="number", how="left", maintain_order="left")
    nth = pl.int_range(pl.len()).over("who")
    return frame.with_columns(
        (nth < pl.col("length").fill_null(0)).alias("skipped"), pl.col("applied").fill_null(0)
    ).drop("length")


def right_in_form(records: Sequence[int | None]) -> list[int]:
    """Return the records before the first that is not right in form."""
    whole = list(records)
    return [one for one in (whole[: whole.index(None)] if None in whole else whole) if one is not None]
