#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The freeze hooks for databases, with clients that only note what they are asked.
# shellcheck disable=SC2016 # the variables of the fakes
set -euo pipefail
hooks=$(realpath "$(dirname "$0")/../../contrib/freeze-hooks")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
export PATH=$work/bin:$PATH FREEZE_HOOK_STATE=$work/state FREEZE_HOOK_SECONDS=2 LOG=$work/log

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

fake runuser <<< 'shift 3; exec "$@"'
fake psql <<< 'echo "psql $*" >> "$LOG"'
"$hooks/postgresql" freeze
"$hooks/postgresql" thaw
[[ $(cat "$LOG") == *"-c CHECKPOINT postgres" ]] || fail "PostgreSQL: $(cat "$LOG")"
fake psql <<< 'sleep 60'
"$hooks/postgresql" freeze 2> "$work/err" || fail "a PostgreSQL that hangs is no failure"
grep -q 'going on without' "$work/err" || fail "nothing said of it"

# The lock holds until the thaw, and the session is gone after it.
fake mysql <<< 'read -r line; echo "$line" >> "$LOG"; echo locked; cat > /dev/null; exec sleep 60'
"$hooks/mariadb" freeze
grep -q 'FLUSH TABLES WITH READ LOCK' "$LOG" || fail "MariaDB was not locked"
session=$(cat "$work/state/pid")
kill -0 -- "-$session" || fail "the lock did not last"
"$hooks/mariadb" thaw
for ((i = 0; i < 100; i++)); do
	kill -0 -- "-$session" 2> /dev/null || break
	sleep 0.05
done
! kill -0 -- "-$session" 2> /dev/null || fail "the session outlives the thaw"
# Without an answer it goes on, unlocked.
fake mysql <<< 'exec sleep 60'
"$hooks/mariadb" freeze 2> "$work/err" || fail "a MariaDB that hangs is no failure"
grep -q 'going on without' "$work/err" || fail "nothing said of it"
[[ ! -e $work/state/pid ]] || fail "the session was left"
