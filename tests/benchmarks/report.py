"""Lays out what was measured, on which machine, beside what is demanded."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.cases import Case
from tests.benchmarks.measure import Sample

HEADERS = (
    "case",
    "bulkload",
    "s",
    "rows/s",
    "CPU s",
    "MB",
    "beside",
    "s",
    "CPU s",
    "MB",
    "ratio",
    "each pair",
    "at most",
    "",
)


@dataclass
class Measured:
    """The samples of a case, in pairs; `note` says why there are none, or that both sides disagree."""

    case: Case
    ours: list[Sample] = field(default_factory=list)
    peer: list[Sample] = field(default_factory=list)
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Return the ratios, pair by pair; without a peer what the command itself took."""
        own = [getattr(one, self.case.of) for one in self.ours]
        if self.case.peer is None:
            return own
        return [one / getattr(two, self.case.of) for one, two in zip(own, self.peer, strict=True)]

    @property
    def verdict(self) -> str:
        """Say whether the demand is met, by the median."""
        if not self.ours or self.case.limit is None:
            return ""
        return "met" if median(self.ratios) <= self.case.limit else "MISSED"

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "case": self.case.name,
            "rows": self.case.rows,
            "of": self.case.of,
            "limit": self.case.limit,
            "ours": [vars(one) for one in self.ours],
            "peer": [vars(one) for one in self.peer],
            "ratios": self.ratios,
            "verdict": self.verdict,
            "note": self.note,
        }


def middle(samples: Sequence[Sample], what: str) -> float:
    """Return the median of one figure."""
    return median(getattr(one, what) for one in samples)


def figures(samples: Sequence[Sample]) -> list[str]:
    """Return seconds, processor seconds and peak."""
    if not samples:
        return ["", "", ""]
    return [f"{middle(samples, 'wall'):.2f}", f"{middle(samples, 'cpu'):.2f}", f"{middle(samples, 'peak'):.0f}"]


def line(one: Measured) -> list[str]:
    """Return a case as a line of the table."""
    case = one.case
    beside = case.peer.label if case.peer else ""
    if not one.ours:
        return [case.name, case.ours.label, *[""] * 4, beside, *[""] * 6, one.note]
    wall, cpu, peak = figures(one.ours)
    rate = f"{case.rows / middle(one.ours, 'wall'):,.0f}" if case.rows else ""
    unit = ("× memory" if case.peer else " MB") if case.of == "peak" else ("×" if case.peer else " s")
    digits = 0 if case.peer is None and case.of == "peak" else 2
    ratio = f"{median(one.ratios):.{digits}f}"
    shown = one.ratios if len(one.ratios) <= 3 else [min(one.ratios), max(one.ratios)]
    each = (" " if shown == one.ratios else " to ").join(f"{ratio:.{digits}f}" for ratio in shown)
    limit = f"{case.limit:g}{unit}" if case.limit else ""
    verdict = f"{one.verdict} {one.note}".strip()
    return [case.name, case.ours.label, wall, rate, cpu, peak, beside, *figures(one.peer), ratio, each, limit, verdict]


def table(every: Sequence[Measured], *, markdown: bool) -> str:
    """Return the table of all cases."""
    from tabulate import tabulate

    style = "github" if markdown else "simple"
    lines = [line(one) for one in every]
    return tabulate(lines, headers=HEADERS, tablefmt=style, disable_numparse=True, colalign=ALIGNED)


ALIGNED = ("left", "left", *["right"] * 4, "left", *["right"] * 3, "right", "left", "right", "left")


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    models = [one for one in Path("/proc/cpuinfo").read_text().splitlines() if one.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{models[0].partition(':')[2].strip()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("bulkload", "polars", "duckdb", "click"))
        + f", sqlite3 shell {shell_version()}",
    }


def shell_version() -> str:
    """Return the version of SQLite's shell."""
    try:
        said = subprocess.run(["sqlite3", "--version"], capture_output=True, text=True, check=True).stdout
    except OSError:
        return "not installed"
    return said.split()[0]
