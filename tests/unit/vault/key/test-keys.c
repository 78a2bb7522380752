/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys: known answers, what each role has, and key slots. */
#include "errors.h"
#include "json.h"
#include "key-slot.h"
#include "layout.h"
#include "temp-vault.h"

#include <check.h>
#include <string.h>

static const guint8 vault_id[] = "vault-id-16bytes";
static char *directory;
static VkStore *store;

static void set_up(void)
{
	directory = temp_directory_new();
	store = vk_store_dir_new(directory, vk_vault_folders, NULL);
	ck_assert_ptr_nonnull(store);
}

static void tear_down(void)
{
	store->ops->free(store);
	temp_directory_remove(directory);
	g_clear_pointer(&directory, g_free);
}

static void check_hex(const void *bytes, gsize length, const char *expected)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (gsize i = 0; i < length; i++)
		g_string_append_printf(text, "%02x", ((const guint8 *)bytes)[i]);
	ck_assert_str_eq(text->str, expected);
}

static VkKey test_key(guint8 first)
{
	VkKey key;

	for (guint i = 0; i < VK_KEY_SIZE; i++)
		key.bytes[i] = (guint8)(first + i);
	return key;
}

/* The answers were computed with another implementation: Python's hmac and cryptography. */
START_TEST(derived_keys_never_change)
{
	VkKey from = test_key(0), key;

	vk_key_derive(from.bytes, VK_KEY_SIZE, "0123456789abcdef", 16, "virtkeep test", "context",
		      7, &key);
	check_hex(key.bytes, VK_KEY_SIZE,
		  "5778b17ebdd94df4516c5f8a1efe57919c62b433c68750c2fdbb3972c12b65c4");
}
END_TEST

START_TEST(sealed_bytes_never_change)
{
	VkKey key = test_key(0);
	VkNonce nonce = vk_nonce(0x0102030405060708, TRUE);
	char plain[] = "what is sealed";
	guint8 sealed[sizeof(plain) + VK_TAG_SIZE];

	vk_aead_seal(&key, &nonce, "with", 4, plain, sizeof(plain), sealed);
	check_hex(sealed, sizeof(sealed),
		  "6edcf9647abc29a21dd43bea9000b2bf99255f9d73bd4c8c"
		  "3bddc903f232a3");
}
END_TEST

START_TEST(any_other_bit_does_not_open)
{
	VkKey key = test_key(1);
	VkNonce nonce = vk_nonce(7, FALSE);
	guint8 sealed[40 + VK_TAG_SIZE], plain[40] = {0}, opened[40];

	vk_aead_seal(&key, &nonce, "ab", 2, plain, sizeof(plain), sealed);
	ck_assert(vk_aead_open(&key, &nonce, "ab", 2, sealed, sizeof(sealed), opened));
	ck_assert_mem_eq(opened, plain, sizeof(plain));
	for (gsize i = 0; i < sizeof(sealed) * 8; i++) {
		sealed[i / 8] ^= (guint8)(1 << i % 8);
		ck_assert(!vk_aead_open(&key, &nonce, "ab", 2, sealed, sizeof(sealed), opened));
		sealed[i / 8] ^= (guint8)(1 << i % 8);
	}
	ck_assert(!vk_aead_open(&key, &nonce, "ac", 2, sealed, sizeof(sealed), opened));
	ck_assert(!vk_aead_open(&key, &nonce, "ab", 2, sealed, sizeof(sealed) - 1, opened));
	nonce = vk_nonce(7, TRUE);
	ck_assert(!vk_aead_open(&key, &nonce, "ab", 2, sealed, sizeof(sealed), opened));
	ck_assert(!vk_aead_open(&key, &nonce, "ab", 2, sealed, VK_TAG_SIZE - 1, opened));
}
END_TEST

/* What each role must have, by the table in keyring.h. */
static const char *const of_role[VK_N_ROLES] = {
	[VK_ROLE_FULL] = "imobpP", [VK_ROLE_BACKUP] = "imob", [VK_ROLE_RESTORE] = "mobp",
	[VK_ROLE_COLLECT] = "mo",  [VK_ROLE_APPEND] = "imoP",
};

START_TEST(a_role_has_its_keys_and_no_others)
{
	static const char letters[] = "imobpP";
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	guint8 packed[VK_KEYRING_PACKED_MAX];
	gsize length = vk_keyring_pack(full, (VkRole)_i, packed);
	g_autoptr(VkKeyring) keyring = vk_keyring_unpack(vault_id, (VkRole)_i, packed, length);

	ck_assert_ptr_nonnull(keyring);
	ck_assert_uint_eq(length, 1 + strlen(of_role[_i]) * VK_KEY_SIZE);
	for (guint kind = 0; kind < VK_N_KEYS; kind++) {
		const VkKey *key = vk_keyring_get(keyring, (VkKeyKind)kind);
		const VkKey *whole = vk_keyring_get(full, (VkKeyKind)kind);

		ck_assert_int_eq(key != NULL, strchr(of_role[_i], letters[kind]) != NULL);
		/* No key that the role has not is in what its slot seals. */
		if (key)
			ck_assert_mem_eq(key, whole, sizeof(*key));
		else
			ck_assert_ptr_null(memmem(packed, length, whole, sizeof(*whole)));
	}
	ck_assert_ptr_null(
		vk_keyring_unpack(vault_id, (VkRole)((_i + 1) % VK_N_ROLES), packed, length));
	ck_assert_ptr_null(vk_keyring_unpack(vault_id, (VkRole)_i, packed, length - 1));
}
END_TEST

START_TEST(only_the_private_key_unwraps)
{
	g_autoptr(VkKeyring) keyring = vk_keyring_generate(vault_id);
	g_autoptr(VkKeyring) other = vk_keyring_generate(vault_id);
	VkKey key = test_key(3), opened;
	guint8 wrapped[VK_WRAPPED_SIZE], again[VK_WRAPPED_SIZE];

	vk_keyring_wrap(keyring, &key, wrapped);
	vk_keyring_wrap(keyring, &key, again);
	ck_assert(memcmp(wrapped, again, sizeof(wrapped)) != 0);
	ck_assert(vk_keyring_unwrap(keyring, wrapped, &opened));
	ck_assert_mem_eq(&opened, &key, sizeof(key));
	ck_assert(!vk_keyring_unwrap(other, wrapped, &opened));
	for (guint i = 0; i < sizeof(wrapped); i++) {
		wrapped[i] ^= 1;
		ck_assert(!vk_keyring_unwrap(keyring, wrapped, &opened));
		wrapped[i] ^= 1;
	}
}
END_TEST

static char *add(const VkKeyring *keyring, VkRole role, const char *text)
{
	g_autoptr(VkSecret) secret = vk_secret_new(text, strlen(text));
	char *id = NULL;

	ck_assert(vk_key_slot_add(store, keyring, role, secret, "label", &id, NULL));
	return id;
}

static VkKeyring *open_with(const char *text, char **ret_id, GError **error)
{
	g_autoptr(VkSecret) secret = vk_secret_new(text, strlen(text));

	return vk_key_slots_open(store, vault_id, secret, ret_id, error);
}

#define FILE_A "\1the bytes of a key file, at least 32 of them: a"
#define FILE_B "\1the bytes of a key file, at least 32 of them: b"

START_TEST(a_slot_opens_with_its_secret_alone)
{
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	g_autofree char *a = add(full, VK_ROLE_FULL, FILE_A);
	g_autofree char *b = add(full, VK_ROLE_COLLECT, FILE_B);
	g_autofree char *used = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(VkKeyring) keyring = open_with(FILE_B, &used, NULL);

	ck_assert_ptr_nonnull(keyring);
	ck_assert_str_eq(used, b);
	ck_assert_int_eq(vk_keyring_role(keyring), VK_ROLE_COLLECT);
	ck_assert_ptr_null(open_with(FILE_A "x", NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DENIED));
}
END_TEST

/* It takes a second, so all that is to say of a passphrase is said at once. */
START_TEST(a_passphrase_opens_with_or_without_a_line_break)
{
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	/* As a file or a command has it, and longer than a key file has to be. */
	g_autofree char *id = add(full, VK_ROLE_BACKUP, "correct horse battery staple, and more\n");
	g_autoptr(VkKeyring) typed =
		open_with("correct horse battery staple, and more", NULL, NULL);
	g_autoptr(VkKeyring) keyring =
		open_with("correct horse battery staple, and more\n", NULL, NULL);

	ck_assert_ptr_nonnull(typed);
	ck_assert_ptr_nonnull(keyring);
	ck_assert_int_eq(vk_keyring_role(keyring), VK_ROLE_BACKUP);
	ck_assert_ptr_null(open_with("correct horses", NULL, NULL));
}
END_TEST

START_TEST(exported_slots_are_put_back)
{
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	g_autofree char *a = add(full, VK_ROLE_FULL, FILE_A);
	g_autofree char *b = add(full, VK_ROLE_BACKUP, FILE_B);
	g_autoptr(json_t) slots = vk_key_slots_export(store, NULL);
	g_autofree char *path = g_strdup_printf("%s/keys/%s.json", directory, a);
	g_autoptr(VkKeyring) keyring = NULL, other = NULL;
	guint count = 0;

	ck_assert(vk_key_slot_remove(store, b, NULL));
	ck_assert(vk_key_slots_import(store, slots, &count, NULL));
	ck_assert_uint_eq(count, 1);
	keyring = open_with(FILE_B, NULL, NULL);
	ck_assert_ptr_nonnull(keyring);
	ck_assert(g_file_set_contents(path, "{}", -1, NULL));
	ck_assert(vk_key_slots_import(store, slots, &count, NULL));
	ck_assert_uint_eq(count, 1);
	other = open_with(FILE_A, NULL, NULL);
	ck_assert_ptr_nonnull(other);
	json_object_set_new(slots, "../vault", json_object());
	ck_assert(!vk_key_slots_import(store, slots, &count, NULL));
}
END_TEST

START_TEST(a_passphrase_is_one_line_of_text)
{
	static const struct {
		const char *text;
		gboolean is_passphrase;
	} cases[] = {{"a line", TRUE},      {"a line\n", TRUE}, {"\xc3\xa4 word", TRUE},
		     {"two\nlines", FALSE}, {"a\ttab", FALSE},  {"\xe4 latin", FALSE},
		     {"a line\n\n", FALSE}};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(VkSecret) secret = vk_secret_new(cases[i].text, strlen(cases[i].text));

		ck_assert_int_eq(vk_secret_is_passphrase(secret), cases[i].is_passphrase);
	}
}
END_TEST

START_TEST(secrets_that_are_too_short_are_refused)
{
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	g_autoptr(VkSecret) typed = vk_secret_new("short", 5);
	g_autoptr(VkSecret) content = vk_secret_new("\1short", 6);
	g_autoptr(GError) error = NULL;
	char *id = NULL;

	ck_assert(!vk_key_slot_add(store, full, VK_ROLE_FULL, content, "", &id, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
	ck_assert(!vk_key_slot_add(store, full, VK_ROLE_FULL, typed, "", &id, NULL));
}
END_TEST

/* Puts SLOT back with the member KEY changed to VALUE. */
static void alter(const char *id, const char *from, const char *to)
{
	g_autofree char *path = g_strdup_printf("%s/keys/%s.json", directory, id);
	g_autofree char *text = NULL, *line = NULL, *sum = NULL, *all = NULL;
	g_auto(GStrv) parts = NULL, lines = NULL;

	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", 2);
	parts = g_strsplit(lines[0], from, 2);
	ck_assert_uint_eq(g_strv_length(parts), 2);
	line = g_strconcat(parts[0], to, parts[1], NULL);
	sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, line, -1);
	all = g_strdup_printf("%s\n{\"sha256\":\"%s\"}\n", line, sum);
	ck_assert(g_file_set_contents(path, all, -1, NULL));
}

START_TEST(a_slot_cannot_be_given_another_role)
{
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	g_autofree char *id = add(full, VK_ROLE_BACKUP, FILE_A);

	alter(id, "\"role\":\"backup\"", "\"role\":\"full\"");
	ck_assert_ptr_null(open_with(FILE_A, NULL, NULL));
}
END_TEST

START_TEST(a_cost_that_cannot_be_is_refused)
{
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	g_autofree char *id = add(full, VK_ROLE_FULL, "correct horse");
	g_autoptr(GError) error = NULL;

	alter(id, "\"r\":8", "\"r\":8000");
	ck_assert_ptr_null(open_with("correct horse", NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
}
END_TEST

/* Either the key is a wrong one, or it is that of the slot that cannot be used. */
START_TEST(a_key_that_does_not_fit_may_be_that_of_a_damaged_slot)
{
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	g_autofree char *a = add(full, VK_ROLE_FULL, FILE_A);
	g_autofree char *b = add(full, VK_ROLE_FULL, FILE_B);
	g_autofree char *path = g_strdup_printf("%s/keys/%s.json", directory, b);
	GError *error = NULL;

	alter(b, "\"sealed\":\"", "\"sealed\":\"AAAA\",\"was\":\"");
	for (guint i = 0; i < 2; i++) {
		ck_assert_ptr_null(open_with(FILE_B, NULL, &error));
		ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DENIED));
		ck_assert_msg(strstr(error->message, "fits none of the 1 ") &&
				      strstr(error->message, "1 cannot be"),
			      "%s", error->message);
		g_clear_error(&error);
		/* And once more with one that cannot even be read. */
		ck_assert(g_file_set_contents(path, "{}", -1, NULL));
	}
}
END_TEST

START_TEST(the_last_full_key_stays)
{
	g_autoptr(VkKeyring) full = vk_keyring_generate(vault_id);
	g_autofree char *a = add(full, VK_ROLE_FULL, FILE_A);
	g_autofree char *b = add(full, VK_ROLE_BACKUP, FILE_B);
	g_autofree char *c = NULL;
	g_autoptr(GPtrArray) slots = NULL;
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_key_slot_remove(store, a, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert(!vk_key_slot_remove(store, "0123456789abcdef", NULL));
	ck_assert(vk_key_slot_remove(store, b, NULL));
	c = add(full, VK_ROLE_FULL, FILE_B);
	ck_assert(vk_key_slot_remove(store, a, NULL));
	slots = vk_key_slots_list(store, NULL, NULL);
	ck_assert_uint_eq(slots->len, 1);
	ck_assert_str_eq(((const VkKeySlot *)slots->pdata[0])->id, c);
	ck_assert_ptr_null(open_with(FILE_A, NULL, NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keys");
	TCase *tcase = tcase_create("keys");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, derived_keys_never_change);
	tcase_add_test(tcase, sealed_bytes_never_change);
	tcase_add_test(tcase, any_other_bit_does_not_open);
	tcase_add_loop_test(tcase, a_role_has_its_keys_and_no_others, 0, VK_N_ROLES);
	tcase_add_test(tcase, only_the_private_key_unwraps);
	tcase_add_test(tcase, a_slot_opens_with_its_secret_alone);
	tcase_add_test(tcase, a_passphrase_opens_with_or_without_a_line_break);
	tcase_add_test(tcase, exported_slots_are_put_back);
	tcase_add_test(tcase, a_passphrase_is_one_line_of_text);
	tcase_add_test(tcase, secrets_that_are_too_short_are_refused);
	tcase_add_test(tcase, a_slot_cannot_be_given_another_role);
	tcase_add_test(tcase, a_cost_that_cannot_be_is_refused);
	tcase_add_test(tcase, a_key_that_does_not_fit_may_be_that_of_a_damaged_slot);
	tcase_add_test(tcase, the_last_full_key_stays);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
