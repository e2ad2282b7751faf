"""The reference templates of the enrollment family: event, user, roster-field, completion (enrollment §8)."""

from __future__ import annotations

import polars as pl

from bulkload import rules
from bulkload.kinds import QUARTER, Choice, EnrollmentDate, Kind, TimeZone, WholeNumber, YesNo
from bulkload.rules import Code, Rule, passes
from bulkload.template import Distinct, Field, Template
from bulkload.templates.enrollment import codes
from bulkload.templates.enrollment.statuses import ALIASES, PRE_STATUSES, TYPES
from bulkload.templates.lookup import LookUp, must_exist
from bulkload.templates.upsert import Referred, Upsert

ZONE_WHEN_OWN = Code(
    "TIMEZONE_REQUIRED",
    "error",
    "an enrollment that uses its own time zone has to have one",
    "the cell is blank, and Use Event Time Zone is Yes",
    "Fill in a Windows time-zone name, or set Use Event Time Zone to No.",
    "enrollment §8",
)
MAX_WAITLIST_REQUIRED = Code(
    "REQUIRED",
    "error",
    "a wait-list of a limited length has to have its length",
    "the cell is blank, and Waitlist is Max",
    "Fill in how many users can be wait-listed.",
    "enrollment §8",
)
TYPE_STILL_REFERRED_TO = Code(
    "STILL_REFERRED_TO",
    "error",
    "users are enrolled, and their statuses follow from the enrollment's type",
    "{cell} cannot be the type now: users are enrolled here under the type {stored.type}",
    "Leave the type as it is stored, or load a new enrollment with an id of its own.",
    "loading §9",
)

EVENT = Template(
    name="event",
    says="The enrollments themselves: ILT sessions, courses, classes and self-study.",
    source="enrollment §8",
    key=("id",),
    family=Upsert("event", referred=Referred("enrollment", "event", ("type",))),
    fields=(
        Field("id", "Enrollment ID", Kind(), "The key.", "ILT-2015-01", rules.REQUIRED, limit=100),
        Field("name", "Enrollment", Kind(), "The name that enrollment files give.", "Fire Safety, Spring", rules.REQUIRED, limit=1000),
        Field(
            "type",
            "Type",
            Choice(choices=TYPES),
            "What kind of enrollment it is.",
            "ILT Session",
            rules.REQUIRED,
            rules=(
                Rule(
                    TYPE_STILL_REFERRED_TO,
                    lambda name: pl.col("stored.referred") & (pl.col(name) != pl.col(f"stored.{name}")),
                ),
            ),
        ),
        Field(
            "default_pre",
            "Default Pre-Status",
            Choice(choices=PRE_STATUSES, aliases=ALIASES),
            "The pre-status of users whose row gives none.",
            "Approved",
            rules.REQUIRED,
        ),
        Field("use_event_zone", "Use Event Time Zone", YesNo(), "Whether dates are in the enrollment's own time zone.", "No", rules.REQUIRED),
        Field(
            "zone",
            "Time Zone",
            TimeZone(codes.TIMEZONE_UNKNOWN),
            "The enrollment's own time zone; required when it is used.",
            "Eastern Standard Time",
            rules=(Rule(ZONE_WHEN_OWN, lambda name: pl.col("use_event_zone") & (pl.col(f"text.{name}") == "")),),
        ),
        Field("max_seats", "Max Seats", WholeNumber(), "How many seats there are; blank: no limit.", "20"),
        Field("waitlist", "Waitlist", Choice(choices=("Unlimited", "None", "Max")), "Who is wait-listed when the seats are taken.", "Max", rules.REQUIRED),
        Field(
            "max_waitlist",
            "Max Waitlist",
            WholeNumber(),
            "How many users can be wait-listed; required when Waitlist is Max.",
            "5",
            rules=(Rule(MAX_WAITLIST_REQUIRED, lambda name: (pl.col("waitlist") == "Max") & (pl.col(f"text.{name}") == "")),),
        ),
    ),
)  # fmt: skip

USER = Template(
    name="user",
    says="The users whom enrollment files name.",
    source="enrollment §8",
    key=("username",),
    family=Upsert("user", folded="username"),
    distinct=(Distinct(("username",), folded=("username",)),),
    fields=(
        Field("username", "Username", Kind(), "The key, in any letter case.", "jdoe", rules.REQUIRED, limit=100),
        Field("first_name", "First Name", Kind(), "First name.", "Jane", limit=100),
        Field("last_name", "Last Name", Kind(), "Last name.", "Doe", limit=100),
        Field("email", "Email", Kind(), "Email address.", "jdoe@example.org", limit=255),
        Field("active", "Active", YesNo(), "Whether the user is active.", "Yes", rules.REQUIRED),
    ),
)

ROSTER_FIELD = Template(
    name="roster-field",
    says="The roster custom fields that enrollment files can fill.",
    source="enrollment §8",
    key=("id",),
    family=Upsert("roster_field"),
    fields=(
        Field("id", "Field ID", Kind(), "The key.", "RC01", rules.REQUIRED, limit=100),
        Field(
            "name",
            "Field Name",
            Kind(),
            "The name that Roster cells give.",
            "Roster Custom 01",
            rules.REQUIRED,
            limit=255,
        ),
    ),
)

COMPLETION = Template(
    name="completion",
    says="Who has completed what: decides over Completed, Passed and Failed in courses and classes.",
    source="enrollment §8",
    key=("event_id", "username"),
    family=Upsert(
        "completion",
        numbered=False,
        look_ups=(
            LookUp("event", "event_id", "event", "id", "id", {}),
            LookUp("user", "username", "user", "folded", "username", {}, folds=True),
        ),
    ),
    refers_to=("event", "user"),
    distinct=(Distinct(("event_id", "username"), folded=("username",)),),
    fields=(
        Field("event_id", "Enrollment ID", Kind(), "The enrollment's id.", "C-101", rules.REQUIRED, rules=(must_exist(codes.ID_NOT_FOUND, "event"),)),
        Field("username", "Username", Kind(), "The user.", "jdoe", rules.REQUIRED, rules=(must_exist(codes.USER_NOT_FOUND, "user"),)),
        Field(
            "completed_at",
            "Completed On",
            EnrollmentDate(codes.DATE_FORMAT),
            "When, in UTC.",
            "09/17/2015 12:00 AM",
            rules.REQUIRED,
            rules=(passes(codes.DATE_INTERVAL, lambda at: at % QUARTER == 0),),
        ),
    ),
)  # fmt: skip

TEMPLATES = (EVENT, USER, ROSTER_FIELD, COMPLETION)
