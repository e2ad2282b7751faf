"""Passwords, social-security numbers and dates of birth: where they may be, and that they are nowhere else (loading.md §8)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from conftest import BULKLOAD
from faults import DRIVER
from loading import query, results, run
from students import codes, copied, district, file_of, line_of, row, said

NOW = "2026-11-21T08:07:30Z"
SECRET = ("password", "dob", "ssn")

STORED = [
    row("s1", password="Zebra$Quilt7", dob="07/19/2009", ssn="918273645"),
    row("s2", password="Otter#Lamp42", dob="10/23/2010", ssn="827364519"),
    row("s3", password="Raven%Coat58", dob="12/25/2011", ssn="736451928"),
]
"""Students whom the store has before the file of the test comes."""

GOOD = [
    row("s1", password="Tiger^Sofa19", dob="08/14/2009", ssn="645192837"),
    row("s2", password="Otter#Lamp42", dob="", ssn=""),
    row("n1", password="Bison*Desk63", dob="01/31/2012 ", ssn=" 519283746"),
    row("n2", password="Hyena+Rugs84", dob="02/29/2008", ssn="", status="X"),
]
BAD = [
    row("b1", password="Moose'Tile15", dob="31/12/2008", ssn="453-62-7180"),
    row("b2", password=" Camel=Pipe26", dob="7/4/2010", ssn="45362718"),
    row("b3", password="Koala~Hook37 " * 3, dob="05/06/2027", ssn="4.53627E+11"),
    row("b4", password="Panda", dob="1999-11-17", ssn="45362718a"),
    row("b5", password="Llama_Vase48", dob="03/15/2009", ssn="362718095", grade="1", username="x"),
    row("b6", password="Goose-Mugs59", dob="04/16/2009", ssn="271809546", username="user.s3"),
    row("b7", password="Shrew.Door60", dob="05/17/2009", ssn="180954637"),
    row("b7", password="Stoat:Gate71", dob="06/18/2009", ssn="809546372", username="other.user"),
    row("s3", password="Finch;Yard82", dob="09/21/2009", ssn="954637280", status="X"),
    row("b8", password="Eagle?Wall93", dob="11/24/2009", ssn="546372819", status="D", district="D7"),
    row("b9", password="<unchanged>", dob="12/26/2009", ssn="463728190"),
]
SHORT = ["D1", "S1", "A", "user.b10", "Robin@Roof04", "Ann", "Lee", "b10", "12/27/2009", "637281904"]
"""The cells of a line that is too short to be laid under the headings."""

TEXT = file_of(*GOOD, *BAD) + line_of(*SHORT)


def typed(*rows: dict[str, str]) -> set[str]:
    """The secret values of rows, as they were typed."""
    return {one[name].strip() for one in rows for name in SECRET if one.get(name, "").strip()} - {"<unchanged>"}


SECRETS = sorted(typed(*STORED, *GOOD, *BAD) | {"Robin@Roof04", "12/27/2009", "637281904"})


STORED_SSN = re.compile(rb"[0-9a-f]{32}(?=[0-9]{4})")
"""The digest of a social-security number, where its last four digits follow it in a database file.

One digest in a million ends with the five digits that stand before them, and 80,000 stand in the largest file.
"""


def told(said: str | bytes) -> list[str]:
    """The secrets that a text or the bytes of a file hold."""
    raw = STORED_SSN.sub(b"", said.encode() if isinstance(said, str) else said)
    return [one for one in SECRETS if one.encode() in raw or one.encode("utf-16-le") in raw]


def holding(folder: Path) -> dict[str, list[str]]:
    """The files below a folder that hold a secret, beside inputs and rejects, with what they hold."""
    found = {}
    for path in sorted(folder.rglob("*")):
        is_input = path.name in {"students.csv", "pupils.csv"} or "rejects" in path.name
        if path.is_file() and not is_input and (secrets := told(path.read_bytes())):
            found[str(path.relative_to(folder))] = secrets
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A store with three students; what it was loaded from is gone."""
    desk = district(tmp_path_factory.mktemp("base"))
    assert codes(desk.apply(*STORED)) == ["OK"] * 3
    (desk.folder / "students.csv").unlink()
    return desk


@pytest.fixture
def desk(base, tmp_path):
    folder = tmp_path / "desk"
    folder.mkdir()
    return copied(base, folder)


def key_of(desk) -> Path:
    return desk.folder / "store.db.key"


def test_the_secrets_of_these_tests_are_found_where_they_are():
    assert told(TEXT) == [one for one in SECRETS if one not in typed(*STORED) - typed(*GOOD)]
    assert told("x".join(SECRETS).encode("utf-16-le")) == SECRETS
    digest = "0123456789abcdef" * 2
    assert (told(f"Lee{digest}918273645"), told(f"Lee{digest[:27]}918273645")) == (["918273645"], [])


# ------------------------------------------------------------------------------------------- what is printed


@pytest.mark.parametrize("style", ["plain", "rich", "json"])
def test_no_command_prints_a_secret(desk, bulkload, style):
    path, shown = desk.write(TEXT), ("--format", style)
    known = ("--store", desk.store, "--now", NOW)
    commands = [
        ("validate", "--store", desk.folder / "none.db", path),
        ("validate", *known, path),
        ("validate", *known, "--all-or-nothing", path),
        ("apply", *known, "--all-or-nothing", path),
        ("apply", *known, "--only", "create", path),
        ("apply", *known, path),
        ("apply", *known, path),
        ("status", *known),
    ]
    answers = [bulkload(*words, *shown) for words in commands]
    jobs = [one for (one,) in query(desk.store, "SELECT id FROM job WHERE file = 'students.csv'")]
    answers += [bulkload("status", *known, job, *shown) for job in jobs]
    assert [told(one.out + one.err) for one in answers] == [[]] * len(answers)
    assert ([one.code for one in answers[:7]], len(jobs)) == ([1, 1, 3, 3, 1, 1, 1], 5)


FIRST = file_of().removesuffix("\r\n")
LINES = TEXT.partition("\r\n")[2]
REFUSED = {
    "without headings": LINES.encode(),
    "with its first line for headings": LINES.replace("D1,S1,A,", "District Code,School Code,Status,", 1).encode(),
    "with secret values among the headings": (FIRST.replace("Password,", "Zebra$Quilt7,") + "\r\n" + LINES).encode(),
    "in another encoding": (FIRST + "\r\n" + LINES.replace("Ann", "Zoë")).encode("cp1252"),
    "with a NUL byte": (FIRST + "\r\n" + LINES.replace("Tiger^Sofa19", "Tiger^Sofa19\0")).encode(),
    "with a quote that is not closed": (FIRST + "\r\n" + LINES.replace("Tiger^Sofa19", '"Tiger^Sofa19')).encode(),
    "with text after a quote": (FIRST + "\r\n" + LINES.replace("Tiger^Sofa19", '"Tiger"^Sofa19')).encode(),
    "with tabs": (FIRST + "\r\n" + LINES).replace(",", "\t").encode(),
    "with lines ended by CR alone": (FIRST + "\r\n" + LINES).replace("\r\n", "\r").encode(),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("template", [(), ("--template", "student")], ids=["told", "named"])
def test_a_file_that_cannot_be_read_is_refused_without_repeating_it(desk, bulkload, case, template):
    path = desk.folder / "students.csv"
    path.write_bytes(REFUSED[case])
    known = ("--store", desk.store, "--now", NOW, *template)
    answers = [bulkload(verb, *known, "--format", "json", path) for verb in ("validate", "apply")]
    job = query(desk.store, "SELECT id FROM job ORDER BY number DESC LIMIT 1")[0][0]
    answers.append(bulkload("status", "--store", desk.store, "--now", NOW, job))
    hidden = [one for one in SECRETS if one != "Zebra$Quilt7"]
    assert [[one for one in told(said.out + said.err) if one in hidden] for said in answers] == [[]] * 3


def test_a_wrong_name_is_said_without_repeating_the_file(desk, bulkload):
    path = desk.write(TEXT, "pupils.csv")
    answer = bulkload("apply", "--store", desk.store, "--format", "json", path)
    assert (answer.code, told(answer.out + answer.err), holding(desk.folder)) == (3, [], {})


# ------------------------------------------------------------------------------------------- what is written


def test_no_file_but_input_and_rejects_holds_a_secret(desk, bulkload):
    path = desk.write(TEXT)
    assert bulkload("apply", "--store", desk.store, "--now", NOW, path).code == 1
    written = {one.name for one in desk.folder.iterdir()}
    assert {"students.results.csv", "students.rejects.csv", "students_errors_20261121.csv", "store.db"} <= written
    assert holding(desk.folder) == {}


def test_the_results_and_the_errors_of_every_row_hold_none(desk):
    desk.load("apply", TEXT)
    lines = [*results(desk.folder / "out.csv"), *results(desk.folder / "students_errors_20261121.csv")]
    assert [told(" ".join(one.values())) for one in lines] == [[]] * len(lines)
    assert said(results(desk.folder / "out.csv"))[:4] == [
        ("updated", "OK"),
        ("updated", "OK"),
        ("created", "OK VALUE_TRIMMED VALUE_TRIMMED"),
        ("created", "OK"),
    ]
    assert {one["outcome"] for one in results(desk.folder / "out.csv")[4:]} == {"rejected"}


def test_no_value_of_any_table_is_a_secret_neither_now_nor_in_the_journal(desk):
    desk.load("apply", TEXT)
    values = [cell for rows in desk.dump().values() for line in rows for cell in line]
    values += [cell for line in query(desk.store, "SELECT * FROM job") for cell in line]
    assert [one for one in values if told(one if isinstance(one, bytes) else str(one))] == []
    assert query(desk.store, "SELECT count(*) FROM journal WHERE \"table\" = 'student'") == [(2,)]


def test_a_password_is_stored_as_a_keyed_digest_and_a_number_as_one_with_its_last_four_digits(desk):
    found = desk.student("s1")
    plain = {"Zebra$Quilt7", "918273645"}
    known = {
        shown
        for one in plain
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s")
        for digest in (hashlib.new(name, one.encode()),)
        for shown in (digest.hexdigest(), digest.hexdigest()[:32], digest.hexdigest()[:64])
    }
    assert (found["password"].lower() in known, found["ssn"].lower() in known, found["ssn_last4"]) == (
        False,
        False,
        "3645",
    )
    assert len(found["password"]) >= 20
    raw = desk.store.read_bytes()
    assert [one for one in known if one.encode() in raw or bytes.fromhex(one) in raw] == []


def test_digests_of_one_password_differ_from_store_to_store(desk, tmp_path):
    (tmp_path / "other").mkdir()
    other = district(tmp_path / "other")
    other.apply(*STORED)
    mine, others = desk.student("s1"), other.student("s1")
    assert (mine["password"] == others["password"], mine["ssn"] == others["ssn"]) == (False, False)
    assert key_of(desk).read_bytes() != key_of(other).read_bytes()


def test_an_export_shows_the_date_of_birth_and_no_other_secret(desk, bulkload):
    desk.load("apply", TEXT)
    (desk.folder / "students.csv").unlink()
    stored = typed(*STORED, *GOOD) - {"10/23/2010", "07/19/2009"}
    births = sorted(one for one in stored if "/" in one)
    for words in ((), ("-o", desk.folder / "export.csv")):
        answer = bulkload("export", "student", "--store", desk.store, *words)
        shown = answer.out or (desk.folder / "export.csv").read_text("utf-8")
        assert (answer.code, sorted(told(shown)), told(answer.err)) == (0, births, [])
    assert (desk.folder / "export.csv").stat().st_mode & 0o777 == 0o600


def test_rejects_hold_what_the_input_held_and_no_copy_is_kept_with_the_job(desk, bulkload):
    path = desk.write(TEXT)
    answer = bulkload("apply", "--store", desk.store, "--now", NOW, "--format", "json", path)
    job = json.loads(answer.out)["job"]
    rejects = desk.folder / "students.rejects.csv"
    assert (rejects.read_bytes().decode(), rejects.stat().st_mode & 0o777) == (
        file_of(*BAD) + line_of(*SHORT),
        0o600,
    )
    kept = desk.folder / "store.db.jobs" / job
    assert [one.name for one in kept.iterdir()] == ["results.csv"]
    assert (kept / "results.csv").stat().st_mode & 0o777 == 0o600


def test_what_is_saved_of_a_job_holds_no_secret(desk, bulkload):
    path = desk.write(TEXT)
    answer = bulkload("apply", "--store", desk.store, "--now", NOW, "--format", "json", path)
    saved = desk.folder / "saved.csv"
    bulkload("status", "--store", desk.store, "--now", NOW, json.loads(answer.out)["job"], "--save", saved)
    assert (saved.exists(), told(saved.read_bytes())) == (True, [])


# ------------------------------------------------------------------------------------------- the key


def test_the_key_stands_beside_the_store_for_its_owner_alone(desk):
    assert (key_of(desk).stat().st_mode & 0o777, len(key_of(desk).read_bytes()) >= 16) == (0o600, True)
    assert key_of(desk).read_bytes().strip() not in desk.store.read_bytes()


def test_the_key_stays_as_it_is_from_run_to_run(desk):
    before = key_of(desk).read_bytes()
    desk.load("apply", TEXT)
    assert key_of(desk).read_bytes() == before


def gone(desk, tmp_path):
    key_of(desk).unlink()


def of_another_store(desk, tmp_path):
    (tmp_path / "other").mkdir()
    other = district(tmp_path / "other")
    other.apply(*STORED)
    shutil.copy(key_of(other), key_of(desk))


def empty(desk, tmp_path):
    key_of(desk).write_bytes(b"")


def cut_off(desk, tmp_path):
    key_of(desk).write_bytes(key_of(desk).read_bytes()[:-3])


def a_directory(desk, tmp_path):
    key_of(desk).unlink()
    key_of(desk).mkdir()


@pytest.mark.parametrize("spoil", [gone, of_another_store, empty, cut_off, a_directory])
@pytest.mark.parametrize("verb", ["validate", "apply"])
def test_a_store_without_its_own_key_is_refused(desk, bulkload, tmp_path, spoil, verb):
    spoil(desk, tmp_path)
    before = desk.dump()
    answer = bulkload(verb, "--store", desk.store, "--now", NOW, desk.write(file_of(*STORED)))
    assert (answer.code, "key" in answer.err, key_of(desk).name in answer.err) == (6, True, True)
    assert answer.err.count("\n") == 1
    assert desk.dump() == before
    assert not (desk.folder / "students.results.csv").exists()
    assert (spoil is gone) == (not key_of(desk).exists())


def test_the_store_works_again_when_its_key_is_back(desk, bulkload, tmp_path):
    kept = key_of(desk).rename(tmp_path / "kept")
    path = desk.write(file_of(*STORED))
    assert bulkload("apply", "--store", desk.store, "--now", NOW, path).code == 6
    kept.rename(key_of(desk))
    assert bulkload("apply", "--store", desk.store, "--now", NOW, path).code == 0
    assert said(results(desk.folder / "students.results.csv")) == [("unchanged", "OK")] * 3


def test_several_files_are_checked_with_the_stores_own_key_and_no_copy_of_it_stays(desk, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    paths = []
    for name in "ab":
        (desk.folder / name).mkdir()
        paths.append(desk.folder / name / "students.csv")
        paths[-1].write_text(file_of(*STORED), "utf-8")
    reports = run("validate", *paths, store=desk.store)
    assert [dict(one.tally.outcomes) for one in reports] == [{"unchanged": 3}] * 2
    assert list((tmp_path / "tmp").iterdir()) == []


def test_validating_against_a_store_that_has_no_key_yet_makes_none(tmp_path):
    desk = district(tmp_path)
    key_of(desk).unlink(missing_ok=True)
    before = desk.dump()
    assert said(desk.validate(*STORED)) == [("created", "OK")] * 3
    assert (key_of(desk).exists(), desk.dump()) == (False, before)


def test_validating_without_a_store_makes_no_key(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text(TEXT, "utf-8")
    run("validate", path, store=tmp_path / "none.db")
    assert [one.name for one in tmp_path.iterdir()] == ["students.csv"]


# ------------------------------------------------------------------------------------------- killed and failing runs

SMALL = """
from functools import partialmethod
from bulkload import recall, source, spool
source.DelimitedFile.__init__ = partialmethod(source.DelimitedFile.__init__, block=300)
spool.BUFFER, recall.FEW = 0, 1
"""
"""Lets a file of a few rows come in several batches, and everything that is set aside go to the disk."""

POINTS = {
    "before the first look": ("bulkload.first_pass.look", "before"),
    "after the first look": ("bulkload.first_pass.look", "after"),
    "between the passes": ("bulkload.doubled.doubled_rows", "before"),
    "in pass 2": ("bulkload.second_pass.settle", "after"),
    "before the copies are kept": ("bulkload.runs.keep", "before"),
    "before the transaction": ("bulkload.runs.commit", "before"),
    "in the transaction": ("bulkload.store.sqlite.SQLiteStore.insert", "after"),
    "right before COMMIT": ("bulkload.store.sqlite.SQLiteStore.execute:COMMIT", "before"),
    "right after COMMIT": ("bulkload.store.sqlite.SQLiteStore.execute:COMMIT", "after"),
    "before the renames": ("bulkload.delivery.finish_renames", "before"),
}


def die(point: tuple[str, str], folder: Path, *arguments: object) -> None:
    """Run a command that is killed at a point; its temporary files are in a folder of their own."""
    words = [sys.executable, "-c", SMALL + DRIVER, *point, "kill", *map(str, arguments)]
    (folder / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(folder / "tmp")}
    ended = subprocess.run(words, env=environment, capture_output=True, check=False, timeout=60)
    assert (ended.returncode, told(ended.stdout + ended.stderr)) == (-signal.SIGKILL, []), ended.stderr


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_what_a_killed_apply_leaves_holds_no_secret(desk, bulkload, point):
    path = desk.write(TEXT)
    die(point, desk.folder, "apply", "--store", desk.store, "--now", NOW, path)
    assert holding(desk.folder) == {}
    assert [*desk.folder.glob("store.db.jobs/*/work"), *desk.folder.glob(".*.part")]
    bulkload(
        "apply", "--store", desk.store, "--now", NOW, desk.write("School Code,School Name,District Code\n", "s.csv")
    )
    assert [*desk.folder.glob("store.db.jobs/*/work"), *desk.folder.glob(".*.part")] == []
    assert holding(desk.folder) == {}


@pytest.mark.parametrize("name", ["after the first look", "between the passes", "in pass 2"])
def test_what_a_killed_validate_leaves_holds_no_secret(desk, name):
    die(POINTS[name], desk.folder, "validate", "--store", desk.store, "--now", NOW, desk.write(TEXT))
    assert list(desk.folder.glob("tmp/*"))
    assert holding(desk.folder) == {}


def test_what_a_killed_validate_of_several_files_leaves_holds_no_secret(desk):
    (desk.folder / "b").mkdir()
    paths = desk.write(TEXT), desk.folder / "b" / "students.csv"
    paths[1].write_text(file_of(*GOOD), "utf-8")
    die(POINTS["in the transaction"], desk.folder, "validate", "--store", desk.store, "--now", NOW, *paths)
    assert list(desk.folder.glob("tmp/*"))
    assert holding(desk.folder) == {}
    assert {one.stat().st_mode & 0o077 for one in desk.folder.glob("tmp/*")} == {0}


@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_what_a_kill_in_the_middle_of_a_large_file_leaves_holds_no_secret(desk, seconds):
    template = STORED[0] | {"dob": "07/19/2009"}
    rows = [template | {"id": f"k{n}", "username": f"user.k{n}", "status": "X"} for n in range(80_000)]
    path = desk.write(file_of(*rows))
    (desk.folder / "tmp").mkdir()
    words = [BULKLOAD, "apply", "--store", str(desk.store), "--now", NOW, str(path)]
    environment = os.environ | {"TMPDIR": str(desk.folder / "tmp")}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        until_it_sets_aside(desk, running)
        time.sleep(seconds)
        running.kill()
        out, err = running.communicate(timeout=60)
    assert (told(out + err), holding(desk.folder)) == ([], {})


def until_it_sets_aside(desk, running) -> None:
    """Wait until a run has set frames aside on the disk."""
    end = time.monotonic() + 60
    while not list(desk.folder.glob("store.db.jobs/*/work/spool/*")):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end, "nothing was set aside"
        time.sleep(0.02)


def fault_of(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second pass fail with a sentence that repeats a cell."""

    def fail(*_: object) -> None:
        raise ValueError(f"cannot make a number of {secret!r}")

    monkeypatch.setattr("bulkload.second_pass.settle", fail)


def test_a_fault_of_the_program_repeats_no_secret_in_what_it_says_keeps_and_notes(
    desk, bulkload, tmp_path, monkeypatch
):
    (desk.folder / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(desk.folder / "tmp"))
    fault_of("Zebra$Quilt7", monkeypatch)
    answer = bulkload("apply", "--store", desk.store, "--now", NOW, desk.write(TEXT))
    assert (answer.code, told(answer.out + answer.err)) == (70, [])
    (details,) = desk.folder.glob("tmp/bulkload-fault-*")
    assert (details.stat().st_mode & 0o777, str(details) in answer.err) == (0o600, True)
    assert query(desk.store, "SELECT state FROM job ORDER BY number DESC LIMIT 1") == [("failed",)]
    assert holding(desk.folder) == {}
    monkeypatch.undo()
    told_of = bulkload("status", "--store", desk.store, "--now", NOW, "--format", "json")
    assert told(told_of.out) == []


def test_a_traceback_that_is_asked_for_repeats_no_secret(desk, tmp_path):
    code = (
        "import sys, bulkload.second_pass\n"
        "from bulkload.cli import main\n"
        "secret = sys.argv.pop()\n"
        "def fail(*_): raise ValueError('cannot make a number of ' + secret)\n"
        "bulkload.second_pass.settle = fail\n"
        "main()\n"
    )
    words = [sys.executable, "-c", code, "apply", "--store", desk.store, "--now", NOW, desk.write(TEXT), "Zebra$Quilt7"]
    ended = subprocess.run(
        [str(one) for one in words],
        env=os.environ | {"BULKLOAD_DEBUG": "1", "TMPDIR": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, b"settle" in ended.stderr, told(ended.stdout + ended.stderr)) == (70, True, [])


def test_a_full_disk_repeats_no_secret(desk, bulkload, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(desk.folder / "x"))

    monkeypatch.setattr("bulkload.runs.keep", full)
    answer = bulkload("apply", "--store", desk.store, "--now", NOW, desk.write(TEXT))
    assert (answer.code, told(answer.out + answer.err), holding(desk.folder)) == (6, [], {})
    assert [one.name for one in desk.folder.glob(".*")] == []
