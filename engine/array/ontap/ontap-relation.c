/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-relation.h"

#include "errors.h"
#include "json.h"

#include <string.h>

json_t *vk_ontap_volume_of(VkOntap *ontap, const char *path, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(path, ":", 2);
	g_autofree char *url = NULL;
	g_autoptr(json_t) volumes = NULL;
	const char *uuid;

	if (g_strv_length(parts) != 2) {
		vk_fail(error, VK_ERROR_FAILED, "'%s' is not a volume of an SVM", path);
		return NULL;
	}
	url = vk_ontap_url("/api/storage/volumes", "svm.name", parts[0], "name", parts[1], "fields",
			   "uuid,name,svm.name,nas.path", NULL);
	volumes = vk_ontap_known_list(ontap, url, VK_ONTAP_KNOWN_SEC, error);
	uuid = vk_json_optional_string(json_array_get(volumes, 0), "uuid");
	if (uuid && g_uuid_string_is_valid(uuid))
		return json_incref(json_array_get(volumes, 0));
	if (volumes)
		vk_fail(error, VK_ERROR_NOT_FOUND, "the array '%s' has no volume '%s'",
			ontap->base.name, path);
	return NULL;
}

/* The relationships from PATH that one cluster has as their destination. */
static json_t *ask(VkOntap *destination, const char *path, GError **error)
{
	g_autofree char *url = vk_ontap_url(VK_ONTAP_RELATIONSHIPS, "source.path", path, "fields",
					    VK_ONTAP_RELATION_FIELDS, NULL);

	return vk_ontap_list(destination->rest, url, 0, error);
}

/* Two clusters may have volumes of one name. */
static gboolean is_of(const VkOntapSearch *search, const json_t *record)
{
	const json_t *source = json_object_get(record, "source");
	const char *cluster = vk_json_nested_string(source, "cluster", "name");
	g_autofree char *ours = vk_ontap_cluster_name(search->source->rest);

	return !cluster || !ours || strcmp(cluster, ours) == 0;
}

gboolean vk_ontap_visit(const VkOntapSearch *search, VkOntap *destination, VkOntapVisit visit,
			gpointer data, guint *count, GError **error)
{
	g_autoptr(json_t) records = ask(destination, search->path, error);
	gsize index;
	json_t *record;

	json_array_foreach (records, index, record) {
		if (!is_of(search, record))
			continue;
		++*count;
		if (!visit(search, destination, record, data, error))
			return FALSE;
	}
	return records != NULL;
}
