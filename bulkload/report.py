"""What became of a file: counts, findings, where its results are, and the exit code."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bulkload.errors import FileRefused
from bulkload.results import Tally
from bulkload.rules import Code


@dataclass(slots=True)
class Report:
    """What became of a file; `refused` is the sentence of a file that was refused as a whole, `refused_exit` its exit code."""

    file: str
    verb: str
    template: str | None = None
    store: str | None = None
    job: str | None = None
    state: str = "done"
    tally: Tally = field(default_factory=Tally)
    refused: str | None = None
    refused_code: str | None = None
    refused_exit: int = FileRefused.exit_code
    unchecked: list[str] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    results: str | None = None
    rejects: str | None = None
    errors: str | None = None
    seconds: float = 0.0
    begun: float = field(default_factory=time.monotonic)

    @property
    def exit_code(self) -> int:
        """Return the exit code of a run that ended so."""
        if self.refused is not None or self.state == "refused":
            return self.refused_exit
        return 1 if self.tally.rejected else 0

    def refuse(self, refusal: FileRefused) -> None:
        """Note that and why the file was refused."""
        self.refused, self.refused_code, self.state = str(refusal), refusal.code, "refused"
        self.refused_exit = refusal.exit_code

    def remark(self, codes: Iterable[Code]) -> None:
        """Note what is said of every run of the file's template."""
        self.warnings += [{"code": one.word, "message": f"{self.file}: {one.message}"} for one in codes]

    def as_dict(self) -> dict[str, Any]:
        """Return what `--format json` prints."""
        return {
            "file": self.file,
            "command": self.verb,
            "template": self.template,
            "store": self.store,
            "job": self.job,
            "state": self.state,
            "refused": self.refused,
            "refused_code": self.refused_code,
            "rows": self.tally.rows,
            "outcomes": dict(self.tally.outcomes),
            "counts": dict(self.tally.counts),
            "findings": self.tally.findings(),
            "warnings": self.warnings,
            "not_checked": self.unchecked,
            "results": self.results,
            "rejects": self.rejects,
            "errors": self.errors,
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
        }
