"""Where a run writes, and how what it wrote comes to its place: whole, and after the commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bulkload import rules
from bulkload.errors import FileRefused
from bulkload.jobs import Job, finish_renames, keep_older, sha256_of
from bulkload.load import Outputs
from bulkload.places import BOM, default_errors, default_rejects, default_results
from bulkload.report import Report
from bulkload.results import ErrorsFile, PartFile, RejectsFile, ResultsFile
from bulkload.source import probable_template, shown_path
from bulkload.spool import writing
from bulkload.store import Store, jobs
from bulkload.templates import template_named
from bulkload.translog import refusal_line

if TYPE_CHECKING:
    from bulkload.runs import Request


def places(request: Request, job: Job) -> tuple[PartFile, PartFile, PartFile]:
    """Return where a job writes: the results where asked, the rejects and the file of all findings beside them."""
    assert request.results is not None
    place = request.results.absolute()
    whole = place.name == default_results(request.path, whole=True).name
    rejects = default_rejects(request.path, whole=whole)
    errors = default_errors(request.path, request.options.day_shown, whole=whole)
    folder = place.parent
    return PartFile(place, job.id), PartFile(folder / rejects.name, job.id), PartFile(folder / errors.name, job.id)


def discard(outputs: Outputs) -> None:
    """Remove what a load had written when it failed."""
    for one in outputs.wanted:
        one.target.discard()


def move_in(target: PartFile, place: Path, *, keeps: bool) -> None:
    """Finish a file and move it to its place, where what stands there may have to stay under another name."""
    target.finish()
    if keeps:
        keep_older(place)
    target.part.replace(place)


def move_all_in(request: Request, store: Store, job: Job, report: Report, moves: str) -> None:
    """Move finished files to their places; where that cannot be, warn: the next command tries again.

    That it is done is noted here, or, of a job that came by a folder, with what becomes of its file.
    """
    try:
        finish_renames(moves)
    except OSError as error:
        code = rules.RESULTS_NOT_MOVED
        message = code.message.format(reason=error.strerror, job=job.id)
        report.warnings.append({"code": code.word, "message": message})
        request.say(message)
    else:
        if not job.comes_again:
            jobs.change(store, job.id, renames="[]")


def refusal_log(request: Request, job: Job, report: Report, refusal: FileRefused) -> tuple[str, str]:
    """Write, of a refused file whose template has a transaction log, a log with one line.

    Returns what is to be moved in, and what the job has published then.
    """
    name = report.template or probable_template(request.path, request.reading)
    log = template_named(name).log if name else None
    if log is None or request.results is None:
        return "[]", "[]"
    target = PartFile(request.results.absolute(), job.id)
    with writing(target.path):
        target.file.write(BOM + refusal_line(log, refusal))
    target.finish()
    report.results = shown_path(target.path)
    return json.dumps([(str(target.part), str(target.path), True)]), published(job, [target])


def published(job: Job, targets: Sequence[PartFile]) -> str:
    """Return what tells the finished files of a job that came by a folder from all others, so that they can be removed one day."""
    if not job.comes_again:
        return "[]"
    return json.dumps([(str(one.path), one.part.stat().st_size, sha256_of(one.part)) for one in targets if one.begun])


def shown(output: ResultsFile | RejectsFile | ErrorsFile | None) -> str | None:
    """Return the place of an output that holds something."""
    return shown_path(output.target.path) if output is not None and output.target.begun else None
