"""What a file is: its format, its template, its digest."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import stat
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bulkload import rules
from bulkload.check import Matched, by_position, match, normal
from bulkload.errors import BulkloadError, FileRefused, UsageError
from bulkload.form import meant, refuse_spaces
from bulkload.formats import delimited
from bulkload.formats.delimited import DelimitedFile
from bulkload.formats.enterprise import EnterpriseFile
from bulkload.formats.records import RecordsFile
from bulkload.formats.spreadsheet import SpreadsheetFile
from bulkload.places import is_named
from bulkload.template import Options, Template
from bulkload.templates import template_named, templates
from bulkload.workspace import workspace

Reader = DelimitedFile | SpreadsheetFile | EnterpriseFile | RecordsFile

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0"
ROOT = re.compile(rb"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
BEGINNING = 4096
"""Bytes in which an XML file has its root."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read, where that is not told from the file; `any_name`: whatever its name is.

    `method`: the way a file came that has limits of its own.
    """

    template: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    any_name: bool = False
    method: Literal["page"] | None = None


@dataclass(slots=True)
class Source:
    """A file that can be loaded: a reader on it, and how its header lies under its template."""

    path: Path
    reader: Reader
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


class Digest:
    """The SHA-256 of an open file, computed in a thread beside the load; `close` gives it up."""

    def __init__(self, descriptor: int) -> None:
        self._stopped = threading.Event()
        pool = ThreadPoolExecutor(1, "digest")
        self._future = pool.submit(self._compute, descriptor)
        pool.shutdown(wait=False)

    def _compute(self, descriptor: int) -> str:
        whole, at = hashlib.sha256(), 0
        while not self._stopped.is_set() and (part := os.pread(descriptor, 1 << 20, at)):
            whole.update(part)
            at += len(part)
        return whole.hexdigest()

    def result(self) -> str:
        """Return the digest in hexadecimal."""
        return self._future.result()

    def close(self) -> None:
        """Give up, and wait until the file is no longer read."""
        self._stopped.set()
        self._future.result()


def kind_of(path: Path) -> tuple[Literal["delimited", "spreadsheet", "xml"], str]:
    """Tell a file's format from its first bytes, through gzip; of XML also the name of its root."""
    try:
        with path.open("rb") as file:
            start = file.read(BEGINNING)
        if start.startswith(GZIP):
            with gzip.open(path) as file:
                start = file.read(BEGINNING)
    except (OSError, EOFError) as error:
        if isinstance(error, PermissionError):
            raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
        raise FileRefused("FORMAT_UNKNOWN", f"{path} is damaged: {error}. Compress or transfer it again.") from error
    if start.startswith((ZIP, OLE)):
        return "spreadsheet", ""
    text = start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").lstrip()
    root = ROOT.search(text)
    return ("xml", root[1].decode() if root else "") if text.startswith(b"<") else ("delimited", "")


def in_xml(path: Path, root: str, reading: Reading) -> Template:
    """Return the template of an XML file: the one that is named, else the one whose root it has."""
    if reading.template:
        template = template_named(reading.template)
        if template.xml is None:
            raise FileRefused(
                "FORMAT_UNKNOWN",
                f"{shown_name(path)} is XML, and {template.name} files are not. Save it as CSV (UTF-8).",
            )
        return template
    forms = {one.xml.root: one for one in templates().values() if one.xml is not None}
    if root not in forms:
        known = " or ".join(f"<{name}>" for name in forms)
        raise FileRefused(
            "FORMAT_UNKNOWN",
            f"{shown_name(path)} is XML with the root <{rules.shortened(root)}>; the XML files that are read have {known}.",
        )
    return forms[root]


def opened(path: Path, reading: Reading, work: Path) -> Reader:
    """Open a file with the reader of its format."""
    regular_file(path)
    kind, root = kind_of(path)
    template = template_named(reading.template) if reading.template else None
    if kind == "spreadsheet":
        return SpreadsheetFile(path, work=work, sheet=reading.sheet)
    if kind == "xml":
        template = in_xml(path, root, reading)
        names = [one.name for one in template.fields]
        assert template.xml is not None
        if template.xml.record is None:
            return EnterpriseFile(path, work=work, fields=names, encoding=reading.encoding)
        elements = template.xml.root, template.xml.record
        return RecordsFile(path, work=work, fields=names, elements=elements, encoding=reading.encoding)
    width = len(template.positions) if template is not None and template.positional else None
    return DelimitedFile(path, work=work, encoding=reading.encoding, delimiter=reading.delimiter, width=width)


def probable_template(path: Path, reading: Reading) -> str:
    """Return the name of the template that a file was probably meant to have, or nothing where none can be told."""
    if reading.template:
        return template_named(reading.template).name
    try:
        kind, root = kind_of(path)
        if kind == "xml":
            return in_xml(path, root, reading).name
        with workspace() as work:
            reader = opened(path, reading, work)
            try:
                return template_of(path, reading, reader).name
            finally:
                reader.close()
    except BulkloadError:
        return ""


def shown_name(path: Path) -> str:
    """Return a file's name as text that can be stored, whatever bytes it is made of."""
    return shown_path(Path(path.name))


def shown_path(path: Path) -> str:
    """Return a path as text that can be stored, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def identify(path: Path, reading: Reading, options: Options, work: Path) -> Source:
    """Open a file and find its template; raise FileRefused where it is none of the known ones."""
    reader = opened(path, reading, work)
    try:
        template = template_of(path, reading, reader)
        template = template.becomes(template, options)
        if reading.method == "page":
            small_enough(path, template)
        if template.guarded and not options.clean:
            refuse_spaces(reader.header, reader.batches(), template, options, file=shown_name(path))
        if template.file_name:
            named(path, template, reader, any_name=reading.any_name)
        if template.positional:
            return Source(path, reader, template, laid_by_position(path, template, reader))
        header = [meant(one, template) for one in reader.header] if template.guarded else reader.header
        return Source(path, reader, template, match(header, template, file=shown_name(path)))
    except BaseException:
        reader.close()
        raise


def small_enough(path: Path, template: Template) -> None:
    """Refuse a file that cannot be uploaded through a page (seed 000, administrative pages)."""
    if template.page_limit is None:
        takes = ", ".join(one.name for one in templates().values() if one.page_limit is not None)
        raise UsageError(f"--method page: pages take {takes} files, and {shown_name(path)} is a {template.name} file.")
    size = path.stat().st_size
    if size > template.page_limit:
        raise FileRefused(
            "FILE_TOO_LARGE",
            f"{shown_name(path)} has {size:,} bytes, and a page takes {template.page_limit:,} at most. Break it into "
            f"parts with `bulkload split`, or put it whole into the drop folder.",
        )


def template_of(path: Path, reading: Reading, reader: Reader) -> Template:
    """Return the template of an open file: the one that is named, else the one that the file itself tells."""
    if reading.template:
        return template_named(reading.template)
    if reader.in_xml:
        return in_xml(path, kind_of(path)[1], reading)
    return told(reader.header, path.name)


def laid_by_position(path: Path, template: Template, reader: Reader) -> Matched:
    """Return where the fields of a file without a heading row stand; refuse a spreadsheet."""
    if isinstance(reader, SpreadsheetFile):
        raise FileRefused(
            "FORMAT_UNKNOWN",
            f"{shown_name(path)}: a {template.name} file is delimited text without a heading row, or XML, and not a "
            f"spreadsheet. Save it as tab-delimited text.",
        )
    return by_position(template, xml=reader.in_xml)


def named(path: Path, template: Template, reader: Reader, *, any_name: bool) -> None:
    """Refuse a file that has not the name and the form that its template's files have (seed 002, §5)."""
    wanted = str(template.file_name)
    if not any_name and not is_named(path, wanted):
        raise FileRefused(
            "FILE_NAME",
            f"{shown_name(path)}: a {template.name} file has to be named exactly {wanted}. "
            f"Rename it, or run with --any-name.",
        )
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    if packed or not isinstance(reader, delimited.DelimitedFile) or reader.layout.delimiter != ",":
        raise FileRefused(
            "FORMAT_UNKNOWN",
            f"{shown_name(path)}: a {template.name} file has to be comma-separated, uncompressed text. "
            f"Save it as CSV (UTF-8).",
        )


def told(header: Sequence[str], file: str) -> Template:
    """Tell the template from a file's header: the one that shares most headings with it, if that is at least half.

    Headings count that the file has, and those that it has to have.
    """
    with_headings = [one for one in templates().values() if not one.positional]
    plain = {normal(heading) for heading in header}
    tight = {re.sub(r"\s+", "_", heading) for heading in plain}

    def shared(one: Template) -> float:
        headings = tight if one.guarded else plain
        own = {normal(field.heading) for field in one.fields}
        needed = {normal(field.heading) for field in one.fields if not field.may_be_absent}
        return len(own & headings) / len(needed | headings)

    best = max(with_headings, key=shared)
    if shared(best) < 0.5:
        best = next((one for one in with_headings if one.file_name == file), best)
    if shared(best) < 0.5 and best.file_name != file:
        fits = [one for one in templates().values() if one.positional and len(one.positions) == len(header)]
        hint = (
            f"It has as many columns as a {fits[0].name} file, which has no heading row: if it is one, say "
            f"--template {fits[0].name}."
            if fits
            else "Is the first line the heading row? `bulkload template new NAME` writes a file with the right "
            "headings; --template says which is meant."
        )
        raise FileRefused("FORMAT_UNKNOWN", f"{file}: the header fits no template ({', '.join(templates())}). {hint}")
    return best
