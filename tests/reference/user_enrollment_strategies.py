"""Random small institutions and the files of users and enrollments that come to them, crowded so that records meet.

Draw `cases()` for a whole story: a store of reference data and the files after it, delimited and XML, of which many
are an earlier file again, with more rows, with fewer, or mended. Persons come into the store by those files alone, so
that the ledger is the product's own. `every_fault()` is a file with each wrong value.
"""

import contextlib
import copy
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from .user_enrollment import apply, apply_records
from .user_enrollment_store import (
    FIELDS,
    MEMBERSHIP_FIELDS,
    PERSON_FIELDS,
    UNCHANGED,
    FileRefusedError,
    Section,
    Store,
    Term,
    normalise,
)
from .user_enrollment_xml import Xml, to_xml

NOW = datetime(2026, 11, 21, 8, 7, 30, tzinfo=UTC)
CLIENT = "strata"
NO_BREAK_SPACE = "\u00a0"

KEYS = [(CLIENT, "S1"), (CLIENT, "S2"), (CLIENT, "s1"), (CLIENT, "007"), ("Strata", "S1")]
LOGINS = ["jdoe", "Ann.Lee", "zoë"]
VALUES = {  # of each field but key, login and target: good values, the blank one among them where it may be
    "password": ["", "", "Secret1", "secret1", "p\u00e4ss", "pa\u0308ss", " pass word ", 'pa"ss', "p" * 50],
    "first_name": ["Ann", "José", 'Ann "Annie"', "=1+1"],
    "middle_name": ["", "", "Q", "de la"],
    "last_name": ["Lee", "O'Neil", "l" * 100],
    "gender": ["", "M", "F", "0", "1", "2"],
    "dob": ["", "2012-02-29", "1969-12-31"],
    "disability": ["", "", "dyslexia"],
    "email": ["ann@example.org", "é+1@sub.example.org"],
    "phone": ["", "", "+1 555 0100"],
    "address1": ["", "1 Main St"],
    "address2": ["", "", "Apt 7"],
    "city": ["", "Zürich"],
    "state": ["", "CO"],
    "postal_code": ["", "08001"],
    "country": ["", "US"],
}
SECTIONS = ["MATH101", "BIO 2", "OLD"]
NODES = ["N1", "MATH101"]  # one is called as a section is
ROLES = ["1", "2", "30"]

BAD_VALUES = {
    "action": ["", "add", "DELETE", "ENROL", "ADD", "UPDATE", "ENROLL", "DROP"],
    "source": ["", " ", "other", "s" * 33, "str\x7fata"],
    "person_id": ["", NO_BREAK_SPACE, "p" * 101, "S9", "S\x851"],
    "login_id": ["", "two words", f"nb{NO_BREAK_SPACE}space", "x" * 101, "j\x07doe", *LOGINS],
    "password": [UNCHANGED, "p" * 51, "pass\x1fword", "   ", UNCHANGED],
    "first_name": ["", "f" * 101],
    "middle_name": ["m" * 101],
    "last_name": ["", "  ", "l" * 101, "Le\x7fe"],
    "gender": ["m", "X", "3", "Female"],
    "dob": ["2012-2-9", "2013-02-29", "02/29/2012", "1899-12-31", "２012-02-09"],
    "disability": ["d" * 256],
    "email": ["", "ann", "ann@org", "a@b@c.org", "a b@example.org", "@example.org", "a@b..org", "e" * 250 + "@x.org"],
    "phone": ["5" * 31],
    "address1": ["a" * 101],
    "address2": ["a" * 101],
    "city": ["c" * 101],
    "state": ["s" * 51],
    "postal_code": ["0" * 21],
    "country": ["u" * 51],
    "call_number": ["MATH101", "", "math101", "N1", "GONE", "c" * 101, "OLD", "BIO\x7f2"],
    "node_string": ["N1", "", "N9", "BIO 2", "n" * 101],
    "role_id": ["2", "", "3", "01", "Student", "²", "1" * 11],
}

Row = dict[str, str]


@dataclass
class Step:
    """One file, as text, and the options it is loaded with; `records` are those of an XML file."""

    text: str
    delimiter: str | None = None  # None: XML
    records: list[dict] | None = None
    options: dict = field(default_factory=dict)

    def apply_to(self, store: Store) -> list:
        """Load the file into the model's store. Raises FileRefusedError."""
        if self.records is None:
            return apply(store, self.text, now=NOW, delimiter=self.delimiter or "", **self.options)
        return apply_records(store, self.records, now=NOW, **self.options)


@dataclass
class Case:
    """A store without persons, and the files that are loaded into it in this order."""

    store: Store
    steps: list[Step]


def pick(draw: st.DrawFn, values: list):
    return draw(st.sampled_from(values))


def rarely(draw: st.DrawFn, one_in: int) -> bool:
    """Say yes once in so many times; not at the ends of the range, which are drawn more often."""
    return draw(st.integers(0, one_in - 1)) == one_in // 2


@st.composite
def stores(draw: st.DrawFn) -> Store:
    """Reference data: three sections of which one is expired or is so from now on, two nodes, three roles, no person."""
    store = Store(nodes=dict.fromkeys(NODES, "Node"), terms={"T1": Term("sis", "2026F", "Fall")})
    expiries = [None, NOW + timedelta(days=1), pick(draw, [NOW, NOW - timedelta(days=1)])]
    for call_number, expires in zip(SECTIONS, expiries, strict=True):
        store.sections[call_number] = Section(call_number[:4], f"Title {call_number}", "Top|T1", "T1", expires)
    store.roles = {role: f"Role {role}" for role in ROLES}
    return store


# ---- rows of a delimited file


def draw_row(draw: st.DrawFn, seen: Store, key: tuple[str, str], is_tidy: bool) -> Row:
    """One row by field: what the store holds of the person, often changed, then now and then spoiled."""
    person = seen.persons.get(key)
    row = dict.fromkeys(FIELDS, "")
    row |= {"source": key[0], "person_id": key[1], "login_id": draw_login(draw, seen, key, is_tidy)}
    for name, values in VALUES.items():
        row[name] = pick(draw, values)
    if person is not None and not rarely(draw, 3):
        changed = draw(st.sets(st.sampled_from(list(VALUES)), max_size=2))
        row |= {name: person.get(name, "") for name in VALUES if name not in changed}

    known = [one for one in seen.enrollments if one[0] == key]
    actions = ["ADD", "ENROLL", "ENROLL"] if person is None else ["UPDATE", "ENROLL", "ENROLL", "DROP", "DROP", "ADD"]
    row["action"] = pick(draw, actions if is_tidy else [*actions, *actions, "UPDATE", "DROP"])
    if row["action"] in ("ENROLL", "DROP"):
        row |= draw_target(draw, known, row["action"])
    for _ in range(0 if is_tidy else pick(draw, [1, 0, 1, 2, 1, 0])):
        name = pick(draw, [*BAD_VALUES, *["login_id", "password", *MEMBERSHIP_FIELDS] * 3])
        row[name] = pick(draw, BAD_VALUES[name])
    if rarely(draw, 4):
        name = pick(draw, FIELDS[3:] if is_tidy else FIELDS)
        row[name] = draw_other_spelling(draw, row[name])
    return row


def draw_login(draw: st.DrawFn, seen: Store, key: tuple[str, str], is_tidy: bool) -> str:
    """The person's own login, perhaps in other letters; of a new person a free one, or one of the three."""
    person = seen.persons.get(key)
    if person is not None and (is_tidy or not rarely(draw, 5)):
        return person["login_id"] if draw(st.booleans()) else person["login_id"].swapcase()
    taken = {one["login_id"].lower() for one in seen.persons.values()}
    own = [f"user.{KEYS.index(key)}" if key in KEYS else "user.x"]
    free = [login for login in LOGINS if login.lower() not in taken] or own
    return pick(draw, [*free, *own] if is_tidy else [*free, *own, *LOGINS])


def draw_target(draw: st.DrawFn, known: list[tuple], action: str) -> Row:
    """Target and role of a membership, of a drop mostly one that is there."""
    if known and (action == "DROP" or rarely(draw, 3)) and not rarely(draw, 5):
        _, kind, target = pick(draw, known)
    else:
        kind = pick(draw, ["section", "section", "node"])
        target = pick(draw, [*SECTIONS[:2], SECTIONS[0], pick(draw, SECTIONS)] if kind == "section" else NODES)
    return {"call_number" if kind == "section" else "node_string": target, "role_id": pick(draw, ROLES)}


def draw_other_spelling(draw: st.DrawFn, text: str) -> str:
    """The same text with blanks around it, in other letters or with decomposed accents."""
    return pick(draw, [f" {text}", f"{text}{NO_BREAK_SPACE} ", text.lower(), unicodedata.normalize("NFD", text)])


def draw_swing(draw: st.DrawFn, rows: list[Row]) -> list[Row]:
    """The rows with one more: the other of ENROLL and DROP for the last membership of a person."""
    memberships = [row for row in rows if row["action"] in ("ENROLL", "DROP")]
    if not memberships:
        return rows
    chosen = pick(draw, memberships)
    same = ["source", "person_id", "call_number", "node_string"]
    last = [row for row in memberships if all(row[name] == chosen[name] for name in same)][-1]
    return [*rows, {**last, "action": "DROP" if last["action"] == "ENROLL" else "ENROLL"}]


def draw_rows(draw: st.DrawFn, seen: Store, is_tidy: bool) -> list[Row]:
    """Some rows; each is drawn for the store as the rows before would leave it."""
    ahead = copy.deepcopy(seen)
    rows: list[Row] = []
    for _ in range(pick(draw, [1, 2, 3, 4, 6, 8])):
        if rows and rarely(draw, 6):
            rows.append(dict(pick(draw, rows)))  # once more
        else:
            rows.append(draw_row(draw, ahead, pick(draw, KEYS), is_tidy))
        with contextlib.suppress(FileRefusedError):
            apply(ahead, to_delimited(rows[-1:], "|"), now=NOW, delimiter="|", reapply=True)
    return rows


def every_fault() -> list[Row]:
    """Rows with every wrong value of the lists, of each action; the person of the first two rows is there."""
    sound = dict.fromkeys(FIELDS, "") | {"source": CLIENT, "first_name": "A", "last_name": "B", "email": "a@b.org"}
    there = {"person_id": "P0", "login_id": "there.0"}
    member = {"call_number": SECTIONS[0], "role_id": "2"}
    rows = [{**sound, **there, **member, "action": "ENROLL"}, {**sound, **there, "action": "ADD", "city": "Bern"}]
    for action in ("ADD", "UPDATE", "ENROLL", "DROP"):
        of_action = member if action in ("ENROLL", "DROP") else {}
        for name, values in BAD_VALUES.items():
            for value in values:
                new = {"person_id": f"P{len(rows)}", "login_id": f"new.{len(rows)}"}
                own = there if action in ("UPDATE", "DROP") else new
                rows.append({**sound, **own, **of_action, "action": action, name: value})
                if name in MEMBERSHIP_FIELDS[:2]:
                    rows.append({**rows[-1], "call_number": "", "node_string": "", name: value})
    return rows


def draw_next_rows(draw: st.DrawFn, seen: Store, rows: list[Row], log: list | None) -> list[Row]:
    """The next delimited file: a new one, or made of the last one as offices make them."""
    way = pick(
        draw, ["new", "grown", "swung", "new", "grown", "swung", "new", "same", "tail", "gap", "mended", "mixed"]
    )
    if way == "new" or not rows:
        return draw_rows(draw, seen, draw(st.booleans()))
    if way == "same":
        return rows
    if way == "grown":
        return rows + draw_rows(draw, seen, draw(st.booleans()))
    if way == "swung":
        return draw_swing(draw, rows)
    if way == "tail":
        return rows[draw(st.integers(0, len(rows) - 1)) :]
    if way == "gap":
        at = draw(st.integers(0, len(rows) - 1))
        return (rows[:at] + rows[at + 1 :]) or rows
    if way == "mended" and log is not None and len(log) == len(rows):
        rejected = [row for row, line in zip(rows, log, strict=True) if line.outcome == "rejected"]
        return [draw_row(draw, seen, (row["source"], row["person_id"]), True) for row in rejected] or rows
    return draw(st.permutations(rows + draw_rows(draw, seen, True)[:2]))


def to_delimited(rows: list[Row], delimiter: str, newline: str = "\n") -> str:
    """Write rows, a line each; a value that holds the delimiter makes its line wrong, as it does in real files."""
    return "".join(delimiter.join(row[name] for name in FIELDS) + newline for row in rows)


def draw_delimited(draw: st.DrawFn, rows: list[Row], is_tidy: bool) -> tuple[str, str]:
    """The text of a file and its delimiter; untidy ones have blank lines, and lines with values lacking or over."""
    delimiter = pick(draw, [",", "\t", "|"])
    lines = to_delimited(rows, delimiter).split("\n")[:-1]
    for at in range(len(lines)):
        if not is_tidy and rarely(draw, 16):
            cut = lines[at].split(delimiter)
            lines[at] = delimiter.join(pick(draw, [cut[:-1], cut[:5], [*cut, ""], cut[1:]]))
    if not is_tidy and rarely(draw, 6):
        lines.insert(draw(st.integers(0, len(lines))), pick(draw, ["", "  ", delimiter * (len(FIELDS) - 1)]))
    newline = pick(draw, ["\n", "\n", "\r\n"])
    return newline.join(lines) + pick(draw, [newline, "", newline * 2]), delimiter


# ---- records of an XML file


def draw_records(draw: st.DrawFn, seen: Store) -> list[dict]:
    """Records as XML can have them: of a person one or two of its own, or memberships that share its fields."""
    records: list[dict] = []
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True)):
        base = draw_fields(draw, seen, key)
        if rarely(draw, 3):
            person = seen.persons.get(key)
            actions = ["ADD", "ADD", "UPDATE"] if person is None else ["UPDATE", "UPDATE", "ADD", "DELETE"]
            records.append({**base, "action": pick(draw, actions)})
            if rarely(draw, 4):
                records.append({**draw_fields(draw, seen, key), "action": "UPDATE"})
            continue
        has_person = not rarely(draw, 8 if key not in seen.persons else 3)
        shared = base if has_person else dict.fromkeys(FIELDS) | {"source": key[0], "person_id": key[1]}
        known = [one for one in seen.enrollments if one[0] == key]
        for _ in range(pick(draw, [1, 1, 1, 2, 3])):
            action = pick(draw, ["ENROLL", "DROP", "ENROLL"] if known or rarely(draw, 6) else ["ENROLL"])
            own = shared if action == "ENROLL" else {**dict.fromkeys(FIELDS), "source": key[0], "person_id": key[1]}
            records.append({**own, "action": action, **draw_target(draw, known, action)})
            if rarely(draw, 6):
                name = pick(draw, ["role_id", "node_string" if records[-1]["node_string"] else "call_number"])
                records[-1][name] = pick(draw, BAD_VALUES[name]) or None
    return draw(st.permutations(records))


def draw_fields(draw: st.DrawFn, seen: Store, key: tuple[str, str]) -> dict:
    """The fields of a person element: values, empty elements ("") and elements that are absent (None)."""
    person = seen.persons.get(key)
    fields: dict = dict.fromkeys(FIELDS) | {"source": key[0], "person_id": key[1]}
    fields["login_id"] = pick(draw, LOGINS) if rarely(draw, 4) else draw_login(draw, seen, key, False)
    for name, values in VALUES.items():
        fields[name] = pick(draw, [*values, *([None, None, *[person.get(name)] * 4] if person else values * 4), None])
    for _ in range(pick(draw, [0, 0, 0, 0, 1, 2])):
        name = pick(draw, PERSON_FIELDS)
        value = pick(draw, BAD_VALUES[name])
        fields[name] = None if any(character < " " for character in value) else value  # XML has no such characters
    if rarely(draw, 4):
        fields["properties"] = draw(
            st.dictionaries(st.sampled_from(["key", "House & Home"]), st.sampled_from(["1", ""]))
        )
    if fields["login_id"] is None:
        fields["password"] = None  # stands in an attribute of the login
    if fields["address1"] is None:
        fields["address2"] = None  # is the second street
    return fields


def records_of(rows: list[Row]) -> list[dict]:
    """The rows of a delimited file as records of an XML file; blank optional positions are absent elements.

    Right for `to_xml` only where each person has either no membership or none but memberships with the same fields.
    """
    required = ["action", "source", "person_id", "login_id", "first_name", "last_name", "email"]
    return [
        {name: value if normalise(name, value) or name in required else None for name, value in row.items()}
        for row in rows
    ]


# ---- stories


@st.composite
def cases(draw: st.DrawFn, *, max_files: int = 5) -> Case:
    """Reference data, a tidy first file that brings persons, and the files after it."""
    store = draw(stores())
    seen = copy.deepcopy(store)
    steps: list[Step] = []
    rows: list[Row] = []
    log: list | None = None
    last_records: list[dict] = []
    for number in range(draw(st.integers(1, max_files))):
        options = draw_options(draw) if number else {}
        if number and rarely(draw, 3):
            last_records = last_records if last_records and rarely(draw, 3) else draw_records(draw, seen)
            text, records = to_xml(last_records, Xml(*(draw(st.booleans()) for _ in range(4))))
            step = Step(text, None, records, options)
        else:
            rows = draw_next_rows(draw, seen, rows, log) if number else draw_rows(draw, seen, True)
            text, delimiter = draw_delimited(draw, rows, not number or draw(st.booleans()))
            step = Step(text, delimiter, None, options)
        steps.append(step)
        log = None
        with contextlib.suppress(FileRefusedError):
            lines = step.apply_to(seen)
            log = lines if step.records is None else None
    return Case(store, steps)


@st.composite
def twins(draw: st.DrawFn, seen: Store) -> tuple[list[Row], list[dict]]:
    """The rows of a delimited file, and the records of an XML file with the same content, for a store.

    XML cannot give a person both a record of its own and memberships, nor the fields of one person twice.
    """
    rows: list[Row] = []
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True)):
        first = draw_row(draw, seen, key, True)
        first["address2"] *= first["address1"] != ""  # of two streets XML tells which is the second by the first
        rows.append(first)
        if first["action"] in ("ENROLL", "DROP"):
            rows += draw_swing(draw, [first])[1:] if draw(st.booleans()) else []
    rows = draw(st.permutations(rows))
    return rows, records_of(rows)


def draw_options(draw: st.DrawFn) -> dict:
    """Mostly none."""
    return pick(draw, [{}, {}, {}, {}, {"reapply": True}, {"only": "create"}, {"only": "update"}, {"source": CLIENT}])
