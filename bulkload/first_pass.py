"""The first pass over a file: batches are parsed, checked and looked up side by side, for nothing here depends on other rows."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from bulkload import doubled, rules
from bulkload.check import check_ready, faults, lay
from bulkload.form import inspected
from bulkload.formats.batch import Batch, Span, by_batch
from bulkload.load import Load
from bulkload.parse import parse
from bulkload.saying import MANY, Broken, compact
from bulkload.template import Distinct, Placed

WORKERS, WITHOUT_STORE = 2, 3
"""Batches that are looked at side by side, and, since those have fewer columns, where there is no store; polars itself uses
every core for each. A third takes 5 percent less time; with a store a million rows would take more than 400 MB so."""

PART = 0.7
"""How much of the work is done when all rows have been looked at."""

MOVES = 0.2
"""Seconds between two movements of the progress bar where a file has no rows yet."""

FEW = 20_000
"""Rows up to which those that are not known wait for those of the next batches: to look at any takes 40 ms."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Rows as the first look leaves them: what is broken, or, where that is much, the findings; and the digests of what tells rows apart."""

    frame: pl.DataFrame
    keys: Mapping[Distinct, pl.DataFrame]
    broken: Sequence[Broken] = ()
    findings: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Parted:
    """A batch by what is known of its rows: known ones are looked at as far as they need it, the others in full, or not yet where they are few."""

    others: Looked | pl.DataFrame
    known: Looked | None = None


def first_pass(one: Load) -> None:
    """Look at all rows of a file, and set aside what the second pass needs of them, by batch."""
    rows = 0
    waiting: list[pl.DataFrame] = []
    with moving(one) as come:
        for span, parted in side_by_side(one):
            come.set()
            one.spans.append(span)
            if parted.known is not None:
                set_aside_rows(one, parted.known, "known")
            if isinstance(parted.others, Looked):
                look_at_waiting(one, waiting)
                set_aside(one, parted.others)
            else:
                waiting.append(parted.others)
                if sum(others.height for others in waiting) > FEW:
                    look_at_waiting(one, waiting)
            rows += span.rows
            one.progress(one.source.reader.progress * PART, rows)
    look_at_waiting(one, waiting)
    say(one)


@contextlib.contextmanager
def moving(one: Load) -> Iterator[threading.Event]:
    """Tell how much is read until the event is set, for some XML has no rows before it has been read through."""
    come = threading.Event()

    def move() -> None:
        while not come.wait(MOVES):
            one.progress(one.source.reader.progress * PART, 0)

    mover = threading.Thread(target=move, name="progress")
    mover.start()
    try:
        yield come
    finally:
        come.set()
        mover.join()


def look_at_waiting(one: Load, waiting: list[pl.DataFrame]) -> None:
    """Look at the few rows of each of the last batches that are not known."""
    if waiting:
        set_aside(one, look_at(one, pl.concat(waiting, how="diagonal")))
        waiting.clear()


def set_aside(one: Load, looked: Looked) -> None:
    """Set rows aside, what was found of them, and what they ask for."""
    set_aside_rows(one, looked, "rows")
    if looked.findings is not None:
        say(one)
        found(one, looked.findings)
    one.unsaid.add(looked.broken)
    if one.unsaid.rows > MANY:
        say(one)
    if one.run is not None and one.recollection is not None:
        one.recollection.ask(one.run.asks(looked.frame))
    if one.run is not None and one.gathering is not None:
        one.gathering.add(one.run.together(looked.frame))


def set_aside_rows(one: Load, looked: Looked, part: str) -> None:
    """Set rows aside by batch, and the digests of what tells them apart."""
    for number, frame in by_batch(looked.frame, one.spans):
        one.spool.add(f"{part}-{number:06}", frame)
    for distinct, digests in looked.keys.items():
        one.spool.add(distinct.column, digests)


def say(one: Load) -> None:
    """Say what the first look found, as far as it is not said yet."""
    found(one, one.unsaid.say(one.saying(one.looked)))


def found(one: Load, findings: pl.DataFrame) -> None:
    """Set findings aside."""
    for number, frame in by_batch(findings, one.spans):
        one.spool.add(f"findings-{number:06}", frame)
    one.looked.add(findings)


def side_by_side(one: Load) -> Iterator[tuple[Span, Parted]]:
    """Yield the batches of a file in order, each with what looking at it gave."""
    waiting: deque[tuple[Span, Future[Parted]]] = deque()
    workers = WITHOUT_STORE if one.run is None else WORKERS
    with ThreadPoolExecutor(workers, "look") as pool:
        remembered = pool.submit(remember, one)
        try:
            for batch in one.source.reader.batches(pad=one.template.short_rows):
                waiting.append((batch.span, pool.submit(look, one, batch, remembered)))
                while len(waiting) >= workers or (waiting and waiting[0][1].done()):
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


def look(one: Load, batch: Batch, remembered: Future[None]) -> Parted:
    """Parse, check and look up a batch; where rows of it are known, and the others few, those are left for later."""
    frame = lay(batch, one.source.matched, one.template)
    if one.run is None:
        return Parted(look_at(one, frame))
    frame = one.run.digest(frame)
    remembered.result()
    frame = one.run.recognize(frame)
    if "known" not in frame.columns or not frame["known"].any():
        return Parted(look_at(one, frame))
    needed = {
        *one.run.rereads,
        *one.template.errors_show,
        *one.template.key,
        *(name for distinct in one.template.distinct for name in distinct.by),
    }
    fields = [field for field in one.template.fields if field.name in needed]
    unread = [f"cell.{field.name}" for field in one.template.fields if field.name not in needed]
    known = parse(frame.drop(unread).filter("known"), fields)[0].with_columns(typed(one))
    keys = {distinct: doubled.digests(known, distinct) for distinct in one.template.distinct}
    if one.layout is None:
        one.layout = look_at(one, frame.clear()).frame
    looked = Looked(known.select(name for name in known.columns if name in one.layout.columns), keys)
    others = frame.filter(~pl.col("known"))
    return Parted(look_at(one, others) if others.height > FEW else compact(others), looked)


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
    needed |= {f"text.{name}" for distinct in one.template.distinct if distinct.names_key for name in distinct.by}
    if one.run is not None:
        needed |= one.run.keeps
        for placed in left:
            needed |= placed.roots | (set() if placed.field.secret else {f"text.{placed.field.name}"})
            needed |= {name for _, name in rules.placeholders(placed.code.message) if name}
            needed |= {root for word in placed.words.values() for root in word.meta.root_names()}
    return [name for name in frame.columns if name in needed]
