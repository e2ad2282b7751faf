"""The commands: what they print and write, where, and with which exit code they end (loading.md §1, §4 to §7)."""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import click
import openpyxl
import pytest
from loading import query, results, rows_of

from bulkload.cli import commands, main

EVENTS = (
    "Enrollment ID,Enrollment,Type,Default Pre-Status,Use Event Time Zone,Time Zone,Max Seats,Waitlist,Max Waitlist\n"
)
SAFETY = "S1,Safety,ILT Session,Approved,Yes,Eastern Standard Time,,Unlimited,\n"
USERS = "Username,First Name,Last Name,Email,Active\n"
FOUR = "ann,,,,Yes\nBob,,,,Yes\njosé,,,,Yes\neve,,,,Yes\n"
HEADER = (
    "Enrollment,Username,Roster,Users Date Enrolled,User Date Enrolled Time Zone,Users Enrollment Pre-Status,"
    "Users Enrollment Post-Status,Priority (Waitlist),Enrollment Completed Date / Last Status Change\n"
)
GOOD = HEADER + "Safety,ann\nSafety,Bob\n"
MIXED = HEADER + "Safety,ann\nSafety,nobody\nSafety,Bob,,,,Aproved\nSafety,josé\n"


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def bulkload(*words: str | Path) -> Answer:
    """Run the command line inside this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: Any = None
    with (
        mock.patch.object(sys, "argv", ["bulkload", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    out.seek(0)
    err.seek(0)
    return Answer(code or 0, out.read(), err.read())


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    write(folder / "events.csv", EVENTS + SAFETY)
    write(folder / "users.csv", USERS + FOUR)
    assert bulkload("apply", "--store", folder / "store.db", folder).code == 0
    return folder / "store.db"


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    """Nothing of this machine is seen: neither its configuration nor its data."""
    monkeypatch.chdir(tmp_path)
    for name in ("BULKLOAD_STORE", "BULKLOAD_CONFIG", "BULKLOAD_DEBUG", "_BULKLOAD_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def store(base, tmp_path, monkeypatch):
    """A store with one enrollment and four users, which every command uses."""
    path = tmp_path / "store" / "store.db"
    path.parent.mkdir()
    shutil.copy(base, path)
    monkeypatch.setenv("BULKLOAD_STORE", str(path))
    return path


def write(path: Path | str, text: str | bytes) -> Path:
    Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Path(path)


def users(store: Path) -> dict[str, str]:
    """The stored pre-status of each user who is enrolled."""
    return dict(query(store, "SELECT username, pre_status FROM enrollment_in_words JOIN user ON number = user"))


def dump(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for the digests by which rows are known the next time."""
    names = [one for (one,) in query(store, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {one: rows_of(store, one) for one in names}


def files(folder: Path | None = None) -> set[str]:
    return {str(one.relative_to(folder or Path())) for one in (folder or Path()).rglob("*") if one.is_file()}


def outcomes(path: str) -> list[tuple[str, str]]:
    return [(one["outcome"], one["codes"]) for one in results(Path(path))]


# --------------------------------------------------------------------------------------------- exit codes


def test_0_every_row_was_accepted(store):
    write("e.csv", GOOD)
    assert [bulkload("validate", "e.csv").code, bulkload("apply", "e.csv").code] == [0, 0]
    assert users(store) == {"ann": "Approved", "Bob": "Approved"}


def test_1_some_rows_were_rejected_and_the_good_ones_are_applied(store):
    write("e.csv", MIXED)
    assert [bulkload("validate", "e.csv").code, bulkload("apply", "e.csv").code] == [1, 1]
    assert users(store) == {"ann": "Approved", "josé": "Approved"}


def test_0_skipped_and_unchanged_rows_count_as_accepted(store):
    write("e.csv", GOOD)
    assert [bulkload("apply", "--only", "update", "e.csv").code, bulkload("apply", "e.csv").code] == [0, 0]
    assert bulkload("apply", "e.csv").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("aply", "e.csv"),
        ("apply",),
        ("apply", "--nonsense", "e.csv"),
        ("apply", "missing.csv"),
        ("apply", "empty"),
        ("apply", "--now", "yesterday", "e.csv"),
        ("apply", "--only", "delete", "e.csv"),
        ("apply", "--ambiguous", "both", "e.csv"),
        ("apply", "--wait", "-1", "e.csv"),
        ("apply", "--template", "enrolment", "e.csv"),
        ("apply", "--delimiter", "x", "e.csv"),
        ("apply", "--encoding", "utf-99", "e.csv"),
        ("apply", "--store", "mysql://host/store", "e.csv"),
        ("apply", "--results", "out.csv", "e.csv", "e2.csv"),
        ("apply", "--results", "nowhere/out.csv", "e.csv"),
        ("status", "zzzz"),
        ("status", "--save", "x.csv"),
        ("export", "enrolment"),
        ("export", "user", "-o", "x.doc"),
        ("explain", "DATE_INTERVALL"),
        ("template", "show", "enrolment"),
        ("template", "new", "enrollment", "-o", "x.doc"),
        ("template", "new", "enrollment", "-o", "e.csv"),
    ],
    ids=" ".join,
)
def test_2_wrong_usage_is_a_sentence_and_changes_nothing(store, words):
    write("e.csv", GOOD)
    write("e2.csv", GOOD)
    Path("empty").mkdir()
    before = dump(store)
    answer = bulkload(*words)
    assert (answer.code, "Traceback" in answer.err, answer.err.strip() != "") == (2, False, True)
    after = dump(store)
    assert {name: rows for name, rows in after.items() if name != "job"} == {
        name: rows for name, rows in before.items() if name != "job"
    }


@pytest.mark.parametrize(
    "text", ["store = 5\n", "stor = 'x.db'\n", "store = \n", "[store\n"], ids=["type", "unknown", "value", "syntax"]
)
def test_2_a_configuration_that_cannot_be_used(text):
    write("bulkload.toml", text)
    write("e.csv", GOOD)
    answer = bulkload("apply", "e.csv")
    assert (answer.code, "bulkload.toml" in answer.err) == (2, True)


def test_2_a_display_time_zone_that_does_not_exist():
    write("bulkload.toml", "display_time_zone = 'Mars/Olympus'\n")
    write("e.csv", GOOD)
    answer = bulkload("validate", "e.csv")
    assert (answer.code, "Mars/Olympus" in answer.err) == (2, True)


REFUSED = {
    "HEADER_MISSING": HEADER.replace("Roster,", "") + "Safety,ann\n",
    "HEADER_UNKNOWN": HEADER.replace("Roster", "Rooster") + "Safety,ann\n",
    "HEADER_DOUBLED": HEADER.replace("\n", ",Roster\n") + "Safety,ann\n",
    "HEADER_EMPTY": HEADER.replace("\n", ",\n") + "Safety,ann\n",
    "FORMAT_UNKNOWN": "some,other,file\n1,2,3\n",
    "ENCODING": HEADER.encode() + "Safety,josé\n".encode("cp1252"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_3_a_file_that_is_refused_is_not_processed_at_all(store, code):
    write("e.csv", REFUSED[code])
    before = {name: rows for name, rows in dump(store).items() if name != "job"}
    for verb in ("validate", "apply"):
        answer = bulkload(verb, "e.csv")
        assert (answer.code, f"[{code}]" in answer.err, "e.csv" in answer.err) == (3, True, True)
    assert {name: rows for name, rows in dump(store).items() if name != "job"} == before
    assert files() == {"e.csv", "store/store.db", *(one for one in files() if one.startswith("store/"))}


def test_3_a_heading_that_is_refused_is_named_with_the_nearest_known_one(store):
    write("e.csv", REFUSED["HEADER_UNKNOWN"])
    assert "'Rooster'" in (said := bulkload("apply", "e.csv").err)
    assert "Did you mean 'Roster'?" in said


def test_3_bytes_that_are_no_text_are_named_by_row_and_offset_with_a_remedy(store):
    write("e.csv", REFUSED["ENCODING"])
    said = bulkload("apply", "e.csv").err
    place = len(HEADER) + len("Safety,jos")
    assert [word in said for word in ("row 2", f"offset {place} ", "--encoding cp1252")] == [True] * 3
    assert (bulkload("apply", "--encoding", "cp1252", "e.csv").code, users(store)) == (0, {"josé": "Approved"})


def test_3_all_or_nothing_applies_nothing_where_a_row_is_rejected(store):
    write("e.csv", MIXED)
    answer = bulkload("apply", "--all-or-nothing", "--format", "json", "e.csv")
    assert (answer.code, answer.json["state"], answer.json["outcomes"]) == (3, "refused", {"skipped": 2, "rejected": 2})
    assert outcomes("e.results.csv") == [
        ("skipped", ""),
        ("rejected", "USER_NOT_FOUND"),
        ("rejected", "PRE_STATUS_UNKNOWN"),
        ("skipped", ""),
    ]
    assert (users(store), query(store, "SELECT state FROM job ORDER BY number DESC LIMIT 1")) == ({}, [("refused",)])
    assert Path("e.rejects.csv").read_text("utf-8").count("\n") == 3
    assert (
        Path("e.results.csv")
        .read_bytes()
        .startswith(b"\xef\xbb\xbfrow,Enrollment,Username,outcome,changes,codes,messages\n")
    )


def test_all_or_nothing_applies_all_where_no_row_is_rejected(store):
    write("e.csv", GOOD)
    assert (bulkload("apply", "--all-or-nothing", "e.csv").code, set(users(store))) == (0, {"ann", "Bob"})


def test_3_a_device_or_directory_inside_a_list_of_files_is_refused(store):
    assert bulkload("apply", "/dev/null").code == 3


@contextlib.contextmanager
def held(store: Path) -> Iterator[None]:
    """Another process holds the store's lock."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, f"{store}.lock"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            other.stdin.close()


def test_5_a_store_that_another_run_holds_past_wait_ends_the_run_with_nothing_done(store):
    write("e.csv", GOOD)
    with held(store):
        answer = bulkload("apply", "--wait", "0.2", "e.csv")
    assert (answer.code, users(store), "Waiting" in answer.err) == (5, {}, True)
    assert "e.results.csv" not in files()
    assert bulkload("apply", "e.csv").code == 0


def damaged(store: Path) -> None:
    store.write_bytes(b"no store at all " * 100)


def newer(store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store)) as other:
        other.execute("PRAGMA user_version = 99")


def foreign(store: Path) -> None:
    store.unlink()
    with contextlib.closing(sqlite3.connect(store)) as other:
        other.execute("CREATE TABLE something (x)")


def directory(store: Path) -> None:
    store.unlink()
    store.mkdir()


@pytest.mark.parametrize("spoil", [damaged, newer, foreign, directory])
def test_6_a_store_that_cannot_be_used(store, spoil):
    write("e.csv", GOOD)
    spoil(store)
    before = store.read_bytes() if store.is_file() else None
    for words in (("apply", "e.csv"), ("validate", "e.csv"), ("status",), ("export", "user")):
        answer = bulkload(*words)
        assert (answer.code, str(store) in answer.err) == (6, True), words
    assert (store.read_bytes() if store.is_file() else None) == before
    assert "e.results.csv" not in files()


def test_6_a_store_where_there_is_none(tmp_path):
    answers = [bulkload("status"), bulkload("export", "user")]
    assert [one.code for one in answers] == [6, 6]
    write("file", "")
    write("e.csv", GOOD)
    assert bulkload("apply", "--store", "file/store.db", "e.csv").code == 6


def test_with_several_files_the_highest_code_counts(store):
    write("a.csv", GOOD)
    write("b.csv", MIXED)
    write("c.csv", REFUSED["HEADER_MISSING"])
    assert bulkload("apply", "a.csv", "b.csv").code == 1
    assert bulkload("apply", "a.csv", "b.csv", "c.csv").code == 3


def test_a_file_with_a_header_alone_is_accepted(store):
    write("e.csv", HEADER)
    answer = bulkload("apply", "--format", "json", "e.csv")
    assert (answer.code, answer.json["rows"], answer.json["outcomes"]) == (0, 0, {})


# --------------------------------------------------------------------------------------------- results


def test_results_are_csv_in_utf_8_with_a_bom_and_a_line_for_each_row(store):
    write("e.csv", MIXED)
    bulkload("apply", "e.csv")
    raw = Path("e.results.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfrow,Enrollment,Username,outcome,changes,codes,messages\n")
    lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))[1:]
    assert [line[:6] for line in lines] == [
        ["2", "Safety", "ann", "created", "", ""],
        ["3", "Safety", "nobody", "rejected", "", "USER_NOT_FOUND"],
        ["4", "Safety", "Bob", "rejected", "", "PRE_STATUS_UNKNOWN"],
        ["5", "Safety", "josé", "created", "", ""],
    ]
    assert Path("e.results.csv").stat().st_mode & 0o777 == 0o600


def test_changes_codes_and_messages_are_joined_as_the_specification_says(store):
    write("e.csv", HEADER + "Safety,ann,,,,Approved,,5\n")
    bulkload("apply", "e.csv")
    write("e.csv", HEADER + "Safety, ann ,,,,Denied,,abc\n")
    bulkload("apply", "e.csv")
    (line,) = results(Path("e.results.csv"))
    assert line["changes"] == "Users Enrollment Pre-Status: Approved → Denied; Priority (Waitlist): 5 → None"
    assert line["codes"] == "VALUE_TRIMMED PRIORITY_OTHER_TO_NONE"
    assert line["messages"] == (
        "row 2, Username: ' ann ' was read without the blanks around it | "
        "row 2, Priority (Waitlist): 'abc' is not a whole number from 0 to 99 and was read as None"
    )


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(store, sign):
    write("e.csv", HEADER + f"Safety,{sign}1\n{sign}1,x'\n'=,x\n")
    bulkload("apply", "e.csv")
    keys = [(one["Enrollment"], one["Username"]) for one in results(Path("e.results.csv"))]
    assert keys == [("Safety", f"'{sign}1"), (f"'{sign}1", "x'"), ("'=", "x")]


def test_no_cell_of_the_results_can_be_run_by_a_spreadsheet_whatever_was_changed(store):
    write("users.csv", USERS + '"=ann",=1,@2,,Yes\n')
    bulkload("apply", "users.csv")
    write("users.csv", USERS + '"=ANN",-1,+2,,Yes\n')
    bulkload("apply", "users.csv")
    (line,) = results(Path("users.results.csv"))
    assert (line["Username"], [one for one in line.values() if one[:1] in {"=", "+", "-", "@", "\t", "\r"}]) == (
        "'=ANN",
        [],
    )


def test_rows_are_numbered_as_a_spreadsheet_numbers_them_and_lines_named_where_they_differ(store):
    write("e.csv", HEADER + 'Safety,"no\nbody"\nSafety,nobody\n')
    bulkload("apply", "e.csv")
    found = [(one["row"], one["messages"].split(",")[0]) for one in results(Path("e.results.csv"))]
    assert found == [("2", "row 2"), ("3", "row 3 (line 4)")]


@pytest.mark.parametrize(
    ("name", "stem", "rejects"),
    [
        ("enrollments.csv", "enrollments", "enrollments.rejects.csv"),
        ("new.users.txt", "new.users", "new.users.rejects.txt"),
        ("enrollments", "enrollments", "enrollments.rejects"),
        ("enrollments.csv.gz", "enrollments", "enrollments.rejects.csv"),
    ],
)
def test_results_and_rejects_stand_beside_the_input_under_its_name(store, tmp_path, name, stem, rejects):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / name, gzip.compress(MIXED.encode()) if name.endswith(".gz") else MIXED)
    bulkload("apply", tmp_path / "in" / name)
    assert files(tmp_path / "in") == {name, f"{stem}.results.csv", rejects}


def test_results_go_to_the_file_or_folder_that_is_named_and_rejects_beside_them(store):
    Path("there").mkdir()
    write("e.csv", MIXED)
    bulkload("apply", "--results", "there/what.csv", "e.csv")
    assert files(Path("there")) == {"what.csv", "e.rejects.csv"}
    shutil.rmtree("there")
    Path("there").mkdir()
    answer = bulkload("apply", "--results", "there", "--format", "json", "e.csv")
    assert files(Path("there")) == {"e.results.csv", "e.rejects.csv"}
    assert [Path(answer.json[one]).name for one in ("results", "rejects")] == ["e.results.csv", "e.rejects.csv"]
    assert [one for one in files() if one.startswith("e.")] == ["e.csv"]


def test_files_of_one_stem_keep_results_of_their_own(store):
    write("users.csv", USERS + "fay,,,,Yes\n")
    write("users.txt", USERS.replace(",", "\t") + "gus\t\t\t\tYes\n")
    answer = bulkload("apply", "--format", "json", "users.csv", "users.txt")
    places = [one["results"] for one in (answer.json if isinstance(answer.json, list) else answer.json["files"])]
    assert len(set(places)) == 2


def test_a_part_that_a_killed_run_left_does_not_stop_the_next(store):
    write("e.csv", GOOD)
    write(".out.csv.validate.part", "left")
    assert bulkload("validate", "--results", "out.csv", "e.csv").code == 0
    write(".users.csv.export.part", "left")
    assert bulkload("export", "user", "-o", "users.csv").code == 0


# --------------------------------------------------------------------------------------------- rejects

CELLS = [
    ('"Safety"', "nobody", '"two\n""lines"""', "ü"),
    ("Safety", "ann", "", ""),
    ("'Safety'", '"nobody 2"', '""', "€"),
]


@pytest.mark.parametrize("delimiter", [",", "\t", "|", ";"])
@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("cp1252", b""),
    ],
    ids=["utf-8", "utf-8 with BOM", "utf-16-le", "utf-16-be", "cp1252"],
)
def test_rejects_are_the_rejected_rows_byte_for_byte_under_the_same_header(base, encoding, bom, delimiter):
    newline = "\r\n" if delimiter in {",", ";"} else "\n"
    lines = [delimiter.join([a, b, "", "", "", c, d]) + newline for a, b, c, d in CELLS]
    header = HEADER.replace(",", delimiter).replace("\n", newline)
    raw = bom + "".join([header, *lines]).encode(encoding)
    asked = ["--encoding", encoding] if encoding == "cp1252" else []
    write("e.txt", raw)
    shutil.copy(base, "store.db")
    assert bulkload("apply", "--store", "store.db", *asked, "e.txt").code == 1
    assert Path("e.rejects.txt").read_bytes() == bom + (header + lines[0] + lines[2]).encode(encoding)
    assert bulkload("apply", "--store", "store.db", *asked, "e.rejects.txt").code == 1
    assert [one["outcome"] for one in results(Path("e.rejects.results.csv"))] == ["rejected", "rejected"]


def test_rejects_include_rows_that_cannot_be_laid_under_the_header(store):
    header = HEADER.replace("\n", "\r\n")
    write("e.csv", header + "Safety,ann,1,2,3,4,5,6,7,8,9\r\n\r\nSafety,Bob\r\nSafety,nobody")
    bulkload("apply", "e.csv")
    rejects = header + "Safety,ann,1,2,3,4,5,6,7,8,9\r\n\r\nSafety,nobody\r\n"
    assert Path("e.rejects.csv").read_bytes() == rejects.encode()


def test_no_rejects_are_written_where_nothing_was_rejected_and_an_older_file_goes(store):
    write("e.csv", MIXED)
    bulkload("apply", "e.csv")
    assert Path("e.rejects.csv").exists()
    write("e.csv", GOOD)
    answer = bulkload("apply", "--format", "json", "e.csv")
    assert (Path("e.rejects.csv").exists(), answer.json["rejects"]) == (False, None)


def spreadsheet(name: str, *rows: tuple[Any, ...]) -> None:
    book = openpyxl.Workbook()
    for one in ([*HEADER.strip().split(",")], *rows):
        book.active.append(list(one))
    for cells in book.active.iter_rows():
        for cell in cells:
            if isinstance(cell.value, datetime):
                cell.number_format = "mm/dd/yyyy hh:mm AM/PM"
    book.save(name)


def test_rejects_of_a_spreadsheet_are_a_spreadsheet_with_the_messages_which_loads_again(store):
    when = datetime(2015, 9, 17, 12, 0)
    spreadsheet(
        "e.xlsx",
        ("Safety", "ann"),
        ("Safety", "nobody", None, when),
        ("Safety", "Bob", "007", when, None, "Aproved", None, 7),
    )
    assert bulkload("apply", "e.xlsx").code == 1
    assert [one["outcome"] for one in results(Path("e.results.csv"))] == ["created", "rejected", "rejected"]
    book = openpyxl.load_workbook("e.rejects.xlsx")
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[0] == (*HEADER.strip().split(","), "messages")
    assert [one[:2] for one in rows[1:]] == [("Safety", "nobody"), ("Safety", "Bob")]
    assert rows[1][9] == "row 3, Username: 'nobody' is no user of this store"
    book.active["B2"], book.active["F3"], book.active["C3"] = "josé", "Approved", None
    book.save("e.rejects.xlsx")
    assert bulkload("apply", "e.rejects.xlsx").code == 0
    assert [one["outcome"] for one in results(Path("e.rejects.results.csv"))] == ["created", "created"]
    enrolled = (
        "SELECT username, enrolled_at, priority FROM enrollment JOIN user ON number = user WHERE username <> 'ann'"
    )
    noon = int(datetime(2015, 9, 17, 16, tzinfo=UTC).timestamp())
    assert sorted(query(store, enrolled)) == [("Bob", noon, 7), ("josé", noon, 99)]
    assert "e.rejects.rejects.xlsx" not in files()


# --------------------------------------------------------------------------------------------- validate


def test_validate_without_a_store_makes_none_and_no_file_and_says_what_was_not_checked():
    write("e.csv", MIXED)
    before = files()
    answer = bulkload("validate", "--format", "json", "e.csv")
    assert (answer.code, answer.json["outcomes"], files()) == (1, {"accepted": 3, "rejected": 1}, before)
    needed = {
        "ENROLLMENT_NOT_FOUND", "ENROLLMENT_AMBIGUOUS", "USER_NOT_FOUND", "USER_INACTIVE", "ROSTER_FIELD_NOT_FOUND",
        "ROSTER_FIELD_NOT_UNIQUE", "TIMEZONE_REQUIRED", "PRE_STATUS_NOT_FOR_TYPE", "POST_STATUS_NOT_ALLOWED",
        "POST_STATUS_NEEDS_COMPLETION", "WAITLISTED", "OVERFLOW_DELETED",
    }  # fmt: skip
    assert needed - set(answer.json["not_checked"]) == set()
    assert "DATE_FORMAT" not in answer.json["not_checked"]
    said = bulkload("validate", "e.csv").out
    assert "USER_NOT_FOUND" in said.partition("Not checked")[2]


def test_validate_against_a_store_changes_neither_it_nor_any_file(store):
    write("e.csv", MIXED)
    before, there = dump(store), files()
    assert bulkload("validate", "e.csv").code == 1
    assert (dump(store), files()) == (before, there)


def test_validate_says_what_apply_does(store):
    write("e.csv", HEADER + "Safety,ann,,,,Denied\nSafety,Bob\n")
    bulkload("apply", "e.csv")
    write("e.csv", HEADER + "Safety,ann,,,,Approved\nSafety,Bob\nSafety,nobody\nSafety,josé,,,UTC\n")
    dry = bulkload("validate", "--results", "dry.csv", "--format", "json", "--now", "2026-01-01T00:00:00Z", "e.csv")
    wet = bulkload("apply", "--format", "json", "--now", "2026-01-01T00:00:00Z", "e.csv")
    assert Path("dry.csv").read_bytes() == Path("e.results.csv").read_bytes()
    same = ("rows", "outcomes", "findings", "exit_code", "template")
    assert {one: dry.json[one] for one in same} == {one: wet.json[one] for one in same}


def test_dry_run_is_validate(store):
    write("e.csv", MIXED)
    before, there = dump(store), files()
    answer = bulkload("apply", "--dry-run", "--format", "json", "e.csv")
    assert (answer.code, answer.json["command"], dump(store), files()) == (1, "validate", before, there)


def reports(answer: Answer) -> list[dict[str, Any]]:
    """The files of an answer in JSON."""
    return answer.json["files"] if isinstance(answer.json, dict) else answer.json


def test_validate_checks_each_of_several_files_on_top_of_those_before_and_nothing_stays(store):
    write("e.csv", HEADER + "Safety 2,fay\nSafety,ann\n")
    write("u.csv", USERS + "fay,,,,Yes\n")
    write("v.csv", EVENTS + SAFETY.replace("S1,Safety", "S2,Safety 2"))
    before, there = dump(store), files()
    answer = bulkload("validate", "--format", "json", "e.csv", "u.csv", "v.csv")
    assert (answer.code, [one["file"] for one in reports(answer)]) == (0, ["v.csv", "u.csv", "e.csv"])
    assert reports(answer)[2]["outcomes"] == {"created": 2}
    assert {one["store"] for one in reports(answer)} == {str(store)}
    assert (dump(store), files()) == (before, there)


def test_validate_checks_several_files_on_top_of_one_another_without_a_store_too():
    write("e.csv", GOOD)
    write("u.csv", USERS + FOUR)
    write("v.csv", EVENTS + SAFETY)
    there = files()
    answer = bulkload("validate", "--format", "json", "e.csv", "u.csv", "v.csv")
    assert (answer.code, {one["store"] for one in reports(answer)}, files()) == (0, {None}, there)


# --------------------------------------------------------------------------------------------- several files


def test_a_directory_is_taken_in_reference_order(store):
    Path("in").mkdir()
    write("in/a.csv", HEADER + "Algebra,fay,Room=1\n")
    write("in/b.csv", "Enrollment ID,Username,Completed On\nA1,fay,09/17/2015 12:00 AM\n")
    write("in/c.csv", "Field ID,Field Name\nRC1,Room\n")
    write("in/d.csv", USERS + "fay,,,,Yes\n")
    write("in/e.csv", EVENTS + "A1,Algebra,Course,Approved,Yes,UTC,,Unlimited,\n")
    answer = bulkload("apply", "--format", "json", "in")
    order = [one["template"] for one in reports(answer)]
    assert (answer.code, order[-1], order.index("event") < order.index("completion") > order.index("user")) == (
        0,
        "enrollment",
        True,
    )
    assert query(store, "SELECT post_status FROM enrollment_in_words") == [("Completed",)]


def test_files_of_one_template_are_taken_as_given(store):
    write("z.csv", HEADER + "Safety,ann,,,,Denied\n")
    write("a.csv", HEADER + "Safety,ann,,,,User Dropped\n")
    bulkload("apply", "z.csv", "a.csv")
    assert users(store) == {"ann": "User Dropped"}


def test_files_that_bulkload_wrote_are_left_out_of_a_directory_unless_they_are_named(store):
    Path("in").mkdir()
    for name in ("e.csv", "plain"):
        write(f"in/{name}", MIXED)
    assert bulkload("apply", "in").code == 1
    assert [one["file"] for one in reports(bulkload("apply", "--format", "json", "in"))] == ["e.csv", "plain"]
    assert bulkload("apply", "--format", "json", "in/e.rejects.csv").json["file"] == "e.rejects.csv"


def test_results_under_another_name_are_left_out_of_a_directory_as_well(store):
    Path("in").mkdir()
    write("in/e.csv", GOOD)
    bulkload("apply", "--results", "in/what.csv", "in/e.csv")
    answer = bulkload("validate", "--format", "json", "in")
    assert (answer.code, answer.json.get("file")) == (0, "e.csv")


def test_what_depends_on_a_reference_file_with_rejects_is_not_run_unless_asked_for(store):
    Path("in").mkdir()
    write("in/users.csv", USERS + "fay,,,,Yes\ngus,,,,Maybe\n")
    write("in/enrollments.csv", HEADER + "Safety,fay\n")
    write("in/fields.csv", "Field ID,Field Name\nRC1,Room\n")
    answer = bulkload("apply", "--format", "json", "in")
    states = {one["file"]: one["state"] for one in reports(answer)}
    assert (answer.code, states, users(store)) == (
        3,
        {"users.csv": "done", "fields.csv": "done", "enrollments.csv": "not run"},
        {},
    )
    said = bulkload("apply", "in").err
    assert "enrollments.csv was not run" in said
    assert "--keep-going" in said
    assert (bulkload("apply", "--keep-going", "in").code, users(store)) == (1, {"fay": "Approved"})


def test_what_depends_on_a_refused_reference_file_is_not_run_either(store):
    write("users.csv", USERS.replace("Active", "Aktiv") + "fay,,,,Yes\n")
    write("enrollments.csv", HEADER + "Safety,ann\n")
    words = ("--format", "json", "enrollments.csv", "users.csv")
    for verb in ("validate", "apply"):
        answer = bulkload(verb, *words)
        states = {one["file"]: one["state"] for one in reports(answer)}
        assert (answer.code, states) == (3, {"users.csv": "refused", "enrollments.csv": "not run"})
    assert users(store) == {}


# --------------------------------------------------------------------------------------------- options


def test_only_create_and_only_update_skip_the_rows_of_the_other_kind(store):
    write("e.csv", HEADER + "Safety,ann\n")
    bulkload("apply", "e.csv")
    write("e.csv", HEADER + "Safety,ann,,,,Denied\nSafety,Bob\nSafety,nobody\n")
    answer = bulkload("apply", "--only", "create", "--format", "json", "e.csv")
    assert (answer.code, answer.json["outcomes"]) == (1, {"skipped": 1, "created": 1, "rejected": 1})
    assert users(store) == {"ann": "Approved", "Bob": "Approved"}
    write("e.csv", HEADER + "Safety,ann,,,,Denied\nSafety,josé\n")
    answer = bulkload("apply", "--only", "update", "--format", "json", "e.csv")
    assert (answer.code, answer.json["outcomes"]) == (0, {"updated": 1, "skipped": 1})
    assert users(store) == {"ann": "Denied", "Bob": "Approved"}


def test_only_holds_for_reference_files_as_well(store):
    write("u.csv", USERS + "ann,Ann,,,Yes\nfay,,,,Yes\n")
    bulkload("apply", "--only", "update", "u.csv")
    assert [one["outcome"] for one in results(Path("u.results.csv"))] == ["updated", "skipped"]
    assert query(store, "SELECT count(*) FROM user WHERE username = 'fay'") == [(0,)]


@pytest.mark.parametrize(("choice", "hour"), [("earlier", 5), ("later", 6), (None, 6)])
def test_ambiguous_chooses_what_a_doubled_time_means(store, choice, hour):
    write("e.csv", HEADER + "Safety,ann,,11/01/2015 01:30 AM\n")
    bulkload("apply", *(["--ambiguous", choice] if choice else []), "e.csv")
    at = int(datetime(2015, 11, 1, hour, 30, tzinfo=UTC).timestamp())
    assert query(store, "SELECT enrolled_at FROM enrollment") == [(at,)]


def test_ambiguous_error_refuses_a_doubled_time(store):
    write("e.csv", HEADER + "Safety,ann,,11/01/2015 01:30 AM\n")
    assert bulkload("apply", "--ambiguous", "error", "e.csv").code == 1
    assert outcomes("e.results.csv") == [("rejected", "DATE_AMBIGUOUS")]


@pytest.mark.parametrize(
    "now", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-01T22:04:05-05:00"], ids=["Z", "none", "offset"]
)
def test_now_fixes_the_clock(store, now):
    write("e.csv", GOOD)
    bulkload("apply", "--now", now, "e.csv")
    at = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp())
    assert query(store, "SELECT DISTINCT enrolled_at FROM enrollment") == [(at,)]


def test_quiet_prints_nothing_but_errors(store):
    write("e.csv", MIXED)
    answer = bulkload("apply", "--quiet", "e.csv")
    assert (answer.code, answer.out, answer.err) == (1, "", "")
    write("e.csv", REFUSED["HEADER_MISSING"])
    answer = bulkload("apply", "--quiet", "e.csv")
    assert (answer.code, answer.out, "HEADER_MISSING" in answer.err) == (3, "", True)


def test_json_is_one_object_with_all_that_the_summary_says(store):
    write("e.csv", MIXED)
    answer = bulkload("apply", "--format", "json", "e.csv")
    said = answer.json
    assert {one: said[one] for one in ("file", "command", "template", "state", "rows", "outcomes", "exit_code")} == {
        "file": "e.csv",
        "command": "apply",
        "template": "enrollment",
        "state": "done",
        "rows": 4,
        "outcomes": {"created": 2, "rejected": 2},
        "exit_code": 1,
    }
    assert [(one["code"], one["severity"], one["rows"]) for one in said["findings"]] == [
        ("PRE_STATUS_UNKNOWN", "error", 1),
        ("USER_NOT_FOUND", "error", 1),
    ]
    assert said["store"] == str(store)
    assert query(store, "SELECT id FROM job ORDER BY number DESC LIMIT 1") == [(said["job"],)]


def test_json_is_one_object_for_several_files_too(store):
    write("a.csv", GOOD)
    write("b.csv", GOOD)
    answer = bulkload("apply", "--format", "json", "a.csv", "b.csv")
    assert isinstance(answer.json, dict)


def test_json_says_why_a_file_was_refused(store):
    write("e.csv", REFUSED["HEADER_MISSING"])
    said = bulkload("apply", "--format", "json", "e.csv").json
    assert (said["state"], said["refused_code"], "Roster" in said["refused"]) == ("refused", "HEADER_MISSING", True)


def test_plain_output_has_counts_findings_with_their_first_three_rows_and_where_things_are(store):
    write("e.csv", HEADER + "Safety,ann\n" + "".join(f"Safety,nobody{n}\n" for n in range(5)))
    said = bulkload("apply", "--format", "plain", "e.csv").out
    assert [f"row {n}, Username" in said for n in range(3, 8)] == [True, True, True, False, False]
    for word in ("created", "rejected", "USER_NOT_FOUND", "e.results.csv", "e.rejects.csv", str(store)):
        assert word in said
    assert "\x1b" not in said


def test_rich_output_says_the_same(store):
    write("e.csv", MIXED)
    said = bulkload("apply", "--format", "rich", "e.csv").out
    assert [word in said for word in ("created", "rejected", "USER_NOT_FOUND", "PRE_STATUS_UNKNOWN")] == [True] * 4


def test_a_fault_that_most_rows_share_is_said_once_with_its_likely_cause(store):
    write("e.csv", HEADER + "Safety,ann\n" + "".join(f"Safety,nobody{n}\n" for n in range(1200)))
    said = bulkload("validate", "e.csv").out
    assert said.count("1,200 of 1,201 rows: USER_NOT_FOUND.") == 1
    assert "Are the users loaded? Is this the right store?" in said


def test_template_sheet_and_delimiter_are_taken_from_the_command(store):
    write("e.csv", HEADER.replace(",", ";") + "Safety;ann\n")
    assert bulkload("validate", "--template", "enrollment", "--delimiter", ";", "e.csv").code == 0
    assert bulkload("validate", "--template", "user", "e.csv").code == 3
    write("e.csv", HEADER.replace(",", "\t") + "Safety\tann\n")
    assert bulkload("validate", "--delimiter", "tab", "e.csv").code == 0
    spreadsheet("e.xlsx", ("Safety", "ann"))
    assert bulkload("validate", "--sheet", "Sheet", "e.xlsx").code == 0
    assert bulkload("validate", "--sheet", "Other", "e.xlsx").code == 2


# --------------------------------------------------------------------------------------------- jobs


def applied(name: str, *words: str) -> str:
    """Apply a file and return its job."""
    return str(bulkload("apply", "--format", "json", *words, name).json["job"])


def test_a_file_applied_before_is_applied_again_with_a_warning_that_names_the_job(store):
    write("e.csv", GOOD)
    first = bulkload("apply", "--format", "json", "e.csv").json
    write("copy.csv", GOOD)
    second = bulkload("apply", "--format", "json", "copy.csv").json
    assert (first["warnings"], second["outcomes"], second["exit_code"]) == ([], {"unchanged": 2}, 0)
    assert [(one["code"], first["job"] in one["message"]) for one in second["warnings"]] == [
        ("FILE_APPLIED_BEFORE", True)
    ]
    assert "FILE_APPLIED_BEFORE" in bulkload("apply", "e.csv").out
    assert "FILE_APPLIED_BEFORE" in bulkload("status", second["job"]).out


def test_a_file_that_was_only_refused_was_not_applied_before(store):
    write("e.csv", MIXED)
    bulkload("apply", "--all-or-nothing", "e.csv")
    assert bulkload("apply", "--format", "json", "e.csv").json["warnings"] == []


def test_a_job_records_all_that_is_known_of_it(store):
    write("e.csv", MIXED)
    job = applied("e.csv")
    said = bulkload("status", job, "--json").json
    assert {
        one: said[one] for one in ("job", "state", "file", "template", "via", "rows", "outcomes", "size", "sha256")
    } == {
        "job": job,
        "state": "done",
        "file": "e.csv",
        "template": "enrollment",
        "via": "command",
        "rows": 4,
        "outcomes": {"created": 2, "rejected": 2},
        "size": len(MIXED.encode()),
        "sha256": hashlib.sha256(MIXED.encode()).hexdigest(),
    }
    assert {one["code"] for one in said["findings"]} == {"USER_NOT_FOUND", "PRE_STATUS_UNKNOWN"}
    assert said["who"]
    assert Path(said["results"]).name == "e.results.csv"
    assert None not in [said["submitted_at"], said["started_at"], said["ended_at"]]


def test_a_refused_file_is_a_job_too_with_its_digest_and_the_reason(store):
    write("e.csv", REFUSED["HEADER_MISSING"])
    job = applied("e.csv")
    said = bulkload("status", job, "--json").json
    raw = REFUSED["HEADER_MISSING"].encode()
    assert (said["state"], "Roster" in said["message"]) == ("refused", True)
    assert (said["size"], said["sha256"]) == (len(raw), hashlib.sha256(raw).hexdigest())


def test_status_lists_the_jobs_newest_first(store):
    write("a.csv", GOOD)
    write("b.csv", MIXED)
    jobs = [applied("a.csv"), applied("b.csv")]
    said = bulkload("status").out
    assert said.index(jobs[1]) < said.index(jobs[0])
    assert [one["job"] for one in bulkload("status", "--json").json][:2] == jobs[::-1]
    assert jobs == sorted(jobs) or jobs[0][:7] == jobs[1][:7]


def test_status_takes_any_beginning_of_an_id_that_no_other_job_shares(store):
    write("a.csv", GOOD)
    first = applied("a.csv", "--now", "2026-01-02T03:04:05Z")
    second = applied("a.csv", "--now", "2026-01-02T03:04:05Z")
    common = first[: next(n for n, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)]
    then = ("--now", "2026-01-03T00:00:00Z")
    assert bulkload("status", first, "--json", *then).json["job"] == first
    assert bulkload("status", first[: len(common) + 1].upper(), "--json", *then).json["job"] == first
    answer = bulkload("status", common, *then)
    assert (answer.code, first in answer.err, second in answer.err) == (2, True, True)
    assert bulkload("status", "zzz").code == 2


def test_status_of_one_job_prints_its_counts_and_findings(store):
    write("e.csv", MIXED)
    said = bulkload("status", applied("e.csv")).out
    for word in (
        "e.csv",
        "2 created",
        "2 rejected",
        "USER_NOT_FOUND",
        "row 3, Username: 'nobody' is no user of this store",
    ):
        assert word in said


def test_status_save_writes_the_results_out_again(store):
    write("e.csv", MIXED)
    job = applied("e.csv")
    raw = Path("e.results.csv").read_bytes()
    Path("e.results.csv").unlink()
    assert bulkload("status", job, "--save", "again.csv").code == 0
    assert Path("again.csv").read_bytes() == raw


@pytest.mark.parametrize(("minutes", "shown"), [(-1, True), (1, False)])
def test_jobs_older_than_60_days_are_no_longer_shown(store, minutes, shown):
    write("e.csv", GOOD)
    old = datetime.now(UTC) - timedelta(days=60, minutes=minutes)
    job = applied("e.csv", "--now", old.isoformat())
    assert [one["job"] for one in bulkload("status", "--json").json].count(job) == shown
    assert bulkload("status", job).code == (0 if shown else 2)


def test_a_job_whose_process_has_died_is_closed_by_the_next_apply(store):
    dead(store)
    write("e.csv", GOOD)
    answer = bulkload("apply", "e.csv")
    assert (answer.code, "cut off" in answer.err) == (0, True)
    assert query(store, "SELECT state FROM job WHERE id = '00000000xy'") == [("interrupted",)]


def test_a_job_whose_process_has_died_is_not_shown_as_running(store):
    dead(store)
    assert "running" not in [one["state"] for one in bulkload("status", "--json").json]


def dead(store: Path) -> None:
    """Leave a running job of a process that has ended."""
    code = (
        "import sys; from bulkload.jobs import Job; from bulkload.store import jobs, open_store; "
        "jobs.add(open_store(sys.argv[1]), Job('00000000xy', 'running', 'x.csv', '/x.csv', submitted_at=int(sys.argv[2])))"
    )
    now = int(datetime.now(UTC).timestamp())
    subprocess.run([sys.executable, "-c", code, str(store), str(now)], check=True, timeout=60)


def test_the_next_command_finishes_a_rename_that_a_crash_cut_off(store, tmp_path):
    part, place = write(tmp_path / ".x.part", "results"), tmp_path / "x.results.csv"
    gone = write(tmp_path / "x.rejects.csv", "old")
    moves = json.dumps([[str(part), str(place)], [None, str(gone)]])
    with contextlib.closing(sqlite3.connect(store)) as other:
        other.execute("UPDATE job SET renames = ? WHERE number = 1", (moves,))
        other.commit()
    write("e.csv", GOOD)
    bulkload("apply", "e.csv")
    assert (place.read_text(), part.exists(), gone.exists()) == ("results", False, False)


def test_dates_of_jobs_and_warnings_are_shown_as_the_configuration_says(store):
    write("bulkload.toml", "display_time_zone = 'America/New_York'\ndisplay_date = '%d.%m.%Y %H:%M'\n")
    write("e.csv", GOOD)
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    job = applied("e.csv", "--now", now.isoformat())
    assert now.astimezone(ZoneInfo("America/New_York")).strftime("%d.%m.%Y %H:%M") in bulkload("status", job).out


# --------------------------------------------------------------------------------------------- which store


def test_the_store_is_the_one_asked_for_else_the_environments_else_the_configurations_else_the_users(
    base, tmp_path, monkeypatch
):
    write("e.csv", GOOD)
    Path("sub").mkdir()
    places = ["asked.db", "environment.db", "sub/configured.db", "data/bulkload/store.db"]
    for place in places:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(base, place)
    used = []
    write("bulkload.toml", "store = 'sub/configured.db'\n")
    monkeypatch.setenv("BULKLOAD_STORE", str(tmp_path / "environment.db"))
    used.append(bulkload("validate", "--format", "json", "--store", "sqlite:///asked.db", "e.csv").json["store"])
    used.append(bulkload("validate", "--format", "json", "e.csv").json["store"])
    monkeypatch.delenv("BULKLOAD_STORE")
    used.append(bulkload("validate", "--format", "json", "e.csv").json["store"])
    Path("bulkload.toml").unlink()
    used.append(bulkload("validate", "--format", "json", "e.csv").json["store"])
    assert used == [str(tmp_path / place) for place in places]
    assert str(tmp_path / places[3]) in bulkload("validate", "e.csv").out


def test_apply_makes_the_store_of_the_user_where_there_is_none(tmp_path):
    write("u.csv", USERS + FOUR)
    assert bulkload("apply", "u.csv").code == 0
    path = tmp_path / "data" / "bulkload" / "store.db"
    assert (query(path, "SELECT count(*) FROM user"), path.stat().st_mode & 0o777) == ([(4,)], 0o600)


def test_a_configuration_can_be_named_and_its_store_is_found_from_where_it_stands(base, tmp_path, monkeypatch):
    (tmp_path / "etc").mkdir()
    shutil.copy(base, tmp_path / "etc" / "store.db")
    write("etc/site.toml", "store = 'store.db'\n")
    write("e.csv", GOOD)
    monkeypatch.setenv("BULKLOAD_CONFIG", str(tmp_path / "etc" / "site.toml"))
    assert bulkload("validate", "--format", "json", "e.csv").json["store"] == str(tmp_path / "etc" / "store.db")


# --------------------------------------------------------------------------------------------- export


def test_export_writes_csv_to_the_output_or_a_file_by_its_ending(store):
    said = bulkload("export", "user")
    assert list(csv.reader(io.StringIO(said.out)))[:2] == [USERS.strip().split(","), ["Bob", "", "", "", "Yes"]]
    for name, delimiter in (("u.csv", ","), ("u.txt", "\t")):
        assert bulkload("export", "user", "-o", name).code == 0
        assert Path(name).read_text("utf-8").splitlines()[0] == USERS.strip().replace(",", delimiter)
    assert bulkload("export", "user", "-o", "u.xlsx").code == 0
    rows = list(openpyxl.load_workbook("u.xlsx").worksheets[0].iter_rows(values_only=True))
    assert (rows[0], len(rows)) == (tuple(USERS.strip().split(",")), 5)


def test_export_counts_on_stderr_what_cannot_be_written_so_that_it_reads_back(store):
    write("e.csv", HEADER + "Safety,ann,,,,,,,11/01/2015 01:30 AM\n")
    bulkload("apply", "--ambiguous", "earlier", "--now", "2026-01-01T00:00:00Z", "e.csv")
    answer = bulkload("export", "enrollment", "-o", "x.csv")
    assert (answer.code, "1 value" in answer.err) == (0, True)


# --------------------------------------------------------------------------------------------- help


def every_command(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group."""
    yield path
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from every_command(one, (*path, name))


def examples(path: tuple[str, ...]) -> list[str]:
    """The command lines in a command's help."""
    said = bulkload(*path, "--help")
    assert said.code == 0
    return [line.strip() for line in said.out.splitlines() if line.startswith("    bulkload ")]


def parsed(line: str) -> str:
    """Parse a command line without running it, and return the command's name."""
    words = shlex.split(line.partition(">")[0])[1:]
    command: click.Command = commands
    context = command.make_context("bulkload", list(words))
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        context, command = found.make_context(name, rest, parent=context), found
    return str(context.info_name)


@pytest.mark.parametrize("path", list(every_command(commands)), ids=lambda path: " ".join(("bulkload", *path)))
def test_every_commands_help_has_an_example_and_each_is_a_command_line_that_parses(path):
    lines = examples(path)
    assert lines
    names = {parsed(line) for line in lines}
    assert isinstance_group(path) or names == {path[-1]}


def isinstance_group(path: tuple[str, ...]) -> bool:
    command: click.Command = commands
    for word in path:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    return isinstance(command, click.Group)


@pytest.mark.parametrize(
    ("asked", "words", "told"),
    [("bash_source", "", "_bulkload_completion() {"), ("bash_complete", "bulkload ap", "plain,apply")],
)
def test_the_shell_is_given_its_completion_and_completes(asked, words, told):
    environment = os.environ | {"_BULKLOAD_COMPLETE": asked, "COMP_WORDS": words, "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "bulkload"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, told)


@pytest.mark.parametrize("verb", ["validate", "apply"])
def test_the_common_options_are_there(verb):
    said = bulkload(verb, "--help").out
    options = "template store encoding delimiter sheet results format quiet now only"
    assert [one for one in options.split() if f"--{one}" not in said] == []


def test_a_spreadsheet_with_several_sheets_says_which_was_read(store):
    book = openpyxl.Workbook()
    book.active.title = "Spring"
    for title in ("Spring", "Autumn"):
        sheet = book[title] if title in book.sheetnames else book.create_sheet(title)
        sheet.append(["Username", "First Name", "Last Name", "Email", "Active"])
        sheet.append([f"{title.lower()}.user", "A", "B", "", "Yes"])
    book.save("users.xlsx")
    answer = bulkload("apply", "users.xlsx")
    assert (answer.code, "the sheet Spring is read, not Autumn; --sheet chooses another" in answer.err) == (0, True)
    assert [one["Username"] for one in results(Path("users.results.csv"))] == ["spring.user"]


def test_a_store_in_the_directory_that_is_applied_is_not_taken_for_input(tmp_path):
    write("users.csv", "Username,First Name,Last Name,Email,Active\nann,A,B,,Yes\n")
    for outcome in ("created", "unchanged"):
        assert bulkload("apply", "--store", "s.db", ".").code == 0
        assert [one["outcome"] for one in results(Path("users.results.csv"))] == [outcome]
