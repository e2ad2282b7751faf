"""Delimited text: which rows it gives, what it refuses and how it says so, and its rows back byte for byte."""

from __future__ import annotations

import codecs
import csv
import gzip
import os
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bulkload.errors import FileRefused, UsageError
from bulkload.formats import delimited, encoding, lanes
from bulkload.formats.batch import Batch
from bulkload.formats.delimited import DELIMITERS, DelimitedFile

BLANKS = " \t\xa0"
EXAMPLES = 300


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir(mode=0o700)
    return folder


class Reading:
    """What a file of some content gives: the reader, and all its batches."""

    def __init__(self, content: bytes, work: Path, *, pad: bool = False, **options: object) -> None:
        path = work.parent / "people.csv"
        path.write_bytes(content)
        self.file = DelimitedFile(path, work=work, **options)  # type: ignore[arg-type]
        try:
            self.batches = list(self.file.batches(pad=pad))
        except BaseException:
            self.file.close()
            raise

    @property
    def frame(self) -> pl.DataFrame:
        return pl.concat([batch.frame for batch in self.batches])

    def rows(self, *columns: str) -> list[tuple[object, ...]]:
        return list(chain.from_iterable(batch.frame.select(columns or "^c.*$").rows() for batch in self.batches))

    def facts(self) -> list[tuple[object, ...]]:
        return self.rows("row", "line", "fault", "found")

    def raw(self, *rows: int) -> bytes:
        """The given rows, all of them without any, from whatever batches hold them."""
        return b"".join(self._raw(batch, rows) for batch in self.batches)

    def _raw(self, batch: Batch, rows: tuple[int, ...]) -> bytes:
        own = range(batch.span.first_row, batch.span.first_row + batch.span.rows)
        return self.file.raw(batch.span, [row for row in rows if row in own] if rows else own)


def read(content: bytes | str, work: Path, **options: object) -> Reading:
    reading = Reading(content.encode() if isinstance(content, str) else content, work, **options)  # type: ignore[arg-type]
    reading.file.close()
    return reading


def refused(content: bytes | str, work: Path, **options: object) -> str:
    """Return the code and the sentence of the refusal."""
    with pytest.raises(FileRefused) as refusal:
        read(content, work, **options)
    return f"{refusal.value.code}: {refusal.value}"


# The oracle: csv.reader over the lines, and nothing else.


@dataclass
class Expected:
    header: tuple[str, ...]
    head: bytes
    rows: list[tuple[int, int, str | None, int, tuple[str, ...]]]
    raw: list[bytes]


def blank(cells: list[str]) -> bool:
    return not any(cell.strip(BLANKS) for cell in cells)


def headings(lines: list[str], delimiter: str) -> int:
    try:
        return len(next(csv.reader(lines, delimiter=delimiter, strict=True)))
    except csv.Error:
        return -1


def records(lines: list[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """Every record with how many lines it takes."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    found, before = [], 0
    for cells in reader:
        found.append((reader.line_num - before, cells))
        before = reader.line_num
    return found


def plain_reading(content: bytes, delimiter: str | None, pad: bool) -> Expected | None:
    """Read in the slow, plain way; None where the file is to be refused."""
    bom = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    raw = [line for line in re.split(rb"(?<=\n)", content.removeprefix(bom)) if line]
    lines = [line.decode() for line in raw]
    told = delimiter or max(DELIMITERS, key=lambda each: headings(lines, each)) if lines else ","
    try:
        found = records(lines, told)
    except csv.Error:
        return None
    while len(found) > 1 and blank(found[-1][1]):
        found.pop()
    if not found or (len(found) == 1 and blank(found[0][1])):
        return None
    line, header = found[0][0], tuple(found[0][1]) or ("",)
    if not raw[-1].endswith(b"\n"):
        raw[-1] += b"\r\n" if raw[line - 1].endswith(b"\r\n") and not raw[-1].endswith(b"\r") else b"\n"
    head = bom + b"".join(raw[:line]) if len(found) > 1 else content[: len(bom) + sum(map(len, raw[:line]))]
    rows, texts = [], []
    for number, (height, cells) in enumerate(found[1:], start=2):
        fault, count, width = None, len(cells), len(header)
        if blank(cells):
            fault, count = "BLANK_LINE", 0
        elif not blank(cells[width:]) or (count != width and not pad):
            fault = "CELL_COUNT"
        shown = ("",) * width if fault else tuple((cells + [""] * width)[:width])
        rows.append((number, line + 1, fault, count, shown))
        texts.append(b"".join(raw[line : line + height]))
        line += height
    return Expected(header, head, rows, texts)


def agree(content: bytes, work: Path, **options: object) -> None:
    expected = plain_reading(content, options.get("delimiter"), bool(options.get("pad")))  # type: ignore[arg-type]
    if expected is None:
        with pytest.raises(FileRefused):
            Reading(content, work, **options)  # type: ignore[arg-type]
        return
    reading = Reading(content, work, **options)  # type: ignore[arg-type]
    with reading.file as file:
        assert file.header == expected.header
        assert file.header_raw == expected.head
        got = [(*facts, cells) for facts, cells in zip(reading.facts(), reading.rows(), strict=True)]
        assert got == expected.rows
        assert reading.raw() == b"".join(expected.raw)
        assert [reading.raw(row) for row, *_ in expected.rows] == expected.raw


TOKENS = ['"', '""', '","', '"a"', '"a,b"', '"x\ny"', '"\r\n"', "\n", "\n", "\r\n", "\r", ",", ",", ";", "\t", "|"]
TOKENS += ["a", "bc", " ", "\xa0", "é", "\ufeff", "漢😀", "0", "#", "\u2028", "\x0b", "'"]
BARE = st.sampled_from(["", "", "a", "007", "x y", " ", "\xa0", "é", "\ufeff", 'a"b', "NULL", "\x1c", "漢" * 5])
QUOTED = st.sampled_from(['""', '"a"', '"a,b"', '"a;b\t|"', '"x\ny"', '"x\r\n\ny"', '"x\ry"', '"say ""hi"""', '" "', '"\n"'])
DAMAGE = st.sampled_from(['"', '"a"b', "a\rb", '"a\n', "\r", '""""', '"a" '])
CELL = st.one_of(BARE, BARE, BARE, QUOTED)
ROW = st.one_of(
    st.lists(CELL, min_size=3, max_size=3),
    st.lists(CELL, min_size=3, max_size=3),
    st.lists(CELL, max_size=5),
    st.lists(st.sampled_from(["", " ", "\xa0", '""']), max_size=4),
)
LINE = st.tuples(ROW.map(",".join), st.sampled_from(["\n", "\n", "\r\n"])).map("".join)
SOUP = st.lists(st.sampled_from(TOKENS), max_size=60).map("".join)
TABLE = st.lists(LINE, max_size=25).map("".join)
BROKEN = st.tuples(TABLE, DAMAGE, TABLE).map("".join)
HEADS = st.sampled_from(["", "a,b,c\n", "a,b,c\r\n", "a\n", '"a","b\nb",c\n', "a;b|c\n", "\ufeffa,b,c\n"])
CONTENT = st.tuples(HEADS, st.one_of(SOUP, TABLE, TABLE, BROKEN), st.sampled_from(["", "\n", "\n\n", " \n,,", '"'])).map("".join)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk") / "work"
    folder.mkdir()
    return folder


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    content=CONTENT,
    delimiter=st.sampled_from([None, ",", ",", ";", "\t"]),
    pad=st.booleans(),
    block=st.sampled_from([1, 16, 17, 23, 32, 64, 200, 1 << 20]),
)
@example(content='a,b\n"', delimiter=None, pad=False, block=16)
@example(content="a,b\n\ufeffx,y\n", delimiter=None, pad=False, block=4)
@example(content="a\n\n\nb", delimiter=None, pad=False, block=1)
@example(content="a,b\nx,y\r\r\n", delimiter=None, pad=False, block=64)
def test_agrees_with_the_plain_reader_across_every_block_boundary(
    desk: Path, content: str, delimiter: str | None, pad: bool, block: int
) -> None:
    agree(content.encode(), desk, delimiter=delimiter, pad=pad, block=block)


@pytest.mark.parametrize("pad", [False, True])
def test_agrees_with_the_plain_reader_on_a_file_of_many_blocks(desk: Path, pad: bool) -> None:
    random = Random(7)
    cells = ["", "a", "Ana María", "09/17/2015 08:00 AM", "x" * 40, 'a"b']
    rare = ['"a,b"', '"first\nsecond"', '"x\r\ny"', '""', '"say ""hi"""', "\xa0"]
    rows = ["id,name,at,note"]
    for number in range(30_000):
        row = [str(number), *random.choices(cells, k=3)]
        if random.random() < 0.05:
            row[random.randrange(4)] = random.choice(rare)
        if random.random() < 0.01:
            row = random.choice([row[:2], [*row, "b"], [*row, "", " "], [], ["", " ", "", ""]])
        rows.append(",".join(row))
    agree("\r\n".join(rows).encode(), desk, pad=pad, block=1 << 18)
