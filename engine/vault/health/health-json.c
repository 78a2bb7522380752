/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The JSON of the health. Readings of one time are together, and of a pack there are 12 bytes, as
 * base64: a large vault has some hundred thousand packs.
 */
#include "health-priv.h"

#include "errors.h"
#include "vault-parts.h"

#include <string.h>

typedef struct StoredRead {
	guint8 pack[8];
	guint32 names;
} StoredRead;
G_STATIC_ASSERT(sizeof(StoredRead) == 12);

static gint compare_reads(gconstpointer a, gconstpointer b)
{
	const VkPackRead *left = *(const VkPackRead *const *)a;
	const VkPackRead *right = *(const VkPackRead *const *)b;

	return left->time < right->time ? -1 : left->time > right->time;
}

/* Those from FIRST on of one time; *RET_NEXT: the first of another one. */
static json_t *group_to_json(gpointer const *reads, guint count, guint first, guint *ret_next)
{
	const VkPackRead *one = reads[first];
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autofree char *text = NULL;
	guint at = first;

	for (; at < count; at++) {
		const VkPackRead *read = reads[at];
		StoredRead stored = {.names = GUINT32_TO_LE(read->names)};

		if (read->time != one->time)
			break;
		memcpy(stored.pack, &read->pack, sizeof(stored.pack));
		g_byte_array_append(bytes, (const guint8 *)&stored, sizeof(stored));
	}
	*ret_next = at;
	text = g_base64_encode(bytes->data, bytes->len);
	return json_pack("{s:I, s:s}", "usec", (json_int_t)one->time, "whole", text);
}

static json_t *reads_to_json(const VkHealth *health)
{
	guint count, next;
	g_autofree gpointer *keys = g_hash_table_get_keys_as_array(health->reads, &count);
	g_autofree gpointer *reads = g_new(gpointer, count + 1);
	json_t *groups = json_array();

	for (guint i = 0; i < count; i++)
		reads[i] = g_hash_table_lookup(health->reads, keys[i]);
	qsort(reads, count, sizeof(*reads), compare_reads);
	for (guint first = 0; first < count; first = next)
		json_array_append_new(groups, group_to_json(reads, count, first, &next));
	return groups;
}

static json_t *damage_to_json(const VkPackDamage *damage)
{
	gsize length = sizeof(damage->slots.bits);
	char pack[2 * VK_ID_SIZE + 1];
	g_autofree char *slots = NULL;

	while (length > 0 && damage->slots.bits[length - 1] == 0)
		length--;
	slots = g_base64_encode(damage->slots.bits, length);
	vk_pack_id_format(&damage->pack, pack);
	return json_pack("{s:s, s:o, s:I, s:s}", "pack", pack, "object",
			 vk_json_new_string(damage->object), "usec", (json_int_t)damage->time,
			 "slots", slots);
}

static json_t *damages_to_json(const VkHealth *health)
{
	json_t *damages = json_array();
	VkPackDamage *damage;
	GHashTableIter at;

	g_hash_table_iter_init(&at, health->damages);
	while (g_hash_table_iter_next(&at, NULL, (gpointer *)&damage))
		json_array_append_new(damages, damage_to_json(damage));
	return damages;
}

json_t *vk_health_to_json(const VkHealth *health)
{
	json_t *shares = json_array();

	for (guint i = 0; i < health->shares->len; i++)
		json_array_append_new(
			shares, json_integer((json_int_t)g_array_index(health->shares, gint64, i)));
	return json_pack("{s:s, s:o, s:o, s:o, s:I}", "vault", health->vault->id_hex, "reads",
			 reads_to_json(health), "damages", damages_to_json(health), "shares",
			 shares, "walked", (json_int_t)health->walked);
}

/* FALSE also when the time is later than NOW: by a clock that was wrong. */
static gboolean get_time(const json_t *value, gint64 now, gint64 *ret)
{
	*ret = (gint64)json_integer_value(value);
	return *ret > 0 && *ret <= now;
}

static void add_group(VkHealth *health, const json_t *group, gint64 now)
{
	const char *text = vk_json_optional_string(group, "whole");
	g_autofree guchar *bytes = NULL;
	gsize length = 0;
	gint64 time;

	if (!text || !get_time(json_object_get(group, "usec"), now, &time))
		return;
	bytes = g_base64_decode(text, &length);
	for (gsize at = 0; at + sizeof(StoredRead) <= length; at += sizeof(StoredRead)) {
		VkPackRead read = {.time = time};
		StoredRead stored;

		memcpy(&stored, bytes + at, sizeof(stored));
		memcpy(&read.pack, stored.pack, sizeof(read.pack));
		read.names = GUINT32_FROM_LE(stored.names);
		vk_health_take_read(health, &read);
	}
}

static gboolean is_object_of(const char *object, const VkPackId *pack)
{
	g_autofree char *prefix = vk_pack_object(pack, 0);

	/* Without the number of the generation. */
	prefix[strlen(prefix) - 1] = '\0';
	return g_str_has_prefix(object, prefix);
}

/* One that is later than NOW was found by a clock that was wrong, but was found. */
static void add_damage(VkHealth *health, const json_t *damage, gint64 now)
{
	const char *id = vk_json_optional_string(damage, "pack");
	const char *object = vk_json_optional_string(damage, "object");
	const char *text = vk_json_optional_string(damage, "slots");
	g_autofree guchar *bytes = NULL;
	VkSlots slots = {{0}};
	gsize length = 0;
	VkPackId pack;
	gint64 time;

	if (!text || !id || !vk_pack_id_parse(id, &pack) ||
	    (object && !is_object_of(object, &pack)))
		return;
	bytes = g_base64_decode(text, &length);
	memcpy(slots.bits, bytes, MIN(length, sizeof(slots.bits)));
	if (!get_time(json_object_get(damage, "usec"), now, &time))
		time = now;
	vk_health_add_damage(health, &pack, object, &slots, time);
}

/* Readings first: they say which damage counts no more. */
gboolean vk_health_add_json(VkHealth *health, const json_t *object, gint64 now, GError **error)
{
	json_t *reads, *damages, *shares;
	const char *vault;
	gint64 time;

	if (!vk_json_string(object, "vault", &vault, error) ||
	    !vk_json_array(object, "reads", &reads, error) ||
	    !vk_json_array(object, "damages", &damages, error) ||
	    !vk_json_array(object, "shares", &shares, error))
		return FALSE;
	if (strcmp(vault, health->vault->id_hex) != 0)
		return vk_fail(error, VK_ERROR_DAMAGE, "it is of the vault with id %s", vault);
	for (gsize i = 0; i < json_array_size(reads); i++)
		add_group(health, json_array_get(reads, i), now);
	if (get_time(json_object_get(object, "walked"), now, &time))
		vk_health_add_walk(health, time);
	for (gsize i = 0; i < json_array_size(damages); i++)
		add_damage(health, json_array_get(damages, i), now);
	for (gsize i = 0; i < json_array_size(shares); i++)
		if (get_time(json_array_get(shares, i), now, &time))
			vk_health_add_share(health, time);
	return TRUE;
}
