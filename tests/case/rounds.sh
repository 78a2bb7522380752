#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Random rounds of writes, trims, resizes, restarts and backups of a guest: each snapshot equals the
# disks at its instant, byte for byte, and still does at the end. With VK_CASE_MODES, words, the images
# are on XFS, and each backup is in one of these modes.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

seed=${VK_CASE_SEED:-$RANDOM}
rounds=${VK_CASE_ROUNDS:-30}
say "VK_CASE_SEED=$seed"
RANDOM=$seed
size_mib=32
read -ra backup_modes <<< "${VK_CASE_MODES:-vault}"
if [[ -n ${VK_CASE_MODES:-} ]]; then
	truncate -s 2G "$SCRATCH/xfs.img"
	mkfs.xfs -q "$SCRATCH/xfs.img"
	mkdir "$SCRATCH/guests"
	mount -o loop "$SCRATCH/xfs.img" "$SCRATCH/guests"
fi
# The disks have no file systems here: the guest writes to the devices.
mkdir -p "$SCRATCH/guests/vm"
qemu-img create -q -f qcow2 "$SCRATCH/guests/vm/vda.qcow2" ${size_mib}M
truncate -s 8M "$SCRATCH/guests/vm/vdb.raw"
guest_xml vm "$SCRATCH/guests/vm" "" > "$SCRATCH/define.xml"
virsh -q define "$SCRATCH/define.xml"
start_guest vm
ok virtkeep init
declare -A modes=([incremental]=0 [compare]=0 [full]=0 [array]=0)

is_running() {
	[[ $(virsh domstate vm) == running ]]
}

is_off() {
	[[ $(virsh domstate vm) == 'shut off' ]]
}

# Writes, zeros and trims at random places, of random lengths, all of one call of the agent.
scribble() {
	local count=$((RANDOM % 5 + 1)) command='' i at length

	for ((i = 0; i < count; i++)); do
		at=$((RANDOM * RANDOM % (size_mib * 256 - 64)))
		length=$((RANDOM % 64 + 1))
		case $((RANDOM % 6)) in
		0 | 1 | 2) command+="dd if=/dev/urandom of=/dev/vda bs=4k seek=$at count=$length;" ;;
		3) command+="dd if=/dev/zero of=/dev/vda bs=4k seek=$at count=$length;" ;;
		4) command+="blkdiscard -o $((at * 4096)) -l $((length * 4096)) /dev/vda;" ;;
		5) command+="dd if=/dev/urandom of=/dev/vdb bs=4k seek=$((RANDOM % 1900)) count=9;" ;;
		esac
	done
	guest_run vm "{ $command sync; } 2>/dev/null"
}

stop() { # cleanly, or not
	if ((RANDOM % 3)); then
		virsh -q shutdown vm
	else
		kill -KILL "$(pgrep -f 'guest=vm,')"
	fi
	wait_for 60 "vm is off" is_off
}

resize() {
	size_mib=$((size_mib + RANDOM % 3))
	if is_running; then
		virsh -q blockresize vm vda ${size_mib}M
	else
		# With bitmaps that need repair QEMU refuses; nothing has happened then.
		qemu-img resize -q "$SCRATCH/guests/vm/vda.qcow2" ${size_mib}M 2> /dev/null ||
			size_mib=$(($(qemu-img info --output=json "$SCRATCH/guests/vm/vda.qcow2" |
				jq '."virtual-size"') >> 20))
	fi
}

back_up() {
	local paused='' reference disk

	if is_running; then
		virsh -q suspend vm
		paused=1
	fi
	qemu-img convert -U -O raw "$SCRATCH/guests/vm/vda.qcow2" "$SCRATCH/vda-$round"
	cp --sparse=always "$SCRATCH/guests/vm/vdb.raw" "$SCRATCH/vdb-$round"
	virtkeep --json --quiet backup --mode "${backup_modes[RANDOM % ${#backup_modes[@]}]}" vm > "$OUT" 2> "$ERR" < /dev/null || fail "$(cat "$ERR")"
	[[ -z $paused ]] || virsh -q resume vm
	reference=$(jq -r '.snapshots[0].snapshot' "$OUT")
	for disk in vda vdb; do
		echo "$reference $disk $round" >> "$SCRATCH/kept"
		expect_same "$reference" "$disk" "$round"
	done
	disk=$(jq -r '.snapshots[0].disks[0] | "\(.mode) (\(.reason)), \(.read) read"' "$OUT")
	modes[${disk%% *}]=$((modes[${disk%% *}] + 1))
	echo "$disk"
}

expect_same() { # REFERENCE DISK ROUND
	virtkeep --quiet restore "$1" --disk "$2=$SCRATCH/restored" --format raw > /dev/null
	same_file "$SCRATCH/restored" "$SCRATCH/$2-$3"
	rm "$SCRATCH/restored"
}

for ((round = 1; round <= rounds; round++)); do
	did=
	if is_running; then
		scribble
		did+=" writes"
	fi
	case $((RANDOM % 12)) in
	0 | 1) ! is_running || { stop; did+=" stop"; } ;;
	2) resize; did+=" resize" ;;
	esac
	if ! is_running && ((RANDOM % 2)); then
		start_guest vm
		scribble
		did+=" start writes"
	fi
	printf '%d:%s: ' "$round" "$did"
	back_up
done
say "all snapshots once more"
while read -r reference disk round; do
	expect_same "$reference" "$disk" "$round"
done < "$SCRATCH/kept"
ok virtkeep verify --data
echo "vda: ${modes[incremental]} incremental, ${modes[compare]} compared, ${modes[full]} full," \
	"${modes[array]} on the array"
if [[ -z ${VK_CASE_MODES:-} ]]; then
	((modes[incremental] * 3 >= rounds)) || fail "too few rounds were incremental"
else
	((modes[array] * 8 >= rounds && modes[incremental] > 0)) || fail "too few of a mode"
fi
expect_clean vm
