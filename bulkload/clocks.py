"""Clocks of a place: zones by either of their names, the next and the last time that a clock shows a time of day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


def iana(zone: str) -> str:
    """Return the IANA name of a time zone that may be named as Windows does."""
    from tzlocal.windows_tz import win_tz

    return str(win_tz.get(zone, zone))


def is_zone(zone: str) -> bool:
    """Say whether there is a time zone of that name."""
    import pytz

    return iana(zone) in pytz.all_timezones_set


def local_day(moment: datetime, zone: str) -> date:
    """Return the day that it is in a zone."""
    import pytz

    return moment.astimezone(pytz.timezone(iana(zone))).date()


def on_day(day: date, at: time, zone: str) -> datetime:
    """Return the instant at which a zone's clock shows a time of day.

    A time that occurs twice is the first of the two; one that is left out is as long after the change as it says.
    """
    import pytz

    clock, plain = pytz.timezone(iana(zone)), datetime.combine(day, at)
    try:
        return clock.localize(plain, is_dst=None).astimezone(UTC)
    except pytz.AmbiguousTimeError:
        return clock.localize(plain, is_dst=True).astimezone(UTC)
    except pytz.NonExistentTimeError:
        return clock.localize(plain, is_dst=False).astimezone(UTC)


def next_time(moment: datetime, at: time, zone: str) -> datetime:
    """Return the first instant, not before a moment, at which a zone's clock shows a time of day."""
    day = local_day(moment, zone)
    found = on_day(day, at, zone)
    return found if found >= moment else on_day(day + timedelta(days=1), at, zone)


def last_time(moment: datetime, at: time, zone: str) -> datetime:
    """Return the last instant, not after a moment, at which a zone's clock showed a time of day."""
    day = local_day(moment, zone)
    found = on_day(day, at, zone)
    return found if found <= moment else on_day(day - timedelta(days=1), at, zone)


def shown_moment(seconds: int | None, zone: str, form: str) -> str:
    """Return an instant as a zone's clock and calendar show it, in a form of `strftime`; nothing for None."""
    if seconds is None:
        return ""
    if zone == "UTC":
        return datetime.fromtimestamp(seconds, UTC).strftime(f"{form} UTC")
    import pytz

    return datetime.fromtimestamp(seconds, pytz.timezone(iana(zone))).strftime(f"{form} {zone}")
