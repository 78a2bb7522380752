#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The doctor finds each kind of leftover, fixes what is ours, and leaves the rest alone.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_MIB=32 VDB_MIB=16 define_guest vm
start_guest vm
ok virtkeep init
ok virtkeep backup vm
uuid=$(virsh domuuid vm)
images=$SCRATCH/guests/vm
scratch=/var/lib/virtkeep/scratch
name=$(virsh checkpoint-list vm --name | grep virtkeep)

finds() { # KIND TEXT FIXED: a finding of the last run
	jq -e --arg kind "$1" --arg text "$2" --argjson fixed "$3" \
		'any(.[]; .kind == $kind and (.finding | contains($text)) and .fixed == $fixed)' \
		"$OUT" > /dev/null || fail "expected a finding $*: $(cat "$OUT")"
}

say "a sound guest"
ok virtkeep doctor
expect_out 'nothing found'

say "all at once: told, and nothing done"
virsh checkpoint-create-as vm "${name%-*}-00000000" --diskspec vda \
	--diskspec vdb,checkpoint=no > /dev/null
virsh checkpoint-create-as vm virtkeep-00000000-00000000 --diskspec vda \
	--diskspec vdb,checkpoint=no > /dev/null
cat > "$SCRATCH/job.xml" <<-XML
	<domainbackup mode='pull'><server transport='unix' socket='/run/virtkeep/virtkeep-x.sock'/><disks>
	<disk name='vda' backup='yes' type='file'><driver type='qcow2'/>
	<scratch file='$scratch/$uuid-vda-00.qcow2'/></disk>
	<disk name='vdb' backup='no'/></disks></domainbackup>
XML
chmod 711 /run/virtkeep
chmod 777 /run/virtkeep
virsh -q backup-begin vm "$SCRATCH/job.xml" > /dev/null
: > "$scratch/11111111-2222-3333-4444-555555555555-vda-00.qcow2"
mkdir "$images/.vda.qcow2.virtkeep-00abcd" "$images/.vda.qcow2.virtkeep-00dcba"
touch "$images"/.vda.qcow2.virtkeep-00{abcd,dcba}/{image,lock}
exec {in_use}<> "$images/.vda.qcow2.virtkeep-00dcba/lock"
flock "$in_use"
: > "$images/vda.qcow2.virtkeep-old-20260101T000000Z"
: > "$images/vda.qcow2.virtkeep-old-x'; touch evil'"
printf '%-39s\n' "1 frozen" > "/run/virtkeep/$uuid.lock"
virsh -q domfsfreeze vm > /dev/null
run virtkeep --json doctor
expect_status 5
finds job 'running without its backup' false
finds frozen 'did not end well' false
finds checkpoint "'${name%-*}-00000000' belongs to no snapshot" false
finds checkpoint "of another vault" false
finds file "$scratch/$uuid-vda-00.qcow2" false
finds file 'of a guest that no longer exists' false
finds file '.vda.qcow2.virtkeep-00abcd' false
finds file 'before a restore' false
[[ $(< "$OUT") != *evil* ]] || fail "anybody's name is taken for a replaced disk's"
! has_no_backup_job vm || fail "the job was ended without --fix"
! is_thawed vm || fail "the guest was thawed without --fix"

say "fixed: what is ours"
run virtkeep --json doctor --fix
expect_status 5
finds job 'running without its backup' true
finds frozen 'did not end well' true
finds checkpoint "'${name%-*}-00000000' belongs to no snapshot" true
finds file 'of a guest that no longer exists' true
finds file '.vda.qcow2.virtkeep-00abcd' true
finds file 'before a restore' false
has_no_backup_job vm || fail "the job runs still"
is_thawed vm || fail "the guest is frozen still"
[[ $(virsh checkpoint-list vm --name | grep -c .) == 2 ]] || fail "$(virsh checkpoint-list vm)"
[[ ! -e $images/.vda.qcow2.virtkeep-00abcd ]] || fail "what a killed restore left is there still"
[[ -e $images/.vda.qcow2.virtkeep-00dcba/image ]] || fail "the disk of a running restore is gone"
[[ -e $images/vda.qcow2.virtkeep-old-20260101T000000Z ]] || fail "the old disk is gone"
exec {in_use}>&-
rm -r "$images"/vda.qcow2.virtkeep-old-* "$images/.vda.qcow2.virtkeep-00dcba"
ok virtkeep doctor
expect_out 'of another vault'
virsh checkpoint-delete vm virtkeep-00000000-00000000 > /dev/null
expect_clean vm

say "frozen or paused by somebody else: told, not touched"
virsh -q domfsfreeze vm > /dev/null
run virtkeep doctor --fix vm
expect_status 5
expect_out 'not by virtkeep'
! is_thawed vm || fail "the guest was thawed"
virsh -q domfsthaw vm > /dev/null
virsh -q suspend vm
printf '%-39s\n' "1 frozen" > "/run/virtkeep/$uuid.lock"
run virtkeep --json doctor --fix vm
expect_status 5
finds paused 'not by virtkeep' false
grep -q frozen "/run/virtkeep/$uuid.lock" || fail "that it may be frozen was forgotten"
[[ $(virsh domstate vm) == paused ]] || fail "the guest was resumed"
virsh -q resume vm

say "a broken bitmap of a guest that is off; a leftover one"
virsh -q shutdown vm
wait_for 60 "vm is off" eval "[[ \$(virsh domstate vm) == 'shut off' ]]"
start_guest vm
kill -KILL "$(pgrep -f 'guest=vm,')"
wait_for 20 "vm is off" eval "[[ \$(virsh domstate vm) == 'shut off' ]]"
qemu-img bitmap --add "$images/vda.qcow2" "${name%-*}-11111111"
run virtkeep --json doctor --fix
expect_status 0
finds checkpoint 'is broken, QEMU did not end cleanly' false
finds checkpoint "${name%-*}-11111111" true
ok virtkeep backup vm
ok virtkeep doctor
expect_out 'nothing found'

say "a guest that is being backed up is passed over; an unknown one; no vault"
start_guest vm
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/big bs=1M count=16 2>/dev/null; sync'
halt_backup vm
run virtkeep --json doctor
expect_status 0
finds busy 'being backed up or restored by process' false
finish_job
expect_status 0
refused 6 "no guest 'nobody'" virtkeep doctor nobody
run virtkeep --vault /nonexistent doctor
expect_status 0
expect_err 'checkpoints are not examined'
expect_clean vm
