"""The two lanes of the XML reader: what expressions prove is read as expat reads it, whatever stands between and within."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_xml import FIELDS, enterprise, facts

from bulkload.errors import FileRefused
from bulkload.formats import enterprise_lanes
from bulkload.formats.enterprise_shape import GROUP, HEAD, MEMBER, PERSON
from bulkload.formats.xml_shape import Element

EXAMPLES = 300
BLOCKS = (1, 40, 300, 1 << 20)


def elements(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from elements(child)


@pytest.mark.parametrize("element", [PERSON, GROUP, HEAD, MEMBER], ids=lambda element: element.name)
def test_an_element_that_is_a_field_is_the_only_one_of_its_name_in_a_record(element):
    names = [one.name for one in elements(element)]
    assert [one.name for one in elements(element) if one.fields and names.count(one.name) > 1] == []


PLAIN_SPACES = st.sampled_from(["", "", "\n", "\r\n", " \t", "\n\n  "])
SPACES = st.sampled_from(["", "<!-- a --> ", "<!--</person><person/>-->", "<?go on?>", "<!--\n--></person>", "\x01"])
PLAIN_TEXTS = st.sampled_from(
    ["S1", "S1", "S2", "", " ", "\n ", "a&amp;b", "&#233;", "&#x41;", "&#32;", "&#x20; ", "\u00e9\U0001f600", "a > b", "\"'",
     " padded ", "&lt;/person&gt;", "&amp;lt;", "1", "0", "3", "ECLG", "Enrollable Node", "a\tb\nc"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["<![CDATA[<x>]]>", "a<!-- b -->c", "]", "]]>", "<?pi x?>", "\r\n", "&#10;", "&#xD800;", "&#0;", "&nbsp;", "\ufffe",
     "a & b", "<![CDATA[</person>]]>", "<b>x</b>"]
)  # fmt: skip
PLAIN_VALUES = st.sampled_from(
    [
        "1",
        "2",
        "3",
        "",
        "Middlename",
        "middleName",
        "First",
        "Fax",
        "VOICE",
        "x password=",
        "a&amp;b",
        " y ",
        "&#x3e;",
        "it's",
    ]
)
ATTRIBUTES = st.sampled_from(
    [" recstatus='3'", ' password="x y" useridtype="t"', ' xmlns:q="urn:q"', " ", '\n roletype="01"', ' recstatus="2" recstatus="2"',
     ' password="&#9;x"', ' password=">"', ' password="a\tb"', ' teltype="a" other="b"', ' password="<"', 'x="1"']
)  # fmt: skip


def rarely(draw: st.DrawFn, wild: bool) -> bool:
    return wild and draw(st.integers(0, 15)) == 7


@st.composite
def marked(draw: st.DrawFn, element: Element, prefix: str, wild: bool) -> str:
    """Return an element as a program might write it, in the order of the format unless `wild`."""
    chosen = [child for child in element.children if draw(st.integers(0, 3))]
    if rarely(draw, wild):
        chosen = draw(st.permutations(chosen))
    if rarely(draw, wild) and chosen:
        chosen.append(draw(st.sampled_from(chosen)))
    name = prefix + element.name
    attributes = "".join(f' {one}="{draw(PLAIN_VALUES)}"' for one in element.attributes if draw(st.booleans()))
    if rarely(draw, wild):
        attributes = draw(ATTRIBUTES)
    if not chosen and draw(st.integers(0, 3)) == 3:
        return f"<{name}{attributes}/>"
    times = [1 + (child.times == "first" and not child.children and draw(st.integers(0, 2))) for child in chosen]
    inner = draw(spaces(wild)) if chosen else ""
    for child, count in zip(chosen, times, strict=True):
        inner += "".join(draw(marked(child, prefix, wild)) + draw(spaces(wild)) for _ in range(count))
    if not element.children:
        inner = draw(TEXTS if rarely(draw, wild) else PLAIN_TEXTS)
    if rarely(draw, wild):
        inner += f"<{prefix}unknown>{draw(PLAIN_TEXTS)}</{prefix}unknown>"
    if rarely(draw, wild) and rarely(draw, wild):
        return f"<{name}{attributes}>{inner}"
    return f"<{name}{attributes}>{inner}</{name}{' ' if rarely(draw, wild) else ''}>"


@st.composite
def alike(draw: st.DrawFn, record: str, wild: bool) -> str:
    """Return a record of the same markup as another, with other texts and other values of the attributes that vary."""

    def text(found: re.Match[str]) -> str:
        if found[1].strip():
            return f">{draw(TEXTS if rarely(draw, wild) else PLAIN_TEXTS)}<"
        return f">{draw(spaces(wild)) if draw(st.booleans()) else found[1]}<"

    record = re.sub(r">([^<>]*)<", text, record)
    return re.sub(r' (password|recstatus)="[^"]*"', lambda found: f' {found[1]}="{draw(PLAIN_VALUES)}"', record)


@st.composite
def spaces(draw: st.DrawFn, wild: bool) -> str:
    return draw(SPACES if rarely(draw, wild) else PLAIN_SPACES)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Return a file of persons, groups and memberships, most of them plain; now and then it is damaged."""
    prefix = draw(st.sampled_from(["", "", "ims:", "a.b:"]))
    found = []
    for kind in draw(st.lists(st.sampled_from(["person", "person", "group", "membership", "membership"]), max_size=8)):
        wild = draw(st.integers(0, 3)) == 3
        found.append(draw(spaces(wild)))
        own = "" if rarely(draw, wild) else prefix
        if kind == "membership":
            several = draw(st.lists(st.just(wild) | st.just(False), max_size=4))
            members = "".join(draw(marked(MEMBER, own, one)) + draw(spaces(one)) for one in several)
            head = draw(spaces(wild)) + draw(marked(HEAD.children[1], own, wild)) + draw(spaces(wild))
            record = f"<{own}membership>{head}{members}</{own}membership>"
        else:
            record = draw(marked(PERSON if kind == "person" else GROUP, own, wild))
        found.append(record)
        for _ in range(draw(st.integers(0, 2))):
            found += [draw(spaces(wild)), draw(alike(record, wild))]
    declared = ' xmlns:ims="urn:x"' if prefix else ""
    end = draw(spaces(draw(st.booleans())))
    return f"<{prefix}enterprise{declared}>{''.join(found)}{end}</{prefix}enterprise>{end}".encode()


def read(content: bytes, folder: Path, block: int) -> object:
    """Return the facts of a file, with what its rejects would be; or why it is refused."""
    try:
        return facts(enterprise(content, folder, block=block))
    except FileRefused as refusal:
        return refusal.code


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(files(), st.sampled_from(BLOCKS))
@example(b"<enterprise><person/><person></person><!-- <person></person> --></enterprise>", 1 << 20)
@example(b"<enterprise><membership><member></member></membership></enterprise><!-- </person> -->", 1 << 20)
def test_both_lanes_give_the_same_records_wherever_a_block_ends(tmp_path_factory, content, block):
    folder = tmp_path_factory.mktemp("lanes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enterprise_lanes.Proven, "run", lambda _, at, head: (at, head))
        expected = read(content, folder, 1 << 20)
    assert read(content, folder, block) == expected


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_all_records_as_they_stood_load_again_as_the_same_records(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("again")
    try:
        reading = enterprise(content, folder)
    except FileRefused:
        return
    again = enterprise(reading.rejects(), folder)
    login = 2 + FIELDS.index("login_id")
    assert [loaded(row, login) for row in again.rows()] == [loaded(row, login) for row in reading.rows()]


def loaded(row: tuple[object, ...], login: int) -> list[object]:
    """Return what counts of a row: not its line, and not the login of a drop, which comes without its person."""
    cells = list(row[2:])
    if cells[0] == "DROP":
        cells[login - 2] = ""
    return cells


def test_plain_records_need_no_expat(tmp_path, monkeypatch):
    walked = []
    monkeypatch.setattr(enterprise_lanes.Rows, "add", lambda _, pieces: walked.extend(pieces))
    content = b"""<enterprise>
      <person recstatus="1"><sourcedid><source>s</source><id>1</id></sourcedid><userid password="a&amp;b">u</userid>
        <name><fn>Ann B</fn><n><family>B</family><given>Ann</given></n></name><email/></person>
      <group><sourcedid><source>s</source><id>M</id></sourcedid></group>
      <membership><sourcedid><source>s</source><id>M</id></sourcedid>
        <member><sourcedid><source>s</source><id>1</id></sourcedid><role><subrole>2</subrole></role></member>
        <member><sourcedid><source>s</source><id>2</id></sourcedid><role><subrole>2</subrole></role></member></membership>
    </enterprise>"""
    assert len(enterprise(content, tmp_path).rows()) == 2
    assert walked == []


def test_properties_are_proven_too_but_for_a_key_that_stands_twice(tmp_path, monkeypatch):
    walked = []
    monkeypatch.setattr(enterprise_lanes.Rows, "add", lambda _, pieces: walked.extend(pieces))
    properties = """<personproperty propertytype="b">1&amp;2</personproperty>
      <personproperty propertytype="a"/><personproperty> </personproperty>"""
    person = "<person><sourcedid><id>1</id></sourcedid><extension>{}</extension></person>"
    content = f"<enterprise>{person.format(properties)}</enterprise>"
    assert enterprise(content.encode(), tmp_path).values("properties") == [('{"":"","a":"","b":"1&2"}',)]
    assert walked == []
    monkeypatch.undo()
    with pytest.raises(FileRefused, match='propertytype="a" stands twice in one record'):
        enterprise(content.replace('"b"', '"a"').encode(), tmp_path).rows()
