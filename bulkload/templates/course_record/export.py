"""Writes course records, assigned and waiting, in the layout of the global importer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from bulkload.joins import beside
from bulkload.template import Template
from bulkload.templates.course_record.fields import STORED_AS
from bulkload.templates.course_record.records import COURSE, CREDIT, HELD, LEARNER, OF_ENROLLMENT, RECORD

if TYPE_CHECKING:
    from bulkload.store import Store

LEARNERS_AT_ONCE = 50_000
"""Learners whose records are read together."""

NAMES: dict[str, pl.DataType] = {"first_name": pl.String(), "last_name": pl.String()}


def export(template: Template, store: Store) -> Iterator[pl.DataFrame]:
    """Yield the records as texts: a row for each credit type of each enrollment, then those that wait.

    The category stands on the first row of an enrollment, where it counts. Names and titles, which a file does
    not change, are left as they are.
    """
    courses = store.records("course", COURSE).select(
        pl.col("number").alias("course"), pl.col("id").alias("external_course_id"), "title"
    )
    types = store.records("credit_type", {"number": pl.Int64(), "code": pl.String()})
    types = types.rename({"number": "type", "code": "credit_type"})
    for learners in store.all_records("learner", LEARNER | NAMES):
        for some in learners.iter_slices(LEARNERS_AT_ONCE):
            keys = some.select(pl.col("number").alias("learner").sort())
            records = store.records("course_record", RECORD, keys)
            given = store.records("credit", CREDIT, keys)
            rows = given.join(records, on=list(OF_ENROLLMENT), how="left").sort("learner", "course", "credit_type")
            who = some.rename({"number": "learner", "id": "external_user_id", "email": "external_email"})
            rows = beside(rows, who, ["learner"])
            first = pl.int_range(pl.len()).over(list(OF_ENROLLMENT)) == 0
            rows = rows.with_columns(pl.when(first).then("category").alias("category"))
            yield texts(template, rows, courses, types)
    for held in store.all_records("held_record", HELD):
        waiting = held.rename({"learner_id": "external_user_id", "learner_email": "external_email"})
        yield texts(template, waiting.with_columns(pl.lit("").alias(one) for one in NAMES), courses, types)


def texts(template: Template, rows: pl.DataFrame, courses: pl.DataFrame, types: pl.DataFrame) -> pl.DataFrame:
    """Return records as the cells of the template's columns."""
    rows = beside(beside(rows.rename({"credit_type": "type"}), courses, ["course"]), types, ["type"])
    stored = {field: name for name, field in STORED_AS.items()}
    return rows.select(one.kind.show(pl.col(stored.get(one.name, one.name))).alias(one.name) for one in template.fields)
