"""Makes the files of a district: its schools and orders, the first load of its students, and the next night's file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tests.benchmarks.dice import Dice
from tests.benchmarks.spoil import spoiled, text

CHUNK = 500_000
DISTRICT = "0455"
SCHOOLS = tuple(f"{DISTRICT}{number:03}" for number in range(1, 101))

CELLS = (
    "District Code",
    "School Code",
    "Status",
    "Username",
    "Password",
    "First Name",
    "Last Name",
    "Middle Name",
    "Student ID",
    "Email",
    "DOB",
    "SSN",
    "Gender",
    "Grade",
    "Groups",
)

LEVELS = ("Elementary School",) * 6 + ("Middle School",) * 3 + ("High School",)
PLACES = ("Birch Street", "Cedar Ridge", "Lincoln", "Maple Valley", "Riverside", "Stony Brook", "Washington", "Weston")
FIRST = ("Ava", "José", "Wei", "Amara", "Olga", "Liam", "Noor", "Kofi", "Ingrid", "Mateo", "Yuki", "Zoë", "D’Andre")
MIDDLE = ("", "", "", "Marie", "James", "Lee", "Rose", "de la Cruz")
LAST = ("O'Brien", "García", "Chen", "Okafor", "Ivanova", "Murphy", "Hassan", "Mensah", "Larsen", "Silva", "Nguyễn")
WORDS = ("Copper", "Harbor", "Kettle", "Lantern", "Meadow", "Pebble", "Saddle", "Willow")
GRADES = range(3, 17)
SUBJECTS = ("English", "Algebra", "Biology", "World History", "Spanish", "Reading, Level 2", "Science", "Art")
CLUBS = ("Band", "Choir", "AVID", "Honors", "Chess Club", "Émigré Studies")

SSN = pl.format("9{}00{}", pl.col("area").cast(pl.String).str.zfill(2), pl.col("serial").cast(pl.String).str.zfill(4))
"""A number that is issued to nobody: its area is above 899, its group 00."""

CHANGES = {
    "e-mail": {"Email": pl.format("{}@new.example.org", "Username")},
    "no e-mail": {"Email": text("")},
    "grade": {"Grade": pl.lit("07")},
    "groups": {"Groups": text("Homeroom 4|Debate")},
    "last name": {"Last Name": text("Fernández")},
    "user name": {"Username": pl.format("{}.new", "Username")},
    "password": {"Password": pl.format("{}#", "Password")},
    "school": {"School Code": pl.col("other school")},
    "status": {"Status": pl.when(pl.col("Status") == "A").then(pl.lit("D")).otherwise(pl.lit("A"))},
}
"""What a changed row has in place of last night's; `Status` changes of a deactivated student bring it back."""

ERRORS = {
    "no user name": {"Username": text("")},
    "no such school": {"School Code": text("0499001")},
    "status": {"Status": text("Z")},
    "password": {"Password": pl.format("{} !", "Password")},
    "student id": {"Student ID": pl.format("{}-1", "Student ID")},
    "spreadsheet": {"Student ID": text("1.23457E+11")},
    "e-mail": {"Email": text("{}@students")},
    "typed date": {"DOB": text("2/30/2014")},
    "SSN": {"SSN": text("900-00-4711")},
    "gender": {"Gender": text("f")},
    "grade": {"Grade": text("K")},
    "groups": {"Groups": text("Band||Choir {}")},
    "unknown": {"Student ID": text("X{}"), "Status": text("D")},
}
"""What each kind of wrong row has in place of what was right."""


def schools() -> pl.DataFrame:
    """Return the district's schools."""
    dice, rows = Dice(5_000), len(SCHOOLS)
    names = dice.pick(PLACES, rows) + " " + dice.pick(LEVELS, rows)
    return pl.DataFrame({"School Code": SCHOOLS, "School Name": names, "District Code": [DISTRICT] * rows})


def orders(licences: int) -> pl.DataFrame:
    """Return the current eAMS order, and the Holding Bin with that many licences."""
    return pl.DataFrame(
        {
            "Order ID": ["E-2026", "BIN"],
            "Kind": ["eAMS", "Holding Bin"],
            "School Code": ["", ""],
            "Current": ["Yes", "No"],
            "Free Licenses": [0, licences],
        }
    )


def write_first(path: Path, rows: int) -> None:
    """Write a first load: all rows are right."""
    write(path, (chunk.select(CELLS) for chunk in students(range(rows))))


def write_next(path: Path, rows: int) -> None:
    """Write the next night's file, in which 1 % of the rows differ: 0.8 % changed, 0.1 % wrong, 0.1 % new at the end."""
    new = students(range(rows, rows + rows // 1_000))
    write(path, (chunk.select(CELLS) for part in (map(changed, students(range(rows))), new) for chunk in part))


def write(path: Path, chunks: Iterator[pl.DataFrame]) -> None:
    """Write rows as CSV, quoted where they have to be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for number, chunk in enumerate(chunks):
            chunk.with_columns(pl.all().replace("", None)).write_csv(file, include_header=not number)


def students(numbers: range) -> Iterator[pl.DataFrame]:
    """Yield the students of those numbers in chunks: the fifteen cells, and `n`."""
    for first in range(numbers.start, numbers.stop, CHUNK):
        yield some(range(first, min(first + CHUNK, numbers.stop)), Dice(10_000 + first))


def some(numbers: range, dice: Dice) -> pl.DataFrame:
    """Return students, one in 25 of them created without a licence."""
    rows = len(numbers)
    frame = pl.DataFrame(
        {
            "n": numbers,
            "District Code": [DISTRICT] * rows,
            "School Code": dice.pick(SCHOOLS, rows),
            "other school": dice.pick(SCHOOLS, rows),
            "First Name": dice.pick(FIRST, rows),
            "Last Name": dice.pick(LAST, rows),
            "Middle Name": dice.pick(MIDDLE, rows),
            "word": dice.pick(WORDS, rows),
            "sign": dice.pick(tuple("!?#%+"), rows),
            "digits": dice.pick(range(1_000, 10_000), rows),
            "grade": dice.pick(GRADES, rows),
            "older": dice.pick(range(2), rows),
            "day": dice.pick(range(365), rows),
            "area": dice.pick(range(100), rows),
            "serial": dice.pick(range(10_000), rows),
            "Gender": dice.pick((*"MF" * 20, ""), rows),
            "Groups": dice.pick(groups(), rows),
            "active": dice.chance(0.96, rows),
            "has e-mail": dice.chance(0.7, rows),
            "has birth": dice.chance(0.95, rows),
            "has ssn": dice.chance(0.3, rows),
            "padded": dice.chance(0.9, rows),
        }
    )
    plain = pl.format("{}.{}", "First Name", "Last Name").str.normalize("NFD").str.replace_all(r"[^ -~]|['’ ]", "")
    born = pl.date(2021 - pl.col("grade") - pl.col("older"), 1, 1) + pl.duration(days="day")
    digits = pl.col("n").cast(pl.String)
    grade = pl.col("grade").cast(pl.String)
    return frame.with_columns(
        pl.when("active").then(pl.lit("A")).otherwise(pl.lit("X")).alias("Status"),
        pl.concat_str(plain.str.to_lowercase(), digits).alias("Username"),
        pl.concat_str("word", "sign", "digits").alias("Password"),
        digits.str.zfill(9).alias("Student ID"),
        pl.when("has birth").then(born.dt.strftime("%m/%d/%Y")).otherwise(pl.lit("")).alias("DOB"),
        pl.when("has ssn").then(SSN).otherwise(pl.lit("")).alias("SSN"),
        pl.when("padded").then(grade.str.zfill(2)).otherwise(grade).alias("Grade"),
    ).with_columns(
        pl.when("has e-mail")
        .then(pl.format("{}@students.example.org", "Username"))
        .otherwise(pl.lit(""))
        .alias("Email")
    )


def groups() -> pl.Series:
    """Return cells of no group to three."""
    dice, rows = Dice(6_000), 5_000
    period = "Period " + dice.pick(range(1, 8), rows).cast(pl.String) + " " + dice.pick(SUBJECTS, rows)
    more = period.shuffle(1).rename("more")
    club = dice.pick(CLUBS, rows)
    return pl.concat([pl.repeat("", rows, eager=True), period, period + "|" + club, period + "|" + more + "|" + club])


def changed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return last night's rows as the district's system gives them tonight: deactivated students as D."""
    rows, dice = frame.height, Dice(7_000 + int(frame["n"][0]))
    tonight = frame.with_columns(pl.col("Status").replace("X", "D"))
    for part, kinds in ((0.008, CHANGES), (0.001, ERRORS)):
        kind, hit = dice.pick(list(kinds), rows).alias("odd"), dice.chance(part, rows)
        tonight = spoiled(tonight.with_columns(kind.zip_with(hit, pl.Series([None], dtype=pl.String))), kinds)
    return tonight
