"""Splits the bytes of XML into columns: each tag with the text that follows it."""

from __future__ import annotations

import re

import polars as pl

from bulkload.formats.xml_shape import dereferenced
from bulkload.formats.xml_walk import WHITE

ODD = bytes({*range(32)} - {*WHITE.encode()})
"""Bytes that no XML holds."""
NO_CHARACTERS = re.compile(b"\xef\xbf[\xbe\xbf]")
"""U+FFFE and U+FFFF, which are no characters of XML."""

_PLAIN_TAG = r'^/?[^\s"\'=!?/&]+(?: [^\s"\'=/&]+="[^"\t\r\n]*")* ?/?$'
_REFERENCE = r"&(?:amp|lt|gt|quot|apos|#(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,3}|[1-4][0-9]{4})|#x(?:[2-9A-F][0-9A-F]|[1-9A-C][0-9A-F]{2,3}));"
_REFERRING = rf"^(?:[^&]|{_REFERENCE})*$"


class Segments:
    """The segments of some bytes, each from a < to before the next one; the first has what stands before the first <.

    `frame` has for each `start`, its offset; `stop`, the offset after the tag; `text`, what stands after that; `code`
    (UInt32), the same where tags are the same but for the values of the attributes `varying`; `odd`, whether the tag or
    the text can be read by expat alone; and `tag`, which numbers the rows of `tags`. That has the different `tag`s, each
    with a column for each of `varying`: its value, or null.
    """

    def __init__(self, frame: pl.DataFrame, tags: pl.DataFrame) -> None:
        self.frame, self.tags = frame, tags

    def blank(self, at: pl.Series) -> pl.Series:
        """Tell of some segments whether nothing but white space follows the tag."""
        return self.frame["text"].gather(at).str.strip_chars(WHITE) == ""

    def texts(self, at: pl.Series) -> pl.Series:
        """Return what the elements hold that some segments begin; of nothing but white space the empty text."""
        texts = dereferenced(self.frame["text"].gather(at))
        blank = (texts.str.strip_chars(WHITE) == "").fill_null(value=False)
        return texts.scatter(blank.arg_true(), "") if blank.any() else texts

    def attributes(self, name: str, at: pl.Series) -> pl.Series:
        """Return the values of a varying attribute of some segments."""
        return dereferenced(self.tags[name].gather(self.frame["tag"].gather(at)))


def segments(data: bytes, origin: int, varying: tuple[str, ...]) -> Segments | None:
    """Split bytes, of which the first has the offset `origin`; None where a < or > may be something else than a tag's.

    polars' reader of CSV does it three times as fast as its functions for texts. It refuses two > after one <, save at
    the end, and takes none for an empty text; so neither may be there, and the lengths have to add up.
    """
    if data.translate(None, ODD) != data or (b"\xef\xbf" in data and NO_CHARACTERS.search(data)):
        return None
    if data.count(b"<") != data.count(b">") or data.count(b">", max(data.rfind(b"<"), 0)) > 1:
        return None
    try:
        frame = pl.read_csv(
            b">" + data,
            separator=">",
            eol_char="<",
            has_header=False,
            new_columns=["tag", "text"],
            quote_char=None,
            infer_schema=False,
            empty_string_is_null=False,
        ).rechunk()
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        return None
    tags = _described(frame["tag"].unique(maintain_order=True), varying)
    sizes = frame.select(tag=pl.col("tag").str.len_bytes() + 2, text=pl.col("text").str.len_bytes()).cast(pl.Int64)
    start = (sizes["tag"] + sizes["text"]).cum_sum() - sizes["text"] - sizes["tag"] + (origin - 2)
    numbered = pl.DataFrame(
        {
            "text": frame["text"],
            "start": start,
            "stop": start + sizes["tag"],
            "tag": frame["tag"].cast(pl.Enum(tags["tag"])).to_physical(),
        }
    )
    if numbered["stop"][-1] + sizes["text"][-1] != origin + len(data):
        return None
    odd = tags["odd"].gather(numbered["tag"])
    if b"&" in data:
        odd |= _refers_oddly(numbered["text"])
    if b"\r" in data:
        odd |= numbered["text"].str.contains("\r", literal=True) & (numbered["text"].str.strip_chars(WHITE) != "")
    return Segments(numbered.with_columns(odd=odd, code=tags["code"].gather(numbered["tag"])), tags)


def _described(tags: pl.Series, varying: tuple[str, ...]) -> pl.DataFrame:
    """Add to different tags what Segments says of them."""
    tag = pl.col("tag")
    varies = "|".join(map(re.escape, varying))
    bare = tag.str.replace_all(rf' ({varies})="[^"]*"', ' $1=""') if varying else tag
    described = tags.to_frame("tag").with_columns(
        bare.alias("bare"),
        *(tag.str.extract(rf' {re.escape(name)}="([^"]*)"').alias(name) for name in varying),
        odd=(tag != "") & ~tag.str.contains(_PLAIN_TAG),
    )
    odd = described["odd"] | _refers_oddly(described["tag"])
    return described.with_columns(odd=odd, code=pl.col("bare").rank("dense").cast(pl.UInt32)).drop("bare")


def _refers_oddly(texts: pl.Series) -> pl.Series:
    """Tell whether an & in a text is something else than the beginning of a reference to a character that XML has."""
    refers = texts.str.contains("&", literal=True)
    if not refers.any():
        return refers
    odd = ~texts.filter(refers).str.contains(_REFERRING)
    return refers.scatter(refers.arg_true(), odd)
