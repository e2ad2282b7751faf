"""Where results, rejects and findings go, and which files of a folder bulkload wrote itself."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from bulkload.errors import UsageError
from bulkload.template import Template

BOM = b"\xef\xbb\xbf"

ERRORS_NAME = re.compile(r"_errors_[0-9]{8}\.csv$")


def default_results(path: Path, *, whole: bool = False, log: bool = False) -> Path:
    """Return where results go unless something else is said: beside the input.

    `whole` keeps the input's ending in the name, where two inputs differ in nothing else. A transaction log has
    the whole name of its input (seed 000: `{orig_file_name.txt}.csv`).
    """
    if log:
        return path.with_name(f"{path.name}.csv")
    return path.with_name((path.name if whole else stem(path)) + ".results.csv")


def default_rejects(path: Path, *, whole: bool = False) -> Path:
    """Return where rejects go: beside the input, under its own ending."""
    ending = Path(path.name.removesuffix(".gz")).suffix
    return path.with_name((path.name if whole else stem(path)) + ".rejects" + ending)


def default_errors(path: Path, day: date, *, whole: bool = False) -> Path:
    """Return where the file of all findings goes: beside the input, with the day of the run (seed 002, §9)."""
    return path.with_name(f"{path.name if whole else stem(path)}_errors_{day:%Y%m%d}.csv")


def stem(path: Path) -> str:
    """Return a file's name without its ending, and without `.gz`."""
    name = path.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name


def is_written_by_us(path: Path) -> bool:
    """Say whether a file of a directory is one that bulkload wrote: rejects by their name, results by their headings too."""
    name = re.sub(r"\.[0-9]+$", "", path.name)  # an older one has a number
    parts = name.lower().removesuffix(".gz").split(".")
    if "rejects" in parts[1:][-2:] or parts[-2:] == ["results", "csv"] or ERRORS_NAME.search(name):
        return True
    with path.open("rb") as file:
        first = file.readline(10_000)
    heads = ((b"row,", b",outcome,changes,codes,messages"), (b"record,line,", b",result"))
    return any(first.startswith(BOM + start) and first.rstrip().endswith(end) for start, end in heads)


def is_named(path: Path, wanted: str) -> bool:
    """Say whether a file has the name that it has to have, or is the rejects of one that has."""
    ending = re.escape(Path(wanted).suffix)
    return re.fullmatch(rf"{re.escape(Path(wanted).stem)}(\.rejects)*{ending}", path.name) is not None


def written_as(path: Path, template: Template) -> str:
    """Return the ending of a file that is to be written for a template; raise UsageError where it cannot be."""
    ending = path.suffix.lower()
    if template.file_name and ending != ".csv":
        raise UsageError(f"{path}: a {template.name} file has to be comma-separated text, named {template.file_name}.")
    if template.positional and ending not in {".csv", ".txt"}:
        raise UsageError(f"{path}: the name of a {template.name} file has to end in .csv (comma) or .txt (tab).")
    if ending not in {".csv", ".txt", ".xlsx"}:
        raise UsageError(f"{path}: the name has to end in .csv, .txt (tab) or .xlsx.")
    return ending
