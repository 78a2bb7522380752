#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The view of a shut-off guest equals its disks, read at random by several threads.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 40)
define_guest vm
ok virtkeep init
ok virtkeep --json backup vm
expect_json '.snapshots[0].consistency' offline
expect_json '.snapshots[0].pause_ms' 0

say "digests"
mount_vault "$SCRATCH/mnt"
view=$SCRATCH/mnt/guests/vm/latest
qemu-img convert -O raw "$SCRATCH/guests/vm/vda.qcow2" "$SCRATCH/vda.raw"
same_file "$SCRATCH/vda.raw" "$view/vda.raw"
same_file "$SCRATCH/guests/vm/vdb.raw" "$view/vdb.raw"
ok "$BUILD/tests/case/readcheck" "$SCRATCH/vda.raw" "$view/vda.raw" 5
cat "$OUT"

say "holes: copies are as sparse as the snapshot, and the view says how much it holds"
cp --sparse=auto "$view/vdb.raw" "$SCRATCH/copy.raw"
same_file "$SCRATCH/copy.raw" "$SCRATCH/guests/vm/vdb.raw"
copied=$(stat -c '%b * %B' "$SCRATCH/copy.raw")
shown=$(stat -c '%b * 512' "$view/vdb.raw")
(((copied) <= (shown) + 65536)) || fail "the copy takes $copied bytes, the view says $shown"
(((shown) < 16 * 1048576)) || fail "the view has $shown bytes of 32 MiB, mostly holes"
unmount_vault "$SCRATCH/mnt"
expect_clean vm
