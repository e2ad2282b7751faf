"""The reference templates of the student family: school, license-order, student-state (student.md §4)."""

from __future__ import annotations

import pytest
from loading import query, results, run
from students import COLUMNS, Desk, codes, copied, district, file_of, happened, row, said


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return district(tmp_path_factory.mktemp("base"))


@pytest.fixture
def desk(base, tmp_path):
    return copied(base, tmp_path)


def schools(desk):
    return {code: rest for code, *rest in query(desk.store, "SELECT code, name, district FROM school")}


def orders(desk):
    """Kind, school, whether current and free licences of each order."""
    found = query(
        desk.store,
        "SELECT o.id, kind, code, current, free FROM license_order o LEFT JOIN school s ON s.number = o.school",
    )
    return {order: tuple(rest) for order, *rest in found}


# ------------------------------------------------------------------------------------------- school


def test_a_school_is_added_and_changed_by_its_code(desk):
    lines = desk.refer("school", "S5,West,D1", "S1,North,D1", "S2,South High,D1")
    assert [(one["outcome"], one["changes"], one["codes"]) for one in lines] == [
        ("created", "", ""),
        ("updated", "School Name: North High → North", ""),
        ("unchanged", "", ""),
    ]
    assert (schools(desk)["S5"], schools(desk)["S1"]) == (["West", "D1"], ["North", "D1"])


@pytest.mark.parametrize(
    ("line", "found", "heading"),
    [
        (",West,D1", "REQUIRED", "School Code"),
        ("S5,,D1", "REQUIRED", "School Name"),
        ("S5,West,", "REQUIRED", "District Code"),
        (f"{'x' * 16},West,D1", "TOO_LONG", "School Code"),
        (f"S5,{'x' * 101},D1", "TOO_LONG", "School Name"),
        (f"S5,West,{'x' * 16}", "TOO_LONG", "District Code"),
    ],
)
def test_each_value_of_a_school_is_required_and_of_a_limited_length(desk, line, found, heading):
    (one,) = desk.refer("school", line)
    assert said([one]) == [("rejected", found)]
    assert one["messages"].startswith(f"row 2, {heading}: ")


def test_the_longest_values_of_a_school_are_taken(desk):
    assert said(desk.refer("school", f"{'x' * 15},{'y' * 100},{'z' * 15}", "1,n,0")) == [("created", "")] * 2


def test_a_school_that_stands_twice_is_rejected_in_all_its_rows(desk):
    assert codes(desk.refer("school", "S5,West,D1", "S5,East,D1", "s5,West,D1")) == ["KEY_DOUBLED", "KEY_DOUBLED", ""]


def test_the_district_of_a_school_cannot_change_while_students_are_there(desk):
    desk.apply(row("1"), row("2", school="S2", status="X"))
    lines = desk.refer("school", "S1,North High,D2", "S2,South High,D2", "S9,East High,D1")
    assert codes(lines) == ["STILL_REFERRED_TO", "STILL_REFERRED_TO", ""]
    lines = desk.refer("school", "S1,North,D2", "S2,South,D1")
    assert codes(lines) == ["STILL_REFERRED_TO", ""]
    assert [schools(desk)[one] for one in ("S1", "S2", "S9")] == [
        ["North High", "D1"],
        ["South", "D1"],
        ["East High", "D1"],
    ]


def test_the_district_of_a_school_may_change_when_its_students_have_left(desk):
    desk.apply(row("1"))
    desk.apply(row("1", school="S2"))
    assert said(desk.refer("school", "S1,North High,D2")) == [("updated", "")]


def test_a_district_is_known_as_long_as_a_school_has_it(desk):
    desk.refer("school", "S9,East High,D1")
    assert codes(desk.validate(row("1", district="D2", school="S9"), row("2", school="S9"))) == ["DISTRICT_ERR", "OK"]


# ------------------------------------------------------------------------------------------- license-order


def test_orders_are_added_and_changed_by_their_id(desk):
    lines = desk.refer("license-order", "R-3,Regular,S2,No,5", "R-2,Regular,S9,,", "R-1,Regular,S1,No,10")
    assert [(one["outcome"], one["changes"], one["codes"]) for one in lines] == [
        ("created", "", ""),
        ("updated", "School Code: S2 → S9", ""),
        ("unchanged", "", ""),
    ]
    assert orders(desk) == {
        "BIN": ("Holding Bin", None, 0, 100),
        "E-2026": ("eAMS", None, 1, 0),
        "E-2025": ("eAMS", None, 0, 0),
        "R-1": ("Regular", "S1", 0, 10),
        "R-2": ("Regular", "S9", 0, 10),
        "R-3": ("Regular", "S2", 0, 5),
    }


@pytest.mark.parametrize(
    ("line", "found", "heading"),
    [
        (",Regular,S1,,5", "REQUIRED", "Order ID"),
        ("O1,,S1,,5", "REQUIRED", "Kind"),
        ("O1,Irregular,S1,,5", "NOT_IN_LIST", "Kind"),
        ("O1,Regular,,,5", "REQUIRED", "School Code"),
        ("O1,Regular,S1,Maybe,5", "NOT_IN_LIST", "Current"),
        ("O1,Regular,S1,,", "REQUIRED", "Free Licenses"),
        ("O1,eAMS,,,", "REQUIRED", "Free Licenses"),
        ("O1,Regular,S1,,-1", "NOT_A_NUMBER", "Free Licenses"),
        ("O1,Regular,S1,,1.5", "NOT_A_NUMBER", "Free Licenses"),
        ("O1,Regular,S1,,many", "NOT_A_NUMBER", "Free Licenses"),
    ],
)
def test_what_an_order_needs_is_asked_for_by_heading(desk, line, found, heading):
    (one,) = desk.refer("license-order", line)
    assert said([one]) == [("rejected", found)]
    assert one["messages"].startswith(f"row 2, {heading}: ")


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("O1,Regular,S7,,5", "School Code"),
        ("O1,Regular,s1,,5", "School Code"),
        ("O1,eAMS,S1,,5", "School Code"),
        ("B2,Holding Bin,S1,,5", "School Code"),
        ("R-1,eAMS,S1,,", "School Code"),
        ("O1,Regular,S1,Yes,5", "Current"),
        ("BIN,Holding Bin,,Yes,", "Current"),
    ],
)
def test_what_does_not_go_with_the_kind_is_refused(desk, line, heading):
    before = orders(desk)
    (one,) = desk.refer("license-order", line)
    assert one["outcome"] == "rejected"
    assert f"row 2, {heading}: " in one["messages"]
    assert orders(desk) == before


def test_an_order_that_stands_twice_is_rejected_in_all_its_rows(desk):
    assert codes(desk.refer("license-order", "R-5,Regular,S1,,5", "R-5,Regular,S1,,5")) == ["KEY_DOUBLED"] * 2


def test_a_blank_current_means_no(desk):
    assert happened_to(desk.refer("license-order", "E-2026,eAMS,,,")) == [("updated", "Current: Yes → No")]
    assert orders(desk)["E-2026"] == ("eAMS", None, 0, 0)


def happened_to(lines):
    return [(one["outcome"], one["changes"]) for one in lines]


def test_a_second_current_order_is_refused(desk):
    lines = desk.refer("license-order", "E-2027,eAMS,,Yes,0", "E-2025,eAMS,,Yes,", "E-2026,eAMS,,Yes,")
    assert said(lines) == [
        ("rejected", "CURRENT_ORDER_DOUBLED"),
        ("rejected", "CURRENT_ORDER_DOUBLED"),
        ("unchanged", ""),
    ]


def test_the_current_order_changes_where_the_old_one_comes_first(desk):
    lines = desk.refer("license-order", "E-2026,eAMS,,No,", "E-2027,eAMS,,Yes,0")
    assert said(lines) == [("updated", ""), ("created", "")]
    assert [orders(desk)[one][2] for one in ("E-2025", "E-2026", "E-2027")] == [0, 0, 1]


def test_the_new_order_is_refused_where_the_old_one_comes_after_it(desk):
    lines = desk.refer("license-order", "E-2027,eAMS,,Yes,0", "E-2026,eAMS,,No,")
    assert said(lines) == [("rejected", "CURRENT_ORDER_DOUBLED"), ("updated", "")]


def test_of_two_new_current_orders_the_first_counts(desk):
    desk.refer("license-order", "E-2026,eAMS,,No,")
    lines = desk.refer("license-order", "E-2027,eAMS,,Yes,0", "E-2028,eAMS,,Yes,0")
    assert said(lines) == [("created", ""), ("rejected", "CURRENT_ORDER_DOUBLED")]


def test_a_rejected_row_leaves_the_current_order_as_it_is(desk):
    lines = desk.refer("license-order", "E-2026,eAMS,,No,99", "E-2027,eAMS,,Yes,0")
    assert said(lines) == [("rejected", "LICENSES_DIFFER"), ("rejected", "CURRENT_ORDER_DOUBLED")]
    desk.refer("license-order", "E-2026,eAMS,,No,")
    lines = desk.refer("license-order", "E-2027,eAMS,,Yes,x", "E-2028,eAMS,,Yes,0")
    assert said(lines) == [("rejected", "NOT_A_NUMBER"), ("created", "")]


def test_a_skipped_row_leaves_the_current_order_as_it_is(desk):
    lines = desk.refer("license-order", "E-2026,eAMS,,No,", "E-2027,eAMS,,Yes,0", only="create")
    assert said(lines) == [("skipped", ""), ("rejected", "CURRENT_ORDER_DOUBLED")]


def test_a_second_holding_bin_is_refused(desk):
    assert said(desk.refer("license-order", "B2,Holding Bin,,,5")) == [("rejected", "BIN_DOUBLED")]
    assert said(desk.refer("license-order", "R-1,Holding Bin,,,", "BIN,Holding Bin,,,")) == [
        ("rejected", "BIN_DOUBLED"),
        ("unchanged", ""),
    ]


def test_of_two_new_holding_bins_the_first_counts(tmp_path):
    desk = Desk(tmp_path)
    lines = desk.refer("license-order", "B1,Holding Bin,,,5", "B2,Holding Bin,,,5")
    assert said(lines) == [("created", ""), ("rejected", "BIN_DOUBLED")]


def test_free_licences_of_an_order_may_be_blank_or_equal(desk):
    assert said(desk.refer("license-order", "BIN,Holding Bin,,,", "R-1,Regular,S1,,10")) == [("unchanged", "")] * 2
    desk.apply(row("1"))
    assert said(desk.refer("license-order", "BIN,Holding Bin,,,100")) == [("rejected", "LICENSES_DIFFER")]
    assert said(desk.refer("license-order", "BIN,Holding Bin,,,99")) == [("unchanged", "")]


def test_free_licences_are_set_only_where_that_is_asked_for(desk):
    lines = desk.refer("license-order", "BIN,Holding Bin,,,120", "R-1,Regular,S2,,0", "R-2,Regular,S1,,")
    assert said(lines) == [("rejected", "LICENSES_DIFFER"), ("rejected", "LICENSES_DIFFER"), ("updated", "")]
    assert [orders(desk)[one][3] for one in ("BIN", "R-1", "R-2")] == [100, 10, 10]
    lines = desk.refer("license-order", "BIN,Holding Bin,,,120", "R-1,Regular,S2,,0", "R-2,Regular,S1,,", set_licenses=True)  # fmt: skip
    assert happened_to(lines) == [
        ("updated", "Free Licenses: 100 → 120"),
        ("updated", "School Code: S1 → S2; Free Licenses: 10 → 0"),
        ("unchanged", ""),
    ]
    assert [orders(desk)[one][3] for one in ("BIN", "R-1", "R-2")] == [120, 0, 10]


def test_the_sentence_about_licences_says_how_many_there_are_and_the_way_to_set_them(desk):
    (line,) = desk.refer("license-order", "BIN,Holding Bin,,,120")
    assert [word in line["messages"] for word in ("'120'", "100", "--set-licenses")] == [True] * 3


def test_the_kind_of_an_order_cannot_change_while_students_are_on_it(desk):
    desk.apply(row("1", status="X"))
    desk.refer("student-state", "1,R-1,No")
    lines = desk.refer("license-order", "R-1,eAMS,,,", "R-2,eAMS,,,")
    assert said(lines) == [("rejected", "STILL_REFERRED_TO"), ("updated", "")]
    desk.refer("student-state", "1,E-2025,No")
    assert said(desk.refer("license-order", "E-2025,Regular,S1,,", "R-1,eAMS,,,")) == [
        ("rejected", "STILL_REFERRED_TO"),
        ("updated", ""),
    ]


# ------------------------------------------------------------------------------------------- student-state


@pytest.fixture
def states(desk):
    """A desk with the student 1 in D1, the student 2 in both districts, and 3, who is deactivated."""
    rows = row("1"), row("2"), row("2", district="D2", school="S9", username="other.user"), row("3", status="X")
    assert happened(desk.apply(*rows)) == ["created, activated"] * 3 + ["created, deactivated"]
    return desk


def test_state_and_order_are_set_and_no_licence_moves(states):
    free = states.free()
    lines = states.refer("student-state", "1,R-1,No", "3,E-2025,Yes")
    assert happened_to(lines) == [
        ("updated", "Order ID: E-2026 → R-1; Active: Yes → No"),
        ("updated", "Order ID: E-2026 → E-2025; Active: No → Yes"),
    ]
    assert (states.state("1"), states.state("3"), states.moved(free)) == ((False, "R-1"), (True, "E-2025"), {})
    assert said(states.refer("student-state", "1,R-1,No", "3,E-2025,yes")) == [("unchanged", "")] * 2


def test_nothing_else_of_the_student_changes(states):
    own = ("active", "license_order", "order_id", "changed_job", "content")
    before = {name: value for name, value in states.student("1").items() if name not in own}
    states.refer("student-state", "1,R-1,No")
    assert {name: value for name, value in states.student("1").items() if name not in own} == before
    assert happened(states.apply(row("1", status="D"))) == ["updated, moved to order E-2026"]


@pytest.mark.parametrize(
    ("line", "found", "heading"),
    [
        (",R-1,No", "REQUIRED", "Student ID"),
        ("1,,No", "REQUIRED", "Order ID"),
        ("1,R-1,", "REQUIRED", "Active"),
        ("1,R-1,Perhaps", "NOT_IN_LIST", "Active"),
        ("7,R-1,No", "STUDENT_NOT_FOUND", "Student ID"),
        ("2,R-1,No", "STUDENT_AMBIGUOUS", "Student ID"),
        ("1,R-9,No", "ORDER_NOT_FOUND", "Order ID"),
        ("1,r-1,No", "ORDER_NOT_FOUND", "Order ID"),
        ("1,BIN,No", "ORDER_NOT_FOUND", "Order ID"),
    ],
)
def test_a_state_names_one_student_and_an_order_that_students_can_be_on(states, line, found, heading):
    before = states.dump()
    (one,) = states.refer("student-state", line)
    assert said([one]) == [("rejected", found)]
    assert one["messages"].startswith(f"row 2, {heading}: ")
    assert states.dump() == before


def test_a_student_that_stands_twice_is_rejected_in_all_rows(states):
    assert codes(states.refer("student-state", "1,R-1,No", "1,R-2,No")) == ["KEY_DOUBLED", "KEY_DOUBLED"]


def test_student_ids_are_compared_with_their_letter_case(states):
    states.apply(row("ab1"), row("AB1", username="some.user"))
    assert said(states.refer("student-state", "ab1,R-1,No", "Ab1,R-1,No")) == [
        ("updated", ""),
        ("rejected", "STUDENT_NOT_FOUND"),
    ]
    assert (states.state("ab1"), states.state("AB1")) == ((False, "R-1"), (True, "E-2026"))


# ------------------------------------------------------------------------------------------- together


def test_each_template_is_told_from_its_headings(desk):
    for template, headings in COLUMNS.items():
        path = desk.write(f"{headings}\n", "any.csv")
        (report,) = run("validate", path, store=desk.store)
        assert (report.template, report.refused) == (template, None)


def test_headings_of_reference_data_may_stand_in_any_order_and_case(desk):
    run("apply", desk.write("district code,SCHOOL CODE,School Name\nD1,S5,West\n", "any.csv"), store=desk.store)
    assert said(results(desk.folder / "any.results.csv")) == [("created", "")]
    assert schools(desk)["S5"] == ["West", "D1"]


def test_checked_files_are_checked_on_top_of_one_another_without_a_store(tmp_path):
    paths = {
        "students.csv": file_of(row("1"), row("2", school="S7")),
        "a.csv": "Student ID,Order ID,Active\n1,R-1,No\n2,R-1,No\n",
        "b.csv": "Order ID,Kind,School Code,Current,Free Licenses\nB,Holding Bin,,,1\nE,eAMS,,Yes,0\nR-1,Regular,S1,,0\n",
        "c.csv": "School Code,School Name,District Code\nS1,North,D1\n",
    }
    for name, text in paths.items():
        (tmp_path / name).write_text(text, "utf-8")
    reports = run("validate", *(tmp_path / name for name in paths), store=tmp_path / "none.db", keep_going=True)
    assert [(one.template, dict(one.tally.outcomes)) for one in reports] == [
        ("school", {"created": 1}),
        ("license-order", {"created": 3}),
        ("student", {"created": 1, "rejected": 1}),
        ("student-state", {"updated": 1, "rejected": 1}),
    ]
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(paths)
