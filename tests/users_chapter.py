"""Makes the generated parts of the README's chapter on users and enrollments, from the declarations and the example."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from example_runs import EXAMPLES, INSTITUTION, USERS, bulkload, told
from institutions import log

from bulkload.reference import as_markdown
from bulkload.template import Log
from bulkload.templates import templates
from bulkload.translog import OTHER, headings

FOLDER = EXAMPLES / USERS.folder
LOG_COLUMNS = {
    "record": "the number of the record in the file",
    "line": "the line that it begins on",
    "action": "what was asked for, as it stands in the file; in XML what `recstatus` and `status` ask for",
    "person_id": "the person",
    "login_id": "the person's login, as it stands in the record; a drop in XML has none",
    "target": "the call number, or the node string",
    "role_id": "the role",
    "person_code": "the number of what became of the person: 0 is success, see below",
    "person_message": "the same in words: what was done, then what was found",
    "membership_code": "the number of what became of the enrollment; blank where the record names none",
    "membership_message": "the same in words",
    "result": "`SUCCESS`, `FAILED` or `SKIPPED`: a record is applied with both halves, or not at all",
}
MEANINGS = {
    0: "success; where the other half failed, this half was right, and was not applied either",
    -1: "any other value that is wrong: its form, its length",
    -10: "the line has not 22 values",
    -11: "a character that cannot be right",
    -20: "a value that is required is not given",
    -21: "call number and node string are both given",
    -22: "neither call number nor node string is given",
    -30: "the person",
    -31: "the call number or the node string",
    -32: "the role",
    -33: "the login",
    -40: "applied before, and skipped",
}


def of_template() -> Log:
    """Return the log that files of users and enrollments have."""
    declared = templates()["user-enrollment"].log
    assert declared is not None
    return declared


def log_columns() -> str:
    """Return the table of the columns of a transaction log."""
    assert headings(of_template()) == list(LOG_COLUMNS)
    return as_markdown(("column", "what it holds"), [(f"`{name}`", said) for name, said in LOG_COLUMNS.items()]) + "\n"


def log_numbers() -> str:
    """Return the table of the numbers in a transaction log, with the words that open the messages of each."""
    numbers = of_template().numbers
    assert {*numbers.values(), *of_template().of_fields.values(), 0, OTHER} == set(MEANINGS)
    own = {code.word for code in templates()["user-enrollment"].codes if code.severity == "error"}
    rows = []
    for number, said in MEANINGS.items():
        words = [word for word, one in numbers.items() if one == number]
        words += sorted(own - set(numbers)) if number == OTHER else []
        rows.append((str(number), said, " ".join(f"`{word}`" for word in words)))
    return as_markdown(("number", "what it is about", "words"), rows) + "\n"


@cache
def printed() -> list[str]:
    """Run the example, and return what each of its commands printed before its findings, under the command."""
    with tempfile.TemporaryDirectory() as folder:
        ended = [(step.command, said) for step, _, said in told(USERS, Path(folder))]
    asked = [" ".join(one.removeprefix(f"{INSTITUTION}/") for one in command) for command, _ in ended]
    return [
        f"$ bulkload {one}\n{said.partition(FINDINGS)[0].strip()}\n"
        for one, (_, said) in zip(asked, ended, strict=True)
    ]


FINDINGS = "severity "


def first_file() -> str:
    """Return what applying the first file printed, without its findings."""
    return fenced(printed()[1])


def grown_file() -> str:
    """Return what applying the grown file printed, without its findings."""
    return fenced(printed()[2])


def lines_of_file() -> str:
    """Return some lines of the first file as they stand in it."""
    lines = (FOLDER / "users.txt").read_text(encoding="utf-8").splitlines()
    return fenced("\n".join(lines[number - 1] for number in SHOWN) + "\n")


SHOWN = (2, 4, 6, 8, 12, 38)


def lines_of_log() -> str:
    """Return the lines of the log about those records."""
    return shown_lines("users.txt.csv", SHOWN)


def lines_of_xml_log() -> str:
    """Return some lines of the log of the XML file."""
    return shown_lines("users.xml.csv", (1, 3, 4, 7, 11))


def shown_lines(name: str, records: tuple[int, ...]) -> str:
    """Return lines of a log as a table, without the columns that name the record twice."""
    shown = [one for one in log(FOLDER / "expected" / name) if int(one["record"]) in records]
    columns = [name for name in LOG_COLUMNS if name not in {"line", "login_id"}]
    return as_markdown(tuple(columns), [tuple(one[name] for name in columns) for one in shown]) + "\n"


def refused_page() -> str:
    """Return what is said of a file that is too large for a page."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        line = (FOLDER / "users.txt").read_bytes().splitlines(keepends=True)[0]
        (place / "autumn.txt").write_bytes(line * (1 + (1 << 20) // len(line)))
        asked = ("apply", "--template", "user-enrollment", "--method", "page", "autumn.txt")
        code, said = bulkload(*asked, cwd=place, BULKLOAD_STORE="store.db")
    sentence = next(one for one in said.splitlines() if one.startswith("bulkload: "))
    return fenced(f"$ bulkload {' '.join(asked)}; echo $?\n{sentence}\n{code}\n")


def fenced(text: str) -> str:
    """Return a text as a block."""
    return f"```text\n{text}```\n"


PARTS = {
    "users-file": lines_of_file,
    "users-first": first_file,
    "users-log": lines_of_log,
    "users-grown": grown_file,
    "users-xml": lines_of_xml_log,
    "users-page": refused_page,
    "log-columns": log_columns,
    "log-numbers": log_numbers,
}
