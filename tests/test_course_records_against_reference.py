"""Holds the product against the slow model of course records, on random offices and the files after one another."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading import query, results, run
from reference.course_record import HEADINGS, Course, Line, Store, load_learners, load_logins, load_records
from reference.strategies import pick, to_csv

NOW = datetime(2026, 11, 21, 8, 7, 30, tzinfo=UTC)
LIMITS = {
    ("C1", "ama"): (Decimal("4.00"), True),
    ("C1", "nursing"): (Decimal("2.00"), False),
    ("C2", "ama"): (Decimal("4.00"), True),
    ("C2", "nursing"): (Decimal("2.00"), False),
    ("C3", "ama"): (Decimal("1.50"), True),
    ("C4", "ama"): (Decimal("1.50"), True),
}
COURSES = {"C1": Course(True), "C2": Course(False), "C3": Course(True, "login"), "C4": Course(False, "login")}

IDS = ["L1", "L1", "L2", "N1", "N1", "N2", "N3"]
MAILS = ["l1@x.org", "L1@X.org", "n1@x.org", "N1@x.org", "both@x.org", "n2@x.org"]
WHO = [
    ("L1", ""), ("L1", ""), ("L1", "l1@x.org"), ("", "L1@X.org"), ("L2", ""), ("N1", ""), ("N1", ""), ("N1", "n1@x.org"),
    ("", "n1@x.org"), ("", "N1@x.org"), ("N2", ""), ("N2", "n2@x.org"), ("", "n2@x.org"), ("N3", "l1@x.org"),
]  # fmt: skip
"""Learners as rows name them: those who are there, and those who may come."""

DONE = [
    ("1.50", "ama"),
    ("1.5", "ama"),
    ("1.50", "ama"),
    ("1", "ama"),
    ("2", "nursing"),
    ("2.00", "nursing"),
    ("", "ama"),
    ("0", ""),
]
OPEN = [("", ""), ("", ""), ("0", "ama"), ("", "nursing")]
BAD = {
    "external_course_id": ["", "C9", "C2", " C1 "],
    "title": ["", "Other"],
    "external_user_id": ["", " L1 ", "L2", "N1"],
    "external_email": ["no address", "both@x.org", "l1@x.org", "a@b", "a b@x.org"],
    "first_name": ["Ann"],
    "last_name": ["Lee"],
    "enrollment_start": ["1/2/2015", "2015-02-29", "", "2015-01-02T03:04:05Z"],
    "enrollment_end": ["2015-01-01T02:00+02:00", "2014-12-31", "soon", "2015-01-01"],
    "credits": ["4", "4.01", "0.01", "1,5", "1.005", "9999.99", "10000", "-1"],
    "credit_type": ["", "moc", "amma", "AMA", "ama;moc", "nursing/ama"],
    "credit_expiration": ["2030-01-01", "never"],
    "complete": ["0", "1", "", "yes"],
    "date_completed": ["x", "2015-03-04T25:00"],
    "attended": ["1", "0", "2"],
    "participant_category": ["physician", "Nonphysician", "doctor"],
}
"""Cells that are wrong, or that differ from other rows."""


pytestmark = pytest.mark.usefixtures("many_batches_and_nothing_held_in_memory")


OPTIONS: list[dict[str, Any]] = [
    *({} for _ in range(8)), {"course": "C1"}, {"course": "C1"}, {"course": "C2"}, {"course": "C9"}, {"needs_certificate": True},
]  # fmt: skip


@dataclass
class Step:
    """A file: its template, its rows, and what is asked for beside it."""

    template: str
    header: list[str]
    rows: list[list[str]]
    options: dict[str, Any]


@st.composite
def record_rows(draw: st.DrawFn, course: str | None) -> list[str]:
    """A row that is right for itself, and now and then one of its cells another."""
    own, mail = pick(draw, WHO)
    complete = pick(draw, ["1", "1", "1", "0"])
    amount, kind = pick(draw, DONE if complete == "1" else OPEN)
    start = pick(draw, ["", "", "2015-01-01"])
    cells = {
        "external_course_id": pick(draw, ["", course] if course else ["C1", "C1", "C1", "C2", "C3", "C4", "S1", "S2"]),
        "title": "T",
        "external_user_id": own,
        "external_email": mail,
        "enrollment_start": start,
        "enrollment_end": pick(draw, ["", "", "2016-01-01"]),
        "credits": amount,
        "credit_type": kind,
        "complete": complete,
        "date_completed": pick(draw, ["", "", "2015-03-04"]),
        "participant_category": pick(draw, ["", "physician", "nonphysician"]) if start else "",
    }
    if draw(st.integers(0, 5)) == 3:
        heading = pick(draw, HEADINGS)
        cells[heading] = pick(draw, BAD[heading])
    return [cells.get(heading, "") for heading in HEADINGS]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    kind = pick(draw, ["records", "records", "records", "learners", "logins"])
    if kind == "records":
        options: dict[str, Any] = pick(draw, OPTIONS)
        rows = draw(st.lists(record_rows(options.get("course")), min_size=1, max_size=12))
        return Step("course-record", HEADINGS, rows, options)
    ids, mails = st.sampled_from([*IDS, *IDS, ""]), st.sampled_from([*MAILS, *[""] * 6, "no address"])
    if kind == "learners":
        rows = draw(st.lists(st.tuples(ids, mails).filter(any), min_size=1, max_size=5))
        return Step("learner", ["external_user_id", "external_email"], [list(one) for one in rows], {})
    moments = st.sampled_from(
        [
            "2026-11-21",
            "2026-11-21T10:00:00Z",
            "2026-11-25",
            "2026-11-26T00:00:01+00:00",
            "2026-12-01",
            "2026-12-02",
            "now",
        ]
    )
    rows = draw(st.lists(st.tuples(ids, mails, moments).filter(any), min_size=1, max_size=4))
    return Step("login", ["external_user_id", "external_email", "logged_in_at"], [list(one) for one in rows], {})


def office() -> Store:
    return Store(
        dict(COURSES),
        {"ama", "nursing", "moc"},
        dict(LIMITS),
        {"L1": "l1@x.org", "L2": "both@x.org", "L3": "both@x.org"},
    )


def prepare(model: Store, folder: Path, store: Path) -> None:
    files = {
        "course": [["external_course_id", "title", "required_objects", "assign", "certificate"],
                   *([one, "T", str(int(bool(known.required))), known.assign, "1"] for one, known in model.courses.items())],
        "credit-type": [["credit_type", "name"], *([one, one] for one in sorted(model.types))],
        "course-credit": [["external_course_id", "credit_type", "max_credits", "variable"],
                          *([*key, str(most), str(int(variable))] for key, (most, variable) in model.limits.items())],
        "learner": [LEARNER, *([one, mail or "", "", ""] for one, mail in model.learners.items())],
    }  # fmt: skip
    for name, rows in files.items():
        (report,) = run("apply", write(folder, name, rows), store=store, now=NOW, template=name)
        assert (report.refused, report.tally.rejected) == (None, 0)


LEARNER = ["external_user_id", "external_email", "first_name", "last_name"]


def write(folder: Path, name: str, rows: list[list[str]]) -> Path:
    path = folder / f"{name}.csv"
    path.write_text(to_csv(rows[0], rows[1:]), encoding="utf-8", newline="")
    return path


RECORDS = """
SELECT learner.id, course.id, complete, start, "end", completed_at, attended, category, legacy, since FROM course_record
JOIN learner ON learner.number = learner JOIN course ON course.number = course
"""
CREDITS = """
SELECT learner.id, course.id, ifnull(code, ''), credits, expiration FROM credit JOIN learner ON learner.number = learner
JOIN course ON course.number = course LEFT JOIN credit_type ON credit_type.number = credit_type
"""
HELD = """
SELECT course.id, CASE WHEN who LIKE '=%' THEN '=' || (SELECT id FROM learner WHERE number = substr(who, 2)) ELSE who END,
    ifnull(code, ''), credits, complete FROM held_record
JOIN course ON course.number = course LEFT JOIN credit_type ON credit_type.number = credit_type
"""


def stored(store: Path) -> tuple[Any, ...]:
    return (
        sorted(query(store, RECORDS), key=str),
        sorted(query(store, CREDITS), key=str),
        sorted(query(store, HELD), key=str),
        dict(query(store, "SELECT id, required_objects FROM course")),
        dict(query(store, "SELECT id, email FROM learner")),
    )


def seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def expected(model: Store) -> tuple[Any, ...]:
    records = [
        (
            *key, int(one.complete), seconds(one.start), seconds(one.end), seconds(one.completed_at), flag(one.attended),
            one.category, int(one.legacy), seconds(one.since),
        )
        for key, one in model.records.items()
    ]  # fmt: skip
    amounts = [(*key, int(one.amount * 100), seconds(one.expires)) for key, one in model.credits.items()]
    held = [(one.course, one.who, one.kind, int(one.amount * 100), int(one.record.complete)) for one in model.held]
    return (
        sorted(records, key=str),
        sorted(amounts, key=str),
        sorted(held, key=str),
        {one: flag(known.required) for one, known in model.courses.items()},
        model.learners,
    )


def said(path: Path) -> list[tuple[str, list[str]]]:
    return [(one["outcome"], sorted(one["codes"].split())) for one in results(path)]


def modelled(model: Store, step: Step, now: datetime) -> list[Line]:
    if step.template == "learner":
        return load_learners(model, step.rows, now=now)
    if step.template == "login":
        return load_logins(model, step.rows, now=now)
    return load_records(model, step.rows, now=now, **step.options)


def compare(step: Step, model: Store, folder: Path, store: Path, now: datetime) -> list[Line]:
    """Load a file into both, and hold all that can be seen against each other; return what the model says."""
    header, rows = step.header, step.rows
    if step.template == "learner":
        header, rows = LEARNER, [[*one, "", ""] for one in rows]
    path = write(folder, "input", [header, *rows])
    asked = {"template": step.template, "legacy": "course" not in step.options, **step.options}
    before = stored(store)
    dry = run("validate", path, store=store, now=now, results=folder / "dry.csv", **asked)[0]
    assert stored(store) == before
    wet = run("apply", path, store=store, now=now, **asked)[0]
    lines = modelled(model, step, now)
    assert wet.refused is None
    assert said(folder / "input.results.csv") == [(one.outcome, sorted(one.codes)) for one in lines]
    assert stored(store) == expected(model)
    assert (folder / "dry.csv").read_bytes() == (folder / "input.results.csv").read_bytes()
    assert dry.tally == wet.tally
    return lines


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps(), min_size=2, max_size=6))
def test_outcomes_codes_records_credits_and_what_waits_are_those_of_the_model(story):
    model = office()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(model, folder, folder / "store.db")
        for day, step in enumerate(story, 1):
            compare(step, model, folder, folder / "store.db", NOW + timedelta(days=day))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps(), min_size=1, max_size=6))
def test_in_the_model_a_file_applied_again_changes_nothing_and_nobody_gets_more_than_a_course_gives(story):
    model = office()
    for day, step in enumerate(story, 1):
        now = NOW + timedelta(days=day)
        first = modelled(model, step, now)
        for (_, course, kind), one in model.credits.items():
            if model.courses[course].required is not None:
                assert one.amount <= model.limits.get((course, kind), (0,))[0]
        after = copy.deepcopy(model)
        second = modelled(model, step, now)
        for once, twice in zip(first, second, strict=True):
            if once.outcome != "rejected" and step.template != "login":
                assert twice.outcome in ("unchanged", "rejected")
        if not any(one.outcome == "rejected" for one in first) and step.template == "course-record":
            assert [one.outcome for one in second] == ["unchanged"] * len(second)
            assert {**model.records} == {**after.records}
