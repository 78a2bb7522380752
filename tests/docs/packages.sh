#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What packages are made from agrees with the build: versions, dependencies, files; and the archive of a release is
# whole. tests/case/package.sh builds and installs a package.
#
#   packages.sh BUILD-DIRECTORY
set -euo pipefail
export LC_ALL=C.UTF-8
build=$(realpath "$1")
cd "$(dirname "$(realpath "$0")")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
spec=contrib/rpm/virtkeep.spec
status=0

complain() {
	echo "$*" >&2
	status=1
}

same() { # WHAT ONE OTHER
	diff <(echo "$2") <(echo "$3") > /dev/null ||
		complain "$1: $(diff <(echo "$2") <(echo "$3") | grep '^[<>]' | paste -sd ' ')"
}

list() { # of contrib/packages
	sed -n "/^\\[$1\\]\$/,/^\\[/p" contrib/packages | sed -e '/^\[/d' -e 's/[ #].*//' -e '/^$/d' | sort
}

field() { # of contrib/debian/control: the names in it
	sed -n "/^$1:/,/^[A-Z]/p" contrib/debian/control | sed -n 's/^ \([a-z0-9][a-z0-9.+-]*\).*/\1/p' | sort
}

version=$(meson introspect --projectinfo "$build" | jq -r .version)
same "the versions of meson (<) and Debian (>)" "$version" \
	"$(dpkg-parsechangelog -l contrib/debian/changelog -S Version | sed 's/-[^-]*$//')"
same "the versions of meson (<) and RPM (>)" "$version" "$(sed -n 's/^Version: *//p' "$spec")"

# Of [build], Debian's control leaves out what its debhelper and compiler bring; and it adds what tests need.
same "[build] of contrib/packages (<) and Build-Depends (>)" \
	"$(list build | grep -vxE 'gcc|libc6-dev|ninja-build')" \
	"$(field Build-Depends | grep -vxE 'check|debhelper-compat|dh-sequence-.*|qemu-utils|systemd-dev')"
same "[run] of contrib/packages (<) and what control asks for (>)" \
	"$(list run | grep -vx libvirt-daemon)" \
	"$({ field Depends; field Recommends; field Suggests; } | grep -vx default-mta | sort)"

# A removal stops timers that debhelper does not know, an upgrade stops none.
mkdir "$work/bin"
printf '#!/bin/sh\necho "$*"\n' > "$work/bin/deb-systemd-invoke"
chmod +x "$work/bin/deb-systemd-invoke"
for action in remove upgrade; do
	sed "s,/run/systemd/system,$work," contrib/debian/virtkeep.prerm |
		PATH=$work/bin:$PATH sh -s -- "$action" > "$work/$action"
done
same "what a removal stops (<)" "$(cat "$work/remove")" "stop virtkeep-job@*.timer virtkeep-replicate@*.timer"
same "what an upgrade stops (<)" "$(cat "$work/upgrade")" ""

# rpmspec leaves macros that it does not know as they are; Fedora defines these.
macros=(--define '_unitdir /usr/lib/systemd/system' --define '_sysusersdir /usr/lib/sysusers.d'
	--define '_prefix /usr' --define '_libexecdir /usr/libexec' --define '_mandir /usr/share/man')
for arch in x86_64 aarch64; do
	rpmspec -P --target "$arch-linux" "${macros[@]}" "$spec" > "$work/$arch.spec" ||
		complain "rpmspec does not understand $spec"
done
rpmlint "$spec" > "$work/said" || complain "$(cat "$work/said")"
needs=$(grep -rhoE "dependency\('[a-z0-9.-]+'" engine fs restore --include=meson.build |
	sed "s/.*'\\(.*\\)'/\\1/" | sort -u)
same "libraries of meson (<) and of the spec (>)" "$needs" \
	"$(sed -n 's/^BuildRequires: *pkgconfig(\([^)]*\)).*/\1/p' "$work/x86_64.spec" | grep -vx check | sort)"
[[ $(grep -l intel-ipsec-mb "$work"/*.spec) == "$work/x86_64.spec" ]] ||
	complain "intel-ipsec-mb is for x86-64 alone"

# Each installed file is in %files once; what the spec removes is not, and man pages get compressed.
mapfile -t patterns < <(sed -n '/^%files/,/^%changelog/s/^\(%config([a-z]*) \)\?\(\/.*\)$/\2/p' "$work/x86_64.spec")
((${#patterns[@]} > 10)) || complain "no %files"
prefix=$(meson introspect --buildoptions "$build" | jq -r '.[] | select(.name == "prefix").value')
installed=$(meson introspect --installed "$build" | jq -r '.[]' | sed "s,^$prefix/,/usr/," |
	grep -vE '/zsh/vendor-completions/|^/usr/share/doc/virtkeep/examples/' | sort -u)
declare -A used=()
while read -r file; do
	found=0
	for pattern in "${patterns[@]}"; do
		[[ $pattern != */ ]] || pattern+='*'
		# shellcheck disable=SC2053 # a pattern
		[[ $file == $pattern ]] || continue
		used[$pattern]=1
		((found += 1))
	done
	((found == 1)) || complain "'$file' is in $found lines of %files"
done <<< "$installed"
for pattern in "${patterns[@]}"; do
	[[ $pattern != */ ]] || pattern+='*'
	[[ $pattern == /etc/* || -n ${used[$pattern]:-} ]] || complain "nothing is installed as '$pattern'"
done
for unit in contrib/systemd/*.timer; do
	[[ $unit != *@.timer ]] || continue
	[[ $(grep -cF "${unit##*/}" "$work/x86_64.spec") == 3 ]] || complain "the spec does not know ${unit##*/} thrice"
done

# The archive of a release: what git has, and nothing else. It can be configured with its tests, and packaged.
if [[ -e .git ]]; then
	name=virtkeep-$version
	meson dist -C "$build" --no-tests --allow-dirty --formats xztar > "$work/log" 2>&1 || complain "$(tail "$work/log")"
	tar -C "$work" -xf "$build/meson-dist/$name.tar.xz"
	same "files of git (<) and of the archive (>)" "$(git ls-tree -r --name-only HEAD | sort)" \
		"$(cd "$work/$name" && find . \( -type f -o -type l \) -printf '%P\n' | sort)"
	meson setup -Dwerror=true "$work/build" "$work/$name" > "$work/log" 2>&1 || complain "$(tail "$work/log")"
	"$work/$name/contrib/build-deb" "$work/deb" -S -us -uc -d > "$work/log" 2>&1 || complain "$(tail "$work/log")"
	[[ -s $work/deb/virtkeep_$version-1.dsc ]] || complain "no source package: $(ls "$work/deb")"
	rpmbuild -ts --nodeps --define "_topdir $work/rpm" "$build/meson-dist/$name.tar.xz" > "$work/log" 2>&1 ||
		complain "$(tail "$work/log")"
fi
exit "$status"
