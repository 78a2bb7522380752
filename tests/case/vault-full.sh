#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A vault that fills up in mid-backup: nothing is listed, nothing is left, room helps, and the
# next backup is incremental.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 100)
VDA_MIB=160
define_guest vm
start_guest vm
mkdir "$VAULT"
mount -t tmpfs -o size=60M tmpfs "$VAULT"
ok virtkeep init
refused 1 "$VAULT" virtkeep backup vm
expect_clean vm
ok virtkeep --json list
expect_json length 0

say "the guest goes on, and with room the next backup works"
guest_run vm 'echo alive > /mnt/vda/alive; sync'
mount -o remount,size=300M "$VAULT"
ok virtkeep backup vm
ok virtkeep verify --data
expect_clean vm

say "one snapshot is there: a full vault keeps it"
guest_run vm 'rm /mnt/vda/noise; dd if=/dev/urandom of=/mnt/vda/new bs=1M count=90; sync'
mount -o remount,size=130M "$VAULT"
refused 1 "$VAULT" virtkeep backup vm
expect_clean vm
ok virtkeep --json list
expect_json length 1
ok virtkeep verify --data

say "it left the guest's checkpoint, too: with room the next one is incremental, and right"
mount -o remount,size=300M "$VAULT"
virsh -q suspend vm
qemu-img convert -U -O raw "$SCRATCH/guests/vm/vda.qcow2" "$SCRATCH/vda.raw"
ok virtkeep --json backup vm
virsh -q resume vm
expect_json '.snapshots[0].disks[] | select(.target == "vda").mode' incremental
ok virtkeep restore "$(newest vm)" --disk "vda=$SCRATCH/restored.raw" --format raw
same_file "$SCRATCH/restored.raw" "$SCRATCH/vda.raw"
expect_clean vm
