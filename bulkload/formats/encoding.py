"""Gives a text file, compressed and in whatever encoding, as UTF-8 bytes that can be read at any offset."""

from __future__ import annotations

import codecs
import gzip
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import IO

import polars as pl

from bulkload.errors import FileRefused, StoreError, UsageError

CHUNK = 1 << 20
# UTF-32 stands first: its little-endian mark begins with that of UTF-16.
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
GZIP = b"\x1f\x8b"
# DEFLATE reaches 1,032 : 1 on a file made for nothing else; real ones stay below 50 : 1.
UNPACKED_TIMES = 200
UNPACKED_FREE = 1 << 30


class PlainText:
    """A file opened once: its text as UTF-8, and the way back to the bytes that stand in it.

    `start` is where the text begins in the plain form (after the byte order mark, where that has one),
    `size` where it ends. Where the encoding is not UTF-8 the plain form is a nameless file in `work`.
    """

    def __init__(self, path: Path, work: Path, encoding: str | None) -> None:
        self.name = path.name
        self._opened = self._plain = _open(path)
        try:
            self._stat = os.fstat(self._opened.fileno())
            if self._read(2, 0) == GZIP:
                self._replace(_keep(self._unpacked(), work))
            self.bom, self.encoding = self._told(encoding)
            self.start = len(self.bom)
            self._stop: str | None = None
            if self.encoding != "utf-8":
                self._replace(_keep(self._transcoded(), work))
                self.start = 0
            self.size = os.fstat(self._plain.fileno()).st_size
        except BaseException:
            self.close()
            raise

    def read(self, size: int, offset: int) -> bytes:
        """Return `size` bytes of the plain form, fewer at its end."""
        data = self._read(min(size, self.size - offset), offset)
        if len(data) < min(size, self.size - offset):
            raise FileRefused("FORMAT_UNKNOWN", f"{self.name} became shorter while it was read. Load it again.")
        return data

    def fault(self, data: bytes, offset: int) -> tuple[int, str] | None:
        """Find the first byte of `data`, read at `offset`, that is no text: its place and what is wrong."""
        if self.encoding != "utf-8":
            return (len(data), self._stop) if self._stop and offset + len(data) == self.size else None
        nul = data.find(b"\0")
        if nul >= 0:
            return nul, f"a NUL byte stands at byte offset {offset + nul}; text has none.{self._wide()}"
        if data.isascii() or _is_utf8(data):
            return None
        try:
            data.decode()
        except UnicodeDecodeError as error:
            return error.start, self._invalid(data[error.start], offset + error.start) + self._remedy()
        return None

    def original(self, data: bytes) -> bytes:
        """Turn a part of the plain form back into the bytes of the file."""
        return data if self.encoding == "utf-8" else data.decode().encode(self.encoding)

    def fileno(self) -> int:
        """Return the descriptor of the file as it stands on the disk."""
        return self._opened.fileno()

    def plain_fileno(self) -> int:
        """Return the descriptor of the plain form."""
        return self._plain.fileno()

    def unchanged(self) -> bool:
        """Tell whether the file still has the size and the time of change it had when it was opened."""
        now = os.fstat(self._opened.fileno())
        return (now.st_size, now.st_mtime_ns) == (self._stat.st_size, self._stat.st_mtime_ns)

    def close(self) -> None:
        """Close the file, and drop the copy in `work`."""
        self._plain.close()
        self._opened.close()

    def _replace(self, kept: IO[bytes]) -> None:
        if self._plain is not self._opened:
            self._plain.close()
        self._plain = kept

    def _read(self, size: int, offset: int) -> bytes:
        return os.pread(self._plain.fileno(), size, offset)

    def _chunks(self, offset: int = 0) -> Iterator[bytes]:
        while chunk := self._read(CHUNK, offset):
            yield chunk
            offset += len(chunk)

    def _unpacked(self) -> Iterator[bytes]:
        limit = max(UNPACKED_FREE, UNPACKED_TIMES * self._stat.st_size)
        total = 0
        try:
            with gzip.GzipFile(fileobj=self._opened) as packed:
                while chunk := packed.read(CHUNK):
                    total += len(chunk)
                    if total > limit:
                        raise FileRefused(
                            "FORMAT_UNKNOWN",
                            f"{self.name} unpacks to more than {UNPACKED_TIMES} times its size.",
                        )
                    yield chunk
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FileRefused(
                "FORMAT_UNKNOWN", f"{self.name} is compressed (gzip), but damaged or cut short: {error}."
            ) from error

    def _told(self, encoding: str | None) -> tuple[bytes, str]:
        """Tell the byte order mark and the encoding: the mark's, else the named one, else UTF-8."""
        head = self._read(4, 0)
        bom, marked = next(((bom, told) for bom, told in BOMS if head.startswith(bom)), (b"", None))
        named = _codec(encoding) if encoding else None
        if marked and named and not marked.startswith(named):
            raise FileRefused(
                "ENCODING",
                f"{self.name} begins with the byte order mark of {marked}, but {encoding} was asked for.",
            )
        if named in {"utf-16", "utf-32"} and not marked:
            raise FileRefused(
                "ENCODING", f"{self.name} has no byte order mark: give --encoding {named}-le or {named}-be."
            )
        return bom, marked or named or "utf-8"

    def _transcoded(self) -> Iterator[bytes]:
        """Yield the text as UTF-8 up to the first byte that is none, and note in `_stop` what that is."""
        decoder = codecs.getincrementaldecoder(self.encoding)()
        encoder = codecs.getincrementalencoder(self.encoding)()
        offset = len(self.bom)
        for chunk in chain(self._chunks(offset), (b"",)):
            data = decoder.getstate()[0] + chunk
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                self._stop = self._invalid(data[error.start], offset + error.start)
                yield data[: error.start].decode(self.encoding, "replace").encode()
                return
            if "\0" in text:
                text = text[: text.index("\0")]
                self._stop = f"a NUL stands at byte offset {offset + len(text.encode(self.encoding))}; text has none."
                yield text.encode()
                return
            data = data.removesuffix(decoder.getstate()[0])
            if encoder.encode(text) != data:
                raise FileRefused(
                    "ENCODING",
                    f"{self.name} is {self.encoding} in a form that could not be written back byte for byte. "
                    "Save it as UTF-8.",
                )
            offset += len(data)
            yield text.encode()

    def _invalid(self, byte: int, offset: int) -> str:
        return f"the byte 0x{byte:02X} at byte offset {offset} is not valid {self.encoding.upper()}."

    def _remedy(self) -> str:
        try:
            for chunk in self._chunks():
                chunk.decode("cp1252")
        except UnicodeDecodeError:
            return " Save the file as UTF-8."
        return " Save the file as UTF-8, or, if it was written as Windows-1252, give --encoding cp1252."

    def _wide(self) -> str:
        """Suggest UTF-16 where every other byte at the beginning is NUL."""
        head = self._read(1000, 0)
        for first, order in ((1, "le"), (0, "be")):
            if head[first::2].count(0) > len(head) * 0.4:
                return f" It looks like UTF-16 without a byte order mark: give --encoding utf-16-{order}."
        return ""


def _open(path: Path) -> IO[bytes]:
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileRefused("FORMAT_UNKNOWN", f"{path} is no file, but a directory, a device or a pipe.")
    return os.fdopen(descriptor, "rb", buffering=0)


NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7", "undefined", "mbcs", "oem"}
"""Codecs of Python's that are no encoding of a file."""


def _is_utf8(data: bytes) -> bool:
    """Tell whether bytes are UTF-8, in a tenth of the time that decoding takes where some of it is not ASCII."""
    try:
        pl.Series([data], dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.ComputeError:
        return False
    return True


def _codec(encoding: str) -> str:
    """Return the one name Python has for a text encoding."""
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name.removesuffix("-sig")
        if name in NO_CHARSETS:
            raise LookupError(name)
        return name
    except (LookupError, UnicodeError, ValueError) as error:
        raise UsageError(f"There is no encoding named {encoding!r}. Try utf-8, utf-16 or cp1252.") from error


def _keep(chunks: Iterator[bytes], work: Path) -> IO[bytes]:
    """Write `chunks` to a nameless file in `work`: mode 0600, gone when it is closed, even by a crash."""
    with ExitStack() as stack:
        try:
            kept = stack.enter_context(tempfile.TemporaryFile(dir=work))
            for chunk in chunks:
                kept.write(chunk)
            kept.flush()
        except OSError as error:
            raise StoreError(f"{work} cannot hold a copy of the file: {error.strerror}.") from error
        stack.pop_all()
    return kept
