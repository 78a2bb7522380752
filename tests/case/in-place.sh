#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Restores in place that fail on the way: the old disks and definition come back, and the guest runs.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

mark() {
	guest_run vm "echo $1 > /mnt/vda/mark; echo $1 > /mnt/vdb/mark; sync"
}

expect_marks() {
	local got

	wait_for 120 "the agent of 'vm' answers" agent vm '{"execute":"guest-ping"}'
	got=$(guest_run vm 'cat /mnt/vda/mark /mnt/vdb/mark' | paste -sd ' ')
	[[ $got == "$1 $1" ]] || fail "expected the disks to say '$1', they say '$got'"
}

expect_as_before() {
	local left

	expect_marks new
	virsh dumpxml --inactive --security-info vm > "$SCRATCH/now.xml"
	same_file "$SCRATCH/now.xml" "$SCRATCH/before.xml"
	left=$(find "$SCRATCH/guests/vm" -mindepth 1 -printf '%P\n' | sort | paste -sd ' ')
	[[ $left == "vda.qcow2 vdb.raw" ]] || fail "expected two disks, found: $left"
	expect_clean vm
}

# Changes the definition that the snapshot holds.
spoil() {
	cp "$SCRATCH/sound.json" "$object"
	edit_object "$object" ".domain_xml |= $1"
}

define_guest vm
start_guest vm
mark old
ok virtkeep init
ok virtkeep backup vm
snapshot=$(newest vm)
object=$(find "$VAULT/snaps" -type f)
cp "$object" "$SCRATCH/sound.json"
mark new
virsh dumpxml --inactive --security-info vm > "$SCRATCH/before.xml"

say "the definition is another guest's"
define_guest other
virsh dumpxml --inactive other > "$SCRATCH/other.xml"
spoil "sub(\"<uuid>[^<]*\";\"<uuid>$(virsh domuuid other)\")"
refused 5 "'vm'" virtkeep restore "$snapshot" --in-place
spoil 'sub("<name>vm<";"<name>other<")'
refused 5 "'other'" virtkeep restore "$snapshot" --as new --to "$SCRATCH"
virsh dumpxml --inactive other > "$SCRATCH/now.xml"
same_file "$SCRATCH/now.xml" "$SCRATCH/other.xml"
expect_as_before

say "libvirt refuses the definition"
spoil 'sub("machine=[^>]*";"machine=\"no-such-machine\"")'
refused 1 no-such-machine virtkeep restore "$snapshot" --in-place
expect_as_before

say "the host lacks what the guest needs"
spoil 'sub("<emulator>[^<]*";"<emulator>/no/such/program")'
refused 1 /no/such/program virtkeep restore "$snapshot" --in-place
spoil 'sub("<channel";"<interface type=\"network\"><source network=\"gone\"/></interface><channel")'
refused 1 "--no-network" virtkeep restore "$snapshot" --in-place
not grep -q "shutting down" "$ERR" || fail "the guest was shut down for nothing"
expect_as_before

say "the guest does not start as it was saved"
spoil 'sub("<channel";"<hostdev mode=\"subsystem\" type=\"pci\"><source><address domain=\"0\" bus=\"254\" slot=\"31\" function=\"7\"/></source></hostdev><channel")'
refused 1 "cannot start guest" virtkeep restore "$snapshot" --in-place
expect_err "'vm' is put back as it was"
expect_as_before
cp "$SCRATCH/sound.json" "$object"

say "the second disk cannot be replaced"
mount --bind "$SCRATCH/guests/vm/vdb.raw" "$SCRATCH/guests/vm/vdb.raw"
refused 1 "'$SCRATCH/guests/vm/vdb.raw'" virtkeep restore "$snapshot" --in-place
expect_marks new
stop_guest vm
umount "$SCRATCH/guests/vm/vdb.raw"
start_guest vm
expect_as_before

say "interrupted while the guest, which is slow, shuts down"
qemu=$(cat /run/libvirt/qemu/vm.pid)
kill -STOP "$qemu"
: > "$ERR" # not what was said before
virtkeep restore "$snapshot" --in-place > "$OUT" 2> "$ERR" &
job=$!
wait_for 60 "the shutdown begins" grep -q "shutting down guest" "$ERR"
kill -INT "$job"
wait_for 60 "the shutdown is waited for" grep -q "waiting for that" "$ERR"
kill -INT "$job"
kill -CONT "$qemu"
STATUS=0
wait "$job" || STATUS=$?
expect_status 1
expect_err interrupted
expect_as_before

say "one disk: the definition stays, and is not told to be put back"
ok virtkeep restore "$snapshot" --in-place --disk vda
not grep -q define "$OUT" || fail "it tells of a definition: $(cat "$OUT")"
wait_for 120 "the agent of 'vm' answers" agent vm '{"execute":"guest-ping"}'
[[ $(guest_run vm 'cat /mnt/vda/mark /mnt/vdb/mark' | paste -sd ' ') == "old new" ]] ||
	fail "not vda alone was put back"
virsh dumpxml --inactive --security-info vm > "$SCRATCH/now.xml"
same_file "$SCRATCH/now.xml" "$SCRATCH/before.xml"

say "and all is well"
ok virtkeep restore "$snapshot" --in-place --dry-run
expect_out "what the guest wrote since 20"
ok virtkeep --json restore "$snapshot" --in-place --keep-old
expect_json '.restored[0] | [.defined, .started, .shut_down, .disks[0].replaced] | unique' \
	$'[\n  true\n]'
expect_json '.restored[0].duration_ms > 0' true
expect_json '.restored[0].lost_seconds > 0' true
expect_marks old
for disk in vda.qcow2 vdb.raw; do
	[[ -s $(echo "$SCRATCH/guests/vm/$disk".old-20*) ]] || fail "the old '$disk' is not kept"
	rm "$SCRATCH/guests/vm/$disk".old-20*
done
ok virtkeep --json backup vm
expect_json '.snapshots[0].disks[0].reason' "restored from ${snapshot#*@}"
expect_clean vm

say "snapshots that users have made are not taken away unasked"
define_guest own
virsh -q detach-disk own vdb --config > /dev/null
ok virtkeep backup own
images=$SCRATCH/guests/own
virsh checkpoint-list own --name | grep . | while read -r name; do
	virsh -q checkpoint-delete own "$name" --metadata > /dev/null
done
virsh -q snapshot-create-as own inside > /dev/null
qemu-img snapshot -c by-hand "$images/vda.qcow2"
virsh -q snapshot-create-as own outside --disk-only --diskspec "vda,file=$images/overlay" > /dev/null
refused 1 "use --force" virtkeep restore own --in-place
ok virtkeep restore own --in-place --force --dry-run
expect_out "the snapshot 'inside' is lost with the image"
expect_out "'outside' is lost; of what it began, '$images/overlay' stays, which the guest uses no more"
[[ $(virsh snapshot-list own --name | grep -c .) == 2 ]] || fail "a refusal removed an entry"
virsh -q snapshot-delete own outside --metadata > /dev/null
virsh -q dumpxml own | sed "s#$images/overlay#$images/vda.qcow2#; /<backingStore/,/<.backingStore>/d" \
	> "$SCRATCH/own.xml"
virsh -q define "$SCRATCH/own.xml"
refused 1 "the snapshot 'by-hand' is lost with the image" virtkeep restore own --in-place
ok virtkeep restore own --in-place --force
expect_out "the snapshot 'inside' is lost"
[[ -z $(virsh snapshot-list own --name) ]] || fail "libvirt lists it still"
[[ -e $images/overlay ]] || fail "a file of the user's is gone"
expect_clean vm own
