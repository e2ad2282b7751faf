"""Makes the files of a medical-education office: courses and their credits, learners, and the old records of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tests.benchmarks.dice import Dice

COURSES, EACH = 200, 4
"""Courses there are, and records of each learner: one completed with credit, one completed without, two incomplete."""

TITLES = ("Stroke Care", "Sepsis: the First Hour", "Opioids and the Law", "Hand Hygiene", "Safe Prescribing")
FIRST = ("Ann", "Bo", "Cyril", "Dina", "Edda", "Femi", "Gil", "Hana")
LAST = ("Okoye", "Lee", "Berg", "Nunez", "Roe", "Kay", "Larsen", "Chen")
CHUNK = 100_000


def write_courses(folder: Path) -> None:
    """Write the courses, the types of credit, and what each course gives."""
    course = pl.DataFrame({"n": range(COURSES)}).select(
        course_id(pl.col("n")).alias("external_course_id"),
        title(pl.col("n")).alias("title"),
        pl.lit(1).alias("required_objects"),
        pl.lit("immediately").alias("assign"),
        pl.lit(1).alias("certificate"),
    )
    types = pl.DataFrame({"credit_type": ["ama", "nursing"], "name": ["AMA", "Nursing"]})
    credit = course.select("external_course_id").join(types.select("credit_type"), how="cross")
    credit = credit.with_columns(pl.lit("4.00").alias("max_credits"), pl.lit(1).alias("variable"))
    for name, frame in (("course", course), ("credit-type", types), ("course-credit", credit)):
        frame.write_csv(folder / f"{name}.csv")


def write_learners(path: Path, learners: int) -> None:
    """Write the learners."""
    dice = Dice(20_000)
    pl.DataFrame({"n": range(learners)}).select(
        learner_id().alias("external_user_id"),
        pl.format("l{}@example.org", "n").alias("external_email"),
        dice.pick(FIRST, learners).alias("first_name"),
        dice.pick(LAST, learners).alias("last_name"),
    ).write_csv(path)


def write_records(path: Path, learners: int) -> None:
    """Write the records, those of a learner together; all rows are right."""
    with path.open("wb") as file:
        for number, chunk in enumerate(records(learners)):
            chunk.write_csv(file, include_header=not number)


def records(learners: int) -> Iterator[pl.DataFrame]:
    """Yield the records of all learners in chunks."""
    for first in range(0, learners, CHUNK):
        some = pl.DataFrame({"n": range(first, min(first + CHUNK, learners))})
        rows, dice = some.height * EACH, Dice(21_000 + first)
        day = pl.date(2012, 1, 1) + pl.duration(days="day")
        frame = some.join(pl.DataFrame({"nth": range(EACH)}), how="cross").with_columns(
            ((pl.col("n") * 7 + pl.col("nth")) % COURSES).alias("course"),
            dice.pick(range(3_000), rows).alias("day"),
            dice.pick(("0.50", "1.00", "2.25", "4.00"), rows).alias("amount"),
            dice.pick(("ama", "nursing"), rows).alias("type"),
            dice.pick(("physician", "nonphysician"), rows).alias("category"),
        )
        blank, complete = pl.lit(None, pl.String), pl.col("nth") < 2
        yield frame.select(
            course_id(pl.col("course")).alias("external_course_id"),
            title(pl.col("course")).alias("title"),
            learner_id().alias("external_user_id"),
            day.dt.strftime("%Y-%m-%d").alias("enrollment_start"),
            pl.when(pl.col("nth") == 0).then("amount").otherwise(blank).alias("credits"),
            pl.when(pl.col("nth") == 0).then("type").otherwise(blank).alias("credit_type"),
            complete.cast(pl.Int8).alias("complete"),
            pl.when(complete).then(day.dt.offset_by("1d").dt.strftime("%Y-%m-%d")).alias("date_completed"),
            pl.col("category").alias("participant_category"),
        )


def course_id(n: pl.Expr) -> pl.Expr:
    """Return the ids of courses."""
    return pl.format("CME-{}", n.cast(pl.String).str.zfill(4))


def title(n: pl.Expr) -> pl.Expr:
    """Return the titles of courses."""
    return pl.format(
        "{} {}", n.replace_strict(range(COURSES), [TITLES[one % len(TITLES)] for one in range(COURSES)]), n
    )


def learner_id() -> pl.Expr:
    """Return the ids of learners."""
    return pl.format("L{}", pl.col("n").cast(pl.String).str.zfill(7))
