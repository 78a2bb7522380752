# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong on purpose. A file has a line for each fault:

    COUNT ACTION METHOD PATTERN

The fault is for the next COUNT requests ("-": for all) of METHOD ("*": any) on objects, or
listings "?START", whose name is like PATTERN. ACTION is one of

    503, 500, 403, ...   the request is not done, and this is the answer
    CODE-after           the request is done, and CODE is the answer, as 500-after
    code:STATUS:CODE     the request is not done, and CODE is in the answer's body
    drop, drop-after     the connection ends without an answer, before or after it is done
    cut                  the answer's body ends too early
    short                a range is answered with fewer bytes, and without a word
    hang:SECONDS         the answer comes late
    stale                a listing is without the newest of its objects
    skew:SECONDS         the server's clock is ahead by so much
    alter                a byte of the body is lost on the way to the disk
    retag                the ETag is none of an MD5, but looks like one
    unconditional        If-None-Match is left out of account
    whole                a range is left out of account
"""
import fnmatch
import os
import threading


class Faults:
    def __init__(self, path):
        self.path = path
        self.mutex = threading.Lock()
        self.seen = None
        self.lines = []

    def _load(self):
        try:
            facts = os.stat(self.path)
        except (TypeError, FileNotFoundError):
            self.seen, self.lines = None, []
            return
        seen = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
        if seen == self.seen:
            return
        with open(self.path, encoding="ascii") as file:
            self.lines = [line.split() for line in file if line.strip()]
        self.seen = seen

    def take(self, method, name):
        """The actions for this request. Each is used up by one."""
        actions = []
        with self.mutex:
            self._load()
            for line in self.lines:
                count, action, of, pattern = line
                if count == "0" or of not in ("*", method) or not fnmatch.fnmatch(name, pattern):
                    continue
                actions.append(action)
                if count != "-":
                    line[0] = str(int(count) - 1)
        return actions
