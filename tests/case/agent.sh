#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests whose agent is absent or deaf.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest mute noagent
define_guest deaf
virsh -q start mute
start_guest deaf
ok virtkeep init
cat > "$SCRATCH/agent.conf" <<-CONF
[backup]
agent_timeout = 3
CONF

say "absent"
: > "$SCRATCH/no-agent"
ok virtkeep --json backup mute
expect_json '.snapshots[0].consistency' crash
expect_err "'mute'"
refused 1 "agent" virtkeep backup --quiesce agent mute
expect_clean mute
ok virtkeep --json backup --quiesce suspend mute
expect_json '.snapshots[0].consistency' crash
expect_json '.snapshots[0].pause_ms > 0' true
expect_clean mute
ok virtkeep --json backup --quiesce none mute
expect_json '.snapshots[0].pause_ms' 0
expect_clean mute

say "deaf: it is connected and does not answer"
guest_spawn deaf "$ANSWERED; killall -STOP qemu-ga" > /dev/null
wait_for 30 "the agent is deaf" not virsh -q qemu-agent-command --timeout 1 deaf \
	'{"execute":"guest-ping"}'
start=$SECONDS
ok virtkeep --config "$SCRATCH/agent.conf" --json backup deaf
expect_json '.snapshots[0].consistency' crash
((SECONDS - start < 60)) || fail "it took $((SECONDS - start)) s"
refused 1 "'deaf'" virtkeep --config "$SCRATCH/agent.conf" backup --quiesce agent deaf
expect_clean deaf
[[ $(virsh domstate deaf) == running ]] || fail "'deaf' is $(virsh domstate deaf)"

say "lying: its words stay words, wherever they go"
mkdir "$SCRATCH/hooks"
install -m 755 /dev/stdin "$SCRATCH/hooks/tell" <<-'HOOK'
	#!/bin/sh
	[ "$1" != failure ] || printf '%s' "$VIRTKEEP_ERROR" > "$(dirname "$0")/../told"
HOOK
echo "hooks_dir = $SCRATCH/hooks" >> "$SCRATCH/agent.conf"
define_guest liar stay
start_guest liar
cat > "$SCRATCH/liar" <<-'AGENT'
	killall qemu-ga
	while pidof qemu-ga; do sleep 0.1; done
	exec 3<> /dev/$(grep -lx org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name | cut -d/ -f5)
	while :; do
		while read -r line <&3; do
			case $line in
			*guest-sync*) echo "$line" | sed 's/.*"id": *\([0-9]*\).*/{"return":\1}/' ;;
			*fsfreeze-thaw*) echo '{"return":0}' ;;
			*) echo '{"error":{"class":"GenericError","desc":"\u001b]0;owned\u0007\u009b2J\nvirtkeep: all is well"}}' ;;
			esac >&3
		done
		sleep 0.1 # the host's end is not connected
	done
AGENT
guest_spawn liar "$ANSWERED
$(< "$SCRATCH/liar")" > /dev/null
wait_for 60 "the agent lies" bash -c 'virsh -q qemu-agent-command --timeout 2 liar \
	"{\"execute\":\"guest-info\"}" 2>&1 | grep -q owned'
refused 1 'owned\x07' virtkeep --config "$SCRATCH/agent.conf" backup --quiesce agent liar
! LC_ALL=C grep -q '[[:cntrl:]]' "$SCRATCH/told" || fail "the hook was told control characters"
grep -q 'owned\\x07\\x9b2J\\nvirtkeep: all is well' "$SCRATCH/told" ||
	fail "the hook was told '$(cat -v "$SCRATCH/told")'"
! LC_ALL=C.UTF-8 grep -q '[[:cntrl:]]' "$ERR" || fail "stderr has control characters"
[[ $(grep -c '^virtkeep: all is well' "$ERR") == 0 ]] || fail "the guest forged a message"
ok virtkeep --config "$SCRATCH/agent.conf" backup liar
! LC_ALL=C.UTF-8 grep -q '[[:cntrl:]]' "$OUT" "$ERR" || fail "the output has control characters"
stop_guest liar

say "paused by its owner: it stays paused"
virsh -q suspend mute
ok virtkeep --json backup mute
expect_json '.snapshots[0].consistency' crash
[[ $(virsh domstate mute) == paused ]] || fail "the guest was resumed"
virsh -q resume mute
ok virtkeep verify --data
