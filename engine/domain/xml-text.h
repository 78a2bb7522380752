/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single facts of an XML that libvirt has made. Threads: free. */
#pragma once

#include <glib.h>

/* The first string that XPATH finds in XML. NULL when it finds none. New string. */
char *vk_xml_text_at(const char *xml, const char *xpath);

/*
 * Adds to FOUND (char*) all strings that XPATH finds in XML. VK_ERROR_FAILED when the root of XML
 * is not named ROOT.
 */
gboolean vk_xml_add_texts(const char *xml, const char *root, const char *xpath, GPtrArray *found,
			  GError **error);
