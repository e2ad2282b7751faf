"""The tables that loads write to, and the statements made from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property


def name(column: str) -> str:
    """Return a column or table name as SQL wants it."""
    return f'"{column}"'


@dataclass(frozen=True)
class Table:
    """Declares a table: its key (ascending order is its order on disk) and the columns that a load sets.

    `created_job` and `changed_job` belong to every table and are set by the store.
    """

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Return the key's and the values' columns."""
        return self.key + self.values

    @cached_property
    def insert(self) -> str:
        """Return the statement that adds a record: columns in order, then the job."""
        listed = ", ".join(map(name, (*self.columns, "created_job", "changed_job")))
        marks = ", ".join(f"?{n}" for n in range(1, len(self.columns) + 2))
        return f"INSERT INTO {name(self.name)} ({listed}) VALUES ({marks}, ?{len(self.columns) + 1})"

    @cached_property
    def update(self) -> str:
        """Return the statement that changes a record: columns in order, then the job."""
        first = len(self.key) + 1
        sets = [f"{name(one)} = ?{n}" for n, one in enumerate((*self.values, "changed_job"), first)]
        return f"UPDATE {name(self.name)} SET {', '.join(sets)} WHERE {self._where}"

    @cached_property
    def delete(self) -> str:
        """Return the statement that removes a record, by its key."""
        return f"DELETE FROM {name(self.name)} WHERE {self._where}"

    @cached_property
    def _where(self) -> str:
        return where(self.key)


def where(columns: Iterable[str]) -> str:
    """Return the condition that columns equal ?1, ?2 and so on."""
    return " AND ".join(f"{name(one)} = ?{n}" for n, one in enumerate(columns, 1))


TABLES = {
    one.name: one
    for one in (
        Table(
            "event",
            ("number",),
            (
                "id",
                "name",
                "type",
                "default_pre",
                "use_event_zone",
                "zone",
                "max_seats",
                "waitlist",
                "max_waitlist",
            ),
        ),
        Table("user", ("number",), ("folded", "username", "first_name", "last_name", "email", "active")),
        Table("roster_field", ("number",), ("id", "name")),
        Table("completion", ("event", "user"), ("completed_at",)),
        Table(
            "enrollment",
            ("event", "user"),
            ("pre_status", "post_status", "priority", "zone", "enrolled_at", "changed_at"),
        ),
        Table("school", ("number",), ("code", "name", "district")),
        Table("license_order", ("number",), ("id", "kind", "school", "current", "free")),
        Table(
            "student",
            ("number",),
            (
                "district",
                "student_id",
                "school",
                "folded",
                "username",
                "password",
                "first_name",
                "last_name",
                "middle_name",
                "email",
                "birth",
                "ssn",
                "ssn_last4",
                "gender",
                "grade",
                "groups",
                "active",
                "license_order",
                "content",
            ),
        ),
        Table("roster_value", ("event", "user", "field"), ("value",)),
    )
}
