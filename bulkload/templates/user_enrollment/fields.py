"""The values of user-enrollment records, in the order of their positions, and the rules on them (user-enrollment §1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from bulkload.digests import UNCHANGED
from bulkload.isodates import IsoDay
from bulkload.kinds import Choice, Kind
from bulkload.rules import Code, Rule
from bulkload.template import Field
from bulkload.templates.user_enrollment import codes
from bulkload.templates.user_enrollment.records import ACTIONS, ADD, DELETE, DROP, ENROLL, UPDATE

CONTROL = r"[\x00-\x1f\x7f-\x9f\ufffd]"


def text(name: str) -> pl.Expr:
    """Return a value's text as compared."""
    return pl.col(f"text.{name}")


def given(name: str) -> pl.Expr:
    """Return where a value is given."""
    return text(name) != ""


ENROLS = pl.col("action").is_in([ENROLL, DROP])
"""Records that name a target and a role."""

ALONE = pl.col("action").is_in([ADD, UPDATE])
"""Records that name neither."""

EXPIRED = pl.from_epoch("section.expires").dt.strftime("%Y-%m-%d %H:%M UTC")
"""When a section expired, in words."""

FRESH = ~pl.col("ledger.skipped")
"""Records that no earlier file has applied: what has been applied is not looked at again."""


def holds_controls(name: str) -> pl.Expr:
    """Return where a value holds a control character."""
    return text(name).str.contains(CONTROL)


def fits(name: str, limit: int | None) -> pl.Expr:
    """Return where a value is given, its kind reads it, and it is not too long."""
    readable = pl.col(name).is_not_null()
    return readable if limit is None else readable & (text(name).str.len_chars() <= limit)


def sound(name: str, limit: int | None) -> pl.Expr:
    """Return where a value is given and nothing is wrong with it by itself: one bad cell has one finding."""
    return fits(name, limit) & ~holds_controls(name)


def value(
    name: str, says: str, example: str, limit: int | None, *more: Rule, form: Rule | None = None, **options: Any
) -> Field:
    """Declare a value: not too long (None: its kind says how long), else without control characters, else of its form."""
    checks = [Rule(codes.SPECIAL_CHARACTER, lambda name: fits(name, limit) & holds_controls(name))]
    if form is not None:
        checks.append(Rule(form.code, lambda name: sound(name, limit) & form.fails(name)))
    kind = options.pop("kind", Kind())
    return Field(name, name, kind, says, example, limit=limit, rules=(*checks, *more), **options)


def needed(*more: Rule) -> tuple[Rule, ...]:
    """Make the rules of a value that no person is without: an element may be left out of XML for one who is there."""
    here = Rule(codes.REQUIRED, lambda name: ~given(name) & ~pl.col(f"absent.{name}"))
    new = Rule(codes.REQUIRED, lambda name: pl.col(f"absent.{name}") & pl.col("decided.lacks"))
    return (here, new, *more)


def decided(code: Code, where: Callable[[str], pl.Expr] = lambda _: pl.lit(value=True)) -> Rule:
    """Make a rule of what the turn of a record gave."""
    return Rule(code, lambda name: (pl.col("decided.code") == code.word) & where(name))


def not_beside(code: Code) -> Rule:
    """Make the rule of a value that only records have which enrol or drop."""
    return Rule(code, lambda name: given(name) & ALONE)


LOGIN_FORM = Rule(codes.LOGIN_BLANKS, lambda name: text(name).str.contains(r"\s"))
ADDRESS_FORM = Rule(
    codes.EMAIL_FORMAT, lambda name: given(name) & ~text(name).str.contains(r"^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$")
)
DIGITS = Rule(codes.ROLE_FORMAT, lambda name: given(name) & ~text(name).str.contains("^[0-9]+$"))

FIELDS = (
    Field(
        "action",
        "action",
        Choice(codes.ACTION_UNKNOWN, choices=ACTIONS, also_read=(DELETE,)),
        "ADD a person, UPDATE one, ENROLL (and add or update) one, or DROP an enrolment.",
        ENROLL,
        codes.REQUIRED,
        rules=(
            Rule(codes.PERSON_STAYS, lambda name: (pl.col(name) == DELETE) & pl.col("file.xml")),
            Rule(codes.ACTION_UNKNOWN, lambda name: (pl.col(name) == DELETE) & ~pl.col("file.xml")),
        ),
    ),
    value(
        "source",
        "The institution's client string; with person_id the key of a person.",
        "strata",
        32,
        form=Rule(codes.SOURCE_UNKNOWN, lambda name: pl.col(name) != pl.col("run.source")),
        required=codes.REQUIRED,
    ),
    value(
        "person_id",
        "The person's id.",
        "S100",
        100,
        decided(codes.PERSON_EXISTS),
        decided(codes.PERSON_NOT_FOUND),
        Rule(codes.ALREADY_APPLIED, lambda _: pl.col("ledger.skipped")),
        required=codes.REQUIRED,
    ),
    value(
        "login_id",
        "The login, without blanks, unique in any letter case.",
        "jdoe",
        100,
        *needed(decided(codes.LOGIN_TAKEN), decided(codes.LOGIN_CHANGE_NEEDS_XML)),
        form=LOGIN_FORM,
    ),
    value(
        "password",
        f"The password, kept as a keyed digest; blank or {UNCHANGED} leaves the one that is stored.",
        "blue-Horse7",
        50,
        Rule(codes.PASSWORD_OF_NEW, lambda _: pl.col("decided.keeps")),
        trims=False,
        secret=True,
    ),
    value("first_name", "First name.", "Jane", 100, *needed()),
    value("middle_name", "Middle name.", "Q", 100),
    value("last_name", "Last name.", "Doe", 100, *needed()),
    Field(
        "gender",
        "gender",
        Choice(codes.GENDER_UNKNOWN, choices=("M", "F", "0"), aliases={"1": "F", "2": "M"}),
        "M, F, or as IMS has it: 0 (not known), 1 (female), 2 (male).",
        "F",
    ),
    Field("dob", "dob", IsoDay(), "Date of birth.", "1996-04-09", secret=True),
    value("disability", "A disability.", "dyslexia", 255, secret=True),
    value("email", "Email address.", "jane.doe@example.org", 255, *needed(), form=ADDRESS_FORM),
    value("phone", "Telephone number.", "303-555-0100", 30),
    value("address1", "Street.", "12 Elm Street", 100),
    value("address2", "Second line of the street.", "Apartment 4", 100),
    value("city", "City.", "Denver", 100),
    value("state", "State or region.", "CO", 50),
    value("postal_code", "Postal code.", "80202", 20),
    value("country", "Country.", "US", 50),
    value(
        "call_number",
        "The section that the person is enrolled in or dropped from; this or node_string.",
        "MATH101_F14",
        100,
        Rule(codes.TARGET_DOUBLED, lambda name: given(name) & given("node_string") & ENROLS),
        Rule(codes.TARGET_MISSING, lambda name: ~given(name) & ~given("node_string") & ENROLS),
        Rule(codes.SECTION_NOT_FOUND, lambda name: FRESH & pl.col(name).is_not_null() & ENROLS & pl.col("section.number").is_null()),
        Rule(codes.SECTION_EXPIRED, lambda name: FRESH & pl.col(name).is_not_null() & ENROLS & (pl.col("section.expires") <= pl.col("run.now")), {"expired": EXPIRED}),
        decided(codes.ENROLLMENT_NOT_FOUND, given),
        form=not_beside(codes.TARGET_NOT_ALLOWED),
    ),
    value(
        "node_string",
        "The node that the person is enrolled in or dropped from; this or call_number.",
        "UNIV-LIBRARY",
        100,
        Rule(codes.NODE_NOT_FOUND, lambda name: FRESH & pl.col(name).is_not_null() & ~given("call_number") & ENROLS & pl.col("node.number").is_null()),
        decided(codes.ENROLLMENT_NOT_FOUND, given),
        form=not_beside(codes.TARGET_NOT_ALLOWED),
    ),
    value(
        "role_id",
        "The role, in digits: 1 Professor, 2 Student, or another of the store.",
        "2",
        10,
        Rule(codes.ROLE_NOT_ALLOWED, lambda name: given(name) & ALONE & ~holds_controls(name) & (text(name).str.len_chars() <= 10) & ~DIGITS.fails(name)),
        Rule(codes.REQUIRED, lambda name: ~given(name) & ENROLS),
        Rule(codes.ROLE_NOT_FOUND, lambda name: FRESH & pl.col(name).is_not_null() & ENROLS & pl.col("role.number").is_null()),
        Rule(codes.ALREADY_APPLIED, lambda _: pl.col("ledger.skipped") & ENROLS),
        form=DIGITS,
    ),
    Field("properties", "properties", Kind(), "Extra properties of the person, kept with them.", '{"campus":"North"}', only_in_xml=True),
)  # fmt: skip
"""In the order of the positions; `properties` only XML has."""
