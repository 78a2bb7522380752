/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An encrypted vault: what each role may do, what the directory shows, and that no frame can be
 * altered or moved by somebody who can compute its checksum.
 */
#include "catalog.h"
#include "collect.h"
#include "crc.h"
#include "errors.h"
#include "frame.h"
#include "image-bed.h"
#include "roles.h"
#include "temp-vault.h"
#include "damages.h"
#include "vault-image.h"
#include "vault-parts.h"
#include "vault-slots.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#define SIZE   (2u * 1024 * 1024 + 4096)
#define NOISE  (20u * VK_BLOCK_SIZE)
#define MARKER "this is what the guest wrote"

static MemSource *source;
static VkSnapshot *snapshot;

/* Saves SOURCE by a vault opened with the key of ROLE. */
static VkSnapshot *save_as(VkRole role, const char *time)
{
	g_autoptr(VkVault) own = open_as(directory, role, VK_VAULT_WRITE, NULL);
	g_autoptr(VkSession) session = vk_session_new(own, 1, NULL);
	VkSaveStats stats = {0};
	VkSnapshot *saved;

	ck_assert_ptr_nonnull(session);
	saved = make_snapshot(UUID, time, save(session, source, NULL, &stats));
	ck_assert(vk_session_commit(session, saved, NULL));
	return saved;
}

static void prepare(void)
{
	add_roles(vault);
	source = mem_source_new(SIZE);
	mem_source_scribble(source, seeded, 40, 60);
	/* Some that do not compress, and are as long as each other. */
	for (guint i = NOISE; i < NOISE + 4 * VK_BLOCK_SIZE; i += sizeof(guint32))
		*(guint32 *)(gpointer)(source->bytes + i) = g_rand_int(seeded);
	memset(source->kinds + NOISE / MEM_UNIT, VK_SOURCE_DATA, 4 * VK_BLOCK_SIZE / MEM_UNIT);
	memcpy(source->bytes + 100, MARKER, strlen(MARKER));
	source->kinds[0] = VK_SOURCE_DATA;
	snapshot = save_as(VK_ROLE_FULL, "20260102T030405Z");
}

static void finish(void)
{
	g_clear_pointer(&snapshot, vk_snapshot_free);
	vk_source_free(&source->base);
}

static gboolean reads_as(VkRole role, const VkSnapshot *what, GError **error)
{
	g_autoptr(VkVault) own = open_as(directory, role, VK_VAULT_READ, error);
	g_autoptr(VkImage) image = own ? vk_vault_image_open(own, image_of(what), error) : NULL;
	g_autofree guint8 *bytes = g_malloc(SIZE);

	if (!image || !vk_image_read(image, 0, bytes, SIZE, error))
		return FALSE;
	ck_assert(memcmp(bytes, source->bytes, SIZE) == 0);
	return TRUE;
}

static void check_denied(gboolean done, GError **error)
{
	ck_assert(!done);
	ck_assert_msg(g_error_matches(*error, VK_ERROR, VK_ERROR_DENIED), "%s", (*error)->message);
	g_clear_error(error);
}

START_TEST(who_may_read_blocks)
{
	static const gboolean may[VK_N_ROLES] = {
		[VK_ROLE_FULL] = TRUE, [VK_ROLE_BACKUP] = TRUE, [VK_ROLE_RESTORE] = TRUE};
	GError *error = NULL;

	prepare();
	for (guint role = 0; role < VK_N_ROLES; role++) {
		gboolean done = reads_as((VkRole)role, snapshot, &error);

		if (may[role])
			ck_assert_msg(done, "%s: %s", vk_role_word((VkRole)role),
				      error ? error->message : "");
		else
			check_denied(done, &error);
	}
	finish();
}
END_TEST

/* It is no vault without encryption, whose blocks anybody stores. */
START_TEST(who_has_no_key_stores_and_reads_no_block)
{
	g_autoptr(VkVault) outside = vk_vault_open_locked(directory, VK_VAULT_OUTSIDE, NULL, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_nonnull(outside);
	check_denied(vk_vault_may_read_blocks(outside, &error), &error);
	check_denied(vk_session_new(outside, 1, &error) != NULL, &error);
	check_denied(vk_vault_check_unlocked(outside, &error), &error);
	ck_assert(vk_vault_check_unlocked(vault, NULL));
}
END_TEST

START_TEST(who_may_store_blocks)
{
	static const gboolean may[VK_N_ROLES] = {
		[VK_ROLE_FULL] = TRUE, [VK_ROLE_BACKUP] = TRUE, [VK_ROLE_APPEND] = TRUE};

	prepare();
	for (guint role = 0; role < VK_N_ROLES; role++) {
		GError *error = NULL;
		g_autoptr(VkVault) own = open_as(directory, (VkRole)role, VK_VAULT_WRITE, &error);
		g_autoptr(VkSession) session = own ? vk_session_new(own, 1, &error) : NULL;

		if (may[role])
			ck_assert_ptr_nonnull(session);
		else
			check_denied(session != NULL, &error);
	}
	finish();
}
END_TEST

START_TEST(what_append_wrote_it_cannot_read)
{
	g_autoptr(VkSnapshot) appended = NULL;
	GError *error = NULL;

	prepare();
	/* Nothing in it is stored already. */
	fill_with_noise(source);
	appended = save_as(VK_ROLE_APPEND, "20260103T030405Z");
	check_denied(reads_as(VK_ROLE_APPEND, appended, &error), &error);
	check_denied(reads_as(VK_ROLE_BACKUP, appended, &error), &error);
	ck_assert(reads_as(VK_ROLE_RESTORE, appended, NULL));
	ck_assert(reads_as(VK_ROLE_FULL, appended, NULL));
	finish();
}
END_TEST

/* What is there is found by its id, by whoever has the key for ids. */
START_TEST(what_is_there_is_not_stored_again)
{
	static const VkRole writers[] = {VK_ROLE_BACKUP, VK_ROLE_APPEND};

	prepare();
	for (guint i = 0; i < G_N_ELEMENTS(writers); i++) {
		g_autoptr(VkVault) own = open_as(directory, writers[i], VK_VAULT_WRITE, NULL);
		g_autoptr(VkSession) session = vk_session_new(own, 1, NULL);
		VkSaveStats stats = {0};

		vk_image_record_free(save(session, source, NULL, &stats));
		ck_assert_uint_eq(stats.fresh, 0);
	}
	finish();
}
END_TEST

static void forget_first(VkVault *own)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(own, NULL, NULL);

	ck_assert_uint_eq(keys->len, 2);
	ck_assert(vk_catalog_forget(own, keys->pdata[0], NULL, NULL));
}

/* Of the noise, SOURCE keeps one block of four, so most of a pack is dead, with each seed. */
static void keep_one_of_four(void)
{
	gsize rest = NOISE + VK_BLOCK_SIZE;

	memset(source->bytes, 0, NOISE);
	memset(source->bytes + rest, 0, SIZE - rest);
}

/* A collector without any key of blocks copies the packs' frames as they are. */
START_TEST(who_may_read_no_block_collects)
{
	const VkCollectOptions options = {0};
	VkCollectResult result;
	g_autoptr(VkSnapshot) kept = NULL;
	g_autoptr(VkVault) own = NULL;
	GError *error = NULL;

	prepare();
	keep_one_of_four();
	kept = save_as(VK_ROLE_BACKUP, "20260103T030405Z");
	own = open_as(directory, VK_ROLE_COLLECT, VK_VAULT_WRITE, NULL);
	ck_assert_ptr_nonnull(own);
	for (guint kind = VK_KEY_BLOCKS; kind < VK_N_KEYS; kind++)
		ck_assert_ptr_null(vk_keyring_get(vk_vault_keyring(own), (VkKeyKind)kind));
	forget_first(own);
	ck_assert_msg(vk_collect(own, &options, &result, &error), "%s",
		      error ? error->message : "");
	ck_assert_uint_eq(result.snapshots, 1);
	ck_assert_uint_gt(result.compacted, 0);
	ck_assert(reads_as(VK_ROLE_RESTORE, kept, NULL));
	finish();
}
END_TEST

START_TEST(data_is_verified_by_who_can_read_all)
{
	static const gboolean may[VK_N_ROLES] = {[VK_ROLE_FULL] = TRUE, [VK_ROLE_RESTORE] = TRUE};

	prepare();
	for (guint role = 0; role < VK_N_ROLES; role++) {
		GError *error = NULL;
		g_autoptr(VkVault) own = open_as(directory, (VkRole)role, VK_VAULT_READ, NULL);
		g_autoptr(VkCheckResult) tables = check_guests(own, NULL, FALSE, NULL);
		g_autoptr(VkCheckResult) data = check_guests(own, NULL, TRUE, &error);

		ck_assert_uint_eq(vk_check_result_count_errors(tables), 0);
		if (!may[role]) {
			check_denied(data != NULL, &error);
			continue;
		}
		ck_assert_uint_eq(vk_check_result_count_errors(data), 0);
		ck_assert_uint_gt(data->blocks, 0);
	}
	finish();
}
END_TEST

static const char *wanted; /* what no file may hold */

static int look_for_it(const char *path, const struct stat *facts, int type, struct FTW *position)
{
	g_autofree char *bytes = NULL;
	gsize length;

	ck_assert_msg(!strstr(path + strlen(directory), wanted), "'%s'", path);
	if (type != FTW_F)
		return 0;
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	ck_assert_msg(!memmem(bytes, length, wanted, strlen(wanted)), "'%s' is in '%s'", wanted,
		      path);
	return 0;
}

/* The guest's name in its snapshots is "guest". */
START_TEST(the_directory_shows_no_content_name_or_uuid)
{
	static const char *const hidden[] = {MARKER, UUID, "11111111222233334444555555555555",
					     "\"guest\"", "<domain"};

	prepare();
	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++) {
		wanted = hidden[i];
		nftw(directory, look_for_it, 16, FTW_PHYS);
	}
	finish();
}
END_TEST

/* The only pack. Its table as read now. */
static VkPackTable *load_table(void)
{
	g_autoptr(VkVault) own = open_as(directory, VK_ROLE_FULL, VK_VAULT_READ, NULL);
	g_autoptr(GPtrArray) folders = own->store->ops->list(own->store, "packs", NULL);
	g_autofree char *folder = NULL, *object = NULL, *digits = NULL;
	g_autoptr(GPtrArray) names = NULL;
	VkPackTable *table;
	VkPackId id;

	ck_assert_uint_eq(folders->len, 1);
	folder = g_strdup_printf("packs/%.2s", (const char *)folders->pdata[0]);
	names = own->store->ops->list(own->store, folder, NULL);
	object = g_build_filename(folder, names->pdata[0], NULL);
	digits = g_strndup(names->pdata[0], (gsize)2 * VK_ID_SIZE);
	ck_assert(vk_pack_id_parse(digits, &id));
	table = vk_pack_table_load(own->store, &own->context, &id, object, NULL);
	ck_assert_ptr_nonnull(table);
	return table;
}

/* Changes a bit of the payload of SLOT, or puts that of OTHER there, with a right checksum. */
static void forge(const VkPackTable *table, guint32 slot, guint32 other)
{
	VkPackContext context = {0};
	g_autofree char *path = g_build_filename(directory, table->object, NULL), *bytes = NULL;
	const VkTableEntry *entry = &table->entries[slot];
	VkFrameHeader *header;
	guint8 *payload;
	gsize length;

	memcpy(context.vault_id, vault->context.vault_id, VK_ID_SIZE);
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	header = (VkFrameHeader *)(gpointer)(bytes + (gsize)entry->offset16 * VK_FRAME_ALIGN);
	payload = (guint8 *)(header + 1);
	if (other == slot)
		payload[0] ^= 1;
	else
		memcpy(payload,
		       bytes + (gsize)table->entries[other].offset16 * VK_FRAME_ALIGN +
			       sizeof(VkFrameHeader),
		       vk_pack_table_length(table, slot));
	header->crc32c = GUINT32_TO_LE(
		vk_frame_checksum(&context, &table->id, slot, entry->length_flags, payload));
	ck_assert(chmod(path, 0600) == 0);
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

static void check_forged(guint32 slot)
{
	g_autoptr(VkVault) own = open_as(directory, VK_ROLE_FULL, VK_VAULT_READ, NULL);
	g_autoptr(VkPackTable) table = load_table();
	g_autofree guint8 *buf = g_malloc(VK_BLOCK_SIZE);
	GError *error = NULL;
	gsize length;

	ck_assert(!vk_frame_read(own->store, &own->context, table, slot, VK_SLOT_KIND_DATA, buf,
				 &length, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_ptr_nonnull(strstr(error->message, "not what was sealed"));
	g_error_free(error);
}

START_TEST(a_forged_block_is_found)
{
	g_autoptr(VkPackTable) table = NULL;

	prepare();
	table = load_table();
	forge(table, 0, 0);
	check_forged(0);
	finish();
}
END_TEST

START_TEST(a_moved_block_is_found)
{
	g_autoptr(VkPackTable) table = NULL;
	guint32 one, other = 0;

	prepare();
	table = load_table();
	/* Two blocks of one length: those that do not compress. */
	for (one = 0; one < table->slots && other == 0; one++)
		for (guint32 i = one + 1; i < table->slots && other == 0; i++)
			if (table->entries[i].length_flags == table->entries[one].length_flags)
				other = i;
	ck_assert_uint_gt(other, 0);
	forge(table, one - 1, other);
	check_forged(one - 1);
	finish();
}
END_TEST

START_TEST(a_description_without_encryption_is_found)
{
	g_autofree char *path = g_build_filename(directory, "vault.json", NULL);
	g_autofree char *text = NULL, *line = NULL, *sum = NULL, *all = NULL;
	g_auto(GStrv) lines = NULL, parts = NULL;
	g_autoptr(GError) error = NULL;

	prepare();
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", 2);
	parts = g_strsplit(lines[0], "\"compression_level\":1", 2);
	line = g_strconcat(parts[0], "\"compression_level\":2", parts[1], NULL);
	sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, line, -1);
	all = g_strdup_printf("%s\n{\"sha256\":\"%s\"}\n", line, sum);
	ck_assert(g_file_set_contents(path, all, -1, NULL));
	ck_assert_ptr_null(open_as(directory, VK_ROLE_FULL, VK_VAULT_READ, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	finish();
}
END_TEST

START_TEST(without_a_key_nothing_opens)
{
	const VkUnlock wrong = {.ask = find_secret, .user = GUINT_TO_POINTER(VK_ROLE_COLLECT)};
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_vault_open_locked(directory, VK_VAULT_READ, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DENIED));
	ck_assert_ptr_null(vk_vault_open_locked(directory, VK_VAULT_READ, &wrong, NULL));
}
END_TEST

START_TEST(only_a_full_key_adds_others)
{
	g_autoptr(VkVault) own = NULL;
	g_autoptr(VkSecret) secret = vk_secret_new("\1" MARKER MARKER, 1 + 2 * strlen(MARKER));
	const VkNewKey key = {.secret = secret, .label = "new"};
	g_autofree char *id = NULL;
	GError *error = NULL;

	prepare();
	own = open_as(directory, VK_ROLE_BACKUP, VK_VAULT_WRITE, NULL);
	check_denied(vk_vault_add_slot(own, VK_ROLE_FULL, &key, &id, &error), &error);
	check_denied(vk_vault_add_slot(own, VK_ROLE_COLLECT, &key, &id, &error), &error);
	check_denied(vk_vault_remove_slot(own, vk_vault_slot_in_use(vault), &error), &error);
	check_denied(vk_vault_add_slot(own, VK_ROLE_BACKUP, &key, &id, &error), &error);
	ck_assert(vk_vault_change_slot(own, &key, &id, NULL));
	ck_assert_ptr_null(open_as(directory, VK_ROLE_BACKUP, VK_VAULT_READ, NULL));
	finish();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, who_may_read_blocks);
	tcase_add_test(tcase, who_has_no_key_stores_and_reads_no_block);
	tcase_add_test(tcase, who_may_store_blocks);
	tcase_add_test(tcase, what_append_wrote_it_cannot_read);
	tcase_add_test(tcase, what_is_there_is_not_stored_again);
	tcase_add_test(tcase, who_may_read_no_block_collects);
	tcase_add_test(tcase, data_is_verified_by_who_can_read_all);
	tcase_add_test(tcase, the_directory_shows_no_content_name_or_uuid);
	tcase_add_test(tcase, a_forged_block_is_found);
	tcase_add_test(tcase, a_moved_block_is_found);
	tcase_add_test(tcase, a_description_without_encryption_is_found);
	tcase_add_test(tcase, without_a_key_nothing_opens);
	tcase_add_test(tcase, only_a_full_key_adds_others);
}

int main(void)
{
	g_setenv("VK_TEST_ENCRYPTED", "1", TRUE);
	return run_image_tests("encrypted", add);
}
