/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-mountpoints.h"

#include "errors.h"
#include "guest-agent.h"

gboolean vk_mountpoints_check(VkGuest *guest, char *const *mountpoints, gboolean all,
			      char **ret_missing, GError **error)
{
	g_autoptr(GString) missing = g_string_new(NULL);
	g_auto(GStrv) found = NULL;
	g_autofree char *has = NULL;
	guint there = 0;

	*ret_missing = NULL;
	if (mountpoints && *mountpoints)
		found = vk_agent_mountpoints(guest);
	for (; found && *mountpoints; mountpoints++) {
		if (g_strv_contains((const char *const *)found, *mountpoints))
			there++;
		else
			g_string_append_printf(missing, "%s'%s'", missing->len > 0 ? ", " : "",
					       *mountpoints);
	}
	if (missing->len == 0)
		return TRUE;
	has = g_strjoinv("', '", found);
	*ret_missing =
		g_strdup_printf("it has no file system at %s; it has '%s'", missing->str, has);
	return (there > 0 && !all) || vk_fail(error, VK_ERROR_FAILED, "%s", *ret_missing);
}

char *vk_mountpoints_missing(VkGuest *guest, char *const *mountpoints, guint timeout_sec)
{
	gboolean frozen = FALSE;
	char *missing = NULL;

	if (!vk_agent_probe(guest, timeout_sec, &frozen, NULL))
		return NULL;
	vk_mountpoints_check(guest, mountpoints, FALSE, &missing, NULL);
	vk_agent_done(guest);
	return missing;
}
