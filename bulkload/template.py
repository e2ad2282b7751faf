"""What a type of file is: its fields with their rules, its key, and the family that decides over its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

import polars as pl

from bulkload import rules
from bulkload.kinds import Kind
from bulkload.rules import Code, Rule

if TYPE_CHECKING:
    from bulkload.store import Store


@dataclass(frozen=True)
class Field:
    """Declares one column of a file.

    `required` is the code of a blank cell, None where a cell may be blank; `required_unless` names another
    field that may stand in for it. `may_be_absent`: a file without the heading is read as if every cell of
    it were blank. Values of a secret field appear in no output.
    """

    name: str
    heading: str
    kind: Kind
    says: str
    example: str = ""
    required: Code | None = None
    required_unless: str | None = None
    limit: int | None = None
    too_long: Code = rules.TOO_LONG
    rules: tuple[Rule, ...] = ()
    may_be_absent: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule on its field: what is checked, and the words that its sentences may use beside the row's own."""

    code: Code
    fails: pl.Expr
    field: Field
    position: int
    roots: frozenset[str]
    words: Mapping[str, pl.Expr]


@dataclass(frozen=True, slots=True)
class Options:
    """What the person who runs a load chose, beside the file."""

    now: datetime
    ambiguous: Literal["earlier", "later", "error"] = "later"
    only: Literal["create", "update"] | None = None
    all_or_nothing: bool = False
    display_time_zone: str = "UTC"
    display_date: str = "%m/%d/%Y %I:%M %p"


@dataclass(frozen=True, slots=True)
class Write:
    """Rows to be written to one table of the store: `insert` (all columns) or `update` (the key's row)."""

    table: str
    how: Literal["insert", "update", "delete", "journal"]
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Decision:
    """What a family decided over a batch.

    `frame` is the frame it was given with `outcome` (String) and `changes` (String, empty for none) set,
    and whatever columns the template's later rules name; `writes` is what has to happen in the store.
    """

    frame: pl.DataFrame
    writes: Iterable[Write] = ()


TableShown = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""A table that people are sent to: its title, its headings, its rows."""


class Run(Protocol):
    """One load of one file by a family: holds what it looked up, and what it carries from batch to batch.

    `look_up` and `asks` depend on no other batch; `recall` and `decide` follow in file order, when the whole
    file has been looked at.
    """

    @property
    def keeps(self) -> frozenset[str]:
        """Return the columns that are needed after the first look."""
        ...

    @property
    def recalls(self) -> Mapping[str, Mapping[str, pl.DataType]]:
        """Return the tables that rows ask for records of, with the columns that are wanted."""
        ...

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add what values refer to, and what follows from it; depends on no other batch."""
        ...

    def asks(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Return, for each table of `recalls`, which rows ask for which of its records."""
        ...

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add the stored record of each row (`stored.x`, null where there is none), and what follows from it."""
        ...

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Decide over the rows whose `ok` is true, in file order."""
        ...


class Family(Protocol):
    """Decides what the rows of a template do to the store."""

    def begin(self, template: Template, store: Store, options: Options) -> Run:
        """Read from the store what every batch needs."""
        ...

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield the records as texts, one column for each field, in the order of the key."""
        ...


@dataclass(frozen=True)
class Template:
    """Declares a type of file, wholly.

    `doubled`: the code of a key that stands twice, and which of its rows it rejects: `later` (the first
    counts) or `all`. `folded_key`: texts of the key that are compared without case. `short_rows`: trailing blank cells may be missing. `refers_to`: the templates whose
    records must be there first. `tables` are shown with the template.
    """

    name: str
    says: str
    source: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    family: Family
    refers_to: tuple[str, ...] = ()
    doubled: Code = rules.KEY_DOUBLED
    doubled_rejects: Literal["later", "all"] = "all"
    folded_key: tuple[str, ...] = ()
    short_rows: bool = False
    tables: tuple[TableShown, ...] = ()
    placed: tuple[Placed, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = [one.name for one in self.fields]
        headings = [one.heading.casefold() for one in self.fields]
        if len(set(names)) != len(names) or len(set(headings)) != len(headings):
            raise ValueError(f"template {self.name}: a field or a heading stands twice")
        object.__setattr__(self, "placed", tuple(self._place()))
        named = {*self.key, *(one.required_unless for one in self.fields if one.required_unless)}
        named |= {one.partition(".")[2] for one in self.folded_key}
        for root in (root for placed in self.placed for root in placed.roots):
            kind, dot, name = root.partition(".")
            if not dot:
                named.add(root)
            elif kind in {"text", "cell"}:
                named.add(name)
        if unknown := named - set(names):
            raise ValueError(f"template {self.name} names {', '.join(sorted(unknown))}, and has no such field")

    def _place(self) -> Iterator[Placed]:
        for number, one in enumerate(self.fields):
            every = [*standard_rules(one), *one.rules]
            for order, rule in enumerate(every):
                fails = rule.fails(one.name)
                roots = frozenset(fails.meta.root_names())
                yield Placed(rule.code, fails, one, number * 100 + order, roots, {**one.kind.words, **rule.words})

    def __getitem__(self, name: str) -> Field:
        return next(one for one in self.fields if one.name == name)

    @property
    def codes(self) -> list[Code]:
        """Return every code that a row of this template can have; one word may have several sentences."""
        found = [rules.CELL_COUNT, rules.BLANK_LINE, *(one.code for one in self.placed), self.doubled]
        return list(dict.fromkeys(found))


def standard_rules(one: Field) -> Iterator[Rule]:
    """Yield the rules that follow from how a field is declared: trimmed, required, readable, not too long."""
    text = pl.col(f"text.{one.name}")
    cell = pl.col(f"cell.{one.name}")
    if not one.secret:
        yield Rule(rules.VALUE_TRIMMED, lambda _: (cell.str.strip_chars() != cell) & (text != ""))
    if one.required:
        other = pl.col(f"text.{one.required_unless}") == "" if one.required_unless else pl.lit(value=True)
        yield Rule(one.required, lambda _: (text == "") & other)
    if one.kind.code:
        yield Rule(one.kind.code, lambda name: (text != "") & pl.col(name).is_null())
    if one.limit:
        yield Rule(one.too_long, lambda _: text.str.len_chars() > one.limit)
