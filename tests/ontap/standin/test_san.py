# SPDX-License-Identifier: LGPL-2.1-or-later
"""LUNs, their clones, igroups and maps of the stand-in."""
import os
import unittest

from harness import V, WAIT, Bed

LUNS, MAPS, IGROUPS = "/storage/luns", "/protocols/san/lun-maps", "/protocols/san/igroups"
EVERYTHING = "**,space.size,lun_maps.igroup.name,lun_maps.logical_unit_number"


class SanBed(Bed):
    def setUp(self):
        super().setUp()
        self.write("v1/l1", "old")
        self.take(self.v1, "x")
        self.write("v1/l1", "newer")
        self.l1 = self.lun("l1")

    def lun(self, name):
        return self.c1.call("GET", LUNS, name=f"/vol/v1/{name}", fields=EVERYTHING).records()[0]

    def clone(self, name="l1_r", source="/vol/v1/.snapshot/x/l1", **more):
        return self.c1.call("POST", f"{LUNS}?{WAIT}", {
            "svm": {"name": "s"}, "name": f"/vol/v1/{name}", "clone": {"source": {"name": source}},
            "space": {"guarantee": {"requested": False}}, **more})

    def map(self, lun, igroup="kvm1", **more):
        return self.c1.call("POST", f"{MAPS}?return_records=true", {
            "svm": {"name": "s"}, "lun": {"name": f"/vol/v1/{lun}"}, "igroup": {"name": igroup},
            **more})


class Luns(SanBed):
    def test_record(self):
        self.assertEqual(self.l1["serial_number"], "81L*C?W+$]/|")
        self.assertEqual(self.l1["space"]["size"], 5)
        self.assertEqual([(m["igroup"]["name"], m["logical_unit_number"])
                          for m in self.l1["lun_maps"]], [("kvm1", 0)])
        self.assertTrue(self.l1["status"]["mapped"])
        self.assertEqual(self.l1["location"]["volume"]["uuid"], self.v1)
        plain = self.c1.call("GET", LUNS, location__volume__name="v1").records()[0]
        self.assertNotIn("lun_maps", plain)

    def test_awkward_serials(self):
        found = self.c1.call("GET", LUNS, serial_number="81LxC?W+$]/*").records()
        self.assertEqual(found, [])
        # The bar divides alternatives: this cannot find it, as with any filter taken for operators.
        self.assertEqual(self.c1.call("GET", LUNS, serial_number=self.l1["serial_number"]).records(),
                         [])

    def test_clone_from_snapshot(self):
        self.assert_ok(self.clone(), 201)
        clone = self.lun("l1_r")
        self.assertEqual((self.read("v1/l1_r"), self.read("v1/l1")), ("old", "newer"))
        self.assertNotEqual(clone["serial_number"], self.l1["serial_number"])
        self.assertEqual(len(clone["serial_number"]), 12)
        self.assertFalse(clone["status"]["mapped"])
        self.write("v1/l1_r", "own")
        self.assertEqual(self.read("v1/.snapshot/x/l1"), "old")

    def test_clone_refused(self):
        self.assert_fails(self.clone("l1"), 5374242, 409)
        self.assert_fails(self.clone(source="/vol/v1/.snapshot/no/l1"), 5374876)
        self.assert_fails(self.clone(source="/vol/v1/no"), 5374876)
        self.assert_fails(self.clone(os_type="linux"), 5374883)
        self.assert_fails(self.clone("../v2/l"), 5374127)
        self.assert_fails(self.clone(".snapshot/x/l2"), 5376466)
        self.take(self.v2, "x")
        self.write("v2/l", "v2")
        self.assert_fails(self.clone(source="/vol/v2/l"), 5374876)
        answer = self.c1.call("POST", f"{LUNS}?{WAIT}", {
            "svm": {"name": "s"}, "name": "/vol/v2/l2",
            "clone": {"source": {"name": "/vol/v1/.snapshot/x/l1"}}})
        self.assert_fails(answer, 1260121)
        answer = self.c1.call("POST", f"{LUNS}?{WAIT}", {
            "svm": {"name": "s"}, "name": "/vol/v1/l2", "clone": {"source": {
                "name": "/vol/v1/.snapshot/x/l1", "uuid": self.l1["uuid"]}}})
        self.assert_fails(answer, 5374899)
        self.assertEqual(len(self.c1.call("GET", LUNS).records()), 1)

    def overwrite(self, source):
        return self.c1.call("PATCH", f"{LUNS}/{self.l1['uuid']}?{WAIT}",
                            {"clone": {"source": {"name": source}}})

    def test_overwrite_keeps_identity(self):
        with open(self.path("v1/l1"), "rb") as opened:
            self.assert_ok(self.overwrite("/vol/v1/.snapshot/x/l1"))
            self.assertEqual(opened.read(), b"old")
        after = self.lun("l1")
        for key in ("uuid", "serial_number", "lun_maps", "status"):
            self.assertEqual(after[key], self.l1[key])

    def test_overwrite_from_a_lun(self):
        self.knobs(lun_patch_from_snapshot=False)
        self.assert_fails(self.overwrite("/vol/v1/.snapshot/x/l1"), 5374883)
        self.assertEqual(self.read("v1/l1"), "newer")
        self.assert_ok(self.clone(), 201)
        self.assert_ok(self.overwrite("/vol/v1/l1_r"))
        self.assertEqual(self.read("v1/l1"), "old")

    def test_rename_and_delete(self):
        path = f"{LUNS}/{self.l1['uuid']}?{WAIT}"
        self.assert_fails(self.c1.call("PATCH", path, {"name": "/vol/v1/.snapshot/x/l2"}), 5376466)
        self.assert_ok(self.c1.call("PATCH", path, {"name": "/vol/v1/qtree/l2"}))
        self.assertEqual(self.read("v1/qtree/l2"), "newer")
        self.assertEqual(self.lun("qtree/l2")["uuid"], self.l1["uuid"])
        self.assert_fails(self.c1.call("DELETE", path), 1254197, 409)
        self.assertTrue(os.path.exists(self.path("v1/qtree/l2")))
        self.assert_ok(self.c1.call("DELETE", path + "&allow_delete_while_mapped=true"))
        self.assertFalse(os.path.exists(self.path("v1/qtree/l2")))
        self.assertEqual(self.c1.call("GET", MAPS).records(), [])
        self.assert_fails(self.c1.call("DELETE", path), 5374875, 404)

    def test_snaprestore_of_a_lun(self):
        body = {"vserver": "s", "volume": "v1", "snapshot": "x", "path": "/l1"}
        self.assert_ok(self.c1.call("POST", "/private/cli/volume/snapshot/restore-file", body))
        self.assertEqual((self.read("v1/l1"), self.lun("l1")["serial_number"]),
                         ("old", self.l1["serial_number"]))

    def test_revert_and_lun_ids(self):
        self.assert_ok(self.clone(), 201)
        revert = f"{V}/{self.v1}?{WAIT}&restore_to.snapshot.name=x"
        self.assert_ok(self.c1.call("PATCH", revert + "&preserve_lun_ids=true"))
        records = self.c1.call("GET", LUNS, fields="lun_maps").records()
        self.assertEqual([(r["name"], "lun_maps" in r) for r in records], [("/vol/v1/l1", True)])
        self.assert_ok(self.c1.call("PATCH", revert))
        self.assertNotIn("lun_maps", self.c1.call("GET", LUNS, fields="lun_maps").records()[0])


class Maps(SanBed):
    def test_lowest_free_number(self):
        for name, number in (("a", 1), ("b", 2)):
            self.assert_ok(self.clone(name), 201)
            answer = self.assert_ok(self.map(name), 201)
            self.assertEqual(answer.records()[0]["logical_unit_number"], number)
        found = self.c1.call("GET", MAPS, lun__name="/vol/v1/a", igroup__name="kvm1",
                             fields="lun.uuid,igroup.uuid").records()[0]
        path = f"{MAPS}/{found['lun']['uuid']}/{found['igroup']['uuid']}"
        self.assert_ok(self.c1.call("DELETE", path))
        self.assert_fails(self.c1.call("DELETE", path), 5374922, 404)
        self.assertEqual(self.map("a").records()[0]["logical_unit_number"], 1)

    def test_refused(self):
        self.assert_fails(self.map("l1"), 1254207)
        self.assert_fails(self.map(".snapshot/x/l1"), 5374238)
        self.assert_fails(self.map("no"), 5374875)
        self.assert_ok(self.clone(), 201)
        self.assert_fails(self.map("l1_r", logical_unit_number=0), 1254207)
        self.assert_fails(self.map("l1_r", "no"), 5374852)
        self.assertEqual(self.assert_ok(self.map("l1_r", logical_unit_number=7), 201)
                         .records()[0]["logical_unit_number"], 7)

    def test_igroups(self):
        body = {"svm": {"name": "s"}, "name": "kvm2", "os_type": "linux", "protocol": "iscsi",
                "initiators": [{"name": "iqn.b"}]}
        self.assert_ok(self.c1.call("POST", IGROUPS, body), 201)
        self.assert_fails(self.c1.call("POST", IGROUPS, body), 5374023)
        found = self.c1.call("GET", IGROUPS, initiators__name="iqn.b", fields="initiators").records()
        self.assertEqual([g["name"] for g in found], ["kvm2"])
        path = f"{IGROUPS}/{found[0]['uuid']}"
        self.assert_ok(self.c1.call("POST", path + "/initiators", {"name": "iqn.c"}), 201)
        self.assert_fails(self.c1.call("POST", path + "/initiators", {"name": "iqn.c"}), 5374035)
        self.assertEqual(self.map("l1", "kvm2").records()[0]["logical_unit_number"], 0)
        self.assertEqual(self.c1.call("DELETE", path).status, 409)

    def test_hooks(self):
        hook = self.path("hook")
        with open(os.open(hook, os.O_CREAT | os.O_WRONLY, 0o755), "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {self.path("calls")}\n')
        self.standin.clusters[0].hooks.update(map=hook, unmap=hook)
        self.assert_ok(self.clone(), 201)
        self.map("l1_r")
        clone = self.lun("l1_r")
        self.c1.call("DELETE", f"{MAPS}?lun.name=/vol/v1/l1_r")
        rest = f"{self.path('v1/l1_r')} {clone['serial_number']} 1 kvm1\n"
        self.assertEqual(self.read("calls"), f"map {rest}unmap {rest}")


if __name__ == "__main__":
    unittest.main()
