"""Takes the XML of a spreadsheet apart: proven records as text, to be cut by columns; any other by expat."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from xml.parsers import expat

LONGEST_RECORD = 16 << 20
"""Characters of one row or one shared string; Excel allows 32,767 in a cell, so this is 500 full cells."""
MOST_NODES = 500_000
"""Elements of one small part or one row; a workbook with Excel's limit of 65,490 styles has some 200,000."""

ATTRIBUTES = r'(?: [\w:.-]++="[^<>&"]*+")*+'
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}
_PLAIN = r"[^<&\x00-\x08\x0b-\x1f]*+"
TEXT = rf"{_PLAIN}(?:&(?:amp|lt|gt|quot|apos);{_PLAIN})*+"

_ENTITY = re.compile("|".join(ENTITIES))
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TOKEN = re.compile(
    r"<(?:!--.*?-->|!\[CDATA\[.*?\]\]>|\?.*?\?>|(?P<end>/)[^<>]*+>"
    r"|(?:[\w.-]+:)?+(?P<start>[\w.-]++)(?:[^<>\"'/]|\"[^\"<]*+\"|'[^'<]*+'|/(?!>))*+(?P<empty>/)?>)",
    re.DOTALL,
)


class DamagedError(Exception):
    """Says what is wrong with a spreadsheet, in words that follow its name."""


@dataclass(slots=True)
class Node:
    """One element: names are without their prefix, `text` is what stands directly in it."""

    tag: str
    parent: str
    attributes: dict[str, str]
    text: str = ""


def nodes(xml: str) -> list[Node]:
    """Return the elements of a whole document in its order; raises DamagedError, or ExpatError."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = min(1 << 20, len(xml) + 1)
    found: list[Node] = []
    inside = [Node("", "", {})]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(found) >= MOST_NODES:
            raise DamagedError(f"holds a part with more than {MOST_NODES:,} elements")
        node = Node(_local(tag), inside[-1].tag, {_local(key): value for key, value in attributes.items()})
        found.append(node)
        inside.append(node)

    def text(data: str) -> None:
        inside[-1].text += data

    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _tag: inside.pop()
    parser.CharacterDataHandler = text
    parser.Parse(xml, True)
    return found


def rich_text(item: list[Node]) -> str:
    """Return the text of a string made of runs, without the readings that Japanese files add."""
    return "".join(node.text for node in item if node.tag == "t" and node.parent != "rPh")


def unescape(text: str) -> str:
    """Return proven text with its entities replaced."""
    return _ENTITY.sub(lambda entity: ENTITIES[entity[0]], text)


def xstring(text: str) -> str:
    """Return a cell's text with `_x000D_` and its like replaced by the characters they stand for."""
    return _ESCAPE.sub(_escaped, text) if "_x" in text else text


def _escaped(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    return escape[0] if code == 0 or 0xD800 <= code < 0xE000 else chr(code)


@lru_cache(maxsize=1024)
def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _no_doctype(*_: object) -> None:
    raise DamagedError("holds XML with a document type or entities, which no spreadsheet program writes")


def decoded(chunks: Iterator[bytes]) -> Iterator[str]:
    """Yield the text of an XML part: UTF-8, or UTF-16 with its mark, the only two a spreadsheet may use."""
    first = next(chunks, b"")
    encoding = "utf-16" if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    return codecs.iterdecode(chain([first], chunks), encoding)


def records(chunks: Iterator[str], holder: str, proven: re.Pattern[str]) -> Iterator[list[str | list[Node]]]:
    """Yield, chunk by chunk, the children of the element `holder` in their order.

    A run of children that `proven` matches comes as its text, any other child as its nodes. `proven`
    matches whole, well-formed children only, so the first one it leaves begins where an element begins.
    """
    text, closed = _opened(chunks, holder)
    while not closed:
        found, text, closed = _taken(text, proven)
        yield found
        if not closed:
            text = _longer(text, chunks)
    for _ in chunks:  # to the end of the part, where the archive compares its checksum
        pass


def _opened(chunks: Iterator[str], holder: str) -> tuple[str, bool]:
    """Return the text after the start tag of `holder`, and whether the element is empty."""
    text, at = "", 0
    while True:
        token = _token(text, at)
        if token is None:
            text, at = _longer(text[at:], chunks), 0
        elif token["start"] == holder:
            return text[token.end() :], token["empty"] is not None
        else:
            at = token.end()


def _taken(text: str, proven: re.Pattern[str]) -> tuple[list[str | list[Node]], str, bool]:
    """Return the whole records at the start of `text`, what is left, and whether the holder was closed."""
    found: list[str | list[Node]] = []
    at = 0
    while True:
        run = proven.match(text, at)
        if run and run.end() > at:
            found.append(run[0])
            at = run.end()
        end, depth = _element_end(text, at)
        if depth:
            return found, text[at:], depth < 0
        found.append(nodes(text[at:end]))
        at = end


def _element_end(text: str, at: int) -> tuple[int, int]:
    """Return where the element at `at` ends, and the depth: above 0 when it does not end in `text`.

    The depth is -1 when the next tag closes the element around it.
    """
    depth = 0
    while token := _token(text, at):
        at = token.end()
        depth += (token["start"] is not None and token["empty"] is None) - (token["end"] is not None)
        if depth < 0 or (depth == 0 and (token["start"] or token["end"])):
            return at, depth
    return at, max(depth, 1)


def _token(text: str, at: int) -> re.Match[str] | None:
    start = text.find("<", at)
    if text.startswith("<!D", start):
        _no_doctype()
    return _TOKEN.match(text, start) if start >= 0 else None


def _longer(text: str, chunks: Iterator[str]) -> str:
    if len(text) > LONGEST_RECORD:
        raise DamagedError(f"holds a row or a text of more than {LONGEST_RECORD:,} characters")
    more = next(chunks, None)
    if more is None:
        raise DamagedError("ends in the middle of a sheet")
    return text + more
