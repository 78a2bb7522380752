#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Disks of every kind of a guest that is off: what discover tells, and what is saved.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

images=$SCRATCH/images
mkdir "$images" "$SCRATCH/pool"
head -c 5000000 /dev/urandom > "$images/base.raw"
(cd "$images" && qemu-img create -q -f qcow2 -b base.raw -F raw mid.qcow2 &&
	qemu-img create -q -f qcow2 -o compat=0.10 -b mid.qcow2 -F qcow2 top.qcow2)
head -c 1000001 /dev/urandom > "$images/odd.raw"
virsh -q pool-define-as pool dir --target "$SCRATCH/pool"
virsh -q pool-start pool
virsh -q vol-create-as pool volume.qcow2 10M --format qcow2

disk() { # TARGET DEVICE TYPE FORMAT SOURCE [FLAG]
	echo "<disk type='$3' device='$2'><driver name='qemu' type='$4'/>$5<target dev='$1'/>${6:-}" \
		"</disk>"
}

{
	echo "<domain type='qemu'><name>many</name><memory unit='MiB'>64</memory>"
	echo "<os><type arch='x86_64'>hvm</type></os><devices>"
	disk vda disk volume qcow2 "<source pool='pool' volume='volume.qcow2'/>"
	disk vdb disk file qcow2 "<source file='$images/top.qcow2'/>"
	disk vdc disk file raw "<source file='$images/odd.raw'/>"
	disk vdd disk file raw "<source file='$images/odd.raw'/>" "<readonly/>"
	disk vde disk file raw "<source file='$images/odd.raw'/>" "<shareable/>"
	disk sda cdrom file raw ""
	disk sdb cdrom file raw "<source file='$images/odd.raw'/>"
	echo "</devices></domain>"
} > "$SCRATCH/many.xml"
virsh -q define "$SCRATCH/many.xml"
ok virtkeep init

say "all is well"
ok virtkeep --json discover
expect_json '.[0].disks[] | select(.target == "vda").size' 10485760
expect_json '.[0].disks[] | select(.target == "vdb").backing | length' 2
expect_json '[.[0].disks[] | select(.saved).target] | sort | join(" ")' "vda vdb vdc"
ok virtkeep --json backup many
expect_json '[.snapshots[0].disks[].target] | sort | join(" ")' "vda vdb vdc"
ok virtkeep restore many@latest --disk "vdb=$SCRATCH/vdb.raw" --format raw
qemu-img compare -q "$images/top.qcow2" "$SCRATCH/vdb.raw" || fail "vdb differs"
ok virtkeep restore many@latest --disk "vdb=$SCRATCH/vdb.qcow2"
expect_err "disk 'vdb' had 2 backing files, '$images/mid.qcow2' the nearest"
qemu-img info --output=json "$SCRATCH/vdb.qcow2" > "$OUT"
expect_json '.["format-specific"].data.compat' 0.10
ok virtkeep restore many@latest --disk "vdb=$SCRATCH/kept.qcow2" --keep-chain
qemu-img compare -q "$images/top.qcow2" "$SCRATCH/kept.qcow2" || fail "vdb differs"
qemu-img info --output=json "$SCRATCH/kept.qcow2" > "$OUT"
expect_json '.["full-backing-filename"]' "$images/mid.qcow2"
(($(stat -c %s "$SCRATCH/kept.qcow2") < 1000000)) || fail "what the base has was written again"
expect_err "disk 'vdb' stands on '$images/mid.qcow2'"
ok virtkeep restore many@latest --disk "vdc=$SCRATCH/vdc.raw"
cmp -n 1000001 "$images/odd.raw" "$SCRATCH/vdc.raw" || fail "vdc differs"

say "what a killed restore left beside a volume"
mkdir "$SCRATCH/pool/.volume.qcow2.virtkeep-00abcd"
touch "$SCRATCH/pool/.volume.qcow2.virtkeep-00abcd"/{image,lock}
run virtkeep doctor --fix many
expect_out '.volume.qcow2.virtkeep-00abcd'
[[ ! -e $SCRATCH/pool/.volume.qcow2.virtkeep-00abcd ]] || fail "it is there still"

say "the mapping: none, written, right, wrong, written again, and not a byte besides"
printf '# mine\n[vault]\nurl = %s\n' "$VAULT" > /etc/virtkeep/virtkeep.conf
chmod 640 /etc/virtkeep/virtkeep.conf
ok virtkeep discover
! grep -q KVM_VM_MAPPING "$ERR" || fail "there is no mapping yet"
host=$(virsh hostname)
mapping="many:$host:$SCRATCH/pool/volume.qcow2;many:$host:$images/top.qcow2;many:$host:$images/odd.raw"
ok virtkeep discover --write
diff /etc/virtkeep/virtkeep.conf - <<-CONF || fail "the configuration differs"
	# mine
	[vault]
	url = $VAULT

	[host $host]
	KVM_VM_MAPPING = $mapping
CONF
[[ $(stat -c %a /etc/virtkeep/virtkeep.conf) == 640 ]] || fail "the mode has changed"
before=$(stat -c %i /etc/virtkeep/virtkeep.conf)
ok virtkeep discover --write
expect_err "is right already"
[[ $(stat -c %i /etc/virtkeep/virtkeep.conf) == "$before" ]] || fail "written in vain"
ok virtkeep discover
! grep -q KVM_VM_MAPPING "$ERR" || fail "the mapping is right"
sed -i "s,top.qcow2,old.qcow2," /etc/virtkeep/virtkeep.conf
ok virtkeep discover
expect_err "guest 'many': KVM_VM_MAPPING lacks its disk '$images/top.qcow2'"
expect_err "guest 'many': KVM_VM_MAPPING has '$host:$images/old.qcow2'"
ok virtkeep discover --write
grep -qxF "KVM_VM_MAPPING = $mapping" /etc/virtkeep/virtkeep.conf || fail "not written again"

say "a pool that is not active"
virsh -q pool-destroy pool
run virtkeep discover --write
expect_status 3
expect_err "virsh pool-start pool"
grep -qxF "KVM_VM_MAPPING = $mapping" /etc/virtkeep/virtkeep.conf || fail "what is unknown is lost"
refused 1 "guest 'many', disk 'vda'" virtkeep backup many
expect_err "virsh pool-start pool"
virsh -q pool-start pool

say "a backing file that is gone"
rm "$images/mid.qcow2"
refused 1 "guest 'many', disk 'vdb'" virtkeep backup many
run virtkeep discover
expect_status 3
expect_err "mid.qcow2"

say "a guest that has written an image's header into its raw base"
virsh -q undefine many
head -c 1M /dev/urandom > "$SCRATCH/secret"
qemu-img create -q -f qcow2 -F raw -b "$SCRATCH/secret" "$images/hostile.raw" 1M
truncate -s 1M "$images/hostile.raw"
qemu-img create -q -f qcow2 -F raw -b "$images/hostile.raw" "$images/over.qcow2"
chain_xml() { # BACKING
	echo "<domain type='qemu'><name>chain</name><memory unit='MiB'>64</memory>" \
		"<uuid>5ae5f03e-4b1c-4c7a-9e35-0c5ad5ab9c4f</uuid>" \
		"<os><type arch='x86_64'>hvm</type></os><devices>"
	disk vda disk file qcow2 "<source file='$images/over.qcow2'/>$1"
	echo "</devices></domain>"
}
chain_xml "<backingStore type='file'><format type='raw'/><source file='$images/hostile.raw'/>
	<backingStore/></backingStore>" > "$SCRATCH/chain.xml"
virsh -q define "$SCRATCH/chain.xml"
ok virtkeep --json discover
expect_json '.[0].disks[0].backing | map(.format) | join(" ")' raw
ok virtkeep backup chain
ok virtkeep restore chain@latest --disk "vda=$SCRATCH/off.raw" --format raw
same_file "$images/hostile.raw" "$SCRATCH/off.raw"
virsh -q start chain
ok virtkeep backup --quiesce none chain
ok virtkeep restore chain@latest --disk "vda=$SCRATCH/live.raw" --format raw
same_file "$SCRATCH/off.raw" "$SCRATCH/live.raw"
virsh -q destroy chain

say "the same without a definition that tells the chain, and what a header must not name"
chain_xml "" > "$SCRATCH/chain.xml"
virsh -q define "$SCRATCH/chain.xml"
ok virtkeep backup chain
ok virtkeep restore chain@latest --disk "vda=$SCRATCH/told.raw" --format raw
same_file "$images/hostile.raw" "$SCRATCH/told.raw"
qemu-img rebase -q -u -F raw -b "json:{\"driver\":\"file\",\"filename\":\"$SCRATCH/secret\"}" \
	"$images/over.qcow2"
refused 1 "names the backing file 'json:" virtkeep backup chain
(cd "$images" && qemu-img create -q -f qcow2 -o data_file=over.data,data_file_raw=on over.qcow2 1M)
refused 1 "keeps its data in '$images/over.data'" virtkeep backup chain
run virtkeep discover
expect_status 3
expect_err "keeps its data in '$images/over.data'"
