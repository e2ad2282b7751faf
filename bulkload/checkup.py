"""Says what is wrong or risky in a configuration, beyond what its file says: folders, stores, templates, mail servers."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from bulkload.config import Settings
from bulkload.errors import BulkloadError, UsageError
from bulkload.formats.delimited import OF_POSITIONS
from bulkload.mailing.sending import answers, unprepared
from bulkload.sites import Folder, MailSettings, Site
from bulkload.store import open_store, store_path
from bulkload.template import Options, Template
from bulkload.templates import template_named


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that is wrong, or risky, with a site."""

    severity: Literal["wrong", "risky"]
    where: str
    sentence: str


def checked(found: Settings, *, ask_mail: bool = True) -> Iterator[Remark]:
    """Yield what is wrong or risky; mail servers are asked where `ask_mail` says so."""
    for site in found.site:
        where = f"site {site.name}"
        yield from unknown_templates(site)
        if not site.layouts and not site.folder:
            yield Remark("wrong", where, "it has no folder: name layouts, or add a [[site.folder]].")
        for folder in site.folders():
            yield from of_folder(folder, where)
        yield from of_store(site, where)
        if site.mail is not None:
            yield from of_mail(site.mail, where, found.file, ask=ask_mail)
        else:
            yield Remark("risky", where, "nobody is told of anything: it has no [site.mail].")


def refuse_wrong(sites: Iterable[Site]) -> None:
    """Raise UsageError where a site names a template that does not exist, or has no folder: it can never do its work."""
    for site in sites:
        for one in unknown_templates(site):
            raise UsageError(f"{one.where}: {one.sentence}")
        if not site.layouts and not site.folder:
            raise UsageError(f"site {site.name}: it has no folder: name layouts, or add a [[site.folder]].")


def unknown_templates(site: Site) -> Iterator[Remark]:
    """Yield the templates that a site names and that do not exist, or cannot be loaded as it says."""
    where = f"site {site.name}"
    folders = list(site.folders())
    for folder in folders:
        if said := refusal(partial(importer, folder)):
            yield Remark("wrong", where, f"the folder {folder.path}: {said}")
    for expect in site.expect:
        if said := refusal(partial(template_named, expect.template)):
            yield Remark("wrong", where, f"expect: {said}")
        elif expect.template not in {folder.template for folder in folders}:
            yield Remark(
                "wrong", where, f"expect: no folder of the site takes files of the template {expect.template}."
            )


def importer(folder: Folder) -> Template:
    """Return the template of a folder's files, as its options have it; raise UsageError where they cannot be loaded so."""
    template = template_named(folder.template)
    if template.positional and folder.delimiter not in {None, *OF_POSITIONS}:
        raise UsageError(f"a {template.name} file is never separated by {folder.delimiter!r}.")
    given = [name for name in ("course", "legacy", "clean") if getattr(folder, name)]
    if given and not template.guarded:
        raise UsageError(f"a {template.name} file takes no {given[0]}.")
    options = Options(now=datetime.now(UTC), legacy=folder.legacy, course=folder.course, clean=folder.clean)
    return template.becomes(template, options)


def refusal(of: Callable[[], object]) -> str:
    """Return why something is refused, or nothing."""
    try:
        of()
    except BulkloadError as error:
        return str(error)
    return ""


def of_folder(folder: Folder, where: str) -> Iterator[Remark]:
    """Yield what is wrong with the places of a folder."""
    there: list[Path] = []
    for what, path in folder.places.items():
        if path == folder.processed and what == "refused files":
            continue
        if path.exists() and not path.is_dir():
            yield Remark("wrong", where, f"the folder for {what}, {path}, is a file.")
        elif not path.is_dir():
            sentence = f"the folder for {what}, {path}, is missing (check-config --make-folders makes it)."
            yield Remark("wrong", where, sentence)
        elif not writable(path):
            yield Remark("wrong", where, f"the folder for {what}, {path}, is not writable.")
        else:
            there.append(path)
    disks = {path.stat().st_dev for path in there if path != folder.results}
    if len(disks) > 1:
        sentence = (
            f"{folder.path} and where its files go are on different disks: a file cannot be moved there in one step."
        )
        yield Remark("wrong", where, sentence)


def writable(path: Path) -> bool:
    """Say whether a file can be made in a folder, by making one."""
    probe = path / f".bulkload-check-{os.getpid()}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        probe.unlink()
    except OSError:
        return False
    return True


def of_store(site: Site, where: str) -> Iterator[Remark]:
    """Yield what is wrong with a site's store."""
    said = refusal(lambda: open_store(site.store, create=True).close() if store_path(site.store).exists() else None)
    if said:
        yield Remark("wrong", where, said)
        return
    folder = store_path(site.store).resolve().parent
    if not folder.is_dir():
        yield Remark("wrong", where, f"the folder of the store, {folder}, is missing.")
    elif not writable(folder):
        yield Remark("wrong", where, f"the folder of the store, {folder}, is not writable.")


def of_mail(mail: MailSettings, where: str, file: Path | None, *, ask: bool) -> Iterator[Remark]:
    """Yield what is wrong or risky with a site's mail."""
    if not mail.errors:
        yield Remark("risky", where, "nobody is told of errors: mail.errors is empty.")
    if mail.tls == "none" and mail.user is not None:
        yield Remark("risky", where, "mail.tls is none: the password goes over the network in clear text.")
    if mail.password is not None and file is not None and stat.S_IMODE(file.stat().st_mode) & 0o077:
        mode = stat.S_IMODE(file.stat().st_mode)
        sentence = (
            f"mail.password is in clear text in {file}, which others can read (mode {mode:04o}). Use password_file."
        )
        yield Remark("risky", where, sentence)
    trouble = answers(mail) if ask else unprepared(mail)
    if trouble:
        yield Remark("wrong", where, trouble)


def make_missing(sites: Sequence[Site]) -> Iterator[Path]:
    """Make the folders of sites that are missing, and yield them."""
    for folder in (folder for site in sites for folder in site.folders()):
        for path in folder.places.values():
            if not path.exists():
                path.mkdir(parents=True)
                yield path
