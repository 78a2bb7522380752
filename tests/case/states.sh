#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests that are neither running nor shut off.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest vm
start_guest vm
ok virtkeep init

say "no agent yet: nothing was held, so the next backup has nothing to release"
virsh -q destroy vm
virsh -q start vm
refused 1 "'vm'" virtkeep backup --quiesce agent vm
not grep -q frozen /run/virtkeep/*.lock || fail "the guest is noted as frozen"
wait_for 120 "the agent answers" agent vm '{"execute":"guest-ping"}'

say "the directories do not exist, and the umask would keep QEMU out"
(
	umask 077
	ok virtkeep backup vm
)
expect_clean vm

say "QEMU cannot get at the scratch directory: that is said, not that the guest has changed"
mkdir -m 700 "$SCRATCH/private"
printf '[backup]\nscratch_dir = %s/private/scratch\n' "$SCRATCH" > "$SCRATCH/private.conf"
refused 1 'Permission denied' virtkeep --config "$SCRATCH/private.conf" backup vm
not grep -q 'before its time' "$ERR" || fail "a job that never began has ended before its time"
expect_clean vm

say "paused: it stays so"
virsh -q suspend vm
ok virtkeep --json backup --quiesce suspend vm
expect_json '.snapshots[0].consistency' crash
expect_json '.snapshots[0].pause_ms' 0
[[ $(virsh domstate vm) == paused ]] || fail "the guest is $(virsh domstate vm)"
virsh -q resume vm

say "asleep: it is taken live, and sleeps on"
is_asleep() {
	[[ $(virsh domstate vm) == pmsuspended ]]
}
guest_spawn vm "$ANSWERED; echo mem > /sys/power/state" > /dev/null
wait_for 60 "the guest sleeps" is_asleep
ok virtkeep --json backup vm
expect_json '.snapshots[0].state' pmsuspended
expect_json '.snapshots[0].consistency' crash
expect_err "asleep"
is_asleep || fail "the guest is $(virsh domstate vm)"

say "asleep: it is woken up to be shut down, not switched off"
virsh event --domain vm --event lifecycle --loop > "$SCRATCH/events" &
events=$!
ok virtkeep restore vm@latest --in-place --force
kill "$events"
grep 'wakeup' "$SCRATCH/events" || fail "it was switched off: $(cat "$SCRATCH/events")"
wait_for 120 "the agent answers" agent vm '{"execute":"guest-ping"}'
expect_clean vm

say "a block job of somebody else: busy, said once, before anything is done"
virsh -q blockcopy vm vda "$SCRATCH/copy.qcow2" --transient-job > /dev/null
is_ready() {
	[[ $(virsh blockjob vm vda --info 2>&1) == *100* ]]
}
wait_for 60 "the copy is ready" is_ready
refused 4 "a block copy of another program runs on it" virtkeep backup vm
expect_err "'virsh blockjob vm vda --pivot' or '--abort'"
[[ $(wc -l < "$ERR") == 1 ]] || fail "more than one line: $(cat "$ERR")"
is_ready || fail "the block job is gone"
printf '[guest vm]\nexclude = vda\n' > "$SCRATCH/exclude.conf"
ok virtkeep --config "$SCRATCH/exclude.conf" backup vm
virsh -q blockjob vm vda --abort
ok virtkeep backup vm
expect_clean vm

say "stopped by its own full disk: it is backed up, and stays so"
mkdir "$SCRATCH/small" /etc/virtkeep/hooks.d
mount -t tmpfs -o size=24M tmpfs "$SCRATCH/small"
chmod 755 "$SCRATCH/small"
GUEST_DIRECTORY=$SCRATCH/small define_guest full
start_guest full
guest_spawn full 'dd if=/dev/urandom of=/mnt/vda/big bs=1M count=40; sync' > /dev/null
is_stopped() {
	[[ $(virsh domstate --reason full) == 'paused (I/O error)' ]]
}
wait_for 60 "the guest is stopped" is_stopped
# Long enough for whoever looks.
cat > /etc/virtkeep/hooks.d/slow <<-'HOOK'
	#!/bin/sh
	[ "$1" != post-thaw ] || sleep 3
HOOK
chmod 755 /etc/virtkeep/hooks.d/slow
virsh event --domain full --event lifecycle --loop > "$SCRATCH/events" &
events=$!
ok virtkeep backup full
expect_err "an I/O error of a disk has stopped the guest"
is_stopped || fail "the guest is $(virsh domstate --reason full)"
kill "$events"
! grep Resumed "$SCRATCH/events" || fail "the guest was resumed"
rm -r /etc/virtkeep/hooks.d
virsh -q destroy full

say "saved: its disks are those of a running guest"
virsh -q managedsave vm
ok virtkeep --json backup vm
expect_json '.snapshots[0].consistency' crash
expect_err "memory is not backed up"

say "restored from that, paused: libvirt calls it migrating, and it is none"
virsh -q start --paused vm
[[ $(virsh domstate --reason vm) == 'paused (migrating)' ]] ||
	fail "the guest is $(virsh domstate --reason vm)"
ok virtkeep --json backup vm
expect_json '.snapshots[0].state' paused
[[ $(virsh domstate vm) == paused ]] || fail "the guest is $(virsh domstate vm)"
virsh -q destroy vm
ok virtkeep --json backup vm
expect_json '.snapshots[0].consistency' offline
