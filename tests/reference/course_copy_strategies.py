"""Random small stores and files of course copies, crowded so that sources, destinations and terms meet.

Draw `cases()` for a store and the files after it; `every_fault()` is a file with each wrong value. `to_delimited` and
`to_xml` write a file.
"""

import copy
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from .course_copy import FIELDS, MAY, NO, PAIR, SOURCES, TABLE, TERMS, Copies, Line, apply
from .user_enrollment_store import Section, Term

NOW = datetime(2026, 11, 21, 8, 7, 30, tzinfo=UTC)
CLIENT = "strata"
SORT_STRINGS = ["Top|T1", "Top|T2"]
CALL_NUMBERS = ["MATH101", "MATH102", "BIO 2", "BIO3"]
NEW_NUMBERS = ["NEW1", "NEW2", "new1", "NÉW"]

BAD_VALUES = {
    "copy_type": ["", "section", "COPY", "Content", "SECTION", "SECTION_AND_CONTENT"],
    "client_string": ["", "other", "s" * 33],
    "source_sort_string": ["", "Top|T9", "Top|T1", "Top\x7f", "t" * 256],
    "source_call_number": ["", "GONE", "math101", "MATH101", "BIO3", "c" * 101],
    "source_course_id": ["", "GONE", "MATH", "BIO", "c" * 101],
    "dest_sort_string": ["", "Top|T2", "t" * 256],
    "dest_call_numbers": [
        *("", "A;;B", ";", "A;", "NEW1;NEW1", "BIO 2;NEW2", "MATH101", "BIO3", "GONE", "BIO3;MATH101"),
        *("c" * 101, "A;" + "c" * 101, "A\x7f;B"),
    ],
    "dest_term_id": ["", "T9", "T1", "t" * 101],
    "dest_term_sourcedid": ["", "sis", ":1", "sis:", "sis:9", "sis:a:b", "sis:twice", ":", "s:" + "t" * 132],
    "dest_section_title": ["Ti\x7ftle", "Title", "t" * 256],
    "dest_section_description": ["Text", "Te\x85xt", "t" * 4001],
    "dest_display_course_code": ["M-1", "m" * 101],
    "dest_section_number": ["256", "1.0", "-1", "x", "²", "007", "0", "255"],
}

Row = dict[str, str]


@dataclass
class Step:
    """One file's rows, the delimiter they are written with (blank: XML), and the options they are loaded with."""

    rows: list[Row]
    delimiter: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return the file."""
        return to_delimited(self.rows, self.delimiter) if self.delimiter else to_xml(self.rows)

    def apply_to(self, model: Copies) -> list[Line]:
        """Load the rows into a model; in XML each record stands two lines further down."""
        lines = apply(model, to_delimited(self.rows, "\t"), delimiter="\t", **self.options)
        return lines if self.delimiter else [replace(one, line=one.line + 2) for one in lines]


@dataclass
class Case:
    """A store, and the files that are loaded into it in this order."""

    store: Copies
    steps: list[Step]


def pick(draw: st.DrawFn, values: list[Any]) -> Any:
    return draw(st.sampled_from(values))


def rarely(draw: st.DrawFn, times: int) -> bool:
    return draw(st.integers(1, times)) == times


def draw_other_spelling(draw: st.DrawFn, text: str) -> str:
    """The same text with blanks around it, in other letters or with decomposed accents."""
    return pick(draw, [f" {text}", f"{text}\u00a0 ", text.lower(), unicodedata.normalize("NFD", text)])


def institution(sections: dict[str, Section]) -> Copies:
    terms = {"T1": Term("sis", "2026F", "Fall"), "T2": Term("sis", "a:b", "Spring")}
    doubled = {one: Term("sis", "twice", "Summer") for one in ("T3", "T4")}
    return Copies(terms=terms | doubled, sections=sections)


@st.composite
def stores(draw: st.DrawFn) -> Copies:
    """Some terms, and four sections of two courses, with content or without."""
    sections = {}
    for call_number in CALL_NUMBERS:
        course = call_number[:4].strip("23 ")
        sort_string = pick(draw, SORT_STRINGS)
        expires = pick(draw, [None, None, NOW])
        content = draw(st.booleans())
        sections[call_number] = Section(course, f"About {course}", sort_string, "T1", expires, content)
    return institution(sections)


def draw_row(draw: st.DrawFn, seen: Copies, is_tidy: bool) -> Row:
    """A sound copy for the store, now and then spoiled."""
    row = dict.fromkeys(FIELDS, "") | {"copy_type": pick(draw, list(TABLE)), "client_string": CLIENT}
    demands = TABLE[row["copy_type"]]
    number, section = pick(draw, list(seen.sections.items()))
    row[pick(draw, list(SOURCES))] = number
    if row["source_course_id"]:
        row["source_course_id"] = section.course_id
    if demands["source_sort_string"] != NO:
        row["source_sort_string"] = section.sort_string
    if row["copy_type"] == "CONTENT":
        row["dest_call_numbers"] = pick(draw, list(seen.sections))
    else:
        row["dest_sort_string"] = pick(draw, SORT_STRINGS)
        numbers = draw(st.lists(st.sampled_from([*NEW_NUMBERS, *NEW_NUMBERS, number]), min_size=1, max_size=3))
        row["dest_call_numbers"] = pick(draw, [";", " ; "]).join(numbers)
        name = pick(draw, list(TERMS))
        row[name] = pick(draw, ["T1", "T2"] if name == "dest_term_id" else ["sis:2026F", "sis:a:b"])
    for name, demand in demands.items():
        if demand == MAY:
            row[name] = pick(draw, ["", "", "7" if name == "dest_section_number" else f"New {name}"])
    for _ in range(0 if is_tidy else pick(draw, [1, 0, 1, 2])):
        name = pick(draw, FIELDS)
        row[name] = pick(draw, BAD_VALUES[name])
    if rarely(draw, 4):
        name = pick(draw, FIELDS[1:])
        row[name] = draw_other_spelling(draw, row[name])
    return row


def every_fault() -> list[Row]:
    """Rows with every wrong value of the lists, of each copy type, and every value where the table wants none."""
    rows: list[Row] = []
    for copy_type, demands in TABLE.items():
        sound = dict.fromkeys(FIELDS, "") | {"copy_type": copy_type, "client_string": CLIENT}
        sound["source_call_number"] = "MATH101"
        for name in ("source_sort_string", "dest_sort_string"):
            sound[name] = "" if demands[name] == NO else "Top|T1"
        sound["dest_term_id"] = "T1" if demands["dest_term_id"] == PAIR else ""
        for name, values in BAD_VALUES.items():
            for value in values:
                own = "BIO 2" if copy_type == "CONTENT" else f"N{copy_type}{len(rows)}"
                rows.append({**sound, "dest_call_numbers": own, name: value})
                for first, second in (SOURCES, TERMS):
                    if name == second:
                        rows.append({**rows[-1], first: "", "dest_call_numbers": f"{own}a"})
    return rows


@st.composite
def cases(draw: st.DrawFn, *, max_files: int = 3) -> Case:
    """A store and the files after it; many are an earlier file again, or an earlier file and more."""
    store = draw(stores())
    seen = copy.deepcopy(store)
    steps: list[Step] = []
    for number in range(draw(st.integers(1, max_files))):
        rows = list(pick(draw, steps).rows) if number > 0 and rarely(draw, 2) else []
        is_tidy = draw(st.booleans())
        if not rows or draw(st.booleans()):
            for _ in range(pick(draw, [1, 2, 4, 6])):
                ahead = copy.deepcopy(seen)
                if rows:
                    apply(ahead, to_delimited(rows, "\t"), delimiter="\t")
                rows.append(draw_row(draw, ahead, is_tidy))
        options = pick(draw, [{}, {}, {}, {"only": "create"}, {"only": "update"}, {"source": CLIENT}])
        steps.append(Step(rows, pick(draw, [",", "\t", ""]), options))
        steps[-1].apply_to(seen)
    return Case(store, steps)


def to_delimited(rows: list[Row], delimiter: str) -> str:
    """Write rows, a line each."""
    return "".join(delimiter.join(row[name] for name in FIELDS) + "\n" for row in rows)


def to_xml(rows: list[Row]) -> str:
    """Write rows as XML, a line each from line 3 on; every other one with elements that are empty."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<coursecopies>"]
    for number, row in enumerate(rows):
        names = [name for name in FIELDS[1:] if row[name] or number % 2]
        elements = "".join(f"<{name}>{escape(row[name])}</{name}>" for name in names)
        lines.append(f"<coursecopy copy_type={quoteattr(row['copy_type'])}>{elements}</coursecopy>")
    return "\n".join([*lines, "</coursecopies>"]) + "\n"
