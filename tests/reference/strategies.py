"""Random small stores and files of enrollments, crowded so that rows meet over seats, keys and faults.

Draw `cases()` for a whole story: a store and the files loaded into it, one after another. What a file holds
comes from the short lists below, good values and bad ones, so a failing example reads like a hand-made one.
"""

import copy
import csv
import io
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from .enrollment import (
    ALLOWED_POST_STATUSES,
    CHANGED,
    ENROLLED,
    ENROLLMENT,
    ENROLLMENT_ID,
    HEADINGS,
    POST,
    POST_STATUSES,
    PRE,
    PRE_STATUSES,
    PRE_STATUSES_FOR_TYPE,
    PRIORITY,
    ROSTER,
    USERNAME,
    ZONE,
    Event,
    Record,
    Store,
    fold_username,
    load,
)

NO_BREAK_SPACE = "\u00a0"

EVENT_NAMES = ["Safety", "Café Basics", "First Aid (Level 2)", 'Fire, Smoke & "Doors"']
USERNAMES = ["ann", "Bob", "josé", "li.wei", "o'neil", "Zoë"]
FIELD_NAMES = ["Room", "Größe", "Diet", "Badge No."]
ROSTER_DATA = ["A1", "a = b", "naïve, yes", "007", 'said "hi"']

ZONES = [
    "Eastern Standard Time",
    "Azores Standard Time",
    "Lord Howe Standard Time",
    "Samoa Standard Time",
    "Chatham Islands Standard Time",
    "British Columbia Standard Time",
    "US Mountain Standard Time",
    "UTC",
]
BAD_ZONES = [
    "America/New_York",
    "Eastern",
    "(UTC-05:00) Eastern Time (US & Canada)",
    "Eastern  Standard Time",
    f"Eastern{NO_BREAK_SPACE}Standard Time",
    "EST",
]

GOOD_DATES = [
    "01/02/2015 08:00 AM",
    "09/17/2015 12:00 AM",
    "09/17/2015 12:00 PM",
    "12/31/2015 11:45 PM",
    "02/29/2016 12:15 PM",
    "01/15/2027 08:00 AM",
    "07/01/2040 09:30 AM",
]
CLOCK_CHANGE_DATES = [
    "03/08/2015 02:30 AM",  # missing in Eastern
    "11/01/2015 01:30 AM",  # doubled in Eastern
    "03/29/2015 12:00 AM",  # missing in the Azores
    "10/25/2015 12:45 AM",  # doubled in the Azores
    "10/04/2015 02:15 AM",  # missing on Lord Howe
    "04/05/2015 01:45 AM",  # doubled on Lord Howe
    "09/27/2015 02:45 AM",  # missing on Chatham
    "12/30/2011 10:00 AM",  # missing in Samoa
    "03/14/2027 02:30 AM",  # missing in Eastern, there in British Columbia
    "03/11/2040 02:00 AM",  # missing in Eastern
    "11/04/2040 01:15 AM",  # doubled in Eastern
]
BAD_DATES = [
    "9/17/2015 12:00 AM",
    "09/17/2015 12:10 AM",
    "09/17/2015 08:59 PM",
    "09/17/2015 08:60 PM",
    "02/29/2015 08:00 AM",
    "02/29/2015 08:07 AM",
    "13/01/2015 08:00 AM",
    "09/17/2015 00:15 AM",
    "09/17/2015 13:00 PM",
    "09/17/2015 08:00 am",
    "09/17/2015  08:00 AM",
    f"09/17/2015{NO_BREAK_SPACE}08:00 AM",
    "09/17/2015 08:0 AM",
    "09/17/2015 08:00AM",
    "09/17/2015",
    "09/17/1899 08:00 AM",
    "09/17/2200 08:00 AM",
    "2015-09-17T08:00",
    "٠٩/17/2015 08:00 AM",
]

GOOD_PRIORITIES = ["", "0", "1", "05", "007", "99", "None", "NONE", "<null>", "<NULL>"]
OTHER_PRIORITIES = ["100", "-1", "1.5", "null", "abc", "+5", "5.0", "1e1", "<null", "٣"]

BAD_STATUSES = ["Aproved", "Waitlisted", "Not  Attempted!", "0"]
ALIASES = ["Approval Canceled", "user dropper", "User  Dropper"]


@dataclass
class Step:
    """One file, and the settings the enrollments are given before it (None: as they were)."""

    header: list[str]
    rows: list[list[str]]
    events: list[Event] | None = None


@dataclass
class Case:
    """A store, and the files loaded into it in this order."""

    store: Store
    steps: list[Step]


def rarely(draw: st.DrawFn, one_in: int) -> bool:
    return draw(st.integers(0, one_in - 1)) == one_in - 1


def pick(draw: st.DrawFn, values: list):
    return draw(st.sampled_from(values))


# ---- stores


def draw_settings(draw: st.DrawFn, event: Event) -> Event:
    """The event with new settings: all that can be changed without touching what refers to it."""
    use_event_zone = draw(st.booleans())
    waitlist = pick(draw, ["Unlimited", "None", "Max"])
    return replace(
        event,
        default_pre="Approved" if draw(st.booleans()) else pick(draw, PRE_STATUSES),
        use_event_zone=use_event_zone,
        zone=pick(draw, ZONES) if use_event_zone else None,
        max_seats=pick(draw, [None, 0, 1, 1, 2, 2, 3]),
        waitlist=waitlist,
        max_waitlist=pick(draw, [0, 1, 1, 2]) if waitlist == "Max" else None,
    )


@st.composite
def stores(draw: st.DrawFn, *, with_records: bool = True) -> Store:
    """A store with everything a file of enrollments refers to, and, if asked, with records made before."""
    store = Store()
    for number in range(1, draw(st.integers(1, 4)) + 1):
        name = EVENT_NAMES[number - 1]
        if number > 2 and rarely(draw, 6):
            name = EVENT_NAMES[0]  # a name that two enrollments have
        event_type = pick(draw, ["ILT Session", "Course", "Class", "Self Study"])
        store.events.append(draw_settings(draw, Event(f"E{number}", name, event_type)))

    for username in draw(st.lists(st.sampled_from(USERNAMES), min_size=3, unique=True)):
        store.users[fold_username(username)] = (username, not rarely(draw, 4))

    for number, name in enumerate(draw(st.lists(st.sampled_from(FIELD_NAMES), max_size=5)), start=1):
        store.fields.append((f"F{number}", name))

    keys = [(event.id, username) for event in store.events for username in store.users]
    store.completions = draw(st.sets(st.sampled_from(keys), max_size=6))

    if with_records:
        for key in sorted(draw(st.sets(st.sampled_from(keys), max_size=8))):
            store.records[key] = draw_record(draw, store, key[0])
    return store


def draw_record(draw: st.DrawFn, store: Store, event_id: str) -> Record:
    event = next(event for event in store.events if event.id == event_id)
    pre = pick(draw, ["Approved", "Wait Listed", *PRE_STATUSES])
    field_ids = [field_id for field_id, _ in store.fields]
    return Record(
        pre=pre,
        post=pick(draw, ALLOWED_POST_STATUSES[pre]),
        priority=pick(draw, [99, 5, 0, None]),
        zone=event.zone if event.use_event_zone else pick(draw, ZONES),
        enrolled_at=pick(draw, [datetime(2015, 1, 2, 13, tzinfo=UTC), datetime(2014, 5, 6, 7, 8, 9, tzinfo=UTC)]),
        changed_at=pick(draw, [None, datetime(2015, 9, 17, 4, tzinfo=UTC)]),
        roster={field_id: pick(draw, ROSTER_DATA) for field_id in field_ids if draw(st.booleans())},
    )


# ---- files


@st.composite
def files(draw: st.DrawFn, store: Store, *, max_rows: int = 12) -> tuple[list[str], list[list[str]]]:
    """A heading row and the rows under it, mostly about what the store holds."""
    has_ids = rarely(draw, 4)
    headings = draw(st.permutations(HEADINGS)) if rarely(draw, 3) else list(HEADINGS)
    if has_ids:
        headings = [ENROLLMENT_ID, *headings]

    keys = [(event.id, username) for event in store.events for username in store.users]
    rows: list[list[str]] = []
    keys_so_far: list[tuple[str, str]] = []
    size = min(draw(st.integers(0, max_rows)), len(keys))
    some_keys = draw(st.lists(st.sampled_from(keys), min_size=size, max_size=size, unique=True))
    for key in some_keys:
        again = bool(keys_so_far) and rarely(draw, 12)
        event_id, username = pick(draw, keys_so_far) if again else key
        keys_so_far.append((event_id, username))
        cells = draw_cells(draw, store, event_id, username, has_ids)
        rows.append(draw_row(draw, [cells[heading] for heading in headings]))
        if rarely(draw, 24):
            rows.append(draw_blank_row(draw, len(headings)))
    if rarely(draw, 6):
        rows.append(draw_blank_row(draw, len(headings)))

    header = list(headings)
    if rarely(draw, 6):
        column = draw(st.integers(0, len(header) - 1))
        header[column] = f" {header[column].upper()}{NO_BREAK_SPACE}"
    return header, rows


def draw_cells(draw: st.DrawFn, store: Store, event_id: str, username: str, has_ids: bool) -> dict[str, str]:
    """The cells of one row by heading: sound ones first, then now and then one or two spoiled."""
    event = next(event for event in store.events if event.id == event_id)
    stored = store.records.get((event_id, username))

    pre = ""
    effective_pre = stored.pre if stored is not None else event.default_pre
    if not rarely(draw, 3):
        pre = pick(draw, ["Approved", "Approved", "Forced Enrollment", *PRE_STATUSES_FOR_TYPE[event.type]])
        effective_pre = pre
    post = ""
    if draw(st.booleans()):
        post = pick(draw, [*ALLOWED_POST_STATUSES[effective_pre], effective_pre])
    zone = pick(draw, ZONES)
    if event.use_event_zone and not rarely(draw, 4):
        zone = ""

    cells = {
        ENROLLMENT_ID: event.id,
        ENROLLMENT: event.name,
        USERNAME: store.users[username][0],
        ROSTER: draw_roster(draw, store),
        ENROLLED: draw_date(draw),
        ZONE: zone,
        PRE: pre,
        POST: post,
        PRIORITY: pick(draw, GOOD_PRIORITIES),
        CHANGED: draw_date(draw),
    }
    if has_ids:
        if rarely(draw, 4):
            cells[ENROLLMENT] = ""
        elif rarely(draw, 4):
            cells[ENROLLMENT_ID] = ""
    for _ in range(pick(draw, [0, 0, 0, 0, 0, 0, 1, 1, 2])):
        heading = pick(draw, [ENROLLMENT_ID, *HEADINGS] if has_ids else HEADINGS)
        cells[heading] = draw_spoiled_cell(draw, store, heading)
    if rarely(draw, 3):
        heading = pick(draw, list(cells))
        cells[heading] = draw_other_spelling(draw, heading, cells[heading])
    return cells


def draw_date(draw: st.DrawFn) -> str:
    return pick(draw, ["", "", *GOOD_DATES[:3], pick(draw, GOOD_DATES + CLOCK_CHANGE_DATES)])


def draw_roster(draw: st.DrawFn, store: Store) -> str:
    names = [name for _, name in store.fields]
    names = [name for name in names if names.count(name) == 1]
    if not names or draw(st.booleans()):
        return ""
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    cell = ";".join(f"{name}={pick(draw, ['', *ROSTER_DATA])}" for name in chosen)
    if rarely(draw, 4):
        cell = cell.replace("=", f" ={NO_BREAK_SPACE}", 1)
    if rarely(draw, 4):
        cell = cell.replace(";", " ; ") + ";"
    return cell


def draw_spoiled_cell(draw: st.DrawFn, store: Store, heading: str) -> str:
    """A cell that is wrong under this heading, or at least likely to be."""
    if heading == ENROLLMENT_ID:
        return pick(draw, ["", "E9", "e1", "E1", "E2"])
    if heading == ENROLLMENT:
        return pick(draw, ["", "Nowhere", "safety", "Safety", "x" * 1000, "x" * 1001])
    if heading == USERNAME:
        return pick(draw, ["", " ", "nobody", "e\u0301" * 100, "é" * 101, "y" * 101])
    if heading == ROSTER:
        names = [name for _, name in store.fields] or ["Room"]
        name = pick(draw, names)
        return pick(
            draw,
            [
                f"{name}",
                f"{name}=1;;{name}=2",
                f"{name}=1;{name}=2",
                f"{name}=1;Nothing=2;Nothing=3",
                f"{name}=1;;",
                f"{name.upper()}=1",
                f"{name}=1",
                "=1",
                ";",
                ";".join(f"{one}=1" for one in names),
            ],
        )
    if heading in (ENROLLED, CHANGED):
        return pick(draw, [*BAD_DATES, *CLOCK_CHANGE_DATES, "01/02/2015 08:01 AM", "11/01/2015 01:20 AM"])
    if heading == ZONE:
        return pick(draw, ["", *BAD_ZONES])
    if heading == PRE:
        return pick(draw, [*BAD_STATUSES, *["Nominated", "Deleted"] * 4, *ALIASES * 2, "Completed"])
    if heading == POST:
        return pick(draw, [*BAD_STATUSES, *POST_STATUSES, *PRE_STATUSES, *ALIASES])
    return pick(draw, OTHER_PRIORITIES)


def draw_other_spelling(draw: st.DrawFn, heading: str, text: str) -> str:
    """The same text written otherwise: other blanks, letter case or accents; now and then none at all."""
    spelling = pick(draw, ["blank before", "blanks after", "no-break", "upper", "decomposed", "inner blanks", "blank"])
    if spelling == "blank before":
        return f" {text}"
    if spelling == "blanks after":
        return f"{text}  "
    if spelling == "no-break":
        return f"{NO_BREAK_SPACE}{text} {NO_BREAK_SPACE}"
    if spelling == "upper":
        return text.upper()
    if spelling == "decomposed":
        return unicodedata.normalize("NFD", text)
    if spelling == "inner blanks":
        return text.replace(" ", f" {NO_BREAK_SPACE}")
    return "" if heading not in (ENROLLMENT, USERNAME) else text.lower()


def draw_row(draw: st.DrawFn, row: list[str]) -> list[str]:
    """The row as it is, without its empty cells at the end, cut off too early, or with cells too many."""
    shape = pick(draw, ["whole"] * 24 + ["short"] * 6 + ["cut", "long"])
    if shape == "short":
        while row and row[-1] == "":
            row = row[:-1]
    elif shape == "cut":
        row = row[: draw(st.integers(1, len(row)))]
    elif shape == "long":
        row = row + pick(draw, [[""], ["", "x"]])
    return row


def draw_blank_row(draw: st.DrawFn, width: int) -> list[str]:
    return pick(draw, [[], [""] * width, [""] * 3, ["", NO_BREAK_SPACE, " "], [""] * (width + 2)])


# ---- stories


@st.composite
def cases(draw: st.DrawFn, *, with_records: bool = True, max_files: int = 3) -> Case:
    """A store and the files loaded into it; between files the settings of the enrollments may change.

    Without records the whole story can be told to the product: `reference_files`, then file after file.
    """
    store = draw(stores(with_records=with_records))
    steps = []
    seen = copy.deepcopy(store)  # goes through the story, so that a file suits the store it comes to
    for number in range(draw(st.integers(1, max_files))):
        events = None
        if number > 0 and rarely(draw, 4):
            events = [draw_settings(draw, event) for event in seen.events]
            seen.events = events
        if number == 0 or not rarely(draw, 4):
            header, rows = draw(files(seen))  # else the same file again
        load(seen, header, rows, now=datetime(2026, 1, 5, 12, tzinfo=UTC))
        steps.append(Step(header, rows, events))
    return Case(store, steps)


# ---- as files on disk


def to_csv(header: list[str], rows: list[list[str]]) -> str:
    """The file's text: commas, quotes where needed, CRLF; a row without cells is an empty line."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def reference_files(store: Store) -> dict[str, list[list[str]]]:
    """The store's reference data in the templates' own layout, by file name, heading row first."""
    events = [
        [
            "Enrollment ID",
            "Enrollment",
            "Type",
            "Default Pre-Status",
            "Use Event Time Zone",
            "Time Zone",
            "Max Seats",
            "Waitlist",
            "Max Waitlist",
        ]
    ]
    for event in store.events:
        events.append(
            [
                event.id,
                event.name,
                event.type,
                event.default_pre,
                "Yes" if event.use_event_zone else "No",
                event.zone or "",
                "" if event.max_seats is None else str(event.max_seats),
                event.waitlist,
                "" if event.max_waitlist is None else str(event.max_waitlist),
            ]
        )

    users = [["Username", "First Name", "Last Name", "Email", "Active"]]
    for number, (username, active) in enumerate(store.users.values(), start=1):
        users.append(
            [
                username,
                f"First{number}",
                f"Last{number}",
                f"user{number}@example.org",
                "Yes" if active else "No",
            ]
        )

    fields = [["Field ID", "Field Name"]]
    for field_id, name in store.fields:
        fields.append([field_id, name])

    completions = [["Enrollment ID", "Username", "Completed On"]]
    for event_id, username in sorted(store.completions):
        completions.append([event_id, store.users[username][0], "01/02/2015 08:00 AM"])

    return {
        "event.csv": events,
        "user.csv": users,
        "roster-field.csv": fields,
        "completion.csv": completions,
    }
