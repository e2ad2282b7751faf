"""Words that tables keep as small numbers: millions of records repeat few of them, and take half the bytes so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bulkload.store.tables import Table, name

if TYPE_CHECKING:
    import polars as pl


def in_words(table: Table, column: str) -> str:
    """Return a column as an expression of SQL that gives its word, where the table keeps a number."""
    return f"(SELECT word FROM word WHERE number = {name(column)})" if column in table.words else name(column)


class Words:
    """Turns words into their numbers and back; a word that is new is noted when it is written first."""

    def __init__(self, query: Callable[..., list[tuple[Any, ...]]]) -> None:
        self.query = query
        self.known: dict[str, int] = {}

    def forget(self) -> None:
        """Read the words again when they are needed: a transaction that was rolled back has taken some with it."""
        self.known = {}

    def numbered(self, frame: pl.DataFrame, table: Table) -> pl.DataFrame:
        """Return a frame with numbers in place of the words that a table keeps so; its columns of words are Enums."""
        import polars as pl

        made = []
        for column in (frame[one] for one in frame.columns if one in table.words):
            assert isinstance(column.dtype, pl.Enum)
            words = column.dtype.categories.to_list()
            self._note(words)
            numbers = pl.Series([self.known[word] for word in words], dtype=pl.Int64)
            made.append(numbers.gather(column.to_physical()).alias(column.name))
        return frame.with_columns(made)

    def _note(self, words: Sequence[str]) -> None:
        if not self.known.keys() >= set(words):
            self.known = self._read()
            for word in words:
                if word not in self.known:
                    self.query("INSERT INTO word (word) VALUES (?1)", word)
            self.known = self._read()

    def _read(self) -> dict[str, int]:
        return dict(self.query("SELECT word, number FROM word"))

    def spelled(self, numbers: pl.Series, kind: pl.DataType) -> pl.Series:
        """Return the words of numbers; null stays null."""
        import polars as pl

        read = self._read()
        places: list[str | None] = [None] * (max(read.values(), default=0) + 1)
        for word, number in read.items():
            places[number] = word
        return pl.Series(numbers.name, places, dtype=pl.String).gather(numbers).cast(kind)
