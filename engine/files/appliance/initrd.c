/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "initrd.h"

#include "child.h"
#include "errors.h"
#include "io.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A program with all its libraries has a few MiB. */
#define FILE_MAX     ((gsize)64 << 20)
#define LDD_WAIT_SEC 10

struct VkInitrd {
	struct archive *archive;
	GHashTable *paths; /* that are in it: char* */
	int fd;
};

static gboolean fail_archive(const VkInitrd *initrd, GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "cannot put the appliance together: %s",
		       archive_error_string(initrd->archive));
}

VkInitrd *vk_initrd_new(GError **error)
{
	g_autoptr(VkInitrd) initrd = g_new0(VkInitrd, 1);

	initrd->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	initrd->archive = archive_write_new();
	initrd->fd = memfd_create("virtkeep-initrd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (initrd->fd < 0) {
		vk_fail_errno(error, errno, "cannot make a temporary file");
		return NULL;
	}
	if (archive_write_set_format_cpio_newc(initrd->archive) != ARCHIVE_OK ||
	    archive_write_open_fd(initrd->archive, initrd->fd) != ARCHIVE_OK) {
		fail_archive(initrd, error);
		return NULL;
	}
	return g_steal_pointer(&initrd);
}

void vk_initrd_free(VkInitrd *initrd)
{
	if (!initrd)
		return;
	archive_write_free(initrd->archive);
	g_hash_table_unref(initrd->paths);
	vk_io_clear_fd(&initrd->fd);
	g_free(initrd);
}

static gboolean write_entry(VkInitrd *initrd, const char *path, guint mode, const void *bytes,
			    gsize length, GError **error)
{
	struct archive_entry *entry = archive_entry_new();
	gboolean ok;

	archive_entry_set_pathname(entry, path);
	archive_entry_set_mode(entry, mode);
	archive_entry_set_size(entry, (la_int64_t)length);
	ok = archive_write_header(initrd->archive, entry) == ARCHIVE_OK &&
	     (length == 0 ||
	      archive_write_data(initrd->archive, bytes, length) == (la_ssize_t)length);
	archive_entry_free(entry);
	g_hash_table_add(initrd->paths, g_strdup(path));
	return ok || fail_archive(initrd, error);
}

static gboolean add_parents(VkInitrd *initrd, const char *path, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(path);

	if (strcmp(parent, ".") == 0 || g_hash_table_contains(initrd->paths, parent))
		return TRUE;
	return add_parents(initrd, parent, error) &&
	       write_entry(initrd, parent, S_IFDIR | 0755, NULL, 0, error);
}

gboolean vk_initrd_add(VkInitrd *initrd, const char *path, guint mode, const void *bytes,
		       gsize length, GError **error)
{
	return g_hash_table_contains(initrd->paths, path) ||
	       (add_parents(initrd, path, error) &&
		write_entry(initrd, path, S_IFREG | mode, bytes, length, error));
}

gboolean vk_initrd_add_file(VkInitrd *initrd, const char *path, const char *source, GError **error)
{
	g_autofree char *bytes = NULL;
	gsize length = 0;

	return vk_io_read_whole(source, FILE_MAX, &bytes, &length, error) &&
	       vk_initrd_add(initrd, path, 0755, bytes, length, error);
}

/* The path in a line of ldd: "libc.so.6 => /lib/libc.so.6 (0x...)", "/lib64/ld.so (0x...)". */
static char *library_of(const char *line)
{
	const char *path = strchr(line, '/');
	const char *end = path ? strstr(path, " (0x") : NULL;

	return end ? g_strndup(path, (gsize)(end - path)) : NULL;
}

static gboolean add_libraries(VkInitrd *initrd, const char *program, GError **error)
{
	const char *const argv[] = {"ldd", program, NULL};
	g_autofree char *output = vk_child_run(argv, LDD_WAIT_SEC, error);
	g_auto(GStrv) lines = output ? g_strsplit(output, "\n", -1) : NULL;

	for (char **line = lines; line && *line; line++) {
		g_autofree char *library = library_of(*line);

		if (library && !vk_initrd_add_file(initrd, library + 1, library, error))
			return FALSE;
	}
	return output != NULL;
}

/* Users may not have the folders of the administrator's programs in PATH. */
static char *find_program(const char *name)
{
	static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *path = g_build_filename(folders[i], name, NULL);

		if (access(path, X_OK) == 0)
			return g_steal_pointer(&path);
	}
	return NULL;
}

gboolean vk_initrd_add_program(VkInitrd *initrd, const char *name, GError **error)
{
	g_autofree char *program = find_program(name);
	g_autofree char *path = g_build_filename("bin", name, NULL);

	if (!program)
		return vk_fail(error, VK_ERROR_NOT_FOUND, "'%s' is not installed", name);
	return vk_initrd_add_file(initrd, path, program, error) &&
	       add_libraries(initrd, program, error);
}

/*
 * By the name of each module its line of modules.dep, "PATH: PATH...": its file, and the files of
 * those that it needs, which are loaded from the last to the first.
 */
static GHashTable *read_dependencies(const char *directory, GError **error)
{
	g_autofree char *path = g_build_filename(directory, "modules.dep", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	GHashTable *table;
	gsize length;

	if (!vk_io_read_whole(path, FILE_MAX, &text, &length, error))
		return NULL;
	table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		char *colon = strchr(*line, ':');
		g_autofree char *file = colon ? g_strndup(*line, (gsize)(colon - *line)) : NULL;
		g_autofree char *base = file ? g_path_get_basename(file) : NULL;

		if (base && g_str_has_suffix(base, ".ko"))
			g_hash_table_insert(table, g_strndup(base, strlen(base) - 3),
					    g_strconcat(file, colon + 1, NULL));
	}
	return table;
}

static gboolean add_module(VkInitrd *initrd, const char *directory, const char *line, GString *list,
			   GError **error)
{
	g_auto(GStrv) files = g_strsplit(line, " ", -1);

	for (guint i = g_strv_length(files); i-- > 0;) {
		g_autofree char *source = g_build_filename(directory, files[i], NULL);
		g_autofree char *base = g_path_get_basename(files[i]);
		g_autofree char *path = g_build_filename("lib/modules", base, NULL);

		if (g_hash_table_contains(initrd->paths, path))
			continue;
		if (!vk_initrd_add_file(initrd, path, source, error))
			return FALSE;
		g_string_append_printf(list, "/%s\n", path);
	}
	return TRUE;
}

gboolean vk_initrd_add_modules(VkInitrd *initrd, const char *directory, const char *const *names,
			       GError **error)
{
	g_autoptr(GHashTable) dependencies = read_dependencies(directory, error);
	g_autoptr(GString) list = g_string_new(NULL);

	if (!dependencies)
		return FALSE;
	for (; *names; names++) {
		const char *line = g_hash_table_lookup(dependencies, *names);

		if (line && !add_module(initrd, directory, line, list, error))
			return FALSE;
	}
	return vk_initrd_add(initrd, "modules", 0644, list->str, list->len, error);
}

int vk_initrd_end(VkInitrd *initrd, GError **error)
{
	int fd = initrd->fd;

	if (archive_write_close(initrd->archive) != ARCHIVE_OK || lseek(fd, 0, SEEK_SET) < 0) {
		fail_archive(initrd, error);
		return -1;
	}
	/* The sandbox gets this descriptor, and could use the file as memory beyond its bound. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		vk_fail_errno(error, errno, "cannot seal a temporary file");
		return -1;
	}
	initrd->fd = -1;
	return fd;
}
