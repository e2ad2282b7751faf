"""Takes a file to its results in nine steps: identify, read, match, parse, check, resolve, decide, apply, report."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import polars as pl

from bulkload import doubled, rules
from bulkload.ahead import ahead
from bulkload.check import check, faults, lay
from bulkload.family import Run, Write
from bulkload.form import inspected
from bulkload.formats.batch import Batch, Span
from bulkload.gather import Gathering
from bulkload.parse import Repeated, parse
from bulkload.recall import Recollection
from bulkload.results import ErrorsFile, RejectsFile, ResultsFile, Tally, lines_of
from bulkload.saying import FIRST, MANY, Broken, Saying, Told, Unsaid, no_findings
from bulkload.source import Source
from bulkload.spool import Spool
from bulkload.template import Distinct, Options, Placed, Template
from bulkload.writes import Writes

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
    errors: ErrorsFile | None = None

    @property
    def wanted(self) -> list[ResultsFile | RejectsFile | ErrorsFile]:
        """Return those that are wanted."""
        return [one for one in (self.results, self.rejects, self.errors) if one is not None]


@dataclass(slots=True)
class Load:
    """One file on its way: what is carried from step to step."""

    source: Source
    options: Options
    spool: Spool
    run: Run | None = None
    recollection: Recollection | None = None
    gathering: Gathering | None = None
    writes: Writes | None = None
    outputs: Outputs = field(default_factory=Outputs)
    progress: Progress = lambda _part, _rows: None
    tally: Tally = field(default_factory=Tally)
    spans: list[Span] = field(default_factory=list)
    left: list[Placed] = field(default_factory=list)
    unsaid: Unsaid = field(default_factory=Unsaid)
    looked: Told = field(default_factory=Told)
    settled: Told = field(default_factory=Told)

    def saying(self, told: Told, later: int = 0) -> Saying:
        """Return which sentences are read by anybody: with results all of them, else the first few of each code."""
        return Saying(later) if self.outputs.wanted else Saying(later, FIRST, told.enough)

    @property
    def template(self) -> Template:
        """Return the template that the file was found to have."""
        return self.source.template


@dataclass(frozen=True, slots=True)
class Looked:
    """A batch as the first look leaves it: its broken rows, or, where they are many, its findings; and the digests of what tells rows apart."""

    frame: pl.DataFrame
    keys: Mapping[Distinct, pl.DataFrame]
    broken: Sequence[Broken] = ()
    findings: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Settling:
    """A batch as it comes from the first look, with what the rest of the file and the store add to it."""

    frame: pl.DataFrame
    findings: pl.DataFrame
    twice: Mapping[Distinct, pl.DataFrame]
    stored: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch whose outcomes are decided: what there is to be said of it, and to be written."""

    frame: pl.DataFrame
    findings: pl.DataFrame
    writes: Iterable[Write] = ()
    carried: Mapping[str, pl.DataFrame] = field(default_factory=dict)


def load(one: Load) -> None:
    """Take a file through every step but the last: what is to be written to the store is in the spool.

    Everything before `decide` depends on single rows, so batches are looked at side by side; from
    `doubled_rows` on the whole file is known, and batches follow one another in file order.
    """
    rows = 0
    for span, looked in side_by_side(one):
        one.spool.add(f"rows-{len(one.spans):06}", looked.frame)
        note(one, looked)
        for distinct, digests in looked.keys.items():
            one.spool.add(distinct.column, digests)
        if one.run is not None and one.recollection is not None:
            one.recollection.ask(one.run.asks(looked.frame))
        if one.run is not None and one.gathering is not None:
            one.gathering.add(one.run.together(looked.frame))
        one.spans.append(span)
        rows += span.rows
        one.progress(one.source.reader.progress * 0.7, rows)
    say(one)
    if one.gathering is not None:
        one.gathering.look(one.spans)
    if one.recollection is not None:
        one.recollection.find(one.spans)
    twice = {distinct: doubled.doubled_rows(one.spool, distinct, rows) for distinct in one.template.distinct}
    with ThreadPoolExecutor(1, "report") as reporter:
        reported: deque[Future[None]] = deque()
        coming = ahead(taken(one, nth, twice) for nth in range(len(one.spans)))
        for nth, (span, whole) in enumerate(zip(one.spans, coming, strict=True)):
            for batch in slices(gathered(one, nth, whole), one.run.at_once if one.run is not None else None):
                settled = settle(one, batch)
                if one.gathering is not None:
                    one.gathering.carry(settled.carried)
                reported.append(reporter.submit(report, one, span, settled))
                if len(reported) > 1:
                    reported.popleft().result()
            one.progress(0.7 + 0.3 * (nth + 1) / len(one.spans), span.first_row + span.rows - one.spans[0].first_row)
        while reported:
            reported.popleft().result()
    if one.run is not None:
        one.tally.counts.update(one.run.counts)
        if one.writes is not None:
            one.writes.add(one.run.finish())


def note(one: Load, looked: Looked) -> None:
    """Note what the first look at the next batch found, in the order of the rows."""
    number = len(one.spans)
    if looked.findings is not None:
        say(one)
        found(one, number, looked.findings)
    one.unsaid.add(number, looked.broken)
    if one.unsaid.rows > MANY:
        say(one)


def say(one: Load) -> None:
    """Say what the first look found, as far as it is not said yet."""
    for number, findings in one.unsaid.say(one.saying(one.looked)):
        found(one, number, findings)


def found(one: Load, number: int, findings: pl.DataFrame) -> None:
    """Set the findings of a batch aside."""
    one.spool.add(f"findings-{number:06}", findings)
    one.looked.add(findings)


def taken(one: Load, nth: int, twice: Mapping[Distinct, pl.DataFrame]) -> Settling:
    """Take a batch out of the spool, with what the rest of the file and the store add to it."""
    frame = one.spool.take(f"rows-{nth:06}")
    findings = one.spool.take(f"findings-{nth:06}")
    assert frame is not None
    stored: dict[str, pl.DataFrame] = {}
    if one.run is not None and one.recollection is not None:
        stored = one.recollection.stored(nth, one.run.asks(frame))
    return Settling(frame, no_findings() if findings is None else findings, twice, stored)


def gathered(one: Load, nth: int, batch: Settling) -> Settling:
    """Add what was gathered for the rows of a batch, and what the batches before it, once settled, carry to them."""
    return batch if one.gathering is None else replace(batch, stored={**batch.stored, **dict(one.gathering.of(nth))})


def slices(batch: Settling, at_once: int | None) -> Iterator[Settling]:
    """Yield a batch in parts of so many rows; None: as it is."""
    if at_once is None or batch.frame.height <= at_once:
        yield batch
        return
    for frame in batch.frame.iter_slices(at_once):
        here = batch.findings["row"].is_between(frame["row"][0], frame["row"][-1])
        yield replace(batch, frame=frame, findings=batch.findings.filter(here))


def side_by_side(one: Load) -> Iterator[tuple[Span, Looked]]:
    """Yield the batches of a file in order, each with what looking at it gave."""
    waiting: deque[tuple[Span, Future[Looked]]] = deque()
    with ThreadPoolExecutor(WORKERS, "look") as pool:
        remembered = pool.submit(remember, one)
        try:
            for batch in one.source.reader.batches(pad=one.template.short_rows):
                waiting.append((batch.span, pool.submit(look, one, batch, remembered)))
                while len(waiting) >= WORKERS or (waiting and waiting[0][1].done()):
                    span, future = waiting.popleft()
                    yield span, future.result()
            while waiting:
                span, future = waiting.popleft()
                yield span, future.result()
            remembered.result()
        finally:
            pool.shutdown(cancel_futures=True)


def remember(one: Load) -> None:
    """Let the run fetch what it recognizes rows by."""
    if one.run is not None:
        one.run.remember(os.fstat(one.source.reader.fileno()).st_size)


def look(one: Load, batch: Batch, remembered: Future[None]) -> Looked:
    """Parse, check and look up a batch."""
    frame = lay(batch, one.source.matched, one.template)
    if one.run is None:
        return look_at(one, frame)
    frame = one.run.digest(frame)
    remembered.result()
    frame = one.run.recognize(frame)
    if "known" not in frame.columns or not frame["known"].any():
        return look_at(one, frame)
    needed = {
        *one.run.rereads,
        *one.template.errors_show,
        *one.template.key,
        *(name for distinct in one.template.distinct for name in distinct.by),
    }
    fields = [field for field in one.template.fields if field.name in needed]
    unread = [f"cell.{field.name}" for field in one.template.fields if field.name not in needed]
    known = parse(frame.drop(unread).filter("known"), fields)[0].with_columns(typed(one))
    rest = look_at(one, frame.filter(~pl.col("known")))
    digests = {key: pl.concat([rows, doubled.digests(known, key)]) for key, rows in rest.keys.items()}
    left = known.select(name for name in known.columns if name in rest.frame.columns)
    return replace(rest, frame=pl.concat([rest.frame, left], how="diagonal").sort("row"), keys=digests)


def look_at(one: Load, frame: pl.DataFrame) -> Looked:
    """Parse, check and look up rows that are not known."""
    found: list[Broken] = []
    saying = one.saying(one.looked)
    if one.template.guarded:
        frame, odd = inspected(frame, one.template, one.options)
        found += odd
    frame, repeated = parse(frame, one.template.fields)
    frame = frame.with_columns(**one.options.columns)
    if frame["fault"].null_count() < frame.height:
        found += faults(frame, one.source.matched.width, one.template)
    frame, broken, left = check_ready(frame, one.template.placed, saying, repeated)
    found += broken
    if one.run is not None:
        frame = one.run.look_up(frame)
        frame, broken, left = check_ready(frame, left, saying)
        found += broken
    one.left = left
    keys = {distinct: doubled.digests(frame, distinct) for distinct in one.template.distinct}
    frame = frame.select(*kept(one, frame, left), *typed(one))
    if sum(broken.rows.height for broken in found) > MANY:
        return Looked(frame, keys, findings=saying.say(found))
    return Looked(frame, keys, found)


def typed(one: Load) -> list[pl.Expr]:
    """Return the cells that a file of all findings shows, as `typed.x`."""
    if one.outputs.errors is None:
        return []
    return [pl.col(f"cell.{name}").alias(f"typed.{name}") for name in one.template.errors_show]


def kept(one: Load, frame: pl.DataFrame, left: Sequence[Placed]) -> list[str]:
    """Return the columns that are still needed after the first look at a batch."""
    needed = {"row", "line", "fault", "ok"}
    if one.run is not None or one.outputs.wanted:
        needed |= {f"text.{name}" for name in one.template.key}
        if one.template.log is not None:
            needed |= one.template.log.roots
    needed |= {f"text.{name}" for distinct in one.template.distinct if names_key(distinct) for name in distinct.by}
    if one.run is not None:
        needed |= one.run.keeps
        for placed in left:
            needed |= placed.roots | (set() if placed.field.secret else {f"text.{placed.field.name}"})
            needed |= {name for _, name in rules.placeholders(placed.code.message) if name}
            needed |= {root for word in placed.words.values() for root in word.meta.root_names()}
    return [name for name in frame.columns if name in needed]


def check_ready(
    frame: pl.DataFrame,
    placed: Sequence[Placed],
    saying: Saying,
    repeated: Mapping[str, Repeated] = MappingProxyType({}),
) -> tuple[pl.DataFrame, list[Broken], list[Placed]]:
    """Hold a frame against those rules whose columns it has; return it, the broken rows, and the rules left."""
    columns = set(frame.columns)
    ready = [rule for rule in placed if rule.roots <= columns]
    left = [rule for rule in placed if not rule.roots <= columns]
    frame, broken = check(frame, ready, saying, repeated)
    return frame, broken, left


def settle(one: Load, batch: Settling) -> Settled:
    """Take a batch from its look-ups to its outcomes: doubled keys, recall, decide."""
    frame, saying = batch.frame, one.saying(one.settled)
    found = [batch.findings]
    for nth, (distinct, twice) in enumerate(batch.twice.items()):
        here = twice.filter(pl.col("row").is_between(frame["row"][0], frame["row"][-1]))
        frame = frame.with_columns(pl.col("row").is_in(here["row"].implode()).alias(distinct.column))
        if here.height:
            rows = frame.join(here, on="row", how="inner", maintain_order="left")
            rows = rows.with_columns(key_in_words(distinct))
            found.append(saying.say([Broken(distinct.code, None, AFTER_COLUMNS + nth, rows)]))
            if distinct.code.severity == "error":
                frame = frame.with_columns(pl.col("ok") & ~pl.col(distinct.column))
    if one.run is None:
        outcome = pl.when("ok").then(pl.lit("accepted")).otherwise(pl.lit("rejected"))
        return Settled(frame.with_columns(outcome.alias("outcome"), pl.lit("").alias("changes")), pl.concat(found))
    frame, resting = parted(one.run, frame)
    frame = one.run.recall(frame, batch.stored)
    frame, broken, left = check_ready(frame, one.left, saying)
    found.append(saying.say(broken))
    noted = pl.concat(found)["row"].unique().implode()
    decision = one.run.decide(frame.with_columns(pl.col("row").is_in(noted).alias("noted")))
    saying = one.saying(one.settled, 2 * AFTER_COLUMNS)
    _, broken, _ = check_ready(decision.frame, left, saying)
    found.append(saying.say(broken))
    one.settled.add(pl.concat(found[1:]))
    frame = with_resting(decision.frame, resting, one.options)
    return Settled(frame, pl.concat(found), decision.writes, decision.carried)


def parted(run: Run, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Part the rows that rest from those that are decided over; None where there are none."""
    if not run.rests or "known" not in frame.columns or not frame["known"].any():
        return frame, None
    rests = pl.col("known") & pl.col("ok")
    return frame.filter(~rests), frame.filter(rests)


def with_resting(decided: pl.DataFrame, resting: pl.DataFrame | None, options: Options) -> pl.DataFrame:
    """Put the rows that rest beside those that were decided over, with the columns that are reported."""
    if resting is None:
        return decided
    outcome = "skipped" if options.only == "create" else "unchanged"
    resting = resting.with_columns(pl.lit(outcome).alias("outcome"), pl.lit("").alias("changes"))
    names = [name for name in resting.columns if name in decided.columns]
    return pl.concat([decided.select(names), resting.select(names)]).sort("row")


def names_key(distinct: Distinct) -> bool:
    """Say whether the sentence of a doubled key repeats the key."""
    return "{key}" in distinct.code.message


def key_in_words(distinct: Distinct) -> pl.Expr:
    """Return the key's cells as a message names them."""
    if not names_key(distinct):
        return pl.lit("").alias("key")
    cells = [rules.quoted(pl.col(f"text.{name}")) for name in distinct.by]
    return pl.concat_str(cells, separator=", ").alias("key")


def report(one: Load, span: Span, settled: Settled) -> None:
    """Count a batch, set aside what it writes to the store, and write its lines."""
    one.tally.add(settled.frame["outcome"], settled.findings)
    if one.writes is not None:
        one.writes.add(settled.writes)
    if not one.outputs.wanted:
        return
    lines = lines_of(settled.frame, settled.findings, one.template)
    if one.outputs.results is not None:
        one.outputs.results.add(lines)
    if one.outputs.rejects is not None:
        one.outputs.rejects.add(span, lines)
    if one.outputs.errors is not None:
        one.outputs.errors.add(settled.frame, settled.findings)
