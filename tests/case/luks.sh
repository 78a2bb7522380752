#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Disks that QEMU encrypts: saved while the guest runs and while it is off, and written encrypted again.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

images=$SCRATCH/images
mkdir "$images"
word='correct horse battery'
uuid=0b8b3a51-5d44-4a5c-9f1c-3a3c1c7e8a11
printf %s "$word" > "$SCRATCH/word"
printf '<secret ephemeral="no" private="no"><uuid>%s</uuid><usage type="volume"><volume>%s</volume></usage></secret>' \
	"$uuid" "$images/vda.luks" > "$SCRATCH/secret.xml"
give_secret() {
	virsh -q secret-define "$SCRATCH/secret.xml"
	virsh -q secret-set-value "$uuid" --file "$SCRATCH/word" --plain
}
give_secret

# What the tools are told is noted: the words, the environment.
for tool in qemu-img qemu-nbd; do
	cat > "$SCRATCH/bin/$tool" <<-TOOL
		#!/bin/bash
		{ printf '%s\n' "\$@"; tr '\0' '\n' < /proc/self/environ; } >> "$SCRATCH/told"
		exec /usr/bin/$tool "\$@"
	TOOL
	chmod +x "$SCRATCH/bin/$tool"
done

key=(--object "secret,id=k,file=$SCRATCH/word")
head -c 2M /dev/urandom > "$SCRATCH/vda.raw"
truncate -s 4M "$SCRATCH/vda.raw"
head -c 3M /dev/urandom > "$SCRATCH/vdb.raw"
# QEMU of 2024 measures the processor's time, which fails by chance.
create_image() {
	wait_for 20 "qemu-img has measured the processor" /usr/bin/qemu-img create -q "${key[@]}" "$@"
}
create_image -f luks -o key-secret=k,iter-time=10 "$images/vda.luks" 4M
create_image -f qcow2 \
	-o encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=10 "$images/vdb.qcow2" 3M
vda_of() {
	echo "driver=luks,key-secret=k,file.filename=$1"
}
vdb_of() {
	echo "driver=qcow2,encrypt.format=luks,encrypt.key-secret=k,file.filename=$1"
}
/usr/bin/qemu-img convert "${key[@]}" -n -f raw "$SCRATCH/vda.raw" --target-image-opts \
	"$(vda_of "$images/vda.luks")"
/usr/bin/qemu-img convert "${key[@]}" -n -f raw "$SCRATCH/vdb.raw" --target-image-opts \
	"$(vdb_of "$images/vdb.qcow2")"
same_as_saved() { # OPTIONS PLAIN-FILE: what the image has is what the guest had
	/usr/bin/qemu-img convert "${key[@]}" --image-opts "$1" -O raw "$SCRATCH/plain"
	same_file "$2" "$SCRATCH/plain"
}

cat > "$SCRATCH/safe.xml" <<-XML
	<domain type='qemu'><name>safe</name><memory unit='MiB'>64</memory>
	<os><type arch='x86_64'>hvm</type></os><devices>
	<disk type='file' device='disk'><driver name='qemu' type='raw'/>
	<source file='$images/vda.luks'><encryption format='luks'><secret type='passphrase'
	 uuid='$uuid'/></encryption></source><target dev='vda' bus='virtio'/></disk>
	<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
	<source file='$images/vdb.qcow2'><encryption format='luks'><secret type='passphrase'
	 usage='$images/vda.luks'/></encryption></source><target dev='vdb' bus='virtio'/></disk>
	</devices></domain>
XML
virsh -q define "$SCRATCH/safe.xml"
ok virtkeep init

check_saved() { # the disks of the latest snapshot, as plain text
	ok virtkeep restore safe@latest --decrypted --disk "vda=$SCRATCH/a.raw" \
		--disk "vdb=$SCRATCH/b.raw" --format raw --force
	same_file "$SCRATCH/vda.raw" "$SCRATCH/a.raw"
	same_file "$SCRATCH/vdb.raw" "$SCRATCH/b.raw"
}

say "it is told, and saved while the guest is off"
ok virtkeep --json discover
expect_json '.[0].disks | map(.encrypted) | join(" ")' "true true"
expect_json '.[0].disks | map(.saved) | join(" ")' "true true"
ok virtkeep --json backup safe
expect_err "disk 'vda': it is encrypted on the host and saved decrypted"
expect_err "disk 'vdb': it is encrypted on the host and saved decrypted"
check_saved
ok virtkeep --json backup safe
expect_json '.snapshots[0].disks[] | select(.target == "vdb").mode' incremental

say "and while it runs"
virsh -q start safe
ok virtkeep backup --quiesce none safe
check_saved
virsh -q destroy safe

say "it is written encrypted again: over the images, as another guest, as a disk"
rm "$images/vda.luks"
ok virtkeep restore safe@latest --in-place
same_as_saved "$(vda_of "$images/vda.luks")" "$SCRATCH/vda.raw"
same_as_saved "$(vdb_of "$images/vdb.qcow2")" "$SCRATCH/vdb.raw"
virsh -q start safe
virsh -q destroy safe
mkdir "$SCRATCH/copy"
ok virtkeep restore safe@latest --as copy --to "$SCRATCH/copy" --start
same_as_saved "$(vda_of "$SCRATCH/copy/copy-vda.raw"),file.locking=off" "$SCRATCH/vda.raw"
virsh -q destroy copy
ok virtkeep restore safe@latest --disk "vdb=$SCRATCH/disk.qcow2"
same_as_saved "$(vdb_of "$SCRATCH/disk.qcow2")" "$SCRATCH/vdb.raw"

say "without the secret nothing is read or written, unless as plain text"
virsh -q secret-undefine "$uuid"
refused 1 "libvirt does not give the secret '$uuid'" virtkeep backup safe
refused 1 "--decrypted" virtkeep restore safe@latest --in-place
refused 1 "--decrypted" virtkeep restore safe@latest --disk "vda=$SCRATCH/never.raw"
[[ ! -e $SCRATCH/never.raw ]] || fail "it was written"
ok virtkeep restore safe@latest --in-place --decrypted
same_file "$SCRATCH/vda.raw" "$images/vda.luks"
! virsh dumpxml safe | grep -q encryption || fail "the definition says that it is encrypted"
virsh -q start safe
virsh -q destroy safe

grep -q 'secret,id=secret0,file=/proc/' "$SCRATCH/told" || fail "the tools were not watched"
! grep -qF "$word" "$SCRATCH/told" || fail "the tools were told the secret"
! grep -qF "$word" -r "$VAULT" || fail "the secret is in the vault"
expect_clean safe
