/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "errors.h"
#include "json.h"
#include "table.h"

static json_t *volume_to_json(const VkVolume *volume)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "volume",
			 vk_json_new_string(volume->name), "type",
			 vk_json_new_string(*volume->type ? volume->type : NULL), "size",
			 vk_json_new_uint(volume->size), "label",
			 vk_json_new_string(*volume->label ? volume->label : NULL), "uuid",
			 vk_json_new_string(*volume->uuid ? volume->uuid : NULL), "mounted_at",
			 vk_json_new_string(*volume->points ? volume->points : NULL), "trouble",
			 vk_json_new_string(*volume->state ? volume->state : NULL), "note",
			 vk_json_new_string(*volume->note ? volume->note : NULL));
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void print_volumes(const GPtrArray *volumes)
{
	g_autoptr(VkTable) table =
		vk_table_new("VOLUME", "TYPE", "SIZE", "LABEL", "MOUNTED AT", "STATE", NULL);

	for (guint i = 0; i < volumes->len; i++) {
		const VkVolume *volume = g_ptr_array_index(volumes, i);
		g_autofree char *size = vk_size_text(volume->size);
		g_autofree char *readable =
			g_strjoin("; ", "readable", *volume->note ? volume->note : NULL, NULL);

		vk_table_add(table, volume->name, or_dash(volume->type), size,
			     or_dash(volume->label), or_dash(volume->points),
			     *volume->state ? volume->state : readable, NULL);
	}
	vk_table_print(table);
}

/* Whether no volume has parts on disks that the snapshot does not have. */
static gboolean check_complete(const VkGuestFiles *files, const GPtrArray *volumes, GError **error)
{
	g_autofree char *skipped = vk_guest_files_skipped(files);

	for (guint i = 0; i < volumes->len; i++) {
		const VkVolume *volume = g_ptr_array_index(volumes, i);

		if (volume->incomplete)
			return vk_fail(error, VK_ERROR_PARTIAL, "a part of '%s' is missing%s%s",
				       volume->name, skipped ? ": the snapshot does not have " : "",
				       skipped ? skipped : "");
	}
	return TRUE;
}

/* The table alone would not say that this is all that can be known. */
static gboolean check_types(const VkGuestFiles *files, const GPtrArray *volumes, GError **error)
{
	for (guint i = 0; i < volumes->len; i++)
		if (*((const VkVolume *)g_ptr_array_index(volumes, i))->type)
			return TRUE;
	return vk_fail(error, VK_ERROR_NOT_FOUND,
		       "nothing was recognised on the disks of '%s'; ZFS and VMFS are not read",
		       vk_guest_files_snapshot(files)->name);
}

gboolean vk_files_volumes(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {"volumes SNAPSHOT", "Lists the volumes.", 1, 1};
	char **words = vk_files_parse(run, &usage, NULL, argc, argv, error);
	g_autoptr(VkGuestFiles) files = words ? vk_files_open_snapshot(run, words[0], error) : NULL;
	g_autofree char *note = NULL;
	g_autoptr(GPtrArray) volumes = files ? vk_guest_files_volumes(files, &note, error) : NULL;
	g_autoptr(json_t) list = NULL;

	if (!volumes)
		return FALSE;
	if (!run->program.json) {
		print_volumes(volumes);
	} else {
		list = json_array();
		for (guint i = 0; i < volumes->len; i++)
			json_array_append_new(list, volume_to_json(g_ptr_array_index(volumes, i)));
		vk_json_print(list);
	}
	return vk_guest_files_sound(files, error) && check_complete(files, volumes, error) &&
	       check_types(files, volumes, error) &&
	       (!note || vk_fail(error, VK_ERROR_PARTIAL, "%s", note));
}
