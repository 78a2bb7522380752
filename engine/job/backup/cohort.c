/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cohort.h"

#include "disk-on-array.h"
#include "domain.h"

VkCohort *vk_cohort_new(VkArrays *arrays, VkVault *vault, const char *label, guint members)
{
	VkCohort *cohort = g_new0(VkCohort, 1);

	cohort->group = vk_group_new(members);
	cohort->set = vk_snapshot_set_new(arrays, vk_vault_id(vault), label);
	return cohort;
}

void vk_cohort_free(VkCohort *cohort)
{
	if (!cohort)
		return;
	vk_group_free(cohort->group);
	vk_snapshot_set_free(cohort->set);
	g_free(cohort);
}

static void add_volumes(GPtrArray *volumes, VkArrays *arrays, VkHost *host,
			const VkDomainDisk *disk)
{
	g_autoptr(VkArrayDisk) found = NULL;

	if (vk_domain_disk_skip_reason(disk))
		return;
	found = vk_array_disk_find(arrays, host, disk, NULL);
	for (guint i = 0; found && i < vk_array_disk_volumes(found)->len; i++)
		g_ptr_array_add(volumes,
				g_strdup(g_ptr_array_index(vk_array_disk_volumes(found), i)));
}

/* NULL when no array is to take the guest, or it cannot be examined. */
static GPtrArray *volumes_of(VkArrays *arrays, VkHost *host, const VkBackupOptions *options,
			     const char *uuid)
{
	g_autoptr(VkGuest) guest = vk_host_find(host, uuid, NULL);
	g_autoptr(VkGuestOptions) guest_options =
		guest ? vk_guest_options_new(options, guest, NULL) : NULL;
	g_autoptr(VkGuestFacts) facts = NULL;
	g_autoptr(VkDomain) domain = NULL;
	GPtrArray *volumes;

	if (!guest_options || guest_options->mode == VK_MODE_VAULT)
		return NULL;
	facts = vk_guest_get_facts(guest, NULL);
	if (facts)
		domain = vk_domain_parse(vk_guest_facts_present_xml(facts), NULL);
	if (!domain)
		return NULL;
	volumes = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < domain->disks->len; i++)
		add_volumes(volumes, arrays, host, g_ptr_array_index(domain->disks, i));
	return volumes;
}

/* Everyone who has the number OLD gets NEW. */
static void renumber(GArray *numbers, guint old, guint new)
{
	for (guint i = 0; i < numbers->len; i++) {
		guint *number = &g_array_index(numbers, guint, i);

		if (*number == old)
			*number = new;
	}
}

/* Numbers that only one guest has become 0. */
static void drop_singles(GArray *numbers)
{
	g_autofree guint *counts = g_new0(guint, numbers->len + 1);

	for (guint i = 0; i < numbers->len; i++)
		counts[g_array_index(numbers, guint, i)]++;
	for (guint i = 0; i < numbers->len; i++) {
		guint *number = &g_array_index(numbers, guint, i);

		if (counts[*number] == 1)
			*number = 0;
	}
}

GArray *vk_cohorts_of_volumes(const GPtrArray *volumes)
{
	GArray *numbers = g_array_sized_new(FALSE, TRUE, sizeof(guint), volumes->len);
	g_autoptr(GHashTable) first = g_hash_table_new(g_str_hash, g_str_equal);

	g_array_set_size(numbers, volumes->len);
	for (guint i = 0; i < volumes->len; i++) {
		const GPtrArray *names = g_ptr_array_index(volumes, i);

		g_array_index(numbers, guint, i) = names ? i + 1 : 0;
		for (guint k = 0; names && k < names->len; k++) {
			char *name = g_ptr_array_index(names, k);
			gpointer other = g_hash_table_lookup(first, name);

			if (!other)
				g_hash_table_insert(first, name, GUINT_TO_POINTER(i + 1));
			else
				renumber(
					numbers, g_array_index(numbers, guint, i),
					g_array_index(numbers, guint, GPOINTER_TO_UINT(other) - 1));
		}
	}
	drop_singles(numbers);
	return numbers;
}

static void volumes_free(gpointer volumes)
{
	if (volumes)
		g_ptr_array_unref(volumes);
}

GArray *vk_cohorts_find(VkArrays *arrays, VkHost *host, const VkBackupOptions *options,
			const GPtrArray *uuids)
{
	g_autoptr(GPtrArray) volumes = g_ptr_array_new_with_free_func(volumes_free);

	for (guint i = 0; i < uuids->len; i++)
		g_ptr_array_add(volumes, vk_arrays_have_volumes(arrays)
						 ? volumes_of(arrays, host, options,
							      g_ptr_array_index(uuids, i))
						 : NULL);
	return vk_cohorts_of_volumes(volumes);
}
