"""What can be found in a file: codes with their sentences, and rules as expressions over columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Literal

import polars as pl

SHOWN = 80
"""Characters of a cell or a heading that a message repeats; it may hold millions."""

UNPRINTABLE = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
"""Characters that would move a terminal's cursor, break a line or turn the direction of writing."""

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Code:
    """Declares a finding once: its word, its sentences, and the rule it comes from.

    `message` is for the row; in braces stand columns of the frame that is checked, and `{cell}`: the cell
    as typed, in quotes; `{remedy}`: what the field's kind would have liked instead, or nothing.
    """

    word: str
    severity: Severity
    says: str
    message: str
    mend: str
    source: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Places a code on a field: `fails` makes, from the field's name, a column that is true where it is broken.

    Null counts as kept: a blank cell is the affair of *required*, an unreadable one of the field's kind.
    A rule runs as soon as the frame has the columns that it names. `words` are what the code's message may
    name beside the frame's columns; they are made for the rows that fail.
    """

    code: Code
    fails: Callable[[str], pl.Expr]
    words: Mapping[str, pl.Expr] = field(default_factory=dict)


def passes(code: Code, good: Callable[[pl.Expr], pl.Expr]) -> Rule:
    """Make a rule of what a readable value has to be."""
    return Rule(code, lambda name: ~good(pl.col(name)))


def shortened(text: str) -> str:
    """Return a text as a message repeats it: printable, and not longer than can be read."""
    shown = re.sub(UNPRINTABLE, "·", text[: SHOWN + 1])
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"


def placeholders(message: str) -> Iterator[tuple[str, str | None]]:
    """Yield the literal texts of a message, each with the column that follows it."""
    for literal, name, _, _ in Formatter().parse(message):
        yield literal, name


def sentence(message: str, owner: str = "") -> pl.Expr:
    """Turn a message into an expression that fills it in from the columns it names; `.x` is of the field that owns it."""
    parts: list[pl.Expr] = []
    for literal, name in placeholders(message):
        if literal:
            parts.append(pl.lit(literal))
        if name is not None:
            column = owner + name if name.startswith(".") else name
            parts.append(pl.col(column).cast(pl.String).fill_null(""))
    return pl.concat_str(parts)


def filled(pattern: str, *columns: str | pl.Expr) -> pl.Expr:
    """Fill the `{}` of a pattern with columns, as texts; null where one of them is null.

    (`pl.format` does the same, but fails in polars 2.1 on a column whose first chunk is empty.)
    """
    literals = [pl.lit(literal) for literal in pattern.split("{}")]
    values = [(pl.col(one) if isinstance(one, str) else one).cast(pl.String) for one in columns]
    return pl.concat_str(
        [part for pair in zip(literals, values, strict=False) for part in pair] + literals[len(values) :]
    )


def quoted(cell: pl.Expr) -> pl.Expr:
    """Return a cell as a message repeats it: in quotes, on one line, not longer than can be read."""
    shown = cell.str.slice(0, SHOWN + 1).str.replace_all(UNPRINTABLE, "·")
    cut = pl.when(shown.str.len_chars() > SHOWN).then(shown.str.slice(0, SHOWN - 1) + "…").otherwise(shown)
    return filled("'{}'", cut)


VALUE_TRIMMED = Code(
    "VALUE_TRIMMED",
    "note",
    "blanks around a value were left out",
    "{cell} was read without the blanks around it",
    "Nothing has to be done; to be rid of the note, remove the blanks before or after the value.",
    "loading §2.8",
)
CELL_COUNT = Code(
    "CELL_COUNT",
    "error",
    "the row has more or fewer cells than there are headings",
    "the row has {found} cells, the header has {width} headings",
    "Look for a delimiter inside a value: such a value has to stand in double quotes.",
    "loading §2.7",
)
VALUE_COUNT = Code(
    "CELL_COUNT",
    "error",
    "the line has more or fewer values than there are positions",
    "the line has {found} values, {width} are needed",
    "Write every position, the blank ones too; no value may contain the delimiter, and there are no quotes.",
    "user-enrollment §1",
)
BLANK_LINE = Code(
    "BLANK_LINE",
    "error",
    "the row is blank, or holds nothing but delimiters",
    "the row is blank",
    "Remove the row.",
    "loading §2.7",
)
REQUIRED = Code(
    "REQUIRED",
    "error",
    "a value that is required is blank",
    "the cell is blank, a value is required",
    "Fill in the cell.",
    "loading §3",
)
NOT_IN_LIST = Code(
    "NOT_IN_LIST",
    "error",
    "the field takes one of a list of values, and this is none of them",
    "{cell} is not in the list{remedy}",
    "Use one of the values that `bulkload template show` lists.",
    "loading §3.3",
)
NOT_A_NUMBER = Code(
    "NOT_A_NUMBER",
    "error",
    "the field takes a whole number within limits, and this is none",
    "{cell} is not a whole number{limits}",
    "Write digits only, without blanks, separators or decimals.",
    "loading §3.4",
)
TOO_LONG = Code(
    "TOO_LONG",
    "error",
    "the value is longer than the field takes",
    "{cell} has {length} characters, {limit} are the most",
    "Shorten the value.",
    "loading §2.8",
)
DATE_FORMAT = Code(
    "DATE_FORMAT",
    "error",
    "the value is not a date in the template's form, or the day does not exist",
    "{cell} is not {form}{remedy}",
    "Write the date in exactly the form that `bulkload template show` gives.",
    "time §1",
)
KEY_DOUBLED = Code(
    "KEY_DOUBLED",
    "error",
    "two or more rows of the file have the same key, and nothing says which of them is right",
    "{key} also stands in row {other_row}",
    "Keep one row for each key.",
    "loading §3.2",
)
SPECIAL_CHARACTER = Code(
    "SPECIAL_CHARACTER",
    "error",
    "the value holds a character that may have come in by mistake: a control character, one without width, an odd "
    "blank, a curly quote or a dash; such a file is refused and locks its importer",
    "{cell} holds {named}",
    "Write the character's plain form, or run with --clean, which does that; then `bulkload unlock`.",
    "course-record §4; seed 003, unlocking imports",
)
CHARACTER_REPLACED = Code(
    "CHARACTER_REPLACED",
    "note",
    "special characters of a value were replaced by their plain forms, as --clean asks",
    "{cell} was read as {plain}, without its {named}",
    "Nothing has to be done; to be rid of the note, mend the file.",
    "course-record §4.5",
)
FILE_APPLIED_BEFORE = Code(
    "FILE_APPLIED_BEFORE",
    "warning",
    "a file with exactly this content has been applied before; it was applied again",
    "this content was applied before, by job {job} at {when}",
    "Nothing has to be done, if it was meant.",
    "loading §7.5",
)

RESULTS_NOT_MOVED = Code(
    "RESULTS_NOT_MOVED",
    "warning",
    "the file was applied, but its results or rejects could not be moved to their place",
    "the file was applied, but its results could not be moved to their place: {reason}. The next command tries "
    "again; `bulkload status {job} --save FILE` writes them elsewhere.",
    "Make room, or make the folder writable, and run any command that applies something.",
    "loading §4.2",
)

OK = Code(
    "OK",
    "note",
    "the row was accepted; what became of it stands beside",
    "the row was accepted",
    "Nothing has to be done.",
    "student §3",
)

IMPORTER_LOCKED = Code(
    "IMPORTER_LOCKED",
    "warning",
    "a file had a discrepancy of form, and the importer is locked until somebody has looked at it; `apply` is "
    "refused meanwhile (exit 5)",
    "{lock}. `apply` is refused until `{unlock}`",
    "Mend the file that the lock names, then lift the lock with `bulkload unlock`.",
    "course-record §4; seed 003, unlocking imports",
)

OF_RUNS = (FILE_APPLIED_BEFORE, RESULTS_NOT_MOVED, IMPORTER_LOCKED)
"""Codes of a run as a whole."""

REFUSALS: dict[str, tuple[str, str, str]] = {
    "ENCODING": (
        "the file holds bytes that are no text in the encoding it is read with",
        "Save the file as UTF-8, or name its encoding with --encoding.",
        "loading §2.3",
    ),
    "FORMAT_UNKNOWN": (
        "the file is none of the formats that are read, or is damaged",
        "Save the file as CSV (UTF-8), tab-delimited text or .xlsx.",
        "loading §2.1, §2.10",
    ),
    "FILE_NAME": (
        "files of this template have a name of their own, and this is not it",
        "Rename the file, or run with --any-name.",
        "student §1; seed 002, §5",
    ),
    "ORDER_MISSING": (
        "the store has no current eAMS order, and every student has an order",
        "Load a license-order file with an eAMS order that is current.",
        "student §2",
    ),
    "BIN_MISSING": (
        "the store has no Enterprise Holding Bin School, which licences come from and return to",
        "Load a license-order file with an order of the kind Holding Bin.",
        "student §2",
    ),
    "FILE_CHANGED": (
        "the file was changed while it was read",
        "Wait until whatever writes it has finished, then run the command again.",
        "ours; loading §4.2",
    ),
    "NOT_RUN": (
        "the file refers to records of another one that was refused or had rejects, and was not run",
        "Mend the other file first, or run with --keep-going.",
        "loading §1",
    ),
    "FILE_TOO_LARGE": (
        "the file has more bytes than an upload through a page takes",
        "Break it into parts with `bulkload split`, or put it into the drop folder.",
        "user-enrollment §5; seed 000, administrative pages",
    ),
    "RECORD_TOO_LARGE": (
        "a record of a file that is to be split is larger than a part may be",
        "Give `bulkload split` a larger --max-size, or correct the record.",
        "user-enrollment §5",
    ),
    "CUMULATIVE_XML": (
        "an XML file repeats some records of a person that were applied before, and has more of the same person",
        "Send cumulative files delimited, leave out what was applied before, or run with --reapply.",
        "user-enrollment §3, cumulative files",
    ),
    "HEADER_MISSING": (
        "a heading of the template is missing",
        "Add the column; `bulkload template new` writes a file with all of them.",
        "loading §2.6",
    ),
    "HEADER_UNKNOWN": (
        "the template knows no such heading",
        "Correct the heading or remove the column; the message names the nearest known heading.",
        "loading §2.6",
    ),
    "HEADER_SPACES": (
        "a heading has blanks inside or around it; the file is refused and locks its importer",
        "Correct the headings, then lift the lock with `bulkload unlock`.",
        "course-record §4; seed 003, unlocking imports",
    ),
    "HEADER_DOUBLED": ("a heading stands twice", "Remove one of the two columns.", "loading §2.6"),
    "HEADER_EMPTY": (
        "a column has no heading",
        "Give the column its heading, or remove it.",
        "loading §2.6",
    ),
    "HEADER_ORDER": (
        "the headings are not in the order that the template demands",
        "Put the columns in the order of `bulkload template show`.",
        "loading §2.6",
    ),
}
"""Codes that refuse a whole file: what each means, how to mend the file, and its source."""
