/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of domain XML share: the corpus of definitions, and what a rewriting changed. Two
 * trees are compared as multisets of lines, one for each attribute and text, so that nothing is
 * lost unnoticed. Failures end the test.
 */
#pragma once

#include "domain-rewrite.h"

#include <check.h>
#include <glib.h>

/* The definition NAME of the corpus. New string. */
char *load(const char *name);

/* XML with the changes. New string. */
char *rewrite(const char *xml, const VkDomainChanges *changes);

/* The lines of XML, sorted. New array. */
GPtrArray *flatten(const char *xml);

/* "- LINE" for what is only in BEFORE, "+ LINE" for what is only in AFTER. New string. */
char *difference(const char *before, const char *after);

/* The changes make this difference to the definition NAME. */
void assert_difference(const char *name, const VkDomainChanges *changes, const char *expected);

/* Runs the tests that ADD adds; the exit status. */
int run_domain_tests(const char *name, void (*add)(TCase *tests));
