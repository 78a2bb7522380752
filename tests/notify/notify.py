#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Notices to servers on loopback: what arrives, when, and what does not.

  notify.py VIRTKEEP
"""
import base64
import email
import email.header
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import pty
import socketserver
import subprocess
import sys
import tempfile
import threading

SECRET = "the-secret-of-the-test"


class Web(http.server.ThreadingHTTPServer):
    """Keeps (path, headers, body) of each request, and answers with STATUS."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), WebHandler)
        self.status = 200
        self.hang = threading.Event()
        self.hang.set()
        self.requests = []
        self.arrived = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self):
        taken, self.requests = self.requests, []
        return taken

    def wait_for(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, 60), self.requests


class WebHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.arrived:
            self.server.requests.append((self.path, self.headers, body))
            self.server.arrived.notify_all()
        self.server.hang.wait()
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Smtp(socketserver.ThreadingTCPServer):
    """Keeps (sender, recipients, message) of each mail, and all lines of clients."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), SmtpHandler)
        self.mails = []
        self.lines = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self):
        taken, self.mails = self.mails, []
        return taken


class SmtpHandler(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        sender, recipients = None, []
        self.say("220 test")
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            self.server.lines.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                self.say("250-test")
                self.say("250 AUTH PLAIN LOGIN")
            elif verb == "MAIL":
                sender = line
                self.say("250 ok")
            elif verb == "RCPT":
                recipients.append(line)
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += self.rfile.readline()
                self.server.mails.append((sender, recipients, text[:-5]))
                self.say("250 ok")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("502 unknown")


class Bed:
    """A vault, a configuration and its servers."""

    def __init__(self, virtkeep, folder):
        self.virtkeep = virtkeep
        self.folder = pathlib.Path(folder)
        self.web, self.smtp = Web(), Smtp()
        self.vault = self.folder / "vault"
        self.secret = self.folder / "secret"
        self.secret.write_text(SECRET + "\n")
        self.secret.chmod(0o600)
        self.config = self.folder / "virtkeep.conf"
        self.said = ""
        self.write("")
        self.run("init", status=0)

    def url(self, path):
        return f"http://127.0.0.1:{self.web.server_port}{path}"

    def write(self, sections):
        self.config.write_text(
            f"[vault]\nurl = {self.vault}\nstate_dir = {self.folder}/state\n"
            f"[history]\ndir = {self.folder}/history\n"
            f"[notify]\nspool_dir = {self.folder}/spool\n{sections}\n"
        )

    def start(self, *words, stderr=subprocess.PIPE):
        env = dict(os.environ, CACHE_DIRECTORY=str(self.folder / "cache"), LC_ALL="C.UTF-8")
        env.pop("VIRTKEEP_VAULT", None)
        return subprocess.Popen(
            [self.virtkeep, "--config", self.config, *words],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
        )

    def run(self, *words, status, stderr=subprocess.PIPE):
        with self.start(*words, stderr=stderr) as process:
            out, said = process.communicate()
        self.said = (said or b"").decode()
        assert process.returncode == status, (words, process.returncode, self.said)
        assert SECRET not in self.said, self.said
        return out.decode()

    def succeed(self):
        self.run("gc", status=0)

    def fail(self):
        """The vault is away."""
        self.vault.rename(self.folder / "away")
        self.run("gc", status=6)
        (self.folder / "away").rename(self.vault)

    def kept(self):
        return sorted((self.folder / "spool").glob("*.json"))


def the_kinds(bed):
    bed.write(
        f"[notify hook]\nkind = webhook\non = always\nurl = {bed.url('/hook?x=1')}\n"
        f"secret_file = {bed.secret}\n"
        f"[notify phone]\nkind = ntfy\non = always\nurl = {bed.url('/base/topic')}\n"
        f"secret_file = {bed.secret}\n"
        f"[notify desk]\nkind = gotify\non = always\nurl = {bed.url('/gotify/')}\n"
        f"secret_file = {bed.secret}\n"
        f"[notify check]\nkind = ping\ncommands = gc\nurl = {bed.url('/ping/uuid')}\n"
        f"[notify other]\nkind = ping\nurl = {bed.url('/ping/backups')}\n"
        f"[notify shell]\nkind = command\non = always\n"
        f"command = cat > {bed.folder}/input; echo \"$VIRTKEEP_EVENT\" > {bed.folder}/event\n"
        f"[notify mail]\non = always\nurl = smtp://127.0.0.1:{bed.smtp.server_address[1]}\n"
        "from = virtkeep@example.com\nto = a@example.com, b@example.com\n"
    )
    bed.succeed()
    assert bed.said == "", bed.said
    got = {path: (headers, body) for path, headers, body in bed.web.take()}
    assert set(got) == {
        "/hook?x=1", "/base/", "/gotify/message", "/ping/uuid/start", "/ping/uuid",
    }, set(got)

    headers, body = got["/hook?x=1"]
    sum_ = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Virtkeep-Signature"] == "sha256=" + sum_, headers
    assert headers["Content-Type"] == "application/json"
    notice = json.loads(body)
    assert notice["event"] == headers["X-Virtkeep-Event"] == "success", notice
    assert notice["id"] == headers["X-Virtkeep-Delivery"]
    assert notice["schema"] == 1 and notice["status"] == 0 and notice["task"]["kind"] == "gc"

    headers, body = got["/base/"]
    assert headers["Authorization"] == "Bearer " + SECRET
    assert json.loads(body)["topic"] == "topic" and "gc" in json.loads(body)["title"]
    headers, body = got["/gotify/message"]
    assert headers["X-Gotify-Key"] == SECRET and json.loads(body)["message"]
    assert b"done" in got["/ping/uuid"][1] and b"started" in got["/ping/uuid/start"][1]

    assert json.loads((bed.folder / "input").read_text())["event"] == "success"
    assert (bed.folder / "event").read_text() == "success\n"

    ((sender, recipients, raw),) = bed.smtp.take()
    assert "<virtkeep@example.com>" in sender, sender
    assert len(recipients) == 2 and "<b@example.com>" in recipients[1], recipients
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Message-ID"] and mail["Date"]
    assert mail["Subject"].startswith("virtkeep: gc on "), mail["Subject"]
    assert "exit status 0" in mail.get_content(), mail.get_content()

    bed.fail()
    got = {path: body for path, _, body in bed.web.take()}
    assert "/ping/uuid/fail" in got and "/ping/uuid" not in got, got
    assert json.loads(got["/hook?x=1"])["event"] == "failure", got
    assert "there is no vault" in json.loads(got["/base/"])["message"], got
    bed.smtp.take()


def trouble_is_told_once(bed):
    bed.write(
        f"[notify once]\nkind = webhook\nurl = {bed.url('/once')}\n"
        f"[notify check]\nkind = ping\ncommands = gc\nurl = {bed.url('/ping')}\n"
    )

    def events():
        return [
            json.loads(body)["event"] if path == "/once" else path
            for path, _, body in bed.web.take()
            if path != "/ping/start"
        ]

    bed.succeed()
    assert events() == ["/ping"]
    bed.fail()
    assert events() == ["failure", "/ping/fail"]
    bed.fail()
    assert events() == ["/ping/fail"]
    bed.succeed()
    assert events() == ["recovery", "/ping"]
    bed.succeed()
    assert events() == ["/ping"]
    bed.fail()
    assert events() == ["failure", "/ping/fail"]
    bed.succeed()
    events()


def what_cannot_be_sent_waits(bed):
    section = (
        f"[notify hook]\nkind = webhook\non = always\nsecret_file = {bed.secret}\n"
        f"url = {bed.url('/path-that-is-secret')}\n"
        f"[notify check]\nkind = ping\ncommands = gc\nurl = {bed.url('/ping')}\n"
    )
    bed.write(section)
    bed.web.status = 404
    bed.succeed()
    assert "404" in bed.said and "it is sent with the next run" in bed.said, bed.said
    assert "path-that-is-secret" not in bed.said, bed.said
    (kept,) = bed.kept()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert SECRET not in kept.read_text()
    assert (bed.folder / "spool").stat().st_mode & 0o777 == 0o700
    first = json.loads(kept.read_text())["notice"]["id"]
    bed.run("notify", "flush", status=1)
    assert len(bed.kept()) == 1
    bed.web.take()
    bed.web.status = 200
    bed.succeed()
    assert bed.said == "", bed.said
    got = [json.loads(body)["id"] for path, _, body in bed.web.take() if "ping" not in path]
    assert len(got) == 2 and got[1] == first, (got, first)
    assert not bed.kept()
    bed.run("notify", "flush", status=0)

    # Nobody listens, and then somebody who says nothing: the run ends as it would have ended.
    bed.write(section.replace(str(bed.web.server_port), "1"))
    bed.succeed()
    assert len(bed.kept()) == 1, bed.kept()
    assert "path-that-is-secret" not in bed.said, bed.said
    bed.write(section)
    bed.web.hang.clear()
    bed.succeed()
    bed.web.hang.set()
    assert len(bed.kept()) == 2, bed.kept()
    bed.run("notify", "flush", status=0)
    assert not bed.kept()
    bed.web.take()


def two_at_once(bed):
    """One waits for a server that says nothing. The other one's notice is not lost, and none is sent twice."""
    bed.write(f"[notify hook]\nkind = webhook\non = always\nurl = {bed.url('/both')}\n")
    bed.web.hang.clear()
    with bed.start("verify") as first:
        bed.web.wait_for(1)
        with bed.start("gc") as second:
            bed.web.wait_for(2)
            assert len(bed.kept()) == 2, bed.kept()
            bed.web.hang.set()
            said = second.communicate()[1] + first.communicate()[1]
    assert (first.returncode, second.returncode, said) == (0, 0, b""), said
    assert not bed.kept(), bed.kept()
    got = [json.loads(body) for _, _, body in bed.web.take()]
    assert sorted(notice["command"] for notice in got) == ["gc", "verify"], got

    # Who is killed while it sends leaves the notice to the next one.
    bed.web.hang.clear()
    with bed.start("verify") as killed:
        bed.web.wait_for(1)
        killed.kill()
    bed.web.hang.set()
    assert len(bed.kept()) == 1
    bed.run("notify", "flush", status=0)
    got = [json.loads(body)["id"] for _, _, body in bed.web.take()]
    assert len(got) == 2 and got[0] == got[1], got


def metrics_come_last(bed):
    """People hear of it before the metrics are written, and who shuts the host down does not wait for these."""
    prom = bed.folder / "metrics.prom"
    section = f"[metrics]\ntextfile = {prom}\n"
    bed.write(
        section + f"[notify shell]\nkind = command\non = always\n"
        f"command = ls {bed.folder} > {bed.folder}/seen\n"
    )
    bed.succeed()
    assert prom.exists(), bed.said
    assert prom.name not in (bed.folder / "seen").read_text().split(), "they were first"

    prom.unlink()
    bed.write(
        section + f"[notify hook]\nkind = webhook\non = always\nurl = {bed.url('/hook')}\n"
        f"[notify check]\nkind = ping\ncommands = gc\nurl = {bed.url('/ping')}\n"
    )
    bed.web.hang.clear()
    with bed.start("gc") as stopped:
        bed.web.wait_for(1)  # of its beginning
        stopped.terminate()
        bed.web.hang.set()
    assert stopped.returncode >= 0, stopped.returncode
    assert len(bed.kept()) == 1 and not prom.exists(), bed.kept()
    bed.write(f"[notify hook]\nkind = webhook\nurl = {bed.url('/hook')}\n")
    bed.run("notify", "flush", status=0)
    bed.web.take()


def secrets_stay(bed):
    bed.write(
        f"[notify mail]\nurl = smtp://127.0.0.1:{bed.smtp.server_address[1]}\n"
        f"user = me\npassword_file = {bed.secret}\nto = a@example.com\n"
    )
    bed.smtp.lines.clear()
    bed.run("notify", "test", "mail", status=1)
    coded = base64.b64encode(SECRET.encode()).decode()
    assert not bed.smtp.take()
    assert not [line for line in bed.smtp.lines if "AUTH" in line or coded in line], bed.smtp.lines

    bed.write(
        f"[notify hook]\nkind = webhook\nurl = {bed.url('/hook')}\nsecret_file = {bed.secret}\n"
    )
    bed.secret.chmod(0o644)
    bed.run("notify", "test", "hook", status=1)
    assert "others may read" in bed.said, bed.said
    assert not bed.web.take()
    bed.secret.chmod(0o600)


def people(bed):
    bed.write(
        f"[notify hook]\nkind = webhook\nurl = {bed.url('/hook')}\n"
        f"[notify word]\nkind = mail\nto = a@example.com\nfrom = v@example.com\n"
        f"command = cat > {bed.folder}/mail\n"
    )
    assert "hook" in bed.run("notify", "test", "hook", status=0)
    ((_, _, body),) = bed.web.take()
    assert json.loads(body)["event"] == "test"
    bed.run("notify", "test", "word", status=0)
    mail = (bed.folder / "mail").read_bytes()
    assert b"\r" not in mail and b"To: a@example.com\n" in mail, mail
    bed.run("notify", "test", "nobody", status=6)
    bed.run("notify", "test", status=2)
    # Who is at a terminal sees it himself.
    master, slave = pty.openpty()
    bed.vault.rename(bed.folder / "away")
    bed.run("gc", status=6, stderr=slave)
    (bed.folder / "away").rename(bed.vault)
    os.close(slave)
    os.close(master)
    assert not bed.web.take()

    for section, word in {
        "[notify x]\nkind = webhook\n": "url is missing",
        f"[notify x]\nkind = mail\nto = a\nurl = {bed.url('/')}\n": "smtp://",
        "[notify x]\nkind = gotify\nurl = https://a\n": "secret_file is missing",
        "[notify x]\nkind = ntfy\nurl = https://a/\n": "topic",
        "[notify x]\nkind = ntfy\nurl = https://a\n": "topic",
        f"[notify x]\nkind = webhook\nurl = {bed.url('/')}\ncommands = gc bakup\n": "nobody is told of 'bakup'",
        "[notify x]\non = sometimes\n": "sometimes",
        "[notify x]\nurl = https://me:word@a\n": "without a user",
    }.items():
        bed.write(section)
        out = bed.run("config", "check", status=2)
        assert word in out, (word, out)


def main():
    with tempfile.TemporaryDirectory() as folder:
        bed = Bed(os.path.abspath(sys.argv[1]), folder)
        for test in (the_kinds, trouble_is_told_once, what_cannot_be_sent_waits, two_at_once, metrics_come_last,
                     secrets_stay, people):
            print(test.__name__, flush=True)
            test(bed)


main()
