"""Puts other cells in the place of some, for the kind of oddness that a row has."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

N = pl.col("n").cast(pl.String)


def text(words: str) -> pl.Expr:
    """Return words as a column; `{}` in them is the row's number."""
    return pl.format(words, N) if "{}" in words else pl.lit(words)


def spoiled(frame: pl.DataFrame, kinds: Mapping[str, Mapping[str, pl.Expr]]) -> pl.DataFrame:
    """Put in place of each cell what the row's kind of oddness (`odd`, null for none) has there."""
    cells: dict[str, pl.Expr] = {}
    for kind, odd in kinds.items():
        for cell, value in odd.items():
            usual = cells.get(cell, pl.col(cell))
            cells[cell] = pl.when(pl.col("odd") == kind).then(value.fill_null("")).otherwise(usual)
    return frame.with_columns(value.alias(cell) for cell, value in cells.items())
