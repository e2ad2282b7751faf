"""What a job is: what was asked for, is being done, was done."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Digits and letters that are not mistaken for one another (Crockford's base 32)."""

SECOND_SIGNS, CHANCE_SIGNS = 7, 3
"""Signs of an id that tell the second, and those that tell jobs of one second apart."""

KEPT_SECONDS = 60 * 24 * 3600
"""How long jobs are shown: 60 times 24 hours (seed 000)."""


FOLDER = "folder"
"""How a job came whose file was taken out of a drop folder."""


def new_id(now: datetime) -> str:
    """Return an id that sorts by time: seven signs of the second, three of chance."""
    return in_signs(int(now.timestamp()), SECOND_SIGNS) + "".join(
        ALPHABET[byte % 32] for byte in os.urandom(CHANCE_SIGNS)
    )


def in_signs(number: int, width: int) -> str:
    """Return a number in signs."""
    signs = ""
    for _ in range(width):
        number, rest = divmod(number, len(ALPHABET))
        signs = ALPHABET[rest] + signs
    return signs


def in_number(signs: str) -> int:
    """Return the number that signs stand for."""
    number = 0
    for sign in signs:
        number = number * len(ALPHABET) + ALPHABET.index(sign)
    return number


def following(job_id: str) -> str:
    """Return the id that comes right after another."""
    return in_signs(in_number(job_id) + 1, len(job_id))


def time_of(job_id: str) -> int:
    """Return the second that an id was drawn in."""
    return in_number(job_id[:SECOND_SIGNS])


def whoami() -> str:
    """Return the operating system's user."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def process(pid: int) -> str | None:
    """Return what tells a process from a later one of the same number; None where there is none.

    Linux says when it began; elsewhere the number alone has to do.
    """
    try:
        with contextlib.suppress(PermissionError):  # it runs, as another user
            os.kill(pid, 0)
    except ProcessLookupError:
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return str(pid)
    return f"{pid}-{stat.rpartition(')')[2].split()[19]}"


def is_alive(known: str) -> bool:
    """Say whether the process that was known so still runs."""
    return process(int(known.partition("-")[0])) == known


def me() -> str:
    """Return what tells this process from others."""
    return process(os.getpid()) or str(os.getpid())


@dataclass(frozen=True, slots=True)
class Job:
    """One apply of one file; instants are seconds since 1970 in UTC, null: not yet.

    `renames` are the files that are written beside their places, as [part, place, keeps], and moved in after the
    commit; a part of null means that the place has to be cleared, `keeps` (may be left out) that what stands there
    stays, under a name with a number: nobody is there to have seen it. `process` says whose job it is. `published`
    are the files that a job which came by a folder has written there, as [place, size, SHA-256].
    """

    id: str
    state: str
    file: str
    path: str
    via: str = "command"
    who: str = field(default_factory=whoami)
    process: str = field(default_factory=me)
    submitted_at: int = 0
    number: int | None = None
    template: str | None = None
    sha256: str | None = None
    size: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    message: str | None = None
    rows: int = 0
    outcomes: str = "{}"
    counts: str = "{}"
    findings: str = "[]"
    results: str | None = None
    rejects: str | None = None
    errors: str | None = None
    renames: str = "[]"
    published: str = "[]"

    @property
    def comes_again(self) -> bool:
        """Say whether the job is run again after a crash, by whoever watches its folder, and is not closed."""
        return self.via == FOLDER

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
            "outcomes": json.loads(self.outcomes),
            "counts": json.loads(self.counts),
            "findings": json.loads(self.findings),
            "results": self.results,
            "rejects": self.rejects,
            "errors": self.errors,
        }


def instant(seconds: int | None) -> str | None:
    """Return an instant as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def finish_renames(renames: str) -> None:
    """Move finished files to their places, and clear the places whose part is null; what was moved before is left alone."""
    for part, place, *keeps in json.loads(renames):
        if part is None and any(keeps):
            keep_older(Path(place))
        elif part is None:
            Path(place).unlink(missing_ok=True)
        elif Path(part).exists():
            if any(keeps):
                keep_older(Path(place))
            Path(part).replace(place)


def are_moved(renames: str) -> bool:
    """Say whether all finished files have left for their places."""
    return not any(part is not None and Path(part).exists() for part, *_ in json.loads(renames))


def keep_older(place: Path) -> None:
    """Give way: what stands at a place becomes `.1`, what was `.1` becomes `.2`, up to the first number that is free.

    Nothing is ever overwritten, so it can be cut off anywhere and done again (user-enrollment §4).
    """
    if not place.exists():
        return
    numbered = [place]
    while numbered[-1].exists():
        numbered.append(place.with_name(f"{place.name}.{len(numbered)}"))
    for new, old in zip(numbered[:0:-1], numbered[-2::-1], strict=True):
        old.rename(new)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def drop_parts(renames: str) -> None:
    """Remove what a job that was cut off had begun to write."""
    for part, *_ in json.loads(renames):
        if part is not None:
            Path(part).unlink(missing_ok=True)
