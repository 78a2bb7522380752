/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel-modules.h"

#include "errors.h"
#include "io.h"

#include <archive.h>
#include <string.h>

/* Of a list, and of a module that is no longer compressed. */
#define FILE_MAX ((gsize)64 << 20)

/* Those that are part of the kernel, or that it does not have, are passed over. Ended by NULL. */
static const char *const first[] = {
	"virtio_pci", "virtio_blk", "virtio_console", "isofs", NULL,
};

/* Without the first, which are loaded already. */
static const char *const wanted[] = {
	"loop",
	/* file systems */
	"ext4",
	"xfs",
	"btrfs",
	"vfat",
	"udf",
	"squashfs",
	"jfs",
	"reiserfs",
	"fuse",
	"nls_cp437",
	"nls_ascii",
	"nls_iso8859_1",
	"nls_utf8",
	/* volumes */
	"dm_mod",
	"dm_crypt",
	"dm_integrity",
	"dm_mirror",
	"dm_raid",
	"dm_snapshot",
	"dm_thin_pool",
	"dm_cache",
	"dm_cache_smq",
	"dm_writecache",
	"md_mod",
	"linear",
	"raid0",
	"raid1",
	"raid10",
	"raid456",
	/* their sums and ciphers, which they ask for by names that are in no list of what they
	 * need, and by which cryptsetup opens a key slot */
	"crc32c_generic",
	"crc32c_intel",
	"xxhash_generic",
	"blake2b_generic",
	"sha1_generic",
	"sha256_generic",
	"sha512_generic",
	"sha256_ssse3",
	"aes_generic",
	"aesni_intel",
	"cbc",
	"xts",
	"ecb",
	"essiv",
	"lrw",
	"ctr",
	"hmac",
	"authenc",
	"serpent_generic",
	"twofish_generic",
	"camellia_generic",
	"cast5_generic",
	"cast6_generic",
	"adiantum",
	"nhpoly1305",
	"chacha_generic",
	"rmd160",
	"wp512",
	"af_alg",
	"algif_hash",
	"algif_skcipher",
	NULL,
};

/* "kernel/fs/ext4/ext4.ko.xz" is of the module "ext4". New string. */
static char *name_of(const char *file)
{
	g_autofree char *base = g_path_get_basename(file);

	base[strcspn(base, ".")] = '\0';
	return g_strdelimit(g_steal_pointer(&base), "-", '_');
}

/* As it is called when it is no longer compressed. New string. */
static char *plain_name(const char *file)
{
	const char *end = g_strrstr(file, ".ko");

	return end ? g_strndup(file, (gsize)(end - file) + strlen(".ko")) : g_strdup(file);
}

static char *read_list(const char *modules, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(modules, name, NULL);
	g_autoptr(GError) trouble = NULL;
	char *text = NULL;
	gsize length;

	if (vk_io_read_whole(path, FILE_MAX, &text, &length, &trouble))
		return text;
	vk_fail(error, (VkErrorCode)trouble->code, "%s: 'depmod' makes it; see virtkeep-files(1)",
		trouble->message);
	return NULL;
}

/* Name of a module -> its line of modules.dep, "FILE: NEEDED NEEDED...". */
static GHashTable *read_lines(const char *modules, GError **error)
{
	g_autofree char *text = read_list(modules, "modules.dep", error);
	g_auto(GStrv) lines = NULL;
	GHashTable *by_name;

	if (!text)
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (char **line = lines; *line; line++) {
		g_autofree char *file = g_strndup(*line, strcspn(*line, ":"));

		if (*file)
			g_hash_table_insert(by_name, name_of(file), g_strdup(*line));
	}
	return by_name;
}

/* What a module is when it is no longer compressed. NULL on failure. */
static GByteArray *read_module(const char *path, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	guint8 part[65536];
	la_ssize_t length = -1;

	archive_read_support_format_raw(archive);
	archive_read_support_filter_all(archive);
	if (archive_read_open_filename(archive, path, sizeof(part)) == ARCHIVE_OK &&
	    archive_read_next_header(archive, &entry) == ARCHIVE_OK)
		while (bytes->len < FILE_MAX &&
		       (length = archive_read_data(archive, part, sizeof(part))) > 0)
			g_byte_array_append(bytes, part, (guint)length);
	if (length != 0)
		vk_fail(error, VK_ERROR_FAILED, "cannot read '%s': %s", path,
			length < 0 ? archive_error_string(archive) : "it is too large");
	archive_read_free(archive);
	return length == 0 ? g_steal_pointer(&bytes) : NULL;
}

static gboolean add_module(VkInitrd *initrd, const char *modules, const char *file, GError **error)
{
	g_autofree char *path = g_build_filename(modules, file, NULL);
	g_autofree char *plain = plain_name(file);
	g_autofree char *place = g_build_filename("modules", plain, NULL);
	g_autoptr(GByteArray) bytes = read_module(path, error);

	return bytes && vk_initrd_add(initrd, place, bytes->data, bytes->len, error);
}

/*
 * Adds the module NAME, and what its line says that it needs, to INITRD; their lines to LIST; and
 * their names to ADDED. A module that the kernel does not have is passed over.
 */
static gboolean add_named(VkInitrd *initrd, const char *modules, GHashTable *lines,
			  const char *name, GHashTable *added, GString *list, GError **error)
{
	const char *line = g_hash_table_lookup(lines, name);
	g_auto(GStrv) files = NULL;

	if (!line || !g_hash_table_add(added, g_strdup(name)))
		return TRUE;
	files = g_strsplit_set(line, ": ", -1);
	if (!add_module(initrd, modules, files[0], error))
		return FALSE;
	for (char **file = files; *file; file++) {
		g_autofree char *plain = plain_name(*file);

		if (**file)
			g_string_append_printf(list, file == files ? "%s:" : " %s", plain);
	}
	g_string_append_c(list, '\n');
	/* Each line has all that is needed, also by what is needed. */
	for (char **file = files + 1; *file; file++) {
		g_autofree char *needed = **file ? name_of(*file) : NULL;

		if (needed && !add_named(initrd, modules, lines, needed, added, list, error))
			return FALSE;
	}
	return TRUE;
}

/* Adds those lines of modules.alias, "alias PATTERN NAME", that lead to one of ADDED. */
static gboolean add_aliases(VkInitrd *initrd, const char *modules, GHashTable *added,
			    GError **error)
{
	g_autofree char *text = read_list(modules, "modules.alias", error);
	g_autoptr(GString) list = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;

	if (!text)
		return FALSE;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		const char *name = strrchr(*line, ' ');

		if (name && g_hash_table_contains(added, name + 1))
			g_string_append_printf(list, "%s\n", *line);
	}
	return vk_initrd_add(initrd, "modules/modules.alias", list->str, list->len, error);
}

static gboolean add_all(VkInitrd *initrd, const char *modules, const char *const *names,
			GError **error)
{
	g_autoptr(GHashTable) added = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) lines = read_lines(modules, error);
	g_autoptr(GString) list = g_string_new(NULL);

	if (!lines)
		return FALSE;
	for (; *names; names++)
		if (!add_named(initrd, modules, lines, *names, added, list, error))
			return FALSE;
	return vk_initrd_add(initrd, "modules/modules.dep", list->str, list->len, error) &&
	       add_aliases(initrd, modules, added, error);
}

gboolean vk_kernel_modules_add_first(VkInitrd *initrd, const char *modules, GError **error)
{
	return add_all(initrd, modules, first, error);
}

gboolean vk_kernel_modules_add(VkInitrd *initrd, const char *modules, GError **error)
{
	return add_all(initrd, modules, wanted, error);
}
