"""Templates: declared once, checked when made, and told in words, as empty files and as explanations."""

from __future__ import annotations

import ast
import csv
import io
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from loading import results, run
from test_commands import bulkload

import bulkload as package
from bulkload import rules
from bulkload.kinds import Choice, EnrollmentDate, Kind
from bulkload.reference import every_word
from bulkload.rules import Code, Rule
from bulkload.template import Distinct, Field, Template
from bulkload.templates import template_named, templates
from bulkload.templates.upsert import Upsert

NAMES = list(templates())
ANY_FORM = [name for name in NAMES if templates()[name].file_name is None and not templates()[name].positional]
"""The templates whose files may be text or spreadsheets, of any name."""
DEMANDING = [name for name in NAMES if templates()[name].file_name is not None]
POSITIONAL = [name for name in NAMES if templates()[name].positional]
FIELDS = [(template, one) for template in templates().values() for one in template.fields]


OTHERWISE = {"user-enrollment": ("node_string",), "course-copy": ("source_course_id", "dest_term_sourcedid")}
"""Fields that are left blank where the others of the template are filled in."""


def names(value: object) -> str:
    return str(getattr(value, "heading", None) or getattr(value, "name", value))


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BULKLOAD_STORE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


# --------------------------------------------------------------------------------------------- declarations


def lines(template: Template, *rows: dict[str, str]) -> str:
    """A file of a template with rows by field name."""
    text = io.StringIO()
    writer = csv.writer(text)
    if not template.positional:
        writer.writerow([one.heading for one in template.fields])
    writer.writerows([[row.get(one.name, "") for one in template.positions] for row in rows])
    return text.getvalue()


def examples(template: Template) -> dict[str, str]:
    return {one.name: one.example for one in template.fields} | dict.fromkeys(OTHERWISE.get(template.name, ()), "")


def asked_for(name: str) -> dict[str, str]:
    """The template of a file that does not tell it."""
    return {"template": name} if template_named(name).positional else {}


@pytest.mark.parametrize(("template", "field"), FIELDS, ids=names)
def test_every_field_has_an_example_that_its_own_kind_reads(template, field):
    assert field.example
    value = field.kind.parse(pl.Series([field.example]))
    assert (value.null_count(), value.dtype) == (0, field.kind.dtype)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_every_fields_example_has_no_finding(name, tmp_path):
    template = template_named(name)
    path = tmp_path / (template.file_name or f"{name}.csv")
    path.write_text(lines(template, examples(template)), encoding="utf-8", newline="")
    asked = {"results": tmp_path / "out.csv", "legacy": True, **asked_for(name)}
    report = run("validate", path, store=tmp_path / "none.db", **asked)[0]
    assert (report.template, dict(report.tally.outcomes), report.tally.findings()) == (name, {"accepted": 1}, [])
    if template.log is not None:
        return
    accepted = template.accepted.word if template.accepted else ""
    assert [(one["codes"], one["messages"]) for one in results(tmp_path / "out.csv")] == [(accepted, "")]


def test_the_examples_fit_together_in_one_store(tmp_path):
    store = tmp_path / "store.db"
    more = {
        "event": [{"id": "C-101", "type": "Course", "name": "Other"}],
        "roster-field": [{"id": "RC02", "name": "Roster Custom 02"}],
        "license-order": [
            {"id": "E-2026", "kind": "eAMS", "school_code": "", "current": "Yes"},
            {"id": "BIN", "kind": "Holding Bin", "school_code": ""},
        ],
    }
    for name in (one for one in NAMES if one != "student-state"):
        template = template_named(name)
        rows = [examples(template), *(examples(template) | one for one in more.get(name, []))]
        path = tmp_path / (template.file_name or f"{name}.csv")
        path.write_text(lines(template, *rows), encoding="utf-8", newline="")
        report = run("apply", path, store=store, legacy=True, **asked_for(name))[0]
        assert (dict(report.tally.outcomes), report.tally.findings()) == ({"created": len(rows)}, [])


@pytest.mark.parametrize(("template", "field"), FIELDS, ids=names)
def test_every_field_says_what_it_is_and_stands_once(template, field):
    assert field.says.strip().endswith(".")
    assert [one.heading.casefold() for one in template.fields].count(field.heading.casefold()) == 1


CODE = Code("X", "error", "means", "{cell} is wrong", "mend", "source")
FIELD = Field("a", "A", Kind(), "A field.", "x")


def made(*fields: Field, **more: object) -> Template:
    """A template of some fields, the first of them its key."""
    asked = {"name": "t", "says": "A template.", "source": "x", "fields": fields, "key": ("a",), "family": Upsert("t")}
    return Template(**{**asked, **more})  # type: ignore[arg-type]


def rule(*columns: str) -> Rule:
    return Rule(CODE, lambda _: pl.any_horizontal(pl.col(one).is_null() for one in columns))


def test_a_template_is_made_of_its_fields_and_rules():
    template = made(replace(FIELD, rules=(rule("a", "b"),)), replace(FIELD, name="b", heading="B"))
    assert [one.code.word for one in template.placed if one.code is CODE] == ["X"]


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ((FIELD, FIELD), {}),
        ((FIELD, replace(FIELD, name="b")), {}),
        ((FIELD,), {"key": ("b",)}),
        ((FIELD,), {"distinct": (Distinct(("a",), folded=("b",)),)}),
        ((FIELD,), {"distinct": (Distinct(("a", "b")),)}),
        ((replace(FIELD, rules=(rule("b"),)),), {}),
        ((replace(FIELD, rules=(rule("text.b"),)),), {}),
        ((replace(FIELD, required=CODE, required_unless="b"),), {}),
    ],
    ids=[
        "a field that stands twice",
        "a heading that stands twice",
        "a key that is no field",
        "a folded field of what tells rows apart that is no field",
        "a field of what tells rows apart that is no field",
        "a rule on a missing field",
        "a rule on the text of a missing field",
        "a required_unless that is no field",
    ],
)
def test_a_declaration_that_names_what_is_not_there_fails_before_its_rules_are_used(fields, more):
    with pytest.raises(ValueError, match="template t"):
        _ = made(*fields, **more).placed


def test_declarations_are_frozen():
    template = template_named("enrollment")
    for one, name in ((template, "name"), (template.fields[0], "limit"), (CODE, "word"), (rule("a"), "code")):
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, "other")


def test_templates_stand_in_reference_order():
    for name, template in templates().items():
        assert [NAMES.index(one) < NAMES.index(name) for one in template.refers_to] == [True] * len(template.refers_to)


def test_the_enrollment_family_is_there_with_the_columns_of_the_specification():
    headings = {name: [one.heading for one in template_named(name).fields] for name in NAMES}
    assert headings["event"] == [
        "Enrollment ID", "Enrollment", "Type", "Default Pre-Status", "Use Event Time Zone", "Time Zone", "Max Seats",
        "Waitlist", "Max Waitlist",
    ]  # fmt: skip
    assert headings["user"] == ["Username", "First Name", "Last Name", "Email", "Active"]
    assert headings["roster-field"] == ["Field ID", "Field Name"]
    assert headings["completion"] == ["Enrollment ID", "Username", "Completed On"]
    assert headings["enrollment"] == [
        "Enrollment ID", "Enrollment", "Username", "Roster", "Users Date Enrolled", "User Date Enrolled Time Zone",
        "Users Enrollment Pre-Status", "Users Enrollment Post-Status", "Priority (Waitlist)",
        "Enrollment Completed Date / Last Status Change",
    ]  # fmt: skip


def test_a_template_that_is_not_there_is_refused_with_the_nearest_name():
    answer = bulkload("template", "show", "enrolment")
    assert (answer.code, "Did you mean 'enrollment'?" in answer.err) == (2, True)


# --------------------------------------------------------------------------------------------- template list, show


def test_template_list_names_every_template():
    said = bulkload("template", "list").out
    assert [name for name in NAMES if f"\n{name} " not in said] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", [(), ("--markdown",)], ids=["plain", "markdown"])
def test_template_show_names_every_code_and_every_value_of_a_list(name, option):
    template = template_named(name)
    answer = bulkload("template", "show", name, *option)
    words = [code.word for code in template.codes]
    choices = [one for field in template.fields if isinstance(field.kind, Choice) for one in field.kind.choices]
    flat = " ".join(answer.out.split())
    assert (answer.code, [one for one in [*words, *choices] if one not in flat]) == (0, [])


@pytest.mark.parametrize("name", NAMES)
def test_template_show_names_every_heading_with_what_goes_into_it(name):
    template = template_named(name)
    said = bulkload("template", "show", name, "--markdown").out
    for field in template.fields:
        assert f"| {field.heading} |" in said
        assert field.says.replace("<", "&lt;") in said
    plain = bulkload("template", "show", name).out
    assert [one for field in template.fields for one in field.heading.split() if one not in plain] == []


def test_template_show_of_enrollment_shows_which_statuses_go_together():
    flat = " ".join(bulkload("template", "show", "enrollment").out.split())
    assert [one for one in ("ILT Session", "Course", "Class", "Self Study") if one not in flat] == []


# --------------------------------------------------------------------------------------------- template new


def headings(name: str) -> list[str]:
    """The headings that an empty file has: those that are not offered are left out."""
    return [one.heading for one in template_named(name).fields if one.is_offered]


@pytest.mark.parametrize("name", ANY_FORM)
@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ","), ("txt", "\t")])
def test_template_new_writes_a_text_file_of_headings(name, ending, delimiter):
    answer = bulkload("template", "new", name, "-o", f"new.{ending}")
    assert (answer.code, answer.out) == (0, "")
    with Path(f"new.{ending}").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file, delimiter=delimiter)) == [headings(name)]


@pytest.mark.parametrize("name", ANY_FORM)
@pytest.mark.parametrize("ending", ["csv", "txt", "xlsx"])
def test_an_empty_file_loads_with_no_rows(name, ending):
    bulkload("template", "new", name, "-o", f"new.{ending}")
    answer = bulkload("validate", "--legacy", "--format", "json", f"new.{ending}")
    assert (answer.code, answer.json["template"], answer.json["rows"]) == (0, name, 0)


def test_template_new_without_a_name_writes_a_csv_of_the_templates_name():
    assert (bulkload("template", "new", "user").code, Path("user.csv").exists()) == (0, True)
    assert bulkload("template", "new", "user").code == 2


@pytest.mark.parametrize("name", DEMANDING)
def test_a_new_file_of_a_template_that_demands_a_name_has_that_name_and_loads(name):
    wanted = templates()[name].file_name
    assert (bulkload("template", "new", name).code, Path(wanted).exists()) == (0, True)
    answer = bulkload("validate", "--format", "json", wanted)
    assert (answer.code, answer.json["template"], answer.json["rows"]) == (0, name, 0)


@pytest.mark.parametrize("name", POSITIONAL)
def test_a_new_file_of_a_template_without_headings_is_its_xml_form(name):
    assert bulkload("template", "new", name).code == 0
    (report,) = run("validate", Path(f"{name}.xml"), store=Path("none.db"))
    assert (report.template, report.refused) == (name, None)
    assert bulkload("template", "new", name, "-o", f"{name}.csv").code == 2


@pytest.mark.parametrize("name", DEMANDING)
@pytest.mark.parametrize("ending", ["txt", "xlsx"])
def test_a_new_file_in_a_form_that_could_not_be_loaded_is_not_written(name, ending):
    answer = bulkload("template", "new", name, "-o", f"new.{ending}")
    assert (answer.code, "comma-separated text" in answer.err, Path(f"new.{ending}").exists()) == (2, True, False)


@pytest.mark.parametrize("name", ANY_FORM)
def test_a_new_spreadsheet_has_headings_formats_drop_downs_and_notes(name):
    bulkload("template", "new", name, "-o", "new.xlsx")
    book = openpyxl.load_workbook("new.xlsx")
    sheet = book.worksheets[0]
    fields = [one for one in template_named(name).fields if one.is_offered]
    lists = {}
    for rule in sheet.data_validations.dataValidation:
        letters = str(rule.sqref).split(":")[0].rstrip("0123456789")
        lists[letters] = listed(book, rule.formula1)
    for cell, field in zip(sheet[1], fields, strict=True):
        dated = isinstance(field.kind, EnrollmentDate)
        shown = sheet.column_dimensions[cell.column_letter].number_format
        assert (cell.value, shown) == (field.heading, "mm/dd/yyyy hh:mm AM/PM" if dated else "@")
        assert field.says in cell.comment.text
        assert field.example in cell.comment.text
        assert lists.get(cell.column_letter, ()) == (field.kind.choices if isinstance(field.kind, Choice) else ())


def listed(book: openpyxl.Workbook, formula: str) -> tuple[str, ...]:
    """The values of a drop-down list: in the rule itself, or on another sheet."""
    if formula.startswith('"'):
        return tuple(formula.strip('"').split(","))
    sheet, _, area = formula.lstrip("=").replace("$", "").partition("!")
    return tuple(row[0].value for row in book[sheet.strip("'")][area])


def test_a_row_filled_in_a_new_spreadsheet_loads_as_it_was_meant(tmp_path):
    bulkload("template", "new", "enrollment", "-o", "new.xlsx")
    book = openpyxl.load_workbook("new.xlsx")
    book.worksheets[0].append(["Safety", "007", "", "09/17/2015 12:00 AM", "UTC", "Approved", "", "05", ""])
    book.save("new.xlsx")
    run("validate", Path("new.xlsx"), store=tmp_path / "none.db", results=tmp_path / "out.csv")
    assert [(one["Username"], one["outcome"], one["codes"]) for one in results(tmp_path / "out.csv")] == [
        ("007", "accepted", "")
    ]


# --------------------------------------------------------------------------------------------- explain


def meanings(word: str) -> list[tuple[str, str, str]]:
    """What a code's declarations say: meaning, remedy, source."""
    found = [
        (code.says, code.mend, code.source)
        for template in templates().values()
        for code in (*template.codes, *rules.OF_RUNS)
        if code.word == word
    ]
    return found + ([rules.REFUSALS[word]] if word in rules.REFUSALS else [])


@pytest.mark.parametrize("word", every_word())
def test_explain_says_of_every_code_what_it_means_what_to_do_and_where_it_comes_from(word):
    answer = bulkload("explain", word.lower())
    assert answer.code == 0
    assert word in answer.out
    assert meanings(word)
    assert [one for said in meanings(word) for one in said if one not in answer.out] == []


def raised() -> set[str]:
    """The codes that the source refuses files with."""
    found = set()
    for path in Path(package.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("FileRefused"):
                found |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("refused_code"):
                found |= {node.value.value} if isinstance(node.value, ast.Constant) and node.value.value else set()
    return found


def test_explain_knows_every_refusal_that_the_program_can_utter():
    assert len(raised()) > 5
    assert {one for one in raised() if bulkload("explain", one).code} == set()


def test_explain_knows_the_general_codes_of_the_specification():
    general = (
        "VALUE_TRIMMED CELL_COUNT BLANK_LINE REQUIRED NOT_IN_LIST NOT_A_NUMBER TOO_LONG DATE_FORMAT KEY_DOUBLED "
        "STILL_REFERRED_TO ENCODING FORMAT_UNKNOWN HEADER_MISSING HEADER_UNKNOWN HEADER_DOUBLED HEADER_EMPTY "
        "HEADER_ORDER FILE_APPLIED_BEFORE"
    )
    assert set(general.split()) - set(every_word()) == set()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("DATE_INTERVALL", "DATE_INTERVAL"), ("header-missing", "HEADER_MISSING"), ("USER_NOTFOUND", "USER_NOT_FOUND")],
)
def test_explain_suggests_the_nearest_code_for_a_typo(typed, meant):
    answer = bulkload("explain", typed)
    assert (answer.code, f"Did you mean {meant}?" in answer.err) == (2, True)


@pytest.mark.parametrize("name", NAMES)
def test_every_code_says_what_it_means_how_to_mend_it_and_where_it_comes_from(name):
    for code in template_named(name).codes:
        assert code.word == code.word.upper()
        assert code.severity in {"error", "warning", "note"}
        assert code.says
        assert code.mend.endswith((".", "?"))
        assert code.source
