"""The columns of course-record files and the rules on them (course-record §2, §3)."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from bulkload.isodates import IsoDate
from bulkload.kinds import Choice, Kind, ZeroOne
from bulkload.rules import Rule, quoted
from bulkload.template import Field
from bulkload.templates.course_record import codes
from bulkload.templates.course_record.kinds import Credits
from bulkload.templates.course_record.records import CATEGORIES

ADDRESS = r"^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$"
SEVERAL = r"[,;|/]"
"""What stands between credit types that somebody has put into one cell."""

NAMED = {"course.named": quoted(pl.col("run.course"))}


def text(name: str) -> pl.Expr:
    """Return a field's text as compared."""
    return pl.col(f"text.{name}")


def filled(name: str) -> pl.Expr:
    """Return where a cell is not blank."""
    return text(name) != ""


def has(column: str) -> pl.Expr:
    """Return where a column has a value."""
    return pl.col(column).is_not_null()


SHARED = pl.col("mail.count") > 1
SHELL = pl.col("course.number").is_null() | pl.col("course.required").is_null()
LIMITED = ~SHELL & has("type.number") & ~pl.col("stored.same")
OF_COURSE = pl.col("course.max").fill_null(0)

USER_ID = Field(
    "external_user_id",
    "external_user_id",
    Kind(),
    "The learner's id; this or external_email.",
    "4711",
    codes.USER_KEY_MISSING,
    required_unless="external_email",
    may_be_absent=True,
    rules=(
        Rule(
            codes.USER_KEY_CONFLICT,
            lambda _: has("id.number") & has("mail.count") & pl.col("id.email").ne_missing(pl.col("learner.email")),
            {"learner.other": quoted(text("external_email"))},
        ),
        Rule(
            codes.LEARNER_BY_ADDRESS,
            lambda name: filled(name) & ~has("id.number") & (pl.col("mail.count") == 1),
            {"mail.id": quoted(pl.col("mail.id"))},
        ),
    ),
)
EMAIL = Field(
    "external_email",
    "external_email",
    Kind(),
    "The learner's address, in any letter case; this or external_user_id.",
    "mia.doe@example.org",
    may_be_absent=True,
    aliases=("external_mail",),
    rules=(
        Rule(codes.EMAIL_FORMAT, lambda name: filled(name) & ~text(name).str.contains(ADDRESS)),
        Rule(codes.LEARNER_AMBIGUOUS, lambda _: ~has("id.number") & SHARED),
    ),
)

FIELDS = (
    Field(
        "external_course_id",
        "external_course_id",
        Kind(),
        "The course's id; with --course blank, or that course.",
        "CME-2015-07",
        codes.COURSE_KEY_MISSING,
        limit=128,
        rules=(
            Rule(codes.COURSE_MISMATCH, lambda name: filled(name) & (text(name) != pl.col("run.course")), NAMED),
            Rule(codes.COURSE_NOT_FOUND, lambda _: has("run.course") & ~has("course.number"), NAMED),
            Rule(
                codes.NEEDS_CERTIFICATE,
                lambda name: pl.col("run.needs_certificate") & ~has("run.course") & has(name) & SHELL,
            ),
            Rule(codes.RECORD_ALREADY_ASSIGNED, lambda _: pl.col("stored.refuses")),
            Rule(codes.SHELL_CREATED, lambda _: pl.col("decided.shell")),
            Rule(codes.SHELL_HAS_NO_CERTIFICATE, lambda _: pl.col("decided.first_shell")),
            Rule(codes.NO_REQUIRED_OBJECT, lambda _: pl.col("decided.simulates")),
        ),
    ),
    Field("title", "title", Kind(), "The course's title; a shell that is made gets it.", "Stroke Care 2015", codes.TITLE_MISSING),
    replace(USER_ID, rules=(*USER_ID.rules, Rule(codes.HELD, lambda _: has("decided.waits")))),
    EMAIL,
    Field("first_name", "first_name", Kind(), "The learner's first name; it changes nothing.", "Mia", may_be_absent=True),
    Field("last_name", "last_name", Kind(), "The learner's last name; it changes nothing.", "Doe", may_be_absent=True),
    Field(
        "enrollment_start",
        "enrollment_start",
        IsoDate(),
        "When the enrollment began; required beside participant_category.",
        "2015-09-17",
        may_be_absent=True,
        rules=(Rule(codes.START_MISSING, lambda name: (text(name) == "") & filled("participant_category")),),
    ),
    Field(
        "enrollment_end",
        "enrollment_end",
        IsoDate(),
        "When the enrollment ended, not before it began.",
        "2015-10-01T16:30:00Z",
        may_be_absent=True,
        rules=(
            Rule(
                codes.DATE_ORDER,
                lambda name: pl.col(name) < pl.col("enrollment_start"),
                {"start": quoted(text("enrollment_start"))},
            ),
        ),
    ),
    Field(
        "credits",
        "credits",
        Credits(codes.CREDITS_FORMAT),
        "How much credit, exactly as written; only on completed records.",
        "1.25",
        may_be_absent=True,
        rules=(
            Rule(codes.CREDITS_ON_INCOMPLETE, lambda name: (pl.col(name) > 0) & ~pl.col("complete")),
            Rule(
                codes.CREDITS_TOO_HIGH,
                lambda name: LIMITED & (pl.col(name) > OF_COURSE),
                {"course.max": Credits().show(OF_COURSE)},
            ),
            Rule(
                codes.CREDITS_NOT_VARIABLE,
                lambda name: LIMITED & (pl.col(name) > 0) & (pl.col(name) < OF_COURSE) & ~pl.col("course.variable"),
                {"course.max": Credits().show(OF_COURSE)},
            ),
        ),
    ),
    Field(
        "credit_type",
        "credit_type",
        Kind(),
        "One credit type of the store; required where credits are more than 0.",
        "ama",
        may_be_absent=True,
        rules=(
            Rule(codes.CREDITS_WITHOUT_TYPE, lambda name: (text(name) == "") & (pl.col("credits") > 0)),
            Rule(
                codes.MULTIPLE_TYPES_IN_CELL,
                lambda name: has(name) & ~has("type.number") & text(name).str.contains(SEVERAL),
            ),
            Rule(
                codes.CREDIT_TYPE_UNKNOWN,
                lambda name: has(name) & ~has("type.number") & ~text(name).str.contains(SEVERAL),
            ),
        ),
    ),
    Field("credit_expiration", "credit_expiration", IsoDate(), "When the credit expires.", "2018-10-01", may_be_absent=True),
    Field(
        "complete",
        "complete",
        ZeroOne(codes.COMPLETE_FORMAT, blank=False),
        "Whether the record is complete; blank is 0. All rows of a learner and course agree.",
        "1",
        may_be_absent=True,
    ),
    Field(
        "date_completed",
        "date_completed",
        IsoDate(),
        "When it was completed; blank on a complete record: at the learner's next login.",
        "2015-10-01",
        may_be_absent=True,
    ),
    Field("attended", "attended", ZeroOne(codes.ATTENDED_FORMAT), "Whether the learner attended.", "1", may_be_absent=True),
    Field(
        "participant_category",
        "participant_category",
        Choice(codes.CATEGORY_UNKNOWN, choices=CATEGORIES),
        "What the learner counts as in PARS reports; on one row of a learner and course.",
        "physician",
        may_be_absent=True,
    ),
)  # fmt: skip

STORED_AS = {
    "complete": "complete",
    "start": "enrollment_start",
    "end": "enrollment_end",
    "completed_at": "date_completed",
    "attended": "attended",
    "category": "participant_category",
    "credits": "credits",
    "expiration": "credit_expiration",
}
"""The stored columns, each with the field that it comes from."""
