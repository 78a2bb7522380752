/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "metrics.h"

#include "errors.h"
#include "io.h"
#include "metrics-priv.h"
#include "new-file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void add_program(VkExposition *exposition, const VkOverview *overview)
{
	vk_exposition_begin(exposition, "virtkeep_build_info", "1; its label is the version.");
	vk_exposition_add(exposition, 1, "version", VK_VERSION, NULL);
	vk_exposition_begin(exposition, "virtkeep_libvirt_up",
			    "1: libvirt answered; 0: which guests the host has is not known.");
	vk_exposition_add(exposition, overview->host_known, NULL);
}

char *vk_metrics_text(VkVault *vault, const VkSettings *settings, const char *libvirt_uri,
		      GError **error)
{
	g_autoptr(VkExposition) exposition = vk_exposition_new();
	char *const all[] = {NULL};
	g_autoptr(VkOverview) overview = vk_overview_load(vault, settings, libvirt_uri, all, error);

	if (!overview)
		return NULL;
	add_program(exposition, overview);
	vk_metrics_add_guests(exposition, vault, overview);
	if (!vk_metrics_add_vault(exposition, vault, error))
		return NULL;
	vk_metrics_add_runs(exposition, vault, vk_settings_get(settings, "history", "dir"));
	return g_strdup(vk_exposition_text(exposition));
}

char *vk_metrics_space_text(VkVault *vault, GError **error)
{
	g_autoptr(VkExposition) exposition = vk_exposition_new();

	if (!vk_metrics_add_space(exposition, vault, error))
		return NULL;
	return g_strdup(vk_exposition_text(exposition));
}

gboolean vk_metrics_write(const char *path, const char *text, GError **error)
{
	g_autoptr(VkNewFile) file = vk_new_file_create(path, 0644, error);

	if (!file)
		return FALSE;
	/* The exporter runs as another user, whatever the umask is. */
	if (fchmod(vk_new_file_fd(file), 0644) < 0)
		return vk_fail_errno(error, errno, "cannot give '%s' to all users to read", path);
	return vk_io_write(vk_new_file_fd(file), path, 0, text, strlen(text), error) &&
	       vk_new_file_commit(file, TRUE, error);
}
