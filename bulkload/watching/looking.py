"""Looks into a drop folder and tells which files in it are whole: nobody has changed them for a while, or is writing them."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bulkload.places import is_written_by_us
from bulkload.sites import Folder

UNFINISHED = (".tmp", ".part", ".filepart")
"""Endings that programs give to files that they are still sending (unattended §2.4)."""

State = tuple[int, int, int]
"""What tells a file from what it was: its number on the disk, its size, and when it was changed, in nanoseconds."""


@dataclass
class Looks:
    """Remembers what a folder's files looked like, and since when by a clock that never jumps.

    `left` are names of files that are not taken though they are whole, since bulkload wrote them.
    """

    folder: Folder
    settle: float
    seen: dict[str, tuple[State, float]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)

    def whole(self, now: float) -> list[Path]:
        """Look into the folder, and return the files that have not changed for `settle` seconds; raise OSError.

        `now`: seconds of a clock that never jumps. Two looks at least are between a file's last change and its taking.
        """
        before, self.seen = self.seen, {}
        found, names = [], set()
        for name, state in files_in(self.folder.path):
            names.add(name)
            if not is_wanted(name, self.folder.marker):
                continue
            known = before.get(name)
            since = known[1] if known is not None and known[0] == state else now
            self.seen[name] = state, since
            if known is not None and known[0] == state and now - since >= self.settle:
                found.append(self.folder.path / name)
        return [one for one in found if self._is_ready(one, names)]

    @property
    def waits(self) -> bool:
        """Say whether the last look saw a file that was not there, or not the same, the time before."""
        return bool(self.seen.keys() - self.left)

    def _is_ready(self, path: Path, names: set[str]) -> bool:
        if self.folder.marker and path.name + self.folder.marker not in names:
            return False
        with contextlib.suppress(OSError):
            if is_written_by_us(path):
                self.left.add(path.name)
                return False
        return not is_being_written(path)


def files_in(folder: Path) -> Iterator[tuple[str, State]]:
    """Yield the regular files of a folder with their states, in the order of their names; raise OSError."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            with contextlib.suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    yield entry.name, (found.st_ino, found.st_size, found.st_mtime_ns)


def is_wanted(name: str, marker: str | None) -> bool:
    """Say whether a name may be that of a file that has been sent."""
    lower = name.lower()
    return not (name.startswith(".") or lower.endswith(UNFINISHED) or (marker and name.endswith(marker)))


def is_being_written(path: Path) -> bool:
    """Say whether some process has a file open for writing, where the system tells; where it does not, no.

    Linux grants a lease to a reader of a local file only when nobody writes it.
    """
    if sys.platform != "linux":
        return False
    import errno
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(handle)
    return False
