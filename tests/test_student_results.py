"""What is said of a student file: results, the file of errors, counts, refusals as a whole, exports (student.md §3)."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import sqlite3
from datetime import datetime

import pytest
from faults import die
from loading import query, results, run
from students import FULL, HEADINGS, codes, copied, district, file_of, happened, line_of, row, said

from bulkload.store.layouts import migrations
from bulkload.store.sqlite import APPLICATION

NOW = "2026-11-21T08:07:30Z"
ERRORS = "students_errors_20261121.csv"
COUNTS = ("licences used", "licences returned", "moved between orders", "moved between schools")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A store with a student of each situation: active, deactivated, and both on a regular and on a past order."""
    desk = district(tmp_path_factory.mktemp("base"))
    desk.apply(*(row(one) for one in ("ca", "cd", "pa", "pd", "ra", "rd")))
    desk.refer("student-state", "cd,E-2026,No", "pa,E-2025,Yes", "pd,E-2025,No", "ra,R-1,Yes", "rd,R-1,No")
    return desk


@pytest.fixture
def desk(base, tmp_path):
    return copied(base, tmp_path)


def errors(desk, name=ERRORS):
    """The lines of the file of errors, without the messages; None where there is none."""
    path = desk.folder / name
    return [tuple(one.values())[:-1] for one in results(path)] if path.exists() else None


# ------------------------------------------------------------------------------------------- results


def test_results_have_a_line_for_each_row_in_their_order(desk):
    desk.apply(row("n1"), row("n2", grade=" 1"), row("n3", first="Ann "), row("n4", district="D2", school="S9"))
    raw = (desk.folder / "out.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfrow,District Code,Student ID,outcome,changes,codes,messages\n")
    assert list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))[1:] == [
        ["2", "D1", "n1", "created", "", "OK", "created, activated"],
        ["3", "D1", "n2", "rejected", "", "VALUE_TRIMMED GRADE_FORMAT", results(desk.folder / "out.csv")[1]["messages"]],
        [
            "4",
            "D1",
            "n3",
            "created",
            "",
            "OK VALUE_TRIMMED",
            "created, activated | row 4, First Name: 'Ann ' was read without the blanks around it",
        ],
        ["5", "D2", "n4", "created", "", "OK", "created, activated"],
    ]  # fmt: skip


def test_a_rejected_row_has_its_findings_and_nothing_that_happened(desk):
    (line,) = desk.apply(row("n1", grade="1", gender="x"))
    assert line["codes"] == "GENDER_FORMAT GRADE_FORMAT"
    assert [one.split(":")[0] for one in line["messages"].split(" | ")] == ["row 2, Gender", "row 2, Grade"]


def test_results_stand_beside_the_file_unless_something_else_is_said(desk):
    run("apply", desk.write(file_of(row("n1"), row("n2", grade="1"))), store=desk.store)
    written = {one.name for one in desk.folder.iterdir() if one.name.startswith("students")}
    assert written == {"students.csv", "students.results.csv", "students.rejects.csv", ERRORS}


def test_changes_name_what_changed_by_heading_and_secret_values_only_by_name(desk):
    desk.apply(row("n1", **FULL))
    (line,) = desk.apply(
        row("n1", username="new.name", password="Other1word", first="Bea", last="Low", middle="", email="b@x.org")
        | {"dob": "03/01/2012", "ssn": "987654321", "gender": "M", "groups": "Choir|Band"}
    )
    changes = line["changes"].split("; ")
    assert [one for one in changes if not one.startswith("Grade")] == [
        "Username: user.n1 → new.name",
        "Password: changed",
        "First Name: Ann → Bea",
        "Last Name: Lee → Low",
        "Middle Name: Q → (blank)",
        "Email: ann@x.org → b@x.org",
        "DOB: changed",
        "SSN: changed",
        "Gender: F → M",
        "Groups: Band|Chess → Band|Choir",
    ]
    assert re.fullmatch(r"Grade: 0?7 → \(blank\)", next(one for one in changes if one.startswith("Grade")))
    assert (line["codes"], line["messages"]) == ("OK", "updated")


def test_a_secret_value_that_is_cleared_or_filled_has_changed(desk):
    desk.apply(row("n1"))
    filled = row("n1", dob="03/01/2012", ssn="987654321")
    assert desk.apply(filled)[0]["changes"] == "DOB: changed; SSN: changed"
    assert desk.apply(filled)[0]["changes"] == ""
    assert desk.apply(row("n1"))[0]["changes"] == "DOB: changed; SSN: changed"


def test_status_and_order_are_told_in_messages_and_not_in_changes(desk):
    lines = desk.apply(row("ra"), row("ca", status="D"), row("rd", status="I"), row("n1"))
    assert {one["changes"] for one in lines} == {""}
    assert [one["messages"] for one in lines] == [
        "updated, moved to order E-2026, licence returned to order R-1",
        "updated, deactivated, licence returned to the Holding Bin",
        "updated, moved to order E-2026",
        "created, activated",
    ]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_no_cell_that_is_written_can_be_run_by_a_spreadsheet(desk, sign):
    name = f"{sign}one.name"
    desk.apply(row("n1", username=name), row(f"{sign}2", username=f"{sign}two.name", status=f"{sign}A"))
    desk.apply(row("n1", username=f"{sign}ONE.name"), row(f"{sign}2", username=f"{sign}two.name", status=f"{sign}A"))
    lines = [*results(desk.folder / "out.csv"), *results(desk.folder / ERRORS)]
    assert [cell for one in lines for cell in one.values() if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}] == []
    assert (lines[1]["Student ID"], lines[2]["Username"]) == (f"'{sign}2", f"'{sign}two.name")


# ------------------------------------------------------------------------------------------- the file of errors


def test_the_file_of_errors_has_a_line_for_each_finding(desk):
    text = file_of(row("n1"), row(" n2", username="Two.Name", status="z", grade="1"), row("n3"), row("n3", status="X", username="three.name"))  # fmt: skip
    desk.load("apply", text + ",\r\n" + line_of("x", "y") + file_of(row("n4", first="Bea ")).partition("\r\n")[2])
    raw = (desk.folder / ERRORS).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfrow,Student ID,Username,Status,code,message\n")
    found = errors(desk)
    assert [one for one in found if one[0] not in {"6", "7"}] == [
        ("3", " n2", "Two.Name", "z", "STATUS_FORMAT"),
        ("3", " n2", "Two.Name", "z", "VALUE_TRIMMED"),
        ("3", " n2", "Two.Name", "z", "GRADE_FORMAT"),
        ("4", "n3", "user.n3", "A", "DUPLICATE_ID"),
        ("5", "n3", "three.name", "X", "DUPLICATE_ID"),
        ("8", "n4", "user.n4", "A", "VALUE_TRIMMED"),
    ]
    assert [(one[0], one[-1]) for one in found if one[0] in {"6", "7"}] == [("6", "BLANK_LINE"), ("7", "CELL_COUNT")]


def test_its_messages_are_those_of_the_results(desk):
    desk.apply(row("n1", grade="1", gender="x"), row("n2", first="Bea "), row("n3", username="user.ca"))
    told = [one["messages"].removeprefix("created, activated | ") for one in results(desk.folder / "out.csv")]
    assert " | ".join(one["message"] for one in results(desk.folder / ERRORS)) == " | ".join(told)


def test_it_tells_of_doubled_names_and_missing_licences_after_the_cells(desk):
    desk.fill(0)
    desk.apply(row("n1", username="user.ca", grade="1"), row("n2"))
    assert errors(desk) == [
        ("2", "n1", "user.ca", "A", "GRADE_FORMAT"),
        ("2", "n1", "user.ca", "A", "DUPLICATE_USERNAME"),
        ("3", "n2", "user.n2", "A", "MISSING_LICENSES"),
    ]


def test_it_shows_the_cells_of_rows_that_were_accepted_before(desk):
    file = [row("n1", status="x", username="One.Name"), row("n2"), row("n3")]
    assert codes(desk.apply(*file)) == ["OK"] * 3
    desk.refer("student-state", "n3,E-2026,No")
    desk.fill(0)
    lines = desk.apply(*file)
    assert codes(lines) == ["STUDENT_EXISTS", "OK", "MISSING_LICENSES"]
    assert errors(desk) == [
        ("2", "n1", "One.Name", "x", "STUDENT_EXISTS"),
        ("4", "n3", "user.n3", "A", "MISSING_LICENSES"),
    ]
    assert (
        lines[0]["messages"]
        == "row 2, Status: 'x' creates a deactivated student, and the district has a student 'n1' already"
    )
    assert (desk.folder / "students.rejects.csv").read_bytes().decode() == file_of(file[0], file[2])


def test_it_is_not_written_without_findings_and_an_older_one_of_that_name_goes(desk):
    desk.apply(row("n1", grade="1"))
    assert (desk.folder / ERRORS).exists()
    desk.apply(row("n1"))
    assert not (desk.folder / ERRORS).exists()


def test_one_of_another_day_stays(desk):
    desk.apply(row("n1", grade="1"), now=datetime.fromisoformat("2026-11-20T08:00:00Z"))
    desk.apply(row("n1"))
    assert errors(desk, "students_errors_20261120.csv") == [("2", "n1", "user.n1", "A", "GRADE_FORMAT")]


@pytest.mark.parametrize(("zone", "day"), [("UTC", "20261121"), ("America/New_York", "20261120")])
def test_its_date_is_the_runs_in_the_time_zone_that_dates_are_shown_in(desk, zone, day):
    desk.apply(row("n1", grade="1"), now=datetime.fromisoformat("2026-11-21T02:00:00Z"), display_time_zone=zone)
    assert [one.name for one in desk.folder.glob("students_errors_*")] == [f"students_errors_{day}.csv"]


def test_validate_writes_none(desk):
    desk.validate(row("n1", grade="1"))
    assert errors(desk) is None


def test_it_stands_beside_the_results(desk):
    (desk.folder / "there").mkdir()
    (report,) = run("apply", desk.write(file_of(row("n1", grade="1"))), store=desk.store, results=desk.folder / "there")
    assert sorted(one.name for one in (desk.folder / "there").iterdir()) == [
        "students.rejects.csv",
        "students.results.csv",
        ERRORS,
    ]
    assert report.errors == str(desk.folder / "there" / ERRORS)


def test_what_is_written_can_be_read_by_its_owner_alone(desk):
    desk.apply(row("n1"), row("n2", grade="1"))
    modes = {name: (desk.folder / name).stat().st_mode & 0o777 for name in ("out.csv", "students.rejects.csv", ERRORS)}
    assert modes == dict.fromkeys(modes, 0o600)


def test_it_is_left_out_of_a_directory_that_is_applied(desk, bulkload):
    folder = desk.folder / "in"
    folder.mkdir()
    (folder / "students.csv").write_text(file_of(row("n1"), row("n2", grade="1")), "utf-8")
    words = ("apply", "--store", desk.store, "--now", NOW, "--format", "json", folder)
    assert json.loads(bulkload(*words).out)["file"] == "students.csv"
    assert sorted(one.name for one in folder.iterdir()) == ["students.csv", "students.rejects.csv", "students.results.csv", ERRORS]  # fmt: skip
    assert json.loads(bulkload(*words).out)["file"] == "students.csv"


def test_it_is_written_of_a_file_that_all_or_nothing_refuses(desk):
    desk.apply(row("n1"), row("n2", grade="1"), all_or_nothing=True)
    assert errors(desk) == [("3", "n2", "user.n2", "A", "GRADE_FORMAT")]


# ------------------------------------------------------------------------------------------- all or nothing


def test_all_or_nothing_applies_nothing_where_a_row_is_rejected(desk):
    before = desk.dump()
    (report,) = run(
        "apply",
        desk.write(file_of(row("n1"), row("ra", first="Anna "), row("n2", grade="1"), row("ca"))),
        store=desk.store,
        all_or_nothing=True,
    )
    assert (report.state, report.exit_code, dict(report.tally.outcomes)) == (
        "refused",
        3,
        {"skipped": 3, "rejected": 1},
    )
    lines = results(desk.folder / "students.results.csv")
    assert said(lines) == [
        ("skipped", "OK"),
        ("skipped", "OK VALUE_TRIMMED"),
        ("rejected", "GRADE_FORMAT"),
        ("skipped", "OK"),
    ]
    assert ([one["changes"] for one in lines], happened(lines)[0], happened(lines)[1]) == ([""] * 4, "skipped", "skipped")  # fmt: skip
    assert lines[1]["messages"] == "skipped | row 3, First Name: 'Anna ' was read without the blanks around it"
    assert (desk.dump(), dict(report.tally.counts)) == (before, dict.fromkeys(COUNTS, 0))


def test_a_missing_licence_refuses_all_or_nothing_too(desk):
    desk.fill(1)
    before = desk.dump()
    lines = desk.apply(row("n1"), row("n2"), all_or_nothing=True)
    assert (said(lines), desk.dump()) == ([("skipped", "OK"), ("rejected", "MISSING_LICENSES")], before)


def test_all_or_nothing_applies_all_where_no_row_is_rejected(desk):
    assert codes(desk.apply(row("n1"), row("ra"), all_or_nothing=True)) == ["OK", "OK"]
    assert desk.state("ra") == (True, "E-2026")


# ------------------------------------------------------------------------------------------- counts

MIXED = [
    row("n1"),
    row("n2", status="X"),
    row("ra"),
    row("rd", school="S2"),
    row("ca", status="D"),
    row("pd", status="D", school="S2"),
    row("pa", school="S2"),
    row("cd", status="I"),
    row("n3", grade="1"),
]
MIXED_OUTCOMES = {"created": 2, "updated": 5, "unchanged": 1, "rejected": 1}
MIXED_COUNTS = dict(zip(COUNTS, (3, 2, 3, 3), strict=True))
"""Used by n1, ra and rd; returned by ra and ca; ra, rd and pd go to another order; rd, pd and pa to another school."""


def test_counts_are_in_the_report_and_in_json(desk, bulkload):
    path = desk.write(file_of(*MIXED))
    for verb, code in (("validate", 1), ("apply", 1)):
        answer = bulkload(verb, "--store", desk.store, "--now", NOW, "--format", "json", path)
        told = json.loads(answer.out)
        assert (answer.code, told["outcomes"], told["counts"]) == (code, MIXED_OUTCOMES, MIXED_COUNTS)


def test_counts_are_in_the_record_of_the_job(desk, bulkload):
    answer = bulkload("apply", "--store", desk.store, "--now", NOW, "--format", "json", desk.write(file_of(*MIXED)))
    job = json.loads(answer.out)["job"]
    told = json.loads(bulkload("status", "--store", desk.store, "--now", NOW, "--json", job).out)
    assert (told["outcomes"], told["counts"]) == (MIXED_OUTCOMES, MIXED_COUNTS)
    plain = bulkload("status", "--store", desk.store, "--now", NOW, job).out
    assert [bool(re.search(rf"\b{count} {name}", plain)) for name, count in MIXED_COUNTS.items()] == [True] * 4


@pytest.mark.parametrize("style", ["plain", "rich"])
def test_counts_are_in_the_summary(desk, bulkload, style):
    answer = bulkload("apply", "--store", desk.store, "--now", NOW, "--format", style, desk.write(file_of(*MIXED)))
    told = {**MIXED_OUTCOMES, **MIXED_COUNTS}
    assert [bool(re.search(rf"^\s*{name}\s+{count}\s*$", answer.out, re.M)) for name, count in told.items()] == [True] * len(told)  # fmt: skip
    assert ERRORS in answer.out.replace("\n", "")


def test_all_four_counts_are_there_where_nothing_moved(desk, bulkload):
    for rows in ([row("ca")], [row("ca", grade="1")], []):
        path = desk.write(file_of(*rows))
        told = json.loads(bulkload("apply", "--store", desk.store, "--now", NOW, "--format", "json", path).out)
        assert told["counts"] == dict.fromkeys(COUNTS, 0)
        status = bulkload("status", "--store", desk.store, "--now", NOW, "--json", told["job"]).out
        assert json.loads(status)["counts"] == dict.fromkeys(COUNTS, 0)


def test_a_rejected_or_skipped_row_counts_nothing(desk):
    desk.fill(0)
    path = desk.write(file_of(row("n1"), row("ra"), row("ca", status="D"), row("cd", status="A", school="S2")))
    (report,) = run("apply", path, store=desk.store, only="create")
    assert (dict(report.tally.outcomes), dict(report.tally.counts)) == (
        {"rejected": 1, "skipped": 3},
        dict.fromkeys(COUNTS, 0),
    )


def test_the_whole_run_is_a_job_whose_results_are_kept(desk, bulkload):
    told = json.loads(
        bulkload("apply", "--store", desk.store, "--now", NOW, "--format", "json", desk.write(file_of(*MIXED))).out
    )
    assert (told["state"], told["template"], told["rows"], told["exit_code"]) == ("done", "student", 9, 1)
    assert told["errors"].endswith(ERRORS)
    saved = desk.folder / "saved.csv"
    bulkload("status", "--store", desk.store, "--now", NOW, told["job"], "--save", saved)
    assert saved.read_bytes() == (desk.folder / "students.results.csv").read_bytes()


# ------------------------------------------------------------------------------------------- export


def exported(desk, bulkload, template="student", name="students.csv"):
    """What an export writes: its lines, and what it says on stderr."""
    answer = bulkload("export", template, "--store", desk.store, "-o", desk.folder / name)
    assert answer.code == 0
    with (desk.folder / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file)), answer.err


def test_an_export_has_the_templates_layout_and_no_secret_but_the_date_of_birth(desk, bulkload):
    desk.apply(row("n1", **FULL), row("n2"))
    lines, _ = exported(desk, bulkload)
    assert list(lines[0]) == list(HEADINGS.values())
    full = next(one for one in lines if one["Student ID"] == "n1")
    assert full | {"Grade": full["Grade"].zfill(2)} == {
        "District Code": "D1",
        "School Code": "S1",
        "Status": full["Status"],
        "Username": "user.n1",
        "Password": "<unchanged>",
        "First Name": "Ann",
        "Last Name": "Lee",
        "Middle Name": "Q",
        "Student ID": "n1",
        "Email": "ann@x.org",
        "DOB": "02/29/2012",
        "SSN": "<unchanged>",
        "Gender": "F",
        "Grade": "07",
        "Groups": "Band|Chess",
    }
    bare = next(one for one in lines if one["Student ID"] == "n2")
    assert (bare["Password"], bare["SSN"], bare["DOB"], bare["Grade"]) == ("<unchanged>", "", "", "")


def test_an_export_applied_again_changes_nothing(desk, bulkload):
    desk.apply(
        row("n1", **FULL),
        row("n2", status="X", groups="a,b|\"c\"|d e"),
        row("n3", first="=1", last="O'Neil", middle="é", district="D2", school="S9"),
        row("ra"),
        row("rd"),
    )  # fmt: skip
    exported(desk, bulkload)
    before = desk.dump()
    run("apply", desk.folder / "students.csv", store=desk.store)
    lines = results(desk.folder / "students.results.csv")
    assert (said(lines), desk.dump()) == ([("unchanged", "OK")] * 9, before)


def test_an_export_counts_the_students_whose_order_it_cannot_keep(desk, bulkload):
    _, told = exported(desk, bulkload)
    assert re.search(r"\b2\b", told)


@pytest.mark.parametrize("template", ["school", "license-order", "student-state"])
def test_an_export_of_reference_data_applied_again_changes_nothing(desk, bulkload, template):
    exported(desk, bulkload, template, f"{template}.csv")
    before = desk.dump()
    run("apply", desk.folder / f"{template}.csv", store=desk.store)
    lines = results(desk.folder / f"{template}.results.csv")
    assert {one["outcome"] for one in lines} == {"unchanged"}
    assert (len(lines) > 3, desk.dump()) == (True, before)


def test_an_export_of_states_counts_the_students_whom_their_id_does_not_tell_apart(desk, bulkload):
    desk.apply(row("twice"), row("twice", district="D2", school="S9", username="other.user"))
    _, told = exported(desk, bulkload, "student-state", "states.csv")
    assert re.search(r"\b2\b", told)
    run("apply", desk.folder / "states.csv", store=desk.store)
    assert {one["outcome"] for one in results(desk.folder / "states.results.csv")} == {"unchanged"}


def test_a_first_load_of_a_whole_district_is_taken_in_the_order_in_which_files_refer_to_one_another(desk, bulkload):
    folder = desk.folder / "district"
    folder.mkdir()
    for template in ("school", "license-order", "student-state"):
        exported(desk, bulkload, template, f"district/{template}.csv")
    (folder / "students.csv").write_text(file_of(*(row(one) for one in ("ca", "cd", "pa", "pd", "ra", "rd"))), "utf-8")
    for verb in ("validate", "apply"):
        answer = bulkload(verb, "--store", folder / "new.db", "--now", NOW, "--format", "json", folder)
        told = json.loads(answer.out)["files"]
        assert (answer.code, [one["template"] for one in told]) == (
            0,
            ["school", "license-order", "student", "student-state"],
        )
    states = "SELECT student_id, active, o.id FROM student JOIN license_order o ON o.number = license_order ORDER BY 1"
    assert query(folder / "new.db", states) == query(desk.store, states)


def test_students_are_not_loaded_when_a_file_that_they_refer_to_has_rejects(desk, bulkload):
    folder = desk.folder / "district"
    folder.mkdir()
    (folder / "schools.csv").write_text("School Code,School Name,District Code\nS5,,D1\n", "utf-8")
    (folder / "students.csv").write_text(file_of(row("n1")), "utf-8")
    words = ("--store", desk.store, "--now", NOW, "--format", "json", folder)
    answer = bulkload("apply", *words)
    assert (answer.code, [one["state"] for one in json.loads(answer.out)["files"]]) == (3, ["done", "not run"])
    assert desk.student("n1") == {}
    assert (bulkload("apply", "--keep-going", *words).code, desk.state("n1")) == (1, (True, "E-2026"))


# ------------------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize("verb", ["validate", "apply"])
def test_a_refused_file_ends_with_3_and_the_code(desk, bulkload, verb):
    path = desk.write(file_of(row("n1")), "pupils.csv")
    answer = bulkload(verb, "--store", desk.store, "--now", NOW, path)
    assert (answer.code, "[FILE_NAME]" in answer.err) == (3, True)
    assert bulkload(verb, "--store", desk.store, "--now", NOW, "--any-name", path).code == 0


def test_licences_are_set_by_hand_on_the_command_line(desk, bulkload):
    path = desk.write("Order ID,Kind,School Code,Current,Free Licenses\nBIN,Holding Bin,,,7\n", "orders.csv")
    assert bulkload("apply", "--store", desk.store, path).code == 1
    told = bulkload("explain", "LICENSES_DIFFER").out
    assert ("--set-licenses" in told, "--set-licences" in told) == (True, False)
    assert bulkload("apply", "--store", desk.store, "--set-licenses", path).code == 0
    assert desk.free()["BIN"] == 7


def test_every_code_of_the_family_is_explained(bulkload):
    words = (
        "OK FILE_NAME ORDER_MISSING BIN_MISSING DISTRICT_ERR SCHOOL_ERR STUDENT_EXISTS STUDENT_NOT_FOUND DUPLICATE_ID "
        "DUPLICATE_USERNAME MISSING_LICENSES EXCEL_NUMBER MISSING_ELEMS GROUP_FORMAT CURRENT_ORDER_DOUBLED BIN_DOUBLED "
        "LICENSES_DIFFER STUDENT_AMBIGUOUS ORDER_NOT_FOUND"
    )
    assert [word for word in words.split() if bulkload("explain", word).code] == []


def test_the_template_is_shown_with_its_table_of_statuses(bulkload):
    shown = bulkload("template", "show", "student").out
    assert [word in shown for word in (*HEADINGS.values(), "students.csv", "STUDENT_EXISTS", "Holding Bin")] == [True] * 18  # fmt: skip


def test_an_empty_file_has_the_headings_in_order(desk, bulkload):
    assert bulkload("template", "new", "student", "-o", desk.folder / "students.csv").code == 0
    assert (desk.folder / "students.csv").read_text("utf-8-sig").strip() == ",".join(HEADINGS.values())


# ------------------------------------------------------------------------------------------- crashes and older stores


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_leaves_all_of_a_file_or_nothing_and_the_next_command_brings_what_is_missing(desk, bulkload, when):
    path = desk.write(file_of(*MIXED))
    before = desk.dump("secret_key")
    die(("bulkload.store.sqlite.SQLiteStore.execute:COMMIT", when), "apply", "--store", desk.store, "--now", NOW, path)
    assert (desk.dump("secret_key") == before) == (when == "before")
    desk.write("School Code,School Name,District Code\n", "none.csv")
    assert bulkload("apply", "--store", desk.store, desk.folder / "none.csv").code == 0
    written = {one.name for one in desk.folder.iterdir() if one.name.startswith(("students", ".students"))}
    told = {"students.results.csv", "students.rejects.csv", ERRORS} if when == "after" else set()
    assert written == {"students.csv"} | told
    assert bulkload("apply", "--store", desk.store, "--now", NOW, path).code == 1
    states = {one: desk.state(one) for one in ("n1", "ra", "ca")}
    assert states == {"n1": (True, "E-2026"), "ra": (True, "E-2026"), "ca": (False, "E-2026")}
    assert desk.moved(dict(before_free(before))) == {"BIN": -2, "R-1": 1}


def before_free(tables):
    """The free licences of each order, from a dump."""
    return [(one[1], one[5]) for one in tables["license_order"]]


def test_a_store_from_before_the_students_keeps_its_records_and_its_jobs(tmp_path, bulkload):
    store = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        for statement in migrations()[0][1]:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute(
            "INSERT INTO job (id, state, template, file, path, via, who, process, submitted_at, rows, counts) VALUES "
            "('1ng2m00000', 'done', 'user', 'u.csv', '/u.csv', 'command', 'ann', '1', ?, 2, '{\"created\": 2}')",
            (int(datetime.fromisoformat(NOW).timestamp()) - 60,),
        )
        connection.execute("INSERT INTO user VALUES (1, 'ann', 'Ann', NULL, NULL, NULL, 1, 1, 1)")
    (tmp_path / "schools.csv").write_text("School Code,School Name,District Code\nS1,North,D1\n", "utf-8")
    assert bulkload("apply", "--store", store, "--now", NOW, tmp_path / "schools.csv").code == 0
    assert query(store, "SELECT username FROM user") == [("Ann",)]
    told = json.loads(bulkload("status", "--store", store, "--now", NOW, "--json", "1ng2m00000").out)
    assert (told["outcomes"], told["counts"]) == ({"created": 2}, {})
