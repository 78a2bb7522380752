#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a backup is for, and what it would do, is told before: selection, dry run, discover, status.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 4)
define_guest live
define_guest off1
define_guest off2
start_guest live

say "a dry run: the first time everything is read, and nothing is done"
refused 6 "'$VAULT'" virtkeep backup --dry-run --all
ok virtkeep init
ok virtkeep --json backup --dry-run --all
expect_json '[.guests[].guest] | join(" ")' 'live off1 off2'
expect_json '[.guests[].disks[].mode] | unique | join(" ")' full
expect_json '.guests[0].held' 'frozen by its guest agent'
expect_json '.guests[1].held' 'not held: it is off'
expect_json '[.guests[].disks[] | .size] | unique | join(" ")' "$((32 << 20)) $((64 << 20))"
# An image has at least the noise, and hardly more than its file system's own.
expect_json '[.guests[].disks[] | select(.target == "vda") | .read >= 4194304 and .read < 33554432] |
	all' true
ok virtkeep backup -n live off1
expect_out "2 guests to save, about "
expect_out "first snapshot of this disk"
ok virtkeep --json list
expect_json length 0
count_packs
((PACKS == 0)) || fail "packs were made"
refused 6 "'nobody'" virtkeep backup --dry-run nobody
expect_clean live

say "patterns, --exclude and skip"
printf '[guest off2]\nskip = yes\n' > /etc/virtkeep/virtkeep.conf
ok virtkeep --json backup --all --exclude 'l*'
expect_json '[.snapshots[].guest] | join(" ")' off1
expect_json '[.left_out[] | "\(.guest): \(.reason)"] | sort | join("\n")' \
	"live: --exclude 'l*' was given
off2: the configuration says skip"
ok virtkeep --json backup 'off*'
expect_json '[.snapshots[].guest] | join(" ")' off1
ok virtkeep --json backup off2
expect_json '[.snapshots[].guest] | join(" ")' off2
ok virtkeep backup --all --exclude 'l*' --exclude off1
expect_err "all guests are left out"
run virtkeep --json backup live 'x*'
expect_status 3
expect_json '[.failed[].guest] | join(" ")' 'x*'
refused 6 "like 'x*'" virtkeep backup 'x*'

say "a dry run tells what the backup then does"
guest_run live 'dd if=/dev/urandom of=/mnt/vda/more bs=1M count=2 2>/dev/null; sync'
for guest in live off1; do
	ok virtkeep --json backup --dry-run "$guest"
	jq -S '[.guests[0].disks[] | {target, mode, reason, size}]' "$OUT" > "$SCRATCH/foreseen"
	read -r vda vdb <<< "$(jq -r '[.guests[0].disks[].read] | join(" ")' "$OUT")"
	ok virtkeep --json backup "$guest"
	jq -S '[.snapshots[0].disks[] | {target, mode, reason, size}]' "$OUT" > "$SCRATCH/done"
	diff "$SCRATCH/foreseen" "$SCRATCH/done" || fail "foreseen otherwise than done"
	expect_json '.snapshots[0].disks[0].mode' incremental
	expect_json ".snapshots[0].disks[0].read == $vda" true
	expect_json ".snapshots[0].disks[1].read <= $vdb" true
	[[ $guest == live && $vda -ge $((2 << 20)) || $guest == off1 && $vda == 0 ]] ||
		fail "'$guest': $vda bytes foreseen"
done
expect_clean live

say "discover and status tell the same of what is saved, and how old it is"
mv "$SCRATCH/guests/off1/vda.qcow2" "$SCRATCH/away"
printf '[guest off2]\nskip = yes\n[guest live]\nexclude = vdb\n' > /etc/virtkeep/virtkeep.conf
define_guest new
run virtkeep --json discover
expect_status 3
expect_err "the image '$SCRATCH/guests/off1/vda.qcow2' of disk 'vda' is not there; is its storage"
expect_json '[.[] | select(.guest == "off1").disks[] | .reason] | join(",")' 'its image is missing,'
expect_json '.[] | select(.guest == "live").disks[1].reason' 'excluded by the configuration'
expect_json '.[] | select(.guest == "off2").skip' 'the configuration says skip'
expect_json '.[] | select(.guest == "new").last_snapshot' null
expect_json '.[] | select(.guest == "live").last_snapshot' "$(newest live)"
run virtkeep discover
expect_out "HOST FILE SYSTEM"
expect_out "no: its image is missing"
expect_out "never"
refused 1 "is its storage mounted?" virtkeep backup --dry-run off1
mv "$SCRATCH/away" "$SCRATCH/guests/off1/vda.qcow2"
printf '[guest live]\nmountpoints = /mnt/vda /mnt/vdx\n' > "$SCRATCH/check.conf"
refused 2 "1 problem in" virtkeep --config "$SCRATCH/check.conf" config check
expect_out "check.conf:2: [guest live] mountpoints: guest 'live': it has no file system at '/mnt/vdx'"

ok virtkeep --json status
expect_json '[.guests[] | "\(.guest) \(.last_snapshot == null)"] | join(", ")' \
	'live false, new true, off1 false, off2 false'
expect_json '[.guests[] | select(.guest == "live" or .guest == "off1") | .consistency] | join(" ")' \
	'filesystem offline'
expect_json '[.guests[] | select(.guest != "new") | .age >= 0 and .age < 600] | all' true
expect_json '.vault.packs' "$(find "$VAULT/packs" -type f | wc -l)"
expect_json '.vault.bytes' "$(find "$VAULT/packs" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')"
expect_json '.vault.free > 0 and .vault.last_check == null' true
ok virtkeep status
expect_out "never"
expect_out "data: never read back"
ok virtkeep verify --data
ok virtkeep verify
ok virtkeep --json status
expect_json '.vault.last_check.damages' 0
expect_json '.vault.last_check.data' false
expect_json '.vault.last_data_check.data' true
# Each kind keeps its newest record; within a second their order is any.
is_later() { # SECONDS
	(($(date +%s) > $1))
}
wait_for 5 "the next second begins" is_later "$(date +%s)"
ok virtkeep verify
# One of each kind: data, plain, and what was found out about packs.
(($(find "$VAULT/checks" -type f | wc -l) == 3)) || fail "old records of checks stay"

say "the newest that cannot be read is not the last good one"
good=$(newest off2)
virsh -q undefine off2 --checkpoints-metadata
ok virtkeep backup live
truncate -s 10 "$VAULT"/snaps/"$(virsh domuuid live)"/"$(newest live | sed 's/.*@//')"-*.json
ok virtkeep --json status live off2
expect_json '.guests[0].damaged' 1
expect_json '.guests[0].last_snapshot != null' true
expect_json '.guests[1] | "\(.last_snapshot) \(.on_host)"' "$good false"
ok virtkeep status off2
expect_out "not on this host"
refused 6 "has this guest" virtkeep status nobody
