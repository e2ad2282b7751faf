"""Shows a family the rows of a whole file that are about the same thing, in memory that does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from bulkload.doubled import parts
from bulkload.family import Run
from bulkload.formats.batch import Span, by_batch
from bulkload.spool import Spool

AT_ONCE = 250_000
"""Rows that a family looks at in memory at a time."""


class Gathering:
    """Sets aside what is to be seen at once, lets the family look at it, and keeps for later rows what is carried to them."""

    def __init__(self, spool: Spool, run: Run) -> None:
        self.spool, self.run = spool, run
        self.names: tuple[str, ...] = ()
        self.spans: Sequence[Span] = ()

    def add(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """Set aside what a batch gives."""
        self.names = tuple(frames)
        for name, frame in frames.items():
            self.spool.add(f"together-{name}", frame)

    def look(self, spans: Sequence[Span]) -> None:
        """Let the family look at everything of a name, part by part, and set aside by batch what follows."""
        self.spans = spans
        rows = sum(span.rows for span in spans)
        for name in self.names:
            for frame in parts(self.spool, f"together-{name}", rows, AT_ONCE):
                self._keep(f"gathered-{name}", self.run.gather(name, frame.sort("a", "b", "row")))
            self.spool.forget(f"together-{name}")

    def carry(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """Set aside what later rows are to know."""
        for name, frame in frames.items():
            self._keep(f"carried-{name}", frame)

    def _keep(self, name: str, frame: pl.DataFrame) -> None:
        for number, one in by_batch(frame, self.spans):
            self.spool.add(f"{name}-{number:06}", one)

    def of(self, batch: int) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield what was gathered for the rows of a batch (`gathered.x`) and carried to them (`carried.x`)."""
        for kind in ("gathered", "carried"):
            for part in self.spool.names(f"{kind}-"):
                name, _, number = part.removeprefix(f"{kind}-").rpartition("-")
                if int(number) == batch and (frame := self.spool.take(part)) is not None:
                    yield f"{kind}.{name}", frame
