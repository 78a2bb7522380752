#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who builds and runs it needs nothing for the tests; and the units follow the prefix.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"

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

# On a machine that has nothing: what apt is told to install.
fake dpkg <<< 'echo amd64'
fake dpkg-query <<< 'exit 1'
fake id <<< 'echo 0'
# shellcheck disable=SC2016 # the fake's own
fake apt-get <<< '[[ " $* " != *" install "* ]] || printf "%s\n" "$@" | sed "1,/^--no-install/d"'
installed() { # LIST...
	PATH=$work/bin:$PATH contrib/install-packages "$@" | sort
}
has() { # PACKAGE PACKAGES
	grep -qx "$1" <<< "$2"
}

by_default=$(installed)
[[ $by_default == "$(installed build run)" ]] || fail "what is installed by default: $by_default"
for package in gcc libnbd-dev libipsec-mb-dev meson qemu-utils; do
	has "$package" "$by_default" || fail "$package is not installed"
done
for package in check jq python3 qemu-guest-agent shellcheck; do
	! has "$package" "$by_default" || fail "$package is installed, and only tests need it"
	has "$package" "$(installed test)" || fail "$package is not installed for tests"
done
! has qemu-utils "$(installed build)" || fail "what it needs to run is installed to build"
! has gcc "$(installed run)" || fail "what it needs to build is installed to run"
[[ -z $(installed build run test | uniq -d) ]] || fail "a package is in two lists"
fake dpkg <<< 'echo arm64'
! has libipsec-mb-dev "$(installed)" || fail "what is of another architecture is installed"
status=0
contrib/install-packages all 2> "$work/err" || status=$?
[[ $status == 2 ]] || fail "'all' is no list, and gave $status"
grep -q 'build|run|test' "$work/err" || fail "the lists are not named: $(cat "$work/err")"

# Without the tests' library, and for a prefix of its own.
# shellcheck disable=SC2016 # the fake's own
fake pkg-config <<< '[[ " $* " != *" check"* ]] || exit 1; exec /usr/bin/pkg-config "$@"'
PKG_CONFIG=$work/bin/pkg-config meson setup -Dtests=false --prefix /opt/somewhere "$work/build" . \
	> "$work/log" 2>&1 || fail "$(tail "$work/log")"
for program in virtkeep-backup:virtkeep virtkeep-forget:virtkeep virtkeep-gc:virtkeep \
	virtkeep-job@:virtkeep virtkeep-mount:virtkeep-mount virtkeep-verify:virtkeep; do
	unit=$work/build/contrib/${program%:*}.service
	grep -q "^ExecStart=/opt/somewhere/bin/${program#*:} " "$unit" || fail "$(cat "$unit")"
done
grep -q '^ExecStart=/opt/somewhere/libexec/virtkeep/mail-failure ' \
	"$work/build/contrib/virtkeep-failure@.service" || fail "the mail is sent by another"
! grep -qE '@[a-z]+@' "$work"/build/contrib/*.service || fail "something was not filled in"
