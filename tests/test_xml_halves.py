"""XML that two processes read: the same records as one reads, whatever stands where the file is cut, and whoever fails."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from faults import until
from loading import NOW
from test_xml import Reading, enterprise, facts, file, group, membership, person, refused

from bulkload.formats import enterprise as enterprise_format
from bulkload.formats import enterprise_half
from bulkload.formats.enterprise_half import SecondHalf
from bulkload.many import Many, run_many
from bulkload.source import Reading as HowToRead
from bulkload.template import Options

CUTS = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
MORE = "<email>a@example.org</email>"


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let two processes read every file; the list says of each file whether the second half could be added."""
    outcomes: list[bool] = []
    add_to = SecondHalf.add_to

    def noting(second: SecondHalf, index: enterprise_half.Index) -> bool:
        outcomes.append(add_to(second, index))
        return outcomes[-1]

    monkeypatch.setattr(SecondHalf, "add_to", noting)
    monkeypatch.setattr(enterprise_half, "LEAST", 0)
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    return outcomes


def mixed() -> str:
    """Return a file in which persons and groups stand before and after their memberships, near and far."""
    dice = random.Random(7)
    records: list[str] = []
    for number in range(400):
        records += dice.choice(
            (
                [person(number, more=MORE)],
                [membership(dice.randrange(400)), group(f"M{number}", "Term")],
                [membership(dice.randrange(400), f"M{dice.randrange(400)}"), person(number)],
                [members(*(dice.randrange(400) for _ in range(dice.randrange(1, 9))))],
                [f"<!-- {number} -->\n\n", person(number, recstatus="3")],
            )
        )
    return file(*records)


def members(*numbers: int) -> str:
    """Return one membership of several members, the first of them with two roles."""
    role = "<role><subrole>2</subrole></role>"
    each = [f"<member><sourcedid><source>s</source><id>{number}</id></sourcedid>{role}</member>" for number in numbers]
    each[0] = each[0].replace("</role>", "</role>\n<role recstatus='3'><subrole>3</subrole></role>")
    head = "<sourcedid><source>s</source><id>M</id></sourcedid>"
    return f"<membership>{head}{''.join(each)}</membership>"


def by_one(content: bytes | str, folder: Path, **options: object) -> Reading:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enterprise_half, "LEAST", sys.maxsize)
        return enterprise(content, folder, **options)


@pytest.mark.parametrize("cut", CUTS)
def test_two_processes_read_what_one_reads(tmp_path, added, monkeypatch, cut):
    monkeypatch.setattr(enterprise_half, "FIRST", cut)
    monkeypatch.setattr(enterprise_format, "KEYS", 5000)
    two = enterprise(mixed(), tmp_path, block=2000)
    assert (added, two.reader.progress) == ([True], 1.0)
    assert facts(two) == facts(by_one(mixed(), tmp_path, block=2000))


def test_two_processes_read_a_compressed_file(tmp_path, added):
    content = gzip.compress(mixed().encode())
    assert facts(enterprise(content, tmp_path)) == facts(by_one(content, tmp_path))
    assert added == [True]


def test_two_processes_read_a_file_with_a_byte_order_mark_and_a_prefix(tmp_path, added):
    plain = mixed().replace("<!--", "<!").replace("</", "</i:").replace("<", "<i:").replace("<i:/", "</")
    content = (
        b"\xef\xbb\xbf" + plain.replace("<i:!", "<!--").replace("<i:enterprise", '<i:enterprise xmlns:i="u"').encode()
    )
    assert facts(enterprise(content, tmp_path)) == facts(by_one(content, tmp_path))
    assert added == [True]


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- {} -->",
        "<person><comments>{}</comments><sourcedid><source>s</source><id>x</id></sourcedid></person>",
        "<person><comments><![CDATA[{}]]></comments><sourcedid><source>s</source><id>x</id></sourcedid></person>",
        "<membership><sourcedid><source>s</source><id>M</id></sourcedid>"
        "<member><extension>{}</extension><sourcedid><source>s</source><id>1</id></sourcedid></member></membership>",
    ],
)
def test_an_end_tag_that_ends_no_record_cuts_no_file(tmp_path, added, hidden):
    inside = hidden.format("<person></person>" * 100)
    content = file(*map(person, range(20)), inside, *map(person, range(100, 120)))
    assert facts(enterprise(content, tmp_path)) == facts(by_one(content, tmp_path))
    assert added == []


def test_a_file_without_an_end_tag_behind_its_middle_is_read_by_one_process(tmp_path, added):
    content = file(person(1), *["<person/>"] * 100)
    assert facts(enterprise(content, tmp_path)) == facts(by_one(content, tmp_path))
    assert added == []


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_what_a_second_process_cannot_read_the_first_reads(tmp_path, added, monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)
    assert facts(enterprise(mixed(), tmp_path)) == facts(by_one(mixed(), tmp_path))
    assert added == [False]


@pytest.mark.parametrize(("at", "second"), [(100, []), (700, [False])])
def test_what_is_wrong_in_either_half_is_said_with_its_line(tmp_path, added, at, second):
    records = [person(number) for number in range(1000)]
    records[at] = "<persom/>"
    assert refused(file(*records), tmp_path) == (
        f"FORMAT_UNKNOWN: users.xml, line {at + 2}: <persom> stands in <enterprise>, which has none; did you mean <person>?"
    )
    assert added == second


def test_a_file_in_another_encoding_is_read_by_one_process(tmp_path, added):
    content = mixed().encode("utf-16")
    assert facts(enterprise(content, tmp_path)) == facts(by_one(content, tmp_path))
    assert added == []


def test_the_second_process_ends_when_the_first_is_gone(tmp_path):
    path = tmp_path / "users.xml"
    path.write_text(file(*map(person, range(400_000))))
    with path.open("rb") as opened:
        given, folder = opened.fileno(), tmp_path / "second"
        command = [sys.executable, "-P", "-m", enterprise_half.__name__, str(given), str(folder), "1", "13"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[given]) as second:
            while not folder.exists():
                assert second.poll() is None
                time.sleep(0.01)
            said, _ = second.communicate(timeout=5)
        assert (second.returncode, said) == (1, b"")


def test_the_bar_moves_while_a_file_is_read_through_that_has_no_rows_yet(tmp_path, monkeypatch):
    moved: list[tuple[float, int]] = []
    read_through = enterprise_format.read_through

    def and_seen(*given: object) -> None:
        read_through(*given)
        until(lambda: moved != [] and moved[-1] == (pytest.approx(0.7 * 0.8), 0))

    monkeypatch.setattr(enterprise_format, "read_through", and_seen)
    monkeypatch.setattr("bulkload.first_pass.MOVES", 0.001)
    path = tmp_path / "users.xml"
    path.write_text(file(person(1)), encoding="utf-8")
    asked = Many("validate", [path], str(tmp_path / "none.db"), HowToRead(), Options(NOW))
    run_many(asked, begin=lambda _: lambda part, rows: moved.append((part, rows)), say=lambda _: None)
    assert moved[-1] == (1.0, 1)
