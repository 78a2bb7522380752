/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "volume-type.h"

#include "partition-priv.h"

typedef struct Mark {
	const char *type;
	guint64 offset; /* bytes */
	const char *bytes;
	gsize length;
} Mark;

#define MARK(type, offset, text)                     \
	{                                            \
		type, offset, text, sizeof(text) - 1 \
	}

/* What holds other volumes comes first: a rest of a file system may lie below it. */
static const Mark marks[] = {
	MARK("luks", 0, "LUKS\xba\xbe"),
	MARK("bitlocker", 3, "-FVE-FS-"),
	MARK("lvm", 512, "LABELONE"),
	MARK("md", 4096, "\xfc\x4e\x2b\xa9"),
	MARK("md", 0, "\xfc\x4e\x2b\xa9"),
	MARK("xfs", 0, "XFSB"),
	MARK("ntfs", 3, "NTFS    "),
	MARK("exfat", 3, "EXFAT   "),
	MARK("vfat", 82, "FAT32   "),
	MARK("vfat", 54, "FAT16   "),
	MARK("vfat", 54, "FAT12   "),
	MARK("ext", 1024 + 56, "\x53\xef"),
	MARK("f2fs", 1024, "\x10\x20\xf5\xf2"),
	MARK("swap", 4096 - 10, "SWAPSPACE2"),
	MARK("iso9660", 32769, "CD001"),
	MARK("btrfs", 65536 + 64, "_BHRfS_M"),
};

/* Features that tell the three apart. */
#define EXT_HAS_JOURNAL   0x4u
#define EXT4_INCOMPATIBLE (0x40u | 0x80u | 0x200u)                /* extents, 64bit, flex_bg */
#define EXT4_READ_ONLY    (0x8u | 0x10u | 0x20u | 0x40u | 0x400u) /* huge_file to metadata_csum */

static gboolean tell_ext(VkImage *disk, guint64 start, const char **ret_type, GError **error)
{
	guint8 features[12];
	gboolean there;

	if (!vk_disk_read(disk, start + 1024 + 92, features, sizeof(features), &there, error))
		return FALSE;
	*ret_type = "ext2";
	if (there && (vk_get_le32(features) & EXT_HAS_JOURNAL))
		*ret_type = "ext3";
	if (there && ((vk_get_le32(features + 4) & EXT4_INCOMPATIBLE) ||
		      (vk_get_le32(features + 8) & EXT4_READ_ONLY)))
		*ret_type = "ext4";
	return TRUE;
}

static gboolean has_mark(VkImage *disk, guint64 start, guint64 size, const Mark *mark,
			 gboolean *ret_has, GError **error)
{
	guint8 bytes[16];
	gboolean there;

	*ret_has = FALSE;
	if (size < mark->offset + mark->length)
		return TRUE;
	if (!vk_disk_read(disk, start + mark->offset, bytes, mark->length, &there, error))
		return FALSE;
	*ret_has = there && memcmp(bytes, mark->bytes, mark->length) == 0;
	return TRUE;
}

gboolean vk_volume_type(VkImage *disk, guint64 start, guint64 size, const char **ret_type,
			GError **error)
{
	*ret_type = NULL;
	for (guint i = 0; i < G_N_ELEMENTS(marks); i++) {
		gboolean found;

		if (!has_mark(disk, start, size, &marks[i], &found, error))
			return FALSE;
		if (!found)
			continue;
		*ret_type = marks[i].type;
		return !g_str_equal(marks[i].type, "ext") || tell_ext(disk, start, ret_type, error);
	}
	return TRUE;
}
