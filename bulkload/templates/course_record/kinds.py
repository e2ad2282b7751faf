"""The kind of value that only course records have: credits with two decimals."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from bulkload.kinds import Kind
from bulkload.rules import filled


@dataclass(frozen=True)
class Credits(Kind):
    """DECIMAL(6,2), exactly: 0 to 9999.99, as hundredths (course-record §2)."""

    says: str = "0 to 9999.99, at most two decimals"
    dtype: pl.DataType = field(default_factory=pl.Int64)

    FORM = r"^([0-9]{1,4})(?:\.([0-9]{1,2}))?$"

    def parse(self, text: pl.Series) -> pl.Series:
        """Read digits, and never through a floating-point number."""
        parts = text.to_frame("t").select(p=pl.col("t").str.extract_groups(self.FORM)).unnest("p")
        hundredths = pl.col("2").str.pad_end(2, "0").cast(pl.Int64).fill_null(0)
        return parts.select(pl.col("1").cast(pl.Int64) * 100 + hundredths).to_series()

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write two decimals."""
        return filled("{}.{}", value // 100, (value % 100).cast(pl.String).str.zfill(2)).fill_null("")

    def remedies(self, text: pl.Series) -> pl.Series:
        """Write a decimal comma as a point, where that is all that is wrong."""
        meant = text.str.replace(",", ".", literal=True)
        good = pl.lit(self.parse(meant)).is_not_null()
        said = pl.when(good).then(filled(" (write {})", "m")).otherwise(pl.lit(""))
        return meant.to_frame("m").select(said).to_series()
