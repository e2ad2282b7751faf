"""What is read of IMS Enterprise files: their elements in the order of the format, with the fields they are.

User-enrollment §2; the order and the elements that are no fields are those of IMS Enterprise 1.1.
"""

from __future__ import annotations

import polars as pl

from bulkload.formats.xml_shape import Element
from bulkload.formats.xml_walk import Layout

COMMENTS = Element("comments")


def _sourcedid(source: str, person_id: str) -> Element:
    inner = (Element("source", (source,)), Element("id", (person_id,)))
    return Element("sourcedid", children=inner, attributes={"sourcedidtype": ""}, times="first")


PROPERTY = Element("personproperty", ("properties",), times="all", keyed="propertytype")

PERSON = Element(
    "person",
    attributes={"recstatus": "recstatus"},
    children=(
        COMMENTS,
        _sourcedid("source", "person_id"),
        Element(
            "userid",
            ("login_id",),
            attributes={"useridtype": "", "password": "password", "pwencryptiontype": "", "authenticationtype": ""},
            times="first",
        ),
        Element(
            "name",
            children=(
                Element("fn"),
                Element("sort"),
                Element("nickname"),
                Element(
                    "n",
                    children=(
                        Element("family", ("last_name",)),
                        Element("given", ("first_name",)),
                        Element("other", times="first"),
                        Element("prefix"),
                        Element("suffix"),
                        Element(
                            "partname",
                            ("middle_name",),
                            attributes={"partnametype": ""},
                            times="first",
                            where=("partnametype", ("middlename",)),
                        ),
                    ),
                ),
            ),
        ),
        Element(
            "demographics",
            children=(
                Element("gender", ("gender",)),
                Element("bday", ("dob",)),
                Element("disability", ("disability",), times="first"),
            ),
        ),
        Element("email", ("email",)),
        Element("url"),
        Element(
            "tel",
            ("phone",),
            attributes={"teltype": ""},
            times="first",
            where=("teltype", ("voice", "1", "")),
        ),
        Element(
            "adr",
            children=(
                Element("pobox"),
                Element("extadd", times="first"),
                Element("street", ("address1", "address2"), times="first"),
                Element("locality", ("city",)),
                Element("region", ("state",)),
                Element("pcode", ("postal_code",)),
                Element("country", ("country",)),
            ),
        ),
        Element("photo", attributes={"imgtype": ""}),
        Element("systemrole", attributes={"systemroletype": ""}),
        Element("institutionrole", attributes={"primaryrole": "", "institutionroletype": ""}, times="first"),
        Element("datasource"),
        Element(
            "extension",
            children=(PROPERTY,),
        ),
    ),
)

HEAD = Element("membership", children=(COMMENTS, _sourcedid("target_source", "target_id")))
"""A membership before its members."""

MEMBER = Element(
    "member",
    children=(
        COMMENTS,
        _sourcedid("source", "person_id"),
        Element("idtype"),
        Element(
            "role",
            attributes={"recstatus": "recstatus", "roletype": ""},
            children=(
                Element("subrole", ("role_id",)),
                Element("status", ("status",)),
                Element("userid", times="first"),
                COMMENTS,
                Element("datetime"),
                Element("email"),
                Element("datasource"),
            ),
        ),
    ),
)
"""A member with one role; each role of a member is a record."""

GROUP = Element(
    "group",
    attributes={"recstatus": ""},
    children=(
        COMMENTS,
        _sourcedid("source", "id"),
        Element(
            "grouptype",
            children=(
                Element("scheme"),
                Element("typevalue", ("type",), attributes={"level": ""}, times="all"),
            ),
            times="all",
        ),
        Element("description", children=(Element("short"), Element("long"), Element("full"))),
    ),
)

LAYOUT = Layout(
    root="enterprise",
    records=("person", "group"),
    passed=("comments", "properties"),
    holders={"membership": "member"},
    heads=("comments", "sourcedid"),
    inside=frozenset(name for one in (PERSON, HEAD, MEMBER, GROUP) for name in one.all_names()),
)

DROPPED = "DROP"
_PERSON_ACTIONS = {"": "ADD", "1": "ADD", "2": "UPDATE", "3": "DELETE"}
_BLANKS = " \t\r\n\xa0"


def person_action() -> pl.Expr:
    """Return what a person's `recstatus` asks for; one that IMS does not have is the action itself.

    IMS leaves open what a person without one is; here it is to be added.
    """
    status = _trimmed("recstatus")
    return status.replace(_PERSON_ACTIONS).alias("action")


def role_action() -> pl.Expr:
    """Return what `recstatus` and `status` of a role ask for; of values that IMS does not have, the value itself."""
    record, status = _trimmed("recstatus"), _trimmed("status")
    return (
        pl.when(~record.is_in(["", "1", "2", "3"]))
        .then(record)
        .when(~status.is_in(["", "0", "1"]))
        .then(status)
        .when((record == "3") | (status == "0"))
        .then(pl.lit(DROPPED))
        .otherwise(pl.lit("ENROLL"))
        .alias("action")
    )


def key(source: str, identifier: str) -> pl.Expr:
    """Return what a sourcedid is known by, as the engine compares values: trimmed, NFC; null where the id is blank."""
    id_ = _trimmed(identifier)
    found = pl.when(id_ != "").then(pl.concat_str(_trimmed(source), pl.lit("\0"), id_))
    return found.map_batches(_composed, return_dtype=pl.String).alias("key")


def _composed(texts: pl.Series) -> pl.Series:
    """Bring texts to NFC, which takes long and leaves ASCII as it is."""
    plain = texts.str.len_bytes().sum() == texts.str.len_chars().sum()
    return texts if plain else texts.str.normalize("NFC")


def is_node(types: str) -> pl.Expr:
    """Tell whether one of a group's types, each on its line, is that of an enrollable node; null is none."""
    return pl.col(types).str.contains(r"(?im)^\s*enrollable node\s*$").fill_null(False)


def is_node_source(source: str) -> pl.Expr:
    """Tell whether a sourcedid's source is the one of nodes."""
    return _trimmed(source).str.to_uppercase() == "ECLG"


def _trimmed(name: str) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars(_BLANKS)
