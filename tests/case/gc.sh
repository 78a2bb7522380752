#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The garbage collection frees what was forgotten, and harms nothing else: not what is kept, not the
# next backup, not a reader. It can be killed, is alone, and needs no write to look.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 40)
VDA_MIB=96
define_guest vm
start_guest vm
mkdir "$VAULT"
mount -t tmpfs -o size=400M tmpfs "$VAULT"
# One pack at a time, so that there is one in the middle of a backup.
printf "[backup]\nworkers = 1\n" > /etc/virtkeep/virtkeep.conf
ok virtkeep init
# As an earlier version made it.
edit_object "$VAULT/vault.json" '.features.ro_compat = []'
is_taken_over() {
	head -n 1 "$VAULT/vault.json" | jq -e '.features.ro_compat == ["collection"]' > /dev/null
}

# Saves a still guest, and keeps its disk as SCRATCH/NAME.raw. Sets SNAPSHOT.
save_as() { # NAME MODE
	virsh -q suspend vm
	qemu-img convert -U -O raw "$SCRATCH/guests/vm/vda.qcow2" "$SCRATCH/$1.raw"
	ok virtkeep --json backup vm
	virsh -q resume vm
	expect_json '.snapshots[0].disks[] | select(.target == "vda").mode' "$2"
	SNAPSHOT=$(jq -r '.snapshots[0].snapshot' "$OUT")
}
overwrite_noise() {
	guest_run vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=40 conv=notrunc; sync'
}
expect_kept() { # SNAPSHOT NAME
	rm -f "$SCRATCH/restored.raw"
	ok virtkeep restore "$1" --disk "vda=$SCRATCH/restored.raw" --format raw
	same_file "$SCRATCH/restored.raw" "$SCRATCH/$2.raw"
}
used() {
	find "$VAULT/packs" -type f -printf '%s\n' | jq -s add
}
count_less() { # PACKS
	count_packs
	((PACKS < $1))
}

say "bad input changes nothing"
refused 2 "unexpected argument 'vm'" virtkeep gc vm
refused 2 "--limit-rate" virtkeep gc --limit-rate=-1

save_as first full
first=$SNAPSHOT
ok virtkeep --json space
jq -e '.all.logical >= .all.stored and .all.unique == .all.stored' "$OUT" > /dev/null ||
	fail "a noisy guest takes more than it has: $(jq -c .all "$OUT")"
overwrite_noise
save_as second incremental
second=$SNAPSHOT

say "space tells what is forgotten"
ok virtkeep --json space
expect_json '.guests[0].guest, .guests[0].snapshots' $'vm\n2'
before=$(jq .all.unique "$OUT")
ok virtkeep gc --dry-run
not is_taken_over || fail "a dry run took the vault over"
ok virtkeep gc
is_taken_over || fail "an earlier version may write into the vault"
expect_out "run 'virtkeep gc' again"
ok virtkeep gc
expect_out "0 snapshots removed, 0 packs deleted, 0 compacted"
ok virtkeep forget "$first"
ok virtkeep --json space
((before - $(jq .all.unique "$OUT") > 30 << 20)) || fail "space counts what is forgotten"
(($(jq .vault.unused "$OUT") > 30 << 20)) || fail "space does not tell what is unused"

say "a dry run changes nothing"
before=$(find "$VAULT" -type f | sort)
size=$(used)
ok virtkeep --json gc --dry-run
expect_json '.dry_run, .snapshots' $'true\n1'
foreseen=$(jq .freed "$OUT")
ok virtkeep gc --dry-run
expect_out "would be: 1 snapshot removed"
[[ $(find "$VAULT" -type f | sort) == "$before" ]] || fail "the dry run changed the vault"

say "a vault that cannot be written to"
mount -o remount,ro "$VAULT"
ok virtkeep gc --dry-run
refused 1 "Read-only file system" virtkeep gc
(($(wc -l < "$ERR") == 1)) || fail "more than one line: $(cat "$ERR")"
mount -o remount,rw "$VAULT"

say "the next backup after an older one was forgotten and removed is incremental"
ok virtkeep --json gc
expect_json .snapshots 1
expect_json .freed "$foreseen"
((size - $(used) == foreseen)) || fail "freed is not what came back: $size, $(used), $foreseen"
refused 6 "${first#*@}" virtkeep unforget "$first"
ok virtkeep verify --data
expect_kept "$second" second
overwrite_noise
save_as third incremental
third=$SNAPSHOT

say "of the newest one that was forgotten the next backup needs nothing"
ok virtkeep --json forget --gc --dry-run "$third"
expect_json '.gc.dry_run, .gc.snapshots' $'true\n1'
foreseen=$(jq .gc.freed "$OUT")
((foreseen > 30 << 20)) || fail "forgetting the third would free $foreseen"
size=$(used)
ok virtkeep --json forget --gc "$third"
expect_json '.snapshots[0].snapshot, .gc.snapshots' "$third"$'\n1'
expect_json .gc.freed "$foreseen"
((size - $(used) == foreseen)) || fail "freed is not what came back: $size, $(used), $foreseen"
save_as fourth compare
ok virtkeep gc
ok virtkeep verify --data
expect_kept "$second" second
expect_kept "$SNAPSHOT" fourth

say "a mount shows within a second what is listed"
fourth=$SNAPSHOT
mount_vault "$SCRATCH/mnt"
shown() {
	[[ -d $SCRATCH/mnt/guests/vm/${fourth#*@} ]]
}
# Twice the promise, because the machine may be busy.
soon() { # WHAT COMMAND...
	local begun=${EPOCHREALTIME/./} usec
	PAUSE=0.02 wait_for 10 "$@"
	((usec = ${EPOCHREALTIME/./} - begun))
	echo "$1 after $((usec / 1000)) ms"
	((usec < 2000000)) || fail "$1 only after $((usec / 1000)) ms"
}
for round in 1 2 3; do
	ok virtkeep forget "$fourth"
	soon "round $round: it vanishes" not shown
	ok virtkeep unforget "$fourth"
	soon "round $round: it is back" shown
done

say "a file that is open in a mount is read to its end"
exec 9< "$SCRATCH/mnt/guests/vm/${second#*@}/vda.raw"
head -c 1M <&9 > "$SCRATCH/read.raw"
ok virtkeep forget "$second"
ok virtkeep gc
expect_out "0 snapshots removed"
cat <&9 >> "$SCRATCH/read.raw"
same_file "$SCRATCH/read.raw" "$SCRATCH/second.raw"
exec 9<&-
unmount_vault "$SCRATCH/mnt"
rm "$SCRATCH/read.raw"

say "a second collector is refused while a backup keeps the first one waiting"
overwrite_noise
halt_backup --limit-rate 4 vm
backup=$JOB
virtkeep -v gc < /dev/null > "$SCRATCH/gc.out" 2> "$SCRATCH/gc.err" &
collector=$!
(wait_for 60 "the collector waits" grep -q "waiting for" "$SCRATCH/gc.err") ||
	fail "the collector said: $(cat "$SCRATCH/gc.err" "$SCRATCH/gc.out")"
refused 4 "another garbage collection" virtkeep gc
run virtkeep forget --gc "$fourth"
expect_status 4
expect_out "$fourth: forgotten"
ok virtkeep unforget "$fourth"
ok virtkeep list

say "the collector is killed, and run again"
kill -KILL "$collector"
wait "$collector" || true
run virtkeep doctor
expect_status 5
expect_out "of a garbage collection (host '$(hostname)', process $collector,"
JOB=$backup
finish_job
[[ $STATUS == 0 ]] || fail "the backup failed beside a collector: $STATUS"
ok virtkeep verify --data
count_packs
there=$PACKS
virtkeep --quiet gc --limit-rate 1 < /dev/null > "$OUT" 2> "$ERR" &
collector=$!
wait_for 60 "packs are deleted" count_less "$there"
kill -KILL "$collector" 2> /dev/null || true
wait "$collector" || true
ok virtkeep verify --data
ok virtkeep gc
ok virtkeep gc
expect_out "0 snapshots removed, 0 packs deleted, 0 compacted"
[[ -z $(find "$VAULT"/{leases,gc,fence,tmp} -type f) ]] ||
	fail "left behind: $(find "$VAULT"/{leases,gc,fence,tmp} -type f)"
ok virtkeep verify --data
expect_kept "$fourth" fourth

say "a disk without a free byte and without hints: packs are compacted, pins are put and hold"
ok virtkeep --json list vm
fifth=$(jq -r '.[-1].snapshot' "$OUT")
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=24 conv=notrunc; sync'
save_as sixth incremental
sixth=$SNAPSHOT
ok virtkeep pin "$sixth"
dd if=/dev/zero of="$VAULT/filler" bs=4k status=none 2> "$SCRATCH/full" || true
grep -q "No space left" "$SCRATCH/full" || fail "the disk is not full"
rm "$VAULT"/hints/*
dd if=/dev/zero of="$VAULT/filler2" bs=4k status=none 2> "$SCRATCH/full" || true
size=$(used)
ok virtkeep pin "$fourth" --reason "a full disk"
ok virtkeep --json show "$fourth"
expect_json .pinned.reason "a full disk"
ok virtkeep unpin "$fourth"
refused 1 "run 'virtkeep unpin $sixth' first" virtkeep forget "$sixth"
ok virtkeep forget "$fourth" "$fifth"
ok virtkeep --json gc
expect_json '.snapshots, .compacted > 0' $'2\ntrue'
((size - $(used) == $(jq .freed "$OUT"))) || fail "freed is not what came back: $size, $(used)"
(($(find "$VAULT/reserve" -type f -size 256k | wc -l) == 4)) ||
	fail "the reserve is not whole: $(ls -l "$VAULT/reserve")"
expect_kept "$sixth" sixth
rm "$VAULT/filler" "$VAULT/filler2"
ok virtkeep verify --data

expect_clean vm
