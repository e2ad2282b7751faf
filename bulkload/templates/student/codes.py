"""Every finding of the student family, declared once (seed 002; student §1 to §4)."""

from __future__ import annotations

from bulkload.rules import Code


def form(word: str, what: str, message: str, mend: str) -> Code:
    """Declare the code of a field whose value has not the form that it should have."""
    return Code(word, "error", f"the {what} has not the form that it should have", message, mend, "student §1")


MISSING_ELEMS = Code(
    "MISSING_ELEMS",
    "error",
    "a value that is required is blank",
    "the cell is blank, a value is required",
    "Fill in the cell.",
    "student §1",
)
EXCEL_NUMBER = Code(
    "EXCEL_NUMBER",
    "error",
    "a spreadsheet has turned a long number into a short one, and digits are lost",
    "{cell} is what a spreadsheet makes of a long number, and digits of it are lost",
    "Export the file from the student system again, and do not save it from a spreadsheet, or make the column text first.",
    "student §1",
)
DISTRICT_FORMAT = form(
    "DISTRICT_FORMAT",
    "district code",
    "{cell} has {length} characters, 15 are the most",
    "Write the code as the district's schools were registered with it, 1 to 15 characters.",
)
DISTRICT_ERR = Code(
    "DISTRICT_ERR",
    "error",
    "no registered school is in this district",
    "no registered school is in the district {cell}{district.near}",
    "Correct the code, or load the district's schools first (template school).",
    "student §1",
)
SCHOOL_FORMAT = form(
    "SCHOOL_FORMAT",
    "school code",
    "{cell} has {length} characters, 15 are the most",
    "Write the code that the school was registered with, 1 to 15 characters.",
)
SCHOOL_ERR = Code(
    "SCHOOL_ERR",
    "error",
    "no school of this code is registered in the row's district",
    "no school {cell} is registered in the district {district}{school.near}",
    "Correct the code, or load the school first (template school).",
    "student §1",
)
STATUS_FORMAT = form(
    "STATUS_FORMAT",
    "status",
    "{cell} is not A, D, X or I{remedy}",
    "Write A (activate or create), D (deactivate), X (create deactivated) or I (leave the status as it is).",
)
STUDENT_EXISTS = Code(
    "STUDENT_EXISTS",
    "error",
    "the status X creates a student, and the student exists already",
    "{cell} creates a deactivated student, and the district has a student '{text.student_id}' already",
    "Send D to deactivate the student, or I to change only the data.",
    "student §2; seed 002, status processing",
)
STUDENT_NOT_FOUND = Code(
    "STUDENT_NOT_FOUND",
    "error",
    "the statuses D and I are for students who exist, and this one does not",
    "{cell} is for a student who exists, and the district has no student '{text.student_id}'",
    "Send A or X to create the student, or correct the Student ID.",
    "student §2; seed 002, status processing",
)
USERNAME_FORMAT = form(
    "USERNAME_FORMAT",
    "user name",
    "{cell} is not 6 to 60 characters without blanks and apostrophes",
    "Write 6 to 60 characters, without blanks and apostrophes.",
)
DUPLICATE_USERNAME = Code(
    "DUPLICATE_USERNAME",
    "error",
    "the user name stands on two rows or more, and all of them are rejected",
    "the user name {key} also stands in row {other_row}, and all of these rows are rejected",
    "Give each student a user name of their own; capital and small letters are the same.",
    "student §1",
)
USERNAME_TAKEN = Code(
    "DUPLICATE_USERNAME",
    "error",
    "the user name belongs to another student",
    "{cell} is the user name of another student",
    "Give the student a user name that is free; capital and small letters are the same, in all districts.",
    "student §1",
)
PASSWORD_FORMAT = form(
    "PASSWORD_FORMAT",
    "password",
    "{cell} is not 6 to 30 characters without blanks and apostrophes",
    "Write 6 to 30 characters, without blanks (also before and after it) and apostrophes.",
)
PASSWORD_OF_NEW = form(
    "PASSWORD_FORMAT",
    "password",
    "<unchanged> stands for the password that is stored, and the student is new",
    "Give a new student a password.",
)
FIRSTNAME_FORMAT = form(
    "FIRSTNAME_FORMAT", "first name", "{cell} has {length} characters, {limit} are the most", "Shorten the name."
)
LASTNAME_FORMAT = form(
    "LASTNAME_FORMAT", "last name", "{cell} has {length} characters, {limit} are the most", "Shorten the name."
)
MIDDLENAME_FORMAT = form(
    "MIDDLENAME_FORMAT", "middle name", "{cell} has {length} characters, {limit} are the most", "Shorten the name."
)
STUDENTID_FORMAT = form(
    "STUDENTID_FORMAT",
    "student id",
    "{cell} is not 1 to 20 letters A to Z and digits",
    "Write the id with letters and digits only, without blanks, dashes and accents.",
)
DUPLICATE_ID = Code(
    "DUPLICATE_ID",
    "error",
    "the student stands on two rows or more, and all of them are rejected",
    "the student {key} also stands in row {other_row}, and all of these rows are rejected",
    "Keep one row for each student.",
    "student §1",
)
EMAIL_FORMAT = form(
    "EMAIL_FORMAT",
    "email address",
    "{cell} is not an address like user@domain.org of at most 60 characters",
    "Write one address, or leave the cell blank.",
)
DATE_IN_FUTURE = Code(
    "DATE_FORMAT",
    "error",
    "the value is not a date in the template's form, or lies in the future",
    "{cell} is a day in the future",
    "Correct the date of birth, or leave the cell blank.",
    "student §1",
)
SSN_FORMAT = form(
    "SSN_FORMAT",
    "social-security number",
    "{cell} is not nine digits without dashes, zeros in front included",
    "Write nine digits, or leave the cell blank.",
)
SSN_OF_NEW = form(
    "SSN_FORMAT",
    "social-security number",
    "<unchanged> stands for the number that is stored, and the student is new",
    "Write nine digits, or leave the cell blank.",
)
GENDER_FORMAT = form(
    "GENDER_FORMAT", "gender", "{cell} is not M or F", "Write M or F, in capitals, or leave the cell blank."
)
GRADE_FORMAT = form(
    "GRADE_FORMAT", "grade", "{cell} is not a grade{limits}", "Write 03 to 16, or leave the cell blank."
)
GROUP_FORMAT = form(
    "GROUP_FORMAT",
    "list of groups",
    "{cell} holds an empty group, or one of more than 100 characters",
    "Write names of 1 to 100 characters with | between them, and none before the first or after the last.",
)
MISSING_LICENSES = Code(
    "MISSING_LICENSES",
    "error",
    "the row needs a licence, and the Enterprise Holding Bin School had none left at its turn",
    "the student needs a licence, and the Holding Bin has none left",
    "When more licences have been bought, load them into the Holding Bin (template license-order, with --set-licenses), or deactivate students who have left; then apply the rejects file.",
    "student §2",
)
STUDENT_UNKNOWN = Code(
    "STUDENT_NOT_FOUND",
    "error",
    "no student has this id",
    "there is no student {cell}",
    "Load the student first (template student), or correct the id.",
    "student §4",
)
STUDENT_AMBIGUOUS = Code(
    "STUDENT_AMBIGUOUS",
    "error",
    "students of several districts have this id, and the row cannot say which is meant",
    "{cell} is a student of several districts",
    "Set the student's state with a student file of the district.",
    "student §4",
)
ORDER_NOT_FOUND = Code(
    "ORDER_NOT_FOUND",
    "error",
    "no eAMS or regular order has this id",
    "there is no eAMS or regular order {cell}",
    "Load the order first (template license-order), or correct the id.",
    "student §4",
)
SCHOOL_NOT_FOUND = Code(
    "SCHOOL_ERR",
    "error",
    "no school of this code is registered",
    "no school {cell} is registered",
    "Correct the code, or load the school first (template school).",
    "student §4",
)
SCHOOL_OF_REGULAR = Code(
    "REQUIRED",
    "error",
    "a regular order belongs to a school",
    "the cell is blank, and a regular order belongs to a school",
    "Fill in the code of the order's school.",
    "student §4",
)
SCHOOL_NOT_ALLOWED = Code(
    "SCHOOL_NOT_ALLOWED",
    "error",
    "only regular orders belong to a school",
    "{cell} stands beside the kind {kind}, and only regular orders belong to a school",
    "Leave the cell blank, or make the order a regular one.",
    "student §4",
)
CURRENT_NOT_ALLOWED = Code(
    "CURRENT_NOT_ALLOWED",
    "error",
    "only an eAMS order can be the current one",
    "{cell} stands beside the kind {kind}, and only an eAMS order can be the current one",
    "Leave the cell blank, or make the order an eAMS order.",
    "student §4",
)
CURRENT_ORDER_DOUBLED = Code(
    "CURRENT_ORDER_DOUBLED",
    "error",
    "another eAMS order is the current one",
    "the current eAMS order is {decided.current}, and there can be only one",
    "Set Current of the other order to No, in a row before this one.",
    "student §4",
)
BIN_DOUBLED = Code(
    "BIN_DOUBLED",
    "error",
    "there is another Holding Bin",
    "the Holding Bin is {decided.bin}, and there can be only one",
    "Keep one row of the kind Holding Bin.",
    "student §2, §4",
)
LICENSES_REQUIRED = Code(
    "REQUIRED",
    "error",
    "a new order needs its number of free licences",
    "the cell is blank, and the order is new",
    "Fill in how many licences the order has left.",
    "student §4",
)
LICENSES_DIFFER = Code(
    "LICENSES_DIFFER",
    "error",
    "an order's free licences follow from what students use, and a file may not change them by accident",
    "{cell} is not the {stored.free} free licences that the order has; --set-licenses sets the number",
    "Leave the cell blank, or run with --set-licenses if the number is to be set.",
    "student §4",
)
KIND_STILL_REFERRED_TO = Code(
    "STILL_REFERRED_TO",
    "error",
    "students are on the order, and where their licences go follows from its kind",
    "students are on this order, so its kind cannot change from {stored.kind} to {cell}",
    "Leave the kind as it is stored, or load a new order with an id of its own.",
    "loading §9",
)
DISTRICT_STILL_REFERRED_TO = Code(
    "STILL_REFERRED_TO",
    "error",
    "students are in the school, and their ids belong to its district",
    "the school has students, so its district cannot change from {stored.district} to {cell}",
    "Leave the district as it is stored, or load a new school with a code of its own.",
    "loading §9",
)
