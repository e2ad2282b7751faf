"""The store: two libraries have it open in turn, and what is in it does not tell which of them served a load."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CommandLine, process
from example_runs import EXAMPLES
from loading import query

from bulkload.store import sqlite

LOADS = ("enrollment", "enrollment-cases", "user-enrollment/reference", "course-copy/reference", "student/reference")


def dumped(store: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every record of a store, by table; of jobs only what became of them."""
    tables = [one for (one,) in query(store, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    own = {"job", "secret_key"}
    found = {one: sorted(query(store, f'SELECT * FROM "{one}"'), key=repr) for one in tables if one not in own}
    return found | {"job": query(store, "SELECT file, state, rows, outcomes, counts FROM job ORDER BY number")}


@pytest.mark.parametrize("load", LOADS)
def test_few_rows_are_stored_as_many_are(
    load: str, tmp_path: Path, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXAMPLES / load, tmp_path / "in", ignore=shutil.ignore_patterns("expected", "spreadsheet"))
    again = ("apply", "--quiet", "--keep-going", "--now", "2026-11-21T08:00:00Z", tmp_path / "in", "--store")
    for store, few in (("few.db", sqlite.FEW), ("many.db", 0)):
        monkeypatch.setattr(sqlite, "FEW", few)
        for _ in range(2):
            assert bulkload(*again, tmp_path / store).code in {0, 1}
    assert dumped(tmp_path / "few.db") == dumped(tmp_path / "many.db")


def test_a_load_of_few_rows_does_without_the_driver_and_one_of_many_with_it(tmp_path: Path) -> None:
    head = "Username,First Name,Last Name,Email,Active\n"
    (tmp_path / "few.csv").write_text(head + "u,F,L,u@x.org,Yes\n")
    (tmp_path / "many.csv").write_text(head + "".join(f"u{n},F,L,u{n}@x.org,Yes\n" for n in range(sqlite.FEW + 1)))
    script = (
        "import sys; from bulkload.cli import exit_code; sys.argv = ['bulkload', 'apply', '--store', 's.db', '-q', sys.argv[1]]; "
        "exit_code(); print('adbc_driver_manager' in sys.modules)"
    )
    said = [
        subprocess.run([sys.executable, "-c", script, name], cwd=tmp_path, capture_output=True, text=True, check=True)
        for name in ("few.csv", "many.csv", "few.csv")
    ]
    assert [one.stdout.strip() for one in said] == ["False", "True", "True"]
    assert process("status", "--store", "s.db", cwd=tmp_path).out.count("done") == 3
