#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Users' internal snapshots beside our checkpoints: QEMU reverts to none while a bitmap is active.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest vm
# It can have internal snapshots only when all its disks can.
virsh -q detach-disk vm vdb --config
start_guest vm
ok virtkeep init
echo '[guest vm]' > "$SCRATCH/no-tracking.conf"
echo 'tracking = no' >> "$SCRATCH/no-tracking.conf"

has_checkpoint() {
	[[ $(virsh checkpoint-list vm --name) == *virtkeep-* ]]
}

revert() { # SNAPSHOT
	virsh -q snapshot-revert vm "$1" || fail "cannot revert to '$1'"
	[[ $(virsh domstate vm) == running ]] || fail "'vm' is $(virsh domstate --reason vm)"
}

say "the checkpoint is released on demand, and the next backup makes another"
ok virtkeep backup vm
has_checkpoint || fail "'vm' has no checkpoint"
virsh -q snapshot-create-as vm after
refused 2 'names of guests' virtkeep doctor --release
refused 2 'excludes --fix' virtkeep doctor --release --fix vm
ok virtkeep doctor --release vm
expect_out "the checkpoint 'virtkeep-"
not has_checkpoint || fail "'vm' has a checkpoint still"
revert after
ok virtkeep doctor --release vm
expect_out 'nothing found'
virsh -q snapshot-delete vm after
ok virtkeep --json backup vm
expect_json '.snapshots[0].disks[0].mode' compare
has_checkpoint || fail "'vm' has no checkpoint"

say "a guest that is not to be tracked: what an earlier backup left is removed, too"
ok virtkeep --config "$SCRATCH/no-tracking.conf" --json backup vm
expect_json '.snapshots[0].disks[0].mode' compare
expect_json '.snapshots[0].disks[0].reason | contains("tracking = no")' true
not has_checkpoint || fail "'vm' has a checkpoint still"
virsh -q snapshot-create-as vm untracked
revert untracked
virsh -q snapshot-delete vm untracked

say "while it is off"
ok virtkeep backup vm
virsh -q destroy vm
not virsh -q snapshot-create-as vm off 2> "$ERR" ||
	fail "libvirt takes a snapshot beside a checkpoint: the manual says that it does not"
ok virtkeep doctor --release vm
expect_out "the checkpoint 'virtkeep-"
not has_checkpoint || fail "'vm' has a checkpoint still"
! qemu-img info "$SCRATCH/guests/vm/vda.qcow2" | grep "name: virtkeep-" || fail "a bitmap is left"
virsh -q snapshot-create-as vm off
ok virtkeep --config "$SCRATCH/no-tracking.conf" backup vm
not has_checkpoint || fail "'vm' has a checkpoint"
expect_clean vm
