/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-options.h"

#include "errors.h"

static gboolean choose_quiesce(VkGuestOptions *chosen, const VkBackupOptions *options,
			       const char *configured, GError **error)
{
	if (options->quiesce) {
		chosen->quiesce = *options->quiesce;
		return TRUE;
	}
	if (!configured)
		configured = vk_settings_get(options->settings, "backup", "quiesce");
	return vk_quiesce_mode_parse(configured, &chosen->quiesce, error);
}

gboolean vk_backup_mode_parse(const char *text, VkBackupMode *ret, GError **error)
{
	static const char *const names[] = {
		[VK_MODE_VAULT] = "vault",
		[VK_MODE_ARRAY] = "array",
		[VK_MODE_ARRAY_AND_VAULT] = "array+vault",
	};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_strcmp0(text, names[i]) == 0) {
			*ret = (VkBackupMode)i;
			return TRUE;
		}
	}
	return vk_fail(error, VK_ERROR_USAGE,
		       "'%s' is not a backup mode; use vault, array or array+vault", text);
}

static gboolean choose_mode(VkGuestOptions *chosen, const VkBackupOptions *options,
			    const char *configured, GError **error)
{
	if (options->mode) {
		chosen->mode = *options->mode;
		return TRUE;
	}
	if (!configured)
		configured = vk_settings_get(options->settings, "backup", "mode");
	return vk_backup_mode_parse(configured, &chosen->mode, error);
}

static char **copy_words(char *const *words)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (; *words; words++)
		g_strv_builder_add(builder, *words);
	return g_strv_builder_end(builder);
}

VkGuestOptions *vk_guest_options_new(const VkBackupOptions *options, const VkGuest *guest,
				     GError **error)
{
	const VkSettings *settings = options->settings;
	const char *name = vk_guest_name(guest), *uuid = vk_guest_uuid(guest);
	g_autoptr(VkGuestOptions) chosen = g_new0(VkGuestOptions, 1);

	if (!choose_quiesce(chosen, options, vk_settings_get_guest(settings, name, uuid, "quiesce"),
			    error) ||
	    !choose_mode(chosen, options, vk_settings_get_guest(settings, name, uuid, "mode"),
			 error))
		return NULL;
	chosen->mountpoints =
		options->mountpoints
			? copy_words(options->mountpoints)
			: vk_settings_get_guest_words(settings, name, uuid, "mountpoints");
	chosen->exclude = vk_settings_get_guest_words(settings, name, uuid, "exclude");
	chosen->has_freeze_hook =
		g_strcmp0(vk_settings_get_guest(settings, name, uuid, "freeze_hook"), "yes") == 0;
	chosen->no_tracking =
		g_strcmp0(vk_settings_get_guest(settings, name, uuid, "tracking"), "no") == 0;
	return g_steal_pointer(&chosen);
}

void vk_guest_options_free(VkGuestOptions *options)
{
	if (!options)
		return;
	g_strfreev(options->mountpoints);
	g_strfreev(options->exclude);
	g_free(options);
}
