"""The template `enrollment`: users into enrollments, with roster fields, statuses and wait-lists (seed 001)."""

from __future__ import annotations

from collections.abc import Mapping

from bulkload.template import Distinct, Template
from bulkload.templates.enrollment.codes import DUPLICATE_ROW
from bulkload.templates.enrollment.decide import EnrollmentFamily
from bulkload.templates.enrollment.fields import FIELDS
from bulkload.templates.enrollment.statuses import ASKED_FOR, FOLLOWS


def in_words(table: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return a table of statuses as lines."""
    return [(key, ", ".join(values)) for key, values in table.items()]


TEMPLATES = (
    Template(
        name="enrollment",
        says="Adds users to enrollments, or updates them there. One row for each enrollment and user.",
        source="seed 001",
        fields=FIELDS,
        key=("enrollment", "username"),
        family=EnrollmentFamily(),
        refers_to=("event", "user", "roster-field", "completion"),
        distinct=(
            Distinct(
                ("enrollment", "username"),
                DUPLICATE_ROW,
                rejects="later",
                folded=("username",),
                same=("same.enrollment", "same.by_id", "same.username"),
            ),
        ),
        short_rows=True,
        tables=(
            ("Pre-statuses that a file may ask for", ("type", "pre-statuses"), in_words(ASKED_FOR)),
            ("Post-statuses that go with a pre-status", ("pre-status", "post-statuses"), in_words(FOLLOWS)),
        ),
    ),
)
