/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All definitions of the corpus, rewritten: as clones, and with no changes. */
#include "domain-bed.h"
#include "domain.h"

#include <string.h>

#define NEW_NAME "restored-42"
#define NEW_UUID "99999999-8888-4777-8666-555555555555"

static const char *const corpus[] = {
	"arm-router.xml",
	"ceph-rbd.xml",
	"cloud-instance.xml",
	"consoles.xml",
	"direct-boot-virtiofs.xml",
	"drives.xml",
	"gpu-workstation.xml",
	"iscsi-network.xml",
	"linux-live.xml",
	"linux-q35.xml",
	"long-name.xml",
	"lvm-block.xml",
	"microvm-commandline.xml",
	"multipath.xml",
	"nfs-pool-volume.xml",
	"odd-name.xml",
	"passthrough.xml",
	"shared-readonly.xml",
	"slices.xml",
	"sources.xml",
	"vhostuser.xml",
	"windows-uefi-tpm.xml",
};

/* A clone with all disks in new places. */
typedef struct Clone {
	VkDomainChanges changes;
	GPtrArray *paths;
} Clone;

static Clone *clone_new(const char *xml)
{
	g_autoptr(VkDomain) domain = vk_domain_parse(xml, NULL);
	Clone *clone = g_new0(Clone, 1);

	clone->paths = g_ptr_array_new_with_free_func(g_free);
	clone->changes = (VkDomainChanges){
		.name = NEW_NAME,
		.uuid = NEW_UUID,
		.nvram = domain->nvram ? "/restored/nvram.fd" : NULL,
		.new_macs = TRUE,
		.drop_channel_paths = TRUE,
		.drop_passthrough = TRUE,
		.disks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk)),
		.eject = g_ptr_array_new_with_free_func(g_free),
		.drop = g_ptr_array_new_with_free_func(g_free),
	};
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);
		VkDomainNewDisk place = {.type = "file", .format = "raw"};

		if (g_str_equal(disk->device, "cdrom") || g_str_equal(disk->device, "floppy")) {
			g_ptr_array_add(clone->changes.eject, g_strdup(disk->target));
		} else if (vk_domain_disk_skip_reason(disk)) {
			g_ptr_array_add(clone->changes.drop, g_strdup(disk->target));
		} else {
			place.target = g_strdup(disk->target);
			place.path = g_strdup_printf("/restored/%s.raw", disk->target);
			g_ptr_array_add(clone->paths, g_strdup(place.path));
			g_array_append_val(clone->changes.disks, place);
		}
	}
	return clone;
}

static void clone_free(Clone *clone)
{
	for (guint i = 0; i < clone->changes.disks->len; i++) {
		VkDomainNewDisk *place = &g_array_index(clone->changes.disks, VkDomainNewDisk, i);

		g_free((void *)(gintptr)place->target);
		g_free((void *)(gintptr)place->path);
	}
	g_array_unref(clone->changes.disks);
	g_ptr_array_unref(clone->changes.eject);
	g_ptr_array_unref(clone->changes.drop);
	g_ptr_array_unref(clone->paths);
	g_free(clone);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Clone, clone_free)

static void assert_absent(const GPtrArray *lines, const char *word)
{
	for (guint i = 0; i < lines->len; i++)
		ck_assert_msg(!strstr(lines->pdata[i], word), "'%s' is in '%s'", word,
			      (char *)lines->pdata[i]);
}

START_TEST(a_clone_shares_nothing)
{
	g_autofree char *xml = load(corpus[_i]);
	g_autoptr(VkDomain) original = vk_domain_parse(xml, NULL);
	g_autoptr(Clone) clone = clone_new(xml);
	g_autofree char *text = rewrite(xml, &clone->changes);
	g_autoptr(VkDomain) domain = vk_domain_parse(text, NULL);
	g_autoptr(GPtrArray) lines = flatten(text);

	ck_assert_str_eq(domain->name, NEW_NAME);
	ck_assert_str_eq(domain->uuid, NEW_UUID);
	assert_absent(lines, original->name);
	assert_absent(lines, original->uuid);
	for (guint i = 0; i < original->interfaces->len; i++)
		assert_absent(lines, g_ptr_array_index(original->interfaces, i));
	if (original->nvram)
		ck_assert_str_eq(domain->nvram, "/restored/nvram.fd");
	ck_assert_uint_eq(domain->passthrough->len, 0);
	ck_assert_uint_eq(domain->disks->len, original->disks->len - clone->changes.drop->len);
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);

		if (!disk->empty)
			ck_assert_msg(g_str_has_prefix(disk->image->path, "/restored/"), "%s",
				      disk->image->path);
	}
}
END_TEST

START_TEST(rewriting_is_idempotent)
{
	g_autofree char *xml = load(corpus[_i]);
	g_autoptr(Clone) clone = clone_new(xml);
	g_autofree char *once = rewrite(xml, &clone->changes);

	g_ptr_array_set_size(clone->changes.drop, 0);
	g_autofree char *twice = rewrite(once, &clone->changes);
	ck_assert_str_eq(once, twice);
}
END_TEST

/* The definition of a guest that is off has nothing that belongs to a run. */
START_TEST(no_changes_change_nothing)
{
	VkDomainChanges nothing = {0};

	if (!g_str_equal(corpus[_i], "linux-live.xml"))
		assert_difference(corpus[_i], &nothing, "");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, a_clone_shares_nothing, 0, G_N_ELEMENTS(corpus));
	tcase_add_loop_test(tests, rewriting_is_idempotent, 0, G_N_ELEMENTS(corpus));
	tcase_add_loop_test(tests, no_changes_change_nothing, 0, G_N_ELEMENTS(corpus));
}

int main(void)
{
	return run_domain_tests("domain-rewrite-corpus", add_tests);
}
