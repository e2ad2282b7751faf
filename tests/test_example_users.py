"""Runs the example of users and enrollments as an office would: a file with every case, the grown file, then XML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from example_runs import EXAMPLES, INSTITUTION, USERS, USERS_SITE, bulkload, told, written
from institutions import log, stored, words

from bulkload.templates import templates

KEPT = EXAMPLES / USERS.folder / "expected"
FIRST, GROWN, XML = "users.txt", "users-grown.txt", "users.xml"


@dataclass(frozen=True)
class Told:
    """What became of the example: its place, and how each command ended."""

    place: Path
    ended: list[tuple[int, str]]

    @property
    def folder(self) -> Path:
        return self.place / INSTITUTION

    @property
    def store(self) -> Path:
        return self.place / "store.db"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Told:
    place = tmp_path_factory.mktemp("institution")
    return Told(place, [(code, said) for _, code, said in told(USERS, place)])


def lines(name: str) -> list[dict[str, str]]:
    """The lines of the log that a file must give."""
    return log(KEPT / f"{name}.csv")


def said(*names: str) -> set[str]:
    """The words in the logs of files."""
    messages = [one[half] for name in names for one in lines(name) for half in ("person_message", "membership_message")]
    return {word for one in messages for word in words(one)}


def test_every_command_ends_as_it_must(done: Told) -> None:
    assert [code for code, _ in done.ended] == [step.exit_code for step in USERS.steps], done.ended


@pytest.mark.parametrize("folder", USERS.folders)
def test_the_logs_and_rejects_are_those_they_must_be(done: Told, folder: str) -> None:
    kept = {path.name: path.read_bytes() for path in sorted((EXAMPLES / folder / "expected").iterdir())}
    assert written(done.place / "examples" / folder) == kept


def test_the_files_have_every_word_of_the_template() -> None:
    every = {code.word for code in templates()["user-enrollment"].codes} - {"VALUE_TRIMMED"}
    assert every - said(FIRST) == {"ALREADY_APPLIED", "PERSON_STAYS"}
    assert every - said(FIRST, GROWN, XML) == set()


def test_the_grown_file_begins_with_the_first_and_what_was_applied_of_it_is_skipped() -> None:
    first, grown = ((EXAMPLES / USERS.folder / name).read_bytes() for name in (FIRST, GROWN))
    assert grown.startswith(first)
    before, after = lines(FIRST), lines(GROWN)
    assert [one["result"] for one in after[: len(before)]] == [
        "SKIPPED" if one["result"] == "SUCCESS" else one["result"] for one in before
    ]
    assert {one["result"] for one in after[len(before) :]} == {"SUCCESS"}


def test_what_the_delimited_file_said_is_known_when_xml_says_it_again() -> None:
    assert [(one["action"], one["person_id"]) for one in lines(XML) if one["result"] == "SKIPPED"] == [
        ("ENROLL", "P2001")
    ]


def test_xml_does_what_no_delimited_file_can(done: Told) -> None:
    persons, memberships, _ = stored(done.store)
    ana = persons["strata", "S1001"]
    assert (ana["login_id"], ana.get("phone"), ana.get("address2")) == ("ana.vega", None, None)
    assert {key: role for key, role in memberships.items() if key[0][1] in {"P2002", "S1006", "S1002"}} == {
        (("strata", "P2002"), "section", "BIOL110_F26"): "1",
        (("strata", "S1006"), "section", "HIST200_F26"): "2",
        (("strata", "S1006"), "node", "UNIV-WRITING"): "2",
        (("strata", "S1002"), "node", "UNIV-LIBRARY"): "2",
    }


@pytest.mark.parametrize("name", [FIRST, XML])
def test_rejects_loaded_as_they_are_fail_again_for_the_same_reasons(done: Told, name: str) -> None:
    rejects = name.replace("users.", "users.rejects.")
    asked = ("apply", "--store", "store.db", "--now", "2026-11-23T09:00:00Z", "--template", "user-enrollment")
    assert bulkload(*asked, f"{INSTITUTION}/{rejects}", cwd=done.place, BULKLOAD_CONFIG=USERS_SITE)[0] == 1
    found, before = log(done.folder / f"{rejects}.csv"), [one for one in lines(name) if one["result"] == "FAILED"]
    codes = [(one["person_code"], one["membership_code"], one["result"]) for one in found]
    assert codes == [(one["person_code"], one["membership_code"], one["result"]) for one in before]
