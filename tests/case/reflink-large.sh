#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An array copy of 1 TiB is made, mounted and given back within a second, and without reading data.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/case/reflink-lib.sh
. "${0%/*}/reflink-lib.sh"

GIB=$((1 << 30))

milliseconds() {
	local now=${EPOCHREALTIME/./}
	echo $((now / 1000))
}

sectors_read() {
	awk '{ print $3 }' "/sys/block/${LOOP#/dev/}/stat"
}

# quickly WHAT COMMAND...: within a second beyond the start of a process, and without reading data.
quickly() {
	local what=$1 began before took mib
	shift

	sync
	echo 3 > /proc/sys/vm/drop_caches
	virtkeep --version > /dev/null
	virtkeep-restore --version > /dev/null
	before=$(sectors_read)
	began=$(milliseconds)
	"$@"
	took=$(($(milliseconds) - began - START))
	mib=$((($(sectors_read) - before) / 2048))
	echo "$what: $took ms beyond the start of a process, $mib MiB read"
	((took < 1000)) || fail "$what took $took ms"
	((mib <= 16)) || fail "$what read $mib MiB"
}

# Its data lies in the same blocks of the file system.
same_blocks() {
	local file
	for file in "$1" "$2"; do
		xfs_io -r -c fiemap "$file" | sed 1d > "$file.map"
	done
	cmp "$1.map" "$2.map" || fail "'$1' and '$2' do not share their blocks"
	rm "$1.map" "$2.map"
}

first_read() {
	mount_vault "$VIEW"
	dd if="$VIEW/guests/big/latest/vda.raw" of=/dev/null bs=1M count=1 skip=1024 status=none
}

ok virtkeep init
make_filesystem
LOOP=$(findmnt -no SOURCE "$FS")
began=$(milliseconds)
virtkeep --version > /dev/null
START=$(($(milliseconds) - began))

say "1 TiB with 10 GiB of data"
mkdir "$FS/big"
head -c 256M /dev/urandom > "$FS/pattern"
truncate -s 1T "$FS/big/vda.raw"
for ((i = 0; i < 40; i++)); do
	xfs_io -c "reflink $FS/pattern 0 $(((1 + 25 * i) * GIB)) 256m" "$FS/big/vda.raw" > /dev/null
done
define_one big raw "$FS/big/vda.raw"
quickly snapshot ok virtkeep --json backup --mode array big
expect_json '.snapshots[0].disks[0].mode' array
cp --reflink "$FS/big/vda.raw" "$FS/kept"
for ((i = 0; i < 40; i++)); do
	xfs_io -c "pwrite -q -S 0x5a $(((25 * i + 1) * GIB + 4096 * i)) 1m" "$FS/big/vda.raw"
done
ok virtkeep restore big --in-place --dry-run
expect_out "replacing the existing file, cloned by 'reflink': no data is read"
quickly "mount and first read" first_read
[[ $(stat -c %s "$VIEW/guests/big/latest/vda.raw") == $((1024 * GIB)) ]] || fail "not 1 TiB"
blocks=$(stat -c %b "$VIEW/guests/big/latest/vda.raw")
((blocks * 512 >= 10 * GIB && blocks * 512 < 11 * GIB)) || fail "$blocks blocks are not 10 GiB"
for ((i = 0; i < 40; i += 8)); do
	cmp -n 8M -i $(((25 * i + 1) * GIB)) "$FS/kept" "$VIEW/guests/big/latest/vda.raw" ||
		fail "the mount shows something else"
done
unmount_vault "$VIEW"
quickly "restore in place" ok virtkeep restore big --in-place
same_blocks "$FS/kept" "$FS/big/vda.raw"
for ((i = 0; i < 40; i += 8)); do
	cmp -n 8M -i $(((25 * i + 1) * GIB)) "$FS/kept" "$FS/big/vda.raw" || fail "not restored"
done
quickly "restore beside" ok virtkeep restore big --as big2 --to "$FS"
same_blocks "$FS/kept" "$FS/big2-vda.raw"
virsh -q undefine big2
rm "$FS/kept" "$FS/big2-vda.raw"
