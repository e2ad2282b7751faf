"""Say what the models of users, enrollments and course copies share: their store, their words, and how text is read.

Sections (§) are those of user-enrollment.md; with "loading" those of loading.md.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime

# ---- words (§1, §4)

FIELDS = [
    "action",
    "source",
    "person_id",
    "login_id",
    "password",
    "first_name",
    "middle_name",
    "last_name",
    "gender",
    "dob",
    "disability",
    "email",
    "phone",
    "address1",
    "address2",
    "city",
    "state",
    "postal_code",
    "country",
    "call_number",
    "node_string",
    "role_id",
]
PERSON_FIELDS = FIELDS[3:19]
MEMBERSHIP_FIELDS = FIELDS[19:]
KEY_FIELDS = ["action", "source", "person_id"]
REQUIRED_OF_PERSON = ["login_id", "first_name", "last_name", "email"]
SECRET = ["password", "dob", "disability"]

LENGTHS = {
    "source": 32,
    "person_id": 100,
    "login_id": 100,
    "password": 50,
    "first_name": 100,
    "middle_name": 100,
    "last_name": 100,
    "disability": 255,
    "email": 255,
    "phone": 30,
    "address1": 100,
    "address2": 100,
    "city": 100,
    "state": 50,
    "postal_code": 20,
    "country": 50,
    "call_number": 100,
    "node_string": 100,
    "role_id": 10,
}

ACTIONS = ["ADD", "UPDATE", "ENROLL", "DROP"]
GENDERS = ["M", "F", "0"]
UNCHANGED = "<unchanged>"

NUMBER_OF_WORD = {
    "CELL_COUNT": -10,
    "BLANK_LINE": -10,
    "SPECIAL_CHARACTER": -11,
    "PERSON_STAYS": -30,
    "REQUIRED": -20,
    "TARGET_DOUBLED": -21,
    "TARGET_MISSING": -22,
    "ALREADY_APPLIED": -40,
}
NUMBER_OF_FIELD = {  # of every other word: of form and length as of what is not found
    "source": -30,
    "person_id": -30,
    "login_id": -33,
    "call_number": -31,
    "node_string": -31,
    "role_id": -32,
}
OTHER = -1

# ---- what is stored

Key = tuple[str, str]  # source and person_id


@dataclass
class Section:
    """A section; expires None: never. The last three are known only of sections made by a copy."""

    course_id: str
    title: str
    sort_string: str
    term_id: str
    expires: datetime | None = None
    content: bool = False
    description: str | None = None
    display_course_code: str | None = None
    section_number: int | None = None


@dataclass
class Term:
    """A term, also known by its source and ID there."""

    source: str
    sourced_id: str
    title: str


@dataclass
class Store:
    """Everything that loads of users, enrollments and course copies read and write; a blank value is not there."""

    persons: dict[Key, dict[str, str]] = field(default_factory=dict)
    properties: dict[Key, dict[str, str]] = field(default_factory=dict)  # of persons that have some
    enrollments: dict[tuple[Key, str, str], str] = field(default_factory=dict)  # person, kind, target → role
    sections: dict[str, Section] = field(default_factory=dict)  # by call number
    nodes: dict[str, str] = field(default_factory=dict)  # node string → title
    terms: dict[str, Term] = field(default_factory=dict)  # by term ID
    roles: dict[str, str] = field(default_factory=lambda: {"1": "Professor", "2": "Student"})
    ledger: dict[Key, list[tuple]] = field(default_factory=dict)  # each person's applied records, in that order


class FileRefusedError(Exception):
    """The file is refused as a whole; the code is the message."""


# ---- text (loading 2.8)

BLANKS = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


def normalise(name: str, text: str) -> str:
    """Return the text as compared: trimmed, but for a password, and NFC."""
    text = unicodedata.normalize("NFC", text if name == "password" else text.strip(BLANKS))
    if name in ("action", "gender"):
        text = text.upper() if text.isascii() else text
    return {"1": "F", "2": "M"}.get(text, text) if name == "gender" else text


def has_control_character(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def fold(login: str | None) -> str | None:
    return None if login is None else login.lower()


def is_date(text: str) -> bool:
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None or not "1900" <= text[:4] <= "2199":
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_email(text: str) -> bool:
    if any(character in BLANKS for character in text) or text.count("@") != 1:
        return False
    user, domain = text.split("@")
    return user != "" and "." in domain and all(part != "" for part in domain.split("."))


def fault_of(name: str, text: str) -> str | None:
    """Return what is wrong with the form of a value that is given; one thing at most."""
    if len(text) > LENGTHS.get(name, len(text)):
        return "TOO_LONG"
    if name not in ("action", "gender", "dob") and has_control_character(text):
        return "SPECIAL_CHARACTER"
    if name == "action" and text not in ACTIONS:
        return "ACTION_UNKNOWN"
    if name == "gender" and text not in GENDERS:
        return "GENDER_UNKNOWN"
    if name == "login_id" and any(character in BLANKS for character in text):
        return "LOGIN_BLANKS"
    if name == "dob" and not is_date(text):
        return "DATE_FORMAT"
    if name == "email" and not is_email(text):
        return "EMAIL_FORMAT"
    if name == "role_id" and re.fullmatch("[0-9]+", text) is None:
        return "ROLE_FORMAT"
    return None


# ---- lines (§1, loading 2.7)


def read_rows(text: str, delimiter: str, count: int) -> list[list[str] | str]:
    """Return the values of each line, or the code of a line that does not have `count` of them."""
    if "\0" in text:
        raise FileRefusedError("ENCODING")
    if "\r" in text and "\n" not in text:
        raise FileRefusedError("FORMAT_UNKNOWN")
    rows: list[list[str] | str] = []
    for line in re.split("\r?\n", text):
        cells = line.split(delimiter)
        if all(cell.strip(BLANKS) == "" for cell in cells):
            rows.append("BLANK_LINE")
        else:
            rows.append(cells if len(cells) == count else "CELL_COUNT")
    while rows and rows[-1] == "BLANK_LINE":
        rows.pop()
    if all(isinstance(cells, str) for cells in rows):
        raise FileRefusedError("FORMAT_UNKNOWN")
    return rows
