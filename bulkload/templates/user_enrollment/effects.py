"""What the records of a batch change, once each has had its turn: values before and after, words, counts, writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from bulkload.changes import changed_columns, changed_values, journal
from bulkload.family import Write
from bulkload.template import Template
from bulkload.templates.user_enrollment.records import (
    ACTIONS,
    CLEARED,
    DELETE,
    DROP,
    ENROLL,
    LEDGER,
    MEMBERSHIP,
    PERSON,
    VALUES,
)
from bulkload.templates.user_enrollment.turns import SAID, packed

SET = ("folded", *VALUES)
"""What a record may set of a person."""

COUNTS = ("persons created", "persons updated", "enrolled", "roles changed", "dropped")


def as_turns(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows as plain numbers: the columns of Turn, `alone` and `equal`."""
    passes = pl.col("ledger.skipped") | (pl.col("action") == DELETE)
    action = pl.when(~passes).then(pl.col("action").to_physical().cast(pl.Int64)).fill_null(len(ACTIONS))
    says = {
        "action": action,
        "named": pl.col("who").is_not_null(),
        "ok": pl.col("ok") & ~pl.col("ledger.skipped"),
        "in_xml": pl.col("file.xml"),
        **{name: pl.col(name).fill_null(value=False) for name in ("bare", "lacks", "keeps")},
    }
    numbers = {
        "said": packed({name: says[name] for name in SAID}),
        "who": pl.col("who").fill_null(-1),
        "action": action,
        "login": pl.col("login").fill_null(-1),
        "had": pl.col("had").fill_null(-1),
        "same": (pl.col("folded") == pl.col("record.folded")).fill_null(value=False),
        "owner": pl.col("owner").fill_null(0),
        "stored": pl.col("person.number").fill_null(0),
        "pair": pl.col("pair").fill_null(-1),
        "role": pl.col("role.number").fill_null(0),
        "stored_role": pl.col("record.role").fill_null(0),
    }
    alone = pl.all_horizontal(pl.col(f"{name}.alone").fill_null(value=True) for name in ("who", "login", "had", "pair"))
    return frame.select(*(one.alias(name) for name, one in numbers.items()), alone.alias("alone"), equal())


def or_null(value: pl.Expr) -> pl.Expr:
    """Return a value that is set, null where it is cleared."""
    return pl.when(value != CLEARED).then(value)


COMPARED = ("folded", *(name for name in VALUES if name != "login_id"))


def equal() -> pl.Expr:
    """Return whether a row that is the first of its person has nothing that the person has not; null where it has properties."""
    same = [pl.col(name).is_null() | or_null(pl.col(name)).eq_missing(pl.col(f"base.{name}")) for name in COMPARED]
    return pl.when(pl.col("properties").is_null()).then(pl.all_horizontal(same)).alias("equal")


class Equal:
    """Compares a row with what its person has become by the rows before it in the same batch.

    What a person was before the batch stands on the first of their rows.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self.values = frame.select(COMPARED)
        self.base = frame.select(f"base.{name}" for name in COMPARED)
        self.who = frame["who"]
        self.firsts: dict[int, int] = {}

    def __call__(self, n: int, setters: Sequence[int]) -> bool:
        """Say whether row `n` has nothing that its person has not after the rows `setters`."""
        if not self.firsts:
            self.firsts = {who: at for at, who in reversed(list(enumerate(self.who.to_list())))}
        current: list[Any] = list(self.base.row(self.firsts[self.who[n]]))
        for setter in setters:
            current = self.after(current, setter)
        return self.after(current, n) == current

    def after(self, current: Sequence[Any], n: int) -> list[Any]:
        """Return what values become by a row."""
        *plain, extra = self.values.row(n)
        *old, before = current
        set_now = [one if new is None else new or None for one, new in zip(old, plain, strict=True)]
        return [*set_now, merged(before, extra)]


def merged(before: str | None, now: str | None) -> str | None:
    """Return extra properties (JSON) with those that a record gives: an empty one is cleared, others stay."""
    if not now:
        return before
    both = json.loads(before or "{}") | json.loads(now)
    kept = {name: value for name, value in both.items() if value}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if kept else None


def effects(frame: pl.DataFrame, template: Template, roles: pl.DataFrame) -> pl.DataFrame:
    """Add to rows that have had their turn what they changed.

    `x` becomes the value after the row and `stored.x` the one before it; `outcome`, `changes`, `person.happened`,
    `membership.happened`. `roles` has `number` and `role_id`.
    """
    frame = before_and_after(frame)
    changes = changed_values(template, {name: name for name in VALUES})
    frame = frame.with_columns(changed_columns(VALUES)).with_columns(changes.fill_null("").alias("changes"))
    enrols = pl.col("live") & (pl.col("action") == ENROLL)
    enrolled, moved = pl.col("role.before") == 0, pl.col("role.before") != pl.col("role.after")
    outcome = (
        pl.when("ledger.skipped").then(pl.lit("skipped"))
        .when(~pl.col("ok") | pl.col("decided.wrong")).then(pl.lit("rejected"))
        .when("other").then(pl.lit("skipped"))
        .when(pl.col("new") | (enrols & enrolled)).then(pl.lit("created"))
        .when((pl.col("changes") != "") | moved).then(pl.lit("updated"))
        .otherwise(pl.lit("unchanged"))
    )  # fmt: skip
    person = (
        pl.when("new").then(pl.lit("created"))
        .when(pl.col("changes") != "").then(pl.concat_str(pl.lit("updated: "), "changes"))
        .when(pl.col("live") & (pl.col("action") != DROP)).then(pl.lit("unchanged"))
    )  # fmt: skip
    named = dict(roles.select("number", "role_id").iter_rows())
    old, new = (
        pl.col(f"role.{when}").replace_strict(named, default="", return_dtype=pl.String) for when in ("before", "after")
    )
    membership = (
        pl.when(~pl.col("live") | ~pl.col("action").is_in([ENROLL, DROP])).then(None)
        .when(pl.col("action") == DROP).then(pl.lit("dropped"))
        .when(enrolled).then(pl.lit("enrolled"))
        .when(moved).then(pl.concat_str(pl.lit("role: "), old, pl.lit(" → "), new))
        .otherwise(pl.lit("unchanged"))
    )  # fmt: skip
    return frame.with_columns(
        outcome.alias("outcome"), person.alias("person.happened"), membership.alias("membership.happened")
    )


def before_and_after(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn values into those after each row, and add as `stored.x` those before it.

    The rows of a person follow one another here: on the first stands what the person was before the batch, on
    each later one what the row before set, and what is left open is filled from above.
    """
    columns = [f"base.{name}" for name in SET]
    rows = frame.select(pl.int_range(pl.len()).alias("n"), "who", "sets", *SET, *columns).sort("who", "n")
    rows = rows.with_columns(spelled().alias("login_id"))
    first = pl.col("who").ne_missing(pl.col("who").shift()) | pl.col("who").is_null()
    whole = [name for name in SET if name != "properties"]
    before = [
        pl.when(first)
        .then(pl.col(f"base.{name}").fill_null(CLEARED))
        .when(pl.col("sets").shift())
        .then(pl.col(name).shift())
        .forward_fill()
        .alias(f"stored.{name}")
        for name in whole
    ]
    rows = rows.with_columns(before)
    after = [
        or_null(pl.when(pl.col("sets") & pl.col(name).is_not_null()).then(name).otherwise(f"stored.{name}")).alias(name)
        for name in whole
    ]
    rows = rows.with_columns(*after, *(or_null(pl.col(f"stored.{name}")).alias(f"stored.{name}") for name in whole))
    rows = rows.with_columns(properties(rows))
    return frame.with_columns(rows.sort("n").drop("n", "who", "sets", *columns).get_columns())


def spelled() -> pl.Expr:
    """Return logins as they are stored: one that differs in letter case only stays as it was spelled first."""
    had = pl.col("base.folded").first().over("who")
    first = pl.col("login_id").filter("sets").first().over("who", "folded")
    return pl.when(pl.col("folded") == had).then(pl.col("base.login_id").first().over("who")).otherwise(first)


def properties(rows: pl.DataFrame) -> list[pl.Series]:
    """Return the extra properties after each row, and before it (`stored.properties`); the rows are by person."""
    before, after = rows["base.properties"], rows["base.properties"]
    if rows["properties"].null_count() < rows.height or before.null_count() < rows.height:
        held: list[tuple[str | None, str | None]] = []
        last, current = None, None
        for who, sets, value, base in rows.select("who", "sets", "properties", "base.properties").iter_rows():
            old = current if who is not None and who == last else base
            last, current = who, merged(old, value) if sets else old
            held.append((old, current))
        before, after = (pl.Series([one[at] for one in held], dtype=pl.String) for at in (0, 1))
    return [before.alias("stored.properties"), after.alias("properties")]


def counts(frame: pl.DataFrame) -> Mapping[str, int]:
    """Count what was done."""
    enrols = pl.col("live") & (pl.col("action") == ENROLL)
    found = frame.select(
        pl.col("new").sum(),
        (pl.col("changes") != "").filter(~pl.col("new")).sum().alias("updated"),
        (enrols & (pl.col("role.before") == 0)).sum().alias("enrolled"),
        (enrols & (pl.col("role.before") > 0) & (pl.col("role.before") != pl.col("role.after"))).sum().alias("moved"),
        (pl.col("live") & (pl.col("action") == DROP)).sum().alias("dropped"),
    )
    return dict(zip(COUNTS, found.row(0), strict=True))


def handed_on(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what persons have become, for the rows of later batches that are their next."""
    last = frame.filter(pl.col("next.person") > frame["row"].max())
    return last.select(pl.col("next.person").alias("row"), *(pl.col(name).alias(f"base.{name}") for name in SET))


def person_writes(frame: pl.DataFrame) -> Iterator[Write]:
    """Yield what is to be written of persons, each on the row that is the last of them in the file."""
    last = frame.filter(pl.col("who").is_not_null() & pl.col("next.person").is_null() & (pl.col("number") > 0))
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"record.{name}")) for name in SET)
    new = last.filter(pl.col("record.number").is_null())
    changed = last.filter(pl.col("record.number").is_not_null() & differs)
    yield Write("person", "insert", new.select(list(PERSON)))
    yield Write("person", "update", changed.select(list(PERSON)))
    yield journal("person", ["number"], SET, as_stored(changed, SET))


def membership_writes(frame: pl.DataFrame) -> Iterator[Write]:
    """Yield what is to be written of enrolments, each on the row that is the last of it in the file."""
    last = frame.filter(pl.col("pair").is_not_null() & pl.col("next.pair").is_null() & (pl.col("number") > 0))
    last = last.with_columns(pl.col("number").alias("person"), pl.col("role.after").alias("role"))
    there, stays = pl.col("record.role").is_not_null(), pl.col("role") > 0
    changed = last.filter(there & stays & (pl.col("role") != pl.col("record.role")))
    gone = last.filter(there & ~stays)
    yield Write("membership", "insert", last.filter(~there & stays).select(list(MEMBERSHIP)))
    yield Write("membership", "update", changed.select(list(MEMBERSHIP)))
    yield Write("membership", "delete", gone.select("person", "kind", "target"))
    yield journal("membership", ["person", "kind", "target"], ["role"], as_stored(pl.concat([changed, gone]), ["role"]))


def as_stored(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return rows with what the store has of them as `stored.x`."""
    return frame.with_columns(pl.col(f"record.{name}").alias(f"stored.{name}") for name in names)


def ledger_writes(frame: pl.DataFrame) -> Iterator[Write]:
    """Yield the records that took effect, each at its place in the person's ledger."""
    live = frame.filter("live").select(
        pl.col("number").alias("person"),
        (pl.col("applied") + pl.col("nth")).alias("position"),
        pl.col("content").alias("digest"),
    )
    yield Write("ledger", "insert", live.select(list(LEDGER)))
