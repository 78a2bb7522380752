/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xml-priv.h"

#include "errors.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlsave.h>
#include <string.h>

/* libvirt's own limit for a domain XML on the wire is 4 MiB. */
#define XML_LENGTH_MAX (16u << 20)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

static const xmlChar *to_xml(const char *text)
{
	return (const xmlChar *)text;
}

/* Called for a document type, before any declaration in it is read. */
static void refuse_document_type(void *context, const xmlChar *name, const xmlChar *external_id,
				 const xmlChar *system_id)
{
	xmlParserCtxt *parser = context;
	gboolean *refused = parser->_private;

	*refused = TRUE;
	xmlStopParser(parser);
}

static gboolean fail_parse(const xmlParserCtxt *parser, const char *what, GError **error)
{
	g_autofree char *message = g_strdup(parser->lastError.message);

	if (message)
		g_strstrip(message);
	return vk_fail(error, VK_ERROR_FAILED, "%s is not well-formed XML: line %d: %s", what,
		       parser->lastError.line, message ? message : "unknown error");
}

xmlDoc *vk_xml_parse(const char *text, const char *root, const char *what, GError **error)
{
	static gsize initialized;
	gsize length = strlen(text);
	gboolean refused = FALSE;

	if (g_once_init_enter(&initialized)) {
		xmlInitParser();
		g_once_init_leave(&initialized, 1);
	}
	if (length > XML_LENGTH_MAX) {
		vk_fail(error, VK_ERROR_FAILED, "%s is too large: %zu bytes, at most %u are taken",
			what, length, XML_LENGTH_MAX);
		return NULL;
	}
	g_autoptr(xmlParserCtxt) parser = xmlNewParserCtxt();
	if (!parser)
		g_error("out of memory");
	parser->_private = &refused;
	parser->sax->internalSubset = refuse_document_type;
	g_autoptr(xmlDoc) doc =
		xmlCtxtReadMemory(parser, text, (int)length, NULL, NULL,
				  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (refused) {
		vk_fail(error, VK_ERROR_FAILED,
			"%s has a document type declaration, which is refused", what);
		return NULL;
	}
	if (!doc) {
		fail_parse(parser, what, error);
		return NULL;
	}
	if (!vk_xml_is(xmlDocGetRootElement(doc), root)) {
		vk_fail(error, VK_ERROR_FAILED, "%s is not a <%s>", what, root);
		return NULL;
	}
	return g_steal_pointer(&doc);
}

char *vk_xml_to_string(xmlDoc *doc)
{
	xmlBuffer *buffer = xmlBufferCreate();
	xmlSaveCtxt *save = xmlSaveToBuffer(buffer, "UTF-8", XML_SAVE_NO_DECL);

	if (!buffer || !save || xmlSaveDoc(save, doc) < 0 || xmlSaveClose(save) < 0)
		g_error("out of memory");
	char *text =
		g_strndup((const char *)xmlBufferContent(buffer), (gsize)xmlBufferLength(buffer));
	xmlBufferFree(buffer);
	return text;
}

gboolean vk_xml_is(const xmlNode *node, const char *name)
{
	return node && node->type == XML_ELEMENT_NODE && !node->ns &&
	       xmlStrEqual(node->name, to_xml(name));
}

static xmlNode *first_named(xmlNode *node, const char *name)
{
	while (node && !vk_xml_is(node, name))
		node = node->next;
	return node;
}

xmlNode *vk_xml_child(const xmlNode *parent, const char *name)
{
	return parent ? first_named(parent->children, name) : NULL;
}

xmlNode *vk_xml_next(const xmlNode *node, const char *name)
{
	return node ? first_named(node->next, name) : NULL;
}

xmlNode *vk_xml_find(const xmlNode *parent, const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	xmlNode *node = NULL;

	for (gsize i = 0; names[i]; i++) {
		node = vk_xml_child(i ? node : parent, names[i]);
		if (!node)
			return NULL;
	}
	return node;
}

static char *take_xml_string(xmlChar *text)
{
	char *copy = text && text[0] ? g_strdup((const char *)text) : NULL;

	xmlFree(text);
	return copy;
}

char *vk_xml_attribute(const xmlNode *node, const char *name)
{
	return node ? take_xml_string(xmlGetNoNsProp(node, to_xml(name))) : NULL;
}

char *vk_xml_text(const xmlNode *node)
{
	return node ? take_xml_string(xmlNodeGetContent(node)) : NULL;
}

gboolean vk_xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
	g_autofree char *found = vk_xml_attribute(node, name);

	return g_strcmp0(found, value) == 0;
}

void vk_xml_set_attribute(xmlNode *node, const char *name, const char *value)
{
	xmlSetNsProp(node, NULL, to_xml(name), to_xml(value));
}

void vk_xml_drop_attribute(xmlNode *node, const char *name)
{
	xmlUnsetNsProp(node, NULL, to_xml(name));
}

void vk_xml_set_text(xmlNode *node, const char *value)
{
	xmlNodeSetContent(node, NULL);
	xmlNodeAddContent(node, to_xml(value));
}

static gboolean is_blank(const xmlNode *node)
{
	return node && node->type == XML_TEXT_NODE && xmlIsBlankNode(node);
}

void vk_xml_drop(xmlNode *node)
{
	if (!node)
		return;
	if (is_blank(node->prev)) {
		xmlNode *blank = node->prev;

		xmlUnlinkNode(blank);
		xmlFreeNode(blank);
	}
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

void vk_xml_drop_children(xmlNode *parent, const char *name)
{
	xmlNode *node = vk_xml_child(parent, name);

	while (node) {
		xmlNode *next = vk_xml_next(node, name);

		vk_xml_drop(node);
		node = next;
	}
}

xmlNode *vk_xml_prepend(xmlNode *parent, const char *name)
{
	xmlNode *first = parent->children;
	xmlNode *node = xmlNewDocNode(parent->doc, NULL, to_xml(name), NULL);

	if (!node)
		g_error("out of memory");
	if (!first) {
		xmlAddChild(parent, node);
		return node;
	}
	xmlAddPrevSibling(first, node);
	if (is_blank(first))
		xmlAddPrevSibling(node, xmlCopyNode(first, 1));
	return node;
}
