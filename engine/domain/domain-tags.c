/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-tags.h"

#include "errors.h"
#include "xml-priv.h"

#include <string.h>

#define TAG_LENGTH_MAX 31

static gboolean is_tag(const char *text)
{
	gsize length = strlen(text);

	return length > 0 && length <= TAG_LENGTH_MAX && *text != '-' &&
	       strspn(text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-") == length;
}

gboolean vk_tag_check(const char *tag, GError **error)
{
	return is_tag(tag) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "'%s' cannot be a tag: it takes 1 to %d letters, digits, '.', '_' or '-'",
		       tag, TAG_LENGTH_MAX);
}

char **vk_tags_parse(const char *xml)
{
	g_autoptr(xmlDoc) doc = vk_xml_parse(xml, "tags", "the tags of a guest", NULL);
	g_autofree char *text = doc ? vk_xml_text(xmlDocGetRootElement(doc)) : NULL;
	g_auto(GStrv) words = g_strsplit_set(text ? text : "", " \t\r\n", -1);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GStrvBuilder) tags = g_strv_builder_new();

	for (char **word = words; *word && g_hash_table_size(seen) < VK_TAGS_MAX; word++)
		if (is_tag(*word) && g_hash_table_add(seen, *word))
			g_strv_builder_add(tags, *word);
	return g_strv_builder_end(tags);
}

char *vk_tags_format(const char *const *tags)
{
	GString *xml = g_string_new("<tags>");

	/* No tag has a character that XML would have to quote. */
	for (const char *const *tag = tags; *tag; tag++)
		g_string_append_printf(xml, "%s%s", tag == tags ? "" : " ", *tag);
	g_string_append(xml, "</tags>");
	return g_string_free(xml, FALSE);
}
