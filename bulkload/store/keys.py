"""The secret key of a store: a file beside it that only its owner can read."""

from __future__ import annotations

import os
from pathlib import Path

from bulkload.errors import StoreError

KEY_BYTES = 32


def key_path(store: Path) -> Path:
    """Return where the key of a store is kept."""
    return store.with_name(store.name + ".key")


def check_of(key: bytes) -> str:
    """Return what tells a key from others, and nothing about it."""
    from hashlib import blake2b

    return blake2b(b"bulkload", key=key, digest_size=16).hexdigest()


def read_key(store: Path, known: str | None) -> bytes | None:
    """Return the key of a store, whose check the store knows or does not know yet; None where there is none yet.

    Raises StoreError where the key is missing that secrets were kept under, or is another one: each secret
    would look changed.
    """
    path = key_path(store)
    if not path.exists():
        if known is None:
            return None
        raise StoreError(
            f"The key of the store is missing: {path.name}, a small file that is made with the store, stands beside it, "
            f"and has to be kept with it. Without it passwords cannot be compared; put the file back. Nothing was changed."
        )
    key = path.read_bytes()
    if len(key) != KEY_BYTES or (known is not None and known != check_of(key)):
        raise StoreError(
            f"{path.name} is not the key that the passwords of this store were kept under. Put the right file back. "
            f"Nothing was changed."
        )
    return key


def new_key(store: Path) -> bytes:
    """Make the key of a store, and bring it to the disk before anything is kept under it."""
    key, path = os.urandom(KEY_BYTES), key_path(store)
    part = path.with_name(f"{path.name}.part")
    handle = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key
