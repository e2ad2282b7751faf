"""Delimited text: which rows it gives, what it refuses and in which words, and its rows byte for byte."""

from __future__ import annotations

import codecs
import csv
import gzip
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import example, given, settings
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
    """Count the delimiters outside quotes in the header; -1 where it cannot be read with this one."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        next(reader)
    except csv.Error:
        return -1
    pieces = "".join(lines[: reader.line_num]).split('"')
    outside = pieces[::2] + (pieces[-1:] if len(pieces) % 2 == 0 else [])
    return "".join(outside).count(delimiter)


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
        elif count > width or (count < width and not pad):
            fault = "CELL_COUNT"
        shown = ("",) * width if fault else tuple((cells + [""] * width)[:width])
        rows.append((number, line + 1, fault, count, shown))
        texts.append(b"".join(raw[line : line + height]))
        line += height
    return Expected(header, head, rows, texts)


def agree(content: str, work: Path, *, written: str = "utf-8", **options: object) -> None:
    """Hold a file of this content, as it is `written`, against the plain reading of its UTF-8 form."""
    bom = codecs.BOM_UTF16_LE if written == "utf-16-le" else b""
    expected = plain_reading(content.encode(), options.get("delimiter"), bool(options.get("pad")))  # type: ignore[arg-type]
    if expected is None:
        with pytest.raises(FileRefused):
            Reading(bom + content.encode(written), work, **options)  # type: ignore[arg-type]
        return
    reading = Reading(bom + content.encode(written), work, **options)  # type: ignore[arg-type]
    with reading.file as file:
        assert file.header == expected.header
        assert file.header_raw == bom + expected.head.decode().encode(written)
        got = [(*facts, cells) for facts, cells in zip(reading.facts(), reading.rows(), strict=True)]
        assert got == expected.rows
        raw = [text.decode().encode(written) for text in expected.raw]
        assert reading.raw() == b"".join(raw)
        some = slice(None, None, 1 + len(raw) // 50)
        assert [reading.raw(row) for row, *_ in expected.rows[some]] == raw[some]


TOKENS = [
    '"',
    '""',
    '","',
    '"a"',
    '"a,b"',
    '"x\ny"',
    '"\r\n"',
    "\n",
    "\n",
    "\r\n",
    "\r",
    ",",
    ",",
    ";",
    "\t",
    "|",
]
TOKENS += ["a", "bc", " ", "\xa0", "é", "\ufeff", "漢😀", "0", "#", "\u2028", "\x0b", "'"]
BARE = st.sampled_from(["", "", "a", "007", "x y", " ", "\xa0", "é", "\ufeff", 'a"b', "NULL", "\x1c", "漢" * 5])
QUOTED = st.sampled_from(
    ['""', '"a"', '"a,b"', '"a;b\t|"', '"x\ny"', '"x\r\n\ny"', '"x\ry"', '"say ""hi"""', '" "', '"\n"']
)
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
TABLE = st.lists(LINE, max_size=40).map("".join)
BROKEN = st.tuples(TABLE, DAMAGE, TABLE).map("".join)
HEADS = st.sampled_from(["", "a,b,c\n", "a,b,c\r\n", "a\n", '"a","b\nb",c\n', "a;b|c\n", "\ufeffa,b,c\n"])
CONTENT = st.tuples(
    HEADS, st.one_of(SOUP, TABLE, TABLE, TABLE, BROKEN), st.sampled_from(["", "\n", "\n\n", " \n,,", '"'])
).map("".join)


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
    most=st.sampled_from([4, 16, 1 << 21]),
)
@example(content='a,b\n"', delimiter=None, pad=False, block=16, most=4)
@example(content="a,b\n\ufeffx,y\n", delimiter=None, pad=False, block=4, most=4)
@example(content="a,b\nx,y,", delimiter=None, pad=False, block=64, most=4)
@example(content="a\n\n\nb", delimiter=None, pad=False, block=1, most=4)
@example(content="a,b\nx,y\r\r\n", delimiter=None, pad=False, block=64, most=4)
@example(content="a,b\r\nx,y\r", delimiter=None, pad=False, block=64, most=4)
@example(content='a\n"x\n\n\n\n"\nb\n', delimiter=None, pad=False, block=64, most=2)
def test_agrees_with_the_plain_reader_across_every_block_boundary(
    desk: Path, content: str, delimiter: str | None, pad: bool, block: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "CELLS", most)
        agree(content, desk, delimiter=delimiter, pad=pad, block=block)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(content=CONTENT, chunk=st.integers(1, 40), block=st.integers(16, 64))
def test_agrees_with_the_plain_reader_in_utf16(desk: Path, content: str, chunk: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "CHUNK", chunk)
        agree(content.lstrip("\ufeff"), desk, written="utf-16-le", block=block)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(content=TABLE, data=st.data(), block=st.integers(16, 64))
def test_a_bad_byte_anywhere_is_refused_with_its_row_and_offset(
    desk: Path, content: str, data: st.DataObject, block: int
) -> None:
    content = "a,b,c\n" + content
    at = data.draw(st.integers(0, len(content)))
    before, after = content[:at], content[at:]
    ended = before[: before.rfind("\n") + 1]
    reader, whole = csv.reader(re.findall(r"[^\n]*\n", ended), strict=True), 0
    with suppress(csv.Error):
        for _ in reader:
            whole += 1
    sentence = refused(before.encode() + b"\xff" + after.encode(), desk, delimiter=",", block=block)
    place = f"row {whole + 1}: the byte 0xFF at byte offset {len(before.encode())}"
    assert sentence.startswith(f"ENCODING: people.csv, {place} is not valid UTF-8.")


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
    agree("\r\n".join(rows), desk, pad=pad, block=1 << 18)


# What a row is.


def test_rows_are_numbered_as_a_spreadsheet_numbers_them_and_lines_as_an_editor_does(work: Path) -> None:
    reading = read('"a\nid",b\n1,"x\ny\nz"\n2,\n', work)
    assert reading.file.header == ("a\nid", "b")
    assert reading.facts() == [(2, 3, None, 2), (3, 6, None, 2)]
    assert reading.rows() == [("1", "x\ny\nz"), ("2", "")]
    assert [batch.span.breaks for batch in reading.batches] == [((2, 3),)]


def test_every_cell_stays_the_text_that_was_typed(work: Path) -> None:
    row = ("007", "1.23457E+11", "1/2", "TRUE", "null", "NaN", " x ", "#a", "'", "-")
    reading = read(",".join("abcdefghij") + "\n" + ",".join(row), work)
    assert reading.rows() == [row]


def test_the_columns_are_those_of_the_contract(work: Path) -> None:
    numbers = {"row": pl.Int64, "line": pl.Int64, "fault": pl.String, "found": pl.Int64}
    for content in ("a,b\n1,2\n", 'a,b\n1,"x\ny"\n', "a,b\n1\n", "a,b\n\n\n1,2\n"):
        schemas = {tuple(batch.frame.schema.items()) for batch in read(content, work, block=4).batches}
        assert schemas == {tuple({**numbers, "c0": pl.String, "c1": pl.String}.items())}


def test_a_row_with_too_few_or_too_many_cells_is_a_fault_of_that_row_and_shows_no_cells(work: Path) -> None:
    reading = read('a,b,c\n1,2\n1,2,3,4\n1,2,3,\n"1",2\n1,2,3\n', work)
    assert reading.rows("row", "fault", "found") == [
        (2, "CELL_COUNT", 2),
        (3, "CELL_COUNT", 4),
        (4, "CELL_COUNT", 4),
        (5, "CELL_COUNT", 2),
        (6, None, 3),
    ]
    assert reading.rows("c0", "c1", "c2") == [("", "", "")] * 4 + [("1", "2", "3")]


def test_padding_fills_up_short_rows_but_a_cell_too_many_is_a_fault_though_it_is_blank(work: Path) -> None:
    reading = read('a,b,c\n1\n1,2,3,, \xa0,\n1,2,3,,x\n"1",2\n"1",2,3,""\n', work, pad=True)
    assert reading.rows("fault", "c0", "c1", "c2") == [
        (None, "1", "", ""),
        ("CELL_COUNT", "", "", ""),
        ("CELL_COUNT", "", "", ""),
        (None, "1", "2", ""),
        ("CELL_COUNT", "", "", ""),
    ]


def test_blank_rows_in_the_middle_are_found_and_at_the_end_ignored(work: Path) -> None:
    for block in (1, 3, 16, 1 << 20):
        reading = read('a,b\n\n1,2\n,\n \t,\xa0,"",\n\r\n3,4\n\n,\n  \n"",""', work, block=block)
        assert reading.facts() == [
            (2, 2, "BLANK_LINE", 0),
            (3, 3, None, 2),
            (4, 4, "BLANK_LINE", 0),
            (5, 5, "BLANK_LINE", 0),
            (6, 6, "BLANK_LINE", 0),
            (7, 7, None, 2),
        ]


def test_a_million_blank_lines_cost_batches_of_bounded_size(work: Path) -> None:
    reading = read(b"a,b,c\n" + b"\n" * 1_000_000 + b"1,2,3\n" + b"\n" * 1_000_000, work)
    assert sum(batch.span.rows for batch in reading.batches) == 1_000_001
    assert max(batch.frame.height for batch in reading.batches) <= lanes.CELLS // 3
    assert reading.batches[-1].frame.tail(1).row(0) == (1_000_002, 1_000_002, None, 3, "1", "2", "3")
    assert reading.frame.head(1_000_000)["fault"].unique().to_list() == ["BLANK_LINE"]


def test_a_single_column_needs_no_delimiter(work: Path) -> None:
    reading = read('id\n1\n\n"2"\n3,4\n', work)
    assert reading.file.layout.delimiter == ","
    assert reading.rows("fault", "found", "c0") == [
        (None, 1, "1"),
        ("BLANK_LINE", 0, ""),
        (None, 1, "2"),
        ("CELL_COUNT", 2, ""),
    ]


def test_a_header_alone_gives_no_rows(work: Path) -> None:
    for content in ("a,b", "a,b\n", "a,b\r\n\r\n,\r\n"):
        assert read(content, work).batches == []


def test_headings_are_given_as_typed_without_their_quotes(work: Path) -> None:
    assert read('" a ", b,"say ""c""",a\n', work).file.header == (" a ", " b", 'say "c"', "a")


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_told_from_the_header_line(work: Path, delimiter: str) -> None:
    others = "".join(each for each in DELIMITERS if each != delimiter)
    reading = read(delimiter.join(["a", f'"b{others}{others}"', "c"]) + "\n" + delimiter.join("123"), work)
    assert reading.file.layout.delimiter == delimiter
    assert reading.rows() == [("1", "2", "3")]


def test_a_delimiter_that_was_given_wins(work: Path) -> None:
    assert read("a,b;c\n", work, delimiter=";").file.header == ("a,b", "c")


def test_another_delimiter_is_wrong_usage(work: Path) -> None:
    with pytest.raises(UsageError, match="'x' is no delimiter; comma, tab"):
        read("a\n", work, delimiter="x")


# What is refused, and the sentence for it.


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\r\n\n", b"  \n", b",,\n,\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, gzip.compress(b"", mtime=0)],
)
def test_an_empty_file_is_refused(work: Path, content: bytes) -> None:
    assert refused(content, work) == "FORMAT_UNKNOWN: people.csv is empty: it has no header and no rows."


@pytest.mark.parametrize("content", ["a,b\r1,2\r3,4", 'a,b\r"1",2\r', "a\r" * 10_000_000])
def test_lines_that_end_in_cr_alone_are_refused(work: Path, content: str) -> None:
    why = "row 1, line 1: the lines end in CR alone. Save the file with CRLF or LF line ends."
    assert refused(content, work) == f"FORMAT_UNKNOWN: people.csv, {why}"


def test_a_cr_outside_quotes_is_refused_with_its_place(work: Path) -> None:
    why = "row 3, line 4: a CR stands alone, outside quotes. Save the file with CRLF or LF line ends."
    for block in (4, 1 << 20):
        assert refused('a,b\n1,"x\ny"\n1\r2,3\n', work, block=block) == f"FORMAT_UNKNOWN: people.csv, {why}"


def test_a_cr_inside_quotes_is_text(work: Path) -> None:
    assert read('"a\rb",c\n"1\r",2\r\n', work).rows() == [("1\r", "2")]


def test_text_after_a_closing_quote_is_refused_with_its_place(work: Path) -> None:
    why = "text stands after the closing quote of a cell. Write a quote inside a quoted cell twice."
    assert refused('a,b\n1,"x\ny"\n"1"2,3\n', work) == f"FORMAT_UNKNOWN: people.csv, row 3, line 4: {why}"
    assert refused('"a"b,c\n', work) == f"FORMAT_UNKNOWN: people.csv, row 1, line 1: {why}"


def test_a_quote_inside_a_bare_cell_is_text(work: Path) -> None:
    assert read('a,b\n5" pipe, "x"\n', work).rows() == [('5" pipe', ' "x"')]


def test_a_quote_that_is_never_closed_is_refused_with_the_place_where_it_opens(work: Path) -> None:
    why = "a quoted cell begins here and is never closed. Close it, or double a quote that is part of the text."
    content = 'a,b,c\n1,"x\ny",2\n"p\nq",r,"s\nt,\n'
    for block in (4, 16, 1 << 20):
        assert refused(content, work, block=block) == f"FORMAT_UNKNOWN: people.csv, row 3, line 5: {why}"
    assert refused('a,\n"b\n', work) == f"FORMAT_UNKNOWN: people.csv, row 2, line 2: {why}"
    assert refused('a|"b,\nc"|"\nd', work, delimiter="|") == f"FORMAT_UNKNOWN: people.csv, row 1, line 2: {why}"
    assert refused('"a\n",b,"c\nd', work) == f"FORMAT_UNKNOWN: people.csv, row 1, line 2: {why}"


@pytest.mark.parametrize(
    "long", [b'"' + b"some text, and more\n" * 900_000, b"x" * 20_000_000, b'"' + b"y" * 17_000_000 + b'"']
)
def test_a_record_of_more_than_16_mb_is_refused_with_the_place_where_it_begins(work: Path, long: bytes) -> None:
    why = "it is longer than 16 MB; probably a quote was not closed."
    content = b'a,b\n1,"x\ny"\n' + long + b",2\n" + b"3,4\n" * 1_000_000
    assert refused(content, work) == f"FORMAT_UNKNOWN: people.csv, row 3, line 4: {why}"
    assert refused(long, work) == f"FORMAT_UNKNOWN: people.csv, row 1, line 1: {why}"


def test_a_record_of_nearly_16_mb_is_read(work: Path) -> None:
    cell = "some text, and more\n" * 700_000
    assert read(f'a,b\n1,2\n"{cell}",2\n3,4\n', work).rows() == [("1", "2"), (cell, "2"), ("3", "4")]


def test_too_many_headings_are_refused_and_as_many_as_may_be_are_read(work: Path) -> None:
    why = "row 1, line 1: there are 2001 headings; a file may have 2000."
    assert refused("a," * 2000 + "a\n", work) == f"FORMAT_UNKNOWN: people.csv, {why}"
    assert read("a," * 1999 + 'a\n"b",' + "1," * 1998 + '"c"\n', work).rows("fault", "c0", "c1999") == [
        (None, "b", "c")
    ]


def test_a_directory_a_pipe_or_a_device_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(FileRefused) as refusal:
            DelimitedFile(path, work=tmp_path)
        assert str(refusal.value) == f"{path} is no file, but a directory, a device or a pipe."


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        DelimitedFile(tmp_path / "none.csv", work=tmp_path)
    assert str(error.value) == f"{tmp_path}/none.csv cannot be read: No such file or directory."


# Encodings.


def test_bytes_that_are_not_utf8_are_refused_with_row_and_offset(work: Path) -> None:
    why = "row 3: the byte 0xE9 at byte offset 15 is not valid UTF-8. "
    remedy = "Save the file as UTF-8, or, if it was written as Windows-1252, give --encoding cp1252."
    for block in (4, 1 << 20):
        assert refused(b'a,b\n1,"x\ny"\nJos\xe9,2\n', work, block=block) == f"ENCODING: people.csv, {why}{remedy}"
    assert (
        refused(b"a,b\xff\n", work)
        == f"ENCODING: people.csv, row 1: the byte 0xFF at byte offset 3 is not valid UTF-8. {remedy}"
    )


def test_windows_1252_is_not_suggested_where_it_would_not_decode(work: Path) -> None:
    assert refused(b"a,b\nJos\xe9,\x81\n", work).endswith("is not valid UTF-8. Save the file as UTF-8.")


def test_a_bad_byte_far_into_the_file_is_found(work: Path) -> None:
    content = b"a,b\n" + b"12345,67890\n" * 1_000_000 + b"x,\xe9\n"
    assert "row 1000002: the byte 0xE9 at byte offset 12000006" in refused(content, work)


@pytest.mark.parametrize("cut", ["é".encode()[:1], b"\xed\xa0\x80", b"\xc0\x80", b"\xf5"])
def test_half_characters_surrogates_and_overlong_forms_are_no_utf8(work: Path, cut: bytes) -> None:
    assert refused(b"a,b\n1," + cut, work).startswith("ENCODING: people.csv, row 2: the byte 0x")


def test_a_nul_is_refused_with_row_and_offset(work: Path) -> None:
    assert refused(b"a,b\n1,2\n3,\0\n", work) == (
        "ENCODING: people.csv, row 3: a NUL byte stands at byte offset 10; text has none."
    )


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf16_without_a_mark_is_recognised_in_the_refusal(work: Path, order: str) -> None:
    sentence = refused("a,b\r\n1,2\r\n".encode(f"utf-16-{order}"), work)
    assert sentence.endswith(f"It looks like UTF-16 without a byte order mark: give --encoding utf-16-{order}.")


PEOPLE = 'name,"no\nte"\nJosé,"x\r\ny"\n\nAna,"1,2"\r\nEva'
WRITTEN = {
    "utf-8": ("utf-8", b"", None),
    "utf-8 with a mark": ("utf-8", codecs.BOM_UTF8, None),
    "utf-16-le": ("utf-16-le", codecs.BOM_UTF16_LE, None),
    "utf-16-be": ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
    "utf-16-le without a mark": ("utf-16-le", b"", "UTF-16-LE"),
    "utf-32-le": ("utf-32-le", codecs.BOM_UTF32_LE, None),
    "cp1252": ("cp1252", b"", "cp1252"),
    "latin-1": ("iso8859-1", b"", "latin-1"),
    "shift jis": ("cp932", b"", "cp932"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("way", WRITTEN)
def test_a_file_comes_back_byte_for_byte_in_its_own_encoding(
    work: Path, way: str, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "CHUNK", 5)
    name, bom, given_name = WRITTEN[way]
    text = PEOPLE.replace("José", "ソ") if name == "cp932" else PEOPLE
    content = bom + text.encode(name)
    reading = Reading(gzip.compress(content, mtime=0) if packed else content, work, encoding=given_name, block=7)
    with reading.file as file:
        assert file.layout == delimited.Layout(",", name, bom, "\n")
        assert reading.rows("row", "line", "fault") == [
            (2, 3, None),
            (3, 5, "BLANK_LINE"),
            (4, 6, None),
            (5, 7, "CELL_COUNT"),
        ]
        assert file.header_raw + reading.raw() == content + "\n".encode(name)
        assert reading.raw(2, 4) == text[13:].split("\n\n")[0].encode(name) + '\nAna,"1,2"\r\n'.encode(name)


def test_copies_are_nameless_and_gone_with_the_reader(work: Path) -> None:
    reading = Reading(gzip.compress("a,b\né,2\n".encode("utf-16")), work)
    assert list(work.iterdir()) == []
    reading.file.close()


def test_bytes_that_are_not_of_the_named_encoding_are_refused_with_row_and_offset(work: Path) -> None:
    content = b'a,b\n"\xe9\n",2\n3,\x81\n'
    assert refused(content, work, encoding="cp1252") == (
        "ENCODING: people.csv, row 3: the byte 0x81 at byte offset 13 is not valid CP1252."
    )
    half = codecs.BOM_UTF16_LE + "a\n1\n".encode("utf-16-le") + b"\x00\xd8\x41\x00"
    assert refused(half, work).startswith("ENCODING: people.csv, row 3: the byte 0x00 at byte offset 10 is not")
    odd = codecs.BOM_UTF16_LE + "a\n1\n".encode("utf-16-le") + b"x"
    assert refused(odd, work).startswith("ENCODING: people.csv, row 3: the byte 0x78 at byte offset 10 is not")
    nul = codecs.BOM_UTF16_LE + "a\nb\0\n".encode("utf-16-le")
    assert refused(nul, work) == "ENCODING: people.csv, row 2: a NUL stands at byte offset 8; text has none."


def test_a_bad_byte_at_the_very_beginning_is_no_empty_file(work: Path) -> None:
    assert refused(b"\x81", work, encoding="cp1252").startswith("ENCODING: people.csv, row 1: the byte 0x81")


def test_an_encoding_that_nobody_knows_is_wrong_usage(work: Path) -> None:
    for name in ("utf-9", "base64", "rot13", "undefined"):
        with pytest.raises(UsageError, match=f"There is no encoding named '{name}'"):
            read("a\n", work, encoding=name)


def test_a_mark_that_contradicts_the_named_encoding_refuses_the_file(work: Path) -> None:
    assert refused(codecs.BOM_UTF8 + b"a\n", work, encoding="cp1252") == (
        "ENCODING: people.csv begins with the byte order mark of utf-8, but cp1252 was asked for."
    )
    assert refused(b"a\n", work, encoding="utf-16") == (
        "ENCODING: people.csv has no byte order mark: give --encoding utf-16-le or utf-16-be."
    )


def test_a_form_that_could_not_be_written_back_refuses_the_file(work: Path) -> None:
    assert "could not be written back byte for byte" in refused(b"a,b\n\x87\x90,1\n", work, encoding="cp932")


@pytest.mark.parametrize("damage", [slice(None, -9), slice(None, 30), slice(None, 5)])
def test_a_compressed_file_that_was_cut_short_is_refused(work: Path, damage: slice) -> None:
    sentence = refused(gzip.compress(b"a,b\n1,2\n" * 100, mtime=0)[damage], work)
    assert sentence.startswith("FORMAT_UNKNOWN: people.csv is compressed (gzip), but damaged or cut short: ")


def test_a_damaged_compressed_file_is_refused(work: Path) -> None:
    packed = bytearray(gzip.compress(os.urandom(1000)))
    packed[-6] ^= 1
    assert "damaged or cut short: CRC check failed" in refused(bytes(packed), work)


def test_a_compressed_file_that_unpacks_without_end_is_refused(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "UNPACKED_FREE", 1 << 20)
    assert refused(gzip.compress(b"\n" * 20_000_000, mtime=0), work) == (
        "FORMAT_UNKNOWN: people.csv unpacks to more than 200 times its size."
    )


# The file itself.


def test_it_says_whether_the_file_was_changed_and_reads_on_what_was_opened(work: Path) -> None:
    path = work / "people.csv"
    path.write_text("a,b\n1,2\n")
    with DelimitedFile(path, work=work) as file:
        other = work / "other.csv"
        other.write_text("x,y\n3,4\n")
        other.replace(path)
        assert file.unchanged()
        assert next(file.batches()).frame.row(0)[-2:] == ("1", "2")
    with DelimitedFile(path, work=work) as file:
        with path.open("a") as more:
            more.write("5,6\n")
        assert not file.unchanged()


def test_a_file_that_is_cut_while_it_is_read_is_refused(work: Path) -> None:
    path = work / "people.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000)
    with DelimitedFile(path, work=work, block=64) as file:
        batches = file.batches()
        next(batches)
        os.truncate(path, 100)
        with pytest.raises(FileRefused, match="became shorter while it was read"):
            list(batches)


def test_progress_goes_from_0_to_1(work: Path) -> None:
    path = work / "people.csv"
    path.write_text("a,b\n" + "1,2\n" * 98 + "\n\n")
    with DelimitedFile(path, work=work, block=200) as file:
        seen = [file.progress, *(file.progress for _ in file.batches()), file.progress]
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_raw_gives_any_rows_of_any_batch_in_any_order_of_asking(work: Path) -> None:
    reading = Reading(b'a,b\r\n1,"x\r\ny"\r\n2,\n3,"p\nq"\r\n4,5', work, block=20)
    with reading.file:
        assert reading.raw(5) == b"4,5\r\n"
        assert reading.raw(2, 4) == b'1,"x\r\ny"\r\n3,"p\nq"\r\n'
        assert reading.raw(3) == b"2,\n"
        assert reading.file.header_raw == b"a,b\r\n"
