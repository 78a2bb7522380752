#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A second vault: a guest's snapshots go from a directory into a bucket that is encrypted, and come back
# from there when the directory is damaged, and when it is gone.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

bucket=$SCRATCH/bucket
faults=$SCRATCH/faults
log=$SCRATCH/requests
key=$SCRATCH/offsite.key
mkdir "$bucket"
: > "$faults"
: > "$log"
"$SOURCE/tests/s3/standin/s3" --root "$bucket" --port 17480 --faults "$faults" --log "$log" -- \
	sleep infinity &
wait_for 20 "the stand-in answers" curl -s http://127.0.0.1:17480/
head -c 32 /dev/urandom > "$key"
chmod 600 "$key"
printf '[default]\naws_access_key_id = AKIATESTTESTTESTTEST\naws_secret_access_key = %s\n' \
	'secret/of+the/stand-in' > "$SCRATCH/s3.key"
chmod 600 "$SCRATCH/s3.key"
printf '%s\n' '[vault offsite]' 'url = s3:http://127.0.0.1:17480/bucket/site' "key_file = $key" \
	"s3_key_file = $SCRATCH/s3.key" > /etc/virtkeep/virtkeep.conf

packs_put() { # since LINE of the log: how many
	tail -n "+$(($1 + 1))" "$log" | grep -c 'PUT .*packs'
}

define_guest vm
start_guest vm
guest_run vm 'echo first > /mnt/vda/letter; dd if=/dev/urandom of=/mnt/vda/noise bs=64k count=80; sync'
ok virtkeep init
ok virtkeep --vault offsite init --encrypt
ok virtkeep backup vm
first=$(newest vm)

say "the first snapshot, while the server fails now and then"
refused 2 "no other vault named" virtkeep replicate
ok virtkeep replicate --to offsite --dry-run
expect_out "$first: would be replicated"
printf '%s\n' '2 503 PUT *packs*' '1 drop-after PUT *packs*' '1 drop-after PUT *snaps*.json' > "$faults"
ok virtkeep --json replicate --to offsite
: > "$faults"
expect_json '.snapshots[0].outcome' replicated
expect_json '.snapshots[0].snapshot' "$first"
ok virtkeep --json replicate --to offsite
expect_json .present 1
expect_json '.snapshots | length' 0

say "the next one sends what has changed"
guest_run vm 'echo second > /mnt/vda/letter; sync'
ok virtkeep backup vm
second=$(newest vm)
ok virtkeep --json replicate --to offsite vm
(($(jq '.snapshots[0].read' "$OUT") <= 4 << 20)) || fail "it read more than has changed"
ok virtkeep --vault offsite --json list vm
expect_json length 2
ok virtkeep --vault offsite verify --data
ok virtkeep list --all-vaults vm
[[ $(grep -c "^vm@.*$VAULT, offsite" "$OUT") == 2 ]] || fail "the snapshots do not lie in both vaults"
! grep -rlaF second "$bucket" || fail "the letter can be read in the bucket"

say "what is killed goes on"
guest_run vm 'echo third > /mnt/vda/letter; dd if=/dev/urandom of=/mnt/vda/noise bs=64k count=80; sync'
ok virtkeep backup vm
third=$(newest vm)
echo '- 503 PUT *snaps*.json' > "$faults"
before=$(wc -l < "$log")
virtkeep replicate --to offsite 2> /dev/null &
replicator=$!
has_put() {
	[[ $(packs_put "$before") -gt 0 ]]
}
wait_for 60 "packs are sent" has_put
kill -KILL "$replicator"
wait "$replicator" || true
: > "$faults"
ok virtkeep --vault offsite --json list vm
expect_json length 2
ok virtkeep replicate --to offsite
expect_out "$third: replicated"
ok virtkeep --vault offsite verify --data

say "what is forgotten there stays so, also when it is collected"
ok virtkeep --vault offsite forget "$first"
ok virtkeep --vault offsite gc
ok virtkeep replicate --to offsite
expect_out "$first: forgotten there"
ok virtkeep --vault offsite --json list vm
expect_json length 2
ok virtkeep replicate --to offsite --mirror "$first"
ok virtkeep --vault offsite --json list vm
expect_json length 3

say "byte for byte"
for snapshot in "$first" "$second" "$third"; do
	ok virtkeep restore "$snapshot" --disk "vda=$SCRATCH/here.raw" --format raw
	ok virtkeep --vault offsite restore "$snapshot" --disk "vda=$SCRATCH/there.raw" --format raw
	same_file "$SCRATCH/here.raw" "$SCRATCH/there.raw"
	rm "$SCRATCH/here.raw" "$SCRATCH/there.raw"
done

say "the first vault is damaged: the same snapshot elsewhere fills the gap"
for pack in "$VAULT"/packs/*/*; do
	chmod u+w "$pack"
	flip "$pack" 300
done
ok virtkeep restore "$third" --disk "vda=$SCRATCH/healed.raw" --format raw
expect_err "is damaged in the vault"
ok virtkeep --vault offsite restore "$third" --disk "vda=$SCRATCH/there.raw" --format raw
same_file "$SCRATCH/healed.raw" "$SCRATCH/there.raw"

say "the first vault is away"
mv "$VAULT" "$SCRATCH/away"
refused 6 "was there" virtkeep restore vm --disk "vda=$SCRATCH/away.raw" --format raw
expect_err "with --all-vaults"
ok virtkeep restore vm --all-vaults --disk "vda=$SCRATCH/away.raw" --format raw
expect_err "'vm' is taken from the vault"
same_file "$SCRATCH/away.raw" "$SCRATCH/there.raw"
run virtkeep list --all-vaults
expect_status 3
expect_out "$third"
mv "$SCRATCH/away" "$VAULT"

say "and back, into a new vault"
ok virtkeep --vault "$SCRATCH/new" init
refused 2 "virtkeep replicate --decrypt" virtkeep replicate --from offsite --to "$SCRATCH/new"
ok virtkeep replicate --from offsite --to "$SCRATCH/new" --decrypt
ok virtkeep --vault "$SCRATCH/new" restore "$third" --disk "vda=$SCRATCH/back.raw" --format raw
[[ $(debugfs -R 'cat /letter' "$SCRATCH/back.raw" 2>/dev/null) == third ]] || fail "no letter"
expect_clean vm
