#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest that is shut down, or started, in mid-backup.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

VDA_FILES=$(make_noise 160)
VDA_MIB=256
define_guest vm
start_guest vm
ok virtkeep init

# Either a second try gave a snapshot of the guest in its new state, or there is none.
expect_honest() { # GUEST CONSISTENCY
	case $STATUS in
	0)
		ok virtkeep --json show "$1"
		expect_json .consistency "$2"
		;;
	1) expect_err "'$1'" ;;
	*) fail "status $STATUS" ;;
	esac
	expect_clean "$1"
	ok virtkeep verify --data
}

say "shut down"
halt_backup vm
stop_guest vm
finish_job
expect_honest vm offline
ok virtkeep backup vm

say "started: the start must work at once"
VDA_FILES=$(make_noise 160)
define_guest cold
halt_backup cold
start_guest cold
finish_job
expect_honest cold filesystem
