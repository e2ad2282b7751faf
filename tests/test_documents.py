"""Holds the README to the product: generated parts are fresh, links lead somewhere, both blocks are what CI runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest
from documents import PICTURE, README, every_command, part, parts_of, picture, words_of
from example_runs import ROOT, bulkload

from bulkload.cli import commands
from bulkload.config import Settings

TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
STALE = "stale: run `python tests/documents.py --write` and look at what changed"


@pytest.mark.parametrize("name", parts_of(TEXT))
def test_a_generated_part_of_the_readme_is_fresh(name: str) -> None:
    assert parts_of(TEXT)[name] == part(name), STALE


def test_the_picture_shows_what_the_terminal_shows() -> None:
    assert words_of(PICTURE.read_text(encoding="utf-8")) == words_of(picture()), STALE


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    assert "url(http" not in PICTURE.read_text(encoding="utf-8")


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert [one for one in links if not one.startswith("https://") and not (ROOT / one).exists()] == []


def test_every_marker_of_the_readme_has_its_end() -> None:
    assert TEXT.count("<!-- generated: ") == TEXT.count("<!-- end -->") == len(parts_of(TEXT))


def test_there_are_two_shell_blocks_and_the_second_is_what_ci_runs() -> None:
    assert len(BLOCKS) == 2
    first, *rest = BLOCKS[1].splitlines()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert first in next(line for line in ci if "venv .venv" in line)
    assert ci[-len(rest) :] == rest


def test_the_first_block_ends_well_and_writes_into_demo_alone(tmp_path: Path) -> None:
    command = BLOCKS[0].splitlines()[-1].split()
    assert command[0] == ".venv/bin/bulkload"
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "demo").mkdir()
    before = sorted((ROOT / "examples").rglob("*"))
    assert bulkload(*command[1:], cwd=tmp_path)[0] == 0
    assert sorted((ROOT / "examples").rglob("*")) == before
    assert (tmp_path / "demo" / "store.db").exists()


def test_every_sample_configuration_can_be_read(tmp_path: Path) -> None:
    samples = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert len(samples) == 2
    for sample in samples:
        (tmp_path / "bulkload.toml").write_text(sample, encoding="utf-8")
        assert bulkload("check-config", "--no-mail", cwd=tmp_path)[1].count("unknown setting") == 0
        assert bulkload("template", "list", cwd=tmp_path)[0] == 0
        assert set(tomllib.loads(sample)) <= set(Settings.__slots__) - {"file"}


def test_what_is_stored_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    bulkload("apply", "--store", "store.db", "--results", ".", str(ROOT / "examples" / "enrollment"), cwd=tmp_path)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes.pop("store.db.jobs") == 0o700
    assert {"store.db", "store.db.lock", "enrollments.results.csv"} <= set(modes)
    assert set(modes.values()) == {0o600}


def groups_and_commands() -> list[tuple[str, click.Command]]:
    return [("bulkload", commands), ("bulkload template", commands.commands["template"]), *every_command(commands)]


@pytest.mark.parametrize("name", [name for name, _ in groups_and_commands()])
def test_the_help_of_every_command_has_an_example(name: str) -> None:
    assert re.search(r"Examples?:\n", dict(groups_and_commands())[name].help or "")


def test_completion_of_commands_answers(tmp_path: Path) -> None:
    asked = {"_BULKLOAD_COMPLETE": "bash_complete", "COMP_WORDS": "bulkload val", "COMP_CWORD": "1"}
    assert bulkload(cwd=tmp_path, **asked) == (0, "plain,validate\n")
