"""One run of one file: its job, the store's lock, the transaction, and the files that are moved in after it."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bulkload import guard, rules
from bulkload.changes import moment_text
from bulkload.delivery import discard, move_all_in, move_in, places, published, refusal_log, shown
from bulkload.errors import BulkloadError, Busy, FileRefused, FormRefused, NulFound, StoreError
from bulkload.first_pass import first_pass
from bulkload.formats.spreadsheet import SpreadsheetFile
from bulkload.gather import Gathering
from bulkload.jobs import Job, me, new_id, sha256_of
from bulkload.load import Load, Progress
from bulkload.recall import Recollection
from bulkload.report import Report
from bulkload.results import ErrorsFile, PartFile, RejectsFile, ResultsFile
from bulkload.second_pass import second_pass
from bulkload.source import Digest, Reading, Source, identify, regular_file, shown_name, shown_path
from bulkload.spool import Spool, writing
from bulkload.store import Store, jobs
from bulkload.template import Options
from bulkload.templates import template_named
from bulkload.workspace import workspace
from bulkload.writes import Writes, apply

SMALL = 64 << 20
"""Bytes of a refused file up to which it is still read, to note its digest."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: a file, how to read it, how to load it, where its results go (None: nowhere).

    `job`: the job that it is already, since it was taken out of a folder.
    """

    path: Path
    reading: Reading
    options: Options
    results: Path | None = None
    wait: float = 600.0
    progress: Progress = lambda _part, _rows: None
    say: Callable[[str], None] = lambda _sentence: None
    job: Job | None = None


def validate(request: Request, store: Store | None, *, stays: bool = False, folder: Path | None = None) -> Report:
    """Do all that `apply` does but applying; without a store, all that needs none.

    `stays`: the store is a copy that will be thrown away, and later files are to be checked on top of this one.
    `folder` is made for what has to be set aside, and removed; else it is one of the system's for such things.
    """
    report = Report(shown_name(request.path), "validate", store=str(store.path) if store else None)
    with workspace(folder) as work:
        try:
            with identify(request.path, request.reading, request.options, work) as source:
                report.remark(source.template.remarks)
                lock = guard.standing(store, source.template, request.options) if store is not None else None
                report.warnings += [guard.remark(lock)] if lock is not None else []
                one = prepare(request, source, store, work, writes=stays)
                if request.results is not None:
                    one.outputs.results = ResultsFile(PartFile(request.results, secrets.token_hex(4)), source.template)
                try:
                    if one.outputs.results is not None:
                        one.outputs.results.begin()
                    read(one)
                except BaseException:
                    discard(one.outputs)
                    raise
                report.template = source.template.name
                settle_all_or_nothing(one, report, work)
                refuse_misfit(one, report)
                refusal = guard.refuse_form(report.file, source.template, request.options, one.tally)
                if refusal is not None and report.state != "refused":
                    refuse_all(one, work)
                if refusal is not None:
                    report.refuse(refusal)
                if stays and store is not None and report.state != "refused":
                    with store.transaction(one.tally.rows):
                        apply(one.spool, store, store.next_number("job"))
                report.unchecked = [] if store is not None else unchecked(one)
                if one.outputs.results is not None and request.results is not None:
                    move_in(one.outputs.results.target, request.results, keeps=source.template.log is not None)
                    report.results = shown_path(request.results)
                report.tally = one.tally
        except FileRefused as refusal:
            report.refuse(refusal)
    report.seconds = time.monotonic() - report.begun
    return report


def unchecked(one: Load) -> list[str]:
    """Return the codes of which no rule could be checked without a store."""
    left = {placed.position for placed in one.left}
    checked = {placed.code.word for placed in one.template.placed if placed.position not in left}
    return sorted({placed.code.word for placed in one.left} - checked)


def prepare(request: Request, source: Source, store: Store | None, work: Path, *, writes: bool) -> Load:
    """Make the load of a file: its family's run, its spool, what it recalls and, where that will be applied, writes."""
    reader = source.reader
    if isinstance(reader, SpreadsheetFile) and reader.other_sheets:
        left = ", ".join(reader.other_sheets)
        request.say(
            f"{shown_name(source.path)}: the sheet {reader.sheet} is read, not {left}; --sheet chooses another."
        )
    one = Load(source, request.options, Spool(work / "spool"), progress=request.progress)
    if store is not None:
        try:
            one.run = source.template.family.begin(source.template, store, request.options)
        except FileRefused as refusal:
            raise FileRefused(refusal.code, f"{shown_name(source.path)}: {refusal}") from None
        one.recollection = Recollection(store, one.spool, one.run.recalls)
        one.gathering = Gathering(one.spool, one.run)
        one.writes = Writes(store, one.spool) if writes else None
    return one


def read(one: Load) -> None:
    """Take a file to its outcomes; raise FormRefused where it holds a NUL byte, and its template is guarded."""
    try:
        first_pass(one)
        second_pass(one)
    except NulFound as refusal:
        raise guard.as_form(refusal, shown_name(one.source.path), one.template, one.options) from refusal


def settle_all_or_nothing(one: Load, report: Report, work: Path) -> None:
    """Where all or nothing is asked for and a row was rejected, turn the others into skipped ones."""
    if one.options.all_or_nothing and one.tally.rejected:
        refuse_all(one, work)
        report.state = "refused"


def refuse_misfit(one: Load, report: Report) -> None:
    """Refuse a file without a heading row of which no line has the right number of values (user-enrollment §1)."""
    misfits = [one.tally.codes[code]["rows"] for code in ("CELL_COUNT", "BLANK_LINE") if code in one.tally.codes]
    if one.template.positional and one.tally.rows and sum(misfits) == one.tally.rows:
        report.refuse(
            FileRefused(
                "FORMAT_UNKNOWN",
                f"{report.file}: no line has {one.source.matched.width} values, so it is no {one.template.name} file. "
                f"Is --delimiter right? There is no heading row, and no quotes.",
            )
        )


def refuse_all(one: Load, work: Path) -> None:
    """Turn the rows that were not rejected into skipped ones."""
    one.tally.refuse_all()
    if one.outputs.results is not None:
        one.outputs.results.refuse_all(work)


def apply_file(request: Request, store: Store) -> Report:
    """Apply a file as a job: wait for the store, load, commit with the job's record, move results in."""
    path = request.path.absolute()
    size = regular_file(path)
    now = int(request.options.now.timestamp())
    name = shown_name(path)
    via = request.reading.method or "command"
    job = request.job or Job(
        new_id(request.options.now), "queued", name, shown_path(path), via, submitted_at=now, size=size
    )
    report = Report(name, "apply", store=str(store.path))
    with hold(request, store, job) as job:
        report.job = job.id
        for sentence in jobs.tidy(store, now):
            request.say(sentence)
        try:
            run_job(request, store, job, report)
        except FileRefused as refusal:
            report.refuse(refusal)
            moves, wrote = refusal_log(request, job, report, refusal)
            with store.transaction():
                close_job(store, job, "refused", str(refusal), now)
                jobs.change(store, job.id, results=report.results, renames=moves, published=wrote)
                if isinstance(refusal, FormRefused):
                    report.refused = f"{refusal} {guard.lock(store, job, request.options, refusal)}"
            move_all_in(request, store, job, report, moves)
            if size <= SMALL:
                jobs.change(store, job.id, sha256=sha256_of(path))
        except KeyboardInterrupt:
            give_up(store, job, "interrupted", "Interrupted by hand. Nothing of the file is in the store.", now)
            raise
        except (BulkloadError, OSError) as error:
            give_up(store, job, "failed", str(error), now)
            raise
        except BaseException as error:
            close_job(store, job, "failed", f"A fault of bulkload itself: {type(error).__name__}.", now)
            raise
        finally:
            jobs.remove_work(store, job.id)
    report.seconds = time.monotonic() - report.begun
    return report


@contextlib.contextmanager
def hold(request: Request, store: Store, job: Job) -> Iterator[Job]:
    """Hold the store for a job; the job is noted at once, as waiting where another run has the store.

    Raises Busy after the time that the request allows for waiting.
    """
    deadline = time.monotonic() + request.wait
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(store.lock(wait=0))
        except Busy:
            store.be_patient(request.wait)
            request.say(f"Another run holds the store{by_whom(store)}. Waiting for it to end.")
            job = noted(store, job)
            try:
                held.enter_context(store.lock(wait=max(deadline - time.monotonic(), 0)))
            except BaseException as error:
                state = "failed" if isinstance(error, Busy) else "interrupted"
                give_up(store, job, state, str(error) or "Interrupted by hand while it waited.", job.submitted_at)
                raise
        else:
            job = noted(store, job)
        yield job


def noted(store: Store, job: Job) -> Job:
    """Note a job, unless it is noted already."""
    return jobs.add(store, job) if job.number is None else job


def by_whom(store: Store) -> str:
    """Say which job is running."""
    running = jobs.running(store)
    return f": job {running[0].id} ({running[0].file}, by {running[0].who})" if running else ""


def give_up(store: Store, job: Job, state: str, message: str, now: int) -> None:
    """Note how a job ended without being applied; one that comes again waits for its next turn instead."""
    if not job.comes_again:
        close_job(store, job, state, message, now)
        return
    with contextlib.suppress(StoreError, Busy):
        jobs.close(store, job.id, state="queued", message=message, renames="[]")


def close_job(store: Store, job: Job, state: str, message: str, now: int) -> None:
    """Note how a job ended without being applied, as far as the store still can; what was committed stays so."""
    with contextlib.suppress(StoreError, Busy):
        jobs.close(store, job.id, state=state, ended_at=now, message=message, renames="[]")


def run_job(request: Request, store: Store, job: Job, report: Report) -> None:
    """Load a file and commit it; the lock is held."""
    path = request.path.absolute()
    results, rejects, errors = places(request, job)
    parts = json.dumps([[str(one.part), str(one.path), False] for one in (results, rejects, errors)])
    started = int(request.options.now.timestamp())
    jobs.change(store, job.id, state="running", process=me(), started_at=started, message=None, renames=parts)
    with (
        workspace(jobs.folder(store) / job.id / "work") as work,
        identified(request, store, work) as source,
        contextlib.closing(Digest(source.reader.fileno())) as sha256,
    ):
        report.template = source.template.name
        report.remark(source.template.remarks)
        one = prepare(request, source, store, work, writes=True)
        one.outputs.results = ResultsFile(results, source.template)
        one.outputs.rejects = RejectsFile(rejects, source, one.spool)
        if source.template.errors_show:
            one.outputs.errors = ErrorsFile(errors, source.template)
        try:
            one.outputs.results.begin()
            read(one)
            if not source.reader.unchanged():
                raise FileRefused(
                    "FILE_CHANGED", f"{shown_name(path)} was changed while it was read. Nothing was applied."
                )
            refusal = guard.refuse_form(report.file, source.template, request.options, one.tally)
            if refusal is not None:
                one.tally.refuse_all()
                report.tally = one.tally
                raise refusal
            settle_all_or_nothing(one, report, work)
            refuse_misfit(one, report)
            warn_of_earlier(request, store, sha256.result(), report)
            keep(one, store, job)
            moves = commit(one, store, job, report, sha256.result())
        except BaseException:
            if not jobs.has_ended(store, job):
                discard(one.outputs)
            raise
    report.tally = one.tally
    move_all_in(request, store, job, report, moves)


def identified(request: Request, store: Store, work: Path) -> Source:
    """Identify a file that is to be applied; raise ImporterLocked where its importer is locked, whatever its form."""
    try:
        source = identify(request.path.absolute(), request.reading, request.options, work)
    except FormRefused as refusal:
        guard.refuse_locked(store, template_named(refusal.template), request.options)
        raise
    try:
        guard.refuse_locked(store, source.template, request.options)
    except BaseException:
        source.reader.close()
        raise
    return source


def warn_of_earlier(request: Request, store: Store, sha256: str, report: Report) -> None:
    """Warn where the same content has been applied before."""
    earlier = jobs.applied_before(store, sha256)
    if earlier is not None:
        code = rules.FILE_APPLIED_BEFORE
        when = moment_text(pl.Series([earlier.ended_at], dtype=pl.Int64), request.options)[0]
        message = code.message.format(job=earlier.id, when=when)
        report.warnings.append({"code": code.word, "message": f"{report.file}: {message}"})


def keep(one: Load, store: Store, job: Job) -> None:
    """Finish the outputs, and keep a copy of each with the job."""
    folder = jobs.folder(store) / job.id
    for output in one.outputs.wanted:
        output.finish()
    kept: dict[str, ResultsFile | RejectsFile | None] = {"results.csv": one.outputs.results}
    if not any(field.secret for field in one.template.fields):
        kept["rejects"] = one.outputs.rejects
    for name, copied in kept.items():
        if copied is not None and copied.target.begun:
            with writing(folder / name):
                shutil.copyfile(copied.target.part, folder / name)
                (folder / name).chmod(0o600)


def commit(one: Load, store: Store, job: Job, report: Report, sha256: str) -> str:
    """Write everything in one transaction with the job's record; return the files that are to be moved in."""
    assert job.number is not None
    moves: list[tuple[str | None, str, bool]] = []
    for output in one.outputs.wanted:
        keeps = job.comes_again or (output is one.outputs.results and one.template.log is not None)
        moves.append((str(output.target.part) if output.target.begun else None, str(output.target.path), keeps))
    outputs = one.outputs
    report.results, report.rejects, report.errors = map(shown, (outputs.results, outputs.rejects, outputs.errors))
    wrote = published(job, [output.target for output in outputs.wanted])
    with store.transaction(one.tally.rows):
        if report.state != "refused":
            apply(one.spool, store, job.number)
        jobs.change(
            store,
            job.id,
            state=report.state,
            template=one.template.name,
            sha256=sha256,
            ended_at=int(one.options.now.timestamp() + time.monotonic() - report.begun),
            rows=one.tally.rows,
            outcomes=json.dumps(dict(one.tally.outcomes)),
            counts=json.dumps(dict(one.tally.counts)),
            findings=json.dumps(one.tally.findings() + report.warnings, ensure_ascii=False),
            results=report.results,
            rejects=report.rejects,
            errors=report.errors,
            renames=json.dumps(moves),
            published=wrote,
        )
    return json.dumps(moves)
