"""How one setting is declared, what values it takes, and how a table of them is read, with every mistake on its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import time
from pathlib import Path
from typing import Any, TypeVar

from bulkload.toml_lines import Keys, line_of

Declared = TypeVar("Declared")


@dataclass(frozen=True, slots=True)
class Kind:
    """What values a setting takes: in words, and how one is read; `read` raises ValueError for any other."""

    says: str
    read: Callable[[object, Reader, Keys], Any]


def setting(kind: Kind, says: str, default: Any = MISSING) -> Any:
    """Declare a setting as a field of a frozen dataclass; without a default it has to be given."""
    return field(default=default, metadata={"kind": kind, "says": says})


@dataclass
class Reader:
    """Reads the tables of one file, and collects what is wrong in it."""

    file: Path
    text: str
    mistakes: list[tuple[int, str]]

    def wrong(self, keys: Keys, sentence: str) -> None:
        """Note a mistake, with the line that it is on."""
        line = line_of(self.text, keys)
        self.mistakes.append((line, f"{self.file}{f', line {line}' if line else ''}: {sentence}"))

    def table(self, declared: type[Declared], said: object, keys: Keys) -> Declared | None:
        """Read a table as what a dataclass declares; None, and mistakes noted, where that cannot be."""
        if not isinstance(said, Mapping):
            self.wrong(keys, f"{name_of(keys)} has to be a table.")
            return None
        known = {one.name: one for one in fields(declared) if one.metadata}  # type: ignore[arg-type]
        for name in said:
            if name not in known:
                self.wrong((*keys, name), f"unknown setting {name!r}; {meant(name, list(known))}")
        found: dict[str, Any] = {}
        good = len(self.mistakes)
        for name, one in known.items():
            if name not in said:
                if one.default is MISSING:
                    self.wrong(keys, f"{name_of(keys)} needs {name} ({one.metadata['says']}).")
                continue
            try:
                found[name] = one.metadata["kind"].read(said[name], self, (*keys, name))
            except ValueError as error:
                sentence = str(error) or one.metadata["kind"].says
                self.wrong((*keys, name), f"{name} = {shown(said[name])}: it has to be {sentence}.")
        return declared(**found) if len(self.mistakes) == good else None


def name_of(keys: Keys) -> str:
    """Return what a person calls a table."""
    return ".".join(str(one) for one in keys if isinstance(one, str)) or "the file"


def shown(value: object) -> str:
    """Return a value as a person may have typed it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def meant(name: str, known: list[str]) -> str:
    """Say which setting may have been meant, or which there are."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."


def text(value: object, *_: object) -> str:
    """Read a text."""
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def name(value: object, *_: object) -> str:
    """Read a name that can stand in the name of a file."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text(value)):
        raise ValueError
    return str(value)


def texts(value: object, *_: object) -> tuple[str, ...]:
    """Read a list of texts, or a single one."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) and one for one in listed):
        raise ValueError
    return tuple(listed)


def yes_or_no(value: object, *_: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError
    return value


def number(value: object, *_: object) -> float:
    """Read a number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError
    return float(value)


def whole(value: object, *_: object) -> int:
    """Read a whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError
    return value


def path(value: object, reader: Reader, _keys: Keys) -> Path:
    """Read a path; a relative one begins where the file stands."""
    return (reader.file.parent / Path(text(value)).expanduser()).absolute()


def inside(value: object, *_: object) -> Path:
    """Read a path that another setting is the beginning of."""
    return Path(text(value)).expanduser()


def time_of_day(value: object, *_: object) -> time:
    """Read a time of day, as TOML has it or as a text."""
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError
    return time.fromisoformat(value)


def zone(value: object, *_: object) -> str:
    """Read a time zone, by its IANA or its Windows name."""
    from bulkload.clocks import is_zone

    if not is_zone(text(value)):
        raise ValueError(f"the name of a time zone; there is none of the name {value!r}")
    return str(value)


def delimiter(value: object, *_: object) -> str:
    """Read a delimiter."""
    named = {"tab": "\t", "\t": "\t", ",": ",", ";": ";", "|": "|"}
    return named[value] if isinstance(value, str) and value in named else text(None)


def store(value: object, reader: Reader, keys: Keys) -> str:
    """Read a store: a URL, or a path."""
    return text(value) if "://" in str(value) else str(path(value, reader, keys))


def one_of(*choices: str) -> Kind:
    """Return the kind of a setting that takes one of several words."""

    def read(value: object, *_: object) -> str:
        if value not in choices:
            raise ValueError
        return str(value)

    return Kind(" or ".join(f'"{one}"' for one in choices), read)


def table_of(declared: type[Any]) -> Kind:
    """Return the kind of a setting that is a table."""
    return Kind("a table", lambda value, reader, keys: reader.table(declared, value, keys))


def tables_of(declared: type[Any]) -> Kind:
    """Return the kind of a setting that is a list of tables, or a single one."""

    def read(value: object, reader: Reader, keys: Keys) -> tuple[Any, ...]:
        if isinstance(value, Mapping):
            return (reader.table(declared, value, keys),)
        if not isinstance(value, list):
            raise ValueError("a table, or a list of tables")
        return tuple(reader.table(declared, one, (*keys, nth)) for nth, one in enumerate(value))

    return Kind("tables", read)


NAME = Kind("letters, digits, dots, dashes and underscores, in quotes", name)
TEXT = Kind("a text in quotes", text)
TEXTS = Kind("a list of texts in quotes", texts)
YES_NO = Kind("true or false", yes_or_no)
NUMBER = Kind("a number above 0", number)
WHOLE = Kind("a whole number above 0", whole)
PATH = Kind("a path in quotes", path)
INSIDE = Kind("a path in quotes", inside)
TIME = Kind('a time of day such as "02:00"', time_of_day)
ZONE = Kind("the name of a time zone", zone)
DELIMITER = Kind('"," ";" "|" or "tab"', delimiter)
STORE = Kind("a file, or sqlite:///FILE, in quotes", store)


def declared(of: type[Any]) -> Iterator[tuple[str, Kind, Any, str]]:
    """Yield each setting of a table: its name, what values it takes, its default (MISSING: needed), what it says."""
    for one in fields(of):
        if one.metadata:
            yield one.name, one.metadata["kind"], one.default, one.metadata["says"]
