"""Says what was found of rows: a sentence for each, made from its code and the row's own cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from bulkload import rules
from bulkload.rules import Code
from bulkload.template import Placed

FINDINGS = {
    "row": pl.Int64,
    "position": pl.Int64,
    "heading": pl.String,
    "code": pl.String,
    "severity": pl.String,
    "message": pl.String,
}
"""The columns of findings; `position` orders the findings of a row as they were found."""

FIRST = 3
"""Rows of a code that a summary shows."""

MANY = 10_000
"""Broken rows of which it does not pay any more to wait for others: to say a code takes a millisecond, for 20 rows as for 1,000."""


def no_findings() -> pl.DataFrame:
    """Return findings of no rows."""
    return pl.DataFrame(schema=FINDINGS)


@dataclass(frozen=True, slots=True)
class Broken:
    """Rows that have a code, with the columns that its sentence is made of; `position` orders what is found of a row.

    Their texts are their own, so that they can be kept.
    """

    code: Code
    placed: Placed | None
    position: int
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Saying:
    """How findings are said: after which others, and of which codes no more sentences are read; `most` of each other one (None: all)."""

    later: int = 0
    most: int | None = None
    enough: frozenset[str] = frozenset()

    def of(self, code: Code) -> int | None:
        """Return how many sentences of a code are read (None: all)."""
        return 0 if code.word in self.enough else self.most

    def say(self, broken: Iterable[Broken]) -> pl.DataFrame:
        """Return the findings of broken rows."""
        found = [said(one.rows, one.code, one.placed, one.position, self.of(one.code)) for one in broken]
        return pl.concat([no_findings(), *found])


@dataclass(slots=True)
class Told:
    """Counts the sentences of each code so far, in the order of the rows."""

    sentences: Counter[str] = field(default_factory=Counter)

    @property
    def enough(self) -> frozenset[str]:
        """Return the codes of which no further sentence is shown."""
        return frozenset(code for code, count in self.sentences.items() if count >= FIRST)

    def add(self, findings: pl.DataFrame) -> None:
        """Count what was found in rows, when all rows before them have been counted."""
        self.sentences.update(findings["code"].filter(findings["message"].is_not_null()))


@dataclass(slots=True)
class Unsaid:
    """Keeps the few broken rows of each batch until there are many, and says each code once for all of them."""

    rows: int = 0
    kept: dict[tuple[int, str], list[Broken]] = field(default_factory=dict)

    def add(self, broken: Sequence[Broken]) -> None:
        """Keep what is broken in a batch; batches come in their order."""
        for one in broken:
            self.rows += one.rows.height
            self.kept.setdefault((one.position, one.code.word), []).append(one)

    def say(self, saying: Saying) -> pl.DataFrame:
        """Return the findings of what was kept, and forget it."""
        kept, self.kept, self.rows = self.kept, {}, 0
        alike = ((every[0], pl.concat((one.rows for one in every), how="diagonal")) for every in kept.values())
        return saying.say(replace(first, rows=rows) for first, rows in alike)


def compact(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of a larger frame so that they can be kept: a text alone holds all texts of its column in memory."""
    return rows.with_columns(pl.col(pl.String) + "")


def said(rows: pl.DataFrame, code: Code, one: Placed | None, position: int, most: int | None = None) -> pl.DataFrame:
    """Return the findings of a code on rows that have it, each with its sentence; with `most` only so many have one."""
    if most is not None and rows.height > most:
        mute = rows["row"].slice(most).to_frame()
        mute = mute.with_columns(*constants(code, one, position), pl.lit(None, pl.String).alias("message"))
        return pl.concat([said(rows.head(most), code, one, position), mute]) if most else mute
    message = code.message
    heading = one.field.heading if one else ""
    where = rules.filled("row {}", "row")
    if (rows["line"] != rows["row"]).any():
        where = (
            pl.when(pl.col("line") != pl.col("row"))
            .then(rules.filled("row {} (line {})", "row", "line"))
            .otherwise(where)
        )
    start = pl.concat_str(where, pl.lit(f", {heading}: " if heading else ": "))
    filled = (
        rows.lazy()
        .with_columns(words(rows, message, one))
        .select(
            "row",
            *constants(code, one, position),
            pl.concat_str(start, rules.sentence(message, one.field.name if one else "")).alias("message"),
        )
    )
    return filled.collect()


def constants(code: Code, one: Placed | None, position: int) -> list[pl.Expr]:
    """Return the columns that all findings of a code on a field share."""
    return [
        pl.lit(position, pl.Int64).alias("position"),
        pl.lit(one.field.heading if one else "").alias("heading"),
        pl.lit(code.word).alias("code"),
        pl.lit(code.severity).alias("severity"),
    ]


def words(rows: pl.DataFrame, message: str, one: Placed | None) -> list[pl.Expr | pl.Series]:
    """Return the columns that a message names and the frame does not have yet."""
    named = {name for _, name in rules.placeholders(message) if name}
    if one is None:
        return []
    text = f"text.{one.field.name}"
    cell = f"cell.{one.field.name}" if f"cell.{one.field.name}" in rows.columns else text
    made: list[pl.Expr | pl.Series] = []
    if "cell" in named:
        made.append(pl.lit("the value").alias("cell") if one.field.secret else rules.quoted(pl.col(cell)).alias("cell"))
    if "remedy" in named:
        remedy = pl.lit("") if one.field.secret else one.field.kind.remedies(rows[text])
        made.append(remedy.alias("remedy"))
    if "length" in named:
        made.append(pl.col(text).str.len_chars().alias("length"))
    if "limit" in named:
        made.append(pl.lit(one.field.limit).alias("limit"))
    made.extend(word.alias(name) for name, word in one.words.items() if name in named)
    return made
