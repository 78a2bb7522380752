/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "entry.h"

#include "channel.h"
#include "identity.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTRIBUTES_MAX 65536

VkEntryReport agent_entry_report(const struct stat *st, int directory, const char *name)
{
	return (VkEntryReport){
		.path = {(const uint8_t *)"", 0},
		.target = {(const uint8_t *)"", 0},
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev_major = major(st->st_rdev),
		.rdev_minor = minor(st->st_rdev),
		.links = (uint32_t)st->st_nlink,
		.device = agent_identity(st->st_dev, directory, name),
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.mtime_sec = st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
	};
}

static void send_attribute(int fd, const char *name)
{
	static char value[ATTRIBUTES_MAX];
	static VkMessage message;
	ssize_t length = fgetxattr(fd, name, value, sizeof(value));

	if (length < 0)
		return;
	vk_message_begin(&message, VK_MESSAGE_ATTRIBUTE);
	vk_message_put_text(&message, name);
	vk_message_put_bytes(&message, value, (size_t)length);
	agent_send(&message);
}

void agent_send_attributes(int fd)
{
	static char names[ATTRIBUTES_MAX];
	ssize_t length = flistxattr(fd, names, sizeof(names));

	for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1)
		send_attribute(fd, names + at);
}

/* Without looking for holes. */
static int send_range(int fd, off_t offset, off_t end)
{
	static char buffer[VK_MESSAGE_DATA_MAX];
	static VkMessage message;

	while (offset < end) {
		size_t wanted = end - offset < (off_t)sizeof(buffer) ? (size_t)(end - offset)
								     : sizeof(buffer);
		ssize_t length = pread(fd, buffer, wanted, offset);

		if (length <= 0)
			return length < 0 ? errno : EIO;
		vk_message_begin(&message, VK_MESSAGE_DATA);
		vk_message_put_u64(&message, (uint64_t)offset);
		vk_message_put_bytes(&message, buffer, (size_t)length);
		agent_send(&message);
		offset += length;
	}
	return 0;
}

/* Finds the next part of FD that has data, from OFFSET on. FALSE when there is none. */
static bool find_range(int fd, off_t offset, off_t size, off_t *ret_start, off_t *ret_end)
{
	off_t start = offset < size ? lseek(fd, offset, SEEK_DATA) : size;
	off_t end;

	if (offset >= size || (start < 0 && errno == ENXIO) || start >= size)
		return false;
	*ret_start = start < 0 ? offset : start;
	end = lseek(fd, *ret_start, SEEK_HOLE);
	*ret_end = end <= *ret_start || end > size ? size : end;
	return true;
}

void agent_send_ranges(int fd, off_t size)
{
	static VkMessage message;
	off_t start, end = 0;

	if (find_range(fd, 0, size, &start, &end) && start == 0 && end == size)
		return;
	vk_message_begin(&message, VK_MESSAGE_RANGES);
	end = 0;
	for (unsigned i = 0; find_range(fd, end, size, &start, &end); i++) {
		if (i == VK_MESSAGE_RANGES_MAX - 1)
			end = size;
		vk_message_put_u64(&message, (uint64_t)start);
		vk_message_put_u64(&message, (uint64_t)(end - start));
	}
	agent_send(&message);
}

int agent_send_data(int fd, off_t offset, off_t end)
{
	off_t start;
	int trouble = 0;

	while (!trouble && find_range(fd, offset, end, &start, &offset))
		trouble = send_range(fd, start, offset);
	return trouble;
}
