/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-reply.h"

#include "s3-xml-priv.h"

#include "errors.h"

#include <string.h>

#define PAGE_MAX (16u << 20)
#define WORD_MAX 64u

/* NULL when it is too large, or not XML without a document type. */
static xmlDoc *parse(const char *text, gsize length)
{
	static gsize initialized;
	g_autoptr(xmlDoc) doc = NULL;

	if (g_once_init_enter(&initialized)) {
		xmlInitParser();
		g_once_init_leave(&initialized, 1);
	}
	if (length == 0 || length > PAGE_MAX)
		return NULL;
	doc = xmlReadMemory(text, (int)length, NULL, NULL,
			    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	return doc && !xmlGetIntSubset(doc) && xmlDocGetRootElement(doc) ? g_steal_pointer(&doc)
									 : NULL;
}

static gboolean is_named(const xmlNode *node, const char *name)
{
	return node && node->type == XML_ELEMENT_NODE &&
	       strcmp((const char *)node->name, name) == 0;
}

/* The text of the child NAME. New string; NULL: there is none. */
static char *child_text(const xmlNode *parent, const char *name)
{
	for (xmlNode *node = parent->children; node; node = node->next)
		if (is_named(node, name)) {
			xmlChar *text = xmlNodeGetContent(node);
			char *copy = g_strdup((const char *)text);

			xmlFree(text);
			return copy;
		}
	return NULL;
}

/* It ends up in a message. */
static char *child_word(const xmlNode *parent, const char *name)
{
	g_autofree char *text = child_text(parent, name);
	gsize length = text ? strlen(text) : 0;

	for (gsize i = 0; i < length; i++)
		if (!g_ascii_isalnum(text[i]) && text[i] != '-')
			return NULL;
	return length > 0 && length <= WORD_MAX ? g_steal_pointer(&text) : NULL;
}

void vk_s3_error_clear(VkS3Error *error)
{
	g_free(error->code);
	g_free(error->region);
	*error = (VkS3Error){0};
}

void vk_s3_error_parse(const char *text, gsize length, VkS3Error *ret)
{
	g_autoptr(xmlDoc) doc = parse(text, length);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

	*ret = (VkS3Error){0};
	if (!is_named(root, "Error"))
		return;
	ret->code = child_word(root, "Code");
	ret->region = child_word(root, "Region");
}

static void list_entry(const xmlNode *node, VkS3Listed listed, gpointer data)
{
	gboolean is_folder = is_named(node, "CommonPrefixes");
	g_autofree char *name = NULL;
	g_autofree char *tag = NULL;

	if (!is_folder && !is_named(node, "Contents"))
		return;
	name = child_text(node, is_folder ? "Prefix" : "Key");
	tag = is_folder ? NULL : child_text(node, "ETag");
	if (name)
		listed(name, is_folder ? NULL : tag ? tag : "", data);
}

gboolean vk_s3_page_parse(const char *text, gsize length, VkS3Listed listed, gpointer data,
			  char **ret_next, GError **error)
{
	g_autoptr(xmlDoc) doc = parse(text, length);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	g_autofree char *truncated = NULL;
	g_autofree char *next = NULL;
	gboolean goes_on;

	if (!is_named(root, "ListBucketResult"))
		return vk_fail(error, VK_ERROR_FAILED, "its answer is not a listing");
	truncated = child_text(root, "IsTruncated");
	next = child_text(root, "NextContinuationToken");
	goes_on = g_strcmp0(truncated, "true") == 0;
	/* Half a listing must not be taken for a whole one. */
	if (!truncated || (goes_on && (!next || !*next)))
		return vk_fail(error, VK_ERROR_FAILED,
			       "its listing does not say where it goes on: the server does not "
			       "know listings of version 2");
	for (const xmlNode *node = root->children; node; node = node->next)
		list_entry(node, listed, data);
	*ret_next = goes_on ? g_steal_pointer(&next) : NULL;
	return TRUE;
}
