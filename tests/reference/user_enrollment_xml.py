"""Write records of users and enrollments as IMS Enterprise 1.1 (§2 of user-enrollment.md)."""

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from .user_enrollment_store import PERSON_FIELDS

NAMESPACE = "http://schemas.ecollege.com/Common/2006/01/ims_epv1p1.xsd"


@dataclass
class Xml:
    """How an XML file is written."""

    has_namespace: bool = True
    persons_last: bool = False
    groups_last: bool = False
    drops_by_status: bool = False


def to_xml(records: list[dict], how: Xml) -> tuple[str, list[dict]]:
    """Write records as IMS Enterprise 1.1 (§2); return the text, and the records with the lines they stand on."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<enterprise xmlns="{NAMESPACE}">' * how.has_namespace]
    lines[1] = lines[1] or "<enterprise>"
    lines.append("<properties><datasource>sis</datasource><datetime>2026-11-21T08:00:00</datetime></properties>")
    members = [one for one in records if one["action"] in ("ENROLL", "DROP")]
    persons: dict[tuple, str] = {}
    for one in members:
        if one["login_id"] is not None or any(one[name] is not None for name in PERSON_FIELDS):
            persons[one["source"], one["person_id"]] = person_element(one)
    groups = list(dict.fromkeys(group_element(one) for one in members))

    lines += [] if how.groups_last else groups
    lines += [] if how.persons_last else persons.values()
    placed = []
    for one in records:
        lines.append(membership_element(one, how) if one in members else person_element(one))
        placed.append({**one, "line": 1 + sum(1 + line.count("\n") for line in lines[:-1])})
    lines += groups if how.groups_last else []
    lines += persons.values() if how.persons_last else []
    return "\n".join([*lines, "</enterprise>"]) + "\n", placed


def element(name: str, value: str | None, attributes: str = "") -> str:
    return "" if value is None else f"<{name}{attributes}>{escape(value)}</{name}>"


def sourcedid(source: str, own: str) -> str:
    return f"<sourcedid>{element('source', source)}{element('id', own)}</sourcedid>"


def person_element(one: dict) -> str:
    status = {"ADD": "1", "UPDATE": "2", "DELETE": "3"}.get(one["action"], "1")
    password = "" if one["password"] is None else f" password={quoteattr(one['password'])}"
    middle = element("partname", one["middle_name"], ' partnametype="Middlename"')
    name = f"<name><n>{element('family', one['last_name'])}{element('given', one['first_name'])}{middle}</n></name>"
    demographics = element("gender", one["gender"]) + element("bday", one["dob"])
    demographics += element("disability", one["disability"])
    streets = element("street", one["address1"]) + element("street", one["address2"])
    places = [element(tag, one[of]) for tag, of in (("locality", "city"), ("region", "state"))]
    places += [element(tag, one[of]) for tag, of in (("pcode", "postal_code"), ("country", "country"))]
    properties = "".join(
        element("personproperty", value, f" propertytype={quoteattr(key)}")
        for key, value in one.get("properties", {}).items()
    )
    return (
        f'<person recstatus="{status}">{sourcedid(one["source"], one["person_id"])}'
        f"{element('userid', one['login_id'], password)}{name}<demographics>{demographics}</demographics>"
        f"{element('email', one['email'])}{element('tel', one['phone'], ' teltype=' + quoteattr('Voice'))}"
        f"<adr>{streets}{''.join(places)}</adr><extension>{properties}</extension></person>"
    )


def target_of(one: dict) -> str:
    """The sourcedid of the group: of a node the source is ECLG."""
    if one.get("node_string"):
        return sourcedid("ECLG", one["node_string"])
    return sourcedid(one["source"], one.get("call_number") or "")


def group_element(one: dict) -> str:
    kind = "Enrollable Node" if one.get("node_string") else "Call Number"
    return f'<group>{target_of(one)}<grouptype><typevalue level="">{kind}</typevalue></grouptype></group>'


def membership_element(one: dict, how: Xml) -> str:
    status, ended = "1", ""
    if one["action"] == "DROP":
        status, ended = ("1", "<status>0</status>") if how.drops_by_status else ("3", "")
    role = f'<role recstatus="{status}">{element("subrole", one.get("role_id"))}{ended}</role>'
    member = f"<member>{sourcedid(one['source'], one['person_id'])}{role}</member>"
    return f"<membership>{target_of(one)}{member}</membership>"
