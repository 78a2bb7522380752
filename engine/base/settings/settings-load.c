/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings-priv.h"

#include "errors.h"
#include "io.h"
#include "user-defaults.h"

void vk_settings_problem_free(VkSettingsProblem *problem)
{
	g_free(problem->section);
	g_free(problem->key);
	g_free(problem->text);
	g_free(problem);
}

/* The first line of SECTION, or of KEY in it, under its alias as well. */
static const VkConfigLine *find_line(const VkSettings *settings, const char *section,
				     const char *key)
{
	const char *wanted = vk_settings_key(section, key);

	for (guint i = 0; i < settings->lines->len; i++) {
		const VkConfigLine *line = g_ptr_array_index(settings->lines, i);

		if (!line->unread && g_strcmp0(line->section, section) == 0 &&
		    g_strcmp0(vk_settings_key(section, line->key), wanted) == 0)
			return line;
	}
	return NULL;
}

VkSettingsProblem *vk_settings_problem_new(const VkSettings *settings, const char *section,
					   const char *key, const char *text)
{
	VkSettingsProblem *problem = g_new0(VkSettingsProblem, 1);
	const VkConfigLine *line;

	if (!section) {
		problem->text = g_strdup(text);
		return problem;
	}
	line = find_line(settings, section, key);
	if (!line)
		line = find_line(settings, section, NULL);
	problem->line = line ? line->number : 0;
	problem->section = g_strdup(section);
	problem->key = g_strdup(key);
	problem->text = key ? g_strdup_printf("[%s] %s: %s", section, key, text)
			    : g_strdup_printf("[%s]: %s", section, text);
	return problem;
}

/* What the file may not have twice: of two values one would be passed over. */
static gboolean check_first(const VkSettings *settings, const VkConfigLine *line, GError **error)
{
	const VkConfigLine *first = find_line(settings, line->section, line->key);

	if (first == line)
		return TRUE;
	if (line->key && !g_str_equal(line->key, first->key))
		return vk_fail(error, VK_ERROR_USAGE,
			       "[%s] %s: is there twice, as %s in line %u: leave one",
			       line->section, line->key, first->key, first->number);
	if (line->key)
		return vk_fail(error, VK_ERROR_USAGE,
			       "[%s] %s: is there twice, also in line %u: leave one", line->section,
			       line->key, first->number);
	return vk_fail(error, VK_ERROR_USAGE,
		       "[%s]: this section is there twice, also in line %u: make one of them",
		       line->section, first->number);
}

static gboolean check_line(const VkSettings *settings, const VkConfigLine *line, GError **error)
{
	/* The text may have secrets. */
	if (line->unread)
		return vk_fail(error, VK_ERROR_USAGE,
			       "this is neither a [SECTION] nor KEY = VALUE nor a # comment");
	if (!line->section)
		return vk_fail(error, VK_ERROR_USAGE,
			       "%s: is not in a section; begin one first, for example [backup]",
			       line->key);
	if (!line->key)
		return vk_settings_check_section(line->section, error) &&
		       check_first(settings, line, error);
	/* The line that begins the section has the error. */
	if (!vk_settings_check_section(line->section, NULL))
		return TRUE;
	if (!line->value)
		return vk_fail(error, VK_ERROR_USAGE,
			       "[%s] %s: is not valid text: it must be UTF-8, and a backslash is "
			       "written twice",
			       line->section, line->key);
	return check_first(settings, line, error) &&
	       vk_settings_check(line->section, line->key, line->value, error);
}

static VkSettingsProblem *problem_new(const VkConfigLine *line, const GError *trouble)
{
	VkSettingsProblem *problem = g_new0(VkSettingsProblem, 1);

	problem->line = line->number;
	problem->section = g_strdup(line->section);
	problem->key = g_strdup(line->key);
	problem->text = g_strdup(trouble->message);
	return problem;
}

/* Returns VkSettingsProblem*. */
static GPtrArray *take_lines(VkSettings *settings)
{
	GPtrArray *problems =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_settings_problem_free);

	for (guint i = 0; i < settings->lines->len; i++) {
		const VkConfigLine *line = g_ptr_array_index(settings->lines, i);
		g_autoptr(GError) trouble = NULL;

		if (!check_line(settings, line, &trouble))
			g_ptr_array_add(problems, problem_new(line, trouble));
		else if (line->value)
			g_hash_table_insert(
				settings->values,
				g_strdup_printf("%s.%s", line->section,
						vk_settings_key(line->section, line->key)),
				line->value);
	}
	return problems;
}

static VkSettings *settings_new(const char *path, const char *text, gsize length)
{
	VkSettings *settings = g_new0(VkSettings, 1);

	settings->path = g_strdup(path);
	settings->lines = vk_config_lines(text, length);
	settings->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return settings;
}

VkSettings *vk_settings_parse(const char *text, gsize length, const char *path, GError **error)
{
	g_autoptr(VkSettings) settings = settings_new(path, text, length);
	g_autoptr(GPtrArray) problems = take_lines(settings);
	const VkSettingsProblem *first;

	if (problems->len == 0)
		return g_steal_pointer(&settings);
	first = g_ptr_array_index(problems, 0);
	vk_fail(error, VK_ERROR_USAGE, "'%s', line %u: %s", path, first->line, first->text);
	if (problems->len > 1)
		g_prefix_error(error, "%u settings are wrong, 'virtkeep config check' lists all: ",
			       problems->len);
	return NULL;
}

/* Without PATH the default one, which need not exist: *RET_TEXT is NULL then. */
static gboolean read_file(const char *path, char **ret_text, gsize *ret_length, GError **error)
{
	const char *name = path ? path : vk_user_config_path();
	g_autoptr(GError) trouble = NULL;

	*ret_text = NULL;
	*ret_length = 0;
	if (vk_io_read_whole(name, VK_SETTINGS_BYTES_MAX, ret_text, ret_length, &trouble) ||
	    (!path && g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)))
		return TRUE;
	g_propagate_prefixed_error(error, g_steal_pointer(&trouble), "the configuration: ");
	return FALSE;
}

VkSettings *vk_settings_load(const char *path, GError **error)
{
	const char *name = path ? path : vk_user_config_path();
	g_autofree char *text = NULL;
	gsize length;

	return read_file(path, &text, &length, error)
		       ? vk_settings_parse(text ? text : "", length, name, error)
		       : NULL;
}

GPtrArray *vk_settings_examine(const char *path, GError **error)
{
	g_autoptr(VkSettings) settings = NULL;
	g_autofree char *text = NULL;
	gsize length;

	if (!read_file(path, &text, &length, error))
		return NULL;
	settings = settings_new("", text ? text : "", length);
	return take_lines(settings);
}

void vk_settings_free(VkSettings *settings)
{
	if (!settings)
		return;
	g_clear_pointer(&settings->path, g_free);
	g_clear_pointer(&settings->values, g_hash_table_unref);
	g_clear_pointer(&settings->lines, g_ptr_array_unref);
	g_free(settings);
}

const char *vk_settings_written_key(const VkSettings *settings, const char *group, const char *key)
{
	const VkConfigLine *line = find_line(settings, group, key);

	return line ? line->key : key;
}

const char *vk_settings_path(const VkSettings *settings)
{
	return settings->path;
}
