"""Writes what is generated: the results that examples must give, their spreadsheet and picture, the README's parts.

    python tests/documents.py --write

runs the product for all of it; `test_documents.py` and `test_examples.py` fail where something is stale.
"""

from __future__ import annotations

import ast
import csv
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from pathlib import Path

import click
from loading import query

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
README = ROOT / "README.md"
PICTURE = EXAMPLES / "terminal.svg"
SPREADSHEET = EXAMPLES / "enrollment-cases" / "spreadsheet" / "enrollments.xlsx"
NOW = "2026-11-21T08:07:30Z"
LATER = "2026-11-22T08:07:30Z"
HOME = "/home/office/bulkload/demo"
MARKED = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
SHOWN_FIRST = 30
"""Lines at the start of the picture."""

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


# ------------------------------------------------------------------------------------------- examples


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


def apply_example(example: Example, place: Path) -> tuple[int, str]:
    """Copy the examples to a place and apply one there, on a fresh store; return the exit code and what is printed."""
    shutil.copytree(EXAMPLES, place / "examples", ignore=shutil.ignore_patterns("expected", "*.svg"))
    if example.before:
        bulkload(
            "apply", "--store", "store.db", "--now", NOW, *(f"examples/{one}" for one in example.before), cwd=place
        )
    return bulkload("apply", "--store", "store.db", "--now", NOW, f"examples/{example.folder}", cwd=place)


def written(folder: Path) -> dict[str, bytes]:
    """Return what bulkload wrote into a folder, by name; a spreadsheet as CSV, under a name that ends so."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".xlsx" and ".rejects." in path.name:
            found[f"{path.name}.csv"] = as_csv(sheet_rows(path)).encode()
        elif ".results." in path.name or ".rejects." in path.name:
            found[path.name] = path.read_bytes()
    return found


def expected(example: Example) -> dict[str, bytes]:
    """Return what an example must write, by name."""
    return {path.name: path.read_bytes() for path in sorted((EXAMPLES / example.folder / "expected").iterdir())}


def write_expected(example: Example) -> None:
    """Run an example and keep what it writes as what it must write."""
    kept = EXAMPLES / example.folder / "expected"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    with tempfile.TemporaryDirectory() as place:
        code, said = apply_example(example, Path(place))
        assert code == example.exit_code, said
        for name, content in written(Path(place) / "examples" / example.folder).items():
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
        [f"{cell:{FORM}}" if isinstance(cell, datetime) else cell or "" for cell in row]
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


# ------------------------------------------------------------------------------------------- real output


def normal(text: str, place: Path, store: str) -> str:
    """Replace what differs from run to run: the folder, ids, times, seconds, and who ran it."""
    with_ids = [one[0] for one in query(place / store, "SELECT id FROM job ORDER BY number")]
    for number, one in enumerate(with_ids, 1):
        text = text.replace(one, f"1ng2m{number:05}")
    text = text.replace(str(place.resolve()), HOME)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", NOW, text)
    text = re.sub(r"Time: [\d.]+ s", "Time: 0.2 s", text)
    return re.sub(r"(?m)^(who +).*$", r"\1office", text)


@cache
def tour() -> dict[str, str]:
    """Take the README's tour and return what each command printed, under the command."""
    said: dict[str, str] = {}
    environment = {"BULKLOAD_STORE": "store.db"}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(EXAMPLES / "enrollment", place / "enrollment")
        shutil.copy(EXAMPLES / "tour" / "tonight.csv", place)
        bulkload("apply", "--quiet", "--now", NOW, "enrollment", cwd=place, **environment)

        def step(name: str, *arguments: str, code: bool = False) -> None:
            ended, out = bulkload(*arguments, cwd=place, **environment)
            asked = f"$ bulkload {' '.join(arguments)}{'; echo $?' if code else ''}"
            said[name] = f"{asked}\n{out.strip()}\n" + (f"{ended}\n" if code else "")

        def show(name: str, file: str) -> None:
            said[name] = f"$ cat {file}\n{(place / file).read_text(encoding='utf-8-sig').strip()}\n"

        show("tour-file", "tonight.csv")
        step("tour-validate", "validate", "tonight.csv", code=True)
        step("tour-apply", "apply", "tonight.csv", code=True)
        show("tour-results", "tonight.results.csv")
        show("tour-rejects", "tonight.rejects.csv")
        rejects = place / "tonight.rejects.csv"
        mended = rejects.read_text(encoding="utf-8")
        for wrong, right in (
            ("11/23/2026 8:07 AM", "11/23/2026 08:00 AM"),
            ("m.kowalsky,,11/23/2026 08:00 AM,", "m.kowalski,,11/23/2026 08:00 AM,Eastern Standard Time"),
        ):
            assert wrong in mended
            mended = mended.replace(wrong, right)
        rejects.write_text(mended, encoding="utf-8")
        show("tour-mended", "tonight.rejects.csv")
        step("tour-again", "apply", "tonight.rejects.csv", code=True)
        step("tour-status", "status")
        job = query(place / "store.db", "SELECT id FROM job WHERE file = 'tonight.csv'")[0][0]
        step("tour-job", "status", job)
        step("tour-explain", "explain", "DATE_FORMAT")
        step("tour-export", "export", "enrollment", "-o", "everything.csv")
        step("tour-exported", "validate", "everything.csv", code=True)
        return {name: normal(text, place, "store.db") for name, text in said.items()}


def picture() -> str:
    """Return the terminal's view of applying the cases as SVG; it loads nothing from elsewhere."""
    from rich.console import Console
    from rich.text import Text

    wide = 118
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(wide), "BULKLOAD_STORE": "store.db"}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(EXAMPLES / CASES, place, dirs_exist_ok=True)
        before = [Path(one).name for one in RUNS[2].before]
        bulkload("apply", "--now", NOW, *before, cwd=place, **terminal)
        _, said = bulkload("apply", "--format", "rich", "--now", NOW, "enrollments.csv", cwd=place, **terminal)
        said = normal(said, place, "store.db")
    console = Console(record=True, width=wide, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ bulkload apply enrollments.csv", style="bold"))
    console.print(Text.from_ansi(shortened(said.rstrip())))
    drawn = console.export_svg(title="bulkload", unique_id="bulkload")
    return re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)


def shortened(said: str) -> str:
    """Leave out most of the errors: a picture of them all is taller than anybody's screen."""
    lines = said.splitlines()
    warnings = next(at for at, line in enumerate(lines) if "OVERFLOW_DELETED" in line or "WAITLISTED" in line)
    return "\n".join([*lines[:SHOWN_FIRST], "⋮", *lines[warnings:]])


def words_of(drawn: str) -> list[str]:
    """Return the texts of a picture, which do not depend on the version that drew it."""
    return re.findall(r"<text [^>]*>(.*?)</text>", drawn)


# ------------------------------------------------------------------------------------------- the README


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    from bulkload.reference import as_markdown

    return as_markdown(headings, rows) + "\n"


def every_command(group: click.Group, path: str = "bulkload") -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its full name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def commands() -> str:
    """Return the table of commands."""
    from bulkload.cli import commands as top

    rows = []
    for name, command in every_command(top):
        names = [one.metavar or str(one.name).upper() for one in command.params if isinstance(one, click.Argument)]
        optional = [one.required for one in command.params if isinstance(one, click.Argument)]
        shown = [word if needed else f"[{word}]" for word, needed in zip(names, optional, strict=True)]
        rows.append((f"`{' '.join([name, *shown])}`", str(command.help).split("\n\n")[0]))
    return table(("command", "what it does"), rows)


def options() -> str:
    """Return the table of options, each once, with the commands that take it."""
    from bulkload.cli import commands as top

    takers: dict[tuple[str, str], list[str]] = {}
    for name, command in every_command(top):
        for one in command.params:
            if not isinstance(one, click.Option):
                continue
            taken = one.metavar or ("|".join(one.type.choices) if isinstance(one.type, click.Choice) else "")
            said = f"`{' '.join([', '.join(one.opts), taken]).strip()}`"
            default = "" if not one.show_default else f" Default: {one.default}."
            takers.setdefault((said, f"{one.help}{default}"), []).append(name.removeprefix("bulkload "))
    return table(
        ("option", "commands", "what it does"), [(o, ", ".join(who), said) for (o, said), who in takers.items()]
    )


def exit_codes() -> str:
    """Return the table of exit codes: of errors from their declarations, of the rest from here."""
    from bulkload import errors

    found = {
        0: "every row was accepted",
        1: "the file was processed; some rows were rejected",
        130: "interrupted by hand (Ctrl-C)",
    }
    for name, code, sentence in re.findall(r"── (\w+) +(\d+) +(.+)", str(errors.__doc__)):
        assert getattr(errors, name).exit_code == int(code)
        found[int(code)] = sentence
    return table(("code", "meaning"), [(str(code), found[code]) for code in sorted(found)])


RESULTS = {
    "row": "the row's number as a spreadsheet counts: the heading row is 1",
    "Enrollment": "the row's key, as it stands in the file; other templates have their own key here",
    "Username": "the rest of the key",
    "outcome": "`created`, `updated`, `unchanged`, `rejected` or `skipped`",
    "changes": "of an updated row: `Heading: old → new`, joined by `; `",
    "codes": "the codes found in the row, joined by a blank",
    "messages": "what was found, in words, joined by ` \\| `",
}


def results_columns() -> str:
    """Return the table of the columns of a results file."""
    kept = (EXAMPLES / "enrollment" / "expected" / "enrollments.results.csv").read_text(encoding="utf-8-sig")
    assert kept.splitlines()[0].split(",") == list(RESULTS)
    return table(
        ("column", "what it holds"), [(f"`{name}`", said.replace("\\|", "|")) for name, said in RESULTS.items()]
    )


SETTINGS = {
    "store": "the store: a file, relative to the folder of `bulkload.toml`",
    "display_time_zone": "the time zone in which results show dates (an IANA name)",
    "display_date": "how results show dates (as Python's `strftime`)",
}


def configuration() -> str:
    """Return the table of settings."""
    from bulkload.config import Settings

    found = {one.name: one.default for one in fields(Settings) if one.name != "file"}
    assert list(found) == list(SETTINGS)
    rows = [(f"`{name}`", f"`{found[name]}`" if found[name] else "none", said) for name, said in SETTINGS.items()]
    return table(("setting", "default", "what it says"), rows)


def modules() -> str:
    """Return the map of the package: each module with the first line of its docstring."""
    rows = []
    for path in sorted((ROOT / "bulkload").rglob("*.py"), key=lambda one: (len(one.parts), one)):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if said:
            name = path.relative_to(ROOT).as_posix()
            rows.append((f"[`{name.removeprefix('bulkload/')}`]({name})", said.splitlines()[0]))
    return table(("module", "what it does"), rows)


def fields_of_templates() -> str:
    """Return each template's fields."""
    from bulkload.reference import field_rows
    from bulkload.templates import templates

    headings = ("heading", "required", "takes", "what it is", "codes")
    parts = [
        f"#### `{one.name}`\n\n{one.says}\n\n{table(headings, list(field_rows(one)))}" for one in templates().values()
    ]
    return "\n".join(parts)


def statuses() -> str:
    """Return which pre-statuses each type takes, and which post-statuses each pre-status allows."""
    from bulkload.templates.enrollment.statuses import ASKED_FOR, FOLLOWS, PRE_STATUSES

    marks = [
        (pre, *("yes" if pre in ASKED_FOR[one] else "no" for one in ASKED_FOR), ", ".join(FOLLOWS[pre]))
        for pre in PRE_STATUSES
    ]
    return table(("pre-status", *ASKED_FOR, "post-statuses that it allows"), marks)


def codes() -> str:
    """Return every code with its meaning and remedy."""
    from bulkload import rules
    from bulkload.reference import every_word, meanings

    rows: list[tuple[str, ...]] = []
    for word in every_word():
        said: dict[tuple[str, str, str], list[str]] = {}
        for name, code in meanings(word):
            said.setdefault((code.severity, code.says, code.mend), []).append(name)
        if word in rules.REFUSALS:
            says, mend, _ = rules.REFUSALS[word]
            said["refusal", says, mend] = []
        if word == rules.FILE_APPLIED_BEFORE.word:
            code = rules.FILE_APPLIED_BEFORE
            said[code.severity, code.says, code.mend] = []
        rows += [(f"`{word}`", *meaning) for meaning in said]
    return table(("code", "severity", "means", "what to do"), rows)


def speed() -> str:
    """Return the table of the measurements, or say that there are none."""
    if not (ROOT / "tests" / "benchmarks" / "measured.json").exists():
        return "Nothing has been measured yet.\n"
    command = [sys.executable, "-m", "tests.benchmarks", "--markdown"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() + "\n"


PARTS = {
    "commands": commands,
    "options": options,
    "exit-codes": exit_codes,
    "results": results_columns,
    "configuration": configuration,
    "modules": modules,
    "fields": fields_of_templates,
    "statuses": statuses,
    "codes": codes,
    "speed": speed,
}


def part(name: str) -> str:
    """Return a generated part of the README."""
    return f"```text\n{tour()[name]}```\n" if name.startswith("tour-") else PARTS[name]()


def parts_of(text: str) -> dict[str, str]:
    """Return the generated parts that a text holds, by name."""
    return {one[2]: one[0].removeprefix(one[1]).removesuffix(one[3]) for one in MARKED.finditer(text)}


def renewed(text: str) -> str:
    """Return a text with its generated parts made anew."""
    return MARKED.sub(lambda one: one[1] + part(one[2]) + one[3], text)


def main() -> None:
    """Write everything that is generated."""
    write_spreadsheet()
    for example in RUNS:
        write_expected(example)
    PICTURE.write_text(picture(), encoding="utf-8")
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    main()
