"""Reads IMS Enterprise files: persons and memberships as the records of users and enrolments."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from bulkload.formats.batch import Batch, Piece, Span
from bulkload.formats.enterprise_half import read_through
from bulkload.formats.enterprise_index import PLACES, Index
from bulkload.formats.enterprise_shape import LAYOUT
from bulkload.formats.xml import BLOCK, XmlText
from bulkload.formats.xml_frames import texts
from bulkload.spool import Spool

BATCH_ROWS = 50_000
"""Records that a batch may have."""
KEYS = 128 << 20
"""Bytes of the file for each part of its index's keys: some 10 MB of them."""
_SEEKING = 0.8
"""How much of the work is done when the file has been read through."""
_NAME = re.compile(rb"<([^\s/>]+)")


class EnterpriseFile:
    """Reads the records of one IMS Enterprise file: its memberships, and the persons whom none enrols.

    `header` has the fields, `header_raw` what stands before the records in the file, `footer_raw` what closes
    them. What the file holds is set aside in `work`, since a membership may stand before its person.
    Raises FileRefused, now or while the batches are read.
    """

    first_row = 1
    in_xml = True

    def __init__(
        self, path: Path, *, work: Path, fields: Sequence[str], encoding: str | None = None, block: int = BLOCK
    ) -> None:
        self.header = tuple(fields)
        self._xml = XmlText(path, work=work, layout=LAYOUT, encoding=encoding, block=block)
        self.header_raw, self.footer_raw = self._xml.header_raw, self._xml.footer_raw
        self._folder = Path(tempfile.mkdtemp(prefix="xml-", dir=work))
        self._where = Spool(self._folder / "where")
        self._index: Index | None = None
        self._given = 0.0

    def batches(self, *, pad: bool = False) -> Iterator[Batch]:
        """Yield the records in file order; none before the file has been read through.

        `pad` makes no difference: no record lacks a field, since an element that is absent is a blank one.
        """
        first = 1
        for rows in self._indexed().rows():
            for part in rows.iter_slices(BATCH_ROWS):
                numbered = part.with_columns(row=pl.int_range(first, first + len(part)))
                span = Span(first, len(part), int(part["at"][0]), int(part["at"][-1]), int(part["line"][0]))
                self._keep(numbered, f"{first:012}")
                self._given = span.end / self._xml.plain.size
                yield Batch(texts(numbered, self.header), span)
                first += len(part)
        self._given = 1.0

    def raw(self, span: Span, rows: Sequence[int]) -> bytes:
        """Return the given records of a batch as they stand in the file, so that they can be loaded from there.

        What they need stands once, before the first that needs it.
        """
        said: set[int] = set()
        found: list[bytes] = []
        for piece in self.pieces(span, rows):
            needed = dict(filter(None, piece.needs))
            found += [*(element for at, element in needed.items() if at not in said), piece.own]
            said.update(needed)
        return b"".join(found)

    def pieces(self, span: Span, rows: Sequence[int]) -> Iterator[Piece]:
        """Yield the given records of a batch one by one.

        A membership stands alone in its element, and needs its group and the person that it enrols. A drop needs
        no person: that would be one more record. Of groups and persons that share a key, a later record never
        needs an earlier one again, so that each has to stand but once among records in file order.
        """
        where = pl.concat(self._where.look(f"{span.first_row:012}"))
        for row in where.filter(pl.col("row").is_in(list(rows))).sort("row").iter_rows(named=True):
            if row["head_start"] is None:
                yield Piece(self._piece(self._xml.raw(row["start"], row["stop"])))
                continue
            places = [(row[f"{kind}_at"], row[f"{kind}_stop"]) for kind in ("group", "person")]
            needs = (None if at is None else (at, self._piece(self._xml.raw(at, stop))) for at, stop in places)
            yield Piece(self._piece(self._membership(row)), tuple(needs))

    @property
    def progress(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        return _SEEKING * self._xml.progress + (1 - _SEEKING) * self._given

    def fileno(self) -> int:
        """Return the descriptor of the file as it stands on the disk."""
        return self._xml.plain.fileno()

    def unchanged(self) -> bool:
        """Tell whether the file still has the size and the time of change it had when it was opened."""
        return self._xml.plain.unchanged()

    def close(self) -> None:
        """Close the file, and drop what was set aside."""
        self._xml.plain.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> EnterpriseFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _indexed(self) -> Index:
        """Read the file through, once."""
        if self._index is None:
            index = Index(self._folder / "index", 1 + self._xml.plain.size // KEYS)
            read_through(index, self._xml, self._folder / "second")
            index.settle()
            self._index = index
        return self._index

    def _keep(self, rows: pl.DataFrame, part: str) -> None:
        """Set aside where the rows of a batch stand in the file."""
        if part not in self._where.names(part):
            self._where.add(part, rows.select("row", *PLACES))

    def _piece(self, data: bytes) -> bytes:
        return self._xml.plain.original(data) + self._xml.newline

    def _membership(self, row: dict[str, int]) -> bytes:
        """Return a membership with one member that has one role."""
        raw = self._xml.raw
        head = raw(row["head_start"], row["head_stop"])
        member = raw(row["start"], row["stop"])
        if row["role_start"] is not None:
            role = raw(row["role_start"], row["role_stop"])
            member = raw(row["start"], row["body"]) + role + raw(row["tail"], row["stop"])
        name = _NAME.match(head)
        assert name is not None
        return head + member + b"</" + name[1] + b">"
