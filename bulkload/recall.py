"""Brings the stored records to the rows that ask for them, in memory that does not grow with file or store.

Rows come in any order, and looking each of them up would walk through the whole store with every batch. So
the keys that rows ask for are set aside in parts. Where the key begins as the table's own does, parts are
ranges of it, and records are read range by range; else parts go by the key's digest, and the table is read
once, from its beginning to its end. What is found is set aside again by batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from bulkload.ahead import ahead
from bulkload.family import Recalled
from bulkload.formats.batch import Span, by_batch
from bulkload.spool import Spool
from bulkload.store import Store

PARTS = 8
"""Parts that the keys are spread over: one of them, with the records beside it, is in memory at a time."""

FEW = 50_000
"""Up to so many keys are looked up one by one (1 to 2 microseconds each); more are found by reading on, which takes
half as long for each record. A table of so few records is read as a whole."""

TIMES = 8
"""Where a table has so many times as many records as are asked for, they are looked up one by one too."""


class Recollection:
    """Collects what rows ask for, then finds it: `ask` for each batch, `find` once, `stored` for each batch."""

    def __init__(self, store: Store, spool: Spool, recalls: Mapping[str, Recalled]) -> None:
        self.store, self.spool, self.recalls = store, spool, recalls
        few = {name for name, one in recalls.items() if store.has_at_most(one.table, FEW)}
        self.whole = {name: store.records(recalls[name].table, recalls[name].columns) for name in few}
        self.large = {name: one for name, one in recalls.items() if name not in few}
        self.widths = {
            name: store.next_number(one.table if one.key[0] == "number" else one.key[0]) // PARTS + 1
            for name, one in self.large.items()
            if store.is_ordered_by(one.table, one.key)
        }
        self.asked = dict.fromkeys(self.large, 0)

    def ask(self, asks: Mapping[str, pl.DataFrame]) -> None:
        """Set aside the keys of a batch."""
        for name in self.large:
            keys = asks[name].drop_nulls()
            self.asked[name] += keys.height
            for part, frame in self._parted(name, keys):
                self.spool.add(f"ask-{name}-{part}", frame)

    def _parted(self, name: str, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield the parts that a frame's keys fall into."""
        key = self.recalls[name].key
        part = pl.col(key[0]) // self.widths[name] if name in self.widths else pl.struct(key).hash() % PARTS
        parts = frame.with_columns(part.alias("part")).partition_by("part", as_dict=True, include_key=False)
        for (number,), one in parts.items():
            yield f"{number:02}", one

    def find(self, spans: Sequence[Span]) -> None:
        """Find the records of all keys, and set them aside by batch."""
        for name, recalled in self.large.items():
            for keys, records in ahead(self._fetched(name, recalled)):
                found = keys.join(records, on=recalled.key, how="inner", maintain_order="left")
                for number, frame in by_batch(found, spans):
                    self.spool.add(f"stored-{name}-{number:06}", frame)

    def _fetched(self, name: str, recalled: Recalled) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield the keys of each part, with the records that they may find."""
        asked = self.asked[name]
        few = asked <= FEW or not self.store.has_at_most(recalled.table, TIMES * asked)
        read_through = not few and name not in self.widths
        if read_through:
            for records in ahead(self.store.all_records(recalled.table, recalled.columns)):
                for part, frame in self._parted(name, records):
                    self.spool.add(f"have-{name}-{part}", frame)
        for part in self.spool.names(f"ask-{name}-"):
            keys = self.spool.take(part)
            assert keys is not None
            if not read_through:
                wanted = recalled.key if few else recalled.key[:1]
                keyed = keys.select(wanted).unique().sort(pl.all())
                yield keys, self.store.records(recalled.table, recalled.columns, keyed)
            elif (kept := self.spool.take(part.replace("ask", "have", 1))) is not None:
                yield keys, kept

    def stored(self, batch: int, asks: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Return, for each name, the records that a batch asked for: `row` and the columns that are wanted."""
        empty = {name: pl.DataFrame(schema={"row": pl.Int64(), **one.columns}) for name, one in self.recalls.items()}
        found = {
            name: asks[name].join(records, on=self.recalls[name].key, how="inner", maintain_order="left")
            for name, records in self.whole.items()
            if not records.is_empty()
        }
        for name in self.large:
            frame = self.spool.take(f"stored-{name}-{batch:06}")
            if frame is not None:
                found[name] = frame
        return empty | found
