#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# No room for the scratch files: the backup fails, the guest goes on, and its checkpoint stays.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 180)
VDA_MIB=256
scratch=/var/lib/virtkeep/scratch

is_stopped() {
	[[ $(virsh domstate --reason vm) == 'paused (I/O error)' ]]
}

expect_written() { # PID
	wait_for 120 "the guest's writes end" guest_exited vm "$1" "$SCRATCH/answer"
	[[ $(jq -r .return.exitcode "$SCRATCH/answer") == 0 ]] || fail "the guest's write failed"
	[[ $(virsh domstate vm) == running ]] || fail "the guest is $(virsh domstate vm)"
	expect_clean vm
	ok virtkeep --json list
	expect_json length 1
}

define_guest vm
start_guest vm
ok virtkeep init
mkdir -p "$scratch"
ok virtkeep backup vm
change='dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=150 conv=notrunc,fsync 2> /dev/null'
overwrite='dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=180 conv=notrunc,fsync'

say "too little room to begin with"
mount -t tmpfs -o size=2M tmpfs "$scratch"
refused 1 "'$scratch'" virtkeep backup vm
expect_clean vm
umount "$scratch"

say "the room ends while nobody watches: QEMU stops the guest, and it is brought back"
mount -t tmpfs -o size=140M tmpfs "$scratch"
guest_run vm "$change"
halt_backup vm
pid=$(guest_spawn vm "$overwrite")
wait_for 120 "the guest is stopped" is_stopped
finish_job
[[ $STATUS == 1 ]] || fail "expected exit status 1, got $STATUS"
expect_err "'$scratch' is nearly full"
[[ $(wc -l < "$ERR") == 1 ]] || fail "more than one line"
expect_written "$pid"

say "the same with a backup that was killed: the next one brings the guest back"
guest_run vm "$change"
halt_backup vm
pid=$(guest_spawn vm "$overwrite")
wait_for 120 "the guest is stopped" is_stopped
kill -KILL "$JOB"
finish_job
umount -l "$scratch"
ok virtkeep --json backup --quiesce none vm
expect_json '.snapshots[0].disks[] | select(.target == "vda").mode' incremental
wait_for 120 "the guest's writes end" guest_exited vm "$pid" "$SCRATCH/answer"
expect_clean vm
ok virtkeep verify --data
