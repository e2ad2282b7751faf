"""What a status flag does to a student: the twelve cells of the seed's table, as data (seed 002, status processing; student §2)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import polars as pl

FLAGS = ("A", "D", "X", "I")

SITUATIONS = ("active", "deactivated", "none")
"""What the store says of a student."""

CURRENT, PAST, REGULAR = "current", "past", "regular"
STANDINGS = (CURRENT, PAST, REGULAR, "none")
"""What order a student is on: the current eAMS order, an earlier one, a school's regular one, or none (a new student)."""

NOBODY: frozenset[str] = frozenset()
NEW = frozenset({"none"})
NOT_CURRENT = frozenset({PAST, REGULAR})
ANY = frozenset({CURRENT, PAST, REGULAR})


@dataclass(frozen=True, slots=True)
class Cell:
    """Declares what a flag does in a situation, for students of some standings each.

    `moves`: to the current eAMS order; `uses`: a licence of the bin; `to_bin` and `to_order`: a licence is
    returned to the bin, or to the order that the student was on.
    """

    situation: str
    flag: str
    _: KW_ONLY
    active: bool = False
    moves: frozenset[str] = NOBODY
    uses: frozenset[str] = NOBODY
    to_bin: frozenset[str] = NOBODY
    to_order: frozenset[str] = NOBODY
    error: str | None = None


ON_EAMS = frozenset({CURRENT, PAST})
ON_REGULAR = frozenset({REGULAR})

TABLE = (
    Cell("active", "A", active=True, moves=ON_REGULAR, uses=ON_REGULAR, to_order=ON_REGULAR),
    Cell("active", "D", active=False, to_bin=ON_EAMS, to_order=ON_REGULAR),
    Cell("active", "X", error="STUDENT_EXISTS"),
    Cell("active", "I", active=True, moves=ON_REGULAR, uses=ON_REGULAR, to_order=ON_REGULAR),
    Cell("deactivated", "A", active=True, moves=NOT_CURRENT, uses=ANY),
    Cell("deactivated", "D", active=False, moves=NOT_CURRENT),
    Cell("deactivated", "X", error="STUDENT_EXISTS"),
    Cell("deactivated", "I", active=False, moves=ON_REGULAR),
    Cell("none", "A", active=True, moves=NEW, uses=NEW),
    Cell("none", "D", error="STUDENT_NOT_FOUND"),
    Cell("none", "X", active=False, moves=NEW),
    Cell("none", "I", error="STUDENT_NOT_FOUND"),
)

EFFECTS = ("moves", "uses", "to_bin", "to_order")


def effects() -> pl.DataFrame:
    """Return the table as a frame: a row for each situation, flag and standing, with `effect.x` for what follows."""
    rows = [
        {
            "student.situation": one.situation,
            "status": one.flag,
            "student.standing": standing,
            "effect.error": one.error,
            "effect.active": one.active,
            **{f"effect.{name}": standing in getattr(one, name) for name in EFFECTS},
        }
        for one in TABLE
        for standing in STANDINGS
    ]
    return pl.DataFrame(rows).with_columns(
        pl.col("student.situation").cast(pl.Enum(SITUATIONS)),
        pl.col("status").cast(pl.Enum(FLAGS)),
        pl.col("student.standing").cast(pl.Enum(STANDINGS)),
    )


def in_words() -> list[tuple[str, ...]]:
    """Return the table as lines: situation, flag, what is done, what becomes of licences and orders."""
    return [(one.situation, one.flag, *said(one)) for one in TABLE]


def said(one: Cell) -> tuple[str, str]:
    """Return what is done with the student, and with licences and orders, in words."""
    if one.error:
        return one.error, ""
    status = "active" if one.active else "deactivated"
    done = f"created, {status}" if one.situation == "none" else f"updated, {status}"
    words = {
        "moves": "moved to the current eAMS order",
        "uses": "uses a licence of the Holding Bin",
        "to_bin": "licence returned to the Holding Bin",
        "to_order": "licence returned to the student's order",
    }
    whom = {
        ON_REGULAR: "on a regular order: ",
        ON_EAMS: "on an eAMS order: ",
        NOT_CURRENT: "not on the current eAMS order: ",
    }
    effects: dict[frozenset[str], list[str]] = {}
    for name, text in words.items():
        effects.setdefault(getattr(one, name), []).append(text)
    return done, "; ".join(whom.get(who, "") + ", ".join(texts) for who, texts in effects.items() if who)
