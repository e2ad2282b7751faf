"""Holds the product against the slow model of students, on random districts and the nights after one another."""

from __future__ import annotations

import copy
import csv
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading import query, results, run
from reference.strategies import to_csv
from reference.student import (
    ERRORS,
    HEADINGS,
    NOTES,
    STATUS,
    STUDENT_ID,
    USERNAME,
    FileRefusedError,
    Night,
    Order,
    Store,
    Student,
    load,
)
from reference.student_strategies import NOW, Case, Step, cases, every_fault, order_file, reference_files

STUDENTS = """
SELECT student.district, student_id, school.code, folded, username, first_name, last_name, middle_name, email, birth,
    ssn_last4, gender, grade, "groups", active, license_order.id
FROM student JOIN school ON school.number = student.school
JOIN license_order ON license_order.number = student.license_order
"""
HIDDEN = "SELECT district, student_id, password, ssn, changed_job FROM student"
ORDERS = "SELECT id, free, current FROM license_order"


pytestmark = pytest.mark.usefixtures("many_batches_and_nothing_held_in_memory")


# ---- the product's store and files, and the model's


def write(folder: Path, name: str, rows: list[list[str]]) -> Path:
    path = folder / name
    path.write_text(to_csv(rows[0], rows[1:]), encoding="utf-8", newline="")
    return path


def stored(store: Path) -> tuple[dict[tuple[str, str], tuple], dict[str, tuple[int, bool]]]:
    students = {(one[0], one[1]): tuple(one[2:]) for one in query(store, STUDENTS)}
    return students, {order: (free, bool(current)) for order, free, current in query(store, ORDERS)}


def expected(model: Store) -> tuple[dict[tuple[str, str], tuple], dict[str, tuple[int, bool]]]:
    students = {
        key: (
            one.school,
            one.username.lower(),
            one.username,
            one.first_name,
            one.last_name,
            one.middle_name,
            one.email,
            (one.birth - date(1970, 1, 1)).days if one.birth else None,
            one.ssn[-4:] if one.ssn else None,
            one.gender,
            one.grade,
            "|".join(one.groups) or None,
            int(one.active),
            one.order,
        )
        for key, one in model.students.items()
    }
    return students, {order.id: (order.free, order.current) for order in model.orders.values()}


def hidden(store: Path) -> dict[tuple[str, str], tuple]:
    """Each student's digests, and the job that changed the student last."""
    return {(one[0], one[1]): tuple(one[2:]) for one in query(store, HIDDEN)}


def what_changed(before: dict[tuple[str, str], tuple], after: dict[tuple[str, str], tuple]) -> set:
    """The keys, each with a place of its values, where two stores' students differ."""
    both = before.keys() & after.keys()
    return {(key, at) for key in both for at in range(3) if before[key][at] != after[key][at]}


def secrets(model: Store) -> dict[tuple[str, str], tuple]:
    """Each student's secrets that the product has digests of, and the whole student, which changes with any value."""
    return {key: (one.password, one.ssn, one) for key, one in model.students.items()}


def said(path: Path) -> list[tuple[int, str, str, str, str]]:
    """Row, outcome, codes, what happened and changes of each line of a results file."""
    lines = []
    for one in results(path):
        happened = "" if one["outcome"] == "rejected" else one["messages"].split(" | ")[0]
        lines.append((int(one["row"]), one["outcome"], one["codes"], happened, one["changes"]))
    return lines


def expected_lines(night: Night) -> list[tuple[int, str, str, str, str]]:
    return [
        (one.row, one.outcome, " ".join(one.codes), one.happened, "; ".join(one.changes) * (one.outcome == "updated"))
        for one in night.lines
    ]


def error_file(folder: Path) -> list[tuple[int, str, str, str, str]]:
    """Row, student ID, user name, status and code of each line of the error file; none where there is no file."""
    path = folder / f"students_errors_{NOW:%Y%m%d}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["row", "Student ID", "Username", "Status", "code", "message"]
    assert len(found) > 1
    return [(int(row), *cells) for row, *cells, _ in found[1:]]


def expected_errors(night: Night, rows: list[list[str]]) -> list[tuple[int, str, str, str, str]]:
    """The cells stand as typed, but for an apostrophe before what a spreadsheet would run as a formula.

    Of a row with too few or too many cells none stands there, for it may be a secret one.
    """
    lines = []
    for line in night.lines:
        row = rows[line.row - 2]
        cells = dict(zip(HEADINGS, row if len(row) == len(HEADINGS) else [""] * len(HEADINGS), strict=True))
        typed = [cells[heading] for heading in (STUDENT_ID, USERNAME, STATUS)]
        shown = [f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in typed]
        lines += [(line.row, *shown, code) for code in line.findings]
    return lines


def prepare(model: Store, folder: Path, store: Path) -> None:
    for file, rows in reference_files(model).items():
        for report in run("apply", write(folder, file, rows), store=store, now=NOW):
            assert (report.file, report.refused, report.tally.rejected) == (file, None, 0)
    assert stored(store) == expected(model)


def set_orders(orders: list[Order], model: Store, folder: Path, store: Path) -> None:
    """Give the model and the product the orders as they are from this night on; licences stay."""
    rows = order_file(orders, known=tuple(model.orders))
    assert run("apply", write(folder, "license-order.csv", rows), store=store, now=NOW)[0].exit_code == 0
    for order in orders:
        model.orders.setdefault(order.id, copy.copy(order)).current = order.current


# ---- the product against the model


def compare(step: Step, model: Store, folder: Path, store: Path, **options: Any) -> Night | str:
    """Load a night's file into both and hold all that can be seen against each other; return what the model says."""
    if step.orders is not None:
        set_orders(step.orders, model, folder, store)
    path = write(folder, "students.csv", [step.header, *step.rows])
    before, told_before, licences_before = hidden(store), secrets(model), model.licences

    dry = run("validate", path, store=store, now=NOW, results=folder / "dry.csv", **options)[0]
    assert hidden(store) == before
    wet = run("apply", path, store=store, now=NOW, **options)[0]
    try:
        night = load(model, step.header, step.rows, now=NOW, **options)
    except FileRefusedError as refusal:
        assert (dry.refused_code, wet.refused_code, wet.exit_code) == (str(refusal), str(refusal), 3)
        assert (hidden(store), stored(store)) == (before, expected(model))
        return str(refusal)

    assert wet.refused is None
    assert said(folder / "students.results.csv") == expected_lines(night)
    assert stored(store) == expected(model)
    assert wet.as_dict()["counts"] == night.counts
    assert error_file(folder) == expected_errors(night, step.rows)
    assert model.licences == licences_before

    after = hidden(store)
    assert what_changed(before, after) == what_changed(told_before, secrets(model))
    assert {key: one[1] is None for key, one in after.items()} == {
        key: one.ssn is None for key, one in model.students.items()
    }

    assert (dry.tally, dry.as_dict()["counts"]) == (wet.tally, wet.as_dict()["counts"])
    assert (folder / "dry.csv").read_bytes() == (folder / "students.results.csv").read_bytes()
    return night


@pytest.mark.parametrize(
    "options",
    [{}, {"only": "create"}, {"only": "update"}, {"all_or_nothing": True}],
    ids=lambda one: "-".join(f"{name}-{value}" for name, value in one.items()) or "plain",
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_outcomes_codes_licences_and_stored_students_are_those_of_the_model(options: dict[str, Any], data):
    case: Case = data.draw(cases())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "store.db"
        prepare(case.store, folder, store)
        for step in case.steps:
            compare(step, case.store, folder, store, **options)


def test_every_bad_cell_and_every_code_is_as_in_the_model(tmp_path):
    model = store_of((True, "E-2026"))
    store = tmp_path / "store.db"
    prepare(model, tmp_path, store)
    step = Step(HEADINGS, every_fault(model))
    first, second = (compare(step, model, tmp_path, store) for _ in range(2))
    assert isinstance(first, Night)
    assert {code for one in first.lines for code in one.findings} == set(ERRORS + NOTES)
    assert isinstance(second, Night)
    assert {one.outcome for one in second.lines} == {"rejected", "unchanged"}


def test_every_cell_of_the_table_is_as_in_the_model(tmp_path):
    model = store_of()
    model.orders["BIN"].free = 5
    number = 0
    before = [(active, order) for active in (True, False) for order in ("E-2026", "E-2025", "R-1")]
    file = []
    for state in [*before, None]:
        for flag in "ADXI":
            number += 1
            student = row(flag, str(number), f"pupil.{number}", "S2")
            file.append(student)
            if state is not None:
                active, order = state
                model.students["D-1", str(number)] = Student(
                    "S1", f"user.{number}", "secret1", "Ann", "Lee", active=active, order=order
                )
    store = tmp_path / "store.db"
    prepare(model, tmp_path, store)
    first, second = (compare(Step(HEADINGS, file), model, tmp_path, store) for _ in range(2))
    assert isinstance(first, Night)
    assert isinstance(second, Night)
    assert first.counts == {
        "licences used": 6,
        "licences returned": 5,
        "moved between orders": 7,
        "moved between schools": 18,
    }


def test_user_names_are_handed_on_as_in_the_model(tmp_path):
    model = store_of()
    model.orders["BIN"].free = 0
    for number in range(1, 9):
        model.students["D-1", str(number)] = Student("S1", f"user.{number}", "secret1", "Ann", "Lee", order="E-2026")
    store = tmp_path / "store.db"
    prepare(model, tmp_path, store)
    file = [
        row("I", "1", "free.1"),
        row("I", "2", "USER.1"),  # given up by the row before
        row("I", "3", "user.2"),
        row("I", "4", "user.5"),  # swapped with the next: neither is free at its turn
        row("I", "5", "user.4"),
        row("A", "6", "free.6"),  # lacks a licence, and so keeps its name
        row("X", "9", "user.6"),
        row("I", "7", "User.7"),
        row("X", "10", "user.8"),  # given up only by the next
        row("I", "8", "free.8"),
    ]
    nights_of_file = [compare(Step(HEADINGS, file), model, tmp_path, store) for _ in range(2)]
    taken = ["DUPLICATE_USERNAME"]
    assert [[one.findings for one in night.lines] for night in nights_of_file] == [
        [[], [], [], taken, taken, ["MISSING_LICENSES"], taken, [], taken, []],
        [[], [], [], taken, taken, ["MISSING_LICENSES"], taken, [], [], []],
    ]


# ---- the model against the specification


def store_of(student: tuple[bool, str] | None = None) -> Store:
    """A store with three licences in the bin, one in R-1, and perhaps the student 1, active or not on an order."""
    store = Store(schools={"S1": "D-1", "S2": "D-1", "S3": "Zürich"})
    for one in (
        Order("E-2026", "eAMS", 0, current=True),
        Order("E-2025", "eAMS", 0),
        Order("R-1", "Regular", 1, school="S1"),
        Order("BIN", "Holding Bin", 3),
    ):
        store.orders[one.id] = one
    if student is not None:
        active, order = student
        store.students["D-1", "1"] = Student("S1", "ann.lee", "secret1", "Ann", "Lee", active=active, order=order)
    return store


def row(status: str, student_id: str = "1", username: str = "ann.lee", school: str = "S1") -> list[str]:
    return ["D-1", school, status, username, "secret1", "Ann", "Lee", "", student_id, "", "", "", "", "", ""]


TO_CURRENT = "moved to order E-2026"
TO_BIN = "licence returned to the Holding Bin"
TO_R1 = "licence returned to order R-1"


@pytest.mark.parametrize(
    ("before", "flag", "happened", "after", "bin_and_r1"),
    [
        ((True, "E-2026"), "A", "unchanged", (True, "E-2026"), (3, 1)),
        ((True, "E-2025"), "A", "unchanged", (True, "E-2025"), (3, 1)),
        ((True, "R-1"), "A", f"updated, {TO_CURRENT}, {TO_R1}", (True, "E-2026"), (2, 2)),
        ((True, "E-2026"), "D", f"updated, deactivated, {TO_BIN}", (False, "E-2026"), (4, 1)),
        ((True, "E-2025"), "D", f"updated, deactivated, {TO_BIN}", (False, "E-2025"), (4, 1)),
        ((True, "R-1"), "D", f"updated, deactivated, {TO_R1}", (False, "R-1"), (3, 2)),
        ((True, "R-1"), "X", "STUDENT_EXISTS", (True, "R-1"), (3, 1)),
        ((True, "E-2025"), "I", "unchanged", (True, "E-2025"), (3, 1)),
        ((True, "R-1"), "I", f"updated, {TO_CURRENT}, {TO_R1}", (True, "E-2026"), (2, 2)),
        ((False, "E-2026"), "A", "updated, activated", (True, "E-2026"), (2, 1)),
        ((False, "E-2025"), "A", f"updated, activated, {TO_CURRENT}", (True, "E-2026"), (2, 1)),
        ((False, "R-1"), "A", f"updated, activated, {TO_CURRENT}", (True, "E-2026"), (2, 1)),
        ((False, "E-2026"), "D", "unchanged", (False, "E-2026"), (3, 1)),
        ((False, "E-2025"), "D", f"updated, {TO_CURRENT}", (False, "E-2026"), (3, 1)),
        ((False, "R-1"), "D", f"updated, {TO_CURRENT}", (False, "E-2026"), (3, 1)),
        ((False, "R-1"), "X", "STUDENT_EXISTS", (False, "R-1"), (3, 1)),
        ((False, "E-2025"), "I", "unchanged", (False, "E-2025"), (3, 1)),
        ((False, "R-1"), "I", f"updated, {TO_CURRENT}", (False, "E-2026"), (3, 1)),
        (None, "A", "created, activated", (True, "E-2026"), (2, 1)),
        (None, "D", "STUDENT_NOT_FOUND", None, (3, 1)),
        (None, "X", "created, deactivated", (False, "E-2026"), (3, 1)),
        (None, "I", "STUDENT_NOT_FOUND", None, (3, 1)),
    ],
)
def test_the_model_does_what_the_cell_of_the_table_says(before, flag, happened, after, bin_and_r1):
    store = store_of(before)
    line = load(store, HEADINGS, [row(flag)], now=NOW).lines[0]
    assert (line.happened or " ".join(line.codes)) == happened
    student = store.students.get(("D-1", "1"))
    assert (student and (student.active, student.order)) == after
    assert (store.orders["BIN"].free, store.orders["R-1"].free) == bin_and_r1


def test_the_model_takes_rows_in_file_order():
    store = store_of((True, "E-2026"))
    store.orders["BIN"].free = 0
    file = [row("A", "2", "bob.bo"), row("D", "1", "ann.le"), row("A", "3", "ann.lee"), row("A", "4", "mia.mi")]
    night = load(store, HEADINGS, file, now=NOW)
    assert [(one.outcome, one.codes) for one in night.lines] == [
        ("rejected", ["MISSING_LICENSES"]),
        ("updated", ["OK"]),
        ("created", ["OK"]),
        ("rejected", ["MISSING_LICENSES"]),
    ]
    assert (night.counts["licences used"], night.counts["licences returned"]) == (1, 1)


def nights(case: Case):
    """Each night's file, what the model says of it, and the store before and after it."""
    store = copy.deepcopy(case.store)
    for step in case.steps:
        if step.orders is not None:
            for order in step.orders:
                store.orders.setdefault(order.id, copy.copy(order)).current = order.current
        before = copy.deepcopy(store)
        try:
            night = load(store, step.header, step.rows, now=NOW)
        except FileRefusedError as refusal:
            assert store == before
            yield step, str(refusal), before, store
        else:
            yield step, night, before, store


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_the_model_applied_again_changes_only_what_the_table_or_a_lack_of_licences_says(case):
    for step, first, _, after in nights(case):
        if isinstance(first, str):
            continue
        again = copy.deepcopy(after)
        second = load(again, step.header, step.rows, now=NOW)
        for once, twice in zip(first.lines, second.lines, strict=True):
            if once.outcome == "created" and twice.outcome == "rejected":
                assert set(twice.codes) <= {"STUDENT_EXISTS", *NOTES}  # flag X, rows 3 and 7 of the table
            elif twice.outcome in ("created", "updated"):
                lacked = {"MISSING_LICENSES", "DUPLICATE_USERNAME"} & set(once.codes)
                assert lacked or twice.happened == f"updated, moved to order {after.current.id}"
            else:
                assert twice.outcome in ("unchanged", "rejected")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_in_the_model_rejected_rows_leave_no_trace_and_no_licence_is_lost(case):
    for step, night, before, after in nights(case):
        assert before.licences == after.licences
        if isinstance(night, str):
            continue
        doubled = any(code.startswith("DUPLICATE") for one in night.lines for code in one.codes)
        if not doubled:
            good = [step.rows[one.row - 2] for one in night.lines if one.outcome != "rejected"]
            without = copy.deepcopy(before)
            assert load(without, step.header, good, now=NOW).counts == night.counts
            assert without == after
