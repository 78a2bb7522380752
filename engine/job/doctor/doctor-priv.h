/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VkDoctorVisit: one guest that is examined, and what is known of it. Threads: one. */
#pragma once

#include "doctor.h"

#include "backup-job.h"
#include "domain.h"
#include "guest-lock.h"

typedef struct VkDoctorVisit {
	VkHost *host;
	VkGuest *guest;
	const VkDoctorOptions *options;
	VkBackupJobPaths paths;
	VkGuestLock *lock;
	VkGuestFacts *facts;
	VkDomain *domain;
	GPtrArray *findings; /* VkFinding */
} VkDoctorVisit;

/* Adds a finding about the guest. Takes WHAT and REMEDY over. Borrowed. */
VkFinding *vk_doctor_add(VkDoctorVisit *visit, const char *kind, char *what, char *remedy);

/* The image of DISK, also of a volume in a pool; NULL: it is in no file. New string. */
char *vk_doctor_image_path(const VkDoctorVisit *visit, const VkDomainDisk *disk);

/* Each looks for one kind of findings, and fixes them if the options say so. */
gboolean vk_doctor_examine_hold(VkDoctorVisit *visit, GError **error);
gboolean vk_doctor_examine_job(VkDoctorVisit *visit, GError **error);
gboolean vk_doctor_examine_checkpoints(VkDoctorVisit *visit, GError **error);
gboolean vk_doctor_examine_arrays(VkDoctorVisit *visit, GError **error);
void vk_doctor_examine_files(VkDoctorVisit *visit);

/* Looks for what the vault, which is there, does not show any more. */
void vk_doctor_examine_chains(const VkDoctorOptions *options, GPtrArray *findings);
