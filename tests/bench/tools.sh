# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the rows of run share: measuring, and one way to speak to each tool of ALL_TOOLS. Each has one
# store in $STORES, and saves the disk $DISK, for virtkeep as guest "bench", which is shut off.
# "borg-fixed" is borg as its manual has it for images of disks, "borg" is as borg is by itself.
# "borg-encrypted" is borg-fixed with a passphrase, "virtkeep-encrypted" has a vault with a key file.
#
#   ENCRYPTED   what "virtkeep-encrypted" puts before its commands
#
#   RESULTS   what was measured, see measure.c and record()
#   DISK      a copy of first.raw
#   TO        the directory into which is restored
#   COMMAND   set by the *_command functions
#   ROUND     which round it is, from 1, of "rounds"

ALL_TOOLS=(virtkeep restic borg borg-fixed)
declare -A ARCHIVE # of borg's latest, by tool

furnish_bench() {
	HELPERS=$BUILD/tests/bench
	RESULTS=$SCRATCH/results
	STORES=$SCRATCH/stores
	DISK=$SCRATCH/first.raw
	TO=$SCRATCH/restored
	MNT=$SCRATCH/mnt
	mkfifo "$SCRATCH/never"
	# shellcheck disable=SC2034 # for mounts.sh
	exec {NEVER}<> "$SCRATCH/never" # nothing to read: a sleep without a process
	# shellcheck disable=SC2034 # for the rows
	GIB=$((1 << 30))
	export RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$SCRATCH/restic-cache
	export BORG_BASE_DIR=$SCRATCH/borg-home BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
	export BORG_PASSPHRASE=bench
	mkdir "$STORES" "$MNT"
	: > "$RESULTS"
	head -c 32 /dev/urandom > "$SCRATCH/key"
	chmod 600 "$SCRATCH/key"
	ENCRYPTED=(env "VIRTKEEP_VAULT=$STORES/virtkeep-encrypted" "VIRTKEEP_KEY_FILE=$SCRATCH/key")
	VAULT=$STORES/virtkeep
	export VIRTKEEP_VAULT=$VAULT
	cp --sparse=always "$DATA/first.raw" "$DISK"
	define_disk bench raw "$DISK"
}

note() {
	echo "=== $*" >&2
}

# in_rounds COMMAND TOOL...: COMMAND for each tool in each round, in an order that changes.
in_rounds() {
	local command=$1 i tools=("${@:2}")

	for ((ROUND = 1; ROUND <= ${rounds:?}; ROUND++)); do
		for ((i = 0; i < ${#tools[@]}; i++)); do
			"$command" "${tools[(i + ROUND - 1) % ${#tools[@]}]}"
		done
	done
}

# timed ROW LABEL COMMAND...: of a command that only reads.
timed() {
	echo "  $*" >&2
	quietly "$HELPERS/measure" "$RESULTS" "$1" "$2" - "${@:3}"
}

# The same of one that writes: it has done so when all is on the disk, whether or not it waits for it.
timed_write() {
	echo "  $*" >&2
	quietly "$HELPERS/measure" "$RESULTS" "$1" "$2" "$SCRATCH" "${@:3}"
}

# record ROW LABEL SECONDS CPU-SECONDS PEAK-KIB BYTES|- FLUSH-SECONDS
record() {
	local IFS=$'\t'
	echo "$*" >> "$RESULTS"
}

quietly() {
	"$@" < /dev/null > "$OUT" 2> "$ERR" || fail "$*: $(tail "$ERR")"
}

cold() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
}

# Until all is read that is to be warm, and all is written that would disturb.
warm() { # FILE...
	sync
	cat "$@" > /dev/null
}

# The first round of a row looks at all of a result, the others time it only.
first_round() {
	((ROUND == 1))
}

define_disk() { # GUEST FORMAT PATH
	cat > "$SCRATCH/define.xml" <<-XML
	<domain type='qemu'>
	  <name>$1</name>
	  <memory unit='MiB'>128</memory>
	  <os>
	    <type arch='x86_64'>hvm</type>
	    <kernel>$SCRATCH/vmlinuz</kernel>
	    <initrd>$SCRATCH/initrd.gz</initrd>
	    <cmdline>console=ttyS0 quiet mount=no</cmdline>
	  </os>
	  <features><acpi/></features>
	  <devices>
	    <disk type='file' device='disk'>
	      <driver name='qemu' type='$2' discard='unmap'/>
	      <source file='$3'/>
	      <target dev='vda' bus='virtio'/>
	    </disk>
	    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
	    <memballoon model='none'/>
	  </devices>
	</domain>
	XML
	virsh -q define "$SCRATCH/define.xml"
}

new_store() { # TOOL
	local store=$STORES/$1

	rm -rf "$store"
	case $1 in
	virtkeep) quietly virtkeep init --force ;;
	virtkeep-encrypted) quietly "${ENCRYPTED[@]}" virtkeep init --encrypt --force ;;
	restic)
		rm -rf "$RESTIC_CACHE_DIR"
		quietly restic -r "$store" init
		;;
	borg-encrypted) quietly borg init -e repokey "$store" ;;
	borg*) quietly borg init -e none "$store" ;;
	esac
}

backup_command() { # TOOL [IMAGE [GUEST]]
	local image=${2:-$DISK}

	case $1 in
	virtkeep) COMMAND=(virtkeep --quiet backup "${3:-bench}") ;;
	virtkeep-encrypted) COMMAND=("${ENCRYPTED[@]}" virtkeep --quiet backup "${3:-bench}") ;;
	restic) COMMAND=(restic -q -r "$STORES/restic" backup "$image") ;;
	borg*)
		ARCHIVE[$1]=$STORES/$1::$(date +%s.%N)
		COMMAND=(borg create --compression "zstd,1")
		[[ $1 == borg ]] || COMMAND+=(--sparse --chunker-params "fixed,4194304")
		COMMAND+=("${ARCHIVE[$1]}" "$image")
		;;
	esac
}

# Of the latest; sets RESTORED, the path of the disk.
restore_command() { # TOOL [IMAGE [GUEST]]
	rm -rf "$TO"
	mkdir "$TO"
	RESTORED=$TO/${2:-$DISK}
	case $1 in
	virtkeep)
		RESTORED=$TO/disk.raw
		COMMAND=(virtkeep --quiet restore "${3:-bench}" --disk "vda=$RESTORED" --format raw)
		;;
	virtkeep-encrypted)
		restore_command virtkeep "${@:2}"
		COMMAND=("${ENCRYPTED[@]}" "${COMMAND[@]}")
		;;
	restic) COMMAND=(restic -q -r "$STORES/restic" restore latest --target "$TO") ;;
	borg*) COMMAND=(env -C "$TO" borg extract --sparse "${ARCHIVE[$1]}") ;;
	esac
}

# What a tool has saved last is what it was to save.
check_backup() { # TOOL [IMAGE [GUEST]]
	restore_command "$@"
	quietly "${COMMAND[@]}"
	check_restored "${2:-$DISK}"
}

check_restored() { # ORIGINAL
	cmp "$RESTORED" "$1" >&2 || fail "restored wrong: '$1'"
	rm -rf "$TO"
}

# All stores have $DISK; rows that have made them already leave them so.
need_stores() {
	local tool

	for tool in "${ALL_TOOLS[@]}"; do
		if [[ ! -d $STORES/$tool ]]; then
			new_store "$tool"
			backup_command "$tool"
			quietly "${COMMAND[@]}"
		fi
	done
}

drop_stores() {
	rm -rf "${STORES:?}"/*
}

size_of() { # DIRECTORY
	du -s --apparent-size -B 1 "$1" | cut -f 1
}
