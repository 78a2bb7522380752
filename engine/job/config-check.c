/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-check.h"

#include "domain.h"
#include "errors.h"
#include "keep-rules.h"
#include "log.h"
#include "agent-mountpoints.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* A problem of the setting, in the words of FORMAT. */
static void add(const VkSettings *settings, GPtrArray *problems, const char *section,
		const char *key, const char *format, ...) G_GNUC_PRINTF(5, 6);

static void add(const VkSettings *settings, GPtrArray *problems, const char *section,
		const char *key, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_ptr_array_add(problems, vk_settings_problem_new(settings, section, key, text));
}

static void check_file(const VkSettings *settings, GPtrArray *problems, const char *section,
		       const char *key, gboolean is_secret)
{
	const char *path = vk_settings_get(settings, section, key);
	struct stat status;

	if (!path)
		return;
	if (stat(path, &status) < 0 || access(path, R_OK) < 0)
		add(settings, problems, section, key, "'%s' cannot be read: %s", path,
		    g_strerror(errno));
	else if (!S_ISREG(status.st_mode))
		add(settings, problems, section, key, "'%s' is not a file", path);
	else if (is_secret && (status.st_mode & (S_IRWXG | S_IRWXO)))
		add(settings, problems, section, key, "others can read '%s': run 'chmod 600' on it",
		    path);
}

static void check_array(const VkSettings *settings, GPtrArray *problems, const char *name)
{
	static const struct {
		const char *key;
		gboolean is_secret;
	} files[] = {
		{"password_file", TRUE},
		{"ca_file", FALSE},
		{"client_cert", FALSE},
		{"client_key", TRUE},
	};
	g_autofree char *section = g_strdup_printf("array %s", name);

	if (!vk_settings_get(settings, section, "url"))
		add(settings, problems, section, "url",
		    "is missing: say where the array listens, as https://cluster1.example.com");
	if (!vk_settings_get(settings, section, "password_file") &&
	    !vk_settings_get(settings, section, "client_cert"))
		add(settings, problems, section, "password_file",
		    "is missing, and so is client_cert: one of them is needed to log in");
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		check_file(settings, problems, section, files[i].key, files[i].is_secret);
}

/* How it is used is checked by who is told: here are the files that it names. */
static void check_notify(const VkSettings *settings, GPtrArray *problems, const char *name)
{
	g_autofree char *section = g_strdup_printf("notify %s", name);

	check_file(settings, problems, section, "password_file", TRUE);
	check_file(settings, problems, section, "secret_file", TRUE);
	check_file(settings, problems, section, "ca_file", FALSE);
}

void vk_config_check_files(const VkSettings *settings, GPtrArray *problems)
{
	g_auto(GStrv) arrays = vk_settings_get_names(settings, "array");
	g_auto(GStrv) targets = vk_settings_get_names(settings, "notify");

	for (char **name = arrays; *name; name++)
		check_array(settings, problems, *name);
	for (char **name = targets; *name; name++)
		check_notify(settings, problems, *name);
}

static void check_policy(const VkSettings *settings, GPtrArray *problems, const char *section,
			 const char *guest)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkKeepRules) rules =
		vk_keep_rules_are_in(settings, section)
			? vk_keep_rules_load(settings, guest, guest, &trouble)
			: NULL;

	if (trouble)
		add(settings, problems, section, NULL, "%s", trouble->message);
}

void vk_config_check_retention(const VkSettings *settings, GPtrArray *problems)
{
	g_auto(GStrv) guests = vk_settings_get_names(settings, "guest");

	check_policy(settings, problems, "retention", NULL);
	for (char **guest = guests; *guest; guest++) {
		g_autofree char *section = g_strdup_printf("guest %s", *guest);

		check_policy(settings, problems, section, *guest);
	}
}

/* Only while the guest runs can it be known. */
static void check_mountpoints(const VkSettings *settings, VkGuest *guest, const char *section,
			      GPtrArray *problems)
{
	g_auto(GStrv) mountpoints = vk_settings_get_words(settings, section, "mountpoints");
	guint timeout_sec = (guint)vk_settings_get_uint(settings, "backup", "agent_timeout");
	VkGuestState state = VK_GUEST_OTHER;
	g_autofree char *missing = NULL;

	if (!mountpoints[0] || !vk_guest_get_state(guest, &state, NULL) ||
	    state != VK_GUEST_RUNNING)
		return;
	missing = vk_mountpoints_missing(guest, mountpoints, timeout_sec);
	if (missing)
		add(settings, problems, section, "mountpoints", "guest '%s': %s",
		    vk_guest_name(guest), missing);
}

static void check_disks(const VkSettings *settings, VkGuest *guest, const char *section,
			GPtrArray *problems)
{
	g_auto(GStrv) targets = vk_settings_get_words(settings, section, "exclude");
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkGuestFacts) facts = vk_guest_get_facts(guest, &trouble);
	g_autoptr(VkDomain) domain = NULL;

	if (facts)
		domain = vk_domain_parse(facts->domain_xml, &trouble);
	if (!domain)
		add(settings, problems, section, NULL, "%s", trouble->message);
	for (char **target = targets; domain && *target; target++)
		if (!vk_domain_find_disk(domain, *target))
			add(settings, problems, section, "exclude", "guest '%s' has no disk '%s'",
			    vk_guest_name(guest), *target);
}

/* A file that several hosts share has sections of guests that are elsewhere. */
static gboolean is_shared(const VkSettings *settings)
{
	g_auto(GStrv) hosts = vk_settings_get_names(settings, "host");

	return hosts[0] != NULL;
}

static void add_absent(const VkSettings *settings, GPtrArray *problems, const char *section,
		       const GError *trouble)
{
	if (is_shared(settings) && g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		vk_log_info("[%s]: %s; it may be another host's", section, trouble->message);
	else
		add(settings, problems, section, NULL, "%s", trouble->message);
}

void vk_config_check_guests(const VkSettings *settings, VkHost *host, GPtrArray *problems)
{
	g_auto(GStrv) names = vk_settings_get_names(settings, "guest");
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

	for (char **name = names; *name; name++) {
		g_autofree char *section = g_strdup_printf("guest %s", *name);
		g_autoptr(GError) trouble = NULL;
		g_autoptr(VkGuest) guest = vk_host_find(host, *name, &trouble);
		const char *other = guest ? g_hash_table_lookup(seen, vk_guest_uuid(guest)) : NULL;

		if (!guest) {
			add_absent(settings, problems, section, trouble);
			continue;
		}
		if (other)
			add(settings, problems, section, NULL,
			    "is for the same guest as [guest %s]: put them together", other);
		g_hash_table_insert(seen, g_strdup(vk_guest_uuid(guest)), g_strdup(*name));
		check_disks(settings, guest, section, problems);
		check_mountpoints(settings, guest, section, problems);
	}
}
