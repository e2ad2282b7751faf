"""Counts what PARS asks for: learners by category, with and without credit (seed 003, PARS; course-record §5)."""

from __future__ import annotations

from dataclasses import dataclass

from bulkload.errors import UsageError
from bulkload.store import Store, records

ALL = "all"


@dataclass(frozen=True, slots=True)
class Count:
    """How many learners of a category took part, each once for each course."""

    category: str
    with_credit: int
    without_credit: int

    @property
    def learners(self) -> int:
        """Return all of them."""
        return self.with_credit + self.without_credit


def pars(store: Store, categories: tuple[str, ...], course: str | None) -> list[Count]:
    """Return the counts of each category, and of all; records of the global importer are not among them.

    Raises UsageError where there is no such course.
    """
    if course is not None and records.course(store, course) is None:
        raise UsageError(f"There is no course {course}. `bulkload export course` lists the courses.")
    found = {category: (given, none) for category, given, none in records.participants(store, course)}
    counts = [Count(one, *found.get(one, (0, 0))) for one in categories]
    whole = Count(ALL, sum(one.with_credit for one in counts), sum(one.without_credit for one in counts))
    return [*counts, whole]
