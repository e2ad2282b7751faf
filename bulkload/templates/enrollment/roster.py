"""Roster fields: which a cell names, and what its pairs change in the store (seed 001, column C)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import journal, or_blank
from bulkload.family import Write
from bulkload.joins import beside
from bulkload.rules import filled, quoted

if TYPE_CHECKING:
    from bulkload.store import Store

VALUES = {"event": pl.Int64(), "user": pl.Int64(), "field": pl.Int64(), "value": pl.String()}
KEY = ["event", "user", "field"]

NAMED = 5
"""Roster fields of a cell that a message names."""


def fields(store: Store) -> pl.DataFrame:
    """Return the names of roster fields: `name`, `fields` (how many have it), `field` (the number of one)."""
    stored = store.records("roster_field", {"number": pl.Int64(), "name": pl.String()})
    return stored.group_by("name").agg(pl.len().alias("fields"), pl.col("number").first().alias("field"))


def pairs_of(frame: pl.LazyFrame, *more: str) -> pl.DataFrame:
    """Return the pairs of a frame's rows, one each: `row`, `event`, `user` (numbers), `name`, `data`, and more columns."""
    numbers = [pl.col(f"{one}.number").alias(one) for one in ("event", "user")]
    cells = frame.filter(pl.col("roster").is_not_null()).select("row", "roster", *numbers, *more)
    return cells.collect().explode("roster").unnest("roster")


def named(frame: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Add `roster.missing` and `roster.doubled`: the names that no field has, and those that several have."""
    pairs = pairs_of(frame.lazy()).join(known, on="name", how="left", maintain_order="left")
    wrong = pairs.filter(pl.col("fields").is_null() | (pl.col("fields") > 1))
    found = wrong.group_by("row").agg(
        names(pl.col("fields").is_null()).alias("roster.missing"), names(pl.col("fields") > 1).alias("roster.doubled")
    )
    return beside(frame, found, ["row"])


def names(which: pl.Expr) -> pl.Expr:
    """Return, in words, the first names of a group that a condition holds for."""
    said = quoted(pl.col("name")).filter(which).unique(maintain_order=True)
    more = said.len().cast(pl.Int64) - NAMED
    beyond = pl.when(more > 0).then(filled(" and {} more", more)).otherwise(pl.lit(""))
    return said.head(NAMED).str.join(", ") + beyond


def stored_pairs(frame: pl.LazyFrame, known: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs of rows with the values that the store has for them: `stored.value`, null for none."""
    pairs = pairs_of(frame, "stored.known").join(
        known.select("name", "field"), on="name", how="left", maintain_order="left"
    )
    pairs = pairs.with_columns(pl.col("data").replace("", None).alias("value"))
    stored = values.select("row", "field", pl.col("value").alias("stored.value"))
    return pairs.join(stored, on=["row", "field"], how="left", maintain_order="left")


def changes(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return `row`, `changed.roster` (true) and `roster.changes` (their words) of stored records whose values change."""
    old, new = pl.col("stored.value").fill_null(""), pl.col("value").fill_null("")
    said = filled("Roster {}: {} → {}", "name", or_blank(old), or_blank(new))
    differing = pairs.filter(pl.col("stored.known") & pl.col("value").ne_missing(pl.col("stored.value")))
    return differing.group_by("row").agg(
        pl.lit(value=True).alias("changed.roster"), said.str.join("; ").alias("roster.changes")
    )


def writes(pairs: pl.DataFrame) -> Iterator[Write]:
    """Yield what the pairs of rows that are applied change in the store."""
    new = pairs.filter(pl.col("value").is_not_null() & pl.col("stored.value").is_null())
    old = pairs.filter(pl.col("stored.value").is_not_null() & pl.col("value").ne_missing(pl.col("stored.value")))
    yield Write("roster_value", "insert", new.select(list(VALUES)))
    yield Write("roster_value", "update", old.filter(pl.col("value").is_not_null()).select(list(VALUES)))
    yield Write("roster_value", "delete", old.filter(pl.col("value").is_null()).select(KEY))
    yield journal("roster_value", KEY, ["value"], old)
