#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests are chosen by tags, and jobs back them up by their schedule, forget, check, and say what was missed.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

config=/etc/virtkeep/virtkeep.conf
states=/var/lib/virtkeep/jobs

define_guest web1
define_guest web2
define_guest db
start_guest web1
ok virtkeep init

say "tags are in the definition, and in that by which the guest runs"
ok virtkeep tag web1 gold nightly
expect_out "web1: gold nightly"
ok virsh metadata web1 --uri urn:virtkeep:tags --live
expect_out "<tags>gold nightly</tags>"
ok virsh metadata web1 --uri urn:virtkeep:tags --config
expect_out "<tags>gold nightly</tags>"
ok virtkeep tag --remove web1 nightly unknown
expect_out "web1: gold"
ok virsh metadata db --uri urn:virtkeep:tags --key virtkeep --set '<tags>gold</tags>' --config
ok virtkeep --json tag db
expect_json '.tags | join(" ")' gold
ok virtkeep --json discover
expect_json '[.[] | "\(.guest) \(.tags | join(","))"] | join("; ")' 'db gold; web1 gold; web2 '
ok virtkeep discover
expect_out "TAGS"
refused 2 "cannot be a tag" virtkeep tag web1 'two words'
refused 6 "'nobody'" virtkeep tag nobody gold
ok virtkeep --json backup --dry-run --tag gold
expect_json '[.guests[].guest] | join(" ")' 'db web1'
refused 6 "has the tag 'silver'" virtkeep backup --tag silver
refused 2 "exclude each other" virtkeep backup --all --tag gold

say "a job does what its commands do"
cat > "$config" <<'END'
[job nightly]
tags = gold
exclude = d*
keep_last = 2
verify_share = 1/1
[job web]
guests = web*
schedule = *:0/1
[job never]
schedule = *-02-29
END
ok virtkeep job list
expect_out "tag:gold, without d*"
ok virtkeep job run --dry-run nightly
expect_out "nightly: virtkeep backup --label=nightly --tag=gold '--exclude=d*'"
expect_out "nightly: virtkeep forget --policy --job=nightly"
refused 6 "did you mean 'nightly'" virtkeep job run nightli
ok virtkeep job status nightly
expect_out "by hand"
ok virtkeep backup web2
ok virtkeep job run nightly
expect_err "job 'nightly': verify done"
ok virtkeep job run nightly
ok virtkeep --json job run nightly
expect_json '.[0].done' true
expect_json '[.[0].steps[] | "\(.step) \(.status)"] | join(", ")' 'backup 0, forget 0, verify 0'
ok virtkeep --json list
expect_json '[.[] | .guest] | sort | join(" ")' 'web1 web1 web2'
expect_json '[.[] | select(.guest == "web1").label] | unique | join(" ")' nightly
ok virtkeep --json job status nightly
expect_json '.[0] | "\(.state) \(.status) \(.error) \(.started != null)"' 'by hand 0 null true'
expect_clean web1

say "a step that fails is told of, and the others run"
sed -i 's/^tags = gold/tags = gold silver/' "$config"
run virtkeep job run nightly
expect_status 3
expect_err "the job 'nightly' failed: backup: 1 of 2 guests saved, 1 failure"
expect_err "job 'nightly': verify done"
run virtkeep job status
expect_status 3
expect_out "failed"
expect_out "backup: 1 of 2 guests saved, 1 failure"
expect_err "failed or missed: 1 of 3 jobs"
sed -i 's/^tags = gold silver/tags = gold/' "$config"

say "what is not replicated is not forgotten"
cp "$config" "$SCRATCH/before.conf"
sed -i 's/^exclude = d\*/&\nreplicate = other/' "$config"
refused 2 "1 problem in" virtkeep config check
expect_out "[job nightly] replicate: there is no section [vault other]"
printf '[vault other]\nurl = %s\n' "$SCRATCH/other" >> "$config"
run virtkeep job run nightly
expect_status 3
expect_err "forget: did not run: what is not replicated must not be forgotten"
ok virtkeep --json list web1
expect_json length 3
ok virtkeep --vault "$SCRATCH/other" init
ok virtkeep job run nightly
ok virtkeep --vault "$SCRATCH/other" --json list web1
expect_json 'length >= 2' true
ok virtkeep --json list web1
expect_json length 2
cp "$SCRATCH/before.conf" "$config"
ok virtkeep --json log nightly
expect_json '[.[].kind] | unique | contains(["backup", "forget", "verify"])' true

say "never two of the same at once, and what is killed leaves nothing"
guest_run web1 'dd if=/dev/urandom of=/mnt/vda/more bs=1M count=8 2>/dev/null; sync'
mkdir -p /etc/virtkeep/hooks.d
cat > /etc/virtkeep/hooks.d/wait <<END
#!/bin/sh
[ "\$1" = run-start ] && [ -e "$SCRATCH/hold" ] || exit 0
touch "$SCRATCH/held"
while [ -e "$SCRATCH/hold" ]; do sleep 0.1; done
END
chmod +x /etc/virtkeep/hooks.d/wait
touch "$SCRATCH/hold"
virtkeep job run nightly > "$SCRATCH/job.out" 2>&1 &
job=$!
wait_for 60 "the job is at work" test -e "$SCRATCH/held"
refused 4 "the job 'nightly' runs already, as process $job" virtkeep job run nightly
ok virtkeep --json job status nightly
expect_json '.[0].state' running
# It is killed, and its step goes on.
kill -KILL "$job"
wait "$job" || true
refused 4 "runs already" virtkeep job run nightly
rm "$SCRATCH/hold"
free() {
	[[ $(virtkeep --json job status nightly | jq -r '.[0].state') != running ]]
}
wait_for 120 "its step has ended" free
run virtkeep job status nightly
expect_status 3
expect_out "cut off"
expect_out "the last run ended without a result"
expect_clean web1
# It is asked to end, and hands that on.
touch "$SCRATCH/hold"
rm "$SCRATCH/held"
virtkeep job run nightly > "$SCRATCH/job.out" 2>&1 &
job=$!
wait_for 60 "the job is at work" test -e "$SCRATCH/held"
kill -TERM "$job"
STATUS=0
wait "$job" || STATUS=$?
rm "$SCRATCH/hold"
((STATUS != 0)) || fail "an interrupted job succeeded: $(cat "$SCRATCH/job.out")"
ok virtkeep job run nightly
expect_clean web1

say "cron runs what is due, once"
ok virtkeep job run --due
expect_silence
ok virtkeep --json job status web
expect_json '.[0] | "\(.state) \(.started)"' 'waiting null'
past() { # JOB SECONDS: its past lies so far back
	jq -c --argjson seconds "$2" '.since = (now | floor) - $seconds | .started = .since | .ended = .since' \
		"$states/$1.json" > "$SCRATCH/state"
	cp "$SCRATCH/state" "$states/$1.json"
}
past web 7200
run virtkeep job status web
expect_status 3
expect_out "missed"
expect_out "missed: should have run at $(date -d "@$(($(jq .since "$states/web.json") / 60 * 60 + 60))" '+%F %H:%M')"
ok virtkeep job run --due
expect_err "job 'web': backup done"
ok virtkeep job status web
expect_out "the last run was late: it should have run at"
ok virtkeep --json list
expect_json '[.[] | select(.label == "web").guest] | sort | join(" ")' 'web1 web2'
ok virtkeep --json job status never
expect_json '.[0].next | .[4:8]' 0229

say "outside of its window it waits"
window=$(date -d '2 hours' +%H:%M)-$(date -d '3 hours' +%H:%M)
sed -i "s/^schedule = \*:0\/1/&\nwindow = $window/" "$config"
past web 600
ok virtkeep job run --due web
expect_err "is due, and waits for its window"
run virtkeep job status web
expect_out "waits for its window at ${window%-*}"

say "enable and disable change the configuration, and systemd's timers"
ok virtkeep job disable web
expect_err "the job 'web' is disabled"
grep -qx 'enabled = no' "$config" || fail "$(cat "$config")"
ok virtkeep --json job status web
expect_json '.[0].state' disabled
ok virtkeep job run --due web
expect_silence
refused 2 "has no schedule" virtkeep job enable nightly
mkdir -p /run/systemd/system
cat > "$SCRATCH/bin/systemctl" <<END
#!/bin/sh
echo "\$*" >> "$SCRATCH/systemctl"
END
chmod +x "$SCRATCH/bin/systemctl"
ok virtkeep job enable web
ok virtkeep job disable web
[[ $(cat "$SCRATCH/systemctl") == "daemon-reload
start virtkeep-job@web.timer
stop virtkeep-job@web.timer
daemon-reload" ]] || fail "$(cat "$SCRATCH/systemctl")"

say "enable warns of what the rules would forget"
ok virtkeep job enable never
expect_err "the job 'never' is enabled"
not grep -q "would forget" "$ERR" || fail "$(cat "$ERR")"
ok virtkeep backup --label never web1
ok virtkeep backup --label never web1
sed -i 's/^schedule = \*-02-29/&\nkeep_last = 1/' "$config"
ok virtkeep job enable never
expect_err "the job 'never' would forget 1 snapshot now"
ok virtkeep --json list web1
expect_json '[.[] | select(.label == "never")] | length' 2
ok virtkeep job next --count 2 never
[[ $(wc -l < "$OUT") == 3 ]] || fail "$(cat "$OUT")"

say "the history of a guest that was defined anew under another name stays one"
uuid=$(virsh domuuid web2)
virsh dumpxml web2 | sed 's,<name>web2</name>,<name>web9</name>,' > "$SCRATCH/moved.xml"
virsh -q undefine web2 --checkpoints-metadata
virsh -q define "$SCRATCH/moved.xml"
ok virtkeep tag web9 nightly
ok virtkeep backup --tag nightly
ok virtkeep --json list web9
expect_json '[.[].uuid] | unique | join(" ")' "$uuid"
expect_json '[.[].guest] | sort | join(" ")' 'web2 web2 web9'
expect_clean web1
