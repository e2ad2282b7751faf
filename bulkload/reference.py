"""A template, from its declaration: in words, as Markdown, and as an empty file to fill in."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from bulkload import rules
from bulkload.formats.workbook import Column, write_workbook
from bulkload.kinds import Choice, EnrollmentDate
from bulkload.places import written_as
from bulkload.rules import Code
from bulkload.template import Field, Template
from bulkload.templates import templates

DATE_CELL = "mm/dd/yyyy hh:mm AM/PM"


def required(template: Template, field: Field) -> str:
    """Say whether a field's cells must be filled."""
    if field.required is None:
        return "no column needed" if field.may_be_absent else "no"
    return f"yes, unless {template[field.required_unless].heading} is given" if field.required_unless else "yes"


def field_rows(template: Template) -> list[tuple[str, str, str, str, str]]:
    """Return heading, whether it is required, what it takes, what it means and its codes, for each field."""
    rows = []
    for field in template.fields:
        words = [
            placed.code.word
            for placed in template.placed
            if placed.field is field and placed.code is not rules.VALUE_TRIMMED
        ]
        rows.append(
            (field.heading, required(template, field), field.kind.says, field.says, " ".join(dict.fromkeys(words)))
        )
    return rows


def code_rows(template: Template) -> list[tuple[str, str, str, str]]:
    """Return word, severity, meaning and remedy of each code of a template."""
    return [(code.word, code.severity, code.says, code.mend) for code in template.codes]


def as_markdown(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table as Markdown."""
    lines = ["| " + " | ".join(headings) + " |", "|" + " --- |" * len(headings)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def choices(field: Field) -> tuple[str, ...]:
    """Return the values of a field that takes one of a list."""
    return field.kind.choices if isinstance(field.kind, Choice) else ()


def empty_file(template: Template, path: Path) -> None:
    """Write a file with a template's headings, `.csv`, `.txt` (tab) or `.xlsx` by its name; without headings its XML form."""
    if template.positional and template.xml is not None:
        path.write_text(template.xml.skeleton, encoding="utf-8")
        return
    headings = [field.heading for field in template.fields if field.is_offered]
    ending = written_as(path, template)
    if ending == ".xlsx":
        columns = [
            Column(
                field.heading,
                "date" if isinstance(field.kind, EnrollmentDate) else "text",
                DATE_CELL if isinstance(field.kind, EnrollmentDate) else None,
                choices(field),
                f"{field.says}\nExample: {field.example}",
            )
            for field in template.fields
            if field.is_offered
        ]
        write_workbook(path, template.name, columns, [])
    else:
        text = heading_line(headings, "," if ending == ".csv" else "\t")
        path.write_text(text, encoding="utf-8", newline="")


def heading_line(headings: list[str], delimiter: str) -> str:
    """Return a header as a line of delimited text."""
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\r\n").writerow(headings)
    return written.getvalue()


def meanings(word: str) -> dict[Code, list[str]]:
    """Return what a code means, each meaning with the templates that have it."""
    found: dict[Code, list[str]] = {}
    for template in templates().values():
        for code in template.codes:
            if code.word == word:
                found.setdefault(code, []).append(template.name)
    return found


def every_word() -> list[str]:
    """Return every code that there is."""
    words = {code.word for template in templates().values() for code in template.codes}
    return sorted(words | set(rules.REFUSALS) | {code.word for code in rules.OF_RUNS})


def explained(word: str) -> str:
    """Return what a code means, in each template where that differs."""
    found: list[tuple[str, str, str, str, str]] = [
        (in_words(names), code.severity, code.says, code.mend, code.source) for code, names in meanings(word).items()
    ]
    if word in rules.REFUSALS:
        says, mend, source = rules.REFUSALS[word]
        found.append(("every template", "the file is refused", says, mend, source))
    found += [
        ("every template", code.severity, code.says, code.mend, code.source)
        for code in rules.OF_RUNS
        if code.word == word
    ]
    parts = [
        f"{word} ({severity}, in {names})\n  What it means: {says}.\n  What to do: {mend}\n  Where the rule comes from: {source}."
        for names, severity, says, mend, source in found
    ]
    return "\n\n".join(parts)


def listed(title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]], *, markdown: bool) -> str:
    """Return a table of the declaration under its title."""
    from tabulate import tabulate

    if markdown:
        return f"{title}\n\n{as_markdown(headings, rows)}"
    return f"{title}\n{tabulate(rows, headers=list(headings), tablefmt='simple', maxcolwidths=[30, 90])}"


def in_words(names: list[str]) -> str:
    """Return the names of templates, or that it is all of them."""
    return "every template" if len(names) == len(templates()) else ", ".join(names)


def described(template: Template, *, markdown: bool) -> str:
    """Return a template's fields and codes in words."""
    from tabulate import tabulate

    fields: list[tuple[str, ...]] = list(field_rows(template))
    codes: list[tuple[str, ...]] = list(code_rows(template))
    headings = (
        ("heading", "required", "takes", "what it is", "codes"),
        ("code", "severity", "means", "what to do"),
    )
    if markdown:
        tables = [as_markdown(headings[0], fields), as_markdown(headings[1], codes)]
    else:
        widths = ([20, 10, 30, 40, 28], [28, 8, 40, 50])
        tables = [
            tabulate(rows, headers=list(heading), tablefmt="simple", maxcolwidths=list(width))
            for rows, heading, width in zip((fields, codes), headings, widths, strict=True)
        ]
    first = f"{template.name}: {template.says} (source: {template.source})"
    if template.positional:
        first += (
            f"\n\nA delimited file has no heading row and no quotes: {len(template.positions)} values in this order, "
            f"separated by comma, tab or |. It is applied with --template {template.name}. Or it is XML, of which "
            f"`bulkload template new {template.name}` writes a skeleton."
        )
    if template.file_name:
        first += (
            f"\n\nA file is named exactly {template.file_name} (or run with --any-name), is comma-separated, "
            f"uncompressed text, and has exactly these headings in this order."
        )
    own = [listed(title, heads, rows, markdown=markdown) for title, heads, rows in template.tables]
    lists = [f"{field.heading}: {', '.join(choices(field))}" for field in template.fields if len(choices(field)) > 2]
    return "\n\n".join([first, tables[0], *lists, *own, tables[1]])
