#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A bad network before a real gateway: whatever gets lost, comes late or comes wrong between the two,
# no listed snapshot is wrong, nothing waits for ever, and what cannot be done is said in one line.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

gateway() {
	"$SOURCE/tests/s3/gateway/gateway" "$1" "$SCRATCH/ceph" "${@:2}"
}

faults=$SCRATCH/faults
log=$SCRATCH/requests
: > "$faults"
: > "$log"
gateway start
"$SOURCE/tests/s3/proxy/proxy" --port 17491 --to 17490 --faults "$faults" --log "$log" &
proxy=http://127.0.0.1:17491
wait_for 20 "the proxy answers" curl -s -o "$SCRATCH/answer" "$proxy/"
export AWS_ACCESS_KEY_ID=access AWS_SECRET_ACCESS_KEY=secret
curl -sf --aws-sigv4 aws:amz:us-east-1:s3 --user access:secret \
	-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X PUT "$proxy/bucket"
export VIRTKEEP_VAULT=s3:$proxy/bucket/site
VAULT=$SCRATCH/no-directory
VDA_MIB=64
define_guest vm
start_guest vm
ok virtkeep init

# What is wrong on the way, each a line of the file of faults.
set_faults() { # LINE...
	printf '%s\n' "$@" > "$faults"
}

change_guest() { # TEXT
	guest_run vm "echo $1 > /mnt/vda/letter; dd if=/dev/urandom of=/mnt/vda/noise bs=64k count=30; sync"
}

# The newest snapshot has what the guest had.
expect_letter() { # TEXT
	ok virtkeep restore vm --disk "vda=$SCRATCH/vda.raw" --format raw --force
	[[ $(debugfs -R 'cat /letter' "$SCRATCH/vda.raw" 2> /dev/null) == "$1" ]] ||
		fail "the letter is not '$1'"
}

# A backup and a restore with these faults on the way.
survive() { # NAME LINE...
	local name=$1

	shift
	say "on the way: $name"
	change_guest "$name"
	set_faults "$@"
	ok virtkeep backup vm
	expect_letter "$name"
	[[ ! -s $ERR || $(grep -c . "$ERR") -le 3 ]] || fail "too many words: $(cat "$ERR")"
	set_faults
	expect_clean vm
	ok virtkeep verify --data
}

survive delay '- hang:0.05 * *'
survive lost-before '2 drop PUT *packs*' '1 drop PUT *snaps*' '1 drop PUT *leases*' '2 drop GET *' \
	'1 drop HEAD *' '1 drop DELETE *'
survive lost-after '2 drop-after PUT *packs*' '1 drop-after PUT *snaps*' '1 drop-after PUT *leases*' \
	'1 drop-after PUT *hints*' '2 drop-after GET *' '1 drop-after DELETE *'
survive cut-short '4 cut GET *packs*' '2 cut GET *snaps*' '2 cut GET [?]*'
survive busy '3 503 PUT *' '2 503 GET *' '2 429 PUT *' '2 429 GET *' '1 500 PUT *' '1 500-after PUT *snaps*' \
	'1 code:503:SlowDown PUT *packs*'
survive trickle '2 trickle:300 GET [?]*' '1 trickle:200000 GET *packs*'
survive altered-on-the-way-there '2 alter PUT *packs*' '1 alter PUT *snaps*'
survive altered-on-the-way-back '1 alter-answer GET site/packs*'

say "listings without the newest object: a backup goes wrong by them no more than by an older one"
change_guest stale
set_faults '6 stale GET [?]*snaps*' '2 stale GET [?]*hints*' '2 stale GET [?]*packs*'
ok virtkeep backup vm
set_faults
expect_letter stale
expect_clean vm
ok virtkeep verify --data

say "a listing that was altered on the way is refused"
set_faults '1 alter-answer GET [?]site/snaps/*'
refused 1 "cannot list" virtkeep backup vm
set_faults
expect_clean vm
ok virtkeep backup vm
ok virtkeep verify --data
