/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "array-drivers.h"

#include "array-driver.h"
#include "ontap.h"
#include "reflink.h"

/* A new driver gets a line here. What the configuration calls it is in settings.h. */
static const VkArrayDriver *const drivers[] = {&vk_ontap_driver, &vk_reflink_driver, NULL};

VkArrays *vk_arrays_new(const VkSettings *settings, VkWarn warn, GError **error)
{
	return vk_arrays_new_of(drivers, settings, warn, error);
}
