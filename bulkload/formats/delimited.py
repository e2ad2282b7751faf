"""Reads delimited text (comma, tab, pipe, semicolon), exactly and in flat memory, in batches of rows."""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from pathlib import Path

import polars as pl

from bulkload.errors import FileRefused, NulFound, UsageError
from bulkload.formats.batch import Batch, Piece, Span
from bulkload.formats.encoding import PlainText
from bulkload.formats.lanes import (
    BLANK_LINE,
    BLANKS,
    CR_LINES,
    LONE_CR,
    RECORD,
    UNCLOSED,
    Grid,
    Lines,
    RecordError,
    count,
    open_quote,
    read,
    read_one,
    reason,
    record,
)

DELIMITERS = (",", "\t", "|", ";")
OF_POSITIONS = (",", "\t", "|")
BLOCK = 9 << 20
OF_POSITIONS_BLOCK = 4 << 20
"""Bytes that are read at a time; of records that carry many columns with them, half as many.

A million enrollments of 125 MB are applied in 355 MB where 8 MB are read at a time, in 380 with 9 and 4 percent less time, and in
440 with 12."""
# Reading starts again from so many bytes after a short piece.
LEAST = 1 << 16
# Far more than any template has; from some 5,000 on a line cannot be proven by one expression.
HEADINGS = 2_000


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written: what another file needs to be written the same way."""

    delimiter: str
    encoding: str
    bom: bytes
    newline: str


class DelimitedFile:
    """Reads the rows of one delimited file.

    `header` has the headings as typed, `header_raw` the byte order mark and the header's bytes. With `width` the
    file has no header: its first line is a row, whose values are known by their position, and a quote is an
    ordinary character (user-enrollment §1).
    Raises FileRefused, now or while the batches are read, and UsageError.
    """

    in_xml = False
    footer_raw = b""

    def __init__(
        self,
        path: Path,
        *,
        work: Path,
        encoding: str | None = None,
        delimiter: str | None = None,
        width: int | None = None,
        block: int | None = None,
    ) -> None:
        known = DELIMITERS if width is None else OF_POSITIONS
        if delimiter not in {None, *known}:
            raise UsageError(f"{delimiter!r} is no delimiter; {_in_words(known)} are.")
        self._quotes = width is None
        self.first_row = 2 if self._quotes else 1
        self._block = min(block or (BLOCK if width is None else OF_POSITIONS_BLOCK), RECORD)
        self._read = 0
        self._plain = PlainText(path, work, encoding)
        try:
            if width is None:
                self._read_header((delimiter,) if delimiter else known)
            else:
                self._read_first((delimiter,) if delimiter else known, width)
        except BaseException:
            self.close()
            raise

    def batches(self, *, pad: bool = False) -> Iterator[Batch]:
        """Yield the rows after the header, in file order; blank rows at the very end are left out.

        With `pad` a row may lack cells at its end, which are blank then; otherwise that is a fault.
        """
        held: list[Span] = []
        for span, frame in self._spans(Grid(self.layout.delimiter, len(self.header), pad, self._quotes)):
            body, tail = self._split(span, frame)
            if body.rows:
                yield from map(self._blank, held)
                held.clear()
                yield Batch(_numbered(frame.head(body.rows), body), body)
            if tail.rows:
                held.append(tail)
        self._read = self._plain.size

    def raw(self, span: Span, rows: Sequence[int]) -> bytes:
        """Return the given rows (ascending) of a batch as they stand in the file, each with a line end."""
        return self._plain.original(b"".join(self._typed(span, rows)))

    def pieces(self, span: Span, rows: Sequence[int]) -> Iterator[Piece]:
        """Yield the given rows (ascending) of a batch one by one."""
        yield from (Piece(self._plain.original(one)) for one in self._typed(span, rows))

    def _typed(self, span: Span, rows: Sequence[int]) -> Iterator[bytes]:
        """Yield the given rows (ascending) of a batch in the plain form, each with a line end."""
        data = self._plain.read(span.end - span.start, span.start)
        if not data.endswith(b"\n"):
            data += b"\n" if data.endswith(b"\r") else self.layout.newline.encode()
        lines = io.BytesIO(data)
        tall = dict(span.breaks)
        broken = list(tall)
        extra = [0, *accumulate(count - 1 for count in tall.values())]
        done = 0
        for row in rows:
            at = row - span.first_row + extra[bisect_left(broken, row)]
            if at > done:
                deque(islice(lines, at - done), maxlen=0)
            done = at + tall.get(row, 1)
            yield b"".join(islice(lines, done - at))

    @property
    def progress(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        return self._read / self._plain.size

    def fileno(self) -> int:
        """Return the descriptor of the file as it stands on the disk."""
        return self._plain.fileno()

    def unchanged(self) -> bool:
        """Tell whether the file still is as it was when it was opened, by its size and time of change."""
        return self._plain.unchanged()

    def close(self) -> None:
        """Close the file."""
        self._plain.close()

    def __enter__(self) -> DelimitedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_header(self, delimiters: Sequence[str]) -> None:
        plain = self._plain
        data, heads = self._heads(delimiters)
        best = max(heads, key=lambda head: (head.why is None, _outside(data[: head.size], head.delimiter)))
        self._check(data[: best.size], plain.start, 1, best.delimiter)
        if best.why:
            raise self._refused(1, best.lines, best.why)
        if len(best.cells) > HEADINGS:
            raise self._refused(1, 1, f"there are {len(best.cells)} headings; a file may have {HEADINGS}")
        raw = data[: best.size]
        self.layout = Layout(best.delimiter, plain.encoding, plain.bom, "\r\n" if raw.endswith(b"\r\n") else "\n")
        self.header = tuple(best.cells) or ("",)
        self.header_raw = plain.bom + plain.original(raw)
        self._body = plain.start + best.size, 1 + best.lines
        if not any(cell.strip(BLANKS) for cell in self.header) and next(self.batches(), None) is None:
            raise FileRefused("FORMAT_UNKNOWN", f"{plain.name} is empty: it has no header and no rows.")

    def _read_first(self, delimiters: Sequence[str], width: int) -> None:
        """Tell the delimiter: the one that gives the right number of values on the first line, else the one found most.

        Of lines that are blank whatever the delimiter is, none is the first.
        """
        plain = self._plain
        data, last = self._lines(plain.start, RECORD)
        if not data and last:
            raise FileRefused("FORMAT_UNKNOWN", f"{plain.name} is empty: it has no rows.")
        if b"\n" not in data and (not last or b"\r" in data.rstrip(b"\r")):
            raise self._refused(1, 1, CR_LINES if b"\r" in data else f"it is longer than {RECORD >> 20} MB")
        first = next((line for line in io.BytesIO(data) if not _is_blank(line)), data)
        found = {one: first.count(one.encode()) for one in delimiters}
        delimiter = max(found, key=lambda one: (found[one] == width - 1, found[one]))
        self.layout = Layout(delimiter, plain.encoding, plain.bom, "\r\n" if first.endswith(b"\r\n") else "\n")
        self.header = tuple(str(number) for number in range(1, width + 1))
        self.header_raw = plain.bom
        self._body = plain.start, 1

    def _heads(self, delimiters: Sequence[str]) -> tuple[bytes, list[_Head]]:
        """Read the first record with each delimiter, from as many bytes as it takes."""
        size = self._block
        while True:
            data, last = self._lines(self._plain.start, size)
            heads = [_head(data, delimiter) for delimiter in delimiters]
            if last or (data and not any(head.why == UNCLOSED for head in heads)):
                return data, heads
            size = self._grown(size, self._plain.start, 1, 1)

    def _spans(self, grid: Grid) -> Iterator[tuple[Span, pl.DataFrame]]:
        (offset, line), row = self._body, self.first_row
        size, one = self._block, False
        while offset < self._plain.size:
            data, last = self._lines(offset, size)
            self._check(data, offset, row, grid.delimiter)
            try:
                records = read_one(data, grid, last) if one else read(data, grid, last)
            except RecordError as error:
                raise self._refused(row + error.record, line + error.line, error.why) from error
            if not records.size:
                size, one = self._grown(size, offset, row, line), True
                continue
            breaks = tuple((row + at, lines) for at, lines in records.breaks)
            end = offset + records.size
            self._read = end
            yield Span(row, records.frame.height, offset, end, line, breaks), records.frame
            offset, row, line = end, row + records.frame.height, line + records.lines
            size, one = min(self._block, max(2 * records.size, LEAST)), False

    def _lines(self, offset: int, size: int) -> tuple[bytes, bool]:
        """Read whole lines, and tell whether they are the last ones."""
        data = self._plain.read(size, offset)
        last = offset + len(data) == self._plain.size
        return (data if last else data[: data.rfind(b"\n") + 1]), last

    def _grown(self, size: int, offset: int, row: int, line: int) -> int:
        """Double the size to read at, for a record that did not end within it."""
        if size < RECORD:
            return min(2 * size, RECORD)
        data = self._plain.read(size, offset)
        if b"\n" not in data and b"\r" in data:
            raise self._refused(row, line, CR_LINES)
        raise self._refused(row, line, f"it is longer than {RECORD >> 20} MB; probably a quote was not closed")

    def _check(self, data: bytes, offset: int, row: int, delimiter: str) -> None:
        """Refuse bytes that are no text; `row` is that of the first record in `data`."""
        if fault := self._plain.fault(data, offset):
            at, why = fault
            row += count(data[:at], delimiter) if self._quotes else data.count(b"\n", 0, at)
            refusal = NulFound if data[at : at + 1] == b"\0" else FileRefused
            raise refusal("ENCODING", f"{self._plain.name}, row {row}: {why}")

    def _refused(self, row: int, line: int, why: str) -> FileRefused:
        return FileRefused("FORMAT_UNKNOWN", f"{self._plain.name}, row {row}, line {line}: {why}.")

    def _split(self, span: Span, frame: pl.DataFrame) -> tuple[Span, Span]:
        """Part the blank rows at the end, each of one line, from those before."""
        rows = _kept(frame["fault"])
        if rows == span.rows:
            return span, replace(span, rows=0)
        at = span.start
        if rows:
            data = self._plain.read(span.end - span.start, span.start)
            at += len(data.rsplit(b"\n", span.rows - rows + data.endswith(b"\n"))[0]) + 1
        row, line = span.first_row + rows, span.first_line + frame["line"][rows]
        return replace(span, rows=rows, end=at), Span(row, span.rows - rows, at, span.end, line)

    def _blank(self, span: Span) -> Batch:
        cells = Grid(self.layout.delimiter, len(self.header)).cells
        frame = pl.select(
            pl.int_range(span.rows).alias("line"),
            pl.lit(BLANK_LINE).alias("fault"),
            pl.lit(0, pl.Int64).alias("found"),
            *(pl.lit("").alias(cell) for cell in cells),
        )
        return Batch(_numbered(frame, span), span)


@dataclass(frozen=True, slots=True)
class _Head:
    """The first record as read with one delimiter, or why it could not be; `lines` then is the faulty one."""

    delimiter: str
    cells: list[str]
    size: int
    lines: int
    why: str | None = None


def _head(data: bytes, delimiter: str) -> _Head:
    lines = Lines(data)
    try:
        cells = record(lines, delimiter)
    except csv.Error as error:
        why = reason(error)
        why = CR_LINES if why == LONE_CR and b"\n" not in data else why
        return _Head(delimiter, [], lines.at, lines.taken, why)
    if cells is None and data:
        return _Head(delimiter, [], lines.at, 1 + open_quote(data, delimiter), UNCLOSED)
    return _Head(delimiter, cells or [], lines.at, lines.taken)


def _in_words(delimiters: Sequence[str]) -> str:
    """Name delimiters as a person calls them."""
    names = [{",": "comma", "\t": "tab"}.get(one, one) for one in delimiters]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _outside(head: bytes, delimiter: str) -> int:
    """Count the delimiters outside quotes."""
    return re.sub(rb'"[^"]*"', b"", head).count(delimiter.encode())


def _is_blank(line: bytes) -> bool:
    """Tell whether a line has nothing but blanks and delimiters; bytes that are no text are something."""
    return not line.decode(errors="replace").strip(BLANKS + "".join(OF_POSITIONS) + "\r\n")


def _kept(fault: pl.Series) -> int:
    """Count the rows up to the last that is not blank."""
    if not len(fault) or fault[-1] != BLANK_LINE:
        return len(fault)
    return max(fault.ne_missing(BLANK_LINE).arg_true().to_list(), default=-1) + 1


def _numbered(frame: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Give rows and lines their numbers as they stand in the file, and order the columns."""
    row = pl.int_range(span.first_row, span.first_row + span.rows).alias("row")
    return frame.select(row, pl.col("line") + span.first_line, "fault", "found", pl.col("^c[0-9]+$"))
