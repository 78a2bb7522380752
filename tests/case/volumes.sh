#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Volumes of a guest that are more than a partition with a file system: LVM, RAID, LUKS, disks with sectors of 4096
# bytes, several disks under one btrfs; and file systems whose journal has to be replayed, or that only a program can
# read. All of it in User-mode Linux, and every file once more in QEMU.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

[[ -x /usr/bin/linux.uml ]] || skip "no user-mode-linux"
d=$SCRATCH/disks
mkdir -p "$d/files/etc" "$d/files/srv" "$d/files/thin" "$d/files/md" "$d/files/home"
head -c 1000000 /dev/urandom > "$d/big"
export d

# in_kernel SCRIPT DISK...: runs SCRIPT as the first process of a kernel that has device mapper, with
# the root of this host, which it cannot write to. It ends without unmounting anything.
in_kernel() {
	local script=$1 count=0 disks=()

	shift
	for disk in "$@"; do
		[[ $disk == - ]] || disks+=("ubd$count=$d/$disk.raw")
		((count += 1))
	done
	{
		echo '#!/bin/bash'
		echo 'trap "echo o > /proc/sysrq-trigger; sleep 60" EXIT'
		echo 'set -ex'
		echo "export PATH=/usr/sbin:/usr/bin DM_DISABLE_UDEV=1 d=$d"
		echo 'mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run'
		echo "mount --bind $BUILD/engine/files/agent/virtkeep-agent $(realpath /sbin/modprobe)"
		echo "$script"
		echo 'echo "all is done"'
	} > "$SCRATCH/in-kernel"
	chmod +x "$SCRATCH/in-kernel"
	timeout 120 linux.uml mem=600M root=/dev/root rootfstype=hostfs rootflags=/ ro quiet uml_dir="$SCRATCH" \
		init="$SCRATCH/in-kernel" "${disks[@]}" con=null con0=fd:0,fd:1 ssl=null < /dev/null > "$OUT" 2>&1 || true
	expect_out "all is done"
}

put() { # PART DISK MIB
	dd if="$d/$1" of="$d/$2.raw" bs=1M seek="$3" conv=notrunc,sparse status=none
}

say "volumes of LVM on two disks, and a root on one of them"
cat > "$d/files/etc/fstab" <<'FSTAB'
/dev/mapper/vg0-root / ext4 defaults 0 1
/dev/vg0/srv /srv ext4 defaults 0 2
UUID=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee /thin ext4 defaults 0 2
/dev/md/data /md ext4 defaults 0 2
/dev/mapper/home_crypt /home ext4 defaults 0 2
FSTAB
echo "home_crypt UUID=cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee none luks" > "$d/files/etc/crypttab"
truncate -s 100M "$d/vda.raw"
truncate -s 60M "$d/vdb.raw"
sfdisk -q "$d/vdb.raw" <<< 'label: gpt
start=1MiB, size=58MiB'
# shellcheck disable=SC2016 # the other kernel's variables
in_kernel '
	config="activation { udev_sync=0 udev_rules=0 monitoring=0 } devices { use_devicesfile=0 }
		global { thin_check_executable=\"\" } backup { backup=0 archive=0 }"
	do_lvm() { lvm "$1" --config "$config" -y "${@:2}"; }
	do_lvm vgcreate -s 4M vg0 /dev/ubda /dev/ubdb1
	do_lvm lvcreate -n root -L 16M vg0 /dev/ubda
	do_lvm lvcreate -n srv -i 2 -L 24M vg0
	do_lvm lvcreate --type thin-pool -n pool -L 24M --poolmetadatasize 4M vg0 /dev/ubda
	do_lvm lvcreate -n thin -V 20M --thinpool vg0/pool
	mkfs.ext4 -q -d $d/files /dev/mapper/vg0-root
	mkfs.ext4 -q /dev/mapper/vg0-srv
	mkfs.ext4 -q -U aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee /dev/mapper/vg0-thin
	for name in srv thin; do
		mkdir -p /run/$name
		mount /dev/mapper/vg0-$name /run/$name
		cp $d/big /run/$name/$name
		umount /run/$name
	done
	do_lvm vgchange -an vg0
' vda vdb

say "arrays, two of them without a member"
rm -rf "$d/top"
mkdir "$d/top"
cp "$d/big" "$d/top/md"
for name in raid0 raid1 gpt mbr one-0 one-1 six ten; do
	ln "$d/top/md" "$d/top/$name"
done
truncate -s 12M "$d/image"
mkfs.ext4 -q -b 4096 -d "$d/top" "$d/image"
mdmember=$SOURCE/tests/case/md-member.py
python3 "$mdmember" 1.2 5 data "$d/image" "$d/m1" - "$d/m2"
python3 "$mdmember" 1.2 0 stripes "$d/image" "$d/m3" "$d/m4"
python3 "$mdmember" 0.90 1 - "$d/image" "$d/m5" -
python3 "$mdmember" 1.2 0 torn "$d/image" "$d/m6" -
truncate -s 90M "$d/vdc.raw"
sfdisk -q "$d/vdc.raw" < <(echo label: gpt; for ((i = 0; i < 6; i++)); do echo "start=$((1 + i * 14))MiB, size=13MiB"; done)
for ((i = 0; i < 6; i++)); do
	put "m$((i + 1))" vdc $((1 + i * 14))
done

say "superblocks at other places, and more levels"
python3 "$mdmember" 1.0 1 at-end "$d/image" "$d/n1" -
python3 "$mdmember" 1.1 1 at-begin "$d/image" "$d/n2" -
python3 "$mdmember" 1.2 6 six "$d/image" "$d"/n{3,4,5,6}
python3 "$mdmember" 1.2 10 ten "$d/image" "$d"/n{7,8} "$d/n9" "$d/n10"
truncate -s 100M "$d/vdu.raw"
# The first two are as long as their members: one of them has its superblock at the end.
sfdisk -q "$d/vdu.raw" < <(echo label: gpt; for ((i = 0; i < 10; i++)); do
	((i < 2)) && echo "start=$((1 + i * 14))MiB, size=13MiB" || echo "start=$((13 + i * 8))MiB, size=7MiB"; done)
for ((i = 0; i < 10; i++)); do
	put "n$((i + 1))" vdu $((i < 2 ? 1 + i * 14 : 13 + i * 8))
done

say "disks with sectors of 4096 bytes, with a GPT and with an MBR"
for disk in vdd vde; do
	truncate -s 40M "$d/$disk.raw"
done
# shellcheck disable=SC2016 # the other kernel's variables
in_kernel '
	modprobe loop
	for disk in d:gpt e:dos; do
		losetup -b 4096 /dev/loop0 /dev/ubd${disk%:*}
		printf "label: %s\nstart=256, size=4096\nstart=4608, size=1000\n" ${disk#*:} | sfdisk -q /dev/loop0
		losetup -d /dev/loop0
	done
' - - - vdd vde
put image vdd 1
put image vde 1

say "a btrfs on two disks, with compressed files"
for disk in vdf vdg; do
	truncate -s 128M "$d/$disk.raw"
done
seq -f 'a line that repeats: %.0f' 1000000 1100000 > "$d/text"

say "encrypted volumes: one for /home, whose key takes 160 MiB to try, and one with LVM, which has another"
printf 'correct horse' > "$d/home.key"
printf 'battery staple' > "$d/lvm.key"
# As an editor leaves it.
printf 'battery staple\n' > "$d/edited.key"
chmod 600 "$d"/*.key
truncate -s 40M "$d/vdl.raw"
truncate -s 80M "$d/vdm.raw"
cryptsetup -q luksFormat --type luks2 --uuid cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee --pbkdf argon2id \
	--pbkdf-memory 163840 --pbkdf-force-iterations 4 --pbkdf-parallel 1 "$d/vdl.raw" "$d/home.key"
cryptsetup -q luksFormat --type luks1 --pbkdf-force-iterations 1000 "$d/vdm.raw" "$d/lvm.key"

say "two groups of volumes of one name"
truncate -s 16M "$d/vdn.raw" "$d/vdo.raw"

say "what a program reads, and a disc with UDF"
truncate -s 32M "$d/vdh.raw" "$d/vdi.raw" "$d/hibernated"
mkfs.exfat -n CARD "$d/vdh.raw" > /dev/null
mkfs.ntfs -q -F "$d/hibernated" 2> /dev/null
{
	printf hibr
	head -c 8188 /dev/zero
} > "$d/hiberfil"
ntfscp -q -f "$d/hibernated" "$d/big" ntfs 2> /dev/null
ntfscp -q -f "$d/hibernated" "$d/hiberfil" hiberfil.sys 2> /dev/null
mv "$d/hibernated" "$d/vdi.raw"
genisoimage -quiet -udf -J -R -V DISC -graft-points -o "$d/vdj.raw" "cd=$d/big"

say "ciphers and hashes of old volumes, FAT and ISO 9660"
truncate -s 80M "$d/vdv.raw"
truncate -s 8M "$d/fat"
sfdisk -q "$d/vdv.raw" <<< 'label: gpt
start=1MiB, size=20MiB
start=21MiB, size=20MiB
start=41MiB, size=20MiB
start=61MiB, size=8MiB
start=70MiB, size=8MiB'
mkfs.vfat "$d/fat" > /dev/null
mcopy -i "$d/fat" "$d/big" ::fat
genisoimage -quiet -J -R -V PLAIN -graft-points -o "$d/iso" "iso=$d/big"
put fat vdv 61
put iso vdv 70

say "a crash while file systems are written to"
truncate -s 64M "$d/ext"
mkfs.ext4 -q -F -E lazy_itable_init=0 "$d/ext"
truncate -s 300M "$d/xfs"
mkfs.xfs -q "$d/xfs"
truncate -s 128M "$d/btrfs"
mkfs.btrfs -q "$d/btrfs"
truncate -s 520M "$d/vdk.raw"
sfdisk -q "$d/vdk.raw" <<< 'label: gpt
start=1MiB, size=64MiB
start=66MiB, size=300MiB
start=370MiB, size=128MiB'
put ext vdk 1
put xfs vdk 66
put btrfs vdk 370
# shellcheck disable=SC2016 # the other kernel's variables
in_kernel '
	mkfs.btrfs -q -d raid0 -m raid1 /dev/ubdf /dev/ubdg
	mkdir /run/b /run/s /run/1 /run/2 /run/3
	mount /dev/ubdf /run/b
	btrfs -q subvolume create /run/b/a
	btrfs -q subvolume create /run/b/a/b
	btrfs -q subvolume create "/run/b/a!b"
	for kind in zstd lzo zlib; do
		btrfs property set /run/b/a/b compression $kind
		cp $d/text /run/b/a/b/$kind
	done
	cp $d/big /run/b/a/b/several
	echo another > "/run/b/a!b/other"
	umount /run/b
	modprobe fuse
	mount.exfat-fuse /dev/ubdh /run/s
	cp $d/big /run/s/exfat
	umount /run/s
	do_lvm() {
		lvm "$1" --config "activation { udev_sync=0 udev_rules=0 monitoring=0 } devices { use_devicesfile=0 }
			backup { backup=0 archive=0 }" -y "${@:2}"
	}
	modprobe dm-crypt
	crypt() { cryptsetup -q --disable-locks --disable-keyring --key-file $d/$1.key "${@:2}"; }
	crypt home open /dev/ubdl home
	crypt lvm open /dev/ubdm lvm
	do_lvm vgcreate -s 4M vg1 /dev/mapper/lvm
	do_lvm lvcreate -n plain -L 16M vg1
	do_lvm lvcreate -n secret -L 32M vg1
	crypt lvm luksFormat --type luks1 --pbkdf-force-iterations 1000 /dev/mapper/vg1-secret
	crypt lvm open /dev/mapper/vg1-secret secret
	number=1
	for cipher in serpent-xts-plain64:whirlpool twofish-cbc-essiv-sha256:ripemd160 camellia-xts-plain64:sha512; do
		crypt lvm luksFormat --type luks1 --cipher "$(sed "s/essiv-/essiv:/" <<< "${cipher%:*}")" \
			--hash "${cipher#*:}" --pbkdf-force-iterations 1000 /dev/ubdp$number
		crypt lvm open /dev/ubdp$number "${cipher%%-*}"
		((number += 1))
	done
	mkdir /run/c
	for name in home vg1-plain secret serpent twofish camellia; do
		mkfs.ext4 -q /dev/mapper/$name
		mount /dev/mapper/$name /run/c
		cp $d/big /run/c/$name
		umount /run/c
	done
	for disk in n o; do
		do_lvm vgcreate --devices /dev/ubd$disk -s 4M vgx /dev/ubd$disk
		do_lvm lvcreate --devices /dev/ubd$disk -an -Zn -n data -L 4M vgx
	done
	for ((i = 1; i <= 3; i++)); do
		mount /dev/ubdk$i /run/$i
		cp $d/big /run/$i/crash-$i
		sync /run/$i/crash-$i
	done
' - - - - - vdf vdg vdh - - vdk vdl vdm vdn vdo vdv

make_guest() { # NAME DISK...
	{
		echo "<domain type='qemu'><name>$1</name><memory unit='MiB'>64</memory>"
		echo "<os><type arch='x86_64'>hvm</type></os><devices>"
		for disk in "${@:2}"; do
			echo "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
			echo "<source file='$d/$disk.raw'/><target dev='$disk' bus='virtio'/></disk>"
		done
		echo "</devices></domain>"
	} > "$SCRATCH/$1.xml"
	virsh -q define "$SCRATCH/$1.xml"
}
say "copies of disks beside them"
cp --sparse=always "$d/vda.raw" "$d/vdp.raw"
cp --sparse=always "$d/vdf.raw" "$d/vdq.raw"
truncate -s 120M "$d/vdr.raw"
mkfs.btrfs -q "$d/vdr.raw" > /dev/null
cp --sparse=always "$d/vdr.raw" "$d/vds.raw"
mkdir "$d/in"
for disk in vdr vds; do
	mount -o loop "$d/$disk.raw" "$d/in"
	echo "$disk" > "$d/in/file"
	umount "$d/in"
done
python3 "$mdmember" 0.90 1 - "$d/image" "$d/m7" "$d/m8"
python3 "$mdmember" 1.2 1 data/other "$d/image" "$d/m9" -
truncate -s 130M "$d/vdt.raw"
sfdisk -q "$d/vdt.raw" < <(echo label: gpt; for ((i = 0; i < 9; i++)); do echo "start=$((1 + i * 14))MiB, size=13MiB"; done)
i=0
for member in m1 m2 m9 m3 m4 m3 m7 m8 m7; do
	put "$member" vdt $((1 + i++ * 14))
done
make_guest copies vda vdb vdf vdg vdn vdo vdp vdq vdr vds vdt
make_guest web vda vdb vdc vdd vde vdf vdg vdh vdi vdj vdk vdl vdm vdu vdv
make_guest torn vda vdb
cat > /etc/virtkeep/virtkeep.conf <<'CONF'
[guest torn]
exclude = vdb
CONF
ok virtkeep init
ok virtkeep backup web torn copies

say "reading the volumes"
run virtkeep --json files volumes web
expect_status 3
expect_err "a part of 'md/torn' is missing"
expect_json '.[] | select(.volume == "vdj").type' udf
state_of() { # VOLUME
	jq -r --arg name "$1" '.[] | select(.volume == $name) | .trouble // .note // "readable"' "$OUT"
}
while IFS='|' read -r volume state; do
	[[ $(state_of "$volume") == "$state" ]] || fail "'$volume' is: $(state_of "$volume")"
done <<-'STATES'
	vda|a part of a volume group
	vdb1|a part of a volume group
	vdc1|a member of an array
	vdd1|readable
	vdd2|nothing recognised
	vde1|readable
	vdf|readable
	vdg|a part of the btrfs 'vdf'
	vdh|readable
	vdi|Windows was hibernated or not shut down: its newest writes may be missing
	vdj|readable
	vdk1|readable
	vdk2|readable
	vdk3|readable
	vdl|locked: give its key by --key-file
	vdm|locked: give its key by --key-file
	vdv1|locked: give its key by --key-file
	vdv2|locked: give its key by --key-file
	vdv3|locked: give its key by --key-file
	vdv4|readable
	vdv5|readable
	md/data|2 of 3 members of the array are there
	md/stripes|readable
	md2|1 of 2 members of the array are there
	md/torn|too many members of the array are missing
	md/six|readable
	md/ten|readable
	vg0/root|readable
	vg0/srv|readable
	vg0/thin|readable
STATES
expect_json 'map(select(.mounted_at) | .volume + ":" + .mounted_at) | sort | join(" ")' \
	"md/data:/md vdl:/home vg0/root:/ vg0/srv:/srv vg0/thin:/thin"
files=(web:/etc web:/srv/srv web:/thin/thin web:/md/md web:md/stripes:/raid0 web:md2:/raid1 web:vdd1:/gpt web:vde1:/mbr
	web:vdf@a/b:/ 'web:vdf@a!b:/other' web:vdh:/exfat web:vdi:/ntfs web:vdj:/cd web:vdk1:/crash-1 web:vdk2:/crash-2
	web:vdk3:/crash-3 web:md/at-end:/one-0 web:md/at-begin:/one-1 web:md/six:/six web:md/ten:/ten web:vdv4:/fat
	web:vdv5:/iso)
expect_files() { # DIRECTORY
	local file

	for file in srv thin md raid0 raid1 gpt mbr one-0 one-1 six ten several exfat ntfs cd crash-{1,2,3} fat iso; do
		same_file "$1/$file" "$d/big"
	done
	for file in zstd lzo zlib; do
		same_file "$1/$file" "$d/text"
	done
	same_file "$1/etc/fstab" "$d/files/etc/fstab"
	[[ $(cat "$1/other") == another ]] || fail "the subvolume is another"
}
mkdir "$SCRATCH/copies"
ok virtkeep files copy "${files[@]}" "$SCRATCH/copies"
expect_files "$SCRATCH/copies"

say "what is there twice is not mixed"
ok virtkeep --json files volumes copies
while IFS='|' read -r volume state; do
	[[ $(state_of "$volume") == "$state" ]] || fail "'$volume' is: $(state_of "$volume")"
done <<-'STATES'
	vda|'vdp' is the same part of a volume group: neither is read
	vdp|'vda' is the same part of a volume group: neither is read
	vgx/data|two volume groups are named 'vgx': neither is read
	vdf|a part of a btrfs that is on the disks twice: neither is read
	vdg|a part of a btrfs that is on the disks twice: neither is read
	vdq|a part of a btrfs that is on the disks twice: neither is read
	vdr|readable
	vds|readable
	md/data|2 of 3 members of the array are there
	md/data~1|1 of 2 members of the array are there
	vdt4|a member of an array that is on the disks twice: neither is read
	vdt6|a member of an array that is on the disks twice: neither is read
	vdt7|a member of an array that is on the disks twice: neither is read
STATES
jq -r '.[] | select(.volume == "vg0/root") | .trouble' "$OUT" | grep -q "LVM does not activate it" ||
	fail "a group with a part that is there twice is read"
for disk in vdr vds; do
	ok virtkeep files cat "copies:$disk:/file"
	[[ $(cat "$OUT") == "$disk" ]] || fail "'$disk' has the file of '$(cat "$OUT")'"
done
mkdir "$SCRATCH/copies/twice"
refused 1 "'vdr' is a copy of this btrfs and is read" \
	virtkeep files copy copies:vdr:/file copies:vds:/file "$SCRATCH/copies/twice"
[[ $(cat "$SCRATCH/copies/twice/file") == vdr ]] || fail "two disks were mixed"

say "volumes that are locked"
# Runs a command with a terminal, and types WORD when it asks for the passphrase of VOLUME.
typed() { # VOLUME WORD COMMAND...
	python3 -c '
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.execvp(sys.argv[4], sys.argv[4:])
seen = b""
try:
    while (data := os.read(fd, 4096)):
        seen += data
        if seen.endswith(("passphrase of the volume \x27%s\x27: " % sys.argv[2]).encode()):
            os.write(fd, (sys.argv[3] + "\n").encode())
except OSError:
    pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$SCRATCH/typed" "$@"
}
refused 1 "'vdl' is locked, and there is no terminal" setsid --wait virtkeep files ls web:vdl:/
refused 3 "cannot read '/home': locked: give its key by --key-file" virtkeep files ls -R web:/home
refused 1 "the key does not open 'vdl'" virtkeep files ls --key-file "vdl=$d/lvm.key" web:vdl:/
refused 2 "'vda' is not locked" virtkeep files ls --key-file "vda=$d/lvm.key" web:vda:/
locked=(web:/home/home web:vg1/plain:/vg1-plain web:vg1/secret:/secret web:vdv1:/serpent web:vdv2:/twofish
	web:vdv3:/camellia)
expect_locked_files() { # DIRECTORY
	local file

	for file in home vg1-plain secret serpent twofish camellia; do
		same_file "$1/$file" "$d/big"
	done
}
ok virtkeep files copy --key-file "vdl=$d/home.key" --key-file "$d/edited.key" "${locked[@]}" "$SCRATCH/copies"
expect_locked_files "$SCRATCH/copies"
mkdir "$SCRATCH/copies/vdl"
ok virtkeep files copy --key-file "vdl=$d/home.key" web:vdl:/ "$SCRATCH/copies/vdl"
same_file "$SCRATCH/copies/vdl/home" "$d/big"

say "the same files, read by a kernel in QEMU"
mkdir "$SCRATCH/kernel" "$SCRATCH/in-qemu"
tar -x -z -f "$SCRATCH/kernel.tar.gz" -C "$SCRATCH/kernel"
ok virtkeep files copy --kernel "$SCRATCH/kernel" --key-file "vdl=$d/home.key" --key-file "$d/edited.key" \
	"${files[@]}" "${locked[@]}" "$SCRATCH/in-qemu"
expect_files "$SCRATCH/in-qemu"
expect_locked_files "$SCRATCH/in-qemu"

say "passphrases at a terminal"
ok typed vdl 'correct horse' virtkeep files cat web:vdl:/home
same_file "$SCRATCH/typed" "$d/big"
run typed vdl 'wrong' virtkeep files cat web:vdl:/home
expect_status 1
expect_out "the key does not open 'vdl'"
not grep -q 'correct horse' "$OUT" || fail "the passphrase was shown"
# The second snapshot has other disks, so that it is looked at.
echo other | dd of="$d/vdj.raw" bs=1 seek=1000 conv=notrunc status=none
ok virtkeep backup web
ok typed vdl 'correct horse' virtkeep files diff web@-1 web vdl:/
[[ $(grep -o 'passphrase of' "$OUT" | wc -l) == 1 ]] || fail "asked more than once: $(cat "$OUT")"

say "a disk of the group is not in the snapshot"
run virtkeep files volumes torn
expect_status 3
expect_err "a part of 'vg0/srv' is missing: the snapshot does not have 'vdb' (excluded"
run virtkeep files ls torn:/
expect_status 3
expect_err "cannot read '/srv': a part of its volume group is missing"
expect_out etc

say "without the programs"
touch "$SCRATCH/none"
for program in /usr/sbin/lvm /usr/sbin/cryptsetup /usr/sbin/mount.exfat-fuse /usr/bin/ntfs-3g; do
	mount --bind "$SCRATCH/none" "$(realpath "$program")"
done
run virtkeep --json files volumes web
for name in 'vda|LVM|lvm2' 'vdh|exfat|exfat-fuse' 'vdi|ntfs|ntfs-3g' 'vdl|LUKS|cryptsetup-bin'; do
	IFS='|' read -r volume type package <<< "$name"
	[[ $(state_of "$volume") == "$type is not read without the package '$package': install it" ]] ||
		fail "'$volume' is: $(state_of "$volume")"
done
umount "$(realpath /usr/sbin/lvm)" "$(realpath /usr/sbin/cryptsetup)" "$(realpath /usr/sbin/mount.exfat-fuse)" /usr/bin/ntfs-3g
expect_clean web
