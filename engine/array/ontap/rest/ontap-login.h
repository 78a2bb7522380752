/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The login at one ONTAP system. A refused login is not tried again, because that can lock the
 * account: until a login has succeeded, only one request runs at a time. Only for the ONTAP driver.
 * Threads: free, but for new and free.
 */
#pragma once

#include "log.h"
#include "settings.h"

#include <glib.h>

typedef struct VkOntapLogin VkOntapLogin;

/* Of one request. */
typedef struct VkOntapLoginTry {
	char *password;    /* NULL: it logs in by certificate */
	gboolean is_alone; /* other requests wait for its result */
} VkOntapLoginTry;

/*
 * Of the section [array NAME]; both are borrowed. WARN says that others can read the password.
 * Nothing is read yet.
 */
VkOntapLogin *vk_ontap_login_new(const VkSettings *settings, const char *name, VkWarn warn);
void vk_ontap_login_free(VkOntapLogin *login);

/* FALSE when there is no login, or only a refused one. Otherwise pass *RET to the end. */
gboolean vk_ontap_login_begin(VkOntapLogin *login, VkOntapLoginTry *ret, GError **error);

/* STATUS is HTTP's; 0: nothing came back. */
void vk_ontap_login_end(VkOntapLogin *login, VkOntapLoginTry *try, guint status);
