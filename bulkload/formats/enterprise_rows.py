"""Lays the records of IMS Enterprise that expat has found under columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from bulkload.formats.enterprise_shape import GROUP, HEAD, MEMBER, PERSON
from bulkload.formats.xml import Lines
from bulkload.formats.xml_shape import Element, values
from bulkload.formats.xml_walk import Block, Node, Piece

PLACES = ("at", "start", "stop", "line", "head_start", "head_stop", "body", "role_start", "role_stop", "tail")
"""Offsets and the line of a membership's role: of the record, its member, the membership around that; where a
member has several roles also those of its first role, of the record's own, and where the last one ends."""


Schema = dict[str, type[pl.DataType]]


def _schema(places: Sequence[str], *elements: Element) -> Schema:
    fields = (name for element in elements for name in element.all_fields())
    return {**dict.fromkeys(places, pl.Int64), **dict.fromkeys(fields, pl.String)}


PERSONS = _schema(("at", "stop", "line"), PERSON)
MEMBERS = _schema(PLACES, HEAD, MEMBER)
GROUPS = _schema(("at", "stop"), GROUP)


@dataclass(frozen=True, slots=True)
class Found:
    """What a part of the file from an offset on holds: fields as they stand there, null where their element is absent.

    The order is none.
    """

    origin: int
    persons: pl.DataFrame
    members: pl.DataFrame
    groups: pl.DataFrame

    def __len__(self) -> int:
        return len(self.persons) + len(self.members) + len(self.groups)

    def __add__(self, other: Found) -> Found:
        return Found(
            self.origin,
            pl.concat([self.persons, other.persons]),
            pl.concat([self.members, other.members]),
            pl.concat([self.groups, other.groups]),
        )


class Rows:
    """Collects the records that expat has found, in the order of the file."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._persons: list[dict[str, object]] = []
        self._members: list[dict[str, object]] = []
        self._groups: list[dict[str, object]] = []
        self._lines = Lines(block)

    def add(self, pieces: Sequence[Piece]) -> None:
        """Append records; raises MarkupError."""
        for piece in pieces:
            node = piece.node
            if node is None:
                continue
            match node.tag:
                case "person":
                    places = {"at": node.start, "stop": node.stop, "line": self._lines.at(node.start)}
                    self._persons.append({**places, **values(node, PERSON)})
                case "group":
                    self._groups.append({"at": node.start, "stop": node.stop, **values(node, GROUP)})
                case "member":
                    self._member(node, piece.head)
                case "membership":
                    places = {"at": node.start, "start": node.start, "stop": node.stop}
                    self._members.append({**places, "line": self._lines.at(node.start), **values(node, HEAD)})

    def __len__(self) -> int:
        return len(self._persons) + len(self._members) + len(self._groups)

    def found(self) -> Found:
        """Return all as columns."""
        return Found(
            self._block.origin,
            pl.DataFrame(self._persons, PERSONS),
            pl.DataFrame(self._members, MEMBERS),
            pl.DataFrame(self._groups, GROUPS),
        )

    def _member(self, node: Node, head: Node | None) -> None:
        assert head is not None
        around = {"head_start": head.start, "head_stop": head.stop, **values(head, HEAD)}
        around |= {"start": node.start, "stop": node.stop}
        roles = [child for child in node.children if child.tag == "role"]
        others = [child for child in node.children if child.tag != "role"]
        given: list[Node | None] = [*roles]
        for role in given or [None]:
            at = node.start if role is None or role is roles[0] else role.start
            places = {"at": at, "line": self._lines.at(at)}
            if role is not None and len(roles) > 1:
                places |= {"body": roles[0].start, "tail": roles[-1].stop}
                places |= {"role_start": role.start, "role_stop": role.stop}
            one = replace(node, children=others if role is None else [*others, role])
            self._members.append({**around, **places, **values(one, MEMBER)})
