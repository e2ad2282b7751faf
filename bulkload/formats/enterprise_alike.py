"""Reads records of the same markup by columns: where their values stand is told by one of them, which expat reads."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import polars as pl

from bulkload.formats.enterprise_rows import FIELDS, PLACES, SCHEMAS, SHAPES, STOPS, Found, Kind, Record, records
from bulkload.formats.enterprise_shape import HEAD
from bulkload.formats.xml import MOST, Block, XmlText
from bulkload.formats.xml_segments import segments
from bulkload.formats.xml_shape import Source, combined, sources, values
from bulkload.formats.xml_walk import RECORD, MarkupError, Node

ALIKE = 2
"""Records of the same markup that a block has to have for one of them to tell of the others."""

ATTRIBUTES = {
    name: attribute
    for elements in SHAPES.values()
    for shape in elements
    for element in shape.everything()
    for attribute, name in element.attributes.items()
    if name
}
"""The fields that are attributes: their values vary, and those of all other attributes belong to the markup."""

HEADING = ("head_start", "head_stop", *HEAD.all_fields())
"""What a record has of the membership around it."""

EMPTY = -1
"""Where the text of an element without one stands: `<a/>`."""

CUTS: Mapping[str, pl.DataType] = {
    **dict.fromkeys(("nth", "first", "start", "stop", "form"), pl.Int64()),
    "kind": pl.String(),
    **dict.fromkeys(("opens", "closes"), pl.Boolean()),
}
"""The cuts of a block, each of which ends where a record may end, and begins where the one before ends.

`first` is the segment of its first tag. `kind` and `form` are null where a cut is not proven to be one record and
nothing else; of a member `opens` and `closes` say that the membership around it begins and ends in the same cut.
"""


class Told(NamedTuple):
    """Where one record of a form has its places and its fields, counted in segments from the first of its cut.

    A place has the segment that begins there, or whose tag ends there. A field has the segments of its texts, each with
    the key under which it is filed.
    """

    places: Mapping[str, int]
    fields: Mapping[str, Sequence[tuple[int, str | None]]]

    @property
    def alone(self) -> dict[str, int]:
        """Return the fields that are one text."""
        return {name: held[0][0] for name, held in self.fields.items() if len(held) == 1 and held[0][1] is None}

    @property
    def several(self) -> dict[str, Sequence[tuple[int, str | None]]]:
        """Return the other fields."""
        return {name: held for name, held in self.fields.items() if name not in self.alone}


@dataclass(frozen=True, slots=True)
class Form:
    """What cuts of one markup are; after the segments `blanks` nothing but white space may stand."""

    kind: Kind
    opens: bool
    closes: bool
    blanks: Sequence[int]
    told: Sequence[Told]


class Alike:
    """The records of a block that are proven by their markup: `cuts` has every cut (CUTS)."""

    def __init__(self, xml: XmlText, block: Block) -> None:
        self._xml, self._block = xml, block
        self._prefix = xml.root[: xml.root.rfind(":") + 1]
        self._forms: list[Form | None] = []
        self.cuts = pl.DataFrame(schema=CUTS)
        found = segments(block.data, block.origin, tuple(sorted({*ATTRIBUTES.values()})))
        if found is not None:
            self._segments = found
            self.cuts = self._proven(self._cut())

    def found(self, cuts: pl.DataFrame, heads: Sequence[tuple[int, Node]]) -> Found:
        """Return the records of some cuts that are proven; `heads` are memberships that are open before a cut."""
        rows = {kind: self._rows(kind, cuts) for kind in PLACES}
        members = self._under_heads(rows["member"], heads)
        laid = [one.select(*SCHEMAS[kind]) for kind, one in {**rows, "member": members}.items()]
        return Found(self._block.origin, *laid)

    # cut and prove

    def _cut(self) -> pl.DataFrame:
        """Return the cuts; `codes` is their markup, and where not `plain` only expat can read what stands in them."""
        ends = self._ends()
        last = ends.arg_true().head(MOST)
        within = self._segments.frame.with_row_index("at").head(last[-1] + 1 if len(last) else 0).slice(1)
        nth = ends.shift(1, fill_value=False).cum_sum().cast(pl.Int64).slice(1, len(within))
        cuts = (
            within.with_columns(nth=nth)
            .group_by("nth", maintain_order=True)
            .agg(
                pl.first("at").cast(pl.Int64).alias("first"),
                pl.last("stop"),
                pl.col("code").alias("codes"),
                (~pl.col("odd").any()).alias("plain"),
            )
        )
        return cuts.with_columns(start=pl.col("stop").shift(fill_value=self._block.origin)).with_columns(
            plain=pl.col("plain") & (pl.col("stop") - pl.col("start") <= RECORD)
        )

    def _ends(self) -> pl.Series:
        """Tell of segments whether a cut ends with their tag."""
        names = {"person": 1, "group": 1, "member": 2, "membership": 3}
        numbers = {f"/{self._prefix}{name}": number for name, number in names.items()}
        tags = self._segments.tags["tag"].replace_strict(numbers, default=0, return_dtype=pl.Int8)
        end = tags.gather(self._segments.frame["tag"])
        before, after = end.shift(1, fill_value=0), end.shift(-1, fill_value=0)
        return (end == 1) | ((end == 2) & (after != 3)) | ((end == 3) & (before == 2))

    def _proven(self, cuts: pl.DataFrame) -> pl.DataFrame:
        """Prove cuts by their markup, and by the white space that has to stand between records."""
        plain = cuts.filter("plain")
        alike = plain.group_by("codes", maintain_order=True).agg(pl.first("nth"), pl.len().alias("count"))
        alike = alike.filter(pl.col("count") >= ALIKE)
        self._forms = [
            self._form(cuts.select("start", "stop", "first").row(nth, named=True), tags)
            for nth, tags in alike.select("nth", pl.col("codes").list.len()).iter_rows()
        ]
        schema = {name: CUTS[name] for name in ("form", "kind", "opens", "closes")}
        described = [(nth, one.kind, one.opens, one.closes) for nth, one in enumerate(self._forms) if one]
        known = pl.DataFrame(described, {**schema}, orient="row")
        blanks = pl.DataFrame(
            [(nth, at) for nth, one in enumerate(self._forms) if one for at in (-1, *one.blanks)],
            {"form": pl.Int64, "blank": pl.Int64},
            orient="row",
        )
        formed = plain.select("nth", "first", "codes").join(
            alike.select("codes", form=pl.int_range(pl.len())), on="codes"
        )
        between = formed.join(blanks, on="form").with_columns(at=pl.col("first") + pl.col("blank"))
        filled = between.filter(~self._segments.blank(between["at"]))["nth"].unique()
        proven = formed.filter(~pl.col("nth").is_in(filled.implode())).select("nth", "form").join(known, on="form")
        return cuts.join(proven, on="nth", how="left", maintain_order="left").select(*CUTS)

    def _form(self, cut: Mapping[str, int], tags: int) -> Form | None:
        """Let expat read a cut of so many tags, and return what it is; None where it is not one record and nothing else."""
        frame = self._segments.frame.slice(cut["first"], tags)
        first = self._segments.tags["tag"][frame["tag"][0]]
        inside = first.partition(" ")[0] == f"{self._prefix}member"
        around = Node("membership", f"{self._prefix}membership", {}, cut["start"]) if inside else None
        walk = self._xml.walk(self._block, cut["start"], around)
        try:
            walk.run(cut["stop"], last=False)
            whole = [piece for piece in walk.pieces if piece.node is not None]
            found = [one for piece in whole for one in records(piece)]
        except MarkupError:
            return None
        where = Where(frame["start"].to_list(), frame["stop"].to_list())
        if len(whole) != 1 or walk.stop != cut["stop"] or not found or not all(map(where.tells, found)):
            return None
        opened = None if inside else whole[0].head
        inner = [*(opened.children if opened else []), *(one.node for one in whole if one.node)]
        blanks = [*([0] if opened else []), *(where.last_of(node) for node in inner)]
        told = [where.told(one, without=HEADING if inside else ()) for one in found]
        return Form(found[0].kind, opened is not None, walk.head is None, [at for at in blanks if at < tags - 1], told)

    # take apart

    def _rows(self, kind: Kind, cuts: pl.DataFrame) -> pl.DataFrame:
        """Return the records of a kind with the columns of its schema, and `nth` and `opens` of their cuts."""
        told = [(nth, one) for nth, form in enumerate(self._forms) if form and form.kind == kind for one in form.told]
        schema = {name: pl.Int64() for name in ("form", "told", *PLACES[kind], *FIELDS[kind])}
        stand = [{"form": form, "told": nth, **one.places, **one.alone} for nth, (form, one) in enumerate(told)]
        rows = cuts.select("nth", "first", "form", "opens").join(pl.DataFrame(stand, schema), on="form")
        placed = [self._place(rows, name) for name in PLACES[kind]]
        line = self._newlines.gather(rows["first"] + rows["at"]).alias("line") + self._block.line
        laid = rows.select("nth", "opens", *placed, line, *self._fields(rows, FIELDS[kind]))
        for nth, (_, one) in enumerate(told):
            at = (rows["told"] == nth).arg_true()
            for name, held in one.several.items():
                texts = [
                    [""] * len(at) if where == EMPTY else self._segments.texts(rows["first"].gather(at) + where)
                    for where, _ in held
                ]
                made = [combined(some, [key for _, key in held]) for some in zip(*texts, strict=True)]
                laid = laid.with_columns(laid[name].scatter(at, made))
        return laid

    @cached_property
    def _newlines(self) -> pl.Series:
        """Return how many lines end before each segment."""
        frame, tags = self._segments.frame, self._segments.tags
        lines = frame["text"].str.count_matches("\n", literal=True)
        lines += tags["tag"].str.count_matches("\n", literal=True).gather(frame["tag"])
        return lines.cast(pl.Int64).cum_sum() - lines

    def _place(self, rows: pl.DataFrame, name: str) -> pl.Series:
        edge = self._segments.frame["stop" if name in STOPS else "start"]
        return edge.gather(rows["first"] + rows[name]).alias(name)

    def _fields(self, rows: pl.DataFrame, names: Sequence[str]) -> list[pl.Series]:
        """Return fields, all that are elements in one go: few long steps take less time than many short ones."""
        inner = [name for name in names if name not in ATTRIBUTES]
        at = pl.concat([rows[name] for name in inner])
        texts = self._segments.texts(at + pl.concat([rows["first"]] * len(inner)))
        empty = (at == EMPTY).fill_null(value=False).arg_true()
        texts = texts.scatter(empty, "") if len(empty) else texts
        return [
            self._segments.attributes(ATTRIBUTES[name], rows["first"] + rows[name]).alias(name)
            if name in ATTRIBUTES
            else texts.slice(inner.index(name) * len(rows), len(rows)).alias(name)
            for name in names
        ]

    def _under_heads(self, rows: pl.DataFrame, heads: Sequence[tuple[int, Node]]) -> pl.DataFrame:
        """Bring members to the memberships that were opened before them, in their own cut or in an earlier one."""
        opened = rows.filter("opens").unique("nth").select("nth", *HEADING)
        given = [
            {"nth": nth, "head_start": head.start, "head_stop": head.stop, **values(sources(head, HEAD))}
            for nth, head in heads
        ]
        before = pl.concat([opened, pl.DataFrame(given, opened.schema)]).sort("nth")
        return rows.drop(HEADING).sort("nth").join_asof(before, on="nth")


class Where:
    """Tells by offsets which of the segments of a cut is meant."""

    def __init__(self, starts: Sequence[int], stops: Sequence[int]) -> None:
        self._starts, self._stops = starts, stops

    def last_of(self, node: Node) -> int:
        """Return the segment with which an element ends."""
        return bisect_left(self._starts, node.stop) - 1

    def tells(self, record: Record) -> bool:
        """Tell whether all texts of a record stand in one segment each."""
        return not any(one.node.children for held in record.held.values() for one in held if one.attribute is None)

    def told(self, record: Record, *, without: Sequence[str]) -> Told:
        """Return where a record has its places and fields, but for some."""
        return Told(
            {name: self._edge(name, at) for name, at in record.places.items() if name not in without},
            {name: [self._text(one) for one in held] for name, held in record.held.items() if name not in without},
        )

    def _edge(self, name: str, at: int) -> int:
        return bisect_left(self._stops if name in STOPS else self._starts, at)

    def _text(self, source: Source) -> tuple[int, str | None]:
        at = bisect_left(self._starts, source.node.start)
        empty = source.attribute is None and self._stops[at] == source.node.stop
        return EMPTY if empty else at, source.key
