"""Writes a store's records as a file in a template's own layout."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl

from bulkload.family import LEFT_OUT, LOST
from bulkload.formats.workbook import Column, write_workbook
from bulkload.places import written_as
from bulkload.results import PartFile
from bulkload.store import Store
from bulkload.template import Template


def export_records(template: Template, store: Store, output: Path | None, stream: BinaryIO) -> int:
    """Write all records to a file, or to a stream as CSV; return how many values could not be written."""
    lost = 0

    def frames() -> Iterator[pl.DataFrame]:
        nonlocal lost
        for frame in template.family.export(template, store):
            if LOST in frame.columns:
                lost += int(frame[LOST].sum())
            written = frame.filter(~pl.col(LEFT_OUT)) if LEFT_OUT in frame.columns else frame
            lost += frame.height - written.height
            yield written.select(pl.col(field.name).alias(field.heading) for field in template.positions)

    def plain(delimiter: str) -> Iterator[pl.DataFrame]:
        """Leave records out that cannot stand without quotes."""
        nonlocal lost
        for frame in frames():
            holds = pl.any_horizontal(pl.all().str.contains(f"[{delimiter}\r\n]"))
            written = frame.filter(~holds)
            lost += frame.height - written.height
            yield written

    def write(stream: BinaryIO, delimiter: str) -> None:
        if template.positional:
            write_positions(plain(delimiter), stream, delimiter)
        else:
            write_delimited(template, frames(), stream, delimiter)

    if output is None:
        write(stream, ",")
        return lost
    ending = written_as(output, template)
    if ending == ".xlsx":
        columns = [Column(field.heading, "text", None) for field in template.fields]
        write_workbook(output, template.name, columns, (row for frame in frames() for row in frame.iter_rows()))
    else:
        target = PartFile(output, secrets.token_hex(4))
        try:
            write(target.file, "," if ending == ".csv" else "\t")
            target.finish()
        except BaseException:
            target.discard()
            raise
        target.part.replace(output)
    return lost


def write_positions(frames: Iterator[pl.DataFrame], stream: BinaryIO, delimiter: str) -> None:
    """Write frames as lines of values, without headings and quotes."""
    for frame in frames:
        frame.write_csv(stream, include_header=False, separator=delimiter, quote_style="never")


def write_delimited(template: Template, frames: Iterator[pl.DataFrame], stream: BinaryIO, delimiter: str) -> None:
    """Write frames as delimited text under the template's headings."""
    headings = pl.DataFrame(schema={field.heading: pl.String for field in template.fields})
    headings.write_csv(stream, separator=delimiter)
    for frame in frames:
        blank = frame.with_columns(pl.all().replace("", None))
        blank.write_csv(stream, include_header=False, separator=delimiter)
