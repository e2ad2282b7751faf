"""The columns of the enrollment template, with the rules on each (seed 001)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from bulkload.kinds import QUARTER, Choice, EnrollmentDate, Kind, Pairs, TimeZone
from bulkload.rules import Rule, passes, quoted
from bulkload.template import Field
from bulkload.templates.enrollment import codes
from bulkload.templates.enrollment.statuses import (
    ALIASES,
    ASKED_FOR,
    BY_COMPLETION,
    FOLLOWS,
    POST_STATUSES,
    PRE_STATUSES,
    PROVEN,
    among,
    one_of,
)
from bulkload.templates.lookup import must_exist

NO_PRIORITY = -1
"""The value of a priority that is None, as against a blank one."""

DEFAULT_PRIORITY = 99


@dataclass(frozen=True)
class Priority(Kind):
    """0 to 99; `<null>` is 99, and any other text None (seed 001, column H)."""

    says: str = "a whole number from 0 to 99, or None"
    dtype: pl.DataType = field(default_factory=pl.Int16)

    def parse(self, text: pl.Series) -> pl.Series:
        """Read any text: null is blank alone."""
        t = pl.col("t")
        number = t.str.strip_chars_start("0").str.pad_start(1, "0")
        small = t.str.contains("^[0-9]+$") & (number.str.len_bytes() <= 2)
        value = (
            pl.when(t == "").then(None)
            .when(small).then(number.cast(pl.Int16, strict=False))
            .when(t.str.to_lowercase() == "<null>").then(DEFAULT_PRIORITY)
            .otherwise(NO_PRIORITY)
        )  # fmt: skip
        return text.to_frame("t").select(value.cast(pl.Int16)).to_series()

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write None as a file does."""
        return pl.when(value.is_null() | (value == NO_PRIORITY)).then(pl.lit("None")).otherwise(value.cast(pl.String))


def date_rules() -> tuple[Rule, ...]:
    """Return the rules of a date: on a step, and at a time that exists; a doubled time is noted or refused."""
    return (
        passes(codes.DATE_INTERVAL, lambda at: at % QUARTER == 0),
        Rule(codes.DATE_NONEXISTENT, lambda name: pl.col(f"{name}.gap")),
        Rule(codes.DATE_AMBIGUOUS, lambda name: pl.col(f"{name}.doubled") & ~pl.col("ambiguous.refused")),
        Rule(codes.DATE_AMBIGUOUS_REFUSED, lambda name: pl.col(f"{name}.doubled") & pl.col("ambiguous.refused")),
    )


def repeated(name: str) -> pl.Expr:
    """Return where a cell's pairs name one field twice."""
    names = pl.col(name).list.eval(pl.element().struct.field("name"))
    return names.list.n_unique() < names.list.len()


EFFECTIVE = pl.col("pre.effective")
POST = pl.col("post_status")
IS_PRE = one_of(POST, PRE_STATUSES)
FOLLOWS_ONE = one_of(EFFECTIVE, [pre for pre, posts in FOLLOWS.items() if len(posts) == 1])


def listed(column: str, table: Mapping[str, tuple[str, ...]]) -> pl.Expr:
    """Return, in words, what a table has beside a column's value."""
    said = {key: ", ".join(values) for key, values in table.items()}
    return pl.col(column).cast(pl.String).replace_strict(said, default="", return_dtype=pl.String)


FIELDS = (
    Field(
        "enrollment_id",
        "Enrollment ID",
        Kind(),
        "The enrollment's id: settles which is meant where several have one name. The column may be left out.",
        example="ILT-2015-01",
        rules=(must_exist(codes.ID_NOT_FOUND, "event.by_id"),),
        may_be_absent=True,
        is_offered=False,
    ),
    Field(
        "enrollment",
        "Enrollment",
        Kind(),
        "The enrollment's name, exactly as the store has it; repeated in the row of each of its users.",
        example="Fire Safety, Spring",
        required=codes.ENROLLMENT_BLANK,
        required_unless="enrollment_id",
        limit=1000,
        too_long=codes.ENROLLMENT_TOO_LONG,
        rules=(
            Rule(codes.ENROLLMENT_NOT_FOUND, lambda _: pl.col("event.unknown_name")),
            Rule(codes.ENROLLMENT_AMBIGUOUS, lambda _: pl.col("event.count") > 1),
            Rule(codes.NAME_NOT_OF_ID, lambda _: pl.col("event.other_name"), {"name": quoted(pl.col("event.name"))}),
        ),
    ),
    Field(
        "username",
        "Username",
        Kind(),
        "The user's name, in any letter case.",
        example="jdoe",
        required=codes.USERNAME_BLANK,
        limit=100,
        too_long=codes.USERNAME_TOO_LONG,
        rules=(
            must_exist(codes.USER_NOT_FOUND, "user"),
            Rule(codes.USER_INACTIVE, lambda _: ~pl.col("user.active")),
        ),
    ),
    Field(
        "roster",
        "Roster",
        Pairs(),
        "Roster custom fields: name=data, several separated by semicolons. name= clears one; one not named stays.",
        example="Roster Custom 01=User Custom Data 01;Roster Custom 02=User Custom Data 02",
        rules=(
            Rule(codes.ROSTER_SYNTAX, lambda name: ~Pairs.all_pairs(name)),
            Rule(codes.ROSTER_FIELD_NOT_FOUND, lambda _: pl.col("roster.missing") != ""),
            Rule(codes.ROSTER_FIELD_NOT_UNIQUE, lambda _: pl.col("roster.doubled") != ""),
            Rule(codes.ROSTER_FIELD_REPEATED, repeated),
            Rule(codes.ROSTER_TRAILING_SEPARATOR, lambda _: pl.col("text.roster").str.ends_with(";")),
        ),
    ),
    Field(
        "enrolled",
        "Users Date Enrolled",
        EnrollmentDate(codes.DATE_FORMAT),
        "When the user was enrolled; blank: now for a new row, unchanged for an existing one.",
        example="01/02/2015 08:00 AM",
        rules=date_rules(),
    ),
    Field(
        "zone",
        "User Date Enrolled Time Zone",
        TimeZone(codes.TIMEZONE_UNKNOWN),
        "The Windows name of the time zone of both dates; required when the enrollment does not use its own.",
        example="Eastern Standard Time",
        rules=(
            Rule(
                codes.TIMEZONE_REQUIRED,
                lambda _: (pl.col("text.zone") == "") & ~pl.col("event.use_event_zone"),
            ),
            Rule(
                codes.TIMEZONE_IGNORED,
                lambda name: pl.col(name).is_not_null() & pl.col("event.use_event_zone"),
            ),
        ),
    ),
    Field(
        "pre_status",
        "Users Enrollment Pre-Status",
        PRE := Choice(codes.PRE_STATUS_UNKNOWN, choices=PRE_STATUSES, aliases=ALIASES),
        "The status before the event; blank: the enrollment's default for a new row, unchanged for an existing one.",
        example="Approved",
        rules=(
            Rule(
                codes.PRE_STATUS_NOT_FOR_TYPE,
                lambda name: ~among(pl.col("event.type"), pl.col(name), ASKED_FOR),
                {"allowed": listed("event.type", ASKED_FOR)},
            ),
            Rule(codes.STATUS_ALIAS, PRE.alias_used),
            Rule(codes.WAITLISTED, lambda _: pl.col("decided.waitlisted")),
            Rule(codes.OVERFLOW_DELETED, lambda _: pl.col("decided.deleted")),
        ),
    ),
    Field(
        "post_status",
        "Users Enrollment Post-Status",
        Choice(codes.POST_STATUS_UNKNOWN, choices=POST_STATUSES, also_read=PRE_STATUSES, aliases=ALIASES),
        "The status after the event; what is allowed follows from the pre-status. "
        "Blank: Not Attempted for a new row, unchanged for an existing one.",
        example="Not Attempted",
        rules=(
            Rule(
                codes.POST_STATUS_NOT_ALLOWED,
                lambda _: (
                    pl.when(IS_PRE)
                    .then(POST.cast(pl.String) != EFFECTIVE.cast(pl.String))
                    .otherwise(~among(EFFECTIVE, POST, FOLLOWS))
                ),
                {
                    "allowed": pl.when(FOLLOWS_ONE).then(pl.lit("is ")).otherwise(pl.lit("are "))
                    + listed("pre.effective", FOLLOWS),
                    "hint": pl.when(IS_PRE).then(pl.lit("; a pre-status belongs in Users Enrollment Pre-Status")),
                },
            ),
            Rule(
                codes.POST_STATUS_NEEDS_COMPLETION,
                lambda _: (
                    one_of(pl.col("event.type"), BY_COMPLETION)
                    & one_of(POST, PROVEN)
                    & among(EFFECTIVE, POST, FOLLOWS)
                    & ~pl.col("stored.completed")
                ),
            ),
            Rule(
                codes.POST_STATUS_IS_PRE_STATUS,
                lambda _: IS_PRE & (POST.cast(pl.String) == EFFECTIVE.cast(pl.String)),
            ),
            Rule(codes.POST_STATUS_RESET, lambda _: pl.col("decided.reset")),
        ),
    ),
    Field(
        "priority",
        "Priority (Waitlist)",
        Priority(),
        "The place on the wait-list: a whole number from 0 to 99, or None. Blank and <null> are 99, anything else None.",
        example="1",
        rules=(
            Rule(
                codes.PRIORITY_OTHER_TO_NONE,
                lambda name: (pl.col(name) == NO_PRIORITY) & (pl.col(f"text.{name}").str.to_lowercase() != "none"),
            ),
        ),
    ),
    Field(
        "changed",
        "Enrollment Completed Date / Last Status Change",
        EnrollmentDate(codes.DATE_FORMAT),
        "When the enrollment was completed or its status last changed. Blank: none; what is stored is removed.",
        example="09/17/2015 12:00 AM",
        rules=date_rules(),
    ),
)
"""In the order of the template file; the rules of each in the order in which they are said."""
