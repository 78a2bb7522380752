#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The mounted view behaves like disks: partitions, loops, O_DIRECT, mmap, tar, options of the mount.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

# put FILE DISK SECTOR: into the disk.
put() {
	dd if="$1" of="$2" bs=512 seek="$3" conv=notrunc,sparse status=none
}

say "a disk with GPT, and one of 16 TiB"
define_guest vm
define_guest other
disk=$SCRATCH/guests/vm/vdb.raw
mkdir "$SCRATCH/files" "$SCRATCH/media"
echo inside > "$SCRATCH/files/letter"
make_disk raw "$SCRATCH/p1" 16 "$SCRATCH/files"
truncate -s 4M "$SCRATCH/p2"
mkswap -q "$SCRATCH/p2"
head -c 1M /dev/urandom > "$SCRATCH/p3"
truncate -s 0 "$disk"
truncate -s 32M "$disk"
sfdisk -q "$disk" <<-TABLE
	label: gpt
	start=2048, size=32768
	start=36864, size=8192
	start=47104, size=2048
TABLE
put "$SCRATCH/p1" "$disk" 2048
put "$SCRATCH/p2" "$disk" 36864
put "$SCRATCH/p3" "$disk" 47104
mkdir "$SCRATCH/guests/far"
mount -t tmpfs tmpfs "$SCRATCH/guests/far"
far=$SCRATCH/guests/far/vdb.raw
define_guest far
truncate -s 0 "$far"
truncate -s 16T "$far"
sfdisk -q "$far" <<-TABLE
	label: gpt
	start=2048, size=2048
	start=4096
TABLE
put "$SCRATCH/p3" "$far" 2048
put "$SCRATCH/p3" "$far" $((15 << 31))
ok virtkeep init
ok virtkeep backup vm other far
mount_vault "$SCRATCH/mnt"
view=$SCRATCH/mnt/guests/vm/latest

say "partitions"
[[ $(ls "$view/vdb.parts") == $'p1.ext4.raw\np2.swap.raw\np3.raw' ]] || fail "$(ls "$view/vdb.parts")"
for part in p1.ext4 p2.swap p3; do
	same_file "$SCRATCH/${part%.*}" "$view/vdb.parts/$part.raw"
done
[[ -z $(ls "$view/vda.parts") ]] || fail "a disk without a table has partitions"
ok e2fsck -fn "$view/vdb.parts/p1.ext4.raw"
ok find "$SCRATCH/mnt" -name '*.raw' -path '*.parts/*'
[[ $(wc -l < "$OUT") == 5 ]] || fail "found: $(cat "$OUT")"

say "a loop device"
loop=$(losetup --find --show --read-only "$view/vdb.parts/p1.ext4.raw")
mount -o ro,noload "$loop" "$SCRATCH/media"
[[ $(cat "$SCRATCH/media/letter") == inside ]] || fail "the file is not there"
umount "$SCRATCH/media"
losetup -d "$loop"

say "qemu-img with and without the cache, and mmap"
ok qemu-img compare -f raw -F raw "$disk" "$view/vdb.raw"
ok qemu-img convert -f raw -O raw -T none "$view/vdb.raw" "$SCRATCH/converted"
same_file "$disk" "$SCRATCH/converted"
ok qemu-img bench -f raw -t none -c 200 -d 8 -s 4k "$view/vdb.parts/p3.raw"
ok python3 -c '
import mmap, sys
with open(sys.argv[1], "rb") as file, open(sys.argv[2], "rb") as other:
    for flags in mmap.MAP_PRIVATE, mmap.MAP_SHARED:
        other.seek(0)
        if mmap.mmap(file.fileno(), 0, flags, mmap.PROT_READ)[:] != other.read():
            sys.exit("they differ")
print("compared")' "$view/vdb.parts/p3.raw" "$SCRATCH/p3"
expect_out compared
cp --sparse=auto "$view/vdb.parts/p1.ext4.raw" "$SCRATCH/copy"
same_file "$SCRATCH/p1" "$SCRATCH/copy"
(($(stat -c %b "$SCRATCH/copy") < 16384)) || fail "the copy is not sparse"

say "attributes"
ok getfattr --absolute-names -d "$view/vdb.raw"
for line in 'consistency="offline"' 'mode="full"' "source=\"$disk\"" 'digest="' 'stored="'; do
	expect_out "user.virtkeep.$line"
done
ok getfattr --absolute-names -d "$view/vdb.parts/p3.raw"
expect_out 'user.virtkeep.mode="full"'
ok getfattr --absolute-names -d "$view"
[[ $(grep -c user.virtkeep "$OUT") == 1 ]] || fail "of a snapshot: $(cat "$OUT")"
ok getfattr --absolute-names -d "$view/domain.xml" "$SCRATCH/mnt/guests"
digest() {
	getfattr --absolute-names --only-values -n user.virtkeep.digest "$1"
}
[[ $(digest "$view/vdb.raw") != $(digest "$view/vda.raw") ]] || fail "two disks have one digest"
run getfattr --absolute-names -n user.virtkeep.nothing "$view/vdb.raw"
expect_status 1
expect_err 'No such attribute'

say "tar finds nothing the second time, nor after a remount"
incremental() { # ARCHIVE
	ok tar -C "$SCRATCH/mnt" --no-check-device -S -c -g "$SCRATCH/tar.list" -f "$1" guests/vm times
	tar -tf "$1" > "$SCRATCH/names"
}
incremental "$SCRATCH/1.tar"
grep -q 'vdb.parts/p3.raw$' "$SCRATCH/names" || fail "$(cat "$SCRATCH/names")"
tar -C "$SCRATCH" -xf "$SCRATCH/1.tar" --wildcards --strip-components 4 '*/p1.ext4.raw'
same_file "$SCRATCH/p1" "$SCRATCH/p1.ext4.raw"
incremental "$SCRATCH/2.tar"
not grep -v '/$' "$SCRATCH/names" || fail "found again"
unmount_vault "$SCRATCH/mnt"
mount_vault "$SCRATCH/mnt"
incremental "$SCRATCH/3.tar"
not grep -v '/$' "$SCRATCH/names" || fail "found again after a remount"

say "16 TiB"
view=$SCRATCH/mnt/guests/far/latest
[[ $(stat -c %s "$view/vdb.raw") == $((16 << 40)) ]] || fail "$(stat "$view/vdb.raw")"
sectors=$(sfdisk --json "$far" | jq '.partitiontable.partitions[1].size')
[[ $(stat -c %s "$view/vdb.parts/p2.raw") == $((sectors * 512)) ]] || fail "$(stat "$view"/vdb.parts/*)"
same_file "$SCRATCH/p3" "$view/vdb.parts/p1.raw"
cmp -n 1M -i 0:$(((15 << 40) - (4096 << 9))) "$SCRATCH/p3" "$view/vdb.parts/p2.raw" ||
	fail "data at 15 TiB differs"
ok qemu-img map -f raw --output json "$view/vdb.parts/p2.raw"
expect_json '[.[] | select(.data)] | length' 1
unmount_vault "$SCRATCH/mnt"

say "options"
mount --bind "$SCRATCH/bin" /usr/local/bin
cat > "$SCRATCH/fstab" <<-TABLE
	dir:$VAULT $SCRATCH/mnt fuse.virtkeep-mount noauto,nofail,_netdev,user,x-systemd.automount,x-systemd.idle-timeout=60,guests=vm*,umask=022,cache=64,threads=2 0 0
TABLE
ok mount -T "$SCRATCH/fstab" "$SCRATCH/mnt"
[[ $(ls "$SCRATCH/mnt/guests") == vm ]] || fail "guests: $(ls "$SCRATCH/mnt/guests")"
[[ $(stat -c %a "$SCRATCH/mnt/guests/vm") == 555 ]] ||
	fail "mode $(stat -c %a "$SCRATCH/mnt/guests/vm")"
[[ $(stat -Lc %a "$SCRATCH/mnt/guests/vm/latest/vdb.raw") == 444 ]] || fail "the mode of a file"
same_file "$disk" "$SCRATCH/mnt/guests/vm/latest/vdb.raw"
unmount_vault "$SCRATCH/mnt"
refused 2 "'threads=0'" virtkeep-mount -o threads=0 "$VAULT" "$SCRATCH/mnt"
expect_clean vm
