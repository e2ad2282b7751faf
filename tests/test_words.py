"""Words that the store keeps as numbers: older stores are brought up, and a transaction that fails takes its words back."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from conftest import CommandLine
from loading import NOW, query

from bulkload.store import open_store
from bulkload.store.sqlite import APPLICATION, SQLiteStore, migrations
from bulkload.templates.enrollment.records import RECORD

LAYOUT = 6
"""The layout of stores that kept every word as text."""

OLD = [
    (1, 1, "Approved", "Not Attempted", 99, None, 1_700_000_000, None, 11, 1, 1),
    (1, 2, "Wait Listed", "Not Attempted", None, "Eastern Standard Time", 1_700_000_900, 1_700_000_000, None, 1, 1),
]
HEADER = (
    "Enrollment,Username,Roster,Users Date Enrolled,User Date Enrolled Time Zone,Users Enrollment Pre-Status,"
    "Users Enrollment Post-Status,Priority (Waitlist),Enrollment Completed Date / Last Status Change"
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of layout 6 with one event, two users and their enrollments."""
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for number, statements in migrations():
            for statement in statements if number <= LAYOUT else ():
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {LAYOUT}")
        connection.execute(
            "INSERT INTO job (id, state, file, path, via, who, process, submitted_at) "
            "VALUES ('1ng2m00000', 'done', 'e.csv', '/e.csv', 'command', 'ann', '1', 0)"
        )
        connection.execute(
            "INSERT INTO event VALUES (1, 'S', 'Safety', 'ILT Session', 'Approved', 1, 'UTC', 1, 'Unlimited', NULL, 1, 1)"
        )
        for number, user in ((1, "ann"), (2, "bob"), (3, "cat")):
            connection.execute("INSERT INTO user VALUES (?, ?, ?, NULL, NULL, NULL, 1, 1, 1)", (number, user, user))
        marks = ", ".join("?" * len(OLD[0]))
        connection.executemany(f"INSERT INTO enrollment VALUES ({marks})", OLD)
    return path


def in_words(store: Path) -> list[tuple[object, ...]]:
    return query(store, "SELECT * FROM enrollment_in_words ORDER BY event, user")


def test_a_store_that_kept_statuses_as_text_keeps_its_enrollments(old: Path) -> None:
    open_store(str(old), create=True).close()
    assert in_words(old) == [(*one[:8], *one[9:]) for one in OLD]
    assert query(old, "SELECT content FROM enrollment ORDER BY user") == [(11,), (None,)]
    assert query(old, "SELECT DISTINCT typeof(pre_status), typeof(post_status) FROM enrollment") == [("integer",) * 2]


def test_a_store_that_kept_statuses_as_text_is_loaded_into_as_before(
    old: Path, tmp_path: Path, bulkload: CommandLine
) -> None:
    file = tmp_path / "e.csv"
    file.write_text(
        f"{HEADER}\nSafety,ann,,,,,Passed,,\nSafety,bob,,,,Wait Listed,,,\nSafety,cat,,,,Approved,,,\n", "utf-8"
    )
    assert bulkload("apply", "--store", old, "--now", NOW, "--template", "enrollment", file).code == 0
    assert [one[2:4] for one in in_words(old)] == [
        ("Approved", "Passed"),
        ("Wait Listed", "Not Attempted"),
        ("Wait Listed", "Not Attempted"),
    ]
    before = query(old, "SELECT before FROM journal WHERE \"table\" = 'enrollment'")
    assert '"post_status":"Not Attempted"' in before[0][0]


def records(pre: str) -> pl.DataFrame:
    values = {
        "pre_status": pre,
        "post_status": "Passed",
        "priority": 1,
        "zone": None,
        "enrolled_at": 0,
        "changed_at": None,
    }
    schema: dict[str, pl.DataType] = {"event": pl.Int64(), "user": pl.Int64(), **RECORD, "content": pl.Int64()}
    return pl.DataFrame([{"event": 1, "user": 3, **values, "content": None}], schema=schema)


def test_words_of_a_transaction_that_was_rolled_back_are_noted_again_by_the_next(old: Path) -> None:
    with open_store(str(old), create=True) as store:
        assert store.records("enrollment", RECORD).height == len(OLD)
        with pytest.raises(ZeroDivisionError):
            failing(store)
        with store.transaction():
            store.write("INSERT INTO word (word) VALUES (?1)", pl.DataFrame({"word": ["Another"]}))
            store.insert("enrollment", records("Denied"), 1)
    assert in_words(old)[2][2:4] == ("Denied", "Passed")


def failing(store: SQLiteStore) -> None:
    with store.transaction():
        store.insert("enrollment", records("Nominated"), 1)
        raise ZeroDivisionError
