/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of a Snap Creator configuration that become [array NAME] sections. */
#include "errors.h"
#include "import-priv.h"
#include "settings.h"

#include <string.h>

#define HOST_CHARACTERS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-"

/* "controller:...;controller:...": what comes behind one controller. New string, or NULL. */
static char *find_in_map(const char *map, const char *controller)
{
	g_auto(GStrv) parts = g_strsplit(map ? map : "", ";", -1);

	for (char **part = parts; *part; part++) {
		char *colon = strchr(*part, ':');

		if (!colon)
			continue;
		*colon = '\0';
		if (strcmp(g_strstrip(*part), controller) == 0)
			return g_strdup(g_strstrip(colon + 1));
	}
	return NULL;
}

static gboolean is_port(const char *text)
{
	return g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, NULL, NULL);
}

static gboolean has_own_port(const VkImport *import)
{
	const char *transport = vk_import_value(import, "TRANSPORT");
	const char *port = vk_import_value(import, "PORT");

	return port && is_port(port) && strcmp(port, "443") != 0 &&
	       g_ascii_strcasecmp(transport ? transport : "HTTPS", "HTTPS") == 0;
}

gboolean vk_import_is_hostname(const char *name)
{
	return name && *name && name[strspn(name, HOST_CHARACTERS)] == '\0';
}

static char *make_url(const VkImport *import, const char *controller)
{
	g_autofree char *host =
		find_in_map(vk_import_value(import, "MANAGEMENT_INTERFACES"), controller);
	gboolean has_port = has_own_port(import);

	return g_strdup_printf("https://%s%s%s", vk_import_is_hostname(host) ? host : controller,
			       has_port ? ":" : "",
			       has_port ? vk_import_value(import, "PORT") : "");
}

/*
 * ENTRY is "controller:user/password" and must not be printed. FALSE when it does not have this
 * form.
 */
static gboolean put_array(VkImport *import, VkImportKey *key, char *entry)
{
	char *colon = strchr(entry, ':');
	char *slash = colon ? strchr(colon, '/') : NULL;
	const char *timeout = vk_import_value(import, "NTAP_TIMEOUT");
	const char *controller, *user;

	if (!slash)
		return FALSE;
	*colon = *slash = '\0';
	controller = g_strstrip(entry);
	user = g_strstrip(colon + 1);
	if (!vk_import_is_hostname(controller) || !*user)
		return FALSE;

	g_autofree char *group = g_strdup_printf("array %s", controller);
	g_autofree char *url = make_url(import, controller);
	g_autofree char *password_file = g_strdup_printf("/etc/virtkeep/%s.password", controller);
	if (!vk_import_put(import, key, group, "driver", VK_DRIVER_ONTAP) ||
	    !vk_import_put(import, key, group, "url", url) ||
	    !vk_import_put(import, key, group, "user", user) ||
	    !vk_import_put(import, key, group, "password_file", password_file))
		return FALSE;
	if (timeout && vk_settings_check(group, "NTAP_TIMEOUT", timeout, NULL))
		vk_import_put(import, key, group, "NTAP_TIMEOUT", timeout);
	g_string_append_printf(import->to_do, " - put the password of '%s' on '%s' into %s\n", user,
			       controller, password_file);
	return TRUE;
}

void vk_import_convert_users(VkImport *import, const VkImportRow *row, VkImportKey *key,
			     const char *value)
{
	g_auto(GStrv) entries = g_strsplit(value, ";", -1);
	g_autoptr(GString) names = g_string_new(NULL);

	for (char **entry = entries; *entry; entry++) {
		if (!*g_strstrip(*entry))
			continue;
		if (!put_array(import, key, *entry)) {
			vk_import_judge(key, VK_IMPORT_UNSUPPORTED, NULL,
					"an entry is not of the form CONTROLLER:USER/PASSWORD: "
					"write its section [array NAME] yourself");
			return;
		}
		g_string_append_printf(names, "%s[array %s]", names->len > 0 ? ", " : "", *entry);
	}
	/* The storage takes the snapshots, as with Snap Creator. A vault may get a copy later. */
	if (!vk_import_put(import, key, "backup", "mode", "array"))
		return;
	vk_import_judge(key, VK_IMPORT_TAKEN, names->str,
			"passwords are not imported: put each into the file that its "
			"password_file names, readable by root alone");
}

/* Their keys may come after the others. */
static gboolean has_users(const VkImport *import)
{
	return vk_import_value(import, "NTAP_USERS") ||
	       vk_import_value(import, "CMODE_CLUSTER_USERS");
}

static void judge_part(const VkImport *import, VkImportKey *key, const char *as)
{
	if (has_users(import))
		vk_import_judge(key, VK_IMPORT_TAKEN, as, NULL);
	else
		vk_import_judge(key, VK_IMPORT_NOT_NEEDED, NULL, "no controller has a user");
}

void vk_import_convert_transport(VkImport *import, const VkImportRow *row, VkImportKey *key,
				 const char *value)
{
	if (g_ascii_strcasecmp(value, "HTTPS") == 0)
		judge_part(import, key, "[array NAME] url");
	else
		vk_import_judge(key, VK_IMPORT_UNSUPPORTED, NULL,
				"logins are never sent in the clear, so the url has https; give "
				"the array's certificate as ca_file");
}

void vk_import_convert_port(VkImport *import, const VkImportRow *row, VkImportKey *key,
			    const char *value)
{
	if (!is_port(value))
		vk_import_judge(key, VK_IMPORT_UNSUPPORTED, NULL, "not the number of a port");
	else if (has_own_port(import))
		judge_part(import, key, "[array NAME] url");
	else
		vk_import_judge(key, VK_IMPORT_NOT_NEEDED, NULL, "https has its own, 443");
}

void vk_import_convert_interfaces(VkImport *import, const VkImportRow *row, VkImportKey *key,
				  const char *value)
{
	judge_part(import, key, "[array NAME] url");
}

void vk_import_convert_timeout(VkImport *import, const VkImportRow *row, VkImportKey *key,
			       const char *value)
{
	g_autoptr(GError) trouble = NULL;

	if (vk_settings_check("array NAME", "NTAP_TIMEOUT", value, &trouble))
		judge_part(import, key, "[array NAME] NTAP_TIMEOUT");
	else
		vk_import_judge(key, VK_IMPORT_UNSUPPORTED, NULL, trouble->message);
}
