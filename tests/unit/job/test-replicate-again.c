/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A snapshot that comes again under the name that it had: what was left of the first is no trap. */
#include "collect.h"
#include "errors.h"
#include "lease.h"
#include "lease-list.h"
#include "replicate-bed.h"
#include "vault-parts.h"
#include "watched-store.h"

#include <string.h>

static const VkReplicateOptions mirror = {.mirror = TRUE};

/* A mirror that cannot send one of two snapshots, for WHY. */
static void refused(const char *why)
{
	VkReplicateResult result = replicate(mirror);

	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 0);
	ck_assert_uint_eq(result.count[VK_REPLICA_FAILED], 1);
	ck_assert_msg(strstr(trouble, why) != NULL, "%s", trouble);
	ck_assert_ptr_null(find_key(to, 0));
}

/* Once nothing is in the way any more; it stays through collections then. */
static void sent_for_good(void)
{
	ck_assert_uint_eq(replicate(mirror).count[VK_REPLICA_SENT], 1);
	collect(to);
	check_generation(0);
	ck_assert(is_listed(to, 0));
	check_vault(to);
}

static void delete_object(const VkSnapshotKey *key)
{
	g_autofree char *name = vk_snapshot_key_object(key->uuid, key->time, key->id);

	ck_assert(to->store->ops->delete (to->store, name, NULL));
}

/* A collector was killed behind the first deletion: what it left would hide, or end, the new one.
 */
START_TEST(a_removal_was_cut_off)
{
	g_autoptr(VkSnapshotKey) key = NULL;

	prepare(0);
	take(2);
	ck_assert_uint_eq(replicated(), 2);
	forget(to, 0);
	key = find_key(to, 0);
	delete_object(key);
	refused("virtkeep gc");
	collect(to);
	sent_for_good();
	finish();
}
END_TEST

/*
 * A collector looks for its fence, and stands still before it removes. Another one removes for it.
 * While the first may go on the snapshot is not sent again, for it would be removed again.
 */
START_TEST(a_collector_is_late)
{
	g_autoptr(VkSnapshotKey) key = NULL;
	VkLease *late;

	prepare(0);
	take(2);
	ck_assert_uint_eq(replicated(), 2);
	key = find_key(to, 0);
	forget(to, 0);
	late = vk_lease_begin(to->store, VK_LEASE_COLLECT, NULL, NULL);
	ck_assert(vk_catalog_put_going(to, key, vk_lease_id(late), NULL));
	ck_assert(vk_lease_fence(to->store, vk_lease_id(late), NULL));
	collect(to);
	ck_assert_ptr_null(find_key(to, 0));
	refused("virtkeep gc");
	ck_assert(vk_catalog_delete(to, key, NULL));
	ck_assert(vk_catalog_delete_going(to, key, vk_lease_id(late), NULL));
	/* It has more to remove, but not this one. */
	sent_for_good();
	vk_lease_end(late);
	finish();
}
END_TEST

static VkSnapshotKey *raced;
static guint step;

/*
 * As the collector puts its mark, another one has removed the snapshot. It is sent again before the
 * collector looks for its fence.
 */
static gboolean send_it_again(VkStore *inner, const char *call)
{
	VkStore *watched = to->store;
	gboolean marks = g_str_has_prefix(call, "put snaps/") && strstr(call, ".gone-");

	if (step > 1 || (step == 0 ? !marks : strcmp(call, "list fence") != 0))
		return TRUE;
	to->store = inner;
	if (step++ == 0)
		ck_assert(vk_catalog_delete(to, raced, NULL));
	else
		ck_assert_uint_eq(replicate(mirror).count[VK_REPLICA_SENT], 1);
	to->store = watched;
	return TRUE;
}

START_TEST(a_collector_chose_the_first_one)
{
	WatchedStore *watched;
	VkStore *inner;
	VkCollectOptions how = {0};
	VkCollectResult result;

	prepare(0);
	take(2);
	ck_assert_uint_eq(replicated(), 2);
	raced = find_key(to, 0);
	forget(to, 0);
	inner = to->store;
	watched = watched_store_new(inner);
	watched->on_call = send_it_again;
	to->store = &watched->base;
	ck_assert(vk_collect(to, &how, &result, NULL));
	to->store = inner;
	watched_store_free(watched);
	ck_assert_uint_eq(step, 2);
	ck_assert_uint_eq(result.snapshots, 0);
	collect(to);
	check_generation(0);
	check_vault(to);
	vk_snapshot_key_free(raced);
	finish();
}
END_TEST

/* Two send the same snapshot. The second comes as the first is about to put it. */
static gboolean send_at_once(VkStore *inner, const char *call)
{
	VkStore *watched = to->store;
	const char *claim = "snaps/" UUID "/20260101T030405Z.claim";
	VkReplicateResult result;

	if (step > 0 || !g_str_has_prefix(call, "put snaps/") || !g_str_has_suffix(call, ".json"))
		return TRUE;
	step++;
	to->store = inner;
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_FAILED], 1);
	ck_assert_ptr_nonnull(strstr(trouble, "about to use the time"));
	/* Where put-if-absent is not kept, the claim is no hindrance. */
	ck_assert(inner->ops->delete (inner, claim, NULL));
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_FAILED], 1);
	ck_assert_ptr_nonnull(strstr(trouble, "at the same time"));
	ck_assert_ptr_null(find_key(to, 0));
	to->store = watched;
	return TRUE;
}

START_TEST(two_send_one)
{
	WatchedStore *watched;
	VkStore *inner;
	VkReplicateResult result;

	prepare(0);
	take(1);
	inner = to->store;
	watched = watched_store_new(inner);
	watched->on_call = send_at_once;
	to->store = &watched->base;
	result = replicate((VkReplicateOptions){0});
	to->store = inner;
	watched_store_free(watched);
	ck_assert_uint_eq(step, 1);
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	check_generation(0);
	check_vault(to);
	finish();
}
END_TEST

/* Of a session that has ended, nothing is in the way; of one that is at work, its claim is. */
START_TEST(a_claim_is_held_by_its_session)
{
	const char *name = "snaps/" UUID "/20260101T030405Z.claim";
	g_autoptr(VkSnapshotKey) key = NULL;
	g_autofree char *text = NULL;
	VkLease *lease;
	struct iovec content;
	VkReplicateResult result;

	prepare(0);
	take(1);
	key = find_key(from, 0);
	lease = vk_lease_begin(to->store, VK_LEASE_WRITE, NULL, NULL);
	text = g_strdup_printf("%s\n%s\n", key->id, vk_lease_id(lease));
	content = (struct iovec){text, strlen(text)};
	ck_assert(vk_store_put(to->store, name, &content, 1, VK_PUT_HINT, NULL));
	result = replicate((VkReplicateOptions){0});
	ck_assert_uint_eq(result.count[VK_REPLICA_FAILED], 1);
	ck_assert_ptr_nonnull(strstr(trouble, "about to use the time"));
	vk_lease_end(lease);
	ck_assert_uint_eq(replicated(), 1);
	check_generation(0);
	finish();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_removal_was_cut_off);
	tcase_add_test(tcase, a_collector_is_late);
	tcase_add_test(tcase, a_collector_chose_the_first_one);
	tcase_add_test(tcase, two_send_one);
	tcase_add_test(tcase, a_claim_is_held_by_its_session);
}

int main(void)
{
	return run_image_tests("replicate-again", add_tests);
}
