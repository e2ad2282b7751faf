"""What the store holds of students and of orders: columns and their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bulkload.errors import FileRefused
from bulkload.rules import REFUSALS
from bulkload.templates.student.status import CURRENT, PAST, REGULAR, STANDINGS

if TYPE_CHECKING:
    from bulkload.store import Store

EAMS, REGULAR_KIND, BIN = KINDS = ("eAMS", "Regular", "Holding Bin")

ORDER: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "id": pl.String(),
    "kind": pl.Enum(KINDS),
    "school": pl.Int64(),
    "current": pl.Boolean(),
    "free": pl.Int64(),
}

STATE: dict[str, pl.DataType] = {"number": pl.Int64(), "active": pl.Boolean(), "license_order": pl.Int64()}
"""What is recalled of every student: enough to see that nothing changes."""

OF_KEY: dict[str, pl.DataType] = {"district": pl.String(), "student_id": pl.String()}

KEY = tuple(OF_KEY)

SET: dict[str, pl.DataType] = {
    "school": pl.Int64(),
    "folded": pl.String(),
    "username": pl.String(),
    "password": pl.String(),
    "first_name": pl.String(),
    "last_name": pl.String(),
    "middle_name": pl.String(),
    "email": pl.String(),
    "birth": pl.Int32(),
    "ssn": pl.String(),
    "ssn_last4": pl.String(),
    "gender": pl.Enum(["M", "F"]),
    "grade": pl.Int64(),
    "groups": pl.String(),
}
"""What a file sets of a student, beside status and order; an optional value that is blank is null."""

FOLLOWS = ("active", "license_order")
"""What follows from a row: `content` is a keyed digest of it as it was typed, null where a note is to be said of it."""

WHOLE: dict[str, pl.DataType] = OF_KEY | STATE | SET | {"content": pl.Int64()}


@dataclass(frozen=True)
class Orders:
    """The orders of a store: `frame` has the columns ORDER, `current` and `bin` are the numbers of those two."""

    frame: pl.DataFrame
    current: int
    bin: int

    @property
    def standings(self) -> pl.DataFrame:
        """Return, for each order (`license_order`), what a student's standing on it is."""
        kind = (
            pl.when(pl.col("number") == self.current)
            .then(pl.lit(CURRENT))
            .when(pl.col("kind") == EAMS)
            .then(pl.lit(PAST))
            .otherwise(pl.lit(REGULAR))
        )
        return self.frame.select(
            pl.col("number").alias("license_order"), kind.cast(pl.Enum(STANDINGS)).alias("student.standing")
        )

    @property
    def names(self) -> pl.DataFrame:
        """Return the id of each order."""
        return self.frame.select(pl.col("number").alias("license_order"), "id")


def orders(store: Store) -> Orders:
    """Read the orders; raise FileRefused where there is no current one, or no Holding Bin (student §2)."""
    frame = store.records("license_order", ORDER)
    current = frame.filter((pl.col("kind") == EAMS) & pl.col("current"))
    bins = frame.filter(pl.col("kind") == BIN)
    for code, found in (("ORDER_MISSING", current), ("BIN_MISSING", bins)):
        if found.is_empty():
            says, mend, _ = REFUSALS[code]
            raise FileRefused(code, f"{says}. {mend}")
    return Orders(frame, current["number"][0], bins["number"][0])
