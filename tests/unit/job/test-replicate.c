/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of one vault in another: the same, at the cost of what is different. */
#include "replicate.h"

#include "catalog-chain.h"
#include "collect.h"
#include "damages.h"
#include "errors.h"
#include "image-bed.h"
#include "pack-name.h"
#include "vault-image.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <glib/gstdio.h>
#include <string.h>

#define GENERATIONS 4u
#define BLOCKS      96u
#define SIZE        ((BLOCKS - 1) * VK_BLOCK_SIZE + 12345u)
#define CHANGED     3u /* blocks of each generation */

/* Which vaults: of each the keys, and whether it has parity. */
static const struct {
	const char *from_key, *to_key; /* NULL: not encrypted */
	gboolean parity;
} kinds[] = {
	{NULL, NULL, FALSE},   {NULL, "to", FALSE}, {"from", NULL, FALSE},
	{"from", "to", FALSE}, {NULL, NULL, TRUE},
};
#define N_KINDS (int)G_N_ELEMENTS(kinds)

static VkVault *from, *to;
static char *to_directory;
static MemSource *models[64]; /* of the generations */
static guint n_models;

static VkVault *make_vault(const char *path, const char *word, gboolean parity)
{
	g_autofree char *key =
		word ? g_strdup_printf("%s: two lines\nare no passphrase\n", word) : NULL;
	g_autoptr(VkSecret) secret = key ? vk_secret_new(key, strlen(key)) : NULL;
	VkNewKey new_key = {.secret = secret, .label = "test"};
	VkNewVault how = {.key = word ? &new_key : NULL, .parity = parity};
	GError *error = NULL;
	VkVault *made;

	made = vk_vault_init_as(path, &how, &error);
	ck_assert_msg(made != NULL, "%s", error ? error->message : "");
	return made;
}

static void prepare(int kind)
{
	g_autofree char *path = g_strconcat(directory, "-from", NULL);

	to_directory = g_strconcat(directory, "-to", NULL);
	from = make_vault(path, kinds[kind].from_key, kinds[kind].parity);
	to = make_vault(to_directory, kinds[kind].to_key, !kinds[kind].parity && kind == 1);
}

static void finish(void)
{
	g_autofree char *path = g_strconcat(directory, "-from", NULL);

	for (guint i = 0; i < n_models; i++)
		vk_source_free(&models[i]->base);
	n_models = 0;
	vk_vault_free(from);
	vk_vault_free(to);
	temp_directory_remove(path);
	temp_directory_remove(to_directory);
	g_free(to_directory);
}

static char *time_of(guint generation)
{
	return g_strdup_printf("202601%02uT030405Z", generation + 1);
}

/* The key of the generation in a vault, forgotten or not; NULL: it is not there. New. */
static VkSnapshotKey *find_key(VkVault *in, guint generation)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(in, UUID, NULL);
	g_autofree char *time = time_of(generation);

	for (guint i = 0; i < keys->len; i++)
		if (strcmp(((VkSnapshotKey *)keys->pdata[i])->time, time) == 0)
			return g_ptr_array_steal_index(keys, i);
	return NULL;
}

static VkSnapshot *load(VkVault *in, guint generation)
{
	g_autoptr(VkSnapshotKey) key = find_key(in, generation);
	GError *error = NULL;
	VkSnapshot *snapshot;

	ck_assert_ptr_nonnull(key);
	snapshot = vk_catalog_load(in, key, &error);
	ck_assert_msg(snapshot != NULL, "%s", error ? error->message : "");
	return snapshot;
}

/* Backs up the newest model into IN, by what has changed since the one before, or in whole. */
static void take_into(VkVault *in, const VkSnapshot *parent)
{
	g_autoptr(VkSession) session = vk_session_new(in, 2, NULL);
	g_autofree char *time = time_of(n_models - 1);
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkSaveStats stats = {0};
	GError *error = NULL;

	ck_assert(vk_session_check_parent(session, parent, NULL));
	snapshot = make_snapshot(
		UUID, time,
		save(session, models[n_models - 1], parent ? image_of(parent) : NULL, &stats));
	((VkDiskRecord *)snapshot->disks->pdata[0])->stored = stats.stored;
	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	ck_assert_str_eq(snapshot->time, time);
}

static void set_block(MemSource *model, guint block)
{
	guint64 offset = (guint64)block * VK_BLOCK_SIZE;
	gsize length = (gsize)MIN(VK_BLOCK_SIZE, model->base.size - offset);

	/* Half of it is compressible. */
	for (gsize i = 0; i + sizeof(guint32) <= length / 2; i += sizeof(guint32))
		*(guint32 *)(gpointer)(model->bytes + offset + i) = g_rand_int(seeded);
	memset(model->kinds + offset / MEM_UNIT, VK_SOURCE_DATA,
	       (length + MEM_UNIT - 1) / MEM_UNIT);
}

/* The next generation: CHANGED other blocks, the last of which may be the short one. */
static void take_next(void)
{
	MemSource *model =
		n_models ? mem_source_resized(models[n_models - 1], SIZE) : mem_source_new(SIZE);
	g_autoptr(VkSnapshot) parent = n_models ? load(from, n_models - 1) : NULL;

	if (n_models == 0)
		for (guint i = 0; i < BLOCKS; i += i == BLOCKS / 2 ? 10 : 1)
			set_block(model, i);
	for (guint i = 0; n_models && i < CHANGED; i++)
		set_block(model, (n_models * 17 + i * 31) % BLOCKS);
	if (n_models)
		mem_source_track(model, models[n_models - 1], seeded);
	models[n_models++] = model;
	take_into(from, parent);
}

static void take(guint count)
{
	while (count-- > 0)
		take_next();
}

/* What was read of all snapshots, and what was wrong with the last that failed. */
static guint64 bytes_read;
static char *trouble;

static void note_done(gpointer user, const VkReplica *replica)
{
	bytes_read += replica->read;
	if (!replica->trouble)
		return;
	g_free(trouble);
	trouble = g_strdup(replica->trouble->message);
}

static gboolean try_replicate(VkReplicateOptions options, VkReplicateResult *result, GError **error)
{
	options.on_done = note_done;
	options.workers = 2;
	if (options.since == 0)
		options.since = G_MININT64;
	bytes_read = 0;
	return vk_vault_replicate(from, to, &options, result, error);
}

static VkReplicateResult replicate(VkReplicateOptions options)
{
	VkReplicateResult result;
	GError *error = NULL;

	ck_assert_msg(try_replicate(options, &result, &error), "%s", error ? error->message : "");
	return result;
}

static guint replicated(void)
{
	return replicate((VkReplicateOptions){0}).count[VK_REPLICA_SENT];
}

static void check_content(const VkImageRecord *record, const MemSource *model)
{
	GError *error = NULL;
	g_autoptr(VkImage) image = vk_vault_image_open(to, record, &error);
	g_autofree guint8 *bytes = g_malloc(model->base.size);

	ck_assert_uint_eq(image->size, model->base.size);
	ck_assert_msg(vk_image_read(image, 0, bytes, image->size, &error), "%s",
		      error ? error->message : "");
	ck_assert(memcmp(bytes, model->bytes, image->size) == 0);
}

/* The generation is in the other vault what it is in the first. */
static void check_generation(guint generation)
{
	g_autoptr(VkSnapshot) here = load(from, generation);
	g_autoptr(VkSnapshot) there = load(to, generation);

	ck_assert_str_eq(there->id, here->id);
	ck_assert_pstr_eq(there->parent, here->parent);
	ck_assert_ptr_null(there->checkpoint);
	ck_assert_uint_eq(image_of(there)->allocated, image_of(here)->allocated);
	check_content(image_of(there), models[generation]);
}

/* All that the other vault lists can be read, and nothing contradicts itself. */
static void check_vault(VkVault *in)
{
	g_autoptr(VkCheckResult) checked = check_guests(in, NULL, TRUE, NULL);
	g_autoptr(GPtrArray) texts = vk_chain_check(in, NULL, NULL);
	g_autofree char *first = first_damage(checked);

	ck_assert_msg(checked->errors->len == 0, "%s", first);
	ck_assert_msg(texts->len == 0, "%s", (char *)texts->pdata[0]);
}

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

static void forget(VkVault *in, guint generation)
{
	g_autoptr(VkSnapshotKey) key = find_key(in, generation);

	ck_assert(vk_catalog_forget(in, key, NULL, NULL));
}

static void collect(VkVault *in)
{
	VkCollectOptions how = {0};
	VkCollectResult result;
	GError *error = NULL;

	/* What the first run marks, a later one frees. */
	for (guint i = 0; i < 3; i++)
		ck_assert_msg(vk_collect(in, &how, &result, &error), "%s",
			      error ? error->message : "");
}

static gboolean is_listed(VkVault *in, guint generation)
{
	g_autoptr(VkSnapshotKey) key = find_key(in, generation);

	return key && !key->forgotten;
}

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
	take(3);
	ck_assert_uint_eq(replicated(), 3);
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
	result = replicate(mirror);
	ck_assert_uint_eq(result.count[VK_REPLICA_DROPPED], 0);
	ck_assert(is_listed(to, 2));
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

static void add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, all_are_the_same_there, 0, N_KINDS);
	tcase_add_loop_test(tcase, each_costs_what_has_changed, 0, N_KINDS);
	tcase_add_loop_test(tcase, what_is_there_is_not_sent, 0, N_KINDS);
	tcase_add_loop_test(tcase, blocks_keep_their_form, 0, N_KINDS);
	tcase_add_loop_test(tcase, what_was_forgotten_there_stays_forgotten, 0, N_KINDS);
	tcase_add_test(tcase, the_mirror_forgets_what_is_forgotten_here);
	tcase_add_loop_test(tcase, collections_run_between, 0, N_KINDS);
	tcase_add_loop_test(tcase, a_few_go_first, 0, N_KINDS);
	tcase_add_test(tcase, names_are_found);
	tcase_add_loop_test(tcase, a_damaged_one_keeps_no_other, 0, N_KINDS - 1);
	tcase_add_test(tcase, another_snapshot_has_the_time);
	tcase_add_test(tcase, what_arrays_alone_have_is_left);
	tcase_add_test(tcase, a_vault_does_not_go_into_itself);
	tcase_add_test(tcase, a_dry_run_only_says);
	tcase_add_loop_test(tcase, it_goes_on_where_it_ended, 0, 2);
}

int main(void)
{
	return run_image_tests("replicate", add_tests);
}
