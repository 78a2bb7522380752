# SPDX-License-Identifier: LGPL-2.1-or-later
"""SnapMirror of the stand-in: look-up, transfers by label, states, and restores from the secondary."""
import unittest

from harness import V, WAIT, Bed

RELATIONSHIPS = "/snapmirror/relationships"


class MirrorBed(Bed):
    def setUp(self):
        super().setUp()
        self.vault = self.relationship("s:v1")["uuid"]
        self.mirror = self.relationship("s:v2")["uuid"]
        self.v_dst, self.m_dst = self.uuid("v_dst"), self.uuid("m_dst")

    def relationship(self, source, client=None, **query):
        return (client or self.c2).call("GET", RELATIONSHIPS, source__path=source, fields="**",
                                        **query).records()[0]

    def transfer(self, uuid, client=None, **body):
        return (client or self.c2).call("POST", f"{RELATIONSHIPS}/{uuid}/transfers", body)

    def ended(self, uuid, client=None):
        path = f"{RELATIONSHIPS}/{uuid}"
        return self.until(lambda: (client or self.c2).call("GET", path, fields="transfer").body,
                          lambda body: body["transfer"]["state"] != "transferring")["transfer"]


class Lookup(MirrorBed):
    def test_sides(self):
        record = self.relationship("s:v1")
        self.assertEqual((record["state"], record["healthy"], record["policy"]["name"]),
                         ("snapmirrored", True, "MirrorAndVault"))
        self.assertEqual((record["source"]["cluster"]["name"], record["destination"]["path"]),
                         ("c1", "d:v_dst"))
        self.assertNotIn("transfer", record)
        self.assertEqual(self.c1.call("GET", RELATIONSHIPS).records(), [])
        self.assertEqual(self.relationship("s:v1", self.c1, list_destinations_only="true")["uuid"],
                         self.vault)

    def test_policies(self):
        policy = self.c2.call("GET", "/snapmirror/policies", name="MirrorAndVault",
                              fields="retention").records()[0]
        self.assertEqual((policy["retention"][0]["label"], policy["retention"][0]["count"]),
                         ("daily", "7"))

    def test_lag(self):
        knobs = {"clock_offset": -(86400 + 2 * 3600)}
        self.knobs(**knobs)
        self.take(self.v1, "x", snapmirror_label="daily")
        self.transfer(self.vault)
        self.ended(self.vault)
        self.assertRegex(self.relationship("s:v1")["lag_time"], "^P1DT2H")
        self.c2.call("POST", "/control/set", {"kind": "relationships", "where": {
            "uuid": self.vault}, "set": {"lag_time": "P3D", "healthy": False}})
        self.assertEqual(self.relationship("s:v1", healthy="false")["lag_time"], "P3D")


class Transfers(MirrorBed):
    def test_labels(self):
        self.write("v1/a", "one")
        self.take(self.v1, "one", snapmirror_label="daily")
        self.write("v1/a", "two")
        self.take(self.v1, "unlabelled")
        self.take(self.v1, "other", snapmirror_label="hourly")
        self.assert_ok(self.transfer(self.vault), 201)
        self.assertEqual(self.ended(self.vault)["state"], "success")
        self.assertEqual(self.names(self.v_dst, self.c2), ["one"])
        self.assertEqual((self.read("v_dst/.snapshot/one/a"), self.read("v_dst/a")), ("one", "one"))
        record = self.relationship("s:v1")
        self.assertEqual((record["exported_snapshot"], record["last_transfer_type"]),
                         ("one", "update"))
        self.assertEqual(record["transfer"]["bytes_transferred"], 3 + 8192)
        self.transfer(self.vault, source_snapshot="unlabelled")
        self.ended(self.vault)
        self.assertEqual(self.names(self.v_dst, self.c2), ["one"])

    def test_count(self):
        for n in range(9):
            self.take(self.v1, f"n{n}", snapmirror_label="daily")
        self.transfer(self.vault)
        self.ended(self.vault)
        self.assertEqual(self.names(self.v_dst, self.c2), [f"n{n}" for n in range(2, 9)])
        uuid = self.c2.call("GET", f"{V}/{self.v_dst}/snapshots").records()[0]["uuid"]
        self.assert_fails(self.c2.call("DELETE", f"{V}/{self.v_dst}/snapshots/{uuid}?{WAIT}"),
                          1638521)

    def test_mirror(self):
        self.write("v2/a", "one")
        self.transfer(self.mirror)
        self.ended(self.mirror)
        self.assertEqual(self.names(self.v2), self.names(self.m_dst, self.c2))
        self.take(self.v2, "x")
        self.transfer(self.mirror, source_snapshot="x")
        self.ended(self.mirror)
        self.assertIn("x", self.names(self.m_dst, self.c2))

    def test_busy_and_polls(self):
        self.c2.call("PUT", "/control/knobs", {"transfer_polls": 3})
        self.take(self.v1, "x", snapmirror_label="daily")
        self.transfer(self.vault)
        answer = self.transfer(self.vault)
        self.assert_fails(answer, 13303844)
        self.assertIn("Another transfer is in progress", answer.message)
        path = f"{RELATIONSHIPS}/{self.vault}/transfers"
        running = self.c2.call("GET", path, fields="*").records()
        self.assertEqual([t["state"] for t in running], ["transferring"])
        path = f"{RELATIONSHIPS}/{self.vault}"
        states = [self.c2.call("GET", path).body["transfer"]["state"] for _ in range(3)]
        self.assertEqual(states, ["transferring", "transferring", "success"])

    def test_failure_and_abort(self):
        self.take(self.v1, "x", snapmirror_label="daily")
        self.c2.call("PUT", "/control/knobs", {"transfer_outcome": "failed"})
        self.transfer(self.vault)
        self.assertEqual(self.ended(self.vault)["state"], "failed")
        record = self.relationship("s:v1")
        self.assertEqual((record["healthy"], record["unhealthy_reason"][0]["code"]),
                         (False, "13303844"))
        self.c2.call("PUT", "/control/knobs", {"transfer_polls": 99})
        self.transfer(self.vault)
        uuid = self.relationship("s:v1")["transfer"]["uuid"]
        path = f"{RELATIONSHIPS}/{self.vault}/transfers/{uuid}"
        self.assert_ok(self.c2.call("PATCH", path, {"state": "aborted"}))
        self.assertEqual(self.ended(self.vault)["state"], "aborted")
        self.assertEqual(self.names(self.v_dst, self.c2), [])

    def test_refused(self):
        self.assert_fails(self.transfer(self.vault, source_snapshot="no"), 13303844)
        self.assert_fails(self.transfer(self.vault, files=[{"source_path": "/a"}]), 13303844)
        self.assert_fails(self.transfer("0"), 4, 404)
        self.assert_fails(self.transfer(self.vault, self.c1), 4, 404)


class Relationships(MirrorBed):
    def create(self, client, source, destination, **more):
        return client.call("POST", f"{RELATIONSHIPS}?{WAIT}", {
            "source": {"path": source}, "destination": {"path": destination}, **more})

    def test_create(self):
        policy = {"policy": {"name": "MirrorAndVault"}}
        self.take(self.uuid("v3"), "x", snapmirror_label="weekly")
        self.assert_fails(self.create(self.c2, "s:v3", "d", **policy), 13303852)
        self.assert_fails(self.create(self.c2, "s:v1", "d:v_dst", **policy), 6619637, 409)
        self.assert_fails(self.create(self.c2, "s:v3", "d:new", state="snapmirrored"), 13303873)
        self.assert_fails(self.create(self.c2, "s:no", "d:new"), 917927)
        self.assert_fails(self.create(self.c2, "s:v3", "d:new",
                                      transfer_schedule={"name": "no"}), 6619699)
        self.assert_ok(self.create(self.c2, "s:v3", "d:new", state="snapmirrored",
                                   create_destination={"enabled": True}, **policy), 201)
        uuid = self.relationship("s:v3")["uuid"]
        self.assertEqual(self.ended(uuid)["type"], "initialize")
        self.assertEqual(self.names(self.uuid("new"), self.c2), ["x"])

    def test_states(self):
        path = f"{RELATIONSHIPS}/{self.vault}"
        for state, kind in (("paused", "dp"), ("broken_off", "rw"), ("snapmirrored", "dp")):
            self.assert_ok(self.c2.call("PATCH", f"{path}?{WAIT}", {"state": state}))
            self.until(lambda: self.relationship("s:v1")["state"], lambda seen, s=state: seen == s)
            volume = self.c2.call("GET", f"{V}/{self.v_dst}").body
            self.assertEqual(volume["type"], kind)
            if state != "snapmirrored":
                self.assert_fails(self.transfer(self.vault), 13303844)
        self.assertEqual(self.ended(self.vault)["type"], "resync")

    def test_restore(self):
        self.write("v1/a", "old")
        self.write("v1/b", "old")
        self.take(self.v1, "x", snapmirror_label="daily")
        self.transfer(self.vault)
        self.ended(self.vault)
        self.write("v1/a", "new")
        self.write("v1/b", "new")
        self.assert_ok(self.create(self.c1, "d:v_dst", "s:v1", restore=True), 201)
        uuid = self.relationship("d:v_dst", self.c1, restore="true")["uuid"]
        nine = [{"source_path": f"/{n}"} for n in range(9)]
        self.assert_fails(self.transfer(uuid, self.c1, source_snapshot="x", files=nine), 13303845)
        self.knobs(transfer_polls=2)
        files = [{"source_path": "/a", "destination_path": "/a"}]
        self.assert_ok(self.transfer(uuid, self.c1, source_snapshot="x", files=files), 201)
        self.assert_fails(self.c1.call("DELETE", f"{RELATIONSHIPS}/{uuid}?{WAIT}"), 13303844)
        self.assertEqual(self.ended(uuid, self.c1)["state"], "success")
        self.assertEqual((self.read("v1/a"), self.read("v1/b")), ("old", "new"))
        self.assert_ok(self.transfer(uuid, self.c1, source_snapshot="x"), 201)
        self.ended(uuid, self.c1)
        self.assertEqual(self.read("v1/b"), "old")
        self.assert_ok(self.c1.call("DELETE", f"{RELATIONSHIPS}/{uuid}?{WAIT}"))
        self.take(self.v1, "still-read-write")


if __name__ == "__main__":
    unittest.main()
