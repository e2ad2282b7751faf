"""Troubles that may pass: each is told when it begins or changes, and when it is over, and not every few seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bulkload.logs import Log


@dataclass
class Troubles:
    """The troubles that there are, by what they are with."""

    log: Log
    now: dict[str, str] = field(default_factory=dict)

    def begin(self, what: str, sentence: str, **facts: Any) -> None:
        """Note a trouble, and tell of it where it is new."""
        if self.now.get(what) != sentence:
            self.now[what] = sentence
            self.log.trouble("trouble", text=sentence, **facts)

    def end(self, what: str) -> None:
        """Note that there is no such trouble any longer, and tell of it where there was."""
        if what in self.now:
            self.log("trouble over", text=self.now.pop(what))
