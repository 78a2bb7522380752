/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "powercut-bed.h"

#include "damages.h"
#include "io.h"
#include "tempvault.h"
#include "vault.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 1024
#define CUTS_MAX  600u

/* A name within the vault. */
typedef struct Name {
	gboolean is_folder;
	gboolean is_there, is_durable; /* now; and after a power failure for sure */
	gboolean flushed;              /* its content */
	GBytes *content;               /* of a file that was removed */
} Name;

/* What is there, of all that a power failure may leave or take. */
typedef enum {
	KEEP_NOTHING,
	KEEP_SNAPSHOTS, /* the catalogue runs ahead of all it relies on */
	KEEP_ALL,
	KEEP_ANY, /* each by chance */
} Keep;

typedef struct Cut {
	char *path;
	guint committed; /* snapshots whose commit had returned */
} Cut;

static VkIo real;
static GMutex mutex; /* guards what follows */
static GHashTable *names;
static char *open_paths[FILES_MAX];
static GArray *cuts;
static guint committed;
static guint calls; /* that changed the vault */

char *top;
char *directory;
GRand *chance;
void (*on_snapshot)(void);

/* A thread that is held before it flushes a folder. */
static GCond changed_cond;
static GThread *held;
static gboolean is_stopped, may_go_on;

static Name *name_of(const char *path)
{
	Name *name = g_hash_table_lookup(names, path);

	if (!name) {
		name = g_new0(Name, 1);
		g_hash_table_insert(names, g_strdup(path), name);
	}
	return name;
}

static void name_free(gpointer data)
{
	Name *name = data;

	g_clear_pointer(&name->content, g_bytes_unref);
	g_free(name);
}

static GBytes *read_content(const char *path)
{
	g_autofree char *full = g_build_filename(directory, path, NULL);
	char *bytes;
	gsize length;

	if (!g_file_get_contents(full, &bytes, &length, NULL))
		return g_bytes_new(NULL, 0);
	return g_bytes_new_take(bytes, length);
}

static gboolean is_kept(const char *path, const Name *name, Keep keep)
{
	if (name->is_there == name->is_durable)
		return name->is_there;
	switch (keep) {
	case KEEP_NOTHING:
		return name->is_durable;
	case KEEP_SNAPSHOTS:
		return g_str_has_prefix(path, "snaps/") ? name->is_there : name->is_durable;
	case KEEP_ALL:
		return name->is_there;
	case KEEP_ANY:
		break;
	}
	return g_rand_boolean(chance);
}

/* What was not flushed of a file may be missing, or zeros. */
static void write_cut_file(const char *to, const char *path, const Name *name, Keep keep)
{
	g_autoptr(GBytes) content = name->content ? g_bytes_ref(name->content) : read_content(path);
	gsize length;
	g_autofree char *bytes =
		g_memdup2(g_bytes_get_data(content, &length), g_bytes_get_size(content));

	if (length > 0 && !name->flushed && keep != KEEP_ALL) {
		gsize kept = (gsize)g_rand_int_range(chance, 0, (gint32)length + 1);

		if (g_rand_boolean(chance))
			length = kept;
		else
			memset(bytes + kept, 0, length - kept);
	}
	/* In a folder that is gone there is no file. */
	(void)!g_file_set_contents_full(to, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE, 0600,
					NULL);
}

static gint compare_paths(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

/* Builds what a power failure would leave now. */
static void cut_locked(Keep keep)
{
	Cut cut = {.committed = committed};
	g_autoptr(GList) paths = g_list_sort(g_hash_table_get_keys(names), compare_paths);

	if (cuts->len >= CUTS_MAX)
		return;
	cut.path = g_strdup_printf("%s/cut%u", top, cuts->len);
	ck_assert_int_eq(g_mkdir(cut.path, 0700), 0);
	for (GList *at = paths; at; at = at->next) {
		const char *path = at->data;
		const Name *name = g_hash_table_lookup(names, path);
		g_autofree char *to = g_build_filename(cut.path, path, NULL);

		if (!is_kept(path, name, keep))
			continue;
		if (name->is_folder)
			(void)!g_mkdir(to, 0700);
		else
			write_cut_file(to, path, name, keep);
	}
	g_array_append_val(cuts, cut);
}

static void changed_locked(void)
{
	calls++;
	cut_locked(KEEP_SNAPSHOTS);
	cut_locked(KEEP_ANY);
	if (calls % 8 == 0) {
		cut_locked(KEEP_NOTHING);
		cut_locked(KEEP_ALL);
	}
}

static int watched_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = real.openat(dirfd, path, flags, mode);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);

	if (fd < 0)
		return fd;
	ck_assert_int_lt(fd, FILES_MAX);
	g_free(open_paths[fd]);
	open_paths[fd] = g_strdup(path);
	if ((flags & O_CREAT) != 0)
		name_of(path)->is_there = TRUE;
	return fd;
}

static int watched_fdatasync(int fd)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);

	name_of(open_paths[fd])->flushed = TRUE;
	changed_locked();
	return 0;
}

static int watched_fsync(int fd)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	GHashTableIter iter;
	gpointer path, name;

	if (held == g_thread_self()) {
		is_stopped = TRUE;
		g_cond_broadcast(&changed_cond);
		while (!may_go_on)
			g_cond_wait(&changed_cond, &mutex);
	}
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &path, &name)) {
		g_autofree char *folder = g_path_get_dirname(path);

		if (strcmp(folder, open_paths[fd]) == 0)
			((Name *)name)->is_durable = ((Name *)name)->is_there;
	}
	changed_locked();
	return 0;
}

static int watched_renameat2(int olddir, const char *old, int newdir, const char *name,
			     unsigned flags)
{
	void (*then)(void) = NULL;
	int result;

	g_mutex_lock(&mutex);
	result = real.renameat2(olddir, old, newdir, name, flags);
	if (result == 0) {
		Name *moved = name_of(name);

		moved->is_there = TRUE;
		moved->flushed = name_of(old)->flushed;
		g_hash_table_remove(names, old);
		changed_locked();
		if (g_str_has_prefix(name, "snaps/") && g_str_has_suffix(name, ".json"))
			then = g_steal_pointer(&on_snapshot);
	}
	g_mutex_unlock(&mutex);
	if (then)
		then();
	return result;
}

static int watched_unlinkat(int dirfd, const char *path, int flags)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	g_autoptr(GBytes) content = read_content(path);
	int result = real.unlinkat(dirfd, path, flags);

	if (result == 0) {
		Name *name = name_of(path);

		name->is_there = FALSE;
		g_clear_pointer(&name->content, g_bytes_unref);
		name->content = g_steal_pointer(&content);
		changed_locked();
	}
	return result;
}

static int watched_mkdirat(int dirfd, const char *path, mode_t mode)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	int result = real.mkdirat(dirfd, path, mode);

	if (result == 0) {
		name_of(path)->is_folder = name_of(path)->is_there = TRUE;
		changed_locked();
	}
	return result;
}

static void add_durable(const char *path, gboolean is_folder)
{
	Name *name = name_of(path);

	name->is_folder = is_folder;
	name->is_there = name->is_durable = name->flushed = TRUE;
}

void power_cut_setup(void)
{
	static const char *const folders[] = {"packs", "snaps", "copies", "hints", "tmp"};
	VkVault *vault;

	top = temp_directory_new();
	directory = g_build_filename(top, "vault", NULL);
	vault = vk_vault_init(directory, NULL);
	ck_assert_ptr_nonnull(vault);
	vk_vault_free(vault);
	names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, name_free);
	for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
		add_durable(folders[i], TRUE);
	add_durable("vault.json", FALSE);
	cuts = g_array_new(FALSE, FALSE, sizeof(Cut));
	chance = g_rand_new_with_seed(test_seed());
	committed = calls = 0;
	held = NULL;
	is_stopped = may_go_on = FALSE;
	real = vk_io;
	vk_io.openat = watched_openat;
	vk_io.fdatasync = watched_fdatasync;
	vk_io.fsync = watched_fsync;
	vk_io.renameat2 = watched_renameat2;
	vk_io.unlinkat = watched_unlinkat;
	vk_io.mkdirat = watched_mkdirat;
}

void power_cut_teardown(void)
{
	vk_io = real;
	for (guint i = 0; i < FILES_MAX; i++)
		g_clear_pointer(&open_paths[i], g_free);
	for (guint i = 0; i < cuts->len; i++)
		g_free(g_array_index(cuts, Cut, i).path);
	g_array_unref(cuts);
	g_hash_table_unref(names);
	g_rand_free(chance);
	temp_directory_remove(top);
	g_free(directory);
	g_free(top);
}

void note_commit(void)
{
	g_mutex_lock(&mutex);
	committed++;
	g_mutex_unlock(&mutex);
}

void hold_this_thread(void)
{
	g_mutex_lock(&mutex);
	held = g_thread_self();
	g_mutex_unlock(&mutex);
}

void wait_for_held(void)
{
	g_mutex_lock(&mutex);
	while (!is_stopped)
		g_cond_wait(&changed_cond, &mutex);
	g_mutex_unlock(&mutex);
}

void cut_and_let_go(void)
{
	g_mutex_lock(&mutex);
	cut_locked(KEEP_NOTHING);
	may_go_on = TRUE;
	g_cond_broadcast(&changed_cond);
	g_mutex_unlock(&mutex);
}

void forget_names(void)
{
	g_hash_table_remove_all(names);
}

gboolean is_durable(const char *path)
{
	const Name *name = g_hash_table_lookup(names, path);

	return name && name->is_durable;
}

static void check_cut(const Cut *cut)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkVault) vault = vk_vault_open(cut->path, VK_VAULT_READ, &error);
	g_autoptr(VkCheckResult) result =
		vault ? vk_check_vault(vault, NULL, TRUE, NULL, &error) : NULL;
	g_autofree char *first = NULL;

	ck_assert_msg(result, "'%s': %s", cut->path, error ? error->message : "");
	first = first_damage(result);
	ck_assert_msg(result->errors->len == 0, "'%s': %s", cut->path, first);
	ck_assert_uint_ge(result->snapshots, cut->committed);
}

void check_cuts(void)
{
	vk_io = real;
	for (guint i = 0; i < cuts->len; i++)
		check_cut(&g_array_index(cuts, Cut, i));
	printf("%u calls, %u cuts\n", calls, cuts->len);
}
