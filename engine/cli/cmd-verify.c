/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep verify". */
#include "cmd-verify.h"
#include "cmd.h"

#include "catalog.h"
#include "check-frames.h"
#include "check-record.h"
#include "current-task.h"
#include "duration.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "text.h"

#include <stdio.h>

#define SHARE_OF_MAX 1000u

/* The command line. */
typedef struct Arguments {
	gboolean data, frames;
	char *share, *since, *rate;
	char **names; /* borrowed */
} Arguments;

static void arguments_clear(Arguments *arguments)
{
	g_free(arguments->share);
	g_free(arguments->since);
	g_free(arguments->rate);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

/* "1/7" */
static gboolean parse_share(const char *text, VkCheckOptions *ret, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", 2);
	guint64 share, of;

	if (g_strv_length(parts) != 2 ||
	    !g_ascii_string_to_unsigned(parts[1], 10, 1, SHARE_OF_MAX, &of, NULL) ||
	    !g_ascii_string_to_unsigned(parts[0], 10, 1, of, &share, NULL))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--share: '%s' is no share: write a fraction up to 1/1 like 1/7, "
			       "with at most %u below",
			       text, SHARE_OF_MAX);
	ret->share = (guint)share;
	ret->share_of = (guint)of;
	return TRUE;
}

/* "30d" */
static gboolean parse_since(const char *text, VkCheckOptions *ret, GError **error)
{
	g_autoptr(GTimeZone) local = g_time_zone_new_local();
	gint64 now_usec = g_get_real_time(), before;
	VkDuration duration;

	if (!vk_duration_parse(text, &duration, error)) {
		g_prefix_error(error, "--since-last: ");
		return FALSE;
	}
	if (vk_duration_is_zero(&duration)) {
		ret->read_before = now_usec;
		return TRUE;
	}
	before = vk_duration_before(&duration, now_usec / G_USEC_PER_SEC, local);
	/* Before all times: what was never read is still read. */
	ret->read_before = before > 0 ? before * G_USEC_PER_SEC : 1;
	return TRUE;
}

/* What belongs to the reading back needs it. */
static gboolean check_arguments(const Arguments *arguments, GError **error)
{
	const char *alone = arguments->share   ? "--share"
			    : arguments->since ? "--since-last"
			    : arguments->rate  ? "--limit-rate"
					       : NULL;
	gboolean is_rate = alone && !arguments->share && !arguments->since;

	if (alone && !arguments->data && !(is_rate && arguments->frames))
		return vk_fail(error, VK_ERROR_USAGE, "%s is about reading blocks back: add --data",
			       alone);
	if (arguments->frames && arguments->data)
		return vk_fail(error, VK_ERROR_USAGE,
			       "--data checks all that --frames does: use one of them");
	if (arguments->frames && arguments->names[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "--frames is about all packs of the vault: leave out '%s'",
			       arguments->names[0]);
	if (arguments->share && arguments->since)
		return vk_fail(error, VK_ERROR_USAGE,
			       "--share and --since-last do not go together: use one of them");
	if ((arguments->share || arguments->since) && arguments->names[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "%s is about all packs of the vault: leave out '%s'", alone,
			       arguments->names[0]);
	return TRUE;
}

static gboolean take_options(const Arguments *arguments, VkCheckOptions *ret, GError **error)
{
	ret->data = arguments->data;
	return check_arguments(arguments, error) &&
	       (!arguments->share || parse_share(arguments->share, ret, error)) &&
	       (!arguments->since || parse_since(arguments->since, ret, error));
}

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

/* For 'virtkeep status'. A vault that cannot be written to is as good as any to be checked. */
static void note(VkVault *vault, const VkCheckResult *result, const VkCheckOptions *options)
{
	gboolean all_data = options->data && !options->share_of && !options->read_before;
	g_autoptr(GError) trouble = NULL;

	if (!vk_check_record_put(vault, result, all_data, &trouble))
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

/* Prints the result, which says of the vault what is wrong with it. */
static gboolean report(const VkProgram *program, const VkVault *vault, const VkVerifyReport *report,
		       GError **error)
{
	g_autoptr(json_t) json = vk_verify_to_json(report);
	g_autofree char *errors = NULL;

	vk_task_result(json, program->json);
	if (!program->json)
		vk_verify_print(report, program->quiet);
	if (report->result->errors->len == 0)
		return TRUE;
	errors = vk_count_text(vk_check_result_count_errors(report->result), "error");
	return vk_fail(error, VK_ERROR_DAMAGE, "the vault '%s' has %s", vk_vault_url(vault),
		       errors);
}

static gboolean verify_frames(const VkProgram *program, VkCheckOptions *options, GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	gint64 begun = g_get_monotonic_time();
	g_autoptr(VkProgress) progress = vk_progress_new("verify", 0);
	g_autoptr(VkCheckResult) result = NULL;
	g_autoptr(json_t) called = json_array();
	VkVerifyReport what = {.level = VK_VERIFY_FRAMES, .guests = called};

	vk_task_begin(program->settings, "verify");
	vault = vk_open_vault(program, NULL, VK_VAULT_OUTSIDE, error);
	if (!vault)
		return FALSE;
	options->progress = progress;
	what.result = result = vk_check_frames(vault, options, error);
	if (!result)
		return FALSE;
	g_clear_pointer(&progress, vk_progress_free);
	what.usec = g_get_monotonic_time() - begun;
	return report(program, vault, &what, error);
}

static VkCheckResult *check(VkVault *vault, VkCheckOptions *options, GError **error)
{
	g_autoptr(VkProgress) progress = vk_progress_new("verify", 0);

	options->progress = progress;
	return vk_check_vault(vault, options, error);
}

static gboolean verify(const VkProgram *program, VkCheckOptions *options, char *const *names,
		       GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	gint64 begun = g_get_monotonic_time();
	g_auto(GStrv) uuids = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autoptr(json_t) called = json_array();
	VkVerifyReport what = {.level = options->data ? VK_VERIFY_DATA : VK_VERIFY_SNAPSHOTS,
			       .guests = called};

	vk_task_begin(program->settings, "verify");
	vault = vk_open_vault_to_read(program, NULL, TRUE, error);
	if (!vault)
		return FALSE;
	if (names[0] && !(uuids = uuids_of(vault, names, called, error)))
		return FALSE;
	options->uuids = (const char *const *)uuids;
	result = check(vault, options, error);
	if (!result)
		return FALSE;
	if (options->data)
		say_what_is_not_compared(vault);
	if (!uuids)
		note(vault, result, options);
	what.result = result;
	what.usec = g_get_monotonic_time() - begun;
	return report(program, vault, &what, error);
}

gboolean vk_cmd_verify(VkProgram *program, int argc, char **argv, GError **error)
{
	g_auto(Arguments) arguments = {0};
	const GOptionEntry entries[] = {
		{"data", 0, 0, G_OPTION_ARG_NONE, &arguments.data,
		 "Also read back and check every stored block", NULL},
		{"frames", 0, 0, G_OPTION_ARG_NONE, &arguments.frames,
		 "Only read every pack and check its checksums, which needs no key", NULL},
		{"share", 0, 0, G_OPTION_ARG_STRING, &arguments.share,
		 "With --data: read back this part of the packs, those that have waited for the "
		 "longest",
		 "N/M"},
		{"since-last", 0, 0, G_OPTION_ARG_STRING, &arguments.since,
		 "With --data: read back only packs whose last reading is older, like 30d",
		 "DURATION"},
		{"limit-rate", 0, 0, G_OPTION_ARG_STRING, &arguments.rate,
		 "With --data or --frames: limit the reading, per second (default 0: no limit)",
		 "MIB"},
		G_OPTION_ENTRY_NULL,
	};
	VkCheckOptions options = {0};
	guint64 bytes_per_sec;
	VkRateLimit limit;
	gboolean done;

	program->command = "verify";
	if (!vk_cmd_parse(program, "verify [GUEST...]",
			  "Checks that every snapshot of the vault is whole, or every snapshot of "
			  "each GUEST,\nwhich is a name or uuid.",
			  entries, -1, argc, argv, &arguments.names, error) ||
	    !take_options(&arguments, &options, error) ||
	    !vk_cmd_parse_rate(arguments.rate, &bytes_per_sec, error))
		return FALSE;
	vk_rate_limit_init(&limit, bytes_per_sec);
	options.limit = &limit;
	done = arguments.frames ? verify_frames(program, &options, error)
				: verify(program, &options, arguments.names, error);
	vk_rate_limit_clear(&limit);
	return done;
}
