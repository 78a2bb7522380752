/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mapping.h"

#include "errors.h"

#include <string.h>

VkMapping *vk_mapping_new(const char *guest, const char *controller, const char *path)
{
	VkMapping *entry = g_new0(VkMapping, 1);

	entry->guest = g_strdup(guest);
	entry->controller = g_strdup(controller);
	entry->path = g_strdup(path);
	return entry;
}

void vk_mapping_free(VkMapping *entry)
{
	g_free(entry->guest);
	g_free(entry->controller);
	g_free(entry->path);
	g_free(entry);
}

/* The colon before the controller; an address of IPv6 is in brackets. */
static char *find_controller(char *head)
{
	char *bracket = g_str_has_suffix(head, "]") ? strrchr(head, '[') : NULL;

	if (!bracket)
		return strrchr(head, ':');
	return bracket > head && bracket[-1] == ':' ? bracket - 1 : NULL;
}

/* Names of guests may have colons, but no slashes: the path begins with the first ":/". */
static VkMapping *parse_entry(const char *text)
{
	const char *path = strstr(text, ":/");
	g_autofree char *head = path ? g_strndup(text, (gsize)(path - text)) : NULL;
	char *controller = head ? find_controller(head) : NULL;

	if (!controller)
		return NULL;
	*controller++ = '\0';
	if (!*g_strstrip(head) || !*g_strstrip(controller))
		return NULL;
	return vk_mapping_new(head, controller, path + 1);
}

GPtrArray *vk_mappings_parse(const char *text, GError **error)
{
	g_autoptr(GPtrArray) entries =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_mapping_free);
	g_auto(GStrv) parts = g_strsplit(text, ";", -1);

	for (char **part = parts; *part; part++) {
		VkMapping *entry;

		if (!*g_strstrip(*part))
			continue;
		entry = parse_entry(*part);
		if (!entry) {
			vk_fail(error, VK_ERROR_USAGE,
				"'%s' is not of the form GUEST:CONTROLLER:/PATH; entries are "
				"separated by ';'",
				*part);
			return NULL;
		}
		g_ptr_array_add(entries, entry);
	}
	return g_steal_pointer(&entries);
}

char *vk_mappings_format(const GPtrArray *entries)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < entries->len; i++) {
		const VkMapping *entry = g_ptr_array_index(entries, i);

		g_string_append_printf(text, "%s%s:%s:%s", i > 0 ? ";" : "", entry->guest,
				       entry->controller, entry->path);
	}
	return g_string_free(text, FALSE);
}

gboolean vk_mapping_is_writable(const VkMapping *entry)
{
	g_autofree char *text =
		g_strdup_printf("%s:%s:%s", entry->guest, entry->controller, entry->path);
	g_autoptr(GPtrArray) entries = vk_mappings_parse(text, NULL);
	const VkMapping *read = entries && entries->len == 1 ? g_ptr_array_index(entries, 0) : NULL;

	return read && g_utf8_validate(text, -1, NULL) && strcmp(read->guest, entry->guest) == 0 &&
	       strcmp(read->controller, entry->controller) == 0 &&
	       strcmp(read->path, entry->path) == 0;
}
