"""Users and enrollments, rule by rule: positions, actions, the ledger, the transaction log (user-enrollment.md §1 to §5)."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from conftest import CommandLine
from institutions import an_institution, log, prepare, stored, words
from loading import query, run
from reference.user_enrollment_store import FIELDS

from bulkload.jobs import keep_older
from bulkload.templates import template_named
from bulkload.templates.user_enrollment.ledger import repeated

JANE = {
    "source": "strata",
    "person_id": "S1",
    "login_id": "jdoe",
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "jane@example.org",
}
JIM = {**JANE, "person_id": "S2", "login_id": "jim", "first_name": "Jim", "email": "jim@example.org"}
MATH = {"call_number": "MATH101", "role_id": "2"}


class Office:
    """A store with an institution, and a folder that files are loaded from."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store.db"
        prepare(an_institution(), folder, self.store)

    def file(self, *rows: dict[str, str], name: str = "users.txt", delimiter: str = "|") -> Path:
        path = self.folder / name
        lines = (delimiter.join(row.get(field, "") for field in FIELDS) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
        return path

    def load(self, *rows: dict[str, str] | str, name: str = "users.txt", **options: Any) -> list[str]:
        """Result, words and codes of each record, after `apply`."""
        path = self.folder / name
        if rows and isinstance(rows[0], str):
            path.write_text("".join(map(str, rows)), encoding="utf-8", newline="")
        else:
            path = self.file(*(one for one in rows if isinstance(one, dict)), name=name)
        (report,) = run("apply", path, store=self.store, **{"template": "user-enrollment", **options})
        self.report = report
        return [said(one) for one in log(path.with_name(f"{path.name}.csv"))]


def said(line: dict[str, str]) -> str:
    """One line of a log, short: its result, then each half's code with its words."""
    halves = [
        " ".join([line[f"{half}_code"], *sorted(words(line[f"{half}_message"]))])
        for half in ("person", "membership")
        if line[f"{half}_code"]
    ]
    return f"{line['result']} {' / '.join(halves)}"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def row(action: str, person: dict[str, str] = JANE, /, **more: str) -> dict[str, str]:
    return {"action": action, **person, **more}


# ---- §1: lines and positions


def test_the_first_line_is_data_and_every_delimiter_is_told_by_the_number_of_values(tmp_path):
    for number, delimiter in enumerate(",\t|"):
        folder = tmp_path / str(number)
        folder.mkdir()
        office = Office(folder)
        path = office.file(row("ADD"), delimiter=delimiter)
        assert run("apply", path, store=office.store, template="user-enrollment")[0].tally.outcomes == {"created": 1}


def test_a_quote_is_an_ordinary_character_and_nothing_escapes_the_delimiter(office):
    assert office.load(row("ADD", first_name='Jane "J"')) == ["SUCCESS 0"]
    assert query(office.store, "SELECT first_name FROM person") == [('Jane "J"',)]
    assert office.load(row("UPDATE", first_name='"Jane|J"')) == ["FAILED -10 CELL_COUNT / -10 CELL_COUNT"]


def test_lines_with_too_few_or_too_many_values_are_errors_of_those_lines_alone(office):
    good = "|".join(row("ADD").get(field, "") for field in FIELDS)
    assert office.load(f"{good}\n", f"{good}|\n", "ADD|strata\n", "\n", f"{good}\n") == [
        "SUCCESS 0",
        "FAILED -10 CELL_COUNT / -10 CELL_COUNT",
        "FAILED -10 CELL_COUNT / -10 CELL_COUNT",
        "FAILED -10 BLANK_LINE / -10 BLANK_LINE",
        "SUCCESS 0",
    ]


def test_a_file_in_which_no_line_has_the_right_number_of_values_is_refused_with_a_line_for_each(office):
    assert office.load("a|b\n", "c|d\n") == ["FAILED -10 CELL_COUNT / -10 CELL_COUNT"] * 2
    assert (office.report.refused_code, office.report.exit_code) == ("FORMAT_UNKNOWN", 3)
    assert stored(office.store) == ({}, {}, {})


def test_a_file_that_cannot_be_read_is_refused_with_one_line_for_the_file(office):
    (office.folder / "users.txt").write_bytes(b"ADD|strata|S\xff1\n")
    (report,) = run("apply", office.folder / "users.txt", store=office.store, template="user-enrollment")
    assert (report.refused_code, report.exit_code) == ("ENCODING", 3)
    (line,) = log(office.folder / "users.txt.csv")
    assert (line["record"], line["person_code"], line["result"]) == ("", "-11", "FAILED")
    assert line["person_message"].startswith("ENCODING: users.txt, row 1: the byte 0xFF at byte offset 12")


@pytest.mark.parametrize(
    "content",
    [
        "<!DOCTYPE enterprise [<!ENTITY a 'b'>]>\n<enterprise><person/></enterprise>",
        "<enterprise><person></x></person></enterprise>",
        "<enterprise>" + "<person/>\n" * 400 + "<person></x></person></enterprise>",
    ],
    ids=["a DTD", "broken at once", "broken later"],
)
def test_xml_that_cannot_be_read_is_told_by_its_root_and_refused_with_one_line_for_the_file(office, content):
    (office.folder / "users.xml").write_text(content)
    (report,) = run("apply", office.folder / "users.xml", store=office.store)
    assert (report.refused_code, report.exit_code) == ("FORMAT_UNKNOWN", 3)
    (line,) = log(office.folder / "users.xml.csv")
    assert (line["record"], line["person_code"], line["result"]) == ("", "-1", "FAILED")
    assert line["person_message"].startswith("FORMAT_UNKNOWN: users.xml, line ")
    assert report.results == str(office.folder / "users.xml.csv")


def test_without_a_template_the_sentence_says_what_the_file_looks_like(office, bulkload: CommandLine):
    ended = bulkload("validate", "--store", office.store, office.file(row("ADD")))
    assert ended.code == 3
    assert "It has as many columns as a user-enrollment file" in ended.err
    assert "--template user-enrollment" in ended.err


def test_a_compressed_file_and_one_with_a_mark_are_read(office):
    path = office.file(row("ADD"))
    packed = office.folder / "users.txt.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + path.read_bytes()))
    assert run("apply", packed, store=office.store, template="user-enrollment")[0].tally.outcomes == {"created": 1}
    assert [said(one) for one in log(office.folder / "users.txt.gz.csv")] == ["SUCCESS 0"]


# ---- §1, §4: values


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"action": ""}, "-20 REQUIRED"),
        ({"action": "ENROL"}, "-1 ACTION_UNKNOWN"),
        ({"action": "DELETE"}, "-1 ACTION_UNKNOWN"),
        ({"source": ""}, "-20 REQUIRED"),
        ({"source": "s" * 33}, "-30 TOO_LONG"),
        ({"person_id": "p" * 101}, "-30 TOO_LONG"),
        ({"login_id": ""}, "-20 REQUIRED"),
        ({"login_id": "j doe"}, "-33 LOGIN_BLANKS"),
        ({"login_id": "j" * 101}, "-33 TOO_LONG"),
        ({"password": "p" * 51}, "-1 TOO_LONG"),
        ({"password": "<unchanged>"}, "-1 PASSWORD_FORMAT"),
        ({"first_name": ""}, "-20 REQUIRED"),
        ({"last_name": "Do\x07e"}, "-11 SPECIAL_CHARACTER"),
        ({"middle_name": "m" * 101}, "-1 TOO_LONG"),
        ({"gender": "W"}, "-1 GENDER_UNKNOWN"),
        ({"dob": "02/29/2012"}, "-1 DATE_FORMAT"),
        ({"dob": "2013-02-29"}, "-1 DATE_FORMAT"),
        ({"disability": "d" * 256}, "-1 TOO_LONG"),
        ({"email": ""}, "-20 REQUIRED"),
        ({"email": "jane@localhost"}, "-1 EMAIL_FORMAT"),
        ({"phone": "5" * 31}, "-1 TOO_LONG"),
        ({"state": "s" * 51}, "-1 TOO_LONG"),
        ({"postal_code": "0" * 21}, "-1 TOO_LONG"),
    ],
    ids=lambda one: ", ".join(f"{name}={value[:12]!r}" for name, value in one.items()) if isinstance(one, dict) else "",
)
def test_a_wrong_value_of_the_person_has_its_word_and_number(office, changed, expected):
    assert office.load(row("ADD", **changed)) == [f"FAILED {expected}"]
    assert stored(office.store) == ({}, {}, {})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"node_string": "N1"}, "-21 TARGET_DOUBLED"),
        ({"call_number": ""}, "-22 TARGET_MISSING"),
        ({"call_number": "GONE"}, "-31 SECTION_NOT_FOUND"),
        ({"call_number": "OLD"}, "-31 SECTION_EXPIRED"),
        ({"call_number": "c" * 101}, "-31 TOO_LONG"),
        ({"call_number": "", "node_string": "N9"}, "-31 NODE_NOT_FOUND"),
        ({"role_id": ""}, "-20 REQUIRED"),
        ({"role_id": "Student"}, "-32 ROLE_FORMAT"),
        ({"role_id": "9"}, "-32 ROLE_NOT_FOUND"),
    ],
)
def test_a_wrong_value_of_the_membership_fails_the_record_and_leaves_the_person_out(office, changed, expected):
    assert office.load(row("ENROLL", **(MATH | changed))) == [f"FAILED 0 / {expected}"]
    (line,) = log(office.folder / "users.txt.csv")
    assert line["person_message"] == "not applied: another part of the record failed"
    assert stored(office.store) == ({}, {}, {})


def test_add_and_update_take_neither_target_nor_role(office):
    assert office.load(row("ADD", **MATH), row("ADD", node_string="N1")) == [
        "FAILED 0 / -31 ROLE_NOT_ALLOWED TARGET_NOT_ALLOWED",
        "FAILED 0 / -31 TARGET_NOT_ALLOWED",
    ]


def test_every_value_is_kept_and_genders_of_ims_are_read_as_letters(office):
    more = {
        "middle_name": "Q",
        "gender": "1",
        "dob": "1996-04-09",
        "disability": "dyslexia",
        "phone": "303-555-0100",
        "address1": "12 Elm St",
        "address2": "Apt 4",
        "city": "Denver",
        "state": "CO",
        "postal_code": "80202",
        "country": "US",
    }
    assert office.load(row("ADD", **more)) == ["SUCCESS 0"]
    kept = {name: value for name, value in (JANE | more).items() if name not in {"source", "person_id"}}
    assert stored(office.store)[0] == {("strata", "S1"): kept | {"gender": "F"}}


def test_the_source_has_to_be_the_sites_where_one_is_configured(office):
    other = row("ADD", JIM, source="other")
    assert office.load(row("ADD"), other, source="strata") == ["SUCCESS 0", "FAILED -30 SOURCE_UNKNOWN"]
    assert office.load(other) == ["SUCCESS 0"]


# ---- §3: what the actions do


def test_add_creates_a_person_and_refuses_one_who_is_there_with_other_values(office):
    assert office.load(row("ADD", city="Denver"), row("ADD"), row("ADD", city="Bern")) == [
        "SUCCESS 0",
        "SUCCESS 0",
        "FAILED -30 PERSON_EXISTS",
    ]
    assert office.report.tally.outcomes == {"created": 1, "unchanged": 1, "rejected": 1}


def test_update_changes_what_is_given_and_a_blank_position_leaves_what_is_stored(office):
    office.load(row("ADD", city="Denver", phone="1"))
    assert office.load(row("UPDATE", phone="2"), row("UPDATE", JIM)) == ["SUCCESS 0", "FAILED -30 PERSON_NOT_FOUND"]
    (person,) = stored(office.store)[0].values()
    assert (person["city"], person["phone"]) == ("Denver", "2")
    assert log(office.folder / "users.txt.csv")[0]["person_message"] == "updated: phone: 1 → 2"


def test_enroll_creates_or_updates_the_person_then_enrols_with_the_role(office):
    assert office.load(row("ENROLL", **MATH), row("ENROLL", city="Bern", **MATH)) == ["SUCCESS 0 / 0"] * 2
    assert [one["membership_message"] for one in log(office.folder / "users.txt.csv")] == ["enrolled", "unchanged"]
    assert stored(office.store)[0]["strata", "S1"]["city"] == "Bern"
    assert stored(office.store)[1] == {(("strata", "S1"), "section", "MATH101"): "2"}


def test_enroll_with_another_role_changes_the_role(office):
    office.load(row("ENROLL", **MATH))
    office.load(row("ENROLL", call_number="MATH101", role_id="1"))
    assert log(office.folder / "users.txt.csv")[0]["membership_message"] == "role: 2 → 1"
    assert stored(office.store)[1] == {(("strata", "S1"), "section", "MATH101"): "1"}


def test_drop_removes_the_enrolment_and_changes_no_field_of_the_person(office):
    office.load(row("ENROLL", **MATH), row("ENROLL", node_string="N1", role_id="2"))
    drop = row("DROP", city="Chur", call_number="MATH101", role_id="1")
    assert office.load(drop, drop, row("DROP", JIM, **MATH)) == [
        "SUCCESS 0 / 0",
        "FAILED 0 / -31 ENROLLMENT_NOT_FOUND",
        "FAILED -30 PERSON_NOT_FOUND / 0",
    ]
    persons, enrolments, _ = stored(office.store)
    assert ("city" in persons["strata", "S1"], enrolments) == (False, {(("strata", "S1"), "node", "N1"): "2"})


def test_records_are_taken_in_file_order_and_a_person_may_occur_many_times(office):
    both = [row("ENROLL", **MATH), row("DROP", **MATH)]
    assert office.load(row("ADD"), *both, *both, both[0]) == ["SUCCESS 0", *["SUCCESS 0 / 0"] * 5]
    assert stored(office.store)[1] == {(("strata", "S1"), "section", "MATH101"): "2"}
    assert office.report.tally.counts == {
        "persons created": 1,
        "persons updated": 0,
        "enrolled": 3,
        "roles changed": 0,
        "dropped": 2,
    }


def test_logins_are_unique_in_any_letter_case_and_a_delimited_file_cannot_change_one(office):
    assert office.load(row("ADD"), row("ADD", JIM, login_id="JDOE"), row("UPDATE", login_id="jane")) == [
        "SUCCESS 0",
        "FAILED -33 LOGIN_TAKEN",
        "FAILED -33 LOGIN_CHANGE_NEEDS_XML",
    ]
    assert office.load(row("UPDATE", login_id="JDoe", city="Bern")) == ["SUCCESS 0"]
    assert stored(office.store)[0]["strata", "S1"]["login_id"] == "jdoe"


def test_a_password_is_kept_as_a_digest_and_its_placeholder_leaves_it(office):
    office.load(row("ADD", password="blue-Horse7"))
    (first,) = query(office.store, "SELECT password FROM person")
    assert office.load(row("UPDATE", password="<unchanged>")) == ["SUCCESS 0"]
    assert query(office.store, "SELECT password FROM person") == [first]
    assert office.load(row("UPDATE", password="other")) == ["SUCCESS 0"]
    assert log(office.folder / "users.txt.csv")[0]["person_message"] == "updated: password: changed"
    assert query(office.store, "SELECT password FROM person") != [first]


def test_a_password_whose_letters_are_composed_in_the_other_way_is_the_same(office):
    office.load(row("ADD", password="M\u00fcller"))
    assert office.load(row("UPDATE", password="Mu\u0308ller")) == ["SUCCESS 0"]
    assert log(office.folder / "users.txt.csv")[0]["person_message"] == "unchanged"


@pytest.mark.parametrize(
    ("only", "expected"),
    [("create", ["SUCCESS 0", "SKIPPED 0", "SUCCESS 0 / 0"]), ("update", ["SKIPPED 0", "SUCCESS 0", "SKIPPED 0 / 0"])],
)
def test_only_skips_the_records_of_the_other_kind(office, only, expected):
    office.load(row("ADD"))
    rows = [row("ADD", JIM), row("UPDATE", city="Bern"), row("ENROLL", **MATH)]
    assert office.load(*rows, only=only) == expected


def test_all_or_nothing_skips_the_good_records_of_a_file_with_a_bad_one(office):
    assert office.load(row("ENROLL", **MATH), row("UPDATE", JIM), all_or_nothing=True) == [
        "SKIPPED 0 / 0",
        "FAILED -30 PERSON_NOT_FOUND",
    ]
    first = log(office.folder / "users.txt.csv")[0]
    assert first["membership_message"] == "not applied: another record failed, and all or nothing was asked for"
    assert stored(office.store) == ({}, {}, {})


# ---- §3: cumulative files


def test_a_file_sent_again_is_skipped_and_a_longer_one_goes_on_where_it_was(office):
    rows = [row("ADD"), row("ENROLL", **MATH)]
    office.load(*rows)
    assert office.load(*rows) == ["SKIPPED -40 ALREADY_APPLIED", "SKIPPED -40 ALREADY_APPLIED / -40 ALREADY_APPLIED"]
    grown = [*rows, row("DROP", **MATH)]
    assert [one.split()[0] for one in office.load(*grown)] == ["SKIPPED", "SKIPPED", "SUCCESS"]
    assert stored(office.store)[1] == {}
    assert [one.split()[0] for one in office.load(*grown, rows[1])] == ["SKIPPED"] * 3 + ["SUCCESS"]
    assert list(stored(office.store)[1].values()) == ["2"]


def test_a_record_that_was_rejected_before_others_lets_all_of_the_person_be_applied_anew(office):
    rows = [row("ADD"), row("ENROLL", call_number="NONE", role_id="2"), row("UPDATE", city="Bern"), row("ADD", JIM)]
    assert [one.split()[0] for one in office.load(*rows)] == ["SUCCESS", "FAILED", "SUCCESS", "SUCCESS"]
    assert [one.split()[0] for one in office.load(*rows)] == ["SUCCESS", "FAILED", "SUCCESS", "SKIPPED"]
    assert stored(office.store)[0]["strata", "S1"]["city"] == "Bern"


def test_reapply_applies_again_what_the_ledger_knows(office):
    office.load(row("ADD"), row("UPDATE", city="Bern"))
    office.load(row("UPDATE", city="Chur"))
    assert [one.split()[0] for one in office.load(row("ADD"), row("UPDATE", city="Bern"), reapply=True)] == [
        "SUCCESS"
    ] * 2
    assert stored(office.store)[0]["strata", "S1"]["city"] == "Bern"


def test_only_administrators_may_reapply_where_some_are_named(office, bulkload, monkeypatch, tmp_path):
    (tmp_path / "bulkload.toml").write_text('admins = ["nobody-here"]\n')
    monkeypatch.chdir(tmp_path)
    asked = ("--store", office.store, "--template", "user-enrollment", office.file(row("ADD")))
    assert bulkload("apply", "--reapply", *asked).code == 2
    assert bulkload("apply", *asked).code == 0


@pytest.mark.parametrize(
    ("records", "ledger", "length"),
    [
        ([1, 2], [1, 2], 2),
        ([1, 2, 3], [1, 2], 2),
        ([1, 2, 3], [9, 1, 2], 2),
        ([2, 3], [1, 2], 1),
        ([1, 2], [2, 1], 1),
        ([1, 2], [1, 2, 3], 0),
        ([1, 1, 1], [1, 1], 2),
        ([1], [1, 1, 1], 1),
        ([1, 2, 1, 3], [1, 2, 1, 2, 1], 3),
        ([1, 2, 1, 2], [1, 2, 1, 2, 1, 2], 4),
    ],
)
def test_the_longest_beginning_that_ends_the_ledger_counts(records, ledger, length):
    assert repeated(records, ledger) == length
    slow = [n for n in range(len(records) + 1) if records[:n] == ledger[len(ledger) - n :] and n <= len(ledger)]
    assert max(slow) == length


# ---- §2: XML


def person(person_id: str = "S1", login: str = "jdoe", more: str = "", recstatus: str = "1") -> str:
    return (
        f'<person recstatus="{recstatus}"><sourcedid><source>strata</source><id>{person_id}</id></sourcedid>'
        f"<userid>{login}</userid><name><n><family>Doe</family><given>Jane</given></n></name>"
        f"<email>{person_id}@example.org</email>{more}</person>"
    )


def member(person_id: str = "S1", target: str = "MATH101", recstatus: str = "1") -> str:
    return (
        f"<membership><sourcedid><source>strata</source><id>{target}</id></sourcedid><member><sourcedid>"
        f'<source>strata</source><id>{person_id}</id></sourcedid><role recstatus="{recstatus}"><subrole>2</subrole>'
        f"</role></member></membership>"
    )


def enterprise(*parts: str) -> str:
    return "<enterprise>\n" + "".join(f"{part}\n" for part in parts) + "</enterprise>\n"


def load_xml(office: Office, *parts: str, **options: Any) -> list[str]:
    return office.load(enterprise(*parts), name="users.xml", template=None, **options)


def test_xml_is_told_by_its_root_and_a_membership_before_its_person_finds_it(office):
    assert load_xml(office, member(), person()) == ["SUCCESS 0 / 0"]
    assert list(stored(office.store)[1]) == [(("strata", "S1"), "section", "MATH101")]
    assert office.report.template == "user-enrollment"


def test_delimited_and_xml_files_of_one_content_know_each_other(office):
    jane = JANE | {"email": "S1@example.org"}
    assert office.load(row("ENROLL", jane, **MATH)) == ["SUCCESS 0 / 0"]
    assert load_xml(office, person(), member()) == ["SKIPPED -40 ALREADY_APPLIED / -40 ALREADY_APPLIED"]


def test_xml_can_change_a_login_and_gives_the_old_one_up(office):
    load_xml(office, person())
    assert load_xml(office, person(login="jane", recstatus="2"), person("S2", "JDOE")) == ["SUCCESS 0"] * 2
    assert [one["login_id"] for one in stored(office.store)[0].values()] == ["jane", "JDOE"]


def test_of_whom_cannot_be_known_nothing_is_required_that_only_a_new_person_needs(office):
    lacking = person().replace("<email>S1@example.org</email>", "")
    assert load_xml(office, lacking, source="strata") == ["FAILED -20 REQUIRED"]
    unknown = lacking.replace("<source>strata", "<source>other")
    assert load_xml(office, unknown, source="strata") == ["FAILED -30 SOURCE_UNKNOWN"]


def test_an_absent_element_leaves_and_an_empty_one_clears(office):
    load_xml(office, person(more="<tel>1</tel><adr><locality>Bern</locality></adr>"))
    load_xml(office, person(recstatus="2", more="<adr><locality/></adr>"))
    (one,) = stored(office.store)[0].values()
    assert (one["phone"], "city" in one) == ("1", False)


def test_extra_properties_are_kept_with_the_person_each_by_itself(office):
    def properties(**pairs: str) -> str:
        each = (f'<personproperty propertytype="{key}">{value}</personproperty>' for key, value in pairs.items())
        return f"<extension>{''.join(each)}</extension>"

    load_xml(office, person(more=properties(campus="North", house="Elm")))
    load_xml(office, person(recstatus="2", more=properties(campus="South", house="")))
    assert query(office.store, "SELECT properties FROM person") == [('{"campus":"South"}',)]


def test_persons_are_never_deleted_by_file(office):
    load_xml(office, person())
    assert load_xml(office, person(recstatus="3")) == ["FAILED -30 PERSON_STAYS"]
    assert list(stored(office.store)[0]) == [("strata", "S1")]


def test_a_drop_needs_no_person_element_and_a_member_who_is_nowhere_is_not_found(office):
    load_xml(office, person(), member())
    assert load_xml(office, member(recstatus="3"), member("S9")) == ["SUCCESS 0 / 0", "FAILED -30 PERSON_NOT_FOUND / 0"]
    assert stored(office.store)[1] == {}


def test_a_cumulative_file_has_to_be_delimited(office):
    load_xml(office, person(), member())
    assert load_xml(office, person(), member(), member(recstatus="3")) == ["FAILED -1 CUMULATIVE_XML"]
    assert (office.report.refused_code, office.report.exit_code) == ("CUMULATIVE_XML", 3)
    assert "record 1 was applied before, and record 2 of the same person was not" in str(office.report.refused)
    assert len(stored(office.store)[1]) == 1
    assert [one.split()[0] for one in load_xml(office, person(), member())] == ["SKIPPED"]


def test_rejected_records_of_xml_come_back_in_the_same_wrapper_and_load_when_mended(office):
    load_xml(office, person(), member(target="GONE"), person("S2", "jim"), member("S2"))
    rejects = office.folder / "users.rejects.xml"
    text = rejects.read_text()
    assert (text.startswith("<enterprise>"), text.rstrip().endswith("</enterprise>")) == (True, True)
    assert ("S1@example.org" in text, "S2@example.org" in text) == (True, False)
    rejects.write_text(text.replace("GONE", "BIO 2"))
    assert run("apply", rejects, store=office.store)[0].tally.outcomes == {"created": 1}


# ---- §4: the log


def test_the_log_has_the_columns_and_the_name_that_the_vendor_gives_it(office):
    office.load(row("ENROLL", **MATH))
    text = (office.folder / "users.txt.csv").read_bytes()
    assert text.startswith(
        b"\xef\xbb\xbfrecord,line,action,person_id,login_id,target,role_id,person_code,person_message,"
    )
    (line,) = log(office.folder / "users.txt.csv")
    shown = {"record": "1", "line": "1", "action": "ENROLL", "person_id": "S1", "login_id": "jdoe"}
    shown |= {"target": "MATH101", "role_id": "2", "person_code": "0", "person_message": "created"}
    assert line == shown | {"membership_code": "0", "membership_message": "enrolled", "result": "SUCCESS"}


def test_a_value_that_a_spreadsheet_would_run_is_neutralised(office):
    office.load(row("ADD", person_id="=1+1"))
    assert log(office.folder / "users.txt.csv")[0]["person_id"] == "'=1+1"


def test_older_logs_stay_with_the_newest_number_lowest(office):
    for person_id in ("A", "B", "C"):
        office.load(row("ADD", JANE, person_id=person_id, login_id=person_id))
    logs = [
        log(office.folder / name)[0]["person_id"] for name in ("users.txt.csv", "users.txt.csv.1", "users.txt.csv.2")
    ]
    assert logs == ["C", "B", "A"]


def test_a_log_that_was_cut_off_while_it_gave_way_is_not_lost(tmp_path):
    place = tmp_path / "a.csv"
    for name, text in (("a.csv", "3"), ("a.csv.1", "2"), ("a.csv.3", "1")):  # cut off after .2 became .3
        (tmp_path / name).write_text(text)
    keep_older(place)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a.csv.1": "3", "a.csv.2": "2", "a.csv.3": "1"}


def test_logs_and_rejects_in_a_folder_are_not_loaded_again(office, tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    path = office.file(row("ADD"), row("UPDATE", JIM), name="drop/users.txt")
    run("apply", path, store=office.store, template="user-enrollment")
    reports = run("apply", folder, store=office.store, template="user-enrollment")
    assert [one.file for one in reports] == ["users.txt"]


# ---- §5, loading §1: size, export


def test_a_page_takes_a_file_of_one_megabyte_and_no_more(office):
    line = ("|".join(row("UPDATE").get(field, "") for field in FIELDS) + "\n").encode()
    path = office.folder / "users.txt"
    for extra, code in ((0, 1), (1, 3)):
        whole = line * ((1 << 20) // len(line))
        path.write_bytes(whole + b"x" * ((1 << 20) - len(whole) + extra))
        (report,) = run("apply", path, store=office.store, template="user-enrollment", method="page")
        assert report.exit_code == code
    assert (report.refused_code, "1,048,577 bytes" in str(report.refused)) == ("FILE_TOO_LARGE", True)
    assert ("bulkload split" in str(report.refused), "drop folder" in str(report.refused)) == (True, True)
    assert query(office.store, "SELECT DISTINCT via FROM job WHERE template = 'user-enrollment'") == [("page",)]


def test_a_page_takes_no_other_files(office, bulkload):
    ended = bulkload("apply", "--method", "page", "--store", office.store, office.folder / "nodes.csv")
    assert (ended.code, "pages take user-enrollment files" in ended.err) == (2, True)


def test_an_export_applied_again_changes_nothing(office, bulkload):
    office.load(
        row("ENROLL", password="secret7", **MATH), row("ADD", JIM), row("ENROLL", JIM, node_string="N1", role_id="1")
    )
    before = query(office.store, "SELECT * FROM person"), stored(office.store)[1]
    for name in ("out.csv", "out.txt"):
        path = office.folder / name
        assert bulkload("export", "user-enrollment", "--store", office.store, "-o", path).code == 0
        assert "secret7" not in path.read_text()
        (report,) = run("apply", path, store=office.store, template="user-enrollment")
        assert set(report.tally.outcomes) <= {"unchanged", "skipped"}
    assert (query(office.store, "SELECT * FROM person"), stored(office.store)[1]) == before


def test_an_export_leaves_out_what_cannot_stand_without_quotes(office, bulkload):
    office.load(row("ADD", city="Denver, CO"), row("ADD", JIM))
    ended = bulkload("export", "user-enrollment", "--store", office.store)
    assert (ended.out.count("\n"), "1 values could not be written" in ended.err) == (1, True)
    tabbed = office.folder / "out.txt"
    assert bulkload("export", "user-enrollment", "--store", office.store, "-o", tabbed).err == ""
    assert tabbed.read_text().count("\n") == 2


def test_validate_says_what_apply_does_and_changes_nothing(office):
    path = office.file(row("ENROLL", **MATH), row("UPDATE", JIM))
    dry = run("validate", path, store=office.store, template="user-enrollment", results=office.folder / "dry.csv")[0]
    assert stored(office.store) == ({}, {}, {})
    wet = run("apply", path, store=office.store, template="user-enrollment")[0]
    assert (dry.tally, (office.folder / "dry.csv").read_bytes()) == (
        wet.tally,
        (office.folder / "users.txt.csv").read_bytes(),
    )


def test_without_a_store_the_form_is_checked_and_the_rest_is_said_not_to_be(tmp_path):
    path = tmp_path / "users.txt"
    path.write_text("|".join(row("ENROLL", **MATH).get(field, "") for field in FIELDS))
    (report,) = run("validate", path, store=tmp_path / "none.db", template="user-enrollment")
    assert (report.tally.outcomes, report.exit_code) == ({"accepted": 1}, 0)
    assert {"SECTION_NOT_FOUND", "PERSON_EXISTS", "LOGIN_TAKEN", "ROLE_NOT_FOUND"} <= set(report.unchecked)


def test_every_word_of_the_family_has_a_number_and_every_number_a_word():
    template = template_named("user-enrollment")
    assert template.log is not None
    errors = {code.word for code in template.codes if code.severity == "error"}
    assert set(template.log.numbers) - errors == {"ALREADY_APPLIED", "ENCODING"}
    assert errors - set(template.log.numbers) == {
        *("ACTION_UNKNOWN", "TOO_LONG", "PASSWORD_FORMAT", "GENDER_UNKNOWN", "DATE_FORMAT", "EMAIL_FORMAT")
    }


def test_the_jobs_of_a_person_are_known_and_previous_values_are_in_the_journal(office):
    office.load(row("ENROLL", city="Bern", **MATH))
    office.load(row("ENROLL", city="Chur", call_number="MATH101", role_id="1"))
    office.load(row("DROP", call_number="MATH101", role_id="1"))
    created, changed = query(office.store, "SELECT created_job, changed_job FROM person")[0]
    assert changed == created + 1
    kept = query(office.store, 'SELECT job - ?, "table", "before" FROM journal ORDER BY rowid', created)
    assert [(job, table) for job, table, _ in kept] == [(1, "person"), (1, "membership"), (2, "membership")]
    assert '"city":"Bern"' in kept[0][2]
