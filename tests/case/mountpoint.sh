#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mount points that are missing, busy, no directory, not empty, or in the vault.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest vm
# vdb gets one partition, as an installer makes it.
disk=$SCRATCH/guests/vm/vdb.raw
mkdir "$SCRATCH/files" "$SCRATCH/media"
echo inside > "$SCRATCH/files/letter"
make_disk raw "$SCRATCH/partition" 16 "$SCRATCH/files"
dd if="$SCRATCH/partition" of="$disk" bs=1M seek=1 conv=notrunc status=none
printf '\0\0\2\0\203\0\0\0\0\10\0\0\0\200\0\0' |
	dd of="$disk" bs=1 seek=446 conv=notrunc status=none
printf '\125\252' | dd of="$disk" bs=1 seek=510 conv=notrunc status=none
ok virtkeep init
ok virtkeep backup vm

refused 6 "'$SCRATCH/missing'" virtkeep mount "$SCRATCH/missing"
[[ ! -e $SCRATCH/missing ]] || fail "a directory was made"
echo precious > "$SCRATCH/file"
refused 2 "'$SCRATCH/file'" virtkeep mount "$SCRATCH/file"
mkdir "$SCRATCH/full"
echo precious > "$SCRATCH/full/file"
refused 1 "'$SCRATCH/full'" virtkeep mount "$SCRATCH/full"
not mountpoint -q "$SCRATCH/full" || fail "a directory with files was hidden"
run virtkeep mount "$VAULT/tmp"
expect_status 2
not mountpoint -q "$VAULT/tmp" || fail "mounted inside of the vault"

say "busy"
mount_vault "$SCRATCH/mnt"
refused 4 "'$SCRATCH/mnt'" virtkeep mount "$SCRATCH/mnt"
ls "$SCRATCH/mnt/guests/vm/latest" > "$OUT"
expect_out vda.raw

say "a file from within a partition, as the manual has it"
sed -n '/^part=/,/^\.Ed/{/^\.Ed/!p}' "${0%/*}/../../contrib/man/virtkeep-mount.1" |
	sed "s|/mnt|$SCRATCH/mnt|; s|web1|vm|; s|vda|vdb|; s|/media|$SCRATCH/media|" > "$SCRATCH/look"
ok bash -euxc "$(cat "$SCRATCH/look")"
[[ $(cat "$SCRATCH/media/letter") == inside ]] || fail "the file is not there"
umount "$SCRATCH/media"
unmount_vault "$SCRATCH/mnt"

say "in the foreground, and by mount(8)"
mkdir -p "$SCRATCH/one" "$SCRATCH/two"
virtkeep-mount -f "$VAULT" "$SCRATCH/one" 2> "$ERR" &
pid=$!
wait_for 20 "it is mounted" is_mounted "$SCRATCH/one"
# mount(8) looks for it on a path of its own.
mount --bind "$SCRATCH/bin" /usr/local/bin
ok mount -t fuse.virtkeep-mount -o noauto,nosuid,nodev,allow_other "dir:$VAULT" "$SCRATCH/two"
is_mounted "$SCRATCH/two" || fail "mount(8) came back before the mount was there"
same_file "$SCRATCH/one/guests/vm/latest/vdb.raw" "$SCRATCH/two/guests/vm/latest/vdb.raw"
run touch "$SCRATCH/one/new"
[[ $STATUS != 0 ]] || fail "the mount can be written"
unmount_vault "$SCRATCH/one" "$SCRATCH/two"
wait "$pid" || fail "virtkeep-mount -f ended with $?"

say "killed: the dead mount can be taken over"
mount_vault "$SCRATCH/mnt"
pkill -KILL -x virtkeep-mount
wait_for 20 "the mount is dead" not ls "$SCRATCH/mnt"
run virtkeep mount "$SCRATCH/mnt"
[[ $STATUS == 0 ]] || expect_err "'$SCRATCH/mnt'"
while mountpoint -q "$SCRATCH/mnt" || ! ls "$SCRATCH/mnt" > /dev/null 2>&1; do
	umount -l "$SCRATCH/mnt"
done
wait_for 20 "virtkeep-mount is gone" not pgrep -x virtkeep-mount
expect_clean vm
