#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Backups killed at random moments, with data enough that packs are under way: the guest goes on at
# once, the next backup works, and nothing is damaged.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

seed=${VK_CASE_SEED:-$RANDOM}
say "VK_CASE_SEED=$seed"
RANDOM=$seed
VDA_FILES=$(make_noise 80)
VDA_MIB=128
define_guest vm
start_guest vm
ok virtkeep init
ok virtkeep backup vm

for round in 1 2 3 4 5 6; do
	guest_run vm "dd if=/dev/urandom of=/mnt/vda/new bs=1M count=20 2>/dev/null; sync"
	virtkeep --json list > "$SCRATCH/before"
	delay=0.$(printf %03d $((RANDOM % 900)))
	say "round $round: killed after $delay seconds"
	timeout --signal=KILL "$delay" virtkeep backup vm > "$OUT" 2>&1 || true
	wait_for 3 "the guest is thawed" is_thawed vm
	wait_for 3 "the job is ended" has_no_backup_job vm
	guest_run vm 'echo alive > /mnt/vda/alive; sync'
	virtkeep --json list > "$SCRATCH/after"
	# What was listed before is listed still, and what is new is whole.
	jq -e --slurpfile before "$SCRATCH/before" \
		'[.[].snapshot] | contains([$before[0][].snapshot])' "$SCRATCH/after" > /dev/null ||
		fail "a snapshot went away"
	ok virtkeep verify
	ok virtkeep backup vm
	expect_clean vm
done
ok virtkeep verify --data
expect_clean vm
