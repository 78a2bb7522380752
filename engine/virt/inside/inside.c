/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inside.h"

#include "agent-command.h"
#include "errors.h"
#include "guest-agent.h"
#include "json.h"
#include "polling.h"

#include <string.h>

/* No backup freezes a guest for longer. */
#define FROZEN_SEC 60

struct VkInside {
	VkGuest *guest;
	guint timeout_sec;
};

static gboolean is_frozen(VkInside *inside)
{
	g_autoptr(json_t) status = vk_agent_command(inside->guest, "guest-fsfreeze-status", NULL,
						    inside->timeout_sec, NULL);

	return g_strcmp0(json_string_value(status), "frozen") == 0;
}

/* A frozen guest's agent executes nothing, so what it has refused is asked for again. */
static json_t *call(VkInside *inside, const char *command, json_t *arguments, GError **error)
{
	gint64 deadline = vk_deadline(FROZEN_SEC);
	guint pause = 0;

	for (;;) {
		g_autoptr(GError) trouble = NULL;
		json_t *answer = vk_agent_command(inside->guest, command, arguments,
						  inside->timeout_sec, &trouble);

		if (answer)
			return answer;
		/* One that was late may have been executed. */
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY) || !is_frozen(inside) ||
		    vk_deadline_passed(deadline)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return NULL;
		}
		vk_poll_pause(&pause);
	}
}

/* ---- whether it can ---- */

static gboolean has_command(const json_t *commands, const char *name)
{
	size_t i;
	json_t *command;

	json_array_foreach (commands, i, command)
		if (g_strcmp0(json_string_value(json_object_get(command, "name")), name) == 0)
			return json_is_true(json_object_get(command, "enabled"));
	return FALSE;
}

static gboolean check_commands(VkInside *inside, GError **error)
{
	static const char *const wanted[] = {"guest-exec", "guest-exec-status"};
	g_autoptr(json_t) info =
		vk_agent_command(inside->guest, "guest-info", NULL, inside->timeout_sec, error);
	const json_t *commands = json_object_get(info, "supported_commands");

	if (!info)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
		if (!has_command(commands, wanted[i]))
			return vk_fail(error, VK_ERROR_FAILED,
				       "its guest agent does not run programs, because '%s' is "
				       "disabled: inside the guest, allow 'guest-exec' and "
				       "'guest-exec-status' in '/etc/sysconfig/qemu-ga' (RHEL) or "
				       "'/etc/qemu/qemu-ga.conf', and restart qemu-guest-agent",
				       wanted[i]);
	return TRUE;
}

static gboolean check_runs(VkGuest *guest, GError **error)
{
	VkGuestState state;

	if (!vk_guest_get_state(guest, &state, error))
		return FALSE;
	if (state == VK_GUEST_OFF)
		return vk_fail(error, VK_ERROR_FAILED,
			       "it is shut off: start it, or copy to a "
			       "directory of this host");
	return state == VK_GUEST_RUNNING ||
	       vk_fail(error, VK_ERROR_FAILED, "it does not run: %s", vk_guest_why_still(guest));
}

/* Other systems have other shells. */
static gboolean check_shell(VkInside *inside, GError **error)
{
	static const char *const words[] = {NULL};
	const VkScript script = {.text = "exit 0", .words = words};
	g_auto(VkOutcome) outcome = {0};

	if (vk_inside_run(inside, &script, inside->timeout_sec, &outcome, error))
		return outcome.status == 0 ||
		       vk_fail(error, VK_ERROR_FAILED, "its '/bin/sh' runs no scripts");
	g_prefix_error(error, "files can be put into guests with '/bin/sh' only: ");
	return FALSE;
}

VkInside *vk_inside_open(VkGuest *guest, guint timeout_sec, GError **error)
{
	g_autoptr(VkInside) inside = g_new(VkInside, 1);

	*inside = (VkInside){.guest = guest, .timeout_sec = timeout_sec};
	if (!check_runs(guest, error) || !vk_agent_check(guest, error))
		return NULL;
	if (is_frozen(inside)) {
		vk_fail(error, VK_ERROR_BUSY,
			"its file systems are frozen: wait for the backup that has frozen them, or "
			"end that by 'virsh domfsthaw %s'",
			vk_guest_name(guest));
		return NULL;
	}
	return check_commands(inside, error) && check_shell(inside, error)
		       ? g_steal_pointer(&inside)
		       : NULL;
}

void vk_inside_free(VkInside *inside)
{
	g_free(inside);
}

/* ---- scripts ---- */

gboolean vk_inside_start(VkInside *inside, const VkScript *script, gint64 *ret_pid, GError **error)
{
	g_autofree char *input = g_base64_encode(script->input, script->length);
	g_autoptr(json_t) words = json_pack("[s, s, s]", "-c", script->text, "virtkeep");
	g_autoptr(json_t) arguments = NULL;
	g_autoptr(json_t) answer = NULL;
	const json_t *pid;

	for (const char *const *word = script->words; *word; word++)
		json_array_append_new(words, json_string(*word));
	arguments = json_pack("{s:s, s:O, s:s, s:b}", "path", "/bin/sh", "arg", words, "input-data",
			      input, "capture-output", 1);
	answer = call(inside, "guest-exec", arguments, error);
	if (!answer)
		return FALSE;
	pid = json_object_get(answer, "pid");
	*ret_pid = json_integer_value(pid);
	return json_is_integer(pid) ||
	       vk_fail(error, VK_ERROR_FAILED, "its guest agent names no process");
}

void vk_outcome_clear(VkOutcome *outcome)
{
	g_clear_pointer(&outcome->out, g_free);
	g_clear_pointer(&outcome->errors, g_free);
}

/* What is in the member KEY of ANSWER in base 64. New string. */
static char *take_output(const json_t *answer, const char *key, gsize *ret_length)
{
	const char *text = json_string_value(json_object_get(answer, key));
	guchar *bytes = text ? g_base64_decode(text, ret_length) : NULL;
	char *output = bytes ? g_strndup("", *ret_length) : g_strdup("");

	if (bytes)
		memcpy(output, bytes, *ret_length);
	else
		*ret_length = 0;
	g_free(bytes);
	return output;
}

static void take_outcome(const json_t *answer, VkOutcome *ret)
{
	const json_t *status = json_object_get(answer, "exitcode");
	gsize length;

	ret->status = json_is_integer(status) ? (int)json_integer_value(status) : -1;
	ret->out = take_output(answer, "out-data", &ret->length);
	ret->errors = g_strchomp(take_output(answer, "err-data", &length));
}

gboolean vk_inside_wait(VkInside *inside, gint64 pid, guint timeout_sec, VkOutcome *ret,
			GError **error)
{
	gint64 deadline = vk_deadline(timeout_sec);
	g_autoptr(json_t) arguments = json_pack("{s:I}", "pid", (json_int_t)pid);
	guint pause = 0;

	for (;;) {
		g_autoptr(json_t) answer = call(inside, "guest-exec-status", arguments, error);

		if (!answer)
			return FALSE;
		if (json_is_true(json_object_get(answer, "exited"))) {
			take_outcome(answer, ret);
			return TRUE;
		}
		if (vk_deadline_passed(deadline))
			return vk_fail(error, VK_ERROR_FAILED,
				       "a script in it has not ended within %u s", timeout_sec);
		vk_poll_pause(&pause);
	}
}

gboolean vk_inside_run(VkInside *inside, const VkScript *script, guint timeout_sec, VkOutcome *ret,
		       GError **error)
{
	gint64 pid;

	return vk_inside_start(inside, script, &pid, error) &&
	       vk_inside_wait(inside, pid, timeout_sec, ret, error);
}
