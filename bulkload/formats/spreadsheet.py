"""Reads a spreadsheet (.xlsx, also gzip-compressed) as rows of the text that it shows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from bulkload.errors import FileRefused, UsageError
from bulkload.formats.batch import Batch, Span
from bulkload.formats.xlsx_cells import PROVEN, Book, raw_cells, shown_cells
from bulkload.formats.xlsx_formats import column_name, formats_of
from bulkload.formats.xlsx_markup import DamagedError, decoded, records
from bulkload.formats.xlsx_package import Package, Sheet, refusing, unzipped

BATCH_ROWS = 50_000
BATCH_CELLS = 2_000_000
"""Cells of one batch, blank ones too: a hostile header may be wide and its rows empty."""
MOST_COLUMNS = 1_000
"""Columns of a header; no template has a tenth of them, and a sheet may have 16,384."""
MOST_BLANK_ROWS = 100_000
"""Blank rows between two others; more of them are formatting left behind, not data."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some consecutive rows: the first one's number, how many, and their filled cells."""

    first: int
    rows: int
    cells: pl.DataFrame


class SpreadsheetFile:
    """One sheet of a spreadsheet; `other_sheets` names the further visible ones that hold data.

    Its rows are unpacked, cut and given out piece by piece: only the shared strings stay in memory.
    Raises FileRefused, and UsageError for a sheet that is not there.
    """

    in_xml = False

    def __init__(self, path: Path, *, work: Path, sheet: str | None = None) -> None:
        self.name = path.name
        with ExitStack() as stack, refusing(self.name):
            self._file = stack.enter_context(path.open("rb"))
            self._stat = os.fstat(self._file.fileno())
            self._package = Package(stack.enter_context(unzipped(self._file, work)))
            chosen, *others = self._choose(sheet)
            self.sheet = chosen.name
            self.other_sheets = tuple(other.name for other in others)
            self._part = chosen.part
            self._size = max(1, self._package.size(self._part))
            formats = formats_of(self._package.styles())
            self._book = Book(self._package.strings(), formats, self._package.epoch_1904)
            self.header = self._header()
            self._open = stack.pop_all()
        self._given = self._again = _Piece(0, 0, pl.DataFrame())
        self._rereading: Iterator[_Piece] = iter(())

    def batches(self, *, pad: bool = True) -> Iterator[Batch]:
        """Yield the rows after the header; blank rows at the very end are left out.

        `pad` makes no difference: in a sheet no row lacks cells at its end.
        """
        for piece in self._pieces():
            self._given = piece
            yield Batch(self._frame(piece), Span(piece.first, piece.rows, 0, 0, piece.first))

    def cells(self, span: Span, rows: Sequence[int]) -> list[list[str | date | None]]:
        """Return the given rows (ascending) of a batch, each cell a date, a text or None where it is blank.

        A date that is shown without a clock is a `date`, any other a `datetime`. Rows of the batch that
        was given out last are at hand, for others the sheet is read again, once if spans ascend.
        """
        wanted = self._piece(span).cells.filter(pl.col("row").is_in(list(rows)))
        found: dict[int, list[str | date | None]] = {row: [None] * len(self.header) for row in rows}
        for row, column, text, moment in wanted.sort("row", "column").iter_rows():
            cells = found[row]
            cells += [None] * (column + 1 - len(cells))
            cells[column] = text if moment is None else _typed(text, moment)
        return list(found.values())

    @property
    def progress(self) -> float:
        """Return how much of the sheet has been read, from 0 to 1."""
        return min(1.0, self._done / self._size)

    def fileno(self) -> int:
        """Return the descriptor of the file as it stands on the disk."""
        return self._file.fileno()

    def unchanged(self) -> bool:
        """Tell whether the file still has the size and the time of change it had when it was opened."""
        now = os.fstat(self._file.fileno())
        return (now.st_size, now.st_mtime_ns) == (self._stat.st_size, self._stat.st_mtime_ns)

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def __enter__(self) -> SpreadsheetFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _choose(self, wanted: str | None) -> list[Sheet]:
        """Return the sheet to read and the others that hold data; raises UsageError, FileRefused."""
        sheets = self._package.sheets()
        if wanted is not None:
            for sheet in sheets:
                if sheet.name == wanted:
                    return [sheet]
            names = ", ".join(repr(sheet.name) for sheet in sheets)
            raise UsageError(f"{self.name} has no sheet {wanted!r}; its sheets are {names}.")
        filled = [sheet for sheet in sheets if sheet.visible and self._package.holds_data(sheet)]
        if not filled:
            raise FileRefused("HEADER_MISSING", f"{self.name} holds no visible sheet with data.")
        return filled

    def _header(self) -> tuple[str, ...]:
        cells = next(self._tables(), pl.DataFrame(schema={"row": pl.Int64, "column": pl.Int64, "text": pl.String}))
        texts = dict(cells.filter(pl.col("row") == 1).select("column", "text").iter_rows())
        if not texts:
            sentence = f"{self.name}: row 1 of sheet {self.sheet!r} is blank; the headings must stand in row 1."
            raise FileRefused("HEADER_MISSING", sentence)
        width = max(texts) + 1
        if width > MOST_COLUMNS:
            sentence = f"{self.name} has headings up to column {column_name(width - 1)}: more than {MOST_COLUMNS:,}."
            raise FileRefused("FORMAT_UNKNOWN", sentence)
        return tuple(texts.get(column, "") for column in range(width))

    def _tables(self) -> Iterator[pl.DataFrame]:
        """Yield the filled cells from row 1 on, some rows at a time."""
        self._done = seen = filled = 0
        with refusing(self.name):
            text = decoded(self._package.chunks(self._part, self._advance))
            for rows in records(text, "sheetData", PROVEN):
                raw, seen = raw_cells(rows, seen)
                cells = shown_cells(raw, self._book)
                if not cells.is_empty():
                    filled = _last_filled(cells, filled)
                    yield cells

    def _advance(self, size: int) -> None:
        self._done += size

    def _pieces(self) -> Iterator[_Piece]:
        """Yield the rows after the header in pieces of equal length, up to the last that is not blank."""
        step = max(1, min(BATCH_ROWS, BATCH_CELLS // len(self.header)))
        first, held = 2, pl.DataFrame()
        for table in self._tables():
            held = pl.concat([held, table]) if len(held) else table
            last = _last_row(held)
            while last - first + 1 > step:
                yield _Piece(first, step, held.filter(pl.col("row").is_between(first, first + step - 1)))
                first += step
                held = held.filter(pl.col("row") >= first)
        held = held.filter(pl.col("row") >= first)
        if len(held):
            yield _Piece(first, _last_row(held) - first + 1, held)

    def _piece(self, span: Span) -> _Piece:
        """Return the piece at `span`: the one given out last, or one found by reading again."""
        if self._given.first == span.first_row:
            return self._given
        if self._again.first > span.first_row or not self._again.first:
            self._rereading = self._pieces()
            self._again = next(self._rereading)
        while self._again.first < span.first_row:
            self._again = next(self._rereading)
        return self._again

    def _frame(self, piece: _Piece) -> pl.DataFrame:
        """Return the rows of a piece as the frame of a batch."""
        width = len(self.header)
        found = piece.cells.group_by("row").agg(found=pl.col("column").max() + 1)
        rows = pl.select(row=pl.int_range(piece.first, piece.first + piece.rows)).join(
            found, on="row", how="left", maintain_order="left"
        )
        fault = (
            pl.when(pl.col("found").is_null())
            .then(pl.lit("BLANK_LINE"))
            .when(pl.col("found") > width)
            .then(pl.lit("CELL_COUNT"))
        )
        cells = piece.cells.join(rows.filter(pl.col("found") > width), on="row", how="anti")
        by_column = cells.partition_by("column", as_dict=True, include_key=False)
        empty = cells.clear().drop("column")
        columns = [_column(rows, by_column.get((column,), empty), column) for column in range(width)]
        length = pl.when(pl.col("found").is_null()).then(0).otherwise(pl.max_horizontal("found", width))
        return pl.concat(
            [rows.select("row", line="row", fault=fault, found=length.cast(pl.Int64)), *columns],
            how="horizontal",
        )


def _column(rows: pl.DataFrame, cells: pl.DataFrame, column: int) -> pl.DataFrame:
    """Return column `c…` of a batch, and `d…` where the cells hold a date."""
    laid = rows.join(cells, on="row", how="left", maintain_order="left")
    text = laid.select(pl.col("text").fill_null("").alias(f"c{column}"))
    if cells["date"].null_count() == len(cells):
        return text
    return text.with_columns(laid["date"].alias(f"d{column}"))


def _last_filled(cells: pl.DataFrame, before: int) -> int:
    """Return the last row of `cells`; raises DamagedError for endless blank rows after `before`."""
    rows = pl.concat([pl.Series("row", [before]), cells["row"].unique().sort()])
    endless = rows.diff() > MOST_BLANK_ROWS
    if endless.any():
        last = rows[int(endless.arg_true()[0]) - 1]
        raise DamagedError(
            f"has more than {MOST_BLANK_ROWS:,} blank rows after row {last:,}; delete what is below them"
        )
    return int(rows[-1])


def _last_row(cells: pl.DataFrame) -> int:
    return int(cells["row"].max() or 0)  # type: ignore[arg-type]


def _typed(text: str, moment: datetime) -> date:
    return moment.date() if len(text) == len("2015-09-17") else moment
