/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xml-text.h"

#include "xml-priv.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

/* Adds copies of the texts that XPATH finds to FOUND. */
static void collect(xmlDoc *doc, const char *xpath, GPtrArray *found)
{
	xmlXPathContext *context = xmlXPathNewContext(doc);
	xmlXPathObject *object =
		context ? xmlXPathEvalExpression((const xmlChar *)xpath, context) : NULL;
	const xmlNodeSet *nodes =
		object && object->type == XPATH_NODESET ? object->nodesetval : NULL;

	for (int i = 0; nodes && i < nodes->nodeNr; i++) {
		xmlChar *text = xmlNodeGetContent(nodes->nodeTab[i]);

		if (text)
			g_ptr_array_add(found, g_strdup((const char *)text));
		xmlFree(text);
	}
	xmlXPathFreeObject(object);
	xmlXPathFreeContext(context);
}

char *vk_xml_text_at(const char *xml, const char *xpath)
{
	g_autoptr(xmlDoc) doc =
		xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
			      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);

	if (doc)
		collect(doc, xpath, found);
	return found->len > 0 ? g_strdup(g_ptr_array_index(found, 0)) : NULL;
}

gboolean vk_xml_add_texts(const char *xml, const char *root, const char *xpath, GPtrArray *found,
			  GError **error)
{
	g_autofree char *what = g_strdup_printf("the <%s> of libvirt", root);
	g_autoptr(xmlDoc) doc = vk_xml_parse(xml, root, what, error);

	if (doc)
		collect(doc, xpath, found);
	return doc != NULL;
}
