# SPDX-License-Identifier: LGPL-2.1-or-later
"""Volumes: look-up, whole and single-file restores by PATCH, and FlexClone volumes."""
import os

import files
import snapshots
import tree
from api import Collection, Fail, Fields, Instance, Work, every, get, route

FIELDS = Fields(
    known=["uuid", "name", "svm.uuid", "svm.name", "nas.path", "state", "type", "style", "size",
           "is_svm_root", "snapshot_directory_access_enabled", "snapshot_locking_enabled",
           "snapshot_count", "consistency_group.uuid", "consistency_group.name",
           "clone.is_flexclone", "clone.parent_volume.uuid", "clone.parent_volume.name",
           "clone.parent_snapshot.uuid", "clone.parent_snapshot.name", "clone.parent_svm.name",
           "clone.split_initiated", "clone.split_complete_percent", "error_state.is_inconsistent"],
    expensive=("nas.path", "snapshot_count", "consistency_group.uuid", "consistency_group.name",
               "clone.is_flexclone", "clone.parent_volume.uuid", "clone.parent_volume.name",
               "clone.parent_snapshot.uuid", "clone.parent_snapshot.name",
               "clone.split_complete_percent"),
    caseless=("nas.path",),
    since={"consistency_group.uuid": (9, 10, 1), "consistency_group.name": (9, 10, 1),
           "consistency_group": (9, 10, 1), "snapshot_locking_enabled": (9, 12, 1)})


@route("GET", "/storage/volumes", fields=FIELDS)
def list_volumes(req):
    seen = [volume for volume in req.cluster.volumes if req.sees(volume["svm"]["name"])]
    return Collection([shown(req, volume) for volume in seen], FIELDS)


def shown(req, volume):
    volume = {**volume, "snapshot_count": len(req.cluster.snapshots_of(volume))}
    if volume["state"] != "online":
        volume.pop("nas", None)
    return volume


@route("GET", "/storage/volumes/{uuid}", fields=FIELDS)
def get_volume(req, uuid):
    return Instance(shown(req, req.cluster.volume(req, uuid)), FIELDS)


RESTORE = {"restore_to.snapshot.name": (9, 6), "restore_to.snapshot.uuid": (9, 6),
           "restore_to.path": (9, 10, 1), "restore_to.restore_path": (9, 10, 1),
           "restore_to.start_byte": (9, 10, 1), "restore_to.byte_count": (9, 10, 1),
           "restore_to.snapshot.force": (9, 19, 1)}


@route("PATCH", "/storage/volumes/{uuid}", params={**RESTORE, "preserve_lun_ids": (9, 6)},
       body={**RESTORE, "nas.path": (9, 6), "clone.split_initiated": (9, 6), "state": (9, 6),
             "snapshot_directory_access_enabled": (9, 6), "name": (9, 6)})
def modify_volume(req, uuid):
    cluster = req.cluster
    volume = cluster.volume(req, uuid)
    restore = {name: req.query.get(name, get(req.body or {}, name)) for name in RESTORE}
    if any(value is not None for value in restore.values()):
        return restore_volume(req, volume, restore)
    return Work(lambda: apply(cluster, volume, req.body or {}), 200, svm=volume["svm"])


def restore_volume(req, volume, restore):
    """Of one file when the path is there; without it, of all the volume."""
    by_uuid = restore["restore_to.snapshot.uuid"]
    key, value = ("uuid", by_uuid) if by_uuid else ("name", restore["restore_to.snapshot.name"])
    if not value:
        raise Fail(1638515, "The snapshot name is missing.", target="restore_to.snapshot.name")
    snapshot = next((s for s in req.cluster.snapshots_of(volume) if s[key] == value), None)
    if snapshot is None:
        raise Fail(918251, f'The value "{value}" is not valid for a restore.', target=key)
    path, to = restore["restore_to.path"], restore["restore_to.restore_path"]
    if path is None:
        return Work(lambda: snapshots.revert(req.cluster, volume, snapshot, req), 200,
                    svm=volume["svm"])
    start, count = restore["restore_to.start_byte"], restore["restore_to.byte_count"]
    if (start is None) != (count is None):
        raise Fail(918251, "A byte range needs both its start and its count.")
    if start is not None:
        start, count = files.byte_range(start, count)

    def act():
        files.restore_file(req.cluster, volume, snapshot["name"], path, to, start, count)
    return Work(act, 200, svm=volume["svm"])


def apply(cluster, volume, body):
    path = get(body, "nas.path")
    if path == "":
        volume.pop("nas", None)
    elif path is not None:
        if not path.startswith("/") or (path.endswith("/") and path != "/"):
            raise Fail(2, f'The junction path "{path}" is invalid.', target="nas.path")
        if any(get(other, "nas.path", "").lower() == path.lower() for other in cluster.volumes
               if other is not volume and other["svm"] == volume["svm"]):
            raise Fail(8, f'The junction path "{path}" is in use.', target="nas.path")
        volume["nas"] = {"path": path}
    if get(body, "clone.split_initiated"):
        release_parent(cluster, volume)
        volume["clone"] = {"is_flexclone": False}
    access = body.get("snapshot_directory_access_enabled", volume["snapshot_directory_access_enabled"])
    if access != volume["snapshot_directory_access_enabled"]:
        old = snapshots.directory_of(volume, "")
        volume["snapshot_directory_access_enabled"] = access
        os.rename(old.rstrip("/"), snapshots.directory_of(volume, "").rstrip("/"))
    for key in ("state", "name"):
        if key in body:
            volume[key] = body[key]


# FlexClone volumes.

@route("POST", "/storage/volumes",
       body=["name", "svm", "nas.path", "clone.is_flexclone", "clone.parent_volume",
             "clone.parent_snapshot", "clone.parent_svm", "comment"])
def create_volume(req):
    cluster, body = req.cluster, req.body or {}
    svm = cluster.svm_of(body)
    name = body.get("name", "")
    if not get(body, "clone.is_flexclone"):
        raise Fail(3, "The test double only creates volumes that are clones.")
    if len(name) > 203:
        raise Fail(917886, "The volume name is too long.", target="name")
    if not req.sees(svm["name"]):
        raise Fail(2621462, "The SVM does not exist.", target="svm.name")
    parent_reference = get(body, "clone.parent_volume")
    parent = next((v for v in cluster.volumes if v["svm"]["name"] == svm["name"] and all(
        v[key] == value for key, value in parent_reference.items())), None) \
        if parent_reference else None
    if parent is None:
        raise Fail(524601, "The parent volume does not exist.", target="clone.parent_volume")
    wanted = get(body, "clone.parent_snapshot", {})
    snapshot = next((s for s in cluster.snapshots_of(parent)
                     if all(s[key] == value for key, value in wanted.items())), None)
    if not wanted or snapshot is None:
        raise Fail(918247, "The value is not valid for a clone.", target="clone.parent_snapshot")
    if any(v["name"] == name and v["svm"]["name"] == svm["name"] for v in cluster.volumes):
        raise Fail(917526, f'The volume name "{name}" is a duplicate.', target="name")
    return Work(lambda: [make_clone(cluster, svm, parent, snapshot, body)], 201, svm=parent["svm"])


def make_clone(cluster, svm, parent, snapshot, body):
    outer = svm["_directory"] or os.path.dirname(parent["_directory"])
    directory = os.path.join(outer, body["name"])
    if os.path.exists(directory):
        raise Fail(524597, f'"{directory}" is in the way of the clone.')
    tree.copy_tree(snapshots.directory_of(parent, snapshot["name"]), directory,
                   modes=snapshot["_modes"])
    os.chmod(directory, 0o755)
    clone = cluster.add_volume(svm, body["name"], directory, get(body, "nas.path") or None)
    clone["clone"] = {"is_flexclone": True,
                      "parent_volume": {"uuid": parent["uuid"], "name": parent["name"]},
                      "parent_snapshot": {"uuid": snapshot["uuid"], "name": snapshot["name"]},
                      "parent_svm": {"name": svm["name"]}}
    snapshot["owners"] = sorted({*snapshot["owners"], "volume_clone"})
    for lun in snapshot["_luns"]:
        cluster.add_lun(clone, lun["_inner"])
    return {"uuid": clone["uuid"], "name": clone["name"], "svm": clone["svm"]}


def release_parent(cluster, volume):
    """The snapshot that VOLUME was cloned from is no longer held by it."""
    parent = get(volume, "clone.parent_snapshot.uuid")
    held = any(get(other, "clone.parent_snapshot.uuid") == parent for other in cluster.volumes
               if other is not volume)
    snapshot = cluster.find(cluster.snapshots, "uuid", parent)
    if snapshot and not held:
        snapshot["owners"] = [owner for owner in snapshot["owners"] if owner != "volume_clone"]


@route("DELETE", "/storage/volumes/{uuid}", params=["force"])
def delete_volume(req, uuid):
    cluster = req.cluster
    volume = cluster.volume(req, uuid)

    def act():
        if any(get(v, "clone.parent_volume.uuid") == uuid for v in cluster.volumes):
            raise Fail(524615, f'The volume "{volume["name"]}" has one or more clones.')
        if get(volume, "nas.path"):
            raise Fail(8, f'The volume "{volume["name"]}" is mounted at "{volume["nas"]["path"]}".')
        release_parent(cluster, volume)
        luns = {lun["uuid"] for lun in cluster.luns_of(volume)}
        cluster.maps[:] = [m for m in cluster.maps if m["lun"]["uuid"] not in luns]
        cluster.luns[:] = [lun for lun in cluster.luns if lun["uuid"] not in luns]
        cluster.snapshots[:] = [s for s in cluster.snapshots if s["volume"]["uuid"] != uuid]
        cluster.volumes.remove(volume)
        tree.remove_tree(volume["_directory"])
    return Work(act, 200, svm=volume["svm"])


every("DELETE", "/storage/volumes/{uuid}", list_volumes, [("uuid", "uuid")])
every("PATCH", "/storage/volumes/{uuid}", list_volumes, [("uuid", "uuid")])
