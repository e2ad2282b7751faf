"""Decides what the records of a course-copy file do: what they name, whose turn it is, what is written of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import journal
from bulkload.digests import SEPARATOR, fingerprints
from bulkload.errors import UsageError
from bulkload.family import Decision, Recalled, Run, Write
from bulkload.joins import Finder, beside
from bulkload.template import Options, Template
from bulkload.templates.course_copy.fields import NEEDED, SOURCE, TERM, alone, takes
from bulkload.templates.course_copy.records import OF_COPY, OF_SECTION, Copy, Section
from bulkload.templates.course_copy.turns import Sections, Turn, Turns

if TYPE_CHECKING:
    from bulkload.store import Store

PURPOSE = "course copy"

MADE, FILLED = "sections created", "contents copied"

TURN: dict[str, pl.DataType] = {name: pl.Boolean() if name == "lacks" else pl.String() for name in Turn._fields}
"""The columns of what became of the records."""


class CourseCopyFamily:
    """Copies sections and their content."""

    def begin(self, template: Template, store: Store, options: Options) -> CourseCopyRun:
        """Read the terms."""
        return CourseCopyRun(template, store, options)

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Raise UsageError: a copy is done once, and its record is not kept."""
        raise UsageError(
            "A course copy is done once, and the store keeps what came of it: export section has the sections, "
            "those that were copied among them."
        )


class CourseCopyRun(Run):
    """One load of a course-copy file.

    Records depend on those before them: a section that one makes is in use for the next, and can be its source.
    """

    keeps = frozenset(Copy._fields)
    recalls: Mapping[str, Recalled] = {
        "section": Recalled("section", ("call_number",), OF_SECTION),
        "course": Recalled("section", ("course_id",), OF_SECTION),
    }

    def __init__(self, template: Template, store: Store, options: Options) -> None:
        self.template, self.store = template, store
        self.key = store.secret_key()
        named = {name: pl.String() for name in ("term_id", "source", "sourced_id")}
        terms = store.records("term", {"number": pl.Int64(), **named})
        self.terms = Finder(terms.select("term_id", pl.col("number").alias("of_id.number")), "term_id")
        sourced = terms.select(pl.concat_str("source", pl.lit(":"), "sourced_id").alias("key"), "number").drop_nulls()
        sourced = sourced.group_by("key").agg(
            pl.col("number").first().alias("of_sourcedid.number"), pl.len().cast(pl.Int64).alias("of_sourcedid.terms")
        )
        self.sourced = Finder(sourced, "key")
        self.first_new = store.next_number("section")
        self.sections = Sections(self.first_new)
        self.turns = Turns(self.sections, options.only)
        self.counts = self.counted = {MADE: 0, FILLED: 0}

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find the term, and leave only a source that can be looked for: one, with its sort string where that is needed."""
        sort_string = "source_sort_string"
        can_be = alone(SOURCE) & (pl.col(sort_string).is_not_null() | ~takes(sort_string, NEEDED))
        frame = frame.with_columns(
            self._asked(frame),
            *(pl.when(can_be).then(name).alias(name) for name in SOURCE),
            *(pl.when(alone(TERM)).then(name).alias(name) for name in TERM),
        )
        frame = frame.with_columns(
            *self.terms.find(frame["dest_term_id"]).get_columns(),
            *self.sourced.find(frame["dest_term_sourcedid"]).get_columns(),
        )
        return frame.with_columns(pl.coalesce("of_id.number", "of_sourcedid.number").alias("term"))

    def _asked(self, frame: pl.DataFrame) -> pl.Series:
        """Return a keyed digest of all that a record asks for but its destinations; null where it is not right in form."""
        parts = [
            pl.col(one.name).cast(pl.String).fill_null("")
            for one in self.template.fields
            if one.name != "dest_call_numbers"
        ]
        texts = frame.select(pl.concat_str(parts, separator=SEPARATOR)).to_series()
        return pl.select(pl.when(frame["ok"]).then(fingerprints(texts, self.key, PURPOSE))).to_series().alias("asked")

    def asks(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Ask for the sections that rows name: by call number as source and as destinations, by course as source."""
        sources = frame.select("row", pl.col("source_call_number").alias("call_number"))
        destinations = frame.select("row", pl.col("dest_call_numbers").alias("call_number")).explode("call_number")
        return {
            "section": pl.concat([sources, destinations]),
            "course": frame.select("row", pl.col("source_course_id").alias("course_id")),
        }

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Take the sections that the batch names to where its records find them."""
        found = (
            pl.concat([stored[name].select(list(OF_SECTION)) for name in self.recalls]).unique("number").sort("number")
        )
        numbers = found.select(pl.col("number").alias("section"))
        copied = self.store.records("copied_section", {"section": pl.Int64(), **OF_COPY}, numbers)
        copied = copied.rename({"section": "number"}).with_columns(is_known=pl.lit(value=True))
        known = beside(found, copied, ["number"]).with_columns(pl.col("is_known").fill_null(value=False))
        self.sections.meet(map(Section._make, known.select(Section._fields).iter_rows()))
        return frame

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Let records take their turns; what comes of them is written when all have had theirs."""
        turns = [self.turns.take(copy) for copy in map(Copy._make, frame.select(Copy._fields).iter_rows())]
        decided = pl.DataFrame(turns, schema=TURN, orient="row")
        outcome = decided["outcome"].fill_null("rejected")
        self.counted[MADE] = self.sections.next_number - self.first_new
        self.counted[FILLED] += int((outcome == "updated").sum())
        said = ("source", "destination", "left_out", "lacks")
        return Decision(
            frame.with_columns(
                outcome,
                decided["happened"],
                pl.lit("").alias("changes"),
                *(decided[name].alias(f"decided.{name}") for name in said),
            )
        )

    def finish(self) -> Iterator[Write]:
        """Write the sections that were made or filled: one that was made may have been filled by a later record."""
        now, before = self.sections.now, self.sections.before
        new = [one for number, one in now.items() if before[number] is None]
        filled = [one for number, one in now.items() if before[number] is not None]
        yield Write("section", "insert", as_frame(new).select(list(OF_SECTION)))
        changed = with_stored(as_frame(filled), as_frame([one for one in before.values() if one is not None]))
        yield Write("section", "update", changed.select(list(OF_SECTION)))
        yield journal("section", ["number"], [name for name in OF_SECTION if name != "number"], changed)
        copies = pl.concat([as_frame(new), changed.filter(~pl.col("is_known")).select(Section._fields)])
        known = changed.filter("is_known").with_columns(section=pl.col("number"))
        yield Write("copied_section", "insert", copies.select(pl.col("number").alias("section"), *OF_COPY))
        yield Write("copied_section", "update", known.select("section", *OF_COPY))
        yield journal("copied_section", ["section"], list(OF_COPY), known)


def as_frame(sections: list[Section]) -> pl.DataFrame:
    """Return sections as a frame."""
    return pl.DataFrame(sections, schema={**OF_SECTION, **OF_COPY, "is_known": pl.Boolean()}, orient="row")


def with_stored(changed: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Add to sections what the store has of them, as `stored.x`."""
    return beside(changed, before.rename(lambda name: name if name == "number" else f"stored.{name}"), ["number"])
