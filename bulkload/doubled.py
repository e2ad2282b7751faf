"""Finds the rows of a file that share what must tell them apart, in memory that does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from bulkload.digests import SEEDS, mixed
from bulkload.spool import Spool
from bulkload.template import Distinct

AT_ONCE = 2_000_000
"""Keys that are compared in memory at a time."""


def digests(frame: pl.DataFrame, distinct: Distinct) -> pl.DataFrame:
    """Return `row` and two digests (`a`, `b`) of what tells each row apart, as it is compared; where it is blank, none.

    `c` is a digest of what rows that share it have to agree on; where that is null, there is none either.
    """
    columns = [f"text.{name}" for name in distinct.by]
    if distinct.same and distinct.same[0] in frame.columns:
        columns = list(distinct.same)
    folded = {one for one in columns if one.partition(".")[2] in distinct.folded}
    key = [pl.col(one).str.to_lowercase() if one in folded else pl.col(one) for one in columns]
    texts = [one for one in columns if frame.schema[one] == pl.String]
    blank = pl.any_horizontal(pl.col(one).is_null() | (pl.col(one) == "") for one in texts)
    if distinct.given:
        blank |= pl.col(f"text.{distinct.given}").is_null() | (pl.col(f"text.{distinct.given}") == "")
    agreed = {}
    if distinct.agree:
        blank |= pl.col(distinct.agree).is_null()
        agreed = {"c": pl.col(distinct.agree).hash()}
    rows = frame.lazy().filter(pl.col("fault").is_null() & ~blank)
    return rows.select(
        pl.col("row").cast(pl.UInt32), *(mixed(key, seed).alias(name) for name, seed in SEEDS.items()), **agreed
    ).collect()


def parts(spool: Spool, name: str, rows: int, at_once: int) -> Iterator[pl.DataFrame]:
    """Yield what is in the spool under a name in parts by the digest `a`, of about so many of its rows: all of a key are in one."""
    count = rows // at_once + 1
    for part in range(count):
        if frames := [frame.filter(pl.col("a") % count == part) for frame in spool.look(name)]:
            yield pl.concat(frames)


def doubled_rows(spool: Spool, distinct: Distinct, rows: int) -> pl.DataFrame:
    """Return the rows that are rejected, ascending: `row`, `other_row` (the first, or for it the second).

    The digests are in the spool under the column's name. A large file is gone through several times, for one
    part of the digests each time.
    """
    found = [pl.DataFrame(schema={"row": pl.UInt32, "other_row": pl.UInt32})]
    for frame in parts(spool, distinct.column, rows, AT_ONCE):
        same = frame.filter(pl.col("a").is_in(repeated(frame["a"]).implode()))
        same = same.filter(pl.struct("a", "b").is_duplicated())
        first, second = (pl.col("row").sort().get(nth).over("a", "b") for nth in (0, 1))
        other = pl.when(pl.col("row") == first).then(second).otherwise(first).alias("other_row")
        differs = pl.col("c") != pl.col("c").sort_by("row").first().over("a", "b")
        same = same.select("row", other, (differs if distinct.agree else pl.lit(value=True)).alias("counts"))
        same = same.filter("counts").drop("counts")
        found.append(same.filter(pl.col("row") > pl.col("other_row")) if distinct.rejects == "later" else same)
    spool.forget(distinct.column)
    return pl.concat(found).cast(pl.Int64).sort("row")


def repeated(digests: pl.Series) -> pl.Series:
    """Return digests that stand more than once; sorting finds a million's in 17 ms, a table of them in 58 and in more memory."""
    ordered = digests.sort()
    return ordered.filter(ordered == ordered.shift())
