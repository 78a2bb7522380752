/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The collector on a store that fails, is full, or while it is interrupted: the vault stays whole.
 */
#include "collect-bed.h"
#include "errors.h"
#include "image-bed.h"
#include "interrupt.h"
#include "lease-list.h"
#include "vault-parts.h"

static const VkCollectOptions plain;

static guint calls_left;
static const VkStoreOps *sound;

static gboolean fails(GError **error)
{
	if (calls_left > 0 && --calls_left == 0)
		return !vk_fail(error, VK_ERROR_FAILED, "this call fails");
	return FALSE;
}

static VkNewObject *failing_begin(VkStore *store, const char *name, GError **error)
{
	return fails(error) ? NULL : sound->begin(store, name, error);
}

static gboolean failing_append(VkNewObject *object, const void *bytes, gsize length, GError **error)
{
	return !fails(error) && sound->append(object, bytes, length, error);
}

static gboolean failing_finish(VkNewObject *object, const char *name, VkPutMode mode,
			       GError **error)
{
	if (!fails(error))
		return sound->finish(object, name, mode, error);
	sound->drop(object);
	return FALSE;
}

static gboolean failing_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	return !fails(error) && sound->get(store, name, offset, buf, length, error);
}

static GPtrArray *failing_list(VkStore *store, const char *folder, GError **error)
{
	return fails(error) ? NULL : sound->list(store, folder, error);
}

static gboolean failing_delete(VkStore *store, const char *name, GError **error)
{
	return !fails(error) && sound->delete (store, name, error);
}

/* What cannot be put, and why. Hints are removed to make room. */
static const char *barred;
static VkErrorCode barrier;

static VkNewObject *begin_unless_barred(VkStore *store, const char *name, GError **error)
{
	if (!g_str_has_prefix(name, barred) || (barrier == VK_ERROR_FULL && count_in("hints") == 0))
		return sound->begin(store, name, error);
	vk_fail(error, barrier, "nothing can be put");
	return NULL;
}

static gboolean collect_barred(const char *prefix, VkErrorCode code, VkCollectResult *result,
			       GError **error)
{
	VkStoreOps barring;
	gboolean done;

	sound = vault->store->ops;
	barring = *sound;
	barring.begin = begin_unless_barred;
	barred = prefix;
	barrier = code;
	vault->store->ops = &barring;
	done = vk_collect(vault, &plain, result, error);
	vault->store->ops = sound;
	return done;
}

/* The last one is for compaction, which gets no room. */
static const char *const needed[] = {"leases/", "snaps/", "gc/", "packs/"};

START_TEST(a_full_vault_gets_the_room_of_its_hints)
{
	g_autoptr(GError) error = NULL;
	VkCollectResult result;

	save_half_dead_pack(20);
	ck_assert_uint_gt(count_in("hints"), 0);
	ck_assert_msg(collect_barred(needed[_i], VK_ERROR_FULL, &result, &error), "%s",
		      error ? error->message : "");
	ck_assert_uint_eq(count_in("hints"), 0);
	ck_assert_uint_eq(result.snapshots, 1);
	ck_assert_uint_eq(result.compacted, 1);
	check_existing();
	check_tidy();
	drop_generations();
}
END_TEST

/* That would help nobody, and the next backup would have to read all tables. */
START_TEST(a_vault_that_fails_keeps_its_hints)
{
	g_autoptr(GError) error = NULL;
	VkCollectResult result;
	guint before;

	save_half_dead_pack(20);
	before = count_in("hints");
	ck_assert(!collect_barred(needed[_i], VK_ERROR_FAILED, &result, &error));
	ck_assert_str_eq(error->message, "nothing can be put");
	ck_assert_uint_eq(count_in("hints"), before);
	check_existing();
	drop_generations();
}
END_TEST

/* As the death of the process that could not end its lease does in the end. */
static void end_leases(void)
{
	g_autoptr(GPtrArray) leases = vk_leases_list(vault->store, NULL);

	for (guint i = 0; i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);
		g_autoptr(json_t) nothing = json_object();

		if (!lease->ended)
			put_foreign_lease(lease->id, "end", nothing);
	}
}

/* Whatever call fails, what exists can be read, and the next run brings it to the end. */
START_TEST(any_call_may_fail)
{
	VkStoreOps failing;
	guint n, failures = 0;

	save_generations(GENERATIONS, SIZE);
	forget(1);
	forget(4);
	forget(5);
	sound = vault->store->ops;
	failing = *sound;
	failing.begin = failing_begin;
	failing.append = failing_append;
	failing.finish = failing_finish;
	failing.get = failing_get;
	failing.list = failing_list;
	failing.delete = failing_delete;
	for (n = 1; n < 5000; n += 1 + n / 12) {
		VkCollectResult result;
		g_autoptr(GError) error = NULL;

		calls_left = n;
		vault->store->ops = &failing;
		if (!vk_collect(vault, &plain, &result, &error))
			failures++;
		vault->store->ops = sound;
		end_leases();
		check_existing();
		if (calls_left > 0)
			break;
	}
	ck_assert_uint_gt(failures, 10);
	calls_left = 0;
	collect_well(&plain);
	ck_assert(!exists(1) && !exists(4) && !exists(5));
	ck_assert(exists(0) && exists(2) && exists(7));
	check_existing();
	collect_well(&plain);
	check_tidy();
	drop_generations();
}
END_TEST

START_TEST(an_interruption_leaves_a_whole_vault)
{
	VkCollectResult result;
	g_autoptr(GError) error = NULL;

	save_generations(GENERATIONS, SIZE);
	forget(0);
	vk_set_interrupted(TRUE);
	ck_assert(!vk_collect(vault, &plain, &result, &error));
	vk_set_interrupted(FALSE);
	ck_assert_str_eq(error->message, "interrupted");
	ck_assert(exists(0));
	check_existing();
	check_tidy();
	drop_generations();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_full_vault_gets_the_room_of_its_hints, 0,
			    G_N_ELEMENTS(needed) - 1);
	tcase_add_loop_test(tcase, a_vault_that_fails_keeps_its_hints, 0, G_N_ELEMENTS(needed));
	tcase_add_test(tcase, any_call_may_fail);
	tcase_add_test(tcase, an_interruption_leaves_a_whole_vault);
}

int main(void)
{
	return run_image_tests("collect-trouble", add);
}
