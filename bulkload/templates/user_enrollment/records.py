"""What the store holds of persons and their enrolments: columns and their types."""

from __future__ import annotations

import polars as pl

VALUES = (
    "login_id",
    "password",
    "first_name",
    "middle_name",
    "last_name",
    "gender",
    "dob",
    "disability",
    "email",
    "phone",
    "address1",
    "address2",
    "city",
    "state",
    "postal_code",
    "country",
    "properties",
)
"""What is kept of a person beside the key: the fields of these names, all as text."""

REQUIRED = ("login_id", "first_name", "last_name", "email")
"""The values that no person is without."""

KEY = ("source", "person_id")

PERSON: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    **dict.fromkeys((*KEY, "folded", *VALUES), pl.String()),
}
"""A person; `folded` is the login as compared."""

MEMBERSHIP: dict[str, pl.DataType] = {
    "person": pl.Int64(),
    "kind": pl.Int64(),
    "target": pl.Int64(),
    "role": pl.Int64(),
}
"""One enrolment of a person: in a section (`kind` SECTION, `target` its number) or a node."""

SECTION, NODE = 0, 1

LEDGER: dict[str, pl.DataType] = {"person": pl.Int64(), "position": pl.Int64(), "digest": pl.Int64()}
"""The records that were applied to a person, from position 1 on, each as a keyed digest of its values."""

ADD, UPDATE, ENROLL, DROP = "ADD", "UPDATE", "ENROLL", "DROP"
ACTIONS = (ADD, UPDATE, ENROLL, DROP)
DELETE = "DELETE"
"""What XML can ask for, and is refused."""

CLEARED = ""
"""The value of a field that an empty element clears; null leaves what is stored."""
