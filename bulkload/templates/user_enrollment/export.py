"""Writes persons and their enrolments as the records that leave them as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from bulkload.digests import UNCHANGED
from bulkload.family import LOST
from bulkload.joins import beside
from bulkload.templates.user_enrollment.records import ENROLL, MEMBERSHIP, PERSON, SECTION, UPDATE, VALUES

if TYPE_CHECKING:
    from bulkload.store import Store


def export(store: Store) -> Iterator[pl.DataFrame]:
    """Yield a record for each enrolment, and one for each person without; passwords as `<unchanged>`.

    Properties only XML can say: they are counted as lost.
    """
    targets = {
        name: store.records(table, {"number": pl.Int64(), name: pl.String()}).rename({"number": "target"})
        for table, name in (("section", "call_number"), ("node", "node_string"))
    }
    roles = store.records("role", {"number": pl.Int64(), "role_id": pl.String()}).rename({"number": "role"})
    for persons in store.all_records("person", PERSON):
        numbers = persons.select(pl.col("number").alias("person"))
        memberships = store.records("membership", MEMBERSHIP, numbers)
        rows = persons.join(memberships.rename({"person": "number"}), on="number", how="left", maintain_order="left")
        rows = beside(rows, roles, ["role"])
        for name, table in targets.items():
            rows = beside(rows, table, ["target"])
            here = (pl.col("kind") == SECTION) == (name == "call_number")
            rows = rows.with_columns(pl.when(here).then(name).alias(name))
        enrolled = pl.col("role").is_not_null()
        texts = [name for name in VALUES if name not in {"password", "properties"}]
        yield rows.select(
            pl.when(enrolled).then(pl.lit(ENROLL)).otherwise(pl.lit(UPDATE)).alias("action"),
            pl.when(pl.col("password").is_not_null()).then(pl.lit(UNCHANGED)).fill_null("").alias("password"),
            *(pl.col(name).fill_null("") for name in ("source", "person_id", *texts)),
            *(pl.col(name).fill_null("") for name in ("call_number", "node_string", "role_id")),
            pl.lit("").alias("properties"),
            pl.col("properties").is_not_null().cast(pl.Int64).alias(LOST),
        )
