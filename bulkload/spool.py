"""Frames set aside on disk during a run, by part, so that memory does not grow with the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from bulkload.errors import OutputError


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be written into OutputError."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        raise OutputError.of(path, error) from error


class Spool:
    """Appends frames to parts, one file for each frame, in a folder of the run's own; gives them back in order."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.parts: dict[str, int] = {}

    def add(self, part: str, frame: pl.DataFrame) -> None:
        """Append a frame to a part; all frames of a part have the same columns."""
        if frame.is_empty():
            return
        number = self.parts.get(part, 0)
        with writing(self.folder):
            frame.write_ipc(self.folder / f"{part}.{number}", compression="uncompressed")
        self.parts[part] = number + 1

    def names(self, prefix: str) -> list[str]:
        """Return, in their order, the parts whose names begin so."""
        return sorted(name for name in self.parts if name.startswith(prefix))

    def look(self, part: str) -> Iterator[pl.DataFrame]:
        """Yield the frames of a part, one in memory at a time."""
        for number in range(self.parts.get(part, 0)):
            with (self.folder / f"{part}.{number}").open("rb") as file:
                yield pl.read_ipc(file)

    def forget(self, part: str) -> None:
        """Remove a part."""
        for number in range(self.parts.pop(part, 0)):
            (self.folder / f"{part}.{number}").unlink()

    def take(self, part: str) -> pl.DataFrame | None:
        """Return all that a part holds as one frame, and forget it; None where it holds nothing."""
        frames = list(self.look(part))
        self.forget(part)
        return pl.concat(frames) if frames else None
