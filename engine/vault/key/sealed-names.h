/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSealedNames: the names of a sealed store's objects, on both sides. Threads: free.
 */
#pragma once

#include "keyring.h"

#include <glib.h>

typedef struct VkSealedNames VkSealedNames;

/* KEYRING is borrowed during the call and has the key for objects. */
VkSealedNames *vk_sealed_names_new(const VkKeyring *keyring);
void vk_sealed_names_free(VkSealedNames *names); /* takes NULL */

/* The name in the store underneath of NAME, an object or a folder. New string. */
char *vk_sealed_names_inside(const VkSealedNames *names, const char *name);

/*
 * What a listing of FOLDER calls NAME of the listing underneath. New string. A guest's folder with
 * a name of another form stays as it is.
 */
char *vk_sealed_names_outside(const VkSealedNames *names, const char *folder, const char *name);
