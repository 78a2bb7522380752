# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bucket whose objects are files. What else S3 knows of them is in memory."""
import hashlib
import os
import threading

TEMPORARY = ".standin-"


class Bucket:
    def __init__(self, name, root):
        self.name = name
        self.root = root
        self.mutex = threading.Lock()
        self.marks = {}  # name -> headers x-amz-meta-*
        self.sums = {}  # name -> (facts, md5)
        self.count = 0

    def path(self, name):
        return os.path.join(self.root, name)

    def put(self, name, body, marks, only_new):
        """False when there is one and ONLY_NEW."""
        path = self.path(name)
        with self.mutex:
            if only_new and os.path.lexists(path):
                return False
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.count += 1
            temporary = os.path.join(os.path.dirname(path), f"{TEMPORARY}{self.count}")
            with open(temporary, "wb") as file:
                file.write(body)
            os.rename(temporary, path)
            self.marks[name] = marks
        return True

    def size(self, name):
        """None when there is none."""
        path = self.path(name)
        return os.path.getsize(path) if os.path.isfile(path) else None

    def read(self, name, start, length):
        with open(self.path(name), "rb") as file:
            file.seek(start)
            return file.read(length)

    def stored(self, name):
        return os.stat(self.path(name)).st_mtime

    def tag(self, name):
        facts = os.stat(self.path(name))
        facts = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
        with self.mutex:
            known = self.sums.get(name)
        if not known or known[0] != facts:
            with open(self.path(name), "rb") as file:
                known = (facts, hashlib.md5(file.read()).hexdigest())
            with self.mutex:
                self.sums[name] = known
        return f'"{known[1]}"'

    def delete(self, name):
        with self.mutex:
            self.marks.pop(name, None)
            try:
                os.unlink(self.path(name))
            except FileNotFoundError:
                pass

    def names(self, start, delimiter):
        """All that begin with START, sorted; with a DELIMITER up to it, once each."""
        top, _, first = start.rpartition("/")
        found = []
        if delimiter:
            self._entries(top, first, found)
        else:
            for folder, _, files in os.walk(self.path(top)):
                below = os.path.relpath(folder, self.root)
                found += [os.path.normpath(os.path.join(below, file)) for file in files
                          if not file.startswith(TEMPORARY)]
        return sorted(name for name in found if name.startswith(start))

    def _entries(self, top, first, found):
        try:
            entries = list(os.scandir(self.path(top)))
        except FileNotFoundError:
            return
        for entry in entries:
            name = os.path.join(top, entry.name)
            if not entry.name.startswith(first) or entry.name.startswith(TEMPORARY):
                continue
            if entry.is_dir(follow_symlinks=False):
                # A folder is there as long as an object is in it.
                if any(files for _, _, files in os.walk(entry.path)):
                    found.append(name + "/")
            else:
                found.append(name)
