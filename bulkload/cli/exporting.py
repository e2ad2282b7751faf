"""The command `export`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bulkload.cli.common import site_option, store_option


@click.command()
@click.argument("template")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write: .csv, .txt (tab) or .xlsx; else to the output.",
)
@store_option
@site_option
def export(template: str, output: Path | None, store: str | None, site: str | None) -> None:
    """Write the store's records in a template's own layout; applied again, the file changes nothing.

    \b
    Examples:
      bulkload export enrollment -o enrollments.csv
      bulkload export user > users.csv
    """
    from bulkload.config import chosen_store, settings
    from bulkload.exporting import export_records
    from bulkload.store import open_store
    from bulkload.templates import template_named

    one = template_named(template)
    with open_store(chosen_store(settings(), store, site).store) as opened:
        lost = export_records(one, opened, output, sys.stdout.buffer)
    if lost:
        click.echo(f"bulkload: {lost:,} values could not be written so that they read back the same.", err=True)
