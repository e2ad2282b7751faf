"""The command line: one module for each group of commands; this one runs them and turns exceptions into exit codes."""

from __future__ import annotations

import errno
import gc
import os
import sys
from pathlib import Path

import click

from bulkload import __version__
from bulkload.cli.common import nowhere, say
from bulkload.cli.courses import credit, report, unlock
from bulkload.cli.exporting import export
from bulkload.cli.loading import apply, validate
from bulkload.cli.reference import explain, template
from bulkload.cli.splitting import split
from bulkload.cli.status import status
from bulkload.cli.watching import check_config, purge, watch
from bulkload.errors import BulkloadError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bulkload")
def commands() -> None:
    """Load enrollments, students and course records from files into a store.

    Every cell is checked, what is right is applied, and of every row it is said what became of it.

    \b
    Examples:
      bulkload template new enrollment -o enrollments.csv
      bulkload validate enrollments.csv
      bulkload apply enrollments.csv
      bulkload status
    """


for command in (
    *(validate, apply, split, status, template, export, explain, unlock, report, credit),
    *(watch, purge, check_config),
):
    commands.add_command(command)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
    code = exit_code()
    gc.freeze()  # else Python searches all that is left for cycles before it ends, which takes a seventh of a small file's time
    sys.exit(code)


def exit_code() -> int:
    """Run the command line; say on stderr what went wrong, and return the exit code."""
    try:
        code = commands.main(prog_name="bulkload", standalone_mode=False)
        sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        complain("interrupted.")
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BulkloadError as error:
        complain(str(error))
        return error.exit_code
    except SystemExit as error:
        # click itself turns a pipe that was closed into this
        nowhere()
        return error.code if isinstance(error.code, int) and error.code != 1 else 0
    except OSError as error:
        if error.errno == errno.EPIPE or "Broken pipe" in str(error):  # polars gives no number
            nowhere()
            return 0
        complain(f"{error.filename or 'a file'} could not be used: {error.strerror or error}.")
        return 6
    except BaseException:  # noqa: BLE001 - the last door: whatever was not foreseen ends here, a panic of polars too
        return fault()
    return code if isinstance(code, int) else 0


def complain(sentence: str) -> None:
    """Say a sentence on stderr."""
    say(f"bulkload: {sentence}", err=True)


def fault() -> int:
    """Keep the details of a fault in a file that only this user can read, and say where.

    The details name places in the code, not the exception's own text, which may hold a value of the file.
    """
    import tempfile
    import traceback

    kind, _, trace = sys.exc_info()
    name = kind.__name__ if kind else "unknown"
    details = "".join([*traceback.format_tb(trace), name, "\n"])
    if os.environ.get("BULKLOAD_DEBUG"):
        click.echo(details, err=True)
        return 70
    handle, place = tempfile.mkstemp(prefix="bulkload-fault-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(details)
    complain(f"a fault of bulkload itself ({name}). Details are in {place}.")
    return 70
