"""Assigns records that have waited, once their learner has come or logged in (course-record §3.4, §3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import journal
from bulkload.family import Write
from bulkload.joins import beside
from bulkload.rules import filled
from bulkload.templates.course_record.kinds import Credits
from bulkload.templates.course_record.records import (
    AMOUNT,
    COURSE,
    CREDIT,
    ENROLLMENT,
    HELD,
    LIMIT,
    OF_CREDIT,
    OF_ENROLLMENT,
    RECORD,
)

if TYPE_CHECKING:
    from bulkload.store import Store

KEY = list(OF_ENROLLMENT)
WHOLE = list(OF_CREDIT)
SAID = ("assigned", "simulated", "stays")
"""What is said of a learner's records: those that were assigned, those with the whole credit, and those that cannot be."""


@dataclass
class Assigned:
    """What became of records that waited: what is written, and a sentence's parts by row of the learners' file."""

    said: pl.DataFrame
    records: int = 0
    writes: list[Write] = field(default_factory=list)


class Assigner:
    """Assigns records to learners; made once for each load."""

    def __init__(self, store: Store, now: int) -> None:
        self.store, self.now = store, now
        self.anything = not store.has_at_most("held_record", 0)
        courses = store.records("course", COURSE)
        self.courses = courses.select(
            pl.col("number").alias("course"), pl.col("id").alias("course.id"), "assign", "required_objects"
        )
        self.limits = store.records("course_credit", LIMIT)
        types = store.records("credit_type", {"number": pl.Int64(), "code": pl.String()})
        self.types = types.rename({"number": "credit_type", "code": "type"})

    def waiting(self, column: str, values: pl.Series) -> pl.DataFrame:
        """Return the records that wait under some values of a column, with what their courses say."""
        keys = values.drop_nulls().unique().sort().alias(column).to_frame()
        held = self.store.records("held_record", HELD | {"changed_job": pl.Int64()}, keys)
        return beside(held, self.courses, ["course"])

    def assign(self, held: pl.DataFrame) -> Assigned:
        """Assign records: the columns of `waiting`, and the `row`, the number of their `learner` and `logged_in_at`.

        Of several of one learner, course and type the latest counts. What is assigned already stays as it is.
        """
        held = held.sort("changed_job", "number").with_columns(
            (~pl.col("required_objects").fill_null(value=True)).alias("completes")
        )
        latest = held.unique(WHOLE, keep="last", maintain_order=True)
        latest = self._beside_stored(latest)
        credited = (pl.col("stored.credits") > 0).fill_null(value=False)
        adds = pl.col("complete") & (pl.col("credits") > 0) & ~credited
        latest = latest.with_columns(
            (pl.col("stored.complete").is_null() | adds).alias("fits"),
            (pl.col("completes") & pl.col("stored.complete").is_null()).alias("simulates"),
        )
        taken = latest.filter("fits")
        done = held.join(taken.select(WHOLE), on=WHOLE, how="semi")
        given = self._credits(taken)
        return Assigned(
            self._said(latest, taken, given),
            done.height,
            [*self._enrollments(taken), *credit_writes(given), *removed(done)],
        )

    def _beside_stored(self, held: pl.DataFrame) -> pl.DataFrame:
        """Add what the learner has in the course already."""
        keys = held.select(KEY).unique().sort(KEY)
        for table, schema, key in (("course_record", RECORD, KEY), ("credit", CREDIT, WHOLE)):
            found = self.store.records(table, schema, keys)
            held = beside(held, found.rename({one: f"stored.{one}" for one in schema if one not in key}), key)
            if table == "course_record":
                held = held.drop("stored.legacy", "stored.since")
        return held

    def _enrollments(self, taken: pl.DataFrame) -> Iterator[Write]:
        """Write one enrollment for the records of a learner and course; who is completed at once is so from now on."""
        firsts = [pl.col(one).drop_nulls().first() for one in ENROLLMENT if one != "complete"]
        before = [pl.col(f"stored.{one}").first() for one in ENROLLMENT]
        made = taken.group_by(KEY, maintain_order=True).agg(
            pl.col("legacy", "logged_in_at").first(),
            (pl.col("complete") | pl.col("simulates")).any(),
            pl.col("simulates").any(),
            *firsts,
            *before,
        )
        date = pl.when("complete").then(pl.when("simulates").then(self.now).otherwise("logged_in_at"))
        made = made.with_columns(pl.coalesce("completed_at", date), pl.lit(self.now).alias("since"))
        made = made.filter(~pl.col("stored.complete").fill_null(value=False))
        yield Write("course_record", "insert", made.select(*RECORD))
        yield journal("course_record", KEY, list(ENROLLMENT), made.filter(pl.col("stored.complete").is_not_null()))

    def _credits(self, taken: pl.DataFrame) -> pl.DataFrame:
        """Return the credits that are given: as the records have them, or each of the course's types at its maximum."""
        asked = taken.with_columns(pl.when("simulates").then(0).otherwise("credits").alias("credits"))
        owners = taken.filter("simulates").select("row", *KEY).unique(KEY, maintain_order=True)
        whole = owners.join(self.limits, on="course", how="inner").select("row", *WHOLE, "max_credits")
        both = asked.join(whole.drop("row"), on=WHOLE, how="left", maintain_order="left")
        both = both.with_columns(pl.coalesce("max_credits", "credits").alias("credits"))
        more = whole.join(asked, on=WHOLE, how="anti").rename({"max_credits": "credits"})
        both = both.select("row", *CREDIT, *(f"stored.{one}" for one in AMOUNT))
        return pl.concat([both, more.cast({"credits": pl.Int64})], how="diagonal")

    def _said(self, latest: pl.DataFrame, taken: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
        """Return, for each row of the learners' file, what became of the records."""
        simulated = taken.filter("simulates").select(KEY).unique()
        parts = {
            "assigned": given.join(simulated, on=KEY, how="anti"),
            "simulated": given.join(simulated, on=KEY, how="semi"),
            "stays": latest.filter(~pl.col("fits")),
        }
        said = latest.select("row").unique(maintain_order=True)
        for name, part in parts.items():
            said = beside(said, self._in_words(part).rename({"words": f"decided.{name}"}), ["row"])
        return said

    def _in_words(self, given: pl.DataFrame) -> pl.DataFrame:
        """Return what is given of which courses in words, by row."""
        named = beside(beside(given.select("row", *CREDIT), self.courses, ["course"]), self.types, ["credit_type"])
        amount = filled("{} {}", Credits().show(pl.col("credits")), "type").filter(pl.col("credits") > 0)
        by_course = named.group_by("row", "course.id", maintain_order=True).agg(
            amount.str.join(" and ").alias("amounts")
        )
        amounts = pl.when(pl.col("amounts") == "").then(pl.lit("without credit")).otherwise("amounts")
        words = pl.concat_str("course.id", amounts, separator=" ").str.join(", ").alias("words")
        return by_course.group_by("row", maintain_order=True).agg(words)

    def courses_in_words(self, held: pl.DataFrame) -> pl.DataFrame:
        """Return the courses of records, by row."""
        names = pl.col("course.id").unique(maintain_order=True).str.join(", ")
        return held.group_by("row", maintain_order=True).agg(names.alias("decided.login"))


def credit_writes(given: pl.DataFrame) -> Iterator[Write]:
    """Write credits: new ones, and those in place of none."""
    known = given.filter(pl.col("stored.credits").is_not_null())
    yield Write("credit", "insert", given.filter(pl.col("stored.credits").is_null()).select(*CREDIT))
    yield Write("credit", "update", known.select(*CREDIT))
    yield journal("credit", WHOLE, list(AMOUNT), known)


def removed(held: pl.DataFrame) -> Iterator[Write]:
    """Remove records that wait no longer; the journal keeps them."""
    names = [one for one in HELD if one != "number"]
    yield Write("held_record", "delete", held.select("number"))
    yield journal(
        "held_record", ["number"], names, held.with_columns(pl.col(one).alias(f"stored.{one}") for one in names)
    )
