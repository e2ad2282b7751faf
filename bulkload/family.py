"""What decides over the rows of a template: its family, and one run of it over a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import polars as pl

if TYPE_CHECKING:
    from bulkload.store import Store
    from bulkload.template import Options, Template


@dataclass(frozen=True, slots=True)
class Write:
    """Rows to be written to one table of the store.

    `insert` and `update` have all columns, `delete` the key, `journal` the key and the values before, and
    `recognize` the key and the digest by which a row is known the next time.
    """

    table: str
    how: Literal["insert", "update", "delete", "journal", "recognize"]
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Decision:
    """What a family decided over a batch.

    `frame` is the frame it was given with `outcome` (String) and `changes` (String, empty for none) set,
    and whatever columns the template's later rules name; `happened` (String), where it has one, says in
    words what became of a row that was accepted. `writes` is what has to happen in the store. `carried` are
    frames that later rows are to know: `row`, the row that each line is handed on to, and columns of the family's.
    """

    frame: pl.DataFrame
    writes: Iterable[Write] = ()
    carried: Mapping[str, pl.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recalled:
    """Says which records of a table rows ask for: by the columns of `key`, which has an index; all the columns wanted."""

    table: str
    key: tuple[str, ...]
    columns: Mapping[str, pl.DataType]


LOST = "lost"
"""A column of a family's export: how many of a record's values could not be written so that they read back."""

LEFT_OUT = "left_out"
"""A column of a family's export: whether a record cannot be written at all."""


class Run(Protocol):
    """One load of one file by a family: holds what it looked up, and what it carries from batch to batch.

    `recognize` and `look_up` depend on no other batch; `recall` and `decide` follow in file order, when the
    whole file has been looked at. `keeps` are the columns that are needed after the first look, `recalls`
    what rows ask for, under names of the family's own, `rereads` the fields that are read of known rows beside
    the key, and `counts` what the family counts beside outcomes. `at_once`: rows that are decided over at a
    time where a row may bring many records with it; None: as many as were read. `rests`: a known row changes nothing,
    whatever else the file says, and is not decided over.
    """

    at_once: int | None = None
    rests: bool = False
    keeps: frozenset[str] = frozenset()
    recalls: Mapping[str, Recalled] = {}
    rereads: frozenset[str] = frozenset()
    counts: Mapping[str, int] = {}

    def remember(self, size: int) -> None:
        """Fetch from the store what `recognize` needs, while the first rows are read of a file of so many bytes."""
        return

    def digest(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add, where the family knows rows by it, `content`: the digest of each row as it is typed."""
        return frame

    def recognize(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add, where the family can tell, `known`: rows that were accepted before exactly as they are typed now.

        They break no rule that depends on them alone, or on a day that only goes on, and are not looked at
        again; the frame has the cells.
        """
        return frame

    def look_up(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add what values refer to, and what follows from it."""
        ...

    def asks(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Return, for each of `recalls`, which rows ask for which of its records: `row` and the key."""
        return {}

    def together(self, frame: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Return what is to be seen of the whole file at once, by name: `row`, the digests `a` and `b` of a key, and more."""
        return {}

    def gather(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Return what follows for each row: `row` and columns that are the same whatever the name's part.

        The frame has every row of the file that has one of some keys, ordered by key, then by row. Raises
        FileRefused where the file cannot be applied.
        """
        return frame

    def recall(self, frame: pl.DataFrame, stored: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Add the stored record of each row (`stored.x`, null where there is none), and what follows from it.

        `stored` also has what was gathered for these rows (`gathered.x`), and what earlier rows carried to them
        (`carried.x`), where there is such.
        """
        ...

    def decide(self, frame: pl.DataFrame) -> Decision:
        """Decide over the rows whose `ok` is true, in file order; of those that are `noted` something was found."""
        ...

    def finish(self) -> Iterable[Write]:
        """Return what is to be written when all rows are decided over."""
        return ()


class Family(Protocol):
    """Decides what the rows of a template do to the store."""

    def begin(self, template: Template, store: Store, options: Options) -> Run:
        """Read from the store what every batch needs."""
        ...

    def export(self, template: Template, store: Store) -> Iterator[pl.DataFrame]:
        """Yield the records as texts, one column for each field, in the order of the key."""
        ...
