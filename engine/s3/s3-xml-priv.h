/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxml2, for s3-reply.c. */
#pragma once

#include <glib.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
