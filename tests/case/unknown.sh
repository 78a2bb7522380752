#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Guests, snapshots, disks, files, commands and options that are unknown.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

define_guest vm
ok virtkeep init
ok virtkeep backup vm
snapshot=$(newest vm)
cd "$SCRATCH"

say "guests"
refused 6 "'nobody'" virtkeep backup nobody
refused 6 "'nobody'" virtkeep list nobody
refused 6 "'nobody'" virtkeep show nobody
refused 6 "'nobody'" virtkeep restore nobody
run virtkeep --json backup nobody vm
expect_status 3
expect_err "'nobody'"
expect_json '.snapshots | length' 1
expect_json '.failed[0].guest' nobody

say "snapshots, disks, files"
refused 6 "20200101T000000Z" virtkeep show vm@20200101T000000Z
refused 6 "20200101T000000Z" virtkeep restore vm@20200101T000000Z
refused 6 "'vdz'" virtkeep restore "$snapshot" --disk vdz
expect_err vda
refused 6 "'nothing.fd'" virtkeep restore "$snapshot" --file nothing.fd
expect_err domain.xml

say "the command line"
refused 2 "no command" virtkeep
refused 2 "'fly'" virtkeep fly
refused 2 "--fly" virtkeep --fly list
refused 2 "--fly" virtkeep backup --fly vm
refused 2 "no guest" virtkeep backup
refused 2 "--all" virtkeep backup --all vm
refused 2 "'harder'" virtkeep backup --quiesce harder vm
refused 2 "'extra'" virtkeep list vm extra
refused 2 "no snapshot" virtkeep show
refused 2 "no snapshot" virtkeep restore
refused 2 "--as" virtkeep restore vm --as new --in-place
refused 2 "mountpoint" virtkeep mount
refused 2 "-v" virtkeep -v -q list

say "the configuration"
refused 6 "'$SCRATCH/none.conf'" virtkeep --config "$SCRATCH/none.conf" list
printf '[vault]\nuri = /x\n' > "$SCRATCH/typo.conf"
refused 2 "[vault] uri" virtkeep --config "$SCRATCH/typo.conf" list
printf '[backup]\nworkers = many\n' > "$SCRATCH/typo.conf"
refused 2 "'many'" virtkeep --config "$SCRATCH/typo.conf" list
printf '[backup]\nquiesce = harder\n' > "$SCRATCH/typo.conf"
refused 2 "'harder'" virtkeep --config "$SCRATCH/typo.conf" backup vm
[[ -z $(find "$SCRATCH" -maxdepth 1 -name 'vm-*') ]] || fail "files were made"
expect_clean vm
