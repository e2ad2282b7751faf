"""What a type of file is: its fields with their rules, its key, and the family that decides over its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import polars as pl

from bulkload import rules
from bulkload.bonds import Bond
from bulkload.config import iana
from bulkload.kinds import Kind
from bulkload.rules import Code, Rule

if TYPE_CHECKING:
    from bulkload.family import Family


@dataclass(frozen=True)
class Field:
    """Declares one column of a file.

    `required` is the code of a blank cell, None where a cell may be blank; `required_unless` names another
    field that may stand in for it. `may_be_absent`: a file without the heading is read as if every cell of
    it were blank; a new file has it nevertheless where it `is_offered`. `trims`: blanks around a value are left
    out. `aliases` are other headings that mean the field. Values of a secret field appear in no message, result,
    log, job or mail; rejects are rows of the input, and have them. `only_in_xml`: delimited files have no
    position for it.
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
    is_offered: bool = True
    trims: bool = True
    secret: bool = False
    aliases: tuple[str, ...] = ()
    only_in_xml: bool = False


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
    set_licenses: bool = False
    display_time_zone: str = "UTC"
    display_date: str = "%m/%d/%Y %I:%M %p"
    legacy: bool = False
    course: str | None = None
    clean: bool = False
    strict_ascii: bool = False
    needs_certificate: bool = False
    reapply: bool = False
    source: str | None = None

    @property
    def day_shown(self) -> date:
        """Return the day of the run, in the time zone that dates are shown in."""
        import pytz

        return self.now.astimezone(pytz.timezone(iana(self.display_time_zone))).date()

    @property
    def columns(self) -> dict[str, pl.Expr]:
        """Return what rules may name of a run: `run.today` and `run.now` (days and seconds since 1970 in UTC), and some options."""
        return {
            "run.today": pl.lit(int(self.now.timestamp()) // 86_400, pl.Int32),
            "run.set_licenses": pl.lit(self.set_licenses),
            "run.course": pl.lit(self.course, pl.String),
            "run.needs_certificate": pl.lit(self.needs_certificate),
            "run.now": pl.lit(int(self.now.timestamp()), pl.Int64),
            "run.source": pl.lit(self.source, pl.String),
        }


TableShown = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""A table that people are sent to: its title, its headings, its rows."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """Says what no two rows of a file may share: the texts of fields.

    The `code` is for the `later` rows (the first counts) or for `all` of them. `folded` are compared without
    case. `same` are columns that a family's look-up makes and that then tell rows apart in place of the texts;
    their texts named in `folded` too. With `agree`, rows may share it all if that column is the same; with
    `given`, only rows count whose cell of that field is not blank.
    """

    by: tuple[str, ...]
    code: Code = rules.KEY_DOUBLED
    rejects: Literal["later", "all"] = "all"
    folded: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    agree: str | None = None
    given: str | None = None

    @property
    def column(self) -> str:
        """Return the name of the column that says which rows have the code."""
        return ".".join(["doubled", *self.by, *filter(None, (self.agree, self.given))])

    @property
    def names_key(self) -> bool:
        """Say whether the sentence of a doubled key repeats it."""
        return "{key}" in self.code.message


@dataclass(frozen=True)
class XmlForm:
    """Declares how a template's records stand in XML: the root element, and an empty file to fill in.

    `record` names the element of a record whose children are the fields; without it the file is IMS Enterprise.
    """

    root: str
    skeleton: str
    record: str | None = None


@dataclass(frozen=True)
class Half:
    """Declares one part of a record that has a code and a message of its own in a transaction log.

    `fields` are those whose findings belong to it, `there` where a record has it, and `happened` the column
    that says what became of it. The columns of the log begin with `prefix`.
    """

    prefix: str
    fields: frozenset[str]
    there: pl.Expr
    happened: str


@dataclass(frozen=True)
class Log:
    """Declares a transaction log, which some templates have in place of results; older ones of its name are kept.

    `shows` are its columns beside record and line, `numbers` the number of each word; any other error has the
    number of its field in `of_fields`, by heading, or is -1.
    """

    shows: Mapping[str, pl.Expr]
    halves: tuple[Half, ...]
    numbers: Mapping[str, int]
    of_fields: Mapping[str, int] = field(default_factory=dict)

    @property
    def roots(self) -> frozenset[str]:
        """Return the columns that the log is made of, beside what the family adds."""
        shown = [*self.shows.values(), *(half.there for half in self.halves)]
        return frozenset(root for one in shown for root in one.meta.root_names())


@dataclass(frozen=True)
class Template:
    """Declares a type of file, wholly.

    `distinct`: what tells its rows apart; without it the key, of which all rows are rejected that share it.
    `short_rows`: trailing blank cells may be missing. `file_name`: files have exactly this name, are
    comma-separated uncompressed text, and have the headings exactly as declared, in this order.
    `accepted`: the code of rows that are accepted, in the results. `errors_show`: the fields shown in a
    file of all findings, which only templates that name some have. `refers_to`: the templates whose
    records must be there first. `tables` are shown with the template. `guarded`: a discrepancy of form refuses
    the file and locks its importer. `becomes`: what the template is under the options of a run, or UsageError.
    `remarks` are said of every run. `positional`: delimited files have no heading row, and no quotes; they are
    never told from their content. `xml`: the template has an XML form too. `log`: what there is in place of results.
    `page_limit`: the bytes of a file that a page takes; None: it takes none. `bonds`: what stays in one part of a file.
    """

    name: str
    says: str
    source: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    family: Family
    refers_to: tuple[str, ...] = ()
    distinct: tuple[Distinct, ...] = ()
    short_rows: bool = False
    file_name: str | None = None
    accepted: Code | None = None
    errors_show: tuple[str, ...] = ()
    tables: tuple[TableShown, ...] = ()
    guarded: bool = False
    becomes: Callable[[Template, Options], Template] = lambda template, _options: template
    remarks: tuple[Code, ...] = ()
    positional: bool = False
    xml: XmlForm | None = None
    log: Log | None = None
    page_limit: int | None = None
    bonds: tuple[Bond, ...] = ()

    def __post_init__(self) -> None:
        names = [one.name for one in self.fields]
        headings = [one.heading.casefold() for one in self.fields]
        if len(set(names)) != len(names) or len(set(headings)) != len(headings):
            raise ValueError(f"template {self.name}: a field or a heading stands twice")
        if not self.distinct and not self.positional:
            object.__setattr__(self, "distinct", (Distinct(self.key),))
        named = {
            *(*self.key, *self.errors_show),
            *(one for distinct in self.distinct for one in (*distinct.by, *distinct.folded)),
            *(one for bond in self.bonds for one in bond.fields),
        }
        named |= {one.given for one in self.distinct if one.given}
        named |= {one.required_unless for one in self.fields if one.required_unless}
        self._has(named)

    def _has(self, named: Iterable[str]) -> None:
        """Raise ValueError where something is named that is no field."""
        if unknown := set(named) - {one.name for one in self.fields}:
            raise ValueError(f"template {self.name} names {', '.join(sorted(unknown))}, and has no such field")

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """Return the rules of all fields, in their order; made for the template that a file has, and not for all others.

        Raises ValueError where a rule names a field that is not there.
        """
        placed = tuple(self._place())
        parts = [root.partition(".") for one in placed for root in one.roots]
        self._has(name if dot else kind for kind, dot, name in parts if not dot or kind in {"text", "cell"})
        return placed

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
    def positions(self) -> tuple[Field, ...]:
        """Return the fields that delimited files have."""
        return tuple(one for one in self.fields if not one.only_in_xml)

    @property
    def misfit(self) -> Code:
        """Return the code of a row with the wrong number of cells."""
        return rules.VALUE_COUNT if self.positional else rules.CELL_COUNT

    @property
    def codes(self) -> list[Code]:
        """Return every code that a row of this template can have; one word may have several sentences."""
        form = [rules.SPECIAL_CHARACTER, rules.CHARACTER_REPLACED] if self.guarded else []
        found = [self.misfit, rules.BLANK_LINE, *form, *(one.code for one in self.placed)]
        found += [*(one.code for one in self.distinct), *self.remarks]
        return list(dict.fromkeys([*found, self.accepted] if self.accepted else found))


def standard_rules(one: Field) -> Iterator[Rule]:
    """Yield the rules that follow from how a field is declared: trimmed, required, readable, not too long."""
    text = pl.col(f"text.{one.name}")
    if one.trims:
        yield Rule(rules.VALUE_TRIMMED, lambda name: pl.col(f"trimmed.{name}") & (text != ""))
    if one.required:
        other = pl.col(f"text.{one.required_unless}") == "" if one.required_unless else pl.lit(value=True)
        yield Rule(one.required, lambda _: (text == "") & other)
    if one.kind.code:
        yield Rule(one.kind.code, lambda name: (text != "") & pl.col(name).is_null())
    if one.limit:
        yield Rule(one.too_long, lambda _: text.str.len_chars() > one.limit)
