/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-pair.h"

#include "json.h"
#include "snapshot-set.h"

static const char topology[] =
	"{\"clusters\": [{\"name\": \"c1\", \"version\": \"9.14.1\","
	" \"svms\": [{\"name\": \"s\","
	"  \"lifs\": [{\"name\": \"lif1\", \"address\": \"127.0.0.1\"}],"
	"  \"volumes\": ["
	"   {\"name\": \"vaulted\", \"directory\": \"@/vaulted\", \"junction\": \"/vaulted\"},"
	"   {\"name\": \"mirrored\", \"directory\": \"@/mirrored\", \"junction\": \"/mirrored\"},"
	"   {\"name\": \"alone\", \"directory\": \"@/alone\", \"junction\": \"/alone\"}]}]},"
	" {\"name\": \"c2\", \"version\": \"9.16.1\","
	" \"svms\": [{\"name\": \"d\","
	"  \"lifs\": [{\"name\": \"lif2\", \"address\": \"127.0.0.2\"}],"
	"  \"volumes\": [{\"name\": \"vault\", \"directory\": \"@/vault\","
	"   \"junction\": \"/copies/vault\"},"
	"   {\"name\": \"nested\", \"directory\": \"@/nested\","
	"   \"junction\": \"/copies/vault/b\"},"
	"   {\"name\": \"mirror\", \"directory\": \"@/mirror\"}]}],"
	" \"relationships\": ["
	"  {\"source\": \"s:vaulted\", \"destination\": \"d:vault\", \"policy\": "
	"\"MirrorAndVault\"},"
	"  {\"source\": \"s:mirrored\", \"destination\": \"d:mirror\"}]}]}";

const char pair_mountinfo[] = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
			      "40 22 0:50 / @/vaulted rw - nfs4 127.0.0.1:/vaulted rw\n"
			      "41 22 0:51 / @/mirrored rw - nfs4 127.0.0.1:/mirrored rw\n"
			      "42 22 0:52 / @/alone rw - nfs4 127.0.0.1:/alone rw\n";

Bed *bed;

void pair_setup(void)
{
	bed = bed_new(topology, pair_mountinfo, FIRST SECOND);
	bed_write(bed, "vaulted/a.raw", "a");
	bed_write(bed, "mirrored/a.raw", "a");
	bed_write(bed, "alone/a.raw", "a");
}

void pair_teardown(void)
{
	bed_free(bed);
}

json_t *pair_snap(const char *image, const char *label)
{
	g_autoptr(VkSnapshotSet) set = vk_snapshot_set_new(bed->arrays, BED_VAULT, label);
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autofree char *path = bed_path(bed, image);
	g_autoptr(GError) error = NULL;
	VkArrayDisk *disk;
	json_t *copy;

	g_ptr_array_add(layers, vk_array_layer_new(path, "raw"));
	disk = vk_arrays_probe(bed->arrays, layers, &error);
	bed_succeed(disk != NULL, error);
	vk_snapshot_set_join(set, WEB, ID);
	vk_snapshot_set_add(set, WEB, "vda", disk);
	bed_succeed(vk_snapshot_set_prepare(set, &error) && vk_snapshot_set_snap(set, &error) &&
			    vk_snapshot_set_settle(set, &error),
		    error);
	copy = vk_snapshot_set_copy(set, WEB, "vda");
	bed_succeed(vk_snapshot_set_keep(set, WEB, &error), error);
	vk_snapshot_set_leave(set, WEB);
	return copy;
}

const char *pair_snapshot_of(const json_t *copy)
{
	return vk_json_optional_string(json_array_get(json_object_get(copy, "layers"), 0),
				       "snapshot");
}
