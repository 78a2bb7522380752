/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hints-file.h"

#include "crc.h"

#include "errors.h"
#include "io.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdatomic.h>
#include <string.h>

/* Interpolation finds evenly spread prefixes in a few steps; bisection ends it for all others. */
#define INTERPOLATION_STEPS 6

/* Entries read at once: what the interpolation mostly misses by, and still cheap to copy. */
#define WINDOW 128u

/* Pack ids read at once. */
#define IDS_PER_READ 1024u

int vk_hints_file_create(const char *folder, GError **error)
{
	g_autofree char *path = g_build_filename(folder, "hints.XXXXXX", NULL);
	int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		vk_fail_errno(error, errno, "cannot create a temporary file in '%s'", folder);
	else
		g_unlink(path);
	return fd;
}

/* FALSE without an error for the end of the file, which comes too early. */
static gboolean read_whole(int fd, guint64 offset, void *buf, gsize length, GError **error)
{
	gsize got = 0;

	return vk_io_read(fd, "hints", offset, buf, length, &got, error) && got == length;
}

gboolean vk_hints_header_crc(const VkHintHeader *header, int fd, guint32 *ret, GError **error)
{
	g_autofree VkPackId *ids = g_new(VkPackId, IDS_PER_READ);
	guint32 packs = GUINT32_FROM_LE(header->packs);

	*ret = vk_crc32c(0, header, G_STRUCT_OFFSET(VkHintHeader, crc32c));
	for (guint32 done = 0, part; done < packs; done += part) {
		part = MIN(packs - done, IDS_PER_READ);
		if (!read_whole(fd, sizeof(*header) + (guint64)done * sizeof(VkPackId), ids,
				part * sizeof(VkPackId), error))
			return FALSE;
		*ret = vk_crc32c(*ret, ids, part * sizeof(VkPackId));
	}
	return TRUE;
}

static gboolean check_header(const VkHintHeader *header, guint64 length,
			     const VkPackContext *context, const char **ret_problem)
{
	guint64 room;

	*ret_problem = NULL;
	if (memcmp(header->magic, VK_HINT_MAGIC, sizeof(header->magic)) != 0)
		*ret_problem = "it is not a hint file";
	else if (GUINT16_FROM_LE(header->version) != VK_FORMAT_VERSION ||
		 GUINT16_FROM_LE(header->header_length) != sizeof(*header))
		*ret_problem = "it has an unknown version";
	else if (memcmp(header->vault_id, context->vault_id, VK_ID_SIZE) != 0)
		*ret_problem = "it belongs to another vault";
	if (*ret_problem)
		return FALSE;
	room = length - sizeof(*header);
	if (GUINT32_FROM_LE(header->packs) > room / sizeof(VkPackId)) {
		*ret_problem = "it was cut short";
		return FALSE;
	}
	room -= GUINT32_FROM_LE(header->packs) * sizeof(VkPackId);
	if (room % sizeof(VkHintEntry) != 0 ||
	    GUINT64_FROM_LE(header->entries) != room / sizeof(VkHintEntry))
		*ret_problem = "its size is wrong";
	return *ret_problem == NULL;
}

/* What is wrong with the file; NULL: nothing. Fills in HEADER. */
static const char *find_problem(int fd, const VkPackContext *context, VkHintHeader *header)
{
	const char *problem = NULL;
	struct stat facts;
	guint32 crc;

	if (fstat(fd, &facts) < 0 || !S_ISREG(facts.st_mode))
		return "it is not a regular file";
	if ((guint64)facts.st_size < sizeof(*header))
		return "it is not a hint file";
	if (!read_whole(fd, 0, header, sizeof(*header), NULL))
		return "it cannot be read";
	if (!check_header(header, (guint64)facts.st_size, context, &problem))
		return problem;
	if (!vk_hints_header_crc(header, fd, &crc, NULL))
		return "it cannot be read";
	return crc == GUINT32_FROM_LE(header->crc32c) ? NULL : "its checksum does not match";
}

VkHintsFile *vk_hints_file_new(int fd, const char *name, const VkPackContext *context,
			       GError **error)
{
	VkHintHeader header;
	const char *problem = find_problem(fd, context, &header);
	VkHintsFile *file;

	if (problem) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: %s", name, problem);
		vk_io_clear_fd(&fd);
		return NULL;
	}
	file = g_new0(VkHintsFile, 1);
	file->fd = fd;
	file->packs = GUINT32_FROM_LE(header.packs);
	file->entries = GUINT64_FROM_LE(header.entries);
	return file;
}

void vk_hints_file_free(VkHintsFile *file)
{
	if (!file)
		return;
	vk_io_clear_fd(&file->fd);
	g_free(file->object);
	g_free(file);
}

static gboolean read_at(VkHintsFile *file, guint64 offset, void *buf, gsize length)
{
	g_autoptr(GError) trouble = NULL;

	if (atomic_load(&file->unreadable))
		return FALSE;
	if (read_whole(file->fd, offset, buf, length, &trouble))
		return TRUE;
	vk_log_debug("hints '%s': %s; they are not used", file->object ? file->object : "new",
		     trouble ? trouble->message : "cut short");
	atomic_store(&file->unreadable, TRUE);
	return FALSE;
}

gboolean vk_hints_file_read_packs(VkHintsFile *file, guint32 first, guint32 count, VkPackId *ret)
{
	return read_at(file, sizeof(VkHintHeader) + (guint64)first * sizeof(VkPackId), ret,
		       count * sizeof(VkPackId));
}

gboolean vk_hints_file_read_entries(VkHintsFile *file, guint64 first, guint32 count,
				    VkHintEntry *ret)
{
	guint64 start = sizeof(VkHintHeader) + (guint64)file->packs * sizeof(VkPackId);

	return read_at(file, start + first * sizeof(VkHintEntry), ret, count * sizeof(VkHintEntry));
}

/* The place of VALUE between LOW and HIGH if prefixes from MIN to MAX were spread evenly. */
static guint64 interpolate(guint64 low, guint64 high, guint64 min, guint64 max, guint64 value)
{
	if (value <= min || max <= min)
		return low;
	if (value >= max)
		return high;
	return low + (guint64)((unsigned __int128)(high - low) * (value - min) / (max - min));
}

/* Whether the prefix is among the COUNT entries, which it lies between. */
static gboolean search_window(const VkHintEntry *entries, guint32 count, guint64 prefix,
			      VkHintEntry *ret)
{
	guint32 low = 0, high = count;

	while (low < high) {
		guint32 middle = low + (high - low) / 2;
		guint64 found = GUINT64_FROM_LE(entries[middle].prefix);

		if (found == prefix) {
			*ret = entries[middle];
			return TRUE;
		}
		if (found < prefix)
			low = middle + 1;
		else
			high = middle;
	}
	return FALSE;
}

static gboolean search(VkHintsFile *file, guint64 prefix, VkHintEntry *ret)
{
	VkHintEntry window[WINDOW];
	guint64 low = 0, high = file->entries; /* within [low, high) */
	guint64 min = 0, max = G_MAXUINT64;    /* bounds of the prefixes there */

	for (guint step = 0; low < high; step++) {
		guint32 count = (guint32)MIN(high - low, WINDOW);
		guint64 middle = step < INTERPOLATION_STEPS
					 ? interpolate(low, high - 1, min, max, prefix)
					 : low + (high - low) / 2;
		guint64 first = MIN(middle - MIN(middle - low, count / 2), high - count);

		if (!vk_hints_file_read_entries(file, first, count, window))
			return FALSE;
		if (prefix < GUINT64_FROM_LE(window[0].prefix)) {
			high = first;
			max = GUINT64_FROM_LE(window[0].prefix);
		} else if (prefix > GUINT64_FROM_LE(window[count - 1].prefix)) {
			low = first + count;
			min = GUINT64_FROM_LE(window[count - 1].prefix);
		} else {
			return search_window(window, count, prefix, ret);
		}
	}
	return FALSE;
}

gboolean vk_hints_file_lookup(VkHintsFile *file, guint64 prefix, VkPackId *ret_pack,
			      guint32 *ret_slot)
{
	VkHintEntry entry;

	if (!search(file, prefix, &entry) || GUINT32_FROM_LE(entry.pack) >= file->packs ||
	    GUINT32_FROM_LE(entry.slot) >= VK_SLOTS_MAX ||
	    !vk_hints_file_read_packs(file, GUINT32_FROM_LE(entry.pack), 1, ret_pack))
		return FALSE;
	*ret_slot = GUINT32_FROM_LE(entry.slot);
	return TRUE;
}
