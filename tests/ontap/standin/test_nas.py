# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots, restores, file clones and FlexClone volumes of the stand-in."""
import os
import stat
import unittest

from harness import V, WAIT, Bed

PAST, FUTURE = "2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
RESTORE_FILE = "/private/cli/volume/snapshot/restore-file"


class Snapshots(Bed):
    def test_tree(self):
        self.write("v1/dir/disk", "old")
        os.chmod(self.path("v1/dir/disk"), 0o664)
        os.symlink("disk", self.path("v1/dir/link"))
        self.take(self.v1, "x")
        self.write("v1/dir/disk", "new")
        self.take(self.v1, "y")
        self.assertEqual(self.read("v1/.snapshot/x/dir/disk"), "old")
        self.assertEqual(self.read("v1/.snapshot/y/dir/link"), "new")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("v1/.snapshot/x/dir/disk")).st_mode), 0o444)
        self.assertFalse(os.path.exists(self.path("v1/.snapshot/y/.snapshot")))
        self.assertEqual(sorted(os.listdir(self.path("v1/.snapshot"))), ["x", "y"])

    def test_sparse(self):
        with open(self.path("v1/disk"), "wb") as file:
            file.truncate(1 << 40)
            os.pwrite(file.fileno(), b"data", 1 << 39)
        self.take(self.v1, "x")
        info = os.stat(self.path("v1/.snapshot/x/disk"))
        self.assertEqual(info.st_size, 1 << 40)
        self.assertLess(info.st_blocks, 1 << 12)

    def test_exports(self):
        self.write("v1/qtree/disk", "old")
        self.take(self.v1, "x")
        self.write("v1/qtree/disk", "new")
        self.assertEqual(self.read("v1/qtree/.snapshot/x/disk"), "old")
        uuid = self.snapshot(self.v1, "x")["uuid"]
        self.c1.call("PATCH", f"{V}/{self.v1}/snapshots/{uuid}?{WAIT}", {"name": "y"})
        self.assertEqual(self.read("v1/qtree/.snapshot/y/disk"), "old")
        self.c1.call("DELETE", f"{V}/{self.v1}/snapshots/{uuid}?{WAIT}")
        self.assertEqual(os.listdir(self.path("v1/qtree/.snapshot")), [])

    def test_switched_off(self):
        self.take(self.v1, "x")
        for access in (False, True):
            self.assert_ok(self.c1.call("PATCH", f"{V}/{self.v1}?{WAIT}",
                                        {"snapshot_directory_access_enabled": access}))
            self.assertEqual(os.path.exists(self.path("v1/.snapshot/x")), access)

    def test_record(self):
        answer = self.c1.call("POST", f"{V}/{self.v1}/snapshots?{WAIT}&return_records=true", {
            "name": "x", "comment": "c", "snapmirror_label": "daily", "expiry_time": FUTURE})
        self.assertNotIn("uuid", answer.records()[0])
        self.assertIn(f"{self.v1}/snapshots/?name=x", answer.headers["Location"])
        record = self.snapshot(self.v1, "x", "**")
        self.assertEqual((record["comment"], record["snapmirror_label"], record["state"]),
                         ("c", "daily", "valid"))
        everywhere = self.c1.call("GET", V + "/*/snapshots", fields="volume").records()
        self.assertEqual([r["volume"]["name"] for r in everywhere], ["v1"])
        self.assertEqual(self.c1.call("GET", V, fields="snapshot_count", name="v1").records()[0]
                         ["snapshot_count"], 1)

    def test_refused(self):
        path = f"{V}/{self.v1}/snapshots?{WAIT}"
        self.take(self.v1, "x")
        for code, body in ((525059, {"name": "x"}), (1638518, {"name": "a/b"}), (2, {}),
                           (1638477, {"name": "snapmirror.x"}), (1638518, {"name": "n" * 257}),
                           (1638523, {"name": "y", "snapmirror_label": "l" * 32}),
                           (1638554, {"name": "y", "expiry_time": "soon"})):
            self.assert_fails(self.c1.call("POST", path, body), code)
        self.knobs(snapshot_limit=1)
        self.assert_fails(self.c1.call("POST", path, {"name": "y"}), 525062)
        dst = self.uuid("v_dst")
        self.assert_fails(self.c2.call("POST", f"{V}/{dst}/snapshots?{WAIT}", {"name": "y"}), 1638461)
        self.assertEqual(self.names(self.v1), ["x"])

    def test_deletion(self):
        path = f"{V}/{self.v1}/snapshots"
        self.take(self.v1, "locked", expiry_time=FUTURE)
        self.take(self.v1, "expired", expiry_time=PAST)
        self.take(self.v1, "held")
        self.c1.call("POST", "/control/set", {"kind": "snapshots", "where": {"name": "held"},
                                              "set": {"owners": ["dump"]}})
        uuids = {name: self.snapshot(self.v1, name)["uuid"] for name in self.names(self.v1)}
        for name, code in (("locked", 1638555), ("held", 1638543)):
            self.assert_fails(self.c1.call("DELETE", f"{path}/{uuids[name]}?{WAIT}"), code, 409)
        self.assert_ok(self.c1.call("DELETE", f"{path}/{uuids['expired']}?{WAIT}"))
        self.assert_fails(self.c1.call("DELETE", f"{path}/{uuids['expired']}?{WAIT}"), 4, 404)
        self.assertEqual(os.listdir(self.path("v1/.snapshot")).count("expired"), 0)
        query = {"vserver": "s", "volume": "v1", "snapshot": "held", "ignore-owners": "true"}
        self.assert_ok(self.c1.call("DELETE", "/private/cli/snapshot", **query))
        self.assertEqual(self.names(self.v1), ["locked"])

    def test_changes(self):
        self.take(self.v1, "x")
        self.take(self.v1, "y")
        path = f"{V}/{self.v1}/snapshots/{self.snapshot(self.v1, 'x')['uuid']}"
        self.assert_ok(self.c1.call("PATCH", f"{path}?{WAIT}", {"name": "z", "comment": "c"}))
        self.assertEqual(self.snapshot(self.v1, "z")["comment"], "c")
        self.assertTrue(os.path.isdir(self.path("v1/.snapshot/z")))
        self.assert_fails(self.c1.call("PATCH", f"{path}?{WAIT}", {"name": "y"}), 525059)

    def test_bulk(self):
        path = f"{V}/*/snapshots?{WAIT}"
        records = [{"volume.uuid": self.v1, "name": "x"}, {"volume": {"uuid": self.v2}, "name": "x"}]
        self.assert_ok(self.c1.call("POST", path, {"records": records}), 201)
        self.assertEqual((self.names(self.v1), self.names(self.v2)), (["x"], ["x"]))
        records[0]["name"] = "y"
        self.assert_fails(self.c1.call("POST", path, {"records": records}), 1638616)

    def test_offline(self):
        self.assert_ok(self.c1.call("PATCH", f"{V}/{self.v1}?{WAIT}", {"state": "offline"}))
        self.assertEqual(self.c1.call("GET", V, nas__path="/vm1").records(), [])
        self.assert_fails(self.c1.call("POST", f"{V}/{self.v1}/snapshots?{WAIT}", {"name": "x"}),
                          524479)


class Restores(Bed):
    def setUp(self):
        super().setUp()
        self.write("v1/dir/a", "old a")
        self.write("v1/b", "old b")
        os.chmod(self.path("v1/dir/a"), 0o664)
        self.take(self.v1, "x")
        self.write("v1/dir/a", "new a")
        self.write("v1/b", "new b")
        self.write("v1/later", "later")
        self.take(self.v1, "y")

    def state(self):
        return (self.read("v1/dir/a"), self.read("v1/b"), os.path.exists(self.path("v1/later")))

    def restore(self, query):
        return self.c1.call("PATCH", f"{V}/{self.v1}?{WAIT}&{query}")

    def test_whole(self):
        self.assert_ok(self.restore("restore_to.snapshot.name=x"))
        self.assertEqual(self.state(), ("old a", "old b", False))
        self.assertEqual(self.names(self.v1), ["x"])
        self.assertEqual(os.listdir(self.path("v1/.snapshot")), ["x"])
        self.assertEqual(stat.S_IMODE(os.stat(self.path("v1/dir/a")).st_mode), 0o664)

    def test_whole_by_body(self):
        self.assert_ok(self.c1.call("PATCH", f"{V}/{self.v1}?{WAIT}",
                                    {"restore_to.snapshot.name": "x"}))
        self.assertEqual(self.state(), ("old a", "old b", False))

    def test_whole_refused(self):
        self.assert_fails(self.restore("restore_to.snapshot.name=nope"), 918251)
        self.assert_fails(self.restore("restore_to.snapshot.name="), 1638515)
        self.c1.call("POST", "/control/set", {"kind": "snapshots", "where": {"name": "y"},
                                              "set": {"owners": ["snapmirror"]}})
        self.assert_fails(self.restore("restore_to.snapshot.name=x"), 1638480)
        self.c1.call("POST", "/control/set", {"kind": "snapshots", "where": {"name": "y"}, "set": {
            "owners": [], "snaplock.expiry_time": FUTURE}})
        self.assert_fails(self.restore("restore_to.snapshot.name=x"), 9437886)
        self.assertEqual(self.state(), ("new a", "new b", True))

    def test_file(self):
        self.assert_ok(self.restore("restore_to.snapshot.name=x&restore_to.path=/dir/a"))
        self.assertEqual(self.state(), ("old a", "new b", True))
        self.assertEqual(self.names(self.v1), ["x", "y"])
        self.assert_ok(self.restore("restore_to.snapshot.name=x&restore_to.path=b"
                                    "&restore_to.restore_path=dir/b"))
        self.assertEqual((self.read("v1/dir/b"), self.read("v1/b")), ("old b", "new b"))
        self.assert_fails(self.restore("restore_to.snapshot.name=x&restore_to.path=/no"), 1638503)

    def test_file_without_its_path_is_all(self):
        self.assert_ok(self.restore("restore_to.snapshot.name=x&restore_to.restore_path=/dir/a"))
        self.assertEqual(self.state(), ("old a", "old b", False))

    def test_range(self):
        for name, letter in (("x", "o"), ("y", "n")):
            self.write("v1/disk", letter * 12288)
            self.take(self.v1, "range-" + name)
        query = "restore_to.snapshot.name=range-x&restore_to.path=/disk&restore_to.start_byte="
        self.assert_ok(self.restore(query + "4096&restore_to.byte_count=4096"))
        self.assertEqual(self.read("v1/disk"), "n" * 4096 + "o" * 4096 + "n" * 4096)
        self.assert_fails(self.restore(query + "1&restore_to.byte_count=4096"), 918251)
        body = {"vserver": "s", "volume": "v1", "snapshot": "range-x", "path": "/disk",
                "start-byte": 0, "byte-count": 4096}
        path = "/private/cli/volume/snapshot/partial-restore-file"
        self.assert_ok(self.c1.call("POST", path, body))
        self.assertEqual(self.read("v1/disk"), "o" * 8192 + "n" * 4096)

    def test_passthrough(self):
        body = {"vserver": "s", "volume": "v1", "snapshot": "x", "path": "/dir/a"}
        inode = os.stat(self.path("v1/dir/a")).st_ino
        self.assert_ok(self.c1.call("POST", RESTORE_FILE, body))
        self.assertEqual(self.state(), ("old a", "new b", True))
        self.assertEqual(os.stat(self.path("v1/dir/a")).st_ino, inode)
        for key in ("restore_path", "restore-path"):
            self.assert_ok(self.c1.call("POST", RESTORE_FILE, {**body, "path": "/vol/v1/b",
                                                              key: f"/dir/{key}"}))
            self.assertEqual(self.read(f"v1/dir/{key}"), "old b")
        self.write("v1/dir/a", "new a")
        self.knobs(restore_inode="new", always_202=True)
        self.assertEqual(self.job(self.c1.call("POST", RESTORE_FILE, body))["state"], "success")
        self.assertEqual(self.read("v1/dir/a"), "old a")
        self.assertNotEqual(os.stat(self.path("v1/dir/a")).st_ino, inode)
        del body["path"]
        self.assert_fails(self.c1.call("POST", RESTORE_FILE, body), 2)
        self.assertEqual(self.state(), ("old a", "new b", True))

    def clone(self, source, destination, **more):
        return self.c1.call("POST", f"/storage/file/clone?{WAIT}", {
            "volume": {"uuid": self.v1, "name": "v1"}, "source_path": source,
            "destination_path": destination, **more})

    def test_file_clone(self):
        self.assert_ok(self.clone("./.snapshot/x/dir/a", "dir/a.new"), 201)
        self.assert_ok(self.clone(".snapshot/x/b", "b.new"), 201)
        self.assert_ok(self.clone("later", "later.new"), 201)
        self.assertEqual([self.read(f"v1/{name}.new") for name in ("dir/a", "b", "later")],
                         ["old a", "old b", "later"])
        self.assertEqual(stat.S_IMODE(os.stat(self.path("v1/dir/a.new")).st_mode), 0o664)
        self.assertEqual(self.state(), ("new a", "new b", True))
        self.assert_fails(self.clone(".snapshot/x/b", "dir/a"), 13565952)
        self.assert_ok(self.clone(".snapshot/x/b", "dir/a", overwrite_destination=True), 201)
        self.assertEqual(self.read("v1/dir/a"), "old b")

    def test_file_clone_refused(self):
        for code, pair in ((917812, ("/later", "c")), (917812, ("later", "/c")),
                           (6684674, ("no", "c")), (1638600, (".snapshot/no/b", "c")),
                           (1638503, (".snapshot/x/no", "c")), (6684674, ("later", "no/c")),
                           (13565952, ("../v2/d", "c")), (13565952, ("later", "../v2/c")),
                           (2, ("", "c"))):
            self.assert_fails(self.clone(*pair), code)
        answer = self.c1.call("POST", "/storage/file/clone", {
            "volume": {"uuid": self.v1, "name": "v2"}, "source_path": "b", "destination_path": "c"})
        self.assert_fails(answer, 918236)
        self.assertFalse(os.path.exists(self.path("v1/c")))

    def test_ranges(self):
        self.write("v1/one", "1" * 8192)
        self.write("v1/two", "2" * 8192)
        self.assert_ok(self.clone("one", "two", range=["0:1:1"]), 201)
        self.assertEqual(self.read("v1/two"), "2" * 4096 + "1" * 4096)
        self.assert_fails(self.clone("one", "two", range=["x"]), 917898)

    def test_directory(self):
        body = {"svm": {"name": "s"}, "volume": {"name": "v1"}, "snapshot": {"name": "x"},
                "path": "/dir", "restore_path": "/again"}
        self.assert_ok(self.c1.call("POST", f"/storage/directory-restore?{WAIT}", body), 201)
        self.assertEqual(self.read("v1/again/a"), "old a")

    def test_files(self):
        files = f"{V}/{self.v1}/files/"
        record = self.c1.call("GET", files + "dir%2Fa", fields="size,inode_number").records()[0]
        self.assertEqual((record["size"], record["inode_number"]),
                         (5, os.stat(self.path("v1/dir/a")).st_ino))
        listed = self.c1.call("GET", files + "%2E").records()
        self.assertIn("later", [r["name"] for r in listed])
        self.assert_fails(self.c1.call("GET", files + "no%2Ethere"), 6684674, 404)
        self.assert_ok(self.c1.call("DELETE", f"{files}dir%2Fa?{WAIT}"))
        self.assertFalse(os.path.exists(self.path("v1/dir/a")))
        self.assert_fails(self.c1.call("DELETE", f"{files}%2Esnapshot%2Fx%2Fb?{WAIT}"), 6)


class VolumeClones(Bed):
    def test_life(self):
        self.write("v1/a", "old")
        self.take(self.v1, "x")
        self.write("v1/a", "new")
        body = {"name": "cl", "svm": {"name": "s"}, "nas": {"path": "/cl"}, "clone": {
            "is_flexclone": True, "parent_volume": {"uuid": self.v1}, "parent_snapshot": {"name": "x"}}}
        self.assert_ok(self.c1.call("POST", f"{V}?{WAIT}", body), 201)
        self.assertEqual(self.read("cl/a"), "old")
        self.write("cl/a", "own")
        self.assertEqual(self.read("v1/.snapshot/x/a"), "old")
        self.assert_fails(self.c1.call("POST", f"{V}?{WAIT}", body), 917526)
        self.assertEqual(self.snapshot(self.v1, "x")["owners"], ["volume_clone"])
        found = self.c1.call("GET", V, clone__parent_snapshot__name="x", fields="clone").records()
        self.assertEqual([r["name"] for r in found], ["cl"])
        self.assertEqual(len(self.c1.call("GET", "/storage/luns", location__volume__name="cl")
                             .records()), 1)
        uuid = found[0]["uuid"]
        self.assert_fails(self.c1.call("DELETE", f"{V}/{self.v1}?{WAIT}"), 524615)
        self.assert_fails(self.c1.call("DELETE", f"{V}/{uuid}?{WAIT}"), 8)
        self.assert_ok(self.c1.call("PATCH", f"{V}/{uuid}?{WAIT}", {"nas": {"path": ""}}))
        self.assert_ok(self.c1.call("DELETE", f"{V}/{uuid}?{WAIT}&force=true"))
        self.assertFalse(os.path.exists(self.path("cl")))
        self.assertNotIn("owners", self.snapshot(self.v1, "x"))

    def test_refused(self):
        self.take(self.v1, "x")
        body = {"name": "cl", "svm": {"name": "s"}, "clone": {
            "is_flexclone": True, "parent_volume": {"name": "v1"}, "parent_snapshot": {"name": "no"}}}
        self.assert_fails(self.c1.call("POST", f"{V}?{WAIT}", body), 918247)
        body["clone"]["parent_volume"]["name"] = "no"
        self.assert_fails(self.c1.call("POST", f"{V}?{WAIT}", body), 524601)


if __name__ == "__main__":
    unittest.main()
