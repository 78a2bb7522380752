#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest of which much is outside: ports, sockets, parts of images, disks past libvirt. Its clone runs
# beside it, and what is no disk of its own is neither overwritten nor passed over in silence.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

# A disk that is a part of an image, a console and displays at fixed ports, a port of the host, QEMU's own
# arguments, and a generation id.
define_outside() {
	local directory=$SCRATCH/guests/vm

	mkdir -p "$directory"
	make_disk raw "$directory/vda" 32
	make_disk raw "$directory/vdb.raw" 32
	{
		head -c 1M /dev/urandom
		cat "$directory/vda"
		head -c 1M /dev/urandom
	} > "$directory/container.img"
	rm "$directory/vda"
	truncate -s 16M "$directory/extra.raw"
	chmod 666 "$directory"/*
	mkfifo "$directory/pipe.in" "$directory/pipe.out"
	guest_xml vm "$directory" "" | sed \
		-e "s|<domain |&xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' |" \
		-e "s|<memory |<genid/>&|" \
		-e "s|type='qcow2' discard='unmap'|type='raw'|" \
		-e "s|<source file='.*/vda.qcow2'/>|$(slice)|" \
		-e "s|<serial type='pty'/>|$(outside)|" \
		-e "s|</domain>|$(arguments)&|" > "$SCRATCH/define.xml"
	virsh -q define "$SCRATCH/define.xml"
}

slice() {
	echo "<source file='$SCRATCH/guests/vm/container.img'><slices><slice type='storage' \
offset='1048576' size='33554432'/></slices></source>"
}

outside() {
	echo "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='4555'/>\
<protocol type='telnet'/></serial><serial type='unix'><source mode='bind' \
path='$SCRATCH/guests/vm/vm.sock'/></serial><serial type='pipe'><source \
path='$SCRATCH/guests/vm/pipe'/></serial><graphics type='vnc' port='5961' autoport='no' \
websocket='5761' listen='127.0.0.1'/><video><model type='vga'/></video>"
}

arguments() {
	echo "<qemu:commandline><qemu:arg value='-drive'/><qemu:arg \
value='file=$SCRATCH/guests/vm/extra.raw,if=none,id=extra,format=raw'/><qemu:arg value='-chardev'/>\
<qemu:arg value='socket,id=side,path=/var/lib/libvirt/qemu/side.sock,server=on,wait=off'/>\
</qemu:commandline>"
}

genid() {
	virsh dumpxml --inactive "$1" | sed -n 's|.*<genid>\(.*\)</genid>|\1|p'
}

define_outside
start_guest vm
guest_run vm 'echo letter > /mnt/vda/letter; echo other > /mnt/vdb/other; sync'
ok virtkeep init

say "a disk past libvirt is told"
ok virtkeep --json discover
expect_json '.[0].foreign | length' 1
ok virtkeep discover
expect_out "extra.raw"
ok virtkeep backup vm
expect_err "extra.raw"
expect_out "incomplete"
ok virtkeep list
expect_out "filesystem, incomplete"
ok virtkeep --json show vm@latest
expect_json '.incomplete' true
expect_json '[.skipped[].target] | map(select(test("extra.raw"))) | length' 1

say "a part of an image does not become the whole"
sum=$(sha256sum < "$SCRATCH/guests/vm/container.img")
refused 1 "a part of the image" virtkeep restore vm --in-place
refused 1 "a part of the image" virtkeep restore vm --in-place --force --disk vda
[[ $(virsh domstate vm) == running ]] || fail "the guest does not run"
[[ $(sha256sum < "$SCRATCH/guests/vm/container.img") == "$sum" ]] || fail "the image was changed"

say "a clone beside the running guest"
mkdir "$SCRATCH/copy"
ok virtkeep restore vm --as copy --to "$SCRATCH/copy" --start
for word in 127.0.0.1:4555 "guests/vm/pipe" extra.raw side.sock "generation id"; do
	expect_err "$word"
done
wait_for 120 "the agent of 'copy' answers" agent copy '{"execute":"guest-ping"}'
[[ $(guest_run copy 'cat /mnt/vda/letter /mnt/vdb/other' | paste -sd ' ') == "letter other" ]] ||
	fail "the copy has not the disks"
[[ $(guest_run vm 'cat /mnt/vda/letter') == letter ]] || fail "the original has changed"
[[ -S $SCRATCH/guests/vm/copy.sock ]] || fail "the copy has no socket of its own"
[[ $(genid copy) != "$(genid vm)" ]] || fail "the copy has the original's generation id"
virsh dumpxml --inactive copy > "$SCRATCH/copy.xml"
for word in slices qemu:arg 4555 5961 5761; do
	not grep -q "$word" "$SCRATCH/copy.xml" || fail "the copy has $word: $(cat "$SCRATCH/copy.xml")"
done

say "back in time under its own name: another generation id"
before=$(genid copy)
ok virtkeep backup copy
ok virtkeep restore copy --in-place --disk vda
after=$(genid copy)
[[ -n $after && $after != "$before" ]] || fail "the generation id is still '$before'"
ok virtkeep restore copy --in-place
[[ $(genid copy) != "$after" ]] || fail "the generation id is still '$after'"
wait_for 120 "the agent of 'copy' answers" agent copy '{"execute":"guest-ping"}'
expect_clean vm copy
