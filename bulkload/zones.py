"""Names time zones as Windows does, and turns their wall-clock time into instants and back, by columns.

A zone's clock is cut into segments: ordinary wall-clock time has one offset from UTC, time that occurs twice
has two, time that does not exist has none. The segments of every zone in a column make one sorted table, so
that a single binary search per row answers everything.

Seconds are counted from 1970-01-01 00:00: on the wall clock for local times, in UTC for instants. Answers
are exact for the years 1900 to 2199.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from itertools import pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo

import polars as pl
import pytz
from tzlocal.windows_tz import tz_win, win_tz

IANA: Mapping[str, str] = MappingProxyType(win_tz)
NAMES: tuple[str, ...] = tuple(sorted(IANA))

# ----------------------------------------------------------------------------------------------- suggestions

_UTC_PREFIX = re.compile(r"\((utc|gmt)[^)]*\) ?")
_TIME_SUFFIX = re.compile(r" ((st\w*|daylight|summer) t\w*me?|standard|time)\b")
_TAIL = re.compile(r" (\(.*|islands?)$")
_US_ABBREVIATION = re.compile(r"([ecmp])[sd]?t")
_US_HEADS = {"e": "eastern", "c": "central", "m": "mountain", "p": "pacific"}


def _words(text: str) -> str:
    """Casefold, make every separator one blank and drop a display name's `(UTC-05:00)`."""
    plain = " ".join(text.casefold().replace("_", " ").split())
    return _UTC_PREFIX.sub("", plain).replace("coordinated universal time", "utc")


def _head(words: str) -> str:
    """Keep the words that tell zones apart: `eastern` of `eastern standard time`."""
    return _TIME_SUFFIX.sub("", words, count=1)


_HEADS = {_head(_words(name)): name for name in NAMES}


@lru_cache(maxsize=1)
def _places() -> dict[str, str]:
    """Map the words of IANA names, and of their parts, to Windows names (CLDR windowsZones)."""
    places: dict[str, str] = {}
    for zone, name in [*((zone, name) for name, zone in IANA.items()), *tz_win.items()]:
        words = _words(zone)
        places.setdefault(words, name)
        area, *parts = words.split("/")
        if area != "etc":  # Etc/GMT+1 is an hour behind UTC, a person's GMT+1 an hour ahead
            for part in parts:
                places.setdefault(part, name)
    places.pop("", None)  # tzlocal 5.4.5 takes "" for Mexico
    return places


def _by_head(head: str) -> str | None:
    """Find the name with this head, whole or without its tail, or the name a US abbreviation stands for."""
    if abbreviation := _US_ABBREVIATION.fullmatch(head):
        head = _US_HEADS[abbreviation[1]]
    return _HEADS.get(head) or _HEADS.get(_TAIL.sub("", head))


def _by_place(words: str) -> str | None:
    """Find the name for an IANA name, or for the first city of a list that has one."""
    cities = _TAIL.sub("", words).split(", ")
    return next((_places()[place] for place in [words, *cities] if place in _places()), None)


def _by_likeness(head: str) -> str | None:
    """Find the name whose head is spelled most alike; none for numbers, where one digit is an hour."""
    near = [] if re.search(r"\d", head) else get_close_matches(head, _HEADS, n=1, cutoff=0.8)
    return _HEADS[near[0]] if near else None


def suggest(text: str) -> str | None:
    """Find the Windows name meant by a misspelled one, an IANA name or a display name.

    None when nothing is near.
    """
    words = _words(text)
    head = _head(words)
    return _by_head(head) or _by_place(words) or _by_likeness(head) or _by_place(head)


# -------------------------------------------------------------------------------------- one zone's history

_DAY = 86_400
_DECADE = 3_652 * _DAY
_LISTED = 2**31  # 01/19/2038; pytz's files list every change up to here
_LAST = 7_289_654_400  # 01/01/2201
_ENDLESS = 2**39  # 17,000 years: farther from 1970 than any datetime


def _listed_changes(data: bytes) -> list[tuple[int, int]]:
    """List the changes a TZif file spells out, as (instant, offset from then on); RFC 9636, section 3.

    pytz's own objects come from the file's 32-bit block, which begins in December 1901, and round offsets to
    minutes; this reads the 64-bit block.
    """
    header = struct.Struct(">20x6l")
    ut, standard, leaps, times, types, letters = header.unpack_from(data)
    start = header.size + 5 * times + 6 * types + letters + 8 * leaps + standard + ut
    _, _, _, times, types, _ = header.unpack_from(data, start)
    start += header.size
    instants = struct.unpack_from(f">{times}q", data, start)
    indexes = struct.unpack_from(f">{times}B", data, start + 8 * times)
    offsets = struct.unpack_from(">" + "l2x" * types, data, start + 9 * times)
    return [(-_ENDLESS, offsets[0]), *((t, offsets[i]) for t, i in zip(instants, indexes, strict=True))]


def _ruled_changes(data: bytes, after: int, until: int) -> Iterator[tuple[int, int]]:
    """Find the changes that follow from the rule at a TZif file's end, by bisection to the second."""
    if b"," not in data.rstrip().rpartition(b"\n")[2]:  # `MST7` alone: no rule, the last offset stays
        return
    zone = ZoneInfo.from_file(BytesIO(data))

    def offset(instant: int) -> timedelta:
        return datetime.fromtimestamp(instant, zone).utcoffset() or timedelta()

    step = 28 * _DAY  # no rule's summer or winter is shorter
    for start in range(after, until, step):
        low, high = start, start + step
        old, new = offset(low), offset(high)
        if old != new:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == old else (low, middle)
            yield high, new // timedelta(seconds=1)


@lru_cache(maxsize=1024)
def _changes(iana: str, until: int) -> list[tuple[int, int]]:
    """List a zone's offsets up to the instant `until`, as (first instant, offset), from pytz's files alone.

    Reads inside the package, for pytz itself follows PYTZ_TZDATADIR to the host's files.
    """
    data = files("pytz").joinpath("zoneinfo", *iana.split("/")).read_bytes()
    listed = _listed_changes(data)
    every = [*listed, *_ruled_changes(data, max(listed[-1][0], _LISTED), until)]
    return [every[0], *(new for old, new in pairwise(every) if new[1] != old[1])]


def _segments(iana: str, until: int) -> Iterator[tuple[int, int, int | None, int | None]]:
    """Cut a zone's wall clock where its meaning changes: (start, end, greatest and least offset).

    Both offsets are None where no instant shows that time, and differ where more than one does.
    """
    changes = _changes(iana, until)
    ends = [instant for instant, _ in changes[1:]] + [_ENDLESS]
    opening = [(instant + offset, True, offset) for instant, offset in changes]
    closing = [(end + offset, False, offset) for (_, offset), end in zip(changes, ends, strict=True)]
    edges = sorted(opening + closing)
    shown: list[int] = []
    for (start, opens, offset), (end, _, _) in pairwise(edges):
        (shown.append if opens else shown.remove)(offset)
        if start < end:
            yield start, end, max(shown, default=None), min(shown, default=None)


# ------------------------------------------------------------------------------------- tables of many zones

_SPACING = 2 * _ENDLESS  # between the keys of two zones
_NO_KEY = -(2**62)
_Zones = tuple[tuple[int, str], ...]  # (number, IANA name), ascending
_Rows = Callable[[int, str, int], pl.DataFrame]
_WALL = {"key": pl.Int64, "greatest": pl.Int32, "least": pl.Int32, "gap_from": pl.Int64, "gap_to": pl.Int64}
_UTC = {"key": pl.Int64, "offset": pl.Int32}


@lru_cache(maxsize=1024)
def _wall_rows(number: int, iana: str, until: int) -> pl.DataFrame:
    """Lay out the segments of a zone's wall clock; a gap has ends and no offsets."""
    base = number * _SPACING + _ENDLESS
    rows = [
        (base + start, greatest, least, *((start, end) if least is None else (None, None)))
        for start, end, greatest, least in _segments(iana, until)
    ]
    return pl.DataFrame(rows, schema=_WALL, orient="row")


@lru_cache(maxsize=1024)
def _utc_rows(number: int, iana: str, until: int) -> pl.DataFrame:
    """Lay out the offsets of a zone from instant to instant."""
    base = number * _SPACING + _ENDLESS
    rows = [(base + instant, offset) for instant, offset in _changes(iana, until)]
    return pl.DataFrame(rows, schema=_UTC, orient="row")


@lru_cache(maxsize=32)
def _table(rows: _Rows, zones: _Zones, until: int) -> pl.DataFrame:
    """Join the rows of zones below one row of nulls, which answers nulls."""
    tables = [rows(number, iana, until) for number, iana in zones]
    nothing = rows(0, "Etc/UTC", _LISTED).clear(1).with_columns(key=pl.lit(_NO_KEY, pl.Int64))
    return pl.concat([nothing, *tables], rechunk=True)


def _until(seconds: pl.Series) -> int:
    """Say up to where tables must reach for these times: in whole decades, so that batches share tables."""
    latest = seconds.max()
    if not isinstance(latest, int) or latest + 2 * _DAY < _LISTED:
        return _LISTED
    return min(((latest + 2 * _DAY) // _DECADE + 1) * _DECADE, _LAST)


def _look_up(rows: _Rows, zones: _Zones, zone: pl.Series, seconds: pl.Series) -> pl.DataFrame:
    """Find for each time the row it falls on in its zone's table."""
    table = _table(rows, zones, _until(seconds))
    keys = (zone.cast(pl.Int64) * _SPACING + seconds + _ENDLESS).fill_null(_NO_KEY)
    return table[table["key"].search_sorted(keys, side="right") - 1]


def _occurring(zone: pl.Series) -> _Zones:
    return tuple((number, IANA[NAMES[number]]) for number in zone.unique().drop_nulls().sort())


def to_utc(zone: pl.Series, local: pl.Series) -> pl.DataFrame:
    """Find the instants at which wall clocks showed these times.

    `zone` indexes NAMES, `local` is seconds of the wall clock; both may be null. `earlier` and `later` are
    the instants, equal where the time occurs once, null where it does not exist or an input is null.
    `gap_from` and `gap_to` say from where to where clocks go, null where the time exists (time.md §3).
    """
    found = _look_up(_wall_rows, _occurring(zone), zone, local)
    return found.select(
        (local - pl.col("greatest")).alias("earlier"),
        (local - pl.col("least")).alias("later"),
        "gap_from",
        "gap_to",
    )


def to_local(zone: pl.Series, utc: pl.Series) -> pl.Series:
    """Read off wall clocks at these instants, in seconds; null where the zone or the instant is."""
    return utc + _look_up(_utc_rows, _occurring(zone), zone, utc)["offset"]


def local_of(iana: str, utc: pl.Series) -> pl.Series:
    """Read off one IANA zone's wall clock; raise pytz.UnknownTimeZoneError for any other name."""
    zone = pl.repeat(0, len(utc), dtype=pl.Int16, eager=True)
    return utc + _look_up(_utc_rows, ((0, str(pytz.timezone(iana))),), zone, utc)["offset"]
