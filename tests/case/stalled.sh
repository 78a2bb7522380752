#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What QEMU does long after it was asked to, since it is held up by its storage say: it begins a backup
# job, or suspends the guest. Whoever asked is gone by then, and the guard undoes it.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

# The call has the guest's lock in libvirtd, and keeps it as long as QEMU does not answer.
is_stalled() {
	local status=0

	timeout 1 virsh domjobinfo vm || status=$?
	((status == 124))
}

begin_backup() { # QUIESCE: sets JOB
	virtkeep backup --quiesce "$1" vm < /dev/null > "$OUT" 2> "$ERR" &
	JOB=$!
	wait_for 60 "QEMU is asked in vain" is_stalled
}

is_over() {
	! pgrep -f '^virtkeep guard' && timeout 5 virsh domjobinfo vm
}

go_on() {
	kill -CONT "$(< /run/libvirt/qemu/vm.pid)"
	wait_for 60 "the guard has ended" is_over
	expect_clean vm
}

define_guest vm noagent
touch "$SCRATCH/no-agent"
virsh -q start vm
ok virtkeep init
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/halt <<-'HOOK'
	#!/bin/sh
	[ "$1" != pre-freeze ] || kill -STOP "$(cat /run/libvirt/qemu/vm.pid)"
HOOK
chmod 755 /etc/virtkeep/hooks.d/halt

# Libvirtd cannot tell how it stands for longer than it lets anybody wait.
for call in none:remoteDispatchDomainBackupBegin suspend:remoteDispatchDomainSuspend; do
	say "the backup is killed in ${call#*:}"
	begin_backup "${call%:*}"
	kill -KILL "$JOB"
	wait "$JOB" || true
	refused 1 "${call#*:}" virsh domjobinfo vm
	go_on
done

say "the backup loses its connection, and gives up"
begin_backup none
for id in $(virt-admin client-list libvirtd | awk '$1 ~ /^[0-9]+$/ { print $1 }'); do
	virt-admin client-disconnect libvirtd "$id" > /dev/null
done
finish_job
expect_status 1
expect_err 'may still run'
go_on

rm -r /etc/virtkeep/hooks.d
ok virtkeep backup --quiesce none vm
expect_clean vm
