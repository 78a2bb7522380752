#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests whose disks are raw LUNs of an ONTAP array: taken while they run, read and restored through
# clones. The array is the stand-in of tests/ontap, a LUN is a loop device on its file, and what the
# kernel, udev and multipathd would make of that is a tree of sysfs and device nodes of the test's own.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/case/ontap-lib.sh
. "${0%/*}/ontap-lib.sh"

declare -A SERIALS=([l1]='81L*C?W+$]/|' [l2]='81LJC?WtqyyX' [l3]='81LJC?WtqyyY')

make_filer 1024 v
mkdir -p "$SCRATCH/dev/mapper" "$SCRATCH/sys/block" "$SCRATCH/sys/class/scsi_host/host0"
: > "$SCRATCH/sys/class/scsi_host/host0/scan"
export VIRTKEEP_SYSFS=$SCRATCH/sys VIRTKEEP_DEV=$SCRATCH/dev

# The stand-in calls it: map|unmap FILE SERIAL NUMBER IGROUP. The host has to let go of a device
# before its LUN is unmapped. A process holds the loop device, which goes with it: none is left,
# however the case ends.
cat > "$SCRATCH/hook" <<-HOOK
	#!/bin/bash
	set -eu
	dm=$SCRATCH/sys/block/dm-\$4 sd=$SCRATCH/sys/block/sd\$4 node=$SCRATCH/dev/dm-\$4
	if [[ \$1 == map ]]; then
		loop=\$(losetup --find --show "\$2")
		mkdir -p "\$dm/dm" "\$dm/slaves/sd\$4" "\$sd/device"
		echo "mpath-3600a0980\$(printf %s "\$3" | od -An -v -tx1 | tr -d ' \\n')" > "\$dm/dm/uuid"
		blockdev --getsz "\$loop" > "\$dm/size"
		printf '\\0\\x80\\0\\x0c%s' "\$3" > "\$sd/device/vpd_pg80"
		: > "\$sd/device/delete"
		exec 8< "\$loop"
		sleep infinity <&8 > /dev/null 2>&1 &
		echo \$! > "\$sd/holder"
		losetup --detach "\$loop"
		mknod -m 600 "\$node" b \$((0x\$(stat -c %t "\$loop"))) \$((0x\$(stat -c %T "\$loop")))
		ln -s "../dm-\$4" "$SCRATCH/dev/mapper/lun\$4"
	elif [[ -e \$dm ]]; then
		[[ \$(< "\$sd/device/delete") == 1 ]] || touch $SCRATCH/torn
		kill "\$(< "\$sd/holder")"
		rm -r "\$dm" "\$sd" "\$node" "$SCRATCH/dev/mapper/lun\$4"
	fi
HOOK
chmod 755 "$SCRATCH/hook"

lun() { # NAME NUMBER
	jq -nc --arg name "$1" --arg serial "${SERIALS[$1]}" --argjson number "$2" \
		'{$name, $serial, size: 33554432, maps: [{igroup: "kvm", $number}]}'
}
jq -n --arg scratch "$SCRATCH" --argjson luns "[$(lun l1 0), $(lun l2 1), $(lun l3 2)]" '
	{clusters: [{name: "c1", users: [{name: "admin", password: "secret"}],
	  hooks: {map: "\($scratch)/hook", unmap: "\($scratch)/hook"},
	  svms: [{name: "s", iscsi: "iqn.1992-08.com.netapp:sn.1", igroups: [{name: "kvm"}],
	    lifs: [{name: "lif1", address: "127.0.0.1"}],
	    volumes: [{name: "v", directory: "\($scratch)/filer/v", luns: $luns}]}]}]}' \
	> "$SCRATCH/topology.json"
start_array filer
for name in l1 l2 l3; do
	mkfs.ext4 -q -F -E lazy_itable_init=0 "$SCRATCH/filer/v/$name"
	"$SCRATCH/hook" map "$SCRATCH/filer/v/$name" "${SERIALS[$name]}" "$((${name#l} - 1))" kvm
done

define_on_luns() { # GUEST NUMBER...: of the LUNs that are vda, vdb
	local number target=a disks=

	for number in "${@:2}"; do
		disks+="<disk type='block' device='disk'><driver name='qemu' type='raw'/>"
		disks+="<source dev='$SCRATCH/dev/mapper/lun$number'/>"
		disks+="<target dev='vd$target' bus='virtio'/></disk>"
		target=b
	done
	guest_xml "$1" /nowhere "" | awk -v disks="$disks" '
		/<disk / { inside = 1; if (!told++) print disks }
		!inside { print }
		/<\/disk>/ { inside = 0 }' > "$SCRATCH/define.xml"
	virsh -q define "$SCRATCH/define.xml"
}
define_on_luns one 0 1
define_on_luns two 2
start_guest one
start_guest two
ok virtkeep init

# Only the LUNs and their maps are there, and the host let go of each device before it went.
expect_no_clone() {
	[[ $(state luns | jq length) == 3 ]] || fail "LUNs are left: $(state luns)"
	[[ $(state maps | jq length) == 3 ]] || fail "maps are left: $(state maps)"
	[[ ! -e $SCRATCH/torn ]] || fail "a LUN was unmapped that the host still had"
}
write_in() {
	# shellcheck disable=SC2016 # the guest's variables
	guest_run one 'for disk in vda vdb; do
		dd if=/dev/urandom of=/mnt/$disk/new bs=64k count=20 2>/dev/null; done; sync'
}
copy_luns() { # NUMBER: of guest one, which is suspended
	for name in l1 l2; do
		cp "$SCRATCH/filer/v/$name" "$SCRATCH/$1-$name"
	done
}
expect_luns() { # REFERENCE NUMBER
	virtkeep --quiet restore "$1" --disk "vda=$SCRATCH/restored-l1" \
		--disk "vdb=$SCRATCH/restored-l2" --format raw > /dev/null
	for name in l1 l2; do
		same_file "$SCRATCH/restored-$name" "$SCRATCH/$2-$name"
		rm "$SCRATCH/restored-$name"
	done
	expect_no_clone
}

say "all LUNs of the volume are taken by one snapshot, their guests held together"
forget_requests
ok virtkeep --json backup --mode array --all
expect_json '.snapshots | length' 2
expect_json '[.snapshots[].group] | unique | length' 1
expect_json '[.snapshots[].consistency] | unique | join(" ")' filesystem
expect_json '[.snapshots[].disks[].copies[]] | unique | join(" ")' filer
[[ $(requests | grep -c '^POST .*/snapshots$') == 1 ]] || fail "not one POST: $(requests)"
expect_no_clone
expect_clean one two

say "each is the guest as it was, on the array, in the mount, and in the vault"
write_in
virsh -q suspend one
copy_luns 1
ok virtkeep --json backup --mode array one
virsh -q resume one
first=$(newest one)
write_in
expect_luns "$first" 1
mount_vault "$SCRATCH/mnt"
same_file "$SCRATCH/mnt/guests/one/latest/vda.raw" "$SCRATCH/1-l1"
unmount_vault "$SCRATCH/mnt"
expect_no_clone
ok virtkeep copy "$first"
ok virtkeep verify --data

say "a copy for the vault in the same run"
virsh -q suspend one
copy_luns 2
! cmp -s "$SCRATCH/1-l1" "$SCRATCH/2-l1" || fail "the guest wrote nothing"
ok virtkeep --json backup --mode array+vault one
virsh -q resume one
expect_json '[.snapshots[0].disks[].copies | sort | join(" ")] | unique | join(",")' 'filer vault'
expect_luns "$(newest one)" 2

say "in place, by the array: a LUN stays the one that it was, with its maps"
stop_guest one
forget_requests
state luns > "$SCRATCH/luns"
state maps > "$SCRATCH/maps"
refused 1 "--force" virtkeep restore "$first" --in-place
mkdir "$SCRATCH/held"
mount -o ro,noload "$SCRATCH/dev/mapper/lun1" "$SCRATCH/held"
copy_luns held
refused 4 "is mounted or held" virtkeep restore "$first" --in-place --force
umount "$SCRATCH/held"
same_file "$SCRATCH/filer/v/l1" "$SCRATCH/held-l1"
same_file "$SCRATCH/filer/v/l2" "$SCRATCH/held-l2"
! requests | grep -q '^PATCH /api/storage/luns/' || fail "a LUN was overwritten: $(requests)"
ok virtkeep --verbose restore "$first" --in-place --force
[[ $(requests | grep -c '^PATCH /api/storage/luns/') == 2 ]] || fail "not cloned: $(requests)"
! requests | grep -q '^PATCH /api/storage/volumes' || fail "the volume was touched: $(requests)"
same_file "$SCRATCH/filer/v/l1" "$SCRATCH/1-l1"
same_file "$SCRATCH/filer/v/l2" "$SCRATCH/1-l2"
state luns | cmp - "$SCRATCH/luns"
state maps | cmp - "$SCRATCH/maps"
expect_no_clone
start_guest one
guest_run one 'test -s /mnt/vda/new && test -s /mnt/vdb/new'

say "of a reader that was killed doctor tells the clone, and the next backup removes it"
ok virtkeep backup --mode array one
mount_vault "$SCRATCH/mnt"
exec 7< "$SCRATCH/mnt/guests/one/latest/vda.raw"
head -c 1 <&7 > /dev/null
[[ $(state luns | jq length) == 4 ]] || fail "no clone is read: $(state luns)"
ok virtkeep doctor one
pkill -KILL -x virtkeep-mount
exec 7<&-
umount -l "$SCRATCH/mnt"
run virtkeep --json doctor one
expect_status 5
expect_json '.[].kind' array
expect_json '.[].finding | contains("/vol/v/virtkeep_clone_")' true
ok virtkeep backup --mode array one
expect_no_clone
ok virtkeep doctor one two
expect_clean one two
