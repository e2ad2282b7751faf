"""Turns the cells of fields into texts as they are compared, and those into values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from bulkload.template import Field

SAMPLE, EACH = 10_000, 4
"""Cells at the beginning of a column that tell whether it repeats: where a quarter of them, or fewer, are different."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A column whose cells repeat: `distinct` has what is known of each different cell, `at` the place of each row's."""

    distinct: pl.DataFrame
    at: pl.Series


def parse(frame: pl.DataFrame, fields: Sequence[Field]) -> tuple[pl.DataFrame, Mapping[str, Repeated]]:
    """Add `text.x`, the cell as compared, `x`, its value (null: blank or unreadable), and `trimmed.x` of some fields.

    Also return the columns that repeat, by the names of their fields: of those each different cell is read once.
    """
    repeated: dict[str, Repeated] = {}
    added: list[pl.Series] = []
    for one in fields:
        cells = frame[f"cell.{one.name}"]
        if f"moment.{one.name}" in frame.columns or not repeats(cells):
            added += texts_and_values(one, cells)
            continue
        distinct = cells.unique(maintain_order=True)
        at = cells.cast(pl.Enum(distinct)).to_physical()
        read = texts_and_values(one, distinct)
        repeated[one.name] = Repeated(pl.DataFrame([distinct, *read]), at)
        added += [each.gather(at) for each in read]
    return with_date_cells(frame.with_columns(added), fields), repeated


def repeats(cells: pl.Series) -> bool:
    """Say whether the cells of a column repeat, so that to tell the different ones pays; one that must not be read does not."""
    if cells.null_count():
        return False
    sample = cells.head(SAMPLE)
    return EACH * sample.n_unique() <= len(sample)


def texts_and_values(one: Field, cells: pl.Series) -> list[pl.Series]:
    """Return `text.x`, `x` and `trimmed.x` of cells: texts are without the blanks around them where the field says so, and in NFC."""
    texts = cells.str.strip_chars() if one.trims else cells
    trimmed = texts.str.len_bytes() != cells.str.len_bytes()
    texts = composed(texts)
    return [
        texts.alias(f"text.{one.name}"),
        one.kind.parse(texts).alias(one.name),
        trimmed.alias(f"trimmed.{one.name}"),
    ]


def composed(texts: pl.Series) -> pl.Series:
    """Put texts that are not ASCII into NFC; only those go through the normaliser (0.3 s for a million)."""
    where = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    return texts.scatter(where, texts.gather(where).str.normalize("NFC")) if len(where) else texts


def with_date_cells(frame: pl.DataFrame, fields: Sequence[Field]) -> pl.DataFrame:
    """Let the real date cells of a spreadsheet be the values, where the field's kind takes dates."""
    for one in fields:
        moment = f"moment.{one.name}"
        value = one.kind.of_date_cell(pl.col(moment)) if moment in frame.columns else None
        if value is not None:
            frame = frame.with_columns(pl.coalesce(value, one.name).alias(one.name))
    return frame
