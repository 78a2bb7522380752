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

/* The file for PLACE. New string. */
static char *file_of(const char *state_dir, const char *place)
{
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, place, -1);

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

/* The member KEY of the place's file, a list. */
static GPtrArray *read_ids(const char *state_dir, const char *place, const char *key)
{
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *path = file_of(state_dir, place);
	g_autoptr(json_t) object = read_file(path);
	const json_t *item;
	gsize i;

	json_array_foreach (json_object_get(object, key), i, item)
		if (json_is_string(item) && ids->len < IDS_MAX)
			g_ptr_array_add(ids, g_strdup(json_string_value(item)));
	return ids;
}

GPtrArray *vk_known_vaults_at(const char *state_dir, const char *place)
{
	return read_ids(state_dir, place, "ids");
}

static gboolean has_id(const GPtrArray *ids, const char *id)
{
	for (guint i = 0; i < ids->len; i++)
		if (strcmp(g_ptr_array_index(ids, i), id) == 0)
			return TRUE;
	return FALSE;
}

gboolean vk_known_vaults_was_encrypted(const char *state_dir, const char *place, const char *id)
{
	g_autoptr(GPtrArray) known = vk_known_vaults_at(state_dir, place);
	g_autoptr(GPtrArray) encrypted = read_ids(state_dir, place, "encrypted");

	return has_id(encrypted, id) ||
	       (known->len > 0 && has_id(encrypted, g_ptr_array_index(known, 0)));
}

/* ID, unless it is NULL, and then the other ids of OTHERS. New reference. */
static json_t *ids_with(const char *id, const GPtrArray *others)
{
	json_t *ids = json_array();

	if (id)
		json_array_append_new(ids, json_string(id));
	for (guint i = 0; i < others->len && json_array_size(ids) < IDS_MAX; i++)
		if (g_strcmp0(g_ptr_array_index(others, i), id) != 0)
			json_array_append_new(ids, json_string(g_ptr_array_index(others, i)));
	return ids;
}

void vk_known_vaults_add(const char *state_dir, const VkVault *vault)
{
	const char *place = vk_vault_place(vault), *id = vk_vault_id(vault);
	g_autofree char *path = file_of(state_dir, place);
	g_autoptr(GPtrArray) known = vk_known_vaults_at(state_dir, place);
	g_autoptr(GPtrArray) encrypted = read_ids(state_dir, place, "encrypted");
	gboolean is_encrypted = vk_vault_keyring(vault) != NULL;
	g_autoptr(json_t) object = NULL;
	g_autoptr(GError) trouble = NULL;
	g_autofree char *line = NULL;

	if (known->len > 0 && strcmp(g_ptr_array_index(known, 0), id) == 0 &&
	    has_id(encrypted, id) == is_encrypted)
		return;
	object = json_pack("{s:o, s:o, s:o}", "directory", vk_json_new_string(place), "ids",
			   ids_with(id, known), "encrypted",
			   ids_with(is_encrypted ? id : NULL, encrypted));
	line = vk_json_line(object);
	if (g_mkdir_with_parents(state_dir, 0755) < 0 ||
	    !g_file_set_contents_full(path, line, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644,
				      &trouble))
		vk_log_debug("the vault's id is not remembered: %s",
			     trouble ? trouble->message : g_strerror(errno));
}
