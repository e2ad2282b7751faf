"""Several files in one run: which they are, in which order, and which are left out when one fails."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulkload.errors import UsageError
from bulkload.load import Progress
from bulkload.places import default_results, is_written_by_us
from bulkload.report import Report
from bulkload.runs import Request, apply_file, validate
from bulkload.source import Reading, probable_template, regular_file, shown_name, shown_path
from bulkload.store import Store, key_path, open_store, store_path
from bulkload.template import Options
from bulkload.templates import templates
from bulkload.workspace import workspace


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
    files = in_reference_order(listed(many.files, store_path(many.store)), many.reading)
    for name in {template for _, template in files if template}:
        templates()[name].becomes(templates()[name], many.options)
    places = results_places(many, files)
    reports: list[Report] = []
    failed: set[str] = set()
    with opened(many, several=len(files) > 1) as store:
        for path, template in files:
            needed = depends_on(template)
            broken = (failed & needed) | (failed & {UNTOLD} if needed else set())
            if broken and not many.keep_going:
                reports.append(not_run(many.verb, path, template, sorted(broken)))
                failed.add(template)
                continue
            request = Request(
                path, many.reading, many.options, places.get(path), many.wait, begin(shown_name(path)), say
            )
            report = one_run(many, request, store, several=len(files) > 1)
            if report.exit_code:
                failed.add(template)
            reports.append(report)
    return reports


UNTOLD = ""
"""The template of a file that none can be told of: what depends on anything may depend on it."""


def one_run(many: Many, request: Request, store: Store | None, *, several: bool) -> Report:
    """Run one file; what was checked in a copy of the store is reported of the store."""
    if many.verb == "apply":
        assert store is not None
        return apply_file(request, store)
    report = validate(request, store, stays=several)
    if several:
        path = store_path(many.store)
        report.store = shown_path(path) if path.exists() else None
    return report


def results_places(many: Many, told: Sequence[tuple[Path, str]]) -> dict[Path, Path]:
    """Return where the results of each file go; raise UsageError where that would destroy something."""
    files = [path for path, _ in told]
    logs = {path: bool(template) and templates()[template].log is not None for path, template in told}
    if many.verb == "validate" and many.results is None:
        return {}
    if many.results is not None and not many.results.is_dir():
        places = dict.fromkeys(files, many.results)
    else:
        plain = {path: default_results(path, log=logs[path]) for path in files}
        doubled = Counter(place.resolve() for place in plain.values())
        places = {
            path: default_results(path, whole=doubled[place.resolve()] > 1, log=logs[path])
            for path, place in plain.items()
        }
        if many.results is not None:
            places = {path: many.results / place.name for path, place in places.items()}
    taken = {store_path(many.store).resolve(), *(path.resolve() for path in files)}
    for place in places.values():
        if place.resolve() in taken:
            raise UsageError(f"The results would be written over {place}. Name another place with --results.")
        taken.add(place.resolve())
    return places


def listed(files: Sequence[Path], store: Path) -> list[Path]:
    """Return the files named, and those of the directories named that bulkload did not write itself: no store, no results."""
    found: list[Path] = []
    for path in files:
        if path.is_dir():
            inside = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
            if path.resolve() == store.resolve().parent:
                inside = [one for one in inside if not one.name.startswith(store.name)]
            inside = [one for one in inside if not is_written_by_us(one)]
            if not inside:
                raise UsageError(f"There is no file in the directory {path}.")
            found += inside
        else:
            regular_file(path)
            found.append(path)
    return found


def in_reference_order(files: Sequence[Path], reading: Reading) -> list[tuple[Path, str]]:
    """Return the files with their templates' names, those that others refer to first, those that cannot be told before them."""
    order = list(templates())
    named = [(path, probable_template(path, reading)) for path in files]
    return sorted(named, key=lambda one: order.index(one[1]) if one[1] in order else -1)


def depends_on(template: str) -> set[str]:
    """Return the templates whose records a template's rows refer to, however far."""
    if not template:
        return set()
    direct = set(templates()[template].refers_to)
    return direct.union(*(depends_on(one) for one in direct))


def not_run(verb: str, path: Path, template: str, broken: Sequence[str]) -> Report:
    """Say that a file was left out because of those before it."""
    named = ", ".join(one or "what could not be read" for one in broken)
    report = Report(shown_name(path), verb, template, state="not run")
    report.refused = (
        f"{shown_name(path)} was not run: it refers to {named}, and not all of that was accepted. "
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
    with workspace() as folder:
        copy = folder / store_path(many.store).name
        if there:
            open_store(many.store).close()
            copy_store(store_path(many.store).resolve(), copy)
        with open_store(str(copy), create=True) as store:
            yield store


def copy_store(source: Path, target: Path) -> None:
    """Copy a store as it is at one moment."""
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
    if key_path(source).exists():
        shutil.copyfile(key_path(source), key_path(target))
