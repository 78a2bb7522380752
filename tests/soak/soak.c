/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program of the case "soak":
 *
 *   soak VAULT LEDGER SEED write GUEST
 *   soak VAULT LEDGER SEED collect SUSPECT-MS
 *   soak VAULT LEDGER SEED copy NEW-VAULT
 *   soak VAULT LEDGER SEED check KEPT
 *   soak VAULT LEDGER SEED dead
 *   soak VAULT LEDGER SEED compare FILE GUEST ID TARGET
 *   soak VAULT LEDGER SEED read MOUNT
 *
 * Its exit statuses are those of virtkeep: 4 when somebody else was in the way, or a mount went.
 */
#include "soak.h"

#include "collect.h"
#include "errors.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gboolean warned;

static void note_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* What is said of dates is right: the writers are too fast for the seconds. */
static void note_warning(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	if (!strstr(text, "holds snapshots back"))
		return;
	warned = TRUE;
	fprintf(stderr, "soak: %s\n", text);
}

VkVault *soak_open(const Soak *soak, VkVaultMode mode, GError **error)
{
	g_autofree char *memory = g_build_filename(soak->ledger, "memory", NULL);
	VkVault *vault = vk_vault_open(soak->vault, mode, error);

	if (!vault)
		return NULL;
	vk_vault_set_memory(vault, memory);
	vk_vault_set_warn(vault, note_warning);
	return vault;
}

char *soak_ledger_path(const Soak *soak, const char *guest, const char *id, const char *suffix)
{
	return g_strdup_printf("%s/%s/%s.%s", soak->ledger, guest, id, suffix);
}

/* As "virtkeep gc", but it takes others for dead after a moment, not after half an hour. */
static gboolean collect(const Soak *soak, gint64 suspect_usec, GError **error)
{
	const VkCollectOptions options = {.suspect_usec = suspect_usec};
	g_autoptr(VkVault) vault = soak_open(soak, VK_VAULT_WRITE, error);
	VkCollectResult result;

	if (!vault || !vk_collect(vault, &options, &result, error))
		return FALSE;
	g_print("%u snapshots removed, %u packs deleted, %u compacted\n", result.snapshots,
		result.packs, result.compacted);
	return TRUE;
}

/* ARGUMENTS are COUNT, the first of them the command. */
static gboolean run(const Soak *soak, int count, char **arguments, GError **error)
{
	const char *command = arguments[0];

	if (g_str_equal(command, "write") && count == 2)
		return soak_write(soak, arguments[1], error);
	if (g_str_equal(command, "collect") && count == 2)
		return collect(soak, g_ascii_strtoll(arguments[1], NULL, 10) * 1000, error);
	if (g_str_equal(command, "copy") && count == 2)
		return soak_copy(soak, arguments[1], error);
	if (g_str_equal(command, "check") && count == 2)
		return soak_check(soak, (guint)g_ascii_strtoull(arguments[1], NULL, 10), error);
	if (g_str_equal(command, "dead") && count == 1)
		return soak_dead(soak, error);
	if (g_str_equal(command, "compare") && count == 5)
		return soak_compare(soak, arguments[1], arguments[2], arguments[3], arguments[4],
				    error);
	if (g_str_equal(command, "read") && count == 2)
		return soak_read(soak, arguments[1], error);
	return vk_fail(error, VK_ERROR_USAGE, "unknown command '%s'", command);
}

int main(int argc, char **argv)
{
	Soak soak = {0};
	g_autoptr(GError) error = NULL;

	if (argc < 5) {
		fputs("usage: soak VAULT LEDGER SEED COMMAND [ARGUMENT...]\n", stderr);
		return 2;
	}
	soak = (Soak){.vault = argv[1],
		      .ledger = argv[2],
		      .random = g_rand_new_with_seed((guint32)strtoul(argv[3], NULL, 10))};
	if (!run(&soak, argc - 4, argv + 4, &error))
		fprintf(stderr, "soak: %s\n", error->message);
	g_rand_free(soak.random);
	if (!error && warned)
		return EXIT_FAILURE;
	return g_error_matches(error, VK_ERROR, VK_ERROR_CHANGED) ? VK_ERROR_BUSY
								  : vk_exit_status(error);
}
