"""What a row changes in its record: compared, said in words, and kept in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from bulkload import zones
from bulkload.family import Write
from bulkload.rules import filled
from bulkload.template import Options, Template


def changed_columns(values: Iterable[str]) -> list[pl.Expr]:
    """Return, for each value x, `changed.x`: whether it differs from `stored.x`; null equals null."""
    return [pl.col(name).ne_missing(pl.col(f"stored.{name}")).alias(f"changed.{name}") for name in values]


def changes_text(template: Template, shown: Mapping[str, str]) -> pl.Expr:
    """Return `changes`: `Heading: old → new` for each value that an updated row changes, joined by `; `.

    `shown` names, for each stored column, the field that shows it; of a secret one only that it changed is said.
    """
    return updated(changed_values(template, shown)).alias("changes")


def changed_values(template: Template, shown: Mapping[str, str]) -> pl.Expr:
    """Return in words what a row changes, whatever became of it: from the columns `x`, `stored.x` and `changed.x`."""
    parts: list[pl.Expr] = []
    for name, field in shown.items():
        one = template[field]
        differs = pl.col(f"changed.{name}")
        if one.secret:
            parts.append(pl.when(differs).then(pl.lit(f"{one.heading}: changed")))
        else:
            old, new = one.kind.show(pl.col(f"stored.{field}")), one.kind.show(pl.col(field))
            parts.append(change(differs, one.heading, old, new))
    return pl.concat_str(parts, separator="; ", ignore_nulls=True)


def change(differs: pl.Expr, heading: str, old: pl.Expr, new: pl.Expr) -> pl.Expr:
    """Return the words of one change, null where there is none."""
    return pl.when(differs).then(filled("{}: {} → {}", pl.lit(heading), or_blank(old), or_blank(new)))


def or_blank(text: pl.Expr) -> pl.Expr:
    """Name what is blank, so that it can be seen."""
    return pl.when(text == "").then(pl.lit("(blank)")).otherwise(text)


def updated(text: pl.Expr) -> pl.Expr:
    """Return a text on updated rows, empty text on all others."""
    return pl.when(pl.col("outcome") == "updated").then(text).otherwise(pl.lit(""))


def journal(table: str, key: Sequence[str], values: Sequence[str], changed: pl.DataFrame) -> Write:
    """Return what the journal keeps of records that are changed: their key and their previous values, as JSON."""
    before = [pl.col(f"stored.{name}").alias(name) for name in values]
    return Write(
        table,
        "journal",
        changed.select(
            pl.struct(key).struct.json_encode().alias("key"),
            pl.struct(before).struct.json_encode().alias("before"),
        ),
    )


def moment_text(instants: pl.Series, options: Options) -> pl.Series:
    """Return instants (seconds since 1970 in UTC) as the configuration shows them; null becomes empty text."""
    zone = options.display_time_zone
    local = zones.local_of(zones.IANA.get(zone, zone), instants)
    text = pl.from_epoch(local, time_unit="s").dt.strftime(f"{options.display_date} {zone}")
    return text.fill_null("")
