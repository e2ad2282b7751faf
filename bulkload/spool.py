"""Frames set aside during a run, by part: in memory while they are few, else on disk, so that memory stays flat."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from bulkload.errors import OutputError

BUFFER = 16 << 20
"""Bytes that are held in memory; what is above goes to the disk, a file for each part."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be written into OutputError."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        raise OutputError.of(path, error) from error


class Spool:
    """Appends frames to parts, and gives them back in order; its files are in a folder of the run's own.

    One thread may append while another takes, each its own parts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, list[pl.DataFrame]] = {}
        self._files: dict[str, int] = {}
        self._size = 0
        self._lock = threading.RLock()

    def add(self, part: str, frame: pl.DataFrame) -> None:
        """Append a frame to a part; all frames of a part have the same columns."""
        if frame.is_empty():
            return
        with self._lock:
            self._held.setdefault(part, []).append(frame)
            self._size += int(frame.estimated_size())
            if self._size > BUFFER:
                self._flush()

    def _flush(self) -> None:
        with writing(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
        for part, frames in self._held.items():
            number = self._files.get(part, 0)
            with writing(self.folder):
                pl.concat(frames).write_ipc(self.folder / f"{part}.{number}", compression="uncompressed")
            self._files[part] = number + 1
        self._held = {}
        self._size = 0

    def hand_over(self) -> dict[str, int]:
        """Put all on the disk, and say of each part how many files it has there."""
        self._flush()
        return self._files

    def adopt(self, folder: Path, parts: Mapping[str, int]) -> None:
        """Take over the files of parts that another spool has left in its folder."""
        with writing(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            for part, files in parts.items():
                have = self._files.get(part, 0)
                for number in range(files):
                    (folder / f"{part}.{number}").rename(self.folder / f"{part}.{have + number}")
                self._files[part] = have + files

    def names(self, prefix: str) -> list[str]:
        """Return, in their order, the parts whose names begin so."""
        return sorted(name for name in self._files.keys() | self._held.keys() if name.startswith(prefix))

    def look(self, part: str) -> Iterator[pl.DataFrame]:
        """Yield what a part holds, one frame in memory at a time."""
        for number in range(self._files.get(part, 0)):
            with (self.folder / f"{part}.{number}").open("rb") as file:
                yield pl.read_ipc(file)
        yield from self._held.get(part, ())

    def forget(self, part: str) -> None:
        """Remove a part."""
        for number in range(self._files.pop(part, 0)):
            (self.folder / f"{part}.{number}").unlink()
        self._size -= sum(int(frame.estimated_size()) for frame in self._held.pop(part, ()))

    def take(self, part: str) -> pl.DataFrame | None:
        """Return all that a part holds as one frame, and forget it; None where it holds nothing."""
        with self._lock:
            files = [self.folder / f"{part}.{number}" for number in range(self._files.pop(part, 0))]
            held = self._held.pop(part, [])
            self._size -= sum(int(frame.estimated_size()) for frame in held)
        frames = [*map(pl.read_ipc, files), *held]
        for file in files:
            file.unlink()
        return pl.concat(frames) if frames else None
