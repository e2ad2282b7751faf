"""The values of course-copy records, in the order of their positions, and the rules on them (user-enrollment §1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from bulkload import rules
from bulkload.kinds import Choice, WholeNumber
from bulkload.rules import Code, Rule
from bulkload.template import Field, TableShown
from bulkload.templates.course_copy import codes
from bulkload.templates.course_copy.kinds import CallNumbers, SourcedId
from bulkload.templates.course_copy.records import CONTENT, SECTION_AND_CONTENT, TYPES
from bulkload.templates.user_enrollment import fields
from bulkload.templates.user_enrollment.codes import SOURCE_UNKNOWN, TERM_NOT_FOUND
from bulkload.templates.user_enrollment.fields import given, sound

NEEDED, ONE, OPEN, NONE = "needed", "one of the two", "may be given", "must be blank"

TAKES = {
    "client_string": (NEEDED, NEEDED, NEEDED),
    "source_sort_string": (NEEDED, NONE, NEEDED),
    "source_call_number": (ONE, ONE, ONE),
    "source_course_id": (ONE, ONE, ONE),
    "dest_sort_string": (NONE, NEEDED, NEEDED),
    "dest_call_numbers": (NEEDED, NEEDED, NEEDED),
    "dest_term_id": (NONE, ONE, ONE),
    "dest_term_sourcedid": (NONE, ONE, ONE),
    "dest_section_title": (NONE, OPEN, OPEN),
    "dest_section_description": (NONE, OPEN, OPEN),
    "dest_display_course_code": (NONE, OPEN, OPEN),
    "dest_section_number": (NONE, OPEN, OPEN),
}
"""What each copy type, in the order of TYPES, takes of each value."""

SOURCE = ("source_call_number", "source_course_id")
TERM = ("dest_term_id", "dest_term_sourcedid")
"""Values of which one is given, and not both."""


def takes(name: str, what: str) -> pl.Expr:
    """Return where a record's copy type takes so much of a value."""
    return pl.col("copy_type").is_in([one for one, taken in zip(TYPES, TAKES[name], strict=True) if taken == what])


def alone(pair: tuple[str, str]) -> pl.Expr:
    """Return where one of two values is given, and not both."""
    return given(pair[0]) != given(pair[1])


def of_table(name: str, limit: int | None) -> Iterator[Rule]:
    """Yield the rules that the table makes of a value."""
    if NEEDED in TAKES[name]:
        yield Rule(rules.REQUIRED, lambda name: ~given(name) & takes(name, NEEDED))
    if NONE in TAKES[name]:
        yield Rule(codes.VALUE_NOT_ALLOWED, lambda name: sound(name, limit) & takes(name, NONE))


def value(name: str, says: str, example: str, limit: int | None, *more: Rule, **options: Any) -> Field:
    """Declare a value: what the table says of it, how long it may be, and what else is required of it."""
    if set(TAKES[name]) == {NEEDED}:
        return fields.value(name, says, example, limit, *more, required=rules.REQUIRED, **options)
    return fields.value(name, says, example, limit, *of_table(name, limit), *more, **options)


def one_of(pair: tuple[str, str], missing: Code, doubled: Code) -> tuple[Rule, Rule]:
    """Make the rules, for the first of two values, that one of them is given and not both."""
    neither, both = ~given(pair[0]) & ~given(pair[1]), given(pair[0]) & given(pair[1])
    return Rule(missing, lambda name: neither & takes(name, ONE)), Rule(doubled, lambda name: both & takes(name, ONE))


UNDER = {
    "under": pl.when(pl.col("source_sort_string").is_not_null())
    .then(rules.filled(" under the sort string {}", rules.quoted(pl.col("source_sort_string"))))
    .otherwise(pl.lit(""))
}
"""What a message adds where a sort string is a part of what names the source."""


def of_source(code: Code) -> Rule:
    """Make a rule of what became of the look-up of the source; it stands at the value that is given."""
    return Rule(code, lambda name: given(name) & (pl.col("decided.source") == code.word), UNDER)


def of_destination(code: Code) -> Rule:
    """Make a rule of what the turn of a record found of its destinations."""
    return Rule(code, lambda _: pl.col("decided.destination") == code.word)


def of_term(code: Code, count: pl.Expr) -> Rule:
    """Make a rule on how many terms a value names."""
    return Rule(code, lambda name: pl.col(name).is_not_null() & takes(name, ONE) & count)


WITHOUT_CONTENT = (
    of_source(codes.SOURCE_EMPTY),
    Rule(codes.NO_CONTENT, lambda name: given(name) & pl.col("decided.lacks")),
)

FIELDS = (
    Field(
        "copy_type",
        "copy_type",
        Choice(codes.COPY_TYPE_UNKNOWN, choices=TYPES),
        "CONTENT into a section that is there and empty, a SECTION as new ones, or SECTION_AND_CONTENT.",
        SECTION_AND_CONTENT,
        rules.REQUIRED,
    ),
    value("client_string", "The institution's client string.", "strata", 32,
          form=Rule(SOURCE_UNKNOWN, lambda name: pl.col(name) != pl.col("run.source"))),
    value("source_sort_string", "With call number or course id: which section is copied.", "UNIV-MATH", 255),
    value("source_call_number", "The section that is copied; this or source_course_id.", "MATH101_F14", 100,
          *one_of(SOURCE, codes.SOURCE_MISSING, codes.SOURCE_DOUBLED), of_source(codes.NUMBER_NOT_FOUND), *WITHOUT_CONTENT),
    value("source_course_id", "The course whose only section is copied; this or source_call_number.", "MATH101", 100,
          of_source(codes.COURSE_NOT_FOUND), of_source(codes.SOURCE_AMBIGUOUS), *WITHOUT_CONTENT),
    value("dest_sort_string", "Where the new sections stand in the institution.", "UNIV-MATH", 255),
    value(
        "dest_call_numbers", "The new sections, separated by ;. Or the one section that content is copied into.", "MATH101_S15;MATH101_S15B", None,
        Rule(codes.DESTINATION_SEVERAL, lambda name: sound(name, None) & (pl.col("copy_type") == CONTENT) & (pl.col(name).list.len() > 1)),
        Rule(codes.DESTINATION_DOUBLED, lambda name: sound(name, None) & (pl.col("copy_type") != CONTENT) & (pl.col(name).list.n_unique() < pl.col(name).list.len())),
        of_destination(codes.DESTINATION_NOT_FOUND),
        of_destination(codes.DESTINATION_NOT_EMPTY),
        of_destination(codes.NO_DESTINATION_FREE),
        Rule(codes.DESTINATION_IN_USE, lambda _: pl.col("decided.left_out") != ""),
        kind=CallNumbers(),
    ),
    value("dest_term_id", "The term of the new sections; this or dest_term_sourcedid.", "2014-FALL", 100,
          *one_of(TERM, codes.TERM_MISSING, codes.TERM_DOUBLED), of_term(TERM_NOT_FOUND, pl.col("of_id.number").is_null())),
    value("dest_term_sourcedid", "The term by its source and id there; this or dest_term_id.", "strata:F14", 133,
          of_term(TERM_NOT_FOUND, pl.col("of_sourcedid.number").is_null()), of_term(codes.TERM_AMBIGUOUS, pl.col("of_sourcedid.terms") > 1), kind=SourcedId()),
    value("dest_section_title", "The title; blank: that of the source.", "College Algebra (Spring)", 255),
    value("dest_section_description", "A description; blank: that of the source.", "Evenings", 4_000),
    value("dest_display_course_code", "The course code that is shown; blank: that of the source.", "MATH 101", 100),
    value("dest_section_number", "The section's number in its course.", "2", None, kind=WholeNumber(high=255)),
)  # fmt: skip
"""In the order of the positions."""

TABLE_SHOWN: TableShown = (
    "What each copy type takes",
    ("value", *TYPES),
    [(name, *taken) for name, taken in TAKES.items()],
)
