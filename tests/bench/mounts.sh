# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The rows about mounts. A mount's tool is one of ALL_TOOLS or "floor" (memoryfs.c). The CPU time of
# the mount counts as the reader's, and its peak memory instead of the reader's.
#
#   MOUNTED   the disk in the mount of mount_store
#   SERVER    the process that serves it

# Mounts the latest snapshot of $DISK.
mount_store() { # TOOL [GUEST]
	local server=$1

	case $1 in
	virtkeep)
		virtkeep --quiet mount "$MNT"
		MOUNTED=$MNT/guests/${2:-bench}/latest/vda.raw
		server=virtkeep-mount
		;;
	virtkeep-encrypted)
		"${ENCRYPTED[@]}" virtkeep --quiet mount "$MNT"
		MOUNTED=$MNT/guests/${2:-bench}/latest/vda.raw
		server=virtkeep-mount
		;;
	restic)
		restic -q -r "$STORES/restic" mount "$MNT" > "$OUT" 2> "$ERR" &
		MOUNTED=$MNT/snapshots/latest$DISK
		until mountpoint -q "$MNT"; do
			kill -0 $! 2> /dev/null || fail "restic mount: $(tail "$ERR")"
			read -r -t 0.01 -u "$NEVER" _ || true
		done
		;;
	borg*)
		quietly borg mount "${ARCHIVE[$1]}" "$MNT"
		MOUNTED=$MNT$DISK
		server=borg
		;;
	floor)
		"$HELPERS/memoryfs" "$MNT" "$DISK" "$GIB"
		MOUNTED=$MNT/disk.raw
		server=memoryfs
		# As virtkeep-mount does with its own.
		echo 4096 > "/sys/class/bdi/$(mountpoint -d "$MNT")/read_ahead_kb"
		;;
	esac
	SERVER=$(pgrep -n -x "$server")
}

unmount_store() {
	umount "$MNT"
	wait_for 30 "the mount's process ends" not kill -0 "$SERVER"
	wait
}

calculate() { # AWK-EXPRESSION
	awk "BEGIN { printf \"%.4f\", $1 }"
}

cpu_of_server() { # in ticks, of it and its children
	awk '{ print $14 + $15 + $16 + $17 }' "/proc/$SERVER/stat"
}

peak_of_server() { # in KiB
	awk '$1 == "VmHWM:" { print $2 }' "/proc/$SERVER/status"
}

# with_server timed|timed_write ROW LABEL COMMAND...: with what the mount's process takes.
with_server() {
	local before line fields

	before=$(cpu_of_server)
	"$@"
	line=$(tail -n 1 "$RESULTS")
	sed -i '$d' "$RESULTS"
	IFS=$'\t' read -ra fields <<< "$line"
	fields[3]=$(calculate "${fields[3]} + ($(cpu_of_server) - $before) / $(getconf CLK_TCK)")
	fields[4]=$(peak_of_server)
	record "${fields[@]}"
}

row_mount_open() {
	need_stores
	in_rounds measure_open "${ALL_TOOLS[@]}"
}

measure_open() {
	local start

	cold
	start=${EPOCHREALTIME/./}
	mount_store "$1"
	ls "${MOUNTED%/*}" > /dev/null
	head -c 1 "$MOUNTED" > /dev/null
	record mount-open "$1" "$(calculate "(${EPOCHREALTIME/./} - $start) / 1000000")" \
		"$(calculate "$(cpu_of_server) / $(getconf CLK_TCK)")" "$(peak_of_server)" - 0
	unmount_store
}

row_mount_seq() {
	need_stores
	in_rounds measure_seq "${ALL_TOOLS[@]}" floor
}

read_first_gib() {
	COMMAND=(dd "if=$MOUNTED" of=/dev/null bs=1M count=1024)
}

measure_seq() {
	cold
	mount_store "$1"
	read_first_gib
	with_server timed mount-seq "$1" "${COMMAND[@]}"
	! first_round || cmp -n "$GIB" "$MOUNTED" "$DISK" >&2 || fail "$1 reads wrong"
	unmount_store
}

row_mount_random_1() {
	need_stores
	in_rounds measure_random_1 "${ALL_TOOLS[@]}" floor
}

row_mount_random_8() {
	need_stores
	in_rounds measure_random_8 "${ALL_TOOLS[@]}" floor
}

measure_random_1() {
	measure_random mount-random-1 "$1" 1
}

measure_random_8() {
	measure_random mount-random-8 "$1" 8
}

measure_random() { # ROW TOOL READERS
	cold
	mount_store "$2"
	with_server timed "$1" "$2" "$HELPERS/reads" "$MOUNTED" 0 "$GIB" 2000 "$3"
	! first_round || quietly "$HELPERS/reads" "$MOUNTED" 0 "$GIB" 2000 "$3" "$DISK"
	unmount_store
}

row_mount_again() {
	need_stores
	mkdir -p "$SCRATCH/beside"
	in_rounds measure_again virtkeep floor
}

# Pages that lie apart, or backwards, are read up to twice as slowly, and such are what the kernel gives
# after caches were dropped. The floor's server has taken 1 GiB before the disk is read; for virtkeep another
# one does, so that both disks lie in the same sort of memory: see NOTES.md.
measure_again() {
	local beside=

	cold
	if [[ $1 != floor ]]; then
		"$HELPERS/memoryfs" "$SCRATCH/beside" "$DISK" "$GIB"
		beside=$(pgrep -n -x memoryfs)
	fi
	mount_store "$1"
	read_first_gib
	quietly "${COMMAND[@]}"
	with_server timed mount-again "$1" "${COMMAND[@]}"
	! first_round || cmp -n "$GIB" "$MOUNTED" "$DISK" >&2 || fail "$1 reads wrong"
	unmount_store
	[[ -n $beside ]] || return 0
	umount "$SCRATCH/beside"
	wait_for 30 "the memory is free again" not kill -0 "$beside"
}

row_mount_copy() {
	need_stores
	in_rounds measure_copy mount restore floor
}

# All three from the disk: of the mount, of the vault, and, as the floor, of the original itself.
measure_copy() {
	restore_command virtkeep
	cold
	case $1 in
	mount)
		mount_store virtkeep
		with_server timed_write mount-copy 'virtkeep mount, cp --sparse=auto' \
			cp --sparse=auto "$MOUNTED" "$RESTORED"
		unmount_store
		;;
	restore) timed_write mount-copy 'virtkeep restore' "${COMMAND[@]}" ;;
	floor) timed_write mount-copy floor cp --sparse=auto --reflink=never "$DISK" "$RESTORED" ;;
	esac
	check_restored "$DISK"
}

# A disk of 16 TiB with data at 1 GiB and at 1 TiB. Only XFS holds such a file.
row_mount_far() {
	local volume=$SCRATCH/volume image=$SCRATCH/volume/far.raw at

	truncate -s 4G "$SCRATCH/volume.img"
	mkfs.xfs -q "$SCRATCH/volume.img"
	mkdir "$volume"
	mount -o loop "$SCRATCH/volume.img" "$volume"
	truncate -s 16T "$image"
	for at in 1G 1T; do
		head -c 512M "$DISK" | dd of="$image" bs=1M seek="$at" oflag=seek_bytes \
			iflag=fullblock conv=notrunc status=none
	done
	define_disk far raw "$image"
	new_store virtkeep
	timed_write mount-far 'backup of 16 TiB' virtkeep --quiet backup far
	in_rounds measure_far "$GIB" $((1024 * GIB))
	virsh -q undefine far
	umount "$volume"
	rm -r "$volume" "$SCRATCH/volume.img"
	drop_stores
}

measure_far() { # OFFSET
	local label="virtkeep at $(($1 / GIB)) GiB"

	cold
	mount_store virtkeep far
	with_server timed mount-far "$label" "$HELPERS/reads" "$MOUNTED" "$1" $((GIB / 2)) 2000 1
	! first_round ||
		quietly "$HELPERS/reads" "$MOUNTED" "$1" $((GIB / 2)) 2000 1 "$SCRATCH/volume/far.raw"
	unmount_store
}
