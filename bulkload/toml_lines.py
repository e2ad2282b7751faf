"""Finds the line of a setting in a TOML file, with the parser that reads it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

Keys = tuple[str | int, ...]
"""The way to a value from the top: names of tables and settings, and places in lists, from 0."""


def line_of(text: str, keys: Keys) -> int:
    """Return the number of the line on which a value begins, or its table where it has none; 0 for the file as a whole.

    The text is parsed up to each line: the value begins where the first beginning does that holds it.
    """
    lines = text.splitlines(keepends=True)
    while keys:
        parsed = 0
        for number in range(1, len(lines) + 1):
            try:
                said = tomllib.loads("".join(lines[:number]))
            except tomllib.TOMLDecodeError:
                continue
            if holds(said, keys):
                return parsed + first_said(lines[parsed:number])
            parsed = number
        keys = keys[:-1]
    return 0


def holds(said: Any, keys: Keys) -> bool:
    """Say whether there is a value where the keys lead."""
    for key in keys:
        if isinstance(key, int):
            if not isinstance(said, list) or key >= len(said):
                return False
        elif not isinstance(said, dict) or key not in said:
            return False
        said = said[key]
    return True


def first_said(lines: Sequence[str]) -> int:
    """Return the number of the first line that is neither blank nor a comment, from 1."""
    return next(n for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#"))
