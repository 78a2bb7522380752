/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of replication share: the cluster c1, two of whose volumes are replicated to c2,
 * and snapshot sets of them. Failures end the test.
 */
#pragma once

#include "ontap-bed.h"

#include <glib.h>
#include <jansson.h>

/* Sections of the configuration. */
#define LOGIN                          \
	"user = admin\n"               \
	"password_file = @/password\n" \
	"ca_file = @/state/ca.pem\n"
#define FIRST  "[array first]\nurl = https://127.0.0.1:%\n" LOGIN
#define SECOND "[array second]\nurl = https://127.0.0.1:&\n" LOGIN

/* The mounts of the host. */
extern const char pair_mountinfo[];

extern Bed *bed;

/* The fixture. */
void pair_setup(void);
void pair_teardown(void);

/* The copy of IMAGE, a raw one, taken and listed. New reference. */
json_t *pair_snap(const char *image, const char *label);

/* The name of the array snapshot that COPY lies in. */
const char *pair_snapshot_of(const json_t *copy);
