# SPDX-License-Identifier: LGPL-2.1-or-later
"""Knobs, which say how the stand-in behaves, and faults, which spoil chosen requests.

A fault is {"action": A, "method": "POST" (any), "path": "REGEX" (searched in the path with /api),
"skip": requests to let pass first (0), "times": requests to hit (1; -1 for all),
"when": "before" or "after" the request is executed}. Actions:
  delay          "seconds"
  hold           until POST /control/release, or the client has gone; then the request goes its way.
                 GET /control/held tells when one has come to that
  reset          the connection is reset, "before" or "after"
  empty          500 without a body, "before" or "after"
  status         "status" (503), "code", "message", and "retry_after"; not executed
  html           200 with a page that is not JSON, "after"
  truncated      half of the JSON, with a Content-Length of just that, "after"
  short          half of the JSON, then the connection ends, "after"
  integer_code   error.code as an integer, wherever one is replied
  error_200      HTTP 200 with an error inside, not executed; "code", "message"
  no_job         202 and what is to be done is done, but no job is told
  jobs           jobs[] in place of job
  locked         "temporarily locked" as the message of a failure, not executed
  repeated_page  _links.next leads to the same page again
  endless_page   _links.next leads to the same page by another address, and so on
  padded         the body has "bytes" more, "after"
"""
import re
import threading

DEFAULTS = {
    "version": "9.16.1",
    "job_seconds": 0.2,  # how long a job takes; half of it "queued"
    "job_polls": 0,  # when not 0: how many GETs of a job its end takes, in place of time
    "job_outcome": None,  # "lost", "stuck", or {"code", "message"} of a failure; nothing is done then
    "job_retention": 300,  # seconds that a finished job is kept
    "job_error": "both",  # where failures are told: "both", "error" or "message"
    "always_202": False,  # whatever return_timeout is
    "snapshot_limit": 1023,
    "page_size": 10000,  # the most records of a page, whatever max_records is
    "zone_hours": -5,
    "clock_offset": 0,  # seconds that the array's clock is ahead
    "start_reply": 201,  # of a two-phase start: 201, or 202 with a job
    "start_uuid": "records",  # where the start tells the snapshot: "records", "location", "nowhere"
    # With a write fence, "watch": writes between start and commit are noted in /control/state;
    # "freeze": they block, which takes root, and members that are mount points.
    "fence": "none",
    "restore_inode": "keep",  # of files that SnapRestore overwrites: "keep" or "new"
    "lun_patch_from_snapshot": True,  # whether PATCH of a LUN may clone from a snapshot
    "transfer_seconds": 0.2,
    "transfer_polls": 0,  # when not 0: how many GETs a transfer takes, in place of time
    "transfer_outcome": "success",
}

ACTIONS = {"delay", "hold", "reset", "empty", "status", "html", "truncated", "short", "integer_code",
           "error_200", "no_job", "jobs", "locked", "repeated_page", "endless_page", "padded"}
AFTER = {"html", "truncated", "short", "integer_code", "no_job", "jobs", "repeated_page",
         "endless_page", "padded"}


def parse_version(text):
    match = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if not match:
        raise ValueError(f"{text!r} is not a version like 9.11.1")
    return tuple(int(part or 0) for part in match.groups())


def set_knobs(knobs, changes):
    for name in changes:
        if name not in DEFAULTS:
            raise ValueError(f"there is no knob {name!r}")
    parse_version(changes.get("version", "9.16.1"))
    knobs.update(changes)


class Faults:
    def __init__(self):
        self.entries = []
        self.held = []  # requests that wait, as (path, event)
        self.changed = threading.Condition()

    def add(self, entry):
        if entry.get("action") not in ACTIONS:
            raise ValueError(f"there is no action {entry.get('action')!r}")
        entry = {"method": None, "path": "", "skip": 0, "times": 1, **entry}
        entry.setdefault("when", "after" if entry["action"] in AFTER else "before")
        re.compile(entry["path"])
        with self.changed:
            self.entries.append(entry)

    def clear(self):
        with self.changed:
            self.entries.clear()

    def take(self, method, path):
        """The faults that hit this request; counts it."""
        hit = []
        with self.changed:
            for entry in self.entries:
                if entry["method"] not in (None, method) or not re.search(entry["path"], path):
                    continue
                if entry["skip"] > 0:
                    entry["skip"] -= 1
                elif entry["times"] != 0:
                    entry["times"] -= 1
                    hit.append(dict(entry))
        return hit

    def hold(self, method, path, when, is_gone):
        """Waits for a release, or until IS_GONE() says that nobody waits for the reply."""
        with self.changed:
            mark = {"method": method, "path": path, "when": when}
            self.held.append(mark)
            self.changed.notify_all()
            while mark in self.held and not is_gone():
                self.changed.wait(0.1)
            if mark in self.held:
                self.held.remove(mark)

    def wait_held(self, seconds):
        with self.changed:
            self.changed.wait_for(lambda: self.held, seconds)
            return list(self.held)

    def release(self):
        with self.changed:
            self.held.clear()
            self.changed.notify_all()
