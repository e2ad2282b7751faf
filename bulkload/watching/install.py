"""Says how `watch` is installed: as a unit of systemd, or as a line of a crontab."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

PLAIN = re.compile(r"[\w./:@%+$-]+")
"""What needs no quotes in a unit."""

UNIT = """[Unit]
Description=bulkload: files from drop folders
After=network-online.target local-fs.target remote-fs.target
Wants=network-online.target

[Service]
Type=exec
User={user}
Environment={environment}
ExecStart={command}
Restart=always
RestartSec=10
# a stop waits for the file in hand
KillSignal=SIGTERM
TimeoutStopSec=infinity
UMask=0077
NoNewPrivileges=true
PrivateTmp=true

[Install]
WantedBy=multi-user.target
"""


def program() -> list[str]:
    """Return the command that runs this program."""
    beside = Path(sys.executable).with_name("bulkload")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "bulkload"]


def systemd(config: Path, user: str, arguments: list[str]) -> str:
    """Return a unit for /etc/systemd/system/bulkload.service."""
    environment = quoted(f"BULKLOAD_CONFIG={config}")
    command = " ".join(map(quoted, [*program(), "watch", *arguments])).replace("$", "$$")
    return UNIT.format(user=user, environment=environment.replace("%", "%%"), command=command.replace("%", "%%"))


def quoted(argument: str) -> str:
    """Return an argument as systemd reads it."""
    return argument if PLAIN.fullmatch(argument) else '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def crontab(config: Path, arguments: list[str]) -> str:
    """Return a line for `crontab -e`: every five minutes what is there."""
    command = shlex.join([*program(), "watch", "--once", *arguments])
    return "*/5 * * * * " + f"BULKLOAD_CONFIG={shlex.quote(str(config))} {command}".replace("%", "\\%") + "\n"
