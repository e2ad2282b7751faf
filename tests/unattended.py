"""Sites for tests: a configuration, drop folders, files that come, and one checker that nothing is lost or done twice."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from loading import query, results

MARK = re.compile(r"\.(\d{8})-([0-9a-z]{10})(?=\.|$)")
USERS = "Username,First Name,Last Name,Email,Active\n"


def users(*names: str, active: str = "Yes") -> str:
    """A file of users; a name that begins with `!` makes a row that is rejected."""
    return USERS + "".join(
        f"{one.lstrip('!')},F,{one},{one.lstrip('!')}@x.org,{'Maybe' if one.startswith('!') else active}\n"
        for one in names
    )


CONFIG = """
[[site]]
name = "{name}"
store = "{name}.db"
root = "{name}"
poll_seconds = 0.1
{settings}
[[site.folder]]
path = "users"
template = "user"
{folder}
{mail}
"""

MAIL = """
[site.mail]
host = "127.0.0.1"
port = {port}
tls = "none"
sender = "bulkload@example.org"
errors = ["errors@example.org"]
reports = ["reports@example.org"]
timeout = 1
"""


@dataclass
class Site:
    """A site in a folder of its own, which takes files of users; what came to it is remembered."""

    base: Path
    name: str = "north"
    came: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.base / self.name

    @property
    def drop(self) -> Path:
        return self.root / "users"

    @property
    def store(self) -> Path:
        return self.base / f"{self.name}.db"

    @property
    def config(self) -> Path:
        return self.base / "bulkload.toml"

    def send(self, text: str | bytes, name: str = "users.csv") -> Path:
        """Let a file come, whole."""
        content = text.encode() if isinstance(text, str) else text
        self.came.append((name, content))
        part = self.drop / f".{name}.part"
        part.write_bytes(content)
        return part.rename(self.drop / name)

    def jobs(self) -> list[tuple[str, str]]:
        """File and state of each job, in the order of arrival; none before there is a store."""
        if not self.store.exists() or not query(self.store, "SELECT 1 FROM sqlite_master WHERE name = 'job'"):
            return []
        return query(self.store, "SELECT file, state FROM job ORDER BY number")

    def users(self) -> list[str]:
        """The names of all users."""
        return [one for (one,) in query(self.store, 'SELECT username FROM "user" ORDER BY folded')]

    def mails(self) -> list[tuple[str, bool]]:
        """Kind of each mail, and whether it has ended."""
        return query(self.store, "SELECT kind, ended_at IS NOT NULL FROM mail ORDER BY number")

    def processed(self) -> list[str]:
        """The names of processed files, without their marks."""
        return sorted(MARK.sub("", one.name) for one in (self.drop / "processed").iterdir())


def site(base: Path, name: str = "north", *, settings: str = "", folder: str = "", mail: str = "") -> Site:
    """Add a site to the configuration of a folder, and make its drop folder."""
    made = Site(base, name)
    said = CONFIG.format(name=name, settings=settings, folder=folder, mail=mail)
    with made.config.open("a", encoding="utf-8") as file:
        file.write(said)
    made.drop.mkdir(parents=True)
    return made


# ------------------------------------------------------------------------------------------- the conservation law


def accounted(one: Site, *, waiting: bool = False) -> None:
    """Hold that every file that came is in one place, has one job and one result, was applied once, and is told of once.

    `waiting`: some files may still be on their way.
    """
    inside = [(name, path) for name, path in files_of(one)]
    assert Counter(content_of(inside)) == Counter(one.came)
    jobs = query(
        one.store, "SELECT id, file, state, rows, outcomes, results, path, message FROM job WHERE via = 'folder'"
    )
    marked = {found[2]: path for _, path in inside if (found := MARK.search(path.name))}
    queued = {path.parent.name: path for _, path in inside if "queued" in path.parts}
    assert {job[0] for job in jobs} >= set(marked) | (set() if waiting else set(queued))
    if not waiting:
        assert {job[0] for job in jobs} == set(marked), "a job without a file, or a file without a job"
        assert {job[2] for job in jobs} <= {"done", "refused", "failed"}
        assert list((one.drop / "queued").rglob("*.csv")) == []
    contents = {job: path.read_bytes() for job, path in marked.items()}
    for job, _, state, rows, outcomes, place, path, message in jobs:
        if state == "done":
            assert sum(json.loads(outcomes).values()) == rows == contents[job].count(b"\n") - 1
            kept = results(one.store.with_name(one.store.name + ".jobs") / job / "results.csv")
            assert [int(line["row"]) for line in kept] == list(range(2, rows + 2))
            assert Path(place).exists()
        if state in {"refused", "failed"}:
            assert message
        if state in {"done", "refused", "failed"} and not waiting:
            assert Path(path) == marked[job]
    assert query(one.store, "PRAGMA integrity_check") == [("ok",)]
    applied_once(one)
    if waiting:
        return
    litter = [str(path) for path in one.base.rglob("*") if path.name.endswith(".part") or path.name == "work"]
    assert litter == []


def files_of(one: Site) -> Iterator[tuple[str, Path]]:
    """Every file of the site but results, with its own name."""
    for path in sorted(one.drop.rglob("*")):
        if path.is_file() and "output" not in path.relative_to(one.drop).parts and not path.name.endswith(".done"):
            yield MARK.sub("", path.name), path


def content_of(files: Sequence[tuple[str, Path]]) -> list[tuple[str, bytes]]:
    """The names and contents of files."""
    return [(name, path.read_bytes()) for name, path in files]


def applied_once(one: Site) -> None:
    """Hold that each user was created by a job that is done, and changed as often as the jobs say, and no more."""
    created = Counter(dict(query(one.store, 'SELECT created_job, count(*) FROM "user" GROUP BY 1')))
    changed = Counter(dict(query(one.store, "SELECT job, count(*) FROM journal GROUP BY 1")))
    said = query(one.store, "SELECT number, state, outcomes FROM job")
    for number, state, outcomes in said:
        counts = json.loads(outcomes) if state == "done" else {}
        assert (counts.get("created", 0), counts.get("updated", 0)) == (created[number], changed[number])


# ------------------------------------------------------------------------------------------- mail servers


@dataclass
class Inbox:
    """What a mail server of this test has taken."""

    port: int = 0
    letters: list[Envelope] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refuses:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.letters.append(envelope)
        return "250 OK"

    @property
    def to(self) -> list[str]:
        """To whom each mail went."""
        return [", ".join(one.rcpt_tos) for one in self.letters]


@contextlib.contextmanager
def mail_server(port: int = 0, **options: Any) -> Iterator[Inbox]:
    """Run a mail server on this machine."""
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=port or free_port(), **options)
    server.start()
    inbox.port = server.port
    try:
        yield inbox
    finally:
        server.stop()


def free_port() -> int:
    """A port that nobody uses now."""
    import socket

    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
