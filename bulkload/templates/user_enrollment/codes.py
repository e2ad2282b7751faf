"""Every finding of the user-enrollment family, and the number that a transaction log gives it (user-enrollment §3, §4)."""

from __future__ import annotations

from bulkload.rules import Code

NUMBERS_OF_FORM = {
    "CELL_COUNT": -10,
    "BLANK_LINE": -10,
    "SPECIAL_CHARACTER": -11,
    "ENCODING": -11,
    "REQUIRED": -20,
}
"""The number of each word that course copies have too."""

NUMBERS = NUMBERS_OF_FORM | {
    "TARGET_DOUBLED": -21,
    "TARGET_MISSING": -22,
    "PERSON_EXISTS": -30,
    "PERSON_NOT_FOUND": -30,
    "PERSON_STAYS": -30,
    "SOURCE_UNKNOWN": -30,
    "TARGET_NOT_ALLOWED": -31,
    "SECTION_NOT_FOUND": -31,
    "SECTION_EXPIRED": -31,
    "NODE_NOT_FOUND": -31,
    "ENROLLMENT_NOT_FOUND": -31,
    "ROLE_NOT_FOUND": -32,
    "ROLE_FORMAT": -32,
    "ROLE_NOT_ALLOWED": -32,
    "LOGIN_TAKEN": -33,
    "LOGIN_CHANGE_NEEDS_XML": -33,
    "LOGIN_BLANKS": -33,
    "ALREADY_APPLIED": -40,
}
"""The number of each word."""

OF_FIELDS = {"source": -30, "person_id": -30, "login_id": -33, "call_number": -31, "node_string": -31, "role_id": -32}
"""The number of an error of form or length, by the value; of any other value it is -1."""


def error(word: str, says: str, message: str, mend: str, source: str = "user-enrollment §3") -> Code:
    """Declare an error of a record."""
    return Code(word, "error", says, message, mend, source)


REQUIRED = error(
    "REQUIRED",
    "a value that is required is blank, or its element is not there",
    "no value is given, and one is required",
    "Give the value. A person who is new needs login_id, first_name, last_name and email; who enrols or is dropped, a role_id.",
    "user-enrollment §1, §4",
)
ACTION_UNKNOWN = error(
    "ACTION_UNKNOWN",
    "the action is none of those that there are",
    "{cell} is no action{remedy}; in XML recstatus is 1, 2 or 3, and status 0 or 1",
    "Write ADD, UPDATE, ENROLL or DROP; in XML recstatus is 1 (add), 2 (update) or, of a role, 3 (drop), and status 1 or, to drop, 0. A delimited file has no row of headings: delete it.",
    "user-enrollment §1, §2",
)
PERSON_STAYS = error(
    "PERSON_STAYS",
    "a file asks to delete a person, and persons are never deleted by file",
    "recstatus 3 would delete the person, and persons are never deleted by file: drop their enrolments instead",
    "Drop the person's enrolments instead (recstatus 3 on the role), and leave the person as 1 or 2.",
    "user-enrollment §2",
)
SOURCE_UNKNOWN = error(
    "SOURCE_UNKNOWN",
    "the source is not the client string that the institution's site has",
    "{cell} is not the source of this site ({run.source})",
    "Write the institution's client string, or send the file to the site that it is for.",
    "user-enrollment §1",
)
LOGIN_BLANKS = error(
    "LOGIN_BLANKS",
    "the login has blanks in it",
    "{cell} has blanks in it",
    "Write the login without blanks.",
    "user-enrollment §1",
)
LOGIN_TAKEN = error(
    "LOGIN_TAKEN",
    "another person has this login; logins are compared without regard to letter case",
    "{cell} is the login of another person; letter case makes no difference",
    "Give the person a login that is free.",
)
LOGIN_CHANGE_NEEDS_XML = error(
    "LOGIN_CHANGE_NEEDS_XML",
    "the person is stored with another login, and a delimited file cannot change it",
    "{cell} is not the login that the person has; write that one, or change it by an XML file",
    "Write the stored login, or send the change as XML.",
)
PASSWORD_OF_NEW = error(
    "PASSWORD_FORMAT",
    "<unchanged> stands for the password that is stored, and the person is new",
    "<unchanged> stands for the password that is stored, and the person is new",
    "Give the password, or leave it blank.",
    "user-enrollment §3; loading §1",
)
GENDER_UNKNOWN = error(
    "GENDER_UNKNOWN",
    "the gender is none of the values that there are",
    "{cell} is not M, F, 0 (not known), 1 (female) or 2 (male)",
    "Write M or F, or leave it blank.",
    "user-enrollment §1",
)
EMAIL_FORMAT = error(
    "EMAIL_FORMAT",
    "the value is no email address",
    "{cell} is no email address such as jane.doe@example.org",
    "Correct the address.",
    "user-enrollment §1",
)
SPECIAL_CHARACTER = error(
    "SPECIAL_CHARACTER",
    "the value holds a control character, or the sign for a letter that was lost",
    "{cell} holds a control character, or the sign for a letter that was lost",
    "Write the value again without it.",
    "user-enrollment §4",
)
TARGET_DOUBLED = error(
    "TARGET_DOUBLED",
    "call number and node string are both given, and only one can be meant",
    "call number and node string are both given, and only one can be meant",
    "Leave one of the two blank.",
    "user-enrollment §1, §4",
)
TARGET_MISSING = error(
    "TARGET_MISSING",
    "neither call number nor node string is given",
    "neither call number nor node string is given, and one is required",
    "Say what the person is enrolled in or dropped from.",
    "user-enrollment §1, §4",
)
TARGET_NOT_ALLOWED = error(
    "TARGET_NOT_ALLOWED",
    "the action takes neither call number nor node string",
    "{cell} stands beside an action that enrols nobody; leave it blank, or write ENROLL or DROP",
    "Leave it blank, or write ENROLL or DROP.",
    "user-enrollment §1",
)
SECTION_NOT_FOUND = error(
    "SECTION_NOT_FOUND",
    "the store has no section of this call number",
    "{cell} is no section of this store",
    "Correct the call number, or load the section first (template section, or a course copy).",
    "user-enrollment §1",
)
SECTION_EXPIRED = error(
    "SECTION_EXPIRED",
    "the section has expired",
    "{cell} has expired ({expired})",
    "Name a section that still runs, or load it with a later date.",
    "user-enrollment §1",
)
NODE_NOT_FOUND = error(
    "NODE_NOT_FOUND",
    "the store has no enrollable node of this string",
    "{cell} is no enrollable node of this store",
    "Correct the node string, or load the node first (template node).",
    "user-enrollment §1",
)
ROLE_FORMAT = error(
    "ROLE_FORMAT",
    "the role is not written in digits",
    "{cell} is not made of digits, such as 2 for Student",
    "Write the number of the role, such as 2 for Student.",
    "user-enrollment §1",
)
ROLE_NOT_FOUND = error(
    "ROLE_NOT_FOUND",
    "the store has no such role",
    "{cell} is no role of this store",
    "Write the number of a role that there is (1 Professor, 2 Student), or load it first (template role).",
    "user-enrollment §1",
)
ROLE_NOT_ALLOWED = error(
    "ROLE_NOT_ALLOWED",
    "the action takes no role",
    "{cell} stands beside an action that enrols nobody; leave it blank, or write ENROLL or DROP",
    "Leave it blank, or write ENROLL or DROP.",
    "user-enrollment §1",
)
PERSON_EXISTS = error(
    "PERSON_EXISTS",
    "ADD names a person who is there already, with other values",
    "{cell} is there already, with other values; UPDATE changes a person (in XML recstatus 2)",
    "Write UPDATE to change the person.",
)
PERSON_NOT_FOUND = error(
    "PERSON_NOT_FOUND",
    "the person is not in the store",
    "{cell} is no person of this store, and no record before this one has added them",
    "Correct source and id, or add the person first (ADD).",
)
ENROLLMENT_NOT_FOUND = error(
    "ENROLLMENT_NOT_FOUND",
    "DROP names an enrolment that is not there",
    "the person is not enrolled in {cell}",
    "Correct the call number or node string; or remove the record, if the person was dropped before.",
)
ALREADY_APPLIED = Code(
    "ALREADY_APPLIED",
    "note",
    "the record was applied by an earlier file, of which this one is a longer edition; it was skipped",
    "already applied by an earlier file, and skipped",
    "Nothing has to be done; --reapply applies such records again.",
    "user-enrollment §3, cumulative files",
)
TERM_NOT_FOUND = error(
    "TERM_NOT_FOUND",
    "the store has no such term",
    "{cell} is no term of this store",
    "Correct the term, or load it first (template term); batch files create no terms.",
    "user-enrollment §3, §6",
)
