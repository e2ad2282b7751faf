"""What a job is: what was asked for, is being done, was done."""

from __future__ import annotations

import getpass
import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Digits and letters that are not mistaken for one another (Crockford's base 32)."""

KEPT_SECONDS = 60 * 24 * 3600
"""How long jobs are shown: 60 times 24 hours (seed 000)."""


def new_id(now: datetime) -> str:
    """Return an id that sorts by time: seven signs of the second, three of chance."""
    number = int(now.timestamp())
    signs = ""
    for _ in range(7):
        number, rest = divmod(number, 32)
        signs = ALPHABET[rest] + signs
    return signs + "".join(secrets.choice(ALPHABET) for _ in range(3))


def whoami() -> str:
    """Return the operating system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@dataclass(frozen=True, slots=True)
class Job:
    """One apply of one file; instants are seconds since 1970 in UTC, null: not yet.

    `renames` are the files that have to be moved in after the commit, as [part, place]; a part of null
    means that the place has to be cleared.
    """

    id: str
    state: str
    file: str
    path: str
    via: str = "command"
    who: str = field(default_factory=whoami)
    pid: int = field(default_factory=os.getpid)
    submitted_at: int = 0
    number: int | None = None
    template: str | None = None
    sha256: str | None = None
    size: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    message: str | None = None
    rows: int = 0
    counts: str = "{}"
    findings: str = "[]"
    results: str | None = None
    rejects: str | None = None
    renames: str = "[]"

    def as_dict(self) -> dict[str, Any]:
        """Return what `status --json` says of the job."""
        return {
            "job": self.id,
            "state": self.state,
            "file": self.file,
            "path": self.path,
            "template": self.template,
            "sha256": self.sha256,
            "size": self.size,
            "via": self.via,
            "who": self.who,
            "submitted_at": instant(self.submitted_at),
            "started_at": instant(self.started_at),
            "ended_at": instant(self.ended_at),
            "message": self.message,
            "rows": self.rows,
            "outcomes": json.loads(self.counts),
            "findings": json.loads(self.findings),
            "results": self.results,
            "rejects": self.rejects,
        }


def instant(seconds: int | None) -> str | None:
    """Return an instant as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_alive(pid: int) -> bool:
    """Say whether a process of this number runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def finish_renames(renames: str) -> None:
    """Move finished files to their places; what has been moved already is left alone."""
    for part, place in json.loads(renames):
        if part is None:
            Path(place).unlink(missing_ok=True)
        elif Path(part).exists():
            Path(part).replace(place)
