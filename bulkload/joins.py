"""Brings the columns of a table to the rows of a frame, by a key that no two rows of the table share."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def beside(frame: pl.DataFrame, table: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    """Return a frame with a table's other columns, null where the table has no row of that key.

    Only the key goes through the join: the frame's other columns are not copied.
    """
    added = [name for name in table.columns if name not in on]
    if table.is_empty():
        return frame.with_columns(pl.lit(None, table.schema[name]).alias(name) for name in added)
    found = frame.select(on).join(table, on=on, how="left", maintain_order="left")
    return frame.with_columns(found.select(added))


class Finder:
    """Finds rows of a table by a text, batch after batch; made once, where a join would be made for each batch.

    Keys are sorted by a digest of 64 bits, which is searched, and then compared themselves.
    """

    def __init__(self, table: pl.DataFrame, key: str) -> None:
        self.key = key
        self.table = table.with_columns(pl.col(key).hash().alias("digest")).sort("digest")
        self.digests = self.table["digest"]
        self.unique = not (self.digests == self.digests.shift()).any()
        self.table = self.table.drop("digest")

    def find(self, texts: pl.Series) -> pl.DataFrame:
        """Return the table's other columns for each text, null where the table does not have it."""
        others = self.table.drop(self.key)
        if self.table.is_empty() or not self.unique:
            return beside(texts.alias(self.key).to_frame(), self.table, [self.key]).drop(self.key)
        at = self.digests.search_sorted(texts.hash()).clip(0, len(self.digests) - 1)
        same = self.table[self.key].gather(at) == texts
        where = at.to_frame("at").select(pl.when(same).then("at")).to_series()
        return others.select(pl.all().gather(where))
