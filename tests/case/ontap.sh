#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests on one NFS export of an ONTAP array: held together, one snapshot of the volume for all, read,
# restored, replicated, kept and expired. The array is the stand-in of tests/ontap, and the export a
# bind mount that a mountinfo file presents as NFS.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/case/ontap-lib.sh
. "${0%/*}/ontap-lib.sh"

make_filer 2048 vm vm_dst
mount_export 127.0.0.1:/vmstore vm "$SCRATCH/nfs"
mount_export 127.0.0.2:/dst vm_dst "$SCRATCH/secondary" ro

cat > "$SCRATCH/topology.json" <<-JSON
	{"clusters": [{
	  "name": "c1", "users": [{"name": "admin", "password": "secret"}],
	  "svms": [{"name": "s", "lifs": [{"name": "lif1", "address": "127.0.0.1"}],
	    "volumes": [{"name": "vm", "directory": "$SCRATCH/filer/vm", "junction": "/vmstore"}]}]},
	 {"name": "c2", "users": [{"name": "admin", "password": "secret"}],
	  "svms": [{"name": "d", "lifs": [{"name": "lif2", "address": "127.0.0.2"}],
	    "volumes": [{"name": "vm_dst", "directory": "$SCRATCH/filer/vm_dst", "junction": "/dst"}]}],
	  "policies": [{"name": "P", "retention": [{"label": "daily", "count": "1"}]}],
	  "relationships": [{"source": "s:vm", "destination": "d:vm_dst", "policy": "P"}]}]}
JSON
start_array filer second

guests=(one two off)
for guest in "${guests[@]}"; do
	GUEST_DIRECTORY=$SCRATCH/nfs/$guest VDA_MIB=32 VDB_MIB=16 define_guest "$guest"
done
start_guest one
start_guest two
ok virtkeep init

say "all on one volume are held together, and taken by one snapshot of it"
ok virtkeep --json backup --mode array --all
expect_json '.snapshots | length' 3
expect_json '[.snapshots[].group] | unique | length' 1
expect_json '[.snapshots[] | select(.guest != "off").consistency] | unique | join(" ")' filesystem
expect_json '[.snapshots[].disks[].copies[]] | unique | join(" ")' filer
[[ $(on_volume vm) == 1 ]] || fail "$(on_volume vm) snapshots of the volume, not one"
[[ $(requests | grep -c '^POST .*/snapshots$') == 1 ]] || fail "not one POST: $(requests)"
expect_clean one two

say "each is the guest as it was, from the array and in the vault"
virsh -q suspend one
copy_disks one 1
ok virtkeep --json backup --mode array+vault one
virsh -q resume one
first=$(newest one)
expect_same "$first" 1
ok virtkeep verify --data
guest_run one 'dd if=/dev/urandom of=/mnt/vda/new bs=64k count=20 2>/dev/null; sync'
virsh -q suspend one
copy_disks one 2
ok virtkeep backup --mode array one
virsh -q resume one
second_one=$(newest one)
expect_same "$second_one" 2
# As virtkeep-arrays(7) tells it.
file=$(basename "$VAULT/snaps/$(virsh domuuid one)/${second_one#*@}-"*.json .json)
comment="virtkeep $(jq -r .id "$VAULT/vault.json" | head -n 1) $(virsh domuuid one) ${file##*-}"
call "${PORTS[0]}" GET /control/state |
	jq -e --arg comment "$comment" '.snapshots | any(.comment == $comment)' > /dev/null ||
	fail "no comment '$comment'"
mount_vault "$SCRATCH/mnt"
cmp "$SCRATCH/mnt/guests/one/latest/vda.raw" "$SCRATCH/2-vda" || fail "the mount differs"
unmount_vault "$SCRATCH/mnt"
ok virtkeep copy "$second_one"
ok virtkeep verify --data

say "in place, by the array itself"
forget_requests
ok virtkeep --verbose restore "$first" --in-place
requests | grep -q 'POST /api/storage/file/clone' || fail "not cloned: $(requests)"
! requests | grep -q '^PATCH /api/storage/volumes' || fail "the volume was touched: $(requests)"
wait_for 120 "the agent" agent one '{"execute":"guest-ping"}'
virsh -q shutdown one
wait_for 60 "one is off" eval "[[ \$(virsh domstate one) == 'shut off' ]]"
ok virtkeep backup --mode vault one
start_guest one

say "the array restores, and nothing but what is named is ever deleted"
forget_requests
printf '[array]\nNTAP_SNAPSHOT_RETENTIONS = daily:1\n' >> /etc/virtkeep/virtkeep.conf
before=$(on_volume vm)
ok virtkeep backup --mode array --label daily one two
(($(on_volume vm) == before + 1)) || fail "$(on_volume vm) snapshots"
ok virtkeep backup --mode array --label daily one
(($(on_volume vm) == before + 2)) || fail "one that 'two' needs was deleted, or more: $(on_volume vm)"
ok virtkeep backup --mode array --label daily two
(($(on_volume vm) == before + 2)) || fail "what nobody needs is left: $(on_volume vm)"
[[ $(requests | grep -c '^DELETE') == 1 ]] || fail "not one DELETE: $(requests | grep ^DELETE)"
expect_same "$second_one" 2
before=$(on_volume vm)
ok virtkeep backup --mode array+vault --label daily one two
(($(on_volume vm) == before - 1)) || fail "not one for both instead of one for each: $(on_volume vm)"
both=$(newest one)
ok virtkeep backup --mode array+vault --label daily one two
(($(on_volume vm) == before - 1)) || fail "both are in the vault, and keep the array's: $(on_volume vm)"
ok virtkeep --json show "$both"

say "guests of a volume wait for nobody who reads, and nobody's time runs while he waits"
mkdir -p /etc/virtkeep/hooks.d
# shellcheck disable=SC2016 # it is the hook that expands it
printf '#!/bin/sh\n[ "$1" != post-commit ] || sleep 10\n' > /etc/virtkeep/hooks.d/slow
chmod 755 /etc/virtkeep/hooks.d/slow
sed 's/^\[array filer\]/[backup]\nmode = array\nSC_AGENT_TIMEOUT = 8\n[guest off]\nmode = vault\n&/' \
	/etc/virtkeep/virtkeep.conf > "$SCRATCH/short.conf"
ok virtkeep --config "$SCRATCH/short.conf" --json backup --parallel 1 --all
expect_json '.snapshots | length' 3
rm -r /etc/virtkeep/hooks.d
say "what the array holds stays, is told, and does not keep what is older"
newest_on_volume() {
	find "$SCRATCH/filer/vm/.snapshot" -mindepth 1 -maxdepth 1 -printf '%C@ %f\n' | sort -n |
		sed -n '$s/.* //p'
}
set_owners() { # SNAPSHOT OWNERS, in JSON
	call "${PORTS[0]}" POST /control/set "$(jq -nc --arg name "$1" --argjson owners "$2" \
		'{kind: "snapshots", where: {$name}, set: {$owners}}')" > /dev/null
}
ok virtkeep backup --mode array+vault --label weekly one
older=$(newest_on_volume)
ok virtkeep backup --mode array+vault --label weekly one
held=$(newest_on_volume)
set_owners "$held" '["volume_clone"]'
sed -i 's/^NTAP_SNAPSHOT_RETENTIONS.*/&,weekly:1/' /etc/virtkeep/virtkeep.conf
ok virtkeep backup --mode array+vault --label weekly one
expect_err "'$held' is in use by volume_clone"
[[ -e $SCRATCH/filer/vm/.snapshot/$held ]] || fail "what is held was deleted"
[[ ! -e $SCRATCH/filer/vm/.snapshot/$older ]] || fail "the older one stays"
set_owners "$held" '[]'
ok virtkeep backup --mode array+vault --label weekly one
[[ ! -e $SCRATCH/filer/vm/.snapshot/$held ]] || fail "what is held no more stays"

say "replicated, and told"
virsh -q suspend one
copy_disks one 3
ok virtkeep backup --mode array --label daily --replicate --replicate-wait 60 one
virsh -q resume one
replicated=$(newest one)
[[ -n $(ls "$SCRATCH/filer/vm_dst/.snapshot") ]] || fail "nothing has arrived"
ok virtkeep --json status --replication
expect_json '.[0].state' snapmirrored
expect_json '.[0].healthy' true
expect_json '.[0].destination' 'd:vm_dst'
ok virtkeep status --replication one
expect_out snapmirrored
ok virtkeep --json report
expect_json '.arrays | map(select(.destination == "d:vm_dst")) | .[0].healthy' true
ok virtkeep report
expect_out ": to d:vm_dst, healthy"

say "what only the secondary has is listed and read, and goes with it"
snapshot=$(ls "$SCRATCH/filer/vm_dst/.snapshot")
guest_run one 'dd if=/dev/urandom of=/mnt/vda/new bs=64k count=20 2>/dev/null; sync'
ok virtkeep backup --mode array --label daily one
[[ ! -e $SCRATCH/filer/vm/.snapshot/$snapshot ]] || fail "the array still has it"
expect_same "$replicated" 3
mount_vault "$SCRATCH/mnt"
cmp "$SCRATCH/mnt/guests/one/${replicated#*@}/vda.raw" "$SCRATCH/3-vda" || fail "the mount differs"
unmount_vault "$SCRATCH/mnt"
ok virtkeep backup --mode array --label daily --replicate --replicate-wait 60 one
ok virtkeep backup --mode array --label daily one
ok virtkeep list one
! grep -q "${replicated#*@}" "$OUT" || fail "what nobody has is listed"

say "killed at any moment: the guests go on, and doctor knows what is left"
for delay in 0.1 0.2 0.3 0.4 0.5 0.6 0.8; do
	timeout --signal=KILL "$delay" virtkeep backup --mode array one two > "$OUT" 2>&1 || true
	for guest in one two; do
		wait_for 5 "'$guest' runs" eval "[[ \$(virsh domstate $guest) == running ]]"
		wait_for 5 "'$guest' is thawed" is_thawed "$guest"
	done
done
before=$(on_volume vm)
make_leftover() { # NAME-ENDING: a snapshot of the volume whose run never listed it
	local id

	id=$(jq -r .id "$VAULT/vault.json" | head -n 1)
	call "${PORTS[0]}" POST "$(volume_of vm)/snapshots?return_timeout=60" \
		"{\"name\": \"virtkeep_${id:0:8}_$1\", \"comment\": \"virtkeep $id unlisted\"}"
}
make_leftover 20200101T000000Z_00000001
make_leftover "$(date +%Y%m%dT%H%M%SZ)_00000002"
(($(on_volume vm) == before + 2)) || fail "no leftovers"
ok virtkeep backup --mode array one two
[[ ! -e $(echo "$SCRATCH"/filer/vm/.snapshot/*_00000001) ]] || fail "an old leftover is still there"
[[ -e $(echo "$SCRATCH"/filer/vm/.snapshot/*_00000002) ]] || fail "another run's was removed"
expect_clean one two
call "${PORTS[0]}" POST "/api/application/consistency-groups?return_timeout=60" \
	'{"name": "virtkeep_01234567_20200101T000000Z_00000003", "svm": {"name": "s"}, "volumes":
	  [{"name": "vm", "provisioning_options": {"action": "add"}}]}'
run virtkeep doctor
expect_out "the consistency group 'virtkeep_01234567_20200101T000000Z_00000003' is a leftover"
run virtkeep doctor --fix
expect_status 0
ok virtkeep doctor
expect_out 'nothing found'

say "an array that does not answer, a wrong password: said plainly, and nobody is held"
echo wrong > "$SCRATCH/password"
refused 1 "array 'filer'" virtkeep backup --mode array one
echo secret > "$SCRATCH/password"
stop_array
refused 1 "array 'filer'" virtkeep backup --mode array one
ok virtkeep backup --mode vault one
expect_clean one two
