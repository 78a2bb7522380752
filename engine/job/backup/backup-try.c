/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-try.h"

void vk_backup_try_clear(VkBackupTry *try)
{
	g_clear_error(&try->release_error);
	g_clear_error(&try->not_replicated);
	g_clear_pointer(&try->tracking_trouble, g_free);
}
