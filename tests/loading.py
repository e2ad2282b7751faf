"""Runs loads inside the test's process and reads back what became of them, as flat facts."""

from __future__ import annotations

import csv
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bulkload.many import Many, run_many
from bulkload.report import Report
from bulkload.source import Reading
from bulkload.template import Options

NOW = datetime(2026, 11, 21, 8, 7, 30, tzinfo=UTC)


def run(verb: str, *files: Path, store: Path, now: datetime = NOW, **options: Any) -> list[Report]:
    """Run a command over files; options are those of `Options`, `Reading` and `Many`."""
    reading = Reading(**{name: options.pop(name) for name in Reading.__slots__ if name in options})
    many = {name: options.pop(name) for name in ("results", "keep_going", "wait") if name in options}
    asked = Many(verb, files, str(store), reading, Options(now, **options), **many)
    return run_many(asked, begin=lambda _name: lambda _part, _rows: None, say=lambda _text: None)


def results(path: Path) -> list[dict[str, str]]:
    """Return the lines of a results file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def outcomes(path: Path) -> list[tuple[int, str, str]]:
    """Return row, outcome and codes of each line of a results file."""
    return [(int(one["row"]), one["outcome"], one["codes"]) for one in results(path)]


def query(store: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query on a store."""
    connection = sqlite3.connect(store)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def rows_of(store: Path, table: str) -> list[tuple[Any, ...]]:
    """Return every row of a table, but for the digests by which rows are known the next time."""
    columns = query(store, "SELECT name FROM pragma_table_info(?) WHERE name <> 'content'", table)
    listed = ", ".join(f'"{one}"' for (one,) in columns)
    return query(store, f'SELECT {listed} FROM "{table}"')
