# SPDX-License-Identifier: LGPL-2.1-or-later
"""The state: clusters, made from the topology file, and how handlers find things in them."""
import os
import random
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone

import faults
import tree
from api import Fail, get

SERIAL_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789?+/$]*|#!<"


def new_uuid():
    return str(uuid.uuid4())


class State:
    """All clusters of one process. Whatever touches them holds the lock."""

    def __init__(self, topology):
        self.lock = threading.RLock()
        self.clusters = [Cluster(self, entry) for entry in topology["clusters"]]
        for cluster, entry in zip(self.clusters, topology["clusters"]):
            for relationship in entry.get("relationships", []):
                cluster.add_relationship(relationship)

    def after(self, seconds, function):
        """Calls FUNCTION in SECONDS, with the lock held. Returns a timer that can be cancelled."""
        def run():
            with self.lock:
                function()
        timer = threading.Timer(seconds, run)
        timer.daemon = True
        timer.start()
        return timer

    def volume_at(self, path):
        """The cluster and volume of "svm:volume", on whichever cluster."""
        svm, _, name = path.partition(":")
        for cluster in self.clusters:
            for volume in cluster.volumes:
                if volume["svm"]["name"] == svm and volume["name"] == name:
                    return cluster, volume
        return None, None


class Cluster:
    def __init__(self, state, entry):
        self.state = state
        self.name = entry["name"]
        self.uuid = new_uuid()
        self.address = entry.get("address", "127.0.0.1")
        self.port = entry.get("port", 0)
        self.users = entry.get("users", [{"name": "admin", "password": "secret"}])
        self.hooks = entry.get("hooks", {})
        self.knobs = dict(faults.DEFAULTS)
        self.faults = faults.Faults()
        faults.set_knobs(self.knobs, entry.get("knobs", {}))
        if "version" in entry:
            faults.set_knobs(self.knobs, {"version": entry["version"]})
        for fault in entry.get("faults", []):
            self.faults.add(fault)
        self.jobs = {}
        self.svms, self.lifs, self.volumes, self.snapshots = [], [], [], []
        self.luns, self.igroups, self.maps, self.iscsi = [], [], [], []
        self.groups, self.group_snapshots = [], []
        self.relationships, self.policies = [], []
        self.fence_violations = []
        for svm in entry.get("svms", []):
            self.add_svm(svm)
        for group in entry.get("groups", []):
            self.add_group(group)
        self.add_policies(entry.get("policies", []))

    # What the topology names.

    def add_svm(self, entry):
        svm = {"uuid": entry.get("uuid", new_uuid()), "name": entry["name"], "state": "running",
               "_directory": entry.get("directory")}
        self.svms.append(svm)
        reference = {"uuid": svm["uuid"], "name": svm["name"]}
        if "iscsi" in entry:
            self.iscsi.append({"_key": svm["uuid"], "svm": reference, "enabled": True,
                               "target": {"name": entry["iscsi"]}})
        for lif in entry.get("lifs", []):
            self.lifs.append({
                "uuid": new_uuid(), "name": lif["name"], "svm": reference,
                "ip": {"address": lif["address"],
                       "family": "ipv6" if ":" in lif["address"] else "ipv4"},
                "scope": "svm", "state": lif.get("state", "up"), "enabled": lif.get("enabled", True),
                "services": lif.get("services", ["data_nfs"])})
        for igroup in entry.get("igroups", []):
            self.igroups.append({
                "uuid": new_uuid(), "name": igroup["name"], "svm": reference, "os_type": "linux",
                "protocol": igroup.get("protocol", "iscsi"),
                "initiators": [{"name": name} for name in igroup.get("initiators", [])]})
        for volume in entry.get("volumes", []):
            record = self.add_volume(svm, volume["name"], volume["directory"],
                                     volume.get("junction"), volume)
            for lun in volume.get("luns", []):
                self.add_topology_lun(record, lun)

    def add_volume(self, svm, name, directory, junction=None, entry=None):
        entry = entry or {}
        record = {
            "uuid": entry.get("uuid", new_uuid()), "name": name,
            "svm": {"uuid": svm["uuid"], "name": svm["name"]}, "state": entry.get("state", "online"),
            "type": entry.get("type", "rw"), "style": entry.get("style", "flexvol"),
            "is_svm_root": entry.get("is_svm_root", False),
            "snapshot_directory_access_enabled": True,
            "snapshot_locking_enabled": entry.get("snapshot_locking_enabled", False),
            "error_state": {"is_inconsistent": False}, "clone": {"is_flexclone": False},
            "size": 1 << 40, "_directory": os.path.abspath(directory),
            "_exports": entry.get("exports", [])}
        if junction:
            record["nas"] = {"path": junction}
        os.makedirs(os.path.join(directory, tree.SNAPSHOTS), exist_ok=True)
        self.volumes.append(record)
        return record

    def add_topology_lun(self, volume, entry):
        path = os.path.join(volume["_directory"], entry["name"])
        if not os.path.exists(path):
            with open(path, "wb") as new:
                new.truncate(entry.get("size", 1 << 20))
        lun = self.add_lun(volume, entry["name"], entry.get("serial"))
        for mapping in entry.get("maps", []):
            igroup = self.one(self.igroups, "name", mapping["igroup"])
            self.add_map(lun, igroup, mapping.get("number", 0))

    def add_lun(self, volume, inner, serial=None):
        serial = serial or "81" + "".join(random.choices(SERIAL_LETTERS, k=10))
        if len(serial) != 12 or not serial.isascii():
            raise ValueError(f"The serial number {serial!r} is not of 12 ASCII characters")
        lun = {"uuid": new_uuid(), "name": f"/vol/{volume['name']}/{inner}",
               "serial_number": serial, "serial_number_hex": serial.encode().hex(),
               "svm": dict(volume["svm"]), "os_type": "linux", "class": "regular", "enabled": True,
               "location": {"logical_unit": inner.rsplit("/", 1)[-1],
                            "volume": {"name": volume["name"], "uuid": volume["uuid"]}},
               "status": {"state": "online", "read_only": False, "container_state": "online"},
               "_inner": inner}
        self.luns.append(lun)
        return lun

    def add_map(self, lun, igroup, number):
        self.maps.append({"_key": f"{lun['uuid']}/{igroup['uuid']}", "svm": lun["svm"],
                          "lun": {"uuid": lun["uuid"], "name": lun["name"]},
                          "igroup": {"uuid": igroup["uuid"], "name": igroup["name"]},
                          "logical_unit_number": number})

    def add_group(self, entry):
        svm = self.one(self.svms, "name", entry["svm"])
        members = [volume for volume in self.volumes
                   if volume["svm"]["name"] == svm["name"] and volume["name"] in entry["volumes"]]
        group = {"uuid": new_uuid(), "name": entry["name"],
                 "svm": {"uuid": svm["uuid"], "name": svm["name"]},
                 "volumes": [{"uuid": volume["uuid"], "name": volume["name"]} for volume in members]}
        for volume in members:
            volume["consistency_group"] = {"uuid": group["uuid"], "name": group["name"]}
        self.groups.append(group)

    def add_policies(self, entries):
        vault = [{"label": "daily", "count": "7"}, {"label": "weekly", "count": "52"}]
        for entry in [{"name": "Asynchronous"}, {"name": "MirrorAndVault", "retention": vault},
                      *entries]:
            rules = [{"prefix": "", "preserve": False, "warn": 0, **rule}
                     for rule in entry.get("retention", [])]
            self.policies.append({"uuid": new_uuid(), "name": entry["name"], "type": "async",
                                  "scope": "cluster", "retention": rules,
                                  "create_snapshot_on_source": not rules,
                                  "copy_all_source_snapshots": False})

    def add_relationship(self, entry):
        source_cluster, source = self.state.volume_at(entry["source"])
        _, target = self.state.volume_at(entry["destination"])
        policy = self.one(self.policies, "name", entry.get("policy", "Asynchronous"))
        record = {
            "uuid": new_uuid(),
            "source": {"path": entry["source"], "svm": {"name": entry["source"].split(":")[0]},
                       "cluster": {"name": source_cluster.name if source else entry["cluster"]}},
            "destination": {"path": entry["destination"],
                            "svm": {"name": entry["destination"].split(":")[0]},
                            "cluster": {"name": self.name}},
            "state": entry.get("state", "snapmirrored"), "healthy": entry.get("healthy", True),
            "unhealthy_reason": entry.get("unhealthy_reason", []), "restore": False,
            "policy": {"name": policy["name"], "uuid": policy["uuid"], "type": policy["type"]}}
        if target and record["state"] == "snapmirrored":
            target["type"] = "dp"
        self.relationships.append(record)
        return record

    # How handlers find things.

    def version(self):
        return faults.parse_version(self.knobs["version"])

    def now(self):
        """The fake's own clock, in its own zone."""
        zone = timezone(timedelta(hours=self.knobs["zone_hours"]))
        return datetime.fromtimestamp(time.time() + self.knobs["clock_offset"], zone)

    def timestamp(self):
        return self.now().isoformat(timespec="seconds")

    @staticmethod
    def find(records, name, value):
        return next((record for record in records if get(record, name) == value), None)

    def one(self, records, name, value, code=4):
        record = self.find(records, name, value)
        if record is None:
            raise Fail(code, "entry doesn't exist", target=name)
        return record

    def svm_of(self, body):
        """The SVM that a request's body names."""
        name, uuid_ = get(body, "svm.name"), get(body, "svm.uuid")
        if name is None and uuid_ is None:
            raise Fail(2621707, "No SVM was specified.", target="svm")
        if name is None:
            return self.one(self.svms, "uuid", uuid_, 2621462)
        svm = self.one(self.svms, "name", name, 2621462)
        if uuid_ not in (None, svm["uuid"]):
            raise Fail(2621706, "The specified svm.uuid and svm.name refer to different SVMs.")
        return svm

    def volume(self, req, uuid_):
        volume = self.find(self.volumes, "uuid", uuid_)
        if volume is None or not req.sees(volume["svm"]["name"]):
            raise Fail(918235, f'A volume with UUID "{uuid_}" was not found.', target="uuid")
        return volume

    def volume_named(self, svm_name, name):
        for volume in self.volumes:
            if volume["name"] == name and volume["svm"]["name"] == svm_name:
                return volume
        raise Fail(917927, f'The specified volume "{name}" was not found.', target="name")

    def volume_of(self, req, body):
        """The volume of an object {uuid, name}; both must agree when both are given."""
        name, uuid_ = (body or {}).get("name"), (body or {}).get("uuid")
        if uuid_ is not None:
            volume = self.volume(req, uuid_)
            if name not in (None, volume["name"]):
                raise Fail(918236, "The specified volume.uuid and volume.name refer to different "
                                   "volumes.", target="volume")
            return volume
        found = [v for v in self.volumes if v["name"] == name and req.sees(v["svm"]["name"])]
        if len(found) != 1:
            raise Fail(917927, f'The specified volume "{name}" was not found.', target="volume")
        return found[0]

    def foreign(self, volume):
        """The directories of all volumes but this one, which may lie below it."""
        return {os.path.realpath(other["_directory"]) for cluster in self.state.clusters
                for other in cluster.volumes if other is not volume}

    def snapshots_of(self, volume):
        return [s for s in self.snapshots if s["volume"]["uuid"] == volume["uuid"]]

    def luns_of(self, volume):
        return [lun for lun in self.luns if lun["location"]["volume"]["uuid"] == volume["uuid"]]
