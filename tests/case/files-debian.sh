#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# All files of a Debian as debootstrap makes it, on an ext4, an XFS, subvolumes of a btrfs, a FAT and an NTFS, by
# their checksums: copied, mounted and archived; and of a snapshot that was taken while the guest wrote to its disks.

# In front of the namespaces, which have no network. Leaves the archive open as descriptor 8.
prepare() {
	local cache=${VIRTKEEP_DEMO_CACHE:-/var/cache/virtkeep-demo} log

	mkdir -p "$cache"
	log=$(mktemp)
	flock "$cache/debian.lock" "${BASH_SOURCE[0]%/*}/bare-debian" "$cache" > "$log" 2>&1 || {
		tail -n 30 "$log"
		rm "$log"
		return 1
	}
	rm "$log"
	exec 8< "$cache/bare-debian.tar.zst"
}

if [[ -z ${VK_CASE_SCRATCH:-} && $(id -u) == 0 ]]; then
	prepare || exit 1
fi
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

[[ -x /usr/bin/linux.uml ]] || skip "no user-mode-linux"
d=$SCRATCH/parts
mnt=$SCRATCH/mnt
mkdir -p "$d"/{root,srv,home/alice,home/bob,efi,windows} "$mnt"

say "a Debian, and parts of it for the other file systems"
# Without devices, and what only makes it larger.
zstd -q -d -c <&8 | tar -C "$d/root" --exclude='./dev/*' --exclude='./usr/share/locale/*' \
	--exclude='./var/lib/apt/lists/*' -xf -
cat > "$d/root/etc/fstab" <<'FSTAB'
/dev/vda   /         ext4  errors=remount-ro 0 1
LABEL=srv  /srv      xfs   defaults          0 2
LABEL=home /home     btrfs subvol=@home      0 2
LABEL=EFI  /boot/efi vfat  umask=0077        0 2
FSTAB
mkdir "$d/root/boot/efi"
cp -a "$d/root/usr/share/doc" "$d/root/var/lib/dpkg" "$d/srv/"
cp -a "$d/root/etc" "$d/home/alice/"
cp -a "$d/root/usr/bin" "$d/home/bob/"
cp -rL "$d/root/etc/pam.d" "$d/root/etc/default" "$d/root/usr/bin/dpkg" "$d/efi/"
cp -rL "$d/root/usr/share/common-licenses" "$d/root/usr/bin/perl" "$d/windows/"

say "the disks of a guest"
disks=$SCRATCH/guests/web
VDA_FILES=$d/root VDA_MIB=600 VDB_MIB=320 define_guest web stay
truncate -s 200M "$disks/vdc.raw"
truncate -s 64M "$disks/vdd.raw" "$disks/vde.raw"
fill() { # DISK DIRECTORY [MOUNT WORD...]
	mount "${@:3}" "$disks/$1.raw" "$mnt"
	cp -a "$2/." "$mnt/"
	umount "$mnt"
}
mkfs.xfs -q -f -L srv "$disks/vdb.raw"
fill vdb "$d/srv" -o loop
mkfs.btrfs -q -L home "$disks/vdc.raw" > "$OUT"
mount -o loop "$disks/vdc.raw" "$mnt"
btrfs -q subvolume create "$mnt/@home"
btrfs -q subvolume create "$mnt/@home/bob"
umount "$mnt"
fill vdc "$d/home" -o loop,compress=zstd,subvol=@home
mkfs.vfat -n EFI "$disks/vdd.raw" > "$OUT"
mcopy -s -i "$disks/vdd.raw" "$d"/efi/* ::
mkntfs -q -F -L WINDOWS "$disks/vde.raw" 2> "$ERR"
fill vde "$d/windows" -t ntfs-3g
for target in vdc vdd vde; do
	virsh -q attach-disk web "$disks/$target.raw" "$target" --subdriver raw --config
done
ok virtkeep init
ok virtkeep backup web

# The tree as the guest has it.
mount --bind "$d/srv" "$d/root/srv"
mount --bind "$d/home" "$d/root/home"
mount --bind "$d/efi" "$d/root/boot/efi"
sums() { # DIRECTORY NAME...
	(cd "$1" && find "${@:2}" -type f -exec sha256sum {} + | sort)
}
# Types, modes, owners, times and links. FAT has none.
looks() { # DIRECTORY NAME...
	(
		cd "$1"
		find "${@:2}" -mindepth 1 -name lost+found -prune -o -path ./boot/efi -prune -o \
			-type d -printf '%p %m %U %G %Ts\n' -o -printf '%p %y %m %U %G %Ts %s %l\n' | sort
	)
}
sums "$d/root" . > "$SCRATCH/sums"
sums "$d/windows" . > "$SCRATCH/windows"
looks "$d/root" . > "$SCRATCH/looks"
(($(wc -l < "$SCRATCH/sums") > 3000)) || fail "only $(wc -l < "$SCRATCH/sums") files"
expect_system() { # DIRECTORY
	sums "$1" . | diff "$SCRATCH/sums" - > "$OUT" || fail "files differ"
	looks "$1" . | diff "$SCRATCH/looks" - > "$OUT" || fail "it looks otherwise"
}
expect_windows() { # DIRECTORY
	sums "$1" . | diff "$SCRATCH/windows" - > "$OUT" || fail "files of the NTFS differ"
}

say "volumes"
ok virtkeep --json files volumes web
expect_json 'map("\(.volume) \(.type) \(.mounted_at // "-")") | join(", ")' \
	"vda ext4 /, vdb xfs /srv, vdc btrfs /home, vdd vfat /boot/efi, vde ntfs -"

say "copied"
mkdir -m 700 "$SCRATCH/copied" "$SCRATCH/windows-copied"
ok virtkeep files copy --archive web:/ "$SCRATCH/copied"
expect_system "$SCRATCH/copied"
rm -r "$SCRATCH/copied"
ok virtkeep files copy web:vde:/ "$SCRATCH/windows-copied"
expect_windows "$SCRATCH/windows-copied"

say "mounted"
ok virtkeep files mount web "$mnt"
expect_system "$mnt"
umount "$mnt"
ok virtkeep files mount web:vde:/ "$mnt"
expect_windows "$mnt"
umount "$mnt"

say "archived"
mkdir "$SCRATCH/unpacked" "$SCRATCH/windows-unpacked"
ok virtkeep files tar web:/
tar -x -p --numeric-owner -f "$OUT" -C "$SCRATCH/unpacked"
expect_system "$SCRATCH/unpacked"
rm -r "$SCRATCH/unpacked"
ok virtkeep files tar web:vde:/
tar -x -f "$OUT" -C "$SCRATCH/windows-unpacked"
expect_windows "$SCRATCH/windows-unpacked"

say "a crash while the guest writes"
start_guest web
synced=$(guest_run web 'cd /mnt/vda && head -c 5000000 /dev/urandom > synced && mkdir busy && sync &&
	sha256sum < synced')
# shellcheck disable=SC2016 # the guest's variables
guest_spawn web 'i=0; while :; do echo $i > /mnt/vda/busy/$i; i=$((i + 1)); done' > "$OUT"
is_busy() {
	guest_run web 'test -e /mnt/vda/busy/100'
}
wait_for 60 "the guest writes" is_busy
ok virtkeep backup --quiesce none web
ok virtkeep --json show web
expect_json .consistency crash
stop_guest web
mkdir -m 700 "$SCRATCH/crash"
ok virtkeep files copy --archive web:/etc web:/usr web:/home web:/synced "$SCRATCH/crash"
[[ $(sha256sum < "$SCRATCH/crash/synced") == "$synced" ]] || fail "what the guest has synced differs"
sums "$SCRATCH/crash" etc usr home > "$SCRATCH/got"
sums "$d/root" etc usr home | diff - "$SCRATCH/got" > "$OUT" || fail "files differ after a crash"
looks "$SCRATCH/crash" etc usr home > "$SCRATCH/got"
looks "$d/root" etc usr home | diff - "$SCRATCH/got" > "$OUT" || fail "it looks otherwise after a crash"
expect_clean web
