#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes members of an MD array, of files, as mdadm would: this host need not have its driver.

md-member.py VERSION LEVEL NAME[/SEED] IMAGE MEMBER...: the IMAGE lies on an array of LEVEL (0, 1,
5, 6 or 10), whose superblocks have the VERSION 0.90, 1.0, 1.1 or 1.2. RAID 6 has no parity: all of
its members have to be there. A member that is named '-' is missing. Another
SEED makes another array of the same name.
"""
import hashlib
import struct
import sys

SECTOR = 512
CHUNK = 64 << 10
MIB = 1 << 20
LAYOUTS = {5: 2, 6: 2, 10: 0x102}  # left-symmetric; two copies of a chunk beside each other
TIME = 1700000000


def stripes(level, image, count):
    """What lies on each of COUNT members."""
    if level == 1:
        return [image] * count
    data = {0: count, 5: count - 1, 6: count - 2, 10: count // 2}[level]
    image = image + bytes(-len(image) % (CHUNK * data))
    chunks = [image[at:at + CHUNK] for at in range(0, len(image), CHUNK)]
    members = [[] for _ in range(count)]
    for row in range(len(chunks) // data):
        mine = chunks[row * data:(row + 1) * data]
        if level == 0:
            order = mine
        elif level == 10:
            order = [chunk for chunk in mine for _ in range(2)]
        elif level == 6:
            place = count - 1 - row % count
            order = [bytes(CHUNK)] * count
            for number, chunk in enumerate(mine):
                order[(place + 2 + number) % count] = chunk
        else:
            # left-symmetric: the parity moves to the left, and the data begin behind it
            parity = 0
            for chunk in mine:
                parity ^= int.from_bytes(chunk, 'little')
            place = (count - 1 - row % count)
            order = [None] * count
            order[place] = parity.to_bytes(CHUNK, 'little')
            for number, chunk in enumerate(mine):
                order[(place + 1 + number) % count] = chunk
        for member, chunk in zip(members, order):
            member.append(chunk)
    return [b''.join(member) for member in members]


def superblock_1(uuid, level, name, count, member, size, place, data):
    """struct mdp_superblock_1 at PLACE of a member, with the roles of the members behind it."""
    block = bytearray(256 + 2 * 128)
    struct.pack_into('<IIII16s32s', block, 0, 0xa92b4efc, 1, 0, 0, uuid,
                     ('host:' + name).encode())
    struct.pack_into('<QIIQIII', block, 64, TIME, level, LAYOUTS.get(level, 0),
                     size // SECTOR if level else 0, CHUNK // SECTOR if level != 1 else 0,
                     count, 0)
    struct.pack_into('<QQQQII16s', block, 128, data // SECTOR, size // SECTOR, place // SECTOR, 0,
                     member, 0,
                     bytes([member + 1] * 16))
    # events, resync_offset: all is in sync
    struct.pack_into('<QQQII', block, 192, TIME, 7, (1 << 64) - 1, 0, 128)
    for role in range(128):
        struct.pack_into('<H', block, 256 + 2 * role, role if role < count else 0xffff)
    total = sum(struct.unpack('<%dI' % (len(block) // 4), block))
    struct.pack_into('<I', block, 216, (total & 0xffffffff) + (total >> 32) & 0xffffffff)
    return bytes(block)


def superblock_0(uuid, level, count, member, size):
    """mdp_super_t, of 4096 bytes in words of 32 bits."""
    words = [0] * 1024
    uuid = struct.unpack('<4I', uuid)
    words[0:15] = [0xa92b4efc, 0, 90, 0, 0, uuid[0], TIME, level, size // 1024, count, count, 3, 0,
                   *uuid[1:3]]
    words[15] = uuid[3]
    # when, clean, active, working, failed, spare disks, checksum, events
    words[32:40] = [TIME, 1, count, count, 0, 0, 0, 7]
    words[40:44] = [0, 7, 0, 0xffffffff]
    words[64:66] = [2 if level == 5 else 0, CHUNK if level != 1 else 0]
    for disk in range(count):
        # number, major, minor, raid_disk, state: active and in sync
        words[128 + 32 * disk:133 + 32 * disk] = [disk, 8, disk, disk, 6]
    words[992:997] = words[128 + 32 * member:133 + 32 * member]
    total = sum(words)
    words[38] = (total & 0xffffffff) + (total >> 32) & 0xffffffff
    return struct.pack('<1024I', *words)


def main(version, level, name, image, *members):
    level = int(level)
    uuid = hashlib.md5(name.encode()).digest()
    name = name.split('/')[0]
    with open(image, 'rb') as file:
        parts = stripes(level, file.read(), len(members))
    for number, (path, part) in enumerate(zip(members, parts)):
        if path == '-':
            continue
        with open(path, 'wb') as file:
            if version != '0.90':
                # Version 1.0 has it 8 KiB in front of the end. All is whole MiB.
                whole = (len(part) + 2 * MIB - 1) // MIB * MIB
                place = {'1.0': whole - 8192, '1.1': 0, '1.2': 4096}[version]
                data = 0 if version == '1.0' else MIB
                file.seek(data)
                file.write(part)
                file.truncate(whole)
                file.seek(place)
                file.write(superblock_1(uuid, level, name, len(members), number, len(part), place,
                                        data))
            else:
                # The superblock begins 64 KiB in front of the end. All is whole MiB.
                part += bytes(-(len(part) + (64 << 10)) % (1 << 20))
                file.write(part)
                file.write(superblock_0(uuid, level, len(members), number, len(part)))
                file.truncate(len(part) + (64 << 10))


main(*sys.argv[1:])
