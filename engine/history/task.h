/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkTask: what one execution of a command that works on a vault did: when, to which guests, what it
 * said, and how it ended. The history (history.h) keeps it. Strings are nullable unless it is said.
 * Plain data. Threads: one at a time.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

/* A disk of a saved guest. */
typedef struct VkTaskDisk {
	char *target;   /* not NULL */
	char *mode;     /* "incremental", ... */
	char *reason;   /* why that mode, in words */
	guint64 size;   /* bytes, as all here */
	guint64 read;   /* from the disk */
	guint64 fresh;  /* in blocks that the vault did not have ("new") */
	guint64 stored; /* what they took, compressed */
} VkTaskDisk;

/* What was done to a guest, or why it was not. */
typedef struct VkTaskGuest {
	char *name; /* not NULL */
	char *uuid;
	char *time;  /* of the snapshot: TIME */
	char *grade; /* of a new snapshot: "filesystem", ... */
	char *error; /* NULL: it did not fail */
	guint64 pause_msec, duration_msec;
	guint64 read, fresh, stored; /* of all disks */
	GPtrArray *disks;            /* VkTaskDisk; not in lists */
} VkTaskGuest;

/* A warning or an error, as it was said. */
typedef struct VkTaskMessage {
	gboolean is_error;
	gint64 said; /* microseconds since 1970 */
	char *text;  /* not NULL, printable */
} VkTaskMessage;

typedef struct VkTask {
	guint64 id;    /* in the history; 0: it is not there */
	char *kind;    /* "backup": see vk_task_kinds; not NULL */
	char *job;     /* which [job NAME] it belongs to; NULL: none */
	char *host;    /* where it ran; not NULL */
	char *user;    /* who started it */
	char *command; /* the command line */
	char *vault;   /* its place, without secrets */
	char *vault_id;
	gint64 began;        /* microseconds since 1970 */
	gint64 ended;        /* likewise; 0: it has not ended, or was killed */
	gboolean running;    /* it has not ended, and its process lives */
	int status;          /* exit status; of one that ended */
	GPtrArray *guests;   /* VkTaskGuest, at most VK_TASK_GUESTS_MAX */
	GPtrArray *messages; /* VkTaskMessage, at most VK_TASK_MESSAGES_MAX; not in lists */
	char *error;         /* the last error that was said */
	guint n_messages;    /* all that were said, also those without room */
	char *document;      /* its result as --json prints it; NULL: none, or above
				VK_TASK_DOCUMENT_MAX; not in lists */
} VkTask;

#define VK_TASK_GUESTS_MAX   10000u
#define VK_TASK_MESSAGES_MAX 200u
#define VK_TASK_DOCUMENT_MAX (256u << 10)

/* The kinds that there are, ended by NULL. */
extern const char *const vk_task_kinds[];

/* A task of KIND without anything in it. */
VkTask *vk_task_new(const char *kind);
void vk_task_free(VkTask *task);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkTask, vk_task_free)

VkTaskGuest *vk_task_guest_new(const char *name);
void vk_task_guest_free(VkTaskGuest *guest);
VkTaskDisk *vk_task_disk_new(const char *target);
void vk_task_disk_free(VkTaskDisk *disk);

/* Keeps TEXT, made printable and cut if it is long, if there is room; else counts it. */
void vk_task_add_message(VkTask *task, gboolean is_error, const char *text);

/*
 * Takes the guests out of a command's result, and the result itself if it is not too large. It
 * knows "snapshots" and "failed" of a backup or copy, "restored", and "guests" of a forgetting.
 */
void vk_task_set_document(VkTask *task, const json_t *document);

/*
 * How it ended in one or two words: "done", "failed", "in part", "busy", "damage found", "not
 * found", "wrong usage"; "running"; "interrupted" for one that began and never ended. Static.
 */
const char *vk_task_outcome(const VkTask *task);

/*
 * Where a replication sends to, as its command line has it, so also if it failed at once or was
 * killed. NULL: it is none, or nobody knows. New string.
 */
char *vk_task_target(const VkTask *task);

/*
 * The form for programs: {id, kind, job, host, user, command, vault, vault_id, began, ended,
 * duration_ms, status, outcome, error, guests[]: {guest, uuid, time, consistency, error, pause_ms,
 * duration_ms, read, new, stored}}; WHOLE: also disks[] of the guests, messages[]: {time, level,
 * text}, messages_said and result. Times are ISO 8601 in UTC. New reference.
 */
json_t *vk_task_to_json(const VkTask *task, gboolean whole);
