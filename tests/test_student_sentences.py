"""Every sentence of the student family's findings, read in whole, with a neighbour that has no fault (loading.md §3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from loading import results, run
from students import COLUMNS, HEADINGS, copied, district, row, text_of
from test_enrollment import made_of

from bulkload.templates import template_named

FAMILY = ("student", *COLUMNS)


@dataclass(frozen=True, eq=False)
class Example:
    """A row that has a code, with the whole sentence after `row N, Heading: `, and a neighbour that has it not.

    A row is what differs from its template's usual one, by heading; a text is a whole line. `before` is what
    differs in a row that stands before it.
    """

    template: str
    code: str
    heading: str
    bad: dict[str, str] | str
    sentence: str
    good: dict[str, str]
    before: dict[str, str] | None = None


def on(name: str, code: str, bad: str, sentence: str, good: str, **more: str) -> Example:
    """An example of the student template whose row differs in one cell; `more` are cells of both rows, by short name."""
    cells = {HEADINGS[one]: value for one, value in more.items()}
    return Example("student", code, HEADINGS[name], cells | {HEADINGS[name]: bad}, sentence, cells | {HEADINGS[name]: good})  # fmt: skip


def of(template: str, heading: str, code: str, bad: str, sentence: str, good: str, **cells: str) -> Example:
    """An example of a reference template whose row differs in one cell; `cells` are those of both rows, `_` for a blank."""
    more = {name.replace("_", " "): value for name, value in cells.items()}
    return Example(template, code, heading, more | {heading: bad}, sentence, more | {heading: good})


BLANK = "the cell is blank, a value is required"
TRIMMED = "was read without the blanks around it"
EXCEL = "is what a spreadsheet makes of a long number, and digits of it are lost"
SECRET_GOOD = {"password": "Pa55word!", "dob": "02/29/2012", "ssn": "123456789"}
LONG = "x" * 79 + "…"

STUDENT = [
    Example("student", "CELL_COUNT", "", "D1,S1", "the row has 2 cells, the header has 15 headings", {}),
    Example("student", "BLANK_LINE", "", "," * 14, "the row is blank", {}),
    Example("student", "DUPLICATE_ID", "", {"Student ID": "d1", "Username": "one.name"}, "the student 'D1', 'd1' also stands in row {before}, and all of these rows are rejected",
            {"Student ID": "d2", "Username": "three.name"}, {"Student ID": "d1", "Username": "two.name"}),
    Example("student", "DUPLICATE_USERNAME", "", {"Username": "Same.Name"}, "the user name 'Same.Name' also stands in row {before}, and all of these rows are rejected",
            {"Username": "other.name"}, {"Student ID": "d3", "Username": "same.name"}),
    on("district", "VALUE_TRIMMED", "D1 ", f"'D1 ' {TRIMMED}", "D1"),
    on("district", "MISSING_ELEMS", "", BLANK, "D1"),
    on("district", "EXCEL_NUMBER", "1E+11", f"'1E+11' {EXCEL}", "D1"),
    on("district", "DISTRICT_FORMAT", "x" * 16, f"'{'x' * 16}' has 16 characters, 15 are the most", "D1"),
    on("district", "DISTRICT_ERR", "d1", "no registered school is in the district 'd1'", "D1"),
    on("school", "VALUE_TRIMMED", " S1", f"' S1' {TRIMMED}", "S1"),
    on("school", "MISSING_ELEMS", "", BLANK, "S1"),
    on("school", "EXCEL_NUMBER", "1E+11", f"'1E+11' {EXCEL}", "S1"),
    on("school", "SCHOOL_FORMAT", "x" * 16, f"'{'x' * 16}' has 16 characters, 15 are the most", "S1"),
    on("school", "SCHOOL_ERR", "S9", "no school 'S9' is registered in the district 'D1'", "S2"),
    on("status", "VALUE_TRIMMED", " X", f"' X' {TRIMMED}", "X"),
    on("status", "MISSING_ELEMS", "", BLANK, "X"),
    on("status", "STATUS_FORMAT", "Active", "'Active' is not A, D, X or I", "x"),
    on("status", "STATUS_FORMAT", "\N{GREEK CAPITAL LETTER CHI}",
       "'\N{GREEK CAPITAL LETTER CHI}' is not A, D, X or I: it is GREEK CAPITAL LETTER CHI, not X", "X"),
    on("status", "STUDENT_EXISTS", "X", "'X' creates a deactivated student, and the district has a student 's1' already", "D", id="s1", username="user.s1"),
    on("status", "STUDENT_NOT_FOUND", "Ignore", "'Ignore' is for a student who exists, and the district has no student 'n1'", "X", id="n1"),
    on("status", "MISSING_LICENSES", "A", "the student needs a licence, and the Holding Bin has none left", "X", id="n2"),
    on("username", "VALUE_TRIMMED", " trimmed", f"' trimmed' {TRIMMED}", "trimmed"),
    on("username", "MISSING_ELEMS", "", BLANK, "filled"),
    on("username", "EXCEL_NUMBER", "1.23457E+11", f"'1.23457E+11' {EXCEL}", "12345678901"),
    on("username", "USERNAME_FORMAT", "ann lee", "'ann lee' is not 6 to 60 characters without blanks and apostrophes", "ann.lee"),
    on("username", "DUPLICATE_USERNAME", "USER.s3", "'USER.s3' is the user name of another student", "user.new"),
    on("password", "MISSING_ELEMS", "", BLANK, "Pa55word!"),
    on("password", "PASSWORD_FORMAT", "pass'word", "the value is not 6 to 30 characters without blanks and apostrophes", "password"),
    on("password", "PASSWORD_FORMAT", "<unchanged>", "<unchanged> stands for the password that is stored, and the student is new", "password"),
    on("first", "VALUE_TRIMMED", "Ann ", f"'Ann ' {TRIMMED}", "Ann"),
    on("first", "MISSING_ELEMS", "", BLANK, "Ann"),
    on("first", "FIRSTNAME_FORMAT", "x" * 41, f"'{'x' * 41}' has 41 characters, 40 are the most", "x" * 40),
    on("last", "VALUE_TRIMMED", "Lee ", f"'Lee ' {TRIMMED}", "Lee"),
    on("last", "MISSING_ELEMS", "", BLANK, "Lee"),
    on("last", "LASTNAME_FORMAT", "x" * 100, f"'{LONG}' has 100 characters, 40 are the most", "x" * 40),
    on("middle", "VALUE_TRIMMED", "Q ", f"'Q ' {TRIMMED}", "Q"),
    on("middle", "MIDDLENAME_FORMAT", "x" * 31, f"'{'x' * 31}' has 31 characters, 30 are the most", "x" * 30),
    on("id", "VALUE_TRIMMED", " i1", f"' i1' {TRIMMED}", "i1"),
    on("id", "MISSING_ELEMS", "", BLANK, "i2"),
    on("id", "EXCEL_NUMBER", "1E+11", f"'1E+11' {EXCEL}", "100000000000"),
    on("id", "STUDENTID_FORMAT", "A-1", "'A-1' is not 1 to 20 letters A to Z and digits", "A1"),
    on("email", "VALUE_TRIMMED", "a@b.c ", f"'a@b.c ' {TRIMMED}", "a@b.c"),
    on("email", "EMAIL_FORMAT", "ann@b", "'ann@b' is not an address like user@domain.org of at most 60 characters", "ann@b.c"),
    on("dob", "VALUE_TRIMMED", "02/29/2012 ", f"the value {TRIMMED}", "02/29/2012"),
    on("dob", "DATE_FORMAT", "2/29/2012", "the value is not a day as MM/DD/YYYY", "02/29/2012"),
    on("dob", "DATE_FORMAT", "11/22/2026", "the value is a day in the future", "11/21/2026"),
    on("ssn", "VALUE_TRIMMED", " 123456789", f"the value {TRIMMED}", "123456789"),
    on("ssn", "EXCEL_NUMBER", "1.23457E+8", f"the value {EXCEL}", "123457000"),
    on("ssn", "SSN_FORMAT", "123-45-6789", "the value is not nine digits without dashes, zeros in front included", "123456789"),
    on("ssn", "SSN_FORMAT", "<unchanged>", "<unchanged> stands for the number that is stored, and the student is new", ""),
    on("gender", "VALUE_TRIMMED", "F ", f"'F ' {TRIMMED}", "F"),
    on("gender", "GENDER_FORMAT", "f", "'f' is not M or F", "F"),
    on("grade", "VALUE_TRIMMED", " 7", f"' 7' {TRIMMED}", "7"),
    on("grade", "GRADE_FORMAT", "2", "'2' is not a grade from 03 to 16", "3"),
    on("groups", "VALUE_TRIMMED", " x|y", f"' x|y' {TRIMMED}", "x | y"),
    on("groups", "GROUP_FORMAT", "x||y", "'x||y' holds an empty group, or one of more than 100 characters", "x|y"),
]  # fmt: skip

SCHOOL = [
    Example("school", "CELL_COUNT", "", "S5,West", "the row has 2 cells, the header has 3 headings", {}),
    Example("school", "BLANK_LINE", "", ",,", "the row is blank", {}),
    Example("school", "KEY_DOUBLED", "", {"School Code": "K1"}, "'K1' also stands in row {before}", {"School Code": "k1"}, {"School Code": "K1"}),
    of("school", "School Code", "VALUE_TRIMMED", " S5", f"' S5' {TRIMMED}", "S6"),
    of("school", "School Code", "REQUIRED", "", BLANK, "S5"),
    of("school", "School Code", "TOO_LONG", "x" * 16, f"'{'x' * 16}' has 16 characters, 15 are the most", "x" * 15),
    of("school", "School Name", "VALUE_TRIMMED", "West ", f"'West ' {TRIMMED}", "West"),
    of("school", "School Name", "REQUIRED", "", BLANK, "West"),
    of("school", "School Name", "TOO_LONG", "x" * 101, f"'{LONG}' has 101 characters, 100 are the most", "x" * 100),
    of("school", "District Code", "VALUE_TRIMMED", "D1 ", f"'D1 ' {TRIMMED}", "D1"),
    of("school", "District Code", "REQUIRED", "", BLANK, "D1"),
    of("school", "District Code", "TOO_LONG", "x" * 16, f"'{'x' * 16}' has 16 characters, 15 are the most", "x" * 15),
    of("school", "District Code", "STILL_REFERRED_TO", "D2", "the school has students, so its district cannot change from 'D1' to 'D2'", "D1", School_Code="S1"),
]  # fmt: skip

ORDER = [
    Example("license-order", "CELL_COUNT", "", "O1,eAMS", "the row has 2 cells, the header has 5 headings", {}),
    Example("license-order", "BLANK_LINE", "", ",,,,", "the row is blank", {}),
    Example("license-order", "KEY_DOUBLED", "", {"Order ID": "K1"}, "'K1' also stands in row {before}", {"Order ID": "k1"}, {"Order ID": "K1"}),
    of("license-order", "Order ID", "VALUE_TRIMMED", " O1", f"' O1' {TRIMMED}", "O1"),
    of("license-order", "Order ID", "REQUIRED", "", BLANK, "O2"),
    of("license-order", "Order ID", "TOO_LONG", "x" * 101, f"'{LONG}' has 101 characters, 100 are the most", "x" * 100),
    of("license-order", "Kind", "VALUE_TRIMMED", "Regular ", f"'Regular ' {TRIMMED}", "Regular"),
    of("license-order", "Kind", "REQUIRED", "", BLANK, "Regular"),
    of("license-order", "Kind", "NOT_IN_LIST", "Reglar", "'Reglar' is not in the list (did you mean 'Regular'?)", "regular"),
    of("license-order", "Kind", "BIN_DOUBLED", "Holding Bin", "the Holding Bin is BIN, and there can be only one", "eAMS", School_Code=""),
    Example("license-order", "STILL_REFERRED_TO", "Kind", {"Order ID": "R-1", "Kind": "eAMS", "School Code": "", "Free Licenses": ""},
            "students are on this order, so its kind cannot change from Regular to 'eAMS'", {"Order ID": "R-1", "Free Licenses": ""}),
    of("license-order", "School Code", "VALUE_TRIMMED", " S1", f"' S1' {TRIMMED}", "S1"),
    of("license-order", "School Code", "REQUIRED", "", "the cell is blank, and a regular order belongs to a school", "S1"),
    of("license-order", "School Code", "SCHOOL_ERR", "S7", "no school 'S7' is registered", "S1"),
    of("license-order", "School Code", "SCHOOL_NOT_ALLOWED", "S1", "'S1' stands beside the kind eAMS, and only regular orders belong to a school", "", Kind="eAMS"),
    of("license-order", "Current", "VALUE_TRIMMED", "No ", f"'No ' {TRIMMED}", "No"),
    of("license-order", "Current", "NOT_IN_LIST", "Y", "'Y' is not in the list; there are Yes, No", ""),
    of("license-order", "Current", "CURRENT_NOT_ALLOWED", "Yes", "'Yes' stands beside the kind Regular, and only an eAMS order can be the current one", "No"),
    of("license-order", "Current", "CURRENT_ORDER_DOUBLED", "Yes", "the current eAMS order is E-2026, and there can be only one", "", Kind="eAMS", School_Code=""),
    of("license-order", "Free Licenses", "VALUE_TRIMMED", " 5", f"' 5' {TRIMMED}", "5"),
    of("license-order", "Free Licenses", "REQUIRED", "", "the cell is blank, and the order is new", "0"),
    of("license-order", "Free Licenses", "NOT_A_NUMBER", "-1", "'-1' is not a whole number from 0 to 999999999", "1"),
    of("license-order", "Free Licenses", "LICENSES_DIFFER", "120", "'120' is not the 10 free licences that the order has; --set-licenses sets the number", "10", Order_ID="R-2"),
]  # fmt: skip

STATE = [
    Example("student-state", "CELL_COUNT", "", "s1,R-1,No,x", "the row has 4 cells, the header has 3 headings", {}),
    Example("student-state", "BLANK_LINE", "", "", "the row is blank", {}),
    Example("student-state", "KEY_DOUBLED", "", {"Student ID": "s2"}, "'s2' also stands in row {before}", {}, {"Student ID": "s2"}),
    of("student-state", "Student ID", "VALUE_TRIMMED", " s3", f"' s3' {TRIMMED}", "s3"),
    of("student-state", "Student ID", "REQUIRED", "", BLANK, "s4"),
    of("student-state", "Student ID", "STUDENT_NOT_FOUND", "S1", "there is no student 'S1'", "s5"),
    of("student-state", "Student ID", "STUDENT_AMBIGUOUS", "twice", "'twice' is a student of several districts", "s6"),
    of("student-state", "Order ID", "VALUE_TRIMMED", " R-1", f"' R-1' {TRIMMED}", "R-1"),
    of("student-state", "Order ID", "REQUIRED", "", BLANK, "R-1"),
    of("student-state", "Order ID", "ORDER_NOT_FOUND", "BIN", "there is no eAMS or regular order 'BIN'", "E-2025"),
    of("student-state", "Active", "VALUE_TRIMMED", "No ", f"'No ' {TRIMMED}", "No"),
    of("student-state", "Active", "REQUIRED", "", BLANK, "Yes"),
    of("student-state", "Active", "NOT_IN_LIST", "Yess", "'Yess' is not in the list (did you mean 'Yes'?)", "yes"),
]  # fmt: skip

EXAMPLES = [*STUDENT, *SCHOOL, *ORDER, *STATE]


def usual(template: str, number: int) -> dict[str, str]:
    """A row of a template without any fault, by heading; each number has a key of its own."""
    student = row(f"e{number}", status="X")
    return {
        "student": {HEADINGS[name]: value for name, value in student.items()},
        "school": {"School Code": f"X{number}", "School Name": "New", "District Code": "D1"},
        "license-order": {"Order ID": f"X{number}", "Kind": "Regular", "School Code": "S1", "Free Licenses": "5"},
        "student-state": {"Student ID": f"t{number}", "Order ID": "R-1", "Active": "No"},
    }[template]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A store with students, one of them on R-1 and one in two districts; no licence is left."""
    desk = district(tmp_path_factory.mktemp("base"))
    students = [*(f"s{n}" for n in range(1, 7)), *(f"t{n}" for n in range(61)), "twice"]
    desk.apply(*(row(one) for one in students), row("twice", district="D2", school="S9", username="other.user"))
    desk.refer("student-state", "s1,R-1,Yes")
    desk.fill(0)
    return desk


@pytest.fixture(scope="module")
def checked(base, tmp_path_factory):
    """The results of the rows with the fault and of those without it, all of a template in one file."""
    desk = copied(base, tmp_path_factory.mktemp("checked"))
    found = {}
    for template in FAMILY:
        headings = [one.heading for one in template_named(template).fields]
        for which in ("bad", "good"):
            lines, places = [headings], {}
            for number, example in enumerate(one for one in EXAMPLES if one.template == template):
                wanted = getattr(example, which)
                if example.before is not None:
                    lines.append([(usual(template, number) | example.before).get(at, "") for at in headings])
                if isinstance(wanted, str):
                    lines.append(wanted.split(",") if wanted else [])
                else:
                    lines.append([(usual(template, number) | wanted).get(at, "") for at in headings])
                places[example] = len(lines)
            lines.append([usual(template, 60).get(at, "") for at in headings])
            path = desk.write(text_of(lines), "students.csv")
            run("validate", path, store=desk.store, template=template, results=desk.folder / "out.csv")
            told = {int(one["row"]): one for one in results(desk.folder / "out.csv")}
            found |= {(example, which): (at, told[at]) for example, at in places.items()}
    return found


def names(example: Example) -> str:
    return f"{example.template}-{example.heading}-{example.code}"


def severity(example: Example) -> str:
    """The severity of the code."""
    (found,) = {one.severity for one in template_named(example.template).codes if one.word == example.code}
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=names)
def test_a_row_with_the_fault_has_the_code_and_the_whole_sentence(checked, example):
    at, line = checked[example, "bad"]
    where = f"row {at}, {example.heading}: " if example.heading else f"row {at}: "
    good = severity(example) == "note"
    begins = ["OK"] if good and example.template == "student" else []
    told = line["messages"].split(" | ")[len(begins) :]
    assert (line["codes"].split(), told) == (
        [*begins, example.code],
        [where + example.sentence.replace("{before}", str(at - 1))],
    )
    assert (line["outcome"] == "rejected") == (not good)


@pytest.mark.parametrize("example", EXAMPLES, ids=names)
def test_the_neighbour_without_the_fault_passes(checked, example):
    _, line = checked[example, "good"]
    assert (line["outcome"] != "rejected", example.code in line["codes"].split()) == (True, False)


@pytest.mark.parametrize("template", FAMILY)
def test_every_code_and_every_rule_on_a_field_has_an_example(template):
    declared = template_named(template)
    own = [one for one in EXAMPLES if one.template == template]
    missing = [
        (code.word, code.message)
        for code in declared.codes
        if code.word != "OK" and not any(one.code == code.word and made_of(code.message, one.sentence) for one in own)
    ]
    placed = {(one.field.heading, one.code.word) for one in declared.placed}
    assert (missing, placed - {(one.heading, one.code) for one in own}) == ([], set())
