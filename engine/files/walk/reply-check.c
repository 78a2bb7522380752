/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reply-check.h"

#include "errors.h"
#include "walk-check.h"

#include <string.h>

/* As Linux has them; and their number, whose names may take 64 KiB together. */
#define ATTRIBUTE_NAME_MAX  255
#define ATTRIBUTE_VALUE_MAX 65536
#define ATTRIBUTES_MAX      1024

static gboolean fail(GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "the appliance gives an answer that cannot be");
}

gboolean vk_reply_entry(VkBody *body, VkEntry *ret, GError **error)
{
	const VkEntryReport report = vk_body_entry(body);
	const char *fault;

	*ret = (VkEntry){0};
	if (!vk_body_ended(body) || report.path.length > 0)
		return fail(error);
	if (!vk_entry_take(&report, ret, error))
		return FALSE;
	fault = vk_entry_fault(ret);
	return !fault || vk_fail(error, VK_ERROR_FAILED, "%s", fault);
}

void vk_page_free(VkPage *page)
{
	if (!page)
		return;
	for (guint i = 0; i < page->entries->len; i++)
		vk_entry_clear(&g_array_index(page->entries, VkPageEntry, i).entry);
	g_array_unref(page->entries);
	g_free(page);
}

static gboolean is_dots(VkBytes name)
{
	return (name.length == 1 || name.length == 2) && memcmp(name.at, "..", name.length) == 0;
}

/* What is above a directory is not told. */
static void take_dots(const VkEntryReport *report, VkEntry *ret)
{
	*ret = (VkEntry){.path = g_strndup((const char *)report->path.at, report->path.length),
			 .mode = report->mode,
			 .inode = report->inode};
}

static gboolean take_page_entry(VkBody *body, VkPage *page, GError **error)
{
	VkPageEntry entry = {.cursor = vk_body_u64(body)};
	const VkEntryReport report = vk_body_entry(body);

	if (body->bad || page->entries->len == VK_MESSAGE_PAGE_MAX || report.path.length == 0 ||
	    memchr(report.path.at, '/', report.path.length))
		return fail(error);
	if (is_dots(report.path))
		take_dots(&report, &entry.entry);
	else if (!vk_entry_take(&report, &entry.entry, error))
		return FALSE;
	else
		entry.known = report.links > 0 && !vk_entry_fault(&entry.entry);
	g_array_append_val(page->entries, entry);
	return TRUE;
}

VkPage *vk_reply_page(VkBody *body, GError **error)
{
	g_autoptr(VkPage) page = g_new0(VkPage, 1);

	page->entries = g_array_new(FALSE, FALSE, sizeof(VkPageEntry));
	while (vk_body_u32(body) == 1)
		if (!take_page_entry(body, page, error))
			return NULL;
	page->is_last = vk_body_u32(body) != 0;
	/* A page without entries that is not the last would be asked for again for ever. */
	if (vk_body_ended(body) && (page->is_last || page->entries->len > 0))
		return g_steal_pointer(&page);
	fail(error);
	return NULL;
}

gboolean vk_reply_data(VkBody *body, guint64 offset, guint8 *buffer, gsize length, gsize *done,
		       GError **error)
{
	guint64 at = vk_body_u64(body);
	VkBytes bytes = vk_body_bytes(body);

	if (!vk_body_ended(body) || bytes.length == 0 || at < offset || at - offset < *done ||
	    at - offset > length || bytes.length > length - (at - offset))
		return fail(error);
	memcpy(buffer + (at - offset), bytes.at, bytes.length);
	*done = (gsize)(at - offset) + bytes.length;
	return TRUE;
}

gboolean vk_reply_place(VkBody *body, guint64 offset, gboolean *ret_found, guint64 *ret_place,
			GError **error)
{
	guint64 place = vk_body_u64(body);

	if (!vk_body_ended(body) ||
	    (place != VK_MESSAGE_NOWHERE && (place < offset || place > G_MAXINT64)))
		return fail(error);
	*ret_found = place != VK_MESSAGE_NOWHERE;
	*ret_place = *ret_found ? place : 0;
	return TRUE;
}

gboolean vk_reply_attribute(VkBody *body, GHashTable *attributes, GError **error)
{
	VkBytes name = vk_body_bytes(body);
	VkBytes value = vk_body_bytes(body);
	g_autofree char *text = g_strndup((const char *)name.at, name.length);

	if (!vk_body_ended(body) || name.length == 0 || name.length > ATTRIBUTE_NAME_MAX ||
	    strlen(text) < name.length || value.length > ATTRIBUTE_VALUE_MAX ||
	    g_hash_table_size(attributes) >= ATTRIBUTES_MAX ||
	    g_hash_table_contains(attributes, text))
		return fail(error);
	g_hash_table_insert(attributes, g_steal_pointer(&text),
			    g_bytes_new(value.at, value.length));
	return TRUE;
}
