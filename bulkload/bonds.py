"""Knows which records of a file belong together: those that share a person or a login, and all whom such records join."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import polars as pl

from bulkload.digests import SEPARATOR


@dataclass(frozen=True)
class Bond:
    """Says what binds records of a file to one another: the texts of some fields, as compared, none of them blank.

    `folded`: in any letter case; `where`: only of records of which this is true.
    """

    by: tuple[str, ...]
    folded: bool = False
    where: pl.Expr | None = None

    @property
    def fields(self) -> set[str]:
        """Return the fields that have to be read to know it."""
        return {*self.by, *(self.where.meta.root_names() if self.where is not None else ())}

    def digest(self) -> pl.Expr:
        """Return a digest of what a record shares (UInt64); null where it has no such bond.

        Two records that share nothing and yet have one digest are kept together needlessly, and do no harm.
        """
        texts = [pl.col(f"text.{name}") for name in self.by]
        key = pl.concat_str(texts, separator=SEPARATOR)
        holds = pl.all_horizontal(text != "" for text in texts) & pl.col("fault").is_null()
        if self.where is not None:
            holds &= self.where.fill_null(value=True)
        return pl.when(holds).then((key.str.to_lowercase() if self.folded else key).hash())


def units(digests: pl.DataFrame, records: int) -> pl.Series:
    """Return which unit each of so many records is in (Int64): with all that share a digest, and all whom those join.

    `digests` has a column for each bond; a record without any is a unit of its own.
    """
    room, numbered = 0, []
    for digest in digests:
        numbered.append(digest.rank("dense").cast(pl.Int64) - 1 + room)
        room += digest.drop_nulls().n_unique()
    own = pl.int_range(room, room + records, eager=True)
    if not room:
        return own
    first = pl.select(pl.coalesce(numbered)).to_series()
    roots = array("q", range(room))
    for other in numbered[1:]:
        for one, two in pl.DataFrame({"one": first, "two": other}).drop_nulls().unique().iter_rows():
            low, high = sorted((root(roots, one), root(roots, two)))
            roots[high] = low
    found = pl.Series([root(roots, one) for one in range(room)], dtype=pl.Int64).gather(first)
    return pl.select(pl.coalesce(found, own)).to_series()


def root(roots: array[int], one: int) -> int:
    """Return what a number is joined to at last, and shorten the way there."""
    while roots[one] != one:
        roots[one] = roots[roots[one]]
        one = roots[one]
    return one
