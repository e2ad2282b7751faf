"""Writes what is generated: the results that examples must give, their spreadsheet and picture, the README's parts.

    python tests/documents.py --write

runs the product for all of it; `test_documents.py` and `test_examples.py` fail where something is stale.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import click
from example_runs import (
    CASES,
    EXAMPLES,
    NOW,
    ROOT,
    RUNS,
    STORIES,
    bulkload,
    write_expected,
    write_nights,
    write_spreadsheet,
    write_story,
)
from loading import query
from unattended_example import write_night
from users_chapter import PARTS as USERS_PARTS

README = ROOT / "README.md"
PICTURE = EXAMPLES / "terminal.svg"
SHOWN_NOW = "11/21/2026 08:07 AM"
SUBMITTED = re.compile(
    r"(?m)(?<=^[0-9a-z]{10}  )\d\d/\d\d/\d{4} \d\d:\d\d [AP]M|\d\d/\d\d/\d{4} \d\d:\d\d [AP]M(?= UTC)"
)
"""When a job was submitted: in a list after its id, in its record with the zone."""
HOME = "/home/office/bulkload/demo"
MARKED = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
SHOWN_FIRST = 30
"""Lines at the start of the picture, at most."""


# ------------------------------------------------------------------------------------------- real output


def normal(text: str, place: Path, store: str) -> str:
    """Replace what differs from run to run: the folder, ids, times, seconds, and who ran it."""
    with_ids = [one[0] for one in query(place / store, "SELECT id FROM job ORDER BY number")]
    for number, one in enumerate(with_ids, 1):
        text = text.replace(one, f"1ng2m{number:05}")
    text = text.replace(str(place.resolve()), HOME)
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
            if arguments[0] == "status":
                out = re.sub(SUBMITTED, SHOWN_NOW, out)
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
    """Leave out most of the errors, whole codes of them: a picture of them all is taller than anybody's screen."""
    from rich.text import Text

    lines = said.splitlines()
    plain = [Text.from_ansi(line).plain for line in lines]
    codes_at = [at for at, line in enumerate(plain) if re.match(r"[A-Z_]{4,} ", line)]
    first = max(at for at in codes_at if at <= SHOWN_FIRST)
    warnings = next(at for at in codes_at if plain[at].startswith(("OVERFLOW_DELETED", "WAITLISTED")))
    return "\n".join([*lines[:first], "…", *lines[warnings:]])


def words_of(drawn: str) -> list[str]:
    """Return the texts of a picture, which do not depend on the version that drew it."""
    return re.findall(r"<text [^>]*>(.*?)</text>", drawn)


# ------------------------------------------------------------------------------------------- the README


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    from bulkload.reference import as_markdown

    return as_markdown(headings, list(rows)) + "\n"


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
    "outcome": "`created`, `updated`, `unchanged`, `held`, `rejected` or `skipped`",
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


def settings_of(declared: type) -> str:
    """Return the table of what one table of `bulkload.toml` takes, from its declaration."""
    from dataclasses import MISSING

    from bulkload.settings import declared as settings

    rows = []
    for name, kind, default, said in settings(declared):
        shown = (
            "needed" if default is MISSING else f"`{shown_default(default)}`" if default not in {None, ()} else "none"
        )
        rows.append((f"`{name}`", kind.says, shown, said))
    return table(("setting", "takes", "default", "what it says"), rows)


def shown_default(default: object) -> str:
    """Return a default as TOML has it."""
    return json.dumps(default) if isinstance(default, bool) else str(default)


def configuration() -> str:
    """Return the table of settings at the top."""
    from bulkload.config import Settings

    return settings_of(Settings)


def site_settings() -> str:
    """Return the tables of what a site takes."""
    from bulkload import sites

    parts = (
        ("`[[site]]`", sites.Site),
        ("`[[site.folder]]`", sites.FolderTable),
        ("`[site.mail]`", sites.MailSettings),
        ("`expect`", sites.Expect),
    )
    return "\n".join(f"{name}:\n\n{settings_of(one)}" for name, one in parts)


def layouts() -> str:
    """Return the table of the ready-made folders."""
    from bulkload.sites import LAYOUTS

    rows = [
        (f"`{name}`", f"`{one.template}`", *(f"`{part}/`" for part in (one.folder, one.results, one.processed)),
         "in the root" if one.refused else f"`{one.processed}/`")
        for name, one in LAYOUTS.items()
    ]  # fmt: skip
    return table(("layout", "template", "new files", "results or logs", "processed", "refused"), rows)


def night(name: str, *, form: str = "text") -> str:
    """Return a file of the example of unattended work."""
    path = EXAMPLES / "unattended" / name
    return f"```{form}\n{path.read_text(encoding='utf-8').strip()}\n```\n"


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
    parts = [f"#### `{one.name}`\n\n{one.says}\n\n{table(headings, field_rows(one))}" for one in templates().values()]
    return "\n".join(parts)


def statuses() -> str:
    """Return the tables of the enrollment template: which statuses go with what."""
    from bulkload.templates import templates

    shown = templates()["enrollment"].tables
    return "\n".join(f"{title}\n\n{table(headings, rows)}" for title, headings, rows in shown)


@cache
def students() -> dict[str, str]:
    """Run the nights of the example, and return what the second one printed, and the orders after it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("reference", "night-1", "state", "night-2"):
            shutil.copytree(EXAMPLES / "student" / name, place / name, ignore=shutil.ignore_patterns("expected"))
        for name in ("reference", "night-1", "state"):
            bulkload("apply", "--quiet", "--store", "store.db", "--now", NOW, name, cwd=place)
        shutil.move(place / "night-2" / "students.csv", place)
        _, out = bulkload("apply", "--store", "store.db", "--now", NOW, "students.csv", cwd=place)
        shown = f"$ bulkload apply students.csv\n{out.partition(FINDINGS)[0].strip()}\n"
        with (place / "students.results.csv").open(encoding="utf-8-sig", newline="") as file:
            lines = [one for one in csv.DictReader(file) if one["outcome"] != "rejected"]
        happened = {one["messages"].partition(" | ")[0]: one for one in reversed(lines)}
        rows = sorted((int(one["row"]), one["Student ID"], said) for said, one in happened.items())
        return {
            "student-night": normal(shown, place, "store.db"),
            "student-happened": table(("row", "Student ID", "what happened"), [tuple(map(str, one)) for one in rows]),
        }


FINDINGS = "severity "


def flags() -> str:
    """Return the table of the student template: what a flag does."""
    from bulkload.templates import templates

    _, headings, rows = templates()["student"].tables[0]
    return table(headings, rows)


MEANING = re.compile(r"\((.+?), in .*\)\n  What it means: (.*)\.\n  What to do: (.*)\n")


def codes() -> str:
    """Return every code with its meanings and remedies, as `bulkload explain` gives them."""
    from bulkload.reference import every_word, explained

    rows = []
    for word in every_word():
        meanings = MEANING.findall(explained(word))
        assert meanings, word
        rows += [
            (f"`{word}`", severity.replace("the file is refused", "refusal"), *rest) for severity, *rest in meanings
        ]
    return table(("code", "severity", "means", "what to do"), rows)


def speed() -> str:
    """Return the table of the measurements, as they were written down when they were made."""
    said = json.loads((ROOT / "tests" / "benchmarks" / "measured.json").read_text("utf-8"))
    shown = [
        (0, "case"),
        (2, "s"),
        (3, "rows/s"),
        (5, "MB"),
        (6, "beside"),
        (7, "s"),
        (10, "ratio"),
        (12, "at most"),
        (13, ""),
    ]
    rows = [tuple(line[at] for at, _ in shown) for line in said["lines"]]
    about = "\n".join(f"- {name}: {text}" for name, text in said["about"].items())
    return f"{table(tuple(heading for _, heading in shown), rows)}\n{about}\n"


NIGHT_MAIL = "mail-lakeside-students-csv-the-update-failed-due-to-errors-rejected.txt"

PARTS = {
    "commands": commands,
    "options": options,
    "exit-codes": exit_codes,
    "results": results_columns,
    "configuration": configuration,
    "site-settings": site_settings,
    "layouts": layouts,
    "night-config": lambda: night("bulkload.toml", form="toml"),
    "night-places": lambda: night("expected/places.txt"),
    "night-mail": lambda: night(f"expected/{NIGHT_MAIL}"),
    "modules": modules,
    "fields": fields_of_templates,
    "statuses": statuses,
    "flags": flags,
    "codes": codes,
    "speed": speed,
    **USERS_PARTS,
}


def part(name: str) -> str:
    """Return a generated part of the README."""
    if name == "student-happened":
        return students()[name]
    if name.startswith("student-"):
        return f"```text\n{students()[name]}```\n"
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
    write_nights()
    for story in STORIES:
        write_story(story)
    write_night()
    PICTURE.write_text(picture(), encoding="utf-8")
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    main()
