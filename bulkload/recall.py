"""Brings the stored records to the rows that ask for them, in memory that does not grow with file or store.

Rows come in any order, and looking each of them up would walk through the whole store with every batch. So
the keys that rows ask for are set aside by the store's own order, read in that order, part by part, and
what is found is set aside again by batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from bulkload.ahead import ahead
from bulkload.formats.batch import Span
from bulkload.spool import Spool
from bulkload.store import Store

PARTS = 8
"""Parts that the keys are spread over: one of them, with the records beside it, is in memory at a time."""

FEW = 50_000
"""Up to so many keys are looked up one by one (1 to 2 microseconds each); more are found by reading on. A
table of so few records is read as a whole."""

KEY = ["event", "user"]

Schema = Mapping[str, pl.DataType]


class Recollection:
    """Collects what rows ask for, then finds it: `ask` for each batch, `find` once, `stored` for each batch.

    Tables are those whose key begins with event and user.
    """

    def __init__(self, store: Store, spool: Spool, tables: Mapping[str, Schema]) -> None:
        self.store, self.spool = store, spool
        few = {table for table in tables if store.has_at_most(table, FEW)}
        self.whole = {table: store.records(table, tables[table]) for table in few}
        self.tables = {table: schema for table, schema in tables.items() if table not in few}
        self.empty = {table: pl.DataFrame(schema={"row": pl.Int64, **schema}) for table, schema in tables.items()}
        self.width = store.next_number("event") // PARTS + 1
        self.asked = dict.fromkeys(tables, 0)

    def ask(self, asks: Mapping[str, pl.DataFrame]) -> None:
        """Set aside the keys of a batch: for each table a frame of `row`, `event` and `user`."""
        for table in self.tables:
            keys = asks[table].drop_nulls()
            self.asked[table] += keys.height
            parts = keys.with_columns((pl.col("event") // self.width).alias("part")).partition_by(
                "part", as_dict=True, include_key=False
            )
            for (part,), frame in parts.items():
                self.spool.add(f"ask-{table}-{part:02}", frame)

    def find(self, spans: Sequence[Span]) -> None:
        """Find the records of all keys, and set them aside by batch."""
        firsts = pl.Series([span.first_row for span in spans], dtype=pl.Int64)
        for table in self.tables:
            for keys, records in ahead(self._fetched(table)):
                found = keys.join(records, on=KEY, how="inner", maintain_order="left")
                batch = firsts.search_sorted(found["row"], side="right") - 1
                by_batch = found.with_columns(batch.alias("batch"))
                for (number,), frame in by_batch.partition_by("batch", as_dict=True, include_key=False).items():
                    self.spool.add(f"stored-{table}-{number:06}", frame)

    def _fetched(self, table: str) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield the keys of each part, with the records that they may find."""
        wanted = KEY if self.asked[table] <= FEW else KEY[:1]
        for part in self.spool.names(f"ask-{table}-"):
            keys = self.spool.take(part)
            assert keys is not None
            yield keys, self.store.records(table, self.tables[table], keys.select(wanted).unique().sort(pl.all()))

    def stored(self, batch: int, asks: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Return, for each table, the records that a batch asked for: `row` and the table's columns."""
        found = {
            table: asks[table].join(records, on=KEY, how="inner", maintain_order="left")
            for table, records in self.whole.items()
        }
        for table in self.tables:
            frame = self.spool.take(f"stored-{table}-{batch:06}")
            found[table] = self.empty[table] if frame is None else frame
        return found
