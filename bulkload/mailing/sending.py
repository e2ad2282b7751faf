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
            with self.opened() as store:
                message = self.compose(store, mail)
            trouble, left = send(message, mail.recipients, self.site.mail)
            with self.opened() as store:
                self.note(store, mail, at, trouble, left)
            if trouble and left == mail.recipients:
                return

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


def send(message: EmailMessage, recipients: tuple[str, ...], settings: MailSettings) -> tuple[str, tuple[str, ...]]:
    """Send a message; return why it could not be sent, or nothing, and to whom it still has to be."""
    try:
        with connected(settings) as server:
            refused = server.send_message(message, to_addrs=list(recipients))
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except (OSError, smtplib.SMTPException) as error:
        return f"The mail server {settings.host}:{settings.port_used} {cause(error)}.", recipients
    except ValueError as error:
        return f"The password of the mail server cannot be had: {error}.", recipients
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
    except (OSError, smtplib.SMTPException) as error:
        return f"The mail server {settings.host}:{settings.port_used} {cause(error)}."
    return ""


@contextlib.contextmanager
def connected(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    """Give a connection to a mail server, private and logged in as the settings say.

    How it ends is of no matter: what the server has taken by then, it has taken.
    """
    trusted = ssl.create_default_context()
    if settings.ca_file is not None:
        trusted.load_verify_locations(settings.ca_file)
    if settings.tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port_used, timeout=settings.timeout, context=trusted
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port_used, timeout=settings.timeout)
    try:
        if settings.tls == "starttls":
            server.starttls(context=trusted)
        if settings.user is not None:
            server.login(settings.user, settings.secret())
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
