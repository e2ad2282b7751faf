"""Turns lines of delimited text into columns: proven lines all at once, the others record by record."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

RECORD = 16 << 20
# Records are read at most so many cells at a time (32 MB of them when they are blank), and so many rows:
# much of what a batch takes on its way depends on its rows alone, however short they are.
CELLS = 2 << 20
ROWS = 80_000
BLANKS = " \t\xa0"
BLANK_LINE = "BLANK_LINE"
CELL_COUNT = "CELL_COUNT"
UNCLOSED = "a quoted cell begins here and is never closed. Close it, or double a quote that is part of the text"
AFTER_QUOTE = "text stands after the closing quote of a cell. Write a quote inside a quoted cell twice"
CR_LINES = "the lines end in CR alone. Save the file with CRLF or LF line ends"
LONE_CR = "a CR stands alone, outside quotes. Save the file with CRLF or LF line ends"

MARK = "\0"
"""Stands in no cell, since text that holds it is refused."""

_UNPAIRED_CR = re.compile(rb"\r(?!\n)")

csv.field_size_limit(RECORD)


@dataclass(frozen=True, slots=True)
class Grid:
    """What a row should be: how many cells, what between them, and whether missing ones are filled up.

    Without `quotes` a row is a line, and a quote an ordinary character.
    """

    delimiter: str
    width: int
    pad: bool = False
    quotes: bool = True

    @property
    def cells(self) -> list[str]:
        """Name the columns of a frame that hold the cells."""
        return [f"c{i}" for i in range(self.width)]


@dataclass(frozen=True, slots=True)
class Records:
    """The whole records at the beginning of some bytes.

    `frame` has `line` (counted from 0), `found`, `fault` and the cells; `size` is how many bytes they take,
    `lines` how many lines; `breaks` holds (record, lines) of those on more than one line.
    """

    frame: pl.DataFrame
    size: int
    lines: int
    breaks: tuple[tuple[int, int], ...]


class RecordError(Exception):
    """Says why no record can be read from a place on; `record` and `line` are counted from 0."""

    def __init__(self, why: str, record: int, line: int) -> None:
        super().__init__(why)
        self.why, self.record, self.line = why, record, line


class Lines:
    """Walks the lines of some bytes from an offset on, for the csv module; `dry` when more were asked for."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at
        self.taken, self.dry = 0, False

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self.at == len(self.data):
            self.dry = True
            raise StopIteration
        start, self.at = self.at, self.data.find(b"\n", self.at) + 1 or len(self.data)
        self.taken += 1
        return self.data[start : self.at].decode(errors="surrogateescape")


def record(lines: Lines, delimiter: str) -> list[str] | None:
    """Read the next record; None where the lines end first.

    Raises csv.Error where no record can be read.
    """
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True), None)
    except csv.Error:
        if lines.dry:
            return None
        raise


def count(data: bytes, delimiter: str) -> int:
    """Count the records at the beginning of `data` that end in it."""
    lines, records = Lines(data[: data.rfind(b"\n") + 1]), 0
    with suppress(csv.Error):
        while record(lines, delimiter) is not None:
            records += 1
    return records


@dataclass(frozen=True, slots=True)
class _Odd:
    """A record read by hand: its first line, its lines, the bytes it takes, its cells."""

    line: int
    lines: int
    start: int
    end: int
    cells: list[str]


def read(data: bytes, grid: Grid, last: bool) -> Records:
    """Read the whole records at the beginning of `data`: whole lines, the first outside quotes.

    `last` says that the file ends here. Raises RecordError.
    """
    kept, lines = _capped(data, min(ROWS, CELLS // grid.width))
    if not grid.quotes or (b'"' not in kept and not _UNPAIRED_CR.search(kept)):
        return _assembled(kept, lines, None, [], grid)
    text = _text(kept)
    odd, size = _by_hand(kept, _doubtful(kept, text, grid), grid, last and len(kept) == len(data))
    if size < len(kept):
        kept, lines = kept[:size], kept.count(b"\n", 0, size)
        text = text.head(lines)
    return _assembled(kept, lines, text, odd, grid)


def read_one(data: bytes, grid: Grid, last: bool) -> Records:
    """Read only the first record of `data`, as `read` does, where it is too long to be read among others."""
    odd, _ = _by_hand(data, [(0, 0)], grid, last)
    if not odd:
        return _assembled(b"", 0, None, [], grid)
    return Records(_judged(_frame(odd, grid), grid), odd[0].end, odd[0].lines, _breaks(odd))


def _capped(data: bytes, most: int) -> tuple[bytes, int]:
    """Cut `data` at a line end until it has at most `most` lines, or one; count them."""
    lines = data.count(b"\n")
    while lines > max(1, most):
        end = data.rfind(b"\n", 0, len(data) * most // lines) + 1 or data.find(b"\n") + 1
        lines -= data.count(b"\n", end)
        data = data[:end]
    return data, lines + (data != b"" and not data.endswith(b"\n"))


def _text(data: bytes) -> pl.Series:
    """Split at line feeds; a CR at the end of a line goes with it."""
    return _parsed(_headed(["text"], data), separator="\0", quote_char=None)["text"]


def _headed(first: list[str], data: bytes, delimiter: str = "") -> bytes:
    """Put a line before others, and end the last one.

    Without a first line of our own polars takes a BOM off the first cell, and the first row's width for all.
    """
    end = b"" if data.endswith(b"\n") or not data else b"\n"
    return b"".join([delimiter.join(first).encode(), b"\n", data, end])


def _parsed(lines: bytes, separator: str, **options: object) -> pl.DataFrame:
    """Parse lines, each with its end, into text columns, which the first one names."""
    return pl.read_csv(
        lines,
        separator=separator,
        infer_schema=False,
        empty_string_is_null=False,
        **options,  # type: ignore[arg-type]
    )


def _doubtful(data: bytes, text: pl.Series, grid: Grid) -> list[tuple[int, int]]:
    """List the lines that hold a quote or a lone CR and are not, cell by cell, bare or wholly quoted.

    Each with its offset. All other lines begin and end outside quotes, save those inside a doubtful record.
    """
    cell = f'(?:[^"{grid.delimiter}\r]*|"(?:[^"\r]|"")*")'
    proven = f"^{cell}(?:[{grid.delimiter}]{cell}){{{grid.width - 1}}}$"
    odd = text.str.contains('"', literal=True)
    if b"\r" in data:
        odd |= text.str.contains("\r", literal=True)
    lines = odd.arg_true()
    doubtful = lines.filter(~text.gather(lines).str.contains(proven)).to_list()
    if not doubtful:
        return []
    if b"\r" in data:  # `text` has lost the CRs
        ends = list(accumulate(len(line) + 1 for line in data.split(b"\n")))
        return [(at, ends[at - 1] if at else 0) for at in doubtful]
    lengths = text.str.len_bytes().cast(pl.Int64) + 1
    return list(zip(doubtful, (lengths.cum_sum() - lengths).gather(doubtful), strict=True))


def _by_hand(data: bytes, doubtful: Sequence[tuple[int, int]], grid: Grid, last: bool) -> tuple[list[_Odd], int]:
    """Read the records that begin on doubtful lines, and say where the first incomplete one begins."""
    odd: list[_Odd] = []
    after = extra = 0
    for at, start in doubtful:
        if at < after:
            continue
        lines = Lines(data, start)
        try:
            cells = record(lines, grid.delimiter)
        except csv.Error as error:
            raise RecordError(reason(error), at - extra, at + lines.taken - 1) from error
        if cells is None and last:
            raise RecordError(UNCLOSED, at - extra, at + open_quote(data[start:], grid.delimiter))
        if cells is None:
            return odd, start
        odd.append(_Odd(at, lines.taken, start, lines.at, cells))
        after = at + lines.taken
        extra += lines.taken - 1
    return odd, len(data)


def _assembled(data: bytes, lines: int, text: pl.Series | None, odd: list[_Odd], grid: Grid) -> Records:
    """Parse all of `data` but the odd records at once, and put those in their places."""
    line = pl.int_range(lines, eager=True).alias("line")
    even = data
    if odd:
        taken = [line for each in odd for line in range(each.line, each.line + each.lines)]
        line = line.filter(~line.is_in(taken))
        ends = [0, *(each.end for each in odd)]
        starts = [*(each.start for each in odd), len(data)]
        even = b"".join(memoryview(data)[end:start] for end, start in zip(ends, starts, strict=True))
    frame = _columns(even, line, text, grid).with_columns(line)
    if odd:
        frame = pl.concat([frame, _frame(odd, grid)], how="diagonal").sort("line")
    return Records(_judged(frame, grid), len(data), lines, _breaks(odd))


def _columns(even: bytes, line: pl.Series, text: pl.Series | None, grid: Grid) -> pl.DataFrame:
    """Parse proven lines, of which `line` has the places in `text`: the cells, `found`, and `surplus` (not all beyond the headings is blank).

    polars fills short lines up and cuts long ones off; a mark at the end of each line shows which are neither.
    """
    marked = _headed(grid.cells, even, grid.delimiter)
    if b"\r" in marked:
        marked = marked.replace(b"\r\n", b"\n")
    marked = marked.replace(b"\n", f"{grid.delimiter}{MARK}\n".encode())
    quote = None if text is None else '"'
    frame = _parsed(marked, grid.delimiter, quote_char=quote, truncate_ragged_lines=True)
    odd = (frame[MARK] != MARK).arg_true()
    found = pl.repeat(grid.width, len(line), dtype=pl.Int64, eager=True)
    surplus = pl.repeat(False, len(line), eager=True)
    frame = frame.select(grid.cells)
    if len(odd):
        lines = (_text(even).gather(odd) if text is None else text.gather(line.gather(odd))).to_frame("text")
        counted = lines.select(pl.col("text").str.count_matches(grid.delimiter, literal=True).cast(pl.Int64) + 1)
        found = found.scatter(odd, counted.to_series())
        surplus = surplus.scatter(odd, lines.select(_surplus(grid)).to_series())
        ended = {one.name: odd.filter(one.gather(odd) == MARK) for one in frame}
        frame = frame.with_columns(frame[cell].scatter(at, "") for cell, at in ended.items() if len(at))
    return frame.with_columns(found.alias("found"), surplus.alias("surplus"))


def _surplus(grid: Grid) -> pl.Expr:
    kept = pl.col("text").str.strip_chars_end(grid.delimiter + BLANKS)
    return kept.str.count_matches(grid.delimiter, literal=True) >= grid.width


def _frame(odd: list[_Odd], grid: Grid) -> pl.DataFrame:
    """Lay the records read by hand under the same columns as the others."""
    width = grid.width
    rows = [each.cells for each in odd]
    even = (cells if len(cells) == width else (cells + [""] * width)[:width] for cells in rows)
    return pl.DataFrame(
        {
            "line": [each.line for each in odd],
            "found": [len(cells) for cells in rows],
            "surplus": [len(cells) > width and any(cell.strip(BLANKS) for cell in cells[width:]) for cells in rows],
            **dict(zip(grid.cells, zip(*even, strict=True), strict=True)),
        }
    )


def _judged(frame: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    """Put `fault` in place of `surplus`; empty the cells of rows that have one."""
    at = (~frame["surplus"]).arg_true()
    for cell in grid.cells:
        texts = frame[cell] if len(at) == frame.height else frame[cell].gather(at)
        at = at.filter(texts.str.strip_chars(BLANKS) == "")
        if at.is_empty():
            break
    blank = pl.repeat(False, frame.height, eager=True).scatter(at, True)
    wrong = frame["found"] > grid.width if grid.pad else frame["found"] != grid.width
    bad = (blank | wrong).arg_true()
    if not len(bad):
        return frame.select("line", "found", pl.lit(None, pl.String).alias("fault"), *grid.cells)
    fault = pl.when(blank).then(pl.lit(BLANK_LINE)).when(wrong).then(pl.lit(CELL_COUNT)).alias("fault")
    return frame.select(
        "line",
        pl.when(blank).then(0).otherwise("found").alias("found"),
        fault,
        *(frame[cell].scatter(bad, "") for cell in grid.cells),
    )


def _breaks(odd: list[_Odd]) -> tuple[tuple[int, int], ...]:
    breaks, extra = [], 0
    for each in odd:
        if each.lines > 1:
            breaks.append((each.line - extra, each.lines))
            extra += each.lines - 1
    return tuple(breaks)


def reason(error: csv.Error) -> str:
    """Say in a sentence why the csv module refused a record."""
    return AFTER_QUOTE if "expected after" in str(error) else LONE_CR


def open_quote(data: bytes, delimiter: str) -> int:
    """Count the lines before the quote that is never closed, in a record that has one."""
    mark = re.escape(delimiter).encode()
    cell = re.compile(rb'(?:"[^"]*+"(?:"[^"]*+")*+|(?!")[^%b\n]*+)%b' % (mark, mark))
    at = 0
    while found := cell.match(data, at):
        at = found.end()
    return data.count(b"\n", 0, at)
