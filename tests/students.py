"""A district with its schools, orders and licences, and the student files that are loaded into it."""

from __future__ import annotations

import csv
import io
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loading import query, results, rows_of, run

HEADINGS = {
    "district": "District Code",
    "school": "School Code",
    "status": "Status",
    "username": "Username",
    "password": "Password",
    "first": "First Name",
    "last": "Last Name",
    "middle": "Middle Name",
    "id": "Student ID",
    "email": "Email",
    "dob": "DOB",
    "ssn": "SSN",
    "gender": "Gender",
    "grade": "Grade",
    "groups": "Groups",
}
"""The columns in the order of the template, each by a short name."""

COLUMNS = {
    "school": "School Code,School Name,District Code",
    "license-order": "Order ID,Kind,School Code,Current,Free Licenses",
    "student-state": "Student ID,Order ID,Active",
}
SCHOOLS = ("S1,North High,D1", "S2,South High,D1", "S9,East High,D2", f"{'S' * 15},Long,{'D' * 15}")
ORDERS = (
    "BIN,Holding Bin,,,100",
    "E-2026,eAMS,,Yes,0",
    "E-2025,eAMS,,No,0",
    "R-1,Regular,S1,,10",
    "R-2,Regular,S2,,10",
)

STUDENT = """
SELECT s.*, school.code AS school_code, o.id AS order_id
FROM student s JOIN school ON school.number = s.school JOIN license_order o ON o.number = s.license_order
WHERE s.district = ? AND s.student_id = ?
"""


def row(student: str = "1001", **cells: str) -> dict[str, str]:
    """One row without any fault: a student of S1 in D1 who is to be active; `cells` by the columns' short names."""
    usual = {"district": "D1", "school": "S1", "status": "A", "username": f"user.{student}", "password": "Pa55word!"}
    return usual | {"first": "Ann", "last": "Lee", "id": student} | cells


FULL = {
    "middle": "Q",
    "email": "ann@x.org",
    "dob": "02/29/2012",
    "ssn": "012345678",
    "gender": "F",
    "grade": "7",
    "groups": "Chess|Band",
}
"""Values for the optional cells of a row."""


def text_of(lines: list[list[str]], delimiter: str = ",") -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\r\n").writerows(lines)
    return written.getvalue()


def file_of(*rows: dict[str, str]) -> str:
    """A student file of rows."""
    return text_of([list(HEADINGS.values()), *([one.get(name, "") for name in HEADINGS] for one in rows)])


def line_of(*cells: str) -> str:
    """A line of a file."""
    return text_of([list(cells)])


@dataclass
class Desk:
    """A folder with a store, where files are loaded and what became of their rows is read back."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def write(self, text: str, name: str = "students.csv") -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def refer(self, template: str, *lines: str, **options: Any) -> list[dict[str, str]]:
        """Apply lines of a reference template."""
        path = self.write("\n".join([COLUMNS[template], *lines, ""]), f"{template}.csv")
        run("apply", path, store=self.store, **options)
        return results(self.folder / f"{template}.results.csv")

    def apply(self, *rows: dict[str, str], **options: Any) -> list[dict[str, str]]:
        """Apply rows of students, and return their lines of the results."""
        return self.load("apply", file_of(*rows), **options)

    def validate(self, *rows: dict[str, str], **options: Any) -> list[dict[str, str]]:
        """Check rows of students, and return their lines of the results."""
        return self.load("validate", file_of(*rows), **options)

    def load(self, verb: str, text: str, **options: Any) -> list[dict[str, str]]:
        place = self.folder / "out.csv"
        (report,) = run(verb, self.write(text), store=self.store, results=place, **options)
        assert report.refused is None, report.refused
        return results(place)

    def student(self, student: str = "1001", district: str = "D1") -> dict[str, Any]:
        """All that the store holds of a student, with `school_code` and `order_id`; nothing where there is none.

        The digest by which a row is known the next time is no part of the record, and may be noted at any time.
        """
        with closing(sqlite3.connect(self.store)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(STUDENT, (district, student)).fetchone()
        return {name: found[name] for name in found.keys() if name != "content"} if found else {}  # noqa: SIM118

    def students(self) -> list[str]:
        """The ids of all students."""
        return [one for (one,) in query(self.store, "SELECT student_id FROM student ORDER BY 1")]

    def state(self, student: str = "1001") -> tuple[bool, str]:
        """Whether a student is active, and on which order."""
        found = self.student(student)
        return bool(found["active"]), found["order_id"]

    def free(self) -> dict[str, int]:
        """The free licences of each order."""
        return dict(query(self.store, "SELECT id, free FROM license_order"))

    def moved(self, before: dict[str, int]) -> dict[str, int]:
        """What was added to the free licences of orders since they were as before."""
        return {order: free - before[order] for order, free in self.free().items() if free != before[order]}

    def licences(self) -> int:
        """All free licences, and those that active students use."""
        (sums,) = query(
            self.store,
            "SELECT (SELECT sum(free) FROM license_order) + (SELECT count(*) FROM student WHERE active)",
        )
        return int(sums[0])

    def fill(self, bin_free: int) -> None:
        """Set the free licences of the Holding Bin."""
        lines = self.refer("license-order", f"BIN,Holding Bin,,,{bin_free}", set_licenses=True)
        assert lines[0]["outcome"] in {"updated", "unchanged"}, lines

    def dump(self, *but: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table but the jobs', and those that are named."""
        names = [one for (one,) in query(self.store, "SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {one: self.rows(one) for one in names if one not in {"job", *but}}

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Every row of a table, but for digests by which rows are known the next time."""
        return rows_of(self.store, table)


def district(folder: Path) -> Desk:
    """A desk whose store knows the schools and the orders, and no student."""
    desk = Desk(folder)
    for template, lines in (("school", SCHOOLS), ("license-order", ORDERS)):
        assert {one["outcome"] for one in desk.refer(template, *lines)} == {"created"}
    return desk


def copied(desk: Desk, folder: Path) -> Desk:
    """A desk with a copy of another's store, and of the key beside it."""
    for path in desk.folder.glob("store.db*"):
        if path.is_file():
            shutil.copy(path, folder / path.name)
    return Desk(folder)


def said(lines: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Outcome and codes of each row."""
    return [(one["outcome"], one["codes"]) for one in lines]


def codes(lines: list[dict[str, str]]) -> list[str]:
    """The codes of each row."""
    return [one["codes"] for one in lines]


def happened(lines: list[dict[str, str]]) -> list[str]:
    """What happened to each row that was accepted, and the codes of each that was not."""
    return [one["codes"] if one["outcome"] == "rejected" else one["messages"].split(" | ")[0] for one in lines]
