#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Backups of a writing guest, while the mount is read all the time.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 40)
define_guest vm
start_guest vm
guest_spawn vm 'while :; do dd if=/dev/urandom of=/mnt/vdb/busy bs=64k count=128; done' > /dev/null
ok virtkeep init
ok virtkeep backup vm
mount_vault "$SCRATCH/mnt"
view=$(realpath "$SCRATCH/mnt/guests/vm/latest")
cp "$view/vdb.raw" "$SCRATCH/vdb.raw"
cp "$view/vda.raw" "$SCRATCH/vda.raw"

"$BUILD/tests/case/readcheck" "$SCRATCH/vda.raw" "$view/vda.raw" 20 &
reader_a=$!
"$BUILD/tests/case/readcheck" "$SCRATCH/vdb.raw" "$view/vdb.raw" 20 &
reader_b=$!
for _ in 1 2 3 4; do
	ok virtkeep --json backup vm
	expect_json '.snapshots[0].consistency' filesystem
done
wait "$reader_a" || fail "the view of vda has changed"
wait "$reader_b" || fail "the view of vdb has changed"

say "each snapshot is a sound file system"
ok virtkeep --json list vm
expect_json length 5
for vdb in "$SCRATCH"/mnt/guests/vm/2*/vdb.raw; do
	cp --sparse=always "$vdb" "$SCRATCH/check.raw"
	e2fsck -fn "$SCRATCH/check.raw" || fail "'$vdb' is not sound"
done
ok virtkeep verify --data
unmount_vault "$SCRATCH/mnt"
expect_clean vm
