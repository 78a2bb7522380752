/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report for programs. */
#include "cmd-report.h"

#include "json.h"
#include "timestamp.h"

static json_t *guest_to_json(const VkReport *report, const VkReportGuest *guest)
{
	g_autofree char *failed =
		guest->error ? vk_time_format(guest->failed / G_USEC_PER_SEC) : NULL;
	g_autofree char *tested =
		guest->tested ? vk_time_format(guest->tested / G_USEC_PER_SEC) : NULL;
	json_t *object =
		json_pack("{s:o, s:o, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:i, s:i}", "guest",
			  vk_json_new_string(guest->name), "uuid", vk_json_new_string(guest->uuid),
			  "host", vk_json_new_string(guest->host), "on_host", guest->on_host,
			  "state", vk_saved_state_word(guest->state), "left_out",
			  vk_json_new_string(guest->skip), "time", vk_json_new_string(guest->time),
			  "age", guest->time ? json_integer(guest->age_sec) : json_null(), "grade",
			  vk_json_new_string(guest->grade), "snapshots", (int)guest->snapshots,
			  "damaged", (int)guest->damaged);

	json_object_set_new(object, "excluded", vk_json_new_string(guest->excluded));
	json_object_set_new(object, "array_only",
			    json_boolean(guest->time && guest->on_array_only));
	json_object_set_new(object, "error", vk_json_new_string(guest->error));
	json_object_set_new(object, "failed", vk_json_new_string(failed));
	json_object_set_new(object, "boot_test", vk_json_new_string(tested));
	json_object_set_new(object, "stored",
			    report->has_space
				    ? vk_json_new_uint(guest->space.unique + guest->space.shared)
				    : json_null());
	json_object_set_new(object, "growth_7_days",
			    report->has_space ? vk_json_new_uint(guest->space.week) : json_null());
	return object;
}

static json_t *need_to_json(const VkNeed *need)
{
	return json_pack("{s:s, s:o}", "level", need->level == VK_NEED_NOW ? "critical" : "warning",
			 "text", vk_json_new_string(need->text));
}

static json_t *check_to_json(const VkCheckRecord *record)
{
	g_autofree char *time = record->time ? vk_time_format(record->time) : NULL;

	return time ? json_pack("{s:s, s:I}", "time", time, "damages", (json_int_t)record->errors)
		    : json_null();
}

static json_t *vault_to_json(const VkReport *report)
{
	const VkVaultUsage *usage = &report->usage;
	const VkHealthSummary *health = &report->health;
	g_autofree char *oldest =
		health->oldest ? vk_time_format(health->oldest / G_USEC_PER_SEC) : NULL;

	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:i, s:i, s:o, s:i}}", "url",
			 vk_json_new_string(report->vault), "id", report->vault_id, "bytes",
			 vk_json_new_uint(usage->bytes), "free",
			 usage->has_room ? vk_json_new_uint(usage->free) : json_null(), "total",
			 usage->has_room ? vk_json_new_uint(usage->total) : json_null(), "full_in",
			 report->full_in_sec >= 0 ? json_integer(report->full_in_sec) : json_null(),
			 "last_check", check_to_json(&report->check), "last_data_check",
			 check_to_json(&report->data_check), "read_back", "packs",
			 (int)health->packs, "unread", (int)health->unread, "oldest",
			 vk_json_new_string(oldest), "damaged", (int)health->damaged);
}

static json_t *arrays_to_json(const VkReport *report)
{
	json_t *list = json_array();

	for (guint i = 0; report->replications && i < report->replications->len; i++) {
		const VkReplication *one = g_ptr_array_index(report->replications, i);

		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:o, s:b, s:o, s:o}", "array",
				  vk_json_new_string(one->array), "source",
				  vk_json_new_string(one->source), "destination",
				  vk_json_new_string(one->destination), "healthy", one->is_healthy,
				  "reason", vk_json_new_string(one->reason), "lag",
				  one->lag < 0 ? json_null() : json_integer(one->lag)));
	}
	return list;
}

json_t *vk_report_guests_to_json(const VkReport *report)
{
	json_t *guests = json_array();

	for (guint i = 0; i < report->guests->len; i++)
		json_array_append_new(guests,
				      guest_to_json(report, g_ptr_array_index(report->guests, i)));
	return guests;
}

json_t *vk_report_needs_to_json(const VkReport *report)
{
	json_t *needs = json_array();

	for (guint i = 0; i < report->needs->len; i++)
		json_array_append_new(needs, need_to_json(g_ptr_array_index(report->needs, i)));
	return needs;
}

json_t *vk_report_to_document(const VkReport *report)
{
	g_autofree char *time = vk_time_format(report->now);

	return json_pack("{s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "time", time, "host",
			 vk_json_new_string(report->host), "host_known", report->host_known,
			 "host_error", vk_json_new_string(report->host_error), "needs",
			 vk_report_needs_to_json(report), "guests",
			 vk_report_guests_to_json(report), "vault", vault_to_json(report), "arrays",
			 arrays_to_json(report));
}
