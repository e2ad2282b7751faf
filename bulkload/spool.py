"""Frames set aside on disk during a run, by part, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl


class Spool:
    """Appends frames to parts, one file each in a folder of the run's own, and gives a part back as one frame."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.parts: dict[str, int] = {}

    def add(self, part: str, frame: pl.DataFrame) -> None:
        """Append a frame to a part; all frames of a part have the same columns."""
        if frame.is_empty():
            return
        number = self.parts.get(part, 0)
        frame.write_ipc(self.folder / f"{part}.{number}", compression="uncompressed")
        self.parts[part] = number + 1

    def take(self, part: str) -> pl.DataFrame | None:
        """Return all that a part holds, and forget it; None where it holds nothing."""
        names = [self.folder / f"{part}.{number}" for number in range(self.parts.pop(part, 0))]
        frames = [taken(name) for name in names]
        return pl.concat(frames) if frames else None

    def chunks(self, prefix: str) -> Iterator[pl.DataFrame]:
        """Yield, one by one as they were appended, the frames of the parts whose names begin so."""
        for part in sorted(name for name in self.parts if name.startswith(prefix)):
            for number in range(self.parts.pop(part)):
                yield taken(self.folder / f"{part}.{number}")

    def take_all(self, prefix: str) -> Iterator[pl.DataFrame]:
        """Yield, in the order of their names, the parts whose names begin so."""
        for part in sorted(name for name in self.parts if name.startswith(prefix)):
            frame = self.take(part)
            if frame is not None:
                yield frame


def taken(path: Path) -> pl.DataFrame:
    """Read a frame into memory (not mapped, so that the file can go), and remove its file."""
    with path.open("rb") as file:
        frame = pl.read_ipc(file)
    path.unlink()
    return frame
