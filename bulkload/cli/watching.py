"""The commands of unattended work: `watch`, `purge`, `check-config`."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulkload.cli.common import Command, clock, now_option, say, site_option, store_option
from bulkload.cli.loading import ALLOCATOR

if TYPE_CHECKING:
    from bulkload.config import Settings
    from bulkload.logs import Log
    from bulkload.sites import Site
    from bulkload.watching.service import Watch

AT_ONCE = "at once"

OPTIONS = (
    click.option("--once", is_flag=True, help="Handle what is there and end: for cron."),
    click.option("--site", "names", multiple=True, metavar="NAME", help="This site alone; may be repeated."),
    click.option("--now", metavar="[TIMESTAMP]", is_flag=False, flag_value=AT_ONCE,
                 help="Process what is queued now, whatever its time of day; with a TIMESTAMP (ISO 8601) take that as the time now."),
    click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True,
                 help="How each line of the log is written."),
    click.option("--log-file", metavar="FILE", type=click.Path(path_type=Path), help="Where the log goes, in files that rotate; else to stderr."),
    click.option("--print-systemd", "prints", flag_value="systemd", help="Print a unit of systemd, and do nothing else."),
    click.option("--print-cron", "prints", flag_value="cron", help="Print a line for a crontab, and do nothing else."),
)  # fmt: skip


def watch_options(command: Command) -> Command:
    """Add the options of `watch`, in the order that help shows them."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command()
@watch_options
def watch(once: bool, names: tuple[str, ...], now: str | None, prints: str | None, **log: Any) -> int:
    """Watch the drop folders of the configured sites, process what comes, send mail.

    Stops at SIGTERM or Ctrl-C, after the file in hand. What is on its way then goes on at the next start.

    \b
    Examples:
      bulkload watch
      bulkload watch --once --site north
      bulkload watch --print-systemd > /etc/systemd/system/bulkload.service
    """
    os.environ.setdefault("_RJEM_MALLOC_CONF", ALLOCATOR)
    from bulkload.config import settings

    found = settings()
    sites = sites_named(found, names)
    if prints:
        print_installation(prints, found, names, log["log_file"])
        return 0
    from bulkload.checkup import refuse_wrong
    from bulkload.watching.service import watches

    refuse_wrong(sites)
    fixed = None if now in {None, AT_ONCE} else now
    with contextlib.closing(log_of(**log)) as written:
        every = watches(sites, found, clock=lambda: clock(fixed), log=written, at_once=now == AT_ONCE)
        return run(every, written, once=once)


def run(every: list[Watch], log: Log, *, once: bool) -> int:
    """Run what watches the sites, until a signal says stop, or once; return the exit code."""
    from bulkload.watching.service import in_threads

    def stop(*_: object) -> None:
        for one in every:
            one.stop.set()
            one.wake.set()

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        if once:
            codes: list[int] = []
            in_threads(every, lambda one: codes.append(one.once()))
            return max(codes)
        log("started", sites=[one.site.name for one in every], process=os.getpid())
        in_threads(every, lambda one: one.run())
        log("stopped", process=os.getpid())
        return 0
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def sites_named(found: Settings, names: tuple[str, ...]) -> list[Site]:
    """Return the sites of some names, or all; raise UsageError where there are none."""
    from bulkload.errors import UsageError

    if not found.site:
        raise UsageError(f"No site is configured in {found.file or 'bulkload.toml'}: the README shows one.")
    chosen = [found.site_named(name) for name in names] if names else list(found.site)
    return [one for one in chosen if one is not None]


def log_of(log_format: Any, log_file: Path | None) -> Log:
    """Return the log that was asked for; raise UsageError where its file cannot be written."""
    from bulkload.errors import UsageError
    from bulkload.logs import log_to

    try:
        return log_to(log_format, log_file)
    except OSError as error:
        raise UsageError(f"The log {log_file} cannot be written: {error.strerror}.") from error


def print_installation(what: str, found: Settings, names: tuple[str, ...], log_file: Path | None) -> None:
    """Print how `watch` is installed."""
    from bulkload.jobs import whoami
    from bulkload.watching.install import crontab, systemd

    assert found.file is not None
    arguments = [part for name in names for part in ("--site", name)]
    arguments += ["--log-file", str(log_file.absolute())] if log_file else []
    config = found.file.absolute()
    said = crontab(config, arguments) if what == "cron" else systemd(config, whoami(), arguments)
    click.echo(said, nl=False)


@click.command()
@store_option
@site_option
@now_option
def purge(store: str | None, site: str | None, now: str | None) -> int:
    """Remove results, rejects and findings of jobs older than 60 days, and processed files as the site says.

    Results that the watcher wrote into a site's folders go too, as long as they are as it wrote them. Who
    loaded which file when stays, and so do all records and their history.

    \b
    Example:
      bulkload purge --site north
    """
    from bulkload.config import chosen_store, may, settings
    from bulkload.errors import StoreError
    from bulkload.jobs import whoami
    from bulkload.printable import counted
    from bulkload.store import open_store, store_path
    from bulkload.watching.keeping import purge as purge_all

    found = settings()
    may(found, whoami(), "purge")
    at = chosen_store(found, store, site)
    if not store_path(at.store).exists():
        raise StoreError(f"There is no store at {store_path(at.store)}.")
    with open_store(at.store, create=True) as opened:
        done = purge_all(opened, at.site, clock(now))
    for sentence in done.left:
        say(f"bulkload: {sentence}", err=True)
    jobs, files = counted(done.jobs, "job was", "jobs were"), counted(done.files, "file was", "files were")
    click.echo(f"{jobs} purged, and {files} removed from folders.")
    return StoreError.exit_code if done.left else 0


@click.command("check-config")
@click.option("--make-folders", is_flag=True, help="Make the folders that are missing first.")
@click.option("--no-mail", is_flag=True, help="Do not connect to the mail servers.")
def check_config(make_folders: bool, no_mail: bool) -> int:
    """Say what is wrong or risky in bulkload.toml: folders, stores, templates, mail servers, passwords.

    Ends with 2 where something is wrong, with 0 where nothing is, or things are risky only.

    \b
    Example:
      bulkload check-config
    """
    from bulkload.checkup import checked, make_missing
    from bulkload.config import settings
    from bulkload.printable import counted

    found = settings()
    sites_named(found, ())
    if make_folders:
        for path in make_missing(found.site):
            say(f"made: {path}")
    said = list(checked(found, ask_mail=not no_mail))
    for one in said:
        say(f"{one.severity}: {one.where}: {one.sentence}")
    wrong = sum(one.severity == "wrong" for one in said)
    sites = counted(len(found.site), "site", "sites")
    click.echo(f"{found.file}: {sites}, {wrong} wrong, {len(said) - wrong} risky.")
    return 2 if wrong else 0
