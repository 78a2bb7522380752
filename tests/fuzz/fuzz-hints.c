/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hint file of anybody. Its header gets the right checksum, because a fuzzer does not guess it.
 * What it leads to is an address that can be, and merging it loses nothing that it finds.
 */
#include "fuzz.h"
#include "hints-writer.h"
#include "io.h"

#include <string.h>
#include <sys/mman.h>

static const VkPackContext context = {.vault_id = "vault-id-16bytes"};

static int new_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("hints", MFD_CLOEXEC);

	g_assert(fd >= 0);
	g_assert(vk_io_write(fd, "hints", 0, data, size, NULL));
	return fd;
}

static void repair(int fd, const uint8_t *data, size_t size)
{
	VkHintHeader header;
	guint32 crc;

	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	memcpy(header.magic, VK_HINT_MAGIC, sizeof(header.magic));
	memcpy(header.vault_id, context.vault_id, VK_ID_SIZE);
	if (GUINT32_FROM_LE(header.packs) > size / VK_ID_SIZE ||
	    !vk_hints_header_crc(&header, fd, &crc, NULL))
		return;
	header.crc32c = GUINT32_TO_LE(crc);
	g_assert(vk_io_write(fd, "hints", 0, &header, sizeof(header), NULL));
}

static gboolean look_up(VkHintsFile *file, guint64 prefix)
{
	VkPackId pack;
	guint32 slot;

	if (!vk_hints_file_lookup(file, prefix, &pack, &slot))
		return FALSE;
	g_assert(slot < VK_SLOTS_MAX);
	return TRUE;
}

static void look_up_all(VkHintsFile *file)
{
	for (guint64 i = 0; i < MIN(file->entries, 64); i++) {
		VkHintEntry entry;

		if (vk_hints_file_read_entries(file, i, 1, &entry))
			look_up(file, GUINT64_FROM_LE(entry.prefix));
	}
	look_up(file, 0);
	look_up(file, G_MAXUINT64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GPtrArray) files =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_hints_file_free);

	for (guint i = 0; i < 2; i++) {
		int fd = new_file(data, size);
		VkHintsFile *file;

		repair(fd, data, size);
		file = vk_hints_file_new(fd, "input", &context, NULL);
		if (!file)
			return 0;
		look_up_all(file);
		g_ptr_array_add(files, file);
	}
	vk_hints_file_free(vk_hints_files_merge(files, g_get_tmp_dir(), &context, NULL));
	return 0;
}
