"""What `bulkload.toml` may say, setting by setting: sites, their folders, their mail; and the layouts of folders, as data."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Literal

from bulkload import settings as kinds
from bulkload.settings import setting


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one type of file, below the root of a site (unattended §2; seed 000, "Where to Upload").

    `checked_in` is where a file goes to have its form checked before it is queued; `refused` is where refused files end.
    """

    folder: str
    template: str
    results: str
    processed: str
    queued: str = "queued"
    refused: str | None = None
    checked_in: str | None = None


LAYOUTS = {
    "API": Layout("API", "user-enrollment", "API/datadump", "processed", refused=".", checked_in="."),
    "BCCT": Layout("BCCT", "course-copy", "BCCT/datadump", "BCCT/processed"),
    "student": Layout("input", "student", "output", "processed"),
}


@dataclass(frozen=True, slots=True)
class FolderTable:
    """A drop folder beside those of the layouts: where files of one template come, and where things go."""

    path: Path = setting(kinds.INSIDE, "where new files come, below the site's root or absolute")
    template: str = setting(kinds.TEXT, "the template of its files")
    results: Path | None = setting(kinds.INSIDE, "where results and rejects go; else `output` in the folder", None)
    processed: Path | None = setting(kinds.INSIDE, "where files go afterwards; else `processed` in the folder", None)
    queued: Path | None = setting(kinds.INSIDE, "where files wait for their turn; else `queued` in the folder", None)
    schedule: time | None = setting(kinds.TIME, "another time of day than the site's", None)
    marker: str | None = setting(kinds.MARKER, "another ending of markers than the site's", None)
    encoding: str | None = setting(kinds.ENCODING, "the encoding of its files, such as cp1252", None)
    delimiter: str | None = setting(kinds.DELIMITER, "another delimiter than the site's", None)
    course: str | None = setting(kinds.TEXT, "as `--course` of `apply`", None)
    legacy: bool = setting(kinds.YES_NO, "as `--legacy`", default=False)
    clean: bool = setting(kinds.YES_NO, "as `--clean`", default=False)
    all_or_nothing: bool = setting(kinds.YES_NO, "as `--all-or-nothing`", default=False)


@dataclass(frozen=True, slots=True)
class Expect:
    """A file that has to have come by a time of day."""

    template: str = setting(kinds.TEXT, "the template of the file")
    by: time = setting(kinds.TIME, "the time of day in the site's zone by which a file has come")


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Who is written to, and by which mail server (unattended §3)."""

    host: str = setting(kinds.HOST_NAME, "the mail server")
    sender: str = setting(kinds.SENDER, "the address that mails come from")
    errors: tuple[str, ...] = setting(kinds.ADDRESSES, "who is told of refused files, rejected rows and late files", ())
    reports: tuple[str, ...] = setting(kinds.ADDRESSES, "who is told how many records were added and updated", ())
    mixed: Literal["both", "one"] = setting(
        kinds.one_of("both", "one"), "a file with good and bad rows gets both mails, or one that says both", "both"
    )
    tls: Literal["starttls", "tls", "none"] = setting(
        kinds.one_of("starttls", "tls", "none"), "how the connection is kept private", "starttls"
    )
    port: int | None = setting(kinds.PORT, "the port; else 587 for starttls, 465 for tls, 25 for none", None)
    user: str | None = setting(kinds.TEXT, "who logs in at the mail server", None)
    password: str | None = setting(kinds.SECRET, "the password, in clear text; one of the next two is better", None)
    password_env: str | None = setting(kinds.TEXT, "the environment variable that holds the password", None)
    password_file: Path | None = setting(kinds.PATH, "the file of mode 0600 that holds the password", None)
    ca_file: Path | None = setting(kinds.PATH, "certificates to trust beside the system's", None)
    attach_up_to: float = setting(kinds.NUMBER, "MB of results that are attached; larger ones are named", 5.0)
    timeout: float = setting(kinds.SECONDS, "seconds that the mail server may take for an answer", 30.0)

    def __repr__(self) -> str:
        """Leave the password out of whatever is printed."""
        return f"MailSettings(host={self.host!r})"

    @property
    def port_used(self) -> int:
        """Return the port that is used."""
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.tls]

    def secret(self) -> str:
        """Return the password, from where it is kept; raise ValueError with a sentence where it cannot be had."""
        if self.password_env is not None:
            found = os.environ.get(self.password_env)
            if found is None:
                raise ValueError(f"the environment variable {self.password_env} is not set")
            return found
        if self.password_file is not None:
            try:
                mode = stat.S_IMODE(self.password_file.stat().st_mode)
                if mode & 0o077:
                    raise ValueError(f"{self.password_file} has mode {mode:04o}: make it 0600 (chmod 600)")
                return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                raise ValueError(f"{self.password_file} cannot be read: {reason}") from error
        return self.password or ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A drop folder with every place in full, wherever it was declared."""

    path: Path
    template: str
    results: Path
    processed: Path
    queued: Path
    refused: Path
    checked_in: Path | None
    schedule: time | None
    marker: str | None
    encoding: str | None = None
    delimiter: str | None = None
    course: str | None = None
    legacy: bool = False
    clean: bool = False
    all_or_nothing: bool = False

    @property
    def room(self) -> Path:
        """Return where its files wait, each in a folder named by its job's id, so that it keeps its name."""
        return self.queued / self.path.name

    @property
    def places(self) -> dict[str, Path]:
        """Return every folder that has to be there, by what it is for."""
        named = {"new files": self.path, "results": self.results, "processed files": self.processed}
        return named | {"queued files": self.queued, "refused files": self.refused}


@dataclass(frozen=True, slots=True)
class Site:
    """An institution or a district: its store, its folders, its mail, its clock (unattended §1)."""

    name: str = setting(kinds.NAME, "what it is called")
    store: str = setting(kinds.STORE, "its own store: a file, relative to the folder of `bulkload.toml`")
    root: Path | None = setting(kinds.PATH, "the folder that its SFTP server shows; else that of `bulkload.toml`", None)
    layouts: tuple[str, ...] = setting(kinds.TEXTS, f"ready-made folders below the root: {', '.join(LAYOUTS)}", ())
    folder: tuple[FolderTable, ...] = setting(
        kinds.tables_of(FolderTable), "further folders, each `[[site.folder]]`", ()
    )
    mail: MailSettings | None = setting(kinds.table_of(MailSettings), "`[site.mail]`; without it no mail is sent", None)
    expect: tuple[Expect, ...] = setting(kinds.tables_of(Expect), "files that have to have come by a time of day", ())
    schedule: time | None = setting(kinds.TIME, "the time of day at which files are processed; else at once", None)
    time_zone: str = setting(kinds.ZONE, "the zone of `schedule`, `by` and dates in names", "UTC")
    display_time_zone: str | None = setting(kinds.ZONE, "as above, for this site", None)
    display_date: str | None = setting(kinds.DATE_FORM, "as above, for this site", None)
    source: str | None = setting(kinds.TEXT, "as above, for this site", None)
    delimiter: str | None = setting(kinds.DELIMITER, "what separates cells; else told from the header", None)
    marker: str | None = setting(
        kinds.MARKER, 'an ending such as ".done": files are taken once NAME.done has come', None
    )
    poll_seconds: float = setting(kinds.SECONDS, "seconds between two looks into the folders", 5.0)
    keep_processed: int | None = setting(
        kinds.WHOLE, "days after which processed and refused files are removed; else never", None
    )

    def folders(self) -> Iterator[Folder]:
        """Yield the folders of the site: those of its layouts, then its own."""
        for one in (LAYOUTS[name] for name in self.layouts):
            yield Folder(
                path=self.place(one.folder),
                template=one.template,
                results=self.place(one.results),
                processed=self.place(one.processed),
                queued=self.place(one.queued),
                refused=self.place(one.refused or one.processed),
                checked_in=self.place(one.checked_in) if one.checked_in else None,
                schedule=self.schedule,
                marker=self.marker,
                delimiter=self.delimiter,
            )
        for own in self.folder:
            path = self.place(own.path)
            processed = self.place(own.processed or path / "processed")
            yield Folder(
                path=path,
                template=own.template,
                results=self.place(own.results or path / "output"),
                processed=processed,
                queued=self.place(own.queued or path / "queued"),
                refused=processed,
                checked_in=None,
                schedule=own.schedule or self.schedule,
                marker=own.marker or self.marker,
                delimiter=own.delimiter or self.delimiter,
                encoding=own.encoding,
                course=own.course,
                legacy=own.legacy,
                clean=own.clean,
                all_or_nothing=own.all_or_nothing,
            )

    def place(self, path: Path | str) -> Path:
        """Return a path below the root, or one of its own where it is absolute; `..` is taken out of it."""
        assert self.root is not None
        return Path(os.path.normpath(self.root / path))
