#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The programs' --help, the manual pages, the completion and the example configuration agree.
#
#   manual.sh BUILD-DIRECTORY
set -euo pipefail
export LC_ALL=C.UTF-8
build=$1
cd "$(dirname "$(realpath "$0")")/../../contrib"
status=0

complain() {
	echo "$*" >&2
	status=1
}

# The options that a help text lists, one a line: "  -n, --dry-run" gives two.
options_of_help() {
	"$@" --help | sed -n 's/^  \(-.*\)/\1/p' | sed 's/   *.*//' |
		grep -oE -- '(^|[ ,])--?[a-z][a-z-]*' | tr -d ' ,' |
		grep -vxE -- '-h|-\?|--help|--help-all' | sort -u
}

# The options that a manual page explains.
options_of_manual() {
	grep -E '^\.It.* Fl ' "$1" | grep -oE '\bFl -?[a-z][a-z-]*' |
		sed 's/^Fl /-/' | grep -vxE -- '-h|--help' | sort -u
}

compare() { # WHAT ONE OTHER
	diff <(echo "$2") <(echo "$3") > /dev/null ||
		complain "$1: $(diff <(echo "$2") <(echo "$3") | grep '^[<>]' | paste -sd ' ')"
}

# Each option of the help is offered, and what its value may be is known to engine/base/program/complete.c.
check_completion() { # "PROGRAM [COMMAND]" OPTIONS
	local option words answer

	while read -r option; do
		read -ra words <<< "$1 $option"
		answer=$("${words[0]}" --complete $((${#words[@]} - 1)) "${words[@]}" | cut -f 1)
		grep -qxF -- "$option" <<< "$answer" ||
			complain "the completion of '$1' does not offer $option"
		answer=$("${words[0]}" --complete "${#words[@]}" "${words[@]}" '')
		[[ $answer != *:unknown* ]] ||
			complain "the completion of '$1' does not know values of $option: $answer"
	done <<< "$2"
	read -ra words <<< "$1"
	answer=$("${words[0]}" --complete "${#words[@]}" "${words[@]}" '')
	[[ $answer != *:unknown* ]] || complain "the completion of '$1' does not know: $answer"
}

for page in man/*; do
	warnings=$(groff -mandoc -ww -z -Tutf8 "$page" 2>&1)
	[[ -z $warnings ]] || complain "$warnings"
done

export VIRTKEEP_VAULT=/nonexistent VIRTKEEP_CONFIG=/dev/null
virtkeep=$build/engine/virtkeep
commands=$("$virtkeep" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[[ -n $commands ]] || complain "virtkeep --help lists no commands"
all=
for command in '' $commands; do
	[[ $command != restore && $command != files ]] || continue
	# shellcheck disable=SC2086 # no word for the program itself
	listed=$(options_of_help "$virtkeep" $command)
	check_completion "$virtkeep${command:+ $command}" "$listed"
	all+=$listed$'\n'
done
compare "virtkeep --help (<) and virtkeep.1 (>)" "$(sort -u <<< "${all%$'\n'}")" \
	"$(options_of_manual man/virtkeep.1)"
compare "commands of virtkeep --help (<) and virtkeep.1 (>)" "$(sort <<< "$commands")" \
	"$(sed -n '/^\.Sh COMMANDS/,/^\.Sh/s/^\.It Cm \([a-z]*\)\( .*\)*$/\1/p' man/virtkeep.1 |
		grep -vxE 'auto|agent|suspend|none' | sort -u)"
[[ $("$virtkeep" --complete 1 virtkeep '' | cut -f 1) == "$commands"$'\nhelp' ]] ||
	complain "the completion has other commands: $("$virtkeep" --complete 1 virtkeep '')"

files=$build/engine/files/virtkeep-files
commands=$("$files" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[[ -n $commands ]] || complain "virtkeep-files --help lists no commands"
all=
for command in '' $commands; do
	# shellcheck disable=SC2086 # no word for the program itself
	listed=$(options_of_help "$files" $command)
	check_completion "$files${command:+ $command}" "$listed"
	check_completion "$virtkeep files${command:+ $command}" "$listed"
	all+=$listed$'\n'
done
compare "virtkeep-files --help (<) and virtkeep-files.1 (>)" "$(sort -u <<< "${all%$'\n'}")" \
	"$(options_of_manual man/virtkeep-files.1)"
compare "commands of virtkeep-files --help (<) and virtkeep-files.1 (>)" "$(sort <<< "$commands")" \
	"$(sed -n '/^\.Sh COMMANDS/,/^\.Sh/s/^\.It Cm \([a-z]*\)$/\1/p' man/virtkeep-files.1 | sort)"

for program in mount restore; do
	case $program in
	mount) path=$build/fs/virtkeep-mount ;;
	restore) path=$build/restore/virtkeep-restore ;;
	esac
	listed=$(options_of_help "$path")
	compare "virtkeep-$program --help (<) and virtkeep-$program.1 (>)" "$listed" \
		"$(options_of_manual "man/virtkeep-$program.1")"
	check_completion "$path" "$listed"
	check_completion "$virtkeep $program" "$listed"
done

# The settings: the table in the source, the manual, the example. Snap Creator's are in capitals.
settings=$(sed -n 's/^\t{"\([a-z]*\( NAME\)*\)", "\([A-Za-z0-9_]*\)", TYPE_.*/\3/p' \
	../engine/base/settings/settings.c | sort)
[[ -n $settings ]] || complain "no settings found"
aliases=$(sed -n 's/^\t{.*\.alias = "\([A-Z_]*\)"}.*/\1/p' ../engine/base/settings/settings.c | sort)
[[ -n $aliases ]] || complain "no aliases of settings found"
settings_of_manual() {
	sed -n 's/^\.It Va //p' "man/$1" | sort
}
compare "settings (<) and virtkeep.conf.5 (>)" "$(grep -v '^[A-Z]' <<< "$settings")" \
	"$(settings_of_manual virtkeep.conf.5)"
compare "settings (<) and virtkeep-snapcreator.conf.5 (>)" "$(grep '^[A-Z]' <<< "$settings")" \
	"$(settings_of_manual virtkeep-snapcreator.conf.5 | grep -vxF -- "$aliases")"
compare "aliases of settings (<) and virtkeep-snapcreator.conf.5 (>)" "$aliases" \
	"$(settings_of_manual virtkeep-snapcreator.conf.5 | grep -xF -- "$aliases")"
examples=$(sed -n 's/^#\([A-Za-z_0-9]*\) = .*/\1/p' virtkeep.conf | sed 's/CMD01$/CMDnn/')
compare "settings (<) and virtkeep.conf (>)" "$settings" "$(sort <<< "$examples")"
compare "virtkeep.conf (<) and with capitals at its end (>)" "$examples" \
	"$(grep -v '^[A-Z]' <<< "$examples"; grep '^[A-Z]' <<< "$examples")"
# What the import takes from Snap Creator.
compare "keys taken (<) and virtkeep-snapcreator.7 (>)" \
	"$(sed -n 's/^\t{"\([A-Za-z_]*\)", TAKEN,.*/\1/p' ../engine/job/snapcreator/import-keys.c | sort)" \
	"$(sed -n '/^\.Sh KEYS/,/^\.Sh ACTIONS/s/^\.It Va //p' man/virtkeep-snapcreator.7 |
		sed 's/ , /\n/g' | sort)"
example=$(mktemp)
trap 'rm -f "$example"' EXIT
# Without its comments, and each setting in the one section that it is for: "# In [backup]:".
awk '
	match($0, /(^|# In |\. In )#?\[[^]]*\]/) { section = $0; gsub(/^[^[]*|\].*/, "", section); next }
	sub(/^#/, "") && /^[A-Za-z_0-9]* = / { text[section] = text[section] $0 "\n" }
	END { for (section in text) printf "%s]\n%s", section, text[section] }
' virtkeep.conf > "$example"
message=$("$virtkeep" --config "$example" --vault /nonexistent list 2>&1 || true)
[[ $message == *"'/nonexistent'"* ]] || complain "virtkeep.conf is not understood: $message"
exit "$status"
