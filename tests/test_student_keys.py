"""Which rows of a student file are doubles, whose a user name is, and what `<unchanged>` keeps (student.md §1)."""

from __future__ import annotations

import pytest
from students import FULL, HEADINGS, codes, copied, district, file_of, line_of, row, said


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return district(tmp_path_factory.mktemp("base"))


@pytest.fixture
def desk(base, tmp_path):
    return copied(base, tmp_path)


# ------------------------------------------------------------------------------------------- doubled keys


def test_all_rows_of_one_student_are_rejected_whatever_their_order(desk):
    lines = desk.apply(row("1"), row("2", username="one.name"), row("3"), row("2", username="two.name"), row("1", username="x.name"))  # fmt: skip
    assert said(lines) == [
        ("rejected", "DUPLICATE_ID"),
        ("rejected", "DUPLICATE_ID"),
        ("created", "OK"),
        ("rejected", "DUPLICATE_ID"),
        ("rejected", "DUPLICATE_ID"),
    ]
    assert desk.students() == ["3"]


def test_rows_that_were_accepted_before_are_doubles_like_others(desk):
    desk.apply(row("1"), row("2"), row("3"))
    before = desk.dump()
    lines = desk.apply(
        row("1"), row("1"), row("2"), row("2", first="Bea", username="x.name"), row("4", username="USER.3"), row("3")
    )
    assert said(lines) == [
        ("rejected", "DUPLICATE_ID DUPLICATE_USERNAME"),
        ("rejected", "DUPLICATE_ID DUPLICATE_USERNAME"),
        ("rejected", "DUPLICATE_ID"),
        ("rejected", "DUPLICATE_ID"),
        ("rejected", "DUPLICATE_USERNAME"),
        ("rejected", "DUPLICATE_USERNAME"),
    ]
    assert lines[0]["messages"].endswith(
        "row 2: the user name 'user.1' also stands in row 3, and all of these rows are rejected"
    )
    assert desk.dump() == before


def test_the_same_id_in_two_districts_is_two_students(desk):
    lines = desk.apply(row("1"), row("1", district="D2", school="S9", username="other.user"))
    assert said(lines) == [("created", "OK"), ("created", "OK")]
    assert said(desk.apply(row("1", district="D2", school="S9", username="other.user", first="Bea"))) == [
        ("updated", "OK")
    ]
    assert [desk.student("1")["first_name"], desk.student("1", "D2")["first_name"]] == ["Ann", "Bea"]


def test_ids_are_compared_with_their_letter_case_and_zeros(desk):
    assert codes(desk.apply(row("ab1"), row("AB1", username="other.user"), row("1"), row("01"))) == ["OK"] * 4
    assert desk.students() == ["01", "1", "AB1", "ab1"]


def test_doubled_ids_are_found_on_the_trimmed_text(desk):
    lines = desk.validate(row("1", username="one.name", id=" 1"), row("2", username="two.name", id="1", district="D1 "))
    assert codes(lines) == ["VALUE_TRIMMED DUPLICATE_ID", "VALUE_TRIMMED DUPLICATE_ID"]


def test_doubled_ids_are_found_in_rows_with_other_errors_and_in_wrong_ids(desk):
    lines = desk.validate(
        row("1", username="one.name", grade="1"),
        row("1", username="two.name"),
        row("A-1", username="three.name"),
        row("A-1", username="four.name"),
        row("5", username="five.name", district="D7"),
        row("5", username="six.name", district="D7"),
    )
    assert codes(lines) == [
        "GRADE_FORMAT DUPLICATE_ID",
        "DUPLICATE_ID",
        "STUDENTID_FORMAT DUPLICATE_ID",
        "STUDENTID_FORMAT DUPLICATE_ID",
        "DISTRICT_ERR DUPLICATE_ID",
        "DISTRICT_ERR DUPLICATE_ID",
    ]


def test_blank_ids_districts_and_user_names_double_nothing(desk):
    lines = desk.validate(
        row("1", id=""),
        row("2", id=""),
        row("3", district=""),
        row("3", district="", username="other.user"),
        row("4", username=""),
        row("5", username=""),
    )
    assert codes(lines) == ["MISSING_ELEMS"] * 6


def test_rows_that_could_not_be_read_double_nothing(desk):
    full = [row("1").get(name, "") for name in HEADINGS]
    text = file_of(row("1")) + line_of(*full, "more") + line_of(*full[:9])
    assert codes(desk.load("apply", text)) == ["OK", "CELL_COUNT", "CELL_COUNT"]


def test_doubled_rows_keep_the_findings_of_the_store(desk):
    desk.apply(row("1"))
    lines = desk.validate(row("1", status="X"), row("1", username="one.name"), row("2", status="D"), row("2", status="I", username="two.name"))  # fmt: skip
    assert codes(lines) == [
        "STUDENT_EXISTS DUPLICATE_ID",
        "DUPLICATE_ID",
        "STUDENT_NOT_FOUND DUPLICATE_ID",
        "STUDENT_NOT_FOUND DUPLICATE_ID",
    ]


# ------------------------------------------------------------------------------------------- user names


def test_all_rows_of_one_user_name_are_rejected_without_regard_to_case(desk):
    lines = desk.apply(row("1", username="José.X"), row("2"), row("3", username=" JOSÉ.x"), row("4", username="jose.x"))
    assert said(lines) == [
        ("rejected", "DUPLICATE_USERNAME"),
        ("created", "OK"),
        ("rejected", "VALUE_TRIMMED DUPLICATE_USERNAME"),
        ("created", "OK"),
    ]


def test_doubled_user_names_are_found_over_all_districts_and_in_rows_with_errors(desk):
    lines = desk.validate(
        row("1", username="one.name", district="D2", school="S9"),
        row("2", username="one.name"),
        row("3", username="two.name", grade="1"),
        row("4", username="two.name", id=""),
        row("5", username="x"),
        row("6", username="X"),
    )
    assert codes(lines) == [
        "DUPLICATE_USERNAME",
        "DUPLICATE_USERNAME",
        "GRADE_FORMAT DUPLICATE_USERNAME",
        "MISSING_ELEMS DUPLICATE_USERNAME",
        "USERNAME_FORMAT DUPLICATE_USERNAME",
        "USERNAME_FORMAT DUPLICATE_USERNAME",
    ]


@pytest.mark.parametrize("place", [{"district": "D1"}, {"district": "D2", "school": "S9"}], ids=["here", "elsewhere"])
def test_a_user_name_of_another_student_is_refused_without_regard_to_case(desk, place):
    desk.apply(row("1", username="José.x"))
    assert said(desk.apply(row("2", username="JOSÉ.X", **place))) == [("rejected", "DUPLICATE_USERNAME")]


def test_the_student_of_the_same_id_in_another_district_is_another_one(desk):
    desk.apply(row("1", username="one.name"))
    lines = desk.apply(row("1", district="D2", school="S9", username="one.name"))
    assert said(lines) == [("rejected", "DUPLICATE_USERNAME")]


def test_a_student_keeps_or_changes_its_own_user_name(desk):
    desk.apply(row("1", username="one.name"))
    assert said(desk.apply(row("1", username="one.name"))) == [("unchanged", "OK")]
    assert said(desk.apply(row("1", username="two.name"))) == [("updated", "OK")]
    assert (desk.student("1")["username"], desk.student("1")["folded"]) == ("two.name", "two.name")


def test_changing_only_the_case_of_a_user_name_is_a_change(desk):
    desk.apply(row("1", username="one.name"))
    lines = desk.apply(row("1", username="One.Name"))
    assert (said(lines), lines[0]["changes"]) == ([("updated", "OK")], "Username: one.name → One.Name")
    assert (desk.student("1")["username"], desk.student("1")["folded"]) == ("One.Name", "one.name")


def test_a_name_given_up_by_an_earlier_row_is_free_for_a_later_one(desk):
    desk.apply(row("1", username="one.name"))
    assert said(desk.apply(row("1", username="new.name"), row("2", username="ONE.name"))) == [
        ("updated", "OK"),
        ("created", "OK"),
    ]
    assert [desk.student(one)["username"] for one in "12"] == ["new.name", "ONE.name"]


def test_a_name_given_up_only_further_down_is_not_free_yet(desk):
    desk.apply(row("1", username="one.name"))
    file = row("2", username="one.name"), row("1", username="new.name")
    assert said(desk.apply(*file)) == [("rejected", "DUPLICATE_USERNAME"), ("updated", "OK")]
    assert said(desk.apply(*file)) == [("created", "OK"), ("unchanged", "OK")]


def test_names_go_down_a_chain_of_students(desk):
    desk.apply(*(row(one, username=f"name.{one}") for one in "1234"))
    down = [row("1", username="new.name"), *(row(one, username=f"name.{int(one) - 1}") for one in "234")]
    assert said(desk.validate(*down)) == [("updated", "OK")] * 4
    assert said(desk.validate(*down[::-1])) == [("rejected", "DUPLICATE_USERNAME")] * 3 + [("updated", "OK")]
    desk.apply(*down)
    assert [desk.student(one)["username"] for one in "1234"] == ["new.name", "name.1", "name.2", "name.3"]


def test_two_students_cannot_swap_their_names_in_one_file(desk):
    desk.apply(row("1", username="one.name"), row("2", username="two.name"))
    lines = desk.apply(row("1", username="two.name"), row("2", username="one.name"))
    assert said(lines) == [("rejected", "DUPLICATE_USERNAME")] * 2


def test_a_rejected_row_gives_no_name_up(desk):
    desk.apply(row("1", username="one.name"), row("4", username="four.name"))
    lines = desk.apply(
        row("1", username="new.name", grade="1"),
        row("2", username="one.name"),
        row("4", username="other.name", status="X"),
        row("5", username="four.name"),
    )
    assert codes(lines) == ["GRADE_FORMAT", "DUPLICATE_USERNAME", "STUDENT_EXISTS", "DUPLICATE_USERNAME"]


def test_a_rejected_row_gives_no_name_up_though_the_one_it_asks_for_is_free(desk):
    desk.apply(row("1", username="one.name"), row("2", username="two.name"))
    lines = desk.apply(
        row("1", username="new.name"), row("2", username="one.name", grade="1"), row("3", username="two.name")
    )
    assert codes(lines) == ["OK", "GRADE_FORMAT", "DUPLICATE_USERNAME"]


def test_a_row_without_a_licence_gives_no_name_up(desk):
    desk.apply(row("1", username="one.name", status="X"))
    desk.fill(0)
    lines = desk.apply(row("1", username="new.name"), row("2", username="one.name", status="X"))
    assert codes(lines) == ["MISSING_LICENSES", "DUPLICATE_USERNAME"]


def test_a_row_without_a_licence_takes_no_name(desk):
    desk.apply(row("1", username="one.name"))
    desk.fill(0)
    assert codes(desk.apply(row("2", username="two.name"))) == ["MISSING_LICENSES"]
    assert codes(desk.apply(row("1", username="two.name"))) == ["OK"]


def test_a_skipped_row_gives_no_name_up(desk):
    desk.apply(row("1", username="one.name"))
    lines = desk.apply(row("1", username="new.name"), row("2", username="one.name"), only="create")
    assert said(lines) == [("skipped", "OK"), ("rejected", "DUPLICATE_USERNAME")]


def test_a_name_is_held_against_the_store_in_rows_with_other_errors_too(desk):
    desk.apply(row("1", username="one.name"), row("2", username="two.name"))
    lines = desk.validate(
        row("3", username="one.name", grade="1"),
        row("4", username="TWO.name", status="D", school="S7"),
    )
    assert codes(lines) == ["GRADE_FORMAT DUPLICATE_USERNAME", "SCHOOL_ERR STUDENT_NOT_FOUND DUPLICATE_USERNAME"]


def test_a_row_whose_student_cannot_be_looked_for_is_not_held_against_the_store(desk):
    desk.apply(*(row(f"t{number}", username=f"taken.{number}") for number in range(6)))
    faults = [{"id": ""}, {"id": "A-1"}, {"id": "1E+11"}, {"district": ""}, {"district": "D7"}, {"district": "x" * 16}]
    rows = [row(f"c{n}", username=f"taken.{n}", status="D") | one for n, one in enumerate(faults)]
    assert codes(desk.validate(*rows)) == [
        "MISSING_ELEMS",
        "STUDENTID_FORMAT",
        "EXCEL_NUMBER",
        "MISSING_ELEMS",
        "DISTRICT_ERR",
        "DISTRICT_FORMAT",
    ]


def test_a_doubled_name_is_told_once_though_the_store_has_it_too(desk):
    desk.apply(row("1", username="one.name"))
    lines = desk.validate(row("1", username="one.name"), row("2", username="one.name"))
    assert codes(lines) == ["DUPLICATE_USERNAME", "DUPLICATE_USERNAME"]


def test_a_student_is_looked_for_though_its_school_is_in_error(desk):
    desk.apply(row("1"))
    assert codes(desk.validate(row("1", status="X", school="S7"), row("2", status="I", school=""))) == [
        "SCHOOL_ERR STUDENT_EXISTS",
        "MISSING_ELEMS STUDENT_NOT_FOUND",
    ]


# ------------------------------------------------------------------------------------------- <unchanged>


def test_unchanged_keeps_the_stored_password_and_number(desk):
    desk.apply(row(**FULL))
    before = desk.student()
    lines = desk.apply(row(**(FULL | {"password": "<unchanged>", "ssn": "<unchanged>"})))
    assert (said(lines), desk.student()) == ([("unchanged", "OK")], before)


def test_unchanged_beside_a_change_keeps_the_stored_password_and_number(desk):
    desk.apply(row(**FULL))
    before = desk.student()
    lines = desk.apply(row(**(FULL | {"password": "<unchanged>", "ssn": "<unchanged>", "first": "Anna"})))
    assert (said(lines), lines[0]["changes"]) == ([("updated", "OK")], "First Name: Ann → Anna")
    assert [desk.student()[one] for one in ("password", "ssn", "ssn_last4")] == [
        before[one] for one in ("password", "ssn", "ssn_last4")
    ]


def test_unchanged_where_no_number_is_stored_leaves_it_so(desk):
    desk.apply(row())
    assert said(desk.apply(row(ssn="<unchanged>"))) == [("unchanged", "OK")]
    assert desk.student()["ssn"] is None


def test_unchanged_is_no_password_and_no_number_of_a_new_student(desk):
    lines = desk.apply(row("1", password="<unchanged>"), row("2", ssn="<unchanged>"), row("3", status="X", password="<unchanged>"))  # fmt: skip
    assert said(lines) == [
        ("rejected", "PASSWORD_FORMAT"),
        ("rejected", "SSN_FORMAT"),
        ("rejected", "PASSWORD_FORMAT"),
    ]
