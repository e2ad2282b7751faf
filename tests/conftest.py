"""Small fixtures that several files share: the command line inside the test's process, and as one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from bulkload import first_pass, recall, source, spool
from bulkload.cli import main
from bulkload.formats import enterprise, enterprise_index
from bulkload.store import sqlite
from bulkload.templates.course_record import learners
from bulkload.templates.enrollment import known

BULKLOAD = str(Path(sys.executable).with_name("bulkload"))


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


CommandLine = Callable[..., Said]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep this machine's own store and configuration out of a test, and faults' details in its folder."""
    monkeypatch.delenv("BULKLOAD_STORE", raising=False)
    monkeypatch.delenv("BULKLOAD_CONFIG", raising=False)
    monkeypatch.delenv("BULKLOAD_DEBUG", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def bulkload(alone: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return a function that runs the command line in this process, which saves the half second of a start."""

    def run(*arguments: object) -> Said:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["bulkload", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Said(int(end.value.code or 0), out, err)

    return run


def process(*arguments: object, **options: object) -> Said:
    """Run the command line as a process of its own."""
    given: dict[str, object] = {"capture_output": True, "timeout": 60, **options}
    ended = subprocess.run([BULKLOAD, *map(str, arguments)], text=True, check=False, **given)  # type: ignore[call-overload]
    said = Said(ended.returncode, ended.stdout or "", ended.stderr or "")
    assert "Traceback" not in said.out + said.err
    return said


def files_under(folder: Path) -> list[str]:
    """Return the files and folders below a folder, in order."""
    return sorted(str(Path(place, name).relative_to(folder)) for place, d, f in os.walk(folder) for name in d + f)


@pytest.fixture(scope="module")
def many_batches_and_nothing_held_in_memory():
    """Let a file of a few rows come in several batches, and everything that is set aside go to the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "DelimitedFile", partial(source.DelimitedFile, block=300))
        patch.setattr(source, "EnterpriseFile", partial(source.EnterpriseFile, block=300))
        patch.setattr(enterprise, "BATCH_ROWS", 3)
        patch.setattr(enterprise_index, "ENOUGH", 1)
        patch.setattr(spool, "BUFFER", 0)
        patch.setattr(recall, "FEW", 3)
        patch.setattr(learners, "BRINGING", 2)
        patch.setattr(known, "FEW", 0)
        patch.setattr(first_pass, "FEW", 2)
        patch.setattr(sqlite, "FEW", 0)
        yield
