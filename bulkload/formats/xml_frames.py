"""Lays the records of XML under the columns that every reader yields."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def texts(frame: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """Return the frame of a batch from `row`, `line` and a column for each field.

    In those null is an absent element, "" an empty one; a field without a column is absent everywhere.
    """
    absent = pl.lit(None, pl.String)
    cells = [pl.col(name) if name in frame.columns else absent for name in fields]
    frame = frame.select(
        "row",
        "line",
        pl.lit(None, pl.String).alias("fault"),
        pl.lit(len(fields), pl.Int64).alias("found"),
        *(cell.fill_null("").alias(f"c{at}") for at, cell in enumerate(cells)),
        *((cell == "").fill_null(False).alias(f"e{at}") for at, cell in enumerate(cells)),
    )
    unused = [f"e{at}" for at in range(len(fields)) if not frame[f"e{at}"].any()]
    return frame.drop(unused)
