/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SnapMirror and SnapVault of the ONTAP driver, against two clusters of the stand-in. */
#include "errors.h"
#include "json.h"
#include "ontapbed.h"
#include "program.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WEB "11111111-2222-3333-4444-555555555555"
#define ID  "20260102T030405Z"

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

static const char mountinfo[] = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				"40 22 0:50 / @/vaulted rw - nfs4 127.0.0.1:/vaulted rw\n"
				"41 22 0:51 / @/mirrored rw - nfs4 127.0.0.1:/mirrored rw\n"
				"42 22 0:52 / @/alone rw - nfs4 127.0.0.1:/alone rw\n";

#define LOGIN                          \
	"user = admin\n"               \
	"password_file = @/password\n" \
	"ca_file = @/state/ca.pem\n"
#define FIRST  "[array first]\nurl = https://127.0.0.1:%\n" LOGIN
#define SECOND "[array second]\nurl = https://127.0.0.1:&\n" LOGIN

static Bed *bed;

/* In place of libc's, for all: how often a file is looked at on a mount whose server is dead. */
static guint looks;

int stat(const char *path, struct stat *info)
{
	looks += strstr(path, "/dead/") != NULL;
	return fstatat(AT_FDCWD, path, info, 0);
}

static void setup(void)
{
	bed = bed_new(topology, mountinfo, FIRST SECOND);
	bed_write(bed, "vaulted/a.raw", "a");
	bed_write(bed, "mirrored/a.raw", "a");
	bed_write(bed, "alone/a.raw", "a");
}

static void teardown(void)
{
	bed_free(bed);
}

static void succeed(gboolean ok, const GError *error)
{
	ck_assert_msg(ok, "%s", error ? error->message : "no error was set");
}

static json_t *take(const char *image, const char *label)
{
	g_autoptr(VkTake) taken = vk_take_new(bed->arrays, BED_VAULT, label);
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autofree char *path = bed_path(bed, image);
	g_autoptr(GError) error = NULL;
	VkArrayDisk *disk;
	json_t *copy;

	g_ptr_array_add(layers, vk_array_layer_new(path, "raw"));
	disk = vk_arrays_probe(bed->arrays, layers, &error);
	succeed(disk != NULL, error);
	vk_take_join(taken, WEB, ID);
	vk_take_add(taken, WEB, "vda", disk);
	succeed(vk_take_prepare(taken, &error) && vk_take_shoot(taken, &error) &&
			vk_take_settle(taken, &error),
		error);
	copy = vk_take_copy(taken, WEB, "vda");
	succeed(vk_take_keep(taken, WEB, &error), error);
	vk_take_leave(taken, WEB);
	return copy;
}

static const char *snapshot_of(const json_t *copy)
{
	return vk_json_optional_string(json_array_get(json_object_get(copy, "layers"), 0),
				       "snapshot");
}

/* The only relationship of the copy. */
static GPtrArray *ask(const json_t *copy)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *found = vk_arrays_replications(bed->arrays, copy, &error);

	succeed(found != NULL, error);
	ck_assert_uint_eq(found->len, 1);
	return found;
}

/* The mounts of the host, and MORE. */
static void set_mounts(const char *more)
{
	g_autofree char *text = g_strconcat(mountinfo, more, NULL);
	g_auto(GStrv) parts = g_strsplit(text, "@", -1);
	g_autofree char *filled = g_strjoinv(bed->directory, parts);

	bed_write(bed, "mountinfo", filled);
}

/* A copy that only the secondary has. */
static json_t *make_replica(void)
{
	json_t *copy = take("vaulted/a.raw", "daily");
	g_autoptr(GPtrArray) snapshots = NULL;
	g_autoptr(GError) error = NULL;

	succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
	bed_write(bed, "vaulted/a.raw", "b");
	snapshots = vk_arrays_snapshots_of(bed->arrays, copy, &error);
	succeed(snapshots && snapshots->len == 1 &&
			vk_arrays_remove(bed->arrays, g_ptr_array_index(snapshots, 0), &error),
		error);
	return copy;
}

/* Of the first byte. 0 when it cannot be read. */
static char read_copy(const json_t *copy, GError **error)
{
	VkImage *image = vk_arrays_open_image(bed->arrays, copy, error);
	char byte = 0;

	if (image)
		succeed(vk_image_read(image, 0, &byte, 1, error), *error);
	vk_image_free(image);
	return byte;
}

static const char *const mounts_of_replica[] = {
	"43 22 0:53 / @/vault rw - nfs4 127.0.0.2:/copies/vault ro\n",
	"43 22 0:53 / @/vault rw - nfs 127.0.0.2:/copies/VAULT ro\n",
	"43 22 0:53 / @/above rw - nfs4 127.0.0.2:/ ro\n",
	/* The first is another server's. */
	"43 22 0:53 / @/above/copies/vault rw - nfs4 127.0.0.1:/copies/vault ro\n"
	"44 22 0:53 / @/vault rw - nfs4 127.0.0.2:/copies/vault ro\n",
};

START_TEST(reads_the_secondary)
{
	g_autoptr(json_t) copy = make_replica();
	g_autofree char *above = bed_path(bed, "above/copies");
	g_autofree char *link = bed_path(bed, "above/copies/vault");
	g_autofree char *vault = bed_path(bed, "vault");
	VkCopyReader reader = vk_arrays_reader(bed->arrays);
	g_autoptr(GError) error = NULL;
	g_autofree char *serves = NULL;
	gboolean has = TRUE;

	ck_assert_int_eq(g_mkdir_with_parents(above, 0700), 0);
	ck_assert_int_eq(symlink(vault, link), 0);
	set_mounts(mounts_of_replica[_i]);
	ck_assert_msg(read_copy(copy, &error) == 'a', "%s", error ? error->message : "wrong");
	ck_assert(!reader.has(reader.data, copy));
	serves = reader.replica(reader.data, copy);
	ck_assert_str_eq(serves, "second");
	succeed(vk_arrays_has(bed->arrays, copy, &has, &error), error);
	ck_assert(!has);
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
}
END_TEST

START_TEST(asks_for_a_mount_of_the_secondary)
{
	g_autoptr(json_t) copy = make_replica();
	VkCopyReader reader = vk_arrays_reader(bed->arrays);
	g_autoptr(GError) error = NULL;

	/* It is the same file, but by another server. */
	set_mounts("43 22 0:53 / @/vault rw - nfs4 127.0.0.1:/copies/vault ro\n");
	ck_assert_int_eq(read_copy(copy, &error), 0);
	ck_assert_msg(strstr(error->message, "'d:vault' of the array 'second' has it") != NULL,
		      "%s", error->message);
	ck_assert(!reader.has(reader.data, copy));
	ck_assert_ptr_null(reader.replica(reader.data, copy));
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
}
END_TEST

START_TEST(knows_that_there_is_no_replica)
{
	g_autoptr(json_t) copy = take("vaulted/a.raw", "hourly");
	g_autoptr(GError) error = NULL;

	set_mounts(mounts_of_replica[0]);
	ck_assert(!vk_arrays_may_have_replica(bed->arrays, copy));
	/* What we may not ask is as good as none. */
	json_decref(
		bed_control(bed, "POST", "faults",
			    json_pack("{s:s, s:s, s:i, s:s, s:i}", "action", "status", "path",
				      "/relationships", "status", 403, "code", "6", "times", -1)));
	ck_assert(!vk_arrays_may_have_replica(bed->arrays, copy));
	/* Nobody knows what is on a cluster that is silent. */
	bed_configure(bed,
		      FIRST "[array second]\nurl = https://127.0.0.1:1\nNTAP_TIMEOUT = 1\n" LOGIN);
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
}
END_TEST

/* The secondary was not asked: whether it has the copy is not known. */
START_TEST(has_no_login_of_the_secondary)
{
	g_autoptr(json_t) copy = make_replica();

	bed_configure(bed, FIRST "[array second]\nurl = https://127.0.0.1:&\nuser = admin\n"
				 "password_file = @/gone\n");
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
	/* It tells nothing at all as long as its version is unknown. */
	bed_configure(bed, FIRST SECOND);
	bed->control_port = bed->second_port;
	json_decref(
		bed_control(bed, "POST", "faults",
			    json_pack("{s:s, s:s, s:i, s:s, s:i}", "action", "status", "path",
				      "/api/cluster$", "status", 403, "code", "6", "times", -1)));
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
}
END_TEST

/* Replicates vaulted/NAME/a.raw; what is below ELSEWHERE, mounted by MOUNT, is not its replica. */
static void check_no_replica(const char *name, const char *elsewhere, const char *mount)
{
	g_autofree char *primary = bed_path(bed, "vaulted/.snapshot");
	g_autofree char *away = bed_path(bed, "away");
	g_autofree char *file = g_strdup_printf("vaulted/%s/a.raw", name);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	g_autofree char *other = NULL;

	bed_write(bed, file, "a");
	copy = take(file, "daily");
	succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
	ck_assert_int_eq(rename(primary, away), 0);
	other = g_strdup_printf("%s/.snapshot/%s/a.raw", elsewhere, snapshot_of(copy));
	bed_write(bed, other, "x");
	set_mounts(mount);
	ck_assert_int_eq(read_copy(copy, &error), 0);
	ck_assert_msg(strstr(error->message, "no mount of this host") != NULL, "%s",
		      error->message);
}

/* Names of directories may differ only by their case: those are others. */
START_TEST(mounts_another_directory_of_the_secondary)
{
	check_no_replica("dir", "DIR",
			 "43 22 0:53 / @/DIR rw - nfs4 127.0.0.2:/copies/vault/DIR ro\n");
}
END_TEST

/* The junction of another volume is in the replica's: what is there is not of the replica. */
START_TEST(mounts_another_volume_of_the_secondary)
{
	check_no_replica("b", "nested",
			 "43 22 0:53 / @/nested rw - nfs4 127.0.0.2:/copies/vault/b ro\n");
}
END_TEST

/* The mount of a dead server hangs whoever looks for a file there. */
START_TEST(leaves_other_servers_alone)
{
	g_autoptr(json_t) copy = make_replica();
	g_autoptr(GError) error = NULL;

	set_mounts("43 22 0:53 / @/dead rw - nfs4 127.0.0.9:/copies/vault ro\n"
		   "44 22 0:54 / @/vault rw - nfs4 127.0.0.2:/copies/vault ro\n");
	looks = 0;
	ck_assert_msg(read_copy(copy, &error) == 'a', "%s", error ? error->message : "wrong");
	ck_assert_uint_eq(looks, 0);
}
END_TEST

static GAsyncQueue *opened;

static gpointer open_copy(gpointer copy)
{
	VkImage *image = vk_arrays_open_image(bed->arrays, copy, NULL);

	g_async_queue_push(opened, GINT_TO_POINTER(image ? 1 : -1));
	return image;
}

/* 1: it was opened. */
static int next_opened(void)
{
	return GPOINTER_TO_INT(g_async_queue_timeout_pop(opened, 20 * G_USEC_PER_SEC));
}

/* As long as an array lets one image wait, others are opened, and nobody opens that one, too. */
START_TEST(opens_each_image_once)
{
	g_autoptr(json_t) slow = make_replica();
	g_autoptr(json_t) quick = take("alone/a.raw", "daily");
	json_t *copies[] = {slow, slow, quick};
	GThread *threads[G_N_ELEMENTS(copies)];
	VkImage *images[G_N_ELEMENTS(copies)];
	g_autoptr(json_t) requests = NULL;

	set_mounts(mounts_of_replica[0]);
	opened = g_async_queue_new();
	bed->control_port = bed->second_port;
	bed_add_fault(bed, "hold", "GET", "/snapmirror/relationships", "before");
	json_decref(bed_requests(bed));
	threads[0] = g_thread_new("open", open_copy, copies[0]);
	json_decref(bed_control(bed, "GET", "held", NULL));
	for (guint i = 1; i < G_N_ELEMENTS(copies); i++)
		threads[i] = g_thread_new("open", open_copy, copies[i]);
	ck_assert_int_eq(next_opened(), 1);
	ck_assert_int_eq(g_async_queue_length(opened), 0);
	json_decref(bed_control(bed, "POST", "release", NULL));
	/* The one that comes late finds it open. */
	for (guint i = 0; i < G_N_ELEMENTS(copies); i++)
		images[i] = g_thread_join(threads[i]);
	for (guint i = 0; i < G_N_ELEMENTS(copies); i++)
		vk_image_free(images[i]);
	ck_assert_int_eq(next_opened(), 1);
	ck_assert_int_eq(next_opened(), 1);
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "GET", "*/snapmirror/relationships*"), 1);
	g_async_queue_unref(opened);
}
END_TEST

START_TEST(reads_the_secondary_of_a_lost_array)
{
	g_autoptr(json_t) copy = make_replica();
	g_autoptr(GError) error = NULL;

	set_mounts(mounts_of_replica[0]);
	bed_configure(bed,
		      "[array first]\nurl = https://127.0.0.1:1\nNTAP_TIMEOUT = 1\n" LOGIN SECOND);
	ck_assert_msg(read_copy(copy, &error) == 'a', "%s", error ? error->message : "wrong");
}
END_TEST

START_TEST(transfers_by_label)
{
	g_autoptr(json_t) copy = take("vaulted/a.raw", "daily");
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	const VkReplication *replication;

	succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
	bed->control_port = bed->second_port;
	json_decref(
		bed_control(bed, "POST", "set",
			    json_pack("{s:s, s:{s:s}, s:{s:s}}", "kind", "relationships", "where",
				      "source.path", "s:vaulted", "set", "lag_time", "P1DT2H3M")));
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert_str_eq(replication->array, "first");
	ck_assert_str_eq(replication->source, "s:vaulted");
	ck_assert_str_eq(replication->destination, "d:vault");
	ck_assert_str_eq(replication->at, "second");
	ck_assert_str_eq(replication->kind, "vault");
	ck_assert_str_eq(replication->state, "snapmirrored");
	ck_assert(replication->is_healthy);
	ck_assert_ptr_null(replication->reason);
	ck_assert_int_eq(replication->lag, 86400 + 2 * 3600 + 3 * 60);
	ck_assert_str_eq(replication->transfer_state, "success");
	ck_assert_ptr_nonnull(replication->transfer_end);
	ck_assert_str_eq(replication->exported, snapshot_of(copy));
	ck_assert_uint_eq(replication->snapshots->len, 1);
	ck_assert_str_eq(g_ptr_array_index(replication->snapshots, 0), snapshot_of(copy));
	ck_assert_ptr_null(replication->advice);
}
END_TEST

START_TEST(tells_of_a_label_without_a_rule)
{
	g_autoptr(json_t) copy = take("vaulted/a.raw", "hourly");
	g_autoptr(GError) error = NULL;

	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 20, &error));
	ck_assert_msg(strstr(error->message, "no rule in the policy 'MirrorAndVault'") != NULL,
		      "%s", error->message);
}
END_TEST

START_TEST(transfers_to_a_mirror)
{
	g_autoptr(json_t) copy = take("mirrored/a.raw", NULL);
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	const VkReplication *replication;

	succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert_str_eq(replication->kind, "mirror");
	ck_assert_str_eq(replication->exported, snapshot_of(copy));
}
END_TEST

START_TEST(tells_what_fails)
{
	g_autoptr(json_t) copy = take("vaulted/a.raw", "daily");
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	const VkReplication *replication;

	bed->control_port = bed->second_port;
	bed_set_knob(bed, "transfer_outcome", json_string("failed"));
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 20, &error));
	ck_assert_msg(strstr(error->message, "ended as 'failed': The transfer failed") != NULL,
		      "%s", error->message);
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert(!replication->is_healthy);
	ck_assert_str_eq(replication->reason, "The transfer failed.");
}
END_TEST

START_TEST(waits_no_longer_than_told)
{
	g_autoptr(json_t) copy = take("vaulted/a.raw", "daily");
	g_autoptr(GError) error = NULL;

	bed->control_port = bed->second_port;
	bed_set_knob(bed, "transfer_seconds", json_integer(60));
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 1, &error));
	ck_assert_int_eq(error->code, VK_ERROR_BUSY);
	g_clear_error(&error);
	/* Who does not wait takes one under way for good. */
	succeed(vk_arrays_replicate(bed->arrays, copy, 0, &error), error);
}
END_TEST

/* Whoever ends the program does not wait for a transfer, which goes on without it. */
START_TEST(waits_no_longer_when_interrupted)
{
	g_autoptr(json_t) copy = take("vaulted/a.raw", "daily");
	gint64 start = g_get_monotonic_time();
	g_autoptr(GError) error = NULL;

	bed->control_port = bed->second_port;
	bed_set_knob(bed, "transfer_seconds", json_integer(60));
	vk_set_interrupted(TRUE);
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 30, &error));
	vk_set_interrupted(FALSE);
	ck_assert_int_lt(g_get_monotonic_time() - start, 20 * G_TIME_SPAN_SECOND);
	ck_assert_msg(strstr(error->message, "interrupted") != NULL, "%s", error->message);
}
END_TEST

START_TEST(survives_a_lost_reply)
{
	g_autoptr(json_t) copy = take("vaulted/a.raw", "daily");
	g_autoptr(GError) error = NULL;

	bed->control_port = bed->second_port;
	bed_add_fault(bed, "reset", "POST", "/transfers$", "after");
	succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
}
END_TEST

START_TEST(advises_where_there_is_none)
{
	g_autoptr(json_t) copy = take("alone/a.raw", "daily");
	g_autoptr(GPtrArray) found = ask(copy);
	const VkReplication *replication = g_ptr_array_index(found, 0);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(replication->destination);
	ck_assert_msg(
		g_str_has_prefix(replication->advice, "snapmirror create -source-path s:alone "),
		"%s", replication->advice);
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 0, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
}
END_TEST

/* One that has nothing to do with the volume does not answer: the others are served first. */
START_TEST(replicates_in_spite_of_a_silent_cluster)
{
	g_autoptr(json_t) copy = NULL;
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	const VkReplication *replication;

	bed_configure(bed, FIRST
		      "[array lost]\nurl = https://127.0.0.1:1\nNTAP_TIMEOUT = 1\n" LOGIN SECOND);
	copy = take("vaulted/a.raw", "daily");
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 20, &error));
	ck_assert_msg(strstr(error->message, "array 'lost'") != NULL, "%s", error->message);
	bed_configure(bed, FIRST SECOND);
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert_uint_eq(replication->snapshots->len, 1);
}
END_TEST

/* What holds the relationship need not show as a transfer. */
START_TEST(waits_no_longer_for_another)
{
	g_autoptr(json_t) first = take("mirrored/a.raw", NULL);
	g_autoptr(json_t) second = take("mirrored/a.raw", NULL);
	g_autoptr(json_t) requests = NULL;
	g_autoptr(GError) error = NULL;

	succeed(vk_arrays_replicate(bed->arrays, first, 20, &error), error);
	bed->control_port = bed->second_port;
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:i}", "action", "status",
					  "method", "POST", "path", "/transfers$", "status", 409,
					  "code", "13303844", "message",
					  "Another transfer is in progress.", "times", -1)));
	json_decref(bed_requests(bed));
	ck_assert(!vk_arrays_replicate(bed->arrays, second, 2, &error));
	ck_assert_int_eq(error->code, VK_ERROR_BUSY);
	requests = bed_requests(bed);
	ck_assert_uint_lt(bed_count(requests, "POST", "*/transfers"), 10);
}
END_TEST

/* Each volume of a copy is to have a relationship, not only one of them. */
START_TEST(misses_one_of_two)
{
	g_autoptr(json_t) copy = take("mirrored/a.raw", NULL);
	g_autoptr(json_t) other = take("alone/a.raw", NULL);
	g_autoptr(GError) error = NULL;

	json_array_extend(json_object_get(copy, "layers"), json_object_get(other, "layers"));
	ck_assert(!vk_arrays_replicate(bed->arrays, copy, 0, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
	ck_assert_msg(strstr(error->message, "s:alone") != NULL, "%s", error->message);
}
END_TEST

/* What was under way before does not bring the snapshot: it is asked for once more. */
START_TEST(follows_another_transfer)
{
	g_autoptr(json_t) first = take("mirrored/a.raw", NULL);
	g_autoptr(json_t) second = take("mirrored/a.raw", NULL);
	g_autoptr(GError) error = NULL;

	bed->control_port = bed->second_port;
	bed_set_knob(bed, "transfer_seconds", json_integer(2));
	succeed(vk_arrays_replicate(bed->arrays, first, 0, &error), error);
	succeed(vk_arrays_replicate(bed->arrays, second, 20, &error), error);
}
END_TEST

START_TEST(knows_of_clusters_that_are_not_configured)
{
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(json_t) copy = NULL;
	const VkReplication *replication;

	bed_configure(bed, FIRST);
	copy = take("vaulted/a.raw", "daily");
	found = ask(copy);
	replication = g_ptr_array_index(found, 0);
	ck_assert_str_eq(replication->destination, "d:vault");
	ck_assert_ptr_null(replication->at);
	ck_assert_msg(strstr(replication->reason, "'c2' is not in the configuration") != NULL, "%s",
		      replication->reason);
}
END_TEST

START_TEST(tells_of_silent_clusters)
{
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	const VkReplication *replication;

	bed_configure(bed,
		      FIRST "[array second]\nurl = https://127.0.0.1:1\nNTAP_TIMEOUT = 1\n" LOGIN);
	copy = take("vaulted/a.raw", "daily");
	found = vk_arrays_replications(bed->arrays, copy, &error);
	succeed(found != NULL, error);
	replication = g_ptr_array_index(found, 0);
	ck_assert_str_eq(replication->at, "second");
	ck_assert_ptr_nonnull(replication->reason);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontapmirror");
	TCase *tcase = tcase_create("ontapmirror");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, transfers_by_label);
	tcase_add_test(tcase, tells_of_a_label_without_a_rule);
	tcase_add_test(tcase, transfers_to_a_mirror);
	tcase_add_test(tcase, tells_what_fails);
	tcase_add_test(tcase, waits_no_longer_than_told);
	tcase_add_test(tcase, waits_no_longer_when_interrupted);
	tcase_add_test(tcase, survives_a_lost_reply);
	tcase_add_test(tcase, advises_where_there_is_none);
	tcase_add_test(tcase, misses_one_of_two);
	tcase_add_test(tcase, follows_another_transfer);
	tcase_add_test(tcase, waits_no_longer_for_another);
	tcase_add_test(tcase, replicates_in_spite_of_a_silent_cluster);
	tcase_add_test(tcase, knows_of_clusters_that_are_not_configured);
	tcase_add_test(tcase, tells_of_silent_clusters);
	tcase_add_loop_test(tcase, reads_the_secondary, 0, G_N_ELEMENTS(mounts_of_replica));
	tcase_add_test(tcase, asks_for_a_mount_of_the_secondary);
	tcase_add_test(tcase, knows_that_there_is_no_replica);
	tcase_add_test(tcase, reads_the_secondary_of_a_lost_array);
	tcase_add_test(tcase, has_no_login_of_the_secondary);
	tcase_add_test(tcase, mounts_another_directory_of_the_secondary);
	tcase_add_test(tcase, mounts_another_volume_of_the_secondary);
	tcase_add_test(tcase, leaves_other_servers_alone);
	tcase_add_test(tcase, opens_each_image_once);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
