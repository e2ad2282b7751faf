"""`bulkload split`: parts of a given size that together do what the whole file does."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import CommandLine, files_under
from example_runs import ROOT
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from institutions import an_institution, log, prepare, stored
from loading import query, run
from reference.user_enrollment_store import FIELDS
from reference.user_enrollment_strategies import to_delimited
from reference.user_enrollment_xml import Xml, to_xml

from bulkload.bonds import Bond, units
from bulkload.errors import FileRefused, OutputError, UsageError
from bulkload.formats import enterprise
from bulkload.packing import packed
from bulkload.source import Reading
from bulkload.split import Done, Wanted, split
from bulkload.store.keys import key_path, new_key

TEMPLATE = "user-enrollment"


def row(person: object, action: str = "ENROLL", **values: str) -> dict[str, str]:
    """A record that is right in form."""
    own = {"action": action, "source": "strata", "person_id": f"S{person}", "login_id": f"login{person}"}
    own |= {"first_name": "Zoë", "last_name": "Lee", "email": "z@example.org"}
    target = {"call_number": "MATH101", "role_id": "2"} if action in {"ENROLL", "DROP"} else {}
    return dict.fromkeys(FIELDS, "") | own | target | values


def absent(one: dict[str, str]) -> dict[str, str | None]:
    """A record as XML has it: what is blank is not there."""
    return {name: value or None for name, value in one.items()}


def delimited(folder: Path, *rows: dict[str, str] | str, name: str = "students.txt", **how: Any) -> Path:
    """A file of records, and of lines as they are."""
    path = folder / name
    lines = [one if isinstance(one, str) else to_delimited([one], "|").rstrip("\n") for one in rows]
    path.write_text("".join(f"{line}\n" for line in lines), newline="", **{"encoding": "utf-8", **how})
    return path


def in_xml(folder: Path, *rows: dict[str, str], how: Xml | None = None) -> Path:
    path = folder / "students.xml"
    path.write_text(to_xml([absent(one) for one in rows], how or Xml())[0], encoding="utf-8")
    return path


def parts_of(path: Path, most: int, *, cuts: bool = False, **reading: Any) -> Done:
    """Split a file, with warnings only where there are to be some."""
    said: list[str] = []
    template = TEMPLATE if path.suffix != ".xml" else None
    done = split(Wanted(path, Reading(**{"template": template, **reading}), most), said.append)
    assert bool(said) == cuts
    return done


def bodies(done: Done) -> list[bytes]:
    return [one.path.read_bytes() for one in done.parts]


def persons(done: Done) -> list[list[str]]:
    """The person of each line of each part."""
    return [[line.split("|")[2] for line in body.decode().splitlines()] for body in bodies(done)]


SIZE = len(to_delimited([row(0)], "|").encode())
"""Bytes of a record of a person with one digit."""

# ------------------------------------------------------------------------------------------- what is in which part


def test_parts_are_filled_in_the_order_of_the_file_and_are_named_by_number(tmp_path: Path):
    path = delimited(tmp_path, *map(row, range(5)))
    done = parts_of(path, 2 * SIZE)
    assert [(one.path.name, one.records, one.size) for one in done.parts] == [
        ("students.part001.txt", 2, 2 * SIZE),
        ("students.part002.txt", 2, 2 * SIZE),
        ("students.part003.txt", 1, SIZE),
    ]
    assert b"".join(bodies(done)) == path.read_bytes()
    assert {stat.S_IMODE(one.path.stat().st_mode) for one in done.parts} == {0o600}
    assert files_under(tmp_path) == [*(one.path.name for one in done.parts), "students.txt"]


@pytest.mark.parametrize(("most", "parts"), [(2 * SIZE - 1, 3), (2 * SIZE, 2), (2 * SIZE + 1, 2), (3 * SIZE, 1)])
def test_a_part_may_have_exactly_as_many_bytes_as_are_allowed(tmp_path: Path, most: int, parts: int):
    done = parts_of(delimited(tmp_path, *map(row, range(3))), most)
    assert len(done.parts) == parts
    assert max(map(len, bodies(done))) <= most


def test_all_records_of_a_person_are_in_one_part_in_their_order(tmp_path: Path):
    rows = [row(0), row(1), row(2), row(0, "DROP"), row(1, call_number="BIO 2"), row(0)]
    done = parts_of(delimited(tmp_path, *rows), 3 * SIZE + 2)
    assert persons(done) == [["S0", "S0", "S0"], ["S1", "S2", "S1"]]
    assert bodies(done)[0].decode() == to_delimited([rows[0], rows[3], rows[5]], "|")


@pytest.mark.parametrize(
    ("second", "together"),
    [
        (row(1, login_id="LOGIN0"), True),
        (row(1, login_id="  login0 "), True),
        (row(1, login_id="login0x"), False),
        (row(1, "DROP", login_id="login0"), False),  # what a drop says of the person does nothing
        (row(" 0\u00a0", source="Strata"), True),  # its login is login0, with blanks
        (row(1, login_id="zoe\u0308"), True),  # composed in the other
    ],
)
def test_persons_whose_records_name_one_login_are_in_one_part(tmp_path: Path, second: dict[str, str], together: bool):
    first = row(0, login_id="zoë") if "zoe" in second["login_id"] else row(0)
    second = second if "\u00a0" not in second["person_id"] else second | {"login_id": "login0\u00a0"}
    rows = [first, row(2, address1="x" * 90), second]
    done = parts_of(delimited(tmp_path, *rows), 2 * SIZE + 90)
    found = next(body for body in bodies(done) if to_delimited([first], "|").encode() in body)
    assert (to_delimited([second], "|").encode() in found) is together


def test_persons_are_also_joined_by_others():
    frame = pl.DataFrame({"a": [1, 2, None, 3, 2, 4, None], "b": [10, 11, 11, 12, 10, None, None]}, strict=False)
    found = units(frame.cast(pl.UInt64), 7).to_list()
    assert [found.index(one) for one in found] == [0, 0, 0, 3, 0, 5, 6]
    assert units(pl.DataFrame(), 3).n_unique() == 3


def test_a_bond_is_folded_and_holds_where_it_says():
    bond = Bond(("x", "y"), folded=True, where=pl.col("z") > 1)
    frame = pl.DataFrame(
        {"text.x": ["A", "a", "a", "", "a"], "text.y": ["b", "B", "b", "b", "b"], "z": [2, 3, 1, 2, None]}
    ).with_columns(fault=pl.lit(None, pl.String))
    found = frame.select(bond.digest().alias("it"))["it"]
    assert (found.null_count(), found.drop_nulls().n_unique(), bond.fields) == (2, 1, {"x", "y", "z"})


def test_what_is_packed_counts_what_a_part_has_already_once():
    items = [(0, 4, ((7, 3),)), (1, 3, ((7, 3),)), (2, 1, ((8, 9),)), (3, 20, ()), (3, 1, ())]
    assert packed(items, 20) == (packed(items, 20)[0], [3])
    assert packed(items, 20)[0].tolist() == [0, 0, 0, 1, 2]
    assert packed(items, 19 + 2)[0].tolist() == [0, 0, 0, 1, 1]


# ------------------------------------------------------------------------------------------- lines that cannot be read


def test_lines_that_cannot_be_read_never_stand_alone_and_are_never_lost(tmp_path: Path):
    lines = ["a|b", "", row(0), "too|few", "", "  ", row(1), "", "x", row(2), "|" * 21, "end"]
    path = delimited(tmp_path, *lines)
    done = parts_of(path, SIZE + 30)
    assert [body.decode().splitlines()[0][:6] for body in bodies(done)] == ["a|b", "", "ENROLL"]
    assert [(one.records, body.count(b"\n")) for one, body in zip(done.parts, bodies(done), strict=True)] == [
        (4, 4),
        (5, 5),
        (3, 3),
    ]
    assert Counter(b"".join(bodies(done)).splitlines()) == Counter(path.read_bytes().splitlines())
    assert all(body.splitlines()[-1].strip(b"| ") for body in bodies(done))


def test_blank_lines_at_the_end_of_a_file_are_no_records(tmp_path: Path):
    done = parts_of(delimited(tmp_path, row(0), "", "   "), 1_000)
    assert ([one.records for one in done.parts], bodies(done)) == ([1], [to_delimited([row(0)], "|").encode()])


def test_a_part_that_begins_with_a_blank_line_tells_its_delimiter(tmp_path: Path):
    prepare(an_institution(), tmp_path, tmp_path / "store.db")
    path = delimited(tmp_path, "", " | ", row(0), name="u.txt")
    report = run("apply", path, store=tmp_path / "store.db", template=TEMPLATE)[0]
    assert (report.refused, report.tally.outcomes) == (None, {"rejected": 2, "created": 1})


def test_a_file_of_which_no_line_is_a_record_is_refused_as_it_is_when_it_is_applied(tmp_path: Path):
    path = delimited(tmp_path, "a|b|c", "d")
    refused = run("validate", path, store=tmp_path / "none.db", template=TEMPLATE)[0].refused
    with pytest.raises(FileRefused, match="no line has 22 values") as error:
        parts_of(path, 100)
    assert str(error.value) == refused


# ------------------------------------------------------------------------------------------- encodings and forms


@pytest.mark.parametrize(
    ("encoding", "bom", "asked"),
    [
        ("utf-8", b"", None),
        ("utf-8", b"\xef\xbb\xbf", None),
        ("utf-16-le", b"\xff\xfe", None),
        ("utf-16-be", b"\xfe\xff", None),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_lines_stay_byte_for_byte_with_the_mark_and_the_encoding(
    tmp_path: Path, encoding: str, bom: bytes, asked: str | None
):
    lines = [to_delimited([row(number)], "|", "\r\n").encode(encoding) for number in range(4)]
    path = tmp_path / "students.txt"
    path.write_bytes(bom + b"".join(lines))
    done = parts_of(path, len(bom) + 2 * len(lines[0]), encoding=asked)
    assert bodies(done) == [bom + b"".join(lines[:2]), bom + b"".join(lines[2:])]
    assert ("--encoding cp1252" in done.command) is (asked is not None)


def test_a_last_line_without_end_gets_one_and_a_compressed_file_is_split_as_text(tmp_path: Path):
    path = tmp_path / "students.txt.gz"
    path.write_bytes(gzip.compress(to_delimited([row(0), row(1)], "\t").removesuffix("\n").encode()))
    done = parts_of(path, SIZE)
    assert [one.path.name for one in done.parts] == ["students.part001.txt", "students.part002.txt"]
    assert b"".join(bodies(done)).decode() == to_delimited([row(0), row(1)], "\t")
    assert "--delimiter tab" in done.command


def test_parts_in_xml_are_whole_files_with_the_properties_and_whom_and_what_a_membership_names(tmp_path: Path):
    rows = [
        row(0),
        row(1),
        row(2, "ADD"),
        row(0, call_number="BIO 2"),
        row(1, "DROP"),
        row(3, node_string="N1", call_number=""),
    ]
    path = in_xml(tmp_path, *rows)
    whole = path.read_text("utf-8")
    done = parts_of(path, 2_100)
    assert [one.path.name for one in done.parts] == ["students.part001.xml", "students.part002.xml"]
    assert [one.records for one in done.parts] == [4, 2]
    for body in (body.decode() for body in bodies(done)):
        assert body.startswith(whole[: whole.index("</properties>")])
        assert body.endswith("</enterprise>\n")
        elements = re.findall(r"<(?:person|group) ?.*?</(?:person|group)>", body)
        assert len(set(elements)) == len(elements)
        assert all(element in whole for element in elements)
    assert done.command.endswith("students.part???.xml")


def test_the_size_of_a_part_in_xml_is_counted_exactly(tmp_path: Path):
    path = in_xml(tmp_path, *(row(number) for number in range(8)))
    sizes = {most: [one.size for one in parts_of_removed(path, most)] for most in range(1_600, 3_400, 50)}
    assert all(max(found) <= most for most, found in sizes.items())
    exact = sizes[3_350][0]
    assert parts_of_removed(path, exact)[0].size == exact
    assert parts_of_removed(path, exact - 1)[0].size < exact - 1


def parts_of_removed(path: Path, most: int) -> list[Any]:
    done = parts_of(path, most)
    for one in done.parts:
        assert one.size == one.path.stat().st_size
        one.path.unlink()
    return done.parts


# ------------------------------------------------------------------------------------------- too large


def test_a_person_larger_than_a_part_is_cut_between_records_and_named(tmp_path: Path):
    rows = [row(0), *[row(1, login_id="shared")] * 3, row(2, login_id="Shared"), row(3)]
    said: list[str] = []
    path = delimited(tmp_path, *rows)
    done = split(Wanted(path, Reading(template=TEMPLATE), 2 * SIZE), said.append)
    assert persons(done) == [["S0"], ["S1", "S1"], ["S1", "S2"], ["S3"]]
    assert [one.partition(".txt: ")[2].partition("; but")[0] for one in said] == [
        "the 4 records of strata S1 and of 1 more with the same logins do not fit into one part, and stand in parts 2 to 3. "
        "They are applied in their order"
    ]
    assert said[0].endswith("A larger --max-size keeps them together.")


def test_records_of_nobody_that_one_login_joins_are_named_by_it_where_they_are_cut(tmp_path: Path):
    said: list[str] = []
    path = delimited(tmp_path, *[row(0, person_id="", login_id="shared")] * 3)
    assert len(split(Wanted(path, Reading(template=TEMPLATE), 2 * SIZE), said.append).parts) == 2
    assert ["the 3 records of shared do not fit into one part" in one for one in said] == [True]


@pytest.mark.parametrize("form", [delimited, in_xml])
def test_a_single_record_above_the_limit_is_refused_and_nothing_is_written(
    tmp_path: Path, form: Any, bulkload: CommandLine
):
    path = form(tmp_path, row(0), row(1), row(2, address1="x" * 2_000))
    said = bulkload("split", "--template", TEMPLATE, "--max-size", "2KB", path)
    assert (said.code, said.out, files_under(tmp_path)) == (3, "", [path.name])
    assert re.search(
        r"record 3 \(line \d+\) would make a part of [2-4],\d{3} bytes, and a part may have 2,048\.", said.err
    )
    assert "RECORD_TOO_LARGE" in bulkload("explain", "RECORD_TOO_LARGE").out


def test_too_many_lines_in_a_row_that_cannot_be_read_are_told(tmp_path: Path):
    with pytest.raises(
        FileRefused, match=r"record 1 \(line 1\) with the lines beside it that cannot be read, 51 in all,"
    ):
        parts_of(delimited(tmp_path, row(0), *["broken line"] * 50, row(1)), 300)


# ------------------------------------------------------------------------------------------- the command


def test_the_command_says_what_it_wrote_and_how_to_go_on(tmp_path: Path, bulkload: CommandLine):
    path = delimited(tmp_path, *map(row, range(3)), name="of today.txt")
    said = bulkload("split", "--template", TEMPLATE, "--max-size", 2 * SIZE, path)
    assert (said.code, said.err) == (0, "")
    table = [line.split()[-2:] for line in said.out.splitlines()]
    assert table[2:4] == [["2", f"{2 * SIZE:,}"], ["1", f"{SIZE:,}"]]
    pattern = f"'{tmp_path}/of today.part'???.txt"
    assert said.out.splitlines()[-2:] == [
        "Go on in this order with",
        f"  bulkload apply --template user-enrollment --delimiter '|' {pattern}",
    ]


def test_a_file_that_fits_whole_is_one_part_all_the_same(tmp_path: Path, bulkload: CommandLine):
    path, folder = delimited(tmp_path, row(0)), tmp_path / "parts"
    folder.mkdir()
    said = bulkload("split", "--template", TEMPLATE, "-o", folder, path)
    assert (said.code, "All records fit into one part." in said.out) == (0, True)
    assert (folder / "students.part001.txt").read_bytes() == path.read_bytes()
    assert files_under(tmp_path) == ["parts", "parts/students.part001.txt", "students.txt"]


def test_json_has_the_parts_and_the_command(tmp_path: Path, bulkload: CommandLine):
    path = delimited(tmp_path, row(0), row(1))
    said = json.loads(bulkload("split", "--template", TEMPLATE, "--max-size", SIZE, "--format", "json", path).out)
    assert said["parts"] == [
        {"file": str(tmp_path / f"students.part00{number}.txt"), "records": 1, "bytes": SIZE} for number in (1, 2)
    ]
    assert said["command"].startswith("bulkload apply --template user-enrollment ")


@pytest.mark.parametrize(
    ("size", "fits"),
    [("1MB", 1 << 20), ("500kb", 500 << 10), ("1 MB", 1 << 20), (str(SIZE), SIZE), ("0", 0), ("-1", 0), ("1.5MB", 0), ("1GB", 0), ("x", 0)],
)  # fmt: skip
def test_sizes_are_read(tmp_path: Path, bulkload: CommandLine, size: str, fits: int):
    said = bulkload("split", "--template", TEMPLATE, f"--max-size={size}", delimited(tmp_path, row(0)))
    assert said.code == (0 if fits else 2)
    assert fits or "write 1MB, 500KB or a number of bytes" in said.err


def test_older_parts_are_in_the_way_and_stay_as_they_are(tmp_path: Path, bulkload: CommandLine):
    path = delimited(tmp_path, row(0))
    (tmp_path / "students.part007.txt").write_text("older", "utf-8")
    (tmp_path / "students.part007.txt.csv").write_text("its log", "utf-8")
    said = bulkload("split", "--template", TEMPLATE, path)
    assert (said.code, "1 older part is there already: students.part007.txt. Remove" in said.err) == (2, True)
    assert files_under(tmp_path) == ["students.part007.txt", "students.part007.txt.csv", "students.txt"]


@pytest.mark.parametrize(
    ("name", "text", "code", "sentence"),
    [
        ("u.csv", "Username,Last Name\n", 3, "fits no template"),
        (
            "s.csv",
            "Call Number,Course ID,Title,Sort String,Term ID,Expires,Content\nA,,,,,,1\n",
            2,
            "only course-copy and user-enrollment files are split",
        ),
        ("none.txt", None, 2, "There is no file"),
    ],
)
def test_other_files_are_refused_with_a_sentence(
    tmp_path: Path, bulkload: CommandLine, name: str, text: str | None, code: int, sentence: str
):
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")
    said = bulkload("split", tmp_path / name)
    assert (said.code, sentence in said.err, len(files_under(tmp_path))) == (code, True, int(text is not None))


def test_a_missing_folder_is_told(tmp_path: Path):
    with pytest.raises(UsageError, match="There is no folder"):
        split(Wanted(delimited(tmp_path, row(0)), Reading(template=TEMPLATE), 999, tmp_path / "none"), print)


def test_a_disk_that_refuses_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = delimited(tmp_path, row(0), row(1), row(2))
    replace, moved = Path.replace, []

    def second_fails(self: Path, target: Path) -> Path:
        moved.append(target)
        if len(moved) == 2:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", second_fails)
    with pytest.raises(OutputError, match=r"part002\.txt could not be written: No space left"):
        parts_of(path, SIZE)
    assert files_under(tmp_path) == ["students.txt"]


# ------------------------------------------------------------------------------------------- the parts do what the whole does


@pytest.fixture(scope="module")
def institution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with reference data, and the key that its copies share."""
    folder = tmp_path_factory.mktemp("institution")
    prepare(an_institution(), folder, folder / "store.db")
    new_key(folder / "store.db")
    return folder


@pytest.fixture(scope="module")
def several_batches(many_batches_and_nothing_held_in_memory: None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enterprise, "BATCH_ROWS", 3)
        yield


DIGESTS = "SELECT source, person_id, position, digest FROM ledger JOIN person ON number = person ORDER BY 1, 2, 3"
HIDDEN = "SELECT source, person_id, password, properties FROM person ORDER BY 1, 2"


def everything(store: Path) -> tuple[Any, ...]:
    """All that a store has of persons; two that began as one have the same key, and so the same digests."""
    return stored(store), query(store, DIGESTS), query(store, HIDDEN)


def in_order(lines: Iterable[dict[str, str]]) -> list[list[str]]:
    """The lines of a log but for record and line numbers."""
    return [[re.sub(r"row \d+( \(line \d+\))?", "row", value) for value in list(one.values())[2:]] for one in lines]


def told(*logs: Path) -> tuple[Counter[tuple[str, ...]], dict[str, list[tuple[str, ...]]]]:
    """The lines of some logs but for record and line numbers, and those of each person in order."""
    every = list(chain.from_iterable(map(log, logs)))
    lines = [(one["person_id"], *rest) for one, rest in zip(every, in_order(every), strict=True)]
    names = {one[0] for one in lines} - {""}
    return Counter(lines), {name: [one for one in lines if one[0] == name] for name in names}


def split_small(path: Path) -> Done:
    """Split a file into the smallest parts of which none cuts what belongs together."""
    least = 800 if path.suffix == ".xml" else 120
    for most in (int(least * 1.3**step) for step in range(40)):
        said: list[str] = []
        try:
            done = split(Wanted(path, Reading(template=TEMPLATE), most), said.append)
        except FileRefused as refusal:
            if refusal.code != "RECORD_TOO_LARGE":
                raise
            continue
        if not said:
            return done
        for one in done.parts:
            one.path.unlink()
    raise AssertionError(path)


def compare(institution: Path, files: list[tuple[str, str]], options: dict[str, Any]) -> int:
    """Apply files whole to one store, and in parts to another; return how many parts there were, if all was the same."""
    count = 0
    with tempfile.TemporaryDirectory() as place:
        one, two = Path(place, "one"), Path(place, "two")
        for folder in (one, two):
            shutil.copytree(institution, folder)
        for name, text in files:
            for folder in (one, two):
                (folder / name).write_text(text, encoding="utf-8", newline="")
            whole = run("apply", one / name, store=one / "store.db", template=TEMPLATE, **options)[0]
            if whole.refused_code == "CUMULATIVE_XML":
                return count  # of the parts only that one is refused which has the person
            if whole.refused_code:
                with pytest.raises(FileRefused) as refusal:
                    split_small(two / name)
                assert refusal.value.code == whole.refused_code
                continue
            done = split_small(two / name)
            count += len(done.parts)
            reports = [
                run("apply", part.path, store=two / "store.db", template=TEMPLATE, **options)[0] for part in done.parts
            ]
            assert [report.refused for report in reports] == [None] * len(reports)
            assert sum((report.tally.outcomes for report in reports), Counter()) == whole.tally.outcomes
            logs = [part.path.with_name(f"{part.path.name}.csv") for part in done.parts]
            assert told(*logs) == told(one / f"{name}.csv")
            assert everything(two / "store.db") == everything(one / "store.db")
            for path in (one / f"{name}.csv", *logs, *(part.path for part in done.parts)):
                path.unlink()
    return count


PEOPLE = range(9)
RANDOM = settings(  # shrinking takes minutes, since each try applies some ten files
    max_examples=10, deadline=None, phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck)
)


@st.composite
def record(
    draw: st.DrawFn, person: int | None = None, *, login: str = "", actions: tuple[str, ...] = ()
) -> dict[str, str]:
    who = draw(st.sampled_from(PEOPLE)) if person is None else person
    one = row(who, draw(st.sampled_from(actions or ("ADD", "UPDATE", "ENROLL", "ENROLL", "DROP"))))
    one["city"] = draw(st.sampled_from(["", "", "Bern"]))
    one["password"] = draw(st.sampled_from(["", "secret"]))
    if login:
        one["login_id"] = login
    elif draw(st.integers(0, 3)) == 2:
        one["login_id"] = draw(st.sampled_from(["login1", "LOGIN2", "free", "Free", "two words"]))
    if draw(st.integers(0, 9)) == 5:
        one |= draw(st.sampled_from([{"email": "none"}, {"person_id": ""}, {"role_id": "99"}, {"action": "MOVE"}]))
    if one["call_number"]:
        one["call_number"] = draw(st.sampled_from(["MATH101", "BIO 2", "OLD"]))
    return one


@st.composite
def delimited_files(draw: st.DrawFn) -> list[tuple[str, str]]:
    """A file, and then the same again, one that has grown, or another one."""
    rows: list[dict[str, str] | str] = []
    files = []
    for number in range(2):
        more = draw(
            st.lists(
                st.one_of(record(), record(), record(), st.sampled_from(["", "a|b", "||", "|" * 30])),
                min_size=6,
                max_size=24,
            )
        )
        how = draw(st.sampled_from(["new", "same", "grown", "grown"])) if number else "new"
        rows = {"new": more, "same": rows, "grown": [*rows, *more]}[how]
        lines = [one if isinstance(one, str) else to_delimited([one], "|").rstrip("\n") for one in rows]
        files.append(("students.txt", "\n".join(lines) + draw(st.sampled_from(["\n", ""]))))
    return files


@st.composite
def contended_files(draw: st.DrawFn) -> list[tuple[str, str]]:
    """A file in which few persons, each many times, want the same few logins."""
    rows = []
    for person in draw(st.lists(st.sampled_from(range(6)), min_size=12, max_size=24)):
        login = draw(st.sampled_from(["one", "ONE", "two", f"login{person}"]))
        rows.append(draw(record(person, login=login, actions=("ADD", "UPDATE", "ENROLL"))))
    return [("students.txt", to_delimited(rows, "|"))]


@st.composite
def xml_files(draw: st.DrawFn) -> list[tuple[str, str]]:
    """A file, and then the same again, or another one in which persons change their logins, but take none of the first."""
    files: list[tuple[str, str]] = []
    for number in range(2):
        if number and draw(st.booleans()):
            files.append(files[-1])
            continue
        records = []
        for person in draw(st.lists(st.sampled_from(PEOPLE), min_size=3, unique=True)):
            login = draw(st.sampled_from([f"login{person}"] * 4 + [f"shared{number}"]))
            alone = draw(st.booleans())
            first = draw(record(person, login=login, actions=("ADD", "UPDATE") if alone else ("ENROLL",)))
            records.append(absent(first))
            for _ in range(0 if alone else draw(st.integers(0, 2))):
                drop = draw(st.booleans())
                own = absent(row(person, "DROP")) if drop else dict(records[-1])
                target = draw(st.sampled_from([{"call_number": "BIO 2"}, {"call_number": None, "node_string": "N1"}]))
                blank = dict.fromkeys(FIELDS[3:19]) if drop else {}
                records.append({**own, **blank, "node_string": None, **target})
        how = Xml(*(draw(st.booleans()) for _ in range(4)))
        files.append(("students.xml", to_xml(draw(st.permutations(records)), how)[0]))
    return files


@RANDOM
@given(delimited_files(), st.sampled_from([{}, {}, {}, {"reapply": True}, {"only": "create"}, {"source": "strata"}]))
def test_delimited_parts_do_what_the_whole_does(
    institution: Path, several_batches: None, files: list[tuple[str, str]], options: dict[str, Any]
):
    compare(institution, files, options)


@RANDOM
@given(contended_files())
def test_whoever_wants_a_login_gets_it_in_the_parts_as_in_the_whole(
    institution: Path, several_batches: None, files: list[tuple[str, str]]
):
    compare(institution, files, {})


@RANDOM
@given(xml_files())
def test_parts_in_xml_do_what_the_whole_does(institution: Path, several_batches: None, files: list[tuple[str, str]]):
    compare(institution, files, {})


@pytest.mark.parametrize("form", ["txt", "xml"])
def test_many_persons_make_many_parts_that_do_what_the_whole_does(institution: Path, form: str):
    rows = [row(person, call_number=target) for target in ("MATH101", "BIO 2") for person in range(20)]
    more = [*rows, *(row(person, "DROP") for person in range(0, 20, 2))]
    if form == "txt":
        files = [(f"students.{form}", to_delimited(one, "|")) for one in (rows, rows, more)]
    else:
        files = [(f"students.{form}", to_xml([absent(one) for one in rows], Xml())[0])] * 2
    assert compare(institution, files, {}) > 12


SECTIONS = "SELECT call_number, title, sort_string, content, filled_by, made_by FROM section LEFT JOIN copied_section ON section = number ORDER BY 1"


@pytest.mark.parametrize("name", ["copies.txt", "copies.xml"])
def test_course_copies_in_parts_do_what_the_whole_does(tmp_path: Path, name: str):
    one, two = tmp_path / "one", tmp_path / "two"
    shutil.copytree(ROOT / "examples" / "course-copy", one)
    run("apply", one / "reference", store=one / "store.db")
    if not key_path(one / "store.db").exists():
        new_key(one / "store.db")
    shutil.copytree(one, two)
    whole = run("apply", one / name, store=one / "store.db", template="course-copy")[0]
    done = split(Wanted(two / name, Reading(template="course-copy"), 740), print)
    assert (len(done.parts) > 2, sum(part.records for part in done.parts)) == (True, whole.tally.rows)
    for part in done.parts:
        run("apply", part.path, store=two / "store.db", template="course-copy")
    logs = [log(part.path.with_name(f"{part.path.name}.csv")) for part in done.parts]
    assert in_order(chain.from_iterable(logs)) == in_order(log(one / f"{name}.csv"))
    assert query(two / "store.db", SECTIONS) == query(one / "store.db", SECTIONS)


def test_who_comes_first_gets_a_login_whoever_comes_before_with_other_records(institution: Path):
    rows = [row(1, "UPDATE"), *(row(person) for person in range(3, 9)), row(2, "ADD", login_id="LOGIN1"), row(1, "ADD")]
    assert compare(institution, [("students.txt", to_delimited(rows, "|"))], {}) > 2


def test_a_login_that_one_person_gives_up_for_another_in_xml_keeps_its_turn(institution: Path):
    first = [row(person, "ADD") for person in range(6)]
    handed_on = [row(person, "UPDATE", login_id=f"login{person + 1}") for person in reversed(range(6))]
    files = [("students.xml", to_xml([absent(one) for one in rows], Xml())[0]) for rows in (first, handed_on)]
    assert compare(institution, files, {}) > 4
