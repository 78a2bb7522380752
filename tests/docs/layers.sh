#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The layers of the README: a folder includes only from itself and from those it may know, by plain
# names, a library's headers stay within the folders that own it, and its types within a folder: of
# our headers only those named *-priv.h may include it, which no other folder but the tests includes.
# The parts of an open vault, vault-parts.h, stay within engine/vault.
# Only engine/base and engine/base/program print text: there it is escaped.
# meson's include directories refuse most of this already; this also sees what the compiler cannot,
# and what is not compiled.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."

# The folders that each folder includes from, besides itself: no others, and each of them.
declare -A below=(
	[engine/base]=''
	[engine/base/io]='engine/base'
	[engine/base/transfer]='engine/base engine/base/io'
	[engine/base/settings]='engine/base engine/base/io'
	[engine/base/program]='engine/base engine/base/settings'
	[engine/history]='engine/base engine/base/settings'
	[engine/notify]='
		engine/base engine/base/io engine/base/settings engine/history engine/http'
	[engine/finish]='
		engine/base engine/base/settings engine/base/program engine/history engine/notify'
	[engine/partition]='engine/base engine/base/transfer'
	[engine/http]='engine/base'
	[engine/s3]='engine/base engine/base/io engine/http'
	[engine/retention]='engine/base engine/base/settings'
	[engine/vault/store]='engine/base engine/base/io engine/s3'
	[engine/vault/key]='engine/base engine/vault/store'
	[engine/vault/format]='engine/base engine/vault/store engine/vault/key'
	[engine/vault/parity]='engine/base engine/vault/store engine/vault/format'
	[engine/vault/pack]='
		engine/base engine/vault/store engine/vault/key engine/vault/format engine/vault/parity'
	[engine/vault/map]='engine/base engine/vault/format engine/vault/pack'
	[engine/vault/hints]='
		engine/base engine/base/io engine/vault/store engine/vault/format engine/vault/pack'
	[engine/vault/lease]='engine/base engine/vault/store engine/vault/format engine/vault/pack'
	[engine/vault/cache]='
		engine/base engine/base/io engine/vault/store engine/vault/key engine/vault/format'
	[engine/vault/snapshot]='engine/base engine/vault/format engine/vault/map'
	[engine/vault]='
		engine/base engine/base/io engine/base/transfer engine/vault/store
		engine/vault/key engine/vault/parity engine/vault/pack engine/vault/hints
		engine/vault/lease engine/vault/cache'
	[engine/vault/open]='
		engine/base engine/base/io engine/base/settings engine/base/program
		engine/s3 engine/vault/key engine/vault engine/history'
	[engine/vault/health]='
		engine/base engine/vault/store engine/vault/format engine/vault/pack engine/vault'
	[engine/vault/catalog]='
		engine/base engine/vault/store engine/vault/lease engine/vault/cache
		engine/vault/snapshot engine/vault'
	[engine/vault/heal]='
		engine/base engine/base/transfer engine/vault/store engine/vault/format
		engine/vault/pack engine/vault engine/vault/health'
	[engine/vault/session]='
		engine/base engine/base/io engine/base/transfer engine/vault/store
		engine/vault/pack engine/vault/map engine/vault/hints engine/vault/lease
		engine/vault/snapshot engine/vault engine/vault/catalog engine/vault/heal'
	[engine/vault/replicate]='
		engine/base engine/base/transfer engine/vault/store engine/vault/pack engine/vault/map
		engine/vault/snapshot engine/vault engine/vault/catalog engine/vault/heal
		engine/vault/session engine/vault/view'
	[engine/vault/view]='
		engine/base engine/base/transfer engine/vault/map engine/vault/snapshot
		engine/vault engine/vault/catalog'
	[engine/vault/check]='
		engine/base engine/base/transfer engine/vault/store engine/vault/format
		engine/vault/parity engine/vault/pack engine/vault/map engine/vault/snapshot engine/vault
		engine/vault/health engine/vault/catalog'
	[engine/vault/collect]='
		engine/base engine/base/transfer engine/vault/store engine/vault/format
		engine/vault/pack engine/vault/hints engine/vault/map engine/vault/snapshot
		engine/vault engine/vault/lease engine/vault/catalog'
	[engine/vault/salvage]='
		engine/base engine/base/io engine/vault/pack engine/vault engine/vault/catalog
		engine/vault/collect'
	[engine/vault/space]='
		engine/base engine/vault engine/vault/catalog engine/vault/collect'
	[engine/qemu]='engine/base engine/base/io engine/base/transfer'
	[engine/array]='
		engine/base engine/base/io engine/base/transfer engine/base/settings engine/qemu'
	[engine/array/ontap/rest]='engine/base engine/base/io engine/base/settings engine/http'
	[engine/array/ontap]='
		engine/base engine/base/io engine/qemu engine/array engine/array/ontap/rest'
	[engine/array/reflink]='engine/base engine/base/io engine/qemu engine/array'
	[engine/array/drivers]='engine/array engine/array/ontap engine/array/reflink'
	[engine/domain]='engine/base'
	[engine/virt/host]='engine/base engine/qemu engine/domain'
	[engine/virt/disk]='
		engine/base engine/base/io engine/base/transfer engine/qemu engine/domain
		engine/virt/host'
	[engine/virt/hold]='engine/base engine/base/io engine/virt/host'
	[engine/virt/backup]='
		engine/base engine/base/transfer engine/qemu engine/domain engine/virt/host
		engine/virt/hold'
	[engine/virt/guard]='engine/base engine/base/io engine/virt/host engine/virt/hold'
	[engine/virt/inside]='engine/base engine/virt/host'
	[engine/job/capture]='
		engine/base engine/base/io engine/base/transfer engine/vault/snapshot engine/qemu
		engine/domain engine/virt/host engine/virt/disk'
	[engine/job/array]='
		engine/base engine/base/settings engine/retention engine/vault/snapshot engine/vault
		engine/vault/catalog engine/array engine/domain engine/virt/host engine/virt/disk'
	[engine/job]='
		engine/base engine/base/transfer engine/base/settings engine/base/program
		engine/retention engine/vault/snapshot engine/vault engine/vault/catalog
		engine/vault/heal engine/vault/session engine/vault/replicate engine/qemu engine/array
		engine/domain engine/virt/host engine/virt/disk engine/virt/hold'
	[engine/job/backup/group]='engine/base'
	[engine/job/backup]='
		engine/base engine/base/io engine/base/transfer engine/base/settings
		engine/vault/snapshot engine/vault engine/vault/session
		engine/qemu engine/array engine/array/drivers engine/domain engine/virt/host
		engine/virt/disk engine/virt/hold engine/virt/backup engine/job/capture
		engine/job/array engine/job engine/job/backup/group'
	[engine/job/doctor]='
		engine/base engine/base/io engine/vault engine/vault/catalog engine/qemu engine/array
		engine/domain engine/virt/host engine/virt/disk engine/virt/hold engine/virt/backup
		engine/job/array engine/job'
	[engine/metrics]='engine/base'
	[engine/job/metrics]='
		engine/base engine/base/io engine/base/settings engine/vault/snapshot engine/vault
		engine/vault/health engine/vault/catalog engine/vault/check engine/vault/space engine/job
		engine/history engine/metrics'
	[engine/job/forget]='
		engine/base engine/base/settings engine/retention engine/vault/catalog
		engine/array engine/virt/host'
	[engine/job/replicate]='
		engine/base engine/base/transfer engine/vault engine/vault/catalog engine/vault/session
		engine/vault/replicate'
	[engine/job/scheduled]='
		engine/base engine/base/io engine/base/settings engine/retention'
	[engine/job/snapcreator]='engine/base engine/base/settings'
	[engine/job/report]='
		engine/base engine/base/program engine/base/settings engine/history engine/vault engine/vault/catalog
		engine/vault/check engine/vault/health engine/vault/space engine/array engine/array/drivers engine/job engine/job/array
		engine/job/scheduled'
	[engine/job/why]='
		engine/base engine/base/program engine/vault engine/vault/snapshot engine/vault/catalog
		engine/vault/view'
	[engine/cli/parts]='
		engine/base engine/base/transfer engine/base/program engine/vault engine/vault/open
		engine/vault/health engine/vault/catalog engine/vault/check engine/vault/collect
		engine/array/drivers engine/job engine/job/array engine/job/backup
		engine/job/forget engine/job/report engine/job/scheduled engine/history'
	[engine/cli]='
		engine/base engine/base/io engine/base/transfer engine/base/settings
		engine/base/program engine/vault engine/vault/open engine/vault/catalog
		engine/vault/check engine/vault/salvage engine/vault/space engine/array/drivers
		engine/retention engine/domain engine/virt/host engine/virt/hold engine/virt/guard
		engine/job/array engine/job engine/job/backup engine/job/doctor engine/job/forget
		engine/job/metrics engine/job/replicate engine/job/scheduled
		engine/job/snapcreator engine/job/why engine/cli/parts engine/history engine/notify
		engine/finish'
	[engine/files/protocol]=''
	[engine/files/agent/base]='engine/files/protocol'
	[engine/files/agent/volumes]='engine/files/protocol engine/files/agent/base'
	[engine/files/agent/tree]='
		engine/files/protocol engine/files/agent/base engine/files/agent/volumes'
	[engine/files/agent]='
		engine/files/protocol engine/files/agent/base engine/files/agent/volumes
		engine/files/agent/tree'
	[engine/files/sandbox]=''
	[engine/files/machine]='engine/base engine/base/io'
	[engine/files/appliance]='
		engine/base engine/base/io engine/base/transfer engine/files/protocol
		engine/files/machine'
	[engine/files/walk]='
		engine/base engine/base/io engine/vault/snapshot engine/vault engine/vault/key
		engine/vault/open engine/vault/catalog engine/vault/view engine/files/protocol
		engine/files/appliance'
	[engine/files/copy]='
		engine/base engine/base/io engine/base/program engine/virt/inside engine/files/walk'
	[engine/files/compare]='engine/base engine/vault/snapshot engine/files/walk'
	[engine/files]='
		engine/base engine/base/transfer engine/base/program engine/vault
		engine/vault/open engine/vault/catalog engine/array/drivers engine/virt/host
		engine/virt/inside engine/files/walk engine/files/copy engine/files/compare engine/history engine/finish'
	[fs/tree]='engine/base engine/partition engine/vault/catalog engine/vault/view'
	[fs/session]='engine/base'
	[fs/files]='
		engine/base engine/base/program engine/vault/open engine/array/drivers
		engine/files/machine engine/files/walk engine/files fs/session'
	[fs]='
		engine/base engine/base/program engine/vault engine/vault/open
		engine/vault/catalog engine/array/drivers fs/session fs/tree'
	[restore/sink]='engine/base engine/base/io engine/base/transfer engine/qemu'
	[restore/facts]='engine/base engine/qemu engine/array engine/domain engine/virt/host'
	[restore/plan]='
		engine/base engine/base/io engine/vault/view engine/qemu engine/domain restore/sink
		restore/facts'
	[restore]='
		engine/base engine/base/io engine/base/transfer engine/base/program
		engine/vault/open engine/vault/catalog engine/qemu engine/array
		engine/array/drivers engine/virt/host engine/virt/hold engine/job restore/sink
		restore/facts restore/plan engine/history engine/finish'
)
# The folders whose sources may include a library's headers; of GLib and libc all may.
declare -A owner=(
	[archive]='engine/files/machine engine/files/copy'
	[blkid]='engine/files/agent/volumes'
	[cap-ng]='fs/session'
	[curl]='engine/http engine/notify engine/s3'
	[fuse]='engine/files/appliance fs fs/files fs/session'
	[intel-ipsec-mb]='engine/vault/pack'
	[isa-l]='engine/vault/format engine/vault/parity'
	[libmount]='engine/array fs/session'
	[libnbd]='engine/qemu'
	[libvirt]='engine/virt/host'
	[libxml]='engine/domain engine/s3'
	[seccomp]='engine/files/sandbox fs/session'
	[sqlite3]='engine/history engine/vault/cache'
	[systemd]='engine/base'
	[openssl]='engine/s3 engine/vault/key engine/vault/format engine/vault/pack'
	[zlib]='engine/partition'
	[zstd]='engine/vault/pack'
)

declare -A used=()
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
		[[ -e $folder/$3 ]] || continue
		used["$2 $folder"]=1
		[[ $folder == "$2" || $3 != *-priv.h ]] || fail "$1 includes \"$3\", which is for $folder"
		[[ $2 == engine/vault/* || $folder == "$2" || $3 != vault-parts.h ]] ||
			fail "$1 includes \"$3\", which is for engine/vault"
		return 0
	done
	fail "$1 includes \"$3\", which is in no folder that $2 may include from"
}

check_library() { # FILE FOLDER NAME
	local library
	for library in "${!owner[@]}"; do
		[[ $3 == "$library"* ]] || continue
		[[ " ${owner[$library]} " == *" $2 "* ]] ||
			fail "$1 includes <$3>, which is not for $2"
		[[ $1 != *.h || $1 == *-priv.h ]] ||
			fail "$1 includes <$3>: of the headers only a *-priv.h may"
	done
}

count=0
while IFS=: read -r file line; do
	((count += 1))
	folder=${file%/*}
	[[ $line =~ ([\"\<])([^\"\>]+) ]]
	if [[ ${BASH_REMATCH[1]} == '<' ]]; then
		check_library "$file" "$folder" "${BASH_REMATCH[2]}"
	else
		check_ours "$file" "$folder" "${BASH_REMATCH[2]}"
	fi
done < <(for folder in "${!below[@]}"; do
	grep -HE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' "$folder"/*.[ch] || true
done)
# A row says what its folder needs, so an arrow goes with its last include.
for folder in "${!below[@]}"; do
	for arrow in ${below[$folder]}; do
		[[ -v used["$folder $arrow"] ]] || fail "$folder includes nothing from $arrow: shorten its row"
	done
done
# A folder without a row would not be looked at.
while read -r folder; do
	[[ -v below[$folder] ]] || fail "$folder has sources, but no row here"
done < <(find engine fs restore -name '*.[ch]' -printf '%h\n' | sort -u)
# What others had a say in must not get at a terminal: engine/base/text.h prints it.
for folder in "${!below[@]}"; do
	case $folder in
	engine/base | engine/base/program) continue ;;
	# No GLib, and no terminal: virtkeep-files escapes what it repeats of their words.
	engine/files/agent | engine/files/agent/* | engine/files/sandbox) continue ;;
	esac
	while IFS=: read -r file line _; do
		fail "$file:$line prints as it is: use vk_print_line()"
	done < <(grep -HnE '(^|[^_[:alnum:]])v?f?printf\(' "$folder"/*.c || true)
done
((count > 1000)) || fail "only $count includes were found"
exit "$status"
