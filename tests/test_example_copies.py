"""Runs the example of course copies as an office would: reference data, a delimited file with every case, then XML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from example_runs import COPIES, EXAMPLES, LATER, SITE, bulkload, told, written
from institutions import log

from bulkload.templates import templates

FOLDER = f"examples/{COPIES.folder}"


@dataclass(frozen=True)
class Copied:
    """What became of the copies: their place, and how each command ended."""

    place: Path
    ended: list[tuple[int, str]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Copied:
    place = tmp_path_factory.mktemp("copies")
    return Copied(place, [(code, said) for _, code, said in told(COPIES, place)])


def test_every_command_ends_as_it_must(done: Copied) -> None:
    assert [code for code, _ in done.ended] == [step.exit_code for step in COPIES.steps], done.ended


@pytest.mark.parametrize("folder", COPIES.folders)
def test_the_logs_and_rejects_are_those_they_must_be(done: Copied, folder: str) -> None:
    kept = {path.name: path.read_bytes() for path in sorted((EXAMPLES / folder / "expected").iterdir())}
    assert written(done.place / "examples" / folder) == kept


def test_the_delimited_file_has_every_code_of_the_template() -> None:
    words = {code.word for code in templates()["course-copy"].codes}
    lines = log(EXAMPLES / COPIES.folder / "expected" / "copies.txt.csv")
    said = {part.partition(": ")[0] for one in lines for part in one["message"].split(" | ")}
    assert words - said == set()


def test_the_same_file_again_is_unchanged_where_it_was_not_rejected_and_the_older_log_stays(done: Copied) -> None:
    path = done.place / FOLDER / "copies.txt"
    first = log(path.with_name("copies.txt.csv"))
    asked = ("apply", "--store", "store.db", "--now", LATER, "--template", "course-copy", f"{FOLDER}/copies.txt")
    assert bulkload(*asked, cwd=done.place, BULKLOAD_CONFIG=SITE)[0] == 1
    second = log(path.with_name("copies.txt.csv"))
    assert [one["result"] for one in second] == [one["result"] for one in first]
    assert {one["message"].partition(" | ")[0] for one in second if one["result"] == "SUCCESS"} == {"unchanged"}
    assert log(path.with_name("copies.txt.csv.1")) == first
