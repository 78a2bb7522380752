/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Volumes of LVM, by its program of the host. Threads: one. */
#pragma once

/* Adds the volumes of the groups that have parts among the volumes, if one was not looked at yet.
 */
void agent_lvm_activate(void);
