#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What reading files inside guests needs of the host: a kernel in QEMU where User-mode Linux is not, what is said
# where there is none, and a user who is not root.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

[[ -x /usr/bin/linux.uml ]] || skip "no user-mode-linux"
# Kernels that this host may have are not those of the case.
for directory in /boot /lib/modules; do
	[[ ! -d $directory ]] || mount -t tmpfs tmpfs "$directory"
done

say "a guest that is off, and the kernel of the small guest with its modules"
root=$SCRATCH/root
mkdir -p "$SCRATCH/files/etc" "$root/boot" "$SCRATCH/initrd"
echo 'LABEL=system / ext4 defaults 0 1' > "$SCRATCH/files/etc/fstab"
head -c 4000000 /dev/urandom > "$SCRATCH/files/big"
define_guest web
make_disk raw "$SCRATCH/guests/web/vdb.raw" 32 "$SCRATCH/files"
tune2fs -L system "$SCRATCH/guests/web/vdb.raw" > /dev/null
(cd "$SCRATCH/initrd" && gunzip -c "$SCRATCH/initrd.gz" | cpio --quiet -i -d)
release=$(modinfo -F vermagic "$SCRATCH/initrd/modules/virtio_blk.ko" | cut -d ' ' -f 1)
mkdir -p "$root/lib/modules/$release"
ln -s "$SCRATCH/vmlinuz" "$root/boot/vmlinuz-$release"
mv "$SCRATCH/initrd/modules" "$root/lib/modules/$release/kernel"
ok virtkeep init
ok virtkeep backup web

say "no kernel, no modules"
refused 6 "there is no kernel in '$SCRATCH/files'" virtkeep files ls --kernel "$SCRATCH/files" web:/
refused 6 "'depmod' makes it" virtkeep files ls --kernel "$root" web:/
depmod -b "$root" "$release"
echo '[files]
appliance = qemu' > /etc/virtkeep/virtkeep.conf
refused 1 "install the package 'linux-image-amd64'" virtkeep files ls web:/
rm /etc/virtkeep/virtkeep.conf
mount --bind /dev/null /usr/bin/linux.uml
refused 1 "install the package 'user-mode-linux'" virtkeep files ls web:/
expect_err "'virtkeep mount' shows the disks and their partitions"

say "a kernel in QEMU"
mkfifo "$SCRATCH/stream"
virtkeep files cat --kernel "$root" web:/big > "$SCRATCH/stream" 2> "$ERR" &
job=$!
exec 8< "$SCRATCH/stream"
head -c 1000 <&8 > "$SCRATCH/got"
pid=$(pgrep -x qemu-system-x86)
[[ $(stat -c %U "/proc/$pid") == nobody ]] || fail "it runs as $(stat -c %U "/proc/$pid")"
grep -q '^CapBnd:.*[^0[:space:]]' "/proc/$pid/status" && fail "it can get capabilities"
[[ $(readlink "/proc/$pid/ns/net") != $(readlink /proc/self/ns/net) ]] || fail "it has a network"
[[ ! -e /proc/$pid/root/etc ]] || fail "it sees /etc"
cat <&8 >> "$SCRATCH/got"
exec 8<&-
wait "$job" || fail "it failed: $(cat "$ERR")"
same_file "$SCRATCH/got" "$SCRATCH/files/big"
not pgrep -x qemu-system-x86 || fail "QEMU is left"
umount /usr/bin/linux.uml

say "a user who is not root"
mkdir "$SCRATCH/home"
mknod -m 666 "$SCRATCH/fuse" c 10 229
mount --bind "$SCRATCH/fuse" /dev/fuse
cp -a "$VAULT" "$SCRATCH/home/vault"
chown -R 1234:1234 "$SCRATCH/home"
as_user() {
	setpriv --reuid 1234 --regid 1234 --clear-groups env -u XDG_RUNTIME_DIR HOME="$SCRATCH/home" \
		VIRTKEEP_VAULT="$SCRATCH/home/vault" "$@"
}
ok as_user virtkeep files cat web:/big
same_file "$OUT" "$SCRATCH/files/big"
umount /dev/fuse
if ! as_user test -r /dev/fuse; then
	refused 1 "cannot open '/dev/fuse'" as_user virtkeep files cat web:/big
fi
mount --bind "$SCRATCH/fuse" /dev/fuse
refused 1 "users may not make namespaces on this host" as_user \
	strace -f -o /dev/null -e trace=unshare -e inject=unshare:error=EPERM virtkeep files cat web:/big
umount /dev/fuse
expect_clean web
