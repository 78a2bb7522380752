/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of checks without a key share: the pack of generation-bed.h, where everything lies
 * in it, and a check as somebody who has no key. Failures end the test.
 */
#pragma once

#include "damages.h"
#include "generation-bed.h"

#include "check-frames.h"

#include <check.h>
#include <glib.h>

#define ONE "1-0123456789abcdef"

/* The first generation. */
extern VkPackTable *table;

gboolean has_parity(void);

void prepare_frames(void);
void finish_frames(void);

VkVault *open_outside(void);
VkCheckResult *check_opened(VkVault *opened);
VkCheckResult *check(void);

/* In the first generation, in bytes. A length is with the header, without padding. */
gsize frame_start(guint32 slot);
gsize frame_length(guint32 slot);

/* Where its frames end and its table begins. */
gsize frames_end(void);

gsize object_size(const char *generation);

/* Changes a byte of it. */
void spoil(const char *generation, gsize at);

/* The one error has TEXT and names the slots FIRST to LAST. */
void expect_loss(const char *text, guint32 first, guint32 last);

/* The same; but if the vault has parity, that gives back everything. */
void expect_damage(const char *text, guint32 first, guint32 last);
