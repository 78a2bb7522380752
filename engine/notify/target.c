/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target-priv.h"

#include "errors.h"
#include "io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX 4096u

/* Which settings a kind needs besides its own name, and how it is sent. */
static const struct {
	const char *kind;
	const char *needs; /* of url, to, command, secret_file */
	gboolean (*send)(const VkTarget *target, const VkNotice *notice, gint64 deadline,
			 GError **error);
} kinds[] = {
	{"mail", "to", vk_target_send_mail},  {"webhook", "url", vk_target_send_http},
	{"ntfy", "url", vk_target_send_http}, {"gotify", "url secret_file", vk_target_send_http},
	{"ping", "url", vk_target_send_http}, {"command", "command", vk_target_send_command},
};

static gboolean check_needs(const VkSettings *settings, const VkTarget *target, const char *needs,
			    GError **error)
{
	g_auto(GStrv) keys = g_strsplit(needs, " ", -1);

	for (char **key = keys; *key; key++)
		if (!vk_settings_get_named(settings, "notify", target->name, *key))
			return vk_fail(error, VK_ERROR_USAGE, "%s is missing: kind %s needs it",
				       *key, target->kind);
	return TRUE;
}

static char **words_of(const VkSettings *settings, const char *name, const char *key)
{
	g_autofree char *group = g_strdup_printf("notify %s", name);

	return vk_settings_get_words(settings, group, key);
}

/* The last part of a path, not the host. */
static gboolean has_topic(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host ? strchr(host + strlen("://"), '/') : NULL;

	return path && *(strrchr(path, '/') + 1);
}

static gboolean check(const VkSettings *settings, const VkTarget *target, GError **error)
{
	gboolean is_smtp = target->url && g_str_has_prefix(target->url, "smtp");
	gboolean is_mail = g_str_equal(target->kind, "mail");

	if (target->url && is_smtp != is_mail)
		return vk_fail(error, VK_ERROR_USAGE, "url: kind %s needs one of %s", target->kind,
			       is_mail ? "smtp:// or smtps://" : "https:// or http://");
	if (is_mail && !target->url && !target->command && access(VK_SENDMAIL, X_OK) < 0)
		return vk_fail(error, VK_ERROR_USAGE,
			       "there is no " VK_SENDMAIL ": set url to a server, like "
			       "smtp://mail.example.com");
	if (g_str_equal(target->kind, "ntfy") && target->url && !has_topic(target->url))
		return vk_fail(error, VK_ERROR_USAGE,
			       "url: write the topic at its end, like https://ntfy.sh/topic");
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_str_equal(kinds[i].kind, target->kind))
			return check_needs(settings, target, kinds[i].needs, error);
	g_assert_not_reached();
}

VkTarget *vk_target_new(const VkSettings *settings, const char *name, GError **error)
{
	g_autoptr(VkTarget) target = g_new0(VkTarget, 1);
	const struct {
		const char *key, **value;
	} texts[] = {
		{"kind", &target->kind},
		{"url", &target->url},
		{"user", &target->user},
		{"ca_file", &target->ca_file},
		{"from", &target->from},
		{"command", &target->command},
		{"password_file", &target->password_file},
		{"secret_file", &target->secret_file},
	};

	target->name = g_strdup(name);
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		*texts[i].value = vk_settings_get_named(settings, "notify", name, texts[i].key);
	target->on = words_of(settings, name, "on");
	target->commands = words_of(settings, name, "commands");
	target->to = words_of(settings, name, "to");
	return check(settings, target, error) ? g_steal_pointer(&target) : NULL;
}

void vk_target_free(VkTarget *target)
{
	if (!target)
		return;
	g_free(target->name);
	g_strfreev(target->on);
	g_strfreev(target->commands);
	g_strfreev(target->to);
	g_free(target);
}

const char *vk_target_name(const VkTarget *target)
{
	return target->name;
}

gboolean vk_target_is_ping(const VkTarget *target)
{
	return g_str_equal(target->kind, "ping");
}

/* A ping that other commands send would hide that there are no backups. */
static gboolean is_command_wanted(const VkTarget *target, const char *command)
{
	if (target->commands[0])
		return g_strv_contains((const char *const *)target->commands, command);
	return !vk_target_is_ping(target) || g_str_equal(command, "backup");
}

gboolean vk_target_wants(const VkTarget *target, const VkNotice *notice)
{
	const char *const *on = (const char *const *)target->on;

	if (notice->kind == VK_NOTICE_TEST)
		return TRUE;
	if (notice->kind == VK_NOTICE_START && !vk_target_is_ping(target))
		return FALSE;
	return is_command_wanted(target, notice->command) &&
	       (vk_target_is_ping(target) || g_strv_contains(on, "always") ||
		g_strv_contains(on, vk_notice_word(notice->kind)));
}

gboolean vk_target_secret(const VkTarget *target, const char *path, char **ret, GError **error)
{
	VK_AUTOFD fd = -1;
	char bytes[SECRET_MAX + 1] = "";
	struct stat facts;
	gsize length;

	*ret = NULL;
	if (!path)
		return TRUE;
	fd = vk_io_open_regular(AT_FDCWD, path, path, error);
	if (fd < 0)
		return FALSE;
	if (fstat(fd, &facts) < 0 || (facts.st_mode & 077) != 0)
		return vk_fail(error, VK_ERROR_DENIED,
			       "others may read '%s': take their rights away with 'chmod go= FILE'",
			       path);
	if (!vk_io_read(fd, path, 0, bytes, SECRET_MAX, &length, error))
		return FALSE;
	*ret = g_strchomp(g_strdup(bytes));
	if (**ret && length < SECRET_MAX)
		return TRUE;
	g_clear_pointer(ret, g_free);
	return vk_fail(error, VK_ERROR_USAGE, "'%s' has no secret: it is empty, or too long", path);
}

gboolean vk_target_send(const VkTarget *target, const VkNotice *notice, gint64 deadline,
			GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (!g_str_equal(kinds[i].kind, target->kind))
			continue;
		if (kinds[i].send(target, notice, deadline, error))
			return TRUE;
		g_prefix_error(error, "notice to '%s': ", target->name);
		return FALSE;
	}
	g_assert_not_reached();
}
