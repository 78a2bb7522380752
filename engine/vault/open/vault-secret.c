/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-secret.h"

#include "errors.h"
#include "io.h"
#include "key-command.h"
#include "terminal.h"
#include "vault-section.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define VARIABLE   "VIRTKEEP_KEY_FILE"
#define CREDENTIAL "virtkeep-key"

/* The file of a credential of systemd, for the vault NAME (nullable). New string, or NULL. */
static char *credential_path(const char *name)
{
	const char *directory = g_getenv("CREDENTIALS_DIRECTORY");
	g_autofree char *file = g_strconcat(CREDENTIAL, name ? "-" : NULL, name, NULL);
	g_autofree char *path = directory ? g_build_filename(directory, file, NULL) : NULL;

	return path && g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

/* The key file that the environment or the settings name. New string, or NULL. */
static char *key_file(const VkProgram *program, const char *section)
{
	const char *name = vk_vault_section_name(section);
	const char *path = name ? NULL : g_getenv(VARIABLE);

	if (!path || !*path)
		path = vk_settings_get(program->settings, section, "key_file");
	return path ? g_strdup(path) : credential_path(name);
}

gboolean vk_vault_secret_is_configured(const VkProgram *program, const char *url)
{
	g_autofree char *section = vk_vault_section(program, url);
	g_autofree char *path = key_file(program, section);

	return path || vk_settings_get(program->settings, section, "key_command");
}

VkSecret *vk_vault_secret_read(const char *path, GError **error)
{
	VK_AUTOFD fd = vk_io_open_regular(AT_FDCWD, path, path, error);
	guint8 bytes[VK_SECRET_MAX + 1];
	VkSecret *secret = NULL;
	struct stat facts;
	gsize length;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &facts) < 0 || (facts.st_mode & 077) != 0) {
		vk_fail(error, VK_ERROR_DENIED,
			"others may read the key file '%s': take their rights away with "
			"'chmod go= FILE'",
			path);
		return NULL;
	}
	if (!vk_io_read(fd, path, 0, bytes, sizeof(bytes), &length, error))
		return NULL;
	if (length > VK_SECRET_MAX)
		vk_fail(error, VK_ERROR_USAGE, "the key file '%s' has more than %u bytes", path,
			VK_SECRET_MAX);
	else if (length == 0)
		vk_fail(error, VK_ERROR_USAGE, "the key file '%s' is empty", path);
	else
		secret = vk_secret_new(bytes, length);
	vk_wipe(bytes, sizeof(bytes));
	return secret;
}

static VkSecret *ask(const char *url, const char *section, GError **error)
{
	g_autofree char *prompt = g_strdup_printf("passphrase of the vault '%s': ", url);

	if (vk_terminal_is_there())
		return vk_terminal_ask(prompt, error);
	vk_fail(error, VK_ERROR_DENIED,
		"the vault '%s' is encrypted, and there is no terminal to ask for its passphrase: "
		"set key_file or key_command in [%s]%s",
		url, section, vk_vault_section_name(section) ? "" : ", or " VARIABLE);
	return NULL;
}

VkSecret *vk_vault_secret_find(const VkProgram *program, const char *url, GError **error)
{
	g_autofree char *section = vk_vault_section(program, url);
	g_autofree char *path = key_file(program, section);
	const char *command = vk_settings_get(program->settings, section, "key_command");

	if (path)
		return vk_vault_secret_read(path, error);
	if (command)
		return vk_key_command_run(command, error);
	return ask(url, section, error);
}

VkSecret *vk_vault_secret_ask_new(const char *purpose, GError **error)
{
	g_autofree char *first = g_strdup_printf("new passphrase for %s: ", purpose);
	g_autoptr(VkSecret) secret = vk_terminal_ask(first, error);
	g_autoptr(VkSecret) again = secret ? vk_terminal_ask("the same again: ", error) : NULL;

	if (!again)
		return NULL;
	if (vk_secret_equal(secret, again))
		return g_steal_pointer(&secret);
	vk_fail(error, VK_ERROR_USAGE, "the two passphrases are not the same");
	return NULL;
}
