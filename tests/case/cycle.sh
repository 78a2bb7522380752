#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job: from init over two backups to a restored guest that runs.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest web
start_guest web
guest_run web 'echo first > /mnt/vda/letter; echo other > /mnt/vdb/other; sync'
guest_spawn web 'while :; do dd if=/dev/urandom of=/mnt/vdb/busy bs=64k count=64; done' > /dev/null

say "init and discover"
ok virtkeep init
ok virtkeep --json discover
expect_json '[.. | strings | select(. == "web")] | length > 0' true

say "the first backup, while the guest writes"
ok virtkeep --json backup web
expect_json '.failed | length' 0
expect_json '.snapshots[0].guest' web
expect_json '.snapshots[0].consistency' filesystem
expect_json '.snapshots[0].pause_ms > 0' true
expect_json '[.snapshots[0].disks[].target] | join(" ")' "vda vdb"
expect_json '[.snapshots[0].disks[].mode] | unique | join(" ")' full
expect_json '[.snapshots[0].disks[].size] | join(" ")' "67108864 33554432"
expect_clean web
first=$(jq -r '.snapshots[0].snapshot' "$OUT")

say "the mounted view"
mount_vault "$SCRATCH/mnt"
view=$SCRATCH/mnt/guests/web/latest
[[ $(readlink "$view") == "${first#web@}" ]] || fail "latest is not ${first#web@}"
same_file "$SCRATCH/mnt/times/${first#web@}/web/domain.xml" "$view/domain.xml"
xmllint --noout "$view/domain.xml"
jq -e . "$view/snapshot.json" > /dev/null
cp --sparse=always "$view/vda.raw" "$SCRATCH/vda.raw"
same_file "$SCRATCH/vda.raw" "$view/vda.raw"
e2fsck -fn "$SCRATCH/vda.raw"
[[ $(debugfs -R 'cat /letter' "$view/vda.raw" 2>/dev/null) == first ]] || fail "no letter"
[[ $(debugfs -R 'cat /other' "$view/vdb.raw" 2>/dev/null) == other ]] || fail "no other"

say "a change, and the second backup: it appears in the mount, and stores only what is new"
guest_run web 'echo second > /mnt/vda/letter; sync'
ok virtkeep --json backup web
expect_json '[.snapshots[0].disks[] | select(.target == "vda") | .new] | .[0] < 4194304' true
second=$(jq -r '.snapshots[0].snapshot' "$OUT")
[[ $second != "$first" ]] || fail "both backups are '$first'"
wait_for 20 "the mount shows '$second'" test -d "$SCRATCH/mnt/guests/web/${second#web@}"
[[ $(debugfs -R 'cat /letter' "$SCRATCH/mnt/guests/web/${second#web@}/vda.raw" 2>/dev/null) \
	== second ]] || fail "the second letter is missing"
[[ $(debugfs -R 'cat /letter' "$SCRATCH/mnt/guests/web/${first#web@}/vda.raw" 2>/dev/null) \
	== first ]] || fail "the first letter has changed"

say "list and show"
ok virtkeep --json list web
expect_json '[.[].snapshot] | join(" ")' "$first $second"
ok virtkeep show "$first"
expect_out "${first#web@}"
ok virtkeep --json show web@latest
expect_json .snapshot "$second"

say "one file, one disk"
ok virtkeep -q restore "$first" --file "domain.xml=$SCRATCH/domain.xml"
expect_silence
grep -q '<name>web</name>' "$SCRATCH/domain.xml" || fail "no name in domain.xml"
ok virtkeep restore "$first" --disk "vda=$SCRATCH/disk.raw" --format raw
same_file "$SCRATCH/disk.raw" "$SCRATCH/vda.raw"

say "the whole guest under a new name"
mkdir "$SCRATCH/copy"
ok virtkeep restore "$first" --as copy --to "$SCRATCH/copy" --start
wait_for 120 "the agent of 'copy' answers" agent copy '{"execute":"guest-ping"}'
[[ $(guest_run copy 'cat /mnt/vda/letter') == first ]] || fail "the copy has not the first letter"
[[ $(guest_run web 'cat /mnt/vda/letter') == second ]] || fail "the original has changed"
[[ $(virsh domuuid copy) != $(virsh domuuid web) ]] || fail "the copy has the original's uuid"

say "the whole guest in place"
ok virtkeep restore "$first" --in-place --start
wait_for 120 "the agent of 'web' answers" agent web '{"execute":"guest-ping"}'
[[ $(guest_run web 'cat /mnt/vda/letter') == first ]] || fail "not restored in place"

ok virtkeep verify --data
unmount_vault "$SCRATCH/mnt"
expect_clean web copy
