#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Snapshots are forgotten by name and by the policy, come back, and are protected by pins.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

CONF=/etc/virtkeep/virtkeep.conf
define_guest keep
define_guest gone
ok virtkeep init
for round in 1 2 3; do
	ok virtkeep --json backup keep
	snapshots[round]=$(jq -r '.snapshots[0].snapshot' "$OUT")
done
ok virtkeep backup gone
listed() { # SNAPSHOT...
	ok virtkeep --json list keep
	expect_json '[.[].snapshot] | join(" ")' "$*"
}

say "bad input changes nothing"
refused 2 "no snapshot named" virtkeep forget
refused 2 "write keep@TIME, or add --policy" virtkeep forget keep
refused 2 "--all is for --policy" virtkeep forget --all
refused 2 "name guests, or write --all --policy" virtkeep forget --policy
refused 2 "leave out 'keep' or --all" virtkeep forget --policy --all keep
refused 6 "'nobody'" virtkeep forget "${snapshots[1]}" nobody@latest
refused 2 "in the past" virtkeep pin keep@latest --until 2020-01-01
refused 2 "keeps nothing: write what to keep, such as keep_daily = 7" virtkeep forget --all --policy
printf '[retention]\nkeep_last = -1\n' > "$CONF"
refused 2 "line 2: [retention] keep_last: must be a whole number" virtkeep forget --all --policy
printf '[retention]\nkeep_fortnightly = 1\n' > "$CONF"
refused 2 "line 2: [retention] keep_fortnightly: unknown setting" virtkeep forget --all --policy
printf '[retention]\nkeep_last = 0\n' > "$CONF"
run virtkeep config check
expect_status 2
expect_out "$CONF:1: [retention]: the policy keeps nothing"
listed "${snapshots[@]}"

say "by name, and back"
ok virtkeep forget --dry-run "${snapshots[2]}"
expect_out "${snapshots[2]}: would be forgotten"
listed "${snapshots[@]}"
ok virtkeep forget "${snapshots[2]}"
listed "${snapshots[1]}" "${snapshots[3]}"
refused 6 "${snapshots[2]#*@}" virtkeep show "${snapshots[2]}"
ok virtkeep forget "${snapshots[2]}"
expect_out "forgotten already"
ok virtkeep --complete 2 virtkeep unforget ''
expect_out "${snapshots[2]}"
ok virtkeep unforget "${snapshots[2]}"
ok virtkeep unforget "${snapshots[2]}"
expect_out "not forgotten"
listed "${snapshots[@]}"

ok virtkeep --json list --forgotten
expect_json length 0

say "one that fails keeps no other"
folder=$VAULT/snaps/$(virsh domuuid gone)
mount --bind "$folder" "$folder"
mount -o remount,bind,ro "$folder"
run virtkeep --json forget gone@latest "${snapshots[2]}"
expect_status 3
expect_json '[.[].forgotten] | map(tostring) | join(" ")' 'false true'
expect_json '.[0].code, (.[0].error | length > 0), .[1].error' $'failed\ntrue\nnull'
expect_err "1 of 2 snapshots could not be forgotten"
run virtkeep --json unforget gone@latest "${snapshots[2]}"
expect_status 0
umount "$folder"
listed "${snapshots[@]}"

say "a pin holds against names and the policy"
ok virtkeep pin "${snapshots[1]}" --until 2999-12-31 --reason "the audit"
ok virtkeep show "${snapshots[1]}"
expect_out "until 2999-12-31 23:59: the audit"
ok virtkeep --json show "${snapshots[1]}"
expect_json .pinned.reason "the audit"
refused 1 "run 'virtkeep unpin ${snapshots[1]}' first" \
	virtkeep forget "${snapshots[2]}" "${snapshots[1]}"
listed "${snapshots[@]}"
printf '[retention]\nkeep_last = 1\n' > "$CONF"
ok virtkeep --json forget --policy keep --dry-run
expect_json '[.guests[].snapshots[] | .kept] | map(tostring) | join(" ")' 'true false true'
expect_json '.guests[0].snapshots[0].reasons[0]' 'pinned until 2999-12-31'
expect_json '.guests[0].snapshots[2].reasons[0]' 'last 1 of 1'
listed "${snapshots[@]}"
ok virtkeep forget --all --policy
expect_out "keep: 1 of 3 snapshots forgotten"
listed "${snapshots[1]}" "${snapshots[3]}"
ok virtkeep --json list --forgotten keep
expect_json '[.[].snapshot] | join(" ")' "${snapshots[2]}"
refused 1 "is forgotten" virtkeep pin "${snapshots[2]}"
ok virtkeep unpin "${snapshots[1]}"
ok virtkeep forget --policy keep --gc
expect_out "1 of 2 snapshots of 1 guest forgotten"
expect_out "2 snapshots removed"
listed "${snapshots[3]}"
refused 6 "${snapshots[1]#*@}" virtkeep unforget "${snapshots[1]}"

say "a date that the store contradicts"
ok virtkeep --json backup keep
object=$(find "$VAULT/snaps" -name "$(jq -r '.snapshots[0].time' "$OUT")-*.json")
touch -d '3 days ago' "$object"
ok virtkeep forget --policy keep
expect_err "its date disagrees with the vault's by "
ok virtkeep --json list keep
expect_json length 2

say "a guest that the host no longer has"
virsh undefine gone --checkpoints-metadata > /dev/null
ok virtkeep forget --policy gone --dry-run
expect_out "the guest is gone, and keep_gone is not set"
printf '[retention]\nkeep_last = 1\nkeep_gone = 0d\nkeep_min = 1\n[guest gone]\nkeep_gone = 1h\n' \
	> "$CONF"
ok virtkeep forget --policy gone --dry-run
expect_out "gone (no longer on this host): 0 of 1 snapshot would be forgotten"
expect_out "the guest is gone, within 1h"
ok virtkeep --connect qemu:///nowhere forget --policy gone --dry-run
expect_err "no guest counts as gone, because libvirt does not answer"
expect_out "last 1 of 1"
