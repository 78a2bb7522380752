# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The row about files inside a guest: virtkeep beside guestfish of libguestfs, where that is installed.
# Each command starts its kernel anew. The guest "files" is the Debian of $DISK with two files more.

row_files() {
	local tools=(virtkeep)

	if type guestfish > /dev/null 2>&1; then
		tools+=(guestfish)
	else
		note "guestfish is not installed: nothing to compare with"
	fi
	make_files_guest
	in_rounds measure_files "${tools[@]}"
}

# The files are as random as files in a guest can be: nothing of them is compressed.
make_files_guest() {
	FILES_DISK=$SCRATCH/files.raw
	cp --sparse=always "$DISK" "$FILES_DISK"
	head -c 1M /dev/urandom > "$SCRATCH/1m"
	head -c 200M /dev/urandom > "$SCRATCH/200m"
	printf 'write %s/%s /%s\n' "$SCRATCH" 1m 1m "$SCRATCH" 200m 200m > "$SCRATCH/orders"
	quietly debugfs -w -f "$SCRATCH/orders" "$FILES_DISK"
	define_disk files raw "$FILES_DISK"
	[[ -d $STORES/virtkeep ]] || new_store virtkeep
	quietly virtkeep --quiet backup files
}

# To list the directory "/", or to read the file NAME; sets COMMAND.
files_command() { # TOOL ls|NAME
	case $1 in
	virtkeep)
		COMMAND=(virtkeep --quiet files cat "files:vda:/$2")
		[[ $2 != ls ]] || COMMAND=(virtkeep --quiet files ls files:vda:/)
		;;
	guestfish)
		COMMAND=(env LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg
			guestfish --ro --format=raw -a "$FILES_DISK" -m /dev/sda)
		[[ $2 != ls ]] || COMMAND+=(ls /)
		[[ $2 == ls ]] || COMMAND+=(download "/$2" /dev/stdout)
		;;
	esac
}

measure_files() { # TOOL
	local name

	for name in ls 1m 200m; do
		files_command "$1" "$name"
		cold
		timed_together "files-$name" "$1" "${COMMAND[@]}"
		[[ $name == ls ]] || ! first_round || cmp "$OUT" "$SCRATCH/$name" >&2 || fail "$1 reads wrong"
	done
}

# timed ROW LABEL COMMAND...: but the peak is what all its processes take together.
timed_together() {
	local sampler line fields

	"$SOURCE/tests/bench/peak.py" virtkeep virtkeep-files virtkeep-sandbox linux.uml qemu-system-x86_64 guestfish \
		> "$SCRATCH/peak" &
	sampler=$!
	timed "$@"
	kill "$sampler"
	wait "$sampler"
	line=$(tail -n 1 "$RESULTS")
	sed -i '$d' "$RESULTS"
	IFS=$'\t' read -ra fields <<< "$line"
	fields[4]=$(cat "$SCRATCH/peak")
	record "${fields[@]}"
}
