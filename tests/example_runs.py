"""Runs the examples as a user would, and writes what is made from them: their expected results, their spreadsheet."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SPREADSHEET = EXAMPLES / "enrollment-cases" / "spreadsheet" / "enrollments.xlsx"
NOW = "2026-11-21T08:07:30Z"
LATER = "2026-11-22T08:07:30Z"
FORM = "%m/%d/%Y %I:%M %p"


def bulkload(*arguments: str, cwd: Path, **environment: str) -> tuple[int, str]:
    """Run the command line as a user would; return its exit code and all that it prints."""
    clean = {"HOME": str(cwd), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLUMNS": "100", **environment}
    command = [sys.executable, "-m", "bulkload", *arguments]
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode()


@dataclass(frozen=True)
class Example:
    """Declares how an example is run: what is applied before it, its exit code, and what changes the second time.

    `again` holds the rows that are neither `unchanged` nor `rejected` when its file is applied again.
    """

    folder: str
    file: str
    exit_code: int
    before: tuple[str, ...] = ()
    again: tuple[tuple[int, str], ...] = ()


CASES = "enrollment-cases"
GIVEN_UP_TOO_LATE = ((67, "updated"),)
"""The seat became free after the row's turn, so the second run gives it (loading §4.3)."""

RUNS = (
    Example("enrollment", "enrollments.csv", 0),
    Example(CASES, "enrollments.csv", 1, again=GIVEN_UP_TOO_LATE),
    Example(
        f"{CASES}/spreadsheet",
        "enrollments.xlsx",
        1,
        before=tuple(
            f"{CASES}/{one}.csv" for one in ("events", "users", "roster-fields", "completions", "enrollments-before")
        ),
        again=GIVEN_UP_TOO_LATE,
    ),
    Example("tour", "tonight.csv", 1, before=("enrollment",)),
)


@dataclass(frozen=True)
class Night:
    """Declares a folder of the district: when it is applied, after those before it, and its exit code."""

    folder: str
    now: str
    exit_code: int


DISTRICT = (
    Night("student/reference", "2026-11-19T02:00:00Z", 0),
    Night("student/night-1", "2026-11-20T02:00:00Z", 0),
    Night("student/state", "2026-11-20T09:00:00Z", 0),
    Night("student/night-2", "2026-11-21T02:00:00Z", 1),
    Night("student/night-3", "2026-11-22T02:00:00Z", 1),
)
BALANCES = "balances.csv"
"""The free licences of every order after a night: the export of `license-order`."""


def apply_nights(place: Path) -> Iterator[tuple[Night, int, str]]:
    """Copy the district to a place and apply its folders in turn on one store; yield each when it has ended."""
    copied(place)
    for night in DISTRICT:
        yield night, *apply_night(night, place)


def apply_night(night: Night, place: Path) -> tuple[int, str]:
    """Apply a folder of the district, and write the balances after it into the folder."""
    folder = f"examples/{night.folder}"
    (place / folder / BALANCES).unlink(missing_ok=True)
    ended = bulkload("apply", "--store", "store.db", "--now", night.now, folder, cwd=place)
    bulkload("export", "license-order", "--store", "store.db", "-o", f"{folder}/{BALANCES}", cwd=place)
    return ended


@dataclass(frozen=True)
class Step:
    """Declares a command of a story, with its exit code; `keeps` is the file that its output is kept in."""

    command: tuple[str, ...]
    exit_code: int
    now: str = NOW
    keeps: str | None = None
    config: str | None = None


@dataclass(frozen=True)
class Story:
    """Declares an example that is several commands on one store, and the folders of it that they write into."""

    folder: str
    folders: tuple[str, ...]
    steps: tuple[Step, ...]


PARS = "pars.txt"
HERE = "examples/course-record"
MIGRATION = Story(
    "course-record",
    ("course-record", "course-record/reference"),
    (
        Step(("apply", f"{HERE}/reference"), 0),
        Step(("apply", "--legacy", f"{HERE}/legacy.csv"), 3),
        Step(("apply", "--legacy", f"{HERE}/legacy-mended.csv"), 5),
        Step(("unlock", "course-record", "--yes"), 0),
        Step(("apply", "--legacy", f"{HERE}/legacy-mended.csv"), 0),
        Step(("apply", "--course", "CME-2014-03", f"{HERE}/stroke-care.csv"), 0),
        Step(("apply", f"{HERE}/new-learners.csv"), 0, LATER),
        Step(("apply", f"{HERE}/logins.csv"), 0, "2026-11-25T02:00:00Z"),
        Step(("report", "pars"), 0, keeps=PARS),
    ),
)
"""Old records of many courses, in a file that locks, and when it is mended; those of one course; their learners."""

SITE = "examples/course-copy/bulkload.toml"
COPIES = Story(
    "course-copy",
    ("course-copy",),
    (
        Step(("apply", "examples/course-copy/reference"), 0),
        Step(("apply", "--template", "course-copy", "examples/course-copy/copies.txt"), 1, config=SITE),
        Step(("apply", "examples/course-copy/copies.xml"), 1, config=SITE),
    ),
)
"""Copies with every case, delimited; then XML that repeats some of them and goes on."""

INSTITUTION = "examples/user-enrollment"
USERS_SITE = f"{INSTITUTION}/bulkload.toml"
USERS = Story(
    "user-enrollment",
    ("user-enrollment", "user-enrollment/reference"),
    (
        Step(("apply", f"{INSTITUTION}/reference"), 0, "2026-11-20T06:00:00Z"),
        Step(("apply", "--template", "user-enrollment", f"{INSTITUTION}/users.txt"), 1, config=USERS_SITE),
        Step(("apply", "--template", "user-enrollment", f"{INSTITUTION}/users-grown.txt"), 1, LATER, config=USERS_SITE),
        Step(("apply", f"{INSTITUTION}/users.xml"), 1, "2026-11-23T08:07:30Z", config=USERS_SITE),
    ),
)
"""An institution's file with every case, the same file when it has grown, and what only XML can say."""

STORIES = (MIGRATION, COPIES, USERS)


def told(story: Story, place: Path) -> Iterator[tuple[Step, int, str]]:
    """Copy the examples to a place and run a story there; yield each command when it has ended."""
    copied(place)
    for step in story.steps:
        when = () if step.command[0] == "report" else ("--now", step.now)
        config = {"BULKLOAD_CONFIG": step.config} if step.config else {}
        code, said = bulkload(*step.command, "--store", "store.db", *when, cwd=place, **config)
        if step.keeps:
            (place / "examples" / story.folder / step.keeps).write_text(said, encoding="utf-8")
        yield step, code, said


def write_story(story: Story) -> None:
    """Run a story and keep what it writes as what it must write."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for step, code, said in told(story, place):
            assert code == step.exit_code, said
        for inside in story.folders:
            kept = EXAMPLES / inside / "expected"
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            for name, content in written(place / "examples" / inside).items():
                (kept / name).write_bytes(content)


def copied(place: Path) -> None:
    """Copy the examples to a place, without what they must give."""
    shutil.copytree(EXAMPLES, place / "examples", ignore=shutil.ignore_patterns("expected", "*.svg"))


def apply_example(example: Example, place: Path) -> tuple[int, str]:
    """Copy the examples to a place and apply one there, on a fresh store; return the exit code and what is printed."""
    copied(place)
    if example.before:
        bulkload(
            "apply", "--store", "store.db", "--now", NOW, *(f"examples/{one}" for one in example.before), cwd=place
        )
    return bulkload("apply", "--store", "store.db", "--now", NOW, f"examples/{example.folder}", cwd=place)


MARKS = (".results.", ".rejects.", "_errors_", ".txt.csv", ".xml.csv")
"""What names of files have that bulkload writes: results, rejects, findings, transaction logs."""


def written(folder: Path) -> dict[str, bytes]:
    """Return what bulkload wrote into a folder, by name; a spreadsheet as CSV, under a name that ends so."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".xlsx" and ".rejects." in path.name:
            found[f"{path.name}.csv"] = as_csv(sheet_rows(path)).encode()
        elif path.name in {BALANCES, PARS} or any(mark in path.name for mark in MARKS):
            found[path.name] = path.read_bytes()
    return found


def expected(example: Example | Night) -> dict[str, bytes]:
    """Return what an example must write, by name."""
    return {path.name: path.read_bytes() for path in sorted((EXAMPLES / example.folder / "expected").iterdir())}


def write_expected(example: Example) -> None:
    """Run an example and keep what it writes as what it must write."""
    with tempfile.TemporaryDirectory() as place:
        keep(example, *apply_example(example, Path(place)), Path(place))


def write_nights() -> None:
    """Run the district's nights and keep what each writes as what it must write."""
    with tempfile.TemporaryDirectory() as place:
        for night, code, said in apply_nights(Path(place)):
            keep(night, code, said, Path(place))


def keep(example: Example | Night, code: int, said: str, place: Path) -> None:
    """Keep what was written at a place as what must be written; first see that it ended as it must."""
    assert code == example.exit_code, said
    kept = EXAMPLES / example.folder / "expected"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for name, content in written(place / "examples" / example.folder).items():
        (kept / name).write_bytes(content)


def case_rows() -> list[list[str]]:
    """Return the cells of the cases file."""
    with (EXAMPLES / CASES / "enrollments.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def sheet_rows(path: Path) -> list[list[str]]:
    """Return the cells of a spreadsheet as text, dates in the form of enrollment files."""
    from openpyxl import load_workbook

    sheet = load_workbook(path).worksheets[0]
    return [
        [f"{cell:{FORM}}" if isinstance(cell, datetime) else str(cell or "") for cell in row]
        for row in sheet.iter_rows(values_only=True)
    ]


def as_csv(rows: list[list[str]]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_spreadsheet() -> None:
    """Write the cases as a spreadsheet: every date that is one is a real date cell, all else is text."""
    from xlsxwriter import Workbook

    with Workbook(SPREADSHEET) as book:
        book.set_properties({"created": datetime(2026, 11, 21)})
        sheet = book.add_worksheet("enrollment")
        text, date = book.add_format({"num_format": "@"}), book.add_format({"num_format": "mm/dd/yyyy hh:mm AM/PM"})
        for at, row in enumerate(case_rows()):
            for column, cell in enumerate(row):
                moment = date_of(cell)
                if moment is None:
                    sheet.write_string(at, column, cell, text)
                else:
                    sheet.write_datetime(at, column, moment, date)


def date_of(cell: str) -> datetime | None:
    """Return the date that a cell holds in exactly the form of enrollment files."""
    try:
        moment = datetime.strptime(cell, FORM)
    except ValueError:
        return None
    return moment if f"{moment:{FORM}}" == cell else None
