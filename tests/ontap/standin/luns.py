# SPDX-License-Identifier: LGPL-2.1-or-later
"""LUNs: files of a volume, named /vol/VOLUME/PATH. Clones come from LUNs and from snapshots."""
import os
import re

import snapshots
import tree
from api import Collection, Fail, Fields, Instance, Work, every, get, route

FIELDS = Fields(
    known=["uuid", "name", "serial_number", "serial_number_hex", "svm.uuid", "svm.name",
           "location.logical_unit", "location.volume.name", "location.volume.uuid", "space.size",
           "space.used", "space.guarantee.requested", "space.guarantee.reserved", "os_type", "class",
           "enabled", "comment", "status.state", "status.mapped", "status.read_only",
           "status.container_state", "lun_maps.igroup.name", "lun_maps.igroup.uuid",
           "lun_maps.logical_unit_number", "consistency_group.name", "consistency_group.uuid"],
    expensive=("lun_maps.igroup.name", "lun_maps.igroup.uuid", "lun_maps.logical_unit_number"),
    since={"serial_number_hex": (9, 19, 1), "consistency_group.name": (9, 10, 1),
           "consistency_group.uuid": (9, 10, 1)})
NAME = re.compile(r"/vol/(?P<volume>[^/]+)/(?:\.snapshot/(?P<snapshot>[^/]+)/)?(?P<inner>.+)")
NAME_LIMIT = 255


def file_of(cluster, lun):
    volume = cluster.one(cluster.volumes, "uuid", lun["location"]["volume"]["uuid"])
    return os.path.join(volume["_directory"], lun["_inner"])


def shown(cluster, lun):
    volume = cluster.one(cluster.volumes, "uuid", lun["location"]["volume"]["uuid"])
    path = file_of(cluster, lun)
    info = os.stat(path) if os.path.exists(path) else None
    maps = [{"igroup": dict(m["igroup"]), "logical_unit_number": m["logical_unit_number"]}
            for m in cluster.maps if m["lun"]["uuid"] == lun["uuid"]]
    record = {**lun, "lun_maps": maps, "status": {**lun["status"], "mapped": bool(maps)},
              "space": {"size": info.st_size if info else 0,
                        "used": info.st_blocks * 512 if info else 0,
                        "guarantee": lun.get("_guarantee", {"requested": False, "reserved": False})}}
    if "consistency_group" in volume:
        record["consistency_group"] = dict(volume["consistency_group"])
    return record


def listing(req):
    return [lun for lun in req.cluster.luns if req.sees(lun["svm"]["name"])]


@route("GET", "/storage/luns", fields=FIELDS)
def list_luns(req):
    return Collection([shown(req.cluster, lun) for lun in listing(req)], FIELDS)


@route("GET", "/storage/luns/{uuid}", fields=FIELDS)
def get_lun(req, uuid):
    return Instance(shown(req.cluster, find(req, uuid)), FIELDS)


def find(req, uuid):
    lun = req.cluster.find(listing(req), "uuid", uuid)
    if lun is None:
        raise Fail(5374875, "The specified LUN was not found.", target="uuid")
    return lun


def parse_name(name, target="name"):
    match = NAME.fullmatch(name or "")
    if not match or "//" in name or re.search(r"/\.\.?(/|$)", name):
        raise Fail(5374127, f'The LUN name "{name}" is invalid.', target=target)
    if len(name) > NAME_LIMIT:
        raise Fail(5376462, "The LUN name is too long.", target=target)
    return match


def find_source(req, svm, source):
    """The file that a clone comes from, its volume's name, and whether a snapshot holds it."""
    cluster = req.cluster
    name, uuid = source.get("name"), source.get("uuid")
    if name is None:
        lun = cluster.find(listing(req), "uuid", uuid)
        if lun is None:
            raise Fail(5374876, "The clone source was not found.", target="clone.source.uuid")
        return file_of(cluster, lun), lun["location"]["volume"]["name"], False
    match = parse_name(name, "clone.source.name")
    if match["snapshot"]:
        if uuid is not None:
            raise Fail(5374899, "A source in a snapshot is named by its name alone.",
                       target="clone.source.uuid")
        try:
            volume = cluster.volume_named(svm, match["volume"])
            path, _ = snapshots.file_in(cluster, volume, match["snapshot"], match["inner"])
        except Fail as failure:
            raise Fail(5374876, f'The clone source "{name}" was not found.',
                       target="clone.source.name") from failure
        return path, volume["name"], True
    lun = next((lun for lun in listing(req)
                if lun["name"] == name and lun["svm"]["name"] == svm), None)
    if lun is None or uuid not in (None, lun["uuid"]):
        raise Fail(5374876, f'The clone source "{name}" was not found.', target="clone.source.name")
    return file_of(cluster, lun), lun["location"]["volume"]["name"], False


BODY = ["name", "svm", "clone.source.name", "clone.source.uuid", "space.guarantee.requested",
        "space.size", "os_type", "comment", "enabled"]


@route("POST", "/storage/luns", body=BODY)
def create_lun(req):
    cluster, body = req.cluster, req.body or {}
    svm = cluster.svm_of(body)
    match = parse_name(body.get("name"))
    if match["snapshot"]:
        raise Fail(5376466, "A LUN cannot be made in a snapshot.", target="name")
    volume = cluster.volume_named(svm["name"], match["volume"])
    source = get(body, "clone.source")
    if source is None and not ("os_type" in body and get(body, "space.size")):
        raise Fail(2, 'A new LUN needs "os_type" and "space.size".', target="space.size")
    for key in ("os_type", "space.size"):
        if source is not None and get(body, key) is not None:
            raise Fail(5374883, f'The property "{key}" cannot be set on a clone.', target=key)
    return Work(lambda: [do_create(req, svm, volume, match["inner"], source, body)], 201,
                svm={"uuid": svm["uuid"], "name": svm["name"]})


def do_create(req, svm, volume, inner, source, body):
    cluster = req.cluster
    path = os.path.join(volume["_directory"], inner)
    if os.path.exists(path):
        raise Fail(5374242, f'A LUN or file "{body["name"]}" already exists.', status=409,
                   target="name")
    if not os.path.isdir(os.path.dirname(path)):
        raise Fail(5374127, f'The LUN name "{body["name"]}" is invalid: no such qtree.')
    if volume["state"] != "online":
        raise Fail(5374866, "The volume is offline.")
    if source is None:
        with open(path, "wb") as new:
            new.truncate(body["space"]["size"])
    else:
        origin, volume_name, _ = find_source(req, svm["name"], source)
        if volume_name != volume["name"]:
            raise Fail(1260121, "The clone and its source are not in the same volume.")
        tree.copy_file(origin, path, 0o600)
    lun = cluster.add_lun(volume, inner)
    wanted = get(body, "space.guarantee.requested", False)
    lun["_guarantee"] = {"requested": wanted, "reserved": wanted}
    return {"uuid": lun["uuid"], "name": lun["name"]}


@route("PATCH", "/storage/luns/{uuid}", body=BODY)
def modify_lun(req, uuid):
    cluster, body = req.cluster, req.body or {}
    lun = find(req, uuid)
    source = get(body, "clone.source")
    if source is not None and len(body) > 1:
        raise Fail(5374883, "Nothing else can be changed together with an overwrite by a clone.")

    def act():
        if source is not None:
            return overwrite(req, lun, source)
        if "name" in body:
            rename(cluster, lun, body["name"])
        for key in ("comment", "enabled"):
            if key in body:
                lun[key] = body[key]
        if get(body, "space.size"):
            os.truncate(file_of(cluster, lun), body["space"]["size"])
        return None
    return Work(act, 200, svm=lun["svm"])


def overwrite(req, lun, source):
    """The data is replaced; uuid, serial number, maps and state stay."""
    origin, volume_name, in_snapshot = find_source(req, lun["svm"]["name"], source)
    if in_snapshot and not req.cluster.knobs["lun_patch_from_snapshot"]:
        raise Fail(5374883, "A LUN cannot be overwritten from a snapshot.", target="clone.source.name")
    if volume_name != lun["location"]["volume"]["name"]:
        raise Fail(1260121, "The clone and its source are not in the same volume.")
    target = file_of(req.cluster, lun)
    tree.copy_file(origin, target, os.stat(target).st_mode & 0o7777)


def rename(cluster, lun, name):
    match = parse_name(name)
    if match["snapshot"]:
        raise Fail(5376466, "A LUN cannot be renamed into a snapshot.", target="name")
    if match["volume"] != lun["location"]["volume"]["name"]:
        raise Fail(5376461, "A LUN cannot be renamed into another volume.", target="name")
    old = file_of(cluster, lun)
    new = old[:-len(lun["_inner"])] + match["inner"]
    if os.path.exists(new):
        raise Fail(5374242, f'A LUN or file "{name}" already exists.', status=409)
    os.rename(old, new)
    lun.update(name=name, _inner=match["inner"])
    lun["location"]["logical_unit"] = os.path.basename(new)
    for mapping in cluster.maps:
        if mapping["lun"]["uuid"] == lun["uuid"]:
            mapping["lun"]["name"] = name


@route("DELETE", "/storage/luns/{uuid}", params=["allow_delete_while_mapped"])
def delete_lun(req, uuid):
    cluster = req.cluster
    lun = find(req, uuid)

    def act():
        if any(m["lun"]["uuid"] == uuid for m in cluster.maps) and \
                not req.flag("allow_delete_while_mapped"):
            raise Fail(1254197, f'The LUN "{lun["name"]}" is mapped.')
        cluster.maps[:] = [m for m in cluster.maps if m["lun"]["uuid"] != uuid]
        os.unlink(file_of(cluster, lun))
        cluster.luns.remove(lun)
    return Work(act, 200, svm=lun["svm"])


every("DELETE", "/storage/luns/{uuid}", list_luns, [("uuid", "uuid")])
every("PATCH", "/storage/luns/{uuid}", list_luns, [("uuid", "uuid")])
