"""Keeps files with a discrepancy of form out: they are refused, and lock their importer (course-record §4)."""

from __future__ import annotations

from bulkload import rules
from bulkload.errors import FileRefused, FormRefused, ImporterLocked, NulFound
from bulkload.jobs import Job
from bulkload.locks import Lock
from bulkload.results import Tally
from bulkload.store import Store, locks
from bulkload.template import Options, Template

KEPT = 100
"""Discrepancies of a file that its lock keeps."""


def refuse_locked(store: Store, template: Template, options: Options) -> None:
    """Raise ImporterLocked where a template's importer is locked."""
    lock = standing(store, template, options)
    if lock is not None:
        raise ImporterLocked(
            rules.IMPORTER_LOCKED.word,
            f"{lock.sentence}. Nothing was read. Mend that file, then lift the lock: {lock.command}",
        )


def standing(store: Store, template: Template, options: Options) -> Lock | None:
    """Return the lock of a template's importer under the options of a run, or None where it has none."""
    return locks.standing(store, template.name, options.course or "") if template.guarded else None


def remark(lock: Lock) -> dict[str, str]:
    """Return the warning that `apply` will be refused."""
    code = rules.IMPORTER_LOCKED
    return {"code": code.word, "message": code.message.format(lock=lock.sentence, unlock=lock.command)}


def refuse_form(file: str, template: Template, options: Options, tally: Tally) -> FormRefused | None:
    """Return why a file is refused for its form, if it is; with `--clean` it is not."""
    found = tally.codes.get(rules.SPECIAL_CHARACTER.word)
    if not template.guarded or options.clean or found is None:
        return None
    return FormRefused(rules.SPECIAL_CHARACTER.word, file, template.name, found["first"], found["rows"])


def as_form(refusal: NulFound, file: str, template: Template, options: Options) -> FileRefused:
    """Return the refusal of a NUL byte as one of form, where that locks: no reader reads on after it."""
    if not template.guarded or options.clean:
        return refusal
    return FormRefused(rules.SPECIAL_CHARACTER.word, file, template.name, [str(refusal)])


def lock(store: Store, job: Job, options: Options, refusal: FormRefused) -> str:
    """Lock the importer of a file that was refused for its form, and say so; the transaction is open."""
    why = "\n".join(refusal.discrepancies[:KEPT])
    course = options.course or ""
    made = Lock(refusal.template, course, job.id, job.file, job.who, job.submitted_at, refusal.code, why)
    locks.add(store, made)
    return f"{made.importer[0].upper()}{made.importer[1:]} is locked: mend the file, then run `{made.command}`."
