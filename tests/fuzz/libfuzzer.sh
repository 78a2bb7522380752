#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The fuzz targets build as libFuzzer programs, with sanitizers, and find nothing in a few runs.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."

command -v clang > /dev/null || exit 77
build=$(mktemp -d "${TMPDIR:-/tmp}/virtkeep-fuzz-XXXXXX")
trap 'rm -rf "$build"' EXIT
mapfile -t targets < <(printf '%s\n' tests/fuzz/fuzz-*.c | sed 's/\.c$//')
CC=clang meson setup -Dfuzzing=true -Db_sanitize=address,undefined -Db_lundef=false \
	-Doptimization=1 -Ddebug=false -Dc_args=-g1 "$build" > "$build/log"
ninja -C "$build" "${targets[@]}" >> "$build/log" || {
	grep -E 'error|undefined|FAILED' "$build/log" | head -n 30
	exit 1
}
export UBSAN_OPTIONS=halt_on_error=1
[[ ! -d /dev/shm ]] || export TMPDIR=/dev/shm
for source in tests/fuzz/fuzz-*.c; do
	name=${source#tests/fuzz/fuzz-}
	name=${name%.c}
	mkdir "$build/$name"
	"$build/tests/fuzz/fuzz-$name" -runs=400 -seed=1 "-artifact_prefix=$build/" "$build/$name" \
		"tests/fuzz/corpus/$name" 2> "$build/log" || {
		tail -n 40 "$build/log"
		exit 1
	}
done
