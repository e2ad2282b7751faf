"""bulkload.toml: every mistake is named with its line; check-config says what else is wrong or risky; purge and admins."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from conftest import BULKLOAD, CommandLine
from faults import mounted, read_only
from loading import query
from unattended import MAIL, Site, mail_server, site, users

from bulkload.config import settings


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BULKLOAD_CONFIG", raising=False)


@pytest.fixture
def north(tmp_path: Path) -> Site:
    return site(tmp_path)


SITE = '[[site]]\nname = "north"\nstore = "n.db"\n'

FOLDER = SITE + '[[site.folder]]\npath = "a"\ntemplate = "user"\n'
MAILED = SITE + "[site.mail]\n"

MISTAKES = {
    'stor = "x.db"\n': "line 1: unknown setting 'stor'; did you mean 'store'?",
    "store = 7\n": "line 1: store = 7: it has to be a file, or sqlite:///FILE, in quotes.",
    'display_time_zone = "Mars/Olympus"\n': "line 1: display_time_zone",
    '[[site]]\nname = "a b"\nstore = "n.db"\n': 'line 2: name = "a b": it has to be letters, digits',
    '# one site\n\n[[site]]\nname = "north"\n': "line 3: site needs store",
    SITE + 'schedule = "2 am"\n': 'line 4: schedule = "2 am": it has to be a time of day such as "02:00".',
    SITE + 'schedule = "24:00"\n': "line 4: schedule",
    SITE + "poll_seconds = 0\n": "line 4: poll_seconds = 0: it has to be a number above 0, up to 86400.",
    SITE + "poll_seconds = true\n": "line 4: poll_seconds = true",
    SITE + "keep_processed = 1.5\n": "line 4: keep_processed = 1.5: it has to be a whole number above 0.",
    SITE + 'layouts = ["student", "API", "FTP"]\n': "line 4: there is no layout 'FTP'; there are API, BCCT, student.",
    SITE + 'layouts = [\n  "student",\n  1,\n]\n': "line 4: layouts",
    SITE + 'delimiter = "x"\n': "line 4: delimiter",
    SITE + 'expect = { template = "student" }\n': "line 4: site.expect needs by",
    SITE + 'expect = [{ template = "student", by = "6" }]\n': "line 4: by",
    SITE + '[[site.folder]]\npath = "a"\n': "line 4: site.folder needs template",
    SITE
    + '[[site.folder]]\npath = "a"\ntemplate = "user"\nlegacy = "yes"\n': 'line 7: legacy = "yes": it has to be true or false.',
    SITE
    + '[site.mail]\nhost = "h"\nsender = "s@x.org"\ntls = "ssl"\n': 'line 7: tls = "ssl": it has to be "starttls" or "tls" or "none".',
    SITE
    + '[site.mail]\nhost = "h"\nsender = "s@x.org"\nerror = ["x"]\n': "line 7: unknown setting 'error'; did you mean 'errors'?",
    SITE
    + '[site.mail]\nhost = "h"\nsender = "s@x.org"\npassword = "a"\npassword_env = "B"\n': "line 4: give one of password",
    SITE + "[[site.folder]]\npath = 'a'\ntemplate = 'user'\n" * 2: "the folder",
    SITE + SITE: "line 5: two sites are called 'north'.",
    'name = "north\n': "bulkload.toml, line 1, column 14: Illegal character",
    "name = north\n": 'line 1, column 8: Invalid value. Texts stand in quotes: name = "north"',
    'admins = [\n  "ann"\n': "bulkload.toml: Unclosed array. Texts",
    "keep_processed = 9\n": "line 1: unknown setting 'keep_processed'; it belongs to a table 'site'.",
    SITE + 'host = "h"\n': "line 4: unknown setting 'host'; it belongs to a table 'mail'.",
    SITE + 'marker = "done"\n': 'line 4: marker = "done": it has to be an ending that begins with a dot',
    SITE + 'display_date = "DD.MM.YYYY"\n': 'line 4: display_date = "DD.MM.YYYY": it has to be a form as of strftime',
    SITE + "poll_seconds = inf\n": "line 4: poll_seconds = inf",
    SITE + "poll_seconds = nan\n": "line 4: poll_seconds = nan",
    SITE + "poll_seconds = 1e9\n": "line 4: poll_seconds",
    SITE + 'root = "~nobody-of-this-name/x"\n': "line 4: root",
    SITE + 'root = "a\\nb"\n': "line 4: root",
    '[[site]]\nname = "north"\nstore = "postgresql://u:Secret9@h/db"\n': 'line 3: store = "postgresql://…@h/db": it has to be',
    FOLDER + 'encoding = "klingon"\n': 'line 7: encoding = "klingon": it has to be the name of an encoding',
    FOLDER + 'encoding = "hex"\n': "line 7: encoding",
    FOLDER + 'processed = "a"\n': "/a is where refused files of",
    FOLDER + 'results = "b/../a/"\n': "/a is where results of",
    FOLDER
    + '[[site.folder]]\npath = "b"\ntemplate = "user"\nqueued = "a"\n[[site.folder]]\npath = "a/b"\ntemplate = "user"\n': "line 7: /",
    SITE + 'layouts = ["API"]\n[[site.folder]]\npath = "."\ntemplate = "user"\n': "line 4: /",
    FOLDER + 'queued = "q"\n[[site.folder]]\npath = "b/a"\ntemplate = "event"\nqueued = "q"\n': "line 8: files of",
    MAILED
    + 'host = "mail..org"\nsender = "s@x.org"\n': 'line 5: host = "mail..org": it has to be the name of a server',
    MAILED + 'host = "smtp://u:Secret9@h"\nsender = "s@x.org"\n': 'line 5: host = "smtp://…@h"',
    MAILED + 'host = "h"\nsender = "me"\n': 'line 6: sender = "me": it has to be a mail address',
    MAILED + 'host = "h"\nsender = "s@x.org"\nerrors = ["a@x.org", "b"]\n': "line 7: errors",
    MAILED + 'host = "h"\nsender = "s@x.org"\nreports = "a@x.org\\nBcc: c@x.org"\n': "line 7: reports",
    MAILED
    + 'host = "h"\nsender = "s@x.org"\nport = 70000\n': "line 7: port = 70000: it has to be a whole number from 1 to 65535.",
    MAILED
    + 'host = "h"\nsender = "s@x.org"\npassword = 98765\n': "line 7: password = …: it has to be a text in quotes.",
    MAILED + 'host = "h"\nsender = "s@x.org"\nuser = "u"\n': "line 4: there is a user, and no password",
    MAILED + 'host = "h"\nsender = "s@x.org"\npassword = "a"\n': "line 4: there is a password, and no user",
}


@pytest.mark.parametrize(("said", "sentence"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_a_mistake_is_named_with_its_line(said: str, sentence: str, tmp_path: Path, bulkload: CommandLine) -> None:
    (tmp_path / "bulkload.toml").write_text(said)
    for command in (("check-config",), ("status",)):
        answer = bulkload(*command)
        assert answer.code == 2
        assert "bulkload.toml" in answer.err
        assert sentence in answer.err
        assert "Secret9" not in answer.err
        assert "98765" not in answer.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b'store = "\xe9.db"', "is not UTF-8, from byte 9 on"), ('store = "é.db"'.encode("utf-16"), "is not UTF-8")],
)
def test_a_configuration_that_is_not_utf_8_is_said(
    content: bytes, sentence: str, tmp_path: Path, bulkload: CommandLine
) -> None:
    (tmp_path / "bulkload.toml").write_bytes(content)
    said = bulkload("status")
    assert (said.code, sentence in said.err) == (2, True)


def test_a_configuration_may_begin_with_a_byte_order_mark(tmp_path: Path, bulkload: CommandLine) -> None:
    (tmp_path / "bulkload.toml").write_bytes(b"\xef\xbb\xbf" + SITE.encode())
    assert settings().site[0].name == "north"


def test_a_configuration_that_cannot_be_read_is_said(bulkload: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKLOAD_CONFIG", "/proc/self/mem")
    said = bulkload("status")
    assert (said.code, "/proc/self/mem cannot be read: " in said.err) == (2, True)


def test_all_mistakes_are_named_at_once_in_the_order_of_their_lines(tmp_path: Path, bulkload: CommandLine) -> None:
    (tmp_path / "bulkload.toml").write_text('stor = 1\nadmins = 2\n[[site]]\nname = "north"\nschedule = "x"\n')
    lines = [one.partition(", line ")[2][0] for one in bulkload("check-config").err.splitlines()]
    assert lines == ["1", "2", "3", "5"]


def test_settings_are_frozen_and_show_no_password(tmp_path: Path) -> None:
    site(tmp_path, mail=MAIL.format(port=25) + 'user = "u"\npassword = "correct horse"\n')
    found = settings()
    assert "correct horse" not in repr(found)
    with pytest.raises(FrozenInstanceError):
        found.site[0].name = "other"  # type: ignore[misc]


def test_relative_paths_begin_where_the_file_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    north = site(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("BULKLOAD_CONFIG", str(north.config))
    (found,) = settings().site
    assert found.store == str(north.store)
    north.config.write_text(north.config.read_text().replace('"north.db"', '"sqlite:///north.db"'))
    assert settings().site[0].store == str(north.store)
    assert [one.path for one in found.folders()] == [north.drop]


# ---- sites and other commands


def test_a_site_has_to_be_named_where_there_are_several(tmp_path: Path, bulkload: CommandLine) -> None:
    site(tmp_path)
    site(tmp_path, "south")
    (tmp_path / "u.csv").write_text(users("ann"))
    said = bulkload("apply", "u.csv")
    assert (said.code, "has several sites: north, south. Say which with --site" in said.err) == (2, True)
    assert bulkload("apply", "--site", "south", "u.csv").code == 0
    assert (tmp_path / "south.db").exists()
    assert bulkload("apply", "--store", "own.db", "u.csv").code == 0
    assert bulkload("status", "--site", "west").code == 2
    for command in (("status",), ("export", "user"), ("purge",)):
        assert bulkload(*command, "--site", "south").code == 0


def test_a_site_shows_dates_as_it_says_and_their_zone_once(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, settings='display_time_zone = "Eastern Standard Time"\ndisplay_date = "%d.%m.%Y %H:%M"')
    for day in (1, 2):
        north.send(users("ann"))
        bulkload("watch", "--once", "--now", f"2026-11-0{day}T17:30:00Z")
    said = bulkload("status", "--now", "2026-11-03T00:00:00Z").out
    assert [re.search(r"[0-9.]{10} [0-9:]{5}", one)[0] for one in said.splitlines()[2:4]] == [  # type: ignore[index]
        "02.11.2026 12:30",
        "01.11.2026 12:30",
    ]
    assert said.count("Eastern Standard Time") == 1


def test_a_narrow_terminal_breaks_no_word_of_a_sentence_and_no_date(tmp_path: Path, bulkload: CommandLine) -> None:
    import pexpect

    north = site(tmp_path, settings='display_time_zone = "America/New_York"')
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z")
    (north.drop / "output" / "users.results.csv").unlink()
    (north.drop / "output").rmdir()
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "80"}
    for command in ("check-config", "status --now 2026-11-21T09:00:00Z"):
        printed = pexpect.run(f"{BULKLOAD} {command}", env=environment, cwd=str(tmp_path)).decode()
        assert max(map(len, printed.splitlines())) <= 80 + len(str(tmp_path))
        for whole in (
            "the folder for results, ",
            "check-config --make-folders",
            "11/21/2026 03:00 AM",
            "America/New_York",
        ):
            assert whole not in bulkload(*command.split()).out or whole in " ".join(printed.split())


# ---- check-config


def remarks(said: str) -> list[str]:
    """The remarks of check-config, without its last line."""
    return said.splitlines()[:-1]


def test_a_good_configuration_has_no_remarks(tmp_path: Path, bulkload: CommandLine) -> None:
    with mail_server() as inbox:
        north = site(tmp_path, mail=MAIL.format(port=inbox.port))
        assert bulkload("check-config", "--make-folders").code == 0
        said = bulkload("check-config")
    assert (said.code, said.out) == (0, "bulkload.toml: 1 site, 0 wrong, 0 risky.\n")
    assert not north.store.exists()


def test_missing_folders_are_wrong_and_can_be_made(north: Site, bulkload: CommandLine) -> None:
    said = bulkload("check-config")
    assert said.code == 2
    assert f"wrong: site north: the folder for results, {north.drop / 'output'}, is missing" in said.out
    assert bulkload("check-config", "--make-folders").code == 0


def test_a_folder_that_is_not_writable_or_on_another_disk_is_wrong(north: Site, bulkload: CommandLine) -> None:
    bulkload("check-config", "--make-folders")
    with mounted(north.drop / "processed", "1m") as disk:
        assert "are on different disks" in bulkload("check-config").out
        read_only(disk)
        assert f"{disk}, is not writable" in bulkload("check-config").out


def test_a_folder_of_a_template_that_does_not_exist_is_wrong_and_is_not_watched(
    north: Site, bulkload: CommandLine
) -> None:
    north.config.write_text(north.config.read_text().replace('"user"', '"usr"'))
    sentence = f"site north: the folder {north.drop}: There is no template 'usr'. Did you mean 'user'?"
    assert f"wrong: {sentence}" in bulkload("check-config").out
    said = bulkload("watch", "--once")
    assert (said.code, sentence in said.err) == (2, True)


def test_a_file_that_no_folder_takes_cannot_be_expected(tmp_path: Path, bulkload: CommandLine) -> None:
    site(tmp_path, settings='expect = { template = "student", by = "06:00" }')
    assert "expect: no folder of the site takes files of the template student." in bulkload("check-config").out


@pytest.mark.parametrize(
    ("template", "more", "sentence"),
    [
        ("course-record", "", "Course records are imported into a course with --course ID"),
        ("course-record", 'course = "C1"\nlegacy = true', "give one of them"),
        ("user", 'course = "C1"', "a user file takes no course."),
        ("user", "clean = true", "a user file takes no clean."),
        ("user-enrollment", 'delimiter = ";"', "a user-enrollment file is never separated by ';'."),
    ],
)
def test_options_that_no_file_of_a_folder_can_be_loaded_with_are_wrong_and_it_is_not_watched(
    template: str, more: str, sentence: str, tmp_path: Path, bulkload: CommandLine
) -> None:
    north = site(tmp_path, folder=more)
    north.config.write_text(north.config.read_text().replace('template = "user"', f'template = "{template}"'))
    assert sentence in bulkload("check-config", "--make-folders").out
    said = bulkload("watch", "--once")
    assert (said.code, sentence in said.err) == (2, True)


def test_a_file_in_the_place_of_a_folder_is_wrong_and_each_place_is_named_once(
    north: Site, bulkload: CommandLine
) -> None:
    (north.drop / "processed").write_text("mine")
    said = bulkload("check-config", "--make-folders").out
    assert [one for one in remarks(said) if "processed" in one] == [
        f"wrong: site north: the folder for processed files, {north.drop / 'processed'}, is a file."
    ]


def test_a_mail_server_that_does_not_answer_is_wrong(tmp_path: Path, bulkload: CommandLine) -> None:
    site(tmp_path, mail=MAIL.format(port=1))
    said = bulkload("check-config", "--make-folders")
    assert (said.code, "wrong: site north: The mail server 127.0.0.1:1 cannot be reached" in said.out) == (2, True)
    assert bulkload("check-config", "--no-mail").code == 0


def test_clear_text_passwords_that_others_can_read_are_risky(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, mail=MAIL.format(port=1) + 'user = "u"\npassword = "correct horse"\n')
    north.config.chmod(0o644)
    said = bulkload("check-config", "--make-folders", "--no-mail")
    assert said.code == 0
    assert any("mail.password is in clear text" in one and "0644" in one for one in remarks(said.out))
    assert any("goes over the network in clear text" in one for one in remarks(said.out))
    assert "correct horse" not in said.out + said.err
    north.config.chmod(0o600)
    assert "mail.password is in clear text" not in bulkload("check-config", "--no-mail").out


def test_a_password_that_cannot_be_had_is_wrong(tmp_path: Path, bulkload: CommandLine) -> None:
    site(tmp_path, mail=MAIL.format(port=1) + 'user = "u"\npassword_env = "NOT_SET_ANYWHERE"\n')
    assert "the environment variable NOT_SET_ANYWHERE is not set" in bulkload("check-config", "--no-mail").out


def test_a_store_that_is_none_is_wrong(north: Site, bulkload: CommandLine) -> None:
    north.store.write_text("this is no store, and never was one")
    assert "is not a store, or it is damaged" in bulkload("check-config", "--make-folders").out


# ---- retention


def test_jobs_are_purged_after_60_times_24_hours_and_who_loaded_what_stays(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann", "!bob"))
    bulkload("watch", "--once", "--now", "2026-09-01T08:00:00Z")
    ((job,),) = query(north.store, "SELECT id FROM job")
    before = query(north.store, "SELECT id, file, sha256, who, submitted_at, outcomes FROM job")
    assert "0 jobs were purged" in bulkload("purge", "--now", "2026-10-31T08:00:00Z").out
    assert (north.base / "north.db.jobs" / job).exists()
    assert "1 job was purged" in bulkload("purge", "--now", "2026-10-31T08:00:01Z").out
    assert "0 jobs were purged" in bulkload("purge", "--now", "2026-10-31T08:00:01Z").out
    assert query(north.store, "SELECT id, file, sha256, who, submitted_at, outcomes FROM job") == before
    assert query(north.store, "SELECT findings, results, rejects, published FROM job") == [("[]", None, None, "[]")]
    assert not (north.base / "north.db.jobs" / job).exists()
    assert north.users() == ["ann"]


def test_the_watcher_purges_once_a_day(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, settings="keep_processed = 30")
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-09-01T08:00:00Z")
    (north.drop / "processed" / "notes.txt").write_text("mine")
    said = bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z")
    assert "purged site=north jobs=1 files=2" in said.err
    assert [one.name for one in (north.drop / "processed").iterdir()] == ["notes.txt"]
    assert "purged" not in bulkload("watch", "--once", "--now", "2026-11-21T09:00:00Z").err


def test_what_a_job_wrote_into_the_folders_of_a_site_is_purged_with_it(north: Site, bulkload: CommandLine) -> None:
    for day in ("01", "01", "20"):
        north.send(users("ann", "!bob"))
        bulkload("watch", "--once", "--now", f"2026-09-{day}T08:00:00Z")
    output = north.drop / "output"
    names = ["users.rejects.csv", "users.results.csv"]
    assert written(output) == [f"{name}{number}" for name in names for number in ("", ".1", ".2")]
    latest = [(output / name).read_bytes() for name in names]
    assert "2 jobs were purged, and 4 files were removed" in bulkload("purge", "--now", "2026-11-01T08:00:00Z").out
    assert [(output / name).read_bytes() for name in names] == latest
    assert written(output) == names
    assert "1 job was purged, and 2 files were removed" in bulkload("purge", "--now", "2026-11-21T08:00:00Z").out
    assert written(output) == []


def written(folder: Path) -> list[str]:
    """The names of the files of a folder, in order."""
    return sorted(one.name for one in folder.iterdir())


def test_of_results_that_are_the_same_the_older_ones_are_purged(north: Site, bulkload: CommandLine) -> None:
    for day in ("01", "19", "20"):
        north.send(users("ann"))
        bulkload("watch", "--once", "--now", f"2026-09-{day}T08:00:00Z")
    output = north.drop / "output"
    assert (output / "users.results.csv").read_bytes() == (output / "users.results.csv.1").read_bytes()
    bulkload("purge", "--now", "2026-11-18T08:00:01Z")
    assert written(output) == ["users.results.csv"]


def test_what_a_person_put_or_changed_in_the_folders_of_a_site_stays(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, settings="keep_processed = 30")
    north.send(users("ann", "!bob"))
    bulkload("watch", "--once", "--now", "2026-09-01T08:00:00Z")
    output, processed = north.drop / "output", north.drop / "processed"
    (output / "users.rejects.csv").write_text(users("bob"))
    (output / "users.results.csv").rename(output / "for the board.csv")
    (output / "users.results.csv").write_text("mine")
    (output / "notes.txt").write_text("mine")
    (file,) = processed.iterdir()
    (processed / f"{file.stem}.mended.csv").write_text(users("bob"))
    bulkload("purge", "--now", "2026-11-21T08:00:00Z")
    assert written(output) == ["for the board.csv", "notes.txt", "users.rejects.csv", "users.results.csv"]
    assert written(processed) == [f"{file.stem}.mended.csv"]


def test_results_that_a_person_asked_for_by_a_command_stay(north: Site, bulkload: CommandLine) -> None:
    (north.base / "users.csv").write_text(users("ann", "!bob"))
    bulkload("apply", "users.csv", "--now", "2026-09-01T08:00:00Z")
    assert "1 job was purged, and 0 files were removed" in bulkload("purge", "--now", "2026-11-21T08:00:00Z").out
    assert (north.base / "users.results.csv").exists()
    assert (north.base / "users.rejects.csv").exists()


def test_what_lies_on_a_share_that_is_not_there_is_purged_another_day(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-09-01T08:00:00Z")
    north.drop.rename(north.base / "away")
    assert "1 job was purged, and 0 files were removed" in bulkload("purge", "--now", "2026-11-21T08:00:00Z").out
    (north.base / "away").rename(north.drop)
    assert "0 jobs were purged, and 1 file was removed" in bulkload("purge", "--now", "2026-11-22T08:00:00Z").out


def test_a_file_that_cannot_be_removed_is_said_and_tried_again_and_stops_no_other(
    tmp_path: Path, bulkload: CommandLine
) -> None:
    north = site(tmp_path, settings="keep_processed = 30")
    bulkload("check-config", "--make-folders")
    with mounted(north.drop / "output", "1m") as disk:
        north.send(users("ann"))
        bulkload("watch", "--once", "--now", "2026-09-01T08:00:00Z")
        read_only(disk)
        said = bulkload("purge", "--now", "2026-11-21T08:00:00Z")
        assert (said.code, "users.results.csv could not be used: Read-only" in said.err) == (6, True)
        assert "1 job was purged, and 1 file was removed" in said.out
        assert north.processed() == []
        logged = bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z").err
        assert "not purged site=north" in logged
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert "and 1 file was removed" in bulkload("purge", "--now", "2026-11-22T08:00:00Z").out


def test_a_store_that_is_not_there_is_not_made_to_be_purged(north: Site, bulkload: CommandLine) -> None:
    said = bulkload("purge")
    assert (said.code, "There is no store at" in said.err, north.store.exists()) == (6, True, False)


def test_processed_files_stay_where_the_site_says_nothing(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2020-09-01T08:00:00Z")
    bulkload("purge")
    assert north.processed() == ["users.csv"]


def test_a_purge_that_was_killed_is_done_again(north: Site, bulkload: CommandLine) -> None:
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-09-01T08:00:00Z")
    ((job,),) = query(north.store, "SELECT id FROM job")
    for path in sorted((north.base / "north.db.jobs" / job).iterdir()):
        path.unlink()
    assert "1 job was purged" in bulkload("purge", "--now", "2026-11-21T08:00:01Z").out


def test_only_admins_may_purge(north: Site, bulkload: CommandLine) -> None:
    north.config.write_text('admins = ["nobody-here"]\n' + north.config.read_text())
    said = bulkload("purge")
    assert (said.code, "only nobody-here may run `bulkload purge`" in said.err) == (2, True)
