"""Opens the archive of an .xlsx file within limits: its sheets, styles and shared strings."""

from __future__ import annotations

import gzip
import os
import posixpath
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.parsers.expat import ExpatError

import polars as pl

from bulkload.errors import FileRefused
from bulkload.formats.xlsx_markup import (
    ATTRIBUTES,
    TEXT,
    DamagedError,
    Node,
    decoded,
    nodes,
    records,
    rich_text,
    unescape,
    xstring,
)

CHUNK = 4 << 20
"""Bytes unpacked at a time: some 11,000 rows of nine columns; larger chunks were no faster."""
LARGEST_FILE = 1 << 30
"""Bytes of an .xlsx unpacked from .gz; 1,048,576 rows of 30 columns come to 0.2 GiB."""
LARGEST_UNPACKED = 4 << 30
"""Bytes of all parts together; the same sheet comes to 1.2 GiB, 39 bytes a cell."""
RATIO = 200
"""How often larger than the file its parts may be: equal rows gave 16, equal long texts 91, a bomb 1,000."""
RATIO_FREE = 64 << 20
"""Bytes of all parts below which the ratio does not matter, because they are read in a second."""
LARGEST_DIRECTORY = 1 << 20
"""Bytes of the archive's directory, which is read whole: 10,000 parts; a workbook has some tens."""
LARGEST_PART = 16 << 20
"""Bytes of a part that is read whole: workbook, relations, styles."""
LARGEST_STRINGS = 512 << 20
"""Bytes of the shared strings, the one part kept in memory: five million texts of 80 characters."""
MOST_STRINGS = 10_000_000
"""Shared strings: an empty one takes 5 bytes of the file and 16 of memory."""

_DAMAGE = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    UnicodeError,
    ExpatError,
)
"""What the standard library raises on a file that is not as it should be."""
_SAVE = "open it in a spreadsheet program and save it as .xlsx"
_VALUE = re.compile(r"<(?:\w+:)?[vt](?: [^<>]*[^<>/])?>[^<]")
_STRINGS = re.compile(rf"(?:\s*+<si>(?:<t{ATTRIBUTES}>{TEXT}</t>|<t ?/>)?+</si>|\s*+<si ?/>)*+\s*+")
_STRING = re.compile(r"<si(?: ?/|><(?:/si|t ?/|t[^>]*+>([^<]*+)))")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet: its name, whether it can be seen, and the part that holds its rows."""

    name: str
    visible: bool
    part: str


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Turn whatever a damaged or hostile archive raises into FileRefused."""
    try:
        yield
    except DamagedError as why:
        raise FileRefused("FORMAT_UNKNOWN", f"{name} {why}.") from None
    except _DAMAGE as error:
        sentence = f"{name} is a damaged spreadsheet ({error}); {_SAVE}."
        raise FileRefused("FORMAT_UNKNOWN", sentence) from error


def unzipped(file: IO[bytes], work: Path) -> IO[bytes]:
    """Return the .xlsx itself: `file`, or what it holds gzip-compressed, as a nameless file in `work`."""
    if file.read(2) != b"\x1f\x8b":
        return file
    left = min(LARGEST_FILE, max(RATIO_FREE, RATIO * file.seek(0, os.SEEK_END)))
    file.seek(0)
    with ExitStack() as stack:
        plain = stack.enter_context(tempfile.TemporaryFile(dir=work))
        packed = stack.enter_context(gzip.GzipFile(fileobj=file))
        while chunk := packed.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise DamagedError("unpacks to far more than a spreadsheet of its size holds")
            plain.write(chunk)
        stack.pop_all()
    return plain


class Package:
    """The parts of one .xlsx file, which it keeps open; every method raises what `refusing` knows."""

    def __init__(self, file: IO[bytes]) -> None:
        size = file.seek(0, os.SEEK_END)
        _check_kind(file, size)
        self._archive = zipfile.ZipFile(file)
        parts = self._archive.infolist()
        self._parts = {part.filename.replace("\\", "/").lower().lstrip("/"): part for part in parts}
        _check_sizes(parts, size)
        self._book = self._main_part()
        self._related = self._relations(self._book)
        self._nodes = self._read(self._book)
        self.epoch_1904 = any(
            node.tag == "workbookPr" and node.attributes.get("date1904") in ("1", "true", "on") for node in self._nodes
        )

    def sheets(self) -> list[Sheet]:
        """Return the worksheets in the workbook's order; charts and macro sheets are none."""
        found: list[Sheet] = []
        for node in self._nodes:
            if node.tag == "sheet" and node.parent == "sheets":
                kind, part = self._related.get(node.attributes.get("id", ""), ("", ""))
                if kind == "worksheet" and part not in {sheet.part for sheet in found}:
                    visible = node.attributes.get("state", "visible") == "visible"
                    found.append(Sheet(node.attributes.get("name", ""), visible, part))
        return found

    def styles(self) -> list[Node]:
        """Return the elements of the style sheet, none if there is no such part."""
        return [node for part in self._of_kind("styles") for node in self._read(part)]

    def strings(self) -> pl.Series:
        """Return the shared strings in their order."""
        pieces, count = [pl.Series([], dtype=pl.String)], 0
        for part in self._of_kind("sharedStrings"):
            if self.size(part) > LARGEST_STRINGS:
                raise DamagedError(f"holds more than {LARGEST_STRINGS >> 20} MiB of text; save it as .csv instead")
            for found in records(decoded(self.chunks(part)), "sst", _STRINGS):
                pieces.append(pl.Series(_texts(found), dtype=pl.String))
                count += len(pieces[-1])
                if count > MOST_STRINGS:
                    raise DamagedError(f"holds more than {MOST_STRINGS:,} texts; save it as .csv instead")
        return pl.concat(pieces, rechunk=True)

    def size(self, part: str) -> int:
        """Return how many bytes a part has when it is unpacked."""
        return self._info(part).file_size

    def chunks(self, part: str, progress: Callable[[int], None] = lambda _size: None) -> Iterator[bytes]:
        """Yield the bytes of a part; zipfile gives no more of them than the directory says."""
        with self._archive.open(self._info(part)) as packed:
            while chunk := packed.read(CHUNK):
                progress(len(chunk))
                yield chunk

    def holds_data(self, sheet: Sheet) -> bool:
        """Tell whether any cell of the sheet holds a value."""
        before = ""
        for chunk in decoded(self.chunks(sheet.part)):
            if _VALUE.search(before + chunk):
                return True
            before = chunk[-100:]
        return False

    def _info(self, part: str) -> zipfile.ZipInfo:
        info = self._parts.get(part.lower())
        if info is None:
            raise DamagedError(f"lacks its part {part!r}; {_SAVE}")
        if info.flag_bits & 1:
            raise DamagedError(f"is protected by a password; {_SAVE} without one")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DamagedError(f"is compressed in a way that no spreadsheet program uses; {_SAVE}")
        return info

    def _read(self, part: str) -> list[Node]:
        if self.size(part) > LARGEST_PART:
            raise DamagedError(f"holds a part {part!r} of more than {LARGEST_PART >> 20} MiB")
        return nodes("".join(decoded(self.chunks(part))))

    def _main_part(self) -> str:
        if "_rels/.rels" not in self._parts:
            raise DamagedError(f"is an archive but no spreadsheet; {_SAVE}")
        for kind, part in self._relations("").values():
            if kind == "officeDocument" and "workbook" in part and not part.endswith(".bin"):
                return part
        raise DamagedError(f"is a document of another kind, not an .xlsx spreadsheet; {_SAVE}")

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return id → (kind, part) of what a part refers to inside the file."""
        folder, name = posixpath.split(part)
        found = {}
        for node in self._read(posixpath.join(folder, "_rels", f"{name}.rels")):
            if node.tag == "Relationship" and node.attributes.get("TargetMode") != "External":
                kind = posixpath.basename(node.attributes.get("Type", ""))
                target = posixpath.normpath(posixpath.join("/", folder, node.attributes.get("Target", "")))
                found[node.attributes.get("Id", "")] = (kind, target.lstrip("/"))
        return found

    def _of_kind(self, kind: str) -> list[str]:
        return [part for found, part in self._related.values() if found == kind][:1]


def _check_kind(file: IO[bytes], size: int) -> None:
    """Refuse what is no zip archive, or one whose directory alone would fill the memory."""
    file.seek(0)
    start = file.read(64)
    file.seek(max(0, size - (1 << 16) - 22))
    end = file.read()
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise DamagedError(f"is an old .xls or protected by a password; {_SAVE} without a password")
    if not start.startswith(b"PK"):
        raise DamagedError(f"is no spreadsheet; {_SAVE}")
    if start[30:].startswith(b"mimetypeapplication/vnd.oasis"):
        raise DamagedError(f"is an OpenDocument file; {_SAVE}")
    closing = end.rfind(b"PK\x05\x06")
    if closing >= 0 and int.from_bytes(end[closing + 12 : closing + 16], "little") > LARGEST_DIRECTORY:
        raise DamagedError("is an archive of far more parts than a spreadsheet has")


def _check_sizes(parts: list[zipfile.ZipInfo], size: int) -> None:
    if not all(0 <= part.header_offset < size for part in parts):
        raise zipfile.BadZipFile("a part lies outside of it")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > LARGEST_UNPACKED or unpacked > max(RATIO_FREE, RATIO * size):
        raise DamagedError(f"unpacks to {unpacked:,} bytes, far more than a spreadsheet of its size holds")


def _texts(found: list[str | list[Node]]) -> list[str]:
    texts: list[str] = []
    for item in found:
        if isinstance(item, str):
            run = _STRING.findall(item)
            texts += map(unescape, run) if "&" in item else run
        else:
            texts.append(rich_text(item))
    return list(map(xstring, texts))
