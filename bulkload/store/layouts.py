"""The layouts that a store has had: numbered migrations, and the journal mode that they begin with."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path


def migrations() -> list[tuple[int, list[str]]]:
    """Return the numbered migrations, each as its statements."""
    found = []
    for file in sorted(Path(__file__).with_name("migrations").glob("*.sql")):
        text = re.sub(r"--.*", "", file.read_text(encoding="utf-8"))
        statements = [one.strip() for one in text.split(";") if one.strip()]
        found.append((int(file.name[:4]), statements))
    return found


def journal_mode() -> str:
    """Return the journal mode that is safe with the standard library's SQLite.

    3.7.0 to 3.51.2 can damage a file in WAL mode where two connections checkpoint at once (fixed in
    3.51.3, 3.50.7 and 3.44.6: sqlite.org, "WAL-reset bug").
    """
    version = sqlite3.sqlite_version_info
    mended = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return "WAL" if mended else "TRUNCATE"
