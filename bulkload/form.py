"""The form of a guarded file: special characters in its cells, blanks in its headings (course-record §4)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import polars as pl

from bulkload import rules
from bulkload.check import Matched, lay
from bulkload.errors import FormRefused
from bulkload.formats.batch import Batch
from bulkload.saying import Broken, Saying, compact
from bulkload.template import Options, Placed, Template

PLAIN = {
    "\u2018\u2019\u201a\u201b": "'",
    "\u201c\u201d\u201e\u201f": '"',
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212": "-",
    "\t\n\x0b\x0c\r\x85\u2028\u2029": " ",
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u2800\u3000\u3164": " ",
}
"""Special characters with the plain form of each: curly quotes, dashes, breaks and odd spaces.

Other control characters, and those without width, are left out where a value is cleaned.
"""

INVISIBLE = r"\p{Cc}\p{Cf}"
REPLACEMENT = "\ufffd"
"""What stands where a letter was lost: it has no plain form."""

ODD = f"[{INVISIBLE}{REPLACEMENT}{''.join(PLAIN)}]"
NOT_ASCII = r"[^\x20-\x7e]"
LISTED = 5
"""Characters that a message names."""

NAMES = {"\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\x00": "NULL", "\ufeff": "BYTE ORDER MARK"}


def inspected(frame: pl.DataFrame, template: Template, options: Options) -> tuple[pl.DataFrame, list[Broken]]:
    """Return cells as they may be read, and what was found in them.

    A cell with a special character is not read (null), and its row is not `ok`; with `--clean` it is read in its
    plain form, where every character has one.
    """
    pattern = NOT_ASCII if options.strict_ascii else ODD
    found = []
    names = [one.name for one in template.fields]
    flags = frame.select(pl.col(f"cell.{name}").str.contains(pattern).alias(name) for name in names)
    for number, one in enumerate(template.fields):
        if not flags[one.name].any():
            continue
        cell = f"cell.{one.name}"
        odd = frame.filter(flags[one.name])
        plain = [cleaned(text, pattern) if options.clean else None for text in odd[cell]]
        rows = compact(odd.select("row", "line", cell, pl.lit("").alias(f"text.{one.name}"))).with_columns(
            pl.Series("named", [named(text, pattern, remedies=not options.clean) for text in odd[cell]], pl.String),
            pl.Series("read", plain, pl.String),
        )
        rows = rows.with_columns(rules.quoted(pl.col("read")).alias("plain"))
        bad = rows["read"].is_null()
        for code, where in ((rules.SPECIAL_CHARACTER, bad), (rules.CHARACTER_REPLACED, ~bad)):
            placed = Placed(code, pl.lit(value=True), one, number * 100, frozenset(), {})
            found.append(Broken(code, placed, number * 100, rows.filter(where)))
        at = flags[one.name].arg_true()
        frame = frame.with_columns(
            frame[cell].scatter(at, rows["read"]).alias(cell),
            frame["ok"].scatter(at.filter(bad), False),
        )
    return frame, found


def cleaned(text: str, pattern: str = ODD) -> str | None:
    """Return a text with plain characters in place of special ones; None where one of them has no plain form."""
    parts = [plain_form(one) if is_special(one, pattern) else one for one in text]
    return None if None in parts else "".join(part for part in parts if part is not None)


def is_special(character: str, pattern: str) -> bool:
    """Say whether a character is special."""
    if pattern == NOT_ASCII:
        return not " " <= character <= "~"
    odd = character == REPLACEMENT or any(character in group for group in PLAIN)
    return odd or unicodedata.category(character) in {"Cc", "Cf"}


def plain_form(character: str) -> str | None:
    """Return what is read in place of a special character: nothing for an invisible one; None where it has no plain form."""
    for group, plain in PLAIN.items():
        if character in group:
            return plain
    if unicodedata.category(character) in {"Cc", "Cf"}:
        return ""
    letters = "".join(one for one in unicodedata.normalize("NFKD", character) if not unicodedata.combining(one))
    return letters if letters and letters.isascii() else None


def named(text: str, pattern: str, *, remedies: bool) -> str:
    """Name the special characters of a text, each once; with `remedies` what to write instead."""
    found = list(dict.fromkeys(one for one in text if is_special(one, pattern)))
    words = []
    for one in found[:LISTED]:
        name = NAMES.get(one) or unicodedata.name(one, "a control character")
        plain = plain_form(one)
        remedy = {None: "write the letter that was meant", "": "leave it out", " ": "write a blank"}.get(
            plain, f"write {plain}"
        )
        words.append(f"{name} U+{ord(one):04X}" + (f" ({remedy})" if remedies else ""))
    more = f" and {len(found) - LISTED} others" if len(found) > LISTED else ""
    return ", ".join(words) + more


def spaces(header: Sequence[str], template: Template) -> list[str]:
    """Return what is wrong with headings that have blanks inside or around them, each with what to write."""
    spaced = [heading for heading in header if re.search(r"\s", heading) and heading.strip()]
    return [f"row 1, {shown(one)}: the heading has blanks (write {meant(one, template)})" for one in spaced]


def refuse_spaces(
    header: Sequence[str], batches: Iterable[Batch], template: Template, options: Options, *, file: str
) -> None:
    """Refuse a file whose headings have blanks, together with the special characters under headings that are known."""
    found = spaces(header, template)
    if not found:
        return
    headings = [meant(one, template) for one in header]
    where = {one.name: headings.index(one.heading) if one.heading in headings else None for one in template.fields}
    for batch in batches:
        frame = lay(batch, Matched(where, len(headings)), template)
        odd = Saying().say(inspected(frame, template, options)[1])
        found += odd.sort("row", "position")["message"].to_list()
    raise FormRefused("HEADER_SPACES", file, template.name, found)


def shown(heading: str) -> str:
    """Return a heading in quotes, as a message repeats it."""
    return f"'{rules.shortened(heading)}'"


def meant(heading: str, template: Template) -> str:
    """Return a heading without its blanks: as a known one is written, where there is such."""
    known = {other for one in template.fields for other in (one.heading, *one.aliases)}
    tight = re.sub(r"\s+", "_", heading.strip())
    return tight if tight.casefold() in known else re.sub(r"\s+", "", heading)
