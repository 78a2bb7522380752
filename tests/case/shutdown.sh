#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest that is shut down, started, or killed in mid-backup, and what becomes of the others.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 160)
VDA_MIB=256
define_guest vm
start_guest vm
ok virtkeep init

# Either a second try gave a snapshot of the guest in its new state, or there is none.
expect_honest() { # GUEST CONSISTENCY
	case $STATUS in
	0)
		ok virtkeep --json show "$1"
		expect_json .consistency "$2"
		;;
	1) expect_err "'$1'" ;;
	*) fail "status $STATUS" ;;
	esac
	expect_clean "$1"
	ok virtkeep verify --data
}

say "shut down"
halt_backup vm
stop_guest vm
finish_job
expect_honest vm offline
ok virtkeep backup vm

say "started: the start must work at once"
VDA_FILES=$(make_noise 160)
define_guest cold
halt_backup cold
start_guest cold
finish_job
expect_honest cold filesystem

say "one of three is killed, one shut down: the third is saved, and all is well with the next backup"
for guest in two three; do
	cp -r "$SCRATCH/guests/vm" "$SCRATCH/guests/$guest"
	guest_xml "$guest" "$SCRATCH/guests/$guest" "" > "$SCRATCH/define.xml"
	virsh -q define "$SCRATCH/define.xml"
done
for guest in vm two three; do
	start_guest "$guest"
	guest_run "$guest" 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=80 conv=notrunc,fsync
		2> /dev/null'
done
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/released <<-'HOOK'
	#!/bin/sh
	[ "$VIRTKEEP_PHASE" != post-thaw ] || : > "/run/released-$VIRTKEEP_GUEST"
HOOK
chmod 755 /etc/virtkeep/hooks.d/released
are_released() {
	[[ -e /run/released-vm && -e /run/released-two && -e /run/released-three ]]
}
# Halted while one of them is held, it would leave that to the guard; so slowly none is read by then.
virtkeep backup --json --limit-rate=40 vm two three < /dev/null > "$OUT" 2> "$ERR" &
JOB=$!
wait_for 60 "all three go on" are_released
kill -STOP "$JOB"
rm /etc/virtkeep/hooks.d/released
kill -KILL "$(cat /run/libvirt/qemu/vm.pid)"
stop_guest two
finish_job
[[ $STATUS == 0 || $STATUS == 3 ]] || fail "status $STATUS"
expect_json '.snapshots[] | select(.guest == "three").consistency' filesystem
for guest in vm two; do
	grep -F "guest '$guest'" "$ERR" || fail "nothing was said of '$guest'"
	consistency=$(jq -r ".snapshots[] | select(.guest == \"$guest\").consistency" "$OUT")
	[[ -z $consistency || $consistency == offline ]] || fail "'$guest': $consistency"
done
expect_clean vm two three
ok virtkeep verify --data
start_guest vm
ok virtkeep backup vm two three
expect_clean vm two three
