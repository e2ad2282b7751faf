"""Knows the notation of spreadsheets: number formats, single numbers as they are shown, column letters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache

from bulkload.formats.xlsx_markup import Node


class Shows(Enum):
    """What a number format makes of a number."""

    NUMBER = "number"
    DAY = "day"
    MOMENT = "moment"
    CLOCK = "clock"
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class Format:
    """A number format: its code as it stands in the file, and what it shows."""

    code: str
    shows: Shows


GENERAL = Format("General", Shows.NUMBER)
_BUILT_IN = {
    **dict.fromkeys((*range(14, 18), *range(27, 32), 36, *range(50, 55), 57, 58), "m/d/yyyy"),
    **dict.fromkeys((18, 19), "h:mm:ss AM/PM"),
    **dict.fromkeys((20, 21, 32, 33), "h:mm:ss"),
    18: "h:mm AM/PM",
    20: "h:mm",
    22: "m/d/yyyy h:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
}
"""The formats that a file names by number only: ECMA-376 part 1, 18.8.30, those of the Far East included."""
_LITERAL = r'"[^"]*"|\\.'
_NOT_SHOWN = re.compile(rf"{_LITERAL}|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]", re.IGNORECASE | re.DOTALL)
_MASK = re.compile(rf"(?:0|[-() ]|{_LITERAL})+(?:;@)?")
_PLACE = re.compile(rf"{_LITERAL}|.", re.DOTALL)
_SECONDS_A_DAY = 86_400


def format_of(code: str) -> Format:
    """Return what a number format shows; only its part for positive numbers counts."""
    if _MASK.fullmatch(code) and _PLACE.findall(code).count("0") > 1:
        return Format(code.removesuffix(";@"), Shows.MASK)
    shown = _NOT_SHOWN.sub("", code).partition(";")[0].lower()
    letters = set(re.sub(r"am/pm|a/p|general", "", shown))
    clock = bool(letters & {"h", "s"}) or "[m" in shown
    if letters & {"y", "d"} or ("m" in letters and not clock):
        return Format(code, Shows.MOMENT if clock else Shows.DAY)
    return Format(shown, Shows.CLOCK) if clock else Format(code, Shows.NUMBER)


def formats_of(styles: list[Node]) -> tuple[Format, ...]:
    """Return the number format of each cell style of a style sheet."""
    codes = dict(_BUILT_IN)
    for node in styles:
        if node.tag == "numFmt" and node.parent == "numFmts":
            codes[_number(node.attributes.get("numFmtId"))] = node.attributes.get("formatCode", "")
    by_id = {number: format_of(code) for number, code in codes.items()}
    return tuple(
        by_id.get(_number(node.attributes.get("numFmtId")), GENERAL)
        for node in styles
        if node.tag == "xf" and node.parent == "cellXfs"
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def general_text(raw: str) -> str:
    """Return a number with the 15 significant digits that a spreadsheet keeps; other text as it is."""
    try:
        number = float(raw)
    except ValueError:
        return raw
    text = format(number + 0.0, ".15g")
    if 1e-9 <= abs(number) < 1e-4:
        text = format(Decimal(text), "f")
    return text.upper()


def masked_text(raw: str, code: str) -> str:
    """Return a whole number laid over the zeros of a format such as `00000` or `000-00-0000`."""
    text = general_text(raw)
    if not text.isdecimal():
        return text
    places = _PLACE.findall(code)
    zeros = places.count("0")
    digits = text.zfill(zeros)
    left = iter([digits[: len(digits) - zeros + 1], *digits[len(digits) - zeros + 1 :]])
    return "".join(next(left) if place == "0" else place.strip('"').removeprefix("\\") for place in places)


def clock_text(raw: str, code: str) -> str:
    """Return a time of day, or hours that ran, with the parts that the format shows."""
    try:
        seconds = round(float(raw) * _SECONDS_A_DAY)
    except (ValueError, OverflowError):
        return raw
    if seconds < 0:
        return general_text(raw)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    tail = f":{second:02}" if "s" in code else ""
    if "h" not in code:
        return f"{minutes if '[m' in code else minute:02}{tail}"
    if "[h" in code:
        return f"{hour}:{minute:02}{tail}"
    hour %= 24
    half = "am/pm" in code or "a/p" in code
    shown = (hour % 12 or 12) if half else hour
    first = f"{shown:02}" if "hh" in code else str(shown)
    return f"{first}:{minute:02}{tail}" + (" AM" if hour < 12 else " PM") * half


def column_name(column: int) -> str:
    """Return the letters over a column, the first one being 0."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(65 + letter) + name
    return name


@lru_cache(maxsize=1 << 15)
def column_number(letters: str) -> int:
    """Return the number of a column, `A` being 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1
