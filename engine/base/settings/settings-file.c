/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings-file.h"

#include "errors.h"
#include "io.h"
#include "new-file.h"
#include "settings-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where in the text the change goes. */
typedef struct {
	const char *value, *value_end; /* of the key's last line; NULL when there is none */
	const char *group_end;         /* behind the group's last line, but for comments */
} Place;

static gboolean is_group_line(const char *line, gsize length, const char *group)
{
	g_autofree char *form = g_strdup_printf("[%s]", group);

	return length >= strlen(form) && strncmp(line, form, strlen(form)) == 0;
}

static gboolean is_key_line(const char *line, gsize length, const char *key)
{
	const char *equals = memchr(line, '=', length);
	g_autofree char *name = equals ? g_strndup(line, (gsize)(equals - line)) : NULL;

	return name && strcmp(g_strchomp(name), key) == 0;
}

static Place find_place(const char *text, const char *group, const char *key)
{
	Place place = {0};
	gboolean in_group = FALSE;

	for (const char *line = text, *next; *line; line = next) {
		const char *end = line + strcspn(line, "\n"), *line_end;

		next = *end ? end + 1 : end;
		line_end = end > line && end[-1] == '\r' ? end - 1 : end;
		while (line < end && g_ascii_isspace(*line))
			line++;
		while (end > line && g_ascii_isspace(end[-1]))
			end--;
		if (line == end || *line == '#')
			continue;
		if (*line == '[')
			in_group = is_group_line(line, (gsize)(end - line), group);
		if (!in_group)
			continue;
		place.group_end = next;
		if (is_key_line(line, (gsize)(end - line), key)) {
			place.value = (const char *)memchr(line, '=', (gsize)(end - line)) + 1;
			while (place.value < end && g_ascii_isspace(*place.value))
				place.value++;
			/* Blanks at its end would be part of it. */
			place.value_end = line_end;
		}
	}
	return place;
}

/* VALUE as GKeyFile writes it. */
static char *escape(const char *group, const char *key, const char *value)
{
	g_autoptr(GKeyFile) file = g_key_file_new();

	g_key_file_set_string(file, group, key, value);
	return g_key_file_get_value(file, group, key, NULL);
}

static char *edit(const char *text, const char *group, const char *key, const char *value)
{
	Place place = find_place(text, group, key);
	g_autofree char *escaped = escape(group, key, value);
	const char *newline = strstr(text, "\r\n") ? "\r\n" : "\n";
	const char *from = place.value ? place.value : place.group_end;
	const char *to = place.value ? place.value_end : place.group_end;
	GString *result;

	if (!from)
		from = to = text + strlen(text);
	result = g_string_new_len(text, from - text);
	if (!place.value) {
		if (result->len > 0 && result->str[result->len - 1] != '\n')
			g_string_append(result, newline);
		if (!place.group_end)
			g_string_append_printf(result, "%s[%s]%s", result->len > 0 ? newline : "",
					       group, newline);
		g_string_append_printf(result, "%s = ", key);
	}
	g_string_append(result, escaped);
	if (!place.value)
		g_string_append(result, newline);
	g_string_append(result, to);
	return g_string_free(result, FALSE);
}

/* The text without comments and blanks; NULL when it is not understood. */
static char *normalise(const char *text, const char *group, const char *key, const char *value)
{
	g_autoptr(GKeyFile) file = g_key_file_new();

	if (*text && !g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL))
		return NULL;
	if (value)
		g_key_file_set_string(file, group, key, value);
	return g_key_file_to_data(file, NULL, NULL);
}

static gboolean write_text(VkNewFile *file, const char *path, const char *text,
			   const struct stat *before, GError **error)
{
	int fd = vk_new_file_fd(file);

	if (before && (fchown(fd, before->st_uid, before->st_gid) < 0 ||
		       fchmod(fd, before->st_mode & 07777) < 0))
		return vk_fail_errno(
			error, errno,
			"the owner and mode of '%s' cannot be given to its new version", path);
	return vk_io_write(fd, path, 0, text, strlen(text), error) &&
	       vk_new_file_commit(file, before != NULL, error);
}

/* BEFORE is NULL for a file that is not there. */
static gboolean replace(const char *path, const char *text, const struct stat *before,
			GError **error)
{
	g_autoptr(VkNewFile) file = vk_new_file_create(path, before ? 0600 : 0644, error);

	return file && write_text(file, path, text, before, error);
}

gboolean vk_settings_file_set(const char *path, const char *group, const char *key,
			      const char *value, gboolean *ret_changed, GError **error)
{
	g_autofree char *real = realpath(path, NULL);
	g_autofree char *text = NULL, *edited = NULL, *wanted = NULL, *got = NULL;
	struct stat before;
	gsize length;

	if (!real && errno != ENOENT)
		return vk_fail_errno(error, errno, "cannot examine '%s'", path);
	if (real && stat(real, &before) < 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", path);
	if (real && !vk_io_read_whole(real, VK_SETTINGS_BYTES_MAX, &text, &length, error))
		return FALSE;
	edited = edit(text ? text : "", group, key, value);
	*ret_changed = g_strcmp0(text, edited) != 0;
	if (!*ret_changed)
		return TRUE;
	/* The same by GKeyFile's own rules, or not at all. */
	wanted = normalise(text ? text : "", group, key, value);
	got = normalise(edited, group, key, NULL);
	if (!wanted || g_strcmp0(wanted, got) != 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' has a form in which [%s] %s cannot be changed safely: edit it "
			       "by hand",
			       path, group, key);
	return replace(real ? real : path, edited, real ? &before : NULL, error);
}
