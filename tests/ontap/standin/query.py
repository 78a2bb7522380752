# SPDX-License-Identifier: LGPL-2.1-or-later
"""Filters, the choice of fields, order and pages of collections."""
import re
from datetime import datetime
from urllib.parse import quote

from api import COMMON_PARAMS, Fail, get

PAGE_CAP = 10000


def values(record, name):
    """All values that a dotted name has in a record; lists fan out, what is unset has none."""
    found = [record]
    for part in name.split("."):
        inner = []
        for item in found:
            for element in item if isinstance(item, list) else [item]:
                if isinstance(element, dict) and part in element:
                    inner.append(element[part])
        found = inner
    flat = []
    for item in found:
        flat.extend(item if isinstance(item, list) else [item])
    return flat


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def comparable(text):
    for convert in (float, lambda t: datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp()):
        try:
            return convert(text)
        except ValueError:
            continue
    return None


def matches_one(text, pattern, caseless):
    flags = re.IGNORECASE if caseless else 0
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, text, flags | re.DOTALL) is not None


def compares(text, operator, limit):
    left, right = comparable(text), comparable(limit)
    if left is None or right is None:
        left, right = text, limit
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator]


def matches(record, name, expression, caseless=False):
    """Whether a record passes NAME=EXPRESSION of a query."""
    texts = [text_of(value) for value in values(record, name)]
    if expression == "null":
        return not texts
    if expression == "!null":
        return bool(texts)
    if not texts:
        return False
    if expression.startswith("!"):
        return not any(matches_one(text, alternative, caseless) for text in texts
                       for alternative in expression[1:].split("|"))
    for alternative in expression.split("|"):
        ordered = re.match(r"(<=|>=|<|>)(.*)", alternative, re.DOTALL)
        for text in texts:
            if ordered and compares(text, ordered[1], ordered[2]):
                return True
            if not ordered and matches_one(text, alternative, caseless):
                return True
    return False


def select(records, query, route, version):
    """The records that pass the filters of QUERY; all of its other names were checked before."""
    filters = {name: value for name, value in query.items()
               if name not in COMMON_PARAMS and name not in route.params
               and route.fields.knows(name, version)}
    return [record for record in records
            if all(matches(record, name, value, name in route.fields.caseless)
                   for name, value in filters.items())]


def pick(record, names):
    """A copy of RECORD with only NAMES (dotted, or whole objects) of it."""
    result = {}
    for key, value in record.items():
        inner = [name[len(key) + 1:] for name in names if name.startswith(key + ".")]
        if key in names:
            picked = visible(value)
        elif inner and isinstance(value, dict):
            picked = pick(value, inner)
        elif inner and isinstance(value, list):
            picked = [part for item in value if isinstance(item, dict) and (part := pick(item, inner))]
        else:
            continue
        if picked not in ({}, [], None):
            result[key] = picked
    return result


def visible(value):
    """VALUE without what is internal or empty."""
    if isinstance(value, dict):
        inner = {key: visible(item) for key, item in value.items() if not key.startswith("_")}
        return {key: item for key, item in inner.items() if item not in ({}, [], None)}
    if isinstance(value, list):
        return [visible(item) for item in value]
    return value


def wanted(text, fields, version, everything):
    """The names of the fields to show for a fields= of TEXT."""
    asked = [name for name in (text or "").split(",") if name]
    names = set(fields.identity)
    if "**" in asked:
        names.update(fields.known)
    elif "*" in asked or everything:
        names.update(name for name in fields.known if name not in fields.expensive)
    names.update(asked)
    return {name for name in names if fields.knows(name, version)}


def show(req, record, fields, everything=False):
    body = pick(record, wanted(req.query.get("fields"), fields, req.cluster.version(), everything))
    return body


def key_of(record):
    return record.get("_key") or record["uuid"]


def ordered(records, order_by):
    records = sorted(records, key=key_of)
    for clause in reversed((order_by or "").split(",")):
        name, _, direction = clause.strip().partition(" ")
        if not name:
            continue
        if direction not in ("", "asc", "desc"):
            raise Fail(2, f'"{clause}" is an invalid value for "order_by"', target="order_by")
        records.sort(key=lambda record, name=name: text_of(get(record, name, "")),
                     reverse=direction == "desc")
    return records


def page(req, records, links):
    """The body of a GET of many. REQ.query is valid, RECORDS are not yet filtered."""
    version = req.cluster.version()
    fields = req.route.fields
    records = ordered(select(records, req.query, req.route, version), req.query.get("order_by"))
    if not req.flag("return_records", True):
        return {"num_records": len(records)}
    start = req.query.get("start.uuid")
    if start is not None:
        if req.query.get("order_by"):
            records = records[[key_of(record) for record in records].index(start) + 1:]
        else:
            records = [record for record in records if key_of(record) > start]
    cap = min(req.number("max_records", PAGE_CAP, 1, PAGE_CAP), req.cluster.knobs["page_size"])
    shown = records[:cap]
    body = {"records": [], "num_records": len(shown)}
    for record in shown:
        item = show(req, record, fields)
        if links:
            item["_links"] = {"self": {"href": f"{req.path}/{quote(key_of(record), safe='/')}"}}
        body["records"].append(item)
    if links:
        body["_links"] = {"self": {"href": req.path}}
    if len(records) > cap:
        query = {name: value for name, value in req.query.items() if name != "start.uuid"}
        parts = [f"start.uuid={quote(key_of(shown[-1]), safe='')}"]
        parts += [f"{name}={quote(value, safe='')}" for name, value in query.items()]
        href = f"{req.path}?{'&'.join(parts)}"
        body.setdefault("_links", {})["next"] = {"href": href}
    return body
