#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What an incremental snapshot costs: 64 MiB written at random into disks of 1, 16 and 256 GiB. Read
# must be what is dirty, in units of 64 KiB, and time and memory must not follow the size.
#
#   VK_BUILD=BUILD-DIRECTORY tests/bench/incremental.sh [ROUNDS]
# shellcheck source=tests/case/lib.sh
. "${0%/*}/../case/lib.sh"

rounds=${1:-3}
virtkeep init > /dev/null

# Offsets in units of 4 KiB for 1024 writes of 64 KiB.
random_offsets() { # GIB SEED
	awk -v units=$(($1 * 262144 - 16)) -v seed="$2" \
		'BEGIN { srand(seed); for (i = 0; i < 1024; i++) print int(rand() * units) }'
}

# The bytes in the 64 KiB units that these writes touch.
dirty_bytes() {
	awk '{ u[int($1 / 16)]; u[int(($1 + 15) / 16)] } END { n = 0; for (i in u) n++; print n * 65536 }'
}

# Runs a backup; sets SECONDS_TAKEN and PEAK (KiB).
measure() {
	local row

	"$BUILD/tests/bench/measure" "$SCRATCH/result" - - - \
		virtkeep --json --quiet backup "$1" > "$OUT" < /dev/null
	row=$(tail -n 1 "$SCRATCH/result")
	SECONDS_TAKEN=$(cut -f 3 <<< "$row")
	PEAK=$(cut -f 5 <<< "$row")
}

printf '%-8s %12s %12s %7s %9s %10s %12s\n' disk dirty read ratio time 'peak' mode
for gib in 1 16 256; do
	guest=s$gib
	mkdir -p "$SCRATCH/guests/$guest"
	qemu-img create -q -f qcow2 "$SCRATCH/guests/$guest/vda.qcow2" "${gib}G"
	truncate -s 8M "$SCRATCH/guests/$guest/vdb.raw"
	guest_xml "$guest" "$SCRATCH/guests/$guest" "" > "$SCRATCH/define.xml"
	virsh -q define "$SCRATCH/define.xml"
	start_guest "$guest"
	virtkeep --quiet backup "$guest" > /dev/null
	for ((round = 1; round <= rounds; round++)); do
		random_offsets "$gib" "$round" > "$SCRATCH/offsets"
		guest_run "$guest" "for at in $(tr '\n' ' ' < "$SCRATCH/offsets"); do
			dd if=/dev/urandom of=/tmp/noise bs=64k count=1
			dd if=/tmp/noise of=/dev/vda bs=4k seek=\$at conv=notrunc
		done 2>/dev/null; sync"
		measure "$guest"
		dirty=$(dirty_bytes < "$SCRATCH/offsets")
		read=$(jq '.snapshots[0].disks[0].read' "$OUT")
		printf '%4s GiB %12s %12s %7s %7s s %6s KiB %12s\n' "$gib" "$dirty" "$read" \
			"$(awk "BEGIN { printf \"%.2f\", $read / $dirty }")" "$SECONDS_TAKEN" "$PEAK" \
			"$(jq -r '.snapshots[0].disks[0].mode' "$OUT")"
	done
	stop_guest "$guest"
	rm -r "$SCRATCH/guests/$guest"
done
