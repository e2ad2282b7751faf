"""A slow, plain model of course records, written from the specification (course-record.md): one row after another.

It shares no code with the product. Cells hold no special characters: the lock has tests of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

UTC = timezone.utc  # noqa: UP017 - the model is plain

HEADINGS = [
    "external_course_id", "title", "external_user_id", "external_email", "first_name", "last_name", "enrollment_start",
    "enrollment_end", "credits", "credit_type", "credit_expiration", "complete", "date_completed", "attended",
    "participant_category",
]  # fmt: skip
NOTES = {
    "VALUE_TRIMMED", "LEARNER_BY_ADDRESS", "HELD", "NO_REQUIRED_OBJECT", "SHELL_CREATED", "SHELL_HAS_NO_CERTIFICATE",
    "CATEGORY_ON_SECOND_ROW",
}  # fmt: skip
"""Codes that reject no row; SHELL_HAS_NO_CERTIFICATE is an error where certificates are needed."""


@dataclass
class Course:
    required: bool | None
    """Whether it has required objects; None: a shell."""
    assign: str = "immediately"


@dataclass
class Record:
    complete: bool
    start: datetime | None
    end: datetime | None
    completed_at: datetime | None
    attended: bool | None
    category: str | None
    legacy: bool = True
    since: datetime | None = None

    @property
    def said(self) -> tuple:
        return self.complete, self.start, self.end, self.completed_at, self.attended, self.category


@dataclass
class Credit:
    amount: Decimal
    expires: datetime | None
    imported: tuple | None
    """The row it came from, as it is compared; None: by the course's own credit."""


@dataclass
class Held:
    course: str
    who: str
    id: str | None
    mail: str | None
    kind: str
    record: Record
    amount: Decimal
    expires: datetime | None
    imported: tuple
    run: int


@dataclass
class Store:
    courses: dict[str, Course] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)
    limits: dict[tuple[str, str], tuple[Decimal, bool]] = field(default_factory=dict)
    learners: dict[str, str | None] = field(default_factory=dict)
    logins: dict[str, datetime] = field(default_factory=dict)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    credits: dict[tuple[str, str, str], Credit] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    runs: int = 0

    def addressed(self, mail: str) -> list[str]:
        return [one for one, known in self.learners.items() if known is not None and known.lower() == mail]


@dataclass
class Line:
    outcome: str = ""
    codes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.outcome


@dataclass
class Row:
    """A row as it was read; None is blank or unreadable."""

    text: dict[str, str]
    line: Line
    course: str | None = None
    learner: str | None = None
    id: str | None = None
    mail: str | None = None
    who: str | None = None
    kind: str = ""
    known_kind: bool = False
    amount: Decimal = Decimal(0)
    expires: datetime | None = None
    complete: bool | None = None
    record: Record | None = None

    def find(self, code: str, *, note: bool = False) -> None:
        self.line.codes.append(code)
        if not note:
            self.line.outcome = "rejected"

    @property
    def imported(self) -> tuple:
        assert self.record is not None
        return (*self.record.said, self.amount, self.expires)


def instant(text: str) -> datetime | None:
    """A day, or a day and a time, as the specification's ISO 8601."""
    form = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
    if not re.fullmatch(form, text):
        return None
    zone = re.search(r"(?<=:[0-9]{2})([+-])([0-9]{2}):?([0-9]{2})$", text)
    plain = text.removesuffix("Z") if zone is None else text[: zone.start()]
    try:
        moment = datetime.fromisoformat(plain).replace(tzinfo=UTC)
    except ValueError:
        return None
    if zone is None:
        return moment
    shift = timedelta(hours=int(zone[2]), minutes=int(zone[3]))
    return moment - shift if zone[1] == "+" else moment + shift


def number(text: str) -> Decimal | None:
    """DECIMAL(6,2), not rounded."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,2})?", text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def is_address(text: str) -> bool:
    name, at, domain = text.partition("@")
    parts = domain.split(".")
    return bool(name and at and len(parts) > 1 and all(parts)) and "@" not in domain and not re.search(r"\s", text)


def whose(store: Store, row: Row, *, unknown: str | None) -> None:
    """Find the learner of a row: by the id, else by an address that one learner has."""
    own, mail = row.text["external_user_id"], row.text["external_email"]
    if not own and not mail:
        row.find("USER_KEY_MISSING")
    if mail and not is_address(mail):
        row.find("EMAIL_FORMAT")
        mail = ""
    row.id, row.mail = own or None, mail.lower() or None
    by_mail = store.addressed(row.mail) if row.mail else []
    if own in store.learners:
        row.learner = own
        if by_mail and own not in by_mail:
            row.find("USER_KEY_CONFLICT")
    elif len(by_mail) > 1:
        row.find("LEARNER_AMBIGUOUS")
    elif by_mail:
        row.learner = by_mail[0]
        if own:
            row.find("LEARNER_BY_ADDRESS", note=True)
    elif unknown and (own or row.mail):
        row.find(unknown)
    row.who = f"={row.learner}" if row.learner else f"#{own}" if own else f"@{row.mail}" if row.mail else None


def trimmed(cells: list[str], headings: list[str]) -> Row:
    row = Row({heading: cell.strip() for heading, cell in zip(headings, cells, strict=True)}, Line())
    for cell in cells:
        if cell.strip() and cell != cell.strip():
            row.find("VALUE_TRIMMED", note=True)
    return row


def read(store: Store, cells: list[str], course: str | None, *, needs_certificate: bool) -> Row:
    """Read a row and hold it against every rule that needs neither other rows nor stored records (§2)."""
    row = trimmed(cells, HEADINGS)
    text = row.text
    named = text["external_course_id"]
    if course is None:
        row.course = named or None
        if not named:
            row.find("COURSE_KEY_MISSING")
        if not text["title"]:
            row.find("TITLE_MISSING")
        known = store.courses.get(named)
        if needs_certificate and named and (known is None or known.required is None):
            row.find("SHELL_HAS_NO_CERTIFICATE")
    else:
        row.course = course
        if named and named != course:
            row.find("COURSE_MISMATCH")
        if course not in store.courses:
            row.find("COURSE_NOT_FOUND")
    whose(store, row, unknown=None)

    if not text["enrollment_start"] and text["participant_category"]:
        row.find("START_MISSING")
    moments = {}
    for heading in ("enrollment_start", "enrollment_end", "credit_expiration", "date_completed"):
        moments[heading] = instant(text[heading]) if text[heading] else None
        if text[heading] and moments[heading] is None:
            row.find("DATE_FORMAT")
    start, end = moments["enrollment_start"], moments["enrollment_end"]
    if start and end and end < start:
        row.find("DATE_ORDER")

    flags = {}
    for heading, code in (("complete", "COMPLETE_FORMAT"), ("attended", "ATTENDED_FORMAT")):
        flags[heading] = {"0": False, "1": True}.get(text[heading])
        if text[heading] and flags[heading] is None:
            row.find(code)
    row.complete = False if not text["complete"] else flags["complete"]
    category = text["participant_category"].lower()
    if category and category not in ("physician", "nonphysician"):
        row.find("CATEGORY_UNKNOWN")

    amount = number(text["credits"]) if text["credits"] else Decimal(0)
    if amount is None:
        row.find("CREDITS_FORMAT")
        amount = Decimal(0)
    row.amount = amount
    row.kind, row.known_kind = text["credit_type"], text["credit_type"] in store.types
    if amount > 0 and row.complete is False:
        row.find("CREDITS_ON_INCOMPLETE")
        row.amount = Decimal(0)
    if amount > 0 and not row.kind:
        row.find("CREDITS_WITHOUT_TYPE")
    if row.kind and not row.known_kind:
        row.find("MULTIPLE_TYPES_IN_CELL" if re.search("[,;|/]", row.kind) else "CREDIT_TYPE_UNKNOWN")
    row.expires = moments["credit_expiration"]
    row.record = Record(
        bool(row.complete),
        start,
        end,
        moments["date_completed"],
        flags["attended"],
        category or None,
        legacy=course is None,
    )
    return row


def hold_against_others(rows: list[Row]) -> None:
    """Find what rows of one learner and course may not share, or have to agree on (§3.2, §5)."""
    kinds, completes, categories = set(), {}, set()
    for row in rows:
        if row.course is None or row.who is None:
            continue
        own = (row.course, row.who)
        if (*own, row.kind) in kinds:
            row.find("DUPLICATE_CREDIT_TYPE_ROW")
        kinds.add((*own, row.kind))
        if row.complete is not None and completes.setdefault(own, row.complete) != row.complete:
            row.find("COMPLETE_DISAGREES")
        if row.text["participant_category"]:
            if own in categories:
                row.find("CATEGORY_ON_SECOND_ROW", note=True)
            categories.add(own)


def load_records(
    store: Store, cells: list[list[str]], *, now: datetime, course: str | None = None, needs_certificate: bool = False
) -> list[Line]:
    """Import a file of records (§1 to §3)."""
    store.runs += 1
    rows = [read(store, one, course, needs_certificate=needs_certificate) for one in cells]
    hold_against_others(rows)
    before = replace(
        store,
        courses=dict(store.courses),
        records=dict(store.records),
        credits=dict(store.credits),
        held=list(store.held),
    )
    made: set[str] = set()
    completed: dict[tuple[str, str], Record] = {}
    for row in rows:
        decide(store, before, row, now, made, completed)
    return [row.line for row in rows]


def decide(
    store: Store, before: Store, row: Row, now: datetime, made: set[str], completed: dict[tuple[str, str], Record]
) -> None:
    """Decide over one row, by what was stored before the file."""
    assert row.record is not None
    course = before.courses.get(row.course or "")
    own = (row.learner or "", row.course or "")
    waiting = [one for one in before.held if row.who and (one.course, one.who) == (row.course, row.who)]
    stored = None if waiting or not row.learner else before.records.get(own)
    credit = before.credits.get((*own, row.kind)) if stored is not None else None
    same = False
    if stored is not None and credit is not None:
        given = replace(row.record, category=row.record.category or stored.category)
        as_it_is = given.said == stored.said and (row.amount, row.expires) == (credit.amount, credit.expires)
        same = row.imported == credit.imported or as_it_is
    was_ok = row.line.ok
    if course is not None and course.required is not None and row.known_kind and not same:
        most, variable = before.limits.get((row.course or "", row.kind), (Decimal(0), None))
        if row.amount > most:
            row.find("CREDITS_TOO_HIGH")
        elif 0 < row.amount < most and not variable:
            row.find("CREDITS_NOT_VARIABLE")
    adds = row.complete and row.amount > 0 and not (credit is not None and credit.amount > 0)
    if was_ok and stored is not None and not same and not adds:
        row.find("RECORD_ALREADY_ASSIGNED")
    if not row.line.ok:
        return

    if row.learner is None or waiting:
        wait(store, row, waiting, now)
        if course is not None and course.required is False:
            row.find("NO_REQUIRED_OBJECT", note=True)
        row.find("HELD", note=True)
    elif same:
        row.line.outcome = "unchanged"
    else:
        row.line.outcome = "created" if stored is None else "updated"
        assign(store, row, stored, now, completed)
    if row.course not in store.courses:
        assert row.course is not None
        store.courses[row.course] = Course(None)
        row.find("SHELL_CREATED", note=True)
        if not made:
            row.find("SHELL_HAS_NO_CERTIFICATE", note=True)
        made.add(row.course)


def wait(store: Store, row: Row, waiting: list[Held], now: datetime) -> None:
    assert row.record is not None
    assert row.course is not None
    assert row.who is not None
    record = replace(row.record, since=now)
    new = Held(
        row.course, row.who, row.id, row.mail, row.kind, record, row.amount, row.expires, row.imported, store.runs
    )
    old = [one for one in waiting if one.kind == row.kind]
    if old and old[-1].imported == row.imported:
        row.line.outcome = "unchanged"
        return
    row.line.outcome = "held"
    if old:
        store.held[next(at for at, one in enumerate(store.held) if one is old[-1])] = new
    else:
        store.held.append(new)


def assign(
    store: Store, row: Row, stored: Record | None, now: datetime, completed: dict[tuple[str, str], Record]
) -> None:
    """Give a learner the enrollment, gathered from the rows in their order, and the credit."""
    assert row.record is not None
    assert row.learner is not None
    assert row.course is not None
    own = (row.learner, row.course)
    if stored is None or not stored.complete:
        asked = [completed[own], row.record] if own in completed else [row.record]
        completed[own] = gathered(asked)
        store.records[own] = replace(
            gathered([completed[own], stored] if stored else [completed[own]]), since=now, legacy=completed[own].legacy
        )
    store.credits[*own, row.kind] = Credit(row.amount, row.expires, row.imported)


def gathered(records: list[Record]) -> Record:
    """One record of several: of each value the first that is given; complete where one is."""

    def first(name: str):
        return next((getattr(one, name) for one in records if getattr(one, name) is not None), None)

    names = ("start", "end", "completed_at", "attended", "category")
    return replace(records[0], complete=any(one.complete for one in records), **{name: first(name) for name in names})


def assign_held(
    store: Store, learner: str, waiting: list[Held], now: datetime, login: datetime | None = None
) -> set[str]:
    """Assign what has waited for a learner (§3.4, §3.5); return the codes of it."""
    codes = set()
    waiting = sorted(waiting, key=lambda one: (one.run, position(store, one)))
    for course in dict.fromkeys(one.course for one in waiting):
        latest = {one.kind: one for one in waiting if one.course == course}
        own = (learner, course)
        stored = store.records.get(own)
        fits = {}
        for kind, one in latest.items():
            credit = store.credits.get((*own, kind))
            adds = one.record.complete and one.amount > 0 and not (credit and credit.amount > 0)
            if stored is None or adds:
                fits[kind] = one
            else:
                codes.add("HELD_STAYS")
        if not fits:
            continue
        at_once = store.courses[course].required is False and stored is None
        codes.add("COMPLETED_AT_ONCE" if at_once else "HELD_ASSIGNED")
        if stored is None or not stored.complete:
            in_order = [one for one in waiting if fits.get(one.kind) is one]
            record = gathered([one.record for one in in_order])
            record = replace(record, complete=record.complete or at_once, since=now)
            if record.complete and record.completed_at is None:
                record.completed_at = now if at_once else login
            if stored is not None:
                record = replace(gathered([record, stored]), since=now, legacy=record.legacy)
            store.records[own] = record
        for kind, one in fits.items():
            store.credits[*own, kind] = Credit(Decimal(0) if at_once else one.amount, one.expires, one.imported)
        if at_once:
            for (of_course, kind), (most, _) in store.limits.items():
                if of_course == course:
                    old = store.credits.get((*own, kind), Credit(most, None, None))
                    store.credits[*own, kind] = replace(old, amount=most)
        gone = [one for one in waiting if one.course == course and one.kind in fits]
        store.held = [one for one in store.held if not any(one is other for other in gone)]
    return codes


def position(store: Store, held: Held) -> int:
    return next(at for at, one in enumerate(store.held) if one is held)


def load_learners(store: Store, rows: list[list[str]], *, now: datetime) -> list[Line]:
    """Load learners (id and address), and assign what has waited for them."""
    store.runs += 1
    read_rows = [trimmed(one, ["external_user_id", "external_email"]) for one in rows]
    ids = [row.text["external_user_id"] for row in read_rows]
    for row, own in zip(read_rows, ids, strict=True):
        mail = row.text["external_email"]
        if not own:
            row.find("REQUIRED")
        if mail and not is_address(mail):
            row.find("EMAIL_FORMAT")
        if own and ids.count(own) > 1:
            row.find("KEY_DOUBLED")
    good = [row for row in read_rows if row.line.ok]
    for row in good:
        own, mail = row.text["external_user_id"], row.text["external_email"] or None
        known = own in store.learners
        row.line.outcome = "created" if not known else "unchanged" if store.learners[own] == mail else "updated"
        store.learners[own] = mail
    for row in good:
        own, mail = row.text["external_user_id"], row.text["external_email"].lower() or None
        alone = mail is not None and len(store.addressed(mail)) == 1
        waiting = [
            one
            for one in store.held
            if one.who == f"#{own}"
            or (alone and one.mail == mail and not one.who.startswith("=") and one.id not in store.learners)
        ]
        later = [one for one in waiting if store.courses[one.course].assign == "login"]
        for one in later:
            store.held[position(store, one)] = replace(one, who=f"={own}", run=store.runs)
        codes = assign_held(store, own, [one for one in waiting if one not in later], now)
        row.line.codes += sorted(codes | ({"WAITS_FOR_LOGIN"} if later else set()))
    return [row.line for row in read_rows]


def load_logins(store: Store, rows: list[list[str]], *, now: datetime) -> list[Line]:
    """Load logins (id, address, instant): assign what waits for them, date completions."""
    store.runs += 1
    read_rows = [trimmed(one, ["external_user_id", "external_email", "logged_in_at"]) for one in rows]
    for row in read_rows:
        whose(store, row, unknown="LEARNER_NOT_FOUND")
        text = row.text["logged_in_at"]
        row.expires = instant(text)
        if row.expires is None:
            row.find("DATE_FORMAT" if text else "REQUIRED")
    named = [row.who for row in read_rows]
    for row in read_rows:
        if row.who and named.count(row.who) > 1:
            row.find("KEY_DOUBLED")
    for row in read_rows:
        if not row.line.ok:
            continue
        own, at = row.learner, row.expires
        assert own is not None
        assert at is not None
        dated = [
            record
            for (learner, _), record in store.records.items()
            if learner == own and record.complete and record.completed_at is None and is_before(record, at)
        ]
        waiting = [one for one in store.held if one.who == f"={own}" and is_before(one.record, at)]
        codes = assign_held(store, own, waiting, now, at)
        for record in dated:
            record.completed_at = at
            codes.add("COMPLETION_DATED")
        later = own in store.logins and at > store.logins[own]
        effect = codes - {"HELD_STAYS"}
        row.line.outcome = "created" if own not in store.logins else "updated" if later or effect else "unchanged"
        store.logins[own] = max(at, store.logins.get(own, at))
        row.line.codes += sorted(codes)
    return [row.line for row in read_rows]


def is_before(record: Record, at: datetime) -> bool:
    return record.since is not None and record.since <= at
