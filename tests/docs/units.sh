#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The units are understood by systemd, and a failure is mailed with what was said.
#
#   units.sh BUILD-DIRECTORY
# shellcheck disable=SC2016 # the variables of the fakes
set -euo pipefail
build=$1
contrib=$(realpath "$(dirname "$0")/../../contrib")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/units"

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

fake() { # NAME: reads a program from standard input
	{
		echo '#!/bin/bash'
		cat
	} > "$work/bin/$1"
	chmod +x "$work/bin/$1"
}

# The programs of the units are those of the build, and units of others are not at hand.
for unit in "$build"/contrib/*.service "$contrib"/systemd/*.timer; do
	sed -e "s,^ExecStart=[^ ]*,ExecStart=/bin/true," "$unit" > "$work/units/${unit##*/}"
done
grep -lL '^OnFailure=virtkeep-failure@%n.service$' "$work"/units/virtkeep-{backup,forget,gc,job@,mount,replicate@,verify}.service |
	grep . && fail "these units tell nobody of a failure"
# The program takes the options of the unit, and then finds no vault.
read -ra words < <(sed -n 's/^ExecStart=[^ ]* //p' "$build/contrib/virtkeep-verify.service")
found=0
printf '[history]\ndir = %s\n' "$work/history" > "$work/test.conf"
"$build/engine/virtkeep" --config "$work/test.conf" --vault /nonexistent "${words[@]}" 2> "$work/said" || found=$?
[[ $found == 6 ]] || fail "'virtkeep ${words[*]}': $(cat "$work/said")"
read -ra words < <(sed -n 's/^ExecStart=[^ ]* //p' "$build/contrib/virtkeep-replicate@.service")
found=0
"$build/engine/virtkeep" --vault /nonexistent "${words[@]}" 2> "$work/said" || found=$?
[[ $found == 6 ]] || fail "'virtkeep ${words[*]}': $(cat "$work/said")"
# A failure of one must not stop the others.
! grep -E '^(Requires|BindsTo|Requisite|PartOf)=.*virtkeep' "$work"/units/* ||
	fail "these units depend on each other"
# The timers of jobs come from the configuration, and begin their service.
cat > "$work/jobs.conf" <<'END'
[job nightly]
schedule = Mon..Fri 22:30; Sat,Sun 12:00 Europe/Berlin
window = 22:00-06:00
random_delay = 30
[job hourly_2.0]
schedule = hourly
persistent = no
[job off]
schedule = daily
enabled = no
[job by-hand]
END
generate() { # CONFIGURATION
	sed "s,^[^ ]*/virtkeep --quiet,'$build/engine/virtkeep' --quiet," "$build/contrib/virtkeep-generator" |
		VIRTKEEP_CONFIG=$1 sh -s -- "${2:-$work/units}"
}
generate "$work/jobs.conf" || fail "no timers"
[[ $(cd "$work/units" && echo virtkeep-job@*.timer timers.target.wants/*) == \
	"virtkeep-job@hourly_2.0.timer virtkeep-job@nightly.timer\
 timers.target.wants/virtkeep-job@hourly_2.0.timer timers.target.wants/virtkeep-job@nightly.timer" ]] ||
	fail "other timers: $(ls "$work/units" "$work/units/timers.target.wants")"
generate /dev/null || fail "a configuration without jobs"
[[ ! -e $work/units/virtkeep-jobs.service ]] || fail "a failure of nothing"
# Without timers, a service fails in their place and is told of.
! generate /nonexistent "$work/broken" 2> "$work/said" || fail "a configuration that is not there"
[[ -e $work/broken/timers.target.wants/virtkeep-jobs.service ]] || fail "nobody is told that there are no timers"
grep -q '^OnFailure=virtkeep-failure@%n.service$' "$work/broken/virtkeep-jobs.service" ||
	fail "$(cat "$work/broken/virtkeep-jobs.service")"
sed -e "s,^ExecStart=[^ ]*/virtkeep ,ExecStart=/bin/true ," "$work/broken/virtkeep-jobs.service" \
	> "$work/units/virtkeep-jobs.service"
last=$(sed -n 's/^ExecStart=.bin.sh -c "\(.*\)"$/\1/p' "$work/units/virtkeep-jobs.service" | sed 's/\\"/"/g')
! sh -c "$last" 2> "$work/said" || fail "it does not fail"
grep -q "run 'systemctl daemon-reload'" "$work/said" || fail "$(cat "$work/said")"
# The service takes its own options.
read -ra words < <(sed -n 's/^ExecStart=[^ ]* //p' "$build/contrib/virtkeep-job@.service")
found=0
"$build/engine/virtkeep" --config "$work/jobs.conf" "${words[@]/\%i/by-hand}" > "$work/said" 2>&1 || found=$?
[[ $found == 0 && ! -s $work/said ]] || fail "'virtkeep ${words[*]}': $found, $(cat "$work/said")"
cp "$work/units/virtkeep-job@.service" "$work/units/virtkeep-job@nightly.service"
cp "$work/units/virtkeep-job@.service" "$work/units/virtkeep-job@hourly_2.0.service"
cp "$work/units/virtkeep-failure@.service" "$work/units/virtkeep-failure@test.service"
cp "$work/units/virtkeep-replicate@.service" "$work/units/virtkeep-replicate@test.service"
cp "$work/units/virtkeep-replicate@.timer" "$work/units/virtkeep-replicate@test.timer"
if command -v systemd-analyze > /dev/null; then
	said=$(SYSTEMD_UNIT_PATH=$work/units: systemd-analyze verify --man=no \
		"$work"/units/virtkeep-{backup,forget,gc,jobs,mount,verify,failure@test,replicate@test}.service \
		"$work"/units/virtkeep-{backup,forget,gc,verify,replicate@test}.timer \
		"$work"/units/virtkeep-job@*.{service,timer} 2>&1 | grep -F "$work/units" || true)
	[[ -z $said ]] || fail "$said"
fi

# The user for whom the sandbox looks is made.
grep -qF 'getpwnam("virtkeep-files")' "$contrib/../engine/files/sandbox/main.c" ||
	fail "the sandbox looks for another user"
grep -q '^u virtkeep-files ' "$contrib/systemd/sysusers.conf" || fail "no user virtkeep-files"
if command -v systemd-sysusers > /dev/null; then
	systemd-sysusers --dry-run "$contrib/systemd/sysusers.conf" > "$work/said" 2>&1 ||
		fail "$(cat "$work/said")"
fi

fake sendmail <<< 'echo "$*" > "$WORK/options"; cat > "$WORK/mail"'
fake journalctl <<< 'echo "the vault is full ($*)"'
export WORK=$work PATH=$work/bin:$PATH
MONITOR_INVOCATION_ID=abc123 MONITOR_SERVICE_RESULT=exit-code MONITOR_EXIT_STATUS=3 \
	VIRTKEEP_MAIL_TO=admin@example.com "$contrib/systemd/mail-failure" virtkeep-backup.service
[[ $(cat "$work/options") == "-t -oi" ]] || fail "sendmail $(cat "$work/options")"
[[ $(sed '/^$/q' "$work/mail") == "To: admin@example.com
Subject: virtkeep-backup.service has failed on $(uname -n)
"* ]] || fail "$(cat "$work/mail")"
grep -q 'exit-code, exit status 3\.' "$work/mail" || fail "$(cat "$work/mail")"
grep -q 'the vault is full .*_SYSTEMD_INVOCATION_ID=abc123' "$work/mail" || fail "$(cat "$work/mail")"
"$contrib/systemd/mail-failure" x.service
grep -qx 'To: root' "$work/mail" || fail "$(cat "$work/mail")"
grep -q -- '--unit=x.service' "$work/mail" || fail "$(cat "$work/mail")"
# The journal is of no help, but the mail goes out.
fake journalctl <<< 'exit 1'
rm "$work/mail"
"$contrib/systemd/mail-failure" x.service
[[ -s $work/mail ]] || fail "no mail without a journal"
