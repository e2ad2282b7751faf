"""What is carried of one file on its way: what was read, what was found of it, what is to be written, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from bulkload.family import Run
from bulkload.formats.batch import Span
from bulkload.gather import Gathering
from bulkload.recall import Recollection
from bulkload.results import ErrorsFile, RejectsFile, ResultsFile, Tally
from bulkload.saying import FIRST, Saying, Told, Unsaid
from bulkload.source import Source
from bulkload.spool import Spool
from bulkload.template import Options, Placed, Template
from bulkload.writes import Writes

Progress = Callable[[float, int], None]


@dataclass(slots=True)
class Outputs:
    """Where a load writes: each None where it is not wanted."""

    results: ResultsFile | None = None
    rejects: RejectsFile | None = None
    errors: ErrorsFile | None = None

    @property
    def wanted(self) -> list[ResultsFile | RejectsFile | ErrorsFile]:
        """Return those that are wanted."""
        return [one for one in (self.results, self.rejects, self.errors) if one is not None]


@dataclass(slots=True)
class Load:
    """One file on its way: what is carried from step to step.

    `left` are the rules that the first pass could not ask yet; `layout` is a frame of no rows as that pass leaves them,
    made where a batch has rows that are known.
    """

    source: Source
    options: Options
    spool: Spool
    run: Run | None = None
    recollection: Recollection | None = None
    gathering: Gathering | None = None
    writes: Writes | None = None
    outputs: Outputs = field(default_factory=Outputs)
    progress: Progress = lambda _part, _rows: None
    tally: Tally = field(default_factory=Tally)
    spans: list[Span] = field(default_factory=list)
    left: list[Placed] = field(default_factory=list)
    layout: pl.DataFrame | None = None
    unsaid: Unsaid = field(default_factory=Unsaid)
    looked: Told = field(default_factory=Told)
    settled: Told = field(default_factory=Told)

    def saying(self, told: Told, later: int = 0) -> Saying:
        """Return which sentences are read by anybody: with results all of them, else the first few of each code."""
        return Saying(later) if self.outputs.wanted else Saying(later, FIRST, told.enough)

    @property
    def template(self) -> Template:
        """Return the template that the file was found to have."""
        return self.source.template
