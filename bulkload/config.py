"""What `bulkload.toml` and the environment say: which sites and stores there are, and how dates are shown."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bulkload import settings as kinds
from bulkload.clocks import iana
from bulkload.errors import UsageError
from bulkload.settings import Reader, setting
from bulkload.sites import LAYOUTS, Folder, MailSettings, Site
from bulkload.toml_lines import Keys

FILE = "bulkload.toml"

AS_TOML = """Texts stand in quotes: name = "north"; those with backslashes in single ones: root = 'C:\\data'."""
"""What is most often forgotten where a file cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a configuration file; `file` is None where there is none.

    `admins`: the users who may unlock importers, change credits, purge and reapply; nobody named: everybody (loading §7.6).
    """

    file: Path | None = None
    store: str | None = setting(kinds.STORE, "the store: a file, relative to the folder of `bulkload.toml`", None)
    display_time_zone: str = setting(kinds.ZONE, "the time zone in which results show dates (an IANA name)", "UTC")
    display_date: str = setting(kinds.DATE_FORM, "how results show dates (as Python's `strftime`)", "%m/%d/%Y %I:%M %p")
    source: str | None = setting(
        kinds.TEXT,
        "the institution's client string, which records of `user-enrollment` and `course-copy` files must have",
        None,
    )
    admins: tuple[str, ...] = setting(
        kinds.TEXTS,
        "a list of the users who may run `unlock`, `credit`, `purge` and `apply --reapply`; without it everybody may",
        (),
    )
    site: tuple[Site, ...] = setting(kinds.tables_of(Site), "sites, each `[[site]]`, with settings of their own", ())

    def site_named(self, name: str | None) -> Site | None:
        """Return a site; without a name the only one, or None where there is none; raise UsageError else."""
        names = ", ".join(one.name for one in self.site)
        if name is None:
            if len(self.site) > 1:
                raise UsageError(f"{self.file} has several sites: {names}. Say which with --site, or name a --store.")
            return self.site[0] if self.site else None
        for one in self.site:
            if one.name == name:
                return one
        raise UsageError(
            f"There is no site {name!r}. " + (f"{self.file} has {names}." if names else "No sites are configured.")
        )

    def shown_at(self, site: Site | None) -> Settings:
        """Return the settings with what a site says otherwise."""
        if site is None:
            return self
        return replace(
            self,
            display_time_zone=site.display_time_zone or self.display_time_zone,
            display_date=site.display_date or self.display_date,
            source=site.source or self.source,
        )


def settings() -> Settings:
    """Read the `bulkload.toml` of this folder, or the one that BULKLOAD_CONFIG names.

    Raises UsageError with a line for each mistake in it.
    """
    named = os.environ.get("BULKLOAD_CONFIG")
    path = Path(named) if named else Path(FILE)
    try:
        if not path.is_file():
            if named:
                raise UsageError(f"BULKLOAD_CONFIG names {path}, and there is no such file.")
            return Settings()
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8, from byte {error.start} on. Save it as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    import tomllib

    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, at = str(error).partition(" (at ")
        where = re.sub(r"line (\d+), column (\d+)\)", r", line \1, column \2", at) if at.startswith("line") else ""
        raise UsageError(f"{path}{where}: {what}. {AS_TOML}") from error
    reader = Reader(path, text, [])
    found = reader.table(Settings, said, ())
    if found is not None:
        found = replace(found, file=path, site=tuple(rooted(one, path) for one in found.site))
        check_sites(found, reader)
    if reader.mistakes or found is None:
        raise UsageError("\n".join(sentence for _, sentence in sorted(reader.mistakes)))
    return found


def rooted(site: Site, file: Path) -> Site:
    """Return a site with its root, which is by default where the configuration stands."""
    return site if site.root else replace(site, root=file.parent.absolute())


def check_sites(found: Settings, reader: Reader) -> None:
    """Note what sites say that cannot be, though each setting by itself can."""
    names: set[str] = set()
    for nth, site in enumerate(found.site):
        if site.name in names:
            reader.wrong(("site", nth, "name"), f"two sites are called {site.name!r}.")
        names.add(site.name)
        if unknown := [one for one in site.layouts if one not in LAYOUTS]:
            reader.wrong(
                ("site", nth, "layouts"), f"there is no layout {unknown[0]!r}; there are {', '.join(LAYOUTS)}."
            )
        if site.mail is not None:
            check_mail(site.mail, reader, ("site", nth, "mail"))
    if not reader.mistakes:
        check_folders(found, reader)


def check_mail(mail: MailSettings, reader: Reader, keys: Keys) -> None:
    """Note what settings of mail say together that cannot be."""
    given = sum(one is not None for one in (mail.password, mail.password_env, mail.password_file))
    if given > 1:
        reader.wrong(keys, "give one of password, password_env and password_file, not several.")
    if given and mail.user is None:
        reader.wrong(keys, "there is a password, and no user who logs in with it.")
    if mail.user is not None and not given:
        reader.wrong(keys, "there is a user, and no password: give password_env or password_file.")


def check_folders(found: Settings, reader: Reader) -> None:
    """Note where two folders would take each other's files: watched twice, or filled with what was taken before."""
    every = [(keys, site.name, one) for nth, site in enumerate(found.site) for keys, one in declared(site, nth)]
    watched: dict[Path, str] = {}
    rooms: dict[Path, Path] = {}
    for keys, name, folder in every:
        if folder.path in watched:
            said = f"the folder {folder.path} is watched twice: here and by site {watched[folder.path]}."
            reader.wrong(keys, said)
        elif folder.room in rooms:
            said = f"files of {folder.path} and of {rooms[folder.room]} would wait in one folder: give one another `queued`."
            reader.wrong(keys, said)
        watched.setdefault(folder.path, name)
        rooms.setdefault(folder.room, folder.path)
    for keys, _, folder in every:
        filled = {"waiting files": folder.room, "files whose form is checked": folder.checked_in, **folder.places}
        del filled["new files"]
        for place, what in {place: what for what, place in filled.items()}.items():
            if place in watched:
                said = f"{place} is where {what} of {folder.path} go, and it is watched: they would be taken for new files."
                reader.wrong(keys, said)


def declared(site: Site, nth: int) -> Iterator[tuple[Keys, Folder]]:
    """Yield the folders of a site, each with where it is declared."""
    for at, folder in enumerate(site.folders(), -len(site.layouts)):
        yield ("site", nth, "layouts") if at < 0 else ("site", nth, "folder", at), folder


def may(found: Settings, who: str, what: str) -> None:
    """Raise UsageError where a user is none of the admins, who alone may do something."""
    if found.admins and who not in found.admins:
        raise UsageError(f"{found.file}: only {', '.join(found.admins)} may run `bulkload {what}`, and you are {who}.")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The store that a command works on, the site that it belongs to, if any, and how dates are shown there."""

    store: str
    site: Site | None
    shown: Settings


def chosen_store(found: Settings, asked: str | None, site: str | None) -> Chosen:
    """Return the store: as asked, else a site's that is named, else BULKLOAD_STORE, else the configuration's, else its only site's.

    Without all of these it is one in the user's data folder. Raises UsageError where there are several sites.
    """
    url = asked or (None if site else os.environ.get("BULKLOAD_STORE") or found.store)
    of_site = found.site_named(site) if site or not url else None
    if not url:
        url = of_site.store if of_site else str(data_folder() / "store.db")
    return Chosen(url, of_site, found.shown_at(of_site))


def data_folder() -> Path:
    """Return the folder in which programs of this user keep data."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "bulkload"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "bulkload"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "bulkload"


__all__ = ["FILE", "Chosen", "Settings", "chosen_store", "data_folder", "iana", "may", "settings"]
