#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What was done is recorded, and told: log, why, report and check.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

history=/var/lib/virtkeep/history
VDA_FILES=$(make_noise 4)
define_guest live
define_guest off
define_guest 'two <b>words'
start_guest live

say "nothing is recorded, then everything that works on the vault is"
ok virtkeep log
expect_err "nothing is recorded yet"
mkdir -p "$history"
: > "$history/history.sqlite"
ok virtkeep log
expect_err "nothing is recorded yet"
ok virtkeep --json log
expect_json length 0
ok virtkeep init
ok virtkeep --json backup live off
cp "$OUT" "$SCRATCH/result"
ok virtkeep list
ok virtkeep backup --dry-run live
ok virtkeep --json log
expect_json '[.[] | "\(.kind) \(.outcome)"] | join(", ")' 'backup done, init done'
expect_json '[.[0].guests[].guest] | sort | join(" ")' 'live off'
expect_json '.[0].guests[] | select(.guest == "live") | .pause_ms > 0' true
expect_json '.[0].user' root
ok virtkeep --json log "$(jq '.[0].id' "$OUT")"
expect_json '.command' 'virtkeep --json backup live off'
diff <(jq -S .result "$OUT") <(jq -S . "$SCRATCH/result") || fail "another result than was printed"
expect_json '[.guests[].disks[].mode] | unique | join(" ")' full

say "failures are recorded with what was said, also of a quiet command, and its job"
printf '[guest off]\nexclude = vdb\n' > /etc/virtkeep/virtkeep.conf
run env VIRTKEEP_JOB=nightly virtkeep -q backup off nobody
expect_status 3
ok virtkeep log nightly
expect_out "in part"
expect_out "job nightly; failed: nobody"
ok virtkeep --json log --max 1
id=$(jq '.[0].id' "$OUT")
ok virtkeep log "$id"
expect_out "backup $id: in part"
expect_out "nobody: failed: "
expect_out "error: 1 of 2 guests saved, 1 failure"
refused 6 "'nothere'" virtkeep forget nothere@latest
ok virtkeep --json log --kind forget
expect_json '.[0].outcome' 'not found'
expect_json '.[0].error | contains("nothere")' true
refused 6 "no entry 4711" virtkeep log 4711
refused 2 "not one of" virtkeep log --kind nonsense

say "a guest has its part of them"
ok virtkeep --json log live
expect_json length 1
ok virtkeep --json log --since 2099-01-01
expect_json length 0

say "a killed backup is interrupted, and one that is at work runs"
guest_run live 'dd if=/dev/urandom of=/mnt/vda/noise2 bs=1M count=40 2>/dev/null; sync'
halt_backup live
ok virtkeep --json log --max 1
expect_json '.[0].outcome' running
kill -KILL "$JOB"
wait "$JOB" || true
ok virtkeep log --max 1
expect_out interrupted
# Its guard still ends what it left.
wait_for 60 "the guard has ended" not pgrep -f 'virtkeep.*guard'
run virtkeep doctor --fix
guest_run live 'rm /mnt/vda/noise2; sync'

say "why: what was written, what was trimmed, and where"
ok virtkeep backup live
ok virtkeep why live
guest_run live 'dd if=/dev/urandom of=/mnt/vda/more bs=1M count=3 2>/dev/null; sync'
ok virtkeep backup live
ok virtkeep why live
expect_out "where most has changed"
ok virtkeep --json why live
expect_json '.disks[0].mode' incremental
expect_json '.disks[0].changed >= 3145728 and .disks[0].changed < 12582912' true
expect_json '.disks[0].changed <= .disks[0].read' true
expect_json '[.disks[0].regions[].changed] | (add >= 3145728) and (. == (sort | reverse))' true
expect_json '.usual_of >= 2' true
guest_run live 'dd if=/dev/zero of=/mnt/vda/more bs=1M count=3 conv=notrunc 2>/dev/null; sync'
ok virtkeep backup live
ok virtkeep --json why live
expect_json '.disks[0].trimmed >= 3145728 - 262144' true
ok virtkeep why "live@$(virtkeep list --json live | jq -r '[.[].time] | min')"
expect_out "vda was read whole (full)"
refused 6 nobody virtkeep why nobody

say "report and check: one guest was never saved"
run virtkeep check
expect_status 2
expect_out "CRITICAL: 1 of 3 guests not saved in time: two <b>words (never) | 'guests'=3;;;0 'late'=1;;0;0"
expect_out "'two <b>words' has no snapshot"
run virtkeep check live off
expect_status 1
expect_out "WARNING: the vault was never read back: "
expect_out "; 2 guests saved, the oldest snapshot is of "
run virtkeep --json check live off
expect_status 1
expect_json '"\(.status): \(.needs | length), \(.guests | length)"' 'warning: 1, 2'
expect_json '.text | startswith("the vault was never read back")' true
ok virtkeep verify --data
ok virtkeep check live off
expect_out "OK: 2 guests saved"
ok virtkeep report
expect_out "!! 'two <b>words' has no snapshot that can be used"
expect_out "without vdb, as configured"
ok virtkeep --json report
expect_json '[.guests[] | "\(.guest): \(.state)"] | join(", ")' \
	'live: saved, off: saved, two <b>words: never saved'
expect_json '[.needs[].level] | unique | join(" ")' critical
expect_json '.guests[0].stored > 4194304 and .guests[0].growth_7_days > 4194304' true
ok virtkeep report --html
expect_out '<td>two &lt;b&gt;words</td>'
! grep -qE '<b>|<script|http' "$OUT" || fail "the page has what it should not"
python3 -c '
import sys, xml.dom.minidom
text = open(sys.argv[1]).read().replace("<!DOCTYPE html>\n", "")
for void in ("<meta charset=\"utf-8\">", "<meta name=\"viewport\" content=\"width=device-width\">"):
    text = text.replace(void, "")
xml.dom.minidom.parseString(text)' "$OUT" || fail "its elements do not close"

say "a failed backup of a saved guest, one that is gone, and one that is left out"
mv "$SCRATCH/guests/off/vda.qcow2" "$SCRATCH/away"
run virtkeep backup off
expect_status 1
run virtkeep check live off
expect_status 1
expect_out "'off' is saved; the backup of "
mv "$SCRATCH/away" "$SCRATCH/guests/off/vda.qcow2"
virsh -q undefine --checkpoints-metadata off
printf '[guest two <b>words]\nskip = yes\n' > /etc/virtkeep/virtkeep.conf
ok virtkeep check
expect_out "OK: 1 guest saved"
ok virtkeep --json report
expect_json '[.guests[] | "\(.guest): \(.state)"] | join(", ")' \
	'live: saved, off: gone, two <b>words: left out'
ok virtkeep list --host "$(uname -n)"
ok virtkeep --json list --host another
expect_json length 0

say "a vault that cannot be opened is unknown, and so is a wrong option"
run virtkeep --vault /nonexistent check
expect_status 3
expect_out "UNKNOWN: "
run virtkeep check --max-age soon
expect_status 3
expect_out "UNKNOWN: --max-age"
run virtkeep --json --vault /nonexistent check
expect_status 3
expect_json .status unknown
refused 2 "leave out --json" virtkeep --json metrics

say "a libvirt that does not answer is a warning, but where there is to be none"
run virtkeep --connect "qemu+unix:///system?socket=$SCRATCH/nothing" check
expect_status 1
expect_out "WARNING: which guests this host has is not known: "
ok virtkeep --connect none check live
[[ ! -s $ERR ]] || fail "something is missing"
expect_out "OK: "
refused 6 "has no libvirt" virtkeep --connect none backup --all

say "a mail has the report"
mkdir -p "$SCRATCH/bin"
cat > "$SCRATCH/bin/sendmail" <<-EOF
	#!/bin/sh
	echo "\$*" > "$SCRATCH/mail.words"
	exec cat > "$SCRATCH/mail"
EOF
chmod +x "$SCRATCH/bin/sendmail"
ok virtkeep report --mail admin@example.org
[[ $(cat "$SCRATCH/mail.words") == '-t -oi' ]] || fail "sendmail got other words"
grep -qx 'To: admin@example.org' "$SCRATCH/mail" || fail "$(cat "$SCRATCH/mail")"
grep -q '^Nothing needs a hand.' "$SCRATCH/mail" || fail "$(cat "$SCRATCH/mail")"
ok virtkeep report --html --mail admin@example.org
grep -q '^Content-Type: text/html' "$SCRATCH/mail" || fail "$(cat "$SCRATCH/mail")"
refused 2 "no address" virtkeep report --mail $'a\nBcc: b'
printf '#!/bin/sh\nexit 75\n' > "$SCRATCH/bin/sendmail"
refused 1 "not mailed to 'root'" virtkeep report --mail root

say "a restore leaves an entry; and no trouble with the history fails a backup"
ok virtkeep restore live --disk "vda=$SCRATCH/back.raw" --format raw
ok virtkeep --json log --max 1
expect_json '.[0].kind + " " + .[0].outcome + " " + .[0].guests[0].guest' 'restore done live'
ok virtkeep gc
head -c 20000 /dev/urandom > "$history/history.sqlite"
rm -f "$history"/history.sqlite-*
ok virtkeep backup live
expect_err "the history is damaged"
ok virtkeep --json log
expect_json length 1
rm -r "$history"
: > "$history"
ok virtkeep backup live
expect_err "warning: this is not recorded: "
[[ $(grep -c recorded "$ERR") == 1 ]] || fail "said more than once"
expect_clean live
