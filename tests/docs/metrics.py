#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What "virtkeep metrics" prints is understood by Prometheus' own parser, and keeps its conventions; the manual, the
alerts and the dashboard name the metrics that there are.

    metrics.py BUILD-DIRECTORY
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

SOURCE = Path(__file__).resolve().parent.parent.parent
CONTRIB = SOURCE / "contrib"
NAME = re.compile(r"\bvirtkeep_[a-z_]+")
# libvirt's own driver for tests takes such guests from a file.
NODE = """<node><domain type='test'><name>we"ird\\ n\u00e4me</name>
<uuid>11111111-2222-4333-8444-555555555555</uuid><memory>1024</memory><os><type>hvm</type></os></domain></node>"""


def check(condition, *words):
    if not condition:
        sys.exit("FAILED: " + " ".join(str(word) for word in words))


def run(program, work, *words, status=0):
    done = subprocess.run([program, "--config", work / "conf", *words], check=False,
                          capture_output=True, encoding="utf-8")
    check(done.returncode == status, words, done.returncode, done.stderr)
    return done.stdout


def parse(text):
    check(text.endswith("\n"), "no line feed at the end")
    families = {}
    for family in text_string_to_metric_families(text):
        check(family.name not in families, family.name, "is there twice")
        check(family.type == "gauge" and family.documentation.endswith("."), family.name, "is not explained")
        check(family.samples, family.name, "has no values")
        for sample in family.samples:
            check(sample.name == family.name, sample.name, "is not", family.name)
        keys = [tuple(sorted(sample.labels.items())) for sample in family.samples]
        check(len(set(keys)) == len(keys), family.name, "has a value twice")
        families[family.name] = family
    return families


def value(families, name, **labels):
    found = [sample.value for sample in families[name].samples
             if all(sample.labels.get(key) == wanted for key, wanted in labels.items())]
    check(len(found) == 1, name, labels, found)
    return found[0]


def check_names(names):
    """By the conventions of Prometheus: base units, and "_total" for what only grows."""
    for name in names:
        check(re.fullmatch(r"virtkeep_(build|libvirt|guest|vault|run)_[a-z_]+", name), name)
        check(not re.search(r"_(ms|msec|usec|minutes|hours|days|kb|kib|mib|total|count)$", name), name, "has no base unit")
        check("timestamp" not in name or name.endswith("_timestamp_seconds"), name)


def check_vault(families):
    guest = "12345678-9abc-4def-8123-456789abcdef"
    check(value(families, "virtkeep_guest_snapshots", uuid=guest) == 2, "snapshots")
    check(value(families, "virtkeep_guest_last_snapshot_timestamp_seconds", uuid=guest) == 1767409445, "time")
    check(value(families, "virtkeep_guest_last_snapshot_consistency", uuid=guest, consistency="crash") == 1, "crash")
    check(value(families, "virtkeep_guest_last_snapshot_consistency", uuid=guest, consistency="offline") == 0, "offline")
    check(value(families, "virtkeep_guest_on_host", uuid=guest) == 0, "it is on no host")
    other = {"guest": 'we"ird\\ n\u00e4me', "uuid": "11111111-2222-4333-8444-555555555555"}
    check(value(families, "virtkeep_guest_on_host", **other) == 1, "it is on the host")
    check(value(families, "virtkeep_guest_left_out", **other) == 1, "it is left out")
    check(value(families, "virtkeep_guest_snapshots", **other) == 0, "it has no snapshot")
    times = families["virtkeep_guest_last_snapshot_timestamp_seconds"].samples
    check([sample.labels["uuid"] for sample in times] == [guest], "a time of a snapshot that is not there")
    check(value(families, "virtkeep_libvirt_up") == 1, "libvirt")
    check(value(families, "virtkeep_vault_packs") == value(families, "virtkeep_vault_unread_packs") == 3, "packs")


def check_file(program, work, text):
    file = work / "virtkeep.prom"
    file.write_text("old")
    os.umask(0o077)
    check(run(program, work, "metrics", "--textfile", file) == "", "it printed, too")
    check(parse(file.read_text("utf-8")).keys() == parse(text).keys(), "the file has other metrics")
    check(file.stat().st_mode & 0o777 == 0o644, "the exporter cannot read it")
    check(not [name for name in os.listdir(work) if "virtkeep-" in name], "something is left beside it")
    # What fails leaves the last file, whose age tells.
    before = file.read_text("utf-8")
    run(program, work, "--vault", work / "none", "metrics", "--textfile", file, status=6)
    check(file.read_text("utf-8") == before, "a failure changed the file")


def check_runs(program, work, before):
    """The file is written after a run, also when the run has failed."""
    labels = {"kind": "verify", "job": "", "target": ""}
    check(value(before, "virtkeep_run_last_exit_status", **labels) == 0, "a good check")
    check(value(before, "virtkeep_run_failures", **labels) == 0, "a failure that was none")
    success = value(before, "virtkeep_run_last_success_timestamp_seconds", **labels)
    check(0 <= time.time() - success < 1000, "it was not now")
    check(0 < success - value(before, "virtkeep_run_last_begin_timestamp_seconds", **labels) < 1000, "it began later")
    file = work / "after.prom"
    check(parse(file.read_text("utf-8")).keys() >= before.keys(), "the file is not what is printed")
    pack = max((work / "vault/packs").glob("*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    middle = len(content) // 3
    pack.chmod(0o600)
    pack.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1:])
    run(program, work, "verify", "--data", status=5)
    after = parse(file.read_text("utf-8"))
    check(value(after, "virtkeep_run_last_exit_status", **labels) == 5, "damage")
    check(value(after, "virtkeep_run_failures", **labels) == 1, "one failure")
    check(value(after, "virtkeep_run_last_success_timestamp_seconds", **labels) == success, "that success stays")
    check(value(after, "virtkeep_vault_damaged_packs") == 1, "a damaged pack")
    pack.write_bytes(content)
    run(program, work, "verify", "--data")
    mended = parse(file.read_text("utf-8"))
    check(value(mended, "virtkeep_run_failures", **labels) == 0, "a success ends the failures")
    # What is done to another vault is not about this one.
    shutil.copytree(SOURCE / "tests/golden/1-parity", work / "other")
    run(program, work, "--vault", work / "other", "verify")
    name = "virtkeep_run_last_end_timestamp_seconds"
    check(value(parse(file.read_text("utf-8")), name, **labels) == value(mended, name, **labels), "another vault")


def check_replications(program, work):
    """One that works says nothing about another one that fails."""
    run(program, work, "--vault", work / "replica", "init")
    run(program, work, "replicate", "--to", work / "none", status=6)
    run(program, work, "replicate", f"--to={work}/replica")
    families = parse((work / "after.prom").read_text("utf-8"))
    labels = {"kind": "replicate", "job": ""}
    check(value(families, "virtkeep_run_failures", target=f"{work}/none", **labels) == 1, "the one that failed")
    check(value(families, "virtkeep_run_failures", target=f"{work}/replica", **labels) == 0, "the one that worked")


def used_by_dashboard():
    board = json.loads((CONTRIB / "grafana/virtkeep.json").read_text("utf-8"))
    texts = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    texts += [variable["query"] for variable in board["templating"]["list"]]
    check(len(texts) > 10, "the dashboard asks for nothing")
    return set(NAME.findall(" ".join(texts)))


def main():
    program = Path(sys.argv[1]).resolve() / "engine/virtkeep"
    work = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(SOURCE / "tests/golden/1-plain", work / "vault")
        (work / "conf").write_text(f"[vault]\nurl = {work}/vault\nstate_dir = {work}/state\n[history]\ndir = {work}/history\n"
                                   f"[libvirt]\nuri = test://{work}/node.xml\n"
                                   f"[metrics]\ntextfile = {work}/after.prom\n[guest 11111111-2222-4333-8444-555555555555]\nskip = yes\n")
        (work / "node.xml").write_text(NODE, "utf-8")
        families = parse(run(program, work, "metrics"))
        check_vault(families)
        check(not (work / "after.prom").exists(), "who only looks leaves no trace")
        run(program, work, "verify", "--data")
        checked = parse(run(program, work, "--connect", "test:///nonexistent", "metrics"))
        check(value(checked, "virtkeep_libvirt_up") == 0, "libvirt is down")
        check("virtkeep_guest_on_host" not in checked, "what libvirt did not say is not known")
        check(value(checked, "virtkeep_vault_last_check_errors") == 0, "errors")
        check(value(checked, "virtkeep_vault_unread_packs") == 0, "packs that were not read")
        check_runs(program, work, checked)
        check_replications(program, work)
        space = parse(run(program, work, "metrics", "--space"))
        check(not space.keys() & families.keys(), "a metric in both files")
        check_file(program, work, run(program, work, "metrics"))
    finally:
        shutil.rmtree(work)

    names = families.keys() | checked.keys() | space.keys()
    check_names(names)
    code = " ".join(path.read_text("utf-8") for path in (SOURCE / "engine/job/metrics").glob("*.c"))
    check(names == set(NAME.findall(code)), "not seen here:", names ^ set(NAME.findall(code)))
    manual = set(NAME.findall((CONTRIB / "man/virtkeep.1").read_text("utf-8")))
    check(names == manual, "virtkeep.1 and the program differ:", names ^ manual)
    alerts = (CONTRIB / "prometheus/virtkeep.rules.yml").read_text("utf-8")
    check(alerts.count("- alert:") == alerts.count("expr:") > 5, "alerts without an expression")
    for used in (set(NAME.findall(alerts)), used_by_dashboard()):
        check(used and used <= names, "there are no such metrics:", used - names)


main()
