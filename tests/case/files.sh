#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Files inside the disks of a guest that is off: every file system that programs here can make, paths
# of the installed system and of volumes, hostile names, copies; and what a killed
# virtkeep-files leaves.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

[[ -x /usr/bin/linux.uml ]] || skip "no user-mode-linux"
d=$SCRATCH/disks
mkdir -p "$d"/root/{etc,boot/efi,srv,home,usr/share,data} "$d/top"

say "a system with an own fstab, on three disks"
cat > "$d/root/etc/fstab" <<'FSTAB'
# The volumes of the system
UUID=11111111-2222-3333-4444-555555555555 / ext4 errors=remount-ro 0 1
LABEL=ESP       /boot/efi vfat umask=0077 0 1
/dev/vdb1       /srv      xfs  defaults   0 2
UUID=99999999-2222-3333-4444-555555555555 /data ext4 defaults 0 2
FSTAB
head -c 20000000 /dev/urandom > "$d/root/usr/share/big"
head -c 100001 /dev/urandom > "$d/root/usr/share/small"
chown 77:78 "$d/root/usr/share/small"
chmod 4755 "$d/root/usr/share/small"
ln "$d/root/usr/share/small" "$d/root/usr/share/second"
truncate -s 30M "$d/root/usr/share/sparse"
echo end >> "$d/root/usr/share/sparse"
ln -s ../usr/share/small "$d/root/etc/relative"
ln -s /etc/fstab "$d/root/absolute"
ln -s ../../../../../../etc/fstab "$d/root/etc/outside"
ln -s loop "$d/root/etc/loop"
mkfifo "$d/root/etc/fifo"
touch "$d/root/etc/"$'new\nline' "$d/root/etc/"$'\xff\xfe' "$d/root/etc/"$'\e[31m'
for ((i = 0; i < 3000; i++)); do
	echo "$i" > "$d/root/home/file-$i"
done
echo "of the btrfs" > "$d/top/file"
mkdir "$d/root/data/twins" "$d/root/data/twins/Sub" "$d/root/data/twins/sub"
for name in File file Sub/x sub/x; do
	echo "$name" > "$d/root/data/twins/$name"
done

truncate -s 40M "$d/esp"
mkfs.vfat -n ESP "$d/esp" > /dev/null
make_disk raw "$d/ext" 120 "$d/root"
debugfs -w -R "ea_set /usr/share/small user.note hello" "$d/ext" 2> "$ERR"
tune2fs -U 11111111-2222-3333-4444-555555555555 "$d/ext" > /dev/null
truncate -s 320M "$d/xfs"
printf '%s\n' / 0 0 'd--755 0 0' "inside ---644 0 0 $d/root/usr/share/small" '$' > "$d/proto"
mkfs.xfs -q -p "$d/proto" "$d/xfs"
truncate -s 40M "$d/ntfs"
mkfs.ntfs -q -F -L WINDOWS "$d/ntfs" 2> /dev/null
ntfscp -q -f "$d/ntfs" "$d/root/usr/share/small" program.txt 2> /dev/null
truncate -s 170M "$d/vda.raw"
sfdisk -q "$d/vda.raw" <<-'TABLE'
	label: gpt
	start=1MiB, size=40MiB, type=U
	start=41MiB, size=120MiB, type=L
TABLE
truncate -s 380M "$d/vdb.raw"
sfdisk -q "$d/vdb.raw" <<-'TABLE'
	label: dos
	start=1MiB, size=320MiB, type=83
	start=322MiB, size=50MiB, type=5
	start=323MiB, size=40MiB, type=7
TABLE
truncate -s 128M "$d/vdc.raw"
mkfs.btrfs -q --rootdir "$d/top" "$d/vdc.raw" > /dev/null
put() { # PART DISK MIB
	dd if="$d/$1" of="$d/$2.raw" bs=1M seek="$3" conv=notrunc,sparse status=none
}
put esp vda 1
put ext vda 41
put xfs vdb 1
put ntfs vdb 323
define_off() { # GUEST FILE...
	local guest=$1 target=a file

	shift
	{
		echo "<domain type='qemu'><name>$guest</name><memory unit='MiB'>64</memory>"
		echo "<os><type arch='x86_64'>hvm</type></os><devices>"
		for file; do
			echo "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
			echo "<source file='$d/$file'/><target dev='vd$target' bus='virtio'/></disk>"
			target=$(tr a-y b-z <<< "$target")
		done
		echo "</devices></domain>"
	} > "$SCRATCH/$guest.xml"
	virsh -q define "$SCRATCH/$guest.xml"
}
define_off web vda.raw vdb.raw vdc.raw
cp "$d/ext" "$d/twin"
debugfs -w -R "rm /home/file-0" "$d/twin" 2> "$ERR"
define_off twins ext twin
cp --sparse=always "$d/vda.raw" "$d/again.raw"
define_off copied vda.raw again.raw
truncate -s 10M "$d/nothing"
define_off empty nothing
# What tells a volume of BitLocker: its name in the boot sector, and where the description that begins there lies.
truncate -s 1M "$d/bitlocker"
printf '\xeb\x58\x90-FVE-FS-' | dd of="$d/bitlocker" conv=notrunc status=none
printf '\x01' | dd of="$d/bitlocker" bs=1 seek=178 conv=notrunc status=none
printf -- '-FVE-FS-\x40\x00\x02' | dd of="$d/bitlocker" bs=1 seek=65536 conv=notrunc status=none
define_off windows bitlocker
echo key > "$d/key"
chmod 600 "$d/key"
ok virtkeep init
ok virtkeep backup web
ok virtkeep backup twins empty copied windows

say "volumes"
ok virtkeep --json files volumes web
expect_json 'map(.volume) | join(" ")' "vda1 vda2 vdb1 vdb5 vdc"
expect_json 'map(.type) | join(" ")' "vfat ext4 xfs ntfs btrfs"
expect_json 'map(.mounted_at // "-") | join(" ")' "/boot/efi / /srv - -"
expect_json 'map(.trouble) | unique | length' 1
ok virtkeep files volumes web
expect_out readable

say "the installed system, as its fstab has it"
ok virtkeep files cat web:/etc/fstab
same_file "$OUT" "$d/root/etc/fstab"
ok virtkeep files cat web:/usr/share/big
same_file "$OUT" "$d/root/usr/share/big"
ok virtkeep files cat web:/usr/share/sparse
same_file "$OUT" "$d/root/usr/share/sparse"
ok virtkeep files cat web@latest:/srv/inside
same_file "$OUT" "$d/root/usr/share/small"
for link in absolute etc/outside; do
	ok virtkeep files cat "web:/$link"
	same_file "$OUT" "$d/root/etc/fstab"
done
ok virtkeep files cat web:/etc/relative
same_file "$OUT" "$d/root/usr/share/small"
refused 1 "Too many levels of symbolic links" virtkeep files cat web:/etc/loop
refused 2 "is not a file" virtkeep files cat web:/etc/fifo
refused 2 "but a directory" virtkeep files cat web:/etc
refused 6 "'/etc' is the nearest directory" virtkeep files cat web:/etc/no/such
run virtkeep files ls -R web:/
expect_status 3
expect_err "cannot read '/data': no disk of the snapshot has what is mounted here"
expect_out srv/inside
[[ $(grep -c '^home/file-' "$OUT") == 3000 ]] || fail "files are missing"

say "names that are no text"
ok virtkeep files ls web:/etc
expect_out 'new\nline'
not grep -q $'\e' "$OUT" || fail "a name reached the terminal as it is"
ok virtkeep --json files ls web:/etc
expect_json '[.[] | select(.name_b64) | .name_b64] | join(" ")' "$(printf '\xff\xfe' | base64)"

say "volumes by their names"
ok virtkeep files ls web:vda2:/home
[[ $(wc -l < "$OUT") == 3000 ]] || fail "files are missing"
ok virtkeep files cat web:vdb5:/program.txt
same_file "$OUT" "$d/root/usr/share/small"
ok virtkeep files cat web:vdc:/file
same_file "$OUT" "$d/top/file"
ok virtkeep files ls -l web:vda1:/
refused 6 "there is no volume 'vdx'" virtkeep files ls web:vdx:/
refused 6 "no system is installed on 'vdc'" virtkeep files ls --system vdc web:/
refused 2 "Unknown option -R" virtkeep files cat -R web:/etc/fstab
refused 2 "'cat' takes no '/etc'" virtkeep files cat web:/etc/fstab /etc
refused 6 "nobody" virtkeep files volumes nobody

say "a search"
ok virtkeep files find web:/home --type f 'file-299?'
[[ $(wc -l < "$OUT") == 10 ]] || fail "not ten files: $(cat "$OUT")"
expect_out /home/file-2990
ok virtkeep files find -0 --larger 18M web:/usr
[[ $(tr '\0' , < "$OUT") == /usr/share/big,/usr/share/sparse, ]] || fail "others: $(cat "$OUT")"
ok virtkeep --json files find web:/etc '?'$'\xfe'
expect_json '.[].name_b64' "$(printf '/etc/\xff\xfe' | base64)"
refused 2 "is no size" virtkeep files find --larger big web:/usr
refused 2 "is no time" virtkeep files find --newer soon web:/usr

say "versions"
ok virtkeep backup web
printf '%s\n' 'rm /home/file-0' 'set_inode_field /home/file-1 mode 0100600' \
	"write $d/root/home/file-1 /home/file-01" 'set_inode_field /home/file-2 mtime 12345' \
	> "$SCRATCH/orders"
debugfs -w -f "$SCRATCH/orders" "$d/vda.raw?offset=$((41 << 20))" > "$OUT" 2> "$ERR"
ok virtkeep backup web
ok virtkeep -v --json files versions web:/home/file-0
expect_json 'map(.change) | join(" ")' "removed same "
expect_json 'map(.size) | join(" ")' " 2 2"
# The disks of the second snapshot are those of the first.
[[ $(grep -c "starting an appliance" "$ERR") == 2 ]] || fail "appliances for equal disks"
ok virtkeep files versions --newest 2 web:/usr/share/small
expect_err "1 older snapshots were not looked at"
refused 6 "none of 1 snapshots has" virtkeep files versions --newest 1 web:/home/file-0

say "differences"
ok virtkeep --json files diff --data web@-2 web@latest vda2:/home
expect_json 'map("\(.change) \(.path)") | join(" ")' \
	"removed /home/file-0 added /home/file-01 metadata /home/file-1 metadata /home/file-2"
expect_json '.[2].before.mode + .[2].after.mode' 06440600
run virtkeep files diff web@-1 web
expect_status 3
[[ $(cut -c 1-18 "$OUT" | tr '\n' ,) == *"-    /home/file-0,"*"M    /home/file-2,"* ]] ||
	fail "not these: $(cat "$OUT")"
refused 6 "there is no '/nowhere'" virtkeep files diff web@-1 web /nowhere

say "a copy of the disk beside it: each system has the volumes of its own disk"
ok virtkeep --json files volumes copied
expect_json 'map(.mounted_at // "-") | join(" ")' "/boot/efi / /srv /boot/efi /srv /"

say "several systems, and none"
refused 2 "several systems are installed, on vda, vdb" virtkeep files find twins:/home file-0
ok virtkeep files find --system vda twins:/home file-0
expect_out /home/file-0
ok virtkeep files find --system vdb twins:/home file-0
[[ ! -s $OUT ]] || fail "the file of the other system"
refused 6 "ZFS and VMFS are not read" virtkeep files volumes empty
expect_out "nothing recognised"

say "a volume of BitLocker"
ok virtkeep --json files volumes windows
expect_json '.[0] | "\(.type): \(.trouble)"' "BitLocker: encrypted by BitLocker, which is not read"
refused 1 "encrypted by BitLocker, which is not read" virtkeep files ls windows:vda:/
refused 1 "'vda': encrypted by BitLocker, which is not read" \
	virtkeep files ls --key-file "vda=$d/key" windows:vda:/

say "copies"
mkdir "$SCRATCH/copies" "$SCRATCH/archive"
chmod 755 "$SCRATCH/archive"
ok virtkeep -v --json files copy web:/usr web:/etc web:vdb5:/ "$SCRATCH/copies"
[[ $(grep -c "starting an appliance" "$ERR") == 1 ]] || fail "not one appliance for one snapshot"
expect_json .skipped 1
expect_json .failed 0
for file in usr/share/big usr/share/small usr/share/sparse etc/fstab etc/$'new\nline' etc/$'\xff\xfe'; do
	same_file "$SCRATCH/copies/$file" "$d/root/$file"
done
same_file "$SCRATCH/copies/program.txt" "$d/root/usr/share/small"
(($(stat -c %b "$SCRATCH/copies/usr/share/sparse") < 100)) || fail "the holes were filled"
[[ $(readlink "$SCRATCH/copies/etc/outside") == ../../../../../../etc/fstab ]] || fail "no link"
[[ $(stat -c %Y "$SCRATCH/copies/usr") == $(stat -c %Y "$d/root/usr") ]] || fail "another time"
[[ $(stat -c %A "$SCRATCH/copies/usr/share/small") == -rwxr-xr-x ]] || fail "another mode"
[[ $(stat -c %u "$SCRATCH/copies/usr/share/small") == 0 ]] || fail "a foreign owner"
refused 3 "exists and stays" virtkeep files copy web:/etc/fstab "$SCRATCH/copies/etc"
ok virtkeep files copy --overwrite web:/etc/fstab "$SCRATCH/copies/etc"
refused 2 "other users can enter" virtkeep files copy --archive web:/usr "$SCRATCH/archive"
chmod 700 "$SCRATCH/archive"
ok virtkeep files copy --archive web:/usr "$SCRATCH/archive"
[[ $(stat -c %A:%u:%g "$SCRATCH/archive/usr/share/small") == -rwsr-xr-x:77:78 ]] ||
	fail "not as in the guest: $(stat -c %A:%u:%g "$SCRATCH/archive/usr/share/small")"
refused 2 "name the directory to copy to" virtkeep files copy web:/etc

say "a target without room, and one where names are one"
mkdir "$SCRATCH/small" "$SCRATCH/folding"
mount -t tmpfs -o size=8m tmpfs "$SCRATCH/small"
refused 1 "has only" virtkeep files copy web:/usr "$SCRATCH/small"
mount -o remount,size=200m,nr_inodes=1000 "$SCRATCH/small"
refused 1 "(inodes)" virtkeep files copy web:/home "$SCRATCH/small"
[[ -z $(ls -A "$SCRATCH/small") ]] || fail "something was written"
truncate -s 20M "$d/folding"
mkfs.ntfs -q -F "$d/folding" 2> "$ERR"
lowntfs-3g -o ignore_case "$d/folding" "$SCRATCH/folding"
run virtkeep files copy --overwrite web:vda2:/data/twins "$SCRATCH/folding"
expect_status 3
expect_err "its name is that of what was just copied"
[[ $(cat "$SCRATCH/folding/twins/File") == File ]] || fail "a file was replaced by its twin"
[[ $(cat "$SCRATCH/folding/twins/Sub/x") == Sub/x ]] || fail "two directories became one"
umount "$SCRATCH/folding"

say "an archive"
refused 2 "would be in the archive twice" virtkeep files tar web:/usr/share web:/usr/../usr
refused 2 "files of one snapshot" virtkeep files tar web:/usr web@latest:/etc
ok virtkeep files tar web:/usr web:/etc web:vdb1:/inside
(($(stat -c %s "$OUT") < 21000000)) || fail "the holes are in the archive"
mkdir "$SCRATCH/unpacked"
tar -x -p --numeric-owner --xattrs --xattrs-include='*' -f "$OUT" -C "$SCRATCH/unpacked"
same_file "$SCRATCH/unpacked/inside" "$d/root/usr/share/small"
rm "$SCRATCH/unpacked/inside"
# Contents, and then types, modes, owners, links and times.
diff -r --no-dereference "$SCRATCH/unpacked/usr" "$d/root/usr" || fail "other contents"
looks() {
	(cd "$1" && find usr etc -printf '%P %y %m %U %G %n %l %Ts\n' | sort | sha256sum)
}
[[ $(looks "$SCRATCH/unpacked") == "$(looks "$d/root")" ]] || fail "other types, modes or times"
grep -qa SCHILY.xattr.user.note=hello "$OUT" || fail "no extended attribute"
python3 -c 'import sys, tarfile
sums = [member.name for member in tarfile.open(sys.argv[1])]
assert "usr/share/sparse" in sums, sums' "$OUT"

say "nothing is left, however it ends"
no_appliance() {
	not pgrep -x 'linux.uml|virtkeep-sandbo' && not grep -q '^virtkeep /' /proc/mounts
}
# Kills a run when a process of that name is there.
kill_at() { # PROCESS
	virtkeep files cat web:/usr/share/big > "$OUT" 2> "$ERR" &
	job=$!
	wait_for 30 "'$1' runs" pgrep -x "$1"
	kill -KILL "$job"
	wait "$job" || true
	wait_for 10 "the appliance ends" no_appliance
}
kill_at virtkeep-sandbo
kill_at linux.uml
say "killed while it copies, and between files"
mkfifo "$SCRATCH/stream"
virtkeep files cat web:/usr/share/big > "$SCRATCH/stream" 2> "$ERR" &
job=$!
exec 7< "$SCRATCH/stream"
head -c 1000 <&7 > /dev/null
kill -KILL "$job"
wait "$job" || true
exec 7<&-
wait_for 10 "the appliance ends" no_appliance
virtkeep files tar web:/usr > "$SCRATCH/stream" 2> "$ERR" &
job=$!
head -c 1000 "$SCRATCH/stream" > /dev/null
kill -KILL "$job"
wait "$job" || true
wait_for 10 "the appliance ends with tar" no_appliance
virtkeep files diff --data web@-2 web@-1 /usr > "$OUT" 2> "$ERR" &
job=$!
two_appliances() {
	(($(pgrep -c -x virtkeep-sandbo) > 2))
}
PAUSE=0.01 wait_for 30 "two appliances run" two_appliances
kill -KILL "$job"
wait "$job" || true
wait_for 10 "both appliances end with diff" no_appliance
mkdir "$SCRATCH/torn"
virtkeep files copy web@-2:/home "$SCRATCH/torn" > "$OUT" 2> "$ERR" &
job=$!
PAUSE=0.01 wait_for 30 "a file is copied" test -e "$SCRATCH/torn/home/file-0"
kill -KILL "$job"
wait "$job" || true
wait_for 10 "the appliance ends" no_appliance
for file in "$SCRATCH"/torn/home/*; do
	same_file "$file" "$d/root/home/${file##*/}"
done
[[ -z $(find "$SCRATCH/torn" -name '*virtkeep*') ]] || fail "a part of a file stays"
ok virtkeep gc
[[ -z $(find "$VAULT/leases" -type f) ]] || fail "a lease stays: $(ls "$VAULT/leases")"
virtkeep files cat web:/usr/share/big > "$SCRATCH/stream" 2> "$ERR" &
job=$!
head -c 1000 "$SCRATCH/stream" > /dev/null
wait "$job" || true
wait_for 10 "the appliance ends after a broken pipe" no_appliance
virtkeep files cat web:/usr/share/big > "$OUT" 2> "$ERR" &
job=$!
wait_for 30 "it runs" pgrep -x linux.uml
kill -TERM "$job"
status=0
wait "$job" || status=$?
[[ $status != 0 ]] || fail "an interrupted run succeeded"
wait_for 10 "the appliance ends after an interruption" no_appliance

say "two at a time"
virtkeep files cat web:/usr/share/big > "$SCRATCH/one" &
first=$!
virtkeep files cat web:/usr/share/big > "$SCRATCH/two" &
second=$!
wait "$first" || fail "the first of two failed"
wait "$second" || fail "the second of two failed"
same_file "$SCRATCH/one" "$d/root/usr/share/big"
same_file "$SCRATCH/two" "$d/root/usr/share/big"

say "the kernel of the appliance is nobody, and sees no network"
exec 8<> "$SCRATCH/stream"
virtkeep files cat web:/usr/share/big > "$SCRATCH/stream" 2> "$ERR" 8>&- &
job=$!
wait_for 30 "it runs" pgrep -x linux.uml
pid=$(pgrep -o -x linux.uml)
[[ $(stat -c %U "/proc/$pid") == nobody ]] || fail "it runs as $(stat -c %U "/proc/$pid")"
grep -q '^CapBnd:.*[^0[:space:]]' "/proc/$pid/status" && fail "it can get capabilities"
grep -q '^NoNewPrivs:[[:space:]]1' "/proc/$pid/status" || fail "it can get privileges"
grep -q '^Seccomp:[[:space:]]2' "/proc/$pid/status" || fail "its system calls are not filtered"
for namespace in net pid mnt ipc uts cgroup; do
	[[ $(readlink "/proc/$pid/ns/$namespace") != $(readlink "/proc/self/ns/$namespace") ]] ||
		fail "it shares the namespace $namespace"
done
[[ ! -e /proc/$pid/root/etc ]] || fail "it sees /etc"
for waiting in $(pgrep -x virtkeep-sandbo); do
	grep -q '^CapEff:[[:space:]]0*$' "/proc/$waiting/status" || fail "the sandbox keeps capabilities"
done
say "interrupted while its reader waits"
kill -TERM "$job"
status=0
wait "$job" || status=$?
[[ $status == 1 ]] || fail "an interrupted run ended with $status"
expect_err interrupted
exec 8>&-
wait_for 10 "the appliance ends" no_appliance

say "a sandbox with a user of its own executes what is installed, and nothing else"
cp /etc/passwd "$SCRATCH/passwd"
echo 'virtkeep-files:x:4711:4712::/nonexistent:/usr/sbin/nologin' >> "$SCRATCH/passwd"
mount --bind "$SCRATCH/passwd" /etc/passwd
cat > "$SCRATCH/in-sandbox" <<'PYTHON'
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(["virtkeep-sandbox", "16777216", "/bin/sh", "-c", sys.argv[1]], pass_fds=[3],
	preexec_fn=lambda: os.dup2(theirs.fileno(), 3))
theirs.close()
ours.recvmsg(1, socket.CMSG_SPACE(4))
ours.send(b"x")
sys.exit(child.wait())
PYTHON
in_sandbox() {
	timeout 20 python3 "$SCRATCH/in-sandbox" "$1"
}
ok in_sandbox 'id -u; id -g; cp /usr/bin/true /tmp/true && echo written; /tmp/true || echo refused'
[[ $(tr '\n' ' ' < "$OUT") == "4711 4712 written refused " ]] || fail "in the sandbox: $(cat "$OUT")"
ok virtkeep files cat web:/etc/fstab
umount /etc/passwd

say "a snapshot with damage"
pack=$(find "$VAULT/packs" -type f -size +8M -printf '%T@ %p\n' | sort -n | head -n 1 | cut -d ' ' -f 2)
cp "$pack" "$SCRATCH/pack"
for ((at = 4000000; at < 8000000; at += 20000)); do
	flip "$pack" "$at"
done
run virtkeep files cat web:/usr/share/big
[[ $STATUS == 5 ]] || fail "damage gave $STATUS"
expect_err "the snapshot is damaged"
cp "$SCRATCH/pack" "$pack"
ok virtkeep files cat web:/usr/share/big
expect_clean web
