"""Whose turn it is: licences and user names go to rows in file order, row by row over plain integers (student §1, §2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from bulkload.templates.student.records import Orders

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDED = ("live", "effect.uses", "effect.to_bin", "owner", "stored.number", "gives_up")
"""The columns that turns are taken by."""


@dataclass
class Turns:
    """Carries what is free through a file: the licences of bin and orders, and the user names given up.

    `returned` are licences by the number of the order that they go back to; `given_up` has a byte for each
    stored student, set where the name is free now.
    """

    orders: Orders
    students: int
    left: int = field(init=False)
    returned: dict[int, int] = field(default_factory=dict)
    given_up: bytearray = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.orders.frame.filter(number=self.orders.bin)["free"][0]
        self.given_up = bytearray(self.students + 1)

    def take(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return, for each row of a batch, `decided.name_taken` and `decided.no_licence`.

        The frame has the columns NEEDED, in file order: `live` rows have no error; `owner` is the student
        whose name a row asks for, null where it is free or the row's own; `gives_up` says that the row
        leaves the name of its student.
        """
        flags = ("decided.name_taken", "decided.no_licence")
        change = pl.col("effect.to_bin").cast(pl.Int64) - pl.col("effect.uses").cast(pl.Int64)
        balance = pl.when("live").then(change).otherwise(0)
        lowest = frame.select(balance.cum_sum().min()).item() or 0
        if self.left + lowest >= 0 and frame["owner"].null_count() == frame.height:
            self.left += int(frame.select(balance.sum()).item() or 0)
            for number in frame.filter("live", "gives_up")["stored.number"]:
                self.given_up[number] = 1
            return frame.select(pl.repeat(value=False, n=pl.len()).alias(flag) for flag in flags)
        counts = pl.any_horizontal("effect.uses", "effect.to_bin", "gives_up")
        rows = frame.with_row_index("n").filter((pl.col("live") & counts) | pl.col("owner").is_not_null())
        taken, none_left = [], []
        for n, live, uses, to_bin, owner, student, gives_up in rows.select("n", *NEEDED).iter_rows():
            if owner is not None and not self.given_up[owner]:
                taken.append(n)
            elif live and uses and not self.left:
                none_left.append(n)
            elif live:
                self.left += to_bin - uses
                if gives_up:
                    self.given_up[student] = 1
        at = pl.int_range(pl.len(), dtype=pl.UInt32)
        found = [pl.Series(rows_of, dtype=pl.UInt32).implode() for rows_of in (taken, none_left)]
        return frame.select(at.is_in(rows_of).alias(flag) for flag, rows_of in zip(flags, found, strict=True))

    def give_back(self, counts: Mapping[int, int]) -> None:
        """Return licences to orders."""
        for order, count in counts.items():
            self.returned[order] = self.returned.get(order, 0) + count

    def balances(self) -> pl.DataFrame:
        """Return the orders whose free licences have changed: their columns, and `stored.free`."""
        order = self.orders.frame.with_columns(pl.col("free").alias("stored.free"))
        back = pl.col("number").replace_strict(self.returned, default=0, return_dtype=pl.Int64)
        free = pl.when(pl.col("number") == self.orders.bin).then(self.left).otherwise(pl.col("free") + back)
        return order.with_columns(free.alias("free")).filter(pl.col("free") != pl.col("stored.free"))
