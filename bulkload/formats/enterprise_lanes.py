"""Turns blocks of an IMS Enterprise file into columns: records that are alike all at once, the others by expat."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable

import polars as pl

from bulkload.formats.enterprise_alike import Alike
from bulkload.formats.enterprise_rows import Found, Rows
from bulkload.formats.xml import MOST, Block, Taken, XmlText
from bulkload.formats.xml_walk import Node


class Lanes:
    """Reads the blocks of one file.

    A block is cut after every end tag of a person, member or group. Where a cut begins at the start of a
    record, and is proven to be a record and nothing else, the next one begins at the start of a record too,
    and so on. From a cut that is not proven expat goes on, until a record ends with a cut.
    """

    def __init__(self, xml: XmlText) -> None:
        self._xml = xml

    def take(self, block: Block) -> Taken[Callable[[], Found]]:
        """Find the whole records of a block, to be taken apart when asked for; raises MarkupError."""
        alike = Alike(self._xml, block)
        cuts = Cuts(alike.cuts)
        whole = block.last and len(cuts.starts) < MOST
        rows = Rows(block)
        at, head = block.origin, block.head
        while True:
            nth, there = cuts.at(at)
            if there and cuts.fits(nth, head):
                end = cuts.accept(nth, head)
                at = cuts.stops[end - 1]
                head = self._head(block, cuts, nth, end, head)
                continue
            if nth == len(cuts.starts) and at > block.origin and not whole:
                break
            walk = self._xml.walk(block, at, head)
            more = walk.run(cuts.next_proven(nth + there), last=block.last)
            rows.add(walk.pieces)
            at, head = walk.stop, walk.head
            if not more or len(rows) >= MOST:
                break
        taken = cuts.taken()
        if taken.is_empty():
            return Taken(rows.found, at, head)
        return Taken(lambda: alike.found(taken, cuts.heads) + rows.found(), at, head)

    def _head(self, block: Block, cuts: Cuts, first: int, end: int, head: Node | None) -> Node | None:
        """Return the membership that is open after the cuts from `first` to before `end`, `head` before them."""
        if not cuts.open_after(end - 1):
            return None
        opening = cuts.last_opening(first, end)
        if opening is None:
            return head
        walk = self._xml.walk(block, cuts.starts[opening], None)
        walk.run(cuts.stops[opening], last=False)
        return walk.head


class Cuts:
    """The cuts of a block, and which of them are accepted as records; `heads` has memberships open before a cut."""

    def __init__(self, frame: pl.DataFrame) -> None:
        member = pl.col("kind") == "member"
        self._frame = frame
        found = frame.select(
            proven=pl.col("kind").is_not_null(),
            inside=(member & ~pl.col("opens")).fill_null(False),
            after=(member & ~pl.col("closes")).fill_null(False),
        )
        self.starts: list[int] = frame["start"].to_list()
        self.stops: list[int] = frame["stop"].to_list()
        self.heads: list[tuple[int, Node]] = []
        self._proven: list[bool] = found["proven"].to_list()
        self._inside: list[bool] = found["inside"].to_list()
        self._after: list[bool] = found["after"].to_list()
        follows = pl.col("inside") == pl.col("after").shift(1, fill_value=False)
        breaks = found.select(~(pl.col("proven") & follows)).to_series()
        self._breaks: list[int] = breaks.arg_true().to_list()
        self._taken: list[pl.DataFrame] = []

    def at(self, offset: int) -> tuple[int, bool]:
        """Return the first cut that does not begin before an offset, and whether it begins there."""
        nth = bisect_left(self.starts, offset)
        return nth, nth < len(self.starts) and self.starts[nth] == offset

    def fits(self, nth: int, head: Node | None) -> bool:
        """Tell whether a cut is proven to be a record where a membership is open, or none."""
        return self._proven[nth] and self._inside[nth] == (head is not None)

    def accept(self, nth: int, head: Node | None) -> int:
        """Accept a cut that fits, and those after it up to the first that does not follow; return that one."""
        at = bisect_left(self._breaks, nth + 1)
        end = self._breaks[at] if at < len(self._breaks) else len(self.starts)
        self._taken.append(self._frame.slice(nth, end - nth))
        if head is not None:
            self.heads.append((nth, head))
        return end

    def open_after(self, nth: int) -> bool:
        """Tell whether a membership is open after a cut."""
        return self._after[nth]

    def last_opening(self, first: int, end: int) -> int | None:
        """Return the last of some cuts that opens a membership."""
        return next((nth for nth in range(end - 1, first - 1, -1) if not self._inside[nth]), None)

    def next_proven(self, nth: int) -> int:
        """Return where the first proven cut from `nth` on begins; beyond the end where there is none."""
        return next((self.starts[at] for at in range(nth, len(self.starts)) if self._proven[at]), sys.maxsize)

    def taken(self) -> pl.DataFrame:
        """Return the accepted cuts in their order, each with its number `nth`."""
        return pl.concat(self._taken) if self._taken else self._frame.clear()
