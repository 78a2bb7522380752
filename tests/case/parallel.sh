#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two backups at once into one vault; of one guest, the second is told to wait.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 160)
VDA_MIB=256
define_guest one
cp -r "$SCRATCH/guests/one" "$SCRATCH/guests/two"
guest_xml two "$SCRATCH/guests/two" "" > "$SCRATCH/two.xml"
virsh -q define "$SCRATCH/two.xml"
start_guest one
start_guest two
ok virtkeep init

say "the same guest twice"
halt_backup one
refused 4 "'one'" virtkeep backup one
has_no_backup_job one && fail "the second backup ended the job of the first"

say "another guest meanwhile, with the same data"
ok virtkeep --json backup two
expect_json '.snapshots | length' 1
finish_job
expect_status 0
ok virtkeep --json list
expect_json '[.[].guest] | sort | join(" ")' "one two"
ok virtkeep verify --data

say "both at once, twice"
for _ in 1 2; do
	virtkeep backup one > "$SCRATCH/one.log" 2>&1 &
	a=$!
	virtkeep backup two > "$SCRATCH/two.log" 2>&1 &
	b=$!
	wait "$a" || fail "$(cat "$SCRATCH/one.log")"
	wait "$b" || fail "$(cat "$SCRATCH/two.log")"
done
ok virtkeep --json list
expect_json length 6
ok virtkeep verify --data

say "both at once, no faster than allowed"
start=${EPOCHREALTIME/./}
ok virtkeep --json backup --all --compare --limit-rate=100
took=$((${EPOCHREALTIME/./} - start))
read=$(jq '[.snapshots[].disks[].read] | add' "$OUT")
((read > 300 << 20)) || fail "only $read bytes were read"
# What is read last need not be waited for.
((took > (read - (4 << 20)) * 10000 / 1048576)) || fail "$read bytes took $took us"
ok virtkeep verify --data
expect_clean one two
