# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The rows about backup and restore. See tools.sh for what they use.

row_floors() {
	ROUND=0
	in_rounds measure_floor cat cp zstd sha256sum
}

measure_floor() {
	warm "$DISK"
	case $1 in
	cat) timed floors cat sh -c "exec cat '$DISK' > /dev/null" ;;
	cp) timed_write floors 'cp --sparse=always' cp --sparse=always "$DISK" "$SCRATCH/copy" ;;
	zstd) timed_write floors 'zstd -1 -T0' zstd -q -1 -T0 -o "$SCRATCH/copy" "$DISK" ;;
	sha256sum) timed floors sha256sum sha256sum "$DISK" ;;
	esac
	rm -f "$SCRATCH/copy"
}

row_first_off() {
	in_rounds measure_first "${ALL_TOOLS[@]}" floor
}

measure_first() {
	[[ $1 == floor ]] || new_store "$1"
	warm "$DISK"
	if [[ $1 == floor ]]; then
		timed first-off floor "$HELPERS/allcores" hash+zstd "$DISK"
		return
	fi
	backup_command "$1"
	timed_write first-off "$1" "${COMMAND[@]}"
	! first_round || check_backup "$1"
}

row_second() {
	need_stores
	in_rounds measure_second "${ALL_TOOLS[@]}" floor
}

# The image's time has changed, as a guest's does that has run; else restic and borg would not look.
measure_second() {
	touch "$DISK"
	warm "$DISK"
	if [[ $1 == floor ]]; then
		timed second floor "$HELPERS/allcores" hash "$DISK"
		return
	fi
	backup_command "$1"
	timed_write second "$1" "${COMMAND[@]}"
	! first_round || check_backup "$1"
}

row_first_live() {
	drop_stores
	start_live live
	in_rounds measure_first_live virtkeep virtnbdbackup virtnbdbackup-compress
	end_live live
	drop_stores
}

measure_first_live() {
	forget_checkpoints live
	warm "$SCRATCH/live.qcow2"
	case $1 in
	virtkeep)
		new_store virtkeep
		timed_write first-live virtkeep virtkeep --quiet backup live
		! first_round || check_backup virtkeep "$DISK" live
		return
		;;
	virtnbdbackup) virtnbd_command full live ;;
	virtnbdbackup-compress) virtnbd_command full live --compress ;;
	esac
	timed_write first-live "$1" "${COMMAND[@]}"
	! first_round || check_virtnbd "$DISK"
	rm -r "${STORES:?}/virtnbdbackup"
}

# A running guest with what $DISK has in a qcow2 image, which keeps bitmaps.
start_live() { # GUEST
	qemu-img convert -O qcow2 "$DISK" "$SCRATCH/$1.qcow2"
	define_disk "$1" qcow2 "$SCRATCH/$1.qcow2"
	start_guest "$1"
}

end_live() { # GUEST
	forget_checkpoints "$1"
	stop_guest "$1"
	virsh -q undefine "$1"
	rm "$SCRATCH/$1.qcow2"
}

forget_checkpoints() { # GUEST
	local name

	while read -r name; do
		[[ -z $name ]] || quietly virsh checkpoint-delete "$1" "$name"
	done < <(virsh checkpoint-list "$1" --name --topological | tac)
}

virtnbd_command() { # LEVEL GUEST [OPTION]
	COMMAND=(virtnbdbackup -d "$2" -l "$1" -o "$STORES/virtnbdbackup" "${@:3}")
}

check_virtnbd() { # ORIGINAL
	rm -rf "$TO"
	mkdir "$TO"
	quietly virtnbdrestore -i "$STORES/virtnbdbackup" -o "$TO"
	quietly qemu-img compare -f qcow2 -F raw "$TO"/*.qcow2 "$1"
	rm -rf "$TO"
}

# virtnbdbackup refuses guests that have checkpoints of others, so it has a guest of its own, with the
# same disk.
row_incremental() {
	local tool

	drop_stores
	start_live live
	start_live peer
	cp --sparse=always "$DISK" "$SCRATCH/changed.raw"
	for tool in "${ALL_TOOLS[@]}"; do
		new_store "$tool"
		backup_command "$tool" "$SCRATCH/changed.raw" live
		quietly "${COMMAND[@]}"
	done
	virtnbd_command full peer
	quietly "${COMMAND[@]}"
	CHANGED=0
	in_rounds measure_incremental "${ALL_TOOLS[@]}" virtnbdbackup
	rm "$SCRATCH/changed.raw"
	end_live live
	end_live peer
	drop_stores
}

measure_incremental() {
	if ((CHANGED != ROUND)); then
		change_disks
		CHANGED=$ROUND
	fi
	if [[ $1 == virtnbdbackup ]]; then
		virtnbd_command inc peer
	else
		backup_command "$1" "$SCRATCH/changed.raw" live
	fi
	sync
	timed_write incremental "$1" "${COMMAND[@]}"
	first_round || return 0
	if [[ $1 == virtnbdbackup ]]; then
		check_virtnbd "$SCRATCH/changed.raw"
	else
		check_backup "$1" "$SCRATCH/changed.raw" live
	fi
}

# COUNT places that are multiples of 4 KiB, so that SIZE bytes fit below LIMIT.
random_places() { # COUNT SIZE LIMIT SEED
	awk -v count="$1" -v pages=$((($3 - $2) / 4096)) -v seed="$4" \
		'BEGIN { srand(seed); while (count--) printf "%.0f\n", int(rand() * pages) * 4096 }'
}

has_written() { # GUEST TIMES: by QEMU's log
	(($(grep -c '^wrote 65536/65536' "/var/log/libvirt/qemu/$1.log") == $2))
}

# 1024 times 64 KiB of random bytes, the same in both running guests and in the raw image. Those of the
# guests are written by QEMU: the guests themselves, emulated, would take minutes.
change_disks() {
	local at i=0 noise=$SCRATCH/noise name device=/machine/peripheral/virtio-disk0/virtio-backend
	local guest

	rm -rf "$noise"
	mkdir -m 755 "$noise"
	head -c 64M /dev/urandom | split -b 64K -a 4 -d - "$noise/"
	random_places 1024 65536 $((8 * GIB)) "$ROUND" > "$SCRATCH/places"
	while read -r at; do
		printf -v name '%s/%04d' "$noise" $((i++))
		dd if="$name" of="$SCRATCH/changed.raw" bs=64K seek="$at" oflag=seek_bytes conv=notrunc \
			status=none
		for guest in live peer; do
			echo "qemu-monitor-command $guest --hmp 'qemu-io -d $device" \
				"\"write -s $name $at 64k\"'"
		done
	done < "$SCRATCH/places" > "$SCRATCH/commands"
	virsh -q < "$SCRATCH/commands" > "$OUT" 2>&1
	for guest in live peer; do
		wait_for 20 "QEMU has written" has_written "$guest" $((1024 * ROUND))
	done
	sync
}

row_size() {
	local tool i image=$SCRATCH/upgraded.raw

	drop_stores
	cp --sparse=always "$DATA/upgraded.raw" "$image"
	define_disk upgraded raw "$image"
	for tool in virtkeep restic; do
		new_store "$tool"
	done
	save_all "$DISK" bench
	record_sizes size-first
	save_all "$image" upgraded
	record_sizes size-upgraded
	for ((i = 0; i < 10; i++)); do
		write_scattered "$image" "$i"
		save_all "$image" upgraded
	done
	record_sizes size-increments
	check_backup virtkeep "$image" upgraded
	check_backup restic "$image"
	virsh -q undefine upgraded
	rm "$image"
	drop_stores
}

save_all() { # IMAGE GUEST
	local tool

	for tool in virtkeep restic; do
		backup_command "$tool" "$1" "$2"
		quietly "${COMMAND[@]}"
	done
}

record_sizes() { # ROW
	local tool

	for tool in virtkeep restic; do
		record "$1" "$tool" 0 0 0 "$(size_of "$STORES/$tool")" 0
	done
}

# 1024 times 4 KiB of random bytes where the data is.
write_scattered() { # IMAGE SEED
	local at

	random_places 1024 4096 "$GIB" "$2" | while read -r at; do
		dd if=/dev/urandom of="$1" bs=4K count=1 seek="$at" oflag=seek_bytes conv=notrunc \
			status=none
	done
}

row_restore() {
	need_stores
	in_rounds measure_restore "${ALL_TOOLS[@]}" cp
}

measure_restore() {
	if [[ $1 == cp ]]; then
		restore_command virtkeep
		COMMAND=(cp --sparse=always "$DISK" "$RESTORED")
	else
		restore_command "$1"
	fi
	sync
	timed_write restore "$1" "${COMMAND[@]}"
	check_restored "$DISK"
}

# The same data in a disk of 1 TiB.
row_sparse() {
	cp --sparse=always "$DISK" "$SCRATCH/sparse.raw"
	truncate -s 1T "$SCRATCH/sparse.raw"
	define_disk sparse raw "$SCRATCH/sparse.raw"
	in_rounds measure_sparse bench sparse
	virsh -q undefine sparse
	rm "$SCRATCH/sparse.raw"
	drop_stores
}

measure_sparse() {
	local label='virtkeep 1 TiB' image=$SCRATCH/sparse.raw

	if [[ $1 == bench ]]; then
		label='virtkeep 8 GiB'
		image=$DISK
	fi
	new_store virtkeep
	sync
	timed_write sparse "$label" virtkeep --quiet backup "$1"
	first_round || return 0
	restore_command virtkeep "$image" "$1"
	quietly "${COMMAND[@]}"
	[[ $(stat -c %s "$RESTORED") == $(stat -c %s "$image") ]] || fail "restored another size"
	cmp -n $((8 * GIB)) "$RESTORED" "$image" >&2 || fail "restored wrong: '$1'"
	rm -rf "$TO"
}

# 128 MiB, four and sixteen times as much, of data that compresses by a quarter.
row_growth() {
	local times

	for times in 1 4 16; do
		head -c $((times * 96))M /dev/urandom | base64 -w 0 > "$SCRATCH/growth$times.raw"
		define_disk "growth$times" raw "$SCRATCH/growth$times.raw"
	done
	in_rounds measure_growth 1 4 16
	for times in 1 4 16; do
		virsh -q undefine "growth$times"
		rm "$SCRATCH/growth$times.raw"
	done
	drop_stores
}

measure_growth() {
	local image=$SCRATCH/growth$1.raw

	new_store virtkeep
	warm "$image"
	timed_write growth "virtkeep $1x" virtkeep --quiet backup "growth$1"
	! first_round || check_backup virtkeep "$image" "growth$1"
}
