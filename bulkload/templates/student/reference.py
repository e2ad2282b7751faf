"""The reference templates of the student family: school, license-order, student-state (student §4)."""

from __future__ import annotations

import polars as pl

from bulkload import rules
from bulkload.kinds import Choice, Kind, WholeNumber, YesNo
from bulkload.rules import Rule
from bulkload.template import Field, Template
from bulkload.templates.lookup import LookUp, must_exist
from bulkload.templates.student import codes
from bulkload.templates.student.orders import LicenseOrders
from bulkload.templates.student.records import EAMS, KINDS, REGULAR_KIND
from bulkload.templates.student.state import StudentState
from bulkload.templates.upsert import Referred, Upsert

OF_SCHOOL = LookUp("school", "school_code", "school", "code", "code", {})


def changes_under(name: str) -> pl.Expr:
    """Return where a field of a record changes that others refer to."""
    return pl.col("stored.referred") & (pl.col(name) != pl.col(f"stored.{name}"))


def filled_in(name: str) -> pl.Expr:
    """Return where a cell is not blank."""
    return pl.col(f"text.{name}") != ""


SCHOOL = Template(
    name="school",
    says="The schools of districts, which student files name.",
    source="student §4",
    key=("code",),
    family=Upsert("school", referred=Referred("student", "school", ("district",))),
    fields=(
        Field("code", "School Code", Kind(), "The key.", "S100", rules.REQUIRED, limit=15),
        Field("name", "School Name", Kind(), "The school's name.", "Lincoln Middle School", rules.REQUIRED, limit=100),
        Field(
            "district",
            "District Code",
            Kind(),
            "The district that the school is in.",
            "D001",
            rules.REQUIRED,
            limit=15,
            rules=(
                Rule(
                    codes.DISTRICT_STILL_REFERRED_TO,
                    changes_under,
                    {"stored.district": rules.quoted(pl.col("stored.district"))},
                ),
            ),
        ),
    ),
)

LICENSE_ORDER = Template(
    name="license-order",
    says="Orders of licences, and the Holding Bin that eAMS licences come from and return to.",
    source="student §2, §4",
    key=("id",),
    family=LicenseOrders(
        "license_order",
        look_ups=(OF_SCHOOL,),
        kept=("free",),
        referred=Referred("student", "license_order", ("kind",)),
    ),
    refers_to=("school",),
    fields=(
        Field("id", "Order ID", Kind(), "The key.", "R-2026", rules.REQUIRED, limit=100),
        Field(
            "kind",
            "Kind",
            Choice(choices=KINDS),
            "Whether it is a district's eAMS order, a school's regular one, or the Holding Bin.",
            "Regular",
            rules.REQUIRED,
            rules=(
                Rule(codes.KIND_STILL_REFERRED_TO, changes_under),
                Rule(codes.BIN_DOUBLED, lambda _: pl.col("decided.bin").is_not_null()),
            ),
        ),
        Field(
            "school_code",
            "School Code",
            Kind(),
            "The school of a regular order.",
            "S100",
            rules=(
                Rule(
                    codes.SCHOOL_OF_REGULAR,
                    lambda name: (pl.col("kind") == REGULAR_KIND) & ~filled_in(name),
                ),
                Rule(
                    codes.SCHOOL_NOT_ALLOWED,
                    lambda name: (pl.col("kind") != REGULAR_KIND) & filled_in(name),
                ),
                must_exist(codes.SCHOOL_NOT_FOUND, "school"),
            ),
        ),
        Field(
            "current",
            "Current",
            YesNo(),
            "Whether it is the current eAMS order, of which there is one; blank: No.",
            "No",
            rules=(
                Rule(codes.CURRENT_NOT_ALLOWED, lambda name: pl.col(name) & (pl.col("kind") != EAMS)),
                Rule(codes.CURRENT_ORDER_DOUBLED, lambda _: pl.col("decided.current").is_not_null()),
            ),
        ),
        Field(
            "free",
            "Free Licenses",
            WholeNumber(),
            "How many licences a new order has; for one that is there blank or the same, unless --set-licenses.",
            "500",
            rules=(
                Rule(codes.LICENSES_REQUIRED, lambda name: ~filled_in(name) & ~pl.col("stored.known")),
                Rule(
                    codes.LICENSES_DIFFER,
                    lambda name: (pl.col(name) != pl.col(f"stored.{name}")) & ~pl.col("run.set_licenses"),
                ),
            ),
        ),
    ),
)

STUDENT_STATE = Template(
    name="student-state",
    says="Which order a student is on, and whether active, as an older system had it; moves no licences. For set-up.",
    source="student §4",
    key=("student_id",),
    family=StudentState(),
    refers_to=("student", "license-order"),
    fields=(
        Field(
            "student_id",
            "Student ID",
            Kind(),
            "The student, who has to be there.",
            "0012345",
            rules.REQUIRED,
            rules=(
                Rule(codes.STUDENT_UNKNOWN, lambda name: pl.col(name).is_not_null() & pl.col("student.count").is_null()),
                Rule(codes.STUDENT_AMBIGUOUS, lambda _: pl.col("student.count") > 1),
            ),
        ),
        Field(
            "order_id",
            "Order ID",
            Kind(),
            "The order that the student is on, eAMS or regular.",
            "R-2024",
            rules.REQUIRED,
            rules=(
                Rule(codes.ORDER_NOT_FOUND, lambda name: pl.col(name).is_not_null() & pl.col("order.number").is_null()),
            ),
        ),
        Field("active", "Active", YesNo(), "Whether the student is active.", "Yes", rules.REQUIRED),
    ),
)  # fmt: skip
