#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest whose disks lie on two volumes of an ONTAP array: fenced and taken together by a consistency
# group, and where that is not to be had one after another while the guest is held. Read and restored
# from both. The array is the stand-in of tests/ontap, an export a bind mount presented as NFS.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/case/ontap-lib.sh
. "${0%/*}/ontap-lib.sh"

make_filer 2048 system data other
mount_export 127.0.0.1:/system system "$SCRATCH/nfs-system"
mount_export 127.0.0.1:/data data "$SCRATCH/nfs-data"
jq -n --arg filer "$SCRATCH/filer" '
	{clusters: [{name: "c1", users: [{name: "admin", password: "secret"}],
	  knobs: {fence: "watch"},
	  svms: [{name: "s", lifs: [{name: "lif1", address: "127.0.0.1"}],
	    volumes: ["system", "data", "other" |
	      {name: ., directory: "\($filer)/\(.)", junction: "/\(.)"}]}]}]}' \
	> "$SCRATCH/topology.json"
start_array filer
port=${PORTS[0]}

GUEST_DIRECTORY=$SCRATCH/nfs-system VDA_MIB=32 VDB_MIB=16 define_guest web
mv "$SCRATCH/nfs-system/vdb.raw" "$SCRATCH/nfs-data/"
virsh dumpxml web | sed "s|$SCRATCH/nfs-system/vdb|$SCRATCH/nfs-data/vdb|" > "$SCRATCH/two.xml"
virsh -q define "$SCRATCH/two.xml"
ok virtkeep init

# The guest counts on both disks by turns: at any instant vda is at most one ahead of vdb.
count_on_both() {
	start_guest web
	# shellcheck disable=SC2016 # the guest's variables
	guest_spawn web 'i=10000000; while :; do
		i=$((i + 1))
		for disk in vda vdb; do
			echo $i | dd of=/mnt/$disk/count conv=notrunc,fsync 2>/dev/null
		done; done' > /dev/null
	wait_for 60 "the guest counts" guest_run web 'test -s /mnt/vdb/count'
}
expect_one_instant() { # REFERENCE
	local disk counts=()

	for disk in vda vdb; do
		virtkeep --quiet restore "$1" --disk "$disk=$SCRATCH/counted" --format raw > /dev/null
		counts+=("$(debugfs -R 'cat /count' "$SCRATCH/counted" 2> /dev/null)")
		rm "$SCRATCH/counted"
	done
	[[ ${counts[0]} =~ ^[0-9]{8}$ ]] || fail "the guest did not count: '${counts[*]}'"
	((counts[0] == counts[1] || counts[0] == counts[1] + 1)) || fail "two instants: ${counts[*]}"
}

# halt_at METHOD PATH SKIP: starts a backup as JOB, and returns while the array lets a request wait.
halt_at() {
	local held

	call "$port" POST /control/faults "$(jq -nc --arg method "$1" --arg path "$2" \
		--argjson skip "$3" '{action: "hold", $method, $path, $skip}')" > /dev/null
	forget_requests
	echo "+ virtkeep --json backup --mode array web &"
	virtkeep --json backup --mode array web < /dev/null > "$OUT" 2> "$ERR" &
	JOB=$!
	held=$(call "$port" GET /control/held | jq '.held | length')
	[[ $held == 1 ]] || fail "the array was not asked: $(cat "$ERR")"
	[[ $(virsh domstate web) == paused ]] || fail "the guest runs: $(virsh domstate web)"
}
let_go() {
	call "$port" POST /control/release > /dev/null
	finish_job
	expect_status 0
	expect_json '[.snapshots[].disks[].copies[]] | unique | join(" ")' filer
	expect_json '.snapshots[0].consistency' filesystem
	expect_clean web
}

# What was asked of the array to take the snapshot, a word for each uuid.
asked() {
	requests | grep -E '^(POST|PATCH|DELETE) .*(consistency-groups|/snapshots$)' |
		sed -E "s/$SYSTEM/SYSTEM/; s/$DATA/DATA/; s/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/g"
}
snapshots() { # of how many names, and on which volumes
	state snapshots | jq -r '"\([.[].name] | unique | length): \([.[].volume.name] | sort | join(" "))"'
}
SYSTEM=$(volume_of system)
DATA=$(volume_of data)
SYSTEM=${SYSTEM##*/} DATA=${DATA##*/}

# expect_whole COPY: one more snapshot in both places is what the guest's disks were, wherever it is
# read, and comes back in place by the array itself. Sets SNAPSHOT.
expect_whole() {
	local disk clones

	virsh -q suspend web
	copy_disks web "$1"
	ok virtkeep --json backup --mode array+vault web
	expect_json '[.snapshots[0].disks[].copies | sort | join(" ")] | unique | join(",")' 'filer vault'
	virsh -q resume web
	SNAPSHOT=$(newest web)
	guest_run web 'dd if=/dev/urandom of=/mnt/vda/new bs=64k count=20 2>/dev/null
		dd if=/dev/urandom of=/mnt/vdb/new bs=64k count=20 2>/dev/null; sync'
	expect_same "$SNAPSHOT" "$1"
	mount_vault "$SCRATCH/mnt"
	for disk in vda vdb; do
		same_file "$SCRATCH/mnt/guests/web/latest/$disk.raw" "$SCRATCH/$1-$disk"
	done
	unmount_vault "$SCRATCH/mnt"
	ok virtkeep verify --data
	stop_guest web
	copy_disks web after
	for disk in vda vdb; do
		! cmp -s "$SCRATCH/after-$disk" "$SCRATCH/$1-$disk" || fail "$disk was not written"
	done
	forget_requests
	ok virtkeep restore "$SNAPSHOT" --in-place
	clones=$(jq -r 'select(.path == "/api/storage/file/clone").body.volume | .name // .uuid' \
		"$SCRATCH/state/requests.jsonl" | sed "s/$SYSTEM/system/; s/$DATA/data/" | sort)
	[[ $clones == $'data\nsystem' ]] || fail "not cloned on both: $(requests)"
	! requests | grep -q '^PATCH /api/storage/volumes' || fail "a volume was touched: $(requests)"
	copy_disks web restored
	for disk in vda vdb; do
		same_file "$SCRATCH/restored-$disk" "$SCRATCH/$1-$disk"
	done
}

# Without the array's snapshots the vault serves alone.
expect_vaulted() { # REFERENCE COPY NAME-OF-THE-ARRAY'S
	local volume id

	for volume in system data; do
		id=$(state snapshots | jq -r --arg volume "$volume" --arg name "$3" \
			'.[] | select(.volume.name == $volume and .name == $name).uuid')
		call "$port" DELETE "$(volume_of "$volume")/snapshots/$id?return_timeout=60" > /dev/null
		[[ ! -e $SCRATCH/filer/$volume/.snapshot/$3 ]] || fail "'$3' stays"
	done
	expect_same "$1" "$2"
}
newest_taken() {
	state snapshots | jq -r 'last.name'
}

say "two volumes are fenced at one instant, while the guest is held"
count_on_both
halt_at PATCH '/consistency-groups/[^/]+/snapshots/' 0
[[ $(state started | jq length) == 1 ]] || fail "nothing was started: $(state started)"
state group_snapshots | jq -e '.[0] | .write_fence and
	([.snapshot_volumes[].volume.name] | sort == ["data", "system"])' > /dev/null ||
	fail "not both are fenced: $(state group_snapshots)"
[[ $(snapshots) == '0: ' ]] || fail "there is one before the commit: $(snapshots)"
let_go
[[ $(asked) == 'POST /api/application/consistency-groups
POST /api/application/consistency-groups/ID/snapshots
PATCH /api/application/consistency-groups/ID/snapshots/ID
DELETE /api/application/consistency-groups/ID' ]] || fail "asked: $(asked)"
actions=$(jq -r '.query.action // empty' "$SCRATCH/state/requests.jsonl" | tr '\n' ' ')
[[ $actions == 'start commit ' ]] || fail "the phases: $actions"
[[ $(snapshots) == '1: data system' ]] || fail "not one of both: $(snapshots)"
[[ $(state fence_violations) == '[]' ]] || fail "written within the fence: $(state fence_violations)"
[[ $(state groups) == '[]' ]] || fail "a group is left: $(state groups)"
expect_one_instant "$(newest web)"

say "so taken it is the guest as it was, and comes back on both volumes"
expect_whole 1
grouped=$SNAPSHOT grouped_name=$(newest_taken)

say "where one volume is in another's group both are taken one by one, while the guest is held"
call "$port" POST '/api/application/consistency-groups?return_timeout=60' '{"name": "theirs",
	"svm": {"name": "s"}, "volumes": [
	{"name": "data", "provisioning_options": {"action": "add"}},
	{"name": "other", "provisioning_options": {"action": "add"}}]}' > /dev/null
before=$(state snapshots | jq length)
count_on_both
halt_at POST '/volumes/[^/]+/snapshots$' 1
[[ $(state snapshots | jq length) == $((before + 1)) ]] || fail "not one of them: $(snapshots)"
let_go
[[ $(asked | sort) == 'POST /api/storage/volumes/DATA/snapshots
POST /api/storage/volumes/SYSTEM/snapshots' ]] || fail "asked: $(asked)"
[[ $(state snapshots | jq length) == $((before + 2)) ]] || fail "not both: $(snapshots)"
[[ $(state groups | jq -r 'map(.name) | join(" ")') == theirs ]] || fail "the groups: $(state groups)"
expect_one_instant "$(newest web)"

say "so taken it is the guest as it was, too"
expect_whole 2

say "what the array has no more the vault has of both volumes"
expect_vaulted "$SNAPSHOT" 2 "$(newest_taken)"
expect_vaulted "$grouped" 1 "$grouped_name"
[[ $(on_volume other) == 0 ]] || fail "a volume that is nobody's was taken"
expect_clean web
