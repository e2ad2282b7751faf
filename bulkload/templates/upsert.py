"""The family of reference data: a row adds the record of its key, or changes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import changed_columns, changes_text, journal
from bulkload.joins import beside
from bulkload.template import Decision, Options, Template, Write
from bulkload.templates.lookup import LookUp

if TYPE_CHECKING:
    from bulkload.store import Store


@dataclass(frozen=True)
class Upsert:
    """Adds and changes records of one table, whose columns have the fields' names.

    A numbered table gives each record a number; `folded` is then the field whose text, in lower case, is
    the key as compared. `look_ups` find what the row refers to; a table without numbers has their numbers
    as its key. `referred` names, for fields that must not change while something refers to the record,
    the table and the column that do.
    """

    table: str
    numbered: bool = True
    folded: str | None = None
    look_ups: tuple[LookUp, ...] = ()
    referred: tuple[str, str] | None = None

    def begin(self, template: Template, store: Store, options: Options) -> UpsertRun:
        """Read the table, and what rows can refer to."""
        return UpsertRun(self, template, store, options)

    def columns(self, template: Template) -> dict[str, pl.DataType]:
        """Return the columns of the table that the template's fields are."""
        known = [one.name for one in self.look_ups]
        own = {one.name: one.kind.dtype for one in template.fields if one.name not in self.fields_of_look_ups()}
        key: dict[str, pl.DataType] = {"number": pl.Int64()} if self.numbered else dict.fromkeys(known, pl.Int64())
        if self.folded:
            key["folded"] = pl.String()
        return key | own

    def fields_of_look_ups(self) -> set[str]:
        """Return the fields that are there to find another record."""
        return {one.field for one in self.look_ups}

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield all records in the order of their key."""
        frame = store.records(self.table, self.columns(template))
        for one in self.look_ups:
            names = store.records(one.table, {"number": pl.Int64(), one.shown: pl.String()})
            names = names.rename({"number": one.name, one.shown: one.field})
            frame = frame.join(names, on=one.name, how="left", maintain_order="left")
        texts = frame.select(one.kind.show(pl.col(one.name)).alias(one.name) for one in template.fields)
        yield texts.sort(template.key)


class UpsertRun:
    """One load of reference data; its table is read as a whole, so that rows ask for nothing more."""

    def __init__(self, family: Upsert, template: Template, store: Store, options: Options) -> None:
        self.family, self.template, self.store, self.options = family, template, store, options
        self.recalls: Mapping[str, Mapping[str, pl.DataType]] = {}
        self.tables = {one.name: one.fetch(store) for one in family.look_ups}
        self.schema = family.columns(template)
        stored = store.records(family.table, self.schema)
        self.key = ["folded"] if family.folded else list(template.key) if family.numbered else list(self.tables)
        self.stored = stored.rename({name: f"stored.{name}" for name in stored.columns if name not in self.key})
        self.keeps = frozenset({one.name for one in template.fields} | set(self.key))
        self.next_number = store.next_number(family.table) if family.numbered else 0

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find what the rows refer to, and their own key as compared."""
        if self.family.folded:
            frame = frame.with_columns(pl.col(self.family.folded).str.to_lowercase().alias("folded"))
        for one in self.family.look_ups:
            frame = one.join(frame, self.tables[one.name])
            frame = frame.with_columns(pl.col(f"{one.name}.number").alias(one.name))
        return frame

    def asks(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Ask for nothing."""
        return {}

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Join the stored records on the key."""
        marked = self.stored.with_columns(pl.lit(value=True).alias("stored.known"))
        frame = beside(frame, marked, self.key)
        if self.family.referred is None:
            return frame
        table, column = self.family.referred
        numbers = frame.select(pl.col("stored.number").drop_nulls().unique().alias(column))
        used = [row[0] for row in self.store.count_by(table, [column], numbers)]
        return frame.with_columns(pl.col("stored.number").is_in(used).alias("stored.referred"))

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Compare each row with its record."""
        values = [name for name in self.schema if name not in {"number", *self.key}]
        frame = frame.with_columns(*changed_columns(values), pl.col("stored.known").fill_null(value=False))
        new = pl.col("ok") & ~pl.col("stored.known")
        differs = pl.col("ok") & pl.col("stored.known") & pl.any_horizontal(f"changed.{name}" for name in values)
        frame = frame.with_columns(
            pl.when(new)
            .then(pl.lit("created"))
            .when(differs)
            .then(pl.lit("updated"))
            .when("ok")
            .then(pl.lit("unchanged"))
            .otherwise(pl.lit("rejected"))
            .alias("outcome")
        )
        frame = skip(frame, self.options).with_columns(changes_text(self.template, values))
        return Decision(frame, self._writes(frame, values))

    def _writes(self, frame: pl.DataFrame, values: Sequence[str]) -> Iterator[Write]:
        new = frame.filter(pl.col("outcome") == "created")
        changed = frame.filter(pl.col("outcome") == "updated")
        if self.family.numbered:
            new = new.with_columns(number=pl.int_range(self.next_number, self.next_number + new.height, dtype=pl.Int64))
            self.next_number += new.height
            changed = changed.with_columns(number=pl.col("stored.number"))
        yield Write(self.family.table, "insert", new.select(list(self.schema)))
        yield Write(self.family.table, "update", changed.select(list(self.schema)))
        key = ["number"] if self.family.numbered else self.key
        yield journal(self.family.table, key, values, changed)


def skip(frame: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Let `--only create` and `--only update` skip the rows of the other kind."""
    if options.only is None:
        return frame
    others = pl.col("stored.known") if options.only == "create" else ~pl.col("stored.known")
    return frame.with_columns(
        pl.when(pl.col("ok") & others).then(pl.lit("skipped")).otherwise("outcome").alias("outcome")
    )
