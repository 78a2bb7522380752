# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The row about what encryption costs: virtkeep with and without it, beside restic, which always
# encrypts, and borg with encryption. See tools.sh for what it uses.

row_encrypted() {
	local tools=(virtkeep virtkeep-encrypted restic borg-encrypted)

	drop_stores
	in_rounds measure_encrypted_first "${tools[@]}"
	in_rounds measure_encrypted_second "${tools[@]}"
	in_rounds measure_encrypted_mount "${tools[@]}"
	in_rounds measure_encrypted_restore "${tools[@]}"
	drop_stores
}

measure_encrypted_first() {
	new_store "$1"
	warm "$DISK"
	backup_command "$1"
	timed_write encrypted-first "$1" "${COMMAND[@]}"
	! first_round || check_backup "$1"
}

measure_encrypted_second() {
	touch "$DISK"
	warm "$DISK"
	backup_command "$1"
	timed_write encrypted-second "$1" "${COMMAND[@]}"
}

measure_encrypted_mount() {
	cold
	mount_store "$1"
	read_first_gib
	with_server timed encrypted-mount "$1" "${COMMAND[@]}"
	! first_round || cmp -n "$GIB" "$MOUNTED" "$DISK" >&2 || fail "$1 reads wrong"
	unmount_store
}

measure_encrypted_restore() {
	restore_command "$1"
	sync
	timed_write encrypted-restore "$1" "${COMMAND[@]}"
	check_restored "$DISK"
}
