"""How the text of a cell becomes a value: one class for each kind, working on whole columns."""

from __future__ import annotations

import difflib
from calendar import isleap
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from bulkload import rules, zones
from bulkload.rules import Code

QUARTER = 15 * 60
"""Seconds of the step that enrollment dates fall on."""

SUGGESTIONS = 500
"""Distinct wrong values of one batch for which the nearest right one is looked up (0.4 ms among 142 names of zones):
a million rows that are all bad take 13 percent less time than with 2,000, and nobody mistypes one column in so many ways."""


@dataclass(frozen=True)
class Kind:
    """Turns texts into values of `dtype`; a text that it cannot read becomes null, with the finding `code`."""

    code: Code | None = None
    says: str = "text"
    dtype: pl.DataType = field(default_factory=pl.String)
    choices: tuple[str, ...] = ()
    has_parts: bool = False
    """Whether a cell holds several values, of which the right ones are still checked when another is wrong."""

    @property
    def words(self) -> Mapping[str, pl.Expr]:
        """Return what the messages of this kind may name beside the row's own columns."""
        return {}

    def parse(self, text: pl.Series) -> pl.Series:
        """Return the values of trimmed texts; blank and unreadable ones are null."""
        return text.replace("", None)

    def of_date_cell(self, moment: pl.Expr) -> pl.Expr | None:
        """Return the values of a spreadsheet's date cells; None: their texts are parsed like any other."""
        return None

    def spell(self, moment: pl.Expr) -> pl.Expr:
        """Return the text of a spreadsheet's date cell as this kind writes it."""
        return moment.dt.strftime("%Y-%m-%dT%H:%M:%S")

    def show(self, value: pl.Expr) -> pl.Expr:
        """Return values as the texts that read back the same; null becomes the empty text."""
        return value.cast(pl.String).fill_null("")

    def remedies(self, text: pl.Series) -> pl.Series:
        """Return, for texts that are wrong, the end of a sentence that says what to write; else nothing."""
        distinct = text.unique(maintain_order=True)
        known = [nearest(one, self.choices) for one in distinct.head(SUGGESTIONS)]
        every = f"; there are {', '.join(self.choices)}" if self.choices else ""
        said = pl.Series([f" (did you mean '{one}'?)" if one else every for one in known], dtype=pl.String)
        return text.replace_strict(distinct.head(SUGGESTIONS), said, default=every, return_dtype=pl.String)


def nearest(text: str, choices: tuple[str, ...]) -> str | None:
    """Return the choice that a mistyped text most resembles, or None."""
    folded = {one.casefold(): one for one in choices}
    found = difflib.get_close_matches(text.strip().casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def fold(text: pl.Series) -> pl.Series:
    """Return texts in lower case, with each run of blanks as one."""
    lower = text.str.to_lowercase()
    doubled = lower.str.contains(r"\s\s|[^\S ]")
    return lower.str.replace_all(r"\s+", " ") if doubled.any() else lower


@dataclass(frozen=True)
class Choice(Kind):
    """One of a list, in any letter case and with any blanks between its words; stored as the list spells it.

    `aliases` are other spellings of a choice; `also_read` are words that a rule, not this kind, judges.
    `exactly`: only as the list spells it.
    """

    code: Code | None = rules.NOT_IN_LIST
    aliases: Mapping[str, str] = field(default_factory=dict)
    also_read: tuple[str, ...] = ()
    folds_blanks: bool = True
    exactly: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", pl.Enum(self.choices + self.also_read))
        object.__setattr__(self, "says", "one of " + ", ".join(self.choices))

    @cached_property
    def _spellings(self) -> tuple[pl.Enum, pl.Series]:
        known = {one.lower(): one for one in self.choices + self.also_read}
        known |= {alias.lower(): one for alias, one in self.aliases.items()}
        return pl.Enum(list(known)), pl.Series(list(known.values()), dtype=pl.Enum(self.choices + self.also_read))

    def parse(self, text: pl.Series) -> pl.Series:
        """Look each text up among the spellings."""
        if self.exactly:
            return text.cast(self.dtype, strict=False)
        spellings, values = self._spellings
        folded = fold(text) if self.folds_blanks else text.str.to_lowercase()
        return values.gather(folded.cast(spellings, strict=False).to_physical())

    def alias_used(self, name: str) -> pl.Expr:
        """Return where a text is one of the aliases."""
        texts = pl.col(f"text.{name}").str.to_lowercase().str.replace_all(r"\s+", " ")
        return pl.col(name).is_not_null() & texts.is_in([alias.lower() for alias in self.aliases])


@dataclass(frozen=True)
class TimeZone(Choice):
    """A Windows time-zone name, in any letter case (time §2)."""

    choices: tuple[str, ...] = zones.NAMES
    folds_blanks: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "says", "a Windows time-zone name, such as Eastern Standard Time")

    def remedies(self, text: pl.Series) -> pl.Series:
        """Suggest the Windows name of an IANA zone, a display name or a mistyped name."""
        distinct = text.unique(maintain_order=True).head(SUGGESTIONS)
        known = [zones.suggest(one) for one in distinct]
        said = pl.Series([f" (write {one})" if one else "" for one in known], dtype=pl.String)
        return text.replace_strict(distinct, said, default="", return_dtype=pl.String)


@dataclass(frozen=True)
class YesNo(Choice):
    """Yes or No, as a boolean."""

    choices: tuple[str, ...] = ("Yes", "No")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "dtype", pl.Boolean())

    def parse(self, text: pl.Series) -> pl.Series:
        """Read Yes as true."""
        return super().parse(text) == "Yes"

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write true as Yes."""
        return pl.when(value).then(pl.lit("Yes")).when(~value).then(pl.lit("No")).otherwise(pl.lit(""))


@dataclass(frozen=True)
class ZeroOne(Choice):
    """0 or 1, as a boolean; `blank` is what a blank cell means."""

    choices: tuple[str, ...] = ("0", "1")
    blank: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "dtype", pl.Boolean())

    def parse(self, text: pl.Series) -> pl.Series:
        """Read 1 as true."""
        t = pl.col("t")
        read = pl.when(t.is_in(self.choices)).then(t == "1").when(t == "").then(pl.lit(self.blank, pl.Boolean))
        return text.to_frame("t").select(read).to_series()

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write true as 1."""
        return value.cast(pl.Int8).cast(pl.String).fill_null("")


@dataclass(frozen=True)
class WholeNumber(Kind):
    """Digits only, within limits; `width`: how many digits it is shown with, and may have at most."""

    code: Code | None = rules.NOT_A_NUMBER
    dtype: pl.DataType = field(default_factory=pl.Int64)
    low: int = 0
    high: int = 999_999_999
    width: int | None = None

    def __post_init__(self) -> None:
        low, high = (str(one).zfill(self.width or 0) for one in (self.low, self.high))
        object.__setattr__(self, "says", f"a whole number from {low} to {high}")

    @property
    def words(self) -> Mapping[str, pl.Expr]:
        """Name the limits."""
        return {"limits": pl.lit(self.says.removeprefix("a whole number"))}

    def parse(self, text: pl.Series) -> pl.Series:
        """Read up to eighteen digits, or as many as it is shown with."""
        digits = pl.col("t").str.contains(rf"^[0-9]{{1,{self.width or 18}}}$")
        number = pl.col("t").cast(pl.Int64, strict=False)
        good = digits & number.is_between(self.low, self.high)
        return text.to_frame("t").select(pl.when(good).then(number)).to_series()

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write the digits."""
        return value.cast(pl.String).str.zfill(self.width or 0).fill_null("")


LEAP_YEAR = pl.select(pl.date_range(pl.date(2000, 1, 1), pl.date(2000, 12, 31))).to_series()
MONTH_DAYS = pl.Enum(LEAP_YEAR.dt.strftime("%m/%d/"))
"""Every day of a leap year as an enrollment date begins."""

YEARS = pl.Enum([str(year) for year in range(1900, 2200)])

CLOCK = pl.Enum([f" {h:02}:{m:02} {half}" for half in ("AM", "PM") for h in (12, *range(1, 12)) for m in range(60)])
"""Every minute of a day as an enrollment date ends, from midnight on."""

FIRST_DAYS = pl.Series([(date(year, 1, 1) - date(1970, 1, 1)).days for year in range(1900, 2200)])
LEAPS = pl.Series([isleap(year) for year in range(1900, 2200)])
LEAP_DAY = 59
"""The place of 29 February in a leap year, counted from 0."""


def days(text: pl.Series) -> pl.Series:
    """Return the day that texts begin with as mm/dd/yyyy, in days since 1970; null where that is none (1900 to 2199)."""
    parts = text.to_frame("t").select(
        pl.col("t").str.slice(0, 6).cast(MONTH_DAYS, strict=False).to_physical().cast(pl.Int32).alias("day"),
        pl.col("t").str.slice(6, 4).cast(YEARS, strict=False).to_physical().alias("year"),
    )
    parts = parts.with_columns(
        FIRST_DAYS.gather(parts["year"]).alias("first"), LEAPS.gather(parts["year"]).alias("leap")
    )
    common = pl.when(pl.col("day") < LEAP_DAY).then("day").when(pl.col("day") > LEAP_DAY).then(pl.col("day") - 1)
    day = pl.when("leap").then("day").otherwise(common)
    return parts.select((pl.col("first") + day).cast(pl.Int32)).to_series()


@dataclass(frozen=True)
class CalendarDate(Kind):
    """MM/DD/YYYY, as days since 1970."""

    code: Code | None = rules.DATE_FORMAT
    says: str = "MM/DD/YYYY"
    dtype: pl.DataType = field(default_factory=pl.Int32)

    @property
    def words(self) -> Mapping[str, pl.Expr]:
        """Name the form."""
        return {"form": pl.lit(f"a day as {self.says}")}

    def parse(self, text: pl.Series) -> pl.Series:
        """Read ten characters, no more and no fewer."""
        return days(pl.select(pl.when(text.str.len_chars() == 10).then(text)).to_series())

    def of_date_cell(self, moment: pl.Expr) -> pl.Expr:
        """Take the day of a spreadsheet's date cell."""
        return moment.dt.date().to_physical()

    def spell(self, moment: pl.Expr) -> pl.Expr:
        """Write a date cell without its time."""
        return moment.dt.strftime("%m/%d/%Y")

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write days since 1970."""
        return value.cast(pl.Date).dt.strftime("%m/%d/%Y").fill_null("")


@dataclass(frozen=True)
class EnrollmentDate(Kind):
    """mm/dd/yyyy hh:mm AM/PM, as wall-clock seconds since 1970 (seed 001, columns D and I; time §1)."""

    code: Code | None = rules.DATE_FORMAT
    says: str = "mm/dd/yyyy hh:mm AM/PM"
    dtype: pl.DataType = field(default_factory=pl.Int64)

    LOOSE = r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}),?\s+(\d{1,2}):(\d{1,2})(?::\d{1,2})?\s*([AaPp])\.?[Mm]\.?\s*$"

    @property
    def words(self) -> Mapping[str, pl.Expr]:
        """Name the form."""
        return {"form": pl.lit(self.says)}

    def parse(self, text: pl.Series) -> pl.Series:
        """Look day, year and minute up among all that there are.

        Library parsers accept other spellings as well; a look-up accepts none, and takes 0.1 s for a million.
        """
        minute = text.str.slice(10).cast(CLOCK, strict=False).to_physical().cast(pl.Int64)
        return days(text).cast(pl.Int64) * 86_400 + minute * 60

    def of_date_cell(self, moment: pl.Expr) -> pl.Expr:
        """Take a spreadsheet's date cell as it is, to the second."""
        return moment.dt.epoch("s")

    def spell(self, moment: pl.Expr) -> pl.Expr:
        """Write a date cell, with its seconds where it has some."""
        return (
            pl.when(moment.dt.second() == 0)
            .then(moment.dt.strftime("%m/%d/%Y %I:%M %p"))
            .otherwise(moment.dt.strftime("%m/%d/%Y %I:%M:%S %p"))
        )

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write wall-clock seconds."""
        return pl.from_epoch(value, time_unit="s").dt.strftime("%m/%d/%Y %I:%M %p").fill_null("")

    def remedies(self, text: pl.Series) -> pl.Series:
        """Spell what was meant, on the nearest quarter of an hour; nothing where no day comes of it."""
        parts = text.to_frame("t").with_columns(p=pl.col("t").str.extract_groups(self.LOOSE)).unnest("p")
        two = {n: pl.col(str(n)).str.zfill(2) for n in (1, 2, 4, 5)}
        half = pl.col("6").str.to_uppercase()
        meant = rules.filled("{}/{}/{} {}:{} {}M", two[1], two[2], pl.col("3"), two[4], two[5], half)
        seconds = self.parse(parts.select(meant).to_series()).to_frame("s")
        step = (pl.col("s") + QUARTER // 2) // QUARTER * QUARTER
        said = pl.when(step.is_not_null()).then(rules.filled(" (write {})", self.show(step)))
        return seconds.select(said.otherwise(pl.lit(""))).to_series()


PAIR = pl.Struct({"name": pl.String, "data": pl.String})


@dataclass(frozen=True)
class Pairs(Kind):
    """name=data pairs separated by semicolons; one more semicolon at the end is left out (seed 001, column C)."""

    says: str = "name=data;name=data"
    dtype: pl.DataType = field(default_factory=lambda: pl.List(PAIR))
    has_parts: bool = True

    def parse(self, text: pl.Series) -> pl.Series:
        """Split at semicolons, then each pair at its first equals sign; names and data are trimmed.

        What is no pair is left out, so that `all_pairs` is false there; null where no pair is left.
        """
        blank = pl.Series(text.name, [None], dtype=self.dtype).new_from_index(0, len(text))
        if (text == "").all():
            return blank
        cells = text.to_frame("t").with_row_index("n").filter(pl.col("t") != "")
        pieces = cells.select("n", pl.col("t").str.strip_suffix(";").str.split(";")).explode("t")
        halves = pieces.with_columns(pl.col("t").str.splitn("=", 2).struct.rename_fields(["name", "data"])).unnest("t")
        halves = halves.with_columns(pl.col("name", "data").str.strip_chars())
        good = halves.filter(pl.col("data").is_not_null() & (pl.col("name") != ""))
        read = good.group_by("n", maintain_order=True).agg(pl.struct("name", "data").alias("pairs"))
        every = pl.select(pl.int_range(len(text), dtype=pl.UInt32).alias("n"))
        return every.join(read, on="n", how="left", maintain_order="left")["pairs"]

    @staticmethod
    def all_pairs(name: str) -> pl.Expr:
        """Return where a text has nothing but pairs."""
        text = pl.col(f"text.{name}")
        pieces = text.str.strip_suffix(";").str.split(";").list.len()
        return (text == "") | (pieces == pl.col(name).list.len().fill_null(0))

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write the pairs."""
        pair = pl.concat_str(pl.element().struct.field("name"), pl.lit("="), pl.element().struct.field("data"))
        return value.list.eval(pair).list.join(";").fill_null("")
