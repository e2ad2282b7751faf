"""Hold zone names, wall-clock times and instants against time.md, pytz, and zoneinfo on tzdata."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from calendar import timegm
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import pytz
import tzdata
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkload import zones

DAY, QUARTER = 86_400, 900
EPOCH = datetime(1970, 1, 1)

NUMBERS = {name.casefold(): number for number, name in enumerate(zones.NAMES)}


def seconds(text: str) -> int:
    return timegm(datetime.strptime(text, "%m/%d/%Y %I:%M %p").timetuple())


def shown(value: int | None) -> str | None:
    return None if value is None else (EPOCH + timedelta(seconds=value)).strftime("%m/%d/%Y %I:%M %p")


def look_up(name: str, *local: int) -> pl.DataFrame:
    numbers = pl.Series([NUMBERS[name.casefold()]] * len(local), dtype=pl.Int16)
    return zones.to_utc(numbers, pl.Series(local, dtype=pl.Int64))


def instants(name: str, text: str) -> tuple[str | None, str | None]:
    earlier, later, _, _ = look_up(name, seconds(text)).row(0)
    return shown(earlier), shown(later)


def once(name: str, text: str) -> str | None:
    earlier, later = instants(name, text)
    assert earlier == later
    return earlier


def gap(name: str, text: str) -> tuple[str | None, str | None]:
    _, _, gap_from, gap_to = look_up(name, seconds(text)).row(0)
    return shown(gap_from), shown(gap_to)


@lru_cache(maxsize=1024)
def tzdata_zone(iana: str) -> ZoneInfo:
    with files("tzdata.zoneinfo").joinpath(*iana.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file)


def tzdata_offset(iana: str, instant: int) -> int:
    offset = (datetime.fromtimestamp(0, UTC) + timedelta(seconds=instant)).astimezone(tzdata_zone(iana)).utcoffset()
    assert offset is not None
    return offset // timedelta(seconds=1)


def ruled_zones() -> list[str]:
    """Names one zone for each rule that goes on for ever: the last line of its file has commas."""
    lasts = {
        files("pytz").joinpath("zoneinfo", *iana.split("/")).read_bytes().split(b"\n")[-2]: iana
        for iana in pytz.all_timezones
    }
    return [iana for last, iana in lasts.items() if b"," in last]


@lru_cache(maxsize=1024)
def pytz_changes(iana: str) -> list[int]:
    """Lists the instants pytz's object knows, 1901 to 2037."""
    times = getattr(pytz.timezone(iana), "_utc_transition_times", [])
    return [timegm(time.timetuple()) for time in times if time.year > 1]


# ------------------------------------------------------------------------------------------------- the names


def test_there_are_142_windows_names_in_order() -> None:
    assert len(zones.NAMES) == 142
    assert list(zones.NAMES) == sorted(zones.NAMES)
    assert [zones.NAMES[NUMBERS[name.casefold()]] for name in zones.IANA] == list(zones.IANA)


@pytest.mark.parametrize(
    ("name", "iana"),
    [
        ("Eastern Standard Time", "America/New_York"),
        ("US Eastern Standard Time", "America/Indianapolis"),
        ("US Mountain Standard Time", "America/Phoenix"),
        ("GMT Standard Time", "Europe/London"),
        ("Greenwich Standard Time", "Atlantic/Reykjavik"),
        ("UTC", "Etc/UTC"),
        ("UTC-11", "Etc/GMT+11"),
        ("Samoa Standard Time", "Pacific/Apia"),
        ("British Columbia Standard Time", "America/Vancouver"),
    ],
)
def test_a_windows_name_is_the_iana_zone_of_cldr(name: str, iana: str) -> None:
    assert zones.IANA[name] == iana


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Estern Standard Time", "Eastern Standard Time"),
        ("Easter Standard Time", "Eastern Standard Time"),
        ("Eastern Standart Tme", "Eastern Standard Time"),
        ("Eastern  Standard Time", "Eastern Standard Time"),
        ("Eastern_Standard_Time", "Eastern Standard Time"),
        ("Eastern Daylight Time", "Eastern Standard Time"),
        ("Eastern Standard", "Eastern Standard Time"),
        ("Eastern Time", "Eastern Standard Time"),
        ("eastern", "Eastern Standard Time"),
        ("EST", "Eastern Standard Time"),
        ("PT", "Pacific Standard Time"),
        ("Eastern Time (Mexico)", "Eastern Standard Time (Mexico)"),
        ("Central European Summer Time", "Central European Standard Time"),
        ("Samoa", "Samoa Standard Time"),
        ("London", "GMT Standard Time"),
        ("Tokio Standard Time", "Tokyo Standard Time"),
        ("America/New_York", "Eastern Standard Time"),
        ("america/new york", "Eastern Standard Time"),
        ("US/Eastern", "Eastern Standard Time"),
        ("America/Toronto", "Eastern Standard Time"),
        ("Asia/Kolkata", "India Standard Time"),
        ("Europe/Kyiv", "FLE Standard Time"),
        ("Etc/GMT+11", "UTC-11"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "Eastern Standard Time"),
        ("(GMT-06:00) Central Time (US & Canada)", "Central Standard Time"),
        ("(UTC-05:00) Indiana (East)", "US Eastern Standard Time"),
        ("(UTC-07:00) Arizona", "US Mountain Standard Time"),
        ("(UTC-06:00) Guadalajara, Mexico City, Monterrey", "Central Standard Time (Mexico)"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "W. Europe Standard Time"),
        ("(UTC+06:30) Yangon (Rangoon)", "Myanmar Standard Time"),
        ("(UTC+10:30) Lord Howe Island", "Lord Howe Standard Time"),
        ("(UTC) Coordinated Universal Time", "UTC"),
        ("(UTC-08:00) Coordinated Universal Time-08", "UTC-08"),
    ],
)
def test_a_mistaken_name_suggests_the_windows_name(text: str, name: str) -> None:
    assert zones.suggest(text) == name


@pytest.mark.parametrize(
    "text", ["", " ", "banana", "Banana Standard Time", "Standard Time", "-05:00", "GMT+1", "UTC-07"]
)
def test_nothing_is_suggested_when_nothing_is_near(text: str) -> None:
    assert zones.suggest(text) is None


def test_every_windows_name_suggests_itself() -> None:
    assert [name for name in zones.NAMES if zones.suggest(name) != name] == []


@given(st.text())
def test_a_suggestion_is_always_a_windows_name(text: str) -> None:
    assert zones.suggest(text) in {None, *zones.NAMES}


# --------------------------------------------------------------------------------- single times and instants


@pytest.mark.parametrize(
    ("name", "local", "utc"),
    [
        ("Eastern Standard Time", "01/02/2015 08:00 AM", "01/02/2015 01:00 PM"),
        ("Eastern Standard Time", "07/02/2015 08:00 AM", "07/02/2015 12:00 PM"),
        ("US Mountain Standard Time", "07/02/2015 08:00 AM", "07/02/2015 03:00 PM"),
        ("GMT Standard Time", "07/02/2015 08:00 AM", "07/02/2015 07:00 AM"),
        ("Greenwich Standard Time", "07/02/2015 08:00 AM", "07/02/2015 08:00 AM"),
        ("UTC-11", "07/02/2015 08:00 AM", "07/02/2015 07:00 PM"),
        ("Nepal Standard Time", "07/02/2015 08:00 AM", "07/02/2015 02:15 AM"),
        ("British Columbia Standard Time", "01/15/2027 08:00 AM", "01/15/2027 03:00 PM"),
        ("British Columbia Standard Time", "03/14/2027 02:30 AM", "03/14/2027 09:30 AM"),
        ("Eastern Standard Time", "07/01/2040 08:00 AM", "07/01/2040 12:00 PM"),
        ("Eastern Standard Time", "12/31/2199 11:45 PM", "01/01/2200 04:45 AM"),
        ("AUS Eastern Standard Time", "01/01/2150 08:00 AM", "12/31/2149 09:00 PM"),
        ("Eastern Standard Time", "01/01/1900 12:00 AM", "01/01/1900 05:00 AM"),
    ],
)
def test_a_time_that_occurs_once_is_one_instant(name: str, local: str, utc: str) -> None:
    assert once(name, local) == utc


@pytest.mark.parametrize(
    ("name", "local", "earlier", "later"),
    [
        ("Eastern Standard Time", "11/01/2015 01:30 AM", "11/01/2015 05:30 AM", "11/01/2015 06:30 AM"),
        ("Azores Standard Time", "10/25/2015 12:00 AM", "10/25/2015 12:00 AM", "10/25/2015 01:00 AM"),
        ("Cuba Standard Time", "11/01/2015 12:00 AM", "11/01/2015 04:00 AM", "11/01/2015 05:00 AM"),
        ("Lord Howe Standard Time", "04/05/2015 01:30 AM", "04/04/2015 02:30 PM", "04/04/2015 03:00 PM"),
        ("Russian Standard Time", "10/26/2014 01:15 AM", "10/25/2014 09:15 PM", "10/25/2014 10:15 PM"),
        ("Eastern Standard Time", "11/04/2040 01:30 AM", "11/04/2040 05:30 AM", "11/04/2040 06:30 AM"),
    ],
)
def test_a_time_that_occurs_twice_is_two_instants(name: str, local: str, earlier: str, later: str) -> None:
    assert instants(name, local) == (earlier, later)
    assert gap(name, local) == (None, None)


@pytest.mark.parametrize(
    ("name", "local", "gap_from", "gap_to"),
    [
        ("Eastern Standard Time", "03/08/2015 02:30 AM", "03/08/2015 02:00 AM", "03/08/2015 03:00 AM"),
        ("Azores Standard Time", "03/29/2015 12:00 AM", "03/29/2015 12:00 AM", "03/29/2015 01:00 AM"),
        ("Cuba Standard Time", "03/08/2015 12:00 AM", "03/08/2015 12:00 AM", "03/08/2015 01:00 AM"),
        (
            "E. South America Standard Time",
            "10/18/2015 12:00 AM",
            "10/18/2015 12:00 AM",
            "10/18/2015 01:00 AM",
        ),
        ("Lord Howe Standard Time", "10/04/2015 02:15 AM", "10/04/2015 02:00 AM", "10/04/2015 02:30 AM"),
        (
            "Chatham Islands Standard Time",
            "09/27/2015 02:45 AM",
            "09/27/2015 02:45 AM",
            "09/27/2015 03:45 AM",
        ),
        ("Samoa Standard Time", "12/30/2011 12:00 AM", "12/30/2011 12:00 AM", "12/31/2011 12:00 AM"),
        ("Samoa Standard Time", "12/30/2011 11:45 PM", "12/30/2011 12:00 AM", "12/31/2011 12:00 AM"),
        ("Eastern Standard Time", "03/11/2040 02:30 AM", "03/11/2040 02:00 AM", "03/11/2040 03:00 AM"),
    ],
)
def test_a_missing_time_has_no_instant_but_a_gap(name: str, local: str, gap_from: str, gap_to: str) -> None:
    assert instants(name, local) == (None, None)
    assert gap(name, local) == (gap_from, gap_to)


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("Eastern Standard Time", "03/08/2015 01:45 AM"),
        ("Eastern Standard Time", "03/08/2015 03:00 AM"),
        ("Eastern Standard Time", "11/01/2015 12:45 AM"),
        ("Eastern Standard Time", "11/01/2015 02:00 AM"),
        ("Lord Howe Standard Time", "10/04/2015 02:30 AM"),
        ("Chatham Islands Standard Time", "09/27/2015 02:30 AM"),
        ("Samoa Standard Time", "12/29/2011 11:45 PM"),
        ("Samoa Standard Time", "12/31/2011 12:00 AM"),
    ],
)
def test_the_edges_of_a_change_occur_once(name: str, local: str) -> None:
    assert once(name, local) is not None


def test_offsets_that_count_seconds_are_exact() -> None:
    earlier, later, _, _ = look_up("India Standard Time", seconds("01/01/1905 12:00 PM")).row(0)
    assert (seconds("01/01/1905 12:00 PM") - earlier, later - earlier) == (19_270, 0)  # +05:21:10, Madras


def test_nulls_stay_null() -> None:
    zone = pl.Series([None, 3, None, 3], dtype=pl.Int16)
    times = pl.Series([0, None, None, 0], dtype=pl.Int64)
    assert zones.to_utc(zone, times).rows()[:3] == [(None, None, None, None)] * 3
    assert zones.to_utc(zone, times)["later"].is_null().to_list() == [True, True, True, False]
    assert zones.to_local(zone, times).is_null().to_list() == [True, True, True, False]
    assert zones.local_of("UTC", times).to_list() == [0, None, None, 0]


@pytest.mark.parametrize("length", [0, 2])
def test_columns_without_any_value_keep_their_types(length: int) -> None:
    zone, times = pl.Series([None] * length, dtype=pl.Int16), pl.Series([None] * length, dtype=pl.Int64)
    assert zones.to_utc(zone, times).schema == dict.fromkeys(["earlier", "later", "gap_from", "gap_to"], pl.Int64)
    assert zones.to_local(zone, times).dtype == pl.Int64
    assert zones.to_local(zone, times).to_list() == [None] * length


def test_one_iana_zone_shows_its_wall_clock_whatever_the_case_of_its_name() -> None:
    utc = pl.Series([seconds("07/01/2015 12:00 PM"), seconds("07/01/2040 12:00 PM")])
    assert [shown(local) for local in zones.local_of("europe/kyiv", utc)] == [
        "07/01/2015 03:00 PM",
        "07/01/2040 03:00 PM",
    ]


def test_an_unknown_iana_zone_is_an_error() -> None:
    with pytest.raises(pytz.UnknownTimeZoneError):
        zones.local_of("America/Atlantis", pl.Series([0]))


def test_the_files_of_the_host_are_never_read(tmp_path: Any) -> None:
    (tmp_path / "America").mkdir()
    (tmp_path / "America" / "New_York").write_bytes(files("pytz").joinpath("zoneinfo", "Etc", "UTC").read_bytes())
    program = (
        "import polars as pl; from bulkload.zones import local_of;"
        "print(local_of('America/New_York', pl.Series([0]))[0])"
    )
    environment = {
        **os.environ,
        "PYTZ_TZDATADIR": str(tmp_path),
        "PYTHONTZPATH": str(tmp_path),
        "TZ": "Asia/Tokyo",
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "-18000\n"


# ---------------------------------------------------------------------------------- one release, every change


def test_pytz_and_tzdata_carry_the_same_release() -> None:
    assert pytz.OLSON_VERSION == tzdata.IANA_VERSION


def test_our_offsets_are_those_of_tzdata_around_every_change_up_to_2037_in_every_zone() -> None:
    different = []
    for iana in pytz.all_timezones:
        around = [change + step for change in pytz_changes(iana) for step in (-1, 0, 1)]
        around += [seconds(f"01/01/{year} 12:00 PM") for year in range(1900, 2038)]
        times = pl.Series(around)
        ours = (zones.local_of(iana, times) - times).to_list()
        different += [(iana, t) for t, offset in zip(around, ours, strict=True) if offset != tzdata_offset(iana, t)]
    assert different == []


def test_our_offsets_are_those_of_pytz_to_the_minute_around_every_change_from_1902_to_2037() -> None:
    different = []
    for number, iana in enumerate(zones.IANA[name] for name in zones.NAMES):
        around = [t + step for t in pytz_changes(iana) for step in (-1, 0, 1) if t > -(2**31) + DAY]
        local = zones.to_local(pl.Series([number] * len(around), dtype=pl.Int16), pl.Series(around, dtype=pl.Int64))
        for instant, wall in zip(around, local, strict=True):
            pytz_offset = pytz.timezone(iana).fromutc(EPOCH + timedelta(seconds=instant)).utcoffset()
            if timedelta(seconds=(wall - instant + 30) // 60 * 60) != pytz_offset:
                different.append((iana, instant))
    assert different == []


def test_changes_from_2038_to_2199_are_those_of_tzdata_to_the_second() -> None:
    every_fifth_day = range(seconds("01/01/2038 12:00 AM"), seconds("12/31/2199 12:00 AM"), 5 * DAY)
    different = []
    for iana in ruled_zones():
        changes = [change for change, _ in zones._changes(iana, every_fifth_day.stop) if change > every_fifth_day.start]
        assert len(changes) >= 2 * 162  # Gaza's and Hebron's Ramadans are listed up to 2086
        instants = [*every_fifth_day, *(change + step for change in changes for step in (-1, 0, 1))]
        local = zones.local_of(iana, pl.Series(instants))
        different += [(iana, t) for t, w in zip(instants, local, strict=True) if w - t != tzdata_offset(iana, t)]
    assert different == []


# ----------------------------------------------------------------------------- missing and doubled, both ways


def test_in_2015_57_zones_have_missing_or_doubled_quarter_hours() -> None:
    year = range(seconds("01/01/2015 12:00 AM"), seconds("01/01/2016 12:00 AM"), QUARTER)
    odd = []
    for name in zones.NAMES:
        found = look_up(name, *year)
        odd.append((found["earlier"].is_null() | (found["earlier"] != found["later"])).sum())
    assert (len(odd), sum(count > 0 for count in odd)) == (142, 57)


def by_pytz(iana: str, local: int) -> tuple[str, set[int]]:
    zone, wall = pytz.timezone(iana), EPOCH + timedelta(seconds=local)
    try:
        return "once", {timegm(zone.localize(wall, is_dst=None).utctimetuple())}
    except pytz.NonExistentTimeError:
        return "missing", set()
    except pytz.AmbiguousTimeError:
        return "twice", {timegm(zone.localize(wall, is_dst=dst).utctimetuple()) for dst in (True, False)}


def differences_from_pytz(name: str, local: list[int]) -> list[tuple[str, int]]:
    """Lists the times pytz tells otherwise; of a doubled one it may give one instant only, if DST stays."""
    different = []
    for wall, (earlier, later, *_) in zip(local, look_up(name, *local).iter_rows(), strict=True):
        word, instants = by_pytz(zones.IANA[name], wall)
        ours = "missing" if earlier is None else "once" if earlier == later else "twice"
        if ours != word or not instants <= {earlier, later}:
            different.append((name, wall))
    return different


def test_pytz_agrees_on_every_quarter_hour_of_2015_near_a_change_and_on_others_at_random() -> None:
    year = range(seconds("01/01/2015 12:00 AM"), seconds("01/01/2016 12:00 AM"), QUARTER)
    chance = random.Random(2015)
    different = []
    for name in zones.NAMES:
        near = {
            start + step
            for change in pytz_changes(zones.IANA[name])
            if (start := change // DAY * DAY) in range(year.start - DAY, year.stop + DAY)
            for step in range(-2 * DAY, 3 * DAY, QUARTER)
        }
        different += differences_from_pytz(name, sorted(near | set(chance.sample(year, 20))))
    assert different == []


def test_pytz_agrees_around_every_change_from_1970_to_2037() -> None:
    different = []
    for name in zones.NAMES:
        changes = [change // QUARTER * QUARTER for change in pytz_changes(zones.IANA[name]) if change >= 0]
        offset = tzdata_offset(zones.IANA[name], 0) // QUARTER * QUARTER
        steps = (-7200, -3600, -1800, -900, 0, 900, 1800, 2700, 3600, 7200)
        different += differences_from_pytz(name, [change + offset + step for change in changes for step in steps])
    assert different == []


def by_search(iana: str, local: int) -> list[int]:
    """Finds every instant with this wall clock, by trying all offsets in use within 30 hours."""
    offsets = {tzdata_offset(iana, local + step) for step in range(-30 * 3600, 30 * 3600, QUARTER)}
    return sorted(local - offset for offset in offsets if tzdata_offset(iana, local - offset) == offset)


@st.composite
def zones_and_times(draw: st.DrawFn) -> tuple[str, int]:
    name = draw(st.sampled_from(zones.NAMES))
    anywhere = st.integers(seconds("01/01/1900 12:00 AM"), seconds("12/31/2199 11:45 PM"))
    changes = pytz_changes(zones.IANA[name])
    near = st.builds(int.__add__, st.sampled_from(changes), st.integers(-DAY, DAY)) if changes else anywhere
    return name, draw(anywhere | near | near.map(lambda time: time // QUARTER * QUARTER))


@settings(deadline=None)  # the first example of a zone builds its table
@given(zones_and_times())
def test_earlier_and_later_are_the_first_and_last_of_all_instants_with_that_wall_clock(
    case: tuple[str, int],
) -> None:
    name, local = case
    earlier, later, gap_from, gap_to = look_up(name, local).row(0)
    searched = by_search(zones.IANA[name], local)
    assert (earlier, later) == ((searched[0], searched[-1]) if searched else (None, None))
    assert (gap_from is None, gap_to is None) == (bool(searched), bool(searched))
    if not searched:
        ends = (gap_from - 1, gap_from, gap_to - 1, gap_to)
        assert [bool(by_search(zones.IANA[name], end)) for end in ends] == [True, False, False, True]


@settings(deadline=None)  # the first example of a zone builds its table
@given(st.lists(zones_and_times() | st.none(), max_size=50))
def test_instants_lead_back_to_the_wall_clock_in_mixed_columns(cases: list[tuple[str, int] | None]) -> None:
    number = pl.Series([case and NUMBERS[case[0].casefold()] for case in cases], dtype=pl.Int16)
    local = pl.Series([case and case[1] for case in cases], dtype=pl.Int64)
    found = zones.to_utc(number, local)
    expected = [None if u is None else w for u, w in zip(found["later"], local, strict=True)]
    assert zones.to_local(number, found["earlier"]).to_list() == expected
    assert zones.to_local(number, found["later"]).to_list() == expected
