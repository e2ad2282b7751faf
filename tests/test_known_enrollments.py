"""Rows that set their enrollment before exactly as they are typed now: known, and not looked at again (loading §4.3)."""

from __future__ import annotations

import pytest
from loading import query
from test_enrollment import ALL, HEADINGS, Desk, base, desk, row

from bulkload import first_pass
from bulkload.templates.enrollment import known

__all__ = ["base", "desk"]


@pytest.fixture(autouse=True)
def looked_at(monkeypatch):
    """How many rows were looked at in full, batch by batch; small batches are recognized too."""
    monkeypatch.setattr(known, "FEW", 0)
    heights, look_at = [], first_pass.look_at

    def counting(one, frame):
        heights.extend([frame.height] if frame.height else [])
        return look_at(one, frame)

    monkeypatch.setattr(first_pass, "look_at", counting)
    return heights


def said(lines):
    return [(one["outcome"], one["codes"]) for one in lines]


def digest(desk: Desk, user: str) -> int | None:
    """The digest that a user's first enrollment is stored with."""
    found = query(desk.store, "SELECT content FROM enrollment JOIN user ON number = user WHERE username = ?", user)
    return found[0][0]


def test_rows_that_stand_as_they_were_accepted_are_unchanged_and_not_looked_at_again(desk, looked_at):
    rows = [row(), row(b="Bob", C="Room=4", F="Approved", G="No Show"), row("Café", b="josé")]
    assert said(desk.apply(*rows)) == [("created", "")] * 3
    before = desk.dump()
    looked_at.clear()
    assert said(desk.apply(*rows, row(b="u01"))) == [*[("unchanged", "")] * 3, ("created", "")]
    assert looked_at == [2]  # a name that is not ASCII is looked at
    assert desk.dump()["enrollment"][:2] == before["enrollment"][:2]


def test_a_row_of_which_something_was_found_is_looked_at_each_time_so_that_it_is_said_again(desk, looked_at):
    noted = [row(b=" ann"), row(b="idle"), row(H="soon", b="u05")]
    codes = ["VALUE_TRIMMED", "USER_INACTIVE", "PRIORITY_OTHER_TO_NONE"]
    assert said(desk.apply(*noted)) == [("created", code) for code in codes]
    looked_at.clear()
    assert said(desk.apply(*noted)) == [("unchanged", code) for code in codes]
    assert looked_at == [3]


def test_a_row_that_was_wait_listed_is_not_known_by_it(desk):
    seats = [row("Two and all", b=f"u0{n}", F="Approved") for n in range(3)]
    assert said(desk.apply(*seats)) == [("created", ""), ("created", ""), ("created", "WAITLISTED")]
    assert said(desk.apply(*seats)) == [("unchanged", ""), ("unchanged", ""), ("unchanged", "WAITLISTED")]


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("event", "S1,Safety,ILT Session,Approved,Yes,Pacific Standard Time,,Unlimited,"),
        ("event", "S9,Safety,ILT Session,Approved,No,,,Unlimited,"),
        ("roster-field", "RC09,Room"),
        ("completion", "C1,u09,09/17/2015 12:00 AM"),
    ],
)
def test_what_rows_are_judged_by_has_changed_and_every_row_is_looked_at_once_more(desk, looked_at, template, line):
    desk.apply(row(), row(b="Bob"))
    desk.refer(template, line)
    looked_at.clear()
    desk.apply(row(), row(b="Bob"))
    assert looked_at == [2]


def test_a_user_who_has_become_inactive_is_noted(desk):
    desk.apply(row(), row(b="Bob"))
    desk.refer("user", "ann,,,,No")
    assert said(desk.apply(row(), row(b="Bob"))) == [("unchanged", "USER_INACTIVE"), ("unchanged", "")]


def test_a_completion_that_has_come_since_completes_a_row_that_is_typed_as_it_was(desk):
    desk.apply(row("Algebra", b="Bob"))
    desk.refer("completion", "C1,Bob,09/17/2015 12:00 AM")
    assert said(desk.apply(row("Algebra", b="Bob"))) == [("updated", "")]


def test_a_record_that_another_row_has_changed_since_is_set_back(desk):
    desk.apply(row(F="Approved", C="Room=4"))
    desk.apply(row(F="Approved", C="Room=5"))
    assert said(desk.apply(row(F="Approved", C="Room=4"))) == [("updated", "")]
    desk.apply(row(F="Denied"))
    assert said(desk.apply(row(F="Approved", C="Room=4"))) == [("updated", "")]


def test_the_second_of_two_known_rows_is_a_double(desk):
    desk.apply(row(), letters=ALL)
    twice = [row(), row(), row(b="ANN", ID="S1")]
    assert said(desk.apply(*twice, letters=ALL)) == [
        ("unchanged", ""),
        ("rejected", "DUPLICATE_ROW"),
        ("rejected", "DUPLICATE_ROW"),
    ]


def test_only_create_skips_what_is_known(desk):
    desk.apply(row())
    assert said(desk.apply(row(), row(b="Bob"), only="create")) == [("skipped", ""), ("created", "")]
    assert said(desk.apply(row(), only="update")) == [("unchanged", "")]


def test_validate_notes_nothing(desk):
    desk.apply(row(b=" u07"))
    desk.validate(row(b="u07"))
    assert digest(desk, "u07") is None
    desk.apply(row(b="u07"))
    assert digest(desk, "u07") is not None


def test_a_large_store_is_not_read_for_a_few_rows(desk, looked_at, monkeypatch):
    desk.apply(row())
    monkeypatch.setattr(known, "FEW", 1000)
    looked_at.clear()
    assert said(desk.apply(row())) == [("unchanged", "")]
    assert looked_at == [1]


def test_the_rows_of_a_store_too_large_for_memory_are_looked_at(desk, looked_at, monkeypatch):
    desk.apply(row())
    monkeypatch.setattr(known, "MOST", 0)
    looked_at.clear()
    assert said(desk.apply(row())) == [("unchanged", "")]
    assert looked_at == [1]


@pytest.mark.usefixtures("many_batches_and_nothing_held_in_memory")
@pytest.mark.parametrize("few", [0, 3, 20_000])
def test_rows_that_wait_for_those_of_later_batches_get_what_is_theirs(desk, looked_at, monkeypatch, few):
    monkeypatch.setattr(first_pass, "FEW", few)
    users = [f"u{n:02}" for n in range(40)]
    desk.apply(*(row(b=user) for user in users))
    rows = {user: row(b=user) for user in users}
    rows |= {user: row(b=user, F="Aproved") for user in ("u03", "u17", "u38")}
    rows |= {user: row(b=f" {user}") for user in ("u00", "u18", "u39")}
    rows |= {user: row(b=user, F="Denied") for user in ("u04", "u05", "u30")}
    looked_at.clear()
    lines = desk.apply(*rows.values(), row(b="u29"), row(b="u31"))
    bad, trimmed, denied = ("rejected", "PRE_STATUS_UNKNOWN"), ("unchanged", "VALUE_TRIMMED"), ("updated", "")
    expected = dict.fromkeys(users, ("unchanged", ""))
    expected |= dict.fromkeys(("u03", "u17", "u38"), bad) | dict.fromkeys(("u00", "u18", "u39"), trimmed)
    expected |= dict.fromkeys(("u04", "u05", "u30"), denied)
    assert said(lines) == [*expected.values(), *[("rejected", "DUPLICATE_ROW")] * 2]
    assert [one["row"] for one in lines] == [str(number) for number in range(2, 44)]
    assert [one[HEADINGS["B"]].strip() for one in lines] == [*users, "u29", "u31"]
    rejected = (desk.folder / "enrollments.rejects.csv").read_text("utf-8").splitlines()[1:]
    assert [line.split(",")[1] for line in rejected] == ["u03", "u17", "u38", "u29", "u31"]
    assert (sum(looked_at), len(looked_at) == 1) == (9, few == 20_000)
