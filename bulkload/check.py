"""Lays rows under a template's fields, and holds their values against rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from operator import or_
from types import MappingProxyType

import polars as pl

from bulkload import rules
from bulkload.errors import FileRefused
from bulkload.formats.batch import Batch
from bulkload.parse import Repeated
from bulkload.saying import Broken, Saying, compact
from bulkload.template import Field, Placed, Template

MESSAGES_COLUMN = "messages"
"""The column that rejects in a spreadsheet have more than their input; it is left out when they come back."""


LAID = pl.col("fault").is_null()
"""Rows that could be laid under the header."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A file's header under a template: where each field's cells stand; None where the column may be absent."""

    columns: Mapping[str, int | None]
    width: int
    xml: bool = False


def normal(heading: str) -> str:
    """Return a heading as it is compared: without blanks around it, in one letter case."""
    return heading.strip().casefold()


def by_position(template: Template, *, xml: bool) -> Matched:
    """Return where the fields of a file without a heading row stand."""
    fields = template.fields if xml else template.positions
    columns: dict[str, int | None] = {one.name: None for one in template.fields}
    return Matched(columns | {one.name: number for number, one in enumerate(fields)}, len(fields), xml)


def match(header: Sequence[str], template: Template, *, file: str) -> Matched:
    """Find the template's fields in a file's header; refuse a missing, unknown, doubled or empty heading.

    Where files have a name of their own, the headings have to be spelled as declared, and in that order.
    """
    known = {normal(heading): one for one in template.fields for heading in (one.heading, *one.aliases)}
    columns: dict[str, int | None] = {}
    for number, heading in enumerate(header):
        if normal(heading) == MESSAGES_COLUMN and MESSAGES_COLUMN not in known and not template.file_name:
            continue
        if not normal(heading):
            raise FileRefused(
                "HEADER_EMPTY", f"{file}: column {letters(number)} has no heading. Give it one, or remove it."
            )
        one = known.get(normal(heading))
        if one is None or (template.file_name and heading.strip() != one.heading):
            raise FileRefused("HEADER_UNKNOWN", unknown_heading(file, heading, template))
        if one.name in columns:
            raise FileRefused(
                "HEADER_DOUBLED",
                f"{file}: the heading '{one.heading}' stands twice. Remove one of the two columns.",
            )
        columns[one.name] = number
    for one in template.fields:
        if one.name not in columns and (not one.may_be_absent or needs_either(one, columns)):
            raise FileRefused("HEADER_MISSING", missing_heading(file, one, header))
        columns.setdefault(one.name, None)
    if template.file_name:
        in_order(columns, template, file)
    return Matched(columns, len(header))


def needs_either(one: Field, columns: Mapping[str, int | None]) -> bool:
    """Say whether a field that is not there has to be, because the one that may stand in for it is not there either."""
    return one.required is not None and one.required_unless is not None and one.required_unless not in columns


def in_order(columns: Mapping[str, int | None], template: Template, file: str) -> None:
    """Refuse headings that are not in the template's order; the first that is out of place is named."""
    for number, (name, one) in enumerate(zip(columns, template.fields, strict=True)):
        if name != one.name:
            raise FileRefused(
                "HEADER_ORDER",
                f"{file}: column {letters(number)} is '{template[name].heading}', and has to be '{one.heading}'. "
                f"The order is: {', '.join(field.heading for field in template.fields)}.",
            )


def unknown_heading(file: str, heading: str, template: Template) -> str:
    """Say that a heading is unknown, and which one was probably meant."""
    headings = {normal(one.heading): one.heading for one in template.fields}
    near = get_close_matches(normal(heading)[: rules.SHOWN], headings, n=1, cutoff=0.5)
    hint = f"Did you mean '{headings[near[0]]}'?" if near else f"Known are: {', '.join(headings.values())}."
    return f"{file}: the template {template.name} has no heading '{rules.shortened(heading.strip())}'. {hint}"


def missing_heading(file: str, one: Field, header: Sequence[str]) -> str:
    """Say that a heading is missing, and which one in the file looks like it."""
    near = get_close_matches(
        normal(one.heading), [rules.shortened(normal(heading)) for heading in header], n=1, cutoff=0.7
    )
    hint = f" '{near[0]}' looks like it." if near else ""
    return f"{file}: the heading '{one.heading}' is missing.{hint} Add the column; its cells may be blank where the template allows it."


def letters(number: int) -> str:
    """Return the spreadsheet's name of a column: 0 is A, 26 is AA."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def lay(batch: Batch, matched: Matched, template: Template) -> pl.DataFrame:
    """Lay a batch under the fields: `cell.x` as typed, and `moment.x` where a spreadsheet has date cells.

    Rows with a fault have no cells, and `ok` is false for them. Of a template that has an XML form, `file.xml` says
    which form it is, and `absent.x` where an element is not there, and `empty.x` where it is there and empty; both are false in delimited files.
    """
    frame = batch.frame.rechunk()
    columns = [pl.col("row"), pl.col("line"), pl.col("fault"), pl.col("found"), LAID.alias("ok")]
    for one in template.fields:
        number = matched.columns[one.name]
        cell = pl.lit("") if number is None else pl.col(f"c{number}")
        if f"d{number}" in frame.columns:
            moment = pl.col(f"d{number}")
            cell = pl.when(moment.is_not_null()).then(one.kind.spell(moment)).otherwise(cell)
            columns.append(moment.alias(f"moment.{one.name}"))
        columns.append(cell.alias(f"cell.{one.name}"))
        if template.xml is not None:
            empty = pl.col(f"e{number}") if f"e{number}" in frame.columns else pl.lit(value=False)
            absent = (cell == "") & ~empty if matched.xml else pl.lit(value=False)
            columns += [pl.lit(matched.xml).alias("file.xml")] if one is template.fields[0] else []
            columns += [empty.alias(f"empty.{one.name}"), absent.alias(f"absent.{one.name}")]
    return frame.select(columns)


def faults(frame: pl.DataFrame, width: int, template: Template) -> list[Broken]:
    """Return the rows that could not be laid under the header."""
    rows = frame.select("row", "line", "fault", "found").filter(~LAID).with_columns(width=pl.lit(width))
    codes = (template.misfit, rules.BLANK_LINE)
    return [Broken(code, None, 0, rows.filter(pl.col("fault") == code.word)) for code in codes]


def check(
    frame: pl.DataFrame,
    placed: Sequence[Placed],
    saying: Saying,
    repeated: Mapping[str, Repeated] = MappingProxyType({}),
) -> tuple[pl.DataFrame, list[Broken]]:
    """Hold a frame against rules: return it, and the rows that break them; `repeated` are columns as they come from `parse`.

    A cell with an error has no value from here on, so that one bad cell yields one finding; a row with an
    error is no longer `ok`.
    """
    flags = broken(frame, placed, repeated)
    if not flags:
        return frame, []
    found = list(rows_of(frame, [(placed[number], flags[number]) for number in sorted(flags)], saying))
    errors = [number for number in sorted(flags) if placed[number].code.severity == "error"]
    if errors:
        out = flags[errors[0]]
        bad: dict[str, pl.Series] = {}
        for number in errors:
            field, flag = placed[number].field, flags[number]
            out = out | flag
            if not field.kind.has_parts:
                bad[field.name] = bad[field.name] | flag if field.name in bad else flag
        frame = frame.with_columns(
            pl.col("ok") & ~out,
            *(pl.when(~flag).then(pl.col(name)).alias(name) for name, flag in bad.items()),
        )
    return frame, found


def check_ready(
    frame: pl.DataFrame,
    placed: Sequence[Placed],
    saying: Saying,
    repeated: Mapping[str, Repeated] = MappingProxyType({}),
) -> tuple[pl.DataFrame, list[Broken], list[Placed]]:
    """Hold a frame against those rules whose columns it has; return it, the broken rows, and the rules left."""
    columns = set(frame.columns)
    ready = [rule for rule in placed if rule.roots <= columns]
    left = [rule for rule in placed if not rule.roots <= columns]
    frame, broken = check(frame, ready, saying, repeated)
    return frame, broken, left


def broken(frame: pl.DataFrame, placed: Sequence[Placed], repeated: Mapping[str, Repeated]) -> dict[int, pl.Series]:
    """Return which rules are broken, by their places, each with the rows that break it.

    A rule that depends on one column alone is asked of the different cells of that column where it repeats.
    """
    of_one: dict[str | None, list[int]] = {}
    for number, one in enumerate(placed):
        column = repeated.get(one.field.name)
        alone = column is not None and one.roots and one.roots <= set(column.distinct.columns)
        of_one.setdefault(one.field.name if alone else None, []).append(number)
    held = frame["fault"].is_null()
    found: dict[int, pl.Series] = {}
    for name, numbers in of_one.items():
        asked = frame if name is None else repeated[name].distinct
        flags = asked.select(placed[number].fails.fill_null(value=False).alias(str(number)) for number in numbers)
        for number in numbers:
            flag = flags[str(number)]
            if flag.any():
                rows = held & (flag if name is None else flag.gather(repeated[name].at))
                if rows.any():
                    found[number] = rows
    return found


def rows_of(frame: pl.DataFrame, flags: Sequence[tuple[Placed, pl.Series]], saying: Saying) -> Iterator[Broken]:
    """Yield the rows that break each rule; those that break any are taken out of the frame at once."""
    named = [named_by(one, frame) if saying.of(one.code) != 0 else ["row"] for one, _ in flags]
    at = reduce(or_, (flag for _, flag in flags)).arg_true()
    rows = compact(frame.select(name for name in frame.columns if any(name in names for names in named))[at])
    for (one, flag), names in zip(flags, named, strict=True):
        yield Broken(one.code, one, saying.later + one.position, rows[flag.gather(at).arg_true(), names])


def named_by(one: Placed, frame: pl.DataFrame) -> list[str]:
    """Return the columns of a frame that the sentence of a rule is made of."""
    name = one.field.name
    named = {"row", "line", f"cell.{name}", f"text.{name}"}
    named |= {name + word if word.startswith(".") else word for _, word in rules.placeholders(one.code.message) if word}
    named |= {root for word in one.words.values() for root in word.meta.root_names()}
    return [column for column in frame.columns if column in named]
