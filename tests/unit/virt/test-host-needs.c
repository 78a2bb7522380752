/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a definition needs of its host, and whether libvirt's test driver has it. */
#include "errors.h"
#include "host-needs.h"

#include <check.h>

static char *list_of(const char *name)
{
	g_autofree char *path = g_build_filename(g_getenv("VK_TEST_DATA"), "domains", name, NULL);
	g_autofree char *xml = NULL;
	g_autoptr(GPtrArray) needs = NULL;
	GString *text = g_string_new(NULL);

	ck_assert(g_file_get_contents(path, &xml, NULL, NULL));
	needs = vk_needs_of(xml, NULL);
	ck_assert_ptr_nonnull(needs);
	for (guint i = 0; i < needs->len; i++) {
		g_autofree char *label = vk_need_label(needs->pdata[i]);

		g_string_append_printf(text, "%s\n", label);
	}
	return g_string_free(text, FALSE);
}

static void assert_needs(const char *name, const char *expected)
{
	g_autofree char *found = list_of(name);

	ck_assert_str_eq(found, expected);
}

START_TEST(a_definition_names_them)
{
	assert_needs("cloud-instance.xml", "bridge or network device 'br-int'\n"
					   "bridge or network device 'ens2f1'\n"
					   "file '/usr/bin/qemu-system-x86_64'\n");
	assert_needs("sources.xml", "secret 'f52a81b2-424e-490c-823d-6bd4235bc572'\n"
				    "secret 'libvirtiscsi'\n"
				    "secret 'b2b1b1a6-1f9f-4b0a-9f2c-2f3b1f7f6c55'\n"
				    "storage pool 'default'\n"
				    "file '/usr/bin/qemu-system-x86_64'\n");
	assert_needs("direct-boot-virtiofs.xml", "file '/usr/bin/qemu-system-x86_64'\n"
						 "file '/srv/kernels/bzImage'\n"
						 "file '/srv/kernels/initrd.img'\n"
						 "file '/srv/kernels/board.dtb'\n");
	assert_needs("arm-router.xml", "network 'ovs-net'\n"
				       "file '/usr/bin/qemu-system-aarch64'\n"
				       "file '/usr/share/AAVMF/AAVMF_CODE.fd'\n");
}
END_TEST

static const struct {
	VkNeedKind kind;
	char name[48];
	const char *lack;
} checks[] = {
	{VK_NEED_NETWORK, "default", NULL},
	{VK_NEED_NETWORK, "no-such-net", "does not exist"},
	{VK_NEED_POOL, "default-pool", NULL},
	{VK_NEED_POOL, "no-such-pool", "does not exist"},
	{VK_NEED_SECRET, "f52a81b2-424e-490c-823d-6bd4235bc572", "does not exist"},
	{VK_NEED_SECRET, "a usage", "does not exist"},
	{VK_NEED_BRIDGE, "lo", NULL},
	{VK_NEED_BRIDGE, "no-such-bridge", "does not exist"},
	{VK_NEED_FILE, "/proc/self/exe", NULL},
	{VK_NEED_FILE, "/no/such/file", "does not exist"},
};

START_TEST(a_host_has_them_or_not)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkHost) host = vk_host_open("test:///default", &error);
	g_autofree char *name = g_strdup(checks[_i].name);
	const VkNeed need = {checks[_i].kind, name};
	const char *lack = "unset";

	g_assert_no_error(error);
	ck_assert_msg(vk_host_check_need(host, &need, &lack, &error), "%s",
		      error ? error->message : "");
	ck_assert_pstr_eq(lack, checks[_i].lack);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("host-needs");
	TCase *tests = tcase_create("host-needs");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, a_definition_names_them);
	tcase_add_loop_test(tests, a_host_has_them_or_not, 0, G_N_ELEMENTS(checks));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
