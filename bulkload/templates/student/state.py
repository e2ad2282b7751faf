"""The family of student states: sets order and status of students who are there, and moves no licences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import changed_columns, changes_text, journal
from bulkload.family import LEFT_OUT, Decision, Run, Write
from bulkload.joins import Finder, beside
from bulkload.template import Options, Template
from bulkload.templates.student.records import BIN, ORDER, WHOLE
from bulkload.templates.upsert import skip

if TYPE_CHECKING:
    from bulkload.store import Store

SHOWN = {"license_order": "order_id", "active": "active"}


class StudentState:
    """Sets order and status of students who are there."""

    def begin(self, template: Template, store: Store, options: Options) -> StudentStateRun:
        """Read students' ids and the orders."""
        return StudentStateRun(template, store, options)

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield the students by the order of their ids; one whose id several districts have is left out."""
        ids = students(store)
        orders = store.records("license_order", {"number": pl.Int64(), "id": pl.String()})
        frame = beside(ids, orders.rename({"number": "license_order", "id": "order_id"}), ["license_order"])
        texts = [one.kind.show(pl.col(one.name)).alias(one.name) for one in template.fields]
        yield frame.sort("student_id").select(*texts, (pl.col("student.count") > 1).alias(LEFT_OUT))


def students(store: Store) -> pl.DataFrame:
    """Return the students' ids and states, with `student.count`: how many have the same id."""
    columns: dict[str, pl.DataType] = {
        "student_id": pl.String(),
        "number": pl.Int64(),
        "active": pl.Boolean(),
        "license_order": pl.Int64(),
    }
    return store.records("student", columns).with_columns(pl.len().over("student_id").alias("student.count"))


class StudentStateRun(Run):
    """One load of student states."""

    keeps = frozenset(
        {"student_id", "order_id", "active", "license_order", "number", "stored.license_order", "stored.active"}
    )

    def __init__(self, template: Template, store: Store, options: Options) -> None:
        self.template, self.store, self.options = template, store, options
        every = store.records("license_order", ORDER).filter(pl.col("kind") != BIN)
        self.orders = Finder(every.select(pl.col("id").alias("key"), pl.col("number").alias("order.number")), "key")
        self.names = every.select(
            pl.col("number").alias("stored.license_order"), pl.col("id").alias("stored.order_id")
        )  # fmt: skip
        known = students(store).unique("student_id", keep="first", maintain_order=True)
        self.students = Finder(
            known.select(
                pl.col("student_id").alias("key"),
                "number",
                "student.count",
                pl.col("active").alias("stored.active"),
                pl.col("license_order").alias("stored.license_order"),
            ),
            "key",
        )

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find student and order."""
        frame = frame.with_columns(self.students.find(frame["student_id"]))
        frame = frame.with_columns(self.orders.find(frame["order_id"]))
        return frame.with_columns(pl.col("order.number").alias("license_order"))

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add nothing: the state was found with the student."""
        return beside(frame, self.names, ["stored.license_order"])

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Compare each row with its student's state."""
        frame = frame.with_columns(*changed_columns(SHOWN), pl.lit(value=True).alias("stored.known"))
        differs = pl.any_horizontal(f"changed.{name}" for name in SHOWN)
        outcome = (
            pl.when(~pl.col("ok")).then(pl.lit("rejected"))
            .when(differs).then(pl.lit("updated"))
            .otherwise(pl.lit("unchanged"))
        )  # fmt: skip
        frame = skip(frame.with_columns(outcome.alias("outcome")), self.options)
        return Decision(frame.with_columns(changes_text(self.template, SHOWN)), self._writes(frame))

    def _writes(self, frame: pl.DataFrame) -> Iterator[Write]:
        changed = frame.filter(pl.col("outcome") == "updated")
        state = changed.select("number", *SHOWN)
        records = self.store.records("student", WHOLE, state.select("number"))
        yield Write("student", "update", beside(records.drop(SHOWN), state, ["number"]).select(*WHOLE))
        yield journal("student", ["number"], list(SHOWN), changed)
