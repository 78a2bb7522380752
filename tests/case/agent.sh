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
guest_spawn deaf 'sleep 1; killall -STOP qemu-ga' > /dev/null
wait_for 30 "the agent is deaf" not virsh -q qemu-agent-command --timeout 1 deaf \
	'{"execute":"guest-ping"}'
start=$SECONDS
ok virtkeep --config "$SCRATCH/agent.conf" --json backup deaf
expect_json '.snapshots[0].consistency' crash
((SECONDS - start < 60)) || fail "it took $((SECONDS - start)) s"
refused 1 "'deaf'" virtkeep --config "$SCRATCH/agent.conf" backup --quiesce agent deaf
expect_clean deaf
[[ $(virsh domstate deaf) == running ]] || fail "'deaf' is $(virsh domstate deaf)"

say "paused by its owner: it stays paused"
virsh -q suspend mute
ok virtkeep --json backup mute
expect_json '.snapshots[0].consistency' crash
[[ $(virsh domstate mute) == paused ]] || fail "the guest was resumed"
virsh -q resume mute
ok virtkeep verify --data
