"""Declares what the elements of a record hold: which element or attribute is which field, and how often each may stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from bulkload.formats.xml_walk import WHITE, MarkupError, Node

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

    def everything(self) -> Iterator[Element]:
        """Yield the element and those in it."""
        yield self
        for child in self.children:
            yield from child.everything()

    def all_fields(self) -> Iterator[str]:
        """Yield every field of the element and of those in it."""
        for element in self.everything():
            yield from (name for name in element.attributes.values() if name)
            yield from element.fields

    def counts(self, node: Node) -> bool:
        """Tell whether an occurrence counts."""
        if self.where is None:
            return True
        attribute, values = self.where
        return node.attributes.get(attribute, "").strip(WHITE).lower() in values


@dataclass(frozen=True, slots=True)
class Source:
    """Where a text of a field stands: in an element, or in one of its attributes; `key` is what it is filed under."""

    node: Node
    attribute: str | None = None
    key: str | None = None

    @property
    def text(self) -> str:
        """Return the text; of an element that holds nothing but white space the empty one."""
        if self.attribute is not None:
            return self.node.attributes[self.attribute]
        return self.node.text if self.node.text.strip(WHITE) else ""


Sources = dict[str, list[Source]]
"""Where the fields of a record stand, each in one place or in several; those whose element is absent are missing."""


def sources(node: Node, element: Element) -> Sources:
    """Return where the fields stand that a record holds.

    What is not declared is passed over. Raises MarkupError for a second element where one is allowed.
    """
    found: Sources = {}
    _collect(node, element, found)
    return found


def combined(texts: Sequence[str], keys: Sequence[str | None]) -> str:
    """Return the value of a field that stands in several places: each text under its key in JSON, else on a line of its own."""
    if keys[0] is None:
        return "\n".join(texts)
    return json.dumps(dict(zip(keys, texts, strict=True)), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def values(held: Sources) -> dict[str, str]:
    """Return the values of fields."""
    return {name: combined([one.text for one in some], [one.key for one in some]) for name, some in held.items()}


def _collect(node: Node, element: Element, found: Sources) -> None:
    for attribute, name in element.attributes.items():
        if name and attribute in node.attributes:
            found.setdefault(name, [Source(node, attribute)])
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


def _put(node: Node, element: Element, nth: int, found: Sources) -> None:
    held = found.setdefault(element.fields[0 if element.times == "all" else nth], [])
    key = node.attributes.get(element.keyed, "") if element.keyed else None
    if key is not None and key in [one.key for one in held]:
        raise MarkupError(f'{element.keyed}="{key}" stands twice in one record; leave one of them', node.start)
    held.append(Source(node, key=key))


def dereferenced(texts: pl.Series) -> pl.Series:
    """Replace the references to characters in texts of which every & begins one."""
    odd = texts.str.contains("&", literal=True).fill_null(False)
    if not odd.any():
        return texts
    made = [_REFERENCE.sub(_character, text) for text in texts.filter(odd)]
    return texts.scatter(odd.arg_true(), made)


def _character(reference: re.Match[str]) -> str:
    hexadecimal, decimal = reference.groups()
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    return chr(int(decimal)) if decimal else _CHARACTERS[reference[0]]
