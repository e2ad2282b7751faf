"""Walks XML with expat, within limits, and gives its records one by one, each as a small tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from xml.parsers import expat

RECORD = 1 << 20
"""Bytes of one record, with what stands between it and the one before."""
PIECES = 500
"""Records that are in memory as trees at once: of 10,000 the garbage collector took twice the time of all else."""
MOST_ATTRIBUTES = 300
MOST_DEPTH = 50
WHITE = " \t\r\n"
_STEP = 1 << 14
_TAG = re.compile(rb"<(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+>")
TOO_LONG = (
    f"what begins here is longer than {RECORD >> 20} MB, which no record, text or comment may be; "
    "probably an end tag is missing"
)
_CUT_SHORT = "it may have been cut short; send it again"
_ERRORS = {
    "no element found": f"the file ends before its last element is closed; {_CUT_SHORT}",
    "unclosed token": f"the file ends in the middle of a tag; {_CUT_SHORT}",
    "unclosed CDATA section": f"the file ends in the middle of a CDATA section; {_CUT_SHORT}",
    "not well-formed (invalid token)": (
        "a character stands here that XML does not allow here; & and < in a text are written &amp; and &lt;"
    ),
    "undefined entity": "an entity is used that XML does not have; write the character itself",
    "duplicate attribute": "an element has the same attribute twice; leave one of them",
    "junk after document element": "something follows the end of the root element; delete it",
    "syntax error": "this is no XML; a tag is expected here",
}


UNKNOWN_TAG = "that of an unknown element (& and < in a text are written &amp; and &lt;)"


class MarkupError(Exception):
    """Says what is wrong with the markup, and at which offset."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.why, self.at = why, at


@dataclass(slots=True)
class Node:
    """An element from `start` to `stop`: `name` as it is written, `tag` the same without a prefix."""

    tag: str
    name: str
    attributes: Mapping[str, str]
    start: int
    stop: int = 0
    texts: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return the text that stands directly in the element."""
        return "".join(self.texts)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which elements stand where: `records` below the root; elements of `holders` have records of one name in them.

    `heads` may stand in a holder before its records; `passed` stand below the root and are no records. `inside` are
    the elements in records, by name: what is taken for another one may be a part of a value, and no message names it.
    """

    root: str
    records: tuple[str, ...]
    passed: tuple[str, ...] = ()
    holders: Mapping[str, str] = field(default_factory=dict)
    heads: tuple[str, ...] = ()
    inside: frozenset[str] = frozenset()

    def allowed(self, holder: str | None) -> tuple[str, ...]:
        """Return the elements that may stand in a holder, or else in the root."""
        if holder:
            return (*self.heads, self.holders[holder])
        return (*self.passed, *self.records, *self.holders)


@dataclass(frozen=True, slots=True)
class Piece:
    """A record, an element that is passed, or a holder without records; None for the end of a holder.

    `head` is the holder around it as far as it stands before the first record, `stop` where the piece ends.
    """

    node: Node | None
    head: Node | None
    stop: int


@dataclass(frozen=True, slots=True)
class Block:
    """Some bytes of the file from the offset `origin` and the line `line` on; they begin where a record may.

    `head` is the holder that is open there; `last` says that the file ends with them.
    """

    data: bytes
    origin: int
    line: int
    head: Node | None
    last: bool


class _Enough(Exception):
    """Ends a walk in the middle of the data."""


class Walk:
    """Walks a block from the offset `at` on.

    `root` is the name of the root as it is written, None where the walk begins before it: then `body` is
    where it opens. `head` is the holder around `at`. After `run`, `pieces` holds the whole ones, `stop` is the offset where the last ends, `head`
    the holder that is open there; `closed` says that the root has ended.
    """

    def __init__(self, layout: Layout, block: Block, *, at: int, root: str | None, head: Node | None = None) -> None:
        self.pieces: list[Piece] = []
        self.stop, self.root, self.head = at, root, head
        self.body, self.closed = at, False
        self._layout, self._data, self._origin, self._last = layout, block.data, block.origin, block.last
        self._enough, self._most = 0, PIECES
        self._opening: Node | None = None
        self._open = head
        self._stack: list[Node] = []
        outer = "".join(f"<{name}>" for name in (root, head and head.name) if name).encode()
        self._parser = expat.ParserCreate("utf-8")
        self._parser.Parse(outer)
        self._shift = at - len(outer)
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def run(self, enough: int, *, most: int = PIECES) -> bool:
        """Walk until a piece ends at the offset `enough` or later, or there are `most`, else to the end of the data.

        Tell whether it stopped before the end. Where the file ends with the block it has to end well. Raises MarkupError.
        """
        self._enough, self._most = enough, most
        at, end = self.stop - self._origin, len(self._data)
        try:
            while at < end:
                self._parser.Parse(self._data[at : at + _STEP])
                at = min(at + _STEP, end)
                if at + self._origin - self.stop > RECORD:
                    raise MarkupError(TOO_LONG, self._begun())
            if self._last:
                self._parser.Parse(b"", True)
                self.stop = self._origin + end
        except _Enough:
            return True
        except expat.ExpatError as error:
            raise self._wrong(error) from error
        finally:
            self._release()
        return False

    def _release(self) -> None:
        """Let the parser forget the walk, which would keep its data, 4 MB, until garbage is collected."""
        self._parser.StartDoctypeDeclHandler = self._parser.StartElementHandler = None
        self._parser.EndElementHandler = self._parser.CharacterDataHandler = None

    def _at(self) -> int:
        return self._parser.CurrentByteIndex + self._shift

    def _begun(self) -> int:
        return self._stack[0].start if self._stack else self.stop

    def _wrong(self, error: expat.ExpatError) -> MarkupError:
        said = expat.ErrorString(error.code) or ""
        around = self._stack[-1] if self._stack else self._opening or self._open
        why = _ERRORS.get(said, f"this is no XML: {said}")
        if said == "mismatched tag":
            named = around is None or around.tag in {*self._layout.allowed(None), *self._layout.inside}
            expected = f"</{around.name if around else self.root}>" if named else UNKNOWN_TAG
            why = f"another end tag stands where {expected} is expected"
        return MarkupError(why, self._parser.ErrorByteIndex + self._shift)

    def _doctype(self, *_: object) -> None:
        raise MarkupError("a DOCTYPE stands here, and a file that has one is not read; delete it", self._at())

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        node = Node(name.rpartition(":")[2], name, attributes, self._at())
        if len(attributes) > MOST_ATTRIBUTES:
            raise MarkupError(f"<{name[:40]}> has more than {MOST_ATTRIBUTES} attributes", node.start)
        if self._stack:
            if len(self._stack) >= MOST_DEPTH:
                raise MarkupError(f"elements stand more than {MOST_DEPTH} deep in one another", node.start)
            self._stack[-1].children.append(node)
            self._stack.append(node)
        elif self.root is None:
            self._begin(node)
        else:
            self._place(node)

    def _begin(self, node: Node) -> None:
        """Take the root."""
        if node.tag != self._layout.root:
            raise MarkupError(f"the root element is <{node.name[:40]}>, not <{self._layout.root}>", node.start)
        self.root = node.name
        self.stop = self.body = self._tag_end(node.start)

    def _place(self, node: Node) -> None:
        """Take an element in the root or in a holder."""
        around = self._opening or self._open
        allowed = self._layout.allowed(around.tag if around else None)
        if node.tag not in allowed:
            near = get_close_matches(node.tag[:40].lower(), allowed, 1)
            hint = f"did you mean <{near[0]}>?" if near else f"it holds {', '.join(f'<{one}>' for one in allowed)}"
            inside = around.name if around else self.root
            raise MarkupError(f"<{node.name[:40]}> stands in <{inside}>, which has none; {hint}", node.start)
        if node.tag in self._layout.holders:
            self._opening = node
            return
        if node.tag in self._layout.heads:
            if self._opening is None:
                raise MarkupError(f"<{node.name}> has to stand before <{allowed[-1]}>", node.start)
            self._opening.children.append(node)
        elif self._opening is not None:
            self._opening.stop = node.start
            self._open, self._opening = self._opening, None
        self._stack.append(node)

    def _end(self, name: str) -> None:
        at = self._at()
        if self._stack:
            node = self._stack.pop()
            node.stop = self._element_end(node, at)
            if not self._stack and self._opening is None:
                self._give(Piece(node, self._open, node.stop))
        elif self._opening is not None:
            node, self._opening = self._opening, None
            node.stop = self._element_end(node, at)
            self._give(Piece(node, None, node.stop))
        elif self._open is not None:
            self._open = None
            self._give(Piece(None, None, self._tag_end(at)))
        else:
            self.closed = True

    def _give(self, piece: Piece) -> None:
        if piece.stop - self.stop > RECORD:
            raise MarkupError(TOO_LONG, piece.node.start if piece.node else self.stop)
        self.pieces.append(piece)
        self.stop, self.head = piece.stop, self._open
        if self.stop >= self._enough or len(self.pieces) == self._most:
            raise _Enough

    def _element_end(self, node: Node, at: int) -> int:
        """Return where an element ends: expat tells the place after `<x/>`, but that before `</x>`."""
        before = self._data[at - self._origin - 2 : at - self._origin]
        return at if before == b"/>" and not node.children and not node.texts else self._tag_end(at)

    def _tag_end(self, at: int) -> int:
        found = _TAG.match(self._data, at - self._origin)
        assert found is not None
        return self._origin + found.end()

    def _text(self, text: str) -> None:
        if self._stack:
            self._stack[-1].texts.append(text)
        elif text.strip(WHITE):
            raise MarkupError(
                "text stands here outside of every record; delete it, or put it into its element", self._at()
            )
