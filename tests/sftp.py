"""Uploads files as a school does: by the client `sftp` of OpenSSH to its server, where both can run; copied otherwise, and it says which."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unattended import free_port

SYSTEM = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {keys}/host
AuthorizedKeysFile {keys}/user.pub
StrictModes no
PidFile none
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d {root}
"""


@dataclass(frozen=True)
class Upload:
    """How files are uploaded below a root; `how` says it in words."""

    root: Path
    how: str
    port: int = 0
    key: Path | None = None

    def put(self, files: Sequence[Path], folder: str) -> None:
        """Upload files into a folder below the root."""
        if self.key is None:
            for path in files:
                shutil.copyfile(path, self.root / folder / path.name)
            return
        batch = "".join(f'put "{path}" "{folder}/{path.name}"\n' for path in files)
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes")
        command = ["sftp", "-b", "-", "-P", str(self.port), "-i", str(self.key)]
        command += [part for one in options for part in ("-o", one)]
        subprocess.run(
            [*command, f"{getpass.getuser()}@127.0.0.1"], input=batch, text=True, check=True, capture_output=True
        )


@contextlib.contextmanager
def uploading(root: Path, keys: Path) -> Iterator[Upload]:
    """Give a way to upload files below a root: an OpenSSH server of this test's own, or a copy where none can run."""
    missing = [name for name in ("sshd", "sftp", "ssh-keygen") if shutil.which(name, path=SYSTEM) is None]
    if missing:
        yield Upload(root, f"copied: {', '.join(missing)} is not installed here")
        return
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True)
    port = free_port()
    (keys / "config").write_text(CONFIG.format(port=port, keys=keys, root=root))
    command = [str(shutil.which("sshd", path=SYSTEM)), "-D", "-e", "-f", str(keys / "config")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            said = ""
            while "listening" not in said and server.poll() is None:
                said = server.stderr.readline() or said
                time.sleep(0.01)
            if server.poll() is not None:
                yield Upload(root, f"copied: the OpenSSH server that is installed does not run here ({said.strip()})")
            else:
                yield Upload(root, "uploaded by OpenSSH's sftp to its server", port, keys / "user")
        finally:
            server.kill()
