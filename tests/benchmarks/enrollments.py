"""Makes enrollment files: a realistic one of any length, and one in which every row is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from tests.benchmarks import reference_files, wrong
from tests.benchmarks.dice import Dice
from tests.benchmarks.headings import HEADINGS
from tests.benchmarks.spoil import spoiled

CHUNK = 500_000

PRE = (
    ("Approved",) * 10 + ("",) * 4 + ("Forced Enrollment", "Wait Listed", "Denied", "User Dropped", "Pending Approval")
)
FREE = ("",) * 6 + ("Not Attempted", "No Show", "Incomplete", "Exempt")
ANY = (*FREE, "Completed", "Completed", "Passed", "Failed")
CLOSED = ("", "", "Not Attempted")
PRIORITIES = ("",) * 300 + tuple(str(n) for n in range(100)) + ("None",) * 8 + ("<null>",) * 4
DETAILS = (
    "4711",
    "Halle 3",
    "vegetarian",
    "early",
    "B-12",
    "Zoë García",
    "A. Larsen",
    "none",
    "2, rue de l'Église",
    "",
)


@dataclass
class Writer:
    """Writes enrollment files that fit the reference files."""

    events: pl.DataFrame
    usernames: pl.Series

    @cached_property
    def dates(self) -> pl.Series:
        """Return every quarter of an hour from 2014 to 2027, as the template writes it."""
        first, last = pl.datetime(2014, 1, 1), pl.datetime(2027, 12, 31, 23, 45)
        return pl.select(pl.datetime_range(first, last, "15m").dt.strftime("%m/%d/%Y %I:%M %p")).to_series()

    @cached_property
    def rosters(self) -> pl.Series:
        """Return roster cells of one to three pairs."""
        dice, names = Dice(500), reference_files.ROSTER_NAMES
        first = dice.pick(range(len(names)), 20_000)
        pair = [
            pl.Series(names).gather((first + step) % len(names)) + "=" + dice.pick(DETAILS, 20_000) for step in range(3)
        ]
        return pl.concat([pair[0], pair[0] + ";" + pair[1], pair[0] + ";" + pair[1] + ";" + pair[2]])

    def write(self, path: Path, rows: int, *, every_row_wrong: bool = False) -> pl.DataFrame:
        """Write a file; return the completions that its rows need: event and user."""
        completions = []
        with path.open("wb") as file:
            file.write(",".join(HEADINGS).encode() + b"\n")
            for number, pairs in enumerate(self.pairs(rows)):
                dice = Dice(1_000 * (number + 1))
                frame = self.rows(pairs, dice)
                completions.append(frame.filter("completed").select("id", "username"))
                kinds = list(wrong.HOPELESS if every_row_wrong else wrong.ODD)
                odd = dice.pick(kinds, pairs.height).alias("odd")
                some = dice.chance(1.0 if every_row_wrong else 0.01, pairs.height)
                frame = frame.with_columns(odd.zip_with(some, pl.Series([None], dtype=pl.String)))
                lines = spoiled(frame, wrong.ODD).select(line())
                lines.write_csv(file, include_header=False, quote_style="never")
        return pl.concat(completions)

    def pairs(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield that many different pairs of an event and a user, by their places, in chunks."""
        dice, more = Dice(700), rows + rows // 50 + 100
        events = dice.pick(range(self.events.height), more)
        users = dice.pick(range(len(self.usernames)), more)
        both = pl.DataFrame({"event": events, "user": users}).unique(maintain_order=True).head(rows)
        return both.with_row_index("n").iter_slices(CHUNK)

    def rows(self, pairs: pl.DataFrame, dice: Dice) -> pl.DataFrame:
        """Return right rows: the nine cells, and `n`, `id`, `type`, `completed`, `extra`."""
        rows = pairs.height
        frame = pl.concat([pairs, self.events[pairs["event"]]], how="horizontal").with_columns(
            self.usernames.gather(pairs["user"]).alias("username"),
            dice.pick(self.rosters, rows).alias("roster"),
            dice.chance(0.3, rows).alias("has roster"),
            dice.pick(self.dates, rows).alias("enrolled"),
            dice.chance(0.95, rows).alias("has enrolled"),
            dice.pick(reference_files.ZONES, rows).alias("zone"),
            dice.chance(0.02, rows).alias("has zone"),
            dice.pick(PRE, rows).alias("pre_status"),
            dice.pick(FREE, rows).alias("free"),
            dice.pick(ANY, rows).alias("any"),
            dice.pick(CLOSED, rows).alias("closed"),
            dice.chance(0.05, rows).alias("completed"),
            dice.pick(PRIORITIES, rows).alias("priority"),
            dice.pick(self.dates, rows).alias("changed"),
            dice.chance(0.4, rows).alias("has changed"),
            pl.lit("").alias("extra"),
        )
        is_open = pl.col("pre_status").is_in(["Approved", "Forced Enrollment"])
        completed = pl.col("completed") & wrong.COURSE & is_open
        post = (
            pl.when(~is_open).then("closed")
            .when(completed).then(pl.lit("Completed"))
            .when(wrong.COURSE).then("free")
            .otherwise("any")
        )  # fmt: skip
        return frame.with_columns(
            completed,
            post.alias("post_status"),
            pl.when(~pl.col("own_zone") | pl.col("has zone")).then("zone").otherwise(pl.lit("")).alias("zone"),
            *(
                pl.when(f"has {cell}").then(cell).otherwise(pl.lit("")).alias(cell)
                for cell in ("roster", "enrolled", "changed")
            ),
        )


def line() -> pl.Expr:
    """Return a row's cells as a line of CSV, quoted where they have to be."""
    cells = [pl.col(cell) for cell in wrong.CELLS]
    quoted = [
        pl.when(cell.str.contains(",", literal=True))
        .then(pl.concat_str(pl.lit('"'), cell, pl.lit('"')))
        .otherwise(cell)
        for cell in cells
    ]
    return pl.concat_str(pl.concat_str(quoted, separator=","), "extra").alias("line")


def writer() -> Writer:
    """Make a writer from the reference files' frames."""
    events = reference_files.events().select(
        pl.col("Enrollment ID").alias("id"),
        pl.col("Enrollment").alias("enrollment"),
        pl.col("Type").alias("type"),
        (pl.col("Use Event Time Zone") == "Yes").alias("own_zone"),
    )
    return Writer(events, reference_files.users()["Username"])
