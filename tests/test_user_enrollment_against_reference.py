"""Holds the product against the slow model of users and enrollments, on random institutions and the files they send."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from institutions import an_institution, expected, log, prepare, stored, words
from loading import query, run
from reference.user_enrollment_store import FileRefusedError, Store
from reference.user_enrollment_strategies import CLIENT, NOW, Case, Step, cases, every_fault, to_delimited

pytestmark = pytest.mark.usefixtures("many_batches_and_nothing_held_in_memory")

RANDOM = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def hidden(store: Path) -> dict[tuple[str, str], tuple[str | None, str | None, int]]:
    """Each person's digest of the password, extra properties, and the job that changed the person last."""
    found = query(store, "SELECT source, person_id, password, properties, changed_job FROM person")
    return {(one[0], one[1]): one[2:] for one in found}


def told(model: Store) -> dict[tuple[str, str], tuple[Any, Any]]:
    """What the product's digests and jobs follow."""
    return {key: (one.get("password"), (one, model.properties.get(key))) for key, one in model.persons.items()}


def compare(step: Step, model: Store, folder: Path, store: Path) -> None:
    """Load a file into both and hold all that can be seen against each other."""
    name = "users.txt" if step.records is None else "users.xml"
    path = folder / name
    path.write_text(step.text, encoding="utf-8", newline="")
    (folder / f"{name}.csv").unlink(missing_ok=True)
    options = {"template": "user-enrollment", "delimiter": step.delimiter, "now": NOW, **step.options}
    before, told_before = hidden(store), told(model)

    dry = run("validate", path, store=store, results=folder / "dry.csv", **options)[0]
    assert hidden(store) == before
    wet = run("apply", path, store=store, **options)[0]
    try:
        lines = step.apply_to(model)
    except FileRefusedError as refusal:
        assert (dry.refused_code, wet.refused_code, wet.exit_code) == (str(refusal), str(refusal), 3)
        assert (hidden(store), stored(store)) == (before, expected(model))
        assert {one["result"] for one in log(folder / f"{name}.csv")} == {"FAILED"}
        (folder / "dry.csv").unlink(missing_ok=True)
        return

    assert wet.refused is None
    assert [
        (
            int(one["record"]),
            int(one["line"]),
            one["result"],
            words(one["person_message"]),
            words(one["membership_message"]),
        )
        for one in log(folder / f"{name}.csv")
    ] == [(one.record, one.line, one.result, one.person_words, one.membership_words) for one in lines]
    for one, line in zip(log(folder / f"{name}.csv"), lines, strict=True):
        both = (int(one["person_code"]), int(one["membership_code"] or 0))
        assert [code == 0 for code in both] == [not line.person_words, not line.membership_words]
        assert both == (line.person_code, line.membership_code) or len(line.person_words | line.membership_words) > 1
        if line.person_words.isdisjoint({"CELL_COUNT", "BLANK_LINE"}) and one["action"] == line.action:
            names = ["person_id", "target", "role_id"]
            names += [] if step.records is not None and line.action == "DROP" else ["login_id"]
            assert [one[name].lstrip("'") for name in names] == [getattr(line, name).lstrip("'") for name in names]
    assert Counter(wet.tally.outcomes) == Counter(one.outcome for one in lines)
    assert stored(store) == expected(model)

    after, told_after = hidden(store), told(model)
    properties = {key: json.loads(one[1]) for key, one in after.items() if one[1] is not None}
    assert properties == {key: one for key, one in model.properties.items() if one}
    both = before.keys() & after.keys()
    assert {key for key in both if before[key][0] != after[key][0]} == {
        key for key in both if told_before[key][0] != told_after[key][0]
    }
    changed = {key for key in both if before[key][2] != after[key][2]}
    assert changed == {key for key in both if told_before[key][1] != told_after[key][1]}
    assert dry.tally == wet.tally
    assert (folder / "dry.csv").read_bytes() == (folder / f"{name}.csv").read_bytes()
    (folder / "dry.csv").unlink()


@RANDOM
@given(cases())
def test_the_product_does_to_users_and_enrollments_what_the_model_does(case: Case):
    with tempfile.TemporaryDirectory() as place:
        folder, store = Path(place), Path(place, "store.db")
        prepare(case.store, folder, store)
        for step in case.steps:
            compare(step, case.store, folder, store)


@pytest.mark.parametrize("site", [None, CLIENT])
def test_every_wrong_value_of_every_action_is_told_as_the_model_tells_it(tmp_path: Path, site: str | None):
    model = an_institution()
    prepare(model, tmp_path, tmp_path / "store.db")
    compare(Step(to_delimited(every_fault(), "|"), "|", None, {"source": site}), model, tmp_path, tmp_path / "store.db")
