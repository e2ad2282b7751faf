"""The lock of a store: one run at a time; it ends with its process."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from bulkload.errors import Busy
from bulkload.store.causes import BUSY, explained

LOOK_AGAIN = 0.05
"""Seconds between two looks whether another run has ended."""


@contextlib.contextmanager
def locked(store: Path, wait: float) -> Iterator[None]:
    """Hold a store for one run; raise Busy where another run has it for `wait` seconds and more.

    The lock is SQLite's own on a file beside the store.
    """
    beside = store.with_name(store.name + ".lock")
    try:
        os.close(os.open(beside, os.O_CREAT | os.O_WRONLY, 0o600))
        held = sqlite3.connect(beside, isolation_level=None, timeout=0)
    except (OSError, sqlite3.Error) as error:
        raise explained(error, store) from error
    with contextlib.closing(held):
        take(held, wait, store)
        yield


def take(held: sqlite3.Connection, wait: float, path: Path) -> None:
    """Take the lock, looking again and again, so that Ctrl-C is heard at once."""
    deadline = time.monotonic() + wait
    while True:
        try:
            held.execute(
                "PRAGMA journal_mode = OFF"
            )  # nothing is ever written into it: a journal would be made and removed
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if not re.search(BUSY, str(error)):
                raise explained(error, path) from error
            if time.monotonic() >= deadline:
                raise Busy(
                    f"Another run still holds the store {path} after {wait:g} seconds. "
                    f"Nothing was done; run the command again later."
                ) from error
            time.sleep(min(LOOK_AGAIN, wait))
        else:
            return
