/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What parses must survive being rewritten, with every disk moved. */
#include "domain-rewrite.h"
#include "domain.h"
#include "fuzz.h"

static void rewrite(const char *xml, const VkDomain *domain)
{
	g_autoptr(GArray) disks = g_array_new(FALSE, FALSE, sizeof(VkDomainNewDisk));
	VkDomainChanges changes = {
		.name = "clone",
		.uuid = "5f0c7c5e-9a2b-4b7e-8a53-0d1f6f0e7a11",
		.new_macs = TRUE,
		.new_generation_id = TRUE,
		.drop_channel_paths = TRUE,
		.drop_passthrough = TRUE,
		.disks = disks,
	};

	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);
		VkDomainNewDisk place = {disk->target, "file", "/restored.raw", "raw"};

		g_array_append_val(disks, place);
	}
	g_autofree char *text = vk_domain_rewrite(xml, &changes, NULL);
	g_autoptr(VkDomain) clone = text ? vk_domain_parse(text, NULL) : NULL;
	g_assert(clone);
	g_assert_cmpstr(clone->uuid, ==, changes.uuid);
	g_assert_cmpuint(clone->disks->len, ==, domain->disks->len);
	g_assert_cmpuint(clone->interfaces->len, ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *xml = g_strndup((const char *)data, size);
	g_autoptr(VkDomain) domain = vk_domain_parse(xml, NULL);

	if (!domain)
		return 0;
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);
		g_autofree char *label = disk->image ? vk_domain_image_label(disk->image) : NULL;

		g_assert(!disk->image == !label);
		vk_domain_disk_skip_reason(disk);
	}
	rewrite(xml, domain);
	return 0;
}
