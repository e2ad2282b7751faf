"""Takes a file to its results in nine steps: identify, read, match, parse, check, resolve, decide, apply, report."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl

from bulkload import doubled, rules
from bulkload.check import Saying, check, faults, no_findings, parse, said
from bulkload.formats.batch import Batch, Span
from bulkload.recall import Recollection
from bulkload.results import FIRST, RejectsFile, ResultsFile, Tally, results_frame
from bulkload.source import Source
from bulkload.spool import Spool
from bulkload.template import Options, Placed, Run, Template, Write
from bulkload.writes import Writes

WORKERS = 2
"""Batches that are looked at side by side; polars itself uses every core for each."""

AFTER_COLUMNS = 100_000
"""Positions of findings that are about the whole row, and, twice that, of those that the decision adds."""

Progress = Callable[[float, int], None]

Looked = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
"""A batch as the first look leaves it, its findings, and the digests of its keys."""


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
    run: Run | None = None
    recollection: Recollection | None = None
    writes: Writes | None = None
    outputs: Outputs = field(default_factory=Outputs)
    progress: Progress = lambda _part, _rows: None
    tally: Tally = field(default_factory=Tally)
    spans: list[Span] = field(default_factory=list)
    left: list[Placed] = field(default_factory=list)

    @property
    def most_messages(self) -> int | None:
        """Return how many sentences of a code and batch are read by anybody: with results all of them."""
        return FIRST if self.outputs.results is None and self.outputs.rejects is None else None

    @property
    def template(self) -> Template:
        """Return the template that the file was found to have."""
        return self.source.template


@dataclass(frozen=True, slots=True)
class Settling:
    """A batch as it comes from the first look, with what the rest of the file and the store add to it."""

    frame: pl.DataFrame
    findings: pl.DataFrame
    twice: pl.DataFrame
    stored: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch whose outcomes are decided: what there is to be said of it, and to be written."""

    frame: pl.DataFrame
    findings: pl.DataFrame
    writes: Iterable[Write] = ()


def load(one: Load) -> None:
    """Take a file through every step but the last: what is to be written to the store is in the spool.

    Everything before `decide` depends on single rows, so batches are looked at side by side; from
    `doubled_rows` on the whole file is known, and batches follow one another in file order.
    """
    for span, (frame, findings, keys) in side_by_side(one):
        number = f"{len(one.spans):06}"
        one.spans.append(span)
        one.spool.add(f"rows-{number}", frame)
        one.spool.add(f"findings-{number}", findings)
        one.spool.add("keys", keys)
        if one.run is not None and one.recollection is not None:
            one.recollection.ask(one.run.asks(frame))
        one.progress(one.source.reader.progress * 0.7, span.first_row + span.rows - 2)
    if one.recollection is not None:
        one.recollection.find(one.spans)
    twice = doubled.doubled_rows(one.spool, one.template, sum(span.rows for span in one.spans))
    with ThreadPoolExecutor(1, "report") as reporter:
        reported: deque[Future[None]] = deque()
        for nth, span in enumerate(one.spans):
            settled = settle(one, span, taken(one, nth, twice))
            reported.append(reporter.submit(report, one, span, settled))
            while len(reported) > 1 or (reported and nth == len(one.spans) - 1):
                reported.popleft().result()
            one.progress(0.7 + 0.3 * (nth + 1) / len(one.spans), span.first_row + span.rows - 2)


def taken(one: Load, nth: int, twice: pl.DataFrame) -> Settling:
    """Take a batch out of the spool, with what the rest of the file and the store add to it."""
    frame = one.spool.take(f"rows-{nth:06}")
    findings = one.spool.take(f"findings-{nth:06}")
    assert frame is not None
    stored: Mapping[str, pl.DataFrame] = {}
    if one.run is not None and one.recollection is not None:
        stored = one.recollection.stored(nth, one.run.asks(frame))
    return Settling(frame, no_findings() if findings is None else findings, twice, stored)


def side_by_side(one: Load) -> Iterator[tuple[Span, Looked]]:
    """Yield the batches of a file in order, each with what looking at it gave."""
    waiting: deque[tuple[Span, Future[Looked]]] = deque()
    with ThreadPoolExecutor(WORKERS, "look") as pool:
        try:
            for batch in one.source.reader.batches(pad=one.template.short_rows):
                waiting.append((batch.span, pool.submit(look, one, batch)))
                while len(waiting) > WORKERS or (waiting and waiting[0][1].done()):
                    span, future = waiting.popleft()
                    yield span, future.result()
            while waiting:
                span, future = waiting.popleft()
                yield span, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def look(one: Load, batch: Batch) -> Looked:
    """Parse, check and look up a batch: the frame that is left, its findings, the digests of its keys."""
    found, saying = [no_findings()], Saying(most=one.most_messages)
    frame = parse(batch, one.source.matched, one.template)
    if frame["fault"].null_count() < frame.height:
        found.append(faults(frame, one.source.matched.width))
    frame, findings, left = check_ready(frame, one.template.placed, saying)
    found.append(findings)
    if one.run is not None:
        frame = one.run.look_up(frame)
        frame, findings, left = check_ready(frame, left, saying)
        found.append(findings)
    one.left = left
    keys = doubled.digests(frame, one.template)
    return frame.select(kept(one, frame, left)), pl.concat(found), keys


def kept(one: Load, frame: pl.DataFrame, left: Sequence[Placed]) -> list[str]:
    """Return the columns that are still needed after the first look at a batch."""
    needed = {"row", "line", "fault", "ok"}
    if one.run is not None or one.outputs.results is not None or "{key}" in one.template.doubled.message:
        needed |= {f"text.{name}" for name in one.template.key}
    if one.run is not None:
        needed |= one.run.keeps
        for placed in left:
            needed |= placed.roots | {f"text.{placed.field.name}"}
            needed |= {name for _, name in rules.placeholders(placed.code.message) if name}
            needed |= {root for word in placed.words.values() for root in word.meta.root_names()}
    return [name for name in frame.columns if name in needed]


def check_ready(
    frame: pl.DataFrame, placed: Sequence[Placed], saying: Saying
) -> tuple[pl.DataFrame, pl.DataFrame, list[Placed]]:
    """Hold a frame against those rules whose columns it has; return it, the findings, and the rules left."""
    columns = set(frame.columns)
    ready = [rule for rule in placed if rule.roots <= columns]
    left = [rule for rule in placed if not rule.roots <= columns]
    frame, findings = check(frame, ready, saying)
    return frame, findings, left


def settle(one: Load, span: Span, batch: Settling) -> Settled:
    """Take a batch from its look-ups to its outcomes: doubled keys, recall, decide."""
    frame, most = batch.frame, one.most_messages
    found = [batch.findings]
    here = batch.twice.filter(pl.col("row").is_between(span.first_row, span.first_row + span.rows - 1))
    if here.height:
        rows = frame.join(here, on="row", how="inner", maintain_order="left")
        found.append(said(rows.with_columns(key_in_words(one)), one.template.doubled, None, AFTER_COLUMNS, most))
        frame = frame.with_columns(pl.col("ok") & ~pl.col("row").is_in(here["row"].implode()))
    if one.run is None:
        outcome = pl.when("ok").then(pl.lit("accepted")).otherwise(pl.lit("rejected"))
        return Settled(frame.with_columns(outcome.alias("outcome"), pl.lit("").alias("changes")), pl.concat(found))
    frame = one.run.recall(frame, batch.stored)
    frame, findings, left = check_ready(frame, one.left, Saying(most=most))
    found.append(findings)
    decision = one.run.decide(frame)
    accepted = Saying(pl.col("outcome") != "rejected", 2 * AFTER_COLUMNS, most)
    _, findings, _ = check_ready(decision.frame, left, accepted)
    found.append(findings)
    return Settled(decision.frame, pl.concat(found), decision.writes)


def key_in_words(one: Load) -> pl.Expr:
    """Return the key's cells as a message names them."""
    if "{key}" not in one.template.doubled.message:
        return pl.lit("").alias("key")
    cells = [rules.quoted(pl.col(f"text.{name}")) for name in one.template.key]
    return pl.concat_str(cells, separator=", ").alias("key")


def report(one: Load, span: Span, settled: Settled) -> None:
    """Count a batch, set aside what it writes to the store, and write its lines."""
    one.tally.add(settled.frame["outcome"], settled.findings)
    if one.writes is not None:
        one.writes.add(settled.writes)
    if one.outputs.results is None and one.outputs.rejects is None:
        return
    lines = results_frame(settled.frame, settled.findings, one.template)
    if one.outputs.results is not None:
        one.outputs.results.add(lines)
    if one.outputs.rejects is not None:
        one.outputs.rejects.add(span, lines)
