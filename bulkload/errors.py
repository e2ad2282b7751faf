"""Every exception that stops a run; its text is the sentence a person reads.

BulkloadError                 exit code
├── UsageError                2    a wrong option, or a configuration that cannot be used
├── FileRefused               3    the file as a whole is refused: nothing of it was processed
│   ├── NulFound                   it holds a NUL byte
│   ├── FormRefused                its headings or values hold what came in by mistake, and its importer is locked
│   └── ImporterLocked             its importer is locked already (5)
├── Busy                      5    another run holds the store, or an importer is locked
│   └── QueueBusy                  another process works on the queue of a site
├── StoreError                6    the store cannot be reached, is read-only, full, damaged or newer
└── OutputError               6    results, rejects or what is set aside cannot be written: a full or broken disk
"""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 20
"""Discrepancies of a file that a sentence names."""


class BulkloadError(Exception):
    """Stops a run with a sentence for the person who ran it."""

    exit_code = 70


class UsageError(BulkloadError):
    """Says that the command, an option or the configuration cannot be used."""

    exit_code = 2


class FileRefused(BulkloadError):
    """Refuses a whole file; `code` is the finding's stable word, e.g. HEADER_MISSING."""

    exit_code = 3

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class NulFound(FileRefused):
    """Refuses a file for a NUL byte; `ENCODING` is its code."""


class FormRefused(FileRefused):
    """Refuses a file for its form; `discrepancies` are sentences, each with its row (course-record §4)."""

    def __init__(self, code: str, file: str, template: str, discrepancies: Sequence[str], count: int = 0) -> None:
        self.template = template
        self.discrepancies = list(discrepancies)
        more = max(count, len(self.discrepancies)) - SHOWN
        said = "; ".join(self.discrepancies[:SHOWN]) + (f"; and {more:,} more" if more > 0 else "")
        super().__init__(code, f"{file}: {said}.")


class ImporterLocked(FileRefused):
    """Says which lock an importer has, and how to lift it; nothing was read."""

    exit_code = 5


class Busy(BulkloadError):
    """Says who holds what this run needs."""

    exit_code = 5


class QueueBusy(Busy):
    """Says whose queue another process works on."""


class StoreError(BulkloadError):
    """Says why the store could not be used; nothing was changed."""

    exit_code = 6


class OutputError(BulkloadError):
    """Says which file could not be written, and why; nothing was applied."""

    exit_code = 6

    @classmethod
    def of(cls, path: object, error: BaseException) -> OutputError:
        """Make the sentence from what the system said."""
        reason = getattr(error, "strerror", None) or str(error)
        return cls(f"{path} could not be written: {reason}. Nothing was applied.")


def sentence_of(error: Exception) -> str:
    """Return what a trouble is, in a sentence that names the file where there is one."""
    if isinstance(error, OSError):
        return f"{error.filename2 or error.filename or 'a file'} could not be used: {error.strerror or error}."
    return str(error)
