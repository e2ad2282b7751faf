"""The parts of a file on the disk: what they are called, and how all of them come to their places at once."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bulkload.errors import UsageError
from bulkload.places import stem
from bulkload.spool import writing


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What every part begins and ends with, whatever records it has."""

    header: bytes
    footer: bytes

    @property
    def size(self) -> int:
        """Return the bytes of both."""
        return len(self.header) + len(self.footer)


@dataclass(frozen=True, slots=True)
class Names:
    """What the parts of a file are called: they are in `folder`, and their names have a number between start and ending."""

    folder: Path
    start: str
    ending: str

    @classmethod
    def of(cls, path: Path, folder: Path | None) -> Names:
        """Return the names for a file; raise UsageError where there is no such folder, or older parts are in it."""
        names = cls(folder or path.parent, f"{stem(path)}.part", Path(path.name.removesuffix(".gz")).suffix)
        if not names.folder.is_dir():
            raise UsageError(f"There is no folder {names.folder}. Make it, or name another one.")
        pattern = re.compile(rf"{re.escape(names.start)}[0-9]{{3,}}{re.escape(names.ending)}")
        if there := sorted(one.name for one in names.folder.iterdir() if pattern.fullmatch(one.name)):
            count = "1 older part is" if len(there) == 1 else f"{len(there):,} older parts are"
            raise UsageError(
                f"{names.folder}: {count} there already: {there[0]}{', …' if len(there) > 1 else ''}. Remove what is "
                f"old first, so that it is not taken for a part of this file."
            )
        return names

    def paths(self, count: int) -> list[Path]:
        """Return the paths of so many parts; their numbers have as many digits, so that the names are in order."""
        digits = self._digits(count)
        return [self.folder / f"{self.start}{number:0{digits}}{self.ending}" for number in range(1, count + 1)]

    def pattern(self, count: int) -> str:
        """Return what a shell finds so many parts by, in order, and no results or rejects of theirs."""
        return (
            shlex.quote(str(self.folder / self.start))
            + "?" * self._digits(count)
            + (shlex.quote(self.ending) if self.ending else "")
        )

    def _digits(self, count: int) -> int:
        return max(3, len(str(count)))


class PartFiles:
    """Writes parts beside their places; leaving the context without an exception moves all of them in, else none is left."""

    def __init__(self, paths: Sequence[Path], wrapper: Wrapper) -> None:
        self.paths = paths
        self._wrapper = wrapper
        token = secrets.token_hex(4)
        self._beside = [path.with_name(f".{path.name}.{token}.part") for path in paths]
        self._made: set[Path] = set()

    def add(self, number: int, data: bytes) -> None:
        """Append to a part, counted from 0; there may be more of them than files can be open."""
        beside = self._beside[number]
        begun = beside in self._made
        with writing(self.paths[number]):
            handle = os.open(beside, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            self._made.add(beside)
            with os.fdopen(handle, "ab") as file:
                file.write(data if begun else self._wrapper.header + data)

    def __enter__(self) -> PartFiles:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._move_in()
        finally:
            for one in self._made:
                one.unlink(missing_ok=True)

    def _move_in(self) -> None:
        for path, beside in zip(self.paths, self._beside, strict=True):
            with writing(path), beside.open("ab") as file:
                file.write(self._wrapper.footer)
                file.flush()
                os.fsync(file.fileno())
        for path, beside in zip(self.paths, self._beside, strict=True):
            with writing(path):
                beside.replace(path)
                self._made.remove(beside)
                self._made.add(path)
        self._made.clear()
