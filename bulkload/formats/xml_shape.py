"""Declares what the elements of a record hold: which element or attribute is which field, and how often each may stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from bulkload.formats.xml_walk import WHITE, MarkupError, Node

SPACE = r"[ \t\r\n]*"
_ENTITY = r"&(?:amp|lt|gt|quot|apos|#(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,3}|[1-4][0-9]{4})|#x(?:[2-9A-F][0-9A-F]|[1-9A-C][0-9A-F]{2,3}));"
# A right bracket might be one of "]]>", which no text may hold; U+FFFE and U+FFFF are no characters of XML.
TEXT = rf"(?:[^<&\]\x00-\x08\x0b-\x1f\x{{fffe}}\x{{ffff}}]|{_ENTITY})*"
VALUE = rf'(?:[^<>&"\x00-\x1f\x{{fffe}}\x{{ffff}}]|{_ENTITY})*'
_LITERAL = r'[^<>&"\x00-\x1f\x{fffe}\x{ffff}]*'
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}
_REFERENCE = re.compile(r"&(?:#x([0-9A-F]+)|#([0-9]+)|[a-z]+);")


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a record, its children in the order of the format.

    `fields` are the fields that its text is, the first for its first occurrence and so on; `attributes` has
    the names of its attributes in their order, each with its field ("" for none). `times` says how often it
    may stand: `once`; more often, of which the first count (`first`); or all count (`all`): the texts come
    on lines of their own, or, with `keyed`, as a JSON object under the values of that attribute. With
    `where`, only occurrences count whose attribute has one of these values (in lower case; "" is for an absent one).
    """

    name: str
    fields: tuple[str, ...] = ()
    children: tuple[Element, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    times: Literal["once", "first", "all"] = "once"
    keyed: str = ""
    where: tuple[str, tuple[str, ...]] | None = None
    known: Mapping[str, Element] = field(init=False, repr=False, compare=False)
    """Those of the children that are fields or hold some."""

    def __post_init__(self) -> None:
        known = {child.name: child for child in self.children if next(child.all_fields(), None)}
        object.__setattr__(self, "known", known)

    def all_fields(self) -> Iterator[str]:
        """Yield every field of the element and of those in it."""
        yield from (name for name in self.attributes.values() if name)
        yield from self.fields
        for child in self.children:
            yield from child.all_fields()

    def counts(self, node: Node) -> bool:
        """Tell whether an occurrence counts."""
        if self.where is None:
            return True
        attribute, values = self.where
        return node.attributes.get(attribute, "").strip(WHITE).lower() in values


def values(node: Node, element: Element) -> dict[str, str]:
    """Return the fields that a record holds; those whose element is absent are missing, of an empty one "".

    What is not declared is passed over. Raises MarkupError for a second element where one is allowed.
    """
    found: dict[str, str] = {}
    _collect(node, element, found)
    return found


def _collect(node: Node, element: Element, found: dict[str, str]) -> None:
    for attribute, name in element.attributes.items():
        if name and attribute in node.attributes:
            found.setdefault(name, node.attributes[attribute])
    seen: dict[str, int] = {}
    for inner in node.children:
        child = element.known.get(inner.tag)
        if child is None or not child.counts(inner):
            continue
        nth = seen.get(inner.tag, 0)
        seen[inner.tag] = nth + 1
        if nth and child.times == "once":
            raise MarkupError(f"<{inner.tag}> stands twice in one <{node.tag}>; leave one of them", inner.start)
        if nth and child.times == "first" and nth >= len(child.fields):
            continue
        _collect(inner, child, found)
        if child.fields:
            _put(inner, child, nth, found)


def _put(node: Node, element: Element, nth: int, found: dict[str, str]) -> None:
    name = element.fields[0 if element.times == "all" else nth]
    text = node.text if node.text.strip(WHITE) else ""
    if element.keyed:
        held = json.loads(found.get(name, "{}"))
        key = node.attributes.get(element.keyed, "")
        if key in held:
            raise MarkupError(f'{element.keyed}="{key}" stands twice in one record; leave one of them', node.start)
        text = json.dumps({**held, key: text}, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    elif name in found:
        text = f"{found[name]}\n{text}"
    found[name] = text


def pattern(element: Element, prefix: str = "") -> str:
    """Return the expression that proves an element well-formed and in the declared order, for polars.

    It leaves out what is rare: elements that are not declared, those under keys, a second container of a
    kind or one whose attributes are fields, attributes in another order. Whatever it matches, `columns` reads as `values` does.
    """
    name = prefix + re.escape(element.name)
    told_by = element.where[0] if element.where else ""
    attributes = "".join(f'(?: {one}="{_LITERAL if one == told_by else VALUE}")?' for one in element.attributes)
    inner = TEXT
    if element.children:
        inner = SPACE + "".join(repeated(child, prefix) for child in element.children if not child.keyed)
    return f"<{name}{attributes}(?: ?/>|>{inner}</{name}>)"


def repeated(element: Element, prefix: str) -> str:
    """Return the expression that proves an element as often as it may stand, with the white space after it."""
    many = element.times == "first" and not element.children and not any(element.attributes.values())
    return f"(?:{pattern(element, prefix)}{SPACE}){'*' if many else '?'}"


def columns(element: Element, prefix: str = "") -> list[pl.Expr]:
    """Return the fields of proven elements as expressions over `text`: null where the element is absent."""
    found = [
        _extracted(_before(element, prefix, one) + f' {one}="([^"]*)"', _dereferenced).alias(name)
        for one, name in element.attributes.items()
        if name
    ]
    start = _start(element, prefix)
    for nth, name in enumerate(element.fields):
        others = f"{start}[^<]*(?:</[^>]*>{SPACE})?" * nth
        found.append(_extracted(f"{others}{start}([^<]*)<", _read).alias(name))
    for child in element.children:
        found += [] if child.keyed else columns(child, prefix)
    return found


def _extracted(expression: str, read: Callable[[pl.Series], pl.Series]) -> pl.Expr:
    return pl.col("text").str.extract(expression).map_batches(read, return_dtype=pl.String)


def _before(element: Element, prefix: str, attribute: str) -> str:
    """Match a start tag up to an attribute."""
    names = list(element.attributes)
    return f"<{prefix}{element.name}" + "".join(f'(?: {one}="[^"]*")?' for one in names[: names.index(attribute)])


def _start(element: Element, prefix: str) -> str:
    """Match a start tag that counts; what follows an empty element's is white space."""
    if element.where is None:
        return f"<{prefix}{element.name}(?:[ /][^>]*)?>"
    attribute, accepted = element.where
    value = f' {attribute}=" *(?i:{"|".join(map(re.escape, accepted))}) *"'
    chosen = f"(?:{value})?" if "" in accepted else value
    rest = "".join(chosen if one == attribute else f'(?: {one}="[^"]*")?' for one in element.attributes)
    return f"<{prefix}{element.name}{rest} ?/?>"


def _read(texts: pl.Series) -> pl.Series:
    """Replace the references of texts, and make those empty that are nothing but white space."""
    texts = _dereferenced(texts)
    blank = (texts.str.strip_chars(WHITE) == "") & (texts != "")
    return texts.scatter(blank.fill_null(False).arg_true(), "") if blank.any() else texts


def _dereferenced(texts: pl.Series) -> pl.Series:
    odd = texts.str.contains("&", literal=True).fill_null(False)
    if not odd.any():
        return texts
    made = [_REFERENCE.sub(_character, text) for text in texts.filter(odd)]
    return texts.scatter(odd.arg_true(), made)


def _character(reference: re.Match[str]) -> str:
    hexadecimal, decimal = reference.groups()
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    return chr(int(decimal)) if decimal else ENTITIES[reference[0]]
