#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Groups at one instant, pause budgets, hooks, and what the configuration says of single guests.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

guests=(one two off mute)
for guest in "${guests[@]}"; do
	words=
	[[ $guest != mute ]] || words=noagent
	VDA_MIB=32 VDB_MIB=16 define_guest "$guest" $words
done
virsh -q start mute
start_guest one
start_guest two
ok virtkeep init

of() { # GUEST FILTER
	jq -r --arg guest "$1" ".snapshots[] | select(.guest == \$guest) | $2" "$OUT"
}

say "a group: one name, one time, all held, the mute one suspended"
ok virtkeep --json backup --group "${guests[@]}"
expect_json '.snapshots | length' 4
expect_json '[.snapshots[].group] | unique | length' 1
expect_json '[.snapshots[].time] | unique | length' 1
[[ $(of one .consistency) == filesystem && $(of two .consistency) == filesystem ]] ||
	fail "not frozen"
[[ $(of mute .consistency) == crash ]] || fail "mute: $(of mute .consistency)"
(($(of mute .pause_ms) > 0)) || fail "the mute guest was not suspended"
[[ $(of off .consistency) == offline && $(of off .pause_ms) == 0 ]] || fail "off"
expect_err "no guest agent runs in it"
(($(of one .skew_ms) < 5000)) || fail "skew $(of one .skew_ms) ms"
expect_clean one two off
ok virtkeep backup --group one two
expect_out "in group"

say "alone the mute one is not held, and --strict refuses that"
ok virtkeep --json backup mute
expect_json '.snapshots[0].pause_ms' 0
refused 1 'and --strict was asked for' virtkeep backup --strict mute
refused 1 "cannot freeze guest 'mute'" virtkeep backup --quiesce agent mute
has_no_backup_job mute || fail "a job is left"

say "one of a group is not there, or fails: the others are saved"
run virtkeep --json backup --group one nobody two
expect_status 3
expect_json '.snapshots | length' 2
run virtkeep --json backup --group --strict one mute two
expect_status 3
expect_json '[.snapshots[].guest] | sort | join(" ")' 'one two'
expect_json '.failed[0].guest' mute
expect_clean one two

say "whoever was frozen or paused by somebody else stays so"
virsh -q domfsfreeze one > /dev/null
ok virtkeep backup one
expect_err 'another program has frozen'
! is_thawed one || fail "the guest was thawed"
virsh -q domfsthaw one > /dev/null
virsh -q suspend two
ok virtkeep backup --group one two
[[ $(virsh domstate two) == paused ]] || fail "the guest was resumed"
virsh -q resume two

say "only one file system is frozen"
ok virtkeep --json backup --freeze-mountpoint /mnt/vda one
[[ $(of one .consistency) == filesystem ]] || fail "not frozen"

say "one that the guest has not is told, and never passed over"
ok virtkeep --json backup --freeze-mountpoint /mnt/vda --freeze-mountpoint /mnt/vdx one
expect_err "has no file system at '/mnt/vdx'; it has '"
expect_err "'/mnt/vda'"
[[ $(of one .consistency) == filesystem ]] || fail "the other was not frozen"
ok virtkeep --json backup --freeze-mountpoint /mnt/vda/ one
expect_err "has no file system at '/mnt/vda/'"
[[ $(of one .consistency) == crash ]] || fail "nothing was frozen, but it is graded"
for strict in --quiesce=agent --strict; do
	refused 1 "has no file system at '/mnt/vdx'" virtkeep backup "$strict" \
		--freeze-mountpoint /mnt/vda --freeze-mountpoint /mnt/vdx one
done
expect_clean one

say "an agent that is slower than the budget"
agent_pid=$(guest_run one 'pidof qemu-ga')
reads=$(reads_of_vdb one)
guest_spawn one "$ANSWERED
	(sleep 6; kill -CONT $agent_pid) & kill -STOP $agent_pid; $TELL" > /dev/null
wait_for 20 "the agent is halted" has_told one "$reads"
run virtkeep --json backup --pause-budget 1 one
expect_status 0
[[ $(of one .consistency) == crash ]] || fail "graded $(of one .consistency)"
wait_for 30 "the agent is back" agent one '{"execute":"guest-ping"}'
wait_for 10 "the guest is thawed" is_thawed one
expect_clean one

say "one waits for the other for longer than its budget: it goes on, graded down"
make_late two 4
ok virtkeep --json backup --group --pause-budget 1 one two
expect_err 'the pause budget of 1 seconds was used up'
[[ $(of one .consistency) == crash ]] || fail "one: $(of one .consistency)"
(($(of one .pause_ms) >= 1000 && $(of one .pause_ms) < 2000)) || fail "paused $(of one .pause_ms) ms"
[[ $(of two .consistency) == filesystem ]] || fail "two: $(of two .consistency)"
wait_for 30 "the agent is back" agent two '{"execute":"guest-ping"}'
make_late two 4
run virtkeep --json backup --group --strict --pause-budget 1 one two
expect_status 3
expect_json '[.snapshots[].guest] | join(" ")' two
expect_json '.failed[0].guest' one
wait_for 30 "the agent is back" agent two '{"execute":"guest-ping"}'
expect_clean one two

say "hooks: in order, with the facts, and what they may prevent"
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/10-note <<-'HOOK'
	#!/bin/sh
	echo "$1 $VIRTKEEP_GUEST $VIRTKEEP_CONSISTENCY ${VIRTKEEP_SNAPSHOT%@*} ${VIRTKEEP_ERROR:+failed}" \
		>> /run/hooks.log
	[ "$1" != pre-freeze ] || [ ! -e /run/veto ] || { echo "not now" >&2; exit 1; }
HOOK
chmod 755 /etc/virtkeep/hooks.d/10-note
ok virtkeep backup one
diff - /run/hooks.log <<-'LOG' || fail "the hooks' log differs"
	run-start    
	pre-freeze one   
	post-thaw one filesystem  
	post-commit one filesystem one 
	run-end    
LOG
: > /run/veto
: > /run/hooks.log
refused 1 "the hook '/etc/virtkeep/hooks.d/10-note' failed at 'pre-freeze': not now" \
	virtkeep backup one
diff - /run/hooks.log <<-'LOG' || fail "the hooks' log differs"
	run-start    
	pre-freeze one   
	failure one   failed
	run-failure    failed
	run-end    failed
LOG
expect_clean one
rm -r /etc/virtkeep/hooks.d

say "a guest that is not ready within operation_timeout fails"
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/slow <<-'HOOK'
	#!/bin/sh
	[ "$1" != pre-freeze ] || sleep 2
HOOK
chmod 755 /etc/virtkeep/hooks.d/slow
printf '[backup]\noperation_timeout = 1\n' > "$SCRATCH/short.conf"
refused 1 "guest 'one': it was not ready within the 1 s of operation_timeout" \
	virtkeep --config "$SCRATCH/short.conf" backup one
rm -r /etc/virtkeep/hooks.d
expect_clean one

say "what the configuration says of one guest"
cat > /etc/virtkeep/virtkeep.conf <<-CONF
	[backup]
	parallel = 2
	[guest one]
	freeze_hook = yes
	exclude = vdb
	[guest $(virsh domuuid two)]
	quiesce = suspend
CONF
ok virtkeep --json backup --all
[[ $(of one .consistency) == application ]] || fail "one: $(of one .consistency)"
[[ $(of one '.skipped[] | select(.target == "vdb").reason') == 'excluded by the configuration' ]] ||
	fail "vdb was not excluded"
[[ $(of two .consistency) == crash && $(of two .pause_ms) -gt 0 ]] || fail "two was not suspended"
say "two guests at once are two, and no more"
mkdir -p /etc/virtkeep/hooks.d /run/at-work
cat > /etc/virtkeep/hooks.d/count <<-'HOOK'
	#!/bin/sh
	cd /run/at-work
	case $1 in
	pre-freeze)
		touch "$VIRTKEEP_GUEST"
		ls | wc -l >> /run/at-work.log
		i=0
		until grep -q 2 /run/at-work.log || [ $((i += 1)) -gt 100 ]; do sleep 0.1; done
		;;
	post-commit) rm -f "$VIRTKEEP_GUEST" ;;
	esac
HOOK
chmod 755 /etc/virtkeep/hooks.d/count
ok virtkeep backup --all
[[ $(sort -n /run/at-work.log | tail -n 1) == 2 ]] || fail "not two at once: $(cat /run/at-work.log)"
: > /run/at-work.log
sed -i 's/until grep.*/true/' /etc/virtkeep/hooks.d/count
ok virtkeep backup --parallel 1 --all
[[ $(sort -nu /run/at-work.log) == 1 ]] || fail "not one at once: $(cat /run/at-work.log)"
rm -r /etc/virtkeep/hooks.d

say "the command line comes first"
ok virtkeep --json backup --quiesce none one
[[ $(of one .pause_ms) == 0 ]] || fail "the command line does not come first"
ok virtkeep verify
expect_clean one two
