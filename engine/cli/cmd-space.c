/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep space": what the snapshots of each guest take in the vault. */
#include "cmd.h"

#include "check-record.h"
#include "json.h"
#include "open-vault.h"
#include "space.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

typedef struct {
	VkVault *vault;
	GPtrArray *each; /* VkSpaceOfGuest */
	VkSpace all;
	VkVaultUsage usage;
} Report;

/* Those of GUESTS that are named, each once; without names all. Borrowed. */
static GPtrArray *choose(VkVault *vault, GPtrArray *guests, char *const *names, GError **error)
{
	g_autoptr(GPtrArray) chosen = g_ptr_array_new();

	if (!names[0])
		return g_ptr_array_ref(guests);
	for (; *names; names++) {
		const VkCatalogGuest *guest = vk_catalog_find_guest(vault, guests, *names, error);
		guint at;

		if (!guest)
			return NULL;
		if (!g_ptr_array_find(chosen, guest, NULL) && g_ptr_array_find(guests, guest, &at))
			g_ptr_array_add(chosen, guests->pdata[at]);
	}
	return g_steal_pointer(&chosen);
}

/* What is in packs, and no listed snapshot needs it. */
static guint64 unused(const Report *report)
{
	return report->usage.bytes -
	       MIN(report->usage.bytes, report->all.unique + report->all.shared);
}

/* In seconds; -1: never, or not known. */
static gint64 seconds_left(const Report *report)
{
	return report->usage.has_room ? vk_space_seconds_left(&report->all, report->usage.free)
				      : -1;
}

static void add_row(VkTable *table, const char *guest, const VkSpace *space)
{
	g_autofree char *snapshots = g_strdup_printf("%u", space->snapshots);
	g_autofree char *logical = vk_size_text(space->logical);
	g_autofree char *unique = vk_size_text(space->unique);
	g_autofree char *shared = vk_size_text(space->shared);
	g_autofree char *stored = vk_size_text(space->unique + space->shared);
	g_autofree char *week = vk_size_text(space->week);
	g_autofree char *month = vk_size_text(space->month);

	vk_table_add(table, guest, snapshots, logical, unique, shared, stored, week, month, NULL);
}

static void print_vault(const Report *report)
{
	const VkVaultUsage *usage = &report->usage;
	g_autofree char *bytes = vk_size_text(usage->bytes);
	g_autofree char *packs = vk_count_text(usage->packs, "pack");
	g_autofree char *unused_text = vk_size_text(unused(report));
	g_autofree char *free_text = vk_size_text(usage->free);
	g_autofree char *total = vk_size_text(usage->total);
	gint64 left = seconds_left(report);
	g_autofree char *age = vk_age_text(left);

	vk_print_line(stdout, "vault '%s': %s in %s, %s of it unused", vk_vault_url(report->vault),
		      bytes, packs, unused_text);
	if (usage->has_room)
		vk_print_line(stdout, "its disk: %s of %s free%s%s%s", free_text, total,
			      left < 0 ? "" : ", full in ", left < 0 ? "" : age,
			      left < 0 ? "" : " at the rate of the last days");
}

static void print_text(const Report *report)
{
	g_autoptr(VkTable) table = vk_table_new("GUEST", "SNAPSHOTS", "LOGICAL", "UNIQUE", "SHARED",
						"STORED", "7 DAYS", "30 DAYS", NULL);

	for (guint i = 0; i < report->each->len; i++) {
		const VkSpaceOfGuest *one = g_ptr_array_index(report->each, i);

		add_row(table, one->guest->view_name, &one->space);
	}
	add_row(table, "(all)", &report->all);
	vk_table_print(table);
	print_vault(report);
}

static json_t *space_to_json(const VkSpace *space)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "snapshots", (int)space->snapshots,
			 "logical", vk_json_new_uint(space->logical), "unique",
			 vk_json_new_uint(space->unique), "shared", vk_json_new_uint(space->shared),
			 "stored", vk_json_new_uint(space->unique + space->shared), "growth_7_days",
			 vk_json_new_uint(space->week), "growth_30_days",
			 vk_json_new_uint(space->month));
}

static json_t *guest_to_json(const VkSpaceOfGuest *one)
{
	json_t *object = space_to_json(&one->space);

	json_object_set_new(object, "guest", vk_json_new_string(one->guest->view_name));
	json_object_set_new(object, "uuid", vk_json_new_string(one->guest->uuid));
	return object;
}

static void print_json(const Report *report)
{
	const VkVaultUsage *usage = &report->usage;
	gint64 left = seconds_left(report);
	json_t *guests = json_array();
	g_autoptr(json_t) object = NULL;

	for (guint i = 0; i < report->each->len; i++)
		json_array_append_new(guests, guest_to_json(report->each->pdata[i]));
	object = json_pack("{s:o, s:o, s:{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}}", "guests",
			   guests, "all", space_to_json(&report->all), "vault", "url",
			   vk_json_new_string(vk_vault_url(report->vault)), "id",
			   vk_vault_id(report->vault), "packs", vk_json_new_uint(usage->packs),
			   "bytes", vk_json_new_uint(usage->bytes), "unused",
			   vk_json_new_uint(unused(report)), "free",
			   usage->has_room ? vk_json_new_uint(usage->free) : json_null(), "total",
			   usage->has_room ? vk_json_new_uint(usage->total) : json_null(),
			   "full_in", left >= 0 ? json_integer(left) : json_null());
	vk_json_print(object);
}

static gboolean show(const VkProgram *program, char *const *names, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	g_autoptr(GPtrArray) guests = vault ? vk_catalog_guests(vault, error) : NULL;
	g_autoptr(GPtrArray) chosen = guests ? choose(vault, guests, names, error) : NULL;
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	g_autoptr(GPtrArray) each = NULL;
	Report report = {.vault = vault};

	if (!chosen)
		return FALSE;
	each = vk_space_measure(vault, guests, chosen, now, &report.all, error);
	if (!each || !vk_vault_usage(vault, &report.usage, error))
		return FALSE;
	report.each = each;
	if (program->json)
		print_json(&report);
	else
		print_text(&report);
	return TRUE;
}

gboolean vk_cmd_space(VkProgram *program, int argc, char **argv, GError **error)
{
	char **names = NULL;

	return vk_cmd_parse(program, "space [GUEST...]",
			    "Shows what the snapshots of all guests take in the vault, or those of "
			    "each GUEST, which\nis a name or uuid.",
			    NULL, -1, argc, argv, &names, error) &&
	       show(program, names, error);
}
