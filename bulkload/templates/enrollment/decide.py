"""Decides what the rows of an enrollment file do: what they refer to, what is stored, what comes of both (seed 001)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from bulkload import zones
from bulkload.changes import change, journal, moment_text, updated
from bulkload.family import Decision, Recalled, Run, Write
from bulkload.joins import Finder, beside
from bulkload.template import Options, Template
from bulkload.templates.enrollment import roster
from bulkload.templates.enrollment.export import export
from bulkload.templates.enrollment.fields import DEFAULT_PRIORITY, FIELDS, NO_PRIORITY
from bulkload.templates.enrollment.known import Known, by_number
from bulkload.templates.enrollment.records import EVENT, POST, RECORD, events
from bulkload.templates.enrollment.seats import NEEDED, Seats
from bulkload.templates.enrollment.statuses import (
    BY_COMPLETION,
    FOLLOWS,
    among,
    one_of,
)
from bulkload.templates.lookup import LookUp
from bulkload.templates.upsert import skip, taken

if TYPE_CHECKING:
    from bulkload.store import Store

DATES = ("enrolled", "changed")
INSTANTS = ("enrolled_at", "changed_at")
KEY = ["event", "user"]
USER = LookUp("user", "username", "user", "folded", "username", {"active": pl.Boolean()}, folds=True)
HEADINGS = {
    "pre_status": "pre_status",
    "post_status": "post_status",
    "priority": "priority",
    "zone": "zone",
    "enrolled_at": "enrolled",
    "changed_at": "changed",
}
"""The field that each stored column comes from."""


class EnrollmentFamily:
    """Adds users to enrollments, or updates them there."""

    def begin(self, template: Template, store: Store, options: Options) -> EnrollmentRun:
        """Read events, users and roster fields."""
        return EnrollmentRun(template, store, options)

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield the enrollments by the order of their key."""
        return export(template, store)


class EnrollmentRun(Run):
    """One load of an enrollment file.

    Each enrollment is stored with a digest of the row that last set it, as it was typed, unless something was
    found of it. Such a row is known, and would change nothing: what it asks for is stored, and its seat is kept. The
    digest depends on what the row is judged by: the version of this program and of the time zones, and the last
    change of events, roster fields and completions; of the user it counts only whether it is active.
    """

    keeps = frozenset(
        {"event.number", "user.number", "roster", "zone.used", "enrolled.at", "changed.at"}
        | {"pre_status", "pre_status.given", "post_status", "priority", "content", "known"}
    )
    rests = True

    def __init__(self, template: Template, store: Store, options: Options) -> None:
        self.template, self.store, self.options = template, store, options
        key = {"event": pl.Int64(), "user": pl.Int64()}
        self.recalls = {
            "enrollment": Recalled("enrollment", tuple(KEY), {**key, **RECORD}),
            "completion": Recalled("completion", tuple(KEY), key),
            "roster_value": Recalled("roster_value", tuple(KEY), roster.VALUES),
        }
        every = events(store)
        settings = ["event.number", "event.id", "event.name", "event.count", *SETTINGS[1:]]
        named = every.unique("event.name", keep="first", maintain_order=True)
        self.by_id = Finder(every.select(pl.col("event.id").alias("key"), *settings), "key")
        self.by_name = Finder(named.select(pl.col("event.name").alias("key"), *settings), "key")
        self.again = every.select(SETTINGS)
        self.users = USER.fetch(store)
        self.roster_fields = roster.fields(store)
        self.seats = Seats(store)
        users = self.users.table
        self.known = Known(
            store,
            template,
            by_number(every["event.number"], every["event.id"]),
            by_number(users["user.number"], users["user.active"]),
        )

    # recognize

    def remember(self, size: int) -> None:
        """Fetch what enrollments are stored with."""
        self.known.fetch(size)

    def digest(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Digest rows, together with what they are judged by."""
        return frame.with_columns(self.known.content.alias("content"))

    def recognize(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Know the rows that an enrollment is stored with."""
        return self.known.recognized(frame)

    # look up

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find enrollment, user, roster fields and instants."""
        frame = self._with_event(frame)
        frame = USER.join(frame, self.users)
        frame = roster.named(frame, self.roster_fields)
        frame = frame.with_columns(
            pl.when("event.use_event_zone").then("event.zone").otherwise("zone").alias("zone.used"),
            pl.lit(self.options.ambiguous == "error").alias("ambiguous.refused"),
            pl.lit(self.options.ambiguous).alias("ambiguous.choice"),
        )
        frame = frame.with_columns((pl.col("text.pre_status") != "").alias("pre_status.given"))
        return self._with_instants(frame)

    def _with_event(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the event: by its id where the row gives one, else by its name.

        `same.enrollment` is what tells two rows of one enrollment: the id, or a name that is not found.
        """
        named = pl.col("enrollment")
        by_id = pl.col("text.enrollment_id") != ""
        event = self.by_name.find(frame["enrollment"])
        if frame.select(by_id.any()).item():
            of_id = self.by_id.find(frame["enrollment_id"]).with_columns(pl.lit(1, pl.UInt32).alias("event.count"))
            given = frame.select(by_id).to_series()
            event = event.select(
                pl.when(given).then(of_id[one]).otherwise(event[one]).alias(one) for one in event.columns
            )
            frame = frame.with_columns(of_id["event.number"].alias("event.by_id.number"))
        else:
            frame = frame.with_columns(pl.lit(None, pl.Int64).alias("event.by_id.number"))
        frame = frame.with_columns(event)
        found = pl.col("event.number").is_not_null()
        alone = found & (pl.col("event.count") == 1)
        other_name = by_id & found & named.is_not_null() & (named != pl.col("event.name"))
        frame = frame.with_columns(
            (~by_id & named.is_not_null() & ~found).alias("event.unknown_name"),
            other_name.alias("event.other_name"),
            pl.when(by_id)
            .then("text.enrollment_id")
            .when(alone)
            .then("event.id")
            .otherwise("text.enrollment")
            .alias("same.enrollment"),
            (by_id | alone).alias("same.by_id"),
            pl.col("text.username").alias("same.username"),
        )
        known = (
            found
            & ~pl.col("event.other_name")
            & (pl.col("event.count") == 1)
            & (named.is_not_null() | (by_id & (pl.col("text.enrollment") == "")))
        )
        return frame.with_columns(pl.when(known).then(pl.col(one)).alias(one) for one in SETTINGS).drop("event.id")

    def _with_instants(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add, for each date x, `x.at` (the instant), `x.gap`, `x.doubled` and the ends of the gap in words."""
        zone = frame["zone.used"].to_physical().cast(pl.Int32)
        walls = pl.concat([frame[name].rename("local") for name in DATES])
        both = zones.to_utc(pl.concat([zone] * len(DATES)), walls)
        chosen = "earlier" if self.options.ambiguous == "earlier" else "later"
        for place, name in enumerate(DATES):
            part = both.slice(place * frame.height, frame.height)
            frame = frame.with_columns(
                part[chosen].alias(f"{name}.at"),
                part["gap_from"].is_not_null().alias(f"{name}.gap"),
                (part["earlier"] != part["later"]).alias(f"{name}.doubled"),
                *gap_words(part, name),
            )
        return frame

    # recall

    def asks(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Ask for the record of each row, its completion where that counts, and its roster values where it sets some."""
        keys = frame.filter(~pl.col("known")).select(
            "row", pl.col("event.number").alias("event"), pl.col("user.number").alias("user"), "event.type", "roster"
        )
        return {
            "enrollment": keys.select("row", *KEY),
            "completion": keys.filter(one_of(pl.col("event.type"), BY_COMPLETION)).select("row", *KEY),
            "roster_value": keys.filter(pl.col("roster").is_not_null()).select("row", *KEY),
        }

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add the stored record, whether there is a completion, and what post-statuses are held against."""
        self.values = stored["roster_value"]
        records = stored["enrollment"].drop(KEY).rename({name: f"stored.{name}" for name in RECORD})
        records = records.with_columns(pl.lit(value=True).alias("stored.known"))
        frame = beside(frame, self.again, ["event.number"])
        frame = beside(frame, records, ["row"])
        known = pl.col("event.number").is_not_null() & pl.col("user.number").is_not_null()
        completed = pl.col("row").is_in(stored["completion"]["row"].implode())
        stands = pl.coalesce("stored.pre_status", "event.default_pre")
        good = pl.col("event.number").is_not_null()
        return frame.with_columns(
            pl.col("stored.known").fill_null(value=False),
            pl.when(known).then(completed).alias("stored.completed"),
            pl.when("pre_status.given").then("pre_status").when(good).then(stands).alias("pre.effective"),
        )

    # decide

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Give seats, set what follows, compare with what is stored."""
        frame = frame.with_columns(taken(self.options).alias("taken"), pl.col("pre.effective").alias("asked"))
        rows = frame.select("row", *NEEDED, "taken").filter("taken")
        given = rows.select("row", self.seats.given(rows).alias("given"))
        frame = beside(frame, given, ["row"])
        frame = self._with_values(frame)
        pairs = roster.stored_pairs(frame.lazy().filter("taken"), self.roster_fields, self.values)
        frame = beside(frame, roster.changes(pairs), ["row"])
        frame = self._with_outcome(frame)
        return Decision(frame, self._writes(frame, pairs))

    def _with_values(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Set the new value of every stored column, and what the system changed."""
        moved = pl.col("given") != pl.col("asked")
        asked_post = pl.col("post_status").cast(pl.String).cast(POST, strict=False)
        completes = (
            one_of(pl.col("event.type"), BY_COMPLETION)
            & pl.col("stored.completed")
            & one_of(pl.col("asked"), ("Approved", "Forced Enrollment"))
            & (pl.col("stored.post_status").is_null() | (pl.col("stored.post_status") == "Not Attempted"))
        ).fill_null(value=False)
        none = pl.lit("Not Attempted", POST)
        kept = among(pl.col("given"), pl.col("stored.post_status"), FOLLOWS)
        post = (
            pl.when(moved).then(none)
            .when(asked_post.is_not_null()).then(asked_post)
            .when(completes).then(pl.lit("Completed", POST))
            .when(kept).then("stored.post_status")
            .otherwise(none)
        )  # fmt: skip
        lost = asked_post.is_null() & pl.col("stored.post_status").ne(none) & (post == none)
        given_priority = pl.col("priority")
        priority = (
            pl.when(given_priority == NO_PRIORITY).then(None).otherwise(given_priority.fill_null(DEFAULT_PRIORITY))
        )
        now = int(self.options.now.timestamp())
        return frame.with_columns(
            (moved & (pl.col("given") == "Wait Listed")).alias("decided.waitlisted"),
            (moved & (pl.col("given") == "Deleted")).alias("decided.deleted"),
            (pl.col("taken") & lost).alias("decided.reset"),
            pl.col("given").alias("new.pre_status"),
            post.alias("new.post_status"),
            priority.cast(pl.Int16).alias("new.priority"),
            pl.col("zone.used").alias("new.zone"),
            pl.coalesce("enrolled.at", "stored.enrolled_at", pl.lit(now)).alias("new.enrolled_at"),
            pl.col("changed.at").alias("new.changed_at"),
        )

    def _with_outcome(self, frame: pl.DataFrame) -> pl.DataFrame:
        values = list(RECORD)
        differs = pl.any_horizontal(pl.col(f"new.{one}").ne_missing(pl.col(f"stored.{one}")) for one in values)
        differs |= pl.col("changed.roster").fill_null(value=False)
        outcome = (
            pl.when(~pl.col("ok")).then(pl.lit("rejected"))
            .when(~pl.col("stored.known")).then(pl.lit("created"))
            .when(differs).then(pl.lit("updated"))
            .otherwise(pl.lit("unchanged"))
        )  # fmt: skip
        frame = skip(frame.with_columns(outcome.alias("outcome")), self.options)
        if not (frame["outcome"] == "updated").any():
            return frame.with_columns(pl.lit("").alias("changes"))
        frame = frame.with_columns(
            moment_text(frame[f"{side}.{one}"], self.options).alias(f"shown.{side}.{one}")
            for one in INSTANTS
            for side in ("stored", "new")
        )
        fields = {one.name: one for one in FIELDS}
        parts = [
            change(
                pl.col(f"new.{one}").ne_missing(pl.col(f"stored.{one}")),
                fields[HEADINGS[one]].heading,
                shown(one, f"stored.{one}"),
                shown(one, f"new.{one}"),
            )
            for one in values
        ]
        text = pl.concat_str(*parts, "roster.changes", separator="; ", ignore_nulls=True)
        return frame.with_columns(updated(text).alias("changes"))

    def _writes(self, frame: pl.DataFrame, pairs: pl.DataFrame) -> Iterator[Write]:
        key = [pl.col(f"{one}.number").alias(one) for one in KEY]
        quiet = ~pl.any_horizontal(pl.col("noted", *DECIDED).fill_null(value=False))
        content = pl.when(quiet).then("content").alias("content")
        records = [*key, *(pl.col(f"new.{one}").alias(one) for one in RECORD), content]
        differing = pl.any_horizontal(pl.col(f"new.{one}").ne_missing(pl.col(f"stored.{one}")) for one in RECORD)
        was_updated = pl.col("outcome") == "updated"
        changed = frame.filter(was_updated & differing).with_columns(key)
        same = frame.filter((was_updated & ~differing) | ((pl.col("outcome") == "unchanged") & quiet))
        new = frame.lazy().filter(pl.col("outcome") == "created").select(records)
        yield Write("enrollment", "insert", new.collect())
        yield Write("enrollment", "update", changed.select(records))
        yield Write("enrollment", "recognize", same.select(*key, content))
        yield journal("enrollment", KEY, list(RECORD), changed)
        applied = frame.select("row", "outcome").filter(pl.col("outcome").is_in(["created", "updated"])).select("row")
        yield from roster.writes(pairs.join(applied, on="row", how="semi"))


DECIDED = ("decided.waitlisted", "decided.deleted", "decided.reset")
"""What the decision finds of a row; one that has none of it, and no other finding, is known the next time."""

SETTINGS = [f"event.{name}" for name in EVENT if name not in {"id", "name"}]
"""Columns of an event that count only where the row's enrollment is known."""


def gap_words(both: pl.DataFrame, name: str) -> list[pl.Series]:
    """Return the two ends of a gap as a sentence names them: with the day only where that differs."""
    at = both["gap_from"].is_not_null().arg_true()
    start, end = (pl.from_epoch(both[one].gather(at), time_unit="s") for one in ("gap_from", "gap_to"))
    one_day = start.dt.date() == end.dt.date()
    one_half = one_day & ((start.dt.hour() < 12) == (end.dt.hour() < 12))
    first = (
        pl.when(one_half).then(start.dt.strftime("%I:%M"))
        .when(one_day).then(start.dt.strftime("%I:%M %p"))
        .otherwise(start.dt.strftime("%m/%d/%Y %I:%M %p"))
    )  # fmt: skip
    last = pl.when(one_day).then(end.dt.strftime("%I:%M %p")).otherwise(end.dt.strftime("%m/%d/%Y %I:%M %p"))
    none = pl.Series([None], dtype=pl.String).new_from_index(0, both.height)
    words = pl.select(first.alias(f"{name}.gap_from"), last.alias(f"{name}.gap_to"))
    return [none.scatter(at, one).alias(one.name) for one in words]


def shown(column: str, name: str) -> pl.Expr:
    """Return a stored value as changes show it; an instant has been written out beside it."""
    if column in INSTANTS:
        return pl.col(f"shown.{name}")
    return pl.col(name).cast(pl.String).fill_null("None" if column == "priority" else "")
