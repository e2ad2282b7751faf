"""Imports the driver through which many rows go to SQLite and back."""

from __future__ import annotations

import sys
from types import ModuleType


def driver() -> ModuleType:
    """Return the driver, imported as if pyarrow were not installed: it loads that where it can, and uses none of it (47 MB)."""
    hides = "pyarrow" not in sys.modules
    if hides:
        sys.modules["pyarrow"] = None  # type: ignore[assignment]
    try:
        import adbc_driver_sqlite.dbapi as adbc
    finally:
        if hides:
            del sys.modules["pyarrow"]
    return adbc
