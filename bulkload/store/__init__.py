"""The store: records, jobs and the journal, behind one door."""

from __future__ import annotations

from pathlib import Path

from bulkload.errors import UsageError
from bulkload.store.keys import key_path
from bulkload.store.sqlite import SQLiteStore

Store = SQLiteStore


def store_path(url: str) -> Path:
    """Return the file that a store's URL means: a path, or sqlite:///path."""
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///"))
    if "://" in url:
        raise UsageError(
            f"--store {url.partition('://')[0]}://…: give a file, or sqlite:///FILE. Other databases are not supported yet."
        )
    return Path(url)


def open_store(url: str, *, create: bool = False) -> Store:
    """Open the store at a URL; raise StoreError where that cannot be."""
    return SQLiteStore(store_path(url).resolve(), create=create)


__all__ = ["Store", "key_path", "open_store", "store_path"]
