# SPDX-License-Identifier: LGPL-2.1-or-later
"""SnapMirror and SnapVault: relationships on the destination's cluster, and their transfers."""
import copy
import os
from datetime import datetime

import snapshots
import tree
from api import Collection, Fail, Fields, Instance, Reply, Work, get, missing, route
from state import new_uuid

FIELDS = Fields(
    known=["uuid", "source.path", "source.svm.name", "source.svm.uuid", "source.cluster.name",
           "destination.path", "destination.svm.name", "destination.svm.uuid",
           "destination.cluster.name", "state", "healthy", "unhealthy_reason.code",
           "unhealthy_reason.message", "unhealthy_reason.arguments", "lag_time",
           "exported_snapshot", "policy.name", "policy.uuid", "policy.type", "transfer.state",
           "transfer.uuid", "transfer.type", "transfer.bytes_transferred", "transfer.end_time",
           "transfer.total_duration", "transfer_schedule.name", "last_transfer_type", "throttle",
           "restore"], identity=("uuid", "source.path", "destination.path"))
TRANSFER = Fields(known=["uuid", "state", "snapshot", "bytes_transferred", "error_info.code",
                         "error_info.message", "relationship.uuid"], identity=("uuid", "state"))
POLICY = Fields(known=["uuid", "name", "type", "scope", "svm.name", "retention.label",
                       "retention.count", "retention.prefix", "retention.preserve",
                       "retention.warn", "retention.period", "transfer_schedule.name",
                       "create_snapshot_on_source", "copy_all_source_snapshots"])
RELATIONSHIPS = "/snapmirror/relationships"
FILES_LIMIT = 8


def duration(seconds):
    """ISO 8601, with days, as lag times are."""
    days, rest = divmod(int(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes) + f"{rest}S" * bool(rest)
    return "P" + f"{days}D" * bool(days) + ("T" + text if text or not days else "") + \
        ("0S" if not text and not days else "")


def shown(cluster, relationship):
    record = copy.deepcopy(relationship)
    if "_synced" in record and "lag_time" not in record:
        lag = cluster.now() - datetime.fromisoformat(record["_synced"])
        record["lag_time"] = duration(max(0, lag.total_seconds()))
    return record


def listing(req):
    if req.flag("list_destinations_only"):
        return [shown(c, r) for c in req.cluster.state.clusters for r in c.relationships
                if get(r, "source.cluster.name") == req.cluster.name
                and req.sees(get(r, "source.svm.name"))]
    return [shown(req.cluster, r) for r in req.cluster.relationships
            if req.sees(get(r, "destination.svm.name"))]


def count_poll(cluster):
    """Transfers that walk by requests move on with each look at them."""
    for relationship in cluster.relationships:
        if relationship.get("_polls"):
            relationship["_polls"] -= 1
            if not relationship["_polls"]:
                finish(cluster, relationship)


@route("GET", RELATIONSHIPS, params=["list_destinations_only"], fields=FIELDS)
def list_relationships(req):
    found = listing(req)
    count_poll(req.cluster)
    return Collection(found, FIELDS)


def find(req, uuid):
    relationship = req.cluster.find(req.cluster.relationships, "uuid", uuid)
    if relationship is None or not req.sees(get(relationship, "destination.svm.name")):
        raise missing()
    return relationship


@route("GET", RELATIONSHIPS + "/{uuid}", fields=FIELDS)
def get_relationship(req, uuid):
    found = shown(req.cluster, find(req, uuid))
    count_poll(req.cluster)
    return Instance(found, FIELDS)


@route("GET", "/snapmirror/policies", fields=POLICY)
def list_policies(req):
    return Collection(req.cluster.policies, POLICY)


@route("GET", "/snapmirror/policies/{uuid}", fields=POLICY)
def get_policy(req, uuid):
    return Instance(req.cluster.one(req.cluster.policies, "uuid", uuid), POLICY)


# Making, changing and removing relationships.

@route("POST", RELATIONSHIPS,
       body=["source.path", "source.svm", "source.cluster", "destination.path", "destination.svm",
             "policy.name", "policy.uuid", "create_destination.enabled", "state", "restore",
             "transfer_schedule"])
def create_relationship(req):
    cluster, body = req.cluster, req.body or {}
    source, destination = get(body, "source.path", ""), get(body, "destination.path", "")
    for key, path in (("source.path", source), ("destination.path", destination)):
        if ":" not in path:
            raise Fail(13303852, f'The path "{path}" lacks a colon.', target=key)
    if "transfer_schedule" in body:
        raise Fail(6619699, "The schedule does not exist.", target="transfer_schedule.name")
    create = get(body, "create_destination.enabled", False)
    if "state" in body and not create:
        raise Fail(13303873, "The state needs create_destination.", target="state")
    restore = body.get("restore", False)
    if any(get(r, "source.path") == source and get(r, "destination.path") == destination
           for r in cluster.relationships):
        raise Fail(6619637, "The relationship already exists.")
    where, volume = cluster.state.volume_at(source)
    if volume is None:
        raise Fail(917927, f'The source volume "{source}" was not found.', target="source.path")
    policy = get(body, "policy.name", "Asynchronous")
    cluster.one(cluster.policies, "name", policy)
    return Work(lambda: make(cluster, where, source, destination, policy, create, body, restore), 201)


def make(cluster, where, source, destination, policy, create, body, restore):
    svm_name, _, name = destination.partition(":")
    svm = cluster.one(cluster.svms, "name", svm_name, 2621462)
    if create:
        if any(v["name"] == name and v["svm"]["name"] == svm_name for v in cluster.volumes):
            raise Fail(917526, f'The volume name "{name}" is a duplicate.')
        if not svm["_directory"]:
            raise Fail(13303817, "The topology has no directory for new volumes of this SVM.")
        cluster.add_volume(svm, name, os.path.join(svm["_directory"], name), entry={"type": "dp"})
    if cluster.state.volume_at(destination)[0] is not cluster:
        raise Fail(917927, f'The destination volume "{destination}" was not found.')
    record = cluster.add_relationship({
        "source": source, "destination": destination, "policy": policy, "cluster": where.name,
        "state": "snapmirrored" if restore else "uninitialized"})
    record["restore"] = restore
    if restore:
        cluster.state.volume_at(destination)[1]["type"] = "rw"
    if body.get("state") == "snapmirrored":
        begin(cluster, record, {}, "initialize")
    return [{"uuid": record["uuid"]}]


@route("PATCH", RELATIONSHIPS + "/{uuid}", body=["state", "policy.name", "throttle"])
def modify_relationship(req, uuid):
    cluster, body = req.cluster, req.body or {}
    relationship = find(req, uuid)
    state = body.get("state")
    codes = {"paused": 13303808, "snapmirrored": 13303809, "broken_off": 13303810, None: 2}
    if state not in codes:
        raise Fail(2, f'The state "{state}" is invalid.', target="state")
    if relationship["state"] == "uninitialized" and state != "snapmirrored":
        raise Fail(codes[state], "The relationship is not initialized.")

    def act():
        # Only triggered: the state follows in its own time.
        if state:
            cluster.state.after(cluster.knobs["transfer_seconds"] / 2, change)

    def change():
        if state == "snapmirrored" and relationship["state"] in ("broken_off", "uninitialized"):
            begin(cluster, relationship, {},
                  "resync" if relationship["state"] == "broken_off" else "initialize")
        relationship["state"] = state
        _, volume = cluster.state.volume_at(relationship["destination"]["path"])
        volume["type"] = "rw" if state == "broken_off" else "dp"
    return Work(act, 200)


@route("DELETE", RELATIONSHIPS + "/{uuid}",
       params=["destination_only", "source_only", "source_info_only"])
def delete_relationship(req, uuid):
    relationship = find(req, uuid)

    def act():
        if is_busy(relationship):
            raise Fail(13303844, "Another transfer is in progress.")
        req.cluster.relationships.remove(relationship)
    return Work(act, 200)


# Transfers.

def is_busy(relationship):
    return get(relationship, "transfer.state") in ("queued", "transferring")


@route("GET", RELATIONSHIPS + "/{uuid}/transfers", fields=TRANSFER)
def list_transfers(req, uuid):
    relationship = find(req, uuid)
    records = [transfer_record(relationship)] if is_busy(relationship) else []
    count_poll(req.cluster)
    return Collection(records, TRANSFER)


def transfer_record(relationship):
    transfer = relationship["transfer"]
    return {"uuid": transfer["uuid"], "state": transfer["state"],
            "snapshot": relationship["_request"].get("source_snapshot"),
            "bytes_transferred": transfer["bytes_transferred"],
            "error_info": transfer.get("_error"), "relationship": {"uuid": relationship["uuid"]}}


@route("GET", RELATIONSHIPS + "/{uuid}/transfers/{transfer}", fields=TRANSFER)
def get_transfer(req, uuid, transfer):
    relationship = find(req, uuid)
    if get(relationship, "transfer.uuid") != transfer:
        raise missing()
    record = transfer_record(relationship)
    count_poll(req.cluster)
    return Instance(record, TRANSFER)


@route("POST", RELATIONSHIPS + "/{uuid}/transfers",
       body=["source_snapshot", "throttle", "files.source_path", "files.destination_path"])
def create_transfer(req, uuid):
    cluster, body = req.cluster, req.body or {}
    relationship = find(req, uuid)
    code = 13303845 if relationship["restore"] else 13303844
    if is_busy(relationship):
        raise Fail(code, "Another transfer is in progress.")
    if relationship["state"] in ("paused", "broken_off"):
        raise Fail(code, f'The relationship is {relationship["state"]}.')
    if len(body.get("files", [])) > FILES_LIMIT:
        raise Fail(code, f"No more than {FILES_LIMIT} files can be restored at once.", target="files")
    if body.get("files") and not relationship["restore"]:
        raise Fail(code, "Files are for restore relationships.", target="files")
    if body.get("source_snapshot"):
        find_source(cluster, relationship, body["source_snapshot"], code)
    kind = "restore" if relationship["restore"] else \
        "initialize" if relationship["state"] == "uninitialized" else "update"
    begin(cluster, relationship, body, kind)
    place = f"/api{RELATIONSHIPS}/{uuid}/transfers/{relationship['transfer']['uuid']}"
    records = [{"uuid": relationship["transfer"]["uuid"]}]
    return Reply(201, {"num_records": 1, "records": records} if req.flag("return_records") else {},
                 {"Location": place})


def find_source(cluster, relationship, name, code):
    where, volume = cluster.state.volume_at(relationship["source"]["path"])
    for snapshot in where.snapshots_of(volume):
        if snapshot["name"] == name:
            return snapshot
    raise Fail(code, f'The snapshot "{name}" does not exist at the source.',
               target="source_snapshot")


def begin(cluster, relationship, body, kind):
    relationship["transfer"] = {"uuid": new_uuid(), "state": "transferring", "type": kind,
                                "bytes_transferred": 0}
    relationship["_request"], relationship["_begun"] = body, cluster.now()
    relationship["_polls"] = cluster.knobs["transfer_polls"]
    uuid = relationship["transfer"]["uuid"]
    if not relationship["_polls"]:
        cluster.state.after(cluster.knobs["transfer_seconds"],
                            lambda: get(relationship, "transfer.uuid") == uuid
                            and is_busy(relationship) and finish(cluster, relationship))


def finish(cluster, relationship):
    transfer = relationship["transfer"]
    transfer["end_time"] = cluster.timestamp()
    transfer["total_duration"] = duration((cluster.now() - relationship["_begun"]).total_seconds())
    relationship["last_transfer_type"] = transfer["type"]
    outcome = cluster.knobs["transfer_outcome"]
    try:
        if outcome != "success":
            raise Fail(13303844, "The transfer failed.")
        if relationship["restore"]:
            restore(cluster, relationship)
        else:
            update(cluster, relationship)
    except Fail as failure:
        transfer["state"] = outcome if outcome != "success" else "failed"
        transfer["_error"] = {"code": int(failure.code), "message": failure.message}
        relationship["healthy"] = False
        relationship["unhealthy_reason"] = [{"code": failure.code, "message": failure.message}]
        return
    transfer["state"] = "success"
    relationship.update(state="snapmirrored", healthy=True, unhealthy_reason=[])


def update(cluster, relationship):
    """Copies the snapshots whose label has a rule, oldest first, and prunes by the rules' counts.

    A mirror, which has no rules, gets the named snapshot, else one made for the occasion.
    """
    where, source = cluster.state.volume_at(relationship["source"]["path"])
    _, target = cluster.state.volume_at(relationship["destination"]["path"])
    policy = cluster.one(cluster.policies, "name", relationship["policy"]["name"])
    counts = {rule["label"]: int(rule["count"]) for rule in policy.get("retention", [])}
    name = relationship["_request"].get("source_snapshot")
    present = {s["name"] for s in cluster.snapshots_of(target)}
    if counts:
        chosen = [s for s in where.snapshots_of(source) if s.get("snapmirror_label") in counts]
    elif name:
        chosen = [find_source(cluster, relationship, name, 13303844)]
    else:
        stamp = where.now().strftime("%Y-%m-%d_%H%M%S.%f")
        chosen = [snapshots.take(where, source, {
            "name": f"snapmirror.{relationship['uuid']}.{stamp}"})]
    if counts and name:
        chosen = [s for s in chosen if s["name"] == name]
    for snapshot in chosen:
        if snapshot["name"] not in present:
            copy_over(where, source, snapshot, cluster, target, relationship)
    for label, count in counts.items():
        kept = [s for s in cluster.snapshots_of(target) if s.get("snapmirror_label") == label]
        for snapshot in kept[:max(0, len(kept) - count)]:
            snapshots.forget(cluster, target, snapshot)


def copy_over(where, source, snapshot, cluster, target, relationship):
    ours = {**snapshot, "uuid": new_uuid(), "volume": {"uuid": target["uuid"],
                                                       "name": target["name"]},
            "svm": dict(target["svm"]), "owners": [], "_luns": []}
    origin = snapshots.directory_of(source, snapshot["name"])
    pending = snapshots.directory_of(target, f".pending-{ours['uuid']}")
    tree.copy_tree(origin, pending)
    tree.make_read_only(pending)
    snapshots.publish(cluster, target, ours)
    foreign = cluster.foreign(target)
    tree.clear(target["_directory"], foreign)
    tree.copy_tree(origin, target["_directory"], foreign, modes=snapshot["_modes"])
    relationship["exported_snapshot"] = snapshot["name"]
    relationship["_synced"] = snapshot["create_time"]
    relationship["transfer"]["bytes_transferred"] += sum(
        os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(origin)
        for name in names if not os.path.islink(os.path.join(path, name)))


def restore(cluster, relationship):
    """From the source, which is the secondary, to the destination: files, or all of the volume."""
    where, source = cluster.state.volume_at(relationship["source"]["path"])
    _, target = cluster.state.volume_at(relationship["destination"]["path"])
    name = relationship["_request"].get("source_snapshot")
    if name is None:
        name = where.snapshots_of(source)[-1]["name"]
    snapshot = find_source(cluster, relationship, name, 13303845)
    files = relationship["_request"].get("files")
    if not files:
        foreign = cluster.foreign(target)
        tree.clear(target["_directory"], foreign)
        tree.copy_tree(snapshots.directory_of(source, name), target["_directory"], foreign,
                       modes=snapshot["_modes"])
        return
    for entry in files:
        path, mode = snapshots.file_in(where, source, name, entry["source_path"])
        place = tree.inside(target["_directory"], entry.get("destination_path",
                                                            entry["source_path"]))
        if place is None or not os.path.isdir(os.path.dirname(place)):
            raise Fail(13303845, f'"{entry["destination_path"]}" cannot be restored to.')
        tree.copy_file(path, place, mode)


@route("PATCH", RELATIONSHIPS + "/{uuid}/transfers/{transfer}", body=["state"])
def abort_transfer(req, uuid, transfer):
    relationship = find(req, uuid)
    if get(relationship, "transfer.uuid") != transfer:
        raise missing()
    state = (req.body or {}).get("state")
    if state not in ("aborted", "hard_aborted"):
        raise Fail(2, f'The state "{state}" is invalid.', target="state")
    if is_busy(relationship):
        relationship["transfer"]["state"] = state
        relationship["_polls"] = 0
    return Reply()
