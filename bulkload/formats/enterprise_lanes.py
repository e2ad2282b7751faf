"""Turns blocks of an IMS Enterprise file into columns: proven records all at once, the others by expat."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Callable
from itertools import islice

import polars as pl

from bulkload.formats.enterprise_rows import GROUPS, MEMBERS, PERSONS, Found, Rows, Schema
from bulkload.formats.enterprise_shape import GROUP, HEAD, MEMBER, PERSON
from bulkload.formats.xml import MOST, Block, Taken, XmlText
from bulkload.formats.xml_shape import SPACE, columns, pattern, repeated, values
from bulkload.formats.xml_walk import RECORD, WHITE, Node


class Lanes:
    """Reads the blocks of one file.

    A block is cut after every end tag of a person, member or group. Where a cut begins at the start of a
    record, and is proven by one expression to be a record and nothing else, the next one begins at the start
    of a record too, and so on. From a cut that is not proven expat goes on, until a record ends with a cut.
    """

    def __init__(self, xml: XmlText) -> None:
        self._xml = xml
        self._raw_prefix = xml.root[: xml.root.rfind(":") + 1]
        self._prefix = name = re.escape(self._raw_prefix)
        ends = rf"</{name}(?:person|group|member(?:>[ \t\r\n]*+</{name}membership)?)>"
        self._ends = re.compile(ends.encode())
        opening = f"<{name}membership>{SPACE}" + "".join(repeated(child, name) for child in HEAD.children)
        self._patterns = {
            "person": pattern(PERSON, name),
            "member": f"(?:{opening})?{pattern(MEMBER, name)}(?:{SPACE}</{name}membership>)?",
            "group": pattern(GROUP, name),
        }

    def take(self, block: Block) -> Taken[Callable[[], Found]]:
        """Find the whole records of a block, to be taken apart when asked for; raises MarkupError."""
        ends = [match.end() for match in islice(self._ends.finditer(block.data), MOST)]
        whole = block.last and len(ends) < MOST
        cuts = Cuts(self._cut(block, ends))
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
        return Taken(lambda: self._proven(cuts, block.origin) + rows.found(), at, head)

    def _cut(self, block: Block, ends: list[int]) -> pl.DataFrame:
        """Return the cuts of a block at some places: `start` and `stop`, `text`, the `line` where each begins.

        `kind` is null where a cut is not proven; of a member `opens` and `closes` say that the membership
        around it begins and ends in the same cut.
        """
        starts = [0, *ends[:-1]] if ends else []
        data = [block.data[start:end] for start, end in zip(starts, ends, strict=True)]
        frame = pl.DataFrame(
            {"start": starts, "stop": ends, "text": pl.Series(data, dtype=pl.Binary).cast(pl.String)},
            {"start": pl.Int64, "stop": pl.Int64, "text": pl.String},
        )
        text, lines = pl.col("text"), pl.col("lines")
        short, member = text.str.len_bytes() <= RECORD, pl.col("kind") == "member"
        return frame.with_columns(
            pl.col("start", "stop") + block.origin,
            kind=pl.coalesce(
                pl.when(short & text.str.contains(f"^{SPACE}{expression}$")).then(pl.lit(kind))
                for kind, expression in self._patterns.items()
            ),
            lines=text.str.count_matches("\n", literal=True).cast(pl.Int64),
        ).with_columns(
            line=lines.cum_sum() - lines + block.line,
            opens=(member & text.str.contains(f"^{SPACE}<{self._prefix}membership>")).fill_null(False),
            closes=(member & text.str.ends_with("membership>")).fill_null(False),
        )

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

    def _proven(self, cuts: Cuts, origin: int) -> Found:
        """Take the accepted cuts apart."""
        name, taken = self._prefix, cuts.taken()
        before = pl.col("text").str.extract(rf"^({SPACE})")
        whole = taken.filter(pl.col("kind") != "member").with_columns(
            at=pl.col("start") + before.str.len_bytes(),
            line=pl.col("line") + before.str.count_matches("\n", literal=True),
        )
        persons = whole.filter(pl.col("kind") == "person").select("at", "stop", "line", *columns(PERSON, name))
        groups = whole.filter(pl.col("kind") == "group").select("at", "stop", *columns(GROUP, name))
        members = self._members(taken.filter(pl.col("kind") == "member"), cuts)
        return Found(origin, _laid(persons, PERSONS), _laid(members, MEMBERS), _laid(groups, GROUPS))

    def _members(self, taken: pl.DataFrame, cuts: Cuts) -> pl.DataFrame:
        """Take members apart, each with one role, and bring them to their memberships."""
        name = self._prefix
        parts = pl.col("text").str.splitn(f"<{self._raw_prefix}member>", 2).struct
        taken = taken.with_columns(
            before=parts.field("field_0"),
            text=parts.field("field_1").str.strip_suffix(f"</{self._raw_prefix}membership>").str.strip_chars_end(WHITE),
        ).with_columns(at=pl.col("start") + pl.col("before").str.len_bytes())
        opening = taken.filter("opens").select("nth", "before", "start", head_stop="at")
        space = pl.col("text").str.extract(rf"^({SPACE})")
        heads = opening.rename({"before": "text"}).select(
            "nth", "head_stop", *columns(HEAD, name), head_start=pl.col("start") + space.str.len_bytes()
        )
        given = [
            {"nth": nth, "head_start": head.start, "head_stop": head.stop, **values(head, HEAD)}
            for nth, head in cuts.heads
        ]
        heads = pl.concat([heads, pl.DataFrame(given, heads.schema)]).sort("nth")
        members = taken.select(
            "nth",
            "at",
            start="at",
            stop=pl.col("at") + len(f"<{self._raw_prefix}member>".encode()) + pl.col("text").str.len_bytes(),
            line=pl.col("line") + pl.col("before").str.count_matches("\n", literal=True),
            text="text",
        )
        return members.with_columns(columns(MEMBER, name)).join_asof(heads, on="nth")


def _laid(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return the columns of a schema; what a proven record cannot have is null."""
    return frame.select(
        pl.col(name) if name in frame.columns else pl.lit(None, kind).alias(name) for name, kind in schema.items()
    )


class Cuts:
    """The cuts of a block, and which of them are accepted as records; `heads` has memberships open before a cut."""

    def __init__(self, frame: pl.DataFrame) -> None:
        member = pl.col("kind") == "member"
        self._frame = frame.with_row_index("nth")
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
