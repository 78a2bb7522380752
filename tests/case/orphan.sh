#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The backup is killed together with its guard, or the owner of a guest holds it, too: what is ours
# is released, now or by the next backup, and what is the owner's stays.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

for guest in one two mute; do
	words=
	[[ $guest != mute ]] || words=noagent
	VDA_MIB=32 VDB_MIB=16 define_guest "$guest" $words
done
virsh -q start mute
start_guest one
start_guest two
ok virtkeep init

start_backup() {
	echo "+ virtkeep backup $* &"
	setsid virtkeep backup "$@" > "$OUT" 2> "$ERR" < /dev/null &
	JOB=$!
}

kill_backup() {
	kill -KILL "$JOB"
	wait "$JOB" 2> /dev/null || true
}

kill_both() {
	kill -KILL "$(pgrep -f '^virtkeep guard')"
	kill_backup
}

no_guard() {
	! pgrep -f '^virtkeep guard' > /dev/null
}

is() { # GUEST STATE
	[[ $(virsh domstate "$1") == "$2" ]]
}

is_frozen() {
	[[ $(agent "$1" '{"execute":"guest-fsfreeze-status"}' | jq -r .return) == frozen ]]
}

say "backup and guard are killed while one is frozen and another suspended"
make_late two 5
start_backup --group --pause-budget 60 one two mute
wait_for 20 "mute is suspended" is mute paused
wait_for 20 "one is frozen" is_frozen one
kill_both
is mute paused || fail "mute is $(virsh domstate mute)"
run virtkeep --json doctor mute
expect_json '.[] | select(.kind == "paused").finding' 'suspended by a backup that did not end well'
wait_for 30 "the agent is back" agent two '{"execute":"guest-ping"}'
: > "$SCRATCH/no-agent"
ok virtkeep backup mute
is mute running || fail "mute is $(virsh domstate mute)"
expect_clean mute
rm "$SCRATCH/no-agent"
ok virtkeep --json backup one two
expect_json '[.snapshots[].consistency] | unique | join(" ")' filesystem
expect_clean one two

say "the guard alone is killed: who is held goes on, nobody is held after that, and it is said"
expect_dead_guard() { # TIMES
	[[ $(grep -c 'the guard has died; start again' "$ERR") == "$1" ]] || fail "$(cat "$ERR")"
	not grep -q 'dirty bitmaps\|consistent only' "$ERR" || fail "$(cat "$ERR")"
}
make_late two 5
start_backup --group --pause-budget 60 one two
wait_for 20 "one is frozen" is_frozen one
kill -KILL "$(pgrep -f '^virtkeep guard')"
finish_job
expect_status 1
expect_dead_guard 2
wait_for 30 "the agent is back" agent two '{"execute":"guest-ping"}'
expect_clean one two
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/kill <<-'HOOK'
	#!/bin/sh
	[ "$1" != "$(cat /run/phase)" ] || pkill -KILL -f '^virtkeep guard'
HOOK
chmod 755 /etc/virtkeep/hooks.d/kill
echo pre-freeze > /run/phase
run virtkeep backup one
expect_status 1
expect_dead_guard 1
echo post-thaw > /run/phase
run virtkeep --json backup --parallel 1 one two
expect_status 3
expect_json '.snapshots[0].consistency' filesystem
expect_dead_guard 1
rm -r /etc/virtkeep/hooks.d
expect_clean one two

say "frozen by its owner, and the backup is killed meanwhile: it stays so"
virsh -q domfsfreeze one > /dev/null
make_late two 5
start_backup --group --pause-budget 60 one two
wait_for 20 "one is suspended" is one paused
kill_both
wait_for 30 "the agent is back" agent two '{"execute":"guest-ping"}'
ok virtkeep backup one
is_frozen one || fail "the owner's freeze was ended"
virsh -q domfsthaw one > /dev/null

say "the guard released it; suspended by its owner later, it stays so"
make_late two 5
start_backup --group --pause-budget 60 two mute
wait_for 20 "mute is suspended" is mute paused
kill_backup
wait_for 10 "mute goes on" is mute running
wait_for 30 "the guard ends" no_guard
virsh -q suspend mute
ok virtkeep backup mute
is mute paused || fail "the owner's guest was resumed"
virsh -q resume mute

say "paused by its owner while it is frozen, and the backup is killed: thawed when it goes on"
make_late two 5
start_backup --group --pause-budget 60 one two
wait_for 20 "one is frozen" is_frozen one
virsh -q suspend one
kill_backup
sleep 3
is one paused || fail "the owner's guest was resumed"
virsh -q resume one
wait_for 10 "one is thawed" is_thawed one
wait_for 30 "the guard ends" no_guard
wait_for 30 "the agent is back" agent two '{"execute":"guest-ping"}'
ok virtkeep backup --group one two mute
: > "$SCRATCH/no-agent"
expect_clean one two mute
ok virtkeep verify
