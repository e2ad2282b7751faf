"""Decides what the records of a user-enrollment file do: who they are about, whose turn it is, what they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from bulkload.digests import SEEDS, SEPARATOR, UNCHANGED, digests, fingerprints, mixed
from bulkload.errors import FileRefused
from bulkload.family import Decision, Recalled, Run, Write
from bulkload.joins import Finder, beside
from bulkload.template import Options, Template
from bulkload.templates.user_enrollment import effects
from bulkload.templates.user_enrollment.export import export
from bulkload.templates.user_enrollment.ledger import skipped
from bulkload.templates.user_enrollment.records import (
    CLEARED,
    DROP,
    KEY,
    MEMBERSHIP,
    NODE,
    PERSON,
    REQUIRED,
    SECTION,
    VALUES,
)
from bulkload.templates.user_enrollment.turns import Turns

if TYPE_CHECKING:
    from bulkload.store import Store

ASKED, STORED = 0, 1
"""Of a login: a record asks for it, or the record's person is stored with it."""

LEDGER_PURPOSE = "ledger"

EMPTY = "\x01"
"""What an element that clears a value counts as in the digest of its record; no value can hold it."""

NAMES = ("who", "who.alone", "next.person", "skipped", "applied")
"""What is gathered of a record's person: its number in the file, whether no other row names it, the next row that does,
whether the record is known, the length of the person's ledger."""


class UserEnrollmentFamily:
    """Adds, updates, enrols and drops persons."""

    def begin(self, template: Template, store: Store, options: Options) -> UserEnrollmentRun:
        """Read sections, nodes, roles and who is there."""
        return UserEnrollmentRun(template, store, options)

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield persons and their enrolments."""
        return export(store)


class UserEnrollmentRun(Run):
    """One load of a user-enrollment file.

    Records of one person depend on one another, wherever in the file they are. What a person has become is handed
    on from row to row: within a batch by the order of the rows, from batch to batch as columns `carried.person`
    on the row that is the person's next; who is there, who has a login and who is enrolled are plain numbers.
    """

    keeps = frozenset(
        {
            *("action", *KEY, *VALUES, "folded", "content", "person.number", "file.xml", "bare", "lacks", "keeps"),
            *("section.number", "node.number", "role.number", "kind", "target"),
        }
    )
    recalls: Mapping[str, Recalled] = {
        "person": Recalled("person", ("number",), PERSON),
        "login": Recalled("person", ("folded",), {"folded": pl.String(), "number": pl.Int64()}),
        "membership": Recalled("membership", ("person", "kind", "target"), MEMBERSHIP),
    }

    def __init__(self, template: Template, store: Store, options: Options) -> None:
        self.template, self.store, self.options = template, store, options
        self.key = store.secret_key()
        persons = store.records("person", {name: PERSON[name] for name in ("number", *KEY)})
        who = pl.concat_str(*KEY, separator=SEPARATOR).alias("who")
        self.persons = Finder(persons.select(who, pl.col("number").alias("person.number")), "who")
        self.sections = found(store, "section", "call_number", {"expires": pl.Int64()})
        self.nodes = found(store, "node", "node_string")
        self.roles = found(store, "role", "role_id")
        self.role_ids = store.records("role", {"number": pl.Int64(), "role_id": pl.String()})
        self.counts = self.counted = dict.fromkeys(effects.COUNTS, 0)
        self.turns = Turns(store.next_number("person"), options.only)
        self.rooms = dict.fromkeys(("person", "login", "pair"), 0)
        self.begun = False

    # look up

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Find persons and targets, and turn values into what is compared and stored."""
        drops = (pl.col("action") == DROP).fill_null(value=False)
        frame = frame.with_columns(
            pl.concat_str(*KEY, separator=SEPARATOR).alias("who"),
            pl.col("gender").cast(pl.String),
            pl.any_horizontal(f"absent.{name}" for name in REQUIRED).alias("lacks"),
            pl.all_horizontal(f"absent.{name}" for name in VALUES if name != "password").alias("bare"),
            (pl.col("password") == UNCHANGED).fill_null(value=False).alias("keeps"),
            pl.when(pl.col("node_string").is_not_null()).then(NODE).otherwise(SECTION).cast(pl.Int64).alias("kind"),
        )
        frame = frame.with_columns(
            *self.persons.find(frame["who"]).get_columns(),
            *self.sections.find(frame["call_number"]).get_columns(),
            *self.nodes.find(frame["node_string"]).get_columns(),
            *self.roles.find(frame["role_id"]).get_columns(),
            self._content(frame),
        )
        frame = frame.with_columns(
            pl.when((pl.col("text.call_number") == "") | (pl.col("text.node_string") == ""))
            .then(pl.when(pl.col("kind") == NODE).then("node.number").otherwise("section.number"))
            .alias("target"),
            pl.when(~drops).then(pl.col("login_id").str.to_lowercase()).alias("folded"),
            self._password(frame),
        )
        values = [
            pl.when(~drops).then(pl.when(f"empty.{name}").then(pl.lit(CLEARED)).otherwise(name)).alias(name)
            for name in VALUES
        ]
        return frame.with_columns(values)

    def _content(self, frame: pl.DataFrame) -> pl.Series:
        """Return a keyed digest of all values of a record; null where one of them is not right in form.

        What a DROP says of the person does nothing, and does not count.
        """
        drops = pl.col("action") == DROP
        values = {
            one.name: pl.when(~drops if one.name in VALUES else pl.lit(value=True)).then(
                pl.col(one.name).cast(pl.String)
            )
            for one in self.template.fields
        }
        cleared = {
            name: pl.when(pl.col(f"empty.{name}") & ~drops).then(pl.lit(EMPTY)).otherwise(values[name])
            for name in VALUES
        }
        parts = [one.fill_null("") for one in (values | cleared).values()]
        texts = frame.select(pl.concat_str(parts, separator=SEPARATOR)).to_series()
        made = fingerprints(texts, self.key, LEDGER_PURPOSE)
        return pl.select(pl.when(frame["ok"]).then(made)).to_series().alias("content")

    def _password(self, frame: pl.DataFrame) -> pl.Series:
        """Return passwords as digests; null where the one that is stored stays."""
        whole = pl.when(~pl.col("keeps") & pl.col("ok")).then(pl.concat_str("who", "password", separator=SEPARATOR))
        return digests(frame.select(whole).to_series(), self.key, "password").alias("password")

    # gather

    def together(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Return which persons, logins and enrolments the rows name."""
        who = pl.concat_str(*KEY, separator=SEPARATOR)
        named = frame.filter(pl.col("source").is_not_null() & pl.col("person_id").is_not_null())
        person = named.select(
            "row", *keyed(who), pl.col("person.number").alias("number"), "content", pl.col("file.xml").alias("xml")
        )
        asked = frame.filter(pl.col("folded").is_not_null())
        logins = [asked.select("row", *keyed(pl.col("folded")), pl.lit(ASKED).alias("how"))]
        if frame["file.xml"].any():
            had = named.select("row", pl.col("person.number").alias("number"))
            logins.append(
                had.join(self._stored_logins, on="number").select("row", "a", "b", pl.lit(STORED).alias("how"))
            )
        now = int(self.options.now.timestamp())
        pairs = named.filter(
            pl.col("target").is_not_null() & (pl.col("section.expires") <= now).ne_missing(pl.lit(value=True))
        )
        pair = pairs.select("row", *keyed(who, pl.col("kind"), pl.col("target")))
        return {"person": person, "login": pl.concat(logins), "pair": pair}

    @cached_property
    def _stored_logins(self) -> pl.DataFrame:
        """Return the digests of all stored logins: `number`, `a`, `b`."""
        logins = self.store.records("person", {"number": pl.Int64(), "folded": pl.String()})
        return logins.select("number", *keyed(pl.col("folded")))

    def gather(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Give numbers to what the file names, and say which row is the next of each, and what was applied before."""
        index, row = {"person": "who", "login": "login", "pair": "pair"}[name], pl.col("row")
        begins = ((pl.col("a") != pl.col("a").shift()) | (pl.col("b") != pl.col("b").shift())).fill_null(value=True)
        numbered = frame.with_columns(begins.alias("begins"))
        numbered = numbered.with_columns(
            (pl.col("begins").cum_sum().cast(pl.Int64) - 1 + self.rooms[name]).alias(index)
        )
        self.rooms[name] += int(numbered["begins"].sum() or 0)
        ends = pl.col("begins").shift(-1, fill_value=True)
        if name == "login":
            alone = (row.first() == row.last()).over(index)
            return numbered.select("row", "how", index, alone.alias("login.alone"))
        numbered = numbered.with_columns(
            (pl.col("begins") & ends).alias(f"{index}.alone"), pl.when(~ends).then(row.shift(-1)).alias(f"next.{name}")
        )
        if name == "pair":
            return numbered.select("row", index, f"{index}.alone", f"next.{name}")
        known = skipped(numbered, self.store, reapply=self.options.reapply)
        self._refuse_partly_known(known)
        return known.select("row", *NAMES)

    def _refuse_partly_known(self, known: pl.DataFrame) -> None:
        """Refuse an XML file that repeats some records of a person and adds to them (user-enrollment §3)."""
        several = known.filter("xml").group_by("who", maintain_order=True).agg("row", "skipped")
        some = pl.col("skipped").list.any() & ~pl.col("skipped").list.all()
        partly = several.filter(some)
        if partly.height:
            rows, before = partly.select("row", "skipped").row(0)
            raise FileRefused(
                "CUMULATIVE_XML",
                f"record {rows[0]} was applied before, and record {rows[list(before).index(False)]} of the same person "
                f"was not ({partly.height:,} such persons). A cumulative file has to be delimited: leave out what was "
                f"applied, or run with --reapply.",
            )

    # recall

    def asks(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Ask for the stored person and enrolment of each row, and for who has its login."""
        person = pl.col("person.number")
        return {
            "person": frame.select("row", person.alias("number")),
            "login": frame.select("row", "folded"),
            "membership": frame.select("row", person.alias("person"), "kind", "target"),
        }

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add what is stored, what earlier rows of the file made of it, and the numbers of what the row names."""
        if not self.begun:
            self.turns.make_room(self.rooms["person"], self.rooms["login"], self.rooms["pair"])
            self.begun = True
        record = stored["person"].select("row", *(pl.col(name).alias(f"record.{name}") for name in PERSON))
        frame = beside(frame, record, ["row"])
        carried = stored.get("carried.person", pl.DataFrame({"row": []}, schema={"row": pl.Int64}))
        frame = beside(frame, carried.with_columns(pl.lit(value=True).alias("is_carried")), ["row"])
        base = {
            name: pl.when("is_carried").then(f"base.{name}").otherwise(f"record.{name}")
            if f"base.{name}" in frame.columns
            else pl.col(f"record.{name}")
            for name in ("folded", *VALUES)
        }
        frame = frame.with_columns(one.alias(f"base.{name}") for name, one in base.items())
        frame = beside(frame, stored["login"].select("row", pl.col("number").alias("owner")), ["row"])
        frame = beside(frame, stored["membership"].select("row", pl.col("role").alias("record.role")), ["row"])
        frame = beside(frame, gathered(stored, "person", NAMES), ["row"])
        frame = beside(frame, gathered(stored, "pair", ("pair", "pair.alone", "next.pair")), ["row"])
        logins = gathered(stored, "login", ("how", "login", "login.alone"))
        for how, name in ((ASKED, "login"), (STORED, "had")):
            one = logins.filter(pl.col("how") == how).drop("how")
            frame = beside(frame, one.rename({"login": name, "login.alone": f"{name}.alone"}), ["row"])
        return frame.with_columns(pl.col("skipped").fill_null(value=False).alias("ledger.skipped"))

    # decide

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Let rows take their turns, then say what each has changed."""
        turned = frame.hstack(self.turns.take(effects.as_turns(frame), effects.Equal(frame)))
        decided = effects.effects(turned, self.template, self.role_ids)
        for name, count in effects.counts(decided).items():
            self.counted[name] += count
        carried = effects.handed_on(decided)
        return Decision(decided, self._writes(decided), {"person": carried})

    def _writes(self, frame: pl.DataFrame) -> Iterator[Write]:
        yield from effects.person_writes(frame)
        yield from effects.membership_writes(frame)
        yield from effects.ledger_writes(frame)


def found(store: Store, table: str, key: str, more: Mapping[str, pl.DataType] | None = None) -> Finder:
    """Return the records of a table by their key, with `table.number` and more columns."""
    more = more or {}
    frame = store.records(table, {key: pl.String(), "number": pl.Int64(), **more})
    return Finder(frame.rename({one: f"{table}.{one}" for one in ("number", *more)}), key)


def keyed(*parts: pl.Expr) -> list[pl.Expr]:
    """Return the digests `a` and `b` of a key."""
    return [mixed(parts, seed).alias(name) for name, seed in SEEDS.items()]


def gathered(stored: Mapping[str, pl.DataFrame], name: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return what was gathered under a name; without rows where nothing was."""
    kinds = {
        name: pl.Boolean() if name == "skipped" or name.endswith(".alone") else pl.Int64() for name in ("row", *columns)
    }
    found = stored.get(f"gathered.{name}")
    return found.select("row", *columns) if found is not None else pl.DataFrame(schema=kinds)
