/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kinds of targets share. Threads: one at a time. */
#pragma once

#include "target.h"

#define VK_SENDMAIL "/usr/sbin/sendmail"

/* All but the name is nullable, and borrowed from the settings. */
struct VkTarget {
	char *name;
	const char *kind, *url, *user, *ca_file, *from, *command;
	const char *password_file, *secret_file;
	char **on, **commands, **to;
};

/*
 * The secret in the file PATH, without the line break at its end, or NULL for no PATH; FALSE when
 * it cannot be read or others can. New string.
 */
gboolean vk_target_secret(const VkTarget *target, const char *path, char **ret, GError **error);

gboolean vk_target_send_http(const VkTarget *target, const VkNotice *notice, gint64 deadline,
			     GError **error);
gboolean vk_target_send_mail(const VkTarget *target, const VkNotice *notice, gint64 deadline,
			     GError **error);
gboolean vk_target_send_command(const VkTarget *target, const VkNotice *notice, gint64 deadline,
				GError **error);

/*
 * Runs the shell's COMMAND with INPUT as its standard input, and what ENVIRONMENT (pairs, ended by
 * NULL) adds.
 */
gboolean vk_target_run(const VkTarget *target, const char *command, const GString *input,
		       const char *const *environment, gint64 deadline, GError **error);
