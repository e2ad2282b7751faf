"""The template `student`: a district's students, their status and licences (seed 002)."""

from __future__ import annotations

from bulkload.rules import OK
from bulkload.template import Distinct, Template
from bulkload.templates.student import codes
from bulkload.templates.student.decide import StudentFamily
from bulkload.templates.student.fields import FIELDS
from bulkload.templates.student.reference import LICENSE_ORDER, SCHOOL, STUDENT_STATE
from bulkload.templates.student.status import in_words

STUDENT = Template(
    name="student",
    says="A district's students: created, updated, activated and deactivated. Who is not in a file stays as they are.",
    source="seed 002",
    fields=FIELDS,
    key=("district", "student_id"),
    family=StudentFamily(),
    refers_to=("school", "license-order"),
    distinct=(
        Distinct(("district", "student_id"), codes.DUPLICATE_ID),
        Distinct(("username",), codes.DUPLICATE_USERNAME, folded=("username",)),
    ),
    file_name="students.csv",
    accepted=OK,
    errors_show=("student_id", "username", "status"),
    tables=(
        (
            "What a status flag does",
            ("in the store", "flag", "what is done", "licences and order"),
            in_words(),
        ),
    ),
)

TEMPLATES = (SCHOOL, LICENSE_ORDER, STUDENT, STUDENT_STATE)
