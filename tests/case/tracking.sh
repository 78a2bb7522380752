#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Changed-block tracking through what happens to guests and their images: how each disk is saved, and
# that the snapshot equals the disk, byte for byte, whatever that was.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

# Where a disk's image is now.
image_of() {
	virsh domblklist "$1" | awk -v target="$2" '$1 == target { print $2 }'
}

# A copy of what the disk holds. A suspended guest has nothing left in QEMU's hands.
copy_disk() { # GUEST TARGET DESTINATION
	qemu-img convert -U -O raw "$(image_of "$1" "$2")" "$3"
}

# saved GUEST TARGET=MODE...: backs up, compares each of the disks, and keeps the copies.
number=0
saved() {
	local guest=$1 word target reference paused=

	shift
	number=$((number + 1))
	if [[ $(virsh domstate "$guest") == running ]]; then
		virsh -q suspend "$guest"
		paused=1
	fi
	for word; do
		copy_disk "$guest" "${word%=*}" "$SCRATCH/copy-$number-${word%=*}"
	done
	ok virtkeep --json backup "$guest"
	[[ -z $paused ]] || virsh -q resume "$guest"
	jq -r '.snapshots[].disks[] | "  \(.target): \(.mode), \(.read) read: \(.reason)"' "$OUT"
	reference=$(jq -r '.snapshots[0].snapshot' "$OUT")
	for word; do
		target=${word%=*}
		expect_json ".snapshots[0].disks[] | select(.target == \"$target\").mode" "${word#*=}"
		echo "$reference $target $number" >> "$SCRATCH/kept"
		expect_same "$reference" "$target" "$number"
	done
}

expect_same() { # REFERENCE TARGET NUMBER
	virtkeep restore "$1" --disk "$2=$SCRATCH/restored" --format raw > /dev/null
	same_file "$SCRATCH/restored" "$SCRATCH/copy-$3-$2"
	rm "$SCRATCH/restored"
}

expect_reason() { # TARGET TEXT: of the last backup
	jq -r ".snapshots[0].disks[] | select(.target == \"$1\").reason" "$OUT" |
		grep -F -- "$2" > /dev/null ||
		fail "expected the reason of $1: $2"
}

read_of() {
	jq -r ".snapshots[0].disks[] | select(.target == \"$1\").read" "$OUT"
}

data_of() { # GUEST TARGET: bytes of its image, of a guest that is suspended or off
	qemu-img map -U --output=json "$(image_of "$1" "$2")" | jq '[.[] | select(.data).length] | add'
}

# shellcheck disable=SC2016 # the guest's variables
write_in() { # GUEST
	guest_run "$1" 'for disk in /mnt/vd*; do
		dd if=/dev/urandom of=$disk/new bs=64k count=4 2>/dev/null; done; sync'
}

write_off() { # GUEST OFFSET: of a guest that is off
	qemu-io -f qcow2 -c "write -P 0x5a $2 64k" "$(image_of "$1" vda)" > /dev/null
}

shut_down() {
	virsh -q shutdown "$1"
	wait_for 60 "'$1' is off" eval "[[ \$(virsh domstate '$1') == 'shut off' ]]"
}

our_checkpoints() { # GUEST: how many
	virsh checkpoint-list "$1" --name | grep -c '^virtkeep-' || true
}

bitmaps_of() { # GUEST TARGET: names, of a guest that is off
	qemu-img info --output=json "$(image_of "$1" "$2")" |
		jq -r '."format-specific".data.bitmaps // [] | .[].name'
}

VDA_MIB=64 VDB_MIB=32 define_guest vm
start_guest vm
ok virtkeep init

say "first, then by the bitmap; raw images are compared"
saved vm vda=full vdb=full
expect_reason vda 'first snapshot of this disk'
write_in vm
saved vm vda=incremental vdb=compare
expect_reason vdb 'only qcow2 does'
(($(read_of vda) < 4 << 20)) || fail "an increment read $(read_of vda) bytes"
[[ $(our_checkpoints vm) == 1 ]] || fail "old checkpoints are left"

say "trimmed space costs nothing"
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/big bs=1M count=20 2>/dev/null; sync'
saved vm vda=incremental
guest_run vm 'rm /mnt/vda/big; sync; fstrim /mnt/vda; sync'
saved vm vda=incremental
(($(read_of vda) < 4 << 20)) || fail "trimmed space was read: $(read_of vda) bytes"

say "a restart keeps the bitmap; a guest that is off costs nothing, again and again"
write_in vm
shut_down vm
saved vm vda=incremental vdb=compare
saved vm vda=incremental
[[ $(read_of vda) == 0 ]] || fail "a disk that did not change was read: $(read_of vda)"
saved vm vda=incremental
[[ $(read_of vda) == 0 ]] || fail "a disk that did not change was read: $(read_of vda)"
[[ $(bitmaps_of vm vda | wc -l) == 1 ]] || fail "bitmaps are left: $(bitmaps_of vm vda)"
start_guest vm
write_in vm
saved vm vda=incremental

say "QEMU does not offer the bitmap, live and off: all is read"
# Of the last backup of vm, whose disk does not change; the one after it is by the bitmap again.
expect_all_read() {
	expect_reason vda 'QEMU did not offer its dirty bitmap'
	[[ $(read_of vda) == "$(data_of vm vda)" ]] ||
		fail "$(read_of vda) bytes were read of $(data_of vm vda)"
	saved vm vda=incremental
	[[ $(read_of vda) == 0 ]] || fail "a disk that did not change was read: $(read_of vda)"
}
# The job's server goes on without the bitmap.
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/hide <<-'HOOK'
	#!/bin/bash
	set -eo pipefail
	[[ $1 == post-thaw ]] || exit 0
	number=$(virsh backup-dumpxml vm | sed -n "s/.* name='vda' .* index='\([0-9]*\)'.*/\1/p")
	node=libvirt-$number-format
	qmp() { # COMMAND ARGUMENTS
		virsh -q qemu-monitor-command vm "{\"execute\": \"$1\", \"arguments\": {$2}}"
	}
	qmp block-export-del "\"id\": \"libvirt-nbd-$node\", \"mode\": \"hard\""
	while qmp query-block-exports | grep -qF "\"$node\""; do
		sleep 0.05
	done
	qmp block-export-add "\"id\": \"bare\", \"type\": \"nbd\", \"name\": \"vda\",
		\"node-name\": \"$node\""
HOOK
chmod 755 /etc/virtkeep/hooks.d/hide
write_in vm
virsh -q suspend vm
saved vm vda=compare vdb=compare
rm -r /etc/virtkeep/hooks.d
expect_all_read
virsh -q resume vm
write_in vm
shut_down vm
real=$(type -P qemu-nbd)
cat > "$SCRATCH/bin/qemu-nbd" <<-HIDE
	#!/bin/bash
	words=()
	for word; do
		[[ \$word == --bitmap || \$before == --bitmap ]] || words+=("\$word")
		before=\$word
	done
	[[ \${#words[@]} == \$# ]] || echo "\$*" >> '$SCRATCH/hidden'
	exec '$real' "\${words[@]}"
HIDE
chmod 755 "$SCRATCH/bin/qemu-nbd"
saved vm vda=compare vdb=compare
[[ -s $SCRATCH/hidden ]] || fail "nobody asked qemu-nbd for a bitmap"
rm "$SCRATCH/bin/qemu-nbd"
expect_all_read
start_guest vm
write_in vm
saved vm vda=incremental

say "resized, live and off"
virsh -q blockresize vm vda 72M
saved vm vda=compare
expect_reason vda 'resized from 67108864 to 75497472 bytes'
write_in vm
saved vm vda=incremental
shut_down vm
qemu-img resize -q -f raw "$(image_of vm vdb)" 48M
saved vm vda=incremental vdb=compare
expect_reason vdb 'resized'
qemu-img resize -q "$(image_of vm vda)" 80M
saved vm vda=compare
expect_reason vda 'resized from 75497472 to 83886080 bytes'

say "made smaller and larger again, off and live: the bitmap does not tell what that has cost"
write_off vm 76M
write_off vm 78M
saved vm vda=incremental
qemu-img resize -q --shrink "$(image_of vm vda)" 72M
qemu-img resize -q "$(image_of vm vda)" 80M
write_off vm 79M
saved vm vda=compare
expect_reason vda 'made smaller and larger again'
write_off vm 76M
saved vm vda=compare
start_guest vm
virsh -q blockresize vm vda 72M
virsh -q blockresize vm vda 80M
saved vm vda=compare
expect_reason vda 'made smaller and larger again'
saved vm vda=compare

say "resized between the examination and the job"
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/resize <<-'HOOK'
	#!/bin/sh
	[ "$1" = pre-freeze ] || exit 0
	virsh -q blockresize vm vda "$(cat /run/size)"
HOOK
chmod 755 /etc/virtkeep/hooks.d/resize
echo 88M > /run/size
write_in vm
ok virtkeep --json backup vm
expect_err 'it was resized; try again'
expect_json '.snapshots[0].disks[0] | "\(.mode) \(.size)"' "compare $((88 << 20))"
echo 80M > /run/size
ok virtkeep --json backup vm
expect_json '.snapshots[0].disks[0] | "\(.mode) \(.size)"' "compare $((80 << 20))"
rm -r /etc/virtkeep/hooks.d
saved vm vda=incremental
shut_down vm
saved vm vda=incremental

say "written by a tool while off; put back from a copy: the bitmap in it is as old as the data"
cp "$(image_of vm vda)" "$SCRATCH/own-copy"
write_off vm 1M
cat "$SCRATCH/own-copy" > "$(image_of vm vda)"
saved vm vda=incremental
write_off vm 3M
saved vm vda=incremental
[[ $(read_of vda) == 65536 ]] || fail "an increment of one block read $(read_of vda) bytes"
cat "$SCRATCH/own-copy" > "$(image_of vm vda)"
saved vm vda=compare
expect_reason vda 'gone'

say "QEMU killed: the bitmap is broken, the next one is whole"
start_guest vm
write_in vm
kill -KILL "$(pgrep -f 'guest=vm,')"
wait_for 20 "the guest is off" eval "[[ \$(virsh domstate vm) == 'shut off' ]]"
saved vm vda=compare
expect_reason vda 'broken'
start_guest vm
saved vm vda=incremental
kill -KILL "$(pgrep -f 'guest=vm,')"
wait_for 20 "the guest is off" eval "[[ \$(virsh domstate vm) == 'shut off' ]]"
start_guest vm
saved vm vda=compare
expect_reason vda 'gone or broken'
write_in vm
saved vm vda=incremental

say "checkpoint without bitmap, bitmap without checkpoint, and somebody else's"
name=$(virsh checkpoint-list vm --name | grep virtkeep)
virsh -q checkpoint-delete vm "$name"
saved vm vda=compare
write_in vm
name=$(virsh checkpoint-list vm --name | grep virtkeep)
virsh -q checkpoint-delete vm "$name" --metadata
saved vm vda=incremental
virsh checkpoint-create-as vm foreign --diskspec vda --diskspec vdb,checkpoint=no > /dev/null
write_in vm
saved vm vda=incremental
virsh checkpoint-list vm --name | grep -x foreign > /dev/null || fail "a foreign checkpoint is gone"

say "a leftover of ours is removed, others stay"
virsh checkpoint-create-as vm "${name%-*}-00000000" --diskspec vda \
	--diskspec vdb,checkpoint=no > /dev/null
virsh checkpoint-create-as vm virtkeep-00000000-00000000 --diskspec vda \
	--diskspec vdb,checkpoint=no > /dev/null
saved vm vda=incremental
[[ $(our_checkpoints vm) == 2 ]] || fail "leftovers: $(virsh checkpoint-list vm --name)"
virsh checkpoint-delete vm virtkeep-00000000-00000000 > /dev/null
virsh checkpoint-delete vm foreign > /dev/null

say "external snapshot, and committed"
virsh -q snapshot-create-as vm external --disk-only --diskspec vdb,snapshot=no
write_in vm
saved vm vda=incremental
write_in vm
saved vm vda=incremental
virsh -q blockcommit vm vda --active --pivot --wait > /dev/null
virsh -q snapshot-delete vm external --metadata
write_in vm
saved vm vda=compare
write_in vm
saved vm vda=incremental
virsh -q snapshot-create-as vm another --disk-only --diskspec vdb,snapshot=no --no-metadata
write_in vm
virsh -q blockcommit vm vda --active --pivot --wait > /dev/null
write_in vm
saved vm vda=incremental

say "an overlay made while the guest is off: the bitmap below it tells too little"
shut_down vm
old=$(image_of vm vda)
lay_over() { # IMAGE: it gets IMAGE.overlay above it
	qemu-img create -q -f qcow2 -b "$1" -F qcow2 "$1.overlay"
	chmod 666 "$1.overlay"
	sed "s#'$old'#'$1.overlay'#" "$SCRATCH/plain.xml" > "$SCRATCH/overlay.xml"
	virsh -q define "$SCRATCH/overlay.xml"
}
virsh dumpxml --inactive vm > "$SCRATCH/plain.xml"
lay_over "$old"
write_off vm 5M
saved vm vda=compare
lay_over "$old.overlay"
start_guest vm
write_in vm
saved vm vda=compare
write_in vm
saved vm vda=incremental
shut_down vm
qemu-img commit -q "$old.overlay.overlay"
qemu-img commit -q "$old.overlay"
virsh -q define "$SCRATCH/plain.xml"
saved vm vda=compare
rm "$old.overlay" "$old.overlay.overlay"

say "internal snapshots: no bitmap that would keep the user from going back"
qemu-img snapshot -c before "$old"
saved vm vda=compare
expect_reason vda 'internal snapshots'
[[ -z $(bitmaps_of vm vda) ]] || fail "a bitmap is left: $(bitmaps_of vm vda)"
qemu-img snapshot -a before "$old"
saved vm vda=compare
qemu-img snapshot -d before "$old"
saved vm vda=compare
saved vm vda=incremental

say "a disk is added"
detach() { # TARGET
	virsh -q detach-disk vm "$1" --live --config
	wait_for 20 "$1 is gone" not eval "virsh domblklist vm | grep $1"
}
start_guest vm
make_disk qcow2 "$SCRATCH/guests/vm/vdc.qcow2" 32
chmod 666 "$SCRATCH/guests/vm/vdc.qcow2"
virsh -q attach-disk vm "$SCRATCH/guests/vm/vdc.qcow2" vdc --subdriver qcow2 --live --config
saved vm vda=incremental vdc=full
saved vm vda=incremental vdc=incremental

say "the bitmap of one disk of two is missing; a block device has none"
truncate -s 8M "$SCRATCH/device"
loop=$(losetup --find --show "$SCRATCH/device")
virsh -q attach-disk vm "$loop" vdd --sourcetype block --subdriver raw --live --config
losetup --detach "$loop" # which happens when QEMU closes it
saved vm vda=incremental vdc=incremental vdd=full
detach vdc
qemu-img bitmap --remove "$SCRATCH/guests/vm/vdc.qcow2" \
	"$(virsh checkpoint-list vm --name | grep virtkeep)"
virsh -q attach-disk vm "$SCRATCH/guests/vm/vdc.qcow2" vdc --subdriver qcow2 --live --config
guest_run vm 'echo changed > /dev/vdd; sync'
saved vm vda=incremental vdc=compare vdd=compare
expect_reason vdc 'gone or broken'

say "an image that QEMU alone can open costs the other disks nothing"
mv "$SCRATCH/guests/vm/vdc.qcow2" "$SCRATCH/moved"
saved vm vda=incremental
expect_reason vdc 'cannot open'
[[ $(our_checkpoints vm) == 1 ]] || fail "old checkpoints are left"
detach vdc
detach vdd
saved vm vda=incremental

say "another disk takes the place of the removed one"
cp "$(image_of vm vdb)" "$SCRATCH/other.raw"
qemu-img convert -O qcow2 "$SCRATCH/other.raw" "$SCRATCH/guests/vm/other.qcow2"
qemu-img resize -q "$SCRATCH/guests/vm/other.qcow2" 80M
chmod 666 "$SCRATCH/guests/vm/other.qcow2"
virsh -q attach-disk vm "$SCRATCH/guests/vm/other.qcow2" vdc --subdriver qcow2 --live --config
saved vm vda=incremental vdc=full

say "two disks change their places: their bitmaps have one name, but the images differ"
saved vm vdc=incremental
shut_down vm
virsh dumpxml --inactive vm | sed -e 's#vda.qcow2#THE-OTHER#' -e 's#other.qcow2#vda.qcow2#' \
	-e 's#THE-OTHER#other.qcow2#' > "$SCRATCH/swapped.xml"
virsh -q define "$SCRATCH/swapped.xml"
saved vm vda=compare vdc=compare
expect_reason vda 'another image'
exchange() {
	mv "$SCRATCH/guests/vm/vda.qcow2" "$SCRATCH/guests/vm/third.qcow2"
	mv "$SCRATCH/guests/vm/other.qcow2" "$SCRATCH/guests/vm/vda.qcow2"
	mv "$SCRATCH/guests/vm/third.qcow2" "$SCRATCH/guests/vm/other.qcow2"
}
exchange
saved vm vda=compare vdc=compare
expect_reason vda 'another file'
exchange
virsh -q define "$SCRATCH/plain.xml"
start_guest vm
saved vm vda=compare

say "two vaults, each with its own checkpoint; one is replaced by an empty one"
ok virtkeep --vault "$SCRATCH/second" init
ok virtkeep --vault "$SCRATCH/second" backup vm
write_in vm
ok virtkeep --vault "$SCRATCH/second" --json backup vm
expect_json '.snapshots[0].disks[0].mode' incremental
saved vm vda=incremental
[[ $(our_checkpoints vm) == 2 ]] || fail "not one checkpoint for each vault"
rm -r "$SCRATCH/second"
ok virtkeep --vault "$SCRATCH/second" init --force
ok virtkeep --vault "$SCRATCH/second" --json backup vm
expect_json '.snapshots[0].disks[0].mode' full

say "a guest defined anew, as after a migration: its checkpoint comes from the vault"
shut_down vm
virsh dumpxml --inactive vm > "$SCRATCH/again.xml"
virsh -q undefine vm --checkpoints-metadata
virsh -q define "$SCRATCH/again.xml"
start_guest vm
write_in vm
saved vm vda=incremental

say "a transient guest"
shut_down vm
virsh -q undefine vm --checkpoints-metadata
virsh -q create "$SCRATCH/again.xml"
wait_for 120 "the agent" agent vm '{"execute":"guest-ping"}'
write_in vm
saved vm vda=incremental
virsh -q define "$SCRATCH/again.xml"

say "qcow2 of version 2"
shut_down vm
qemu-img convert -O qcow2 -o compat=0.10 "$(image_of vm vda)" "$SCRATCH/v2"
cat "$SCRATCH/v2" > "$(image_of vm vda)"
start_guest vm
saved vm vda=compare
expect_reason vda 'compat=v3'
saved vm vda=compare

say "restored in place, and on"
# A restored image is of the version that it had, and only the newer one keeps bitmaps.
shut_down vm
qemu-img amend -f qcow2 -o compat=1.1 "$(image_of vm vda)"
start_guest vm
saved vm vda=compare
reference=$(newest vm)
ok virtkeep restore "$reference" --in-place
wait_for 120 "the agent" agent vm '{"execute":"guest-ping"}'
saved vm vda=compare
expect_reason vda "restored from ${reference#*@}"
write_in vm
saved vm vda=incremental
ok virtkeep restore "$reference" --in-place
wait_for 120 "the agent" agent vm '{"execute":"guest-ping"}'
saved vm vda=compare
expect_reason vda "restored from ${reference#*@}"

say "all snapshots are still what they were"
while read -r reference target copy; do
	expect_same "$reference" "$target" "$copy"
done < "$SCRATCH/kept"
ok virtkeep verify --data
expect_clean vm
