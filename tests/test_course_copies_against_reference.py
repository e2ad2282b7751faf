"""Holds the product against the slow model of course copies, on random institutions and the files after one another."""

from __future__ import annotations

import copy
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from loading import query, results, run
from reference.course_copy import Copies, Line
from reference.course_copy_strategies import CLIENT, NOW, Case, Step, cases, every_fault, institution
from reference.strategies import to_csv
from reference.user_enrollment_store import Section

from bulkload.templates import template_named

pytestmark = pytest.mark.usefixtures("many_batches_and_nothing_held_in_memory")

SECTIONS = """
SELECT call_number, course_id, section.title, sort_string, term_id, expires, content, description, display_course_code,
    section_number
FROM section JOIN term ON term.number = section.term LEFT JOIN copied_section ON copied_section.section = section.number
"""
TRACES = "SELECT * FROM section ORDER BY number", "SELECT * FROM copied_section", "SELECT * FROM journal"


def stored(store: Path) -> dict[str, tuple[Any, ...]]:
    return {one[0]: one[1:] for one in query(store, SECTIONS)}


def expected(model: Copies) -> dict[str, tuple[Any, ...]]:
    return {
        number: (
            *(one.course_id, one.title, one.sort_string, one.term_id),
            None if one.expires is None else int(one.expires.timestamp()),
            int(one.content),
            *(one.description, one.display_course_code, one.section_number),
        )
        for number, one in model.sections.items()
    }


def traces(store: Path) -> list[list[tuple[Any, ...]]]:
    return [query(store, one) for one in TRACES]


def prepare(model: Copies, folder: Path, store: Path) -> None:
    files = {
        "term": [["Term ID", "Source", "Sourced ID", "Title"],
                 *([key, one.source, one.sourced_id, one.title] for key, one in model.terms.items())],
        "section": [["Call Number", "Course ID", "Title", "Sort String", "Term ID", "Expires", "Content"],
                    *([key, one.course_id, one.title, one.sort_string, one.term_id,
                       one.expires.isoformat() if one.expires else "", str(int(one.content))] for key, one in model.sections.items())],
    }  # fmt: skip
    for name, rows in files.items():
        path = folder / f"{name}.csv"
        path.write_text(to_csv(rows[0], rows[1:]), encoding="utf-8", newline="")
        (report,) = run("apply", path, store=store, now=NOW, template=name)
        assert (report.refused, report.tally.rejected) == (None, 0)


def words(message: str) -> list[str]:
    known = {code.word for code in template_named("course-copy").codes}
    said = [one.partition(": ")[0] for one in message.split(" | ")]
    return sorted(one for one in said if one in known and one != "VALUE_TRIMMED")


def unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell


def logged(path: Path) -> list[tuple[Any, ...]]:
    return [
        (
            *(int(one["record"]), int(one["line"]), one["result"]),
            *(unescaped(one[name]) for name in ("copy_type", "source", "destination")),
            *(int(one["code"]), words(one["message"])),
        )
        for one in results(path)
    ]


def modelled(lines: list[Line]) -> list[tuple[Any, ...]]:
    return [
        (one.record, one.line, one.result, one.copy_type, one.source, one.destination, one.code, one.words)
        for one in lines
    ]


def outcomes(lines: list[Line]) -> dict[str, int]:
    return {one: [line.outcome for line in lines].count(one) for one in {line.outcome for line in lines}}


def compare(step: Step, model: Copies, folder: Path, now: Any) -> list[Line]:
    """Load a file into both, and hold all that can be seen against each other; return what the model says."""
    store, path = folder / "store.db", folder / ("copies.txt" if step.delimiter else "copies.xml")
    log = folder / f"{path.name}.csv"
    path.write_text(step.text, encoding="utf-8", newline="")
    form = {"template": "course-copy", "delimiter": step.delimiter} if step.delimiter else {}
    asked = {**form, "store": store, "now": now, **step.options}
    before = traces(store)
    (dry,) = run("validate", path, results=folder / "dry.csv", **asked)
    assert traces(store) == before
    (wet,) = run("apply", path, **asked)
    lines = step.apply_to(model)
    assert wet.refused is None
    assert logged(log) == modelled(lines)
    assert dict(wet.tally.outcomes) == outcomes(lines)
    assert stored(store) == expected(model)
    assert (folder / "dry.csv").read_bytes() == log.read_bytes()
    assert dry.tally == wet.tally
    if not {"created", "updated"} & {one.outcome for one in lines}:
        assert traces(store) == before
    return lines


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_the_log_and_the_sections_are_those_of_the_model(case: Case) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(case.store, folder, folder / "store.db")
        for day, step in enumerate(case.steps, 1):
            compare(step, case.store, folder, NOW + timedelta(days=day))


@pytest.mark.parametrize("delimiter", [",", ""], ids=["delimited", "xml"])
def test_the_file_of_every_fault_has_every_code_and_gives_what_the_model_gives(tmp_path: Path, delimiter: str) -> None:
    empty = Section("BIO", "Bio", "Top|T1", "T1")
    model = institution({"MATH101": Section("MATH", "Algebra", "Top|T1", "T1", None, True), "BIO 2": empty,
                         "BIO3": copy.deepcopy(empty)})  # fmt: skip
    prepare(model, tmp_path, tmp_path / "store.db")
    step = Step(every_fault(), delimiter, {"source": CLIENT})
    first = compare(step, model, tmp_path, NOW)
    again = compare(step, model, tmp_path, NOW + timedelta(days=1))
    assert {two.outcome for one, two in zip(first, again, strict=True) if one.result == "SUCCESS"} == {"unchanged"}
    found = {word for line in first for word in line.words}
    codes = {code.word for code in template_named("course-copy").codes}
    assert codes - found == {"CELL_COUNT", "BLANK_LINE", "VALUE_TRIMMED"}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_in_the_model_copies_make_sections_and_fill_empty_ones_do_nothing_else_and_are_done_once(case: Case) -> None:
    store = case.store
    for step in case.steps:
        before = copy.deepcopy(store)
        first = step.apply_to(store)
        made = store.sections.keys() - before.sections.keys()
        assert bool(made) == ("created" in outcomes(first))
        filled = [one for one in before.sections if store.sections[one].content and not before.sections[one].content]
        assert len(filled) <= outcomes(first).get("updated", 0)
        for number, one in before.sections.items():
            one.content = store.sections[number].content
            assert one == store.sections[number]
        second = step.apply_to(store)
        done = [two.outcome for one, two in zip(first, second, strict=True) if one.result == "SUCCESS"]
        assert set(done) <= {"unchanged", "skipped" if step.options.get("only") == "create" else "unchanged"}
