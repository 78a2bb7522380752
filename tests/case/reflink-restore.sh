#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What array copies give back, on XFS and btrfs: by clones where the array can clone, by reading where it cannot,
# from the vault where it has the copy no more.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/case/reflink-lib.sh
. "${0%/*}/reflink-lib.sh"

backing_of() {
	qemu-img info -U --output json "$1" | jq -r '."backing-filename" // ""'
}

same_disk() { # RAW FORMAT IMAGE
	qemu-img compare -q -f raw -F "$2" "$1" "$3" || fail "'$3' is not as '$1'"
}

forget_array_copies() { # DIRECTORY
	chattr -R -i "$1/.virtkeep"
	rm -r "$1/.virtkeep"
}

ok virtkeep init
make_filesystem
head -c 256M /dev/urandom > "$FS/pattern"

say "holes, and a file that ends within a sector"
mkdir "$FS/odd"
cp --reflink "$FS/pattern" "$FS/odd/vda.raw"
xfs_io -c "fpunch 64k 1m" -c "truncate $((100 * 1000 * 1000 + 1))" "$FS/odd/vda.raw"
define_one odd raw "$FS/odd/vda.raw"
ok virtkeep backup --mode array odd
mount_vault "$VIEW"
file=$VIEW/guests/odd/latest/vda.raw
cp --reflink "$FS/odd/vda.raw" "$FS/kept"
truncate -s $(((100000001 + 511) / 512 * 512)) "$FS/kept"
same_file "$FS/kept" "$file"
dd if="$file" iflag=direct bs=1M status=none | cmp - "$FS/kept" || fail "direct reads differ"
[[ $(xfs_io -r -c "seek -h 0" "$file" | tail -n 1) == "HOLE"*65536 ]] || fail "no hole at 64 KiB"
[[ $(xfs_io -r -c "seek -d 65536" "$file" | tail -n 1) == "DATA"*1114112 ]] || fail "the hole is wrong"
[[ $(jq -r '.disks[0].serves' "$VIEW/guests/odd/latest/snapshot.json") == reflink ]] ||
	fail "snapshot.json does not tell that the array serves"
unmount_vault "$VIEW"

say "btrfs: to another subvolume, and a file without copy-on-write"
truncate -s 1G "$SCRATCH/btrfs.img"
mkfs.btrfs -q "$SCRATCH/btrfs.img"
mkdir "$SCRATCH/btrfs"
mount -o loop "$SCRATCH/btrfs.img" "$SCRATCH/btrfs"
btrfs -q subvolume create "$SCRATCH/btrfs/vm"
btrfs -q subvolume create "$SCRATCH/btrfs/other"
touch "$SCRATCH/btrfs/vm/vda.raw"
chattr +C "$SCRATCH/btrfs/vm/vda.raw"
head -c 20M "$FS/pattern" > "$SCRATCH/btrfs/vm/vda.raw"
define_one sub raw "$SCRATCH/btrfs/vm/vda.raw"
ok virtkeep backup --mode array sub
: > "$SCRATCH/btrfs/vm/vda.raw"
ok virtkeep --json restore sub --disk vda="$SCRATCH/btrfs/other/vda.raw"
expect_json '.restored[0].disks[0].cloned' true
ok virtkeep --json restore sub --in-place
expect_json '.restored[0].disks[0].cloned' true
for file in vm other; do
	cmp -n 20M "$FS/pattern" "$SCRATCH/btrfs/$file/vda.raw" || fail "'$file' is not restored"
done

say "a guest that ran, in place"
GUEST_DIRECTORY=$FS/vm define_guest vm
start_guest vm
guest_run vm 'echo old > /mnt/vda/mark; echo old > /mnt/vdb/mark; sync'
ok virtkeep backup vm
# Only QEMU's next opening finds the bitmap in the image, and marks it as being in use.
stop_guest vm
start_guest vm
ok virtkeep backup --mode array vm
snapshot=$(newest vm)
mount_vault "$VIEW"
for disk in vda vdb; do
	cp --sparse=always "$VIEW/guests/vm/${snapshot#*@}/$disk.raw" "$SCRATCH/$disk.kept"
done
unmount_vault "$VIEW"
guest_run vm 'echo new > /mnt/vda/mark; echo new > /mnt/vdb/mark; sync'
ok virtkeep restore "$snapshot" --in-place
[[ $(grep -c "cloned by 'reflink'" "$OUT") == 2 ]] || fail "not both disks are cloned"
wait_for 120 "the agent of 'vm' answers" agent vm '{"execute":"guest-ping"}'
[[ $(guest_run vm 'cat /mnt/vda/mark /mnt/vdb/mark' | paste -sd ' ') == "old old" ]] ||
	fail "the guest is not as it was"
expect_clean vm

say "the bitmaps that came back with the image are not believed"
qemu-img info --output json "$(echo "$FS"/vm/.virtkeep/*/*/*/vda.0)" > "$OUT"
expect_json '."format-specific".data.bitmaps[0].flags | sort | join(" ")' "auto in-use"
ok virtkeep --json backup vm
expect_json '[.snapshots[0].disks[].mode] | join(" ")' "compare compare"
guest_run vm 'echo newer > /mnt/vda/mark; sync'
ok virtkeep --json backup vm
expect_json '.snapshots[0].disks[0].mode' incremental
expect_clean vm
stop_guest vm
ok virtkeep restore "$snapshot" --in-place
same_disk "$SCRATCH/vda.kept" qcow2 "$FS/vm/vda.qcow2"
same_disk "$SCRATCH/vdb.kept" raw "$FS/vm/vdb.raw"
[[ $(stat -c %i "$FS"/vm/.virtkeep/*/*/*/vda.0) != "$(stat -c %i "$FS/vm/vda.qcow2")" ]]
ok virtkeep --json backup vm
expect_json '[.snapshots[0].disks[].mode] | join(" ")' "compare compare"
mount_vault "$VIEW"
for disk in vda vdb; do
	same_file "$SCRATCH/$disk.kept" "$VIEW/guests/vm/latest/$disk.raw"
done
unmount_vault "$VIEW"

say "beside, one disk, and out of reach"
mkdir "$SCRATCH/far" "$FS/near"
ok virtkeep restore "$snapshot" --as beside --dry-run
expect_out "'$FS/vm/beside-vda.qcow2', cloned by 'reflink'"
ok virtkeep restore "$snapshot" --as beside
same_disk "$SCRATCH/vda.kept" qcow2 "$FS/vm/beside-vda.qcow2"
ok virtkeep restore "$snapshot" --disk vda="$FS/near/one.qcow2"
same_disk "$SCRATCH/vda.kept" qcow2 "$FS/near/one.qcow2"
ok virtkeep restore "$snapshot" --disk vda="$FS/near/one.raw" --format raw --dry-run
expect_out "copied, because the copy on the array is 'qcow2'"
ok virtkeep restore "$snapshot" --disk vda="$FS/near/one.raw" --format raw
same_file "$SCRATCH/vda.kept" "$FS/near/one.raw"
ok virtkeep --json restore "$snapshot" --disk vda --to "$SCRATCH/far"
expect_json '.restored[0].disks[0].cloned' false
same_disk "$SCRATCH/vda.kept" qcow2 "$SCRATCH/far/vm-vda.qcow2"
ok virtkeep restore "$snapshot" --disk vdb --to "$SCRATCH/far" --dry-run
expect_out "copied, because its place is out of the array's reach"
expect_clean vm

say "a deleted guest"
virsh -q undefine vm --checkpoints-metadata
rm "$FS/vm/vda.qcow2" "$FS/vm/vdb.raw"
ok virtkeep restore "$snapshot" --start
wait_for 120 "the agent of 'vm' answers" agent vm '{"execute":"guest-ping"}'
[[ $(guest_run vm 'cat /mnt/vda/mark') == old ]] || fail "the deleted guest is not as it was"
expect_clean vm

say "the array's copy is gone"
ok virtkeep backup --mode array+vault vm
stop_guest vm
mount_vault "$VIEW"
cp --sparse=always "$VIEW/guests/vm/latest/vda.raw" "$SCRATCH/vda.kept"
[[ $(jq -r '.disks[0].serves' "$VIEW/guests/vm/latest/snapshot.json") == reflink ]] ||
	fail "the array should serve"
forget_array_copies "$FS/vm"
same_file "$SCRATCH/vda.kept" "$VIEW/guests/vm/latest/vda.raw"
unmount_vault "$VIEW"
mount_vault "$VIEW"
[[ $(jq -r '.disks[0].serves' "$VIEW/guests/vm/latest/snapshot.json") == vault ]] ||
	fail "the vault should serve"
[[ $(jq -r '.disks[0].serves' "$VIEW/guests/vm/${snapshot#*@}/snapshot.json") == null ]] ||
	fail "nothing should serve"
refused 1 "Input/output error" cat "$VIEW/guests/vm/${snapshot#*@}/vdb.raw"
unmount_vault "$VIEW"
ok virtkeep restore vm --in-place
expect_out "copied, because the array no longer has its copy"
same_disk "$SCRATCH/vda.kept" qcow2 "$FS/vm/vda.qcow2"
refused 6 "gone" virtkeep restore "$snapshot" --in-place
same_disk "$SCRATCH/vda.kept" qcow2 "$FS/vm/vda.qcow2"
expect_clean vm

say "backing files that did not change"
chain=$FS/chain
mkdir "$chain"
make_disk raw "$chain/base.raw" 64
(cd "$chain" && qemu-img create -q -f qcow2 -b base.raw -F raw mid.qcow2 &&
	qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 vda.qcow2)
qemu-io -f qcow2 -c "write -q -P 1 40M 1M" "$chain/mid.qcow2"
qemu-io -f qcow2 -c "write -q -P 2 41M 1M" "$chain/vda.qcow2"
define_one chain qcow2 "$chain/vda.qcow2"
ok virtkeep backup --mode array chain
snapshot=$(newest chain)
qemu-img convert -O raw "$chain/vda.qcow2" "$SCRATCH/chain.kept"
qemu-io -f qcow2 -c "write -q -P 3 0 8M" "$chain/vda.qcow2"
ok virtkeep restore "$snapshot" --in-place
same_disk "$SCRATCH/chain.kept" qcow2 "$chain/vda.qcow2"
[[ $(backing_of "$chain/vda.qcow2") == mid.qcow2 ]] || fail "the image names another backing file"
expect_clean

say "the middle one changed"
qemu-io -f qcow2 -c "write -q -P 3 40M 2M" "$chain/mid.qcow2"
sum=$(sha256sum < "$chain/mid.qcow2")
ok virtkeep restore "$snapshot" --in-place
same_disk "$SCRATCH/chain.kept" qcow2 "$chain/vda.qcow2"
middle=$(backing_of "$chain/vda.qcow2")
[[ $middle == "$chain/mid.qcow2.virtkeep-${snapshot#*@}-"* ]] || fail "its backing file is '$middle'"
[[ $(backing_of "$middle") == base.raw ]] || fail "the base should be used as it lies"
[[ $(sha256sum < "$chain/mid.qcow2") == "$sum" ]] || fail "the present backing file was touched"
rm "$middle"

say "all changed, and then the base is lost"
for what in changed lost; do
	if [[ $what == changed ]]; then
		qemu-io -f raw -c "write -q -P 3 50M 1M" "$chain/base.raw"
	else
		rm "$chain/base.raw"
	fi
	ok virtkeep --json restore "$snapshot" --in-place
	expect_json '.restored[0].files | map(.cloned) | join(" ")' "true true"
	same_disk "$SCRATCH/chain.kept" qcow2 "$chain/vda.qcow2"
	base=$(backing_of "$(backing_of "$chain/vda.qcow2")")
	[[ $base == "$chain/base.raw.virtkeep-${snapshot#*@}-"* ]] || fail "the base is '$base'"
done

say "elsewhere a chain becomes one file"
ok virtkeep restore "$snapshot" --as chain2 --to "$FS/near" --dry-run
expect_out "copied, because its backing files belong to '$chain/vda.qcow2': it becomes one file"
ok virtkeep restore "$snapshot" --as chain2 --to "$FS/near"
same_disk "$SCRATCH/chain.kept" qcow2 "$FS/near/chain2-vda.qcow2"
[[ -z $(backing_of "$FS/near/chain2-vda.qcow2") ]] || fail "it has a backing file"

say "a backing file changes while the guest shuts down"
start_guest chain
ok virtkeep backup --mode array chain
guest_run chain 'echo new > /mnt/vda/mark; sync'
qemu=$(cat /run/libvirt/qemu/chain.pid)
kill -STOP "$qemu"
: > "$ERR" # not what was said before
virtkeep restore chain --in-place > "$OUT" 2> "$ERR" &
job=$!
wait_for 60 "the shutdown begins" grep -q "shutting down guest" "$ERR"
touch "$base"
kill -CONT "$qemu"
STATUS=0
wait "$job" || STATUS=$?
expect_status 1
expect_err "a backing file of disk 'vda' changed"
wait_for 120 "the agent of 'chain' answers" agent chain '{"execute":"guest-ping"}'
[[ $(guest_run chain 'cat /mnt/vda/mark') == new ]] || fail "the guest is not as it was"
ok virtkeep restore chain --in-place
wait_for 120 "the agent of 'chain' answers" agent chain '{"execute":"guest-ping"}'
guest_run chain 'test ! -e /mnt/vda/mark' || fail "the guest was not put back"
left=$(find "$chain" -name '.*.virtkeep-*' -o -name '*.virtkeep-old-*')
[[ -z $left ]] || fail "left behind: $left"
