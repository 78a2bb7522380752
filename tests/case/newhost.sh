#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A host that has neither the guest nor its kernel nor its network, and then not even libvirt.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

nothing_written() {
	[[ ! -e $SCRATCH/guests/vm && ! -e $SCRATCH/boot ]] || fail "something was written"
	not virsh domuuid vm > /dev/null 2>&1 || fail "the guest was defined"
}

make_boot() {
	mkdir "$SCRATCH/boot"
	cp "$SCRATCH/vmlinuz" "$SCRATCH/initrd.gz" "$SCRATCH/boot/"
}

make_boot
mkdir -p "$SCRATCH/guests/vm"
make_disk qcow2 "$SCRATCH/guests/vm/vda.qcow2" 64
make_disk raw "$SCRATCH/guests/vm/vdb.raw" 32
guest_xml vm "$SCRATCH/guests/vm" "" | sed \
	-e "s|$SCRATCH/vmlinuz|$SCRATCH/boot/vmlinuz|; s|$SCRATCH/initrd.gz|$SCRATCH/boot/initrd.gz|" \
	-e "s|<channel |<interface type='bridge'><source bridge='br-old'/></interface>&|" \
	> "$SCRATCH/define.xml"
virsh -q define "$SCRATCH/define.xml"
ip link add br-old type bridge
start_guest vm
guest_run vm 'echo letter > /mnt/vda/letter; sync'
uuid=$(virsh domuuid vm)
ok virtkeep init
ok virtkeep --json backup vm
ok virtkeep --json show vm
expect_json '[.files[].name] | join(" ")' "kernel initrd"
ok virtkeep restore vm --file "kernel=$SCRATCH/kernel"
same_file "$SCRATCH/kernel" "$SCRATCH/vmlinuz"
stop_guest vm
virsh -q undefine vm --checkpoints-metadata
rm -r "${SCRATCH:?}/guests/vm" "${SCRATCH:?}/boot" "$SCRATCH/kernel"
ip link del br-old

say "what is missing is told before anything is written"
mkdir "$SCRATCH/new"
refused 1 "'br-old' does not exist" virtkeep restore vm --to "$SCRATCH/new" --start
expect_err "--no-network"
nothing_written
[[ -z $(ls "$SCRATCH/new") ]] || fail "something was written: $(ls "$SCRATCH/new")"
ok virtkeep restore vm --to "$SCRATCH/new" --dry-run
expect_out "'br-old' does not exist"
expect_out "$SCRATCH/new/vm-kernel"
refused 6 "'br-other'" virtkeep restore vm --to "$SCRATCH/new" --network br-other=br-new

say "another bridge, and its own kernel"
ip link add br-new type bridge
ok virtkeep restore vm --to "$SCRATCH/new" --network br-old=br-new --start
wait_for 120 "the agent of 'vm' answers" agent vm '{"execute":"guest-ping"}'
[[ $(guest_run vm 'cat /mnt/vda/letter') == letter ]] || fail "the letter is lost"
[[ $(virsh domuuid vm) == "$uuid" ]] || fail "the guest has another uuid"
virsh domiflist vm > "$SCRATCH/interfaces"
grep -q br-new "$SCRATCH/interfaces" || fail "the guest is not on br-new"
same_file "$SCRATCH/new/vm-initrd" "$SCRATCH/initrd.gz"
stop_guest vm
virsh -q undefine vm --checkpoints-metadata
rm -r "$SCRATCH/new"
ip link del br-new

say "without libvirt, and without a network: one command is left"
mkdir "$SCRATCH/new"
kill_libvirtd
refused 1 "--start" virtkeep restore vm --to "$SCRATCH/new" --start
ok virtkeep --json restore vm --to "$SCRATCH/new" --no-network
expect_json '.restored[0].defined' false
command=$(jq -r '.restored[0].command' "$OUT")
[[ $command == "virsh define '$SCRATCH/new/vm-domain.xml'" ]] || fail "the command is: $command"
start_libvirtd
bash -c "$command"
start_guest vm
[[ $(guest_run vm 'cat /mnt/vda/letter') == letter ]] || fail "the letter is lost"
ok virtkeep backup vm
expect_clean vm
