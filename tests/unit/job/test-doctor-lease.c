/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the doctor says of leases in the vault, and which it removes. */
#include "doctor.h"
#include "errors.h"

#include "lease.h"
#include "lease-list.h"
#include "temp-vault.h"
#include "vault-parts.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *directory;
static VkVault *vault;
static GPtrArray *findings;

static void setup(void)
{
	g_autofree char *path = NULL;

	directory = temp_directory_new();
	path = g_build_filename(directory, "vault", NULL);
	vault = vk_vault_init(path, NULL);
	ck_assert_ptr_nonnull(vault);
	findings = g_ptr_array_new_with_free_func((GDestroyNotify)vk_finding_free);
}

static void teardown(void)
{
	g_ptr_array_unref(findings);
	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_free(directory);
}

static VkLease *begin(void)
{
	VkLease *lease = vk_lease_begin(vault->store, VK_LEASE_WRITE, NULL, NULL);

	ck_assert_ptr_nonnull(lease);
	return lease;
}

/* The only finding; NULL: there is none. */
static const VkFinding *examine(gboolean fix)
{
	const VkDoctorOptions options = {.vault = vault, .fix = fix};

	g_ptr_array_set_size(findings, 0);
	ck_assert(vk_doctor_vault(&options, findings, NULL));
	ck_assert_uint_le(findings->len, 1);
	return findings->len ? g_ptr_array_index(findings, 0) : NULL;
}

START_TEST(who_works_is_no_finding)
{
	VkLease *lease = begin();

	ck_assert_ptr_null(examine(TRUE));
	vk_lease_end(lease);
	ck_assert_ptr_null(examine(TRUE));
}
END_TEST

START_TEST(what_a_killed_process_left_is_fixed)
{
	pid_t child = fork();
	const VkFinding *finding;
	int status;

	if (child == 0) {
		begin();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	finding = examine(FALSE);
	ck_assert_str_eq(finding->kind, "lease");
	ck_assert_str_eq(finding->remedy, "virtkeep doctor --fix");
	ck_assert(!finding->fixed);
	finding = examine(TRUE);
	ck_assert(finding->fixed);
	ck_assert_ptr_null(examine(FALSE));
}
END_TEST

START_TEST(who_is_fenced_is_named)
{
	VkLease *lease = begin();
	const VkFinding *finding;

	ck_assert(vk_lease_fence(vault->store, vk_lease_id(lease), NULL));
	finding = examine(TRUE);
	ck_assert_ptr_nonnull(strstr(finding->what, "taken for dead"));
	ck_assert_ptr_null(finding->remedy);
	vk_lease_end(lease);
}
END_TEST

START_TEST(what_cannot_be_read_is_named)
{
	const VkFinding *finding;

	ck_assert(vk_store_put(vault->store, "leases/00000000000000000000000000000000.0", NULL, 0,
			       VK_PUT_NOW, NULL));
	finding = examine(TRUE);
	ck_assert_ptr_nonnull(strstr(finding->what, "cannot be read"));
	ck_assert(!finding->fixed);
}
END_TEST

START_TEST(an_announcement_without_a_lease_is_removed)
{
	const char *name = "gc/00000000000000000000000000000000";
	const VkFinding *finding;
	guint64 size;

	ck_assert(vk_store_put(vault->store, name, NULL, 0, VK_PUT_NOW, NULL));
	finding = examine(FALSE);
	ck_assert_ptr_nonnull(strstr(finding->what, name));
	ck_assert_str_eq(finding->remedy, "virtkeep doctor --fix");
	ck_assert(examine(TRUE)->fixed);
	ck_assert(!vault->store->ops->head(vault->store, name, &size, NULL, NULL));
	ck_assert_ptr_null(examine(FALSE));
}
END_TEST

START_TEST(who_does_not_come_back_is_ended)
{
	const char *id = "00000000000000000000000000000000";
	g_autoptr(GError) error = NULL;
	const VkFinding *finding;

	ck_assert(vk_store_put(vault->store, "leases/00000000000000000000000000000000.0", NULL, 0,
			       VK_PUT_NOW, NULL));
	finding = examine(TRUE);
	ck_assert_ptr_nonnull(strstr(finding->what, "--end-lease 00000000"));
	g_ptr_array_set_size(findings, 0);
	ck_assert(vk_doctor_end_lease(vault, id, findings, NULL));
	ck_assert_uint_eq(findings->len, 1);
	ck_assert_ptr_null(examine(FALSE));
	ck_assert(!vk_doctor_end_lease(vault, id, findings, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

START_TEST(without_a_vault_there_are_none)
{
	const VkDoctorOptions options = {.fix = TRUE};

	ck_assert(vk_doctor_vault(&options, findings, NULL));
	ck_assert_uint_eq(findings->len, 0);
}
END_TEST

static Suite *doctor_lease_suite(void)
{
	Suite *suite = suite_create("doctor-lease");
	TCase *cases = tcase_create("doctor-lease");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, who_works_is_no_finding);
	tcase_add_test(cases, what_a_killed_process_left_is_fixed);
	tcase_add_test(cases, who_is_fenced_is_named);
	tcase_add_test(cases, what_cannot_be_read_is_named);
	tcase_add_test(cases, an_announcement_without_a_lease_is_removed);
	tcase_add_test(cases, who_does_not_come_back_is_ended);
	tcase_add_test(cases, without_a_vault_there_are_none);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(doctor_lease_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
