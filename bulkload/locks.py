"""What a lock of an importer is: who set it when, by which file, and why (seed 003, unlocking imports)."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Lock:
    """A brake on one importer of a template, the global one (`course` is blank) or a course's.

    `why` has the discrepancies of the file, one on a line; instants are seconds since 1970 in UTC.
    """

    template: str
    course: str
    job: str
    file: str
    who: str
    locked_at: int
    code: str
    why: str
    number: int | None = None

    @property
    def importer(self) -> str:
        """Name the importer."""
        return (
            f"the importer {self.template} of the course {self.course}"
            if self.course
            else f"the global importer {self.template}"
        )

    @property
    def sentence(self) -> str:
        """Say who locked what, when, and by which file."""
        when = datetime.fromtimestamp(self.locked_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        first = self.why.split("\n")[0]
        return f"{self.importer} was locked on {when} by {self.who} with {self.file} (job {self.job}, {self.code}: {first})"

    @property
    def command(self) -> str:
        """Return the command that lifts the lock."""
        return f"bulkload unlock {self.template}" + (f" --course {shlex.quote(self.course)}" if self.course else "")
