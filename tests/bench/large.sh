# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The row about a disk with much more data than there is memory: this machine's own /usr, and a control
# group that leaves a quarter of that for the command and for what the kernel caches on its behalf. So
# no cache hides the disk, neither in reading nor in writing.

row_large() {
	local small=$DISK

	drop_stores
	DISK=$SCRATCH/large.raw
	make_large
	define_disk large raw "$DISK"
	new_store virtkeep
	enter_bound $(($(du -B 1 "$DISK" | cut -f 1) / 4))
	in_rounds measure_large_first virtkeep floor
	in_rounds measure_large_second virtkeep floor cat
	in_rounds measure_large_restore virtkeep cp
	in_rounds measure_large_mount mount cp
	leave_bound
	virsh -q undefine large
	rm "$DISK"
	DISK=$small
	drop_stores
}

# The file system is mounted where nobody else sees it.
make_large() {
	local size

	size=$(du -s -x -B 1M /usr | cut -f 1)
	truncate -s $((size + size / 8 + 512))M "$DISK"
	mkfs.ext4 -q -F -m 0 -E lazy_itable_init=0 "$DISK"
	mkdir "$SCRATCH/large"
	mount -o loop "$DISK" "$SCRATCH/large"
	cp -a --one-file-system /usr "$SCRATCH/large/"
	umount "$SCRATCH/large"
	rmdir "$SCRATCH/large"
}

# This shell and all that it starts, in either version of control groups.
enter_bound() { # BYTES
	local memory

	if memory=$(findmnt -n -o TARGET -t cgroup -O memory); then
		BOUND=$memory/virtkeep-bench
		mkdir -p "$BOUND"
		echo "$1" > "$BOUND/memory.limit_in_bytes"
	else
		memory=$(findmnt -n -o TARGET -t cgroup2)
		echo +memory > "$memory/cgroup.subtree_control"
		BOUND=$memory/virtkeep-bench
		mkdir -p "$BOUND"
		echo "$1" > "$BOUND/memory.max"
	fi
	echo $$ > "$BOUND/cgroup.procs"
}

leave_bound() {
	echo $$ > "${BOUND%/*}/cgroup.procs"
	rmdir "$BOUND"
}

# Both read the disk and keep no result but virtkeep's.
measure_large_first() {
	cold
	if [[ $1 == floor ]]; then
		timed large-first floor "$HELPERS/allcores" hash+zstd "$DISK"
		return
	fi
	new_store virtkeep
	timed_write large-first virtkeep virtkeep --quiet backup large
}

measure_large_second() {
	cold
	case $1 in
	virtkeep) timed_write large-second virtkeep virtkeep --quiet backup large ;;
	floor) timed large-second floor "$HELPERS/allcores" hash "$DISK" ;;
	cat) timed large-second cat sh -c "exec cat '$DISK' > /dev/null" ;;
	esac
}

measure_large_restore() {
	restore_command virtkeep "" large
	[[ $1 == virtkeep ]] || COMMAND=(cp --sparse=always "$DISK" "$RESTORED")
	cold
	timed_write large-restore "$1" "${COMMAND[@]}"
	! first_round || check_restored "$DISK"
	rm -rf "$TO"
}

measure_large_mount() {
	restore_command virtkeep "" large
	cold
	if [[ $1 == cp ]]; then
		timed_write large-mount cp cp --sparse=auto --reflink=never "$DISK" "$RESTORED"
	else
		mount_store virtkeep large
		with_server timed_write large-mount 'virtkeep mount, cp --sparse=auto' \
			cp --sparse=auto "$MOUNTED" "$RESTORED"
		unmount_store
	fi
	! first_round || check_restored "$DISK"
	rm -rf "$TO"
}
