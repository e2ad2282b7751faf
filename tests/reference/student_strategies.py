"""Random small districts and the nightly files of students that come to them, crowded so that rows meet.

Draw `cases()` for a whole story: a store and the nights after it, one after another. Users' names, IDs and what
stands in the cells come from short lists, good values and bad ones, and licences are few.
"""

import contextlib
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from hypothesis import strategies as st

from .strategies import NO_BREAK_SPACE, draw_blank_row, pick
from .student import (
    DISTRICT,
    DOB,
    EMAIL,
    FIRST_NAME,
    GENDER,
    GRADE,
    GROUPS,
    HEADINGS,
    LAST_NAME,
    MIDDLE_NAME,
    PASSWORD,
    SCHOOL,
    SSN,
    STATUS,
    STUDENT_ID,
    UNCHANGED,
    USERNAME,
    FileRefusedError,
    Order,
    Store,
    Student,
    as_cells,
    load,
)

NOW = datetime(2026, 11, 21, 8, 7, 30, tzinfo=UTC)

SCHOOLS = {"S1": "D-1", "0042": "D-1", "S3": "Zürich", "S4": "Zürich"}
IDS = ["1", "007", "A1", "a1", "Z9", "42", "0042"]
NAMES = [
    "ann.lee",
    "Bob_42",
    "josé.m",
    "li.wei",
    "ZOË.ZÜ",
    "o-neil",
    "Straße",
    "x" * 60,
    "mia.7a",
    "No.One",
    *(f"stud.{n}" for n in range(4)),
]
PASSWORDS = ["secret1", "Secret1", "pass,word", 'pa"ss|word', "пароль", "pässwort", "p" * 30, "=1+1=2"]
FIRST_NAMES = ["Ann", "José", "O'Neil", "=1+1", 'Ann "Annie"', "Mary\nJane", "f" * 40]
LAST_NAMES = ["Lee", "Núñez", "Li, Jr.", "l" * 40]
MIDDLE_NAMES = ["", "", "M.", "de la", "m" * 30]
EMAILS = ["", "", "ann@example.org", "é+1@sub.example.org", "e" * 48 + "@example.org"]
BIRTHS = [None, None, date(2012, 2, 29), date(1969, 12, 31), date(1900, 1, 1), NOW.date()]
SSNS = ["", "", "012345678", "112345678", "987654321"]
GENDERS = ["", "M", "F"]
GRADES = ["", "3", "03", "09", "9", "10", "16"]
GROUP_CELLS = ["", "", "Band", "Chess|Band", "Band|Chess", "Chess | Band|Chess", "Größe|007", "g" * 100]

BAD_CELLS = {
    DISTRICT: ["", " ", "D-2", "d-1", "D" * 16, "1E+11", "S1", "D-1", "Zürich"],
    SCHOOL: ["", "s1", "42", "S9", "S" * 16, "4,2E+03", "S1", "0042", "S3"],
    STATUS: ["", " ", "B", "AA", "Α", "А", "Ａ", "ı", "active", "A.", "D", "X", "I"],
    USERNAME: ["", " ", "short", "y" * 61, "o'neil.x", "two words", "nb\u00a0space", "1.23457E+11", "1E+11", "1e-7"],
    PASSWORD: ["", " ", "      ", "short", "p" * 31, " secret1", "secret1 ", "o'secret", "sec\u00a0ret1", UNCHANGED],
    FIRST_NAME: ["f" * 41, "", NO_BREAK_SPACE, "f" * 50],
    LAST_NAME: ["l" * 41, "", "  ", "l" * 50],
    MIDDLE_NAME: ["m" * 31],
    STUDENT_ID: ["", " ", "A-1", "é1", "1" * 21, "1.23457E+11", "2E+05", "١", "1", "a1"],
    EMAIL: ["ann", "ann@org", "a@b@c.org", "a b@example.org", "@example.org", "a@.org", "a@b..org", "a@b.c.", "e" * 60],
    DOB: ["1/2/2012", "02/30/2012", "02/29/2013", "13/01/2012", "2012-01-02", "11/22/2026", "01/01/1899", "01/01/2200"],
    SSN: ["12345678", "1234567890", "123-45-6789", "1.23457E+08", "1,2E+08", "١٢٣٤٥٦٧٨٩", UNCHANGED, UNCHANGED],
    GENDER: ["m", "X", "Female", "МF"],
    GRADE: ["2", "17", "003", "3.0", "016", "K", "٣", "-3", "02"],
    GROUPS: ["|", "a||b", "a|", "| a", "g" * 101, "a|" + "g" * 101, f"a|{NO_BREAK_SPACE}|b"],
}

SPOILED = [(heading, text) for heading, texts in BAD_CELLS.items() for text in texts]


@dataclass
class Step:
    """One night's file, and the orders as they are set before it (None: as they were)."""

    header: list[str]
    rows: list[list[str]]
    orders: list[Order] | None = None


@dataclass
class Case:
    """A store, and the files that are loaded into it in this order."""

    store: Store
    steps: list[Step]


def rarely(draw: st.DrawFn, one_in: int) -> bool:
    """Say yes once in so many times; not at the ends of the range, which are drawn more often."""
    return draw(st.integers(0, one_in - 1)) == one_in // 2


# ---- stores


@st.composite
def stores(draw: st.DrawFn) -> Store:
    """A store of one or two districts: few licences, students active and not, on every kind of order.

    Now and then it lacks the current eAMS order or the Holding Bin; then it has no students.
    """
    codes = ["S1", *(code for code in list(SCHOOLS)[1:] if not rarely(draw, 4))]
    store = Store(schools={code: SCHOOLS[code] for code in codes})

    orders = [Order("E-2026", "eAMS", pick(draw, [0, 0, 2]), current=True)]
    orders.append(Order("E-2025", "eAMS", 0))
    for number in (1, 2):
        orders.append(Order(f"R-{number}", "Regular", pick(draw, [0, 0, 1]), school=pick(draw, codes)))
    orders.append(Order("BIN", "Holding Bin", pick(draw, [0, 1, 2, 4, 7, 20])))
    if rarely(draw, 24):
        orders[0].current = False
    if rarely(draw, 24):
        orders.pop()
    store.orders = {order.id: order for order in draw(st.permutations(orders))}
    if store.current is None or store.bin is None:
        return store

    keys = draw_some(draw, keys_of(store))
    names = draw(st.permutations(NAMES))
    for key, name in zip(keys, names, strict=False):
        can_be_told = sum(student_id == key[1] for _, student_id in keys) == 1  # to student-state, by the ID alone
        store.students[key] = Student(
            school=pick(draw, [code for code in codes if SCHOOLS[code] == key[0]]),
            username=name,
            password=pick(draw, PASSWORDS),
            first_name=pick(draw, FIRST_NAMES),
            last_name=pick(draw, LAST_NAMES),
            middle_name=pick(draw, MIDDLE_NAMES) or None,
            email=pick(draw, EMAILS) or None,
            birth=pick(draw, BIRTHS),
            ssn=pick(draw, SSNS) or None,
            gender=pick(draw, GENDERS) or None,
            grade=pick(draw, [None, 3, 9, 16]),
            groups=pick(draw, [(), ("Band",), ("Band", "Chess")]),
            active=can_be_told and draw(st.booleans()),
            order=pick(draw, ["E-2026", "E-2026", "E-2025", "R-1", "R-2"]) if can_be_told else "E-2026",
        )
    return store


def draw_some(draw: st.DrawFn, values: list) -> list:
    """Some of the values, each once, often most of them; a list of no set size would mostly be a short one."""
    size = min(pick(draw, [0, 1, 2, 4, 6, 8, 10, 12, 14]), len(values))
    return draw(st.lists(st.sampled_from(values), min_size=size, max_size=size, unique=True))


def keys_of(store: Store) -> list[tuple[str, str]]:
    """All pairs of a registered district and an ID of the list."""
    return [(district, student_id) for district in sorted(set(store.schools.values())) for student_id in IDS]


def draw_orders(draw: st.DrawFn, store: Store) -> list[Order]:
    """The orders with another eAMS order current, a new one perhaps, or rarely none; the licences as they are."""
    orders = [replace(order, current=False) for order in store.orders.values()]
    if "E-2027" not in store.orders and draw(st.booleans()):
        orders.append(Order("E-2027", "eAMS", 1))
    if not rarely(draw, 12):
        chosen = pick(draw, [order for order in orders if order.kind == "eAMS"])
        chosen.current = True
        orders.remove(chosen)
        orders.append(chosen)  # after the one that gives way to it
    return orders


# ---- files


def draw_night(draw: st.DrawFn, store: Store) -> tuple[list[str], list[list[str]]]:
    """A heading row and the rows under it: most students of the store, and some that it does not know."""
    keys = draw_some(draw, keys_of(store))
    is_tidy = draw(st.booleans())
    names = draw_names(draw, store, keys, is_tidy)
    rows: list[list[str]] = []
    for at, name in enumerate(names):
        again = not is_tidy and at > 0 and rarely(draw, 16)
        key = keys[draw(st.integers(0, at - 1)) if again else at]
        cells = draw_cells(draw, store, key, name, is_tidy)
        rows.append(draw_shape(draw, [cells[heading] for heading in HEADINGS], is_tidy))
        if not is_tidy and rarely(draw, 24):
            rows.append(draw_blank_row(draw, len(HEADINGS)))
    if rarely(draw, 6):
        rows.append(draw_blank_row(draw, len(HEADINGS)))
    return draw_header(draw), rows


def draw_names(draw: st.DrawFn, store: Store, keys: list[tuple[str, str]], is_tidy: bool) -> list[str]:
    """A user name for each key: their own or free ones, then some handed round, given up or taken."""
    taken = [student.username.lower() for student in store.students.values()]
    free = [name for name in draw(st.permutations(NAMES)) if name.lower() not in taken]
    free += [f"pupil.{number}" for number in range(len(keys))]
    names = []
    for key in keys:
        own = store.students.get(key)
        names.append(own.username if own is not None else free.pop(0))
    known = [at for at, key in enumerate(keys) if key in store.students]
    if len(known) > 1 and draw(st.booleans()):
        ring = draw(st.lists(st.sampled_from(known), min_size=2, max_size=4, unique=True))
        if draw(st.booleans()):
            ring.sort(reverse=True)  # so that each name is given up before it is taken
        handed = [names[at] for at in ring]
        handed = [*handed[1:], free.pop(0) if draw(st.booleans()) else handed[0]]
        for at, name in zip(ring, handed, strict=True):
            names[at] = name
    for at in range(len(names)):
        if not is_tidy and rarely(draw, 12):
            names[at] = pick(draw, [*NAMES, *names])
        if rarely(draw, 12):
            names[at] = names[at].swapcase() if names[at].swapcase().lower() == names[at].lower() else names[at]
    return names


def draw_cells(draw: st.DrawFn, store: Store, key: tuple[str, str], name: str, is_tidy: bool) -> dict[str, str]:
    """The cells of one row by heading: sound ones first, then, unless it is tidy, now and then one or two spoiled."""
    stored = store.students.get(key)
    schools = [code for code, district in store.schools.items() if district == key[0]]
    fresh = {
        SCHOOL: pick(draw, schools),
        PASSWORD: pick(draw, PASSWORDS),
        FIRST_NAME: pick(draw, FIRST_NAMES),
        LAST_NAME: pick(draw, LAST_NAMES),
        MIDDLE_NAME: pick(draw, MIDDLE_NAMES),
        EMAIL: pick(draw, EMAILS),
        DOB: date_cell(pick(draw, BIRTHS)),
        SSN: pick(draw, SSNS),
        GENDER: pick(draw, GENDERS),
        GRADE: pick(draw, GRADES),
        GROUPS: pick(draw, GROUP_CELLS),
    }
    if stored is not None:
        kept = as_cells(stored)
        changed = draw(st.sets(st.sampled_from(list(fresh)), max_size=3)) if draw(st.booleans()) else set()
        fresh = {heading: text if heading in changed else kept[heading] for heading, text in fresh.items()}
        if rarely(draw, 4):
            fresh[pick(draw, [PASSWORD, SSN])] = UNCHANGED
        status = pick(draw, ["A", "A", "A", "D", "D", "I", "X"] if rarely(draw, 3) else ["A", "D", "I"])
    else:
        status = pick(draw, ["A", "A", "A", "X", "X", "D", "I"])
    if status == "I" and rarely(draw, 3):
        status = "Ignore"
    cells = {DISTRICT: key[0], STUDENT_ID: key[1], USERNAME: name, STATUS: status, **fresh}

    for _ in range(0 if is_tidy else pick(draw, [0, 1, 0, 2, 1, 0])):
        heading, text = pick(draw, SPOILED)
        cells[heading] = text
    if rarely(draw, 4):
        heading = pick(draw, HEADINGS)
        cells[heading] = draw_other_spelling(draw, cells[heading])
    return cells


def date_cell(day: date | None) -> str:
    return "" if day is None else f"{day.month:02}/{day.day:02}/{day.year}"


def draw_other_spelling(draw: st.DrawFn, text: str) -> str:
    """The same text written otherwise: other blanks, letter case or accents."""
    spelling = pick(draw, ["blank before", "blanks after", "no-break", "lower", "decomposed"])
    if spelling == "blank before":
        return f" {text}"
    if spelling == "blanks after":
        return f"{text}\t "
    if spelling == "no-break":
        return f"{NO_BREAK_SPACE}{text} {NO_BREAK_SPACE}"
    if spelling == "lower":
        return text.lower()
    return unicodedata.normalize("NFD", text)


def draw_shape(draw: st.DrawFn, row: list[str], is_tidy: bool) -> list[str]:
    """The row as it is, or with cells too few or too many."""
    if is_tidy or not rarely(draw, 16):
        return row
    return pick(draw, [row[: draw(st.integers(1, len(row) - 1))], [*row, ""], [*row, "", "x"]])


def draw_header(draw: st.DrawFn) -> list[str]:
    """The headings, now and then with blanks round one; rarely with one fault."""
    header = list(HEADINGS)
    column = draw(st.integers(1, len(header) - 1))
    if rarely(draw, 6):
        header[column] = f" {header[column]}{NO_BREAK_SPACE}"
    if rarely(draw, 20):
        fault = pick(draw, ["lower", "empty", "doubled", "missing", "swapped", "unknown"])
        if fault == "lower":
            header[column] = header[column].lower()
        elif fault == "empty":
            header[column] = pick(draw, ["", " "])
        elif fault == "doubled":
            header.append(header[column])
        elif fault == "missing":
            del header[column]
        elif fault == "swapped":
            header[column - 1 : column + 1] = [header[column], header[column - 1]]
        else:
            header.append("Homeroom")
    return header


def every_fault(store: Store) -> list[list[str]]:
    """A file's rows with every bad cell of the list, and every fault that is not one of a cell."""

    def sound(number: int) -> dict[str, str]:
        name = {DISTRICT: "D-1", SCHOOL: "S1", USERNAME: f"pupil.{number}", STUDENT_ID: f"N{number}"}
        return dict.fromkeys(HEADINGS, "") | name | {STATUS: "X", PASSWORD: "secret1", FIRST_NAME: "A", LAST_NAME: "B"}

    rows = []
    for number, (heading, text) in enumerate(SPOILED):
        rows.append(list((sound(number) | {heading: text}).values()))
    key, student = next(iter(store.students.items()))
    known = sound(len(rows)) | {DISTRICT: key[0], STUDENT_ID: key[1]}
    rows.append(list(known.values()))  # X of a student who is there
    rows.append(list((sound(len(rows)) | {USERNAME: f" {student.username.upper()} "}).values()))
    rows += [[""] * len(HEADINGS), [], rows[0][:-1], [*rows[0], ""]]
    rows += [list((sound(len(rows)) | {STATUS: "a"}).values()) for _ in range(2)]  # doubles of each other
    rows += [list((sound(len(rows) + more) | {STATUS: "A"}).values()) for more in range(9)]  # more than licences
    return rows


def draw_next(
    draw: st.DrawFn, store: Store, header: list[str], rows: list[list[str]]
) -> tuple[list[str], list[list[str]]]:
    """A new file, or the last one as it was, or with some rows taken from a new one, or with another status."""
    way = pick(draw, ["new", "same", "mixed", "flags", "new"])
    if way == "same":
        return header, rows
    new_header, new_rows = draw_night(draw, store)
    if way == "new":
        return new_header, new_rows
    if way == "mixed":
        return new_header, [draw(st.sampled_from([row, row, *new_rows[at : at + 1]])) for at, row in enumerate(rows)]
    at = HEADINGS.index(STATUS)
    flags = [pick(draw, ["", "A", "D", "I"]) for _ in rows]
    return new_header, [
        [*row[:at], flag or row[at], *row[at + 1 :]] if len(row) > at else row
        for row, flag in zip(rows, flags, strict=True)
    ]


# ---- stories


@st.composite
def cases(draw: st.DrawFn, *, max_nights: int = 4) -> Case:
    """A store and the nights after it; between nights the current order may change, and a file may come again."""
    store = draw(stores())
    steps: list[Step] = []
    seen = Store(store.schools, {key: replace(order) for key, order in store.orders.items()}, dict(store.students))
    header, rows = draw_night(draw, seen)
    for number in range(draw(st.integers(1, max_nights))):
        orders = None
        if number > 0 and rarely(draw, 3):
            orders = draw_orders(draw, seen)
            seen.orders = {order.id: replace(order) for order in orders}
        if number > 0:
            header, rows = draw_next(draw, seen, header, rows)
        steps.append(Step(header, rows, orders))
        with contextlib.suppress(FileRefusedError):
            load(seen, header, rows, now=NOW)
    return Case(store, steps)


# ---- as files on disk


def reference_files(store: Store) -> dict[str, list[list[str]]]:
    """The store as files of the templates, heading row first, by file name in the order of loading.

    Students come as deactivated ones on the current order and are then set to what they are.
    """
    files = {
        "school.csv": [["School Code", "School Name", "District Code"]],
        "license-order.csv": order_file(list(store.orders.values())),
    }
    for code, district in store.schools.items():
        files["school.csv"].append([code, f"School {code}", district])
    if not store.students:
        return files

    students, states = [HEADINGS], [["Student ID", "Order ID", "Active"]]
    for (district, student_id), student in store.students.items():
        cells = {DISTRICT: district, STUDENT_ID: student_id, STATUS: "X", **as_cells(student)}
        students.append([cells[heading] for heading in HEADINGS])
        if sum(other == student_id for _, other in store.students) == 1:
            states.append([student_id, student.order, "Yes" if student.active else "No"])
    return {**files, "students.csv": students, "student-state.csv": states}


def order_file(orders: list[Order], known: tuple[str, ...] = ()) -> list[list[str]]:
    """The file of orders; the licences of known ones are left blank, which leaves them as they are."""
    rows = [["Order ID", "Kind", "School Code", "Current", "Free Licenses"]]
    for order in orders:
        current = ("Yes" if order.current else "No") if order.kind == "eAMS" else ""
        free = "" if order.id in known else str(order.free)
        rows.append([order.id, order.kind, order.school or "", current, free])
    return rows
