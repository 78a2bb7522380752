#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How long guests on one file system are held for an array snapshot by reflink, against the floor
# (floor.c) in the same run, and against holding them one after another.
#
#   VK_BUILD=BUILD-DIRECTORY tests/bench/array-pause.sh [ROUNDS]
# shellcheck source=tests/case/lib.sh
. "${0%/*}/../case/lib.sh"

rounds=${1:-5}
names=(g1 g2 g3 g4 g5 g6 g7 g8)
floor=$BUILD/tests/bench/floor
volume=$SCRATCH/volume
truncate -s 2G "$SCRATCH/volume.img"
mkfs.xfs -q "$SCRATCH/volume.img"
mkdir "$volume"
mount -o loop "$SCRATCH/volume.img" "$volume"
for name in "${names[@]}"; do
	GUEST_DIRECTORY=$volume/$name VDA_MIB=32 VDB_MIB=16 define_guest "$name"
	start_guest "$name"
done
virtkeep init > /dev/null
virtkeep --quiet backup --mode array --group "${names[@]}" > /dev/null

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
sum() { # of milliseconds, in seconds a round
	awk -v rounds="$rounds" '{ s += $1 } END { printf "%.2f", s / 1000 / rounds }'
}

printf '%-8s %12s %12s %12s %14s %14s %14s\n' guests virtkeep floor serial 'sum virtkeep' \
	'sum floor' 'sum serial'
for count in 1 4 8; do
	group=("${names[@]:0:count}")
	: > "$SCRATCH/v"
	: > "$SCRATCH/f"
	: > "$SCRATCH/s"
	for ((round = 0; round < rounds; round++)); do
		virtkeep --json --quiet backup --mode array --group "${group[@]}" < /dev/null |
			jq -r '.snapshots[].pause_ms' >> "$SCRATCH/v"
		"$floor" clone-group "$volume" "${group[@]}" | cut -d ' ' -f 2 >> "$SCRATCH/f"
		"$floor" clone-serial "$volume" "${group[@]}" | cut -d ' ' -f 2 >> "$SCRATCH/s"
	done
	printf '%-8s %9s ms %9s ms %9s ms %12s s %12s s %12s s\n' "$count" "$(median < "$SCRATCH/v")" \
		"$(median < "$SCRATCH/f")" "$(median < "$SCRATCH/s")" "$(sum < "$SCRATCH/v")" \
		"$(sum < "$SCRATCH/f")" "$(sum < "$SCRATCH/s")"
done
