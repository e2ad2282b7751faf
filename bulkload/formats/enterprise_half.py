"""Reads the second half of a large IMS Enterprise file in a process of its own, since Python reads in one thread only."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl

from bulkload.formats.enterprise_index import Handed, Index
from bulkload.formats.enterprise_lanes import Lanes
from bulkload.formats.enterprise_shape import LAYOUT
from bulkload.formats.xml import BLOCK, Place, XmlText
from bulkload.formats.xml_walk import RECORD

LEAST = 32 << 20
"""Bytes of a file from which on two processes read it; to start the second takes 0.2 s, as long as to read 8 MB."""
FIRST = 0.52
"""The part of a file that the first process reads: more than half, since it begins sooner."""


def read_through(index: Index, xml: XmlText, folder: Path) -> None:
    """Add a whole file to an index, by two processes where it is large: `folder` is for the second; raises FileRefused.

    Whatever the second cannot do, the first does after its own half: so it is the first that says what is wrong.
    """
    begins = middle(xml)
    if begins is None:
        read_into(index, xml)
        return
    with SecondHalf(xml, folder, index.parts, begins) as second:
        read_into(index, xml, end=begins)
        begins_a_record = xml.reached.offset == begins and xml.reached.head is None
        if not (begins_a_record and second.add_to(index)):
            read_into(index, xml, xml.reached)


def read_into(index: Index, xml: XmlText, begin: Place | None = None, end: int | None = None) -> None:
    """Add a part of a file to an index: from a place, else from its first record, to an offset, else to its end."""
    for found in xml.blocks(Lanes(xml).take, begin, end):
        index.add(found)


class SecondHalf:
    """A process that reads a file from the offset `begins` on, taking for granted that a record may begin there.

    It sets aside in `folder` what it finds.
    """

    def __init__(self, xml: XmlText, folder: Path, parts: int, begins: int) -> None:
        self._folder = folder
        descriptor = xml.plain.plain_fileno()
        job = [str(descriptor), str(folder), str(parts), str(begins)]
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):  # where no process may be started any more, the first reads all
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, *job],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "POLARS_MAX_THREADS": "1"},
                pass_fds=[descriptor],
            )

    def add_to(self, index: Index) -> bool:
        """Wait for the process, and add what it found to an index; tell whether it could read its half."""
        if self._process is None:
            return False
        assert self._process.stdout is not None
        said = self._process.stdout.read()
        if self._process.wait():
            return False
        handed: Handed = json.loads(said)
        index.adopt(self._folder, handed)
        return True

    def __enter__(self) -> SecondHalf:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def middle(xml: XmlText) -> int | None:
    """Return where a record ends behind the middle of a file, as far as can be told from its end tag.

    None where a file is not large, has its text in another encoding, or where only one core is there to read it.
    """
    plain = xml.plain
    if plain.size < LEAST or plain.encoding != "utf-8" or pl.thread_pool_size() == 1:
        return None
    at = int(plain.size * FIRST)
    prefix = re.escape(xml.root[: xml.root.rfind(":") + 1])
    names = "|".join((*LAYOUT.records, *LAYOUT.holders))
    found = re.search(f"</{prefix}(?:{names})>".encode(), plain.read(RECORD, at))
    return None if found is None else at + found.end()


def main(descriptor: int, folder: Path, parts: int, begins: int) -> None:
    """Read the file of a descriptor from an offset on, and print what was set aside in a folder."""
    threading.Thread(target=_end_with_first, daemon=True).start()
    xml = XmlText(Path(f"/dev/fd/{descriptor}"), work=folder, layout=LAYOUT, encoding="utf-8", block=BLOCK)
    line = 1 + sum(xml.raw(at, min(at + BLOCK, begins)).count(b"\n") for at in range(0, begins, BLOCK))
    index = Index(folder, parts)
    read_into(index, xml, Place(begins, line))
    print(json.dumps(index.hand_over()))


def _end_with_first() -> None:
    """End this process as soon as the first has ended, however that ended: then nobody holds the other end of the pipe."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
