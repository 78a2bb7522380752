#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirtd absent, and dying in mid-backup.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 160)
VDA_MIB=256
define_guest vm
start_guest vm
ok virtkeep init

say "libvirtd dies in mid-backup"
halt_backup vm
kill_libvirtd
finish_job
[[ $STATUS == 1 ]] || fail "expected exit status 1, got $STATUS"
expect_err "'vm'"
ok virtkeep --json list
expect_json length 0

say "another machine's libvirt: its paths are not ours"
start_libvirtd
printf '#!/bin/sh\nexec virt-ssh-helper qemu:///system\n' > "$SCRATCH/ssh"
chmod +x "$SCRATCH/ssh"
far="qemu+ssh://far.example/system?command=$SCRATCH/ssh"
echo "uri_aliases = [\"far=$far\"]" > /etc/libvirt/libvirt.conf
refused 2 "'qemu+ssh://far.example/system" virtkeep --connect "$far" backup vm
refused 2 "'qemu+ssh://far.example/system" virtkeep --connect far backup vm
ok virtkeep --connect far discover
expect_out vm
kill_libvirtd

say "libvirtd absent"
refused 1 "'qemu:///system'" virtkeep backup vm
refused 1 "'qemu:///system'" virtkeep discover
refused 1 "'nosuch:///here'" virtkeep --connect nosuch:///here discover

say "it comes back while it is asked again: the guest runs, and the next backup works without help"
printf '[backup]\nKVM_CMD_RETRY_COUNT = 0\n' > "$SCRATCH/once.conf"
printf '[backup]\nKVM_CMD_RETRY_COUNT = 8\n' > "$SCRATCH/often.conf"
refused 1 "'qemu:///system'" virtkeep --config "$SCRATCH/once.conf" backup vm
(
	rm -f /run/libvirt/libvirt-sock
	timeout 60 python3 -c 'import socket; refusing = socket.socket(socket.AF_UNIX)
refusing.bind("/run/libvirt/libvirt-sock"); refusing.listen(); refusing.accept()'
	start_libvirtd
) &
ok virtkeep --config "$SCRATCH/often.conf" backup vm
wait "$!"
wait_for 120 "the agent answers" agent vm '{"execute":"guest-ping"}'
expect_clean vm
guest_run vm 'echo alive > /mnt/vda/alive; sync'

say "it dies and is back in mid-backup"
guest_run vm 'dd if=/dev/urandom of=/mnt/vda/noise bs=1M count=120 conv=notrunc; sync'
halt_backup vm
kill_libvirtd
start_libvirtd
finish_job
wait_for 120 "the agent answers" agent vm '{"execute":"guest-ping"}'
expect_clean vm
ok virtkeep backup vm
expect_clean vm
ok virtkeep verify --data
