#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a mount tells of the copies of a snapshot when these change while it is up.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

ok virtkeep init
truncate -s 1G "$SCRATCH/xfs.img"
mkfs.xfs -q "$SCRATCH/xfs.img"
mkdir "$SCRATCH/xfs"
mount -o loop "$SCRATCH/xfs.img" "$SCRATCH/xfs"
GUEST_DIRECTORY=$SCRATCH/xfs/g define_guest g
ok virtkeep backup --mode array g
reference=$(newest g)

say "more snapshots than a mount keeps loaded"
objects=("$VAULT"/snaps/*/*.json)
for number in {10..80}; do
	printf -v time '20200101T0000%02dZ' $((number % 60))
	printf -v id '%016x' "$number"
	other=${objects[0]%/*}/$time-$id.json
	cp "${objects[0]}" "$other"
	edit_object "$other" ".id = \"$id\" | .time = \"$time\""
done
mount_vault "$SCRATCH/mnt"
told=$SCRATCH/mnt/guests/g/${reference#*@}/snapshot.json
look_at_others() {
	cat "$SCRATCH"/mnt/guests/g/20200101T*/domain.xml > /dev/null
}

say "a copy in the vault is told as soon as the snapshot is looked into anew"
[[ $(jq -r '.disks[0].copies | join(" ")' "$told") == reflink ]] || fail "$(cat "$told")"
ok virtkeep copy "$reference"
expect_out "$reference: copied into the vault"
ok virtkeep copy "$reference"
expect_out "$reference: in the vault already; nothing copied"
ok virtkeep --json copy "$reference"
expect_json '.snapshots[0].copied' false
expect_json '.failed | length' 0
look_at_others
[[ $(jq -r '.disks[0].copies | join(" ")' "$told") == 'reflink vault' ]] || fail "$(cat "$told")"
[[ $(stat -c %s "$told") == $(wc -c < "$told") ]] || fail "its size is not that of its text"
unmount_vault "$SCRATCH/mnt"
