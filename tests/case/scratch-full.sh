#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# No room for the scratch files: the backup fails or not, the guest goes on.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 100)
VDA_MIB=256
define_guest vm
start_guest vm
ok virtkeep init
mkdir -p /var/lib/virtkeep/scratch
mount -t tmpfs -o size=2M tmpfs /var/lib/virtkeep/scratch
halt_backup vm
# What the guest overwrites now must be kept for the backup, and there is no room for it.
pid=$(guest_spawn vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=40 conv=notrunc,fsync')
answer=$SCRATCH/answer
finish_job
wait_for 120 "the guest's writes end" guest_exited vm "$pid" "$answer"
[[ $(jq -r .return.exitcode "$answer") == 0 ]] ||
	fail "the guest's write failed: $(jq -r '.return["err-data"] // ""' "$answer" | base64 -d)"
[[ $(virsh domstate vm) == running ]] || fail "the guest is $(virsh domstate vm)"
expect_clean vm
