/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "selection.h"

#include "errors.h"
#include "guest-tags.h"
#include "log.h"
#include "suggest.h"

#include <fnmatch.h>
#include <string.h>

static void left_out_free(VkLeftOut *left_out)
{
	g_free(left_out->guest);
	g_free(left_out->reason);
	g_free(left_out);
}

static void unknown_free(VkUnknownGuest *unknown)
{
	g_free(unknown->name);
	g_clear_error(&unknown->error);
	g_free(unknown);
}

void vk_selection_free(VkSelection *selection)
{
	if (!selection)
		return;
	g_clear_pointer(&selection->guests, g_ptr_array_unref);
	g_clear_pointer(&selection->all, g_ptr_array_unref);
	g_ptr_array_unref(selection->left_out);
	g_ptr_array_unref(selection->unknown);
	g_ptr_array_unref(selection->unfit);
	g_free(selection);
}

const char *vk_skip_reason(const VkSettings *settings, const char *name, const char *uuid)
{
	return g_strcmp0(vk_settings_get_guest(settings, name, uuid, "skip"), "yes") == 0
		       ? "the configuration says skip"
		       : NULL;
}

const char *vk_disk_skip_reason(const VkDomainDisk *disk, char *const *exclude)
{
	if (exclude && g_strv_contains((const char *const *)exclude, disk->target))
		return "excluded by the configuration";
	return vk_domain_disk_skip_reason(disk);
}

gboolean vk_guest_fits(const char *name, const char *uuid, const char *wanted)
{
	return strcmp(name, wanted) == 0 || g_ascii_strcasecmp(uuid, wanted) == 0 ||
	       fnmatch(wanted, name, 0) == 0;
}

static gboolean is_named(const VkGuest *guest, const char *name)
{
	return strcmp(vk_guest_name(guest), name) == 0 ||
	       g_ascii_strcasecmp(vk_guest_uuid(guest), name) == 0;
}

static gboolean matches(const VkGuest *guest, const char *pattern)
{
	return vk_guest_fits(vk_guest_name(guest), vk_guest_uuid(guest), pattern);
}

/* The pattern that leaves the guest out; NULL: none. */
static const char *find_exclusion(const VkGuest *guest, char *const *exclude)
{
	for (; exclude && *exclude; exclude++)
		if (matches(guest, *exclude))
			return *exclude;
	return NULL;
}

/* A choice among the guests of the host. */
typedef struct {
	VkSelection *selection;
	const VkSettings *settings;
	char *const *exclude;
	GHashTable *seen; /* VkGuest, taken or left out */
} Choice;

/* BY_NAME: the guest itself was named, and not a number of them. */
static void consider(Choice *choice, VkGuest *guest, gboolean by_name)
{
	const char *exclusion = find_exclusion(guest, choice->exclude);
	const char *skip = by_name ? NULL
				   : vk_skip_reason(choice->settings, vk_guest_name(guest),
						    vk_guest_uuid(guest));
	VkLeftOut *left_out;

	if (!g_hash_table_add(choice->seen, guest))
		return;
	if (!exclusion && !skip) {
		g_ptr_array_add(choice->selection->guests, guest);
		return;
	}
	left_out = g_new0(VkLeftOut, 1);
	left_out->guest = g_strdup(vk_guest_name(guest));
	left_out->reason =
		exclusion ? g_strdup_printf("--exclude '%s' was given", exclusion) : g_strdup(skip);
	g_ptr_array_add(choice->selection->left_out, left_out);
}

static VkGuest *find_named(const GPtrArray *all, const char *name)
{
	for (guint i = 0; i < all->len; i++)
		if (is_named(g_ptr_array_index(all, i), name))
			return g_ptr_array_index(all, i);
	return NULL;
}

/* Chooses the guests with PATTERN, NULL: all. FALSE when there is none. */
static gboolean take_matching(Choice *choice, const char *pattern)
{
	const GPtrArray *all = choice->selection->all;
	gboolean found = FALSE;

	for (guint i = 0; i < all->len; i++) {
		VkGuest *guest = g_ptr_array_index(all, i);

		if (pattern && !matches(guest, pattern))
			continue;
		found = TRUE;
		consider(choice, guest, FALSE);
	}
	return found;
}

/* Takes TROUBLE. */
static void add_unknown(const Choice *choice, const char *name, GError *trouble)
{
	VkUnknownGuest *unknown = g_new0(VkUnknownGuest, 1);

	unknown->name = g_strdup(name);
	unknown->error = trouble;
	g_ptr_array_add(choice->selection->unknown, unknown);
}

/* libvirt's own answer for a name: the guest may have been defined since the list was made. */
static void look_up(Choice *choice, VkHost *host, const char *name)
{
	GError *trouble = NULL;
	VkGuest *guest = NULL;

	if (strpbrk(name, "*?["))
		vk_fail(&trouble, VK_ERROR_NOT_FOUND, "no guest at '%s' has a name like '%s'",
			vk_host_uri(host), name);
	else
		guest = vk_host_find(host, name, &trouble);
	if (!guest) {
		add_unknown(choice, name, trouble);
		return;
	}
	g_ptr_array_add(choice->selection->all, guest);
	consider(choice, guest, TRUE);
}

/* Chooses the guests with any of TAGS. A guest that is gone meanwhile has none. */
static gboolean take_tagged(Choice *choice, VkHost *host, char *const *tags, GError **error)
{
	const GPtrArray *all = choice->selection->all;
	g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < all->len; i++) {
		VkGuest *guest = g_ptr_array_index(all, i);
		g_autoptr(GError) trouble = NULL;
		g_auto(GStrv) its = vk_guest_get_tags(guest, &trouble);

		if (!its && !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
		for (char *const *tag = tags; its && *tag; tag++)
			if (g_strv_contains((const char *const *)its, *tag)) {
				g_hash_table_add(found, g_strdup(*tag));
				consider(choice, guest, FALSE);
			}
	}
	for (; *tags; tags++) {
		GError *trouble = NULL;

		if (g_hash_table_contains(found, *tags))
			continue;
		vk_fail(&trouble, VK_ERROR_NOT_FOUND,
			"no guest at '%s' has the tag '%s': give it with 'virtkeep tag'",
			vk_host_uri(host), *tags);
		add_unknown(choice, *tags, trouble);
	}
	return TRUE;
}

/* Names first: a guest that a pattern or a tag would leave out may be among them. */
static gboolean take_words(Choice *choice, VkHost *host, const VkSelectionWords *words,
			   GError **error)
{
	if (!words->names && !words->tags)
		take_matching(choice, NULL);
	for (char *const *name = words->names; name && *name; name++) {
		VkGuest *guest = find_named(choice->selection->all, *name);

		if (guest)
			consider(choice, guest, TRUE);
	}
	for (char *const *name = words->names; name && *name; name++)
		if (!take_matching(choice, *name))
			look_up(choice, host, *name);
	return !words->tags || take_tagged(choice, host, words->tags, error);
}

/* The guest that was meant is saved then, so its user hears of it. */
static void add_unfit(VkSelection *selection, const char *exclusion)
{
	VkSuggest *suggest = vk_suggest_new(exclusion);
	g_autofree char *meant = NULL;
	gboolean fits = FALSE;

	for (guint i = 0; i < selection->all->len; i++) {
		const VkGuest *guest = g_ptr_array_index(selection->all, i);

		fits = fits || matches(guest, exclusion);
		vk_suggest_offer(suggest, vk_guest_name(guest));
	}
	meant = vk_suggest_end(suggest);
	if (fits)
		return;
	g_ptr_array_add(selection->unfit, g_strdup(exclusion));
	vk_log_warning("--exclude '%s' excludes nothing: no guest has this name%s", exclusion,
		       meant);
}

static guint count_words(const VkSelectionWords *words)
{
	guint count = 0;

	for (char *const *name = words->names; name && *name; name++)
		count++;
	for (char *const *tag = words->tags; tag && *tag; tag++)
		count++;
	return count;
}

VkSelection *vk_select_guests(VkHost *host, const VkSettings *settings,
			      const VkSelectionWords *words, GError **error)
{
	g_autoptr(VkSelection) selection = g_new0(VkSelection, 1);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
	Choice choice = {.selection = selection,
			 .settings = settings,
			 .exclude = words->exclude,
			 .seen = seen};

	selection->guests = g_ptr_array_new();
	selection->left_out = g_ptr_array_new_with_free_func((GDestroyNotify)left_out_free);
	selection->unknown = g_ptr_array_new_with_free_func((GDestroyNotify)unknown_free);
	selection->unfit = g_ptr_array_new_with_free_func(g_free);
	selection->all = vk_host_list(host, error);
	if (!selection->all || !take_words(&choice, host, words, error))
		return NULL;
	for (char *const *exclude = words->exclude; exclude && *exclude; exclude++)
		add_unfit(selection, *exclude);
	selection->alone =
		count_words(words) == 1 && selection->guests->len + selection->unknown->len == 1;
	return g_steal_pointer(&selection);
}
