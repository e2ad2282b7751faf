"""The template `enrollment`: users into enrollments, with roster fields, statuses and wait-lists (seed 001)."""

from __future__ import annotations

from bulkload.template import Template
from bulkload.templates.enrollment.codes import DUPLICATE_ROW
from bulkload.templates.enrollment.decide import EnrollmentFamily
from bulkload.templates.enrollment.fields import FIELDS

TEMPLATES = (
    Template(
        name="enrollment",
        says="Adds users to enrollments, or updates them there. One row for each enrollment and user.",
        source="seed 001",
        fields=FIELDS,
        key=("enrollment", "username"),
        family=EnrollmentFamily(),
        refers_to=("event", "user", "roster-field", "completion"),
        doubled=DUPLICATE_ROW,
        doubled_rejects="later",
        folded_key=("text.username", "same.username"),
        short_rows=True,
    ),
)
