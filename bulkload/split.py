"""Breaks a file into parts that together do what the whole does: what belongs together stays in one of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import polars as pl

from bulkload.bonds import units
from bulkload.check import lay
from bulkload.errors import FileRefused, UsageError
from bulkload.formats.batch import Batch, Piece, Span
from bulkload.formats.delimited import DelimitedFile
from bulkload.formats.enterprise import EnterpriseFile
from bulkload.formats.lanes import BLANK_LINE
from bulkload.formats.records import RecordsFile
from bulkload.packing import Item, packed
from bulkload.parse import parse
from bulkload.partfiles import Names, PartFiles, Wrapper
from bulkload.source import Reading, Source, identify, regular_file, shown_name
from bulkload.template import Options
from bulkload.templates import templates
from bulkload.workspace import workspace

NEEDS = ("need.0", "need.1")
"""The offsets of the elements that a record needs in its part: of two kinds at most, a group and a person."""

OF_NEEDS = tuple(column for need in NEEDS for column in (need, f"{need}.size"))

NOTHING = [(None, 0)] * len(NEEDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be split, how it is read, how many bytes a part may have, and where parts go (None: beside it)."""

    path: Path
    reading: Reading
    most: int
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a file: where it is, and how many records and bytes it has."""

    path: Path
    records: int
    size: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a file was split into, and the command that applies it."""

    parts: list[Part]
    command: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that can be split, measured.

    `records` has all in file order: `row`, `line`, `fault` (null: none), `owner` (a digest of what its first bond
    gives, null: none), `unit`, `size`, and of each of NEEDS the offset (null: none) and the `….size`.
    """

    source: Source
    reader: DelimitedFile | EnterpriseFile | RecordsFile
    spans: list[Span]
    records: pl.DataFrame

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return shown_name(self.source.path)

    @property
    def wrapper(self) -> Wrapper:
        """Return what stands around the records of a part."""
        footer = b"" if isinstance(self.reader, DelimitedFile) else self.reader.footer_raw
        return Wrapper(self.reader.header_raw, footer)


def split(wanted: Wanted, say: Callable[[str], None]) -> Done:
    """Write the parts of a file; raise FileRefused where a record is larger than a part, and then write nothing.

    `say` is told whose records did not fit into one part.
    """
    regular_file(wanted.path)
    names = Names.of(wanted.path, wanted.folder)
    options = Options(datetime.now(UTC))
    with (
        workspace() as work,
        identify(wanted.path, wanted.reading, options, work) as source,
    ):
        whole = measured(source)
        lumps = lumped(whole)
        refuse_too_large(whole, lumps, wanted.most)
        records, cut = placed(whole, lumps, wanted.most)
        for unit in cut:
            say(told_of_cut(whole, records.filter(pl.col("unit") == unit)))
        paths = names.paths(records["part"].n_unique())
        with PartFiles(paths, whole.wrapper) as files:
            write(whole, records, files)
            if not whole.reader.unchanged():
                raise FileRefused("FILE_CHANGED", f"{whole.name} was changed while it was split. Nothing was written.")
    counts = records.group_by("part").len("records").sort("part")["records"]
    parts = [Part(path, count, path.stat().st_size) for path, count in zip(paths, counts, strict=True)]
    return Done(parts, command(wanted, whole, names, len(paths)))


def measured(source: Source) -> Whole:
    """Read a file through; raise UsageError where its template's files cannot be split, FileRefused where it has no record."""
    template, reader, name = source.template, source.reader, shown_name(source.path)
    if not template.positional or not isinstance(reader, DelimitedFile | EnterpriseFile | RecordsFile):
        taken = " and ".join(one.name for one in templates().values() if one.positional)
        raise UsageError(
            f"{name} is a {template.name} file, and only {taken} files are split. Load it whole: no page limits it."
        )
    spans, frames = [], []
    for batch in reader.batches():
        spans.append(batch.span)
        pieces = reader.pieces(batch.span, batch.frame["row"].to_list())
        frames.append(bound(source, batch).hstack(sizes(pieces)))
    records = pl.concat(frames) if frames else None
    if records is None or records["fault"].null_count() == 0:
        raise FileRefused(
            "FORMAT_UNKNOWN",
            f"{name}: no line has {source.matched.width} values, so it is no {template.name} file. "
            f"Is --delimiter right? There is no heading row, and no quotes.",
        )
    digests = records.select(pl.col("^bond\\..*$"))
    owner = (
        digests.to_series(0) if digests.width else pl.Series([None], dtype=pl.UInt64).new_from_index(0, len(records))
    )
    records = records.drop(digests.columns).with_columns(
        owner.alias("owner"), units(digests, len(records)).alias("unit")
    )
    return Whole(source, reader, spans, records)


def bound(source: Source, batch: Batch) -> pl.DataFrame:
    """Return of the records of a batch `row`, `line`, `fault`, and a digest for each of the template's bonds."""
    frame = with_texts(source, batch)
    digests = [bond.digest().alias(f"bond.{nth}") for nth, bond in enumerate(source.template.bonds)]
    return frame.select("row", "line", "fault", *digests)


def with_texts(source: Source, batch: Batch) -> pl.DataFrame:
    """Return a batch with those values read that bind records."""
    named = {name for bond in source.template.bonds for name in bond.fields}
    fields = [one for one in source.template.fields if one.name in named]
    frame, _ = parse(lay(batch, source.matched, source.template), fields)
    return frame


def sizes(pieces: Iterator[Piece]) -> pl.DataFrame:
    """Return the bytes of records, and of what they need."""
    rows = []
    for piece in pieces:
        needs = [(None, 0) if need is None else (need[0], len(need[1])) for need in piece.needs]
        rows.append((len(piece.own), *chain.from_iterable(needs or NOTHING)))
    return pl.DataFrame(rows, dict.fromkeys(("size", *OF_NEEDS), pl.Int64), orient="row")


def lumped(whole: Whole) -> pl.DataFrame:
    """Return the records with the lines around them that cannot be read, which do not come into a part alone.

    Such a line goes with the record before it, so that a part begins with one that tells the delimiter; but blank
    lines before a record go with that, since at the end of a part they would be passed over.
    """
    blank = (pl.col("fault") == BLANK_LINE).fill_null(value=False)
    reads = pl.when(~blank).then(pl.col("fault").is_null()).backward_fill()
    begins = reads & ~blank.shift(fill_value=False)
    frame = whole.records.select(
        begins.cum_sum().clip(1).cast(pl.Int64).alias("lump"),
        *("row", "line", "unit", "size", *OF_NEEDS),
        pl.col("fault").is_null().alias("reads"),
    )
    lumps = frame.group_by("lump", maintain_order=True).agg(
        pl.col("row", "line").first(),
        pl.col("unit", *OF_NEEDS).filter("reads").first(),
        pl.col("size").sum(),
        pl.len().alias("records"),
    )
    return lumps.with_columns(pl.col("lump").min().over("unit").alias("first"))


def refuse_too_large(whole: Whole, lumps: pl.DataFrame, most: int) -> None:
    """Refuse a file with a record that is larger than a part."""
    needed = pl.sum_horizontal("size", *(f"{need}.size" for need in NEEDS)) + whole.wrapper.size
    large = lumps.with_columns(needed.alias("needed")).filter(pl.col("needed") > most)
    if large.is_empty():
        return
    one = large.row(0, named=True)
    what = f"record {one['row']:,} (line {one['line']:,})"
    if one["records"] > 1:
        what = f"{what} with the lines beside it that cannot be read, {one['records']:,} in all,"
    raise FileRefused(
        "RECORD_TOO_LARGE",
        f"{whole.name}: {what} would make a part of {one['needed']:,} bytes, and a part may have {most:,}. "
        f"Nothing was written. Give a larger --max-size, or correct the file there.",
    )


def placed(whole: Whole, lumps: pl.DataFrame, most: int) -> tuple[pl.DataFrame, list[int]]:
    """Return the records with `part`, from 0 on, and `brings.x`: which brings an element; and units that are in several."""
    lumps = lumps.sort("first", "lump")
    parts, cut = packed(items(lumps), most - whole.wrapper.size)
    lumps = lumps.with_columns(pl.Series("part", parts, dtype=pl.Int64)).sort("lump")
    records = whole.records.drop("unit").hstack(lumps.select(pl.col("unit", "part").repeat_by("records").explode()))
    return records.with_columns(
        (pl.col(need).is_not_null() & pl.struct("part", need).is_first_distinct()).alias(f"brings.{need}")
        for need in NEEDS
    ), cut


def items(lumps: pl.DataFrame) -> Iterator[Item]:
    """Yield what is packed."""
    for some in lumps.select("unit", "size", *OF_NEEDS).iter_slices(50_000):
        for unit, size, *needs in some.iter_rows():
            pairs = zip(needs[::2], needs[1::2], strict=True)
            yield unit, size, tuple((at, length) for at, length in pairs if at is not None)


def told_of_cut(whole: Whole, records: pl.DataFrame) -> str:
    """Say whose records are in several parts, and what that means; `records` are those of the unit."""
    others = max(records["owner"].drop_nulls().n_unique() - 1, 0)
    with_others = f" and of {others:,} more with the same logins" if others else ""
    first, *_, last = records["part"].sort().to_list()
    return (
        f"{whole.name}: the {len(records):,} records of {owner(whole, records)}"
        f"{with_others} do not fit into one part, and stand in "
        f"parts {first + 1} to {last + 1}. They are applied in their order; but what was applied before is then not "
        f"recognised as it is in the whole: sent again, they may be applied again, and one that repeats another may be "
        f"skipped. A larger --max-size keeps them together."
    )


def owner(whole: Whole, records: pl.DataFrame) -> str:
    """Return what the first record of a unit that has an owner is known by, as typed; where none has, what joins them."""
    owned = records.filter(pl.col("owner").is_not_null())
    row = (owned if len(owned) else records)["row"][0]
    batch = next(one for one in whole.reader.batches() if row < one.span.first_row + one.span.rows)
    texts = with_texts(whole.source, batch).filter(pl.col("row") == row)
    joins = ([texts[f"text.{name}"][0] for name in bond.by] for bond in whole.source.template.bonds)
    return " ".join(next((names for names in joins if all(names)), [f"row {row}"]))


def write(whole: Whole, records: pl.DataFrame, files: PartFiles) -> None:
    """Write every record into its part, in file order."""
    for span in whole.spans:
        rows = records.slice(span.first_row - whole.reader.first_row, span.rows)
        found: dict[int, list[bytes]] = {}
        pieces = whole.reader.pieces(span, rows["row"].to_list())
        told = rows.select("part", *(f"brings.{need}" for need in NEEDS)).iter_rows()
        for piece, (part, *brings) in zip(pieces, told, strict=True):
            needed = (need[1] for need, brought in zip(piece.needs, brings, strict=False) if need and brought)
            found.setdefault(part, []).extend((*needed, piece.own))
        for part, some in found.items():
            files.add(part, b"".join(some))


def command(wanted: Wanted, whole: Whole, names: Names, count: int) -> str:
    """Return the command that applies the parts in their order."""
    given = {"--template": whole.source.template.name, "--encoding": wanted.reading.encoding}
    if isinstance(whole.reader, DelimitedFile):
        given["--delimiter"] = "tab" if whole.reader.layout.delimiter == "\t" else whole.reader.layout.delimiter
    options = [word for name, value in given.items() if value for word in (name, shlex.quote(value))]
    return " ".join(["bulkload apply", *options, names.pattern(count)])
