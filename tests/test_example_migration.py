"""Runs the example of course records as a user would: a file that locks, its unlocking, the mended one, the report."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest
from example_runs import EXAMPLES, HERE, MIGRATION, PARS, bulkload, told, written
from loading import outcomes, query


@dataclass(frozen=True)
class Migrated:
    """What became of the migration: its place, and how each command ended."""

    place: Path
    ended: list[tuple[int, str]]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    place = tmp_path_factory.mktemp("migration")
    return Migrated(place, [(code, said) for _, code, said in told(MIGRATION, place)])


def test_every_command_of_the_migration_ends_as_it_must(migrated: Migrated) -> None:
    assert [code for code, _ in migrated.ended] == [step.exit_code for step in MIGRATION.steps]


@pytest.mark.parametrize("folder", MIGRATION.folders)
def test_the_migration_writes_what_it_must_write(migrated: Migrated, folder: str) -> None:
    kept = {path.name: path.read_bytes() for path in sorted((EXAMPLES / folder / "expected").iterdir())}
    assert written(migrated.place / "examples" / folder) == kept


def test_the_lock_names_the_file_the_rows_and_the_characters(migrated: Migrated) -> None:
    for said in (migrated.ended[1][1], migrated.ended[3][1]):
        for words in ("row 4, title", "NO-BREAK SPACE", "row 7, title", "EN DASH"):
            assert words in said
    assert "legacy.csv" in migrated.ended[2][1]
    assert query(migrated.place / "store.db", "SELECT count(*) FROM import_lock WHERE unlocked_by IS NOT NULL") == [
        (1,)
    ]


def test_the_mended_file_differs_from_the_locked_one_in_what_was_wrong_alone() -> None:
    rows = []
    for name in ("legacy.csv", "legacy-mended.csv"):
        with (EXAMPLES / MIGRATION.folder / name).open(encoding="utf-8", newline="") as file:
            rows.append(list(csv.reader(file)))
    differing = [at for at, (odd, mended) in enumerate(zip(*rows, strict=True), 1) if odd != mended]
    assert differing == [4, 7, 8, 9]


def test_applied_again_the_files_change_nothing(migrated: Migrated) -> None:
    for options in (("--legacy", f"{HERE}/legacy-mended.csv"), ("--course", "CME-2014-03", f"{HERE}/stroke-care.csv"),
                    (f"{HERE}/new-learners.csv",), (f"{HERE}/logins.csv",)):  # fmt: skip
        code, said = bulkload("apply", "--store", "store.db", *options, cwd=migrated.place)
        assert code == 0, said
        found = outcomes((migrated.place / options[-1]).with_suffix(".results.csv"))
        assert {outcome for _, outcome, _ in found} == {"unchanged"}


def test_the_report_counts_the_records_of_the_course_alone() -> None:
    report = (EXAMPLES / MIGRATION.folder / "expected" / PARS).read_text(encoding="utf-8")
    assert [line.split() for line in report.splitlines()[2:]] == [
        ["physician", "2", "2", "0"], ["nonphysician", "1", "0", "1"], ["all", "3", "2", "1"],
    ]  # fmt: skip
