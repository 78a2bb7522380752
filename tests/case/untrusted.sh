#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Root restores into directories that a user may write to, who races it to get at files that are not his.
# shellcheck source=tests/case/lib.sh
. "${0%/*}/lib.sh"

FS=$SCRATCH/xfs
HOME_OF_USER=$FS/home
USER_ID=65534
VICTIM=$FS/private/victim

as_user() {
	setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups "$@"
}

expect_victim() {
	[[ $(stat -c '%u %a %s' "$VICTIM") == "0 600 20000" ]] ||
		fail "a file of root's became: $(stat -c '%u %a %s' "$VICTIM")"
	same_file "$VICTIM" "$SCRATCH/victim.kept"
	[[ $(find "$FS/private" -mindepth 1 -printf '%P ') == "victim " ]] ||
		fail "there is something beside a file of root's"
}

# Starts the user's program PROGRAM; stop_race ends it.
start_race() {
	setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups "$1" &
	racer=$!
}

stop_race() {
	kill "$racer"
	wait "$racer" || true
}

# The program NAME first lets the user act on where the restore writes.
ambush() {
	local program
	program=$(command -v "$1")
	cat > "$SCRATCH/bin/$1" <<-END
		#!/bin/bash
		setpriv --reuid $USER_ID --regid $USER_ID --clear-groups "$SCRATCH/attack"
		exec "$program" "\$@"
	END
	chmod +x "$SCRATCH/bin/$1"
}

truncate -s 1G "$SCRATCH/xfs.img"
mkfs.xfs -q "$SCRATCH/xfs.img"
mkdir "$FS"
mount -o loop "$SCRATCH/xfs.img" "$FS"
mkdir "$HOME_OF_USER" "$FS/private"
chown "$USER_ID" "$HOME_OF_USER"
head -c 20000 /dev/urandom > "$VICTIM"
chmod 600 "$VICTIM"
cp "$VICTIM" "$SCRATCH/victim.kept"

GUEST_DIRECTORY=$HOME_OF_USER/guest define_guest vm
chown "$USER_ID" "$HOME_OF_USER/guest"
ok virtkeep init
ok virtkeep backup vm
snapshot=$(newest vm)
ok virtkeep backup --mode array vm
cloned=$(newest vm)
cp "$HOME_OF_USER/guest/vdb.raw" "$SCRATCH/vdb.kept"
qemu-img convert -O raw "$HOME_OF_USER/guest/vda.qcow2" "$SCRATCH/vda.kept"

say "a link in the place of what QEMU's tools are about to write"
cat > "$SCRATCH/attack" <<-END
	#!/bin/bash
	cd "$HOME_OF_USER" || exit
	for entry in .*.virtkeep-*; do
		[[ -e \$entry && ! -e \$entry/mine ]] || continue
		was_directory=\$([[ -d \$entry ]] && echo yes)
		mv "\$entry" "moved-\$RANDOM"
		if [[ \$was_directory ]]; then
			mkdir "\$entry"
			touch "\$entry/mine"
			ln -s "$VICTIM" "\$entry/image"
		else
			ln -s "$VICTIM" "\$entry"
		fi
		touch "$SCRATCH/attacked/\$RANDOM"
	done
END
chmod +x "$SCRATCH/attack"
mkdir -m 777 "$SCRATCH/attacked"
ambush qemu-img
ambush qemu-nbd
run virtkeep restore "$snapshot" --disk "vda=$HOME_OF_USER/new.qcow2"
rm "$SCRATCH/bin/qemu-img" "$SCRATCH/bin/qemu-nbd"
[[ -n $(ls "$SCRATCH/attacked") ]] || fail "the attack did not take place"
expect_victim
expect_status 0
qemu-img compare -q -f raw -F qcow2 "$SCRATCH/vda.kept" "$HOME_OF_USER/new.qcow2" ||
	fail "the disk is not restored"
rm -r "$HOME_OF_USER"/.*.virtkeep-* "$HOME_OF_USER"/moved-* "$HOME_OF_USER/new.qcow2"

say "a directory that becomes a link, and what is in it, too"
cat > "$SCRATCH/race" <<-END
	#!/bin/bash
	cd "$HOME_OF_USER" || exit
	trap 'stop=yes' TERM
	while [[ ! \$stop ]]; do
		mv images images.real
		ln -s "$FS/private" images
		rm images
		mv images.real images
		for entry in images/.*.virtkeep-*; do
			[[ -e \$entry && ! -L \$entry ]] || continue
			mv "\$entry" "moved-\$RANDOM"
			ln -s "$FS/private" "\$entry"
		done
	done 2> /dev/null
END
chmod +x "$SCRATCH/race"
as_user mkdir "$HOME_OF_USER/images"
as_user cp "$SCRATCH/vdb.kept" "$HOME_OF_USER/images/victim"
start_race "$SCRATCH/race"
succeeded=0
for ((i = 0; i < 40; i++)); do
	if virtkeep restore "$( ((i % 2)) && echo "$snapshot" || echo "$cloned")" --force \
		--disk "vdb=$HOME_OF_USER/images/victim" --format \
		"$( ((i % 4)) && echo raw || echo qcow2)" >> "$OUT" 2>&1; then
		succeeded=$((succeeded + 1))
	fi
done
stop_race
((succeeded > 0)) || fail "no restore succeeded, so nothing was raced"
expect_victim
rm -rf "${HOME_OF_USER:?}"/images* "$HOME_OF_USER"/moved-*

say "links are not followed to where the user could not go himself"
as_user ln -s "$FS/private" "$HOME_OF_USER/link"
refused 1 "'$HOME_OF_USER/link' is a symbolic link" virtkeep restore "$snapshot" \
	--disk "vdb=$HOME_OF_USER/link/victim" --force
as_user ln -s "$VICTIM" "$HOME_OF_USER/file"
refused 1 "'$HOME_OF_USER/file' is a symbolic link" virtkeep restore "$snapshot" \
	--disk "vdb=$HOME_OF_USER/file" --force
refused 1 "'$HOME_OF_USER/link' is a symbolic link" virtkeep restore "$snapshot" --as new \
	--to "$HOME_OF_USER/link"
expect_victim
rm "$HOME_OF_USER/link" "$HOME_OF_USER/file"

say "root's own links are"
ln -s "$FS/private" "$SCRATCH/link"
ok virtkeep restore "$snapshot" --disk "vdb=$SCRATCH/link/vdb.raw"
same_file "$SCRATCH/vdb.kept" "$FS/private/vdb.raw"
rm "$FS/private/vdb.raw" "$SCRATCH/link"

say "a replaced program does not make a program of the disk"
as_user touch "$HOME_OF_USER/program"
chmod 6755 "$HOME_OF_USER/program"
ok virtkeep restore "$snapshot" --disk "vdb=$HOME_OF_USER/program" --force
[[ $(stat -c '%u %a' "$HOME_OF_USER/program") == "$USER_ID 755" ]] ||
	fail "it has now: $(stat -c '%u %a' "$HOME_OF_USER/program")"
ok virtkeep restore "$snapshot" --disk "vda=$HOME_OF_USER/program" --force --format qcow2
[[ $(stat -c '%u %a' "$HOME_OF_USER/program") == "$USER_ID 755" ]] ||
	fail "it has now: $(stat -c '%u %a' "$HOME_OF_USER/program")"

say "a file of root's in the place of what the array keeps"
cd "$HOME_OF_USER/guest"
clone=$(echo .virtkeep/*/*/*/vdb.0)
as_user mv .virtkeep away
as_user mkdir -p "${clone%/*}"
as_user ln -s "$VICTIM" "$clone"
refused 1 "cannot open" virtkeep restore "$cloned" --disk "vdb=$HOME_OF_USER/stolen"
[[ ! -e $HOME_OF_USER/stolen ]] || fail "something was restored from a file of root's"
rm -rf .virtkeep
as_user mv away .virtkeep

say "the same, and back, while it is read, by a restore and in a mount"
as_user mkdir -p "fake/${clone#*/}"
as_user rmdir "fake/${clone#*/}"
as_user ln -s "$VICTIM" "fake/${clone#*/}"
cat > "$SCRATCH/race" <<-END
	#!/bin/bash
	cd "$HOME_OF_USER/guest" || exit
	trap 'stop=yes' TERM
	while [[ ! \$stop ]]; do
		mv .virtkeep away && mv fake .virtkeep
		mv .virtkeep fake && mv away .virtkeep
	done
END
start_race "$SCRATCH/race"
succeeded=0
for ((i = 0; i < 40; i++)); do
	if virtkeep restore "$cloned" --disk "vdb=$SCRATCH/taken" --force >> "$OUT" 2>&1; then
		same_file "$SCRATCH/vdb.kept" "$SCRATCH/taken"
		succeeded=$((succeeded + 1))
	fi
done
((succeeded > 0)) || fail "no restore succeeded, so nothing was raced"
mount_vault "$SCRATCH/mnt"
succeeded=0
for ((i = 0; i < 40; i++)); do
	if cp "$SCRATCH/mnt/guests/vm/${cloned#*@}/vdb.raw" "$SCRATCH/taken" 2>> "$OUT"; then
		same_file "$SCRATCH/vdb.kept" "$SCRATCH/taken"
		succeeded=$((succeeded + 1))
	fi
done
((succeeded > 0)) || fail "no read succeeded, so nothing was raced"
unmount_vault "$SCRATCH/mnt"
stop_race
rm -r fake "$SCRATCH/taken"
expect_victim

say "a FIFO where doctor looks for what a run left"
left=${clone%/*/*}/0123456789abcdef
as_user mv .virtkeep away
as_user mkdir -p "$left"
as_user mkfifo "$left/vdb.0" "$left/unlisted"
run timeout 60 virtkeep doctor --fix vm
expect_status 5
expect_out "only we can write to"
[[ -p $left/vdb.0 ]] || fail "something of the user's was removed"
rm -rf .virtkeep
as_user mv away .virtkeep

say "a link in the place of the directory of clones"
as_user mv .virtkeep away
as_user ln -s "$FS/private" .virtkeep
run virtkeep backup --mode array vm
expect_status 1
expect_victim
rm .virtkeep
mv away .virtkeep
cd "$SCRATCH"
expect_clean vm
