#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A vault that fills up in mid-backup: nothing is listed, nothing is left, room helps.
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
