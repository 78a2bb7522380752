#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests that migrate between two hosts with common storage: before a backup, in the midst of one, and
# while they are frozen or suspended. The second host is another libvirtd with a name and directories
# of its own.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

HERE=$LIBVIRT_DEFAULT_URI
THERE="qemu+unix:///system?socket=$SCRATCH/second/run/libvirt/libvirt-sock"

start_second_host() {
	mkdir -p "$SCRATCH/second/run" "$SCRATCH/second/etc"
	cp -r /etc/libvirt/. "$SCRATCH/second/etc"
	echo 'host_uuid = "11111111-2222-3333-4444-555555555555"' \
		>> "$SCRATCH/second/etc/libvirtd.conf"
	# shellcheck disable=SC2016 # the other shell's arguments
	unshare --mount --uts --propagation slave bash -euc '
		hostname second
		mount --bind "$1/run" /run
		mount --bind "$1/etc" /etc/libvirt
		for directory in /var/lib /var/log /var/cache; do
			mount -t tmpfs -o mode=755 tmpfs "$directory"
		done
		mkdir -p /run/lock /var/log/libvirt/qemu
		libvirtd -d -p /run/libvirtd.pid
		echo $$ > "$1/pid"
		exec sleep infinity' second "$SCRATCH/second" &
	wait_for 20 "the second host is complete" test -s "$SCRATCH/second/pid"
	wait_for 20 "the second libvirtd answers" virsh -c "$THERE" version
}

there() { # COMMAND...: on the second host
	nsenter --target "$(cat "$SCRATCH/second/pid")" --mount --uts "$@"
}

migrate() { # FROM TO [OPTION...]: vm, live
	local from=$1 to=$2

	shift 2
	sockets=$((sockets + 1))
	virsh -q -c "$from" migrate --live --unsafe --persistent "$@" vm "$to" \
		--migrateuri "unix://$SCRATCH/sockets/$sockets"
}

is_at() { # URI
	[[ $(virsh -q -c "$1" domstate vm) == running ]]
}

is_paused() { # URI
	[[ $(virsh -q -c "$1" domstate vm) == paused ]]
}

is_leaving() {
	[[ $(virsh domjobinfo vm) == *'Outgoing migration'* ]]
}

# saved URI TARGET=MODE...: backs vm up where it is and compares it with a copy.
saved() {
	local uri=$1 word where=()

	shift
	[[ $uri == "$HERE" ]] || where=(there)
	virsh -q -c "$uri" suspend vm
	for word; do
		copy_disk "${word%=*}"
	done
	ok "${where[@]}" virtkeep --json backup vm
	virsh -q -c "$uri" resume vm
	for word; do
		expect_json ".snapshots[0].disks[] | select(.target == \"${word%=*}\").mode" \
			"${word#*=}"
		expect_same "$(jq -r '.snapshots[0].snapshot' "$OUT")" "${word%=*}"
	done
}

copy_disk() {
	local images=("$SCRATCH/guests/vm/$1".*)

	qemu-img convert -U -O raw "${images[0]}" "$SCRATCH/copy-$1"
}

expect_same() { # REFERENCE TARGET
	virtkeep restore "$1" --disk "$2=$SCRATCH/restored" --format raw > /dev/null
	same_file "$SCRATCH/restored" "$SCRATCH/copy-$2"
	rm "$SCRATCH/restored"
}

# shellcheck disable=SC2016 # the guest's variables
write_in() { # URI
	LIBVIRT_DEFAULT_URI=$1 guest_run vm \
		'for disk in /mnt/vd*; do dd if=/dev/urandom of=$disk/new bs=64k count=4; done; sync' \
		2> /dev/null
}

count_snapshots() {
	virtkeep list --json vm | jq length
}

sockets=0
mkdir -m 777 "$SCRATCH/sockets"
# A QEMU that comes from elsewhere cannot have a /dev of its own here.
echo 'namespaces = []' >> /etc/libvirt/qemu.conf
kill_libvirtd
start_libvirtd
start_second_host
VDA_FILES=$(make_noise 8) define_guest vm
# The host that it leaves takes its images from QEMU, which opens them there only when it runs.
chmod 666 "$SCRATCH"/guests/vm/*
define_guest other
start_guest vm
start_guest other
ok virtkeep init
saved "$HERE" vda=full vdb=full
write_in "$HERE"

say "a guest that came from another host: its bitmap came along, its checkpoint is in the vault"
migrate "$HERE" "$THERE"
saved "$THERE" vda=incremental vdb=compare
expect_json '.snapshots[0].host' second
write_in "$THERE"
saved "$THERE" vda=incremental

say "what it left here is off, and is not taken for the guest"
before=$(count_snapshots)
refused 4 "was migrated to another host" virtkeep backup vm
# Then libvirt does not know any more why it is off.
kill_libvirtd
start_libvirtd
refused 4 "runs on another host" virtkeep backup vm
[[ $(count_snapshots) == "$before" ]] || fail "a guest was backed up where it does not run"
run virtkeep --json doctor
expect_json '.[].kind' image
refused 4 "on another host" virtkeep restore --in-place "$(newest vm)"
is_at "$THERE" || fail "the guest does not run any more"

say "and back, where an old checkpoint is left of it"
write_in "$THERE"
migrate "$THERE" "$HERE" --undefinesource
saved "$HERE" vda=incremental vdb=compare
[[ $(virsh checkpoint-list vm --name | grep -c '^virtkeep-') == 1 ]] ||
	fail "not one checkpoint: $(virsh checkpoint-list vm --name)"

say "a backup keeps the guest here until it ends"
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/more bs=1M count=34 2>/dev/null; sync'
halt_backup vm
migrate "$HERE" "$THERE" --undefinesource &
migration=$!
finish_job
expect_status 0
wait "$migration" || fail "the guest did not leave"
is_at "$THERE" || fail "the guest did not arrive"
ok virtkeep verify --data
saved "$THERE" vda=incremental
migrate "$THERE" "$HERE" --undefinesource

say "while it leaves, it is left alone, here and there; the others are saved"
migrate "$HERE" "$THERE" --bandwidth 1 &
migration=$!
wait_for 20 "the migration is under way" is_leaving
for how in '' --group; do
	# shellcheck disable=SC2086 # no word, or one
	run virtkeep --json backup $how vm other
	expect_status 3
	expect_json '.snapshots[].guest' other
	expect_json '.failed[].guest' vm
	expect_err "is being migrated"
done
is_leaving || fail "the migration did not go on"
is_thawed vm || fail "it is frozen"
run there virtkeep backup vm
expect_status 4
expect_err "is being migrated"
virsh migrate-setspeed vm 1000
wait "$migration" || fail "the guest did not leave"
is_at "$THERE" || fail "the guest did not arrive"
expect_clean other
saved "$THERE" vda=incremental
migrate "$THERE" "$HERE"

say "gone before its backup could begin"
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/leave <<-HOOK
	#!/bin/sh
	[ "\$VIRTKEEP_PHASE \$VIRTKEEP_GUEST" = "pre-freeze vm" ] || exit 0
	virsh -q migrate --live --unsafe --persistent vm '$THERE' --migrateuri unix://$SCRATCH/sockets/hook
HOOK
chmod 755 /etc/virtkeep/hooks.d/leave
before=$(count_snapshots)
run virtkeep --json backup vm other
expect_status 3
expect_json '.snapshots[].guest' other
expect_err "was migrated to another host"
[[ $(count_snapshots) == "$before" ]] || fail "a guest was backed up where it does not run"
rm /etc/virtkeep/hooks.d/leave
expect_clean other
saved "$THERE" vda=incremental
migrate "$THERE" "$HERE" --undefinesource

say "gone while it was frozen: that is said, with the remedy"
make_late other 4
virtkeep backup --group vm other > "$OUT" 2> "$ERR" < /dev/null &
JOB=$!
wait_for 20 "the guest is frozen" not is_thawed vm
migrate "$HERE" "$THERE"
finish_job
expect_status 3
expect_err "left this host while it was frozen"
expect_err "virsh domfsthaw $(virsh domuuid vm)"
virsh -q -c "$THERE" domfsthaw vm
LIBVIRT_DEFAULT_URI=$THERE is_thawed vm || fail "it is frozen"
expect_clean other
saved "$THERE" vda=incremental
migrate "$THERE" "$HERE" --undefinesource

say "leaving when it is to be suspended: it is not, and runs on"
cat > /etc/virtkeep/hooks.d/wait <<-'HOOK'
	#!/bin/sh
	[ "$VIRTKEEP_PHASE $VIRTKEEP_GUEST" = "pre-freeze vm" ] || exit 0
	: > /run/at-hook
	cat /run/go-on
HOOK
chmod 755 /etc/virtkeep/hooks.d/wait
mkfifo /run/go-on
virtkeep --json backup --quiesce suspend --group vm other > "$OUT" 2> "$ERR" < /dev/null &
JOB=$!
wait_for 20 "the hook runs" test -e /run/at-hook
migrate "$HERE" "$THERE" --bandwidth 1 &
migration=$!
wait_for 20 "the migration is under way" is_leaving
: > /run/go-on
finish_job
expect_status 3
expect_json '.snapshots[].guest' other
expect_json '.failed[].guest' vm
expect_err "is being migrated"
! grep -q "state change lock" "$ERR" || fail "it waited for the migration"
is_leaving || fail "the migration did not go on"
is_at "$HERE" || fail "the guest is $(virsh domstate vm)"
virsh migrate-setspeed vm 1000
wait "$migration" || fail "the guest did not leave"
is_at "$THERE" || fail "the guest did not arrive running"
rm /etc/virtkeep/hooks.d/wait
expect_clean other
saved "$THERE" vda=incremental
migrate "$THERE" "$HERE" --undefinesource

# backup_suspended: a group of vm, which is suspended, and other, for which it waits.
backup_suspended() {
	make_late other 4
	virtkeep --json backup --group vm other > "$OUT" 2> "$ERR" < /dev/null &
	JOB=$!
	wait_for 20 "the guest is suspended" is_paused "$HERE"
}

expect_other_saved() {
	finish_job
	expect_status 3
	expect_json '.snapshots[].guest' other
	expect_json '.failed | map(.guest) | unique[]' vm
}

# It is suspended there, which was said, with what to do about it.
expect_left_suspended() {
	expect_err "left this host while it was suspended"
	expect_err "run 'virsh resume $(virsh domuuid vm)' on the host where it is now"
	is_paused "$THERE" || fail "it is $(virsh -c "$THERE" domstate vm)"
	[[ $(virsh domstate vm) == 'shut off' ]] || fail "it is $(virsh domstate vm) here"
	! grep -q suspended /run/virtkeep/*.lock || fail "it is noted as suspended here"
	virsh -q -c "$THERE" resume "$(virsh domuuid vm)"
	expect_clean other
	saved "$THERE" vda=incremental
	migrate "$THERE" "$HERE" --undefinesource
}

printf '[guest vm]\nquiesce = suspend\n' > /etc/virtkeep/virtkeep.conf
say "gone while it was suspended: that is said, with the remedy"
backup_suspended
migrate "$HERE" "$THERE"
expect_other_saved
expect_left_suspended

say "the same while it leaves more slowly than it is to go on"
backup_suspended
migrate "$HERE" "$THERE" --bandwidth 1 &
migration=$!
wait_for 20 "the migration is under way" is_leaving
wait_for 20 "the backup of the other has begun" not has_no_backup_job other
is_leaving || fail "the guest has left before its time"
virsh migrate-setspeed vm 1000
wait "$migration" || fail "the guest did not leave"
expect_other_saved
expect_left_suspended

say "the same, but it stays in the end: it runs on, and is saved"
backup_suspended
migrate "$HERE" "$THERE" --bandwidth 1 2> /dev/null &
migration=$!
wait_for 20 "the migration is under way" is_leaving
wait_for 20 "the backup of the other has begun" not has_no_backup_job other
virsh domjobabort vm
! wait "$migration" || fail "the guest has left"
finish_job
expect_status 0
is_at "$HERE" || fail "the guest is $(virsh domstate vm)"
expect_clean vm other
saved "$HERE" vda=incremental

say "gone while it was suspended, and its backup killed: the guard says it"
backup_suspended
migrate "$HERE" "$THERE"
kill -KILL "$JOB"
finish_job
wait_for 30 "the guard has ended" not pgrep -f '^virtkeep guard'
wait_for 30 "the agent is back" agent other '{"execute":"guest-ping"}'
[[ $(grep -c "left this host" "$ERR") == 1 ]] || fail "it was not said once"
expect_left_suspended

say "and the guard with it: the next backup says it"
backup_suspended
kill -KILL "$(pgrep -f '^virtkeep guard')" "$JOB"
finish_job
is_paused "$HERE" || fail "the guest is $(virsh domstate vm)"
migrate "$HERE" "$THERE"
refused 4 "was migrated to another host" virtkeep backup vm
wait_for 30 "the agent is back" agent other '{"execute":"guest-ping"}'
expect_left_suspended
saved "$HERE" vda=incremental
ok virtkeep verify --data
