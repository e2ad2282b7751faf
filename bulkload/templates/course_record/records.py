"""What the store holds of course records: columns and their types, and what is compared of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bulkload.joins import Finder

if TYPE_CHECKING:
    from bulkload.store import Store

IMMEDIATELY, AT_LOGIN = ASSIGN = ("immediately", "login")
CATEGORIES = ("physician", "nonphysician")

NO_TYPE = 0
"""The number that stands for a blank credit type, which counts as a type (course-record §3.2)."""

ENROLLMENT: dict[str, pl.DataType] = {
    "complete": pl.Boolean(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "completed_at": pl.Int64(),
    "attended": pl.Boolean(),
    "category": pl.String(),
}
"""What a record says of a learner in a course; instants are seconds since 1970 in UTC."""

OF_ENROLLMENT: dict[str, pl.DataType] = {"learner": pl.Int64(), "course": pl.Int64()}
RECORD = OF_ENROLLMENT | {"legacy": pl.Boolean()} | ENROLLMENT | {"since": pl.Int64()}
"""A learner's enrollment in a course; `since` is when it was imported."""

OF_CREDIT: dict[str, pl.DataType] = {**OF_ENROLLMENT, "credit_type": pl.Int64()}
AMOUNT: dict[str, pl.DataType] = {"credits": pl.Int64(), "expiration": pl.Int64(), "content": pl.String()}
CREDIT = OF_CREDIT | AMOUNT
"""A learner's credit of one type, in hundredths; `content` is the row that it was imported with, as it is compared."""

HELD: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "course": pl.Int64(),
    "who": pl.String(),
    "learner_id": pl.String(),
    "learner_email": pl.String(),
    "credit_type": pl.Int64(),
    "legacy": pl.Boolean(),
    **ENROLLMENT,
    **AMOUNT,
    "since": pl.Int64(),
}
"""A record that waits; `who` is `#id` or `@address` of a learner to come, or `=number` of one who has to log in."""

COURSE: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "id": pl.String(),
    "title": pl.String(),
    "required_objects": pl.Boolean(),
    "assign": pl.String(),
}
"""A course; of an imported shell it is not known (null) whether it has required objects."""

LIMIT: dict[str, pl.DataType] = {
    "course": pl.Int64(),
    "credit_type": pl.Int64(),
    "max_credits": pl.Int64(),
    "variable": pl.Boolean(),
}

LEARNER: dict[str, pl.DataType] = {"number": pl.Int64(), "id": pl.String(), "email": pl.String()}


def content() -> pl.Expr:
    """Return what is compared of a row: all that it says of enrollment and credit; no credits are as good as 0."""
    columns = [*ENROLLMENT, "credits", "expiration"]
    texts = [pl.col(one).cast(pl.Int64) if ENROLLMENT.get(one) == pl.Boolean else pl.col(one) for one in columns]
    return pl.concat_str([one.cast(pl.String).fill_null("") for one in texts], separator="|")


def same_as_stored() -> pl.Expr:
    """Return where a row says what is stored; the category may be left out, since one row of several has it."""
    same = [pl.col(one).eq_missing(pl.col(f"stored.{one}")) for one in ENROLLMENT if one != "category"]
    category = pl.col("category").is_null() | pl.col("category").eq_missing(pl.col("stored.category"))
    amounts = [pl.col(one).eq_missing(pl.col(f"stored.{one}")) for one in ("credits", "expiration")]
    return pl.all_horizontal(*same, category, *amounts)


class Learners:
    """Finds learners by id and by address; an address is compared without letter case."""

    def __init__(self, store: Store) -> None:
        every = store.records("learner", LEARNER).with_columns(pl.col("email").str.to_lowercase())
        self.by_id = Finder(
            every.select(
                pl.col("id").alias("key"), pl.col("number").alias("id.number"), pl.col("email").alias("id.email")
            ),
            "key",
        )
        addresses = every.drop_nulls("email").group_by("email").agg(pl.len(), pl.col("number", "id").first())
        self.by_email = Finder(
            addresses.select(
                pl.col("email").alias("key"),
                pl.col("len").cast(pl.Int64).alias("mail.count"),
                pl.col("number").alias("mail.number"),
                pl.col("id").alias("mail.id"),
            ),
            "key",
        )

    def found(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add who `external_user_id` and `external_email` are, `learner`: the learner's number, and `who`.

        The id goes before the address; an address counts that one learner has.
        """
        frame = frame.with_columns(pl.col("external_email").str.to_lowercase().alias("learner.email"))
        frame = frame.with_columns(self.by_id.find(frame["external_user_id"]))
        frame = frame.with_columns(self.by_email.find(frame["learner.email"]))
        alone = pl.when(pl.col("mail.count") == 1).then("mail.number")
        frame = frame.with_columns(pl.coalesce("id.number", alone).alias("learner"))
        return frame.with_columns(
            pl.coalesce(
                pl.concat_str(pl.lit("="), "learner"),
                pl.concat_str(pl.lit("#"), "external_user_id"),
                pl.concat_str(pl.lit("@"), "learner.email"),
            ).alias("who")
        )
