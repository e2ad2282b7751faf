"""Say row by row what a load of students must do: a model written from the specification alone.

Section numbers with "loading" are those of loading.md; bare ones are student.md's.

CHOICES, made where the specification leaves room:

Reading
 1. (loading 2.8) A blank is any character with Unicode's White_Space property, NO-BREAK SPACE among them.
 2. (loading 2.8) A cell of blanks alone is an empty cell, without VALUE_TRIMMED. A Password is never trimmed:
    of blanks alone it is PASSWORD_FORMAT, and MISSING_ELEMS only where the cell is empty.
 3. (loading 2.8) Text is normalised (NFC) after trimming, counted and stored so; a Password without trimming.
 4. (loading 2.7) A row whose cells hold nothing but blanks, however many they are, is BLANK_LINE, and no row at
    all at the end. Any other row without exactly fifteen cells is CELL_COUNT. Neither doubles another row.
 5. (1) VALUE_TRIMMED stands before the error of its cell. A cell has one error at most: MISSING_ELEMS,
    EXCEL_NUMBER or the code of its format; STUDENT_EXISTS and STUDENT_NOT_FOUND stand at Status.

Keys and names
 6. (1) A student is looked for when District Code and Student ID have no error, whatever else is wrong.
 7. (1) Two rows are doubles by District Code and Student ID together, or by Username without case, as text, also
    where those cells are in error. A blank cell doubles nothing.
 8. (1) A user name is held against the store where the student could be looked for and the name has no error and
    is not doubled in the file, also on rows that have other errors. Rows that are rejected or skipped give no
    name up.
 9. (1) A row whose user name is given up only further down is rejected, and so accepted when the file comes again.

Values
10. (8 of loading, 1) `<unchanged>` as Password or SSN keeps what is stored; where the student was looked for and is
    not there, it is PASSWORD_FORMAT or SSN_FORMAT, also beside STUDENT_NOT_FOUND; where the student could not be
    looked for, nothing is said of it.
11. (1) Groups are a set of exact texts; the blanks around a piece go without a note.

Licences
12. (2) Only a row without any error asks for a licence, and only when it is not skipped.
13. (2) "Its old order +1, bin −1" is one licence used and one returned.
14. (2) A created student has not been moved to its order.

Options
15. (loading 1) With --only an error comes first; a skipped row has no effect.
16. (loading 4.1) When --all-or-nothing refuses a load, each row that is not rejected is skipped, nothing has
    happened and all counts are 0; codes stay.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

# ---- words

DISTRICT = "District Code"
SCHOOL = "School Code"
STATUS = "Status"
USERNAME = "Username"
PASSWORD = "Password"
FIRST_NAME = "First Name"
LAST_NAME = "Last Name"
MIDDLE_NAME = "Middle Name"
STUDENT_ID = "Student ID"
EMAIL = "Email"
DOB = "DOB"
SSN = "SSN"
GENDER = "Gender"
GRADE = "Grade"
GROUPS = "Groups"

HEADINGS = [
    DISTRICT,
    SCHOOL,
    STATUS,
    USERNAME,
    PASSWORD,
    FIRST_NAME,
    LAST_NAME,
    MIDDLE_NAME,
    STUDENT_ID,
    EMAIL,
    DOB,
    SSN,
    GENDER,
    GRADE,
    GROUPS,
]

REQUIRED = [DISTRICT, SCHOOL, STATUS, USERNAME, PASSWORD, FIRST_NAME, LAST_NAME, STUDENT_ID]
SPOILED_BY_SPREADSHEETS = [DISTRICT, SCHOOL, USERNAME, STUDENT_ID, SSN]
SECRET = [PASSWORD, DOB, SSN]

FORMAT_CODES = {
    DISTRICT: "DISTRICT_FORMAT",
    SCHOOL: "SCHOOL_FORMAT",
    STATUS: "STATUS_FORMAT",
    USERNAME: "USERNAME_FORMAT",
    PASSWORD: "PASSWORD_FORMAT",
    FIRST_NAME: "FIRSTNAME_FORMAT",
    LAST_NAME: "LASTNAME_FORMAT",
    MIDDLE_NAME: "MIDDLENAME_FORMAT",
    STUDENT_ID: "STUDENTID_FORMAT",
    EMAIL: "EMAIL_FORMAT",
    DOB: "DATE_FORMAT",
    SSN: "SSN_FORMAT",
    GENDER: "GENDER_FORMAT",
    GRADE: "GRADE_FORMAT",
    GROUPS: "GROUP_FORMAT",
}

NOTES = ["VALUE_TRIMMED"]
ERRORS = [
    *FORMAT_CODES.values(),
    "BLANK_LINE",
    "CELL_COUNT",
    "MISSING_ELEMS",
    "EXCEL_NUMBER",
    "DISTRICT_ERR",
    "SCHOOL_ERR",
    "STUDENT_EXISTS",
    "STUDENT_NOT_FOUND",
    "DUPLICATE_ID",
    "DUPLICATE_USERNAME",
    "MISSING_LICENSES",
]

UNCHANGED = "<unchanged>"

USED = "licences used"
RETURNED = "licences returned"
MOVED_ORDERS = "moved between orders"
MOVED_SCHOOLS = "moved between schools"

# ---- what is stored


@dataclass
class Order:
    """An order or the Holding Bin, with its free licences."""

    id: str
    kind: str  # eAMS, Regular or Holding Bin
    free: int
    school: str | None = None
    current: bool = False


@dataclass(frozen=True)
class Student:
    """One student; blank values are None, secrets stand here as they are."""

    school: str
    username: str
    password: str
    first_name: str
    last_name: str
    middle_name: str | None = None
    email: str | None = None
    birth: date | None = None
    ssn: str | None = None
    gender: str | None = None
    grade: int | None = None
    groups: tuple[str, ...] = ()
    active: bool = False
    order: str = ""


@dataclass
class Store:
    """Everything a load of students reads and writes."""

    schools: dict[str, str] = field(default_factory=dict)  # code → district
    orders: dict[str, Order] = field(default_factory=dict)  # by ID, the Holding Bin among them
    students: dict[tuple[str, str], Student] = field(default_factory=dict)  # by district and student ID

    @property
    def bin(self) -> Order | None:
        """Return the Holding Bin."""
        return next((order for order in self.orders.values() if order.kind == "Holding Bin"), None)

    @property
    def current(self) -> Order | None:
        """Return the current eAMS order."""
        return next((order for order in self.orders.values() if order.current), None)

    @property
    def licences(self) -> int:
        """Return free licences and active students: what no load of students changes."""
        free = sum(order.free for order in self.orders.values())
        return free + sum(student.active for student in self.students.values())


@dataclass
class Line:
    """What became of one row; `happened` is the beginning of a good row's messages."""

    row: int
    outcome: str
    codes: list[str]
    happened: str = ""
    changes: list[str] = field(default_factory=list)  # of an updated row: `Heading: old → new`

    @property
    def findings(self) -> list[str]:
        """Return the codes but OK, which is none."""
        return [code for code in self.codes if code != "OK"]


@dataclass
class Night:
    """What became of a file."""

    lines: list[Line]
    counts: dict[str, int]


class FileRefusedError(Exception):
    """The file is refused as a whole; the code is the message."""


# ---- text

BLANKS = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


def trim(text: str) -> str:
    return text.strip(BLANKS)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def has_blank(text: str) -> bool:
    return any(character in BLANKS for character in text)


def read_status(text: str) -> str | None:
    """Return A, D, X or I."""
    if text in ("A", "a"):
        return "A"
    if text in ("D", "d"):
        return "D"
    if text in ("X", "x"):
        return "X"
    if text in ("I", "i") or (text.isascii() and text.lower() == "ignore"):
        return "I"
    return None


def read_date(text: str, today: date) -> date | None:
    """Return the day that MM/DD/YYYY means, if it is one and not in the future."""
    shape = re.fullmatch("([0-9]{2})/([0-9]{2})/([0-9]{4})", text)
    if shape is None:
        return None
    month, day, year = (int(digits) for digits in shape.groups())
    if not 1900 <= year <= 2199:
        return None
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if found <= today else None


def read_grade(text: str) -> int | None:
    if re.fullmatch("0?[3-9]|1[0-6]", text) is None:
        return None
    return int(text)


def read_groups(text: str) -> tuple[str, ...] | None:
    pieces = [trim(piece) for piece in text.split("|")]
    if any(not 1 <= len(piece) <= 100 for piece in pieces):
        return None
    return tuple(sorted(set(pieces)))


def is_email(text: str) -> bool:
    """Hold against user@domain.domain: no blanks, one @, dots in the domain between something."""
    if len(text) > 60 or has_blank(text) or text.count("@") != 1:
        return False
    user, domain = text.split("@")
    parts = domain.split(".")
    return user != "" and len(parts) >= 2 and all(part != "" for part in parts)


def is_well_formed(heading: str, text: str, today: date) -> bool:
    """Hold a cell that is not blank against the format of its column."""
    if heading in (DISTRICT, SCHOOL):
        return len(text) <= 15
    if heading == STATUS:
        return read_status(text) is not None
    if heading == USERNAME:
        return 6 <= len(text) <= 60 and not has_blank(text) and "'" not in text
    if heading == PASSWORD:
        return 6 <= len(text) <= 30 and not has_blank(text) and "'" not in text
    if heading in (FIRST_NAME, LAST_NAME):
        return len(text) <= 40
    if heading == MIDDLE_NAME:
        return len(text) <= 30
    if heading == STUDENT_ID:
        return re.fullmatch("[A-Za-z0-9]{1,20}", text) is not None
    if heading == EMAIL:
        return is_email(text)
    if heading == DOB:
        return read_date(text, today) is not None
    if heading == SSN:
        return re.fullmatch("[0-9]{9}", text) is not None
    if heading == GENDER:
        return text in ("M", "F")
    if heading == GRADE:
        return read_grade(text) is not None
    assert heading == GROUPS
    return read_groups(text) is not None


def is_spoiled_number(text: str) -> bool:
    return re.fullmatch("[0-9]([.,][0-9]+)?[Ee][+-][0-9]+", text) is not None


# ---- a file


def load(
    store: Store,
    header: list[str],
    rows: list[list[str]],
    *,
    now: datetime,
    only: str | None = None,
    all_or_nothing: bool = False,
) -> Night:
    """Apply a file to the store and say what became of each row; `only` is create or update.

    Raises FileRefusedError.
    """
    check_header(header)
    if store.current is None:
        raise FileRefusedError("ORDER_MISSING")
    if store.bin is None:
        raise FileRefusedError("BIN_MISSING")

    last = len(rows)
    while last > 0 and is_blank(rows[last - 1]):
        last -= 1
    rows = rows[:last]

    before = Store(store.schools, {key: replace(order) for key, order in store.orders.items()}, dict(store.students))
    counts = dict.fromkeys([USED, RETURNED, MOVED_ORDERS, MOVED_SCHOOLS], 0)
    ids, names = count_keys(rows)
    lines = []
    for number, cells in enumerate(rows, start=2):
        if is_blank(cells):
            lines.append(Line(number, "rejected", ["BLANK_LINE"]))
        elif len(cells) != len(HEADINGS):
            lines.append(Line(number, "rejected", ["CELL_COUNT"]))
        else:
            row = Row(store, cells, now.astimezone(UTC).date())
            row.check()
            row.check_doubles(ids, names)
            lines.append(row.settle(number, only, counts))

    if all_or_nothing and any(line.outcome == "rejected" for line in lines):
        store.orders, store.students = before.orders, before.students
        for line in lines:
            if line.outcome != "rejected":
                line.outcome, line.happened, line.changes = "skipped", "skipped", []
        counts = dict.fromkeys(counts, 0)
    return Night(lines, counts)


def check_header(header: list[str]) -> None:
    """Refuse a header that is not the template's, in its order and letter case."""
    seen: list[str] = []
    for cell in header:
        heading = nfc(trim(cell))
        if heading == "":
            raise FileRefusedError("HEADER_EMPTY")
        if heading not in HEADINGS:
            raise FileRefusedError("HEADER_UNKNOWN")
        if heading in seen:
            raise FileRefusedError("HEADER_DOUBLED")
        seen.append(heading)
    if len(seen) < len(HEADINGS):
        raise FileRefusedError("HEADER_MISSING")
    if seen != HEADINGS:
        raise FileRefusedError("HEADER_ORDER")


def is_blank(cells: list[str]) -> bool:
    return all(trim(cell) == "" for cell in cells)


def count_keys(rows: list[list[str]]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Count how often each district with student ID, and each user name, stands in the file."""
    ids: Counter[tuple[str, str]] = Counter()
    names: Counter[str] = Counter()
    for cells in rows:
        if is_blank(cells) or len(cells) != len(HEADINGS):
            continue
        by_heading = dict(zip(HEADINGS, cells, strict=True))
        district, student_id, username = (nfc(trim(by_heading[one])) for one in (DISTRICT, STUDENT_ID, USERNAME))
        if district != "" and student_id != "":
            ids[district, student_id] += 1
        if username != "":
            names[username.lower()] += 1
    return ids, names


# ---- a row


class Row:
    """One row on its way: checked column by column, held against the file and the store, then decided."""

    def __init__(self, store: Store, cells: list[str], today: date):
        self.store = store
        self.today = today
        self.as_typed = dict(zip(HEADINGS, cells, strict=True))
        self.cells = {heading: nfc(trim(text)) for heading, text in self.as_typed.items()}
        self.cells[PASSWORD] = nfc(self.as_typed[PASSWORD])

        self.codes: list[str] = []
        self.bad: set[str] = set()  # headings of the cells in error
        self.has_error = False
        self.looked_for = False
        self.key = (self.cells[DISTRICT], self.cells[STUDENT_ID])
        self.stored: Student | None = None

    def error(self, heading: str, code: str) -> None:
        self.codes.append(code)
        self.bad.add(heading)
        self.has_error = True

    def check(self) -> None:
        """Find what is wrong with the cells, column by column."""
        for heading in (DISTRICT, STUDENT_ID):  # needed by the columns between them
            self.check_cell(heading)
        self.looked_for = not self.bad
        if self.looked_for:
            self.stored = self.store.students.get(self.key)

        self.codes, self.bad, self.has_error = [], set(), False
        for heading in HEADINGS:
            if (
                heading != PASSWORD
                and self.cells[heading] != ""
                and trim(self.as_typed[heading]) != self.as_typed[heading]
            ):
                self.codes.append("VALUE_TRIMMED")
            self.check_cell(heading)

    def check_cell(self, heading: str) -> None:
        text = self.cells[heading]
        if text == "":
            if heading in REQUIRED:
                self.error(heading, "MISSING_ELEMS")
        elif heading in SPOILED_BY_SPREADSHEETS and is_spoiled_number(text):
            self.error(heading, "EXCEL_NUMBER")
        elif heading in (PASSWORD, SSN) and text == UNCHANGED:
            if self.looked_for and self.stored is None:
                self.error(heading, FORMAT_CODES[heading])
        elif not is_well_formed(heading, text, self.today):
            self.error(heading, FORMAT_CODES[heading])
        elif heading == DISTRICT:
            if text not in self.store.schools.values():
                self.error(heading, "DISTRICT_ERR")
        elif heading == SCHOOL:
            if DISTRICT not in self.bad and self.store.schools.get(text) != self.cells[DISTRICT]:
                self.error(heading, "SCHOOL_ERR")
        elif heading == STATUS and self.looked_for:
            status = read_status(text)
            if self.stored is None and status in ("D", "I"):  # cells 10 and 12
                self.error(heading, "STUDENT_NOT_FOUND")
            if self.stored is not None and status == "X":  # cells 3 and 7
                self.error(heading, "STUDENT_EXISTS")

    def check_doubles(self, ids: Counter[tuple[str, str]], names: Counter[str]) -> None:
        """Hold key and user name against the file, and the user name against the store as it now is."""
        if ids[self.key] > 1:
            self.error("", "DUPLICATE_ID")
        folded = self.cells[USERNAME].lower()
        if names[folded] > 1:
            self.error("", "DUPLICATE_USERNAME")
        elif self.looked_for and USERNAME not in self.bad:
            owners = [key for key, student in self.store.students.items() if student.username.lower() == folded]
            if owners and owners != [self.key]:
                self.error("", "DUPLICATE_USERNAME")

    def settle(self, number: int, only: str | None, counts: dict[str, int]) -> Line:
        """Decide a checked row and put it into effect."""
        if self.has_error:
            return Line(number, "rejected", self.codes)
        if (only == "create" and self.stored is not None) or (only == "update" and self.stored is None):
            return Line(number, "skipped", ["OK", *self.codes], "skipped")

        holding_bin, current = self.store.bin, self.store.current
        assert holding_bin is not None
        assert current is not None
        old = self.stored
        new, uses, returned_to = self.move(self.new_values(), holding_bin, current)
        if uses and holding_bin.free == 0:
            return Line(number, "rejected", [*self.codes, "MISSING_LICENSES"])

        self.store.students[self.key] = new
        if uses:
            holding_bin.free -= 1
            counts[USED] += 1
        if returned_to is not None:
            returned_to.free += 1
            counts[RETURNED] += 1

        outcome = "created" if old is None else "unchanged" if old == new else "updated"
        words = [outcome]
        if old is None or old.active != new.active:
            words.append("activated" if new.active else "deactivated")
        if old is not None and old.order != new.order:
            words.append(f"moved to order {new.order}")
            counts[MOVED_ORDERS] += 1
        if old is not None and old.school != new.school:
            words.append(f"moved to school {new.school}")
            counts[MOVED_SCHOOLS] += 1
        if returned_to is holding_bin:
            words.append("licence returned to the Holding Bin")
        elif returned_to is not None:
            words.append(f"licence returned to order {returned_to.id}")
        changes = [] if old is None else describe_changes(old, new)
        return Line(number, outcome, ["OK", *self.codes], ", ".join(words), changes)

    def new_values(self) -> Student:
        """Return the student as the row has it, with status and order as stored."""
        cells = self.cells
        values = {
            "school": cells[SCHOOL],
            "username": cells[USERNAME],
            "password": cells[PASSWORD],
            "first_name": cells[FIRST_NAME],
            "last_name": cells[LAST_NAME],
            "middle_name": cells[MIDDLE_NAME] or None,
            "email": cells[EMAIL] or None,
            "birth": read_date(cells[DOB], self.today),
            "ssn": cells[SSN] or None,
            "gender": cells[GENDER] or None,
            "grade": read_grade(cells[GRADE]),
            "groups": read_groups(cells[GROUPS]) if cells[GROUPS] else (),
        }
        if self.stored is None:
            return Student(**values)
        if cells[PASSWORD] == UNCHANGED:
            values["password"] = self.stored.password
        if cells[SSN] == UNCHANGED:
            values["ssn"] = self.stored.ssn
        return replace(self.stored, **values)

    def move(self, student: Student, holding_bin: Order, current: Order) -> tuple[Student, bool, Order | None]:
        """Return the student after a cell of the table, whether it uses a licence, and where one returns to."""
        status = read_status(self.cells[STATUS])
        order = self.store.orders.get(student.order)
        if self.stored is None:
            if status == "A":  # cell 9
                return replace(student, active=True, order=current.id), True, None
            assert status == "X"  # cell 11
            return replace(student, active=False, order=current.id), False, None

        assert order is not None
        if student.active and status in ("A", "I"):  # cells 1 and 4
            if order.kind == "eAMS":
                return student, False, None
            return replace(student, order=current.id), True, order
        if student.active and status == "D":  # cell 2
            return replace(student, active=False), False, holding_bin if order.kind == "eAMS" else order
        if status == "A":  # cell 5
            return replace(student, active=True, order=current.id), True, None
        if status == "D":  # cell 6
            return replace(student, order=current.id), False, None
        assert status == "I"  # cell 8
        if order.kind == "Regular":
            return replace(student, order=current.id), False, None
        return student, False, None


def describe_changes(old: Student, new: Student) -> list[str]:
    """Return the words of each changed value in the order of the columns; of secret ones only that they changed."""
    before, after = as_cells(old), as_cells(new)
    words = []
    for heading in before:
        if before[heading] == after[heading]:
            continue
        if heading in SECRET:
            words.append(f"{heading}: changed")
        else:
            words.append(f"{heading}: {before[heading] or '(blank)'} → {after[heading] or '(blank)'}")
    return words


def as_cells(student: Student) -> dict[str, str]:
    """Return the cells, but those of the key and the status, that say what is stored."""
    return {
        SCHOOL: student.school,
        USERNAME: student.username,
        PASSWORD: student.password,
        FIRST_NAME: student.first_name,
        LAST_NAME: student.last_name,
        MIDDLE_NAME: student.middle_name or "",
        EMAIL: student.email or "",
        DOB: student.birth.strftime("%m/%d/%Y") if student.birth else "",
        SSN: student.ssn or "",
        GENDER: student.gender or "",
        GRADE: f"{student.grade:02}" if student.grade else "",
        GROUPS: "|".join(student.groups),
    }
