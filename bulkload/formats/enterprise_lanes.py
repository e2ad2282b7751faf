"""Turns blocks of an IMS Enterprise file into columns: proven records by an expression, the others by expat."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

import polars as pl

from bulkload.formats.enterprise_rows import GROUPS, MEMBERS, PERSONS, Found, Rows, Schema
from bulkload.formats.enterprise_shape import GROUP, HEAD, MEMBER, PERSON, PROPERTY
from bulkload.formats.xml import MOST, Lines, Taken, XmlText
from bulkload.formats.xml_shape import SPACE, Filed, Held, Proof, proof, read, repeated
from bulkload.formats.xml_walk import PIECES, RECORD, Block, Node

Row = tuple[int | bytes | None, ...]
"""A record, or the membership that is open: its places, then its groups."""

KINDS: Mapping[str, tuple[Schema, tuple[str, ...]]] = {
    "person": (PERSONS, ("at", "stop", "line")),
    "member": (MEMBERS, ("at", "start", "stop", "line", "head_start", "head_stop")),
    "group": (GROUPS, ("at", "stop", "line")),
}
"""Of each kind of record the columns that it is laid under, and the places with which a row begins."""


class Lanes:
    """Reads the blocks of one file.

    From where a record may begin an expression proves the next one and gives its fields, so that the one after it may
    begin where it ends. What no expression matches is left to expat, and what follows it: twice as much each time, as
    long as none matches again.
    """

    def __init__(self, xml: XmlText) -> None:
        self._xml = xml
        self._proofs = Proofs(xml.root[: xml.root.rfind(":") + 1])

    def take(self, block: Block) -> Taken[Found]:
        """Find the whole records of a block; raises MarkupError."""
        rows, proven = Rows(block), Proven(self._xml, self._proofs, block)
        at, head, patience = block.origin, block.head, 1
        more = True
        while more and len(proven) + len(rows) < MOST:
            begun = at
            at, head = proven.run(at, head)
            patience = 1 if at > begun else min(2 * patience, PIECES)
            walk = self._xml.walk(block, at, head)
            more = walk.run(sys.maxsize, most=patience)
            rows.add(walk.pieces)
            at, head = walk.stop, walk.head
        return Taken(proven.found() + rows.found(), at, head)


class Proofs:
    """The expressions of a file whose names are written with a prefix: each of a record with the white space before it.

    Those of Python prove a record and give all its fields in one reading, 5 microseconds each, and 2 to lay it under
    columns. Those of polars, over columns of records, took as long, since they read a record anew for each field.
    """

    def __init__(self, prefix: str) -> None:
        prefix = re.escape(prefix)
        heading = Proof(f"<{prefix}membership>{SPACE}")
        for child in HEAD.children:
            heading += repeated(child, prefix)
        person, member, group = (proof(one, prefix) for one in (PERSON, MEMBER, GROUP))
        self.person, self.opening, self.group = (_after_space(one) for one in (person, heading, group))
        self.member = _after_space(member + f"({SPACE}</{prefix}membership>)?+")
        self.filed = Filed(PROPERTY, prefix)
        self._keyed = 2 + [held for _, held in person.groups].index("keyed")
        self.groups = {"person": person.groups, "member": heading.groups + member.groups, "group": group.groups}

    def alone(self, data: bytes, place: int) -> re.Match[bytes] | None:
        """Match a person or a group."""
        match = self.person.match(data, place)
        if match is None:
            return self.group.match(data, place)
        return match if not match[self._keyed] or self.filed.is_clear(match[self._keyed]) else None


def _after_space(one: Proof) -> re.Pattern[bytes]:
    return re.compile(f"({SPACE}){one.expression}".encode())


class Proven:
    """Collects the records of a block that are proven."""

    def __init__(self, xml: XmlText, proofs: Proofs, block: Block) -> None:
        self._xml, self._proofs, self._block = xml, proofs, block
        self._rows: dict[str, list[Row]] = {kind: [] for kind in KINDS}
        self._lines = Lines(block)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def run(self, at: int, head: Node | None) -> tuple[int, Node | None]:
        """Take the records from an offset on, where the membership `head` is open, as long as an expression matches.

        Return the offset of what is left, and the membership that is open there.
        """
        data, origin = self._block.data, self._block.origin
        heading = None if head is None else self._heading(head)
        if head is not None and heading is None:
            return at, head
        place, opened = at - origin, None
        for _ in range(MOST - len(self)):
            opens = None if heading else self._proofs.opening.match(data, place)
            if opens or heading:
                match = self._proofs.member.match(data, opens.end() if opens else place)
            else:
                match = self._proofs.alone(data, place)
            if match is None or match.end() - place > RECORD:
                break
            start, stop = match.end(1) + origin, match.end() + origin
            if not (opens or heading):
                kind = "person" if match.re is self._proofs.person else "group"
                self._rows[kind].append((start, stop, self._lines.at(start), *match.groups()[1:]))
            else:
                if opens:
                    heading, opened = (opens.end(1) + origin, start, *opens.groups()[1:]), place + origin
                assert heading is not None
                *fields, ending = match.groups()[1:]
                stop -= len(ending or b"")
                self._rows["member"].append((start, start, stop, self._lines.at(start), *heading, *fields))
                heading = None if ending else heading
            place = match.end()
        if heading is None:
            return place + origin, None
        return place + origin, head if opened is None else self._opened(opened)

    def found(self) -> Found:
        """Return all as columns."""
        return Found(self._block.origin, self._laid("person"), self._laid("member"), self._laid("group"))

    def _heading(self, head: Node) -> Row | None:
        """Return the places and groups of a membership that expat has opened; None where the expression does not match it."""
        match = self._proofs.opening.fullmatch(self._xml.raw(head.start, head.stop))
        return match and (head.start, head.stop, *match.groups()[1:])

    def _opened(self, at: int) -> Node | None:
        """Let expat read the membership that begins at an offset, up to its first member."""
        walk = self._xml.walk(self._block, at, None)
        walk.run(sys.maxsize, most=1)
        return walk.head

    def _laid(self, kind: str) -> pl.DataFrame:
        """Return records under their columns; what a proven one cannot have is null."""
        (schema, places), groups, rows = KINDS[kind], self._proofs.groups[kind], self._rows[kind]
        if not rows:
            return pl.DataFrame(schema=schema)
        columns = list(zip(*rows, strict=True))
        laid = {name: pl.Series(values, dtype=pl.Int64) for name, values in zip(places, columns, strict=False)}
        kinds: tuple[Held, ...] = ("element", "attribute")
        for held in kinds:
            some = [(name, nth) for nth, (name, one) in enumerate(groups, len(places)) if one == held]
            whole = [pl.Series(columns[nth], dtype=pl.Binary) for _, nth in some]
            texts = read(pl.concat([pl.Series(dtype=pl.Binary), *whole]), held)
            laid |= {name: texts.slice(nth * len(rows), len(rows)) for nth, (name, _) in enumerate(some)}
        for nth, (name, one) in enumerate(groups, len(places)):
            if one == "keyed":
                filed = [self._proofs.filed.read(group) if group else None for group in columns[nth]]
                laid[name] = pl.Series(filed, dtype=pl.String)
        absent = {name: pl.Series([None], dtype=kind).new_from_index(0, len(rows)) for name, kind in schema.items()}
        return pl.DataFrame({name: laid.get(name, absent[name]) for name in schema})
