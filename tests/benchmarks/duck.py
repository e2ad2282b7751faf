"""Checks an enrollment file with DuckDB: the rules that `bulkload validate` holds without a store, as SQL.

Run as a process of its own; prints, as JSON, of each code the number of rows and the first three of them. One
pass over the file keeps a row of flags and the key; only those are gone through again. DuckDB binds columns by
position, so the header is read first and the columns are named as it has them. A row with too many cells is
seen by one column more than the header has (two cells too many would end it, and the files here have one);
physical lines and messages are not asked of it.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import duckdb
from tzlocal.windows_tz import win_tz

from tests.benchmarks.headings import HEADINGS

FIELDS = ("enrollment", "username", "roster", "enrolled", "zone", "pre", "post", "priority", "changed")
PRE = (
    "nominated",
    "approved",
    "denied",
    "wait listed",
    "deleted",
    "forced enrollment",
    "user dropped",
    "approval cancelled",
    "pending approval",
)
POST = (
    "completed",
    "incomplete",
    "passed",
    "failed",
    "no show",
    "not attempted",
    "audit",
    "exempt",
    "not approved",
)
ALIASES = ("approval canceled", "user dropper")

BLANKS = r"\s\v\x{a0}"
PAIR = r"\s*[^=;\s][^=;]*=[^;]*"
DATE = r"\d\d/\d\d/(19|20|21)\d\d (0[1-9]|1[0-2]):[0-5]\d [AP]M"

MACROS = (
    f"trimmed(cell) AS regexp_replace(cell, '^[{BLANKS}]+|[{BLANKS}]+$', '', 'g')",
    r"folded(word) AS lower(regexp_replace(word, '\s+', ' ', 'g'))",
    f"bad_date(cell) AS CASE WHEN cell = '' THEN false WHEN NOT regexp_full_match(cell, '{DATE}') THEN true"
    " ELSE try_strptime(cell, '%m/%d/%Y %I:%M %p') IS NULL END",
    "off_step(cell) AS cell <> '' AND substr(cell, 15, 2) NOT IN ('00', '15', '30', '45')",
    r"names(cell) AS list_transform(regexp_extract_all(cell, '(?:^|;)([^=;]*)=', 1), lambda name: trimmed(name))",
)


def words(choices: tuple[str, ...]) -> str:
    """Return texts as a list of SQL."""
    return "(" + ", ".join(f"'{one}'" for one in choices) + ")"


def unknown(cell: str, choices: tuple[str, ...]) -> str:
    """Return where a cell is none of some words; blanks are folded only where it is none at once."""
    listed = words(("", *choices))
    return f"CASE WHEN lower({cell}) IN {listed} THEN false ELSE folded({cell}) NOT IN {listed} END"


CODES = {
    "ENROLLMENT_BLANK": "enrollment = ''",
    "ENROLLMENT_TOO_LONG": "length(enrollment) > 1000",
    "USERNAME_BLANK": "username = ''",
    "USERNAME_TOO_LONG": "length(username) > 100",
    "ROSTER_SYNTAX": f"CASE WHEN roster <> '' THEN NOT regexp_full_match(roster, '{PAIR}(;{PAIR})*;?') ELSE false END",
    "ROSTER_FIELD_REPEATED": "CASE WHEN roster LIKE '%=%;%=%' THEN list_unique(names(roster)) < len(names(roster)) END",
    "ROSTER_TRAILING_SEPARATOR": "suffix(roster, ';')",
    "DATE_FORMAT": "bad_enrolled OR bad_changed",
    "DATE_INTERVAL": "(NOT bad_enrolled AND off_step(enrolled)) OR (NOT bad_changed AND off_step(changed))",
    "TIMEZONE_UNKNOWN": f"zone <> '' AND lower(zone) NOT IN {words(tuple(name.lower() for name in win_tz))}",
    "PRE_STATUS_UNKNOWN": unknown("pre", PRE + ALIASES),
    "STATUS_ALIAS": f"CASE WHEN lower(pre) IN {words(('', *PRE))} THEN false ELSE folded(pre) IN {words(ALIASES)} END",
    "POST_STATUS_UNKNOWN": unknown("post", POST + PRE + ALIASES),
    "PRIORITY_OTHER_TO_NONE": "CASE WHEN priority <> '' THEN NOT regexp_full_match(priority, '0*[0-9]{1,2}')"
    " AND lower(priority) NOT IN ('<null>', 'none') ELSE false END",
}
"""Where a row that can be laid under the header has each code; four codes more need no such rule."""


def source(path: Path) -> str:
    """Return the reading of a file, every cell text, its columns under the names its own header gives them."""
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    if sorted(header) != sorted(HEADINGS):
        raise SystemExit(f"{path} has other headings")
    columns = dict.fromkeys([*header, "surplus"], "VARCHAR")
    return (
        f"read_csv('{path}', columns = {columns}, header = false, skip = 1, auto_detect = false, "
        "delim = ',', quote = '\"', escape = '\"', null_padding = true)"
    )


def checked(path: Path) -> str:
    """Return the one pass over a file: a row of flags and the key for each of its rows."""
    named = zip(HEADINGS, FIELDS, strict=True)
    cells = ", ".join(f"""coalesce("{heading}", '') AS cell_{field}""" for heading, field in named)
    row = f"concat_ws(chr(31), {', '.join(f'cell_{field}' for field in FIELDS)})"
    texts = ", ".join(
        f"CASE WHEN untidy THEN trimmed(cell_{field}) ELSE cell_{field} END AS {field}" for field in FIELDS
    )
    was_trimmed = " OR ".join(f"(cell_{field} <> {field} AND {field} <> '')" for field in FIELDS)
    flags = ", ".join(f"laid AND ({rule}) AS {code}" for code, rule in CODES.items())
    return f"""
        CREATE TABLE checked AS
        WITH
        typed AS (SELECT {cells}, surplus FROM {source(path)}),
        told AS (SELECT *, regexp_matches({row}, '(^|\\x1f)[{BLANKS}]|[{BLANKS}](\\x1f|$)') AS untidy FROM typed),
        tidy AS (SELECT *, {texts}, CASE WHEN surplus IS NULL THEN false ELSE trimmed(surplus) <> '' END AS too_many FROM told),
        read AS (
            SELECT *,
                NOT too_many AND {" AND ".join(f"{field} = ''" for field in FIELDS)} AS blank,
                NOT too_many AND NOT blank AS laid,
                bad_date(enrolled) AS bad_enrolled,
                bad_date(changed) AS bad_changed
            FROM tidy
        )
        SELECT
            laid AND enrollment <> '' AND username <> '' AS keyed,
            CASE WHEN keyed THEN nfc_normalize(enrollment) END AS event,
            CASE WHEN keyed THEN lower(nfc_normalize(username)) END AS who,
            too_many AS CELL_COUNT,
            blank AS BLANK_LINE,
            CASE WHEN untidy THEN laid AND ({was_trimmed}) ELSE false END AS VALUE_TRIMMED,
            {flags}
        FROM read
    """


DOUBLED = """
    CREATE TABLE doubled AS
    SELECT checked.rowid AS place, first_place
    FROM checked JOIN (
        SELECT event, who, min(rowid) AS first_place FROM checked WHERE keyed GROUP BY event, who HAVING count(*) > 1
    ) USING (event, who)
    WHERE checked.rowid > first_place
"""


def found(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, object]]:
    """Return of each code how many rows have it, and the first three."""
    codes = ["CELL_COUNT", "BLANK_LINE", "VALUE_TRIMMED", *CODES]
    asked = ", ".join(f"count(*) FILTER ({code}), list_sort(min(rowid + 2, 3) FILTER ({code}))" for code in codes)
    answer = connection.execute(f"SELECT {asked} FROM checked").fetchone()
    counts = dict(zip(codes, zip(answer[::2], answer[1::2], strict=True), strict=True))
    counts["DUPLICATE_ROW"] = connection.execute(
        "SELECT count(*), list_sort(min(place + 2, 3)) FROM doubled"
    ).fetchone()
    return {code: {"rows": rows, "first": first} for code, (rows, first) in counts.items() if rows}


def check(path: Path) -> dict[str, dict[str, object]]:
    """Check a file."""
    connection = duckdb.connect()
    for macro in MACROS:
        connection.execute(f"CREATE MACRO {macro}")
    connection.execute(checked(path))
    connection.execute(DOUBLED)
    return found(connection)


if __name__ == "__main__":
    print(json.dumps(check(Path(sys.argv[1]))))
