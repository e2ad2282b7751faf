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


TAKEN: dict[str, pl.DataType] = {
    "decided.code": pl.String(),
    **dict.fromkeys(("decided.lacks", "decided.keeps", "decided.wrong", "live", "other", "new", "sets"), pl.Boolean()),
    **dict.fromkeys(("number", "nth", "role.before", "role.after"), pl.Int64()),
}
"""What a turn gives."""


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
        taken: list[tuple[str | bool | int | None, ...]] = []
        changed: dict[int, list[int]] = {}
        for n, row in enumerate(map(Turn._make, frame.select(Turn._fields).iter_rows())):
            here = self.numbers[row.who] or row.stored if row.who >= 0 else 0
            code = self._fault(row, here)
            comes = not here and row.action in {IS_ADD, IS_ENROLL} and not row.bare
            lacks, keeps = comes and row.lacks, comes and row.keeps
            if code == "PERSON_EXISTS" and equal(n, changed.get(row.who, ())):
                code = None
            role = self._role(row)
            if code is None and row.action == IS_DROP and row.pair >= 0 and not role and here:
                code = "ENROLLMENT_NOT_FOUND"
            wrong = code is not None or lacks or keeps
            creates = not here or (row.action == IS_ENROLL and not role)
            other = row.ok and not wrong and self.only is not None and creates != (self.only == "create")
            live = row.ok and not wrong and not other
            new = live and not here
            sets = live and row.action != IS_DROP and not (row.action == IS_ADD and here)
            becomes, nth = role, 0
            if live:
                if new:
                    here = self.numbers[row.who] = self.next_number
                    self.next_number += 1
                nth = self.counts[row.who] = self.counts[row.who] + 1
                if sets:
                    changed.setdefault(row.who, []).append(n)
                    self._claim(row)
                if row.action >= IS_ENROLL:
                    becomes = self.roles[row.pair] = row.role if row.action == IS_ENROLL else 0
            taken.append((code, lacks, keeps, wrong, live, other, new, sets, here, nth, role, becomes))
        columns = zip(*taken, strict=True) if taken else ((),) * len(TAKEN)
        return pl.DataFrame([pl.Series(*one) for one in zip(TAKEN, columns, TAKEN.values(), strict=True)])

    def _role(self, row: Turn) -> int:
        """Return the role that a record's person has in what it names; 0 where there is none."""
        if row.pair < 0:
            return 0
        return self.roles[row.pair] if self.roles[row.pair] != UNTOUCHED else row.stored_role

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
