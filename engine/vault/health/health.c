/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "health-priv.h"

#include "crc.h"
#include "vault-parts.h"

#include <string.h>

/* Some MiB of JSON. */
#define DAMAGES_MAX 10000u

/* A share may be as small as one of so many. */
#define SHARES_MAX 1000u

VkPackRead vk_pack_read(const GPtrArray *objects, gint64 time)
{
	VkPackRead read = {.time = time};
	guint64 generation;
	VkPackId id;

	for (guint i = 0; i < objects->len; i++) {
		const char *object = g_ptr_array_index(objects, i);
		const char *slash = strrchr(object, '/'), *name = slash ? slash + 1 : object;

		g_assert(vk_pack_parse_name(name, &id, &generation));
		read.names = vk_crc32c(read.names, "\n", i > 0);
		read.names = vk_crc32c(read.names, name, strlen(name));
	}
	memcpy(&read.pack, id.bytes, sizeof(read.pack));
	return read;
}

static const VkPackRead *find_read(const VkHealth *health, const VkPackId *id)
{
	gint64 pack;

	memcpy(&pack, id->bytes, sizeof(pack));
	return g_hash_table_lookup(health->reads, &pack);
}

void vk_health_take_read(VkHealth *health, const VkPackRead *read)
{
	const VkPackRead *earlier = g_hash_table_lookup(health->reads, &read->pack);
	VkPackRead *copy;

	if (earlier && earlier->time >= read->time)
		return;
	copy = g_memdup2(read, sizeof(*read));
	/* Frees the earlier one. */
	g_hash_table_replace(health->reads, &copy->pack, copy);
}

gint64 vk_health_read_time(const VkHealth *health, const GPtrArray *objects)
{
	VkPackRead wanted = vk_pack_read(objects, 0);
	const VkPackRead *read = g_hash_table_lookup(health->reads, &wanted.pack);

	return read && read->names == wanted.names ? read->time : 0;
}

void vk_health_add_read(VkHealth *health, const GPtrArray *objects, gint64 time)
{
	VkPackRead read = vk_pack_read(objects, time);

	vk_health_take_read(health, &read);
}

/* Whether the pack was read, or a missing one looked for, after TIME. */
static gboolean is_void(const VkHealth *health, const VkPackId *pack, const char *object,
			gint64 time)
{
	const VkPackRead *read = find_read(health, pack);

	return (read && read->time > time) || (!object && health->walked > time);
}

gboolean vk_health_is_void(const VkHealth *health, const VkPackDamage *damage)
{
	return is_void(health, &damage->pack, damage->object, damage->time);
}

VkSlotSet *vk_health_damaged(const VkHealth *health)
{
	VkSlotSet *slots = vk_slot_set_new();
	VkPackDamage *damage;
	GHashTableIter at;

	g_hash_table_iter_init(&at, health->damages);
	while (g_hash_table_iter_next(&at, NULL, (gpointer *)&damage))
		if (!vk_health_is_void(health, damage))
			vk_slot_set_add_all(slots, &damage->pack, &damage->slots);
	return slots;
}

static void forget_read(VkHealth *health, const VkPackId *id)
{
	const VkPackRead *read = find_read(health, id);

	if (read)
		g_hash_table_remove(health->reads, &read->pack);
}

void vk_health_add_damage(VkHealth *health, const VkPackId *pack, const char *object,
			  const VkSlots *slots, gint64 time)
{
	VkPackDamage *damage = g_hash_table_lookup(health->damages, pack);

	if (is_void(health, pack, object, time))
		return;
	if (!damage && g_hash_table_size(health->damages) >= DAMAGES_MAX) {
		forget_read(health, pack);
		return;
	}
	if (!damage) {
		damage = g_new0(VkPackDamage, 1);
		damage->pack = *pack;
		g_hash_table_insert(health->damages, &damage->pack, damage);
	}
	if (vk_health_is_void(health, damage))
		damage->slots = (VkSlots){{0}};
	if (time >= damage->time) {
		g_free(damage->object);
		damage->object = g_strdup(object);
		damage->time = time;
	}
	for (guint i = 0; i < sizeof(slots->bits); i++)
		damage->slots.bits[i] |= slots->bits[i];
}

void vk_health_add_walk(VkHealth *health, gint64 time)
{
	health->walked = MAX(health->walked, time);
}

static gint compare_times(gconstpointer a, gconstpointer b)
{
	gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;

	return left < right ? -1 : left > right;
}

void vk_health_add_share(VkHealth *health, gint64 time)
{
	guint at;

	if (g_array_binary_search(health->shares, &time, compare_times, &at))
		return;
	g_array_append_val(health->shares, time);
	g_array_sort(health->shares, compare_times);
	if (health->shares->len > SHARES_MAX)
		g_array_remove_index(health->shares, 0);
}

guint vk_health_count_shares(const VkHealth *health, gint64 time)
{
	guint count = 0;

	for (guint i = 0; i < health->shares->len; i++)
		count += g_array_index(health->shares, gint64, i) > time;
	return count;
}

/* What a summary is made of. */
typedef struct Summing {
	const VkHealth *health;
	VkHealthSummary *summary;
} Summing;

static void add_pack(gpointer user, const VkPackId *pack, const GPtrArray *objects)
{
	const Summing *summing = user;
	VkHealthSummary *summary = summing->summary;
	VkPackRead there = vk_pack_read(objects, 0);
	const VkPackRead *read = g_hash_table_lookup(summing->health->reads, &there.pack);

	summary->packs++;
	if (!read || read->names != there.names)
		summary->unread++;
	else if (!summary->oldest || read->time < summary->oldest)
		summary->oldest = read->time;
}

gboolean vk_health_summarize(const VkHealth *health, VkHealthSummary *ret, GError **error)
{
	g_autoptr(VkSlotSet) damaged = vk_health_damaged(health);
	Summing summing = {health, ret};

	*ret = (VkHealthSummary){.damaged = vk_slot_set_count_packs(damaged)};
	return vk_pack_visit(health->vault->store, add_pack, &summing, error);
}
