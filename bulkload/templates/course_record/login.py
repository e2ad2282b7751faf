"""The family of logins: a login assigns what waits for it, and dates completions that have no date (course-record §2, §3.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import journal
from bulkload.family import Decision, Run, Write
from bulkload.joins import beside
from bulkload.template import Options, Template
from bulkload.templates.course_record.assign import SAID, Assigner
from bulkload.templates.course_record.learners import ASSIGNED
from bulkload.templates.course_record.records import COURSE, ENROLLMENT, LEARNER, OF_ENROLLMENT, RECORD, Learners
from bulkload.templates.upsert import skip, taken

if TYPE_CHECKING:
    from bulkload.store import Store

LOGIN: dict[str, pl.DataType] = {"learner": pl.Int64(), "logged_in_at": pl.Int64()}
DATED = "completion dates set"


class LoginFamily:
    """Notes logins, and does what has waited for them."""

    def begin(self, template: Template, store: Store, options: Options) -> LoginRun:
        """Read the learners."""
        return LoginRun(store, options)

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield the latest login of each learner."""
        who = store.records("learner", LEARNER).select(
            pl.col("number").alias("learner"), pl.col("id").alias("external_user_id"), pl.col("email").alias("external_email")
        )  # fmt: skip
        frame = beside(store.records("login", LOGIN), who, ["learner"]).sort("learner")
        yield frame.select(one.kind.show(pl.col(one.name)).alias(one.name) for one in template.fields)


class LoginRun(Run):
    """One load of logins."""

    keeps = frozenset({"learner", "logged_in_at"})

    def __init__(self, store: Store, options: Options) -> None:
        self.store, self.options = store, options
        self.learners = Learners(store)
        self.assigner = Assigner(store, int(options.now.timestamp()))
        logins = store.records("login", LOGIN)
        self.logins = logins.rename({"logged_in_at": "stored.logged_in_at"})
        courses = store.records("course", COURSE)
        self.courses = courses.select(pl.col("number").alias("course"), pl.col("id").alias("course.id"))
        self.counts: dict[str, int] = {ASSIGNED: 0, DATED: 0}

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find the learner."""
        return self.learners.found(frame).with_columns(pl.col("who").alias("same.learner"))

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add the learner's latest login."""
        return beside(frame, self.logins, ["learner"])

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Note the login where it is a later one, and do what has waited since before it."""
        known = pl.col("stored.logged_in_at").is_not_null()
        frame = frame.with_columns(known.alias("stored.known"), pl.lit("").alias("changes"))
        frame = frame.with_columns(taken(self.options).alias("taken"))
        here = frame.filter("taken").select("row", "learner", "logged_in_at")
        held = self._waiting(here)
        done = self.assigner.assign(held)
        dates = self._dates(here)
        self.counts[ASSIGNED] += done.records
        self.counts[DATED] += dates.height
        frame = beside(frame, done.said.select("row", *(f"decided.{one}" for one in SAID)), ["row"])
        frame = beside(
            frame, dates.group_by("row").agg(pl.col("course.id").str.join(", ").alias("decided.dated")), ["row"]
        )
        later = (pl.col("logged_in_at") > pl.col("stored.logged_in_at")).fill_null(value=False)
        effect = pl.any_horizontal(pl.col(f"decided.{one}").is_not_null() for one in ("assigned", "simulated", "dated"))
        outcome = (
            pl.when(~pl.col("ok")).then(pl.lit("rejected"))
            .when(~pl.col("stored.known")).then(pl.lit("created"))
            .when(later | effect).then(pl.lit("updated"))
            .otherwise(pl.lit("unchanged"))
        )  # fmt: skip
        frame = skip(frame.with_columns(outcome.alias("outcome"), later.alias("later")), self.options)
        return Decision(frame, [*self._writes(frame), *done.writes, *dated(dates)])

    def _waiting(self, here: pl.DataFrame) -> pl.DataFrame:
        """Return what has waited for the login of some rows."""
        who = here.with_columns(pl.concat_str(pl.lit("="), "learner").alias("who"))
        held = self.assigner.waiting("who", who["who"]).join(who, on="who", how="inner")
        return held.filter(pl.col("since") <= pl.col("logged_in_at"))

    def _dates(self, here: pl.DataFrame) -> pl.DataFrame:
        """Return completed enrollments without a date, which this login dates."""
        records = self.store.records("course_record", RECORD, here.select(pl.col("learner").unique().sort()))
        blank = records.filter(pl.col("complete") & pl.col("completed_at").is_null())
        blank = blank.join(here, on="learner", how="inner").filter(pl.col("since") <= pl.col("logged_in_at"))
        return beside(blank, self.courses, ["course"]).sort("row", "course")

    def _writes(self, frame: pl.DataFrame) -> Iterator[Write]:
        changed = frame.filter((pl.col("outcome") == "updated") & pl.col("later"))
        yield Write("login", "insert", frame.filter(pl.col("outcome") == "created").select(*LOGIN))
        yield Write("login", "update", changed.select(*LOGIN))
        yield journal("login", ["learner"], ["logged_in_at"], changed)


def dated(records: pl.DataFrame) -> Iterator[Write]:
    """Set the date of completions."""
    before = records.with_columns(pl.col(one).alias(f"stored.{one}") for one in ENROLLMENT)
    yield Write("course_record", "update", records.with_columns(completed_at=pl.col("logged_in_at")).select(*RECORD))
    yield journal("course_record", list(OF_ENROLLMENT), list(ENROLLMENT), before)
