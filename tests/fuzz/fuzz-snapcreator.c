/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is made of any Snap Creator file must be a configuration, and each key must get an answer.
 */
#include "fuzz.h"
#include "import.h"
#include "settings.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(VkImport) import = vk_import_new("kvm1");
	g_autofree char *text = NULL;
	const GPtrArray *keys = vk_import_keys(import);

	if (!vk_import_add(import, "input", (const char *)data, size, NULL))
		return 0;
	/* Once more, as a global file. */
	g_assert(vk_import_add(import, "global", (const char *)data, size, NULL));
	text = vk_import_finish(import);
	g_autoptr(VkSettings) settings = vk_settings_parse(text, strlen(text), "imported", NULL);
	g_assert(settings);
	for (guint i = 0; i < keys->len; i++) {
		const VkImportKey *key = g_ptr_array_index(keys, i);

		g_assert((key->verdict == VK_IMPORT_TAKEN) == (key->as != NULL));
		g_assert(key->as || key->why);
	}
	json_decref(vk_import_to_json(import, text));
	return 0;
}
