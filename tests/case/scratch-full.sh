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

has_written() { # PID
	[[ $(guest_run vm "[ -e /proc/$1 ] || echo ended") == ended ]]
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

# A hook keeps the job open until the guest has written.
mkdir -p /etc/virtkeep/hooks.d
cat > "$SCRATCH/wait" <<-'HOOK'
	#!/bin/sh
	[ "$1" = post-thaw ] || exit 0
	touch /run/begun
	while [ ! -e /run/go-on ]; do sleep 0.1; done
	rm /run/go-on
HOOK
chmod 755 "$SCRATCH/wait"

begin_backup() {
	echo "+ virtkeep backup $* &"
	rm -f /run/begun
	cp "$SCRATCH/wait" /etc/virtkeep/hooks.d/
	virtkeep backup "$@" < /dev/null > "$OUT" 2> "$ERR" &
	JOB=$!
	wait_for 60 "the backup has begun" test -e /run/begun
	rm /etc/virtkeep/hooks.d/wait
}

let_go_on() {
	touch /run/go-on
	finish_job
}

say "the room gets short while it is watched: the job is given up before the guest notices"
mount -t tmpfs -o size=140M tmpfs "$scratch"
virsh event --domain vm --event lifecycle --loop --timestamp > "$SCRATCH/events" &
events=$!
begin_backup vm
pid=$(guest_spawn vm "$overwrite")
wait_for 120 "the guest's writes end" has_written "$pid"
let_go_on
[[ $STATUS == 1 ]] || fail "expected exit status 1, got $STATUS"
expect_err "'$scratch' is nearly full"
expect_written "$pid"
kill "$events"
! grep Suspended "$SCRATCH/events" || fail "the guest was stopped meanwhile"
umount -l "$scratch"

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
grep -qE "'$scratch' is nearly full, 1[0-9]{2} MiB of it used by this backup" "$ERR" || fail "$(cat "$ERR")"
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

say "what the guest overwrites meanwhile is recorded"
begin_backup --json vm
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=20 conv=notrunc,fsync 2> /dev/null'
let_go_on
expect_status 0
expect_json '.snapshots[0].scratch >= 20 * 1048576 and .snapshots[0].scratch < 40 * 1048576' true
ok virtkeep show vm@latest
grep -qE '^Scratch: +2[0-9]' "$OUT" || fail "$(cat "$OUT")"
expect_clean vm
ok virtkeep verify --data
