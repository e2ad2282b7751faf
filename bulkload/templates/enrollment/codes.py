"""The codes of the enrollment template, each from its sentence of seed 001."""

from __future__ import annotations

from bulkload.rules import Code

ENROLLMENT_BLANK = Code(
    "ENROLLMENT_BLANK",
    "error",
    "the row names no enrollment",
    "the cell is blank, every row has to name its enrollment",
    "Repeat the enrollment's name in every row of its users.",
    "seed 001, column A",
)
ENROLLMENT_TOO_LONG = Code(
    "ENROLLMENT_TOO_LONG",
    "error",
    "the enrollment's name is longer than 1000 characters",
    "{cell} has {length} characters, {limit} are the most",
    "Shorten the name, in the file and in the store.",
    "seed 001, column A",
)
ENROLLMENT_NOT_FOUND = Code(
    "ENROLLMENT_NOT_FOUND",
    "error",
    "the store has no enrollment of this name (or id)",
    "{cell} is no enrollment of this store",
    "Load the enrollment with an `event` file first, or correct the name: it has to match exactly, letter case included.",
    "seed 001, 'preexisting'",
)
ENROLLMENT_AMBIGUOUS = Code(
    "ENROLLMENT_AMBIGUOUS",
    "error",
    "the store has several enrollments of this name",
    "{cell} is the name of {event.count} enrollments of this store",
    "Add the column Enrollment ID, which says which of them is meant.",
    "enrollment §1",
)
ID_NOT_FOUND = Code(
    "ENROLLMENT_NOT_FOUND",
    "error",
    "the store has no enrollment of this id",
    "{cell} is the id of no enrollment of this store",
    "Load the enrollment with an `event` file first, or correct the id.",
    "enrollment §1",
)
NAME_NOT_OF_ID = Code(
    "ENROLLMENT_NOT_FOUND",
    "error",
    "the enrollment of the row's id has another name",
    "{cell} is not the name of the enrollment with this row's id, which is {name}",
    "Correct the name or the id, or leave the name blank.",
    "ours; enrollment §1",
)
USERNAME_BLANK = Code(
    "USERNAME_BLANK",
    "error",
    "the row names no user",
    "the cell is blank, every row has to name its user",
    "Fill in the user's name as it is known to the store.",
    "seed 001, column B",
)
USERNAME_TOO_LONG = Code(
    "USERNAME_TOO_LONG",
    "error",
    "the user name is longer than 100 characters",
    "{cell} has {length} characters, {limit} are the most",
    "Correct the user name.",
    "seed 001, column B",
)
USER_NOT_FOUND = Code(
    "USER_NOT_FOUND",
    "error",
    "the store has no user of this name",
    "{cell} is no user of this store",
    "Load the user with a `user` file first, or correct the name. Are the users loaded? Is this the right store?",
    "seed 001, 'preexisting'",
)
USER_INACTIVE = Code(
    "USER_INACTIVE",
    "note",
    "the user is not active; the row is applied all the same",
    "{cell} is not an active user",
    "Nothing has to be done, if it was meant.",
    "enrollment §8",
)
ROSTER_SYNTAX = Code(
    "ROSTER_SYNTAX",
    "error",
    "the cell is not made of name=data pairs, separated by semicolons",
    "{cell} is not name=data;name=data",
    "Write each pair as name=data, with one semicolon between two pairs.",
    "seed 001, column C",
)
ROSTER_FIELD_NOT_FOUND = Code(
    "ROSTER_FIELD_NOT_FOUND",
    "error",
    "the store has no roster field of this name",
    "the store has no roster field {roster.missing}",
    "Load the field with a `roster-field` file first, or correct its name: it has to match exactly.",
    "seed 001, column C",
)
ROSTER_FIELD_NOT_UNIQUE = Code(
    "ROSTER_FIELD_NOT_UNIQUE",
    "error",
    "the store has several roster fields of this name",
    "the store has several roster fields {roster.doubled}",
    "Give the fields names of their own with a `roster-field` file.",
    "seed 001, column C",
)
ROSTER_FIELD_REPEATED = Code(
    "ROSTER_FIELD_REPEATED",
    "error",
    "the cell names a roster field more than once",
    "{cell} names a field more than once",
    "Keep one pair for each field.",
    "enrollment §2",
)
ROSTER_TRAILING_SEPARATOR = Code(
    "ROSTER_TRAILING_SEPARATOR",
    "note",
    "the last pair is followed by a semicolon, which was left out",
    "{cell} ends in a semicolon, which separates nothing",
    "Nothing has to be done; to be rid of the note, remove the semicolon.",
    "enrollment §2",
)
DATE_FORMAT = Code(
    "DATE_FORMAT",
    "error",
    "the value is not mm/dd/yyyy hh:mm AM/PM, or the day does not exist",
    "{cell} is not {form}{remedy}",
    "Two digits each for month, day, hour (01-12) and minute, four for the year, one blank between the parts.",
    "seed 001, columns D and I",
)
DATE_INTERVAL = Code(
    "DATE_INTERVAL",
    "error",
    "the time is not on a 15-minute step",
    "{cell} is not on a 15-minute step{remedy}",
    "Use minutes 00, 15, 30 or 45.",
    "seed 001, columns D and I",
)
DATE_NONEXISTENT = Code(
    "DATE_NONEXISTENT",
    "error",
    "the time does not exist in its time zone: clocks are put forward over it",
    "{cell} does not exist in {zone.used}: clocks go from {.gap_from} to {.gap_to}",
    "Write the time before or after the change of clocks that was meant.",
    "time §3",
)
DATE_AMBIGUOUS = Code(
    "DATE_AMBIGUOUS",
    "note",
    "the time occurs twice in its time zone: clocks are put back over it",
    "{cell} occurs twice in {zone.used}; it was taken as the {ambiguous.choice} of the two",
    "Nothing has to be done; `--ambiguous earlier`, `later` or `error` chooses.",
    "time §3",
)
DATE_AMBIGUOUS_REFUSED = Code(
    "DATE_AMBIGUOUS",
    "error",
    "the time occurs twice in its time zone, and the load was asked not to choose",
    "{cell} occurs twice in {zone.used}",
    "Write a time that occurs once, or let `--ambiguous earlier` or `later` choose.",
    "time §3",
)
TIMEZONE_REQUIRED = Code(
    "TIMEZONE_REQUIRED",
    "error",
    "the enrollment does not use its own time zone, so the row has to name one",
    "the cell is blank, and the enrollment does not use its own time zone",
    "Fill in a Windows time-zone name, such as Eastern Standard Time.",
    "seed 001, column E",
)
TIMEZONE_UNKNOWN = Code(
    "TIMEZONE_UNKNOWN",
    "error",
    "the value is no Windows time-zone name",
    "{cell} is not a time zone's Windows name{remedy}",
    "Use a name that `bulkload template show enrollment` lists, such as Eastern Standard Time.",
    "seed 001, column E; time §2",
)
TIMEZONE_IGNORED = Code(
    "TIMEZONE_IGNORED",
    "note",
    "the enrollment uses its own time zone; the row's is left aside",
    "{cell} was left aside: the enrollment uses its own time zone, {event.zone}",
    "Nothing has to be done; to be rid of the note, leave the cell blank.",
    "enrollment §3",
)
PRE_STATUS_UNKNOWN = Code(
    "PRE_STATUS_UNKNOWN",
    "error",
    "the value is no pre-status",
    "{cell} is no pre-status{remedy}",
    "Use one of the statuses that `bulkload template show enrollment` lists.",
    "seed 001, column F",
)
PRE_STATUS_NOT_FOR_TYPE = Code(
    "PRE_STATUS_NOT_FOR_TYPE",
    "error",
    "the pre-status is none that a file may ask for in an enrollment of this type",
    "{cell} is no pre-status of an enrollment of the type {event.type}; there are {allowed}",
    "Use a status of the type's column in the table of `bulkload template show enrollment`.",
    "seed 001, column F",
)
STATUS_ALIAS = Code(
    "STATUS_ALIAS",
    "note",
    "another spelling of a status was read",
    "{cell} was read as {pre_status}",
    "Nothing has to be done; to be rid of the note, use the usual spelling.",
    "enrollment §4",
)
POST_STATUS_UNKNOWN = Code(
    "POST_STATUS_UNKNOWN",
    "error",
    "the value is no post-status",
    "{cell} is no post-status{remedy}",
    "Use one of the statuses that `bulkload template show enrollment` lists.",
    "seed 001, column G",
)
POST_STATUS_NOT_ALLOWED = Code(
    "POST_STATUS_NOT_ALLOWED",
    "error",
    "the post-status does not go with the row's pre-status",
    "{cell} does not go with the pre-status {pre.effective}; there {allowed}{hint}",
    "Use a post-status that the pre-status allows; the table is in `bulkload template show enrollment`.",
    "seed 001, column G",
)
POST_STATUS_NEEDS_COMPLETION = Code(
    "POST_STATUS_NEEDS_COMPLETION",
    "error",
    "in a Course or Class this post-status needs a completion of the user in the store",
    "{cell} needs a completion of this user for this {event.type}, and the store has none",
    "Load the completion with a `completion` file first, or leave the cell blank.",
    "seed 001, column G",
)
POST_STATUS_IS_PRE_STATUS = Code(
    "POST_STATUS_IS_PRE_STATUS",
    "note",
    "the value is the row's own pre-status; it was read as blank",
    "{cell} is the row's pre-status and was read as blank",
    "Nothing has to be done; to be rid of the note, leave the cell blank.",
    "enrollment §5.4",
)
POST_STATUS_RESET = Code(
    "POST_STATUS_RESET",
    "note",
    "the stored post-status does not go with the new pre-status and became Not Attempted",
    "the stored post-status {stored.post_status} does not go with the pre-status {new.pre_status} and became Not Attempted",
    "Nothing has to be done, if it was meant.",
    "enrollment §5.3",
)
PRIORITY_OTHER_TO_NONE = Code(
    "PRIORITY_OTHER_TO_NONE",
    "note",
    "the priority is no whole number from 0 to 99 and was read as None",
    "{cell} is not a whole number from 0 to 99 and was read as None",
    "Write 0 to 99, None, or nothing for 99.",
    "seed 001, column H",
)
WAITLISTED = Code(
    "WAITLISTED",
    "warning",
    "all seats are taken: the user was put on the wait-list",
    "the seats of the enrollment ({event.max_seats}) are all taken: the user is wait-listed",
    "Add seats to the enrollment, or leave the user on the wait-list.",
    "seed 001, column H",
)
OVERFLOW_DELETED = Code(
    "OVERFLOW_DELETED",
    "warning",
    "seats or wait-list are full: the user was added as Deleted",
    "there is no place left (wait-list: {event.waitlist}): the user is entered as Deleted",
    "Add seats or wait-list places to the enrollment, then load the row again.",
    "seed 001, column H",
)
DUPLICATE_ROW = Code(
    "DUPLICATE_ROW",
    "error",
    "an earlier row of the file has the same enrollment and user; the first counts",
    "row {other_row} has the same enrollment and user, and the first counts",
    "Remove the row, or the earlier one.",
    "enrollment §1",
)
