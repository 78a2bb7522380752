#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A user without any rights, and the guests of his own libvirt: nothing has to be configured.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

home=$SCRATCH/home
mkdir "$home" "$home/run"
define_guest vm
virsh -q undefine vm
cp -r "$SCRATCH/guests/vm/." "$home"
sed -e "s,$SCRATCH/guests/vm,$home," "$SCRATCH/define.xml" > "$home/vm.xml"
chown -R nobody "$home"
chmod 700 "$home/run"

as_user() {
	setpriv --reuid=nobody --regid=nogroup --clear-groups env -i "PATH=$PATH" "HOME=$home" \
		"XDG_RUNTIME_DIR=$home/run" "VIRTKEEP_VAULT=$home/vault" "$@"
}

as_user virsh -q -c qemu:///session define "$home/vm.xml" ||
	skip "libvirt has no session for a user here"
as_user virsh -q -c qemu:///session start vm
answers() {
	as_user virsh -q -c qemu:///session qemu-agent-command --timeout 20 vm \
		'{"execute":"guest-ping"}' > /dev/null
}
wait_for 120 "the agent answers" answers

say "running: by a bitmap from the second backup on"
ok as_user virtkeep init
ok as_user virtkeep --json backup vm
expect_json '.snapshots[0].consistency' filesystem
expect_json '.snapshots[0].disks[0].mode' full
ok as_user virtkeep --json backup vm
expect_json '.snapshots[0].disks[0].mode' incremental
[[ -z $(find "$home/run/virtkeep" "$home/.local/share/virtkeep" -type f ! -name '*.lock' ! -path '*/history/*') ]] ||
	fail "something is left behind"

say "off, and all of it comes back beside the original"
as_user virsh -q -c qemu:///session destroy vm
ok as_user virtkeep --json backup vm
expect_json '.snapshots[0].consistency' offline
mkdir "$home/new"
chown nobody "$home/new"
ok as_user virtkeep restore vm --as again --to "$home/new"
ok as_user virsh -q -c qemu:///session domstate again
ok as_user virtkeep verify --data
ok as_user virtkeep doctor
expect_out 'nothing found'
[[ $(stat -c %U "$home/vault") == nobody ]] || fail "the vault is not the user's"
