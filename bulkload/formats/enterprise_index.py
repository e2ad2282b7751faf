"""Brings the persons and groups of an IMS Enterprise file to its memberships, wherever they stand, in flat memory.

What the file holds is set aside in parts: by place, so that rows come in file order, and keys by their
digest, so that of each part all that belongs together is in memory at once, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import polars as pl

from bulkload.formats.enterprise_rows import Found
from bulkload.formats.enterprise_shape import DROPPED, is_node, is_node_source, key, person_action, role_action
from bulkload.spool import Spool

ENOUGH = 50_000
"""Persons, members and groups that are set aside, and given, together. A load of 600,000 takes a sixth longer where
20,000 are, and 3 percent less with 80,000, in 50 MB more."""

SERVING = ("ADD", "UPDATE")
"""What a person has to ask for to be that of a membership; one who asks for anything else is a record, to be refused."""

PLACES = {
    "key": pl.String, "group_key": pl.String,
    **dict.fromkeys(
        ("at", "line", "start", "stop", "head_start", "head_stop", "body", "role_start", "role_stop", "tail"), pl.Int64
    ),
    **dict.fromkeys(("person_at", "person_stop", "group_at", "group_stop"), pl.Int64),
}  # fmt: skip
"""Where records stand in the file, and what their persons and groups are known by."""


class Handed(TypedDict):
    """What an index leaves to another: where its blocks begin, and how many files each part has."""

    blocks: list[int]
    parts: dict[str, int]


class Index:
    """Holds what a file has, on the disk in `folder`, the keys in `parts`: first everything is added, then settled."""

    def __init__(self, folder: Path, parts: int) -> None:
        self.parts = parts
        self._spool = Spool(folder)
        self._blocks: list[int] = []
        self._coming: Found | None = None

    def add(self, found: Found) -> None:
        """Add what stands next in the file; it makes one block with what follows, until there are enough records."""
        self._coming = found if self._coming is None else self._coming + found
        if len(self._coming) >= ENOUGH:
            self._set_aside()

    def hand_over(self) -> Handed:
        """Leave all that was added on the disk, for the index of another process."""
        self._set_aside()
        return {"blocks": self._blocks, "parts": self._spool.hand_over()}

    def adopt(self, folder: Path, handed: Handed) -> None:
        """Take over what an index of the same file has left in its folder: blocks that stand behind those added here."""
        self._set_aside()
        self._blocks += handed["blocks"]
        self._spool.adopt(folder, handed["parts"])

    def settle(self) -> None:
        """Find for each membership its person and its group, and bring the persons to where they are wanted."""
        self._set_aside()
        for part in range(self.parts):
            self._settle_persons(f"{part:015}")
            self._settle_groups(f"{part:015}")
        for name in self._spool.names("wanted-"):
            wanted, place = self._spool.take(name), name.rpartition("-")[2]
            assert wanted is not None
            here = pl.col("block") == int(place)
            self._spool.add(f"own-{place}", wanted.filter(here))
            elsewhere, persons = wanted.filter(~here), self._held(f"person-{place}")
            if len(elsewhere) and persons is not None:
                self._spread("brought", elsewhere.join(persons, on="at"), pl.col("block"))

    def rows(self) -> Iterator[pl.DataFrame]:
        """Yield the records in file order, those of a block at a time.

        Fields are null where their element is absent. The places are offsets: `at` of the record, `start` and
        `stop` of its element, `head_…` of a membership around it, `person_…` and `group_…` of those it has.
        """
        names = [name for kind in ("member-", "brought-", "own-") for name in self._spool.names(kind)]
        for place in sorted({name.rpartition("-")[2] for name in names}):
            yield self._rows(place)

    def _set_aside(self) -> None:
        """Set aside the persons, members and groups of a block."""
        found, self._coming = self._coming, None
        if found is None:
            return
        self._blocks.append(found.origin)
        persons = found.persons.with_columns(person_action(), key("source", "person_id"))
        members = found.members.with_columns(role_action(), key("source", "person_id"))
        place = f"{found.origin:015}"
        self._spool.add(f"person-{place}", persons)
        self._spool.add(f"member-{place}", members)
        serves = pl.col("action").is_in(SERVING)
        self._by_key("person.key", persons.filter(serves).select("at", "key"))
        self._by_key("person.sought", members.select("at", "key", enrolling=pl.col("action") != DROPPED))
        groups = found.groups.select("at", "stop", key("source", "id"), node=is_node("type"))
        self._by_key("group.key", groups)
        self._by_key("group.sought", members.select("at", key("target_source", "target_id")))
        alone = persons.filter(pl.col("key").is_null() | ~serves)
        self._by_place("wanted", alone.select("at", block=self._block("at"), alone=pl.lit(True)))

    def _rows(self, place: str) -> pl.DataFrame:
        brought, members = self._persons(place), self._held(f"member-{place}")
        found = [pl.DataFrame(schema=PLACES)]
        if brought is not None:
            found.append(brought.filter("alone").drop("alone", "block", "recstatus").with_columns(start="at"))
        if members is not None:
            found.append(self._enrolled(members, brought, place))
        return pl.concat(found, how="diagonal").sort("at")

    def _persons(self, place: str) -> pl.DataFrame | None:
        """Return the persons that the records of a block need, those of other blocks too."""
        brought, own, persons = (self._held(f"{kind}-{place}") for kind in ("brought", "own", "person"))
        if own is None or persons is None:
            return brought
        here = own.join(persons, on="at")
        return here if brought is None else pl.concat([here, brought])

    def _enrolled(self, members: pl.DataFrame, persons: pl.DataFrame | None, place: str) -> pl.DataFrame:
        """Return the rows of memberships with what their persons and groups say."""
        person, group = self._held(f"person.found-{place}"), self._held(f"group.found-{place}")
        node = is_node_source("target_source")
        if group is not None:
            members = members.join(group, on="at", how="left", maintain_order="left")
            node |= pl.col("node").fill_null(False)
        target = pl.col("target_id")
        members = members.with_columns(call_number=pl.when(~node).then(target), node_string=pl.when(node).then(target))
        members = members.drop("recstatus", "status", "target_source", "target_id", "node", strict=False)
        if person is None or persons is None:
            return members
        fields = persons.drop("alone", "block", "recstatus", "line", "key", "source", "person_id", "action")
        fields = fields.unique("at").rename({"at": "person_at", "stop": "person_stop"})
        found = members.join(person, on="at", how="left", maintain_order="left")
        found = found.join(fields, on="person_at", how="left", maintain_order="left")
        enrols = pl.col("action") != DROPPED
        return found.with_columns(
            pl.when(enrols).then(pl.exclude(members.columns)),
        )

    def _settle_persons(self, part: str) -> None:
        sought, persons = self._spool.take(f"person.sought-{part}"), self._spool.take(f"person.key-{part}")
        if persons is None:
            return
        wanted = persons.select("at", block=self._block("at"), alone=pl.lit(True))
        if sought is not None:
            found = nearest(sought, persons, "person_at")
            self._by_place("person.found", found.select("at", "person_at"))
            enrolled = found.filter("enrolling")["person_at"].unique()
            for_members = found.select(at="person_at", block=self._block("at"), alone=pl.lit(False))
            wanted = pl.concat([wanted.filter(~pl.col("at").is_in(enrolled.implode())), for_members.unique()])
            wanted = wanted.group_by("at", "block").agg(pl.col("alone").any())
        self._by_place("wanted", wanted)

    def _settle_groups(self, part: str) -> None:
        sought, groups = self._spool.take(f"group.sought-{part}"), self._spool.take(f"group.key-{part}")
        if sought is not None and groups is not None:
            found = nearest(sought, groups, "group_at").rename({"stop": "group_stop"})
            self._by_place("group.found", found.select("at", "group_at", "group_stop", "node", group_key="key"))

    def _by_place(self, part: str, frame: pl.DataFrame) -> None:
        self._spread(part, frame, self._block("at"))

    def _by_key(self, part: str, frame: pl.DataFrame) -> None:
        self._spread(part, frame.filter(pl.col("key").is_not_null()), pl.col("key").hash() % self.parts)

    def _spread(self, part: str, frame: pl.DataFrame, by: pl.Expr) -> None:
        """Append the rows of a frame to the parts that `by` numbers."""
        numbered = frame.with_columns(by.alias("part"))
        for (number,), rows in numbered.partition_by("part", as_dict=True, include_key=False).items():
            self._spool.add(f"{part}-{number:015}", rows)

    def _block(self, at: str) -> pl.Expr:
        """Return the block in which an offset is: the offset where it begins."""
        origins = pl.Series(self._blocks, dtype=pl.Int64)
        return pl.col(at).map_batches(
            lambda offsets: origins.gather(origins.search_sorted(offsets, side="right") - 1), return_dtype=pl.Int64
        )

    def _held(self, part: str) -> pl.DataFrame | None:
        frames = list(self._spool.look(part))
        return pl.concat(frames) if frames else None


def nearest(sought: pl.DataFrame, there: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the rows of `sought` with those of `there` that have their key: the nearest before them, else the first after.

    Both have `at` and `key`; the place found is called `name`. Rows without any are left out.
    """
    there = there.with_columns(pl.col("at").alias(name)).sort("at")
    left, found = sought.sort("at"), []
    for strategy in ("backward", "forward"):
        joined = left.join_asof(there, on="at", by="key", strategy=strategy, check_sortedness=False)
        missing = pl.col(name).is_null()
        found.append(joined.filter(~missing))
        left = joined.filter(missing).select(sought.columns)
    return pl.concat(found)
