"""Says what a record of IMS Enterprise that expat has found gives: its places and its fields, laid under columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import polars as pl

from bulkload.formats.enterprise_shape import GROUP, HEAD, MEMBER, PERSON
from bulkload.formats.xml import Block
from bulkload.formats.xml_shape import Element, Sources, sources, values
from bulkload.formats.xml_walk import Node, Piece

Kind = Literal["person", "member", "group"]

PLACES: Mapping[Kind, tuple[str, ...]] = {
    "person": ("at", "stop"),
    "member": ("at", "start", "stop", "head_start", "head_stop", "body", "role_start", "role_stop", "tail"),
    "group": ("at", "stop"),
}
"""Offsets: `at` of the record, `start` and `stop` of its element; of a membership's role that is its member, and
`head_…` are those of the membership around it; where a member has several roles also those of its first role, of the
record's own, and where the last one ends."""

STOPS = ("stop", "role_stop", "tail")
"""The places where an element ends; at the others one begins."""

SHAPES: Mapping[Kind, tuple[Element, ...]] = {"person": (PERSON,), "member": (HEAD, MEMBER), "group": (GROUP,)}
"""The elements that a record's fields are in."""

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    kind: tuple(name for element in elements for name in element.all_fields()) for kind, elements in SHAPES.items()
}

SCHEMAS: Mapping[Kind, Mapping[str, pl.DataType]] = {
    kind: {**dict.fromkeys((*PLACES[kind], "line"), pl.Int64()), **dict.fromkeys(FIELDS[kind], pl.String())}
    for kind in PLACES
}
"""The columns of each kind of record; `line` is that of the place `at`."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a block from an offset on holds: fields as they stand there, null where their element is absent.

    The order is none.
    """

    origin: int
    persons: pl.DataFrame
    members: pl.DataFrame
    groups: pl.DataFrame

    def __add__(self, other: Found) -> Found:
        return Found(
            self.origin,
            pl.concat([self.persons, other.persons]),
            pl.concat([self.members, other.members]),
            pl.concat([self.groups, other.groups]),
        )


class Record(NamedTuple):
    """One record: its places, and where its fields stand."""

    kind: Kind
    places: Mapping[str, int]
    held: Sources


def records(piece: Piece) -> Iterator[Record]:
    """Yield the records of a piece; raises MarkupError."""
    node = piece.node
    if node is None:
        return
    match node.tag:
        case "person":
            yield Record("person", {"at": node.start, "stop": node.stop}, sources(node, PERSON))
        case "group":
            yield Record("group", {"at": node.start, "stop": node.stop}, sources(node, GROUP))
        case "membership":
            places = {"at": node.start, "start": node.start, "stop": node.stop}
            yield Record("member", places, sources(node, HEAD))
        case "member":
            assert piece.head is not None
            yield from _roles(node, piece.head)


def _roles(node: Node, head: Node) -> Iterator[Record]:
    around = {"head_start": head.start, "head_stop": head.stop, "start": node.start, "stop": node.stop}
    heading = sources(head, HEAD)
    roles = [child for child in node.children if child.tag == "role"]
    others = [child for child in node.children if child.tag != "role"]
    given: list[Node | None] = [*roles]
    for role in given or [None]:
        places = {**around, "at": node.start if role is None or role is roles[0] else role.start}
        if role is not None and len(roles) > 1:
            places |= {"body": roles[0].start, "tail": roles[-1].stop}
            places |= {"role_start": role.start, "role_stop": role.stop}
        one = replace(node, children=others if role is None else [*others, role])
        yield Record("member", places, {**heading, **sources(one, MEMBER)})


class Rows:
    """Collects the records that expat has found, in the order of the file."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._rows: dict[Kind, list[dict[str, object]]] = {kind: [] for kind in PLACES}
        self._counted = 0, block.line

    def add(self, pieces: Sequence[Piece]) -> None:
        """Append records; raises MarkupError."""
        for piece in pieces:
            for one in records(piece):
                line = self._line(one.places["at"])
                self._rows[one.kind].append({**one.places, "line": line, **values(one.held)})

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def found(self) -> Found:
        """Return all as columns."""
        laid = {kind: pl.DataFrame(rows, SCHEMAS[kind]) for kind, rows in self._rows.items()}
        return Found(self._block.origin, laid["person"], laid["member"], laid["group"])

    def _line(self, offset: int) -> int:
        """Return the line of an offset that is not before the last one asked for."""
        at, line = self._counted
        end = offset - self._block.origin
        line += self._block.data.count(b"\n", at, end)
        self._counted = end, line
        return line
