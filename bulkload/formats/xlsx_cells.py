"""Turns the rows of a sheet into one table of its cells, each with the text that a spreadsheet shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

import polars as pl

from bulkload.formats.xlsx_formats import (
    GENERAL,
    Format,
    clock_text,
    column_name,
    column_number,
    general_text,
    masked_text,
)
from bulkload.formats.xlsx_markup import ATTRIBUTES, ENTITIES, TEXT, DamagedError, Node, rich_text, xstring

_FORMULA = rf"<f{ATTRIBUTES} ?(?:/>|>[^<]*+</f>)"
_CELL = (
    rf'<c r="[A-Z]{{1,3}}+\1"{ATTRIBUTES} ?(?:/>|>(?:(?:{_FORMULA})?+<v>(?!<){TEXT}</v>|<v></v>|<v ?/>'
    rf"|<is><t{ATTRIBUTES}>{TEXT}</t></is>)?+</c>)"
)
PROVEN = re.compile(rf'(?:\s*+<row r="(\d{{1,7}}+)"{ATTRIBUTES} ?(?:/>|>(?:{_CELL})*+</row>))*+')
"""Rows as every common program writes them: row and cells bear their number, at most one plain value each."""
_PARTS = (
    r'^(?P<letters>[A-Z]+)(?P<row>[0-9]+)"(?P<attributes>[^>]*)>'
    r"<(?:f[^>]*>[^<]*<(?:/f><)?)?(?:v|is><t[^>]*)>(?P<raw>[^<]+)"
)
"""A proven cell after `<c r="`, decided letter by letter: as a one-pass automaton it took half the time."""
MOST_ROWS = 1_048_576
"""Rows of a sheet; a hostile file may go on, a few bytes a row."""
_PLACE = re.compile("([A-Z]{1,3})([0-9]+)")
_DISORDER = "holds a cell twice, or rows that are not in their order"
_STORED = {"s": "shared", "b": "flag", "d": "iso"}
_RAW = {"row": pl.Int64, "letters": pl.String, "attributes": pl.String, "raw": pl.String}

_SHORT = r"^(?:0|-?[1-9][0-9]{0,14}|-?(?:0|[1-9][0-9]{0,6})\.[0-9]{0,6}[1-9])$"
"""Numbers that stand in the file as they are shown: at most 15 significant digits."""
_SECONDS_A_DAY = 86_400
_LAST_DAY = 2_958_465  # 9999-12-31 counted from 1900; a spreadsheet shows ##### after it
_DAYS_1904 = 1_462


@dataclass(frozen=True, slots=True)
class Book:
    """What the cells of a workbook need to be understood."""

    strings: pl.Series
    formats: tuple[Format, ...]
    epoch_1904: bool

    def kind(self, attributes: str) -> str:
        """Return the kind of value that a cell with these attributes holds."""
        stored = _attribute("t", attributes)
        return self.format(attributes).shows.value if stored in ("", "n") else _STORED.get(stored, "text")

    def format(self, attributes: str) -> Format:
        """Return the number format of a cell with these attributes."""
        style = _attribute("s", attributes)
        return self.formats[int(style)] if style.isdecimal() and int(style) < len(self.formats) else GENERAL


@lru_cache(maxsize=4096)
def _attribute(name: str, attributes: str) -> str:
    found = re.search(rf' {name}="([^"]*)"', attributes)
    return found[1] if found else ""


def shown_cells(cells: pl.DataFrame, book: Book) -> pl.DataFrame:
    """Return row, column (from 0), text and date (or null) of raw cells, ordered by kind, not by place.

    Cells of nothing but blanks are left out: nobody can see them.
    """
    kinds = {attributes: book.kind(attributes) for attributes in cells["attributes"].unique()}
    cells = cells.with_columns(kind=pl.col("attributes").replace_strict(kinds, return_dtype=pl.String))
    found = [_shown(kind, part, book) for (kind,), part in cells.partition_by("kind", as_dict=True).items()]
    return pl.concat([_NOTHING, *found]).filter(pl.col("text").str.strip_chars() != "")


def raw_cells(rows: list[str | list[Node]], after: int) -> tuple[pl.DataFrame, int]:
    """Return row, column, attributes and raw value of every cell that has one, and the last row's number.

    `after` is the number of the row before the first. Raises DamagedError.
    """
    odd: list[tuple[int, str, str, str]] = []
    proven = []
    last = after
    for row in rows:
        if isinstance(row, list):
            last = _odd_row(row, last, odd)
        elif "<row" in row:
            last = int(row[row.rindex('<row r="') + 8 :].partition('"')[0])
            proven.append(row)
    if last > MOST_ROWS:
        raise DamagedError(f"has rows below {MOST_ROWS:,}, the last of a sheet")
    cells = _proven_cells("".join(proven))
    if odd:
        cells = pl.concat([cells, pl.DataFrame(odd, schema=_RAW, orient="row")])
    numbers = {letters: column_number(letters) for letters in cells["letters"].unique()}
    column = pl.col("letters").replace_strict(numbers)
    cells = cells.select("row", "attributes", "raw", column=column.cast(pl.Int64))
    if odd:
        cells = cells.sort("row", "column")
    place = cells["row"] * (1 << 15) + cells["column"]
    if len(place) and (place[0] < (after + 1) << 15 or not (place.diff().drop_nulls() > 0).all()):
        raise DamagedError(_DISORDER)
    return cells, last


def _proven_cells(text: str) -> pl.DataFrame:
    cells = pl.Series([text]).str.split('<c r="').explode().str.extract_groups(_PARTS).struct.unnest()
    cells = cells.drop_nulls("raw").with_columns(pl.col("row").cast(pl.Int64))
    if "&" in text:
        cells = cells.with_columns(pl.col("raw").str.replace_many(ENTITIES))
    return cells.select(_RAW.keys())


def _odd_row(row: list[Node], after: int, cells: list[tuple[int, str, str, str]]) -> int:
    """Add the cells of a row to `cells` and return the row's number; raises DamagedError."""
    stated = row[0].attributes.get("r", str(after + 1))
    if row[0].tag != "row" or not re.fullmatch(r"[0-9]{1,7}", stated):
        raise DamagedError(f"holds something that is no row after row {after}")
    if int(stated) <= after:
        raise DamagedError(_DISORDER)
    column = -1
    starts = [at for at, node in enumerate(row) if node.tag == "c" and node.parent == "row"]
    for start, end in pairwise([*starts, len(row)]):
        cell = row[start]
        name = cell.attributes.get("r", column_name(column + 1) + stated)
        place = _PLACE.fullmatch(name)
        if not place or place[2] != stated:
            raise DamagedError(f"holds a cell {name!r} in row {stated}")
        column = column_number(place[1])
        kind = cell.attributes.get("t", "")
        value = _odd_value(row[start + 1 : end])
        if not value and kind != "str" and any(node.tag == "f" for node in row[start + 1 : end]):
            raise DamagedError(
                f"holds a formula without its result in cell {name}; open it in a spreadsheet program and save it"
            )
        if value:
            cells.append((int(stated), place[1], f' s="{cell.attributes.get("s", "")}" t="{kind}"', value))
    return int(stated)


def _odd_value(inside: list[Node]) -> str:
    return "".join(node.text for node in inside if node.tag == "v") or rich_text(inside)


def _shown(kind: str, cells: pl.DataFrame, book: Book) -> pl.DataFrame:
    """Return the cells of one kind with their text and date."""
    raw = cells["raw"]
    match kind:
        case "shared":
            return _table(cells, _shared(raw, book.strings))
        case "flag":
            return _table(cells, raw.replace({"1": "TRUE", "0": "FALSE"}))
        case "iso":
            return _iso_dates(cells)
        case "number":
            short = raw.str.contains(_SHORT)
            return pl.concat([_table(cells.filter(short), raw.filter(short)), _long_numbers(cells.filter(~short))])
        case "day" | "moment":
            return _dates(cells, kind == "moment", book.epoch_1904)
        case "clock" | "mask":
            write = clock_text if kind == "clock" else masked_text
            codes = (book.format(attributes).code for attributes in cells["attributes"])
            return _table(cells, pl.Series(map(write, raw, codes), dtype=pl.String))
        case _:
            return _table(cells, pl.Series(map(xstring, raw), dtype=pl.String))


def _table(cells: pl.DataFrame, text: pl.Series, date: pl.Series | None = None) -> pl.DataFrame:
    dates = pl.lit(None, pl.Datetime("us")) if date is None else date
    return cells.select("row", "column", text=text, date=dates)


def _shared(raw: pl.Series, strings: pl.Series) -> pl.Series:
    places = raw.cast(pl.UInt32, strict=False)
    if places.null_count() or (places >= len(strings)).any():
        raise DamagedError("refers to a text that it does not hold")
    return strings.gather(places)


def _long_numbers(cells: pl.DataFrame) -> pl.DataFrame:
    return _table(cells, pl.Series(map(general_text, cells["raw"]), dtype=pl.String))


def _dates(cells: pl.DataFrame, clock: bool, epoch_1904: bool) -> pl.DataFrame:
    """Return numbers shown as dates, to the nearest second; without `clock` a midnight is a mere day."""
    serial = pl.col("raw").cast(pl.Float64, strict=False) + (_DAYS_1904 if epoch_1904 else 0)
    days = pl.col("seconds") // _SECONDS_A_DAY
    since = pl.datetime(1899, 12, 30) + pl.when(days < 60).then(1).otherwise(0) * pl.duration(days=1)
    cells = cells.with_columns(seconds=(serial * _SECONDS_A_DAY).round().cast(pl.Int64, strict=False))
    first = _DAYS_1904 if epoch_1904 else 1
    real = pl.col("seconds").is_not_null() & days.is_between(first, _LAST_DAY) & (days != 60)
    found = cells.filter(real).with_columns(date=since + pl.duration(seconds="seconds"))
    return pl.concat(
        [
            _table(found, _iso_text(found["date"], clock), found["date"]),
            _long_numbers(cells.filter(~real.fill_null(False))),
        ]
    )


def _iso_text(dates: pl.Series, clock: bool) -> pl.Series:
    full = pl.col("date").dt.to_string("%Y-%m-%dT%H:%M:%S")
    day = full.str.head(10) if not clock else full
    return (
        dates.to_frame("date")
        .select(pl.when(pl.col("date").dt.truncate("1d") == pl.col("date")).then(day).otherwise(full))
        .to_series()
    )


def _iso_dates(cells: pl.DataFrame) -> pl.DataFrame:
    """Return dates that stand in the file as ISO 8601 text, as Strict Open XML has them; others stay text."""
    dates = pl.Series(map(_iso_date, cells["raw"]), dtype=pl.Datetime("us"))
    text = pl.Series(
        raw if date is None else date.isoformat()[: 10 if len(raw) == 10 else 19]
        for raw, date in zip(cells["raw"], dates, strict=True)
    )
    return _table(cells, text.cast(pl.String), dates)


def _iso_date(raw: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(raw)
    except ValueError:
        return None
    rounded = date.replace(microsecond=0) + timedelta(seconds=date.microsecond >= 500_000)
    return rounded if date.tzinfo is None else None


_NOTHING = _table(pl.DataFrame(schema={**_RAW, "column": pl.Int64}), pl.Series([], dtype=pl.String))
