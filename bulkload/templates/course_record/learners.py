"""The family of learners: upserted like other reference data; what has waited for them is assigned in the same run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bulkload.family import Decision, Write
from bulkload.joins import beside
from bulkload.template import Options, Template
from bulkload.templates.course_record.assign import SAID, Assigned, Assigner
from bulkload.templates.course_record.records import AT_LOGIN, HELD
from bulkload.templates.upsert import Upsert, UpsertRun

if TYPE_CHECKING:
    from bulkload.store import Store

ASSIGNED = "waiting records assigned"

BRINGING = 10_000
"""Learners of a file that are taken at a time where records wait: each of them may bring dozens."""


@dataclass(frozen=True)
class LearnerFamily(Upsert):
    """Adds and changes learners."""

    def begin(self, template: Template, store: Store, options: Options) -> LearnerRun:
        """Read the learners."""
        return LearnerRun(self, template, store, options)


class LearnerRun(UpsertRun):
    """One load of learners; knows all ids and addresses that there are after it, before it decides."""

    def __init__(self, family: LearnerFamily, template: Template, store: Store, options: Options) -> None:
        super().__init__(family, template, store, options)
        self.assigner = Assigner(store, int(options.now.timestamp()))
        self.at_once = BRINGING if self.assigner.anything else None
        self.counts: dict[str, int] = {ASSIGNED: 0}
        self.brought: list[pl.DataFrame] = []
        self.adding = threading.Lock()
        self.known: pl.DataFrame | None = None

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Note which ids and addresses the file brings."""
        frame = super().look_up(frame)
        if self.assigner.anything:
            with self.adding:
                self.brought.append(hashed(frame))
        return frame

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Add and change learners, then assign what has waited for them."""
        decision = super().decide(frame)
        frame = decision.frame
        none = [pl.lit(None, pl.String).alias(f"decided.{one}") for one in (*SAID, "login")]
        here = frame.filter(pl.col("outcome").is_in(["created", "updated", "unchanged"]))
        if not self.assigner.anything or here.is_empty():
            return Decision(frame.with_columns(none), decision.writes)
        held = self._waiting(here)
        login = held.filter(pl.col("assign") == AT_LOGIN)
        done = self.assigner.assign(held.filter(pl.col("assign") != AT_LOGIN))
        self.counts[ASSIGNED] += done.records
        frame = beside(frame, self._said(done, login), ["row"])
        return Decision(frame, [*decision.writes, *done.writes, *until_login(login)])

    def _said(self, done: Assigned, login: pl.DataFrame) -> pl.DataFrame:
        """Return what is said of each row: what was assigned, and what waits for a login."""
        waits = self.assigner.courses_in_words(login)
        rows = pl.concat([done.said.select("row"), waits.select("row")]).unique()
        return beside(beside(rows, done.said, ["row"]), waits, ["row"])

    def _waiting(self, here: pl.DataFrame) -> pl.DataFrame:
        """Return what waits for the learners of some rows: by their id, else by an address that one learner has."""
        known = self._known()
        rows = here.select("row", pl.col("number").alias("learner"), "id", pl.col("email").str.to_lowercase())
        who = rows.select("row", "learner", pl.concat_str(pl.lit("#"), "id").alias("who"))
        by_id = self.assigner.waiting("who", who["who"]).join(who, on="who", how="inner")
        alone = hashed(rows).filter(pl.col("email").is_not_null())
        counted = known.group_by("email").agg(pl.len().alias("count"))
        shared = beside(alone, counted, ["email"])["count"] > 1
        addressed = rows.filter(pl.col("email").is_not_null()).filter(~shared)
        found = self.assigner.waiting("learner_email", addressed["email"]).filter(~pl.col("who").str.starts_with("="))
        strangers = pl.col("learner_id").is_null() | ~pl.col("learner_id").hash().is_in(known["id"].implode())
        found = found.filter(strangers)
        by_email = found.join(
            addressed.select("row", "learner", pl.col("email").alias("learner_email")), on="learner_email", how="inner"
        )
        both = pl.concat([by_id.select(by_email.columns), by_email])
        return both.with_columns(pl.lit(None, pl.Int64).alias("logged_in_at"))

    def _known(self) -> pl.DataFrame:
        """Return digests of all ids and addresses, as they are after this file."""
        if self.known is None:
            stored = hashed(self.stored.select("id", pl.col("stored.email").alias("email"))).drop("ok")
            brought = pl.concat(self.brought).filter(pl.col("id").is_unique() & pl.col("ok")).drop("ok")
            self.known = pl.concat([stored.join(brought, on="id", how="anti"), brought])
        return self.known


def hashed(learners: pl.DataFrame) -> pl.DataFrame:
    """Return digests of ids and addresses, for the time of a run; none of an address that is not there."""
    address = pl.col("email").str.to_lowercase()
    ok = pl.col("ok") if "ok" in learners.columns else pl.lit(value=True)
    return learners.select(
        pl.col("id").hash(), pl.when(address.is_not_null()).then(address.hash()).alias("email"), ok.alias("ok")
    )


def until_login(held: pl.DataFrame) -> list[Write]:
    """Let records wait for the login of a learner who has come."""
    return [
        Write(
            "held_record", "update", held.with_columns(pl.concat_str(pl.lit("="), "learner").alias("who")).select(*HELD)
        )
    ]
