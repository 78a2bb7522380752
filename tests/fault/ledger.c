/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger.h"

#include "catalog-chain.h"
#include "catalog-expire.h"
#include "catalog.h"
#include "checked-json.h"
#include "damages.h"
#include "memory-source.h"
#include "temp-vault.h"
#include "vault-image.h"
#include "vault-leases.h"
#include "vault-parts.h"

#include <check.h>
#include <string.h>

/* Of all ledgers. */
static GMutex mutex;

void ledger_copy(const Ledger *ledger, Ledger *ret)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);

	*ret = *ledger;
}

static const LedgerEntry *find(const Ledger *ledger, const char *id)
{
	for (guint i = 0; i < ledger->count; i++)
		if (strcmp(ledger->entries[i].id, id) == 0)
			return &ledger->entries[i];
	return NULL;
}

static void note(Ledger *ledger, const char *id, gboolean may_be_listed, gboolean may_be_hidden)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	LedgerEntry *entry = &ledger->entries[find(ledger, id) - ledger->entries];

	entry->may_be_listed = may_be_listed;
	entry->may_be_hidden = may_be_hidden;
}

static void add(Ledger *ledger, const char *id, const char *content)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	LedgerEntry *entry = &ledger->entries[ledger->count];

	g_assert(ledger->count < LEDGER_ENTRIES_MAX);
	g_assert(strlen(content) <= LEDGER_BLOCKS_MAX);
	*entry = (LedgerEntry){.may_be_hidden = TRUE};
	g_strlcpy(entry->id, id, sizeof(entry->id));
	g_strlcpy(entry->content, content, sizeof(entry->content));
	ledger->count++;
}

VkSnapshot *ledger_save(Ledger *ledger, VkVault *vault, VkSession *session, char guest,
			const char *content)
{
	g_autofree char *uuid = g_strdup_printf("11111111-2222-3333-4444-55555555555%c", guest);
	MemSource *source = mem_source_of_blocks(content);
	g_autoptr(VkSnapshot) parent = vk_catalog_find(vault, uuid, NULL);
	VkSaveStats stats = {0};
	VkImageRecord *record =
		vk_session_save(session, &source->base,
				parent ? ((VkDiskRecord *)parent->disks->pdata[0])->image : NULL,
				&stats, NULL, NULL);
	VkSnapshot *snapshot;

	vk_source_free(&source->base);
	if (!record)
		return NULL;
	snapshot = make_snapshot(uuid, "20260102T030405Z", record);
	add(ledger, snapshot->id, content);
	return snapshot;
}

/* What a host remembers of it. */
static void note_chain(Ledger *ledger, const VkSnapshot *snapshot)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&mutex);
	LedgerEntry *entry = &ledger->entries[find(ledger, snapshot->id) - ledger->entries];
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	g_autofree char *sum = vk_checked_json_sum(object);

	g_strlcpy(entry->uuid, snapshot->uuid, sizeof(entry->uuid));
	g_strlcpy(entry->time, snapshot->time, sizeof(entry->time));
	g_strlcpy(entry->sha256, sum, sizeof(entry->sha256));
	entry->number = snapshot->number;
}

gboolean ledger_commit(Ledger *ledger, VkSession *session, VkSnapshot *snapshot)
{
	gboolean done;

	note(ledger, snapshot->id, TRUE, TRUE);
	done = vk_session_commit(session, snapshot, NULL);
	if (done) {
		note(ledger, snapshot->id, TRUE, FALSE);
		note_chain(ledger, snapshot);
	}
	vk_snapshot_free(snapshot);
	return done;
}

void ledger_back_up(Ledger *ledger, VkVault *vault, char guest, const char *content)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	VkSnapshot *snapshot = session ? ledger_save(ledger, vault, session, guest, content) : NULL;

	ck_assert_ptr_nonnull(snapshot);
	ck_assert(ledger_commit(ledger, session, snapshot));
}

/* New; NULL: it is not there. */
static VkSnapshotKey *find_key(VkVault *vault, const char *id)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, NULL);

	for (guint i = 0; keys && i < keys->len; i++)
		if (strcmp(((VkSnapshotKey *)keys->pdata[i])->id, id) == 0)
			return g_ptr_array_steal_index(keys, i);
	return NULL;
}

gboolean ledger_forget(Ledger *ledger, VkVault *vault, guint index)
{
	const char *id = ledger->entries[index].id;
	g_autoptr(VkSnapshotKey) key = find_key(vault, id);

	note(ledger, id, TRUE, TRUE);
	if (!key || !vk_catalog_forget(vault, key, NULL, NULL))
		return FALSE;
	note(ledger, id, FALSE, TRUE);
	return TRUE;
}

gboolean ledger_unforget(Ledger *ledger, VkVault *vault, guint index)
{
	const char *id = ledger->entries[index].id;
	g_autoptr(VkSnapshotKey) key = find_key(vault, id);

	note(ledger, id, TRUE, TRUE);
	if (!key || !vk_catalog_unforget(vault, key, NULL))
		return FALSE;
	note(ledger, id, TRUE, FALSE);
	return TRUE;
}

gboolean ledger_expire(Ledger *ledger, VkVault *vault, guint index)
{
	const char *id = ledger->entries[index].id;
	g_autoptr(VkSnapshotKey) key = find_key(vault, id);
	g_autoptr(VkSnapshot) snapshot = key ? vk_catalog_load(vault, key, NULL) : NULL;
	gboolean may_go;

	note(ledger, id, TRUE, TRUE);
	vk_vault_clear_leases(vault);
	if (!snapshot || !vk_catalog_expire(vault, key, snapshot, &may_go, NULL))
		return FALSE;
	ck_assert(!may_go);
	note(ledger, id, TRUE, FALSE);
	return TRUE;
}

static void check_content(VkVault *vault, const VkSnapshotKey *key, const LedgerEntry *entry)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, &error);
	g_autoptr(VkImage) image =
		snapshot ? vk_vault_image_open(vault,
					       ((VkDiskRecord *)snapshot->disks->pdata[0])->image,
					       &error)
			 : NULL;
	MemSource *model = mem_source_of_blocks(entry->content);
	g_autofree guint8 *bytes = g_malloc(model->base.size);

	ck_assert_msg(image, "'%s': %s", entry->content, error ? error->message : "");
	ck_assert_uint_eq(image->size, model->base.size);
	ck_assert_msg(vk_image_read(image, 0, bytes, model->base.size, &error), "'%s': %s",
		      entry->content, error ? error->message : "");
	ck_assert(memcmp(bytes, model->bytes, model->base.size) == 0);
	vk_source_free(&model->base);
}

/* Which entries are listed. What is not in the ledger must not be there. */
static void find_listed(VkVault *vault, const Ledger *ledger, gboolean *ret_listed)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, NULL, NULL);

	ck_assert_ptr_nonnull(keys);
	memset(ret_listed, 0, LEDGER_ENTRIES_MAX * sizeof(*ret_listed));
	for (guint i = 0; i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);
		const LedgerEntry *entry = find(ledger, key->id);

		ck_assert_ptr_nonnull(entry);
		ret_listed[entry - ledger->entries] = !key->forgotten;
		check_content(vault, key, entry);
	}
}

/* The vault is opened by a host that has seen all that was committed. */
static void remember(VkVault *vault, const Ledger *ledger)
{
	g_autofree char *path = g_build_filename(vault->directory, "seen.sqlite", NULL);
	g_autoptr(GPtrArray) ends =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_chain_end_free);

	for (guint i = 0; i < ledger->count; i++) {
		const LedgerEntry *entry = &ledger->entries[i];

		if (entry->number > 0)
			g_ptr_array_add(ends,
					vk_chain_end_new(entry->uuid, entry->number, entry->time,
							 entry->id, entry->sha256));
	}
	vk_vault_set_memory(vault, path);
	vk_chain_memory_advance(vault->memory, ends);
}

/* Neither at once nor when it is opened again, after a check has remembered what it saw. */
static void check_chains(const char *directory)
{
	g_autofree char *path = g_build_filename(directory, "seen.sqlite", NULL);
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	g_autoptr(GPtrArray) texts = NULL;

	vk_vault_set_memory(vault, path);
	texts = vk_chain_missing(vault, NULL);
	ck_assert_msg(texts->len == 0, "'%s': %s", directory, (const char *)texts->pdata[0]);
}

void ledger_check(const Ledger *ledger, const char *directory)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, &error);
	g_autoptr(VkCheckResult) result = NULL;
	gboolean listed[LEDGER_ENTRIES_MAX];
	g_autofree char *first = NULL;

	ck_assert_msg(vault, "'%s': %s", directory, error ? error->message : "");
	remember(vault, ledger);
	check_chains(directory);
	result = check_guests(vault, NULL, TRUE, &error);
	ck_assert_msg(result, "'%s': %s", directory, error ? error->message : "");
	first = first_damage(result);
	ck_assert_msg(result->errors->len == 0, "'%s': %s", directory, first);
	check_chains(directory);
	find_listed(vault, ledger, listed);
	for (guint i = 0; i < ledger->count; i++)
		ck_assert_msg(listed[i] ? ledger->entries[i].may_be_listed
					: ledger->entries[i].may_be_hidden,
			      "'%s' is %slisted in '%s'", ledger->entries[i].content,
			      listed[i] ? "" : "not ", directory);
}

void ledger_settle(Ledger *ledger, const char *directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	gboolean listed[LEDGER_ENTRIES_MAX];

	find_listed(vault, ledger, listed);
	for (guint i = 0; i < ledger->count; i++) {
		ledger->entries[i].may_be_listed = listed[i];
		ledger->entries[i].may_be_hidden = !listed[i];
	}
}
