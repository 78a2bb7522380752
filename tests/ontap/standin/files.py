# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files of volumes: clones, restores of one file, look-up and removal."""
import os
import shutil
import stat

import snapshots
import tree
from api import Collection, Fail, Fields, Reply, Work, route

FIELDS = Fields(known=["name", "path", "type", "size", "bytes_used", "inode_number",
                       "inode_generation", "is_snapshot", "modified_time", "unix_permissions",
                       "volume.uuid", "volume.name"], identity=("name", "path"))


def place_in(volume, path, code):
    place = tree.inside(volume["_directory"], path)
    if place is None:
        raise Fail(code, f'The path "{path}" leads out of the volume.')
    return place


# 5d: clones of files.

@route("POST", "/storage/file/clone",
       body=["volume", "source_path", "destination_path", "overwrite_destination", "is_backup",
             "autodelete", "range", "token_uuid"])
def clone_file(req):
    cluster, body = req.cluster, req.body or {}
    volume = cluster.volume_of(req, body.get("volume"))
    for key in ("source_path", "destination_path"):
        if not body.get(key):
            raise Fail(2, f'The required field "{key}" is missing.', target=key)
        if body[key].startswith("/"):
            raise Fail(917812, f'The value "{body[key]}" of "{key}" begins with a slash.', target=key)
    if body.get("range") and body.get("is_backup"):
        raise Fail(13565988, "Only whole files can be backup clones.")
    return Work(lambda: do_clone(cluster, volume, body), 201, svm=volume["svm"])


def do_clone(cluster, volume, body):
    parts = os.path.normpath(body["source_path"]).split("/")
    mode = None
    if parts[0] == tree.SNAPSHOTS:
        # By the store, as switching .snapshot off for clients does not matter here.
        if len(parts) < 3:
            raise Fail(13565952, "Clone start failed: not a file.")
        source, mode = snapshots.file_in(cluster, volume, parts[1], "/".join(parts[2:]))
    else:
        source = place_in(volume, body["source_path"], 13565952)
    target = place_in(volume, body["destination_path"], 13565952)
    if not os.path.isfile(source):
        raise Fail(6684674, f'No such file: "{body["source_path"]}".')
    if not os.path.isdir(os.path.dirname(target)):
        raise Fail(6684674, f'No such directory: "{os.path.dirname(body["destination_path"])}".')
    if body.get("range"):
        return clone_ranges(source, target, body["range"])
    if os.path.exists(target) and not body.get("overwrite_destination"):
        raise Fail(13565952, "Clone start failed: the destination exists.")
    tree.copy_file(source, target, mode, keep_inode=False)
    return None


def clone_ranges(source, target, ranges):
    """Blocks are of 4096 bytes here; ONTAP's documents do not say."""
    if not os.path.isfile(target):
        raise Fail(917864, "No handle of the destination file.")
    with open(source, "rb") as reader, open(target, "r+b") as writer:
        for text in ranges:
            try:
                start, to, count = (int(number) * 4096 for number in text.split(":"))
            except ValueError:
                raise Fail(917898, f'The range "{text}" is invalid.', target="range") from None
            reader.seek(start)
            writer.seek(to)
            writer.write(reader.read(count))


# 5c: restores of one file, as the command line has them.

def restore_file(cluster, volume, snapshot, path, restore_path=None, start=None, count=None):
    source, mode = snapshots.file_in(cluster, volume, snapshot, path)
    destination = restore_path or path
    target = place_in(volume, destination, 1638503)
    if not os.path.isdir(os.path.dirname(target)):
        raise Fail(6684674, f'No such directory: "{os.path.dirname(destination)}".')
    if start is not None:
        with open(source, "rb") as reader, open(target, "r+b") as writer:
            reader.seek(start)
            writer.seek(start)
            writer.write(reader.read(count))
        return
    luns = {lun["_inner"]: lun for lun in cluster.luns_of(volume)}
    is_lun = destination.strip("/") in luns
    tree.copy_file(source, target, mode,
                   keep_inode=is_lun or cluster.knobs["restore_inode"] == "keep")
    inner = path.strip("/")
    frozen = snapshots.find_named(cluster, volume, snapshot)
    was_lun = any(lun["_inner"] == inner for lun in frozen["_luns"])
    if was_lun and not is_lun:
        cluster.add_lun(volume, destination.strip("/"))


def cli_arguments(req, needed):
    """The body of a command: hyphens in names are as good as underscores."""
    body = {key.replace("-", "_"): value for key, value in (req.body or {}).items()}
    for key in needed:
        if body.get(key) in (None, ""):
            raise Fail(2, f'Missing required argument "{key}".', target=key)
    if not req.sees(body["vserver"]):
        raise Fail(6, "not authorized for that command")
    return body, req.cluster.volume_named(body["vserver"], body["volume"])


def cli_path(volume, path):
    """A path from the volume's root; /vol/VOLUME/... is taken as well."""
    prefix = f"/vol/{volume['name']}/"
    return "/" + path[len(prefix):] if path.startswith(prefix) else path


@route("POST", "/private/cli/volume/snapshot/restore-file",
       body=["vserver", "volume", "snapshot", "path", "restore_path", "restore-path"])
def cli_restore(req):
    body, volume = cli_arguments(req, ("vserver", "volume", "snapshot", "path"))
    if not body["path"].startswith("/"):
        raise Fail(1638503, f'The path "{body["path"]}" does not begin with a slash.')
    path = cli_path(volume, body["path"])
    to = cli_path(volume, body["restore_path"]) if body.get("restore_path") else None

    def act():
        restore_file(req.cluster, volume, body["snapshot"], path, to)
    # In time without a return_timeout, too, as clients have seen; always_202 makes it a job.
    req.query.setdefault("return_timeout", "120")
    return Work(act, 200, svm=volume["svm"])


@route("POST", "/private/cli/volume/snapshot/partial-restore-file",
       body=["vserver", "volume", "snapshot", "path", "start_byte", "start-byte", "byte_count",
             "byte-count"])
def cli_partial_restore(req):
    body, volume = cli_arguments(req, ("vserver", "volume", "snapshot", "path", "start_byte",
                                       "byte_count"))
    start, count = byte_range(body["start_byte"], body["byte_count"])

    def act():
        restore_file(req.cluster, volume, body["snapshot"], cli_path(volume, body["path"]),
                     start=start, count=count)
    req.query.setdefault("return_timeout", "120")
    return Work(act, 200, svm=volume["svm"])


def byte_range(start, count):
    start, count = int(start), int(count)
    if start % 4096 or count % 4096 or count <= 0:
        raise Fail(918251, "The byte range is not in multiples of 4096.")
    return start, count


@route("POST", "/storage/directory-restore", since=(9, 15, 1),
       body=["svm", "volume", "snapshot", "path", "restore_path"])
def restore_directory(req):
    cluster, body = req.cluster, req.body or {}
    volume = cluster.volume_of(req, body.get("volume"))
    name = (body.get("snapshot") or {}).get("name")
    snapshots.find_named(cluster, volume, name)
    source = tree.inside(snapshots.directory_of(volume, name), body.get("path", ""))
    target = place_in(volume, body.get("restore_path") or body.get("path", ""), 6488112)
    if source is None or not os.path.isdir(source):
        raise Fail(6488113, f'There is no directory "{body.get("path")}" in the snapshot.')

    def act():
        if os.path.isdir(target):
            shutil.rmtree(target)
        tree.copy_tree(source, target)
    return Work(act, 201, svm=volume["svm"])


# 5e: look-up and removal. The router has decoded %2F and %2E.

def record_of(volume, path, place):
    info = os.lstat(place)
    kind = "directory" if stat.S_ISDIR(info.st_mode) else \
        "symlink" if stat.S_ISLNK(info.st_mode) else "file"
    outer, name = os.path.split(path.strip("/"))
    return {"_key": path.strip("/"), "name": name, "path": outer or ".", "type": kind,
            "size": info.st_size, "bytes_used": info.st_blocks * 512, "inode_number": info.st_ino,
            "inode_generation": 1, "is_snapshot": path.strip("/").startswith(tree.SNAPSHOTS),
            "unix_permissions": int(oct(stat.S_IMODE(info.st_mode))[2:]),
            "volume": {"uuid": volume["uuid"], "name": volume["name"]}}


@route("GET", "/storage/volumes/{volume}/files/{path}", fields=FIELDS)
def get_file(req, volume, path):
    record = req.cluster.volume(req, volume)
    place = record["_directory"] if path.strip("/.") == "" else place_in(record, path, 6684674)
    if not os.path.lexists(place):
        raise Fail(6684674, f'No such file: "{path}".')
    if not os.path.isdir(place):
        return Collection([record_of(record, path, place)], FIELDS)
    return Collection([record_of(record, os.path.join(path, name), os.path.join(place, name))
                       for name in sorted(os.listdir(place))], FIELDS)


@route("DELETE", "/storage/volumes/{volume}/files/{path}")
def delete_file(req, volume, path):
    record = req.cluster.volume(req, volume)
    place = place_in(record, path, 6684674)

    def act():
        if not os.path.isfile(place):
            raise Fail(6684674, f'No such file: "{path}".')
        if path.strip("/").startswith(tree.SNAPSHOTS):
            raise Fail(6, "Snapshots are read-only.")
        os.unlink(place)
    return Work(act, 200, svm=record["svm"])


@route("PATCH", "/storage/volumes/{volume}/files/{path}", body=["path"])
def rename_file(req, volume, path):
    record = req.cluster.volume(req, volume)
    source = place_in(record, path, 6684674)
    target = place_in(record, (req.body or {}).get("path", ""), 6684674)
    if not os.path.isfile(source):
        raise Fail(6684674, f'No such file: "{path}".')
    os.rename(source, target)
    return Reply()
