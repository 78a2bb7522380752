/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "catalog.h"
#include "check-record.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "progress.h"
#include "table.h"
#include "text.h"
#include "vault-check.h"

#include <stdio.h>

/* The uuids of the guests named, and in *RET_NAMES how the guests are called. */
static char **uuids_of(VkVault *vault, char *const *names, json_t *ret_names, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(vault, error);
	g_autoptr(GStrvBuilder) uuids = g_strv_builder_new();
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	if (!guests)
		return NULL;
	for (; *names; names++) {
		const VkCatalogGuest *guest = vk_catalog_find_guest(vault, guests, *names, error);

		if (!guest)
			return NULL;
		if (!g_hash_table_add(seen, guest->uuid))
			continue;
		json_array_append_new(ret_names, vk_json_new_string(guest->view_name));
		g_strv_builder_add(uuids, guest->uuid);
	}
	return g_strv_builder_end(uuids);
}

static json_t *error_to_json(const VkCheckError *problem)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "snapshot", vk_json_new_string(problem->snapshot),
			 "image", vk_json_new_string(problem->image), "object",
			 vk_json_new_string(problem->object), "what",
			 vk_json_new_string(problem->what));
}

/* GUESTS: the named ones; empty for all. */
static void print_json(const VkCheckResult *result, json_t *guests, gint64 usec)
{
	g_autoptr(json_t) report = NULL;
	json_t *errors = json_array();
	json_t *mended = json_array();

	for (guint i = 0; i < result->errors->len; i++)
		json_array_append_new(errors, error_to_json(g_ptr_array_index(result->errors, i)));
	for (guint i = 0; i < result->mended->len; i++)
		json_array_append_new(mended, vk_json_new_string(result->mended->pdata[i]));
	report = json_pack("{s:O, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o}", "guests", guests,
			   "snapshots", (json_int_t)result->snapshots, "packs",
			   (json_int_t)result->packs, "blocks", (json_int_t)result->blocks, "bytes",
			   (json_int_t)result->bytes, "duration_ms",
			   (json_int_t)((usec + 999) / 1000), "damages", errors, "unlisted",
			   (json_int_t)result->unlisted, "mended", mended);
	vk_json_print(report);
}

static void print_errors(const VkCheckResult *result)
{
	g_autofree char *more = vk_count_text(result->unlisted, "more error");

	for (guint i = 0; i < result->errors->len; i++) {
		g_autofree char *text = vk_check_error_text(g_ptr_array_index(result->errors, i));

		vk_print_line(stdout, "%s", text);
	}
	if (result->unlisted > 0)
		vk_print_line(stdout, "%s not listed", more);
}

static void print_text(const VkCheckResult *result, gboolean data, gboolean quiet)
{
	g_autofree char *bytes = vk_size_text(result->bytes);
	g_autofree char *snapshots = vk_count_text(result->snapshots, "snapshot");
	g_autofree char *packs = vk_count_text(result->packs, "pack");
	g_autofree char *blocks = vk_count_text(result->blocks, "block");

	print_errors(result);
	if (quiet)
		return;
	vk_print_line(stdout, "%s, %s%s%s%s%s%s: %s", snapshots, packs, data ? ", " : "",
		      data ? blocks : "", data ? " (" : "", data ? bytes : "", data ? ")" : "",
		      result->errors->len == 0 ? "sound" : "damaged");
}

/* For 'virtkeep status'. A vault that cannot be written to is as good as any to be checked. */
static void note(VkVault *vault, const VkCheckResult *result, gboolean data)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_check_record_put(vault, result, data, &trouble))
		vk_log_debug("this check is not noted in the vault: %s", trouble->message);
}

/* A block that opens is what was sealed in its place; by its id it would also be the right one. */
static void say_what_is_not_compared(const VkVault *vault)
{
	const VkKeyring *keyring = vk_vault_keyring(vault);

	if (keyring && !vk_keyring_get(keyring, VK_KEY_IDS))
		vk_log_info("the ids of blocks are not compared: a key of role %s cannot make them",
			    vk_role_word(vk_keyring_role(keyring)));
}

static gboolean verify(const VkProgram *program, char *const *names, gboolean data, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	gint64 begun = g_get_monotonic_time();
	g_auto(GStrv) uuids = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autoptr(VkProgress) progress = NULL;
	g_autoptr(json_t) called = json_array();
	g_autofree char *errors = NULL;

	if (!vault)
		return FALSE;
	if (names[0] && !(uuids = uuids_of(vault, names, called, error)))
		return FALSE;
	progress = vk_progress_new("verify", 0);
	result = vk_check_vault(vault, (const char *const *)uuids, data, progress, error);
	g_clear_pointer(&progress, vk_progress_free);
	if (!result)
		return FALSE;
	if (data)
		say_what_is_not_compared(vault);
	if (!uuids)
		note(vault, result, data);
	if (program->json)
		print_json(result, called, g_get_monotonic_time() - begun);
	else
		print_text(result, data, program->quiet);
	if (result->errors->len == 0)
		return TRUE;
	errors = vk_count_text(vk_check_result_count_errors(result), "error");
	return vk_fail(error, VK_ERROR_DAMAGE, "the vault '%s' has %s", vk_vault_url(vault),
		       errors);
}

gboolean vk_cmd_verify(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean data = FALSE;
	const GOptionEntry entries[] = {
		{"data", 0, 0, G_OPTION_ARG_NONE, &data, "Also read and check every stored block",
		 NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **names = NULL;

	return vk_cmd_parse(
		       program, "verify [GUEST...]",
		       "Checks that every snapshot of the vault is whole, or every snapshot of "
		       "each GUEST,\nwhich is a name or uuid.",
		       entries, -1, argc, argv, &names, error) &&
	       verify(program, names, data, error);
}
