"""XML: which records IMS Enterprise and flat files give, with which fields, and their bytes as they stood."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from bulkload.errors import FileRefused
from bulkload.formats import enterprise_index
from bulkload.formats.batch import Batch
from bulkload.formats.enterprise import EnterpriseFile
from bulkload.formats.records import RecordsFile

FIELDS = (
    "action", "source", "person_id", "login_id", "password", "first_name", "middle_name", "last_name", "gender", "dob",
    "disability", "email", "phone", "address1", "address2", "city", "state", "postal_code", "country", "call_number",
    "node_string", "role_id", "properties",
)  # fmt: skip
COPY_FIELDS = ("copy_type", "client_string", "dest_term_id")

JANE = """<person recstatus="1">
    <sourcedid><source>strata</source><id>S100</id></sourcedid>
    <userid password="s3cret">jdoe</userid>
    <name><fn>Jane Doe</fn><n><family>Doe</family><given>Jane</given><partname partnametype="MiddleName">Q</partname></n></name>
    <demographics><gender>1</gender><bday>1990-02-01</bday><disability>none</disability></demographics>
    <email>jane@x.org</email><tel teltype="Fax">1</tel><tel teltype="Voice">2</tel>
    <adr><street>1 Main St</street><street>Apt 2</street><locality>Denver</locality><region>CO</region>
      <pcode>80014</pcode><country>US</country></adr>
  </person>"""
JANES = {
    "source": "strata", "person_id": "S100", "login_id": "jdoe", "password": "s3cret", "first_name": "Jane",
    "middle_name": "Q", "last_name": "Doe", "gender": "1", "dob": "1990-02-01", "disability": "none",
    "email": "jane@x.org", "phone": "2", "address1": "1 Main St", "address2": "Apt 2", "city": "Denver", "state": "CO",
    "postal_code": "80014", "country": "US",
}  # fmt: skip


def person(number: object, *, recstatus: str | None = "1", more: str = "") -> str:
    status = "" if recstatus is None else f' recstatus="{recstatus}"'
    return f"<person{status}><sourcedid><source>s</source><id>{number}</id></sourcedid>{more}</person>"


def membership(
    number: object, target: str = "M", *, role: str = "<role><subrole>2</subrole></role>", source: str = "s"
) -> str:
    return (
        f"<membership><sourcedid><source>{source}</source><id>{target}</id></sourcedid>"
        f"<member><sourcedid><source>s</source><id>{number}</id></sourcedid>{role}</member></membership>"
    )


def group(target: str, kind: str) -> str:
    return (
        f"<group><sourcedid><source>s</source><id>{target}</id></sourcedid>"
        f'<grouptype><typevalue level="">{kind}</typevalue></grouptype></group>'
    )


def file(*records: str, root: str = "enterprise", declaration: str = "") -> str:
    return f"{declaration}<{root}>\n" + "".join(f"{record}\n" for record in records) + f"</{root}>\n"


class Reading:
    """All that a reader gives of a file, and its records as they stood."""

    def __init__(self, reader: EnterpriseFile | RecordsFile, *, each: bool = True) -> None:
        self.reader = reader
        with reader:
            self.batches = list(reader.batches())
            self.raws = {batch.span: self._raw(batch, range(batch.span.rows)) for batch in self.batches}
            self.each = [
                self._raw(batch, [row]) for batch in self.batches for row in range(batch.span.rows if each else 0)
            ]

    def _raw(self, batch: Batch, rows: Sequence[int]) -> bytes:
        return self.reader.raw(batch.span, [batch.span.first_row + row for row in rows])

    def rows(self) -> list[tuple[object, ...]]:
        """Row, line, all cells, and the fields whose element is there and empty."""
        return [
            (one["row"], one["line"], *(one[f"c{at}"] for at in range(len(self.reader.header))), self._emptied(one))
            for batch in self.batches
            for one in batch.frame.to_dicts()
        ]

    def _emptied(self, row: dict[str, object]) -> tuple[str, ...]:
        return tuple(name for at, name in enumerate(self.reader.header) if row.get(f"e{at}"))

    def fields(self) -> list[dict[str, str]]:
        """The cells of each record that are not blank, by field."""
        cells = (row[2:-1] for row in self.rows())
        return [{name: str(cell) for name, cell in zip(self.reader.header, one, strict=True) if cell} for one in cells]

    def values(self, *names: str) -> list[tuple[str, ...]]:
        return [tuple(one.get(name, "") for name in names) for one in self.fields()]

    def emptied(self) -> list[tuple[str, ...]]:
        return [row[-1] for row in self.rows()]  # type: ignore[misc]

    def rejects(self) -> bytes:
        """The file of all records as they stood."""
        return self.reader.header_raw + b"".join(self.raws.values()) + self.reader.footer_raw


def opened(content: bytes | str, folder: Path, name: str) -> tuple[Path, Path]:
    path, work = folder / name, folder / "work"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    work.mkdir(exist_ok=True, mode=0o700)
    return path, work


def enterprise(content: bytes | str, folder: Path, *, each: bool = True, **options: object) -> Reading:
    path, work = opened(content, folder, "users.xml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enterprise_index, "ENOUGH", 1)
        return Reading(EnterpriseFile(path, work=work, fields=FIELDS, **options), each=each)  # type: ignore[arg-type]


def copies(content: bytes | str, folder: Path, **options: object) -> Reading:
    path, work = opened(content, folder, "copies.xml")
    names = ("coursecopies", "coursecopy")
    return Reading(RecordsFile(path, work=work, fields=COPY_FIELDS, elements=names, **options))  # type: ignore[arg-type]


def facts(reading: Reading) -> tuple[object, ...]:
    """All that must not depend on how a file is read: what each record is, and what its rejects are."""
    return reading.rows(), reading.reader.header_raw, reading.reader.footer_raw, reading.each


def refused(content: bytes | str, folder: Path, **options: object) -> str:
    with pytest.raises(FileRefused) as refusal:
        enterprise(content, folder, **options)
    return f"{refusal.value.code}: {refusal.value}"


def test_a_membership_is_a_record_with_the_fields_of_its_person(tmp_path):
    reading = enterprise(
        file(JANE, membership("x").replace("<source>s</source><id>x", "<source>strata</source><id>S100")), tmp_path
    )
    assert reading.fields() == [{"action": "ENROLL", **JANES, "call_number": "M", "role_id": "2"}]


def test_a_person_whom_no_membership_enrols_is_a_record(tmp_path):
    assert enterprise(file(JANE), tmp_path).fields() == [{"action": "ADD", **JANES}]


@pytest.mark.parametrize(
    ("recstatus", "action"), [("1", "ADD"), ("2", "UPDATE"), ("3", "DELETE"), (None, "ADD"), ("", "ADD"), (" 2 ", "UPDATE"), ("7", "7")]
)  # fmt: skip
def test_recstatus_says_what_is_done_with_a_person(tmp_path, recstatus, action):
    assert enterprise(file(person(1, recstatus=recstatus)), tmp_path).values("action") == [(action,)]


@pytest.mark.parametrize(
    ("role", "action"),
    [
        ("<role/>", "ENROLL"),
        ('<role recstatus="1"/>', "ENROLL"),
        ('<role recstatus="2"><status>1</status></role>', "ENROLL"),
        ('<role recstatus="3"/>', "DROP"),
        ("<role><status>0</status></role>", "DROP"),
        ("<role><status> 0\n</status></role>", "DROP"),
        ('<role recstatus="9"/>', "9"),
        ("<role><status>Inactive</status></role>", "Inactive"),
        ("", "ENROLL"),
    ],
)
def test_recstatus_and_status_say_what_is_done_with_a_role(tmp_path, role, action):
    assert enterprise(file(membership(1, role=role)), tmp_path).values("action", "person_id") == [(action, "1")]


def test_a_drop_has_nothing_of_its_person_whose_mistakes_are_not_its_own_and_the_person_is_a_record_too(tmp_path):
    more = '<userid password="x">a nn</userid><name><n><family>A</family></n></name><email/>'
    reading = enterprise(file(person(1, more=more), membership(1, role='<role recstatus="3"/>')), tmp_path)
    assert reading.values("action", "person_id", "login_id", "password", "last_name", "call_number") == [
        ("ADD", "1", "a nn", "x", "A", ""),
        ("DROP", "1", "", "", "", "M"),
    ]
    assert reading.emptied() == [("email",), ()]


def test_a_membership_has_the_nearest_person_before_it_else_the_first_after_it(tmp_path):
    persons = {name: person(1, more=f"<userid>{name}</userid>") for name in "abc"}
    found = [membership(1), persons["a"], membership(1), persons["b"], persons["c"], membership(1)]
    reading = enterprise(file(*found), tmp_path)
    assert reading.values("action", "login_id") == [("ENROLL", "a"), ("ENROLL", "a"), ("ADD", "b"), ("ENROLL", "c")]


def test_persons_are_found_by_their_source_and_id_as_the_engine_compares_them(tmp_path):
    found = [
        person(1, more="<userid>a</userid>"),
        person(" Jose\u0301 ", more="<userid>b</userid>"),
        membership("Jos\u00e9"),
        membership(2),
        membership(1, role="<role/>").replace("<source>s</source><id>1", "<source>t</source><id>1"),
        membership(""),
        person(""),
    ]
    assert enterprise(file(*found), tmp_path).values("action", "person_id", "login_id") == [
        ("ADD", "1", "a"),
        ("ENROLL", "Jos\u00e9", "b"),
        ("ENROLL", "2", ""),
        ("ENROLL", "1", ""),
        ("ENROLL", "", ""),
        ("ADD", "", ""),
    ]


@pytest.mark.parametrize("recstatus", ["3", "7"])
def test_a_person_who_is_to_be_deleted_or_asks_for_what_is_not_there_is_a_record_and_serves_no_membership(
    tmp_path, recstatus
):
    found = [membership(1), person(1, recstatus=recstatus, more="<userid>a</userid>"), person(2), membership(2)]
    reading = enterprise(file(*found), tmp_path)
    action = {"3": "DELETE"}.get(recstatus, recstatus)
    assert reading.values("action", "person_id", "login_id") == [
        ("ENROLL", "1", ""),
        (action, "1", "a"),
        ("ENROLL", "2", ""),
    ]
    assert enterprise(reading.rejects(), tmp_path).fields() == reading.fields()


def test_a_target_is_a_node_where_its_group_or_its_source_says_so(tmp_path):
    groups = [group("M", "Call Number"), group("N", " enrollable NODE")]
    found = [membership(1, "M"), membership(1, "N"), membership(1, "X"), membership(1, "E", source="ECLG"), *groups]
    reading = enterprise(file(*found), tmp_path)
    assert reading.values("call_number", "node_string") == [("M", ""), ("", "N"), ("X", ""), ("", "E")]


def test_one_of_several_types_makes_a_group_a_node(tmp_path):
    kinds = group("N", "Campus").replace(
        "</grouptype>", "</grouptype><grouptype><typevalue>Enrollable Node</typevalue></grouptype>"
    )
    assert enterprise(file(kinds, membership(1, "N")), tmp_path).values("node_string") == [("N",)]


def test_each_member_and_each_of_its_roles_is_a_record_with_its_line(tmp_path):
    content = (
        "<enterprise>\n<membership><sourcedid><id>M</id></sourcedid>\n"
        "<member><sourcedid><id>1</id></sourcedid>\n<role><subrole>2</subrole></role>\n<role><subrole>3</subrole></role></member>\n"
        "<member><sourcedid><id>2</id></sourcedid><role><subrole>2</subrole></role></member>\n</membership></enterprise>"
    )
    reading = enterprise(content, tmp_path)
    assert [row[1] for row in reading.rows()] == [3, 5, 6]
    assert reading.values("person_id", "role_id", "call_number") == [("1", "2", "M"), ("1", "3", "M"), ("2", "2", "M")]


@pytest.mark.parametrize("found", ["<membership/>", "<membership><member/></membership>", "<person/>", "<membership><sourcedid/></membership>"])  # fmt: skip
def test_a_record_without_anything_is_still_a_record(tmp_path, found):
    reading = enterprise(file(found), tmp_path)
    assert reading.values("source", "person_id", "call_number", "role_id") == [("", "", "", "")]
    assert enterprise(reading.rejects(), tmp_path).fields() == reading.fields()


def test_an_absent_element_and_an_empty_one_are_told_apart(tmp_path):
    more = '<userid password=""/><demographics><gender/><bday> \n</bday></demographics><adr><street>a</street><street></street></adr>'
    reading = enterprise(file(person(1, more=more), person(2)), tmp_path)
    assert reading.emptied() == [("login_id", "password", "gender", "dob", "address2"), ()]
    assert [name for name in reading.batches[0].frame.columns if name[0] == "e"] == ["e3", "e4", "e8", "e9", "e14"]


def test_texts_are_passed_on_as_they_are_typed(tmp_path):
    more = "<userid> a&amp;b&#233; </userid><email><![CDATA[<x>]]>y<!-- z -->z</email>"
    assert enterprise(file(person(1, more=more)), tmp_path).values("login_id", "email") == [(" a&bé ", "<x>yz")]


def test_properties_are_one_json_text_with_sorted_keys(tmp_path):
    more = (
        '<extension><personproperty propertytype="b">2"</personproperty>'
        '<personproperty propertytype="a">é</personproperty></extension>'
    )
    assert enterprise(file(person(1, more=more)), tmp_path).values("properties") == [('{"a":"é","b":"2\\""}',)]


@pytest.mark.parametrize(
    "root", ['ims:enterprise xmlns:ims="http://schemas.ecollege.com/Common/2006/01/ims_epv1p1.xsd"', "enterprise"]
)
def test_namespaces_make_no_difference(tmp_path, root):
    prefix = "ims:" if root.startswith("ims") else ""
    records = (
        file(person(1, more="<userid>a</userid>"), membership(1))
        .removeprefix("<enterprise>")
        .replace("</enterprise>\n", "")
    )
    records = (
        records.replace("</", f"</{prefix}").replace("<", f"<{prefix}").replace(f"<{prefix}/{prefix}", f"</{prefix}")
    )
    reading = enterprise(f"<{root}>{records}</{prefix}enterprise>", tmp_path)
    assert reading.values("action", "login_id", "call_number") == [("ENROLL", "a", "M")]


def test_elements_of_ims_that_are_no_fields_and_unknown_ones_are_passed_over(tmp_path):
    more = "<url>u</url><photo><extref>x</extref></photo><institutionrole primaryrole='Yes'/><hobby><id>9</id></hobby>"
    found = enterprise(file(person(1, more=more), "<properties/>"), tmp_path).fields()
    assert found == [{"action": "ADD", "source": "s", "person_id": "1"}]


def test_of_what_ims_allows_several_times_the_first_counts(tmp_path):
    more = "<userid>a</userid><userid>b</userid><tel>1</tel><tel>2</tel><adr><street>x</street><street>y</street><street>z</street></adr>"
    reading = enterprise(file(person(1, more=more)), tmp_path)
    assert reading.values("login_id", "phone", "address1", "address2") == [("a", "1", "x", "y")]


def test_rejects_hold_each_membership_with_its_group_and_person_once(tmp_path):
    found = [
        "<properties><datasource>d</datasource></properties>",
        person(1, more="<email>a@x.org</email>"),
        group("N", "Enrollable Node"),
        "<membership><sourcedid><source>s</source><id>N</id></sourcedid>"
        "<member><sourcedid><source>s</source><id>1</id></sourcedid><role><subrole>2</subrole></role><role><subrole>3</subrole></role></member>"
        "</membership>",
    ]
    reading = enterprise(file(*found), tmp_path)
    alone = (
        found[3].replace("<role><subrole>3</subrole></role>", ""),
        found[3].replace("<role><subrole>2</subrole></role>", ""),
    )
    expected = file(found[0], found[2], found[1], *alone)
    assert reading.rejects().decode() == expected
    assert enterprise(expected, tmp_path).fields() == reading.fields()


def test_a_drop_in_rejects_comes_without_its_person_who_would_be_one_more_record(tmp_path):
    found = [person(1, recstatus="2"), membership(1, role='<role recstatus="3"/>')]
    path, work = opened(file(*found), tmp_path, "users.xml")
    with EnterpriseFile(path, work=work, fields=FIELDS) as reader:
        (batch,) = reader.batches()
        assert reader.raw(batch.span, [2]).decode() == found[1] + "\n"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("iso-8859-1", "ISO-8859-1"),
        ("cp1252", "windows-1252"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_declared_encoding_is_read_and_kept_in_rejects(tmp_path, encoding, declared, packed):
    declaration = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    content = file(person("José"), declaration=declaration).encode(encoding)
    reading = enterprise(gzip.compress(content) if packed else content, tmp_path)
    assert reading.values("person_id") == [("José",)]
    assert reading.rejects() == content


def test_an_encoding_that_is_asked_for_wins(tmp_path):
    content = file(person("José"), declaration='<?xml version="1.0" encoding="UTF-8"?>').encode("cp1252")
    assert enterprise(content, tmp_path, encoding="cp1252").values("person_id") == [("José",)]


def test_batches_can_be_asked_for_again(tmp_path):
    path, work = opened(file(person(1), membership(2)), tmp_path, "users.xml")
    with EnterpriseFile(path, work=work, fields=FIELDS) as reader:
        assert pl.concat(one.frame for one in reader.batches()).equals(pl.concat(one.frame for one in reader.batches()))
        assert (reader.progress, reader.unchanged()) == (1.0, True)
    assert list(work.iterdir()) == []


def test_flat_records_have_their_fields_as_attributes_or_elements(tmp_path):
    content = (
        '<coursecopies>\n<coursecopy copy_type="SECTION"><client_string>x &amp; y</client_string><dest_term_id/></coursecopy>\n'
        "<!-- one more --><coursecopy/></coursecopies>"
    )
    for block in (1, 30, 1 << 20):
        reading = copies(content, tmp_path, block=block)
        assert reading.rows() == [(1, 2, "SECTION", "x & y", "", ("dest_term_id",)), (2, 3, "", "", "", ())]
        assert copies(reading.rejects(), tmp_path).fields() == reading.fields()


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("<client_strin>x</client_strin>", "client_strin is no field of <coursecopy>; did you mean client_string?"),
        ("<other/>", "other is no field of <coursecopy>; its fields are copy_type, client_string, dest_term_id."),
        ("<copy_type/>\n<copy_type/>", "copy_type stands twice in one <coursecopy>; leave one of them."),
        ("<copy_type><b/></copy_type>", "<copy_type> holds elements; a field holds text."),
        ("x", "text stands in <coursecopy> outside of its fields."),
    ],
)
def test_flat_records_with_anything_else_refuse_the_file(tmp_path, inside, why):
    with pytest.raises(FileRefused) as refusal:
        copies(f"<coursecopies>\n<coursecopy>{inside}</coursecopy></coursecopies>", tmp_path)
    line = 3 if "\n" in inside else 2
    assert f"{refusal.value.code}: {refusal.value}" == f"FORMAT_UNKNOWN: copies.xml, line {line}: {why}"
