"""Sends the mails of a site's outbox: whatever the mail server does, nothing of a load waits for it or is undone."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from bulkload.config import Settings
from bulkload.errors import BulkloadError, sentence_of
from bulkload.jobs import Job
from bulkload.logs import Log
from bulkload.mailing.letters import letter_of, message_of
from bulkload.sites import MailSettings, Site
from bulkload.store import Store, jobs, outbox
from bulkload.store.outbox import Mail

FIRST_PAUSE, LONGEST_PAUSE = 60, 3600
"""Seconds until a mail is tried again: twice as long each time, up to an hour."""

GIVE_UP = 5 * 24 * 3600
"""Seconds after which a mail is given up, as mail servers do among themselves (RFC 5321, 4.5.4.1)."""


@dataclass(frozen=True)
class Post:
    """Sends the mails of one site; `opened` gives its store for a moment."""

    site: Site
    shown: Settings
    opened: Callable[[], AbstractContextManager[Store]]
    log: Log

    def send_due(self, now: datetime) -> None:
        """Try every mail once that is due; what the server does not take is tried again after a pause."""
        if self.site.mail is None:
            return
        at = int(now.timestamp())
        with self.opened() as store:
            due = [one for one in outbox.unsent(store, self.site.name) if is_due(one.due_at, at, LONGEST_PAUSE)]
        for mail in due:
            message, trouble = self.made(mail)
            left = mail.recipients
            if message is not None:
                trouble, left = send(message, mail.recipients, self.site.mail)
            with self.opened() as store:
                self.note(store, mail, at, trouble, left)
            if message is not None and left == mail.recipients:
                return

    def made(self, mail: Mail) -> tuple[EmailMessage | None, str]:
        """Return a mail as a message, or None and why it cannot be made: it is tried again, and keeps no other back."""
        with self.opened() as store:
            try:
                return self.compose(store, mail), ""
            except BulkloadError:
                raise
            except OSError as error:
                return None, sentence_of(error)
            except Exception as error:  # noqa: BLE001 - a fault over one mail is said, and the others are sent
                return None, f"A fault of bulkload itself: {type(error).__name__}."

    def compose(self, store: Store, mail: Mail) -> EmailMessage:
        """Return a mail as a message: what it says is all told by the job."""
        job: Job | None = None
        if mail.job:
            job = jobs.select(store, "id = ?", mail.job)[0]
        kept = jobs.folder(store) / mail.job / "results.csv" if job is not None else None
        name = Path(job.results).name if job is not None and job.results else "results.csv"
        assert self.site.mail is not None
        return message_of(mail, letter_of(mail, job, self.shown), self.site.mail, kept, name)

    def note(self, store: Store, mail: Mail, now: int, trouble: str, left: tuple[str, ...]) -> None:
        """Note in the outbox what became of a mail."""
        facts: dict[str, Any] = {"kind": mail.kind, "job": mail.job or None}
        if not trouble:
            outbox.sent(store, mail, now)
            self.log("mail sent", **facts, to=list(mail.recipients))
        elif now - mail.made_at > GIVE_UP:
            outbox.given_up(store, mail, now, f"A mail was given up after 5 days: {trouble}")
            self.log.trouble("mail given up", **facts, to=list(left), reason=trouble)
        else:
            pause = min(FIRST_PAUSE * 2 ** min(mail.tries, 10), LONGEST_PAUSE)
            outbox.put_off(store, mail, now + pause, trouble, left)
            self.log.trouble("mail not sent", **facts, to=list(left), reason=trouble, again_in=pause)


def is_due(due_at: int, now: int, longest: int) -> bool:
    """Say whether something is due; a clock that was put back makes nothing wait longer than it ever waits."""
    return due_at <= now or due_at > now + longest


class Unprepared(Exception):
    """Says what is missing here before a mail server can be asked for anything."""


FAILURES = (OSError, smtplib.SMTPException, Unprepared)
"""Why a mail cannot be sent now."""


def send(message: EmailMessage, recipients: tuple[str, ...], settings: MailSettings) -> tuple[str, tuple[str, ...]]:
    """Send a message; return why it could not be sent, or nothing, and to whom it still has to be."""
    try:
        with connected(settings) as server:
            refused = server.send_message(message, to_addrs=list(recipients))
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except FAILURES as error:
        return trouble_of(error, settings), recipients
    if not refused:
        return "", ()
    code = next(iter(refused.values()))[0]
    named = ", ".join(refused)
    return f"The mail server {settings.host}:{settings.port_used} takes no mail for {named} ({code}).", tuple(refused)


def answers(settings: MailSettings) -> str:
    """Connect to a mail server and log in; return why that cannot be done, or nothing."""
    try:
        with connected(settings) as server:
            server.noop()
    except FAILURES as error:
        return trouble_of(error, settings)
    return ""


def unprepared(settings: MailSettings) -> str:
    """Return what is missing here before the mail server can be asked, or nothing."""
    try:
        credentials(settings), trusted(settings)
    except Unprepared as error:
        return str(error)
    return ""


def trouble_of(error: Exception, settings: MailSettings) -> str:
    """Return the sentence that says why a mail server could not be used."""
    server = f"The mail server {settings.host}:{settings.port_used}"
    return str(error) if isinstance(error, Unprepared) else f"{server} {cause(error)}."


def credentials(settings: MailSettings) -> tuple[str, str] | None:
    """Return who logs in with which password, None where nobody does; raise Unprepared where that cannot be."""
    if settings.user is None:
        return None
    try:
        found = settings.user, settings.secret()
    except ValueError as error:
        raise Unprepared(f"The password of the mail server cannot be had: {error}.") from error
    if not "".join(found).isascii():
        raise Unprepared(
            "User and password of the mail server may have letters without accents, digits and signs only."
        )
    return found


def trusted(settings: MailSettings) -> ssl.SSLContext:
    """Return whom to trust; raise Unprepared where the file that says so cannot be used."""
    context = ssl.create_default_context()
    if settings.ca_file is not None:
        try:
            context.load_verify_locations(settings.ca_file)
        except ssl.SSLError as error:
            raise Unprepared(f"mail.ca_file: {settings.ca_file} holds no certificates that can be read.") from error
        except OSError as error:
            raise Unprepared(f"mail.ca_file: {settings.ca_file} cannot be read: {error.strerror}.") from error
    return context


@contextlib.contextmanager
def connected(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    """Give a connection to a mail server, private and logged in as the settings say.

    How it ends is of no matter: what the server has taken by then, it has taken.
    """
    login, context = credentials(settings), trusted(settings)
    if settings.tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port_used, timeout=settings.timeout, context=context
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port_used, timeout=settings.timeout)
    try:
        if settings.tls == "starttls":
            server.starttls(context=context)
        if login is not None:
            server.login(*login)
        yield server
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()


def cause(error: Exception) -> str:
    """Say what a mail server did, in words that repeat nothing of what it was told."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"does not accept user and password ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"refuses ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "does not offer what is asked of it: STARTTLS, or a login"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"is not who it says: {error.verify_message}"
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "does not answer"
    if isinstance(error, smtplib.SMTPException):
        return "ends the connection"
    reason = getattr(error, "strerror", None) or "cannot be reached"
    return f"cannot be reached: {reason}"
