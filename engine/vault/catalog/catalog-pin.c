/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-pin.h"

#include "catalog-priv.h"
#include "checked-json.h"
#include "vault-parts.h"
#include "vault-room.h"

#include "errors.h"
#include "timestamp.h"

void vk_pin_free(VkPin *pin)
{
	if (!pin)
		return;
	g_free(pin->host);
	g_free(pin->reason);
	g_free(pin);
}

static gint64 read_time(const json_t *object, const char *member, gint64 absent)
{
	const char *text = vk_json_optional_string(object, member);
	gint64 seconds;

	return text && vk_time_parse(text, &seconds, NULL) ? seconds : absent;
}

/* OBJECT may be NULL: it cannot be read, and when in doubt a snapshot is kept. */
static VkPin *parse(const json_t *object)
{
	VkPin *pin = g_new0(VkPin, 1);

	pin->until = read_time(object, "until", VK_PIN_FOR_GOOD);
	pin->since = read_time(object, "when", 0);
	pin->host = g_strdup(vk_json_optional_string(object, "host"));
	pin->reason = g_strdup(vk_json_optional_string(object, "reason"));
	return pin;
}

/* NULL: it is not there any more, or has ended. */
static VkPin *load(VkVault *vault, const VkSnapshotKey *key, const char *kind)
{
	g_autofree char *name = vk_catalog_mark_object(key, kind);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) object = vk_checked_json_get(vault->store, name, &trouble);
	g_autoptr(VkPin) pin = NULL;

	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return NULL;
	pin = parse(object);
	return pin->until > g_get_real_time() / G_USEC_PER_SEC ? g_steal_pointer(&pin) : NULL;
}

VkPin *vk_catalog_find_pin(VkVault *vault, const VkSnapshotKey *key, const GPtrArray *kinds)
{
	VkPin *longest = NULL;

	for (guint i = 0; i < kinds->len; i++) {
		const char *kind = g_ptr_array_index(kinds, i);
		g_autoptr(VkPin) pin = NULL;

		if (g_str_has_prefix(kind, VK_MARK_PIN))
			pin = load(vault, key, kind);
		if (!pin || (longest && longest->until >= pin->until))
			continue;
		vk_pin_free(longest);
		longest = g_steal_pointer(&pin);
	}
	return longest;
}

gboolean vk_catalog_load_pin(VkVault *vault, const VkSnapshotKey *key, VkPin **ret_pin,
			     GError **error)
{
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);

	if (!kinds)
		return FALSE;
	*ret_pin = vk_catalog_find_pin(vault, key, kinds);
	return TRUE;
}

gboolean vk_catalog_delete_pins(VkVault *vault, const VkSnapshotKey *key, const GPtrArray *kinds,
				GError **error)
{
	for (guint i = 0; i < kinds->len; i++) {
		const char *kind = g_ptr_array_index(kinds, i);

		if (g_str_has_prefix(kind, VK_MARK_PIN) &&
		    !vk_catalog_delete_mark(vault, key, kind, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean refuse_forgotten(VkVault *vault, const VkSnapshotKey *key, const GPtrArray *kinds,
				 GError **error)
{
	g_autofree char *name = NULL;

	if (!vk_marks_have(kinds, VK_MARK_FORGOTTEN))
		return TRUE;
	name = vk_catalog_name(vault, key);
	return vk_fail(
		error, VK_ERROR_FAILED,
		"the snapshot '%s' is forgotten and cannot be pinned: first list it again with "
		"'virtkeep unforget %s'",
		name, name);
}

/* Not by its name alone, as other marks: until when is in it. */
static gboolean put_pin(VkVault *vault, const VkSnapshotKey *key, const char *kind, gint64 until,
			const char *reason, GError **error)
{
	g_autofree char *name = vk_catalog_mark_object(key, kind);
	g_autoptr(json_t) object = vk_catalog_describe_mark(reason);
	g_autofree char *end = until == VK_PIN_FOR_GOOD ? NULL : vk_time_format(until);

	json_object_set_new(object, "until", vk_json_new_string(end));
	return vk_vault_put_json(vault, name, object, VK_PUT_NOW, error);
}

/* P2 */
static gboolean is_still_listed(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);

	return kinds && refuse_forgotten(vault, key, kinds, error);
}

gboolean vk_catalog_pin(VkVault *vault, const VkSnapshotKey *key, gint64 until, const char *reason,
			GError **error)
{
	g_autofree char *kind = vk_catalog_new_mark(VK_MARK_PIN);
	g_autoptr(GPtrArray) before = vk_catalog_look(vault, key, error);

	if (!before || !refuse_forgotten(vault, key, before, error))
		return FALSE;
	/* P1 */
	if (!put_pin(vault, key, kind, until, reason, error))
		return FALSE;
	if (!is_still_listed(vault, key, error)) {
		vk_catalog_delete_mark(vault, key, kind, NULL);
		return FALSE;
	}
	/* Only what was there before: of two who pin at once neither removes the other's pin. */
	return vk_catalog_delete_pins(vault, key, before, error);
}

gboolean vk_catalog_unpin(VkVault *vault, const VkSnapshotKey *key, GError **error)
{
	g_autoptr(GPtrArray) kinds = vk_catalog_look(vault, key, error);

	return kinds && vk_catalog_delete_pins(vault, key, kinds, error);
}
