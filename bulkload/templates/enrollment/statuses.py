"""Statuses of enrollments: which exist, which a file may ask for, and which go together (seed 001)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

TYPES = ("ILT Session", "Course", "Class", "Self Study")

PRE_STATUSES = (
    "Nominated",
    "Approved",
    "Denied",
    "Wait Listed",
    "Deleted",
    "Forced Enrollment",
    "User Dropped",
    "Approval Cancelled",
    "Pending Approval",
)

POST_STATUSES = (
    "Completed",
    "Incomplete",
    "Passed",
    "Failed",
    "No Show",
    "Not Attempted",
    "Audit",
    "Exempt",
    "Not Approved",
)

ALIASES = {"Approval Canceled": "Approval Cancelled", "User Dropper": "User Dropped"}
"""The seed's own other spellings."""

ASKED_FOR: Mapping[str, tuple[str, ...]] = {
    "ILT Session": tuple(one for one in PRE_STATUSES if one not in {"Nominated", "Deleted"}),
    "Course": PRE_STATUSES,
    "Class": PRE_STATUSES,
    "Self Study": tuple(one for one in PRE_STATUSES if one != "Deleted"),
}
"""Pre-statuses that a file may ask for, by type of enrollment (seed 001, column F)."""

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    pre: POST_STATUSES if pre in {"Approved", "Forced Enrollment"} else ("Not Attempted",) for pre in PRE_STATUSES
}
"""Post-statuses that each pre-status allows, the same for ILT sessions and self-study (seed 001, column G)."""

NO_SEAT = ("Denied", "Wait Listed", "User Dropped", "Approval Cancelled", "Deleted")
"""Pre-statuses that take no seat."""

PROVEN = ("Completed", "Passed", "Failed")
"""Post-statuses that need a completion in the types of BY_COMPLETION (seed 001, column G)."""

BY_COMPLETION = ("Course", "Class")


def among(first: pl.Expr, second: pl.Expr, table: Mapping[str, tuple[str, ...]]) -> pl.Expr:
    """Return whether a table has the second value beside the first; null where either is null."""
    by_values: dict[tuple[str, ...], list[str]] = {}
    for key, values in table.items():
        by_values.setdefault(values, []).append(key)
    return pl.any_horizontal(one_of(first, keys) & one_of(second, values) for values, keys in by_values.items())


def one_of(column: pl.Expr, values: Iterable[str]) -> pl.Expr:
    """Return whether an Enum column is one of the values; null where it is null."""
    return pl.any_horizontal(column == value for value in values)
