#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How long guests are held for a snapshot, against the floor (floor.c) in the same run, and against
# holding them one after another; and that the size of the disks does not matter.
#
#   VK_BUILD=BUILD-DIRECTORY tests/bench/pause.sh [ROUNDS]
# shellcheck source=tests/case/lib.sh
. "${0%/*}/../case/lib.sh"

rounds=${1:-5}
names=(g1 g2 g3 g4 g5 g6 g7 g8)
floor=$BUILD/tests/bench/floor
scratch=$SCRATCH/floor
mkdir -p "$scratch"
chmod 777 "$scratch"
for name in "${names[@]}"; do
	VDA_MIB=32 VDB_MIB=16 define_guest "$name"
	start_guest "$name"
done
virtkeep init > /dev/null
virtkeep --quiet backup --parallel 8 --group "${names[@]}" > /dev/null

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
sum() {
	awk '{ s += $1 } END { printf "%.2f", s / 1000 }'
}

printf '%-8s %12s %10s %7s %10s %14s %14s %14s\n' guests virtkeep floor ratio skew \
	'sum virtkeep' 'sum floor' 'sum serial'
for count in 1 4 8; do
	group=("${names[@]:0:count}")
	: > "$SCRATCH/v"
	: > "$SCRATCH/f"
	: > "$SCRATCH/s"
	: > "$SCRATCH/skew"
	for ((round = 0; round < rounds; round++)); do
		virtkeep --json --quiet backup --group "${group[@]}" > "$OUT" < /dev/null
		jq -r '.snapshots[].pause_ms' "$OUT" >> "$SCRATCH/v"
		jq -r '.snapshots[0].skew_ms' "$OUT" >> "$SCRATCH/skew"
		"$floor" group "$scratch" "${group[@]}" | cut -d ' ' -f 2 >> "$SCRATCH/f"
		"$floor" serial "$scratch" "${group[@]}" | cut -d ' ' -f 2 >> "$SCRATCH/s"
	done
	v=$(median < "$SCRATCH/v")
	f=$(median < "$SCRATCH/f")
	printf '%-8s %9s ms %7s ms %7s %7s ms %12s s %12s s %12s s\n' "$count" "$v" "$f" \
		"$(awk "BEGIN { printf \"%.2f\", $v / $f }")" "$(median < "$SCRATCH/skew")" \
		"$(awk "BEGIN { printf \"%.2f\", $(sum < "$SCRATCH/v") / $rounds }")" \
		"$(awk "BEGIN { printf \"%.2f\", $(sum < "$SCRATCH/f") / $rounds }")" \
		"$(awk "BEGIN { printf \"%.2f\", $(sum < "$SCRATCH/s") / $rounds }")"
done

for name in "${names[@]}"; do
	stop_guest "$name"
done
echo
printf '%-10s %12s\n' 'disk' 'virtkeep'
for gib in 1 16 256; do
	mkdir -p "$SCRATCH/guests/s$gib"
	qemu-img create -q -f qcow2 "$SCRATCH/guests/s$gib/vda.qcow2" "${gib}G"
	truncate -s 8M "$SCRATCH/guests/s$gib/vdb.raw"
	guest_xml "s$gib" "$SCRATCH/guests/s$gib" "" > "$SCRATCH/define.xml"
	virsh -q define "$SCRATCH/define.xml"
	start_guest "s$gib"
	virtkeep --quiet backup "s$gib" > /dev/null
	: > "$SCRATCH/v"
	for ((round = 0; round < rounds; round++)); do
		virtkeep --json --quiet backup "s$gib" < /dev/null |
			jq -r '.snapshots[].pause_ms' >> "$SCRATCH/v"
	done
	printf '%6s GiB %9s ms\n' "$gib" "$(median < "$SCRATCH/v")"
	stop_guest "s$gib"
done
