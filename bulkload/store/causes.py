"""What the database says, as a sentence."""

from __future__ import annotations

import re
from pathlib import Path

from bulkload.errors import BulkloadError, Busy, StoreError

BUSY = r"locked|busy"

CAUSES = (
    (r"disk is full|No space left", "the disk is full"),
    (r"readonly|read-only", "it is read-only"),
    (BUSY, "another program holds it"),
    (r"not a database|malformed|corrupt", "it is not a store, or it is damaged"),
    (r"unable to open|failed to open|permission", "it cannot be opened"),
    (r"disk I/O", "the disk reports an error"),
)


def explained(error: Exception, path: Path) -> BulkloadError:
    """Turn an error of the database into a sentence."""
    for pattern, cause in CAUSES:
        if re.search(pattern, str(error), re.IGNORECASE):
            if pattern == BUSY:
                return Busy(
                    f"Another program still holds the store {path}. Nothing was done; run the command again later."
                )
            return StoreError(f"The store {path} could not be used: {cause}. Nothing was changed.")
    return StoreError(f"The store {path} could not be used: {error}. Nothing was changed.")
