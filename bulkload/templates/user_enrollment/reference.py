"""The reference templates of the user-enrollment family: section, node, term, role (user-enrollment §6)."""

from __future__ import annotations

import polars as pl

from bulkload import rules
from bulkload.isodates import IsoDate
from bulkload.kinds import Kind, ZeroOne
from bulkload.rules import Rule
from bulkload.template import Field, Template
from bulkload.templates.lookup import LookUp, must_exist
from bulkload.templates.upsert import Upsert
from bulkload.templates.user_enrollment import codes

OF_TERM = LookUp("term", "term_id", "term", "term_id", "term_id", {})

TERM = Template(
    name="term",
    says="The terms that sections belong to.",
    source="user-enrollment §6",
    key=("term_id",),
    family=Upsert("term"),
    fields=(
        Field("term_id", "Term ID", Kind(), "The key.", "2014-FALL", rules.REQUIRED, limit=100),
        Field("source", "Source", Kind(), "The source of the term's sourced id.", "strata", limit=32),
        Field("sourced_id", "Sourced ID", Kind(), "The term's id at its source.", "F14", limit=100),
        Field("title", "Title", Kind(), "The term's title.", "Fall 2014", rules.REQUIRED, limit=255),
    ),
)

SECTION = Template(
    name="section",
    says="The sections that persons are enrolled in, and that course copies copy.",
    source="user-enrollment §6",
    key=("call_number",),
    family=Upsert("section", look_ups=(OF_TERM,)),
    refers_to=("term",),
    fields=(
        Field("call_number", "Call Number", Kind(), "The key.", "MATH101_F14", rules.REQUIRED, limit=100),
        Field("course_id", "Course ID", Kind(), "The course's id.", "MATH101", limit=100),
        Field("title", "Title", Kind(), "The section's title.", "College Algebra", limit=255),
        Field("sort_string", "Sort String", Kind(), "Where the section stands in the institution.", "UNIV-MATH", limit=255),
        Field("term_id", "Term ID", Kind(), "The section's term.", "2014-FALL", rules=(must_exist(codes.TERM_NOT_FOUND, "term"),)),
        Field("expires", "Expires", IsoDate(), "From when on nobody is enrolled or dropped; blank: never.", "2029-12-31T23:59:59Z"),
        Field("content", "Content", ZeroOne(rules.NOT_IN_LIST), "Whether the section holds content.", "1", rules.REQUIRED),
    ),
)  # fmt: skip

NODE = Template(
    name="node",
    says="The enrollable nodes of the institution.",
    source="user-enrollment §6",
    key=("node_string",),
    family=Upsert("node"),
    fields=(
        Field("node_string", "Node String", Kind(), "The key.", "UNIV-LIBRARY", rules.REQUIRED, limit=100),
        Field("title", "Title", Kind(), "The node's title.", "Library", limit=255),
    ),
)

ROLE = Template(
    name="role",
    says="The roles of enrolled persons; 1 Professor and 2 Student are always there.",
    source="user-enrollment §6",
    key=("role_id",),
    family=Upsert("role"),
    fields=(
        Field(
            "role_id",
            "Role ID",
            Kind(),
            "The key, in digits.",
            "3",
            rules.REQUIRED,
            limit=10,
            rules=(
                Rule(
                    codes.ROLE_FORMAT,
                    lambda name: (pl.col(f"text.{name}") != "") & ~pl.col(f"text.{name}").str.contains("^[0-9]+$"),
                ),
            ),
        ),
        Field("name", "Name", Kind(), "The role's name.", "Teaching Assistant", rules.REQUIRED, limit=100),
    ),
)
