/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and changing XML trees by libxml2. Names are those of elements
 * without a namespace: libvirt's own elements have none. Threads: free, one tree each.
 */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/*
 * Parses TEXT, whose root must be named ROOT. It refuses document types (and with them all
 * entities), texts of more than 16 MiB, and a nesting deeper than libxml2's limit of 256. WHAT
 * names the text in the error, VK_ERROR_FAILED.
 */
xmlDoc *vk_xml_parse(const char *text, const char *root, const char *what, GError **error);

/* The text of DOC without an XML declaration. New string. */
char *vk_xml_to_string(xmlDoc *doc);

/* The first child of PARENT, or the next sibling after NODE, of that NAME; NULL when none. */
xmlNode *vk_xml_child(const xmlNode *parent, const char *name);
xmlNode *vk_xml_next(const xmlNode *node, const char *name);

/* The element at the end of a path of names like "os/nvram": the first one at each step. */
xmlNode *vk_xml_find(const xmlNode *parent, const char *path);

/* TRUE when NODE is an element called NAME. Takes NULL. */
gboolean vk_xml_is(const xmlNode *node, const char *name);

/* New strings; NULL when NODE or the attribute is absent, or empty. */
char *vk_xml_attribute(const xmlNode *node, const char *name);
char *vk_xml_text(const xmlNode *node);

/* TRUE when the attribute is there and equals VALUE. */
gboolean vk_xml_attribute_is(const xmlNode *node, const char *name, const char *value);

/* Changing: VALUE is plain text, to be quoted by libxml2. */
void vk_xml_set_attribute(xmlNode *node, const char *name, const char *value);
void vk_xml_drop_attribute(xmlNode *node, const char *name); /* may be absent */
void vk_xml_set_text(xmlNode *node, const char *value);

/* Removes NODE together with the white space before it. Takes NULL. */
void vk_xml_drop(xmlNode *node);
/* Removes all children of PARENT called NAME. */
void vk_xml_drop_children(xmlNode *parent, const char *name);

/* A new first child of PARENT, indented like its siblings. */
xmlNode *vk_xml_prepend(xmlNode *parent, const char *name);
