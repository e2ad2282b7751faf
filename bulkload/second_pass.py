"""The second pass over a file, in the order of its rows: the whole file is known, and each row gets its outcome."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import polars as pl

from bulkload import doubled, rules
from bulkload.ahead import ahead
from bulkload.check import check_ready
from bulkload.family import Write
from bulkload.first_pass import PART
from bulkload.formats.batch import Span
from bulkload.load import Load
from bulkload.results import lines_of
from bulkload.saying import Broken, Saying, no_findings
from bulkload.template import Distinct, Options

AFTER_COLUMNS = 100_000
"""Positions of findings that are about the whole row, and, twice that, of those that the decision adds."""


@dataclass(frozen=True, slots=True)
class Settling:
    """A batch as it comes from the first look, with what the rest of the file and the store add to it.

    `resting` are known rows that are not decided over, unless the file has their key twice.
    """

    frame: pl.DataFrame
    resting: pl.DataFrame | None
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


def second_pass(one: Load) -> None:
    """Settle all rows of a file that was looked at: what is to be written to the store is in the spool then."""
    rows = sum(span.rows for span in one.spans)
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
            settled_part = (nth + 1) / len(one.spans)
            one.progress(PART + (1 - PART) * settled_part, span.first_row + span.rows - one.spans[0].first_row)
        while reported:
            reported.popleft().result()
    if one.run is not None:
        one.tally.counts.update(one.run.counts)
        if one.writes is not None:
            one.writes.add(one.run.finish())


def taken(one: Load, nth: int, twice: Mapping[Distinct, pl.DataFrame]) -> Settling:
    """Take a batch out of the spool, with what the rest of the file and the store add to it."""
    frame = one.spool.take(f"rows-{nth:06}")
    known = one.spool.take(f"known-{nth:06}")
    findings = one.spool.take(f"findings-{nth:06}")
    frame = one.layout if frame is None else frame
    assert frame is not None
    if known is not None and one.run is not None and not one.run.rests:
        frame, known = merged(frame, known), None
    stored: dict[str, pl.DataFrame] = {}
    if one.run is not None and one.recollection is not None:
        stored = one.recollection.stored(nth, one.run.asks(frame))
    return Settling(frame, known, no_findings() if findings is None else findings, twice, stored)


def merged(frame: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of both in their order; known ones have not all columns."""
    return pl.concat([frame, known], how="diagonal").sort("row") if known.height else frame


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


def settle(one: Load, batch: Settling) -> Settled:
    """Take a batch from its look-ups to its outcomes: doubled keys, recall, decide."""
    saying = one.saying(one.settled)
    frame, found = without_doubles(batch.frame, batch.twice, saying)
    resting = batch.resting
    if resting is not None:
        resting, more = without_doubles(resting, batch.twice, saying)
        frame = merged(frame, resting.filter(~pl.col("ok")))
        resting, found = resting.filter("ok"), found + more
    found = [batch.findings, *found]
    if one.run is None:
        outcome = pl.when("ok").then(pl.lit("accepted")).otherwise(pl.lit("rejected"))
        return Settled(frame.with_columns(outcome.alias("outcome"), pl.lit("").alias("changes")), pl.concat(found))
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


def without_doubles(
    frame: pl.DataFrame, doubles: Mapping[Distinct, pl.DataFrame], saying: Saying
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Mark the rows that share what must tell rows apart; return also what is found of them."""
    found = []
    for nth, (distinct, twice) in enumerate(doubles.items()):
        here = twice.filter(pl.col("row").is_between(frame["row"].min(), frame["row"].max()))
        frame = frame.with_columns(pl.col("row").is_in(here["row"].implode()).alias(distinct.column))
        rows = frame.join(here, on="row", how="inner", maintain_order="left")
        if rows.height:
            rows = rows.with_columns(key_in_words(distinct))
            found.append(saying.say([Broken(distinct.code, None, AFTER_COLUMNS + nth, rows)]))
            if distinct.code.severity == "error":
                frame = frame.with_columns(pl.col("ok") & ~pl.col(distinct.column))
    return frame, found


def with_resting(decided: pl.DataFrame, resting: pl.DataFrame | None, options: Options) -> pl.DataFrame:
    """Put the rows that rest beside those that were decided over, with the columns that are reported."""
    if resting is None or resting.is_empty():
        return decided
    outcome = "skipped" if options.only == "create" else "unchanged"
    resting = resting.with_columns(pl.lit(outcome).alias("outcome"), pl.lit("").alias("changes"))
    names = [name for name in resting.columns if name in decided.columns]
    return pl.concat([decided.select(names), resting.select(names)]).sort("row")


def key_in_words(distinct: Distinct) -> pl.Expr:
    """Return the key's cells as a message names them."""
    if not distinct.names_key:
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
