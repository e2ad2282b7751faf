"""Whose turn it is: what each record does to a person, in file order, over plain integers (user-enrollment §3).

What the judgement of a record depends on is packed into one number, its situation. Of a record that no other one of
the file has anything to do with, the situation is told by columns; the others are gone through row by row.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import polars as pl

from bulkload.joins import beside
from bulkload.templates.user_enrollment.records import ACTIONS, ADD, DROP, ENROLL

IS_ADD, IS_ENROLL, IS_DROP = (ACTIONS.index(one) for one in (ADD, ENROLL, DROP))

UNTOUCHED, FREE = -2, -1
"""Of a login: nothing in this file has changed whose it is, or it was given up."""

NONE, OWN, OPEN, TAKEN = range(4)
"""The login that a record asks for: none, the one its person has, one that nobody has, or another person's."""

MEANT, ENROLLED = 1, 2
"""A record means an enrolment that its person does not have, or one that it has; 0: it means none."""


class Situation(NamedTuple):
    """What a record is judged by: first what it says itself, then what it finds.

    `action` numbers ACTIONS, and is one more than the last where there is none; `named`: it says who the person is.
    `here`: the person is there; `equal`: with all the values that the record gives.
    """

    action: int
    named: bool
    ok: bool
    in_xml: bool
    bare: bool
    lacks: bool
    keeps: bool
    here: bool
    login: int
    role: int
    equal: bool


SIZES = dict(zip(Situation._fields, (len(ACTIONS) + 1, *(2,) * 7, 4, 3, 2), strict=True))
"""How many values each part of a situation has."""

SAID = Situation._fields[: Situation._fields.index("here")]
FOUND = {name: size for name, size in SIZES.items() if name not in SAID}


def packed(parts: Mapping[str, pl.Expr], before: pl.Expr | None = None) -> pl.Expr:
    """Return parts of a situation as one number, with those `before` them."""
    number = pl.lit(0, pl.Int64) if before is None else before
    for name, part in parts.items():
        number = number * SIZES[name] + part.cast(pl.Int64)
    return number


def unpacked(number: int) -> Situation:
    """Return the situation of a number."""
    parts: list[int] = []
    for size in reversed(SIZES.values()):
        number, part = divmod(number, size)
        parts.append(part)
    return Situation._make(reversed(parts))


class Verdict(NamedTuple):
    """What is decided of a record.

    `code` (None: none); `lacks` and `keeps`: a new person is without what is needed, or keeps a password that is not
    there; `wrong`: any of these; `live`: the record takes effect; `other`: --only skips it; `new`: it creates the
    person; `sets`: it may set values.
    """

    code: str | None
    lacks: bool
    keeps: bool
    wrong: bool
    live: bool
    other: bool
    new: bool
    sets: bool


VERDICT: dict[str, pl.DataType] = {
    "decided.code": pl.String(),
    **dict.fromkeys(("decided.lacks", "decided.keeps", "decided.wrong", "live", "other", "new", "sets"), pl.Boolean()),
}
"""A verdict as columns."""

TAKES = ("situation", "here", "nth", "role.before")
"""What is told of a row's turn: its situation, the person's number before it, how many of its records then have taken effect, the role."""


def judged(one: Situation, only: Literal["create", "update"] | None) -> Verdict:
    """Judge a record by its situation."""
    code = _fault(one)
    comes = one.named and not one.here and one.action in {IS_ADD, IS_ENROLL} and not one.bare
    lacks, keeps = bool(comes and one.lacks), bool(comes and one.keeps)
    wrong = code is not None or lacks or keeps
    creates = not one.here or (one.action == IS_ENROLL and one.role != ENROLLED)
    other = bool(one.ok and not wrong and only is not None and creates != (only == "create"))
    live = bool(one.ok and not wrong and not other)
    sets = live and one.action != IS_DROP and not (one.action == IS_ADD and one.here)
    return Verdict(code, lacks, keeps, wrong, live, other, live and not one.here, sets)


def _fault(one: Situation) -> str | None:
    """Return what is wrong with a record at its turn."""
    if not one.named or one.action == len(ACTIONS):
        return None
    if one.here and one.action == IS_ADD:
        return None if one.equal else "PERSON_EXISTS"
    if one.here and one.action == IS_DROP:
        return "ENROLLMENT_NOT_FOUND" if one.role == MEANT else None
    if one.here and one.login in {OPEN, TAKEN} and not one.in_xml:
        return "LOGIN_CHANGE_NEEDS_XML"
    if not one.here and (one.action not in {IS_ADD, IS_ENROLL} or one.bare):
        return "PERSON_NOT_FOUND"
    return "LOGIN_TAKEN" if one.login == TAKEN else None


class Turn(NamedTuple):
    """One record as plain numbers; 0 or -1 where there is none.

    `said` is what its situation depends on that it says itself. `who`, `login` and `pair` number the persons, logins
    and enrolments that the file names; `stored` is the number of the stored person, `owner` that of the stored person
    who has the login, `had` the login that the stored person has; `same` says whether the record has the login of the
    stored person.
    """

    said: int
    who: int
    action: int
    login: int
    had: int
    same: bool
    owner: int
    stored: int
    pair: int
    role: int
    stored_role: int


@dataclass
class Turns:
    """Carries through a file who is there, who has which login, and who is enrolled in what."""

    next_number: int
    only: Literal["create", "update"] | None
    numbers: array[int] = field(default_factory=lambda: array("q"))
    logins: array[int] = field(default_factory=lambda: array("i"))
    owners: array[int] = field(default_factory=lambda: array("i"))
    roles: array[int] = field(default_factory=lambda: array("i"))
    counts: array[int] = field(default_factory=lambda: array("i"))
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    def make_room(self, persons: int, logins: int, pairs: int) -> None:
        """Prepare for as many persons, logins and enrolments as the file names; 0 and -2 are untouched."""
        self.numbers = array("q", bytes(8 * persons))
        self.logins = array("i", [UNTOUCHED]) * persons
        self.owners = array("i", [UNTOUCHED]) * logins
        self.roles = array("i", [UNTOUCHED]) * pairs
        self.counts = array("i", [0]) * persons

    def take(self, frame: pl.DataFrame, equal: Callable[[int, Sequence[int]], bool]) -> pl.DataFrame:
        """Return what the turn of each row gave, for rows of a batch in file order.

        The columns are those of Turn, `alone`: no other row of the file has to do with the row's person, login or
        enrolment, and `equal`: the stored person has all that the row gives, null where that is not told by columns.
        `equal` says it of row `n` after the rows named of the same batch.

        The columns returned are `decided.…` of the verdict, `live`, `other`, `new` and `sets`, the `number` of the
        person (0: none), `nth`, and `role.before` and `role.after` of the enrolment (0: none).
        """
        first, self.next_number = self.next_number, self.next_number + len(frame)
        turns = frame.select(*Turn._fields, *alone())
        compared = pl.col("equal").is_null() & (pl.col("action") == IS_ADD) & (pl.col("stored") > 0)
        others = frame.select(~pl.col("alone") | compared).to_series().arg_true()
        if len(others):
            taken = self._one_by_one(
                turns[others].select(Turn._fields), zip(others, first + others, strict=True), equal
            )
            turns = turns.with_columns(turns[name].scatter(others, values) for name, values in taken.items())
        verdicts = pl.DataFrame(
            [(one, *self._judge(one)) for one in turns["situation"].unique()],
            {"situation": pl.Int64(), **VERDICT},
            orient="row",
        )
        return beside(turns, verdicts, ["situation"]).select(*VERDICT, *given(first))

    def _judge(self, situation: int) -> Verdict:
        """Judge a situation, once."""
        if situation not in self.verdicts:
            self.verdicts[situation] = judged(unpacked(situation), self.only)
        return self.verdicts[situation]

    def _one_by_one(
        self, rows: pl.DataFrame, places: Iterator[tuple[int, int]], equal: Callable[[int, Sequence[int]], bool]
    ) -> dict[str, list[int]]:
        """Let rows take their turns one after another; `places` are those in the batch, and the numbers of persons whom they create."""
        taken: list[tuple[int, int, int, int]] = []
        changed: dict[int, list[int]] = {}
        for row, (n, number) in zip(map(Turn._make, rows.iter_rows()), places, strict=True):
            here = self.numbers[row.who] or row.stored if row.who >= 0 else 0
            role = self._role(row)
            same = bool(here) and row.action == IS_ADD and equal(n, changed.get(row.who, ()))
            meant = ENROLLED if role else MEANT if row.pair >= 0 else 0
            situation = row.said
            for part, size in zip((bool(here), self._login(row, here), meant, same), FOUND.values(), strict=True):
                situation = situation * size + part
            verdict, nth = self._judge(situation), 0
            if verdict.live:
                if verdict.new:
                    self.numbers[row.who] = number
                nth = self.counts[row.who] = self.counts[row.who] + 1
                if verdict.sets:
                    changed.setdefault(row.who, []).append(n)
                    self._claim(row)
                if row.action in {IS_ENROLL, IS_DROP}:
                    self.roles[row.pair] = row.role if row.action == IS_ENROLL else 0
            taken.append((situation, here, nth, role))
        return dict(zip(TAKES, map(list, zip(*taken, strict=True)), strict=True))

    def _role(self, row: Turn) -> int:
        """Return the role that a record's person has in what it names; 0 where there is none."""
        if row.pair < 0:
            return 0
        return self.roles[row.pair] if self.roles[row.pair] != UNTOUCHED else row.stored_role

    def _login(self, row: Turn, here: int) -> int:
        """Return what the login is that a record asks for."""
        if row.login < 0:
            return NONE
        touched = self.logins[row.who] if row.who >= 0 else UNTOUCHED
        if here and (row.login == touched or (touched == UNTOUCHED and row.same)):
            return OWN
        owner = self.owners[row.login]
        taken = row.owner not in {0, row.stored} if owner == UNTOUCHED else owner not in {FREE, row.who}
        return TAKEN if taken else OPEN

    def _claim(self, row: Turn) -> None:
        """Let a record's person have its login, and give up the one before."""
        if row.login < 0:
            return
        before = self.logins[row.who] if self.logins[row.who] != UNTOUCHED else row.had
        if before >= 0 and before != row.login:
            self.owners[before] = FREE
        self.owners[row.login] = row.who
        self.logins[row.who] = row.login


def alone() -> Iterator[pl.Expr]:
    """Yield what the turn of a row finds that nothing else in the file has to do with, as columns TAKES."""
    here, enrolled = pl.col("stored") > 0, pl.col("stored_role") > 0
    login = (
        pl.when(pl.col("login") < 0).then(NONE)
        .when(here & pl.col("same")).then(OWN)
        .when((pl.col("owner") == 0) | (pl.col("owner") == pl.col("stored"))).then(OPEN)
        .otherwise(TAKEN)
    )  # fmt: skip
    meant = pl.when(pl.col("pair") < 0).then(0).when(enrolled).then(ENROLLED).otherwise(MEANT)
    same = pl.col("equal").fill_null(value=False) & here & (pl.col("action") == IS_ADD)
    found = dict(zip(FOUND, (here, login, meant, same), strict=True))
    yield packed(found, pl.col("said")).alias("situation")
    yield pl.col("stored").alias("here")
    yield pl.lit(1, pl.Int64).alias("nth")
    yield pl.when(pl.col("pair") >= 0).then("stored_role").otherwise(0).alias("role.before")


def given(first: int) -> Iterator[pl.Expr]:
    """Yield what comes of turns on which is decided; `first` is the number of a person whom the first row creates."""
    lives = pl.col("live")
    yield pl.when("new").then(first + pl.int_range(pl.len())).otherwise("here").alias("number")
    yield pl.when(lives).then("nth").otherwise(0).alias("nth")
    yield pl.col("role.before")
    role = pl.when(pl.col("action") == IS_ENROLL).then("role").otherwise(0)
    enrols = pl.col("action").is_in([IS_ENROLL, IS_DROP])
    yield pl.when(lives & enrols).then(role).otherwise("role.before").alias("role.after")
