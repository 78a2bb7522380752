#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The soak: many work on one vault at once, from two hosts, and anybody may stop or die at any moment.
#
#   tests/case/soak.sh [SECONDS [SEED]]
#
# Four writers, a collector on each host, people who forget, unforget and pin, mounts with readers,
# restores. They are stopped for seconds and killed at random, and after each round both hosts lose
# power. Then every snapshot has to read back byte for byte, and nothing may be missing. At the end
# the vault has to be as small as a new one with the same snapshots.
#
# The seed decides what each of them does, but not who is faster: a failure may need some runs.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

LENGTH=${1:-24}
SEED=${2:-1}
ROUND_SECONDS=$((LENGTH < 60 ? 12 : 20))
KEEP_LAST=6  # of the policy
KEPT_EACH=3  # of each guest at the end
LEDGER=$SCRATCH/soak/ledger
LOG=$SCRATCH/soak/log
FAILURES=$SCRATCH/soak/failures
HOST=all
RANDOM=$SEED

cp "$BUILD/tests/soak/soak" "$SCRATCH/bin/"
mkdir -p "$SCRATCH/soak" "$VAULT" /var/lib/virtkeep /run/virtkeep
mount -t tmpfs tmpfs "$SCRATCH/soak"
mount -t tmpfs tmpfs "$VAULT"
mkdir -p "$LEDGER"/{red,green,blue}
printf '[vault]\nurl = %s\n[retention]\nkeep_last = %d\n' "$VAULT" "$KEEP_LAST" \
	> /etc/virtkeep/virtkeep.conf
export SCRATCH VAULT LEDGER LOG FAILURES SEED KEEP_LAST

# What follows until "the main part" runs in a host, whose name HOST is. WORK is the worker's directory.

note() {
	printf '%(%T)T %s: %s\n' -1 "$HOST" "$*" >> "$LOG"
}

# attempt STATUSES COMMAND...: it has to end with one of these, or be killed. Sets STATUS.
attempt() {
	local allowed=" $1 137 "

	shift
	STATUS=0
	"$@" < /dev/null > "$WORK/out" 2> "$WORK/err" || STATUS=$?
	note "$STATUS ${*/#$SCRATCH\//}: $(tail -qn 1 "$WORK/out" "$WORK/err" | tr '\n' ' ')"
	[[ $allowed == *" $STATUS "* ]] ||
		printf '%s: status %d of: %s\n%s\n' "$HOST" "$STATUS" "$*" "$(cat "$WORK/err")" \
			>> "$FAILURES"
}

a_moment() {
	sleep "0.$((RANDOM % 10))"
}

write_backups() { # GUEST
	attempt "0 4" soak "$VAULT" "$LEDGER" "$RANDOM" write "$1"
}

collect_garbage() {
	if ((RANDOM % 2)); then
		attempt "0 4" virtkeep gc
	else
		attempt "0 4" soak "$VAULT" "$LEDGER" 0 collect "$((RANDOM % 1500 + 1))"
	fi
}

# One of the guest's last snapshots, as GUEST@ID. Fails when there is none.
choose_snapshot() { # GUEST; sets ID
	local ids

	mapfile -t ids < <(cd "$LEDGER/$1" && find . -name '*.done' -printf '%T@ %f\n' |
		sort -r | head -n 12 | sed 's/.* //; s/\.done//')
	((${#ids[@]})) && ID=${ids[RANDOM % ${#ids[@]}]}
}

# The ledger says first what may be missing, and last what must be there.
change_a_mark() { # GUEST
	local entry

	choose_snapshot "$1" || return 0
	entry=$LEDGER/$1/$ID
	case $((RANDOM % 10)) in
	[0-3])
		if [[ ! -e $entry.forgot ]]; then
			touch "$entry.forgot"
			attempt "0 1 6" virtkeep forget "$1@$ID"
			[[ $STATUS != 1 ]] || rm "$entry.forgot"
		fi
		;;
	[4-5])
		attempt "0 4 6" virtkeep unforget "$1@$ID"
		[[ $STATUS != 0 ]] || rm -f "$entry.forgot"
		;;
	6)
		attempt "0 1 6" virtkeep pin "$1@$ID" --reason soak
		[[ $STATUS != 0 ]] || touch "$entry.pinned"
		;;
	7)
		rm -f "$entry.pinned"
		attempt "0 6" virtkeep unpin "$1@$ID"
		;;
	*)
		touch "$LEDGER/$1/policy"
		# The guests are made up. If libvirt answered, they would be gone.
		attempt "0 6" virtkeep --connect qemu:///nowhere forget --policy "$1"
		;;
	esac
}

mount_it() {
	mkdir -p "$WORK/mnt"
	attempt 0 virtkeep-mount -f "$VAULT" "$WORK/mnt"
	umount -l "$WORK/mnt" 2> /dev/null
}

read_from_mount() {
	attempt "0 4" soak "$VAULT" "$LEDGER" "$RANDOM" read "$WORK/../mount_it/mnt"
}

# Commands that only look, and take what they see for the truth.
look_around() { # GUEST
	case $((RANDOM % 6)) in
	0) attempt "0 6" virtkeep verify --data "$1" ;;
	1) attempt 0 virtkeep verify ;;
	2) attempt 0 virtkeep space ;;
	3) attempt 0 virtkeep gc --dry-run ;;
	4) attempt 0 virtkeep list ;;
	5) attempt "0 6" virtkeep show "$1" ;;
	esac
}

restore_one() { # GUEST
	choose_snapshot "$1" || return 0
	attempt "0 6" virtkeep restore "$1@$ID" --disk "vda=$WORK/vda.raw" --format raw --force
	[[ $STATUS != 0 ]] ||
		attempt 0 soak "$VAULT" "$LEDGER" 0 compare "$WORK/vda.raw" "$1" "$ID" vda
}

# Does one thing again and again.
work() { # SEED COMMAND [GUEST]
	RANDOM=$1
	shift
	WORK=$SCRATCH/soak/$HOST/${*/ /-}
	mkdir -p "$WORK"
	while :; do
		a_moment
		"$@"
	done
}

# A host's life from its start until it loses power. It has its own ids, processes and caches.
live() { # ROUND
	hostname "$HOST"
	mkdir -p "$SCRATCH/soak/$HOST"
	echo "$HOST boot $1" > "$SCRATCH/soak/$HOST/boot"
	echo "$HOST" > "$SCRATCH/soak/$HOST/machine"
	mount --bind "$SCRATCH/soak/$HOST/boot" /proc/sys/kernel/random/boot_id
	mount --bind "$SCRATCH/soak/$HOST/machine" /etc/machine-id
	for directory in /var/cache /var/lib/virtkeep /run/virtkeep; do
		mount -t tmpfs tmpfs "$directory"
	done
}

live_a() {
	live "$1"
	work "$1$SEED" write_backups red &
	work "$1${SEED}1" write_backups green &
	work "$1${SEED}2" collect_garbage &
	work "$1${SEED}3" change_a_mark red &
	work "$1${SEED}4" mount_it &
	work "$1${SEED}5" read_from_mount &
	work "$1${SEED}6" restore_one blue &
	work "$1${SEED}15" look_around green &
	wait
}

live_b() {
	live "$1"
	work "$1${SEED}7" write_backups blue &
	work "$1${SEED}8" write_backups green &
	work "$1${SEED}9" collect_garbage &
	work "$1${SEED}10" change_a_mark green &
	work "$1${SEED}11" change_a_mark blue &
	work "$1${SEED}12" mount_it &
	work "$1${SEED}13" read_from_mount &
	work "$1${SEED}14" restore_one green &
	work "$1${SEED}16" look_around red &
	wait
}

# Somebody looks after a host whose workers do not come back.
live_to_tidy() {
	live "$1"
	WORK=$SCRATCH/soak/$HOST
	attempt 0 virtkeep doctor --fix
}

export -f note attempt a_moment write_backups collect_garbage choose_snapshot change_a_mark mount_it \
	read_from_mount look_around restore_one work live live_a live_b live_to_tidy

# The main part.

start_host() { # NAME FUNCTION ROUND; its process is the last in HOSTS
	HOST=$1 unshare --uts --mount --pid --fork --kill-child --mount-proc \
		bash -c "$2 $3" < /dev/null 2>> "$SCRATCH/soak/messages" &
	HOSTS+=("$!")
}

nobody_works() {
	! pgrep -x 'soak|virtkeep.*'
}

lose_power() {
	kill -KILL "${HOSTS[@]}"
	wait "${HOSTS[@]}" 2> /dev/null || true
	HOSTS=()
	wait_for 20 "the hosts have ended" nobody_works
}

# Stops or kills somebody now and then.
harass() { # SECONDS
	local deadline=$((SECONDS + $1)) pids pid

	while ((SECONDS < deadline)); do
		sleep "$((RANDOM % 4 / 3)).$((RANDOM % 10))"
		mapfile -t pids < <(pgrep -x 'soak|virtkeep.*')
		((${#pids[@]})) || continue
		pid=${pids[RANDOM % ${#pids[@]}]}
		if ((RANDOM % 3)); then
			kill -STOP "$pid" 2> /dev/null || continue
			note "stop $pid"
			(sleep "$((RANDOM % 5 / 2)).$((RANDOM % 10))"; kill -CONT "$pid" 2> /dev/null) &
		else
			kill -KILL "$pid" 2> /dev/null || continue
			note "kill $pid"
		fi
	done
}

count() { # TEXT: how many lines of the log have it
	grep -c -- "$1" "$LOG" || true
}

# What a run of this length must have seen, whatever the seed, to be worth something.
expect_work() {
	expect_some 1 ': 0 soak .* write'
	expect_some 1 ' 0 .*packs\{0,1\} deleted'
	expect_some 1 ': 0 soak .* read'
	expect_some 1 ': 0 virtkeep restore'
	expect_some 1 ': 0 virtkeep forget'
	expect_some 1 'all: stop'
	expect_some 1 'all: kill'
	((LENGTH >= 60)) || return 0
	expect_some $((LENGTH / 60)) ' 0 .*packs\{0,1\} deleted'
	expect_some $((LENGTH / 60)) 'all: kill'
	expect_some 1 'write .* for dead'
	expect_some 1 ': 4 .*\(gc\|collect\)'
	expect_some 1 ': 0 virtkeep unforget'
	expect_some 1 ': 0 virtkeep pin'
}

expect_some() { # MINIMUM TEXT
	(($(count "$2") >= $1)) || fail_soak "fewer than $1 times in the log: $2"
}

tell() {
	echo "$(count ': 0 soak .* write') of $(count 'soak .* write') writers ended well," \
		"$(count 'write .* for dead') were taken for dead;" \
		"$(count ' 0 .*packs\{0,1\} deleted') collections, $(count ': 4 .*\(gc\|collect\)') gave way;" \
		"$(count ': 0 virtkeep restore') restores; $(count ': 0 soak .* read') readers;" \
		"$(count ': 0 virtkeep forget'), $(count ': 0 virtkeep unforget'), $(count ': 0 virtkeep pin')" \
		"times forgotten, unforgotten, pinned; $(count 'all: stop') stopped, $(count 'all: kill') killed"
}

fail_soak() {
	cat "$SCRATCH/soak/messages"
	tail -n 300 "$LOG"
	fail "seed $SEED: $*"
}

# All of it, for one fault has several faces.
check_all() {
	local command

	for command in "soak $VAULT $LEDGER 0 check $KEEP_LAST" "virtkeep verify --data"; do
		# shellcheck disable=SC2086 # words
		run $command
		cat "$OUT"
		[[ $STATUS == 0 ]] || cat "$ERR" >> "$FAILURES"
		[[ $STATUS == 0 ]] || echo "status $STATUS of: $command" >> "$FAILURES"
	done
	[[ ! -s $FAILURES ]] || fail_soak "$(cat "$FAILURES")"
}

ok virtkeep init
touch "$SCRATCH/soak/messages"
echo "seed $SEED, $LENGTH seconds"
HOSTS=()
for ((round = 1; round * ROUND_SECONDS <= LENGTH; round++)); do
	say "round $round"
	start_host a live_a "$round"
	start_host b live_b "$round"
	harass "$ROUND_SECONDS"
	lose_power
	tell
	check_all
done

expect_work

say "the end: what is kept is as small as in a new vault"
for host in a b; do
	start_host "$host" live_to_tidy "$round"
	wait "${HOSTS[-1]}"
done
HOSTS=()
[[ ! -s $FAILURES ]] || fail_soak "$(cat "$FAILURES")"

# Whoever was killed in a commit leaves its claim of a second, and a backup of the next day removes it.
mapfile -t claims < <(find "$VAULT/snaps" -name '*.claim')
echo "${#claims[@]} claims of commits that were killed"
for i in "${!claims[@]}"; do
	touch -d '2 days ago' "${claims[i]}"
	mv "${claims[i]}" "${claims[i]%/*}/$(date -u -d "2 days ago - $i seconds" +%Y%m%dT%H%M%SZ).claim"
done
for guest in red green blue; do
	ok soak "$VAULT" "$LEDGER" "$SEED" write "$guest"
done

for guest in red green blue; do
	ok virtkeep --json list
	mapfile -t snapshots < <(jq -r --arg guest "$guest" '.[] | select(.guest == $guest).snapshot' \
		"$OUT" | sort -R --random-source="$LOG")
	((${#snapshots[@]})) || continue
	ok virtkeep unpin "${snapshots[@]}"
	((${#snapshots[@]} <= KEPT_EACH)) || ok virtkeep forget "${snapshots[@]:KEPT_EACH}"
done
rm -f "$LEDGER"/*/*.pinned
touch "$LEDGER"/{red,green,blue}/policy
ok virtkeep gc
cat "$OUT"
ok virtkeep gc
expect_out "0 snapshots removed, 0 packs deleted, 0 compacted"
left=$(find "$VAULT"/{leases,gc,fence,tmp} -type f)
[[ -z $left ]] || fail_soak "left behind: $left"
left=$(find "$VAULT/snaps" -name '*.del' -o -name '*.gone-*' -o -name '*.back-*' -o -name '*.pin-*' \
	-o -name '*.claim')
[[ -z $left ]] || fail_soak "left behind: $left"
KEEP_LAST=0 check_all
ok soak "$VAULT" "$LEDGER" 0 dead
dead=$(cat "$OUT")
ok soak "$VAULT" "$LEDGER" 0 copy "$SCRATCH/soak/new"
used=$(du -sb "$VAULT/packs" | cut -f 1)
needed=$(du -sb "$SCRATCH/soak/new/packs" | cut -f 1)
hints=$(du -sb "$VAULT/hints" | cut -f 1)
echo "packs: $used bytes, $dead of them dead; a new vault needs $needed; hints: $hints bytes"
(((used - dead) * 10 <= needed * 11)) || fail_soak "the vault is too large"
((hints * 10 <= used)) || fail_soak "the hints are too large"
