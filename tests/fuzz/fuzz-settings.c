/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration file. What is taken has an answer for each key, and its values are what other
 * parsers can read: lists, mappings, retentions, durations, moments.
 */
#include "duration.h"
#include "fuzz.h"
#include "mapping.h"
#include "retention.h"
#include "settings.h"
#include "when.h"

#include <string.h>

static void read_values(const VkSettings *settings)
{
	g_auto(GStrv) arrays = vk_settings_get_names(settings, "array");
	g_auto(GStrv) hosts = vk_settings_get_names(settings, "host");

	for (char **name = arrays; *name; name++)
		g_assert(vk_settings_get_named(settings, "array", *name, "driver"));
	for (char **name = hosts; *name; name++)
		g_free(vk_settings_find_host(settings, *name));
	g_strfreev(vk_settings_get_words(settings, "restore", "KVM_RESTORE_VM_LIST"));
	vk_settings_get_guest(settings, "web", NULL, "mode");
}

/* The text of one value. */
static void read_forms(const char *text)
{
	g_autoptr(GPtrArray) mappings = vk_mappings_parse(text, NULL);
	g_autoptr(GPtrArray) retentions = vk_retentions_parse(text, NULL);
	g_autofree char *guest = NULL, *time = NULL;
	VkDuration duration;
	VkWhen when;

	if (mappings) {
		g_autofree char *written = vk_mappings_format(mappings);
		g_autoptr(GPtrArray) again = vk_mappings_parse(written, NULL);

		g_assert(again && again->len == mappings->len);
	}
	if (vk_duration_parse(text, &duration, NULL)) {
		g_autofree char *words = vk_duration_words(&duration);
		VkDuration same;

		g_assert(vk_duration_parse(words, &same, NULL));
		g_assert(memcmp(&same, &duration, sizeof(same)) == 0);
	}
	if (vk_when_parse(text, G_GINT64_CONSTANT(1800000000), &when, NULL) &&
	    (when.kind == VK_WHEN_EXACT || when.kind == VK_WHEN_AT))
		g_assert(when.first <= when.last);
	vk_snapshot_name_parse(text, &guest, &time, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSettings) settings =
		vk_settings_parse((const char *)data, size, "input", &error);

	g_assert(!settings == !!error);
	if (settings)
		read_values(settings);
	read_forms(text);
	return 0;
}
