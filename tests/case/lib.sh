# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the cases share. A case sources this file first. It then runs as root in namespaces of its
# own (mounts, processes, network) with a libvirtd of its own, so that guests, networks and vaults
# of the host are out of reach, and everything is gone when the case ends, however it ends.
#
#   SCRATCH   the case's directory, removed at the end
#   VAULT     $SCRATCH/vault, also in VIRTKEEP_VAULT; made by "virtkeep init" in the case
#   OUT ERR   what the last command of run() printed, as files
#   STATUS    its exit status
#
# The programs are copies on PATH. Exit status 77 means skipped.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC

SOURCE=$(realpath "${BASH_SOURCE[0]%/*}/../..")
BUILD=${VK_BUILD:-$SOURCE/build}

skip() {
	echo "skipped: $*" >&2
	exit 77
}

# Outside of the namespaces: prepare, enter, clean up.
enter_namespaces() {
	local child program programs status=0 cache=${VIRTKEEP_DEMO_CACHE:-/var/cache/virtkeep-demo}

	[[ $(id -u) == 0 ]] || skip "not root"
	[[ -c /dev/fuse ]] || skip "no /dev/fuse"
	unshare --mount --pid --fork --net true 2>/dev/null || skip "no namespaces here"
	programs=(engine/virtkeep fs/virtkeep-mount fs/files/virtkeep-files-mount restore/virtkeep-restore
		engine/files/virtkeep-files engine/files/agent/virtkeep-agent
		engine/files/sandbox/virtkeep-sandbox)
	for program in "${programs[@]}"; do
		[[ -x $BUILD/$program ]] || skip "'$BUILD/$program' is not built"
	done
	mkdir -p "$cache"
	flock "$cache" "$SOURCE/contrib/tiny-guest" "$cache" || skip "no tiny guest"

	SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/virtkeep-case-XXXXXX")
	trap 'rm -rf "$SCRATCH"' EXIT
	trap 'kill -KILL "$child" 2>/dev/null; exit 1' HUP INT TERM
	# QEMU runs as a user of its own and must get at its files.
	chmod 755 "$SCRATCH"
	mkdir "$SCRATCH/bin"
	cp "${programs[@]/#/$BUILD/}" "$SCRATCH/bin/"
	cp "$cache/vmlinuz" "$cache/initrd.gz" "$cache/kernel.tar.gz" "$SCRATCH/"
	VK_CASE_SCRATCH=$SCRATCH env --default-signal=HUP \
		unshare --mount --pid --fork --kill-child --mount-proc --net \
		--ipc bash "$0" "$@" &
	child=$!
	wait "$child" || status=$?
	exit "$status"
}

start_libvirtd() {
	libvirtd -d -p /run/libvirtd.pid
	wait_for 20 "libvirtd answers" virsh version
}

kill_libvirtd() {
	local pid
	pid=$(cat /run/libvirtd.pid)
	kill -KILL "$pid"
	wait_for 20 "libvirtd is gone" not kill -0 "$pid"
	rm -f /run/libvirtd.pid
}

furnish_namespaces() {
	local directory

	SCRATCH=$VK_CASE_SCRATCH
	VAULT=$SCRATCH/vault
	OUT=$SCRATCH/out
	ERR=$SCRATCH/err
	PATH=$SCRATCH/bin:$PATH
	export VIRTKEEP_VAULT=$VAULT LIBVIRT_DEFAULT_URI=qemu:///system
	# The host need not have it, and must not get it.
	if [[ ! -d /etc/virtkeep ]]; then
		cp -a /etc "$SCRATCH/etc"
		mount --bind "$SCRATCH/etc" /etc
		mkdir /etc/virtkeep
	fi
	for directory in /run /var/lib /var/log /var/cache /etc/libvirt /etc/virtkeep; do
		[[ ! -d $directory ]] || mount -t tmpfs -o mode=755 tmpfs "$directory"
	done
	# QEMU gets a mount namespace from libvirt and must see what is mounted later.
	mount --make-rshared /
	mkdir -p /run/lock /var/log/libvirt/qemu
	ip link set lo up
	# A KVM that root can use and QEMU's user cannot lets libvirtd probe QEMU anew with every call.
	if [[ -c /dev/kvm ]]; then
		install -m 600 /dev/null "$SCRATCH/no-kvm"
		mount --bind "$SCRATCH/no-kvm" /dev/kvm
	fi
	# No virtlogd: QEMU writes its log itself.
	echo 'stdio_handler = "file"' > /etc/libvirt/qemu.conf
	echo 'auth_unix_rw = "none"' > /etc/libvirt/libvirtd.conf
	trap end_case EXIT
	start_libvirtd
}

end_case() {
	local status=$?

	[[ $status != 0 && $status != 77 ]] || return 0
	set +e
	echo "--- the case failed with status $status"
	for file in "$OUT" "$ERR" /var/log/libvirt/qemu/*.log; do
		[[ -s $file ]] || continue
		echo "--- $file"
		# Without QEMU's command line.
		grep -v ' \\$' "$file" | tail -n 30
	done
	virsh list --all
}

say() {
	echo "=== $*"
}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

not() {
	! "$@"
}

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds. It is tried every PAUSE seconds.
wait_for() {
	local deadline=$((SECONDS + $1)) what=$2

	shift 2
	until "$@" > /dev/null 2>&1; do
		((SECONDS < deadline)) || fail "waited in vain: $what"
		sleep "${PAUSE:-0.05}"
	done
}

# Runs a command without standard input, keeping its output and its status.
run() {
	echo "+ $*"
	STATUS=0
	"$@" < /dev/null > "$OUT" 2> "$ERR" || STATUS=$?
	sed 's/^/  2> /' "$ERR"
}

# Asserts on the last run().
expect_status() {
	[[ $STATUS == "$1" ]] || fail "expected exit status $1, got $STATUS"
}

expect_err() {
	grep -qF -- "$1" "$ERR" || fail "expected on stderr: $1; got: $(cat "$ERR")"
}

expect_out() {
	grep -qF -- "$1" "$OUT" || fail "expected on stdout: $1; got: $(cat "$OUT")"
}

expect_silence() {
	[[ ! -s $OUT && ! -s $ERR ]] || fail "expected no word, got: $(cat "$OUT" "$ERR")"
}

# expect_json FILTER VALUE: of the standard output.
expect_json() {
	local got
	got=$(jq -r "$1" "$OUT") || fail "not JSON: $(cat "$OUT")"
	[[ $got == "$2" ]] || fail "expected $1 = $2, got $got in $(cat "$OUT")"
}

# ok COMMAND...: it must succeed.
ok() {
	run "$@"
	expect_status 0
}

# refused STATUS TEXT COMMAND...: it must fail with that status and say TEXT, and nothing twice.
refused() {
	local status=$1 text=$2

	shift 2
	run "$@"
	expect_status "$status"
	expect_err "$text"
	[[ -z $(sort "$ERR" | uniq -d) ]] || fail "said more than once: $(sort "$ERR" | uniq -d)"
}

# edit_object FILE FILTER: changes a JSON object of the vault, and its checksum with it.
edit_object() {
	local line

	line=$(head -n 1 "$1" | jq -cS "$2")
	printf '%s\n{"sha256":"%s"}\n' "$line" "$(printf %s "$line" | sha256sum | cut -d ' ' -f 1)" \
		> "$1"
}

# flip FILE OFFSET: changes one byte.
flip() {
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf '%b' "\\x$(printf %02x $((byte ^ 255)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

count_packs() { # sets PACKS
	local packs

	packs=("$VAULT"/packs/*/*)
	PACKS=${#packs[@]}
	[[ -e ${packs[0]} ]] || PACKS=0
}

# Starts a backup in the background as JOB and halts it when it has stored its next pack.
halt_backup() {
	local before deadline=$((SECONDS + 60))

	echo "+ virtkeep backup $* &"
	count_packs
	before=$PACKS
	virtkeep backup "$@" < /dev/null > "$OUT" 2> "$ERR" &
	JOB=$!
	while count_packs; ((PACKS == before)); do
		((SECONDS < deadline)) || fail "the backup never stored a pack"
		[[ -d /proc/$JOB/fd ]] || fail "the backup was not caught: $(cat "$ERR")"
	done
	kill -STOP "$JOB"
}

# Waits for the end of JOB, after letting it go on; sets STATUS.
finish_job() {
	STATUS=0
	kill -CONT "$JOB" 2>/dev/null || true
	wait "$JOB" || STATUS=$?
	sed 's/^/  2> /' "$ERR"
}

# Directory with MIB of random data, for a guest's VDA_FILES.
make_noise() {
	mkdir -p "$SCRATCH/noise"
	head -c "${1}M" /dev/urandom > "$SCRATCH/noise/noise"
	echo "$SCRATCH/noise"
}

same_file() {
	cmp "$1" "$2" || fail "'$1' and '$2' differ"
}

newest() { # of a guest: GUEST@TIME
	virtkeep list --json "$1" | jq -r '[.[].snapshot] | max'
}

# make_disk FORMAT PATH MIB [DIRECTORY]: an ext4 file system, filled from DIRECTORY.
make_disk() {
	local raw=$2

	[[ $1 == raw ]] || raw=$2.tmp
	truncate -s "${3}M" "$raw"
	mkfs.ext4 -q -F -E lazy_itable_init=0 ${4:+-d "$4"} "$raw"
	if [[ $1 != raw ]]; then
		qemu-img convert -f raw -O "$1" "$raw" "$2"
		rm "$raw"
	fi
}

escape_xml() {
	sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' -e "s/'/\&apos;/g" <<< "$1"
}

# define_guest NAME [KERNEL WORDS]: vda is qcow2, vdb is raw, in $SCRATCH/guests/NAME. The sizes
# are VDA_MIB and VDB_MIB, the files of vda come from the directory VDA_FILES.
define_guest() {
	local name=$1 directory=${GUEST_DIRECTORY:-$SCRATCH/guests/$1}

	mkdir -p "$directory"
	make_disk qcow2 "$directory/vda.qcow2" "${VDA_MIB:-64}" "${VDA_FILES:-}"
	make_disk raw "$directory/vdb.raw" "${VDB_MIB:-32}"
	guest_xml "$name" "$directory" "${2:-}" > "$SCRATCH/define.xml"
	virsh -q define "$SCRATCH/define.xml"
}

# The words for the kernel: without no_timer_check it panics when a busy host lets it miss the timer's interrupts for
# a moment. Its tests of its ciphers would take a tenth of the boot.
guest_xml() {
	local name directory
	name=$(escape_xml "$1")
	directory=$(escape_xml "$2")
	cat <<-XML
	<domain type='qemu'>
	  <name>$name</name>
	  <memory unit='MiB'>128</memory>
	  <os>
	    <type arch='x86_64'>hvm</type>
	    <kernel>$SCRATCH/vmlinuz</kernel>
	    <initrd>$SCRATCH/initrd.gz</initrd>
	    <cmdline>console=ttyS0 quiet no_timer_check cryptomgr.notests $3</cmdline>
	  </os>
	  <features><acpi/></features>
	  <devices>
	    <disk type='file' device='disk'>
	      <driver name='qemu' type='qcow2' discard='unmap'/>
	      <source file='$directory/vda.qcow2'/>
	      <target dev='vda' bus='virtio'/>
	    </disk>
	    <disk type='file' device='disk'>
	      <driver name='qemu' type='raw'/>
	      <source file='$directory/vdb.raw'/>
	      <target dev='vdb' bus='virtio'/>
	    </disk>
	    <channel type='unix'>
	      <target type='virtio' name='org.qemu.guest_agent.0'/>
	    </channel>
	    <serial type='pty'/>
	    <memballoon model='none'/>
	  </devices>
	</domain>
	XML
}

agent() { # NAME JSON: the answer
	virsh -q qemu-agent-command --timeout 20 "$1" "$2"
}

start_guest() {
	virsh -q start "$1"
	# It boots for seconds, and each look takes processor time away from it.
	PAUSE=0.3 wait_for 120 "the agent of '$1' answers" agent "$1" '{"execute":"guest-ping"}'
}

# Starts a shell command in the guest and prints its process id.
guest_spawn() {
	agent "$1" "$(jq -nc --arg command "$2" '{execute: "guest-exec", arguments:
		{path: "/bin/sh", arg: ["-c", $command], "capture-output": true}}')" |
		jq -r .return.pid
}

# In the guest: waits until its agent, which has started the command, has answered that and waits for more.
# shellcheck disable=SC2016,SC2034 # the guest expands it, and cases use it
ANSWERED='until grep -q poll "/proc/$(pidof qemu-ga)/wchan"; do sleep 0.1; done'

# In the guest: tells the host, which counts the reads of vdb.
TELL='dd if=/dev/vdb of=/dev/null bs=4k count=1 iflag=direct'

reads_of_vdb() {
	virsh domblkstat "$1" vdb | awk '$2 == "rd_req" { print $3 }'
}

has_told() { # GUEST READS: since so many
	(($(reads_of_vdb "$1") > $2))
}

# make_late GUEST SECONDS: its agent is kept busy for so long, so that a group waits for it: it sets
# the clock by a program, which takes its time.
make_late() {
	local reads

	guest_run "$1" "cat > /sbin/late <<-END
		#!/bin/sh
		$TELL
		sleep $2
	END
	chmod +x /sbin/late
	ln -sf late /sbin/hwclock"
	reads=$(reads_of_vdb "$1")
	agent "$1" '{"execute":"guest-set-time"}' > /dev/null &
	wait_for 20 "the agent of '$1' is busy" has_told "$1" "$reads"
}

guest_exited() { # NAME PID ANSWER-FILE
	agent "$1" "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":$2}}" > "$3"
	jq -e .return.exited "$3"
}

# Runs a shell command in the guest; its output, its status.
guest_run() {
	local pid answer

	answer=$(mktemp "$SCRATCH/answer-XXXXXX")
	pid=$(guest_spawn "$1" "$2")
	wait_for 120 "the guest has run: $2" guest_exited "$1" "$pid" "$answer"
	jq -r '.return["out-data"] // ""' "$answer" | base64 -d
	jq -r '.return["err-data"] // ""' "$answer" | base64 -d >&2
	return "$(jq -r .return.exitcode "$answer")"
}

stop_guest() {
	virsh -q destroy "$1"
}

is_thawed() {
	[[ $(agent "$1" '{"execute":"guest-fsfreeze-status"}' | jq -r .return) == thawed ]]
}

has_no_backup_job() {
	! virsh backup-dumpxml "$1" > /dev/null 2>&1
}

# Nothing of a run may be left: neither in the guest nor in libvirt nor on the host.
expect_clean() {
	local guest left

	for guest in "$@"; do
		[[ $(virsh domstate "$guest") == running ]] || continue
		has_no_backup_job "$guest" || fail "'$guest' has a backup job"
		if [[ ! -e $SCRATCH/no-agent ]]; then
			is_thawed "$guest" || fail "'$guest' is frozen"
		fi
	done
	for guest in "$@"; do
		[[ $(virsh domstate "$guest") != paused ]] || fail "'$guest' is paused"
	done
	left=$(find /var/lib/virtkeep /run/virtkeep "$VAULT/tmp" "$SCRATCH" \
		\( -path /var/lib/virtkeep/scratch/'*' -o -path /run/virtkeep/'*' \
		-o -path "$VAULT/tmp/*" -o -name '*.virtkeep-*' \) \
		! -name '*.lock' \( ! -type d -o -name '.*.virtkeep-*' \) 2>/dev/null || true)
	[[ -z $left ]] || fail "left behind: $left"
	left=$(ps -eo comm= | awk '/^(qemu-nbd|virtkeep|umount-virtkeep|start-virtkeep)/')
	! grep -q fuse.virtkeep-mount /proc/mounts || {
		left=${left//umount-virtkeep/}
		left=${left//virtkeep-mount/}
	}
	left=${left//$'\n'/ }
	[[ -z ${left// /} ]] || fail "still running: $left"
}

is_mounted() {
	mountpoint -q "$1"
}

# Mounts the vault, and waits until it is there.
mount_vault() {
	mkdir -p "$1"
	virtkeep mount "$1"
	wait_for 20 "'$1' is mounted" is_mounted "$1"
}

# Unmounts, and waits for the end of all mounts' processes.
unmount_vault() {
	umount "$@"
	wait_for 20 "virtkeep-mount ends" not pgrep -x virtkeep-mount
}

if [[ -z ${VK_CASE_SCRATCH:-} ]]; then
	enter_namespaces "$@"
fi
furnish_namespaces
