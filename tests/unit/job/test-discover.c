/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Discovery of a host that libvirt's test driver makes up inside this process. */
#include "discover.h"
#include "errors.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

/* @ is the test's directory. The driver says 1 TiB for each disk, and nothing for absent ones. */
static const char node[] =
	"<node>"
	"<domain type='test'><name>alpha</name><uuid>11111111-2222-4333-8444-555555555555</uuid>"
	"<metadata><v:tags xmlns:v='urn:virtkeep:tags'>gold x</v:tags></metadata>"
	"<memory>1048576</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices>"
	"<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
	"<source file='@/a.raw'/><target dev='vda' bus='virtio'/></disk>"
	"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
	"<source file='@/top.qcow2'/><backingStore type='file'><format type='qcow2'/>"
	"<source file='@/base.qcow2'/><backingStore/></backingStore>"
	"<target dev='vdb' bus='virtio'/></disk>"
	"<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"
	"<disk type='block' device='disk'><source dev='@/base.qcow2'/>"
	"<target dev='vdc' bus='virtio'/><shareable/></disk>"
	"<disk type='file' device='disk'><source file='/dev/null'/>"
	"<target dev='vdd' bus='virtio'/></disk>"
	"<hostdev mode='subsystem' type='usb'><source><vendor id='0x046d'/>"
	"<product id='0xc52b'/></source></hostdev>"
	"</devices></domain>"
	"<domain type='test'><name>beta</name><uuid>11111111-2222-4333-8444-666666666666</uuid>"
	"<memory>1048576</memory><vcpu>1</vcpu><os><type>hvm</type>"
	"<loader readonly='yes' type='pflash'>@/a.raw</loader><nvram>@/a.raw</nvram></os><devices>"
	"<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
	"<source file='@/absent.raw'/><target dev='vda' bus='virtio'/></disk>"
	"</devices></domain>"
	"</node>";

static char *root;
static VkHost *host;
static VkMounts *mounts;

static const char *const files[] = {"a.raw", "top.qcow2", "base.qcow2", "node.xml", "mountinfo"};

static void put(const char *name, const char *form)
{
	g_autofree char *path = g_build_filename(root, name, NULL);
	g_autoptr(GString) text = g_string_new(form);

	g_string_replace(text, "@", root, 0);
	ck_assert(g_file_set_contents(path, text->str, -1, NULL));
}

static void setup(void)
{
	g_autofree char *made = g_dir_make_tmp("virtkeep-discover-XXXXXX", NULL);
	g_autoptr(GError) error = NULL;

	root = realpath(made, NULL);
	put("a.raw", "");
	put("top.qcow2", "");
	put("base.qcow2", "");
	put("node.xml", node);
	put("mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
			 "30 22 0:50 / @ rw - nfs4 filer:/vm rw\n");
	g_autofree char *uri = g_strdup_printf("test://%s/node.xml", root);
	g_autofree char *mountinfo = g_build_filename(root, "mountinfo", NULL);
	host = vk_host_open(uri, &error);
	g_assert_no_error(error);
	mounts = vk_mounts_load(mountinfo, &error);
	g_assert_no_error(error);
}

static void teardown(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(root, files[i], NULL);

		g_unlink(path);
	}
	g_rmdir(root);
	free(root);
	vk_host_free(host);
	vk_mounts_free(mounts);
}

static VkFoundGuest *discover(const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkGuest) guest = vk_host_find(host, name, &error);
	VkFoundGuest *found = guest ? vk_discover_guest(host, guest, mounts, NULL, &error) : NULL;

	g_assert_no_error(error);
	return found;
}

static void assert_json(const json_t *object, const char *form)
{
	g_autoptr(GString) expected = g_string_new(form);
	g_autofree char *found = vk_json_line(object);

	g_string_replace(expected, "@", root, 0);
	g_string_replace(expected, "'", "\"", 0);
	ck_assert_str_eq(found, expected->str);
}

static const json_t *disk(const json_t *guest, gsize index)
{
	return json_array_get(json_object_get(guest, "disks"), index);
}

START_TEST(tells_all_about_a_guest)
{
	g_autoptr(VkFoundGuest) found = discover("alpha");
	g_autoptr(json_t) guest = vk_found_guest_to_json(found);

	ck_assert_uint_eq(found->problems->len, 0);
	ck_assert_uint_eq(json_array_size(json_object_get(guest, "disks")), 5);
	assert_json(disk(guest, 0),
		    "{'allocation':1099511627776,'backing':[],'bus':'virtio','device':'disk',"
		    "'format':'raw','fstype':'nfs4','mount_source':'filer:/vm','mountpoint':'@',"
		    "'reason':null,'saved':true,'size':1099506450432,'source':'@/a.raw',"
		    "'target':'vda','type':'file'}");
	assert_json(json_object_get(disk(guest, 1), "backing"),
		    "[{'format':'qcow2','source':'@/base.qcow2','type':'file'}]");
	assert_json(disk(guest, 4),
		    "{'allocation':null,'backing':[],'bus':'sata','device':'cdrom',"
		    "'format':null,'fstype':null,'mount_source':null,'mountpoint':null,"
		    "'reason':'CD-ROM drive, empty','saved':false,'size':null,'source':null,"
		    "'target':'sda','type':null}");
	json_object_del(guest, "disks");
	assert_json(guest,
		    "{'agent':'none','autostart':false,'firmware':[],'foreign':[],'guest':'alpha',"
		    "'passthrough':['usb 046d:c52b'],'persistent':true,'skip':null,"
		    "'state':'running','tags':['gold','x'],"
		    "'uuid':'11111111-2222-4333-8444-555555555555'}");
}
END_TEST

START_TEST(looks_for_no_file_system_of_devices)
{
	g_autoptr(VkFoundGuest) found = discover("alpha");
	g_autoptr(json_t) guest = vk_found_guest_to_json(found);
	const json_t *shared = disk(guest, 2), *null = disk(guest, 3);

	ck_assert(json_is_null(json_object_get(shared, "mountpoint")));
	ck_assert(json_is_false(json_object_get(shared, "saved")));
	ck_assert_str_eq(json_string_value(json_object_get(shared, "reason")),
			 "shared with other guests");
	ck_assert_str_eq(json_string_value(json_object_get(null, "source")), "/dev/null");
	ck_assert(json_is_null(json_object_get(null, "mountpoint")));
}
END_TEST

START_TEST(tells_what_it_cannot_find)
{
	g_autoptr(VkFoundGuest) found = discover("beta");
	const VkFoundDisk *missing = g_ptr_array_index(found->disks, 0);

	ck_assert_uint_eq(found->problems->len, 1);
	ck_assert_ptr_nonnull(strstr(g_ptr_array_index(found->problems, 0), "guest 'beta'"));
	ck_assert_ptr_nonnull(strstr(g_ptr_array_index(found->problems, 0), "/absent.raw"));
	ck_assert_ptr_nonnull(
		strstr(g_ptr_array_index(found->problems, 0), "is not there any more"));
	ck_assert_ptr_null(missing->mount);
	ck_assert_ptr_null(missing->reason);
}
END_TEST

START_TEST(names_firmware)
{
	g_autoptr(VkFoundGuest) found = discover("beta");
	g_autoptr(json_t) guest = vk_found_guest_to_json(found);

	assert_json(json_object_get(guest, "firmware"),
		    "[{'path':'@/a.raw','role':'nvram','size':0}]");
}
END_TEST

START_TEST(heeds_the_configuration)
{
	static const char config[] = "[guest alpha]\nexclude = vda vdc\n[guest beta]\nskip = yes\n";
	g_autoptr(VkSettings) settings = vk_settings_parse(config, strlen(config), "test", NULL);
	g_autoptr(VkGuest) alpha = vk_host_find(host, "alpha", NULL);
	g_autoptr(VkGuest) beta = vk_host_find(host, "beta", NULL);
	g_autoptr(VkFoundGuest) one = vk_discover_guest(host, alpha, mounts, settings, NULL);
	g_autoptr(VkFoundGuest) other = vk_discover_guest(host, beta, NULL, settings, NULL);
	static const char *const reasons[] = {"excluded by the configuration", NULL,
					      "excluded by the configuration", NULL,
					      "CD-ROM drive, empty"};

	ck_assert_ptr_null(one->skip);
	ck_assert_str_eq(other->skip, "the configuration says skip");
	for (guint i = 0; i < G_N_ELEMENTS(reasons); i++) {
		const VkFoundDisk *found = g_ptr_array_index(one->disks, i);

		ck_assert_int_eq(g_strcmp0(vk_found_disk_reason(found), reasons[i]), 0);
	}
}
END_TEST

START_TEST(leaves_the_paths_of_other_machines_alone)
{
	g_autoptr(VkGuest) guest = vk_host_find(host, "beta", NULL);
	g_autoptr(VkFoundGuest) found = vk_discover_guest(host, guest, NULL, NULL, NULL);

	ck_assert_uint_eq(found->problems->len, 0);
	ck_assert(vk_discover_is_local("qemu:///system"));
	ck_assert(vk_discover_is_local("test:///default"));
	ck_assert(vk_discover_is_local("qemu+unix:///system?socket=/run/s"));
	ck_assert(!vk_discover_is_local("qemu+ssh://root@host.example/system"));
	ck_assert(!vk_discover_is_local("qemu+tls://10.0.0.1/system"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("discover");
	TCase *tests = tcase_create("discover");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, tells_all_about_a_guest);
	tcase_add_test(tests, looks_for_no_file_system_of_devices);
	tcase_add_test(tests, tells_what_it_cannot_find);
	tcase_add_test(tests, names_firmware);
	tcase_add_test(tests, heeds_the_configuration);
	tcase_add_test(tests, leaves_the_paths_of_other_machines_alone);
	suite_add_tcase(suite, tests);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
