"""What a mail says: of a job, or of a file that has not come; as text and as HTML, with the results (unattended §3)."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from bulkload.clocks import shown_moment
from bulkload.config import Settings
from bulkload.jobs import Job
from bulkload.printable import counted, printable
from bulkload.sites import MailSettings, Site
from bulkload.store.outbox import Mail

WIDTH = 88
"""Characters of a line of a message in the text part."""

ADDED, UPDATED, REJECTED = "created", "updated", "rejected"

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a mail: its headings, and its rows; `numbers` are the columns that stand to the right."""

    headings: Row
    rows: tuple[Row, ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says: the subject, and paragraphs and tables in their order."""

    subject: str
    parts: tuple[str | Table, ...]


def kinds_due(job: Job, mixed: str) -> list[str]:
    """Return which mails a job calls for when it has ended: failure, success, both, or `mixed` in one."""
    outcomes = json.loads(job.outcomes)
    rejected = outcomes.get(REJECTED, 0)
    if job.state != "done" or (rejected and rejected == job.rows):
        return ["failure"]
    if not rejected:
        return ["success"]
    return ["failure", "success"] if mixed == "both" else ["mixed"]


def mails_due(job: Job, site: Site, now: int) -> Iterator[Mail]:
    """Yield the mails that a site is to be sent of a job that has ended: none where nobody is to get them."""
    if site.mail is None:
        return
    to = {
        "failure": site.mail.errors,
        "success": site.mail.reports,
        "mixed": tuple(dict.fromkeys((*site.mail.errors, *site.mail.reports))),
    }
    for kind in kinds_due(job, site.mail.mixed):
        if to[kind]:
            yield Mail(site.name, kind, to[kind], now, job=job.id, due_at=now)


def letter_of(mail: Mail, job: Job | None, shown: Settings) -> Letter:
    """Return what a mail says."""
    if job is None:
        return Letter(f"[{mail.site}] A file is late", (mail.about,))
    subject, first = headline(mail.kind, job)
    parts: list[str | Table] = [first]
    if job.message:
        parts.append(job.message)
    parts += counts(job)
    if mail.kind != "success":
        parts += findings(job)
    parts += where(mail, job, shown)
    return Letter(f"[{mail.site}] {subject}", tuple(parts))


def headline(kind: str, job: Job) -> tuple[str, str]:
    """Return the subject of a mail about a job, and its first sentence."""
    outcomes = json.loads(job.outcomes)
    added, updated, rejected = (outcomes.get(one, 0) for one in (ADDED, UPDATED, REJECTED))
    good = f"{added:,} added, {updated:,} updated"
    well = f"{counted(added, 'record was', 'records were')} added and {updated:,} updated."
    bad = f"{rejected:,} of {counted(job.rows, 'row was', 'rows were')} rejected."
    if kind == "success":
        return f"{job.file}: the update was successful: {good}", f"The update with {job.file} was successful. {well}"
    if kind == "mixed":
        return (
            f"{job.file}: updated in part: {good}, {rejected:,} rejected",
            f"The update with {job.file} was successful in part. {well} It failed in part due to errors: {bad}",
        )
    if job.state == "failed":
        return f"{job.file}: the update failed", f"The update with {job.file} failed. Nothing of the file was applied."
    if job.state == "refused":
        return (
            f"{job.file}: the file was refused",
            f"The update with {job.file} failed due to errors: the file was refused, and nothing of it was applied.",
        )
    return f"{job.file}: the update failed due to errors: {rejected:,} rejected", (
        f"The update with {job.file} failed due to errors: {bad}"
    )


def counts(job: Job) -> list[str | Table]:
    """Return the table of what became of the rows, and what the template counts beside."""
    outcomes, own = json.loads(job.outcomes), json.loads(job.counts)
    found: list[str | Table] = []
    if outcomes:
        rows = [*sorted(outcomes.items()), ("rows read", job.rows)]
        found.append(Table(("outcome", "rows"), tuple((name, f"{count:,}") for name, count in rows), (1,)))
    if own:
        found.append(Table(("counted", "number"), tuple((name, f"{count:,}") for name, count in own.items()), (1,)))
    return found


def findings(job: Job) -> list[str | Table]:
    """Return the table of what was found, by code, with the first rows of each, and what is said of the file as a whole."""
    said = json.loads(job.findings)
    rows = [
        (one["severity"], one["code"], f"{one['rows']:,}", "\n".join(one["first"])) for one in said if "severity" in one
    ]
    notes = [f"{one['code']}: {one['message']}" for one in said if "severity" not in one]
    return [*([Table(("severity", "code", "rows", "first rows"), tuple(rows), (2,))] if rows else []), *notes]


def where(mail: Mail, job: Job, shown: Settings) -> Iterator[str | Table]:
    """Yield where the results are, and when the job was."""
    if job.results and mail.kind != "success":
        yield f"Every row with what was found in it: {job.results}"
    if job.rejects and mail.kind != "success":
        yield f"The rejected rows, to be mended and sent again: {job.rejects}"
    if job.errors and mail.kind != "success":
        yield f"All findings, one by one: {job.errors}"
    begun = shown_moment(job.submitted_at, shown.display_time_zone, shown.display_date)
    ended = shown_moment(job.ended_at, shown.display_time_zone, shown.display_date)
    yield f"Job {job.id}, received {begun}, ended {ended}."


def as_text(letter: Letter) -> str:
    """Return a letter as plain text."""
    from tabulate import tabulate

    said = []
    for part in letter.parts:
        if isinstance(part, str):
            said.append(printable(part))
            continue
        aligned = ["right" if at in part.numbers else "left" for at in range(len(part.headings))]
        rows = [tuple(map(printable, row)) for row in part.rows]
        widest = [None] * (len(part.headings) - 1) + [WIDTH]
        table = tabulate(rows, part.headings, "simple", colalign=aligned, disable_numparse=True, maxcolwidths=widest)
        said.append(table)
    return "\n\n".join(said) + "\n"


STYLE = "border-bottom:1px solid #ccc;padding:4px 12px 4px 0;vertical-align:top;text-align:"


def as_html(letter: Letter) -> str:
    """Return a letter as HTML that needs nothing from elsewhere."""
    said = []
    for part in letter.parts:
        if isinstance(part, str):
            said.append(f"<p>{escaped(part)}</p>")
            continue
        sides = ["right" if at in part.numbers else "left" for at in range(len(part.headings))]
        lines = [line_of(part.headings, sides, "th"), *(line_of(row, sides, "td") for row in part.rows)]
        said.append('<table style="border-collapse:collapse">\n' + "\n".join(lines) + "\n</table>")
    body = "\n".join(said)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escaped(letter.subject)}</title></head>\n'
        f'<body style="font-family:sans-serif;font-size:14px">\n{body}\n</body></html>\n'
    )


def line_of(cells: Row, sides: Sequence[str], tag: str) -> str:
    """Return a line of a table in HTML."""
    made = [f'<{tag} style="{STYLE}{side}">{escaped(cell)}</{tag}>' for cell, side in zip(cells, sides, strict=True)]
    return f"<tr>{''.join(made)}</tr>"


def escaped(text: str) -> str:
    """Return a text as HTML shows it."""
    return html.escape(printable(text)).replace("\n", "<br>")


def on_one_line(text: str) -> str:
    """Return a text as a header can have it."""
    return printable(text).replace("\n", " ").replace("\t", " ")


def message_of(mail: Mail, letter: Letter, settings: MailSettings, kept: Path | None, name: str) -> EmailMessage:
    """Return a letter as a message, with the results that are kept with the job, where they are not too large."""
    from datetime import UTC, datetime

    message = EmailMessage()
    message["Subject"] = on_one_line(letter.subject)
    message["From"] = settings.sender
    message["To"] = ", ".join(mail.recipients)
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.made_at, UTC))
    domain = settings.sender.rpartition("@")[2].strip(" >") or "localhost"
    message["Message-ID"] = f"<{mail.made_at}.{mail.number}.{mail.job or mail.kind}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(as_text(letter))
    message.add_alternative(as_html(letter), subtype="html")
    wanted = kept is not None and mail.kind != "success" and kept.is_file()
    if kept is not None and wanted and kept.stat().st_size <= settings.attach_up_to * 1_000_000:
        message.add_attachment(kept.read_bytes(), maintype="text", subtype="csv", filename=on_one_line(name))
    return message
