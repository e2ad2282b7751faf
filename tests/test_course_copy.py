"""Copies of sections and of their content: what each copy type takes, what it makes, and what its log says (seed 000)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from institutions import log, write
from loading import NOW, query, run

from bulkload.report import Report
from bulkload.templates import template_named

TEMPLATE = template_named("course-copy")
NAMES = [one.name for one in TEMPLATE.fields]

TERMS = [
    ["Term ID", "Source", "Sourced ID", "Title"],
    ["F26", "sis", "2026F", "Fall"],
    ["S27", "sis", "2027:S", "Spring"],
    ["X1", "sis", "twice", "Doubled"],
    ["X2", "sis", "twice", "Doubled"],
    ["OWN", "", "", "Without a source"],
]
SECTIONS = [
    ["Call Number", "Course ID", "Title", "Sort String", "Term ID", "Expires", "Content"],
    ["MATH1", "MATH", "Algebra", "U|A", "F26", "", "1"],
    ["MATH2", "MATH", "Algebra, evenings", "U|B", "F26", "", "1"],
    ["BIO1", "BIO", "Biology", "U|A", "F26", "", "0"],
    ["BIO2", "BIO", "Biology", "U|A", "F26", "", "0"],
    ["OLD", "LATIN", "Latin", "U|A", "F26", "2020-01-01T00:00:00Z", "1"],
]

CONTENT = {"copy_type": "CONTENT", "client_string": "strata", "source_sort_string": "U|A",
           "source_call_number": "MATH1", "dest_call_numbers": "BIO1"}  # fmt: skip
SECTION = {"copy_type": "SECTION", "client_string": "strata", "source_call_number": "MATH1",
           "dest_sort_string": "U|C", "dest_call_numbers": "NEW", "dest_term_id": "S27"}  # fmt: skip
BOTH = SECTION | {"copy_type": "SECTION_AND_CONTENT", "source_sort_string": "U|A"}
SOUND = {"CONTENT": CONTENT, "SECTION": SECTION, "SECTION_AND_CONTENT": BOTH}

Row = dict[str, str]


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """A folder with a store of some terms and sections."""
    files = [write(tmp_path / "terms.csv", TERMS), write(tmp_path / "sections.csv", SECTIONS)]
    for report in run("apply", *files, store=tmp_path / "store.db"):
        assert (report.refused, report.tally.rejected) == (None, 0)
    return tmp_path


def loaded(office: Path, *rows: Row | str, **options: Any) -> Report:
    path = office / "copies.txt"
    lines = [row if isinstance(row, str) else "\t".join(row.get(name, "") for name in NAMES) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
    return run("apply", path, store=office / "store.db", template="course-copy", delimiter="\t", **options)[0]


def copied(office: Path, *rows: Row | str, **options: Any) -> list[tuple[str, int, str]]:
    """Result, code and message of each record."""
    report = loaded(office, *rows, **options)
    assert report.refused is None
    return [(one["result"], int(one["code"]), one["message"]) for one in log(office / "copies.txt.csv")]


def codes(office: Path, *rows: Row, **options: Any) -> list[tuple[int, list[str]]]:
    """Code and words of each record."""
    words = {one.word for one in TEMPLATE.codes}
    return [
        (code, [one.partition(": ")[0] for one in message.split(" | ") if one.partition(": ")[0] in words])
        for _, code, message in copied(office, *rows, **options)
    ]


def sections(office: Path, *names: str) -> list[tuple[Any, ...]]:
    """Course id, title, sort string, term, expiry, content; description, display course code and number of sections."""
    sql = """SELECT course_id, section.title, sort_string, term_id, expires, content, description, display_course_code,
        section_number FROM section JOIN term ON term.number = term LEFT JOIN copied_section ON section = section.number
        WHERE call_number = ?"""
    return [row for name in names for row in query(office / "store.db", sql, name)]


def contents(office: Path, *names: str) -> list[int]:
    return [one[5] for one in sections(office, *names)]


# ------------------------------------------------------------------------------------------- what copies make


def test_a_section_is_copied_without_its_content(office):
    assert copied(office, SECTION) == [("SUCCESS", 0, "created: NEW")]
    assert sections(office, "NEW") == [("MATH", "Algebra", "U|C", "S27", None, 0, None, None, None)]


def test_a_section_is_copied_with_its_content_and_what_the_record_says_of_it(office):
    said = {"dest_section_title": "Algebra, Spring", "dest_section_description": "Evenings",
            "dest_display_course_code": "M 1", "dest_section_number": "007"}  # fmt: skip
    assert copied(office, BOTH | said) == [("SUCCESS", 0, "created: NEW")]
    assert sections(office, "NEW") == [("MATH", "Algebra, Spring", "U|C", "S27", None, 1, "Evenings", "M 1", 7)]


def test_content_is_copied_into_a_section_that_is_there_and_empty(office):
    assert copied(office, CONTENT) == [("SUCCESS", 0, "content copied into BIO1")]
    assert sections(office, "BIO1") == [("BIO", "Biology", "U|A", "F26", None, 1, None, None, None)]


def test_what_was_there_before_content_came_stands_in_the_journal(office):
    loaded(office, CONTENT)
    ((table, key, before),) = query(office / "store.db", 'SELECT "table", "key", "before" FROM journal')
    assert (table, json.loads(key), json.loads(before)["content"]) == ("section", {"number": 3}, False)


def test_sections_name_the_job_that_made_them_and_the_one_that_changed_them(office):
    first, second = loaded(office, SECTION).job, loaded(office, CONTENT | {"dest_call_numbers": "NEW"}).job
    sql = """SELECT made.id, changed.id FROM section JOIN job AS made ON made.number = created_job
        JOIN job AS changed ON changed.number = changed_job WHERE call_number = 'NEW'"""
    assert query(office / "store.db", sql) == [(first, second)]


def test_the_copy_of_an_expired_section_does_not_expire(office):
    assert copied(office, SECTION | {"source_call_number": "OLD"}) == [("SUCCESS", 0, "created: NEW")]
    assert [(one[0], one[4]) for one in sections(office, "NEW")] == [("LATIN", None)]


def test_several_destinations_are_made_at_once(office):
    assert copied(office, SECTION | {"dest_call_numbers": "A ; B;C"}) == [("SUCCESS", 0, "created: A; B; C")]
    assert len(sections(office, "A", "B", "C")) == 3


def test_a_term_is_named_by_its_source_and_id_there_which_may_hold_a_colon(office):
    row = SECTION | {"dest_term_id": "", "dest_term_sourcedid": "sis:2027:S"}
    assert copied(office, row) == [("SUCCESS", 0, "created: NEW")]
    assert [one[3] for one in sections(office, "NEW")] == ["S27"]


def test_a_source_is_named_by_course_id_where_only_one_section_has_it_under_the_sort_string(office):
    by_course = BOTH | {"source_call_number": "", "source_course_id": "MATH", "source_sort_string": "U|B"}
    assert copied(office, by_course) == [("SUCCESS", 0, "created: NEW")]
    assert [one[1] for one in sections(office, "NEW")] == ["Algebra, evenings"]


def test_a_copy_type_may_be_written_in_any_letter_case(office):
    assert copied(office, SECTION | {"copy_type": "section"}) == [("SUCCESS", 0, "created: NEW")]


def test_the_counts_say_how_many_sections_were_created_and_contents_copied(office):
    report = loaded(office, SECTION | {"dest_call_numbers": "A;B"}, BOTH, CONTENT, SECTION)
    assert dict(report.tally.counts) == {"sections created": 3, "contents copied": 1}
    assert dict(report.tally.outcomes) == {"created": 2, "updated": 1, "rejected": 1}


# ------------------------------------------------------------------------------------------- in file order


def test_a_section_of_the_file_is_a_source_for_later_records_and_not_for_earlier_ones(office):
    chain = SECTION | {"source_call_number": "NEW", "dest_call_numbers": "NEXT"}
    assert codes(office, chain, SECTION | {"dest_display_course_code": "M 1"}, chain) == [
        (-31, ["SECTION_NOT_FOUND"]), (0, []), (0, []),
    ]  # fmt: skip
    assert [(one[0], one[7]) for one in sections(office, "NEW", "NEXT")] == [("MATH", "M 1"), ("MATH", "M 1")]


def test_a_section_of_the_file_is_in_use_for_later_records_with_other_values(office):
    assert codes(office, SECTION, SECTION | {"dest_section_number": "2"}) == [(0, []), (-50, ["NO_DESTINATION_FREE"])]


def test_content_may_come_into_a_section_of_the_file_once(office):
    into_new = CONTENT | {"dest_call_numbers": "NEW"}
    other = into_new | {"source_call_number": "MATH2", "source_sort_string": "U|B"}
    assert codes(office, SECTION, into_new, other) == [(0, []), (0, []), (-50, ["DESTINATION_NOT_EMPTY"])]
    assert contents(office, "NEW") == [1]


def test_content_that_the_file_copied_is_copied_on(office):
    onwards = CONTENT | {"source_call_number": "BIO1", "dest_call_numbers": "BIO2"}
    assert codes(office, onwards, CONTENT, onwards) == [(-50, ["SOURCE_EMPTY"]), (0, []), (0, [])]
    assert contents(office, "BIO1", "BIO2") == [1, 1]


def test_a_copy_makes_its_course_id_ambiguous_for_later_records(office):
    by_course = SECTION | {"source_call_number": "", "source_course_id": "LATIN"}
    again = by_course | {"dest_call_numbers": "NEXT"}
    assert codes(office, by_course, again) == [(0, []), (-50, ["SOURCE_AMBIGUOUS"])]


# ------------------------------------------------------------------------------------------- partial success


def test_free_destinations_are_made_though_others_are_in_use_and_the_log_tells(office):
    row = SECTION | {"dest_call_numbers": "A;BIO1;B;BIO2"}
    assert copied(office, row) == [
        ("SUCCESS", -50, "created: A; B | DESTINATION_IN_USE: row 1, dest_call_numbers: in use already, and left as they are: BIO1; BIO2")
    ]  # fmt: skip
    assert [one[0] for one in sections(office, "A", "BIO1", "B", "BIO2")] == ["MATH", "BIO", "MATH", "BIO"]


def test_a_record_whose_destinations_are_all_in_use_fails(office):
    assert copied(office, SECTION | {"dest_call_numbers": "BIO1;BIO2"}) == [
        ("FAILED", -50, "NO_DESTINATION_FREE: row 1, dest_call_numbers: 'BIO1;BIO2' is in use already; nothing is left to be made")
    ]  # fmt: skip


def test_one_section_is_made_of_a_call_number_that_stands_twice(office):
    assert copied(office, SECTION | {"dest_call_numbers": "A;A"}) == [
        ("SUCCESS", -50, "created: A | DESTINATION_DOUBLED: row 1, dest_call_numbers: 'A;A' has a call number twice, of which one section is made")
    ]  # fmt: skip


def test_nothing_is_made_where_anything_else_is_wrong(office):
    row = SECTION | {"dest_call_numbers": "A;BIO1", "dest_section_number": "256"}
    assert codes(office, row) == [(-1, ["NOT_A_NUMBER", "DESTINATION_IN_USE"])]
    assert sections(office, "A") == []


def test_the_number_is_that_of_an_error_and_not_of_a_warning_before_it(office):
    row = SECTION | {"dest_call_numbers": "A;A", "dest_section_number": "256"}
    assert codes(office, row) == [(-1, ["NOT_A_NUMBER", "DESTINATION_DOUBLED"])]


def test_a_section_without_content_is_copied_without_and_the_log_tells(office):
    row = BOTH | {"source_call_number": "BIO1"}
    assert copied(office, row) == [
        ("SUCCESS", -50, "created: NEW | NO_CONTENT: row 1, source_call_number: 'BIO1' has no content; the copies are made without")
    ]  # fmt: skip
    assert contents(office, "NEW") == [0]


# ------------------------------------------------------------------------------------------- applied again


ALL = (SECTION, BOTH | {"dest_call_numbers": "A;BIO2;B"}, CONTENT, CONTENT | {"dest_call_numbers": "NEW"})


def test_the_same_file_again_changes_nothing(office):
    store = office / "store.db"
    tables = ("SELECT * FROM section", "SELECT * FROM copied_section", "SELECT * FROM journal")
    loaded(office, *ALL)
    before = [query(store, one) for one in tables]
    report = loaded(office, *ALL)
    assert dict(report.tally.outcomes) == {"unchanged": 4}
    assert [query(store, one) for one in tables] == before


def test_a_record_that_is_done_stays_so_whatever_became_of_its_source_and_its_copy(office):
    by_course = SECTION | {"source_call_number": "", "source_course_id": "LATIN"}
    loaded(office, by_course)
    changed = [
        *SECTIONS[:5],
        ["OLD", "OTHER", "Greek", "U|Z", "F26", "", "0"],
        ["NEW", "LATIN", "Changed", "", "", "", "0"],
    ]
    run("apply", write(office / "sections.csv", changed), store=office / "store.db")
    assert copied(office, by_course) == [("SUCCESS", 0, "unchanged")]


def test_the_same_record_with_one_more_destination_makes_that_alone(office):
    loaded(office, SECTION | {"dest_call_numbers": "A"})
    assert copied(office, SECTION | {"dest_call_numbers": "A;B"}) == [("SUCCESS", 0, "created: B")]


def test_the_same_destination_with_any_other_value_is_in_use(office):
    loaded(office, SECTION)
    others = {"dest_sort_string": "U|D", "dest_term_id": "F26", "dest_section_title": "T",
              "dest_section_description": "D", "dest_display_course_code": "C", "dest_section_number": "1",
              "source_call_number": "MATH2", "client_string": "other"}  # fmt: skip
    rows = [SECTION | {name: value} for name, value in others.items()]
    assert {result for result, _, _ in copied(office, *rows)} == {"FAILED"}


def test_content_is_copied_again_where_it_was_taken_away_since(office):
    loaded(office, CONTENT)
    run("apply", write(office / "sections.csv", SECTIONS), store=office / "store.db")
    assert contents(office, "BIO1") == [0]
    assert [copied(office, CONTENT)[0][2] for _ in range(2)] == ["content copied into BIO1", "unchanged"]


def test_the_rejects_mended_are_what_is_left_to_do(office):
    loaded(office, SECTION, CONTENT | {"dest_call_numbers": "GONE"})
    rejects = office / "copies.rejects.txt"
    mended = rejects.read_text("utf-8").replace("GONE", "BIO1")
    assert copied(office, mended.rstrip("\n")) == [("SUCCESS", 0, "content copied into BIO1")]


# ------------------------------------------------------------------------------------------- options


def test_only_create_and_only_update_skip_the_other_kind(office):
    rows = (SECTION, CONTENT)
    for only, results in (("update", ["SKIPPED", "SUCCESS"]), ("create", ["SUCCESS", "SKIPPED"])):
        assert [one for one, _, _ in copied(office, *rows, only=only)] == results
    assert [one[::2] for one in copied(office, *rows, only="update")] == [("SUCCESS", "unchanged")] * 2


def test_all_or_nothing_makes_nothing_where_a_record_fails(office):
    found = copied(office, SECTION, CONTENT | {"dest_call_numbers": "GONE"}, all_or_nothing=True)
    assert [one for one, _, _ in found] == ["SKIPPED", "FAILED"]
    assert sections(office, "NEW") == []


def test_validate_says_what_apply_would_do_and_makes_nothing(office):
    path = office / "copies.txt"
    path.write_text("\t".join(SECTION.get(name, "") for name in NAMES) + "\n", encoding="utf-8")
    dry = run("validate", path, store=office / "store.db", template="course-copy", results=office / "dry.csv")[0]
    assert (dict(dry.tally.outcomes), sections(office, "NEW")) == ({"created": 1}, [])
    run("apply", path, store=office / "store.db", template="course-copy")
    assert (office / "dry.csv").read_bytes() == (office / "copies.txt.csv").read_bytes()


def test_the_client_string_is_that_of_the_site_where_one_is_configured(office):
    assert copied(office, SECTION | {"client_string": "Strata"}, source="strata") == [
        ("FAILED", -30, "SOURCE_UNKNOWN: row 1, client_string: 'Strata' is not the source of this site (strata)")
    ]
    assert copied(office, SECTION, source="strata")[0][0] == "SUCCESS"


def test_export_says_where_the_copies_are(bulkload, office):
    answer = bulkload("export", "course-copy", "--store", office / "store.db", "-o", office / "out.csv")
    assert (answer.code, "export section" in answer.err, (office / "out.csv").exists()) == (2, True, False)


def test_a_page_takes_no_course_copies(bulkload, office):
    (office / "copies.txt").write_text("\t".join(SECTION.get(name, "") for name in NAMES) + "\n", encoding="utf-8")
    answer = bulkload("apply", "--template", "course-copy", "--method", "page", "--store", office / "store.db", office / "copies.txt")  # fmt: skip
    assert (answer.code, "pages take user-enrollment files" in answer.err) == (2, True)


# ------------------------------------------------------------------------------------------- the table


TABLE = """
client_string             yes  yes  yes
source_sort_string        yes  -    yes
source_call_number        one  one  one
source_course_id          one  one  one
dest_sort_string          -    yes  yes
dest_call_numbers         yes  yes  yes
dest_term_id              -    one  one
dest_term_sourcedid       -    one  one
dest_section_title        -    no   no
dest_section_description  -    no   no
dest_display_course_code  -    no   no
dest_section_number       -    no   no
"""
CELLS = [
    (copy_type, name, cell)
    for name, *cells in map(str.split, TABLE.strip().splitlines())
    for copy_type, cell in zip(SOUND, cells, strict=True)
]
VALUES = {"source_sort_string": "U|A", "dest_term_sourcedid": "sis:2026F", "dest_section_number": "1"}


def of_cell(cell: str) -> list[tuple[str, str, str]]:
    return [one for one in CELLS if one[2] == cell]


@pytest.mark.parametrize("copy_type", SOUND)
def test_a_sound_record_of_each_type_has_no_finding(office, copy_type):
    assert codes(office, SOUND[copy_type]) == [(0, [])]


@pytest.mark.parametrize(("copy_type", "name", "_"), of_cell("yes"))
def test_what_a_copy_type_needs_is_required(office, copy_type, name, _):
    assert codes(office, SOUND[copy_type] | {name: ""}) == [(-20, ["REQUIRED"])]


@pytest.mark.parametrize(("copy_type", "name", "_"), of_cell("-"))
def test_what_a_copy_type_does_not_take_must_be_blank(office, copy_type, name, _):
    assert codes(office, SOUND[copy_type] | {name: VALUES.get(name, "x")}) == [(-50, ["VALUE_NOT_ALLOWED"])]


@pytest.mark.parametrize(("copy_type", "name", "_"), of_cell("no"))
def test_what_a_copy_type_may_have_may_be_given_or_not(office, copy_type, name, _):
    assert codes(office, SOUND[copy_type] | {name: VALUES.get(name, "x")}) == [(0, [])]


@pytest.mark.parametrize(("copy_type", "name", "_"), of_cell("one"))
def test_of_two_values_one_is_given_and_not_both(office, copy_type, name, _):
    what, pair = ("SOURCE", NAMES[3:5]) if name.startswith("source") else ("TERM", NAMES[7:9])
    both = {
        "source_call_number": "MATH1",
        "source_course_id": "MATH",
        "dest_term_id": "F26",
        "dest_term_sourcedid": "sis:2026F",
    }
    neither = dict.fromkeys(pair, "")
    sound = SOUND[copy_type] | (
        CONTENT if copy_type == "CONTENT" else {"source_sort_string": SOUND[copy_type].get("source_sort_string", "")}
    )
    assert codes(office, sound | neither) == [(-50, [f"{what}_MISSING"])]
    assert codes(office, sound | {one: both[one] for one in pair}) == [(-50, [f"{what}_DOUBLED"])]
    unique = {"source_course_id": "LATIN"} if what == "SOURCE" else {}
    assert codes(office, sound | neither | {name: (both | unique)[name]}) == [(0, [])]


def test_the_template_shows_the_table():
    ((_, headings, rows),) = TEMPLATE.tables
    assert (headings, [row[0] for row in rows]) == (("value", *SOUND), NAMES[1:])


# ------------------------------------------------------------------------------------------- single values


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        (SECTION | {"copy_type": ""}, -20, "REQUIRED: row 1, copy_type: the cell is blank, a value is required"),
        (SECTION | {"copy_type": "SECTIONS"}, -1, "COPY_TYPE_UNKNOWN: row 1, copy_type: 'SECTIONS' is no copy type (did you mean 'SECTION'?)"),
        (SECTION | {"source_call_number": "math1"}, -31, "SECTION_NOT_FOUND: row 1, source_call_number: 'math1' is no section of this store"),
        (BOTH | {"source_sort_string": "U|B"}, -31, "SECTION_NOT_FOUND: row 1, source_call_number: 'MATH1' is no section of this store under the sort string 'U|B'"),
        (SECTION | {"source_call_number": "", "source_course_id": "GONE"}, -31, "SECTION_NOT_FOUND: row 1, source_course_id: no section of this store has the course id 'GONE'"),
        (SECTION | {"source_call_number": "", "source_course_id": "MATH"}, -50, "SOURCE_AMBIGUOUS: row 1, source_course_id: several sections have the course id 'MATH'"),
        (BOTH | {"source_call_number": "", "source_course_id": "BIO"}, -50, "SOURCE_AMBIGUOUS: row 1, source_course_id: several sections have the course id 'BIO' under the sort string 'U|A'"),
        (CONTENT | {"source_call_number": "BIO2"}, -50, "SOURCE_EMPTY: row 1, source_call_number: 'BIO2' has no content that could be copied"),
        (CONTENT | {"dest_call_numbers": "GONE"}, -31, "SECTION_NOT_FOUND: row 1, dest_call_numbers: 'GONE' is no section of this store"),
        (CONTENT | {"dest_call_numbers": "BIO1;BIO2"}, -50, "DESTINATION_SEVERAL: row 1, dest_call_numbers: 'BIO1;BIO2' names several sections, and CONTENT takes one"),
        (CONTENT | {"dest_call_numbers": "MATH2"}, -50, "DESTINATION_NOT_EMPTY: row 1, dest_call_numbers: 'MATH2' has content already"),
        (SECTION | {"dest_call_numbers": "A;;B"}, -31, "DESTINATION_FORMAT: row 1, dest_call_numbers: 'A;;B' has a call number that is blank, or longer than 100 characters"),
        (SECTION | {"dest_call_numbers": "A;"}, -31, "DESTINATION_FORMAT: row 1, dest_call_numbers: 'A;' has a call number that is blank, or longer than 100 characters"),
        (SECTION | {"dest_term_id": "W27"}, -50, "TERM_NOT_FOUND: row 1, dest_term_id: 'W27' is no term of this store"),
        (SECTION | {"dest_term_id": "", "dest_term_sourcedid": "sis:W27"}, -50, "TERM_NOT_FOUND: row 1, dest_term_sourcedid: 'sis:W27' is no term of this store"),
        (SECTION | {"dest_term_id": "", "dest_term_sourcedid": "sis:twice"}, -50, "TERM_AMBIGUOUS: row 1, dest_term_sourcedid: several terms of this store are 'sis:twice'"),
        (SECTION | {"dest_term_id": "", "dest_term_sourcedid": "sis:"}, -1, "TERM_FORMAT: row 1, dest_term_sourcedid: 'sis:' is not a source and an id with a colon between them, such as strata:F14"),
        (SECTION | {"dest_section_number": "256"}, -1, "NOT_A_NUMBER: row 1, dest_section_number: '256' is not a whole number from 0 to 255"),
        (SECTION | {"dest_section_title": "A\x07B"}, -11, "SPECIAL_CHARACTER: row 1, dest_section_title: 'A·B' holds a control character, or the sign for a letter that was lost"),
        (SECTION | {"source_call_number": "c" * 101}, -31, f"TOO_LONG: row 1, source_call_number: '{'c' * 79}…' has 101 characters, 100 are the most"),
        (CONTENT | {"dest_term_id": "F26"}, -50, "VALUE_NOT_ALLOWED: row 1, dest_term_id: 'F26' is given, and CONTENT takes no such value"),
        (SECTION | {"source_call_number": ""}, -50, "SOURCE_MISSING: row 1, source_call_number: neither source_call_number nor source_course_id is given"),
        (SECTION | {"source_course_id": "MATH"}, -50, "SOURCE_DOUBLED: row 1, source_call_number: source_call_number and source_course_id are both given"),
        (SECTION | {"dest_term_id": ""}, -50, "TERM_MISSING: row 1, dest_term_id: neither dest_term_id nor dest_term_sourcedid is given"),
        (SECTION | {"dest_term_sourcedid": "sis:2026F"}, -50, "TERM_DOUBLED: row 1, dest_term_id: dest_term_id and dest_term_sourcedid are both given"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_once_with_its_number_and_nothing_is_made(office, row, code, message):
    before = query(office / "store.db", "SELECT * FROM section")
    assert copied(office, row) == [("FAILED", code, message)]
    assert query(office / "store.db", "SELECT * FROM section") == before


@pytest.mark.parametrize(
    ("name", "longest"),
    [(one.name, one.limit) for one in TEMPLATE.fields if one.limit and not one.name.startswith(("source_c", "source_s"))
     and one.name not in {"dest_term_id", "dest_term_sourcedid"}] + [("dest_call_numbers", 100)],
)  # fmt: skip
def test_a_value_of_the_greatest_length_is_fine_and_one_more_is_not(office, name, longest):
    word = "DESTINATION_FORMAT" if name == "dest_call_numbers" else "TOO_LONG"
    longer, right = codes(office, *(SECTION | {name: "x" * length} for length in (longest + 1, longest)))
    assert (longer[1], right) == ([word], (0, []))


@pytest.mark.parametrize("number", ["0", "1", "255"])
def test_section_numbers_go_up_to_255(office, number):
    assert codes(office, SECTION | {"dest_section_number": number}) == [(0, [])]
    assert [one[8] for one in sections(office, "NEW")] == [int(number)]


def test_blanks_around_values_and_call_numbers_are_left_out(office):
    assert copied(office, SECTION | {"dest_call_numbers": " A ;\u00a0B "})[0][0] == "SUCCESS"
    assert len(sections(office, "A", "B")) == 2


def test_a_line_with_another_number_of_values_is_told_and_the_others_are_taken(office):
    whole = "\t".join(SECTION.get(name, "") for name in NAMES)
    assert [one[:2] for one in copied(office, whole, f"{whole}\tmore", "", whole.replace("NEW", "A"))] == [
        ("SUCCESS", 0), ("FAILED", -10), ("FAILED", -10), ("SUCCESS", 0),
    ]  # fmt: skip


def test_the_log_has_a_line_for_each_record_in_file_order(office):
    loaded(office, SECTION, CONTENT | {"source_call_number": "", "source_course_id": "BIO"})
    lines = log(office / "copies.txt.csv")
    assert list(lines[0]) == ["record", "line", "copy_type", "source", "destination", "code", "message", "result"]
    assert [list(one.values())[:5] for one in lines] == [
        ["1", "1", "SECTION", "MATH1", "NEW"],
        ["2", "2", "CONTENT", "BIO", "BIO1"],
    ]


def test_sections_that_were_copied_can_be_enrolled_in_at_once(office):
    loaded(office, SECTION)
    person = "ENROLL,strata,S1,jdoe,,Jane,,Doe,,,,j@x.org,,,,,,,,NEW,,2"
    path = office / "users.txt"
    path.write_text(person + "\n", encoding="utf-8")
    report = run("apply", path, store=office / "store.db", template="user-enrollment", now=NOW)[0]
    assert dict(report.tally.outcomes) == {"created": 1}


def test_a_thousand_records_in_many_batches_find_what_those_before_them_made(
    office, many_batches_and_nothing_held_in_memory
):
    rows = [
        SECTION | {"source_call_number": "MATH1" if n == 0 else f"N{n - 1}", "dest_call_numbers": f"N{n}"}
        for n in range(1000)
    ]
    assert {one for one, _, _ in copied(office, *rows)} == {"SUCCESS"}
    assert query(office / "store.db", "SELECT count(*), min(title), max(title) FROM section WHERE call_number LIKE 'N%'") == [
        (1000, "Algebra", "Algebra")
    ]  # fmt: skip


def test_every_code_of_the_template_is_in_the_log_under_its_own_number_or_minus_one():
    assert TEMPLATE.log is not None
    errors = {one.word for one in TEMPLATE.codes if one.severity == "error"}
    assert errors - set(TEMPLATE.log.numbers) == {
        *("COPY_TYPE_UNKNOWN", "TOO_LONG", "DESTINATION_FORMAT", "TERM_FORMAT", "NOT_A_NUMBER"),
    }
    assert set(TEMPLATE.log.numbers) - {one.word for one in TEMPLATE.codes} == {"ENCODING"}
