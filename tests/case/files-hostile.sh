#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Disks that are made to harm who reads them: directories below themselves, names and links that lead out, sizes
# that lie, file systems with flipped bytes. Whatever they are, a command ends soon, says why in one line, takes
# little memory, and touches nothing outside of its directory.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

[[ -x /usr/bin/linux.uml ]] || skip "no user-mode-linux"
d=$SCRATCH/disks
mkdir -p "$d/in" "$SCRATCH/canary/inside"
echo stays > "$SCRATCH/canary/inside/file"

fill() { # IMAGE [MOUNT OPTIONS]: runs the standard input with the mounted file system as its directory
	mount -o "loop${2:+,$2}" "$d/$1" "$d/in"
	(cd "$d/in" && bash -e)
	umount "$d/in"
}

say "an ext4 with names, links and directories that lead elsewhere"
truncate -s 60M "$d/vda.raw"
mkfs.ext4 -q -F -O ^metadata_csum "$d/vda.raw"
export CANARY=$SCRATCH/canary
# shellcheck disable=SC2016 # the other shell's variables
fill vda.raw <<-'FILL'
	mkdir -p cycle/a/b names links twins/direct dots slashes
	touch names/$'new\nline' names/$'\e]0;title\a' names/$'\xff\xfe' names/-rf names/'*' names/$'\u202e'txt
	ln -s /etc/passwd links/absolute
	ln -s ../../../../../../../..$CANARY/inside links/out
	ln -s $CANARY links/canary
	ln -s . links/here
	# Names that are made the same, and names that no file can have: see below.
	ln -s $CANARY/inside twins/linkEd
	mkdir twins/linkEe
	echo wrong > twins/linkEe/file
	echo one > twins/sameEf
	echo other > twins/sameEg
	echo up > dots/Eh
	mkdir slashes/iEEcanaryE
	head -c 30000000 /dev/urandom > liar
FILL
debugfs -w -f /dev/stdin "$d/vda.raw" > "$OUT" 2>&1 <<-'ORDERS'
	link /cycle /cycle/a/b/again
	link / /cycle/a/root
	link /names /cycle/second
	set_inode_field /liar blocks 0
	set_inode_field /liar mtime 0x7fffffffffffffff
ORDERS
python3 - "$d/vda.raw" <<-'PYTHON'
	import sys
	with open(sys.argv[1], "r+b") as disk:
	    data = disk.read()
	    for before, after in ((b"linkEe", b"linkEd"), (b"sameEg", b"sameEf"), (b"Eh", b".."),
	                          (b"iEEcanaryE", b"../canary/")):
	        # In a block of a directory a name stands behind its length.
	        mark = bytes([len(before)])
	        for kind in (1, 2):
	            at = data.find(mark + bytes([kind]) + before)
	            if at > 0:
	                disk.seek(at + 2)
	                disk.write(after)
PYTHON

say "an XFS with 100000 files in a directory, 10000 directories in each other, and 8 EiB"
truncate -s 400M "$d/vdb.raw"
mkfs.xfs -q "$d/vdb.raw"
fill vdb.raw <<-'FILL'
	python3 - <<-'PYTHON'
		import os
		os.mkdir("many")
		for number in range(100000):
		    os.close(os.open("many/name-%d" % number, os.O_CREAT | os.O_WRONLY))
		os.mkdir("deep")
		os.chdir("deep")
		for depth in range(10000):
		    os.mkdir("d")
		    os.chdir("d")
	PYTHON
	truncate -s 9223372036854775807 eight-eib
	echo end > last
FILL

say "a btrfs whose file of 4 GiB takes 128 MiB of disk"
truncate -s 400M "$d/vdc.raw"
mkfs.btrfs -q "$d/vdc.raw" > /dev/null
fill vdc.raw compress-force=zstd <<-'FILL'
	tr '\0' x < /dev/zero | head -c 64M > bomb
	sync bomb
	python3 - <<-'PYTHON'
		import fcntl, os, struct
		fd = os.open("bomb", os.O_RDWR)
		for number in range(1, 64):
		    fcntl.ioctl(fd, 0x4020940d, struct.pack("qQQQ", fd, 0, 64 << 20, number * (64 << 20)))
	PYTHON
FILL

say "file systems with flipped bytes"
plain() {
	mkdir -p one/two/three links
	for ((i = 0; i < 40; i++)); do
		echo "file $i" > "one/two/file-$i"
	done
	head -c 300000 /dev/urandom > one/large
	ln -s one/large link 2> /dev/null || true
}
mkdir "$d/plain"
(cd "$d/plain" && plain)
truncate -s 8M "$d/fat" "$d/ext"
mkfs.vfat "$d/fat" > /dev/null
mcopy -s -i "$d/fat" "$d/plain/one" ::
mkfs.ext4 -q -F -d "$d/plain" "$d/ext"
truncate -s 310M "$d/xfs"
mkfs.xfs -q "$d/xfs"
truncate -s 120M "$d/btrfs"
mkfs.btrfs -q --rootdir "$d/plain" "$d/btrfs" > /dev/null
truncate -s 8M "$d/ntfs"
mkfs.ntfs -q -F "$d/ntfs" 2> "$ERR"
for ((i = 0; i < 5; i++)); do
	ntfscp -q -f "$d/ntfs" "$d/plain/one/large" "file-$i" 2> "$ERR"
done
xorriso -as mkisofs -quiet -J -R -o "$d/iso" "$d/plain" 2> "$ERR"
declare -f plain > "$SCRATCH/plain"
echo plain >> "$SCRATCH/plain"
fill xfs < "$SCRATCH/plain"
# The first of four has a flipped superblock, the others have bytes flipped in what is not zero.
python3 - "$d" <<-'PYTHON'
	import os, random, subprocess, sys
	directory = sys.argv[1]
	KINDS = {"ext": (1024, 1024), "xfs": (0, 264), "btrfs": (65536, 4096), "fat": (0, 512),
	         "ntfs": (0, 512), "iso": (32768, 2048)}
	for letter, (kind, (start, length)) in zip("defghi", KINDS.items()):
	    with open(os.path.join(directory, kind), "rb") as file:
	        image = file.read()
	    room = (len(image) >> 20) + 1
	    blocks = [at for at in range(0, len(image), 4096) if image[at:at + 4096] != bytes(4096)]
	    # Most of the blocks of the large file are left alone.
	    blocks = blocks[:100] + blocks[-20:]
	    disk = os.path.join(directory, "vd%s.raw" % letter)
	    with open(disk, "wb") as file:
	        file.truncate(((room * 4) + 2) << 20)
	    subprocess.run(["sfdisk", "-q", disk], check=True, text=True, input="label: gpt\n" + "".join(
	        "start=%dMiB, size=%dMiB\n" % (1 + number * room, room) for number in range(4)))
	    for number in range(4):
	        if kind == "btrfs" and number > 0:
	            # Each has a UUID of its own: of copies only one is read at a time.
	            subprocess.run(["mkfs.btrfs", "-q", "-f", "--rootdir", directory + "/plain",
	                            directory + "/btrfs"], check=True, stdout=subprocess.DEVNULL)
	            with open(directory + "/btrfs", "rb") as file:
	                image = file.read()
	        flipped = bytearray(image)
	        chance = random.Random("%s %d" % (kind, number))
	        for _ in range(6 if number == 0 else 25):
	            at = start + chance.randrange(length) if number == 0 else (
	                chance.choice(blocks) + chance.randrange(4096))
	            if at < len(flipped):
	                flipped[at] ^= 1 << chance.randrange(8)
	        with open(disk, "r+b") as file:
	            for at in range(0, len(flipped), 65536):
	                part = flipped[at:at + 65536]
	                if part != bytes(len(part)):
	                    file.seek((1 + number * room << 20) + at)
	                    file.write(part)
PYTHON
mkdir -p "$d/root/etc"
for letter in d e f g h i; do
	for number in 1 2 3 4; do
		mkdir "$d/root/$letter$number"
		echo "/dev/vd$letter$number /$letter$number auto defaults 0 2" >> "$d/root/etc/fstab"
	done
done
make_disk raw "$d/vdj.raw" 8 "$d/root"

say "three disks of 256 partitions"
truncate -s 4M "$d/many.raw"
{
	printf 'label: gpt\ntable-length: 256\nstart=2048, size=128\n'
	for ((i = 1; i < 256; i++)); do
		echo "start=$((2176 + i * 8)), size=8"
	done
} | sfdisk -q "$d/many.raw"
truncate -s 64K "$d/swap"
mkswap "$d/swap" > "$OUT" 2>&1
dd if="$d/swap" of="$d/many.raw" bs=512 seek=2048 conv=notrunc status=none

define_off() { # GUEST DISK...: they are vda, vdb...
	local letters=({a..z}) guest=$1 disk

	shift
	{
		echo "<domain type='qemu'><name>$guest</name><memory unit='MiB'>64</memory>"
		echo "<os><type arch='x86_64'>hvm</type></os><devices>"
		for disk; do
			echo "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
			echo "<source file='$disk'/><target dev='vd${letters[0]}' bus='virtio'/></disk>"
			letters=("${letters[@]:1}")
		done
		echo "</devices></domain>"
	} > "$SCRATCH/define.xml"
	virsh -q define "$SCRATCH/define.xml"
}
define_off hostile "$d"/vd?.raw
cp "$d/many.raw" "$d/many-2.raw"
cp "$d/many.raw" "$d/many-3.raw"
define_off many "$d"/many*.raw
for ((i = 10; i < 27; i++)); do
	make_disk raw "$d/few-$i" 1 2> "$ERR"
done
define_off disks "$d"/few-*
ok virtkeep init
ok virtkeep backup hostile many disks

# bounded STATUS... -- COMMAND...: it ends in time, with one of these, in little memory.
bounded() {
	local statuses='' seconds

	while [[ $1 != -- ]]; do
		statuses+=" $1"
		shift
	done
	shift
	echo "+ $*"
	seconds=$SECONDS STATUS=0
	python3 -c '
import resource, subprocess, sys
with open(sys.argv[1], "wb") as out, open(sys.argv[2], "wb") as err:
    status = subprocess.run(sys.argv[3:], stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=100).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, "KiB")
sys.exit(status)' "$OUT" "$ERR" "$@" > "$SCRATCH/memory" || STATUS=$?
	sed 's/^/  2> /' "$ERR" | cut -c 1-200 | head -n 12
	echo "  $STATUS after $((SECONDS - seconds)) s, $(cat "$SCRATCH/memory")"
	[[ "$statuses " == *" $STATUS "* ]] || fail "it ended with $STATUS"
	(($(cut -d ' ' -f 1 "$SCRATCH/memory") < 300000)) || fail "it took $(cat "$SCRATCH/memory")"
	[[ $STATUS == 0 ]] || tail -n 1 "$ERR" | grep -q '^virtkeep-files: ' || fail "the last line does not say why"
	[[ -z $(sort "$ERR" | uniq -d) ]] || fail "said more than once: $(sort "$ERR" | uniq -d)"
	not grep -q $'\e' "$ERR" || fail "a name reached the terminal as it is"
}

untouched() { # what a copy to DIRECTORY must not have changed
	[[ $(cd "$SCRATCH/canary" && find . -printf '%p %y %m %s ') == "$canary" ]] || fail "the host was touched"
	[[ $(cat "$SCRATCH/canary/inside/file") == stays ]] || fail "a file of the host was touched"
}
canary=$(cd "$SCRATCH/canary" && find . -printf '%p %y %m %s ')
mkdir "$SCRATCH/copy"

say "names, links, directories below themselves"
bounded 3 -- virtkeep files ls -R hostile:vda:/
expect_out 'cycle/second/new\nline'
[[ $(grep -c '^cycle/' "$OUT") -lt 20 ]] || fail "the walk goes round"
not grep -q $'\e\|\a' "$OUT" || fail "a name reached the terminal as it is"
hostile=(hostile:vda:/cycle hostile:vda:/names hostile:vda:/links hostile:vda:/twins hostile:vda:/dots
	hostile:vda:/slashes hostile:vdb:/deep hostile:vdb:/eight-eib hostile:vdb:/last)
bounded 3 -- virtkeep files copy "${hostile[@]}" "$SCRATCH/copy"
untouched
[[ $(readlink "$SCRATCH/copy/links/canary") == "$SCRATCH/canary" ]] || fail "a link was followed"
same_file "$SCRATCH/copy/last" <(echo end)
[[ -d $SCRATCH/copy/deep/d/d/d ]] || fail "nothing of the directories was copied"
[[ -f $SCRATCH/copy/names/$'new\nline' && -f $SCRATCH/copy/names/-rf ]] || fail "names are missing"
bounded 3 -- virtkeep files copy --overwrite hostile:vda:/links hostile:vda:/twins "$SCRATCH/copy"
untouched
bounded 3 -- virtkeep files tar "${hostile[@]}"
(($(stat -c %s "$OUT") < 10000000)) || fail "the holes are in the archive"
mkdir "$SCRATCH/unpacked"
tar -x -f "$OUT" -C "$SCRATCH/unpacked" 2> "$ERR" || true
untouched

say "a file that says it takes no room, one of 8 EiB, and one that grows when it is read"
mkdir "$SCRATCH/small"
mount -t tmpfs -o size=24m tmpfs "$SCRATCH/small"
bounded 1 -- virtkeep files copy hostile:vda:/liar "$SCRATCH/small"
expect_err "give more than they have announced"
[[ -z $(ls -A "$SCRATCH/small") ]] || fail "a part of a file stays"
bounded 1 -- virtkeep files copy hostile:vdc:/bomb "$SCRATCH/small"
expect_err "has only"
virtkeep files cat hostile:vdb:/eight-eib 2> "$ERR" | head -c 1000000 > "$OUT" || true
cmp -n 1000000 "$OUT" /dev/zero || fail "no zeros"

say "100000 files in a directory, and more partitions than are read"
bounded 3 -- virtkeep files ls -R hostile:vdb:/
expect_err "too many directories are above it"
[[ $(grep -c '^many/name-' "$OUT") == 100000 ]] || fail "names are missing"
bounded 3 -- virtkeep --json files volumes many
expect_err "more than 512 volumes"
expect_json length 512

say "17 disks, of which 16 are read"
bounded 3 -- virtkeep --json files volumes disks
expect_err "'$(newest disks)' has 17 disks, and the first 16 are read, without 'vdq'"
expect_err "16 of 17 disks were read"
expect_json 'map(.volume) | "\(length) \(last)"' "16 vdp"
bounded 0 -- virtkeep files ls disks:vdp:/
expect_err "without 'vdq'"
expect_out lost+found
bounded 6 -- virtkeep files ls disks:vdq:/

say "flipped bytes"
bounded 0 3 -- virtkeep --json files volumes hostile
jq -r '.[] | "\(.volume)|\(.type)|\(.trouble // .note // "readable")"' "$OUT" | sed 's/^/  /'
mkdir "$SCRATCH/flipped"
bounded 3 -- virtkeep files copy hostile:/ "$SCRATCH/flipped"
untouched
copied=("$SCRATCH"/flipped/??/one)
((${#copied[@]} > 4)) || fail "little was copied: ${copied[*]}"
bounded 3 -- virtkeep files tar hostile:/
[[ -z $(find "$SCRATCH/flipped" -name '*virtkeep*') ]] || fail "a part of a file stays"

say "the kernel of the appliance crashes"
mkfifo "$SCRATCH/stream"
exec 8<> "$SCRATCH/stream"
virtkeep files cat hostile:vda:/liar > "$SCRATCH/stream" 2> "$ERR" 8>&- &
job=$!
head -c 1000 <&8 > /dev/null
kill -SEGV "$(pgrep -o -x linux.uml)"
cat <&8 > /dev/null &
reader=$!
status=0
wait "$job" || status=$?
kill "$reader"
exec 8>&-
[[ $status == 1 ]] || fail "it ended with $status"
expect_err "the kernel of the appliance has crashed"
expect_clean hostile
