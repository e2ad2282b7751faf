"""Random choices over whole columns, the same at every run."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


class Dice:
    """Draws columns one after another; the same seed gives the same columns."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def pick(self, values: Sequence[object] | pl.Series, rows: int) -> pl.Series:
        """Draw a value for each row; one that stands twice in `values` comes twice as often."""
        self._seed += 1
        return pl.Series(values).sample(rows, with_replacement=True, seed=self._seed)

    def chance(self, part: float, rows: int) -> pl.Series:
        """Draw whether something happens in each row: in that part of them, to the thousandth."""
        return self.pick(range(1000), rows) < round(part * 1000)
