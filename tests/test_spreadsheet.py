"""Spreadsheets: what their cells read as, what is refused and how it says so, what reads back as written."""

from __future__ import annotations

import gzip
import re
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkload.errors import FileRefused, UsageError
from bulkload.formats import spreadsheet, workbook, xlsx_package
from bulkload.formats.spreadsheet import SpreadsheetFile
from bulkload.formats.workbook import Column, write_workbook

EXAMPLES = 60
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEADING = '<row r="1"><c r="A1" t="inlineStr"><is><t>Name</t></is></c></row>'


def relations(*targets: tuple[str, str]) -> str:
    found = [
        f'<Relationship Id="rId{at}" Type="{RELATED}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets, start=1)
    ]
    return f"<Relationships>{''.join(found)}</Relationships>"


def parts(rows: str, *, strings: str = "", formats: tuple[str, ...] = (), date1904: bool = False) -> dict[str, str]:
    """Return the parts of a spreadsheet with one sheet; cell style 1 is the first of `formats`."""
    codes = [f'<numFmt numFmtId="{200 + at}" formatCode={quoteattr(code)}/>' for at, code in enumerate(formats)]
    styles = ['<xf numFmtId="0"/>', *(f'<xf numFmtId="{200 + at}"/>' for at in range(len(formats)))]
    return {
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/_rels/workbook.xml.rels": relations(
            ("worksheet", "worksheets/sheet1.xml"),
            ("styles", "styles.xml"),
            ("sharedStrings", "sharedStrings.xml"),
        ),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATED}">'
        f'<workbookPr date1904="{date1904:d}"/>'
        '<sheets><sheet name="People" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{"".join(codes)}</numFmts>'
        f"<cellStyleXfs><xf/></cellStyleXfs><cellXfs>{''.join(styles)}</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
        "xl/worksheets/sheet1.xml": f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{MAIN}">'
        f'<dimension ref="A1"/><sheetData>{rows}</sheetData><pageMargins/></worksheet>',
    }


Make = Callable[..., SpreadsheetFile]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Make]:
    """Return a function that writes a spreadsheet of some parts and opens it; it is closed afterwards."""
    opened: list[SpreadsheetFile] = []

    def make(content: dict[str, str | bytes] | str, **options: object) -> SpreadsheetFile:
        path = tmp_path / "people.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in (parts(content) if isinstance(content, str) else content).items():
                archive.writestr(name, text)
        opened.append(SpreadsheetFile(path, work=tmp_path, **options))
        return opened[-1]

    yield make
    for file in opened:
        file.close()


def rows_of(file: SpreadsheetFile) -> list[tuple[object, ...]]:
    """Return (row, fault, found, texts…) of every row."""
    found = []
    for batch in file.batches():
        names = [f"c{at}" for at in range(len(file.header))]
        found += batch.frame.select("row", "fault", "found", *names).rows()
    return found


def read(path: Path) -> list[list[str]]:
    """Return the header and the rows of a file as texts."""
    with SpreadsheetFile(path, work=path.parent) as file:
        return [list(file.header), *([*row[3:]] for row in rows_of(file))]


def refused(path: Path, **options: object) -> tuple[str, str]:
    """Return the code and the sentence with which a file is refused, at whatever step."""
    with pytest.raises(FileRefused) as refusal, SpreadsheetFile(path, work=path.parent, **options) as file:
        list(file.batches())
    return refusal.value.code, str(refusal.value)


def cell(made: Make, xml: str, **options: object) -> tuple[str, datetime | None]:
    """Return the text and the date of one cell, A2."""
    file = made(parts(f'{HEADING}<row r="2">{xml}</row>', **options))
    frame = next(file.batches()).frame
    return frame["c0"][0], frame["d0"][0] if "d0" in frame.columns else None


def number(made: Make, raw: str, code: str = "General") -> str:
    return cell(made, f'<c r="A2" s="1"><v>{raw}</v></c>', formats=(code,))[0]


# What a cell reads as


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("7", "7"),
        ("7.0", "7"),
        ("0.30000000000000004", "0.3"),
        ("-0", "0"),
        ("-12.5", "-12.5"),
        ("123456789012", "123456789012"),
        ("999999999999999", "999999999999999"),
        ("1234567890123456", "1.23456789012346E+15"),
        ("1E+20", "1E+20"),
        ("1.0000000000000001E-5", "0.00001"),
        ("1E-10", "1E-10"),
        ("0.1428571428571428", "0.142857142857143"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_number_reads_as_it_is_shown(made: Make, raw: str, shown: str) -> None:
    assert number(made, raw) == shown


@pytest.mark.parametrize(
    ("raw", "code", "shown"),
    [
        ("2134", "00000", "02134"),
        ("12345678", r"000\-00\-0000", "012-34-5678"),
        ("1234567890", "000-0000", "123456-7890"),
        ("2134", '"Z" 00000;@', "Z 02134"),
        ("2134.5", "00000", "2134.5"),
        ("7", "0", "7"),
        ("0.5", "0%", "0.5"),
        ("1234.5", "#,##0.00", "1234.5"),
    ],
)
def test_a_format_of_zeros_is_honoured_and_any_other_shows_the_number(
    made: Make, raw: str, code: str, shown: str
) -> None:
    assert number(made, raw, code) == shown


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ('<c r="A2" t="b"><v>1</v></c>', "TRUE"),
        ('<c r="A2" t="b"><v>0</v></c>', "FALSE"),
        ('<c r="A2" t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c r="A2" t="inlineStr"><is><t>007</t></is></c>', "007"),
        ('<c r="A2" t="inlineStr"><is><t xml:space="preserve"> a &amp; b </t></is></c>', " a & b "),
        ('<c r="A2" t="inlineStr"><is><t>a&#233;b</t></is></c>', "aéb"),
        ('<c r="A2" t="inlineStr"><is><t>a_x000D_b_x005F_x0041_</t></is></c>', "a\rb_x0041_"),
        ('<c r="A2" t="inlineStr"><is><r><t>bold</t></r><r><t> and plain</t></r></is></c>', "bold and plain"),
        ('<c r="A2" t="str"><f>B1&amp;"x"</f><v>result</v></c>', "result"),
        ('<c r="A2"><f t="shared" si="0"/><v>3</v></c>', "3"),
        ('<c r="A2" t="s"><v>1</v></c>', "second"),
        ('<c r="A2" t="s"><v>2</v></c>', "third in runs"),
        ("<c r='A2' t='s'><v>3</v></c>", "漢字"),
        ("<c><v>5</v></c>", "5"),
        ('<c r="A2" t="inlineStr"><is><t><![CDATA[<c r="A9">]]></t></is></c>', '<c r="A9">'),
        ('<!-- <c r="A2"><v>1</v></c> --><c r="A2"><v>2</v></c>', "2"),
        ('<x:c r="A2"><x:v>6</x:v></x:c>', "6"),
    ],
)
def test_a_cell_reads_as_its_text(made: Make, xml: str, text: str) -> None:
    strings = (
        "<si><t>first</t></si><si><t>second</t></si><si><r><t>third</t></r><r><t> in runs</t></r></si>"
        "<si><t>漢字</t><rPh><t>かんじ</t></rPh></si>"
    )
    assert cell(made, xml, strings=strings) == (text, None)


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("42264.333333333336", "mm/dd/yyyy hh:mm AM/PM", "2015-09-17T08:00:00"),
        ("42264.33333", "m/d/yy h:mm", "2015-09-17T08:00:00"),
        ("42264", "mm/dd/yyyy", "2015-09-17"),
        ("42264", "mm/dd/yyyy hh:mm AM/PM", "2015-09-17T00:00:00"),
        ("42264.5", "d. mmmm yyyy", "2015-09-17T12:00:00"),
        ("42264", '[$-409]dddd, mmmm "d" dd;@', "2015-09-17"),
        ("1", "yyyy-mm-dd", "1900-01-01"),
        ("59", "yyyy-mm-dd", "1900-02-28"),
        ("61", "yyyy-mm-dd", "1900-03-01"),
        ("2958465.9999", "yyyy-mm-dd hh:mm", "9999-12-31T23:59:51"),
    ],
)
def test_a_date_cell_is_a_date_to_the_nearest_second(made: Make, raw: str, code: str, text: str) -> None:
    found = cell(made, f'<c r="A2" s="1"><v>{raw}</v></c>', formats=(code,))
    assert found == (text, datetime.fromisoformat(text))


@pytest.mark.parametrize("raw", ["60", "0", "0.5", "-3", "2958466", "1E+300"])
def test_a_number_that_is_no_day_stays_a_number_under_a_date_format(made: Make, raw: str) -> None:
    assert cell(made, f'<c r="A2" s="1"><v>{raw}</v></c>', formats=("yyyy-mm-dd",)) == (raw, None)


@pytest.mark.parametrize(
    ("raw", "code", "shown"),
    [
        ("0.34375", "h:mm AM/PM", "8:15 AM"),
        ("0.5", "hh:mm:ss am/pm", "12:00:00 PM"),
        ("42264.75", "hh:mm", "18:00"),
        ("1.5", "[h]:mm:ss", "36:00:00"),
        ("1.5", "[mm]:ss", "2160:00"),
        ("0.0011574", "mm:ss", "01:40"),
        ("-1", "h:mm", "-1"),
    ],
)
def test_a_time_or_a_duration_reads_as_the_text_it_shows(made: Make, raw: str, code: str, shown: str) -> None:
    assert cell(made, f'<c r="A2" s="1"><v>{raw}</v></c>', formats=(code,)) == (shown, None)


@pytest.mark.parametrize(
    "code", ["General", "0.00E+00", "[Red]0", '0 "days"', "# ?/?", r"0\d", "@", "0_d", "[$-409]0*y"]
)
def test_these_formats_are_no_dates(made: Make, code: str) -> None:
    assert number(made, "42264", code) == "42264"


def test_the_1904_epoch_is_told_from_the_workbook(made: Make) -> None:
    found = cell(made, '<c r="A2" s="1"><v>40802</v></c>', formats=("yyyy-mm-dd",), date1904=True)
    assert found == ("2015-09-17", datetime(2015, 9, 17))


def test_the_built_in_formats_are_known_without_being_in_the_file(made: Make) -> None:
    content = parts(f'{HEADING}<row r="2"><c r="A2" s="1"><v>42264.25</v></c></row>')
    content["xl/styles.xml"] = '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>'
    assert rows_of(made(content)) == [(2, None, 1, "2015-09-17T06:00:00")]


@pytest.mark.parametrize(
    ("raw", "text", "moment"),
    [
        ("2015-09-17T08:00:00", "2015-09-17T08:00:00", datetime(2015, 9, 17, 8)),
        ("2015-09-17T07:59:59.600", "2015-09-17T08:00:00", datetime(2015, 9, 17, 8)),
        ("2015-09-17", "2015-09-17", datetime(2015, 9, 17)),
        ("08:00:00", "08:00:00", None),
    ],
)
def test_a_strict_open_xml_date_is_a_date(made: Make, raw: str, text: str, moment: datetime | None) -> None:
    assert cell(made, f'<c r="A2" t="d"><v>{raw}</v></c>') == (text, moment)


@pytest.mark.parametrize("epoch", [openpyxl.utils.datetime.WINDOWS_EPOCH, openpyxl.utils.datetime.MAC_EPOCH])
def test_openpyxl_and_the_reader_agree_on_dates(tmp_path: Path, epoch: datetime) -> None:
    book = openpyxl.Workbook()
    book.epoch = epoch
    moments = [datetime(1904, 1, 2), datetime(1999, 12, 31, 23, 59, 59), datetime(2024, 2, 29, 12, 15)]
    for row in (["When", "Day", "Time"], *([moment, moment.date(), moment.time()] for moment in moments)):
        book.active.append(row)
    book.save(tmp_path / "dates.xlsx")
    assert read(tmp_path / "dates.xlsx")[1:] == [
        ["1904-01-02T00:00:00", "1904-01-02", "0:00:00"],
        ["1999-12-31T23:59:59", "1999-12-31", "23:59:59"],
        ["2024-02-29T12:15:00", "2024-02-29", "12:15:00"],
    ]


def test_a_merged_value_stands_in_its_first_cell_only(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Name", "Group"], ["Ann", "A"], ["Bob", None]):
        book.active.append(row)
    book.active.merge_cells("B2:B3")
    book.save(tmp_path / "merged.xlsx")
    assert read(tmp_path / "merged.xlsx") == [["Name", "Group"], ["Ann", "A"], ["Bob", ""]]


def test_a_formula_that_was_never_calculated_refuses_the_file(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Name", "Sum"], ["Ann", "=1+1"]):
        book.active.append(row)
    book.save(tmp_path / "sums.xlsx")
    code, sentence = refused(tmp_path / "sums.xlsx")
    assert (code, sentence) == (
        "FORMAT_UNKNOWN",
        "sums.xlsx holds a formula without its result in cell B2; open it in a spreadsheet program and save it.",
    )


def test_a_formula_with_an_empty_text_as_its_result_is_blank(made: Make) -> None:
    file = made(
        f'{HEADING}<row r="2"><c r="A2" t="str"><f>""</f><v></v></c></row><row r="3"><c r="A3"><v>1</v></c></row>'
    )
    assert rows_of(file) == [(2, "BLANK_LINE", 0, ""), (3, None, 1, "1")]


# Rows


def test_rows_bear_the_numbers_that_the_spreadsheet_shows(made: Make) -> None:
    file = made(
        f'{HEADING}<row r="3"><c r="A3"><v>1</v></c></row><row r="4"/>'
        '<row r="5"><c r="A5"><v>2</v></c><c r="C5"><v>9</v></c></row>'
        '<row r="6"><c r="A6" s="1"/></row><row r="900000"/>'
    )
    assert rows_of(file) == [
        (2, "BLANK_LINE", 0, ""),
        (3, None, 1, "1"),
        (4, "BLANK_LINE", 0, ""),
        (5, "CELL_COUNT", 3, ""),
    ]


def test_rows_and_cells_without_a_number_follow_the_one_before(made: Make) -> None:
    file = made("<row><c><v>1</v></c><c><v>2</v></c></row><row/><row><c/><c><v>3</v></c></row>")
    assert (file.header, rows_of(file)) == (("1", "2"), [(2, "BLANK_LINE", 0, "", ""), (3, None, 2, "", "3")])


def test_cells_of_blanks_alone_count_as_blank(made: Make) -> None:
    blank = '<c r="{0}" t="inlineStr"><is><t xml:space="preserve"> \u00a0</t></is></c>'
    file = made(
        f'{HEADING}<row r="2"><c r="A2"><v>1</v></c>{blank.format("B2")}</row><row r="3">{blank.format("A3")}</row>'
    )
    assert rows_of(file) == [(2, None, 1, "1")]


def test_batches_are_cut_at_equal_lengths_and_show_their_progress(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "BATCH_ROWS", 3)
    monkeypatch.setattr(xlsx_package, "CHUNK", 100)
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in (2, 3, 4, 5, 11, 12))
    file = made(HEADING + rows)
    spans = [(batch.span.first_row, batch.span.rows, batch.span.first_line) for batch in file.batches()]
    assert spans == [(2, 3, 2), (5, 3, 5), (8, 3, 8), (11, 2, 11)]
    assert file.progress == 1.0
    assert [row[3] for row in rows_of(file)] == ["2", "3", "4", "5", "", "", "", "", "", "11", "12"]


def test_the_columns_of_a_batch_are_those_of_the_contract(made: Make) -> None:
    headings = '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row>'
    rows = f'{headings}<row r="2"><c r="B2" s="1"><v>42264</v></c></row>'
    frame = next(made(parts(rows, formats=("yyyy-mm-dd",))).batches()).frame
    assert dict(frame.schema) == {
        "row": pl.Int64(),
        "line": pl.Int64(),
        "fault": pl.String(),
        "found": pl.Int64(),
        "c0": pl.String(),
        "c1": pl.String(),
        "d1": pl.Datetime("us"),
    }
    assert frame.rows() == [(2, 2, None, 2, "", "2015-09-17", datetime(2015, 9, 17))]


def test_cells_come_back_typed_for_any_batch_in_any_order(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "BATCH_ROWS", 2)
    cells = {2: '<v>7</v></c><c r="C2"><v>8</v>', 3: "", 4: "<v>42264</v>", 5: "<v>42264.5</v>"}
    rows = "".join(f'<row r="{at}"><c r="A{at}" s="{int(at > 3)}">{value}</c></row>' for at, value in cells.items())
    file = made(parts(HEADING + rows, formats=("yyyy-mm-dd",)))
    spans = [batch.span for batch in file.batches()]
    assert file.cells(spans[1], [4, 5]) == [[date(2015, 9, 17)], [datetime(2015, 9, 17, 12)]]
    assert file.cells(spans[0], [2, 3]) == [["7", None, "8"], [None]]
    assert file.cells(spans[1], [5]) == [[datetime(2015, 9, 17, 12)]]


def test_a_file_knows_whether_it_was_changed(made: Make, tmp_path: Path) -> None:
    file = made(HEADING)
    before = file.unchanged()
    with (tmp_path / "people.xlsx").open("ab") as more:
        more.write(b"x")
    assert (before, file.unchanged()) == (True, False)


# Sheets and files


def sheets(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Empty"
    for name, state in (("Hidden", "hidden"), ("First", "visible"), ("Second", "visible")):
        page = book.create_sheet(name)
        page.sheet_state = state
        page.append([name])
    book.save(tmp_path / "sheets.xlsx")
    return tmp_path / "sheets.xlsx"


def test_the_first_visible_sheet_with_data_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    with SpreadsheetFile(sheets(tmp_path), work=tmp_path) as file:
        assert (file.sheet, file.header, file.other_sheets) == ("First", ("First",), ("Second",))


def test_a_sheet_that_is_named_is_read_though_it_is_hidden(tmp_path: Path) -> None:
    with SpreadsheetFile(sheets(tmp_path), work=tmp_path, sheet="Hidden") as file:
        assert (file.sheet, file.header, file.other_sheets) == ("Hidden", ("Hidden",), ())


def test_an_unknown_sheet_is_wrong_usage_that_lists_the_sheets(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as wrong:
        SpreadsheetFile(sheets(tmp_path), work=tmp_path, sheet="Third")
    assert str(wrong.value) == (
        "sheets.xlsx has no sheet 'Third'; its sheets are 'Empty', 'Hidden', 'First', 'Second'."
    )


def test_a_gzip_compressed_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "sheets.xlsx.gz").write_bytes(gzip.compress(sheets(tmp_path).read_bytes()))
    assert read(tmp_path / "sheets.xlsx.gz") == [["First"]]


def test_a_part_in_utf_16_is_read(made: Make) -> None:
    content: dict[str, str | bytes] = dict(parts(HEADING))
    content["xl/worksheets/sheet1.xml"] = str(content["xl/worksheets/sheet1.xml"]).encode("utf-16")
    assert made(content).header == ("Name",)


def test_a_sheet_whose_first_row_is_blank_is_refused(made: Make, tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refusal:
        made('<row r="2"><c r="A2"><v>1</v></c></row>')
    assert (refusal.value.code, str(refusal.value)) == (
        "HEADER_MISSING",
        "people.xlsx: row 1 of sheet 'People' is blank; the headings must stand in row 1.",
    )


def test_a_spreadsheet_without_data_is_refused(made: Make) -> None:
    with pytest.raises(FileRefused, match=r"people\.xlsx holds no visible sheet with data") as refusal:
        made("")
    assert refusal.value.code == "HEADER_MISSING"


# Hostile and damaged files


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an old .xls or protected by a password"),
        (
            b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "OpenDocument",
        ),
        (b"Name,Age\n", "is no spreadsheet"),
        (b"PK\x03\x04" + bytes(100), "is a damaged spreadsheet (File is not a zip file)"),
        (b"PK\x05\x06" + bytes(6) + b"\xff" * 12, "is an archive of far more parts than a spreadsheet has"),
        (b"PK\x05\x06" + bytes(18), "is an archive but no spreadsheet"),
        (gzip.compress(b"PK", mtime=0)[:-4], "is a damaged spreadsheet"),
    ],
)
def test_what_is_no_xlsx_is_refused_with_what_to_do(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "people.xlsx").write_bytes(content)
    code, said = refused(tmp_path / "people.xlsx")
    assert (code, said.startswith("people.xlsx "), sentence in said) == ("FORMAT_UNKNOWN", True, True)


ROW = '<row r="2"><c r="A2"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (HEADING + '<row r="1048577"/>', "has rows below 1,048,576, the last of a sheet"),
        (HEADING + "<row r='1'/>", "rows that are not in their order"),
        (HEADING + ROW + ROW, "rows that are not in their order"),
        (
            HEADING + '<row r="3"/>' + ROW + "<row r='2'><c><v>1</v></c></row>",
            "rows that are not in their order",
        ),
        (HEADING + '<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>1</v></c></row>', "holds a cell twice"),
        (HEADING + '<row r="2"><c r="A3"><v>1</v></c></row>', "holds a cell 'A3' in row 2"),
        (HEADING + '<row r="two"/>', "holds something that is no row after row 1"),
        (HEADING + "<c/>", "holds something that is no row after row 1"),
        (HEADING + '<row r="2"><c r="A2"><v>&#0;</v></c></row>', "is a damaged spreadsheet"),
        (HEADING + '<row r="2"><c r="A2"><v>\0</v></c></row>', "is a damaged spreadsheet"),
        (HEADING + '<row r="2"><c r="A2"><v>&name;</v></c></row>', "is a damaged spreadsheet"),
        (HEADING + '<row r="2"><c r="A2"><v>1</c></row>', "is a damaged spreadsheet"),
        (HEADING + '<row r="2"><c r="A2" t="s"><v>0</v></c></row>', "refers to a text that it does not hold"),
        (
            HEADING + '<row r="2"><c r="A2" t="s"><v>-1</v></c></row>',
            "refers to a text that it does not hold",
        ),
        (HEADING + '<row r="2"><c><v>1', "ends in the middle of a sheet"),
        (
            HEADING + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
            "more than 100,000 blank rows after row 1;",
        ),
    ],
)
def test_a_damaged_sheet_is_refused(tmp_path: Path, made: Make, rows: str, sentence: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        list(made(rows).batches())
    assert (refusal.value.code, str(refusal.value)[:11], sentence in str(refusal.value)) == (
        "FORMAT_UNKNOWN",
        "people.xlsx",
        True,
    )


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_xml_with_a_document_type_is_refused(made: Make, part: str) -> None:
    content = parts(HEADING)
    xml = content[part].removeprefix('<?xml version="1.0" encoding="UTF-8"?>')
    content[part] = f'<!DOCTYPE x [<!ENTITY a "{"b" * 50}">]>{xml}'
    with pytest.raises(FileRefused, match=r"^people\.xlsx holds XML with a document type or entities"):
        made(content)


def test_a_million_blank_rows_at_the_end_are_left_out(made: Make) -> None:
    blank = "".join(f'<row r="{row}"/>' for row in range(3, 1_000_003))
    assert rows_of(made(HEADING + ROW + blank)) == [(2, None, 1, "1")]


def test_shared_strings_are_counted_by_their_place_though_some_are_empty(made: Make) -> None:
    strings = '<si/><si><t/></si><si></si><si><t xml:space="preserve"> a</t></si>'
    strings += "<si><r><t>b</t></r></si> <si><t>c</t></si>"
    cells = "".join(f'<c r="{letter}1" t="s"><v>{at}</v></c>' for at, letter in enumerate("ABCDEF"))
    assert made(parts(f'<row r="1">{cells}</row>', strings=strings)).header == ("", "", "", " a", "b", "c")


def test_shared_strings_without_end_are_refused(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_package, "MOST_STRINGS", 1000)
    with pytest.raises(FileRefused, match=r"^people\.xlsx holds more than 1,000 texts"):
        made(parts(HEADING, strings="<si/>" * 1001))


def test_a_part_protected_by_a_password_is_refused(made: Make, tmp_path: Path) -> None:
    made(HEADING)
    path = tmp_path / "people.xlsx"
    path.write_bytes(
        re.sub(rb"(PK\x01\x02.{4}).", lambda found: found[1] + b"\x01", path.read_bytes(), flags=re.DOTALL)
    )
    assert refused(path)[1].startswith("people.xlsx is protected by a password; ")


def test_sheets_that_share_a_part_are_one(made: Make) -> None:
    content = parts(HEADING)
    sheet = '<sheet name="{}" sheetId="1" r:id="rId1"/>'
    content["xl/workbook.xml"] = content["xl/workbook.xml"].replace(
        sheet.format("People"), sheet.format("A") + sheet.format("B")
    )
    file = made(content)
    assert (file.sheet, file.other_sheets) == ("A", ())


def test_a_zip_bomb_is_refused_before_it_is_unpacked(made: Make) -> None:
    content: dict[str, str | bytes] = dict(parts(HEADING))
    content["xl/media/image1.png"] = bytes(100 << 20)
    with pytest.raises(FileRefused, match=r"^people\.xlsx unpacks to 104,8.+ bytes, far more than"):
        made(content)


def test_a_gzip_bomb_is_refused_while_it_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "bomb.xlsx.gz").write_bytes(gzip.compress(bytes(100 << 20)))
    assert refused(tmp_path / "bomb.xlsx.gz") == (
        "FORMAT_UNKNOWN",
        "bomb.xlsx.gz unpacks to far more than a spreadsheet of its size holds.",
    )


def test_a_part_that_holds_more_than_the_directory_says_is_refused(made: Make, tmp_path: Path) -> None:
    made(HEADING + ROW)
    path = tmp_path / "people.xlsx"
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size.to_bytes(4, "little")
    content = path.read_bytes()
    path.write_bytes(content.replace(size, (100).to_bytes(4, "little")))
    assert refused(path)[0] == "FORMAT_UNKNOWN"


def test_a_cell_without_end_is_refused(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkload.formats.xlsx_markup.LONGEST_RECORD", 100_000)
    monkeypatch.setattr(xlsx_package, "CHUNK", 1000)
    with pytest.raises(FileRefused, match=r"holds a row or a text of more than 100,000 characters"):
        made(f'{HEADING}<row r="2"><c r="A2"><v>{"1" * 300_000}</v></c></row>')
        list(made(f'{HEADING}<row r="2"><c r="A2"><v>{"1" * 300_000}</v></c></row>').batches())


def test_headings_without_end_are_refused(made: Make) -> None:
    with pytest.raises(FileRefused, match=r"has headings up to column XFD: more than 1,000"):
        made('<row r="1"><c r="XFD1"><v>1</v></c></row>')


def test_a_truncated_archive_is_refused(made: Make, tmp_path: Path) -> None:
    made(HEADING + ROW)
    path = tmp_path / "people.xlsx"
    path.write_bytes(path.read_bytes()[:-200])
    assert refused(path)[1].startswith("people.xlsx is a damaged spreadsheet")


def test_an_archive_with_changed_bytes_is_refused_or_reads_the_same(made: Make, tmp_path: Path) -> None:
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(2, 60))
    expected = rows_of(made(HEADING + rows))
    path = tmp_path / "people.xlsx"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            with SpreadsheetFile(path, work=tmp_path) as file:
                assert rows_of(file) == expected
        except FileRefused as refusal:
            assert refusal.code in {"FORMAT_UNKNOWN", "HEADER_MISSING"}


# Writing


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SHOWN = st.one_of(
    TEXT,
    st.sampled_from(["=1+1", "007", "1E5", "http://x.y", "<r>x</r>", "<r><t>x</t></r>", "_x0041_", "TRUE", "{=1}"]),
).filter(lambda text: text.strip())
MOMENT = st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.replace(microsecond=0))
CELLS = st.one_of(st.none(), SHOWN, st.dates(date(1900, 1, 1)), MOMENT)


def as_text(value: str | date | None) -> str:
    return "" if value is None else value if isinstance(value, str) else value.isoformat()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS).filter(any), max_size=8))
def test_what_is_written_reads_back_the_same_and_openpyxl_agrees(
    rows: list[tuple[str | date | None, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.xlsx"
        write_workbook(path, "People", [Column("Name"), Column("When", "date")], rows)
        assert read(path)[1:] == [[as_text(cell) for cell in row] for row in rows]
        book = openpyxl.load_workbook(path)
        seen = [[cell.value for cell in row] for row in book["People"].iter_rows(min_row=2, max_col=2)]
        book.close()
        for wanted, found in zip(rows, seen, strict=True):
            for value, cell in zip(wanted, found, strict=True):
                if isinstance(value, date) and value >= type(value)(1900, 3, 1):
                    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
                    assert abs(cell - moment) < timedelta(seconds=1)
                elif value is None or (isinstance(value, str) and value.isascii() and value.isalnum()):
                    assert cell == value


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=8), st.integers(20, 400))
def test_both_lanes_read_the_same_wherever_a_chunk_ends(rows: list[tuple[str | date | None, ...]], chunk: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "out.xlsx"
        write_workbook(path, "People", [Column("Name"), Column("When", "date")], rows)
        proven = read(path)
        patch.setattr(xlsx_package, "CHUNK", chunk)
        in_chunks = read(path)
        patch.setattr(spreadsheet, "PROVEN", re.compile(""))
        assert (in_chunks, read(path)) == (proven, proven)


def template(path: Path) -> openpyxl.Workbook:
    zones = tuple(f"Some Standard Time {number}" for number in range(142))
    columns = [
        Column("Name", note="Who is meant"),
        Column("Status", choices=("Active", "Inactive")),
        Column("When", "date", width=24),
        Column("Zone", choices=zones),
        Column("Place", choices=("Paris, France", "Rome")),
    ]
    write_workbook(path, "enrollment", columns, [])
    return openpyxl.load_workbook(path)


def test_a_template_has_headings_formats_lists_and_notes(tmp_path: Path) -> None:
    book = template(tmp_path / "new.xlsx")
    page = book["enrollment"]
    headings = list(page[1])
    assert [(cell.value, cell.font.bold) for cell in headings] == [
        (heading, True) for heading in ("Name", "Status", "When", "Zone", "Place")
    ]
    assert page.freeze_panes == "A2"
    assert headings[0].comment.text == "Who is meant"
    lists = {str(rule.sqref): (rule.formula1, rule.errorStyle) for rule in page.data_validations.dataValidation}
    assert lists == {
        "B2:B1048576": ('"Active,Inactive"', "warning"),
        "D2:D1048576": ("Lists!$A$1:$A$142", "warning"),
        "E2:E1048576": ("Lists!$B$1:$B$2", "warning"),
    }
    assert [book["Lists"]["A142"].value, book["Lists"]["B2"].value] == ["Some Standard Time 141", "Rome"]
    assert (book["Lists"].sheet_state, page.column_dimensions["C"].width > 20) == ("hidden", True)
    book.close()


def test_each_column_of_a_template_is_formatted_as_a_whole(tmp_path: Path) -> None:
    template(tmp_path / "new.xlsx").close()
    with zipfile.ZipFile(tmp_path / "new.xlsx") as archive:
        sheet, styles = (archive.read(f"xl/{part}.xml").decode() for part in ("worksheets/sheet1", "styles"))
    used = [int(style) for style in re.findall(r'<col min="\d+" max="\d+" width="[\d.]+" style="(\d+)"', sheet)]
    formats = re.findall(r'<xf numFmtId="(\d+)"', styles.partition("<cellXfs")[2])
    custom = dict(re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]*)"', styles))
    assert [custom.get(formats[style], formats[style]) for style in used] == [
        "@",
        "@",
        "mm/dd/yyyy hh:mm AM/PM",
        "@",
        "@",
    ]


def test_a_template_reads_as_its_headings_without_rows(tmp_path: Path) -> None:
    template(tmp_path / "new.xlsx").close()
    assert read(tmp_path / "new.xlsx") == [["Name", "Status", "When", "Zone", "Place"]]


def test_a_text_is_never_written_as_a_formula_or_a_link(tmp_path: Path) -> None:
    texts = ["=1+1", "{=1}", "http://example.com", "mailto:a@b.c", "internal:Sheet1!A1"]
    write_workbook(tmp_path / "out.xlsx", "People", [Column("Name")], [[text] for text in texts])
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert ("<f>" in sheet, "hyperlink" in sheet) == (False, False)
    assert read(tmp_path / "out.xlsx")[1:] == [[text] for text in texts]


def test_a_date_before_1900_is_written_as_text(tmp_path: Path) -> None:
    write_workbook(tmp_path / "out.xlsx", "People", [Column("Born", "date")], [[date(1899, 12, 31)]])
    assert read(tmp_path / "out.xlsx")[1:] == [["1899-12-31"]]


def test_a_written_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    write_workbook(tmp_path / "out.xlsx", "People", [Column("Name")], [])
    assert stat.S_IMODE((tmp_path / "out.xlsx").stat().st_mode) == 0o600


def test_too_many_rows_are_wrong_usage_and_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    (tmp_path / "out.xlsx").write_bytes(b"older")
    with pytest.raises(UsageError) as wrong:
        write_workbook(tmp_path / "out.xlsx", "People", [Column("Name")], [["a"], ["b"], ["c"]])
    assert str(wrong.value) == "a spreadsheet holds no more than 2 rows: write a .csv file instead."
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out.xlsx", b"older")]


def test_a_text_longer_than_a_cell_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^row 2, column 1: a spreadsheet cell holds no more than 32,767 characters"):
        write_workbook(tmp_path / "out.xlsx", "People", [Column("Name")], [["x" * 32_768]])
    assert list(tmp_path.iterdir()) == []
