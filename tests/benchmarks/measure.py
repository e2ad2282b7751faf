"""Runs a command and measures it from outside."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """What one run took: seconds on the clock, seconds of all processors, most memory in MB."""

    wall: float
    cpu: float
    peak: float


def measure(command: Sequence[str], said: Path, accepted: Sequence[int] = (0,)) -> Sample:
    """Run a command, its output to the file `said`; raise RuntimeError where it ends in no accepted way.

    The peak counts what the runner had in memory at the fork as well: so the runner has to stay small.
    """
    with said.open("wb") as out, said.with_suffix(".stderr").open("wb") as err:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accepted:
        complaint = said.with_suffix(".stderr").read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{complaint}")
    return Sample(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
