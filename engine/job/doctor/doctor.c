/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor.h"

#include "doctor-priv.h"
#include "errors.h"

static gboolean examine(VkDoctorVisit *visit, GError **error)
{
	const VkGuestFacts *facts = visit->facts = vk_guest_get_facts(visit->guest, error);

	if (!facts)
		return FALSE;
	visit->domain = vk_domain_parse(vk_guest_facts_present_xml(facts), error);
	if (!visit->domain || !vk_doctor_examine_hold(visit, error) ||
	    !vk_doctor_examine_job(visit, error) || !vk_doctor_examine_checkpoints(visit, error) ||
	    !vk_doctor_examine_arrays(visit, error))
		return FALSE;
	vk_doctor_examine_files(visit);
	return TRUE;
}

gboolean vk_doctor_guest(VkHost *host, VkGuest *guest, const VkDoctorOptions *options,
			 GPtrArray *findings, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	VkDoctorVisit visit = {
		.host = host,
		.guest = guest,
		.options = options,
		.paths = {.scratch_dir = options->scratch_dir, .run_dir = options->run_dir},
		.findings = findings,
	};
	gboolean ok;

	visit.lock = vk_guest_lock_take(options->run_dir, vk_guest_uuid(guest),
					vk_guest_name(guest), &trouble);
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY)) {
		vk_doctor_add(&visit, "busy", g_strdup(trouble->message), NULL);
		return TRUE;
	}
	ok = visit.lock && examine(&visit, &trouble);
	vk_guest_facts_free(visit.facts);
	vk_domain_free(visit.domain);
	vk_guest_lock_free(visit.lock);
	if (ok)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	g_prefix_error(error, "guest '%s': ", vk_guest_name(guest));
	return FALSE;
}
