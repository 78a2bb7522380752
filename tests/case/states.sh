#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests that are neither running nor shut off.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest vm
start_guest vm
ok virtkeep init

say "the directories do not exist, and the umask lets QEMU not through"
(
	umask 077
	ok virtkeep backup vm
)
expect_clean vm

say "paused: it stays so"
virsh -q suspend vm
ok virtkeep --json backup --quiesce suspend vm
expect_json '.snapshots[0].consistency' crash
expect_json '.snapshots[0].pause_ms' 0
[[ $(virsh domstate vm) == paused ]] || fail "the guest is $(virsh domstate vm)"
virsh -q resume vm

say "saved: its disks are those of a running guest"
virsh -q managedsave vm
ok virtkeep --json backup vm
expect_json '.snapshots[0].consistency' crash
expect_err "memory is not backed up"
virsh -q managedsave-remove vm
ok virtkeep --json backup vm
expect_json '.snapshots[0].consistency' offline
