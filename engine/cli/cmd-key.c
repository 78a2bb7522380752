/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "errors.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "new-file.h"
#include "open-vault.h"
#include "table.h"
#include "text.h"
#include "vault-secret.h"
#include "vault-slots.h"

#include <stdio.h>
#include <string.h>

/* No export is larger. */
#define EXPORT_BYTES_MAX (1 << 20)

typedef struct {
	char *role, *label, *new_key_file;
	gboolean paper;
} Arguments;

static void arguments_clear(Arguments *arguments)
{
	g_free(arguments->role);
	g_free(arguments->label);
	g_free(arguments->new_key_file);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static const char *kind_word(const VkKeySlot *slot)
{
	return slot->is_file ? "key file" : "passphrase";
}

static json_t *slot_to_json(const VkKeySlot *slot, gboolean in_use)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:b}", "id", slot->id, "role",
			 vk_role_word(slot->role), "kind", slot->is_file ? "file" : "passphrase",
			 "label", vk_json_new_string(slot->label), "created", slot->created,
			 "in_use", in_use);
}

static gboolean list(const VkProgram *program, const VkVault *vault, GError **error)
{
	g_autoptr(GPtrArray) slots = vk_vault_slots(vault, vk_log_warning, error);
	g_autoptr(VkTable) table =
		vk_table_new("KEY", "ROLE", "KIND", "LABEL", "CREATED", "IN USE", NULL);
	g_autoptr(json_t) report = json_array();

	if (!slots)
		return FALSE;
	for (guint i = 0; i < slots->len; i++) {
		const VkKeySlot *slot = slots->pdata[i];
		gboolean in_use = g_strcmp0(slot->id, vk_vault_slot_in_use(vault)) == 0;

		json_array_append_new(report, slot_to_json(slot, in_use));
		vk_table_add(table, slot->id, vk_role_word(slot->role), kind_word(slot),
			     *slot->label ? slot->label : "-", slot->created, in_use ? "yes" : "",
			     NULL);
	}
	if (program->json)
		vk_json_print(report);
	else
		vk_table_print(table);
	return TRUE;
}

/* The content of the file if it is there; else a new one is made with random bytes. */
static VkSecret *read_or_make(const char *path, GError **error)
{
	g_autoptr(VkNewFile) file = NULL;
	g_autoptr(VkSecret) secret = NULL;
	guint8 bytes[VK_KEY_FILE_MIN];

	if (g_file_test(path, G_FILE_TEST_EXISTS))
		return vk_vault_secret_read(path, error);
	vk_random_bytes(bytes, sizeof(bytes));
	secret = vk_secret_new(bytes, sizeof(bytes));
	vk_wipe(bytes, sizeof(bytes));
	file = vk_new_file_create(path, 0600, error);
	return file &&
			       vk_io_write(vk_new_file_fd(file), path, 0, secret->bytes,
					   secret->length, error) &&
			       vk_new_file_commit(file, FALSE, error)
		       ? g_steal_pointer(&secret)
		       : NULL;
}

static void report_added(const VkProgram *program, const char *id, VkRole role)
{
	g_autoptr(json_t) report = json_pack("{s:s, s:s}", "id", id, "role", vk_role_word(role));

	if (program->json)
		vk_json_print(report);
	else if (!vk_log_is_quiet())
		vk_print_line(stdout, "key %s of role %s added", id, vk_role_word(role));
}

/* The secret of a new key: the content of the new key file, or it is typed. */
static VkSecret *new_secret(const Arguments *arguments, GError **error)
{
	return arguments->new_key_file ? read_or_make(arguments->new_key_file, error)
				       : vk_vault_secret_ask_new("the new key", error);
}

static gboolean add(const VkProgram *program, VkVault *vault, const Arguments *arguments,
		    GError **error)
{
	VkNewKey key = {.label = arguments->label ? arguments->label : ""};
	g_autoptr(VkSecret) secret = NULL;
	g_autofree char *id = NULL;
	VkRole role = VK_ROLE_FULL;

	if (arguments->role && !vk_role_parse(arguments->role, &role))
		return vk_fail(error, VK_ERROR_USAGE,
			       "there is no role '%s': write full, backup, restore, collect or "
			       "append",
			       arguments->role);
	if (!vk_vault_may_add_slots(vault, error))
		return FALSE;
	key.secret = secret = new_secret(arguments, error);
	if (!secret || !vk_vault_add_slot(vault, role, &key, &id, error))
		return FALSE;
	report_added(program, id, role);
	return TRUE;
}

/* The slot of the list with this id. Borrowed. */
static const VkKeySlot *find_slot(const GPtrArray *slots, const char *id)
{
	for (guint i = 0; i < slots->len; i++) {
		const VkKeySlot *slot = slots->pdata[i];

		if (strcmp(slot->id, id) == 0)
			return slot;
	}
	return NULL;
}

/* The new slot is there before the old one goes. */
static gboolean change(const VkProgram *program, VkVault *vault, const Arguments *arguments,
		       GError **error)
{
	g_autoptr(GPtrArray) slots = vk_vault_slots(vault, vk_log_warning, error);
	const VkKeySlot *old = slots ? find_slot(slots, vk_vault_slot_in_use(vault)) : NULL;
	g_autoptr(VkSecret) secret = NULL;
	g_autofree char *id = NULL;
	VkNewKey key = {.label = arguments->label};

	if (!slots)
		return FALSE;
	if (!old)
		return vk_fail(error, VK_ERROR_NOT_FOUND, "the key in use is not there any more");
	if (!key.label)
		key.label = old->label;
	key.secret = secret = new_secret(arguments, error);
	if (!secret || !vk_vault_change_slot(vault, &key, &id, error))
		return FALSE;
	report_added(program, id, old->role);
	return TRUE;
}

static gboolean remove_slot(VkVault *vault, const char *id, GError **error)
{
	if (!vk_vault_remove_slot(vault, id, error))
		return FALSE;
	if (!vk_log_is_quiet())
		vk_print_line(stdout,
			      "key %s removed; who has it and a copy of the key slots still reads "
			      "what is in the vault now",
			      id);
	return TRUE;
}

/* 160 random bits in words that can be typed: a passphrase. New. */
static char *new_code(void)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	guint8 bytes[32];
	GString *code = g_string_sized_new(2 * sizeof(bytes));

	G_STATIC_ASSERT(sizeof(letters) == 33);
	vk_random_bytes(bytes, sizeof(bytes));
	for (guint i = 0; i < sizeof(bytes); i++) {
		if (i > 0 && i % 4 == 0)
			g_string_append_c(code, '-');
		g_string_append_c(code, letters[bytes[i] % 32]);
	}
	vk_wipe(bytes, sizeof(bytes));
	return g_string_free(code, FALSE);
}

static void print_paper(const VkVault *vault, const char *id, const char *code)
{
	vk_print_line(stdout, "RECOVERY SHEET of the virtkeep vault %s", vk_vault_id(vault));
	vk_print_line(stdout, "  place:      %s", vk_vault_url(vault));
	vk_print_line(stdout, "  key:        %s, role full", id);
	vk_print_line(stdout, "  passphrase: %s", code);
	vk_print_line(stdout,
		      "Print this and lock it away. Who has it reads everything in the vault.");
	vk_print_line(stdout, "To use it, open the vault without a key file, and type the "
			      "passphrase, dashes included.");
	vk_print_line(stdout, "If it is lost, end its power: virtkeep key remove %s", id);
}

static gboolean export_paper(VkVault *vault, GError **error)
{
	g_autofree char *code = new_code(), *id = NULL;
	g_autoptr(VkSecret) secret = vk_secret_new(code, strlen(code));
	const VkNewKey key = {.secret = secret, .label = "recovery sheet"};
	gboolean added = vk_vault_add_slot(vault, VK_ROLE_FULL, &key, &id, error);

	if (added)
		print_paper(vault, id, code);
	vk_wipe(code, strlen(code));
	return added;
}

static gboolean export(VkVault *vault, const Arguments *arguments, GError **error)
{
	g_autoptr(json_t) slots = NULL;

	if (arguments->paper)
		return export_paper(vault, error);
	slots = vk_vault_export_slots(vault, error);
	if (!slots)
		return FALSE;
	vk_json_print(slots);
	return TRUE;
}

/* No key is needed for that, nor is there one that opens the vault. */
static gboolean import(const VkProgram *program, const char *path, GError **error)
{
	const char *url = vk_program_vault_url(program, error);
	g_autofree char *text = NULL;
	g_autoptr(json_t) exported = NULL;
	gsize length;
	guint count;

	if (!url || !vk_io_read_whole(path, EXPORT_BYTES_MAX, &text, &length, error))
		return FALSE;
	exported = vk_json_parse(text, length, path, error);
	vk_open_set_access(program, url);
	if (!exported || !vk_vault_import_slots(url, exported, &count, error))
		return FALSE;
	if (!vk_log_is_quiet()) {
		g_autofree char *keys = vk_count_text(count, "key");

		vk_print_line(stdout, "%s put back", keys);
	}
	return TRUE;
}

static gboolean run(VkProgram *program, const char *verb, const char *id,
		    const Arguments *arguments, GError **error)
{
	gboolean reads =
		strcmp(verb, "list") == 0 || (strcmp(verb, "export") == 0 && !arguments->paper);
	g_autoptr(VkVault) vault = NULL;

	if (strcmp(verb, "import") == 0)
		return import(program, id, error);
	vault = vk_open_vault(program, NULL, reads ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	if (!vault)
		return FALSE;
	if (strcmp(verb, "list") == 0)
		return list(program, vault, error);
	if (strcmp(verb, "add") == 0)
		return add(program, vault, arguments, error);
	if (strcmp(verb, "change") == 0)
		return change(program, vault, arguments, error);
	if (strcmp(verb, "remove") == 0)
		return remove_slot(vault, id, error);
	return export(vault, arguments, error);
}

gboolean vk_cmd_key(VkProgram *program, int argc, char **argv, GError **error)
{
	static const char *const verbs[] = {"list",   "add",    "change", "remove",
					    "export", "import", NULL};
	g_auto(Arguments) own = {0};
	const GOptionEntry entries[] = {
		{"role", 0, 0, G_OPTION_ARG_STRING, &own.role,
		 "add: full, backup, restore, collect or append; full if not given", "ROLE"},
		{"label", 0, 0, G_OPTION_ARG_STRING, &own.label,
		 "add, change: what the key is called", "TEXT"},
		{"new-key-file", 0, 0, G_OPTION_ARG_FILENAME, &own.new_key_file,
		 "add, change: the key is in FILE, which is made if it is not there; else a "
		 "passphrase is asked for",
		 "FILE"},
		{"paper", 0, 0, G_OPTION_ARG_NONE, &own.paper,
		 "export: make a key to be printed and locked away", NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **arguments = NULL;
	const char *verb;
	gboolean takes_word;

	if (!vk_cmd_parse(program,
			  "key list | key add | key change | key remove KEY | key export | key "
			  "import FILE",
			  "Lists the keys of an encrypted vault, adds one, puts another one in the "
			  "place of the\none in use, removes one, prints the key slots, without "
			  "which no key opens the\nvault, or puts printed ones back.",
			  entries, 2, argc, argv, &arguments, error))
		return FALSE;
	verb = arguments[0];
	if (!verb || !g_strv_contains(verbs, verb))
		return vk_fail(error, VK_ERROR_USAGE,
			       "write 'virtkeep key list', 'add', 'change', 'remove KEY', "
			       "'export' or 'import FILE'");
	takes_word = strcmp(verb, "remove") == 0 || strcmp(verb, "import") == 0;
	if (takes_word && !arguments[1])
		return vk_fail(error, VK_ERROR_USAGE, "name %s",
			       strcmp(verb, "import") == 0
				       ? "the file that 'virtkeep key export' made"
				       : "the key that is to be removed; 'virtkeep "
					 "key list' shows what there is");
	if (!takes_word && arguments[1])
		return vk_fail(error, VK_ERROR_USAGE, "'virtkeep key %s' takes no further word",
			       verb);
	return run(program, verb, arguments[1], &own, error);
}
