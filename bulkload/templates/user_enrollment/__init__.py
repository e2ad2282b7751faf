"""The template `user-enrollment`: persons and their enrolments, delimited or IMS Enterprise XML (seed 000)."""

from __future__ import annotations

import polars as pl

from bulkload.bonds import Bond
from bulkload.template import Half, Log, Template, XmlForm
from bulkload.templates.user_enrollment.codes import NUMBERS, OF_FIELDS
from bulkload.templates.user_enrollment.decide import UserEnrollmentFamily
from bulkload.templates.user_enrollment.fields import FIELDS
from bulkload.templates.user_enrollment.records import DROP, ENROLL
from bulkload.templates.user_enrollment.reference import NODE, ROLE, SECTION, TERM

MEMBERSHIP = frozenset({"call_number", "node_string", "role_id"})

SKELETON = """<?xml version="1.0" encoding="UTF-8"?>
<enterprise>
  <properties><datasource></datasource><datetime></datetime></properties>
  <person recstatus="1">
    <sourcedid><source></source><id></id></sourcedid>
    <userid password=""></userid>
    <name><n><family></family><given></given></n></name>
    <email></email>
  </person>
  <membership>
    <sourcedid><source></source><id></id></sourcedid>
    <member>
      <sourcedid><source></source><id></id></sourcedid>
      <role recstatus="1"><subrole></subrole></role>
    </member>
  </membership>
</enterprise>
"""

USER_ENROLLMENT = Template(
    name="user-enrollment",
    says="An institution's persons and their enrolments: added, updated, enrolled and dropped, in file order.",
    source="seed 000; user-enrollment §1 to §4",
    fields=FIELDS,
    key=("source", "person_id"),
    family=UserEnrollmentFamily(),
    refers_to=("section", "node", "role"),
    positional=True,
    page_limit=1 << 20,
    bonds=(
        Bond(("source", "person_id")),
        Bond(("login_id",), folded=True, where=pl.col("action") != DROP),
    ),
    xml=XmlForm("enterprise", SKELETON),
    log=Log(
        shows={
            "action": pl.col("text.action"),
            "person_id": pl.col("text.person_id"),
            "login_id": pl.col("text.login_id"),
            "target": pl.when(pl.col("text.call_number") != "").then("text.call_number").otherwise("text.node_string"),
            "role_id": pl.col("text.role_id"),
        },
        halves=(
            Half(
                "person_",
                frozenset(one.name for one in FIELDS if one.name not in MEMBERSHIP),
                pl.lit(value=True),
                "person.happened",
            ),
            Half("membership_", MEMBERSHIP, pl.col("text.action").is_in([ENROLL, DROP]), "membership.happened"),
        ),
        numbers=NUMBERS,
        of_fields=OF_FIELDS,
    ),
)

TEMPLATES = (USER_ENROLLMENT, TERM, SECTION, NODE, ROLE)
