# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An XFS on a loop device for guests' disks, which the driver reflink clones. A case sources lib.sh first.
# shellcheck disable=SC2034 # for the cases
VIEW=$SCRATCH/view # where they mount the vault
FS=$SCRATCH/xfs

make_filesystem() {
	truncate -s 8G "$SCRATCH/xfs.img"
	mkfs.xfs -q "$SCRATCH/xfs.img"
	mkdir "$FS"
	mount -o loop "$SCRATCH/xfs.img" "$FS"
}

# define_one NAME FORMAT PATH: a guest with that one disk.
define_one() {
	guest_xml "$1" "${3%/*}" "" |
		sed -e "s#type='qcow2'#type='$2'#" -e "s#/vda.qcow2'#/${3##*/}'#" > "$SCRATCH/define.xml"
	virsh -q define "$SCRATCH/define.xml"
	virsh -q detach-disk "$1" vdb --config > /dev/null
}
