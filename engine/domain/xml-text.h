/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A single fact of an XML that libvirt has made. Threads: free. */
#pragma once

/* The first string that XPATH finds in XML. NULL when it finds none. New string. */
char *vk_xml_text_at(const char *xml, const char *xpath);
