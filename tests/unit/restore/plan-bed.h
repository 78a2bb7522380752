/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of plans share: a snapshot of a guest with one disk, and facts that a table plays
 * the part of libvirt and arrays for.
 */
#pragma once

#include "plan-make.h"
#include "planner-priv.h"

#include <check.h>
#include <glib.h>

#define UUID       "11111111-2222-3333-4444-555555555555"
#define OTHER_UUID "99999999-2222-3333-4444-555555555555"

typedef struct FakeFacts {
	VkFacts base;
	const char *name; /* of the one guest it knows; NULL: none */
	const char *uuid;
	const char *xml;
	VkGuestState state;
	gboolean is_transient;
	const char *snapshots;       /* "NAME" or "NAME:FILE" that libvirt lists; nullable */
	const char *image_snapshots; /* names of those in every image; nullable */
	gboolean unreachable_libvirt;
	const char *lacking;       /* the names of what the host has not */
	const char *const *layers; /* "NAME:FORMAT" in DIR, or "pool/IMAGE:FORMAT", the image first;
				      NULL: the copy is gone */
	const char *changed;       /* the numbers of those that are not as they were, "12" */
	const char *unreachable;   /* the numbers of those that cannot be cloned */
	const char *secret;        /* the one secret that libvirt gives; NULL: none */
} FakeFacts;

/* Of one test. */
typedef struct PlanBed {
	char *dir;
	FakeFacts facts;
	VkRestoreOptions options;
	VkSnapshot *snapshot;
	VkView *view;
	VkVault *vault; /* of snapshots on arrays; else NULL */
	GError *error;
} PlanBed;

extern PlanBed bed;

/* Of a file in the directory. New string. */
char *path_in(const char *name);
void touch(const char *name);

/* New strings. */
char *domain_xml(const char *name, const char *disks);
char *file_disk(const char *target, const char *name);

/* The disks of the snapshot's guest. */
void set_xml(const char *disks);

/* A list of options, of WORDS with commas between them. */
void set_list(char ***list, const char *words);

/* The guest is on the host as the snapshot has it, and is restored in place. */
void put_in_place(void);

/* Plans the snapshot made so far: NULL and bed.error on failure, or a failure ends the test. */
VkRestorePlan *plan(void);
VkRestorePlan *must_plan(void);
VkRestorePlan *plan_in_place(void);
VkRestoreItem *item_at(const VkRestorePlan *made, guint i);

/* The plan must be refused with CODE and a message that names WORD. */
void assert_refused(int code, const char *word);

/* The same of the options, which are empty afterwards: a usage error. */
void assert_usage(const char *word);

/* A test that runs COUNT times, with _i from 0. */
typedef struct VkPlanTest {
	const TTest *test;
	int count;
} VkPlanTest;

/* Run the tests; the exit status. */
int run_plan_loops(const char *name, const VkPlanTest *tests, gsize count);
int run_plan_tests(const char *name, const TTest *const *tests, gsize count);
