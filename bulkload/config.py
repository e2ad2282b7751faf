"""What `bulkload.toml` and the environment say: which store, and how dates are shown."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from bulkload.errors import UsageError

FILE = "bulkload.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a configuration file; `file` is None where there is none.

    `admins`: the users who may unlock importers, change credits and reapply; nobody named: everybody (loading §7.6).
    `source`: the client string that records of user-enrollment and course-copy files must have.
    """

    file: Path | None = None
    store: str | None = None
    display_time_zone: str = "UTC"
    display_date: str = "%m/%d/%Y %I:%M %p"
    source: str | None = None
    admins: tuple[str, ...] = ()


def settings() -> Settings:
    """Read the `bulkload.toml` of this folder, or the one that BULKLOAD_CONFIG names."""
    named = os.environ.get("BULKLOAD_CONFIG")
    path = Path(named) if named else Path(FILE)
    if not path.is_file():
        if named:
            raise UsageError(f"BULKLOAD_CONFIG names {path}, and there is no such file.")
        return Settings()
    import tomllib

    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}.") from error
    known = set(Settings.__slots__) - {"file"}
    if unknown := set(said) - known:
        raise UsageError(f"{path}: unknown setting {sorted(unknown)[0]!r}; there are {', '.join(sorted(known))}.")
    admins = said.pop("admins", [])
    if not isinstance(admins, list) or not all(isinstance(one, str) for one in admins):
        raise UsageError(f"{path}: admins has to be a list of user names in quotes.")
    for name, value in said.items():
        if not isinstance(value, str):
            raise UsageError(f"{path}: {name} has to be a text in quotes.")
    if "store" in said and "://" not in said["store"]:
        said["store"] = str(path.parent / Path(said["store"]).expanduser())
    found = Settings(path, **said, admins=tuple(admins))
    if found.display_time_zone != "UTC":
        import pytz

        if iana(found.display_time_zone) not in pytz.all_timezones_set:
            raise UsageError(f"{path}: display_time_zone: there is no time zone {found.display_time_zone!r}.")
    return found


def may(found: Settings, who: str, what: str) -> None:
    """Raise UsageError where a user is none of the admins, who alone may do something."""
    if found.admins and who not in found.admins:
        raise UsageError(f"{found.file}: only {', '.join(found.admins)} may run `bulkload {what}`, and you are {who}.")


def iana(zone: str) -> str:
    """Return the IANA name of a time zone that may be named as Windows does."""
    from tzlocal.windows_tz import win_tz

    return str(win_tz.get(zone, zone))


def store_url(asked: str | None, found: Settings) -> str:
    """Return the store: as asked, else BULKLOAD_STORE, else the configuration's, else one in the user's data folder."""
    return asked or os.environ.get("BULKLOAD_STORE") or found.store or str(data_folder() / "store.db")


def data_folder() -> Path:
    """Return the folder in which programs of this user keep data."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "bulkload"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "bulkload"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "bulkload"
