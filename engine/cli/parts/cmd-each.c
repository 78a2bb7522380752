/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-each.h"

#include "errors.h"
#include "json.h"
#include "log.h"
#include "text.h"

gboolean vk_each_named(const GPtrArray *all, VkEachFunc func, gpointer user, const char *done,
		       GError **error)
{
	g_autofree char *count = vk_count_text(all->len, "snapshot");
	VkErrorCode code = VK_ERROR_FAILED;
	guint failed = 0;

	if (all->len == 1)
		return func(user, g_ptr_array_index(all, 0), error);
	for (guint i = 0; i < all->len; i++) {
		g_autoptr(GError) trouble = NULL;

		if (func(user, g_ptr_array_index(all, i), &trouble))
			continue;
		vk_log_error("%s", trouble->message);
		code = trouble->code;
		failed++;
	}
	return failed == 0 || vk_fail(error, failed < all->len ? VK_ERROR_PARTIAL : code,
				      "%u of %s could not be %s", failed, count, done);
}

json_t *vk_each_to_json(const VkNamedSnapshot *named, const GError *trouble)
{
	json_t *object = json_pack("{s:o, s:s, s:s}", "snapshot", vk_json_new_string(named->name),
				   "time", named->key->time, "id", named->key->id);

	if (trouble) {
		json_object_set_new(object, "code", json_string(vk_error_word(trouble)));
		json_object_set_new(object, "error", vk_json_new_string(trouble->message));
	}
	return object;
}
