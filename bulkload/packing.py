"""Packs what stays together into parts of a given size, over plain integers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

Item = tuple[int, int, tuple[tuple[int, int], ...]]
"""What is packed: its unit, its size, and which other elements its part has to have, once, with their sizes."""


class Part:
    """One part that is being filled: its number, its size, and which elements it has."""

    def __init__(self, number: int, room: int) -> None:
        self.number, self.room = number, room
        self.size = 0
        self.has: set[int] = set()

    def takes(self, items: Sequence[Item]) -> bool:
        """Say whether there is room for all of some items."""
        new = {at: size for _, _, needs in items for at, size in needs if at not in self.has}
        return self.size + sum(size for _, size, _ in items) + sum(new.values()) <= self.room

    def add(self, item: Item) -> None:
        """Put an item in."""
        _, size, needs = item
        self.size += size + sum(size for at, size in needs if at not in self.has)
        self.has.update(at for at, _ in needs)


def packed(items: Iterable[Item], room: int) -> tuple[array[int], list[int]]:
    """Return the part of each item, from 0 on, and which units are larger than a part; those are in several.

    Items come by unit. A unit that does not fit into the part before begins a new one; there is room for each item.
    """
    part = Part(0, room)
    parts, cut = array("q"), []
    for unit, group in groupby(items, key=itemgetter(0)):
        whole = list(group)
        if not part.takes(whole):
            if part.size:
                part = Part(part.number + 1, room)
            if not part.takes(whole):
                cut.append(unit)
        for item in whole:
            if not part.takes([item]):
                part = Part(part.number + 1, room)
            part.add(item)
            parts.append(part.number)
    return parts, cut
