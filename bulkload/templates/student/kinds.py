"""The kinds of value that only student files have: the status flag with its look-alikes, and sets of groups."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import polars as pl

from bulkload.kinds import SUGGESTIONS, Choice, Kind

LOOK_ALIKES = str.maketrans(
    "ΑАаҺΧХхΙІіΝΟОоЕеGԌѵlı1|Ӏ",
    "AAaHXXxIIiNOOoEeGGVIIIII",
)
"""Letters of other scripts, and signs, that look like those of the flags; full-width ones are found by NFKC."""


@dataclass(frozen=True)
class Flag(Choice):
    """A status flag; a letter of another script is named where it only looks like the right one."""

    def remedies(self, text: pl.Series) -> pl.Series:
        """Name the look-alike, or else what there is."""
        distinct = text.unique().head(SUGGESTIONS)
        said = pl.Series([self.look_alike(one) for one in distinct], dtype=pl.String)
        return text.replace_strict(distinct, said, default="", return_dtype=pl.String)

    def look_alike(self, text: str) -> str:
        """Return the end of a sentence that names the first letter which is not what it looks like, or nothing."""
        plain = [unicodedata.normalize("NFKC", one.translate(LOOK_ALIKES)) for one in text]
        if "".join(plain).upper() not in {*self.choices, *self.aliases}:
            return ""
        wrong, meant = next((one, other) for one, other in zip(text, plain, strict=True) if one != other)
        return f": it is {unicodedata.name(wrong, 'a sign without a name')}, not {meant.upper()}"


@dataclass(frozen=True)
class Groups(Kind):
    """Names separated by |, a set: kept in order, each once (student §1, column 15)."""

    says: str = "names separated by |"
    most: int = 100

    def parse(self, text: pl.Series) -> pl.Series:
        """Bring each list into its order; null where a name is empty or too long. Lists repeat, so each is read once."""
        distinct = text.unique()
        pieces = pl.col("t").str.split("|").list.eval(pl.element().str.strip_chars())
        good = pieces.list.eval(pl.element().str.len_chars().is_between(1, self.most)).list.all()
        sets = pieces.list.unique().list.sort().list.join("|")
        read = distinct.to_frame("t").select(pl.when(good).then(sets)).to_series()
        return text.replace_strict(distinct, read, return_dtype=pl.String)
