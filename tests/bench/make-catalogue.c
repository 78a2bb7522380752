/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a vault of many snapshots without their data: make-catalogue [--guests N] [--each N]
 * DIRECTORY, which must not exist. The snapshot objects are whole and as large as real ones, the
 * maps and the tables of the packs are true: all but what reads data can be measured on it.
 *
 * Each guest has 10 GB of blocks: half of them in its first snapshot, the rest in those that
 * follow, a day each. Besides, all share the blocks of the first guest's system.
 */
#include "sparse-pack.h"

#include "catalog.h"
#include "checked-json.h"
#include "run-merge.h"
#include "snapshot.h"
#include "vault-parts.h"

#include <stdlib.h>

#define DISKS       2
#define DISK_SIZE   ((guint64)50 << 30)
#define BLOCKS      ((guint32)(DISK_SIZE / VK_BLOCK_SIZE))
#define SYSTEM      (16384u / DISKS) /* blocks of each disk that all guests have: 1 GiB of a guest */
#define FULL        38912u           /* further blocks of the first snapshot of a disk */
#define CHANGED     378u             /* blocks that a day changes on a disk */
#define CHUNK       16u              /* a backup reads this many blocks at once */
#define WRITTEN     (2 * (SYSTEM + FULL)) /* what lies beyond was never written */
#define CONTROLLERS 48
#define DAY         (24 * 3600)

typedef struct Catalogue {
	VkVault *vault;
	int each;
	gint64 newest;         /* seconds since 1970 */
	char *domain;          /* XML of a guest with two disks: some 6 KiB */
	GArray *system[DISKS]; /* VkExtent: where the first guest has its system */
	GMutex mutex;
	guint64 total; /* bytes of packs; under the mutex */
} Catalogue;

/* What makes one guest. */
typedef struct Maker {
	Catalogue *catalogue;
	int guest;
	GRand *random;
	SparsePack *pack;
	VkBlockCache *pages; /* of this guest alone, so that it need not read what it has written */
	GPtrArray *runs[DISKS];
} Maker;

static void must(gboolean ok, const GError *error)
{
	if (!ok)
		g_error("%s", error ? error->message : "no reason was given");
}

static gboolean store_segment(gpointer user, const GPtrArray *slots, gboolean last,
			      VkPackId *ret_pack, guint32 *ret_slot, GError **error)
{
	Maker *maker = user;

	sparse_pack_add_segment(maker->pack, slots, ret_pack, ret_slot);
	for (guint i = 0; i < slots->len; i++)
		vk_block_cache_pin(maker->pages, ret_pack, *ret_slot + i, slots->pdata[i]);
	return TRUE;
}

static void add(VkRunWriter *writer, const VkExtent *extent)
{
	g_autoptr(GError) error = NULL;

	must(vk_run_writer_add(writer, extent, &error), error);
}

/* New data. WHERE is nullable: gets the extents. */
static void add_data(Maker *maker, VkRunWriter *writer, guint32 first, guint32 count, GArray *where)
{
	while (count > 0) {
		VkExtent extent = {.first = first, .kind = VK_EXTENT_DATA};

		extent.count = sparse_pack_add_data(maker->pack, count, &extent.pack, &extent.slot);
		add(writer, &extent);
		if (where)
			g_array_append_val(where, extent);
		first += extent.count;
		count -= extent.count;
	}
}

/* Half of what lies below WRITTEN is holes. The first guest writes the system of all. */
static void add_full(Maker *maker, VkRunWriter *writer, guint disk)
{
	GArray *system = maker->catalogue->system[disk];

	for (guint i = 0; maker->guest > 0 && i < system->len; i++)
		add(writer, &g_array_index(system, VkExtent, i));
	for (guint32 block = maker->guest > 0 ? 2 * SYSTEM : 0; block < WRITTEN; block += 2 * CHUNK)
		add_data(maker, writer, block, CHUNK, block < 2 * SYSTEM ? system : NULL);
}

static int compare_blocks(gconstpointer a, gconstpointer b)
{
	guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;

	return x < y ? -1 : x > y;
}

/* One to three blocks here and there. */
static void add_changes(Maker *maker, VkRunWriter *writer)
{
	guint32 firsts[CHANGED / 2], end = 0;

	for (guint i = 0; i < G_N_ELEMENTS(firsts); i++)
		firsts[i] = (guint32)g_rand_int_range(maker->random, 0, (gint32)WRITTEN);
	qsort(firsts, G_N_ELEMENTS(firsts), sizeof(*firsts), compare_blocks);
	for (guint i = 0; i < G_N_ELEMENTS(firsts); i++) {
		guint32 first = MAX(firsts[i], end);
		guint32 count = (guint32)g_rand_int_range(maker->random, 1, 4);

		add_data(maker, writer, first, count, NULL);
		end = first + count;
	}
}

/* Writes what the backup NUMBER of a disk finds, and merges runs as that does. */
static void save_disk(Maker *maker, guint disk, int number)
{
	GPtrArray *runs = maker->runs[disk];
	g_autoptr(VkRunWriter) writer = vk_run_writer_new(store_segment, maker);
	g_autoptr(GError) error = NULL;
	gboolean unreadable;
	VkRun *run;

	if (number == 0)
		add_full(maker, writer, disk);
	else
		add_changes(maker, writer);
	run = vk_run_writer_finish(writer, &error);
	must(run != NULL, error);
	g_ptr_array_insert(runs, 0, run);
	must(vk_runs_merge(runs, BLOCKS, maker->pages, store_segment, maker, &unreadable, &error),
	     error);
}

static char *make_id(int guest, int number)
{
	return g_strdup_printf("%08x%08x", (guint)guest, (guint)number);
}

static VkDiskRecord *describe_disk(const Maker *maker, guint disk, int number)
{
	VkDiskRecord *record = vk_disk_record_new();
	char letter = (char)('a' + disk);

	record->target = g_strdup_printf("vd%c", letter);
	record->bus = g_strdup("virtio");
	record->format = g_strdup("qcow2");
	record->source_type = g_strdup("file");
	record->source =
		g_strdup_printf("/var/lib/libvirt/images/guest%d-vd%c.qcow2", maker->guest, letter);
	record->inode = 1000 + (guint64)maker->guest;
	record->mode = g_strdup(number > 0 ? "incremental" : "full");
	record->reason = g_strdup("dirty bitmap of the last snapshot");
	record->bitmap = g_strdup_printf("virtkeep-01234567-%08x", (guint)number);
	record->read = record->fresh = record->stored =
		(guint64)(number > 0 ? CHANGED : FULL) * VK_BLOCK_SIZE;
	record->image = vk_image_record_new(DISK_SIZE);
	record->image->allocated = (guint64)(SYSTEM + FULL) * VK_BLOCK_SIZE;
	for (guint i = 0; i < maker->runs[disk]->len; i++)
		g_ptr_array_add(record->image->runs, vk_run_copy(maker->runs[disk]->pdata[i]));
	return record;
}

static VkSnapshot *describe_snapshot(const Maker *maker, const char *uuid, int number)
{
	const Catalogue *catalogue = maker->catalogue;
	gint64 seconds = catalogue->newest - (gint64)(catalogue->each - 1 - number) * DAY +
			 maker->guest % 3600;
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(seconds);
	VkSnapshot *snapshot = vk_snapshot_new();

	g_free(snapshot->id);
	snapshot->id = make_id(maker->guest, number);
	snapshot->uuid = g_strdup(uuid);
	snapshot->name = g_strdup_printf("guest%d", maker->guest);
	snapshot->host = g_strdup_printf("kvm%d", maker->guest % 8);
	snapshot->time = g_date_time_format(when, "%Y%m%dT%H%M%SZ");
	snapshot->parent = number > 0 ? make_id(maker->guest, number - 1) : NULL;
	snapshot->consistency = g_strdup("filesystem");
	snapshot->pause_usec = 12345;
	snapshot->duration_usec = 2500001;
	snapshot->scratch = 1310720;
	snapshot->checkpoint = g_strdup_printf("virtkeep-01234567-%08x", (guint)number);
	snapshot->checkpoint_xml = g_strdup("<domaincheckpoint/>\n");
	snapshot->tool = g_strdup("virtkeep bench");
	snapshot->state = g_strdup("running");
	snapshot->persistent = snapshot->autostart = TRUE;
	snapshot->domain_xml = g_strdup(catalogue->domain);
	for (guint disk = 0; disk < DISKS; disk++)
		g_ptr_array_add(snapshot->disks, describe_disk(maker, disk, number));
	g_ptr_array_add(snapshot->skipped, vk_skip_record_new("sda", "a CD-ROM"));
	return snapshot;
}

/* What nobody has to find again after a crash need not be flushed. */
static void put_snapshot(const Maker *maker, const char *uuid, int number)
{
	g_autoptr(VkSnapshot) snapshot = describe_snapshot(maker, uuid, number);
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	g_autofree char *name = vk_snapshot_key_object(uuid, snapshot->time, snapshot->id);
	g_autoptr(GError) error = NULL;

	must(vk_checked_json_put(maker->catalogue->vault->store, name, object, VK_PUT_HINT, &error),
	     error);
}

static void make_guest(Catalogue *catalogue, int guest)
{
	Maker maker = {.catalogue = catalogue, .guest = guest};
	g_autofree char *uuid = g_strdup_printf("%08x-5eed-4000-8000-000000000000", (guint)guest);

	maker.random = g_rand_new_with_seed((guint32)guest);
	maker.pack = sparse_pack_new(catalogue->vault, (guint64)(guest + 1) << 32);
	maker.pages = vk_block_cache_new(catalogue->vault->packs);
	for (guint disk = 0; disk < DISKS; disk++)
		maker.runs[disk] = vk_runs_new();
	for (int number = 0; number < catalogue->each; number++) {
		for (guint disk = 0; disk < DISKS; disk++)
			save_disk(&maker, disk, number);
		sparse_pack_finish(maker.pack);
		put_snapshot(&maker, uuid, number);
	}
	g_mutex_lock(&catalogue->mutex);
	catalogue->total += sparse_pack_total(maker.pack);
	g_mutex_unlock(&catalogue->mutex);
	for (guint disk = 0; disk < DISKS; disk++)
		g_ptr_array_unref(maker.runs[disk]);
	vk_block_cache_free(maker.pages);
	sparse_pack_free(maker.pack);
	g_rand_free(maker.random);
}

static void work(gpointer guest, gpointer catalogue)
{
	make_guest(catalogue, GPOINTER_TO_INT(guest));
}

static char *make_domain(void)
{
	GString *xml = g_string_new("<domain><name>guest</name><devices>\n");

	for (int i = 0; i < CONTROLLERS; i++)
		g_string_append_printf(
			xml,
			"    <controller type='pci' index='%d' model='pcie-root-port'><target "
			"chassis='%d' port='0x%x'/><alias name='pci.%d'/></controller>\n",
			i, i, (guint)i, i);
	return g_string_free(g_string_append(xml, "</devices></domain>\n"), FALSE);
}

static void make_guests(Catalogue *catalogue, int guests)
{
	GThreadPool *pool =
		g_thread_pool_new(work, catalogue, (gint)g_get_num_processors(), TRUE, NULL);

	make_guest(catalogue, 0);
	for (int guest = 1; guest < guests; guest++)
		g_thread_pool_push(pool, GINT_TO_POINTER(guest), NULL);
	g_thread_pool_free(pool, FALSE, TRUE);
}

int main(int argc, char **argv)
{
	int guests = 1000, each = 100;
	g_auto(GStrv) directories = NULL;
	const GOptionEntry options[] = {
		{"guests", 0, 0, G_OPTION_ARG_INT, &guests, "how many", "N"},
		{"each", 0, 0, G_OPTION_ARG_INT, &each, "snapshots of each guest, one a day", "N"},
		{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &directories,
		 "the new vault", "DIRECTORY"},
		{NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	Catalogue catalogue = {.newest = g_get_real_time() / G_USEC_PER_SEC / DAY * DAY - DAY};

	g_option_context_add_main_entries(context, options, NULL);
	must(g_option_context_parse(context, &argc, &argv, &error), error);
	if (!directories || directories[1] || guests < 1 || each < 1)
		g_error("usage: make-catalogue [--guests N] [--each N] DIRECTORY");
	catalogue.vault = vk_vault_init(directories[0], &error);
	must(catalogue.vault != NULL, error);
	catalogue.each = each;
	catalogue.domain = make_domain();
	for (guint disk = 0; disk < DISKS; disk++)
		catalogue.system[disk] = g_array_new(FALSE, FALSE, sizeof(VkExtent));
	make_guests(&catalogue, guests);
	g_print("%d snapshots, %.2f TB of packs\n", guests * each, (double)catalogue.total / 1e12);
	for (guint disk = 0; disk < DISKS; disk++)
		g_array_unref(catalogue.system[disk]);
	g_free(catalogue.domain);
	vk_vault_free(catalogue.vault);
	return 0;
}
