"""Writes a transaction log in place of results: a line for each record, with a code and a message for each of its halves."""

from __future__ import annotations

import csv
import io

import polars as pl

from bulkload.errors import FileRefused
from bulkload.joins import beside
from bulkload.template import Half, Log, Template

NOT_APPLIED = "not applied: another part of the record failed"
ALL_OR_NOTHING = "not applied: another record failed, and all or nothing was asked for"
OTHER = -1
"""The number of an error that has none of its own."""

RESULTS = {"rejected": "FAILED", "skipped": "SKIPPED"}
"""What a log calls outcomes; any other one is SUCCESS."""


def headings(log: Log) -> list[str]:
    """Return the columns of a log, in their order."""
    halves = [f"{half.prefix}{what}" for half in log.halves for what in ("code", "message")]
    return ["record", "line", *log.shows, *halves, "result"]


def log_lines(frame: pl.DataFrame, findings: pl.DataFrame, template: Template) -> pl.DataFrame:
    """Return a line for each record: the columns of the log, and `row` and `outcome`."""
    log = template.log
    assert log is not None
    lines = frame.select(
        "row",
        "outcome",
        *(half.there.fill_null(value=False).alias(f"there.{half.prefix}") for half in log.halves),
        *(
            (pl.col(half.happened) if half.happened in frame.columns else pl.lit(None, pl.String)).alias(
                f"happened.{half.prefix}"
            )
            for half in log.halves
        ),
        pl.col("row").alias("record"),
        "line",
        *(shown.fill_null("").alias(name) for name, shown in log.shows.items()),
        pl.col("outcome").replace_strict(RESULTS, default="SUCCESS", return_dtype=pl.String).alias("result"),
    )
    heading = {one.name: one.heading for one in template.fields}
    for half in log.halves:
        own = {"", *(heading[name] for name in half.fields)}
        lines = with_half(lines, findings.filter(pl.col("heading").is_in(own)), half, log)
    return lines


def with_half(lines: pl.DataFrame, findings: pl.DataFrame, half: Half, log: Log) -> pl.DataFrame:
    """Add the code and the message of a half: what happened, then what was found; what gives the code comes first.

    Errors give it before warnings, which may have a number too: then something of the record was not done.
    """
    of_field = pl.col("heading").replace_strict(log.of_fields, default=OTHER, return_dtype=pl.Int64)
    default = pl.when(pl.col("severity") == "error").then(of_field)
    number = pl.col("code").replace_strict(log.numbers, default=None, return_dtype=pl.Int64)
    found = (
        findings.with_columns(pl.coalesce(number, default).alias("number"))
        .sort("row", pl.col("number").is_null(), pl.col("severity") != "error", "position")
        .group_by("row", maintain_order=True)
        .agg(
            pl.col("number").drop_nulls().first(),
            pl.concat_str("code", pl.lit(": "), "message").str.join(" | ").alias("said"),
        )
    )
    lines = beside(lines, found, ["row"])
    there = pl.col(f"there.{half.prefix}") | pl.col("number").is_not_null()
    failed = pl.col("outcome") == "rejected"
    happened = (
        pl.when(~failed)
        .then(f"happened.{half.prefix}")
        .when(pl.col("number").is_null() & there)
        .then(pl.lit(NOT_APPLIED))
    )
    message = pl.concat_str(happened, "said", separator=" | ", ignore_nulls=True)
    return lines.with_columns(
        pl.when(there).then(pl.col("number").fill_null(0)).alias(f"{half.prefix}code"),
        message.alias(f"{half.prefix}message"),
    ).drop("number", "said")


def none_applied(lines: pl.LazyFrame, log: Log) -> pl.LazyFrame:
    """Return the lines of a log when nothing of its file was applied: those that had not failed are skipped."""
    good = pl.col("result") != "FAILED"
    messages = [f"{half.prefix}message" for half in log.halves]
    return lines.with_columns(
        pl.when(good).then(pl.lit("SKIPPED")).otherwise("result").alias("result"),
        *(
            pl.when(good & pl.col(f"{half.prefix}code").is_not_null())
            .then(pl.lit(ALL_OR_NOTHING))
            .otherwise(name)
            .alias(name)
            for half, name in zip(log.halves, messages, strict=True)
        ),
    )


def refusal_line(log: Log, refusal: FileRefused) -> bytes:
    """Return the log of a file that was refused as a whole: its headings, and one line."""
    half = log.halves[0].prefix
    said = {
        f"{half}code": str(log.numbers.get(refusal.code, OTHER)),
        f"{half}message": f"{refusal.code}: {refusal}",
        "result": "FAILED",
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, headings(log), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerow(said)
    return text.getvalue().encode()
