"""The command `status`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click

from bulkload.cli.common import (
    as_json,
    chosen,
    clock,
    format_option,
    now_option,
    printable,
    say,
    site_option,
    store_option,
)
from bulkload.clocks import shown_moment
from bulkload.config import Settings
from bulkload.jobs import KEPT_SECONDS, Job

COLUMNS = ("job", "submitted", "state", "template", "file", "rows", "outcomes")
WRAPPED = {"file", "outcomes", "first rows", ""}
"""The columns that a narrow terminal wraps; all others are read as a whole."""


@click.command()
@click.argument("job", required=False)
@store_option
@site_option
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object; the same as --format json.")
@click.option(
    "--save", metavar="FILE", type=click.Path(path_type=Path), help="Write the job's results to a file again."
)
@click.option(
    "--check",
    is_flag=True,
    help="For monitoring: say what is late, failed or stuck at all sites, or at one; ends with 1 where something is.",
)
@now_option
@format_option
def status(job: str | None, wants_json: bool, save: Path | None, form: str | None, **where: Any) -> int:
    """Show the jobs of the last 60 days, or all that is known of one.

    A job is named by any beginning of its id that no other job shares.

    \b
    Examples:
      bulkload status
      bulkload status 1k2f
      bulkload status 1k2f --save results.csv
      bulkload status --check
    """
    from bulkload.config import chosen_store, settings
    from bulkload.errors import UsageError
    from bulkload.store import jobs, open_store

    style = "json" if wants_json else chosen(form)  # type: ignore[arg-type]
    store, site, now = where["store"], where["site"], where["now"]
    if where["check"]:
        if job is not None or save is not None:
            raise UsageError("--check looks at all jobs: give it no JOB, and no --save.")
        return check_all(store, site, now, style)
    at = chosen_store(settings(), store, site)
    with open_store(at.store) as opened:
        since = int(clock(now).timestamp()) - KEPT_SECONDS
        if job is None:
            if save:
                raise UsageError("--save needs a job: bulkload status JOB --save FILE.")
            every = jobs.recent(opened, since)
            return print_all(every, style, at.shown)
        one = jobs.find(opened, job, since)
        if save:
            kept = jobs.folder(opened) / one.id / "results.csv"
            if not kept.exists():
                raise UsageError(f"The results of job {one.id} are not kept (any longer).")
            import shutil

            shutil.copyfile(kept, save)
            save.chmod(0o600)
            click.echo(f"The results of job {one.id} are in {save}.", err=True)
        return print_one(one, style, at.shown)


def check_all(store: str | None, site: str | None, now: str | None, style: str) -> int:
    """Print what is late, failed or stuck, and return 1 where something is."""
    from bulkload.config import chosen_store, settings
    from bulkload.store import open_store
    from bulkload.watching.health import failures, site_troubles

    found, moment_now = settings(), clock(now)
    said: list[str] = []
    if store or not found.site:
        with open_store(chosen_store(found, store, site).store) as opened:
            said += failures(opened, moment_now)
    else:
        for one in [found.site_named(site)] if site else found.site:
            assert one is not None
            said += [f"{one.name}: {sentence}" for sentence in site_troubles(one, found.shown_at(one), moment_now)]
    if style == "json":
        click.echo(as_json(said))
    else:
        for sentence in said or ["Nothing is late, failed or stuck."]:
            say(sentence)
    return 1 if said else 0


def line(job: Job, shown: Settings) -> tuple[str, ...]:
    """Return a job as a line of the list."""
    return (
        job.id,
        moment(job.submitted_at, shown).removesuffix(f" {shown.display_time_zone}"),
        job.state,
        job.template or "",
        job.file,
        f"{job.rows:,}",
        counted(json.loads(job.outcomes)),
    )


def counted(counts: Mapping[str, int]) -> str:
    """Return counts on one line."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def moment(seconds: int | None, shown: Settings) -> str:
    """Return an instant as the configuration shows it."""
    return shown_moment(seconds, shown.display_time_zone, shown.display_date)


def print_all(found: list[Job], style: str, shown: Settings) -> int:
    """Print a list of jobs."""
    if style == "json":
        click.echo(as_json([job.as_dict() for job in found]))
    elif not found:
        click.echo("There are no jobs of the last 60 days.")
    else:
        print_table(COLUMNS, [line(job, shown) for job in found], style)
        click.echo(f"\nTimes are of {shown.display_time_zone}.")
    return 0


def print_one(job: Job, style: str, shown: Settings) -> int:
    """Print all that is known of a job."""
    said = job.as_dict()
    if style == "json":
        click.echo(as_json(said))
        return 0
    findings = said.pop("findings")
    for name in ("submitted_at", "started_at", "ended_at"):
        said[name] = moment(getattr(job, name), shown)
    for name in ("outcomes", "counts"):
        said[name] = counted(said[name])
    print_table(("", ""), [(name, str(value)) for name, value in said.items() if value not in {None, ""}], style)
    rows = [
        (
            one.get("severity", "warning"),
            one["code"],
            f"{one.get('rows', '')}",
            "\n".join(one.get("first", [one.get("message")])),
        )
        for one in findings
    ]
    if rows:
        click.echo()
        print_table(("severity", "code", "rows", "first rows"), rows, style)
    return 0


def print_table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], style: str) -> None:
    """Print a table, for a terminal or to be pasted."""
    rows = [tuple(map(printable, row)) for row in rows]
    if style == "rich":
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="dim", show_header=any(headings), padding=(0, 2, 0, 0), pad_edge=False)
        for nth, heading in enumerate(headings):
            table.add_column(heading, no_wrap=heading not in WRAPPED or (nth == 0 and not heading))
        for row in rows:
            table.add_row(*(Text(cell, overflow="fold") for cell in row))
        Console(highlight=False).print(table)
    else:
        click.echo(laid_out(headings, rows))


def laid_out(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table as text; to import tabulate for it would take a third of the command's time."""
    lines = [line for row in rows for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue="")]
    widths = [max(map(len, column)) for column in zip(headings, *lines, strict=True)]
    if any(headings):
        lines = [headings, tuple("-" * width for width in widths), *lines]
    filled = ("  ".join(map(str.ljust, line, widths)) for line in lines)
    return "\n".join(line.rstrip() for line in filled)
