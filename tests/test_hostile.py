"""Files as they come at the worst: every one is read or refused in a sentence, within bounds, and the store stays as it was."""

from __future__ import annotations

import gzip
import io
import json
import os
import pty
import re
import resource
import shutil
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from conftest import BULKLOAD, CommandLine, Said, process
from loading import outcomes, query, results

HEADER = "Username,First Name,Last Name,Email,Active\n"
ANN = "ann,Ann,A,a@x.org,Yes\n"
EVENTS = (
    "Enrollment ID,Enrollment,Type,Default Pre-Status,Use Event Time Zone,Time Zone,Max Seats,Waitlist,Max Waitlist\n"
)
ENROLLMENTS = (
    "Enrollment,Username,Roster,Users Date Enrolled,User Date Enrolled Time Zone,Users Enrollment Pre-Status,"
    "Users Enrollment Post-Status,Priority (Waitlist),Enrollment Completed Date / Last Status Change\n"
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
MEMORY = 3 << 30
"""Bytes of address space; the libraries and the stacks and arenas of threads reserve 1.2 GB of it unused."""

LONGEST_SENTENCE = 2000


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with one user and one enrollment."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "u.csv").write_text(HEADER + "sam,Sam,S,s@x.org,Yes\n")
    (folder / "e.csv").write_text(EVENTS + "S1,Safety,ILT Session,Approved,Yes,Eastern Standard Time,,None,\n")
    assert process("apply", "--store", folder / "s.db", folder / "u.csv", folder / "e.csv").code == 0
    return folder / "s.db"


@pytest.fixture
def store(prepared: Path, tmp_path: Path) -> Path:
    """Return a copy of the prepared store."""
    return Path(shutil.copyfile(prepared, tmp_path / "s.db"))


Refused = Callable[..., str]
Write = Callable[..., Path]


def users(store: Path) -> list[str]:
    return [one for (one,) in query(store, 'SELECT username FROM "user" ORDER BY number')]


def said_plainly(said: Said) -> None:
    """Hold what was said against what holds for every sentence: no control characters, no length without end."""
    assert CONTROLS.search(said.out + said.err) is None, said
    assert len(said.err) < LONGEST_SENTENCE, said.err[:LONGEST_SENTENCE]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file and returns its path."""

    def put(content: str | bytes, name: str = "users.csv") -> Path:
        (tmp_path / "in").mkdir(exist_ok=True)
        path = tmp_path / "in" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put


@pytest.fixture
def refused(bulkload: CommandLine, store: Path) -> Refused:
    """Return a function that has a file refused by `validate` and `apply` alike, and returns the sentence."""

    def run(path: Path, *words: str, code: int = 3, options: tuple[object, ...] = ()) -> str:
        before = sorted(one.name for one in path.parent.iterdir())
        for command in ("validate", "apply"):
            said = bulkload(command, "--store", store, *options, path)
            assert said.code == code, said
            for word in (path.name, *words):
                assert word in said.err
            said_plainly(said)
        assert users(store) == ["sam"]
        assert sorted(one.name for one in path.parent.iterdir()) == before
        return said.err

    return run


@pytest.fixture
def applied(bulkload: CommandLine, store: Path) -> Callable[..., list[tuple[int, str, str]]]:
    """Return a function that applies a file and returns row, outcome and codes of each row."""

    def run(path: Path, *options: object) -> list[tuple[int, str, str]]:
        said = bulkload("apply", "--store", store, *options, path)
        assert said.code in {0, 1}, said
        said_plainly(said)
        folder, name = path.parent, path.name.removesuffix(".gz")
        return outcomes(folder / f"{name.rsplit('.', 1)[0]}.results.csv")

    return run


# ---- no file at all


def test_a_missing_file_is_wrong_usage(tmp_path: Path, refused: Refused) -> None:
    refused(tmp_path / "none.csv", "no file", code=2)


def test_a_loop_of_links_is_wrong_usage(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    refused(tmp_path / "loop.csv", code=2)


def test_a_directory_without_files_is_wrong_usage(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    refused(tmp_path / "empty", "no file", code=2)


def test_a_directory_gives_its_files_and_leaves_out_what_is_none(
    tmp_path: Path, store: Path, bulkload: CommandLine
) -> None:
    folder = tmp_path / "all"
    (folder / "deeper.csv").mkdir(parents=True)
    os.mkfifo(folder / "fifo.csv")
    (folder / "gone.csv").symlink_to(folder / "nowhere.csv")
    (folder / ".hidden.csv").write_text("x")
    (folder / "old.results.csv").write_text("x")
    (folder / "users.csv").write_text(HEADER + ANN)
    said = bulkload("apply", "--store", store, "--format", "json", folder)
    assert (said.code, json.loads(said.out)["file"], users(store)) == (0, "users.csv", ["sam", "ann"])


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path, refused: Refused) -> None:
    os.mkfifo(tmp_path / "fifo.csv")
    refused(tmp_path / "fifo.csv", "pipe")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/stdin"])
def test_a_device_is_refused(device: str, bulkload: CommandLine, store: Path) -> None:
    said = bulkload("apply", "--store", store, device)
    assert (said.code, device in said.err) == (3, True)


# ---- empty and headings


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"   \n", b",,,\n"])
def test_an_empty_file_is_refused(content: bytes, write: Write, refused: Refused) -> None:
    refused(write(content))


def test_a_header_alone_is_a_file_of_no_rows(write: Write, applied: Any, store: Path) -> None:
    assert applied(write(HEADER)) == []
    assert users(store) == ["sam"]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Usrname,First Name,Last Name,Email,Active", ("'Usrname'", "'Username'", "HEADER_UNKNOWN")),
        ("Username,First Name,Last Name,Email,Active,Colour", ("'Colour'", "HEADER_UNKNOWN")),
        ("Username,First Name,Last Name,Active", ("'Email'", "HEADER_MISSING")),
        ("Username,First Name,Last Name,Email,Active,Email", ("'Email'", "twice", "HEADER_DOUBLED")),
        ("Username,First Name,Last Name,Email,Active, EMAIL ", ("'Email'", "twice", "HEADER_DOUBLED")),
        ("Username,First Name,,Last Name,Email,Active", ("column C", "HEADER_EMPTY")),
        ("Username,First Name,Last Name,Email,Active,", ("column F", "HEADER_EMPTY")),
        ("Username,First Name,Last Name,Email,=HYPERLINK(x)", ("=HYPERLINK(x)", "HEADER_UNKNOWN")),
        ("Username,First Name,Last Name,Email,\x1b]0;own\x07", ("HEADER_UNKNOWN",)),
        ("Username,First Name,Last Name,Email,\u009b2J", ("HEADER_UNKNOWN",)),
        ("\ufeffUsername,First Name,Last Name,Email,Active", ("'Username'", "HEADER_UNKNOWN")),
        ("Some,thing,else", ("no template", "FORMAT_UNKNOWN")),
        ("sam,Sam,S,s@x.org,Yes", ("no template", "FORMAT_UNKNOWN")),
    ],
)
def test_a_wrong_heading_refuses_the_file_and_is_named(
    header: str, words: tuple[str, ...], write: Write, refused: Refused
) -> None:
    refused(write("\ufeff" + header + "\n" + ANN), *words)


def test_blanks_letter_case_and_order_of_headings_do_not_matter(write: Write, applied: Any) -> None:
    path = write(" EMAIL ,active,\u00a0username,First Name,last name\na@x.org,Yes,ann,Ann,A\n")
    assert applied(path) == [(2, "created", "")]


@pytest.mark.parametrize("options", [(), ("--template", "user")])
def test_a_heading_of_two_megabytes_is_refused_in_a_sentence(
    options: tuple[str, ...], write: Write, refused: Refused
) -> None:
    begun = time.process_time()
    refused(write(HEADER.rstrip() + "," + "Username" * 250_000 + "\n" + ANN), options=options)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("options", [(), ("--template", "user")])
@pytest.mark.parametrize("columns", [1_900, 10_000, 100_000])
def test_a_header_of_many_columns_is_refused_in_a_sentence(
    columns: int, options: tuple[str, ...], write: Write, refused: Refused
) -> None:
    begun = time.process_time()
    refused(write(",".join(f"Username{n}" for n in range(columns)) + "\n"), options=options)
    assert time.process_time() - begun < 5


def test_an_unknown_template_is_wrong_usage(write: Write, bulkload: CommandLine, store: Path) -> None:
    said = bulkload("apply", "--store", store, "--template", "usr", write(HEADER + ANN))
    assert (said.code, "usr" in said.err, "user" in said.err) == (2, True, True)


@pytest.mark.parametrize("delimiter", ["x", "", ",,", "\n", "§"])
def test_another_delimiter_is_wrong_usage(delimiter: str, write: Write, bulkload: CommandLine, store: Path) -> None:
    said = bulkload("apply", "--store", store, "--delimiter", delimiter, write(HEADER + ANN))
    assert (said.code, users(store)) == (2, ["sam"])


# ---- text


def test_lines_ended_by_cr_alone_are_refused_with_that_reason(write: Write, refused: Refused) -> None:
    refused(write((HEADER + ANN).replace("\n", "\r")), "CR")


def test_a_bad_byte_is_refused_with_row_and_offset_and_the_encoding_that_would_do(
    write: Write, refused: Refused, applied: Any, store: Path
) -> None:
    rows = HEADER + ANN + "bob,B,B,,Yes\ncid,C,C,,Yes\n"
    path = write(rows.encode() + "jos,Jos\u00e9,J,,Yes\n".encode("cp1252"))
    refused(path, "row 5", f"byte offset {len(rows) + len('jos,Jos')}", "--encoding cp1252", "ENCODING")
    assert applied(path, "--encoding", "cp1252") == [(row, "created", "") for row in (2, 3, 4, 5)]
    assert query(store, "SELECT first_name FROM \"user\" WHERE folded = 'jos'") == [("Jos\u00e9",)]


def test_rows_rejected_from_another_encoding_come_back_in_it(write: Write, applied: Any) -> None:
    for encoding in ("cp1252", "utf-16-le"):
        bom = b"\xff\xfe" if encoding == "utf-16-le" else b""
        path = write(bom + (HEADER + "jos,Jos\u00e9,J,,Maybe\n" + ANN).encode(encoding))
        assert next(one[1] for one in applied(path, "--encoding", encoding)) == "rejected"
        assert (path.parent / "users.rejects.csv").read_bytes() == bom + (HEADER + "jos,Jos\u00e9,J,,Maybe\n").encode(
            encoding
        )


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_its_mark_is_refused_and_read_when_named(
    order: str, write: Write, refused: Refused, applied: Any
) -> None:
    path = write((HEADER + ANN).encode(f"utf-16-{order}"))
    refused(path, "NUL", f"--encoding utf-16-{order}", "ENCODING")
    assert applied(path, "--encoding", f"utf-16-{order}") == [(2, "created", "")]


def test_a_nul_in_the_middle_is_refused_with_row_and_offset(write: Write, refused: Refused) -> None:
    rows = HEADER + ANN + "bo"
    refused(write(rows.encode() + b"\0b,B,B,,Yes\n"), "row 3", f"byte offset {len(rows)}", "NUL")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_marked_encoding_is_read_also_compressed(
    encoding: str, packed: bool, write: Write, applied: Any, store: Path
) -> None:
    content = (HEADER + "ann,Zo\u00eb,A,,Yes\n").encode(encoding)
    path = write(gzip.compress(content), "users.csv.gz") if packed else write(content)
    assert applied(path) == [(2, "created", "")]
    assert query(store, "SELECT first_name FROM \"user\" WHERE folded = 'ann'") == [("Zo\u00eb",)]


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "base64", "undefined", "mbcs", "../x", "\u00e9"])
def test_an_encoding_that_is_none_is_wrong_usage(
    encoding: str, write: Write, bulkload: CommandLine, store: Path
) -> None:
    path = write(HEADER + ANN)
    for command in ("validate", "apply"):
        said = bulkload(command, "--store", store, "--encoding", encoding, path)
        assert said.code == 2, said
        assert users(store) == ["sam"]


@pytest.mark.parametrize("encoding", ["punycode", "idna", "utf-7", "unicode_escape", "raw_unicode_escape", "utf-16"])
@pytest.mark.parametrize("content", [HEADER + ANN, HEADER + "\u00e9\\x,-,\\ud800,,Yes\n"])
def test_a_strange_encoding_is_no_fault_of_bulkload(
    encoding: str, content: str, write: Write, bulkload: CommandLine, store: Path
) -> None:
    for command in ("validate", "apply"):
        said = bulkload(command, "--store", store, "--encoding", encoding, write(content))
        assert said.code in {0, 1, 2, 3}, said


def test_a_compressed_file_that_was_cut_short_is_refused(write: Write, refused: Refused) -> None:
    packed = gzip.compress((HEADER + ANN * 1000).encode())
    for size in (3, 12, len(packed) // 2, len(packed) - 1):
        refused(write(packed[:size], "users.csv.gz"))


def test_a_compressed_file_without_end_is_refused(write: Write, refused: Refused) -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = b"a" * (16 << 20)
    content = packer.compress(HEADER.encode()) + b"".join(packer.compress(block) for _ in range(2)) + packer.flush()
    refused(write(content, "users.csv.gz"))


def test_an_unterminated_quote_is_refused_with_its_row(write: Write, refused: Refused) -> None:
    refused(write(HEADER + ANN + 'bob,"B,B,,Yes\n' + "cid,C,C,,Yes\n" * 50), "row 3", "line 3", "quote")


def test_text_after_a_closing_quote_is_refused_with_its_row(write: Write, refused: Refused) -> None:
    refused(write(HEADER + ANN + 'bob,"B" x,B,,Yes\n'), "row 3", "quote")


def test_a_quoted_newline_counts_as_one_row_and_the_line_is_named_too(write: Write, applied: Any) -> None:
    path = write(HEADER + 'ann,"An\nn",A,,Yes\nbob,B,B,,Maybe\n')
    assert applied(path)[1] == (3, "rejected", "NOT_IN_LIST")
    assert "row 3 (line 4)" in results(path.parent / "users.results.csv")[1]["messages"]
    assert (path.parent / "users.rejects.csv").read_text() == HEADER + "bob,B,B,,Maybe\n"


def test_too_few_and_too_many_cells_are_errors_of_their_rows(write: Write, applied: Any, store: Path) -> None:
    bad = "bob,B\ncid,C,C,,Yes,more,and more\n"
    path = write(HEADER + ANN + bad + ",,,,\n" + "dan,D,D,,Yes\n\n\n")
    assert applied(path) == [
        (2, "created", ""),
        (3, "rejected", "CELL_COUNT"),
        (4, "rejected", "CELL_COUNT"),
        (5, "rejected", "BLANK_LINE"),
        (6, "created", ""),
    ]
    assert users(store) == ["sam", "ann", "dan"]
    assert (path.parent / "users.rejects.csv").read_text() == HEADER + bad + ",,,,\n"


def test_a_row_of_a_million_cells_is_an_error_of_that_row(write: Write, applied: Any) -> None:
    path = write(HEADER + "," * 1_000_000 + "x\n" + ANN)
    assert applied(path) == [(2, "rejected", "CELL_COUNT"), (3, "created", "")]


def test_a_million_empty_lines_in_the_middle_take_bounded_time(
    write: Write, bulkload: CommandLine, store: Path
) -> None:
    path = write(HEADER + ANN + "\n" * 1_000_000 + "bob,B,B,,Yes\n")
    begun = time.process_time()
    said = bulkload("apply", "--store", store, "--format", "json", path)
    assert time.process_time() - begun < 15
    assert (said.code, json.loads(said.out)["outcomes"]) == (1, {"created": 2, "rejected": 1_000_000})
    assert len(said.out) < 5000
    assert users(store) == ["sam", "ann", "bob"]


def test_a_million_empty_lines_at_the_end_are_ignored(write: Write, applied: Any) -> None:
    assert applied(write(HEADER + ANN + "\n" * 1_000_000)) == [(2, "created", "")]


# ---- bounds


def limited(*arguments: object, seconds: float = 20) -> Said:
    """Run the command line within MEMORY and some seconds."""
    return process(
        *arguments,
        timeout=seconds,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def cell_of_100_mb(path: Path, before: bytes, after: bytes) -> Path:
    with path.open("wb") as file:
        file.write(before)
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(after)
    return path


@pytest.mark.parametrize("before", [b"", b'"'], ids=["bare", "quoted"])
def test_a_cell_of_100_mb_is_refused_in_bounded_memory(before: bytes, tmp_path: Path, store: Path) -> None:
    path = cell_of_100_mb(tmp_path / "u.csv", HEADER.encode() + b"ann," + before, before + b",A,,Yes\n")
    said = limited("apply", "--store", store, path)
    assert said.code == 3, said
    assert "u.csv, row 2" in said.err
    said_plainly(said)
    assert users(store) == ["sam"]


def test_a_header_of_100_mb_is_refused_in_bounded_memory(tmp_path: Path, store: Path) -> None:
    said = limited("apply", "--store", store, cell_of_100_mb(tmp_path / "u.csv", b"", b",B\n"))
    assert said.code == 3, said
    assert "u.csv, row 1" in said.err
    said_plainly(said)


def test_a_spreadsheet_cell_of_100_mb_is_refused_in_bounded_memory(tmp_path: Path, store: Path) -> None:
    sheet = book(HEADER.strip().split(","))
    opening, closing = sheet["xl/worksheets/sheet1.xml"].split("</sheetData>")
    with zipfile.ZipFile(tmp_path / "u.xlsx", "w") as archive:
        for name, text in sheet.items():
            if "sheet1.xml" not in name or "rels" in name:
                archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(f'{opening}<row r="2"><c r="A2" t="inlineStr"><is><t>'.encode())
            for _ in range(100):
                part.write(b"x" * (1 << 20))
            part.write(f"</t></is></c></row></sheetData>{closing}".encode())
    said = limited("apply", "--store", store, tmp_path / "u.xlsx")
    assert said.code == 3, said
    assert "u.xlsx" in said.err
    said_plainly(said)


def test_a_huge_file_of_nothing_is_refused_at_once(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "huge.csv"
    path.touch()
    os.truncate(path, 16 << 30)
    try:
        said = process("apply", "--store", store, path, timeout=6)
    except subprocess.TimeoutExpired:
        pytest.fail("a file that is refused at its first byte was read to its end")
    assert (said.code, "huge.csv, row 1" in said.err) == (3, True)


# ---- spreadsheets and what looks like them

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def book(*rows: list[str]) -> dict[str, str]:
    """Return the parts of a spreadsheet with these rows of texts."""
    lines = "".join(
        f'<row r="{n}">' + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) + "</row>"
        for n, row in enumerate(rows, 1)
    )
    relations = '<Relationships><Relationship Id="r1" Type="{}/{}" Target="{}"/></Relationships>'
    return {
        "_rels/.rels": relations.format(RELATED, "officeDocument", "xl/workbook.xml"),
        "xl/_rels/workbook.xml.rels": relations.format(RELATED, "worksheet", "worksheets/sheet1.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATED}"><sheets>'
        '<sheet name="People" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>',
    }


def zipped(parts: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return held.getvalue()


PEOPLE = [HEADER.strip().split(","), ANN.strip().split(",")]


def test_a_spreadsheet_is_read_whatever_its_name_says(write: Write, applied: Any) -> None:
    assert applied(write(zipped(book(*PEOPLE)), "users.csv")) == [(2, "created", "")]
    assert applied(write(HEADER + ANN, "text.xlsx")) == [(2, "unchanged", "")]


def test_an_old_spreadsheet_is_refused_with_what_to_do(write: Write, refused: Refused) -> None:
    refused(write(OLE + b"\0" * 2000, "users.xls"), ".xlsx")


@pytest.mark.parametrize(
    "content",
    [
        zipped({"letter.txt": "hello"}),
        zipped({}),
        zipped(book(*PEOPLE))[:-30],
        zipped(book(*PEOPLE))[:200],
        b"PK\x03\x04" + b"\0" * 200,
        b"PK\x03\x04",
        zipped({**book(*PEOPLE), "xl/workbook.xml": "<workbook"}),
        zipped({**book(*PEOPLE), "xl/worksheets/sheet1.xml": "no markup at all"}),
        zipped({**book(*PEOPLE), "xl/worksheets/sheet1.xml": ""}),
        zipped(book([])),
        zipped(book([""], *PEOPLE)),
    ],
)
def test_what_is_no_spreadsheet_or_a_damaged_one_is_refused(content: bytes, write: Write, refused: Refused) -> None:
    refused(write(content, "users.xlsx"))


def test_a_spreadsheet_bomb_is_refused_before_it_unpacks(write: Write, refused: Refused) -> None:
    parts = book(*PEOPLE)
    parts["xl/worksheets/sheet1.xml"] += " " * (100 << 20)
    begun = time.process_time()
    content = zipped(parts)
    packing = time.process_time() - begun
    begun = time.process_time()
    refused(write(content, "users.xlsx"), "unpacks")
    assert time.process_time() - begun < max(3, packing)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "_rels/.rels"])
def test_a_spreadsheet_with_a_document_type_is_refused(part: str, write: Write, refused: Refused) -> None:
    parts = book(*PEOPLE)
    parts[part] = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>' + parts[part]
    refused(write(zipped(parts), "users.xlsx"))


def test_a_spreadsheet_of_endless_blank_rows_is_refused_or_bounded(write: Write, refused: Refused) -> None:
    parts = book(*PEOPLE)
    last = '<row r="1048576"><c t="inlineStr"><is><t>end</t></is></c></row></sheetData>'
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace("</sheetData>", last)
    refused(write(zipped(parts), "users.xlsx"), "blank rows")


def test_an_unknown_sheet_is_wrong_usage(write: Write, bulkload: CommandLine, store: Path) -> None:
    path = write(zipped(book(*PEOPLE)), "users.xlsx")
    for command in ("validate", "apply"):
        said = bulkload(command, "--store", store, "--sheet", "No\x1b[2J", path)
        assert (said.code, "People" in said.err) == (2, True)
        said_plainly(said)


def entity_bomb() -> bytes:
    nested = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "{"x" * 100}">{nested}]><users>&i;</users>'.encode()


def png() -> bytes:
    size = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + struct.pack(">I", zlib.crc32(b"IHDR" + size))


STRANGE: dict[str, bytes | Callable[[], bytes]] = {
    "XML with entities": entity_bomb,
    "XML with an outside entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "a web page": b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>\n",
    "JSON": b'[{"Username": "ann", "Active": "Yes"}]\n',
    "a PNG": png,
    "a program": lambda: Path(sys.executable).resolve().read_bytes()[:200_000],
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\n",
    "an SQLite database": b"SQLite format 3\0" + b"\x10\0\x01\x01\0\x40\x20\x20" + b"\0" * 4000,
    "a tar archive": b"users.csv" + b"\0" * 91 + b"0000644\0" + b"\0" * 404,
    "bzip2": b"BZh91AY&SY" + bytes(range(128, 256)) * 10,
    "Zstandard": b"\x28\xb5\x2f\xfd" + bytes(range(128, 256)) * 10,
    "quotes alone": b'"' * 1001,
    "escape sequences": b"\x1b]0;own\x07\x1b[2J\x1b[31m\n" * 10,
    "noise": bytes(n * 7919 % 251 for n in range(5000)),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_table_is_refused_in_a_sentence(name: str, write: Write, refused: Refused) -> None:
    made = STRANGE[name]
    sentence = refused(write(made() if callable(made) else made, "users.csv"))
    assert "root:" not in sentence


# ---- names


@pytest.mark.parametrize(
    "name",
    [
        "with some blanks.csv",
        "Zo\u00eb \u540d\u524d \U0001f600.csv",
        "-dash.csv",
        "--help.csv",
        'quote\'s "two".csv',
        "$(reboot) `x` ; & | *.csv",
        "100%s {0} [bold]x[bold].csv",
        "no ending",
        "many.dots.in.it.csv",
        "UPPER.CSV",
        "new\nline.csv",
        "a" * 180 + ".csv",
    ],
)
def test_any_file_name_will_do(
    name: str, write: Write, bulkload: CommandLine, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(HEADER + ANN + "bob,B,B,,Maybe\n", name)
    monkeypatch.chdir(path.parent)
    said = bulkload("apply", "--store", store, "--format", "json", "--", name)
    assert said.code == 1, said
    told = json.loads(said.out)
    assert told["file"] == name or "\n" in name
    assert Path(told["results"]).exists()
    assert Path(told["rejects"]).read_text() == HEADER + "bob,B,B,,Maybe\n"
    for form in ("plain", "rich", "json"):
        listed = bulkload("status", "--store", store, "--format", form)
        assert listed.code == 0
    assert json.loads(listed.out)[0]["file"] == name or "\n" in name
    again = bulkload("apply", "--store", store, "--format", "rich", "--", name)
    assert again.code == 1
    if "\n" not in name and len(name) < 60:
        assert name in again.out


def test_a_name_too_long_for_its_results_is_wrong_usage(write: Write, bulkload: CommandLine, store: Path) -> None:
    path = write(HEADER + ANN, "a" * 250 + ".csv")
    said = bulkload("apply", "--store", store, path)
    assert (said.code, "--results" in said.err, users(store)) == (2, True, ["sam"])
    assert bulkload("apply", "--store", store, "--results", path.parent / "r.csv", path).code in {0, 2}


def test_a_name_that_is_no_text_is_no_fault_of_bulkload(tmp_path: Path, store: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    Path(os.fsdecode(path)).write_text(HEADER + ANN)
    for command in ("validate", "apply", "status"):
        ended = subprocess.run(
            [BULKLOAD, command, "--store", store, *([path] if command != "status" else [])],
            capture_output=True,
            check=False,
        )
        assert ended.returncode == 0, (command, ended.stderr)
        assert b"Traceback" not in ended.stderr


def test_escape_sequences_in_a_file_name_never_reach_the_output(
    write: Write, bulkload: CommandLine, store: Path
) -> None:
    path = write(HEADER + ANN, "\x1b]0;own\x07\u009b2J.csv")
    for command in ("validate", "apply"):
        for form in ("plain", "rich", "json"):
            said_plainly(bulkload(command, "--store", store, "--format", form, path))
    for form in ("plain", "rich", "json"):
        said_plainly(bulkload("status", "--store", store, "--format", form))
    said_plainly(bulkload("apply", "--store", store, path.with_suffix(".gone")))
    path.write_text("no such header")
    said_plainly(bulkload("apply", "--store", store, path))


# ---- cells


def test_cells_that_would_run_as_formulas_are_neutralised_in_results_and_untouched_in_rejects(
    write: Write, applied: Any, store: Path
) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"]
    good = "".join(f"{name},=A,,,Yes\n" for name in names)
    bad = '"=HYPERLINK(""http://x"",""y"")",B,,,Maybe\n\t=1,B,,,Maybe\n-2,B,,,Maybe\n'
    path = write(HEADER + good + bad)
    assert [outcome for _, outcome, _ in applied(path)] == ["created"] * 5 + ["rejected"] * 3
    lines = results(path.parent / "users.results.csv")
    assert [one["Username"] for one in lines[:5]] == [f"'{name}" for name in names]
    for line in lines:
        for cell in line.values():
            assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert (path.parent / "users.rejects.csv").read_text() == HEADER + bad
    assert users(store)[1:] == names


def test_formulas_in_a_change_are_neutralised(write: Write, applied: Any) -> None:
    applied(write(HEADER + ANN))
    path = write(HEADER + "ann,=1+1,A,a@x.org,Yes\n")
    assert applied(path) == [(2, "updated", "")]
    assert results(path.parent / "users.results.csv")[0]["changes"] == "First Name: Ann → =1+1"


def test_a_rejected_row_of_a_spreadsheet_comes_back_as_text_and_no_formula(write: Write, applied: Any) -> None:
    path = write(zipped(book(PEOPLE[0], ["=1+1", "007", "1/2", "", "Maybe"], PEOPLE[1])), "users.xlsx")
    assert [outcome for _, outcome, _ in applied(path)] == ["rejected", "created"]
    rejects = path.parent / "users.rejects.xlsx"
    sheet = openpyxl.load_workbook(rejects).worksheets[0]
    assert [cell.value for cell in sheet[1]] == [*PEOPLE[0], "messages"]
    assert [cell.value for cell in sheet[2]][:3] == ["=1+1", "007", "1/2"]
    assert {cell.data_type for cell in sheet[2] if cell.value} == {"s"}
    mended = path.parent / "mended.xlsx"
    shutil.copyfile(rejects, mended)
    assert applied(mended) == [(2, "rejected", "NOT_IN_LIST")]


SEQUENCE = "\x1b]0;own\x07\x1b[2J\u009b31m\x08\x7f"


@pytest.fixture
def nasty(tmp_path: Path, write: Write) -> Iterator[list[Path]]:
    """Return files with escape sequences wherever a message might repeat them."""
    cells = SEQUENCE
    yield [
        write(EVENTS + f"E{cells},Event {cells},Class,Approved,No,,,None,\nE2,Other,{cells},{cells},{cells},{cells},{cells},{cells},{cells}\n", "events.csv"),
        write(HEADER + f"u{cells},{cells},{cells},{cells},Yes\nd{cells},,,,Yes\nd{cells},,,,Yes\nx,,,,{cells}\n", "users.csv"),
        write(
            ENROLLMENTS
            + f"Event {cells},sam,{cells},{cells},{cells},{cells},{cells},{cells},{cells}\n"
            + f"{cells},{cells},{cells}=1;{cells}=2,{cells},{cells},{cells},{cells},{cells},{cells}\n"
            + f"Safety,sam,no{cells}=x,01/01/2015 08:00 AM{cells},,,,,\n"
            + "Safety,sam,,,,,,,\n",
            "enrollments.csv",
        ),
        write(
            "Enrollment ID," + ENROLLMENTS + f"E{cells},Safety,sam,,,,,,,\n{cells},,sam,,,,,,,\n", "by-id.csv"
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["plain", "rich", "json"])
def test_escape_sequences_in_cells_never_reach_the_output(
    form: str, nasty: list[Path], bulkload: CommandLine, store: Path
) -> None:
    for path in nasty:
        for command in ("validate", "apply"):
            said = bulkload(command, "--store", store, "--format", form, path)
            assert said.code in {0, 1}, said
            assert CONTROLS.search(said.out + said.err) is None, (path.name, command, said.out)
    for (job,) in query(store, "SELECT id FROM job"):
        said = bulkload("status", "--store", store, "--format", form, job)
        assert CONTROLS.search(said.out + said.err) is None, said.out


def on_a_terminal(*arguments: object) -> str:
    """Run the command line on a terminal and return all that it wrote there."""
    ours, theirs = pty.openpty()
    command = [BULKLOAD, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}
    ) as running:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:
            pass
        running.wait(20)
    os.close(ours)
    return said.decode()


def test_escape_sequences_in_cells_never_reach_a_terminal(nasty: list[Path], store: Path) -> None:
    said = on_a_terminal("apply", "--keep-going", "--store", store, *nasty)
    assert "users.csv" in said
    for part in ("\x1b]0;own", "\x1b[2J", "\u009b", "\x08", "\x7f"):
        assert part not in said, part


def test_a_message_repeats_a_long_cell_in_part_only(write: Write, applied: Any) -> None:
    path = write(HEADER + f"ann,A,A,,{'y' * 1_000_000}\n{'u' * 1_000_000},A,A,,Yes\n")
    assert [outcome for _, outcome, _ in applied(path)] == ["rejected", "rejected"]
    assert all(len(one["messages"]) < 1000 for one in results(path.parent / "users.results.csv"))


def test_many_pairs_in_one_cell_take_bounded_time_and_a_bounded_message(
    write: Write, bulkload: CommandLine, store: Path
) -> None:
    pairs = ";".join(f"field {n}=x" for n in range(200_000))
    path = write(ENROLLMENTS + f"Safety,sam,{pairs},,,,,,\n")
    begun = time.process_time()
    said = bulkload("apply", "--store", store, path)
    assert time.process_time() - begun < 10
    assert said.code == 1
    assert len(said.out) < 20_000
    messages = results(path.parent / "users.results.csv")[0]["messages"]
    assert len(messages) < 20_000


@pytest.mark.parametrize(
    "cell", ["\u202egnp.exe", "\ud7ff\ue000", "e\u0301" * 100, "\U0001f468\u200d\U0001f469", "\u0130I\u0131i\u00df"]
)
def test_any_character_is_kept_as_it_is(cell: str, write: Write, applied: Any, store: Path) -> None:
    assert applied(write(HEADER + f"ann,{cell},A,,Yes\n")) == [(2, "created", "")]
    [(stored,)] = query(store, "SELECT first_name FROM \"user\" WHERE folded = 'ann'")
    assert stored in {cell, cell.replace("e\u0301", "\u00e9")}
