#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guest names with spaces, umlauts, quotes, and of 200 characters.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

long=$(printf 'x%.0s' {1..200})
ok virtkeep init
mount_vault "$SCRATCH/mnt"
GUEST_DIRECTORY="$SCRATCH/images, with=a \"name\" & more/übung"
number=0

is_shown() {
	[[ -n $(find "$SCRATCH/mnt/times/$time" -mindepth 1) ]]
}

for name in "two words" "Übung-für-Größe" "it's \"quoted\" & <odd>" "-dash" "..odd" "a@b" "$long"; do
	say "$name"
	rm -rf "$GUEST_DIRECTORY"
	define_guest "$name"
	ok virtkeep --json backup -- "$name"
	expect_json '.snapshots[0].guest' "$name"
	reference=$(jq -r '.snapshots[0].snapshot' "$OUT")
	time=${reference##*@}
	start_guest "$name"
	ok virtkeep --json backup -- "$name"
	expect_json '.snapshots[0].consistency' filesystem
	ok virtkeep --json show -- "$reference"
	expect_json .guest "$name"
	ok virtkeep --json list -- "$name"
	expect_json length 2
	wait_for 20 "the mount shows it" is_shown
	[[ $(find "$SCRATCH/mnt/guests" -mindepth 2 -maxdepth 2 -name "$time" \
		-exec jq -r .guest {}/snapshot.json \; | grep -cxF -- "$name") == 1 ]] ||
		fail "the view does not have '$name' once"
	number=$((number + 1))
	mkdir "$SCRATCH/neu $number"
	ok virtkeep restore --as "neu $number" --to "$SCRATCH/neu $number" -- "$reference"
	virsh domuuid "neu $number" > /dev/null
	expect_clean "$name"
	stop_guest "$name"
	virsh -q undefine "$name" --checkpoints-metadata
done

say "two guests of one name"
virsh -q undefine "neu 1"
rm -rf "$GUEST_DIRECTORY"
define_guest "two words"
ok virtkeep backup "two words"
run virtkeep show "two words"
expect_status 2
expect_err "two words~"
wait_for 20 "both are shown" test -d "$SCRATCH/mnt/guests/two words~$(virsh domuuid 'two words' |
	head -c 8)"

say "names that cannot be"
refused 6 "'a/b'" virtkeep backup a/b
refused 2 "'a/b'" virtkeep restore --as a/b -- "$reference"
refused 6 "'../../etc'" virtkeep list ../../etc
ok virtkeep verify --data
unmount_vault "$SCRATCH/mnt"
