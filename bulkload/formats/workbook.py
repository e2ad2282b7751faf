"""Writes rows as a spreadsheet (.xlsx) that a person can fill in and that reads back the same."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from bulkload.errors import UsageError
from bulkload.formats.xlsx_formats import column_name

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_576
"""Rows of a sheet, the headings among them."""
LONGEST_CELL = 32_767
"""Characters of a cell; Excel calls a file with a longer one damaged."""
LONGEST_CHOICES = 255
"""Characters of a drop-down list that may stand in the cell's own rule."""
LISTS = "Lists"
MOMENT_FORMAT = "mm/dd/yyyy hh:mm AM/PM"
DAY_FORMAT = "mm/dd/yyyy"

Cell: TypeAlias = str | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, how its cells are formatted, what they may hold and what to say about them.

    Without `number_format` text is text (`@`) and a date is `mm/dd/yyyy hh:mm AM/PM`. `choices` warn, they
    do not stop anybody.
    """

    heading: str
    kind: Literal["text", "date"] = "text"
    number_format: str | None = None
    choices: tuple[str, ...] = ()
    note: str = ""
    width: int = 20


def write_workbook(path: Path, sheet: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    """Write one sheet of headings and rows; the file, of mode 0600, appears whole or not at all.

    A text is never taken for a number, a formula or a link. A `date` shows no clock, a `datetime` does; what
    is before 1900 is written as ISO 8601 text. Raises UsageError for what no spreadsheet holds.
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        with Workbook(name, {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
            page = book.add_worksheet(sheet)
            _set_columns(book, page, columns)
            _write_rows(book, page, columns, rows)
            _set_choices(book, page, columns)
        beside.replace(path)
    except FileCreateError as error:
        raise error.args[0] from None  # the OSError itself, which says what is wrong with the disk
    finally:
        beside.unlink(missing_ok=True)


def _set_columns(book: Workbook, page: Worksheet, columns: Sequence[Column]) -> None:
    """Give each whole column its format, and the top row its headings and notes."""
    heading = book.add_format({"bold": True, "num_format": "@"})
    page.freeze_panes(1, 0)
    for at, column in enumerate(columns):
        shown = column.number_format or ("@" if column.kind == "text" else MOMENT_FORMAT)
        page.set_column(at, at, column.width, book.add_format({"num_format": shown}))
        _write_text(page, 0, at, column.heading, heading)
        if column.note:
            page.write_comment(0, at, column.note, {"x_scale": 2, "y_scale": 2})


def _write_rows(book: Workbook, page: Worksheet, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    text = book.add_format({"num_format": "@"})
    day = book.add_format({"num_format": DAY_FORMAT})
    moments = [
        book.add_format(
            {"num_format": column.number_format if column.kind == "date" and column.number_format else MOMENT_FORMAT}
        )
        for column in columns
    ]
    beyond = book.add_format({"num_format": MOMENT_FORMAT})
    for number, row in enumerate(rows, start=1):
        if number >= MOST_ROWS:
            raise UsageError(f"a spreadsheet holds no more than {MOST_ROWS - 1:,} rows: write a .csv file instead.")
        for at, (cell, moment) in enumerate(zip_longest(row, moments[: len(row)], fillvalue=beyond)):
            if isinstance(cell, date) and cell.year >= 1900:
                page.write_datetime(number, at, cell, moment if isinstance(cell, datetime) else day)
            elif cell:
                _write_text(page, number, at, cell if isinstance(cell, str) else cell.isoformat(), text)


def _write_text(page: Worksheet, row: int, column: int, cell: str, shown: Format) -> None:
    if len(cell) > LONGEST_CELL:
        where = f"row {row + 1}, column {column + 1}"
        raise UsageError(
            f"{where}: a spreadsheet cell holds no more than {LONGEST_CELL:,} characters: write a .csv file."
        )
    if cell.startswith("<r>") and cell.endswith("</r>"):  # xlsxwriter would take it for its own markup
        page.write_rich_string(row, column, shown, cell[:1], shown, cell[1:], shown)
    else:
        page.write_string(row, column, cell, shown)


def _set_choices(book: Workbook, page: Worksheet, columns: Sequence[Column]) -> None:
    """Give each column with choices a drop-down list; long lists stand in columns of a hidden sheet."""
    listed = [column for column in columns if not _stands_inline(column.choices)]
    if listed:
        lists = book.add_worksheet(LISTS)
        lists.hide()
        for row, choices in enumerate(zip_longest(*(column.choices for column in listed), fillvalue="")):
            for at, choice in enumerate(choices):
                lists.write_string(row, at, choice)
    for at, column in enumerate(columns):
        if column.choices:
            source: str | list[str] = list(column.choices)
            if column in listed:
                letters = column_name(listed.index(column))
                source = f"={LISTS}!${letters}$1:${letters}${len(column.choices)}"
            rule = {"validate": "list", "source": source, "error_type": "warning"}
            page.data_validation(1, at, MOST_ROWS - 1, at, rule)


def _stands_inline(choices: tuple[str, ...]) -> bool:
    return len(",".join(choices)) <= LONGEST_CHOICES and not any("," in choice for choice in choices)
