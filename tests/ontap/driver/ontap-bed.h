/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bed for tests of the ONTAP driver: the stand-in of tests/ontap with volumes in a temporary
 * directory, the mounts that lead to them, and the arrays of a configuration. Failures end the
 * test.
 */
#pragma once

#include "array-drivers.h"

#include <check.h>
#include <glib.h>
#include <jansson.h>

#define BED_VAULT "0123456789abcdef0123456789abcdef"

/* A guest, and the id of its snapshots. */
#define WEB "11111111-2222-3333-4444-555555555555"
#define ID  "0f1e2d3c4b5a6978"

typedef struct Bed {
	char *directory;
	int input; /* the stand-in ends with it */
	GPid pid;
	guint port, second_port; /* of the clusters c1 and c2 */
	guint control_port;      /* of the one that bed_control() speaks with; c1 at first */
	VkSettings *settings;
	VkArrays *arrays;
} Bed;

/*
 * In TOPOLOGY (JSON of the stand-in), MOUNTINFO and SECTION (of the configuration; NULL: the usual
 * login) an '@' stands for the directory, and in SECTION '%' and '&' for the ports of c1 and c2.
 */
Bed *bed_new(const char *topology, const char *mountinfo, const char *section);
void bed_free(Bed *bed);

/* The arrays of another SECTION. */
void bed_configure(Bed *bed, const char *section);

/* The usual login at c1, which has SECONDS to answer. */
void bed_set_timeout(Bed *bed, guint seconds);

char *bed_path(const Bed *bed, const char *name); /* new string */
void bed_write(const Bed *bed, const char *name, const char *content);
char *bed_read(const Bed *bed, const char *name);

/* Speaks with /control/WHAT of the stand-in. BODY is taken over. New reference. */
json_t *bed_control(const Bed *bed, const char *method, const char *what, json_t *body);

/* What another client asks of c1. BODY is taken over. New reference. */
json_t *bed_post(const Bed *bed, const char *path, json_t *body);

void bed_set_knob(const Bed *bed, const char *name, json_t *value);
void bed_add_fault(const Bed *bed, const char *action, const char *method, const char *path,
		   const char *when);
void bed_clear_faults(const Bed *bed);

/* All records of a kind that the stand-in has ("snapshots", "groups", "started"). New reference. */
json_t *bed_state(const Bed *bed, const char *kind);
guint bed_count_kind(const Bed *bed, const char *kind);

/* The requests that were executed, or not, since the last call. New reference to an array. */
json_t *bed_requests(Bed *bed);

/* How many of REQUESTS have METHOD, and PATTERN (glob) in their path. */
guint bed_count(const json_t *requests, const char *method, const char *pattern);

/* Asserts OK, and tells the error. */
void bed_succeed(gboolean ok, const GError *error);

/* Runs SUITE, which is taken over; the exit status. */
int bed_run(Suite *suite);
