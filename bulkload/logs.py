"""The log of unattended work: one line for each thing that happened, as text or JSON, to stderr or to a file that rotates."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal

from bulkload.printable import escaped

SIZE, FILES = 10_000_000, 9
"""Bytes of a log file, and how many older ones are kept beside it."""


class Log:
    """Writes what happened, with the facts that belong to it; `site` is added to all of them."""

    def __init__(self, logger: logging.Logger, site: str | None = None) -> None:
        self._logger, self._site = logger, site

    def of(self, site: str) -> Log:
        """Return the same log for what happens at a site."""
        return Log(self._logger, site)

    def close(self) -> None:
        """Close the file that the log goes to."""
        for one in self._logger.handlers:
            one.close()

    def __call__(self, what: str, *, level: int = logging.INFO, **facts: Any) -> None:
        """Write that something happened; facts that are None are left out."""
        said = {"site": self._site, **facts}
        kept = {name: value for name, value in said.items() if value is not None}
        self._logger.log(level, what, extra={"facts": kept})

    def trouble(self, what: str, **facts: Any) -> None:
        """Write that something went wrong."""
        self(what, level=logging.WARNING, **facts)


class Text(logging.Formatter):
    """Formats a line as time, what happened, and name=value for each fact."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        facts = [f"{name}={plain(value)}" for name, value in getattr(record, "facts", {}).items()]
        return " ".join([when(record), record.levelname.lower(), record.getMessage(), *facts])


class Json(logging.Formatter):
    """Formats a line as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = {"at": when(record), "level": record.levelname.lower(), "what": record.getMessage()}
        return escaped(json.dumps(said | getattr(record, "facts", {}), ensure_ascii=False))


def when(record: logging.LogRecord) -> str:
    """Return when something happened, in UTC."""
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"


def plain(value: Any) -> str:
    """Return a value as it is where it is one plain word, else as JSON has it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    bare = isinstance(value, str) and value and not set(value) & set(" \t\r\n\"'=\\")
    return escaped(text if bare or not isinstance(value, str) else json.dumps(value, ensure_ascii=False))


class PrivateFile(RotatingFileHandler):
    """A log file that rotates, and that only its owner can read."""

    def _open(self) -> Any:
        os.close(os.open(self.baseFilename, os.O_CREAT | os.O_WRONLY, 0o600))
        return super()._open()


def log_to(form: Literal["text", "json"], file: Path | None) -> Log:
    """Return a log to a file, or to stderr; raise OSError where the file cannot be written.

    A log that can no longer be written (a full disk) stops nothing.
    """
    logging.raiseExceptions = False
    logger = logging.Logger("bulkload", logging.INFO)
    handler: logging.Handler = (
        PrivateFile(file, maxBytes=SIZE, backupCount=FILES, encoding="utf-8")
        if file is not None
        else logging.StreamHandler(sys.stderr)
    )
    handler.setFormatter(Json() if form == "json" else Text())
    logger.addHandler(handler)
    return Log(logger)
