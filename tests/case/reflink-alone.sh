#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What keeps one guest's files from being cloned keeps no other guest of its group; and what cannot be
# cleaned up is said.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

# More files than an array takes of one disk.
CHAIN=65

lengthen_chain() { # DIRECTORY: vda.qcow2 becomes the last of CHAIN files
	local below=$1/below-0.qcow2

	mv "$1/vda.qcow2" "$below"
	for ((i = 1; i < CHAIN; i++)); do
		qemu-img create -q -f qcow2 -F qcow2 -b "$below" "$1/below-$i.qcow2"
		below=$1/below-$i.qcow2
	done
	mv "$below" "$1/vda.qcow2"
}

truncate -s 2G "$SCRATCH/xfs.img"
mkfs.xfs -q "$SCRATCH/xfs.img"
mkdir "$SCRATCH/xfs"
mount -o loop "$SCRATCH/xfs.img" "$SCRATCH/xfs"
ok virtkeep init
for guest in hale sick; do
	GUEST_DIRECTORY=$SCRATCH/xfs/$guest define_guest "$guest"
done

say "a guest whose directory others may write to fails alone"
mkdir "$SCRATCH/xfs/sick/.virtkeep"
chmod 777 "$SCRATCH/xfs/sick/.virtkeep"
run virtkeep --json backup --group --mode array hale sick
expect_status 3
expect_json '[.snapshots[].guest] | join(" ")' hale
expect_json '[.failed[].guest] | join(" ")' sick
expect_err "guest 'sick': disk 'vda': '$SCRATCH/xfs/sick/.virtkeep' is not a directory that only we can"
chmod 700 "$SCRATCH/xfs/sick/.virtkeep"
ok virtkeep --json backup --group --mode array hale sick
expect_json '[.snapshots[].time] | unique | length' 1

say "a disk of more files than can be taken is refused"
GUEST_DIRECTORY=$SCRATCH/xfs/long define_guest long
lengthen_chain "$SCRATCH/xfs/long"
refused 1 "disk 'vda': it consists of $CHAIN files" virtkeep backup --mode array long
ok virtkeep backup long

say "what the doctor cannot remove is told with the reason"
left=$(echo "$SCRATCH"/xfs/hale/.virtkeep/*/*)/0123456789abcdef
mkdir -m 700 "$left"
touch "$left/unlisted"
chattr +i "$left"
run virtkeep doctor --fix hale
expect_status 5
expect_out "Operation not permitted"
chattr -i "$left"
ok virtkeep doctor --fix hale
[[ ! -e $left ]] || fail "'$left' stays"
