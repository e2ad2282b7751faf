"""The commands `validate` and `apply`."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import click

from bulkload.cli.common import (
    Command,
    chosen,
    clock,
    format_option,
    now_option,
    nowhere,
    printable,
    site_option,
    store_option,
    typed_delimiter,
)

ALLOCATOR = "narenas:1,oversize_threshold:0,dirty_decay_ms:700,muzzy_decay_ms:0"
"""What polars' allocator is told before it is loaded: one arena, also for large pieces (20 MB less, and a quarter fewer page
faults), that gives memory back, but not at once. An `apply` of a million rows took 325 MB with two arenas where that was done
after 200 ms, 360 after 700 with 0.6 s of CPU less, and 410 after 3 s."""

OPTIONS = (
    click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)),
    click.option("--template", metavar="NAME", help="The file's template; else told from its header."),
    store_option,
    typed_delimiter,
    site_option,
    click.option("--encoding", metavar="NAME", help="The file's encoding, such as cp1252; else UTF-8 or UTF-16 with its mark."),
    click.option("--delimiter", metavar="CHAR", help="What separates cells: , ; | or tab; else told from the header."),
    click.option("--sheet", metavar="NAME", help="The sheet of a spreadsheet; else the first with data."),
    click.option("--any-name", is_flag=True, help="Accept a student file under another name than students.csv."),
    click.option("--set-licenses", is_flag=True, help="Let a license-order file change the licences that an order has left."),
    click.option("--legacy", is_flag=True, help="Import course records with the global importer: legacy data, not in PARS reports."),
    click.option("--course", metavar="ID", help="Import course records into this course."),
    click.option("--clean", is_flag=True, help="Read special characters of course records in their plain forms."),
    click.option("--strict-ascii", is_flag=True, help="Take letters with accents for special characters too."),
    click.option("--needs-certificate", is_flag=True, help="Reject course records whose course is not there: shells have no certificate."),
    click.option("--reapply", is_flag=True, help="Apply records of a cumulative file again that were applied before."),
    click.option("--method", type=click.Choice(["page"]), help="How the file came: page is an upload through a page, of 1 MB at most."),
    click.option("--results", metavar="PATH", type=click.Path(path_type=Path), help="Where the results go: a file or a folder."),
    click.option("--ambiguous", type=click.Choice(["earlier", "later", "error"]), default="later", show_default=True,
                 help="What a time means that occurs twice when clocks are put back."),
    click.option("--only", type=click.Choice(["create", "update"]), help="Skip the rows of the other kind."),
    click.option("--all-or-nothing", is_flag=True, help="Apply nothing if any row is rejected."),
    click.option("--keep-going", is_flag=True, help="Also run files that depend on one that had rejects."),
    now_option,
    format_option,
    click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors."),
)  # fmt: skip


def common(command: Command) -> Command:
    """Add the options of both commands, in the order that help shows them."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command()
@common
def validate(**chosen_options: Any) -> int:
    """Check files and show what `apply` would do; change nothing.

    With a store at hand it is also checked what has to be there already. Of several files, or the files of
    a directory, each is checked on top of those before it.

    \b
    Examples:
      bulkload validate enrollments.csv
      bulkload validate --results checked.csv enrollments.xlsx
      bulkload validate --format json examples/enrollment
    """
    return run_files("validate", **chosen_options)


@click.command()
@common
@click.option("--wait", type=click.FloatRange(min=0), default=600, show_default=True, metavar="SECONDS",
              help="How long to wait for another run on the same store.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="The same as validate against the store.")
def apply(dry_run: bool, wait: float, **chosen_options: Any) -> int:
    """Check files, apply the good rows, write results and rejects.

    Results go beside the file as NAME.results.csv, rejected rows as NAME.rejects.csv: mend them and apply
    that file. Of several files, or the files of a directory, those that others refer to come first.

    \b
    Examples:
      bulkload apply events.csv users.csv enrollments.csv
      bulkload apply --store school.db --all-or-nothing enrollments.csv
      bulkload apply --quiet /var/spool/lms/tonight
    """
    if dry_run:
        return run_files("validate", **chosen_options)
    return run_files("apply", wait=wait, **chosen_options)


def run_files(verb: str, *, form: Any, quiet: bool, **chosen_options: Any) -> int:
    """Run a command over its files, print what became of them, return the exit code."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", ALLOCATOR)
    gc.disable()
    from bulkload.cli.progress import progress_bar
    from bulkload.cli.summary import print_reports
    from bulkload.config import chosen_store, may, settings
    from bulkload.jobs import whoami
    from bulkload.many import Many, run_many
    from bulkload.source import Reading
    from bulkload.template import Options

    gc.freeze()  # what was imported stays to the end: to search it for cycles takes 12 of 300 ms of a small file
    gc.enable()
    given = chosen_options
    found = settings()
    if given["reapply"]:
        may(found, whoami(), "apply --reapply")
    at = chosen_store(found, given["store"], given["site"])
    of_site = at.site.delimiter if at.site else None
    delimiter = of_site if given["delimiter"] is None else typed_delimiter(given["delimiter"])
    many = Many(
        verb=verb,
        files=given["files"],
        store=at.store,
        reading=Reading(
            given["template"], given["encoding"], delimiter, given["sheet"], given["any_name"], given["method"]
        ),
        options=Options(
            now=clock(given["now"]),
            ambiguous=given["ambiguous"],
            only=given["only"],
            all_or_nothing=given["all_or_nothing"],
            set_licenses=given["set_licenses"],
            display_time_zone=at.shown.display_time_zone,
            display_date=at.shown.display_date,
            source=at.shown.source,
            reapply=given["reapply"],
            **{name: given[name] for name in ("legacy", "course", "clean", "strict_ascii", "needs_certificate")},
        ),
        results=given["results"],
        keep_going=given["keep_going"],
        wait=given.get("wait", 0.0),
    )
    style = chosen(form)
    with progress_bar(shown=style == "rich" and not quiet) as begin:
        reports = run_many(many, begin=begin, say=lambda text: click.echo(f"bulkload: {printable(text)}", err=True))
    code = max(report.exit_code for report in reports)
    try:
        print_reports(reports, style, quiet=quiet)
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere()
    except OSError as error:
        click.echo(
            f"bulkload: the summary could not be printed: {error.strerror}. `bulkload status` shows it.", err=True
        )
        nowhere()
    return code
