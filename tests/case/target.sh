#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Restores onto what exists, is full, is no directory or is forbidden.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 20)
define_guest vm
start_guest vm
ok virtkeep init
ok virtkeep backup vm
snapshot=$(newest vm)

# Nothing but the files that were there, with the bytes that they had.
expect_only() {
	local left

	left=$(find "$1" -mindepth 1 -printf '%P\n' | sort | paste -sd ' ')
	[[ $left == "$2" ]] || fail "expected in '$1': $2; found: $left"
}

say "a guest that exists"
refused 1 "'vm'" virtkeep restore "$snapshot"
expect_err --in-place
define_guest other
mkdir "$SCRATCH/to"
refused 1 "'other'" virtkeep restore "$snapshot" --as other --to "$SCRATCH/to"
expect_only "$SCRATCH/to" ""

say "a file that exists"
mkdir -p "$SCRATCH/files"
echo precious > "$SCRATCH/files/disk.raw"
refused 1 "'$SCRATCH/files/disk.raw'" virtkeep restore "$snapshot" \
	--disk "vdb=$SCRATCH/files/disk.raw"
[[ $(cat "$SCRATCH/files/disk.raw") == precious ]] || fail "the file was overwritten"
ok virtkeep restore "$snapshot" --disk "vdb=$SCRATCH/files/disk.raw" --force
[[ $(stat -c %s "$SCRATCH/files/disk.raw") == 33554432 ]] || fail "not restored"
expect_only "$SCRATCH/files" disk.raw
refused 4 "'$SCRATCH/guests/vm/vdb.raw'" virtkeep restore "$snapshot" \
	--disk "vdb=$SCRATCH/guests/vm/vdb.raw" --force

say "no directory"
refused 6 "$SCRATCH/nowhere" virtkeep restore "$snapshot" --disk "vdb=$SCRATCH/nowhere/x"
[[ ! -e $SCRATCH/nowhere ]] || fail "a directory was made"
run virtkeep restore "$snapshot" --to "$SCRATCH/files/disk.raw" --as new
expect_status 1
expect_err "'$SCRATCH/files/disk.raw"

say "the vault itself"
sum=$(sha256sum < "$VAULT/vault.json")
ln -s "$VAULT" "$SCRATCH/by-another-name"
refused 2 "'$VAULT" virtkeep restore "$snapshot" --disk "vdb=$VAULT/vault.json" --force
refused 2 "'$VAULT" virtkeep restore "$snapshot" --disk vdb --to "$SCRATCH/by-another-name/packs"
[[ $(sha256sum < "$VAULT/vault.json") == "$sum" ]] || fail "the vault was overwritten"

say "full"
mkdir "$SCRATCH/small"
mount -t tmpfs -o size=8M tmpfs "$SCRATCH/small"
refused 1 "into '$SCRATCH/small', where 8.0" virtkeep restore "$snapshot" \
	--disk "vda=$SCRATCH/small/vda" --dry-run
refused 1 "into '$SCRATCH/small', where 8.0" virtkeep restore "$snapshot" --as new \
	--to "$SCRATCH/small"
expect_only "$SCRATCH/small" ""
for format in qcow2 raw; do
	run virtkeep restore "$snapshot" --disk "vda=$SCRATCH/small/vda" --force --format "$format"
	expect_status 1
	expect_err "cannot write '$SCRATCH/small/vda': "
	expect_err "No space left on device; make room there and try again"
	! grep -E 'nbd_|command failed|/proc/|socket' "$ERR" || fail "said what tells people nothing"
	expect_only "$SCRATCH/small" ""
done
not virsh domuuid new > /dev/null 2>&1 || fail "a guest without disks was defined"

say "no permission"
mount -o remount,ro,size=256M "$SCRATCH/small"
refused 1 "$SCRATCH/small/vda" virtkeep restore "$snapshot" --disk "vda=$SCRATCH/small/vda"
expect_only "$SCRATCH/small" ""
chmod 700 "$VAULT"
run env HOME="$SCRATCH" setpriv --reuid 65534 --regid 65534 --clear-groups virtkeep list
expect_status 1
expect_err "$VAULT"

say "a dry run does nothing"
mkdir "$SCRATCH/dry"
ok virtkeep restore "$snapshot" --as new --to "$SCRATCH/dry" --dry-run
expect_out "are to be written into '$SCRATCH/dry', where"
expect_only "$SCRATCH/dry" ""
not virsh domuuid new > /dev/null 2>&1 || fail "a dry run made a guest"
expect_clean vm
