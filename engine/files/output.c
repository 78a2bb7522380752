/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output.h"

#include "errors.h"
#include "interrupt.h"

#include <errno.h>
#include <unistd.h>

gboolean vk_output_write(const void *bytes, gsize length, GError **error)
{
	const guint8 *at = bytes;

	while (length > 0) {
		ssize_t done = write(STDOUT_FILENO, at, length);

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (done < 0 && errno != EINTR)
			return vk_fail_errno(error, errno, "cannot write to the output");
		if (done > 0) {
			at += done;
			length -= (gsize)done;
		}
	}
	return TRUE;
}
