#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A vault in a bucket of S3: the main job, with a server that fails now and then. The stand-in keeps
# the vault's objects as files.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

bucket=$SCRATCH/bucket
faults=$SCRATCH/faults
log=$SCRATCH/requests
url=s3:http://127.0.0.1:17480/bucket/site
mkdir "$bucket"
: > "$faults"
: > "$log"
"$SOURCE/tests/s3/standin/s3" --root "$bucket" --port 17480 --faults "$faults" --log "$log" -- \
	sleep infinity &
wait_for 20 "the stand-in answers" curl -s http://127.0.0.1:17480/
export VIRTKEEP_VAULT=$url
VAULT=$bucket/site

requests() { # since LINE of the log
	tail -n "+$(($1 + 1))" "$log" | wc -l
}

define_guest vm
start_guest vm
guest_run vm 'echo first > /mnt/vda/letter; sync'

say "keys and buckets that are no good"
printf '[default]\naws_access_key_id = AKIATESTTESTTESTTEST\naws_secret_access_key = %s\n' \
	'secret/of+the/stand-in' > "$SCRATCH/s3.key"
printf '[vault]\ns3_key_file = %s\n' "$SCRATCH/s3.key" > /etc/virtkeep/virtkeep.conf
chmod 644 "$SCRATCH/s3.key"
refused 1 "others may read the file '$SCRATCH/s3.key'" virtkeep init
chmod 600 "$SCRATCH/s3.key"
refused 1 "there is no such bucket" virtkeep --vault "${url/bucket/another}" init
refused 1 "the secret of the access key is wrong" \
	env AWS_ACCESS_KEY_ID=AKIATESTTESTTESTTEST AWS_SECRET_ACCESS_KEY=hush virtkeep init
refused 6 "make a new vault with 'virtkeep --vault $url init'" virtkeep list
echo '- stale GET *' > "$faults"
refused 1 "no vault can be kept there" virtkeep init
: > "$faults"
[[ ! -e $VAULT/vault.json ]] || fail "there is a vault nevertheless"

say "a backup while the server fails, and an incremental one"
ok virtkeep init
printf '%s\n' '2 503 PUT *packs*' '1 drop-after PUT *packs*' '1 drop-after PUT *snaps*.json' \
	'1 500-after PUT *leases*' '1 cut GET *' '1 drop DELETE *' > "$faults"
ok virtkeep --json backup vm
: > "$faults"
first=$(jq -r '.snapshots[0].snapshot' "$OUT")
guest_run vm 'echo second > /mnt/vda/letter; sync'
before=$(wc -l < "$log")
ok virtkeep --json backup vm
expect_json '.snapshots[0].disks[] | select(.target == "vda") | .mode' incremental
expect_clean vm
second=$(jq -r '.snapshots[0].snapshot' "$OUT")
echo "$(requests "$before") requests for an increment"
ok virtkeep list
[[ $(grep -c '^vm@' "$OUT") == 2 ]] || fail "expected two snapshots"

say "mount, restore, verify"
mount_vault "$SCRATCH/mnt"
[[ $(debugfs -R 'cat /letter' "$SCRATCH/mnt/guests/vm/${second#vm@}/vda.raw" \
	2>/dev/null) == second ]] || fail "the second letter is missing"
unmount_vault "$SCRATCH/mnt"
echo '3 500 GET *packs*' > "$faults"
ok virtkeep restore "$first" --disk "vda=$SCRATCH/disk.raw" --format raw
[[ $(debugfs -R 'cat /letter' "$SCRATCH/disk.raw" 2>/dev/null) == first ]] || fail "no letter"
: > "$faults"
ok virtkeep verify --data
ok virtkeep verify --frames
expect_out ": sound"
ok virtkeep status

say "an outage can be interrupted"
tries() { # since LINE of the log
	[[ $(requests "$1") -ge 2 ]]
}
echo '- 503 * *' > "$faults"
before=$(wc -l < "$log")
virtkeep list 2> "$SCRATCH/interrupted" &
lister=$!
wait_for 20 "it tries again" tries "$before"
begun=$(date +%s%N)
kill -TERM "$lister"
wait "$lister" && fail "the list is there nevertheless"
(($(date +%s%N) - begun < 1000000000)) || fail "it took more than a second"
grep -q interrupted "$SCRATCH/interrupted" || fail "it does not say that it was interrupted"
: > "$faults"

say "forget and collect"
ok virtkeep forget "$first"
ok virtkeep gc
[[ -z $(find "$VAULT/leases" "$VAULT/gc" "$VAULT/fence" -type f 2>/dev/null) ]] ||
	fail "something of the collector's is left"
ok virtkeep verify --data
ok virtkeep restore "$second" --disk "vda=$SCRATCH/disk2.raw" --format raw
[[ $(debugfs -R 'cat /letter' "$SCRATCH/disk2.raw" 2>/dev/null) == second ]] || fail "no letter"

say "the quota is used up in the middle of a backup: nothing is listed, and the next run works"
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=64k count=40; sync'
echo '- code:403:QuotaExceeded PUT *packs*' > "$faults"
refused 1 "the quota" virtkeep backup vm
: > "$faults"
ok virtkeep --json list vm
expect_json length 1
ok virtkeep --json backup vm
expect_clean vm
ok virtkeep verify --data
