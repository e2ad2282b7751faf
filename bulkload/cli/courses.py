"""The commands for course records: `unlock`, `report pars`, `credit`."""

from __future__ import annotations

import sys

import click

from bulkload.cli.common import as_json, chosen, clock, format_option, now_option, printable, site_option, store_option


@click.command()
@click.argument("template")
@click.option("--course", metavar="ID", help="The importer of this course; else the global one.")
@click.option("--yes", "sure", is_flag=True, help="Do not ask.")
@store_option
@site_option
@now_option
def unlock(template: str, course: str | None, sure: bool, store: str | None, site: str | None, now: str | None) -> int:
    """Show the lock of an importer and lift it, once the file has been looked at.

    A file with a discrepancy of form locks its importer: see what it was, mend the file, lift the lock, and
    import the file again. Who lifted it is kept. Ends with 5 where the lock stays.

    \b
    Examples:
      bulkload unlock course-record
      bulkload unlock course-record --course CME-2015-07 --yes
    """
    from bulkload.config import chosen_store, may, settings
    from bulkload.errors import UsageError
    from bulkload.jobs import whoami
    from bulkload.store import locks, open_store
    from bulkload.templates import template_named

    found = settings()
    may(found, whoami(), "unlock")
    one = template_named(template)
    if not one.guarded:
        raise UsageError(f"The template {template} has no lock; course-record has.")
    with open_store(chosen_store(found, store, site).store) as opened:
        lock = locks.standing(opened, one.name, course or "")
        if lock is None:
            click.echo(f"{'The importer of the course ' + course if course else 'The global importer'} is not locked.")
            return 0
        click.echo(
            printable(
                f"{lock.sentence}.\nFound in {lock.file}:\n" + "\n".join(f"  {line}" for line in lock.why.split("\n"))
            )
        )
        if not sure:
            if not sys.stdin.isatty():
                raise UsageError("Nobody can be asked here: give --yes to lift the lock.")
            if not click.confirm("Lift the lock?"):
                click.echo("The lock stays.")
                return 5
        if not locks.lift(opened, lock, whoami(), int(clock(now).timestamp())):
            click.echo("Somebody else has lifted the lock meanwhile.")
            return 0
        click.echo(printable(f"The lock is lifted, by {whoami()}. Import the mended file now."))
    return 0


@click.group()
def report() -> None:
    """Count what is in the store.

    \b
    Example:
      bulkload report pars
    """


@report.command("pars")
@click.option("--course", metavar="ID", help="This course alone.")
@store_option
@site_option
@format_option
def pars_report(course: str | None, store: str | None, site: str | None, form: str | None) -> int:
    """Count learners by participant category, each once for each course.

    Counted are records imported with --course that have enrollment_start and participant_category; legacy
    records of the global importer are never among them.

    \b
    Examples:
      bulkload report pars
      bulkload report pars --course CME-2015-07 --format json
    """
    from bulkload.cli.status import print_table
    from bulkload.config import chosen_store, settings
    from bulkload.pars import pars
    from bulkload.store import open_store
    from bulkload.templates.course_record import CATEGORIES

    style = chosen(form)  # type: ignore[arg-type]
    with open_store(chosen_store(settings(), store, site).store) as opened:
        counts = pars(opened, CATEGORIES, course)
    if style == "json":
        rows = [
            {"category": one.category, "learners": one.learners, "with_credit": one.with_credit, "without_credit": one.without_credit}
            for one in counts
        ]  # fmt: skip
        click.echo(as_json({"course": course, "counts": rows}))
        return 0
    lines = [(one.category, f"{one.learners:,}", f"{one.with_credit:,}", f"{one.without_credit:,}") for one in counts]
    print_table(("category", "learners", "with credit", "without credit"), lines, style)
    return 0


@click.command()
@click.argument("course")
@click.argument("learner")
@click.argument("credit_type", metavar="TYPE")
@click.argument("amount")
@click.option("--wait", type=click.FloatRange(min=0), default=600, show_default=True, metavar="SECONDS",
              help="How long to wait for another run on the same store.")  # fmt: skip
@store_option
@site_option
@now_option
def credit(wait: float, store: str | None, site: str | None, now: str | None, **asked: str) -> int:
    """Change the credit of one learner by hand, which a file cannot; 0 takes it away.

    LEARNER is an id or an address. The rules of files hold: credit is for completed records, and within what
    the course gives. It is a job of its own, and what the credit was before is kept.

    \b
    Example:
      bulkload credit CME-2015-07 4711 ama 1.25
    """
    from bulkload.config import chosen_store, may, settings
    from bulkload.credit import Change, change_credit, shown
    from bulkload.jobs import whoami
    from bulkload.store import open_store

    found = settings()
    may(found, whoami(), "credit")
    with open_store(chosen_store(found, store, site).store) as opened:
        done = change_credit(opened, Change(**asked), now=clock(now), wait=wait)
    said = "is already" if done.before == done.now else f"was {shown(done.before)} and is"
    whose = "The {credit_type} credit of {learner} in {course}".format(**asked)
    click.echo(printable(f"{whose} {said} {shown(done.now)} (job {done.job})."))
    return 0
