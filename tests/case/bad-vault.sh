#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Vaults that are none, or from the future, or damaged.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

# All that reads a vault says the same.
refused_by_all() {
	local status=$1 text=$2 vault=$3

	mkdir -p "$SCRATCH/mnt" "$SCRATCH/out.d"
	refused "$status" "$text" virtkeep --vault "$vault" list
	refused "$status" "$text" virtkeep --vault "$vault" show vm
	refused "$status" "$text" virtkeep --vault "$vault" verify
	refused "$status" "$text" virtkeep --vault "$vault" backup vm
	refused "$status" "$text" virtkeep --vault "$vault" restore vm --as new --to "$SCRATCH/out.d"
	refused "$status" "$text" virtkeep --vault "$vault" mount "$SCRATCH/mnt"
	not mountpoint -q "$SCRATCH/mnt" || fail "'$vault' was mounted"
	[[ -z $(ls "$SCRATCH/out.d") ]] || fail "something was restored"
}

define_guest vm
start_guest vm

say "none"
unset VIRTKEEP_VAULT
refused 2 VIRTKEEP_VAULT virtkeep list
refused_by_all 6 "$SCRATCH/nothing" "$SCRATCH/nothing"
[[ ! -e $SCRATCH/nothing ]] || fail "a vault was made"
mkdir "$SCRATCH/empty"
refused_by_all 6 "$SCRATCH/empty" "$SCRATCH/empty"
refused_by_all 2 "ftp://host/vault" "ftp://host/vault"
refused 2 "'bucket' is not the URL of a bucket" virtkeep --vault s3:bucket init
[[ ! -e s3:bucket ]] || fail "a service became a directory"

say "something else"
mkdir "$SCRATCH/other"
echo precious > "$SCRATCH/other/file"
refused_by_all 6 "$SCRATCH/other" "$SCRATCH/other"
refused 1 "$SCRATCH/other" virtkeep --vault "$SCRATCH/other" init
[[ $(ls "$SCRATCH/other") == file ]] || fail "the refused init left something"
refused 1 "$SCRATCH/other/file" virtkeep --vault "$SCRATCH/other/file" init
[[ $(cat "$SCRATCH/other/file") == precious ]] || fail "a file was overwritten"

say "a vault already"
ok virtkeep --vault "$VAULT" init
cp "$VAULT/vault.json" "$SCRATCH/vault.json"
refused 1 "$VAULT" virtkeep --vault "dir:$VAULT" init
same_file "$SCRATCH/vault.json" "$VAULT/vault.json"
ok virtkeep --vault "$VAULT" backup vm
expect_err "lies on the same file system as '$SCRATCH/guests/vm/vda.qcow2'"

say "not mounted"
mv "$VAULT" "$SCRATCH/unmounted"
mkdir "$VAULT"
refused_by_all 6 "was there: the file system that it lies on is probably not mounted" "$VAULT"
refused 1 "probably not mounted" virtkeep --vault "$VAULT" init
[[ -z $(ls "$VAULT") ]] || fail "something was made where nothing is mounted"
rmdir "$VAULT"
printf '[vault]\nurl = %s\n' "$SCRATCH/nothing" > /etc/virtkeep/virtkeep.conf
refused 6 "may not be mounted" virtkeep list
not grep -q init "$ERR" || fail "a vault on the root disk is offered"
rm /etc/virtkeep/virtkeep.conf
mv "$SCRATCH/unmounted" "$VAULT"

say "a newer format"
edit_object "$VAULT/vault.json" '.format = 2'
refused_by_all 1 "$VAULT" "$VAULT"
expect_err newer
cp "$SCRATCH/vault.json" "$VAULT/vault.json"
edit_object "$VAULT/vault.json" '.features.incompat = ["sundial"]'
refused_by_all 1 "'sundial'" "$VAULT"

say "a feature that only writers must know"
cp "$SCRATCH/vault.json" "$VAULT/vault.json"
edit_object "$VAULT/vault.json" '.features.ro_compat = ["sundial"]'
ok virtkeep --vault "$VAULT" list
refused 1 "'sundial'" virtkeep --vault "$VAULT" backup vm

say "a damaged description"
cp "$SCRATCH/vault.json" "$VAULT/vault.json"
flip "$VAULT/vault.json" 20
refused_by_all 5 "$VAULT" "$VAULT"
: > "$VAULT/vault.json"
refused_by_all 5 "$VAULT" "$VAULT"
cp "$SCRATCH/vault.json" "$VAULT/vault.json"
ok virtkeep --vault "$VAULT" verify --data
expect_clean vm
