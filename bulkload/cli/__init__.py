"""The command line: one module for each group of commands; this one runs them and turns exceptions into exit codes."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

import click

from bulkload import __version__
from bulkload.cli.exporting import export
from bulkload.cli.loading import apply, validate
from bulkload.cli.reference import explain, template
from bulkload.cli.status import status
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


for command in (validate, apply, status, template, export, explain):
    commands.add_command(command)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        code = commands.main(prog_name="bulkload", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BulkloadError as error:
        click.echo(f"bulkload: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("bulkload: interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        click.echo(
            f"bulkload: {error.filename or 'a file'} could not be used: {error.strerror}. Nothing was applied.",
            err=True,
        )
        sys.exit(6)
    except Exception:  # noqa: BLE001 - the last door: whatever was not foreseen ends here
        sys.exit(fault())
    sys.exit(code if isinstance(code, int) else 0)


def fault() -> int:
    """Keep the details of a fault in a file that only this user can read, and say where."""
    if os.environ.get("BULKLOAD_DEBUG"):
        traceback.print_exc()
        return 70
    handle, name = tempfile.mkstemp(prefix="bulkload-fault-", suffix=".txt")
    Path(name).write_text(frames_only(), encoding="utf-8")
    os.close(handle)
    kind = sys.exc_info()[0]
    click.echo(
        f"bulkload: a fault of bulkload itself ({kind.__name__ if kind else 'unknown'}). Details are in {name}.",
        err=True,
    )
    return 70


def frames_only() -> str:
    """Return the traceback without the exception's own text, which may hold a value of the file."""
    kind, _, trace = sys.exc_info()
    return "".join(traceback.format_tb(trace)) + f"{kind.__name__ if kind else ''}\n"
