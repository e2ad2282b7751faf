"""Makes the next of a series in a thread, while the last one is being used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

One = TypeVar("One")


def ahead(series: Iterator[One]) -> Iterator[One]:
    """Yield what a series yields, always with the next one being made; an error of the series is raised here."""
    with ThreadPoolExecutor(1, "ahead") as pool:
        coming = pool.submit(next, series, None)
        while (one := coming.result()) is not None:
            coming = pool.submit(next, series, None)
            yield one
