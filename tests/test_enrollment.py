"""The enrollment template and its reference templates, rule by rule (enrollment.md, time.md)."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading import NOW, query, results, rows_of, run

from bulkload.exporting import export_records
from bulkload.rules import placeholders
from bulkload.store import open_store
from bulkload.templates import template_named, templates

HEADINGS = {
    "ID": "Enrollment ID",
    "A": "Enrollment",
    "B": "Username",
    "C": "Roster",
    "D": "Users Date Enrolled",
    "E": "User Date Enrolled Time Zone",
    "F": "Users Enrollment Pre-Status",
    "G": "Users Enrollment Post-Status",
    "H": "Priority (Waitlist)",
    "I": "Enrollment Completed Date / Last Status Change",
}
"""The columns by the letters that the specification gives them; ID is the later edition's first."""

ALL = tuple(HEADINGS)
NINE = ALL[1:]
EASTERN = "Eastern Standard Time"
COLUMNS = {
    "event": "Enrollment ID,Enrollment,Type,Default Pre-Status,Use Event Time Zone,Time Zone,Max Seats,Waitlist,Max Waitlist",
    "user": "Username,First Name,Last Name,Email,Active",
    "roster-field": "Field ID,Field Name",
    "completion": "Enrollment ID,Username,Completed On",
}
STORE = {
    "event": [
        "S1,Safety,ILT Session,Approved,No,,,Unlimited,",
        "S2,Twins,ILT Session,Approved,No,,,Unlimited,",
        "S3,Twins,ILT Session,Approved,No,,,Unlimited,",
        "C1,Algebra,Course,Approved,No,,,Unlimited,",
        "K1,Workshop,Class,Approved,No,,,Unlimited,",
        "R1,Reading,Self Study,Approved,No,,,Unlimited,",
        "O1,Local,ILT Session,Approved,Yes,Eastern Standard Time,,Unlimited,",
        "N1,Nominees,ILT Session,Nominated,No,,,Unlimited,",
        "D1,Denials,ILT Session,Denied,No,,,Unlimited,",
        "W1,Queue,ILT Session,Wait Listed,No,,,Unlimited,",
        "F1,Two and none,ILT Session,Approved,No,,2,None,",
        "F2,Two and one,ILT Session,Approved,No,,2,Max,1",
        "F3,Two and all,ILT Session,Approved,No,,2,Unlimited,",
        "F4,Endless,ILT Session,Approved,No,,,None,",
        "F5,One and none,Class,Approved,No,,1,None,",
        "F6,None and none,ILT Session,Approved,No,,0,None,",
        "F7,None and all,ILT Session,Approved,No,,0,Unlimited,",
        "J1,Café,ILT Session,Approved,No,,,Unlimited,",
    ],
    "user": ["ann,,,,Yes", "Bob,,,,Yes", "josé,,,,Yes", "idle,,,,No", *(f"u{n:02},,,,Yes" for n in range(100))],
    "roster-field": ["RC01,Room", "RC02,Diet", "RC03,Twice", "RC04,Twice"],
    "completion": ["C1,ann,09/17/2015 12:00 AM", "K1,ann,09/17/2015 12:00 AM"],
}
"""What every test's store holds, by reference template."""


def text_of(lines: list[list[str]], delimiter: str = ",") -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\r\n").writerows(lines)
    return written.getvalue()


def row(a: str = "Safety", b: str = "ann", **cells: str) -> dict[str, str]:
    """One row: the enrollment, the user, and cells by their letters; the zone is Eastern unless one is given."""
    return {"A": a, "B": b, "E": EASTERN} | cells


@dataclass
class Desk:
    """A folder with a store, where files are loaded and what became of their rows is read back."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def write(self, text: str, name: str = "enrollments.csv") -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def refer(self, template: str, *lines: str) -> list[dict[str, str]]:
        """Apply lines of a reference template."""
        self.write("\n".join([COLUMNS[template], *lines, ""]), f"{template}.csv")
        run("apply", self.folder / f"{template}.csv", store=self.store)
        return results(self.folder / f"{template}.results.csv")

    def apply(self, *rows: dict[str, str], letters: tuple[str, ...] = NINE, **options: Any) -> list[dict[str, str]]:
        return self.load("apply", rows, letters, options)

    def validate(self, *rows: dict[str, str], letters: tuple[str, ...] = NINE, **options: Any) -> list[dict[str, str]]:
        return self.load("validate", rows, letters, options)

    def load(self, verb: str, rows: Any, letters: tuple[str, ...], options: Any) -> list[dict[str, str]]:
        lines = [[HEADINGS[one] for one in letters], *([one.get(at, "") for at in letters] for one in rows)]
        place = self.folder / "out.csv"
        run(verb, self.write(text_of(lines)), store=self.store, results=place, **options)
        return results(place)

    def record(self, enrollment: str = "Safety", user: str = "ann") -> tuple[Any, ...]:
        """The stored pre-status, post-status, priority, zone, enrolled and changed (as ISO 8601)."""
        found = query(self.store, RECORD, enrollment, user)
        return (*found[0][:4], *(moment(one) for one in found[0][4:])) if found else ()

    def pres(self, enrollment: str) -> dict[str, str]:
        """The stored pre-status of each user of an enrollment."""
        return dict(query(self.store, PRES, enrollment))

    def roster(self, enrollment: str = "Safety", user: str = "ann") -> dict[str, str]:
        return dict(query(self.store, ROSTER, enrollment, user))

    def dump(self, *, jobs: bool = False) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, the job's own table left out unless it is asked for."""
        names = [one for (one,) in query(self.store, "SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {one: rows_of(self.store, one) for one in names if jobs or one != "job"}


RECORD = """
SELECT pre_status, post_status, priority, r.zone, enrolled_at, changed_at FROM enrollment_in_words r
JOIN event ON event.number = r.event JOIN user ON user.number = r.user WHERE event.name = ? AND username = ?
"""
PRES = """
SELECT username, pre_status FROM enrollment_in_words r
JOIN event ON event.number = r.event JOIN user ON user.number = r.user WHERE event.name = ?
"""
ROSTER = """
SELECT roster_field.name, value FROM roster_value r JOIN event ON event.number = r.event
JOIN user ON user.number = r.user JOIN roster_field ON roster_field.number = r.field
WHERE event.name = ? AND username = ?
"""


def moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%MZ")


def said(lines: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Outcome and codes of each row."""
    return [(one["outcome"], one["codes"]) for one in lines]


def codes(lines: list[dict[str, str]]) -> list[str]:
    return [one["codes"] for one in lines]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    desk = Desk(tmp_path_factory.mktemp("base"))
    for template, lines in STORE.items():
        assert {one["outcome"] for one in desk.refer(template, *lines)} == {"created"}
    stored = [row("Safety", "u90", F="Approved", G="Completed"), row("Safety", "u91", F="Approved", G="Passed")]
    queued = [row("Two and none", "u92", F="Forced Enrollment", G="Completed")]
    assert codes(desk.apply(*stored, *queued)) == ["", "", ""]
    return desk


@pytest.fixture
def desk(base, tmp_path):
    shutil.copy(base.store, tmp_path / "store.db")
    return Desk(tmp_path)


# ------------------------------------------------------------------------------- every code: failing and passing


@dataclass(frozen=True, eq=False)
class Example:
    """A row that has a code, with the whole sentence after `row N, Heading: `, and a neighbour that has it not.

    A row is what differs from its template's usual one, by heading; a text is a whole line. `before` are rows
    that stand before it.
    """

    template: str
    code: str
    heading: str
    bad: dict[str, str] | str
    message: str
    good: dict[str, str] | str
    options: tuple[tuple[str, str], ...] = ()
    before: tuple[dict[str, str], ...] = ()
    also: str = ""

    @property
    def group(self) -> tuple[str, tuple[tuple[str, str], ...], bool]:
        """Examples of one group are checked in one file."""
        return self.template, self.options, bool(self.before)


def on(letter: str, code: str, bad: str, message: str, good: str, **more: Any) -> Example:
    """An example of the enrollment template whose row differs in one cell; `more` are cells of both rows."""
    cells = {HEADINGS[one]: more.pop(one) for one in ALL if one in more}
    heading = HEADINGS[letter]
    return Example("enrollment", code, heading, cells | {heading: bad}, message, cells | {heading: good}, **more)


def of(template: str, heading: str, code: str, bad: str, message: str, good: str, **cells: str) -> Example:
    """An example of a reference template whose row differs in one cell."""
    return Example(template, code, heading, cells | {heading: bad}, message, cells | {heading: good})


LONG = "x" * 79 + "…"
PRE_LIST = (
    "Nominated, Approved, Denied, Wait Listed, Deleted, Forced Enrollment, User Dropped, Approval Cancelled, "
    "Pending Approval"
)
ILT_LIST = "Approved, Denied, Wait Listed, Forced Enrollment, User Dropped, Approval Cancelled, Pending Approval"
POST_LIST = "Completed, Incomplete, Passed, Failed, No Show, Not Attempted, Audit, Exempt, Not Approved"
FORM = "mm/dd/yyyy hh:mm AM/PM"
GOOD_DATE = "09/17/2015 12:00 AM"
REFUSED = (("ambiguous", "error"),)
BLANK = "the cell is blank, a value is required"

DATES = [
    example
    for letter in "DI"
    for example in (
        on(letter, "DATE_FORMAT", "9/17/2015 8:07 AM", f"'9/17/2015 8:07 AM' is not {FORM} (write 09/17/2015 08:00 AM)", GOOD_DATE),
        on(letter, "DATE_FORMAT", "02/29/2015 08:00 AM", f"'02/29/2015 08:00 AM' is not {FORM}", "02/28/2015 08:00 AM"),
        on(letter, "DATE_INTERVAL", "09/17/2015 12:10 AM", "'09/17/2015 12:10 AM' is not on a 15-minute step (write 09/17/2015 12:15 AM)", "09/17/2015 12:15 AM"),
        on(letter, "DATE_NONEXISTENT", "03/08/2015 02:30 AM", "'03/08/2015 02:30 AM' does not exist in Eastern Standard Time: clocks go from 02:00 to 03:00 AM", "03/08/2015 03:00 AM"),
        on(letter, "DATE_AMBIGUOUS", "11/01/2015 01:30 AM", "'11/01/2015 01:30 AM' occurs twice in Eastern Standard Time; it was taken as the later of the two", "11/01/2015 02:00 AM"),
        on(letter, "DATE_AMBIGUOUS", "11/01/2015 01:30 AM", "'11/01/2015 01:30 AM' occurs twice in Eastern Standard Time", "11/01/2015 02:00 AM", options=REFUSED),
    )
]  # fmt: skip

EXAMPLES = [
    Example("enrollment", "CELL_COUNT", "", "Safety,u01,,,Eastern Standard Time,,,,,,more", "the row has 11 cells, the header has 10 headings", {}),
    Example("enrollment", "BLANK_LINE", "", ",,,,,,,,,", "the row is blank", {}),
    Example("enrollment", "DUPLICATE_ROW", "", {"Username": "U95"}, "row {before} has the same enrollment and user, and the first counts", {"Username": "u96"},
            before=({"Username": "u95"},)),
    on("ID", "VALUE_TRIMMED", " S1", "' S1' was read without the blanks around it", "S1", A="Safety"),
    on("A", "VALUE_TRIMMED", "Safety\N{NO-BREAK SPACE}", "'Safety\N{NO-BREAK SPACE}' was read without the blanks around it", "Safety"),
    on("B", "VALUE_TRIMMED", " u97 ", "' u97 ' was read without the blanks around it", "u98"),
    on("C", "VALUE_TRIMMED", " Room=1", "' Room=1' was read without the blanks around it", "Room= 1"),
    on("D", "VALUE_TRIMMED", f"{GOOD_DATE} ", f"'{GOOD_DATE} ' was read without the blanks around it", GOOD_DATE),
    on("E", "VALUE_TRIMMED", " UTC", "' UTC' was read without the blanks around it", "UTC"),
    on("F", "VALUE_TRIMMED", "Denied ", "'Denied ' was read without the blanks around it", "Denied"),
    on("G", "VALUE_TRIMMED", " No Show", "' No Show' was read without the blanks around it", "No Show"),
    on("H", "VALUE_TRIMMED", " 5", "' 5' was read without the blanks around it", "5"),
    on("I", "VALUE_TRIMMED", f" {GOOD_DATE}", f"' {GOOD_DATE}' was read without the blanks around it", GOOD_DATE),
    on("ID", "ENROLLMENT_NOT_FOUND", "S9", "'S9' is the id of no enrollment of this store", "S1", A=""),
    on("A", "ENROLLMENT_BLANK", "", "the cell is blank, every row has to name its enrollment", "Safety"),
    on("A", "ENROLLMENT_TOO_LONG", "x" * 1001, f"'{LONG}' has 1001 characters, 1000 are the most", "Safety"),
    on("A", "ENROLLMENT_NOT_FOUND", "safety", "'safety' is no enrollment of this store", "Safety"),
    on("A", "ENROLLMENT_NOT_FOUND", "Reading", "'Reading' is not the name of the enrollment with this row's id, which is 'Safety'", "Safety", ID="S1"),
    on("A", "ENROLLMENT_AMBIGUOUS", "Twins", "'Twins' is the name of 2 enrollments of this store", "Algebra"),
    on("B", "USERNAME_BLANK", "", "the cell is blank, every row has to name its user", "u91"),
    on("B", "USERNAME_TOO_LONG", "x" * 101, f"'{LONG}' has 101 characters, 100 are the most", "u92"),
    on("B", "USER_NOT_FOUND", "nobody", "'nobody' is no user of this store", "u93"),
    on("B", "USER_INACTIVE", "idle", "'idle' is not an active user", "u94"),
    on("C", "ROSTER_SYNTAX", "Room=1;;Diet=2", "'Room=1;;Diet=2' is not name=data;name=data", "Room=1;Diet=2"),
    on("C", "ROSTER_SYNTAX", "Room", "'Room' is not name=data;name=data", "Room="),
    on("C", "ROSTER_FIELD_NOT_FOUND", "room=1;Hall=2", "the store has no roster field 'room', 'Hall'", "Room=1;Diet=2"),
    on("C", "ROSTER_FIELD_NOT_UNIQUE", "Twice=1", "the store has several roster fields 'Twice'", "Diet=1"),
    on("C", "ROSTER_FIELD_REPEATED", "Room=1;Room=1", "'Room=1;Room=1' names a field more than once", "Room=1;Diet=1"),
    on("C", "ROSTER_TRAILING_SEPARATOR", "Room=1;", "'Room=1;' ends in a semicolon, which separates nothing", "Room=1"),
    *DATES,
    on("E", "TIMEZONE_REQUIRED", "", "the cell is blank, and the enrollment does not use its own time zone", "UTC"),
    on("E", "TIMEZONE_UNKNOWN", "America/New_York", "'America/New_York' is not a time zone's Windows name (write Eastern Standard Time)", "eastern standard time"),
    on("E", "TIMEZONE_UNKNOWN", "(UTC-05:00) Eastern Time (US & Canada)",
       "'(UTC-05:00) Eastern Time (US & Canada)' is not a time zone's Windows name (write Eastern Standard Time)", EASTERN),
    on("E", "TIMEZONE_UNKNOWN", "Estern Standard Time", "'Estern Standard Time' is not a time zone's Windows name (write Eastern Standard Time)", EASTERN),
    on("E", "TIMEZONE_IGNORED", "UTC", "'UTC' was left aside: the enrollment uses its own time zone, Eastern Standard Time", "", A="Local"),
    on("F", "PRE_STATUS_UNKNOWN", "Aproved", "'Aproved' is no pre-status (did you mean 'Approved'?)", "approved"),
    on("F", "PRE_STATUS_NOT_FOR_TYPE", "Nominated",
       f"'Nominated' is no pre-status of an enrollment of the type ILT Session; there are {ILT_LIST}", "Approved"),
    on("F", "STATUS_ALIAS", "User  dropper", "'User  dropper' was read as User Dropped", "User  dropped"),
    on("F", "STATUS_ALIAS", "Approval Canceled", "'Approval Canceled' was read as Approval Cancelled", "Approval Cancelled"),
    on("F", "WAITLISTED", "Approved", "the seats of the enrollment (0) are all taken: the user is wait-listed", "Denied", A="None and all"),
    on("F", "OVERFLOW_DELETED", "Approved", "there is no place left (wait-list: None): the user is entered as Deleted", "Denied", A="None and none"),
    on("G", "POST_STATUS_UNKNOWN", "Complete", "'Complete' is no post-status (did you mean 'Completed'?)", "completed"),
    on("G", "POST_STATUS_NOT_ALLOWED", "Completed", "'Completed' does not go with the pre-status Denied; there is Not Attempted", "Not Attempted", F="Denied"),
    on("G", "POST_STATUS_NOT_ALLOWED", "Approved",
       "'Approved' does not go with the pre-status Denied; there is Not Attempted; a pre-status belongs in Users Enrollment Pre-Status", "", F="Denied"),
    on("G", "POST_STATUS_NEEDS_COMPLETION", "Passed", "'Passed' needs a completion of this user for this Course, and the store has none", "No Show", A="Algebra"),
    on("G", "POST_STATUS_IS_PRE_STATUS", "User Dropped", "'User Dropped' is the row's pre-status and was read as blank", "", F="User Dropped"),
    on("G", "POST_STATUS_RESET", "", "the stored post-status Completed does not go with the pre-status Denied and became Not Attempted",
       "Not Attempted", B="u90", F="Denied"),
    on("G", "POST_STATUS_RESET", "", "the stored post-status Completed does not go with the pre-status Deleted and became Not Attempted",
       "Not Attempted", A="Two and none", B="u92", F="Wait Listed", also="OVERFLOW_DELETED"),
    on("H", "PRIORITY_OTHER_TO_NONE", "100", "'100' is not a whole number from 0 to 99 and was read as None", "99"),
    # event
    Example("event", "CELL_COUNT", "", "E1,Name,Course", "the row has 3 cells, the header has 9 headings", {}),
    Example("event", "BLANK_LINE", "", "", "the row is blank", {}),
    Example("event", "KEY_DOUBLED", "", {"Enrollment ID": "E7"}, "'E7' also stands in row {before}", {"Enrollment ID": "e7"},
            before=({"Enrollment ID": "E7"},)),
    of("event", "Enrollment", "VALUE_TRIMMED", " Name", "' Name' was read without the blanks around it", "Name"),
    of("event", "Enrollment ID", "REQUIRED", "", BLANK, "E1"),
    of("event", "Enrollment ID", "TOO_LONG", "x" * 101, f"'{LONG}' has 101 characters, 100 are the most", "x" * 100),
    of("event", "Enrollment", "REQUIRED", "", BLANK, "Name"),
    of("event", "Enrollment", "TOO_LONG", "x" * 1001, f"'{LONG}' has 1001 characters, 1000 are the most", "x" * 1000),
    of("event", "Type", "REQUIRED", "", BLANK, "Course"),
    of("event", "Type", "NOT_IN_LIST", "Corse", "'Corse' is not in the list (did you mean 'Course'?)", "COURSE"),
    of("event", "Type", "STILL_REFERRED_TO", "Course", "'Course' cannot be the type now: users are enrolled here under the type ILT Session", "ILT Session", **{"Enrollment ID": "S1"}),
    of("event", "Default Pre-Status", "REQUIRED", "", BLANK, "Nominated"),
    of("event", "Default Pre-Status", "NOT_IN_LIST", "Waitlisted", "'Waitlisted' is not in the list (did you mean 'Wait Listed'?)", "Wait Listed"),
    of("event", "Use Event Time Zone", "REQUIRED", "", BLANK, "No"),
    of("event", "Use Event Time Zone", "NOT_IN_LIST", "Y", "'Y' is not in the list; there are Yes, No", "no"),
    of("event", "Time Zone", "TIMEZONE_REQUIRED", "", "the cell is blank, and Use Event Time Zone is Yes", "UTC", **{"Use Event Time Zone": "Yes"}),
    of("event", "Time Zone", "TIMEZONE_UNKNOWN", "Europe/Berlin", "'Europe/Berlin' is not a time zone's Windows name (write W. Europe Standard Time)", "UTC"),
    of("event", "Max Seats", "NOT_A_NUMBER", "1.5", "'1.5' is not a whole number from 0 to 999999999", "15"),
    of("event", "Waitlist", "REQUIRED", "", BLANK, "None"),
    of("event", "Waitlist", "NOT_IN_LIST", "Unlimitd", "'Unlimitd' is not in the list (did you mean 'Unlimited'?)", "unlimited"),
    of("event", "Max Waitlist", "NOT_A_NUMBER", "-1", "'-1' is not a whole number from 0 to 999999999", "0", Waitlist="Max"),
    of("event", "Max Waitlist", "REQUIRED", "", "the cell is blank, and Waitlist is Max", "0", Waitlist="Max"),
    # user
    Example("user", "CELL_COUNT", "", "u01,Yes", "the row has 2 cells, the header has 5 headings", {}),
    Example("user", "BLANK_LINE", "", ",,,,", "the row is blank", {}),
    Example("user", "KEY_DOUBLED", "", {"Username": "ZOË"}, "'ZOË' also stands in row {before}", {"Username": "ZOE"},
            before=({"Username": "zoë"},)),
    of("user", "First Name", "VALUE_TRIMMED", "Ann ", "'Ann ' was read without the blanks around it", "Ann"),
    of("user", "Username", "REQUIRED", "", BLANK, "new"),
    of("user", "Username", "TOO_LONG", "x" * 101, f"'{LONG}' has 101 characters, 100 are the most", "x" * 100),
    of("user", "First Name", "TOO_LONG", "x" * 101, f"'{LONG}' has 101 characters, 100 are the most", "x" * 100),
    of("user", "Last Name", "TOO_LONG", "x" * 101, f"'{LONG}' has 101 characters, 100 are the most", "x" * 100),
    of("user", "Email", "TOO_LONG", "x" * 256, f"'{LONG}' has 256 characters, 255 are the most", "x" * 255),
    of("user", "Active", "REQUIRED", "", BLANK, "Yes"),
    of("user", "Active", "NOT_IN_LIST", "Yess", "'Yess' is not in the list (did you mean 'Yes'?)", "YES"),
    # roster-field
    Example("roster-field", "CELL_COUNT", "", "R1,Name,3", "the row has 3 cells, the header has 2 headings", {}),
    Example("roster-field", "BLANK_LINE", "", ",", "the row is blank", {}),
    Example("roster-field", "KEY_DOUBLED", "", {"Field ID": "R7"}, "'R7' also stands in row {before}", {"Field ID": "R8"},
            before=({"Field ID": "R7"},)),
    of("roster-field", "Field Name", "VALUE_TRIMMED", " Hall", "' Hall' was read without the blanks around it", "Hall"),
    of("roster-field", "Field ID", "REQUIRED", "", BLANK, "R1"),
    of("roster-field", "Field ID", "TOO_LONG", "x" * 101, f"'{LONG}' has 101 characters, 100 are the most", "x" * 100),
    of("roster-field", "Field Name", "REQUIRED", "", BLANK, "Hall"),
    of("roster-field", "Field Name", "TOO_LONG", "x" * 256, f"'{LONG}' has 256 characters, 255 are the most", "x" * 255),
    # completion
    Example("completion", "CELL_COUNT", "", "C1,u01", "the row has 2 cells, the header has 3 headings", {}),
    Example("completion", "BLANK_LINE", "", ",,", "the row is blank", {}),
    Example("completion", "KEY_DOUBLED", "", {"Username": "U95"}, "'C1', 'U95' also stands in row {before}", {"Username": "u96"},
            before=({"Username": "u95"},)),
    of("completion", "Username", "VALUE_TRIMMED", " u91", "' u91' was read without the blanks around it", "u92"),
    of("completion", "Enrollment ID", "REQUIRED", "", BLANK, "C1"),
    of("completion", "Enrollment ID", "ENROLLMENT_NOT_FOUND", "Algebra", "'Algebra' is the id of no enrollment of this store", "C1"),
    of("completion", "Username", "REQUIRED", "", BLANK, "u93"),
    of("completion", "Username", "USER_NOT_FOUND", "nobody", "'nobody' is no user of this store", "u94"),
    of("completion", "Completed On", "REQUIRED", "", BLANK, GOOD_DATE),
    of("completion", "Completed On", "DATE_FORMAT", "2015-09-17", f"'2015-09-17' is not {FORM}", GOOD_DATE),
    of("completion", "Completed On", "DATE_INTERVAL", "09/17/2015 12:10 AM", "'09/17/2015 12:10 AM' is not on a 15-minute step (write 09/17/2015 12:15 AM)", GOOD_DATE),
]  # fmt: skip


def usual(template: str, number: int) -> dict[str, str]:
    """A row of a template without any fault; each number has a key of its own."""
    return {
        "enrollment": {"Enrollment": "Safety", "Username": f"u{number:02}", HEADINGS["E"]: EASTERN},
        "event": dict(zip(COLUMNS["event"].split(","), [f"X{number}", "Name", "ILT Session", "Approved", "No", "", "", "None", ""], strict=True)),
        "user": {"Username": f"x{number}", "Active": "Yes"},
        "roster-field": {"Field ID": f"X{number}", "Field Name": "Hall"},
        "completion": {"Enrollment ID": "C1", "Username": f"u{number:02}", "Completed On": GOOD_DATE},
    }[template]  # fmt: skip


def check_group(desk: Desk, group: tuple[str, Any, bool], which: str) -> dict[Example, tuple[int, int, dict[str, str]]]:
    """Check the failing or the passing rows of a group in one file: row, the row before it, and its results."""
    template, options, _ = group
    headings = [one.heading for one in template_named(template).fields]
    lines, places = [headings], {}
    for number, example in enumerate(one for one in EXAMPLES if one.group == group):
        wanted = getattr(example, which)
        before = [usual(template, number) | one for one in example.before]
        rows = [wanted.split(",") if isinstance(wanted, str) else usual(template, number) | wanted]
        for one in [*before, *rows]:
            lines.append([one.get(at, "") for at in headings] if isinstance(one, dict) else one)
        places[example] = len(lines)
    lines.append([usual(template, 99).get(at, "") for at in headings])
    path = desk.write(text_of(lines), f"{which}.csv")
    run("validate", path, store=desk.store, results=desk.folder / "out.csv", template=template, **dict(options))
    found = {int(one["row"]): one for one in results(desk.folder / "out.csv")}
    return {example: (at, at - len(example.before), found[at]) for example, at in places.items()}


@pytest.fixture(scope="module")
def checked(base, tmp_path_factory):
    desk = Desk(tmp_path_factory.mktemp("checked"))
    shutil.copy(base.store, desk.store)
    found: dict[tuple[Any, str], Any] = {}

    def results_of(example: Example, which: str) -> tuple[int, int, dict[str, str]]:
        key = (example.group, which)
        if key not in found:
            try:
                found[key] = check_group(desk, example.group, which)
            except Exception as error:  # noqa: BLE001 - one crash must fail each test of its group, not hide in the first
                found[key] = error
        if isinstance(found[key], Exception):
            raise AssertionError(f"the file of {key} could not be checked: {str(found[key])[:150]}")
        return found[key][example]

    return results_of


def names(example: Example) -> str:
    return f"{example.template}-{example.heading.split(' ')[0]}-{example.code}"


def severity(example: Example) -> str:
    """The severity of the code, which one word may have two of: then the message tells."""
    found = [one for one in template_named(example.template).codes if one.word == example.code]
    if len({one.severity for one in found}) > 1:
        found = [one for one in found if made_of(one.message, example.message)]
    return max(found, key=lambda one: len(one.message)).severity


def made_of(pattern: str, message: str) -> bool:
    parts = [re.escape(literal) + (".*" if name else "") for literal, name in placeholders(pattern)]
    return re.fullmatch("".join(parts), message, re.DOTALL) is not None


@pytest.mark.parametrize("example", EXAMPLES, ids=names)
def test_a_row_with_the_fault_has_the_code_and_the_whole_message(checked, example):
    at, before, line = checked(example, "bad")
    where = f"row {at}, {example.heading}: " if example.heading else f"row {at}: "
    others = [one for one in line["messages"].split(" | ") if not example.also or "place left" not in one]
    assert sorted(line["codes"].split()) == sorted([example.code, *example.also.split()])
    assert others == [where + example.message.replace("{before}", str(before))]


@pytest.mark.parametrize("example", EXAMPLES, ids=names)
def test_an_error_rejects_the_row_and_a_note_or_warning_does_not(checked, example):
    rejected = checked(example, "bad")[2]["outcome"] == "rejected"
    assert rejected == (severity(example) == "error")


@pytest.mark.parametrize("example", EXAMPLES, ids=names)
def test_the_neighbour_without_the_fault_passes(checked, example):
    line = checked(example, "good")[2]
    assert (line["outcome"] != "rejected", example.code in line["codes"].split()) == (True, False)


def test_every_code_of_every_template_has_an_example():
    missing = [
        (template.name, code.word, code.message)
        for template in templates().values()
        for code in template.codes
        if not any(
            (one.template, one.code) == (template.name, code.word) and made_of(code.message, one.message)
            for one in EXAMPLES
        )
        and template.name in {*COLUMNS, "enrollment"}
    ]
    assert missing == []


def test_every_rule_on_every_field_has_an_example():
    placed = {
        (template.name, one.field.heading, one.code.word)
        for template in templates().values()
        for one in template.placed
        if template.name in {*COLUMNS, "enrollment"} and one.code.word != "VALUE_TRIMMED"
    }
    assert placed - {(one.template, one.heading, one.code) for one in EXAMPLES} == set()


def test_codes_are_those_of_the_specification():
    listed = (
        "ENROLLMENT_BLANK ENROLLMENT_TOO_LONG ENROLLMENT_NOT_FOUND ENROLLMENT_AMBIGUOUS USERNAME_BLANK "
        "USERNAME_TOO_LONG USER_NOT_FOUND ROSTER_SYNTAX ROSTER_FIELD_NOT_FOUND ROSTER_FIELD_NOT_UNIQUE "
        "ROSTER_FIELD_REPEATED DATE_FORMAT DATE_INTERVAL DATE_NONEXISTENT DATE_AMBIGUOUS TIMEZONE_REQUIRED "
        "TIMEZONE_UNKNOWN TIMEZONE_IGNORED PRE_STATUS_UNKNOWN PRE_STATUS_NOT_FOR_TYPE STATUS_ALIAS "
        "POST_STATUS_UNKNOWN POST_STATUS_NOT_ALLOWED POST_STATUS_NEEDS_COMPLETION POST_STATUS_IS_PRE_STATUS "
        "POST_STATUS_RESET PRIORITY_OTHER_TO_NONE DUPLICATE_ROW ROSTER_TRAILING_SEPARATOR WAITLISTED "
        "OVERFLOW_DELETED USER_INACTIVE VALUE_TRIMMED CELL_COUNT BLANK_LINE"
    )
    assert {one.word for one in template_named("enrollment").codes} == set(listed.split())


# ------------------------------------------------------------------------------------------- 1 the file


def test_columns_may_stand_in_any_order(desk):
    lines = desk.apply(row(F="Denied", H="7"), letters=NINE[::-1])
    assert (said(lines), desk.record()[:3]) == ([("created", "")], ("Denied", "Not Attempted", 7))


def test_headings_match_without_case_and_blanks_around_them(desk):
    text = text_of([[f" {HEADINGS[one].upper()} " for one in NINE], ["Safety", "ann", "", "", "UTC", "", "", "", ""]])
    reports = run("apply", desk.write(text), store=desk.store)
    assert dict(reports[0].tally.outcomes) == {"created": 1}


def test_tab_delimited_text_is_read_as_well(desk):
    text = text_of([[HEADINGS[one] for one in NINE], ["Safety", "ann", "", "", "UTC", "", "", "", ""]], "\t")
    reports = run("apply", desk.write(text, "enrollments.txt"), store=desk.store)
    assert dict(reports[0].tally.outcomes) == {"created": 1}


def test_empty_cells_at_the_end_of_a_row_may_be_missing(desk):
    text = text_of([[HEADINGS[one] for one in NINE], ["Safety", "ann", "", "", "UTC"], ["Safety"]])
    run("apply", desk.write(text), store=desk.store)
    assert said(results(desk.folder / "enrollments.results.csv")) == [
        ("created", ""),
        ("rejected", "USERNAME_BLANK TIMEZONE_REQUIRED"),
    ]


def test_the_first_of_two_rows_of_an_enrollment_and_user_counts_even_where_it_is_rejected(desk):
    lines = desk.apply(
        row(b="ann", F="Aproved"),
        row(b="ANN", F="Denied"),
        row(b="Bob", F="Denied"),
        row(b="Bob", F="Approved"),
        row(b=" bob ", F="Aproved"),
    )
    assert said(lines) == [
        ("rejected", "PRE_STATUS_UNKNOWN"),
        ("rejected", "DUPLICATE_ROW"),
        ("created", ""),
        ("rejected", "DUPLICATE_ROW"),
        ("rejected", "VALUE_TRIMMED PRE_STATUS_UNKNOWN DUPLICATE_ROW"),
    ]
    assert lines[4]["messages"].endswith("row 6: row 4 has the same enrollment and user, and the first counts")
    assert desk.pres("Safety") == {"Bob": "Denied", "u90": "Approved", "u91": "Approved"}


def test_blank_keys_double_nothing(desk):
    lines = desk.validate(row(a="", b=""), row(a="", b=""), row(b=""), row(b=""))
    assert codes(lines) == ["ENROLLMENT_BLANK USERNAME_BLANK"] * 2 + ["USERNAME_BLANK"] * 2


def test_unknown_enrollments_and_users_are_doubled_by_their_text(desk):
    assert codes(desk.validate(row("Zumba", "nobody"), row("Zumba", "NOBODY"), row("zumba", "nobody"))) == [
        "ENROLLMENT_NOT_FOUND USER_NOT_FOUND",
        "ENROLLMENT_NOT_FOUND USER_NOT_FOUND DUPLICATE_ROW",
        "ENROLLMENT_NOT_FOUND USER_NOT_FOUND",
    ]


def test_user_names_match_without_case_and_enrollment_names_exactly(desk):
    lines = desk.apply(row(b="BOB"), row(a="SAFETY"), row(b="JOSÉ"))
    assert codes(lines) == ["", "ENROLLMENT_NOT_FOUND", ""]
    assert set(desk.pres("Safety")) == {"Bob", "josé", "u90", "u91"}


def test_names_match_in_composed_and_decomposed_form(desk):
    apart = unicodedata.normalize("NFD", "Café"), unicodedata.normalize("NFD", "josé")
    assert codes(desk.apply(row(*apart), row("Café", "josé"))) == ["", "DUPLICATE_ROW"]
    assert desk.pres("Café") == {"josé": "Approved"}


def test_names_are_stored_composed(desk):
    desk.refer("event", unicodedata.normalize("NFD", "Z1,Überblick,Course,Approved,No,,,None,"))
    desk.refer("user", unicodedata.normalize("NFD", "Jürgen,,,,Yes"))
    assert query(desk.store, "SELECT name FROM event WHERE id = 'Z1'") == [("Überblick",)]
    assert query(desk.store, "SELECT username, folded FROM user ORDER BY number DESC LIMIT 1") == [("Jürgen", "jürgen")]


def test_lengths_are_counted_in_code_points(desk):
    desk.refer("event", f"Z1,{'é' * 1000},Course,Approved,No,,,None,")
    assert codes(desk.validate(row("é" * 1000), row("e\u0301" * 1000, "Bob"), row("😀" * 1001, "u01"))) == [
        "",
        "",
        "ENROLLMENT_TOO_LONG",
    ]


def test_the_id_settles_which_enrollment_of_a_name_is_meant(desk):
    assert codes(desk.validate(row("Twins"))) == ["ENROLLMENT_AMBIGUOUS"]
    assert codes(desk.apply(row("Twins", ID="S3"), row("", "Bob", ID="S2"), letters=ALL)) == ["", ""]
    stored = query(
        desk.store, "SELECT id FROM enrollment JOIN event ON number = event WHERE name = 'Twins' ORDER BY id"
    )
    assert stored == [("S2",), ("S3",)]


def test_without_an_id_the_id_layout_goes_by_the_name(desk):
    lines = desk.validate(
        row(ID=""), row("", "Bob", ID=""), row("Twins", "u01", ID=""), row("Safety", "ANN", ID="S1"), letters=ALL
    )
    assert codes(lines) == ["", "ENROLLMENT_BLANK", "ENROLLMENT_AMBIGUOUS", "DUPLICATE_ROW"]


def test_all_findings_of_a_row_are_reported_in_the_order_of_the_columns(desk):
    bad = row(" Zumba", "nobody", C="Hall=1;Hall=2", D="today", E="EST!", F="x", G="y", H="z", I="09/17/2015 12:10 AM")
    assert codes(desk.validate(bad)) == [
        "VALUE_TRIMMED ENROLLMENT_NOT_FOUND USER_NOT_FOUND ROSTER_FIELD_NOT_FOUND ROSTER_FIELD_REPEATED DATE_FORMAT "
        "TIMEZONE_UNKNOWN PRE_STATUS_UNKNOWN POST_STATUS_UNKNOWN PRIORITY_OTHER_TO_NONE DATE_INTERVAL"
    ]


def test_a_row_gives_the_user_of_an_inactive_account_its_enrollment_all_the_same(desk):
    assert (said(desk.apply(row(b="idle"))), desk.record(user="idle")[0]) == (
        [("created", "USER_INACTIVE")],
        "Approved",
    )


# ------------------------------------------------------------------------------------------- 2 roster


def test_roster_pairs_are_stored_trimmed_and_split_at_the_first_equals_sign(desk):
    desk.apply(row(C=" Room = A=1 ; Diet=  two  words "))
    assert desk.roster() == {"Room": "A=1", "Diet": "two  words"}


def test_a_roster_field_not_named_is_left_as_it_is_and_one_without_data_is_cleared(desk):
    desk.apply(row(C="Room=1;Diet=2"))
    lines = desk.apply(row(C="Room=3"))
    assert (lines[0]["changes"], desk.roster()) == ("Roster Room: 1 → 3", {"Room": "3", "Diet": "2"})
    lines = desk.apply(row(C="Diet="))
    assert (lines[0]["changes"], desk.roster()) == ("Roster Diet: 2 → (blank)", {"Room": "3"})
    lines = desk.apply(row(C=""))
    assert (said(lines), desk.roster()) == ([("unchanged", "")], {"Room": "3"})


def test_clearing_a_roster_field_that_holds_nothing_changes_nothing(desk):
    desk.apply(row())
    assert said(desk.validate(row(C="Room=;Diet="))) == [("unchanged", "")]


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("Room=1;", "ROSTER_TRAILING_SEPARATOR"),
        ("Room=1 ; ", "VALUE_TRIMMED ROSTER_TRAILING_SEPARATOR"),
        (";Room=1", "ROSTER_SYNTAX"),
        ("Room=1; ;Diet=1", "ROSTER_SYNTAX"),
        ("=1", "ROSTER_SYNTAX"),
        ("Room", "ROSTER_SYNTAX"),
        ("Room=1;Diet", "ROSTER_SYNTAX"),
        ("ROOM=1", "ROSTER_FIELD_NOT_FOUND"),
        ("Room=1;Room=2", "ROSTER_FIELD_REPEATED"),
        ("Room=1; Room =2", "ROSTER_FIELD_REPEATED"),
        ("Twice=1;Twice=2", "ROSTER_FIELD_NOT_UNIQUE ROSTER_FIELD_REPEATED"),
        ("x;y;Hall=1;Attic=2;Twice=1;Room=1;Room=2", "ROSTER_SYNTAX ROSTER_FIELD_NOT_FOUND ROSTER_FIELD_NOT_UNIQUE ROSTER_FIELD_REPEATED"),
    ],
)  # fmt: skip
def test_each_kind_of_fault_in_a_roster_cell_is_one_finding(base, tmp_path, cell, found):
    shutil.copy(base.store, tmp_path / "store.db")
    assert codes(Desk(tmp_path).validate(row(C=cell))) == [found]


def test_any_number_of_roster_pairs_is_taken(desk):
    desk.refer("roster-field", *(f"X{n},Field {n}" for n in range(300)))
    desk.apply(row(C=";".join(f"Field {n}={n}" for n in range(300))))
    assert desk.roster() == {f"Field {n}": str(n) for n in range(300)}


# ------------------------------------------------------------------------------------------- dates and zones


@pytest.mark.parametrize(
    ("date", "zone", "instant"),
    [
        ("01/02/2015 08:00 AM", EASTERN, "2015-01-02T13:00Z"),
        ("09/17/2015 12:00 AM", EASTERN, "2015-09-17T04:00Z"),
        ("09/17/2015 12:00 PM", EASTERN, "2015-09-17T16:00Z"),
        ("01/15/2027 08:00 AM", "British Columbia Standard Time", "2027-01-15T15:00Z"),
        ("03/14/2027 02:30 AM", "British Columbia Standard Time", "2027-03-14T09:30Z"),
        ("07/01/2040 08:00 AM", EASTERN, "2040-07-01T12:00Z"),
        ("01/02/2015 08:00 AM", "US Mountain Standard Time", "2015-01-02T15:00Z"),
        ("07/02/2015 08:00 AM", "US Mountain Standard Time", "2015-07-02T15:00Z"),
        ("07/02/2015 08:00 AM", "GMT Standard Time", "2015-07-02T07:00Z"),
        ("07/02/2015 08:00 AM", "Greenwich Standard Time", "2015-07-02T08:00Z"),
        ("07/02/2015 08:00 AM", "utc-11", "2015-07-02T19:00Z"),
        ("07/02/2015 08:00 AM", "SAMOA STANDARD TIME", "2015-07-01T19:00Z"),
    ],
)
def test_dates_are_stored_as_instants(base, tmp_path, date, zone, instant):
    shutil.copy(base.store, tmp_path / "store.db")
    desk = Desk(tmp_path)
    desk.apply(row(D=date, E=zone, I=date))
    assert desk.record()[4:] == (instant, instant)


DATE_FORMS = {
    "09/17/2015 12:10 AM": "DATE_INTERVAL",
    "09/17/2015 12:59 AM": "DATE_INTERVAL",
    "01/01/1900 12:01 AM": "DATE_INTERVAL",
    "12/31/2199 11:59 PM": "DATE_INTERVAL",
    "09/17/2015 12:60 AM": "DATE_FORMAT",
    "9/17/2015 12:00 AM": "DATE_FORMAT",
    "1/2/2015 8:00 AM": "DATE_FORMAT",
    "01/02/2015 08:00 am": "DATE_FORMAT",
    "01/02/2015  08:00 AM": "DATE_FORMAT",
    "01/02/2015 08:00  AM": "DATE_FORMAT",
    "01/02/2015 08:0 AM": "DATE_FORMAT",
    "01/02/2015 08:00AM": "DATE_FORMAT",
    "02/29/2015 08:00 AM": "DATE_FORMAT",
    "02/29/2015 08:07 AM": "DATE_FORMAT",
    "02/29/1900 08:00 AM": "DATE_FORMAT",
    "01/02/2015 00:15 AM": "DATE_FORMAT",
    "01/02/2015 13:00 PM": "DATE_FORMAT",
    "13/01/2015 08:00 AM": "DATE_FORMAT",
    "01/02/1899 08:00 AM": "DATE_FORMAT",
    "01/02/2200 08:00 AM": "DATE_FORMAT",
    "01/02/15 08:00 AM": "DATE_FORMAT",
    "01/02/2015": "DATE_FORMAT",
    "2015-01-02T08:00": "DATE_FORMAT",
    "٠١/02/2015 08:00 AM": "DATE_FORMAT",
    "01/02/2015 08:00:00 AM": "DATE_FORMAT",
    "02/29/2000 08:00 AM": "",
    "02/29/2016 11:45 PM": "",
}


@pytest.mark.parametrize("letter", ["D", "I"])
def test_dates_have_one_form_and_no_other(desk, letter):
    lines = desk.validate(*(row(b=f"u{n:02}", **{letter: date}) for n, date in enumerate(DATE_FORMS)))
    assert dict(zip(DATE_FORMS, codes(lines), strict=True)) == DATE_FORMS


def test_a_wrong_date_has_the_nearest_right_spelling_as_its_remedy(desk):
    meant = {
        "1/2/2015 8:00 AM": "01/02/2015 08:00 AM",
        "01/02/2015 08:00 am": "01/02/2015 08:00 AM",
        "01/02/2015  08:00 AM": "01/02/2015 08:00 AM",
        "01/02/2015 08:0 AM": "01/02/2015 08:00 AM",
        "01/02/2015 08:08 AM": "01/02/2015 08:15 AM",
        "12/31/2015 11:59 PM": "01/01/2016 12:00 AM",
    }
    lines = desk.validate(*(row(b=f"u{n:02}", D=date) for n, date in enumerate(meant)))
    found = [re.search(r"\(write (.*)\)", one["messages"]) for one in lines]
    assert [one and one[1] for one in found] == list(meant.values())


@pytest.mark.parametrize(
    ("date", "zone", "gap"),
    [
        ("03/08/2015 02:30 AM", EASTERN, "from 02:00 to 03:00 AM"),
        ("03/29/2015 12:00 AM", "Azores Standard Time", "from 12:00 to 01:00 AM"),
        ("10/18/2015 12:00 AM", "E. South America Standard Time", "from 12:00 to 01:00 AM"),
        ("10/04/2015 02:15 AM", "Lord Howe Standard Time", "from 02:00 to 02:30 AM"),
        ("09/27/2015 02:45 AM", "Chatham Islands Standard Time", "from 02:45 to 03:45 AM"),
        ("12/30/2011 10:00 AM", "Samoa Standard Time", "from 12/30/2011 12:00 AM to 12/31/2011 12:00 AM"),
    ],
)
def test_a_time_that_does_not_exist_is_refused_with_the_change_of_clocks(base, tmp_path, date, zone, gap):
    shutil.copy(base.store, tmp_path / "store.db")
    lines = Desk(tmp_path).validate(row(D=date, E=zone))
    assert lines[0]["messages"] == f"row 2, Users Date Enrolled: '{date}' does not exist in {zone}: clocks go {gap}"


@pytest.mark.parametrize(
    ("choice", "instant", "found"),
    [
        ("later", "2015-11-01T06:30Z", "DATE_AMBIGUOUS"),
        ("earlier", "2015-11-01T05:30Z", "DATE_AMBIGUOUS"),
        ("error", None, "DATE_AMBIGUOUS"),
    ],
)
def test_a_time_that_occurs_twice_is_the_later_one_unless_something_else_is_chosen(desk, choice, instant, found):
    lines = desk.apply(row(D="11/01/2015 01:30 AM"), ambiguous=choice)
    assert said(lines) == [("rejected" if instant is None else "created", found)]
    assert desk.record()[4:5] == (() if instant is None else (instant,))


def test_a_blank_date_enrolled_is_the_exact_time_now_for_a_new_row_and_unchanged_for_an_old_one(desk):
    desk.apply(row())
    assert query(desk.store, "SELECT enrolled_at FROM enrollment ORDER BY enrolled_at DESC LIMIT 1") == [
        (int(NOW.timestamp()),)
    ]
    lines = desk.apply(row(), now=NOW + timedelta(days=1))
    assert said(lines) == [("unchanged", "")]


def test_a_blank_column_i_is_none_for_a_new_row_and_removes_what_an_old_one_has(desk):
    desk.apply(row())
    assert desk.record()[5] is None
    desk.apply(row(I="09/17/2015 12:00 AM"))
    assert desk.record()[5] == "2015-09-17T04:00Z"
    lines = desk.apply(row())
    assert (said(lines), desk.record()[5]) == ([("updated", "")], None)
    assert lines[0]["changes"] == f"{HEADINGS['I']}: 09/17/2015 04:00 AM UTC → (blank)"


def test_dates_are_equal_when_their_instants_are(desk):
    desk.apply(row(D="01/02/2015 08:00 AM", E=EASTERN))
    lines = desk.apply(row(D="01/02/2015 01:00 PM", E="UTC"))
    assert lines[0]["changes"] == "User Date Enrolled Time Zone: Eastern Standard Time → UTC"


def test_dates_are_shown_in_the_configured_zone_and_pattern(desk):
    desk.apply(row(D="01/02/2015 08:00 AM"))
    shown = {"display_time_zone": "America/New_York", "display_date": "%d.%m.%Y %H:%M"}
    lines = desk.apply(row(D="09/17/2015 12:00 AM"), **shown)
    assert lines[0]["changes"] == (
        "Users Date Enrolled: 02.01.2015 08:00 America/New_York → 17.09.2015 00:00 America/New_York"
    )


def test_the_zone_is_required_where_the_enrollment_does_not_use_its_own_even_without_dates(desk):
    assert codes(desk.validate(row(E=""), row("Local", E=""), row("Zumba", E=""))) == [
        "TIMEZONE_REQUIRED",
        "",
        "ENROLLMENT_NOT_FOUND",
    ]


def test_the_enrollments_own_zone_is_used_and_the_rows_is_checked_and_then_ignored(desk):
    lines = desk.apply(
        row("Local", "ann", D="01/02/2015 08:00 AM", E="UTC"), row("Local", "Bob", D="01/02/2015 08:00 AM", E="Mars")
    )
    assert said(lines) == [("created", "TIMEZONE_IGNORED"), ("rejected", "TIMEZONE_UNKNOWN")]
    assert desk.record("Local")[3:5] == (EASTERN, "2015-01-02T13:00Z")


def test_a_row_sets_the_zone_though_it_has_no_dates_and_stored_instants_stay(desk):
    desk.apply(row(D="01/02/2015 08:00 AM", E=EASTERN))
    desk.apply(row(E="tokyo standard time"))
    assert desk.record()[3:5] == ("Tokyo Standard Time", "2015-01-02T13:00Z")


def test_without_a_known_enrollment_the_rows_zone_is_the_one_for_its_dates(desk):
    gap = "03/08/2015 02:30 AM"
    assert codes(desk.validate(row("Zumba", "ann", D=gap), row("Zumba", "Bob", D=gap, E="UTC"))) == [
        "ENROLLMENT_NOT_FOUND DATE_NONEXISTENT",
        "ENROLLMENT_NOT_FOUND",
    ]


def test_zone_names_match_without_case_but_with_their_inner_blanks(desk):
    assert codes(desk.apply(row(E="EASTERN standard TIME"), row(b="Bob", E="Eastern  Standard Time"))) == [
        "",
        "TIMEZONE_UNKNOWN",
    ]
    assert desk.record()[3] == EASTERN


# ------------------------------------------------------------------------------------------- 4 pre-status

PRE = PRE_LIST.split(", ")
POST = POST_LIST.split(", ")
EIGHT = [one for one in PRE if one != "Deleted"]
ACCEPTED = {
    "Safety": set(PRE) - {"Nominated", "Deleted"},
    "Algebra": set(PRE),
    "Workshop": set(PRE),
    "Reading": set(EIGHT),
}


@pytest.mark.parametrize("enrollment", ACCEPTED)
def test_each_type_accepts_its_own_pre_statuses(desk, enrollment):
    lines = desk.validate(*(row(enrollment, f"u{n:02}", F=one) for n, one in enumerate(PRE)))
    accepted = {one for one, line in zip(PRE, lines, strict=True) if line["outcome"] == "created"}
    refused = {line["codes"] for line in lines if line["outcome"] == "rejected"}
    assert (accepted, refused) == (
        ACCEPTED[enrollment],
        {"PRE_STATUS_NOT_FOR_TYPE"} if accepted < set(PRE) else set(),
    )


def test_statuses_are_read_in_any_case_and_spacing_and_stored_as_the_list_spells_them(desk):
    desk.apply(row(F="  APPROVED", G="not\u00a0 attempted"), row(b="Bob", F="user   DROPPER"))
    assert desk.record()[:2] == ("Approved", "Not Attempted")
    assert desk.record(user="Bob")[0] == "User Dropped"


def test_a_blank_pre_status_is_the_default_for_a_new_row_and_unchanged_for_an_old_one(desk):
    lines = desk.apply(row("Nominees", "ann"), row("Denials", "ann"))
    assert (said(lines), desk.record("Nominees")[0], desk.record("Denials")[0]) == (
        [("created", "")] * 2,
        "Nominated",
        "Denied",
    )
    desk.apply(row("Denials", "ann", F="Approved"))
    assert said(desk.validate(row("Denials", "ann"))) == [("unchanged", "")]
    assert desk.record("Denials")[0] == "Approved"


# ------------------------------------------------------------------------------------------- 5 post-status


def pairs_of(enrollment: str, defaults: dict[str, str]) -> list[tuple[tuple[str, str], dict[str, str]]]:
    """A row for each of the 72 pairs; a pre-status that a file may not ask for is an enrollment's default."""
    rows = []
    for pre in EIGHT:
        for post in POST:
            user = f"u{len(rows):02}"
            cells = {"a": defaults[pre]} if pre in defaults else {"a": enrollment, "F": pre}
            rows.append(((pre, post), row(b=user, G=post, **cells)))
    return rows


@pytest.mark.parametrize(
    ("enrollment", "defaults"), [("Safety", {"Nominated": "Nominees"}), ("Reading", {})], ids=["ILT", "Self Study"]
)
def test_the_24_pairs_of_statuses_are_accepted_and_the_other_48_are_refused(desk, enrollment, defaults):
    rows = pairs_of(enrollment, defaults)
    lines = desk.validate(*(cells for _, cells in rows))
    found = {pair: said([line])[0] for (pair, _), line in zip(rows, lines, strict=True)}
    good = {(pre, post) for pre in ("Approved", "Forced Enrollment") for post in POST}
    good |= {(pre, "Not Attempted") for pre in EIGHT}
    assert len(good) == 24
    assert {pair for pair, line in found.items() if line == ("created", "")} == good
    assert [found[pair] for pair in found.keys() - good] == [("rejected", "POST_STATUS_NOT_ALLOWED")] * 48


def test_deleted_allows_not_attempted_alone(desk):
    lines = desk.validate(*(row("Workshop", f"u{n:02}", F="Deleted", G=post) for n, post in enumerate(POST)))
    assert [post for post, line in zip(POST, lines, strict=True) if line["outcome"] == "created"] == ["Not Attempted"]
    assert {line["codes"] for line in lines} == {"", "POST_STATUS_NOT_ALLOWED"}


def test_a_post_status_is_held_against_the_pre_status_of_the_row_the_store_or_the_default(desk):
    desk.apply(row(b="ann", F="Denied"), row(b="Bob", F="Approved"))
    lines = desk.validate(
        row(b="ann", G="No Show"),
        row(b="Bob", F="Denied", G="No Show"),
        row("Denials", "ann", G="No Show"),
        row("Denials", "Bob", F="Approved", G="No Show"),
        row("Safety", "u01", G="No Show"),
    )
    assert codes(lines) == [
        "POST_STATUS_NOT_ALLOWED",
        "POST_STATUS_NOT_ALLOWED",
        "POST_STATUS_NOT_ALLOWED",
        "",
        "",
    ]


def test_where_the_pre_status_is_not_known_the_post_status_has_only_to_be_a_word_of_either_list(desk):
    lines = desk.validate(
        row(b="u01", F="Aproved", G="No Show"),
        row(b="u02", F="Aproved", G="Nominated"),
        row(b="u03", F="Aproved", G="Complete"),
        row(b="u04", F="Nominated", G="No Show"),
        row("Zumba", "u05", G="No Show"),
        row("Zumba", "u06", G="Wait Listed"),
        row("Zumba", "u07", G="Complete"),
        row("Zumba", "u08", F="Denied", G="No Show"),
    )
    assert codes(lines) == [
        "PRE_STATUS_UNKNOWN",
        "PRE_STATUS_UNKNOWN",
        "PRE_STATUS_UNKNOWN POST_STATUS_UNKNOWN",
        "PRE_STATUS_NOT_FOR_TYPE",
        "ENROLLMENT_NOT_FOUND",
        "ENROLLMENT_NOT_FOUND",
        "ENROLLMENT_NOT_FOUND POST_STATUS_UNKNOWN",
        "ENROLLMENT_NOT_FOUND POST_STATUS_NOT_ALLOWED",
    ]


def test_an_unknown_user_counts_as_new_and_no_completion_is_asked_of_one(desk):
    assert codes(desk.validate(row("Algebra", "nobody", G="Completed"), row("Denials", "nobody", G="Completed"))) == [
        "USER_NOT_FOUND",
        "USER_NOT_FOUND POST_STATUS_NOT_ALLOWED",
    ]


@pytest.mark.parametrize("enrollment", ["Algebra", "Workshop"])
def test_completed_passed_and_failed_need_a_completion_in_courses_and_classes(desk, enrollment):
    lines = desk.validate(
        *(row(enrollment, f"u{n:02}", G=post) for n, post in enumerate(POST)), row(enrollment, "ann", G="Failed")
    )
    needed = [post for post, line in zip(POST, lines, strict=False) if line["outcome"] == "rejected"]
    assert (needed, codes(lines)[-1]) == (["Completed", "Passed", "Failed"], "")
    assert set(codes(lines)) == {"", "POST_STATUS_NEEDS_COMPLETION"}


@pytest.mark.parametrize("enrollment", ["Safety", "Reading"])
def test_no_completion_is_needed_in_sessions_and_self_study(desk, enrollment):
    assert codes(desk.validate(row(enrollment, "u01", G="Completed"), row(enrollment, "u02", G="Passed"))) == ["", ""]


def test_with_a_completion_a_blank_post_status_means_completed(desk):
    desk.apply(
        row("Algebra", "ann"),
        row("Algebra", "Bob"),
        row("Workshop", "ann", F="Denied"),
        row("Safety", "ann"),
    )
    assert [desk.record("Algebra")[1], desk.record("Algebra", "Bob")[1]] == ["Completed", "Not Attempted"]
    assert [desk.record("Workshop")[1], desk.record("Safety")[1]] == ["Not Attempted", "Not Attempted"]
    desk.refer("completion", "C1,Bob,09/17/2015 12:00 AM")
    lines = desk.apply(row("Algebra", "Bob"), row("Workshop", "ann", F="Forced Enrollment"))
    assert said(lines) == [("updated", ""), ("updated", "")]
    assert [desk.record("Algebra", "Bob")[1], desk.record("Workshop")[1]] == ["Completed", "Completed"]


def test_another_stored_post_status_stays_under_a_blank_cell_though_there_is_a_completion(desk):
    desk.apply(row("Algebra", "ann", G="No Show"))
    assert (said(desk.apply(row("Algebra", "ann"))), desk.record("Algebra")[1]) == ([("unchanged", "")], "No Show")


def test_a_blank_post_status_stays_unless_the_new_pre_status_no_longer_allows_it(desk):
    lines = desk.apply(row(b="u90", F="Forced Enrollment"), row(b="u91", F="Denied"))
    assert codes(lines) == ["", "POST_STATUS_RESET"]
    assert [desk.record(user="u90")[1], desk.record(user="u91")[1]] == ["Completed", "Not Attempted"]
    assert codes(desk.validate(row(b="u91", F="User Dropped"))) == [""]


def test_a_post_cell_that_names_the_rows_own_pre_status_counts_as_blank(desk):
    lines = desk.apply(
        row(b="u90", F="Approved", G="approved"),
        row("Denials", "ann", G="Denied"),
        row(b="ann", F="user dropper", G="User Dropper"),
        row(b="Bob", F="Approved", G="Denied"),
    )
    assert [one["codes"] for one in lines] == [
        "POST_STATUS_IS_PRE_STATUS",
        "POST_STATUS_IS_PRE_STATUS",
        "STATUS_ALIAS POST_STATUS_IS_PRE_STATUS",
        "POST_STATUS_NOT_ALLOWED",
    ]
    assert [desk.record(user="u90")[1], desk.record("Denials")[:2]] == ["Completed", ("Denied", "Not Attempted")]
    assert "a pre-status belongs in Users Enrollment Pre-Status" in lines[3]["messages"]


# ------------------------------------------------------------------------------------------- 6 priority

PRIORITIES = {
    "": 99, "<null>": 99, "<NULL>": 99, "0": 0, "05": 5, "007": 7, "99": 99, "1": 1,
    "None": None, "NONE": None, "100": None, "-1": None, "1.5": None, "5.0": None, "+5": None, "null": None, "abc": None, "٣": None,
}  # fmt: skip


def test_priorities_are_0_to_99_or_none_and_never_an_error(desk):
    lines = desk.apply(*(row(b=f"u{n:02}", H=one) for n, one in enumerate(PRIORITIES)))
    stored = {one: desk.record(user=f"u{n:02}")[2] for n, one in enumerate(PRIORITIES)}
    noted = [one for one, line in zip(PRIORITIES, lines, strict=True) if line["codes"] == "PRIORITY_OTHER_TO_NONE"]
    assert ({line["outcome"] for line in lines}, stored) == ({"created"}, PRIORITIES)
    assert noted == ["100", "-1", "1.5", "5.0", "+5", "null", "abc", "٣"]


def test_a_blank_priority_sets_99_on_an_update_too(desk):
    desk.apply(row(H="5"))
    lines = desk.apply(row(H=""))
    assert (lines[0]["changes"], desk.record()[2]) == ("Priority (Waitlist): 5 → 99", 99)


def test_priority_and_note_do_not_depend_on_status_or_wait_list(desk):
    lines = desk.validate(row("Endless", "ann", F="Denied", H="abc"), row("Two and one", "ann", H="abc"))
    assert codes(lines) == ["PRIORITY_OTHER_TO_NONE", "PRIORITY_OTHER_TO_NONE"]


# ------------------------------------------------------------------------------------------- 7 seats


def four(enrollment: str, **cells: str) -> list[dict[str, str]]:
    return [row(enrollment, f"u0{n}", **cells) for n in range(4)]


@pytest.mark.parametrize(
    ("enrollment", "third", "fourth"),
    [
        ("Two and one", "Wait Listed", "Deleted"),
        ("Two and all", "Wait Listed", "Wait Listed"),
        ("Endless", "Approved", "Approved"),
    ],
)
def test_who_comes_after_the_last_seat_is_wait_listed_or_deleted_as_the_setting_says(desk, enrollment, third, fourth):
    lines = desk.apply(*four(enrollment))
    word = {"Wait Listed": "WAITLISTED", "Deleted": "OVERFLOW_DELETED", "Approved": ""}
    assert codes(lines) == ["", "", word[third], word[fourth]]
    assert list(desk.pres(enrollment).values()) == ["Approved", "Approved", third, fourth]


def test_without_a_wait_list_who_comes_after_the_last_seat_is_deleted(desk):
    desk.refer("event", "F1,Two and none,ILT Session,Approved,No,,3,None,")
    assert codes(desk.validate(*four("Two and none"))) == ["", "", "OVERFLOW_DELETED", "OVERFLOW_DELETED"]


def test_1_the_roster_counts_first_then_the_files_rows_in_order(desk):
    desk.apply(row("One and none", "u09"))
    desk.apply(row("One and none", "u01"), row("One and none", "u09", H="1"))
    assert desk.pres("One and none") == {"u09": "Approved", "u01": "Deleted"}


def test_1_four_pre_statuses_of_a_class_take_a_seat_and_five_do_not(desk):
    desk.refer("event", *(f"T{n},Seat {one},Class,Approved,No,,1,Max,1" for n, one in enumerate(PRE)))
    lines = desk.apply(
        *(row(f"Seat {asked}", user, F=one) for asked in PRE for user, one in (("u01", asked), ("u02", "")))
    )
    takes = {asked for asked, line in zip(PRE, lines[1::2], strict=True) if line["codes"] == "WAITLISTED"}
    assert takes == {"Nominated", "Pending Approval", "Approved", "Forced Enrollment"}
    assert set(codes(lines[::2])) == {""}


def test_2_who_is_wait_listed_has_the_priority_of_the_row(desk):
    desk.apply(*four("Two and all", H="7"))
    assert desk.record("Two and all", "u02")[:3] == ("Wait Listed", "Not Attempted", 7)


def test_2_forced_enrollment_always_gets_in_and_takes_a_seat(desk):
    rows = [row("One and none", f"u0{n}", F="Forced Enrollment") for n in range(2)]
    assert codes(desk.validate(*rows, row("One and none", "u09"))) == ["", "", "OVERFLOW_DELETED"]


def test_3_who_asks_for_the_wait_list_is_deleted_where_there_is_none(desk):
    assert codes(desk.apply(row("Endless", F="Wait Listed"))) == ["OVERFLOW_DELETED"]
    assert desk.record("Endless")[0] == "Deleted"


def test_3_who_asks_for_the_wait_list_takes_a_place_while_there_is_one(desk):
    lines = desk.apply(row("Two and one", "ann", F="Wait Listed"), row("Two and one", "Bob", F="Wait Listed"))
    assert (codes(lines), desk.pres("Two and one")) == (
        ["", "OVERFLOW_DELETED"],
        {"ann": "Wait Listed", "Bob": "Deleted"},
    )


def test_4_a_row_changed_by_the_system_keeps_its_other_values_and_loses_its_post_status(desk):
    cells = {"C": "Room=1", "D": "01/02/2015 08:00 AM", "G": "Completed", "H": "7", "I": "09/17/2015 12:00 AM"}
    assert codes(desk.apply(row("None and none", **cells), row("None and all", **cells))) == [
        "OVERFLOW_DELETED",
        "WAITLISTED",
    ]
    rest = ("Not Attempted", 7, EASTERN, "2015-01-02T13:00Z", "2015-09-17T04:00Z")
    assert desk.record("None and none") == ("Deleted", *rest)
    assert desk.record("None and all") == ("Wait Listed", *rest)
    assert desk.roster("None and none") == desk.roster("None and all") == {"Room": "1"}


def test_5_a_seat_that_a_row_frees_is_free_for_the_rows_after_it_and_nobody_is_promoted(desk):
    desk.apply(*four("Two and all"))
    lines = desk.apply(
        row("Two and all", "u05"),
        row("Two and all", "u00", F="User Dropped"),
        row("Two and all", "u06"),
        row("Two and all", "u07"),
    )
    assert codes(lines) == ["WAITLISTED", "", "", "WAITLISTED"]
    assert desk.pres("Two and all") == {
        "u00": "User Dropped", "u01": "Approved", "u02": "Wait Listed", "u03": "Wait Listed",
        "u05": "Wait Listed", "u06": "Approved", "u07": "Wait Listed",
    }  # fmt: skip


def test_5_a_rejected_row_takes_and_frees_nothing(desk):
    desk.apply(row("One and none", "u01"))
    lines = desk.apply(row("One and none", "u01", F="User Dropped", H="1", D="x"), row("One and none", "u02"))
    assert codes(lines) == ["DATE_FORMAT", "OVERFLOW_DELETED"]


def test_6_an_enrollment_without_max_seats_is_never_full(desk):
    assert set(codes(desk.validate(*(row("Endless", f"u{n:02}") for n in range(50))))) == {""}


def test_7_a_stored_seat_or_place_is_kept_whatever_the_settings_are_now(desk):
    desk.apply(*four("Two and all"))
    desk.refer("event", "F3,Two and all,ILT Session,Approved,No,,0,None,")
    lines = desk.apply(*four("Two and all", H="5"), row("Two and all", "u09"))
    assert codes(lines) == ["", "", "", "", "OVERFLOW_DELETED"]
    assert list(desk.pres("Two and all").values()) == ["Approved", "Approved", "Wait Listed", "Wait Listed", "Deleted"]


def test_7_a_wait_listed_user_who_asks_in_vain_for_a_seat_stays_wait_listed(desk):
    desk.apply(*four("Two and one"))
    lines = desk.apply(row("Two and one", "u02", F="Approved"), row("Two and one", "u03", F="Approved"))
    assert said(lines) == [("unchanged", "WAITLISTED"), ("unchanged", "OVERFLOW_DELETED")]
    desk.apply(row("Two and one", "u00", F="User Dropped"))
    assert codes(desk.apply(row("Two and one", "u02", F="Approved"))) == [""]
    assert desk.pres("Two and one")["u02"] == "Approved"


def test_7_a_stored_post_status_lost_by_the_system_is_told_of(desk):
    lines = desk.apply(row("Two and none", "u92", F="Wait Listed"))
    assert (codes(lines), desk.record("Two and none", "u92")[:2]) == (
        ["OVERFLOW_DELETED POST_STATUS_RESET"],
        ("Deleted", "Not Attempted"),
    )


# ------------------------------------------------------------------------------------------- 8 reference data


def test_reference_files_add_change_and_leave_alone_by_their_key(desk):
    desk.refer("user", "ann,,,,Yes", "ANN,Ann,,,Yes", "new,,,,Yes")
    lines = desk.refer("user", "ANN,Ann,,,Yes", "Bob,,,,Yes", "newer,,,,Yes")
    assert [(one["Username"], one["outcome"], one["changes"]) for one in lines] == [
        ("ANN", "updated", "Username: ann → ANN; First Name: (blank) → Ann"),
        ("Bob", "unchanged", ""),
        ("newer", "created", ""),
    ]


def test_an_enrollment_may_change_all_but_its_type_while_users_are_enrolled(desk):
    changed = "S1,Safety 2,ILT Session,Denied,Yes,UTC,5,Max,1"
    assert said(desk.refer("event", changed)) == [("updated", "")]
    assert said(desk.refer("event", "S1,Safety 2,Course,Denied,Yes,UTC,5,Max,1", "R1,Reading,Course,Approved,No,,,Unlimited,")) == [
        ("rejected", "STILL_REFERRED_TO"),
        ("updated", ""),
    ]  # fmt: skip


def test_roster_field_names_may_repeat(desk):
    assert said(desk.refer("roster-field", "RC09,Room")) == [("created", "")]
    assert codes(desk.validate(row(C="Room=1"))) == ["ROSTER_FIELD_NOT_UNIQUE"]


def test_completions_are_kept_in_utc_for_each_enrollment(desk):
    desk.refer("completion", "C1,Bob,01/02/2015 08:00 AM", "K1,bob,01/03/2015 08:00 AM")
    sql = "SELECT completed_at FROM completion JOIN user ON number = user WHERE username = 'Bob' ORDER BY 1"
    assert [moment(one) for (one,) in query(desk.store, sql)] == ["2015-01-02T08:00Z", "2015-01-03T08:00Z"]


# ------------------------------------------------------------------------------------------- applying


MANY = [
    row("Safety", "ann", C="Room=1;Diet=2", D="01/02/2015 08:00 AM", F="Approved", G="Completed", H="5", I="09/17/2015 12:00 AM"),
    row("Safety", "Bob", F="Denied"),
    row("Algebra", "ann"),
    row("Local", "josé", E="", D="11/01/2015 01:30 AM", H="None"),
    row("Nominees", "u01", D="07/01/2040 08:00 AM", E="Tokyo Standard Time"),
    row("Workshop", "u01", F="Deleted"),
    *four("Two and all", C="Diet=none", H="3"),
    *four("Two and one"),
]  # fmt: skip


def test_the_same_file_twice_changes_nothing_the_second_time(desk):
    desk.apply(*MANY)
    before = desk.dump()
    lines = desk.apply(*MANY, now=NOW + timedelta(days=3))
    assert ({one["outcome"] for one in lines}, {one["changes"] for one in lines}) == ({"unchanged"}, {""})
    assert desk.dump() == before


def test_reference_files_twice_change_nothing_the_second_time(desk):
    before = desk.dump()
    for template, lines in STORE.items():
        assert {one["outcome"] for one in desk.refer(template, *lines)} == {"unchanged"}
    assert desk.dump() == before


@pytest.mark.parametrize("ending", ["csv", "txt", "xlsx"])
def test_an_export_applied_again_changes_nothing(desk, ending):
    desk.apply(*(one for one in MANY if one["A"] not in {"Nominees", "Two and one"}))
    before = desk.dump()
    for template in (*templates()["enrollment"].refers_to, "enrollment"):
        path = desk.folder / f"{template}-export.{ending}"
        with open_store(str(desk.store)) as store:
            export_records(template_named(template), store, path, io.BytesIO())
        report = run("apply", path, store=desk.store)[0]
        assert (report.template, set(report.tally.outcomes)) == (
            template,
            {"unchanged"} if report.tally.rows else set(),
        )
    assert desk.dump() == before


def test_the_only_rows_of_an_export_that_are_rejected_are_those_a_file_may_not_ask_for(desk):
    desk.apply(*MANY)
    before = desk.dump()
    path = desk.folder / "export.csv"
    with open_store(str(desk.store)) as store:
        export_records(template_named("enrollment"), store, path, io.BytesIO())
    run("apply", path, store=desk.store)
    rejected = [one for one in results(desk.folder / "export.results.csv") if one["outcome"] == "rejected"]
    assert [(one["Enrollment"], one["Username"], one["codes"]) for one in rejected] == [
        ("Nominees", "u01", "PRE_STATUS_NOT_FOR_TYPE"),
        ("Two and one", "u03", "PRE_STATUS_NOT_FOR_TYPE"),
    ]
    assert desk.dump() == before


def test_rejects_are_mended_and_loaded_again(desk):
    lines = [
        [HEADINGS[one] for one in NINE],
        ["Safety", "ann", "", "", EASTERN, "Aproved", "", "", ""],
        ["Safety", "Bob", "", "", EASTERN, "", "", "", ""],
        ["Saftey", "josé", "", "", EASTERN, "", "", "", ""],
    ]
    run("apply", desk.write(text_of(lines)), store=desk.store)
    rejects = desk.folder / "enrollments.rejects.csv"
    assert rejects.read_text(encoding="utf-8") == text_of([lines[0], lines[1], lines[3]]).replace("\r\n", "\n")
    mended = rejects.read_text(encoding="utf-8").replace("Aproved", "Approved").replace("Saftey", "Safety")
    rejects.write_text(mended, encoding="utf-8")
    report = run("apply", rejects, store=desk.store)[0]
    assert (dict(report.tally.outcomes), report.rejects) == ({"created": 2}, None)
    assert set(desk.pres("Safety")) == {"ann", "Bob", "josé", "u90", "u91"}


def test_every_record_keeps_the_job_that_created_it_and_the_one_that_changed_it_last(desk):
    desk.apply(row(b="ann", C="Room=1;Diet=1"), row(b="Bob"))
    desk.apply(row(b="ann", F="Denied", C="Room=2;Diet=1"), row(b="Bob"), row(b="josé"))
    sql = "SELECT username, r.created_job, r.changed_job FROM enrollment r JOIN user ON number = user WHERE username < 'u'"
    first, second = newest(desk)
    assert sorted(query(desk.store, sql)) == [("Bob", first, first), ("ann", first, second), ("josé", second, second)]
    fields = "SELECT f.name, r.created_job, r.changed_job FROM roster_value r JOIN roster_field f ON f.number = r.field"
    assert sorted(query(desk.store, fields)) == [("Diet", first, first), ("Room", first, second)]


def newest(desk: Desk) -> tuple[int, int]:
    """The numbers of the last two jobs, the older one first."""
    (second,), (first,) = query(desk.store, "SELECT number FROM job ORDER BY number DESC LIMIT 2")
    return first, second


def journal(desk: Desk) -> list[tuple[int, str, dict[str, Any], dict[str, Any]]]:
    rows = query(desk.store, 'SELECT job, "table", "key", "before" FROM journal ORDER BY rowid')
    return [(job, table, json.loads(key), json.loads(before)) for job, table, key, before in rows]


def test_the_journal_holds_the_previous_values_of_changed_records_exactly(desk):
    desk.apply(
        row(b="ann", C="Room=1;Diet=2", D="01/02/2015 08:00 AM", G="Completed", H="None", I="09/17/2015 12:00 AM"),
        row(b="Bob"),
    )
    assert journal(desk) == []
    desk.apply(row(b="ann", C="Room=;Diet=3", E="UTC", F="Denied", H="5"), row(b="Bob"), row(b="josé"))
    job = newest(desk)[1]
    event = query(desk.store, "SELECT number FROM event WHERE name = 'Safety'")[0][0]
    user = query(desk.store, "SELECT number FROM user WHERE username = 'ann'")[0][0]
    before = {
        "pre_status": "Approved", "post_status": "Completed", "priority": None, "zone": EASTERN,
        "enrolled_at": 1420203600, "changed_at": 1442462400,
    }  # fmt: skip
    key = {"event": event, "user": user}
    assert journal(desk)[0] == (job, "enrollment", key, before)
    assert sorted(journal(desk)[1:], key=str) == [
        (job, "roster_value", key | {"field": 1}, {"value": "1"}),
        (job, "roster_value", key | {"field": 2}, {"value": "2"}),
    ]


def test_the_journal_holds_the_previous_values_of_reference_records(desk):
    desk.refer("user", "ANN,Ann,Doe,a@b.org,No")
    desk.refer("event", "S1,Safety,ILT Session,Approved,Yes,UTC,5,None,")
    (number,) = query(desk.store, "SELECT number FROM user WHERE folded = 'ann'")[0]
    assert [one[1:] for one in journal(desk)] == [
        ("user", {"number": number}, {"username": "ann", "first_name": None, "last_name": None, "email": None, "active": True}),
        ("event", {"number": 1}, {"name": "Safety", "type": "ILT Session", "default_pre": "Approved", "use_event_zone": False,
                                  "zone": None, "max_seats": None, "waitlist": "Unlimited", "max_waitlist": None}),
    ]  # fmt: skip


def test_changes_say_heading_old_and_new_of_an_updated_row_alone(desk):
    desk.apply(row(b="ann", H="5"), row(b="Bob"))
    lines = desk.apply(row(b="ann", C="Room=1", F="Denied", H="None"), row(b="Bob"), row(b="josé"))
    assert [one["changes"] for one in lines] == [
        "Users Enrollment Pre-Status: Approved → Denied; Priority (Waitlist): 5 → None; Roster Room: (blank) → 1",
        "",
        "",
    ]


# ------------------------------------------------------------------------------------------- laws


CELLS = st.sampled_from(
    [
        "",
        "Safety",
        "Zumba",
        "ann",
        "Bob",
        "nobody",
        EASTERN,
        "UTC",
        "Approved",
        "Denied",
        "x;y",
        'a"b',
        "Room=1",
        GOOD_DATE,
        " ann",
    ]
)
LINES = st.one_of(
    st.lists(CELLS, max_size=11).map(lambda cells: text_of([cells])),
    st.sampled_from(["\r\n", ",,,\r\n", '"Safety","ann"\r\n', '"two\nlines",ann\n']),
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines=st.lists(LINES, max_size=12))
def test_every_row_ends_in_exactly_one_outcome_and_the_counts_add_up(base, tmp_path_factory, lines):
    desk = Desk(tmp_path_factory.mktemp("law"))
    header = text_of([[HEADINGS[one] for one in NINE]])
    path, place = desk.write(header + "".join(lines)), desk.folder / "out.csv"
    report = run("validate", path, store=base.store, results=place)[0]
    read = list(csv.reader(io.StringIO("".join(lines), newline="")))
    while read and not any(cell.strip() for cell in read[-1]):
        read.pop()
    found = results(place)
    assert [int(one["row"]) for one in found] == list(range(2, len(read) + 2))
    assert report.tally.rows == sum(report.tally.outcomes.values()) == len(read)
    for outcome in ("created", "updated", "unchanged", "rejected"):
        assert report.tally.outcomes[outcome] == sum(one["outcome"] == outcome for one in found)
