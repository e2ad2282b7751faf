"""Finds the rows of a file that have the same key, in memory that does not grow with the file."""

from __future__ import annotations

import polars as pl

from bulkload.spool import Spool
from bulkload.template import Template

PARTS = 16
"""Parts that keys are spread over, by digest: one of them is in memory at a time."""

SEEDS = (17, 40_503)
"""Two digests of 64 bits: among 10 million keys, two different ones agree in both once in 10**24 files."""


def digests(frame: pl.DataFrame, template: Template) -> pl.DataFrame:
    """Return `row` and two digests (`a`, `b`) of the key of each row, as it is compared; a blank key has none.

    A family can say with columns `same.x` what tells rows apart; otherwise it is the text of the key's fields.
    """
    own = [name for name in frame.columns if name.startswith("same.")]
    columns = own or [f"text.{name}" for name in template.key]
    key = [pl.col(one).str.to_lowercase() if one in template.folded_key else pl.col(one) for one in columns]
    texts = [one for one in columns if frame.schema[one] == pl.String]
    blank = pl.any_horizontal(pl.col(one).is_null() | (pl.col(one) == "") for one in texts)
    rows = frame.filter(pl.col("fault").is_null() & ~blank)
    return rows.select("row", *(pl.struct(key).hash(seed).alias(name) for name, seed in zip("ab", SEEDS, strict=True)))


def set_aside(found: pl.DataFrame, spool: Spool) -> None:
    """Spread digests over the parts."""
    for (part,), frame in (
        found.with_columns(part=pl.col("a") % PARTS).partition_by("part", as_dict=True, include_key=False).items()
    ):
        spool.add(f"key-{part:02}", frame)


def doubled_rows(spool: Spool, template: Template) -> pl.DataFrame:
    """Return the rows that a doubled key rejects: `row`, `first_row`, ascending."""
    found = [pl.DataFrame(schema={"row": pl.Int64, "first_row": pl.Int64})]
    for frame in spool.take_all("key-"):
        same = frame.filter(pl.struct("a", "b").is_duplicated())
        same = same.select("row", pl.col("row").min().over("a", "b").alias("first_row"))
        if template.doubled_rejects == "later":
            same = same.filter(pl.col("row") != pl.col("first_row"))
        found.append(same)
    return pl.concat(found).sort("row")
