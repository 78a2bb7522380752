/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files a disk is made of, whatever guests have written into them. */
#include "child.h"
#include "errors.h"
#include "image-bitmaps-priv.h"
#include "image-chain.h"
#include "nbd-server.h"
#include "nbd-writer.h"
#include "qemu-image.h"
#include "source-served.h"
#include "offline-source.h"
#include "qemu-secret.h"
#include "temp-vault.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB  (1024 * 1024)
#define SIZE "1M"

static char *directory;
static GError *error;
static VkDomain *domain; /* of the last disk_of() */

static void set_up(void)
{
	directory = g_dir_make_tmp("virtkeep-chain, ä XXXXXX", NULL);
	ck_assert_ptr_nonnull(directory);
}

static void tear_down(void)
{
	temp_directory_remove(directory);
	g_clear_pointer(&directory, g_free);
	g_clear_pointer(&domain, vk_domain_free);
	g_clear_error(&error);
}

/* FORM with the directory for each '@'. New string. */
static char *expand(const char *form)
{
	g_autoptr(GString) text = g_string_new(form);

	g_string_replace(text, "@", directory, 0);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The words of COMMAND, expanded, run as a program. */
static void run(const char *command)
{
	g_auto(GStrv) words = g_strsplit(command, " ", -1);
	g_autofree char *output = NULL;

	for (char **word = words; *word; word++) {
		char *expanded = expand(*word);

		g_free(*word);
		*word = expanded;
	}
	output = vk_child_run((const char *const *)words, 50, &error);
	ck_assert_msg(output != NULL, "%s: %s", command, error ? error->message : "?");
}

/* The disk of a guest that is off, whose definition has SOURCE after its driver's FORMAT. */
static const VkDomainDisk *disk_of(const char *format, const char *source)
{
	g_autofree char *expanded = expand(source);
	g_autofree char *xml = g_strdup_printf(
		"<domain><name>g</name><uuid>11111111-2222-4333-8444-555555555555</uuid><devices>"
		"<disk type='file'><driver name='qemu' type='%s'/>%s<target dev='vda'/></disk>"
		"</devices></domain>",
		format, expanded);

	g_clear_pointer(&domain, vk_domain_free);
	domain = vk_domain_parse(xml, &error);
	ck_assert_msg(domain != NULL, "%s", error ? error->message : "?");
	return g_ptr_array_index(domain->disks, 0);
}

/* The chain as "raw top.raw, ..." with the directory left out. */
static void expect_chain(const VkDomainDisk *disk, const char *expected)
{
	g_autoptr(GPtrArray) chain = vk_image_chain_new(NULL, disk, &error);
	g_autoptr(GString) got = g_string_new(NULL);

	ck_assert_msg(chain != NULL, "%s", error ? error->message : "?");
	for (guint i = 0; i < chain->len; i++) {
		const VkDomainImage *image = g_ptr_array_index(chain, i);

		ck_assert(g_str_has_prefix(image->path, directory));
		g_string_append_printf(got, "%s%s %s", i ? ", " : "", image->format,
				       image->path + strlen(directory) + 1);
	}
	ck_assert_str_eq(got->str, expected);
}

static void expect_refused(const VkDomainDisk *disk, const char *part, const char *remedy)
{
	g_autofree char *expanded = expand(part);
	VkSource *source = vk_source_offline_new(NULL, disk, NULL, &error);

	ck_assert_ptr_null(source);
	ck_assert_msg(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED), "%s", error->message);
	ck_assert_msg(strstr(error->message, expanded) != NULL, "%s", error->message);
	ck_assert_msg(strstr(error->message, remedy) != NULL, "%s", error->message);
	g_clear_error(&error);
}

/* The first bytes that the disk has. */
static void expect_bytes(const VkDomainDisk *disk, const char *expected)
{
	g_autoptr(VkSource) source = vk_source_offline_new(NULL, disk, NULL, &error);
	g_autoptr(VkSourceReader) reader = NULL;
	char buf[512];

	ck_assert_msg(source != NULL, "%s", error ? error->message : "?");
	reader = source->ops->open_reader(source, &error);
	ck_assert(reader && reader->ops->submit(reader, 0, sizeof(buf), buf, &error) &&
		  reader->ops->complete(reader, &error));
	ck_assert_msg(strncmp(buf, expected, strlen(expected) ? strlen(expected) : 1) == 0,
		      "'%.8s', not '%s'", buf, expected);
}

static void put(const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
	ck_assert_int_eq(truncate(path, MIB), 0);
}

/*
 * What a guest can do with a raw disk: base.raw begins with the header of a qcow2 image that names
 * a file of the host.
 */
static void make_hostile_base(void)
{
	put("secret", "the host's");
	run("qemu-img create -q -f qcow2 -F raw -b @/secret @/base.raw " SIZE);
	run("truncate -s " SIZE " @/base.raw");
}

/* A header of a time when it did not tell the format: takes the extension out that does. */
static void forget_format(const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autofree char *bytes = NULL;
	gsize length;
	char *found;

	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	found = memmem(bytes, 4096, "\xe2\x79\x2a\xca", 4);
	ck_assert_ptr_nonnull(found);
	memcpy(found, "\x01\x02\x03\x04", 4);
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

static const char top_over_base[] =
	"<source file='@/top.qcow2'/><backingStore type='file'><format type='raw'/>"
	"<source file='@/base.raw'/><backingStore/></backingStore>";
static const char just_top[] = "<source file='@/top.qcow2'/>";

START_TEST(a_declared_raw_base_is_raw)
{
	make_hostile_base();
	run("qemu-img create -q -f qcow2 -F raw -b @/base.raw @/top.qcow2");
	expect_chain(disk_of("qcow2", top_over_base), "qcow2 top.qcow2, raw base.raw");
	expect_bytes(disk_of("qcow2", top_over_base), "QFI");
	/* What the header says of it is not asked. */
	run("qemu-img rebase -q -u -F qcow2 -b @/base.raw @/top.qcow2");
	expect_bytes(disk_of("qcow2", top_over_base), "QFI");
	forget_format("top.qcow2");
	expect_bytes(disk_of("qcow2", top_over_base), "QFI");
}
END_TEST

START_TEST(a_declared_chain_ends_where_it_is_declared)
{
	put("secret", "the host's");
	run("qemu-img create -q -f qcow2 -F raw -b @/secret @/top.qcow2");
	expect_bytes(disk_of("qcow2", "<source file='@/top.qcow2'/><backingStore/>"), "");
	expect_bytes(disk_of("qcow2", just_top), "the host's");
	expect_chain(disk_of("raw", just_top), "raw top.qcow2");
	expect_bytes(disk_of("raw", just_top), "QFI");
	/* Below a raw image there is none, whatever is declared. */
	expect_chain(disk_of("raw", top_over_base), "raw top.qcow2");
}
END_TEST

START_TEST(a_chain_goes_on_where_the_definition_ends)
{
	put("deep.raw", "deep");
	run("qemu-img create -q -f qcow2 -F raw -b deep.raw @/mid.qcow2");
	run("qemu-img create -q -f qcow2 -F qcow2 -b mid.qcow2 @/top.qcow2");
	expect_chain(disk_of("qcow2", just_top), "qcow2 top.qcow2, qcow2 mid.qcow2, raw deep.raw");
	expect_bytes(disk_of("qcow2", just_top), "deep");
	expect_chain(disk_of("qcow2",
			     "<source file='@/top.qcow2'/><backingStore type='file'>"
			     "<format type='qcow2'/><source file='@/mid.qcow2'/></backingStore>"),
		     "qcow2 top.qcow2, qcow2 mid.qcow2, raw deep.raw");
}
END_TEST

/* As libvirt has it: what it looks like counts only if it needs no other file. */
START_TEST(a_format_that_is_not_told)
{
	put("plain.raw", "plain");
	run("qemu-img create -q -f qcow2 -F raw -b plain.raw @/top.qcow2");
	forget_format("top.qcow2");
	expect_chain(disk_of("qcow2", just_top), "qcow2 top.qcow2, raw plain.raw");
	expect_bytes(disk_of("qcow2", just_top), "plain");
	make_hostile_base();
	run("qemu-img create -q -f qcow2 -F raw -b base.raw @/top.qcow2");
	forget_format("top.qcow2");
	expect_refused(disk_of("qcow2", just_top), "'@/base.raw'", "qemu-img rebase -u -F");
	run("qemu-img create -q -f qcow2 @/whole.qcow2 " SIZE);
	run("qemu-img create -q -f qcow2 -F qcow2 -b whole.qcow2 @/top.qcow2");
	forget_format("top.qcow2");
	expect_chain(disk_of("qcow2", just_top), "qcow2 top.qcow2, qcow2 whole.qcow2");
	run("qemu-img create -q -f vmdk @/base.raw " SIZE);
	run("qemu-img create -q -f qcow2 -F raw -b base.raw @/top.qcow2");
	forget_format("top.qcow2");
	expect_refused(disk_of("qcow2", just_top), "'@/base.raw'", "<backingStore>");
}
END_TEST

START_TEST(names_that_are_no_paths)
{
	put("base.raw", "base");
	run("qemu-img create -q -f qcow2 -u -F raw -b nbd://localhost:1/x @/top.qcow2 " SIZE);
	expect_refused(disk_of("qcow2", just_top), "'nbd://localhost:1/x'", "<backingStore>");
	run("qemu-img create -q -f qcow2 -u -F raw -b json:{\"driver\":\"file\",\"filename\":"
	    "\"@/base.raw\"} @/top.qcow2 " SIZE);
	expect_refused(disk_of("qcow2", just_top), "json:{", "<backingStore>");
	/* What is declared instead is taken. */
	expect_bytes(disk_of("qcow2", top_over_base), "base");
	run("qemu-img create -q -f qcow2 -u -F nbd -b @/base.raw @/top.qcow2 " SIZE);
	expect_refused(disk_of("qcow2", just_top), "'nbd' of '@/base.raw'", "while it runs");
	run("qemu-img create -q -f qcow2 -u -F dmg -b @/base.raw @/top.qcow2 " SIZE);
	expect_refused(disk_of("qcow2", just_top), "'dmg' of '@/base.raw'", "while it runs");
}
END_TEST

START_TEST(files_that_are_none)
{
	g_autofree char *fifo = g_build_filename(directory, "base.raw", NULL);

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	run("qemu-img create -q -f qcow2 -u -F raw -b base.raw @/top.qcow2 " SIZE);
	expect_refused(disk_of("qcow2", just_top), "'@/base.raw'", "neither a file nor a block");
	ck_assert_int_eq(g_unlink(fifo), 0);
	expect_refused(disk_of("qcow2", just_top), "'@/base.raw'", "No such file");
	run("qemu-img create -q -f qcow2 -u -F qcow2 -b top.qcow2 @/top.qcow2 " SIZE);
	expect_refused(disk_of("qcow2", just_top), "backing chain", "names itself");
}
END_TEST

/* The header of a vmdk, and behind it the names of other files: none of them is opened. */
static void put_list(const char *name)
{
	static const char list[] = "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
				   "createType=\"monolithicFlat\"\n"
				   "RW 2048 FLAT \"/nonexistent/secret\" 0\n";
	g_autofree char *path = g_build_filename(directory, name, NULL);
	char bytes[2048] = "KDMV\1";

	bytes[28] = 1; /* the sector of the list */
	memcpy(bytes + 512, list, sizeof(list));
	ck_assert(g_file_set_contents(path, bytes, sizeof(bytes), NULL));
}

START_TEST(a_data_file_must_be_declared)
{
	static const char declared[] = "<source file='@/top.qcow2'><dataStore type='file'>"
				       "<format type='raw'/><source file='@/top.data'/></dataStore>"
				       "</source>";

	/* The name is relative to the image, wherever we are. */
	run("env -C @ qemu-img create -q -f qcow2 -o data_file=top.data,data_file_raw=on "
	    "top.qcow2 " SIZE);
	put("top.data", "data");
	expect_refused(disk_of("qcow2", just_top), "'@/top.data'",
		       "back the guest up while it runs");
	expect_bytes(disk_of("qcow2", declared), "data");
	/* Nor may a backing file have one. */
	run("qemu-img create -q -f qcow2 -F qcow2 -b @/top.qcow2 @/over.qcow2");
	expect_refused(disk_of("qcow2", "<source file='@/over.qcow2'/>"), "'@/top.data'",
		       "<dataStore>");
	run("qemu-img create -q -f vmdk -o subformat=monolithicFlat @/flat.vmdk " SIZE);
	expect_refused(disk_of("vmdk", "<source file='@/flat.vmdk'/>"), "in other files",
		       "back the guest up while it runs");
	put_list("list.vmdk");
	expect_refused(disk_of("vmdk", "<source file='@/list.vmdk'/>"), "in other files",
		       "back the guest up while it runs");
	run("qemu-img create -q -f vmdk @/whole.vmdk " SIZE);
	expect_chain(disk_of("vmdk", "<source file='@//whole.vmdk'/>"), "vmdk /whole.vmdk");
}
END_TEST

START_TEST(declared_layers_that_no_tool_can_read)
{
	run("qemu-img create -q -f qcow2 @/top.qcow2 " SIZE);
	expect_refused(disk_of("qcow2", "<source file='@/top.qcow2'/><backingStore type='network'>"
					"<format type='raw'/><source protocol='rbd' name='p/i'/>"
					"<backingStore/></backingStore>"),
		       "network storage", "while it runs");
	expect_refused(disk_of("qcow2", "<source file='@/top.qcow2'/><backingStore type='file'>"
					"<format type='raw'/><source file='@/top.qcow2'><slices>"
					"<slice type='storage' offset='0' size='512'/></slices>"
					"</source><backingStore/></backingStore>"),
		       "part of a larger image", "while it runs");
}
END_TEST

/* Bitmaps are an image's own: nothing below it is opened for them. */
START_TEST(bitmaps_need_no_backing_file)
{
	const VkDomainDisk *disk;
	g_autoptr(VkImageBitmaps) bitmaps = NULL;
	g_autoptr(VkImageBitmaps) over = NULL;

	run("qemu-img create -q -f qcow2 -u -F raw -b nbd://localhost:1/x @/top.qcow2 " SIZE);
	disk = disk_of("qcow2", just_top);
	ck_assert_msg(vk_image_bitmap_add(NULL, disk, "b", &error), "%s",
		      error ? error->message : "?");
	bitmaps = vk_image_bitmaps_read(NULL, disk, &error);
	ck_assert_ptr_nonnull(bitmaps);
	ck_assert_ptr_nonnull(vk_image_bitmaps_find(bitmaps, "b", FALSE));
	run("qemu-img create -q -f qcow2 @/mid.qcow2 " SIZE);
	run("qemu-img bitmap --add @/mid.qcow2 c");
	run("qemu-img create -q -f qcow2 -F qcow2 -b mid.qcow2 @/top.qcow2");
	over = vk_image_bitmaps_read(NULL, disk, &error);
	ck_assert_ptr_nonnull(vk_image_bitmaps_find(over, "c", TRUE));
}
END_TEST

/* A LUKS image of a passphrase that no word of a command has. */
static void expect_luks(const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autoptr(VkQemuSecret) secret = vk_qemu_secret_new("open sesame", 11, &error);
	const VkQemuLayer image = {
		.path = path, .format = "raw", .secret = vk_qemu_secret_path(secret)};
	g_autoptr(VkNbdServer) server = NULL;
	g_autoptr(VkNbdWriter) writer = NULL;
	g_autoptr(VkSource) source = NULL;
	g_autoptr(VkSourceReader) reader = NULL;
	g_autofree char *bytes = NULL;
	char buf[512] = "the guest's own words";
	gsize length;

	/* As few rounds as there can be: with the usual number it would take seconds. */
	ck_assert_msg(vk_image_file_create(&image, "iter-time=1", MIB, &error), "%s",
		      error ? error->message : "?");
	server = vk_nbd_server_start(&image, VK_NBD_WRITE, &error);
	ck_assert_msg(server != NULL, "%s", error->message);
	writer = vk_nbd_writer_new(vk_nbd_server_socket(server), &error);
	ck_assert_uint_eq(vk_nbd_writer_size(writer), MIB);
	ck_assert(vk_nbd_writer_write(writer, 0, buf, sizeof(buf), &error));
	ck_assert(vk_nbd_writer_flush(writer, &error));
	ck_assert(vk_nbd_server_stop(server, &error));
	memset(buf, 0, sizeof(buf));
	source = vk_source_served_new(&image, 1, NULL, &error);
	ck_assert_msg(source != NULL, "%s", error->message);
	reader = source->ops->open_reader(source, &error);
	ck_assert(reader && reader->ops->submit(reader, 0, sizeof(buf), buf, &error) &&
		  reader->ops->complete(reader, &error));
	ck_assert_str_eq(buf, "the guest's own words");
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	ck_assert_ptr_null(memmem(bytes, length, "own words", 9));
}

START_TEST(luks_by_a_secret_that_nobody_sees)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(VkQemuSecret) secret = vk_qemu_secret_new("open sesame", 11, &error);
	const VkQemuLayer image = {
		.path = directory, .format = "vdi", .secret = vk_qemu_secret_path(secret)};

	vk_qemu_add_secrets(words, &image, 1);
	ck_assert_str_eq(g_ptr_array_index(words, 0), "--object");
	ck_assert_ptr_null(strstr(g_ptr_array_index(words, 1), "sesame"));
	ck_assert_ptr_null(vk_qemu_chain_name(&image, 1, FALSE, &error));
	g_clear_error(&error);
	expect_luks("a.luks");
}
END_TEST

START_TEST(encryption_that_no_tool_knows)
{
	run("qemu-img create -q -f qcow2 @/top.qcow2 " SIZE);
	expect_refused(disk_of("qcow2",
			       "<source file='@/top.qcow2'><encryption format='qcow'>"
			       "<secret type='passphrase' uuid='u'/></encryption></source>"),
		       "encrypted by QEMU", "while it runs");
	ck_assert_str_eq(
		vk_domain_image_secret(
			disk_of("qcow2", "<source file='@/top.qcow2'/><encryption format='luks'>"
					 "<secret type='passphrase' usage='u'/></encryption>")
				->image),
		"u");
	/* Said twice, as the disk's and as its source's. */
	ck_assert(!vk_domain_image_has_secret(
		disk_of("qcow2", "<source file='@/top.qcow2'><encryption format='luks'>"
				 "<secret type='passphrase' uuid='u'/></encryption></source>"
				 "<encryption format='qcow'/>")
			->image));
	ck_assert(!vk_domain_image_has_secret(
		disk_of("raw", "<source file='@/top.qcow2'><encryption format='luks2' "
			       "engine='librbd'><secret type='passphrase' uuid='u'/>"
			       "</encryption></source>")
			->image));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image-chain");
	TCase *tests = tcase_create("image-chain");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_declared_raw_base_is_raw);
	tcase_add_test(tests, a_declared_chain_ends_where_it_is_declared);
	tcase_add_test(tests, a_chain_goes_on_where_the_definition_ends);
	tcase_add_test(tests, a_format_that_is_not_told);
	tcase_add_test(tests, names_that_are_no_paths);
	tcase_add_test(tests, files_that_are_none);
	tcase_add_test(tests, a_data_file_must_be_declared);
	tcase_add_test(tests, declared_layers_that_no_tool_can_read);
	tcase_add_test(tests, bitmaps_need_no_backing_file);
	tcase_add_test(tests, luks_by_a_secret_that_nobody_sees);
	tcase_add_test(tests, encryption_that_no_tool_knows);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
