/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "powercut-bed.h"

#include "io.h"
#include "layout.h"
#include "temp-vault.h"

#include <check.h>
#include <errno.h>
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
	gboolean was_there;            /* at some time since its folder was flushed */
	gboolean flushed;              /* its content */
	GBytes *content;               /* of a file that was removed */
} Name;

/* What is as it is now, of all that was not flushed. */
typedef enum {
	KEEP_NOTHING,
	KEEP_SNAPSHOTS, /* the catalogue runs ahead of all it relies on */
	KEEP_PACKS,     /* they do, and their removal; what was removed elsewhere comes back */
	KEEP_REMOVALS,  /* only what goes is ahead, not what comes */
	KEEP_ALL,
	KEEP_ANY, /* each by chance */
} Keep;

typedef struct Cut {
	char *path;
	Ledger ledger;
} Cut;

static VkIo real;
static GMutex mutex; /* guards what follows */
static GHashTable *names;
static char *open_paths[FILES_MAX];
static GPtrArray *cuts;    /* Cut, owned */
static GHashTable *states; /* digests of what cuts left, so that none is built twice; owned */
static guint calls;        /* that changed the vault */
static int flushes_left;   /* until one kills; negative: none will, or one has */
static gboolean is_dead;   /* whoever is at work: no call does anything */
static gboolean has_died;

char *top;
char *directory;
GRand *chance;
Ledger ledger;
void (*on_put)(const char *name);

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

static void appear(Name *name)
{
	name->is_there = name->was_there = TRUE;
	g_clear_pointer(&name->content, g_bytes_unref);
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
	if (name->is_there == name->is_durable && name->is_there == name->was_there)
		return name->is_there;
	switch (keep) {
	case KEEP_NOTHING:
		return name->is_durable;
	case KEEP_SNAPSHOTS:
		return g_str_has_prefix(path, "snaps/") ? name->is_there : name->is_durable;
	case KEEP_PACKS:
		return g_str_has_prefix(path, "packs/") ? name->is_there : name->was_there;
	case KEEP_REMOVALS:
		return name->is_there && name->is_durable;
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

/* The names that a power failure would leave now, in order. Borrowed from the table. */
static GPtrArray *choose_kept(Keep keep)
{
	g_autoptr(GList) paths = g_list_sort(g_hash_table_get_keys(names), compare_paths);
	GPtrArray *kept = g_ptr_array_new();

	for (GList *at = paths; at; at = at->next)
		if (is_kept(at->data, g_hash_table_lookup(names, at->data), keep))
			g_ptr_array_add(kept, at->data);
	return kept;
}

/* Whether there was such a cut with the same promises, whatever its files hold. */
static gboolean is_known(const GPtrArray *kept, const Ledger *promised)
{
	g_autoptr(GChecksum) digest = g_checksum_new(G_CHECKSUM_SHA256);

	g_checksum_update(digest, (const guchar *)promised, sizeof(*promised));
	for (guint i = 0; i < kept->len; i++) {
		const char *path = g_ptr_array_index(kept, i);

		/* Unfinished files have other names each time. */
		if (!g_str_has_prefix(path, VK_FOLDER_TMP "/"))
			g_checksum_update(digest, (const guchar *)path, (gssize)strlen(path) + 1);
	}
	return !g_hash_table_add(states, g_strdup(g_checksum_get_string(digest)));
}

/* Builds what a power failure would leave now. */
static void cut_locked(Keep keep)
{
	g_autoptr(GPtrArray) kept = choose_kept(keep);
	Cut *cut;

	if (cuts->len >= CUTS_MAX)
		return;
	cut = g_new(Cut, 1);
	ledger_copy(&ledger, &cut->ledger);
	if (is_known(kept, &cut->ledger)) {
		g_free(cut);
		return;
	}
	cut->path = g_strdup_printf("%s/cut%u", top, cuts->len);
	ck_assert_int_eq(g_mkdir(cut->path, 0700), 0);
	for (guint i = 0; i < kept->len; i++) {
		const char *path = g_ptr_array_index(kept, i);
		const Name *name = g_hash_table_lookup(names, path);
		g_autofree char *to = g_build_filename(cut->path, path, NULL);

		if (name->is_folder)
			(void)!g_mkdir(to, 0700);
		else
			write_cut_file(to, path, name, keep);
	}
	g_ptr_array_add(cuts, cut);
}

/* Of what a process left that died, only packs and what goes may be ahead. */
static void changed_locked(const char *path)
{
	calls++;
	if (has_died && path && g_str_has_prefix(path, "packs/"))
		cut_locked(KEEP_PACKS);
	if (has_died && path && g_str_has_prefix(path, "snaps/"))
		cut_locked(KEEP_REMOVALS);
	if (has_died || flushes_left >= 0)
		return;
	cut_locked(KEEP_SNAPSHOTS);
	cut_locked(KEEP_PACKS);
	cut_locked(KEEP_REMOVALS);
	cut_locked(KEEP_ANY);
	if (calls % 8 == 0) {
		cut_locked(KEEP_NOTHING);
		cut_locked(KEEP_ALL);
	}
}

static int refuse_dead(void)
{
	errno = EIO;
	return -1;
}

static int watched_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	int fd = is_dead ? refuse_dead() : real.openat(dirfd, path, flags, mode);

	if (fd < 0)
		return fd;
	ck_assert_int_lt(fd, FILES_MAX);
	g_free(open_paths[fd]);
	open_paths[fd] = g_strdup(path);
	if ((flags & O_CREAT) != 0)
		appear(name_of(path));
	return fd;
}

static int watched_fdatasync(int fd)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);

	if (is_dead)
		return refuse_dead();
	name_of(open_paths[fd])->flushed = TRUE;
	changed_locked(NULL);
	return 0;
}

static void flush_name(Name *name)
{
	name->is_durable = name->was_there = name->is_there;
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
	if (!is_dead && flushes_left-- == 0)
		is_dead = has_died = TRUE;
	if (is_dead)
		return refuse_dead();
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &path, &name)) {
		g_autofree char *folder = g_path_get_dirname(path);

		if (strcmp(folder, open_paths[fd]) == 0)
			flush_name(name);
	}
	changed_locked(NULL);
	return 0;
}

static int watched_renameat2(int olddir, const char *old, int newdir, const char *name,
			     unsigned flags)
{
	int result;

	g_mutex_lock(&mutex);
	result = is_dead ? refuse_dead() : real.renameat2(olddir, old, newdir, name, flags);
	if (result == 0) {
		Name *moved = name_of(name);

		appear(moved);
		moved->flushed = name_of(old)->flushed;
		g_hash_table_remove(names, old);
		changed_locked(name);
	}
	g_mutex_unlock(&mutex);
	if (result == 0 && on_put)
		on_put(name);
	return result;
}

static int watched_unlinkat(int dirfd, const char *path, int flags)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	g_autoptr(GBytes) content = read_content(path);
	int result = is_dead ? refuse_dead() : real.unlinkat(dirfd, path, flags);

	if (result == 0) {
		Name *name = name_of(path);

		name->is_there = FALSE;
		g_clear_pointer(&name->content, g_bytes_unref);
		name->content = g_steal_pointer(&content);
		changed_locked(path);
	}
	return result;
}

static int watched_mkdirat(int dirfd, const char *path, mode_t mode)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	int result = is_dead ? refuse_dead() : real.mkdirat(dirfd, path, mode);

	if (result == 0) {
		name_of(path)->is_folder = TRUE;
		appear(name_of(path));
		changed_locked(path);
	}
	return result;
}

static void cut_free(gpointer data)
{
	Cut *cut = data;

	g_free(cut->path);
	g_free(cut);
}

void power_cut_setup(void)
{
	top = temp_directory_new();
	directory = g_build_filename(top, "vault", NULL);
	names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, name_free);
	states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	cuts = g_ptr_array_new_with_free_func(cut_free);
	chance = g_rand_new_with_seed(test_seed());
	ledger = (Ledger){0};
	on_put = NULL;
	calls = 0;
	flushes_left = -1;
	is_dead = has_died = FALSE;
	held = NULL;
	is_stopped = may_go_on = FALSE;
	real = vk_io;
}

void power_cut_teardown(void)
{
	vk_io = real;
	for (guint i = 0; i < FILES_MAX; i++)
		g_clear_pointer(&open_paths[i], g_free);
	g_ptr_array_unref(cuts);
	g_hash_table_unref(states);
	g_hash_table_unref(names);
	g_rand_free(chance);
	temp_directory_remove(top);
	g_free(directory);
	g_free(top);
}

/* What lies in FOLDER, which is relative to the vault; NULL: the vault itself. */
static void add_durable(const char *folder)
{
	g_autofree char *full = g_build_filename(directory, folder, NULL);
	g_autoptr(GDir) dir = g_dir_open(full, 0, NULL);
	const char *entry;

	while (dir && (entry = g_dir_read_name(dir))) {
		g_autofree char *path =
			folder ? g_build_filename(folder, entry, NULL) : g_strdup(entry);
		g_autofree char *to = g_build_filename(full, entry, NULL);
		Name *name = name_of(path);

		name->is_folder = g_file_test(to, G_FILE_TEST_IS_DIR);
		name->flushed = TRUE;
		appear(name);
		flush_name(name);
		if (name->is_folder)
			add_durable(path);
	}
}

void power_cut_watch(void)
{
	add_durable(NULL);
	vk_io.openat = watched_openat;
	vk_io.fdatasync = watched_fdatasync;
	vk_io.fsync = watched_fsync;
	vk_io.renameat2 = watched_renameat2;
	vk_io.unlinkat = watched_unlinkat;
	vk_io.mkdirat = watched_mkdirat;
}

void power_cut_kill_at_flush(guint call)
{
	g_mutex_lock(&mutex);
	flushes_left = (int)call;
	g_mutex_unlock(&mutex);
}

gboolean power_cut_revive(void)
{
	is_dead = FALSE;
	flushes_left = -1;
	return has_died;
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

gboolean is_durable(const char *path)
{
	const Name *name = g_hash_table_lookup(names, path);

	return name && name->is_durable;
}

void check_cuts(void (*check)(const Ledger *ledger, const char *directory))
{
	vk_io = real;
	for (guint i = 0; i < cuts->len; i++) {
		const Cut *cut = g_ptr_array_index(cuts, i);

		check(&cut->ledger, cut->path);
		temp_directory_remove(cut->path);
	}
	printf("%u calls, %u cuts\n", calls, cuts->len);
}
