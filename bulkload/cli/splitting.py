"""The command `split`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from bulkload.cli.common import as_json, chosen, format_option, printable, typed_delimiter

UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20}


class Size(click.ParamType[int]):
    """Reads a number of bytes, or of KB (1,024) or MB (1,048,576)."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        found = re.fullmatch(r"([1-9][0-9]{0,14}) ?(B|KB|MB)?", str(value).strip().upper(), re.ASCII)
        if found is None:
            self.fail(f"{value!r} is no size; write 1MB, 500KB or a number of bytes.", param, ctx)
        return int(found[1]) * UNITS[found[2] or ""]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--max-size", "most", metavar="SIZE", type=Size(), default="1MB", show_default=True,
              help="What a part may have at most: 1MB (1,048,576 bytes), 500KB, or a number of bytes.")  # fmt: skip
@click.option("--template", metavar="NAME", help="The file's template; else told from its header.")
@click.option("--delimiter", metavar="CHAR", help="What separates cells: , ; | or tab; else told from the header.")
@click.option(
    "--encoding", metavar="NAME", help="The file's encoding, such as cp1252; else UTF-8 or UTF-16 with its mark."
)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where the parts go; else beside the file.",
)
@format_option
def split(file: Path, most: int, folder: Path | None, form: Any, **given: str | None) -> int:
    """Break a file of users and enrollments, or of course copies, into parts that together do what it does.

    The parts are named NAME.part001.txt, NAME.part002.txt, …, and are to be applied in this order. All records of
    a person are in one of them, and so are all persons that one login joins, so that a part that is sent again is
    recognised like the whole. Lines stay as they are, byte for byte; XML parts begin and end as the file does.

    \b
    Examples:
      bulkload split --template user-enrollment students.txt
      bulkload split --max-size 500KB -o parts enterprise.xml
    """
    from bulkload.cli.status import print_table
    from bulkload.source import Reading
    from bulkload.split import Wanted, split

    delimiter = typed_delimiter(given["delimiter"])
    reading = Reading(template=given["template"], encoding=given["encoding"], delimiter=delimiter)
    done = split(
        Wanted(file, reading, most, folder), say=lambda text: click.echo(f"bulkload: {printable(text)}", err=True)
    )
    style = chosen(form)
    if style == "json":
        parts = [{"file": str(one.path), "records": one.records, "bytes": one.size} for one in done.parts]
        click.echo(as_json({"parts": parts, "command": done.command}))
        return 0
    rows = [(str(one.path), f"{one.records:,}", f"{one.size:,}") for one in done.parts]
    print_table(("part", "records", "bytes"), rows, style)
    whole = "All records fit into one part.\n" if len(done.parts) == 1 else ""
    order = "" if len(done.parts) == 1 else " in this order"
    click.echo(printable(f"\n{whole}Go on{order} with\n  {done.command}"))
    return 0
