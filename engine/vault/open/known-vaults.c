/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "known-vaults.h"

#include "io.h"
#include "json.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Disks that are swapped by turns are a few. */
#define IDS_MAX       16u
#define FILE_SIZE_MAX 65536u

/* The file for DIRECTORY. New string. */
static char *file_of(const char *state_dir, const char *directory)
{
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, directory, -1);

	return g_strdup_printf("%s/%.32s.json", state_dir, sum);
}

static json_t *read_file(const char *path)
{
	VK_AUTOFD fd = vk_io_open_regular(AT_FDCWD, path, path, NULL);
	g_autofree char *text = g_malloc(FILE_SIZE_MAX);
	gsize length = 0;

	if (fd < 0 || !vk_io_read(fd, path, 0, text, FILE_SIZE_MAX, &length, NULL))
		return NULL;
	return vk_json_parse(text, length, path, NULL);
}

GPtrArray *vk_known_vaults_at(const char *state_dir, const char *directory)
{
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *path = file_of(state_dir, directory);
	g_autoptr(json_t) object = read_file(path);
	const json_t *item;
	gsize i;

	json_array_foreach (json_object_get(object, "ids"), i, item)
		if (json_is_string(item) && ids->len < IDS_MAX)
			g_ptr_array_add(ids, g_strdup(json_string_value(item)));
	return ids;
}

void vk_known_vaults_add(const char *state_dir, const VkVault *vault)
{
	const char *directory = vk_vault_directory(vault), *id = vk_vault_id(vault);
	g_autofree char *path = file_of(state_dir, directory);
	g_autoptr(GPtrArray) known = vk_known_vaults_at(state_dir, directory);
	g_autoptr(json_t) object = NULL;
	g_autoptr(GError) trouble = NULL;
	g_autofree char *line = NULL;
	json_t *ids;

	if (known->len > 0 && strcmp(g_ptr_array_index(known, 0), id) == 0)
		return;
	ids = json_array();
	json_array_append_new(ids, json_string(id));
	for (guint i = 0; i < known->len && json_array_size(ids) < IDS_MAX; i++)
		if (strcmp(g_ptr_array_index(known, i), id) != 0)
			json_array_append_new(ids, json_string(g_ptr_array_index(known, i)));
	object = json_pack("{s:o, s:o}", "directory", vk_json_new_string(directory), "ids", ids);
	line = vk_json_line(object);
	if (g_mkdir_with_parents(state_dir, 0755) < 0 ||
	    !g_file_set_contents_full(path, line, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644,
				      &trouble))
		vk_log_debug("the vault's id is not remembered: %s",
			     trouble ? trouble->message : g_strerror(errno));
}
