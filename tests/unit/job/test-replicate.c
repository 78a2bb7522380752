/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of one vault in another: the same, at the cost of what is different. */
#include "errors.h"
#include "lease-list.h"
#include "pack-name.h"
#include "replicate-bed.h"
#include "vault-parts.h"
#include "stored-source.h"
#include "watched-store.h"

#include <glib/gstdio.h>
#include <string.h>

START_TEST(all_are_the_same_there)
{
	VkReplicateResult result;

	prepare(_i);
	take(GENERATIONS);
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], GENERATIONS);
	for (guint i = 0; i < GENERATIONS; i++)
		check_generation(i);
	check_vault(to);
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_PRESENT], GENERATIONS);
	ck_assert_uint_eq(result.fresh, 0);
	ck_assert_uint_eq(bytes_read, 0);
	finish();
}
END_TEST

/* Also when maps were merged meanwhile. */
START_TEST(each_costs_what_has_changed)
{
	prepare(_i);
	take(1);
	ck_assert_uint_eq(replicated(), 1);
	for (guint i = 0; i < 20; i++) {
		take(1);
		ck_assert_uint_eq(replicated(), 1);
		ck_assert_uint_gt(bytes_read, 0);
		ck_assert_uint_le(bytes_read, CHANGED * VK_BLOCK_SIZE);
	}
	take(8);
	ck_assert_uint_eq(replicated(), 8);
	ck_assert_uint_le(bytes_read, 8 * CHANGED * VK_BLOCK_SIZE);
	for (guint i = 0; i < n_models; i++)
		check_generation(i);
	check_vault(to);
	finish();
}
END_TEST

/* Another guest has brought all blocks there. With the same ids they are not even read. */
START_TEST(what_is_there_is_not_sent)
{
	VkReplicateResult result;
	g_autoptr(VkSnapshot) other = NULL;
	VkSession *session;
	VkSaveStats stats = {0};

	prepare(_i);
	take(1);
	session = vk_session_new(to, 1, NULL);
	other = make_snapshot("22222222-2222-3333-4444-555555555555", "20250101T000000Z",
			      save(session, models[0], NULL, &stats));
	ck_assert(vk_session_commit(session, other, NULL));
	vk_session_free(session);
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	ck_assert_uint_eq(result.fresh, 0);
	if (!kinds[_i].from_key && !kinds[_i].to_key)
		ck_assert_uint_eq(bytes_read, 0);
	else
		ck_assert_uint_gt(bytes_read, 0);
	check_generation(0);
	finish();
}
END_TEST

/* Nothing is compressed again: what a block takes is what it took. */
START_TEST(blocks_keep_their_form)
{
	g_autoptr(VkSnapshot) here = NULL;
	VkReplicateResult result;

	prepare(_i);
	from->compression_level = 19;
	take(1);
	result = replicate((VkReplicateOptions){0});
	here = load(from, 0);
	ck_assert_uint_eq(result.stored, ((VkDiskRecord *)here->disks->pdata[0])->stored);
	finish();
}
END_TEST

START_TEST(what_was_forgotten_there_stays_forgotten)
{
	const VkReplicateOptions mirror = {.mirror = TRUE};
	VkReplicateResult result;

	prepare(_i);
	take(3);
	ck_assert_uint_eq(replicated(), 3);
	forget(to, 0);
	forget(to, 1);
	for (guint round = 0; round < 2; round++) {
		result = replicate((VkReplicateOptions){0});
		ck_assert_uint_eq(result.count[VK_REPLICA_LEFT], 2);
		ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 0);
		ck_assert(!is_listed(to, 0));
		if (round == 0)
			collect(to);
	}
	ck_assert_ptr_null(find_key(to, 0));
	/* Only the mirror brings them back: one that is gone is sent again. */
	forget(to, 2);
	result = replicate(mirror);
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 2);
	ck_assert_uint_eq(result.count[VK_REPLICA_BACK], 1);
	for (guint i = 0; i < 3; i++)
		check_generation(i);
	check_vault(to);
	finish();
}
END_TEST

START_TEST(the_mirror_forgets_what_is_forgotten_here)
{
	const VkReplicateOptions mirror = {.mirror = TRUE};
	VkReplicateOptions dry = {.mirror = TRUE, .dry_run = TRUE};
	VkReplicateResult result;

	prepare(0);
	take(4);
	ck_assert_uint_eq(replicated(), 4);
	forget(from, 0);
	forget(from, 1);
	ck_assert_uint_eq(replicated(), 0);
	ck_assert(is_listed(to, 0));
	collect(from);
	ck_assert_ptr_null(find_key(from, 0));
	result = replicate(dry);
	ck_assert_uint_eq(result.count[VK_REPLICA_DROPPED], 2);
	ck_assert(is_listed(to, 0));
	result = replicate(mirror);
	ck_assert_uint_eq(result.count[VK_REPLICA_DROPPED], 2);
	ck_assert(!is_listed(to, 0) && !is_listed(to, 1) && is_listed(to, 2));
	/* A vault that has lost all of a guest is no model. */
	forget(from, 2);
	forget(from, 3);
	result = replicate(mirror);
	ck_assert_uint_eq(result.count[VK_REPLICA_DROPPED], 0);
	ck_assert(is_listed(to, 2));
	finish();
}
END_TEST

static void lose(guint generation)
{
	g_autoptr(VkSnapshotKey) key = find_key(from, generation);
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);

	ck_assert(from->store->ops->delete (from->store, name, NULL));
}

/* One that has lost more than half is no model for what it does not have. */
START_TEST(the_mirror_keeps_what_was_lost_here)
{
	const VkReplicateOptions mirror = {.mirror = TRUE};
	VkReplicateResult result;

	prepare(0);
	take(6);
	ck_assert_uint_eq(replicated(), 6);
	for (guint i = 0; i < 4; i++)
		lose(i);
	forget(from, 4);
	result = replicate(mirror);
	ck_assert_uint_eq(result.count[VK_REPLICA_DROPPED], 1);
	for (guint i = 0; i < 4; i++)
		ck_assert(is_listed(to, i));
	ck_assert(!is_listed(to, 4));
	finish();
}
END_TEST

START_TEST(collections_run_between)
{
	prepare(_i);
	take(4);
	ck_assert_uint_eq(replicated(), 4);
	forget(from, 1);
	forget(from, 2);
	collect(from);
	forget(to, 0);
	forget(to, 3);
	collect(to);
	take(2);
	ck_assert_uint_eq(replicated(), 2);
	check_generation(4);
	check_generation(5);
	check_vault(to);
	check_vault(from);
	finish();
}
END_TEST

START_TEST(a_few_go_first)
{
	gint64 since = g_date_time_to_unix(g_date_time_new_utc(2026, 1, 3, 0, 0, 0));
	VkReplicateResult result;

	prepare(_i);
	take(4);
	result = replicate((VkReplicateOptions){.newest = 1});
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	check_generation(3);
	result = replicate((VkReplicateOptions){.since = since});
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	ck_assert_uint_eq(result.count[VK_REPLICA_PRESENT], 1);
	check_generation(2);
	/* The newest was of use to those before it. */
	ck_assert_uint_le(bytes_read, 2 * CHANGED * VK_BLOCK_SIZE);
	ck_assert_uint_eq(replicated(), 2);
	for (guint i = 0; i < 4; i++) {
		g_autoptr(GPtrArray) keys = vk_catalog_list(to, UUID, NULL);
		g_autofree char *time = time_of(i);

		check_generation(i);
		ck_assert_str_eq(((VkSnapshotKey *)keys->pdata[i])->time, time);
		ck_assert(!((VkSnapshotKey *)keys->pdata[i])->is_noted);
	}
	check_vault(to);
	finish();
}
END_TEST

/* One snapshot, or one guest; and one that there is not. */
START_TEST(names_are_found)
{
	char *snapshot[] = {(char[]){"guest@20260102T030405Z"}, NULL};
	char *guest[] = {(char[]){UUID}, NULL};
	char *unknown[] = {(char[]){"nobody"}, NULL};
	g_autoptr(GError) error = NULL;
	VkReplicateResult result;

	prepare(0);
	take(3);
	result = replicate((VkReplicateOptions){.names = snapshot});
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	check_generation(1);
	result = replicate((VkReplicateOptions){.names = guest, .newest = 2});
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	check_generation(2);
	ck_assert(!try_replicate((VkReplicateOptions){.names = unknown}, &result, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	finish();
}
END_TEST

/* Damages the first pack that came after those of BEFORE. */
static void damage_new_pack(const GArray *before)
{
	g_autoptr(GArray) packs = vk_pack_list(from->store, NULL);

	for (guint i = 0; i < packs->len; i++) {
		const VkPackId *id = &g_array_index(packs, VkPackId, i);
		g_autofree char *object = vk_pack_object(id, 0);
		g_autofree char *path = test_vault_path(from, object);
		g_autofree char *bytes = NULL;
		gboolean known = FALSE;
		gsize length;

		for (guint j = 0; j < before->len; j++)
			known = known ||
				memcmp(id, &g_array_index(before, VkPackId, j), sizeof(*id)) == 0;
		if (known)
			continue;
		ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
		bytes[400] ^= 1;
		g_chmod(path, 0600);
		ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
		return;
	}
	ck_abort_msg("no new pack");
}

START_TEST(a_damaged_one_keeps_no_other)
{
	g_autoptr(GArray) before = NULL;
	VkReplicateResult result;

	prepare(_i);
	take(2);
	before = vk_pack_list(from->store, NULL);
	take(1);
	damage_new_pack(before);
	take(1);
	result = replicate((VkReplicateOptions){0});
	/* The last one has the damaged block as well, unless it was changed again. */
	ck_assert_uint_eq(result.count[VK_REPLICA_FAILED] + result.count[VK_REPLICA_SENT], 4);
	ck_assert_uint_ge(result.count[VK_REPLICA_SENT], 2);
	ck_assert_uint_ge(result.count[VK_REPLICA_FAILED], 1);
	ck_assert(result.is_damaged);
	ck_assert_ptr_nonnull(strstr(trouble, "disk 'vda'"));
	check_generation(0);
	check_generation(1);
	ck_assert_ptr_null(find_key(to, 2));
	check_vault(to);
	finish();
}
END_TEST

/* Whatever the checksums of its frame say. */
START_TEST(what_does_not_have_its_id_is_damaged)
{
	g_autoptr(GArray) packs = NULL;
	g_autoptr(VkPackTable) table = NULL;
	VkReplicateResult result;

	prepare(_i);
	take(1);
	packs = vk_pack_list(from->store, NULL);
	table = vk_pack_cache_get(from->packs, &g_array_index(packs, VkPackId, 0), NULL);
	table->entries[3].id[0] ^= 1;
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_FAILED], 1);
	ck_assert(result.is_damaged);
	ck_assert_msg(strstr(trouble, "not what was stored") != NULL, "%s", trouble);
	ck_assert_ptr_null(find_key(to, 0));
	finish();
}
END_TEST

/* The last block is shorter than the image says. No key and no id is needed to see that. */
START_TEST(a_block_has_its_length)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;
	g_autofree guint8 *block = g_malloc(VK_BLOCK_SIZE);
	g_autoptr(GError) error = NULL;
	VkImageRecord *image;

	prepare(_i);
	take(1);
	snapshot = load(from, 0);
	image = ((VkDiskRecord *)snapshot->disks->pdata[0])->image;
	image->size = (guint64)BLOCKS * VK_BLOCK_SIZE;
	source = vk_stored_source_new(from, image, NULL);
	reader = source->ops->open_reader(source, NULL);
	ck_assert(reader->ops->submit(reader, image->size - VK_BLOCK_SIZE, VK_BLOCK_SIZE, block,
				      NULL));
	ck_assert(!reader->ops->complete(reader, &error));
	ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
	ck_assert_ptr_nonnull(strstr(error->message, "length"));
	g_clear_pointer(&reader, vk_source_reader_free);
	g_clear_pointer(&source, vk_source_free);
	finish();
}
END_TEST

/* A claim that was left of the same snapshot is no hindrance, and one of a backup is. */
START_TEST(claims_are_of_somebody)
{
	const char *name = "snaps/" UUID "/20260101T030405Z.claim";
	g_autoptr(VkSnapshotKey) key = NULL;
	VkReplicateResult result;
	struct iovec id;

	prepare(_i);
	take(1);
	key = find_key(from, 0);
	ck_assert(vk_store_put(to->store, name, NULL, 0, VK_PUT_HINT, NULL));
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_FAILED], 1);
	ck_assert_ptr_nonnull(strstr(trouble, "about to use the time"));
	ck_assert(to->store->ops->delete (to->store, name, NULL));
	id = (struct iovec){key->id, strlen(key->id)};
	ck_assert(vk_store_put(to->store, name, &id, 1, VK_PUT_HINT, NULL));
	ck_assert_uint_eq(replicated(), 1);
	check_generation(0);
	finish();
}
END_TEST

START_TEST(another_snapshot_has_the_time)
{
	VkReplicateResult result;

	prepare(0);
	take(1);
	take_into(to, NULL);
	take(1);
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_FAILED], 1);
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	ck_assert(!result.is_damaged);
	ck_assert_ptr_nonnull(strstr(trouble, "another snapshot"));
	check_generation(1);
	finish();
}
END_TEST

START_TEST(what_arrays_alone_have_is_left)
{
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkSession *session;
	json_t *copy = json_pack("{s:s, s:[]}", "array", "elsewhere", "layers");
	VkReplicateResult result;

	prepare(0);
	session = vk_session_new(from, 1, NULL);
	snapshot = make_snapshot(UUID, "20260101T030405Z",
				 vk_image_record_new_on_array(SIZE, SIZE, copy));
	ck_assert(vk_session_commit(session, snapshot, NULL));
	vk_session_free(session);
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_ON_ARRAY], 1);
	ck_assert_ptr_null(find_key(to, 0));
	finish();
}
END_TEST

START_TEST(a_vault_does_not_go_into_itself)
{
	const VkReplicateOptions options = {.workers = 1};
	g_autoptr(GError) error = NULL;
	VkReplicateResult result;

	prepare(0);
	ck_assert(!vk_vault_replicate(from, from, &options, &result, &error));
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	finish();
}
END_TEST

/* What is encrypted stays so, unless somebody says otherwise. */
START_TEST(nothing_is_decrypted_by_the_way)
{
	VkReplicateOptions options = {.workers = 1, .since = G_MININT64};
	gboolean refused = kinds[_i].from_key && !kinds[_i].to_key;
	g_autoptr(GError) error = NULL;
	VkReplicateResult result;

	prepare(_i);
	take(1);
	ck_assert(vk_vault_replicate(from, to, &options, &result, &error) == !refused);
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], !refused);
	ck_assert(!refused || error->code == VK_ERROR_USAGE);
	options.decrypt = TRUE;
	ck_assert(vk_vault_replicate(from, to, &options, &result, NULL));
	check_generation(0);
	finish();
}
END_TEST

/* A dry run changes nothing. */
START_TEST(a_dry_run_only_says)
{
	VkReplicateResult result;

	prepare(0);
	take(2);
	result = replicate((VkReplicateOptions){.dry_run = TRUE});
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 2);
	ck_assert_ptr_null(find_key(to, 0));
	finish();
}
END_TEST

static guint calls_left;

static gboolean fail_in_time(VkStore *inner, const char *call)
{
	return calls_left > 0 && --calls_left > 0;
}

/* The process is gone: all that it has open ends. */
static void end_leases(void)
{
	g_autoptr(GHashTable) open = vk_leases_open(to->store, NULL);
	GHashTableIter iter;
	gpointer id;

	g_hash_table_iter_init(&iter, open);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		g_autofree char *end = g_strdup_printf("leases/%s.end", (char *)id);

		vk_store_put(to->store, end, NULL, 0, VK_PUT_HINT, NULL);
	}
}

/*
 * The Nth call of the other vault's store fails, and all that follow: as if the process was killed
 * there. What is listed then is right, and the next run goes on.
 */
START_TEST(it_goes_on_where_it_ended)
{
	gboolean done = FALSE;

	for (guint n = 1; !done; n += 7) {
		WatchedStore *watched;
		VkStore *inner;
		VkReplicateResult result;
		g_autoptr(GError) error = NULL;

		prepare(_i);
		take(2);
		inner = to->store;
		watched = watched_store_new(inner);
		watched->on_call = fail_in_time;
		to->store = &watched->base;
		calls_left = n;
		done = try_replicate((VkReplicateOptions){0}, &result, &error);
		done = done && calls_left > 0;
		watched->on_call = NULL;
		to->store = inner;
		watched_store_free(watched);
		end_leases();
		for (guint i = 0; i < 2; i++)
			if (is_listed(to, i))
				check_generation(i);
		replicate((VkReplicateOptions){0});
		check_generation(0);
		check_generation(1);
		check_vault(to);
		finish();
	}
}
END_TEST

static gboolean is_ended;

/* From the second snapshot's object on nothing is put or deleted any more. */
static gboolean end_at_second(VkStore *inner, const char *call)
{
	is_ended = is_ended || (g_str_has_prefix(call, "put snaps/" UUID "/20260102T") &&
				g_str_has_suffix(call, ".json"));
	return !is_ended;
}

/* What was sent by a run that was killed may be forgotten before the next one. */
START_TEST(what_a_killed_run_has_sent_stays_forgotten)
{
	WatchedStore *watched;
	VkStore *inner;
	VkReplicateResult result;
	g_autoptr(GError) error = NULL;

	prepare(0);
	take(2);
	inner = to->store;
	watched = watched_store_new(inner);
	watched->on_call = end_at_second;
	to->store = &watched->base;
	ck_assert(!try_replicate((VkReplicateOptions){0}, &result, &error));
	to->store = inner;
	watched_store_free(watched);
	end_leases();
	ck_assert(is_listed(to, 0));
	forget(to, 0);
	collect(to);
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_LEFT], 1);
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	ck_assert_ptr_null(find_key(to, 0));
	check_generation(1);
	finish();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, all_are_the_same_there, 0, N_KINDS);
	tcase_add_loop_test(tcase, each_costs_what_has_changed, 0, N_KINDS);
	tcase_add_loop_test(tcase, what_is_there_is_not_sent, 0, N_KINDS);
	tcase_add_loop_test(tcase, blocks_keep_their_form, 0, N_KINDS);
	tcase_add_loop_test(tcase, what_was_forgotten_there_stays_forgotten, 0, N_KINDS);
	tcase_add_test(tcase, the_mirror_forgets_what_is_forgotten_here);
	tcase_add_test(tcase, the_mirror_keeps_what_was_lost_here);
	tcase_add_loop_test(tcase, collections_run_between, 0, N_KINDS);
	tcase_add_loop_test(tcase, a_few_go_first, 0, N_KINDS);
	tcase_add_test(tcase, names_are_found);
	tcase_add_loop_test(tcase, a_damaged_one_keeps_no_other, 0, N_KINDS - 1);
	tcase_add_loop_test(tcase, what_does_not_have_its_id_is_damaged, 0, N_KINDS);
	tcase_add_loop_test(tcase, a_block_has_its_length, 0, N_KINDS);
	tcase_add_loop_test(tcase, claims_are_of_somebody, 0, 2);
	tcase_add_test(tcase, another_snapshot_has_the_time);
	tcase_add_test(tcase, what_arrays_alone_have_is_left);
	tcase_add_test(tcase, a_vault_does_not_go_into_itself);
	tcase_add_loop_test(tcase, nothing_is_decrypted_by_the_way, 0, N_KINDS);
	tcase_add_test(tcase, a_dry_run_only_says);
	tcase_add_test(tcase, what_a_killed_run_has_sent_stays_forgotten);
	tcase_add_loop_test(tcase, it_goes_on_where_it_ended, 0, 2);
}

int main(void)
{
	return run_image_tests("replicate", add_tests);
}
