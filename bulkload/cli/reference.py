"""The commands that tell what there is: `template list`, `template show`, `template new`, `explain`."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def template() -> None:
    """Show templates, or write an empty file to fill in.

    \b
    Examples:
      bulkload template list
      bulkload template show enrollment
      bulkload template new enrollment -o enrollments.xlsx
    """


@template.command("list")
def list_templates() -> None:
    """List the templates, those that others refer to first.

    \b
    Example:
      bulkload template list
    """
    from tabulate import tabulate

    from bulkload.templates import templates

    rows = [(one.name, one.says) for one in templates().values()]
    click.echo(tabulate(rows, headers=["template", "what it is for"], tablefmt="simple"))


@template.command()
@click.argument("name")
@click.option("--markdown", is_flag=True, help="Print tables in Markdown.")
def show(name: str, markdown: bool) -> None:
    """Show the fields of a template and the rules on them, in words.

    \b
    Example:
      bulkload template show enrollment
    """
    from bulkload.reference import described
    from bulkload.templates import template_named

    click.echo(described(template_named(name), markdown=markdown))


@template.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write it; else the name that such files have, or NAME.csv.",
)
def new(name: str, output: Path | None) -> None:
    """Write an empty file to fill in: .csv, .txt (tab) or .xlsx, by its name.

    \b
    Examples:
      bulkload template new enrollment
      bulkload template new enrollment -o enrollments.xlsx
    """
    from bulkload.errors import UsageError
    from bulkload.reference import empty_file
    from bulkload.templates import template_named

    one = template_named(name)
    path = output or Path(one.file_name or f"{name}.{'xml' if one.positional else 'csv'}")
    if one.positional and path.suffix.lower() != ".xml":
        raise UsageError(f"{path}: {name} files have no headings; only their XML form can be filled in. Name it .xml.")
    if path.exists():
        raise UsageError(f"{path} exists already. Remove it first, or name another file with -o.")
    empty_file(one, path)
    what = "the elements" if one.positional else "the headings"
    click.echo(
        f"{path} has {what} of {name}; `bulkload template show {name}` says what goes into each column.",
        err=True,
    )


@click.command()
@click.argument("code")
def explain(code: str) -> None:
    """Say what a finding means, where its rule comes from, and how to mend the file.

    \b
    Example:
      bulkload explain DATE_INTERVAL
    """
    from bulkload.errors import UsageError
    from bulkload.kinds import nearest
    from bulkload.reference import every_word, explained

    word = code.strip().upper()
    words = every_word()
    if word not in words:
        near = nearest(word, tuple(words))
        hint = f"Did you mean {near}?" if near else f"There are: {', '.join(words)}."
        raise UsageError(f"There is no code {code}. {hint}")
    click.echo(explained(word))
