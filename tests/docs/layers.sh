#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The layers of the README: a folder includes only from itself and from those it may know, by plain
# names, and a library's headers stay within the folders that own it. meson's include directories
# refuse most of this already; this also sees what the compiler cannot, and what is not compiled.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."

# The folders that each folder may include from, besides itself.
declare -A below=(
	[engine/base]=''
	[engine/vault]='engine/base'
	[engine/qemu]='engine/base'
	[engine/array]='engine/base engine/qemu'
	[engine/virt]='engine/base engine/qemu'
	[engine/job]='engine/base engine/qemu engine/vault engine/array engine/virt'
	[engine]='engine/base engine/qemu engine/vault engine/array engine/virt engine/job'
	[fs]='engine/base engine/qemu engine/vault engine/array'
	[restore]='engine/base engine/qemu engine/vault engine/array engine/virt engine/job'
)
# The folders whose sources may include a library's headers; of GLib and libc all may.
declare -A owner=(
	[curl]='engine/vault engine/array'
	[fuse]='fs'
	[isa-l]='engine/vault'
	[libmount]='engine/array fs'
	[libnbd]='engine/qemu'
	[libvirt]='engine/virt'
	[libxml]='engine/virt'
	[openssl]='engine/vault'
	[zstd]='engine/vault'
)

status=0
fail() {
	echo "layers: $*" >&2
	status=1
}

check_ours() { # FILE FOLDER NAME
	local folder
	case $3 in
	*/*) fail "$1 includes \"$3\": include by the plain name" ;;
	esac
	for folder in "$2" ${below[$2]}; do
		[[ ! -e $folder/$3 ]] || return 0
	done
	fail "$1 includes \"$3\", which is in no folder that $2 may include from"
}

check_library() { # FILE FOLDER NAME
	local library
	for library in "${!owner[@]}"; do
		[[ $3 == "$library"* ]] || continue
		[[ " ${owner[$library]} " == *" $2 "* ]] ||
			fail "$1 includes <$3>, which is not for $2"
		[[ $1 != *.h ]] || foreign_types[${1##*/}]=$1
	done
}

# Headers with a library's types, and who includes what: "FILE FOLDER NAME".
declare -A foreign_types=()
pairs=()
while IFS=: read -r file line; do
	folder=${file%/*}
	[[ $line =~ ([\"\<])([^\"\>]+) ]]
	name=${BASH_REMATCH[2]}
	if [[ ${BASH_REMATCH[1]} == '<' ]]; then
		check_library "$file" "$folder" "$name"
	else
		check_ours "$file" "$folder" "$name"
		pairs+=("$file $folder $name")
	fi
done < <(for folder in "${!below[@]}"; do
	grep -HE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' "$folder"/*.[ch] || true
done)
for pair in "${pairs[@]}"; do
	read -r file folder name <<< "$pair"
	header=${foreign_types[$name]:-}
	[[ -z $header || ${header%/*} == "$folder" || -e $folder/$name ]] ||
		fail "$file includes $header, whose library is for ${header%/*} alone"
done
((${#pairs[@]} > 300)) || fail "only ${#pairs[@]} includes were found"
exit "$status"
