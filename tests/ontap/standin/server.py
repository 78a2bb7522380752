# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP over TLS: logins, the log of requests, faults, and what the handlers' replies look like."""
import base64
import importlib
import json
import select
import socket
import ssl
import struct
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

import control
import jobs
import query
from api import (Collection, Fail, Instance, Reply, Request, Work, check_arguments, find_route, get,
                 nest)

# Each registers its routes.
for name_ in ("cluster", "files", "groups", "luns", "san", "snapmirror", "snapshots", "volumes"):
    importlib.import_module(name_)

RESET = Reply(0)  # stands for a reset of the connection
ALLOWED = {"all": ("GET", "POST", "PATCH", "DELETE"), "readonly": ("GET",),
           "read_create": ("GET", "POST"), "read_create_modify": ("GET", "POST", "PATCH"),
           "none": ()}
NOT_OF_AN_SVM = ("/cluster", "/cluster/jobs")


class Log:
    """One line of JSON for each request below /api, written before its reply is sent."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()

    def write(self, entry):
        with self.lock, open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def may(user, method, template):
    """Whether a user's role has METHOD on a route: the longest of its paths that fits decides."""
    if "paths" not in user:
        return True
    starred = "/".join("*" if part.startswith("{") else part
                       for part in ("/api" + template).split("/"))
    bare = "/".join(part for part in starred.split("/") if part != "*")
    best, level = "", "none"
    for path, access in user["paths"].items():
        fits = any(form == path or form.startswith(path.rstrip("/") + "/")
                   for form in (starred, bare))
        if fits and len(path) > len(best):
            best, level = path, access
    return method in ALLOWED[level]


def handle(req, raw_path, links):
    """The reply to a request of a known user; the state's lock is held."""
    cluster = req.cluster
    req.route, found = find_route(req.method, raw_path.removeprefix("/api"), cluster.version())
    if not may(req.user, req.method, req.route.template):
        raise Fail(6, "not authorized for that command")
    if req.user.get("svm"):
        if req.svm not in (None, req.user["svm"]):
            raise Fail(6, "not authorized for that command")
        req.svm = req.user["svm"]
    elif req.svm and req.route.template.startswith(NOT_OF_AN_SVM):
        raise Fail(3, "The command is not supported within an SVM.")
    req.body = nest(req.body)
    check_arguments(req, req.route)
    if req.route.every:
        return handle_every(req, found)
    result = req.route.handler(req, **found)
    if isinstance(result, Work):
        return jobs.execute(req, result)
    if isinstance(result, Collection):
        return Reply(200, query.page(req, result.records, links))
    if isinstance(result, Instance):
        body = query.show(req, result.record, result.fields, everything=True)
        if links:
            body["_links"] = {"self": {"href": req.path}}
        return Reply(200, body)
    return result


def handle_every(req, found):
    """PATCH or DELETE of a collection: one record after the other, and a job for each."""
    listing, keys = req.route.every
    records = query.select(listing(req, **found).records, req.query, req.route,
                           req.cluster.version())
    if not [name for name in req.query if req.route.fields.knows(name, req.cluster.version())]:
        raise Fail(262197, "A collection is only changed with a query.")
    ids, status = [], 200
    for record in records:
        variables = {variable: get(record, name) for variable, name in keys}
        result = req.route.handler(req, **found, **variables)
        if isinstance(result, Work):
            result = jobs.execute(req, result)
        if "job" in result.body:
            ids.append(result.body["job"])
            status = 202
    body = {"num_records": len(records)}
    if ids:
        body["jobs"] = ids
    return Reply(status, body)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "ontap-test-double"
    timeout = 600
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self):
        # The handshake is here, in the connection's own thread.
        self.request.settimeout(10)
        self.request.do_handshake()
        super().setup()

    def log_message(self, *arguments):
        pass

    def do_any(self):
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length) if length else b""
        if url.path.startswith("/control/"):
            body = json.loads(text) if text else {}
            return self.send(control.handle(self.server.cluster, self.command, url.path, body))
        if not (url.path + "/").startswith("/api/"):
            return self.send(Reply(404, {"error": {"message": "not found", "code": "4"}}))
        return self.do_api(url, text)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_OPTIONS = do_HEAD = do_any

    def do_api(self, url, text):
        cluster = self.server.cluster
        pairs = dict(parse_qsl(url.query, keep_blank_values=True))
        entry = {"time": time.time(), "cluster": cluster.name, "method": self.command,
                 "path": unquote(url.path), "query": dict(pairs), "body": None, "status": None,
                 "executed": False}
        hits = cluster.faults.take(self.command, entry["path"])
        if hits:
            entry["faults"] = [hit["action"] for hit in hits]
        try:
            entry["body"] = json.loads(text) if text else None
            bad_body = None
        except ValueError as error:
            entry["body"], bad_body = text.decode("utf-8", "replace"), Fail(2, f"Not JSON: {error}")
        req = Request(cluster, self.command, entry["path"], pairs, entry["body"])
        reply = self.spoil_before(entry, hits)
        if reply is None:
            reply = self.answer(req, url.path, entry, bad_body)
            reply = self.spoil_after(entry, hits, reply)
        if reply is RESET:
            self.server.log.write(entry)
            return self.reset()
        entry["status"] = reply.status
        entry["seconds"] = round(time.time() - entry["time"], 3)
        self.server.log.write(entry)
        return self.send(reply, hits)

    def answer(self, req, raw_path, entry, bad_body):
        accept = self.headers.get("Accept", "*/*")
        links = "hal+json" in accept or "application/json" not in accept
        with req.cluster.state.lock:
            try:
                req.user = self.login(req.cluster)
                entry["user"] = req.user["name"]
                req.svm = self.tunnel(req.cluster)
                if bad_body:
                    raise bad_body
                reply = handle(req, raw_path, links)
                entry["executed"] = True
            except Fail as failure:
                reply = Reply(failure.status, {"error": failure.error()})
                if failure.status == 401:
                    reply.headers["WWW-Authenticate"] = 'Basic realm="Secure Area"'
            except Exception as error:  # a fault of the stand-in, which tests shall see as such
                traceback.print_exc()
                reply = Reply(500, {"error": {"code": "1", "message": f"test double: {error!r}"}})
        return reply

    def login(self, cluster):
        header = self.headers.get("Authorization", "")
        if header.startswith("Basic "):
            try:
                name, _, password = base64.b64decode(header[6:]).decode().partition(":")
            except ValueError:
                name = password = None
            for user in cluster.users:
                if user["name"] == name and user.get("password") == password:
                    return user
        elif not header:
            subject = dict(pair for part in (self.connection.getpeercert() or {}).get("subject", ())
                           for pair in part)
            for user in cluster.users:
                if user.get("certificate") and user["name"] == subject.get("commonName"):
                    return user
        raise Fail(6691623, "User is not authorized.", status=401)

    def tunnel(self, cluster):
        """The SVM that a header confines the request to."""
        name, uuid = self.headers.get("X-Dot-SVM-Name"), self.headers.get("X-Dot-SVM-UUID")
        if uuid:
            return cluster.one(cluster.svms, "uuid", uuid, 2621462)["name"]
        return cluster.one(cluster.svms, "name", name, 2621462)["name"] if name else None

    # Faults.

    def wait(self, hit, entry):
        if hit["action"] == "delay":
            time.sleep(hit["seconds"])
        elif hit["action"] == "hold":
            self.server.cluster.faults.hold(entry["method"], entry["path"], hit["when"],
                                            self.is_gone)

    def is_gone(self):
        """Whether the client has closed: there is something to read, and it is the end."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        if not readable:
            return False
        try:
            return not self.connection.recv(1)
        except OSError:
            return True

    def spoil_before(self, entry, hits):
        """A reply in place of the execution."""
        for hit in hits:
            if hit["when"] != "before":
                continue
            self.wait(hit, entry)
            match hit["action"]:
                case "reset":
                    return RESET
                case "empty":
                    return Reply(500, None)
                case "status":
                    reply = Reply(hit.get("status", 503), error_of(hit, "Service unavailable"))
                    if "retry_after" in hit:
                        reply.headers["Retry-After"] = str(hit["retry_after"])
                    return reply
                case "error_200":
                    return Reply(200, error_of(hit, "entry doesn't exist"))
                case "locked":
                    return Reply(400, error_of(hit, "The volume is temporarily locked."))
        return None

    def spoil_after(self, entry, hits, reply):
        """REPLY as the faults leave it."""
        for hit in hits:
            if hit["when"] != "after":
                continue
            self.wait(hit, entry)
            match hit["action"]:
                case "reset":
                    return RESET
                case "empty":
                    return Reply(500, None)
                case "html":
                    return Reply(200, "<html><body>Please log in</body></html>")
                case "integer_code" if "error" in reply.body:
                    reply.body["error"]["code"] = int(reply.body["error"]["code"])
                case "no_job":
                    reply.body.pop("job", None)
                    reply.body.pop("jobs", None)
                    reply.status = 202
                case "jobs" if "job" in reply.body:
                    reply.body["jobs"] = [reply.body.pop("job")]
                case "repeated_page" if "next" in reply.body.get("_links", {}):
                    reply.body["_links"]["next"]["href"] = self.path
                case "endless_page":
                    reply.body["_links"] = {"next": {"href": self.another_address()}}
                case "padded":
                    reply.body["padding"] = "x" * hit["bytes"]
        return reply

    def another_address(self):
        """One that leads to the same page: how long a list may take to answer says nothing here."""
        address, _, seconds = self.path.partition("&return_timeout=")
        return f"{address}&return_timeout={(int(seconds or 0) + 1) % 100}"

    # Replies.

    def send(self, reply, hits=()):
        text = b"" if reply.body is None else reply.body.encode() if isinstance(reply.body, str) \
            else json.dumps(reply.body).encode()
        actions = {hit["action"] for hit in hits}
        length = len(text)
        if actions & {"truncated", "short"}:
            text = text[:len(text) // 2]
            length = length if "short" in actions else len(text)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html" if isinstance(reply.body, str) else
                         "application/hal+json")
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
        if "short" in actions:
            self.close_connection = True

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket(fileno=self.connection.detach()).close()


def error_of(hit, message):
    return {"error": {"message": hit.get("message", message), "code": hit.get("code", "4")}}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, cluster, directory, log):
        self.cluster, self.log = cluster, log
        if ":" in cluster.address:
            self.address_family = socket.AF_INET6
        super().__init__((cluster.address, cluster.port), Handler)
        cluster.port = self.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{directory}/server.pem", f"{directory}/server.key")
        context.load_verify_locations(f"{directory}/ca.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.socket = context.wrap_socket(self.socket, server_side=True,
                                          do_handshake_on_connect=False)

    def handle_error(self, request, client_address):
        """Clients that break off, or that do not trust the certificate, are no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()
