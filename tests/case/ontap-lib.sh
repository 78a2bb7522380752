# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the cases of ONTAP arrays share, sourced after lib.sh. The array is the stand-in of tests/ontap:
# its volumes are directories in $SCRATCH/filer, what it makes and logs is in $SCRATCH/state.
#
#   PORTS   of its clusters, in the order of the topology

# make_filer MIB VOLUME...
make_filer() {
	truncate -s "${1}M" "$SCRATCH/filer.img"
	mkfs.xfs -q "$SCRATCH/filer.img"
	mkdir "$SCRATCH/filer" "$SCRATCH/state"
	mount -o loop "$SCRATCH/filer.img" "$SCRATCH/filer"
	shift
	mkdir "${@/#/$SCRATCH/filer/}"
}

# mount_export SERVER:JUNCTION VOLUME DIRECTORY [ro]: a bind mount that a mountinfo file presents as NFS.
mount_export() {
	export VIRTKEEP_MOUNTINFO=$SCRATCH/mountinfo
	[[ -e $VIRTKEEP_MOUNTINFO ]] || cp /proc/self/mountinfo "$VIRTKEEP_MOUNTINFO"
	mkdir "$3"
	mount --bind "$SCRATCH/filer/$2" "$3"
	echo "$((9000 + $(wc -l < "$VIRTKEEP_MOUNTINFO"))) 1 0:99 / $3 rw - nfs4 $1 ${4:-rw}" \
		>> "$VIRTKEEP_MOUNTINFO"
}

# start_array SECTION...: with the clusters of $SCRATCH/topology.json, which the configuration gets to
# know as [array SECTION] in that order.
start_array() {
	local ready section number=0

	coproc ARRAY { python3 "$SOURCE/tests/ontap/standin/ontap" --state "$SCRATCH/state" --until-eof \
		"$SCRATCH/topology.json"; }
	read -r ready <&"${ARRAY[0]}"
	read -ra PORTS <<< "${ready#ready}"
	PORTS=("${PORTS[@]#*=}")
	((${#PORTS[@]} == $#)) || fail "the array does not start: $ready"
	echo secret > "$SCRATCH/password"
	chmod 600 "$SCRATCH/password"
	for section in "$@"; do
		cat <<-CONF
			[array $section]
			url = https://127.0.0.1:${PORTS[number]}
			user = admin
			password_file = $SCRATCH/password
			ca_file = $SCRATCH/state/ca.pem
		CONF
		number=$((number + 1))
	done > /etc/virtkeep/virtkeep.conf
}

stop_array() {
	eval "exec ${ARRAY[1]}>&-"
	wait "$ARRAY_PID" 2> /dev/null || true
}

# The requests so far, as "METHOD PATH", the log begun anew.
requests() {
	jq -r 'select(.executed) | "\(.method) \(.path)"' "$SCRATCH/state/requests.jsonl"
}

forget_requests() {
	: > "$SCRATCH/state/requests.jsonl"
}

# call PORT METHOD PATH [BODY]: what another client asks of an array, or the case of the stand-in.
call() {
	python3 - "$SCRATCH/state/ca.pem" "$@" <<-'PYTHON'
		import base64, ssl, sys, urllib.request
		ca, port, method, path, *body = sys.argv[1:]
		request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", method=method,
		    data=body[0].encode() if body else None, headers={"Content-Type": "application/json",
		    "Authorization": "Basic " + base64.b64encode(b"admin:secret").decode()})
		context = ssl.create_default_context(cafile=ca)
		print(urllib.request.urlopen(request, context=context).read().decode())
	PYTHON
}

state() { # KIND: all that the first cluster has of it
	call "${PORTS[0]}" GET /control/state | jq --arg kind "$1" '.[$kind]'
}

# volume_of VOLUME: its path at the first cluster.
volume_of() {
	call "${PORTS[0]}" GET "/api/storage/volumes?name=$1" |
		jq -r '"/api/storage/volumes/" + .records[0].uuid'
}

on_volume() { # VOLUME: how many snapshots it has
	find "$SCRATCH/filer/$1/.snapshot" -mindepth 1 -maxdepth 1 2> /dev/null | wc -l
}

copy_disks() { # GUEST NUMBER: of a guest that is suspended or off
	local disk

	for disk in vda vdb; do
		qemu-img convert -U -O raw "$(virsh domblklist "$1" |
			awk -v disk=$disk '$1 == disk { print $2 }')" "$SCRATCH/$2-$disk"
	done
}

expect_same() { # REFERENCE NUMBER
	local disk

	for disk in vda vdb; do
		virtkeep --quiet restore "$1" --disk "$disk=$SCRATCH/restored" --format raw > /dev/null
		same_file "$SCRATCH/restored" "$SCRATCH/$2-$disk"
		rm "$SCRATCH/restored"
	done
}
