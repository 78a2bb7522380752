# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of volumes: read-only copies of the tree, at .snapshot/NAME in the volume's directory."""
import copy
import os
import re
from datetime import datetime
from urllib.parse import quote

import tree
from api import Collection, Fail, Fields, Instance, Reply, Work, every, get, route
from state import new_uuid

FIELDS = Fields(
    known=["uuid", "name", "create_time", "comment", "snapmirror_label", "expiry_time", "size",
           "state", "owners", "volume.uuid", "volume.name", "svm.uuid", "svm.name",
           "provenance_volume.uuid", "version_uuid", "reclaimable_space", "delta", "snaplock.expired",
           "snaplock.expiry_time", "snaplock.time_until_expiry", "snaplock_expiry_time"],
    expensive=("reclaimable_space", "delta"),
    since={"snaplock.expiry_time": (9, 12, 1), "snaplock.expired": (9, 12, 1)})
SETTABLE = {"name": (9, 6), "comment": (9, 6), "snapmirror_label": (9, 7), "expiry_time": (9, 6),
            "snaplock_expiry_time": (9, 7), "snaplock.expiry_time": (9, 12, 1)}
RESERVED = ("snapmirror.", "hourly.", "nightly.", "weekly.")
NAME_LIMIT, COMMENT_LIMIT, LABEL_LIMIT = 256, 255, 31


def check_body(body, name_needed=True):
    name = body.get("name")
    if name_needed and not name:
        raise Fail(2, 'The required field "name" is missing.', target="name")
    if name is not None:
        if name.startswith(RESERVED):
            raise Fail(1638477, f'The snapshot name "{name}" has a reserved prefix.', target="name")
        if len(name) > NAME_LIMIT or not re.fullmatch(r"[A-Za-z0-9._:+-]+", name) or name[0] == ".":
            raise Fail(1638518, f'The snapshot name "{name}" is invalid.', target="name")
    if len(body.get("comment", "")) > COMMENT_LIMIT:
        raise Fail(1638455, "Failed to set the comment: too long.", target="comment")
    if not 1 <= len(body.get("snapmirror_label", "x")) <= LABEL_LIMIT:
        raise Fail(1638523, "Failed to set the label.", target="snapmirror_label")
    for key in ("expiry_time", "snaplock.expiry_time", "snaplock_expiry_time"):
        text = get(body, key)
        try:
            if text is not None:
                datetime.fromisoformat(text.replace("Z", "+00:00"))
        except (AttributeError, ValueError):
            raise Fail(1638554, f'"{text}" is not a time.', target=key) from None


def directory_of(volume, name):
    outer = tree.SNAPSHOTS if volume["snapshot_directory_access_enabled"] else tree.HIDDEN
    return os.path.join(volume["_directory"], outer, name)


def check_new(cluster, volume, name):
    present = cluster.snapshots_of(volume)
    if any(snapshot["name"] == name for snapshot in present):
        raise Fail(525059, f'A snapshot with the name "{name}" already exists.', target="name")
    if len(present) >= cluster.knobs["snapshot_limit"]:
        raise Fail(525062, "No more snapshots can be created on this volume.")
    if volume["state"] != "online":
        raise Fail(524479, "The volume is offline.")
    if volume["type"] != "rw":
        raise Fail(1638461, "Snapshots can only be created on read-write (RW) volumes.")


def prepare(cluster, volume, body):
    """A snapshot whose tree is taken, but which neither the list nor .snapshot shows yet."""
    check_new(cluster, volume, body["name"])
    snapshot = {"uuid": new_uuid(), "name": body["name"], "create_time": cluster.timestamp(),
                "state": "valid", "owners": [], "size": 122880,
                "volume": {"uuid": volume["uuid"], "name": volume["name"]},
                "svm": dict(volume["svm"]), "provenance_volume": {"uuid": volume["uuid"]},
                "version_uuid": new_uuid(), "reclaimable_space": 4096, "_modes": {},
                "_luns": copy.deepcopy(cluster.luns_of(volume))}
    for key in SETTABLE:
        apply_field(volume, snapshot, key, get(body, key))
    pending = directory_of(volume, f".pending-{snapshot['uuid']}")
    tree.copy_tree(volume["_directory"], pending, cluster.foreign(volume), keep=snapshot["_modes"])
    tree.make_read_only(pending)
    return snapshot


def publish(cluster, volume, snapshot):
    os.rename(directory_of(volume, f".pending-{snapshot['uuid']}"),
              directory_of(volume, snapshot["name"]))
    show_in_exports(volume, snapshot["name"])
    cluster.snapshots.append(snapshot)


def show_in_exports(volume, name):
    for export in volume["_exports"]:
        views = os.path.join(volume["_directory"], export, tree.SNAPSHOTS)
        os.makedirs(views, exist_ok=True)
        os.symlink(os.path.join(directory_of(volume, name), export), os.path.join(views, name))


def hide_in_exports(volume, name):
    for export in volume["_exports"]:
        os.unlink(os.path.join(volume["_directory"], export, tree.SNAPSHOTS, name))


def discard(volume, snapshot):
    tree.remove_tree(directory_of(volume, f".pending-{snapshot['uuid']}"))


def take(cluster, volume, body):
    snapshot = prepare(cluster, volume, body)
    publish(cluster, volume, snapshot)
    return snapshot


def apply_field(volume, snapshot, key, value):
    if value is None:
        return
    if key in ("snaplock.expiry_time", "snaplock_expiry_time"):
        if not volume["snapshot_locking_enabled"]:
            raise Fail(1638554, "Snapshot locking is not enabled on the volume.", target=key)
        snapshot["snaplock"] = {"expired": False, "expiry_time": value}
        snapshot["snaplock_expiry_time"] = value
    elif key == "expiry_time" and volume["style"] != "flexvol":
        raise Fail(1638574, "The expiry time is not supported on FlexGroup volumes.", target=key)
    else:
        snapshot[key] = value


def is_locked(cluster, snapshot, key="expiry_time"):
    text = get(snapshot, key)
    return bool(text) and datetime.fromisoformat(text.replace("Z", "+00:00")) > cluster.now()


def remove(cluster, snapshot, ignore_owners=False):
    """Deletes a snapshot of a volume; nothing else is touched."""
    volume = cluster.one(cluster.volumes, "uuid", snapshot["volume"]["uuid"])
    if volume["type"] != "rw":
        raise Fail(1638521, "Snapshots can only be deleted on read-write (RW) volumes.")
    if is_locked(cluster, snapshot) or is_locked(cluster, snapshot, "snaplock.expiry_time"):
        raise Fail(1638555, f'Snapshot "{snapshot["name"]}" of volume "{volume["name"]}" has not '
                            'expired or is locked. Use "snapshot show -fields owners, expiry-time".')
    if snapshot["owners"] and not ignore_owners:
        raise Fail(1638543, f'Snapshot "{snapshot["name"]}" has the owners '
                            f'{", ".join(snapshot["owners"])}.')
    forget(cluster, volume, snapshot)


def forget(cluster, volume, snapshot):
    cluster.snapshots.remove(snapshot)
    tree.remove_tree(directory_of(volume, snapshot["name"]))
    hide_in_exports(volume, snapshot["name"])
    for group_snapshot in cluster.group_snapshots:
        for member in group_snapshot["snapshot_volumes"]:
            if member["snapshot"]["uuid"] == snapshot["uuid"]:
                group_snapshot["is_partial"] = True
                group_snapshot.setdefault("missing_volumes", []).append(dict(member["volume"]))


def revert(cluster, volume, snapshot, req):
    """Makes the whole volume what it was, LUNs included; newer snapshots are gone then."""
    if volume["state"] != "online":
        raise Fail(9437885, "The volume is not online.")
    ours = cluster.snapshots_of(volume)
    newer = ours[ours.index(snapshot) + 1:]
    for other in newer:
        if is_locked(cluster, other, "snaplock.expiry_time") and \
                not req.flag("restore_to.snapshot.force"):
            raise Fail(9437886, "There are newer locked snapshots.")
        if other["owners"]:
            raise Fail(1638480, "Newer snapshots are in use as reference snapshots.")
    for other in newer:
        forget(cluster, volume, other)
    foreign = cluster.foreign(volume)
    tree.clear(volume["_directory"], foreign)
    tree.copy_tree(directory_of(volume, snapshot["name"]), volume["_directory"], foreign,
                   modes=snapshot["_modes"])
    old = {lun["uuid"] for lun in cluster.luns_of(volume)}
    kept = {lun["uuid"] for lun in snapshot["_luns"]} if req.flag("preserve_lun_ids") else set()
    cluster.maps[:] = [m for m in cluster.maps if m["lun"]["uuid"] not in old - kept]
    cluster.luns[:] = [lun for lun in cluster.luns if lun["uuid"] not in old]
    cluster.luns.extend(copy.deepcopy(snapshot["_luns"]))


def find_named(cluster, volume, name):
    for snapshot in cluster.snapshots_of(volume):
        if snapshot["name"] == name:
            return snapshot
    raise Fail(1638600, f'The snapshot "{name}" does not exist.')


def file_in(cluster, volume, name, path):
    """The file PATH of the snapshot NAME, and its mode in the volume."""
    snapshot = find_named(cluster, volume, name)
    place = tree.inside(directory_of(volume, name), path)
    if place is None or not os.path.isfile(place):
        raise Fail(1638503, f'The file "{path}" does not exist in the snapshot "{name}".')
    return place, snapshot["_modes"].get(path.strip("/"))


# Routes.

def listing(req, volume):
    if volume != "*":
        return req.cluster.snapshots_of(req.cluster.volume(req, volume))
    return [s for s in req.cluster.snapshots if req.sees(s["svm"]["name"])]


@route("GET", "/storage/volumes/{volume}/snapshots", fields=FIELDS)
def list_snapshots(req, volume):
    return Collection(listing(req, volume), FIELDS)


@route("GET", "/storage/volumes/{volume}/snapshots/{uuid}", fields=FIELDS)
def get_snapshot(req, volume, uuid):
    return Instance(req.cluster.one(listing(req, volume), "uuid", uuid), FIELDS)


def told(snapshot):
    """A snapshot as replies to POST show it: without its uuid."""
    return {key: snapshot[key] for key in ("name", "comment", "volume", "svm") if key in snapshot}


@route("POST", "/storage/volumes/{volume}/snapshots",
       body={**SETTABLE, "records.name": (9, 6), "records.volume": (9, 6),
             "records.snapmirror_label": (9, 6), "records.comment": (9, 6)})
def create_snapshot(req, volume):
    if volume == "*":
        return create_many(req)
    record = req.cluster.volume(req, volume)
    body = req.body or {}
    check_body(body)
    return Work(lambda: [told(take(req.cluster, record, body))], 201,
                f"/api/storage/volumes/{volume}/snapshots/?name={quote(body['name'])}",
                record["svm"])


def create_many(req):
    entries = (req.body or {}).get("records", [])
    if not entries:
        raise Fail(2, 'The required field "records" is missing.', target="records")
    if len({entry.get("name") for entry in entries}) > 1:
        raise Fail(1638616, "The names of the snapshots differ.", target="name")
    if any("comment" in entry for entry in entries):
        raise Fail(1638618, "The property is not allowed in bulk.", target="comment")
    for entry in entries:
        check_body(entry)
    volumes = [req.cluster.volume_of(req, entry.get("volume")) for entry in entries]

    def act():
        return [told(take(req.cluster, volume, entry)) for volume, entry in zip(volumes, entries)]
    return Work(act, 201)


@route("PATCH", "/storage/volumes/{volume}/snapshots/{uuid}", body=SETTABLE)
def modify_snapshot(req, volume, uuid):
    cluster = req.cluster
    snapshot = cluster.one(listing(req, volume), "uuid", uuid)
    body = req.body or {}
    check_body(body, name_needed=False)

    def act():
        record = cluster.one(cluster.volumes, "uuid", snapshot["volume"]["uuid"])
        new, old = body.get("name", snapshot["name"]), snapshot["name"]
        if new != old:
            if any(other["name"] == new for other in cluster.snapshots_of(record)):
                raise Fail(525059, f'A snapshot with the name "{new}" already exists.')
            os.rename(directory_of(record, old), directory_of(record, new))
            hide_in_exports(record, old)
            show_in_exports(record, new)
        for key in SETTABLE:
            apply_field(record, snapshot, key, get(body, key))
    return Work(act, 200, svm=snapshot["svm"])


@route("DELETE", "/storage/volumes/{volume}/snapshots/{uuid}")
def delete_snapshot(req, volume, uuid):
    snapshot = req.cluster.one(listing(req, volume), "uuid", uuid)
    return Work(lambda: remove(req.cluster, snapshot), 200, svm=snapshot["svm"])


every("DELETE", "/storage/volumes/{volume}/snapshots/{uuid}", list_snapshots,
      [("uuid", "uuid")])
every("PATCH", "/storage/volumes/{volume}/snapshots/{uuid}", list_snapshots,
      [("uuid", "uuid")])


@route("DELETE", "/private/cli/snapshot",
       params=["vserver", "volume", "snapshot", "ignore-owners", "ignore_owners"])
def cli_delete(req):
    query = req.query
    volume = req.cluster.volume_named(query.get("vserver"), query.get("volume"))
    snapshot = req.cluster.one(req.cluster.snapshots_of(volume), "name", query.get("snapshot"))
    remove(req.cluster, snapshot,
           "true" in (query.get("ignore-owners"), query.get("ignore_owners")))
    return Reply(200, {"num_records": 1})
