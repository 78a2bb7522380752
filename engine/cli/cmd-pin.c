/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep pin" and "virtkeep unpin". */
#include "catalog-pin.h"
#include "cmd-each.h"
#include "cmd.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "named-snapshots.h"
#include "open-vault.h"
#include "text.h"
#include "timestamp.h"
#include "when.h"

#include <stdio.h>

typedef struct {
	gint64 until;       /* seconds since 1970; 0: unpin */
	const char *reason; /* nullable */
} Pinning;

/* "2027-01-01T22:59:59Z" for programs; null: for good, or not pinned. New reference. */
static json_t *until_to_json(const Pinning *pinning)
{
	g_autofree char *time = pinning->until > 0 && pinning->until != VK_PIN_FOR_GOOD
					? vk_time_format(pinning->until)
					: NULL;

	return vk_json_new_string(time);
}

static char *describe(const Pinning *pinning)
{
	g_autofree char *time = NULL, *local = NULL;

	if (pinning->until == 0)
		return g_strdup("not pinned");
	if (pinning->until == VK_PIN_FOR_GOOD)
		return g_strdup("pinned");
	time = vk_time_format(pinning->until);
	local = vk_when_local(time);
	return g_strdup_printf("pinned until %s", local);
}

typedef struct {
	VkVault *vault;
	const Pinning *pinning;
	char *text;     /* how it is then */
	json_t *report; /* NULL: TEXT is printed */
} Act;

static gboolean act_on(const Act *act, const VkNamedSnapshot *named, GError **error)
{
	const Pinning *pinning = act->pinning;

	return pinning->until > 0 ? vk_catalog_pin(act->vault, named->key, pinning->until,
						   pinning->reason, error)
				  : vk_catalog_unpin(act->vault, named->key, error);
}

/* TROUBLE is nullable: it is as it was then. */
static json_t *to_json(const VkNamedSnapshot *named, const Pinning *pinning, const GError *trouble)
{
	json_t *object = vk_each_to_json(named, trouble);
	gboolean pinned = trouble ? named->key->pinned : pinning->until > 0;

	json_object_set_new(object, "pinned", json_boolean(pinned));
	json_object_set_new(object, "until", trouble ? json_null() : until_to_json(pinning));
	return object;
}

static gboolean act_and_tell(gpointer user, const VkNamedSnapshot *named, GError **error)
{
	const Act *act = user;
	GError *trouble = NULL;
	gboolean done = act_on(act, named, &trouble);

	if (act->report)
		json_array_append_new(act->report, to_json(named, act->pinning, trouble));
	else if (done && !vk_log_is_quiet())
		vk_print_line(stdout, "%s: %s", named->name, act->text);
	if (trouble)
		g_propagate_error(error, trouble);
	return done;
}

static gboolean check_listed(const GPtrArray *all, GError **error)
{
	for (guint i = 0; i < all->len; i++) {
		const VkNamedSnapshot *named = g_ptr_array_index(all, i);

		if (named->key->forgotten)
			return vk_fail(error, VK_ERROR_FAILED,
				       "'%s' is forgotten, so nothing was pinned: run 'virtkeep "
				       "unforget %s' first",
				       named->name, named->name);
	}
	return TRUE;
}

static gboolean act_on_all(VkProgram *program, VkVault *vault, const GPtrArray *all,
			   const Pinning *pinning, GError **error)
{
	g_autoptr(json_t) report = program->json ? json_array() : NULL;
	g_autofree char *text = describe(pinning);
	Act act = {.vault = vault, .pinning = pinning, .text = text, .report = report};
	gboolean done = vk_each_named(all, act_and_tell, &act,
				      pinning->until > 0 ? "pinned" : "unpinned", error);

	if (report)
		vk_json_print(report);
	return done;
}

static gboolean run(VkProgram *program, char *const *references, const Pinning *pinning,
		    GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(GPtrArray) all = NULL;

	if (!*references)
		return vk_fail(error, VK_ERROR_USAGE,
			       "no snapshot named; 'virtkeep list' shows what there is");
	vault = vk_open_vault(program, NULL, VK_VAULT_WRITE, error);
	all = vault ? vk_named_snapshots_find(vault, references, error) : NULL;
	return all && (pinning->until == 0 || check_listed(all, error)) &&
	       act_on_all(program, vault, all, pinning, error);
}

static gboolean take_until(const char *text, gint64 *ret, GError **error)
{
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	VkWhen when;

	*ret = VK_PIN_FOR_GOOD;
	if (!text)
		return TRUE;
	if (!vk_when_parse_moment(text, now, &when, error))
		return FALSE;
	*ret = when.last;
	return *ret > now || vk_fail(error, VK_ERROR_USAGE,
				     "--until '%s' is in the past: write a date to come", text);
}

gboolean vk_cmd_pin(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autofree char *until = NULL, *reason = NULL;
	const GOptionEntry entries[] = {
		{"until", 0, 0, G_OPTION_ARG_STRING, &until,
		 "Only up to the end of that, like 2027-01-31", "WHEN"},
		{"reason", 0, 0, G_OPTION_ARG_STRING, &reason, "Why, for people", "TEXT"},
		G_OPTION_ENTRY_NULL,
	};
	Pinning pinning = {0};
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "pin SNAPSHOT...",
			  "Protects snapshots: no policy and no 'virtkeep forget' forgets them "
			  "until they are\nunpinned. A new pin replaces the one before.",
			  entries, -1, argc, argv, &arguments, error) ||
	    !take_until(until, &pinning.until, error))
		return FALSE;
	pinning.reason = reason;
	return run(program, arguments, &pinning, error);
}

gboolean vk_cmd_unpin(VkProgram *program, int argc, char **argv, GError **error)
{
	const Pinning pinning = {0};
	char **arguments = NULL;

	return vk_cmd_parse(program, "unpin SNAPSHOT...",
			    "Ends the protection by 'virtkeep pin'. Nothing is forgotten by that.",
			    NULL, -1, argc, argv, &arguments, error) &&
	       run(program, arguments, &pinning, error);
}
