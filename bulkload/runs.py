"""One run of one file: its job, the store's lock, the transaction, and the files that are moved in after it."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bulkload import rules
from bulkload.errors import BulkloadError, FileRefused, StoreError
from bulkload.jobs import Job, finish_renames, instant, new_id
from bulkload.load import Load, Outputs, Progress, apply, load
from bulkload.recall import Recollection
from bulkload.results import PartFile, RejectsFile, ResultsFile, Tally, default_rejects, default_results
from bulkload.source import Reading, Source, digest_beside, identify, regular_file
from bulkload.spool import Spool
from bulkload.store import Store, jobs
from bulkload.template import Options


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: a file, how to read it, how to load it, where its results go (None: nowhere)."""

    path: Path
    reading: Reading
    options: Options
    results: Path | None = None
    wait: float = 600.0
    progress: Progress = lambda _part, _rows: None
    say: Callable[[str], None] = lambda _sentence: None


@dataclass(slots=True)
class Report:
    """What became of a file; `refused` is the sentence of a file that was refused as a whole."""

    file: str
    verb: str
    template: str | None = None
    store: str | None = None
    job: str | None = None
    state: str = "done"
    tally: Tally = field(default_factory=Tally)
    refused: str | None = None
    refused_code: str | None = None
    unchecked: list[str] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    results: str | None = None
    rejects: str | None = None
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """Return the exit code of a run that ended so."""
        if self.refused is not None or self.state == "refused":
            return 3
        return 1 if self.tally.rejected else 0

    def as_dict(self) -> dict[str, Any]:
        """Return what `--format json` prints."""
        return {
            "file": self.file,
            "command": self.verb,
            "template": self.template,
            "store": self.store,
            "job": self.job,
            "state": self.state,
            "refused": self.refused,
            "refused_code": self.refused_code,
            "rows": self.tally.rows,
            "outcomes": dict(self.tally.outcomes),
            "findings": self.tally.findings(),
            "warnings": self.warnings,
            "not_checked": self.unchecked,
            "results": self.results,
            "rejects": self.rejects,
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
        }


@contextlib.contextmanager
def workspace(folder: Path | None) -> Iterator[Path]:
    """Give a folder that only this user can read, and remove it with all that is in it."""
    made = folder is not None
    place = folder if folder is not None else Path(tempfile.mkdtemp(prefix="bulkload-"))
    if made:
        place.parent.parent.mkdir(exist_ok=True, mode=0o700)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def validate(request: Request, store: Store | None, *, stays: bool = False) -> Report:
    """Do all that `apply` does but applying; without a store, all that needs none.

    `stays`: the store is a copy that will be thrown away, and later files are to be checked on top of this one.
    """
    begun = time.monotonic()
    report = Report(request.path.name, "validate", store=str(store.path) if store else None)
    with workspace(None) as work:
        try:
            with identify(request.path, request.reading, work) as source:
                one = prepare(request, source, store, work, "validate")
                try:
                    load(one)
                except BaseException:
                    discard(one.outputs)
                    raise
                report.template = source.template.name
                settle_all_or_nothing(one, report)
                if stays and store is not None and report.state != "refused":
                    with store.transaction():
                        apply(one.spool, store, 0)
                report.unchecked = sorted({placed.code.word for placed in one.left} if store is None else set())
                if one.outputs.results is not None and request.results is not None:
                    move_in(one.outputs.results.target, request.results)
                    report.results = str(request.results)
                report.tally = one.tally
        except FileRefused as refusal:
            report.refused, report.refused_code, report.state = str(refusal), refusal.code, "refused"
    report.seconds = time.monotonic() - begun
    return report


def prepare(request: Request, source: Source, store: Store | None, work: Path, token: str) -> Load:
    """Make the load of a file: its family's run, its outputs, its spool."""
    run = source.template.family.begin(source.template, store, request.options) if store else None
    results = ResultsFile(request.results, token, source.template) if request.results else None
    spool = Spool(work / "spool")
    recollection = Recollection(store, spool, run.recalls) if store and run else None
    return Load(source, request.options, spool, store, run, recollection, Outputs(results), request.progress)


def discard(outputs: Outputs) -> None:
    """Remove what a load had written when it failed."""
    for one in (outputs.results, outputs.rejects):
        if one is not None:
            one.target.discard()


def move_in(target: PartFile, place: Path) -> None:
    """Finish a file and move it to its place."""
    target.finish()
    target.part.replace(place)


def settle_all_or_nothing(one: Load, report: Report) -> None:
    """Where all or nothing is asked for and a row was rejected, turn the others into skipped ones."""
    if one.options.all_or_nothing and one.tally.rejected:
        one.tally.refuse_all()
        if one.outputs.results is not None:
            one.outputs.results.refuse_all()
        report.state = "refused"


def apply_file(request: Request, store: Store) -> Report:
    """Apply a file as a job: wait for the store, load, commit with the job's record, move results in."""
    begun = time.monotonic()
    path = request.path.absolute()
    size = regular_file(path)
    now = int(request.options.now.timestamp())
    job = Job(new_id(request.options.now), "queued", path.name, str(path), submitted_at=now, size=size)
    job = replace(job, number=jobs.add(store, job))
    report = Report(path.name, "apply", store=str(store.path), job=job.id)
    try:
        with store.lock(wait=request.wait, waiting=lambda: request.say(waiting_sentence(store))):
            for closed in jobs.tidy(store, now):
                request.say(
                    f"Job {closed.id} ({closed.file}) had been cut off before it was applied; it is closed as interrupted."
                )
            jobs.change(store, job.id, state="running", started_at=now)
            with workspace(jobs.folder(store) / job.id / "work") as work:
                run_job(request, store, job, report, work)
    except FileRefused as refusal:
        report.refused, report.refused_code, report.state = str(refusal), refusal.code, "refused"
        jobs.change(store, job.id, state="refused", ended_at=now, message=str(refusal))
    except KeyboardInterrupt:
        close_failed(store, job, "interrupted", "Interrupted by hand. Nothing of the file is in the store.")
        raise
    except Exception as error:
        close_failed(store, job, "failed", str(error) if isinstance(error, BulkloadError) else type(error).__name__)
        raise
    report.seconds = time.monotonic() - begun
    return report


def waiting_sentence(store: Store) -> str:
    """Say which run is being waited for."""
    running = [one for one in jobs.unfinished(store) if one.state == "running"]
    by = f": job {running[0].id} ({running[0].file}, by {running[0].who})" if running else ""
    return f"Another run holds the store{by}. Waiting for it to end."


def close_failed(store: Store, job: Job, state: str, message: str) -> None:
    """Note how a job failed, as far as the store still can."""
    with contextlib.suppress(StoreError, sqlite3.Error):
        jobs.change(store, job.id, state=state, ended_at=int(time.time()), message=message)


def run_job(request: Request, store: Store, job: Job, report: Report, work: Path) -> None:
    """Load a file and commit it; the lock is held."""
    path = request.path.absolute()
    sha256 = digest_beside(path)
    with identify(path, request.reading, work) as source:
        report.template = source.template.name
        one = prepare(request, source, store, work, job.id)
        one.outputs.rejects = RejectsFile(rejects_place(request), job.id, source, one.spool)
        try:
            load(one)
            if not source.reader.unchanged():
                raise FileRefused(
                    "FILE_CHANGED",
                    f"{path.name} was changed while it was read. Nothing was applied; run the command again.",
                )
            settle_all_or_nothing(one, report)
            warn_of_earlier(store, sha256.result(), job, report)
            keep(one, store, job)
            commit(one, store, job, report, sha256.result())
        except BaseException:
            discard(one.outputs)
            raise
    report.tally = one.tally


def rejects_place(request: Request) -> Path:
    """Return where the rejects of a request go: beside its results."""
    beside = request.results.parent if request.results else request.path.absolute().parent
    return beside / default_rejects(request.path).name


def warn_of_earlier(store: Store, sha256: str, job: Job, report: Report) -> None:
    """Warn where the same content has been applied before."""
    earlier = jobs.applied_before(store, sha256, job.id)
    if earlier is not None:
        code = rules.FILE_APPLIED_BEFORE
        message = code.message.format(job=earlier.id, when=instant(earlier.ended_at))
        report.warnings.append({"code": code.word, "message": f"{report.file}: {message}"})


def keep(one: Load, store: Store, job: Job) -> None:
    """Finish the outputs, and keep a copy of each with the job."""
    folder = jobs.folder(store) / job.id
    for output, name in ((one.outputs.results, "results.csv"), (one.outputs.rejects, "rejects")):
        if output is not None:
            output.finish()
            if output.target.begun and (
                name == "results.csv" or not any(field.secret for field in one.template.fields)
            ):
                shutil.copyfile(output.target.part, folder / name)
                (folder / name).chmod(0o600)


def commit(one: Load, store: Store, job: Job, report: Report, sha256: str) -> None:
    """Write everything in one transaction with the job's record, then move the files in."""
    assert job.number is not None
    refused = report.state == "refused"
    moves: list[tuple[str | None, str]] = []
    for output in (one.outputs.results, one.outputs.rejects):
        if output is not None:
            target = output.target
            moves.append((str(target.part) if target.begun else None, str(target.path)))
    results, rejects = one.outputs.results, one.outputs.rejects
    report.results = str(results.target.path) if results is not None and results.target.begun else None
    report.rejects = str(rejects.target.path) if rejects is not None and rejects.target.begun else None
    with store.transaction():
        if not refused:
            apply(one.spool, store, job.number)
        jobs.change(
            store,
            job.id,
            state=report.state,
            template=one.template.name,
            sha256=sha256,
            ended_at=max(int(time.time()), job.submitted_at),
            rows=one.tally.rows,
            counts=json.dumps(dict(one.tally.outcomes)),
            findings=json.dumps(one.tally.findings() + report.warnings, ensure_ascii=False),
            results=report.results,
            rejects=report.rejects,
            renames=json.dumps(moves),
        )
    finish_renames(json.dumps(moves))
    jobs.change(store, job.id, renames="[]")


def results_place(path: Path, asked: Path | None) -> Path:
    """Return where the results of an apply go: where asked, in the folder asked, or beside the input."""
    if asked is None:
        return default_results(path)
    return asked / default_results(path).name if asked.is_dir() else asked
