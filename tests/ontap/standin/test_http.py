# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transport, logins, filters, pages, jobs, versions and faults of the stand-in."""
import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import unittest

from harness import STOP_AFTER, V, WAIT, Bed, Client

HERE = os.path.dirname(os.path.abspath(__file__))
RESETS = (ConnectionResetError, ssl.SSLEOFError, http.client.RemoteDisconnected)


class Logins(Bed):
    def test_tls_is_verified(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            Client(self.standin.clusters[0], ca="other-ca").call("GET", "/cluster")

    def test_basic(self):
        c1 = self.standin.clusters[0]
        self.assert_ok(self.c1.call("GET", "/cluster"))
        for client in (Client(c1, password="no"), Client(c1, user="nobody"),
                       Client(c1, user="robot", password="None")):
            answer = client.call("GET", "/cluster")
            self.assertEqual(answer.status, 401)
            self.assertIn("Basic", answer.headers["WWW-Authenticate"])

    def test_certificate(self):
        c1 = self.standin.clusters[0]
        self.assert_ok(Client(c1, certificate="robot").call("GET", "/cluster"))
        self.assertEqual(self.requests()[-1]["user"], "robot")
        self.assertEqual(Client(self.standin.clusters[1], certificate="robot")
                         .call("GET", "/cluster").status, 401)

    def test_roles(self):
        small = Client(self.standin.clusters[0], "small", "pw")
        self.assert_ok(small.call("GET", V))
        self.assert_fails(small.call("GET", "/cluster"), 6, 403)
        self.assert_fails(small.call("PATCH", f"{V}/{self.v1}", {"nas.path": ""}), 6, 403)
        self.assert_ok(small.call("POST", f"{V}/{self.v1}/snapshots?{WAIT}", {"name": "x"}), 201)

    def test_svm_header(self):
        other = Client(self.standin.clusters[0], headers={"X-Dot-SVM-Name": "s"})
        self.assertEqual(len(other.call("GET", V).records()), 3)
        self.assert_fails(other.call("GET", "/cluster"), 3, 400)
        wrong = Client(self.standin.clusters[0], headers={"X-Dot-SVM-Name": "nope"})
        self.assert_fails(wrong.call("GET", V), 2621462)

    def test_log(self):
        self.c1.call("POST", f"{V}/{self.v1}/snapshots?{WAIT}", {"name": "x"}, comment="a b")
        self.c1.call("GET", V, nas__path="/vm1", fields="uuid")
        first, second = self.requests()
        self.assertEqual((first["method"], first["status"], first["body"], first["executed"]),
                         ("POST", 400, {"name": "x"}, False))
        self.assertEqual(second["path"], "/api" + V)
        self.assertEqual(second["query"], {"nas.path": "/vm1", "fields": "uuid"})
        self.assertEqual((second["status"], second["executed"]), (200, True))


class Routes(Bed):
    def test_paths(self):
        self.assert_ok(self.c1.call("GET", V + "/"))
        self.assert_ok(self.c1.call("GET", "/v1" + V))
        self.assertEqual(self.c1.call("GET", "/storage/nothing").status, 404)
        for method in ("OPTIONS", "PUT"):
            self.assertEqual(self.c1.call(method, V).status, 405)
        self.assert_fails(self.c1.call("GET", f"{V}/0"), 918235, 404)

    def test_unknown_arguments(self):
        self.assert_fails(self.c1.call("GET", V, color="red"), 262197, 400)
        self.assert_fails(self.c1.call("GET", V, fields="name,color"), 262197, 400)
        answer = self.c1.call("GET", V, fields="svm,color,_directory", ignore_unknown_fields="true")
        self.assertEqual(set(answer.records()[0]), {"uuid", "name", "svm", "_links"})
        path = f"{V}/{self.v1}/snapshots"
        self.assert_fails(self.c1.call("POST", path, {"name": "x", "color": "red"}), 2, 400)
        self.assert_fails(self.c1.call("POST", path, "{"), 2, 400)
        self.assert_fails(self.c1.call("POST", path + "?return_timeout=121", {"name": "x"}), 2)
        self.assertEqual(self.names(self.v1), [])

    def test_lookups(self):
        records = self.c1.call("GET", "/network/ip/interfaces", ip__address="10.0.0.5",
                               fields="svm.name,services").records()
        self.assertEqual([(r["svm"]["name"], r["services"]) for r in records], [("s", ["data_nfs"])])
        self.assertEqual(self.c1.call("GET", "/svm/svms").records()[0]["name"], "s")
        services = self.c1.call("GET", "/protocols/san/iscsi/services", fields="target.name")
        self.assertEqual(services.records()[0]["target"]["name"], "iqn.1992-08.com.netapp:sn.1")


class Queries(Bed):
    def found(self, **query):
        return sorted(r["name"] for r in self.c1.call("GET", V, **query).records())

    def test_filters(self):
        self.c1.call("PATCH", f"{V}/{self.v2}?{WAIT}", {"nas": {"path": ""}})
        self.assertEqual(self.found(name="v1"), ["v1"])
        self.assertEqual(self.found(name="v1|v3"), ["v1", "v3"])
        self.assertEqual(self.found(name="!v1"), ["v2", "v3"])
        self.assertEqual(self.found(name="v*", nas__path="null"), ["v2"])
        self.assertEqual(self.found(nas__path="!null"), ["v1", "v3"])
        self.assertEqual(self.found(nas__path="!/vm1"), ["v3"])
        self.assertEqual(self.found(nas__path="/VM1"), ["v1"])
        self.assertEqual(self.found(name="V1"), [])
        self.assertEqual(self.found(is_svm_root="false", style="flex*", name="v3"), ["v3"])
        for text, names in ((">10", ["v1", "v2", "v3"]), ("<10", []), (">=1099511627776|<0",
                                                                     ["v1", "v2", "v3"])):
            self.assertEqual(self.found(size=text), names)

    def test_times(self):
        self.knobs(clock_offset=-7200)
        self.take(self.v1, "old")
        self.knobs(clock_offset=0)
        self.take(self.v1, "new")
        middle = self.snapshot(self.v1, "new")["create_time"]
        self.assertTrue(middle.endswith("-05:00"))
        found = self.c1.call("GET", f"{V}/{self.v1}/snapshots", create_time="<" + middle).records()
        self.assertEqual([r["name"] for r in found], ["old"])

    def test_fields(self):
        record = self.c1.call("GET", V, name="v1").records()[0]
        self.assertEqual(set(record), {"uuid", "name", "_links"})
        record = self.c1.call("GET", V, name="v1", fields="*").records()[0]
        self.assertNotIn("nas", record)
        self.assertIn("svm", record)
        self.assertNotIn("_directory", record)
        for fields in ("**", "nas.path", "nas"):
            record = self.c1.call("GET", V, name="v1", fields=fields).records()[0]
            self.assertEqual(record["nas"], {"path": "/vm1"})
        self.assertNotIn("nas", self.c1.call("GET", f"{V}/{self.v1}").body)
        self.assertNotIn("owners", (self.take(self.v1, "x"), self.snapshot(self.v1, "x", "**"))[1])

    def test_links(self):
        plain = Client(self.standin.clusters[0], headers={"Accept": "application/json"})
        body = plain.call("GET", V, max_records=1).body
        self.assertEqual(list(body["_links"]), ["next"])
        self.assertNotIn("_links", body["records"][0])
        self.assertNotIn("_links", plain.call("GET", f"{V}/{self.v1}").body)

    def test_pages(self):
        seen, path, pages = [], f"{V}?max_records=1&fields=name&name=v*", 0
        while path:
            body = self.c1.call("GET", path).body
            self.assertEqual(body["num_records"], 1)
            seen += [record["name"] for record in body["records"]]
            path = body["_links"].get("next", {}).get("href")
            pages += 1
            self.assertLessEqual(pages, 3)
            self.assertTrue(path is None or path.startswith("/api/storage/volumes?start."))
        self.assertEqual((sorted(seen), pages), (["v1", "v2", "v3"], 3))

    def test_order_and_counts(self):
        answer = self.c1.call("GET", V, order_by="name desc", max_records=2)
        self.assertEqual([r["name"] for r in answer.records()], ["v3", "v2"])
        rest = self.c1.call("GET", answer.body["_links"]["next"]["href"])
        self.assertEqual([r["name"] for r in rest.records()], ["v1"])
        counted = self.c1.call("GET", V, return_records="false").body
        self.assertEqual(counted, {"num_records": 3})


class Jobs(Bed):
    def start(self, name="x", query=""):
        return self.c1.call("POST", f"{V}/{self.v1}/snapshots{query}", {"name": name})

    def test_default_is_a_job(self):
        self.knobs(job_polls=2)
        answer = self.start()
        self.assertEqual(self.names(self.v1), [])
        self.assertEqual(self.job(answer)["code"], 0)
        self.assertEqual(self.names(self.v1), ["x"])

    def test_polls(self):
        self.knobs(job_polls=3)
        path = f"/cluster/jobs/{self.start().body['job']['uuid']}"
        states = [self.c1.call("GET", path).body["state"] for _ in range(4)]
        self.assertEqual(states, ["queued", "running", "running", "success"])

    def test_too_slow_for_the_request(self):
        self.knobs(job_seconds=1.2)
        answer = self.start(query="?return_timeout=1")
        self.assertEqual(self.job(answer)["state"], "success")
        self.knobs(job_seconds=0.1, always_202=True)
        self.job(self.start("y", "?" + WAIT))

    def test_failures(self):
        self.take(self.v1, "x")
        job = self.job(self.start())
        self.assertEqual((job["state"], job["code"], job["error"]["code"]),
                         ("failure", 525059, "525059"))
        self.knobs(job_error="message")
        self.assertNotIn("error", self.job(self.start()))
        self.knobs(job_error="error")
        self.assertNotIn("code", self.job(self.start()))
        self.knobs(job_outcome={"code": "524479", "message": "no space"})
        self.assertEqual(self.job(self.start("z"))["error"]["message"], "no space")
        self.assertEqual(self.names(self.v1), ["x"])

    def test_gone(self):
        self.knobs(job_retention=0)
        answer = self.start()
        path = f"/cluster/jobs/{answer.body['job']['uuid']}"
        self.until(lambda: self.c1.call("GET", path), lambda answer: answer.code == "4")
        self.assertEqual(self.names(self.v1), ["x"])
        self.knobs(job_outcome="lost")
        answer = self.start("y")
        self.assert_fails(self.c1.call("GET", f"/cluster/jobs/{answer.body['job']['uuid']}"), 4, 404)

    def test_cancel(self):
        self.knobs(job_outcome="stuck")
        path = f"/cluster/jobs/{self.start().body['job']['uuid']}"
        self.assert_fails(self.c1.call("PATCH", path + "?action=cancel"), 458784)
        self.assertEqual(self.c1.call("GET", path).body["state"], "running")

    def test_collection(self):
        for name in ("a1", "a2", "b1"):
            self.take(self.v1, name)
        path = f"{V}/{self.v1}/snapshots"
        self.assert_fails(self.c1.call("DELETE", path), 262197)
        body = self.c1.call("DELETE", path, name="a*").body
        self.assertEqual((body["num_records"], len(body["jobs"])), (2, 2))
        self.assertNotIn("job", body)
        self.until(lambda: self.names(self.v1), lambda names: names == ["b1"])


class Versions(Bed):
    def at(self, version):
        self.knobs(version=version)
        return self.c1

    def test_told(self):
        version = self.at("9.11.1").call("GET", "/cluster", fields="name,version").body["version"]
        self.assertEqual((version["generation"], version["major"], version["minor"]), (9, 11, 1))
        self.assertEqual(self.c1.call("PUT", "/control/knobs", {"version": "new"}).status, 400)

    def test_groups(self):
        path = "/application/consistency-groups"
        self.assertEqual(self.at("9.9.1").call("GET", path).status, 404)
        self.assert_fails(self.c1.call("GET", V, fields="consistency_group"), 262197)
        body = {"name": "g", "svm": {"name": "s"},
                "volumes": [{"name": "v1", "provisioning_options": {"action": "add"}}]}
        self.assert_ok(self.at("9.10.1").call("POST", f"{path}?{WAIT}", body), 201)
        group = f"{path}/{self.c1.call('GET', path).records()[0]['uuid']}"
        self.assert_fails(self.c1.call("POST", f"{group}/snapshots?action=start", {"name": "x"}),
                          262197)
        more = {"volumes": [{"name": "v2", "provisioning_options": {"action": "add"}}]}
        self.assert_fails(self.at("9.11.1").call("PATCH", group, more), 2)
        self.assert_ok(self.c1.call("POST", f"{group}/snapshots?action=start&{WAIT}", {"name": "x"}),
                       201)
        self.assert_ok(self.at("9.16.1").call("PATCH", f"{group}?{WAIT}", more))

    def test_parameters(self):
        self.take(self.v1, "x")
        file = f"{V}/{self.v1}?restore_to.snapshot.name=x&restore_to.path=/a"
        self.assert_fails(self.at("9.9.1").call("PATCH", file), 262197)
        force = f"{V}/{self.v1}?restore_to.snapshot.name=x&restore_to.snapshot.force=true"
        self.assert_fails(self.at("9.16.1").call("PATCH", force), 262197)
        self.assert_fails(self.c1.call("GET", "/storage/luns", fields="serial_number_hex"), 262197)
        self.assert_ok(self.at("9.19.1").call("GET", "/storage/luns", fields="serial_number_hex"))
        self.assertEqual(self.at("9.14.1").call("POST", "/storage/directory-restore", {}).status, 404)
        locked = {"name": "y", "snaplock": {"expiry_time": "2030-01-01T00:00:00Z"}}
        self.assert_fails(self.at("9.11.1").call("POST", f"{V}/{self.v1}/snapshots", locked), 2)


class Faults(Bed):
    def post(self, name="x"):
        return self.c1.call("POST", f"{V}/{self.v1}/snapshots?{WAIT}", {"name": name})

    def test_resets(self):
        for when, names in (("before", []), ("after", ["x"])):
            self.fault(action="reset", when=when, method="POST", path="/snapshots$")
            with self.assertRaises(RESETS):
                self.post()
            entry = self.requests()[-1]
            self.assertEqual((entry["status"], entry["executed"], entry["faults"]),
                             (None, when == "after", ["reset"]))
            self.assertEqual(self.names(self.v1), names)
        self.assert_fails(self.post(), 525059, 409)

    def test_replies(self):
        self.fault(action="empty")
        answer = self.post("a")
        self.assertEqual((answer.status, answer.text), (500, b""))
        self.fault(action="empty", when="after")
        self.assertEqual(self.post("b").status, 500)
        self.fault(action="status", retry_after=1)
        answer = self.post("c")
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"))
        self.fault(action="html")
        answer = self.c1.call("GET", V)
        self.assertEqual((answer.status, answer.body), (200, None))
        self.fault(action="truncated")
        answer = self.c1.call("GET", V)
        self.assertEqual((answer.status, answer.body), (200, None))
        self.fault(action="short")
        with self.assertRaises(http.client.IncompleteRead):
            self.c1.call("GET", V)
        self.fault(action="error_200", code="524479", message="no")
        answer = self.post("d")
        self.assertEqual((answer.status, answer.code), (200, "524479"))
        self.fault(action="locked")
        self.assertIn("temporarily locked", self.post("e").message)
        self.assertEqual(self.names(self.v1), ["b"])

    def test_codes_as_integers(self):
        self.fault(action="integer_code", times=2)
        self.assert_ok(self.post(), 201)
        self.assertEqual(self.post().code, 525059)

    def test_jobs_in_disguise(self):
        path = f"{V}/{self.v1}/snapshots"
        self.fault(action="no_job")
        answer = self.c1.call("POST", path, {"name": "a"})
        self.assertEqual((answer.status, answer.body), (202, {}))
        self.fault(action="jobs")
        self.assertEqual(list(self.c1.call("POST", path, {"name": "b"}).body), ["jobs"])
        self.until(lambda: self.names(self.v1), lambda names: names == ["a", "b"])

    def test_repeated_page(self):
        self.fault(action="repeated_page", skip=1, times=-1)
        first = self.c1.call("GET", V, max_records=1)
        again = self.c1.call("GET", first.body["_links"]["next"]["href"])
        third = self.c1.call("GET", again.body["_links"]["next"]["href"])
        self.assertEqual(again.records(), third.records())

    def test_which_requests(self):
        self.fault(action="status", method="DELETE", skip=1, times=1)
        self.take(self.v1, "x")
        path = f"{V}/{self.v1}/snapshots/0"
        self.assertEqual([self.c1.call("DELETE", path).status for _ in range(3)], [404, 503, 404])
        self.fault(action="status", times=-1)
        self.c1.call("DELETE", "/control/faults")
        self.assert_ok(self.c1.call("GET", V))
        self.assertEqual(self.c1.call("POST", "/control/faults", {"action": "eat"}).status, 400)

    def test_delay(self):
        self.fault(action="delay", seconds=0.3)
        begin = time.monotonic()
        self.assert_ok(self.c1.call("GET", V))
        self.assertGreater(time.monotonic() - begin, 0.29)

    def test_hold(self):
        for when, names in (("before", []), ("after", ["x"])):
            self.fault(action="hold", when=when, method="POST")
            answers = []
            caller = threading.Thread(target=lambda: answers.append(self.post()), daemon=True)
            caller.start()
            held = self.c1.call("GET", "/control/held").body["held"]
            self.assertEqual([(h["method"], h["when"]) for h in held], [("POST", when)])
            self.assertEqual((self.names(self.v1), answers), (names, []))
            self.c1.call("POST", "/control/release")
            caller.join(STOP_AFTER)
            self.assertEqual(answers[0].status, 201)
            self.c1.call("DELETE", f"{V}/{self.v1}/snapshots?{WAIT}", name="x")

    def test_hold_of_a_client_that_dies(self):
        self.fault(action="hold", method="POST")
        client = self.c1
        connection = http.client.HTTPSConnection("127.0.0.1", client.port, context=client.context)
        connection.request("POST", f"/api{V}/{self.v1}/snapshots?{WAIT}", '{"name": "x"}',
                           client.headers)
        self.assertEqual(len(self.c1.call("GET", "/control/held").body["held"]), 1)
        self.assertEqual(self.names(self.v1), [])
        connection.close()
        self.until(lambda: self.names(self.v1), lambda names: names == ["x"])


class Program(Bed):
    def test_start(self):
        topology = self.path("topology.json")
        with open(topology, "w", encoding="ascii") as file:
            json.dump(self.topology_again(), file)
        command = [sys.executable, f"{HERE}/ontap", "--until-eof", "--state", self.path("st"), topology]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            word, one, two = process.stdout.readline().split()
            self.assertEqual((word, one[:3], two[:3]), ("ready", "c1=", "c2="))
            context = ssl.create_default_context(cafile=self.path("st", "ca.pem"))
            connection = http.client.HTTPSConnection("localhost", int(one[3:]), context=context)
            connection.request("GET", "/control/knobs")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            process.stdin.close()
            self.assertEqual(process.wait(STOP_AFTER), 0)

    def topology_again(self):
        os.rmdir(self.path("v1/qtree"))
        return self.topology()

    def test_help(self):
        text = subprocess.run([sys.executable, f"{HERE}/ontap", "--help"], check=True,
                              capture_output=True, text=True).stdout
        self.assertIn("TEST DOUBLE", text)

    def test_control(self):
        self.take(self.v1, "x")
        change = {"kind": "snapshots", "where": {"name": "x"}, "set": {"owners": ["dump"]}}
        self.assertEqual(self.c1.call("POST", "/control/set", change).body, {"changed": 1})
        state = self.c1.call("GET", "/control/state").body
        self.assertEqual([s["owners"] for s in state["snapshots"]], [["dump"]])
        self.assertEqual(self.c1.call("PUT", "/control/knobs", {"nope": 1}).status, 400)
        self.assertEqual(self.c1.call("GET", "/control/nope").status, 404)


if __name__ == "__main__":
    unittest.main()
