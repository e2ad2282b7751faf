"""Runs every example as a user would, and holds it to the results that it must give."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from example_runs import (
    CASES,
    EXAMPLES,
    LATER,
    RUNS,
    SPREADSHEET,
    Example,
    apply_example,
    bulkload,
    case_rows,
    expected,
    sheet_rows,
    written,
)
from loading import outcomes

from bulkload.templates import templates
from bulkload.templates.enrollment.statuses import TYPES

BY_FOLDER = pytest.mark.parametrize("example", RUNS, ids=lambda one: one.folder)


@BY_FOLDER
def test_an_example_gives_the_results_it_must_give(example: Example, tmp_path: Path) -> None:
    code, said = apply_example(example, tmp_path)
    assert code == example.exit_code, said
    assert written(tmp_path / "examples" / example.folder) == expected(example)


@BY_FOLDER
def test_an_example_applied_again_changes_only_what_the_specification_says(example: Example, tmp_path: Path) -> None:
    apply_example(example, tmp_path)
    file = tmp_path / "examples" / example.folder / example.file
    results = file.with_suffix(".results.csv")
    rejected = [row for row, outcome, _ in outcomes(results) if outcome == "rejected"]
    code, said = bulkload("apply", "--store", "store.db", "--now", LATER, str(file), cwd=tmp_path)
    assert code == example.exit_code, said
    again = outcomes(results)
    assert [row for row, outcome, _ in again if outcome == "rejected"] == rejected
    differing = [(row, outcome) for row, outcome, _ in again if outcome not in {"rejected", "unchanged"}]
    assert differing == list(example.again)


def test_the_clean_example_applied_again_as_a_directory_changes_nothing(tmp_path: Path) -> None:
    apply_example(RUNS[0], tmp_path)
    folder = tmp_path / "examples" / "enrollment"
    assert bulkload("apply", "--store", "store.db", "--now", LATER, str(folder), cwd=tmp_path)[0] == 0
    for results in folder.glob("*.results.csv"):
        assert {outcome for _, outcome, _ in outcomes(results)} == {"unchanged"}


def test_the_clean_example_has_every_type_both_zone_settings_and_a_wait_list() -> None:
    with (EXAMPLES / "enrollment" / "events.csv").open(encoding="utf-8", newline="") as file:
        events = list(csv.DictReader(file))
    assert {one["Type"] for one in events} == set(TYPES)
    assert {one["Use Event Time Zone"] for one in events} == {"Yes", "No"}
    found = outcomes(EXAMPLES / "enrollment" / "expected" / "enrollments.results.csv")
    assert len(found) >= 24
    assert {outcome for _, outcome, _ in found} == {"created"}
    assert "WAITLISTED" in {code for _, _, codes in found for code in codes.split()}


def test_the_cases_have_every_code_of_the_template() -> None:
    found = {
        code
        for _, _, codes in outcomes(EXAMPLES / CASES / "expected" / "enrollments.results.csv")
        for code in codes.split()
    }
    assert found == {code.word for code in templates()["enrollment"].codes}


def test_the_spreadsheet_of_the_cases_has_the_rows_of_the_file() -> None:
    width = max(map(len, case_rows()))
    padded = [row + [""] * (width - len(row)) for row in case_rows()]
    assert sheet_rows(SPREADSHEET) == padded


def test_the_spreadsheet_gives_the_outcomes_and_codes_of_the_file() -> None:
    kept = Path("expected", "enrollments.results.csv")
    assert outcomes(SPREADSHEET.parent / kept) == outcomes(EXAMPLES / CASES / kept)
