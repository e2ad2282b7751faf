"""Gives a run a folder for what it sets aside, and removes what runs that were killed have left of such folders."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bulkload.errors import BulkloadError
from bulkload.store.locking import locked

PREFIX = "bulkload-"
"""How the folders begin that are made among the system's temporary ones."""

LOCK = "run.lock"
"""The file in such a folder that is locked, as a store is, as long as its run lives."""

LEFT = 60
"""Seconds after which a folder counts as left where nobody holds its lock: a new one has none for a moment."""


@contextlib.contextmanager
def workspace(folder: Path | None = None) -> Iterator[Path]:
    """Give a folder that only this user can read, and remove it with all that is in it.

    Without a folder it is one of the system's for such things. Those that are left there are removed first.
    """
    remove_left()
    with contextlib.ExitStack() as held:
        if folder is None:
            place = Path(tempfile.mkdtemp(prefix=PREFIX))
        else:
            place = folder
            place.parent.parent.mkdir(exist_ok=True, mode=0o700)
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        held.callback(shutil.rmtree, place, ignore_errors=True)
        if folder is None:
            with contextlib.suppress(BulkloadError):  # where nothing can be locked, nothing is removed either
                held.enter_context(lock_of(place))
        yield place


def remove_left() -> None:
    """Remove the folders of this user's runs that were killed: nobody holds their lock."""
    with contextlib.suppress(FileNotFoundError):  # where there is no place for temporary folders, none is left
        for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
            with contextlib.suppress(OSError, BulkloadError):  # its run lives, or another one removes it just now
                if is_left(lock):
                    with lock_of(lock.parent):
                        shutil.rmtree(lock.parent, ignore_errors=True)


def is_left(lock: Path) -> bool:
    """Tell whether a lock is in a folder of this user's, and old enough to be left."""
    folder = lock.parent.lstat()
    mine = stat.S_ISDIR(folder.st_mode) and folder.st_uid == os.getuid()
    return mine and time.time() - lock.lstat().st_mtime > LEFT


def lock_of(place: Path) -> contextlib.AbstractContextManager[None]:
    """Hold the lock of a folder; raise Busy where another run holds it, StoreError where it cannot be locked."""
    return locked(place / LOCK.removesuffix(".lock"), wait=0)
