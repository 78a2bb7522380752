#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Damaged packs, maps, snapshot objects and hints: found, named, never returned as data.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 40)
define_guest vm
ok virtkeep init
ok virtkeep backup vm
snapshot=$(newest vm)
ok virtkeep status
expect_out "data: never read back"
ok virtkeep --json verify --data --share 1/7
expect_json .packs_read 1
count_packs
ok virtkeep --json status
expect_json '.vault.read_back | .packs, .unread, .damaged' "$PACKS
$((PACKS - 1))
0"
ok virtkeep status
expect_out " packs never read back, the others within "
ok virtkeep --json verify --data --since-last 1d --limit-rate 100
expect_json .packs_read $((PACKS - 1))
ok virtkeep status
expect_out "data: all was read back within "
for share in 0/7 8/7 1/0 -1/7 1 1/1001 a/b 1/7/1 ''; do
	refused 2 "--share: '$share' is no share" virtkeep verify --data "--share=$share"
done
refused 2 "leave out 'vm'" virtkeep verify --data --share 1/7 vm
refused 2 "add --data" virtkeep verify --share 1/7
refused 2 "do not go together" virtkeep verify --data --share 1/7 --since-last 1d
refused 2 "--since-last: " virtkeep verify --data --since-last soon
cp -a "$VAULT" "$SCRATCH/sound"

# The host forgets that it saw later snapshots: it would miss them.
fresh_vault() {
	rm -rf "$VAULT" /var/lib/virtkeep/vaults
	cp -a "$SCRATCH/sound" "$VAULT"
}

largest_pack() {
	find "$VAULT/packs" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-
}

# Reading the disk fails at the damage, by restore and by mount, and nothing half is left.
expect_unreadable() {
	run virtkeep restore "$snapshot" --disk "vda=$SCRATCH/restored.raw" --format raw
	expect_status 5
	[[ ! -e $SCRATCH/restored.raw ]] || fail "a damaged disk was restored"
	mount_vault "$SCRATCH/mnt"
	run cat "$SCRATCH/mnt/guests/vm/latest/vda.raw"
	[[ $STATUS != 0 ]] || fail "a damaged disk was read"
	unmount_vault "$SCRATCH/mnt"
	expect_clean vm
}

say "a changed byte in a pack's data"
pack=$(largest_pack)
flip "$pack" $(($(stat -c %s "$pack") / 2))
refused 5 "the vault '" virtkeep verify --data
expect_out "$(basename "$pack" | cut -d . -f 1)"
refused 5 "the vault '" virtkeep verify --data vm
run virtkeep --json verify --data vm
expect_status 5
expect_json '[.damages[] | select(.image) | .snapshot, .image] | join(" ")' "$snapshot vda"
expect_json '[.damages[] | select(.object) | .object] | unique | join(" ")' "${pack#"$VAULT/"}"
expect_json .unlisted 0
slots=$(jq -c '[.damages[] | select(.object) | .slots]' < "$OUT")
# The bytes that it names are those that the mount does not read, and no others.
range=$(jq -r '.damages[] | select(.image) | "\(.offset) \(.length)"' < "$OUT")
run virtkeep --json verify --frames
expect_status 5
expect_json '.damages | length' 1
[[ $(jq -c '[.damages[] | .slots]' < "$OUT") == "$slots" ]] || fail "other slots than $slots"
refused 5 "the vault '" virtkeep verify --frames --limit-rate 1000
expect_out "is damaged in slot"
refused 2 "leave out 'vm'" virtkeep verify --frames vm
refused 2 "use one of them" virtkeep verify --frames --data
refused 2 "add --data" virtkeep verify --frames --share 1/7
refused 6 "'nobody'" virtkeep verify --data nobody
ok virtkeep status
expect_out "data: 1 pack damaged: run 'virtkeep verify --data'"
expect_unreadable

say "the rest of the disk stays readable"
mount_vault "$SCRATCH/mnt"
read_bytes() { # FIRST COUNT
	ok dd "if=$SCRATCH/mnt/guests/vm/latest/vda.raw" of=/dev/null bs=64k iflag=skip_bytes,count_bytes \
		"skip=$1" "count=$2" status=none
}
read -r offset length <<< "$range"
read_bytes 0 "$offset"
read_bytes $((offset + length)) 1073741824
! dd "if=$SCRATCH/mnt/guests/vm/latest/vda.raw" of=/dev/null bs=64k iflag=skip_bytes "skip=$offset" \
	count=1 status=none 2> /dev/null || fail "bytes that verify names were read"
ok dd "if=$SCRATCH/mnt/guests/vm/latest/vdb.raw" of=/dev/null bs=1M status=none
qemu-img convert -O raw "$SCRATCH/guests/vm/vda.qcow2" "$SCRATCH/vda.raw"
ok cmp -n 65536 "$SCRATCH/vda.raw" "$SCRATCH/mnt/guests/vm/latest/vda.raw"
unmount_vault "$SCRATCH/mnt"

say "each byte that is not damaged is read from the mount"
mount_vault "$SCRATCH/mnt"
run dd "if=$SCRATCH/mnt/guests/vm/latest/vda.raw" "of=$SCRATCH/parts.raw" bs=64k conv=noerror,sync
[[ $(grep -c "Input/output error" "$ERR") == 1 ]] || fail "more than one block is unreadable"
unmount_vault "$SCRATCH/mnt"

say "a restore that skips what is damaged brings the rest, and lists what is missing"
run virtkeep restore "$snapshot" --disk "vda=$SCRATCH/skipped.raw" --format raw --skip-damaged
expect_status 3
expect_err "in 1 range are damaged and became zeros; '$SCRATCH/skipped.raw.missing'"
read -r offset length < "$SCRATCH/skipped.raw.missing"
[[ $length == 65536 ]] || fail "$length bytes are missing"
same_file "$SCRATCH/parts.raw" "$SCRATCH/skipped.raw"
{ cmp -l "$SCRATCH/vda.raw" "$SCRATCH/skipped.raw" || true; } |
	awk -v from="$offset" -v size="$length" '
		$1 <= from || $1 > from + size || $3 != 0 { wrong = 1 }
		END { exit wrong || NR == 0 }' || fail "other bytes are missing than the list says"
rm "$SCRATCH/skipped.raw"
refused 1 "'$SCRATCH/skipped.raw.missing' exists" virtkeep restore "$snapshot" \
	--disk "vda=$SCRATCH/skipped.raw" --format raw --skip-damaged
run virtkeep --json restore "$snapshot" --disk "vda=$SCRATCH/skipped.raw" --format raw \
	--skip-damaged --force
expect_status 3
expect_json '.restored[0].disks[0].missing | map([.offset, .length]) | tojson' \
	"[[$offset,$length]]"
rm "$SCRATCH"/skipped.raw

say "a guest that lacks something has its list even if it does not start"
object=$(find "$VAULT/snaps" -name '*.json')
edit_object "$object" '.domain_xml |= sub("<memory[^<]*";"<memory unit=\"TiB\">512")'
mkdir "$SCRATCH/part"
refused 1 "was restored but does not start" virtkeep --json restore "$snapshot" --as part \
	--to "$SCRATCH/part" --start --skip-damaged
expect_err "disk vda is restored in part"
expect_json '.failed[0] | [.disks[] | .target, .missing] + .files | tojson' \
	"[\"vda\",[{\"offset\":$offset,\"length\":$length}]]"
[[ $(cat "$SCRATCH"/part/*.missing) == "$offset $length" ]] || fail "the list is not there"
ok virsh undefine part
rm -r "$SCRATCH/part"

say "the list of a disk that is whole again goes"
fresh_vault
ok virtkeep restore "$snapshot" --disk "vda=$SCRATCH/skipped.raw" --format raw
expect_err "'$SCRATCH/skipped.raw.missing' is the list of an earlier restore: it goes"
[[ ! -e $SCRATCH/skipped.raw.missing ]] || fail "the list is still there"
rm "$SCRATCH/skipped.raw"

say "a pack cut short"
truncate -s -100 "$(largest_pack)"
refused 5 "the vault '" virtkeep verify
expect_unreadable

say "a pack missing"
fresh_vault
rm "$(largest_pack)"
refused 5 "the vault '" virtkeep verify
expect_unreadable

say "all maps damaged: no pack is left"
fresh_vault
find "$VAULT/packs" -type f -delete
refused 5 "the vault '" virtkeep verify
expect_unreadable

say "a damaged snapshot object: not listed, the others are"
fresh_vault
object=$(find "$VAULT/snaps" -name '*.json')
ok virtkeep backup vm
flip "$object" 100
run virtkeep --json list
expect_status 5
expect_err "${object#"$VAULT/"}"
expect_json length 1
refused 5 "the vault '" virtkeep verify
expect_out "${object#"$VAULT/"}"
ok virtkeep backup vm

say "a snapshot object cut short"
fresh_vault
truncate -s 200 "$object"
run virtkeep list
expect_status 5
mkdir "$SCRATCH/restored"
for guest in vm "$(virsh domuuid vm)"; do
	refused 5 "damaged" virtkeep restore "$guest@${snapshot#*@}" --as new \
		--to "$SCRATCH/restored"
done
[[ -z $(ls "$SCRATCH/restored") ]] || fail "something was restored"

say "damaged, cut and missing hints do no harm"
change_header() { flip "$1" 3; }
change_packs() { flip "$1" 70; }
cut_short() { truncate -s 30 "$1"; }
empty() { : > "$1"; }
for harm in change_header change_packs cut_short empty rm; do
	fresh_vault
	for hint in "$VAULT"/hints/*; do
		[[ -f $hint ]] || fail "there are no hints"
		"$harm" "$hint"
	done
	ok virtkeep --json backup vm
	ok virtkeep verify --data
done

say "a rebuild makes lost hints anew, and salvages the disks of a lost snapshot"
fresh_vault
rm "$VAULT"/hints/*
ok virtkeep --json rebuild --dry-run
expect_json '[.packs == 0, .unreadable_packs, .snapshots, .damaged_snapshots] | tojson' '[false,0,1,0]'
[[ -z $(ls "$VAULT/hints") ]] || fail "a dry run made hints"
ok virtkeep rebuild --salvage "$SCRATCH/salvaged"
expect_out "nothing to salvage"
[[ -z $(ls "$VAULT/hints") ]] || fail "a salvage made hints"
ok virtkeep rebuild
[[ -n $(ls "$VAULT/hints") ]] || fail "there are no hints"
refused 1 "'$SCRATCH/salvaged'" virtkeep rebuild --salvage "$SCRATCH/salvaged"
rmdir "$SCRATCH/salvaged"
flip "$object" 100
mount --bind "$VAULT" "$VAULT"
mount -o remount,bind,ro "$VAULT"
run virtkeep --json rebuild --salvage "$SCRATCH/salvaged"
umount "$VAULT"
expect_status 5
expect_err "0 packs, 0 blocks and 1 snapshot that cannot be read"
salvaged=$(jq -r '.salvaged | max_by(.blocks) | select(.blocks > 600) | .file' < "$OUT")
[[ -n $salvaged ]] || fail "the disk was not salvaged"
{ cmp -l "$SCRATCH/salvaged/$salvaged" "$SCRATCH/vda.raw" || true; } |
	awk '$2 != 0 { exit 1 }' || fail "what was salvaged was not on the disk"

say "a backup on top of a damaged vault is whole again"
fresh_vault
pack=$(largest_pack)
flip "$pack" $(($(stat -c %s "$pack") - 30))
ok virtkeep backup --compare vm
expect_as_it_is() {
	mount_vault "$SCRATCH/mnt"
	qemu-img convert -O raw "$SCRATCH/guests/vm/vda.qcow2" "$SCRATCH/vda.raw"
	same_file "$SCRATCH/vda.raw" "$SCRATCH/mnt/guests/vm/latest/vda.raw"
	unmount_vault "$SCRATCH/mnt"
}
expect_as_it_is

hurt_block() {
	fresh_vault
	pack=$(largest_pack)
	flip "$pack" $(($(stat -c %s "$pack") / 2))
	refused 5 "the vault '" virtkeep verify --data
}

expect_healed() {
	ok virtkeep verify --data
	rm -f "$SCRATCH/healed.raw"
	ok virtkeep restore "$snapshot" --disk "vda=$SCRATCH/healed.raw" --format raw
	same_file "$SCRATCH/vda.raw" "$SCRATCH/healed.raw"
}

say "a backup that meets the content of a damaged block heals the snapshots before it"
hurt_block
ok virtkeep backup --compare vm
expect_err "healed 1 damaged block"
expect_healed

say "a copy of the vault heals, and so does an image of the disk"
hurt_block
ok virtkeep --json repair --dry-run --from "$SCRATCH/sound"
expect_json .healed 1
refused 5 "1 block" virtkeep repair
ok virtkeep repair --from "$SCRATCH/sound"
expect_out "1 damaged block healed; 0 blocks still damaged"
expect_healed
hurt_block
ok virtkeep repair --from-image "$SCRATCH/vda.raw"
expect_healed

say "so many changes that the map, which is gone, has to be merged: the disk is read in whole"
ok virtkeep backup vm
find "$VAULT/packs" -type f -delete
for at in {1..50}; do echo "write -P $at ${at}M 64k"; done |
	qemu-io -f qcow2 "$SCRATCH/guests/vm/vda.qcow2" > /dev/null
ok virtkeep --json backup vm
expect_json '.snapshots[0].disks[0].mode' full
expect_json '.snapshots[0].disks[0].reason | contains("is damaged")' true
expect_as_it_is
expect_clean vm

say "with parity: two damaged sectors of a pack do no harm"
ok virtkeep --vault "$SCRATCH/parity" init --plain --parity
export VIRTKEEP_VAULT=$SCRATCH/parity VAULT=$SCRATCH/parity
ok virtkeep backup vm
pack=$(largest_pack)
flip "$pack" 300000
flip "$pack" $(($(stat -c %s "$pack") - 30))
ok virtkeep --json verify --data
expect_json .mended[0] "${pack#"$VAULT/"}"
expect_json '.damages | length' 0
expect_err "'${pack#"$VAULT/"}' is damaged in 1 of its "
expect_as_it_is
flip "$pack" 1300000
flip "$pack" 2300000
refused 5 "the vault '" virtkeep verify --data
expect_out "but its parity gives back only 2"
expect_clean vm
