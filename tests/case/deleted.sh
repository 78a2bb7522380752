#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest that was deleted with its disks comes back as it was.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest lost
virsh -q autostart lost
start_guest lost
guest_run lost 'echo remember > /mnt/vda/letter; sync'
uuid=$(virsh domuuid lost)
ok virtkeep init
ok virtkeep backup lost
stop_guest lost
virsh -q undefine lost --checkpoints-metadata
rm -r "$SCRATCH/guests/lost"

ok virtkeep --json list lost
expect_json length 1
refused 6 "'lost'" virtkeep backup lost
refused 6 "'$SCRATCH/guests/lost'" virtkeep restore lost --start
mkdir "$SCRATCH/guests/lost"
ok virtkeep restore lost --start
wait_for 120 "the agent of 'lost' answers" agent lost '{"execute":"guest-ping"}'
[[ $(guest_run lost 'cat /mnt/vda/letter') == remember ]] || fail "the letter is lost"
[[ $(virsh domuuid lost) == "$uuid" ]] || fail "the restored guest has another uuid"
[[ -L /etc/libvirt/qemu/autostart/lost.xml ]] || fail "the restored guest lost its autostart"
qemu-img info -U --output json "$SCRATCH/guests/lost/vda.qcow2" > "$OUT"
expect_json .format qcow2
ok virtkeep backup lost
expect_clean lost
