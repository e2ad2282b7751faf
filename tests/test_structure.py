"""The layers of the package, what starting costs, and that the store's tables are those that are declared."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from loading import query

import bulkload
from bulkload.store import open_store
from bulkload.store.tables import TABLES

ROOT = Path(bulkload.__file__).parent
PICTURE = """
__init__ < errors < printable < clocks < toml_lines < settings < sites < zones < digests < rules < joins < ahead < jobs < locks < spool < config < kinds < isodates < bonds < template < family < known < formats < changes < templates
< store < workspace < pars < credit < parse < saying < check < form < packing < doubled < gather < writes < places < partfiles < source < split < translog < results < recall < load < first_pass < second_pass < reference < exporting < guard < report < delivery < runs < many < logs < mailing < watching < checkup < cli < __main__
"""
LAYERS = PICTURE.replace("<", "").split()
"""From the bottom up: each imports only what stands before it, and its own parts."""


def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name; a package has its own name."""
    paths = {".".join(one.relative_to(ROOT).with_suffix("").parts): one for one in ROOT.rglob("*.py")}
    return {name.removesuffix(".__init__"): ast.parse(path.read_text("utf-8")) for name, path in paths.items()}


def imported(tree: ast.AST, known: set[str]) -> set[str]:
    """The modules of the package that a module imports, anywhere in it but under `if TYPE_CHECKING`."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "bulkload":
            base = node.module.removeprefix("bulkload").removeprefix(".")
            names = {f"{base}.{one.name}".removeprefix(".") for one in node.names}
            found |= {one if one in known else base or "__init__" for one in names}
        elif isinstance(node, ast.Import):
            found |= {one.name.removeprefix("bulkload.") for one in node.names if one.name.startswith("bulkload.")}
        found |= imported(node, known)
    return found


MODULES = modules()
IMPORTS = {name: imported(tree, set(MODULES)) for name, tree in MODULES.items()}


def test_every_part_of_the_package_has_its_layer():
    assert {name.split(".")[0] for name in MODULES} == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_downwards_only(layer):
    below = {*LAYERS[: LAYERS.index(layer) + 1]}
    own = {name: used for name, used in IMPORTS.items() if name.split(".")[0] == layer}
    assert [(name, one) for name, used in own.items() for one in used if one.split(".")[0] not in below] == []


def test_no_modules_import_one_another_in_a_circle():
    TopologicalSorter({name: used - {name} for name, used in IMPORTS.items()}).prepare()


def test_only_the_store_speaks_sql():
    words = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "PRAGMA ")
    texts = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(words)
    }
    assert {name for name in texts if name.split(".")[0] != "store"} == set()


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


def loaded(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('modules:', *{{name.split('.')[0] for name in sys.modules}})"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(done.stdout.rpartition("modules:")[2].split())


HEAVY = {"polars", "rich", "adbc_driver_sqlite", "adbc_driver_manager", "pyarrow", "xlsxwriter", "python_calamine"}


def test_the_command_line_starts_without_polars_rich_or_adbc():
    assert loaded("import bulkload.cli") & HEAVY == set()


def test_status_loads_nothing_that_it_does_not_need(tmp_path):
    open_store(str(tmp_path / "store.db"), create=True).close()
    code = (
        "from bulkload.cli import commands\n"
        f"commands(['status', '--store', {str(tmp_path / 'store.db')!r}], standalone_mode=False)"
    )
    assert loaded(code) & HEAVY == set()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store.db"
    open_store(str(path), create=True).close()
    return path


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_the_migrations_make_the_columns_that_a_table_declares(store, table):
    columns = query(store, f'PRAGMA table_info("{table.name}")')
    assert [one[1] for one in columns] == [*table.columns, "created_job", "changed_job"]
    assert [one[1] for one in sorted(columns, key=lambda one: one[5]) if one[5]] == list(table.key)


def test_every_table_that_loads_write_to_is_declared(store):
    made = {one for (one,) in query(store, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert made - {"job", "journal", "secret_key", "import_lock", "delivery", "mail", "chore", "word"} == set(TABLES)
