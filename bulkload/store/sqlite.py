"""One SQLite file as a store: connecting, migrating, and reading and writing whole frames."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulkload.errors import BulkloadError, StoreError
from bulkload.store import keys
from bulkload.store.causes import explained
from bulkload.store.driver import driver
from bulkload.store.layouts import journal_mode, migrations
from bulkload.store.locking import locked
from bulkload.store.tables import TABLES, name, where
from bulkload.store.words import Words, in_words

if TYPE_CHECKING:
    import polars as pl

Value = str | int | None

WAIT_MS = 60_000
"""How long a statement waits for another process that is just committing."""

APPLICATION = 0x424C_4F44
"""What marks a SQLite file as a store: "BLOD", in its application id."""

READING, WRITING = "cache_size = -4096", "cache_size = -65536"
"""Kilobytes that SQLite keeps of the file: whole tables are read once, while a transaction comes back to its pages."""

BATCH_ROWS = 65_536
"""Rows of one Arrow batch of a query's answer; the driver takes each column's type from the first of them."""

FEW = 5_000
"""Rows up to which an answer comes from the standard library's connection: a statement takes 0.02 ms there, and 0.3 ms in the driver."""

AT_A_TIME = 250_000
"""Records that are read at a time where a table is read from its beginning to its end."""


class SQLiteStore:
    """Reads and writes a store; at most one of two libraries has the file open at any time.

    The standard library's connection serves few rows, the ADBC driver's whole frames. They are two
    copies of SQLite, and closing a file in one drops the other's locks: so the one is closed before the
    other is opened, and that never within a transaction.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open the store; make it first where `create` says so.

        Raises StoreError where it is missing, damaged, read-only or newer than this program.
        """
        self.path = path
        self.writes = create
        self._light: sqlite3.Connection | None = None
        self._bulk: Any = None
        self._cursor: Any = None
        self._within = False
        self.patience = WAIT_MS / 1000
        self.words = Words(self.query)
        if not create and not path.exists():
            raise StoreError(f"There is no store at {path}.")
        try:
            if create and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._migrate(write=create)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise explained(error, path) from error
        except StoreError:
            self.close()
            raise

    def _migrate(self, *, write: bool) -> None:
        self._connect_light()
        version = self.query("PRAGMA user_version")[0][0]
        steps = migrations()
        newest = steps[-1][0]
        assert isinstance(version, int)
        if version > newest:
            raise StoreError(
                f"The store {self.path} was written by a newer bulkload (layout {version}, this one knows "
                f"{newest}). Install the newer version."
            )
        own = self.query("PRAGMA application_id")[0][0]
        if own != APPLICATION and (version or own or self.query("SELECT count(*) FROM sqlite_master")[0][0]):
            raise StoreError(f"{self.path} is a database, but not a store of bulkload.")
        if version < newest and not write:
            raise StoreError(
                f"The store {self.path} has layout {version}, this bulkload needs {newest}: the next `bulkload apply` brings it up."
            )
        if version < newest:
            self._light_connection().execute(f"PRAGMA journal_mode = {journal_mode()}")
        for number, statements in steps:
            if number > version:
                with self.transaction():
                    if self.query("PRAGMA user_version")[0][0] >= number:  # another process was faster
                        continue
                    self.execute(f"PRAGMA application_id = {APPLICATION}")
                    for statement in statements:
                        self.execute(statement)
                    self.execute(f"PRAGMA user_version = {number}")

    # connecting

    def _connect_light(self) -> None:
        self._light = sqlite3.connect(self.path, isolation_level=None, timeout=self.patience, check_same_thread=False)

    def _light_connection(self) -> sqlite3.Connection:
        if self._light is None:
            self._connect_light()
        assert self._light is not None
        return self._light

    def _bulk_cursor(self) -> Any:
        if self._cursor is None:
            if self._light is not None:
                self._light.close()
                self._light = None
            with self._driver():
                self._bulk = driver().connect(str(self.path), autocommit=True)
                self._cursor = self._bulk.cursor(adbc_stmt_kwargs={"adbc.sqlite.query.batch_rows": BATCH_ROWS})
                for pragma in (f"busy_timeout = {WAIT_MS}", READING, "temp_store = FILE"):
                    self._cursor.execute(f"PRAGMA {pragma}")
        return self._cursor

    def be_patient(self, seconds: float) -> None:
        """Wait so long, and no longer, for another process that is just writing."""
        self.patience = seconds
        self.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def close(self) -> None:
        """Close whatever is open."""
        if self._cursor is not None:
            self._cursor.close()
        if self._bulk is not None:
            self._bulk.close()
        self._cursor = self._bulk = None
        if self._light is not None:
            self._light.close()
            self._light = None

    def __enter__(self) -> SQLiteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # statements

    def execute(self, sql: str, *values: Value) -> None:
        """Run one statement."""
        self.query(sql, *values)

    def query(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        """Return the rows of one query, through the connection that is open."""
        if self._cursor is None:
            try:
                return self._light_connection().execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise explained(error, self.path) from error
        import polars as pl

        bound = None
        if values:
            columns = [
                pl.Series(str(n), [one], dtype=pl.Int64 if isinstance(one, int) else pl.String)
                for n, one in enumerate(values)
            ]
            bound = pl.DataFrame(columns)
        return self._answer(sql, bound).rows()

    def _few(self, sql: str, bound: pl.DataFrame | None) -> list[tuple[Any, ...]] | None:
        """Return an answer, given once for each row of what is bound, from the light connection; None where it is for the driver."""
        stays = self._within
        if self._cursor is not None or (bound is not None and bound.height > FEW and not stays):
            return None
        rows: list[tuple[Any, ...]] = []
        with self._snapshot():
            for values in [()] if bound is None else bound.iter_rows():
                try:
                    with contextlib.closing(self._light_connection().execute(sql, values)) as found:
                        rows += found.fetchall() if stays else found.fetchmany(FEW + 1 - len(rows))
                except sqlite3.Error as error:
                    raise explained(error, self.path) from error
                if len(rows) > FEW and not stays:
                    return None
        return rows

    def _answer(self, sql: str, bound: pl.DataFrame | None) -> pl.DataFrame:
        import polars as pl

        cursor = self._bulk_cursor()
        with self._driver():
            cursor.execute(sql, bound) if bound is not None else cursor.execute(sql)
            if not re.match(r"\s*(SELECT|PRAGMA|WITH)\b", sql, re.IGNORECASE):
                return pl.DataFrame()
            frame: pl.DataFrame = cursor.fetch_polars()
            return frame

    @contextlib.contextmanager
    def _driver(self) -> Iterator[None]:
        from adbc_driver_manager import Error

        try:
            yield
        except Error as error:
            raise explained(error, self.path) from error

    def records(self, table: str, schema: Mapping[str, pl.DataType], keys: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return records as a frame of the given columns: all of them, or those of each row of `keys`."""
        import polars as pl

        if keys is None:
            return self._selected(table, schema, "true", None)
        if keys.is_empty():
            return pl.DataFrame(schema=schema)
        return self._selected(table, schema, where(keys.columns), keys)

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Take the file's lock once for what is inside, where each key that is looked up would take it again (20 microseconds)."""
        if self._within:
            yield
            return
        with self._between("BEGIN", "END"):
            yield

    def _selected(
        self, table: str, schema: Mapping[str, pl.DataType], condition: str, bound: pl.DataFrame | None
    ) -> pl.DataFrame:
        """Return the records under a condition, once for each row of what is bound to it.

        The driver tells a column's type from the rows it sees first, so that a text that may be null is
        asked for as empty text, and becomes null again here.
        """
        import polars as pl

        words = TABLES[table].words
        texts = {one for one, kind in schema.items() if isinstance(kind, (pl.String, pl.Enum)) and one not in words}
        asked = ", ".join(f"ifnull({name(one)}, '')" if one in texts else name(one) for one in schema)
        sql = f"SELECT {asked} FROM {name(table)} WHERE {condition}"
        few = self._few(sql, bound)
        if few is None:
            self._bulk_cursor()
            with self._snapshot():
                frame = self._answer(sql, bound)
            frame.columns = list(schema)
        else:
            kinds = {one: pl.Int64 if one in words else None for one in schema}
            frame = pl.DataFrame(few, schema=kinds, orient="row", infer_schema_length=None)
        return frame.with_columns(
            self.words.spelled(frame[one], kind)
            if one in words
            else (pl.when(pl.col(one).cast(pl.String) != "").then(one) if one in texts else pl.col(one))
            .cast(kind)
            .alias(one)
            for one, kind in schema.items()
        )

    def all_records(self, table: str, schema: Mapping[str, pl.DataType]) -> Iterator[pl.DataFrame]:
        """Yield all records of a numbered table in the order of their numbers, some at a time."""
        import polars as pl

        for first in range(1, self.next_number(table), AT_A_TIME):
            numbers = pl.DataFrame({"first": [first], "last": [first + AT_A_TIME - 1]})
            yield self._selected(table, schema, "number BETWEEN ?1 AND ?2", numbers)

    def is_ordered_by(self, table: str, key: Sequence[str]) -> bool:
        """Say whether a table stands on the disk in the order of some columns."""
        return TABLES[table].key[: len(key)] == tuple(key)

    def count_by(self, table: str, columns: Sequence[str], keys: pl.DataFrame) -> list[tuple[Any, ...]]:
        """Return how many records have each combination of the columns, for each row of `keys`."""
        if keys.is_empty():
            return []
        shown, listed = (", ".join(in_words(TABLES[table], one) for one in columns), ", ".join(map(name, columns)))
        sql = f"SELECT {shown}, count(*) FROM {name(table)} WHERE {where(keys.columns)} GROUP BY {listed}"
        few = self._few(sql, keys)
        return self._answer(sql, keys).rows() if few is None else few

    def next_number(self, table: str) -> int:
        """Return the number of the next new record of a numbered table."""
        return self.next_numbers({table: table})[table]

    def next_numbers(self, tables: Mapping[str, str]) -> dict[str, int]:
        """Return, for each name, the number of the next new record of a numbered table, all asked for at once."""
        asked = ", ".join(
            f"(SELECT ifnull(max(number), 0) + 1 FROM {name(of)}) AS {name(one)}" for one, of in tables.items()
        )
        return dict(zip(tables, map(int, self.query(f"SELECT {asked}")[0]), strict=True))

    def has_at_most(self, table: str, records: int) -> bool:
        """Say whether a table has no more than so many records."""
        counted = f"SELECT count(*) FROM (SELECT 1 FROM {name(table)} LIMIT {records + 1})"
        return bool(self.query(counted)[0][0] <= records)

    def write(self, sql: str, frame: pl.DataFrame) -> None:
        """Run a statement once for each row of a frame, its columns as the statement's ?1, ?2 and so on."""
        import polars as pl

        if frame.is_empty():
            return
        plain = frame.with_columns(pl.col(pl.Boolean).cast(pl.Int64))
        if self._cursor is not None:
            with self._driver():
                self._cursor.executemany(sql, plain)
            return
        try:
            for part in plain.iter_slices(FEW):
                self._light_connection().executemany(sql, part.rows())
        except sqlite3.Error as error:
            raise explained(error, self.path) from error

    def insert(self, table: str, frame: pl.DataFrame, job: int) -> None:
        """Add records: columns as the table declares them."""
        import polars as pl

        one = TABLES[table]
        self.write(one.insert, self.words.numbered(frame, one).select(*one.columns, pl.lit(job).alias("job")))

    def update(self, table: str, frame: pl.DataFrame, job: int) -> None:
        """Change records: columns as the table declares them."""
        import polars as pl

        one = TABLES[table]
        self.write(one.update, self.words.numbered(frame, one).select(*one.columns, pl.lit(job).alias("job")))

    def delete(self, table: str, frame: pl.DataFrame) -> None:
        """Remove records by their key."""
        one = TABLES[table]
        self.write(one.delete, frame.select(one.key))

    def recognize(self, table: str, frame: pl.DataFrame) -> None:
        """Note the digests by which rows are known the next time: the key, and `content`; no record changes."""
        one = TABLES[table]
        self.write(one.recognize, frame.select(*one.key, "content").sort(one.key))

    def last_change(self, tables: Iterable[str]) -> int:
        """Return the number of the job that changed one of some tables last; 0 where they are empty."""
        parts = " UNION ALL ".join(f"SELECT max(changed_job) AS job FROM {name(one)}" for one in tables)
        return int(self.query(f"SELECT ifnull(max(job), 0) FROM ({parts})")[0][0])

    def journal(self, table: str, frame: pl.DataFrame, job: int) -> None:
        """Keep the previous values of records: columns `key` and `before`, as JSON."""
        sql = f"""INSERT INTO journal (job, "table", "key", "before") VALUES ({job}, '{table}', ?1, ?2)"""
        self.write(sql, frame.select("key", "before"))

    @contextlib.contextmanager
    def transaction(self, rows: int = 0) -> Iterator[None]:
        """Run what is inside wholly or not at all; `rows`: about as many are going to be written."""
        if rows > FEW:
            self._bulk_cursor()
        self.execute(f"PRAGMA {WRITING}")
        self.words.forget()
        try:
            with self._between("BEGIN IMMEDIATE", "COMMIT"):
                yield
        finally:
            with contextlib.suppress(BulkloadError):
                self.execute(f"PRAGMA {READING}")

    @contextlib.contextmanager
    def _between(self, begin: str, end: str) -> Iterator[None]:
        self.execute(begin)
        self._within = True
        try:
            yield
            self.execute(end)
        except BaseException:
            with contextlib.suppress(BulkloadError):
                self.execute("ROLLBACK")
            raise
        finally:
            self._within = False

    def secret_key(self) -> bytes:
        """Return the key that secrets are kept under; a store that is only read, and has none, has one of the moment."""
        known = [one for (one,) in self.query("SELECT digest FROM secret_key")]
        key = keys.read_key(self.path, known[0] if known else None)
        if not self.writes:
            return key or os.urandom(keys.KEY_BYTES)
        key = key or keys.new_key(self.path)
        if not known:
            self.execute("INSERT INTO secret_key VALUES (?)", keys.check_of(key))
        return key

    def lock(self, *, wait: float) -> contextlib.AbstractContextManager[None]:
        """Hold the store for one run; raise Busy where another run has it for `wait` seconds and more."""
        return locked(self.path, wait)
