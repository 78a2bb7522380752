/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors are GErrors of one domain. The code says which exit status the program ends with; the
 * text is for people: the thing in quotes, what happened, what to do. It is set where the cause is
 * known, prefixed on the way up with g_prefix_error(), and printed once by the program.
 */
#pragma once

#include <glib.h>

typedef enum {
	VK_ERROR_FAILED = 1,    /* anything without a class of its own */
	VK_ERROR_USAGE = 2,     /* the command line or the configuration is wrong */
	VK_ERROR_PARTIAL = 3,   /* some guests done, some failed */
	VK_ERROR_BUSY = 4,      /* another process works on it: try again later */
	VK_ERROR_DAMAGE = 5,    /* stored bytes do not match their checksum or their format */
	VK_ERROR_NOT_FOUND = 6, /* no such vault, guest, snapshot, disk or file */
	VK_ERROR_EXISTS = 7,    /* the target exists already; exit status 1 */
	VK_ERROR_CHANGED =
		8, /* the guest started or stopped meanwhile: a retry may work; status 1 */
	VK_ERROR_DENIED = 9, /* the login works, but has no right to that; status 1 */
	VK_ERROR_FULL = 10,  /* there is no room left, or none by a quota; status 1 */
} VkErrorCode;

#define VK_ERROR (vk_error_quark())
GQuark vk_error_quark(void);

/*
 * Sets an error of the given code, its text made printable (text.h). Returns FALSE, so that a
 * failing function can end with it.
 */
gboolean vk_fail(GError **error, VkErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/*
 * Like vk_fail(), with ": ", the system's text for ERRNO_VALUE and, if there is one, a remedy at
 * the end. ENOENT becomes VK_ERROR_NOT_FOUND, EEXIST becomes VK_ERROR_EXISTS, ENOSPC
 * and EDQUOT become VK_ERROR_FULL, all else VK_ERROR_FAILED.
 */
gboolean vk_fail_errno(GError **error, int errno_value, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

#ifdef __clang_analyzer__
/* What static analysis cannot see from the outside: it is always FALSE. */
#define vk_fail(...)       (vk_fail(__VA_ARGS__), FALSE)
#define vk_fail_errno(...) (vk_fail_errno(__VA_ARGS__), FALSE)
#endif

/* ERROR's code as a word for programs: "failed", "busy", "not-found", ... Static. */
const char *vk_error_word(const GError *error);

/* The exit status for a program that ends with this error; 0 for NULL. */
int vk_exit_status(const GError *error);
