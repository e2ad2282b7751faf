"""The student template, cell by cell: the file and its fifteen columns (student.md §1)."""

from __future__ import annotations

import gzip
import re
import unicodedata
from datetime import datetime

import openpyxl
import pytest
from loading import outcomes, query, results, run
from students import (
    FULL,
    HEADINGS,
    ORDERS,
    SCHOOLS,
    Desk,
    codes,
    copied,
    district,
    file_of,
    happened,
    line_of,
    row,
    said,
    text_of,
)

from bulkload.templates import template_named

LONGEST = "S" * 15, "D" * 15
"""A school code and a district code of the store that are as long as they may be."""

REQUIRED = ("district", "school", "status", "username", "password", "first", "last", "id")
TRIMMED = tuple(name for name in HEADINGS if name != "password")
SECRET = ("password", "dob", "ssn")
NO_BREAK = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return district(tmp_path_factory.mktemp("base"))


@pytest.fixture
def desk(base, tmp_path):
    return copied(base, tmp_path)


def refused(desk, path, **options):
    """The code that a file is refused with, by `validate` and `apply` alike, with nothing done."""
    before = desk.dump("secret_key")
    found = set()
    for verb in ("validate", "apply"):
        (report,) = run(verb, path, store=desk.store, **options)
        assert report.exit_code == (3 if report.refused else 0)
        found.add(report.refused_code)
    assert len(found) == 1, found
    if found != {None}:
        assert path.name in report.refused
        assert desk.dump("secret_key") == before
        assert not list(desk.folder.glob("students*results*"))
    return found.pop()


# ------------------------------------------------------------------------------------------- the file


@pytest.mark.parametrize(
    "name", ["student.csv", "Students.csv", "STUDENTS.CSV", "students.txt", "students", "students.csv.gz", "my students.csv"]
)  # fmt: skip
def test_a_file_of_another_name_is_refused(desk, name):
    assert refused(desk, desk.write(file_of(row()), name)) == "FILE_NAME"


def test_the_sentence_of_a_wrong_name_says_the_right_one_and_the_way_around_it(desk):
    (report,) = run("apply", desk.write(file_of(row()), "pupils.csv"), store=desk.store)
    assert [word in report.refused for word in ("pupils.csv", "students.csv", "--any-name")] == [True] * 3


@pytest.mark.parametrize("verb", ["validate", "apply"])
def test_any_name_takes_a_file_of_another_name(desk, verb):
    (report,) = run(verb, desk.write(file_of(row()), "pupils.csv"), store=desk.store, any_name=True)
    assert (report.template, report.refused, dict(report.tally.outcomes)) == ("student", None, {"created": 1})


def test_rejects_need_no_flag_when_they_are_named(desk):
    lines = desk.apply(row("1"), row("2", grade="1"), row("3"))
    assert [one["outcome"] for one in lines] == ["created", "rejected", "created"]
    rejects = desk.folder / "students.rejects.csv"
    assert rejects.read_bytes().decode() == file_of(row("2", grade="1"))
    rejects.write_text(file_of(row("2", grade="10")), "utf-8")
    (report,) = run("apply", rejects, store=desk.store)
    assert (report.refused, dict(report.tally.outcomes), desk.students()) == (None, {"created": 1}, ["1", "2", "3"])


def headings(*names: str) -> str:
    return text_of([list(names), ["x"] * len(names)])


ALL = list(HEADINGS.values())
HEADERS = {
    "the last heading is missing": (ALL[:-1], "HEADER_MISSING"),
    "the first heading is missing": (ALL[1:], "HEADER_MISSING"),
    "a heading is renamed": ([*ALL[:10], "Date of Birth", *ALL[11:]], "HEADER_UNKNOWN"),
    "a heading is misspelt": (["Distrct Code", *ALL[1:]], "HEADER_UNKNOWN"),
    "a heading has another letter case": (["District code", *ALL[1:]], "HEADER_UNKNOWN"),
    "a heading in capitals": ([*ALL[:14], "GROUPS"], "HEADER_UNKNOWN"),
    "a heading too many": ([*ALL, "Homeroom"], "HEADER_UNKNOWN"),
    "messages as in the rejects of a spreadsheet": ([*ALL, "messages"], "HEADER_UNKNOWN"),
    "a heading stands twice": ([*ALL, "Groups"], "HEADER_DOUBLED"),
    "a column has no heading": ([*ALL, ""], "HEADER_EMPTY"),
    "two columns swapped": ([ALL[1], ALL[0], *ALL[2:]], "HEADER_ORDER"),
    "the last two columns swapped": ([*ALL[:13], ALL[14], ALL[13]], "HEADER_ORDER"),
    "all columns in reverse": (ALL[::-1], "HEADER_ORDER"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headings_that_are_not_the_templates_refuse_the_file(desk, case):
    header, code = HEADERS[case]
    assert refused(desk, desk.write(headings(*header))) == code


def test_a_heading_in_another_letter_case_is_named_with_the_right_one(desk):
    (report,) = run("apply", desk.write(headings("District code", *ALL[1:])), store=desk.store)
    assert [word in report.refused for word in ("'District code'", "'District Code'")] == [True, True]


def test_swapped_columns_are_named(desk):
    (report,) = run("apply", desk.write(headings(ALL[1], ALL[0], *ALL[2:])), store=desk.store)
    assert [word in report.refused for word in ("District Code", "School Code")] == [True, True]


def test_blanks_around_headings_do_not_matter(desk):
    lines = [[f" {one}{NO_BREAK}" for one in ALL], [row().get(name, "") for name in HEADINGS]]
    (report,) = run("apply", desk.write(text_of(lines)), store=desk.store)
    assert (report.refused, dict(report.tally.outcomes)) == (None, {"created": 1})


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_a_file_that_is_not_comma_separated_is_refused(desk, delimiter):
    lines = [ALL, [row().get(name, "") for name in HEADINGS]]
    path = desk.write(text_of(lines, delimiter))
    assert refused(desk, path) == "FORMAT_UNKNOWN"
    assert refused(desk, path, delimiter=delimiter) == "FORMAT_UNKNOWN"


def test_a_compressed_file_is_refused_under_any_name(desk):
    path = desk.folder / "students.csv"
    path.write_bytes(gzip.compress(file_of(row()).encode()))
    assert refused(desk, path) == "FORMAT_UNKNOWN"
    path = path.rename(desk.folder / "pupils.csv.gz")
    assert refused(desk, path, any_name=True) == "FORMAT_UNKNOWN"


def test_a_spreadsheet_is_refused_under_any_name(desk):
    book = openpyxl.Workbook()
    for line in (ALL, [row().get(name, "") for name in HEADINGS]):
        book.active.append(line)
    book.save(desk.folder / "students.xlsx")
    path = (desk.folder / "students.xlsx").rename(desk.folder / "students.csv")
    assert refused(desk, path) == "FORMAT_UNKNOWN"
    assert refused(desk, path, any_name=True) == "FORMAT_UNKNOWN"


def test_bytes_that_are_no_utf_8_refuse_the_file(desk):
    path = desk.folder / "students.csv"
    path.write_bytes(file_of(row(first="José")).encode("cp1252"))
    assert refused(desk, path) == "ENCODING"
    (report,) = run("apply", path, store=desk.store, encoding="cp1252")
    assert (dict(report.tally.outcomes), desk.student()["first_name"]) == ({"created": 1}, "José")


def test_a_byte_order_mark_and_any_line_ends_are_taken(desk):
    path = desk.folder / "students.csv"
    path.write_bytes(b"\xef\xbb\xbf" + file_of(row("1"), row("2")).replace("\r\n", "\n").rstrip().encode())
    (report,) = run("apply", path, store=desk.store)
    assert dict(report.tally.outcomes) == {"created": 2}


def test_one_bad_row_among_good_ones_is_processed_in_part(desk):
    assert said(desk.apply(row("1"), row("2", school="S7"), row("3"))) == [
        ("created", "OK"),
        ("rejected", "SCHOOL_ERR"),
        ("created", "OK"),
    ]
    assert desk.students() == ["1", "3"]


def test_a_student_missing_from_a_file_means_nothing(desk):
    desk.apply(row("1"), row("2"))
    before = desk.student("1")
    desk.apply(row("2"), row("3"))
    assert desk.student("1") == before


@pytest.mark.parametrize(
    ("missing", "code"), [(("BIN", "E-2026"), "ORDER_MISSING"), (("E-2026",), "ORDER_MISSING"), (("BIN",), "BIN_MISSING")]
)  # fmt: skip
def test_a_store_without_a_current_order_or_a_bin_refuses_the_file(tmp_path, missing, code):
    desk = district_without(tmp_path, *missing)
    assert refused(desk, desk.write(file_of(row()))) == code


def district_without(folder, *orders):
    """A desk whose store knows the schools, and all orders but those named."""
    desk = Desk(folder)
    desk.refer("school", *SCHOOLS)
    desk.refer("license-order", *(one for one in ORDERS if not one.startswith(tuple(f"{order}," for order in orders))))
    return desk


def test_an_order_that_is_no_longer_current_does_not_count_as_one(desk):
    desk.refer("license-order", "E-2026,eAMS,,No,")
    assert refused(desk, desk.write(file_of(row()))) == "ORDER_MISSING"


# ------------------------------------------------------------------------------------------- values: good and bad

GOOD = [
    ("district", "D1"),
    ("status", "A"),
    ("status", "a"),
    ("status", "X"),
    ("status", "x"),
    ("username", "sixsix"),
    ("username", "u" * 60),
    ("username", "ärgeré@x.org"),
    ("username", "\N{GRINNING FACE}" * 6),
    ("username", 'a"b,c;d'),
    ("password", "sixsix"),
    ("password", "p" * 30),
    ("password", "é" * 30),
    ("password", "1.23457E+11"),
    ("password", "1E+1100"),
    ("password", '=,"|;ü'),
    ("first", "A"),
    ("first", "é" * 40),
    ("first", "O'Neil"),
    ("first", "Mary Ann"),
    ("last", "\N{GRINNING FACE}" * 40),
    ("last", unicodedata.normalize("NFD", "é") * 40),
    ("middle", ""),
    ("middle", "m" * 30),
    ("id", "0"),
    ("id", "aZ09" * 5),
    ("email", ""),
    ("email", "a@b.c"),
    ("email", "josé.o'neil+x@müller.co.uk"),
    ("email", f"{'a' * 56}@b.c"),
    ("email", f"{'é' * 56}@b.c"),
    ("dob", ""),
    ("dob", "02/29/2012"),
    ("dob", "02/29/2000"),
    ("dob", "01/01/1900"),
    ("dob", "11/21/2026"),
    ("ssn", ""),
    ("ssn", "012345678"),
    ("ssn", "000000000"),
    ("gender", ""),
    ("gender", "M"),
    ("gender", "F"),
    ("grade", ""),
    *(("grade", str(number)) for number in range(3, 17)),
    *(("grade", f"{number:02}") for number in range(3, 10)),
    ("groups", ""),
    ("groups", "x"),
    ("groups", "x" * 100),
    ("groups", f"{'x' * 100}|{'y' * 100}"),
    ("groups", "Book club | Chess"),
    ("groups", "x|x"),
    ("groups", "é" * 100),
]

BAD = [
    ("district", "d1", "DISTRICT_ERR"),
    ("district", "D3", "DISTRICT_ERR"),
    ("district", "D\N{CYRILLIC SMALL LETTER A}", "DISTRICT_ERR"),
    ("district", "x" * 15, "DISTRICT_ERR"),
    ("district", "é" * 15, "DISTRICT_ERR"),
    ("district", "x" * 16, "DISTRICT_FORMAT"),
    ("district", "1E+11", "EXCEL_NUMBER"),
    ("school", "s1", "SCHOOL_ERR"),
    ("school", "S7", "SCHOOL_ERR"),
    ("school", "S9", "SCHOOL_ERR"),
    ("school", "x" * 15, "SCHOOL_ERR"),
    ("school", "é" * 15, "SCHOOL_ERR"),
    ("school", "x" * 16, "SCHOOL_FORMAT"),
    ("school", "1.23457E+11", "EXCEL_NUMBER"),
    ("status", "Z", "STATUS_FORMAT"),
    ("status", "Active", "STATUS_FORMAT"),
    ("status", "AD", "STATUS_FORMAT"),
    ("status", "Ignored", "STATUS_FORMAT"),
    ("status", "1", "STATUS_FORMAT"),
    ("username", "fives", "USERNAME_FORMAT"),
    ("username", "u" * 61, "USERNAME_FORMAT"),
    ("username", "ann lee", "USERNAME_FORMAT"),
    ("username", f"ann{NO_BREAK}lee", "USERNAME_FORMAT"),
    ("username", "ann\tlee", "USERNAME_FORMAT"),
    ("username", "o'neil", "USERNAME_FORMAT"),
    ("username", "\N{GRINNING FACE}" * 5, "USERNAME_FORMAT"),
    ("username", "1E+11", "EXCEL_NUMBER"),
    ("username", "1.23457E+11", "EXCEL_NUMBER"),
    ("password", "fives", "PASSWORD_FORMAT"),
    ("password", "p" * 31, "PASSWORD_FORMAT"),
    ("password", "pass word", "PASSWORD_FORMAT"),
    ("password", " password", "PASSWORD_FORMAT"),
    ("password", "password ", "PASSWORD_FORMAT"),
    ("password", f"password{NO_BREAK}", "PASSWORD_FORMAT"),
    ("password", "pass\tword", "PASSWORD_FORMAT"),
    ("password", "pass\nword", "PASSWORD_FORMAT"),
    ("password", "pass'word", "PASSWORD_FORMAT"),
    ("password", " ", "PASSWORD_FORMAT"),
    ("password", " " * 8, "PASSWORD_FORMAT"),
    ("first", "x" * 41, "FIRSTNAME_FORMAT"),
    ("last", "x" * 41, "LASTNAME_FORMAT"),
    ("middle", "x" * 31, "MIDDLENAME_FORMAT"),
    ("id", "x" * 21, "STUDENTID_FORMAT"),
    ("id", "A-1", "STUDENTID_FORMAT"),
    ("id", "1 2", "STUDENTID_FORMAT"),
    ("id", "12é", "STUDENTID_FORMAT"),
    ("id", "\N{FULLWIDTH DIGIT ONE}2", "STUDENTID_FORMAT"),
    ("id", "\N{ARABIC-INDIC DIGIT ONE}2", "STUDENTID_FORMAT"),
    ("id", "1.5", "STUDENTID_FORMAT"),
    ("id", "1E+11", "EXCEL_NUMBER"),
    ("id", "1,23457E+11", "EXCEL_NUMBER"),
    ("id", "9e-7", "EXCEL_NUMBER"),
    ("email", "ann", "EMAIL_FORMAT"),
    ("email", "ann@b", "EMAIL_FORMAT"),
    ("email", "ann@b.", "EMAIL_FORMAT"),
    ("email", "ann@.b", "EMAIL_FORMAT"),
    ("email", "ann@b..c", "EMAIL_FORMAT"),
    ("email", "@b.c", "EMAIL_FORMAT"),
    ("email", "a@n@b.c", "EMAIL_FORMAT"),
    ("email", "an n@b.c", "EMAIL_FORMAT"),
    ("email", "ann@b .c", "EMAIL_FORMAT"),
    ("email", f"{'a' * 57}@b.c", "EMAIL_FORMAT"),
    ("email", f"{'é' * 57}@b.c", "EMAIL_FORMAT"),
    ("dob", "2/29/2012", "DATE_FORMAT"),
    ("dob", "02/9/2012", "DATE_FORMAT"),
    ("dob", "02/29/2013", "DATE_FORMAT"),
    ("dob", "02/29/1900", "DATE_FORMAT"),
    ("dob", "13/01/2012", "DATE_FORMAT"),
    ("dob", "00/01/2012", "DATE_FORMAT"),
    ("dob", "04/31/2012", "DATE_FORMAT"),
    ("dob", "02/29/12", "DATE_FORMAT"),
    ("dob", "2012-02-29", "DATE_FORMAT"),
    ("dob", "02-29-2012", "DATE_FORMAT"),
    ("dob", "02292012", "DATE_FORMAT"),
    ("dob", "02/29/2012 12:00 AM", "DATE_FORMAT"),
    ("dob", "40968", "DATE_FORMAT"),
    ("dob", "\N{ARABIC-INDIC DIGIT ZERO}2/29/2012", "DATE_FORMAT"),
    ("dob", "12/31/1899", "DATE_FORMAT"),
    ("dob", "01/01/2200", "DATE_FORMAT"),
    ("dob", "11/22/2026", "DATE_FORMAT"),
    ("ssn", "12345678", "SSN_FORMAT"),
    ("ssn", "1234567890", "SSN_FORMAT"),
    ("ssn", "123-45-6789", "SSN_FORMAT"),
    ("ssn", "12345678x", "SSN_FORMAT"),
    ("ssn", "\N{FULLWIDTH DIGIT ONE}23456789", "SSN_FORMAT"),
    ("ssn", "1.23457E+8", "EXCEL_NUMBER"),
    ("gender", "m", "GENDER_FORMAT"),
    ("gender", "f", "GENDER_FORMAT"),
    ("gender", "X", "GENDER_FORMAT"),
    ("gender", "Male", "GENDER_FORMAT"),
    ("grade", "2", "GRADE_FORMAT"),
    ("grade", "02", "GRADE_FORMAT"),
    ("grade", "17", "GRADE_FORMAT"),
    ("grade", "0", "GRADE_FORMAT"),
    ("grade", "003", "GRADE_FORMAT"),
    ("grade", "010", "GRADE_FORMAT"),
    ("grade", "3.0", "GRADE_FORMAT"),
    ("grade", "+3", "GRADE_FORMAT"),
    ("grade", "-3", "GRADE_FORMAT"),
    ("grade", "K", "GRADE_FORMAT"),
    ("grade", "3rd", "GRADE_FORMAT"),
    ("grade", "\N{ARABIC-INDIC DIGIT THREE}", "GRADE_FORMAT"),
    ("groups", "x" * 101, "GROUP_FORMAT"),
    ("groups", "x||y", "GROUP_FORMAT"),
    ("groups", "|", "GROUP_FORMAT"),
    ("groups", "|x", "GROUP_FORMAT"),
    ("groups", "x|", "GROUP_FORMAT"),
    ("groups", "x| |y", "GROUP_FORMAT"),
    ("groups", f"x|{'y' * 101}", "GROUP_FORMAT"),
    *((name, "", "MISSING_ELEMS") for name in REQUIRED),
    *((name, " ", "MISSING_ELEMS") for name in REQUIRED if name != "password"),
    *((name, NO_BREAK, "MISSING_ELEMS") for name in REQUIRED if name != "password"),
]


def numbered(cells: list[tuple[str, str]]) -> list[dict[str, str]]:
    """A row for each cell, each a student with an id and a user name of its own."""
    return [row(f"c{number}", **{name: value}) for number, (name, value) in enumerate(cells)]


@pytest.fixture(scope="module")
def checked(base, tmp_path_factory):
    """The results of every good and every bad cell, each in a row that has no other fault."""
    desk = copied(base, tmp_path_factory.mktemp("checked"))
    cells = [(name, value) for name, value, _ in BAD]
    return dict(zip(GOOD, desk.validate(*numbered(GOOD)), strict=True)) | dict(
        zip(cells, desk.validate(*numbered(cells)), strict=True)
    )


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_value_within_the_rules_is_accepted(checked, name, value):
    assert said([checked[name, value]]) == [("created", "OK")]


@pytest.mark.parametrize(("name", "value", "code"), BAD)
def test_a_value_against_a_rule_has_its_code_and_no_other(checked, name, value, code):
    assert said([checked[name, value]]) == [("rejected", code)]


@pytest.mark.parametrize(("name", "value", "code"), BAD)
def test_the_sentence_names_the_row_the_heading_and_the_value_unless_it_is_secret(checked, name, value, code):
    line = checked[name, value]
    assert re.match(rf"row {line['row']}( \(line \d+\))?, {HEADINGS[name]}: ", line["messages"])
    shown = "".join(" " if one == NO_BREAK else one for one in value).strip()
    if name in SECRET:
        assert value.strip() == "" or value not in line["messages"]
    elif shown and shown.isprintable() and len(value) < 80:
        assert f"'{value}'" in line["messages"]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_blank_required_value_is_named_once_and_not_its_format_as_well(checked, name):
    line = checked[name, ""]
    assert (line["codes"], line["messages"].count(HEADINGS[name])) == ("MISSING_ELEMS", 1)


@pytest.mark.parametrize("name", [name for name in HEADINGS if name not in REQUIRED])
def test_other_values_may_be_blank(checked, name):
    assert said([checked[name, ""]]) == [("created", "OK")]


def test_the_longest_codes_of_a_school_and_a_district_are_taken(desk):
    school, name = LONGEST
    assert said(desk.apply(row(district=name, school=school))) == [("created", "OK")]


def test_status_ignore_means_i(desk):
    desk.apply(row())
    for status in ("I", "i", "IGNORE", "ignore", "Ignore"):
        assert said(desk.validate(row(status=status))) == [("unchanged", "OK")]
    for status in ("D", "d"):
        assert said(desk.validate(row(status=status))) == [("updated", "OK")]


LOOK_ALIKES = {
    "\N{GREEK CAPITAL LETTER ALPHA}": "GREEK CAPITAL LETTER ALPHA, not A",
    "\N{CYRILLIC CAPITAL LETTER A}": "CYRILLIC CAPITAL LETTER A, not A",
    "\N{FULLWIDTH LATIN CAPITAL LETTER A}": "FULLWIDTH LATIN CAPITAL LETTER A, not A",
    "\N{FULLWIDTH LATIN CAPITAL LETTER D}": "FULLWIDTH LATIN CAPITAL LETTER D, not D",
    "\N{CYRILLIC CAPITAL LETTER HA}": "CYRILLIC CAPITAL LETTER HA, not X",
    "\N{GREEK CAPITAL LETTER CHI}": "GREEK CAPITAL LETTER CHI, not X",
    "\N{GREEK CAPITAL LETTER IOTA}": "GREEK CAPITAL LETTER IOTA, not I",
    "\N{CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I}": "CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I, not I",
    "\N{CYRILLIC SMALL LETTER A}": "CYRILLIC SMALL LETTER A, not A",
}


@pytest.mark.parametrize("letter", LOOK_ALIKES)
def test_a_letter_that_merely_looks_right_is_named(desk, letter):
    (line,) = desk.validate(row(status=letter))
    assert said([line]) == [("rejected", "STATUS_FORMAT")]
    assert LOOK_ALIKES[letter] in line["messages"]


def test_a_date_of_birth_may_be_today_in_utc_and_not_later(desk):
    evening = datetime.fromisoformat("2026-11-21T23:30:00-05:00")
    cells = ["11/22/2026", "11/23/2026"]
    for zone in ("UTC", "America/New_York"):
        rows = numbered([("dob", one) for one in cells])
        assert codes(desk.validate(*rows, now=evening, display_time_zone=zone)) == ["OK", "DATE_FORMAT"]


def test_leading_zeros_stay(desk):
    desk.refer("school", "007,Bond,0042")
    desk.apply(row("0001", district="0042", school="007"))
    assert [desk.student("0001", "0042")[one] for one in ("student_id", "school_code", "district")] == [
        "0001",
        "007",
        "0042",
    ]


@pytest.mark.parametrize("cell", ["1.23457E+11", "1E+11", "1,23457E+11", "1e+11", "1E-05", "1.0E+3"])
@pytest.mark.parametrize("name", ["district", "school", "username", "id", "ssn"])
def test_a_number_that_a_spreadsheet_has_shortened_is_told_from_a_wrong_format(desk, name, cell):
    assert codes(desk.validate(row(**{name: cell}))) == ["EXCEL_NUMBER"]


@pytest.mark.parametrize("cell", ["12E+11", "1E11", "1E+", "E+11", "1.E+11", "1E+11x"])
def test_what_is_no_such_number_keeps_the_code_of_its_format(desk, cell):
    assert codes(desk.validate(row(id=cell), row("2", username=f"user{cell}"))) == [
        "OK" if cell.isalnum() else "STUDENTID_FORMAT",
        "OK",
    ]


def test_other_columns_may_hold_such_a_number_as_text(desk):
    assert codes(desk.validate(row(first="1E+11", last="1E+11", middle="1E+11", groups="1E+11"))) == ["OK"]


@pytest.mark.parametrize("cell", ["x", "d", "TRUE", "1/2", "007", "1.0"])
def test_every_cell_is_text(desk, cell):
    desk.apply(row(first=cell, groups=cell))
    assert [desk.student()[one] for one in ("first_name", "groups")] == [cell, cell]


# ------------------------------------------------------------------------------------------- trimming and NFC


@pytest.mark.parametrize("name", TRIMMED)
def test_blanks_around_a_value_are_left_out_with_a_note(desk, name):
    usual = {"email": "a@b.c", "dob": "02/29/2012", "ssn": "123456789", "gender": "F", "grade": "7", "groups": "x", "middle": "Q"}  # fmt: skip
    value = (row() | usual)[name]
    (line,) = desk.apply(row(**{name: f" {NO_BREAK}{value}\t"}))
    assert said([line]) == [("created", "OK VALUE_TRIMMED")]
    after = desk.student()
    assert said(desk.apply(row(**{name: value}))) == [("unchanged", "OK")]
    assert desk.student() == after


@pytest.mark.parametrize("name", ["username", "password", "first", "last", "middle", "groups"])
def test_a_value_whose_letters_are_composed_in_the_other_way_is_the_same(desk, name):
    desk.apply(row(**{name: "M\u00fcller"}))
    after = desk.student()
    assert said(desk.apply(row(**{name: "Mu\u0308ller"}))) == [("unchanged", "OK")]
    assert desk.student() == after
    assert said(desk.apply(row(**{name: "Muller"}))) == [("updated", "OK")]


def test_letters_are_counted_when_they_are_composed(desk):
    assert codes(desk.validate(row(password="u\u0308" * 30), row("2", username="u\u0308" * 60))) == ["OK"] * 2
    assert codes(desk.validate(row(password="u\u0308" * 5), row("2", username="u\u0308" * 5))) == [
        "PASSWORD_FORMAT",
        "USERNAME_FORMAT",
    ]


def test_an_optional_cell_of_blanks_is_blank_without_a_note(desk):
    optional = [name for name in HEADINGS if name not in REQUIRED]
    assert said(desk.apply(row(**dict.fromkeys(optional, f" {NO_BREAK}")))) == [("created", "OK")]
    assert [desk.student()[one] for one in ("email", "birth", "ssn", "gender", "grade", "groups")] == [None] * 6


def test_a_note_stands_beside_the_error_of_its_cell(desk):
    assert codes(desk.validate(row(grade=" 1"), row("2", school="S7 "), row("3", username=" x "))) == [
        "VALUE_TRIMMED GRADE_FORMAT",
        "VALUE_TRIMMED SCHOOL_ERR",
        "VALUE_TRIMMED USERNAME_FORMAT",
    ]


def test_the_note_of_a_secret_value_does_not_show_it(desk):
    (line,) = desk.validate(row(ssn=" 123456789", dob="02/29/2012 "))
    assert (line["codes"], "123456789" in line["messages"], "02/29/2012" in line["messages"]) == (
        "OK VALUE_TRIMMED VALUE_TRIMMED",
        False,
        False,
    )


def test_texts_are_compared_and_stored_composed(desk):
    apart = unicodedata.normalize("NFD", "josé.é")
    desk.apply(row(first=apart, last=apart, middle=apart, username=apart, email=f"{apart}@x.org", groups=apart))
    found = desk.student()
    assert {found[one] for one in ("first_name", "last_name", "middle_name", "username", "folded", "groups")} == {
        "josé.é"
    }
    assert said(
        desk.apply(
            row(
                first="josé.é", last="josé.é", middle="josé.é", username="josé.é", email="josé.é@x.org", groups="josé.é"
            )
        )
    ) == [("unchanged", "OK")]


# ------------------------------------------------------------------------------------------- what is stored


def test_a_student_is_stored_as_the_row_says(desk):
    assert said(desk.apply(row(**FULL))) == [("created", "OK")]
    found = desk.student()
    assert {name: found[name] for name in found if name not in {"number", "password", "ssn", "content"}} | {
        "created_job": None,
        "changed_job": None,
    } == {
        "district": "D1",
        "student_id": "1001",
        "school": found["school"],
        "school_code": "S1",
        "folded": "user.1001",
        "username": "user.1001",
        "first_name": "Ann",
        "last_name": "Lee",
        "middle_name": "Q",
        "email": "ann@x.org",
        "birth": (datetime(2012, 2, 29) - datetime(1970, 1, 1)).days,
        "ssn_last4": "5678",
        "gender": "F",
        "grade": 7,
        "groups": "Band|Chess",
        "active": 1,
        "license_order": found["license_order"],
        "order_id": "E-2026",
        "created_job": None,
        "changed_job": None,
    }


def test_blank_optional_values_are_stored_as_nothing(desk):
    desk.apply(row())
    optional = ("middle_name", "email", "birth", "ssn", "ssn_last4", "gender", "grade", "groups")
    assert [desk.student()[one] for one in optional] == [None] * 8


def test_a_blank_optional_value_on_an_update_clears_it(desk):
    desk.apply(row(**FULL))
    assert said(desk.apply(row())) == [("updated", "OK")]
    optional = ("middle_name", "email", "birth", "ssn", "ssn_last4", "gender", "grade", "groups")
    assert [desk.student()[one] for one in optional] == [None] * 8


def test_a_password_is_never_cleared(desk):
    desk.apply(row())
    before = desk.student()["password"]
    assert said(desk.apply(row(password=""))) == [("rejected", "MISSING_ELEMS")]
    assert desk.student()["password"] == before


def test_a_password_and_a_number_are_compared_by_their_digests(desk):
    desk.apply(row(ssn="012345678"))
    first = desk.student()
    assert said(desk.apply(row(ssn="012345678"))) == [("unchanged", "OK")]
    assert said(desk.apply(row(password="Pa55word?", ssn="912345678"))) == [("updated", "OK")]
    second = desk.student()
    assert (second["password"] == first["password"], second["ssn"] == first["ssn"]) == (False, False)
    assert (first["ssn_last4"], second["ssn_last4"]) == ("5678", "5678")


def test_passwords_differ_by_letter_case(desk):
    desk.apply(row(password="password"))
    assert said(desk.apply(row(password="Password"))) == [("updated", "OK")]


def test_groups_are_a_set(desk):
    desk.apply(row(groups="Chess|Band"))
    for groups in ("Band|Chess", " Chess | Band |Chess", "Chess|Band"):
        assert codes(desk.validate(row(groups=groups))) in (["OK"], ["OK VALUE_TRIMMED"])
        assert desk.validate(row(groups=groups))[0]["outcome"] == "unchanged"
    assert desk.validate(row(groups="Chess|band"))[0]["outcome"] == "updated"
    assert desk.validate(row(groups="Chess"))[0]["outcome"] == "updated"


def test_blanks_around_a_piece_of_groups_need_no_note(desk):
    assert said(desk.apply(row(groups="Chess | Band"))) == [("created", "OK")]
    assert desk.student()["groups"] == "Band|Chess"


def test_grade_3_is_grade_03(desk):
    desk.apply(row(grade="3"))
    assert said(desk.apply(row(grade="03"))) == [("unchanged", "OK")]
    assert desk.student()["grade"] == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("school", "S2"),
        ("username", "USER.1001"),
        ("username", "user.other"),
        ("password", "Pa55word?"),
        ("first", "ann"),
        ("last", "Leigh"),
        ("middle", "R"),
        ("middle", ""),
        ("email", "ANN@x.org"),
        ("email", ""),
        ("dob", "02/28/2012"),
        ("dob", ""),
        ("ssn", "012345679"),
        ("ssn", ""),
        ("gender", "M"),
        ("gender", ""),
        ("grade", "8"),
        ("grade", ""),
        ("groups", "Chess"),
        ("groups", ""),
    ],
)
def test_each_value_that_differs_updates_the_student_and_is_unchanged_afterwards(desk, name, value):
    desk.apply(row(**FULL))
    before = desk.student()
    changed = row(**(FULL | {name: value}))
    assert said(desk.apply(changed)) == [("updated", "OK")]
    assert desk.student() != before
    assert said(desk.apply(changed)) == [("unchanged", "OK")]


def test_a_sign_that_moves_from_the_end_of_a_name_to_the_start_of_the_next_is_a_change(desk):
    for sign in ("\x1f", "\x1e", "|", ",", " ", "\n"):
        desk.apply(row(first=f"Ann{sign}Bea", last="Lee"))
        assert said(desk.apply(row(first="Ann", last=f"Bea{sign}Lee"))) == [("updated", "OK")]
        assert desk.student()["last_name"] == f"Bea{sign}Lee"


# ------------------------------------------------------------------------------------------- all findings of a row


def test_all_findings_of_a_row_are_told_in_the_order_of_the_columns(desk):
    desk.apply(row("7", username="other.user"))
    bad = row(
        "7",
        school=" S7",
        status="X",
        username="user.taken",
        password="x",
        first="",
        last="x" * 41,
        middle="x" * 31,
        email="x",
        dob="today",
        ssn="1E+11",
        gender="m",
        grade=" 1",
        groups="|",
    )
    desk.apply(row("8", username="user.taken"))
    assert codes(desk.validate(bad)) == [
        "VALUE_TRIMMED SCHOOL_ERR STUDENT_EXISTS PASSWORD_FORMAT MISSING_ELEMS LASTNAME_FORMAT MIDDLENAME_FORMAT "
        "EMAIL_FORMAT DATE_FORMAT EXCEL_NUMBER GENDER_FORMAT VALUE_TRIMMED GRADE_FORMAT GROUP_FORMAT DUPLICATE_USERNAME"
    ]


def test_codes_of_doubles_and_licences_stand_after_those_of_cells(desk):
    desk.fill(0)
    bad = row("7", username="Same.name", grade="1", groups="|")
    lines = desk.validate(bad, bad | {"username": "same.NAME"}, row("8"))
    assert codes(lines) == [
        "GRADE_FORMAT GROUP_FORMAT DUPLICATE_ID DUPLICATE_USERNAME",
        "GRADE_FORMAT GROUP_FORMAT DUPLICATE_ID DUPLICATE_USERNAME",
        "MISSING_LICENSES",
    ]


def test_a_row_with_any_error_has_no_effect_at_all(desk):
    desk.apply(row(**FULL))
    before = desk.dump()
    lines = desk.apply(row(first="Anna", school="S2", status="D", grade="1"), row("2", gender="?"))
    assert (said(lines), desk.dump()) == ([("rejected", "GRADE_FORMAT"), ("rejected", "GENDER_FORMAT")], before)


def test_a_school_is_not_looked_up_when_the_district_is_in_error(desk):
    cells = [("D3", "S7"), ("D3", "S1"), ("", "S7"), ("x" * 16, "S7"), ("1E+11", "S7"), ("D2", "S1")]
    rows = [row(f"c{number}", district=one, school=school) for number, (one, school) in enumerate(cells)]
    assert codes(desk.validate(*rows)) == [
        "DISTRICT_ERR",
        "DISTRICT_ERR",
        "MISSING_ELEMS",
        "DISTRICT_FORMAT",
        "EXCEL_NUMBER",
        "SCHOOL_ERR",
    ]


def test_the_form_of_a_school_is_checked_though_the_district_is_in_error(desk):
    cells = [("x" * 16, "SCHOOL_FORMAT"), ("", "MISSING_ELEMS"), ("1E+11", "EXCEL_NUMBER")]
    rows = [row(f"c{number}", district="D3", school=school) for number, (school, _) in enumerate(cells)]
    assert codes(desk.validate(*rows)) == [f"DISTRICT_ERR {code}" for _, code in cells]


def test_a_row_of_too_few_or_too_many_cells_has_that_one_finding(desk):
    full = [row("1").get(name, "") for name in HEADINGS]
    text = file_of(row("9")) + line_of(*full[:-1]) + line_of(*full, "") + line_of("nonsense") + line_of(*full)
    assert said(desk.load("apply", text)) == [
        ("created", "OK"),
        ("rejected", "CELL_COUNT"),
        ("rejected", "CELL_COUNT"),
        ("rejected", "CELL_COUNT"),
        ("created", "OK"),
    ]


def test_a_blank_or_comma_only_line_is_blank_and_at_the_end_ignored(desk):
    lines = ["", ",", "," * 14, " ,," + NO_BREAK, "," * 20]
    text = file_of(row("1")) + "".join(f"{one}\r\n" for one in lines) + file_of(row("2")).partition("\r\n")[2]
    found = desk.load("apply", text + "\r\n" + "," * 14 + "\r\n\r\n")
    assert said(found) == [("created", "OK"), *[("rejected", "BLANK_LINE")] * 5, ("created", "OK")]


# ------------------------------------------------------------------------------------------- without a store


def test_without_a_store_the_cells_are_checked_and_the_summary_says_what_was_not(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text(file_of(row("1"), row("2", grade="1"), row("3", district="D7"), row("4", status="D")), "utf-8")
    (report,) = run("validate", path, store=tmp_path / "none.db")
    assert dict(report.tally.outcomes) == {"accepted": 3, "rejected": 1}
    needed = {"DISTRICT_ERR", "SCHOOL_ERR", "STUDENT_EXISTS", "STUDENT_NOT_FOUND", "MISSING_LICENSES"}
    assert needed <= set(report.unchecked)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["students.csv"]


def test_codes_are_those_of_the_specification():
    listed = (
        "DISTRICT_FORMAT DISTRICT_ERR SCHOOL_FORMAT SCHOOL_ERR STATUS_FORMAT USERNAME_FORMAT DUPLICATE_USERNAME "
        "PASSWORD_FORMAT FIRSTNAME_FORMAT LASTNAME_FORMAT MIDDLENAME_FORMAT STUDENTID_FORMAT DUPLICATE_ID EMAIL_FORMAT "
        "DATE_FORMAT SSN_FORMAT GENDER_FORMAT GRADE_FORMAT GROUP_FORMAT MISSING_ELEMS BLANK_LINE CELL_COUNT "
        "EXCEL_NUMBER STUDENT_EXISTS STUDENT_NOT_FOUND MISSING_LICENSES VALUE_TRIMMED OK"
    )
    assert {one.word for one in template_named("student").codes} == set(listed.split())


def test_validate_says_of_every_row_what_apply_then_does(desk):
    desk.apply(row("1"), row("2", status="X"), row("3"), row("9"))
    file = [row("1", status="D"), row("2"), row("3", username="user.9"), row("4", status="D"), row("5", grade=" 7")]
    before = desk.dump()
    dry = desk.validate(*file)
    assert desk.dump() == before
    assert desk.apply(*file) == dry
    assert outcomes(desk.folder / "out.csv")[0] == (2, "updated", "OK")
    assert happened(dry)[1:3] == ["updated, activated", "DUPLICATE_USERNAME"]
    assert [one["row"] for one in results(desk.folder / "out.csv")] == ["2", "3", "4", "5", "6"]
    assert query(desk.store, "SELECT count(*) FROM student") == [(5,)]
