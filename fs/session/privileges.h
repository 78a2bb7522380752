/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a mount gives up once it serves: it decodes what others have written, for readers that it
 * does not know.
 */
#pragma once

#include <glib.h>

/*
 * Gives up all capabilities but those that reading a vault and its arrays needs. KEEP_ADMIN keeps
 * CAP_SYS_ADMIN as well. To be called before any other thread runs, because each has its own.
 */
gboolean vk_privileges_drop_capabilities(gboolean keep_admin, GError **error);

/*
 * Refuses, from now on, calls that nothing here makes, and new privileges, to all threads and
 * children. Threads: free.
 */
gboolean vk_privileges_refuse_calls(GError **error);
