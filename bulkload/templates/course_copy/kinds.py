"""The kinds of value that only course copies have: call numbers of destinations, and a term's Source:Id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from bulkload.kinds import Kind
from bulkload.rules import Code
from bulkload.templates.course_copy import codes

LONGEST = 100
"""Characters of a call number, as in the template section."""


@dataclass(frozen=True)
class CallNumbers(Kind):
    """Call numbers separated by semicolons; blanks around each are left out."""

    code: Code | None = codes.DESTINATION_FORMAT
    says: str = "call numbers, separated by semicolons"
    dtype: pl.DataType = field(default_factory=lambda: pl.List(pl.String))

    @property
    def words(self) -> Mapping[str, pl.Expr]:
        """Name the limit."""
        return {"longest": pl.lit(LONGEST)}

    def parse(self, text: pl.Series) -> pl.Series:
        """Read the call numbers of texts that have none among them which is blank or too long."""
        pieces = pl.col("t").str.split(";").list.eval(pl.element().str.strip_chars())
        right = pieces.list.eval(pl.element().str.len_chars().is_between(1, LONGEST)).list.all()
        return text.to_frame("t").select(pl.when(right).then(pieces)).to_series()

    def show(self, value: pl.Expr) -> pl.Expr:
        """Write a semicolon between two."""
        return value.list.join(";").fill_null("")


@dataclass(frozen=True)
class SourcedId(Kind):
    """A source and an id there, with a colon between them; either may have more colons."""

    code: Code | None = codes.TERM_FORMAT
    says: str = "Source:Id"

    def parse(self, text: pl.Series) -> pl.Series:
        """Read texts that have something on both sides of a colon."""
        return text.to_frame("t").select(pl.when(pl.col("t").str.contains("(?s)^.+:.+$")).then("t")).to_series()
