"""Finds the record that a value names, by a join."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bulkload.joins import Finder
from bulkload.rules import Code, Rule

if TYPE_CHECKING:
    from bulkload.store import Store


@dataclass(frozen=True)
class LookUp:
    """Says where the record that a field names is found.

    Joining adds `name.number`, the record's number, and `name.x` for each column x of `takes`; all are null
    where there is no such record. `key` is the column of the table that the field's value equals
    (`folds`: in lower case), `shown` the column that files show.
    """

    name: str
    field: str
    table: str
    key: str
    shown: str
    takes: Mapping[str, pl.DataType]
    folds: bool = False

    def fetch(self, store: Store) -> Finder:
        """Read the table, its columns under the names that they will have beside a row's."""
        schema: dict[str, pl.DataType] = {self.key: pl.String(), "number": pl.Int64(), **self.takes}
        frame = store.records(self.table, schema)
        columns = [pl.col(one).alias(f"{self.name}.{one}") for one in ("number", *self.takes)]
        return Finder(frame.select(pl.col(self.key).alias("key"), *columns), "key")

    def join(self, frame: pl.DataFrame, table: Finder) -> pl.DataFrame:
        """Add the record of each row."""
        value = frame[self.field]
        return frame.with_columns(table.find(value.str.to_lowercase() if self.folds else value))


def must_exist(code: Code, look_up: str) -> Rule:
    """Make the rule that a value names a record which is there."""
    return Rule(code, lambda name: pl.col(name).is_not_null() & pl.col(f"{look_up}.number").is_null())
