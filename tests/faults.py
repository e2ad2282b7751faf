"""Faults that tests provoke for real: processes that die or stand still at a named point, small disks, disks that cannot be written.

The runs that are to die do so in processes of their own: `DRIVER` puts a fault around one function and then
runs the command line as it is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DRIVER = """
import os, pkgutil, signal, sys, time
point, when, action, *arguments = sys.argv[1:]
point, _, wanted = point.partition(":")
path, _, name = point.rpartition(".")
owner = pkgutil.resolve_name(path)
original, done = getattr(owner, name), []

def fault():
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    open(action + ".reached", "w").close()
    while not os.path.exists(action):
        time.sleep(0.01)

def faulty(*args, **kwargs):
    meant = not done and (not wanted or wanted in args)
    if meant:
        done.append(True)
    if meant and when == "before":
        fault()
    answer = original(*args, **kwargs)
    if meant and when == "after":
        fault()
    return answer

setattr(owner, name, faulty)
from bulkload.cli import main
sys.argv = ["bulkload", *arguments]
main()
"""


def faulty(point: tuple[str, str], action: str | Path, *arguments: object) -> list[str]:
    """Return the command of a process that meets a fault at a point."""
    return [sys.executable, "-c", DRIVER, *point, str(action), *map(str, arguments)]


def die(point: tuple[str, str], *arguments: object, **options: object) -> None:
    """Run a command that is killed at a point."""
    ended = subprocess.run(faulty(point, "kill", *arguments), capture_output=True, check=False, timeout=60, **options)  # type: ignore[call-overload]
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@contextlib.contextmanager
def held(point: tuple[str, str], go_on: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a command that stands still at a point for as long as the block lasts."""
    command = faulty(point, go_on, *arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            until(lambda: Path(f"{go_on}.reached").exists() or running.poll() is not None)
            assert running.poll() is None, running.communicate()
            yield running
        finally:
            go_on.touch()
            try:
                running.wait(30)
            finally:
                running.kill()


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@contextlib.contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """Mount a small disk; skip the test where that is not permitted."""
    place.mkdir(exist_ok=True)
    done = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], capture_output=True, check=False
        )
        if shutil.which("mount")
        else None
    )
    if done is None or done.returncode:
        pytest.skip("mounting a file system is not permitted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill a disk but for so many bytes, and return the file that does."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with filler.open("wb") as file:
        file.write(b"x" * max(0, free - leave))
    return filler


def read_only(disk: Path) -> None:
    """Take the right to write to a mounted disk away."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
