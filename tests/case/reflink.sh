#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Array snapshots by reflink, on XFS and btrfs: taken, listed, mounted, restored, copied to the vault.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

make_filesystem() { # TYPE: on $SCRATCH/TYPE
	truncate -s 2G "$SCRATCH/$1.img"
	"mkfs.$1" -q "$SCRATCH/$1.img"
	mkdir "$SCRATCH/$1"
	mount -o loop "$SCRATCH/$1.img" "$SCRATCH/$1"
}

# A suspended guest has nothing left in QEMU's hands.
image_of() {
	virsh domblklist "$1" | awk -v target="$2" '$1 == target { print $2 }'
}

ok virtkeep init
for type in xfs btrfs; do
	say "$type"
	make_filesystem "$type"
	mkdir "$SCRATCH/$type/vm"
	guest=$type-vm
	GUEST_DIRECTORY=$SCRATCH/$type/vm define_guest "$guest"
	start_guest "$guest"
	guest_run "$guest" 'dd if=/dev/urandom of=/mnt/vda/new bs=64k count=40 2>/dev/null; sync'
	ok virtkeep --json backup --mode array "$guest"
	jq . "$OUT"
	expect_json '.snapshots[0].consistency' filesystem
	expect_json '[.snapshots[0].disks[].mode] | unique | join(" ")' array
	expect_clean "$guest"
done
