/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor-priv.h"

#include "image-path.h"

VkFinding *vk_doctor_add(VkDoctorVisit *visit, const char *kind, char *what, char *remedy)
{
	return vk_finding_add(visit->findings, vk_guest_name(visit->guest), kind, what, remedy);
}

char *vk_doctor_image_path(const VkDoctorVisit *visit, const VkDomainDisk *disk)
{
	return disk->image ? vk_image_path(visit->host, disk->image, NULL) : NULL;
}
