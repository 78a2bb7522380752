#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A mount has given up its privileges once it serves, and still does all that it has to do.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

# A container may not have all of them.
mine=$(awk '/^CapEff:/ { print $2 }' /proc/self/status)
kept=$(printf %016x $((0x$mine & 0x1000006)))

define_guest vm
ok virtkeep init
ok virtkeep backup vm
first=$(newest vm)

# expect_confined CAPABILITIES: of each thread of each mount.
expect_confined() {
	local file count=0

	for file in $(pgrep -x virtkeep-mount | sed 's|.*|/proc/&/task/*/status|'); do
		((count += 1))
		[[ $(awk '/^NoNewPrivs:|^Seccomp:/ { print $2 }' "$file" | xargs) == '1 2' ]] ||
			fail "$file: $(grep -E '^NoNewPrivs|^Seccomp' "$file")"
		[[ $(awk '/^Cap(Prm|Eff|Inh|Amb):/ && $2 !~ /^0+$/ { print $2 }' "$file" | sort -u) == "${1-}" ]] ||
			fail "$file: $(grep ^Cap "$file")"
	done
	((count > 3)) || fail "only $count threads"
}

is_confined() {
	(expect_confined "$@")
}

has_ended() {
	not pgrep -x 'virtkeep-mount|umount-virtkeep'
}

say "as root: no capability but to read and lock any vault, and large pipes"
mount_vault "$SCRATCH/mnt"
view=$SCRATCH/mnt/guests/vm/latest
cat "$view/vda.raw" "$view/vdb.raw" > /dev/null
wait_for 20 "the mount is confined" is_confined "$kept"
[[ $(awk '/^CapBnd:/ { print $2 }' "/proc/$(pgrep -x virtkeep-mount)/status") == "$kept" ]] ||
	fail "it could get capabilities by a program"
pgrep -x umount-virtkeep > /dev/null || fail "no process will unmount it"

say "leases, the snapshots that come and go, and the log"
exec 7< "$view/vdb.raw"
[[ -n $(find "$VAULT/leases" -type f) ]] || fail "no lease for an open file"
ok virtkeep backup vm
wait_for 20 "the new snapshot is there" test -e "$SCRATCH/mnt/guests/vm/$(newest vm | sed 's/.*@//')"
ok virtkeep forget "$first"
wait_for 20 "the old one is gone" not test -e "$SCRATCH/mnt/guests/vm/${first#*@}"
cat <&7 | cmp - "$SCRATCH/guests/vm/vdb.raw" || fail "an open file changed when its snapshot was forgotten"
exec 7<&-
expect_confined "$kept"
unmount_vault "$SCRATCH/mnt"
[[ -z $(find "$VAULT/leases" -type f) ]] || fail "a lease is left: $(ls "$VAULT/leases")"

say "a signal unmounts, and no process is left, even after SIGKILL"
mount_vault "$SCRATCH/mnt"
pkill -TERM -x virtkeep-mount
wait_for 20 "it is unmounted" not is_mounted "$SCRATCH/mnt"
wait_for 20 "all processes end" has_ended
mount_vault "$SCRATCH/mnt"
pkill -KILL -x virtkeep-mount
wait_for 20 "the mount is dead" not ls "$SCRATCH/mnt"
wait_for 20 "all processes end" has_ended
umount "$SCRATCH/mnt"

say "as a user, whom fusermount3 helps"
# Not every container lets all users have it.
mknod -m 666 "$SCRATCH/fuse" c 10 229
mount --bind "$SCRATCH/fuse" /dev/fuse
chown -R nobody "$VAULT"
mkdir "$SCRATCH/own"
chown nobody "$SCRATCH/own"
as_nobody() {
	setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/nonexistent "$@"
}
ok as_nobody virtkeep-mount "$VAULT" "$SCRATCH/own"
wait_for 20 "the mount is confined" is_confined ''
ok as_nobody cmp "$SCRATCH/own/guests/vm/latest/vdb.raw" "$SCRATCH/guests/vm/vdb.raw"
pkill -TERM -x virtkeep-mount
wait_for 20 "it is unmounted" not is_mounted "$SCRATCH/own"
wait_for 20 "all processes end" has_ended
expect_clean vm
