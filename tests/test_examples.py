"""Runs every example as a user would, and holds it to the results that it must give."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from example_runs import (
    BALANCES,
    CASES,
    DISTRICT,
    EXAMPLES,
    LATER,
    RUNS,
    SPREADSHEET,
    Example,
    Night,
    apply_example,
    apply_night,
    apply_nights,
    bulkload,
    case_rows,
    expected,
    sheet_rows,
    written,
)
from loading import outcomes, query, results

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
    for path in folder.glob("*.results.csv"):
        assert {outcome for _, outcome, _ in outcomes(path)} == {"unchanged"}


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


STUDENTS = """
    SELECT student_id, CASE WHEN active THEN 'active' ELSE 'deactivated' END,
        CASE WHEN current THEN 'current' WHEN kind = 'eAMS' THEN 'past' ELSE 'regular' END
    FROM student JOIN license_order ON license_order.number = student.license_order
"""
"""Of each student the status, and which order it is on."""

_, FIRST, STATE, SECOND, THIRD = DISTRICT


@dataclass(frozen=True)
class District:
    """What became of the district's nights: how each ended, and the students after it."""

    place: Path
    ended: dict[Night, tuple[int, str]]
    students: dict[Night, dict[str, tuple[str, str]]]

    def rows(self, night: Night) -> list[tuple[str, str, str, set[str]]]:
        """Return Student ID, status flag, outcome and codes of each row of a night."""
        folder = self.place / "examples" / night.folder
        with (folder / "students.csv").open(encoding="utf-8", newline="") as file:
            rows = [(one["Student ID"], one["Status"][:1].upper()) for one in csv.DictReader(file)]
        found = outcomes(folder / "students.results.csv")
        return [(*row, outcome, set(codes.split())) for row, (_, outcome, codes) in zip(rows, found, strict=True)]

    def licences(self, night: Night) -> int:
        """Return the licences after a night, free and used."""
        balances = results(self.place / "examples" / night.folder / BALANCES)
        used = [status for status, _ in self.students[night].values()].count("active")
        return used + sum(int(one["Free Licenses"]) for one in balances)


def students_at(place: Path) -> dict[str, tuple[str, str]]:
    return {student: (status, order) for student, status, order in query(place / "store.db", STUDENTS)}


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """Apply all nights of the district, in order, on one store."""
    made = District(tmp_path_factory.mktemp("district"), {}, {})
    for night, code, said in apply_nights(made.place):
        made.ended[night] = code, said
        made.students[night] = students_at(made.place)
    return made


@pytest.mark.parametrize("night", DISTRICT, ids=lambda one: one.folder)
def test_a_night_gives_the_results_and_balances_it_must_give(night: Night, district: District) -> None:
    code, said = district.ended[night]
    assert code == night.exit_code, said
    assert written(district.place / "examples" / night.folder) == expected(night)


def test_licences_free_and_used_are_as_many_after_every_night(district: District) -> None:
    assert {night.folder: district.licences(night) for night in DISTRICT} == {one.folder: 42 for one in DISTRICT}


def test_the_first_night_creates_every_student(district: District) -> None:
    assert {(outcome, *codes) for _, _, outcome, codes in district.rows(FIRST)} == {("created", "OK")}


def test_the_second_night_has_every_cell_of_the_status_table_on_every_kind_of_order(district: District) -> None:
    before = district.students[STATE]
    found = {
        (*before.get(student, ("none",)), flag)
        for student, flag, _, codes in district.rows(SECOND)
        if codes <= {"OK", "STUDENT_EXISTS", "STUDENT_NOT_FOUND"}
    }
    known = {(status, order) for status in ("active", "deactivated") for order in ("current", "past", "regular")}
    assert found == (
        {(*one, flag) for one in known for flag in "ADI"}
        | {("active", "current", "X"), ("deactivated", "current", "X")}
        | {("none", flag) for flag in "ADXI"}
    )


def test_the_second_night_has_every_code_of_the_template(district: District) -> None:
    found = {code for _, _, _, codes in district.rows(SECOND) for code in codes}
    assert found == {code.word for code in templates()["student"].codes}


def test_the_third_night_has_the_file_of_the_second() -> None:
    second, third = ((EXAMPLES / night.folder / "students.csv").read_bytes() for night in (SECOND, THIRD))
    assert second == third


def test_the_third_night_changes_only_what_the_specification_says(district: District) -> None:
    orders = {student: order for student, (_, order) in district.students[SECOND].items()}
    found, must = [], []
    for one, (_, _, again, codes) in zip(district.rows(SECOND), district.rows(THIRD), strict=True):
        student, flag, outcome, lacked = one
        if "MISSING_LICENSES" in lacked:
            continue
        found.append((student, again))
        if outcome == "rejected" or (flag == "X" and codes == {"STUDENT_EXISTS"}):
            must.append((student, "rejected"))
        else:
            must.append((student, "updated" if flag == "D" and orders[student] != "current" else "unchanged"))
    assert found == must


def test_a_fourth_night_with_that_file_changes_nothing(district: District, tmp_path: Path) -> None:
    shutil.copytree(district.place, tmp_path, dirs_exist_ok=True)
    fourth = District(tmp_path, {}, {})
    apply_night(replace(THIRD, now="2026-11-23T02:00:00Z"), tmp_path)
    assert {outcome for _, _, outcome, _ in fourth.rows(THIRD)} == {"unchanged", "rejected"}
    assert written(tmp_path / "examples" / THIRD.folder)[BALANCES] == expected(THIRD)[BALANCES]
    assert students_at(tmp_path) == district.students[THIRD]
