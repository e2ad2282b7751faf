"""The kinds of value that are dates in ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from bulkload import rules
from bulkload.kinds import Kind, days
from bulkload.rules import Code, filled

DAY = 86_400


@dataclass(frozen=True)
class IsoDate(Kind):
    """A day, or a day and a time, in ISO 8601, as seconds since 1970; without a zone it is UTC (course-record §2)."""

    code: Code | None = rules.DATE_FORMAT
    says: str = "ISO 8601, as 2015-09-17 or 2015-09-17T08:00:00Z"
    dtype: pl.DataType = field(default_factory=pl.Int64)

    FORM = (
        r"^([0-9]{4})-([0-9]{2})-([0-9]{2})"
        r"(?:[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?(?:Z|([+-])([01][0-9]|2[0-3]):?([0-5][0-9]))?)?$"
    )
    LOOSE = r"^\s*([0-9]{4})[-/. ]([0-9]{1,2})[-/. ]([0-9]{1,2})\s*$"

    @property
    def words(self) -> Mapping[str, pl.Expr]:
        """Name the form."""
        return {"form": pl.lit(f"a date in {self.says}")}

    def parse(self, text: pl.Series) -> pl.Series:
        """Read the form, and no other."""
        blank = pl.Series(text.name, [None], dtype=pl.Int64).new_from_index(0, len(text))
        if (text == "").all():
            return blank
        parts = text.to_frame("t").select(p=pl.col("t").str.extract_groups(self.FORM)).unnest("p")
        day = days(parts.select(filled("{}/{}/{}", "2", "3", "1")).to_series())
        number = {n: pl.col(str(n)).cast(pl.Int64).fill_null(0) for n in (4, 5, 6, 8, 9)}
        east = pl.when(pl.col("7") == "-").then(-1).otherwise(1)
        seconds = number[4] * 3600 + number[5] * 60 + number[6] - east * (number[8] * 3600 + number[9] * 60)
        return parts.select(pl.lit(day).cast(pl.Int64) * DAY + seconds).to_series()

    def of_date_cell(self, moment: pl.Expr) -> pl.Expr:
        """Take a spreadsheet's date cell as it is, to the second."""
        return moment.dt.epoch("s")

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write the day alone where the time is midnight."""
        at = pl.from_epoch(value, time_unit="s")
        whole = value % DAY == 0
        shown = pl.when(whole).then(at.dt.strftime("%Y-%m-%d")).otherwise(at.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return shown.fill_null("")

    def remedies(self, text: pl.Series) -> pl.Series:
        """Spell the day that was meant, where year, month and day come in that order."""
        parts = text.to_frame("t").select(p=pl.col("t").str.extract_groups(self.LOOSE)).unnest("p")
        meant = parts.select(filled("{}-{}-{}", "1", *(pl.col(n).str.zfill(2) for n in ("2", "3")))).to_series()
        good = pl.lit(self.parse(meant.fill_null(""))).is_not_null()
        said = pl.when(good).then(filled(" (write {})", "m")).otherwise(pl.lit(""))
        return meant.to_frame("m").select(said).to_series()


@dataclass(frozen=True)
class IsoDay(Kind):
    """A day as YYYY-MM-DD (1900 to 2199), kept as it is written."""

    code: Code | None = rules.DATE_FORMAT
    says: str = "YYYY-MM-DD"

    FORM = r"^([0-9]{4})-([0-9]{2})-([0-9]{2})$"

    @property
    def words(self) -> Mapping[str, pl.Expr]:
        """Name the form."""
        return {"form": pl.lit(f"a day as {self.says}")}

    def parse(self, text: pl.Series) -> pl.Series:
        """Read the form, where there is such a day."""
        parts = text.to_frame("t").with_columns(p=pl.col("t").str.extract_groups(self.FORM)).unnest("p")
        day = days(parts.select(filled("{}/{}/{}", "2", "3", "1")).to_series())
        return parts.select(pl.when(pl.lit(day).is_not_null()).then("t")).to_series()
