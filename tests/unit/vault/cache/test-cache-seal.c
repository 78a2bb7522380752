/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hides the cache of an encrypted vault: each value opens in its place alone. */
#include "cache-seal.h"

#include <check.h>
#include <string.h>

static const guint8 vault_id[] = "vault-id-16bytes";
static VkKeyring *keyring;
static VkCacheSeal *seal;

static void set_up(void)
{
	keyring = vk_keyring_generate(vault_id);
	seal = vk_cache_seal_new(keyring);
}

static void tear_down(void)
{
	vk_cache_seal_free(seal);
	vk_keyring_free(keyring);
}

START_TEST(a_value_comes_back)
{
	g_autoptr(GBytes) value = g_bytes_new_static("value", (gsize)_i);
	g_autoptr(GBytes) sealed = vk_cache_seal_close(seal, "1/a/b", 7, value);
	g_autoptr(GBytes) again = vk_cache_seal_close(seal, "1/a/b", 7, value);
	g_autoptr(GBytes) opened = vk_cache_seal_open(seal, "1/a/b", 7, sealed);

	ck_assert(g_bytes_equal(opened, value));
	ck_assert(!g_bytes_equal(sealed, again));
}
END_TEST

START_TEST(nothing_else_opens)
{
	g_autoptr(GBytes) value = g_bytes_new_static("value", 5);
	g_autoptr(GBytes) sealed = vk_cache_seal_close(seal, "1/a/b", 7, value);
	g_autofree guint8 *bytes = g_memdup2(g_bytes_get_data(sealed, NULL), 5 + 28);
	VkKeyring *others = vk_keyring_generate(vault_id);
	VkCacheSeal *other = vk_cache_seal_new(others);

	ck_assert_uint_eq(g_bytes_get_size(sealed), 5 + 28);
	ck_assert_ptr_null(vk_cache_seal_open(seal, "2/a/b", 7, sealed));
	ck_assert_ptr_null(vk_cache_seal_open(seal, "1/a/c", 7, sealed));
	ck_assert_ptr_null(vk_cache_seal_open(seal, "1/a/b", 8, sealed));
	ck_assert_ptr_null(vk_cache_seal_open(other, "1/a/b", 7, sealed));
	for (guint i = 0; i < 5 + 28; i++) {
		g_autoptr(GBytes) bad = NULL, cut = g_bytes_new(bytes, i);

		bytes[i] ^= 1;
		bad = g_bytes_new(bytes, 5 + 28);
		ck_assert_ptr_null(vk_cache_seal_open(seal, "1/a/b", 7, bad));
		bytes[i] ^= 1;
		ck_assert_ptr_null(vk_cache_seal_open(seal, "1/a/b", 7, cut));
	}
	vk_cache_seal_free(other);
	vk_keyring_free(others);
}
END_TEST

START_TEST(a_name_is_hidden_and_stays_the_same)
{
	g_autofree char *one = vk_cache_seal_name(seal, "one"),
			*two = vk_cache_seal_name(seal, "two");
	g_autofree char *again = vk_cache_seal_name(seal, "one");

	ck_assert_str_eq(one, again);
	ck_assert_str_ne(one, two);
	ck_assert_uint_eq(strlen(one), 32);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cache-seal");
	TCase *tcase = tcase_create("cache-seal");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, a_value_comes_back, 0, 6);
	tcase_add_test(tcase, nothing_else_opens);
	tcase_add_test(tcase, a_name_is_hidden_and_stays_the_same);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
