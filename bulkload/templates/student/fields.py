"""The fifteen columns of student files and the rules on them (student §1; seed 002, §5)."""

from __future__ import annotations

import polars as pl

from bulkload import rules
from bulkload.digests import UNCHANGED
from bulkload.kinds import CalendarDate, Choice, Kind, WholeNumber
from bulkload.rules import Code, Rule
from bulkload.template import Field
from bulkload.templates.student import codes
from bulkload.templates.student.kinds import Flag, Groups
from bulkload.templates.student.status import FLAGS

AS_A_NUMBER = r"^[0-9]([.,][0-9]+)?[Ee][+-][0-9]+$"
"""What a spreadsheet makes of a long number."""

PLAIN = r"[^\s']"
"""A character that user names and passwords may have."""

FIFTEEN = "(?s)^.{1,15}$"


def text(name: str) -> pl.Expr:
    """Return a field's text as compared."""
    return pl.col(f"text.{name}")


def looks_like(code: Code, pattern: str) -> tuple[Rule, ...]:
    """Make the rules of a value's form; what a spreadsheet has spoilt is said to be that instead."""
    spoilt = Rule(codes.EXCEL_NUMBER, lambda name: text(name).str.contains(AS_A_NUMBER))
    wrong = Rule(code, lambda name: (text(name) != "") & ~text(name).str.contains(pattern) & ~spoilt.fails(name))
    return spoilt, wrong


def needs_student(code: Code) -> Rule:
    """Make the rule that only a student who is there has a secret to keep."""
    return Rule(code, lambda name: pl.col("student.situation").eq("none") & pl.col(f"{name}.kept"))


DISTRICT = Field(
    "district",
    "District Code",
    Kind(),
    "The district of the student's school.",
    "D001",
    codes.MISSING_ELEMS,
    rules=(
        *looks_like(codes.DISTRICT_FORMAT, FIFTEEN),
        Rule(codes.DISTRICT_ERR, lambda name: pl.col(name).is_not_null() & ~pl.col("district.known")),
    ),
)
SCHOOL = Field(
    "school_code",
    "School Code",
    Kind(),
    "The student's school, one of the district.",
    "S100",
    codes.MISSING_ELEMS,
    rules=(
        *looks_like(codes.SCHOOL_FORMAT, FIFTEEN),
        Rule(
            codes.SCHOOL_ERR,
            lambda name: (
                pl.col(name).is_not_null()
                & pl.col("district").is_not_null()
                & pl.col("district.known")
                & pl.col("school.district").ne_missing(pl.col("district"))
            ),
            {"district": rules.quoted(pl.col("text.district"))},
        ),
    ),
)
STATUS = Field(
    "status",
    "Status",
    Flag(codes.STATUS_FORMAT, choices=FLAGS, aliases={"IGNORE": "I"}),
    "A: activate, or create activated; D: deactivate; X: create deactivated; I or IGNORE: only the data.",
    "A",
    codes.MISSING_ELEMS,
    rules=(
        Rule(codes.STUDENT_EXISTS, lambda _: pl.col("effect.error") == "STUDENT_EXISTS"),
        Rule(codes.STUDENT_NOT_FOUND, lambda _: pl.col("effect.error") == "STUDENT_NOT_FOUND"),
        Rule(codes.MISSING_LICENSES, lambda _: pl.col("decided.no_licence")),
    ),
)
USERNAME = Field(
    "username",
    "Username",
    Kind(),
    "What the student logs in with, unique among all students of the store, in any letter case.",
    "jdoe2014",
    codes.MISSING_ELEMS,
    rules=(
        *looks_like(codes.USERNAME_FORMAT, rf"^{PLAIN}{{6,60}}$"),
        Rule(codes.USERNAME_TAKEN, lambda _: pl.col("decided.name_taken")),
    ),
)
PASSWORD = Field(
    "password",
    "Password",
    Kind(),
    f"The student's password, kept as a keyed digest; {UNCHANGED} leaves the one that is stored.",
    "blue-Horse7",
    codes.MISSING_ELEMS,
    trims=False,
    secret=True,
    rules=(
        Rule(codes.PASSWORD_FORMAT, lambda name: (text(name) != "") & ~text(name).str.contains(rf"^{PLAIN}{{6,30}}$")),
        needs_student(codes.PASSWORD_OF_NEW),
    ),
)
FIRST_NAME = Field("first_name", "First Name", Kind(), "First name.", "Jane", codes.MISSING_ELEMS, limit=40, too_long=codes.FIRSTNAME_FORMAT)  # fmt: skip
LAST_NAME = Field("last_name", "Last Name", Kind(), "Last name.", "Doe", codes.MISSING_ELEMS, limit=40, too_long=codes.LASTNAME_FORMAT)  # fmt: skip
MIDDLE_NAME = Field("middle_name", "Middle Name", Kind(), "Middle name.", "Ann", limit=30, too_long=codes.MIDDLENAME_FORMAT)  # fmt: skip
STUDENT_ID = Field(
    "student_id",
    "Student ID",
    Kind(),
    "The student's id, unique in the district.",
    "0012345",
    codes.MISSING_ELEMS,
    rules=looks_like(codes.STUDENTID_FORMAT, r"^[A-Za-z0-9]{1,20}$"),
)
EMAIL = Field(
    "email",
    "Email",
    Kind(),
    "Email address, at most 60 characters.",
    "jane.doe@example.org",
    rules=(
        Rule(
            codes.EMAIL_FORMAT,
            lambda name: (
                (text(name) != "")
                & (~text(name).str.contains(r"^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$") | (text(name).str.len_chars() > 60))
            ),
        ),
    ),
)
BIRTH = Field(
    "birth",
    "DOB",
    CalendarDate(),
    "Date of birth.",
    "04/09/2009",
    secret=True,
    rules=(Rule(codes.DATE_IN_FUTURE, lambda name: pl.col(name) > pl.col("run.today")),),
)
SSN = Field(
    "ssn",
    "SSN",
    Kind(),
    f"Social-security number, kept as a keyed digest and its last four digits; {UNCHANGED} leaves the one that is stored.",
    "000123456",
    secret=True,
    rules=(*looks_like(codes.SSN_FORMAT, f"^([0-9]{{9}}|{UNCHANGED})$"), needs_student(codes.SSN_OF_NEW)),
)
GENDER = Field("gender", "Gender", Choice(codes.GENDER_FORMAT, choices=("M", "F"), exactly=True), "M or F, in capitals.", "F")  # fmt: skip
GRADE = Field("grade", "Grade", WholeNumber(codes.GRADE_FORMAT, low=3, high=16, width=2), "The grade, 03 to 16.", "08")
GROUPS = Field(
    "groups",
    "Groups",
    Groups(codes.GROUP_FORMAT),
    "The student's groups; their order does not count.",
    "Band|Period 3 English",
)

FIELDS = (
    DISTRICT,
    SCHOOL,
    STATUS,
    USERNAME,
    PASSWORD,
    FIRST_NAME,
    LAST_NAME,
    MIDDLE_NAME,
    STUDENT_ID,
    EMAIL,
    BIRTH,
    SSN,
    GENDER,
    GRADE,
    GROUPS,
)
"""In the order that files have to have."""
