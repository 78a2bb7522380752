/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes on stdout, whose reader may be slow or gone. Threads: one at a time. */
#pragma once

#include <glib.h>

/* Writes all of them. Ends early with an error when the program is interrupted. */
gboolean vk_output_write(const void *bytes, gsize length, GError **error);
