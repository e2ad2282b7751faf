"""Makes the files of an institution: its sections, and its users with their enrollments, delimited and as XML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tests.benchmarks.dice import Dice

SECTIONS, EACH = 2_000, 5
"""Sections there are, and enrollments of each person of the delimited file; in XML each has one."""

FIRST = ("Ann", "José", "Wei", "Amara", "Olga", "Liam", "Noor", "Kofi")
LAST = ("O'Brien", "García", "Chen", "Okafor", "Ivanova", "Murphy", "Hassan", "Mensah")
CHUNK = 100_000

PERSON = """<person recstatus="1">
  <sourcedid><source>strata</source><id>{}</id></sourcedid>
  <userid password="{}">{}</userid>
  <name><n><family>{}</family><given>{}</given><partname partnametype="Middlename">Q</partname></n></name>
  <demographics><gender>1</gender><bday>1996-04-09</bday></demographics>
  <email>{}</email><tel teltype="Voice">303-555-0100</tel>
  <adr><street>{}</street><locality>Denver</locality><region>CO</region><pcode>80202</pcode><country>US</country></adr>
</person>
<membership><sourcedid><source>strata</source><id>{}</id></sourcedid>
  <member><sourcedid><source>strata</source><id>{}</id></sourcedid><role recstatus="1"><subrole>2</subrole></role></member>
</membership>"""


def sections() -> pl.DataFrame:
    """Return the sections."""
    return pl.DataFrame({"n": range(SECTIONS)}).select(
        section(pl.col("n")).alias("Call Number"),
        pl.lit("MATH101").alias("Course ID"),
        pl.lit("College Algebra").alias("Title"),
        *(pl.lit("").alias(name) for name in ("Sort String", "Term ID", "Expires")),
        pl.lit("1").alias("Content"),
    )


def section(number: pl.Expr) -> pl.Expr:
    """Return a call number."""
    return pl.format("SEC{}", number)


def write_delimited(path: Path, records: int) -> None:
    """Write a person's enrollments one after another, separated by |."""
    with path.open("wb") as file:
        for chunk in people(records // EACH):
            each = chunk.join(pl.DataFrame({"nth": range(EACH)}), how="cross", maintain_order="left")
            lines = each.select(
                pl.lit("ENROLL"),
                *(pl.lit(text).alias(text) for text in ("strata",)),
                *("id", "login", "password", "first"),
                pl.lit("Q").alias("middle"),
                "last",
                pl.lit("F").alias("gender"),
                pl.lit("1996-04-09").alias("dob"),
                pl.lit("").alias("disability"),
                "email",
                pl.lit("303-555-0100").alias("phone"),
                "street",
                pl.lit("").alias("address2"),
                *(pl.lit(text).alias(text) for text in ("Denver", "CO", "80202", "US")),
                section((pl.col("n") * 7 + pl.col("nth")) % SECTIONS).alias("target"),
                pl.lit("").alias("node"),
                pl.lit("2").alias("role"),
            )
            lines.write_csv(file, separator="|", include_header=False, quote_style="never")


def write_xml(path: Path, records: int) -> None:
    """Write each person before their one membership, some 900 bytes for both."""
    with path.open("wb") as file:
        file.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<enterprise>\n')
        for chunk in people(records):
            target = section(pl.col("n") * 7 % SECTIONS)
            written = pl.format(PERSON, "id", "password", "login", "last", "first", "email", "street", target, "id")
            file.write("\n".join(chunk.select(written).to_series()).encode() + b"\n")
        file.write(b"</enterprise>\n")


def people(count: int) -> Iterator[pl.DataFrame]:
    """Yield persons in chunks."""
    for first in range(0, count, CHUNK):
        some = pl.DataFrame({"n": range(first, min(first + CHUNK, count))})
        dice = Dice(30_000 + first)
        yield some.select(
            "n",
            pl.format("S{}", "n").alias("id"),
            pl.format("login{}", "n").alias("login"),
            pl.format("pw-{}", "n").alias("password"),
            dice.pick(FIRST, some.height).alias("first"),
            dice.pick(LAST, some.height).alias("last"),
            pl.format("u{}@example.org", "n").alias("email"),
            pl.format("{} Elm Street", "n").alias("street"),
        )
