# SPDX-License-Identifier: LGPL-2.1-or-later
"""For the stand-in's own tests: a fresh state behind real TLS for each test, and a small client."""
import atexit
import base64
import http.client
import json
import os
import ssl
import sys
import tempfile
import threading
import time
import unittest
from urllib.parse import quote, urlencode

sys.dont_write_bytecode = True
import certs  # noqa: E402
import server  # noqa: E402
import state  # noqa: E402
import tree  # noqa: E402

SCRATCH = tempfile.mkdtemp(prefix="ontap-test.")
atexit.register(tree.remove_tree, SCRATCH)
CERTIFICATES = os.path.join(SCRATCH, "certificates")
certs.make(CERTIFICATES, ["127.0.0.1"], ["robot"])
STOP_AFTER = 10  # seconds that anything awaited may take

WAIT = "return_timeout=60"
V = "/storage/volumes"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read()
        try:
            self.body = json.loads(self.text)
        except ValueError:
            self.body = None
        error = (self.body or {}).get("error", {}) if isinstance(self.body, dict) else {}
        self.code, self.message = error.get("code"), error.get("message")

    def records(self):
        return self.body["records"]


class Client:
    def __init__(self, cluster, user="admin", password="secret", ca="ca", certificate=None,
                 headers=None):
        self.context = ssl.create_default_context(cafile=f"{CERTIFICATES}/{ca}.pem")
        self.headers = {"Accept": "application/hal+json", **(headers or {})}
        if certificate:
            stem = f"{CERTIFICATES}/client-{certificate}"
            self.context.load_cert_chain(stem + ".pem", stem + ".key")
        else:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.headers["Authorization"] = "Basic " + token
        self.port = cluster.port

    def call(self, method, path, body=None, **query):
        """PATH is below /api unless it is of /control; QUERY's names have __ for dots."""
        if not path.startswith(("/control/", "/api")):
            path = "/api" + path
        if query:
            pairs = {name.replace("__", "."): value for name, value in query.items()}
            path += ("&" if "?" in path else "?") + urlencode(pairs, quote_via=quote)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context,
                                                 timeout=STOP_AFTER)
        try:
            data = None if body is None else body if isinstance(body, str) else json.dumps(body)
            connection.request(method, path, data, self.headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()


class Bed(unittest.TestCase):
    """Two clusters: c1 with SVM s (v1, v2, v3), c2 with SVM d (v_dst)."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(dir=SCRATCH)
        self.standin = state.State(self.topology())
        self.log = server.Log(os.path.join(self.directory, "requests.jsonl"))
        self.servers = []
        for cluster in self.standin.clusters:
            listener = server.Server(cluster, CERTIFICATES, self.log)
            threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
            self.servers.append(listener)
        self.c1, self.c2 = (Client(cluster) for cluster in self.standin.clusters)
        self.v1, self.v2 = self.uuid("v1"), self.uuid("v2")

    def tearDown(self):
        for listener in self.servers:
            listener.shutdown()
            listener.server_close()

    def topology(self):
        volumes = [{"name": f"v{n}", "directory": self.path(f"v{n}"), "junction": f"/vm{n}"}
                   for n in (1, 2, 3)]
        volumes[0]["luns"] = [{"name": "l1", "serial": "81L*C?W+$]/|", "size": 8192,
                               "maps": [{"igroup": "kvm1", "number": 0}]}]
        volumes[0]["exports"] = ["qtree"]
        os.makedirs(self.path("v1/qtree"))
        users = [{"name": "admin", "password": "secret"},
                 {"name": "small", "password": "pw", "svm": "s", "paths": {
                     "/api/storage/volumes": "readonly", "/api/storage/volumes/snapshots": "all"}},
                 {"name": "robot", "certificate": True}]
        knobs = {"job_seconds": 0.1, "transfer_seconds": 0.1}
        svm = {"name": "s", "directory": self.path(""), "iscsi": "iqn.1992-08.com.netapp:sn.1",
               "lifs": [{"name": "lif1", "address": "10.0.0.5"},
                        {"name": "lif2", "address": "10.0.0.6", "services": ["data_iscsi"]}],
               "igroups": [{"name": "kvm1", "initiators": ["iqn.a"]}], "volumes": volumes}
        other = {"name": "d", "directory": self.path(""), "volumes": [
            {"name": "v_dst", "directory": self.path("v_dst")},
            {"name": "m_dst", "directory": self.path("m_dst")}]}
        return {"clusters": [
            {"name": "c1", "users": users, "knobs": knobs, "svms": [svm]},
            {"name": "c2", "knobs": knobs, "svms": [other], "relationships": [
                {"source": "s:v1", "destination": "d:v_dst", "policy": "MirrorAndVault"},
                {"source": "s:v2", "destination": "d:m_dst"}]}]}

    # Shorthands.

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def uuid(self, name):
        return next(v["uuid"] for c in self.standin.clusters for v in c.volumes if v["name"] == name)

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="ascii") as file:
            file.write(text)

    def read(self, path):
        with open(self.path(path), encoding="ascii") as file:
            return file.read()

    def knobs(self, **knobs):
        self.assertEqual(self.c1.call("PUT", "/control/knobs", knobs).status, 200)

    def fault(self, **fault):
        self.assertEqual(self.c1.call("POST", "/control/faults", fault).status, 201)

    def requests(self):
        if not os.path.exists(self.log.path):
            return []
        with open(self.log.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def take(self, volume, name, **fields):
        answer = self.c1.call("POST", f"{V}/{volume}/snapshots?{WAIT}", {"name": name, **fields})
        self.assertEqual(answer.status, 201, answer.text)

    def names(self, volume, client=None):
        answer = (client or self.c1).call("GET", f"{V}/{volume}/snapshots")
        return sorted(record["name"] for record in answer.records())

    def snapshot(self, volume, name, fields="*"):
        return self.c1.call("GET", f"{V}/{volume}/snapshots", name=name, fields=fields).records()[0]

    def job(self, answer, client=None):
        """The end of the job that an answer tells."""
        self.assertEqual(answer.status, 202, answer.text)
        path = f"/cluster/jobs/{answer.body['job']['uuid']}"
        return self.until(lambda: (client or self.c1).call("GET", path, fields="**").body,
                          lambda body: body.get("state") in ("success", "failure"))

    def until(self, look, is_so):
        stop = time.monotonic() + STOP_AFTER
        while not is_so(seen := look()):
            self.assertLess(time.monotonic(), stop, f"still {seen}")
            time.sleep(0.01)
        return seen

    def assert_fails(self, answer, code, status=None):
        self.assertEqual(answer.code, str(code), answer.text)
        self.assertGreaterEqual(answer.status, 400)
        if status:
            self.assertEqual(answer.status, status)

    def assert_ok(self, answer, status=200):
        self.assertEqual(answer.status, status, answer.text)
        return answer
