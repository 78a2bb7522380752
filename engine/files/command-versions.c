/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "catalog.h"
#include "entry-print.h"
#include "errors.h"
#include "interrupt.h"
#include "log.h"
#include "progress.h"
#include "same-disks.h"
#include "table.h"
#include "when.h"

#define NEWEST_DEFAULT 10

typedef enum {
	STATE_THERE,
	STATE_ABSENT,
	STATE_UNREADABLE, /* it was warned of */
} State;

/* The file in one snapshot. */
typedef struct Version {
	char *reference;
	char *time; /* TIME of the snapshot */
	State state;
	char *type; /* of an entry, as JSON has it */
	guint64 inode, size;
	gint64 mtime_sec;
	guint32 mtime_nsec;
	char *mtime; /* for people */
} Version;

static void version_free(gpointer data)
{
	Version *version = data;

	g_free(version->reference);
	g_free(version->time);
	g_free(version->type);
	g_free(version->mtime);
	g_free(version);
}

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	Version *version = data;

	/* A directory has others below it. */
	if (*entry->path)
		return TRUE;
	version->state = STATE_THERE;
	version->type = g_strdup(vk_entry_type(entry));
	version->inode = entry->inode;
	version->size = entry->size;
	version->mtime_sec = entry->mtime_sec;
	version->mtime_nsec = entry->mtime_nsec;
	version->mtime = vk_entry_time_text(entry);
	return TRUE;
}

static void copy_state(Version *version, const Version *from)
{
	version->state = from->state;
	version->type = g_strdup(from->type);
	version->inode = from->inode;
	version->size = from->size;
	version->mtime_sec = from->mtime_sec;
	version->mtime_nsec = from->mtime_nsec;
	version->mtime = g_strdup(from->mtime);
}

/* Fails only when the program has to end: what is wrong with one snapshot is its own. */
static gboolean look(VkFilesRun *run, const VkLocation *location, Version *version, GError **error)
{
	g_autoptr(VkGuestFiles) files = NULL;
	g_autoptr(GError) trouble = NULL;
	const VkWalkCalls calls = {.entry = take_entry, .data = version};
	const VkWalk walk = vk_files_walk_of(run, location, VK_WALK_FOLLOW);

	version->state = STATE_ABSENT;
	files = vk_files_open_snapshot(run, version->reference, &trouble);
	if (files && vk_guest_files_walk(files, &walk, &calls, &trouble))
		return TRUE;
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	/* Below a directory something may be unreadable: it was warned of, and is not asked for. */
	if (version->state == STATE_THERE)
		return TRUE;
	if (!files || !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		vk_log_warning("'%s': %s", version->reference, trouble->message);
		version->state = STATE_UNREADABLE;
	}
	return TRUE;
}

/* How VERSION differs from the OLDER one; NULL: there is none that was looked at. */
static const char *change_of(const Version *version, const Version *older)
{
	if (version->state == STATE_UNREADABLE)
		return "unreadable";
	if (!older || older->state == STATE_UNREADABLE)
		return version->state == STATE_THERE ? NULL : "absent";
	if (version->state == STATE_ABSENT)
		return older->state == STATE_THERE ? "removed" : "absent";
	if (older->state == STATE_ABSENT)
		return "new";
	if (version->size != older->size || version->mtime_sec != older->mtime_sec ||
	    version->mtime_nsec != older->mtime_nsec)
		return "changed";
	return version->inode == older->inode ? "same" : "replaced";
}

static const Version *older_of(const GPtrArray *versions, guint index)
{
	return index + 1 < versions->len ? g_ptr_array_index(versions, index + 1) : NULL;
}

static void print_table(const GPtrArray *versions)
{
	g_autoptr(VkTable) table =
		vk_table_new("SNAPSHOT", "TIME", "SIZE", "MODIFIED", "CHANGE", NULL);

	for (guint i = 0; i < versions->len; i++) {
		const Version *version = g_ptr_array_index(versions, i);
		gboolean is_there = version->state == STATE_THERE;
		const char *change = change_of(version, older_of(versions, i));
		g_autofree char *time = vk_when_local(version->time);
		g_autofree char *size =
			is_there ? g_strdup_printf("%" G_GUINT64_FORMAT, version->size)
				 : g_strdup("-");

		vk_table_add(table, version->reference, time, size, is_there ? version->mtime : "-",
			     change ? change : "-", NULL);
	}
	vk_table_print(table);
}

static void print_json(const GPtrArray *versions)
{
	for (guint i = 0; i < versions->len; i++) {
		const Version *version = g_ptr_array_index(versions, i);
		gboolean is_there = version->state == STATE_THERE;
		g_autoptr(json_t) object = json_pack(
			"{s:s, s:s, s:o, s:o, s:o, s:o}", "snapshot", version->reference, "time",
			version->time, "type", vk_json_new_string(version->type), "size",
			is_there ? vk_json_new_uint(version->size) : json_null(), "mtime",
			is_there ? json_integer(version->mtime_sec) : json_null(), "change",
			vk_json_new_string(change_of(version, older_of(versions, i))));

		vk_json_print_item(object, i == 0);
	}
	vk_json_print_end(versions->len == 0);
}

static gboolean sum_up(const GPtrArray *versions, guint all, const char *word, GError **error)
{
	guint there = 0, unreadable = 0;

	for (guint i = 0; i < versions->len; i++) {
		const Version *version = g_ptr_array_index(versions, i);

		there += version->state == STATE_THERE;
		unreadable += version->state == STATE_UNREADABLE;
	}
	if (unreadable)
		return vk_fail(error, VK_ERROR_PARTIAL, "%u of %u snapshots could not be read",
			       unreadable, versions->len);
	if (!there)
		return vk_fail(error, VK_ERROR_NOT_FOUND, "none of %u snapshots has '%s'%s",
			       versions->len, word,
			       all > versions->len ? ": --newest N looks at more" : "");
	if (all > versions->len)
		vk_log_info("%u older snapshots were not looked at: --newest N looks at more",
			    all - versions->len);
	return TRUE;
}

/* The versions in the newest snapshots of GUEST, NEWEST at most, the newest first. */
static GPtrArray *find_versions(VkFilesRun *run, const VkCatalogGuest *guest,
				const VkLocation *location, guint newest, GError **error)
{
	g_autoptr(GPtrArray) versions = g_ptr_array_new_with_free_func(version_free);
	g_autoptr(VkProgress) progress = vk_progress_new("versions", 0);
	g_autoptr(VkSnapshot) before = NULL;

	for (guint i = 0; i < MIN(newest, guest->keys->len); i++) {
		const VkSnapshotKey *key = g_ptr_array_index(guest->keys, guest->keys->len - 1 - i);
		g_autoptr(VkSnapshot) snapshot = vk_catalog_load(run->vault, key, NULL);
		g_autofree char *label = g_strdup_printf("versions: %s", key->time);
		Version *version = g_new0(Version, 1);

		version->reference = g_strdup_printf("%s@%s", guest->view_name, key->time);
		version->time = g_strdup(key->time);
		vk_progress_set_label(progress, label);
		/* The last one is of the snapshot before. */
		if (snapshot && before && vk_same_disks(snapshot, before))
			copy_state(version, g_ptr_array_index(versions, i - 1));
		else if (!look(run, location, version, error)) {
			version_free(version);
			return NULL;
		}
		g_ptr_array_add(versions, version);
		g_clear_pointer(&before, vk_snapshot_free);
		before = g_steal_pointer(&snapshot);
	}
	return g_steal_pointer(&versions);
}

static gboolean list_versions(VkFilesRun *run, const char *word, guint newest, GError **error)
{
	g_auto(VkLocation) location = {0};
	VkVault *vault =
		vk_location_parse(word, &location, error) ? vk_files_vault(run, error) : NULL;
	g_autoptr(GPtrArray) guests = vault ? vk_catalog_guests(vault, error) : NULL;
	g_autoptr(GPtrArray) versions = NULL;
	const VkCatalogGuest *guest = NULL;

	if (guests)
		guest = vk_catalog_find_guest(vault, guests, location.snapshot, error);
	if (guest)
		versions = find_versions(run, guest, &location, newest, error);
	if (!versions)
		return FALSE;
	if (run->program.json)
		print_json(versions);
	else
		print_table(versions);
	return sum_up(versions, guest->keys->len, word, error);
}

gboolean vk_files_versions(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {"versions GUEST:/PATH",
					   "Lists what size and time a file has in the snapshots "
					   "of a guest, the newest first.",
					   1, 1};
	int newest = NEWEST_DEFAULT;
	const GOptionEntry entries[] = {
		{"newest", 0, 0, G_OPTION_ARG_INT, &newest,
		 "Look at this many snapshots (default 10); each takes some seconds", "N"},
		vk_files_system_option(run),
		G_OPTION_ENTRY_NULL,
	};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);

	if (!words)
		return FALSE;
	if (newest < 1)
		return vk_fail(error, VK_ERROR_USAGE, "--newest must be 1 or more");
	return list_versions(run, words[0], (guint)newest, error);
}
