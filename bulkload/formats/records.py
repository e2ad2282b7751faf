"""Reads flat XML: a root with one element for each record, its fields as elements or attributes in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from bulkload.formats.batch import Batch, Piece, Span
from bulkload.formats.xml import BLOCK, MOST, Taken, XmlText
from bulkload.formats.xml_frames import texts
from bulkload.formats.xml_walk import WHITE, Block, Layout, MarkupError, Node


class RecordsFile:
    """Reads the records of one flat XML file; `elements` are the names of its root and of a record.

    `header` has the fields, `header_raw` what stands before the records in the file, `footer_raw` what closes
    them. Raises FileRefused, now or while the batches are read.
    """

    first_row = 1
    in_xml = True

    def __init__(
        self,
        path: Path,
        *,
        work: Path,
        fields: Sequence[str],
        elements: tuple[str, str],
        encoding: str | None = None,
        block: int = BLOCK,
    ) -> None:
        self.header = tuple(fields)
        root, self._record = elements
        self._xml = XmlText(
            path,
            work=work,
            layout=Layout(root, (self._record,), inside=frozenset(fields)),
            encoding=encoding,
            block=block,
        )
        self.header_raw, self.footer_raw = self._xml.header_raw, self._xml.footer_raw

    def batches(self, *, pad: bool = False) -> Iterator[Batch]:
        """Yield the records in file order.

        `pad` makes no difference: no record lacks a field, since an element that is absent is a blank one.
        """
        row = 1
        for frame, start, stop in self._xml.blocks(self._take):
            if len(frame):
                numbered = frame.with_columns(row=pl.int_range(row, row + len(frame)))
                span = Span(row, len(frame), start, stop, int(frame["line"][0]))
                yield Batch(texts(numbered, self.header), span)
                row += len(frame)

    def raw(self, span: Span, rows: Sequence[int]) -> bytes:
        """Return the given records (ascending) of a batch as they stand in the file, each with a line end."""
        return b"".join(piece.own for piece in self.pieces(span, rows))

    def pieces(self, span: Span, rows: Sequence[int]) -> Iterator[Piece]:
        """Yield the given records (ascending) of a batch one by one."""
        data = self._xml.raw(span.start, span.end)
        block = Block(data, span.start, span.first_line, None, False)
        nodes = [piece.node for walk in self._xml.walks(block) for piece in walk.pieces if piece.node]
        for node in (nodes[row - span.first_row] for row in rows):
            own = data[node.start - span.start : node.stop - span.start]
            yield Piece(self._xml.plain.original(own) + self._xml.newline)

    @property
    def progress(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        return self._xml.progress

    def fileno(self) -> int:
        """Return the descriptor of the file as it stands on the disk."""
        return self._xml.plain.fileno()

    def unchanged(self) -> bool:
        """Tell whether the file still has the size and the time of change it had when it was opened."""
        return self._xml.plain.unchanged()

    def close(self) -> None:
        """Close the file."""
        self._xml.plain.close()

    def __enter__(self) -> RecordsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, block: Block) -> Taken[tuple[pl.DataFrame, int, int]]:
        rows: list[dict[str, object]] = []
        at, line, stop = 0, block.line, block.origin
        for walk in self._xml.walks(block):
            for piece in walk.pieces:
                if piece.node is not None:
                    start = piece.node.start - block.origin
                    line += block.data.count(b"\n", at, start)
                    rows.append({**self._values(piece.node), "line": line})
                    at = start
            stop = walk.stop
            if len(rows) >= MOST:
                break
        schema = {**dict.fromkeys(self.header, pl.String), "line": pl.Int64}
        return Taken((pl.DataFrame(rows, schema), block.origin, stop), stop, None)

    def _values(self, node: Node) -> dict[str, str]:
        """Return the fields that a record holds; raises MarkupError for what is none, or stands twice."""
        found: dict[str, str] = {}
        typed = [(name, text, node) for name, text in node.attributes.items() if ":" not in name and name != "xmlns"]
        for child in node.children:
            if child.children:
                raise MarkupError(f"<{child.name}> holds elements; a field holds text", child.start)
            typed.append((child.tag, child.text if child.text.strip(WHITE) else "", child))
        for name, text, place in typed:
            if name not in self.header:
                near = get_close_matches(name.lower(), self.header, 1)
                hint = f"did you mean {near[0]}?" if near else f"its fields are {', '.join(self.header)}"
                raise MarkupError(f"{name[:40]} is no field of <{self._record}>; {hint}", place.start)
            if name in found:
                raise MarkupError(f"{name} stands twice in one <{self._record}>; leave one of them", place.start)
            found[name] = text
        if node.text.strip(WHITE):
            raise MarkupError(f"text stands in <{node.name}> outside of its fields", node.start)
        return found
