"""The outbox: mails that have to be sent, until a mail server has taken them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bulkload.store import Store


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that has to be sent: its kind, and the job or, for a late file, what it is about.

    Instants are seconds since 1970 in UTC; `recipients` are those whom no server has taken it for yet.
    """

    site: str
    kind: str
    recipients: tuple[str, ...]
    made_at: int
    job: str = ""
    about: str = ""
    due_at: int = 0
    tries: int = 0
    number: int = 0


def add(store: Store, mail: Mail) -> None:
    """Put a mail into the outbox, unless it is there, or was; the transaction, if any, is the caller's."""
    store.execute(
        "INSERT OR IGNORE INTO mail (site, kind, job, about, recipients, made_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(mail.site, mail.kind, mail.job, mail.about, json.dumps(mail.recipients), mail.made_at, mail.due_at),
    )


def unsent(store: Store, site: str) -> list[Mail]:
    """Return the mails of a site that have to be sent, the oldest first."""
    rows = store.query(
        "SELECT site, kind, recipients, made_at, job, about, due_at, tries, number FROM mail "
        "WHERE site = ? AND ended_at IS NULL ORDER BY number",
        site,
    )
    return [Mail(site, kind, tuple(json.loads(to)), *rest) for site, kind, to, *rest in rows]


def sent(store: Store, mail: Mail, now: int) -> None:
    """Note that a mail server has taken a mail for all of its recipients."""
    store.execute("UPDATE mail SET ended_at = ?, trouble = NULL WHERE number = ?", now, mail.number)


def given_up(store: Store, mail: Mail, now: int, trouble: str) -> None:
    """Note that a mail is not tried again, and why."""
    store.execute("UPDATE mail SET ended_at = ?, trouble = ? WHERE number = ?", now, trouble, mail.number)


def put_off(store: Store, mail: Mail, due_at: int, trouble: str, recipients: Sequence[str]) -> None:
    """Note why a mail could not be sent, to whom it still has to be, and when that is tried again."""
    store.execute(
        "UPDATE mail SET due_at = ?, tries = tries + 1, trouble = ?, recipients = ? WHERE number = ?",
        *(due_at, trouble, json.dumps(list(recipients)), mail.number),
    )


def troubles(store: Store, site: str, since: int) -> list[str]:
    """Return why mails of a site are not sent, or were given up since an instant."""
    rows = store.query(
        "SELECT DISTINCT trouble FROM mail WHERE site = ? AND trouble IS NOT NULL AND (ended_at IS NULL OR ended_at >= ?)",
        *(site, since),
    )
    return [one for (one,) in rows]
