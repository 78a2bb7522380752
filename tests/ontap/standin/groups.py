# SPDX-License-Identifier: LGPL-2.1-or-later
"""Consistency groups and their snapshots, in one phase or in two."""
from urllib.parse import quote

import snapshots
import tree
from api import Collection, Fail, Fields, Instance, Work, get, route
from state import new_uuid

GROUP = Fields(known=["uuid", "name", "svm.uuid", "svm.name", "volumes.uuid", "volumes.name"],
               expensive=("volumes.uuid", "volumes.name"))
SNAPSHOT = Fields(
    known=["uuid", "name", "comment", "snapmirror_label", "consistency_type", "create_time",
           "is_partial", "write_fence", "missing_volumes.uuid", "missing_volumes.name",
           "snapshot_volumes.volume.uuid", "snapshot_volumes.volume.name",
           "snapshot_volumes.snapshot.uuid", "snapshot_volumes.snapshot.name",
           "consistency_group.uuid", "consistency_group.name", "svm.uuid", "svm.name"],
    since={"write_fence": (9, 11, 1)})
SINCE, TWO_PHASE, MEMBERS = (9, 10, 1), (9, 11, 1), (9, 12, 1)
LIMIT = 80
GROUPS = "/application/consistency-groups"


def find_group(req, uuid):
    group = req.cluster.one(req.cluster.groups, "uuid", uuid, 53411842)
    if not req.sees(group["svm"]["name"]):
        raise Fail(53411842, "The consistency group does not exist.", target="uuid")
    return group


def members(cluster, group):
    return [cluster.one(cluster.volumes, "uuid", member["uuid"]) for member in group["volumes"]]


@route("GET", GROUPS, fields=GROUP, since=SINCE)
def list_groups(req):
    return Collection([g for g in req.cluster.groups if req.sees(g["svm"]["name"])], GROUP)


@route("GET", GROUPS + "/{uuid}", fields=GROUP, since=SINCE)
def get_group(req, uuid):
    return Instance(find_group(req, uuid), GROUP)


def named_volumes(req, svm_name, entries, actions):
    found = []
    for entry in entries:
        if get(entry, "provisioning_options.action") not in actions:
            raise Fail(2, "The action is not one of " + ", ".join(actions) + ".",
                       target="provisioning_options.action")
        volume = req.cluster.volume_named(svm_name, entry.get("name"))
        if volume["snapshot_locking_enabled"]:
            raise Fail(53411959, f'The volume "{volume["name"]}" has snapshot locking enabled.')
        found.append((entry["provisioning_options"]["action"], volume))
    return found


def check_free(volume):
    if "consistency_group" in volume:
        raise Fail(53411865, f'The volume "{volume["name"]}" is already in the consistency group '
                             f'"{volume["consistency_group"]["name"]}".')


@route("POST", GROUPS, since=SINCE,
       body=["name", "svm", "volumes.name", "volumes.provisioning_options.action"])
def create_group(req):
    cluster, body = req.cluster, req.body or {}
    svm = cluster.svm_of(body)
    name = body.get("name")
    if not name:
        raise Fail(2, 'The required field "name" is missing.', target="name")
    if any(g["name"] == name and g["svm"]["uuid"] == svm["uuid"] for g in cluster.groups):
        raise Fail(53411852, f'The consistency group "{name}" already exists.', status=409)
    volumes = [volume for _, volume in
               named_volumes(req, svm["name"], body.get("volumes", []), ("add",))]
    if not 1 <= len(volumes) <= LIMIT:
        raise Fail(2, f"A consistency group has 1 to {LIMIT} volumes.", target="volumes")

    def act():
        for volume in volumes:
            check_free(volume)
        cluster.add_group({"name": name, "svm": svm["name"],
                           "volumes": [volume["name"] for volume in volumes]})
        return [{"uuid": cluster.groups[-1]["uuid"], "name": name}]
    return Work(act, 201, svm={"uuid": svm["uuid"], "name": svm["name"]})


@route("PATCH", GROUPS + "/{uuid}", since=SINCE, params=["restore_to.snapshot.name",
                                                         "restore_to.snapshot.uuid"],
       body={"volumes.name": MEMBERS, "volumes.provisioning_options.action": MEMBERS,
             "restore_to.snapshot.name": SINCE, "restore_to.snapshot.uuid": SINCE})
def modify_group(req, uuid):
    body = req.body or {}
    group = find_group(req, uuid)
    restore = {key: value for key in ("name", "uuid")
               if (value := req.query.get(f"restore_to.snapshot.{key}",
                                          get(body, f"restore_to.snapshot.{key}")))}
    if restore:
        return Work(lambda: restore_group(req, group, restore), 200, svm=group["svm"])
    changes = named_volumes(req, group["svm"]["name"], body.get("volumes", []), ("add", "remove"))

    def act():
        for action, volume in changes:
            member = {"uuid": volume["uuid"], "name": volume["name"]}
            if action == "add":
                check_free(volume)
                group["volumes"].append(member)
                volume["consistency_group"] = {"uuid": group["uuid"], "name": group["name"]}
            elif member in group["volumes"]:
                group["volumes"].remove(member)
                del volume["consistency_group"]
    return Work(act, 200, svm=group["svm"])


def restore_group(req, group, wanted):
    cluster = req.cluster
    snapshot = next((s for s in published(cluster, group)
                     if all(s[key] == value for key, value in wanted.items())), None)
    if snapshot is None:
        raise Fail(53411842, "The snapshot of the consistency group does not exist.")
    for member in snapshot["snapshot_volumes"]:
        volume = cluster.one(cluster.volumes, "uuid", member["volume"]["uuid"])
        snapshots.revert(cluster, volume, cluster.one(cluster.snapshots, "uuid",
                                                      member["snapshot"]["uuid"]), req)


@route("DELETE", GROUPS + "/{uuid}", since=SINCE)
def delete_group(req, uuid):
    cluster = req.cluster
    group = find_group(req, uuid)
    path = f"{group['svm']['name']}:/cg/{group['name']}"

    def act():
        if any(get(r, "source.path") == path for c in cluster.state.clusters
               for r in c.relationships):
            raise Fail(53412041, "The consistency group is replicated.")
        for snapshot in [s for s in cluster.group_snapshots
                         if s["consistency_group"]["uuid"] == uuid]:
            if snapshot["_started"]:
                abort(cluster, snapshot)
            else:
                cluster.group_snapshots.remove(snapshot)
        for volume in members(cluster, group):
            del volume["consistency_group"]
        cluster.groups.remove(group)
    return Work(act, 200, svm=group["svm"])


# Snapshots.

def published(cluster, group):
    return [s for s in cluster.group_snapshots
            if s["consistency_group"]["uuid"] == group["uuid"] and not s["_started"]]


def listing(req, group):
    group = find_group(req, group)
    return [s for s in req.cluster.group_snapshots
            if s["consistency_group"]["uuid"] == group["uuid"]]


@route("GET", GROUPS + "/{group}/snapshots", fields=SNAPSHOT, since=SINCE)
def list_snapshots(req, group):
    return Collection(listing(req, group), SNAPSHOT)


@route("GET", GROUPS + "/{group}/snapshots/{uuid}", fields=SNAPSHOT, since=SINCE)
def get_snapshot(req, group, uuid):
    return Instance(req.cluster.one(listing(req, group), "uuid", uuid), SNAPSHOT)


@route("POST", GROUPS + "/{group}/snapshots", since=SINCE,
       params={"action": TWO_PHASE, "action_timeout": TWO_PHASE},
       body={"name": SINCE, "consistency_type": SINCE, "comment": SINCE, "snapmirror_label": SINCE,
             "write_fence": TWO_PHASE})
def create_snapshot(req, group):
    group, body = find_group(req, group), req.body or {}
    snapshots.check_body(body)
    if body.get("consistency_type", "crash") not in ("crash", "application"):
        raise Fail(2, "The consistency type is invalid.", target="consistency_type")
    if req.query.get("action") not in (None, "start"):
        raise Fail(2, "The action is invalid.", target="action")
    uuid = new_uuid()
    location = f"/api{GROUPS}/{group['uuid']}/snapshots/{uuid}"
    if "action" not in req.query:
        def act():
            snapshot = start(req, group, body, uuid)
            commit(req.cluster, snapshot)
            return [told(snapshot)]
        return Work(act, 201, location, group["svm"])
    return two_phase(req, group, body, uuid, location)


def two_phase(req, group, body, uuid, location):
    knobs = req.cluster.knobs
    lowest, highest = (5, 120) if req.cluster.version() >= (9, 14, 1) else (1, 90)
    seconds = req.number("action_timeout", 7, lowest, highest)

    def act():
        snapshot = start(req, group, body, uuid)
        snapshot["_timer"] = req.cluster.state.after(seconds, lambda: expire(req.cluster, snapshot))
        return [told(snapshot)] if knobs["start_uuid"] == "records" else None
    work = Work(act, 201, svm=group["svm"], force_job=knobs["start_reply"] == 202)
    if knobs["start_uuid"] == "location":
        work.location = location
    elif knobs["start_uuid"] == "nowhere":
        work.location = f"/api{GROUPS}/{group['uuid']}/snapshots/?name={quote(body['name'])}"
    else:
        work.promised = [{"uuid": uuid, "name": body["name"]}]
    return work


def told(snapshot):
    return {key: snapshot[key] for key in ("uuid", "name", "consistency_group", "svm")}


def start(req, group, body, uuid):
    """All trees are taken, and nothing of them is to be seen yet."""
    cluster = req.cluster
    ours = [s for s in cluster.group_snapshots
            if s["consistency_group"]["uuid"] == group["uuid"]]
    if any(s["_started"] for s in ours):
        raise Fail(53411918, "Another snapshot operation of the consistency group is in progress.")
    if any(s["name"] == body["name"] for s in ours):
        raise Fail(53411921, f'Failed to create the snapshot: "{body["name"]}" exists.')
    volumes = members(cluster, group)
    taken = []
    write_fence = body.get("write_fence", len(volumes) > 1)
    before = fence(cluster, volumes) if write_fence else None
    frozen = write_fence and cluster.knobs["fence"] == "freeze"
    try:
        for volume in volumes:
            taken.append((volume, snapshots.prepare(cluster, volume, body)))
    except Fail as failure:
        for volume, snapshot in taken:
            snapshots.discard(volume, snapshot)
        raise Fail(53411921, f"Failed to create the snapshot: {failure.message}") from failure
    if frozen:
        freeze(volumes, True)
    snapshot = {
        "uuid": uuid, "name": body["name"], "create_time": cluster.timestamp(),
        "consistency_type": body.get("consistency_type", "crash"), "is_partial": False,
        "write_fence": write_fence,
        "consistency_group": {"uuid": group["uuid"], "name": group["name"]}, "svm": group["svm"],
        "snapshot_volumes": [{"volume": {"uuid": v["uuid"], "name": v["name"]},
                              "snapshot": {"uuid": s["uuid"], "name": s["name"]}}
                             for v, s in taken],
        "_started": True, "_committing": False, "_taken": taken, "_before": before,
        "_frozen": frozen}
    for key in ("comment", "snapmirror_label"):
        if key in body:
            snapshot[key] = body[key]
    cluster.group_snapshots.append(snapshot)
    return snapshot


def fence(cluster, volumes):
    if cluster.knobs["fence"] != "watch":
        return None
    return {v["name"]: tree.stamps(v["_directory"], cluster.foreign(v)) for v in volumes}


def freeze(volumes, frozen):
    for volume in volumes:
        tree.freeze(volume["_directory"], frozen)


def lift(cluster, snapshot):
    """The end of the fence, however it comes; nothing when it was lifted before."""
    if snapshot["_frozen"]:
        freeze([volume for volume, _ in snapshot["_taken"]], False)
        snapshot["_frozen"] = False
    before, snapshot["_before"] = snapshot["_before"], None
    if before is not None:
        after = fence(cluster, [volume for volume, _ in snapshot["_taken"]])
        for name, stamps in before.items():
            written = sorted(path for path, stamp in after[name].items()
                             if stamps.get(path) != stamp)
            cluster.fence_violations.extend(written)


def expire(cluster, snapshot):
    """The time of a start is over: no fence is longer, and nothing is made that nobody committed."""
    if not snapshot["_started"]:
        return
    if snapshot["_committing"]:
        lift(cluster, snapshot)
    else:
        abort(cluster, snapshot)


def release(cluster, snapshot):
    """What both ways out of a start pass."""
    snapshot["_started"] = False
    if "_timer" in snapshot:
        snapshot["_timer"].cancel()
    lift(cluster, snapshot)


def commit(cluster, snapshot):
    release(cluster, snapshot)
    for volume, member in snapshot["_taken"]:
        snapshots.publish(cluster, volume, member)


def abort(cluster, snapshot):
    release(cluster, snapshot)
    cluster.group_snapshots.remove(snapshot)
    for volume, member in snapshot["_taken"]:
        snapshots.discard(volume, member)


def abort_all(state):
    """No file system stays frozen."""
    for cluster in state.clusters:
        for snapshot in [s for s in cluster.group_snapshots if s["_started"]]:
            abort(cluster, snapshot)


@route("PATCH", GROUPS + "/{group}/snapshots/{uuid}", since=SINCE, params={"action": TWO_PHASE})
def commit_snapshot(req, group, uuid):
    """Once: while its job runs, there is nothing any more that was started."""
    group = find_group(req, group)
    if req.query.get("action") != "commit":
        raise Fail(2, "The action is invalid.", target="action")
    snapshot = req.cluster.find(req.cluster.group_snapshots, "uuid", uuid)
    if snapshot is None or not snapshot["_started"] or snapshot["_committing"] or \
            snapshot["consistency_group"]["uuid"] != group["uuid"]:
        raise Fail(53411925, "There is no started two-phase snapshot operation.")
    snapshot["_committing"] = True

    def act():
        if not snapshot["_started"]:
            raise Fail(53411925, "There is no started two-phase snapshot operation.")
        commit(req.cluster, snapshot)
    return Work(act, 200, svm=group["svm"])


@route("DELETE", GROUPS + "/{group}/snapshots/{uuid}", since=SINCE)
def delete_snapshot(req, group, uuid):
    cluster = req.cluster
    snapshot = cluster.one(listing(req, group), "uuid", uuid)

    def act():
        if snapshot["_started"]:
            raise Fail(53412007, "The snapshot is locked by an operation in progress.")
        for member in snapshot["snapshot_volumes"]:
            record = cluster.find(cluster.snapshots, "uuid", member["snapshot"]["uuid"])
            if record:
                snapshots.remove(cluster, record)
        cluster.group_snapshots.remove(snapshot)
    return Work(act, 200, svm=snapshot["svm"])
