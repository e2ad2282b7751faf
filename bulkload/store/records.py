"""Single course records and credits, and the counts of them: what the commands `report` and `credit` ask for."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bulkload.store import Store


@dataclass(frozen=True, slots=True)
class Named:
    """A record of the store: its number and its key; `certain` is whether a course is no shell."""

    number: int
    id: str
    certain: bool = True


def course(store: Store, name: str) -> Named | None:
    """Return a course by its id."""
    found = store.query("SELECT number, id, required_objects IS NOT NULL FROM course WHERE id = ?", name)
    return Named(found[0][0], found[0][1], bool(found[0][2])) if found else None


def learners(store: Store, name: str) -> list[Named]:
    """Return the learner of an id, or else all those of an address, in any letter case."""
    found = store.query("SELECT number, id FROM learner WHERE id = ?", name)
    if not found:
        every = store.query("SELECT number, id, email FROM learner WHERE email LIKE ?", name)
        found = [(number, own) for number, own, email in every if email.lower() == name.lower()]
    return [Named(number, own) for number, own in found]


def credit_type(store: Store, name: str) -> Named | None:
    """Return a credit type by its code."""
    found = store.query("SELECT number, code FROM credit_type WHERE code = ?", name)
    return Named(*found[0]) if found else None


def limit(store: Store, of_course: Named, of_type: Named) -> tuple[int, bool]:
    """Return the most credit of a type that a course gives, in hundredths, and whether it may be less."""
    found = store.query(
        "SELECT max_credits, variable FROM course_credit WHERE course = ? AND credit_type = ?",
        of_course.number,
        of_type.number,
    )
    return (found[0][0], bool(found[0][1])) if found else (0, False)


def is_complete(store: Store, learner: Named, of_course: Named) -> bool | None:
    """Return whether a learner has completed a course, None where they are not in it."""
    found = store.query(
        "SELECT complete FROM course_record WHERE learner = ? AND course = ?", learner.number, of_course.number
    )
    return bool(found[0][0]) if found else None


def credits_of(store: Store, learner: Named, of_course: Named, of_type: Named) -> int | None:
    """Return a learner's credit of a type in a course, in hundredths; None where nothing is stored of it."""
    found = store.query(
        "SELECT credits FROM credit WHERE learner = ? AND course = ? AND credit_type = ?",
        learner.number,
        of_course.number,
        of_type.number,
    )
    return found[0][0] if found else None


def set_credit(store: Store, key: tuple[int, int, int], amount: int, job: int) -> None:
    """Set a learner's credit (learner, course, credit type), and keep what it was; the transaction is open."""
    found = store.query(
        "SELECT credits, expiration, content FROM credit WHERE learner = ? AND course = ? AND credit_type = ?", *key
    )
    if not found:
        store.execute(
            "INSERT INTO credit (learner, course, credit_type, credits, created_job, changed_job) VALUES (?, ?, ?, ?, ?, ?)",
            *key, amount, job, job,
        )  # fmt: skip
        return
    before = json.dumps(dict(zip(("credits", "expiration", "content"), found[0], strict=True)))
    named = json.dumps(dict(zip(("learner", "course", "credit_type"), key, strict=True)))
    store.execute(
        "UPDATE credit SET credits = ?, changed_job = ? WHERE learner = ? AND course = ? AND credit_type = ?",
        amount, job, *key,
    )  # fmt: skip
    store.execute(
        """INSERT INTO journal (job, "table", "key", "before") VALUES (?, 'credit', ?, ?)""", job, named, before
    )


def participants(store: Store, of_course: str | None) -> list[tuple[str, int, int]]:
    """Return, for each participant category, how many learners have credit and how many have none.

    Counted are records of the importers of courses which have a start and a category, each learner once for
    each course.
    """
    return [
        (category, given, none)
        for category, given, none in store.query(
            """
            SELECT category, sum(given), sum(NOT given) FROM (
                SELECT category, EXISTS (
                    SELECT 1 FROM credit WHERE credit.learner = record.learner AND credit.course = record.course AND credits > 0
                ) AS given
                FROM course_record AS record JOIN course ON course.number = record.course
                WHERE NOT legacy AND "start" IS NOT NULL AND category IS NOT NULL AND (?1 IS NULL OR course.id = ?1)
            ) GROUP BY category
            """,
            of_course,
        )
    ]
