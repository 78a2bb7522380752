# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests say to the stand-in itself, below /control and without a login. Each cluster has its own.

GET    /control/knobs     all knobs             PUT or POST  {"NAME": value, ...} changes some
GET    /control/faults    those that are left   POST  a fault, or a list of them; DELETE  none any more
GET    /control/held      waits up to 60 s until a fault holds a request, and tells which
POST   /control/release   lets all held requests go on
GET    /control/state     everything, internals included
POST   /control/set       {"kind": "snapshots", "where": {"name": "X"}, "set": {"owners": ["dump"]}}
                          changes records as no client can; a value of null removes the field
"""
import copy

import faults
from api import Reply, get

KINDS = ("svms", "lifs", "volumes", "snapshots", "luns", "igroups", "maps", "iscsi", "groups",
         "group_snapshots", "relationships", "policies")


def printable(record):
    return {key: value for key, value in record.items()
            if key not in ("_timer", "_taken", "_work", "_begun", "_modes", "_luns", "_before")}


def state(cluster):
    body = {kind: [printable(record) for record in getattr(cluster, kind)] for kind in KINDS}
    body["jobs"] = [printable(job) for job in cluster.jobs.values()]
    body["started"] = [s["name"] for s in cluster.group_snapshots if s["_started"]]
    body["fenced"] = [s["name"] for s in cluster.group_snapshots
                      if s["_frozen"] or s["_before"] is not None]
    body["fence_violations"] = list(cluster.fence_violations)
    return copy.deepcopy(body)


def change(cluster, body):
    if body["kind"] not in KINDS:
        raise ValueError(f"there is no kind {body['kind']!r}")
    found = [record for record in getattr(cluster, body["kind"])
             if all(get(record, name) == value for name, value in body["where"].items())]
    for record in found:
        for name, value in body["set"].items():
            *outer, last = name.split(".")
            place = record
            for part in outer:
                place = place.setdefault(part, {})
            if value is None:
                place.pop(last, None)
            else:
                place[last] = value
    return {"changed": len(found)}


def handle(cluster, method, path, body):
    """The reply to a request below /control. The waiting ones must not hold the state's lock."""
    what = path.removeprefix("/control/").strip("/")
    if (method, what) == ("GET", "held"):
        return Reply(200, {"held": cluster.faults.wait_held(60)})
    if (method, what) == ("POST", "release"):
        cluster.faults.release()
        return Reply()
    with cluster.state.lock:
        try:
            return at_once(cluster, method, what, body)
        except (ValueError, KeyError, TypeError) as error:
            return Reply(400, {"control": f"{type(error).__name__}: {error}"})


def at_once(cluster, method, what, body):
    match what, method:
        case "knobs", "GET":
            return Reply(200, dict(cluster.knobs))
        case "knobs", "PUT" | "POST":
            faults.set_knobs(cluster.knobs, body)
            return Reply(200, dict(cluster.knobs))
        case "faults", "GET":
            return Reply(200, {"faults": [f for f in cluster.faults.entries if f["times"]]})
        case "faults", "POST":
            for entry in body if isinstance(body, list) else [body]:
                cluster.faults.add(entry)
            return Reply(201)
        case "faults", "DELETE":
            cluster.faults.clear()
            return Reply()
        case "state", "GET":
            return Reply(200, state(cluster))
        case "set", "POST":
            return Reply(200, change(cluster, body))
    return Reply(404, {"control": f"there is no {method} /control/{what}"})
