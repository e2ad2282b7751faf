"""The template `course-record`: old course records and credits of learners, global or of one course (seed 003)."""

from __future__ import annotations

from dataclasses import replace

from bulkload.errors import UsageError
from bulkload.template import Distinct, Options, Template
from bulkload.templates.course_record import codes
from bulkload.templates.course_record.decide import CourseRecordFamily
from bulkload.templates.course_record.fields import FIELDS
from bulkload.templates.course_record.records import CATEGORIES
from bulkload.templates.course_record.reference import COURSE, COURSE_CREDIT, CREDIT_TYPE, LEARNER, LOGIN

OF_COURSE = ("external_course_id", "title")
"""The fields that the importer of one course does not need."""


def importer(template: Template, options: Options) -> Template:
    """Return the importer that a run asks for: the global one, or a course's; raise UsageError for neither or both."""
    if options.course is None:
        if not options.legacy:
            raise UsageError(
                "Course records are imported into a course with --course ID, and are in PARS reports. Legacy data "
                "alone goes through the global importer, with --legacy, and is in no PARS report."
            )
        return template
    if options.legacy:
        raise UsageError("--legacy is for the global importer and --course for the one of a course: give one of them.")
    fields = (replace(one, required=None, may_be_absent=True) if one.name in OF_COURSE else one for one in FIELDS)
    return replace(template, fields=tuple(fields), remarks=())


IN_COURSE = ("external_course_id", "external_user_id")
SAME = ("same.course", "same.learner")

COURSE_RECORD = Template(
    name="course-record",
    says="Old course records and credits of learners, with --legacy for many courses or with --course for one.",
    source="seed 003",
    fields=FIELDS,
    key=("external_course_id", "external_user_id", "external_email", "credit_type"),
    family=CourseRecordFamily(),
    refers_to=("course", "course-credit", "credit-type", "learner"),
    distinct=(
        Distinct(
            (*IN_COURSE, "credit_type"), codes.DUPLICATE_CREDIT_TYPE_ROW, rejects="later", same=(*SAME, "same.type")
        ),
        Distinct(IN_COURSE, codes.COMPLETE_DISAGREES, rejects="later", same=SAME, agree="complete"),
        Distinct(
            IN_COURSE, codes.CATEGORY_ON_SECOND_ROW, rejects="later", same=SAME, given="participant_category"
        ),
    ),
    guarded=True,
    becomes=importer,
    remarks=(codes.GLOBAL_NOT_IN_PARS,),
)  # fmt: skip

TEMPLATES = (COURSE, CREDIT_TYPE, COURSE_CREDIT, LEARNER, LOGIN, COURSE_RECORD)

__all__ = ["CATEGORIES", "TEMPLATES"]
