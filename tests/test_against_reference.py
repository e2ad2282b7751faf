"""Holds the product against the slow reference model, on random stores and random sequences of files."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading import NOW, outcomes, query, run
from reference.enrollment import Store, load
from reference.strategies import Case, cases, reference_files, to_csv

RECORDS = """
SELECT event.id, user.folded, pre_status, post_status, priority, r.zone, enrolled_at, changed_at
FROM enrollment_in_words r JOIN event ON event.number = r.event JOIN user ON user.number = r.user
"""
ROSTER = """
SELECT event.id, user.folded, roster_field.id, value FROM roster_value r
JOIN event ON event.number = r.event JOIN user ON user.number = r.user
JOIN roster_field ON roster_field.number = r.field
"""


pytestmark = pytest.mark.usefixtures("many_batches_and_nothing_held_in_memory")


def write(folder: Path, name: str, rows: list[list[str]]) -> Path:
    path = folder / name
    path.write_text(to_csv(rows[0], rows[1:]), encoding="utf-8", newline="")
    return path


def stored(store: Path) -> dict[tuple[str, str], tuple]:
    rosters: dict[tuple[str, str], dict[str, str]] = {}
    for event, user, field, value in query(store, ROSTER):
        rosters.setdefault((event, user), {})[field] = value
    return {(event, user): (*rest, rosters.get((event, user), {})) for event, user, *rest in query(store, RECORDS)}


def expected(model: Store) -> dict[tuple[str, str], tuple]:
    def seconds(moment: datetime | None) -> int | None:
        return None if moment is None else int(moment.astimezone(UTC).timestamp())

    return {
        key: (
            one.pre,
            one.post,
            one.priority,
            one.zone,
            seconds(one.enrolled_at),
            seconds(one.changed_at),
            {field: value for field, value in one.roster.items() if value},
        )
        for key, one in model.records.items()
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ambiguous": "earlier"},
        {"ambiguous": "error"},
        {"only": "create"},
        {"only": "update"},
        {"all_or_nothing": True},
    ],
    ids=lambda one: "-".join(f"{name}-{value}" for name, value in one.items()) or "plain",
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_outcomes_codes_and_stored_records_are_those_of_the_model_also_of_the_same_file_again(options, data):
    case: Case = data.draw(cases(with_records=False))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "store.db"
        for file, rows in reference_files(case.store).items():
            for report in run("apply", write(folder, file, rows), store=store):
                assert (report.file, report.refused, report.tally.rejected) == (file, None, 0)
        model = case.store
        for step in case.steps:
            if step.events is not None:
                model.events = step.events
                run("apply", write(folder, "event.csv", reference_files(model)["event.csv"]), store=store)
            path = write(folder, "enrollments.csv", [step.header, *step.rows])
            for _ in range(2):
                dry = run("validate", path, store=store, results=folder / "dry.csv", **options)[0]
                wet = run("apply", path, store=store, **options)[0]
                found = load(model, step.header, step.rows, now=NOW, **options)
                lines = [(one.row, one.outcome, " ".join(one.codes)) for one in found]
                assert outcomes(folder / "enrollments.results.csv") == lines
                assert stored(store) == expected(model)
                assert dry.tally == wet.tally
                assert (folder / "dry.csv").read_bytes() == (folder / "enrollments.results.csv").read_bytes()
