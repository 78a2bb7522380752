# SPDX-License-Identifier: LGPL-2.1-or-later
"""Volumes as directories: copies of trees and files by reflink, else sparse copies."""
import errno
import fcntl
import os
import shutil
import stat

FICLONE = 0x40049409
FIFREEZE = 0xC0045877
FITHAW = 0xC0045878
SNAPSHOTS = ".snapshot"
HIDDEN = ".snapshot-hidden"  # its name while the volume's snapshot directory is switched off


def clone_data(source, target):
    """Makes the open file TARGET hold what SOURCE does."""
    try:
        size = os.fstat(source).st_size
        if os.fstat(target).st_size > size:
            os.ftruncate(target, size)
        fcntl.ioctl(target, FICLONE, source)
        return
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY,
                               errno.ENOSYS):
            raise
    os.ftruncate(target, 0)
    os.ftruncate(target, size)
    offset = 0
    while offset < size:
        try:
            offset = os.lseek(source, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(source, offset, os.SEEK_HOLE)
        while offset < end:
            piece = os.pread(source, min(end - offset, 1 << 20), offset)
            if not piece:
                return
            os.pwrite(target, piece, offset)
            offset += len(piece)


def copy_file(source, target, mode=None, keep_inode=True):
    """SOURCE over TARGET, which gets a new inode unless it exists and KEEP_INODE is set."""
    info = os.stat(source)
    place = target
    if not (keep_inode and os.path.exists(target)):
        place = target + ".ontap-new"
    with open(source, "rb") as reader, \
            open(os.open(place, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as writer:
        clone_data(reader.fileno(), writer.fileno())
        writer.flush()
        os.fchmod(writer.fileno(), mode if mode is not None else stat.S_IMODE(info.st_mode))
        if os.geteuid() == 0:
            os.fchown(writer.fileno(), info.st_uid, info.st_gid)
    os.utime(place, ns=(info.st_atime_ns, info.st_mtime_ns))
    if place != target:
        os.rename(place, target)


def own_entries(directory, foreign):
    """What belongs to the volume in one of its directories: no snapshots, no volumes below it."""
    with os.scandir(directory) as entries:
        return [entry for entry in entries
                if entry.name not in (SNAPSHOTS, HIDDEN)
                and os.path.realpath(entry.path) not in foreign
                and not (entry.is_dir(follow_symlinks=False) and os.path.ismount(entry.path))]


def copy_tree(source, target, foreign=(), modes=None, keep=None):
    """SOURCE's content into the directory TARGET.

    FOREIGN are directories of other volumes, to be left out. MODES (relative path -> mode) are set
    when given; KEEP collects them.
    """
    os.makedirs(target, exist_ok=True)
    later = []

    def descend(relative):
        for entry in own_entries(os.path.join(source, relative), foreign):
            name = os.path.join(relative, entry.name)
            place = os.path.join(target, name)
            info = entry.stat(follow_symlinks=False)
            mode = stat.S_IMODE(info.st_mode)
            if keep is not None:
                keep[name] = mode
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), place)
            elif entry.is_dir():
                os.makedirs(place, exist_ok=True)
                descend(name)
                later.append((place, (modes or {}).get(name, mode), info))
            elif entry.is_file():
                copy_file(entry.path, place, (modes or {}).get(name, mode), keep_inode=False)

    descend("")
    for place, mode, info in later:
        os.chmod(place, mode)
        if os.geteuid() == 0:
            os.chown(place, info.st_uid, info.st_gid)
        os.utime(place, ns=(info.st_atime_ns, info.st_mtime_ns))


def make_read_only(directory):
    for path, folders, names in os.walk(directory, topdown=False):
        for name in names + folders:
            place = os.path.join(path, name)
            if not os.path.islink(place):
                os.chmod(place, stat.S_IMODE(os.stat(place).st_mode) & ~0o222)
    os.chmod(directory, 0o555)


def remove_tree(directory):
    for path, _, _ in os.walk(directory):
        os.chmod(path, 0o700)
    shutil.rmtree(directory)


def clear(directory, foreign=()):
    """Removes what belongs to the volume in DIRECTORY."""
    for entry in own_entries(directory, foreign):
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)
            continue
        os.chmod(entry.path, 0o700)
        clear(entry.path, foreign)
        if not os.listdir(entry.path):
            os.rmdir(entry.path)


def stamps(directory, foreign=()):
    """What tells whether a file of the volume was written: path -> (size, time of the write)."""
    found = {}
    for entry in own_entries(directory, foreign):
        if entry.is_dir(follow_symlinks=False):
            found.update(stamps(entry.path, foreign))
        elif entry.is_file(follow_symlinks=False):
            info = entry.stat()
            found[entry.path] = (info.st_size, info.st_mtime_ns)
    return found


def freeze(directory, frozen):
    """Freezes or thaws the file system mounted on DIRECTORY, which must be a mount point."""
    if not os.path.ismount(directory):
        raise OSError(errno.EINVAL, "only a mount point can be frozen", directory)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, FIFREEZE if frozen else FITHAW, 0)
    finally:
        os.close(descriptor)


def inside(directory, path):
    """PATH (with or without a leading slash) within DIRECTORY; None when it leads outside."""
    place = os.path.normpath(os.path.join(directory, path.lstrip("/")))
    top = os.path.normpath(directory)
    return place if place.startswith(top + "/") else None
