"""Opens an XML file: its encoding, its root, what stands before its records; and reads it in blocks of whole records."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from bulkload.errors import FileRefused, NulFound
from bulkload.formats.encoding import NO_CHARSETS, PlainText
from bulkload.formats.xml_walk import RECORD, TOO_LONG, Block, Layout, MarkupError, Node, Walk

BLOCK = 4 << 20
"""Bytes that are read at once; to read users of 229 MB took 245 MB of memory with 4 MB, 270 with 8 and 305 with 12."""
MOST = 50_000
"""Records that are read at once; they may be as short as `<a/>`."""
_DECLARED = re.compile(
    rb"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*[\"'][0-9.]+[\"']"
    rb"[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z][\w.-]*)[\"'][^>]*>"
)
_BEGINNING = 1000
"""Bytes in which an XML declaration stands."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record may begin: an offset, its line, and the holder that is open there."""

    offset: int
    line: int
    head: Node | None = None


class Lines:
    """Tells the lines of a block's offsets, of which none is before the last one asked for."""

    def __init__(self, block: Block) -> None:
        self._block, self._counted, self._line = block, 0, block.line

    def at(self, offset: int) -> int:
        """Return the line of an offset."""
        end = offset - self._block.origin
        self._line += self._block.data.count(b"\n", self._counted, end)
        self._counted = end
        return self._line


@dataclass(frozen=True, slots=True)
class Taken(Generic[Found]):
    """What was found in a block, up to the offset `stop`, and the holder that is open there."""

    found: Found
    stop: int
    head: Node | None


class XmlText:
    """An XML file opened once: `root` is the name of its root as it is written.

    `header_raw` is what stands before the records, `footer_raw` what closes them; `reached` is where reading stands.
    Raises FileRefused.
    """

    def __init__(self, path: Path, *, work: Path, layout: Layout, encoding: str | None, block: int) -> None:
        self.name = path.name
        self.layout = layout
        self._block = block
        self.plain = _opened(path, work, encoding)
        self._body = self.reached = Place(self.plain.start, 1)
        self._end = self.plain.size
        try:
            self._read_head()
        except BaseException:
            self.plain.close()
            raise

    def walk(self, block: Block, at: int, head: Node | None) -> Walk:
        """Begin a walk at an offset of a block, in the holder `head`."""
        return Walk(self.layout, block, at=at, root=self.root, head=head)

    def walks(self, block: Block) -> Iterator[Walk]:
        """Walk a block to its end, some records at a time."""
        at, more = block.origin, True
        while more:
            walk = self.walk(block, at, None)
            more = walk.run(sys.maxsize)
            yield walk
            at = walk.stop

    def blocks(
        self, take: Callable[[Block], Taken[Found]], begin: Place | None = None, end: int | None = None
    ) -> Iterator[Found]:
        """Yield what `take` finds at the beginning of each block, which always begins where it stopped.

        It begins with the first record, or at a place; it ends with the file, or with the last whole record before an
        offset. At the end of the file `take` has to walk to there, and to take something of a block that ends there.
        """
        plain = self.plain
        end = self._end = plain.size if end is None else end
        self.reached, size = begin or self._body, self._block
        if self._hollow:
            self.reached = replace(self._body, offset=plain.size)
            return
        while True:
            at = self.reached
            data = plain.read(min(size, end - at.offset), at.offset)
            ends = at.offset + len(data) == end
            last = ends and end == plain.size
            block = Block(data if last else data[: data.rfind(b">") + 1], at.offset, at.line, at.head, last)
            taken = self._checked(block, take)
            if taken.stop > at.offset:
                yield taken.found
            elif not ends:
                if size > RECORD:
                    raise self.refused(at.line, TOO_LONG)
                size *= 2
                continue
            line = at.line + block.data.count(b"\n", 0, taken.stop - at.offset)
            self.reached, size = Place(taken.stop, line, taken.head), self._block
            if taken.stop == end or not (last or taken.stop > at.offset):
                return

    @property
    def progress(self) -> float:
        """Return how much has been read of what is read here, from 0 to 1: of the first half where another process reads the second."""
        return self.reached.offset / self._end

    def raw(self, start: int, stop: int) -> bytes:
        """Return a part of the plain form."""
        return self.plain.read(stop - start, start)

    def refused(self, line: int, why: str) -> FileRefused:
        """Make the refusal of the file for what is wrong on a line."""
        end = "" if why.endswith("?") else "."
        return FileRefused("FORMAT_UNKNOWN", f"{self.name}, line {line}: {why}{end}")

    def _checked(self, block: Block, take: Callable[[Block], Taken[Found]]) -> Taken[Found]:
        """Refuse bytes that are no text, and turn what is wrong with the markup into the file's refusal."""
        if fault := self.plain.fault(block.data, block.origin):
            at, why = fault
            line = block.line + block.data.count(b"\n", 0, at)
            refusal = NulFound if block.data[at : at + 1] == b"\0" else FileRefused
            raise refusal("ENCODING", f"{self.name}, line {line}: {why}")
        try:
            return take(block)
        except MarkupError as error:
            line = block.line + block.data.count(b"\n", 0, error.at - block.origin)
            raise self.refused(line, error.why) from error

    def _read_head(self) -> None:
        """Read up to the first record."""
        plain = self.plain
        data = plain.read(RECORD, plain.start)
        last = plain.start + len(data) == plain.size
        if last and not data.strip():
            raise FileRefused("FORMAT_UNKNOWN", f"{self.name} is empty: it has no root element and no records.")
        block = Block(data if last else data[: data.rfind(b">") + 1], plain.start, 1, None, last)
        head = self._checked(block, self._head)
        raw = block.data[: head.stop - plain.start]
        self.root, self._hollow = head.found
        self.newline = plain.original(b"\r\n" if b"\r\n" in raw else b"\n")
        self.header_raw = plain.bom + plain.original(raw) + self.newline
        self.footer_raw = plain.original(f"</{self.root}>".encode()) + self.newline
        self._body = self.reached = Place(head.stop, 1 + raw.count(b"\n"))

    def _head(self, block: Block) -> Taken[tuple[str, bool]]:
        """Find the root, whether it is closed without records, and where they begin: after what is passed."""
        at, root = block.origin, None
        while True:
            walk = Walk(self.layout, block, at=at, root=root)
            walk.run(0)
            if walk.root is None:
                raise MarkupError(TOO_LONG, block.origin)
            at, root = walk.body, walk.root
            node = walk.pieces[0].node if walk.pieces else None
            if node is None or node.tag not in self.layout.passed:
                return Taken((root, walk.closed and not walk.pieces), at, None)
            at = node.stop


def _opened(path: Path, work: Path, encoding: str | None) -> PlainText:
    """Open a file in the encoding that is asked for, or that of its byte order mark, or the declared one."""
    plain = PlainText(path, work, encoding)
    try:
        found = None if encoding else _DECLARED.match(plain.read(_BEGINNING, plain.start))
        declared = found[1].decode() if found else "utf-8"
        if found is None or _is(declared, plain.encoding):
            return plain
        if plain.bom or not _reads_as(found[0], declared):
            raise FileRefused(
                "ENCODING",
                f"{plain.name}, line 1: the XML declaration says {declared}, but the file is not in it. "
                f"Correct the declaration, or give --encoding {plain.encoding}.",
            )
    except BaseException:
        plain.close()
        raise
    plain.close()
    return PlainText(path, work, declared)


def _is(declared: str, encoding: str) -> bool:
    """Tell whether a declared encoding is the one a file was found to have; UTF-16 is that of either byte order."""
    with suppress(LookupError):
        return encoding.startswith(codecs.lookup(declared).name.removesuffix("-sig"))
    return False


def _reads_as(declaration: bytes, declared: str) -> bool:
    """Tell whether a declaration can stand in a file of the encoding that it names."""
    if declared.lower() in NO_CHARSETS:
        return False
    with suppress(LookupError, UnicodeError, ValueError):
        return declaration.decode().encode(declared) == declaration
    return False
