#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion in real shells: keys go to bash, zsh and fish on a terminal, and what the shell then
passes to the program is compared with what was meant.

  completion.py BUILD-DIRECTORY
"""

import hashlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILD = Path(sys.argv[1]).resolve()
SOURCE = Path(__file__).resolve().parents[2]
COMPLETION = SOURCE / "contrib/completion"
DEADLINE = 60
# One for each process: the keys typed, and the arguments that come of them. A tabulator completes.
CASES = [
    ("virtkeep sho\t", ["show"]),
    ("virtkeep show we\t", ["show", "web1"]),
    ("virtkeep show web1@2026\t", ["show", "web1@20261122T201405Z"]),
    ("virtkeep show two\t", ["show", "two words"]),
    ("virtkeep show two\\ words@l\t", ["show", "two words@latest"]),
    ("virtkeep list two\t", ["list", "two words"]),
    ("virtkeep backup --connect test:///default te\t",
     ["backup", "--connect", "test:///default", "test"]),
    ("virtkeep backup --mode=array+\t", ["backup", "--mode=array+vault"]),
    ("virtkeep backup --mode array+\t", ["backup", "--mode", "array+vault"]),
    ("virtkeep -q list --gra\t off\t", ["-q", "list", "--grade", "offline"]),
    ("virtkeep restore web1 --disk s\t", ["restore", "web1", "--disk", "sdb"]),
    ("virtkeep restore web1@latest --disk=s\t", ["restore", "web1@latest", "--disk=sdb"]),
    ("virtkeep restore web1 --file dom\t", ["restore", "web1", "--file", "domain.xml"]),
    ("virtkeep restore web1 --disk vda=pla\t", ["restore", "web1", "--disk", "vda=place"]),
    ("virtkeep mount pla\t", ["mount", "place"]),
    ("virtkeep-restore --form\t q\t", ["--format", "qcow2"]),
    ("virtkeep-mount --fore\t", ["--foreground"]),
]
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"source {COMPLETION}/virtkeep"),
    "zsh": (["zsh", "-f", "-i"],
            f"fpath=({COMPLETION} $fpath); autoload -Uz compinit; compinit -u -d zdump"),
    "fish": (["fish", "--no-config", "-i"], f"source {COMPLETION}/virtkeep.fish"),
}


def checked(snapshot):
    line = json.dumps(snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(line.encode()).hexdigest()
    return f'{line}\n{{"sha256":"{digest}"}}\n'


def fill_vault(vault):
    """Two guests, one of them with two disks that begin with other letters."""
    subprocess.run([BUILD / "engine/virtkeep", "-q", "--vault", vault, "init"], check=True)
    model = json.loads((SOURCE / "tests/unit/data/snapshot-1.json").read_text())
    names = [("web1", "5f0c7c5e-9a2b-4b7e-8a53-0d1f6f0e7a11"),
             ("two words", "5f0c7c5e-9a2b-4b7e-8a53-0d1f6f0e7a12")]
    for name, uuid in names:
        snapshot = dict(model, name=name, uuid=uuid)
        snapshot["disks"][1]["target"] = "sdb"
        folder = vault / "snaps" / uuid
        folder.mkdir(parents=True)
        path = folder / f"{snapshot['time']}-{snapshot['id']}.json"
        path.write_text(checked(snapshot))


def make_programs(folder):
    """Programs that note what they are called with, but complete as the real ones."""
    folder.mkdir()
    for name, place in [("virtkeep", "engine"), ("virtkeep-restore", "restore"),
                        ("virtkeep-mount", "fs")]:
        program = folder / name
        program.write_text(
            "#!/bin/bash\n"
            f'[[ $1 != --complete ]] || exec {BUILD}/{place}/{name} "$@"\n'
            'printf "%s\\0" "$@" > "$RESULT.new" && mv "$RESULT.new" "$RESULT"\n')
        program.chmod(0o755)


class Shell:
    """An interactive shell on a terminal of its own."""

    def __init__(self, name, work):
        argv, setup = SHELLS[name]
        self.result = work / "result"
        self.told = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(work)
            os.environ.update(PATH=f"{work}/bin:{os.environ['PATH']}", HOME=str(work),
                              VIRTKEEP_VAULT=str(work / "vault"), RESULT=str(self.result),
                              TERM="xterm", LC_ALL="C.UTF-8", PS1="> ", VIRTKEEP_CONFIG="/dev/null")
            os.execvp(argv[0], argv)
        self.type(setup + "\n")
        if self.arguments("virtkeep ready\n") != ["ready"]:
            raise RuntimeError(f"{name} does not start: {self.told!r}")

    def type(self, keys):
        os.write(self.master, keys.encode())

    def arguments(self, keys):
        """What the program is called with when KEYS are typed."""
        self.result.unlink(missing_ok=True)
        self.told = b""
        self.type(keys)
        deadline = time.monotonic() + DEADLINE
        while not self.result.exists() and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.02)[0]:
                self.told += os.read(self.master, 4096)
        if not self.result.exists():
            return None
        # zsh takes the slash of a directory away again.
        return [word.rstrip("/") for word in self.result.read_bytes().decode().split("\0")[:-1]]

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.master)
        os.waitpid(self.pid, 0)


def check(name, work):
    failures = 0
    shell = Shell(name, work)
    for keys, expected in CASES:
        got = shell.arguments(keys + "\n")
        if got != expected:
            print(f"{name}: {keys!r}: expected {expected}, got {got}; screen: {shell.told!r}",
                  file=sys.stderr)
            failures += 1
        if got is None:
            shell.end()
            shell = Shell(name, work)
    shell.end()
    return failures


def main():
    missing = [name for name in SHELLS if not shutil.which(name)]
    if missing:
        print(f"not installed: {', '.join(missing)}")
        return 77
    work = Path(tempfile.mkdtemp(prefix="virtkeep-completion-"))
    try:
        (work / "place").mkdir()
        make_programs(work / "bin")
        fill_vault(work / "vault")
        return 1 if sum(check(name, work) for name in SHELLS) else 0
    finally:
        shutil.rmtree(work)


sys.exit(main())
