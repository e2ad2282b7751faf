"""What a file is: its format, its template, its digest."""

from __future__ import annotations

import gzip
import hashlib
import stat
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bulkload.check import Matched, match, normal
from bulkload.errors import FileRefused, UsageError
from bulkload.formats.delimited import DelimitedFile
from bulkload.formats.spreadsheet import SpreadsheetFile
from bulkload.template import Template
from bulkload.templates import template_named, templates

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read, where that is not told from the file."""

    template: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


@dataclass(slots=True)
class Source:
    """A file that can be loaded: a reader on it, and how its header lies under its template."""

    path: Path
    reader: DelimitedFile | SpreadsheetFile
    template: Template
    matched: Matched

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()


def regular_file(path: Path) -> int:
    """Return the size of a file; refuse what is none, without opening it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise FileRefused("FORMAT_UNKNOWN", f"{path} is not a file: a directory, a device or a pipe cannot be loaded.")
    return found.st_size


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_beside(path: Path) -> Future[str]:
    """Return the digest of a file as it is being computed in a thread of its own."""
    pool = ThreadPoolExecutor(1, "digest")
    future = pool.submit(digest, path)
    pool.shutdown(wait=False)
    return future


def kind_of(path: Path) -> Literal["delimited", "spreadsheet"]:
    """Tell a file's format from its first bytes, through gzip."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start.startswith(GZIP):
            with gzip.open(path) as file:
                start = file.read(4)
    except (OSError, EOFError) as error:
        if isinstance(error, PermissionError):
            raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
        raise FileRefused("FORMAT_UNKNOWN", f"{path} is damaged: {error}. Compress or transfer it again.") from error
    return "spreadsheet" if start in {ZIP, OLE} else "delimited"


def identify(path: Path, reading: Reading, work: Path) -> Source:
    """Open a file and find its template; raise FileRefused where it is none of the known ones."""
    regular_file(path)
    reader: DelimitedFile | SpreadsheetFile
    if kind_of(path) == "spreadsheet":
        reader = SpreadsheetFile(path, work=work, sheet=reading.sheet)
    else:
        reader = DelimitedFile(path, work=work, encoding=reading.encoding, delimiter=reading.delimiter)
    template = template_named(reading.template) if reading.template else told(reader.header, path.name)
    return Source(path, reader, template, match(reader.header, template, file=path.name))


def told(header: Sequence[str], file: str) -> Template:
    """Tell the template from a file's header: the one that shares most headings with it, if that is at least half."""
    headings = {normal(heading) for heading in header}

    def shared(one: Template) -> float:
        own = {normal(field.heading) for field in one.fields}
        return len(own & headings) / len(own | headings)

    best = max(templates().values(), key=shared)
    if shared(best) < 0.5:
        raise FileRefused(
            "FORMAT_UNKNOWN",
            f"{file}: the header fits no template ({', '.join(templates())}). Is the first line the heading row? "
            f"`bulkload template new NAME` writes a file with the right headings; --template says which is meant.",
        )
    return best
