/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-bed.h"

#include "errors.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

PlanBed bed;

static gboolean fake_find(const VkFacts *base, const char *key, VkKnownGuest **ret, GError **error)
{
	const FakeFacts *facts = (const FakeFacts *)base;

	*ret = NULL;
	if (!facts->name || (strcmp(key, facts->name) != 0 && strcmp(key, facts->uuid) != 0))
		return TRUE;
	*ret = g_new0(VkKnownGuest, 1);
	(*ret)->name = g_strdup(facts->name);
	(*ret)->uuid = g_strdup(facts->uuid);
	(*ret)->state = facts->state;
	(*ret)->persistent = !facts->is_transient;
	(*ret)->domain_xml = g_strdup(facts->xml);
	return TRUE;
}

static GPtrArray *fake_list(const VkFacts *base, GError **error)
{
	const char *name = ((const FakeFacts *)base)->name;
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)vk_known_guest_free);
	VkKnownGuest *known = NULL;

	if (name && fake_find(base, name, &known, error))
		g_ptr_array_add(list, known);
	return list;
}

static gboolean fake_reach(const VkFacts *base, GError **error)
{
	return !((const FakeFacts *)base)->unreachable_libvirt ||
	       vk_fail(error, VK_ERROR_FAILED, "nobody listens");
}

static gboolean fake_check_need(const VkFacts *base, const VkNeed *need, const char **ret_lack,
				GError **error)
{
	const char *lacking = ((const FakeFacts *)base)->lacking;

	*ret_lack = lacking && strstr(lacking, need->name) ? "does not exist" : NULL;
	return TRUE;
}

static char *fake_pool_directory(const VkFacts *facts, const char *pool, GError **error)
{
	if (strcmp(pool, "pool") == 0)
		return g_build_filename(bed.dir, "pool", NULL);
	vk_fail(error, VK_ERROR_NOT_FOUND, "no pool '%s'", pool);
	return NULL;
}

static char *fake_volume_path(const VkFacts *facts, const char *pool, const char *volume,
			      GError **error)
{
	vk_fail(error, VK_ERROR_NOT_FOUND, "no volume '%s'", volume);
	return NULL;
}

static GPtrArray *fake_user_snapshots(const VkFacts *base, const char *uuid, GError **error)
{
	const char *words = ((const FakeFacts *)base)->snapshots;
	g_auto(GStrv) list = g_strsplit(words ? words : "", ",", -1);
	GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)vk_user_snapshot_free);

	for (char **word = list; *word; word++) {
		g_auto(GStrv) parts = g_strsplit(*word, ":", 2);
		VkUserSnapshot *snapshot = vk_user_snapshot_new(parts[0]);

		if (parts[1])
			g_ptr_array_add(snapshot->files, g_strdup(parts[1]));
		g_ptr_array_add(found, snapshot);
	}
	return found;
}

static GPtrArray *fake_image_snapshots(const VkFacts *base, const char *path, GError **error)
{
	const char *words = ((const FakeFacts *)base)->image_snapshots;
	g_auto(GStrv) list = g_strsplit(words ? words : "", ",", -1);
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);

	for (char **word = list; *word; word++)
		g_ptr_array_add(found, g_strdup(*word));
	return found;
}

static GPtrArray *fake_layers(const VkFacts *base, const json_t *copy)
{
	const char *const *layers = ((const FakeFacts *)base)->layers;
	GPtrArray *found =
		layers ? g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free) : NULL;

	for (; layers && *layers; layers++) {
		g_auto(GStrv) words = g_strsplit(*layers, ":", 2);
		const char *in_pool = g_str_has_prefix(words[0], "pool/") ? words[0] + 5 : NULL;
		g_autofree char *path = g_build_filename(bed.dir, words[0], NULL);
		VkArrayLayer *layer =
			in_pool ? vk_array_layer_new_in_pool("pool", in_pool, words[1])
				: vk_array_layer_new(path, words[1]);

		g_ptr_array_add(found, layer);
	}
	return found;
}

static gboolean has_number(const char *numbers, guint layer)
{
	return numbers && strchr(numbers, '0' + (int)layer) != NULL;
}

static gboolean fake_layer_unchanged(const VkFacts *base, const json_t *copy, guint layer)
{
	return !has_number(((const FakeFacts *)base)->changed, layer);
}

static gboolean fake_can_clone(const VkFacts *base, const json_t *copy, guint layer,
			       const char *directory)
{
	return !has_number(((const FakeFacts *)base)->unreachable, layer);
}

static VkQemuSecret *fake_secret(const VkFacts *base, const VkDomainImage *image, GError **error)
{
	const char *known = ((const FakeFacts *)base)->secret;

	if (g_strcmp0(vk_domain_image_secret(image), known) == 0)
		return vk_qemu_secret_new("word", 4, error);
	vk_fail(error, VK_ERROR_FAILED, "no secret '%s'", vk_domain_image_secret(image));
	return NULL;
}

static const VkFactsOps fake_ops = {
	.secret = fake_secret,
	.reach = fake_reach,
	.check_need = fake_check_need,
	.find = fake_find,
	.list = fake_list,
	.pool_directory = fake_pool_directory,
	.volume_path = fake_volume_path,
	.user_snapshots = fake_user_snapshots,
	.image_snapshots = fake_image_snapshots,
	.layers = fake_layers,
	.layer_unchanged = fake_layer_unchanged,
	.can_clone = fake_can_clone,
};

char *path_in(const char *name)
{
	return g_build_filename(bed.dir, name, NULL);
}

void touch(const char *name)
{
	g_autofree char *path = path_in(name);

	ck_assert(g_file_set_contents(path, "old", 3, NULL));
}

char *domain_xml(const char *name, const char *disks)
{
	return g_strdup_printf("<domain type='kvm'><name>%s</name><uuid>" UUID "</uuid>"
			       "<memory>1</memory><os><type>hvm</type></os><devices>%s"
			       "<interface type='network'><mac address='52:54:00:00:00:01'/>"
			       "<source network='default'/></interface></devices></domain>",
			       name, disks);
}

char *file_disk(const char *target, const char *name)
{
	return g_strdup_printf("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
			       "<source file='%s/%s'/><target dev='%s' bus='virtio'/></disk>",
			       bed.dir, name, target);
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
	g_ptr_array_add(bed.snapshot->disks, disk);
}

void set_xml(const char *disks)
{
	g_free(bed.snapshot->domain_xml);
	bed.snapshot->domain_xml = domain_xml(bed.snapshot->name, disks);
}

static void setup(void)
{
	g_autofree char *pool = NULL;
	g_autofree char *disk = NULL;

	bed.dir = g_dir_make_tmp("vk-plan-XXXXXX", NULL);
	ck_assert_ptr_nonnull(bed.dir);
	pool = path_in("pool");
	ck_assert_int_eq(g_mkdir(pool, 0700), 0);
	bed.facts = (FakeFacts){.base = {.ops = &fake_ops,
					 .nvram_directory = bed.dir,
					 .tpm_directory = bed.dir,
					 .save_directory = bed.dir}};
	bed.options = (VkRestoreOptions){0};
	bed.snapshot = vk_snapshot_new();
	bed.snapshot->uuid = g_strdup(UUID);
	bed.snapshot->name = g_strdup("web 1");
	bed.snapshot->host = g_strdup("host");
	bed.snapshot->time = g_strdup("20261122T201405Z");
	bed.snapshot->consistency = g_strdup("offline");
	bed.snapshot->tool = g_strdup("test");
	bed.snapshot->state = g_strdup("shut off");
	bed.snapshot->persistent = TRUE;
	bed.snapshot->autostart = TRUE;
	disk = file_disk("vda", "web.qcow2");
	set_xml(disk);
	add_disk("vda", "qcow2", "file", "web.qcow2");
}

static void remove_tree(const char *path)
{
	/* A link is removed, and what it leads to is left. */
	GDir *entries =
		g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
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
	g_clear_error(&bed.error);
	g_clear_pointer(&bed.view, vk_view_free);
	g_clear_pointer(&bed.vault, vk_vault_free);
	vk_restore_options_clear(&bed.options);
	remove_tree(bed.dir);
	g_clear_pointer(&bed.dir, g_free);
}

VkRestorePlan *plan(void)
{
	bed.view = vk_view_new(bed.vault, bed.snapshot);
	return vk_restore_plan_make(&bed.options, bed.view, &bed.facts.base, &bed.error);
}

VkRestorePlan *must_plan(void)
{
	VkRestorePlan *made = plan();

	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
	return made;
}

void put_in_place(void)
{
	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	bed.facts.xml = bed.snapshot->domain_xml;
	bed.options.in_place = TRUE;
}

VkRestorePlan *plan_in_place(void)
{
	put_in_place();
	return must_plan();
}

void set_list(char ***list, const char *words)
{
	*list = g_strsplit(words, ",", -1);
}

VkRestoreItem *item_at(const VkRestorePlan *made, guint i)
{
	ck_assert_uint_lt(i, made->items->len);
	return g_ptr_array_index(made->items, i);
}

void assert_refused(int code, const char *word)
{
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert_ptr_null(made);
	ck_assert_msg(g_error_matches(bed.error, VK_ERROR, code), "%d: %s", bed.error->code,
		      bed.error->message);
	ck_assert_msg(strstr(bed.error->message, word) != NULL, "no '%s' in: %s", word,
		      bed.error->message);
}

void assert_usage(const char *word)
{
	if (!bed.options.snapshots)
		set_list(&bed.options.snapshots, "a@latest");
	ck_assert(!vk_restore_options_check(&bed.options, FALSE, &bed.error));
	ck_assert(g_error_matches(bed.error, VK_ERROR, VK_ERROR_USAGE));
	ck_assert_msg(strstr(bed.error->message, word) != NULL, "no '%s' in: %s", word,
		      bed.error->message);
	g_clear_error(&bed.error);
	vk_restore_options_clear(&bed.options);
	bed.options = (VkRestoreOptions){0};
}

int run_plan_tests(const char *name, const TTest *const *tests, gsize count)
{
	g_autofree VkPlanTest *loops = g_new0(VkPlanTest, count);

	for (gsize i = 0; i < count; i++)
		loops[i] = (VkPlanTest){tests[i], 1};
	return run_plan_loops(name, loops, count);
}

int run_plan_loops(const char *name, const VkPlanTest *tests, gsize count)
{
	Suite *suite = suite_create(name);
	TCase *cases = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	for (gsize i = 0; i < count; i++)
		tcase_add_loop_test(cases, tests[i].test, 0, tests[i].count);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
