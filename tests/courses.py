"""A small office with courses, credit types and learners, and the course records that are loaded into it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from loading import NOW, query, results, run

from bulkload.report import Report

COLUMNS = {
    "course": "external_course_id,title,required_objects,assign,certificate",
    "course-credit": "external_course_id,credit_type,max_credits,variable",
    "credit-type": "credit_type,name",
    "learner": "external_user_id,external_email,first_name,last_name",
    "login": "external_user_id,external_email,logged_in_at",
}
COURSES = (
    "C1,Stroke Care,1,immediately,1",
    "C2,Nothing Required,0,immediately,1",
    "C3,At Login,1,login,1",
    "C4,Nothing Required At Login,0,login,1",
    "C5,Gives Nothing,0,immediately,1",
)
TYPES = ("ama,AMA", "nursing,Nursing", "moc,MOC")
LIMITS = (
    "C1,ama,4.00,1",
    "C1,nursing,2.00,0",
    "C2,ama,4.00,1",
    "C2,nursing,2.00,0",
    "C3,ama,1.50,1",
    "C4,ama,1.50,1",
)
LEARNERS = ("L1,l1@x.org,Ann,Lee", "L2,L2@x.org,Bo,May", "L3,both@x.org,Cy,Fox", "L4,both@x.org,Di,Roe", "L5,,Ed,Kay")

HEADINGS = (
    "external_course_id",
    "title",
    "external_user_id",
    "external_email",
    "first_name",
    "last_name",
    "enrollment_start",
    "enrollment_end",
    "credits",
    "credit_type",
    "credit_expiration",
    "complete",
    "date_completed",
    "attended",
    "participant_category",
)
SHORT = {
    "course": "external_course_id",
    "who": "external_user_id",
    "mail": "external_email",
    "start": "enrollment_start",
    "end": "enrollment_end",
    "type": "credit_type",
    "expires": "credit_expiration",
    "completed": "date_completed",
    "category": "participant_category",
}
"""Headings by a shorter name."""


def row(**cells: str) -> dict[str, str]:
    """One row without any fault: an incomplete record of L1 in C1; `cells` by heading or its short name."""
    return {"external_course_id": "C1", "title": "T", "external_user_id": "L1"} | {
        SHORT.get(name, name): cell for name, cell in cells.items()
    }


def done(amount: str = "1.25", kind: str = "ama", **cells: str) -> dict[str, str]:
    """One row of a completed record with credit."""
    return row(credits=amount, type=kind, complete="1", **cells)


def text_of(rows: tuple[dict[str, str], ...], headings: tuple[str, ...] = HEADINGS) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([[one.get(name, "") for name in headings] for one in rows])
    return written.getvalue()


@dataclass
class Office:
    """A folder with a store, where files are loaded and what became of their rows is read back."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def write(self, text: str | bytes, name: str = "records.csv") -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def refer(self, template: str, *lines: str, now: datetime = NOW) -> list[dict[str, str]]:
        """Apply lines of a reference template."""
        path = self.write("\n".join([COLUMNS[template], *lines, ""]), f"{template}.csv")
        run("apply", path, store=self.store, now=now)
        return results(self.folder / f"{template}.results.csv")

    def report(self, text: str | bytes, verb: str = "apply", **options: Any) -> Report:
        """Load a course-record file, with the global importer unless a course is named."""
        asked = {"legacy": "course" not in options, "template": "course-record"} | options
        (report,) = run(verb, self.write(text), store=self.store, results=self.folder / "out.csv", **asked)
        return report

    def load(self, *rows: dict[str, str], verb: str = "apply", **options: Any) -> list[dict[str, str]]:
        """Load rows, and return their lines of the results."""
        report = self.report(text_of(rows), verb, **options)
        assert report.refused is None, report.refused
        return results(self.folder / "out.csv")

    def records(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """Whether each enrollment is legacy, complete, when it was completed, and its category."""
        found = query(
            self.store,
            """SELECT learner.id, course.id, legacy, complete, date(completed_at, 'unixepoch'), category FROM course_record
            JOIN learner ON learner.number = learner JOIN course ON course.number = course""",
        )
        return {(who, course): tuple(rest) for who, course, *rest in found}

    def credits(self) -> dict[tuple[str, str, str], int]:
        """The credit of each learner, course and type that is more than none, in hundredths."""
        found = query(
            self.store,
            """SELECT learner.id, course.id, code, credits FROM credit JOIN learner ON learner.number = learner
            JOIN course ON course.number = course JOIN credit_type ON credit_type.number = credit_type WHERE credits > 0""",
        )
        return {(who, course, kind): amount for who, course, kind, amount in found}

    def held(self) -> list[str]:
        """Who is waited for, once for each record."""
        return [who for (who,) in query(self.store, "SELECT who FROM held_record ORDER BY number")]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table but the jobs'."""
        names = [one for (one,) in query(self.store, "SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {one: query(self.store, f'SELECT * FROM "{one}"') for one in names if one != "job"}


def office(folder: Path) -> Office:
    """An office whose store knows courses, credit types and learners, and no record."""
    made = Office(folder)
    for template, lines in (
        ("course", COURSES),
        ("credit-type", TYPES),
        ("course-credit", LIMITS),
        ("learner", LEARNERS),
    ):
        assert {one["outcome"] for one in made.refer(template, *lines)} == {"created"}
    return made


def said(lines: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Outcome and codes of each row."""
    return [(one["outcome"], one["codes"]) for one in lines]
