"""Declares what the elements of a record hold: which element or attribute is which field, and how often each may stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from bulkload.formats.xml_walk import WHITE, MarkupError, Node

SPACE = r"[ \t\r\n]*+"
_ENTITY = r"&(?:amp|lt|gt|quot|apos|#(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,3}|[1-4][0-9]{4})|#x(?:[2-9A-F][0-9A-F]|[1-9A-C][0-9A-F]{2,3}));"
# U+FFFE and U+FFFF (EF BF BE and EF BF BF) are no characters of XML, and "]]>" stands in no text. A CR is read as LF.
_ODD = rf"{_ENTITY}|\xef(?!\xbf[\xbe\xbf])"
_TEXT = rf"[^<&\]\xef\x00-\x08\x0b-\x1f]*+(?:(?:{_ODD}|\](?!\]>))[^<&\]\xef\x00-\x08\x0b-\x1f]*+)*+"
_VALUE = rf'[^<&"\xef\x00-\x1f]*+(?:(?:{_ODD})[^<&"\xef\x00-\x1f]*+)*+'
_LITERAL = r'[^<&"\xef\x00-\x1f]*+'
_REFERENCE = re.compile(r"&(?:#x([0-9A-F]+)|#([0-9]+)|[a-z]+);")
_CHARACTERS = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}


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

    def all_names(self) -> Iterator[str]:
        """Yield the names of the element and of those in it."""
        yield self.name
        for child in self.children:
            yield from child.all_names()

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
        text = filed({**held, key: text})
    elif name in found:
        text = f"{found[name]}\n{text}"
    found[name] = text


Held = Literal["attribute", "element", "keyed"]


@dataclass(frozen=True, slots=True)
class Proof:
    """An expression over bytes that only well-formed records match, which have their elements in the declared order.

    `groups` has for each of its groups the field, and what it holds: an attribute; the text of an element, with one
    byte before it, of which an empty element has nothing else; or elements that are filed under keys, as they stand.
    It leaves out what is rare: elements that are not declared, a second container of a kind, attributes in another
    order, a key that stands twice. What it matches is read as `values` reads it.
    """

    expression: str
    groups: tuple[tuple[str, Held], ...] = ()

    def __add__(self, other: Proof | str) -> Proof:
        if isinstance(other, str):
            return Proof(self.expression + other, self.groups)
        return Proof(self.expression + other.expression, self.groups + other.groups)

    @property
    def maybe(self) -> Proof:
        """Return the proof of what may be absent."""
        return Proof(f"(?:{self.expression})?+", self.groups)


def proof(element: Element, prefix: str, *, counting: bool = False) -> Proof:
    """Return the proof of an element whose name, and those in it, are written with a prefix; `counting`: one that counts."""
    name = prefix + re.escape(element.name)
    found = Proof(f"<{name}")
    for attribute, field_name in element.attributes.items():
        value = Proof(f"({_VALUE})", ((field_name, "attribute"),)) if field_name else Proof(_VALUE)
        may_lack = True
        if element.where is not None and attribute == element.where[0]:
            accepted = element.where[1]
            value = Proof(f" *(?i:{'|'.join(map(re.escape, accepted))}) *" if counting else _LITERAL)
            may_lack = not counting or "" in accepted
        given = Proof(f' {re.escape(attribute)}="') + value + '"'
        found += given.maybe if may_lack else given
    if not element.children:
        text = Proof(f"(?:/|>{_TEXT})")
        if element.fields:
            text = Proof(f"(/|>{_TEXT})", ((element.fields[0], "element"),))
        return found + " ?" + text + f"(?:>|</{name}>)"
    inner = Proof(SPACE)
    for child in element.children:
        inner += repeated(child, prefix)
    return found + "(?: ?/>|>" + inner + f"</{name}>)"


def repeated(element: Element, prefix: str) -> Proof:
    """Return the proof of an element as often as it may stand, with the white space after each."""
    if element.keyed:
        every = proof(replace(_with_key(element), fields=(), attributes={element.keyed: ""}), prefix).expression
        return Proof(f"((?:{every}{SPACE})*+)", ((element.fields[0], "keyed"),))
    if element.times != "first" or element.children or any(element.attributes.values()):
        return (proof(element, prefix) + SPACE).maybe
    bare = replace(element, fields=())
    one = proof(bare, prefix).expression
    found = Proof(f"(?:{one}{SPACE})*+")
    for name in reversed(element.fields):
        others = f"(?:(?!{proof(bare, prefix, counting=True).expression}){one}{SPACE})*+" if element.where else ""
        counted = proof(replace(element, fields=(name,)), prefix, counting=True)
        found = Proof(others) + (counted + SPACE + found).maybe
    return found


def _with_key(element: Element) -> Element:
    """Return an element that is filed under a key as one that has its key as a field."""
    return replace(element, keyed="", times="once", attributes={element.keyed: "key"})


class Filed:
    """Reads the elements of a record that are filed under keys, as a group of a proof holds them."""

    def __init__(self, element: Element, prefix: str) -> None:
        self._one = re.compile(proof(_with_key(element), prefix).expression.encode())

    def is_clear(self, group: bytes) -> bool:
        """Tell whether every key stands there once."""
        keys = [_dereferenced(key) for key, _ in self._one.findall(group)]
        return len(set(keys)) == len(keys)

    def read(self, group: bytes) -> str | None:
        """Return the elements as JSON; null where there is none."""
        held = {_dereferenced(key): _dereferenced(text[1:]) for key, text in self._one.findall(group)}
        return filed({key: text if text.strip(WHITE) else "" for key, text in held.items()}) if held else None


def filed(held: Mapping[str, str]) -> str:
    """Return texts by their keys as one JSON object."""
    return json.dumps(held, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def read(groups: pl.Series, held: Held) -> pl.Series:
    """Return the texts of groups (Binary) of one kind, with their references replaced.

    Those of elements that are nothing but white space are empty.
    """
    texts = (groups.bin.slice(1) if held == "element" else groups).cast(pl.String)
    odd = texts.str.contains("&", literal=True).fill_null(value=False).arg_true()
    if len(odd):
        texts = texts.scatter(odd, [_REFERENCE.sub(_character, text) for text in texts.gather(odd)])
    if held == "attribute":
        return texts
    blank = (texts.str.strip_chars(WHITE) == "").fill_null(value=False).arg_true()
    return texts.scatter(blank, "") if len(blank) else texts


def _dereferenced(text: bytes) -> str:
    return _REFERENCE.sub(_character, text.decode())


def _character(reference: re.Match[str]) -> str:
    hexadecimal, decimal = reference.groups()
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    return chr(int(decimal)) if decimal else _CHARACTERS[reference[0]]
