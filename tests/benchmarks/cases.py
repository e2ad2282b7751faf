"""Says what is measured beside what, and what is demanded of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Step:
    """A command, and what has to be done before each run of it, which is not timed."""

    label: str
    command: list[str]
    before: Callable[[], None] = lambda: None
    accepted: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Case:
    """Two commands that are run in turn; `limit` is the most that the one may take of the other's `of`.

    Without a peer the limit holds for the command itself. `agree` compares what both printed and says how
    they differ, or nothing. `runs`: pairs that count, after one that does not; a single one needs no warm-up.
    """

    name: str
    ours: Step
    peer: Step | None
    rows: int = 0
    limit: float | None = None
    of: Literal["wall", "peak"] = "wall"
    agree: Callable[[Path, Path], str] | None = None
    runs: int = 3


@dataclass(frozen=True)
class Place:
    """The folders of the benchmarks: `data` is kept from run to run, `work` holds stores and results."""

    data: Path
    work: Path
    bulkload: list[str]
    rows: int
    times: int

    @property
    def prepared(self) -> Path:
        """Return the store that holds the reference data."""
        return self.work / "prepared.db"

    @property
    def store(self) -> Path:
        """Return the store that applies write to."""
        return self.work / "store.db"

    def fresh_store(self) -> None:
        """Put a copy of the prepared store in the place of the store."""
        for left in self.work.glob("store.db*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        shutil.copyfile(self.prepared, self.store)

    def loading(self, verb: str, file: str, store: Path) -> list[str]:
        """Return the command that checks or applies a file."""
        return [*self.bulkload, verb, "--store", str(store), "--format", "json", str(self.data / file)]

    def validate(self, file: str = "enrollments.csv") -> Step:
        """Check a file without a store, as the peers do."""
        command = self.loading("validate", file, self.work / "none.db")
        return Step(f"validate {file}", command, accepted=(0, 1))

    def validate_with_store(self) -> Step:
        """Check the file against the reference data."""
        return Step(
            "validate with a store", self.loading("validate", "enrollments.csv", self.prepared), accepted=(0, 1)
        )

    def apply(self, file: str = "enrollments.csv") -> Step:
        """Apply a file to a store that holds the reference data."""
        command = [*self.loading("apply", file, self.store), "--results", str(self.work)]
        return Step(f"apply {file}", command, self.fresh_store, accepted=(0, 1))

    def first_load(self, folder: str = "first") -> Step:
        """Apply the first load of a district to a store that holds its schools and orders."""
        return Step(f"apply {folder} students.csv", self.students("apply", folder), self.fresh_store)

    def next_night(self, verb: str = "apply") -> Step:
        """Apply, or validate, the next night's file with the store that a first load was just applied to."""
        return Step(f"{verb} next students.csv", self.students(verb, "next"), accepted=(0, 1))

    def students(self, verb: str, folder: str) -> list[str]:
        """Return the command that checks or applies a district's file, and writes the results."""
        return [*self.loading(verb, f"{folder}/students.csv", self.store), "--results", str(self.work)]

    def small_files(self) -> Step:
        """Let many files of one user come into a drop folder at once, and handle them all."""
        config = self.work / "watched" / "bulkload.toml"
        command = ["env", f"BULKLOAD_CONFIG={config}", *self.bulkload, "watch", "--once"]
        return Step(
            f"watch --once, {FILES:,} files", [*command, "--log-file", str(config.with_name("log"))], self.files_come
        )

    def files_come(self) -> None:
        """Make a site with many small files in its drop folder."""
        watched = self.work / "watched"
        shutil.rmtree(watched, ignore_errors=True)
        (watched / "users").mkdir(parents=True)
        (watched / "bulkload.toml").write_text(SITE)
        for number in range(FILES):
            line = f"u{number},First,Last,u{number}@example.org,Yes"
            (watched / "users" / f"{number:05}.csv").write_text(f"Username,First Name,Last Name,Email,Active\n{line}\n")

    def records(self, *, learners_first: bool) -> Step:
        """Apply old course records: their learners are there already, or are still to come, and the records wait."""
        before = self.with_learners if learners_first else self.fresh_store
        label = f"apply records.csv, learners {'known' if learners_first else 'to come'}"
        return Step(label, self.legacy, before)

    def learners_bring(self) -> Step:
        """Apply the learners of a whole file of records that wait for them."""
        return Step("apply learner.csv, records waiting", self.learners, self.with_records)

    @property
    def legacy(self) -> list[str]:
        """Return the command that applies the records."""
        return [*self.loading("apply", "records.csv", self.store), "--legacy", "--results", str(self.work)]

    @property
    def learners(self) -> list[str]:
        """Return the command that applies the learners."""
        return [*self.loading("apply", "learner.csv", self.store), "--results", str(self.work)]

    def with_learners(self) -> None:
        """Put a store in place that knows the learners."""
        self.fresh_store()
        subprocess.run(self.learners, check=True, stdout=subprocess.DEVNULL)

    def with_records(self) -> None:
        """Put a store in place in which all records wait."""
        self.fresh_store()
        subprocess.run(self.legacy, check=True, stdout=subprocess.DEVNULL)

    def apply_again(self) -> Step:
        """Apply the file to the store that was just applied to."""
        return Step("apply again", self.apply().command, accepted=(0, 1))


def cases(place: Place) -> Iterator[Case]:
    """Yield every case."""
    python, rows = sys.executable, place.rows
    click = Step('python -c "import click"', [python, "-c", "import click"])
    status = [*place.bulkload, "status", "--store", str(place.prepared)]
    file = place.data / "enrollments.csv"
    yield Case("help", Step("--help", [*place.bulkload, "--help"]), click, limit=2, runs=15)
    yield Case("status", Step("status", status), click, limit=2, runs=15)
    duck = Step("DuckDB, the same rules", [python, "-m", "tests.benchmarks.duck", str(file)])
    yield Case("validate", place.validate(), duck, rows, limit=1, agree=differences)
    yield Case("parse", place.validate(), Step("polars, parse alone", [python, "-c", PARSE, str(file)]), rows)
    yield Case("validate-store", place.validate_with_store(), duck, rows)
    yield Case("apply", place.apply(), sqlite_import(place, file), rows, limit=1.5)
    yield Case("again", place.apply_again(), place.apply(), rows, limit=0.5)
    yield Case("bad-validate", place.validate("all-bad.csv"), place.validate(), rows, limit=1.5)
    yield Case("bad-apply", place.apply("all-bad.csv"), place.apply(), rows, limit=1.5)
    yield Case("memory-validate", place.validate(), None, rows, limit=400, of="peak", runs=1)
    yield Case("memory-apply", place.apply(), None, rows, limit=400, of="peak", runs=1)
    long = rows * place.times
    yield Case("long-validate", place.validate("long.csv"), place.validate(), long, limit=1.3, of="peak", runs=1)
    yield Case("long-apply", place.apply("long.csv"), place.apply(), long, limit=1.3, of="peak", runs=1)
    first, students = place.first_load(), rows // STUDENTS
    bare = sqlite_import(place, place.data / "first" / "students.csv")
    yield Case("students-first", first, bare, students)
    yield Case("students-next", place.next_night(), first, students, limit=0.6)
    yield Case("students-validate", place.next_night("validate"), first, students)
    long = students * place.times
    yield Case("students-long", place.first_load("long"), first, long, limit=1.3, of="peak", runs=1)
    yield Case("small-files", place.small_files(), None, FILES, runs=1)
    for name, step in (
        ("records-held", place.records(learners_first=False)),
        ("records-assigned", place.records(learners_first=True)),
        ("learners-bring", place.learners_bring()),
    ):
        yield Case(name, step, None, rows // RECORDS, limit=400, of="peak", runs=1)


FILES = 10_000
"""Files of a row each that come into a drop folder at once; the rate is in files."""

SITE = """[[site]]
name = "many"
store = "many.db"
poll_seconds = 1
[[site.folder]]
path = "users"
template = "user"
"""

STUDENTS = RECORDS = 2
"""There is a student, and a course record, for that many rows of the enrollment file."""

PARSE = "import polars, sys; polars.read_csv(sys.argv[1], infer_schema=False, truncate_ragged_lines=True)"


def sqlite_import(place: Place, file: Path) -> Step:
    """Import the file into a table of texts without an index, with SQLite's own shell."""
    database = place.work / "import.db"
    command = ["sqlite3", str(database), ".mode csv", f".import {file} imported"]
    return Step("sqlite3 .import", command, lambda: database.unlink(missing_ok=True))


def differences(ours: Path, peer: Path) -> str:
    """Compare how many rows each code has on either side."""
    found = {one["code"]: one["rows"] for one in json.loads(ours.read_text())["findings"]}
    theirs = {code: one["rows"] for code, one in json.loads(peer.read_text()).items()}
    return ", ".join(
        f"{code}: {found.get(code, 0)} against {theirs.get(code, 0)}"
        for code in sorted(found | theirs)
        if found.get(code) != theirs.get(code)
    )
