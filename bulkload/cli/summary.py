"""Prints what became of files: counts by outcome, findings by code with their first rows, where the results are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from bulkload.cli.common import Format, as_json, printable
from bulkload.report import Report
from bulkload.templates import templates

WIDTH = 88
"""Characters of a line of a message in a plain table, which is made for mails and tickets."""

MOST = 0.5
"""A fault that this part of the rows share is said to have one cause."""


def print_reports(reports: Sequence[Report], style: Format, *, quiet: bool) -> None:
    """Print what became of each file; with `quiet` only what was refused, on stderr."""
    if style == "json" and not quiet:
        said = [report.as_dict() for report in reports]
        whole = {"files": said, "exit_code": max(report.exit_code for report in reports)}
        click.echo(as_json(said[0] if len(said) == 1 else whole))
        return
    for report in reports:
        if report.refused:
            click.echo(f"bulkload: {printable(report.refused)} [{report.refused_code}]", err=True)
        if not quiet:
            (print_rich if style == "rich" else print_plain)(report)


def headline(report: Report) -> str:
    """Return what was done, in one line."""
    done = {"validate": "checked, nothing was changed", "apply": "applied"}[report.verb]
    if report.state == "refused":
        done = "refused, nothing was applied"
    if report.state == "not run":
        done = "not run"
    template = f" ({report.template})" if report.template else ""
    return printable(f"{report.file}{template}: {done}")


def outcomes(report: Report) -> list[tuple[str, int]]:
    """Return the outcomes with their counts, and their sum."""
    return [*sorted(report.tally.outcomes.items()), ("rows read", report.tally.rows)]


def findings(report: Report) -> list[tuple[str, str, int, str]]:
    """Return severity, code, rows and the first messages of each code."""
    return [
        (one["severity"], one["code"], one["rows"], printable("\n".join(one["first"])))
        for one in report.tally.findings()
    ]


def remarks(report: Report) -> Iterator[str]:
    """Yield what else there is to say: warnings, shared causes, what was not checked, where things are."""
    for warning in report.warnings:
        yield f"{warning['code']}: {warning['message']}"
    for one in report.tally.findings():
        if one["severity"] == "error" and one["rows"] >= 10 and one["rows"] > MOST * report.tally.rows:
            yield f"{one['rows']:,} of {report.tally.rows:,} rows: {one['code']}. {mend(report.template, one['code'])}"
    if report.unchecked and report.state != "refused":
        yield f"Not checked, because there is no store: {', '.join(report.unchecked)}."
    if report.store:
        yield f"Store: {report.store}"
    if report.results:
        yield f"Results: {report.results}"
    if report.rejects:
        yield f"Rejected rows: {report.rejects}. Mend them there and apply that file."
    if report.errors:
        yield f"All findings, one by one: {report.errors}"
    if report.job:
        yield f"Job: {report.job}"
    yield f"Time: {report.seconds:.1f} s"


def mend(template: str | None, word: str) -> str:
    """Return what a code's declaration says should be done."""
    found = [code.mend for code in templates()[template].codes if code.word == word] if template else []
    return found[0] if found else ""


def print_plain(report: Report) -> None:
    """Print tables that can be pasted into a mail or a ticket."""
    from tabulate import tabulate

    click.echo(headline(report))
    if report.tally.rows:
        click.echo(tabulate(outcomes(report), headers=["outcome", "rows"], tablefmt="simple", intfmt=","))
    if report.tally.counts:
        click.echo()
        counted = list(report.tally.counts.items())
        click.echo(tabulate(counted, headers=["counted", "number"], tablefmt="simple", intfmt=","))
    rows: list[tuple[Any, ...]] = findings(report)
    if rows:
        click.echo()
        table = tabulate(
            rows,
            headers=["severity", "code", "rows", "first rows"],
            tablefmt="simple",
            intfmt=",",
            maxcolwidths=[None, None, None, WIDTH],
        )
        click.echo(table)
    click.echo()
    for remark in remarks(report):
        click.echo(printable(remark))
    click.echo()


COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
OUTCOME_COLOURS = {"rejected": "red", "created": "green", "updated": "green", "skipped": "yellow"}


def print_rich(report: Report) -> None:
    """Print tables for a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(headline(report), style="bold red" if report.exit_code == 3 else "bold"))
    if report.tally.rows:
        counts = Table("outcome", box=None, header_style="dim", padding=(0, 2, 0, 0))
        counts.add_column("rows", justify="right")
        for outcome, count in outcomes(report):
            counts.add_row(Text(outcome, style=OUTCOME_COLOURS.get(outcome, "")), f"{count:,}")
        console.print(counts)
    if report.tally.counts:
        console.print()
        counted = Table("counted", box=None, header_style="dim", padding=(0, 2, 0, 0))
        counted.add_column("number", justify="right")
        for name, count in report.tally.counts.items():
            counted.add_row(Text(name), f"{count:,}")
        console.print(counted)
    rows = findings(report)
    if rows:
        console.print()
        table = Table("code", box=None, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("rows", justify="right")
        table.add_column("first rows", ratio=1)
        for severity, code, count, first in rows:
            table.add_row(Text(code, style=COLOURS[severity], overflow="fold"), f"{count:,}", Text(first))
        console.print(table)
    console.print()
    for remark in remarks(report):
        console.print(Text(printable(remark)))
    console.print()
