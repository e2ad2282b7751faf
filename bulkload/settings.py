"""How one setting is declared, what values it takes, and how a table of them is read, with every mistake on its line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import time
from pathlib import Path
from typing import Any, TypeVar

from bulkload.toml_lines import Keys, line_of

Declared = TypeVar("Declared")

CREDENTIALS = re.compile(r"(?<=://)[^/]*(?=@)")
"""What a URL says before its host."""

LONGEST = 24 * 3600
"""Seconds of a pause at most."""

HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
"""The name of a host, or its number."""

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
"""A mail address that every server takes (RFC 5321)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What values a setting takes: in words, and how one is read; `read` raises ValueError for any other.

    A value of a `secret` kind is never repeated; `table` is what a table, or each of several, declares.
    """

    says: str
    read: Callable[[object, Reader, Keys], Any]
    secret: bool = False
    table: type[Any] | None = None


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
                self.wrong((*keys, name), f"unknown setting {name!r}; {meant(name, known)}")
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
                kind = one.metadata["kind"]
                value = "…" if kind.secret else shown(said[name])
                self.wrong((*keys, name), f"{name} = {value}: it has to be {str(error) or kind.says}.")
        return declared(**found) if len(self.mistakes) == good else None


def name_of(keys: Keys) -> str:
    """Return what a person calls a table."""
    return ".".join(str(one) for one in keys if isinstance(one, str)) or "the file"


def shown(value: object) -> str:
    """Return a value as a person may have typed it, without the user and password that a URL may have."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{CREDENTIALS.sub("…", value)}"' if isinstance(value, str) else str(value)


def meant(name: str, known: Mapping[str, Field[Any]]) -> str:
    """Say which setting may have been meant, to which table it belongs, or which there are."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    for table, one in known.items():
        if name in {inner.name for inner in fields(one.metadata["kind"].table or Kind)}:
            return f"it belongs to a table {table!r}."
    return f"there are {', '.join(known)}."


def text(value: object, *_: object) -> str:
    """Read a text on one line."""
    if not isinstance(value, str) or not value or not value.isprintable():
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
    if not isinstance(listed, list):
        raise ValueError
    return tuple(map(text, listed))


def yes_or_no(value: object, *_: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError
    return value


def number(value: object, *_: object) -> float:
    """Read a number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError
    return float(value)


def seconds(value: object, *_: object) -> float:
    """Read a number of seconds that a pause may have."""
    if number(value) > LONGEST:
        raise ValueError
    return number(value)


def whole(value: object, *_: object) -> int:
    """Read a whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError
    return value


def port(value: object, *_: object) -> int:
    """Read the number of a port."""
    if whole(value) > 65_535:
        raise ValueError
    return whole(value)


def host(value: object, *_: object) -> str:
    """Read the name of a host."""
    if not HOST.fullmatch(text(value)):
        raise ValueError
    return str(value)


def address(value: object, *_: object) -> str:
    """Read a mail address."""
    if not ADDRESS.fullmatch(text(value)):
        raise ValueError
    return str(value)


def addresses(value: object, *_: object) -> tuple[str, ...]:
    """Read a list of mail addresses, or a single one."""
    return tuple(dict.fromkeys(map(address, texts(value))))


def sender(value: object, *_: object) -> str:
    """Read who a mail comes from: an address, with a name or without."""
    named = re.fullmatch(r'[^<>@,;:"\\]*<([^<>]*)>', text(value))
    address(named[1] if named else value)
    return str(value)


def marker(value: object, *_: object) -> str:
    """Read the ending of a marker."""
    if not re.fullmatch(r"\.[^/]+", text(value)):
        raise ValueError
    return str(value)


def date_form(value: object, *_: object) -> str:
    """Read a form of dates and times."""
    if not re.search("%[A-Za-z]", text(value)):
        raise ValueError
    return str(value)


def encoding(value: object, *_: object) -> str:
    """Read the name of an encoding of text."""
    try:
        "a".encode(text(value))
    except LookupError as error:
        raise ValueError from error
    return str(value)


def path(value: object, reader: Reader, _keys: Keys) -> Path:
    """Read a path; a relative one begins where the file stands."""
    return (reader.file.parent / inside(value)).absolute()


def inside(value: object, *_: object) -> Path:
    """Read a path that another setting is the beginning of."""
    try:
        return Path(text(value)).expanduser()
    except RuntimeError:
        raise ValueError("a path in quotes; nobody of that name has a folder here") from None


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
    """Read a store: a path, or the same as a URL."""
    place = text(value).removeprefix("sqlite:///")
    if "://" in place or not place:
        raise ValueError
    return str(path(place, reader, keys))


def one_of(*choices: str) -> Kind:
    """Return the kind of a setting that takes one of several words."""

    def read(value: object, *_: object) -> str:
        if value not in choices:
            raise ValueError
        return str(value)

    return Kind(" or ".join(f'"{one}"' for one in choices), read)


def table_of(declared: type[Any]) -> Kind:
    """Return the kind of a setting that is a table."""
    return Kind("a table", lambda value, reader, keys: reader.table(declared, value, keys), table=declared)


def tables_of(declared: type[Any]) -> Kind:
    """Return the kind of a setting that is a list of tables, or a single one."""

    def read(value: object, reader: Reader, keys: Keys) -> tuple[Any, ...]:
        if isinstance(value, Mapping):
            return (reader.table(declared, value, keys),)
        if not isinstance(value, list):
            raise ValueError("a table, or a list of tables")
        return tuple(reader.table(declared, one, (*keys, nth)) for nth, one in enumerate(value))

    return Kind("tables", read, table=declared)


NAME = Kind("letters, digits, dots, dashes and underscores, in quotes", name)
TEXT = Kind("a text in quotes", text)
SECRET = Kind("a text in quotes", text, secret=True)
TEXTS = Kind("a list of texts in quotes", texts)
HOST_NAME = Kind('the name of a server in quotes, such as "mail.example.org"', host)
SENDER = Kind("a mail address in quotes, with a name or without", sender)
ADDRESSES = Kind("a list of mail addresses in quotes", addresses)
MARKER = Kind('an ending that begins with a dot, such as ".done"', marker)
DATE_FORM = Kind('a form as of strftime, such as "%m/%d/%Y %I:%M %p"', date_form)
ENCODING = Kind("the name of an encoding in quotes", encoding)
YES_NO = Kind("true or false", yes_or_no)
NUMBER = Kind("a number above 0", number)
SECONDS = Kind("a number above 0, up to 86400", seconds)
PORT = Kind("a whole number from 1 to 65535", port)
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
