"""The family of orders: upserted like other reference data, but one eAMS order is the current one, and one is the bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from bulkload.family import Decision
from bulkload.template import Options, Template
from bulkload.templates.student.records import BIN, EAMS
from bulkload.templates.upsert import Upsert, UpsertRun, taken

if TYPE_CHECKING:
    from bulkload.store import Store


@dataclass(frozen=True)
class LicenseOrders(Upsert):
    """Adds and changes orders."""

    def begin(self, template: Template, store: Store, options: Options) -> LicenseOrderRun:
        """Read the orders, and which of them is the current one and the bin."""
        return LicenseOrderRun(self, template, store, options)


class LicenseOrderRun(UpsertRun):
    """One load of orders: carries from row to row which order is the current one, and which is the bin."""

    def __init__(self, family: LicenseOrders, template: Template, store: Store, options: Options) -> None:
        super().__init__(family, template, store, options)
        current = self.stored.filter((pl.col("stored.kind") == EAMS) & pl.col("stored.current"))["id"]
        bins = self.stored.filter(pl.col("stored.kind") == BIN)["id"]
        self.only = {"current": next(iter(current), None), "bin": next(iter(bins), None)}

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Reject a second current order and a second bin, as the file's earlier rows left them (student §4)."""
        frame = frame.with_columns(pl.col("current").fill_null(value=False))
        frame = frame.with_columns(taken(self.options).alias("taken"))
        others: dict[str, list[str | None]] = {"current": [], "bin": []}
        for order, live, kind, current in frame.select("id", "taken", "kind", "current").iter_rows():
            claims = {"current": bool(live and current), "bin": bool(live and kind == BIN)}
            found = {name: self._other(name, order, claims=claimed) for name, claimed in claims.items()}
            for name, other in found.items():
                others[name].append(other)
            if live and not any(found.values()):
                for name, claimed in claims.items():
                    self._settle(name, order, claims=claimed)
        marked = frame.with_columns(pl.Series(f"decided.{name}", found, pl.String) for name, found in others.items())
        single = pl.col("decided.current").is_null() & pl.col("decided.bin").is_null()
        return super().decide(marked.with_columns(pl.col("ok") & single))

    def _other(self, name: str, order: str, *, claims: bool) -> str | None:
        """Return the order that already is what this one claims to be."""
        return self.only[name] if claims and self.only[name] not in {None, order} else None

    def _settle(self, name: str, order: str, *, claims: bool) -> None:
        """Note what an accepted row makes of its order."""
        if claims:
            self.only[name] = order
        elif self.only[name] == order:
            self.only[name] = None
