"""An institution in a store for tests: its reference data, files of users and enrollments, and what their logs say."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from pathlib import Path

from loading import NOW, query, run
from reference.user_enrollment_store import FIELDS, Section, Store, Term

SECTION_HEADINGS = ("Call Number", "Course ID", "Title", "Sort String", "Term ID", "Expires", "Content")

PERSONS = """
SELECT source, person_id, login_id, first_name, middle_name, last_name, gender, dob, disability, email, phone,
    address1, address2, city, state, postal_code, country FROM person
"""
MEMBERSHIPS = """
SELECT source, person_id, kind, ifnull(call_number, node_string), role_id
FROM membership JOIN person ON person.number = person
LEFT JOIN section ON kind = 0 AND section.number = target LEFT JOIN node ON kind = 1 AND node.number = target
JOIN role ON role.number = role
"""
LEDGER = "SELECT source, person_id, count(*) FROM ledger JOIN person ON number = person GROUP BY person"
WORD = re.compile(r"(?:^| \| )([A-Z_]+): ")


def an_institution() -> Store:
    """Two sections that run and one that has expired, two nodes, three roles."""
    expiries = {"MATH101": None, "BIO 2": NOW + timedelta(days=1), "OLD": NOW - timedelta(days=1)}
    return Store(
        sections={name: Section(name[:4], f"Title {name}", "Top|T1", "T1", end) for name, end in expiries.items()},
        nodes={"N1": "Node", "MATH101": "Node"},
        terms={"T1": Term("sis", "2026F", "Fall")},
        roles={"1": "Professor", "2": "Student", "30": "Assistant"},
    )


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def reference_files(model: Store, folder: Path) -> list[Path]:
    """The files that bring a model's terms, sections, nodes and roles."""
    terms = [[number, one.source, one.sourced_id, one.title] for number, one in model.terms.items()]
    sections = [
        [
            *(call_number, one.course_id, one.title, one.sort_string, one.term_id),
            one.expires.strftime("%Y-%m-%dT%H:%M:%SZ") if one.expires else "",
            str(int(one.content)),
        ]
        for call_number, one in model.sections.items()
    ]
    return [
        write(folder / "terms.csv", [["Term ID", "Source", "Sourced ID", "Title"], *terms]),
        write(folder / "sections.csv", [list(SECTION_HEADINGS), *sections]),
        write(folder / "nodes.csv", [["Node String", "Title"], *([*one] for one in model.nodes.items())]),
        write(folder / "roles.csv", [["Role ID", "Name"], *([*one] for one in model.roles.items())]),
    ]


def prepare(model: Store, folder: Path, store: Path) -> None:
    """Give the product the reference data of a model."""
    for report in run("apply", *reference_files(model, folder), store=store, now=NOW):
        assert (report.refused, report.tally.rejected) == (None, 0)


def log(path: Path) -> list[dict[str, str]]:
    """The lines of a transaction log."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def words(message: str) -> set[str]:
    """The words of a half's message, but for what every cell may have."""
    return set(WORD.findall(message)) - {"VALUE_TRIMMED"}


def stored(store: Path) -> tuple[dict, dict, dict]:
    """Persons, enrolments and the length of each ledger, as the model has them; without secrets that are digests."""
    names = [name for name in FIELDS[3:19] if name != "password"]
    persons = {
        (one[0], one[1]): {name: value for name, value in zip(names, one[2:], strict=True) if value is not None}
        for one in query(store, PERSONS)
    }
    memberships = {
        ((source, person), ("section", "node")[kind], target): role
        for source, person, kind, target, role in query(store, MEMBERSHIPS)
    }
    return persons, memberships, {(one[0], one[1]): one[2] for one in query(store, LEDGER)}


def expected(model: Store) -> tuple[dict, dict, dict]:
    persons = {
        key: {name: value for name, value in one.items() if name != "password"} for key, one in model.persons.items()
    }
    return persons, dict(model.enrollments), {key: len(one) for key, one in model.ledger.items() if one}
