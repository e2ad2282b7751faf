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

    `created_job` and `changed_job` belong to every table and are set by the store. `gathers`: several new rows
    of a load may have one key and make one record, as `insert` says. `words` are the columns that hold numbers of
    words, and are words everywhere but in the table.
    """

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    gathers: bool = False
    words: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Return the key's and the values' columns."""
        return self.key + self.values

    @cached_property
    def insert(self) -> str:
        """Return the statement that adds a record: columns in order, then the job.

        Where a table gathers, a row finds the record of its key there: what this job has set stays, and what
        the row leaves blank.
        """
        listed = ", ".join(map(name, (*self.columns, "created_job", "changed_job")))
        marks = ", ".join(f"?{n}" for n in range(1, len(self.columns) + 2))
        added = f"INSERT INTO {name(self.name)} ({listed}) VALUES ({marks}, ?{len(self.columns) + 1})"
        if not self.gathers:
            return added
        sets = [f"{name(one)} = {gathered(name(one))}" for one in self.values]
        listed = ", ".join(map(name, self.key))
        return f"{added} ON CONFLICT ({listed}) DO UPDATE SET {', '.join(sets)}, changed_job = excluded.changed_job"

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
    def recognize(self) -> str:
        """Return the statement that notes by which digest a row is known: the key, then the digest."""
        return f"UPDATE {name(self.name)} SET content = ?{len(self.key) + 1} WHERE {self._where}"

    @cached_property
    def _where(self) -> str:
        return where(self.key)


def gathered(column: str) -> str:
    """Return what a column becomes when a row meets a record: the first value of a job counts, and goes before older ones."""
    old, new = column, f"excluded.{column}"
    return f"CASE WHEN changed_job = excluded.changed_job THEN ifnull({old}, {new}) ELSE ifnull({new}, {old}) END"


def where(columns: Iterable[str]) -> str:
    """Return the condition that columns equal ?1, ?2 and so on."""
    return " AND ".join(f"{name(one)} = ?{n}" for n, one in enumerate(columns, 1))


ENROLLMENT = ("complete", "start", "end", "completed_at", "attended", "category")
"""What an old course record says of a learner in a course."""

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
            ("pre_status", "post_status", "priority", "zone", "enrolled_at", "changed_at", "content"),
            words=("pre_status", "post_status", "zone"),
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
        Table("course", ("number",), ("id", "title", "required_objects", "assign", "certificate")),
        Table("credit_type", ("number",), ("code", "name")),
        Table("course_credit", ("course", "credit_type"), ("max_credits", "variable")),
        Table("learner", ("number",), ("id", "email", "first_name", "last_name")),
        Table("login", ("learner",), ("logged_in_at",)),
        Table("course_record", ("learner", "course"), ("legacy", *ENROLLMENT, "since"), gathers=True),
        Table("credit", ("learner", "course", "credit_type"), ("credits", "expiration", "content")),
        Table("term", ("number",), ("term_id", "source", "sourced_id", "title")),
        Table(
            "section",
            ("number",),
            ("call_number", "course_id", "title", "sort_string", "term", "expires", "content"),
        ),
        Table(
            "copied_section",
            ("section",),
            ("description", "display_course_code", "section_number", "made_by", "filled_by"),
        ),
        Table("node", ("number",), ("node_string", "title")),
        Table("role", ("number",), ("role_id", "name")),
        Table(
            "person",
            ("number",),
            (
                *("source", "person_id", "folded", "login_id", "password", "first_name", "middle_name", "last_name"),
                *("gender", "dob", "disability", "email", "phone", "address1", "address2", "city", "state"),
                *("postal_code", "country", "properties"),
            ),
        ),
        Table("membership", ("person", "kind", "target"), ("role",)),
        Table("ledger", ("person", "position"), ("digest",)),
        Table(
            "held_record",
            ("number",),
            (
                *("course", "who", "learner_id", "learner_email", "credit_type", "legacy"),
                *(*ENROLLMENT, "credits", "expiration", "content", "since"),
            ),
        ),
    )
}
