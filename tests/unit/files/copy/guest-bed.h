/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bed for files of a running guest, whose part a directory and the shell of this host play. Its
 * file offers the calls of inside.h that a writer needs. Threads: one at a time.
 */
#pragma once

#include "copy-bed.h"
#include "guest-writer.h"

#include <glib.h>

extern VkGuestWriter *bed_writer;
extern const char *bed_spoilt, *bed_instead; /* a text in the scripts, and what stands there */
extern guint bed_runs;                       /* of scripts */

/* The fixture. */
void bed_set_up(void);
void bed_tear_down(void);

/* The begin and the end of a walk, whose entries are below "top". */
void bed_begin(gboolean overwrite);
const VkCopyCount *bed_end(void);
