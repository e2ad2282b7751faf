"""Runs the example of unattended work as it would run at night, and gives what it leaves: places, results, mails."""

from __future__ import annotations

import email
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from example_runs import EXAMPLES, NOW, bulkload
from faults import until
from unattended import Inbox, mail_server

FOLDER = EXAMPLES / "unattended"
UPLOADS = {"lakeside": "lakeside/input", "college": "college/API"}
MAILS = 4
SHOWN = ("students.results.csv", "students_errors_20261121.csv", "spring.txt.csv", "broken.txt.csv")
HOME = "/srv/bulkload"

Put = Callable[[Sequence[Path], str], None]


def copied_to(place: Path) -> Path:
    """Copy the example to a place without what it must give; return the root of the SFTP server."""
    shutil.copytree(FOLDER, place, ignore=shutil.ignore_patterns("expected"), dirs_exist_ok=True)
    return place / "sftp"


def run_night(place: Path, put: Put) -> dict[str, str]:
    """Set the sites up, watch them, upload the files, stop when all is told of; return what there is then, by name."""
    with mail_server() as inbox:
        config = place / "bulkload.toml"
        config.write_text(config.read_text().replace("port = 2525", f"port = {inbox.port}"))
        assert bulkload("check-config", "--make-folders", cwd=place)[0] == 0
        for site in UPLOADS:
            assert bulkload("apply", "--quiet", "--site", site, "--now", NOW, f"reference/{site}", cwd=place)[0] == 0
        command = [sys.executable, "-m", "bulkload", "watch", "--now", NOW, "--log-file", "log"]
        with subprocess.Popen(command, cwd=place, env={**os.environ, "HOME": str(place)}) as running:
            try:
                until(lambda: (place / "log").exists() and "started" in (place / "log").read_text())
                for site, folder in UPLOADS.items():
                    put(sorted((place / "upload" / site).iterdir()), folder)
                until(lambda: len(inbox.letters) >= MAILS)
                running.send_signal(signal.SIGTERM)
                assert running.wait(60) == 0
            finally:
                running.kill()
        return left(place, inbox)


def left(place: Path, inbox: Inbox) -> dict[str, str]:
    """Return what a night leaves: where each file is, the results, the mails as a mail program shows their text."""
    files = sorted(path for path in (place / "sftp").rglob("*") if path.is_file())
    said = {"places.txt": "".join(f"{path.relative_to(place)}\n" for path in files)}
    said |= {path.name: path.read_bytes().decode("utf-8-sig") for path in files if path.name in SHOWN}
    said |= dict(sorted(map(mail_said, inbox.letters)))
    return {name: normal(text, place) for name, text in said.items()}


def mail_said(taken: object) -> tuple[str, str]:
    """Return a mail's headers and text, under a name made of its subject."""
    letter = email.message_from_bytes(taken.original_content, policy=default)  # type: ignore[attr-defined]
    assert isinstance(letter, EmailMessage)
    body = letter.get_body(("plain",))
    assert body is not None
    attached = [f"Attached: {one.get_filename()}\n" for one in letter.iter_attachments()]
    heads = "".join(f"{name}: {str(letter[name]).strip()}\n" for name in ("From", "To", "Subject"))
    words = re.sub(r"[^a-z]+", "-", str(letter["Subject"]).lower()).strip("-")
    return f"mail-{words}.txt", heads + "".join(attached) + "\n" + str(body.get_content()).replace("\r\n", "\n")


def normal(text: str, place: Path) -> str:
    """Replace what differs from run to run: the folder, and the ids of jobs."""
    text = re.sub(r"1ng2ma2[0-9a-z]{3}|1ng2ma[0-9a-z]{4}", "1ng2m00001", text).replace(str(place.resolve()), HOME)
    return re.sub(r"ended [^,]+? (UTC|America/New_York)\.", r"ended 11/21/2026 \1.", text)


def write_night() -> None:
    """Run the example and keep what it leaves as what it must leave."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        root = copied_to(place)
        found = run_night(place, lambda files, where: copy(files, root / where))
        kept = FOLDER / "expected"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for name, text in found.items():
            (kept / name).write_text(text, encoding="utf-8", newline="")


def copy(files: Sequence[Path], folder: Path) -> None:
    """Copy files into a folder."""
    for path in files:
        shutil.copy(path, folder)
