"""The progress bar: rows done, rate and time left; nothing where the output is no terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from bulkload.load import Progress


@contextlib.contextmanager
def progress_bar(*, shown: bool) -> Iterator[Callable[[str], Progress]]:
    """Give a function that begins the bar of a file and returns what moves it."""
    if not shown or not sys.stderr.isatty():
        yield lambda _name: lambda _part, _rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]:,} rows"),
               TextColumn("{task.fields[rate]}"), TimeRemainingColumn())  # fmt: skip
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:

        def begin(name: str) -> Progress:
            task = bars.add_task(name, total=1.0, rows=0, rate="")

            def move(part: float, rows: int) -> None:
                elapsed = bars.tasks[task].elapsed or 0
                rate = f"{rows / elapsed:,.0f}/s" if rows > 0 and elapsed > 0.2 else ""
                bars.update(task, completed=part, rows=max(rows, 0), rate=rate)

            return move

        yield begin
