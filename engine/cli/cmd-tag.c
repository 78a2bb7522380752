/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep tag". */
#include "cmd.h"

#include "domain-tags.h"
#include "errors.h"
#include "guest-tags.h"
#include "host.h"
#include "json.h"
#include "log.h"
#include "text.h"

#include <stdio.h>

static gboolean check_tags(char *const *tags, GError **error)
{
	for (; *tags; tags++)
		if (!vk_tag_check(*tags, error))
			return FALSE;
	return TRUE;
}

/* OLD with the TAGS, or without them. Free with g_strfreev(). */
static char **change(char *const *old, char *const *tags, gboolean remove)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (char *const *tag = old; *tag; tag++)
		if (!remove || !g_strv_contains((const char *const *)tags, *tag))
			g_strv_builder_add(builder, *tag);
	for (char *const *tag = tags; !remove && *tag; tag++)
		if (!g_strv_contains((const char *const *)old, *tag))
			g_strv_builder_add(builder, *tag);
	return g_strv_builder_end(builder);
}

static gboolean set_tags(VkGuest *guest, char **old, char **tags, GError **error)
{
	guint count = g_strv_length(tags);

	if (count > VK_TAGS_MAX)
		return vk_fail(error, VK_ERROR_USAGE,
			       "guest '%s' would have %u tags, and at most %d can be kept: remove "
			       "some",
			       vk_guest_name(guest), count, VK_TAGS_MAX);
	if (g_strv_equal((const char *const *)old, (const char *const *)tags))
		return TRUE;
	return vk_guest_set_tags(guest, (const char *const *)tags, error);
}

static void print(const VkProgram *program, const VkGuest *guest, char **tags)
{
	g_autofree char *words = g_strjoinv(" ", tags);
	g_autoptr(json_t) report = NULL;

	if (program->json) {
		report = json_pack("{s:o, s:o, s:o}", "guest",
				   vk_json_new_string(vk_guest_name(guest)), "uuid",
				   vk_json_new_string(vk_guest_uuid(guest)), "tags",
				   vk_json_new_strings((const char *const *)tags));
		vk_json_print(report);
	} else if (!vk_log_is_quiet()) {
		vk_print_line(stdout, "%s: %s", vk_guest_name(guest), *words ? words : "no tags");
	}
}

gboolean vk_cmd_tag(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean remove = FALSE;
	const GOptionEntry entries[] = {
		{"remove", 0, 0, G_OPTION_ARG_NONE, &remove, "Take the tags from the guest", NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **arguments = NULL;
	g_autoptr(VkHost) host = NULL;
	g_autoptr(VkGuest) guest = NULL;
	g_auto(GStrv) old = NULL, tags = NULL;

	if (!vk_cmd_parse(program, "tag GUEST [TAG...]",
			  "Gives a guest tags, by which jobs and 'virtkeep backup --tag' choose "
			  "it, and shows\nthose that it has. Its definition keeps them.",
			  entries, -1, argc, argv, &arguments, error))
		return FALSE;
	if (!arguments[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "no guest named; 'virtkeep discover' shows what there is");
	if (remove && !arguments[1])
		return vk_fail(error, VK_ERROR_USAGE, "--remove: name the tags to take from '%s'",
			       arguments[0]);
	if (!check_tags(arguments + 1, error))
		return FALSE;
	host = vk_host_open(vk_program_libvirt_uri(program), error);
	guest = host ? vk_host_find(host, arguments[0], error) : NULL;
	old = guest ? vk_guest_get_tags(guest, error) : NULL;
	tags = old ? change(old, arguments + 1, remove) : NULL;
	if (!tags || !set_tags(guest, old, tags, error))
		return FALSE;
	print(program, guest, tags);
	return TRUE;
}
