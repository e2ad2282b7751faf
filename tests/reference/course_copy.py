"""Say record by record what a load of course copies must do: a model written from the specification alone.

Sections (§) are those of user-enrollment.md, L those of loading.md. Where they leave room:
- A record is known by all that it says but its destinations. A destination that such a record made, or filled, is as
  it should be (L4.3), whatever became of the source since; that is looked at before the source is.
- A copy type is read in any letter case. What is needed of every copy type is needed of a wrong one too.
- Blank title, description and display code are those of the source; the section number is only as given.
- CONTENT from a source without any is wrong; SECTION_AND_CONTENT makes the sections, and a warning says so.
- An error gives the record its number before a warning does; what a value is in itself before what the store says.
"""

import re
from dataclasses import dataclass, field, replace

from .user_enrollment_store import Section, Store, Term, fault_of, normalise, read_rows

FIELDS = [
    "copy_type",
    "client_string",
    "source_sort_string",
    "source_call_number",
    "source_course_id",
    "dest_sort_string",
    "dest_call_numbers",
    "dest_term_id",
    "dest_term_sourcedid",
    "dest_section_title",
    "dest_section_description",
    "dest_display_course_code",
    "dest_section_number",
]

YES, NO, MAY = "yes", "–", "no"  # must be given, must be empty, may be either
PAIR = "one of them"  # exactly one of two fields

SOURCES = ("source_call_number", "source_course_id")
TERMS = ("dest_term_id", "dest_term_sourcedid")

TABLE = {  # §1: what each copy type says of each field but the first
    "CONTENT": dict(zip(FIELDS[1:], [YES, YES, PAIR, PAIR, NO, YES, NO, NO, NO, NO, NO, NO], strict=True)),
    "SECTION": dict(zip(FIELDS[1:], [YES, NO, PAIR, PAIR, YES, YES, PAIR, PAIR, MAY, MAY, MAY, MAY], strict=True)),
    "SECTION_AND_CONTENT": dict(
        zip(FIELDS[1:], [YES, YES, PAIR, PAIR, YES, YES, PAIR, PAIR, MAY, MAY, MAY, MAY], strict=True)
    ),
}

LENGTHS = {  # those of the templates `section` and `term` (§6), and `source`
    "client_string": 32,
    "source_sort_string": 255,
    "source_call_number": 100,
    "source_course_id": 100,
    "dest_sort_string": 255,
    "dest_term_id": 100,
    "dest_term_sourcedid": 133,
    "dest_section_title": 255,
    "dest_section_description": 4000,
    "dest_display_course_code": 100,
}
LONGEST_DESTINATION = 100

NUMBERS = {
    "CELL_COUNT": -10,
    "BLANK_LINE": -10,
    "SPECIAL_CHARACTER": -11,
    "REQUIRED": -20,
    "SOURCE_UNKNOWN": -30,
    "SECTION_NOT_FOUND": -31,
    "DESTINATION_FORMAT": -31,
    "COPY_TYPE_UNKNOWN": -1,
    "TERM_FORMAT": -1,
    "NOT_A_NUMBER": -1,
}
OF_LENGTH = {"client_string": -30, "source_call_number": -31, "source_course_id": -31}
COPY_RULE = -50
WARNINGS = {"DESTINATION_IN_USE", "DESTINATION_DOUBLED", "NO_CONTENT"}


@dataclass
class Copies(Store):
    """A store that also knows, of a call number, what the records said that made and filled it."""

    made: dict[str, tuple] = field(default_factory=dict)
    filled: dict[str, tuple] = field(default_factory=dict)


@dataclass
class Line:
    """A line of the transaction log of course copies, and the outcome of its record."""

    record: int
    line: int
    outcome: str  # created, updated, unchanged, rejected or skipped
    result: str  # SUCCESS, FAILED or SKIPPED
    copy_type: str = ""
    source: str = ""
    destination: str = ""
    code: int = 0
    words: list[str] = field(default_factory=list)


def apply(
    store: Copies, text: str, *, delimiter: str, source: str | None = None, only: str | None = None
) -> list[Line]:
    """Apply a delimited file; `source` is the site's client string, `only` is create or update.

    Raises FileRefusedError, and then has changed nothing.
    """
    copies = []
    for number, cells in enumerate(read_rows(text, delimiter, len(FIELDS)), start=1):
        if isinstance(cells, str):
            copies.append(Copy(store, number, {}, cells))
        else:
            copies.append(Copy(store, number, dict(zip(FIELDS, cells, strict=True))))
    return [copy.take(source, only) for copy in copies]


def is_called(section: Section, call_number: str, field_name: str, value: str) -> bool:
    return value == (call_number if field_name == "source_call_number" else section.course_id)


class Copy:
    """One record on its way: checked by itself, held against the store, then put into effect."""

    def __init__(self, store: Copies, number: int, cells: dict, fault: str | None = None):
        self.store = store
        self.number = number
        self.values = {name: normalise(name, cells.get(name) or "") for name in FIELDS}
        self.typed = dict(self.values)
        self.values["copy_type"] = {one.lower(): one for one in TABLE}.get(self.values["copy_type"].lower(), "")
        self.findings: list[tuple[str, str]] = [] if fault is None else [("", fault)]  # field and word, as found

    def find(self, name: str, word: str) -> None:
        self.findings.append((name, word))

    def is_bad(self, *names: str) -> bool:
        return any(name in names for name, word in self.findings if word not in WARNINGS)

    @property
    def has_errors(self) -> bool:
        return any(word not in WARNINGS for _, word in self.findings)

    @property
    def destinations(self) -> list[str]:
        return [normalise("dest_call_numbers", piece) for piece in self.values["dest_call_numbers"].split(";")]

    @property
    def asked(self) -> tuple:
        """What the record says, but for its destinations."""
        number = self.values["dest_section_number"]
        others = [
            value for name, value in self.values.items() if name not in ("dest_call_numbers", "dest_section_number")
        ]
        return (*others, int(number) if number else None)

    def take(self, source: str | None, only: str | None) -> Line:
        """Take one record after those before it; one with an error has no effect."""
        if self.findings:
            return self.say("rejected")
        self.check_form(source)
        copy_type = self.values["copy_type"]
        if not copy_type:
            return self.say("rejected")
        self.check_table(TABLE[copy_type])
        term = self.look_up_term()
        in_form = len(self.findings)
        line = self.copy_content(only) if copy_type == "CONTENT" else self.copy_section(term, only)
        return line or self.say("rejected", in_form)

    # ---- checks

    def check_form(self, source: str | None) -> None:
        """Find what is wrong with each value by itself; one thing at most."""
        for name, value in self.typed.items():
            if value == "":
                if name in ("copy_type", "client_string", "dest_call_numbers"):
                    self.find(name, "REQUIRED")
            elif name == "copy_type":
                if not self.values[name]:
                    self.find(name, "COPY_TYPE_UNKNOWN")
            elif word := fault_of(name, value):
                self.find(name, word)
            elif len(value) > LENGTHS.get(name, len(value)):
                self.find(name, "TOO_LONG")
            elif name == "client_string" and source is not None and value != source:
                self.find(name, "SOURCE_UNKNOWN")
            elif name == "dest_call_numbers" and not all(
                0 < len(one) <= LONGEST_DESTINATION for one in self.destinations
            ):
                self.find(name, "DESTINATION_FORMAT")
            elif name == "dest_term_sourcedid" and ":" not in value[1:-1]:
                self.find(name, "TERM_FORMAT")
            elif name == "dest_section_number" and (re.fullmatch("[0-9]+", value) is None or int(value) > 255):
                self.find(name, "NOT_A_NUMBER")

    def check_table(self, demands: dict[str, str]) -> None:
        """Hold each field against what the table of §1 demands of it."""
        for name, demand in demands.items():
            if demand == YES and self.values[name] == "" and not self.is_bad(name):
                self.find(name, "REQUIRED")
            if demand == NO and self.values[name] != "" and not self.is_bad(name):
                self.find(name, "VALUE_NOT_ALLOWED")
        for names, what in ((SOURCES, "SOURCE"), (TERMS, "TERM")):
            given = sum(self.values[name] != "" for name in names)
            if demands[names[0]] == PAIR and given != 1:
                self.find(names[0], f"{what}_DOUBLED" if given else f"{what}_MISSING")
        if self.values["dest_call_numbers"] and not self.is_bad("dest_call_numbers"):
            if demands["dest_sort_string"] == NO and len(self.destinations) > 1:
                self.find("dest_call_numbers", "DESTINATION_SEVERAL")
            elif len(set(self.destinations)) < len(self.destinations):
                self.find("dest_call_numbers", "DESTINATION_DOUBLED")

    def look_up_source(self) -> Section | None:
        """Return the section that is copied; with its sort string, where the table wants one."""
        given = [name for name in SOURCES if self.values[name] != ""]
        if len(given) != 1 or self.is_bad(*given):
            return None
        name, value = given[0], self.values[given[0]]
        found = [one for number, one in self.store.sections.items() if is_called(one, number, name, value)]
        if TABLE[self.values["copy_type"]]["source_sort_string"] == YES:
            if self.values["source_sort_string"] == "" or self.is_bad("source_sort_string"):
                return None
            found = [one for one in found if one.sort_string == self.values["source_sort_string"]]
        if not found:
            self.find(name, "SECTION_NOT_FOUND")
        if len(found) > 1:
            self.find(name, "SOURCE_AMBIGUOUS")
        return found[0] if len(found) == 1 else None

    def look_up_term(self) -> str | None:
        """Return the ID of the term that is given."""
        given = [name for name in TERMS if self.values[name] != ""]
        if len(given) != 1 or self.is_bad(*given):
            return None

        def is_meant(term_id: str, term: Term) -> bool:
            if given == ["dest_term_id"]:
                return term_id == self.values["dest_term_id"]
            return f"{term.source}:{term.sourced_id}" == self.values["dest_term_sourcedid"]

        found = [term_id for term_id, term in self.store.terms.items() if is_meant(term_id, term)]
        if len(found) != 1:
            self.find(given[0], "TERM_AMBIGUOUS" if found else "TERM_NOT_FOUND")
            return None
        return found[0]

    # ---- effects

    def find_at_source(self, word: str) -> None:
        self.find(next(name for name in SOURCES if self.values[name] != ""), word)

    def copy_content(self, only: str | None) -> Line | None:
        """Copy content into the one destination, which must be there and empty; None: the record is wrong."""
        name, number = "dest_call_numbers", self.values["dest_call_numbers"]
        is_right = not self.has_errors
        if number != "" and not self.is_bad(name):
            if number not in self.store.sections:
                self.find(name, "SECTION_NOT_FOUND")
            elif self.store.sections[number].content:
                if is_right and self.store.filled.get(number) == self.asked:
                    return self.say("skipped" if only == "create" else "unchanged")
                self.find(name, "DESTINATION_NOT_EMPTY")
        found = self.look_up_source()
        if found is not None and not found.content:
            self.find_at_source("SOURCE_EMPTY")
        if self.has_errors or found is None:
            return None
        if only == "create":
            return self.say("skipped")
        self.store.sections[number].content = True
        self.store.filled[number] = self.asked
        return self.say("updated")

    def copy_section(self, term: str | None, only: str | None) -> Line | None:
        """Make every destination that is not in use; where some are, the others are made, and the log tells."""
        name, is_right = "dest_call_numbers", not self.has_errors
        given = self.destinations if self.values[name] != "" and not self.is_bad(name) else []
        numbers = list(dict.fromkeys(given))
        own = [one for one in numbers if is_right and self.store.made.get(one) == self.asked]
        free = [one for one in numbers if one not in self.store.sections]
        in_use = [one for one in numbers if one in self.store.sections and one not in own]
        wrong_kind = only is not None and bool(free) != (only == "create")
        if own and not free:
            if wrong_kind:
                return self.skip()
            if in_use:
                self.find(name, "DESTINATION_IN_USE")
            return self.say("unchanged")
        found = self.look_up_source()
        if in_use:
            self.find(name, "DESTINATION_IN_USE" if free else "NO_DESTINATION_FREE")
        if self.has_errors or found is None:
            return None
        if wrong_kind:
            return self.skip()
        wants_content = self.values["copy_type"] == "SECTION_AND_CONTENT"
        if wants_content and not found.content:
            self.find_at_source("NO_CONTENT")
        for number in free:
            self.store.sections[number] = self.made(found, term)
            self.store.made[number] = self.asked
        return self.say("created")

    def skip(self) -> Line:
        """Say that the record is of the other kind: what its turn would have found is not said."""
        self.findings = [(name, word) for name, word in self.findings if word != "DESTINATION_IN_USE"]
        return self.say("skipped")

    def made(self, source: Section, term: str | None) -> Section:
        """Return a new section: what the record says, and the source where it says nothing."""
        values = self.values
        assert term is not None
        return replace(
            source,
            title=values["dest_section_title"] or source.title,
            sort_string=values["dest_sort_string"],
            term_id=term,
            expires=None,
            content=source.content and values["copy_type"] == "SECTION_AND_CONTENT",
            description=values["dest_section_description"] or source.description,
            display_course_code=values["dest_display_course_code"] or source.display_course_code,
            section_number=int(values["dest_section_number"]) if values["dest_section_number"] else None,
        )

    def say(self, outcome: str, in_form: int | None = None) -> Line:
        """Return the record's line of the log; its number is that of the first error, or else of the first warning.

        Of the first `in_form` findings the one furthest left comes first, then of the rest.
        """
        result = {"rejected": "FAILED", "skipped": "SKIPPED"}.get(outcome, "SUCCESS")
        line = Line(self.number, self.number, outcome, result, self.typed["copy_type"])
        line.source = self.typed["source_call_number"] or self.typed["source_course_id"]
        line.destination = self.typed["dest_call_numbers"]
        split = len(self.findings) if in_form is None else in_form
        order = ["", *FIELDS]
        found = sorted(enumerate(self.findings), key=lambda one: (one[0] >= split, order.index(one[1][0])))
        numbered = sorted((one for _, one in found), key=lambda one: one[1] in WARNINGS)
        line.words = sorted(word for _, word in self.findings)
        if numbered:
            name, word = numbered[0]
            line.code = OF_LENGTH.get(name, -1) if word == "TOO_LONG" else NUMBERS.get(word, COPY_RULE)
        return line
