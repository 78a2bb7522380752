# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who sees LUNs: igroups, maps and the iSCSI target."""
import subprocess

import luns
from api import Collection, Fail, Fields, Instance, Reply, every, get, missing, route
from state import new_uuid

IGROUP = Fields(known=["uuid", "name", "svm.uuid", "svm.name", "protocol", "os_type",
                       "initiators.name"])
MAP = Fields(known=["svm.uuid", "svm.name", "lun.uuid", "lun.name", "igroup.uuid", "igroup.name",
                    "logical_unit_number"], identity=("lun.uuid", "lun.name", "igroup.uuid",
                                                      "igroup.name", "svm.uuid", "svm.name"))
ISCSI = Fields(known=["svm.uuid", "svm.name", "target.name", "enabled"],
               identity=("svm.uuid", "svm.name"))
LARGEST_NUMBER = 4095


@route("GET", "/protocols/san/iscsi/services", fields=ISCSI)
def list_iscsi(req):
    return Collection([s for s in req.cluster.iscsi if req.sees(s["svm"]["name"])], ISCSI)


@route("GET", "/protocols/san/igroups", fields=IGROUP)
def list_igroups(req):
    return Collection([g for g in req.cluster.igroups if req.sees(g["svm"]["name"])], IGROUP)


def find_igroup(req, uuid):
    return req.cluster.one(list_igroups(req).records, "uuid", uuid)


@route("GET", "/protocols/san/igroups/{uuid}", fields=IGROUP)
def get_igroup(req, uuid):
    return Instance(find_igroup(req, uuid), IGROUP)


@route("POST", "/protocols/san/igroups",
       body=["name", "svm", "os_type", "protocol", "initiators.name"])
def create_igroup(req):
    cluster, body = req.cluster, req.body or {}
    svm = cluster.svm_of(body)
    if any(g["name"] == body.get("name") and g["svm"]["uuid"] == svm["uuid"]
           for g in cluster.igroups):
        raise Fail(5374023, f'The igroup "{body["name"]}" already exists.', status=409)
    for key in ("name", "os_type"):
        if not body.get(key):
            raise Fail(2, f'The required field "{key}" is missing.', target=key)
    igroup = {"uuid": new_uuid(), "name": body["name"], "os_type": body["os_type"],
              "svm": {"uuid": svm["uuid"], "name": svm["name"]},
              "protocol": body.get("protocol", "mixed"),
              "initiators": list(body.get("initiators", []))}
    cluster.igroups.append(igroup)
    shown = {"uuid": igroup["uuid"], "name": igroup["name"]}
    return Reply(201, {"num_records": 1, "records": [shown]} if req.flag("return_records") else {},
                 {"Location": f"/api/protocols/san/igroups/{igroup['uuid']}"})


@route("DELETE", "/protocols/san/igroups/{uuid}")
def delete_igroup(req, uuid):
    igroup = find_igroup(req, uuid)
    if any(m["igroup"]["uuid"] == uuid for m in req.cluster.maps):
        raise Fail(5374031, f'LUNs are mapped to the igroup "{igroup["name"]}".', status=409)
    req.cluster.igroups.remove(igroup)
    return Reply()


@route("POST", "/protocols/san/igroups/{uuid}/initiators", body=["name", "records.name"])
def add_initiator(req, uuid):
    igroup, body = find_igroup(req, uuid), req.body or {}
    for entry in body.get("records") or [body]:
        if {"name": entry["name"]} in igroup["initiators"]:
            raise Fail(5374035, f'The initiator "{entry["name"]}" is already in the igroup.',
                       status=409)
        igroup["initiators"].append({"name": entry["name"]})
    return Reply(201)


@route("DELETE", "/protocols/san/igroups/{uuid}/initiators/{name}")
def remove_initiator(req, uuid, name):
    igroup = find_igroup(req, uuid)
    if {"name": name} not in igroup["initiators"]:
        raise missing("name")
    igroup["initiators"].remove({"name": name})
    return Reply()


# Maps.

@route("GET", "/protocols/san/lun-maps", fields=MAP)
def list_maps(req):
    return Collection([m for m in req.cluster.maps if req.sees(m["svm"]["name"])], MAP)


@route("GET", "/protocols/san/lun-maps/{lun}/{igroup}", fields=MAP)
def get_map(req, lun, igroup):
    return Instance(find_map(req, lun, igroup), MAP)


def find_map(req, lun, igroup):
    mapping = req.cluster.find(list_maps(req).records, "_key", f"{lun}/{igroup}")
    if mapping is None:
        raise Fail(5374922, "The specified LUN map was not found.", target="lun.uuid")
    return mapping


def by_reference(req, records, reference, code, what):
    found = [r for r in records if req.sees(r["svm"]["name"]) and reference and all(
        r[key] == value for key, value in reference.items() if key in ("name", "uuid"))]
    if len(found) != 1:
        raise Fail(code, f"The {what} was not found.", target=what)
    return found[0]


def run_hook(cluster, event, lun, mapping):
    """The test bed's part: a command that makes the device appear or go."""
    command = cluster.hooks.get(event)
    if command:
        arguments = [luns.file_of(cluster, lun), lun["serial_number"],
                     str(mapping["logical_unit_number"]), mapping["igroup"]["name"]]
        subprocess.run([command, event, *arguments], check=True, timeout=60)


@route("POST", "/protocols/san/lun-maps", body=["svm", "lun", "igroup", "logical_unit_number"])
def create_map(req):
    cluster, body = req.cluster, req.body or {}
    svm = cluster.svm_of(body)
    if "/.snapshot/" in get(body, "lun.name", ""):
        raise Fail(5374238, "A LUN in a snapshot cannot be mapped.", target="lun.name")
    ours = [lun for lun in cluster.luns if lun["svm"]["uuid"] == svm["uuid"]]
    lun = by_reference(req, ours, body.get("lun"), 5374875, "lun")
    groups = [group for group in cluster.igroups if group["svm"]["uuid"] == svm["uuid"]]
    igroup = by_reference(req, groups, body.get("igroup"), 5374852, "igroup")
    if any(m["lun"]["uuid"] == lun["uuid"] and m["igroup"]["uuid"] == igroup["uuid"]
           for m in cluster.maps):
        raise Fail(1254207, "The LUN is already mapped to this group.")
    used = {m["logical_unit_number"] for m in cluster.maps
            if m["igroup"]["uuid"] == igroup["uuid"]}
    number = body.get("logical_unit_number")
    if number is None:
        number = next(n for n in range(LARGEST_NUMBER + 1) if n not in used)
    elif number in used:
        raise Fail(1254207, f"The logical unit number {number} is in use.")
    cluster.add_map(lun, igroup, number)
    run_hook(cluster, "map", lun, cluster.maps[-1])
    shown = {key: value for key, value in cluster.maps[-1].items() if key != "_key"}
    return Reply(201, {"num_records": 1, "records": [shown]} if req.flag("return_records") else {},
                 {"Location": f"/api/protocols/san/lun-maps/{lun['uuid']}/{igroup['uuid']}"})


@route("DELETE", "/protocols/san/lun-maps/{lun}/{igroup}")
def delete_map(req, lun, igroup):
    mapping = find_map(req, lun, igroup)
    req.cluster.maps.remove(mapping)
    run_hook(req.cluster, "unmap", req.cluster.one(req.cluster.luns, "uuid", lun), mapping)
    return Reply()


every("DELETE", "/protocols/san/lun-maps/{lun}/{igroup}", list_maps,
      [("lun", "lun.uuid"), ("igroup", "igroup.uuid")])
