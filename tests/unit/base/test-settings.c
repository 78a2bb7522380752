/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"
#include "user-defaults.h"

#include "errors.h"
#include "mapping.h"
#include "retention.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Loads TEXT as a configuration file. */
static VkSettings *load(const char *text, GError **error)
{
	g_autofree char *folder = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "test.conf", NULL);
	VkSettings *settings;

	ck_assert(g_file_set_contents(path, text, -1, NULL));
	settings = vk_settings_load(path, error);
	g_unlink(path);
	g_rmdir(folder);
	return settings;
}

START_TEST(file_wins_over_default)
{
	g_autoptr(VkSettings) settings =
		load("[vault]\nurl = /srv/vault \n[backup]\nworkers=3\n", NULL);

	ck_assert_ptr_nonnull(settings);
	ck_assert_str_eq(vk_settings_get(settings, "vault", "url"), "/srv/vault");
	ck_assert_uint_eq(vk_settings_get_uint(settings, "backup", "workers"), 3);
	ck_assert_str_eq(vk_settings_get(settings, "libvirt", "uri"), "qemu:///system");
	ck_assert_uint_eq(vk_settings_get_uint(settings, "backup", "agent_timeout"), 30);
}
END_TEST

START_TEST(words_are_split)
{
	g_autoptr(VkSettings) settings =
		load("[restore]\nKVM_RESTORE_VM_LIST = a  b@latest\tc\n", NULL);
	g_autoptr(VkSettings) empty = load("", NULL);
	g_auto(GStrv) words = vk_settings_get_words(settings, "restore", "KVM_RESTORE_VM_LIST");
	g_auto(GStrv) none = vk_settings_get_words(empty, "restore", "KVM_RESTORE_VM_LIST");
	g_autofree char *joined = g_strjoinv("|", words);

	ck_assert_str_eq(joined, "a|b@latest|c");
	ck_assert_uint_eq(g_strv_length(none), 0);
}
END_TEST

START_TEST(words_with_spaces_are_kept)
{
	static const struct {
		const char *value, *words;
	} lists[] = {
		{"my guest;", "my guest"},
		{"VM1,VM2, VM3", "VM1|VM2|VM3"},
		{"a,b; my guest", "a,b|my guest"},
		{"my guest; web1@latest ;;\tdb 1", "my guest|web1@latest|db 1"},
		{"my guest\\ndb 1", "my guest|db 1"},
		{" ; ;", ""},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
		g_autofree char *text =
			g_strdup_printf("[restore]\nKVM_RESTORE_VM_LIST = %s\n", lists[i].value);
		g_autoptr(VkSettings) settings = load(text, NULL);
		g_auto(GStrv) words =
			vk_settings_get_words(settings, "restore", "KVM_RESTORE_VM_LIST");
		g_autofree char *joined = g_strjoinv("|", words);

		ck_assert_str_eq(joined, lists[i].words);
	}
}
END_TEST

START_TEST(mistakes_are_refused)
{
	static const struct {
		const char *text, *named;
	} files[] = {
		{"[backup]\nworkerz=3\n", "workerz"},
		{"[bakup]\nworkers=3\n", "bakup"},
		{"[backup]\nagent_timeout=4294967294\n", "from 1 to 3600"},
		{"[backup]\nworkers=three\n", "three"},
		{"[backup]\nworkers=-1\n", "-1"},
		{"workers=3\n", "test.conf"},
		{"[guest]\nexclude=vda\n", "line 1: [guest]: unknown section"},
		{"[array ]\nuser=u\n", "[array ]: unknown section"},
		{"[array a]\ndriver=other\n", "must be 'ontap', not 'other'"},
		{"[array a]\nurl=http://a\n", "https://"},
		{"[array a]\nurl=https://u:secret@a\n", "without a user"},
		{"[array a]\ninsecure=Y\n", "must be 'yes' or 'no', not 'Y'"},
		{"[array a]\nca_file=ca.pem\n", "absolute path, not 'ca.pem'"},
		{"[array a]\ntimeout=0x10\n",
		 "[array a] timeout: must be a whole number from 0 to 3600"},
		{"[array a]\nNTAP_TIMEOUT=0x10\n",
		 "[array a] NTAP_TIMEOUT: must be a whole number"},
		{"[backup]\noperation_timeout=0\n", "from 1 to 86400"},
		{"[backup]\nSC_AGENT_TIMEOUT=0\n", "from 1 to 86400"},
		{"[array]\nNTAP_TIMEOUT=1\n", "[array] NTAP_TIMEOUT: unknown setting"},
		{"[backup]\noperation_timeout=5\n\nSC_AGENT_TIMEOUT=5\n",
		 "line 4: [backup] SC_AGENT_TIMEOUT: is there twice, as operation_timeout in line "
		 "2: "
		 "leave one"},
		{"[array a]\nNTAP_TIMEOUT=5\ntimeout=6\n",
		 "line 3: [array a] timeout: is there twice, as NTAP_TIMEOUT in line 2"},
		{"[array a]\nNTAP_TIMEOUT=5\nNTAP_TIMEOUT=6\n", "is there twice, also in line 2"},
		{"[array]\nNTAP_SNAPSHOT_NODELETE=yes\n", "must be 'Y' or 'N', not 'yes'"},
		{"[array]\nNTAP_SNAPSHOT_RETENTIONS=daily=7\n", "'daily=7'"},
		{"[array]\nNTAP_SNAPSHOT_RETENTIONS=daily:7:1\n", "'daily:7:1'"},
		{"[array]\nNTAP_SNAPSHOT_RETENTIONS=daily:0\n", "from 1 to 1023"},
		{"[array]\nNTAP_SNAPSHOT_RETENTIONS=a:1,b:2,a:3\n", "'a' twice"},
		{"[array]\nNTAP_SNAPSHOT_RETENTIONS=a b:1\n", "'a b'"},
		{"[backup]\nlabel=12345678901234567890123456789012\n", "1 to 31"},
		{"[host h]\nKVM_VM_MAPPING=vm:/vol/x\n", "'vm:/vol/x'"},
		{"[host h]\nKVM_VM_MAPPING=vm:c:vol/x\n", "'vm:c:vol/x'"},
		{"[host h]\nKVM_VM_MAPPING=a:c:/x;:c:/y\n", "':c:/y'"},
		{"[host h]\nKVM_VM_CONFIG_DIR=etc\n", "absolute path"},
		{"[bakup]\n", "[backup], [hooks]"},
		{"[backup]\nworkerz=3\n", "[backup] has quiesce, mode,"},
		{"[backup]\n\n# no\nquiesce = maybe\n",
		 "test.conf', line 4: [backup] quiesce: must be 'auto', 'agent', 'suspend' or "
		 "'none', not 'maybe'"},
		{"[guest db1]\nquiesce = maybe\n", "line 2: [guest db1] quiesce: must be 'auto',"},
		{"[guest db1]\nmode = tape\n", "must be 'vault', 'array' or 'array+vault'"},
		{"[backup]\nworkers=1\r\nworkers=2\n", "line 3: [backup] workers: is there twice, "
						       "also in line 2"},
		{"[mount]\n[backup]\nworkers=1\n[mount]\n",
		 "line 4: [mount]: this section is there twice, also in line 1"},
		{"[backup]\nworkers=1\n[mount]\n[backup]\nworkers=1\n", "2 settings are wrong"},
		{"workers=3\n", "line 1: workers: is not in a section"},
		{"[backup]\nworkers 3\n", "line 2: this is neither a [SECTION]"},
		{"[backup]\nworkers[de]=3\n", "workers[de]"},
		{"[vault]\nurl=\n", "must not be empty"},
		{"[vault]\nurl=/a\\d\n", "backslash is written twice"},
		{"[vault]\nurl=/\xff\n", "is not valid text"},
		{"[backup]\nparallel=0\n", "from 1 to 64"},
		{"[backup]\nhook_timeout=0\n", "from 1 to 3600"},
		{"[backup]\nscratch_dir=scratch\n", "absolute path, not 'scratch'"},
		{"[backup]\nrun_dir=\n", "absolute path"},
		{"[backup]\nhooks_dir=~/hooks\n", "absolute path"},
		{"[guest a]\nexclude=vda /dev/vdb\n", "'/dev/vdb' is not one"},
		{"[guest a]\nmountpoints=/ data\n", "'data' is not one"},
		{"[array a]\nversion=nine\n", "must be like 9.14.1, not 'nine'"},
		{"[hooks]\nPRE_EXIT_CMD01=\n", "must not be empty"},
		{"[hooks]\nPRE_EXIT_CMD00=true\n", "PRE_EXIT_CMD00"},
		{"[hooks]\nPRE_EXIT_CMD1=true\n", "PRE_EXIT_CMD1"},
		{"[hooks]\nPRE_EXIT_CMDnn=true\n", "PRE_EXIT_CMDnn"},
		{"[hooks]\nPRE_RESTORE_CMD01=true\n", "PRE_RESTORE_CMD01"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(load(files[i].text, &error) == NULL, "%s", files[i].text);
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
		ck_assert_msg(strstr(error->message, files[i].named) != NULL, "%s", error->message);
	}
}
END_TEST

START_TEST(secrets_are_not_told)
{
	static const char *const files[] = {
		"[array a]\nurl=https://u:secret@a\n",
		"[array a]\nuser\nsecret\n",
		"[hooks]\nPRE_EXIT_CMD01=a\nPRE_EXIT_CMD01=post secret\n",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_ptr_null(load(files[i], &error));
		ck_assert_ptr_null(strstr(error->message, "secret"));
	}
}
END_TEST

START_TEST(all_problems_are_told)
{
	static const char text[] = "# one of each\n[vault]\nurl = /v\n\n[backup]\nquiesce = maybe\n"
				   "workers=1\nworkers=2\nnonsense\n[bakup]\nignored=1\n"
				   "[guest a]\nexclude=vda\n[guest a]\n";
	static const struct {
		guint line;
		const char *section, *key;
	} wanted[] = {
		{6, "backup", "quiesce"}, {8, "backup", "workers"}, {9, "backup", NULL},
		{10, "bakup", NULL},      {14, "guest a", NULL},
	};
	g_autofree char *folder = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "test.conf", NULL);
	g_autoptr(GPtrArray) problems = NULL;

	ck_assert(g_file_set_contents(path, text, -1, NULL));
	problems = vk_settings_examine(path, NULL);
	g_unlink(path);
	g_rmdir(folder);
	ck_assert_uint_eq(problems->len, G_N_ELEMENTS(wanted));
	for (guint i = 0; i < problems->len; i++) {
		const VkSettingsProblem *problem = g_ptr_array_index(problems, i);

		ck_assert_uint_eq(problem->line, wanted[i].line);
		ck_assert_str_eq(problem->section, wanted[i].section);
		ck_assert(g_strcmp0(problem->key, wanted[i].key) == 0);
	}
}
END_TEST

START_TEST(what_is_allowed_is_taken)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSettings) settings =
		load("  [backup]  \n\tquiesce=none\n#workers=1\n workers = 2 \n"
		     "[guest my guest]\nexclude=\nmountpoints = / ;D:\\\\;/my data\n"
		     "[array a]\nversion=9.12.1\n[array b]\nversion=10.1\n",
		     &error);

	ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(vk_settings_get_uint(settings, "backup", "workers"), 2);
	ck_assert_str_eq(vk_settings_get_named(settings, "guest", "my guest", "mountpoints"),
			 "/ ;D:\\;/my data");
}
END_TEST

START_TEST(named_sections_are_handed_out)
{
	g_autoptr(VkSettings) settings =
		load("[array]\nNTAP_SNAPSHOT_NODELETE=Y\n"
		     "[array cluster 2]\nurl=https://c2:8443\nNTAP_TIMEOUT=5\n"
		     "[guest cluster 3]\nexclude=vdb\n[array cluster1]\nuser=backup\n"
		     "[host kvm1]\nKVM_VM_MAPPING=a:c:/x\n[host kvm2.example]\n",
		     NULL);
	g_auto(GStrv) names = vk_settings_get_names(settings, "array");
	g_auto(GStrv) none = vk_settings_get_names(settings, "vault");
	g_autofree char *joined = g_strjoinv("|", names);
	g_autofree char *host = vk_settings_find_host(settings, "kvm1.example");
	g_autofree char *exact = vk_settings_find_host(settings, "kvm2.example");
	g_autofree char *other = vk_settings_find_host(settings, "kvm2");

	ck_assert_str_eq(joined, "cluster 2|cluster1");
	ck_assert_uint_eq(g_strv_length(none), 0);
	ck_assert_str_eq(vk_settings_get_named(settings, "array", "cluster 2", "url"),
			 "https://c2:8443");
	ck_assert_uint_eq(vk_settings_get_uint(settings, "array cluster 2", "NTAP_TIMEOUT"), 5);
	ck_assert_uint_eq(vk_settings_get_uint(settings, "array cluster1", "NTAP_TIMEOUT"), 60);
	ck_assert_ptr_null(vk_settings_get_named(settings, "array", "cluster1", "url"));
	ck_assert_str_eq(vk_settings_get(settings, "array", "NTAP_SNAPSHOT_NODELETE"), "Y");
	ck_assert_str_eq(vk_settings_get_guest(settings, "cluster 3", "0", "exclude"), "vdb");
	ck_assert_str_eq(host, "kvm1");
	ck_assert_str_eq(exact, "kvm2.example");
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(aliases_mean_the_same)
{
	g_autoptr(VkSettings) own =
		load("[backup]\noperation_timeout=7\n[array a]\ntimeout=5\n[array b]\n", NULL);
	g_autoptr(VkSettings) old =
		load("[backup]\nSC_AGENT_TIMEOUT=7\n[array a]\nNTAP_TIMEOUT=5\n[array b]\n", NULL);
	VkSettings *files[] = {own, old};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		ck_assert_ptr_nonnull(files[i]);
		ck_assert_uint_eq(vk_settings_get_uint(files[i], "backup", "operation_timeout"), 7);
		ck_assert_uint_eq(vk_settings_get_uint(files[i], "backup", "SC_AGENT_TIMEOUT"), 7);
		ck_assert_uint_eq(vk_settings_get_uint(files[i], "array a", "timeout"), 5);
		ck_assert_uint_eq(vk_settings_get_uint(files[i], "array b", "timeout"), 60);
	}
	ck_assert_str_eq(vk_settings_written_key(own, "array a", "timeout"), "timeout");
	ck_assert_str_eq(vk_settings_written_key(old, "array a", "timeout"), "NTAP_TIMEOUT");
	ck_assert_str_eq(vk_settings_written_key(old, "array b", "timeout"), "timeout");
	ck_assert_str_eq(vk_settings_written_key(old, "backup", "operation_timeout"),
			 "SC_AGENT_TIMEOUT");
	ck_assert_str_eq(vk_settings_written_key(old, "backup", "workers"), "workers");
}
END_TEST

START_TEST(numbered_keys_are_in_order)
{
	g_autoptr(VkSettings) settings =
		load("[hooks]\nPRE_NTAP_CMD10=c\nPRE_NTAP_CMD02=b; d\nPOST_NTAP_CMD01=x\n"
		     "PRE_NTAP_CMD01=a\n",
		     NULL);
	g_autoptr(VkSettings) empty = load("", NULL);
	g_auto(GStrv) keys = vk_settings_get_numbered(settings, "hooks", "PRE_NTAP_CMDnn");
	g_auto(GStrv) none = vk_settings_get_numbered(empty, "hooks", "PRE_NTAP_CMDnn");
	g_autofree char *joined = g_strjoinv("|", keys);

	ck_assert_str_eq(joined, "PRE_NTAP_CMD01|PRE_NTAP_CMD02|PRE_NTAP_CMD10");
	ck_assert_str_eq(vk_settings_get(settings, "hooks", "PRE_NTAP_CMD02"), "b; d");
	ck_assert_uint_eq(g_strv_length(none), 0);
}
END_TEST

START_TEST(mappings_are_read_and_written)
{
	g_autoptr(GPtrArray) entries = vk_mappings_parse(
		" VM1 : s_c1:/vol/vol1/lun1;a:b c:ctl:/vol/x:/y ;; VM1:s_c1:/vol/vol2/lun2;\n",
		NULL);
	g_autofree char *text = vk_mappings_format(entries);
	const VkMapping *odd = g_ptr_array_index(entries, 1);
	static const char *const bad[][3] = {
		{"a;b", "c", "/p"}, {"a", "c", "/p;q:c:/r"}, {" a", "c", "/p"},
		{"a", "c:d", "/p"}, {"a", "c", "/p "},
	};

	ck_assert_uint_eq(entries->len, 3);
	ck_assert_str_eq(odd->guest, "a:b c");
	ck_assert_str_eq(odd->controller, "ctl");
	ck_assert_str_eq(odd->path, "/vol/x:/y");
	ck_assert(vk_mapping_is_writable(odd));
	ck_assert_str_eq(text, "VM1:s_c1:/vol/vol1/lun1;a:b c:ctl:/vol/x:/y;"
			       "VM1:s_c1:/vol/vol2/lun2");
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		VkMapping *entry = vk_mapping_new(bad[i][0], bad[i][1], bad[i][2]);

		ck_assert(!vk_mapping_is_writable(entry));
		vk_mapping_free(entry);
	}
}
END_TEST

START_TEST(retentions_are_read)
{
	g_autoptr(GPtrArray) retentions = vk_retentions_parse("daily:7, weekly : 4,", NULL);

	ck_assert_uint_eq(retentions->len, 2);
	ck_assert_uint_eq(vk_retentions_count(retentions, "daily"), 7);
	ck_assert_uint_eq(vk_retentions_count(retentions, "weekly"), 4);
	ck_assert_uint_eq(vk_retentions_count(retentions, "monthly"), 0);
}
END_TEST

START_TEST(named_file_must_exist)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(vk_settings_load("/nonexistent/virtkeep.conf", &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
}
END_TEST

/* His own libvirt, and directories that he may write to. */
START_TEST(a_user_has_defaults_of_his_own)
{
	g_autoptr(VkSettings) settings = NULL;
	static const char text[] = "[backup]\nrun_dir = /set\n";

	g_setenv("XDG_DATA_HOME", "/u/data", TRUE);
	g_setenv("XDG_CONFIG_HOME", "/u/config", TRUE);
	g_setenv("XDG_RUNTIME_DIR", "/u/run", TRUE);
	settings = vk_settings_parse(text, strlen(text), "x", NULL);
	if (geteuid() == 0) {
		ck_assert_str_eq(vk_settings_get(settings, "libvirt", "uri"), "qemu:///system");
		ck_assert_str_eq(vk_settings_get(settings, "backup", "scratch_dir"),
				 "/var/lib/virtkeep/scratch");
		ck_assert_str_eq(vk_user_config_path(), VK_SETTINGS_DEFAULT_PATH);
		ck_assert_int_eq(seteuid(65534), 0);
	}
	ck_assert_str_eq(vk_settings_get(settings, "libvirt", "uri"), "qemu:///session");
	ck_assert_str_eq(vk_settings_get(settings, "backup", "scratch_dir"),
			 "/u/data/virtkeep/scratch");
	ck_assert_str_eq(vk_settings_get(settings, "backup", "hooks_dir"),
			 "/u/config/virtkeep/hooks.d");
	ck_assert_str_eq(vk_settings_get(settings, "backup", "run_dir"), "/set");
	ck_assert_str_eq(vk_settings_get(settings, "backup", "quiesce"), "auto");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *cases = tcase_create("settings");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, file_wins_over_default);
	tcase_add_test(cases, words_are_split);
	tcase_add_test(cases, words_with_spaces_are_kept);
	tcase_add_test(cases, mistakes_are_refused);
	tcase_add_test(cases, secrets_are_not_told);
	tcase_add_test(cases, all_problems_are_told);
	tcase_add_test(cases, what_is_allowed_is_taken);
	tcase_add_test(cases, named_sections_are_handed_out);
	tcase_add_test(cases, aliases_mean_the_same);
	tcase_add_test(cases, numbered_keys_are_in_order);
	tcase_add_test(cases, mappings_are_read_and_written);
	tcase_add_test(cases, retentions_are_read);
	tcase_add_test(cases, named_file_must_exist);
	tcase_add_test(cases, a_user_has_defaults_of_his_own);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
