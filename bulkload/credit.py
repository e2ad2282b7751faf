"""Changes one credit by hand: the seed's "manually edit the credit", a job of its own (course-record §3.3)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime

from bulkload.errors import UsageError
from bulkload.jobs import Job, new_id
from bulkload.store import Store, jobs, records
from bulkload.store.records import Named

AMOUNT = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Change:
    """What is asked for: the credit of a learner in a course, by the texts that name them."""

    course: str
    learner: str
    credit_type: str
    amount: str

    @property
    def words(self) -> str:
        """Return the change as the command names it."""
        return f"credit {self.course} {self.learner} {self.credit_type} {self.amount}"


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of it: the credit before and now, in hundredths, and the job."""

    before: int
    now: int
    job: str

    @property
    def outcome(self) -> str:
        """Say whether anything was changed."""
        return "unchanged" if self.before == self.now else "updated"


def shown(hundredths: int) -> str:
    """Return credits with two decimals."""
    return f"{hundredths // 100}.{hundredths % 100:02}"


def hundredths(amount: str) -> int:
    """Read an amount exactly; raise UsageError where it is none."""
    found = AMOUNT.fullmatch(amount)
    if found is None:
        raise UsageError(f"{amount} is not 0 to 9999.99 with at most two decimals. Write it like 1.25.")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def change_credit(store: Store, change: Change, *, now: datetime, wait: float) -> Changed:
    """Set a credit, in one transaction with its job; raise UsageError where it cannot be given."""
    wanted = hundredths(change.amount)
    at = int(now.timestamp())
    job = Job(new_id(now), "running", change.words, "", via="credit", template="course-record", submitted_at=at)
    with store.lock(wait=wait):
        course, learner, credit_type = named(store, change)
        check(store, change, wanted, (course, learner, credit_type))
        before = records.credits_of(store, learner, course, credit_type) or 0
        with store.transaction():
            job = jobs.add(store, job)
            assert job.number is not None
            done = Changed(before, wanted, job.id)
            if before != wanted:
                records.set_credit(store, (learner.number, course.number, credit_type.number), wanted, job.number)
            outcomes = json.dumps({done.outcome: 1})
            message = f"{shown(before)} → {shown(wanted)}"
            jobs.change(
                store, job.id, state="done", started_at=at, ended_at=at, rows=1, outcomes=outcomes, message=message
            )
    return done


def named(store: Store, change: Change) -> tuple[Named, Named, Named]:
    """Return course, learner and credit type; raise UsageError where one of them is not there."""
    course = records.course(store, change.course)
    if course is None:
        raise UsageError(f"There is no course {change.course}. `bulkload export course` lists the courses.")
    learners = records.learners(store, change.learner)
    if not learners:
        raise UsageError(f"There is no learner of the id or address {change.learner}.")
    if len(learners) > 1:
        ids = ", ".join(one.id for one in learners)
        raise UsageError(f"{len(learners)} learners have the address {change.learner}: {ids}. Give an id.")
    credit_type = records.credit_type(store, change.credit_type)
    if credit_type is None:
        raise UsageError(
            f"There is no credit type {change.credit_type}. `bulkload export credit-type` lists the types."
        )
    return course, learners[0], credit_type


def check(store: Store, change: Change, wanted: int, key: tuple[Named, Named, Named]) -> None:
    """Raise UsageError where the learner can have no such credit: the rules of files hold here too (course-record §3)."""
    course, learner, credit_type = key
    complete = records.is_complete(store, learner, course)
    if complete is None:
        raise UsageError(f"The learner {learner.id} is not in the course {course.id}.")
    if not complete and wanted:
        raise UsageError(
            f"The learner {learner.id} has not completed the course {course.id}, and credit is for completed records."
        )
    most, variable = records.limit(store, course, credit_type)
    if course.certain and wanted > most:
        raise UsageError(f"{change.amount} is more than the course gives of the type {credit_type.id}: {shown(most)}.")
    if course.certain and not variable and 0 < wanted < most:
        raise UsageError(
            f"{change.amount} is less than the course gives of the type {credit_type.id}, {shown(most)}, "
            f"which is not variable there."
        )
