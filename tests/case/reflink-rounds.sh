#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The random rounds on XFS, with snapshots by reflink among those into the vault.
VK_CASE_MODES='array array array+vault vault vault' exec "${0%/*}/rounds.sh"
