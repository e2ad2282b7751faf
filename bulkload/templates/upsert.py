"""The family of reference data: a row adds the record of its key, or changes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import changed_columns, changes_text, journal
from bulkload.family import Decision, Run, Write
from bulkload.joins import beside
from bulkload.template import Options, Template
from bulkload.templates.lookup import LookUp

if TYPE_CHECKING:
    from bulkload.store import Store


@dataclass(frozen=True)
class Referred:
    """Says what refers to a record: a column of a table; fields must not change while something does."""

    table: str
    column: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Upsert:
    """Adds and changes records of one table, whose columns have the fields' names.

    A numbered table gives each record a number; `folded` is then the field whose text, in lower case, is
    the key as compared. `look_ups` find what the row refers to, and their numbers are stored in place of
    their fields; a table without numbers has them as its key. `kept` are fields whose blank leaves what is
    stored. Where `referred` finds something, `stored.referred` is true.
    """

    table: str
    numbered: bool = True
    folded: str | None = None
    look_ups: tuple[LookUp, ...] = ()
    kept: tuple[str, ...] = ()
    referred: Referred | None = None

    def begin(self, template: Template, store: Store, options: Options) -> UpsertRun:
        """Read the table, and what rows can refer to."""
        return UpsertRun(self, template, store, options)

    def columns(self, template: Template) -> dict[str, pl.DataType]:
        """Return the columns of the table that the template's fields are."""
        number: dict[str, pl.DataType] = {"number": pl.Int64()} if self.numbered else {}
        folded: dict[str, pl.DataType] = {"folded": pl.String()} if self.folded else {}
        found = {one.name: pl.Int64() for one in self.look_ups}
        return number | folded | found | {name: template[name].kind.dtype for name in self.own(template)}

    def own(self, template: Template) -> list[str]:
        """Return the fields that are columns of the table: all but those that are there to find another record."""
        others = {one.field for one in self.look_ups}
        return [one.name for one in template.fields if one.name not in others]

    def shown(self, template: Template) -> dict[str, str]:
        """Return the stored columns that are no key, each with the field that shows it."""
        found = {one.name: one.field for one in self.look_ups} if self.numbered else {}
        key = () if self.folded else template.key
        return found | {name: name for name in self.own(template) if name not in key}

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield all records in the order of their key."""
        frame = self.with_names(store.records(self.table, self.columns(template)), store)
        texts = frame.select(one.kind.show(pl.col(one.name)).alias(one.name) for one in template.fields)
        yield texts.sort(template.key)

    def with_names(self, frame: pl.DataFrame, store: Store) -> pl.DataFrame:
        """Add, beside the numbers of what records refer to, the texts that files show."""
        for one in self.look_ups:
            names = store.records(one.table, {"number": pl.Int64(), one.shown: pl.String()})
            frame = beside(frame, names.rename({"number": one.name, one.shown: one.field}), [one.name])
        return frame


class UpsertRun(Run):
    """One load of reference data; its table is read as a whole, so that rows ask for nothing more."""

    def __init__(self, family: Upsert, template: Template, store: Store, options: Options) -> None:
        self.family, self.template, self.store, self.options = family, template, store, options
        self.tables = {one.name: one.fetch(store) for one in family.look_ups}
        self.schema = family.columns(template)
        self.shown = family.shown(template)
        self.key = ["folded"] if family.folded else list(template.key) if family.numbered else list(self.tables)
        stored = store.records(family.table, self.schema)
        if family.numbered:
            stored = family.with_names(stored, store)
        marked = stored.with_columns(pl.lit(value=True).alias("known"))
        self.stored = marked.rename({name: f"stored.{name}" for name in marked.columns if name not in self.key})
        self.keeps = frozenset({one.name for one in template.fields} | set(self.key) | set(self.shown))
        self.next_number = store.next_number(family.table) if family.numbered else 0

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find what the rows refer to, and their own key as compared."""
        if self.family.folded:
            frame = frame.with_columns(pl.col(self.family.folded).str.to_lowercase().alias("folded"))
        for one in self.family.look_ups:
            frame = one.join(frame, self.tables[one.name])
            frame = frame.with_columns(pl.col(f"{one.name}.number").alias(one.name))
        return frame

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Join the stored records on the key."""
        frame = beside(frame, self.stored, self.key)
        frame = frame.with_columns(
            pl.col("stored.known").fill_null(value=False),
            *(pl.coalesce(name, f"stored.{name}").alias(name) for name in self.family.kept),
        )
        if self.family.referred is None:
            return frame
        one = self.family.referred
        differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"stored.{name}")) for name in one.fields)
        moving = frame.filter(pl.col("stored.known") & differs)
        numbers = moving.select(pl.col("stored.number").unique().alias(one.column))
        used = [row[0] for row in self.store.count_by(one.table, [one.column], numbers)]
        return frame.with_columns(pl.col("stored.number").is_in(used).alias("stored.referred"))

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Compare each row with its record."""
        values = [name for name in self.schema if name not in {"number", *self.key}]
        frame = frame.with_columns(changed_columns(values))
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
        frame = skip(frame, self.options).with_columns(changes_text(self.template, self.shown))
        if self.family.numbered:
            frame = self._numbered(frame)
        return Decision(frame, self._writes(frame, values))

    def _numbered(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the number of each row's record, which for a new one is the next."""
        new = pl.col("outcome") == "created"
        number = pl.when(new).then(new.cum_sum().cast(pl.Int64) + self.next_number - 1).otherwise("stored.number")
        self.next_number += int((frame["outcome"] == "created").sum())
        return frame.with_columns(number.alias("number"))

    def _writes(self, frame: pl.DataFrame, values: Sequence[str]) -> Iterator[Write]:
        new = frame.filter(pl.col("outcome") == "created")
        changed = frame.filter(pl.col("outcome") == "updated")
        yield Write(self.family.table, "insert", new.select(list(self.schema)))
        yield Write(self.family.table, "update", changed.select(list(self.schema)))
        key = ["number"] if self.family.numbered else self.key
        yield journal(self.family.table, key, values, changed)


def taken(options: Options) -> pl.Expr:
    """Return which good rows are taken: all, or with `--only` those of one kind."""
    if options.only is None:
        return pl.col("ok")
    return pl.col("ok") & (pl.col("stored.known") == (options.only == "update"))


def skip(frame: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Let `--only create` and `--only update` skip the rows of the other kind."""
    if options.only is None:
        return frame
    others = pl.col("ok") & ~taken(options)
    return frame.with_columns(pl.when(others).then(pl.lit("skipped")).otherwise("outcome").alias("outcome"))
