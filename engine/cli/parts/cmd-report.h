/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The forms of a report: "virtkeep report". Threads: one at a time. */
#pragma once

#include "report.h"

#include <glib.h>
#include <jansson.h>
#include <stdio.h>

/* "2 guests need a hand on kvm1", for a title or a mail's subject. New string. */
char *vk_report_title(const VkReport *report);

/* What is to be said of a guest besides its columns; "-" for nothing. New string. */
char *vk_report_note(const VkReport *report, const VkReportGuest *guest);

/* Sentences about the vault: its size and room, growth, checks. New strings, NULL-terminated. */
char **vk_report_vault_lines(const VkReport *report);

/* One for each volume of arrays, how it is replicated. Likewise; none without arrays. */
char **vk_report_array_lines(const VkReport *report);

void vk_report_print_text(const VkReport *report, FILE *out);

/* One page that needs nothing else. New string. */
char *vk_report_to_html(const VkReport *report);
json_t *vk_report_to_document(const VkReport *report); /* for programs; new reference */

/* Parts of it, likewise. */
json_t *vk_report_guests_to_json(const VkReport *report);
json_t *vk_report_needs_to_json(const VkReport *report);
