# SPDX-License-Identifier: LGPL-2.1-or-later
"""What handlers and the server share: routes, requests, replies and errors.

A handler is a function of (request, path variables) under @route. It returns
  Collection(records, fields)  a GET of many: filters, fields, order and pages are applied to it
  Instance(record, fields)     a GET of one
  Work(...)                    something that is done at once or as a job, as return_timeout has it
  Reply(status, body)          anything else
or raises Fail. Records are nested dicts as ONTAP shows them; keys that begin with "_" stay inside.
"""
import re
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import unquote

HTTP_STATUS = {  # of error codes; all others are 400
    "1": 409, "4": 404, "6": 403, "8": 409,
    "525059": 409, "1638543": 409, "1638555": 409, "1254197": 409, "1254207": 409,
    "53411918": 409, "53411921": 409, "6619637": 409,
    "918235": 404, "917927": 404, "542797": 404, "5374875": 404, "5374876": 404,
    "53411842": 404, "5374922": 404, "6684674": 404, "2621462": 404, "53411925": 404,
}


class Fail(Exception):
    def __init__(self, code, message, status=None, target=None):
        super().__init__(message)
        self.code = str(code)
        self.message = message
        self.status = status or HTTP_STATUS.get(self.code, 400)
        self.target = target

    def error(self):
        error = {"message": self.message, "code": self.code}
        if self.target:
            error["target"] = self.target
        return error


def missing(target="uuid"):
    return Fail(4, "entry doesn't exist", target=target)


@dataclass
class Fields:
    """The fields of a sort of record: which exist, which come unasked, which only when named."""
    known: list
    identity: tuple = ("uuid", "name")
    expensive: tuple = ()
    since: dict = field(default_factory=dict)
    caseless: tuple = ()

    def knows(self, name, version):
        if version < self.since.get(name, (0,)):
            return False
        return any(k == name or k.startswith(name + ".") for k in self.known)


@dataclass
class Collection:
    records: list
    fields: Fields


@dataclass
class Instance:
    record: dict
    fields: Fields


@dataclass
class Reply:
    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict = field(default_factory=dict)


@dataclass
class Work:
    """ACTION returns the records of the reply, or None; it raises Fail. STATUS is that of success."""
    action: Callable
    status: int = 200
    location: str = ""
    svm: Any = None
    promised: Any = None  # records that the reply shows even when it is a job's
    force_job: bool = False


@dataclass
class Request:
    cluster: Any
    method: str
    path: str  # decoded, from /api on
    query: dict
    body: Any
    user: Any = None
    svm: Any = None  # the name of the SVM that the user or a header confines the request to
    route: Any = None

    def flag(self, name, default=False):
        return self.query.get(name, str(default)).lower() == "true"

    def number(self, name, default, low, high):
        text = self.query.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"\d+", text) or not low <= int(text) <= high:
            raise Fail(2, f'"{text}" is an invalid value for "{name}" (<{low}..{high}>)', target=name)
        return int(text)

    def sees(self, svm_name):
        return self.svm is None or self.svm == svm_name


@dataclass
class Route:
    method: str
    template: str
    handler: Callable
    params: dict  # name -> the version that brought it
    body: dict  # dotted name -> the version that brought it
    since: tuple
    fields: Any
    every: Any  # for a collection: (the list's handler, names of the record's keys, this one's route)

    def __post_init__(self):
        self.segments = self.template.strip("/").split("/")

    def match(self, segments):
        if len(segments) != len(self.segments):
            return None
        found = {}
        for mine, theirs in zip(self.segments, segments):
            if mine.startswith("{"):
                found[mine[1:-1]] = unquote(theirs)
            elif mine != theirs:
                return None
        return found


ROUTES = []


def versions(names):
    return names if isinstance(names, dict) else {name: (9, 6) for name in names}


def route(method, template, params=(), body=(), since=(9, 6), fields=None):
    def register(handler):
        ROUTES.append(Route(method, template, handler, versions(params), versions(body), since,
                            fields, None))
        return handler
    return register


def every(method, template, listing, keys):
    """Lets METHOD work on a collection by its query: once on each record that LISTING finds.

    TEMPLATE is the route of one record, KEYS the (variable, field) pairs that fill it in.
    """
    one = next(r for r in ROUTES if (r.method, r.template) == (method, template))
    collection = template
    for _ in keys:
        collection = collection.rsplit("/", 1)[0]
    fields = next(r for r in ROUTES if r.handler is listing).fields
    ROUTES.append(Route(method, collection, one.handler, one.params, one.body, one.since, fields,
                        (listing, keys)))


COMMON_PARAMS = ("fields", "return_timeout", "return_records", "max_records", "order_by",
                 "ignore_unknown_fields", "start.uuid")


def find_route(method, raw_path, version):
    """The route and variables of an encoded path below /api."""
    segments = raw_path.strip("/").split("/")
    if segments and segments[0] == "v1":
        segments = segments[1:]
    at_path = [(r, found) for r in ROUTES
               if version >= r.since and (found := r.match(segments)) is not None]
    # A word in the template goes before a variable at the same place.
    at_path.sort(key=lambda pair: len(pair[1]))
    if not at_path:
        raise Fail(3, "API not found", status=404)
    fewest = len(at_path[0][1])
    for candidate, found in at_path:
        if candidate.method == method and len(found) == fewest:
            return candidate, found
    raise Fail(3, "method not allowed", status=405)


def nest(body):
    """Dotted keys made into objects: both forms are taken in requests."""
    if isinstance(body, list):
        return [nest(item) for item in body]
    if not isinstance(body, dict):
        return body
    result = {}
    for key, value in body.items():
        place = result
        *outer, last = key.split(".")
        for part in outer:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise Fail(2, f'Field "{key}" is given twice', target=key)
        value = nest(value)
        if isinstance(value, dict) and isinstance(place.get(last), dict):
            place[last].update(value)
        else:
            place[last] = value
    return result


def leaves(value, prefix=""):
    """The dotted names of all that is set within a body."""
    if isinstance(value, list):
        for item in value:
            yield from leaves(item, prefix)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix


def get(record, name, default=None):
    for part in name.split("."):
        if not isinstance(record, dict) or part not in record:
            return default
        record = record[part]
    return record


def check_arguments(req, route_):
    """No query parameter and no body field that this version of this call does not have."""
    version = req.cluster.version()
    reads_many = route_.fields and (route_.method == "GET" or route_.every)
    for name in req.query:
        if name in COMMON_PARAMS or version >= route_.params.get(name, (99,)):
            continue
        if reads_many and route_.fields.knows(name, version):
            continue
        if req.flag("ignore_unknown_fields"):
            continue
        raise Fail(262197, f'The value "{name}" is invalid for field "query"', target=name)
    if reads_many:
        for name in filter(None, req.query.get("fields", "").split(",")):
            if name not in ("*", "**") and not route_.fields.knows(name, version) and \
                    not req.flag("ignore_unknown_fields"):
                raise Fail(262197, f'The value "{name}" is invalid for field "fields"',
                           target="fields")
    if req.body is None:
        return
    if not isinstance(req.body, dict):
        raise Fail(2, "The body is not an object")
    for name in filter(None, leaves(req.body)):
        if not any(version >= since and (name + ".").startswith(known + ".")
                   for known, since in route_.body.items()):
            raise Fail(2, f'Unexpected argument "{name}".', target=name)
