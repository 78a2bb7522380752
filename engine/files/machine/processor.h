/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkProcessor: what an appliance takes on a host with a certain processor, and in which packages of
 * Debian it is. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkProcessor {
	const char *name;        /* as uname(1) prints it */
	const char *programs[3]; /* QEMU, as distributions call it, up to NULL */
	const char *machine;     /* of QEMU */
	const char *console;     /* of its first serial line */
	const char *uml_package; /* NULL: there is no User-mode Linux for it */
	const char *qemu_package;
	const char *kernel_package;
} VkProcessor;

/* That of a host whose processor is NAME; NULL: QEMU is not used there. Static. */
const VkProcessor *vk_processor_named(const char *name);

/* That of this host, or NULL. Static. */
const VkProcessor *vk_processor_own(void);

/* What to install on a host with PROCESSOR, nullable, that has nothing. New string. */
char *vk_processor_advice(const VkProcessor *processor);
