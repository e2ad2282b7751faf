"""Rows that were accepted before exactly as they are typed now: known, and not looked at again; and the key they are known under."""

from __future__ import annotations

import errno
import os

import pytest
from loading import NOW, query, results, run
from students import FULL, codes, district, file_of, row, said

from bulkload import digests, first_pass
from bulkload.store import keys

ROWS = (row("1"), row("2", **FULL), row("3", status="X"))


@pytest.fixture
def desk(tmp_path):
    return district(tmp_path)


@pytest.fixture
def looked_at(monkeypatch):
    """How many rows were looked at, batch by batch."""
    heights, look_at = [], first_pass.look_at

    def counting(one, frame):
        heights.extend([frame.height] if frame.height else [])
        return look_at(one, frame)

    monkeypatch.setattr(first_pass, "look_at", counting)
    return heights


def contents(desk):
    return [one for (one,) in query(desk.store, "SELECT content FROM student ORDER BY student_id")]


def test_rows_that_stand_as_they_were_accepted_are_not_looked_at_again(desk, looked_at):
    desk.apply(*ROWS)
    looked_at.clear()
    lines = desk.apply(row("1"), row("2", **FULL | {"grade": "8"}), row("3", status="X"))
    assert (said(lines), looked_at) == ([("unchanged", "OK"), ("updated", "OK"), ("rejected", "STUDENT_EXISTS")], [1])


def test_a_row_with_a_note_is_looked_at_each_time_so_that_the_note_is_said_again(desk, looked_at):
    for _ in range(2):
        looked_at.clear()
        assert codes(desk.apply(row("1", first=" Ann "))) == ["OK VALUE_TRIMMED"]
        assert looked_at == [1]


def test_a_student_becomes_known_by_a_row_that_sets_nothing_new(desk, looked_at):
    desk.apply(row("1", first=" Ann "))
    before = desk.dump()
    assert said(desk.apply(row("1", first="Ann"))) == [("unchanged", "OK")]
    looked_at.clear()
    assert said(desk.apply(row("1", first="Ann"))) == [("unchanged", "OK")]
    assert (looked_at, desk.dump()) == ([], before)


def test_validate_notes_nothing(desk):
    desk.apply(row("1", first=" Ann "))
    desk.validate(row("1", first="Ann"))
    assert contents(desk) == [None]


def test_what_a_student_is_known_by_depends_on_the_key_and_on_the_version(desk, tmp_path, monkeypatch):
    desk.apply(*ROWS)
    first = contents(desk)
    monkeypatch.setattr(digests, "__version__", "1.0.0.dev3+a.long.local.version")
    assert said(desk.apply(*ROWS[:2])) == [("unchanged", "OK")] * 2
    (tmp_path / "other").mkdir()
    other = district(tmp_path / "other")
    other.apply(*ROWS)
    everything = [*first, *contents(desk)[:2], *contents(other)]
    assert len(set(everything)) == len(everything)


@pytest.mark.usefixtures("many_batches_and_nothing_held_in_memory")
def test_all_rows_of_several_batches_may_be_known(desk, looked_at, monkeypatch):
    many = [row(str(number)) for number in range(40)]
    desk.apply(*many)
    looked_at.clear()
    batches, lay = [], first_pass.lay
    monkeypatch.setattr(first_pass, "lay", lambda batch, *others: batches.append(batch) or lay(batch, *others))
    assert said(desk.apply(*many)) == [("unchanged", "OK")] * 40
    assert (len(batches) > 3, looked_at) == (True, [])


@pytest.mark.usefixtures("many_batches_and_nothing_held_in_memory")
@pytest.mark.parametrize("few", [0, 3, 20_000])
def test_rows_that_wait_for_those_of_later_batches_get_what_is_theirs(desk, looked_at, monkeypatch, few):
    monkeypatch.setattr(first_pass, "FEW", few)
    many = {number: row(str(number)) for number in range(40)}
    desk.apply(*many.values())
    looked_at.clear()
    many |= {number: row(str(number), last="Li") for number in (0, 17, 39)}
    many |= {number: row(str(number), gender="f") for number in (3, 18, 38)}
    many |= {number: row(str(number), status="D") for number in (2, 20, 37)}
    lines = desk.apply(*many.values(), row("40"), row("5"))
    expected = dict.fromkeys(range(41), ("unchanged", "OK")) | {40: ("created", "OK")}
    expected |= dict.fromkeys((0, 17, 39, 2, 20, 37), ("updated", "OK"))
    expected |= dict.fromkeys((3, 18, 38), ("rejected", "GENDER_FORMAT"))
    expected[5] = ("rejected", "DUPLICATE_ID DUPLICATE_USERNAME")
    assert said(lines) == [*expected.values(), expected[5]]
    assert [one["Student ID"] for one in lines] == [*map(str, range(41)), "5"]
    assert (sum(looked_at), len(looked_at) == 1) == (7, few == 20_000)


# ------------------------------------------------------------------------------------------- the key


def test_a_key_that_could_not_be_written_whole_is_not_there(desk, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(keys.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            keys.new_key(desk.store)
    assert not keys.key_path(desk.store).exists()
    assert said(desk.apply(row("1"))) == [("created", "OK")]
    assert [path.name for path in desk.folder.iterdir() if ".key" in path.name] == ["store.db.key"]


def test_the_key_of_a_store_that_is_named_by_a_link_is_the_stores(desk):
    desk.apply(*ROWS)
    (desk.folder / "elsewhere").mkdir()
    link = desk.folder / "elsewhere" / "link.db"
    link.symlink_to(desk.store)
    files = [desk.folder / "school.csv", desk.write(file_of(*ROWS[:2]))]
    for verb in ("validate", "apply"):
        reports = run(verb, *files, store=link)
        assert [dict(one.tally.outcomes) for one in reports][1] == {"unchanged": 2}


# ------------------------------------------------------------------------------------------- other places


def test_two_files_that_differ_in_their_ending_have_files_of_errors_of_their_own(desk):
    first = desk.write(file_of(row("1", gender="f")), "nightly.csv")
    second = desk.write(file_of(row("2", grade="2")), "nightly.txt")
    reports = run("apply", first, second, store=desk.store, any_name=True)
    day = f"{NOW:%Y%m%d}"
    assert [one.errors for one in reports] == [
        str(desk.folder / f"{name}_errors_{day}.csv") for name in ("nightly.csv", "nightly.txt")
    ]
    assert [[line["code"] for line in results(desk.folder / one.errors)] for one in reports] == [
        ["GENDER_FORMAT"],
        ["GRADE_FORMAT"],
    ]


def test_without_a_store_only_those_codes_are_said_to_be_unchecked_that_no_rule_was_checked_of(desk, tmp_path):
    report = run("validate", desk.write(file_of(row("1"))), store=tmp_path / "none.db")[0]
    assert report.unchecked == [
        "DISTRICT_ERR",
        "DUPLICATE_USERNAME",
        "MISSING_LICENSES",
        "SCHOOL_ERR",
        "STUDENT_EXISTS",
        "STUDENT_NOT_FOUND",
    ]


def test_what_is_skipped_says_so_whatever_an_order_is_called(desk):
    desk.apply(row("1"))
    desk.refer("student-state", "1,R-1,Yes")
    desk.refer("license-order", "E-2026,eAMS,,No,", "E | 27,eAMS,,Yes,0")
    lines = desk.apply(row("1", first="Eve"), row("2", grade="2"), all_or_nothing=True)
    assert lines[0]["messages"] == "skipped"


def test_a_code_that_lost_its_leading_zeros_is_told_which_one_it_was(desk):
    desk.refer("school", "0101,North,0455")
    lines = desk.apply(row("1", district="455", school="101"), row("2", district="0455", school="101"))
    assert [one["messages"] for one in lines] == [
        "row 2, District Code: no registered school is in the district '455' "
        "(did you mean '0455'? Spreadsheets drop leading zeros)",
        "row 3, School Code: no school '101' is registered in the district '0455' "
        "(did you mean '0101'? Spreadsheets drop leading zeros)",
    ]
