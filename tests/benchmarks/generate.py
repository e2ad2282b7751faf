"""Writes the files of the benchmarks into a folder; a process of its own, so that the runner stays small."""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

from tests.benchmarks import courses, reference_files, students
from tests.benchmarks.cases import RECORDS, STUDENTS
from tests.benchmarks.enrollments import writer


def generate(folder: Path, rows: int, times: int) -> None:
    """Write the files of all families."""
    folder.mkdir(parents=True, exist_ok=True)
    generate_enrollments(folder, rows, times)
    generate_students(folder, rows // STUDENTS, times)
    generate_courses(folder, rows // RECORDS // courses.EACH)


def generate_enrollments(folder: Path, rows: int, times: int) -> None:
    """Write the reference files, `enrollments.csv`, one in which every row is wrong, and one `times` as long."""
    maker = writer()
    completions = maker.write(folder / "enrollments.csv", rows)
    maker.write(folder / "all-bad.csv", rows, every_row_wrong=True)
    maker.write(folder / "long.csv", rows * times)
    reference_files.events().write_csv(folder / "event.csv")
    reference_files.users().write_csv(folder / "user.csv")
    reference_files.roster_fields().write_csv(folder / "roster-field.csv")
    completions.select(
        pl.col("id").alias("Enrollment ID"),
        pl.col("username").alias("Username"),
        pl.lit("12/31/2024 12:00 PM").alias("Completed On"),
    ).write_csv(folder / "completion.csv")


def generate_students(folder: Path, rows: int, times: int) -> None:
    """Write the reference files, and `students.csv`: a first load, the next night's file, and one `times` as long."""
    students.schools().write_csv(folder / "school.csv")
    students.orders(rows * times * 2).write_csv(folder / "license-order.csv")
    students.write_first(folder / "first" / "students.csv", rows)
    students.write_next(folder / "next" / "students.csv", rows)
    students.write_first(folder / "long" / "students.csv", rows * times)


def generate_courses(folder: Path, learners: int) -> None:
    """Write the courses, the learners, and `records.csv`: the old records of all of them."""
    courses.write_courses(folder)
    courses.write_learners(folder / "learner.csv", learners)
    courses.write_records(folder / "records.csv", learners)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("times", type=int)
    given = parser.parse_args()
    generate(given.folder, given.rows, given.times)
