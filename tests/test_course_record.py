"""Every rule of course records with its case (course-record §1 to §3, §5)."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from courses import Office, done, office, row, said, text_of
from loading import NOW, results, run

from bulkload.errors import UsageError

REJECTED = "rejected"


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return office(tmp_path_factory.mktemp("office"))


@pytest.fixture
def desk(furnished: Office, tmp_path) -> Office:
    for path in furnished.folder.glob("store.db"):
        shutil.copy(path, tmp_path / path.name)
    return Office(tmp_path)


# ---- the two importers


def test_the_global_importer_wants_legacy_before_anything_is_read(desk):
    with pytest.raises(UsageError, match="--legacy"):
        desk.report("no file of records at all", legacy=False)


def test_legacy_and_course_exclude_one_another(desk):
    with pytest.raises(UsageError, match="give one of them"):
        desk.report(text_of((row(),)), legacy=True, course="C1")


@pytest.mark.parametrize("verb", ["validate", "apply"])
def test_the_global_importer_says_on_every_run_that_its_records_are_not_in_pars(desk, verb):
    assert [one["code"] for one in desk.report(text_of((row(),)), verb).warnings] == ["GLOBAL_NOT_IN_PARS"]
    assert desk.report(text_of((row(who="L2"),)), verb, course="C1").warnings == []


def test_the_importer_of_a_course_needs_neither_course_nor_title(desk):
    assert desk.report("external_user_id,complete\nL1,0\n", course="C1").tally.outcomes == {"created": 1}
    assert desk.records() == {("L1", "C1"): (0, 0, None, None)}


@pytest.mark.parametrize(
    ("course", "cell", "codes"),
    [
        ("C1", "", ""),
        ("C1", "C1", ""),
        ("C1", "C2", "COURSE_MISMATCH"),
        ("C1", "c1", "COURSE_MISMATCH"),
        ("C99", "", "COURSE_NOT_FOUND"),
        ("C99", "C99", "COURSE_NOT_FOUND"),
    ],
)
def test_a_row_of_a_courses_importer_is_of_that_course(desk, course, cell, codes):
    assert desk.load(row(course=cell), course=course)[0]["codes"].split()[:1] == codes.split()


@pytest.mark.parametrize("missing", ["external_course_id", "title"])
def test_a_heading_that_the_global_importer_needs_is_missed(desk, missing):
    headings = tuple(one for one in ("external_course_id", "title", "external_user_id") if one != missing)
    report = desk.report(text_of((row(),), headings))
    assert (report.refused_code, missing in str(report.refused)) == ("HEADER_MISSING", True)


def test_a_file_needs_the_heading_of_an_id_or_of_an_address(desk):
    assert desk.report("external_course_id,title\nC1,T\n").refused_code == "HEADER_MISSING"
    assert desk.report("external_course_id,title,external_mail\nC1,T,l1@x.org\n").tally.outcomes == {"created": 1}


def test_both_spellings_of_the_address_in_one_file_are_one_too_many(desk):
    text = "external_course_id,title,external_mail,external_email\nC1,T,l1@x.org,l1@x.org\n"
    assert desk.report(text).refused_code == "HEADER_DOUBLED"


# ---- single cells


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"course": ""}, "COURSE_KEY_MISSING"),
        ({"course": "C" * 129}, "TOO_LONG"),
        ({"title": ""}, "TITLE_MISSING"),
        ({"who": ""}, "USER_KEY_MISSING"),
        ({"who": "", "mail": "l1.x.org"}, "EMAIL_FORMAT"),
        ({"who": "L1", "mail": "l2@x.org"}, "USER_KEY_CONFLICT"),
        ({"who": "L1", "mail": "both@x.org"}, "USER_KEY_CONFLICT"),
        ({"who": "", "mail": "both@x.org"}, "LEARNER_AMBIGUOUS"),
        ({"who": "nobody", "mail": "both@x.org"}, "LEARNER_AMBIGUOUS"),
        ({"category": "physician"}, "START_MISSING"),
        ({"category": "doctor", "start": "2015-01-01"}, "CATEGORY_UNKNOWN"),
        ({"start": "1/2/2015"}, "DATE_FORMAT"),
        ({"start": "2015-02-29"}, "DATE_FORMAT"),
        ({"end": "2015-01-01T24:00"}, "DATE_FORMAT"),
        ({"completed": "yesterday"}, "DATE_FORMAT"),
        ({"expires": "2015-13-01"}, "DATE_FORMAT"),
        ({"start": "2015-01-02", "end": "2015-01-01"}, "DATE_ORDER"),
        ({"complete": "yes"}, "COMPLETE_FORMAT"),
        ({"attended": "2"}, "ATTENDED_FORMAT"),
        ({"credits": "1,5"}, "CREDITS_FORMAT"),
        ({"type": "amma"}, "CREDIT_TYPE_UNKNOWN"),
        ({"type": "AMA"}, "CREDIT_TYPE_UNKNOWN"),
        *(({"type": f"ama{one}nursing"}, "MULTIPLE_TYPES_IN_CELL") for one in ",;|/"),
        ({"credits": "1", "complete": "1"}, "CREDITS_WITHOUT_TYPE"),
        ({"credits": "1", "type": "ama"}, "CREDITS_ON_INCOMPLETE"),
        ({"credits": "0.01", "type": "ama", "complete": "0"}, "CREDITS_ON_INCOMPLETE"),
        ({"credits": "4.01", "type": "ama", "complete": "1"}, "CREDITS_TOO_HIGH"),
        ({"credits": "1", "type": "moc", "complete": "1"}, "CREDITS_TOO_HIGH"),
        ({"credits": "1.99", "type": "nursing", "complete": "1"}, "CREDITS_NOT_VARIABLE"),
    ],
    ids=str,
)
def test_a_wrong_cell_rejects_its_row_with_one_finding(desk, cells, code):
    assert said(desk.load(row(**cells))) == [(REJECTED, code)]
    assert desk.records() == {}


@pytest.mark.parametrize(
    "cells",
    [
        {"course": "C" * 128},
        {"who": "", "mail": "L1@X.org"},
        {"who": "L1", "mail": "L1@x.org"},
        {"who": "L5", "mail": "new@x.org"},
        {"category": "Physician", "start": "2015-01-01"},
        {"start": "2015-01-02", "end": "2015-01-02"},
        {"start": "2015-01-02T10:00:00+02:00", "end": "2015-01-02T08:00Z"},
        {"credits": "0", "type": "ama"},
        {"credits": "0.00"},
        {"type": "ama", "complete": "1"},
        {"attended": "0", "completed": "2015-01-01"},
        {"credits": "2", "type": "nursing", "complete": "1"},
        {"credits": "4.00", "type": "ama", "complete": "1"},
        {"credits": "0.01", "type": "ama", "complete": "1"},
        {"course": "shell", "credits": "9999.99", "type": "moc", "complete": "1"},
    ],
    ids=str,
)
def test_a_right_row_is_assigned(desk, cells):
    assert [one["outcome"] for one in desk.load(row(**cells))] == ["created"]


@pytest.mark.parametrize(
    ("cell", "hundredths"),
    [
        ("0.01", 1), ("0.1", 10), ("1", 100), ("1.5", 150), ("1.25", 125), ("9999.99", 999_999), ("0.29", 29), ("4.35", 435),
        ("10000", None), ("0.005", None), ("1.000", None), ("-1", None), ("+1", None), (".5", None), ("1.", None),
        ("1e2", None), ("1,000", None), ("٣", None), ("NaN", None), ("00001", None),
    ],
)  # fmt: skip
def test_credits_are_read_exactly_and_never_rounded(desk, cell, hundredths):
    (line,) = desk.load(done(cell, course="shell"))
    assert (line["codes"] == "CREDITS_FORMAT") == (hundredths is None)
    assert list(desk.credits().values()) == ([] if hundredths is None else [hundredths])


def test_a_message_says_what_to_write(desk):
    lines = desk.load(done("1,5"), row(type="nursin", course="C2"), row(start="2015-1-2", course="C3"))
    assert [one["messages"] for one in lines] == [
        "row 2, credits: '1,5' is not 0 to 9999.99 with at most two decimals (write 1.5)",
        "row 3, credit_type: there is no credit type 'nursin' (did you mean 'nursing'?)",
        "row 4, enrollment_start: '2015-1-2' is not a date in ISO 8601, as 2015-09-17 or 2015-09-17T08:00:00Z (write 2015-01-02)",
    ]


# ---- several rows of a learner and course


def test_several_credit_types_are_several_rows_and_one_enrollment(desk):
    assert said(desk.load(done("1.25", completed="2015-02-03"), done("2", "nursing"))) == [("created", "")] * 2
    assert desk.records() == {("L1", "C1"): (1, 1, "2015-02-03", None)}
    assert desk.credits() == {("L1", "C1", "ama"): 125, ("L1", "C1", "nursing"): 200}


def test_a_credit_type_twice_is_rejected_the_later_times_whatever_names_the_learner(desk):
    lines = desk.load(
        done(), done(who="", mail="L1@x.org"), done(mail="l1@X.ORG"), row(type=""), row(type="", who="L2")
    )
    assert [one["outcome"] for one in lines] == ["created", REJECTED, REJECTED, REJECTED, "created"]
    assert [one["codes"].split()[0] for one in lines[1:3]] == ["DUPLICATE_CREDIT_TYPE_ROW"] * 2


def test_a_blank_credit_type_counts_as_a_type(desk):
    assert said(desk.load(row(), row())) == [("created", ""), (REJECTED, "DUPLICATE_CREDIT_TYPE_ROW")]


def test_a_learner_to_come_is_told_apart_by_id_and_else_by_address(desk):
    new = [
        done(who="N1"),
        done(who="N1", mail="n1@x.org"),
        done(who="", mail="n1@x.org"),
        done(who="", mail="N1@x.org"),
    ]
    assert [one["outcome"] for one in desk.load(*new)] == ["held", REJECTED, "held", REJECTED]


def test_the_rows_of_a_learner_and_course_agree_on_complete(desk):
    lines = desk.load(row(type="ama"), row(), done("2", "nursing"), row(type="moc", complete="0"), done(who="L2"))
    assert said(lines) == [
        ("created", ""), ("created", ""), (REJECTED, "COMPLETE_DISAGREES"), ("created", ""), ("created", ""),
    ]  # fmt: skip


def test_the_first_category_of_a_learner_and_course_counts(desk):
    rows = [
        done(start="2015-01-01"),
        done("2", "nursing", start="2015-01-01", category="nonphysician"),
        row(type="moc", complete="1", start="2015-01-01", category="physician"),
    ]
    lines = desk.load(*rows)
    assert said(lines) == [("created", ""), ("created", ""), ("created", "CATEGORY_ON_SECOND_ROW")]
    assert desk.records() == {("L1", "C1"): (1, 1, None, "nonphysician")}


# ---- no updates


def test_a_row_that_is_stored_as_it_was_imported_changes_nothing(desk):
    rows = [done(start="2015-01-01", category="physician"), done("2", "nursing"), row(who="L2", credits="0")]
    desk.load(*rows)
    before = desk.dump()
    assert [one["outcome"] for one in desk.load(*rows)] == ["unchanged"] * 3
    assert [one["outcome"] for one in desk.load(row(who="L2", credits=""))] == ["unchanged"]
    assert desk.dump() == before


@pytest.mark.parametrize(
    ("stored", "row_", "outcome"),
    [
        (row(), row(start="2015-01-01"), REJECTED),
        (row(), row(type="ama"), REJECTED),
        (row(), row(complete="1"), REJECTED),
        (row(), row(complete="1", type="ama", credits="0"), REJECTED),
        (row(), done(), "updated"),
        (row(type="ama"), done(), "updated"),
        (done(), done("2"), REJECTED),
        (done(), done(expires="2030-01-01"), REJECTED),
        (done(), row(complete="1", type="ama"), REJECTED),
        (done(), row(), REJECTED),
        (done(), row(complete="1", type="nursing"), REJECTED),
        (done(), done("2", "nursing"), "updated"),
        (row(complete="1", type="ama"), done(), "updated"),
    ],
)
def test_a_file_may_complete_with_credit_or_add_a_credit_and_nothing_else(desk, stored, row_, outcome):
    desk.load(stored)
    (line,) = desk.load(row_)
    assert said([line]) == [(outcome, "RECORD_ALREADY_ASSIGNED" if outcome == REJECTED else "")]
    assert [one["outcome"] for one in desk.load(row_)] == [REJECTED if outcome == REJECTED else "unchanged"]


def test_a_completion_with_credit_keeps_what_its_row_leaves_blank(desk):
    desk.load(row(start="2015-01-01", category="physician", attended="1"))
    (line,) = desk.load(done(completed="2015-03-04"))
    assert line["changes"] == "complete: 0 → 1; credits: (blank) → 1.25 ama"
    assert desk.records() == {("L1", "C1"): (1, 1, "2015-03-04", "physician")}


def test_two_rows_can_complete_one_stored_enrollment(desk):
    desk.load(row(start="2014-01-01"))
    lines = desk.load(done(completed="2015-03-04"), done("2", "nursing", start="2015-01-01", category="physician"))
    assert [one["outcome"] for one in lines] == ["updated", "updated"]
    assert desk.records() == {("L1", "C1"): (1, 1, "2015-03-04", "physician")}
    assert desk.credits() == {("L1", "C1", "ama"): 125, ("L1", "C1", "nursing"): 200}


def test_only_create_and_only_update_skip_the_others(desk):
    desk.load(row())
    assert [one["outcome"] for one in desk.load(done(), row(who="L2"), only="create")] == ["skipped", "created"]
    assert [one["outcome"] for one in desk.load(done(), row(who="L5"), only="update")] == ["updated", "skipped"]


# ---- learners who are not there yet


def test_a_record_waits_for_its_learner_through_three_runs_and_is_assigned_in_the_learners_own_run(desk):
    assert said(desk.load(done(who="N1"))) == [("held", "HELD")]
    assert said(desk.load(done(who="N1"))) == [("unchanged", "HELD")]
    assert said(desk.load(done("2", who="N1"))) == [("held", "HELD")]
    (line,) = desk.refer("learner", "N1,n1@x.org,Nia,New")
    assert said([line]) == [("created", "HELD_ASSIGNED")]
    assert line["messages"].endswith("records that had waited were assigned: C1 2.00 ama")
    assert (desk.credits(), desk.held()) == ({("N1", "C1", "ama"): 200}, [])
    assert said(desk.load(done("2", who="N1"))) == [("unchanged", "")]
    assert said(desk.refer("learner", "N1,n1@x.org,Nia,New")) == [("unchanged", "")]


def test_a_record_of_an_address_is_assigned_to_the_learner_who_has_it(desk):
    desk.load(done(who="", mail="N1@x.org"), done("2", "nursing", who="other", mail="n1@X.org"))
    desk.refer("learner", "N1,n1@x.org,,")
    assert desk.credits() == {("N1", "C1", "ama"): 125, ("N1", "C1", "nursing"): 200}


def test_an_id_goes_before_an_address_where_one_file_brings_both(desk):
    desk.load(done(who="N2", mail="n@x.org"))
    desk.refer("learner", "N1,n@x.org,,", "N2,n2@x.org,,")
    assert desk.credits() == {("N2", "C1", "ama"): 125}


def test_an_address_that_two_learners_of_a_file_have_assigns_nothing(desk):
    desk.load(done(who="", mail="n@x.org"))
    desk.refer("learner", "N1,n@x.org,,", "N2,N@x.org,,")
    assert (desk.credits(), desk.held()) == ({}, ["@n@x.org"])


def test_of_a_record_under_id_and_under_address_the_latest_is_assigned(desk):
    desk.load(done("1", who="N1"))
    desk.load(done("3", who="", mail="n1@x.org"))
    desk.refer("learner", "N1,n1@x.org,,")
    assert (desk.credits(), desk.held()) == ({("N1", "C1", "ama"): 300}, [])


def test_a_learner_found_by_address_alone_is_worth_a_look(desk):
    assert said(desk.load(row(who="old-1", mail="l1@x.org"))) == [("created", "LEARNER_BY_ADDRESS")]
    assert desk.records() == {("L1", "C1"): (1, 0, None, None)}


def test_what_is_assigned_meanwhile_is_not_changed_by_what_waits(desk):
    desk.load(done("1", who="", mail="n1@x.org"))
    desk.refer("learner", "N1,,,")
    desk.load(done("3", who="N1"))
    assert said(desk.refer("learner", "N1,n1@x.org,,")) == [("updated", "HELD_STAYS")]
    assert (desk.credits(), desk.held()) == ({("N1", "C1", "ama"): 300}, ["@n1@x.org"])


def test_validate_of_learners_says_what_apply_does(desk):
    desk.load(done(who="N1"), done(who="N2", course="C2"))
    path = desk.write("external_user_id,external_email,first_name,last_name\nN1,,,\nN2,,,\n", "learner.csv")
    before = desk.dump()
    run("validate", path, store=desk.store, results=desk.folder / "dry.csv")
    assert desk.dump() == before
    run("apply", path, store=desk.store, results=desk.folder / "wet.csv")
    assert results(desk.folder / "dry.csv") == results(desk.folder / "wet.csv")


# ---- the required object


def test_without_a_required_object_the_whole_credit_is_given_and_said(desk):
    (line,) = desk.load(done("0.50", course="C2", who="N1"))
    assert (line["outcome"], line["codes"]) == ("held", "NO_REQUIRED_OBJECT HELD")
    (line,) = desk.refer("learner", "N1,,,")
    assert (line["codes"], line["messages"].endswith("whatever the file said: C2 4.00 ama and 2.00 nursing")) == (
        "COMPLETED_AT_ONCE",
        True,
    )
    assert desk.credits() == {("N1", "C2", "ama"): 400, ("N1", "C2", "nursing"): 200}
    assert desk.records() == {("N1", "C2"): (1, 1, "2026-11-21", None)}
    assert said(desk.load(done("0.50", course="C2", who="N1"))) == [("unchanged", "")]


def test_an_incomplete_record_is_completed_at_once_too(desk):
    desk.load(row(course="C2", who="N1", start="2015-01-01"))
    desk.refer("learner", "N1,,,")
    assert desk.credits() == {("N1", "C2", "ama"): 400, ("N1", "C2", "nursing"): 200}
    assert said(desk.load(row(course="C2", who="N1", start="2015-01-01"))) == [("unchanged", "")]


def test_a_course_that_gives_nothing_completes_without_credit(desk):
    desk.load(row(course="C5", who="N1"))
    (line,) = desk.refer("learner", "N1,,,")
    assert (line["codes"], "C5 without credit" in line["messages"]) == ("COMPLETED_AT_ONCE", True)
    assert (desk.records(), desk.credits()) == ({("N1", "C5"): (1, 1, "2026-11-21", None)}, {})


def test_learners_who_are_there_get_what_their_row_says(desk):
    assert said(desk.load(done("0.50", course="C2"), row(course="C2", who="L2"))) == [("created", "")] * 2
    assert desk.credits() == {("L1", "C2", "ama"): 50}


def test_in_a_shell_the_rows_own_credit_stands(desk):
    desk.load(done("7.5", course="shell", who="N1"))
    desk.refer("learner", "N1,,,")
    assert desk.credits() == {("N1", "shell", "ama"): 750}


# ---- logins


LATER = NOW + timedelta(hours=1)


def test_a_course_may_let_records_wait_for_the_next_login(desk):
    desk.load(done(course="C3", who="N1"), done("0.5", course="C4", who="N1"))
    (line,) = desk.refer("learner", "N1,,,")
    assert (line["codes"], line["messages"].endswith("next login: C3, C4"), desk.credits()) == (
        "WAITS_FOR_LOGIN",
        True,
        {},
    )
    assert said(desk.load(done(course="C3", who="N1"))) == [("unchanged", "HELD")]
    assert said(desk.load(done("1", course="C3", who="N1"))) == [("held", "HELD")]
    lines = desk.refer("login", f"N1,,{LATER.isoformat()}")
    assert said(lines) == [("created", "HELD_ASSIGNED COMPLETED_AT_ONCE")]
    assert (desk.held(), desk.credits()) == ([], {("N1", "C3", "ama"): 100, ("N1", "C4", "ama"): 150})
    assert said(desk.refer("login", f"N1,,{LATER.isoformat()}")) == [("unchanged", "")]


def test_a_login_dates_completions_that_have_no_date(desk):
    desk.load(done(), done(course="C2", completed="2015-02-03"), row(course="C3"), done(who="L2"))
    (line,) = desk.refer("login", f",L1@x.org,{LATER.isoformat()}")
    assert (line["codes"], line["messages"].endswith("was set: C1")) == ("COMPLETION_DATED", True)
    assert [one[2] for one in desk.records().values()] == ["2026-11-21", "2015-02-03", None, None]
    assert [one["outcome"] for one in desk.load(done(), done(course="C2", completed="2015-02-03"))] == ["unchanged"] * 2


def test_a_login_before_the_import_is_not_the_next_one(desk):
    desk.load(done())
    assert said(desk.refer("login", "L1,,2026-11-21T08:07:29Z")) == [("created", "")]
    assert desk.records()["L1", "C1"][2] is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nobody,,2026-11-21", "LEARNER_NOT_FOUND"),
        (",,2026-11-21", "USER_KEY_MISSING"),
        (",both@x.org,2026-11-21", "LEARNER_AMBIGUOUS"),
        ("L1,l2@x.org,2026-11-21", "USER_KEY_CONFLICT"),
        ("L1,,", "REQUIRED"),
        ("L1,,soon", "DATE_FORMAT"),
    ],
)
def test_a_wrong_login_is_rejected(desk, line, code):
    assert said(desk.refer("login", line)) == [(REJECTED, code)]


def test_two_logins_of_a_learner_in_one_file_contradict_one_another(desk):
    lines = desk.refer("login", "L1,,2026-11-21", ",l1@x.org,2026-11-22")
    assert said(lines) == [(REJECTED, "KEY_DOUBLED")] * 2


# ---- shells


def test_an_unknown_course_becomes_one_shell_and_certificates_are_warned_of_once(desk):
    lines = desk.load(row(course="S1", title="One"), row(course="S1", title="Other", who="L2"), row(course="S2"))
    assert [one["codes"] for one in lines] == ["SHELL_CREATED SHELL_HAS_NO_CERTIFICATE", "", "SHELL_CREATED"]
    assert desk.records().keys() == {("L1", "S1"), ("L2", "S1"), ("L1", "S2")}
    assert [one["codes"] for one in desk.load(row(course="S2", who="L5"))] == [""]


def test_a_rejected_row_makes_no_shell(desk):
    assert [one["outcome"] for one in desk.load(row(course="S1", complete="x"))] == [REJECTED]
    assert desk.report(text_of((row(course="S1", complete="x"),))).tally.counts["course shells made"] == 0


def test_with_needs_certificate_a_row_for_a_shell_is_rejected(desk):
    desk.load(row(course="S1"))
    lines = desk.load(row(course="S1", who="L2"), row(course="S2"), row(), needs_certificate=True)
    assert said(lines) == [(REJECTED, "SHELL_HAS_NO_CERTIFICATE")] * 2 + [("created", "")]


def test_a_course_file_makes_a_shell_a_course(desk):
    desk.load(row(course="S1"))
    assert said(desk.refer("course", "S1,Now a course,,immediately,0")) == [("updated", "")]
    assert said(desk.refer("course", "S1,Now a course,1,immediately,1")) == [("updated", "")]
    assert said(desk.load(done(course="S1", who="L2"))) == [(REJECTED, "CREDITS_TOO_HIGH")]


def test_a_new_course_has_to_say_whether_it_has_required_objects(desk):
    assert said(desk.refer("course", "S1,New,,immediately,0")) == [(REJECTED, "REQUIRED")]


def test_course_credit_needs_course_and_type(desk):
    lines = desk.refer("course-credit", "C9,ama,1,0", "C1,amma,1,0", "C1,moc,1.005,0")
    assert [one["codes"] for one in lines] == ["COURSE_NOT_FOUND", "CREDIT_TYPE_UNKNOWN", "CREDITS_FORMAT"]
