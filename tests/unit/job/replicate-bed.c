/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replicate-bed.h"

#include "catalog-chain.h"
#include "collect.h"
#include "damages.h"
#include "vault-image.h"
#include "vault-parts.h"

#include <string.h>

const VkReplicaKind kinds[N_KINDS] = {
	{NULL, NULL, FALSE},   {NULL, "to", FALSE}, {"from", NULL, FALSE},
	{"from", "to", FALSE}, {NULL, NULL, TRUE},
};
VkVault *from, *to;
static char *to_directory;
MemSource *models[64];
guint n_models;

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

void prepare(int kind)
{
	g_autofree char *path = g_strconcat(directory, "-from", NULL);

	to_directory = g_strconcat(directory, "-to", NULL);
	from = make_vault(path, kinds[kind].from_key, kinds[kind].parity);
	to = make_vault(to_directory, kinds[kind].to_key, !kinds[kind].parity && kind == 1);
}

void finish(void)
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

char *time_of(guint generation)
{
	return g_strdup_printf("202601%02uT030405Z", generation + 1);
}

/* The key of the generation in a vault, forgotten or not; NULL: it is not there. New. */
VkSnapshotKey *find_key(VkVault *in, guint generation)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(in, UUID, NULL);
	g_autofree char *time = time_of(generation);

	for (guint i = 0; i < keys->len; i++)
		if (strcmp(((VkSnapshotKey *)keys->pdata[i])->time, time) == 0)
			return g_ptr_array_steal_index(keys, i);
	return NULL;
}

VkSnapshot *load(VkVault *in, guint generation)
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
void take_into(VkVault *in, const VkSnapshot *parent)
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

void take(guint count)
{
	while (count-- > 0)
		take_next();
}

/* What was read of all snapshots, and what was wrong with the last that failed. */
guint64 bytes_read;
char *trouble;

static void note_done(gpointer user, const VkReplica *replica)
{
	bytes_read += replica->read;
	if (!replica->trouble)
		return;
	g_free(trouble);
	trouble = g_strdup(replica->trouble->message);
}

gboolean try_replicate(VkReplicateOptions options, VkReplicateResult *result, GError **error)
{
	options.on_done = note_done;
	options.workers = 2;
	options.decrypt = TRUE;
	if (options.since == 0)
		options.since = G_MININT64;
	bytes_read = 0;
	return vk_vault_replicate(from, to, &options, result, error);
}

VkReplicateResult replicate(VkReplicateOptions options)
{
	VkReplicateResult result;
	GError *error = NULL;

	ck_assert_msg(try_replicate(options, &result, &error), "%s", error ? error->message : "");
	return result;
}

guint replicated(void)
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
void check_generation(guint generation)
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
void check_vault(VkVault *in)
{
	g_autoptr(VkCheckResult) checked = check_guests(in, NULL, TRUE, NULL);
	g_autoptr(GPtrArray) texts = vk_chain_check(in, NULL, NULL);
	g_autofree char *first = first_damage(checked);

	ck_assert_msg(checked->errors->len == 0, "%s", first);
	ck_assert_msg(texts->len == 0, "%s", (char *)texts->pdata[0]);
}

void forget(VkVault *in, guint generation)
{
	g_autoptr(VkSnapshotKey) key = find_key(in, generation);

	ck_assert(vk_catalog_forget(in, key, NULL, NULL));
}

void collect(VkVault *in)
{
	VkCollectOptions how = {0};
	VkCollectResult result;
	GError *error = NULL;

	/* What the first run marks, a later one frees. */
	for (guint i = 0; i < 3; i++)
		ck_assert_msg(vk_collect(in, &how, &result, &error), "%s",
			      error ? error->message : "");
}

gboolean is_listed(VkVault *in, guint generation)
{
	g_autoptr(VkSnapshotKey) key = find_key(in, generation);

	return key && !key->forgotten;
}
