#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The files inside a guest as a mount of their own: all of them by checksum, their looks, holes and
# attributes; an appliance that rests, dies or is killed with its mount; how many run at a time.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

[[ -x /usr/bin/linux.uml ]] || skip "no user-mode-linux"
root=$SCRATCH/root
mnt=$SCRATCH/mnt
mkdir -p "$root"/{etc,usr/share,home,data} "$mnt" "$SCRATCH/other"

say "a system with an own fstab, on two disks"
cat > "$root/etc/fstab" <<'FSTAB'
/dev/vda / ext4 defaults 0 1
/dev/vdb /data btrfs defaults 0 2
FSTAB
head -c 30000000 /dev/urandom > "$root/usr/share/big"
head -c 100001 /dev/urandom > "$root/usr/share/small"
chown 77:78 "$root/usr/share/small"
chmod 4755 "$root/usr/share/small"
ln "$root/usr/share/small" "$root/etc/linked"
truncate -s 2G "$root/usr/share/sparse"
echo end >> "$root/usr/share/sparse"
setfattr -n user.note -v "of a file" "$root/usr/share/small"
ln -s ../usr/share/small "$root/etc/relative"
ln -s /etc/fstab "$root/etc/absolute"
mkfifo "$root/etc/fifo"
mkdir -m 700 "$root/home/private"
touch "$root/etc/"$'new\nline' "$root/etc/"$'\xff\xfe'
for ((i = 0; i < 3000; i++)); do
	echo "$i" > "$root/home/file-$i"
done
# Longer than a path may be that a program hands to the kernel.
deep=$(printf 'd%.0s' {1..200})
(
	cd "$root/usr"
	for ((i = 0; i < 30; i++)); do
		mkdir "$deep"
		cd "$deep"
	done
	echo "far down" > file
)
VDA_FILES=$root VDA_MIB=120 VDB_MIB=120 define_guest web
mkfs.btrfs -q -f "$SCRATCH/guests/web/vdb.raw" > /dev/null
mount -o loop "$SCRATCH/guests/web/vdb.raw" "$mnt"
for name in one two; do
	btrfs -q subvolume create "$mnt/$name"
	echo "$name" > "$mnt/$name/file"
done
umount "$mnt"
ok virtkeep init
ok virtkeep backup web
snapshot=$(newest web)

say "all is there, as in the guest"
ok virtkeep files mount web "$mnt"
[[ $(findmnt -n -o FSTYPE "$mnt") == fuse.virtkeep-files ]] || fail "another type of mount"
for option in ro nosuid nodev noexec; do
	[[ ,$(findmnt -n -o VFS-OPTIONS "$mnt"), == *,$option,* ]] || fail "not mounted $option"
done
looks() { # DIRECTORY
	(
		cd "$1"
		find . -mindepth 1 -name lost+found -prune -o -path ./data -prune -o \
			\( -type f -printf '%p %s %n ' -o -printf '%p ' \) -printf '%y %m %U %G %Ts %l\n' |
			sort
	)
}
sums() { # DIRECTORY
	(cd "$1" && find . -path ./data -prune -o -type f ! -name sparse -execdir sha256sum {} + | sort)
}
looks "$root" > "$SCRATCH/looks"
looks "$mnt" > "$OUT"
diff "$SCRATCH/looks" "$OUT" || fail "it looks otherwise"
sums "$root" > "$SCRATCH/sums"
sums "$mnt" > "$OUT"
diff "$SCRATCH/sums" "$OUT" || fail "the contents are not the same"
[[ $mnt/usr/share/small -ef $mnt/etc/linked ]] || fail "a hard link was lost"
[[ $(stat -c %i "$mnt") != $(stat -c %i "$mnt/data") ]] || fail "two file systems share numbers"
[[ $(getfattr --only-values -n user.note "$mnt/usr/share/small") == "of a file" ]] ||
	fail "an attribute was lost"
not getfattr -n user.other "$mnt/usr/share/small" 2> /dev/null || fail "an attribute from nowhere"
not touch "$mnt/etc/new" 2> /dev/null || fail "it can be written to"
not cat "$mnt/etc/none" 2> /dev/null || fail "a file from nowhere"
(($(stat -c %b "$mnt/usr/share/sparse") < 100)) || fail "the holes are counted"
python3 - "$mnt/usr/share/sparse" <<'PYTHON' || fail "the holes are not seen"
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
data = os.lseek(fd, 0, os.SEEK_DATA)
assert data >= (2 << 30) - 65536, data
assert os.lseek(fd, 0, os.SEEK_HOLE) == 0
assert os.pread(fd, 10, 2 << 30) == b"end\n"
assert os.pread(fd, 4096, 1 << 30) == bytes(4096)
PYTHON

say "a snapshot that was forgotten goes on"
ok virtkeep forget "$snapshot"
ok virtkeep gc
echo 3 > /proc/sys/vm/drop_caches
same_file "$mnt/usr/share/big" "$root/usr/share/big"

say "unmounted"
exec 8< "$mnt/usr/share/big"
not umount "$mnt" 2> /dev/null || fail "a mount in use was unmounted"
exec 8<&-
ok umount "$mnt"
no_appliance() {
	not pgrep -x 'linux.uml|virtkeep-sandbo|virtkeep-files-|start-virtkeep|umount-virtkeep'
}
wait_for 20 "all ends with the mount" no_appliance
ok virtkeep backup web

say "a part, a volume, and what is none"
ok virtkeep files mount web:/usr/share/ "$mnt"
same_file "$mnt/small" "$root/usr/share/small"
ok virtkeep files mount -o umask=027,uid=1234 web:vdb:/ "$SCRATCH/other"
[[ $(stat -c %a:%u "$SCRATCH/other") == 750:1234 ]] || fail "the options do not count"
umount "$mnt" "$SCRATCH/other"
wait_for 20 "both end" no_appliance
refused 6 "there is no '/usr/none'" virtkeep files mount web:/usr/none "$mnt"
refused 2 "is no directory" virtkeep files mount web:/etc/fstab "$mnt"
refused 2 "'guests' is not known here" virtkeep files mount -o guests=x web "$mnt"
refused 6 "does not exist: make it" virtkeep files mount web "$SCRATCH/none"
not mountpoint -q "$mnt" || fail "a mount is left"
wait_for 20 "nothing is left of those that failed" no_appliance

say "the appliance rests, and starts again"
virtkeep files mount -f --idle=1 web "$mnt" 2> "$SCRATCH/log" &
job=$!
wait_for 60 "it is mounted" is_mounted "$mnt"
cat "$mnt/etc/fstab" > /dev/null
# Subvolumes have files of the same numbers, and the kernel numbers them as it meets them.
numbers=$(stat -c %i "$mnt/data/one/file" "$mnt/data/two/file" "$mnt/data/one" "$mnt/data/two")
[[ $(sort -u <<< "$numbers" | wc -l) == 4 ]] || fail "files share a number: $numbers"
wait_for 30 "the appliance ends" not pgrep -x linux.uml
echo 3 > /proc/sys/vm/drop_caches
stat "$mnt/data/two/file" > /dev/null
[[ $(stat -c %i "$mnt/data/one/file" "$mnt/data/two/file" "$mnt/data/one" "$mnt/data/two") == "$numbers" ]] ||
	fail "files have other numbers in another appliance"
same_file "$mnt/usr/share/small" "$root/usr/share/small"
pgrep -x linux.uml > /dev/null || fail "the file came from nowhere"
for file in "/proc/$(pgrep -x virtkeep-files-)/task/"*/status; do
	grep -q '^CapEff:.*00200000' "$file" && fail "a thread kept CAP_SYS_ADMIN"
	grep -q '^Seccomp:[[:space:]]2' "$file" || fail "a thread may make all system calls"
done

say "the appliance dies"
kill_appliance() {
	pkill -KILL -x linux.uml
}
head -c 1 "$mnt/home/file-1" > /dev/null
wait_for 10 "it was killed" kill_appliance
wait_for 10 "it is gone" not pgrep -x linux.uml
not cat "$mnt/home/file-2" 2> "$ERR" || fail "a dead appliance answers"
expect_err "Input/output error"
grep -q "the appliance ended unexpectedly" "$SCRATCH/log" || fail "not said: $(cat "$SCRATCH/log")"
[[ $(cat "$mnt/home/file-2") == 2 ]] || fail "it does not start again"

say "terminated while a file is open"
exec 8< "$mnt/usr/share/big"
kill -TERM "$job"
wait_for 20 "the mount vanishes" not mountpoint -q "$mnt"
head -c 1000000 <&8 | cmp -n 1000000 - "$root/usr/share/big" || fail "an open file ended"
exec 8<&-
wait "$job" || fail "it ended with $?"
wait_for 20 "all ends" no_appliance

say "killed"
ok virtkeep files mount web "$mnt"
pkill -KILL -x virtkeep-files-
wait_for 20 "the appliance ends with its mount" no_appliance
not ls "$mnt" 2> /dev/null || fail "a dead mount answers"
ok virtkeep files mount web "$mnt"
expect_err "detached the mount of 'web' that a dead process left"
same_file "$mnt/etc/fstab" "$root/etc/fstab"
umount "$mnt"
wait_for 20 "all ends" no_appliance
for process in virtkeep-sandbo linux.uml; do
	virtkeep files mount web "$mnt" > "$OUT" 2> "$ERR" &
	job=$!
	PAUSE=0.01 wait_for 30 "'$process' runs" pgrep -x "$process"
	pkill -KILL -x virtkeep-files-
	wait "$job" || true
	wait_for 20 "the appliance ends with the start of the mount" no_appliance
done
ok virtkeep files mount web "$mnt"
umount "$mnt"
wait_for 20 "all ends" no_appliance
ok virtkeep gc
[[ -z $(find "$VAULT/leases" -type f) ]] || fail "a lease is left: $(ls "$VAULT/leases")"

say "four at a time"
mkdir -p /run/virtkeep
for ((i = 0; i < 4; i++)); do
	eval "exec $((20 + i))> /run/virtkeep/appliance-$i.lock"
	flock -n $((20 + i)) || fail "slot $i is taken"
done
virtkeep files cat web:/etc/fstab > "$OUT" 2> "$ERR" 20>&- 21>&- 22>&- 23>&- &
job=$!
wait_for 30 "the fifth says that it waits" grep -q "waiting for one to end" "$ERR"
exec 22>&-
wait "$job" || fail "the fifth failed: $(cat "$ERR")"
same_file "$OUT" "$root/etc/fstab"
exec 20>&- 21>&- 23>&-
expect_clean web
