#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints what run has measured: report.py [--json] RESULTS.

RESULTS has one line for each measurement, with tabs between the fields: row, tool, seconds, CPU
seconds, peak memory in KiB; then, for the rows about sizes, bytes, else a dash; and how many of the
seconds went by after the command's end, until what it wrote was on the disk.
"""
import json
import os
import platform
import statistics
import sys
from collections import defaultdict, namedtuple

Goal = namedtuple("Goal", "metric ours others least most more", defaults=[None])
MEMORY_LIMIT_KIB = 300 * 1024


def faster(times, *others, ours="virtkeep"):
    """OURS takes at most 1/TIMES of the best of OTHERS."""
    return Goal("seconds", ours, others, times, None)


def within(times, *others, ours="virtkeep", metric="seconds"):
    """OURS is at most TIMES what the best of OTHERS is."""
    return Goal(metric, ours, others, None, times)


def below(limit, ours, metric="seconds"):
    """OURS is at most LIMIT."""
    return Goal(metric, ours, (), None, limit)


def later(more, other, ours):
    """OURS takes at most MORE seconds longer than OTHER."""
    return Goal("seconds", ours, (other,), None, None, more)


ROWS = {
    "floors": ("floors, over the image of 8 GiB", []),
    "first-off": ("first backup, shut-off guest",
                  [faster(5, "restic"), faster(5, "borg"), faster(5, "borg-fixed"),
                   faster(0.75, "floor")]),
    "first-live": ("first backup, running guest",
                   [faster(3, "virtnbdbackup"), faster(5, "virtnbdbackup-compress")]),
    "second": ("second backup without a bitmap, nothing changed",
               [faster(5, "restic"), faster(5, "borg"), faster(5, "borg-fixed"),
                within(1.3, "floor")]),
    "incremental": ("incremental by bitmap, 64 MiB changed",
                    [faster(10, "restic"), faster(10, "borg"), faster(10, "borg-fixed"),
                     faster(2, "virtnbdbackup")]),
    "size-first": ("vault size: first", [within(1.1, "restic", metric="bytes")]),
    "size-upgraded": ("vault size: and a clone with upgrade",
                      [within(1.1, "restic", metric="bytes")]),
    "size-increments": ("vault size: and 10 increments of 4 KiB random writes",
                        [within(0.7, "restic", metric="bytes")]),
    "restore": ("restore of the disk",
                [faster(6, "restic"), faster(3, "borg"), faster(3, "borg-fixed"), within(1.5, "cp")]),
    "encrypted-first": ("encryption: first backup, shut-off guest",
                        [within(1.15, "virtkeep", ours="virtkeep-encrypted"),
                         faster(5, "restic", ours="virtkeep-encrypted"),
                         faster(5, "borg-encrypted", ours="virtkeep-encrypted")]),
    "encrypted-second": ("encryption: second backup without a bitmap",
                         [within(1.3, "virtkeep", ours="virtkeep-encrypted")]),
    "encrypted-mount": ("encryption: mount, 1 GiB read in order, cold",
                        [within(1.2, "virtkeep", ours="virtkeep-encrypted")]),
    "encrypted-restore": ("encryption: restore of the disk",
                          [within(1.2, "virtkeep", ours="virtkeep-encrypted")]),
    "files-ls": ("files: ls / of a Debian guest",
                 [below(3, "virtkeep"), below(200 * 1024, "virtkeep", metric="peak_kib"),
                  faster(1, "guestfish")]),
    "files-1m": ("files: a file of 1 MiB",
                 [below(3.5, "virtkeep"), below(200 * 1024, "virtkeep", metric="peak_kib"),
                  faster(1, "guestfish")]),
    "files-200m": ("files: a file of 200 MiB",
                   [below(5, "virtkeep"), below(200 * 1024, "virtkeep", metric="peak_kib"),
                    faster(1, "guestfish")]),
    "mount-open": ("mount: the first ls and first byte",
                   [faster(2, "restic", "borg", "borg-fixed")]),
    "mount-seq": ("mount: sequential read of 1 GiB, cold",
                  [faster(3, "restic"), faster(2, "borg"), faster(2, "borg-fixed"),
                   faster(0.7, "floor")]),
    "mount-random-1": ("mount: 2000 random reads of 4 KiB, cold, 1 reader",
                       [faster(8, "restic", "borg", "borg-fixed")]),
    "mount-random-8": ("mount: 2000 random reads of 4 KiB, cold, 8 readers",
                       [faster(8, "restic", "borg", "borg-fixed")]),
    "mount-again": ("mount: second read of 1 GiB, from the page cache", [faster(0.9, "floor")]),
    "mount-copy": ("mount: copy of the image",
                   [within(1.5, "virtkeep restore", ours="virtkeep mount, cp --sparse=auto")]),
    "mount-far": ("mount: 2000 random reads of 4 KiB in 16 TiB, cold",
                  [within(1.1, "virtkeep at 1 GiB", ours="virtkeep at 1024 GiB")]),
    "sparse": ("first backup of 1 TiB, sparse, with the data of the disk of 8 GiB",
               [within(1.3, "virtkeep 8 GiB", ours="virtkeep 1 TiB")]),
    "growth": ("first backup of 128 MiB, 4 and 16 times as much",
               [within(4, "virtkeep 1x", ours="virtkeep 4x"),
                within(16, "virtkeep 1x", ours="virtkeep 16x"),
                within(1.25, "virtkeep 1x", ours="virtkeep 16x", metric="peak_kib")]),
    "large-first": ("first backup of /usr, memory for a quarter of it", [within(1.3, "floor")]),
    "large-second": ("second backup of the same, nothing changed", [within(1.3, "cat", "floor")]),
    "large-restore": ("restore of the same", [within(1.1, "cp")]),
    "large-mount": ("copy of the same from the mount",
                    [within(1.5, "cp", ours="virtkeep mount, cp --sparse=auto")]),
    "catalogue": ("100,000 snapshots of 1,000 guests, 10 TB of blocks (16x)",
                  [below(1, "virtkeep list 16x"), below(0.05, "virtkeep list GUEST"),
                   below(0.05, "virtkeep show"), below(1, "virtkeep mount"),
                   below(150 * 1024, "virtkeep list --json", metric="peak_kib"),
                   later(0.05, "virtkeep backup empty", "virtkeep backup 16x"),
                   within(4, "virtkeep list 1x", ours="virtkeep list 4x"),
                   within(16, "virtkeep list 1x", ours="virtkeep list 16x"),
                   within(4.4, "virtkeep first list 1x", ours="virtkeep first list 4x"),
                   within(17.6, "virtkeep first list 1x", ours="virtkeep first list 16x"),
                   below(60, "virtkeep gc --dry-run 16x"),
                   within(4.4, "virtkeep gc --dry-run 1x", ours="virtkeep gc --dry-run 4x"),
                   within(17.6, "virtkeep gc --dry-run 1x", ours="virtkeep gc --dry-run 16x")]),
}


def read_results(path):
    """{row: {tool: {metric: [values]}}} in the order of the file."""
    rows = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    with open(path, encoding="utf-8") as file:
        for line in file:
            row, tool, seconds, cpu, peak, size, flush = line.rstrip("\n").split("\t")
            values = rows[row][tool]
            if size != "-":
                values["bytes"].append(int(size))
            else:
                values["seconds"].append(float(seconds))
                values["cpu_seconds"].append(float(cpu))
                values["peak_kib"].append(int(peak))
                values["flush_seconds"].append(float(flush))
    return rows


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def judge_limit(goal, ours):
    unit, scale = {"seconds": ("s", 1), "peak_kib": ("MiB", 1024)}[goal.metric]
    return (f"at most {goal.most / scale:g} {unit}; here {unit}", ours / scale, ours <= goal.most)


def judge_ratio(goal, ours, best, other):
    if goal.more is not None:
        return (f"at most {goal.more:g} s more than {best}; here s", ours - other,
                ours - other <= goal.more)
    if goal.least is not None:
        ratio = other / ours
        return f"at least {goal.least:g}x as fast as {best}", ratio, ratio >= goal.least
    ratio = ours / other
    noun = {"seconds": "the time", "bytes": "the size", "peak_kib": "the memory"}[goal.metric]
    return f"at most {goal.most:g}x {noun} of {best}", ratio, ratio <= goal.most


def judge(goal, tools):
    """The ratio that was reached, or None when one of the two was not measured."""
    others = {name: tools[name][goal.metric]["median"] for name in goal.others if name in tools}
    if goal.ours not in tools or (goal.others and not others):
        return None
    ours = tools[goal.ours][goal.metric]["median"]
    if others:
        best = min(others, key=others.get)
        what, ratio, ok = judge_ratio(goal, ours, best, others[best])
    else:
        what, ratio, ok = judge_limit(goal, ours)
    if not goal.ours == "virtkeep":
        what = f"{goal.ours}: {what}"
    return {"goal": what, "ratio": round(ratio, 3), "ok": ok}


def judge_memory(rows):
    peaks = [(metrics["peak_kib"]["max"], row) for row, tools in rows.items()
             for tool, metrics in tools.items()
             if tool.startswith("virtkeep") and "peak_kib" in metrics]
    if not peaks:
        return None
    peak, row = max(peaks)
    return {"goal": f"peak memory at most 300 MB in each; here in {row}, MiB",
            "ratio": round(peak / 1024), "ok": peak <= MEMORY_LIMIT_KIB}


def machine():
    return {"cores": os.cpu_count(), "kernel": platform.release(),
            "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
            "versions": os.environ["VERSIONS"]}


def build_document(results):
    rows = {row: {tool: {metric: summary(values) for metric, values in metrics.items()}
                  for tool, metrics in tools.items()} for row, tools in results.items()}
    document = {"machine": machine(), "rows": []}
    for name, tools in rows.items():
        title, goals = ROWS[name]
        verdicts = [verdict for goal in goals if (verdict := judge(goal, tools))]
        runs = max(len(values) for metrics in results[name].values() for values in metrics.values())
        document["rows"].append({"row": name, "title": title, "rounds": runs, "tools": tools,
                                 "goals": verdicts})
    document["memory"] = judge_memory(rows)
    return document


def format_verdict(verdict):
    return f"    {verdict['goal']}: {verdict['ratio']:g}  {'OK' if verdict['ok'] else 'SHORT'}"


def print_table(document):
    computer = document["machine"]
    print(f"{computer['cores']} cores, {computer['memory_mib']} MiB, Linux {computer['kernel']}; "
          f"{computer['versions']}")
    print("Encrypted are the rows about encryption, and restic, which cannot do without it.")
    print("Seconds, until what was written is on the disk: 'flush' is how many of them went by after "
          "the command's end.\nMiB is the peak of the largest process; for files, of all of them.\n")
    for row in document["rows"]:
        print(f"{row['title']} ({row['row']}, rounds: {row['rounds']})")
        print_tools(row["tools"])
        for verdict in row["goals"]:
            print(format_verdict(verdict))
        print()
    if document["memory"]:
        print(format_verdict(document["memory"]).strip())


def print_tools(tools):
    if not any("bytes" in metrics for metrics in tools.values()):
        print(f"    {'':34} {'median':>9} {'min':>9} {'max':>9} {'flush':>8} {'CPU s':>8} {'MiB':>6}")
    for tool, metrics in tools.items():
        if "bytes" in metrics:
            print(f"    {tool:34} {metrics['bytes']['median'] / 2**20:5.0f} MiB")
            continue
        seconds, flush, cpu = (metrics[key] for key in ("seconds", "flush_seconds", "cpu_seconds"))
        print(f"    {tool:34} {seconds['median']:9.3f} {seconds['min']:9.3f} {seconds['max']:9.3f} "
              f"{flush['median']:8.2f} {cpu['median']:8.2f} {metrics['peak_kib']['max'] / 1024:6.0f}")


def main():
    *options, path = sys.argv[1:]
    document = build_document(read_results(path))
    if "--json" in options:
        json.dump(document, sys.stdout, indent=2)
        print()
    else:
        print_table(document)


main()
