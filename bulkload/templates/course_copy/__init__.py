"""The template `course-copy`: copies of sections and of their content, delimited or XML (seed 000)."""

from __future__ import annotations

import polars as pl

from bulkload.template import Half, Log, Template, XmlForm
from bulkload.templates.course_copy.codes import NUMBERS, OF_FIELDS
from bulkload.templates.course_copy.decide import CourseCopyFamily
from bulkload.templates.course_copy.fields import FIELDS, TABLE_SHOWN

SKELETON = "\n".join(
    [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<coursecopies>",
        '  <coursecopy copy_type="SECTION">',
        *(f"    <{one.name}></{one.name}>" for one in FIELDS[1:]),
        "  </coursecopy>",
        "</coursecopies>",
        "",
    ]
)

COURSE_COPY = Template(
    name="course-copy",
    says="Copies of sections, of their content, or of both, in file order.",
    source="seed 000; user-enrollment §1, §4",
    fields=FIELDS,
    key=("copy_type", "dest_call_numbers"),
    family=CourseCopyFamily(),
    refers_to=("section", "term"),
    tables=(TABLE_SHOWN,),
    positional=True,
    xml=XmlForm("coursecopies", SKELETON, record="coursecopy"),
    log=Log(
        shows={
            "copy_type": pl.col("text.copy_type"),
            "source": pl.when(pl.col("text.source_call_number") != "")
            .then("text.source_call_number")
            .otherwise("text.source_course_id"),
            "destination": pl.col("text.dest_call_numbers"),
        },
        halves=(Half("", frozenset(one.name for one in FIELDS), pl.lit(value=True), "happened"),),
        numbers=NUMBERS,
        of_fields=OF_FIELDS,
    ),
)

TEMPLATES = (COURSE_COPY,)
