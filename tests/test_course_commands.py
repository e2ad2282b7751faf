"""The life of an importer's lock, cleaning, the PARS report, credits changed by hand, and the export (course-record §4, §5)."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import CommandLine
from courses import HEADINGS, Office, done, office, row, said, text_of
from loading import NOW, query, results, run

from bulkload.form import cleaned


@pytest.fixture
def desk(tmp_path: Path) -> Office:
    return office(tmp_path)


def locks(desk: Office) -> list[tuple[str, str, str, bool]]:
    """Template, course and code of each lock, and whether it is lifted."""
    rows = query(desk.store, "SELECT template, course, code, unlocked_by FROM import_lock ORDER BY number")
    return [(template, course, code, by is not None) for template, course, code, by in rows]


ODD = text_of((done(), row(title="Care – 2015", who="L2"), row(title="a\u00a0b", course="C2")))
GLOBAL = ("course-record", "", "SPECIAL_CHARACTER", False)


# ---- what is special


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("a\tb", "TAB U+0009"),
        ("a\nb", "LINE FEED U+000A"),
        ("a\x07b", "a control character U+0007"),
        ("a\x85b", "a control character U+0085"),
        ("a\ufffdb", "REPLACEMENT CHARACTER U+FFFD"),
        ("a\u200bb", "ZERO WIDTH SPACE U+200B"),
        ("a\u200db", "ZERO WIDTH JOINER U+200D"),
        ("a\ufeffb", "BYTE ORDER MARK U+FEFF"),
        ("a\u00adb", "SOFT HYPHEN U+00AD"),
        ("a\u202eb", "RIGHT-TO-LEFT OVERRIDE U+202E"),
        ("a\u00a0b", "NO-BREAK SPACE U+00A0"),
        ("ab\u00a0", "NO-BREAK SPACE U+00A0"),
        ("a\u2003b", "EM SPACE U+2003"),
        ("a\u3000b", "IDEOGRAPHIC SPACE U+3000"),
        ("it’s", "RIGHT SINGLE QUOTATION MARK U+2019"),
        ("“a”", "LEFT DOUBLE QUOTATION MARK U+201C"),
        ("a–b", "EN DASH U+2013"),
        ("a—b", "EM DASH U+2014"),
        ("−1", "MINUS SIGN U+2212"),
    ],
)
def test_a_special_character_is_named_with_row_and_heading(desk, cell, names):
    report = desk.report(text_of((row(), row(title=cell, who="L2"))), "validate")
    assert (report.refused_code, report.exit_code) == ("SPECIAL_CHARACTER", 3)
    (line,) = [one for one in results(desk.folder / "out.csv") if one["codes"]]
    assert (line["row"], line["codes"]) == ("3", "SPECIAL_CHARACTER")
    assert line["messages"].startswith("row 3")
    assert f", title: '{cell[:1]}" in line["messages"]
    assert f"holds {names} (" in line["messages"]


@pytest.mark.parametrize(
    "cell",
    ["José", "Zoë Ångström", "Łódź", "Straße", "Иван", "李伟", "a'b", 'a "b"', "a-b", "50 %", "α/β", "x² & y", "…"],
)
def test_letters_with_accents_and_plain_signs_are_fine(desk, cell):
    assert desk.report(text_of((row(title=cell),))).tally.outcomes == {"created": 1}


@pytest.mark.parametrize("cell", ["José", "李", "…"])
def test_with_strict_ascii_they_are_special_too(desk, cell):
    assert desk.report(text_of((row(title=cell),)), strict_ascii=True).refused_code == "SPECIAL_CHARACTER"
    assert locks(desk) == [GLOBAL]


def test_a_cell_with_a_special_character_has_no_other_finding(desk):
    desk.report(text_of((row(start="2015–01–02", credits="1\u00a0", type="ama\u200b"),)), "validate")
    assert said(results(desk.folder / "out.csv")) == [
        ("rejected", "SPECIAL_CHARACTER SPECIAL_CHARACTER SPECIAL_CHARACTER")
    ]


def test_every_discrepancy_stands_in_the_results_of_validate_which_locks_nothing(desk):
    before = desk.dump()
    report = desk.report(ODD, "validate")
    assert (report.exit_code, report.state, "3: " in str(report.refused)) == (3, "refused", False)
    assert said(results(desk.folder / "out.csv")) == [
        ("skipped", ""), ("rejected", "SPECIAL_CHARACTER"), ("rejected", "SPECIAL_CHARACTER"),
    ]  # fmt: skip
    assert desk.dump() == before


def test_a_nul_byte_locks_as_other_special_characters_do(desk):
    report = desk.report(text_of((row(), row(title="a\0b", who="L2"))))
    assert (report.refused_code, "row 3: a NUL byte" in str(report.refused)) == ("SPECIAL_CHARACTER", True)
    assert (locks(desk), desk.records()) == ([GLOBAL], {})


@pytest.mark.parametrize(
    ("heading", "write"),
    [
        ("external user id", "external_user_id"),
        (" external_user_id", "external_user_id"),
        ("external_user_id ", "external_user_id"),
        ("external_user_id\u00a0", "external_user_id"),
        ("external _user_id", "external_user_id"),
        ("external mail", "external_mail"),
        ("Some thing", "Something"),
    ],
)
def test_blanks_in_or_around_a_heading_lock_even_where_it_is_unknown(desk, heading, write):
    report = desk.report(ODD.replace("external_user_id", heading, 1))
    assert (report.refused_code, report.exit_code) == ("HEADER_SPACES", 3)
    assert locks(desk) == [("course-record", "", "HEADER_SPACES", False)]
    if heading != "external _user_id":
        assert f"(write {write})" in str(report.refused)


def test_headings_with_blanks_and_special_characters_are_reported_together(desk):
    report = desk.report(ODD.replace("external_user_id", "external user id", 1), "validate")
    assert [word in str(report.refused) for word in ("row 1, 'external user id'", "EN DASH", "NO-BREAK SPACE")] == [
        True
    ] * 3
    assert locks(desk) == []


def test_another_unknown_heading_refuses_without_a_lock(desk):
    report = desk.report(text_of((row(),)).replace("attended", "atended", 1))
    assert (report.refused_code, locks(desk)) == ("HEADER_UNKNOWN", [])


def test_special_characters_of_reference_files_are_the_offices_own_affair(desk):
    assert said(desk.refer("course", "C9,Care – 2015,1,immediately,1")) == [("created", "")]


# ---- the life of a lock


def test_apply_refuses_the_file_imports_nothing_and_locks_that_importer(desk):
    report = desk.report(ODD)
    assert (report.exit_code, report.refused_code, desk.records()) == (3, "SPECIAL_CHARACTER", {})
    assert "`bulkload unlock course-record`" in str(report.refused)
    assert locks(desk) == [GLOBAL]
    assert not (desk.folder / "out.csv").exists()
    ((who, file, why),) = query(desk.store, "SELECT who, file, why FROM import_lock")
    assert (bool(who), file, "row 3, title: 'Care – 2015' holds EN DASH U+2013 (write -)" in why) == (
        True,
        "records.csv",
        True,
    )


def test_a_locked_importer_refuses_every_file_and_the_others_go_on(desk):
    desk.report(ODD)
    for text in (text_of((row(),)), ODD, ODD.replace("title", "the title", 1)):
        report = desk.report(text)
        assert (report.exit_code, report.refused_code) == (5, "IMPORTER_LOCKED")
        assert "records.csv" in str(report.refused)
        assert "bulkload unlock course-record" in str(report.refused)
    assert desk.report(text_of((row(),)), clean=True).exit_code == 5
    assert locks(desk) == [GLOBAL]
    assert desk.report(text_of((row(),)), course="C1").exit_code == 0


def test_the_lock_of_a_course_is_its_own(desk):
    desk.report(text_of((row(title="a–b"),)), course="C1")
    assert locks(desk) == [("course-record", "C1", "SPECIAL_CHARACTER", False)]
    assert desk.report(text_of((row(),)), course="C1").exit_code == 5
    assert desk.report(text_of((row(course="C2"),)), course="C2").exit_code == 0
    assert desk.report(text_of((row(),))).exit_code == 0


def test_validate_of_a_locked_importer_says_that_apply_will_be_refused(desk):
    desk.report(ODD)
    report = desk.report(text_of((row(),)), "validate")
    assert (report.exit_code, [one["code"] for one in report.warnings]) == (
        0,
        ["GLOBAL_NOT_IN_PARS", "IMPORTER_LOCKED"],
    )


def test_unlock_shows_the_lock_lifts_it_once_and_keeps_who_did(desk, bulkload: CommandLine):
    desk.report(ODD)
    asked = bulkload("unlock", "course-record", "--store", desk.store)
    assert (asked.code, "EN DASH" in asked.out, "--yes" in asked.err, locks(desk)) == (2, True, True, [GLOBAL])
    lifted = bulkload("unlock", "course-record", "--store", desk.store, "--yes")
    assert (lifted.code, "The lock is lifted" in lifted.out) == (0, True)
    assert locks(desk) == [(*GLOBAL[:3], True)]
    again = bulkload("unlock", "course-record", "--store", desk.store, "--yes")
    assert (again.code, again.out) == (0, "The global importer is not locked.\n")
    assert desk.report(text_of((row(),))).exit_code == 0


def test_a_lock_that_was_lifted_can_be_set_again(desk, bulkload: CommandLine):
    for _ in range(2):
        desk.report(ODD)
        bulkload("unlock", "course-record", "--store", desk.store, "--yes")
    assert locks(desk) == [(*GLOBAL[:3], True)] * 2


def test_unlock_asks_on_a_terminal_and_no_leaves_the_lock(desk):
    import pexpect

    desk.report(ODD)
    for answer, code, lifted in (("n", 5, False), ("y", 0, True)):
        command = f"{sys.executable} -m bulkload unlock course-record --store {desk.store}"
        child = pexpect.spawn(command, cwd=str(desk.folder), timeout=30, env={**os.environ, "TERM": "dumb"})
        child.expect("Lift the lock")
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert (child.exitstatus, locks(desk)[0][3]) == (code, lifted)


def test_only_templates_that_lock_can_be_unlocked(desk, bulkload: CommandLine):
    assert bulkload("unlock", "learner", "--store", desk.store).code == 2


def test_only_admins_may_unlock_and_change_credits(desk, bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch):
    config = desk.write('admins = ["nobody-here"]\n', "bulkload.toml")
    monkeypatch.setenv("BULKLOAD_CONFIG", str(config))
    desk.report(ODD)
    for command in (("unlock", "course-record", "--yes"), ("credit", "C1", "L1", "ama", "1")):
        answer = bulkload(*command, "--store", desk.store)
        assert (answer.code, "only nobody-here may run" in answer.err) == (2, True)
    assert locks(desk) == [GLOBAL]


def test_of_two_commands_at_once_one_locks_and_the_other_finds_the_lock(desk):
    text = ODD + "".join(f"C1,T,N{n},,,,,,,,,,,,\n" for n in range(20_000))
    command = [sys.executable, "-m", "bulkload", "apply", "--legacy", "--store", str(desk.store), "-q"]
    running = []
    for name in ("a.csv", "b.csv"):
        desk.write(text, name)
        running.append(subprocess.Popen([*command, str(desk.folder / name)], stderr=subprocess.PIPE, text=True))
    ended = sorted(one.wait(60) for one in running)
    for one in running:
        assert one.stderr is not None
        assert "Traceback" not in one.stderr.read()
        one.stderr.close()
    assert (ended, locks(desk), desk.records()) == ([3, 5], [GLOBAL], {})


def test_a_lock_outlives_the_process_that_set_it(desk):
    desk.report(ODD)
    child = subprocess.run(
        [sys.executable, "-m", "bulkload", "apply", "--legacy", "--store", str(desk.store), str(desk.write(text_of((row(),))))],
        capture_output=True, check=False,
    )  # fmt: skip
    assert child.returncode == 5


# ---- cleaning


def test_clean_reads_plain_forms_notes_each_and_sets_no_lock(desk):
    rows = (
        row(title="It’s “a” – b"),
        row(title="a\u00a0b\u200b", who="L2"),
        row(course="C3", who="L\u20112", first_name="a\tb"),
    )
    lines = desk.load(*rows, clean=True)
    assert said(lines) == [
        ("created", "CHARACTER_REPLACED"), ("created", "CHARACTER_REPLACED"), ("held", "CHARACTER_REPLACED CHARACTER_REPLACED HELD"),
    ]  # fmt: skip
    assert "was read as 'It's \"a\" - b', without its RIGHT SINGLE QUOTATION MARK U+2019" in lines[0]["messages"]
    assert (locks(desk), desk.held()) == ([], ["#L-2"])


def test_a_letter_that_was_lost_has_no_plain_form_and_its_row_alone_is_rejected(desk):
    assert said(desk.load(row(title="Jos\ufffd"), row(who="L2"), clean=True)) == [
        ("rejected", "SPECIAL_CHARACTER"), ("created", ""),
    ]  # fmt: skip
    assert locks(desk) == []


def test_clean_with_strict_ascii_takes_the_accents_off(desk):
    lines = desk.load(row(who="José"), row(who="Łódź"), clean=True, strict_ascii=True)
    assert said(lines) == [("held", "CHARACTER_REPLACED HELD"), ("rejected", "SPECIAL_CHARACTER")]
    assert desk.held() == ["#Jose"]


def test_clean_reads_headings_without_their_blanks(desk):
    assert desk.report(text_of((row(),)).replace("external_user_id", " external user id", 1), clean=True).exit_code == 0


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("’", "'"),
        ("„“", '""'),
        ("‑–—−", "----"),
        ("\u00a0\u2009\u3000", "   "),
        ("\u200b\ufeff\u00ad\x07", ""),
        ("a\r\nb", "a  b"),
        ("\ufffd", None),
    ],
)
def test_a_special_character_has_its_plain_form(text, plain):
    assert cleaned(text) == plain


def test_rejected_rows_of_a_cleaned_file_stand_in_the_rejects_as_they_were_typed(desk):
    desk.load(row(title="a–b", complete="x"), clean=True)
    assert "a–b" in (desk.folder / "records.rejects.csv").read_text(encoding="utf-8")


# ---- PARS


def pars(bulkload: CommandLine, desk: Office, *options: str) -> list[list[str]]:
    out = bulkload("report", "pars", "--store", desk.store, *options).out
    return [line.split() for line in out.splitlines()[2:]]


def test_pars_counts_each_learner_once_for_each_course(desk, bulkload: CommandLine):
    cells = {"start": "2015-01-01", "category": "physician"}
    desk.load(done(**cells), done("2", "nursing"), row(who="L2", **cells), course="C1")
    desk.load(done(course="", who="L3", **{**cells, "category": "nonphysician"}), row(course="", **cells), course="C2")
    desk.load(row(who="L4"), row(who="L5", start="2015-01-01"), course="C1")
    desk.load(done(course="C3", **cells), row(course="C3", who="L5", **cells))
    desk.load(row(who="N1", **cells), course="C1")
    assert pars(bulkload, desk) == [
        ["physician", "3", "1", "2"],
        ["nonphysician", "1", "1", "0"],
        ["all", "4", "2", "2"],
    ]
    assert pars(bulkload, desk, "--course", "C1") == [
        ["physician", "2", "1", "1"],
        ["nonphysician", "0", "0", "0"],
        ["all", "2", "1", "1"],
    ]
    assert bulkload("report", "pars", "--store", desk.store, "--course", "C9").code == 2


def test_a_completion_with_credit_by_a_courses_importer_brings_the_record_into_pars(desk, bulkload: CommandLine):
    desk.load(row(start="2015-01-01", category="physician"))
    assert pars(bulkload, desk)[-1] == ["all", "0", "0", "0"]
    desk.load(done(), course="C1")
    assert pars(bulkload, desk)[-1] == ["all", "1", "1", "0"]


# ---- credits by hand


def test_a_credit_is_changed_by_hand_and_the_file_it_came_from_still_changes_nothing(desk, bulkload: CommandLine):
    desk.load(done())
    answer = bulkload("credit", "C1", "l1@X.org", "ama", "3.5", "--store", desk.store)
    assert (answer.code, "was 1.25 and is 3.50" in answer.out) == (0, True)
    assert bulkload("credit", "C1", "L1", "nursing", "2", "--store", desk.store).code == 0
    assert desk.credits() == {("L1", "C1", "ama"): 350, ("L1", "C1", "nursing"): 200}
    assert said(desk.load(done(), done("2", "nursing"))) == [("unchanged", "")] * 2
    assert [one[0] for one in query(desk.store, "SELECT outcomes FROM job WHERE via = 'credit' ORDER BY number")] == [
        '{"updated": 1}'
    ] * 2
    assert query(desk.store, "SELECT count(*) FROM journal WHERE \"table\" = 'credit'") == [(1,)]
    assert "is already 3.50" in bulkload("credit", "C1", "L1", "ama", "3.50", "--store", desk.store).out
    assert bulkload("credit", "C1", "L1", "ama", "0", "--store", desk.store).code == 0
    assert desk.credits() == {("L1", "C1", "nursing"): 200}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("C9", "L1", "ama", "1"), "no course"),
        (("C1", "L9", "ama", "1"), "no learner"),
        (("C1", "both@x.org", "ama", "1"), "2 learners"),
        (("C1", "L1", "amma", "1"), "no credit type"),
        (("C1", "L1", "ama", "1.005"), "two decimals"),
        (("C1", "L1", "ama", "4.01"), "more than the course gives"),
        (("C1", "L1", "nursing", "1"), "not variable"),
        (("C1", "L2", "ama", "1"), "has not completed"),
        (("C1", "L5", "ama", "1"), "not in the course"),
    ],
)
def test_a_credit_that_cannot_be_is_not_given(desk, bulkload: CommandLine, asked, why):
    desk.load(done(), row(who="L2"))
    before = desk.dump()
    answer = bulkload("credit", *asked, "--store", desk.store)
    assert (answer.code, why in answer.err, desk.dump() == before) == (2, True, True)


# ---- export


def test_an_export_applied_again_changes_nothing(desk, bulkload: CommandLine):
    desk.load(
        done(start="2015-01-01", end="2015-01-02T03:04:05Z", category="physician", attended="0", expires="2030-01-01"),
        done("2", "nursing"), row(who="L2", type="moc"), done("7.5", course="S1", who="L5"),
        done(course="C2", who="N1"), done(course="C3", who="N1", mail="n1@x.org"), done(who="", mail="later@x.org"),
    )  # fmt: skip
    desk.refer("learner", "N1,n1@x.org,,")
    desk.refer("login", f"L1,,{(NOW + timedelta(days=1)).isoformat()}")
    bulkload("credit", "C1", "L1", "ama", "2", "--store", desk.store)
    out = desk.folder / "export.csv"
    assert bulkload("export", "course-record", "--store", desk.store, "-o", out).err == ""
    before = desk.dump()
    (report,) = run("apply", out, store=desk.store, legacy=True)
    assert dict(report.tally.outcomes) == {"unchanged": 8}
    assert desk.dump() == before
    assert out.read_text(encoding="utf-8").splitlines()[0] == ",".join(HEADINGS)


@pytest.mark.parametrize("template", ["course", "course-credit", "credit-type", "learner", "login"])
def test_an_export_of_reference_records_applied_again_changes_nothing(desk, bulkload: CommandLine, template):
    desk.load(done("1", course="S1"))
    desk.refer("login", "L1,,2026-11-21T09:00:00Z", "L5,,2026-11-21")
    out = desk.folder / "export.csv"
    bulkload("export", template, "--store", desk.store, "-o", out)
    (report,) = run("apply", out, store=desk.store, template=template)
    assert set(report.tally.outcomes) == {"unchanged"}


# ---- as the command line says it


def test_the_whole_life_of_a_lock_on_the_command_line(desk, bulkload: CommandLine):
    odd = desk.write(ODD)
    good = desk.write(text_of((done(),)), "good.csv")
    store = ("--store", desk.store)
    assert bulkload("apply", good, *store).code == 2
    first = bulkload("apply", odd, "--legacy", *store)
    assert (first.code, "EN DASH U+2013 (write -)" in first.out, "unlock course-record" in first.err) == (3, True, True)
    assert bulkload("apply", good, "--legacy", *store).code == 5
    assert bulkload("unlock", "course-record", "--yes", *store).code == 0
    assert bulkload("apply", good, "--legacy", *store).code == 0
    assert bulkload("apply", odd, "--legacy", "--clean", *store).code == 0
