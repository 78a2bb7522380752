#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A vault in a bucket of a real gateway: that of Ceph. The main job, what its rights and quotas
# allow, and a gateway that dies in the middle of everything.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

gateway() {
	"$SOURCE/tests/s3/gateway/gateway" "$1" "$SCRATCH/ceph" "${@:2}"
}

endpoint=http://127.0.0.1:17490
s3() { # PATH-AND-QUERY CURL-OPTION...
	curl -sf --aws-sigv4 aws:amz:us-east-1:s3 --user access:secret \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$endpoint/$1" "${@:2}"
}

keys() { # PREFIX: of the vault's objects
	s3 "bucket?list-type=2&prefix=site%2F$1" | grep -o '<Key>[^<]*' | sed 's/<Key>site.//'
}

# What the user "writer" may do in the bucket; the other may do everything, also with what the
# writer has put there: on this server that belongs to the writer.
allow() { # ACTION...
	local actions

	actions=$(printf '"s3:%s",' "$@")
	s3 'bucket?policy=' -X PUT --data-binary '{"Version": "2012-10-17", "Statement": [{
		"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/writer"]},
		"Action": ['"${actions%,}"'],
		"Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}, {
		"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/virtkeep"]},
		"Action": ["s3:*"],
		"Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}]}'
}

as_writer() {
	AWS_ACCESS_KEY_ID=writer "$@"
}

say "the gateway and its bucket"
gateway start
s3 bucket -X PUT
gateway admin user create --uid=writer --display-name=writer --access-key=writer \
	--secret-key=secret > "$SCRATCH/writer.json" 2>&1
export AWS_ACCESS_KEY_ID=access AWS_SECRET_ACCESS_KEY=secret
export VIRTKEEP_VAULT=s3:$endpoint/bucket/site
VAULT=$SCRATCH/no-directory
VDA_MIB=96
define_guest vm
start_guest vm
guest_run vm 'echo first > /mnt/vda/letter; sync'

say "full, incremental, and nothing new"
ok virtkeep init
refused 1 "already" virtkeep init
ok virtkeep --json backup vm
first=$(jq -r '.snapshots[0].snapshot' "$OUT")
guest_run vm 'echo second > /mnt/vda/letter; dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=24; sync'
ok virtkeep --json backup vm
expect_json '.snapshots[0].disks[] | select(.target == "vda") | .mode' incremental
second=$(jq -r '.snapshots[0].snapshot' "$OUT")
expect_clean vm

letter() { # DISK
	debugfs -R 'cat /letter' "$1" 2>/dev/null
}

say "mount, restore, verify; the gateway dies in all three and comes back"
mount_vault "$SCRATCH/mnt"
[[ $(letter "$SCRATCH/mnt/guests/vm/${first#vm@}/vda.raw") == first ]] || fail "no first letter"
gateway kill
sha256sum "$SCRATCH/mnt/guests/vm/${second#vm@}/vda.raw" > "$SCRATCH/sum" &
reader=$!
virtkeep restore "$second" --disk "vda=$SCRATCH/second.raw" --format raw > "$OUT" 2> "$ERR" &
JOB=$!
wait_for 20 "the restore waits" grep -q 'again' "$ERR"
gateway serve
finish_job
expect_status 0
[[ $(letter "$SCRATCH/second.raw") == second ]] || fail "no second letter"
wait "$reader" || fail "the read of the mount failed"
same_file "$SCRATCH/second.raw" "$SCRATCH/mnt/guests/vm/${second#vm@}/vda.raw"
unmount_vault "$SCRATCH/mnt"
ok virtkeep verify --data

say "it dies in a backup"
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=48; sync'
virtkeep --json backup --limit-rate 12 vm > "$OUT" 2> "$ERR" &
JOB=$!
stored=$(keys packs | wc -l)
more_packs() {
	(($(keys packs | wc -l) > stored))
}
wait_for 60 "a pack arrives" more_packs
gateway kill
wait_for 60 "the backup waits" grep -q 'again' "$ERR"
gateway serve
finish_job
expect_status 0
expect_json '.snapshots[0].disks[] | select(.target == "vda") | .mode' incremental
expect_clean vm
third=$(jq -r '.snapshots[0].snapshot' "$OUT")

say "killed at any moment, the next run is incremental"
for delay in 0.2 0.4 0.7 1.1 1.6; do
	timeout --signal=KILL "$delay" virtkeep backup vm > "$OUT" 2>&1 || true
	wait_for 10 "vm is thawed" is_thawed vm
done
ok virtkeep --json backup vm
expect_json '.snapshots[0].disks[] | select(.target == "vda") | .mode' incremental
expect_clean vm
ok virtkeep verify --data

say "a key that may not delete is enough for a backup, and no collection goes through"
allow GetObject PutObject ListBucket GetBucketVersioning
before=$(keys '' | sort)
ok as_writer virtkeep backup vm
[[ -z $(comm -23 <(echo "$before") <(keys '' | sort)) ]] || fail "something was deleted"
ok virtkeep forget "$first"
refused 1 "may not do that" as_writer virtkeep gc
ok virtkeep gc
ok virtkeep verify --data

say "a key that may not write, read, list"
allow GetObject ListBucket GetBucketVersioning
refused 1 "may not do that" as_writer virtkeep backup vm
ok as_writer virtkeep list
allow PutObject ListBucket GetBucketVersioning
refused 1 "may not do that" as_writer virtkeep list
allow GetObject PutObject GetBucketVersioning
refused 1 "may not do that" as_writer virtkeep list
expect_clean vm

say "the quota is used up: the guest goes on, and the next run works"
gateway admin quota set --quota-scope=user --uid=virtkeep --max-size=1M > "$SCRATCH/quota" 2>&1
gateway admin quota enable --quota-scope=user --uid=virtkeep > "$SCRATCH/quota" 2>&1
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=8; sync'
refused 1 "quota" virtkeep backup vm
expect_clean vm
gateway admin quota disable --quota-scope=user --uid=virtkeep > "$SCRATCH/quota" 2>&1
ok virtkeep backup vm
ok virtkeep verify --data
ok virtkeep restore "$third" --disk "vda=$SCRATCH/third.raw" --format raw
[[ $(letter "$SCRATCH/third.raw") == second ]] || fail "no letter in the third"
gateway stop
