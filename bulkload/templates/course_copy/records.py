"""What the store holds of sections and their copies, and what a record of a course-copy file asks for."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

CONTENT, SECTION, SECTION_AND_CONTENT = "CONTENT", "SECTION", "SECTION_AND_CONTENT"
TYPES = (CONTENT, SECTION, SECTION_AND_CONTENT)

OF_SECTION: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "call_number": pl.String(),
    "course_id": pl.String(),
    "title": pl.String(),
    "sort_string": pl.String(),
    "term": pl.Int64(),
    "expires": pl.Int64(),
    "content": pl.Boolean(),
}

OF_COPY: dict[str, pl.DataType] = {
    "description": pl.String(),
    "display_course_code": pl.String(),
    "section_number": pl.Int64(),
    "made_by": pl.Int64(),
    "filled_by": pl.Int64(),
}
"""What only copies know of a section; `made_by` and `filled_by` are digests of records (null: none did)."""


class Section(NamedTuple):
    """A section, in the columns of OF_SECTION and OF_COPY; `is_known`: the store has something of OF_COPY."""

    number: int
    call_number: str
    course_id: str | None
    title: str | None
    sort_string: str | None
    term: int | None
    expires: int | None
    content: bool
    description: str | None = None
    display_course_code: str | None = None
    section_number: int | None = None
    made_by: int | None = None
    filled_by: int | None = None
    is_known: bool = False


class Copy(NamedTuple):
    """A record of a file; None where a value is blank or wrong.

    `ok`: the record is right in form. Neither call number nor course id is given where no source can be looked for.
    `asked` is the digest of all that it asks for, but for the destinations: None where it is not right in form.
    """

    ok: bool
    copy_type: str | None
    source_sort_string: str | None
    source_call_number: str | None
    source_course_id: str | None
    dest_sort_string: str | None
    dest_call_numbers: list[str] | None
    term: int | None
    dest_section_title: str | None
    dest_section_description: str | None
    dest_display_course_code: str | None
    dest_section_number: int | None
    asked: int | None
