/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What names of exports, junctions, LUNs and durations mean to the ONTAP driver. */
#include "ontap-path.h"

#include "json.h"
#include "nfs-path.h"
#include "ontap-rest.h"

#include <check.h>

static void check_source(const char *source, const char *host, const char *export)
{
	g_autofree char *got_host = NULL;
	g_autofree char *got_export = NULL;

	ck_assert(vk_nfs_parse_source(source, &got_host, &got_export));
	ck_assert_str_eq(got_host, host);
	ck_assert_str_eq(got_export, export);
}

START_TEST(sources)
{
	char *host = NULL, *export = NULL;

	check_source("filer:/vol/vm", "filer", "/vol/vm");
	check_source("10.0.0.5:/", "10.0.0.5", "/");
	check_source("[2001:db8::1]:/vm", "2001:db8::1", "/vm");
	check_source("filer.example.org:/a:/b", "filer.example.org", "/a:/b");
	ck_assert(!vk_nfs_parse_source("/dev/sda1", &host, &export));
	ck_assert(!vk_nfs_parse_source(":/vm", &host, &export));
	ck_assert(!vk_nfs_parse_source("[2001:db8::1:/vm", &host, &export));
	ck_assert(!vk_nfs_parse_source(NULL, &host, &export));
}
END_TEST

START_TEST(joins)
{
	static const char *const cases[][4] = {
		{"/vm", "/", "/sub/disk.raw", "/vm/sub/disk.raw"},
		{"/vm/", "/", "//a///b/", "/vm/a/b"},
		{"/", "/", "/a", "/a"},
		{"/", "/", "", "/"},
		{"/vm", "/images", "/./a", "/vm/images/a"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = vk_nfs_join(cases[i][0], cases[i][1], cases[i][2], NULL);

		ck_assert_str_eq(path, cases[i][3]);
	}
}
END_TEST

static void check_volume(const json_t *volumes, const char *path, const char *name,
			 const char *inside)
{
	const char *got_inside = NULL;
	const json_t *volume = vk_ontap_find_volume(volumes, path, &got_inside);

	ck_assert_pstr_eq(vk_json_optional_string(volume, "name"), name);
	ck_assert_pstr_eq(got_inside, inside);
}

START_TEST(junctions)
{
	g_autoptr(json_t) volumes = json_pack(
		"[{s:s, s:{s:s}}, {s:s, s:{s:s}}, {s:s, s:{s:s}}, {s:s, s:{s:s}}, {s:s}]", "name",
		"vm", "nas", "path", "/vm", "name", "vmstore", "nas", "path", "/vmstore", "name",
		"a", "nas", "path", "/a", "name", "ab", "nas", "path", "/a/b", "name", "unmounted");
	g_autoptr(json_t) root = json_pack("[{s:s, s:{s:s}}]", "name", "root", "nas", "path", "/");

	/* The longest that ends with a whole word, whatever the case. */
	check_volume(volumes, "/vm/disk.raw", "vm", "disk.raw");
	check_volume(volumes, "/vmstore/disk.raw", "vmstore", "disk.raw");
	check_volume(volumes, "/VMStore/Disk.raw", "vmstore", "Disk.raw");
	check_volume(volumes, "/a/disk.raw", "a", "disk.raw");
	check_volume(volumes, "/a/b/disk.raw", "ab", "disk.raw");
	check_volume(volumes, "/a/bc/disk.raw", "a", "bc/disk.raw");
	check_volume(volumes, "/a/b", "ab", "");
	check_volume(volumes, "/vm/qtree/x/disk.raw", "vm", "qtree/x/disk.raw");
	check_volume(volumes, "/vms/disk.raw", NULL, NULL);
	check_volume(volumes, "/", NULL, NULL);
	check_volume(root, "/x/disk.raw", "root", "x/disk.raw");
	json_array_extend(volumes, root);
	check_volume(volumes, "/vms/disk.raw", "root", "vms/disk.raw");
	check_volume(volumes, "/vm/disk.raw", "vm", "disk.raw");
}
END_TEST

START_TEST(serials)
{
	static const char *const cases[][2] = {
		{"3600a098038314c4a433f577471797958", "81LJC?WtqyyX"},
		{"3600a098038303634722b4d59646c4436", "8064r+MYdlD6"},
		{"3600a0980383149764b5d567257516273", "81IvK]VrWQbs"},
		{"3600a098038314461522451712f316969", "81DaR$Qq/1ii"},
		{"3600a098077663049712b4e3475636b33", "wf0Iq+N4uck3"},
	};
	static const char *const others[] = {
		"360060e8007e2b1000030e2b100000001",   "3600a098038314c4a433f5774717979",
		"3600a098038314c4a433f57747179795800", "3600a098038314c4a433f577471797900",
		"3600a098038314c4a433f5774717979xy",   "",
	};
	char serial[VK_ONTAP_SERIAL_LENGTH + 1];

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *wwid = vk_ontap_wwid_of_serial(cases[i][1]);

		ck_assert(vk_ontap_serial_of_wwid(cases[i][0], serial));
		ck_assert_str_eq(serial, cases[i][1]);
		ck_assert_str_eq(wwid, cases[i][0]);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
		ck_assert(!vk_ontap_serial_of_wwid(others[i], serial));
}
END_TEST

START_TEST(durations)
{
	static const struct {
		const char *text;
		guint64 seconds;
	} cases[] = {
		{"PT8H35M42S", 30942}, {"P1DT2H", 93600}, {"P2W", 1209600},
		{"PT0S", 0},           {"P3D", 259200},   {"PT1.5S", 1},
	};
	static const char *const others[] = {"",    "P",   "8H",    "PT", "P1H",
					     "PT5", "P1Y", "PTT1H", "x"};
	guint64 seconds;

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		ck_assert_msg(vk_ontap_parse_duration(cases[i].text, &seconds), "%s",
			      cases[i].text);
		ck_assert_uint_eq(seconds, cases[i].seconds);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
		ck_assert_msg(!vk_ontap_parse_duration(others[i], &seconds), "%s", others[i]);
	ck_assert(!vk_ontap_parse_duration(NULL, &seconds));
}
END_TEST

START_TEST(urls_and_versions)
{
	g_autofree char *url =
		vk_ontap_url("/api/x", "name", "a b/ü*|", "path", "/81LJC?WtqyyX", NULL);

	ck_assert_str_eq(url, "/api/x?name=a%20b%2F%C3%BC%2A%7C&path=%2F81LJC%3FWtqyyX");
	ck_assert_uint_eq(vk_ontap_parse_version("9.11.1"), 91101);
	ck_assert_uint_eq(vk_ontap_parse_version("9.14"), 91400);
	ck_assert_uint_gt(vk_ontap_parse_version("10.1.1"), vk_ontap_parse_version("9.99.99"));
	ck_assert_uint_eq(vk_ontap_parse_version("9"), 0);
	ck_assert_uint_eq(vk_ontap_parse_version("9.11.1P2"), 0);
	ck_assert_uint_eq(vk_ontap_parse_version("x.y"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-path");
	TCase *tcase = tcase_create("ontap-path");

	tcase_add_test(tcase, sources);
	tcase_add_test(tcase, joins);
	tcase_add_test(tcase, junctions);
	tcase_add_test(tcase, serials);
	tcase_add_test(tcase, durations);
	tcase_add_test(tcase, urls_and_versions);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
