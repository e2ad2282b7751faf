"""Say record by record what a load of users and enrollments must do: a model written from the specification alone.

Sections (§) are those of user-enrollment.md. What was chosen where it leaves room stands in notes.md. Inside the
model passwords are compared, and ledgers kept, in plain text.
"""

from dataclasses import dataclass, field
from datetime import datetime

from .user_enrollment_store import (
    FIELDS,
    KEY_FIELDS,
    MEMBERSHIP_FIELDS,
    NUMBER_OF_FIELD,
    NUMBER_OF_WORD,
    OTHER,
    PERSON_FIELDS,
    REQUIRED_OF_PERSON,
    UNCHANGED,
    FileRefusedError,
    Key,
    Store,
    fault_of,
    fold,
    normalise,
    read_rows,
)


@dataclass
class Line:
    """A line of the transaction log, and the outcome of its record."""

    record: int
    line: int
    outcome: str  # created, updated, unchanged, rejected or skipped
    result: str  # SUCCESS, FAILED or SKIPPED
    action: str = ""
    person_id: str = ""
    login_id: str = ""
    target: str = ""
    role_id: str = ""
    person_code: int = 0
    person_words: set[str] = field(default_factory=set)
    membership_code: int = 0
    membership_words: set[str] = field(default_factory=set)


# ---- the two forms of a file


def apply(
    store: Store,
    text: str,
    *,
    now: datetime,
    delimiter: str,
    source: str | None = None,
    reapply: bool = False,
    only: str | None = None,
) -> list[Line]:
    """Apply a delimited file; `source` is the site's client string, `only` is create or update.

    Raises FileRefusedError, and then has changed nothing.
    """
    records = []
    for number, cells in enumerate(read_rows(text, delimiter, len(FIELDS)), start=1):
        record = Record(store, number, number)
        records.append(record)
        if isinstance(cells, str):
            record.findings = [("", cells)]
            continue
        for name, cell in zip(FIELDS, cells, strict=True):
            value = normalise(name, cell)
            is_required = name in KEY_FIELDS or name in REQUIRED_OF_PERSON
            record.values[name] = value if value or is_required else None  # a blank position leaves what is stored
    return take(store, records, now=now, source=source, reapply=reapply, only=only)


def apply_records(
    store: Store,
    records: list[dict],
    *,
    now: datetime,
    source: str | None = None,
    reapply: bool = False,
    only: str | None = None,
    may_change_login: bool = True,
) -> list[Line]:
    """Apply the records of an XML file: of each field a value, "" (its element is empty) or None (it has none).

    A record may also have its "line" and "properties", a dictionary. Raises FileRefusedError as `apply` does.
    """
    taken = []
    for number, one in enumerate(records, start=1):
        record = Record(store, number, one.get("line", number), may_change_login, in_xml=True)
        for name in FIELDS:
            value = one.get(name)
            record.values[name] = None if value is None else normalise(name, value)
        for name in KEY_FIELDS:
            record.values[name] = record.values[name] or ""
        for name in MEMBERSHIP_FIELDS:
            record.values[name] = record.values[name] or None
        record.properties = dict(one.get("properties") or {})
        taken.append(record)
    return take(store, taken, now=now, source=source, reapply=reapply, only=only, in_xml=True)


def take(
    store: Store,
    records: list["Record"],
    *,
    now: datetime,
    source: str | None,
    reapply: bool,
    only: str | None,
    in_xml: bool = False,
) -> list[Line]:
    """Take the records in file order (§3)."""
    for record in records:
        record.check_form(source)
    known = [] if reapply else known_beginnings(store, records, in_xml)
    lines = []
    for record in records:
        if record in known:
            lines.append(record.say("skipped", already_applied=True))
        else:
            record.check_against_store(now)
            lines.append(record.settle(only))
    return lines


def known_beginnings(store: Store, records: list["Record"], in_xml: bool) -> list["Record"]:
    """Return, of each person, the longest beginning of the records that equals the end of the ledger (§3).

    A record that is wrong or failed is in no ledger, and so ends such a beginning by itself.
    """
    of_person: dict[Key, list[Record]] = {}
    for record in records:
        if record.has_key:
            of_person.setdefault(record.key, []).append(record)
    known = []
    for key, own in of_person.items():
        ledger = store.ledger.get(key, [])
        for length in range(min(len(own), len(ledger)), 0, -1):
            beginning = own[:length]
            if [record.as_remembered() for record in beginning] == ledger[-length:]:
                if in_xml and length < len(own):
                    raise FileRefusedError("CUMULATIVE_XML")
                known += beginning
                break
    return known


# ---- a record


class Record:
    """One record on its way: checked by itself, held against the store, then decided."""

    def __init__(self, store: Store, number: int, line: int, may_change_login: bool = False, in_xml: bool = False):
        self.store = store
        self.number = number
        self.line = line
        self.may_change_login = may_change_login
        self.in_xml = in_xml
        self.values: dict[str, str | None] = dict.fromkeys(FIELDS)  # "" clears, None leaves what is stored
        self.properties: dict[str, str] = {}
        self.findings: list[tuple[str, str]] = []  # field and word; no field: the whole record
        self.has_key = False  # whether it can be told whose record this is

    def is_bad(self, *names: str) -> bool:
        return any(name in ("", *names) for name, _ in self.findings)

    @property
    def action(self) -> str | None:
        """Return the action if it is one."""
        return None if self.is_bad("action") else self.values["action"]

    @property
    def key(self) -> Key:
        return self.values["source"] or "", self.values["person_id"] or ""

    @property
    def person(self) -> dict[str, str] | None:
        """Return what is stored of the person."""
        return self.store.persons.get(self.key) if self.has_key else None

    @property
    def targets(self) -> list[str]:
        return [name for name in ("call_number", "node_string") if self.values[name] is not None]

    @property
    def enrollment(self) -> tuple[Key, str, str]:
        """Return what the enrollment is known by."""
        name = self.targets[0]
        return self.key, "section" if name == "call_number" else "node", self.values[name] or ""

    def as_remembered(self) -> tuple:
        """Return what the ledger keeps."""
        counting = [name for name in FIELDS if self.values["action"] != "DROP" or name not in PERSON_FIELDS]
        own = self.properties if self.values["action"] != "DROP" else {}
        return *(self.values[name] for name in counting), *sorted(own.items())

    # ---- checks

    def check_form(self, source: str | None) -> None:
        """Find what can be told without the store."""
        if self.findings:
            return
        for name in FIELDS:
            value = self.values[name]
            if value == "" and name in KEY_FIELDS + REQUIRED_OF_PERSON:
                self.findings.append((name, "REQUIRED"))
            elif value and (word := fault_of(name, value)):
                is_deletion = self.in_xml and (name, value) == ("action", "DELETE")
                self.findings.append((name, "PERSON_STAYS" if is_deletion else word))
        if source is not None and not self.is_bad("source") and self.values["source"] != source:
            self.findings.append(("source", "SOURCE_UNKNOWN"))
        self.has_key = not self.is_bad("source", "person_id")

        if self.action in ("ENROLL", "DROP"):
            if len(self.targets) == 2:
                self.findings.append(("call_number", "TARGET_DOUBLED"))
            if len(self.targets) == 0:
                self.findings.append(("call_number", "TARGET_MISSING"))
            if self.values["role_id"] is None:
                self.findings.append(("role_id", "REQUIRED"))
        elif self.action in ("ADD", "UPDATE"):
            for name in MEMBERSHIP_FIELDS:
                if self.values[name] is not None and not self.is_bad(name):
                    word = "ROLE_NOT_ALLOWED" if name == "role_id" else "TARGET_NOT_ALLOWED"
                    self.findings.append((name, word))

    def check_against_store(self, now: datetime) -> None:
        """Find what is wrong with it as the records before it left the store."""
        if self.has_key and self.action is not None:
            self.check_person()
        if self.action in ("ENROLL", "DROP"):
            self.check_membership(now)

    def check_person(self) -> None:
        if self.action in ("UPDATE", "DROP") and self.person is None:
            self.findings.append(("person_id", "PERSON_NOT_FOUND"))
        elif self.action == "ADD" and self.person is not None:
            if self.person_after() != self.person or self.properties_after() != self.properties_before():
                self.findings.append(("person_id", "PERSON_EXISTS"))
        elif self.action != "DROP":
            if self.person is None and all(self.values[name] is None for name in PERSON_FIELDS):
                self.findings.append(("person_id", "PERSON_NOT_FOUND"))
                return
            if self.person is None:
                for name in REQUIRED_OF_PERSON:
                    if self.values[name] is None:
                        self.findings.append((name, "REQUIRED"))
                if self.values["password"] == UNCHANGED:
                    self.findings.append(("password", "PASSWORD_FORMAT"))
            self.check_login()

    def check_login(self) -> None:
        login = fold(self.values["login_id"])
        if login is None or self.is_bad("login_id"):
            return
        if self.person is not None and login == fold(self.person["login_id"]):
            return
        if self.person is not None and not self.may_change_login:
            self.findings.append(("login_id", "LOGIN_CHANGE_NEEDS_XML"))
        elif any(fold(other["login_id"]) == login for other in self.store.persons.values()):
            self.findings.append(("login_id", "LOGIN_TAKEN"))

    def check_membership(self, now: datetime) -> None:
        role = self.values["role_id"]
        if role is not None and not self.is_bad("role_id") and role not in self.store.roles:
            self.findings.append(("role_id", "ROLE_NOT_FOUND"))

        if len(self.targets) != 1 or self.is_bad(*self.targets):
            return
        name, target = self.targets[0], self.values[self.targets[0]] or ""
        section = self.store.sections.get(target)
        if name == "node_string":
            if target not in self.store.nodes:
                self.findings.append((name, "NODE_NOT_FOUND"))
        elif section is None:
            self.findings.append((name, "SECTION_NOT_FOUND"))
        elif section.expires is not None and section.expires <= now:
            self.findings.append((name, "SECTION_EXPIRED"))
        can_be_looked_for = self.action == "DROP" and self.person is not None and not self.is_bad(name)
        if can_be_looked_for and self.enrollment not in self.store.enrollments:
            self.findings.append((name, "ENROLLMENT_NOT_FOUND"))

    # ---- effects

    def person_after(self) -> dict[str, str]:
        """Return the person as this record leaves it; values in error leave what is stored."""
        after = dict(self.person or {})
        for name in PERSON_FIELDS:
            value = self.values[name]
            is_same_login = name == "login_id" and fold(value) == fold(after.get(name))
            if value is None or self.is_bad(name) or is_same_login or (name == "password" and value == UNCHANGED):
                continue
            after[name] = value
            if value == "":
                del after[name]
        return after

    def properties_before(self) -> dict[str, str]:
        return self.store.properties.get(self.key, {})

    def properties_after(self) -> dict[str, str]:
        after = {**self.properties_before(), **self.properties}
        return {name: value for name, value in after.items() if value != ""}

    def settle(self, only: str | None) -> Line:
        """Decide a checked record and put it into effect; one with any error has none."""
        if self.findings:
            return self.say("rejected")
        outcome = self.outcome()
        if only is not None and (only == "create") != (outcome == "created"):
            return self.say("skipped")
        if self.action == "DROP":
            del self.store.enrollments[self.enrollment]
        else:
            person, properties = self.person_after(), self.properties_after()
            self.store.persons[self.key] = person
            if properties or self.key in self.store.properties:
                self.store.properties[self.key] = properties
        if self.action == "ENROLL":
            self.store.enrollments[self.enrollment] = self.values["role_id"] or ""
        self.store.ledger.setdefault(self.key, []).append(self.as_remembered())
        return self.say(outcome)

    def outcome(self) -> str:
        """Return what the record would do to the store as it is."""
        if self.action == "DROP":
            return "updated"
        is_new = self.person is None or (self.action == "ENROLL" and self.enrollment not in self.store.enrollments)
        if is_new:
            return "created"
        has_other_role = self.action == "ENROLL" and self.store.enrollments[self.enrollment] != self.values["role_id"]
        is_other = self.person_after() != self.person or self.properties_after() != self.properties_before()
        return "updated" if is_other or has_other_role else "unchanged"

    def say(self, outcome: str, *, already_applied: bool = False) -> Line:
        """Return the record's line of the log."""
        result = {"rejected": "FAILED", "skipped": "SKIPPED"}.get(outcome, "SUCCESS")
        line = Line(self.number, self.line, outcome, result)
        line.action, line.person_id, line.login_id, line.role_id = (
            self.values[name] or "" for name in ("action", "person_id", "login_id", "role_id")
        )
        line.target = self.values[self.targets[0]] or "" if self.targets else ""
        findings = list(self.findings)
        if already_applied:
            findings = [("action", "ALREADY_APPLIED")]
            if self.action in ("ENROLL", "DROP"):
                findings.append(("role_id", "ALREADY_APPLIED"))
        line.person_code, line.person_words = half(findings, [*KEY_FIELDS, *PERSON_FIELDS, ""])
        line.membership_code, line.membership_words = half(findings, [*MEMBERSHIP_FIELDS, ""])
        return line


def half(findings: list[tuple[str, str]], names: list[str]) -> tuple[int, set[str]]:
    """Return the code of a half, which is that of its finding furthest left, and its words."""
    own = [(name, word) for name in names for found, word in findings if found == name]
    if not own:
        return 0, set()
    name, word = own[0]
    return NUMBER_OF_WORD.get(word, NUMBER_OF_FIELD.get(name, OTHER)), {word for _, word in own}
