"""Several files in one run: which they are, in which order, and which are left out when one fails."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulkload.errors import BulkloadError, UsageError
from bulkload.load import Progress
from bulkload.results import is_written_by_us
from bulkload.runs import Report, Request, apply_file, results_place, validate
from bulkload.source import Reading, identify, regular_file
from bulkload.store import Store, open_store, store_path
from bulkload.template import Options
from bulkload.templates import templates


@dataclass(frozen=True, slots=True)
class Many:
    """What was asked for: a verb, files and directories, and what holds for all of them."""

    verb: str
    files: Sequence[Path]
    store: str
    reading: Reading
    options: Options
    results: Path | None = None
    keep_going: bool = False
    wait: float = 600.0


def run_many(many: Many, *, begin: Callable[[str], Progress], say: Callable[[str], None]) -> list[Report]:
    """Run the files in reference order; those that depend on one that had rejects are not run."""
    files = in_reference_order(listed(many.files), many.reading)
    reports: list[Report] = []
    failed: set[str] = set()
    with opened(many, several=len(files) > 1) as store:
        for path, template in files:
            broken = failed & depends_on(template)
            if broken and not many.keep_going:
                reports.append(not_run(many.verb, path, template, sorted(broken)))
                failed.add(template)
                continue
            request = Request(path, many.reading, many.options, wait=many.wait, progress=begin(path.name), say=say)
            report = one_run(many, request, store, several=len(files) > 1)
            if report.exit_code and template:
                failed.add(template)
            reports.append(report)
    return reports


def one_run(many: Many, request: Request, store: Store | None, *, several: bool) -> Report:
    """Run one file."""
    from dataclasses import replace

    if many.verb == "apply":
        assert store is not None
        return apply_file(replace(request, results=results_place(request.path, many.results)), store)
    place = results_place(request.path, many.results) if many.results else None
    return validate(replace(request, results=place), store, stays=several)


def listed(files: Sequence[Path]) -> list[Path]:
    """Return the files named, and those of the directories named that bulkload did not write itself."""
    found: list[Path] = []
    for path in files:
        if path.is_dir():
            inside = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
            inside = [one for one in inside if not is_written_by_us(one.name)]
            if not inside:
                raise UsageError(f"There is no file in the directory {path}.")
            found += inside
        else:
            regular_file(path)
            found.append(path)
    return found


def in_reference_order(files: Sequence[Path], reading: Reading) -> list[tuple[Path, str]]:
    """Return the files with their templates' names, those that others refer to first, those that cannot be told last."""
    order = list(templates())
    named = [(path, template_of(path, reading)) for path in files]
    return sorted(named, key=lambda one: order.index(one[1]) if one[1] else len(order))


def template_of(path: Path, reading: Reading) -> str:
    """Return the name of a file's template, or nothing where the file will be refused."""
    with (
        contextlib.suppress(BulkloadError),
        tempfile.TemporaryDirectory(prefix="bulkload-") as work,
        identify(path, reading, Path(work)) as source,
    ):
        return source.template.name
    return ""


def depends_on(template: str) -> set[str]:
    """Return the templates whose records a template's rows refer to, however far."""
    if not template:
        return set()
    direct = set(templates()[template].refers_to)
    return direct.union(*(depends_on(one) for one in direct))


def not_run(verb: str, path: Path, template: str, broken: Sequence[str]) -> Report:
    """Say that a file was left out because of those before it."""
    report = Report(path.name, verb, template, state="not run")
    report.refused = (
        f"{path.name} was not run: it refers to {', '.join(broken)}, and not all of that was accepted. "
        f"Mend that first, or run with --keep-going."
    )
    report.refused_code = "NOT_RUN"
    return report


@contextlib.contextmanager
def opened(many: Many, *, several: bool) -> Iterator[Store | None]:
    """Give the store: made where `apply` needs one; for `validate` of several files a copy of which nothing stays."""
    if many.verb == "apply":
        with open_store(many.store, create=True) as store:
            yield store
        return
    there = store_path(many.store).exists()
    if not several:
        if not there:
            yield None
            return
        with open_store(many.store) as store:
            yield store
        return
    with tempfile.TemporaryDirectory(prefix="bulkload-") as folder:
        copy = Path(folder) / "store.db"
        if there:
            open_store(many.store).close()
            copy_store(store_path(many.store), copy)
        with open_store(str(copy), create=True) as store:
            yield store


def copy_store(source: Path, target: Path) -> None:
    """Copy a store as it is at one moment."""
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
