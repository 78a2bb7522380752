/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the client share: it talks to the stand-in, which runs them. Failures end the
 * test.
 */
#pragma once

#include "errors.h"
#include "s3-client.h"

#include <glib.h>

/* Of one test. */
extern char *directory; /* what is in the bucket below PREFIX */
extern char *prefix;
extern VkS3 *s3;
extern guint warnings;

void setup(void);
void teardown(void);

void warn(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* What goes wrong from now on: faults.py has the form. */
void set_faults(const char *lines);

/* New. */
VkS3 *open_with(const char *id, const char *secret, const char *bucket);

/* Puts an object, unless there is one of this name. */
gboolean put(const char *name, GError **error);

void expect(gboolean done, const GError *error);

/* Takes ERROR over. */
void expect_error(GError *error, VkErrorCode code, const char *text);
