#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests, snapshots, disks, files, commands and options that are unknown.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest vm
ok virtkeep init
ok virtkeep backup vm
snapshot=$(newest vm)
cd "$SCRATCH"

say "guests"
refused 6 "'nobody'" virtkeep backup nobody
refused 6 "'nobody'" virtkeep list nobody
refused 6 "'nobody'" virtkeep show nobody
refused 6 "'nobody'" virtkeep restore nobody
for command in backup list show restore doctor; do
	refused 6 "did you mean 'vm'?" virtkeep "$command" mv
done
run virtkeep --json backup nobody vm
expect_status 3
expect_err "'nobody'"
expect_json '.snapshots | length' 1
expect_json '.failed[0].guest' nobody
expect_json '.failed[0].code' not-found
expect_json '[.duration_ms, .snapshots[0].duration_ms] | map(. > 0) | unique | length' 1
run virtkeep backup nobody vm
expect_err "1 of 2 guests saved, 1 failure"
ok virtkeep -v backup vm
expect_err "disk 'vda': "
expect_err "the vault is '$VAULT'"
expect_err "'vm' is shut off"
for program in virtkeep virtkeep-mount virtkeep-restore; do
	ok "$program" --version
	grep -qE "^$program [0-9.]+$" "$OUT" || fail "--version says: $(cat "$OUT")"
done

say "snapshots, disks, files"
refused 6 "20200101T000000Z" virtkeep show vm@20200101T000000Z
refused 6 "20200101T000000Z" virtkeep restore vm@20200101T000000Z
refused 6 "its oldest is '$snapshot'" virtkeep show vm@2020-01-01
refused 6 "9 before" virtkeep show vm@-9
refused 2 "2026-02-30" virtkeep show vm@2026-02-30
refused 2 "tomorrow" virtkeep list --since tomorrow
refused 2 "'fine'" virtkeep list --grade fine
refused 6 "'vdz'" virtkeep restore "$snapshot" --disk vdz
expect_err vda
refused 6 "'nothing.fd'" virtkeep restore "$snapshot" --file nothing.fd
expect_err domain.xml
refused 6 "inside of the guest" virtkeep restore "$snapshot" --file /srv/x
expect_err domain.xml
expect_err vda.raw

say "times as people write them"
ok virtkeep --json show vm@-3
expect_json .snapshot "$snapshot"
snapshot=$(newest vm)
id=$(virtkeep --json show vm | jq -r .id)
time=${snapshot#vm@}
local_time=$(TZ=XST-9 date -d "${time:0:8} ${time:9:2}:${time:11:2}Z" '+%F %H:%M')
for time in today -0 "$local_time" "${local_time/ /T}" "${local_time% *}" "$id" "${id:0:8}"; do
	ok env TZ=XST-9 virtkeep --json show "vm@$time"
	expect_json .snapshot "$snapshot"
done
ok env TZ=XST-9 virtkeep list
expect_out "$snapshot  $local_time"
expect_out "4 snapshots of 1 guest: "
ok virtkeep list --since today --until today --grade offline --host "$(hostname)"
expect_out "$snapshot"
for filter in "--since 2100-01-01" "--until 2020-01-01" "--grade crash" "--host elsewhere"; do
	# shellcheck disable=SC2086 # two words
	ok virtkeep --json list $filter
	expect_json length 0
done
ok virtkeep restore vm@today --dry-run --disk "vda=$SCRATCH/vda.raw"
expect_err "'vm@today' is '$snapshot'"

say "the command line"
refused 2 "no command" virtkeep
refused 2 "'fly'" virtkeep fly
refused 2 "did you mean 'list'?" virtkeep lsit
refused 2 "--fly" virtkeep --fly list
refused 2 "--fly" virtkeep backup --fly vm
refused 2 "no guest" virtkeep backup
refused 2 "--all" virtkeep backup --all vm
for option in "" --dry-run; do
	# shellcheck disable=SC2086 # no word when it is empty
	ok virtkeep backup --all --exclude vmm $option
	expect_err "--exclude 'vmm' excludes nothing"
	expect_err "did you mean 'vm'?"
done
refused 2 "'harder'" virtkeep backup --quiesce harder vm
refused 2 "'extra'" virtkeep list vm extra
refused 2 "no snapshot" virtkeep show
refused 2 "no snapshot" virtkeep restore
refused 2 "--as" virtkeep restore vm --as new --in-place
refused 2 "mountpoint" virtkeep mount
refused 2 "-v" virtkeep -v -q list

say "the configuration"
refused 6 "'$SCRATCH/none.conf'" virtkeep --config "$SCRATCH/none.conf" list
printf '[vault]\nuri = /x\n' > "$SCRATCH/typo.conf"
refused 2 "line 2: [vault] uri" virtkeep --config "$SCRATCH/typo.conf" list
printf '[backup]\nworkers = many\n' > "$SCRATCH/typo.conf"
refused 2 "'many'" virtkeep --config "$SCRATCH/typo.conf" list
printf '[backup]\nquiesce = harder\n' > "$SCRATCH/typo.conf"
refused 2 "'harder'" virtkeep --config "$SCRATCH/typo.conf" list
for option in --limit-rate=-1 --parallel=0 --pause-budget=-1 --replicate-wait=-1; do
	refused 2 "${option%=*}: must be a whole number" virtkeep backup "$option" vm
done

mkfifo "$SCRATCH/fifo"
refused 2 "'$SCRATCH/fifo' is not a file" timeout 10 virtkeep config import "$SCRATCH/fifo"
refused 2 "'$SCRATCH/fifo' is not a file" timeout 10 virtkeep --config "$SCRATCH/fifo" list
rm "$SCRATCH/fifo"

say "hooks of the run hear of a failure before the first guest"
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/tell <<-'HOOK'
	#!/bin/sh
	case $1 in
	run-*) printf '%s [%s] %s\n' "$1" "$VIRTKEEP_STATUS" "$VIRTKEEP_ERROR" >> "$0.log" ;;
	esac
	[ "$1" != run-start ] || [ ! -e "$0.stop" ]
HOOK
chmod 755 /etc/virtkeep/hooks.d/tell
expect_told() { # LINES
	[[ $(cut -c 1-60 /etc/virtkeep/hooks.d/tell.log) == "$1" ]] ||
		fail "told: $(cat /etc/virtkeep/hooks.d/tell.log)"
	rm /etc/virtkeep/hooks.d/tell.log
}
refused 6 "'/none'" virtkeep --vault /none backup vm
[[ $(cut -d ' ' -f 1,2 /etc/virtkeep/hooks.d/tell.log) == "run-start []
run-failure [6]
run-end [6]" ]] || fail "told: $(cat /etc/virtkeep/hooks.d/tell.log)"
grep -q "^run-failure .*'/none'" /etc/virtkeep/hooks.d/tell.log || fail "not told why"
rm /etc/virtkeep/hooks.d/tell.log
refused 1 "qemu:///none" virtkeep --connect qemu:///none backup --all
grep -q "^run-failure \[1\] .*qemu:///none" /etc/virtkeep/hooks.d/tell.log || fail "not told of libvirt"
rm /etc/virtkeep/hooks.d/tell.log
run virtkeep backup vm nobody
expect_status 3
grep -q "^run-end \[3\] 1 of 2 guests saved" /etc/virtkeep/hooks.d/tell.log || fail "not told how it ended"
rm /etc/virtkeep/hooks.d/tell.log
ok virtkeep backup vm
expect_told "run-start [] 
run-end [0] "
cat > /etc/virtkeep/told.conf <<-CONF
	[vault]
	url = $VAULT
	[guest vm]
	mode = array
	[hooks]
	PRE_EXIT_CMD01 = echo "\$1 \$VIRTKEEP_GUEST" >> $SCRATCH/told
CONF
for guests in "nobody" "vm nobody" "vm"; do
	# shellcheck disable=SC2086 # two words
	run virtkeep --config /etc/virtkeep/told.conf backup $guests
	[[ $STATUS != 0 ]] || fail "it was saved, and on no array"
done
[[ $(cat "$SCRATCH/told") == "run-failure 
failure vm
run-failure 
failure vm" ]] || fail "told: $(cat "$SCRATCH/told")"
rm /etc/virtkeep/told.conf /etc/virtkeep/hooks.d/tell.log
touch /etc/virtkeep/hooks.d/tell.stop
refused 1 "failed at 'run-start'" virtkeep backup vm
! grep -q 'run-end \[0\]' /etc/virtkeep/hooks.d/tell.log || fail "it went on without its hook"
ok virtkeep backup --dry-run vm
rm -r /etc/virtkeep/hooks.d

say "all of it at once, also what it names and the host has not"
uuid=$(virsh domuuid vm)
cat > "$SCRATCH/check.conf" <<-CONF
	[vault]
	url = $VAULT
	[guest vm]
	exclude = vdb
CONF
ok virtkeep --config "$SCRATCH/check.conf" config check
expect_out "nothing is wrong"
ok virtkeep -q --config "$SCRATCH/check.conf" config check
[[ ! -s $OUT && ! -s $ERR ]] || fail "quiet, but: $(cat "$OUT" "$ERR")"
VIRTKEEP_VAULT=/nowhere run virtkeep --config "$SCRATCH/check.conf" config check
expect_status 2
grep -q "^VIRTKEEP_VAULT: .*'/nowhere'" "$OUT" || fail "blamed: $(cat "$OUT")"
run virtkeep --json --vault /none --connect qemu:///none --config "$SCRATCH/check.conf" config check
expect_status 2
expect_json '[.[] | .file, .line, .section, .key] | unique | length' 1
expect_json '[.[].problem | split(":")[0]] | join(" ")' "--vault --connect"
{ cat "$SCRATCH/check.conf" && printf '[guest elsewhere]\nskip = yes\n[host other]\n'; } \
	> "$SCRATCH/shared.conf"
ok virtkeep --config "$SCRATCH/shared.conf" config check
expect_out "nothing is wrong"
expect_err "'elsewhere'"
cat >> "$SCRATCH/check.conf" <<-CONF
	[guest $uuid]
	exclude = vdz
	[guest nobody]
	[array a]
	password_file = $SCRATCH/none
CONF
run virtkeep --json --config "$SCRATCH/check.conf" config check
expect_status 2
expect_json '[.[] | "\(.line) \(.section) \(.key)"] | sort | join("\n")' "5 guest $uuid null
6 guest $uuid exclude
7 guest nobody null
8 array a url
9 array a password_file"
printf '[backup]\nquiesce = maybe\n[backup]\nworkers = x\n' > "$SCRATCH/check.conf"
run virtkeep --config "$SCRATCH/check.conf" config check
expect_status 2
[[ $(wc -l < "$OUT") == 3 ]] || fail "not three problems: $(cat "$OUT")"
expect_out "check.conf:2: [backup] quiesce: must be 'auto', 'agent', 'suspend' or 'none'"
[[ -z $(find "$SCRATCH" -maxdepth 1 -name 'vm-*') ]] || fail "files were made"
expect_clean vm
