#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An encrypted vault: the main job, keys of roles, and what nobody may see.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

key=$SCRATCH/full.key
head -c 32 /dev/urandom > "$key"
chmod 600 "$key"
export VIRTKEEP_KEY_FILE=$key

define_guest hushhush
start_guest hushhush
guest_run hushhush 'echo first > /mnt/vda/letter; sync'

say "keys that are no good"
chmod 644 "$key"
refused 1 "others may read the key file" virtkeep init --encrypt
chmod 600 "$key"
[[ ! -e $VAULT/vault.json ]] || fail "there is a vault without a key"

say "two backups, the second one incremental"
ok virtkeep init --encrypt --label main
ok virtkeep --json backup hushhush
first=$(jq -r '.snapshots[0].snapshot' "$OUT")
guest_run hushhush 'echo second > /mnt/vda/letter; sync'
ok virtkeep --json backup hushhush
expect_json '.snapshots[0].disks[] | select(.target == "vda") | .mode' incremental
expect_clean hushhush
second=$(jq -r '.snapshots[0].snapshot' "$OUT")

say "mount, restore, verify"
mount_vault "$SCRATCH/mnt"
[[ $(debugfs -R 'cat /letter' "$SCRATCH/mnt/guests/hushhush/${second#hushhush@}/vda.raw" \
	2>/dev/null) == second ]] || fail "the second letter is missing"
ok virtkeep restore "$first" --disk "vda=$SCRATCH/disk.raw" --format raw
[[ $(debugfs -R 'cat /letter' "$SCRATCH/disk.raw" 2>/dev/null) == first ]] || fail "no letter"
unmount_vault "$SCRATCH/mnt"
ok virtkeep verify --data

say "the newest snapshot is held back"
held=$(find "$VAULT/snaps" -name '*.json' | sort | tail -n 1)
mv "$held" "$SCRATCH/held"
ok virtkeep list
expect_err "'$second' was in the vault"
refused 5 "1 error" virtkeep verify
expect_out "'$second' was in the vault"
mv "$SCRATCH/held" "$held"
ok virtkeep verify
ok virtkeep list
[[ ! -s $ERR ]] || fail "what is there again is missed"

say "the directory gives nothing away"
uuid=$(virsh domuuid hushhush)
for text in hushhush "$uuid" "${uuid//-/}" letter '<domain'; do
	! find "$VAULT" | grep -F -- "$text" || fail "'$text' is a name in the vault"
	! grep -rlaF -- "$text" "$VAULT" || fail "'$text' is in the vault"
done

say "no secret leaves the process"
secret=$(head -c 12 "$key" | od -An -tx1 | tr -d ' \n' | sed 's/../\\x&/g')
strace -f -s 4096 -xx -e trace=write,pwrite64,writev,sendto,sendmsg,execve -o "$SCRATCH/trace" \
	virtkeep list > /dev/null
! grep -F -- "$secret" "$SCRATCH/trace" || fail "the key was written"
grep -q '"\\x' "$SCRATCH/trace" || fail "the trace is empty"

say "without a key, and with another one"
head -c 32 /dev/urandom > "$SCRATCH/other.key"
chmod 600 "$SCRATCH/other.key"
refused 1 "the key fits none of the vault's 1 key slots" \
	env VIRTKEEP_KEY_FILE="$SCRATCH/other.key" virtkeep list
refused 1 "is encrypted" env -u VIRTKEEP_KEY_FILE setsid --wait virtkeep list
ok env -u VIRTKEEP_KEY_FILE virtkeep --vault "$SCRATCH/plain" init
refused 1 "is not encrypted, although there is a key for it" \
	virtkeep --vault "$SCRATCH/plain" list

say "frames need no key"
frames() {
	env -u VIRTKEEP_KEY_FILE setsid --wait virtkeep "$@" verify --frames
}
ok frames
expect_out ": sound"
pack=$(find "$VAULT/packs" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
flip "$pack" 5000
run frames --json
expect_status 5
expect_json '.damages | map(.object) | join(" ")' "${pack#"$VAULT/"}"
flip "$pack" 5000
ok frames
[[ ! -s $ERR ]] || fail "there is something to say of a sound vault"

say "a host that may only append backs up, and cannot read it"
ok virtkeep key add --role append --new-key-file "$SCRATCH/append.key" --label hypervisor
guest_run hushhush 'dd if=/dev/urandom of=/mnt/vda/noise bs=64k count=40; sync'
ok env VIRTKEEP_KEY_FILE="$SCRATCH/append.key" virtkeep --json backup hushhush
expect_json '.snapshots[0].disks[] | select(.target == "vda") | .mode' incremental
third=$(jq -r '.snapshots[0].snapshot' "$OUT")
refused 1 "opens no blocks" env VIRTKEEP_KEY_FILE="$SCRATCH/append.key" \
	virtkeep restore "$third" --disk "vda=$SCRATCH/third.raw" --format raw
ok virtkeep restore "$third" --disk "vda=$SCRATCH/third.raw" --format raw

say "a host that may only collect forgets and collects, and reads no block"
ok virtkeep key add --role collect --new-key-file "$SCRATCH/collect.key" --label collector
ok env VIRTKEEP_KEY_FILE="$SCRATCH/collect.key" virtkeep forget "$first" "$second"
ok env VIRTKEEP_KEY_FILE="$SCRATCH/collect.key" virtkeep gc
refused 1 "is of role collect" env VIRTKEEP_KEY_FILE="$SCRATCH/collect.key" \
	virtkeep backup hushhush
refused 1 "is of role collect" env VIRTKEEP_KEY_FILE="$SCRATCH/collect.key" \
	virtkeep verify --data
ok virtkeep verify --data
ok virtkeep restore "$third" --disk "vda=$SCRATCH/again.raw" --format raw
same_file "$SCRATCH/third.raw" "$SCRATCH/again.raw"

say "a host that may only restore is complete without writing, and says what it does not compare"
ok virtkeep key add --role restore --new-key-file "$SCRATCH/restore.key"
printf '[vault]\nkey_file = %s\n' "$SCRATCH/restore.key" > "$SCRATCH/restore.conf"
ok env -u VIRTKEEP_KEY_FILE virtkeep --config "$SCRATCH/restore.conf" config check
ok env VIRTKEEP_KEY_FILE="$SCRATCH/restore.key" virtkeep verify --data
expect_err "ids of blocks are not compared"
ok virtkeep --json key list
ok virtkeep key remove "$(jq -r '.[] | select(.role == "restore") | .id' "$OUT")"

say "keys are listed, changed and removed; the last full one stays"
ok virtkeep --json key list
expect_json 'map(.role) | join(" ")' "full append collect"
ok virtkeep key change --new-key-file "$SCRATCH/full2.key"
refused 1 "the key fits none" virtkeep list
export VIRTKEEP_KEY_FILE=$SCRATCH/full2.key
ok virtkeep --json key list
expect_json 'map(select(.in_use)) | map(.label) | join(" ")' main
full=$(jq -r '.[] | select(.in_use) | .id' "$OUT")
append=$(jq -r '.[] | select(.role == "append") | .id' "$OUT")
refused 1 "the last key of role full" virtkeep key remove "$full"
ok virtkeep key remove "$append"
refused 1 "the key fits none" env VIRTKEEP_KEY_FILE="$SCRATCH/append.key" virtkeep list
ok virtkeep key export
expect_json '.slots | length' 2
cp "$OUT" "$SCRATCH/keys.json"
rm "$VAULT"/keys/*
refused 5 "virtkeep key import" virtkeep list
ok virtkeep key import "$SCRATCH/keys.json"
expect_out "2 keys put back"
ok virtkeep list

say "a passphrase in a file, and a plain vault in the place of an encrypted one"
echo 'a passphrase that is longer than a key file' > "$SCRATCH/words"
chmod 600 "$SCRATCH/words"
export VIRTKEEP_VAULT=$SCRATCH/other VIRTKEEP_KEY_FILE=$SCRATCH/words
refused 2 "write --encrypt" virtkeep init
ok virtkeep init --encrypt
ok virtkeep --json key list
expect_json '.[0].kind' passphrase
mv "$SCRATCH/other" "$SCRATCH/away"
unset VIRTKEEP_KEY_FILE
ok virtkeep init --force
mv "$SCRATCH/other" "$SCRATCH/plain2"
mv "$SCRATCH/away" "$SCRATCH/other"
ok env VIRTKEEP_KEY_FILE="$SCRATCH/words" virtkeep gc
mv "$SCRATCH/other" "$SCRATCH/away"
mv "$SCRATCH/plain2" "$SCRATCH/other"
refused 1 "somebody has put another vault in its place" virtkeep list
expect_clean hushhush
