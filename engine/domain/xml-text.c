/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xml-text.h"

#include <glib.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

char *vk_xml_text_at(const char *xml, const char *xpath)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
	xmlDocPtr document;
	xmlXPathContextPtr context = NULL;
	xmlXPathObjectPtr object = NULL;
	xmlChar *text = NULL;
	char *found = NULL;

	document = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, options);
	if (document)
		context = xmlXPathNewContext(document);
	if (context)
		object = xmlXPathEvalExpression((const xmlChar *)xpath, context);
	if (object && object->type == XPATH_NODESET && object->nodesetval &&
	    object->nodesetval->nodeNr > 0)
		text = xmlNodeGetContent(object->nodesetval->nodeTab[0]);
	if (text)
		found = g_strdup((const char *)text);
	xmlFree(text);
	xmlXPathFreeObject(object);
	xmlXPathFreeContext(context);
	xmlFreeDoc(document);
	return found;
}
