/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-nas.h"

#include "source.h"

#include <check.h>
#include <string.h>

/* Two volumes whose junctions begin alike, one that nobody uses, and two of another SVM. */
static const char topology[] =
	"{\"clusters\": [{\"name\": \"c1\", \"version\": \"9.14.1\","
	" \"users\": [{\"name\": \"admin\", \"password\": \"secret\"},"
	"  {\"name\": \"robot\", \"certificate\": true}],"
	" \"svms\": [{\"name\": \"s\","
	"  \"lifs\": [{\"name\": \"lif1\", \"address\": \"127.0.0.1\"},"
	"   {\"name\": \"lif2\", \"address\": \"::1\"}],"
	"  \"volumes\": [{\"name\": \"root\", \"directory\": \"@/root\", \"junction\": \"/\","
	"    \"is_svm_root\": true},"
	"   {\"name\": \"vm\", \"directory\": \"@/vm\", \"junction\": \"/vm\","
	"    \"exports\": [\"qtree\"]},"
	"   {\"name\": \"vmstore\", \"directory\": \"@/vmstore\", \"junction\": \"/vmstore\"},"
	"   {\"name\": \"other\", \"directory\": \"@/other\", \"junction\": \"/other\"},"
	"   {\"name\": \"mirror\", \"directory\": \"@/mirror\", \"junction\": \"/mirror\","
	"    \"type\": \"dp\"}]},"
	"  {\"name\": \"t\", \"lifs\": [{\"name\": \"lif3\", \"address\": \"127.0.0.3\"}],"
	"  \"volumes\": [{\"name\": \"t1\", \"directory\": \"@/t1\", \"junction\": \"/t1\"},"
	"   {\"name\": \"t2\", \"directory\": \"@/t2\", \"junction\": \"/t2\"}]}],"
	" \"groups\": []}]}";

static const char mountinfo[] = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				"40 22 0:50 / @/vm rw - nfs4 127.0.0.1:/vm rw\n"
				"41 22 0:51 / @/vmstore rw - nfs4 [::1]:/VMstore rw\n"
				"42 22 0:52 / @/other rw - nfs 127.0.0.1:/other/ rw\n"
				"43 22 0:53 / @/root rw - nfs 127.0.0.1:/ rw\n"
				"44 22 0:54 / @/mirror rw - nfs 127.0.0.1:/mirror rw\n"
				"45 22 0:55 / @/far rw - nfs 127.0.0.2:/vm rw\n"
				"46 40 0:56 / @/vm/qtree rw - nfs4 127.0.0.1:/vm/qtree rw\n"
				"47 22 0:57 / @/t1 rw - nfs4 127.0.0.3:/t1 rw\n"
				"48 22 0:58 / @/t2 rw - nfs4 127.0.0.3:/t2 rw\n";

Bed *bed;

void nas_setup(void)
{
	bed = bed_new(topology, mountinfo, NULL);
	bed_write(bed, "vm/web.raw", "web at the instant");
	bed_write(bed, "vmstore/data.raw", "data at the instant");
	bed_write(bed, "vm/sub/mail.raw", "mail at the instant");
}

void nas_teardown(void)
{
	bed_free(bed);
}

VkArrayDisk *nas_try_probe(const char *image, GError **error)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autofree char *path = bed_path(bed, image);

	g_ptr_array_add(layers, vk_array_layer_new(path, "raw"));
	return vk_arrays_probe(bed->arrays, layers, error);
}

VkArrayDisk *nas_probe(const char *image)
{
	g_autoptr(GError) error = NULL;
	VkArrayDisk *disk = nas_try_probe(image, &error);

	ck_assert_msg(disk != NULL, "%s", error ? error->message : "");
	return disk;
}

VkSnapshotSet *nas_make_set(void)
{
	return vk_snapshot_set_new(bed->arrays, BED_VAULT, "daily");
}

gboolean nas_run_set(VkSnapshotSet *set, GError **error)
{
	return vk_snapshot_set_prepare(set, error) && vk_snapshot_set_snap(set, error) &&
	       vk_snapshot_set_settle(set, error);
}

/* A set of the web guest with its first disk, or with both. Not yet run. */
VkSnapshotSet *nas_web_set(gboolean both)
{
	VkSnapshotSet *set = nas_make_set();

	vk_snapshot_set_join(set, WEB, ID);
	vk_snapshot_set_add(set, WEB, "vda", nas_probe("vm/web.raw"));
	if (both)
		vk_snapshot_set_add(set, WEB, "vdb", nas_probe("vmstore/data.raw"));
	return set;
}

/* The copy of the web guest's disk, taken and listed. */
json_t *nas_listed_copy(gboolean both)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(both);
	g_autoptr(GError) error = NULL;
	json_t *copy;

	bed_succeed(nas_run_set(set, &error), error);
	copy = vk_snapshot_set_copy(set, WEB, "vda");
	bed_succeed(vk_snapshot_set_keep(set, WEB, &error), error);
	vk_snapshot_set_leave(set, WEB);
	return copy;
}

void nas_check_content(const json_t *copy, const char *content)
{
	char buffer[64] = "";
	g_autoptr(GError) error = NULL;
	VkImage *image = vk_arrays_open_image(bed->arrays, copy, &error);

	bed_succeed(image != NULL, error);
	/* Disks are whole sectors. */
	ck_assert_uint_ge(image->size, strlen(content));
	bed_succeed(vk_image_read(image, 0, buffer, strlen(content), &error), error);
	ck_assert_str_eq(buffer, content);
	vk_image_free(image);
}

guint nas_count_snapshots(const char *volume)
{
	json_t *snapshots = bed_state(bed, "snapshots");
	guint count = 0;
	gsize index;
	json_t *snapshot;

	json_array_foreach (snapshots, index, snapshot) {
		const json_t *of = json_object_get(snapshot, "volume");

		count += !volume ||
			 strcmp(json_string_value(json_object_get(of, "name")), volume) == 0;
	}
	json_decref(snapshots);
	return count;
}

/* Whatever was asked: only single snapshots of ours and groups of ours were removed, by uuid. */
void nas_check_log(void)
{
	json_t *requests = bed_requests(bed);
	gsize index;
	json_t *request;

	json_array_foreach (requests, index, request) {
		const char *path = json_string_value(json_object_get(request, "path"));
		const char *method = json_string_value(json_object_get(request, "method"));
		g_auto(GStrv) words = g_strsplit(path, "/", -1);
		guint count = g_strv_length(words);

		if (strcmp(method, "DELETE") != 0)
			continue;
		ck_assert_msg(g_uuid_string_is_valid(words[count - 1]), "%s", path);
		ck_assert_msg(g_pattern_match_simple("/api/storage/volumes/*/snapshots/*", path) ||
				      g_pattern_match_simple(
					      "/api/application/consistency-groups/*", path),
			      "%s", path);
		ck_assert_msg(!g_pattern_match_simple(
				      "/api/application/consistency-groups/*/snapshots*", path),
			      "%s", path);
	}
	json_decref(requests);
}
