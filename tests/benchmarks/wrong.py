"""Says in which ways the rows of an enrollment file can be wrong: every one that the template knows."""

from __future__ import annotations

import polars as pl

from tests.benchmarks.reference_files import DOUBLED_NAME
from tests.benchmarks.spoil import text

COURSE = pl.col("type").is_in(["Course", "Class"])

CELLS = ("enrollment", "username", "roster", "enrolled", "zone", "pre_status", "post_status", "priority", "changed")


def unpadded(cell: str) -> pl.Expr:
    """Return a date as people type it: 9/7/2015 8:15 AM."""
    return pl.col(cell).str.replace_all(r"\b0", "")


def off_step(cell: str) -> pl.Expr:
    """Return a date seven minutes past its quarter of an hour."""
    return pl.col(cell).str.replace(r":\d(\d) ", ":17 ")


ERRORS = {
    "no enrollment": {"enrollment": text("")},
    "long enrollment": {"enrollment": text("Fire Safety {}" + " and Hygiene" * 90)},
    "unknown enrollment": {"enrollment": text("Fire Safty {}")},
    "no user": {"username": text("")},
    "long user": {"username": text("jane.doe.{}." + "x" * 100)},
    "unknown user": {"username": text("jane.dough{}")},
    "roster syntax": {"roster": text("Badge{};;Shift=early")},
    "unknown roster field": {"roster": text("Bagde {}=17")},
    "ambiguous roster field": {"roster": text(DOUBLED_NAME + "=see file {}")},
    "repeated roster field": {"roster": text("Badge={};Site=A;Badge=17")},
    "typed date": {"enrolled": unpadded("enrolled")},
    "no such day": {"changed": text("02/30/2015 08:15 AM")},
    "ISO date": {"enrolled": text("2015-09-17 08:{}")},
    "off the step": {"enrolled": off_step("enrolled")},
    "change off the step": {"changed": off_step("changed")},
    "missing time": {"enrolled": text("03/08/2015 02:30 AM"), "zone": text("Eastern Standard Time")},
    "unknown zone": {"zone": text("Eastern Standart Tme {}")},
    "IANA zone": {"zone": text("America/New_York")},
    "no zone": {"zone": text("")},
    "unknown pre-status": {"pre_status": text("Aproved {}")},
    "pre-status not for type": {"pre_status": text("Deleted")},
    "unknown post-status": {"post_status": text("Compleeted {}")},
    "post-status not allowed": {"pre_status": text("Denied"), "post_status": text("Passed")},
    "no completion": {"pre_status": text("Approved"), "post_status": text("Failed")},
    "too many cells": {"extra": text(",remark {}")},
    "blank": dict.fromkeys(CELLS, pl.lit("")),
    "doubled": {"enrollment": pl.col("enrollment").shift(17), "username": pl.col("username").shift(17)},
}
"""What each kind of wrong row has in place of what was right."""

NOTES = {
    "trimmed": {"username": pl.format(" {} ", "username"), "zone": pl.format("{} ", "zone")},
    "trailing separator": {"roster": text("Badge={};")},
    "doubled time": {"enrolled": text("11/01/2015 01:30 AM"), "zone": text("Eastern Standard Time")},
    "alias": {"pre_status": text("Approval Canceled"), "post_status": text("")},
    "post-status is pre-status": {"pre_status": text("Approved"), "post_status": text("Approved")},
    "odd priority": {"priority": text("{}.5")},
}
"""The same for rows that are applied with a note."""

ODD = ERRORS | NOTES
HOPELESS = {
    kind: ERRORS[kind]
    for kind in (
        "unknown user",
        "unknown enrollment",
        "roster syntax",
        "ISO date",
        "unknown zone",
        "unknown pre-status",
        "unknown post-status",
    )
}
"""Kinds that are wrong in any row, with a value of its own in each."""
