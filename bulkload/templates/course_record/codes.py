"""Every finding of the course-record family, declared once (seed 003; course-record §1 to §5)."""

from __future__ import annotations

from bulkload.rules import Code


def error(word: str, says: str, message: str, mend: str, source: str = "course-record §2") -> Code:
    """Declare an error of a row."""
    return Code(word, "error", says, message, mend, source)


COURSE_KEY_MISSING = error(
    "COURSE_KEY_MISSING",
    "a record of the global importer has to name its course",
    "the cell is blank, and the global importer needs the course of every record",
    "Fill in the course's id, or import into one course with --course.",
)
COURSE_NOT_FOUND = error(
    "COURSE_NOT_FOUND",
    "the course that --course names is not there; only the global importer makes shells",
    "there is no course {course.named}, which --course names",
    "Correct --course, or load the course first (template course).",
)
COURSE_UNKNOWN = error(
    "COURSE_NOT_FOUND",
    "no course has this id",
    "there is no course {cell}",
    "Correct the id, or load the course first (template course).",
    "course-record §6",
)
COURSE_MISMATCH = error(
    "COURSE_MISMATCH",
    "the row names another course than --course does",
    "{cell} is not the course {course.named}, which --course names",
    "Leave the cell blank, or import the row into its own course.",
    "course-record §1",
)
TITLE_MISSING = error(
    "TITLE_MISSING",
    "a record of the global importer has to have its course's title",
    "the cell is blank, and the global importer needs a title",
    "Fill in the course's title.",
)
USER_KEY_MISSING = error(
    "USER_KEY_MISSING",
    "nothing says whose record it is",
    "the cell is blank, and so is external_email: nothing says whose record it is",
    "Fill in the learner's id or address.",
)
USER_KEY_CONFLICT = error(
    "USER_KEY_CONFLICT",
    "id and address belong to two learners",
    "{cell} is the id of one learner, and {learner.other} the address of another",
    "Correct one of the two, or leave one of them blank.",
)
LEARNER_AMBIGUOUS = error(
    "LEARNER_AMBIGUOUS",
    "several learners have this address, and no id says which is meant",
    "{cell} is the address of {mail.count} learners",
    "Fill in external_user_id.",
)
LEARNER_NOT_FOUND = error(
    "LEARNER_NOT_FOUND",
    "no learner has this id or address",
    "there is no learner of this id or address",
    "Correct it, or load the learner first (template learner).",
    "course-record §6",
)
LEARNER_BY_ADDRESS = Code(
    "LEARNER_BY_ADDRESS",
    "warning",
    "nobody has the id, and the learner was found by the address",
    "nobody has the id {cell}; the address is that of the learner {mail.id}, who was taken",
    "See that it is the same person; correct the id in the file or of the learner.",
    "course-record §3.4",
)
EMAIL_FORMAT = error(
    "EMAIL_FORMAT",
    "the value is no email address",
    "{cell} is not an address like user@domain.org",
    "Write one address, or leave the cell blank where the id is given.",
)
START_MISSING = error(
    "START_MISSING",
    "a participant category needs the start of the enrollment beside it",
    "the cell is blank, and participant_category is given",
    "Fill in when the enrollment began, or leave the category blank.",
)
DATE_ORDER = error(
    "DATE_ORDER",
    "the enrollment ends before it starts",
    "{cell} lies before the start {start}",
    "Correct one of the two dates.",
)
COMPLETE_FORMAT = error(
    "COMPLETE_FORMAT", "the value is neither 0 nor 1", "{cell} is not 0 or 1", "Write 1 for a completed record, else 0."
)
ATTENDED_FORMAT = error(
    "ATTENDED_FORMAT", "the value is neither 0 nor 1", "{cell} is not 0 or 1", "Write 1, 0, or nothing."
)
CATEGORY_UNKNOWN = error(
    "CATEGORY_UNKNOWN",
    "there is no such participant category",
    "{cell} is no participant category{remedy}",
    "Write physician or nonphysician, or leave the cell blank.",
)
CREDITS_FORMAT = error(
    "CREDITS_FORMAT",
    "the value is no number of credits, which are never rounded",
    "{cell} is not 0 to 9999.99 with at most two decimals{remedy}",
    "Write a number like 1.25, with a point and at most two decimals.",
)
CREDIT_TYPE_UNKNOWN = error(
    "CREDIT_TYPE_UNKNOWN",
    "the store knows no such credit type",
    "there is no credit type {cell}{type.near}",
    "Correct it, or load the type first (template credit-type).",
)
MULTIPLE_TYPES_IN_CELL = error(
    "MULTIPLE_TYPES_IN_CELL",
    "a cell names several credit types, and a row is for one",
    "{cell} names several credit types; a row is for one",
    "Write a row for each credit type (seed 003: one record per row).",
    "course-record §3.2; seed 003, multiple credit types",
)
CREDITS_WITHOUT_TYPE = error(
    "CREDITS_WITHOUT_TYPE",
    "credits are given, and no type",
    "the cell is blank, and credits are given",
    "Fill in the credit type.",
)
CREDITS_ON_INCOMPLETE = error(
    "CREDITS_ON_INCOMPLETE",
    "credits stand on a record that is not complete, and the credit record imported is the credit record that remains",
    "{cell} credits stand on a record that is not complete, and would be the credits that remain",
    "Leave credits blank, or set complete to 1 if it was completed. A completion with credit can be imported later.",
    "course-record §3.1; seed 003, importing enrollments",
)
CREDITS_TOO_HIGH = error(
    "CREDITS_TOO_HIGH",
    "the course gives less credit of this type",
    "{cell} is more than the course gives of the type {text.credit_type}: {course.max}",
    "Correct the credits, or the course's maximum (template course-credit).",
    "course-record §3.7",
)
CREDITS_NOT_VARIABLE = error(
    "CREDITS_NOT_VARIABLE",
    "the course gives the whole credit of this type, or none",
    "{cell} is less than the course gives of the type {text.credit_type}, {course.max}, which is not variable there",
    "Write the whole credit, or mark the type variable (template course-credit).",
    "course-record §3.7",
)
DUPLICATE_CREDIT_TYPE_ROW = error(
    "DUPLICATE_CREDIT_TYPE_ROW",
    "course, learner and credit type stand in an earlier row, and only the first one counts",
    "the same course, learner and credit type stand in row {other_row}",
    "Keep one row for each credit type.",
    "course-record §3.2; seed 003, multiple credit types",
)
COMPLETE_DISAGREES = error(
    "COMPLETE_DISAGREES",
    "the rows of one learner and course make one enrollment, which is complete or not",
    "complete is another value than in row {other_row}, of the same learner and course",
    "Write the same value in all rows of the learner and course.",
    "course-record §3.2",
)
RECORD_ALREADY_ASSIGNED = error(
    "RECORD_ALREADY_ASSIGNED",
    "the record is assigned already, and assigned records are never changed by a file",
    "{stored.why}, and a file changes nothing of that",
    "Leave the row out. `bulkload credit COURSE LEARNER TYPE AMOUNT` changes a credit.",
    "course-record §3.3; seed 003, updating enrollments",
)
NEEDS_CERTIFICATE = error(
    "SHELL_HAS_NO_CERTIFICATE",
    "the course would become a shell, which has no certificate, and --needs-certificate is given",
    "there is no course {cell}, and the shell that would be made has no certificate",
    "Create the course first (template course), then import the records into it.",
    "course-record §3.6; seed 003, certificates",
)
SHELL_HAS_NO_CERTIFICATE = Code(
    "SHELL_HAS_NO_CERTIFICATE",
    "warning",
    "courses that an import makes are shells, which have no certificate; it is said once",
    "{cell} becomes a course shell, and shells have no certificate",
    "If certificates are needed, create the course first; --needs-certificate rejects such rows.",
    "course-record §3.6; seed 003, certificates",
)
SHELL_CREATED = Code(
    "SHELL_CREATED",
    "note",
    "there was no such course, and an imported course shell was made",
    "there was no course {cell}; an imported course shell was made",
    "Nothing has to be done; see that the id is not mistyped.",
    "course-record §3.6; seed 003, certificates",
)
HELD = Code(
    "HELD",
    "note",
    "the learner is not there yet, and the record waits",
    "{decided.waits}",
    "Load the learner (template learner), or a login file where the course waits for a login.",
    "course-record §3.4; seed 003, importing enrollments",
)
NO_REQUIRED_OBJECT = Code(
    "NO_REQUIRED_OBJECT",
    "warning",
    "the learner is not there yet and nothing in the course keeps them from being completed at once, with all credit",
    "the course has no required object: when the learner comes, they are completed at once and given the whole credit "
    "of every type, whatever the row says",
    "Add a required object to the course first (template course, required_objects 1), then load the rows again.",
    "course-record §3.5; seed 003, importing enrollments",
)
CATEGORY_ON_SECOND_ROW = Code(
    "CATEGORY_ON_SECOND_ROW",
    "warning",
    "the category stands on more than one row of a learner and course; the first counts",
    "the participant category of this learner and course stands in row {other_row} already, which counts",
    "Leave the category blank on all rows of a learner and course but one.",
    "course-record §5",
)
GLOBAL_NOT_IN_PARS = Code(
    "GLOBAL_NOT_IN_PARS",
    "warning",
    "records of the global importer are not in PARS reports",
    "records of the global importer are legacy data and not in PARS reports; --course imports into a course, and is",
    "To have the records in PARS reports, import them with --course.",
    "course-record §1; seed 003, PARS",
)
HELD_ASSIGNED = Code(
    "HELD_ASSIGNED",
    "note",
    "records that had waited for the learner were assigned",
    "records that had waited were assigned: {decided.assigned}",
    "Nothing has to be done.",
    "course-record §3.4",
)
COMPLETED_AT_ONCE = Code(
    "COMPLETED_AT_ONCE",
    "warning",
    "nothing in the course kept the learner from being completed, and they got its whole credit",
    "completed at once, because the course has no required object, with its whole credit whatever the file said: "
    "{decided.simulated}",
    "Look at the credits; `bulkload credit COURSE LEARNER TYPE AMOUNT` changes one.",
    "course-record §3.5; seed 003, importing enrollments",
)
HELD_STAYS = Code(
    "HELD_STAYS",
    "warning",
    "a record waits for this learner or address, and cannot be assigned",
    "records wait and could not be assigned: {decided.stays}",
    "Load the records with external_user_id, or leave them: assigned records are never changed.",
    "course-record §3.3, §3.4",
)
WAITS_FOR_LOGIN = Code(
    "WAITS_FOR_LOGIN",
    "note",
    "the learner has come, and the course assigns its records at the next login",
    "records wait for the learner's next login: {decided.login}",
    "Load a login file (template login) when there is one.",
    "course-record §3.4",
)
COMPLETION_DATED = Code(
    "COMPLETION_DATED",
    "note",
    "completed records without a date got the login's",
    "the date of completion was set: {decided.dated}",
    "Nothing has to be done.",
    "course-record §2",
)
