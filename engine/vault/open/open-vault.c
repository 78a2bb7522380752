/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "open-vault.h"

#include "known-vaults.h"
#include "vault-secret.h"
#include "vault-section.h"

#include "current-task.h"
#include "errors.h"
#include "event.h"
#include "log.h"
#include "s3-access.h"
#include "user-defaults.h"

#include <string.h>

static const char *state_dir(const VkProgram *program)
{
	return vk_settings_get(program->settings, "vault", "state_dir");
}

static gboolean is_bucket(const char *place)
{
	return g_str_has_prefix(place, "s3:");
}

void vk_open_set_access(const VkProgram *program, const char *url)
{
	const VkSettings *settings = program->settings;
	g_autofree char *section = vk_vault_section(program, url);
	VkS3Access access = {
		.key_file = vk_settings_get(settings, section, "s3_key_file"),
		.profile = vk_settings_get(settings, section, "s3_profile"),
		.region = vk_settings_get(settings, section, "s3_region"),
		.ca_file = vk_settings_get(settings, section, "s3_ca_file"),
		.uploads = (guint)vk_settings_get_uint(settings, section, "s3_uploads"),
	};

	access.has_bucket_host =
		strcmp(vk_settings_get(settings, section, "s3_style"), "host") == 0;
	vk_s3_access_set(&access);
}

/* A vault that only the command line names may not be there yet. */
static gboolean is_configured(const VkProgram *program, const char *place)
{
	g_autofree char *section = vk_vault_section(program, place);

	return vk_vault_section_name(section) ||
	       vk_vault_leads_to(program, g_getenv("VIRTKEEP_VAULT"), place) ||
	       vk_vault_leads_to(program, vk_settings_get(program->settings, "vault", "url"),
				 place);
}

/* Sets the error to TROUBLE with what to do about it. */
static void fail_missing(const VkProgram *program, const char *place, const GError *trouble,
			 GError **error)
{
	g_autoptr(GPtrArray) known = vk_known_vaults_at(state_dir(program), place);

	if (known->len > 0)
		vk_fail(error, VK_ERROR_NOT_FOUND, "%s, but the vault %s was there: %s",
			trouble->message, (const char *)g_ptr_array_index(known, 0),
			is_bucket(place) ? "somebody has removed it, or it is another bucket"
					 : "the file system that it lies on is probably not "
					   "mounted; mount it and try again");
	else if (is_bucket(place))
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"%s: check the URL, or make a new vault with 'virtkeep --vault %s init'",
			trouble->message, place);
	else if (is_configured(program, place))
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"%s: the file system that it belongs on may not be mounted; mount it "
			"and try again",
			trouble->message);
	else
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"%s: mount the file system that it lies on, or make a new vault with "
			"'virtkeep --vault %s init'",
			trouble->message, place);
}

static gboolean contains(const GPtrArray *ids, const char *id)
{
	for (guint i = 0; i < ids->len; i++)
		if (strcmp(g_ptr_array_index(ids, i), id) == 0)
			return TRUE;
	return FALSE;
}

/* Only for a vault that is written. A vault that was only read need not be there the next time. */
static void remember(const VkProgram *program, const VkVault *vault)
{
	const char *place = vk_vault_place(vault), *id = vk_vault_id(vault);
	g_autoptr(GPtrArray) known = vk_known_vaults_at(state_dir(program), place);

	if (known->len > 0 && !contains(known, id))
		vk_log_warning("'%s' is another vault than before: %s, not %s", place, id,
			       (const char *)g_ptr_array_index(known, 0));
	vk_known_vaults_add(state_dir(program), vault);
}

static VkSecret *find_secret(gconstpointer user, const char *url, GError **error)
{
	return vk_vault_secret_find(user, url, error);
}

/* A vault that another one was put in the place of must not get data in the clear. */
static gboolean check_encrypted(const VkProgram *program, const VkVault *vault, GError **error)
{
	const char *place = vk_vault_place(vault);

	if (vk_vault_is_encrypted(vault))
		return TRUE;
	if (vk_vault_secret_is_configured(program, place))
		return vk_fail(error, VK_ERROR_FAILED,
			       "the vault '%s' is not encrypted, although there is a key for it: "
			       "it is another vault, or VIRTKEEP_KEY_FILE, key_file or "
			       "key_command is set by mistake",
			       place);
	return !vk_known_vaults_was_encrypted(state_dir(program), place, vk_vault_id(vault)) ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "the vault '%s' is not encrypted, and the one that was there is: somebody "
		       "has put another vault in its place",
		       place);
}

/* As vk_vault_open_locked(). */
static VkVault *open_with_secret(const VkProgram *program, const char *url, VkVaultMode mode,
				 GError **error)
{
	const VkUnlock unlock = {.ask = find_secret, .user = program};
	g_autoptr(VkVault) vault = vk_vault_open_locked(url, mode, &unlock, error);

	return vault && check_encrypted(program, vault, error) ? g_steal_pointer(&vault) : NULL;
}

/*
 * A copy of the vault in another place may be an older one, so what was seen here does not
 * count there. New string.
 */
static char *memory_path(const VkProgram *program, const VkVault *vault)
{
	g_autofree char *sum =
		g_compute_checksum_for_string(G_CHECKSUM_SHA256, vk_vault_place(vault), -1);

	return g_strdup_printf("%s/%.32s-%s.sqlite", state_dir(program), sum, vk_vault_id(vault));
}

/* New string. */
static char *cache_directory(const VkProgram *program)
{
	const char *given = vk_settings_get(program->settings, "cache", "dir");

	return given ? g_strdup(given) : vk_user_cache_directory();
}

static guint64 cache_size(const VkProgram *program)
{
	return vk_settings_get_uint(program->settings, "cache", "size") << 20;
}

/* What it does with packs is not known. */
static VkVault *open_vault(const VkProgram *program, const char *url, VkVaultMode mode,
			   GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autofree char *place = NULL;
	g_autofree char *cache = cache_directory(program);
	VkVault *vault;

	url = url ? vk_program_find_vault(program, url, error)
		  : vk_program_vault_url(program, error);
	place = url ? vk_vault_url_place(url, error) : NULL;
	if (!place)
		return NULL;
	vk_open_set_access(program, url);
	vk_event_set_vault(place);
	vault = open_with_secret(program, url, mode, &trouble);
	if (!vault && g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		fail_missing(program, place, trouble, error);
	else if (!vault)
		g_propagate_error(error, g_steal_pointer(&trouble));
	else if (mode == VK_VAULT_WRITE)
		remember(program, vault);
	if (vault)
		vk_vault_set_warn(vault, vk_log_warning);
	if (vault && mode != VK_VAULT_OUTSIDE) {
		g_autofree char *memory = memory_path(program, vault);

		vk_vault_set_memory(vault, memory);
		vk_vault_set_cache_directory(vault, cache);
		vk_task_set_vault(place, vk_vault_id(vault));
	}
	return vault;
}

VkVault *vk_open_vault(const VkProgram *program, const char *url, VkVaultMode mode, GError **error)
{
	g_autofree char *cache = cache_directory(program);
	VkVault *vault = open_vault(program, url, mode, error);

	if (vault && mode == VK_VAULT_WRITE && cache_size(program) > 0)
		vk_vault_keep_reads(vault, cache, cache_size(program), FALSE);
	return vault;
}

VkVault *vk_open_vault_to_read(const VkProgram *program, const char *url, gboolean once,
			       GError **error)
{
	g_autofree char *cache = cache_directory(program);
	guint64 size = cache_size(program);
	VkVault *vault = open_vault(program, url, VK_VAULT_READ, error);

	if (vault)
		vk_vault_keep_reads(vault, once || size == 0 ? NULL : cache, size, TRUE);
	return vault;
}

/* The URL of the vault that is to be made. Borrowed; NULL: it must not be. */
static const char *check_place(const VkProgram *program, VkMakeFlags flags, GError **error)
{
	const char *url = vk_program_vault_url(program, error);
	g_autofree char *place = url ? vk_vault_url_place(url, error) : NULL;
	g_autoptr(GPtrArray) known = NULL;

	if (!place)
		return NULL;
	vk_open_set_access(program, url);
	known = vk_known_vaults_at(state_dir(program), place);
	if (known->len == 0 || flags & VK_MAKE_FORCE || vk_vault_is_there(place))
		return url;
	vk_fail(error, VK_ERROR_EXISTS,
		"the vault %s was at '%s': %s; 'init --force' makes a new vault there "
		"nevertheless",
		(const char *)g_ptr_array_index(known, 0), place,
		is_bucket(place) ? "somebody has removed it, or it is another bucket"
				 : "the file system that it lies on is probably not mounted");
	return NULL;
}

VkVault *vk_make_vault(const VkProgram *program, VkMakeFlags flags, GError **error)
{
	const char *url = check_place(program, flags, error);
	const VkNewVault how = {.parity = (flags & VK_MAKE_PARITY) != 0};
	VkVault *vault;

	if (url && vk_vault_secret_is_configured(program, url)) {
		vk_fail(error, VK_ERROR_USAGE,
			"there is a key for the vault: write --encrypt, or unset "
			"VIRTKEEP_KEY_FILE, key_file and key_command");
		return NULL;
	}
	vault = url ? vk_vault_init_as(url, &how, error) : NULL;

	if (vault)
		vk_known_vaults_add(state_dir(program), vault);
	return vault;
}

static gboolean is_there(const char *url)
{
	g_autofree char *place = vk_vault_url_place(url, NULL);

	return place && vk_vault_is_there(place);
}

VkVault *vk_make_encrypted_vault(const VkProgram *program, const char *label, VkMakeFlags flags,
				 GError **error)
{
	const char *url = check_place(program, flags, error);
	gboolean from_file = url && vk_vault_secret_is_configured(program, url);
	g_autoptr(VkSecret) secret = NULL;
	VkNewKey key = {.label = label ? label : ""};
	const VkNewVault how = {.key = &key, .parity = (flags & VK_MAKE_PARITY) != 0};
	VkVault *vault;

	if (!url)
		return NULL;
	if (is_there(url)) {
		vk_fail(error, VK_ERROR_EXISTS, "'%s' is a vault already", url);
		return NULL;
	}
	secret = from_file ? vk_vault_secret_find(program, url, error)
			   : vk_vault_secret_ask_new("the vault", error);
	if (!secret)
		return NULL;
	key.secret = secret;
	vault = vk_vault_init_as(url, &how, error);
	if (vault)
		vk_known_vaults_add(state_dir(program), vault);
	return vault;
}
