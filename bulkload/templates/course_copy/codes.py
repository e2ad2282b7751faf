"""Every finding of course copies, and the number that their transaction log gives it (user-enrollment §1, §4)."""

from __future__ import annotations

from bulkload.rules import Code
from bulkload.templates.user_enrollment.codes import NUMBERS_OF_FORM, error

COPY_RULE = -50

NUMBERS = NUMBERS_OF_FORM | {
    "SOURCE_UNKNOWN": -30,
    "SECTION_NOT_FOUND": -31,
    **dict.fromkeys(
        (
            *(
                "VALUE_NOT_ALLOWED",
                "SOURCE_MISSING",
                "SOURCE_DOUBLED",
                "SOURCE_AMBIGUOUS",
                "SOURCE_EMPTY",
                "NO_CONTENT",
            ),
            *("TERM_MISSING", "TERM_DOUBLED", "TERM_NOT_FOUND", "TERM_AMBIGUOUS"),
            *("DESTINATION_SEVERAL", "DESTINATION_DOUBLED", "DESTINATION_NOT_EMPTY", "DESTINATION_IN_USE"),
            "NO_DESTINATION_FREE",
        ),
        COPY_RULE,
    ),
}
"""The number of each word; that of a warning stands in the log too, so that nobody overlooks what was not done."""

OF_FIELDS = {
    "client_string": -30,
    "source_call_number": -31,
    "source_course_id": -31,
    "dest_call_numbers": -31,
}
"""The number of an error of form or length, by the value; of any other value it is -1."""

TABLE = "user-enrollment §1, the table of course-copy"


def warning(word: str, says: str, message: str, mend: str, source: str) -> Code:
    """Declare something that a person should look at."""
    return Code(word, "warning", says, message, mend, source)


COPY_TYPE_UNKNOWN = error(
    "COPY_TYPE_UNKNOWN",
    "the copy type is none of those that there are",
    "{cell} is no copy type{remedy}",
    "Write CONTENT, SECTION or SECTION_AND_CONTENT.",
    TABLE,
)
VALUE_NOT_ALLOWED = error(
    "VALUE_NOT_ALLOWED",
    "a value is given that the copy type does not take",
    "{cell} is given, and {copy_type} takes no such value",
    "Leave it blank, or write another copy type; `bulkload template show course-copy` says which takes what.",
    TABLE,
)
SOURCE_MISSING = error(
    "SOURCE_MISSING",
    "neither the call number nor the course id of the source is given",
    "neither source_call_number nor source_course_id is given",
    "Say which section is copied.",
    TABLE,
)
SOURCE_DOUBLED = error(
    "SOURCE_DOUBLED",
    "call number and course id of the source are both given, and only one can be meant",
    "source_call_number and source_course_id are both given",
    "Leave one of the two blank.",
    TABLE,
)
NUMBER_NOT_FOUND = error(
    "SECTION_NOT_FOUND",
    "the store has no section of this call number, or not under the sort string that stands beside it",
    "{cell} is no section of this store{under}",
    "Correct the call number or the sort string, or load the section first (template section).",
    TABLE,
)
COURSE_NOT_FOUND = error(
    "SECTION_NOT_FOUND",
    "the store has no section of this course, or not under the sort string that stands beside it",
    "no section of this store has the course id {cell}{under}",
    "Correct the course id or the sort string, or load the section first (template section).",
    TABLE,
)
SOURCE_AMBIGUOUS = error(
    "SOURCE_AMBIGUOUS",
    "several sections have this course id, and nothing says which of them is copied",
    "several sections have the course id {cell}{under}",
    "Name the section by its call number.",
    TABLE,
)
SOURCE_EMPTY = error(
    "SOURCE_EMPTY",
    "content was to be copied, and the source has none",
    "{cell} has no content that could be copied",
    "Look whether it is the right source; send the record again when it has content.",
    TABLE,
)
NO_CONTENT = warning(
    "NO_CONTENT",
    "a section was to be copied with its content, and has none; the copies have none either",
    "{cell} has no content; the copies are made without",
    "Look whether it is the right source; when it has content, copy that (CONTENT).",
    TABLE,
)
DESTINATION_FORMAT = error(
    "DESTINATION_FORMAT",
    "the cell is no list of call numbers, separated by semicolons: one of them is blank, or longer than 100 characters",
    "{cell} has a call number that is blank, or longer than {longest} characters",
    "Write call numbers with one semicolon between two, and none before or after them.",
    TABLE,
)
DESTINATION_SEVERAL = error(
    "DESTINATION_SEVERAL",
    "content is copied into one section, and several are named",
    "{cell} names several sections, and CONTENT takes one",
    "Write a record for each of them.",
    TABLE,
)
DESTINATION_DOUBLED = warning(
    "DESTINATION_DOUBLED",
    "a call number stands twice among the destinations; one section is made of it",
    "{cell} has a call number twice, of which one section is made",
    "Look whether another call number was meant.",
    TABLE,
)
DESTINATION_NOT_FOUND = error(
    "SECTION_NOT_FOUND",
    "the store has no section of this call number, and content is copied into one that is there",
    "{cell} is no section of this store",
    "Correct the call number, or make the section first (SECTION, or template section).",
    TABLE,
)
DESTINATION_NOT_EMPTY = error(
    "DESTINATION_NOT_EMPTY",
    "the section that content is copied into has content already",
    "{cell} has content already",
    "Name an empty section.",
    TABLE,
)
DESTINATION_IN_USE = warning(
    "DESTINATION_IN_USE",
    "some of the destinations are sections already; they were left as they are, and the others made",
    "in use already, and left as they are: {decided.left_out}",
    "Look whether those are the right sections; where they are not, copy again to call numbers that are free.",
    "user-enrollment §1, partial success",
)
NO_DESTINATION_FREE = error(
    "NO_DESTINATION_FREE",
    "every destination is a section already, and not a copy that this record made",
    "{cell} is in use already; nothing is left to be made",
    "Name call numbers that are free.",
    TABLE,
)
TERM_MISSING = error(
    "TERM_MISSING",
    "neither the id nor the sourced id of the term is given",
    "neither dest_term_id nor dest_term_sourcedid is given",
    "Say which term the new sections belong to.",
    TABLE,
)
TERM_DOUBLED = error(
    "TERM_DOUBLED",
    "id and sourced id of the term are both given, and only one can be meant",
    "dest_term_id and dest_term_sourcedid are both given",
    "Leave one of the two blank.",
    TABLE,
)
TERM_FORMAT = error(
    "TERM_FORMAT",
    "the value is not a source and an id with a colon between them",
    "{cell} is not a source and an id with a colon between them, such as strata:F14",
    "Write the term's source, a colon, and its id there.",
    TABLE,
)
TERM_AMBIGUOUS = error(
    "TERM_AMBIGUOUS",
    "several terms have this source and id",
    "several terms of this store are {cell}",
    "Name the term by its own id (dest_term_id).",
    TABLE,
)
