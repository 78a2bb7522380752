#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A backup interrupted by a signal cleans up, and a second one changes nothing.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 160)
VDA_MIB=256
define_guest vm
start_guest vm
ok virtkeep init
for signal in INT TERM HUP; do
	say "$signal"
	halt_backup vm
	# A background job of a script ignores SIGINT from its start: the program must not care.
	kill "-$signal" "$JOB"
	kill -CONT "$JOB"
	kill "-$signal" "$JOB" 2>/dev/null || true
	finish_job
	expect_status 1
	expect_err interrupted
	expect_clean vm
	ok virtkeep --json list
	expect_json length 0
	guest_run vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=160 conv=notrunc; sync'
done
ok virtkeep -q backup vm
expect_silence

say "while it is held: it goes on at once"
is_frozen() {
	[[ $(agent vm '{"execute":"guest-fsfreeze-status"}' | jq -r .return) == frozen ]]
}
VDA_FILES='' VDA_MIB=32 define_guest late
start_guest late
for signal in INT TERM HUP; do
	say "$signal"
	make_late late 4
	virtkeep backup --group --pause-budget 60 vm late < /dev/null > "$OUT" 2> "$ERR" &
	JOB=$!
	wait_for 20 "vm is frozen" is_frozen
	kill "-$signal" "$JOB"
	kill "-$signal" "$JOB"
	wait_for 2 "vm is thawed" is_thawed vm
	finish_job
	expect_status 1
	expect_err interrupted
	wait_for 30 "the agent is back" agent late '{"execute":"guest-ping"}'
	expect_clean vm late
	ok virtkeep --json list
	expect_json length 1
done

say "what was saved before is told"
virtkeep backup --parallel 1 --compare --limit-rate 8 late vm < /dev/null > "$OUT" 2> "$ERR" &
JOB=$!
wait_for 60 "late is saved" grep -q ^late@ "$OUT"
kill -INT "$JOB"
finish_job
expect_status 3
expect_err "interrupted: 1 of 2 guests saved: late@"
ok virtkeep --json list
expect_json length 2
ok virtkeep -q verify --data
expect_silence
expect_clean vm
