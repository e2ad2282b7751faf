"""The reference templates of the course-record family: course, course-credit, credit-type, learner, login (course-record §6)."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from bulkload import rules
from bulkload.isodates import IsoDate
from bulkload.kinds import Choice, Kind, ZeroOne
from bulkload.rules import Rule
from bulkload.template import Distinct, Field, Template
from bulkload.templates.course_record import codes
from bulkload.templates.course_record.fields import EMAIL, USER_ID, filled, has
from bulkload.templates.course_record.kinds import Credits
from bulkload.templates.course_record.learners import LearnerFamily
from bulkload.templates.course_record.login import LoginFamily
from bulkload.templates.course_record.records import ASSIGN
from bulkload.templates.lookup import LookUp, must_exist
from bulkload.templates.upsert import Upsert

SOMEBODY = has("external_user_id") | has("external_email")

SAID = tuple(
    Rule(code, lambda _, column=column: has(f"decided.{column}"))  # type: ignore[misc]
    for code, column in (
        (codes.HELD_ASSIGNED, "assigned"),
        (codes.COMPLETED_AT_ONCE, "simulated"),
        (codes.HELD_STAYS, "stays"),
        (codes.WAITS_FOR_LOGIN, "login"),
    )
)
"""What is said of records that have waited for a learner."""

COURSE = Template(
    name="course",
    says="Courses that records are imported into; a course that is not here becomes a shell.",
    source="course-record §6",
    key=("id",),
    family=Upsert("course", kept=("required_objects",)),
    fields=(
        Field("id", "external_course_id", Kind(), "The key.", "CME-2015-07", rules.REQUIRED, limit=128),
        Field("title", "title", Kind(), "The course's title.", "Stroke Care 2015", rules.REQUIRED),
        Field(
            "required_objects",
            "required_objects",
            ZeroOne(rules.NOT_IN_LIST),
            "Whether something keeps a learner from being completed at once; blank only for an imported shell.",
            "1",
            rules=(Rule(rules.REQUIRED, lambda name: ~filled(name) & pl.col(name).is_null() & ~pl.col("stored.known")),),
        ),
        Field(
            "assign",
            "assign",
            Choice(choices=ASSIGN),
            "When records that wait for a learner are assigned.",
            "immediately",
            rules.REQUIRED,
        ),
        Field("certificate", "certificate", ZeroOne(rules.NOT_IN_LIST), "Whether the course has a certificate.", "1", rules.REQUIRED),
    ),
)  # fmt: skip

CREDIT_TYPE = Template(
    name="credit-type",
    says="The types of credit that there are.",
    source="course-record §6",
    key=("code",),
    family=Upsert("credit_type"),
    fields=(
        Field("code", "credit_type", Kind(), "The key.", "ama", rules.REQUIRED, limit=128),
        Field("name", "name", Kind(), "The type's name.", "AMA PRA Category 1 Credit", rules.REQUIRED),
    ),
)

COURSE_CREDIT = Template(
    name="course-credit",
    says="How much credit of which type a course gives; of a type that is not here it gives none.",
    source="course-record §6",
    key=("course_id", "type_code"),
    family=Upsert(
        "course_credit",
        numbered=False,
        look_ups=(
            LookUp("course", "course_id", "course", "id", "id", {}),
            LookUp("credit_type", "type_code", "credit_type", "code", "code", {}),
        ),
    ),
    refers_to=("course", "credit-type"),
    fields=(
        Field("course_id", "external_course_id", Kind(), "The course.", "CME-2015-07", rules.REQUIRED,
              rules=(must_exist(codes.COURSE_UNKNOWN, "course"),)),
        Field("type_code", "credit_type", Kind(), "The credit type.", "ama", rules.REQUIRED,
              rules=(must_exist(replace(codes.CREDIT_TYPE_UNKNOWN, message="there is no credit type {cell}"), "credit_type"),)),
        Field("max_credits", "max_credits", Credits(codes.CREDITS_FORMAT), "The most credit of this type.", "2.00", rules.REQUIRED),
        Field("variable", "variable", ZeroOne(rules.NOT_IN_LIST), "Whether less of it can be given.", "1", rules.REQUIRED),
    ),
)  # fmt: skip

LEARNER = Template(
    name="learner",
    says="The learners; records that have waited for them are assigned in the same run.",
    source="course-record §3.4, §6",
    key=("id",),
    family=LearnerFamily("learner"),
    refers_to=("course", "course-credit"),
    fields=(
        Field("id", "external_user_id", Kind(), "The key.", "4711", rules.REQUIRED, rules=SAID),
        Field("email", "external_email", Kind(), "The learner's address.", "mia.doe@example.org", rules=EMAIL.rules[:1],
              aliases=EMAIL.aliases),
        Field("first_name", "first_name", Kind(), "First name.", "Mia"),
        Field("last_name", "last_name", Kind(), "Last name.", "Doe"),
    ),
)  # fmt: skip

LOGIN = Template(
    name="login",
    says="Logins of learners: assigns what waits for a login, and dates completions that have no date.",
    source="course-record §2, §3.4, §6",
    key=("external_user_id", "external_email"),
    family=LoginFamily(),
    refers_to=("learner", "course-record"),
    distinct=(Distinct(("external_user_id",), same=("same.learner",)),),
    fields=(
        replace(
            USER_ID,
            rules=(
                *USER_ID.rules,
                Rule(codes.LEARNER_NOT_FOUND, lambda _: SOMEBODY & ~has("id.number") & ~has("mail.count")),
                *SAID[:3],
                Rule(codes.COMPLETION_DATED, lambda _: has("decided.dated")),
            ),
        ),
        EMAIL,
        Field("logged_in_at", "logged_in_at", IsoDate(), "When the learner logged in.", "2026-11-21T08:00:00Z", rules.REQUIRED),
    ),
)  # fmt: skip
