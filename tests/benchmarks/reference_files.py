"""Makes what enrollments refer to: events, users and roster fields."""

from __future__ import annotations

import polars as pl
from tzlocal.windows_tz import win_tz

from tests.benchmarks.dice import Dice

EVENTS, USERS = 2_000, 250_000
ZONES = sorted(win_tz)
PRE_STATUSES = ("Approved",) * 7 + ("Nominated", "Pending Approval", "Wait Listed")

SUBJECTS = ("Fire Safety", "First Aid", "Data Protection", "Ladder Use", "Forklift Driving", "Hygiene", "Négociation")
PARTS = ("Refresher", "Induction", "Theory", "Practice", "Examination", "Workshop for Supervisors")
SEASONS = ("Spring", "Summer", "Autumn", "Winter")
FIRST = ("Jane", "José", "Wei", "Amara", "Olga", "Liam", "Noor", "Kofi", "Ingrid", "Mateo", "Yuki", "Zoë")
LAST = ("Doe", "García", "Chen", "Okafor", "Ivanova", "Murphy", "Hassan", "Mensah", "Larsen", "Silva", "Tanaka", "Roy")

ROSTER_NAMES = ("Badge", "Cost Centre", "Dietary Needs", "Employee Number", "Manager", "Parking", "Shift", "Site")
DOUBLED_NAME = "Remark"


def events() -> pl.DataFrame:
    """Return the events: half with a zone of their own, a tenth with max seats, 2 % of the names with a comma."""
    dice = Dice(1)
    frame = pl.DataFrame(
        {
            "n": range(EVENTS),
            "subject": dice.pick(SUBJECTS, EVENTS),
            "part": dice.pick(PARTS, EVENTS),
            "season": dice.pick(SEASONS, EVENTS),
            "year": dice.pick(range(2014, 2028), EVENTS),
            "Type": dice.pick(("ILT Session", "Course", "Class", "Self Study"), EVENTS),
            "asked": dice.pick(PRE_STATUSES, EVENTS),
            "own": dice.chance(0.5, EVENTS),
            "zone": dice.pick(ZONES, EVENTS),
            "limited": dice.chance(0.1, EVENTS),
            "seats": dice.pick(range(50, 600), EVENTS),
            "list": dice.pick(("Unlimited", "None", "Max"), EVENTS),
            "most": dice.pick(range(5, 100), EVENTS),
        }
    )
    comma = pl.when(pl.col("n") % 50 == 0).then(pl.lit(",")).otherwise(pl.lit(""))
    waitlist = pl.when("limited").then("list").otherwise(pl.lit("Unlimited"))
    return frame.select(
        pl.format("E-{}", pl.col("n").cast(pl.String).str.zfill(5)).alias("Enrollment ID"),
        pl.format("{} {}{} {} {} {}", "subject", "part", comma, "season", "year", "n").alias("Enrollment"),
        "Type",
        pl.col("asked").alias("Default Pre-Status"),
        pl.when("own").then(pl.lit("Yes")).otherwise(pl.lit("No")).alias("Use Event Time Zone"),
        pl.when("own").then("zone").alias("Time Zone"),
        pl.when("limited").then("seats").alias("Max Seats"),
        waitlist.alias("Waitlist"),
        pl.when(waitlist == "Max").then("most").alias("Max Waitlist"),
    )


def users() -> pl.DataFrame:
    """Return the users; 2 % are not active."""
    dice = Dice(100)
    frame = pl.DataFrame(
        {
            "n": range(USERS),
            "First Name": dice.pick(FIRST, USERS),
            "Last Name": dice.pick(LAST, USERS),
            "active": dice.chance(0.98, USERS),
        }
    )
    ascii_name = (
        pl.format("{}.{}{}", "First Name", "Last Name", "n").str.normalize("NFD").str.replace_all(r"[^ -~]", "")
    )
    frame = frame.with_columns(ascii_name.str.to_lowercase().alias("Username"))
    return frame.select(
        "Username",
        "First Name",
        "Last Name",
        pl.format("{}@example.org", "Username").alias("Email"),
        pl.when("active").then(pl.lit("Yes")).otherwise(pl.lit("No")).alias("Active"),
    )


def roster_fields() -> pl.DataFrame:
    """Return ten roster fields, two of which have one name."""
    names = [*ROSTER_NAMES, DOUBLED_NAME, DOUBLED_NAME]
    return pl.DataFrame({"Field ID": [f"RC{n:02}" for n in range(1, 11)], "Field Name": names})
