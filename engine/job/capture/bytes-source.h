/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A source of bytes in memory: all of them data. */
#pragma once

#include "source.h"

#include <glib.h>

/* Takes a reference of CONTENT. */
VkSource *vk_source_bytes_new(GBytes *content);
