"""Passwords, dates of birth and disabilities of persons: where they may be, and that nothing ever says them (loading §8)."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faults import DRIVER
from institutions import an_institution, prepare
from loading import query, run
from reference.user_enrollment_store import FIELDS
from test_privacy import POINTS, SMALL

NOW = "2026-11-21T08:07:30Z"
SECRET = ("password", "dob", "disability")

MATH = {"call_number": "MATH101", "role_id": "2"}


def person(action: str, number: object, password: str, dob: str, disability: str, **more: str) -> dict[str, str]:
    """A record, as its values by name."""
    made = {
        "action": action, "source": "strata", "person_id": f"S{number}", "login_id": f"login{number}",
        "first_name": "Ann", "last_name": "Lee", "email": f"s{number}@example.org",
        "password": password, "dob": dob, "disability": disability,
    }  # fmt: skip
    return made | more


STORED = [
    person("ADD", 1, "Zebra$Quilt7", "2001-07-19", "aphasia"),
    person("ADD", 2, "Otter#Lamp42", "2002-10-23", "epilepsy"),
]
"""Persons whom the store has before the file of the test comes."""

GOOD = [
    person("UPDATE", 1, "Tiger^Sofa19", "2001-08-14", "dysgraphia"),
    person("ENROLL", 2, "Otter#Lamp42", "", "", **MATH),
    person("ENROLL", 3, "Bison*Desk63", " 2003-01-31 ", " dyscalculia ", **MATH),
]
WRONG = [
    person("ADD", 10, "Moose+Tile15", "31/12/1998", "tinnitus"),
    person("ADD", 11, "Camel=Pipe26" * 5, "2010-4-7", "vertigo " * 40),
    person("ADD", 12, "Koala\x07Hook37", "2004-05-06\x07", "asthma\x07"),
    person("ADD", 13, "<unchanged>", "2004-06-07", "migraine"),
    person("ADD", 1, "Llama_Vase48", "2004-07-08", "narcolepsy"),
    person("ADD", 14, "Goose-Mugs59", "2004-08-09", "stammer", login_id="LOGIN2"),
    person("UPDATE", 15, "Shrew.Door60", "2004-09-10", "scoliosis"),
    person("UPDATE", 2, "Stoat:Gate71", "2004-10-11", "glaucoma", login_id="login1"),
    person("ENROLL", 16, "Finch;Yard82", "2004-11-12", "anaemia", call_number="NONE", role_id="9"),
    person("DROP", 2, "Eagle?Wall93", "2004-12-13", "coeliac", call_number="BIO 2", role_id="2"),
    person("REMOVE", 17, "Robin@Roof04", "2005-01-14", "diabetes"),
    person("ADD", 18, "Heron!Lake15", "2005-02-15", "psoriasis", source="strata\x07"),
]


def value_of(record: dict[str, str], name: str) -> str:
    return record.get(name, "")


def line_of(record: dict[str, str]) -> str:
    return "|".join(value_of(record, name) for name in FIELDS) + "\n"


SHORT = line_of(person("ADD", 20, "Crane~Moon26", "2005-03-16", "arthritis")).replace("|\n", "\n")
LONG = line_of(person("ADD", 21, "Quail|Sand37", "2005-04-17", "lupus"))
"""Lines with too few and with too many values."""


GIVEN = (("bday", "dob"), ("disability", "disability"))


def in_xml(record: dict[str, str]) -> str:
    """A record as a person of IMS Enterprise, and a membership where it enrols or drops."""
    text = {name: value_of(record, name).replace("\x07", "\ufffd").replace("<", "&lt;") for name in FIELDS}
    status = {"UPDATE": "2", "REMOVE": "7"}.get(record["action"], "1")
    known = f"<sourcedid><source>{text['source']}</source><id>{text['person_id']}</id></sourcedid>"
    made = (
        f'<person recstatus="{status}">{known}<userid password="{text["password"]}">{text["login_id"]}</userid>\n'
        f"<name><n><family>Lee</family><given>Ann</given></n></name><demographics>{''.join(f'<{tag}>{text[of]}</{tag}>' for tag, of in GIVEN if text[of])}\n"
        f"</demographics><email>{text['email']}</email></person>\n"
    )
    if record["action"] not in {"ENROLL", "DROP"}:
        return made
    role = {"ENROLL": "1", "DROP": "3"}[record["action"]]
    return made + (
        f"<membership><sourcedid><source>s</source><id>{text['call_number']}</id></sourcedid><member>{known}"
        f'<role recstatus="{role}"><subrole>{text["role_id"]}</subrole></role></member></membership>\n'
    )


DELIMITED = "".join(map(line_of, [*GOOD, *WRONG])) + SHORT + LONG + "\n" + line_of(person("ADD", 22, "", "", ""))
XML = "<enterprise>\n" + "".join(map(in_xml, [*GOOD, *WRONG])) + "</enterprise>\n"
FILES = {"users.txt": DELIMITED, "users.xml": XML}


def typed(*records: dict[str, str], names: tuple[str, ...] = SECRET) -> set[str]:
    """The secrets of records, without what a file cannot say of them; of long ones the beginning."""
    parts = {part.strip()[:12] for one in records for name in names for part in value_of(one, name).split("\x07")}
    return {part for part in parts if len(part) > 4} - {"<unchanged>"[:12]}


EVERY = [*STORED, *GOOD, *WRONG]
OF_LINES = {"Crane~Moon26", "2005-03-16", "arthritis", "Quail", "Sand37", "2005-04-17", "lupus"}
SECRETS = sorted(typed(*EVERY) | OF_LINES)
PASSWORDS = sorted(typed(*EVERY, names=("password",)) | {"Crane~Moon26", "Quail", "Sand37"})


def told(said: str | bytes, of: list[str] = SECRETS) -> list[str]:
    """The secrets that a text or the bytes of a file hold."""
    raw = said.encode() if isinstance(said, str) else said
    return [one for one in of if one.encode() in raw]


class Office:
    """A store with an institution and two persons, in a folder; what it was loaded from is gone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store.db"

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def known(self) -> tuple[object, ...]:
        return "--store", self.store, "--now", NOW, "--template", "user-enrollment"

    def holding(self, of: list[str] = SECRETS) -> dict[str, list[str]]:
        """The files below the folder that hold a secret, beside inputs, rejects and the database, with what they hold."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            named = path.name in {"users.txt", "users.xml", "users.txt.gz"} or "rejects" in path.name
            if path.is_file() and not named and path != self.store and (held := told(path.read_bytes(), of)):
                found[str(path.relative_to(self.folder))] = held
        return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A folder with such a store."""
    folder = tmp_path_factory.mktemp("prepared")
    made = Office(folder)
    prepare(an_institution(), folder, made.store)
    before = made.write("before.txt", "".join(map(line_of, STORED)))
    (report,) = run("apply", before, store=made.store, template="user-enrollment")
    assert dict(report.tally.outcomes) == {"created": 2}
    for path in (*folder.glob("*.csv"), before):
        path.unlink()
    return folder


@pytest.fixture
def office(prepared, tmp_path) -> Office:
    return Office(Path(shutil.copytree(prepared, tmp_path / "office")))


@pytest.fixture(params=FILES)
def name(request) -> str:
    return request.param


def test_the_secrets_of_these_tests_are_found_where_they_are():
    delimited = set(typed(*GOOD, *WRONG)) | OF_LINES
    assert (set(told(DELIMITED)), set(told(XML))) == (delimited, delimited - OF_LINES)


# ------------------------------------------------------------------------------------------- what is printed and written


@pytest.mark.parametrize("style", ["plain", "rich", "json"])
def test_no_command_prints_a_secret(office, bulkload, name, style):
    path, shown = office.write(name, FILES[name]), ("--format", style)
    commands = [
        ("validate", *office.known(), path),
        ("apply", *office.known(), "--all-or-nothing", path),
        ("apply", *office.known(), path),
        ("apply", *office.known(), "--reapply", path),
    ]
    answers = [bulkload(*words, *shown) for words in commands]
    status = ("status", "--store", office.store, "--now", NOW, *shown)
    jobs = [one for (one,) in query(office.store, "SELECT id FROM job WHERE file = ?", name)]
    answers += [bulkload(*status), *(bulkload(*status, job) for job in jobs)]
    assert ([one.code for one in answers[:4]], len(jobs)) == ([1, 3, 1, 1], 3)
    assert [told(one.out + one.err) for one in answers] == [[]] * len(answers)


def test_no_file_but_input_rejects_and_store_holds_a_secret_and_the_store_no_password(office, bulkload, name):
    path = office.write(name, FILES[name])
    answer = bulkload("apply", *office.known(), "--format", "json", path)
    assert {f"{name}.csv", f"users.rejects.{name[-3:]}"} <= {one.name for one in office.folder.iterdir()}
    assert office.holding() == {}
    assert told(office.store.read_bytes(), PASSWORDS) == []
    saved = office.folder / "saved.csv"
    bulkload("status", "--store", office.store, "--now", NOW, json.loads(answer.out)["job"], "--save", saved)
    assert (saved.exists(), office.holding()) == (True, {})
    kept = office.folder / "store.db.jobs" / json.loads(answer.out)["job"]
    assert [one.name for one in kept.iterdir()] == ["results.csv"]


def test_jobs_and_the_ledger_hold_no_secret_and_the_journal_no_password(office, bulkload, name):
    bulkload("apply", *office.known(), office.write(name, FILES[name]))
    rows = {
        table: str(query(office.store, f"SELECT * FROM {table}")) for table in ("job", "ledger", "journal", "person")
    }
    assert [told(rows["job"]), told(rows["ledger"]), told(rows["journal"], PASSWORDS)] == [[], [], []]
    assert set(told(rows["journal"])) == {"2001-07-19", "aphasia"}
    assert set(told(rows["person"])) == {
        "2001-08-14",
        "dysgraphia",
        "2002-10-23",
        "epilepsy",
        "2003-01-31",
        "dyscalculia",
    }


def test_a_change_of_a_secret_is_told_without_it(office, bulkload, name):
    bulkload("apply", *office.known(), office.write(name, FILES[name]))
    log = (office.folder / f"{name}.csv").read_text("utf-8-sig")
    assert "updated: password: changed; dob: changed; disability: changed" in log


def test_an_export_gives_back_what_is_stored_of_the_person_and_no_password(office, bulkload, name):
    bulkload("apply", *office.known(), office.write(name, FILES[name]))
    answer = bulkload("export", "user-enrollment", "--store", office.store, "-o", office.folder / "export.txt")
    exported = office.folder / "export.txt"
    assert (answer.code, told(answer.out + answer.err), exported.stat().st_mode & 0o777) == (0, [], 0o600)
    shown = told(exported.read_bytes())
    assert (set(shown) & set(PASSWORDS), "dysgraphia" in shown, "2001-08-14" in shown) == (set(), True, True)


# ------------------------------------------------------------------------------------------- files that are refused

PART, OPEN = XML.partition("</demographics>"), XML.index("Tiger^Sofa19") + 5
ODD = {
    "no line of which has the right number of values": ("users.txt", DELIMITED.replace("\n", "|x\n").replace(LONG, "")),
    "with tabs in place of pipes": ("users.txt", DELIMITED.replace("|", "\t")),
    "with a NUL byte": ("users.txt", DELIMITED.replace("Tiger^Sofa19", "Tiger^Sofa19\0")),
    "in another encoding": ("users.txt", DELIMITED.replace("Tiger^Sofa19", "Tiger^Sofa19é").encode("cp1252", "replace")),
    "with lines ended by CR alone": ("users.txt", DELIMITED.replace("\n", "\r")),
    "in the other form": ("users.txt", "Tiger^Sofa19 " + XML),
    "of XML that ends in a password": ("users.xml", XML[:OPEN]),
    "of XML broken in the middle of a person": ("users.xml", PART[0] + "</disability>" + PART[2]),
    "of XML with a tag in a date of birth": ("users.xml", XML.replace("2001-08-14", "<b>2001-08-14</b>")),
    "of XML with a secret for a tag": ("users.xml", XML.replace("dysgraphia", "<dysgraphia>", 1)),
    "of XML with a tag in a password": ("users.xml", XML.replace("Tiger^Sofa19", "<Tiger^Sofa19>", 1)),
    "of XML with a password without quotes": ("users.xml", XML.replace('"Tiger^Sofa19"', "Tiger^Sofa19", 1)),
    "of XML with a secret for an attribute": ("users.xml", XML.replace("password=", "Tiger-Sofa19=", 1)),
    "of XML with an entity in a password": ("users.xml", XML.replace("Tiger^Sofa19", "Tiger&dysgraphia;")),
    "of XML with an ampersand in a password": ("users.xml", XML.replace("Tiger^Sofa19", "Tiger&Sofa19")),
    "of XML with a DTD": ("users.xml", f'<!DOCTYPE enterprise [<!ENTITY a "{GOOD[0]["password"]}">]>\n{XML}'),
    "of XML in another encoding": ("users.xml", XML.replace("Tiger^Sofa19", "Tiger^Sofa19é").encode("cp1252", "replace")),
    "of XML with two persons in one": ("users.xml", XML.replace("<demographics>", "<person>", 1)),
    "that is cut off in compressed form": ("users.txt.gz", gzip.compress(DELIMITED.encode())[:-40]),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("template", [(), ("--template", "user-enrollment")], ids=["told", "named"])
def test_a_file_that_cannot_be_read_is_told_of_without_repeating_it(office, bulkload, case, template):
    name, content = ODD[case]
    path = office.write(name, content)
    known = ("--store", office.store, "--now", NOW, *template)
    answers = [bulkload(verb, *known, "--format", "json", path) for verb in ("validate", "apply")]
    (job,) = query(office.store, "SELECT id FROM job ORDER BY number DESC LIMIT 1")[0]
    answers.append(bulkload("status", "--store", office.store, "--now", NOW, job))
    assert {one.code for one in answers[:2]} <= {1, 3}
    of = [*SECRETS, "Tiger", "Sofa19"]
    assert [told(said.out + said.err, of) for said in answers] == [[]] * 3
    assert (office.holding(of), told(office.store.read_bytes(), [*PASSWORDS, "Tiger", "Sofa19"])) == ({}, [])


# ------------------------------------------------------------------------------------------- killed and failing runs


@pytest.mark.parametrize("point", ["in pass 2", "before the transaction", "right after COMMIT"])
def test_what_a_killed_apply_leaves_is_its_owners_alone_and_gone_with_the_next_command(office, bulkload, name, point):
    """Persons of XML are set aside as they are read, until their memberships are found; nobody else can read that."""
    path = office.write(name, FILES[name])
    words = [sys.executable, "-c", SMALL + DRIVER, *POINTS[point], "kill", "apply", *office.known(), path]
    (office.folder / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(office.folder / "tmp")}
    ended = subprocess.run(list(map(str, words)), env=environment, capture_output=True, check=False, timeout=60)
    assert (ended.returncode, told(ended.stdout + ended.stderr)) == (-signal.SIGKILL, []), ended.stderr
    assert [*office.folder.glob("store.db.jobs/*/work")]
    assert [one for one in office.holding(PASSWORDS) if "/work/xml-" not in one] == []
    assert {one.stat().st_mode & 0o077 for one in office.folder.glob("store.db.jobs")} == {0}
    bulkload("apply", "--store", office.store, "--now", NOW, office.write("nodes.csv", "Node String,Title\n"))
    assert [*office.folder.glob("store.db.jobs/*/work"), *office.folder.glob(".*.part")] == []
    assert office.holding() == {}


def test_a_fault_of_the_program_repeats_no_secret(office, bulkload, name, monkeypatch):
    secret = STORED[0]["password"]

    def fail(*_: object) -> None:
        raise ValueError(f"cannot make a number of {secret!r}")

    monkeypatch.setattr("bulkload.second_pass.settle", fail)
    (office.folder / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(office.folder / "tmp"))
    answer = bulkload("apply", *office.known(), office.write(name, FILES[name]))
    assert (answer.code, told(answer.out + answer.err), office.holding()) == (70, [], {})
