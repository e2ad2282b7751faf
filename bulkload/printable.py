"""Texts that may hold anything, as a terminal, a log or a mail can show them, and numbers of things in words."""

from __future__ import annotations

import re

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return a text without what would move a terminal's cursor; line ends and tabs stay."""
    return UNPRINTABLE.sub("·", text)


def escaped(text: str) -> str:
    """Return JSON with what would move a terminal's cursor as JSON escapes it."""
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def counted(number: int, one: str, more: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {one if number == 1 else more}"
