/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkNotice: one message about a task (task.h) to people who are not there: all of it in one,
 * however many guests there are. Plain data. Threads: one at a time.
 */
#pragma once

#include "task.h"

#include <glib.h>
#include <jansson.h>

typedef enum {
	VK_NOTICE_START, /* a task begins: for those who watch that tasks come */
	VK_NOTICE_SUCCESS,
	VK_NOTICE_WARNING,  /* done, but something was said */
	VK_NOTICE_FAILURE,  /* it failed, all or in part */
	VK_NOTICE_RECOVERY, /* a success after a failure or warning */
	VK_NOTICE_TEST,
} VkNoticeKind;

typedef struct VkNotice {
	VkNoticeKind kind;
	char *id;      /* random: the same for each try */
	char *subject; /* one line */
	char *text;    /* lines */
	char *key;     /* what runs again and again: what it is compared with */
	char *trouble; /* what is wrong, in short: the same trouble has the same */
	char *command; /* the task's kind: "backup" */
	int status;    /* exit status */
	json_t *task;  /* vk_task_to_json(); nullable */
} VkNotice;

/* What TASK, which has ended, is worth to be told. */
VkNotice *vk_notice_new(const VkTask *task);
/* A task of the kind COMMAND begins. */
VkNotice *vk_notice_new_start(const char *command);
/* Says that notices arrive. */
VkNotice *vk_notice_new_test(const char *target);
void vk_notice_free(VkNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkNotice, vk_notice_free)

/* Makes a success the end of a trouble. */
void vk_notice_recover(VkNotice *notice);

/* "failure", ... Static. */
const char *vk_notice_word(VkNoticeKind kind);

/*
 * The form for programs, which is also that of the spool: {schema, id, event, subject, text,
 * command, status, task}. New reference. The way back returns NULL for what is none.
 */
json_t *vk_notice_to_json(const VkNotice *notice);
VkNotice *vk_notice_from_json(const json_t *object);
