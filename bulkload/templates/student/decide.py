"""Decides what the rows of a student file do: who they are, what the status table says of them, what is free at their turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from bulkload.changes import changed_columns, changes_text, journal
from bulkload.digests import SEPARATOR, UNCHANGED, digests, fingerprints
from bulkload.family import Decision, Recalled, Run, Write
from bulkload.joins import Finder, beside
from bulkload.known import recognized, typed, with_known
from bulkload.template import Options, Template
from bulkload.templates.student.export import export
from bulkload.templates.student.records import FOLLOWS, KEY, OF_KEY, ORDER, SET, STATE, WHOLE, orders
from bulkload.templates.student.status import FLAGS, SITUATIONS, effects
from bulkload.templates.student.turns import NEEDED, Turns
from bulkload.templates.upsert import skip, taken

if TYPE_CHECKING:
    from bulkload.store import Store

SECRETS = ("password", "ssn")

SHOWN = {
    "school": "school_code",
    "username": "username",
    "password": "password",
    "first_name": "first_name",
    "last_name": "last_name",
    "middle_name": "middle_name",
    "email": "email",
    "birth": "birth",
    "ssn": "ssn",
    "gender": "gender",
    "grade": "grade",
    "groups": "groups",
}
"""The stored columns that a change is said of, each with the field that shows it."""

COUNTS = ("licences used", "licences returned", "moved between orders", "moved between schools")

DECIDED: Mapping[str, str | bool] = {
    "outcome": "unchanged",
    "changes": "",
    "happened": "unchanged",
    "decided.name_taken": False,
    "decided.no_licence": False,
}
"""What the decision adds to a row, each with what it is on a known row that has no effect."""


def without_zeros(name: str, codes: pl.Series) -> pl.Expr:
    """Return the end of a sentence that names the code which a value is when its leading zeros are put back."""
    said = {
        code.lstrip("0"): f" (did you mean '{code}'? Spreadsheets drop leading zeros)"
        for code in codes
        if code.startswith("0")
    }
    return pl.col(name).replace_strict(said, default="", return_dtype=pl.String)


class StudentFamily:
    """Creates, updates, activates and deactivates students."""

    def begin(self, template: Template, store: Store, options: Options) -> StudentRun:
        """Read schools and orders."""
        return StudentRun(template, store, options)

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield the students by the order of their numbers."""
        return export(store)


class StudentRun(Run):
    """One load of a student file.

    Each student is stored with a digest of the row that last set them, as it was typed but for the status,
    unless something was found of it. The next night most rows are known by it, and only their status is read:
    what rules ask of them holds for good, since a school with students keeps its district, and nobody but
    student files sets what a row sets. Of other students that are stored the whole record is fetched.
    """

    keeps = frozenset(
        {"status", "content", "known", "district.good", "password.kept", "ssn.kept", *SET, "school_code", *KEY}
        | {f"stored.{name}" for name in STATE}
    )
    rereads = frozenset({"status"})
    recalls: Mapping[str, Recalled] = {"student": Recalled("student", KEY, OF_KEY | STATE)}

    def __init__(self, template: Template, store: Store, options: Options) -> None:
        self.template, self.store, self.options = template, store, options
        self.orders = orders(store)
        self.key = store.secret_key()
        schools = store.records("school", {"code": pl.String(), "number": pl.Int64(), "district": pl.String()})
        found = schools.select(
            pl.col("code").alias("key"), pl.col("number").alias("school"), pl.col("district").alias("school.district")
        )
        self.schools = Finder(found, "key")
        self.codes = schools.select(pl.col("number").alias("stored.school"), pl.col("code").alias("stored.school_code"))
        self.districts = schools["district"].unique().implode()
        self.effects = effects()
        self.counts = self.counted = dict.fromkeys(COUNTS, 0)
        self.next_number = store.next_number("student")
        self.first_load = self.next_number == 1
        self.turns = Turns(self.orders, self.next_number)

    # recognize

    def remember(self, size: int) -> None:
        """Fetch the digests that students are stored with, ascending, and what is recalled of each."""
        stored = self.store.records("student", {"content": pl.Int64(), **STATE}).drop_nulls("content").sort("content")
        self.stored = stored.rename({name: f"stored.{name}" for name in STATE})

    def digest(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Digest rows, under the store's key, without their status."""
        fields = [one.name for one in self.template.fields if one.name not in self.rereads]
        return frame.with_columns(fingerprints(typed(frame, fields), self.key).alias("content"))

    def recognize(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Know the rows that a student is stored with."""
        frame = recognized(frame, self.stored)
        return frame.with_columns(pl.col("known") & pl.col("cell.status").is_in(FLAGS))

    # look up

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find district and school, and turn secrets into digests."""
        frame = frame.with_columns(
            pl.col("district").is_in(self.districts).alias("district.known"),
            pl.col("username").str.to_lowercase().alias("folded"),
            pl.col("ssn").str.slice(-4).alias("ssn_last4"),
            *((pl.col(name) == UNCHANGED).fill_null(value=False).alias(f"{name}.kept") for name in SECRETS),
        )
        frame = frame.with_columns(self.schools.find(frame["school_code"]))
        frame = frame.with_columns(
            without_zeros("district", self.districts.explode()).alias("district.near"),
            without_zeros("school_code", self.codes["stored.school_code"]).alias("school.near"),
        )
        known = pl.col("district").is_not_null() & pl.col("district.known") & pl.col("student_id").is_not_null()
        return self._with_digests(frame.with_columns(known.alias("district.good")))

    def _with_digests(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Set digests in place of the secrets; null on rows that are not good, and for what is kept."""
        whose = pl.concat_str(*KEY, separator=SEPARATOR)
        numbered = frame.with_row_index("n")
        good = numbered.filter("ok", "district.good").select(
            "n",
            *(
                pl.when(~pl.col(f"{name}.kept")).then(pl.concat_str(whose, name, separator=SEPARATOR)).alias(name)
                for name in SECRETS
            ),
        )
        made = good.select("n", *(digests(good[name], self.key, name).alias(name) for name in SECRETS))
        return beside(numbered.drop(SECRETS), made, ["n"]).drop("n")

    # recall

    def asks(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Ask for the student of each row that is not known."""
        other = pl.col("district.good") & ~pl.col("known")
        return {"student": frame.select("row", *(pl.when(other).then(one).alias(one) for one in KEY))}

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add what is stored of each row's student, and what the status table says of both."""
        found = beside(frame.select("row"), stored["student"].select("row", *STATE), ["row"])
        frame = frame.with_columns(pl.coalesce(f"stored.{name}", found[name]).alias(f"stored.{name}") for name in STATE)
        frame = frame.with_columns(
            pl.col("district.good").fill_null(pl.col("known")),
            *(pl.col(f"{name}.kept").fill_null(value=False) for name in SECRETS),
        )
        frame = beside(
            frame, self.orders.standings.rename({"license_order": "stored.license_order"}), ["stored.license_order"]
        )
        active = pl.col("stored.active")
        situation = (
            pl.when(active).then(pl.lit("active")).when(~active).then(pl.lit("deactivated")).otherwise(pl.lit("none"))
        )
        frame = frame.with_columns(
            pl.when("district.good").then(situation).cast(pl.Enum(SITUATIONS)).alias("student.situation"),
            pl.col("student.standing").fill_null("none"),
            pl.col("stored.number").is_not_null().alias("stored.known"),
        )
        return beside(frame, self.effects, ["student.situation", "status", "student.standing"])

    # decide

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Let rows take their turns, then compare with what is stored; known rows without effect are done at once."""
        effect = pl.col("effect.moves") | (pl.col("effect.active") != pl.col("stored.active"))
        frame = frame.with_columns(taken(self.options).alias("taken"), effect.fill_null(value=False).alias("effect"))
        quiet = pl.col("known") & pl.col("taken") & ~pl.col("effect")
        loud = self._with_outcome(self._with_turns(self._with_record(self._with_owner(frame.filter(~quiet)))))
        self._count(loud)
        return Decision(with_known(frame, loud, DECIDED), self._writes(loud))

    def _with_turns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Set which rows get the names and licences that they ask for."""
        gives_up = (pl.col("stored.folded") != pl.col("folded")).fill_null(value=False)
        frame = frame.with_columns(pl.col("taken").alias("live"), gives_up.alias("gives_up"))
        frame = frame.with_columns(self.turns.take(frame.select(NEEDED)))
        refused = pl.col("decided.name_taken") | pl.col("decided.no_licence")
        return frame.with_columns(pl.col("ok") & ~refused, (pl.col("taken") & ~refused).alias("live"))

    def _with_owner(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `owner`: the student who has the name that a row asks for; null where it is free, or the row's own."""
        asks = pl.col("district.good") & ~pl.col("known") & ~pl.col("doubled.username")
        names = frame.select("row", pl.when(asks).then("folded").alias("folded"), "stored.number").drop_nulls("folded")
        if self.first_load or names.is_empty():
            return frame.with_columns(pl.lit(None, pl.Int64).alias("owner"))
        owners = self.store.records(
            "student", {"folded": pl.String(), "number": pl.Int64()}, names.select("folded").unique().sort("folded")
        )
        found = beside(names, owners.rename({"number": "owner"}), ["folded"])
        others = found.filter(pl.col("owner").ne_missing(pl.col("stored.number"))).select("row", "owner")
        return beside(frame, others, ["row"])

    def _with_record(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the whole record of those students whom a row may change."""
        may_change = pl.col("taken") & pl.col("stored.known")
        numbers = frame.filter(may_change).select(pl.col("stored.number").alias("number").sort())
        records = self.store.records("student", {"number": pl.Int64(), **SET}, numbers)
        records = records.rename(lambda name: f"stored.{name}")
        frame = beside(frame, records, ["stored.number"])
        frame = beside(frame, self.codes, ["stored.school"])
        kept = {"password": "password.kept", "ssn": "ssn.kept", "ssn_last4": "ssn.kept"}
        same = {one: pl.col("known") | pl.col(kept[one]) if one in kept else pl.col("known") for one in SET}
        same["school_code"] = pl.col("known")
        return frame.with_columns(
            pl.when(stays).then(f"stored.{one}").otherwise(one).alias(one) for one, stays in same.items()
        )

    def _with_outcome(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Set outcome, changes, and in words what happened."""
        recorded = pl.col("stored.username").is_not_null()
        differs = pl.any_horizontal(pl.col(one).ne_missing(pl.col(f"stored.{one}")) for one in SET)
        current = pl.lit(self.orders.current)
        frame = frame.with_columns(
            *changed_columns(SHOWN),
            (recorded & differs).alias("set"),
            pl.col("effect.active").alias("active"),
            pl.when("effect.moves").then(current).otherwise("stored.license_order").alias("license_order"),
        )
        changes = pl.col("set") | (pl.col("active") != pl.col("stored.active")) | pl.col("effect.moves")
        outcome = (
            pl.when(~pl.col("ok")).then(pl.lit("rejected"))
            .when(~pl.col("stored.known")).then(pl.lit("created"))
            .when(changes.fill_null(value=False)).then(pl.lit("updated"))
            .otherwise(pl.lit("unchanged"))
        )  # fmt: skip
        frame = skip(frame.with_columns(outcome.alias("outcome")), self.options)
        frame = beside(frame, self.orders.names.rename({"license_order": "stored.license_order"}), ["stored.license_order"])  # fmt: skip
        if not (frame["outcome"] == "updated").any():
            frame = frame.with_columns(pl.lit("").alias("changes"))
        else:
            frame = frame.with_columns(changes_text(self.template, SHOWN))
        return frame.with_columns(self._happened().alias("happened"))

    def _happened(self) -> pl.Expr:
        """Return what became of a row, in words (student §3)."""
        live = pl.col("live")
        known = pl.col("stored.known")
        now, before = pl.col("active"), pl.col("stored.active").fill_null(value=False)
        current = self.orders.frame.filter(number=self.orders.current)["id"][0]
        returned = pl.concat_str(pl.lit("licence returned to order "), "id")
        parts = [
            pl.col("outcome"),
            pl.when(live & now & ~before).then(pl.lit("activated")),
            pl.when(live & ~now & (before | ~known)).then(pl.lit("deactivated")),
            pl.when(live & known & pl.col("effect.moves")).then(pl.lit(f"moved to order {current}")),
            pl.when(live & (pl.col("school") != pl.col("stored.school"))).then(
                pl.concat_str(pl.lit("moved to school "), "school_code")
            ),
            pl.when(live & pl.col("effect.to_order")).then(returned),
            pl.when(live & pl.col("effect.to_bin")).then(pl.lit("licence returned to the Holding Bin")),
        ]
        return pl.concat_str(parts, separator=", ", ignore_nulls=True)

    def _count(self, frame: pl.DataFrame) -> None:
        """Count licences and moves, and note what goes back to orders."""
        live = frame.filter("live")
        back = live.filter("effect.to_order")["stored.license_order"].value_counts()
        self.turns.give_back(dict(back.iter_rows()))
        found = live.select(
            pl.col("effect.uses").sum(),
            (pl.col("effect.to_order") | pl.col("effect.to_bin")).sum().alias("returned"),
            (pl.col("stored.known") & pl.col("effect.moves")).sum().alias("orders"),
            (pl.col("school") != pl.col("stored.school")).sum().alias("schools"),
        )
        for name, count in zip(COUNTS, found.row(0), strict=True):
            self.counted[name] += count

    def _writes(self, frame: pl.DataFrame) -> Iterator[Write]:
        new = frame.filter(pl.col("outcome") == "created")
        changed = frame.filter(pl.col("outcome") == "updated").with_columns(pl.col("stored.number").alias("number"))
        first = self.next_number
        self.next_number += new.height
        new = new.with_columns(number=pl.int_range(first, first + new.height, dtype=pl.Int64))
        columns = [*WHOLE]
        same = frame.filter((pl.col("outcome") == "unchanged") & ~pl.col("noted") & ~pl.col("known"))
        new, changed = (
            one.with_columns(pl.when(~pl.col("noted")).then("content").alias("content")) for one in (new, changed)
        )
        yield Write("student", "insert", new.select(columns))
        yield Write("student", "update", changed.select(columns))
        yield journal("student", ["number"], [*SET, *FOLLOWS], changed)
        yield Write("student", "recognize", same.select(pl.col("stored.number").alias("number"), "content"))

    def finish(self) -> Iterator[Write]:
        """Write the orders whose free licences have changed."""
        changed = self.turns.balances()
        yield Write("license_order", "update", changed.select(list(ORDER)))
        yield journal("license_order", ["number"], ["free"], changed)
