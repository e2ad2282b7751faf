"""What every reader yields: some consecutive rows of a file, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl


@dataclass(frozen=True, slots=True)
class Span:
    """Where the rows of one batch stand in the file, so that they can be fetched again as they were typed.

    `first_row` is the spreadsheet row of the first one, `start` and `end` are byte offsets into the
    plain UTF-8 form of the file (0 in a spreadsheet). `breaks` holds (row, physical lines of that row)
    for the rows that take more than one line (in XML for none).
    """

    first_row: int
    rows: int
    start: int
    end: int
    first_line: int
    breaks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive rows of a file, every cell as the text that was typed.

    `frame` has the columns
    - `row` (Int64): the row's number as a spreadsheet shows it; the header is row 1 (in XML records count from 1);
    - `line` (Int64): the physical line on which the row begins (equal to `row` in a spreadsheet);
    - `fault` (String): null, or `CELL_COUNT` or `BLANK_LINE`: the row cannot be laid under the header;
    - `found` (Int64): how many cells the row has;
    - `c0`, `c1`, …: one String column for each heading of the file, in its order, never null: a blank cell
      is the empty text, and so is every cell of a row with a fault;
    - `d0`, `d1`, …: only in spreadsheets, and only for columns where the batch holds real date cells:
      Datetime("us"), null where the cell is something else. The `c` column then holds ISO 8601 text;
    - `e0`, `e1`, …: only in XML, and only for fields where the batch holds such: Boolean, true where the
      element is there and is empty, which clears a stored value, as an absent one does not.
    """

    frame: pl.DataFrame
    span: Span


def by_batch(frame: pl.DataFrame, spans: Sequence[Span]) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the lines of a frame by the batch that their `row` is in, each with its place among the spans."""
    if frame.is_empty():
        return
    firsts = pl.Series([span.first_row for span in spans], dtype=pl.Int64)
    batch = (firsts.search_sorted(frame["row"], side="right") - 1).alias("batch")
    if batch.n_unique() == 1:  # the usual case, where nothing needs to be copied
        yield batch[0], frame
        return
    parts = frame.with_columns(batch).partition_by("batch", as_dict=True, include_key=False)
    yield from ((number, part) for (number,), part in parts.items())


class Piece(NamedTuple):
    """One row as it stands in the file, with a line end.

    `needs` are other elements that have to stand before it, each with its offset and a place for each kind.
    """

    own: bytes
    needs: tuple[tuple[int, bytes] | None, ...] = ()
