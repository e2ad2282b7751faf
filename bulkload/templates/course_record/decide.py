"""Decides what the rows of a course-record file do: assigned, waiting for their learner, or there already (seed 003)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import change, journal, updated
from bulkload.family import Decision, Recalled, Run, Write
from bulkload.joins import Finder, beside
from bulkload.kinds import nearest
from bulkload.template import Options, Template
from bulkload.templates.course_record.export import export
from bulkload.templates.course_record.fields import STORED_AS
from bulkload.templates.course_record.kinds import Credits
from bulkload.templates.course_record.records import (
    AMOUNT,
    COURSE,
    CREDIT,
    ENROLLMENT,
    HELD,
    IMMEDIATELY,
    LIMIT,
    NO_TYPE,
    OF_CREDIT,
    OF_ENROLLMENT,
    RECORD,
    Learners,
    content,
    same_as_stored,
)
from bulkload.templates.upsert import skip

if TYPE_CHECKING:
    from bulkload.store import Store

WAITS = {
    "new": "the learner is not there yet: the record waits for them",
    "again": "the record waits still",
    "replaced": "the record takes the place of the one that has waited",
}
SHELLS = "course shells made"


class CourseRecordFamily:
    """Assigns old course records and credits to learners, or lets them wait for learners to come."""

    def begin(self, template: Template, store: Store, options: Options) -> CourseRecordRun:
        """Read courses, credit types and learners."""
        return CourseRecordRun(template, store, options)

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield assigned records by the order of their learners, then those that wait."""
        return export(template, store)


class CourseRecordRun(Run):
    """One load of a course-record file; what a row does depends on the store alone, as it was before the file."""

    keeps = frozenset(
        {
            "external_course_id",
            "course.id",
            "course.number",
            "course.required",
            "title",
            "external_user_id",
            "learner.email",
            "learner",
            "who",
        }
        | {"credit_type", "type.number", "type.code", "content", *STORED_AS}
    )
    recalls: Mapping[str, Recalled] = {
        "record": Recalled("course_record", tuple(OF_ENROLLMENT), OF_ENROLLMENT | ENROLLMENT),
        "credit": Recalled("credit", tuple(OF_CREDIT), CREDIT),
        "held": Recalled("held_record", ("course", "who"), HELD),
    }

    def __init__(self, template: Template, store: Store, options: Options) -> None:
        self.template, self.options = template, options
        courses = store.records("course", COURSE)
        self.courses = Finder(
            courses.select(
                pl.col("id").alias("key"),
                pl.col("number").alias("course.number"),
                pl.col("required_objects").alias("course.required"),
            ),
            "key",
        )
        types = store.records("credit_type", {"number": pl.Int64(), "code": pl.String()})
        self.codes = tuple(types["code"])
        self.types = Finder(types.select(pl.col("code").alias("key"), pl.col("number").alias("type.number")), "key")
        limits = store.records("course_credit", LIMIT)
        self.limits = limits.select(
            pl.col("course").alias("course.number"),
            pl.col("credit_type").alias("type.number"),
            pl.col("max_credits").alias("course.max"),
            pl.col("variable").alias("course.variable"),
        )
        self.learners = Learners(store)
        self.shells: dict[str, int] = {}
        self.counts: dict[str, int] = {SHELLS: 0}
        self.next_course = store.next_number("course")
        self.next_held = store.next_number("held_record")

    # look up

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find course, learner and credit type, and put what is stored of a row under its names."""
        frame = frame.with_columns(pl.coalesce("run.course", "external_course_id").alias("course.id"))
        frame = frame.with_columns(self.courses.find(frame["course.id"]))
        frame = self.learners.found(frame)
        frame = frame.with_columns(self.types.find(frame["credit_type"]))
        frame = beside(frame, self.limits, ["course.number", "type.number"])
        frame = frame.with_columns(pl.col(field).alias(name) for name, field in STORED_AS.items())
        frame = frame.with_columns(
            pl.col("credits").fill_null(0),
            pl.col("category").cast(pl.String),
            self._near(frame),
            pl.col("type.number").fill_null(NO_TYPE).alias("type.code"),
            pl.concat_str(pl.lit("c:"), "course.id").alias("same.course"),
            pl.col("who").alias("same.learner"),
            pl.concat_str(pl.lit("t:"), "text.credit_type").alias("same.type"),
        )
        return frame.with_columns(content().alias("content"))

    def _near(self, frame: pl.DataFrame) -> pl.Expr:
        """Return the end of a sentence that names the credit type which was probably meant."""
        unknown = frame.filter(pl.col("credit_type").is_not_null() & pl.col("type.number").is_null())["credit_type"]
        known = {text: nearest(text, self.codes) for text in unknown.unique().head(100)}
        said = {text: f" (did you mean '{near}'?)" for text, near in known.items() if near}
        return pl.col("credit_type").replace_strict(said, default="", return_dtype=pl.String).alias("type.near")

    # recall

    def asks(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Ask for the enrollment and the credit of a learner who is there, and for what waits."""
        keys = frame.select(
            "row", "learner", "who", pl.col("course.number").alias("course"), pl.col("type.code").alias("credit_type")
        )
        return {
            "record": keys.select("row", *OF_ENROLLMENT).drop_nulls(),
            "credit": keys.select("row", *OF_CREDIT).drop_nulls(),
            "held": keys.select("row", "course", "who").drop_nulls(),
        }

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add what is stored of the learner in the course, and whether a row may add to it (course-record §3.3)."""
        record = stored["record"].select("row", *(pl.col(one).alias(f"stored.{one}") for one in ENROLLMENT))
        frame = beside(frame, record, ["row"])
        frame = beside(
            frame, stored["credit"].select("row", *(pl.col(one).alias(f"stored.{one}") for one in AMOUNT)), ["row"]
        )
        frame = self._with_held(frame, stored["held"])
        has_credit = (pl.col("stored.credits") > 0).fill_null(value=False)
        there = pl.col("stored.complete").is_not_null() & ~pl.col("held.any")
        frame = frame.with_columns(
            there.alias("stored.there"),
            (there & pl.col("stored.credits").is_not_null()).alias("stored.row"),
            (has_credit & there).alias("stored.credited"),
        )
        as_imported = pl.col("content") == pl.col("stored.content")
        same = pl.col("stored.row") & (as_imported.fill_null(value=False) | same_as_stored())
        adds = pl.col("complete") & (pl.col("credits") > 0) & ~pl.col("stored.credited")
        return frame.with_columns(
            same.alias("stored.same"),
            (pl.col("ok") & there & ~same & ~adds).alias("stored.refuses"),
            pl.when("stored.credited")
            .then(pl.concat_str(pl.lit("the learner has "), Credits().show(pl.col("stored.credits")), pl.lit(" credits of this type already")))
            .when("stored.complete")
            .then(pl.lit("the learner has completed the course already"))
            .otherwise(pl.lit("the learner is in the course already, and the row completes nothing with credit"))
            .alias("stored.why"),
        )  # fmt: skip

    def _with_held(self, frame: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
        """Add what waits: `held.any` for the learner and course, `held.x` of the row's credit type."""
        own = held.rename({"credit_type": "type.code"}).unique(["row", "type.code"], keep="last", maintain_order=True)
        names = [one for one in HELD if one not in {"course", "who", "credit_type"}]
        own = own.select("row", "type.code", *(pl.col(one).alias(f"held.{one}") for one in names))
        frame = beside(frame, own, ["row", "type.code"])
        return frame.with_columns(pl.col("row").is_in(held["row"].unique().implode()).alias("held.any"))

    # decide

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Set the outcome of each row, and make the shells that rows need."""
        waits = pl.col("learner").is_null() | pl.col("held.any")
        again = pl.col("held.number").is_not_null()
        same = waits & (pl.col("content") == pl.col("held.content")).fill_null(value=False)
        outcome = (
            pl.when(~pl.col("ok")).then(pl.lit("rejected"))
            .when(same | pl.col("stored.same")).then(pl.lit("unchanged"))
            .when(waits).then(pl.lit("held"))
            .when(~pl.col("stored.there")).then(pl.lit("created"))
            .otherwise(pl.lit("updated"))
        )  # fmt: skip
        frame = frame.with_columns(
            outcome.alias("outcome"),
            (pl.col("stored.there") | again).alias("stored.known"),
            pl.lit("").alias("changes"),
        )
        frame = self._with_shells(skip(frame, self.options))
        applied = pl.col("outcome").is_in(["held", "unchanged"]) & waits
        said = (
            pl.when(same)
            .then(pl.lit(WAITS["again"]))
            .when(again)
            .then(pl.lit(WAITS["replaced"]))
            .otherwise(pl.lit(WAITS["new"]))
        )
        frame = frame.with_columns(
            pl.when(applied).then(said).alias("decided.waits"),
            (applied & (pl.col("course.required") == False)).alias("decided.simulates"),  # noqa: E712 - a column
        )  # fmt: skip
        if (frame["outcome"] == "updated").any():
            frame = frame.with_columns(changes().alias("changes"))
        return Decision(frame, self._writes(frame))

    def _with_shells(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give each unknown course of an accepted row the number of its shell; the first row of one makes it."""
        needs = frame.filter(pl.col("outcome").is_in(["created", "held"]) & pl.col("course.number").is_null())
        new = needs.unique("course.id", keep="first", maintain_order=True)
        new = new.filter(~pl.col("course.id").is_in(list(self.shells)))
        before = bool(self.shells)
        self.shells |= dict(zip(new["course.id"], range(self.next_course, self.next_course + new.height), strict=True))
        self.next_course += new.height
        self.counts[SHELLS] = len(self.shells)
        made = frame["row"].is_in(new["row"].implode())
        number = pl.col("course.id").replace_strict(self.shells, default=None, return_dtype=pl.Int64)
        frame = frame.with_columns(
            pl.coalesce("course.number", number).alias("course.number"), made.alias("decided.shell")
        )
        first = pl.col("decided.shell") & (pl.col("decided.shell").cum_sum() == 1) & pl.lit(not before)
        return frame.with_columns(first.alias("decided.first_shell"))

    def _writes(self, frame: pl.DataFrame) -> Iterator[Write]:
        """Write shells, enrollments, credits and what waits."""
        frame = frame.with_columns(
            pl.col("course.number").alias("course"),
            pl.col("type.code").alias("credit_type"),
            pl.col("external_user_id").alias("learner_id"),
            pl.col("learner.email").alias("learner_email"),
            pl.lit(self.options.course is None).alias("legacy"),
            pl.lit(int(self.options.now.timestamp())).alias("since"),
        )
        yield Write("course", "insert", shells(frame.filter("decided.shell")))
        assigned = frame.filter(pl.col("outcome").is_in(["created", "updated"]))
        completed = assigned.filter(~pl.col("stored.complete"))
        yield Write(
            "course_record",
            "insert",
            assigned.filter(~pl.col("stored.complete").fill_null(value=False)).select(*RECORD),
        )
        yield journal(
            "course_record",
            list(OF_ENROLLMENT),
            list(ENROLLMENT),
            completed.unique([*OF_ENROLLMENT], maintain_order=True),
        )
        known = assigned.filter("stored.row")
        yield Write("credit", "insert", assigned.filter(~pl.col("stored.row")).select(*CREDIT))
        yield Write("credit", "update", known.select(*CREDIT))
        yield journal("credit", list(OF_CREDIT), list(AMOUNT), known)
        yield from self._held(frame.filter(pl.col("outcome") == "held"))

    def _held(self, frame: pl.DataFrame) -> Iterator[Write]:
        """Write what waits: new records, and those that take the place of others."""
        new = frame.filter(pl.col("held.number").is_null())
        new = new.with_columns(number=pl.int_range(self.next_held, self.next_held + new.height, dtype=pl.Int64))
        self.next_held += new.height
        changed = frame.filter(pl.col("held.number").is_not_null()).with_columns(number=pl.col("held.number"))
        yield Write("held_record", "insert", new.select(*HELD))
        yield Write("held_record", "update", changed.select(*HELD))
        names = [*ENROLLMENT, *AMOUNT]
        before = changed.with_columns(pl.col(f"held.{one}").alias(f"stored.{one}") for one in names)
        yield journal("held_record", ["number"], names, before)


def shells(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the imported course shells that rows make: with neither objects nor certificates."""
    return rows.select(
        pl.col("course").alias("number"),
        pl.col("course.id").alias("id"),
        "title",
        pl.lit(None, pl.Boolean).alias("required_objects"),
        pl.lit(IMMEDIATELY).alias("assign"),
        pl.lit(value=False).alias("certificate"),
    )


def changes() -> pl.Expr:
    """Return, of updated rows, what is completed, and the credit that is given."""
    completes = pl.col("stored.complete") == False  # noqa: E712 - a column
    credit = pl.concat_str(Credits().show(pl.col("credits")), pl.lit(" "), "credit_type")
    parts = [
        change(completes, "complete", pl.lit("0"), pl.lit("1")),
        change(pl.lit(value=True), "credits", pl.lit(""), credit),
    ]
    return updated(pl.concat_str(parts, separator="; ", ignore_nulls=True))
