/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep replicate". */
#include "cmd.h"

#include "current-task.h"
#include "errors.h"
#include "event.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "replicate.h"
#include "table.h"
#include "text.h"
#include "when.h"

#include <stdio.h>

#define NEWEST_MAX 1000000u

typedef struct Arguments {
	char *from, *to, *since, *newest, *rate;
	gboolean mirror, decrypt, dry_run;
} Arguments;

/* What is reported as the snapshots are done. */
typedef struct Report {
	json_t *snapshots, *failed;
	gboolean has_text, dry_run;
	guint failures;
} Report;

static const char *outcome_word(VkReplicaOutcome outcome)
{
	static const char *const words[VK_REPLICA_OUTCOMES] = {
		[VK_REPLICA_SENT] = "replicated",     [VK_REPLICA_PRESENT] = "present",
		[VK_REPLICA_LEFT] = "left-forgotten", [VK_REPLICA_ON_ARRAY] = "on-array",
		[VK_REPLICA_BACK] = "listed-again",   [VK_REPLICA_DROPPED] = "forgotten",
		[VK_REPLICA_FAILED] = "failed",
	};

	return words[outcome];
}

static void print_sent(const VkReplica *replica, gboolean dry_run)
{
	g_autofree char *read = vk_size_text(replica->read);
	g_autofree char *stored = vk_size_text(replica->stored);

	if (dry_run)
		vk_print_line(stdout, "%s: would be replicated", replica->name);
	else
		vk_print_line(stdout, "%s: replicated; %s read, %s stored", replica->name, read,
			      stored);
}

static void print_replica(const VkReplica *replica, gboolean dry_run)
{
	const char *would = dry_run ? "would be " : "";

	switch (replica->outcome) {
	case VK_REPLICA_SENT:
		print_sent(replica, dry_run);
		break;
	case VK_REPLICA_LEFT:
		vk_print_line(stdout, "%s: forgotten there, and stays so", replica->name);
		break;
	case VK_REPLICA_ON_ARRAY:
		vk_print_line(stdout,
			      "%s: not replicated, an array alone has some of its disks; "
			      "'virtkeep copy' reads them into the vault",
			      replica->name);
		break;
	case VK_REPLICA_BACK:
		vk_print_line(stdout, "%s: %slisted there again", replica->name, would);
		break;
	case VK_REPLICA_DROPPED:
		vk_print_line(stdout, "%s: %sforgotten there", replica->name, would);
		break;
	case VK_REPLICA_PRESENT:
	case VK_REPLICA_FAILED:
	case VK_REPLICA_OUTCOMES:
		break;
	}
	fflush(stdout);
}

static json_t *to_json(const VkReplica *replica)
{
	json_t *object = json_pack("{s:o, s:o, s:s, s:s, s:s}", "snapshot",
				   vk_json_new_string(replica->name), "guest",
				   vk_json_new_string(replica->guest), "uuid", replica->key->uuid,
				   "time", replica->key->time, "id", replica->key->id);

	if (replica->trouble) {
		json_object_set_new(object, "code", json_string(vk_error_word(replica->trouble)));
		json_object_set_new(object, "error", vk_json_new_string(replica->trouble->message));
		return object;
	}
	json_object_set_new(object, "outcome", json_string(outcome_word(replica->outcome)));
	json_object_set_new(object, "read", vk_json_new_uint(replica->read));
	json_object_set_new(object, "new", vk_json_new_uint(replica->fresh));
	json_object_set_new(object, "stored", vk_json_new_uint(replica->stored));
	return object;
}

/* Of what failed, and of what is there now; RESULT is what the document says of it. */
static void tell_event(const VkReplica *replica, json_t *result)
{
	gboolean failed = replica->trouble != NULL;
	g_autofree char *text = failed ? g_strdup_printf("cannot replicate '%s': %s", replica->name,
							 replica->trouble->message)
				       : g_strdup_printf("'%s' is replicated", replica->name);
	g_autoptr(json_t) details = json_pack("{s:O}", "result", result);
	VkEvent event = {.kind = failed ? VK_EVENT_GUEST_FAILED : VK_EVENT_GUEST_DONE,
			 .text = text,
			 .guest = replica->guest,
			 .snapshot = replica->name};

	if (failed) {
		event.code = vk_error_word(replica->trouble);
		vk_log_event(&event);
	} else if (replica->outcome == VK_REPLICA_SENT) {
		event.details = details;
		vk_event_tell(&event);
	}
}

static void tell(gpointer user, const VkReplica *replica)
{
	Report *report = user;
	g_autoptr(json_t) result = to_json(replica);

	json_array_append(replica->trouble ? report->failed : report->snapshots, result);
	if (replica->trouble || !report->dry_run)
		tell_event(replica, result);
	if (!replica->trouble && report->has_text)
		print_replica(replica, report->dry_run);
}

static void print_total(const VkReplicateResult *result, const VkVault *to, gboolean dry_run)
{
	g_autofree char *sent = vk_count_text(result->count[VK_REPLICA_SENT], "snapshot");
	g_autofree char *stored = vk_size_text(result->stored);
	guint present = result->count[VK_REPLICA_PRESENT];

	if (dry_run)
		vk_print_line(stdout, "%s would be replicated to '%s'; %u there already", sent,
			      vk_vault_url(to), present);
	else
		vk_print_line(stdout, "%s replicated to '%s', %s stored; %u there already", sent,
			      vk_vault_url(to), stored, present);
}

static void add_total(const VkVault *from, const VkVault *to, const VkReplicateResult *result,
		      json_t *json)
{
	json_object_set_new(json, "from", vk_json_new_string(vk_vault_url(from)));
	json_object_set_new(json, "to", vk_json_new_string(vk_vault_url(to)));
	json_object_set_new(json, "present", json_integer(result->count[VK_REPLICA_PRESENT]));
	json_object_set_new(json, "new", vk_json_new_uint(result->fresh));
	json_object_set_new(json, "stored", vk_json_new_uint(result->stored));
}

static gboolean check_failures(const VkReplicateResult *result, const VkVault *from, GError **error)
{
	guint failed = result->count[VK_REPLICA_FAILED], all = 0;
	g_autofree char *text = NULL;

	if (failed == 0)
		return TRUE;
	for (guint i = 0; i < VK_REPLICA_OUTCOMES; i++)
		all += result->count[i];
	text = vk_count_text(all, "snapshot");
	if (result->is_damaged)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "%u of %s could not be replicated: the vault '%s' is damaged; "
			       "'virtkeep verify --data' shows more",
			       failed, text, vk_vault_url(from));
	return vk_fail(error, failed < all ? VK_ERROR_PARTIAL : VK_ERROR_FAILED,
		       "%u of %s could not be replicated", failed, text);
}

static gboolean replicate(const VkProgram *program, VkVault *from, VkVault *to,
			  VkReplicateOptions *options, GError **error)
{
	Report report = {.snapshots = json_array(),
			 .failed = json_array(),
			 .has_text = !program->json && !program->quiet,
			 .dry_run = options->dry_run};
	g_autoptr(json_t) json =
		json_pack("{s:o, s:o}", "snapshots", report.snapshots, "failed", report.failed);
	VkReplicateResult result;
	gboolean done;

	options->on_done = tell;
	options->user = &report;
	done = vk_vault_replicate(from, to, options, &result, error);
	add_total(from, to, &result, json);
	vk_task_result(json, program->json);
	if (done && report.has_text)
		print_total(&result, to, options->dry_run);
	return done && check_failures(&result, from, error);
}

static gboolean take_arguments(const Arguments *arguments, VkReplicateOptions *options,
			       GError **error)
{
	guint64 newest = 0;
	VkWhen when;

	options->mirror = arguments->mirror;
	options->decrypt = arguments->decrypt;
	options->dry_run = arguments->dry_run;
	options->since = G_MININT64;
	if (!arguments->to)
		return vk_fail(error, VK_ERROR_USAGE,
			       "no other vault named: write --to URL, or --to NAME with a section "
			       "[vault NAME] in the configuration");
	if (arguments->newest &&
	    !g_ascii_string_to_unsigned(arguments->newest, 10, 1, NEWEST_MAX, &newest, NULL))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--newest must be a whole number from 1 to %u, not '%s'", NEWEST_MAX,
			       arguments->newest);
	options->newest = (guint)newest;
	if (!arguments->since)
		return TRUE;
	if (!vk_when_parse_moment(arguments->since, g_get_real_time() / G_USEC_PER_SEC, &when,
				  error))
		return FALSE;
	options->since = when.first;
	return TRUE;
}

static gboolean run(const VkProgram *program, const Arguments *arguments, char *const *names,
		    GError **error)
{
	VkReplicateOptions options = {
		.names = names,
		.workers = (guint)vk_settings_get_uint(program->settings, "backup", "workers"),
	};
	g_autoptr(VkVault) from = NULL;
	g_autoptr(VkVault) to = NULL;
	guint64 bytes_per_sec;
	VkRateLimit limit;
	gboolean done;

	if (!take_arguments(arguments, &options, error) ||
	    !vk_cmd_parse_rate(arguments->rate, &bytes_per_sec, error))
		return FALSE;
	if (!options.dry_run)
		vk_task_begin(program->settings, "replicate");
	from = vk_open_vault(program, arguments->from, VK_VAULT_READ, error);
	if (from)
		to = vk_open_vault(program, arguments->to,
				   options.dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	if (!to)
		return FALSE;
	vk_rate_limit_init(&limit, bytes_per_sec);
	options.limit = &limit;
	done = replicate(program, from, to, &options, error);
	vk_rate_limit_clear(&limit);
	return done;
}

gboolean vk_cmd_replicate(VkProgram *program, int argc, char **argv, GError **error)
{
	Arguments given = {0};
	const GOptionEntry entries[] = {
		{"to", 0, 0, G_OPTION_ARG_FILENAME, &given.to,
		 "The other vault: a URL, or the NAME of a section [vault NAME]", "URL"},
		{"from", 0, 0, G_OPTION_ARG_FILENAME, &given.from,
		 "The vault to be read (default: that of --vault)", "URL"},
		{"newest", 0, 0, G_OPTION_ARG_STRING, &given.newest,
		 "Only the newest N snapshots of each guest", "N"},
		{"since", 0, 0, G_OPTION_ARG_STRING, &given.since,
		 "Only from then on, like 2026-11-28, yesterday or 2026-11-28T07:30", "WHEN"},
		{"mirror", 0, 0, G_OPTION_ARG_NONE, &given.mirror,
		 "Forget there what was forgotten here, and list there again what is listed here",
		 NULL},
		{"decrypt", 0, 0, G_OPTION_ARG_NONE, &given.decrypt,
		 "Go on if the vault is encrypted and the other one is not", NULL},
		{"limit-rate", 0, 0, G_OPTION_ARG_STRING, &given.rate,
		 "Limit the reading, per second (default 0: no limit)", "MIB"},
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &given.dry_run,
		 "Change nothing, print what would be replicated", NULL},
		G_OPTION_ENTRY_NULL,
	};
	char **names = NULL;
	gboolean done;

	program->command = "replicate";
	done = vk_cmd_parse(
		       program, "replicate [SNAPSHOT...]",
		       "Sends snapshots into another vault, where they have the same ids and "
		       "times. Only what\nthat vault does not have is sent. Names are those of "
		       "guests, for all their snapshots, or\nGUEST@TIME; without names it is "
		       "for all guests.",
		       entries, -1, argc, argv, &names, error) &&
	       run(program, &given, names, error);
	g_free(given.to);
	g_free(given.from);
	g_free(given.newest);
	g_free(given.since);
	g_free(given.rate);
	return done;
}
