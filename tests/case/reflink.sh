#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Array snapshots by reflink, on XFS and btrfs: each equals the disks at its instant, read from the
# array and from the vault; what is kept of them, and what a killed run leaves.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

make_filesystem() { # TYPE: on $SCRATCH/TYPE
	truncate -s 2G "$SCRATCH/$1.img"
	"mkfs.$1" -q "$SCRATCH/$1.img" > /dev/null 2>&1
	mkdir "$SCRATCH/$1"
	mount -o loop "$SCRATCH/$1.img" "$SCRATCH/$1"
}

image_of() { # GUEST TARGET
	virsh domblklist "$1" | awk -v target="$2" '$1 == target { print $2 }'
}

# A suspended guest has nothing left in QEMU's hands.
saved=0
save_and_compare() { # GUEST OPTION...: the snapshot, from wherever it is read, equals the disks
	local guest=$1 paused='' disk

	shift
	saved=$((saved + 1))
	if [[ $(virsh domstate "$guest") == running ]]; then
		virsh -q suspend "$guest"
		paused=1
	fi
	for disk in vda vdb; do
		qemu-img convert -U -O raw "$(image_of "$guest" $disk)" "$SCRATCH/$saved-$disk"
	done
	ok virtkeep --json backup "$@" "$guest"
	[[ -z $paused ]] || virsh -q resume "$guest"
	reference=$(jq -r '.snapshots[0].snapshot' "$OUT")
	for disk in vda vdb; do
		expect_same "$reference" $disk $saved
		echo "$reference $disk $saved" >> "$SCRATCH/kept"
	done
}

expect_same() { # REFERENCE DISK NUMBER
	virtkeep --quiet restore "$1" --disk "$2=$SCRATCH/restored" --format raw > /dev/null
	same_file "$SCRATCH/restored" "$SCRATCH/$3-$2"
	rm "$SCRATCH/restored"
}

# shellcheck disable=SC2016 # the guest's variables
write_in() { # GUEST
	guest_run "$1" 'for disk in /mnt/vda /mnt/vdb; do
		dd if=/dev/urandom of=$disk/new bs=64k count=40 2> /dev/null; done; sync'
}

clones() { # GUEST: how many snapshots of it are on the array
	find "$SCRATCH"/*/"$1"/.virtkeep -mindepth 3 -maxdepth 3 2> /dev/null | wc -l
}

ok virtkeep init
for type in xfs btrfs; do
	say "$type: a running guest, and one that is off"
	make_filesystem "$type"
	guest=on-$type
	GUEST_DIRECTORY=$SCRATCH/$type/$guest define_guest "$guest"
	start_guest "$guest"
	write_in "$guest"
	ok virtkeep --json backup --mode array "$guest"
	expect_json '.snapshots[0].consistency' filesystem
	expect_json '.snapshots[0].pause_ms > 0' true
	expect_json '[.snapshots[0].disks[] | "\(.mode) \(.read)"] | unique | join(" ")' 'array 0'
	expect_json '[.snapshots[0].disks[].copies[]] | unique | join(" ")' reflink
	save_and_compare "$guest" --mode array
	write_in "$guest"
	save_and_compare "$guest" --mode array+vault
	expect_json '.snapshots[0].disks[0].copies | join(" ")' 'reflink vault'
	write_in "$guest"
	expect_clean "$guest"
	for file in "$SCRATCH/$type/$guest"/.virtkeep/*/*/*/*; do
		[[ $(stat -c %a "$file") == 400 ]] || fail "'$file' can be written"
		! rm -f "$file" 2> /dev/null || fail "'$file' can be removed"
	done
done
guest=on-xfs
directory=$SCRATCH/xfs/$guest

say "bitmaps and checkpoints are left alone: a backup into the vault is still incremental"
ok virtkeep --json backup "$guest"
write_in "$guest"
ok virtkeep backup --mode array "$guest"
save_and_compare "$guest"
expect_json '.snapshots[0].disks[] | select(.target == "vda").mode' incremental
ok virtkeep doctor "$guest"
expect_out 'nothing found'

say "a chain: the image and its backing file"
virsh -q shutdown "$guest"
wait_for 60 "it is off" eval "[[ \$(virsh domstate $guest) == 'shut off' ]]"
save_and_compare "$guest" --mode array
expect_json '.snapshots[0].consistency' offline
qemu-img create -q -f qcow2 -b "$directory/vda.qcow2" -F qcow2 "$directory/top.qcow2"
virsh dumpxml --inactive "$guest" | sed "s#vda.qcow2#top.qcow2#" > "$SCRATCH/define.xml"
virsh -q define "$SCRATCH/define.xml"
start_guest "$guest"
write_in "$guest"
save_and_compare "$guest" --mode array
jq -e '.snapshots[0].disks[0].reason | contains("2 files")' "$OUT" > /dev/null || fail "no chain"
chained=$reference

say "into the vault later, from the array, without the guest; and again"
refused 6 "no snapshot" virtkeep copy "$guest@20200101T000000Z"
ok virtkeep copy "$chained"
expect_out 'copied into the vault'
run virtkeep --json copy "$chained" "$guest@20200101T000000Z"
expect_status 3
expect_json '.snapshots[0].copied' false
expect_json '[.failed[] | .code, .snapshot] | join(" ")' "not-found $guest@20200101T000000Z"
ok virtkeep --json show "$chained"
expect_json '.disks[0].copies | join(" ")' 'reflink vault'
ok virtkeep verify --data

say "the mount shows them, whichever copy serves; the array's may go meanwhile"
mount_vault "$SCRATCH/mnt"
view=$SCRATCH/mnt/guests/$guest/${chained#*@}
[[ $(jq -r '.disks[0].serves' "$view/snapshot.json") == reflink ]] || fail "not from the array"
cmp "$view/vda.raw" "$SCRATCH/$saved-vda" || fail "vda differs"
cmp "$view/vdb.raw" "$SCRATCH/$saved-vdb" || fail "vdb differs"
number=$saved
id=$(find "$directory/.virtkeep" -name vda.1 -printf "%h\n")
chattr -i "$id"/*
rm -r "$id"
cmp "$view/vda.raw" "$SCRATCH/$number-vda" || fail "vda differs, read from the vault"
unmount_vault "$SCRATCH/mnt"
mount_vault "$SCRATCH/mnt"
[[ $(jq -r '.disks[0].serves' "$view/snapshot.json") == vault ]] || fail "not from the vault"
unmount_vault "$SCRATCH/mnt"
expect_same "$chained" vda "$number"

say "retention: the newest two of a label stay, others are not touched"
printf '[array]\nNTAP_SNAPSHOT_RETENTIONS = daily:2,weekly:1\n' > /etc/virtkeep/virtkeep.conf
before=$(clones "$guest")
listed=$(virtkeep --json list "$guest" | jq length)
for _ in 1 2 3 4; do
	ok virtkeep backup --mode array --label daily "$guest"
done
(($(clones "$guest") == before + 2)) || fail "$(clones "$guest") clones, not $before + 2"
[[ $(virtkeep --json list "$guest" | jq length) == $((listed + 2)) ]] || fail "not two are listed"
ok virtkeep backup --mode array+vault --label weekly "$guest"
ok virtkeep backup --mode array+vault --label weekly "$guest"
(($(clones "$guest") == before + 3)) || fail "$(clones "$guest") clones, not $before + 3"
[[ $(virtkeep --json list "$guest" | jq length) == $((listed + 4)) ]] || fail "one in the vault is gone"
rm /etc/virtkeep/virtkeep.conf

say "killed at any moment: the guest goes on, and the next run removes what is left"
for delay in 0.05 0.1 0.15 0.2 0.25 0.3 0.35 0.4; do
	timeout --signal=KILL "$delay" virtkeep backup --mode array "$guest" > "$OUT" 2>&1 || true
	wait_for 3 "the guest runs" eval "[[ \$(virsh domstate $guest) == running ]]"
	wait_for 3 "the guest is thawed" is_thawed "$guest"
done
ok virtkeep backup --mode array "$guest"
[[ -z $(find "$directory/.virtkeep" -name unlisted) ]] || fail "a mark is left"
expect_clean "$guest"
ok virtkeep doctor "$guest"
expect_out 'nothing found'

say "what cannot be taken is said, and nothing is left"
define_guest plain
refused 1 "use --mode vault" virtkeep backup --mode array plain
GUEST_DIRECTORY=$SCRATCH/xfs/split define_guest split
qemu-img create -q -f qcow2 -o "data_file=$SCRATCH/xfs/split/data,data_file_raw=on" \
	"$SCRATCH/xfs/split/new.qcow2" 64M
mv "$SCRATCH/xfs/split/new.qcow2" "$SCRATCH/xfs/split/vda.qcow2"
refused 1 "it keeps its data in '$SCRATCH/xfs/split/data'" virtkeep backup --mode array split
refused 2 "only while it is suspended" virtkeep backup --mode array --quiesce none "$guest"
refused 2 "'tape'" virtkeep backup --mode tape "$guest"

say "a group in one take"
ok virtkeep --json backup --group --mode array on-xfs on-btrfs
expect_json '[.snapshots[].time] | unique | length' 1
expect_json '[.snapshots[].consistency] | unique | join(" ")' filesystem
expect_clean on-xfs on-btrfs

say "one of a group fails after the instant, while the other is not done with it"
GUEST_DIRECTORY=$SCRATCH/xfs/mute define_guest mute noagent
virsh -q start mute
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/wait <<-HOOK
	#!/bin/bash
	[[ \$1-\$VIRTKEEP_GUEST == post-thaw-on-xfs ]] || exit 0
	for _ in {1..600}; do
		[[ -n \$(ls "$SCRATCH/xfs/mute/.virtkeep" 2> /dev/null) ]] || exit 0
		sleep 0.1
	done
HOOK
chmod 755 /etc/virtkeep/hooks.d/wait
run virtkeep --json backup --group --strict --mode array on-xfs mute
expect_status 3
expect_json '[.snapshots[].guest] | join(" ")' on-xfs
rm /etc/virtkeep/hooks.d/wait

say "one of a group cannot be held: the others go on before its hooks run"
cat > /etc/virtkeep/hooks.d/look <<-HOOK
	#!/bin/bash
	[[ \$1-\$VIRTKEEP_GUEST == post-thaw-mute ]] || exit 0
	for _ in {1..50}; do
		virsh qemu-agent-command on-xfs '{"execute":"guest-fsfreeze-status"}' |
			grep -q thawed && exec touch /run/let-go
		sleep 0.1
	done
HOOK
chmod 755 /etc/virtkeep/hooks.d/look
run virtkeep --json backup --group --quiesce agent --pause-budget 30 --mode array on-xfs mute
expect_status 3
expect_json '[.snapshots[].guest] | join(" ")' on-xfs
[[ -e /run/let-go ]] || fail "on-xfs was held while the hooks of 'mute' ran"
virsh -q destroy mute
rm /etc/virtkeep/hooks.d/look

say "a guest that gets another image before it is taken is taken with that"
cat > /etc/virtkeep/hooks.d/replace <<-HOOK
	#!/bin/bash
	[[ \$1 == pre-freeze && ! -e $directory/over.qcow2 ]] || exit 0
	virsh snapshot-create-as on-xfs --disk-only --no-metadata \\
		--diskspec vda,file=$directory/over.qcow2 --diskspec vdb,snapshot=no
HOOK
chmod 755 /etc/virtkeep/hooks.d/replace
save_and_compare on-xfs --mode array
expect_err 'it got another image'
jq -e '.snapshots[0].disks[0].reason | contains("3 files")' "$OUT" > /dev/null || fail "an old image"
rm -r /etc/virtkeep/hooks.d

say "all are still what they were"
while read -r reference disk number; do
	expect_same "$reference" "$disk" "$number"
done < "$SCRATCH/kept"
ok virtkeep verify --data
