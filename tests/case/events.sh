#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What programs and the journal are told while a backup, a restore and others work.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

JOURNALD=/usr/lib/systemd/systemd-journald
[[ -x $JOURNALD ]] || JOURNALD=/lib/systemd/systemd-journald
[[ -x $JOURNALD ]] || skip "no systemd-journald"

# The one event that FILTER selects, as OUT.
expect_event() {
	jq -c "select($1)" "$SCRATCH/lines" > "$OUT"
	[[ $(wc -l < "$OUT") == 1 ]] || fail "expected one event with $1: $(cat "$SCRATCH/lines")"
}

# Asserts on the lines of the last ok(): kept in $SCRATCH/lines.
take_lines() {
	cp "$OUT" "$SCRATCH/lines"
	jq -e . "$SCRATCH/lines" > /dev/null || fail "not JSON: $(cat "$SCRATCH/lines")"
	[[ $(head -n 1 "$SCRATCH/lines" | jq -r .type) == start ]] || fail "start is not the first"
	[[ $(tail -n 1 "$SCRATCH/lines" | jq -r .type) == end ]] || fail "end is not the last"
}

define_guest vm
define_guest other
start_guest vm
ok virtkeep init

say "a backup, one line an event"
run virtkeep backup vm other missing --json=lines
expect_status 3
take_lines
expect_event '.type == "start"'
expect_json .command backup
expect_json .schema 1
expect_event '.type == "guest" and .guest == "vm"'
expect_json .state "done"
SNAPSHOT=$(jq -r .snapshot "$OUT")
[[ $SNAPSHOT == vm@* ]] || fail "the snapshot is '$SNAPSHOT'"
expect_json '.result.disks | length' 2
expect_event '.type == "guest" and .guest == "missing"'
expect_json .state failed
expect_json .code not-found
expect_event '.type == "end"'
expect_json .status 3
expect_json '.result.snapshots | length' 2
expect_json '.result.failed[0].guest' missing
jq -se '[.[] | select(.type == "progress")] | last | .guests == 2 and .guests_done == 2' \
	"$SCRATCH/lines" > /dev/null || fail "no progress: $(cat "$SCRATCH/lines")"

say "the same document as with --json"
ok virtkeep backup other --json
keys=$(jq -cS keys "$OUT")
ok virtkeep --json=lines backup other
take_lines
[[ $(tail -n 1 "$OUT" | jq -cS '.result | keys') == "$keys" ]] || fail "not the document: $(cat "$OUT")"

say "others"
for command in "verify --data" gc "copy vm"; do
	# shellcheck disable=SC2086 # words
	ok virtkeep $command --json=lines
	take_lines
	expect_event '.type == "end"'
	expect_json .status 0
done
expect_event '.type == "guest"'
expect_json .result.copied false
ok virtkeep --json=lines restore "$SNAPSHOT" --disk vda="$SCRATCH/vda.raw" --format raw
take_lines
expect_event '.type == "guest"'
expect_json .state "done"
expect_json .snapshot "$SNAPSHOT"
expect_json '.result.disks[0].path' "$SCRATCH/vda.raw"
jq -se '[.[] | select(.type == "progress")] | length > 0' "$SCRATCH/lines" > /dev/null ||
	fail "a restore without progress: $(cat "$SCRATCH/lines")"
refused 1 "exists" virtkeep restore "$SNAPSHOT" --json=lines --disk vda="$SCRATCH/vda.raw" --format raw
take_lines
expect_event '.type == "guest"'
expect_json .state failed
expect_json .snapshot "$SNAPSHOT"

say "commands without events, and what is mistyped"
refused 2 "no events" virtkeep list --json=lines
refused 2 "--json=line'" virtkeep gc --json=line

say "whoever reads them may leave"
virtkeep backup vm --json=lines 2> "$ERR" | head -n 1 > "$OUT"
[[ ${PIPESTATUS[0]} == 0 ]] || fail "the backup failed: $(cat "$ERR")"
[[ $(newest vm) != "$SNAPSHOT" ]] || fail "the backup took no snapshot"
expect_clean vm

say "in the journal: one entry an event"
mkdir -p /run/systemd/journal /run/log/journal
"$JOURNALD" > "$SCRATCH/journald.log" 2>&1 &
wait_for 20 "the journal is there" test -S /run/systemd/journal/stdout
entries() { # MATCH...: as OUT
	journalctl -t virtkeep -o json --all "$@" > "$OUT" 2> "$ERR"
}
has_entries() { # COUNT MATCH...
	entries "${@:2}"
	[[ $(wc -l < "$OUT") == "$1" ]]
}
# The service manager connects a service to the journal, and says so.
cat > "$SCRATCH/bin/as-service" <<-'SCRIPT'
	#!/bin/bash
	JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"
SCRIPT
chmod +x "$SCRATCH/bin/as-service"
VIRTKEEP_JOB=nightly systemd-cat -t somebody as-service virtkeep backup vm missing < /dev/null ||
	STATUS=$?
[[ $STATUS == 3 ]] || fail "the backup ended with $STATUS"
SNAPSHOT=$(newest vm)
wait_for 20 "the journal has the end" has_entries 1 STATUS=3
expect_json .JOB nightly
expect_json .COMMAND backup
expect_json .VAULT "$VAULT"
expect_json .PRIORITY 3
entries GUEST=vm MESSAGE_ID=68cc5851ab884606abc48f3024b1da9a
[[ $(wc -l < "$OUT") == 1 ]] || fail "not one entry of the guest: $(cat "$OUT")"
expect_json .SNAPSHOT "$SNAPSHOT"
expect_json .PRIORITY 6
# The vault is on the file system of the disks.
entries GUEST=vm PRIORITY=4
expect_json .MESSAGE_ID 78ae1f6ca1b34bec84d741b51e1cba58
entries GUEST=missing
expect_json .MESSAGE_ID 81e915aa02b643e29ef381c8e3c49274
expect_json .CODE not-found

say "so are those of a job's steps"
printf '[job web]\nguests = vm missing\n' > /etc/virtkeep/virtkeep.conf
STATUS=0
systemd-cat -t somebody as-service virtkeep --quiet job run web < /dev/null || STATUS=$?
[[ $STATUS == 3 ]] || fail "the job ended with $STATUS"
wait_for 20 "the journal has the job's end" has_entries 1 JOB=web MESSAGE_ID=77eb22a93c5b4497beaed68f7420b4c5
jq -r .MESSAGE "$OUT" | grep -q "^the job 'web' failed: backup: 1 of 2 guests saved" || fail "$(cat "$OUT")"
entries JOB=web GUEST=vm MESSAGE_ID=68cc5851ab884606abc48f3024b1da9a
[[ $(wc -l < "$OUT") == 1 ]] || fail "not one entry of the job's guest: $(cat "$OUT")"
expect_json .SNAPSHOT "$(newest vm)"
entries JOB=web COMMAND=backup STATUS=3
[[ $(wc -l < "$OUT") == 1 ]] || fail "not one end of the step: $(cat "$OUT")"
run virtkeep --json job status web
expect_json '.[0].error | startswith("backup: 1 of 2 guests saved")' true
# The table of the disks is text of nobody.
journalctl -t somebody -o cat > "$OUT"
not grep -q . "$OUT" || fail "text beside the entries: $(cat "$OUT")"
