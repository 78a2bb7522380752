#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Files of a snapshot, put back into the running guest by its agent.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

[[ -x /usr/bin/linux.uml ]] || skip "no user-mode-linux"
noise=$(make_noise 5)
mkdir "$noise/tree"
echo "of root" > "$noise/tree/plain"
echo "with an owner" > "$noise/tree/"$'odd\xff name\n'
chown 77:78 "$noise/tree/"odd*
chmod 2751 "$noise/tree/"odd*
ln -s plain "$noise/tree/link"
chmod 710 "$noise/tree"
mkdir "$noise/etc"
echo "/dev/vda / ext4 defaults 0 1" > "$noise/etc/fstab"
VDA_FILES=$noise define_guest vm stay
start_guest vm
ok virtkeep init
ok virtkeep backup vm

say "put back where they were"
guest_run vm 'cd /mnt/vda && rm -r noise tree && mkdir /mnt/vda/other'
ok virtkeep --json files copy vm:vda:/noise --to-guest vm:/mnt/vda
expect_json .files 1
[[ $(guest_run vm 'sha256sum < /mnt/vda/noise') == $(sha256sum < "$noise/noise") ]] ||
	fail "other bytes came back"
ok virtkeep files copy vm:vda:/tree --to-guest :/mnt/vda
look='stat -c "%a %u:%g %Y" . odd*; readlink link; cat plain odd*'
[[ $(guest_run vm "cd /mnt/vda/tree; $look") == $(cd "$noise/tree"; eval "$look") ]] ||
	fail "the tree differs: $(guest_run vm 'ls -la /mnt/vda/tree')"

guest_run vm 'echo of the guest > /etc/fstab'
refused 3 "exists and stays" virtkeep files copy vm:/etc/fstab --to-guest=
ok virtkeep files copy --overwrite vm:/etc/fstab --to-guest=
[[ $(guest_run vm 'cat /etc/fstab') == "$(cat "$noise/etc/fstab")" ]] || fail "another fstab"

guest_run vm 'rm /etc/fstab'
ok virtkeep files copy vm:/etc/ --to-guest=
[[ $(guest_run vm 'cat /etc/fstab') == "$(cat "$noise/etc/fstab")" ]] || fail "no fstab"

say "what exists stays"
guest_run vm 'echo new > /mnt/vda/tree/plain'
refused 3 "exists and stays" virtkeep files copy vm:vda:/tree/plain --to-guest vm:/mnt/vda/tree
[[ $(guest_run vm 'cat /mnt/vda/tree/plain') == new ]] || fail "it was replaced"
ok virtkeep files copy --overwrite vm:vda:/tree/plain --to-guest vm:/mnt/vda/tree
[[ $(guest_run vm 'cat /mnt/vda/tree/plain') == "of root" ]] || fail "it was not replaced"
refused 6 "it has no directory '/no/such'" virtkeep files copy vm:vda:/noise --to-guest vm:/no/such
refused 2 "name a directory of the guest" virtkeep files copy vm:vda:/noise --to-guest=
refused 2 "it begins with '/'" virtkeep files copy vm:vda:/noise --to-guest vm:mnt
refused 2 "leave out --archive" virtkeep files copy --archive vm:vda:/noise --to-guest=
refused 6 "nobody" virtkeep files copy vm:vda:/noise --to-guest nobody:/mnt/vda

say "no room: nothing is written"
guest_run vm 'mount -t tmpfs -o size=1m tmpfs /mnt/vda/other'
refused 1 "has only" virtkeep files copy vm:vda:/noise --to-guest vm:/mnt/vda/other
[[ -z $(guest_run vm 'ls -A /mnt/vda/other') ]] || fail "something was written"

say "a checksum that differs: what was there stays"
guest_run vm 'echo old > /mnt/vda/noise'
# shellcheck disable=SC2016 # the guest's variables
guest_spawn vm 'until [ -s /mnt/vda/.virtkeep-*/.virtkeep-* ]; do sleep 0.1; done
	echo x | dd of="$(echo /mnt/vda/.virtkeep-*/.virtkeep-*)" conv=notrunc' > /dev/null
refused 1 "its checksum differs" virtkeep files copy --overwrite vm:vda:/noise --to-guest vm:/mnt/vda
[[ $(guest_run vm 'cat /mnt/vda/noise') == old ]] || fail "it was replaced"
[[ $(guest_run vm 'ls -A /mnt/vda') != *virtkeep* ]] || fail "a part of it stays"

say "interrupted in the middle: nothing of it stays"
virtkeep files copy --overwrite vm:vda:/noise --to-guest vm:/mnt/vda > "$OUT" 2> "$ERR" &
job=$!
is_writing() {
	guest_run vm '[ -s /mnt/vda/.virtkeep-*/.virtkeep-* ]'
}
wait_for 60 "it writes" is_writing
kill -TERM "$job"
status=0
wait "$job" || status=$?
[[ $status == 1 ]] || fail "an interrupted run ended with $status"
expect_err interrupted
[[ $(guest_run vm 'cat /mnt/vda/noise; ls -A /mnt/vda') != *virtkeep* ]] || fail "a part of it stays"
[[ $(guest_run vm 'cat /mnt/vda/noise') == old ]] || fail "it was replaced"

say "killed in the middle: what stays is removed by a copy after a day"
virtkeep files copy --overwrite vm:vda:/noise --to-guest vm:/mnt/vda > "$OUT" 2> "$ERR" &
job=$!
wait_for 60 "it writes" is_writing
kill -KILL "$job"
wait "$job" || true
[[ $(guest_run vm 'cat /mnt/vda/noise') == old ]] || fail "it was replaced"
ok virtkeep files copy vm:vda:/tree/plain --to-guest vm:/mnt/vda
[[ $(guest_run vm 'ls -A /mnt/vda') == *.virtkeep-* ]] || fail "what another copy may be writing was removed"
guest_run vm 'touch -d "2020-01-01 00:00" /mnt/vda/.virtkeep-*/.virtkeep-* /mnt/vda/.virtkeep-*'
ok virtkeep files copy --overwrite vm:vda:/tree/plain --to-guest vm:/mnt/vda
expect_err "removed 1 file in '/mnt/vda' that a killed copy had left"
[[ $(guest_run vm 'ls -A /mnt/vda') != *.virtkeep-* ]] || fail "a part of a file stays"

say "frozen, forbidden, off, without an agent"
agent vm '{"execute":"guest-fsfreeze-freeze"}'
refused 4 "virsh domfsthaw vm" virtkeep files copy vm:vda:/noise --to-guest vm:/mnt/vda
agent vm '{"execute":"guest-fsfreeze-thaw"}'
# shellcheck disable=SC2016 # the guest's variables
guest_spawn vm "$ANSWERED"'; killall qemu-ga; while pidof qemu-ga; do sleep 0.1; done
	name=$(grep -lx org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name)
	name=${name%/name}
	qemu-ga -b guest-exec -m virtio-serial -p "/dev/${name##*/}" -t /run -f /run/qemu-ga.pid' > /dev/null
is_forbidden() {
	[[ $(virsh -q qemu-agent-command --timeout 5 vm '{"execute":"guest-info"}' |
		jq '.return.supported_commands[] | select(.name == "guest-exec").enabled') == false ]]
}
wait_for 60 "the agent forbids programs" is_forbidden
refused 1 "'guest-exec' is disabled" virtkeep files copy vm:vda:/noise --to-guest vm:/mnt/vda
stop_guest vm
refused 1 "it is shut off" virtkeep files copy vm:vda:/noise --to-guest vm:/mnt/vda
define_guest mute noagent
virsh -q start mute
refused 1 "no guest agent runs in it" virtkeep files copy vm:vda:/noise --to-guest mute:/mnt/vda
