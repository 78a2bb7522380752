/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plans: what is selected, where it goes, what is refused. Libvirt and arrays are played by a
 * table.
 */
#include "errors.h"
#include "json.h"
#include "place.h"
#include "plan.h"
#include "planner.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UUID       "11111111-2222-3333-4444-555555555555"
#define OTHER_UUID "99999999-2222-3333-4444-555555555555"

static char *dir; /* of one test */

typedef struct FakeWorld {
	VkWorld base;
	const char *name; /* of the one guest it knows; NULL: none */
	const char *uuid;
	const char *xml;
	VkGuestState state;
	const char *const
		*layers;         /* "NAME:FORMAT" in DIR, the image first; NULL: the copy is gone */
	const char *changed;     /* the numbers of those that are not as they were, "12" */
	const char *unreachable; /* the numbers of those that cannot be cloned */
} FakeWorld;

static gboolean fake_find(VkWorld *base, const char *key, VkKnownGuest **ret, GError **error)
{
	FakeWorld *world = (FakeWorld *)base;

	*ret = NULL;
	if (!world->name || (strcmp(key, world->name) != 0 && strcmp(key, world->uuid) != 0))
		return TRUE;
	*ret = g_new0(VkKnownGuest, 1);
	(*ret)->name = g_strdup(world->name);
	(*ret)->uuid = g_strdup(world->uuid);
	(*ret)->state = world->state;
	(*ret)->domain_xml = g_strdup(world->xml);
	return TRUE;
}

static char *fake_pool_directory(VkWorld *world, const char *pool, GError **error)
{
	if (strcmp(pool, "pool") == 0)
		return g_build_filename(dir, "pool", NULL);
	vk_fail(error, VK_ERROR_NOT_FOUND, "no pool '%s'", pool);
	return NULL;
}

static char *fake_volume_path(VkWorld *world, const char *pool, const char *volume, GError **error)
{
	vk_fail(error, VK_ERROR_NOT_FOUND, "no volume '%s'", volume);
	return NULL;
}

static GPtrArray *fake_layers(VkWorld *base, const json_t *copy)
{
	const char *const *layers = ((FakeWorld *)base)->layers;
	GPtrArray *found =
		layers ? g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free) : NULL;

	for (; layers && *layers; layers++) {
		g_auto(GStrv) words = g_strsplit(*layers, ":", 2);
		g_autofree char *path = g_build_filename(dir, words[0], NULL);

		g_ptr_array_add(found, vk_array_layer_new(path, words[1]));
	}
	return found;
}

static gboolean has_number(const char *numbers, guint layer)
{
	return numbers && strchr(numbers, '0' + (int)layer) != NULL;
}

static gboolean fake_layer_unchanged(VkWorld *base, const json_t *copy, guint layer)
{
	return !has_number(((FakeWorld *)base)->changed, layer);
}

static gboolean fake_can_clone(VkWorld *base, const json_t *copy, guint layer,
			       const char *directory)
{
	return !has_number(((FakeWorld *)base)->unreachable, layer);
}

static const VkWorldOps fake_ops = {
	.find = fake_find,
	.pool_directory = fake_pool_directory,
	.volume_path = fake_volume_path,
	.layers = fake_layers,
	.layer_unchanged = fake_layer_unchanged,
	.can_clone = fake_can_clone,
};
static FakeWorld world;
static VkRestoreOptions options;
static VkSnapshot *snapshot;
static VkView *view;
static VkVault *vault; /* of snapshots on arrays; else NULL */
static GError *error;

static char *path_in(const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static void touch(const char *name)
{
	g_autofree char *path = path_in(name);

	ck_assert(g_file_set_contents(path, "old", 3, NULL));
}

static char *domain_xml(const char *name, const char *disks)
{
	return g_strdup_printf("<domain type='kvm'><name>%s</name><uuid>" UUID "</uuid>"
			       "<memory>1</memory><os><type>hvm</type></os><devices>%s"
			       "<interface type='network'><mac address='52:54:00:00:00:01'/>"
			       "<source network='default'/></interface></devices></domain>",
			       name, disks);
}

static char *file_disk(const char *target, const char *name)
{
	return g_strdup_printf("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
			       "<source file='%s/%s'/><target dev='%s' bus='virtio'/></disk>",
			       dir, name, target);
}

static void add_disk(const char *target, const char *format, const char *type, const char *source)
{
	VkDiskRecord *disk = vk_disk_record_new();

	disk->target = g_strdup(target);
	disk->format = g_strdup(format);
	disk->source_type = g_strdup(type);
	disk->source = g_strdup(source);
	disk->mode = g_strdup("full");
	disk->reason = g_strdup("first");
	disk->image = vk_image_record_new(1048576);
	g_ptr_array_add(snapshot->disks, disk);
}

static void set_xml(const char *disks)
{
	g_free(snapshot->domain_xml);
	snapshot->domain_xml = domain_xml(snapshot->name, disks);
}

static void setup(void)
{
	g_autofree char *pool = NULL;
	g_autofree char *disk = NULL;

	dir = g_dir_make_tmp("vk-plan-XXXXXX", NULL);
	ck_assert_ptr_nonnull(dir);
	pool = path_in("pool");
	ck_assert_int_eq(g_mkdir(pool, 0700), 0);
	world = (FakeWorld){.base = {.ops = &fake_ops,
				     .nvram_directory = dir,
				     .tpm_directory = dir,
				     .save_directory = dir}};
	options = (VkRestoreOptions){0};
	snapshot = vk_snapshot_new();
	snapshot->uuid = g_strdup(UUID);
	snapshot->name = g_strdup("web 1");
	snapshot->host = g_strdup("host");
	snapshot->time = g_strdup("20261122T201405Z");
	snapshot->consistency = g_strdup("offline");
	snapshot->tool = g_strdup("test");
	snapshot->state = g_strdup("shut off");
	snapshot->persistent = TRUE;
	snapshot->autostart = TRUE;
	disk = file_disk("vda", "web.qcow2");
	set_xml(disk);
	add_disk("vda", "qcow2", "file", "web.qcow2");
}

static void remove_tree(const char *path)
{
	GDir *entries = g_dir_open(path, 0, NULL);
	const char *name;

	while (entries && (name = g_dir_read_name(entries))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		remove_tree(child);
	}
	g_clear_pointer(&entries, g_dir_close);
	g_remove(path);
}

static void teardown(void)
{
	g_clear_error(&error);
	g_clear_pointer(&view, vk_view_free);
	g_clear_pointer(&vault, vk_vault_free);
	vk_restore_options_clear(&options);
	remove_tree(dir);
	g_clear_pointer(&dir, g_free);
}

/* Plans the snapshot made so far. */
static VkPlan *plan(void)
{
	view = vk_view_new(vault, snapshot);
	return vk_plan_make(&options, view, &world.base, &error);
}

static void set_list(char ***list, const char *words)
{
	*list = g_strsplit(words, ",", -1);
}

static VkPlanItem *item_at(const VkPlan *made, guint i)
{
	ck_assert_uint_lt(i, made->items->len);
	return g_ptr_array_index(made->items, i);
}

/* The plan must be refused with CODE and a message that names WORD. */
static void assert_refused(int code, const char *word)
{
	g_autoptr(VkPlan) made = plan();

	ck_assert_ptr_null(made);
	ck_assert_msg(g_error_matches(error, VK_ERROR, code), "%d: %s", error->code,
		      error->message);
	ck_assert_msg(strstr(error->message, word) != NULL, "no '%s' in: %s", word, error->message);
}

static void assert_usage(const char *word)
{
	if (!options.snapshots)
		set_list(&options.snapshots, "a@latest");
	ck_assert(!vk_restore_options_check(&options, FALSE, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
	ck_assert_msg(strstr(error->message, word) != NULL, "no '%s' in: %s", word, error->message);
	g_clear_error(&error);
	vk_restore_options_clear(&options);
	options = (VkRestoreOptions){0};
}

START_TEST(contradictions_are_usage_errors)
{
	options.in_place = TRUE;
	options.as_name = g_strdup("x");
	assert_usage("--as");
	options.in_place = TRUE;
	options.directory = g_strdup("x");
	assert_usage("--to");
	options.in_place = TRUE;
	set_list(&options.files, "domain.xml");
	assert_usage("--file");
	options.in_place = TRUE;
	set_list(&options.disks, "vda=x");
	assert_usage("--in-place");
	set_list(&options.disks, "vda");
	options.as_name = g_strdup("x");
	assert_usage("--as");
	set_list(&options.disks, "vda");
	options.start = TRUE;
	assert_usage("--start");
	set_list(&options.snapshots, "a,b");
	set_list(&options.disks, "vda=x");
	assert_usage("--to");
	set_list(&options.snapshots, "a,b");
	options.as_name = g_strdup("x");
	assert_usage("--as");
	set_list(&options.files, "a=-,b=-");
	assert_usage("stdout");
	set_list(&options.disks, "vda=-");
	assert_usage("--file");
	options.format = g_strdup("vmdk");
	assert_usage("vmdk");
	options.as_name = g_strdup("a/b");
	assert_usage("a/b");
	set_list(&options.disks, "vda=");
	assert_usage("=");
	set_list(&options.snapshots, "");
	assert_usage("no snapshot");
}
END_TEST

START_TEST(json_and_stdout_exclude_each_other)
{
	set_list(&options.snapshots, "a");
	set_list(&options.files, "domain.xml=-");
	ck_assert(vk_restore_options_check(&options, FALSE, NULL));
	ck_assert(!vk_restore_options_check(&options, TRUE, &error));
}
END_TEST

START_TEST(a_disk_goes_where_it_is_told)
{
	g_autofree char *path = path_in("copy=of vda");
	g_autofree char *part = g_strdup_printf("vda=%s", path);
	g_autoptr(VkPlan) made = NULL;

	set_list(&options.disks, part);
	made = plan();
	ck_assert_ptr_nonnull(made);
	ck_assert_uint_eq(made->items->len, 1);
	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert_str_eq(item_at(made, 0)->place.format, "qcow2");
	ck_assert(!item_at(made, 0)->exists);
	ck_assert_ptr_null(made->domain_xml);
}
END_TEST

START_TEST(parts_are_named_after_the_guest)
{
	g_autofree char *disk = path_in("web 1-vda.raw");
	g_autofree char *file = path_in("web 1-domain.xml");
	g_autoptr(VkPlan) made = NULL;

	set_list(&options.disks, "vda");
	set_list(&options.files, "domain.xml");
	options.directory = g_strdup(dir);
	options.format = g_strdup("raw");
	made = plan();
	ck_assert_ptr_nonnull(made);
	ck_assert_str_eq(item_at(made, 0)->path, disk);
	ck_assert_str_eq(item_at(made, 0)->place.format, "raw");
	ck_assert_str_eq(item_at(made, 1)->path, file);
	ck_assert_str_eq(item_at(made, 1)->text, snapshot->domain_xml);
}
END_TEST

START_TEST(names_fit_into_a_directory)
{
	g_autoptr(GString) guest = g_string_new(NULL);
	g_autofree char *name = NULL;
	g_autofree char *evil = vk_place_file_name("../a/b", "vda.raw");

	for (int i = 0; i < 200; i++)
		g_string_append(guest, "ü");
	name = vk_place_file_name(guest->str, "vda.qcow2");
	ck_assert_uint_lt(strlen(name), 200);
	ck_assert(g_utf8_validate(name, -1, NULL));
	ck_assert(g_str_has_suffix(name, "ü-vda.qcow2"));
	ck_assert_str_eq(evil, "_._a_b-vda.raw");
}
END_TEST

START_TEST(unknown_parts_are_not_found)
{
	set_list(&options.disks, "vdz");
	assert_refused(VK_ERROR_NOT_FOUND, "vda");
}
END_TEST

START_TEST(unknown_files_are_not_found)
{
	set_list(&options.files, "vdz.raw");
	assert_refused(VK_ERROR_NOT_FOUND, "vda.raw");
}
END_TEST

START_TEST(an_existing_file_needs_force)
{
	options.directory = g_strdup(dir);
	set_list(&options.disks, "vda");
	touch("web 1-vda.qcow2");
	assert_refused(VK_ERROR_EXISTS, "--force");
}
END_TEST

START_TEST(force_keeps_the_mode)
{
	g_autofree char *path = path_in("web 1-vda.qcow2");
	g_autoptr(VkPlan) made = NULL;

	options.directory = g_strdup(dir);
	options.force = TRUE;
	set_list(&options.disks, "vda");
	touch("web 1-vda.qcow2");
	ck_assert_int_eq(g_chmod(path, 0640), 0);
	made = plan();
	ck_assert_ptr_nonnull(made);
	ck_assert(item_at(made, 0)->exists);
	ck_assert_uint_eq(item_at(made, 0)->place.mode, 0640);
}
END_TEST

START_TEST(a_file_that_qemu_has_locked_is_busy_even_with_force)
{
	g_autofree char *path = path_in("web 1-vda.qcow2");
	struct flock lock = {.l_type = F_RDLCK, .l_start = 101, .l_len = 1};
	int fd;

	options.directory = g_strdup(dir);
	options.force = TRUE;
	set_list(&options.disks, "vda");
	touch("web 1-vda.qcow2");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_refused(VK_ERROR_BUSY, "--in-place");
	close(fd);
}
END_TEST

START_TEST(two_items_of_one_path_are_refused)
{
	g_autoptr(GPtrArray) plans = g_ptr_array_new();
	g_autoptr(VkPlan) made = NULL;

	options.directory = g_strdup(dir);
	set_list(&options.disks, "vda");
	made = plan();
	ck_assert_ptr_nonnull(made);
	g_ptr_array_add(plans, made);
	ck_assert(vk_plan_check_distinct(plans, NULL));
	g_ptr_array_add(plans, made);
	ck_assert(!vk_plan_check_distinct(plans, &error));
}
END_TEST

START_TEST(nothing_is_written_into_the_vault)
{
	g_autofree char *path = path_in("web.qcow2");
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *above = g_path_get_dirname(directory);
	g_autoptr(VkPlan) made = plan();

	ck_assert(vk_plan_check_outside(made, NULL, NULL));
	ck_assert(vk_plan_check_outside(made, "/proc", NULL));
	ck_assert(!vk_plan_check_outside(made, above, NULL));
	ck_assert(!vk_plan_check_outside(made, directory, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
}
END_TEST

START_TEST(a_deleted_guest_comes_back_where_it_was)
{
	g_autofree char *path = path_in("web.qcow2");
	g_autoptr(VkPlan) made = plan();

	ck_assert_ptr_nonnull(made);
	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert_str_eq(made->guest, "web 1");
	ck_assert_str_eq(made->uuid, UUID);
	ck_assert(made->autostart);
	ck_assert(strstr(made->domain_xml, "52:54:00:00:00:01") != NULL);
}
END_TEST

START_TEST(an_existing_guest_is_refused)
{
	world.name = "web 1";
	world.uuid = UUID;
	assert_refused(VK_ERROR_EXISTS, "--in-place");
}
END_TEST

START_TEST(a_running_guest_is_refused)
{
	world.name = "renamed";
	world.uuid = UUID;
	world.state = VK_GUEST_RUNNING;
	assert_refused(VK_ERROR_EXISTS, "running");
}
END_TEST

START_TEST(a_guest_of_the_same_name_is_refused)
{
	world.name = "web 1";
	world.uuid = OTHER_UUID;
	assert_refused(VK_ERROR_EXISTS, "--as");
}
END_TEST

START_TEST(a_deleted_guest_does_not_overwrite)
{
	touch("web.qcow2");
	assert_refused(VK_ERROR_EXISTS, "--to");
}
END_TEST

START_TEST(a_new_guest_differs_from_the_original)
{
	g_autofree char *path = path_in("Köln 2-vda.qcow2");
	g_autoptr(VkPlan) made = NULL;

	world.name = "web 1";
	world.uuid = UUID;
	world.state = VK_GUEST_RUNNING;
	touch("web.qcow2");
	options.as_name = g_strdup("Köln 2");
	options.start = TRUE;
	made = plan();
	ck_assert_msg(made != NULL, "%s", error ? error->message : "");
	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert_str_ne(made->uuid, UUID);
	ck_assert(!made->autostart && made->start);
	ck_assert(strstr(made->domain_xml, UUID) == NULL);
	ck_assert(strstr(made->domain_xml, "52:54:00:00:00:01") == NULL);
	ck_assert(strstr(made->domain_xml, made->uuid) != NULL);
	ck_assert(strstr(made->domain_xml, path) != NULL);
}
END_TEST

START_TEST(a_new_guest_needs_a_free_name)
{
	world.name = "taken";
	world.uuid = OTHER_UUID;
	options.as_name = g_strdup("taken");
	assert_refused(VK_ERROR_EXISTS, "taken");
}
END_TEST

START_TEST(a_new_guest_does_not_share_unsaved_disks)
{
	g_autofree char *disk = file_disk("vda", "web.qcow2");
	g_autofree char *unsaved = file_disk("vdb", "unsaved.qcow2");
	g_autofree char *both = g_strconcat(disk, unsaved, NULL);
	g_autoptr(VkPlan) made = NULL;

	set_xml(both);
	options.as_name = g_strdup("new");
	made = plan();
	ck_assert_ptr_nonnull(made);
	ck_assert(strstr(made->domain_xml, "unsaved") == NULL);
	ck_assert_uint_eq(made->notes->len, 1);
}
END_TEST

START_TEST(firmware_of_a_new_guest_has_own_places)
{
	g_autofree char *nvram = path_in("new_VARS.fd");
	g_autofree char *tpm = NULL;
	g_autoptr(VkPlan) made = NULL;
	static const char *const roles[] = {"nvram", "tpm"};

	for (int i = 0; i < 2; i++) {
		VkFileRecord *file = vk_file_record_new();

		file->name = g_strdup(roles[i]);
		file->role = g_strdup(roles[i]);
		file->path = g_strdup_printf("%s/%s/tpm2/tpm2-00.permall", dir, UUID);
		file->mode = 0600;
		file->image = vk_image_record_new(100);
		g_ptr_array_add(snapshot->files, file);
	}
	g_free(snapshot->domain_xml);
	snapshot->domain_xml = g_strdup(
		"<domain type='kvm'><name>web 1</name><uuid>" UUID "</uuid><memory>1</memory>"
		"<os><type>hvm</type><loader type='pflash'>/l</loader><nvram>/old</nvram></os>"
		"<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
		"</devices></domain>");
	g_ptr_array_set_size(snapshot->disks, 0);
	options.as_name = g_strdup("new");
	made = plan();
	ck_assert_msg(made != NULL, "%s", error ? error->message : "");
	tpm = g_strdup_printf("%s/%s/tpm2/tpm2-00.permall", dir, made->uuid);
	ck_assert_str_eq(item_at(made, 0)->path, nvram);
	ck_assert_str_eq(item_at(made, 1)->path, tpm);
	ck_assert_ptr_nonnull(item_at(made, 1)->owner_directory);
	ck_assert(strstr(made->domain_xml, nvram) != NULL);
}
END_TEST

START_TEST(a_volume_goes_to_its_pool)
{
	g_autofree char *path = path_in("pool/vol");
	g_autoptr(VkPlan) made = NULL;

	set_xml("<disk type='volume' device='disk'><source pool='pool' volume='vol'/>"
		"<target dev='vda'/></disk>");
	made = plan();
	ck_assert_msg(made != NULL, "%s", error ? error->message : "");
	ck_assert_str_eq(item_at(made, 0)->path, path);
}
END_TEST

START_TEST(a_network_disk_needs_a_directory)
{
	set_xml("<disk type='network' device='disk'><source protocol='rbd' name='p/i'/>"
		"<target dev='vda'/></disk>");
	assert_refused(VK_ERROR_FAILED, "--to DIR");
}
END_TEST

START_TEST(a_block_device_that_is_gone_is_not_made_a_file)
{
	set_xml("<disk type='block' device='disk'><source dev='/dev/vk-none'/>"
		"<target dev='vda'/></disk>");
	assert_refused(VK_ERROR_NOT_FOUND, "--to DIR");
}
END_TEST

START_TEST(a_drive_whose_medium_is_gone_is_left_empty)
{
	g_autofree char *disk = file_disk("vda", "web.qcow2");
	g_autofree char *both =
		g_strconcat(disk,
			    "<disk type='file' device='cdrom'><source file='/none/x.iso'/>"
			    "<target dev='sda'/></disk>",
			    NULL);
	g_autoptr(VkPlan) made = NULL;

	set_xml(both);
	made = plan();
	ck_assert_ptr_nonnull(made);
	ck_assert(strstr(made->domain_xml, "x.iso") == NULL);
	ck_assert(strstr(made->domain_xml, "sda") != NULL);
	ck_assert_uint_eq(made->notes->len, 1);
}
END_TEST

START_TEST(in_place_replaces_what_is_there)
{
	g_autofree char *overlay = file_disk("vda", "overlay");
	g_autofree char *xml = domain_xml("renamed", overlay);
	g_autofree char *path = path_in("web.qcow2");
	g_autoptr(VkPlan) made = NULL;

	touch("web.qcow2");
	world.name = "renamed";
	world.uuid = UUID;
	world.xml = xml;
	world.state = VK_GUEST_RUNNING;
	options.in_place = TRUE;
	made = plan();
	ck_assert_msg(made != NULL, "%s", error ? error->message : "");
	ck_assert(made->was_running);
	ck_assert(item_at(made, 0)->exists);
	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert_str_eq(made->guest, "renamed");
	ck_assert(strstr(made->domain_xml, "<name>renamed</name>") != NULL);
	/* The new name, and the overlay that is left alone. */
	ck_assert_uint_eq(made->notes->len, 2);
}
END_TEST

START_TEST(one_disk_in_place_keeps_the_present_definition)
{
	g_autofree char *disk = file_disk("vda", "overlay");
	g_autofree char *added = file_disk("vdb", "added");
	g_autofree char *both = g_strconcat(disk, added, NULL);
	g_autofree char *xml = domain_xml("web 1", both);
	g_autoptr(VkPlan) made = NULL;

	world.name = "web 1";
	world.uuid = UUID;
	world.xml = xml;
	options.in_place = TRUE;
	set_list(&options.disks, "vda");
	made = plan();
	ck_assert_msg(made != NULL, "%s", error ? error->message : "");
	ck_assert(!made->was_running);
	ck_assert(strstr(made->domain_xml, "added") != NULL);
	ck_assert(strstr(made->domain_xml, "overlay") == NULL);
	ck_assert(strstr(made->domain_xml, "web.qcow2") != NULL);
}
END_TEST

START_TEST(in_place_needs_the_guest)
{
	options.in_place = TRUE;
	assert_refused(VK_ERROR_NOT_FOUND, "--in-place");
}
END_TEST

START_TEST(in_place_is_not_for_another_guest_of_that_name)
{
	world.name = "web 1";
	world.uuid = OTHER_UUID;
	options.in_place = TRUE;
	assert_refused(VK_ERROR_EXISTS, OTHER_UUID);
}
END_TEST

START_TEST(a_saved_memory_state_is_refused)
{
	touch("web 1.save");
	assert_refused(VK_ERROR_EXISTS, "managedsave-remove");
}
END_TEST

START_TEST(force_drops_a_saved_memory_state)
{
	g_autofree char *path = path_in("web 1.save");
	g_autofree char *text = NULL;
	g_autoptr(VkPlan) made = NULL;

	touch("web 1.save");
	options.force = TRUE;
	made = plan();
	ck_assert_ptr_nonnull(made);
	ck_assert_str_eq(made->managed_save, path);
	text = vk_plan_text(made);
	ck_assert(strstr(text, path) != NULL);
}
END_TEST

/* Gives vda a copy on an array whose layers lie in DIR. */
static void put_on_array(const char *const *layers)
{
	VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, 0);
	g_autofree char *path = path_in("vault");

	vault = vk_vault_init(path, NULL);
	ck_assert_ptr_nonnull(vault);
	disk->image->array = json_pack("{s:s}", "array", "shelf");
	world.layers = layers;
}

static VkPlan *plan_in_place(void)
{
	VkPlan *made;

	world.name = "web 1";
	world.uuid = UUID;
	world.xml = snapshot->domain_xml;
	options.in_place = TRUE;
	made = plan();
	ck_assert_msg(made != NULL, "%s", error ? error->message : "");
	return made;
}

/* The one disk is copied, and the plan says that this is for WORDS. */
static void assert_copied(const VkPlan *made, const char *words)
{
	g_autofree char *text = NULL;
	g_autofree char *reason = g_strdup_printf(", copied, for %s", words);

	ck_assert_ptr_nonnull(made);
	ck_assert_uint_eq(made->items->len, 1);
	ck_assert_ptr_null(item_at(made, 0)->clone);
	text = vk_plan_text(made);
	ck_assert_msg(strstr(text, reason) != NULL, "no '%s' in: %s", reason, text);
}

static const char *const one_layer[] = {"web.qcow2:qcow2", NULL};
static const char *const chain[] = {"web.qcow2:qcow2", "mid.qcow2:qcow2", ".base:raw", NULL};

START_TEST(an_array_gives_a_disk_back)
{
	g_autoptr(VkPlan) made = NULL;
	g_autofree char *text = NULL;
	g_autoptr(json_t) report = NULL;
	const VkPlanClone *clone;

	put_on_array(one_layer);
	made = plan_in_place();
	ck_assert_uint_eq(made->items->len, 1);
	clone = item_at(made, 0)->clone;
	ck_assert_ptr_nonnull(clone);
	ck_assert_uint_eq(clone->layer, 0);
	ck_assert_ptr_null(clone->backing);
	ck_assert_uint_eq(clone->kept_from, clone->kept_to);
	text = vk_plan_text(made);
	ck_assert(strstr(text, ", cloned by 'shelf': no data is read\n") != NULL);
	report = vk_plan_report(made, FALSE);
	ck_assert(json_is_true(
		json_object_get(json_array_get(json_object_get(report, "disks"), 0), "cloned")));
}
END_TEST

START_TEST(an_array_gives_a_disk_to_another_place)
{
	g_autofree char *part = g_strdup_printf("vda=%s/other", dir);
	g_autoptr(VkPlan) made = NULL;

	put_on_array(one_layer);
	set_list(&options.disks, part);
	made = plan();
	ck_assert_ptr_nonnull(item_at(made, 0)->clone);
}
END_TEST

START_TEST(another_format_is_copied)
{
	g_autoptr(VkPlan) made = NULL;

	put_on_array(one_layer);
	options.format = g_strdup("raw");
	made = plan_in_place();
	assert_copied(made, "the copy on the array is 'qcow2'");
}
END_TEST

START_TEST(what_the_array_does_not_reach_is_copied)
{
	g_autoptr(VkPlan) made = NULL;

	put_on_array(one_layer);
	world.unreachable = "0";
	made = plan_in_place();
	assert_copied(made, "its place is out of the array's reach");
}
END_TEST

START_TEST(what_the_array_lost_is_copied)
{
	g_autoptr(VkPlan) made = NULL;

	put_on_array(NULL);
	made = plan_in_place();
	assert_copied(made, "the array has its copy no more");
}
END_TEST

START_TEST(unchanged_backing_files_are_used_as_they_lie)
{
	g_autoptr(VkPlan) made = NULL;
	const VkPlanClone *clone;

	put_on_array(chain);
	made = plan_in_place();
	ck_assert_uint_eq(made->items->len, 1);
	clone = item_at(made, 0)->clone;
	ck_assert_ptr_nonnull(clone);
	ck_assert_ptr_null(clone->backing);
	ck_assert_uint_eq(clone->kept_from, 1);
	ck_assert_uint_eq(clone->kept_to, 3);
}
END_TEST

START_TEST(a_changed_backing_file_comes_back_beside_it)
{
	g_autoptr(VkPlan) made = NULL;
	g_autofree char *prefix = path_in("mid.qcow2.virtkeep-20261122T201405Z-");
	g_autofree char *middle = path_in("mid.qcow2");
	const VkPlanItem *item;
	const VkPlanClone *clone;

	touch("mid.qcow2");
	ck_assert_int_eq(chmod(middle, 0640), 0);
	put_on_array(chain);
	world.changed = "1";
	made = plan_in_place();
	ck_assert_uint_eq(made->items->len, 2);
	item = item_at(made, 0);
	ck_assert(g_str_has_prefix(item->path, prefix));
	ck_assert(!item->exists && !item->is_disk);
	ck_assert_uint_eq(item->place.mode, 0640);
	ck_assert_uint_eq(item->clone->layer, 1);
	ck_assert_ptr_null(item->clone->backing);
	clone = item_at(made, 1)->clone;
	ck_assert_str_eq(clone->backing, item->path);
	ck_assert_str_eq(clone->backing_format, "qcow2");
	ck_assert_uint_eq(clone->kept_from, 2);
	ck_assert_uint_eq(clone->kept_to, 3);
}
END_TEST

/* The middle one names the base, so it cannot stay when that one cannot. */
START_TEST(all_above_a_changed_backing_file_come_back)
{
	g_autoptr(VkPlan) made = NULL;
	g_autofree char *prefix = path_in("base.virtkeep-");
	const VkPlanItem *base, *middle;

	put_on_array(chain);
	world.changed = "2";
	made = plan_in_place();
	ck_assert_uint_eq(made->items->len, 3);
	base = item_at(made, 0);
	middle = item_at(made, 1);
	ck_assert_msg(g_str_has_prefix(base->path, prefix), "%s", base->path);
	ck_assert_uint_eq(base->clone->layer, 2);
	ck_assert_uint_eq(middle->clone->layer, 1);
	ck_assert_str_eq(middle->clone->backing, base->path);
	ck_assert_str_eq(middle->clone->backing_format, "raw");
	ck_assert_str_eq(item_at(made, 2)->clone->backing, middle->path);
	ck_assert_uint_eq(item_at(made, 2)->clone->kept_from, 3);
}
END_TEST

START_TEST(a_chain_that_cannot_come_back_whole_is_copied)
{
	g_autoptr(VkPlan) made = NULL;

	put_on_array(chain);
	world.changed = "2";
	world.unreachable = "1";
	made = plan_in_place();
	assert_copied(made, "the array cannot bring back its backing file");
}
END_TEST

START_TEST(elsewhere_a_chain_becomes_one_file)
{
	g_autoptr(VkPlan) made = NULL;

	put_on_array(chain);
	options.as_name = g_strdup("new");
	made = plan();
	assert_copied(made, "its backing files belong to '");
}
END_TEST

START_TEST(a_place_is_known_through_links)
{
	g_autofree char *link = path_in("link");
	g_autofree char *disk = file_disk("vda", "link/web.qcow2");
	g_autoptr(VkPlan) made = NULL;

	ck_assert_int_eq(symlink(dir, link), 0);
	set_xml(disk);
	put_on_array(chain);
	made = plan();
	ck_assert_msg(made != NULL, "%s", error ? error->message : "");
	ck_assert_ptr_nonnull(item_at(made, 0)->clone);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		contradictions_are_usage_errors,
		json_and_stdout_exclude_each_other,
		a_disk_goes_where_it_is_told,
		parts_are_named_after_the_guest,
		names_fit_into_a_directory,
		unknown_parts_are_not_found,
		unknown_files_are_not_found,
		an_existing_file_needs_force,
		force_keeps_the_mode,
		a_file_that_qemu_has_locked_is_busy_even_with_force,
		two_items_of_one_path_are_refused,
		nothing_is_written_into_the_vault,
		a_deleted_guest_comes_back_where_it_was,
		an_existing_guest_is_refused,
		a_running_guest_is_refused,
		a_guest_of_the_same_name_is_refused,
		a_deleted_guest_does_not_overwrite,
		a_new_guest_differs_from_the_original,
		a_new_guest_needs_a_free_name,
		a_new_guest_does_not_share_unsaved_disks,
		firmware_of_a_new_guest_has_own_places,
		a_volume_goes_to_its_pool,
		a_network_disk_needs_a_directory,
		a_block_device_that_is_gone_is_not_made_a_file,
		a_drive_whose_medium_is_gone_is_left_empty,
		in_place_replaces_what_is_there,
		one_disk_in_place_keeps_the_present_definition,
		in_place_needs_the_guest,
		in_place_is_not_for_another_guest_of_that_name,
		a_saved_memory_state_is_refused,
		force_drops_a_saved_memory_state,
		an_array_gives_a_disk_back,
		an_array_gives_a_disk_to_another_place,
		another_format_is_copied,
		what_the_array_does_not_reach_is_copied,
		what_the_array_lost_is_copied,
		unchanged_backing_files_are_used_as_they_lie,
		a_changed_backing_file_comes_back_beside_it,
		all_above_a_changed_backing_file_come_back,
		a_chain_that_cannot_come_back_whole_is_copied,
		elsewhere_a_chain_becomes_one_file,
		a_place_is_known_through_links,
	};
	Suite *suite = suite_create("plan");
	TCase *cases = tcase_create("plan");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		tcase_add_test(cases, tests[i]);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
