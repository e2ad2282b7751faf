"""Measures bulkload beside its peers, in alternating pairs, and prints a table: `.venv/bin/python -m tests.benchmarks`.

Run from the repository's folder. Timings are for people: nothing is asserted, and pytest never runs this.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bulkload
from tests.benchmarks.cases import Case, Place, cases
from tests.benchmarks.measure import measure
from tests.benchmarks.report import Measured, line, machine, table

REFERENCE = (
    *("event.csv", "user.csv", "roster-field.csv", "completion.csv"),
    *("school.csv", "license-order.csv"),
    *("course.csv", "credit-type.csv", "course-credit.csv"),
)


def main() -> None:
    """Measure what was asked for and print it."""
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="bulkload-work-", dir=given.folder) as work:
        place = Place(given.folder / f"{given.rows}", Path(work), shlex.split(given.bulkload), given.rows, given.times)
        prepare(place)
        about = machine() | {"load before": loaded()}
        chosen = [
            one for one in cases(place) if not given.only or any(one.name.startswith(name) for name in given.only)
        ]
        every = list(measured(chosen, place))
        about["load after"] = loaded()
    print_all(every, about, markdown=given.markdown)
    if given.json:
        said = {"about": about, "rows": given.rows, "cases": [one.as_dict() for one in every]}
        said["lines"] = [line(one) for one in every]
        given.json.write_text(json.dumps(said, indent=2))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="rows of the file; half as many students (default: %(default)s)"
    )
    parser.add_argument("--times", type=int, default=5, help="how many times as long the long file is (default: 5)")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a case, or the beginning of some; may be repeated"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples to a file")
    parser.add_argument("--markdown", action="store_true", help="print the table as the README has it")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "bulkload-benchmarks",
                        help="where the files are made, and kept for the next time (default: %(default)s)")  # fmt: skip
    parser.add_argument("--bulkload", metavar="COMMAND", default=str(Path(sys.executable).with_name("bulkload")),
                        help="the command to measure (default: %(default)s)")  # fmt: skip
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    return given


def prepare(place: Place) -> None:
    """Make the files, if they are not there from an earlier run, and the store with the reference data.

    The modules are compiled first, as pip does where it installs them.
    """
    compileall.compile_dir(Path(bulkload.__file__).parent, quiet=1)
    made = place.data / f"made-with-course-records-{place.times}"
    if not made.exists():
        say(f"making files in {place.data}")
        generator = [sys.executable, "-m", "tests.benchmarks.generate", str(place.data), str(place.rows)]
        subprocess.run([*generator, str(place.times)], check=True)
        made.touch()
    files = [str(place.data / name) for name in REFERENCE]
    apply = [*place.bulkload, "apply", "--quiet", "--store", str(place.prepared), "--results", str(place.work)]
    subprocess.run([*apply, *files], check=True)


def measured(chosen: list[Case], place: Place) -> Iterator[Measured]:
    """Measure cases one after another."""
    for case in chosen:
        say(f"measuring {case.name}")
        yield measure_case(case, place)


def measure_case(case: Case, place: Place) -> Measured:
    """Run both sides of a case in turn, the peer first; the first pair warms up and does not count."""
    result = Measured(case)
    if case.peer and not shutil.which(case.peer.command[0]):
        result.note = f"skipped: {case.peer.command[0]} shell not installed"
        return result
    ours, peer = place.work / "ours.json", place.work / "peer.json"
    for number in range(case.runs if case.runs == 1 else case.runs + 1):
        counts = case.runs == 1 or number > 0
        for step, samples, said in ((case.peer, result.peer, peer), (case.ours, result.ours, ours)):
            if step is not None:
                step.before()
                sample = measure(step.command, said, step.accepted)
                say(f"  {step.label}: {sample.wall:.2f} s, {sample.cpu:.2f} s CPU, {sample.peak:.0f} MB")
                if counts:
                    samples.append(sample)
    if case.agree:
        differs = case.agree(ours, peer)
        result.note = f"(counts differ: {differs})" if differs else "(counts by code agree)"
    return result


def print_all(every: list[Measured], about: dict[str, str], *, markdown: bool) -> None:
    """Print the table, and below it what it depends on."""
    print(table(every, markdown=markdown))
    print()
    for name, text in about.items():
        print(f"- {name}: {text}" if markdown else f"{name}: {text}")


def loaded() -> str:
    """Return how many processes waited for a processor in the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def say(text: str) -> None:
    """Tell on stderr what is being done."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
