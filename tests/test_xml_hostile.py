"""XML as it comes at the worst: refused with the line and what to do, in bounded time and memory."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from test_xml import copies, enterprise, file, membership, opened, person, refused

from bulkload.cli.loading import ALLOCATOR
from bulkload.errors import FileRefused, NulFound

MB = 1 << 20
BILLION = '<!DOCTYPE enterprise [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
EXTERNAL = '<!DOCTYPE enterprise SYSTEM "file:///etc/passwd">'
LONG = "what begins here is longer than 1 MB, which no record, text or comment may be; probably an end tag is missing."


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (file(declaration=BILLION), 1, "a DOCTYPE stands here, and a file that has one is not read; delete it."),
        (file(declaration="\n" + EXTERNAL), 2, "a DOCTYPE stands here, and a file that has one is not read; delete it."),
        (file(person("&lol;")), 2, "an entity is used that XML does not have; write the character itself."),
        (file(person("a & b")), 2, "a character stands here that XML does not allow here; & and < in a text are written &amp; and &lt;."),
        (file(person("\x01")), 2, "a character stands here that XML does not allow here; & and < in a text are written &amp; and &lt;."),
        (file(person(1).replace("</id>", "</ID>")), 2, "another end tag stands where </id> is expected."),
        (file(person(1)).replace("</e", "</E"), 3, "another end tag stands where </enterprise> is expected."),
        (file(person(1)) + "<x/>", 4, "something follows the end of the root element; delete it."),
        (file("text"), 2, "text stands here outside of every record; delete it, or put it into its element."),
        (file("<persons>", person(1), "</persons>"), 2, "<persons> stands in <enterprise>, which has none; did you mean <person>?"),
        (
            file("<x/>"),
            2,
            "<x> stands in <enterprise>, which has none; it holds <comments>, <properties>, <person>, <group>, <membership>.",
        ),
        (file(membership(1).replace("member>", "mmber>")), 2, "<mmber> stands in <membership>, which has none; did you mean <member>?"),
        (
            file(membership(1).replace("</membership>", "<sourcedid/></membership>")),
            2,
            "<sourcedid> has to stand before <member>.",
        ),
        (file(root="people"), 1, "the root element is <people>, not <enterprise>."),
        ("a,b\n", 1, "this is no XML; a tag is expected here."),
        (file(person(1, more="<email/>\n<email/>")), 3, "<email> stands twice in one <person>; leave one of them."),
        (file(person(1, more="<x>" * 49 + "</x>" * 49)), None, ""),
        (file(person(1, more="<x>" * 50 + "</x>" * 50)), 2, "elements stand more than 50 deep in one another."),
        (
            file("<person " + " ".join(f"a{n}='1'" for n in range(301)) + "/>"),
            2,
            "<person> has more than 300 attributes.",
        ),
        ('<enterprise><person a="1" a="2"/></enterprise>', 1, "an element has the same attribute twice; leave one of them."),
    ],
)  # fmt: skip
def test_what_is_no_file_of_records_is_refused_with_its_line(tmp_path, content, line, why):
    if line is None:
        assert len(enterprise(content, tmp_path).rows()) == 1
    else:
        assert refused(content, tmp_path) == f"FORMAT_UNKNOWN: users.xml, line {line}: {why}"


CUT = "it may have been cut short; send it again."
WHOLE = file("<properties/>", person(1), membership(1), "<group/>")


@pytest.mark.parametrize("length", range(1, len(WHOLE) - 1))
def test_a_file_that_was_cut_short_is_refused_wherever_it_ends(tmp_path, length):
    said = refused(WHOLE[:length], tmp_path)
    assert said.startswith("FORMAT_UNKNOWN: users.xml, line ")
    assert said.endswith(CUT)


def test_a_flat_file_that_was_cut_short_is_refused_wherever_it_ends(tmp_path):
    whole = "<coursecopies><coursecopy/>\n<coursecopy><copy_type>x</copy_type></coursecopy></coursecopies>"
    for length in range(1, len(whole)):
        with pytest.raises(FileRefused, match=CUT):
            copies(whole[:length], tmp_path)


def test_a_file_without_content_is_refused(tmp_path):
    assert refused(" \n", tmp_path) == "FORMAT_UNKNOWN: users.xml is empty: it has no root element and no records."


@pytest.mark.parametrize(
    "huge",
    [
        person("x" * MB),
        person(1, more="<email/>" * 200_000).replace("email", "other"),
        f"<!--{'-x' * MB}-->",
        " " * (2 * MB),
        f'<person a="{"x" * MB}"/>',
        f"<?go {'x' * MB}?>",
        f"<membership>{'<comments/>' * 200_000}</membership>",
    ],
    ids=["text", "elements", "comment", "white space", "attribute", "instruction", "head"],
)
@pytest.mark.parametrize("block", [1 << 16, 8 << 20])
def test_no_text_and_no_record_may_be_longer_than_1_mb(tmp_path, huge, block):
    assert refused(file(person(1), huge, person(2)), tmp_path, block=block).endswith(LONG)
    assert refused(file(huge), tmp_path, block=block).endswith(LONG)


def test_a_comment_may_hold_what_looks_like_many_records(tmp_path):
    comment = f"<!--{'</person>' * 60_000}-->"
    for content in (file(comment, person(1)), file(person(1), comment), file(comment, *["<person/>"] * 10)):
        assert len(enterprise(content, tmp_path).rows()) == content.count("<person>") + content.count("<person/>") + (
            content.count('<person recstatus="1">')
        )


@pytest.mark.parametrize("odd", ["", "<!-- by hand -->"])
def test_a_membership_may_be_longer_than_1_mb_since_its_members_are_the_records(tmp_path, odd):
    member = f"<member>{odd}<sourcedid><source>s</source><id>{{}}</id></sourcedid><role><subrole>2</subrole></role></member>\n"
    members = "".join(member.format(number) for number in range(12_000))
    reading = enterprise(
        file(f"<membership><sourcedid><id>M</id></sourcedid>{members}</membership>"), tmp_path, each=False
    )
    assert [row[:2] for row in reading.rows()] == [(1 + at, 2 + at) for at in range(12_000)]
    assert set(reading.values("call_number", "role_id")) == {("M", "2")}


def test_bytes_that_are_no_text_are_refused_with_their_offset(tmp_path):
    content = file(person("José")).encode("cp1252")
    assert refused(content, tmp_path) == (
        f"ENCODING: users.xml, line 2: the byte 0xE9 at byte offset {content.index(0xE9)} is not valid UTF-8. "
        "Save the file as UTF-8, or, if it was written as Windows-1252, give --encoding cp1252."
    )


def test_a_nul_is_refused(tmp_path):
    with pytest.raises(NulFound, match="line 2: a NUL byte stands at byte offset"):
        enterprise(file(person("\0")), tmp_path)


@pytest.mark.parametrize("declared", ["UTF-16", "no-such", "punycode", "base64", "utf-32-le", "cp037"])
def test_a_declared_encoding_that_the_file_does_not_have_is_refused(tmp_path, declared):
    declaration = f'<?xml version="1.0" encoding="{declared}"?>'
    assert refused(file(person(1), declaration=declaration), tmp_path) == (
        f"ENCODING: users.xml, line 1: the XML declaration says {declared}, but the file is not in it. "
        "Correct the declaration, or give --encoding utf-8."
    )


def test_a_byte_order_mark_that_contradicts_the_declaration_is_refused(tmp_path):
    content = file(declaration='<?xml version="1.0" encoding="ISO-8859-1"?>').encode("utf-16")
    assert "the XML declaration says ISO-8859-1, but the file is not in it." in refused(content, tmp_path)


def test_an_ascii_file_with_other_characters_is_refused(tmp_path):
    content = file(person("é"), declaration='<?xml version="1.0" encoding="us-ascii"?>')
    assert "line 2: the byte 0xC3 at byte offset" in refused(content, tmp_path)


def test_flat_files_are_refused_in_the_same_words(tmp_path):
    with pytest.raises(FileRefused, match=r"copies\.xml, line 1: a DOCTYPE stands here"):
        copies("<!DOCTYPE x><coursecopies/>", tmp_path)


def test_a_root_without_records_has_no_rows(tmp_path):
    assert enterprise("<enterprise/>", tmp_path).rows() == []
    assert enterprise(file(), tmp_path).rows() == []


READ = """
import sys
from pathlib import Path
from bulkload.errors import FileRefused
from bulkload.formats.enterprise import EnterpriseFile
try:
    with EnterpriseFile(Path(sys.argv[1]), work=Path(sys.argv[2]), fields=["action", "person_id", "email"]) as reader:
        print(sum(batch.span.rows for batch in reader.batches()))
except FileRefused as refusal:
    print(refusal)
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]  # of this program, not of who began it
print(int(peak) // 1024)
"""


def read_alone(path: Path, work: Path) -> tuple[str, int]:
    """Read a file in a process of its own; return what it says and the most memory that it had, in MB."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (120, 120))  # noqa: E731
    done = subprocess.run(
        [sys.executable, "-c", READ, path, work],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=limit,
        env={**os.environ, "_RJEM_MALLOC_CONF": ALLOCATOR},
    )
    said, memory = done.stdout.strip().split("\n")
    return said, int(memory)


@pytest.mark.parametrize("element", ["<person/>", "<membership/>", "<group/>", "<person></person>"])
def test_a_million_empty_elements_need_little_memory(tmp_path, element):
    path, work = opened(f"<enterprise>{element * 1_000_000}</enterprise>", tmp_path, "users.xml")
    said, memory = read_alone(path, work)
    assert said == ("0" if "group" in element else "1000000")
    assert memory < 600


def test_100_mb_of_white_space_that_unpack_from_little_are_refused(tmp_path):
    path, work = opened(gzip.compress(b"<enterprise>" + b" " * (100 * MB)), tmp_path, "users.xml")
    said, memory = read_alone(path, work)
    assert said.endswith(LONG)
    assert memory < 300


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(count: int) -> int:
        more = f"<email>{'x' * 300}@x.org</email>"
        persons = (person(number, more=more) for number in range(count))
        path, work = opened(file(*persons, *map(membership, reversed(range(count)))), tmp_path, f"{count}.xml")
        said, memory = read_alone(path, work)
        assert said == str(count)
        return memory

    assert peak(600_000) < 1.3 * peak(200_000)
