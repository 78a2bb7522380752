/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many requests of a bucket an increment takes, by the log of the stand-in. */
#include "catalog.h"
#include "image-bed.h"

#include <string.h>

#define SIZE (8u << 20)

static gsize log_length;

/* What was asked for since it was called last, a line each: METHOD and NAME or ?PREFIX. */
static GPtrArray *take_requests(void)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	GPtrArray *requests = g_ptr_array_new_with_free_func(g_free);
	gsize length;

	ck_assert(g_file_get_contents(g_getenv("VK_TEST_S3_LOG"), &text, &length, NULL));
	lines = g_strsplit(text + log_length, "\n", -1);
	log_length = length;
	for (guint i = 0; lines[i]; i++)
		if (*lines[i])
			g_ptr_array_add(requests, g_strdup(lines[i]));
	return requests;
}

static MemSource *unchanged(const MemSource *source)
{
	MemSource *next = mem_source_resized(source, source->base.size);

	mem_source_track(next, source, seeded);
	memset(next->changed, 0, next->base.size / VK_SOURCE_CHANGE_UNIT);
	return next;
}

/* The requests are shown when there are more. */
static void check_count(const GPtrArray *requests, guint most)
{
	for (guint i = 0; requests->len > most && i < requests->len; i++)
		printf("%s\n", (const char *)requests->pdata[i]);
	fflush(stdout);
	ck_assert_uint_le(requests->len, most);
}

/* The host remembers the ends of chains beside the objects, where nobody looks for any. */
static void set_memory(VkVault *of)
{
	g_autofree char *path = g_build_filename(directory, "memory", NULL);

	vk_vault_set_memory(of, path);
}

/* As a backup does it: the vault is opened anew, and the newest snapshot is the parent. */
static GPtrArray *increment(MemSource *source)
{
	g_autoptr(VkVault) fresh = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	g_autoptr(GPtrArray) keys = vk_catalog_list(fresh, UUID, NULL);
	g_autoptr(VkSnapshot) parent =
		vk_catalog_load(fresh, g_ptr_array_index(keys, keys->len - 1), NULL);
	g_autoptr(VkSession) session = vk_session_new(fresh, 1, NULL);
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkSaveStats stats = {0};

	set_memory(fresh);
	ck_assert(session && vk_session_check_parent(session, parent, NULL));
	snapshot = make_snapshot(UUID, "20260103T030405Z",
				 save(session, source, image_of(parent), &stats));
	ck_assert(vk_session_commit(session, snapshot, NULL));
	g_clear_pointer(&session, vk_session_free);
	return take_requests();
}

/* Of a second snapshot, whose disk is as it was: by what the source knows, or by its bytes. */
static GPtrArray *count_second(gboolean knows_changes)
{
	MemSource *first = mem_source_new(SIZE);
	g_autoptr(VkSnapshot) snapshot = NULL;
	GPtrArray *requests;
	MemSource *second;
	VkPackId pack;

	set_memory(vault);
	snapshot = commit_one_pack(first, &pack);
	second = knows_changes ? unchanged(first) : mem_source_resized(first, SIZE);
	g_ptr_array_unref(take_requests());
	requests = increment(second);
	vk_source_free(&first->base);
	vk_source_free(&second->base);
	return requests;
}

/*
 * By steps of tests/model/README.md:
 *
 *   1  the vault's description
 *   2  the parent is chosen: listing and object
 *   1  W1, the lease
 *   1  W2, announcements
 *   1  W3, the parent is still listed
 *   2  the claim of a second, and what it is free of
 *   1  W5, the intent
 *   2  W6, fences and leases
 *   1  W7, the snapshot object
 *   2  W8, the lease and the intent are removed
 *   1  the claim is given up
 */
START_TEST(an_increment_of_nothing)
{
	g_autoptr(GPtrArray) requests = count_second(TRUE);

	check_count(requests, 15);
}
END_TEST

/* The map of the parent is read: the end of its pack, its header, two frames. */
START_TEST(a_disk_that_is_read_again)
{
	g_autoptr(GPtrArray) requests = count_second(FALSE);

	check_count(requests, 22);
}
END_TEST

/* The key slots are listed, and the one that there is is read. */
START_TEST(an_increment_of_an_encrypted_vault)
{
	g_autoptr(GPtrArray) requests = NULL;

	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_setenv("VK_TEST_ENCRYPTED", "1", TRUE);
	vault = vk_vault_init(directory, NULL);
	requests = count_second(TRUE);
	check_count(requests, 17);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, an_increment_of_nothing);
	tcase_add_test(tcase, a_disk_that_is_read_again);
	tcase_add_test(tcase, an_increment_of_an_encrypted_vault);
}

int main(void)
{
	return run_image_tests("requests", add_tests);
}
