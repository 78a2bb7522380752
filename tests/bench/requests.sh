#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a vault in a bucket costs: the requests and bytes of each kind of work, by the log of a real
# gateway of Ceph. As root:
#
#   VK_BUILD=$PWD/build tests/bench/requests.sh [MIB]
#
# The disk has MIB MiB of data (512) that do not compress. "MiB moved" are the bodies of requests and
# answers.
MIB=${1:-512}
# shellcheck source=tests/case/lib.sh
. "$(dirname "$(realpath "$0")")/../case/lib.sh"

gateway() {
	"$SOURCE/tests/s3/gateway/gateway" "$1" "$SCRATCH/ceph" "${@:2}"
}

endpoint=http://127.0.0.1:17490
log=$SCRATCH/ceph/client.rgw.log

bucket() { # bytes and objects
	gateway admin bucket stats --bucket=bucket 2> /dev/null |
		jq -r '.usage["rgw.main"] // {} | "\(.size_actual // 0) \(.num_objects // 0)"'
}

# The gateway may write a line after its client went on, but no later than that of the next request.
has_line() {
	tail -n 20 "$log" | grep -q "GET /mark-$mark "
}

settle() {
	mark=$EPOCHREALTIME
	curl -s -o "$SCRATCH/answer" "$endpoint/mark-$mark" || true
	wait_for 10 "the gateway's log goes on" has_line
}

work() { # NAME COMMAND...
	local from took before after

	settle
	from=$(wc -l < "$log")
	before=$(bucket)
	took=$EPOCHREALTIME
	"${@:2}" > "$OUT" 2> "$ERR" || fail "$*"
	took=$(bc <<< "$EPOCHREALTIME - $took")
	settle
	after=$(bucket)
	tail -n "+$((from + 1))" "$log" |
		sed -n 's/.* beast: .*\] "\([A-Z]*\) \(\/bucket[^ ]*\) HTTP[^"]*" \([0-9]*\) \([0-9]*\) .*/\1 \2 \3 \4/p' |
		awk -v name="$1" -v took="$took" -v before="${before% *}" -v after="${after% *}" '
			{ method = $1; if (method == "GET" && $2 ~ /\?/) method = "LIST"
			  count[method]++; all++; bytes += $4 }
			END { printf "%-28s %6d %6d %6d %6d %6d %6d %10.1f %10.1f %8.2f\n", name, all,
			      count["PUT"], count["GET"], count["LIST"], count["HEAD"], count["DELETE"],
			      bytes / 1048576, (after - before) / 1048576, took }' >&3
}

exec 3>&1
gateway start
curl -sf -o "$SCRATCH/answer" --aws-sigv4 aws:amz:us-east-1:s3 --user access:secret \
	-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$endpoint/bucket" -X PUT
export AWS_ACCESS_KEY_ID=access AWS_SECRET_ACCESS_KEY=secret
export VIRTKEEP_VAULT=s3:$endpoint/bucket/site CACHE_DIRECTORY=$SCRATCH/cache
VAULT=$SCRATCH/no-directory
VDA_MIB=$((MIB + 128))
define_guest vm
start_guest vm
guest_run vm "dd if=/dev/urandom of=/mnt/vda/data bs=1M count=$MIB; sync"

read_file() {
	dd if="$SCRATCH/mnt/guests/vm/latest/vda.raw" of="$SCRATCH/part" bs=1M count=1 skip=64
}

printf '%-28s %6s %6s %6s %6s %6s %6s %10s %10s %8s\n' work all PUT GET LIST HEAD DELETE "MiB moved" \
	"MiB stored" seconds
work init virtkeep init
work "first backup, $MIB MiB" virtkeep --quiet backup vm
work "increment of nothing" virtkeep --quiet backup vm
guest_run vm "dd if=/dev/urandom of=/mnt/vda/data bs=1M count=8 seek=32 conv=notrunc; sync"
work "increment of 8 MiB" virtkeep --quiet backup vm
work list virtkeep list
mkdir "$SCRATCH/mnt"
work "mount" mount_vault "$SCRATCH/mnt"
work "ls of a snapshot" ls -l "$SCRATCH/mnt/guests/vm/latest/"
work "1 MiB out of it" read_file
work "the same, kernel's cache" read_file
unmount_vault "$SCRATCH/mnt"
work "mount again" mount_vault "$SCRATCH/mnt"
work "1 MiB, this host's cache" read_file
unmount_vault "$SCRATCH/mnt"
mkdir "$SCRATCH/to"
work "restore of vda" virtkeep restore vm --disk "vda=$SCRATCH/to/vda.raw"
work "verify --data" virtkeep --quiet verify --data
first=$(virtkeep --json list | jq -r '.[0].snapshot')
work "forget one" virtkeep forget "$first"
work "gc" virtkeep gc
