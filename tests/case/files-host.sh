#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What reading files inside guests needs of the host: a kernel in QEMU where User-mode Linux is not, what is said
# where there is none, a user who is not root, and systemd, which mounts them when they are used.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

[[ -x /usr/bin/linux.uml ]] || skip "no user-mode-linux"
# Kernels that this host may have are not those of the case.
for directory in /boot /lib/modules; do
	[[ ! -d $directory ]] || mount -t tmpfs tmpfs "$directory"
done

say "a guest that is off, and the kernel of the small guest with its modules"
root=$SCRATCH/root
mkdir -p "$SCRATCH/files/etc" "$root"
echo 'LABEL=system / ext4 defaults 0 1' > "$SCRATCH/files/etc/fstab"
head -c 4000000 /dev/urandom > "$SCRATCH/files/big"
define_guest web
make_disk raw "$SCRATCH/guests/web/vdb.raw" 32 "$SCRATCH/files"
tune2fs -L system "$SCRATCH/guests/web/vdb.raw" > /dev/null
tar -x -z -f "$SCRATCH/kernel.tar.gz" -C "$root"
release=$(ls "$root/lib/modules")
rm "$root/lib/modules/$release/modules.dep"
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

say "a kernel that cannot read the disc with the programs"
rm "$root/lib/modules/$release/kernel/fs/isofs/isofs.ko"
depmod -b "$root" "$release"
refused 1 "which takes isofs: No such device" virtkeep files ls --kernel "$root" web:/
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

say "a kernel that only root can read"
chmod 600 "$root/boot/vmlinuz-$release"
refused 1 "may not read the kernel '$root/boot/vmlinuz-$release'" as_user \
	virtkeep files ls --kernel "$root" web:/

say "mount(8) finds the programs where they are installed"
prefix=$(jq -r '.[] | select(.name == "prefix").value' "$BUILD/meson-info/intro-buildoptions.json")
meson install -C "$BUILD" --no-rebuild --quiet --destdir /var/cache/install > /dev/null
installed=/var/cache/install$prefix
# What is installed with the prefix /usr is in /sbin.
mount -t overlay -o "lowerdir=$installed/sbin:/sbin" overlay /sbin
mount -t overlay -o "lowerdir=$installed:$prefix" overlay "$prefix"
PATH=${PATH#"$SCRATCH/bin:"}
[[ $(type -P virtkeep) != "$SCRATCH"/* ]] || fail "the programs are not those that are installed"
ok mount -f -n -s -t fuse.virtkeep-files web@latest "$SCRATCH/files"
not mountpoint -q "$SCRATCH/files" || fail "'mount -f' has mounted it"

# systemd is the first process of a namespace of its own. Its units are those that it makes of the lines of fstab.
say "mounts that systemd makes when they are used, and ends when they are not"
units=$SCRATCH/units
mkdir -p "$units" "$SCRATCH/auto/vault" "$SCRATCH/auto/web"
printf '[vault]\nurl = %s\n' "$VAULT" > /etc/virtkeep/virtkeep.conf
cat > "$SCRATCH/fstab" <<-TABLE
	dir:$VAULT $SCRATCH/auto/vault fuse.virtkeep-mount noauto,x-systemd.automount,x-systemd.idle-timeout=1 0 0
	web@latest $SCRATCH/auto/web fuse.virtkeep-files noauto,x-systemd.automount,x-systemd.idle-timeout=1 0 0
TABLE
SYSTEMD_FSTAB=$SCRATCH/fstab SYSTEMD_SYSROOT_FSTAB=/dev/null \
	/lib/systemd/system-generators/systemd-fstab-generator "$units" "$units" "$units"
automounts=$(cd "$units" && echo ./*.automount)
automounts=${automounts//.\//}
printf '[Unit]\nDefaultDependencies=no\nWants=look.service\n' > "$units/default.target"
cat > "$units/look.service" <<-UNIT
	[Unit]
	DefaultDependencies=no
	Requires=$automounts
	After=$automounts
	[Service]
	Type=oneshot
	ExecStart=/bin/bash $SCRATCH/look
UNIT
cat > "$SCRATCH/look" <<-LOOK
	exec > "$SCRATCH/seen" 2>&1
	trap 'kill -s RTMIN+13 1' EXIT
	ls "$SCRATCH/auto/vault/guests"
	exec 8< "$SCRATCH/auto/vault/guests"
	exec 9< "$SCRATCH/auto/web/etc/fstab"
	cat <&9
	grep -o 'fuse.virtkeep[^ ]*' /proc/mounts
	exec 8<&- 9<&-
	while grep -q fuse.virtkeep /proc/mounts; do
		findmnt --poll=umount --first-only --timeout 1000 > /dev/null
	done
	echo idle
LOOK
# shellcheck disable=SC2016 # the other shell's variables
timeout -s KILL 120 unshare --mount --pid --fork --kill-child --mount-proc --uts --ipc --net bash -c '
	mount -t tmpfs tmpfs /run
	mount -t tmpfs tmpfs /sys/fs/cgroup
	mkdir /run/systemd /sys/fs/cgroup/systemd
	exec env -i container=case PATH="$PATH" SYSTEMD_UNIT_PATH="$1" SYSTEMD_LOG_TARGET=console \
		/lib/systemd/systemd --system --unit=default.target' systemd "$units" > "$OUT" 2>&1 || true
[[ $(cat "$SCRATCH/seen") == "web
$(cat "$SCRATCH/files/etc/fstab")
fuse.virtkeep-mount
fuse.virtkeep-files
idle" ]] || fail "seen: $(cat "$SCRATCH/seen")"
expect_clean web
