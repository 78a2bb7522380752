/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "node.h"

#include "channel.h"
#include "entry.h"
#include "place.h"
#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A page with longer names has fewer of them. */
#define PAGE_BYTES (VK_MESSAGE_MAX / 2)

/* The place of the last question, because most are about one. */
static struct Root {
	char *volume; /* NULL: none */
	bool system;
	int fd;
} root;

/* What was read last below it, because most is read in order. */
static struct Opened {
	char *path; /* NULL: nothing */
	int fd;
	DIR *directory; /* of a directory; FD is its own */
	off_t size;     /* of a regular file */
} opened;

static VkMessage message;

/* Names that no file can have are not there. */
static void send_trouble(const char *path, int trouble)
{
	bool missing = trouble == ENOTDIR || trouble == ENAMETOOLONG || trouble == EINVAL ||
		       trouble == EILSEQ;

	agent_send_failure(missing ? ENOENT : trouble, "'%.512s': %s", path,
			   trouble == EUCLEAN ? "the file system is damaged here"
					      : strerror(trouble));
}

/* Opens what may have a longer path than the kernel takes at once. Returns -1: errno. */
static int open_path(const char *path, int flags)
{
	char part[PATH_MAX];
	int at = root.fd;
	int fd;

	while (strlen(path) >= PATH_MAX) {
		size_t length = PATH_MAX - 1;

		while (length && path[length] != '/')
			length--;
		memcpy(part, path, length);
		part[length] = '\0';
		path += length + 1;
		errno = ENAMETOOLONG;
		fd = length ? agent_open_beneath(at, part, O_PATH | O_DIRECTORY) : -1;
		if (at != root.fd)
			close(at);
		if (fd < 0)
			return -1;
		at = fd;
	}
	fd = agent_open_beneath(at, path, flags | O_NOFOLLOW);
	if (at != root.fd)
		close(at);
	return fd;
}

static void answer_entry(const char *path)
{
	static char target[AGENT_TARGET_MAX];
	int fd = open_path(path, O_PATH);
	VkEntryReport report;
	ssize_t length = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 ||
	    (S_ISLNK(st.st_mode) && (length = readlinkat(fd, "", target, sizeof(target))) < 0)) {
		send_trouble(path, errno);
	} else {
		report = agent_entry_report(&st, fd, "");
		report.target = (VkBytes){(const uint8_t *)target, (size_t)length};
		vk_message_begin(&message, VK_MESSAGE_ENTRY);
		vk_message_put_entry(&message, &report);
		agent_send(&message);
	}
	if (fd >= 0)
		close(fd);
}

static void close_opened(void)
{
	if (!opened.path)
		return;
	if (opened.directory)
		closedir(opened.directory);
	else
		close(opened.fd);
	free(opened.path);
	opened = (struct Opened){0};
}

/* Whether FD is of the wanted KIND, S_IFREG or S_IFDIR; else errno. */
static bool is_kind(int fd, mode_t kind, struct stat *ret)
{
	if (fstat(fd, ret) < 0)
		return false;
	errno = kind == S_IFDIR ? ENOTDIR : EINVAL;
	return (ret->st_mode & S_IFMT) == kind;
}

/* Opens what is not open already. FALSE: errno. */
static bool open_node(const char *path, mode_t kind)
{
	bool directory = kind == S_IFDIR;
	struct stat st;
	int fd;

	if (opened.path && strcmp(opened.path, path) == 0 &&
	    (opened.directory != NULL) == directory)
		return true;
	close_opened();
	fd = open_path(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | (directory ? O_DIRECTORY : 0));
	if (fd < 0)
		return false;
	if (!is_kind(fd, kind, &st) || (directory && !(opened.directory = fdopendir(fd)))) {
		int trouble = errno;

		close(fd);
		errno = trouble;
		return false;
	}
	opened.fd = fd;
	opened.size = st.st_size;
	opened.path = strdup(path);
	if (!opened.path)
		agent_power_off();
	return true;
}

/* What cannot be looked at has the type that its directory says, and no links. */
static VkEntryReport report_of(const struct dirent *entry)
{
	struct stat st;
	VkEntryReport report;

	if (fstatat(opened.fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st = (struct stat){.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
	report = agent_entry_report(&st, opened.fd, entry->d_name);
	report.path = (VkBytes){(const uint8_t *)entry->d_name, strlen(entry->d_name)};
	return report;
}

/* FALSE: there is no more, which is the end when errno is 0. */
static bool put_next(void)
{
	const struct dirent *entry;
	VkEntryReport report;

	errno = 0;
	entry = readdir(opened.directory);
	if (!entry)
		return false;
	report = report_of(entry);
	vk_message_put_u32(&message, 1);
	vk_message_put_u64(&message, (uint64_t)entry->d_off);
	vk_message_put_entry(&message, &report);
	return true;
}

static void answer_page(const char *path, uint64_t cursor)
{
	unsigned count = 0;
	bool more = true;
	int trouble = 0;

	if (!open_node(path, S_IFDIR)) {
		send_trouble(path, errno);
		return;
	}
	if ((uint64_t)telldir(opened.directory) != cursor)
		seekdir(opened.directory, (long)cursor);
	vk_message_begin(&message, VK_MESSAGE_PAGE);
	while (more && count < VK_MESSAGE_PAGE_MAX && message.length < PAGE_BYTES) {
		more = put_next();
		trouble = more ? 0 : errno;
		count += more;
	}
	if (trouble && count == 0) {
		send_trouble(path, trouble);
		return;
	}
	/* What was read is not lost: the trouble comes again with the next page. */
	vk_message_put_u32(&message, 0);
	vk_message_put_u32(&message, !more && !trouble);
	agent_send(&message);
}

static void answer_read(const char *path, uint64_t offset, uint32_t length)
{
	int trouble = 0;

	if (!open_node(path, S_IFREG)) {
		send_trouble(path, errno);
		return;
	}
	if (offset < (uint64_t)opened.size) {
		uint64_t left = (uint64_t)opened.size - offset;

		trouble = agent_send_data(opened.fd, (off_t)offset,
					  (off_t)(offset + (left < length ? left : length)));
	}
	if (trouble)
		send_trouble(path, trouble);
	else
		agent_send_done();
}

static void answer_seek(const char *path, uint64_t offset, bool hole)
{
	off_t place = -1;

	if (open_node(path, S_IFREG)) {
		place = lseek(opened.fd, (off_t)offset, hole ? SEEK_HOLE : SEEK_DATA);
		if (place < 0 && errno == ENXIO)
			errno = 0;
	}
	if (place < 0 && errno) {
		send_trouble(path, errno);
		return;
	}
	vk_message_begin(&message, VK_MESSAGE_PLACE);
	vk_message_put_u64(&message, place < 0 ? VK_MESSAGE_NOWHERE : (uint64_t)place);
	agent_send(&message);
}

static void answer_attributes(const char *path)
{
	int fd = open_path(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		send_trouble(path, errno);
		return;
	}
	agent_send_attributes(fd);
	agent_send_done();
	close(fd);
}

/* FALSE: a failure was sent. */
static bool open_root(const char *volume, bool system)
{
	if (root.volume && strcmp(root.volume, volume) == 0 && root.system == system)
		return true;
	close_opened();
	if (root.volume)
		close(root.fd);
	free(root.volume);
	root = (struct Root){.fd = agent_place_open(volume, system), .system = system};
	if (root.fd < 0)
		return false;
	root.volume = strdup(volume);
	if (!root.volume)
		agent_power_off();
	return true;
}

bool agent_answer_node(VkMessageType type, VkBody *body)
{
	char *volume = agent_take_text(body);
	char *path = agent_take_text(body);
	bool system = vk_body_u32(body) != 0;
	bool is_place = type == VK_MESSAGE_ASK_NODE || type == VK_MESSAGE_ASK_ATTRIBUTES;
	uint64_t offset = is_place ? 0 : vk_body_u64(body);
	bool is_range = type == VK_MESSAGE_ASK_READ || type == VK_MESSAGE_ASK_SEEK;
	uint32_t detail = is_range ? vk_body_u32(body) : 0;
	bool ok = vk_body_ended(body) && detail <= VK_MESSAGE_READ_MAX;

	if (ok && open_root(volume, system)) {
		if (type == VK_MESSAGE_ASK_NODE)
			answer_entry(path);
		else if (type == VK_MESSAGE_ASK_PAGE)
			answer_page(path, offset);
		else if (type == VK_MESSAGE_ASK_READ)
			answer_read(path, offset, detail);
		else if (type == VK_MESSAGE_ASK_SEEK)
			answer_seek(path, offset, detail);
		else if (type == VK_MESSAGE_ASK_ATTRIBUTES)
			answer_attributes(path);
		else
			ok = false;
	}
	free(volume);
	free(path);
	return ok;
}
