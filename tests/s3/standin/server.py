# SPDX-License-Identifier: LGPL-2.1-or-later
"""The requests of S3 that virtkeep makes, by HTTP."""
import email.utils
import http.server
import re
import ssl
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

import sigv4

PAGE = 1000
RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


class Service:
    def __init__(self, bucket, secrets, faults, log):
        self.bucket = bucket
        self.secrets = secrets
        self.faults = faults
        self.log = open(log, "a", encoding="ascii", buffering=1) if log else None
        self.mutex = threading.Lock()

    def note(self, *words):
        if self.log:
            with self.mutex:
                self.log.write(" ".join(map(str, words)) + "\n")


class Refused(Exception):
    def __init__(self, status, code=""):
        super().__init__(code)
        self.status = status
        self.code = code


class Dropped(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        ahead = 0 if timestamp is not None else self.ahead
        return email.utils.formatdate((timestamp or time.time()) + ahead, usegmt=True)

    def note(self, status, sent):
        self.server.service.note(self.command, self.shown, status, self.received, sent)

    def reply(self, status, body=b"", headers=()):
        cut = len(body) // 2 if "cut" in self.actions else len(body)
        self.note(status, cut)  # before it is sent: who has the answer finds the line
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        self.wfile.flush()
        if cut < len(body):
            self.close_connection = True

    def refuse(self, refused):
        body = f"<?xml version='1.0'?><Error><Code>{refused.code}</Code></Error>".encode()
        self.reply(refused.status, body if refused.code else b"")

    def do_request(self):
        service = self.server.service
        self.ahead = 0
        path, _, query = self.path.partition("?")
        words = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        name = path.removeprefix(f"/{service.bucket.name}").removeprefix("/")
        self.shown = "?" + words.get("prefix", "") if query else name
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.received = len(body)
        self.actions = service.faults.take(self.command, self.shown)
        try:
            self.fail("")
            problem = sigv4.trouble(service.secrets, self.command, path, query, self.headers, body,
                                    self.ahead)
            if problem:
                raise Refused(*problem)
            if not path.startswith(f"/{service.bucket.name}"):
                raise Refused(404, "NoSuchBucket")
            answer = self.act(service.bucket, name, words, query, body)
            self.fail("-after")
            self.reply(*answer)
        except Refused as refused:
            self.refuse(refused)
        except Dropped:
            self.note(0, 0)
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_request

    def fail(self, when):
        for action in self.actions:
            word, _, value = action.partition(":")
            if when == "" and word == "hang":
                time.sleep(float(value))
            if when == "" and word == "skew":
                self.ahead = int(value)
            if when == "" and word == "code":
                status, _, code = value.partition(":")
                raise Refused(int(status), code)
            if action == "drop" + when:
                raise Dropped
            if action.removesuffix(when).isdigit() and action.endswith(when):
                raise Refused(int(action.removesuffix(when)))

    def act(self, bucket, name, words, query, body):
        if query:
            return self.list(bucket, words)
        if self.command == "PUT":
            return self.put(bucket, name, body)
        if self.command == "DELETE":
            bucket.delete(name)
            return 204, b""
        return self.get(bucket, name)

    def put(self, bucket, name, body):
        marks = [(key, value) for key, value in self.headers.items()
                 if key.lower().startswith("x-amz-meta-")]
        only_new = self.headers.get("If-None-Match") == "*" and "unconditional" not in self.actions
        if "alter" in self.actions:
            body = body[:-1]
        if not bucket.put(name, body, marks, only_new):
            raise Refused(412, "PreconditionFailed")
        return 200, b"", [("ETag", self.tag(bucket, name))]

    def tag(self, bucket, name):
        tag = bucket.tag(name)
        return f'"{tag[-2:0:-1]}"' if "retag" in self.actions else tag

    def get(self, bucket, name):
        size = bucket.size(name)
        if size is None:
            raise Refused(404, "" if self.command == "HEAD" else "NoSuchKey")
        headers = [("ETag", self.tag(bucket, name)), *bucket.marks.get(name, ()),
                   ("Last-Modified", self.date_time_string(int(bucket.stored(name))))]
        if self.command == "HEAD":
            return 200, b"", [*headers, ("Content-Length", str(size))]
        match = RANGE.match(self.headers.get("Range", ""))
        if not match or "whole" in self.actions:
            return 200, bucket.read(name, 0, size), headers
        first, last = match.groups()
        if first:
            start, end = int(first), min(int(last or size), size - 1)
        else:
            start, end = max(size - int(last), 0), size - 1
        if start >= size:
            raise Refused(416, "InvalidRange")
        if "short" in self.actions:
            end = start + (end - start) // 2
        return (206, bucket.read(name, start, end + 1 - start),
                [*headers, ("Content-Range", f"bytes {start}-{end}/{size}")])

    def list(self, bucket, words):
        if words.get("list-type") != "2":
            raise Refused(400, "InvalidArgument")
        start = words.get("prefix", "")
        found = bucket.names(start, words.get("delimiter"))
        if "stale" in self.actions and found:
            # The newest has the latest time of its file.
            files = [name for name in found if not name.endswith("/")]
            if files:
                found.remove(max(files, key=bucket.stored))
        token = words.get("continuation-token")
        # It is opaque, and has signs that must be escaped.
        after = token.removeprefix("after/+&= ") if token else ""
        found = [name for name in found if name > after]
        limit = int(words.get("max-keys", PAGE))
        page, more = found[:min(limit, PAGE)], len(found) > min(limit, PAGE)
        text = ["<?xml version='1.0' encoding='UTF-8'?>",
                '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
                f"<Name>{bucket.name}</Name><IsTruncated>{str(more).lower()}</IsTruncated>"]
        if more:
            text.append(f"<NextContinuationToken>{escape('after/+&= ' + page[-1])}"
                        "</NextContinuationToken>")
        for name in page:
            if name.endswith("/"):
                text.append(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>")
                continue
            try:
                tag, size = bucket.tag(name), bucket.size(name)
            except FileNotFoundError:
                continue  # it went meanwhile
            text.append(f"<Contents><Key>{escape(name)}</Key><ETag>{escape(tag)}</ETag>"
                        f"<Size>{size}</Size></Contents>")
        text.append("</ListBucketResult>")
        return 200, "".join(text).encode(), [("Content-Type", "application/xml")]


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # clients that are killed in the middle


def listen(service, port, tls):
    listener = Listener(("127.0.0.1", port), Handler)
    listener.service = service
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
    return listener
