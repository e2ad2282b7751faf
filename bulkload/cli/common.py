"""Options that commands share, and how what they say is printed."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import click

from bulkload.printable import escaped, printable

Command = TypeVar("Command", bound=Callable[..., Any])
Format = Literal["rich", "plain", "json"]


def store_option(command: Command) -> Command:
    """Add --store."""
    return click.option("--store", metavar="URL", help="The store: a file, or sqlite:///FILE.")(command)


def site_option(command: Command) -> Command:
    """Add --site."""
    said = "The site of bulkload.toml whose store and display settings are used; needed where there are several."
    return click.option("--site", metavar="NAME", help=said)(command)


def format_option(command: Command) -> Command:
    """Add --format; on a terminal the default is rich, elsewhere plain."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["rich", "plain", "json"]),
        help="How to print: rich on a terminal, else plain.",
    )(command)


def as_json(said: Any) -> str:
    """Return JSON that no terminal takes for a command."""
    return escaped(json.dumps(said, ensure_ascii=False, indent=2))


def say(text: str, *, err: bool = False) -> None:
    """Print sentences, each on a line; a terminal gets them broken between words."""
    lines = printable(text).split("\n")
    if (sys.stderr if err else sys.stdout).isatty():
        width = shutil.get_terminal_size().columns
        form = {"subsequent_indent": "  ", "break_long_words": False, "break_on_hyphens": False}
        lines = [textwrap.fill(line, width, **form) for line in lines]  # type: ignore[arg-type]
    click.echo("\n".join(lines), err=err)


def nowhere() -> None:
    """Let what is still to be printed go nowhere: a closed pipe is no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def chosen(form: Format | None) -> Format:
    """Return the format that was asked for, or the one that fits the output."""
    return form or ("rich" if sys.stdout.isatty() else "plain")


def typed_delimiter(text: str | None) -> str | None:
    """Return the delimiter that was typed; a tab may be named."""
    return {"tab": "\t", "\\t": "\t"}.get(text, text) if text is not None else None


def clock(text: str | None) -> datetime:
    """Return the time that --now fixes, or the time now; raise UsageError where it is no timestamp."""
    if text is None:
        return datetime.now(UTC)
    from dateutil.parser import isoparse

    try:
        moment = isoparse(text)
    except ValueError:
        raise click.UsageError(f"--now {text}: write it as 2026-11-21T08:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def now_option(command: Command) -> Command:
    """Add --now."""
    return click.option(
        "--now", metavar="TIMESTAMP", help="Take this as the time now (ISO 8601), for tests and re-runs."
    )(command)


__all__ = [
    "Command", "Format", "as_json", "chosen", "clock", "format_option", "now_option", "nowhere", "printable",
    "say", "site_option", "store_option",
]  # fmt: skip
