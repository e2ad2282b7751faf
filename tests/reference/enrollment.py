"""Say row by row what a load of enrollments must do: a model written from the specification alone.

Section numbers with "loading" or "time" are those of loading.md and time.md; bare ones are enrollment.md's.

CHOICES, made where the specification leaves room:

Reading
 1. (loading 2.8) A blank is any character with Unicode's White_Space property, NO-BREAK SPACE among them.
 2. (loading 2.8) A cell of blanks alone is an empty cell: nothing was trimmed from a value, so no
    VALUE_TRIMMED.
 3. (loading 2.8, 3.2) VALUE_TRIMMED is said once for each trimmed cell, also of a cell that has an error:
    "one bad cell yields one finding" means one error. Only the cell's own ends count, not the blanks inside
    a roster cell.
 4. (loading 2.8) Text is normalised (NFC) after trimming; its length is counted after that, and it is
    stored so.
 5. (loading 2.7) A row whose cells hold nothing but blanks is a blank row, however many cells it has;
    BLANK_LINE is an error, so such a row in the middle is rejected and makes an --all-or-nothing load be
    refused. At the end blank rows are no rows at all and have no outcome.
 6. (loading 2.7, 1) A cell too many is CELL_COUNT even when it is empty. That row has no other finding,
    since nobody knows which cell belongs where, and for the same reason it doubles no other row and no
    other row doubles it.
 7. (1) Missing cells at the end are empty ones, whichever columns stand there.
 8. (loading 3.2, 5.2) Findings stand in the order A to I; inside a column VALUE_TRIMMED first, then the
    codes as the table of section 1 lists them. Then DUPLICATE_ROW, which is about the whole row. Then what
    the decision adds: WAITLISTED or OVERFLOW_DELETED, then POST_STATUS_RESET.
 9. (loading 3.2) A rejected row keeps the notes of its other cells, but none of the decision's: nothing was
    decided.

Enrollment and user
10. (1, public page of the later edition) The ID layout has ten headings, Enrollment ID and the nine, in any
    order. An ID alone finds the enrollment. A name beside it may be blank; if it is not that enrollment's
    name, the row contradicts itself and is ENROLLMENT_NOT_FOUND on the name. Without an ID the name is
    looked up as in the nine columns; ENROLLMENT_BLANK only when both are blank. An unknown ID is
    ENROLLMENT_NOT_FOUND, once: the name beside it is then held only against its length.
11. (1) IDs are compared exactly, after trimming.
12. (1, 5.1) After any error in ID or name the enrollment is not known for the rest of the row.
13. (1) User names are compared after NFC and str.lower().
14. (1, loading 3.2) Two rows are doubles when ID and user name agree as text, a name without ID that is
    found standing for its ID, one that is not found for itself. Letter case of the user name does not
    matter, nor that a row is in error.
15. (1) USER_INACTIVE is said on every row of such a user, updates and rejected rows included.

Roster
16. (2) Exactly one ";" at the end of the trimmed cell is taken off, with its note; what is left is split
    and judged. So ";" and "a=1;;" are ROSTER_SYNTAX, the note beside it.
17. (2) A pair with a blank name ("=x") is ROSTER_SYNTAX.
18. (2) A name given twice is ROSTER_FIELD_REPEATED whether or not the field exists; each kind of fault once
    a cell.
19. (2) Clearing a field that holds nothing changes nothing.

Dates and zones
20. (time 2) Up to the year 2037 the clocks are pytz's, later those of the tzdata package.
21. (time 3) With --ambiguous error a doubled time is the error DATE_AMBIGUOUS.
22. (3) Where no zone is known for a date, only its form is checked.
23. (3) TIMEZONE_IGNORED is said even when E names the event's own zone; an unknown zone is TIMEZONE_UNKNOWN
    also where it would be ignored, and then alone, while D and I are read in the event's zone.
24. (3) Under "use event time zone" the record's zone is the event's, set anew by each row.

Statuses and priority
25. (4, 5.4) The aliases are understood in column G too, as names of a pre-status, without STATUS_ALIAS
    there.
26. (4) F must be a status its type may ask for even when it is the status already stored.
27. (5.1) "Stored" means before the file, so a DUPLICATE_ROW is not judged by what its first row did.
28. (5.1) Where the enrollment is unknown but F is a known word, G is held against F.
29. (5.1, 5.2) Disallowed comes before completion: a post-status the pre-status forbids is
    POST_STATUS_NOT_ALLOWED only.
30. (5.2) The completion that a blank G stands for counts under the status asked for; if seats then say
    otherwise, the post-status is Not Attempted (7.4), and nothing stored was lost by that.
31. (5.3, 7.7) POST_STATUS_RESET is said only when a stored post-status other than Not Attempted is really
    lost, and so never on a rejected or skipped row.
32. (6) A whole number is ASCII digits only, any number of leading zeros; +5 and 5.0 are other values.

Seats
33. (7.3) A new row whose default pre-status is Wait Listed asks for Wait Listed itself.
34. (7.2, 7.7) A wait-listed user who asks for a seat in vain has WAITLISTED: what was asked for was not
    given.
35. (7.3, 7.7) A stored seat-taker who asks for Wait Listed gives the seat up and is treated as anybody who
    asks.
36. (7.5) Places on the wait-list that an earlier row frees are free for later rows, as seats are.
37. (7.2) A user stored as Deleted or Denied who asks for a seat stands in line like a new one.
38. (7.1) Stored users count by their record alone, whether or not the user is still active.

Options
39. (loading 1) With --only an error comes first: a bad row is rejected, whichever kind it is. A skipped row
    takes and frees nothing, and has no finding of the decision.
40. (loading 4.1) When --all-or-nothing refuses a load, each row that is not rejected is skipped, unchanged
    ones too; the findings stay, for they say what would have been.
41. (loading 4.3 against 5.1) A row with F blank and G filled, wait-listed or deleted by the system the
    first time, is held against its new stored status the second time and so may be rejected then; 5.1 is
    taken at its word.
"""

import importlib.resources
import re
import unicodedata
import zoneinfo
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytz
from tzlocal.windows_tz import win_tz

# ---- words

ENROLLMENT_ID = "Enrollment ID"
ENROLLMENT = "Enrollment"
USERNAME = "Username"
ROSTER = "Roster"
ENROLLED = "Users Date Enrolled"
ZONE = "User Date Enrolled Time Zone"
PRE = "Users Enrollment Pre-Status"
POST = "Users Enrollment Post-Status"
PRIORITY = "Priority (Waitlist)"
CHANGED = "Enrollment Completed Date / Last Status Change"

HEADINGS = [ENROLLMENT, USERNAME, ROSTER, ENROLLED, ZONE, PRE, POST, PRIORITY, CHANGED]

PRE_STATUSES = [
    "Nominated",
    "Approved",
    "Denied",
    "Wait Listed",
    "Deleted",
    "Forced Enrollment",
    "User Dropped",
    "Approval Cancelled",
    "Pending Approval",
]

PRE_STATUSES_FOR_TYPE = {
    "ILT Session": [
        "Approved",
        "Denied",
        "Wait Listed",
        "Forced Enrollment",
        "User Dropped",
        "Approval Cancelled",
        "Pending Approval",
    ],
    "Course": PRE_STATUSES,
    "Class": PRE_STATUSES,
    "Self Study": [
        "Nominated",
        "Approved",
        "Denied",
        "Wait Listed",
        "Forced Enrollment",
        "User Dropped",
        "Approval Cancelled",
        "Pending Approval",
    ],
}

PRE_STATUS_ALIASES = {"approval canceled": "Approval Cancelled", "user dropper": "User Dropped"}

NOT_ATTEMPTED = "Not Attempted"

POST_STATUSES = [
    "Completed",
    "Incomplete",
    "Passed",
    "Failed",
    "No Show",
    NOT_ATTEMPTED,
    "Audit",
    "Exempt",
    "Not Approved",
]

ALLOWED_POST_STATUSES = {
    "Approved": POST_STATUSES,
    "Forced Enrollment": POST_STATUSES,
    "Nominated": [NOT_ATTEMPTED],
    "Denied": [NOT_ATTEMPTED],
    "Wait Listed": [NOT_ATTEMPTED],
    "User Dropped": [NOT_ATTEMPTED],
    "Approval Cancelled": [NOT_ATTEMPTED],
    "Pending Approval": [NOT_ATTEMPTED],
    "Deleted": [NOT_ATTEMPTED],
}

TYPES_WITH_COMPLETIONS = ["Course", "Class"]
POST_STATUSES_NEEDING_COMPLETION = ["Completed", "Passed", "Failed"]
PRE_STATUSES_A_COMPLETION_COUNTS_UNDER = ["Approved", "Forced Enrollment"]

PRE_STATUSES_WITHOUT_SEAT = ["Denied", "Wait Listed", "User Dropped", "Approval Cancelled", "Deleted"]

NOTES = [
    "VALUE_TRIMMED",
    "USER_INACTIVE",
    "ROSTER_TRAILING_SEPARATOR",
    "DATE_AMBIGUOUS",
    "TIMEZONE_IGNORED",
    "STATUS_ALIAS",
    "POST_STATUS_IS_PRE_STATUS",
    "POST_STATUS_RESET",
    "PRIORITY_OTHER_TO_NONE",
]
WARNINGS = ["WAITLISTED", "OVERFLOW_DELETED"]
ERRORS = [
    "BLANK_LINE",
    "CELL_COUNT",
    "DUPLICATE_ROW",
    "ENROLLMENT_BLANK",
    "ENROLLMENT_TOO_LONG",
    "ENROLLMENT_NOT_FOUND",
    "ENROLLMENT_AMBIGUOUS",
    "USERNAME_BLANK",
    "USERNAME_TOO_LONG",
    "USER_NOT_FOUND",
    "ROSTER_SYNTAX",
    "ROSTER_FIELD_NOT_FOUND",
    "ROSTER_FIELD_NOT_UNIQUE",
    "ROSTER_FIELD_REPEATED",
    "DATE_FORMAT",
    "DATE_INTERVAL",
    "DATE_NONEXISTENT",
    "TIMEZONE_REQUIRED",
    "TIMEZONE_UNKNOWN",
    "PRE_STATUS_UNKNOWN",
    "PRE_STATUS_NOT_FOR_TYPE",
    "POST_STATUS_UNKNOWN",
    "POST_STATUS_NOT_ALLOWED",
    "POST_STATUS_NEEDS_COMPLETION",
]  # and DATE_AMBIGUOUS, when ambiguous times are to be errors

# ---- what is stored


@dataclass
class Event:
    """One enrollment of the store, with its settings."""

    id: str
    name: str
    type: str = "ILT Session"  # or Course, Class, Self Study
    default_pre: str = "Approved"
    use_event_zone: bool = False
    zone: str | None = None
    max_seats: int | None = None  # None: never full
    waitlist: str = "Unlimited"  # or None, Max: the words, as the reference template has them
    max_waitlist: int | None = None


@dataclass
class Record:
    """One user in one enrollment."""

    pre: str
    post: str
    priority: int | None
    zone: str | None
    enrolled_at: datetime  # UTC
    changed_at: datetime | None  # UTC
    roster: dict[str, str] = field(default_factory=dict)  # field id → data; a cleared field has no entry


@dataclass
class Store:
    """Everything a load of enrollments reads, and the records it writes."""

    events: list[Event] = field(default_factory=list)
    users: dict[str, tuple[str, bool]] = field(default_factory=dict)  # folded user name → (as written, active)
    fields: list[tuple[str, str]] = field(default_factory=list)  # (id, name); names may repeat
    completions: set[tuple[str, str]] = field(default_factory=set)  # (event id, folded user name)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)  # by (event id, folded user name)


@dataclass
class Result:
    """What became of one row."""

    row: int
    outcome: str
    codes: list[str]
    headings: list[str] = field(default_factory=list)  # beside each code its heading; "" is the whole row
    changes: dict[str, tuple[object, object]] = field(default_factory=dict)  # heading → (old, new), of an update


class HeaderRefusedError(Exception):
    """The heading row is not one a load can start from; the code is the message."""


# ---- text

BLANKS = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


def trim(text: str) -> str:
    return text.strip(BLANKS)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def fold_username(username: str) -> str:
    return nfc(username).lower()


def fold_status(text: str) -> str:
    """One blank for any run of them, and no letter case."""
    return re.sub(f"[{BLANKS}]+", " ", nfc(text)).lower()


def find_word(text: str, words: list[str]) -> str | None:
    for word in words:
        if word.lower() == fold_status(text):
            return word
    return None


# ---- clocks


@cache
def clocks(zone: str, after_2037: bool):
    """The clock rules of a zone with a Windows name; pytz knows no changes after 2037."""
    iana = win_tz[zone]
    if not after_2037:
        return pytz.timezone(iana)
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *iana.split("/")).open("rb") as data:
        return zoneinfo.ZoneInfo.from_file(data, key=iana)


@cache
def instants(local: datetime, zone: str) -> tuple[datetime, ...]:
    """Every instant at which the zone's clocks show this local time, in order: none, one or two.

    Tries each distance from UTC that the zone keeps within a day and a half, and lets the clock read it back.
    """
    rules = clocks(zone, local.year > 2037)
    distances = set()
    for hours in range(-36, 37, 6):
        nearby = local.replace(tzinfo=UTC) + timedelta(hours=hours)
        distances.add(nearby.astimezone(rules).utcoffset())
    found = []
    for distance in distances:
        instant = local.replace(tzinfo=UTC) - distance
        if instant.astimezone(rules).replace(tzinfo=None) == local:
            found.append(instant)
    return tuple(sorted(found))


@cache
def find_zone(text: str) -> str | None:
    """The canonical spelling of a Windows zone name, or nothing."""
    for zone in win_tz:
        if zone.lower() == nfc(text).lower():
            return zone
    return None


DATE_SHAPE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4}) ([0-9]{2}):([0-9]{2}) (AM|PM)")


def read_date(text: str) -> tuple[datetime | None, str | None]:
    """The local time a cell means, or the code of what is wrong with it."""
    shape = DATE_SHAPE.fullmatch(text)
    if shape is None:
        return None, "DATE_FORMAT"
    month, day, year, hour, minute = (int(digits) for digits in shape.groups()[:5])
    if not 1900 <= year <= 2199 or not 1 <= hour <= 12 or minute > 59:
        return None, "DATE_FORMAT"
    hour_of_day = hour % 12 + (12 if shape.group(6) == "PM" else 0)
    try:
        local = datetime(year, month, day, hour_of_day, minute)
    except ValueError:
        return None, "DATE_FORMAT"
    if minute % 15 != 0:
        return None, "DATE_INTERVAL"
    return local, None


# ---- a file


def load(
    store: Store,
    header: list[str],
    rows: list[list[str]],
    *,
    now: datetime,
    ambiguous: str = "later",
    only: str | None = None,
    all_or_nothing: bool = False,
) -> list[Result]:
    """Apply a file to the store and say what became of each row.

    `ambiguous` is later, earlier or error; `only` is create or update. Raises HeaderRefusedError.
    """
    headings = read_header(header)

    last = len(rows)
    while last > 0 and is_blank(rows[last - 1]):
        last -= 1

    records = dict(store.records)  # as the rows before this one have left them
    first_rows: dict[tuple[str, str, str], int] = {}
    results = []
    for number, cells in enumerate(rows[:last], start=2):
        if is_blank(cells):
            results.append(Result(number, "rejected", ["BLANK_LINE"], [""]))
            continue
        if len(cells) > len(headings):
            results.append(Result(number, "rejected", ["CELL_COUNT"], [""]))
            continue

        row = Row(store, headings, cells, ambiguous)
        row.check()

        if row.key is not None and row.key in first_rows:
            row.error("", "DUPLICATE_ROW")
        elif row.key is not None:
            first_rows[row.key] = number

        changes: dict[str, tuple[object, object]] = {}
        if row.has_error:
            outcome = "rejected"
        elif (only == "create" and row.stored is not None) or (only == "update" and row.stored is None):
            outcome = "skipped"
        else:
            new = row.decide(records, now)
            records[row.event.id, row.user] = new
            if row.stored is None:
                outcome = "created"
            elif row.stored == new:
                outcome = "unchanged"
            else:
                outcome = "updated"
                changes = differences(row.stored, new)
        results.append(Result(number, outcome, row.codes, row.headings_of_codes, changes))

    if all_or_nothing and any(result.outcome == "rejected" for result in results):
        for result in results:
            if result.outcome != "rejected":
                result.outcome = "skipped"
                result.changes = {}
        return results

    store.records = records
    return results


def read_header(header: list[str]) -> list[str]:
    """The headings of the columns as the template spells them."""
    known = {heading.lower(): heading for heading in [ENROLLMENT_ID, *HEADINGS]}
    headings: list[str] = []
    for cell in header:
        text = nfc(trim(cell)).lower()
        if text == "":
            raise HeaderRefusedError("HEADER_EMPTY")
        if text not in known:
            raise HeaderRefusedError("HEADER_UNKNOWN")
        if known[text] in headings:
            raise HeaderRefusedError("HEADER_DOUBLED")
        headings.append(known[text])
    for heading in HEADINGS:
        if heading not in headings:
            raise HeaderRefusedError("HEADER_MISSING")
    return headings


def is_blank(cells: list[str]) -> bool:
    return all(trim(cell) == "" for cell in cells)


def differences(old: Record, new: Record) -> dict[str, tuple[object, object]]:
    pairs = {
        ROSTER: (old.roster, new.roster),
        ENROLLED: (old.enrolled_at, new.enrolled_at),
        ZONE: (old.zone, new.zone),
        PRE: (old.pre, new.pre),
        POST: (old.post, new.post),
        PRIORITY: (old.priority, new.priority),
        CHANGED: (old.changed_at, new.changed_at),
    }
    return {heading: (before, after) for heading, (before, after) in pairs.items() if before != after}


# ---- a row


class Row:
    """One row on its way: first checked, column by column, then decided."""

    def __init__(self, store: Store, headings: list[str], cells: list[str], ambiguous: str):
        self.store = store
        self.ambiguous = ambiguous
        self.as_typed = dict.fromkeys([ENROLLMENT_ID, *HEADINGS], "")
        self.as_typed.update(zip(headings, cells, strict=False))  # cells missing at the end stay blank
        self.cells = {heading: trim(text) for heading, text in self.as_typed.items()}

        self.codes: list[str] = []
        self.headings_of_codes: list[str] = []
        self.has_error = False

        self.key: tuple[str, str, str] | None = None  # what two rows are doubles by
        self.event: Event | None = None
        self.user: str | None = None  # folded, of a known user
        self.stored: Record | None = None  # before the file

    def note(self, heading: str, code: str) -> None:
        self.codes.append(code)
        self.headings_of_codes.append(heading)

    def error(self, heading: str, code: str) -> None:
        self.note(heading, code)
        self.has_error = True

    def note_trimming(self, heading: str) -> None:
        if self.cells[heading] != "" and self.cells[heading] != self.as_typed[heading]:
            self.note(heading, "VALUE_TRIMMED")

    # ---- checking

    def check(self) -> None:
        self.event = self.check_enrollment()
        self.check_username()
        zone = self.zone_of_dates()  # E stands after D, but D is read in it
        self.roster = self.check_roster()
        self.enrolled_at = self.check_date(ENROLLED, zone)
        self.zone = self.check_zone()
        self.pre, pre_is_bad = self.check_pre_status()
        self.effective_pre = self.find_effective_pre_status(pre_is_bad)
        self.post = self.check_post_status()
        self.priority = self.check_priority()
        self.changed_at = self.check_date(CHANGED, zone)

    def check_enrollment(self) -> Event | None:
        """Columns A, and the ID before it in the later layout: the enrollment, if neither is wrong."""
        enrollment_id = nfc(self.cells[ENROLLMENT_ID])
        name = nfc(self.cells[ENROLLMENT])
        with_that_name = [event for event in self.store.events if nfc(event.name) == name]

        self.note_trimming(ENROLLMENT_ID)
        by_id = None
        if enrollment_id != "":
            for event in self.store.events:
                if event.id == enrollment_id:
                    by_id = event
            if by_id is None:
                self.error(ENROLLMENT_ID, "ENROLLMENT_NOT_FOUND")

        self.note_trimming(ENROLLMENT)
        if len(name) > 1000:
            self.error(ENROLLMENT, "ENROLLMENT_TOO_LONG")
            found = None
        elif enrollment_id != "":
            found = by_id
            if by_id is not None and name != "" and nfc(by_id.name) != name:
                self.error(ENROLLMENT, "ENROLLMENT_NOT_FOUND")
                found = None
        elif name == "":
            self.error(ENROLLMENT, "ENROLLMENT_BLANK")
            found = None
        elif len(with_that_name) == 0:
            self.error(ENROLLMENT, "ENROLLMENT_NOT_FOUND")
            found = None
        elif len(with_that_name) > 1:
            self.error(ENROLLMENT, "ENROLLMENT_AMBIGUOUS")
            found = None
        else:
            found = with_that_name[0]

        username = fold_username(self.cells[USERNAME])
        if username != "":
            if enrollment_id != "":
                self.key = ("id", enrollment_id, username)
            elif found is not None:
                self.key = ("id", found.id, username)
            elif name != "":
                self.key = ("name", name, username)
        return found

    def check_username(self) -> None:
        self.note_trimming(USERNAME)
        username = fold_username(self.cells[USERNAME])
        if username == "":
            self.error(USERNAME, "USERNAME_BLANK")
        elif len(nfc(self.cells[USERNAME])) > 100:
            self.error(USERNAME, "USERNAME_TOO_LONG")
        elif username not in self.store.users:
            self.error(USERNAME, "USER_NOT_FOUND")
        else:
            self.user = username
            _, active = self.store.users[username]
            if not active:
                self.note(USERNAME, "USER_INACTIVE")
            if self.event is not None:
                self.stored = self.store.records.get((self.event.id, username))

    def check_roster(self) -> dict[str, str]:
        """Column C: the data by field id; empty data clear the field."""
        self.note_trimming(ROSTER)
        cell = self.cells[ROSTER]
        if cell == "":
            return {}

        has_trailing_separator = cell.endswith(";")
        if has_trailing_separator:
            cell = cell[:-1]

        values: dict[str, str] = {}
        names: list[str] = []
        faults = set()
        for pair in cell.split(";"):
            name, equals, data = pair.partition("=")
            name = nfc(trim(name))
            if equals == "" or name == "":
                faults.add("ROSTER_SYNTAX")
                continue
            ids = [field_id for field_id, field_name in self.store.fields if nfc(field_name) == name]
            if len(ids) == 0:
                faults.add("ROSTER_FIELD_NOT_FOUND")
            elif len(ids) > 1:
                faults.add("ROSTER_FIELD_NOT_UNIQUE")
            else:
                values[ids[0]] = nfc(trim(data))
            if name in names:
                faults.add("ROSTER_FIELD_REPEATED")
            names.append(name)

        for code in (
            "ROSTER_SYNTAX",
            "ROSTER_FIELD_NOT_FOUND",
            "ROSTER_FIELD_NOT_UNIQUE",
            "ROSTER_FIELD_REPEATED",
        ):
            if code in faults:
                self.error(ROSTER, code)
        if has_trailing_separator:
            self.note(ROSTER, "ROSTER_TRAILING_SEPARATOR")
        return values

    def zone_of_dates(self) -> str | None:
        """The zone that D and I are read in, if it is known."""
        if self.event is not None and self.event.use_event_zone:
            return self.event.zone
        return find_zone(self.cells[ZONE])

    def check_date(self, heading: str, zone: str | None) -> datetime | None:
        """Column D or I: the instant; None for a blank cell."""
        self.note_trimming(heading)
        if self.cells[heading] == "":
            return None
        local, code = read_date(self.cells[heading])
        if local is None:
            self.error(heading, code)
            return None
        if zone is None:
            return None
        possible = instants(local, zone)
        if len(possible) == 0:
            self.error(heading, "DATE_NONEXISTENT")
            return None
        if len(possible) > 1 and self.ambiguous == "error":
            self.error(heading, "DATE_AMBIGUOUS")
        elif len(possible) > 1:
            self.note(heading, "DATE_AMBIGUOUS")
        return possible[0] if self.ambiguous == "earlier" else possible[-1]

    def check_zone(self) -> str | None:
        """Column E: the zone of the record."""
        self.note_trimming(ZONE)
        cell = self.cells[ZONE]
        zone = find_zone(cell)
        event_has_zone = self.event is not None and self.event.use_event_zone
        if cell != "" and zone is None:
            self.error(ZONE, "TIMEZONE_UNKNOWN")
        elif cell != "" and event_has_zone:
            self.note(ZONE, "TIMEZONE_IGNORED")
        elif cell == "" and self.event is not None and not event_has_zone:
            self.error(ZONE, "TIMEZONE_REQUIRED")
        return self.event.zone if event_has_zone else zone

    def check_pre_status(self) -> tuple[str | None, bool]:
        """Column F: the status asked for, and whether the cell is bad."""
        self.note_trimming(PRE)
        cell = self.cells[PRE]
        if cell == "":
            return None, False
        status = find_word(cell, PRE_STATUSES) or PRE_STATUS_ALIASES.get(fold_status(cell))
        if status is None:
            self.error(PRE, "PRE_STATUS_UNKNOWN")
            return None, True
        if self.event is not None and status not in PRE_STATUSES_FOR_TYPE[self.event.type]:
            self.error(PRE, "PRE_STATUS_NOT_FOR_TYPE")
            return None, True
        if fold_status(cell) in PRE_STATUS_ALIASES:
            self.note(PRE, "STATUS_ALIAS")
        return status, False

    def find_effective_pre_status(self, pre_is_bad: bool) -> str | None:
        if pre_is_bad:
            return None
        if self.pre is not None:
            return self.pre
        if self.stored is not None:
            return self.stored.pre
        if self.event is not None:
            return self.event.default_pre
        return None

    def check_post_status(self) -> str | None:
        """Column G: the post-status asked for; None where the cell is blank or counts as blank."""
        self.note_trimming(POST)
        cell = self.cells[POST]
        if cell == "":
            return None
        post = find_word(cell, POST_STATUSES)
        named_pre = find_word(cell, PRE_STATUSES) or PRE_STATUS_ALIASES.get(fold_status(cell))
        if post is None and named_pre is None:
            self.error(POST, "POST_STATUS_UNKNOWN")
            return None
        if self.effective_pre is None:
            return None
        if named_pre is not None and named_pre == self.effective_pre:
            self.note(POST, "POST_STATUS_IS_PRE_STATUS")
            return None
        if post is None or post not in ALLOWED_POST_STATUSES[self.effective_pre]:
            self.error(POST, "POST_STATUS_NOT_ALLOWED")
            return None
        if (
            post in POST_STATUSES_NEEDING_COMPLETION
            and self.event is not None
            and self.event.type in TYPES_WITH_COMPLETIONS
            and self.user is not None
            and (self.event.id, self.user) not in self.store.completions
        ):
            self.error(POST, "POST_STATUS_NEEDS_COMPLETION")
            return None
        return post

    def check_priority(self) -> int | None:
        self.note_trimming(PRIORITY)
        cell = self.cells[PRIORITY]
        if cell == "" or cell.lower() == "<null>":
            return 99
        if cell.lower() == "none":
            return None
        if re.fullmatch("0*[0-9]{1,2}", cell):
            return int(cell[-2:])
        self.note(PRIORITY, "PRIORITY_OTHER_TO_NONE")
        return None

    # ---- deciding

    def decide(self, records: dict[tuple[str, str], Record], now: datetime) -> Record:
        """The record after this row; `records` is what the rows before it have left."""
        others = [record for (event, user), record in records.items() if event == self.event.id and user != self.user]
        pre = self.find_place(others)
        if pre != self.effective_pre:
            self.note(PRE, "WAITLISTED" if pre == "Wait Listed" else "OVERFLOW_DELETED")
        post = self.find_post_status(pre)
        if self.stored is None:
            return Record(
                pre=pre,
                post=post,
                priority=self.priority,
                zone=self.zone,
                enrolled_at=self.enrolled_at or now,
                changed_at=self.changed_at,
                roster={field_id: data for field_id, data in self.roster.items() if data != ""},
            )
        roster = {**self.stored.roster, **self.roster}
        return replace(
            self.stored,
            pre=pre,
            post=post,
            priority=self.priority,
            zone=self.zone,
            enrolled_at=self.enrolled_at or self.stored.enrolled_at,
            changed_at=self.changed_at,
            roster={field_id: data for field_id, data in roster.items() if data != ""},
        )

    def find_place(self, others: list[Record]) -> str:
        """The pre-status after seats and wait-list have had their say."""
        event = self.event
        asked = self.effective_pre
        was_wait_listed = self.stored is not None and self.stored.pre == "Wait Listed"
        had_a_seat = self.stored is not None and self.stored.pre not in PRE_STATUSES_WITHOUT_SEAT
        seats_taken = sum(record.pre not in PRE_STATUSES_WITHOUT_SEAT for record in others)
        wait_listed = sum(record.pre == "Wait Listed" for record in others)

        if asked == "Forced Enrollment":
            return asked
        if asked == "Wait Listed":
            if was_wait_listed:
                return asked
        elif asked in PRE_STATUSES_WITHOUT_SEAT:
            return asked
        else:
            if had_a_seat or event.max_seats is None or seats_taken < event.max_seats:
                return asked
            if was_wait_listed:
                return "Wait Listed"

        # asks for a wait-list place, or for a seat when all are taken
        if event.waitlist == "Unlimited":
            return "Wait Listed"
        if event.waitlist == "Max" and wait_listed < event.max_waitlist:
            return "Wait Listed"
        return "Deleted"

    def find_post_status(self, pre: str) -> str:
        changed_by_system = pre != self.effective_pre
        if self.post is not None:
            return NOT_ATTEMPTED if changed_by_system else self.post

        completion_counts = (
            not changed_by_system
            and self.event.type in TYPES_WITH_COMPLETIONS
            and pre in PRE_STATUSES_A_COMPLETION_COUNTS_UNDER
            and (self.event.id, self.user) in self.store.completions
        )
        before = NOT_ATTEMPTED if self.stored is None else self.stored.post
        if before == NOT_ATTEMPTED:
            return "Completed" if completion_counts else NOT_ATTEMPTED
        if changed_by_system or before not in ALLOWED_POST_STATUSES[pre]:
            self.note(POST, "POST_STATUS_RESET")
            return NOT_ATTEMPTED
        return before
