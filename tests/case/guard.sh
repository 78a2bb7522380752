#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The backup of a group of three is killed with its whole process group, in each phase and at random
# moments: within two seconds every guest runs and writes, no job and no file is left, and the next
# backup is incremental. And a backup that hangs, and a libvirtd that dies with the backup.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

seed=${VK_CASE_SEED:-$RANDOM}
rounds=${VK_CASE_ROUNDS:-15}
say "VK_CASE_SEED=$seed"
RANDOM=$seed
guests=(one two three)
worst=0
for guest in "${guests[@]}"; do
	VDA_MIB=32 VDB_MIB=16 define_guest "$guest"
	virsh -q start "$guest"
done
for guest in "${guests[@]}"; do
	wait_for 120 "the agent of '$guest'" agent "$guest" '{"execute":"guest-ping"}'
done
ok virtkeep init
ok virtkeep backup --group "${guests[@]}"

now_ms() {
	date +%s%3N
}

# The marks of the phases, as far as they can be seen from outside.
is_held() {
	grep -qs 'frozen\|suspended' /run/virtkeep/*.lock
}
has_scratch() {
	compgen -G '/var/lib/virtkeep/scratch/*' > /dev/null
}
has_job() {
	virsh backup-dumpxml two > /dev/null 2>&1
}
has_new_pack() {
	count_packs
	((PACKS > before_packs))
}
has_new_snapshot() {
	(($(find "$VAULT/snaps" -name '*.json' | wc -l) > before_snapshots))
}
phases=(is_held has_scratch has_job has_new_pack has_new_snapshot)

start_backup() {
	count_packs
	before_packs=$PACKS
	before_snapshots=$(find "$VAULT/snaps" -name '*.json' | wc -l)
	setsid virtkeep "$@" > "$OUT" 2> "$ERR" < /dev/null &
	JOB=$!
}

runs() {
	[[ -d /proc/$1 && $(cut -d ' ' -f 3 "/proc/$1/stat" 2> /dev/null) != Z ]]
}

# Kills the backup as soon as PHASE is seen.
kill_at() {
	while runs "$JOB" && ! "$1"; do
		:
	done
	kill -KILL -- "-$JOB" 2> /dev/null || true
}

# Each guest answers, writes, and has no job.
is_well() {
	[[ $(virsh domstate "$1") == running ]] && has_no_backup_job "$1" && is_thawed "$1"
}
are_well() {
	local guest

	for guest in "${guests[@]}"; do
		is_well "$guest" || return 1
	done
	[[ -z $(find /var/lib/virtkeep/scratch /run/virtkeep -type f ! -name '*.lock') &&
		-z $(find /var/lib/libvirt/qemu -name 'virtkeep-*.sock') ]]
}

# Within two seconds; the time for looking counts, too, so the last look may begin in time.
expect_released() {
	local start took

	start=$(now_ms)
	until are_well; do
		(($(now_ms) - start < ${1:-2000})) || fail "not released: $(cat "$ERR")"
	done
	took=$(($(now_ms) - start))
	((took <= worst)) || worst=$took
	wait "$JOB" 2> /dev/null || true
}

for ((round = 1; round <= rounds; round++)); do
	changed=${guests[round % 3]}
	guest_run "$changed" 'dd if=/dev/urandom of=/mnt/vda/new bs=64k count=20 2>/dev/null; sync'
	start_backup backup --group "${guests[@]}"
	if ((round <= rounds / 2)); then
		phase=${phases[round % 5]}
		kill_at "$phase"
	else
		phase="after 0.$(printf %03d $((RANDOM % 1000))) s"
		sleep "${phase//[!0-9.]/}"
		kill -KILL -- "-$JOB" 2> /dev/null || true
	fi
	expect_released
	say "round $round, killed $phase: released, worst ${worst} ms"
	guest_run "$changed" 'echo alive > /mnt/vda/alive; sync'
	ok virtkeep backup --group --json "${guests[@]}"
	expect_json '.snapshots | length' 3
	expect_json '[.snapshots[].disks[] | select(.target == "vda").mode] | unique | join(" ")' \
		incremental
	expect_clean "${guests[@]}"
	for guest in "${guests[@]}"; do
		[[ $(virsh checkpoint-list "$guest" --name | grep -c .) == 1 ]] ||
			fail "'$guest' has old checkpoints: $(virsh checkpoint-list "$guest")"
	done
done
ok virtkeep verify --data
echo "worst time until all was released: $worst ms"

for mode in agent suspend; do
	say "a backup that hangs while it holds its guests, --quiesce $mode"
	start_backup backup --group --pause-budget 1 --quiesce "$mode" "${guests[@]}"
	while runs "$JOB" && ! is_held; do
		:
	done
	kill -STOP "$JOB"
	wait_for 20 "the guard says that it releases" grep -q 'held longer than' "$ERR"
	for guest in "${guests[@]}"; do
		wait_for 20 "'$guest' is well again" is_thawed "$guest"
		guest_run "$guest" 'echo alive > /mnt/vda/alive; sync'
	done
	finish_job
	[[ $STATUS == 0 || $STATUS == 3 ]] || fail "the backup that hung ended with $STATUS"
	grep -q "used up before\|thawed by itself" "$ERR" || fail "nothing was said of the release"
	[[ $mode == agent ]] || expect_err 'the pause budget of 1 seconds was used up'
	expect_clean "${guests[@]}"
done

say "a freeze that is late, then suspended instead, and the backup hangs: the guard releases both"
is_suspended() {
	[[ $(virsh domstate one) == paused ]]
}
# There is much to write before one is frozen, and more before two is.
for guest in one two; do
	virsh -q blkdeviotune "$guest" vda --write-bytes-sec 262144 > /dev/null
done
guest_run one 'dd if=/dev/urandom of=/mnt/vda/new bs=256k count=5 2> /dev/null'
guest_run two 'dd if=/dev/urandom of=/mnt/vda/new bs=256k count=8 2> /dev/null'
start_backup backup --group --pause-budget 1 one two
wait_for 60 "one is suspended" is_suspended
kill -STOP "$JOB"
is_suspended || fail "the backup was not caught"
wait_for 20 "one goes on" not is_suspended
finish_job
expect_status 0
[[ $(grep -c "'one' is held longer than" "$ERR") == 2 ]] || fail "not released twice: $(cat "$ERR")"
for guest in one two; do
	virsh -q blkdeviotune "$guest" vda --write-bytes-sec 0 > /dev/null
done
expect_clean one two

say "libvirtd dies with the backup"
start_backup backup --group "${guests[@]}"
while runs "$JOB" && ! is_held; do
	:
done
kill_libvirtd
kill -KILL -- "-$JOB" 2> /dev/null || true
start_libvirtd
expect_released 30000
ok virtkeep backup --group "${guests[@]}"
expect_clean "${guests[@]}"
ok virtkeep verify
