#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The package for Debian on a bare Debian 12, which has nothing but what the package asks for: programs, manuals,
# a backup of a guest that is shut off, an upgrade over an older version, and a purge, which leaves vaults alone.
# The first run fetches that Debian, and the packages that virtkeep and libvirt need, from VIRTKEEP_DEBIAN_MIRROR,
# or from where the host has its packages of Debian 12.

hypervisor=(libvirt-daemon-system libvirt-clients qemu-system-x86)

in_debian() { # DIRECTORY COMMAND...
	chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive VIRTKEEP_VAULT="${DEBIAN_VAULT:-}" "${@:2}"
}

debian_apt() { # DIRECTORY WORD...
	in_debian "$1" apt-get -q -y -o APT::Sandbox::User=root -o Dpkg::Options::=--force-unsafe-io \
		--no-install-recommends "${@:2}" < /dev/null
}

# Makes the archive of a bare Debian that holds, as files only, what the package and libvirt need.
make_debian() { # ARCHIVE DEB
	local root

	root=$(mktemp -d "$(dirname "$1")/.debian-XXXXXX")
	# shellcheck disable=SC2064 # this very directory
	trap "rm -rf '$root'" EXIT
	chmod 755 "$root"
	"${BASH_SOURCE[0]%/*}/bare-debian" "$(dirname "$1")"
	zstd -q -d -c "$(dirname "$1")/bare-debian.tar.zst" | tar -C "$root" -xf -
	# debootstrap leaves the host's.
	printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	cp "$2" "$root/virtkeep.deb"
	debian_apt "$root" update
	debian_apt "$root" install --download-only /virtkeep.deb man-db "${hypervisor[@]}"
	rm "$root/virtkeep.deb"
	tar -C "$root" --one-file-system -cf - . | zstd -q -1 -T0 -f -o "$1.new"
	mv "$1.new" "$1"
	rm -rf "$root"
	trap - EXIT
}

# In front of the namespaces, which have no network. Leaves the archive open as descriptor 8.
prepare() {
	local source cache=${VIRTKEEP_DEMO_CACHE:-/var/cache/virtkeep-demo} build deb archive

	source=$(realpath "${BASH_SOURCE[0]%/*}/../..")
	build=${VK_BUILD:-$source/build}
	PACKAGES=$build/tests/case/package
	export PACKAGES
	rm -rf "$PACKAGES"
	mkdir -p "$cache" "$PACKAGES"
	[[ ! -d /usr/lib/ccache ]] || PATH=/usr/lib/ccache:$PATH
	DEB_BUILD_OPTIONS=nocheck "$source/contrib/build-deb" "$PACKAGES" -us -uc > "$PACKAGES/log" 2>&1 || {
		tail -n 50 "$PACKAGES/log"
		return 1
	}
	deb=$(echo "$PACKAGES"/virtkeep_*.deb)
	archive=$cache/debian-$(dpkg-deb -f "$deb" Depends | sha256sum | cut -c 1-16).tar.zst
	(
		flock 9
		[[ -s $archive ]] || {
			rm -f "$cache"/debian-*.tar.zst
			make_debian "$archive" "$deb"
		}
	) 9> "$cache/debian.lock" > "$PACKAGES/debian.log" 2>&1 || {
		tail -n 30 "$PACKAGES/debian.log"
		return 1
	}
	exec 8< "$archive"
}

if [[ -z ${VK_CASE_SCRATCH:-} && $(id -u) == 0 ]]; then
	prepare || exit 1
fi
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

new=$(echo "$PACKAGES"/virtkeep_*.deb)
debian=$SCRATCH/debian
export DEBIAN_VAULT=/var/lib/virtkeep/vault

say "lintian finds nothing"
ok lintian --allow-root --fail-on error,warning,info --tag-display-limit 0 "$PACKAGES"/*.changes
[[ ! -s $OUT ]] || fail "$(cat "$OUT")"

say "a bare Debian, with an older version"
mkdir "$debian" "$SCRATCH/old"
zstd -q -d -c <&8 | tar -C "$debian" -xf -
mount -t proc proc "$debian/proc"
mount --rbind /dev "$debian/dev"
mount --rbind /sys "$debian/sys"
mount -t tmpfs -o mode=755 tmpfs "$debian/run"
dpkg-deb -R "$new" "$SCRATCH/old"
sed -i 's/^Version: .*/Version: 0.0.1-1/' "$SCRATCH/old/DEBIAN/control"
rm "$SCRATCH/old/usr/share/man/man5/virtkeep-vault.5.gz"
sed -i '/virtkeep-vault/d' "$SCRATCH/old/DEBIAN/md5sums"
dpkg-deb -Znone -b "$SCRATCH/old" "$debian/old.deb" > "$OUT"
cp "$new" "$debian/new.deb"
ok debian_apt "$debian" install /old.deb man-db
[[ ! -e $debian/usr/sbin/libvirtd ]] || fail "it brought libvirtd with it"

say "programs, libraries and manuals"
for program in virtkeep virtkeep-files virtkeep-mount virtkeep-restore; do
	ok in_debian "$debian" "$program" --version
	expect_out "$program "
	ok in_debian "$debian" "$program" --help
	ok in_debian "$debian" man "$program"
	expect_out "$program"
done
ok in_debian "$debian" man virtkeep.conf
ok in_debian "$debian" dpkg -V virtkeep
for file in bash-completion/completions/virtkeep-restore zsh/vendor-completions/_virtkeep \
	fish/vendor_completions.d/virtkeep-files.fish; do
	[[ -s $debian/usr/share/$file ]] || fail "no $file"
done
ok in_debian "$debian" getent passwd virtkeep-files
[[ -z $(find "$debian/etc/systemd" -name '*virtkeep*') ]] || fail "something starts by itself"
run in_debian "$debian" virtkeep --vault '' list
((STATUS != 0)) || fail "it has a vault that nobody made"

say "a backup of a guest that is shut off"
kill_libvirtd
ok debian_apt "$debian" install "${hypervisor[@]}"
cp "$SCRATCH/vmlinuz" "$SCRATCH/initrd.gz" "$debian/srv/"
mkdir "$debian/srv/vm"
make_noise 4 > /dev/null
make_disk qcow2 "$debian/srv/vm/vda.qcow2" 64 "$SCRATCH/noise"
make_disk raw "$debian/srv/vm/vdb.raw" 32
SCRATCH=/srv guest_xml vm /srv/vm '' > "$debian/srv/vm.xml"
in_debian "$debian" libvirtd -d
wait_for 60 "libvirtd answers" in_debian "$debian" virsh version
ok in_debian "$debian" virsh define /srv/vm.xml
ok in_debian "$debian" virtkeep init
ok in_debian "$debian" virtkeep backup vm
ok in_debian "$debian" virtkeep verify --data
ok in_debian "$debian" virtkeep restore vm --disk vdb=/srv/back.raw --format raw
same_file "$debian/srv/back.raw" "$debian/srv/vm/vdb.raw"

say "an upgrade keeps what the administrator has set"
printf '[vault]\nurl = dir:%s\n' "$DEBIAN_VAULT" > "$debian/etc/virtkeep/virtkeep.conf"
echo secret > "$debian/etc/virtkeep/vault.key"
ok in_debian "$debian" systemctl enable virtkeep-backup.timer virtkeep-replicate@offsite.timer
DEBIAN_VAULT='' ok debian_apt "$debian" install /new.deb
ok in_debian "$debian" dpkg-query -s virtkeep
expect_out "Version: $(dpkg-deb -f "$new" Version)"
ok in_debian "$debian" man virtkeep-vault
ok in_debian "$debian" systemctl is-enabled virtkeep-backup.timer
run in_debian "$debian" systemctl is-enabled virtkeep-gc.timer virtkeep-mount.service
[[ $(sort -u "$OUT") == disabled ]] || fail "an upgrade has enabled something: $(cat "$OUT")"
DEBIAN_VAULT='' ok in_debian "$debian" virtkeep backup vm
ok in_debian "$debian" virtkeep list --json
expect_json length 2

say "a purge takes caches, and leaves vaults and keys"
[[ -d $debian/var/cache/virtkeep && -d $debian/var/lib/virtkeep/vaults && -d $debian/var/lib/virtkeep/history ]] ||
	fail "no caches to remove"
cp -a "$debian/var/lib/virtkeep/vaults" "$debian/srv/vaults"
mkdir "$debian/var/lib/virtkeep/vaults/mine"
cp "$debian$DEBIAN_VAULT/vault.json" "$debian/var/lib/virtkeep/vaults/mine/"
ok debian_apt "$debian" remove virtkeep
[[ -e $debian/etc/virtkeep/virtkeep.conf && ! -e $debian/usr/bin/virtkeep ]] || fail "not what a removal does"
ok debian_apt "$debian" purge virtkeep
[[ ! -e $debian/etc/virtkeep/virtkeep.conf && ! -e $debian/var/cache/virtkeep &&
	! -e $debian/var/lib/virtkeep/history ]] || fail "a purge left something"
[[ -e $debian/etc/virtkeep/vault.key ]] || fail "a key is gone"
[[ -e $debian/var/lib/virtkeep/vaults/mine/vault.json ]] || fail "a vault in a strange place is gone"
[[ -z $(find "$debian/etc/systemd" -name '*virtkeep*') ]] || fail "a purge left units enabled"
ok virtkeep --vault "$debian$DEBIAN_VAULT" verify --data
ok virtkeep --vault "$debian$DEBIAN_VAULT" list --json
expect_json length 2

say "and once more, without a vault in the way, nothing is left"
rm -r "$debian/etc/virtkeep" "$debian/var/lib/virtkeep"
ok debian_apt "$debian" install /new.deb
mkdir "$debian/var/lib/virtkeep"
mv "$debian/srv/vaults" "$debian/var/lib/virtkeep/"
ok debian_apt "$debian" purge virtkeep
[[ ! -e $debian/etc/virtkeep && ! -e $debian/var/lib/virtkeep ]] || fail "a purge left something"
