"""What became of every row: counts, the results file, the rejects file."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Any

import polars as pl

from bulkload.check import MESSAGES_COLUMN, normal
from bulkload.errors import UsageError
from bulkload.formats.batch import Span
from bulkload.formats.spreadsheet import SpreadsheetFile
from bulkload.formats.workbook import LONGEST_CELL, Cell, Column, write_workbook
from bulkload.joins import beside
from bulkload.places import BOM
from bulkload.saying import FIRST
from bulkload.source import Source
from bulkload.spool import Spool, writing
from bulkload.template import Template
from bulkload.translog import headings, log_lines, none_applied

FIRST_MESSAGE = r"(?s)^.*?( \| row \d|$)"
"""What happened to a row: all that stands before its first finding."""


@dataclass(slots=True)
class Tally:
    """Counts what became of the rows, and keeps the first rows of each code; `counts` are the family's own."""

    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, outcomes: pl.Series, findings: pl.DataFrame) -> None:
        """Count a batch's outcomes and findings."""
        self.rows += len(outcomes)
        for outcome, count in sorted(outcomes.value_counts().iter_rows()):
            self.outcomes[outcome] += count
        if findings.is_empty():
            return
        grouped = (
            findings.sort("row", "position")
            .group_by("code", maintain_order=True)
            .agg(
                pl.col("severity").first(),
                pl.col("row").n_unique().alias("rows"),
                pl.col("message").drop_nulls().head(FIRST).alias("first"),
            )
        )
        for code, severity, count, first in grouped.iter_rows():
            known = self.codes.setdefault(code, {"code": code, "severity": severity, "rows": 0, "first": []})
            known["rows"] += count
            known["first"] = (known["first"] + first)[:FIRST]

    def refuse_all(self) -> None:
        """Turn every row that is not rejected into a skipped one: all or nothing."""
        rejected = self.outcomes["rejected"]
        self.outcomes = Counter({"skipped": self.rows - rejected, "rejected": rejected})
        self.counts = Counter(dict.fromkeys(self.counts, 0))

    @property
    def rejected(self) -> int:
        """Return how many rows were rejected."""
        return self.outcomes["rejected"]

    def findings(self) -> list[dict[str, Any]]:
        """Return the codes found, errors first, the most frequent first."""
        order = {"error": 0, "warning": 1, "note": 2}
        return sorted(self.codes.values(), key=lambda one: (order[one["severity"]], -one["rows"], one["code"]))


class PartFile:
    """A file that appears whole: written beside its place, moved in by `os.replace`."""

    def __init__(self, path: Path, token: str) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.{token}.part")
        self._file: BufferedWriter | None = None

    @property
    def file(self) -> BufferedWriter:
        """Return the open part, made on first use with mode 0600."""
        if self._file is None:
            try:
                handle = os.open(self.part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except OSError as error:
                raise UsageError(
                    f"{self.path} cannot be written: {error.strerror}. Name another place with --results."
                ) from error
            self._file = os.fdopen(handle, "wb")
        return self._file

    @property
    def begun(self) -> bool:
        """Say whether anything was written."""
        return self._file is not None

    def finish(self) -> None:
        """Bring what was written to the disk."""
        if self._file is not None and not self._file.closed:
            with writing(self.path):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()

    def discard(self) -> None:
        """Remove what was written."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self.part.unlink(missing_ok=True)


def lines_of(frame: pl.DataFrame, findings: pl.DataFrame, template: Template) -> pl.DataFrame:
    """Return a line for each row: those of the template's transaction log, else of results."""
    return (results_frame if template.log is None else log_lines)(frame, findings, template)


def results_frame(frame: pl.DataFrame, findings: pl.DataFrame, template: Template) -> pl.DataFrame:
    """Return a line for each row: `row`, the key's cells, `outcome`, `changes`, `codes`, `messages`.

    An accepted row begins with the template's code for it, and with what happened, where there is such.
    """
    keys = [safe(pl.col(f"text.{name}")).alias(template[name].heading) for name in template.key]
    happened = pl.col("happened") if "happened" in frame.columns else pl.lit(None, pl.String)
    lines = frame.select("row", *keys, "outcome", safe(pl.col("changes")).alias("changes"), happened.alias("happened"))
    said = (
        findings.sort("row", "position")
        .group_by("row", maintain_order=True)
        .agg(
            pl.col("code").str.join(" ").alias("codes"),
            pl.col("message").str.join(" | ").alias("messages"),
        )
    )
    lines = beside(lines, said, ["row"])
    if template.accepted is not None:
        good = pl.col("outcome") != "rejected"
        lines = lines.with_columns(
            joined(pl.when(good).then(pl.lit(template.accepted.word)), pl.col("codes"), " ").alias("codes"),
            joined(pl.when(good).then("happened"), pl.col("messages"), " | ").alias("messages"),
        )
    return lines.drop("happened")


def joined(first: pl.Expr, second: pl.Expr, separator: str) -> pl.Expr:
    """Join two texts, either of which may be null."""
    return pl.concat_str(first, second, separator=separator, ignore_nulls=True)


def safe(text: pl.Expr) -> pl.Expr:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    first = text.str.slice(0, 1)
    return pl.when(first.is_in(["=", "+", "-", "@", "\t", "\r"])).then("'" + text).otherwise(text)


class ResultsFile:
    """The results as CSV: UTF-8 with a BOM, so that a spreadsheet shows José right."""

    def __init__(self, target: PartFile, template: Template) -> None:
        self.target = target
        self.accepted = template.accepted is not None
        self.log = template.log
        keys = [template[name].heading for name in template.key]
        results = ["row", *keys, "outcome", "changes", "codes", "messages"]
        self.headings = results if self.log is None else headings(self.log)

    def begin(self) -> None:
        """Write the headings, which are there even where no row is."""
        file = self.target.file
        with writing(self.target.path):
            file.write(BOM)
            pl.DataFrame(schema=dict.fromkeys(self.headings, pl.String)).write_csv(file)

    def add(self, lines: pl.DataFrame) -> None:
        """Append lines."""
        lines = lines.select(self.headings)
        if self.log is not None:
            lines = lines.with_columns(
                safe(pl.col(name)).alias(name) for name in lines.select(pl.col(pl.String)).columns
            )
        lines = lines.with_columns(pl.col(pl.String).replace("", None))
        with writing(self.target.path):
            lines.write_csv(self.target.file, include_header=False)

    def finish(self) -> None:
        """Bring what was written to the disk."""
        self.target.finish()

    def refuse_all(self, work: Path) -> None:
        """Rewrite what stands there: every line that is not rejected becomes skipped, with no changes."""
        self.target.finish()
        kept = work / "results"
        shutil.move(self.target.part, kept)
        lines = pl.scan_csv(kept, infer_schema=False)
        lines = self._skipped(lines) if self.log is None else none_applied(lines, self.log)
        lines.sink_csv(self.target.part, include_bom=True)
        self.target.part.chmod(0o600)
        kept.unlink()

    def _skipped(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        good = pl.col("outcome") != "rejected"
        lines = lines.with_columns(
            pl.when(good).then(pl.lit("skipped")).otherwise("outcome").alias("outcome"),
            pl.when(good).then(None).otherwise("changes").alias("changes"),
        )
        if self.accepted:
            messages = pl.col("messages").str.replace(FIRST_MESSAGE, "skipped$1")
            lines = lines.with_columns(pl.when(good).then(messages).otherwise("messages").alias("messages"))
        return lines


class RejectsFile:
    """The rejected rows as they stood in the input, under the same header, to be mended and loaded again.

    A spreadsheet's rejects are a spreadsheet with one more column, the messages.
    """

    def __init__(self, target: PartFile, source: Source, spool: Spool) -> None:
        self.target = target
        self.source = source
        self.spool = spool
        self._rejected: list[tuple[Span, str]] = []

    def add(self, span: Span, lines: pl.DataFrame) -> None:
        """Append the rejected ones of a batch's lines."""
        rejected = lines.filter(pl.col("outcome") == "rejected")
        if rejected.is_empty():
            return
        reader = self.source.reader
        if isinstance(reader, SpreadsheetFile):
            part = f"rejects-{len(self._rejected):06}"
            self.spool.add(part, rejected.select("row", pl.col("messages").str.slice(0, LONGEST_CELL)))
            self._rejected.append((span, part))
            return
        begun, file = self.target.begun, self.target.file
        with writing(self.target.path):
            file.write(b"" if begun else reader.header_raw)
            file.write(reader.raw(span, rejected["row"].to_list()))

    def _close(self) -> None:
        """Write what closes the wrapper of XML rejects."""
        reader = self.source.reader
        if self.target.begun and not isinstance(reader, SpreadsheetFile):
            with writing(self.target.path):
                self.target.file.write(reader.footer_raw)

    def finish(self) -> None:
        """Bring everything to the disk; a spreadsheet is written here, as a whole."""
        if self._rejected and not self.target.begun:
            header = self.source.reader.header
            kept = [at for at, heading in enumerate(header) if normal(heading) != MESSAGES_COLUMN]
            columns = [Column(heading) for heading in (*(header[at] for at in kept), MESSAGES_COLUMN)]
            self.target.file.close()
            with writing(self.target.path):
                write_workbook(self.target.part, self.source.template.name, columns, self._cells(kept))
        else:
            self._close()
        self.target.finish()

    def _cells(self, kept: list[int]) -> Iterator[list[Cell]]:
        """Yield the typed cells under the headings, the messages, and what stood beyond the header."""
        width = len(self.source.reader.header)
        for span, part in self._rejected:
            rejected = self.spool.take(part)
            assert rejected is not None
            assert isinstance(self.source.reader, SpreadsheetFile)
            typed = self.source.reader.cells(span, rejected["row"].to_list())
            for cells, messages in zip(typed, rejected["messages"], strict=True):
                filled = [*cells, *[None] * (width - len(cells))]
                yield [*(filled[at] for at in kept), messages, *cells[width:]]


class ErrorsFile:
    """Every finding of a file on a line of its own, with some cells of its row; there is none without findings."""

    def __init__(self, target: PartFile, template: Template) -> None:
        self.target = target
        self.template = template

    def add(self, frame: pl.DataFrame, findings: pl.DataFrame) -> None:
        """Append the findings of a batch."""
        if findings.is_empty():
            return
        fields = [self.template[name] for name in self.template.errors_show]
        cells = frame.select("row", *(safe(pl.col(f"typed.{one.name}")).alias(one.heading) for one in fields))
        found = beside(findings.sort("row", "position"), cells, ["row"])
        lines = found.select("row", *(one.heading for one in fields), "code", safe(pl.col("message")).alias("message"))
        begun, file = self.target.begun, self.target.file
        with writing(self.target.path):
            file.write(b"" if begun else BOM)
            lines.with_columns(pl.col(pl.String).replace("", None)).write_csv(file, include_header=not begun)

    def finish(self) -> None:
        """Bring what was written to the disk."""
        self.target.finish()
