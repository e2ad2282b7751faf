"""Mail: who is told what, what it says, and what mail servers may do (unattended §3). The servers are real ones."""

from __future__ import annotations

import contextlib
import email
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword
from conftest import CommandLine
from loading import query
from students import district, file_of, row
from unattended import MAIL, Inbox, Site, accounted, mail_server, site, users


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with mail_server() as running:
        yield running


@pytest.fixture
def north(tmp_path: Path, inbox: Inbox) -> Site:
    return site(tmp_path, mail=MAIL.format(port=inbox.port))


def letters(inbox: Inbox) -> list[EmailMessage]:
    """The mails as a mail program reads them."""
    found = [email.message_from_bytes(one.original_content or b"", policy=default) for one in inbox.letters]
    return [one for one in found if isinstance(one, EmailMessage)]


def text(letter: EmailMessage, form: str = "plain") -> str:
    """The text of a mail, or its HTML."""
    part = letter.get_body((form,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def subjects(inbox: Inbox) -> list[tuple[str, str]]:
    """To whom each mail went, and its subject."""
    return [(str(one["To"]), str(one["Subject"])) for one in letters(inbox)]


# ---- who is told what


def test_a_good_file_calls_for_a_success_mail_with_how_many(north: Site, inbox: Inbox, bulkload: CommandLine) -> None:
    north.send(users("ann", "bob"))
    bulkload("watch", "--once")
    assert subjects(inbox) == [
        ("reports@example.org", "[north] users.csv: the update was successful: 2 added, 0 updated")
    ]
    assert "2 records were added and 0 updated." in text(letters(inbox)[0])


def test_a_mixed_file_calls_for_both(north: Site, inbox: Inbox, bulkload: CommandLine) -> None:
    north.send(users("ann", "!bob"))
    bulkload("watch", "--once")
    assert subjects(inbox) == [
        ("errors@example.org", "[north] users.csv: the update failed due to errors: 1 rejected"),
        ("reports@example.org", "[north] users.csv: the update was successful: 1 added, 0 updated"),
    ]


def test_or_for_one_that_says_both(tmp_path: Path, inbox: Inbox, bulkload: CommandLine) -> None:
    north = site(tmp_path, mail=MAIL.format(port=inbox.port) + 'mixed = "one"\n')
    north.send(users("ann", "!bob"))
    bulkload("watch", "--once")
    (letter,) = letters(inbox)
    assert letter["To"] == "errors@example.org, reports@example.org"
    assert letter["Subject"] == "[north] users.csv: updated in part: 1 added, 0 updated, 1 rejected"
    assert "failed in part due to errors: 1 of 2 rows were rejected." in text(letter)


def test_a_file_of_which_every_row_failed_calls_for_the_failure_mail_alone(
    north: Site, inbox: Inbox, bulkload: CommandLine
) -> None:
    north.send(users("!ann", "!bob"))
    bulkload("watch", "--once")
    assert inbox.to == ["errors@example.org"]


def test_a_refused_file_calls_for_the_failure_mail_that_says_why(
    north: Site, inbox: Inbox, bulkload: CommandLine
) -> None:
    north.send("some,other,file\n1,2,3\n")
    bulkload("watch", "--once")
    ((to, subject),) = subjects(inbox)
    assert (to, subject) == ("errors@example.org", "[north] users.csv: the file was refused")
    assert "Username" in text(letters(inbox)[0])


def test_an_unchanged_file_calls_for_the_success_mail_with_0_and_0(
    north: Site, inbox: Inbox, bulkload: CommandLine
) -> None:
    for _ in range(2):
        north.send(users("ann"))
        bulkload("watch", "--once")
    assert subjects(inbox)[1][1] == "[north] users.csv: the update was successful: 0 added, 0 updated"


def test_nobody_is_told_where_nobody_is_named(tmp_path: Path, inbox: Inbox, bulkload: CommandLine) -> None:
    mail = MAIL.format(port=inbox.port).replace('reports = ["reports@example.org"]\n', "")
    north = site(tmp_path, mail=mail)
    north.send(users("ann", "!bob"))
    bulkload("watch", "--once")
    assert inbox.to == ["errors@example.org"]


def test_a_file_that_is_late_calls_for_a_mail_to_those_who_are_told_of_errors(
    tmp_path: Path, inbox: Inbox, bulkload: CommandLine
) -> None:
    expects = 'expect = { template = "user", by = "06:00" }\ntime_zone = "America/New_York"'
    site(tmp_path, settings=expects, mail=MAIL.format(port=inbox.port))
    for now in ("2026-11-21T12:00:00Z", "2026-11-22T10:59:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z"):
        bulkload("watch", "--once", "--now", now)
    assert subjects(inbox) == [("errors@example.org", "[north] A file is late")]
    sentence = "No user file has come between 11/21/2026 11:00 AM UTC and 11/22/2026 11:00 AM UTC, nor since then."
    assert text(letters(inbox)[0]) == sentence + "\n"


# ---- what it says


def test_the_failure_mail_has_counts_findings_first_rows_and_the_results(
    north: Site, inbox: Inbox, bulkload: CommandLine
) -> None:
    north.send(users("ann", "!bob", "!cid"))
    bulkload("watch", "--once")
    letter = letters(inbox)[0]
    plain, rich = text(letter), text(letter, "html")
    for said in (plain, rich):
        assert "failed due to errors: 2 of 3 rows were rejected." in said
        assert "row 3, Active" in said
        assert str(north.drop / "output" / "users.rejects.csv") in said
    assert re.search(r"rejected +2\n", plain)
    assert re.search(r"error +NOT_IN_LIST +2 ", plain)
    assert rich.count("<table") == 2
    assert "http" not in rich
    (attached,) = letter.iter_attachments()
    assert attached.get_filename() == "users.results.csv"
    assert attached.get_payload(decode=True) == (north.drop / "output" / "users.results.csv").read_bytes()
    assert letter["Auto-Submitted"] == "auto-generated"


def test_results_above_the_limit_are_named_and_not_attached(
    tmp_path: Path, inbox: Inbox, bulkload: CommandLine
) -> None:
    north = site(tmp_path, mail=MAIL.format(port=inbox.port) + "attach_up_to = 0.0001\n")
    north.send(users("ann", "!bob"))
    bulkload("watch", "--once")
    assert list(letters(inbox)[0].iter_attachments()) == []
    assert str(north.drop / "output" / "users.results.csv") in text(letters(inbox)[0])


def test_names_of_files_write_neither_headers_nor_html(north: Site, inbox: Inbox, bulkload: CommandLine) -> None:
    north.send(users("ann", "!bob"), "<b>\nBcc: evil@example.org\n.csv")
    bulkload("watch", "--once")
    assert inbox.to == ["errors@example.org", "reports@example.org"]
    assert "<b>" not in text(letters(inbox)[0], "html")
    assert letters(inbox)[0]["Bcc"] is None


SECRETS = ("Hunter22x", "987654321", "03/04/2011")


def test_no_mail_and_no_log_holds_a_secret(tmp_path: Path, inbox: Inbox, bulkload: CommandLine) -> None:
    district(tmp_path)
    said = '[[site]]\nname = "south"\nstore = "store.db"\nroot = "south"\nlayouts = ["student"]\npoll_seconds = 0.1\n'
    (tmp_path / "bulkload.toml").write_text(said + MAIL.format(port=inbox.port))
    (tmp_path / "south" / "input").mkdir(parents=True)
    good = row("1001", password=SECRETS[0], ssn=SECRETS[1], dob=SECRETS[2])
    bad = row("1002", username="x", password=SECRETS[0], ssn=SECRETS[1], dob=SECRETS[2])
    worse = row("1003", password="a b" + SECRETS[0], ssn=SECRETS[1] + "9", dob=SECRETS[2] + "9")
    (tmp_path / "south" / "input" / "students.csv").write_text(file_of(good, bad, worse))
    assert bulkload("watch", "--once", "--log-file", tmp_path / "log").code == 1
    everything = (tmp_path / "log").read_text() + "".join(
        part.get_content() if part.get_content_maintype() == "text" else ""
        for letter in letters(inbox)
        for part in letter.walk()
        if not part.is_multipart()
    )
    assert "PASSWORD_FORMAT" in everything
    assert [one for one in SECRETS if one in everything] == []


# ---- what mail servers may do


def test_a_server_that_is_down_delays_the_mail_and_nothing_else(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, mail=MAIL.format(port=1))
    north.send(users("ann"))
    assert bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z").code == 0
    assert (north.jobs(), north.mails()) == ([("users.csv", "done")], [("success", False)])
    accounted(north)


def test_mail_that_was_not_sent_survives_a_restart_and_is_sent_once(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, mail=MAIL.format(port=1))
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z")
    with mail_server() as inbox:
        north.config.write_text(north.config.read_text().replace("port = 1", f"port = {inbox.port}"))
        for minute in (2, 3):
            bulkload("watch", "--once", "--now", f"2026-11-21T08:0{minute}:00Z")
        assert len(inbox.letters) == 1
    assert north.mails() == [("success", True)]


def test_pauses_grow_and_end_after_five_days(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, mail=MAIL.format(port=1))
    north.send(users("ann"))
    tried = []
    for minutes in (0, 1, 2, 3, 4, 6, 7, 14, 15, 16, 30, 31, 62, 63, 122, 123, 182, 183):
        before = tries(north)
        bulkload("watch", "--once", "--now", f"2026-11-21T{8 + minutes // 60:02}:{minutes % 60:02}:00Z")
        if tries(north) > before:
            tried.append(minutes)
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    bulkload("watch", "--once", "--now", "2026-11-27T08:00:00Z")
    assert north.mails() == [("success", True)]
    said = bulkload("status", "--check", "--now", "2026-11-27T09:00:00Z")
    assert "A mail was given up after 5 days" in said.out


def tries(one: Site) -> int:
    """How often the mails of a site were tried in vain."""
    if not one.store.exists():
        return 0
    return int(query(one.store, "SELECT ifnull(sum(tries), 0) FROM mail")[0][0])


def test_a_server_that_hangs_is_given_up_after_the_timeout(tmp_path: Path, bulkload: CommandLine) -> None:
    with hanging() as port:
        north = site(tmp_path, mail=MAIL.format(port=port))
        north.send(users("ann"))
        said = bulkload("watch", "--once")
    assert (said.code, f"The mail server 127.0.0.1:{port} does not answer." in said.err) == (0, True)
    assert north.mails() == [("success", False)]


@contextlib.contextmanager
def hanging() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken: list[socket.socket] = []
        threading.Thread(
            target=lambda: contextlib.suppress(OSError) and taken.append(server.accept()[0]), daemon=True
        ).start()
        yield server.getsockname()[1]
        for one in taken:
            one.close()


def test_a_recipient_who_is_refused_keeps_the_mail_from_nobody_else(
    tmp_path: Path, inbox: Inbox, bulkload: CommandLine
) -> None:
    mail = MAIL.format(port=inbox.port).replace('"reports@example.org"', '"gone@example.org", "here@example.org"')
    north = site(tmp_path, mail=mail)
    inbox.refuses.add("gone@example.org")
    north.send(users("ann"))
    said = bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z")
    assert inbox.to == ["here@example.org"]
    assert "takes no mail for gone@example.org (550)" in said.err
    inbox.refuses.clear()
    bulkload("watch", "--once", "--now", "2026-11-21T08:02:00Z")
    assert inbox.to == ["here@example.org", "gone@example.org"]


def test_a_server_that_refuses_everybody_delays_the_mail(north: Site, inbox: Inbox, bulkload: CommandLine) -> None:
    inbox.refuses.add("reports@example.org")
    north.send(users("ann"))
    assert bulkload("watch", "--once").code == 0
    assert north.mails() == [("success", False)]


def test_a_clock_that_is_put_back_does_not_hold_mail_back(tmp_path: Path, bulkload: CommandLine) -> None:
    north = site(tmp_path, mail=MAIL.format(port=1))
    north.send(users("ann"))
    bulkload("watch", "--once", "--now", "2027-11-21T08:00:00Z")
    with mail_server() as inbox:
        north.config.write_text(north.config.read_text().replace("port = 1", f"port = {inbox.port}"))
        bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z")
        assert len(inbox.letters) == 1


# ---- private connections and passwords

PASSWORD = "correct horse"


class Account:
    """Accepts one user."""

    def __call__(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (b"bulkload", PASSWORD.encode())
        return AuthResult(success=good, handled=good)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A certificate for this machine, and the file of whom to trust for it."""
    made = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    made.cert_pem.write_to_path(file)
    return context, file


def private(port: int, ca_file: Path | None, *more: str, tls: str = "starttls") -> str:
    """Settings for a private connection."""
    said = MAIL.format(port=port).replace('tls = "none"', f'tls = "{tls}"') + 'user = "bulkload"\n'
    return said + (f'ca_file = "{ca_file}"\n' if ca_file else "") + "".join(f"{one}\n" for one in more)


STARTTLS = {"require_starttls": True, "auth_required": True, "authenticator": Account()}


@pytest.mark.parametrize("where", ["password_env", "password_file", "password"])
def test_the_password_comes_from_the_environment_a_file_or_the_configuration(
    where: str,
    tmp_path: Path,
    authority: tuple[ssl.SSLContext, Path],
    bulkload: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    (tmp_path / "secret").chmod(0o600)
    said = {"password_env": "MAIL_PASSWORD", "password_file": "secret", "password": PASSWORD}[where]
    with mail_server(tls_context=authority[0], **STARTTLS) as inbox:
        north = site(tmp_path, mail=private(inbox.port, authority[1], f'{where} = "{said}"'))
        north.send(users("ann"))
        answer = bulkload("watch", "--once")
        assert len(inbox.letters) == 1, answer.err
    assert PASSWORD not in answer.err


def test_a_password_file_that_others_can_read_is_not_used(
    tmp_path: Path, authority: tuple[ssl.SSLContext, Path], bulkload: CommandLine
) -> None:
    (tmp_path / "secret").write_text(PASSWORD)
    (tmp_path / "secret").chmod(0o644)
    with mail_server(tls_context=authority[0], **STARTTLS) as inbox:
        north = site(tmp_path, mail=private(inbox.port, authority[1], 'password_file = "secret"'))
        north.send(users("ann"))
        assert "has mode 0644: make it 0600" in bulkload("watch", "--once").err
        assert inbox.letters == []


def test_a_wrong_password_is_said_without_it(
    tmp_path: Path, authority: tuple[ssl.SSLContext, Path], bulkload: CommandLine
) -> None:
    with mail_server(tls_context=authority[0], **STARTTLS) as inbox:
        north = site(tmp_path, mail=private(inbox.port, authority[1], 'password = "wrong horse"'))
        north.send(users("ann"))
        said = bulkload("watch", "--once").err
    assert "does not accept user and password (535)" in said
    assert "wrong horse" not in said


def test_a_server_that_nobody_vouches_for_gets_neither_mail_nor_password(
    tmp_path: Path, authority: tuple[ssl.SSLContext, Path], bulkload: CommandLine
) -> None:
    with mail_server(tls_context=authority[0], **STARTTLS) as inbox:
        north = site(tmp_path, mail=private(inbox.port, None, f'password = "{PASSWORD}"'))
        north.send(users("ann"))
        assert "is not who it says" in bulkload("watch", "--once").err
        assert inbox.letters == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_tls_from_the_first_byte(tmp_path: Path, authority: tuple[ssl.SSLContext, Path], bulkload: CommandLine) -> None:
    options = {
        "ssl_context": authority[0],
        "auth_required": True,
        "authenticator": Account(),
        "auth_require_tls": False,
    }
    with mail_server(**options) as inbox:
        north = site(tmp_path, mail=private(inbox.port, authority[1], f'password = "{PASSWORD}"', tls="tls"))
        north.send(users("ann"))
        answer = bulkload("watch", "--once")
        assert len(inbox.letters) == 1, answer.err


def test_a_server_without_starttls_gets_no_mail_where_that_is_asked(
    north: Site, inbox: Inbox, bulkload: CommandLine
) -> None:
    north.config.write_text(north.config.read_text().replace('tls = "none"', 'tls = "starttls"'))
    north.send(users("ann"))
    assert "does not offer what is asked of it" in bulkload("watch", "--once").err
    assert inbox.letters == []


def test_certificates_or_a_password_that_cannot_be_used_are_said_as_that(
    tmp_path: Path, inbox: Inbox, bulkload: CommandLine
) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    mail = MAIL.format(port=inbox.port) + 'user = "u"\npassword = "correct hörse"\n'
    north = site(tmp_path, mail=mail)
    for more, sentence in (
        ("", "may have letters without accents, digits and signs only"),
        ('ca_file = "gone.pem"\n', "gone.pem cannot be read: No such file or directory."),
        ('ca_file = "none.pem"\n', "none.pem holds no certificates that can be read."),
    ):
        north.config.write_text(north.config.read_text() + more)
        for command in (("check-config", "--make-folders"), ("check-config", "--no-mail")):
            said = bulkload(*command)
            assert (said.code, sentence in said.out) == (2, True)
            assert "hörse" not in said.out
        north.config.write_text(north.config.read_text().replace(more, "").replace("hörse", "horse"))


def test_a_mail_that_cannot_be_made_is_tried_again_and_keeps_no_other_back(
    north: Site, inbox: Inbox, bulkload: CommandLine
) -> None:
    inbox.refuses.add("errors@example.org")
    north.send(users("ann", "!bob"), "a.csv")
    bulkload("watch", "--once", "--now", "2026-11-21T08:00:00Z")
    inbox.refuses.clear()
    inbox.letters.clear()
    ((job,),) = query(north.store, "SELECT id FROM job")
    kept = north.base / "north.db.jobs" / job / "results.csv"
    kept.rename(kept.with_name("away"))
    kept.symlink_to("/proc/self/mem")
    north.send(users("cid"), "b.csv")
    said = bulkload("watch", "--once", "--now", "2026-11-21T08:10:00Z")
    assert "mail not sent site=north kind=failure" in said.err
    assert "Input/output error" in said.err
    assert inbox.to == ["reports@example.org", "reports@example.org"]
    kept.unlink()
    kept.with_name("away").rename(kept)
    bulkload("watch", "--once", "--now", "2026-11-21T08:20:00Z")
    assert inbox.to[2:] == ["errors@example.org"]
