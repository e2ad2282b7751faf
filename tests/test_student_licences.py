"""Status, licences, orders and schools: the twelve cells of the table, row after row, run after run (student.md §2)."""

from __future__ import annotations

import pytest
from loading import query, run
from students import codes, copied, district, file_of, happened, row, said

CURRENT, PAST, REGULAR, BIN = "E-2026", "E-2025", "R-1", "BIN"

UNCHANGED = "unchanged"
TO_CURRENT = "moved to order E-2026"
TO_BIN = "licence returned to the Holding Bin"

CELLS = {
    # stored order, active, flag: what happens; then active, order and what the orders' licences gain
    (CURRENT, True, "A"): (UNCHANGED, True, CURRENT, {}),
    (PAST, True, "A"): (UNCHANGED, True, PAST, {}),
    (REGULAR, True, "A"): (
        f"updated, {TO_CURRENT}, licence returned to order R-1",
        True,
        CURRENT,
        {REGULAR: 1, BIN: -1},
    ),
    (CURRENT, True, "D"): (f"updated, deactivated, {TO_BIN}", False, CURRENT, {BIN: 1}),
    (PAST, True, "D"): (f"updated, deactivated, {TO_BIN}", False, PAST, {BIN: 1}),
    (REGULAR, True, "D"): ("updated, deactivated, licence returned to order R-1", False, REGULAR, {REGULAR: 1}),
    (CURRENT, True, "X"): ("STUDENT_EXISTS", True, CURRENT, {}),
    (PAST, True, "X"): ("STUDENT_EXISTS", True, PAST, {}),
    (REGULAR, True, "X"): ("STUDENT_EXISTS", True, REGULAR, {}),
    (CURRENT, True, "I"): (UNCHANGED, True, CURRENT, {}),
    (PAST, True, "I"): (UNCHANGED, True, PAST, {}),
    (REGULAR, True, "I"): (
        f"updated, {TO_CURRENT}, licence returned to order R-1",
        True,
        CURRENT,
        {REGULAR: 1, BIN: -1},
    ),
    (CURRENT, False, "A"): ("updated, activated", True, CURRENT, {BIN: -1}),
    (PAST, False, "A"): (f"updated, activated, {TO_CURRENT}", True, CURRENT, {BIN: -1}),
    (REGULAR, False, "A"): (f"updated, activated, {TO_CURRENT}", True, CURRENT, {BIN: -1}),
    (CURRENT, False, "D"): (UNCHANGED, False, CURRENT, {}),
    (PAST, False, "D"): (f"updated, {TO_CURRENT}", False, CURRENT, {}),
    (REGULAR, False, "D"): (f"updated, {TO_CURRENT}", False, CURRENT, {}),
    (CURRENT, False, "X"): ("STUDENT_EXISTS", False, CURRENT, {}),
    (PAST, False, "X"): ("STUDENT_EXISTS", False, PAST, {}),
    (REGULAR, False, "X"): ("STUDENT_EXISTS", False, REGULAR, {}),
    (CURRENT, False, "I"): (UNCHANGED, False, CURRENT, {}),
    (PAST, False, "I"): (UNCHANGED, False, PAST, {}),
    (REGULAR, False, "I"): (f"updated, {TO_CURRENT}", False, CURRENT, {}),
    (None, None, "A"): ("created, activated", True, CURRENT, {BIN: -1}),
    (None, None, "D"): ("STUDENT_NOT_FOUND", None, None, {}),
    (None, None, "X"): ("created, deactivated", False, CURRENT, {}),
    (None, None, "I"): ("STUDENT_NOT_FOUND", None, None, {}),
}
STORED = {"ca": (CURRENT, True), "cd": (CURRENT, False), "pa": (PAST, True), "pd": (PAST, False), "ra": (REGULAR, True), "rd": (REGULAR, False)}  # fmt: skip
"""A student of each initial situation, by id."""
IDS = {place: student for student, place in STORED.items()} | {(None, None): "new"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A store with a student of each initial situation; the Holding Bin has 100 free licences."""
    desk = district(tmp_path_factory.mktemp("base"))
    desk.apply(*(row(student) for student in STORED))
    states = [f"{student},{order},{'Yes' if active else 'No'}" for student, (order, active) in STORED.items()]
    assert {one["outcome"] for one in desk.refer("student-state", *states)} <= {"updated", "unchanged"}
    assert {student: desk.state(student) for student in STORED} == {
        student: (active, order) for student, (order, active) in STORED.items()
    }
    desk.fill(100)
    return desk


@pytest.fixture
def desk(base, tmp_path):
    return copied(base, tmp_path)


def cell_names(cell):
    order, active, flag = cell
    situation = "none" if order is None else f"{'active' if active else 'deactivated'} on {order}"
    return f"{situation}: {flag}"


@pytest.mark.parametrize("cell", CELLS, ids=cell_names)
def test_each_cell_of_the_table_moves_student_and_licences_as_it_says(desk, cell):
    what, active, order, moves = CELLS[cell]
    student, free, sum_before = IDS[cell[:2]], desk.free(), desk.licences()
    (line,) = desk.apply(row(student, status=cell[2]))
    assert (happened([line]), line["changes"]) == ([what], "")
    assert desk.moved(free) == moves
    assert desk.licences() == sum_before
    assert (desk.student(student) == {}) == (order is None)
    assert order is None or desk.state(student) == (active, order)


@pytest.mark.parametrize("cell", CELLS, ids=cell_names)
def test_each_cell_of_the_table_updates_the_data_or_is_an_error_that_does_not(desk, cell):
    what, active, order, moves = CELLS[cell]
    student, free = IDS[cell[:2]], desk.free()
    before = desk.student(student)
    (line,) = desk.apply(row(student, status=cell[2], first="Anna", school="S2"))
    if what in {"STUDENT_EXISTS", "STUDENT_NOT_FOUND"}:
        assert (line["codes"], desk.student(student), desk.free()) == (what, before, free)
        return
    assert (line["outcome"], desk.student(student)["first_name"]) == ("updated" if before else "created", "Anna")
    assert (desk.state(student), desk.moved(free)) == ((active, order), moves)


def test_all_cells_in_one_file_leave_the_sum_of_licences_as_it_was(desk):
    rows, expected = [], []
    for place, student in IDS.items():
        flags = [cell for cell in CELLS if cell[:2] == place]
        for number, cell in enumerate(flags):
            name = f"{student}{number}"
            rows.append(row(name, status=cell[2]))
            expected.append(CELLS[cell][0])
    stored = [one for one in rows if not one["id"].startswith("new")]
    desk.apply(*(one | {"status": "A"} for one in stored))
    desk.refer(
        "student-state",
        *(f"{one['id']},{STORED[one['id'][:2]][0]},{'Yes' if STORED[one['id'][:2]][1] else 'No'}" for one in stored),
    )
    free, total = desk.free(), desk.licences()
    assert happened(desk.apply(*rows)) == expected
    gains = [moves for _, _, _, moves in CELLS.values()]
    orders = {BIN, REGULAR}
    assert desk.moved(free) == {order: sum(one.get(order, 0) for one in gains) for order in orders}
    assert desk.licences() == total


def test_a_licence_returns_to_the_regular_order_that_the_student_is_on(desk):
    desk.refer("student-state", "ra,R-2,Yes")
    free = desk.free()
    assert happened(desk.apply(row("ra"))) == ["updated, moved to order E-2026, licence returned to order R-2"]
    assert desk.moved(free) == {"R-2": 1, BIN: -1}


def test_the_current_order_is_the_one_that_the_store_says(desk):
    desk.refer("license-order", "E-2026,eAMS,,No,", "E-2025,eAMS,,Yes,")
    free = desk.free()
    assert happened(desk.apply(row("new"), row("ca"), row("cd", status="D"), row("rd"))) == [
        "created, activated",
        "unchanged",
        "updated, moved to order E-2025",
        "updated, activated, moved to order E-2025",
    ]
    assert desk.moved(free) == {BIN: -2}
    assert [desk.state(one) for one in ("new", "ca", "cd", "rd")] == [
        (True, PAST),
        (True, CURRENT),
        (False, PAST),
        (True, PAST),
    ]


# ------------------------------------------------------------------------------------------- licences run out


def test_a_row_that_needs_a_licence_when_there_is_none_is_rejected_and_has_no_effect(desk):
    desk.fill(0)
    before = desk.dump()
    lines = desk.apply(
        row("new"), row("cd", first="Anna"), row("pd", groups="x"), row("rd", school="S2"), row("ra", first="Bea")
    )
    assert said(lines) == [("rejected", "MISSING_LICENSES")] * 5
    assert (desk.dump(), {one["changes"] for one in lines}) == (before, {""})


def test_rows_that_need_none_go_on(desk):
    desk.fill(0)
    lines = desk.apply(
        row("new"),
        row("ca", first="Anna"),
        row("pa", first="Anna"),
        row("other", status="X"),
        row("pd", status="D"),
        row("rd", status="I"),
        row("cd", status="I", first="Bea"),
    )
    assert happened(lines) == [
        "MISSING_LICENSES",
        "updated",
        "updated",
        "created, deactivated",
        f"updated, {TO_CURRENT}",
        f"updated, {TO_CURRENT}",
        "updated",
    ]
    assert desk.free()[BIN] == 0


def test_a_licence_that_a_row_frees_is_there_for_the_rows_after_it(desk):
    desk.fill(1)
    lines = desk.apply(
        row("n1"), row("n2"), row("ca", status="D"), row("n3"), row("cd"), row("pa", status="D"), row("rd"), row("n4")
    )
    assert happened(lines) == [
        "created, activated",
        "MISSING_LICENSES",
        f"updated, deactivated, {TO_BIN}",
        "created, activated",
        "MISSING_LICENSES",
        f"updated, deactivated, {TO_BIN}",
        f"updated, activated, {TO_CURRENT}",
        "MISSING_LICENSES",
    ]
    assert desk.free() == {BIN: 0, CURRENT: 0, PAST: 0, REGULAR: 10, "R-2": 10}


def test_a_licence_that_returns_to_a_regular_order_is_none_for_the_bin(desk):
    desk.fill(0)
    lines = desk.apply(row("ra", status="D"), row("new"), row("rd"))
    assert codes(lines) == ["OK", "MISSING_LICENSES", "MISSING_LICENSES"]
    assert desk.free() == {BIN: 0, CURRENT: 0, PAST: 0, REGULAR: 11, "R-2": 10}


def test_a_transfer_needs_a_licence_of_the_bin_though_it_returns_one(desk):
    desk.fill(0)
    free = desk.free()
    assert codes(desk.apply(row("ra"), row("new"))) == ["MISSING_LICENSES", "MISSING_LICENSES"]
    assert (desk.moved(free), desk.state("ra")) == ({}, (True, REGULAR))


def test_only_rows_without_any_error_ask_for_a_licence(desk):
    desk.fill(1)
    desk.apply(row("own", username="own.name", status="X"))
    lines = desk.apply(
        row("n1", grade="1"),
        row("n2", username="own.name"),
        row("n3", username="same.name"),
        row("n4", username="SAME.name"),
        row("n5"),
        row("n5", username="x.name"),
        row("n6"),
    )
    assert codes(lines) == [
        "GRADE_FORMAT",
        "DUPLICATE_USERNAME",
        "DUPLICATE_USERNAME",
        "DUPLICATE_USERNAME",
        "DUPLICATE_ID",
        "DUPLICATE_ID",
        "OK",
    ]
    assert desk.free()[BIN] == 0


def test_a_rejected_row_frees_nothing(desk):
    desk.fill(0)
    assert codes(desk.apply(row("ca", status="D", grade="1"), row("new"))) == ["GRADE_FORMAT", "MISSING_LICENSES"]


def test_a_rejected_row_frees_nothing_though_the_name_it_asks_for_is_free(desk):
    desk.fill(0)
    lines = desk.apply(
        row("ca", username="new.name"),
        row("pa", username="user.ca", status="D", grade="1"),
        row("new", username="x.name"),
    )
    assert codes(lines) == ["OK", "GRADE_FORMAT", "MISSING_LICENSES"]


def test_the_row_without_a_licence_is_accepted_when_the_bin_has_been_filled(desk):
    desk.fill(1)
    file = [row("n1"), row("n2"), row("n3", status="X")]
    assert codes(desk.apply(*file)) == ["OK", "MISSING_LICENSES", "OK"]
    desk.fill(5)
    assert happened(desk.apply(*file)) == ["unchanged", "created, activated", "STUDENT_EXISTS"]
    assert desk.free()[BIN] == 4


def test_licences_are_carried_through_a_file_of_many_rows(desk):
    desk.fill(700)
    lines = desk.apply(*(row(f"n{number}") for number in range(1000)))
    assert codes(lines) == ["OK"] * 700 + ["MISSING_LICENSES"] * 300
    back = [row(f"n{number}", status="D") for number in range(0, 700, 2)]
    lines = desk.apply(*back, *(row(f"n{number}") for number in range(700, 1000)))
    assert codes(lines) == ["OK"] * 650
    assert desk.free()[BIN] == 50


def test_licences_are_carried_from_one_checked_file_to_the_next(desk):
    desk.fill(1)
    files = []
    for number in range(2):
        (desk.folder / f"{number}").mkdir()
        files.append(desk.folder / f"{number}" / "students.csv")
        files[-1].write_text(file_of(row(f"n{number}"), row(f"x{number}", status="X")), "utf-8")
    before = desk.dump()
    reports = run("validate", *files, store=desk.store)
    assert [dict(one.tally.outcomes) for one in reports] == [{"created": 2}, {"created": 1, "rejected": 1}]
    assert desk.dump() == before
    reports = run("apply", *files, store=desk.store)
    assert [dict(one.tally.outcomes) for one in reports] == [{"created": 2}, {"created": 1, "rejected": 1}]


# ------------------------------------------------------------------------------------------- the same file again


def test_a_second_run_of_the_same_file_changes_nothing(desk):
    file = [
        row("n1", ssn="123456789", dob="02/29/2012", groups="b|a", grade="3"),
        row("n2", district="D2", school="S9"),
        row("ca", first="Anna"),
        row("cd", status="I", school="S2"),
        row("pa", status="I", username="USER.pa"),
        row("ra"),
        row("rd", status="I"),
        row("pd"),
    ]
    assert {one["outcome"] for one in desk.apply(*file)} == {"created", "updated"}
    tables = desk.dump()
    lines = desk.apply(*file)
    assert (said(lines), happened(lines)) == ([("unchanged", "OK")] * 8, ["unchanged"] * 8)
    assert desk.dump() == tables


def test_a_second_run_finds_that_the_student_of_an_x_is_there_now(desk):
    file = [row("n1", status="X"), row("n2")]
    assert codes(desk.apply(*file)) == ["OK", "OK"]
    before = desk.dump()
    assert (codes(desk.apply(*file)), desk.dump()) == (["STUDENT_EXISTS", "OK"], before)


def test_a_second_run_moves_the_student_of_a_d_to_the_current_order_and_a_third_changes_nothing(desk):
    file = [row("ra", status="D"), row("pa", status="D"), row("ca", status="D")]
    returned = "licence returned to"
    assert happened(desk.apply(*file)) == [
        f"updated, deactivated, {returned} order R-1",
        f"updated, deactivated, {returned} the Holding Bin",
        f"updated, deactivated, {returned} the Holding Bin",
    ]
    free = desk.free()
    assert happened(desk.apply(*file)) == [f"updated, {TO_CURRENT}", f"updated, {TO_CURRENT}", "unchanged"]
    assert happened(desk.apply(*file)) == ["unchanged"] * 3
    assert desk.free() == free


def test_a_student_leaves_and_comes_back(desk):
    free = desk.free()
    assert happened(desk.apply(row("new"))) == ["created, activated"]
    assert happened(desk.apply(row("new", status="D"))) == [f"updated, deactivated, {TO_BIN}"]
    assert desk.moved(free) == {}
    assert happened(desk.apply(row("new", school="S2"))) == ["updated, activated, moved to school S2"]
    assert (desk.moved(free), desk.state("new")) == ({BIN: -1}, (True, CURRENT))


# ------------------------------------------------------------------------------------------- schools


def test_a_student_may_change_schools_within_the_district(desk):
    free = desk.free()
    (line,) = desk.apply(row("ca", school="S2"))
    assert (line["outcome"], line["changes"], line["messages"]) == (
        "updated",
        "School Code: S1 → S2",
        "updated, moved to school S2",
    )
    assert (desk.student("ca")["school_code"], desk.moved(free)) == ("S2", {})


def test_several_students_move_in_one_file(desk):
    lines = desk.apply(
        row("ca", school="S2"),
        row("ra", school="S2", first="Anna"),
        row("rd", school="S2", status="I"),
        row("cd", school="S2", status="D"),
        row("pa", school="S2", status="D"),
    )
    assert happened(lines) == [
        "updated, moved to school S2",
        "updated, moved to order E-2026, moved to school S2, licence returned to order R-1",
        "updated, moved to order E-2026, moved to school S2",
        "updated, moved to school S2",
        "updated, deactivated, moved to school S2, licence returned to the Holding Bin",
    ]
    assert [one["changes"] for one in lines] == [
        "School Code: S1 → S2",
        "School Code: S1 → S2; First Name: Ann → Anna",
        "School Code: S1 → S2",
        "School Code: S1 → S2",
        "School Code: S1 → S2",
    ]
    assert {desk.student(one)["school_code"] for one in ("ca", "ra", "rd", "cd", "pa")} == {"S2"}


# ------------------------------------------------------------------------------------------- only


def test_only_create_skips_students_who_are_there_and_asks_no_licence_for_them(desk):
    desk.fill(1)
    before = {one: desk.student(one) for one in STORED}
    lines = desk.apply(row("cd"), row("ra"), row("ca", status="D"), row("n1"), row("n2"), only="create")
    assert happened(lines) == ["skipped", "skipped", "skipped", "created, activated", "MISSING_LICENSES"]
    assert ({one: desk.student(one) for one in STORED}, codes(lines)[:3]) == (before, ["OK"] * 3)
    assert desk.free()[BIN] == 0


def test_only_update_skips_students_who_are_not_there_and_asks_no_licence_for_them(desk):
    desk.fill(1)
    lines = desk.apply(row("n1"), row("n2", status="X"), row("cd"), row("ca"), only="update")
    assert happened(lines) == ["skipped", "skipped", "updated, activated", "unchanged"]
    assert (desk.student("n1"), desk.student("n2"), desk.free()[BIN]) == ({}, {}, 0)


def test_a_row_of_the_other_kind_that_has_an_error_is_rejected_all_the_same(desk):
    lines = desk.apply(row("ca", status="X"), row("cd", grade="1"), only="create")
    assert said(lines) == [("rejected", "STUDENT_EXISTS"), ("rejected", "GRADE_FORMAT")]
    lines = desk.apply(row("n1", status="D"), row("n2", grade="1"), row("n3", username="user.ca"), only="update")
    assert said(lines) == [
        ("rejected", "STUDENT_NOT_FOUND"),
        ("rejected", "GRADE_FORMAT"),
        ("rejected", "DUPLICATE_USERNAME"),
    ]


# ------------------------------------------------------------------------------------------- who and when


def test_a_record_keeps_the_job_that_created_and_the_one_that_last_changed_it(desk):
    def jobs(student):
        found = desk.student(student)
        names = dict(query(desk.store, "SELECT number, id FROM job"))
        return names[found["created_job"]], names[found["changed_job"]]

    def applied(*rows):
        (report,) = run("apply", desk.write(file_of(*rows)), store=desk.store)
        return report.job

    first = applied(row("n1"), row("n2", status="X"))
    assert (jobs("n1"), jobs("n2")) == ((first, first), (first, first))
    second = applied(row("n1", first="Anna"), row("n2"))
    assert (jobs("n1"), jobs("n2")) == ((first, second), (first, second))
    applied(row("n1", first="Anna"), row("n2"))
    assert (jobs("n1"), jobs("n2")) == ((first, second), (first, second))


def test_the_orders_whose_licences_move_are_changed_by_the_job_and_the_others_are_not(desk):
    (report,) = run("apply", desk.write(file_of(row("ra"), row("ca"))), store=desk.store)
    changed = query(
        desk.store, "SELECT o.id FROM license_order o JOIN job ON job.number = changed_job WHERE job.id = ?", report.job
    )
    assert {one for (one,) in changed} == {BIN, REGULAR}


def test_previous_values_of_a_changed_record_are_kept_and_a_created_one_has_none(desk):
    kept = 'SELECT "before" FROM journal JOIN job ON number = job WHERE "table" = ? AND job.id = ?'
    (created,) = run("apply", desk.write(file_of(row("n1"), row("n2"))), store=desk.store)
    (changed,) = run("apply", desk.write(file_of(row("n1", first="Bea"), row("n2"))), store=desk.store)
    assert query(desk.store, kept, "student", created.job) == []
    assert ["Ann" in one for (one,) in query(desk.store, kept, "student", changed.job)] == [True]
    assert ["100" in one for (one,) in query(desk.store, kept, "license_order", created.job)] == [True]
    assert query(desk.store, kept, "license_order", changed.job) == []
