# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The row about a vault with 100,000 snapshots of 1,000 guests, which refer to 10 TB of blocks, and the
# same with a 4th and a 16th of them. The blocks are not there, see make-catalogue.c; all else is. Each
# vault has a cache of its own, which is warm but for the first list.
#
#   CATALOGUES         the directory of the vaults: 1x, 4x, 16x and an empty one; 17 GB. If it is
#                      given, what is there is used, and stays
#   CATALOGUE_GUESTS   how many guests the largest one has, 1000 by default; with fewer, the row is
#                      quick, and its goals say nothing

row_catalogue() {
	local keep=${CATALOGUES:-} guests=${CATALOGUE_GUESTS:-1000}

	CATALOGUES=${CATALOGUES:-$SCRATCH/catalogues}
	drop_stores
	mkdir -p "$CATALOGUES"
	make_catalogue 1x $(((guests + 15) / 16))
	make_catalogue 4x $(((guests + 3) / 4))
	make_catalogue 16x "$guests"
	printf '[retention]\nkeep_daily = 30\nkeep_monthly = 12\n' > "$SCRATCH/catalogue.conf"
	truncate -s 1M "$SCRATCH/tiny.raw"
	define_disk tiny raw "$SCRATCH/tiny.raw"
	in_rounds measure_first_list 1x 4x 16x
	in_rounds measure_list 1x 4x 16x
	in_rounds measure_catalogue list-guest show json policy status mount
	make_hints empty
	make_hints 16x
	in_rounds measure_start 16x empty
	measure_first_marking
	in_rounds measure_marking 1x 4x 16x
	virsh -q undefine tiny
	rm -r "$SCRATCH"/cache-* "$SCRATCH/tiny.raw"
	[[ -n $keep ]] || rm -r "$CATALOGUES"
}

make_catalogue() { # SIZE GUESTS
	[[ -e $CATALOGUES/$1 ]] ||
		quietly "$HELPERS/make-catalogue" --guests "$2" "$CATALOGUES/$1"
}

on_catalogue() { # SIZE COMMAND...
	VIRTKEEP_VAULT=$CATALOGUES/$1 CACHE_DIRECTORY=$SCRATCH/cache-$1 "${@:2}"
}

# Nothing is known yet, and all comes from the disk.
measure_first_list() { # SIZE
	rm -rf "$SCRATCH/cache-$1"
	cold
	on_catalogue "$1" timed catalogue "virtkeep first list $1" virtkeep list
}

measure_list() { # SIZE
	on_catalogue "$1" timed catalogue "virtkeep list $1" virtkeep list
}

measure_catalogue() { # WHAT
	case $1 in
	list-guest) on_catalogue 16x timed catalogue "virtkeep list GUEST" virtkeep list guest0 ;;
	show) on_catalogue 16x timed catalogue "virtkeep show" virtkeep show guest0 ;;
	json) on_catalogue 16x timed catalogue "virtkeep list --json" virtkeep --json list ;;
	status) on_catalogue 16x timed catalogue "virtkeep status" virtkeep status ;;
	policy)
		on_catalogue 16x timed catalogue "virtkeep forget --policy" \
			virtkeep --config "$SCRATCH/catalogue.conf" forget --all --policy --dry-run
		;;
	mount) on_catalogue 16x measure_mount ;;
	esac
}

measure_mount() {
	local start=${EPOCHREALTIME/./}

	quietly virtkeep --quiet mount "$MNT"
	# shellcheck disable=SC2034 # mounts.sh reads it
	SERVER=$(pgrep -n -x virtkeep-mount)
	record catalogue "virtkeep mount" "$(calculate "(${EPOCHREALTIME/./} - $start) / 1000000")" \
		"$(calculate "$(cpu_of_server) / $(getconf CLK_TCK)")" "$(peak_of_server)" - 0
	unmount_store
}

# A vault whose hints are lost gets new ones from the tables of all packs.
make_hints() { # SIZE
	[[ -e $CATALOGUES/$1 ]] || on_catalogue "$1" quietly virtkeep init
	on_catalogue "$1" timed catalogue "virtkeep first backup $1" virtkeep --quiet backup tiny
}

# A backup of a disk without data is its start and its end.
measure_start() { # SIZE
	on_catalogue "$1" timed catalogue "virtkeep backup $1" virtkeep --quiet backup tiny
}

# All comes from the disk.
measure_first_marking() {
	cold
	on_catalogue 16x timed catalogue "virtkeep first gc --dry-run 16x" virtkeep gc --dry-run
}

# What is in use is looked for, and nothing is found that is not.
measure_marking() { # SIZE
	on_catalogue "$1" timed catalogue "virtkeep gc --dry-run $1" virtkeep gc --dry-run
}
