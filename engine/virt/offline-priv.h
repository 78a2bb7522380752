/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "domain.h"
#include "host.h"

#include <glib.h>

/* The file or device of an image. New string. */
char *vk_offline_image_path(VkHost *host, const VkDomainImage *image, GError **error);
