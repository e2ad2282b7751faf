"""Whose turn it is: what each record does to a person, in file order, row by row over plain integers (user-enrollment §3)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import polars as pl

from bulkload.templates.user_enrollment.records import ACTIONS, ADD, DROP, ENROLL

IS_ADD, IS_ENROLL, IS_DROP = (ACTIONS.index(one) for one in (ADD, ENROLL, DROP))

UNTOUCHED, FREE = -2, -1
"""Of a login: nothing in this file has changed whose it is, or it was given up."""


class Turn(NamedTuple):
    """One record as plain numbers; 0 or -1 where there is none.

    `who`, `login` and `pair` number the persons, logins and enrolments that the file names; `stored` is the number
    of the stored person, `owner` that of the stored person who has the login, `had` the login that the stored person
    has; `same` says whether the record has the login of the stored person.
    """

    who: int
    action: int
    ok: bool
    in_xml: bool
    bare: bool
    lacks: bool
    keeps: bool
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

    def make_room(self, persons: int, logins: int, pairs: int) -> None:
        """Prepare for as many persons, logins and enrolments as the file names; 0 and -2 are untouched."""
        self.numbers = array("q", bytes(8 * persons))
        self.logins = array("i", [UNTOUCHED]) * persons
        self.owners = array("i", [UNTOUCHED]) * logins
        self.roles = array("i", [UNTOUCHED]) * pairs
        self.counts = array("i", [0]) * persons

    def take(self, frame: pl.DataFrame, equal: Callable[[int, Sequence[int]], bool]) -> pl.DataFrame:
        """Return what the turn of each row gave, for rows of a batch in file order (columns as Turn).

        `decided.code` (null: none), `decided.lacks` and `decided.keeps`: a new person is without what is needed, or
        keeps a password that is not there; `decided.wrong`: any of these; `live`: the record takes effect; `other`: --only skips
        it; `new`: it creates the person; `sets`: it may set values; `number` of the person (0: none), `nth`: how many
        records of the person have taken effect, and `role.before`
        and `role.after` of the enrolment (0: none). `equal` says whether a row has nothing that its person has not,
        after the rows named of the same batch.
        """
        codes: list[str | None] = []
        lacks, keeps, wrong, live, other, new, sets = [], [], [], [], [], [], []
        number, before, after, nth = [], [], [], []
        changed: dict[int, list[int]] = {}
        for n, row in enumerate(map(Turn._make, frame.select(Turn._fields).iter_rows())):
            here = self.numbers[row.who] or row.stored if row.who >= 0 else 0
            code = self._fault(row, here)
            comes = not here and row.action in {IS_ADD, IS_ENROLL} and not row.bare
            lacking, keeping = comes and row.lacks, comes and row.keeps
            if code == "PERSON_EXISTS" and equal(n, changed.get(row.who, ())):
                code = None
            role = 0
            if row.pair >= 0:
                role = self.roles[row.pair] if self.roles[row.pair] != UNTOUCHED else row.stored_role
            if code is None and row.action == IS_DROP and row.pair >= 0 and not role and here:
                code = "ENROLLMENT_NOT_FOUND"
            wrong_now = code is not None or lacking or keeping
            good = row.ok and not wrong_now
            creates = not here or (row.action == IS_ENROLL and not role)
            wrong_kind = good and self.only is not None and creates != (self.only == "create")
            takes_effect = good and not wrong_kind
            setting = takes_effect and row.action != IS_DROP and not (row.action == IS_ADD and here)
            becomes = role
            codes.append(code)
            lacks.append(lacking)
            keeps.append(keeping)
            wrong.append(wrong_now)
            live.append(takes_effect)
            other.append(wrong_kind)
            new.append(takes_effect and not here)
            sets.append(setting)
            if takes_effect:
                if not here:
                    here = self.numbers[row.who] = self.next_number
                    self.next_number += 1
                self.counts[row.who] += 1
                if setting:
                    changed.setdefault(row.who, []).append(n)
                    self._claim(row)
                if row.action >= IS_ENROLL:
                    becomes = self.roles[row.pair] = row.role if row.action == IS_ENROLL else 0
            nth.append(self.counts[row.who] if takes_effect else 0)
            number.append(here)
            before.append(role)
            after.append(becomes)
        return pl.DataFrame(
            {
                "decided.code": pl.Series(codes, dtype=pl.String),
                "decided.lacks": pl.Series(lacks, dtype=pl.Boolean),
                "decided.keeps": pl.Series(keeps, dtype=pl.Boolean),
                "decided.wrong": pl.Series(wrong, dtype=pl.Boolean),
                "live": pl.Series(live, dtype=pl.Boolean),
                "other": pl.Series(other, dtype=pl.Boolean),
                "new": pl.Series(new, dtype=pl.Boolean),
                "sets": pl.Series(sets, dtype=pl.Boolean),
                "number": pl.Series(number, dtype=pl.Int64),
                "nth": pl.Series(nth, dtype=pl.Int64),
                "role.before": pl.Series(before, dtype=pl.Int64),
                "role.after": pl.Series(after, dtype=pl.Int64),
            }
        )

    def _fault(self, row: Turn, here: int) -> str | None:
        """Return what is wrong with a record at its turn."""
        if row.who < 0 or row.action < 0:
            return None
        if here:
            if row.action == IS_ADD:
                return "PERSON_EXISTS"
            if row.action == IS_DROP or row.login < 0:
                return None
            touched = self.logins[row.who]
            if row.login == touched or (touched == UNTOUCHED and row.same):
                return None
            if not row.in_xml:
                return "LOGIN_CHANGE_NEEDS_XML"
        elif row.action not in {IS_ADD, IS_ENROLL} or row.bare:
            return "PERSON_NOT_FOUND"
        return "LOGIN_TAKEN" if row.login >= 0 and self._is_taken(row) else None

    def _is_taken(self, row: Turn) -> bool:
        """Say whether another person has the login that a record asks for."""
        owner = self.owners[row.login]
        return row.owner not in {0, row.stored} if owner == UNTOUCHED else owner not in {FREE, row.who}

    def _claim(self, row: Turn) -> None:
        """Let a record's person have its login, and give up the one before."""
        if row.login < 0:
            return
        before = self.logins[row.who] if self.logins[row.who] != UNTOUCHED else row.had
        if before >= 0 and before != row.login:
            self.owners[before] = FREE
        self.owners[row.login] = row.who
        self.logins[row.who] = row.login
