#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# All scripts are clean.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
command -v shellcheck > /dev/null || exit 77
mapfile -t scripts < <(grep -rlE --exclude-dir='build*' --exclude-dir=.git \
	'^#!/bin/(ba)?sh|^# shellcheck shell=' .)
((${#scripts[@]} > 10))
shellcheck -x "${scripts[@]}"
shellcheck -s bash contrib/completion/virtkeep
