"""Writes stored enrollments in the template's own layout, so that the file changes nothing when it is applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from bulkload import zones
from bulkload.kinds import QUARTER, EnrollmentDate
from bulkload.rules import filled
from bulkload.template import Template
from bulkload.templates.enrollment import roster
from bulkload.templates.enrollment.records import RECORD, events

if TYPE_CHECKING:
    from bulkload.store import Store

EVENTS_AT_ONCE = 64
"""Enrollments whose users are read together."""


def export(template: Template, store: Store) -> Iterator[pl.DataFrame]:
    """Yield the records as texts, the enrollments in the order of their numbers."""
    every = events(store).rename({"event.number": "event"})
    users = store.records("user", {"number": pl.Int64(), "username": pl.String()}).rename({"number": "user"})
    fields = store.records("roster_field", {"number": pl.Int64(), "name": pl.String()})
    fields = fields.rename({"number": "field"}).with_columns(once=pl.len().over("name") == 1)
    for start in range(0, every.height, EVENTS_AT_ONCE):
        some = every.slice(start, EVENTS_AT_ONCE)
        keys = some.select("event")
        stored = store.records("enrollment", {"event": pl.Int64(), "user": pl.Int64(), **RECORD}, keys)
        values = store.records("roster_value", roster.VALUES, keys)
        frame = stored.join(some, on="event", how="left").join(users, on="user", how="left")
        frame = frame.join(pairs_text(values, fields), on=["event", "user"], how="left").sort("event", "user")
        yield texts(template, frame)


def pairs_text(values: pl.DataFrame, fields: pl.DataFrame) -> pl.DataFrame:
    """Return each record's roster cell, and how many of its values no cell can hold."""
    named = values.join(fields, on="field", how="left").sort("event", "user", "field")
    name, value = pl.col("name"), pl.col("value")
    fits = pl.col("once") & ~value.str.contains(";", literal=True) & ~name.str.contains("[;=]")
    pair = filled("{}={}", name, value)
    return named.group_by("event", "user", maintain_order=True).agg(
        pair.filter(fits).str.join(";").alias("roster"), (~fits).sum().alias("roster.lost")
    )


def texts(template: Template, frame: pl.DataFrame) -> pl.DataFrame:
    """Return records as the cells of the template's columns, and `lost`: how many values could not be written."""
    own = pl.when("event.use_event_zone").then("event.zone").otherwise("zone")
    zone = frame.select(own).to_series().to_physical().cast(pl.Int32)
    written: list[pl.Series | pl.Expr] = []
    lost: list[pl.Series] = []
    for column, field in (("enrolled_at", "enrolled"), ("changed_at", "changed")):
        local = zones.to_local(zone, frame[column])
        back = zones.to_utc(zone, local)["later"]
        good = (back == frame[column]) & (local % QUARTER == 0)
        kept = pl.DataFrame({"local": local, "good": good}).select(pl.when("good").then("local").alias("t"))
        written.append(kept.select(EnrollmentDate().show(pl.col("t"))).to_series().alias(field))
        lost.append((frame[column].is_not_null() & ~good.fill_null(value=False)).cast(pl.Int64))
    kinds = {one.name: one.kind for one in template.fields}
    unwritten = lost[0] + lost[1]
    return frame.select(
        pl.col("event.id").alias("enrollment_id"),
        pl.col("event.name").alias("enrollment"),
        "username",
        pl.col("roster").fill_null(""),
        written[0],
        pl.when("event.use_event_zone")
        .then(pl.lit(""))
        .otherwise(pl.col("zone").cast(pl.String))
        .fill_null("")
        .alias("zone"),
        pl.col("pre_status").cast(pl.String),
        pl.col("post_status").cast(pl.String),
        kinds["priority"].show(pl.col("priority")).alias("priority"),
        written[1],
        (pl.lit(unwritten) + pl.col("roster.lost").fill_null(0)).alias("lost"),
    )
