"""Knows rows that were accepted before exactly as they are typed now, by a digest that is stored with their record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from bulkload.digests import SEPARATOR
from bulkload.joins import beside


def typed(frame: pl.DataFrame, fields: Iterable[str]) -> pl.Series:
    """Return the cells of some fields as one text for each row."""
    cells = pl.concat_str((f"cell.{name}" for name in fields), separator=SEPARATOR)
    return frame.select(cells.fill_null("")).to_series()


def recognized(frame: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Add `known`: a record is stored with `content`, the digest of the row as it is typed.

    `stored` has the columns `content`, ascending, and `stored.x`, which known rows have from here on.
    """
    content, others = frame["content"], stored.drop("content")
    if stored.is_empty():
        none = [pl.lit(None, kind).alias(name) for name, kind in others.schema.items()]
        return frame.with_columns(pl.lit(value=False).alias("known"), *none)
    at = stored["content"].search_sorted(content).clip(0, stored.height - 1)
    known = (stored["content"].gather(at) == content) & frame["fault"].is_null()
    found = at.to_frame("at").select(pl.when(known).then("at")).to_series()
    return frame.with_columns(known.alias("known"), *others.select(pl.all().gather(found)))


def with_known(frame: pl.DataFrame, loud: pl.DataFrame, decided: Mapping[str, str | bool]) -> pl.DataFrame:
    """Return all rows with what was decided over some of them; on the others it is what `decided` says."""
    if loud.height == frame.height:
        return loud
    frame = beside(frame, loud.select("row", *decided), ["row"])
    return frame.with_columns(pl.col(name).fill_null(value) for name, value in decided.items())
