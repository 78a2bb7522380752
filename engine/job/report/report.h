/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkReport: how well the guests of this host and of a vault are saved, how the vault is, and what
 * needs somebody's hand. It covers every host that ever wrote into the vault. Strings are nullable
 * unless it is said. Threads: one at a time.
 */
#pragma once

#include "array.h"
#include "check-record.h"
#include "health.h"
#include "settings.h"
#include "space.h"
#include "vault.h"

#include <glib.h>

typedef enum {
	VK_STATE_SAVED,    /* its last snapshot is young enough */
	VK_STATE_LATE,     /* it is too old */
	VK_STATE_NEVER,    /* there is none that can be used */
	VK_STATE_LEFT_OUT, /* the configuration leaves it out */
	VK_STATE_GONE,     /* this host saved it last, and no longer has it */
} VkSavedState;

/* The state in a word: "saved". Static. */
const char *vk_saved_state_word(VkSavedState state);

typedef struct VkReportGuest {
	char *name, *uuid;     /* not NULL */
	char *host;            /* that took the last snapshot */
	gboolean on_host;      /* this host has it now */
	const char *skip;      /* why backups of all leave it out */
	guint snapshots;       /* that are listed */
	guint damaged;         /* of these: newer than the last that can be used */
	char *time;            /* TIME of the last that can be used; NULL: none */
	gint64 age_sec;        /* of it */
	char *grade;           /* of it: "crash, incomplete" */
	gboolean is_uncovered; /* this host has it, and no job is for it though there are jobs */
	gboolean incomplete;   /* some of its disks could not be saved */
	gboolean on_array_only;
	char *excluded; /* disks that the configuration leaves out: "vdb, vdc" */
	char *error;    /* of a backup that failed after the last snapshot */
	gint64 failed;  /* when that was; microseconds since 1970 */
	gint64 tested;  /* when its last successful boot test was; likewise; 0: never */
	VkSpace space;  /* if the report has it */
	VkSavedState state;
} VkReportGuest;

/* A job of the configuration that is enabled. */
typedef struct VkReportJob {
	char *name;    /* not NULL */
	gint64 missed; /* since when it should have started, seconds since 1970; 0: it was not */
	gint64 failed; /* when its last run started, if that failed; likewise */
	char *error;   /* of that; NULL: it was cut off */
} VkReportJob;

typedef enum {
	VK_NEED_NONE,
	VK_NEED_SOON, /* somebody should look at it */
	VK_NEED_NOW,  /* something is not protected, or damaged */
} VkNeedLevel;

typedef struct VkNeed {
	VkNeedLevel level;
	char *text; /* a sentence, with what to do */
} VkNeed;

typedef struct VkReport {
	char *vault, *vault_id, *host; /* not NULL */
	gint64 now;                    /* seconds since 1970 */
	gint64 max_age_sec;
	gboolean host_known; /* libvirt answered */
	char *host_error;    /* why it did not; NULL: it did, or there is to be none */
	gboolean is_asked;   /* its guests were named, and so each of them counts */
	GPtrArray *guests;   /* VkReportGuest, by name */
	VkVaultUsage usage;
	gboolean has_space;              /* the following and that of each guest is known */
	VkSpace space;                   /* of all guests */
	gint64 full_in_sec;              /* at the rate of the last days; -1: never, or not known */
	VkCheckRecord check, data_check; /* the last ones */
	VkHealthSummary health;
	GPtrArray *replications; /* VkReplication of arrays, if the report has them */
	char *arrays_error;      /* why they are not known */
	GPtrArray *jobs;         /* VkReportJob; NULL: not known */
	char *jobs_error;        /* why they, or who has none, are not known */
	GPtrArray *needs;        /* VkNeed, the worst first */
} VkReport;

/* How a report is made. */
typedef struct VkReportOptions {
	const VkSettings *settings;
	const char *uri;    /* of libvirt */
	char *const *names; /* only these guests; none: all. Not NULL */
	gint64 max_age_sec; /* an older snapshot is late */
	gboolean is_whole;  /* with space, which reads all maps, and with arrays, which are asked */
} VkReportOptions;

/* Fails when the vault cannot be read. Without libvirt there are only the guests of the vault. */
VkReport *vk_report_load(VkVault *vault, const VkReportOptions *options, GError **error);
void vk_report_free(VkReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkReport, vk_report_free)

VkReportGuest *vk_report_guest_new(const char *name, const char *uuid);
void vk_report_guest_free(VkReportGuest *guest);

/*
 * Whether the guest counts for this host: it is here, nobody knows which are, or it was asked for.
 * Guests that another host saved last are that host's business: they are shown, and no need.
 */
gboolean vk_report_is_ours(const VkReport *report, const VkReportGuest *guest);

/* Sets the states of the guests, and finds what needs a hand: from all else that is in REPORT. */
void vk_report_judge(VkReport *report);

/* The level of the worst. */
VkNeedLevel vk_report_level(const VkReport *report);

/* Parts of 100 of the vault's disk that are used; 0: not known. */
guint vk_report_used_percent(const VkReport *report);

/* How many guests of this host are in STATE. */
guint vk_report_count(const VkReport *report, VkSavedState state);
