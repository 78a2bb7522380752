# SPDX-License-Identifier: LGPL-2.1-or-later
"""Consistency groups of the stand-in: membership, one-phase and two-phase snapshots, restores."""
import os
import unittest

from harness import V, WAIT, Bed

GROUPS = "/application/consistency-groups"


class GroupBed(Bed):
    def setUp(self):
        super().setUp()
        self.group = self.make("g", "v1", "v2")
        self.path_ = f"{GROUPS}/{self.group}/snapshots"
        for volume in ("v1", "v2"):
            self.write(f"{volume}/a", "old")

    def make(self, name, *volumes):
        self.assert_ok(self.post(name, *volumes), 201)
        return self.c1.call("GET", GROUPS, svm__name="s", name=name).records()[0]["uuid"]

    def post(self, name, *volumes):
        return self.c1.call("POST", f"{GROUPS}?{WAIT}", {
            "name": name, "svm": {"name": "s"}, "volumes": [
                {"name": v, "provisioning_options": {"action": "add"}} for v in volumes]})

    def start(self, name="x", query="", **body):
        return self.c1.call("POST", f"{self.path_}?action=start&{WAIT}&return_records=true{query}",
                            {"name": name, **body})

    def commit(self, uuid, group=None, query=f"&{WAIT}"):
        path = f"{GROUPS}/{group or self.group}/snapshots"
        return self.c1.call("PATCH", f"{path}/{uuid}?action=commit{query}")

    def both(self):
        return self.names(self.v1), self.names(self.v2)

    def pending(self):
        return [name for v in ("v1", "v2") for name in os.listdir(self.path(v, ".snapshot"))]

    def state(self, kind):
        return self.c1.call("GET", "/control/state").body[kind]

    def started(self):
        return self.state("started")


class Membership(GroupBed):
    def test_seen(self):
        records = self.c1.call("GET", V, name="v1|v3", fields="consistency_group").records()
        self.assertEqual({r["name"]: r.get("consistency_group", {}).get("name") for r in records},
                         {"v1": "g", "v3": None})
        group = self.c1.call("GET", GROUPS, name="g", fields="volumes.name").records()[0]
        self.assertEqual(group["volumes"], [{"name": "v1"}, {"name": "v2"}])
        self.assertNotIn("volumes", self.c1.call("GET", f"{GROUPS}/{self.group}").body)

    def test_refused(self):
        self.assert_fails(self.post("h", "v1"), 53411865)
        self.assert_fails(self.post("g", "v3"), 53411852, 409)
        self.assert_fails(self.post("h"), 2)
        self.assert_fails(self.post("h", "no"), 917927)
        self.assert_fails(self.c1.call("GET", f"{GROUPS}/0"), 53411842, 404)
        self.assertEqual(len(self.c1.call("GET", GROUPS).records()), 1)

    def test_changes(self):
        path = f"{GROUPS}/{self.group}?{WAIT}"
        body = {"volumes": [{"name": "v3", "provisioning_options": {"action": "add"}}]}
        self.assert_ok(self.c1.call("PATCH", path, body))
        body["volumes"][0]["provisioning_options"]["action"] = "remove"
        self.assert_ok(self.c1.call("PATCH", path, body))
        self.make("h", "v3")

    def test_deletion_leaves_volumes(self):
        self.take(self.v1, "x")
        self.assert_ok(self.c1.call("DELETE", f"{GROUPS}/{self.group}?{WAIT}"))
        self.assertEqual(self.names(self.v1), ["x"])
        self.make("g", "v1", "v2")


class OnePhase(GroupBed):
    def test_life(self):
        self.assert_ok(self.c1.call("POST", f"{self.path_}?{WAIT}", {
            "name": "x", "consistency_type": "application", "snapmirror_label": "daily"}), 201)
        self.assertEqual(self.both(), (["x"], ["x"]))
        self.assertEqual(self.snapshot(self.v2, "x")["snapmirror_label"], "daily")
        record = self.c1.call("GET", self.path_, name="x", fields="*").records()[0]
        self.assertEqual(record["snapshot_volumes"][1]["volume"]["name"], "v2")
        self.assert_fails(self.c1.call("POST", f"{self.path_}?{WAIT}", {"name": "x"}), 53411921)
        self.assert_ok(self.c1.call("DELETE", f"{self.path_}/{record['uuid']}?{WAIT}"))
        self.assertEqual(self.both(), ([], []))

    def test_name_taken_on_one_volume(self):
        self.take(self.v2, "x")
        self.assert_fails(self.c1.call("POST", f"{self.path_}?{WAIT}", {"name": "x"}), 53411921)
        self.assertEqual(self.both(), ([], ["x"]))
        self.assertEqual(self.pending(), ["x"])

    def test_partial(self):
        self.c1.call("POST", f"{self.path_}?{WAIT}", {"name": "x"})
        uuid = self.snapshot(self.v1, "x")["uuid"]
        self.c1.call("DELETE", f"{V}/{self.v1}/snapshots/{uuid}?{WAIT}")
        record = self.c1.call("GET", self.path_, fields="*").records()[0]
        self.assertEqual((record["is_partial"], record["missing_volumes"][0]["name"]), (True, "v1"))

    def test_restore(self):
        self.c1.call("POST", f"{self.path_}?{WAIT}", {"name": "x"})
        for volume in ("v1", "v2"):
            self.write(f"{volume}/a", "new")
        self.assert_ok(self.c1.call("PATCH", f"{GROUPS}/{self.group}?{WAIT}",
                                    {"restore_to": {"snapshot": {"name": "x"}}}))
        self.assertEqual((self.read("v1/a"), self.read("v2/a")), ("old", "old"))


class TwoPhase(GroupBed):
    def test_commit(self):
        uuid = self.start(consistency_type="crash", comment="c").records()[0]["uuid"]
        self.assertEqual((self.both(), self.started()), (([], []), ["x"]))
        self.assertFalse(os.path.exists(self.path("v1/.snapshot/x")))
        for volume in ("v1", "v2"):
            self.write(f"{volume}/a", "new")
        self.assert_ok(self.commit(uuid))
        self.assertEqual((self.both(), self.started()), ((["x"], ["x"]), []))
        self.assertEqual((self.read("v1/.snapshot/x/a"), self.read("v2/.snapshot/x/a")),
                         ("old", "old"))
        self.assert_fails(self.commit(uuid), 53411925, 404)

    def test_timeout(self):
        self.knobs(version="9.11.1")
        uuid = self.start(query="&action_timeout=1").records()[0]["uuid"]
        self.until(self.started, lambda names: not names)
        self.assert_fails(self.commit(uuid), 53411925)
        self.assertEqual((self.both(), self.pending()), (([], []), []))
        self.assertEqual(self.c1.call("GET", self.path_).records(), [])
        self.assert_ok(self.commit(self.start().records()[0]["uuid"]))

    def test_commit_is_a_job(self):
        uuid = self.start().records()[0]["uuid"]
        answer = self.commit(uuid, query="")
        self.assertEqual(self.both(), ([], []))
        self.assert_fails(self.commit(uuid), 53411925, 404)
        self.assertEqual(self.job(answer)["state"], "success")
        self.assertEqual((self.both(), self.started()), ((["x"], ["x"]), []))
        self.assert_fails(self.commit(uuid), 53411925, 404)

    def test_commit_in_time(self):
        """What was committed in time is made, however long that takes; its fence ends before."""
        self.knobs(version="9.11.1", job_seconds=2, fence="watch")
        uuid = self.start(query="&action_timeout=1").records()[0]["uuid"]
        answer = self.commit(uuid, query="")
        self.assertEqual(self.state("fenced"), ["x"])
        self.until(lambda: self.state("fenced"), lambda names: not names)
        self.assertEqual(self.started(), ["x"])
        self.write("v1/a", "written after the fence")
        self.assertEqual(self.job(answer)["state"], "success")
        self.assertEqual((self.both(), self.started()), ((["x"], ["x"]), []))
        self.assertEqual(self.state("fence_violations"), [])

    def test_commits_of_others(self):
        other = self.make("h", "v3")
        uuid = self.start().records()[0]["uuid"]
        self.assert_fails(self.commit("0"), 53411925)
        self.assert_fails(self.commit(uuid, other), 53411925)
        self.assert_ok(self.commit(uuid))

    def test_one_at_a_time(self):
        uuid = self.start().records()[0]["uuid"]
        self.assert_fails(self.start("y"), 53411918)
        self.assert_fails(self.c1.call("DELETE", f"{self.path_}/{uuid}?{WAIT}"), 53412007)
        self.assert_ok(self.commit(uuid))

    def test_group_goes_while_started(self):
        self.start()
        self.assert_ok(self.c1.call("DELETE", f"{GROUPS}/{self.group}?{WAIT}"))
        self.assertEqual((self.both(), self.pending()), (([], []), []))

    def test_timeouts_of_versions(self):
        for version, low, high in (("9.16.1", 5, 120), ("9.11.1", 1, 90)):
            self.knobs(version=version)
            for seconds in (low - 1, high + 1):
                self.assert_fails(self.start(query=f"&action_timeout={seconds}"), 2)
            self.assert_ok(self.commit(self.start(version, f"&action_timeout={low}")
                                       .records()[0]["uuid"]))

    def test_where_the_uuid_is(self):
        self.knobs(start_uuid="location")
        answer = self.start()
        self.assertNotIn("records", answer.body)
        self.assert_ok(self.commit(answer.headers["Location"].rsplit("/", 1)[1]))
        self.knobs(start_uuid="nowhere")
        answer = self.start("y")
        self.assertNotIn("records", answer.body)
        uuid = self.c1.call("GET", self.path_, name="y").records()[0]["uuid"]
        self.assertNotIn(uuid, answer.headers["Location"])
        self.assert_ok(self.commit(uuid))

    def test_by_job(self):
        self.knobs(start_reply=202, always_202=True)
        answer = self.start()
        uuid = answer.records()[0]["uuid"]
        self.assertEqual(self.job(answer)["state"], "success")
        self.assertEqual(self.job(self.commit(uuid))["state"], "success")
        self.assertEqual(self.both(), (["x"], ["x"]))

    def test_watch(self):
        self.knobs(fence="watch")
        self.assert_ok(self.commit(self.start().records()[0]["uuid"]))
        self.assertEqual(self.state("fence_violations"), [])
        uuid = self.start("y").records()[0]["uuid"]
        self.write("v2/a", "written while fenced")
        self.assert_ok(self.commit(uuid))
        uuid = self.start("z", write_fence=False).records()[0]["uuid"]
        self.write("v1/a", "written without a fence")
        self.assert_ok(self.commit(uuid))
        self.assertEqual(self.state("fence_violations"),
                         [self.path("v2/a")])


if __name__ == "__main__":
    unittest.main()
