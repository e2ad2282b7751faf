"""Takes a file to its results in nine steps: identify, read, match, parse, check, resolve, decide, apply, report."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl

from bulkload import doubled, rules
from bulkload.check import check, faults, no_findings, parse, said
from bulkload.formats.batch import Batch, Span
from bulkload.recall import Recollection
from bulkload.results import RejectsFile, ResultsFile, Tally, results_frame
from bulkload.source import Source
from bulkload.spool import Spool
from bulkload.store import Store
from bulkload.store.tables import TABLES
from bulkload.template import Options, Placed, Run, Template, Write

WORKERS = 2
"""Batches that are looked at side by side; polars itself uses every core for each."""

AFTER_COLUMNS = 100_000
"""Positions of findings that are about the whole row, and, twice that, of those that the decision adds."""

Progress = Callable[[float, int], None]


@dataclass(slots=True)
class Outputs:
    """Where a load writes: each None where it is not wanted."""

    results: ResultsFile | None = None
    rejects: RejectsFile | None = None


@dataclass(slots=True)
class Load:
    """One file on its way: what is carried from step to step."""

    source: Source
    options: Options
    spool: Spool
    store: Store | None
    run: Run | None
    recollection: Recollection | None
    outputs: Outputs = field(default_factory=Outputs)
    progress: Progress = lambda _part, _rows: None
    tally: Tally = field(default_factory=Tally)
    spans: list[Span] = field(default_factory=list)
    left: list[Placed] = field(default_factory=list)

    @property
    def template(self) -> Template:
        """Return the template that the file was found to have."""
        return self.source.template


def load(one: Load) -> None:
    """Take a file through every step but the last: what is to be written to the store is in the spool.

    Everything before `decide` depends on single rows, so batches are looked at side by side; from
    `doubled_rows` on the whole file is known, and batches follow one another in file order.
    """
    for batch, looked in side_by_side(one):
        frame, findings, keys = looked
        one.spans.append(batch.span)
        number = f"{len(one.spans):06}"
        one.spool.add(f"rows-{number}", frame)
        one.spool.add(f"findings-{number}", findings)
        one.spool.add("keys", keys)
        if one.run is not None and one.recollection is not None:
            one.recollection.ask(one.run.asks(frame))
        one.progress(one.source.reader.progress * 0.7, batch.frame["row"][-1] - 1)
    if one.recollection is not None:
        one.recollection.find(one.spans)
    twice = doubled.doubled_rows(one.spool, one.template, sum(span.rows for span in one.spans))
    for nth, span in enumerate(one.spans, 1):
        rows = one.spool.take(f"rows-{nth:06}")
        said_before = one.spool.take(f"findings-{nth:06}")
        assert rows is not None
        stored = one.recollection.stored(nth - 1) if one.recollection is not None else {}
        settle(one, span, Settling(rows, no_findings() if said_before is None else said_before, twice, stored))
        one.progress(0.7 + 0.3 * nth / len(one.spans), span.first_row + span.rows - 2)


def side_by_side(one: Load) -> Iterator[tuple[Batch, tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]]]:
    """Yield the batches of a file in order, each with what looking at it gave."""
    waiting: deque[tuple[Batch, Future[tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]]]] = deque()
    with ThreadPoolExecutor(WORKERS, "look") as pool:
        try:
            for batch in one.source.reader.batches(pad=one.template.short_rows):
                waiting.append((batch, pool.submit(look, one, batch)))
                while len(waiting) > WORKERS or (waiting and waiting[0][1].done()):
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def look(one: Load, batch: Batch) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Parse, check and look up a batch: the frame that is left, its findings, the digests of its keys."""
    found = [no_findings()]
    frame = parse(batch, one.source.matched, one.template)
    if frame["fault"].null_count() < frame.height:
        found.append(faults(frame, one.source.matched.width))
    frame, findings, left = check_ready(frame, one.template.placed)
    found.append(findings)
    if one.run is not None:
        frame = one.run.look_up(frame)
        frame, findings, left = check_ready(frame, left)
        found.append(findings)
    one.left = left
    keys = doubled.digests(frame, one.template)
    return frame.select(kept(one, frame, left)), pl.concat(found), keys


def kept(one: Load, frame: pl.DataFrame, left: Sequence[Placed]) -> list[str]:
    """Return the columns that are still needed after the first look at a batch."""
    needed = {"row", "line", "fault", "ok"}
    if one.run is not None or one.outputs.results is not None:
        needed |= {f"text.{name}" for name in one.template.key}
    if one.run is not None:
        needed |= one.run.keeps
        for placed in left:
            needed |= placed.roots | {f"text.{placed.field.name}"}
            needed |= {name for _, name in rules.placeholders(placed.code.message) if name}
            needed |= {root for word in placed.words.values() for root in word.meta.root_names()}
    return [name for name in frame.columns if name in needed]


def check_ready(
    frame: pl.DataFrame, placed: tuple[Placed, ...] | list[Placed], *, later: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame, list[Placed]]:
    """Hold a frame against those rules whose columns it has; return it, the findings, and the rules left."""
    columns = set(frame.columns)
    ready = [one for one in placed if one.roots <= columns]
    left = [one for one in placed if not one.roots <= columns]
    frame, findings = check(frame, ready, later=later)
    return frame, findings, left


@dataclass(frozen=True, slots=True)
class Settling:
    """A batch as it comes from the first look, with what the rest of the file and the store add to it."""

    frame: pl.DataFrame
    findings: pl.DataFrame
    twice: pl.DataFrame
    stored: Mapping[str, pl.DataFrame]


def settle(one: Load, span: Span, batch: Settling) -> None:
    """Take a batch from its look-ups to its outcomes: doubled keys, recall, decide, report."""
    frame = batch.frame
    found = [batch.findings]
    here = batch.twice.filter(pl.col("row").is_between(span.first_row, span.first_row + span.rows - 1))
    if here.height:
        key = pl.concat_str([rules.quoted(pl.col(f"text.{name}")) for name in one.template.key], separator=", ")
        rows = frame.join(here, on="row", how="inner", maintain_order="left").with_columns(key.alias("key"))
        found.append(said(rows, one.template.doubled, None, AFTER_COLUMNS))
        frame = frame.with_columns(pl.col("ok") & ~pl.col("row").is_in(here["row"].implode()))
    left = one.left
    if one.run is None or one.store is None:
        outcome = pl.when("ok").then(pl.lit("accepted")).otherwise(pl.lit("rejected"))
        frame = frame.with_columns(outcome.alias("outcome"), pl.lit("").alias("changes"))
    else:
        frame = one.run.recall(frame, batch.stored)
        frame, more, left = check_ready(frame, left)
        found.append(more)
        decision = one.run.decide(frame)
        frame = decision.frame
        for write in decision.writes:
            set_aside(write, one.spool, one.store)
        rejected = pl.col("outcome") != "rejected"
        _, more, _ = check_ready(frame.filter(rejected), left, later=2 * AFTER_COLUMNS)
        found.append(more)
    report(one, span, frame, pl.concat(found))


def report(one: Load, span: Span, frame: pl.DataFrame, findings: pl.DataFrame) -> None:
    """Count a batch, and write its lines."""
    one.tally.add(frame["outcome"], findings)
    if one.outputs.results is None and one.outputs.rejects is None:
        return
    lines = results_frame(frame, findings, one.template)
    if one.outputs.results is not None:
        one.outputs.results.add(lines)
    if one.outputs.rejects is not None:
        one.outputs.rejects.add(span, lines)


INSERT_PARTS = 32
"""Parts that new records are spread over by their key: one of them is sorted, in memory, at a time."""


def set_aside(write: Write, spool: Spool, store: Store) -> None:
    """Keep what is to be written, by table and manner; new records in parts that follow the order of the key."""
    if write.frame.is_empty():
        return
    part = f"write-{write.table}-{write.how}"
    key = TABLES[write.table].key[0]
    if write.how != "insert" or key == "number":
        spool.add(part, write.frame)
        return
    width = store.next_number(key) // INSERT_PARTS + 1
    numbered = write.frame.with_columns((pl.col(key) // width).alias("part"))
    parts = numbered.partition_by("part", as_dict=True, include_key=False)
    for (number,), frame in parts.items():
        spool.add(f"{part}-{number:012}", frame)


def apply(spool: Spool, store: Store, job: int) -> None:
    """Write what was set aside, in the transaction that is open."""
    for table in TABLES.values():
        for frame in spool.look(f"write-{table.name}-delete"):
            store.delete(table.name, frame)
        for frame in spool.look(f"write-{table.name}-update"):
            store.update(table.name, frame, job)
        for part in spool.names(f"write-{table.name}-insert"):
            new = spool.take(part)
            if new is not None:
                store.insert(table.name, new.sort(table.key), job)
        for frame in spool.look(f"write-{table.name}-journal"):
            store.journal(table.name, frame, job)
